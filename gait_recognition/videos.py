"""Frames written as a video or an animation, through one encoder; PyAV is imported here alone (`recordings` reads)."""
from fractions import Fraction

import numpy as np
from PIL import Image

import gait_files

VIDEOS = {'.mp4': 'mp4', '.mov': 'mov', '.mkv': 'matroska', '.avi': 'avi'}          # and FFmpeg's
VIDEO_BIT_RATE = 8_000_000
FINEST_STEP = 65535             # MPEG-4 counts time in parts of a second, at most so many


def import_av(what, doing='reading this'):
    """PyAV; ImportError, which says how to get it, where it is missing."""
    try:
        import av
    except ImportError as error:
        raise ImportError(f'{what}: {doing} needs PyAV: pip install "gait-recognition[video]"') from error
    return av


def write_frames(path, frames, fps):
    """Write frames as an animated GIF or a video (PyAV), whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        `.gif`, or one of `VIDEOS`.
    frames : iterable of np.ndarray, uint8 (H, W, 3)
    fps : float
    """
    suffix = path.suffix.lower()
    with gait_files.replacing(path, shared=True) as file:
        if suffix == '.gif':
            write_gif(file, frames, fps)
        else:
            encode(file, VIDEOS[suffix], frames, fps)


def write_gif(file, frames, fps):
    """Write frames, uint8 (H, W, 3), as an animation that repeats, whose times of 10 ms keep to `fps` on the whole."""
    images = _timed(frames, fps)
    next(images).save(file, 'GIF', save_all=True, append_images=images, loop=0)


def _timed(frames, fps):
    """Frames as pictures that know how long they are shown, at most 50 a second."""
    for number, frame in enumerate(frames):
        image = Image.fromarray(frame)
        hundredths = round(100 * (number + 1) / fps) - round(100 * number / fps)
        image.info['duration'] = 10 * max(2, hundredths)                        # below 20 ms viewers take 100
        yield image


def encode(file, kind, frames, fps):
    """Write frames, uint8 (H, W, 3), as a video, MPEG-4 in FFmpeg's format `kind`; odd edges lose a row or column."""
    with Encoder(file, kind, fps) as encoder:
        for frame in frames:
            encoder.add(frame)


class Encoder:
    """As `encode`, frame after frame; use it with `with`, which ends the video."""

    def __init__(self, file, kind, fps):
        self._av = import_av(getattr(file, 'name', file), 'writing a video')
        self._container, self._stream, self._fps = self._av.open(file, 'w', format=kind), None, fps
        self._next = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with self._container:
            if error[0] is None and self._stream is not None:
                self._container.mux(self._stream.encode())

    def add(self, frame, seconds=None):
        """The next frame, uint8 (H, W, 3), shown from `seconds` on; by default `fps` of them are a second."""
        frame = np.ascontiguousarray(frame[:len(frame) // 2 * 2, :frame.shape[1] // 2 * 2])     # yuv420p: even edges
        if self._stream is None:
            self._stream = self._container.add_stream('mpeg4', rate=encodable_rate(self._fps))
            self._stream.height, self._stream.width = frame.shape[:2]
            self._stream.pix_fmt, self._stream.bit_rate = 'yuv420p', VIDEO_BIT_RATE
        picture = self._av.VideoFrame.from_ndarray(frame, 'rgb24')
        if seconds is not None:
            picture.pts, picture.time_base = max(self._next, round(seconds * self._fps)), 1 / encodable_rate(self._fps)
            self._next = picture.pts + 1
        self._container.mux(self._stream.encode(picture))


def encodable_rate(fps):
    """The frame rate nearest to `fps` that MPEG-4 can say, a Fraction; all rates of videos are within a millionth."""
    step = Fraction(1 / fps).limit_denominator(FINEST_STEP)
    return 1 / max(step, Fraction(1, FINEST_STEP))
