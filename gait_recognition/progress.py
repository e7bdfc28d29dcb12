"""How far long work is: `Progress` of anything that is counted, `WalksProgress` of a batch of walks."""
import contextlib
import shutil
import sys
import threading
import time

from gait_recognition.masking import without_controls

LINE_SECONDS = 5.0           # between two lines, without tqdm
FILE_SECONDS = 30.0          # between two lines of a batch that go into a file
BAR_SECONDS = 0.5            # between two looks of its bar
SURE_SECONDS = 2.0           # of a stage's first frames, until their pace is believed
BAR, SHORTEST_NAME = 20, 8   # characters


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

    A thread of its own looks at how far the work is (`facts.Reached`), so that nobody has to report it. The time that
    is left is told as soon as it is known: once the last stage of the first walk is on its way. Stages that were timed
    count with the seconds that their frames took, the last one with its own frames.

    Parameters
    ----------
    walks : list of int or None
        Frames of each walk by its header, None where it does not say.
    stages : sequence of str
        What is done with a walk's frames, in order, as `Reached.stage` counts.
    """

    def __init__(self, walks, stages):
        self._frames, self._stages = walks, stages
        self._number, self._source, self._since, self._share = -1, None, 0.0, 0.0
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
            self._end_stage()
            self._source = None

    def _note_stage(self):
        """Keep what stages that are over took."""
        stage = getattr(getattr(self._source, 'reached', None), 'stage', 0)
        if stage > self._stage:
            self._end_stage()
            self._stage = stage

    def _end_stage(self):
        now, whole = time.monotonic(), getattr(getattr(self._source, 'reached', None), 'whole', 0)
        if whole:
            cost = self._costs.setdefault(self._stage, [0.0, 0])
            cost[0] += now - self._since
            cost[1] += whole
        self._since = now

    def _watch(self):
        while not self._ended.wait(BAR_SECONDS if self._is_terminal else FILE_SECONDS):
            if self._source is None:
                continue
            if self._is_terminal:
                width = shutil.get_terminal_size().columns - 1
                print(f'\r\x1b[K{without_controls(self.line(width)[:width])}', end='', file=sys.stderr, flush=True)
            else:
                print(f'gait-recognition: {without_controls(self.line())}', file=sys.stderr, flush=True)

    def line(self, width=sys.maxsize):
        """How far it is, in one line; on a terminal the name comes last, as much of its end as there is room for."""
        source = self._source
        self._note_stage()
        total, reached = self._total(), getattr(source, 'reached', None)
        stage, count = self._stages[min(self._stage, len(self._stages) - 1)], 0
        if reached is not None:
            count = min(reached.count, total or sys.maxsize)
            stage += f', {count} of {total} frames' if total else f', {count} frames'
        left = self.seconds_left()
        left = f', {_as_time(left)} left' if left and left >= 1 else ''     # less is said by being done
        walk = f'walk {self._number + 1} of {len(self._frames)}'
        if not self._is_terminal:
            return f'{walk}, {source.name}: {stage}{left}'
        share = (self._number + self._share_of_walk(count, total)) / len(self._frames)
        self._share = max(share, self._share)               # frames that are read again do not draw it back
        line = f'[{"#" * round(BAR * self._share):{BAR}}] {walk}: {stage}{left}'
        room, name = width - len(line) - len(', '), source.name
        if len(name) > room:
            name = f'...{name[3 - room:]}' if room >= SHORTEST_NAME else ''
        return f'{line}, {name}' if name else line

    def _share_of_walk(self, count, total):
        """How much of the present walk is done, each stage by what it takes where that is known."""
        costs = [self._cost(stage) or 0.0 for stage in range(len(self._stages))]
        costs = costs if all(costs) else [1.0] * len(costs)
        done = sum(costs[:self._stage])
        if total and self._stage < len(costs):
            done += costs[self._stage] * count / total
        return min(1.0, done / sum(costs))

    def _total(self):
        """Frames of the present walk: counted in its first reading, before that those of its header; or None."""
        return getattr(getattr(self._source, 'reached', None), 'whole', None) or self._frames[self._number]

    def _cost(self, stage):
        """Seconds a frame of a stage; None where that is not known."""
        if stage in self._costs:
            seconds, frames = self._costs[stage]
            return seconds / max(1, frames)
        running = time.monotonic() - self._since
        if stage == self._stage == len(self._stages) - 1 and running >= SURE_SECONDS and self._source.reached.count:
            return running / self._source.reached.count
        return None

    def seconds_left(self):
        """Seconds to the end of the batch; None where a stage, or the length of a walk, is not known yet."""
        if getattr(self._source, 'reached', None) is None:
            now = time.monotonic()
            return (now - self._begun) / self._number * (len(self._frames) - self._number) if self._number else None
        each = [self._cost(stage) for stage in range(len(self._stages))]
        ahead, total = self._frames[self._number + 1:], self._total()
        if None in each or None in ahead or not total or self._stage >= len(each):
            return None
        if self._stage == len(each) - 1:
            own = max(0, total - self._source.reached.count) * each[-1]
        else:                                               # its frames may be read several times
            own = max(0.0, total * each[self._stage] - (time.monotonic() - self._since))
        return own + total * sum(each[self._stage + 1:]) + sum(ahead) * sum(each)


def _as_time(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours} h {minutes} min' if hours else f'{minutes} min {seconds} s' if minutes else f'{seconds} s'
