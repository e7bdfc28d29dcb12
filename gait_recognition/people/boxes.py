"""Everybody whom another detector or tracker found: its boxes as tracks."""
import collections
import os

import numpy as np

from gait_recognition.people.box_files import NO_TRACK, Boxes, read_boxes
from gait_recognition.people.linking import Path, link, usable_flags
from gait_recognition.people.scenes import Scene, Sighting
from gait_recognition.tracking.track import MIN_FRAMES

COVERED = 0.35                  # of a box that a nearer one covers: more is no crop


def follow_boxes(frames, boxes):
    """A `Scene` of boxes that came from elsewhere, as of `tracks.tracks`."""
    numbers, shape = [], None
    for number, frame in frames.numbered():
        numbers.append(number)
        shape = frame.shape[:2]
    boxes = boxes_of(boxes)
    _check_tracks(boxes)
    last = int(boxes.frames.max())
    count = (len(numbers) + frames.skipped) * frames.every              # or some less than `every` fewer
    if last >= max(count, numbers[-1] + frames.every) and not _is_part(frames):
        raise ValueError(f'{frames.name} has {count} frames, but there are boxes of frame {last} (counted from '
                         '0): they are of another recording, or count frames otherwise')
    place = {number: index for index, number in enumerate(numbers)}
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
    return Scene('boxes', sightings, numbers, frames.seconds, shape, remarks)


def _is_part(frames):
    return frames.start > 0 or np.isfinite(frames.end) if hasattr(frames, 'start') else True


def boxes_of(boxes):
    """The `Boxes` that a user means, whatever they come in."""
    if isinstance(boxes, Boxes):
        return boxes
    if isinstance(boxes, (str, os.PathLike)):
        return read_boxes(boxes)
    if hasattr(boxes, 'ndim') or (isinstance(boxes, (list, tuple)) and boxes and not hasattr(boxes[0], 'xyxy')
                                  and np.ndim(boxes[0]) == 1):
        return _of_arrays([boxes])
    if not isinstance(boxes, (list, tuple)):
        boxes = list(boxes)
    if not boxes:
        raise ValueError('boxes: expected some, got none')
    return _of_detections(boxes) if hasattr(boxes[0], 'xyxy') else _of_arrays(boxes)


def _of_arrays(arrays):
    """Of arrays (T, 4), one for each walker."""
    parts = []
    for track, array in enumerate(arrays, 1):
        array = np.asarray(array, float)
        if array.ndim != 2 or array.shape[1] != 4:
            raise ValueError('boxes: expected an array (T, 4), left, top, right, bottom of each frame, got shape '
                             f'{array.shape}')
        there = np.flatnonzero(np.isfinite(array).all(1))
        parts += [(frame, track, *array[frame]) for frame in there]
    return _of_rows(parts)


def _of_detections(detections):
    """Of objects with `xyxy` (n, 4), and maybe `tracker_id` (n,), one for each frame."""
    rows = []
    for frame, found in enumerate(detections):
        boxes = np.asarray(found.xyxy, float).reshape(-1, 4)
        tracks = getattr(found, 'tracker_id', None)
        tracks = [NO_TRACK] * len(boxes) if tracks is None else _tracks_of(frame, tracks)
        if len(tracks) != len(boxes):
            raise ValueError(f'boxes: frame {frame} has {len(boxes)} boxes and {len(tracks)} tracker_id')
        rows += [(frame, track, *box) for track, box in zip(tracks, boxes)]
    return _of_rows(rows)


def _tracks_of(frame, given):
    """Numbers of tracks as a list; of those that are negative nobody knows whose they are."""
    try:
        return np.maximum(np.asarray(given).astype(int), NO_TRACK).reshape(-1).tolist()
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f'boxes: frame {frame}: tracker_id: expected a whole number for each box, or None for all, '
                         f'got {str(given)[:60]}') from None


def _check_tracks(boxes):
    """Refuse two boxes of one track in a frame: one of them is another's."""
    seen = set()
    for frame, track in zip(boxes.frames.tolist(), boxes.tracks.tolist()):
        if track != NO_TRACK and (frame, track) in seen:
            raise ValueError(f'boxes: frame {frame}: a second box of track {track}')
        seen.add((frame, track))


def _of_rows(rows):
    if not rows:
        raise ValueError('boxes: expected some, got none')
    values = np.array(rows, float)
    sizes = values[:, 4:] - values[:, 2:4]
    if not np.isfinite(values).all() or (sizes <= 0).any():
        bad = rows[int(np.flatnonzero(~(np.isfinite(values).all(1) & (sizes > 0).all(1)))[0])]
        raise ValueError(f'boxes: frame {bad[0]}: expected left, top, right, bottom with right and bottom larger, got '
                         f'{", ".join(f"{value:g}" for value in bad[2:])}')
    return Boxes(values[:, 0].astype(int), values[:, 1].astype(int), values[:, 2:])


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
