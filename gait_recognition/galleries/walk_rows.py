"""Rows of a gallery's tables as numbers: a row's digest, walks' columns, their vectors as an array."""
import hashlib

import numpy as np

WALK_COLUMNS = 'id', 'person', 'label', 'vector', 'contents', 'path', 'added', 'quality', 'track', 'weights'
VECTOR = WALK_COLUMNS.index('vector')
BLOBS = {bytes, memoryview}
WRAP = 1 << 62                           # sums of digests stay below it, and so within a signed integer of 64 bits
MORE = 64                                # walks, or an eighth, that there is room for beyond those that are read
MOST_ROOM = 1 << 30                      # bytes set aside on the word of a count and of one row's length


def seal_of(row):
    """A number that stands for everything in a row."""
    if len(row) > VECTOR and type(row[VECTOR]) in BLOBS:        # of a walk
        digest = hashlib.blake2b(row[VECTOR], digest_size=8)
        row = row[:VECTOR] + row[VECTOR + 1:]
    else:
        digest = hashlib.blake2b(digest_size=8)
    digest.update(repr(tuple(row)).encode('utf-8', 'surrogatepass'))
    return int.from_bytes(digest.digest(), 'big') % WRAP


def total_of(walks):
    """The sum of `seal_of` walks with vectors, for less: opening a gallery does little else."""
    digests = []
    for row in walks:
        digest = hashlib.blake2b(row[VECTOR], digest_size=8)
        digest.update(repr(row[:VECTOR] + row[VECTOR + 1:]).encode('utf-8', 'surrogatepass'))
        digests.append(digest.digest())
    return int(np.frombuffer(b''.join(digests), '>u8').sum(dtype=np.uint64)) % WRAP         # overflows by whole WRAPs


class WalkRows:
    """Walks that are read piece after piece, so that their rows are never there all at once.

    Parameters
    ----------
    expected : int
        How many may come.

    Attributes
    ----------
    total : int
        The sum of their digests.
    columns : dict of str to list
        Each one's values. Of vectors only what is none.
    """

    def __init__(self, expected=0):
        self._expected = expected + max(MORE, expected // 8)
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
            self.total += sum(map(seal_of, rows))
            self.columns['vector'] += [blob for blob in blobs if type(blob) not in BLOBS]
            return
        self.total += total_of(rows)
        self._sizes.update(map(len, blobs))
        if len(self._sizes) == 1:
            self._put(count, b''.join(blobs))

    def _put(self, count, joined):
        size, = self._sizes
        more = np.frombuffer(joined, np.uint8).reshape(-1, size)
        if self._vectors is None and size:
            self._vectors = np.empty((min(self._expected, MOST_ROOM // size), size), np.uint8)
        self._vectors = grown(self._vectors, count, more)

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
    if count + len(more) > len(array):
        room = np.empty((2 * (count + len(more)), array.shape[1]), array.dtype)
        room[:count] = array[:count]
        array = room
    array[count:count + len(more)] = more
    return array
