"""Walks of a gallery to and from files of other programs: CSV and npz."""
import csv
import os
from typing import NamedTuple

import numpy as np

from gait_files import check_regular, open_npz, replacing
from gait_recognition.parameters import check_text
from gait_recognition.scorers import normalise

SUFFIXES = ('.csv', '.npz')


class Walks(NamedTuple):
    """What such a file holds."""
    names: list
    labels: list
    vectors: np.ndarray                  # (n, d) float32
    contents: list                       # digests of the recordings, or None
    fingerprint: str | None              # None: the file does not say (CSV)


def suffix_of(path):
    """Its suffix; ValueError for one that is none of `SUFFIXES`."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in SUFFIXES:
        raise ValueError(f'{path}: expected a name that ends in {" or ".join(SUFFIXES)}')
    return suffix


def _private(path, flags):
    return os.open(path, flags, 0o600)


def write(path, walks):
    """Write `Walks`, readable by the owner alone: as CSV name, walk, v0, v1, ..., as npz everything."""
    for text in *walks.names, *walks.labels:
        if '\0' in text:                                            # NumPy drops it at the end, csv before Python 3.11
            raise ValueError(f'{path}: {text!r} holds a NUL, which such a file does not keep; rename it first')
    if suffix_of(path) == '.npz':
        with replacing(path, opener=_private) as file:
            np.savez(file, names=np.array(walks.names, object).astype(str), walks=np.array(walks.labels).astype(str),
                     vectors=walks.vectors, contents=np.array([each or '' for each in walks.contents], str),
                     fingerprint=np.array(walks.fingerprint))
        return
    with replacing(path, 'w', opener=_private, encoding='utf-8', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['name', 'walk', *(f'v{i}' for i in range(walks.vectors.shape[1]))])
        for name, label, vector in zip(walks.names, walks.labels, walks.vectors, strict=True):
            writer.writerow([name, label, *map(str, vector)])


def read(path):
    """The `Walks` of a file that `write` wrote, or another of that form."""
    suffix = suffix_of(path)
    check_regular(path)
    try:
        walks = _read_npz(path) if suffix == '.npz' else _read_csv(path)
        _check(walks)
        return walks
    except OSError:
        raise
    except Exception as error:           # a foreign file can break the readers in any way
        raise ValueError(f'{path} cannot be read as walks of a gallery: {error}') from error


def _check(walks):
    """Refuse what no export holds: names of another type, numbers that are no vectors, not one of each for each."""
    for each in walks[:2] + walks[3:4]:
        if not isinstance(each, list):
            raise ValueError(f'expected lists of names, walks and contents, got {each!r:.100}')
    for argument, texts in ('name', walks.names), ('walk', walks.labels):
        for text in texts:
            check_text(argument, text)
    if not len(walks.names) == len(walks.labels) == len(walks.contents) == len(walks.vectors):
        raise ValueError('names, walks and vectors differ in number')
    if len(walks.vectors):
        normalise(walks.vectors)
    for text in *walks.contents, walks.fingerprint:
        if text is not None:
            check_text('contents or fingerprint', text)


def _read_npz(path):
    with open_npz(path) as arrays:
        for name in 'names', 'walks', 'contents':
            if arrays[name].ndim != 1 or arrays[name].dtype.kind != 'U':
                raise ValueError(f'{name}: expected a list of texts, got {arrays[name].dtype} {arrays[name].shape}')
        vectors = arrays['vectors']
        if vectors.dtype.kind not in 'fiu' or vectors.ndim != 2:
            raise ValueError(f'expected vectors (n, d), got {vectors.dtype} {vectors.shape}')
        with np.errstate(over='ignore'):                            # what float32 cannot hold is refused as infinite
            vectors = vectors.astype(np.float32)
        return Walks(arrays['names'].tolist(), arrays['walks'].tolist(), vectors,
                     [each or None for each in arrays['contents'].tolist()], arrays['fingerprint'].item())


def _read_csv(path):
    with open(path, encoding='utf-8-sig', newline='') as file:
        rows = csv.reader(file, strict=True)
        header = next(rows, [])
        if header[:2] != ['name', 'walk'] or header[2:] != [f'v{i}' for i in range(len(header) - 2)]:
            raise ValueError(f'expected the header name,walk,v0,v1,..., got {",".join(header)[:60]!r}')
        names, labels, vectors = [], [], []
        for row in rows:
            if len(row) != len(header):
                raise ValueError(f'line {rows.line_num}: expected {len(header)} values, got {len(row)}')
            names.append(row[0])
            labels.append(row[1])
            vectors.append(np.array(row[2:], np.float32))
    return Walks(names, labels, np.array(vectors, np.float32).reshape(len(names), len(header) - 2),
                 [None] * len(names), None)
