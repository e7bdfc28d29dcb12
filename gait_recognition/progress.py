"""How far long work is: `Progress` of anything that is counted, `WalksProgress` of a batch of walks."""
import contextlib
import shutil
import sys
import threading
import time

LINE_SECONDS = 5.0           # between two lines, without tqdm
FILE_SECONDS = 30.0          # between two lines of a batch that go into a file
BAR_SECONDS = 0.5            # between two looks of its bar
BAR = 20                     # characters


def clear_line():
    """Make room on the terminal for a line, where a bar may stand."""
    if sys.stderr.isatty():
        print('\r\x1b[K', end='', file=sys.stderr, flush=True)


class Progress:
    """Shows how far long work is: a bar of tqdm where that is installed, else a line every few seconds.

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


class WalksProgress:
    """Shows how far a batch of walks is: a bar on a terminal, elsewhere a line every half minute.

    A thread of its own looks at how many frames were read, so that nobody has to report them. The time that is left is
    told once each stage of a walk was timed, by the seconds that their frames took; before that nothing is told.

    Parameters
    ----------
    walks : list of int or None
        Frames of each walk by its header, None where it does not say.
    stages : sequence of str
        What is done in each reading of a walk's frames, in order.
    """

    def __init__(self, walks, stages):
        self._frames, self._stages = walks, stages
        self._number, self._source, self._since = -1, None, 0.0
        self._costs = {}                                    # stage: [seconds, frames]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._is_terminal = sys.stderr.isatty()

    def __enter__(self):
        self._begun = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()
        if self._is_terminal:
            clear_line()

    def begin(self, number, source):
        """Walk `number` (from 0) is begun; `source` is its `Frames`, or whatever has a name."""
        self._number, self._stage, self._since = number, 0, time.monotonic()
        self._source = source

    @contextlib.contextmanager
    def showing(self, number, source):
        """`begin`, and the walk is done at the end of the block."""
        self.begin(number, source)
        try:
            yield
        finally:
            self._note_stage()
            self._source = None

    def _note_stage(self):
        """Keep what the stages that are over took."""
        source, now = self._source, time.monotonic()
        readings = getattr(source, 'readings', 0)
        if readings > self._stage:
            cost = self._costs.setdefault(self._stage, [0.0, 0])
            cost[0] += now - self._since
            cost[1] += source.count
            self._stage, self._since = readings, now

    def _watch(self):
        while not self._ended.wait(BAR_SECONDS if self._is_terminal else FILE_SECONDS):
            if self._source is None:
                continue
            line = self.line()
            if self._is_terminal:
                width = shutil.get_terminal_size().columns - 1
                print(f'\r\x1b[K{line[:width]}', end='', file=sys.stderr, flush=True)
            else:
                print(f'gait-recognition: {line}', file=sys.stderr, flush=True)

    def line(self):
        """How far it is, in one line."""
        source = self._source
        self._note_stage()
        total = self._total()
        count = min(getattr(source, 'count', 0), total or sys.maxsize)
        stage = self._stages[min(self._stage, len(self._stages) - 1)]
        if hasattr(source, 'count'):
            stage += f', {count} of {total} frames' if total else f', {count} frames'
        left = self.seconds_left()
        left = '' if left is None else f', {_as_time(left)} left'
        bar = ''
        if self._is_terminal:
            share = (self._number + (count / total if total else 0.0)) / len(self._frames)
            bar = f'[{"#" * round(BAR * share):{BAR}}] '
        return f'{bar}walk {self._number + 1} of {len(self._frames)}, {source.name}: {stage}{left}'

    def _total(self):
        """Frames of the present walk: counted in its first reading, before that those of its header; or None."""
        return (self._stage and getattr(self._source, 'whole', None)) or self._frames[self._number]

    def seconds_left(self):
        """Seconds to the end of the batch; None where a stage, or the length of a walk, is not known yet."""
        if not hasattr(self._source, 'count'):
            now = time.monotonic()
            return (now - self._begun) / self._number * (len(self._frames) - self._number) if self._number else None
        stages = range(len(self._stages))
        ahead = self._frames[self._number + 1:]
        if any(stage not in self._costs for stage in stages) or None in ahead or not self._total():
            return None
        each = [self._costs[stage][0] / max(1, self._costs[stage][1]) for stage in stages]
        own = max(0, self._total() - self._source.count) * (each[self._stage] if self._stage < len(each) else 0.0)
        own += self._total() * sum(each[self._stage + 1:])
        return own + sum(ahead) * sum(each)


def _as_time(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours} h {minutes} min' if hours else f'{minutes} min {seconds} s' if minutes else f'{seconds} s'
