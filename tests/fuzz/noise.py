"""Numbers at the edges, random bytes, and bytes of which some bits are turned."""

ODD_NUMBERS = (-1, 0, 1, 2, 7, 8, 20, 21, 24, 31, 99, 101, 127, 254, 255, 1 << 31, -(1 << 31), 1 << 32, 1 << 40,
               1 << 62, (1 << 63) - 1, -(1 << 63))


def flipped(random, data):
    data = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8))):
        if data:
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def odd(random):
    return random.choice(ODD_NUMBERS) if random.random() < 0.8 else random.getrandbits(random.choice((4, 8, 33, 64)))


def noise(random):
    return bytes(random.getrandbits(8) for _ in range(random.choice((0, 1, 2, 5, 30))))
