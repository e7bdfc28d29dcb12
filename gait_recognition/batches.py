"""Many walks, one after the other: each has its answer or the reason why it has none, and the rest goes on.

    from gait_recognition.batches import each, find_walks
    from gait_recognition.vectors import walk_vector

    for walk, vector, error in each(find_walks(['videos/', 'more/*.mp4']), walk_vector):
        print(walk, error or vector[:3])

`KeptAnswers` keeps answers in a file, so that no walk is done twice. What an answer is, is not known here.
"""
import contextlib
import hashlib
import json
import os
from typing import NamedTuple

import gait_checkpoints
import gait_files
from gait_recognition.sources import walks_of

BEGINNING = b'{"key": '           # of each line: what begins otherwise was not cut off here
CUT_OFF = 'its last line is cut off, as an interruption leaves it: that answer is made again'


class Outcome(NamedTuple):
    """What became of a walk: its answer, or the error; the other one is None."""
    walk: object
    answer: object
    error: Exception | None


def find_walks(given):
    """The walks that words stand for, a list of str in their order; a walk that two of them stand for comes once.

    Parameters
    ----------
    given : str, os.PathLike or iterable of them
        Videos, animations, pictures; folders and patterns of videos stand for each of them (`sources.walks_of`).
    """
    found = []
    for one in [given] if isinstance(given, (str, os.PathLike)) else given:
        walks = walks_of(os.fspath(one))
        found += walks if walks == [os.fspath(one)] else [walk for walk in walks if walk not in found]
    return found


def is_fault_of_walk(error):
    """Whether an error tells of one walk, not of what all of them need: weights, room to write."""
    return isinstance(error, (ValueError, OSError, ImportError)) and not gait_files.is_unwritable(error) and \
        not isinstance(error, (gait_checkpoints.CheckpointError, BrokenPipeError))


def each(walks, work, stop_at_error=False):
    """A function's answers for walks, one after the other.

    Parameters
    ----------
    walks : iterable
    work : callable
        Takes a walk and gives its answer: `walk_vector`, `poses`, `measure_walk`, `check_walk`, or one of yours.
    stop_at_error : bool
        Raise a walk's error, and go on with none.

    Yields
    ------
    Outcome
        As soon as it is there. Errors that are not the walk's own are raised in any case.
    """
    for walk in walks:
        try:
            outcome = Outcome(walk, work(walk), None)
        except Exception as error:
            if stop_at_error or not is_fault_of_walk(error):
                raise
            outcome = Outcome(walk, None, error)
        yield outcome


def key_of(*facts):
    """What stands for a walk and all that its answer depends on, a str."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()


class KeptAnswers:
    """Answers in a file, a line of JSON each, written as soon as they are there; use it with `with`.

    Of several lines with one key the last counts. The file is locked while it is open.

    Parameters
    ----------
    path : str or os.PathLike
        Made where there is none.
    say : callable, optional
        Is told what was mended.

    Raises
    ------
    ValueError
        The file holds something else.
    BlockingIOError
        Another program is writing it.
    """

    def __init__(self, path, say=None):
        self.path, self._answers = os.fspath(path), {}
        gait_files.check_regular(path)
        self._file = open(path, 'a+b')
        try:
            self._lock()
            self._read(say)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def _lock(self):
        try:
            gait_files.lock(self._file)
        except BlockingIOError as error:
            raise BlockingIOError(f'{self.path}: another program is writing answers into it; wait, or name another '
                                  'file') from error

    def _read(self, say):
        self._file.seek(0)
        whole = 0
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b'\n') and line[:len(BEGINNING)] == BEGINNING[:len(line)]:
                self._file.truncate(whole)
                if say:
                    say(f'{self.path}: {CUT_OFF}')
                break
            try:
                answer = json.loads(line)
                if not line.endswith(b'\n'):                # the next answer would be written onto it
                    raise ValueError('the line has no end')
                self._answers[answer['key']] = answer
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise ValueError(f'{self.path}, line {number}: expected an answer of gait-recognition as a line of '
                                 'JSON with a "key" and an end of the line; name another file') from error
            whole += len(line)

    def get(self, key):
        """The answer of this key, a dict; None where there is none."""
        return self._answers.get(key)

    def add(self, key, answer):
        """Keep an answer, a dict."""
        answer = {'key': key, **answer}
        size = self._file.seek(0, os.SEEK_END)
        try:
            with gait_files.named_when_full(self.path):
                self._file.write(json.dumps(answer, ensure_ascii=False).encode() + b'\n')
                self._file.flush()
                os.fsync(self._file.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                self._file.truncate(size)
            raise
        self._answers[key] = answer
