"""Where a recording is cut: its time jumps, or the picture changes all at once. No track leads over a cut."""
import collections
import statistics

import numpy as np

ELSEWHERE = 'before or after a cut'
SAMPLED_EDGE = 64               # pixels of the shorter edge that are compared, ...
CELL = 8                        # in cells of so many
CUT_LEVELS = 8.0                # grey levels by which cells differ on the average across a cut, at least, ...
CUT_TIMES = 6.0                 # and so many times as much as from frame to frame before
RECENT = 25                     # frames before
FEWEST = 5                      # of them before which nothing is said
FLASH_FRAMES = 3                # a change that is gone after so many was no cut


class Cuts:
    """Numbers the parts of pictures that come one after the other, from 0; keeps nothing of what is gone."""

    def __init__(self):
        self._part = self._highest = 0
        self._cells = self._before = None
        self._changes, self._since = collections.deque(maxlen=RECENT), 0

    def add(self, picture, has_jumped=False):
        """The part that the next frame is of.

        Parameters
        ----------
        picture : np.ndarray, uint8 (H, W, 3)
            The frame, at whatever size.
        has_jumped : bool
            Its time did.
        """
        cells = _cells(picture)
        self._since += 1
        if has_jumped:
            self._begin()
        elif self._cells is not None:
            change = _change(self._cells, cells)
            if len(self._changes) >= FEWEST and change > self._threshold():
                self._cut(cells)
            else:
                self._changes.append(change)
        self._cells = cells
        return self._part

    def _threshold(self):
        return max(CUT_LEVELS, CUT_TIMES * statistics.median(self._changes))

    def _begin(self):
        self._part = self._highest = self._highest + (self._cells is not None)
        self._before = None
        self._changes.clear()

    def _cut(self, cells):
        """A new part, or the one before a flash again."""
        if self._before is not None and self._since <= FLASH_FRAMES and \
                _change(self._before[1], cells) < self._threshold():
            self._part, self._before = self._before[0], None
            return
        self._before, self._since = (self._part, self._cells), 0
        self._part = self._highest = self._highest + 1


class Parts(Cuts):
    """Numbers the parts of a recording, from 0, while its frames come.

    Parameters
    ----------
    facts : Facts
        Whose jumps in time are cuts.
    """

    def __init__(self, facts):
        super().__init__()
        self.facts, self.numbers = facts, []                # the part of each frame that came
        self._jumps = 0

    def add(self, number, picture):
        """The part that the next frame is of: number, and picture as of `Cuts`."""
        jumps, before = sum(at <= number for at, _, _ in self.facts.jumps), self._jumps
        self._jumps = max(jumps, before)
        self.numbers.append(super().add(picture, jumps > before))
        return self.numbers[-1]

    def remark(self, chosen, numbers):
        """What is to be said where only the part `chosen` is used, of the frames `numbers`; None of one part."""
        lengths = collections.Counter(self.numbers)
        count = sum(length > FLASH_FRAMES for length in lengths.values())
        if count < 2:
            return None
        used = [number for part, number in zip(self.numbers, numbers) if part == chosen]
        return (f'the recording is cut into {count} parts, which are not one walk: only frames {used[0]} to {used[-1]} '
                'are used')


def _cells(picture):
    """Means of the cells of a picture, (rows, columns)."""
    step = max(1, min(picture.shape[:2]) // SAMPLED_EDGE)
    sample = picture[::step, ::step].mean(axis=2, dtype=np.float32)
    rows, columns = (max(1, edge // CELL) for edge in sample.shape)
    parts = np.add.reduceat(np.add.reduceat(sample, np.linspace(0, sample.shape[0], rows, False).astype(int), 0),
                            np.linspace(0, sample.shape[1], columns, False).astype(int), 1)
    return parts * (rows * columns / sample.size)


def _change(before, after):
    """Grey levels by which cells differ on the average, beside the light's change."""
    light = before.mean() / max(after.mean(), 1.0)
    return float(np.abs(before - after * min(max(light, 0.5), 2.0)).mean())
