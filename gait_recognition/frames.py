"""From a walking video to its identification vector: read frames, crop the walker, feed both networks.

- `read_frames` reads a video file, pictures in a folder, an animation, a camera or an array, frame by frame;
- `crop_walker` turns them into the square crops that the networks expect and says what it did (`Track`);
- `walk_vector` goes from any of these to one vector, `GaitVectors` does so for many walks, as a step of scikit-learn.

Frames are uint8 RGB everywhere. OpenCV delivers BGR: turn its frames with `frame[..., ::-1]` first, or every colour is
another one and the vectors are worse, without an error. Memory does not grow with the length of a walk.

Whose walk it is (`gait_gallery`), the networks themselves and the choice of weights are not done here. TensorFlow is
loaded only by what needs weights.
"""
import collections
import contextlib
import dataclasses
import functools
import glob
import hashlib
import itertools
import math
import os
import queue
import re
import sys
import tempfile
import threading
import warnings

import joblib
import numpy as np
from PIL import Image, ImageDraw, ImageOps
from scipy import ndimage
from sklearn.base import BaseEstimator, TransformerMixin

import gait_checkpoints
import gait_files

CROP_SIZE = 299                 # the pose network's input
VECTOR_SIZE = 512
HEIGHT_SHARE = 0.7              # of a crop's height that the person fills
DEFAULT_FPS = 25.0              # where a source has no clock: pictures, arrays
METHODS = ('auto', 'background', 'pose', 'none')
MIN_FRAMES = 8                  # fewer make no walk: a stride, two steps, takes about 25

PICTURES = ('.bmp', '.gif', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')      # looked for in a folder
PILLOW_FORMATS = ('BMP', 'GIF', 'JPEG', 'PNG', 'PPM', 'TIFF', 'WEBP')
NEEDS_PYAV = 'needs PyAV: pip install "gait-recognition[video]"'


class NoPersonError(ValueError):
    """No walking person was found in the frames, or in too few of them; the message says what was seen instead."""


# --- Reading ---------------------------------------------------------------------------------------------------------

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
    rereadable : bool
    count, skipped : int
        Frames given, and frames left out because they were damaged, in the latest iteration.
    """

    def __init__(self, source, every=1, start=None, end=None, fps=None):
        if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
            raise ValueError(f'every: expected a positive integer, got {every!r}')
        for name, value in (('start', start), ('end', end)):
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f'{name}: expected seconds, 0 or more, got {value!r}')
        if end is not None and end <= (start or 0):
            raise ValueError(f'end ({end} s) has to lie after start ({start or 0} s)')
        if fps is not None and not (math.isfinite(fps) and fps > 0):
            raise ValueError(f'fps: expected a positive number of frames a second, got {fps!r}')
        self.every, self.start, self.end = int(every), start or 0.0, math.inf if end is None else end
        self.count = self.skipped = 0
        self.rereadable = True
        self.fps = fps or DEFAULT_FPS
        self.name, self._reader = self._find_reader(source)
        self._begun = None

    def _find_reader(self, source):
        """The source's name, and a function that starts reading: it yields (seconds, function giving the frame)."""
        if isinstance(source, (str, os.PathLike)):
            path = os.path.expanduser(os.fspath(source))
            if os.path.isfile(path):
                try:
                    Image.open(path, formats=PILLOW_FORMATS).close()
                except Image.DecompressionBombError as error:
                    raise ValueError(f'{path}: {error}') from error
                except OSError:                                         # Pillow knows it not: a video, or nothing
                    with _open_video(path) as container:
                        self.fps = _frame_rate(container)
                    return path, functools.partial(_read_video, path)
                return path, functools.partial(_read_pictures, [path], self.fps)
            files = _picture_files(path)
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
                raise ValueError(f'{self.name}: frame {number} is {_size(frame)}, those before are '
                                 f'{shape[1]} x {shape[0]}; the frames of one walk have one size')
            self.count += 1
            yield number, frame
        if not self.count:
            raise ValueError(f'{self.name}: no frame to read: {self.skipped} damaged, none readable in the range asked '
                             f'for' + ('' if self.rereadable else ' (it can be read only once)'))


def _size(frame):
    return f'{frame.shape[1]} x {frame.shape[0]}'


def _picture_files(path):
    """The pictures of a folder or a pattern, in natural order."""
    if os.path.isdir(path):
        files = [entry.path for entry in os.scandir(path)
                 if entry.name.lower().endswith(PICTURES) and not entry.name.startswith('.')]
        if not files:
            raise ValueError(f'{path}: no picture in this folder (looked for {", ".join(PICTURES)})')
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
            image = Image.open(file, formats=PILLOW_FORMATS)
        except (OSError, Image.DecompressionBombError):                 # truncated header, or something else
            yield seconds, _damaged
            seconds += 1 / fps
            continue
        with image:
            count = _picture_count(image)
            for index in range(count):
                yield seconds, functools.partial(_decode_picture, image, index, file)
                if count > 1:                                           # a picture's duration is known once it is read
                    with contextlib.suppress(_Unreadable):
                        _load_picture(image, index)
                seconds += image.info.get('duration', 0) / 1000 or 1 / fps


def _picture_count(image):
    """1 for photographs: the further pictures of an MPO are its own previews."""
    return 1 if image.format == 'MPO' else getattr(image, 'n_frames', 1)


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
    if image.mode[0] in 'IF':
        raise ValueError(f'{file}: expected 8 bits a channel, got mode {image.mode}; convert it first')
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        white = Image.new('RGBA', upright.size, 'white')
        upright = Image.alpha_composite(white, upright.convert('RGBA'))
    return np.asarray(upright.convert('RGB'))


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


def _import_av(what):
    try:
        import av
    except ImportError as error:
        raise ImportError(f'{what}: reading this {NEEDS_PYAV}') from error
    return av


def _open_video(path, **options):
    av = _import_av(path)
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
    av = _import_av(path)
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
    _import_av(name)
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


# --- Where the walker is ---------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Track:
    """Which frames of a walk were used, and where the walker was in them.

    Attributes
    ----------
    name : str
        Of the source.
    method : {'background', 'pose', 'none'}
        How the walker was found.
    numbers : list of int
        Numbers in the source of the frames used, ascending.
    boxes : list of (float, float, float)
        Top, left and side of each one's square crop, in pixels of the frame; it may reach over the frame's border.
    dropped : dict of int to str
        Frames not used, by number, and why.
    skipped : int
        Frames that could not be read.
    """

    name: str
    method: str
    numbers: list = dataclasses.field(default_factory=list)
    boxes: list = dataclasses.field(default_factory=list)
    dropped: dict = dataclasses.field(default_factory=dict)
    skipped: int = 0

    @property
    def frames(self):
        """Number of frames looked at: those used, those dropped and those skipped."""
        return len(self.numbers) + len(self.dropped) + self.skipped

    def __str__(self):
        return (f'{self.name}: {len(self.numbers)} of {self.frames} frames used (crop: {self.method})'
                + self._reasons(', not used: '))

    def _reasons(self, lead):
        counts = collections.Counter(self.dropped.values())
        if self.skipped:
            counts['damaged'] = self.skipped
        return lead + ', '.join(f'{count} {reason}' for reason, count in counts.most_common()) if counts else ''

    def draw(self, number, frame):
        """`frame` (uint8 (H, W, 3), number `number` of the source) with its crop's outline, if it was used."""
        image = Image.fromarray(frame)
        if number in self.numbers:
            top, left, side = self.boxes[self.numbers.index(number)]
            ImageDraw.Draw(image).rectangle((left, top, left + side, top + side), outline='red', width=2)
        return np.asarray(image)


NOBODY, BORDER, OTHER = 'nobody found', "touching the picture's border", 'another figure or another passage'

LINK_SECONDS = 1.0              # a figure out of sight for longer is another figure
GAP_SECONDS = 0.5               # the box is interpolated over shorter gaps: a lamp post, a crossing
CENTRE_SECONDS = 0.10           # standard deviations of the Gaussians that smooth the boxes: the centre follows the
SCALE_SECONDS = 0.8             # walker's ups and downs, the scale only a slow approach
OUTLIER_SECONDS = 0.6           # window of the median that a box is held against
OUTLIER_SHARE = 0.12            # of the height: an edge further off it is not the walker's


def _settle(track, numbers, edges, reasons, rate):
    """Boxes from raw edges: outliers out, short gaps filled, smoothed; frames without one are dropped.

    Parameters
    ----------
    track : Track
        Filled in.
    numbers : list of int
    edges : np.ndarray, float (T, 4)
        Top, left, bottom, right of the walker; NaN where not found.
    reasons : list of str, (T,)
        Why a frame without edges has none.
    rate : float
        Frames a second.
    """
    found = np.isfinite(edges[:, 0])
    if found.any():
        figure = np.stack([edges[:, 0], edges[:, 2], _middle(edges)[:, 1]], 1)[found]         # top, bottom, middle
        usual = _extended(figure, OUTLIER_SECONDS * rate / 2,
                          lambda values, reach: ndimage.median_filter(values, (2 * reach + 1, 1)))
        height = np.median(figure[:, 1] - figure[:, 0])
        found[found] = np.abs(figure - usual).max(1) < OUTLIER_SHARE * height
    at = np.flatnonzero(found)
    usable = found.copy()
    for before, after in itertools.pairwise(at):
        if after - before <= GAP_SECONDS * rate:
            usable[before + 1:after] = [reason != BORDER for reason in reasons[before + 1:after]]
    track.dropped = {numbers[i]: reasons[i] or OTHER for i in np.flatnonzero(~usable)}
    if usable.sum() < MIN_FRAMES:
        raise NoPersonError(f'{track.name}: a walker was found in {usable.sum()} of {len(numbers)} frames, at least '
                            f'{MIN_FRAMES} are needed' + track._reasons('; not used: '))
    moments = np.arange(at[0], at[-1] + 1)
    whole = np.stack([np.interp(moments, at, edges[at, edge]) for edge in range(4)], 1)
    centre = _extended(_middle(whole), 4 * CENTRE_SECONDS * rate,
                       lambda values, _: ndimage.gaussian_filter1d(values, CENTRE_SECONDS * rate, axis=0))
    # The scale hardly changes: its ends are mirrored, for point reflection would turn about a single height.
    height = ndimage.gaussian_filter1d(whole[:, 2:3] - whole[:, 0:1], SCALE_SECONDS * rate, axis=0, mode='reflect')
    side = height / HEIGHT_SHARE
    boxes = np.hstack([centre - side / 2, side])
    track.numbers = [numbers[i] for i in np.flatnonzero(usable)]
    track.boxes = [tuple(boxes[i - at[0]].tolist()) for i in np.flatnonzero(usable)]


def _middle(edges):
    """(y, x) of the middle of each box, (T, 2)."""
    return (edges[:, :2] + edges[:, 2:4]) / 2


def _extended(values, reach, smoother):
    """`smoother(values, reach)` with both ends continued by point reflection, so that a moving thing keeps its pace."""
    reach = max(1, round(reach))
    pad = min(len(values) - 1, reach)
    padded = np.pad(values, ((pad, pad), (0, 0)), 'reflect', reflect_type='odd')
    return smoother(padded, reach)[pad:pad + len(values)]


# Background subtraction: a still camera.

BLOCK = 400                     # frames that share a background
SAMPLES = 31                    # of them that make it
SMALL_EDGE = 160                # pixels at least of the shorter edge of the pictures it works on
THRESHOLD = 9.0                 # grey levels above the noise that make foreground
SHADOW = (0.5, 0.97)            # a shadow leaves this share of the light, ...
SHADOW_TINT = 0.06              # ... and the same of each colour, within this
MIN_HEIGHT = 0.15               # of the picture's height: smaller moving things are not looked at
UNSTEADY = 15.0                 # grey levels of noise that no camera makes
MOVING_CAMERA = 0.35            # share of foreground, on the average, that no walker makes
CROWN = 0.15                    # of a figure's height: the rows that are its head
CROWN_SLACK = 0.08              # of its height: the stride moves the middle of the box against the head by less
SAME_HEIGHT = 1.3               # ratio of heights up to which it may be the same figure
MIN_TRAVEL = 0.5                # of its own height that a walker crosses
MIN_SLENDERNESS = 1.2           # height to width of a walker; a stride with a swinging arm is about 1.8


def _shrink(frame):
    factor = max(1, min(frame.shape[:2]) // SMALL_EDGE)
    return np.asarray(Image.fromarray(frame).reduce(factor)), factor


def _background(pictures):
    """Median (H, W, 3) of some of the pictures, and the noise around it (H, W) in grey levels."""
    chosen = np.unique(np.linspace(0, len(pictures) - 1, SAMPLES).round().astype(int))
    usual = pictures[chosen[len(chosen) // 2]]
    sample = [np.clip(pictures[i] / np.maximum(_gain(pictures[i], usual), 0.1) + 0.5, 0, 255).astype(np.uint8)
              for i in chosen]
    sample = np.sort(sample, axis=0)                                    # of bytes: faster than np.median
    still = sample[len(sample) // 2]
    spread = np.sort(np.maximum(sample, still) - np.minimum(sample, still), axis=0)[len(sample) // 2]
    return still.astype(np.float32), ndimage.uniform_filter(spread.max(axis=2).astype(np.float32), 5)


def _gain(picture, still):
    """How much brighter a picture is in each colour, (3,): exposure and white balance wander."""
    coarse = slice(None, None, 4), slice(None, None, 4)
    return np.median(picture[coarse] / np.maximum(still[coarse], np.float32(1)), axis=(0, 1))


def _foreground(picture, still, noise):
    """Mask (H, W) of what differs from the background by more than noise, the light's changes and soft shadows."""
    expected = still * _gain(picture, still)
    difference = np.abs(picture - expected)
    largest = np.maximum(np.maximum(difference[..., 0], difference[..., 1]), difference[..., 2])
    mask = ndimage.uniform_filter(largest, 3) > THRESHOLD + 3 * noise
    expected = np.maximum(expected[mask], 1)                            # (n, 3)
    light = picture[mask] / expected
    low, high = light.min(axis=1), light.max(axis=1)
    tint = SHADOW_TINT + 2 * noise[mask] / expected.min(axis=1)
    mask[mask] = ~((low > SHADOW[0]) & (high < SHADOW[1]) & (high - low < tint))
    return mask


def _figures(mask):
    """The larger things in a mask, (n, 6): top, left, bottom, right (exclusive), column of the crown, area."""
    height = len(mask)
    joined = mask.astype(np.uint8)
    for axis, reach in ((0, height // 12), (1, height // 30)):          # head, trunk and legs hang together
        joined = ndimage.maximum_filter1d(joined, 2 * reach + 1, axis)
    labels, _ = ndimage.label(joined)
    labels[~mask] = 0
    boxes = []
    for label, where in enumerate(ndimage.find_objects(labels), 1):
        if where is None or where[0].stop - where[0].start < MIN_HEIGHT * height:
            continue
        part = labels[where] == label
        rows, columns = np.flatnonzero(part.sum(1) >= 2), np.flatnonzero(part.sum(0) >= 2)     # no single pixels
        if len(rows) and len(columns) and rows[-1] - rows[0] >= MIN_HEIGHT * height:
            top, left = where[0].start, where[1].start
            crown = np.nonzero(part[rows[0]:rows[0] + math.ceil(CROWN * (rows[-1] - rows[0]))])[1].mean() + 0.5
            boxes.append((top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1, left + crown,
                          part.sum()))
    return np.array(boxes, float).reshape(-1, 6)


def _find_moving(frames):
    """Everything that moves before a still background.

    Returns
    -------
    numbers : list of int
    figures : list of np.ndarray (n, 6)
        For each frame, as `_figures`, in the frame's pixels.
    shape : (int, int)
        Height and width of the frames.
    share : float
        Of the picture that was foreground or never still, on the average.
    """
    numbers, figures, shares = [], [], []
    window, waiting = collections.deque(maxlen=BLOCK), 0

    def look():
        still, noise = _background(window)
        for picture in itertools.islice(window, len(window) - waiting, None):
            mask = _foreground(picture, still, noise)
            shares.append((mask | (noise > UNSTEADY)).mean())
            figures.append(_figures(mask) * ([factor] * 5 + [factor ** 2]))

    for number, frame in ahead(frames.numbered(), 4):
        picture, factor = _shrink(frame)
        shape = frame.shape[:2]
        numbers.append(number)
        window.append(picture)
        waiting += 1
        if waiting == BLOCK:
            look()
            waiting = 0
    if waiting:
        look()
    return numbers, figures, shape, float(np.mean(shares))


def _link(figures, rate):
    """Tracks through the figures of each frame: lists of (time, box). A figure continues the nearest track."""
    done, active = [], []
    for time, boxes in enumerate(figures):
        lost = [time - path[-1][0] > max(1, LINK_SECONDS * rate) for path in active]
        done += itertools.compress(active, lost)
        active = [path for path, is_lost in zip(active, lost) if not is_lost]
        pairs = sorted((_distance(path, time, box), p, b) for p, path in enumerate(active)
                       for b, box in enumerate(boxes))
        free_paths, free_boxes = set(range(len(active))), set(range(len(boxes)))
        for distance, p, b in pairs:
            if distance < 0.5 and p in free_paths and b in free_boxes:
                active[p].append((time, boxes[b]))
                free_paths.remove(p)
                free_boxes.remove(b)
        active += [[(time, boxes[b])] for b in sorted(free_boxes)]
    return done + active


def _distance(path, time, box):
    """How far, in its heights, the box is from where the track would be by now; infinite for another's height."""
    (then, first), (last, latest) = path[max(-6, -len(path))], path[-1]
    pace = (_middle(latest[None]) - _middle(first[None])) / max(last - then, 1)
    expected = _middle(latest[None]) + pace * (time - last)
    height = np.median([box[2] - box[0] for _, box in path[-25:]])
    if not 1 / SAME_HEIGHT < (box[2] - box[0]) / height < SAME_HEIGHT:
        return math.inf
    return np.linalg.norm(_middle(box[None]) - expected) / height


def _track_background(frames):
    """The largest figure that crosses a still picture, as a `Track`."""
    numbers, figures, shape, share = _find_moving(frames)
    if share > MOVING_CAMERA:
        raise _Unsuitable(f'{frames.name}: {share:.0%} of the picture changes all the time, so the camera moves (or '
                          "the scene flickers) and crop='background' cannot tell the walker from it")
    rate = frames.fps / frames.every
    paths = _link(figures, rate)
    if not paths:
        raise NoPersonError(f'{frames.name}: nothing as large as a person moves in these {len(numbers)} frames')
    crossing = [path for path in paths if _travel(path) >= MIN_TRAVEL]
    if not crossing:
        raise _Unsuitable(f"{frames.name}: something moves but stays in its place, which crop='background' cannot "
                          'outline')
    upright = [path for path in crossing if _slenderness(path) >= MIN_SLENDERNESS]
    if not upright:
        raise NoPersonError(f'{frames.name}: what crosses the picture is no walking person: it is wider than tall')
    chosen = _without_company(max(upright, key=lambda path: sum(box[5] for _, box in path)))
    edges, reasons = np.full((len(numbers), 4), np.nan), [OTHER if len(found) else NOBODY for found in figures]
    for time, box in chosen:
        if box[0] <= 1 or box[1] <= 1 or box[2] >= shape[0] - 1 or box[3] >= shape[1] - 1:
            reasons[time] = BORDER
        else:
            edges[time], reasons[time] = box[:4], ''
    track = Track(frames.name, 'background', skipped=frames.skipped)
    _settle(track, numbers, edges, reasons, rate)
    return track


def _without_company(path):
    """The track with each box that a smaller figure widens put back under its crown.

    The crown keeps its place over the middle of the figure, and no smaller figure reaches up to it.
    """
    boxes = np.array([box for _, box in path])
    middle, width = _middle(boxes)[:, 1], boxes[:, 3] - boxes[:, 1]
    alone = width <= np.quantile(width, 0.4)                            # the narrow ones: those of one figure
    expected = boxes[:, 4] + np.median((middle - boxes[:, 4])[alone])
    off = np.abs(middle - expected) > CROWN_SLACK * np.median(boxes[:, 2] - boxes[:, 0])
    boxes[off, 1] += (expected - middle)[off]
    boxes[off, 3] += (expected - middle)[off]
    return [(time, box) for (time, _), box in zip(path, boxes)]


def _travel(path):
    """How far a track leads, in heights of its figure."""
    boxes = np.array([box for _, box in path])
    return np.linalg.norm(np.ptp(_middle(boxes), axis=0)) / np.median(boxes[:, 2] - boxes[:, 0])


def _slenderness(path):
    boxes = np.array([box for _, box in path])
    return np.median((boxes[:, 2] - boxes[:, 0]) / (boxes[:, 3] - boxes[:, 1]))


# The pose network's joints: any camera.

SURE = 0.3                      # probability from which a joint counts
MIN_JOINTS = 9                  # of 16 that make a person, a head and an ankle among them
LOOKED_AT, LOOKS = 32, 8        # of the first 32 frames of crops, 8 are looked at until a person is seen
HEADS, ANKLES = (8, 9), (0, 5)
# Of the joints' height: what hair adds above the head's top, soles below the ankles. Where the highest joint is the
# head's middle (Human3.6m.ckpt) boxes end half a head lower, which moves their middle by about 3 %.
ABOVE, BELOW = 0.02, 0.055
POSE_SECONDS = 0.16             # between the frames that are looked at; boxes are interpolated between
SEARCH_SECONDS = 1.0            # between searches of the whole picture
SEARCH_SIDES = (1.0, 0.6)       # of the squares searched, in shorter edges of the picture


def _track_pose(frames, pose_net):
    """The person whom the pose network is surest of at first, followed, as a `Track`."""
    if pose_net is None:
        raise ValueError("crop='pose' needs the pose network: pass pose_net")
    rate = frames.fps / frames.every
    stride = max(1, round(POSE_SECONDS * rate))
    numbers, edges, reasons, square, searched = [], [], [], None, -math.inf
    for time, (number, frame) in enumerate(frames.numbered()):
        numbers.append(number)
        edges.append(np.full(4, np.nan))
        reasons.append(NOBODY)
        if time % stride:
            continue
        figure = None if square is None else _person_near(frame, square, pose_net)
        if figure is None and time - searched >= SEARCH_SECONDS * rate:
            searched = time
            figure = _person_anywhere(frame, pose_net)
        if figure is None:
            continue
        square = _square_around(figure)
        if (figure[:2] <= 1).any() or (figure[2:] >= np.array(frame.shape[:2]) - 1).any():
            reasons[-1] = BORDER
        else:
            edges[-1], reasons[-1] = figure, ''
    track = Track(frames.name, 'pose', skipped=frames.skipped)
    _settle(track, numbers, np.array(edges), reasons, rate)
    return track


def _square_around(figure):
    side = (figure[2] - figure[0]) / HEIGHT_SHARE
    return np.array([*(_middle(figure[None])[0] - side / 2), side])


def _people(frame, squares, pose_net):
    """(surety, box) of the person in each square of a frame; box None where there is none."""
    joints = pose_net.joint_positions(np.stack([_cut(frame, square) for square in squares]))        # (3, n, 16)
    found = []
    for (top, left, side), y, x, sure in zip(squares, *joints):
        seen = sure >= SURE
        if seen.sum() < MIN_JOINTS or not seen[list(HEADS)].any() or not seen[list(ANKLES)].any():
            found.append((0.0, None))
            continue
        y, x = top + y[seen] * side / CROP_SIZE, left + x[seen] * side / CROP_SIZE
        tall = np.ptp(y)
        found.append((float(sure.mean()), np.array([y.min() - ABOVE * tall, x.min(), y.max() + BELOW * tall, x.max()])))
    return found


def _person_near(frame, square, pose_net):
    """The person's box, looked for in a square and again in the square around what was found there."""
    _, figure = _people(frame, [square], pose_net)[0]
    if figure is not None and np.abs(_square_around(figure) - square).max() > 0.1 * square[2]:
        _, figure = _people(frame, [_square_around(figure)], pose_net)[0]
    return figure


def _person_anywhere(frame, pose_net):
    """The person's box in the square, among many over the whole frame, where the network is surest."""
    squares = []
    for share in SEARCH_SIDES:
        side = share * min(frame.shape[:2])
        tops, lefts = (np.linspace(0, edge - side, max(1, math.ceil(2 * (edge / side - 1)) + 1))
                       for edge in frame.shape[:2])
        squares += [np.array([top, left, side]) for top in tops for left in lefts]
    people = _people(frame, squares, pose_net)
    _, figure = max(people, key=lambda person: person[0])
    return None if figure is None else _person_near(frame, _square_around(figure), pose_net)


# --- Cropping --------------------------------------------------------------------------------------------------------

class _Unsuitable(NoPersonError):
    """Background subtraction is not the way to find this walker; the pose network may be."""


class Crops:
    """What `crop_walker` gives: iterate over it for the crops.

    Attributes
    ----------
    track : Track
        Where they come from. With method 'none' it grows while the crops are read.
    """

    def __init__(self, frames, track):
        self.track = track
        self._frames = frames

    def __iter__(self):
        """Yields uint8 RGB (299, 299, 3)."""
        if self.track.method == 'none':
            yield from self._whole()
            return
        boxes = dict(zip(self.track.numbers, self.track.boxes))
        for number, frame in self._frames.numbered():
            if number in boxes:
                yield _cut(frame, boxes[number])

    def _whole(self):
        self.track.numbers, self.track.boxes = [], []
        for number, frame in self._frames.numbered():
            if frame.shape[0] != frame.shape[1]:
                raise ValueError(f"{self._frames.name}: crop='none' takes square pictures of a walker in their middle, "
                                 f"got {_size(frame)}; crop='background' or 'pose' finds the walker in larger ones")
            self.track.numbers.append(number)
            self.track.boxes.append((0.0, 0.0, float(len(frame))))
            yield frame if len(frame) == CROP_SIZE else _cut(frame, self.track.boxes[-1])
        self.track.skipped = self._frames.skipped


def _cut(frame, square):
    """A square (top, left, side) of a frame as a crop; the border's pixels are repeated outside of the frame."""
    top, left, side = square
    first = math.floor(top), math.floor(left)
    last = math.ceil(top + side), math.ceil(left + side)
    inside = [slice(max(a, 0), max(b, 0)) for a, b in zip(first, last)]
    missing = [(max(-a, 0), max(b - edge, 0)) for a, b, edge in zip(first, last, frame.shape)]
    part = frame[tuple(inside)]
    if np.any(missing):
        part = np.pad(part, [*missing, (0, 0)], 'edge')
    top, left = top - first[0], left - first[1]
    crop = Image.fromarray(part).resize((CROP_SIZE, CROP_SIZE), Image.Resampling.BILINEAR,
                                        (left, top, left + side, top + side))
    return np.asarray(crop)


class _Kept:
    """The frames of a source that can be read only once, kept in a temporary file; reads like `Frames`."""

    rereadable = True

    def __init__(self, frames):
        self.name, self.fps, self.every = frames.name, frames.fps, frames.every
        self._file, self._numbers = tempfile.TemporaryFile(), []
        for number, frame in frames.numbered():
            self._file.write(np.ascontiguousarray(frame))
            self._numbers.append(number)
            self._shape = frame.shape
        self.skipped = frames.skipped

    def numbered(self):
        size = math.prod(self._shape)
        for index, number in enumerate(self._numbers):
            self._file.seek(index * size)
            yield number, np.frombuffer(self._file.read(size), np.uint8).reshape(self._shape)


def crop_walker(frames, method='auto', pose_net=None):
    """Square crops that follow the walker, who is centred and fills about 0.7 of their height.

    The figure that moves most is followed from frame to frame, past smaller ones and through short gaps; frames in
    which it touches the border are left out. The boxes are smoothed over time with centred filters and keep the
    aspect; their scale is nearly constant. All frames are read once to find the walker and again to cut the crops.

    Parameters
    ----------
    frames : Frames or anything that `read_frames` takes
        One walk of one person. What can be read only once (a camera, an iterator) is kept in a temporary file
        meanwhile, except where no walker needs to be found.
    method : {'auto', 'background', 'pose', 'none'}
        'background': a still camera; the walker is what differs from the median picture. 'pose': any camera; the
        walker is where the pose network sees one. 'none': the frames are square crops already and only resized.
        'auto': 'none' for frames of 299 x 299, if a person is seen in the first of them; else 'background' where the
        camera stands still and somebody crosses the picture; else 'pose'.
    pose_net : HumanPoseIRNetwork, optional
        Needed by 'pose'. Without it 'auto' checks nothing in frames of 299 x 299, and takes squares before a moving
        background for crops.

    Returns
    -------
    Crops
        Iterable of uint8 RGB (299, 299, 3), with the attribute `track`.

    Raises
    ------
    NoPersonError
        A ValueError: nobody was found, or in too few frames.
    ValueError
    """
    if method not in METHODS:
        raise ValueError(f'crop: expected one of {METHODS}, got {method!r}')
    frames = read_frames(frames)
    if method in ('auto', 'none'):
        height, width = frames.peek()[0].shape[:2]
        ready = height == width == CROP_SIZE
        if method == 'auto' and ready and pose_net is not None:
            _check_person(frames, pose_net)
        if method == 'none' or ready:
            return Crops(frames, Track(frames.name, 'none'))
    if not frames.rereadable:
        frames = _Kept(frames)
    if method == 'background':
        return Crops(frames, _track_background(frames))
    if method == 'pose':
        return Crops(frames, _track_pose(frames, pose_net))
    return Crops(frames, _track_automatically(frames, height == width, pose_net))


def _track_automatically(frames, is_square, pose_net):
    try:
        return _track_background(frames)
    except _Unsuitable as error:
        if pose_net is not None:
            return _track_pose(frames, pose_net)
        if is_square:                                                   # a crop's background moves, its walker stays
            return Track(frames.name, 'none')
        raise NoPersonError(f"{error}; crop='pose' may find the walker and needs pose_net") from error
    except NoPersonError as error:
        hint = "; if these are crops of a walker already, take crop 'none'" if is_square else ''
        raise NoPersonError(f'{error}{hint}') from error


def _check_person(crops, pose_net):
    """Refuse crops where the pose network sees nobody in several of the first."""
    looks = crops.peek(LOOKED_AT)[::LOOKED_AT // LOOKS]
    if not any(_people(crop, [np.array([0, 0, CROP_SIZE])], pose_net)[0][1] is not None for crop in looks):
        raise NoPersonError(f'{crops.name}: nobody is seen in {len(looks)} of the first frames. Crops of a walker pass '
                            "unseen with crop 'none'; a walker who comes later is found with 'background' or 'pose'")


# --- Vectors ---------------------------------------------------------------------------------------------------------

def ahead(items, depth):
    """Yields what `items` yields while a thread of its own prepares up to `depth` items in advance."""
    ready, stopped = queue.Queue(depth), threading.Event()

    def hand_over(item, error=None):
        while not stopped.is_set():
            try:
                return ready.put((item, error), timeout=0.1)
            except queue.Full:
                continue

    def prepare():
        iterator = iter(items)
        try:
            for item in iterator:
                hand_over(item)
                if stopped.is_set():
                    break
            else:
                hand_over(None, StopIteration())
        except BaseException as error:                                  # handed on, whatever it is
            hand_over(None, error)
        finally:
            getattr(iterator, 'close', lambda: None)()

    thread = threading.Thread(target=prepare, daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item
    finally:
        stopped.set()
        thread.join()


def batches(crops, size):
    """Stacks (n, 299, 299, 3) of up to `size` crops."""
    crops = iter(crops)
    while batch := list(itertools.islice(crops, size)):
        yield np.stack(batch)


def walk_vector(frames, pose_net, gait_net, crop='auto', batch_size=16, every=1, start=None, end=None,
                return_track=False):
    """Identification vector of one walk, from whatever shows it.

    Frames are prepared by a thread while the networks compute, and go through in batches that pass the recurrent state
    on: neither memory nor the vector depends on how many there are at once.

    Parameters
    ----------
    frames : Frames or anything that `read_frames` takes
    pose_net : HumanPoseIRNetwork
    gait_net : GaitNetwork
        Trained on that pose network's features.
    crop : {'auto', 'background', 'pose', 'none'}
        As `method` of `crop_walker`.
    batch_size : int
    every, start, end
        As of `read_frames`.
    return_track : bool

    Returns
    -------
    vector : np.ndarray, float32 (512,)
    track : Track
        With `return_track`: which frames were used, and where the walker was.

    Raises
    ------
    NoPersonError
        A ValueError: nobody was found, or in too few frames.
    ValueError, OSError
        The source cannot be read.

    Warns
    -----
    UserWarning
        Fewer than `MIN_FRAMES` frames, of which nobody's walk can be told.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(f'batch_size: expected a positive integer, got {batch_size!r}')
    if not isinstance(frames, Frames):
        frames = read_frames(frames, every, start, end)
    elif (every, start, end) != (1, None, None):
        raise ValueError('frames is a Frames already: say every, start and end where it is made')
    crops = crop_walker(frames, crop, pose_net)
    total, count, state = np.zeros(VECTOR_SIZE), 0, None
    for batch in ahead(batches(crops, batch_size), 2):
        features = pose_net.feed_forward_features(batch, batch_size=batch_size)
        mean, state = gait_net.feed_forward(features, return_state=True, initial_state=state)
        total += len(batch) * mean.astype(np.float64)
        count += len(batch)
    if count < MIN_FRAMES:
        warnings.warn(f'{crops.track.name}: so few frames ({count}) say little about a walk; give all frames of two '
                      'steps or more at once, about 25', UserWarning, stacklevel=2)
    vector = (total / count).astype(np.float32)
    return (vector, crops.track) if return_track else vector


@functools.lru_cache(maxsize=1)
def _open_networks(pose_weights, gait_weights, recurrent_unit, rnn_layers, precision, threads, fingerprint):
    """Both networks, restored; kept until others are asked for. The fingerprint tells when a file has changed."""
    import tensorflow.compat.v1 as tf

    from gait_nn import GaitNetwork
    from human_pose_nn import HumanPoseIRNetwork
    config = None if threads is None else tf.ConfigProto(intra_op_parallelism_threads=threads,
                                                         inter_op_parallelism_threads=threads)
    pose_net = HumanPoseIRNetwork(session_config=config, precision=precision)
    gait_net = GaitNetwork(recurrent_unit=recurrent_unit, rnn_layers=rnn_layers, session_config=config)
    pose_net.restore(pose_weights)
    gait_net.restore(gait_weights)
    return pose_net, gait_net


class GaitVectors(TransformerMixin, BaseEstimator):
    """Walks to identification vectors, as a step of scikit-learn: learns nothing, opens the networks when needed.

    Its parameters are plain values, so that it clones, pickles and travels to other processes by them; the networks
    stay in the process that opened them. Which processes those are is joblib's matter: `n_jobs` of this machine, or a
    cluster's by `joblib.parallel_config(backend='dask')` and the like.

    Parameters
    ----------
    pose_weights, gait_weights : str or os.PathLike
        Checkpoints of both networks.
    recurrent_unit : {'GRU', 'LSTM'}
    rnn_layers : int
        Cell and layers of the gait weights: 'GRU' and 1 for H3.6m-GRU-1.ckpt.
    crop : {'auto', 'background', 'pose', 'none'}
        As `method` of `crop_walker`.
    every : int
        Use one frame in so many.
    batch_size : int
        Frames that go through the networks at once.
    precision : {'float32', 'bfloat16'}
        Of the pose network, see `HumanPoseIRNetwork`.
    n_jobs : int, optional
        Processes; they share this machine's cores. None is 1, or what joblib's context says.
    cache : str or os.PathLike, optional
        Folder (made where missing) that keeps each vector under the contents of its walk, the weights and the
        parameters. An interrupted run goes on from there.
    on_error : {'raise', 'nan'}
        A walk that cannot be read, or shows nobody: stop, or warn and give a row of NaN.
    verbose : int
        joblib's: above 0 it reports progress.
    """

    def __init__(self, pose_weights, gait_weights, recurrent_unit, rnn_layers, crop='auto', every=1, batch_size=16,
                 precision='float32', n_jobs=None, cache=None, on_error='raise', verbose=0):
        self.pose_weights = pose_weights
        self.gait_weights = gait_weights
        self.recurrent_unit = recurrent_unit
        self.rnn_layers = rnn_layers
        self.crop = crop
        self.every = every
        self.batch_size = batch_size
        self.precision = precision
        self.n_jobs = n_jobs
        self.cache = cache
        self.on_error = on_error
        self.verbose = verbose

    def fit(self, X, y=None):
        """Check the parameters; nothing is learnt from `X`."""
        self._check_parameters()
        return self

    def transform(self, X):
        """The walks' vectors.

        Parameters
        ----------
        X : sequence of n
            Paths, or uint8 RGB frames (T, H, W, 3), as `read_frames` takes them.

        Returns
        -------
        np.ndarray, float32 (n, 512)
        """
        self._check_parameters()
        if isinstance(X, (str, os.PathLike)) or getattr(X, 'ndim', 1) == 4:
            raise ValueError('X: expected a sequence of walks, got a single one: put it into a list')
        walks = list(X)
        if not walks:
            raise ValueError('X: expected at least one walk, got none')
        if self.cache is not None:
            os.makedirs(self.cache, exist_ok=True)
        fingerprint = gait_checkpoints.fingerprint(self.pose_weights, self.gait_weights)
        jobs = joblib.effective_n_jobs(self.n_jobs)
        threads = None if jobs == 1 else max(1, joblib.cpu_count() // jobs)
        results = joblib.Parallel(n_jobs=self.n_jobs, verbose=self.verbose)(
            joblib.delayed(_transform_one)(walk, self.get_params(), fingerprint, threads) for walk in walks)
        for number, (_, problem) in enumerate(results):
            if problem:
                warnings.warn(f'walk {number} has no vector: {problem}', UserWarning, stacklevel=2)
        return np.stack([vector for vector, _ in results])

    def get_feature_names_out(self, input_features=None):
        """Names of the columns, gait0 to gait511; `input_features` is not used."""
        return np.array([f'gait{i}' for i in range(VECTOR_SIZE)], dtype=object)

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        return tags

    def _check_parameters(self):
        for name, known in (('crop', METHODS), ('on_error', ('raise', 'nan')), ('recurrent_unit', ('GRU', 'LSTM')),
                            ('precision', ('float32', 'bfloat16'))):
            if getattr(self, name) not in known:
                raise ValueError(f'{name}: expected one of {known}, got {getattr(self, name)!r}')
        for name in ('rnn_layers', 'batch_size', 'every'):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f'{name}: expected a positive integer, got {value!r}')


def _transform_one(walk, parameters, fingerprint, threads):
    """(vector, problem) of one walk, in whatever process: from the cache, else by the networks."""
    p = parameters
    network = p['recurrent_unit'], p['rnn_layers'], p['precision']
    try:
        file = None
        if p['cache'] is not None:
            key = digest_of(walk) + repr((CACHE_VERSION, fingerprint, *network, p['crop'], p['every'])).encode()
            file = os.path.join(p['cache'], hashlib.sha256(key).hexdigest() + '.npy')
            if (vector := _read_vector(file)) is not None:
                return vector, None
        with _OPENING:
            nets = _open_networks(p['pose_weights'], p['gait_weights'], *network, threads, fingerprint)
        vector = walk_vector(walk, *nets, crop=p['crop'], batch_size=p['batch_size'], every=p['every'])
    except gait_checkpoints.CheckpointError:                            # the weights' fault, not this walk's
        raise
    except (ValueError, OSError) as error:
        if p['on_error'] == 'raise':
            raise
        return np.full(VECTOR_SIZE, np.nan, np.float32), str(error)
    if file is not None:
        with gait_files.replacing(file, shared=True) as opened:
            np.save(opened, vector)
    return vector, None


CACHE_VERSION = 2               # to be raised when the same walk and weights would give another vector
_OPENING = threading.Lock()


def digest_of(walk):
    """SHA-256 (bytes) of a walk's files or frames, wherever they lie: renaming or copying them does not change it.

    Parameters
    ----------
    walk : str, os.PathLike, array or sequence of arrays
        As `read_frames` takes it.
    """
    digest = hashlib.sha256()
    if isinstance(walk, (str, os.PathLike)):
        path = os.path.expanduser(os.fspath(walk))
        for file in [path] if os.path.isfile(path) else _picture_files(path):
            digest.update(f'{os.path.getsize(file)}\n'.encode())
            with open(file, 'rb') as opened:
                while part := opened.read(1 << 20):
                    digest.update(part)
    elif iter(walk) is walk:
        raise TypeError('cache: a walk is a path, an array or a list of frames there, got an iterator')
    else:
        for frame in walk:
            frame = np.ascontiguousarray(frame)
            digest.update(f'{frame.dtype} {frame.shape}\n'.encode())
            digest.update(frame)
    return digest.digest()


def _read_vector(file):
    """The vector in a file of the cache; None where there is none, or a damaged one."""
    try:
        vector = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vector if vector.shape == (VECTOR_SIZE,) and vector.dtype == np.float32 else None
