"""Files of any kind: written whole or not at all, locked against other processes, read without unpickling.

What is in them is not known here.
"""
import contextlib
import errno
import hashlib
import math
import os
import re
import secrets
import shutil
import stat
import tempfile
import zipfile

import numpy as np

DEEP = 100                      # brackets within brackets: no JSON that is read here has as many


def check_regular(path):
    """Refuse what is there and is no file: opening a pipe may wait for ever, reading a device may never end.

    Raises
    ------
    ValueError
        A folder, a pipe, a socket or a device. What is not there is left to who opens it.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        mode = os.stat(path).st_mode
        kind = next((kind for is_kind, kind in ((stat.S_ISDIR, 'a folder'), (stat.S_ISFIFO, 'a pipe'),
                                                (stat.S_ISSOCK, 'a socket')) if is_kind(mode)), 'a device')
        raise ValueError(f'{path} is {kind}; a file was expected')


def json_place(path, text, error):
    """Where a text is no JSON, for a message: "path, line 3"; the path alone where Python tells no line.

    Parameters
    ----------
    path : str or os.PathLike
        Of the text's file.
    text : str
    error : Exception
        Of `json.loads`. The line of a `RecursionError` is the first one with brackets deeper than `DEEP`.
    """
    line = _deep_line(text) if isinstance(error, RecursionError) else getattr(error, 'lineno', None)
    return f'{path}, line {line}' if line else os.fspath(path)


def _deep_line(text):
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"?|[\[{\]}]', text, re.DOTALL):
        depth += (token[0] in '[{') - (token[0] in ']}')
        if depth > DEEP:
            return text.count('\n', 0, token.start()) + 1
    return None


def open_npz(file, most=None):
    """The arrays of an .npz, a path or an open file, as `NpzFile`; ValueError where it is none."""
    if not zipfile.is_zipfile(file):
        raise ValueError('it is no .npz file')
    if hasattr(file, 'seek'):
        file.seek(0)
    return NpzFile(file, most)


class NpzFile:
    """The arrays of an .npz by name, read when they are asked for and checked before memory is taken for them.

    Nothing is unpickled. An array that is not there is a KeyError; whatever else is wrong is a ValueError.

    Parameters
    ----------
    file : str, os.PathLike or file
    most : int, optional
        Bytes that all arrays together may take.

    Attributes
    ----------
    files : list of str
        The arrays' names.
    """

    def __init__(self, file, most=None):
        with _value_errors('its list of arrays'):
            self._zip = zipfile.ZipFile(file)
        members = self._zip.infolist()
        self._members = {member.filename: member for member in members}
        self.files = [name.removesuffix('.npy') for name in self._members]
        try:
            if len(self._members) < len(members) or not all(name.endswith('.npy') for name in self._members):
                raise ValueError('a name in it is there twice, or is no array\'s')
            size = sum(member.file_size for member in members)
            if most is not None and size > most:
                raise ValueError(f'it unpacks to {size} bytes, more than the {most} that are expected at most')
        except ValueError:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self._zip.close()

    def __contains__(self, name):
        return f'{name}.npy' in self._members

    def __getitem__(self, name):
        return self.read(name)

    def read(self, name, shape=None):
        """The array of this name, of this shape where one is given."""
        if name not in self:
            raise KeyError(f'no array {name} in it')
        member = self._members[f'{name}.npy']
        with _value_errors(f'array {name}'), self._zip.open(member) as file:
            found, is_fortran, dtype = _npy_header(file)
            if shape is not None and tuple(shape) != found:
                raise ValueError(f'has shape {list(found)}, expected {list(shape)}')
            count = math.prod(found)
            if dtype.hasobject or any(size < 0 for size in found) or \
                    count * dtype.itemsize != member.file_size - file.tell():
                raise ValueError(f'{dtype} {list(found)} is not what its {member.file_size} bytes hold')
            array = np.empty(count, dtype)
            if array.nbytes:
                _fill(memoryview(array.view(np.uint8)), file)
            if file.read(1):
                raise ValueError('is longer than it says')
            return array.reshape(found[::-1]).T if is_fortran else array.reshape(found)


def _npy_header(file):
    """(shape, whether in Fortran's order, dtype) at the head of an .npy."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f'version {version} of its format is not known')


def _fill(view, file):
    """Fill the view with the file's next bytes, a piece at a time."""
    while len(view):
        chunk = file.read(min(len(view), 1 << 22))
        if not chunk:
            raise ValueError('is cut off')
        view[:len(chunk)] = chunk
        view = view[len(chunk):]


@contextlib.contextmanager
def _value_errors(what):
    """Turn what zip archives, decompressors and headers raise when they are damaged, any class, into a ValueError."""
    try:
        yield
    except Exception as error:
        raise ValueError(f'{what}: {str(error).strip() or type(error).__name__}') from error


def write_npz(file, arrays):
    """Write arrays into an open file, compressed, under any name that a zip archive can hold.

    NumPy's own function takes the names for arguments: none may be called `file` or `allow_pickle`.
    """
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f'{name}.npy', 'w', force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


LONGEST_NAME = 255              # bytes that file systems take
ADDED = 48                      # at most, to a name, of one beside it


def name_beside(path, suffix='.new'):
    """A path in the same folder, new and unguessable, that begins with the file's name, or with what stands for it."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f'{_beginning(name)}.{secrets.token_hex(8)}{suffix}')


def _beginning(name):
    """The name; of a long one so much as fits, and a digest: other long names may begin alike."""
    whole = os.fsencode(name)
    if len(whole) <= LONGEST_NAME - ADDED:
        return name
    digest = hashlib.sha256(whole).hexdigest()[:16]
    while len(os.fsencode(name)) + 1 + len(digest) > LONGEST_NAME - ADDED:
        name = name[:-1]
    return f'{name}.{digest}'


@contextlib.contextmanager
def replacing(path, mode='wb', shared=False, **options):
    """Open a file beside `path` for writing; it takes that name once it is whole and on the disk, else nothing changes.

    Parameters
    ----------
    path : str or os.PathLike
        A link stays a link, a private file stays private.
    mode, options
        As of `open`.
    shared : bool
        Several processes may write this file at once: each writes one of its own beside it. Otherwise what a killed
        process left beside it is removed.

    Yields
    ------
    file
    """
    path = os.path.realpath(path)
    if os.path.lexists(path) and not os.path.isfile(path):      # renaming onto a device would remove it
        raise (IsADirectoryError if os.path.isdir(path) else FileExistsError)(
            f'{path} is no file that could be replaced, but a folder, a device, a pipe or a link to itself')
    if not shared:
        remove_left(path)
    beside = name_beside(path)
    try:
        with named_when_full(path), \
                open(beside, mode.replace('w', 'x'), **options) as file:    # a new one: no link is followed
            if os.path.exists(path):
                shutil.copymode(path, beside)
            yield file
            file.flush()
            os.fsync(file.fileno())
        with named_when_full(path):
            os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(beside)
        raise
    if os.name == 'posix':                              # the new name, too, must outlive a power cut
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}       # whatever is to be written there
TRIAL = 1 << 16                                     # bytes: a disk is full where so many do not fit


def is_unwritable(error):
    """Whether an error says that nothing more can be written: a full disk, a quota, a read-only file system."""
    return isinstance(error, OSError) and error.errno in UNWRITABLE


@contextlib.contextmanager
def named_when_full(path):
    """An error of the block that says that nothing can be written names `path`, whatever was written on the way."""
    try:
        yield
    except OSError as error:
        if not is_unwritable(error):
            raise
        raise OSError(error.errno, os.strerror(error.errno), os.fspath(path)) from error


def check_writable(folder, path):
    """Refuse a folder in which nothing can be written now (of others, read-only, full), and a name too long for it.

    Parameters
    ----------
    folder : str or os.PathLike
        One that is there.
    path : str or os.PathLike
        What is to be written, for the message.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(TRIAL))
            file.flush()
        with contextlib.suppress(FileNotFoundError):
            os.lstat(path)
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno), os.fspath(path)) from error


def left_beside(path, suffixes=('',)):
    """Paths that `name_beside` once gave for a file and that are there, with one of `suffixes` behind; in this order.

    Without the random part a name is somebody else's.
    """
    folder, name = os.path.split(path)
    entries = sorted(os.listdir(folder or '.')) if os.path.isdir(folder or '.') else []
    patterns = [re.compile(rf'{re.escape(_beginning(name))}\.[0-9a-f]{{16}}\.new{re.escape(end)}') for end in suffixes]
    return [os.path.join(folder, entry) for pattern in patterns for entry in entries if pattern.fullmatch(entry)]


def remove_left(path, suffixes=('',)):
    """Remove what killed processes left beside a file."""
    for left in left_beside(path, suffixes):
        with contextlib.suppress(OSError):
            os.remove(left)


@contextlib.contextmanager
def replacing_folder(path):
    """A folder beside `path` to write in, made for the block; it takes that name once the block is through.

    `path` is not there yet, or an empty folder; after an error nothing is left behind.
    """
    path = os.path.abspath(path)
    beside = name_beside(path, '.part')
    os.mkdir(beside)
    try:
        with named_when_full(path):
            yield beside
            os.replace(beside, path)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def lock(file):
    """Lock an open file for this process alone, until it is closed; BlockingIOError where another process holds it.

    The lock is the operating system's, on the open file: it ends with the process, however that ends. On a file system
    without locks (some of networks) there is none. The file's first MiB stays readable to others.
    """
    try:
        import fcntl
    except ImportError:                                                 # Windows
        import msvcrt
        file.seek(1 << 20)                  # locked bytes cannot be read there by others: one beyond the content
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(str(error)) from error
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass
