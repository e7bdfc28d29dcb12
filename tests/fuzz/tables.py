"""Writes TensorFlow's tables and protocol buffers by hand, right or with any fault, and always with right checksums."""
import struct

MAGIC = 0xDB4775248B80FB57


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC = _crc_table()


def masked_crc(data):
    """CRC-32C as TensorFlow stores it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(number):
    number &= (1 << 64) - 1                                     # negative ones are two's complements
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, value):
    """One field: an int as varint, bytes with their length, a float as the fixed 32 bits of its whole number."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack('<I', int(value))
    return varint(number << 3) + varint(value)


def message(*fields):
    """A protocol buffer of (number, value) pairs."""
    return b''.join(field(number, value) for number, value in fields)


def shape(sizes):
    return message(*((2, message((1, size))) for size in sizes))


def block(entries, interval=16, restarts=None):
    """A table's block of sorted (key, value) entries."""
    data, starts, last = b'', [], b''
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % interval:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        else:
            starts.append(len(data))
        data += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    starts = (starts or [0]) if restarts is None else restarts
    return data + struct.pack(f'<{len(starts) + 1}I', *starts, len(starts))


def table(blocks, handles=None, kind=0):
    """A table of these blocks, (last key, block) pairs; `handles` are put in place of those of the blocks."""
    out, index = b'', []
    for number, (key, data) in enumerate(blocks):
        handle = varint(len(out)) + varint(len(data))
        index.append((key, (handles or {}).get(number, handle)))
        out += sealed(data, kind)
    places = []
    for data in (block([]), block(index, 1)):
        places.append(varint(len(out)) + varint(len(data)))
        out += sealed(data)
    return out + (places[0] + places[1]).ljust(40, b'\0') + struct.pack('<Q', MAGIC)


def sealed(data, kind=0):
    """A block with its trailer: method of compression, checksum."""
    data += bytes([kind])
    return data + struct.pack('<I', masked_crc(data))
