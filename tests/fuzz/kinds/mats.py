"""LSP's and MPII's .mat files, mostly damaged: people as they were written, or a refusal with the file's name."""
import io
import struct
import zlib

import numpy as np
from scipy.io import savemat

from gait_recognition.training.annotations import convert_lsp, convert_mpii
from tests.fuzz import REFUSED, RIGHT
from tests.fuzz.noise import flipped, noise, odd

HEAD = 128                                  # bytes ahead of the first element


class Kind:
    def __init__(self, folder):
        self.folder, self.path = str(folder), folder / 'joints.mat'
        points = np.zeros(3, [(name, object) for name in ('x', 'y', 'id', 'is_visible')])
        points[:] = [(10.0 * j, 20.0 * j, j, 1) for j in (1, 5, 9)]
        person = {'annopoints': {'point': points}, 'scale': 1.5, 'objpos': {'x': 30.0, 'y': 40.0}}
        release = {'annolist': {'image': {'name': 'one.jpg'}, 'annorect': person}, 'img_train': 1}
        joints = np.random.RandomState(1).uniform(1, 200, (3, 14, 2)).round()
        joints[2] = 0
        self.made = {convert: (written(False, **content), written(True, **content))
                     for convert, content in ((convert_lsp, {'joints': joints}), (convert_mpii, {'RELEASE': release}))}
        self.expected = {}
        for convert, contents in self.made.items():
            self.path.write_bytes(contents[0])
            self.expected[convert] = convert(str(self.path), self.folder)
        first, second = self.expected[convert_lsp]
        assert (first.joints[0, 1], second.joints[0, 1]) == tuple(joints[0, 0] - 1)

    def try_one(self, random, number):
        convert = random.choice([*self.made])
        plain, packed = self.made[convert]
        whole = content = random.choice((plain, packed))
        for _ in range(random.choice((0, 1, 1, 1, 2))):
            content = random.choice(FAULTS)(random, content)
        if content != packed and content[HEAD] != 15 and random.random() < 0.3:
            content = content[:HEAD] + compressed(random, content[HEAD:])
            whole = None
        self.path.write_bytes(content)
        try:
            found = convert(str(self.path), self.folder)
        except ValueError as error:
            assert str(self.path) in str(error), f'no name in: {error}'
            assert content != whole, f'refused what is right: {error}'
            return REFUSED
        for annotation in found:
            assert np.isfinite(annotation.joints[annotation.present]).all() and annotation.present.any()
            assert annotation.scale > 0 and np.isfinite(annotation.centre).all()
        if content == whole:
            for a, b in zip(found, self.expected[convert], strict=True):
                assert np.array_equal(a.joints, b.joints, equal_nan=True) and (a.scale, a.centre) == (b.scale, b.centre)
        return RIGHT


def written(is_packed, **content):
    file = io.BytesIO()
    savemat(file, content, do_compression=is_packed)
    return file.getvalue()


def compressed(random, data):
    packed = zlib.compress(data)
    if random.random() < 0.2:
        packed = flipped(random, packed)
    size = len(packed) if random.random() < 0.8 else odd(random) & 0xFFFFFFFF
    return struct.pack('<II', 15, size) + packed


# --- Faults ----------------------------------------------------------------------------------------------------------

def flips(random, data):
    return data[:HEAD] + flipped(random, data[HEAD:])


def number_of_an_element(random, data):
    """Its kind, its length, a size: all of them lie at multiples of four."""
    at = random.randrange(HEAD, max(HEAD + 4, len(data) - 3), 4)
    number = random.choice((random.randrange(20), random.randrange(20), odd(random) & 0xFFFFFFFF))
    return data[:at] + struct.pack('<I', number) + data[at + 4:]


def head(random, data):
    return flipped(random, data[:HEAD]) + data[HEAD:]


def cut(random, data):
    return data[:random.randrange(HEAD, len(data) + 1)]


def inserted(random, data):
    at = random.randrange(HEAD, len(data) + 1)
    return data[:at] + noise(random) + data[at + random.choice((0, 0, 4, 8)):]


def version(random, data):
    """Another version of the format, or the other order of bytes."""
    return data[:124] + random.choice((b'\0\2IM', b'\0\1MI', b'\0\0IM', b'\1\0MI', b'\0\xffIM')) + data[HEAD:]


FAULTS = [flips, flips, number_of_an_element, number_of_an_element, number_of_an_element, head, cut, inserted, version]
