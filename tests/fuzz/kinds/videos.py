"""Small videos, mostly damaged: frames of one size with times that never go back, or a refusal with the name."""
import io
import struct

import av
import numpy as np

from gait_recognition.facts import Limits
from gait_recognition.frames import read_frames
from tests.fuzz import REFUSED, RIGHT
from tests.fuzz.noise import flipped, noise, odd

FRAMES, SIZE = 12, (48, 64)
LIMITS = Limits(pixels=100_000, frames=60)
# FFmpeg's name of the format, codec, whether frames can be shown before others.
FILMS = (('mp4', 'mpeg4'), ('mp4', 'libx264'), ('mov', 'mjpeg'), ('matroska', 'libx264'), ('matroska', 'ffv1'),
         ('webm', 'libvpx'), ('avi', 'mpeg4'), ('avi', 'rawvideo'), ('mpegts', 'mpeg2video'), ('flv', 'flv'),
         ('asf', 'mpeg4'), ('mpeg', 'mpeg1video'), ('ogg', 'libtheora'), ('3gp', 'h263'), ('gif', 'gif'))
SIZES = {'h263': (96, 128)}


class Kind:
    def __init__(self, folder):
        self.path = folder / 'walk.mp4'                     # whatever is in it: the content decides
        self.films = {}
        for container, codec in FILMS:
            try:
                self.films[container, codec] = film(container, codec)
            except (av.error.FFmpegError, ValueError):      # this PyAV has no such encoder
                continue

    def try_one(self, random, number):
        name = random.choice([*self.films])
        whole = content = self.films[name]
        for _ in range(random.choice((0, 1, 1, 1, 2))):
            content = random.choice(BOXES.get(name[0], []) + COMMON)(random, content)
        self.path.write_bytes(content)
        try:
            frames = read_frames(str(self.path), limits=LIMITS, every=random.choice((1, 1, 2)))
            shape, count = None, 0
            for frame in frames:
                shape, count = shape or frame.shape, count + 1
                assert frame.dtype == np.uint8 and frame.shape == shape, 'a frame of another size'
        except (ValueError, OSError) as error:
            assert str(self.path) in str(error), f'no name in: {error}'
            assert content != whole, f'refused what is right: {error}'
            return REFUSED
        assert 0 < count == frames.count == len(frames.seconds) and count <= LIMITS.frames
        assert np.isfinite(frames.seconds).all() and sorted(frames.seconds) == frames.seconds, 'time goes back'
        assert np.isfinite(frames.fps) and frames.fps > 0, frames.fps
        assert all(isinstance(remark, str) and len(remark) < 1000 for remark in frames.remarks)
        if content == whole:
            assert (count, frames.skipped) == (-(-FRAMES // frames.every), 0), f'{count} frames, {frames.skipped}'
            assert frames.remarks == [] or name[0] == '3gp', frames.remarks        # H.263's pixels are not square
        return RIGHT


def film(container, codec):
    """The bytes of a whole video of noise and edges."""
    random, file = np.random.RandomState(1), io.BytesIO()
    height, width = SIZES.get(codec, SIZE)
    with av.open(file, 'w', format=container) as output:
        stream = output.add_stream(codec, rate=25)
        stream.height, stream.width = height, width
        stream.pix_fmt = {'mjpeg': 'yuvj420p', 'gif': 'rgb8', 'rawvideo': 'yuv420p'}.get(codec, 'yuv420p')
        stream.gop_size = 5
        for i in range(FRAMES):
            frame = random.randint(0, 60, (height, width, 3)).astype(np.uint8)
            frame[:, 3 * i:3 * i + 9] = 200
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, 'rgb24')))
        output.mux(stream.encode())
    return file.getvalue()


def cut(random, data):
    return data[:random.randrange(len(data))] if data else data


def head(random, data):
    return flipped(random, data[:600]) + data[600:]


def zeros(random, data):
    at, size = random.randrange(len(data) + 1), random.choice((1, 16, 500, 5000))
    return data[:at] + bytes(min(size, len(data) - at)) + data[at + size:]


def inserted(random, data):
    at = random.randrange(len(data) + 1)
    return data[:at] + noise(random) + data[at + random.choice((0, 0, 4)):]


def swapped(random, data):
    a, b = sorted(random.randrange(len(data) + 1) for _ in range(2))
    return data[:b] + data[a:]


def ahead(random, data):
    """Something else before it, or another file's head on it."""
    return random.choice((b'RIFF', b'\x1a\x45\xdf\xa3', b'GIF89a', b'#EXTM3U\n', b'ffconcat version 1.0\n', b'\0' * 188,
                          b'\0\0\0\x20ftypheic', b'\xff\xd8\xff', b'P6\n', b'<?xml', b'v=0\n')) + data


COMMON = [cut, head, head, flipped, zeros, inserted, swapped, ahead]


# --- Of one container, where it says how much there is ---------------------------------------------------------------

def mp4_box(random, data):
    """A box of an MP4 has another size or name, or other numbers in its head."""
    names = [name for name in (b'moov', b'trak', b'mdia', b'minf', b'stbl', b'stts', b'stsc', b'stsz', b'stco', b'stss',
                               b'mvhd', b'tkhd', b'mdhd', b'stsd', b'elst', b'ctts', b'hdlr', b'avcC', b'esds', b'mdat')
             if name in data]
    if not names:
        return data
    at = data.index(random.choice(names)) - 4
    number = struct.pack('>I', odd(random) & 0xFFFFFFFF)
    place = random.choice((at, at, at + 4, *range(at + 8, at + 92, 4)))
    return data[:max(0, place)] + number + data[max(0, place) + 4:]


def ebml(random, data):
    """An element of Matroska has another size, or is unknown."""
    marks = [mark for mark in (b'\x16\x54\xae\x6b', b'\x1f\x43\xb6\x75', b'\x15\x49\xa9\x66', b'\x1c\x53\xbb\x6b',
                               b'\xe0', b'\xb0', b'\xba', b'\xa3', b'\x2a\xd7\xb1', b'\x44\x89', b'\x23\xe3\x83')
             if mark in data]
    if not marks:
        return data
    mark = random.choice(marks)
    at = data.index(mark) + len(mark)
    return data[:at] + random.choice((b'\xff', b'\x80', b'\x01' + b'\xff' * 7, b'\x00', noise(random))) + data[at + 1:]


def riff(random, data):
    names = [name for name in (b'avih', b'strh', b'strf', b'movi', b'idx1', b'00dc', b'hdrl', b'LIST') if name in data]
    if not names:
        return data
    at = data.index(random.choice(names)) + random.choice((0, 4, 4, *range(8, 60, 4)))
    return data[:at] + struct.pack('<I', odd(random) & 0xFFFFFFFF) + data[at + 4:]


BOXES = {'mp4': [mp4_box] * 5, 'mov': [mp4_box] * 5, '3gp': [mp4_box] * 5, 'matroska': [ebml] * 4, 'webm': [ebml] * 4,
         'avi': [riff] * 4}
