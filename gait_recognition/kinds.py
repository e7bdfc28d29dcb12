"""What an existing file holds, told by its first bytes: asked before an output takes its name."""
import contextlib
import csv
import io
import json
import os
import re
import zipfile

import numpy as np

from gait_files import check_regular, open_npz

VECTORS, JOINTS, ANNOTATIONS, EXPORT = 'vectors', 'joints', 'annotated pictures', 'an exported gallery'
GALLERY, MANIFEST, ANSWERS = 'a gallery', 'a manifest', 'kept answers'
BOXES, SCENES = 'boxes of people', 'a list of scenes'
PICTURE, VIDEO, CHART, FIGURES = 'a picture or animation', 'a video', 'a chart', 'gait figures'
REPORT, REPORT_MARK = 'a report', 'gait-recognition'           # and the generator that its page names
COUNTS, PROBES = 'counts of who was taken for whom', 'probes of an evaluation'
SIGNATURES = ((PICTURE, 0, b'\xff\xd8\xff'), (PICTURE, 0, b'\x89PNG'), (PICTURE, 0, b'GIF8'), (PICTURE, 8, b'WEBP'),
              (VIDEO, 4, b'ftyp'), (VIDEO, 4, b'moov'), (VIDEO, 4, b'mdat'), (VIDEO, 0, b'\x1a\x45\xdf\xa3'),
              (VIDEO, 8, b'AVI '), (GALLERY, 0, b'SQLite format 3\0'))
JOINT_COLUMNS = ('path', 'frame', 'time', 'joint', 'y', 'x', 'probability', 'sure')
TRACK_JOINT_COLUMNS = ('path', 'track', *JOINT_COLUMNS[1:], 'crowded')              # of everybody in a scene
OLD_JOINT_COLUMNS = ('path', 'frame', 'joint', 'y', 'x', 'probability')                 # before 2.1
FIGURE_COLUMNS = ('path', 'name', 'side', 'at', 'value', 'unit', 'sd', 'count')
# Patterns of whole headers; a manifest may have columns of its user's.
HEADERS = ((VECTORS, r'walk(,v\d+)+'), (EXPORT, r'name,walk(,v\d+)+'),
           (JOINTS, ','.join(JOINT_COLUMNS)), (JOINTS, ','.join(TRACK_JOINT_COLUMNS)),
           (JOINTS, ','.join(TRACK_JOINT_COLUMNS[:-1])),
           (JOINTS, ','.join(OLD_JOINT_COLUMNS)),
           (JOINTS, r'PathFileType\t4\t\(X/Y/Z\)\t.*'),
           (FIGURES, ','.join(FIGURE_COLUMNS)),
           (ANNOTATIONS, r'image,scale,centre_x,centre_y(,\w+_(x|y|visible))+'),
           (COUNTS, 'person,.*,not tried'), (PROBES, 'path,person,condition,session,taken_for,rank,similarity'),
           (BOXES, r'\d+,-?\d+(,-?\d+(\.\d+)?){4,8}'), (SCENES, 'scene,track,person,index'),
           ('the truth of a scene', 'frame,top,left,bottom,right(,.* (y|x|visible))+'))
ARRAYS = ((GALLERY, {'vectors', 'about'}), (EXPORT, {'vectors', 'walks', 'names'}),
          (VECTORS, {'vectors', 'walks', 'fingerprint'}), ('weights', {'facts.json'}))      # names in an .npz
FIRST_KEYS = {'walk': VECTORS, 'path': JOINTS, 'image': ANNOTATIONS, 'key': ANSWERS}     # of JSON's first object
VECTOR_SIZE = 512
HEAD = 1 << 20                  # bytes that are looked at: the names of 10,000 people are one header


def kind_of(path):
    """What a file holds, in words for messages; None where it is empty.

    Parameters
    ----------
    path : str or os.PathLike
        Of a file that is there.

    Returns
    -------
    str or None
        One of this module's constants for what commands write, other words for other files.
    """
    check_regular(path)
    with open(path, 'rb') as file:
        head = file.read(HEAD)
    if not head:
        return None
    for kind, at, mark in SIGNATURES:
        if head.startswith(mark, at):
            return kind
    if zipfile.is_zipfile(path):
        return _kind_of_arrays(path)
    if head.startswith(b'PK\x03\x04'):
        return 'a damaged .npz or zip file'
    if head.startswith(b'\x93NUMPY'):
        return _kind_of_array(path)
    if head.startswith(b'PAR1'):
        return EXPORT if _tail(path).find(b'gait-recognition') >= 0 else 'another Parquet file'
    return _kind_of_text(head) or f'another kind of file ({os.path.getsize(path)} bytes)'


def _tail(path):
    """Where Parquet has its schema."""
    with open(path, 'rb') as file:
        file.seek(-min(HEAD, os.path.getsize(path)), os.SEEK_END)
        return file.read()


def _kind_of_arrays(path):
    names = set()
    with contextlib.suppress(OSError, ValueError), open_npz(path) as file:
        names = {*file.files}
    return next((kind for kind, held in ARRAYS if held <= names), f'a zip file of {sorted(names)[:5] or "other files"}')


def _kind_of_array(path):
    try:
        array = np.load(path, mmap_mode='r', allow_pickle=False)
    except Exception:                                       # of every class: heads are parsed as Python
        return 'an array of objects, or a damaged one'
    is_vectors = array.dtype == np.float32 and array.ndim == 2 and array.shape[1] == VECTOR_SIZE
    return VECTORS if is_vectors else f'an array, {array.dtype} {array.shape}'


def _kind_of_text(head):
    try:
        text = head.decode('utf-8-sig', 'strict' if len(head) < HEAD else 'ignore')
    except UnicodeDecodeError:
        return None
    if text[:1] in ('[', '{'):
        keys = _first_keys(text)
        return FIRST_KEYS.get(keys[0] if keys else None, f'JSON of {keys[:5]}')
    if '<svg' in text[:2000]:
        return CHART
    if text.startswith('<!DOCTYPE html>') and f'content="{REPORT_MARK} ' in text[:1000]:
        return REPORT
    header, columns = _first_record(text)
    for kind, pattern in HEADERS:
        if re.fullmatch(pattern, header, re.DOTALL):
            return kind
    if {'person', 'condition', 'session', 'path'} <= {*columns}:
        return MANIFEST
    return f'a text that begins {header[:60]!r}'


def _first_record(text):
    """The first record of a CSV, as it is and as its columns: one column may have several lines."""
    lines = io.StringIO(text, newline='')
    records = csv.reader(lines)
    try:
        columns = next(records, [])
    except csv.Error:                                       # a NUL, or a column of 128 KiB
        header = text.splitlines()[0]
        return header, header.split(',')
    return text[:lines.tell()].rstrip('\r\n'), columns


def _first_keys(text):
    """The keys of the first object of a JSON text, as far as it goes."""
    with contextlib.suppress(ValueError, RecursionError):
        return [*json.JSONDecoder().raw_decode(text[text.index('{'):])[0]]
    return re.findall(r'"(\w+)": ', text[:200])
