"""Files of any kind: written whole or not at all, locked against other processes, read without unpickling.

What is in them is not known here.
"""
import contextlib
import os
import secrets
import shutil
import zipfile

import numpy as np


def open_npz(file):
    """The arrays of an .npz, a path or an open file; of anything else NumPy would say how to trust it as a pickle."""
    if not zipfile.is_zipfile(file):
        raise ValueError('it is no .npz file')
    if hasattr(file, 'seek'):
        file.seek(0)
    return np.load(file, allow_pickle=False)


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
        Several processes may write this file at once: each writes one of its own beside it. Otherwise that one has a
        fixed name, so that what a killed process left is overwritten by the next.

    Yields
    ------
    file
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):       # renaming onto a device would remove it
        raise (IsADirectoryError if os.path.isdir(path) else FileExistsError)(
            f'{path} is no file that could be replaced, but a folder, a device or a pipe')
    beside = f'{path}.{secrets.token_hex(4)}.new' if shared else f'{path}.new'
    try:
        with open(beside, mode, **options) as file:
            if os.path.exists(path):
                shutil.copymode(path, beside)
            yield file
            file.flush()
            os.fsync(file.fileno())
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


@contextlib.contextmanager
def replacing_folder(path):
    """A folder beside `path` to write in, made for the block; it takes that name once the block is through.

    `path` is not there yet, or an empty folder; after an error nothing is left behind.
    """
    path = os.path.abspath(path)
    beside = f'{path}.{secrets.token_hex(4)}.part'
    os.mkdir(beside)
    try:
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
