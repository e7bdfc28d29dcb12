"""What a user's words stand for: a file, pictures, a pipe, an address or a camera; refused here before it can hang.

A name is a file's name, whatever it looks like: only what begins with one of `ADDRESSES` goes to the network. What is
in a file is not known here (`recordings`, `pictures`).
"""
import glob
import os
import re
import stat
import sys
from typing import NamedTuple

import numpy as np

from gait_recognition import pictures
from gait_recognition.masking import without_secrets

ADDRESSES = ('rtsp://', 'http://', 'https://')
STANDARD_INPUT = '-'
MAX_CAMERA = 9999
VIDEO_SUFFIXES = ('.3gp', '.asf', '.avi', '.dv', '.flv', '.m2ts', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg',
                  '.mts', *pictures.MOTION_JPEG, '.mxf', '.ogv', '.ts', '.vob', '.webm', '.wmv')
SILENCE_SECONDS = 30            # without a byte from a pipe, until it is given up


class Source(NamedTuple):
    """What was found.

    Attributes
    ----------
    kind : {'file', 'pictures', 'pipe', 'address', 'camera', 'frames'}
    name : str
        For messages.
    target : object
        A path, a list of paths, an opened `Pipe`, an address, a number, or what yields frames.
    """
    kind: str
    name: str
    target: object


def find(source):
    """The `Source` that a user means.

    Parameters
    ----------
    source : object
        As of `read_frames`.

    Raises
    ------
    FileNotFoundError
    ValueError
        It can be no walk: a device, an empty file, a folder of videos.
    TypeError
    """
    if isinstance(source, str) and source.lower().startswith(ADDRESSES):
        return Source('address', without_secrets(source), source)
    if isinstance(source, (str, bytes, os.PathLike)):
        return _find_path(path_of(source))
    if isinstance(source, (int, np.integer)) and not isinstance(source, bool):
        if not 0 <= source <= MAX_CAMERA:
            raise ValueError(f'source: cameras have numbers from 0 to {MAX_CAMERA}')
        return Source('camera', f'camera {source}', int(source))
    if are_paths(source):
        files = [path_of(one) for one in source]
        _check_pictures(files, 'the list')
        return Source('pictures', f'{shortened(files[0])} and {len(files) - 1} more', files)
    if not hasattr(source, '__iter__') and not hasattr(source, '__array__'):
        raise TypeError('source: expected a path, a camera number, an array (T, H, W, 3) or an iterable of frames, '
                        f'got {type(source).__name__}')
    if hasattr(source, '__array__') and not isinstance(source, np.ndarray):
        source = np.asarray(source)
    if isinstance(source, np.ndarray) and source.ndim != 4:
        raise ValueError(f'an array of frames: expected uint8 RGB of shape (T, H, W, 3), got shape {source.shape}')
    return Source('frames', 'frames from memory', source)


def are_paths(source):
    """Whether a source is a list of paths: pictures of one walk."""
    return isinstance(source, (list, tuple)) and bool(source) and all(
        isinstance(one, (str, bytes, os.PathLike)) for one in source)


def path_of(path):
    """A path as a str, `~` replaced by the home folder."""
    return os.path.expanduser(os.fsdecode(path))


def device_of(path):
    """The number of the camera whose device a path is, on Linux; None of another path."""
    device = re.fullmatch('/dev/video([0-9]{1,4})', os.path.realpath(path)) if isinstance(path, str) else None
    return int(device[1]) if device and stat.S_ISCHR(_mode_of(path)) else None


def is_live(text):
    """Whether an argument names what can be read only once: a camera, standard input, an address."""
    return is_camera(text) or text == STANDARD_INPUT or text.lower().startswith(ADDRESSES)


def is_read_once(text):
    """Whether an argument names what can be read only once: `is_live`, or a fifo."""
    return is_live(text) or stat.S_ISFIFO(_mode_of(path_of(text)))


def _mode_of(path):
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError):
        return 0


def is_camera(text):
    """Whether an argument is the number of a camera, not a file's name."""
    return text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_CAMERA)) and not os.path.exists(text)


def shortened(name):
    """A name that fits into a message."""
    return name if len(name) <= 300 else f'{name[:100]}... ({len(name):,} characters)'


def _find_path(path):
    if path == STANDARD_INPUT:
        return _find_standard_input()
    if not path:
        raise ValueError('source: expected the name of a video, a picture or a folder, got an empty one')
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return _of_files(path, _matching(path))
    except ValueError as error:
        raise ValueError(f'{shortened(path)!r} can be no name of a file: {error}') from error
    except OSError as error:
        raise type(error)(error.errno, error.strerror, shortened(path)) from error
    if stat.S_ISDIR(mode):
        return _of_files(path, _pictures_in(path))
    if stat.S_ISFIFO(mode):
        return Source('pipe', path, Pipe(path, path))
    if not stat.S_ISREG(mode):
        kind = 'a socket' if stat.S_ISSOCK(mode) else 'a device'
        raise ValueError(f'{path} is {kind}, expected a file, a folder or a pipe; a camera is named by its number')
    if not os.path.getsize(path):                                       # and what the system makes up, as in /proc
        raise ValueError(f'{path} is empty: no video and no picture')
    return Source('file', path, path)


def _find_standard_input():
    name = 'standard input'
    if sys.platform == 'linux' and sys.stdin is not None and stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode):
        return Source('file', name, f'/dev/fd/{sys.stdin.fileno()}')    # "< walk.mp4": it can be read twice
    return Source('pipe', name, Pipe(sys.stdin, name))


def _of_files(path, files):
    return Source('file', files[0], files[0]) if files[0].lower().endswith(VIDEO_SUFFIXES) else \
        Source('pictures', path, files)


def files_of(source):
    """The files that a path, a folder, a pattern or a list of paths stands for, in their order.

    Raises
    ------
    ValueError
        It stands for no files: it can be read only once.
    """
    found = find(source)
    if found.kind not in ('file', 'pictures'):
        raise ValueError(f'{found.name} can be read only once; record it to a file first')
    return found.target if found.kind == 'pictures' else [found.target]


def walks_of(text):
    """The walks that a word of the user's stands for: a folder or a pattern of videos stands for each of them.

    Pictures of a folder, or of a pattern, are one walk; animations are one each, as videos. Of a folder that holds
    neither, its folders are looked into. What stands for nothing stays as it is, for `find` to say why.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str
    """
    if is_live(text):
        return [text]
    path = path_of(text)
    try:
        if os.path.isdir(path):
            return _walks_in(path)
        if os.path.exists(path) or not glob.has_magic(path):
            return [path]
    except (OSError, ValueError):                                       # no name of a file at all
        return [path]
    matches = _in_order(glob.glob(path))
    folders = [match for match in matches if os.path.isdir(match)]
    films = _films_of(matches)
    if films is None or not folders and not films:
        return [path]
    return [walk for match in _in_order(folders + films)
            for walk in (_walks_in(match) if match in folders else [match])]


def _walks_in(folder):
    entries = _entries(folder)
    films = _films_of(entries)
    if films is None or films:
        return films or [folder]
    inside = [each for each in entries if os.path.isdir(each) and _holds_frames(each)]
    return [walk for each in inside for walk in _films_of(_entries(each)) or [each]] or [folder]


def _entries(folder):
    with os.scandir(folder) as entries:
        return _in_order(entry.path for entry in entries if not entry.name.startswith('.'))


def _films_of(files):
    """The videos and animations among files; None where pictures are among them, which together are one walk."""
    files = [file for file in files if os.path.isfile(file)]
    videos = [file for file in files if file.lower().endswith(VIDEO_SUFFIXES)]
    images = [file for file in files if file.lower().endswith(pictures.SUFFIXES)]
    if any(not file.lower().endswith(pictures.ANIMATION_SUFFIXES) or pictures.is_picture(file) for file in images):
        return None
    return [file for file in files if file in {*videos, *images}]


def _holds_frames(folder):
    with os.scandir(folder) as entries:
        return any(entry.name.lower().endswith(VIDEO_SUFFIXES + pictures.SUFFIXES) for entry in entries)


def _pictures_in(folder):
    """The pictures of a folder, in natural order."""
    with os.scandir(folder) as entries:
        names = [entry.path for entry in entries if not entry.name.startswith('.')]
    files = [name for name in names if name.lower().endswith(pictures.SUFFIXES)]
    videos = sorted(name for name in names if name.lower().endswith(VIDEO_SUFFIXES))
    if videos:
        beside = f' beside {len(files)} pictures' if files else ''
        raise ValueError(f'{folder}: {len(videos)} videos in this folder{beside}, such as '
                         f'{os.path.basename(videos[0])}; one walk was expected: name each video by itself, pictures '
                         f"by a pattern as in '{os.path.join(folder, '*.png')}'")
    if not files:
        raise ValueError(f'{folder}: no picture in this folder (looked for {", ".join(pictures.SUFFIXES)})')
    return _in_order(files)


def _matching(pattern):
    """The files of a pattern, in natural order."""
    if not glob.has_magic(pattern):
        hint = f'; addresses begin with {", ".join(ADDRESSES)}' if '://' in pattern else ''
        raise FileNotFoundError(f'{shortened(pattern)}: no such file or folder{hint}')
    files = [file for file in glob.glob(pattern) if os.path.isfile(file)]
    if not files:
        raise FileNotFoundError(f'{shortened(pattern)}: no file matches this pattern')
    if len(files) > 1:
        _check_pictures(files, f'{pattern} (quoted, so the shell left it)')
    return _in_order(files)


def _check_pictures(files, what):
    videos = sorted(file for file in files if file.lower().endswith(VIDEO_SUFFIXES))
    if videos:
        raise ValueError(f'{what} stands for {len(files)} files, videos among them, such as {videos[0]}: several '
                         'pictures make one walk, but each video is a walk of its own; name them one by one')


def _in_order(files):
    def natural(file):                                                  # digits, however many, by length and then value
        return [(len(part.lstrip('0')), part.lstrip('0')) if index % 2 else part.lower()
                for index, part in enumerate(re.split('([0-9]+)', file))], file
    return sorted(files, key=natural)


class Pipe:
    """A fifo or standard input as a file for reading: read once, and given up after a long silence.

    Parameters
    ----------
    source : str or file
        A fifo's path, or an open file.
    name : str
    """

    def __init__(self, source, name):
        self.name, self._owned = name, isinstance(source, str)
        if self._owned:
            self._descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK)     # a fifo without a writer would block
        else:
            if source is None or source.isatty():
                raise ValueError(f'{name} is a terminal: send a video there, as in "... | gait-recognition ... -"')
            self._descriptor = source.fileno()

    def read(self, size):
        """Up to `size` bytes; b'' at the end."""
        self._wait()
        return os.read(self._descriptor, size)

    def _wait(self):
        try:
            from select import POLLIN, poll
        except ImportError:                                             # Windows: its pipes can only be read
            return
        waiting = poll()
        waiting.register(self._descriptor, POLLIN)
        if not waiting.poll(1000 * SILENCE_SECONDS):
            raise TimeoutError(f'{self.name}: nothing came for {SILENCE_SECONDS} s')

    def seekable(self):
        return False

    def readable(self):
        return True

    def close(self):
        if self._owned:
            os.close(self._descriptor)
            self._owned = False
