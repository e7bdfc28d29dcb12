"""V1 checkpoints, one file, whose list of tensors and whose tensors have right checksums and wrong contents."""
import numpy as np

from tests.fuzz import tables
from tests.fuzz.kinds.v2 import TYPES, odd_shape, other_shape, table_of
from tests.fuzz.noise import flipped, noise, odd
from tests.fuzz.weights import Judge, tensors


class Kind:
    def __init__(self, folder):
        self.path, self.tensors, self.judge = str(folder / 'w.ckpt'), tensors(), Judge()

    def try_one(self, random, number):
        listed = {name: [(1, name.encode()), (2, tables.shape(np.shape(value))),
                         (3, TYPES[np.asarray(value).dtype.name]), (4, whole(np.ndim(value)))]
                  for name, value in sorted(self.tensors.items())}
        values = {name: [(1, name.encode()), (2, whole(np.ndim(value))), (3, proto(np.asarray(value)))]
                  for name, value in self.tensors.items()}
        is_right = True
        for _ in range(random.choice((0, 1, 1, 1, 2))):
            if random.random() < 0.7:
                damage(random, random.choice(list(listed.values())))
            else:
                is_right = False                                # other values under right checksums are other weights
                damage(random, random.choice(list(values.values())))
        meta = [(1, tables.message(*fields)) for fields in listed.values()]
        if random.random() < 0.1:
            meta.insert(0, random.choice(meta))
        if random.random() < 0.1:
            at = random.randrange(len(meta))
            meta[at] = 1, flipped(random, meta[at][1])
        versions = tables.message((1, 1)), noise(random), tables.message((2, odd(random)))
        meta.append((2, versions[0] if random.random() < 0.8 else random.choice(versions)))
        pairs = [(b'', tables.message((1, tables.message(*meta)))),
                 *sorted((key_of(name, np.ndim(value)), tables.message((2, tables.message(*values[name]))))
                         for name, value in self.tensors.items())]
        if random.random() < 0.1:
            at = random.randrange(len(pairs))
            is_right, pairs[at] = False, (pairs[at][0], random.choice((noise(random), flipped(random, pairs[at][1]))))
        with open(self.path, 'wb') as file:
            file.write(table_of(random, pairs, holds_values=True))
        return self.judge(self.path, self.tensors.values() if is_right else None)


def whole(dimensions):
    """The slice that is all of a tensor."""
    return tables.message(*[(1, b'')] * dimensions)


def proto(value):
    """A TensorProto, with its numbers one by one."""
    kind = TYPES[value.dtype.name]
    if kind == 9:
        numbers = 10, b''.join(tables.varint(int(number)) for number in value.ravel())
    else:
        numbers = {1: 5, 2: 6}[kind], value.tobytes()
    return tables.message((1, kind), (2, tables.shape(value.shape)), numbers)


def key_of(name, dimensions):
    """The key of a tensor's only slice, in TensorFlow's ordered code."""
    return b'\0' + name.encode() + b'\0\1' + (b'\1' + bytes([dimensions]) if dimensions else b'\0') \
        + b'\x80\x7f' * dimensions


def damage(random, fields):
    fault = random.randrange(8)
    if fault == 0:
        other_shape(random, fields)
    elif fault == 1:
        odd_shape(random, fields)
    elif fault == 2:
        fields[:] = [pair for pair in fields if pair[0] != 3] + [(3, odd(random))]
    elif fault == 3:
        fields[:] = [pair for pair in fields if pair[0] != 4]
        for _ in range(random.randrange(3)):
            fields.append((4, tables.message(*[(1, tables.message((1, odd(random)), (2, odd(random))))]
                                             * random.randrange(3))))
    elif fault == 4:
        fields[0] = 1, random.choice((b'', b'global_step', b'\xff', b'a\0b', noise(random)))
    elif fault == 5:
        fields.append((random.randrange(1, 9), random.choice((odd(random), noise(random), 3.0))))
    elif fault == 6:
        del fields[random.randrange(len(fields))]
    else:
        fields[-1] = fields[-1][0], noise(random) if isinstance(fields[-1][1], bytes) else odd(random)
