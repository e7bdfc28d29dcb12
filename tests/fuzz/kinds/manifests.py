"""Manifests of walks, and protocols over them: read or refused with the file's name."""
import os

import numpy as np

from gait_recognition.evaluation.manifests import REQUIRED, Protocol, parse_conditions, read_manifest
from tests.fuzz import REFUSED, RIGHT
from tests.fuzz.texts import CELLS, cell, damaged


class Kind:
    def __init__(self, folder):
        self.folder = folder
        for i in range(12):
            (folder / f'{i}.mp4').touch()

    def try_one(self, random, number):
        path = self.folder / 'walks.csv'
        columns, is_whole, further = list(REQUIRED), True, random.choice(([], ['source'], ['note', 'source']))
        rows = [[f'p{i % 3}', f'N{i // 3 + 1}', '1', f'{i}.mp4', *further] for i in range(random.choice((6, 9, 12)))]
        columns += further
        expected = [tuple(row[:3]) for row in rows]
        for _ in range(random.choice((0, 0, 1, 1, 2))):
            is_whole = False
            row = random.choice((columns, *rows, *rows))
            if random.random() < 0.8:
                row[random.randrange(len(row))] = cell(random)
            else:
                del row[random.randrange(len(row)):]
                row.append(cell(random))
        text = '\n'.join(','.join(row) for row in (columns, *rows)) + '\n'
        path.write_bytes(damaged(random, text.encode('utf-8', 'surrogatepass')))
        is_whole = is_whole and path.read_bytes() == text.encode()
        try:
            walks = read_manifest(str(path))
        except (ValueError, FileNotFoundError) as error:
            assert str(path) in str(error), f'no name in: {error}'
            assert not is_whole, f'refused what is right: {error}'
            return REFUSED
        assert walks and all(walk.person and walk.condition and os.path.exists(walk.path) for walk in walks)
        assert not is_whole or [tuple(walk[:3]) for walk in walks] == expected, 'other walks'
        return self.split(random, walks, is_whole)

    def split(self, random, walks, is_whole):
        conditions = 'N1' if random.random() < 0.5 else random.choice(('N1-N2', 'N', 'N1-2', *CELLS))
        others = 'N2' if random.random() < 0.5 else random.choice(('N3-N4', 'N', cell(random)))
        try:
            parse_conditions(conditions)
            gallery, probes = Protocol('it', conditions, others).split(walks)
        except ValueError:
            return REFUSED
        assert len(gallery) and len(probes) and not np.intersect1d(gallery, probes).size
        assert {walks[i].person for i in probes} <= {walks[i].person for i in gallery}
        return RIGHT
