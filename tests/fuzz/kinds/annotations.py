"""Annotated pictures as CSV and JSON: read, or refused with the file's name; what is read is what stands there."""
import json
import math

import numpy as np
from PIL import Image

from gait_recognition.training.annotations import read_annotations, write_annotations
from pose_joints import JOINT_NAMES
from tests.fuzz import REFUSED, RIGHT
from tests.fuzz.texts import CELLS, cell, damaged

JOINTS = ('right ankle', 'head top', 'left wrist')
COLUMNS = ['image', *(f'{name.replace(" ", "_")}_{what}' for name in JOINTS for what in ('x', 'y', 'visible')), 'scale',
           'centre_x', 'centre_y']
VALUES = (None, True, [], {}, [1, 2], '12', 'nan', math.nan, math.inf, -1, 0, 2.7, 1e300, 10 ** 400, 'a',
          [[1, 2], [3, 4]])


class Kind:
    def __init__(self, folder):
        self.folder = folder
        Image.new('RGB', (60, 80)).save(folder / 'a.png')

    def try_one(self, random, number):
        is_csv = random.random() < 0.6
        path = self.folder / ('a.csv' if is_csv else 'a.json')
        people = [person(random) for _ in range(random.randrange(1, 4))]
        text, is_whole = (as_csv if is_csv else as_json)(random, people)
        path.write_bytes(damaged(random, text.encode('utf-8', 'surrogatepass')))
        is_whole = is_whole and path.read_bytes() == text.encode()
        try:
            found = read_annotations(path)
        except (ValueError, FileNotFoundError) as error:
            assert str(path) in str(error) or 'a.png' in str(error), f'no name in: {error}'
            assert not is_whole, f'refused what is right: {error}'
            return REFUSED
        for annotation in found:
            assert np.isfinite(annotation.joints[annotation.present]).all() and annotation.present.any()
            assert math.isfinite(annotation.scale) and annotation.scale > 0 and np.isfinite(annotation.centre).all()
        if is_whole:
            assert len(found) == len(people)
            for annotation, (joints, scale) in zip(found, people):
                for name, (x, y, visible) in joints.items():
                    j = JOINT_NAMES.index(name)
                    assert annotation.joints[j].tolist() == [np.float32(y), np.float32(x)], 'other coordinates'
                    assert annotation.visible[j] == bool(visible)
                assert annotation.scale == scale
        write_annotations(self.folder / 'again.csv', found)
        for a, b in zip(found, read_annotations(self.folder / 'again.csv'), strict=True):
            assert np.array_equal(a.joints[~a.derived], b.joints[~a.derived], equal_nan=True) and a.scale == b.scale
        return RIGHT


def person(random):
    joints = {name: (random.uniform(0, 60), random.uniform(0, 80), random.randrange(2)) for name in JOINTS}
    return joints, random.uniform(0.1, 3)


def as_csv(random, people):
    columns, is_whole = list(COLUMNS), True
    rows = [['a.png', *(value for name in JOINTS for value in joints[name]), scale, 30, 40] for joints, scale in people]
    rows = [[str(value) for value in row] for row in rows]
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        is_whole = False
        row = random.choice(rows)
        if random.random() < 0.7:
            row[random.randrange(len(row))] = cell(random)
        elif random.random() < 0.5:
            columns[random.randrange(len(columns))] = random.choice((*COLUMNS, 'pelvis_x', 'nose_y', *CELLS))
        else:
            del row[random.randrange(1, len(row) + 1):]
    return '\n'.join(','.join(row) for row in (columns, *rows)) + '\n', is_whole


def as_json(random, people):
    records, is_whole = [{'image': 'a.png', 'joints': {name: list(joints[name]) for name in JOINTS}, 'scale': scale,
                          'centre': [30, 40]} for joints, scale in people], True
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        is_whole = False
        record = random.choice(records)
        if not isinstance(record, dict):
            continue
        where = record if random.random() < 0.5 or not isinstance(record['joints'], dict) else record['joints']
        if random.random() < 0.2:
            where[cell(random)] = random.choice(VALUES)
        else:
            where[random.choice([*where, 'image'])] = random.choice((*VALUES, [cell(random), 2], [1, 2, cell(random)]))
        record.setdefault('joints', {})
    text = json.dumps(records)
    if random.random() < 0.05:
        text, is_whole = random.choice(('[' * 100000, '[' + '1' * 5000 + ']', 'null', '{}', '[]', '[[]]')), False
    return text, is_whole
