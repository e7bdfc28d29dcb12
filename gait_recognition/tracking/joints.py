"""Any camera: the walker is the person whom the pose network is surest of at first, followed by their joints."""
import math

import numpy as np

from gait_recognition.tracking.parts import ELSEWHERE, Parts
from gait_recognition.tracking.track import (
    BORDER,
    CROP_SIZE,
    HEIGHT_SHARE,
    NOBODY,
    Track,
    cut_square,
    middle_of,
    others_remark,
    settle,
)

SURE = 0.3                      # probability from which a joint counts
MIN_JOINTS = 9                  # of 16 that make a person, a head and an ankle among them
HEADS, ANKLES = (8, 9), (0, 5)
# Of the joints' height: what hair adds above the head's top, soles below the ankles. Where the highest joint is the
# head's middle (Human3.6m.ckpt) boxes end half a head lower, which moves their middle by about 3 %.
ABOVE, BELOW = 0.02, 0.055
POSE_SECONDS = 0.16             # between the frames that are looked at; boxes are interpolated between
SEARCH_SECONDS = 1.0            # between searches of the whole picture
OTHER_PLACE = 0.5               # heights from somebody: another person
SEARCH_SIDES = (1.0, 0.6)       # of the squares searched, in shorter edges of the picture


def track_joints(frames, pose_net):
    """The person whom the pose network is surest of at first, followed, as a `Track`."""
    if pose_net is None:
        raise ValueError("crop='pose' needs the pose network: pass pose_net")
    rate = frames.fps / frames.every
    stride = max(1, round(POSE_SECONDS * rate))
    numbers, edges, reasons, square, searched = [], [], [], None, -math.inf
    parts, latest, company = Parts(frames.facts), 0, 0
    for time, (number, frame) in enumerate(frames.numbered()):
        part = parts.add(number, frame)
        if part != latest:                                              # whoever is seen now is looked for anew
            square, searched, latest = None, -math.inf, part
        numbers.append(number)
        edges.append(np.full(4, np.nan))
        reasons.append(NOBODY)
        if time % stride:
            continue
        figure = None if square is None else _person_near(frame, square, pose_net)
        if figure is None and time - searched >= SEARCH_SECONDS * rate:
            searched = time
            figure, others = _person_anywhere(frame, pose_net)
            company = max(company, others)
        if figure is None:
            continue
        square = square_around(figure)
        if (figure[:2] <= 1).any() or (figure[2:] >= np.array(frame.shape[:2]) - 1).any():
            reasons[-1] = BORDER
        else:
            edges[-1], reasons[-1] = figure, ''
    edges, of_part = np.array(edges), np.array(parts.numbers)
    found = np.isfinite(edges[:, 0])
    used = max(dict.fromkeys(parts.numbers), key=lambda part: found[of_part == part].sum())
    edges[of_part != used] = np.nan
    reasons = [reason if own else ELSEWHERE for reason, own in zip(reasons, of_part == used)]
    track = Track(frames.name, 'pose')
    track.note(frames, parts.remark(used, numbers))
    if company:
        track.remarks.append(others_remark(company))
    settle(track, numbers, edges, reasons, rate)
    return track


def square_around(figure):
    """The square (top, left, side) of a crop around a person's box."""
    side = (figure[2] - figure[0]) / HEIGHT_SHARE
    return np.array([*(middle_of(figure[None])[0] - side / 2), side])


def people_in(frame, squares, pose_net):
    """(surety, box) of the person in each square of a frame; box None where there is none."""
    joints = pose_net.joint_positions(np.stack([cut_square(frame, square) for square in squares]))        # (3, n, 16)
    found = []
    for (top, left, side), y, x, sure in zip(squares, *joints):
        seen = sure >= SURE
        if seen.sum() < MIN_JOINTS or not seen[list(HEADS)].any() or not seen[list(ANKLES)].any():
            found.append((0.0, None))
            continue
        y, x = top + y[seen] * side / CROP_SIZE, left + x[seen] * side / CROP_SIZE
        tall = np.ptp(y)
        found.append((float(sure.mean()), np.array([y.min() - ABOVE * tall, x.min(), y.max() + BELOW * tall, x.max()])))
    return found


def _person_near(frame, square, pose_net):
    """The person's box, looked for in a square and again in the square around what was found there."""
    _, figure = people_in(frame, [square], pose_net)[0]
    if figure is not None and np.abs(square_around(figure) - square).max() > 0.1 * square[2]:
        _, figure = people_in(frame, [square_around(figure)], pose_net)[0]
    return figure


def _person_anywhere(frame, pose_net):
    """The person's box in the square, among many over the whole frame, where the network is surest; how many others
    are in other places, at least half as tall."""
    squares = search_squares(frame.shape[:2])
    people = people_in(frame, squares, pose_net)
    _, figure = max(people, key=lambda person: person[0])
    if figure is None:
        return None, 0
    return _person_near(frame, square_around(figure), pose_net), _others([box for _, box in people], figure)


def _others(boxes, figure):
    """How many boxes at different places are not the figure's."""
    places, tall = [middle_of(figure[None])[0]], figure[2] - figure[0]
    for box in boxes:
        if box is not None and box[2] - box[0] > 0.5 * tall:
            place = middle_of(box[None])[0]
            if all(np.linalg.norm(place - other) > OTHER_PLACE * tall for other in places):
                places.append(place)
    return len(places) - 1


def search_squares(shape):
    """Squares (top, left, side) all over a picture of that height and width."""
    squares = []
    for share in SEARCH_SIDES:
        side = share * min(shape)
        tops, lefts = (np.linspace(0, edge - side, max(1, math.ceil(2 * (edge / side - 1)) + 1)) for edge in shape)
        squares += [np.array([top, left, side]) for top in tops for left in lefts]
    return squares
