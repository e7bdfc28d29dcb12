"""Exported galleries, CSV and npz, damaged: every walk is taken in as it stands there, or none and a refusal."""
import io
import warnings

import numpy as np

from gait_recognition.galleries import exchange
from gait_recognition.gallery import Gallery, Origin
from tests.fuzz import REFUSED, RIGHT
from tests.fuzz.noise import flipped, noise
from tests.fuzz.texts import cell, damaged

WIDTH = 5
ARRAYS = (np.array(5), np.array('text'), np.zeros((0, WIDTH), np.float32), np.full((4, WIDTH), np.nan),
          np.zeros((4, WIDTH)), np.ones((4, WIDTH, 2)), np.ones(4), np.full((4, WIDTH), 1e300), np.array([5] * 4),
          np.array([b'x'] * 4), np.array(['', 'b', 'c', 'd']), np.ones((4, WIDTH), complex), np.array([True] * 4),
          np.ones((4, 1 << 16), np.int8))


class Kind:
    def __init__(self, folder):
        self.folder, random = folder, np.random.RandomState(1)
        self.walks = exchange.Walks(['anna', 'anna', 'ben', 'ä b'], ['walk 1', 'walk 2', 'walk 1', 'N,"1"'],
                                    random.standard_normal((4, WIDTH)).astype(np.float32), [
                                        Origin(contents=contents) for contents in ('d1', None, 'd2', None)], 'w', {})
        self.gallery = Gallery('w')
        self.gallery.enrol('zoe', np.arange(1.0, WIDTH + 1))
        warnings.simplefilter('ignore')

    def try_one(self, random, number):
        path = self.folder / random.choice(('it.csv', 'it.csv', 'it.npz'))
        exchange.write(path, self.walks)
        whole = path.read_bytes()
        for _ in range(random.choice((0, 1, 1, 2))):
            if path.suffix == '.csv':
                path.write_bytes(random.choice((cells, cells, damaged))(random, path.read_bytes()))
            else:
                path.write_bytes(random.choice((
                    flipped, arrays, arrays, lambda r, data: data[:r.randrange(len(data) + 1)],
                    lambda r, data: noise(r) + data))(random, path.read_bytes()))
        before = self.gallery.list()
        try:
            with self.gallery.changing():
                taken = self.gallery.take_in(path, 'w')
                people = self.gallery.list()
                assert taken == sum(map(len, people.values())) - 1 > 0, 'others were taken in'
                assert np.isfinite(self.gallery._held.vectors).all() and all(name.strip() for name in people)
                for probe in self.walks.vectors if path.read_bytes() == whole else ():
                    assert self.gallery.identify(probe).cosine_similarity > 0.999, 'a vector is another one'
                raise Taken
        except Taken:
            outcome = RIGHT
        except (ValueError, OSError) as error:
            assert str(path) in str(error), f'no name in: {error}'
            assert path.read_bytes() != whole, f'refused what is right: {error}'
            outcome = REFUSED
        assert self.gallery.list() == before, 'some of them are there'
        return outcome


class Taken(Exception):
    """Leaves a change of the gallery behind."""


def cells(random, data):
    rows = [line.split(',') for line in data.decode('utf-8', 'replace').split('\n')]
    row = random.choice(rows)
    if random.random() < 0.8:
        row[random.randrange(len(row))] = cell(random)
    elif random.random() < 0.5:
        rows.append(random.choice(rows))
    else:
        del row[random.randrange(len(row)):]
    return '\n'.join(map(','.join, rows)).encode('utf-8', 'surrogatepass')


def arrays(random, data):
    """An array is another one, lost, or new."""
    try:
        with np.load(io.BytesIO(data)) as held:
            found = {name: held[name] for name in held.files}
    except Exception:
        return data
    name = random.choice([*found, 'more'])
    if random.random() < 0.8:
        found[name] = random.choice(ARRAYS)
    else:
        found.pop(name, None)
    file = io.BytesIO()
    np.savez(file, **found)
    return file.getvalue()
