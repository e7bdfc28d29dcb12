"""What a gallery keeps, in the tables of an SQL database: people, walks, settings, points and audit lines.

Every row counts in a seal of its table (number of rows, and the sum of their digests), which a change updates in the
same transaction. Whoever reads the rows compares: a row that was damaged, lost or doubled is noticed before anybody is
compared with it. How the database is opened is the matter of `sqlite` and `postgres`.
"""
import abc
import contextlib
import datetime
import functools
import json
import threading
from typing import NamedTuple

import numpy as np

from gait_recognition.galleries import rules
from gait_recognition.galleries.errors import GalleryFileError, GalleryReadOnlyError
from gait_recognition.galleries.walk_rows import LONG, VERSION, WALK_COLUMNS, WRAP, WalkRows, seal_of

VERSIONS = LONG, VERSION                 # that are known; 1 was an .npz
COLUMNS = {
    'settings': ('key', 'value'),
    'people': ('id', 'name', 'added'),
    'walks': WALK_COLUMNS,
    'points': ('task', 'value'),
    'audit': ('id', 'at', 'action', 'person', 'detail'),
}
SCHEMA = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE people (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, added TEXT NOT NULL);
CREATE TABLE walks (
    id {id}, person BIGINT NOT NULL REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, label TEXT NOT NULL,
    vector {blob} NOT NULL, contents TEXT, path TEXT, added TEXT NOT NULL, quality {real}, track TEXT,
    weights TEXT NOT NULL,
    UNIQUE (person, label));
CREATE TABLE points (task TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE audit (id {id}, at TEXT NOT NULL, action TEXT NOT NULL, person TEXT, detail TEXT);
CREATE TABLE seals (name TEXT PRIMARY KEY, number BIGINT NOT NULL, total BIGINT NOT NULL)
"""
FORGOTTEN = '(forgotten)'
AT_ONCE = 256                            # walks read at once: their rows stay where the processor has them at hand


class Origin(NamedTuple):
    """Where a walk's vector came from; whatever is not known is None."""
    path: str | None = None              # of the recording
    contents: str | None = None          # digest of the recording, and the part of it that was used
    quality: float | None = None         # share of the frames that show the walker
    track: dict | None = None            # frames, used, skipped, crop


class Rows(NamedTuple):
    """What was read at one moment: all walks, or those that came after others."""
    generation: int                      # changes so far
    rewritten: int                       # the last change that did more than add
    seals: dict                          # of the tables, these rows included
    last: dict                           # table -> last id
    settings: dict
    points: dict                         # task -> what was kept under it
    people: dict                         # id -> name
    ids: list
    persons: list                        # ids of people
    labels: list
    contents: list
    vectors: np.ndarray                  # (n or more, d) float32: room for others follows those of the n walks


_parsed = functools.lru_cache(maxsize=8)(json.loads)      # a calibration is long, and read after every change


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')


class Tables(abc.ABC):
    """The tables of one gallery, and transactions on them. Used by one thread at a time; others wait.

    A subclass connects, has the `path` by which users know it and the `version`, and says what is abstract here; errors
    of its database come out as those of `galleries.errors` or OSError.
    """

    path, version = None, VERSION

    def __init__(self, name, readonly):
        self.name, self.readonly = name, readonly
        self._lock = threading.RLock()
        self._depth, self._seals, self._shown = 0, None, None
        self._is_closed = False

    # One thread at a time

    @contextlib.contextmanager
    def alone(self):
        """No other thread reads or changes in the block."""
        with self._lock:
            if self._is_closed:
                raise ValueError(f'{self.name} is closed: open it anew')
            yield

    def close(self):
        """End the connection, once other threads are done with it."""
        with self._lock:
            if self._depth:
                raise ValueError(f'{self.name} is closed within a change of it: end that first')
            self._is_closed = True
            self._disconnect()

    # Transactions

    @contextlib.contextmanager
    def writing(self):
        """One change: kept whole at the end of the block, or not at all after an error. Blocks within join it."""
        with self.alone():
            if self._depth:
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                return
            if self.readonly:
                raise GalleryReadOnlyError(f'{self.name} was opened to ask, not to change; open it by Gallery.open')
            self._begin(write=True)
            try:
                self._seals = self._read_seals()
                before = dict(self._seals)
                self._depth = 1
                yield
                self._write_seals(before)
                self._end('COMMIT')
            except BaseException:
                self._end('ROLLBACK')
                raise
            finally:
                self._depth, self._seals = 0, None

    @contextlib.contextmanager
    def reading(self):
        """Everything read in the block is of one moment. Blocks within join it."""
        with self.alone():
            if self._depth or self._shown is not None:
                yield self._seals if self._depth else self._shown
                return
            self._begin(write=False)
            try:
                self._shown = self._read_seals()
                yield self._shown
            finally:
                self._shown = None
                self._end('ROLLBACK')

    # Seals

    def _read_seals(self):
        rows = self._run('SELECT name, number, total FROM seals')
        if not all(isinstance(value, int) for _, *values in rows for value in values):
            raise GalleryFileError(f'{self.name} is a damaged gallery: its seals are no numbers')
        seals = {name: (number, total) for name, number, total in rows}
        if seals.pop('seals', None) != (len(seals), sum(map(seal_of, seals.items())) % WRAP):
            raise GalleryFileError(f'{self.name} is a damaged gallery: its seals do not match')
        return seals

    def _write_seals(self, before):
        changed = {name: seal for name, seal in self._seals.items() if before.get(name) != seal}
        if changed:
            changed['seals'] = len(self._seals), sum(map(seal_of, self._seals.items())) % WRAP
            self._run_many('INSERT INTO seals (name, number, total) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET '
                           'number = excluded.number, total = excluded.total',
                           [(name, *seal) for name, seal in changed.items()])

    def _check_version(self, version):
        if str(version) not in map(str, VERSIONS):
            raise GalleryFileError(f'{self.name} is a gallery of version {version}, this program knows version '
                                   f'{" and ".join(map(str, VERSIONS))}: it takes a newer program, or it is damaged')
        self.version = int(version)

    def _sum(self, rows):
        return sum(seal_of(row, self.version) for row in rows)

    def _count_in(self, table, rows, sign=1):
        number, total = self._seals.get(table, (0, 0))
        self._seals[table] = number + sign * len(rows), (total + sign * self._sum(rows)) % WRAP

    def _compare(self, table, rows, seals, already=(0, 0)):
        self._compare_sum(table, len(rows), self._sum(rows), seals, already)

    def _compare_sum(self, table, number, total, seals, already=(0, 0)):
        number, total = already[0] + number, (already[1] + total) % WRAP
        if (number, total) != seals.get(table, (0, 0)):
            raise GalleryFileError(f'{self.name} is a damaged gallery: {table} are not as they were written '
                                   f'({number} rows, {seals.get(table, (0, 0))[0]} expected)')

    # Rows

    def _select(self, table, where='', values=()):
        return self._run(self._selection(table, where), values)

    @staticmethod
    def _selection(table, where):
        return f'SELECT {", ".join(COLUMNS[table])} FROM {table} {where} ORDER BY {COLUMNS[table][0]}'

    def _insert(self, table, rows):
        columns = COLUMNS[table]
        self._run_many(f'INSERT INTO {table} ({", ".join(columns)}) VALUES ({", ".join("?" * len(columns))})', rows)
        self._count_in(table, rows)

    def _delete(self, table, where, values):
        rows = self._select(table, where, values)
        self._run(f'DELETE FROM {table} {where}', values)
        self._count_in(table, rows, -1)
        return rows

    def _replace(self, table, where, values, change):
        """Rows changed by `change(dict)`; returns how many."""
        rows = self._delete(table, where, values)
        columns = COLUMNS[table]
        self._insert(table, [tuple(change(dict(zip(columns, row)))[column] for column in columns) for row in rows])
        return len(rows)

    def _next_id(self, table):
        return (self._run(f'SELECT MAX(id) FROM {table}')[0][0] or 0) + 1

    def seal(self, table):
        """Of a table within a change: (rows, sum of their digests)."""
        return self._seals.get(table, (0, 0))

    # What a gallery asks for

    def create(self, settings, fill=None):
        """Make the tables in an empty database; `fill(tables)` adds what is in it from the start."""
        self._begin(write=True)
        try:
            for statement in self._schema().split(';'):
                self._run(statement)
            self._seals = {'generation': (0, 0), 'rewritten': (0, 0)}
            self._insert('settings', [('version', str(VERSION)), *settings.items()])
            if fill:
                self._depth = 1                            # what it writes joins this transaction
                fill(self)
            self._write_seals({})
            self._end('COMMIT')
        except BaseException:
            self._end('ROLLBACK')
            raise
        finally:
            self._depth, self._seals = 0, None

    def take_all(self, other):
        """Within a change of an empty gallery: become the same as `other`, audit lines and calibration too."""
        with other.reading() as seals:
            rows = {table: other._select(table) for table in COLUMNS}
        for table in COLUMNS:
            other._compare(table, rows[table], seals)
            self._delete(table, '', ())
            self._insert(table, rows[table])
        if other.version != self.version:
            self.set('version', str(self.version))
            self._replace('points', '', (), lambda row: {**row, 'value': self._of_these_walks(row['value'], seals)})
        self._seals.update({name: seals[name] for name in ('generation', 'rewritten')})

    def _of_these_walks(self, point, seals):
        """A calibration, as text, of the walks that `seals` are of, as one of the same walks here."""
        point = json.loads(point)
        if point['walks'] == [*seals['walks']]:
            point['walks'] = [*self.seal('walks')]
        return json.dumps(point)

    def settings(self):
        """The settings, compared with their seal."""
        with self.reading() as seals:
            rows = self._select('settings')
        self._compare('settings', rows, seals)
        return dict(rows)

    def generation(self):
        """How many changes there were."""
        with self.reading() as seals:
            return seals['generation'][0]

    def read(self, since=None):
        """All rows, compared with their seals.

        Parameters
        ----------
        since : Rows, optional
            What was read before: only people and walks that came after are read.

        Returns
        -------
        Rows, or None where more than additions happened since
        """
        with self.reading() as seals:
            if since and seals['rewritten'][0] != since.rewritten:
                return None
            settings, points = self._select('settings'), self._select('points')
            people = self._select('people', 'WHERE id > ?', (since.last['people'] if since else 0,))
            walks = WalkRows(0 if since else seals.get('walks', (0, 0))[0], self.version)
            for part in self._run_in_parts(self._selection('walks', 'WHERE id > ?'),
                                           (since.last['walks'] if since else 0,), AT_ONCE):
                walks.take(part)
        already = since.seals if since else {}
        for table, rows in ('settings', settings), ('points', points):
            self._compare(table, rows, seals)
        self._compare('people', people, seals, already.get('people', (0, 0)))
        self._compare_sum('walks', len(walks), walks.total, seals, already.get('walks', (0, 0)))
        with self.making_sense():
            settings, points = self._checked(settings, points)
            rules.check_people(people)
            rules.check_walks(walks.columns)
            last = {table: ids[-1] if ids else since.last[table] if since else 0
                    for table, ids in (('people', [row[0] for row in people]), ('walks', walks.columns['id']))}
            return Rows(seals['generation'][0], seals['rewritten'][0], dict(seals), last, settings, points,
                        {number: name for number, name, _ in people},
                        *(walks.columns[name] for name in ('id', 'person', 'label', 'contents')),
                        walks.vectors(int(settings.get('width', 0))))

    @staticmethod
    def _checked(settings, points):
        """Settings and points as dicts, from their rows."""
        rules.check_once('a setting', (key for key, _ in settings))
        rules.check_once('a calibration', (task for task, _ in points))
        settings, points = dict(settings), {task: _parsed(value) for task, value in points}
        rules.check_settings(settings)
        for task, point in points.items():
            rules.check_point(task, point)
            rules.check_seal(point.get('walks'))
        return settings, {task: point for task, point in points.items() if rules.is_of_use(point)}

    def facts(self):
        """Every walk as a dict of its columns but the vector, `person` being the name."""
        with self.reading() as seals:
            people, walks = self._select('people'), self._select('walks')
        for table, rows in ('people', people), ('walks', walks):
            self._compare(table, rows, seals)
        names = {number: name for number, name, _ in people}
        with self.making_sense():
            return [{**dict(zip(COLUMNS['walks'], row)), 'person': names[row[1]], 'vector': None,
                     'track': row[8] and json.loads(row[8])} for row in walks]

    @contextlib.contextmanager
    def making_sense(self):
        """What rows of the wrong kind raise in the block, of whatever class, as GalleryFileError."""
        try:
            yield
        except GalleryFileError:
            raise
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
            raise GalleryFileError(f'{self.name} is a damaged gallery: {str(error)[:300]}') from error

    def touch(self, rewrite=False):
        """Count a change."""
        generation = self._seals['generation'][0] + 1
        self._seals['generation'] = generation, 0
        if rewrite:
            self._seals['rewritten'] = generation, 0

    def set(self, key, value):
        """Keep a setting."""
        rules.check_setting(key, value)
        self._delete('settings', 'WHERE key = ?', (key,))
        self._insert('settings', [(key, value)])
        self.touch()

    def add_walks(self, name, labels, vectors, origins, weights):
        """Insert walks of a person, who is made where there is none; returns their ids."""
        at = now()
        found = self._run('SELECT id FROM people WHERE name = ?', (name,))
        person = found[0][0] if found else self._next_id('people')
        if not found:
            self._insert('people', [(person, name, at)])
        first = self._next_id('walks')
        self._insert('walks', [
            (first + i, person, label, vector.astype('<f4').tobytes(), origin.contents, origin.path, at,
             origin.quality, origin.track and json.dumps(origin.track), weights)
            for i, (label, vector, origin) in enumerate(zip(labels, vectors, origins, strict=True))])
        self.note('enrol', name, f'{len(labels)} walks' if len(labels) > 1 else labels[0])
        self.touch()
        return person, [*range(first, first + len(labels))]

    def delete_walks(self, ids):
        """Delete walks, and whoever has none left."""
        for number in ids:
            self._delete('walks', 'WHERE id = ?', (number,))
        self._delete('people', 'WHERE id NOT IN (SELECT person FROM walks)', ())
        self.touch(rewrite=True)

    def rename(self, old, new):
        self._replace('people', 'WHERE name = ?', (old,), lambda row: {**row, 'name': new})
        self.touch(rewrite=True)

    def move_walks(self, ids, name, labels):
        """Walks become those of another person, who is made where there is none."""
        found = self._run('SELECT id FROM people WHERE name = ?', (name,))
        person = found[0][0] if found else self._next_id('people')
        if not found:
            self._insert('people', [(person, name, now())])
        for number, label in zip(ids, labels, strict=True):
            self._replace('walks', 'WHERE id = ?', (number,), lambda row, to=label: {**row, 'person': person,
                                                                                       'label': to})
        self._delete('people', 'WHERE id NOT IN (SELECT person FROM walks)', ())
        self.touch(rewrite=True)

    def drop_paths(self, labels):
        """Keep no path of any walk; `labels` are the new ones by id."""
        self._replace('walks', '', (), lambda row: {**row, 'path': None, 'label': labels[row['id']]})
        self._replace('audit', "WHERE action = 'enrol'", (), lambda row: {**row, 'detail': None})
        self.touch(rewrite=True)

    def keep_points(self, points):
        """Keep what was calibrated, by task; None takes it away."""
        kept = [(task, json.dumps(value, allow_nan=False)) for task, value in points.items() if value is not None]
        for task, text in kept:                             # what would be refused when it is read
            rules.check_point(task, json.loads(text))
        for task in points:
            self._delete('points', 'WHERE task = ?', (task,))
        if kept:
            self._insert('points', kept)
        self.touch()

    def note(self, action, person=None, detail=None):
        """An audit line."""
        self._insert('audit', [(self._next_id('audit'), now(), action, person, detail)])

    def audit(self):
        """The audit lines, as dicts, compared with their seal."""
        with self.reading() as seals:
            rows = self._select('audit')
        self._compare('audit', rows, seals)
        lines = [dict(zip(COLUMNS['audit'], row)) for row in rows]
        with self.making_sense():
            rules.check_audit(lines)
        return lines

    def forget_in_audit(self, name):
        """Audit lines about a person no longer say who it was."""
        self._replace('audit', 'WHERE person = ?', (name,),
                      lambda row: {**row, 'person': FORGOTTEN, 'detail': None})

    # What a database does its own way

    @abc.abstractmethod
    def _schema(self):
        """`SCHEMA` with its types."""

    @abc.abstractmethod
    def _run(self, sql, values=()):
        """Rows of a statement, in which ``?`` stands for a value."""

    def _run_in_parts(self, sql, values, size):
        """Yields rows of a statement, up to so many at once; other statements wait until the last."""
        rows = self._run(sql, values)
        for first in range(0, len(rows), size):
            yield rows[first:first + size]

    @abc.abstractmethod
    def _run_many(self, sql, rows):
        """A statement for each of several rows of values."""

    @abc.abstractmethod
    def _begin(self, write):
        """Begin a transaction: one that no other writer joins, or one that sees a single moment."""

    @abc.abstractmethod
    def _end(self, how):
        """'COMMIT' or 'ROLLBACK', where a transaction is open."""

    @abc.abstractmethod
    def purge(self):
        """Leave nothing of what was deleted."""

    @abc.abstractmethod
    def _disconnect(self):
        """End the connection; once more does nothing."""
