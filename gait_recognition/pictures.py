"""Pictures of the kinds in `FORMATS`, as upright RGB of 8 bits a channel: one decoder for all."""
import contextlib
import functools
import itertools
import os
import threading
from fractions import Fraction

import numpy as np
from PIL import Image, ImageOps

from gait_files import check_regular
from gait_recognition.facts import SQUARE, Facts, Limits, TooLargeError, Unreadable, shown_size

SUFFIXES = ('.avif', '.bmp', '.gif', '.heic', '.heif', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
ANIMATION_SUFFIXES = ('.avif', '.gif', '.tif', '.tiff', '.webp')     # of those that may be animations
MOTION_JPEG = ('.mjpeg', '.mjpg')                           # films that look like the first of their pictures
STILL_HEADS = {'.bmp': b'BM', '.jpeg': b'\xff\xd8', '.jpg': b'\xff\xd8', '.png': b'\x89PNG', '.ppm': b'P'}
FORMATS = ('AVIF', 'BMP', 'GIF', 'HEIF', 'JPEG', 'PNG', 'PPM', 'TIFF', 'WEBP')      # Pillow's, of walks and animations
HEIF_BRANDS = (b'heic', b'heix', b'heim', b'heis', b'mif1')         # bytes 8 to 12 of a still picture
WHITE_16_BIT = 65535
LARGEST = float(np.finfo(np.float32).max)
ORIENTATION = 0x0112                                                # of EXIF
DEFAULT_LIMITS, ANY_SIZE = Limits(), Limits(pixels=1 << 62)
BOMBS = Image.DecompressionBombError, Image.DecompressionBombWarning        # an error, too, where filters say so
LONGEST_DURATION = 1e9                                              # ms of one picture that are believed
DEFAULT_FPS = 25.0                                                  # where a source has no clock: pictures, arrays


def read_picture(path, limits=DEFAULT_LIMITS):
    """Read a picture: turned upright as its EXIF says, transparent parts on white.

    Of the kinds in `FORMATS`, by contents: Pillow would run what an EPS file holds, whatever its name.
    Of a file with several pictures, the first. 16-bit grey is scaled to 8 bits, 32-bit grey stretched from its darkest
    to its brightest pixel.

    Parameters
    ----------
    path : str or os.PathLike
    limits : Limits

    Returns
    -------
    PIL.Image.Image
        Mode RGB, 8 bits a channel, in square pixels: stretched where the header says that they are not.

    Raises
    ------
    ValueError
        No picture, broken, truncated, of a kind that cannot be turned into RGB, or beyond the limits.
    OSError
        Not there, or not readable.
    """
    return _read(path, limits)[0]


def read_reduced(path, least, limits=DEFAULT_LIMITS):
    """`read_picture` for who needs few pixels: a large JPEG is decoded to a half, a quarter or an eighth of its size.

    Parameters
    ----------
    path, limits
        As of `read_picture`.
    least : int
        Pixels that both edges keep, where they have as many.

    Returns
    -------
    picture : PIL.Image.Image
    whole : (int, int)
        Width and height that `read_picture` gives.
    """
    return _read(path, limits, least)


def _read(path, limits, least=None):
    known_formats()
    check_regular(path)
    with open(path, 'rb') as file, _PILLOW.for_limits(limits) as limits:
        try:
            with Image.open(file, formats=known_formats()) as image:
                limits.check_size(path, *image.size)
                upright = image.size[::-1] if _is_turned(image) else image.size
                aspect, whole = pixel_aspect(image), shown_size(*upright, pixel_aspect(image))
                if least:
                    image.draft('RGB', (least, least))
                image.load()                                # `to_rgb` may give it back as it is
                return in_square_pixels(to_rgb(image, stretch=True), aspect), whole
        except TooLargeError:
            raise
        except BOMBS as error:
            raise TooLargeError(f'{path} is too large a picture ({error}); scale it down first') from error
        except Exception as error:          # decoders meet broken files with errors of every class
            _refuse_heif(path)
            raise ValueError(f'{path} cannot be read as a picture; it is broken, truncated or another kind of file '
                             f'({type(error).__name__}: {error})') from error


@contextlib.contextmanager
def opened_picture(path):
    """A picture file as Pillow opens it, for the block; whatever fails in it is a ValueError that names the file.

    So is one beyond `DEFAULT_LIMITS`: who asks for a picture here will decode it.
    """
    check_regular(path)
    try:
        with _PILLOW.for_limits(DEFAULT_LIMITS) as limits, Image.open(path, formats=known_formats()) as picture:
            if picture.width * picture.height > limits.pixels:
                raise TooLargeError(f'{path}: {picture.width} x {picture.height} are more than {limits.pixels:,} '
                                    'pixels: too large a picture; scale it down')
            yield picture
    except BOMBS as error:
        raise TooLargeError(f'{path} is too large a picture ({error}); scale it down first') from error
    except TooLargeError:
        raise
    except Exception as error:                              # decoders meet broken files with errors of every class
        raise ValueError(f'{path} cannot be read as a picture: {error}; put a readable one in its place') from error


def is_picture(path):
    """Whether a file is a single picture; animations and videos are walks, and nothing else is looked into."""
    if not os.path.isfile(path) or os.fspath(path).lower().endswith(MOTION_JPEG):
        return False
    # Of any size: nothing is decoded, and who reads it has limits of theirs, which may be higher than Pillow's.
    with contextlib.suppress(Exception), _PILLOW.for_limits(ANY_SIZE):
        with Image.open(path, formats=known_formats()) as image:
            return not is_animation(image)
    return _is_called_picture(path)                         # else a video, or nothing that can be read


def _is_called_picture(path):
    """Whether a file has both name and head of a single picture: `read_picture` says what is wrong with it."""
    head = STILL_HEADS.get(os.path.splitext(os.fspath(path))[1].lower())
    with contextlib.suppress(OSError), open(path, 'rb') as file:
        return head is not None and file.read(len(head)) == head
    return False


def is_animation(image):
    """Whether an opened file holds several pictures; not an MPO, a photograph: the further ones are its previews."""
    try:
        return image.format != 'MPO' and getattr(image, 'is_animated', False)
    except Exception:                                       # of every class; a picture ahead of a broken one
        return True


class ModeError(ValueError):
    """A whole picture of a kind that says nothing of black and white."""


@functools.lru_cache
def known_formats():
    """Those of `FORMATS` that this Pillow reads; HEIF through pillow-heif, where it is installed."""
    with contextlib.suppress(ImportError):
        import pillow_heif
        pillow_heif.register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _refuse_heif(path):
    """Say what is missing where a file is a HEIC picture: FFmpeg would give one of its tiles."""
    with open(path, 'rb') as file:
        start = file.read(12)
    if start[4:8] == b'ftyp' and start[8:] in HEIF_BRANDS and 'HEIF' not in known_formats():
        raise ValueError(f'{path} is a HEIC picture: pip install pillow-heif, or save it as JPEG')


class _PillowLimit:
    """Pillow's own limit of size, which belongs to the process: as high as those need it who read just now.

    Pillow warns beyond its limit and refuses beyond twice as much. No warning is silenced here: Python's filters belong
    to the process, too.
    """

    def __init__(self):
        self._changing, self._needed, self._usual = threading.Lock(), [], None

    @contextlib.contextmanager
    def for_limits(self, limits):
        """For the block, up to the `Limits` that it gets, Pillow is silent; they are as given, or less.

        Pillow's limit is lifted by a higher one of the user's; where it is lower than usual, twice as much is read.
        """
        with self._changing:
            if not self._needed:
                self._usual = Image.MAX_IMAGE_PIXELS
            if self._usual is not None and limits.pixels <= DEFAULT_LIMITS.pixels:
                limits = limits._replace(pixels=min(limits.pixels, int(2 * self._usual)))
            self._needed.append(limits.pixels)
            self._set()
        try:
            yield limits
        finally:
            with self._changing:
                self._needed.remove(limits.pixels)
                self._set()

    def _set(self):
        Image.MAX_IMAGE_PIXELS = None if self._usual is None else max(self._usual, *self._needed, 0)


_PILLOW = _PillowLimit()


def open_walk(path, limits=DEFAULT_LIMITS):
    """The first picture of a file as Pillow opens it, or None: Pillow does not know it, and it may be a video.

    Raises
    ------
    ValueError
        Beyond the limits, or of a kind that takes something more to be read.
    """
    check_regular(path)
    if os.fspath(path).lower().endswith(MOTION_JPEG):
        return None
    with _PILLOW.for_limits(limits) as limits:
        try:
            image = Image.open(path, formats=known_formats())
            limits.check_size(path, *image.size)
            return image
        except BOMBS as error:
            raise TooLargeError(f'{path}: {error}') from error
        except TooLargeError:
            image.close()
            raise
        except Exception:                                   # of every class, as above
            _refuse_heif(path)
            return None


class PictureSequence:
    """Pictures as the frames of a walk: of files, each of which may hold many, with durations of their own.

    Parameters
    ----------
    files : list of str
    fps : float, optional
        Where the files have no clock; else the first duration decides.
    limits : Limits

    Attributes
    ----------
    fps : float
    knows_fps : bool
        The files or the caller said so.
    facts : Facts
    is_regular : bool
    expected : int or None
        How many frames there are, where that is known without reading them.
    animation : (int, int) or None
        Width and height of the frames, where it is one file of several.
    """

    is_regular = False

    def __init__(self, files, fps, limits):
        self.files, self.limits, self.facts = files, limits, Facts()
        self.fps, self.knows_fps = fps or DEFAULT_FPS, fps is not None
        self.expected, self.animation = len(files) if len(files) > 1 else None, None
        image = self._first()
        if image is not None:
            with image:
                aspect = pixel_aspect(image)
                duration = self._first_duration(image) if fps is None and is_animation(image) else 0
                if len(files) == 1 and is_animation(image):
                    self.expected, self.animation = self._count(image), image.size
            if duration:
                self.fps, self.knows_fps = 1000 / duration, True
            if (shown := shown_size(*image.size, aspect)) != image.size:
                self.facts.pixel_aspect, self.facts.shown = aspect, shown

    def read(self):
        """Yields (seconds, function that gives the frame)."""
        seconds = 0.0
        for file in self.files:
            error = None
            try:
                image = open_walk(file, self.limits) if os.path.exists(file) else None
            except TooLargeError as too_large:
                image, error = None, too_large
            if image is None:                               # truncated header, too large, or something else
                yield None, functools.partial(damaged, error)
                seconds += 1 / self.fps
                continue
            with image:
                several = is_animation(image)
                for index in range(self._count(image) if several else 1):
                    yield seconds, functools.partial(self._decode, image, index, file)
                    if several:                             # a picture's duration is known once it is read
                        self.limits.check_animation(file, image.size, index + 1)
                        with contextlib.suppress(Unreadable):
                            self._load(image, index, file)
                    seconds += (_duration(image) if several else 0) / 1000 or 1 / self.fps

    def _first(self):
        """The first picture that is not beyond the limits, as Pillow opens it, or None; refused where each one is."""
        refusal = None
        for file in self.files:
            try:
                return open_walk(file, self.limits)
            except TooLargeError as error:
                refusal = refusal or error
        raise refusal

    def _first_duration(self, image):
        with contextlib.suppress(Unreadable):               # WebP and AVIF tell once it is read
            self._load(image, 0, self.files[0])
        return _duration(image)

    def _count(self, image):
        """Pictures in it; those that can be found and a damaged one where the others cannot."""
        try:
            return image.n_frames
        except Exception:                                   # of every class, as above
            for found in itertools.count(1):
                try:
                    image.seek(found)
                except Exception:
                    return found + 1

    def _load(self, image, index, file):
        with _PILLOW.for_limits(self.limits) as limits:
            try:
                image.seek(index)
                limits.check_size(file, *image.size)
                image.load()
            except Exception as error:                      # of every class, as above
                raise Unreadable from error

    def _decode(self, image, index, file):
        self._load(image, index, file)
        try:
            return np.asarray(in_square_pixels(to_rgb(image), pixel_aspect(image)))
        except ModeError as error:
            raise ValueError(f'{file}: {error}') from error
        except Exception as error:                          # of every class: broken EXIF, texts for transparency
            raise Unreadable from error


def damaged(error=None):
    """What a reader hands out for a frame that cannot be read; of `functools.partial` where it knows the error."""
    raise Unreadable from error


def is_damaged(load):
    """Whether that is what a reader handed out."""
    return getattr(load, 'func', load) is damaged


def _duration(image):
    """Milliseconds for which the opened picture is shown; 0 where it says none, or nonsense."""
    duration = image.info.get('duration', 0)
    return duration if isinstance(duration, (int, float)) and 0 < duration < LONGEST_DURATION else 0


def pixel_aspect(image):
    """A pixel's width by its height, upright, by the densities that an opened file's header says; a Fraction."""
    info = image.info
    densities = info.get('aspect') or (info.get('jfif_unit') == 0 and info.get('jfif_density')) or info.get('dpi')
    try:
        across, down = (float(density) for density in densities)
        aspect = Fraction(down / across).limit_denominator(1000)
        return 1 / aspect if _is_turned(image) else aspect
    except Exception:                                       # of every class: none, or nonsense
        return SQUARE


def _is_turned(image):
    """Whether width and height change places where an opened file is turned upright."""
    return image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)


def in_square_pixels(image, aspect):
    """A picture stretched so that its pixels, of that aspect, are square."""
    size = shown_size(*image.size, aspect)
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR)


def to_rgb(image, stretch=False):
    """A picture turned upright, in RGB of 8 bits a channel, transparent parts on white; 16-bit grey is scaled.

    Parameters
    ----------
    image : PIL.Image.Image
    stretch : bool
        Numbers of 32 bits say nothing of black and white: stretch them from the darkest pixel to the brightest, which
        is another scale for each picture. Otherwise they are refused.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    ValueError
    """
    if image.getexif().get(ORIENTATION, 1) != 1:            # else it would be copied: 64 million pixels take 256 MB
        image = ImageOps.exif_transpose(image)
    if image.mode[0] in 'IF':               # 16 or 32 bits: Pillow would cut at 255 where it has to scale
        values = np.nan_to_num(np.array(image, np.float32), copy=False)
        low, high = float(values.min()), float(values.max())
        if image.mode != 'F' and low >= 0 and high <= WHITE_16_BIT:
            low, high = 0.0, WHITE_16_BIT
        elif not stretch:
            raise ModeError(f'expected 8 or 16 bits a channel, got mode {image.mode}; convert it first')
        if high - low > LARGEST:                            # the difference would be infinite
            values, low, high = values / 2, low / 2, high / 2
        values -= low
        values *= 255.0 / max(high - low, np.finfo(np.float32).tiny)
        return Image.fromarray(values.round(out=values).astype(np.uint8)).convert('RGB')
    if image.has_transparency_data:
        image = image.convert('RGBA')
        image = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image)
    return image if image.mode == 'RGB' else image.convert('RGB')


def to_frame(picture, size=299):
    """Scale a picture to the network's input, as the original did: bilinear, to a square, whatever its proportions.

    Parameters
    ----------
    picture : PIL.Image.Image
        Mode RGB.
    size : int
        Side in pixels.

    Returns
    -------
    np.ndarray, uint8 (size, size, 3)
    """
    return np.asarray(picture.resize((size, size), Image.BILINEAR))
