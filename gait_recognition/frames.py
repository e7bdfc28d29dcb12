"""Frames of a walk, one at a time: from a video file, pictures in a folder, an animation, a camera or an array.

Frames are uint8 RGB everywhere. OpenCV delivers BGR: turn its frames with `frame[..., ::-1]` first, or every colour is
another one and the vectors are worse, without an error. Memory does not grow with the length of a walk. Where the
walker is in them is not known here (`tracking`), nor how they are decoded (`recordings`, `pictures`).
"""
import collections
import contextlib
import functools
import itertools
import math
import os
import tempfile
import weakref

import numpy as np

import gait_files
from gait_recognition import recordings, sources
from gait_recognition.facts import Clock, Facts, Limits, Reached, TooLargeError, Unreadable
from gait_recognition.parameters import FRAME_RATE, IN_SECONDS, POSITIVE_INTEGER, check, integer_from, optional
from gait_recognition.pictures import DEFAULT_FPS, DEFAULT_LIMITS, PictureSequence, is_damaged, open_walk

CONSTRAINTS = {'every': POSITIVE_INTEGER, 'start': optional(IN_SECONDS), 'end': optional(IN_SECONDS),
               'fps': optional(FRAME_RATE), 'stream': optional(integer_from(0))}


def read_frames(source, every=1, start=None, end=None, fps=None, stream=None, limits=DEFAULT_LIMITS):
    """Frames of a video, of pictures, an animation, a camera or an array, one at a time.

    Parameters
    ----------
    source : str, bytes, os.PathLike, int, list of paths, array_like or iterable
        A video file (through PyAV): upright as its header says, in square pixels, deinterlaced. A folder, or a pattern
        such as `'walk/*.png'`: its pictures in natural order, 2 before 10, upright by their EXIF orientation; a list
        of paths: those pictures in that order. An animation (GIF, WebP, AVIF, TIFF), or one picture. `'-'` is standard
        input; that, a fifo, and an address that begins with `rtsp://`, `http://` or `https://` are read once, as they
        come. A whole number: the camera of that number (through PyAV where it was built with camera input). uint8 RGB
        of shape (T, H, W, 3), or anything that yields (H, W, 3). A `Frames` is given back as it is.
    every : int
        Keep one frame in so many, counted from the first in range.
    start, end : float, optional
        Seconds: from `start` on and before `end`.
    fps : float, optional
        Frames a second where the source has no clock of its own (pictures, arrays); 25 by default.
    stream : int, optional
        Number in its file of the video stream to read, where a file holds several; by default the largest film.
    limits : Limits
        What may be asked for before it is refused: pixels of a frame, frames of a walk.

    Returns
    -------
    Frames

    Raises
    ------
    FileNotFoundError
    ValueError
        The file is no video or picture, or broken from its start; the folder holds no picture; beyond the limits.
    ImportError
        PyAV is needed and missing.
    """
    if isinstance(source, Frames):
        if (every, start, end, fps, stream, limits) != (1, None, None, None, None, DEFAULT_LIMITS):
            raise ValueError('source is a Frames already: say every, start, end, fps and the like where it is made')
        return source
    return Frames(source, every, start, end, fps, stream, limits)


class Frames:
    """What `read_frames` gives: iterate over it for uint8 RGB frames (H, W, 3), all of one size.

    Each iteration reads the source anew, except from a camera, a pipe, an address or an iterator, which can be read
    once (`rereadable`).

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
    reached : Reached
        For who watches the work on them.
    seconds : list of float
        When each frame given is shown, from the source's first frame on, in the latest iteration. Never backwards.
    facts : Facts
        What else is to be known: truncated, interlaced, jumps in time, which stream, pixels that are not square.
    """

    def __init__(self, source, every=1, start=None, end=None, fps=None, stream=None, limits=DEFAULT_LIMITS):
        check(CONSTRAINTS, {'every': every, 'start': start, 'end': end, 'fps': fps, 'stream': stream})
        if end is not None and end <= (start or 0):
            raise ValueError(f'end ({end} s) has to lie after start ({start or 0} s)')
        self.every, self.start, self.end = int(every), start or 0.0, math.inf if end is None else end
        self.count = self.skipped = 0
        self.seconds, self._shown, self.reached = [], {}, Reached()
        self.limits = Limits(*limits)
        found = sources.find(source)
        self.name, self._path = found.name, found.target if found.kind == 'file' else None
        self._stamp = self._file_stamp()
        self.rereadable = found.kind in ('file', 'pictures') or (
            found.kind == 'frames' and iter(found.target) is not found.target)
        self._reader = open_reader(found, fps, stream, self.limits)
        self.fps, self.knows_fps, self.facts = self._reader.fps, self._reader.knows_fps, self._reader.facts
        self._begun = None
        if found.kind == 'file' and self._in_header is not None:        # not after minutes of reading
            self._check_header()

    def _check_header(self):
        size = getattr(self._reader, 'animation', None)
        if size is not None and math.isfinite(self.end):    # durations that differ tell where it ends, as they are read
            return
        self.limits.check_count(self.name, self._in_header, 'by its header ')
        if size is not None:
            self.limits.check_animation(self.name, size, self._reader.expected)

    @property
    def expected(self):
        """How many frames there will be, by the header and the range asked for; None where it does not say."""
        return None if self._in_header is None else math.ceil(self._in_header / self.every)

    @property
    def _in_header(self):
        """How many frames the header tells in the range asked for; None where it does not say."""
        there = getattr(self._reader, 'expected', None)
        if there is None:
            return None
        last = min(there, math.ceil(self.end * self.fps)) if math.isfinite(self.end) else there
        return max(0, last - math.floor(self.start * self.fps))

    @property
    def remarks(self):
        """What a user has to hear of the latest iteration before believing an answer, a list of str."""
        return self.facts.remarks()

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

    def seconds_of(self, numbers):
        """When frames of these numbers, which were given already, are shown: a list of float, as `seconds`."""
        return [self._shown[number] for number in numbers]

    def kept(self):
        """These frames, able to be read again: itself, or kept in a temporary file now."""
        return self if self.rereadable else KeptFrames(self)

    def _numbered(self):
        self.count = self.skipped = self.reached.count = 0
        self.seconds = []
        self.facts.begin()
        self._passed_over = None                                        # the last moment before the start
        shape = None
        for number, seconds, load in self._in_range():
            try:
                frame = load()
            except Unreadable as error:
                self._count_damaged(error.__cause__)
                continue
            if shape is None:
                shape = frame.shape
            if frame.shape != shape:
                raise ValueError(f'{self.name}: frame {number} is {size_text(frame)}, those before are '
                                 f'{shape[1]} x {shape[0]}; the frames of one walk have one size')
            self.count += 1
            self.reached.count = self.count
            self.seconds.append(seconds)
            self._shown[number] = seconds
            yield number, frame
        if not self.count and not self.skipped and self._passed_over is not None:
            raise ValueError(f'{self.name}: nothing from second {self.start:g} on (start, --start): its last frame is '
                             f'at {self._passed_over:.2f} s')
        if not self.count and self.facts.too_large:
            raise TooLargeError(self.facts.too_large)
        if not self.count:
            raise ValueError(f'{self.name}: no frame to read: {self.skipped} damaged, none readable in the range asked '
                             f'for' + ('' if self.rereadable else ' (it can be read only once)'))
        self.reached.whole = self.count
        if self._file_stamp() != self._stamp:
            raise ValueError(f'{self.name} changed while it was read; wait until it is written whole')

    def _count_damaged(self, error):
        self.skipped += 1
        self.facts.damaged = self.skipped
        if isinstance(error, TooLargeError):
            self.facts.too_large = self.facts.too_large or str(error)

    def _in_range(self):
        """(number, seconds, function that gives the frame) of those to be given."""
        clock = Clock(1 / self.fps, self.facts, self._reader.is_regular)
        in_range = 0
        with contextlib.closing(self._reader.read()) as loads:
            for number, (time, load) in enumerate(loads):
                seconds = clock.damaged() if is_damaged(load) else clock(number, time)
                if seconds >= self.end:
                    return
                if seconds < self.start:
                    self._passed_over = seconds
                    continue
                in_range += 1
                self.facts.read = in_range
                self.limits.check_count(self.name, in_range)
                if (in_range - 1) % self.every == 0:
                    yield number, seconds, load

    def _file_stamp(self):
        """What changes when a file is written; None where there is no file."""
        if self._path is None:
            return None
        try:
            facts = os.stat(self._path)
        except OSError:
            return 'gone'
        return facts.st_size, facts.st_mtime_ns


def open_reader(found, fps=None, stream=None, limits=DEFAULT_LIMITS):
    """The reader of a `sources.Source`: its `read()` yields (seconds or None, function that gives the frame)."""
    if found.kind == 'frames':
        return _Array(found.target, fps)
    if found.kind == 'camera':
        return recordings.camera(found.target, limits)
    if found.kind == 'file' and (image := open_walk(found.target, limits)) is not None:
        image.close()
        found = sources.Source('pictures', found.name, [found.target])
    if found.kind != 'pictures':
        return recordings.Recording(found.kind, found.target, found.name, limits, stream)
    if stream is not None:
        raise ValueError(f'{found.name}: pictures have no streams (--stream {stream})')
    return PictureSequence(found.target, fps, limits)


class KeptFrames(Frames):
    """Frames of a source that can be read only once, kept in a temporary file."""

    def __init__(self, frames):
        self.name, self.every, self.facts = frames.name, frames.every, frames.facts
        self.fps, self.knows_fps = frames.fps, frames.knows_fps
        self.rereadable, self._begun = True, None
        self._file, self._numbers = tempfile.TemporaryFile(), []
        weakref.finalize(self, self._file.close)
        with gait_files.named_when_full(f'a temporary file in {tempfile.gettempdir()}'):
            for number, frame in frames.numbered():
                self._file.write(np.ascontiguousarray(frame))
                self._numbers.append(number)
                self._shape = frame.shape
            self._file.flush()
        self.count, self.skipped, self.seconds, self._shown = (frames.count, frames.skipped, frames.seconds,
                                                               frames._shown)
        self.reached = frames.reached

    @property
    def expected(self):
        return len(self._numbers)

    def _numbered(self):
        size = math.prod(self._shape)
        for index, number in enumerate(self._numbers):
            self._file.seek(index * size)
            self.count = self.reached.count = index + 1
            yield number, np.frombuffer(self._file.read(size), np.uint8).reshape(self._shape)


def size_text(frame):
    return f'{frame.shape[1]} x {frame.shape[0]}'


class _Array:
    """Reader of frames that are there already, or that something yields."""

    is_regular = True

    def __init__(self, frames, fps):
        self._frames, self.facts = frames, Facts()
        self.expected = len(frames) if hasattr(frames, '__len__') else None
        self.fps, self.knows_fps = fps or DEFAULT_FPS, fps is not None

    def read(self):
        for number, frame in enumerate(self._frames):
            yield number / self.fps, functools.partial(_checked_frame, frame, number)


def _checked_frame(frame, number):
    frame = np.asarray(frame)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        hint = '; values of 0 to 1 are to be multiplied by 255' if frame.dtype.kind == 'f' else ''
        raise ValueError(f'frame {number}: expected uint8 RGB of shape (H, W, 3), got {frame.dtype} of shape '
                         f'{frame.shape}{hint}')
    return frame
