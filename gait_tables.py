"""What a TensorFlow checkpoint says it holds, read by hand and checked before TensorFlow opens the file.

TensorFlow takes the entries of a file whose checksums are right for good: one that does not parse, a negative size or
an unknown type ends the interpreter. Here each entry is read and checked, and what TensorFlow would stumble over is a
`ValueError`. The values of the tensors are TensorFlow's to read, and so are the checksums.

Both versions of checkpoints are tables of sorted keys: a V2 checkpoint's `.index` has an entry for each tensor
(`BundleEntryProto`), a V1 file one under the empty key for all of them (`SavedTensorSliceMeta`).
"""
import functools
import math
import os
import struct
from typing import NamedTuple

MAGIC = 0xDB4775248B80FB57
FOOTER, TRAILER = 48, 5                     # bytes: at the end of the file; after a block, its compression and checksum
MOST_DIMENSIONS = 254                       # TensorFlow's
MOST_ELEMENTS = 1 << 62
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# Types by TensorFlow's number: those that weights and steps come in with their bytes; the others are never read.
NUMBERS = {1: ('float32', 4), 2: ('float64', 8), 3: ('int32', 4), 4: ('uint8', 1), 5: ('int16', 2), 6: ('int8', 1),
           9: ('int64', 8), 10: ('bool', 1), 14: ('bfloat16', 2), 17: ('uint16', 2), 19: ('float16', 2),
           22: ('uint32', 4), 23: ('uint64', 8)}
OTHER_TYPES = {7: 'text', 8: 'complex64', 11: 'qint8', 12: 'quint8', 13: 'qint32', 15: 'qint16', 16: 'quint16',
               18: 'complex128', 20: 'resource', 21: 'variant'}


class Entry(NamedTuple):
    """A tensor as its file describes it."""
    type: str
    shape: list                             # of int
    is_numbers: bool                        # of a type that is read


def read_entries(prefix):
    """What a checkpoint holds.

    Parameters
    ----------
    prefix : str
        Of a V2 checkpoint, or a V1 file; where both are there V2 wins, as in TensorFlow.

    Returns
    -------
    dict of str to Entry

    Raises
    ------
    ValueError
        Something in it is not as TensorFlow writes it.
    OSError
        It cannot be read.
    """
    if os.path.isfile(f'{prefix}.index'):
        return _v2_entries(prefix)
    return _v1_entries(prefix)


# --- Tables ----------------------------------------------------------------------------------------------------------

def _varint(data, at, end):
    """(number, where it ends) of the varint at `at`."""
    if at < end and data[at] < 0x80:                    # nearly all
        return data[at], at + 1
    number = shift = 0
    while at < end and shift < 64:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if number >> 64:
                break
            return number, at
        shift += 7
    raise ValueError('a number in it is cut off or has more than 64 bits')


def _handle(data, at, end):
    """(offset, size) of a block."""
    offset, at = _varint(data, at, end)
    return offset, _varint(data, at, end)[0]


def _open_table(file):
    """(key, handle) of each block of a table, in their order."""
    size = file.seek(0, os.SEEK_END)
    if size < FOOTER:
        raise ValueError('it is shorter than a table\'s footer')
    file.seek(size - FOOTER)
    footer = file.read(FOOTER)
    if struct.unpack('<Q', footer[-8:])[0] != MAGIC:
        raise ValueError('it does not end as a table does (bad magic number)')
    at = _varint(footer, 0, FOOTER)[1]
    at = _varint(footer, at, FOOTER)[1]                             # behind the handle of the meta-index
    index = [(key, _handle(value, 0, len(value))) for key, value in _block(file, _handle(footer, at, FOOTER), size)]
    if not index:
        raise ValueError('its index is empty')
    return index, size


def _block(file, handle, file_size):
    """(key, value) of a block's entries, whose keys grow."""
    offset, size = handle
    if offset + size + TRAILER > file_size:
        raise ValueError(f'a block of {size} bytes at {offset} reaches beyond its end')
    file.seek(offset)
    data = file.read(size + 1)
    if len(data) != size + 1:
        raise ValueError('it became shorter while it was read')
    if data[-1]:
        raise ValueError(f'a block is compressed (method {data[-1]}), which TensorFlow\'s checkpoints are not')
    if size < 4:
        raise ValueError('a block is cut off')
    count = struct.unpack_from('<I', data, size - 4)[0]
    end = size - 4 - 4 * count
    if end < 0 or not count:
        raise ValueError(f'a block has no room for its {count} restart points')
    restarts = struct.unpack_from(f'<{count}I', data, end)
    entries, starts, key, at = [], set(), None, 0
    while at < end:
        start = at
        shared, at = _varint(data, at, end)
        own, at = _varint(data, at, end)
        length, at = _varint(data, at, end)
        if shared > len(key or b'') or at + own + length > end:
            raise ValueError('an entry reaches beyond its block')
        if not shared:
            starts.add(start)
        last, key = key, (key or b'')[:shared] + data[at:at + own]
        if last is not None and key <= last:
            raise ValueError(f'the keys are not in order, or one is there twice: {key[:80]!r} after {last[:80]!r}')
        at += own + length
        entries.append((key, data[at - length:at]))
    if restarts[0] or list(restarts) != sorted(set(restarts)) or entries and not starts.issuperset(restarts):
        raise ValueError('a block\'s restart points are not where entries begin')
    return entries


def _blocks(file):
    """The entries of a table, block by block; the key of each is within what the index says of its block."""
    index, size = _open_table(file)
    before = None
    for last, handle in index:
        entries = _block(file, handle, size)
        if not entries or entries[-1][0] > last or before is not None and not before < entries[0][0]:
            raise ValueError('its blocks are not in the order of its index')
        before = last
        yield entries


# --- Messages --------------------------------------------------------------------------------------------------------

def _fields(data, known):
    """{number: list of values} of a protocol buffer's fields; `known` gives the wire type of those that are meant."""
    found, at, end = {number: [] for number in known}, 0, len(data)
    while at < end:
        tag, at = _varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 1 << 29 or known.get(number, wire) != wire:
            raise ValueError(f'a field {number} of type {wire} in it is none')
        if wire == VARINT:
            value, at = _varint(data, at, end)
        elif wire == BYTES:
            length, at = _varint(data, at, end)
            value, at = data[at:at + length], at + length
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
            value, at = data[at:at + length], at + length
        else:
            raise ValueError(f'a field of type {wire} in it is none')
        if at > end:
            raise ValueError('a field in it is cut off')
        if number in known:
            found[number].append(value)
    return found


def _single(values, default=0):
    if len(values) > 1:
        raise ValueError('a field that stands once is there twice')
    return values[0] if values else default


def _signed(number):
    return number - (1 << 64) if number >> 63 else number


@functools.lru_cache(maxsize=1024)                      # a network has few shapes, many times
def _shape(data):
    """The sizes in a TensorShapeProto, a tuple."""
    fields = _fields(data, {2: BYTES, 3: VARINT})
    if _single(fields[3]):
        raise ValueError('its shape is not known')
    sizes, elements = [], 1
    for dimension in fields[2]:
        parts = _fields(dimension, {1: VARINT, 2: BYTES})
        _single(parts[2], b'').decode()
        sizes.append(_signed(_single(parts[1])))
        elements *= max(sizes[-1], 1)
    if len(sizes) > MOST_DIMENSIONS or any(size < 0 for size in sizes) or elements >= MOST_ELEMENTS:
        raise ValueError(f'its shape is none: {len(sizes)} dimensions, {sizes[:8]}')
    return tuple(sizes)


def _type(number):
    """(name, bytes of one, whether it is read) of a type."""
    if number in NUMBERS:
        return *NUMBERS[number], True
    if number in OTHER_TYPES:
        return OTHER_TYPES[number], 0, False
    raise ValueError(f'its type, number {number}, is unknown')


def _name(key):
    name = key.decode()
    if '\0' in name:
        raise ValueError('it is stored in slices, as partitioned variables are; save it whole')
    return name


def _versions(data):
    fields = _fields(data, {1: VARINT, 2: VARINT, 3: BYTES})
    _single(fields[1]), _single(fields[2])


# --- Checkpoints -----------------------------------------------------------------------------------------------------

def _v2_entries(prefix):
    with open(f'{prefix}.index', 'rb') as file:
        entries = [entry for block in _blocks(file) for entry in block]
    if entries[0][0] != b'':
        raise ValueError('its index has no header')
    header = _fields(entries[0][1], {1: VARINT, 2: VARINT, 3: BYTES})
    count = _single(header[1])
    if not 0 < count < 100000 or _single(header[2]):
        raise ValueError(f'its header says {count} data files'
                         + (', and that the bytes are turned round' if _single(header[2]) else ''))
    _versions(_single(header[3], b''))
    sizes, found = {}, {}
    for key, data in entries[1:]:
        try:
            name = _name(key)
            found[name] = _v2_entry(data, prefix, count, sizes)
        except ValueError as error:
            raise ValueError(f'tensor {key[:120]!r}: {error}') from error
    return found


def _v2_entry(data, prefix, count, sizes):
    """The `Entry` of a BundleEntryProto; `sizes` keeps the sizes of data files by number."""
    fields = _fields(data, {1: VARINT, 2: BYTES, 3: VARINT, 4: VARINT, 5: VARINT, 6: FIXED32, 7: BYTES})
    if fields[7]:
        raise ValueError('it is stored in slices, as partitioned variables are; save it whole')
    kind, width, is_numbers = _type(_single(fields[1]))
    shape = _shape(_single(fields[2], b''))
    shard, offset, size = (_signed(_single(fields[number])) for number in (3, 4, 5))
    _single(fields[6])
    if not 0 <= shard < count:
        raise ValueError(f'it is in data file {shard} of {count}')
    if shard not in sizes:
        path = f'{prefix}.data-{shard:05d}-of-{count:05d}'
        if not os.path.isfile(path):
            raise ValueError(f'{path} is missing')
        sizes[shard] = os.path.getsize(path)
    if offset < 0 or size < 0 or offset + size > sizes[shard]:
        raise ValueError(f'{size} bytes at {offset} are beyond its data file of {sizes[shard]}: is that truncated?')
    if is_numbers and size != width * math.prod(shape):
        raise ValueError(f'{size} bytes are not those of {kind} {list(shape)}')
    return Entry(kind, list(shape), is_numbers)


def _v1_entries(path):
    with open(path, 'rb') as file:
        _, size = _open_table(file)
        key, data = next(_blocks(file))[0]
    if key != b'':
        raise ValueError('it has no list of its tensors')
    content = _fields(data, {1: BYTES, 2: BYTES})
    if content[2]:
        raise ValueError('its list of tensors holds a tensor')
    fields = _fields(_single(content[1], b''), {1: BYTES, 2: BYTES})
    _versions(_single(fields[2], b''))
    found = {}
    for tensor in fields[1]:
        parts = _fields(tensor, {1: BYTES, 2: BYTES, 3: VARINT, 4: BYTES})
        key = _single(parts[1], b'')
        try:
            name = _name(key)
            if not name or name in found:
                raise ValueError('a name is empty, or there twice')
            found[name] = _v1_entry(parts, size)
        except ValueError as error:
            raise ValueError(f'tensor {key[:120]!r}: {error}') from error
    return found


def _v1_entry(parts, file_size):
    """The `Entry` of a SavedSliceMeta."""
    kind, _, is_numbers = _type(_single(parts[3]))
    shape = _shape(_single(parts[2], b''))
    if len(parts[4]) != 1:
        raise ValueError('it is stored in slices, as partitioned variables are; save it whole')
    extents = _fields(parts[4][0], {1: BYTES})[1]
    for extent in extents:
        ends = _fields(extent, {1: VARINT, 2: VARINT})
        if _single(ends[1]) or ends[2]:
            raise ValueError('it is stored in slices, as partitioned variables are; save it whole')
    if len(extents) != len(shape):
        raise ValueError(f'its slice has {len(extents)} dimensions, its shape {list(shape)}')
    if math.prod(shape) > file_size:                            # a number takes a byte at the least
        raise ValueError(f'{kind} {list(shape)} are more numbers than the file has bytes')
    return Entry(kind, list(shape), is_numbers)
