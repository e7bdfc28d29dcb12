"""Boxes of people as MOTChallenge's text and as COCO's results: read, or refused with the file's name."""
import json

import numpy as np

from gait_recognition.people.box_files import LARGEST, read_boxes
from tests.fuzz import REFUSED, RIGHT
from tests.fuzz.kinds.annotations import VALUES
from tests.fuzz.texts import cell, damaged


class Kind:
    def __init__(self, folder):
        self.folder = folder

    def try_one(self, random, number):
        rows = [(frame, track, *(round(random.uniform(1, 300), 2) for _ in range(4)))
                for frame in range(random.randrange(1, 4)) for track in range(random.randrange(1, 3))]
        suffix, text, is_whole = random.choice((as_text, as_json))(random, rows)
        path = self.folder / f'boxes{suffix}'
        path.write_bytes(damaged(random, text.encode('utf-8', 'surrogatepass')))
        is_whole = is_whole and path.read_bytes() == text.encode()
        try:
            found = read_boxes(path)
        except ValueError as error:
            assert str(path) in str(error), f'no name in: {error}'
            assert not is_whole, f'refused what is right: {error}'
            return REFUSED
        assert found.frames.min() >= 0 and found.frames.max() <= LARGEST and found.tracks.min() >= -1
        assert np.isfinite(found.boxes).all() and (found.boxes[:, 2:] > found.boxes[:, :2]).all()
        followed = [pair for pair in zip(found.frames.tolist(), found.tracks.tolist()) if pair[1] >= 0]
        assert len({*followed}) == len(followed), 'one track in two places'
        if is_whole:
            for row, frame, track, (left, top, right, bottom) in zip(rows, *found, strict=True):
                assert (frame, track) == row[:2] and np.allclose((left, top, right - left, bottom - top), row[2:])
        return RIGHT


def as_text(random, rows):
    lines, is_whole = [[str(f + 1), str(t), str(left + 1), str(top + 1), str(w), str(h), '1', '-1', '-1', '-1']
                       for f, t, left, top, w, h in rows], True
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        is_whole, line = False, random.choice(lines)
        if random.random() < 0.7:
            line[random.randrange(len(line))] = cell(random)
        else:
            del line[random.randrange(len(line)):]
            line.append(cell(random))
    return random.choice(('.txt', '.csv')), '\n'.join(','.join(line) for line in lines) + '\n', is_whole


def as_json(random, rows):
    entries, is_whole = [{'image_id': f, 'track_id': t, 'category_id': 1, 'bbox': box, 'score': 0.9}
                         for f, t, *box in rows], True
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        is_whole, entry = False, random.choice(entries)
        value = random.choice((*VALUES, cell(random)))
        if random.random() < 0.5 or not isinstance(entry.get('bbox'), list) or not entry['bbox']:
            entry[random.choice([*entry, cell(random)])] = value
        else:
            entry['bbox'][random.randrange(len(entry['bbox']))] = value
    text = json.dumps(entries if random.random() < 0.7 else {'annotations': entries})
    if random.random() < 0.05:
        text, is_whole = random.choice(('[' * 100000, '[' + '1' * 5000 + ']', 'null', '{}', '[]', '[[]]')), False
    return '.json', text, is_whole
