"""One figure that is followed before a still background: where it is, how it moves, and what it looks like.

Places are pixels of the small pictures that `tracking.background` looks at.
"""
import math

import numpy as np
from scipy import ndimage

ROWS, COLUMNS = 40, 30          # of a template, which is as tall as its figure
TRUNK = 0.45                    # of a figure's height: head and trunk, which swing least
COLOUR_LEVELS = 40.0            # grey levels by which a point's colour changes while it stays the same
LEARNING = 0.08                 # share of each new picture in a template
NEAR_HEAD = 0.12                # of the height: a head so near to its expected place is the figure's own
PACE_SECONDS = 1.0              # of steady steps that tell the pace
USUAL_WIDTH = 0.42              # of the height, over a stride
SEEN = 0.25                     # of a template found again: less, and the figure is hidden
OWN_SHARE = 0.3                 # of the time in which a point of a template was the figure
UNSEEN = np.float32(1e-3)       # likewise of a point that was not it: a template is never empty
WELL_SEEN = 0.4                 # so much, and its place tells the pace
SHIFT, BOUNCE = 0.16, 0.04      # of the height: how far off its expected place a figure is looked for
OF_OUTLINE = 0.35               # of what tells a place; the rest is colour
DOUBT = 4.0                     # how much a shift by a whole height counts against what is seen there, squared
COVERED_DOUBT = 2               # times as much of whom somebody covered: what looks alike off there is somebody else
FIRM = 5                        # clean sights from which a figure's size is known

def _outline():
    """Where one person is in a template, (ROWS, COLUMNS) bool: head, trunk, legs in a half stride."""
    half = np.interp(np.arange(ROWS) / ROWS, (0, 0.13, 0.2, 0.5, 0.95, 1), (0.07, 0.07, 0.13, 0.13, 0.2, 0.2))
    off = np.abs(np.arange(COLUMNS) + 0.5 - COLUMNS / 2) / ROWS
    return off < half[:, None]


OUTLINE = _outline()
ALONE, BORDER, TOGETHER, COVERED, HIDDEN = 'alone', 'border', 'together', 'covered', 'hidden'


class Figure:
    """One figure.

    Attributes
    ----------
    times : list of int
        Of the sights, ascending, in frames looked at.
    boxes : list of np.ndarray (4,)
        Top, left, bottom, right (exclusive).
    states : list of str
        `ALONE`, `BORDER`, `TOGETHER`, `COVERED` (by somebody) or `HIDDEN`, of each.
    uncovered_shares : list of float
        Which share of the figure nobody nearer covers.
    has_left : bool
        It ended outside of the picture.
    keeper : object
        Whoever keeps what was seen of it; None where nobody does.
    """

    def __init__(self, rate):
        self.rate = rate
        self.times, self.boxes, self.states, self.uncovered_shares = [], [], [], []
        self.height = self.middle = self.feet = None        # of the body; column of the trunk, row of the soles
        self.pace = 0.0                                     # columns a frame
        self.drift = 0.0                                    # rows a frame
        self.area = 0.0
        self.sights = []                                    # (time, middle, feet) of late, where it was well seen
        self.clean = 0                                      # sights of it alone
        self.is_known = False                               # the pose network saw it
        self.colours, self.share = None, None               # (ROWS, COLUMNS, 3), (ROWS, COLUMNS)
        self.seen = 1.0                                     # share of the template found in the latest frame
        self.seen_at = 0                                    # the latest time at which it was seen
        self.looked_at = -math.inf                          # and at which the network looked for others about it
        self.lead = 0.0                                     # columns that the head is ahead of the trunk, in heights
        self.has_left = False                               # the picture
        self.group = None                                   # (time, middle, pace) when it met others
        self.keeper = None

    @property
    def is_firm(self):
        return self.is_known or self.clean >= FIRM

    @property
    def missing(self):
        """For how many frames it had not been seen when it was last looked for."""
        return max(0, self.times[-1] - self.seen_at)

    def expected(self, time):
        """(feet, middle) where the figure would be by now."""
        late = time - self.times[-1]
        return self.feet + self.drift * late, self.middle + self.pace * late

    def box_at(self, feet, middle, width=USUAL_WIDTH):
        half = width * self.height / 2
        return np.array([feet - self.height, middle - half, feet, middle + half])

    def owns(self, head):
        """Whether a head (row, column) is its own."""
        return abs(head[1] - self.middle - self.lead * self.height) < NEAR_HEAD * self.height

    def under(self, heads, middle):
        """The column of the trunk, corrected by the nearest of the heads (row, column) if one may be its own."""
        expected, top = middle + self.lead * self.height, self.feet - self.height
        near = [column for row, column in heads if abs(column - expected) < NEAR_HEAD * self.height
                and abs(row - top) < 0.1 * self.height]
        return middle if not near else middle + 0.5 * (min(near, key=lambda one: abs(one - expected)) - expected)

    # Sights

    def see(self, time, blob, picture, state):
        """The figure alone, as a blob shows it."""
        top, left, bottom, right = blob.box
        height, middle = bottom - top, blob.middle
        if state == ALONE:
            self.height = height if not self.is_firm else 0.9 * self.height + 0.1 * height
            self.area = blob.area if not self.is_firm else 0.9 * self.area + 0.1 * blob.area
            self.clean += 1
            self._learn_pace(time, middle, bottom)
            heads = blob.heads()
            if len(heads) == 1:
                self.lead += 0.1 * ((heads[0][1] - middle) / self.height - self.lead)
        else:
            if not self.is_firm:
                self.height = max(height, self.height or 0)
                self.area = max(blob.area, self.area)
                if self.times and time > self.times[-1]:
                    free = (left - self.boxes[-1][1]) if right - self.boxes[-1][3] < abs(left - self.boxes[-1][1]) \
                        else (right - self.boxes[-1][3])
                    self.pace += 0.3 * (free / (time - self.times[-1]) - self.pace)
        self.middle, self.feet, self.seen, self.seen_at = middle, bottom, 1.0, time
        self._note(time, blob.box, state)
        if state == ALONE or not self.is_firm:
            self.learn(picture, blob.mask)

    def know(self, time, person, picture, mask):
        """Take over what the pose network confirmed: (top, middle, feet)."""
        top, self.middle, self.feet = person
        self.height, self.is_known, self.seen_at = self.feet - top, True, time
        self.sights = []
        self.colours, own = self.sample(picture, mask, self.feet, self.middle)
        own &= OUTLINE
        self.share = np.where(own, 1.0, UNSEEN).astype(np.float32)
        self.area, self.clean = own.sum() * (self.height / ROWS) ** 2, 0

    def _learn_pace(self, time, middle, feet):
        self.sights.append((time, middle, feet))
        while time - self.sights[0][0] > PACE_SECONDS * self.rate:
            self.sights.pop(0)
        times, middles, feet = np.array(self.sights, float).T
        if len(times) >= 3:
            late = times - times.mean()
            self.pace = float(late @ middles / (late @ late))
            self.drift = float(late @ feet / (late @ late)) if len(times) > 10 else 0.0

    def place(self, time, feet, middle, seen, box, state, uncovered=1.0):
        """The figure where it was found among others, or where it is expected."""
        self.middle, self.feet, self.seen = middle, feet, seen
        if state not in (COVERED, HIDDEN):
            self.seen_at = time
        if seen >= WELL_SEEN:
            self._learn_pace(time, middle, feet)
        self._note(time, box, state, uncovered)

    def _note(self, time, box, state, uncovered=1.0):
        if self.times and self.times[-1] == time:           # seen better in the same frame
            self.times.pop(), self.boxes.pop(), self.states.pop(), self.uncovered_shares.pop()
        self.times.append(time)
        self.boxes.append(np.asarray(box, float))
        self.states.append(state)
        self.uncovered_shares.append(uncovered)

    def forget(self, kept):
        """Forget all but the latest `kept` sights: of whoever is followed for hours."""
        for values in (self.times, self.boxes, self.states, self.uncovered_shares):
            del values[:-kept]

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

    def learn(self, picture, mask, rest=None):
        """Learn the figure's looks where it stands: `mask` is its blob's, `rest` what nobody nearer takes of it."""
        colours, inside = self.sample(picture, mask, self.feet, self.middle)
        own = inside
        if rest is not None:                                # others may be beside it
            own = self.sample(picture, rest, self.feet, self.middle)[1] & OUTLINE
        if self.share is None:
            self.colours, self.share = colours, own.astype(np.float32)
            return
        rate = max(LEARNING, 1 / (self.clean + 1)) if rest is None else LEARNING
        fresh = self.share < 0.05                           # never seen there: the colour is taken as it is
        self.colours += np.where(fresh & own, 1.0, rate * own)[..., None] * (colours - self.colours)
        self.share += np.where(own | ~inside, rate, 0.0) * (own - self.share)

    def leave(self, mask):
        """Unlearn what lies in a mask (H, W) beyond the figure's own outline: it is somebody else's."""
        if self.share is not None:
            other = self.sample(mask[..., None], mask, self.feet, self.middle)[1] & ~OUTLINE
            self.share = np.where(other, np.minimum(self.share, UNSEEN), self.share)

    def likeness(self, picture, mask, feet, middle):
        """Share of the template, 0 to 1, that is found at a place."""
        return float(self._found(picture, mask, feet, middle)[1][0, 0])

    def locate(self, picture, mask, time):
        """(feet, middle, share of it seen) of the best place near the expected one."""
        feet, middle = self.expected(time)
        if self.share is None:
            return feet, middle, 0.0
        step = max(1.0, self.height / ROWS)
        reach = math.ceil(SHIFT * self.height / step)
        down, across = np.arange(-1, 2) * max(1.0, BOUNCE * self.height / 2), np.arange(-reach, reach + 1) * step
        there, found = self._found(picture, mask, feet + down, middle + across)             # (downs, acrosses)
        doubt = DOUBT * (COVERED_DOUBT if self.states and self.states[-1] == COVERED else 1)
        value = OF_OUTLINE * there + (1 - OF_OUTLINE) * found - doubt * (
            (across / self.height) ** 2 + 4 * (down[:, None] / self.height) ** 2)
        d, a = np.unravel_index(value.argmax(), value.shape)
        return feet + down[d], middle + across[a], float(found[d, a])

    def _found(self, picture, mask, feet, middle):
        """Which shares of the template are in a mask, and are there in its colours, (n, m) for n feet and m middles."""
        cell = self.height / ROWS
        rows = np.floor(np.reshape(feet, (-1, 1)) - self.height + (np.arange(ROWS) + 0.5) * cell).astype(int)
        columns = np.floor(np.reshape(middle, (-1, 1)) + (np.arange(COLUMNS) + 0.5 - COLUMNS / 2) * cell).astype(int)
        inside = ((rows >= 0) & (rows < len(mask)))[:, None, :, None] & \
            ((columns >= 0) & (columns < mask.shape[1]))[None, :, None, :]
        where = rows.clip(0, len(mask) - 1)[:, None, :, None], columns.clip(0, mask.shape[1] - 1)[None, :, None, :]
        there = self.share * (mask[where] & inside)                                         # (n, m, ROWS, COLUMNS)
        off = np.abs(picture[where] - self.colours).max(-1) / COLOUR_LEVELS
        found, total = (there * np.exp(-off * off)).sum((2, 3)), self.share.sum()
        return there.sum((2, 3)) / total, found / total

    def uncovered(self, mask, rest, feet, middle):
        """Share of the template, 0 to 1, that nobody nearer covers: of a blob's mask, `rest` is left."""
        covered = self.sample(mask[..., None], mask & ~rest, feet, middle)[1]
        return 1.0 - float((self.share * covered).sum() / self.share.sum()) if self.share is not None else 1.0

    def claim(self, mask, feet, middle, seen):
        """Take what is the figure's own out of a mask; return it, a mask, too."""
        own = np.zeros_like(mask)
        if self.share is None or seen < SEEN:
            return own
        rows, columns = self._grid(feet, middle)
        size = math.ceil(self.height / ROWS)
        body = ndimage.binary_dilation(self.share > OWN_SHARE)
        for r, c in zip(*np.nonzero(body)):
            own[max(rows[r], 0):max(rows[r] + size, 0), max(columns[c], 0):max(columns[c] + size, 0)] = True
        own &= mask
        mask &= ~own
        return own
