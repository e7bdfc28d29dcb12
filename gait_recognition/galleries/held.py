"""What an open gallery holds in memory: the rows of its tables, read once and kept in step with them."""
import numpy as np

from gait_recognition.galleries.rules import check_once
from gait_recognition.galleries.walk_rows import grown
from gait_recognition.scorers import normalise

BLOCK = 1024                             # vectors normalised at once, which a processor keeps at hand
FEW = 256                                # vectors compared at once: of all, BLAS makes a copy, thrice the time
LEAST, MOST = 1e-12, 1e12                # squared lengths that float32 has right


class Held:
    """All walks of a gallery.

    Parameters
    ----------
    tables : galleries.tables.Tables

    Attributes
    ----------
    generation : int
        Changes of the gallery when this was read.
    settings, points : dict
        As of `tables.Rows`.
    persons : list of int
        Each walk's person, an index of `people`.
    people : list of str
        In the order of their first walk.
    labels, contents : list
        One for each walk.
    """

    def __init__(self, tables):
        self._tables = tables
        self._read = None                # the last Rows, without their walks
        self._forget()

    def refresh(self):
        """Read what changed since; where nothing did, only that is asked."""
        if self._read is not None and self._tables.generation() == self._read.generation:
            return
        try:
            rows = None if self._read is None else self._tables.read(self._read)
            if rows is None:
                self._forget()
                rows = self._tables.read()
            with self._tables.making_sense():
                self._add_names(rows.people)
                self._append(rows.ids, rows.persons, rows.labels, rows.contents, rows.vectors)
            self._read = rows._replace(vectors=None, people=None)
        except BaseException:                               # an interruption, too, may leave half of it
            self.drop()
            raise

    def _add_names(self, people):
        """Names of new people; asks only whether these are there, for those before were asked."""
        names = [*people.values()]
        check_once('the name of a person', [*names, *self._taken.intersection(names)])
        self._names.update(people)
        self._taken.update(names)

    def drop(self):
        """Read everything anew when it is next asked for."""
        self._read = None

    def _forget(self):
        self.ids, self.labels, self.contents, self.persons, self.people = [], [], [], [], []
        self._index, self._codes, self._names, self._by_contents = {}, None, {}, {}
        self._numbers = {}               # id of a person -> index
        self._taken = set()              # the values of `_names`
        self._vectors = self._lengths = self._unit = None
        self._normalised = 0             # rows of `_unit`, which is made when it is asked for
        self._is_usual = True            # float32 holds the squares of all vectors

    @property
    def generation(self):
        return self._read.generation

    @property
    def walks_seal(self):
        """What tells whether any walk, or whose it is, has changed."""
        return self._read.seals.get('walks', (0, 0))

    @property
    def settings(self):
        return self._read.settings

    @property
    def points(self):
        return self._read.points

    def _append(self, ids, persons, labels, contents, vectors):
        count = len(self.ids)
        if ids:
            lengths = self._measure(vectors[:len(ids)])
            self._vectors = grown(self._vectors, count, vectors[:len(ids)]) if count else vectors
            self._lengths = grown(self._lengths, count, lengths)
        for person in dict.fromkeys(persons):
            if person not in self._numbers:
                name = self._names[person]
                self._numbers[person] = self._index.setdefault(name, len(self.people))
                self.people.append(name)
        codes = [self._numbers[person] for person in persons]
        self._codes = grown(self._codes, count, np.array(codes, int)[:, None])
        self.persons += codes
        for number, each in enumerate(contents, count):
            if each is not None:
                self._by_contents.setdefault(each, []).append(number)
        self.ids += ids
        self.labels += labels
        self.contents += contents

    def _measure(self, vectors):
        """The lengths (n, 1) of vectors; refuses what no vector can be."""
        squares = np.einsum('ij,ij->i', vectors, vectors)[:, None]
        if not ((squares > LEAST) & (squares < MOST)).all():        # NaN neither
            for first in range(0, len(vectors), BLOCK):
                normalise(vectors[first:first + BLOCK])
            self._is_usual = False
        return np.sqrt(squares)

    def __len__(self):
        return len(self.ids)

    @property
    def vectors(self):
        """float32 (n, d), as they were enrolled."""
        return self._vectors[:len(self)] if len(self) else np.zeros((0, 0), np.float32)

    @property
    def unit(self):
        """float32 (n, d), at length one; made when it is first asked for."""
        for first in range(self._normalised, len(self), BLOCK):
            more = normalise(self.vectors[first:first + BLOCK]).astype(np.float32)
            if self._unit is None:
                self._unit = np.empty_like(self._vectors)           # room and all
            self._unit = grown(self._unit, first, more)
            self._normalised = first + len(more)
        return self._unit[:len(self)] if len(self) else np.zeros((0, 0), np.float32)

    def similarity_to(self, vectors):
        """Cosine similarity of vectors (m, d) to all walks, (m, n) float32."""
        asked = normalise(vectors).astype(np.float32)
        if not len(self):
            return np.zeros((len(asked), 0), np.float32)
        if self._normalised == len(self) or not self._is_usual:
            return _products(asked, self.unit)
        similarity = _products(asked, self.vectors)
        similarity /= self._lengths[:len(self)].T
        return similarity

    @property
    def codes(self):
        """Each walk's person, int (n,)."""
        return self._codes[:len(self), 0] if len(self) else np.zeros(0, int)

    @property
    def names(self):
        """Each walk's person, by name."""
        return [self.people[person] for person in self.persons]

    def of(self, name):
        """Indices of a person's walks."""
        return np.flatnonzero(self.codes == self._index[name]).tolist() if name in self._index else []

    def with_contents(self, contents):
        """Indices of the walks of a recording."""
        return self._by_contents.get(contents, [])


def _products(asked, vectors):
    """`asked @ vectors.T`, of few vectors with many."""
    found = np.empty((len(asked), len(vectors)), np.float32)
    for first in range(0, len(vectors), FEW):
        found[:, first:first + FEW] = asked @ vectors[first:first + FEW].T
    return found
