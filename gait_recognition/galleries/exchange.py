"""Walks of a gallery to and from files of other programs: CSV, npz and Parquet."""
import csv
import json
import os
from typing import NamedTuple

import numpy as np

from gait_files import check_regular, open_npz, replacing
from gait_recognition.galleries import rules
from gait_recognition.galleries.tables import Origin
from gait_recognition.parameters import check, check_text
from gait_recognition.scorers import normalise

SUFFIXES = ('.csv', '.npz', '.parquet')
MARK = b'gait-recognition'               # of a Parquet file's metadata: ours


class Walks(NamedTuple):
    """What such a file holds."""
    names: list
    labels: list
    vectors: np.ndarray                  # (n, d) float32
    origins: list                        # of `tables.Origin`; a CSV says none
    fingerprint: str | None              # None: the file does not say (CSV)
    settings: dict                       # how walks were described, as far as it says: every, crop, rate


def suffix_of(path):
    """Its suffix; ValueError for one that is none of `SUFFIXES`, ImportError where a package for it is missing."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in SUFFIXES:
        raise ValueError(f'{path}: expected a name that ends in {", ".join(SUFFIXES[:-1])} or {SUFFIXES[-1]}')
    if suffix == '.parquet':
        _pyarrow(path)
    return suffix


def _pyarrow(path):
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(f'{path}: Parquet takes pyarrow: pip install "gait-recognition[parquet]"; .npz holds the '
                          'same without it') from error
    return pyarrow


def _private(path, flags):
    return os.open(path, flags, 0o600)


def write(path, walks):
    """Write `Walks`, readable by the owner alone: as CSV name, walk, v0, v1, ..., as npz or Parquet everything."""
    for text in *walks.names, *walks.labels:
        if '\0' in text:                                            # NumPy drops it at the end, csv before Python 3.11
            raise ValueError(f'{path}: {text!r} holds a NUL, which such a file does not keep; rename it first')
    suffix = suffix_of(path)
    text = {'mode': 'w', 'encoding': 'utf-8', 'newline': ''} if suffix == '.csv' else {}
    with replacing(path, opener=_private, **text) as file:
        {'.csv': _write_csv, '.npz': _write_npz, '.parquet': _write_parquet}[suffix](file, walks)


def _write_csv(file, walks):
    writer = csv.writer(file)
    writer.writerow(['name', 'walk', *(f'v{i}' for i in range(walks.vectors.shape[1]))])
    for name, label, vector in zip(walks.names, walks.labels, walks.vectors, strict=True):
        writer.writerow([name, label, *map(str, vector)])


def _write_npz(file, walks):
    def text(values):
        return np.array([each or '' for each in values], object).astype(str)
    origins = walks.origins
    np.savez(file, names=text(walks.names), walks=text(walks.labels), vectors=walks.vectors,
             contents=text(origin.contents for origin in origins), paths=text(origin.path for origin in origins),
             qualities=np.array([np.nan if origin.quality is None else origin.quality for origin in origins]),
             tracks=text(origin.track and json.dumps(origin.track) for origin in origins),
             fingerprint=np.array(walks.fingerprint), settings=np.array(json.dumps(walks.settings)))


def _write_parquet(file, walks):
    pyarrow = _pyarrow(file.name)
    vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(walks.vectors.ravel(), pyarrow.float32()),
                                                     max(walks.vectors.shape[1], 1))
    origins = walks.origins
    table = pyarrow.table({
        'name': pyarrow.array(walks.names, pyarrow.string()), 'walk': pyarrow.array(walks.labels, pyarrow.string()),
        'vector': vectors,
        'contents': pyarrow.array([origin.contents for origin in origins], pyarrow.string()),
        'path': pyarrow.array([origin.path for origin in origins], pyarrow.string()),
        'quality': pyarrow.array([origin.quality for origin in origins], pyarrow.float64()),
        'track': pyarrow.array([origin.track and json.dumps(origin.track) for origin in origins], pyarrow.string())})
    about = json.dumps({'fingerprint': walks.fingerprint, 'settings': walks.settings})
    pyarrow.parquet.write_table(table.replace_schema_metadata({MARK: about}), file)


def read(path):
    """The `Walks` of a file that `write` wrote, or another of that form."""
    suffix = suffix_of(path)
    check_regular(path)
    try:
        walks = {'.csv': _read_csv, '.npz': _read_npz, '.parquet': _read_parquet}[suffix](path)
        _check(walks)
        return walks
    except OSError as error:
        if error.errno is None:          # pyarrow's, of a damaged file
            raise ValueError(f'{path} cannot be read as walks of a gallery: {error}') from error
        raise
    except Exception as error:           # a foreign file can break the readers in any way
        raise ValueError(f'{path} cannot be read as walks of a gallery: {error}') from error


def _check(walks):
    """Refuse what no export holds: names of another type, numbers that are no vectors, not one of each for each."""
    for each in (walks.names, walks.labels, walks.origins):
        if not isinstance(each, list):
            raise ValueError(f'expected lists of names, walks and origins, got {each!r:.100}')
    for argument, texts in ('name', walks.names), ('walk', walks.labels):
        for text in texts:
            check_text(argument, text)
    if walks.vectors.ndim != 2 or not len(walks.names) == len(walks.labels) == len(walks.origins) == len(walks.vectors):
        raise ValueError('names, walks and vectors differ in number')
    if len(walks.vectors):
        normalise(walks.vectors)
    if not isinstance(walks.settings, dict):
        raise ValueError(f'expected settings by name, got {walks.settings!r:.100}')
    check(rules.SETTINGS, walks.settings)
    for text in *(origin.contents for origin in walks.origins), walks.fingerprint:
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
        contents = arrays['contents'].tolist()
        columns = [contents, *([''] * len(contents) for _ in range(3))]
        if 'paths' in arrays:            # before 2.1 was released, without
            columns[1:] = (arrays[name].tolist() for name in ('paths', 'qualities', 'tracks'))
        origins = [_origin(*row) for row in zip(*columns, strict=True)]
        settings = json.loads(arrays['settings'].item()) if 'settings' in arrays else {}
        return Walks(arrays['names'].tolist(), arrays['walks'].tolist(), vectors, origins,
                     arrays['fingerprint'].item(), settings)


def _read_parquet(path):
    with open(path, 'rb') as file:
        table = _pyarrow(path).parquet.read_table(file)
    about = json.loads((table.schema.metadata or {}).get(MARK, b'{"fingerprint": null, "settings": {}}'))
    vectors = table.column('vector').combine_chunks()
    if vectors.null_count or vectors.flatten().null_count:
        raise ValueError('a vector is missing')
    numbers = vectors.flatten().to_numpy()
    if numbers.dtype != np.float32:
        raise ValueError(f'vector: expected float32, got {numbers.dtype}')
    missing = [None] * len(table)
    columns = (table.column(name).to_pylist() if name in table.column_names else missing
               for name in ('contents', 'path', 'quality', 'track'))
    return Walks(table.column('name').to_pylist(), table.column('walk').to_pylist(),
                 numbers.reshape(len(table), -1) if len(table) else np.zeros((0, 0), np.float32),
                 [_origin(*row) for row in zip(*columns)], about['fingerprint'], about['settings'])


def _origin(contents, path, quality, track):
    known = isinstance(quality, float) and quality == quality
    return Origin(path or None, contents or None, quality if known else None, json.loads(track) if track else None)


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
                 [Origin()] * len(names), None, {})


def description(settings):
    """Arguments of `Gallery.agree`, of settings as galleries keep them, as text."""
    read = {'every': int, 'crop': str, 'rate': lambda text: None if text == 'None' else float(text)}
    return {name: read[name](text) for name, text in settings.items() if name in read}
