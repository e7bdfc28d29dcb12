"""Any camera: the walker is the person whom the pose network is surest of at first, followed by their joints."""
import itertools
import math

import numpy as np

from gait_recognition.rates import beats_of
from gait_recognition.tracking.parts import ELSEWHERE, Parts
from gait_recognition.tracking.track import (
    BORDER,
    CROP_SIZE,
    HEIGHT_SHARE,
    NOBODY,
    Track,
    cut_square,
    middle_of,
    settle,
)

SURE = 0.3                      # probability from which a joint counts
MIN_JOINTS = 9                  # of 16 that make a person, a head and an ankle among them
HEADS, ANKLES = (8, 9), (0, 5)
# Of the joints' height: what hair adds above the head's top, soles below the ankles. Where the highest joint is the
# head's middle (Human3.6m.ckpt) boxes end half a head lower, which moves their middle by about 3 %.
ABOVE, BELOW = 0.02, 0.055
KNEES, HIPS, ARMS, TRUNK = (1, 4), (2, 3), ((10, 11, 12), (15, 14, 13)), (2, 3, 6, 7, 8, 12, 13)
# Of the joints' height: from the ankle forward to the toes and back to the heel; half of the trunk's depth. These and
# the share of the ends in the middle are the best of a few on drawn walkers.
TOES, HEELS, DEEP, BY_ENDS = 0.08, 0.03, 0.07, 0.65
FINGERS = 0.3                   # of the forearm: from the wrist on to the middle of the hand
POSE_SECONDS = 0.16             # between the frames that are looked at; boxes are interpolated between
RETRIES = 2                     # frames looked at at once where somebody followed is not seen in one
SMOOTH_SECONDS = 0.06           # of the centres, which interpolation smooths already
SEARCH_SECONDS = 1.0            # between searches of the whole picture
SEEK_SECONDS = 0.3              # between searches about what moves
SEARCH_SIDES = (1.0, 0.6)       # of the squares searched, in shorter edges of the picture
LARGEST = 2                     # of the figures that move are looked at
CUT = 0.1                       # of somebody's height: who reaches further over the picture's edge is not seen whole
# Of somebody's height: whose joints end so near a side of the picture is not whole in it; who seems slender, a half
# perhaps, has to keep further off.
NEAR_SIDE, NEAR_IF_SLENDER, SLENDER = 0.04, 0.08, 0.2
PART = 1.8                      # times as tall as what moves is somebody whose legs alone are seen to move


def track_joints(frames, pose_net, moving=None):
    """The person whom the pose network is surest of at first, followed, as a `Track`.

    Parameters
    ----------
    frames : Frames
    pose_net : HumanPoseIRNetwork
    moving : Moving, optional
        What moves before a still background: the person is looked for there alone.
    """
    if pose_net is None:
        raise ValueError("crop='pose' needs the pose network: pass pose_net")
    rate = frames.fps / frames.every
    stride = max(1, round(POSE_SECONDS * rate))
    numbers, edges, reasons, square, searched = [], [], [], None, -math.inf
    parts, latest, due, missed = Parts(frames.facts), 0, 0, 0
    for time, (number, frame) in enumerate(frames.numbered()):
        part = parts.add(number, frame)
        if part != latest:                                              # whoever is seen now is looked for anew
            square, searched, latest, due = None, -math.inf, part, time
        numbers.append(number)
        edges.append(np.full(4, np.nan))
        reasons.append(NOBODY)
        if time < due:
            continue
        figure = None if square is None else _person_near(frame, square, pose_net)
        if figure is None and time - searched >= (SEARCH_SECONDS if moving is None else SEEK_SECONDS) * rate:
            searched = time
            figure = (_person_anywhere(frame, pose_net) if moving is None else
                      person_among(frame, squares_around(moving.figures[time], frame.shape), pose_net))
        missed = 0 if figure is not None or square is None else missed + 1
        due = time + (1 if 0 < missed <= RETRIES else stride)
        if figure is None:
            continue
        square = square_around(figure)
        if (figure[:2] <= 1).any() or (figure[2:] >= np.array(frame.shape[:2]) - 1).any():
            reasons[-1] = BORDER
        else:
            edges[-1], reasons[-1] = figure, ''
    edges, of_part = np.array(edges), np.array(parts.numbers)
    _leave_at_sides(edges, reasons, frame.shape[1])
    found = np.isfinite(edges[:, 0])
    used = max(dict.fromkeys(parts.numbers), key=lambda part: found[of_part == part].sum())
    edges[of_part != used] = np.nan
    reasons = [reason if own else ELSEWHERE for reason, own in zip(reasons, of_part == used)]
    track = Track(frames.name, 'pose')
    track.note(frames, parts.remark(used, numbers))
    settle(track, numbers, edges, reasons, beats_of(frames, numbers), SMOOTH_SECONDS)
    return track


def _leave_at_sides(edges, reasons, width):
    """Take out, in place, boxes (T, 4) at a side of the picture: the network puts all joints of somebody half outside
    into the half that is seen."""
    tall = edges[:, 2] - edges[:, 0]
    if np.isfinite(tall).any():
        tall = np.fmax(tall, np.nanmedian(tall))
        near = np.where(edges[:, 3] - edges[:, 1] < SLENDER * tall, NEAR_IF_SLENDER, NEAR_SIDE) * tall
        for time in np.flatnonzero((edges[:, 1] < near) | (edges[:, 3] > width - 1 - near)):
            edges[time], reasons[time] = np.nan, BORDER


def square_around(figure):
    """The square (top, left, side) of a crop around a person's box."""
    side = (figure[2] - figure[0]) / HEIGHT_SHARE
    return np.array([*(middle_of(figure[None])[0] - side / 2), side])


def people_in(frame, squares, pose_net):
    """(surety, box) of the person in each square of a frame; box None where there is none."""
    shown = [square for square in squares if _is_in(square, frame.shape)]
    if not shown:
        return [(0.0, None)] * len(squares)
    joints = pose_net.joint_positions(np.stack([cut_square(frame, square) for square in shown]))          # (3, n, 16)
    each = iter(joints.swapaxes(0, 1))
    return [_person_of(next(each), square) if _is_in(square, frame.shape) else (0.0, None) for square in squares]


def _person_of(joints, square):
    """(surety, box) of joints (3, 16) in a square's crop, without raised arms; box None where they are nobody's."""
    (y, x, sure), (top, left, side) = joints, square
    seen = sure >= SURE
    if seen.sum() < MIN_JOINTS or not seen[list(HEADS)].any() or not seen[list(ANKLES)].any():
        return 0.0, None
    y, x = top + y * side / CROP_SIZE, left + x * side / CROP_SIZE
    seen[[joint for wrist, elbow, shoulder in ARMS if y[wrist] < y[shoulder] for joint in (wrist, elbow)]] = False
    tall = np.ptp(y[seen])
    first, last = _width(x, seen, tall)
    return float(sure.mean()), np.array([y[seen].min() - ABOVE * tall, first, y[seen].max() + BELOW * tall, last])


def ankles_in(frame, square, pose_net):
    """(y, x) from the left ankle to the right one in a square of a frame, as shares of its side; None where unsure."""
    y, x, sure = pose_net.joint_positions(cut_square(frame, square)[None])[:, 0]
    if sure[list(ANKLES)].min() < SURE:
        return None
    right, left = ANKLES
    return np.array([y[right] - y[left], x[right] - x[left]]) / CROP_SIZE


def _is_in(square, shape):
    """Whether a part of the square is in a picture of this shape."""
    top, left, side = square
    return -side < top < shape[0] and -side < left < shape[1]


def _width(x, seen, tall):
    """Left and right end of somebody `tall` pixels high whose joints lie at columns x (16,), with toes and fingers.

    The middle lies between that of these ends, which moves with the stride, and that of the trunk, in which networks
    err less.
    """
    facing = np.sign(np.sum(x[list(KNEES)] - (x[list(ANKLES)] + x[list(HIPS)]) / 2))
    trunk = x[[joint for joint in TRUNK if seen[joint]] or slice(None)].mean()
    ends = [x[seen], [trunk - DEEP * tall, trunk + DEEP * tall],
            *(x[ankle] + facing * tall * np.array([TOES, -HEELS]) for ankle in ANKLES if seen[ankle]),
            *(x[[wrist]] + FINGERS * (x[[wrist]] - x[[elbow]]) for wrist, elbow, _ in ARMS
              if seen[[wrist, elbow]].all())]
    ends = np.concatenate(ends)
    shift = (1 - BY_ENDS) * (trunk - (ends.min() + ends.max()) / 2)
    return ends.min() + shift, ends.max() + shift


def _person_near(frame, square, pose_net):
    """The person's box, looked for in a square and again in the square around what was found there."""
    _, figure = people_in(frame, [square], pose_net)[0]
    if figure is not None and np.abs(square_around(figure) - square).max() > 0.1 * square[2]:
        _, figure = people_in(frame, [square_around(figure)], pose_net)[0]
    return figure


def _person_anywhere(frame, pose_net):
    """The person's box in the square, among many over the whole frame, where the network is surest."""
    return person_among(frame, search_squares(frame.shape[:2]), pose_net)


def search_squares(shape, beyond=0.0):
    """Squares (top, left, side) all over a picture of that height and width, to that share of a side beyond its left
    and right end."""
    squares = []
    for share in SEARCH_SIDES:
        side = share * min(shape)
        tops, lefts = (np.linspace(-more * side, edge - (1 - more) * side,
                                   max(1, math.ceil(2 * (edge / side - 1 + 2 * more)) + 1))
                       for edge, more in zip(shape, (0, beyond)))
        squares += [np.array([top, left, side]) for top in tops for left in lefts]
    return squares


def person_among(frame, squares, pose_net):
    """The person's box in the one of squares (possibly none) where the network is surest."""
    if not len(squares):
        return None
    _, figure = max(people_in(frame, squares, pose_net), key=lambda person: person[0])
    return None if figure is None else _person_near(frame, square_around(figure), pose_net)


def squares_around(figures, shape):
    """Squares in which somebody may be of whom figures (n, 6) of `background` show the whole, a part, or too much, and
    who would be whole in a picture of this shape."""
    squares = []
    for top, left, bottom, right, crown, _ in sorted(figures.tolist(), key=lambda figure: -figure[5])[:LARGEST]:
        tall, middle = bottom - top, (left + right) / 2
        columns = [crown, *([middle] if abs(middle - crown) > 0.15 * tall else [])]
        if right - left > tall:                             # a shadow, company, a thing that is pushed or pulled
            columns += [left + 0.3 * tall, right - 0.3 * tall]
        rows = [(top + bottom) / 2] * len(columns)
        # The legs alone; a mirror image below the feet.
        for column, row, height in [*zip(columns, rows, itertools.repeat(tall)),
                                    (crown, bottom - PART * tall / 2, PART * tall), (crown, top + tall / 4, tall / 2)]:
            side = height / HEIGHT_SHARE
            if row - height / 2 < -CUT * height or row + height / 2 > shape[0] + CUT * height:
                continue
            squares.append(np.array([row - side / 2, column - side / 2, side]))
    return squares


def square_around_person(picture, pose_net):
    """The crop (top, left, side) around the person of whom the network is surest in one picture; None where nobody is.

    Unlike in walks, the person may fill the picture and touch its borders.
    """
    shape, squares = picture.shape[:2], []
    for side in (max(shape) / HEIGHT_SHARE, max(shape), *(share * min(shape) for share in SEARCH_SIDES)):
        tops, lefts = (np.linspace(0, edge - side, math.ceil(2 * (edge / side - 1)) + 1) if edge > side else
                       [(edge - side) / 2] for edge in shape)
        squares += [np.array([top, left, side]) for top in tops for left in lefts]
    _, figure = max(people_in(picture, squares, pose_net), key=lambda person: person[0])
    if figure is not None:
        figure = _person_near(picture, square_around(figure), pose_net)
    return None if figure is None else tuple(square_around(figure).tolist())
