"""Everybody whom another detector or tracker found: its boxes as tracks."""
import collections
import math
import numbers
import os

import numpy as np

from gait_recognition.people.box_files import NO_TRACK, Boxes, read_boxes
from gait_recognition.people.linking import Path, link, usable_flags
from gait_recognition.people.scenes import Scene, Sighting
from gait_recognition.tracking.track import MIN_FRAMES

COVERED = 0.35                  # of a box that a nearer one covers: more is no crop


def follow_boxes(frames, boxes):
    """A `Scene` of boxes that came from elsewhere, as of `tracks.tracks`."""
    boxes = boxes_of(boxes)
    looked_at, shape = [], None
    for number, frame in frames.numbered():
        looked_at.append(number)
        shape = frame.shape[:2]
    last, most = int(boxes.frames.max()), (len(looked_at) + frames.skipped) * frames.every
    if last >= max(looked_at[-1] + frames.every, most) and not _is_part(frames):
        raise ValueError(f'{frames.name} has {most if frames.every == 1 else f"at most {most}"} frames, but there are '
                         f'boxes of frame {last} (counted from 0): they are of another recording, or count frames '
                         'otherwise')
    place = {number: index for index, number in enumerate(looked_at)}
    paths, limits = _paths(boxes, place, frames.fps / frames.every), np.array([*shape, *shape], float)
    sightings, outside = [], 0
    for path, usable in zip(paths, usable_flags(paths, COVERED)):
        clipped = [np.clip(box, 0, limits) for box in path.boxes]
        inside = [(box[2:] - box[:2] > 1).all() for box in clipped]
        outside += inside.count(False)
        kept = [each for each in zip(path.indices, clipped, usable, inside) if each[3]]
        if kept:
            sightings.append(Sighting(*map(list, zip(*(each[:3] for each in kept)))))
    remarks = [f'{outside} of the boxes lie outside of the picture'] if outside else []
    if not np.isin(boxes.frames, looked_at).any():
        remarks.append(f'none of the {len(boxes.frames)} boxes is of a frame that was looked at')
    return Scene('boxes', sightings, looked_at, frames.seconds, shape, remarks)


def _is_part(frames):
    return frames.start > 0 or np.isfinite(frames.end) if hasattr(frames, 'start') else True


def boxes_of(boxes):
    """The `Boxes` that a user means, whatever they come in."""
    if isinstance(boxes, (str, os.PathLike)):
        return read_boxes(boxes)
    if isinstance(boxes, Boxes):
        edges = _numbers(boxes.boxes, 'Boxes').tolist()
        return _of_rows([(frame, track, *box) for frame, track, box in zip(boxes.frames, boxes.tracks, edges)])
    if hasattr(boxes, 'xyxy'):
        raise ValueError('boxes: expected an object with xyxy for each frame, in a list, got a single one')
    if hasattr(boxes, 'ndim') or (isinstance(boxes, (list, tuple)) and boxes and not hasattr(boxes[0], 'xyxy')
                                  and _is_row(boxes[0])):
        return _of_arrays([boxes])
    try:
        boxes = list(boxes)
    except TypeError:
        raise ValueError('boxes: expected a file, arrays (T, 4) or an object with xyxy for each frame, got '
                         f'{type(boxes).__name__}') from None
    return _of_detections(boxes) if any(hasattr(each, 'xyxy') for each in boxes) else _of_arrays(boxes)


def _is_row(value):
    """Whether this is a row of numbers, not an array of them."""
    return isinstance(value, (list, tuple, np.ndarray)) and len(value) and all(np.ndim(each) == 0 for each in value)


def _numbers(value, whose):
    """Boxes as an array (T, 4) of floats."""
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        raise ValueError(f'boxes: {whose}: expected numbers, left, top, right, bottom in each row, got '
                         f'{" ".join(str(value).split())[:60]}') from None
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f'boxes: {whose}: expected an array (T, 4), left, top, right, bottom in each row, got shape '
                         f'{array.shape}')
    return array


def _of_arrays(arrays):
    """Of arrays (T, 4), one for each walker."""
    parts = []
    for track, array in enumerate(arrays, 1):
        array = _numbers(array, f'walker {track}')
        parts += [(frame, track, *box) for frame, box in enumerate(array.tolist()) if not np.isnan(box).all()]
    return _of_rows(parts)


def _of_detections(detections):
    """Of objects with `xyxy` (n, 4), and maybe `tracker_id` (n,), one for each frame."""
    rows = []
    for frame, found in enumerate(detections):
        if not hasattr(found, 'xyxy'):
            raise ValueError(f'boxes: frame {frame}: expected an object with xyxy, got {type(found).__name__}')
        boxes = np.empty((0, 4)) if np.size(found.xyxy) == 0 else _numbers(found.xyxy, f'frame {frame}')
        tracks = getattr(found, 'tracker_id', None)
        tracks = [NO_TRACK] * len(boxes) if tracks is None else np.ravel(tracks).tolist()
        if len(tracks) != len(boxes):
            raise ValueError(f'boxes: frame {frame} has {len(boxes)} boxes and {len(tracks)} tracker_id')
        rows += [(frame, track, *box) for track, box in zip(tracks, boxes.tolist())]
    return _of_rows(rows)


def _of_rows(rows):
    """`Boxes` of rows of frame, track (negative: nobody's), left, top, right, bottom; refuses what files are refused
    for."""
    if not rows:
        raise ValueError('boxes: expected some, got none')
    seen = set()
    for frame, track, *box in rows:
        for what, value in (('frame', frame), ('track', track)):
            if not isinstance(value, numbers.Real) or value != value // 1:          # NaN is not, either
                raise ValueError(f'boxes: frame {frame}: {what}: expected a whole number, got {value}')
        if frame < 0:
            raise ValueError(f'boxes: frames count from 0, got {frame}')
        if not all(map(math.isfinite, box)) or box[2] <= box[0] or box[3] <= box[1]:
            raise ValueError(f'boxes: frame {frame}: expected left, top, right, bottom with right and bottom larger, '
                             f'got {", ".join(f"{value:g}" for value in box)}')
        if track > NO_TRACK and (frame, track) in seen:
            raise ValueError(f'boxes: frame {frame}: a second box of track {track:g}')
        seen.add((frame, track))
    frames, tracks, *edges = zip(*rows)
    return Boxes(np.array(frames, int), np.maximum(np.array(tracks, int), NO_TRACK), np.array(edges, float).T)


def _paths(boxes, place, rate):
    """Boxes as paths, by track where they have one, else linked; boxes are top, left, bottom, right from here on."""
    by_track, loose = {}, collections.defaultdict(list)
    for frame, track, (left, top, right, bottom) in sorted(
            zip(boxes.frames.tolist(), boxes.tracks.tolist(), boxes.boxes.tolist())):
        if frame not in place:
            continue
        box = np.array([top, left, bottom, right])
        if track == NO_TRACK:
            loose[place[frame]].append(box)
        elif track in by_track:
            by_track[track].add(place[frame], box)
        else:
            by_track[track] = Path(place[frame], box)
    linked = link([loose.get(index, []) for index in range(max(loose, default=-1) + 1)], rate)
    return [*by_track.values(), *(path for path in linked if len(path.indices) >= MIN_FRAMES)]
