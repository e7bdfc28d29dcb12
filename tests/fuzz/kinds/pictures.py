"""Pictures and folders of them, mostly damaged: the pixels, a frame counted as damaged, or a refusal with the name."""
import io
import struct
import zlib

import numpy as np
from PIL import Image

from gait_recognition.facts import Limits
from gait_recognition.frames import read_frames
from gait_recognition.pictures import is_picture, read_picture
from tests.fuzz import REFUSED, RIGHT
from tests.fuzz.noise import flipped, noise, odd
from tests.fuzz.texts import cell

SIZE = 40, 30
LIMITS = Limits(pixels=100_000, frames=50)
LOSSLESS = {'PNG': '.png', 'BMP': '.bmp', 'TIFF': '.tif', 'PPM': '.ppm'}
FORMATS = {**LOSSLESS, 'JPEG': '.jpg', 'GIF': '.gif', 'WEBP': '.webp'}
ANIMATED = ('GIF', 'PNG', 'TIFF', 'WEBP')
KEYS = (b'duration', b'transparency', b'dpi', b'aspect', b'loop', b'exif', b'Raw profile type exif', b'gamma',
        b'srgb', b'icc_profile', b'jfif_density', b'jfif_unit', b'XML:com.adobe.xmp', b'default_image', b'\xff', b'')
WHY_NOT = 'the frames of one walk have one size', 'expected 8 or 16 bits'


class Kind:
    def __init__(self, folder):
        self.folder = folder / 'walk'
        self.folder.mkdir()
        for name in ('1.png', '3.png'):
            Image.new('RGB', SIZE, 'green').save(self.folder / name)

    def try_one(self, random, number):
        name = random.choice([*FORMATS])
        pixels = np.frombuffer(random.randbytes(SIZE[0] * SIZE[1] * 3), np.uint8).reshape(SIZE[1], SIZE[0], 3)
        content, is_whole = written(random, name, pixels)
        for _ in range(random.choice((0, 1, 1, 1, 2))):
            changed = random.choice(FAULTS.get(name, []) + COMMON)(random, content)
            content, is_whole = changed, is_whole and changed == content
        for old in self.folder.glob('2.*'):
            old.unlink()
        path = self.folder / f'2{FORMATS[name] if random.random() < 0.9 else random.choice([*FORMATS.values()])}'
        path.write_bytes(content)
        outcome = self.picture(path, is_whole and name in LOSSLESS and pixels)
        self.walk(path, random.choice((path, self.folder, self.folder)), is_whole)
        return outcome

    def picture(self, path, expected):
        is_picture(str(path))
        try:
            found = read_picture(path, LIMITS)
        except (ValueError, OSError) as error:
            assert str(path) in str(error), f'no name in: {error}'
            assert expected is False, f'refused what is right: {error}'
            return REFUSED
        assert found.mode == 'RGB' and 0 < found.size[0] * found.size[1] <= LIMITS.pixels, found
        assert expected is False or np.array_equal(np.asarray(found), expected), 'other pixels'
        return RIGHT

    def walk(self, path, source, is_whole):
        """One bad picture in a folder is a frame that is left out, and ends nothing."""
        try:
            frames = read_frames(str(source), limits=LIMITS)
            given = list(frames)
        except (ValueError, OSError) as error:
            assert str(path) in str(error) or str(source) in str(error), f'no name in: {error}'
            assert source == path or any(why in str(error) for why in WHY_NOT), f'a bad picture ended a walk: {error}'
            assert not is_whole, f'refused what is right: {error}'
            return
        assert all(frame.dtype == np.uint8 and frame.shape == given[0].shape for frame in given)
        assert np.isfinite(frames.fps) and frames.fps > 0 and np.isfinite(frames.seconds).all()
        assert len(frames.seconds) == frames.count == len(given) and sorted(frames.seconds) == frames.seconds
        if source != path:
            assert all(np.array_equal(frame[0, 0], (0, 128, 0)) for frame in (given[0], given[-1])), 'others are lost'


def written(random, name, pixels):
    """A file of this format, of one picture or of three, and whether it is whole, its EXIF included."""
    file, image, options, is_whole = io.BytesIO(), Image.fromarray(pixels), {}, True
    if name in ANIMATED and random.random() < 0.3:
        options = {'save_all': True, 'append_images': [image.rotate(180), image.rotate(180).transpose(0)]}
        if name != 'TIFF':
            options['duration'] = random.choice((40, 0, 100))
    if name == 'WEBP':
        options['lossless'] = True
    if name in ('JPEG', 'WEBP', 'PNG') and random.random() < 0.4:
        options['exif'], is_whole = exif(random), False
    if name in ('JPEG', 'WEBP', 'PNG', 'TIFF') and random.random() < 0.3:
        options['icc_profile'] = random.randbytes(random.choice((1, 128, 600)))
    image.save(file, name, **options)
    return file.getvalue(), is_whole


def exif(random):
    """EXIF that says nothing of how the picture is turned: right, or broken."""
    exif = Image.Exif()
    exif[0x010F] = 'maker'
    data = exif.tobytes()
    if random.random() < 0.7:
        data = random.choice((lambda: data[:random.randrange(6, len(data))], lambda: b'Exif\0\0' + noise(random),
                              lambda: b'Exif\0\0II*\0' + struct.pack('<I', odd(random) & 0xFFFFFFFF)))()
    return data


# --- Faults of any file ----------------------------------------------------------------------------------------------

def cut(random, data):
    return data[:random.randrange(len(data))] if data else data


def bits(random, data):
    return flipped(random, data)


def head_bits(random, data):
    return flipped(random, data[:64]) + data[64:]


def other_bytes(random, data):
    at = random.randrange(len(data) + 1)
    return data[:at] + noise(random) + data[at + random.choice((0, 0, 1, 4)):]


def swapped(random, data):
    """A part of it is there twice, or in another place."""
    a, b = sorted(random.randrange(len(data) + 1) for _ in range(2))
    return data[:b] + data[a:]


COMMON = [cut, bits, head_bits, other_bytes, swapped]


# --- Faults of one format, with its checksums right ------------------------------------------------------------------

def png_chunks(data):
    chunks, at = [], 8
    while at + 12 <= len(data):
        size, = struct.unpack('>I', data[at:at + 4])
        chunks.append([data[at + 4:at + 8], data[at + 8:at + 8 + size]])
        at += 12 + size
    return chunks


def png_of(chunks):
    return b'\x89PNG\r\n\x1a\n' + b''.join(struct.pack('>I', len(content)) + kind + content + struct.pack(
        '>I', zlib.crc32(kind + content)) for kind, content in chunks)


def png_text(random, data):
    """A text chunk under a name that Pillow's own facts have."""
    chunks, key, text = png_chunks(data), random.choice(KEYS), cell(random).encode('utf-8', 'replace')
    chunk = random.choice((
        lambda: [b'tEXt', key + b'\0' + text], lambda: [b'zTXt', key + b'\0\0' + zlib.compress(text)],
        lambda: [b'iTXt', key + b'\0\0\0\0\0' + text], lambda: [b'zTXt', key + b'\0\0' + noise(random)],
        lambda: [b'iTXt', key + b'\0\1\0\0\0' + zlib.compress(text * 100)]))()
    chunks.insert(random.randrange(1, len(chunks) + 1), chunk)
    return png_of(chunks)


def png_chunk(random, data):
    """A chunk is another, lost, doubled or new; sizes in the header are others."""
    chunks = png_chunks(data)
    if not chunks:
        return data
    chunk = random.choice(chunks)
    fault = random.randrange(6)
    if fault == 0:
        chunk[1] = random.choice((noise, lambda r: flipped(r, chunk[1])))(random)
    elif fault == 1:
        chunks.remove(chunk)
    elif fault == 2:
        chunks.insert(random.randrange(len(chunks)), chunk)
    elif fault == 3:
        kind = random.choice((b'eXIf', b'pHYs', b'tRNS', b'PLTE', b'acTL', b'fcTL', b'fdAT', b'gAMA', b'iCCP', b'cHRM',
                              b'sRGB', b'bKGD', b'zzZz', b'IEND', b'IHDR'))
        chunks.insert(random.randrange(len(chunks)), [kind, noise(random)])
    elif fault == 4:
        depth, colour = random.choice((1, 2, 4, 8, 16, 3)), random.choice((0, 2, 3, 4, 6, 1))
        sizes = [random.choice((*SIZE, odd(random) & 0xFFFFFFFF)) for _ in range(2)]
        chunks[0] = [b'IHDR', struct.pack('>IIBBBBB', *sizes, depth, colour, 0, 0, random.choice((0, 1, 7)))]
    else:
        chunks.insert(1, [b'pHYs', struct.pack('>IIB', odd(random) & 0xFFFFFFFF, odd(random) & 0xFFFFFFFF,
                                               random.randrange(3))])
    return png_of(chunks)


def tiff_entry(random, data):
    """A field of a TIFF's directory has another tag, kind, count or value, or the next directory is elsewhere."""
    data = bytearray(data)
    at, = struct.unpack('<I', data[4:8]) if len(data) > 8 else (0,)
    if not 8 <= at < len(data) - 2:
        return bytes(data)
    count, = struct.unpack('<H', data[at:at + 2])
    if random.random() < 0.2:                               # a directory that is cut off, in a ring, or nowhere
        place = at + 2 + 12 * count
        if place + 4 <= len(data):
            data[place:place + 4] = struct.pack('<I', random.choice((at, len(data) - 3, odd(random) & 0xFFFFFFFF, 4)))
        return bytes(data)
    place = at + 2 + 12 * random.randrange(max(1, count))
    part = random.choice((0, 2, 4, 8))
    change = struct.pack('<I', odd(random) & 0xFFFFFFFF)[:2 if part < 4 else 4]
    data[place + part:place + part + len(change)] = change
    return bytes(data)


def ppm_head(random, data):
    """Other numbers in a PPM's head, and other kinds of it."""
    parts = data.split(b'\n', 3)
    if len(parts) < 4:
        return data
    numbers = (b'0', b'-1', b'40', b'30', b'99999999999999999999', b'1' * 400, b'x', b'255', b'65535', b'65536', b'1e3',
               b'#', b'# 40\n40', b'')
    kind = random.choice((b'P6', b'P6', b'P5', b'P4', b'P3', b'P2', b'P1', b'Pf', b'PF', b'P7', b'Py', b'P0'))
    return kind + b'\n' + random.choice(numbers) + b' ' + random.choice((b'30', *numbers)) + b'\n' \
        + random.choice((b'255', *numbers)) + b'\n' + parts[3]


def jpeg_segment(random, data):
    """A segment that is new: EXIF, MPF, JFIF, Adobe, ICC or none, broken."""
    mark = random.choice(b'\xe0\xe1\xe1\xe1\xe2\xe2\xee\xed\xfe\xdb\xc4\xdd\xc0\xc2\xda\xd9')
    body = random.choice((b'Exif\0\0', b'MPF\0', b'JFIF\0', b'Adobe', b'ICC_PROFILE\0', b'Photoshop 3.0\0', b'')) \
        + random.choice((noise(random), exif(random)[6:], b'MM\0*\0\0\0\x08', b'II*\0\x08\0\0\0\x01\0'))
    size = len(body) + 2 if random.random() < 0.8 else odd(random) & 0xFFFF
    return data[:2] + bytes([0xFF, mark]) + struct.pack('>H', size) + body + data[2:]


def riff_chunk(random, data):
    """A chunk of a WebP that is new, and a size that is another."""
    body = random.choice((noise(random), exif(random)))
    body += b'\0' * (len(body) % 2)
    chunk = random.choice((b'EXIF', b'XMP ', b'ANIM', b'ANMF', b'VP8X', b'ALPH', b'VP8L')) \
        + struct.pack('<I', random.choice((len(body), odd(random) & 0xFFFFFFFF))) + body
    data = data[:12] + chunk + data[12:] if random.random() < 0.5 else data + chunk
    return data[:4] + struct.pack('<I', random.choice((len(data) - 8, odd(random) & 0xFFFFFFFF))) + data[8:]


def gif_block(random, data):
    """A block that is new: a control with another time, a comment, none."""
    block = random.choice((b'\x21\xf9\x04' + noise(random), b'\x21\xff\x0bNETSCAPE2.0\x03\x01' + noise(random),
                           b'\x21\xfe' + noise(random), b'\x2c' + noise(random), b'\x3b', b'\x21\xf9\0\0'))
    at = data.find(random.choice((b'\x2c', b'\x21')), 13)
    return data[:at] + block + data[at:] if at > 0 else data + block


FAULTS = {'PNG': [png_text, png_text, png_chunk, png_chunk], 'TIFF': [tiff_entry] * 4, 'PPM': [ppm_head] * 3,
          'JPEG': [jpeg_segment] * 3, 'WEBP': [riff_chunk] * 3, 'GIF': [gif_block] * 3}
