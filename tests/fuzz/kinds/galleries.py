"""Galleries, SQLite's and those of before, damaged in bytes, rows and settings: the right answers or a refusal."""
import contextlib
import json
import shutil
import sqlite3
import warnings

import numpy as np

from gait_recognition.galleries import legacy
from gait_recognition.galleries.walk_rows import WRAP, seal_of
from gait_recognition.gallery import Gallery, GalleryFileError
from tests.fuzz import REFUSED, RIGHT
from tests.fuzz.noise import flipped, noise, odd
from tests.fuzz.texts import cell

WIDTH, PEOPLE, WALKS = 6, ('anna', 'ben', 'carla'), 3
VALUES = (None, True, '', 'x', '0', '-1', '6', '7', '1e3', 'nan', '[1, 2]', '[]', '{}', 'null', '"a"', 'NaN',
          '1' * 5000, '[' * 20000, b'\xff\xfe', b'', 1.5, 'auto', '{"threshold": NaN}', '\ud7ff', '{"threshold": "x"}')
TABLES = {'settings': 'key', 'people': 'id', 'walks': 'id', 'points': 'task', 'audit': 'id', 'seals': 'name'}


class Kind:
    def __init__(self, folder):
        self.folder, random = folder, np.random.RandomState(1)
        warnings.simplefilter('ignore')
        self.whole = folder / 'whole.gallery'
        self.vectors = {name: random.standard_normal((1, WIDTH)) * 3 + random.standard_normal((WALKS, WIDTH)) * 0.1
                        for name in PEOPLE}
        with Gallery.open(self.whole, 'w', create=True) as gallery:
            for name, vectors in self.vectors.items():
                gallery.enrol(name, vectors)
            gallery.agree()
            gallery.calibrate(0.5)
            self.answers = self.asked(gallery)
        self.content = self.whole.read_bytes()
        self.before = self.npz()

    def npz(self):
        about = {'format': legacy.FORMAT, 'version': legacy.VERSION, 'fingerprint': 'w',
                 'names': [name for name in PEOPLE for _ in range(WALKS)], 'walks': [*'abc'] * 3, 'calibration': {}}
        path = self.folder / 'before.npz'
        np.savez(path, vectors=np.concatenate([*self.vectors.values()]).astype(np.float32), about=json.dumps(about))
        return path.read_bytes()

    def asked(self, gallery):
        """Whatever a gallery can be asked."""
        answers = [gallery.list(), gallery.settings, gallery.outdated, gallery.calibration]
        answers += [gallery.identify(vectors[0] + 0.01)._asdict() for vectors in self.vectors.values()]
        answers.append(gallery.verify(*self.vectors['anna'][:2])._asdict())
        gallery.walks(), gallery.audit(), gallery.check()
        return answers

    def try_one(self, random, number):
        for old in self.folder.glob('it.*'):
            old.unlink()
        if random.random() < 0.15:
            return self.of_before(random)
        path, may_differ = self.folder / 'it.gallery', False
        shutil.copyfile(self.whole, path)
        for _ in range(random.choice((0, 1, 1, 1, 2))):
            may_differ = random.choice(FAULTS)(random, path) or may_differ
        try:
            with Gallery.load(path, 'w') as gallery:
                answers = self.asked(gallery)
                for point in gallery.calibration.values():
                    assert np.isfinite([value for value in point if isinstance(value, float)]).all(), point
        except (ValueError, OSError) as error:
            assert str(path) in str(error), f'no name in: {error}'
            self.changed(path)
            return REFUSED
        assert may_differ or equal(answers, self.answers), 'other answers'
        scores = [answers[4]['cosine_similarity'], *(score for _, score in answers[4]['ranking'])]
        assert np.isfinite(scores).all(), scores
        self.changed(path)
        return RIGHT

    def changed(self, path):
        """A change goes into the gallery, or is refused; what is there then can be read."""
        try:
            with Gallery.open(path, 'w') as gallery:
                gallery.enrol('dan', np.arange(1, WIDTH + 1.0))
                gallery.agree()
        except (ValueError, OSError):
            return
        with Gallery.load(path, 'w') as gallery:
            assert 'dan' in gallery.list()

    def of_before(self, random):
        path, content = self.folder / 'it.npz', self.before
        for _ in range(random.choice((0, 1, 2))):
            content = random.choice((flipped, lambda r, data: data[:r.randrange(len(data) + 1)],
                                     lambda r, data: data + noise(r), about))(random, content)
        path.write_bytes(content)
        try:
            with Gallery.open(path, 'w') as gallery:
                people = gallery.list()
        except (GalleryFileError, ValueError, OSError) as error:
            assert 'it.' in str(error), f'no name in: {error}'
            assert content != self.before, f'refused what is right: {error}'
            assert not (self.folder / 'it.gallery').exists(), 'a refused one was converted'
            return REFUSED
        assert all(name.strip() and walks for name, walks in people.items())
        assert path.read_bytes() == content, 'the file of before was changed'
        return RIGHT


def equal(a, b):
    return json.dumps(a, default=str) == json.dumps(b, default=str)


def about(random, data):
    """An `.npz` of before whose facts are others."""
    import io
    with contextlib.suppress(Exception), np.load(io.BytesIO(data)) as arrays:
        facts = json.loads(arrays['about'].item())
        key = random.choice([*facts])
        facts[key] = random.choice((*VALUES[:2], [], {}, 5, -1, [cell(random)] * 9, [5] * 9, cell(random),
                                    {'identify': 5}, {'identify': {}}, {'identify': {'threshold': 'x'}},
                                    {'verify': {'threshold': 0.5}}))
        text = json.dumps(facts) if random.random() < 0.9 else random.choice(('[' * 50000, '1' * 5000, '', 'null', '5'))
        vectors = random.choice((arrays['vectors'], arrays['vectors'], arrays['vectors'] * np.nan,
                                 arrays['vectors'][:, :0], arrays['vectors'][:5], arrays['vectors'] * 0))
        file = io.BytesIO()
        np.savez(file, vectors=vectors, about=random.choice((text, text, np.array(5), np.array([text]))))
        return file.getvalue()
    return data


# --- Faults of the file; each returns whether a right answer may be another one --------------------------------------

def bits(random, path):
    path.write_bytes(flipped(random, path.read_bytes()))


def header(random, path):
    data = path.read_bytes()
    path.write_bytes(flipped(random, data[:100]) + data[100:])


def cut(random, path):
    data = path.read_bytes()
    path.write_bytes(data[:random.choice((0, 15, 16, 99, 100, 4096, random.randrange(len(data) + 1)))])


def page(random, path):
    """A page of SQLite's is lost, doubled, or zeros."""
    data, size = path.read_bytes(), 4096
    a, b = (size * random.randrange(max(1, len(data) // size)) for _ in range(2))
    path.write_bytes(data[:a] + random.choice((data[b:b + size], bytes(size), b'')) + data[a + size:])


def beside(random, path):
    """A log, or a journal, that is none of this file's."""
    suffix = random.choice(('-wal', '-shm', '-journal'))
    content = random.choice((noise(random), bytes(40000), b'\x37\x7f\x06\x82' * 99))
    path.with_name(path.name + suffix).write_bytes(content)


def row(random, path):
    """A value of a row is another one, under seals that match or do not."""
    def change(connection, random):
        table = random.choice([*TABLES])
        columns = [column[1] for column in connection.execute(f'PRAGMA table_info({table})')]
        value = random.choice((*VALUES, cell(random), odd(random)))
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            value = 5
        fault = random.random()
        if fault < 0.7:
            rows = connection.execute(f'SELECT rowid FROM {table}').fetchall()
            connection.execute(f'UPDATE {table} SET {random.choice(columns)} = ? WHERE rowid = ?',
                               (value, *random.choice(rows or [(1,)])))
        elif fault < 0.85:
            connection.execute(f'DELETE FROM {table} WHERE rowid = (SELECT MAX(rowid) FROM {table})')
        elif table == 'settings':
            connection.execute('INSERT INTO settings VALUES (?, ?)', (random.choice((
                'width', 'private', 'every', 'crop', 'rate', 'converted_from', 'fingerprint', 'x')), value))
    return _by_sql(random, path, change)


def vector(random, path):
    """A walk's vector is another one: of another width, not finite, zeros, beyond float32."""
    def change(connection, random):
        value = random.choice((np.full(WIDTH, np.nan), np.zeros(WIDTH), np.full(WIDTH, np.inf), np.ones(WIDTH + 1),
                               np.ones(0), np.full(WIDTH, 3e38))).astype('<f4').tobytes()
        value = random.choice((value, value, value[:-1], noise(random), 'text', 5, 2.5))
        connection.execute('UPDATE walks SET vector = ? WHERE id = ?', (value, random.randrange(1, 10)))
    return _by_sql(random, path, change)


def schema(random, path):
    def change(connection, random):
        connection.execute(random.choice((
            'DROP TABLE points', 'DROP TABLE seals', 'DROP TABLE audit', 'ALTER TABLE walks RENAME COLUMN vector TO v',
            'CREATE TABLE more (x)', 'CREATE VIEW v AS SELECT * FROM walks', 'PRAGMA application_id = 5',
            'PRAGMA user_version = 2', 'PRAGMA user_version = 4',
            'CREATE TRIGGER t AFTER INSERT ON walks BEGIN DELETE FROM people; END',
            'PRAGMA journal_mode = DELETE', 'PRAGMA page_size = 512')))
    return _by_sql(random, path, change)


def _by_sql(random, path, change):
    """Change a database, and, in half of the cases, its seals; returns whether they were."""
    is_sealed = random.random() < 0.6
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        with contextlib.suppress(sqlite3.Error):
            change(connection, random)
            if is_sealed:
                seal(connection)
    finally:
        connection.close()
    return is_sealed


def seal(connection):
    """Seals as they belong to the rows that are there: whoever can write the file can write them, too."""
    seals = {name: (number, total) for name, number, total in connection.execute('SELECT * FROM seals')}
    for table, order in TABLES.items():
        if table != 'seals':
            rows = connection.execute(f'SELECT * FROM {table} ORDER BY {order}').fetchall()
            seals[table] = len(rows), sum(map(seal_of, rows)) % WRAP
    seals.pop('seals', None)
    seals['seals'] = len(seals), sum(map(seal_of, seals.items())) % WRAP
    connection.execute('DELETE FROM seals')
    connection.executemany('INSERT INTO seals VALUES (?, ?, ?)', [(name, *value) for name, value in seals.items()])


FAULTS = [bits, bits, header, cut, page, beside, row, row, row, row, row, vector, schema]
