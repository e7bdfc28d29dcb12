"""One function for each of many walks, in whatever processes joblib has: this machine's, or a cluster's.

Processes that die are replaced, and what they were at is done again. What the function does is not known here.
"""
import contextlib
import glob
import os
import sys
import warnings
from typing import NamedTuple

import joblib
from joblib.parallel import get_active_backend

LOSSES = 3                      # one after the other, without an answer between them, are no accident
TOGETHER = 16                   # calls a process, where a backend gives answers only once all are there
# What tells that a process died: joblib's own, Dask's (what was sent to it is lost with it), Ray's.
LOST = {'joblib.externals.loky.process_executor.BrokenProcessPool', 'distributed.client.FutureCancelledError',
        'ray.exceptions.RayActorError', 'ray.exceptions.WorkerCrashedError', 'ray.exceptions.ObjectLostError'}


class Workers(NamedTuple):
    """The processes that joblib's context and `n_jobs` stand for.

    Attributes
    ----------
    number : int
    are_elsewhere : bool
        They are a cluster's, such as Dask's or Ray's: of other machines, perhaps, and of another working folder.
    gives_one_by_one : bool
        Each answer comes as soon as it is there.
    """
    number: int
    are_elsewhere: bool
    gives_one_by_one: bool

    @property
    def are_this_one(self):
        """Whether this process does it all, and no other."""
        return self.number == 1 and not self.are_elsewhere

    @property
    def threads(self):
        """For one call: this machine's cores divided by their number; None: all, 0: `threads_here`."""
        if self.are_elsewhere:
            return 0
        return None if self.number == 1 else max(1, joblib.cpu_count() // self.number)


def workers_for(n_jobs=None):
    """`Workers` of joblib's context."""
    backend = get_active_backend()[0]
    return Workers(joblib.effective_n_jobs(n_jobs), type(backend).__module__ != 'joblib._parallel_backends',
                   getattr(backend, 'supports_return_generator', False))


def threads_here():
    """Threads for the networks of this process of a cluster: those of one task (Dask and Ray say them by
    OMP_NUM_THREADS) times the tasks that it does at once."""
    said = os.environ.get('OMP_NUM_THREADS', '')
    threads = int(said) if said.isdecimal() and int(said) else joblib.cpu_count()
    if 'distributed' in sys.modules:
        with contextlib.suppress(ValueError):               # no worker of Dask's
            threads *= sys.modules['distributed'].get_worker().state.nthreads
    return min(threads, joblib.cpu_count())


def from_anywhere(walk):
    """A walk as processes of another working folder find it: what lies here by its whole path."""
    if isinstance(walk, (list, tuple)):
        return [from_anywhere(one) for one in walk]
    if isinstance(walk, (str, os.PathLike)):
        path = os.path.expanduser(os.fspath(walk))
        if isinstance(path, str) and (os.path.exists(path) or glob.glob(path)):
            return os.path.abspath(path)
    return walk


def each_answer(work, walks, workers, n_jobs=None, verbose=0):
    """Yields `work(walk)` of each walk, in order.

    Parameters
    ----------
    work : callable
        What pickles.
    walks : list
    workers : Workers
    n_jobs, verbose
        joblib's.

    Raises
    ------
    RuntimeError
        Processes died again and again.

    Warns
    -----
    RuntimeWarning
        A process died: what it was at is done again.
    """
    done = losses = 0
    while done < len(walks):
        try:
            for answer in _answers(work, walks[done:], workers, n_jobs, verbose):
                done, losses = done + 1, 0
                yield answer
        except Exception as error:
            if not _is_loss(error):
                raise
            losses += 1
            at = f'before the answer for walk {done} of {len(walks)} was there'
            if losses == LOSSES:
                raise RuntimeError(f'{losses} times in a row a process died {at}: is there memory enough for '
                                   f'{workers.number} of them? Use fewer') from error
            warnings.warn(f'a process died {at}; what it was at is done again', RuntimeWarning, stacklevel=2)


def _answers(work, walks, workers, n_jobs, verbose):
    call = joblib.delayed(work)
    if workers.gives_one_by_one:
        yield from joblib.Parallel(n_jobs, verbose=verbose, return_as='generator')(map(call, walks))
        return
    together = TOGETHER * workers.number
    with joblib.Parallel(n_jobs, verbose=verbose) as parallel:      # whose processes stay, and their networks open
        for first in range(0, len(walks), together):
            yield from parallel(map(call, walks[first:first + together]))


def _is_loss(error):
    return any(f'{kind.__module__}.{kind.__qualname__}' in LOST for kind in type(error).__mro__)
