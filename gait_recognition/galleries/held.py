"""What an open gallery holds in memory: the rows of its tables, read once and kept in step with them."""
import numpy as np

from gait_recognition.galleries.rules import check_once
from gait_recognition.scorers import normalise

BLOCK = 1024                             # vectors normalised at once, which a processor keeps at hand


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
    labels, contents, paths : list
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
                self._append(rows.ids, rows.persons, rows.labels, rows.contents, rows.paths, rows.vectors)
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
        self.ids, self.labels, self.contents, self.paths, self.persons, self.people = [], [], [], [], [], []
        self._index, self._own, self._names, self._by_contents = {}, {}, {}, {}
        self._taken = set()              # the values of `_names`
        self._vectors = self._unit = None

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

    def _append(self, ids, persons, labels, contents, paths, vectors):
        count = len(self.ids)
        if len(vectors):
            unit = np.empty_like(vectors)
            for first in range(0, len(vectors), BLOCK):             # also refuses what no vector can be
                unit[first:first + BLOCK] = normalise(vectors[first:first + BLOCK])
            self._vectors = _grown(self._vectors, count, vectors)
            self._unit = _grown(self._unit, count, unit)
        for person in persons:
            name = self._names[person]
            if name not in self._index:
                self._index[name] = len(self.people)
                self.people.append(name)
            self._own.setdefault(name, []).append(len(self.persons))
            self.persons.append(self._index[name])
        for number, each in enumerate(contents, count):
            if each is not None:
                self._by_contents.setdefault(each, []).append(number)
        self.ids += ids
        self.labels += labels
        self.contents += contents
        self.paths += paths

    def __len__(self):
        return len(self.ids)

    @property
    def vectors(self):
        """float32 (n, d), as they were enrolled."""
        return self._vectors[:len(self)] if len(self) else np.zeros((0, 0), np.float32)

    @property
    def unit(self):
        """float32 (n, d), at length one."""
        return self._unit[:len(self)] if len(self) else np.zeros((0, 0), np.float32)

    @property
    def codes(self):
        return np.array(self.persons, dtype=int)

    @property
    def names(self):
        """Each walk's person, by name."""
        return [self.people[person] for person in self.persons]

    def of(self, name):
        """Indices of a person's walks."""
        return self._own.get(name, [])

    def with_contents(self, contents):
        """Indices of the walks of a recording."""
        return self._by_contents.get(contents, [])


def _grown(array, count, more):
    """`array` with `more` behind its first `count` rows; its room doubles, so that walk after walk costs little.

    `more` itself where there are none: it may be read only, and is not written to.
    """
    if array is None or not count:
        return more
    if count + len(more) > len(array):
        room = np.empty((2 * (count + len(more)), array.shape[1]), array.dtype)
        room[:count] = array[:count]
        array = room
    array[count:count + len(more)] = more
    return array
