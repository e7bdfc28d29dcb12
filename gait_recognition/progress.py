"""How far long work is: a bar of tqdm where that is installed, else a line every few seconds; on a terminal only."""
import sys
import time

LINE_SECONDS = 5.0           # between two lines, without tqdm


class Progress:
    """Shows how far long work is.

    Parameters
    ----------
    total : int or None
        None where it is not known.
    what : str
        What is counted.
    done : int
        Of it before this start.
    unit : {'', 'B'}
        'B' for bytes.
    stream : file, optional
        Standard error by default. Nothing is written where it is no terminal.
    """

    def __init__(self, total, what, done=0, unit='', stream=None):
        self.total, self.what, self.unit = total, what, unit
        self.stream = stream or sys.stderr
        self._bar, self._next = None, time.monotonic() + LINE_SECONDS
        if not self.stream.isatty():
            self._next = float('inf')
            return
        try:
            from tqdm import tqdm
        except ImportError:
            return
        self._bar = tqdm(total=total, desc=what, initial=done, unit=unit or 'it', unit_scale=unit == 'B', leave=False,
                         file=self.stream, dynamic_ncols=True)

    def __call__(self, done, note='', total=None):
        """`done` is reached; `note` stands behind it; `total` is known now."""
        self.total = total or self.total
        if self._bar is not None:
            self._bar.total = self.total
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done - self._bar.n)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_SECONDS
            of = f' of {self.total}' if self.total else ''
            print(f'{self.what}: {done}{of} {self.unit} {note}'.rstrip(), file=self.stream, flush=True)

    def close(self):
        if self._bar is not None:
            self._bar.close()
