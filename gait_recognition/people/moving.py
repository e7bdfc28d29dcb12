"""Everybody before any camera: the pose network searches for people, and follows them by their joints."""
import math

import numpy as np

from gait_recognition.people.linking import LINK_SECONDS, Path, assigned, usable_flags
from gait_recognition.people.scenes import Scene, Sighting
from gait_recognition.rates import beats_of
from gait_recognition.tracking.joints import people_in, search_squares, square_around
from gait_recognition.tracking.parts import Parts
from gait_recognition.tracking.track import GAP_SECONDS, MIN_FRAMES, middle_of

POSE_SECONDS = 0.2              # between the frames that are looked at; boxes are interpolated between
SEARCH_SECONDS = 0.5            # between searches at the picture's ends, where people come in
WHOLE_SEARCHES = 4              # of which so many make one of the whole picture
BEYOND = 0.25                   # of a square's side that is searched beyond the ends
SAME = 0.45                     # of the smaller of two boxes in the other: they are one person's
COVERED = 0.35                  # of a box that another's covers: more is no crop
MIN_SEEN = 3                    # sights that make a person: the network at times sees one in the furniture


def follow_moving(frames, pose_net):
    """A `Scene` of those whom the pose network sees."""
    rate = frames.fps / frames.every
    stride = max(1, round(POSE_SECONDS * rate))
    parts, numbers, latest = Parts(frames.facts), [], 0
    done, active, searched, searches, shape = [], [], -math.inf, 0, None
    for index, (number, frame) in enumerate(frames.numbered()):
        numbers.append(number)
        shape = frame.shape[:2]
        part = parts.add(number, frame)
        if part != latest:                                              # nobody is followed over a cut
            done, active, searched, searches, latest = done + active, [], -math.inf, 0, part
        if index % stride:
            continue
        gone = [path for path in active if index - path.indices[-1] > LINK_SECONDS * rate
                or _is_outside(path.expected(index), shape)]
        done, active = done + gone, [path for path in active if path not in gone]
        squares = [square_around(path.expected(index)) for path in active]
        if index - searched >= SEARCH_SECONDS * rate:
            squares, searched = squares + _searched(shape, searches % WHOLE_SEARCHES == 0), index
            searches += 1
        boxes = _seen(frame, squares, pose_net, len(active))
        pairs, free = assigned(active, index, boxes, rate)
        for path, b in pairs:
            path.add(index, boxes[b])
        active += [Path(index, boxes[b]) for b in free]
    beats = beats_of(frames, numbers)
    paths = [path for path in done + active if len(path.indices) >= MIN_SEEN
             and path.indices[-1] - path.indices[0] >= MIN_FRAMES - 1]
    flags = [in_sight(path.indices, beats, stride) for path in paths]
    paths = [every_frame(path, beats.places) for path in paths]
    limits = np.array([*shape, *shape], float)
    sightings = [Sighting(path.indices, [np.clip(box, 0, limits) for box in path.boxes],
                          (np.array(uncovered) & seen).tolist())
                 for path, uncovered, seen in zip(paths, usable_flags(paths, COVERED), flags)]
    return Scene('pose', sightings, numbers, frames.seconds, shape, [])


def _searched(shape, is_whole):
    """Squares in which people are looked for in a picture of this shape, the whole or its ends."""
    return [square for square in search_squares(shape, BEYOND)
            if is_whole or square[1] < 0 or square[1] + square[2] > shape[1]]


def _is_outside(box, shape):
    """Whether somebody expected there has left a picture of this shape: whoever is seen at its edge has just come."""
    middles = middle_of(box[None])[0]
    return bool((middles < 0).any() or (middles > shape).any())


def _seen(frame, squares, pose_net, known):
    """Boxes of different people in squares; where two are one person's, that of the surer one.

    What is found in the search, beyond the first `known` squares, is looked at again in a square of its own.
    """
    if not squares:
        return []
    found = people_in(frame, squares, pose_net)
    again = _different([one for one in found[known:] if one[1] is not None])
    again = [box for _, box in again if all(_inside(box, other) < SAME for _, other in found[:known]
                                            if other is not None)]
    if again:
        found = found[:known] + people_in(frame, [square_around(box) for box in again], pose_net)
    return [box for _, box in _different([one for one in found if one[1] is not None])]


def _different(found):
    kept = []
    for one in sorted(found, key=lambda each: -each[0]):
        if all(_inside(one[1], other) < SAME for _, other in kept):
            kept.append(one)
    return kept


def _inside(a, b):
    """The share of the smaller of two boxes that lies in the other."""
    both = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return both / max(1e-6, min((a[2:] - a[:2]).prod(), (b[2:] - b[:2]).prod()))


def in_sight(looks, beats, stride):
    """Of each frame from the first to the last of a path's looks, whether those about it saw the walker, (T,) bool.

    Who is behind something for longer than `GAP_SECONDS` is not in the picture: that makes no crop.
    """
    looks, whole = np.array(looks), np.arange(looks[0], looks[-1] + 1)
    after = np.searchsorted(looks, whole).clip(1, len(looks) - 1)
    first, last = looks[after - 1], looks[after]
    near = beats.places[last] - beats.places[first] <= GAP_SECONDS * beats.rate
    return near | (last - first <= stride) | np.isin(whole, looks)


def every_frame(path, places):
    """A path with boxes between those that were looked at; `places` (T,) as of `rates.Beats`, of all frames."""
    whole = np.arange(path.indices[0], path.indices[-1] + 1)
    boxes = np.stack([np.interp(places[whole], places[path.indices], edge) for edge in np.array(path.boxes).T], 1)
    path.indices, path.boxes = whole.tolist(), [*boxes]
    return path
