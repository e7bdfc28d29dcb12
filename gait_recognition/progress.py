"""How far long work is, and how much time is left: a line on a terminal, nothing elsewhere."""
import sys
import time


class Progress:
    """A line that shows how far long work is and how much time is left, on a terminal only.

    Parameters
    ----------
    total : int
    what : str
    stream : file, optional
        Standard error by default.
    """

    def __init__(self, total, what, stream=None, done=0):
        self.total, self.what, self.stream = total, what, stream or sys.stderr
        self.start, self.first, self.shown = time.monotonic(), done, 0.0
        self.is_terminal = self.stream.isatty()

    def __call__(self, done, note=''):
        now = time.monotonic()
        if not self.is_terminal or (now - self.shown < 0.2 and done < self.total):
            return
        self.shown = now
        left = (now - self.start) / max(1, done - self.first) * (self.total - done)
        self.stream.write(f'\r{self.what} {done}/{self.total}  {_hours(left)} left  {note}\x1b[K')
        self.stream.flush()

    def close(self):
        if self.is_terminal:
            self.stream.write('\r\x1b[K')
            self.stream.flush()


def _hours(seconds):
    return f'{int(seconds) // 3600}:{int(seconds) // 60 % 60:02d}:{int(seconds) % 60:02d}'
