"""A function that reads a stranger's file runs in a process of its own, which may die of it or ask for too much memory.

What comes back are arrays, never objects. Which file, and what is in it, is not known here.
"""
import contextlib
import os
import subprocess
import sys
import tempfile

import numpy as np

import gait_files

MEMORY = 4 << 30                    # bytes that the process may take, where the system has such a limit
ANSWER = 1 << 29                    # bytes that its answer may take
CHILD = ('import sys; sys.path[:] = {path!r}; from gait_recognition.training import apart; '
         'from {module} import {name}; apart.answer({name}, *sys.argv[1:])')


def arrays_of(function, path, *arguments):
    """What a function makes of a file, in a process of its own.

    Parameters
    ----------
    function : callable
        Of a module's top level; takes texts and gives arrays by their names, or raises ValueError.
    path : str
        Its first argument.
    arguments : str

    Returns
    -------
    dict of np.ndarray

    Raises
    ------
    ValueError
        The function's own, or the process died, with the file's name.
    """
    code = CHILD.format(path=sys.path, module=function.__module__, name=function.__name__)
    threads = {name: '1' for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')}
    with tempfile.TemporaryFile() as file:
        done = subprocess.run([sys.executable, '-c', code, path, *arguments], stdin=subprocess.DEVNULL, stdout=file,
                              stderr=subprocess.DEVNULL, env={**os.environ, **threads})
        if done.returncode:
            raise ValueError(f'{path} is damaged: it ends the process that reads it (status {done.returncode})')
        file.seek(0)
        with gait_files.open_npz(file, ANSWER) as answer:
            found = {name: answer[name] for name in answer.files}
    if 'error' in found:
        raise ValueError(as_text(found['error']))
    return found


def answer(function, *arguments):
    """In the process: write the function's arrays, or its error, to standard output."""
    _limit_memory()
    try:
        found = function(*arguments)
    except (ValueError, MemoryError) as error:
        found = {'error': as_bytes(str(error) or f'{arguments[0]} takes more memory than a file of its kind may')}
    gait_files.write_npz(sys.stdout.buffer, found)
    sys.stdout.flush()


def _limit_memory():
    with contextlib.suppress(ImportError, ValueError, OSError):             # Windows has none, or a lower one is set
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def as_bytes(text):
    return np.frombuffer(text.encode('utf-8', 'surrogatepass'), np.uint8)


def as_text(array):
    return array.tobytes().decode('utf-8', 'surrogatepass')
