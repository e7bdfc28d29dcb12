"""Texts that are nearly right: tokens to fill cells with, and faults of any text file."""

CELLS = ('', ' ', '0', '1', '12', '-1', '2.7', '1e300', '-1e39', 'nan', 'NaN', 'inf', '-inf', '1' * 400, '1' * 5000,
         '0x10', '1_000', '１２', 'true', 'True', 'None', 'null', 'a', '"', "'", ',', '\n', '\r', '\0', '\ufeff',
         '\ud7ff', '~', '~nobody', '../a', '/', '.', 'N1', 'N01', 'N1-N4', '[1, 2]', '{}', 'ä', '😀', 'x' * 10000)


def cell(random):
    return random.choice(CELLS) if random.random() < 0.8 else str(random.uniform(-1e3, 1e3))


def damaged(random, data):
    """The bytes of a text, mostly as they are."""
    if random.random() > 0.2 or not data:
        return data
    at = random.randrange(len(data))
    return random.choice((
        lambda: data[:at], lambda: data[:at] + bytes([random.randrange(256)]) + data[at + 1:],
        lambda: data[:at] + random.choice((b'"', b',', b'\0', b'\xff', b'\r', b'[' * 5000, b'\n')) + data[at:],
        lambda: b'\xef\xbb\xbf' + data, lambda: data.decode('utf-8', 'replace').encode('utf-16')))()
