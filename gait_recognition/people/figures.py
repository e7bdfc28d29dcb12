"""One figure that is followed before a still background: where it is, how it moves, and what it looks like.

Places are pixels of the small pictures that `tracking.background` looks at.
"""
import math

import numpy as np

ROWS, COLUMNS = 40, 30          # of a template, which is as tall as its figure
TRUNK = 0.45                    # of a figure's height: head and trunk, which swing least
COLOUR_LEVELS = 40.0            # grey levels by which a point's colour changes while it stays the same
LEARNING = 0.08                 # share of each new picture in a template
PACE_SECONDS = 1.0              # of steady steps that tell the pace
USUAL_WIDTH = 0.42              # of the height, over a stride
SEEN = 0.25                     # of a template found again: less, and the figure is hidden
SHIFT, BOUNCE = 0.16, 0.04      # of the height: how far off its expected place a figure is looked for
DOUBT = 4.0                     # how much a shift by a whole height counts against what is seen there, squared
FIRM = 5                        # clean sights from which a figure's size is known

ALONE, BORDER, TOGETHER, HIDDEN = 'alone', 'border', 'together', 'hidden'


class Figure:
    """One figure.

    Attributes
    ----------
    times : list of int
        Of the sights, ascending, in frames looked at.
    boxes : list of np.ndarray (4,)
        Top, left, bottom, right (exclusive).
    states : list of str
        `ALONE`, `BORDER`, `TOGETHER` or `HIDDEN`, of each.
    """

    def __init__(self, rate):
        self.rate = rate
        self.times, self.boxes, self.states = [], [], []
        self.height = self.middle = self.feet = None        # of the body; column of the trunk, row of the soles
        self.pace = 0.0                                     # columns a frame
        self.drift = 0.0                                    # rows a frame
        self.area = 0.0
        self.clean = []                                     # (time, middle, feet) of clean sights of late
        self.colours, self.share = None, None               # (ROWS, COLUMNS, 3), (ROWS, COLUMNS)
        self.seen = 1.0                                     # share of the template found in the latest frame
        self.missing = 0
        self.group = None                                   # (time, middle, pace) when it met others

    @property
    def is_firm(self):
        return len(self.clean) >= FIRM

    def expected(self, time):
        """(feet, middle) where the figure would be by now."""
        late = time - self.times[-1]
        return self.feet + self.drift * late, self.middle + self.pace * late

    def box_at(self, feet, middle, width=USUAL_WIDTH):
        half = width * self.height / 2
        return np.array([feet - self.height, middle - half, feet, middle + half])

    # Sights

    def see(self, time, blob, picture, state):
        """The figure alone, as a blob shows it."""
        top, left, bottom, right = blob.box
        height, middle = bottom - top, blob.middle
        if state == ALONE:
            self.height = height if not self.is_firm else 0.9 * self.height + 0.1 * height
            self.area = blob.area if not self.is_firm else 0.9 * self.area + 0.1 * blob.area
            self.clean.append((time, middle, bottom))
            while time - self.clean[0][0] > PACE_SECONDS * self.rate:
                self.clean.pop(0)
            self._learn_pace()
        else:
            if not self.is_firm:
                self.height = max(height, self.height or 0)
                self.area = max(blob.area, self.area)
                if self.times and time > self.times[-1]:
                    free = (left - self.boxes[-1][1]) if right - self.boxes[-1][3] < abs(left - self.boxes[-1][1]) \
                        else (right - self.boxes[-1][3])
                    self.pace += 0.3 * (free / (time - self.times[-1]) - self.pace)
        self.middle, self.feet, self.seen, self.missing = middle, bottom, 1.0, 0
        self._note(time, blob.box, state)
        if state == ALONE:
            self.learn(picture, blob)

    def _learn_pace(self):
        times, middles, feet = np.array(self.clean, float).T
        if len(times) >= 3:
            late = times - times.mean()
            self.pace = float(late @ middles / (late @ late))
            self.drift = float(late @ feet / (late @ late)) if len(times) > 10 else 0.0

    def place(self, time, feet, middle, seen, box, state):
        """The figure where it was found among others, or where it is expected."""
        self.middle, self.feet, self.seen = middle, feet, seen
        self.missing = self.missing + 1 if state == HIDDEN else 0
        self._note(time, box, state)

    def _note(self, time, box, state):
        self.times.append(time)
        self.boxes.append(np.asarray(box, float))
        self.states.append(state)

    # Its looks

    def _grid(self, feet, middle):
        cell = self.height / ROWS
        rows = np.floor(feet - self.height + (np.arange(ROWS) + 0.5) * cell).astype(int)
        columns = np.floor(middle + (np.arange(COLUMNS) + 0.5 - COLUMNS / 2) * cell).astype(int)
        return rows, columns

    def sample(self, picture, mask, feet, middle):
        """(colours, mask) of the grid; what is outside of the picture is not of the mask."""
        rows, columns = self._grid(feet, middle)
        inside = ((rows >= 0) & (rows < len(mask)))[:, None] & ((columns >= 0) & (columns < mask.shape[1]))
        rows, columns = rows.clip(0, len(mask) - 1), columns.clip(0, mask.shape[1] - 1)
        where = np.ix_(rows, columns)
        return picture[where].astype(np.float32), mask[where] & inside

    def learn(self, picture, blob):
        colours, mask = self.sample(picture, blob.mask, self.feet, self.middle)
        if self.share is None:
            self.colours, self.share = colours, mask.astype(np.float32)
            return
        rate = max(LEARNING, 1 / (len(self.clean) + 1))
        weight = rate * mask
        fresh = self.share < 0.05                           # never seen there: the colour is taken as it is
        self.colours += (np.where(fresh & mask, 1.0, weight))[..., None] * (colours - self.colours)
        self.share += rate * (mask - self.share)

    def match(self, picture, mask, feet, middle):
        """(ROWS, COLUMNS), 0 to 1: how well what is seen there is the figure's own."""
        colours, mask = self.sample(picture, mask, feet, middle)
        off = np.abs(colours - self.colours).max(2) / COLOUR_LEVELS
        return np.exp(-off * off) * mask

    def likeness(self, picture, mask, feet, middle):
        """Share of the template, 0 to 1, that is found at a place."""
        return float((self.share * self.match(picture, mask, feet, middle)).sum() / self.share.sum())

    def locate(self, picture, mask, time):
        """(feet, middle, share of it seen) of the best place near the expected one."""
        feet, middle = self.expected(time)
        if self.share is None:
            return feet, middle, 0.0
        step = max(1.0, self.height / ROWS)
        best = None
        for down in np.arange(-1, 2) * max(1.0, BOUNCE * self.height / 2):
            for across in np.arange(-math.ceil(SHIFT * self.height / step), math.ceil(SHIFT * self.height / step) + 1):
                found = self.likeness(picture, mask, feet + down, middle + across * step)
                off = (across * step / self.height) ** 2 + 4 * (down / self.height) ** 2
                value = found - DOUBT * off
                if best is None or value > best[0]:
                    best = value, feet + down, middle + across * step, found
        return best[1:]

    def claim(self, picture, mask, feet, middle):
        """Take the figure's own pixels out of a mask."""
        if self.share is None:
            return
        own = (self.match(picture, mask, feet, middle) > 0.4) & (self.share > 0.4)
        rows, columns = self._grid(feet, middle)
        cell = math.ceil(self.height / ROWS)
        for r, c in zip(*np.nonzero(own)):
            mask[max(rows[r], 0):rows[r] + cell, max(columns[c], 0):columns[c] + cell] = False
