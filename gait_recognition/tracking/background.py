"""A still camera: the walker is the largest figure that differs from the median picture and crosses it."""
import collections
import itertools
import math
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from gait_recognition.prefetch import ahead
from gait_recognition.rates import beats_of
from gait_recognition.tracking.parts import ELSEWHERE, Parts
from gait_recognition.tracking.track import (
    BORDER,
    NOBODY,
    OTHER,
    POSE_MAY,
    NoPersonError,
    Track,
    UnsuitableError,
    middle_of,
    others_remark,
    settle,
)

BLOCK = 400                     # frames that share a background
SAMPLES = 31                    # of them that make it
SMALL_EDGE = 160                # pixels at least of the shorter edge of the pictures it works on, ...
MOST_PIXELS = 250_000           # ... but in all no more than this: of a strip a whole block would take a gigabyte
THRESHOLD = 9.0                 # grey levels above the noise that make foreground
SHADOW = (0.5, 0.97)            # a shadow leaves this share of the light, ...
SHADOW_TINT = 0.06              # ... and the same of each colour, within this
MIN_HEIGHT = 0.15               # of the picture's height: smaller moving things are not looked at
UNSTEADY = 15.0                 # grey levels of noise that no camera makes
MOVING_CAMERA = 0.35            # share of foreground, on the average, that no walker makes
HEAD_EDGE = 2                   # pixels, shrunk: an outline that begins nearer to the picture's top may lack the head
MOMENT_SECONDS = 0.2            # who touches the border before and after so short a time is not whole meanwhile either
CROWN = 0.15                    # of a figure's height: the rows that are its head
CROWN_SLACK = 0.08              # of its height: the stride moves the middle of the box against the head by less
FARTHEST = 0.5                  # of its height from where a track would be by now: no continuation of it
LINK_SECONDS = 1.0              # a figure out of sight for longer is another figure
SAME_HEIGHT = 1.3               # ratio of heights up to which it may be the same figure
MIN_TRAVEL = 0.5                # of its own height that a walker crosses
OTHERS_SECONDS = 0.6            # for which a figure that crosses the picture, too, is worth a word
MIN_SLENDERNESS = 1.2           # height to width of a walker; a stride with a swinging arm is about 1.8


def _reduction(shape):
    """How many pixels of a picture's edge become one of those it is looked at in."""
    return max(1, min(shape[:2]) // SMALL_EDGE, math.ceil(math.sqrt(math.prod(shape[:2]) / MOST_PIXELS)))


def shrink(frame):
    """The picture that is looked at, and by which whole number its edges are smaller."""
    factor = _reduction(frame.shape)
    return np.asarray(Image.fromarray(frame).reduce(factor)), factor


def still_picture(pictures):
    """Median (H, W, 3) of some of the pictures, and the noise around it (H, W) in grey levels."""
    chosen = np.unique(np.linspace(0, len(pictures) - 1, SAMPLES).round().astype(int))
    usual = pictures[chosen[len(chosen) // 2]]
    sample = [np.clip(pictures[i] / np.maximum(_gain(pictures[i], usual), 0.1) + 0.5, 0, 255).astype(np.uint8)
              for i in chosen]
    sample = np.sort(sample, axis=0)                                    # of bytes: faster than np.median
    still = sample[len(sample) // 2]
    spread = np.sort(np.maximum(sample, still) - np.minimum(sample, still), axis=0)[len(sample) // 2]
    return still.astype(np.float32), ndimage.uniform_filter(spread.max(axis=2).astype(np.float32), 5)


def _gain(picture, still):
    """How much brighter a picture is in each colour, (3,): exposure and white balance wander."""
    coarse = slice(None, None, 4), slice(None, None, 4)
    return np.median(picture[coarse] / np.maximum(still[coarse], np.float32(1)), axis=(0, 1))


def foreground(picture, still, noise):
    """Mask (H, W) of what differs from the background by more than noise, the light's changes and soft shadows."""
    expected = still * _gain(picture, still)
    difference = np.abs(picture - expected)
    largest = np.maximum(np.maximum(difference[..., 0], difference[..., 1]), difference[..., 2])
    mask = ndimage.uniform_filter(largest, 3) > THRESHOLD + 3 * noise
    expected = np.maximum(expected[mask], 1)                            # (n, 3)
    light = picture[mask] / expected
    low, high = light.min(axis=1), light.max(axis=1)
    tint = SHADOW_TINT + 2 * noise[mask] / expected.min(axis=1)
    mask[mask] = ~((low > SHADOW[0]) & (high < SHADOW[1]) & (high - low < tint))
    return mask


def _figures(mask):
    """The larger things in a mask, (n, 6): top, left, bottom, right (exclusive), column of the crown, area."""
    height = len(mask)
    joined = mask.astype(np.uint8)
    for axis, reach in ((0, height // 12), (1, height // 30)):          # head, trunk and legs hang together
        joined = ndimage.maximum_filter1d(joined, 2 * reach + 1, axis)
    labels, _ = ndimage.label(joined)
    labels[~mask] = 0
    boxes = []
    for label, where in enumerate(ndimage.find_objects(labels), 1):
        if where is None or where[0].stop - where[0].start < MIN_HEIGHT * height:
            continue
        part = labels[where] == label
        rows, columns = np.flatnonzero(part.sum(1) >= 2), np.flatnonzero(part.sum(0) >= 2)     # no single pixels
        if len(rows) and len(columns) and rows[-1] - rows[0] >= MIN_HEIGHT * height:
            top, left = where[0].start, where[1].start
            crown = np.nonzero(part[rows[0]:rows[0] + math.ceil(CROWN * (rows[-1] - rows[0]))])[1].mean() + 0.5
            boxes.append((top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1, left + crown,
                          part.sum()))
    return np.array(boxes, float).reshape(-1, 6)


class Moving(NamedTuple):
    """Everything that moves before a still background.

    Attributes
    ----------
    numbers : list of int
    figures : list of np.ndarray (n, 6)
        For each frame, as `_figures`, in the frame's pixels.
    shape : (int, int)
        Height and width of the frames.
    share : float
        Of the picture that was foreground or never still, on the average.
    parts : Parts
        Of the recording, which is cut; a background is one part's.
    rate : float
        Frames a second.
    """
    numbers: list
    figures: list
    shape: tuple
    share: float
    parts: Parts
    rate: float

    @property
    def camera_moves(self):
        return self.share > MOVING_CAMERA


def find_moving(frames):
    """What moves in `Frames`, a `Moving`."""
    numbers, figures, shares, parts = [], [], [], Parts(frames.facts)
    window, waiting, latest = collections.deque(maxlen=BLOCK), 0, 0

    def look():
        still, noise = still_picture(window)
        for picture in itertools.islice(window, len(window) - waiting, None):
            mask = foreground(picture, still, noise)
            shares.append((mask | (noise > UNSTEADY)).mean())
            figures.append(_figures(mask) * ([factor] * 5 + [factor ** 2]))

    for number, frame in ahead(frames.numbered(), 4):
        part = parts.add(number, frame)
        if part != latest:
            if waiting:
                look()
            window.clear()
            waiting, latest = 0, part
        picture, factor = shrink(frame)
        shape = frame.shape[:2]
        numbers.append(number)
        window.append(picture)
        waiting += 1
        if waiting == BLOCK:
            look()
            waiting = 0
    if waiting:
        look()
    return Moving(numbers, figures, shape, float(np.mean(shares)), parts, frames.fps / frames.every)


def _link(figures, rate):
    """Tracks through the figures of each frame: lists of (time, box). Figures continue the tracks that they are nearest
    to, all together."""
    done, active = [], []
    for time, boxes in enumerate(figures):
        lost = [time - path[-1][0] > max(1, LINK_SECONDS * rate) for path in active]
        done += itertools.compress(active, lost)
        active = [path for path, is_lost in zip(active, lost) if not is_lost]
        distances = np.array([[min(_distance(path, time, box), FARTHEST) for box in boxes] for path in active])
        distances = distances.reshape(len(active), len(boxes))
        pairs = [(p, b) for p, b in zip(*linear_sum_assignment(distances)) if distances[p, b] < FARTHEST]
        for p, b in pairs:
            active[p].append((time, boxes[b]))
        taken = {b for _, b in pairs}
        active += [[(time, box)] for b, box in enumerate(boxes) if b not in taken]
    return done + active


def _distance(path, time, box):
    """How far, in its heights, the box is from where the track would be by now; infinite for another's height."""
    (then, first), (last, latest) = path[max(-6, -len(path))], path[-1]
    pace = (middle_of(latest[None]) - middle_of(first[None])) / max(last - then, 1)
    expected = middle_of(latest[None]) + pace * (time - last)
    height = np.median([box[2] - box[0] for _, box in path[-25:]])
    if not 1 / SAME_HEIGHT < (box[2] - box[0]) / height < SAME_HEIGHT:
        return math.inf
    return np.linalg.norm(middle_of(box[None]) - expected) / height


def track_background(frames, moving=None):
    """The largest figure that crosses a still picture, as a `Track`; `moving` is what `find_moving` found in them."""
    moving = moving or find_moving(frames)
    numbers, figures, shape, share, parts, rate = moving
    if moving.camera_moves:
        raise UnsuitableError(f'{frames.name}: {share:.0%} of the picture changes all the time, so the camera moves '
                              "(or the scene flickers) and crop='background' cannot tell the walker from it")
    nothing, of_part = np.empty((0, 6)), np.array(parts.numbers)
    paths = [path for part in dict.fromkeys(parts.numbers) for path in
             _link([found if own else nothing for found, own in zip(figures, of_part == part)], rate)]
    if not paths:
        raise NoPersonError(f'{frames.name}: nothing as large as a person moves in these {len(numbers)} frames')
    crossing = [path for path in paths if _travel(path) >= MIN_TRAVEL]
    if not crossing:
        raise UnsuitableError(f"{frames.name}: something moves but stays in its place, which crop='background' cannot "
                              'outline')
    upright = [path for path in crossing if _slenderness(path) >= MIN_SLENDERNESS]
    if not upright:
        raise UnsuitableError(f"{frames.name}: what crosses the picture is no walking person: it is wider than tall "
                            '(or a shadow or a thing beside makes it so)' + POSE_MAY)
    largest = max(upright, key=lambda path: sum(box[5] for _, box in path))
    chosen = _without_company(largest)
    cut = HEAD_EDGE * _reduction(shape)
    edges, reasons = np.full((len(numbers), 4), np.nan), [OTHER if len(found) else NOBODY for found in figures]
    for time, box in chosen:
        if box[0] <= cut or box[1] <= 1 or box[2] >= shape[0] - 1 or box[3] >= shape[1] - 1:
            reasons[time] = BORDER
        else:
            edges[time], reasons[time] = box[:4], ''
    _stay_at_border(edges, reasons, MOMENT_SECONDS * rate)
    used = parts.numbers[chosen[0][0]]
    reasons = [reason if own else ELSEWHERE for reason, own in zip(reasons, of_part == used)]
    track = Track(frames.name, 'background', stands_still=True)
    track.note(frames, parts.remark(used, numbers))
    others = sum(len(path) >= OTHERS_SECONDS * rate for path in upright if path is not largest)
    if others:
        track.remarks.append(others_remark(others))
    settle(track, numbers, edges, reasons, beats_of(frames, numbers))
    return track


def _stay_at_border(edges, reasons, most):
    """Call all of up to `most` frames between two at the border the same."""
    for before, after in itertools.pairwise([time for time, reason in enumerate(reasons) if reason == BORDER]):
        if after - before <= most:
            edges[before:after] = np.nan
            reasons[before:after] = [BORDER] * (after - before)


def _without_company(path):
    """The track with each box that a smaller figure widens put back under its crown.

    The crown keeps its place over the middle of the figure, and no smaller figure reaches up to it.
    """
    boxes = np.array([box for _, box in path])
    middle, width = middle_of(boxes)[:, 1], boxes[:, 3] - boxes[:, 1]
    alone = width <= np.quantile(width, 0.4)                            # the narrow ones: those of one figure
    expected = boxes[:, 4] + np.median((middle - boxes[:, 4])[alone])
    off = np.abs(middle - expected) > CROWN_SLACK * np.median(boxes[:, 2] - boxes[:, 0])
    boxes[off, 1] += (expected - middle)[off]
    boxes[off, 3] += (expected - middle)[off]
    return [(time, box) for (time, _), box in zip(path, boxes)]


def _travel(path):
    """How far a track leads, in heights of its figure."""
    boxes = np.array([box for _, box in path])
    return np.linalg.norm(np.ptp(middle_of(boxes), axis=0)) / np.median(boxes[:, 2] - boxes[:, 0])


def _slenderness(path):
    boxes = np.array([box for _, box in path])
    return np.median((boxes[:, 2] - boxes[:, 0]) / (boxes[:, 3] - boxes[:, 1]))
