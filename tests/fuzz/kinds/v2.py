"""V2 checkpoints whose index has right checksums and, mostly, wrong entries."""
import numpy as np

from gait_checkpoints import DATA_SUFFIX
from tests.fuzz import tables
from tests.fuzz.noise import flipped, noise, odd
from tests.fuzz.weights import Judge, tensors

TYPES = {'float32': 1, 'float64': 2, 'int64': 9}


class Kind:
    def __init__(self, folder):
        self.prefix, self.tensors, self.judge = str(folder / 'w.ckpt'), tensors(), Judge()

    def try_one(self, random, number):
        entries, data = entries_of(self.tensors)
        header = [(1, 1), (3, tables.message((1, 1)))]
        for _ in range(random.choice((0, 1, 1, 1, 1, 2, 3))):
            random.choice(ENTRY_FAULTS if random.random() < 0.8 else HEADER_FAULTS)(
                random, random.choice(list(entries.values())), header, entries)
        pairs = [(b'', tables.message(*header)), *((key, encoded(fields)) for key, fields in entries.items())]
        if random.random() < 0.15:
            random.choice(KEY_FAULTS)(random, pairs)
        content = table_of(random, pairs)
        with open(self.prefix + '.index', 'wb') as file:
            file.write(content)
        if random.random() < 0.05:
            data = data[:random.randrange(len(data))] if random.random() < 0.5 else flipped(random, data)
        with open(self.prefix + DATA_SUFFIX, 'wb') as file:
            file.write(data)
        return self.judge(self.prefix, self.tensors.values())


def entries_of(values):
    """{key: fields} of a whole, right index, and the data file."""
    entries, data = {}, b''
    for name in sorted(values):
        value = np.asarray(values[name])
        content = value.tobytes()
        entries[name.encode()] = [(1, TYPES[value.dtype.name]), (2, tables.shape(value.shape)), (4, len(data)),
                                  (5, len(content)), (6, float(tables.masked_crc(content)))]
        data += content
    return entries, data


def encoded(fields):
    return fields if isinstance(fields, bytes) else tables.message(*fields)


# --- Faults of an entry's fields (and of the header's, which are the same) -------------------------------------------

def other_number(random, fields, *_):
    """One of the numbers becomes an odd one."""
    number = random.choice((1, 3, 4, 5, 6))
    value = float(random.getrandbits(32)) if number == 6 else odd(random)
    fields[:] = [pair for pair in fields if pair[0] != number] + [(number, value)]


def other_shape(random, fields, *_):
    sizes = random.choice((
        lambda: [odd(random) for _ in range(random.randrange(4))],
        lambda: [1] * random.choice((200, 254, 255, 300, 5000)), lambda: [0] * random.choice((1, 254, 255)),
        lambda: [1 << 62, 1 << 62, 0], lambda: [0, 1 << 62, 1 << 62],
        lambda: [32, 2, 2], lambda: [4, 32], lambda: [128]))()
    replaced(fields, 2, tables.shape(sizes))


def odd_shape(random, fields, *_):
    """A shape that does not parse, has an unknown rank, or names for its dimensions."""
    replaced(fields, 2, random.choice((
        lambda: noise(random), lambda: tables.message((3, 1)), lambda: tables.message((2, b'\xff\xff')),
        lambda: tables.message((2, tables.message((1, 4), (2, noise(random))))),
        lambda: tables.message((2, tables.message((1, 4), (1, 5)))), lambda: tables.message((2, 5))))())


def replaced(fields, number, value):
    fields[:] = [pair for pair in fields if pair[0] != number] + [(number, value)]


def slices(random, fields, *_):
    for _ in range(random.choice((1, 1, 2, 3))):
        extents = [tables.message(*random.choice(([], [(1, odd(random))], [(1, 0), (2, 2)], [(2, odd(random))])))
                   for _ in range(random.randrange(4))]
        fields += [(7, tables.message(*((1, extent) for extent in extents)))] * random.choice((1, 1, 2))


def further_field(random, fields, *_):
    fields.append((random.choice((1, 2, 3, 4, 5, 7, 8, 15, 16, 1 << 20, (1 << 29) - 1, 1 << 29)),
                   random.choice((odd(random), noise(random), 3.0))))


def lost_field(random, fields, *_):
    if fields:
        del fields[random.randrange(len(fields))]


def text(random, fields, *_):
    replaced(fields, 1, 7)
    if random.random() < 0.5:
        replaced(fields, 2, tables.shape([random.choice((1, 3, 1 << 40))]))


def raw(random, fields, header, entries):
    """The entry's bytes are changed, cut off or others altogether."""
    key = random.choice(list(entries))
    data = encoded(entries[key])
    entries[key] = random.choice((lambda: flipped(random, data), lambda: data[:random.randrange(len(data) + 1)],
                                  lambda: noise(random), lambda: data + noise(random), lambda: b''))()


def safe(fault):
    """A fault of fields, for entries that are fields still."""
    def act(random, fields, header, entries):
        if not isinstance(fields, bytes):
            fault(random, fields, header, entries)
    return act


def of_header(fault):
    return lambda random, fields, header, entries: fault(random, header, header, entries)


def header_versions(random, fields, header, entries):
    replaced(header, 3, random.choice((tables.message((1, odd(random)), (2, odd(random))), noise(random),
                                       tables.message((1, 1), (2, 9)), tables.message((1, 1), (3, b'\1')))))


def header_numbers(random, fields, header, entries):
    replaced(header, random.choice((1, 2)), odd(random))


ENTRY_FAULTS = [safe(fault) for fault in (other_number, other_number, other_shape, other_shape, odd_shape, slices,
                                          further_field, lost_field, text)] + [raw, raw]
HEADER_FAULTS = [header_versions, header_numbers, of_header(further_field), of_header(lost_field)]


# --- Faults of keys, and of the table --------------------------------------------------------------------------------

def key_twice(random, pairs):
    at = random.randrange(len(pairs))
    pairs.insert(at, pairs[at])


def keys_out_of_order(random, pairs):
    random.shuffle(pairs)


def other_key(random, pairs):
    at = random.randrange(len(pairs))
    key = random.choice((b'', b'\0', b'\0\1w', b'\xff\xfe', noise(random), flipped(random, pairs[at][0]), b'w' * 99999))
    pairs[at] = key, pairs[at][1]
    if random.random() < 0.7:
        pairs.sort()


def lost_key(random, pairs):
    del pairs[random.randrange(len(pairs))]


KEY_FAULTS = [key_twice, keys_out_of_order, other_key, lost_key]


def table_of(random, pairs, holds_values=False):
    """The table's bytes: mostly as TensorFlow writes it, sometimes in several blocks, sometimes with a fault.

    Where the table holds values, as a V1 file does, none is changed under a right checksum: it would be another one.
    """
    cuts = sorted(random.sample(range(1, len(pairs)), random.choice((0, 0, 0, 1, 2)))) if len(pairs) > 3 else []
    groups = [pairs[start:end] for start, end in zip([0, *cuts], [*cuts, len(pairs)])]
    blocks = [(group[-1][0] if group else b'', tables.block(group, random.choice((1, 3, 16)))) for group in groups]
    if random.random() > 0.15:
        return tables.table(blocks)
    at = random.randrange(len(blocks))
    key, data = blocks[at]
    fault = random.randrange(1 if holds_values else 0, 7)
    if fault == 0:                                              # right checksums over changed bytes
        blocks[at] = key, flipped(random, data)
    elif fault == 1:
        blocks[at] = key, tables.block(groups[at], 16, [random.choice((0, 1, 5, 1 << 31))] * random.randrange(4))
    elif fault == 2:
        return tables.table(blocks, {at: random.choice((tables.varint(odd(random)) + tables.varint(odd(random)),
                                                        noise(random)))})
    elif fault == 3:
        return tables.table(blocks, kind=random.choice((1, 1, 2, 255)))
    elif fault == 4:
        blocks[at] = noise(random), data
    content = tables.table(blocks)
    if fault == 5:
        return content[:random.randrange(len(content))]
    return flipped(random, content) if fault == 6 else content
