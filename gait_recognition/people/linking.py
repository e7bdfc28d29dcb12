"""Boxes of people linked from frame to frame: by where each would be by now, all together."""
import itertools
import math

import numpy as np
from scipy.optimize import linear_sum_assignment

from gait_recognition.tracking.track import middle_of

SAME_HEIGHT = 1.5               # ratio of heights up to which it may be the same person
FARTHEST = 0.5                  # heights from where a person would be by now
DRIFT = 0.3                     # heights more, a second out of sight
LINK_SECONDS = 1.5              # out of sight for longer, and it is somebody else
PACE_BOXES = 6                  # the last boxes that tell the pace
DOUBTFUL = 0.08                 # heights by which another assignment of two may be longer, where they were out of sight


class Path:
    """A person's boxes: indices ascending, and (top, left, bottom, right) of each."""

    def __init__(self, index, box):
        self.indices, self.boxes = [index], [np.asarray(box, float)]

    def expected(self, index):
        """The box by now."""
        first = max(-PACE_BOXES, -len(self.boxes))
        pace = (middle_of(self.boxes[-1][None]) - middle_of(self.boxes[first][None]))[0] / \
            max(1, self.indices[-1] - self.indices[first])
        return self.boxes[-1] + np.tile(pace, 2) * (index - self.indices[-1])

    def off(self, index, box, rate):
        """How far, in its heights, a box is from where the person would be; infinite for another's."""
        expected = self.expected(index)
        tall = expected[2] - expected[0]
        if not 1 / SAME_HEIGHT < (box[2] - box[0]) / tall < SAME_HEIGHT:
            return math.inf
        off = np.linalg.norm(middle_of(box[None]) - middle_of(expected[None])) / tall
        return off if off < FARTHEST + DRIFT * (index - self.indices[-1]) / rate else math.inf

    def add(self, index, box):
        self.indices.append(index)
        self.boxes.append(np.asarray(box, float))


def assigned(paths, index, boxes, rate):
    """(list of (path, number of its box), those that go to nobody), as short as all together can be.

    Where two paths were out of sight and their boxes could be exchanged, they go to nobody: nobody can tell whose they
    are.
    """
    if not paths or not len(boxes):
        return [], [*range(len(boxes))]
    costs = np.array([[path.off(index, box, rate) for box in boxes] for path in paths])
    pairs = [(p, b) for p, b in zip(*linear_sum_assignment(np.minimum(costs, 1e3))) if np.isfinite(costs[p, b])]
    doubtful = set()
    for (p, b), (q, c) in itertools.combinations(pairs, 2):
        hidden = min(index - paths[p].indices[-1], index - paths[q].indices[-1]) > 0.3 * rate
        if hidden and costs[p, c] + costs[q, b] < costs[p, b] + costs[q, c] + DOUBTFUL:
            doubtful |= {p, q}
    pairs = [(paths[p], b) for p, b in pairs if p not in doubtful]
    return pairs, [b for b in range(len(boxes)) if b not in {b for _, b in pairs}]


def link(boxes_of_frames, rate):
    """Paths through the boxes (n, 4) of each frame."""
    done, active = [], []
    for index, boxes in enumerate(boxes_of_frames):
        lost = [path for path in active if index - path.indices[-1] > LINK_SECONDS * rate]
        done += lost
        active = [path for path in active if path not in lost]
        pairs, free = assigned(active, index, boxes, rate)
        for path, b in pairs:
            path.add(index, boxes[b])
        active += [Path(index, boxes[b]) for b in free]
    return done + active


def share_covered(boxes):
    """Of each of several boxes (n, 4), the largest share that one whose feet are lower, and so nearer, covers."""
    covered = np.zeros(len(boxes))
    for (i, a), (j, b) in itertools.combinations(enumerate(boxes), 2):
        both = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
        behind, box = (i, a) if a[2] < b[2] else (j, b)
        covered[behind] = max(covered[behind], both / max(1e-6, (box[2:] - box[:2]).prod()))
    return covered


def usable_flags(paths, most):
    """For each path whether its boxes are covered by at most that share, a list of bool each."""
    at = {}
    for number, path in enumerate(paths):
        for place, index in enumerate(path.indices):
            at.setdefault(index, []).append((number, place))
    flags = [[True] * len(path.indices) for path in paths]
    for together in at.values():
        if len(together) > 1:
            covered = share_covered([paths[number].boxes[place] for number, place in together])
            for (number, place), share in zip(together, covered):
                flags[number][place] = bool(share <= most)
    return flags
