"""Rows of a gallery's tables as numbers: a row's digest, walks' columns, their vectors as an array."""
import hashlib
import zlib

import numpy as np

VERSION, LONG = 3, 2                     # of a gallery, and of one of before, whose walks have longer digests
WALK_COLUMNS = 'id', 'person', 'label', 'vector', 'contents', 'path', 'added', 'quality', 'track', 'weights'
VECTOR = WALK_COLUMNS.index('vector')
BLOBS = {bytes, memoryview}
WRAP = 1 << 62                           # sums of digests stay below it, and so within a signed integer of 64 bits
MORE = 64                                # walks, or an eighth, that there is room for beyond those that are read
MOST_ROOM = 1 << 30                      # bytes set aside on the word of a count and of one row's length


def seal_of(row, version=VERSION):
    """A number that stands for everything in a row."""
    if len(row) > VECTOR and type(row[VECTOR]) in BLOBS:        # of a walk
        return total_of([tuple(row)], version)
    return _long_digest(row, b'')


def total_of(walks, version=VERSION):
    """The sum of `seal_of` walks with vectors. Opening a gallery does little else, hence a CRC-32 of each."""
    if version == LONG:
        return sum(_long_digest(row[:VECTOR] + row[VECTOR + 1:], row[VECTOR]) for row in walks) % WRAP
    return sum([zlib.crc32(repr(row[:VECTOR] + row[VECTOR + 1:]).encode('utf-8', 'surrogatepass'),
                           zlib.crc32(row[VECTOR])) for row in walks])


def _long_digest(row, blob):
    digest = hashlib.blake2b(blob, digest_size=8)
    digest.update(repr(tuple(row)).encode('utf-8', 'surrogatepass'))
    return int.from_bytes(digest.digest(), 'big') % WRAP


class WalkRows:
    """Walks that are read piece after piece, so that their rows are never there all at once.

    Parameters
    ----------
    expected : int
        How many may come.
    version : int
        Of their digests.

    Attributes
    ----------
    total : int
        The sum of their digests.
    columns : dict of str to list
        Each one's values. Of vectors only what is none.
    """

    def __init__(self, expected=0, version=VERSION):
        self._expected, self._version = expected + max(MORE, expected // 8), version
        self._vectors, self._sizes = None, set()
        self.total, self.columns = 0, {name: [] for name in WALK_COLUMNS}

    def __len__(self):
        return len(self.columns['id'])

    def take(self, rows):
        """The next rows, tuples of `WALK_COLUMNS`."""
        count, columns = len(self), dict(zip(WALK_COLUMNS, zip(*rows)))
        blobs = columns.pop('vector')
        for name, values in columns.items():
            self.columns[name] += values
        if not {*map(type, blobs)} <= BLOBS:
            self.total += sum(seal_of(row, self._version) for row in rows)
            self.columns['vector'] += [blob for blob in blobs if type(blob) not in BLOBS]
            return
        self.total += total_of(rows, self._version)
        self._sizes.update(map(len, blobs))
        if len(self._sizes) == 1:
            self._put(count, blobs)

    def _put(self, count, blobs):
        size, = self._sizes
        if not size:
            return
        if self._vectors is None:
            self._vectors = np.empty((min(self._expected, MOST_ROOM // size), size), np.uint8)
        self._vectors = roomy(self._vectors, count, len(blobs))
        # One by one: put together first, they would be in fresh memory each time, which costs more than to read them.
        bytes_of = memoryview(self._vectors.reshape(-1))
        for first, blob in zip(range(count * size, (count + len(blobs)) * size, size), blobs):
            bytes_of[first:first + size] = blob

    def vectors(self, width):
        """float32 (n or more, `width`): the walks' vectors, and room; ValueError where they are not of this width."""
        if not len(self):
            return np.zeros((0, width), np.float32)
        if self._sizes != {4 * width} or not width:
            raise ValueError(f'vectors are of {", ".join(map(str, sorted(self._sizes)))} bytes, expected {4 * width}')
        return self._vectors.view('<f4')


def grown(array, count, more):
    """`array` with `more` behind its first `count` rows; its room doubles, so that walk after walk costs little.

    `more` itself where there are none: it may be read only, and is not written to.
    """
    if array is None:
        return more
    array = roomy(array, count, len(more))
    array[count:count + len(more)] = more
    return array


def roomy(array, count, more):
    """`array`, or a copy of its first `count` rows, with room for so many more behind them."""
    if count + more <= len(array):
        return array
    room = np.empty((2 * (count + more), array.shape[1]), array.dtype)
    room[:count] = array[:count]
    return room
