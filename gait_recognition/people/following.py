"""Figures that move before a still background, followed through crossings."""
import itertools
import math

import numpy as np
from scipy.optimize import linear_sum_assignment

from gait_recognition.people.blobs import blobs_of, union
from gait_recognition.people.figures import ALONE, BORDER, COVERED, FIRM, HIDDEN, SEEN, TOGETHER, USUAL_WIDTH, Figure

SAME_HEIGHT = 1.35              # ratio of heights up to which it may be the same figure
LOST_SECONDS = 2.0              # behind a pillar or a bus; longer, and who comes out is somebody else
WIDEST, LARGEST = 0.72, 1.5     # of the height, of the usual area: no single figure is wider, or larger
SHORTEST = 0.85                 # of the height: less of a figure is seen
REACH, REACH_GROWTH = 0.45, 0.35        # heights off its expected place at which a figure is found again; more a second
REST_HEIGHT, REST_AREA = 0.6, 0.09      # of a blob's height, of its square: what is left is a person
OWN_LOOKS = 0.5                 # of a template found again: less may be somebody else's looks
COVERED_BELOW, LEARNT_ABOVE = 0.25, 0.5         # of a template that nobody nearer covers
OFF_WORTH, HEIGHT_WORTH = 0.3, 0.2       # of likeness, that a place a height off counts, or another height
LOOK_SECONDS = 0.24             # between looks at the same figures
NEARBY = 0.5                    # of the height: so near to a head, it may be a covered figure's
STRIP, WITHIN = 0.13, 0.4       # of the height: half the width of a trunk; share of it that somebody else's looks hold
MEETING = 200                   # frames at most in which it is looked whether two figures met
LIKE, ALIKE = 0.2, 0.08         # of likeness by which another assignment is better; by which nobody can tell


class Following:
    """Takes frame after frame, and follows every figure that moves.

    Parameters
    ----------
    rate : float
        Frames a second.
    shape : (int, int)
        Of the small pictures.
    """

    def __init__(self, rate, shape):
        self.rate, self.shape = rate, shape
        self.active, self._done = [], []

    def add(self, time, picture, mask, look=None):
        """The next frame.

        Parameters
        ----------
        time : int
        picture : np.ndarray, uint8 (H, W, 3)
            Small.
        mask : np.ndarray, bool (H, W)
            What moves in it.
        look : callable, optional
            What the pose network sees: called with a list of (head's row, head's column, feet's row) and a mask of
            those who are followed already, it gives for each (head's top, trunk's column, feet) of the person there,
            or None.
        """
        groups, free = self._groups(time, blobs_of(mask))
        followed = {figure for _, figures in groups for figure in figures}
        self._check_partings(time, picture, groups)
        for blob, figures in groups:
            if figures[0] not in self.active:               # nobody can tell who came out
                free.append(blob)
                continue
            self._update(time, picture, blob, figures)
            if look is not None:
                self._count(time, picture, blob, figures, look)
        lost = [figure for figure in self.active if figure not in followed and figure.times[-1] < time]
        self._find_again(time, picture, free, lost)
        self._end(time)

    def ended(self):
        """The figures that ended since this was last asked."""
        done, self._done = self._done, []
        return done

    def finish(self):
        """End all figures; those that ended since `ended` was asked."""
        self._done += self.active
        self.active = []
        return self.ended()

    def forget(self):
        """Forget sights that are not needed any more, which else would be kept to the end."""
        for figure in self.active:
            if len(figure.times) > 2 * MEETING:
                figure.forget(MEETING)

    # Who is in which blob

    def _groups(self, time, blobs):
        """([(blob, the figures in it)], blobs that are nobody's); pieces of one figure are one blob."""
        owned = self._shares(time, blobs)
        figures_of, pieces = {}, {}
        for figure, numbers in owned.items():
            figures_of.setdefault(numbers[0], []).append(figure)
            pieces.setdefault(numbers[0], set()).update(numbers)
        taken = {number for numbers in pieces.values() for number in numbers}
        groups = []
        for first, figures in figures_of.items():
            elsewhere = {number for other, numbers in pieces.items() if other != first for number in numbers}
            own = sorted(pieces[first] - elsewhere | {first})
            groups.append((union([blobs[number] for number in own]), figures))
        return groups, [blob for number, blob in enumerate(blobs) if number not in taken]

    def _shares(self, time, blobs):
        """For each figure that is seen, the numbers of its blobs, the one with most of it first."""
        owned = {}
        for figure in self.active:
            box = figure.box_at(*figure.expected(time), width=1.2 * USUAL_WIDTH)
            top, bottom = (int(np.clip(edge, 0, self.shape[0])) for edge in box[[0, 2]])
            left, right = (int(np.clip(edge, 0, self.shape[1])) for edge in box[[1, 3]])
            if right - left < 2 or bottom - top < 2:
                continue
            inside = [int(blob.mask[top:bottom, left:right].sum()) if _overlap(blob.box, box) else 0 for blob in blobs]
            whole = 0.35 * figure.height * USUAL_WIDTH * min(figure.height, bottom - top) * \
                (right - left) / (box[3] - box[1])
            order = sorted((n for n, count in enumerate(inside) if count), key=lambda n: -inside[n])
            order = [n for place, n in enumerate(order)
                     if (place == 0 and inside[n] > 0.25 * whole) or inside[n] > 0.6 * blobs[n].area]
            if order and sum(inside[n] for n in order) > 0.25 * whole:
                owned[figure] = order
        return owned

    def _count(self, time, picture, blob, figures, look):
        """Have the network look where somebody may be whom nobody follows, and follow whom it sees there."""
        young = [figure for figure in figures if not figure.is_firm]
        rest, known = blob.mask.copy(), np.zeros_like(blob.mask)
        for figure in figures:
            if figure not in young:
                known |= figure.claim(rest, figure.feet, figure.middle, max(figure.seen, SEEN))
        heads = [head for head in blob.heads() if self._is_inside(head[1], blob)
                 and not any(figure.owns(head) for figure in figures if figure not in young)]
        if young == figures and len(heads) < 2:
            return
        heads = heads or self._rests(rest, blob)
        if not heads or any(time - figure.looked_at < LOOK_SECONDS * self.rate for figure in figures):
            return
        for figure in figures:
            figure.looked_at = time
        heads = [(*head, blob.box[2]) for head in heads]
        seen = look(heads, known)
        self._meet(time, picture, rest, young, [person for person in seen if person is not None])
        self._uncover(time, picture, blob, known, [head for head, person in zip(heads, seen) if person is None], look)

    def _uncover(self, time, picture, blob, known, heads, look):
        """Look again under heads where nobody was seen: what is known may hold somebody who came in behind it."""
        for head in heads:
            strip = _below(head, known.shape)
            comes_out = any(figure.states[-1] in (COVERED, HIDDEN)
                            and abs(figure.middle - head[1]) < NEARBY * figure.height for figure in self.active)
            if comes_out or (known & strip & blob.mask).sum() < WITHIN * (strip & blob.mask).sum():
                continue
            person, = look([head], known & ~strip)
            if person is not None:
                for figure in self.active:
                    figure.leave(strip)
                self._meet(time, picture, blob.mask & strip, [], [person])

    def _is_inside(self, column, blob):
        return 0.15 * blob.height < column < self.shape[1] - 0.15 * blob.height

    def _rests(self, rest, blob):
        """(row, column) of the tops of what is left of a blob, where it may be a person."""
        return [(part.box[0], part.middle) for part in blobs_of(rest)
                if part.height > REST_HEIGHT * blob.height and part.area > REST_AREA * part.height ** 2
                and self._is_inside(part.middle, blob)]

    def _meet(self, time, picture, rest, young, people):
        """Follow people who were seen, (top, middle, feet) each: as figures that are young, or as new ones."""
        for person in sorted(people, key=lambda one: -one[2]):
            figure = min(young, key=lambda one: abs(one.middle - person[1]), default=None)
            if figure is None:
                figure = Figure(self.rate)
                self.active.append(figure)
            else:
                young.remove(figure)
            figure.know(time, person, picture, rest)
            figure.place(time, figure.feet, figure.middle, 1.0, figure.box_at(figure.feet, figure.middle), TOGETHER)
            figure.claim(rest, figure.feet, figure.middle, 1.0)

    def _is_clean(self, figure, blob):
        if not figure.is_firm:
            return True
        return SHORTEST < blob.height / figure.height < 1 / SHORTEST and blob.width < WIDEST * figure.height \
            and (not figure.clean or 0.6 * figure.area < blob.area < LARGEST * figure.area)

    def _update(self, time, picture, blob, figures):
        figure = figures[0]
        at_border = blob.touches(self.shape)
        if len(figures) == 1 and not at_border and self._is_clean(figure, blob):
            figure.see(time, blob, picture, ALONE)
            figure.group = None
        elif len(figures) == 1 and at_border and self._fits_border(figure, blob):
            figure.see(time, blob, picture, BORDER)
            figure.group = None
        else:
            self._part(time, picture, blob, figures)

    def _fits_border(self, figure, blob):
        return not figure.is_firm or (blob.width < WIDEST * figure.height and blob.height < figure.height / SHORTEST
                                      and blob.area < LARGEST * figure.area)

    def _part(self, time, picture, blob, figures):
        """Find each of the figures in one blob, the nearest first: lower feet are nearer."""
        rest, heads = blob.mask.copy(), blob.heads()
        found = {}
        for figure in sorted(figures, key=lambda one: -one.expected(time)[0]):
            if len(figures) > 1 and figure.group is None:
                figure.group = time, figure.middle, figure.pace
            feet, middle, seen = figure.locate(picture, rest, time)
            uncovered = figure.uncovered(blob.mask, rest, feet, middle)
            state = TOGETHER if seen >= SEEN * max(uncovered, 0.4) and uncovered > COVERED_BELOW else \
                COVERED if len(figures) > 1 else HIDDEN
            if state != TOGETHER:
                feet, middle = figure.expected(time)
            middle = figure.under(heads, middle)
            found[figure] = middle
            figure.place(time, feet, middle, seen, figure.box_at(feet, middle), state, uncovered)
            is_own = figure.clean < FIRM or seen > OWN_LOOKS * uncovered
            if state == TOGETHER and uncovered > LEARNT_ABOVE and is_own:
                figure.learn(picture, blob.mask, rest)
            figure.claim(rest, feet, middle, seen)
        self._widen(blob, found)

    @staticmethod
    def _widen(blob, found):
        """The blob's own ends are those of whoever is at either end of it."""
        for figure, middle in found.items():
            if figure.states[-1] != TOGETHER or blob.width > WIDEST * figure.height * len(found):
                continue
            box, tall = figure.boxes[-1], figure.height
            if middle <= min(found.values()):
                box[1] = np.clip(blob.box[1], middle - 0.36 * tall, middle - 0.1 * tall)
            if middle >= max(found.values()):
                box[3] = np.clip(blob.box[3], middle + 0.1 * tall, middle + 0.36 * tall)

    # Who came out of a crossing

    def _check_partings(self, time, picture, groups):
        """Of figures that parted, whether looks say that they went the other way round."""
        alone = [(figures[0], blob) for blob, figures in groups
                 if len(figures) == 1 and figures[0].group is not None and not blob.touches(self.shape)
                 and self._is_clean(figures[0], blob) and figures[0].share is not None]
        for (a, blob_a), (b, blob_b) in itertools.combinations(alone, 2):
            if a.group is None or b.group is None or not _met(a, b):
                continue
            own = self._worth(a, blob_a, picture, time) + self._worth(b, blob_b, picture, time)
            swapped = self._worth(a, blob_b, picture, time) + self._worth(b, blob_a, picture, time)
            if swapped - own > LIKE:
                _swap(a, b)
            elif abs(swapped - own) < ALIKE:
                self._end_now(a)
                self._end_now(b)
                a.group = b.group = None

    def _worth(self, figure, blob, picture, time):
        met, middle, pace = figure.group
        off = abs(blob.middle - (middle + pace * (time - met))) / figure.height
        height = abs(math.log(blob.height / figure.height)) / math.log(SAME_HEIGHT)
        like = figure.likeness(picture, blob.mask, blob.box[2], blob.middle)
        return like - OFF_WORTH * min(off, 1.0) - HEIGHT_WORTH * min(height, 1.0)

    # Who comes, who goes

    def _find_again(self, time, picture, free, lost):
        tall = [blob for blob in free if blob.is_tall(self.shape)]
        costs = np.array([[self._off(figure, time, picture, blob) for blob in tall] for figure in lost])
        costs = costs.reshape(len(lost), len(tall))
        pairs = {}
        if costs.size:
            for f, b in zip(*linear_sum_assignment(np.minimum(costs, 1e3))):
                if np.isfinite(costs[f, b]):
                    pairs[b] = lost[f]
        for number, blob in enumerate(tall):
            state = BORDER if blob.touches(self.shape) else ALONE
            if number in pairs:
                pairs[number].see(time, blob, picture, state)
            else:
                figure = Figure(self.rate)
                figure.see(time, blob, picture, state)
                self.active.append(figure)
        for figure in lost:
            if figure not in pairs.values():
                feet, middle = figure.expected(time)
                figure.place(time, feet, middle, 0.0, figure.box_at(feet, middle), HIDDEN)

    def _off(self, figure, time, picture, blob):
        """How far a blob is from where a lost figure would be by now, in heights; infinite for another's."""
        if not figure.is_firm and figure.missing > 0.3 * self.rate:
            return math.inf
        late = figure.missing / self.rate
        feet, middle = figure.expected(time)
        off = np.hypot(blob.middle - middle, blob.box[2] - feet) / figure.height
        if off > REACH + REACH_GROWTH * late:
            return math.inf
        if not blob.touches(self.shape) and not 1 / SAME_HEIGHT < blob.height / figure.height < SAME_HEIGHT:
            return math.inf
        like = figure.likeness(picture, blob.mask, blob.box[2], blob.middle) if figure.share is not None else 0.5
        return off + 0.5 * (1 - like)

    def _end(self, time):
        for figure in list(self.active):
            _, middle = figure.expected(time)
            outside = middle < -0.3 * figure.height or middle > self.shape[1] + 0.3 * figure.height
            patience = LOST_SECONDS if figure.is_firm else 0.3
            figure.has_left = outside
            if figure.missing > patience * self.rate or (outside and figure.missing > 2):
                self._end_now(figure)

    def _end_now(self, figure):
        self.active.remove(figure)
        self._done.append(figure)


def _below(head, shape):
    """The trunk and legs below a head (row, column, row of the feet), a mask."""
    row, column, feet = head
    half, mask = STRIP * (feet - row), np.zeros(shape, bool)
    mask[max(0, int(row)):math.ceil(feet), max(0, round(column - half)):max(0, round(column + half) + 1)] = True
    return mask


def _overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _met(a, b):
    """Whether two figures that were in a group were in the same: they came near each other."""
    times = {time: box for time, box in zip(a.times[-MEETING:], a.boxes[-MEETING:]) if time >= a.group[0]}
    return any(time >= b.group[0] and time in times and _overlap(times[time], box)
               for time, box in zip(b.times[-MEETING:], b.boxes[-MEETING:]))


def _swap(a, b):
    """Each goes on as the other: what is to come is the other's."""
    for name in ('times', 'boxes', 'states', 'uncovered_shares', 'keeper',
                 'clean', 'sights', 'is_known', 'height', 'area', 'colours', 'share', 'group', 'pace', 'drift'):
        one, other = getattr(a, name), getattr(b, name)
        setattr(a, name, other)
        setattr(b, name, one)
