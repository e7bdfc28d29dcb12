"""Galleries of before 2.1: an `.npz` of two arrays. They are read, and never written."""
import hashlib
import json
import os
from typing import NamedTuple

import numpy as np

from gait_files import open_npz
from gait_recognition.galleries import rules
from gait_recognition.galleries.errors import GalleryFileError
from gait_recognition.parameters import check_text
from gait_recognition.scorers import normalise

FORMAT, VERSION = 'gait-gallery', 1


class Legacy(NamedTuple):
    """What such a file holds."""
    fingerprint: str
    names: list
    walks: list
    vectors: np.ndarray                  # (n, d) float32
    calibration: dict


def digest(path):
    """SHA-256 of the file, hexadecimal."""
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


def read(path):
    """The contents of a gallery of before; GalleryFileError where it is none, or a damaged one."""
    with open(path, 'rb') as file:
        try:
            return _read(file)
        except Exception as error:       # a foreign file can break NumPy's and zip's readers in any way
            file.seek(0)
            hint = '' if file.read(2) == b'PK' else '; or it is encrypted, and takes its key (--key-file)'
            raise GalleryFileError(f'{os.fspath(path)} is not a gallery, or a damaged one: {error}{hint}') from error


def _read(file):
    with open_npz(file) as arrays:
        vectors, about = arrays['vectors'], json.loads(arrays['about'].item())
    if about['format'] != FORMAT:
        raise ValueError(f'expected the format {FORMAT!r}, got {about["format"]!r}')
    if about['version'] != VERSION:
        raise ValueError(f'expected version {VERSION} of an .npz, got {about["version"]}; it needs a newer program')
    if not isinstance(about['fingerprint'], str) or not about['fingerprint']:
        raise ValueError(f'expected a fingerprint, got {about["fingerprint"]!r}')
    if vectors.dtype != np.float32 or vectors.ndim != 2:
        raise ValueError(f'expected vectors (n, d) float32, got {vectors.shape} {vectors.dtype}')
    for field in 'names', 'walks':
        if not isinstance(about[field], list):
            raise ValueError(f'{field}: expected a list, got {about[field]!r:.100}')
        for text in about[field]:
            check_text(field, text)
    if not len(vectors) == len(about['names']) == len(about['walks']):
        raise ValueError('vectors, names and walks differ in number')
    if len(set(zip(about['names'], about['walks'], strict=True))) < len(vectors):
        raise ValueError('a walk is there twice')
    if len(vectors):
        normalise(vectors)
    for task, values in about['calibration'].items():
        rules.check_point(task, values)
    return Legacy(about['fingerprint'], about['names'], about['walks'], vectors, about['calibration'])
