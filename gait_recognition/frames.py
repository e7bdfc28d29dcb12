"""Frames of a walk, one at a time: from a video file, pictures in a folder, an animation, a camera or an array.

Frames are uint8 RGB everywhere. OpenCV delivers BGR: turn its frames with `frame[..., ::-1]` first, or every colour is
another one and the vectors are worse, without an error. Memory does not grow with the length of a walk. Where the
walker is in them is not known here (`tracking`).
"""
import collections
import contextlib
import functools
import glob
import itertools
import math
import os
import re
import sys

import numpy as np
from PIL import Image

from gait_recognition import pictures
from gait_recognition.parameters import FRAME_RATE, IN_SECONDS, POSITIVE_INTEGER, check, optional
from gait_recognition.videos import import_av

CONSTRAINTS = {'every': POSITIVE_INTEGER, 'start': optional(IN_SECONDS), 'end': optional(IN_SECONDS),
               'fps': optional(FRAME_RATE)}
DEFAULT_FPS = 25.0              # where a source has no clock: pictures, arrays


class _Unreadable(Exception):
    """One frame is damaged; those after it may not be."""


def read_frames(source, every=1, start=None, end=None, fps=None):
    """Frames of a video, of pictures, an animation, a camera or an array, one at a time.

    Parameters
    ----------
    source : str, os.PathLike, int, array_like or iterable
        A video file (through PyAV; rotation metadata is obeyed). A folder, or a pattern such as `'walk/*.png'`: its
        pictures in natural order, 2 before 10, upright by their EXIF orientation. A GIF, WebP or TIFF, or one picture.
        A whole number: the camera of that number (through PyAV where it was built with camera input). uint8 RGB of
        shape (T, H, W, 3), or anything that yields (H, W, 3). A `Frames` is given back as it is.
    every : int
        Keep one frame in so many, counted from the first in range.
    start, end : float, optional
        Seconds: from `start` on and before `end`.
    fps : float, optional
        Frames a second where the source has no clock of its own (pictures, arrays); 25 by default.

    Returns
    -------
    Frames

    Raises
    ------
    FileNotFoundError
    ValueError
        The file is no video or picture, or broken from its start; the folder holds no picture.
    ImportError
        PyAV is needed and missing.
    """
    if isinstance(source, Frames):
        if (every, start, end, fps) != (1, None, None, None):
            raise ValueError('source is a Frames already: say every, start, end and fps where it is made')
        return source
    return Frames(source, every, start, end, fps)


class Frames:
    """What `read_frames` gives: iterate over it for uint8 RGB frames (H, W, 3), all of one size.

    Each iteration reads the source anew, except from a camera or an iterator, which can be read once (`rereadable`).

    Attributes
    ----------
    name : str
        For messages and reports.
    fps : float
        Frames a second of the source.
    knows_fps : bool
        The source, or who opened it, says so; otherwise `fps` is a guess.
    rereadable : bool
    count, skipped : int
        Frames given, and frames left out because they were damaged, in the latest iteration.
    """

    def __init__(self, source, every=1, start=None, end=None, fps=None):
        check(CONSTRAINTS, {'every': every, 'start': start, 'end': end, 'fps': fps})
        if end is not None and end <= (start or 0):
            raise ValueError(f'end ({end} s) has to lie after start ({start or 0} s)')
        self.every, self.start, self.end = int(every), start or 0.0, math.inf if end is None else end
        self.count = self.skipped = 0
        self.rereadable = True
        self.fps, self.knows_fps = fps or DEFAULT_FPS, fps is not None
        self.name, self._reader = self._find_reader(source)
        self._begun = None

    def _find_reader(self, source):
        """The source's name, and a function that starts reading: it yields (seconds, function giving the frame)."""
        if isinstance(source, (str, os.PathLike)):
            path = os.path.expanduser(os.fspath(source))
            if os.path.isfile(path):
                try:
                    Image.open(path, formats=pictures.FORMATS).close()
                except Image.DecompressionBombError as error:
                    raise ValueError(f'{path}: {error}') from error
                except OSError:                                         # Pillow knows it not: a video, or nothing
                    with _open_video(path) as container:
                        self.fps, self.knows_fps = _frame_rate(container), True
                    return path, functools.partial(_read_video, path)
                return path, functools.partial(_read_pictures, [path], self.fps)
            files = picture_files(path)
            return path, functools.partial(_read_pictures, files, self.fps)
        if isinstance(source, (int, np.integer)) and not isinstance(source, bool):
            self.rereadable = False
            return f'camera {source}', functools.partial(_read_camera, int(source))
        if not hasattr(source, '__iter__') and not hasattr(source, '__array__'):
            raise TypeError('source: expected a path, a camera number, an array (T, H, W, 3) or an iterable of frames, '
                            f'got {type(source).__name__}')
        if hasattr(source, '__array__') and not isinstance(source, np.ndarray):
            source = np.asarray(source)
        if isinstance(source, np.ndarray) and source.ndim != 4:
            raise ValueError(f'an array of frames: expected uint8 RGB of shape (T, H, W, 3), got shape {source.shape}')
        if iter(source) is source:
            self.rereadable = False
        return 'frames from memory', functools.partial(_read_array, source, self.fps)

    def __iter__(self):
        for _, frame in self.numbered():
            yield frame

    def numbered(self):
        """The frames with their numbers in the source, which count damaged frames and those out of range, from 0.

        Yields
        ------
        number : int
        frame : np.ndarray, uint8 (H, W, 3)
        """
        begun, self._begun = self._begun, None
        return self._numbered() if begun is None else begun

    def peek(self, count=1):
        """The first frames, up to `count` of them; they stay to be read."""
        numbered = self.numbered()
        first = collections.deque(itertools.islice(numbered, count))
        frames = [frame for _, frame in first]
        if not self.rereadable:                                         # none is held longer than needed
            self._begun = itertools.chain((first.popleft() for _ in range(len(first))), numbered)
        return frames

    def _numbered(self):
        self.count = self.skipped = in_range = 0
        shape = None
        for number, (seconds, load) in enumerate(self._reader()):
            if seconds < self.start:
                continue
            if seconds >= self.end:
                break
            in_range += 1
            if (in_range - 1) % self.every:
                continue
            try:
                frame = load()
            except _Unreadable:
                self.skipped += 1
                continue
            if shape is None:
                shape = frame.shape
            if frame.shape != shape:
                raise ValueError(f'{self.name}: frame {number} is {size_text(frame)}, those before are '
                                 f'{shape[1]} x {shape[0]}; the frames of one walk have one size')
            self.count += 1
            yield number, frame
        if not self.count:
            raise ValueError(f'{self.name}: no frame to read: {self.skipped} damaged, none readable in the range asked '
                             f'for' + ('' if self.rereadable else ' (it can be read only once)'))


def size_text(frame):
    return f'{frame.shape[1]} x {frame.shape[0]}'


def picture_files(path):
    """The pictures of a folder or a pattern, in natural order."""
    if os.path.isdir(path):
        files = [entry.path for entry in os.scandir(path)
                 if entry.name.lower().endswith(pictures.SUFFIXES) and not entry.name.startswith('.')]
        if not files:
            raise ValueError(f'{path}: no picture in this folder (looked for {", ".join(pictures.SUFFIXES)})')
    elif glob.has_magic(path):
        files = [file for file in glob.glob(path) if os.path.isfile(file)]
        if not files:
            raise FileNotFoundError(f'{path}: no file matches this pattern')
    else:
        raise FileNotFoundError(f'{path}: no such file or folder')
    return sorted(files, key=lambda file: ([int(part) if part.isdigit() else part.lower()
                                            for part in re.split('([0-9]+)', file)], file))


def _read_pictures(files, fps):
    """Reader of picture files; a file may hold many pictures, each with its duration."""
    seconds = 0.0
    for file in files:
        try:
            image = Image.open(file, formats=pictures.FORMATS)
        except (OSError, Image.DecompressionBombError):                 # truncated header, or something else
            yield seconds, _damaged
            seconds += 1 / fps
            continue
        with image:
            count = pictures.picture_count(image)
            for index in range(count):
                yield seconds, functools.partial(_decode_picture, image, index, file)
                if count > 1:                                           # a picture's duration is known once it is read
                    with contextlib.suppress(_Unreadable):
                        _load_picture(image, index)
                seconds += image.info.get('duration', 0) / 1000 or 1 / fps


def _damaged():
    raise _Unreadable


def _load_picture(image, index):
    try:
        image.seek(index)
        image.load()
    except (OSError, SyntaxError, EOFError, ValueError, Image.DecompressionBombError) as error:     # a damaged file
        raise _Unreadable from error


def _decode_picture(image, index, file):
    _load_picture(image, index)
    try:
        return np.asarray(pictures.to_rgb(image))
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from error


def _read_array(frames, fps):
    for number, frame in enumerate(frames):
        yield number / fps, functools.partial(_checked_frame, frame, number)


def _checked_frame(frame, number):
    frame = np.asarray(frame)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        hint = '; values of 0 to 1 are to be multiplied by 255' if frame.dtype.kind == 'f' else ''
        raise ValueError(f'frame {number}: expected uint8 RGB of shape (H, W, 3), got {frame.dtype} of shape '
                         f'{frame.shape}{hint}')
    return frame


def _open_video(path, **options):
    av = import_av(path)
    try:
        container = av.open(path, **options)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ValueError(f'{path} cannot be read as a video or picture: it is broken, or another kind of file '
                         f'({error})') from error
    if not container.streams.video:
        container.close()
        raise ValueError(f'{path} holds no video, only {container.format.long_name} without pictures')
    return container


def _frame_rate(container):
    rate = float(container.streams.video[0].average_rate or 0)
    return rate if 1 <= rate <= 1000 else DEFAULT_FPS                   # some recorders write none, or nonsense


def _read_video(path, **options):
    """Reader of a video file; each damaged packet counts as one frame."""
    av = import_av(path)
    with _open_video(path, **options) as container:
        fps, first, number = _frame_rate(container), None, 0
        packets = container.demux(container.streams.video[0])
        while True:
            try:
                decoded = next(packets).decode()
            except StopIteration:
                return
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                yield number / fps, _damaged
                number += 1
                continue
            for frame in decoded:
                seconds = number / fps if frame.time is None else frame.time
                first = seconds if first is None else first
                yield seconds - first, functools.partial(_decode_video_frame, frame)
                number += 1


def _decode_video_frame(frame):
    if frame.is_corrupt:                                                # patched up from its neighbours
        raise _Unreadable
    pixels = frame.to_ndarray(format='rgb24')
    matrix = frame.side_data.get('DISPLAYMATRIX')
    return pixels if matrix is None else _upright(pixels, np.frombuffer(bytes(matrix), np.int32))


def _upright(pixels, matrix):
    """Turn and mirror by quarter turns as a display matrix says: x' = a x + c y, y' = b x + d y."""
    a, b, _, c, d = matrix[:5].astype(int)
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, x_sign, y_sign = pixels.swapaxes(0, 1), c, b
    else:
        x_sign, y_sign = a, d
    return np.ascontiguousarray(pixels[::-1 if y_sign < 0 else 1, ::-1 if x_sign < 0 else 1])


def _read_camera(number):
    name = f'camera {number}'
    import_av(name)
    # The systems' camera inputs that take a number; Windows' dshow takes a device's name only.
    kind, path = {'linux': ('v4l2', f'/dev/video{number}'), 'darwin': ('avfoundation', str(number)),
                  'win32': ('vfwcap', str(number))}.get(sys.platform, (None, None))
    if kind is None:
        raise ValueError(f'{name}: no way to cameras is known on {sys.platform}; pass an iterator of RGB frames')
    try:
        yield from _read_video(path, format=kind)
    except ValueError as error:
        raise ValueError(f'{name}: no camera {path}, or this PyAV was built without camera input ({kind}). Pass an '
                         'iterator of RGB frames from a camera library instead, or record to a file first. '
                         f'({error})') from error
