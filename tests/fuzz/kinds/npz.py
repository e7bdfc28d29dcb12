"""Weights of 8 bits, `.npz`, damaged in the archive, in an array's head, in the list of shapes."""
import io
import json
import zipfile

import numpy as np

import gait_checkpoints
from tests.fuzz.noise import flipped, noise, odd
from tests.fuzz.weights import Judge, tensors

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


class Kind:
    def __init__(self, folder):
        self.path, self.judge = str(folder / 'w.npz'), Judge()
        gait_checkpoints.write_compact(self.path, tensors())
        self.allowed = list(gait_checkpoints.read_checkpoint(self.path).values())
        with zipfile.ZipFile(self.path) as archive:
            self.members = {name: archive.read(name) for name in archive.namelist()}

    def try_one(self, random, number):
        members, is_right = [list(pair) for pair in self.members.items()], True
        for _ in range(random.choice((0, 1, 1, 1, 2))):
            # An array that is replaced, its checksum with it, may be a whole and finite one: other weights.
            is_right = random.choice(FAULTS)(random, members) and is_right
        content = archived(random, members)
        if random.random() < 0.3:
            content = random.choice((lambda: flipped(random, content), lambda: content[:random.randrange(len(content))],
                                     lambda: noise(random) + content))()
        with open(self.path, 'wb') as file:
            file.write(content)
        return self.judge(self.path, self.allowed if is_right else None)


def archived(random, members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', random.choice(METHODS)) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def one(random, members):
    return random.choice(members)


def facts(random, members):
    """The list of shapes says something else."""
    member = next((member for member in members if member[0].startswith(gait_checkpoints.FACTS)), None)
    if member is None:
        return False
    whole = {'format': gait_checkpoints.COMPACT_FORMAT, 'shapes': {}}
    name = random.choice(members)[0].removesuffix('.npy')
    whole['shapes'] = random.choice((
        None, [], 5, 'text', {name: odd(random)}, {name: None}, {name: [odd(random)]}, {name: ['4']}, {name: [[4]]},
        {name: [4.0]}, {name: [True]}, {name: [1] * 99}, {name: []}, {'\ud800': [1]}, {'nowhere': [1]}))
    text = json.dumps(random.choice((whole, whole, whole, [], None, {'format': 3}, whole['shapes'])))
    if random.random() < 0.3:
        text = random.choice(('[' * 100000, '1' * 6000, '{"format": ' * 3000, text[:-1], 'NaN', ''))
    member[1] = npy(np.frombuffer(text.encode(), np.uint8))
    return False


def npy(array, **options):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


def head(random, members):
    """An array's head is another text of the same kind, or none."""
    member = one(random, members)
    shapes = (f'({odd(random)},)', f'(4, {odd(random)})', '(4, 32)', '(4,)', '(True,)', '5', '(4.0,)', '(1,)')
    kinds = ("'<f4'", "'|O'", f"'<U{abs(odd(random))}'", "[('a', '<f4')]", '5', "('<f4', (1000000, 1000000))", "'<M8'")
    text = f"{{'descr': {random.choice(kinds)}, 'fortran_order': {random.choice(('False', 'True', '5'))}, " \
           f"'shape': {random.choice(shapes)}, }}"
    if random.random() < 0.3:
        text = random.choice(('(' * 9000, "{'", '\\', '', text + '.x', "'''", '0x', '1' * 9000, text[:-20], '{}'))
    text = text.encode()
    version = random.choice((b'\1\0', b'\1\0', b'\2\0', b'\3\0', b'\0\0', b'\xff\xff'))
    length = len(text).to_bytes(2 if version == b'\1\0' else 4, 'little')
    member[1] = b'\x93NUMPY' + version + length + text + member[1][80:]
    return False


def array(random, members):
    """An array of another type or shape, with NaN, beyond float32, or of texts."""
    member = one(random, members)
    member[1] = npy(random.choice((
        np.array('text'), np.zeros(3, 'S5'), np.full((4, 8), np.nan), np.full(8, 1e300), np.zeros((0, 4), np.int8),
        np.zeros((1, 1, 1), np.float32), np.zeros((32, 4), np.int8), np.zeros(4, bool), np.zeros(8, complex),
        np.full((12, 8), 100, np.int32), np.full((1, 8), np.inf, np.float32), np.zeros(4, '<M8[s]'), np.float64(1),
        np.asfortranarray(np.ones((12, 8), np.int8)), np.ones((32, 4), '>f4'), np.ones(8, np.float16))))
    return False


def member_name(random, members):
    one(random, members)[0] = random.choice(('.npy', 'x', 'x.npy', '/', 'a/../b.npy', 'facts.json', 'facts.json.npy',
                                             random.choice(members)[0], 'ä.npy', 'a' * 60000 + '.npy'))
    return True


def member_bytes(random, members):
    member = one(random, members)
    member[1] = random.choice((lambda: member[1][:random.randrange(len(member[1]) + 1)], lambda: noise(random),
                               lambda: member[1] + noise(random), lambda: flipped(random, member[1])))()
    return False


def bomb(random, members):
    one(random, members)[1] = npy(np.zeros((32, 1 << random.choice((10, 16, 19))), np.float32))
    return False


def lost_or_further(random, members):
    if random.random() < 0.5:
        members.remove(one(random, members))
    else:
        members.append([random.choice(('text', 'x.npy', random.choice(members)[0])), noise(random)])
    return True


FAULTS = [facts, facts, head, head, array, array, member_name, member_bytes, member_bytes, bomb, lost_or_further]
