"""Boxes of people in files: MOTChallenge's text and COCO's results (JSON).

Boxes here are left, top, right, bottom in pixels, right and bottom exclusive, the picture's upper left corner 0, 0;
frames count from 0. In MOTChallenge's text frames, tracks and pixels count from 1.
"""
import json
import math
import os
from typing import NamedTuple

import numpy as np

import gait_files

PERSON = 1                      # COCO's category
MOT_FIELDS = 6                  # at least: frame, track, left, top, width, height
TRUTH_FIELDS = 9                # of a ground truth: whether it is to be considered, class, visibility, too
NO_TRACK = -1
LARGEST = 1 << 53               # of any number: whole ones up to it are exact
PLACES = 2                      # decimals that are written


class Boxes(NamedTuple):
    """Boxes of several frames.

    Attributes
    ----------
    frames : np.ndarray, int (n,)
        Numbers of frames, from 0.
    tracks : np.ndarray, int (n,)
        Whose boxes they are; `NO_TRACK` where nobody linked them.
    boxes : np.ndarray, float (n, 4)
    """

    frames: np.ndarray
    tracks: np.ndarray
    boxes: np.ndarray


def read_boxes(path):
    """The boxes of people in a file.

    Parameters
    ----------
    path : str or os.PathLike
        `.txt`, `.csv`: MOTChallenge's text, a line a box: frame, track (-1 where none), left, top, width, height, then
        others; of a ground truth's nine what is not to be considered, or is no person, is left out. `.json`: COCO's
        results, a list of objects with `image_id` (the frame, from 0), `bbox` (left, top, width, height), maybe
        `category_id` (1: a person) and `track_id`.

    Returns
    -------
    Boxes

    Raises
    ------
    ValueError
        With the file and the line, or the number of the entry.
    """
    name = os.fspath(path)
    suffix = os.path.splitext(name)[1].lower()
    if suffix not in ('.txt', '.csv', '.json'):
        raise ValueError(f"{name}: boxes are read from .txt (MOTChallenge's text) or .json (COCO's results)")
    gait_files.check_regular(path)
    try:
        with open(path, encoding='utf-8-sig') as file:
            rows = _coco(name, file.read()) if suffix == '.json' else _mot(name, file)
            rows = list(rows)
    except UnicodeDecodeError:
        raise ValueError(f'{name}: no text; boxes were expected') from None
    if not rows:
        raise ValueError(f'{name}: no box of a person in it')
    seen = {}
    for where, frame, track, _ in rows:
        if track != NO_TRACK and seen.setdefault((frame, track), where) != where:
            raise ValueError(f'{where}: a second box of track {track} in this frame (the first: '
                             f'{seen[frame, track].removeprefix(f"{name}, ")})')
    frames, tracks, boxes = zip(*(row[1:] for row in rows))
    return Boxes(np.array(frames), np.array(tracks), np.array(boxes, float))


def _mot(name, lines):
    """(where, frame, track, box) of a text's lines."""
    for number, line in enumerate(lines, 1):
        where, line = f'{name}, line {number}', line.strip()
        if not line:
            continue
        fields = line.split(',') if ',' in line else line.split()
        if len(fields) < MOT_FIELDS:
            raise ValueError(f'{where}: expected frame, track, left, top, width, height, ..., got {line[:60]!r}')
        values = _numbers(where, fields)
        frame, track = (_whole(where, what, value) for what, value in zip(('frame', 'track'), values))
        if frame < 1:
            raise ValueError(f'{where}: frames count from 1, got {frame}')
        considered, kind = values[6:8] if len(values) == TRUTH_FIELDS else (1, PERSON)
        if considered == 0 or kind != PERSON:
            continue
        left, top, width, height = values[2:6]
        yield where, frame - 1, max(track, NO_TRACK), _box(where, left - 1, top - 1, width, height)


def _coco(name, text):
    """(where, frame, track, box) of a JSON's entries."""
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:           # brackets by the thousand
        where = gait_files.json_place(name, text, error)
        raise ValueError(f"{where}: no JSON ({error}); COCO's results were expected") from None
    if isinstance(entries, dict):
        entries = entries.get('annotations')
    if not isinstance(entries, list):
        raise ValueError(f"{name}: expected a list of objects with image_id and bbox, as COCO's results are")
    for number, entry in enumerate(entries, 1):
        where = f'{name}, entry {number}'
        if not isinstance(entry, dict) or not {'image_id', 'bbox'} <= {*entry}:
            raise ValueError(f'{where}: expected an object with image_id and bbox, got {str(entry)[:60]!r}')
        if not isinstance(entry['bbox'], list) or len(entry['bbox']) != 4:
            raise ValueError(f'{where}: bbox: expected left, top, width, height, got {str(entry["bbox"])[:60]}')
        track = entry.get('track_id')
        fields = [entry['image_id'], NO_TRACK if track is None else track, entry.get('category_id', PERSON),
                  *entry['bbox']]
        text = next((field for field in fields if isinstance(field, str)), None)
        if text is not None:
            raise ValueError(f'{where}: expected a number, got the text {text[:30]!r}')
        frame, track, kind, *box = _numbers(where, fields)
        frame, track = (_whole(where, what, value) for what, value in (('image_id', frame), ('track_id', track)))
        if kind != PERSON:
            continue
        if frame < 0:
            raise ValueError(f'{where}: image_id: frames count from 0, got {frame}')
        yield where, frame, max(track, NO_TRACK), _box(where, *box)


def _numbers(where, fields):
    values = []
    for field in fields:
        try:
            values.append(math.nan if isinstance(field, bool) else float(field))
        except (TypeError, ValueError, OverflowError):
            values.append(math.nan)
        if not abs(values[-1]) <= LARGEST:                              # NaN is not, either
            raise ValueError(f'{where}: expected a number, got {str(field)[:30]!r}')
    return values


def _whole(where, what, value):
    if value != int(value):
        raise ValueError(f'{where}: {what}: expected a whole number, got {value:g}')
    return int(value)


def _box(where, left, top, width, height):
    if width <= 0 or height <= 0:
        raise ValueError(f'{where}: a box of {width:g} x {height:g} pixels')
    return left, top, left + width, top + height


def mot_lines(people):
    """MOTChallenge's text of `PersonTrack`s, frame after frame."""
    rows = sorted((number, person.number, *box) for person in people
                  for number, box in zip(person.numbers, np.asarray(person.boxes).tolist()))
    for number, track, left, top, right, bottom in rows:
        place = ','.join(f'{value:.{PLACES}f}' for value in (left + 1, top + 1, right - left, bottom - top))
        yield f'{number + 1},{track},{place},1,-1,-1,-1'


def write_boxes(path, people):
    """Write the boxes of `PersonTrack`s as MOTChallenge's text, whole or not at all."""
    with gait_files.replacing(path, 'w', shared=True, encoding='utf-8', newline='') as file:
        file.writelines(f'{line}\n' for line in mot_lines(people))
