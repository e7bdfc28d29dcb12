"""From a walk to its identification vector: one (`walk_vector`), or many, as a step of scikit-learn (`GaitVectors`).

Whose walk it is (`gallery`) and the networks themselves are not known here. TensorFlow is loaded only by what needs
weights.
"""
import functools
import hashlib
import itertools
import json
import os
import platform
import warnings
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

import gait_checkpoints
import gait_files
from gait_checkpoints import warn_caller
from gait_processor import PRECISIONS
from gait_recognition.facts import Limits
from gait_recognition.frames import Frames, read_frames
from gait_recognition.parameters import FRAME_RATE, POSITIVE_INTEGER, check, integer_from, one_of, optional
from gait_recognition.prefetch import ahead
from gait_recognition.processes import each_answer, from_anywhere, threads_here, workers_for
from gait_recognition.quality import quality_of_track
from gait_recognition.rates import RATE, EvenClock, Resampler, is_at, resample
from gait_recognition.sources import are_paths, files_of
from gait_recognition.tracking.crops import CROP_METHODS, crop_walker
from gait_recognition.tracking.facing import LOOKS, goes_left
from gait_recognition.weights import SameWeights, choose_weights, shared_networks, warn_of_defaults

VECTOR_SIZE = 512
BATCH_SIZE = 16                 # frames that go through the networks at once
CACHE_VERSION = 3               # to be raised when the same walk and weights would give another vector
CONSTRAINTS = {'crop': one_of(CROP_METHODS), 'every': POSITIVE_INTEGER, 'batch_size': POSITIVE_INTEGER,
               'recurrent_unit': optional(one_of(('GRU', 'LSTM'))), 'rnn_layers': optional(POSITIVE_INTEGER),
               'stream': optional(integer_from(0)), 'precision': one_of(PRECISIONS),
               'on_error': one_of(('raise', 'nan')), 'rate': optional(FRAME_RATE)}


def batches(crops, size):
    """Stacks (n, 299, 299, 3) of up to `size` crops."""
    crops = iter(crops)
    while batch := list(itertools.islice(crops, size)):
        yield np.stack(batch)


def walk_vector(frames, pose_net=None, gait_net=None, crop='auto', batch_size=BATCH_SIZE, every=1, start=None, end=None,
                return_track=False, rate=RATE):
    """Identification vector of one walk, from whatever shows it.

    Frames are prepared by a thread while the networks compute, and go through in batches that pass the recurrent state
    on: neither memory nor the vector depends on how many there are at once.

    Parameters
    ----------
    frames : Frames or anything that `read_frames` takes
    pose_net : HumanPoseIRNetwork, optional
    gait_net : GaitNetwork, optional
        Trained on that pose network's features. Without both the default weights' networks are opened, once.
    crop : {'auto', 'background', 'pose', 'none'}
        As `method` of `crop_walker`.
    batch_size : int
    every, start, end
        As of `read_frames`.
    return_track : bool
    rate : float, optional
        Frames a second that the gait network gets, where the source says how many it has: between frames their spatial
        features are interpolated over time, by cubics; by the frames' own times where the clock is uneven (a variable
        frame rate, dropped frames). None: the frames as they come.

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
    RuntimeError
        Another thread replaced the weights meanwhile.

    Warns
    -----
    UserWarning
        Without `return_track`, whose `remarks` are these: what is to be known of the recording, such as damaged
        frames, and of the walk, such as too few frames (`quality`).
    """
    check(CONSTRAINTS, {'batch_size': batch_size, 'crop': crop, 'rate': rate})
    if (pose_net is None) != (gait_net is None):
        raise ValueError('pose_net and gait_net belong together: pass both, or neither for the default weights')
    if not isinstance(frames, Frames):
        frames = read_frames(frames, every, start, end)
    elif (every, start, end) != (1, None, None):
        raise ValueError('frames is a Frames already: say every, start and end where it is made')
    if pose_net is None:
        warn_of_defaults()
        pose_net, gait_net = shared_networks(choose_weights())
    same = SameWeights(pose_net, gait_net)
    crops = crop_walker(frames, crop, pose_net)
    frames.reached.next_stage()
    describer, shown, mirrored, count = Describer(frames, gait_net, rate), iter(crops), False, 0
    if gait_net.facing_right:
        first = [*itertools.islice(shown, LOOKS)]
        mirrored = bool(first) and goes_left(pose_net, first, crops.track.boxes if crops.track.stands_still else ())
        shown = itertools.chain(first, shown)
    for batch in ahead(batches(shown, batch_size), 2):
        features = features_of(pose_net, batch, np.full(len(batch), mirrored))
        describer.add(features, crops.track.numbers[count:count + len(batch)])
        count += len(batch)
    fps = frames.fps / frames.every if frames.knows_fps else None
    crops.track.remarks = [*crops.track.remarks, *(finding.text for finding in quality_of_track(crops.track, fps))]
    vector = describer.vector
    same.check(frames.name)
    if return_track:
        return vector, crops.track
    crops.track.warn()
    return vector


def features_of(pose_net, crops, mirrored):
    """Features of crops (n, 299, 299, 3), those that are `mirrored` (bool (n,)) left for right."""
    only = {'mirrored': mirrored} if np.any(mirrored) else {}           # other objects that stand in need not know it
    return pose_net.feed_forward_features(crops, batch_size=len(crops), **only)


class RunningVector:
    """One walk's vector from its frames' features, piece after piece: the recurrent state is passed on.

    Parameters
    ----------
    gait_net : GaitNetwork
    rate : float, optional
        Frames a second that the network gets, as of `walk_vector`.
    """

    def __init__(self, gait_net, rate=RATE):
        self._net = gait_net
        self._resampler = None if rate is None else Resampler(rate)
        self._total, self._count, self._state = np.zeros(VECTOR_SIZE), 0, None

    def add(self, features, seconds):
        """Take the features (n, 17, 17, 32) of the next frames, and when each was taken (n,)."""
        if self._resampler:
            features = self._resampler(features, seconds)
        if len(features):
            mean, self._state = self._net.feed_forward(features, return_state=True, initial_state=self._state)
            self._total += len(features) * mean.astype(np.float64)
            self._count += len(features)

    @property
    def vector(self):
        """Of all frames so far, float32 (512,); None before the first."""
        rest = self._resampler.rest() if self._resampler else None
        total, count = self._total, self._count
        if rest is not None:
            mean, _ = self._net.feed_forward(rest, return_state=True, initial_state=self._state)
            total = total + len(rest) * mean.astype(np.float64)
            count += len(rest)
        return (total / count).astype(np.float32) if count else None


class Describer(RunningVector):
    """A `RunningVector` of a walk in `Frames`, which are resampled where their rate is known, and another or uneven."""

    def __init__(self, frames, gait_net, rate=RATE):
        super().__init__(gait_net, _rate_for(frames, rate))
        self._frames, self._clock = frames, EvenClock(frames.fps)

    def add(self, features, numbers):
        """Take the features (n, 17, 17, 32) of the next frames, which have these numbers in their source."""
        super().add(features, map(self._clock, numbers, self._frames.seconds_of(numbers)))


def at_rate(features, frames, numbers, rate=RATE):
    """A whole walk's features (n, ...) brought to `rate` as `walk_vector` brings them: (m, ...).

    Parameters
    ----------
    features : ndarray (n, ...)
    frames : Frames
        Read already.
    numbers : sequence of int, (n,)
        Which of them the features are of.
    rate : float, optional
    """
    rate = _rate_for(frames, rate)
    if rate is None:
        return features
    return resample(features, [*map(EvenClock(frames.fps), numbers, frames.seconds_of(numbers))], rate)


def _rate_for(frames, rate):
    """The rate that features are brought to; None where the source has no clock. Frames at that rate already stay as
    they are, except where their clock is uneven."""
    if rate is None or not frames.knows_fps:
        return None
    return rate if is_resampled(frames, rate) else frames.fps / frames.every


def is_resampled(frames, rate):
    """Whether the frames of a source are of another rate than this one; those of no known rate are not."""
    return rate is not None and frames.knows_fps and not is_at(rate, frames.fps / frames.every)


class Outcome(NamedTuple):
    """What became of one walk.

    Attributes
    ----------
    vector : np.ndarray, float32 (512,)
        NaN where there is none; of another length where something else described the walk.
    remarks : list of str
        What is to be known of its recording.
    problem : str or None
        Why there is no vector.
    check : dict or None
        How fit the recording is (`fitness.Fitness.as_dict`), where a witness looked.
    """
    vector: np.ndarray
    remarks: list
    problem: str | None
    check: dict | None


class GaitVectors(TransformerMixin, BaseEstimator):
    """Walks to identification vectors, as a step of scikit-learn: learns nothing, opens the networks when needed.

    Its parameters are plain values, so that it clones, pickles and travels to other processes by them; the networks
    stay in the process that opened them. Which processes those are is joblib's matter: `n_jobs` of this machine, or a
    cluster's by `joblib.parallel_config(backend='dask')` and the like.

    Parameters
    ----------
    pose_weights, gait_weights : str or os.PathLike, optional
        Checkpoints of both networks; of a known pair one is enough. By default the pair that is there, the published
        one first.
    recurrent_unit : {'GRU', 'LSTM'}, optional
    rnn_layers : int, optional
        Cell and layers of the gait weights, where neither the file's name (H3.6m-GRU-1.ckpt) nor its contents tell.
    crop : {'auto', 'background', 'pose', 'none'}
        As `method` of `crop_walker`.
    every : int
        Use one frame in so many.
    stream : int, optional
        Of files that hold several videos, as of `read_frames`.
    limits : Limits, optional
        Of frames, as of `read_frames`.
    batch_size : int
        Frames that go through the networks at once.
    precision : {'float32', 'bfloat16'}
        Of the pose network, see `HumanPoseIRNetwork`.
    n_jobs : int, optional
        Processes; they share this machine's cores. None is 1, or what joblib's context says. One that dies is replaced,
        with a warning, and what it was at is done again.
    cache : str or os.PathLike, optional
        Folder (made where missing) that keeps each vector under the contents of its walk, the weights and the
        parameters. An interrupted run goes on from there.
    on_error : {'raise', 'nan'}
        A walk that cannot be read, or shows nobody: stop, or warn and give a row of NaN.
    verbose : int
        joblib's: above 0 it reports progress.
    rate : float, optional
        Frames a second that the gait network gets, as of `walk_vector`.
    """

    def __init__(self, pose_weights=None, gait_weights=None, recurrent_unit=None, rnn_layers=None, crop='auto', every=1,
                 batch_size=BATCH_SIZE, precision='float32', n_jobs=None, cache=None, on_error='raise', verbose=0,
                 stream=None, limits=None, rate=RATE):
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
        self.stream = stream
        self.limits = limits
        self.rate = rate

    def fit(self, X, y=None):
        """Check the parameters; nothing is learnt from `X`."""
        check(CONSTRAINTS, self.get_params())
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

        Warns
        -----
        UserWarning
            What is to be known of a recording, such as damaged frames; a walk that has no vector.
        """
        vectors, remarks = self.transform_with_remarks(X)
        for number, said in enumerate(remarks):
            for remark in said:
                warnings.warn(f'walk {number}: {remark}', UserWarning, stacklevel=2)
        return vectors

    def transform_with_remarks(self, X):
        """The walks' vectors, and for each walk what is to be known of its recording, a list of str.

        Parameters
        ----------
        X
            As of `transform`.

        Returns
        -------
        vectors : np.ndarray, float32 (n, 512)
        remarks : list of list of str
        """
        found = list(self.outcomes(X))
        for number, outcome in enumerate(found):
            if outcome.problem:
                warn_caller(f'walk {number} has no vector: {outcome.problem}')
        return np.stack([outcome.vector for outcome in found]), [outcome.remarks for outcome in found]

    def outcomes(self, X, witness=None, describe=None):
        """Each walk's vector, or why there is none, in order, as soon as it is there.

        Parameters
        ----------
        X
            As of `transform`.
        witness : callable, optional
            Gives an object that stands in for the pose network and notes what it sees, such as `fitness.Witness`.
        describe : callable, optional
            What describes a walk instead of `walk_vector`, such as `evaluation.baselines.describe`: a function of a
            module, called with frames, pose network, `crop` and `batch_size`, that gives vector and track. The vector
            may have any length, and NaN where something is not known.

        Yields
        ------
        Outcome
        """
        check(CONSTRAINTS, self.get_params())
        if isinstance(X, (str, os.PathLike)) or getattr(X, 'ndim', 1) == 4:
            raise ValueError('X: expected a sequence of walks, got a single one: put it into a list')
        walks = list(X)
        if not walks:
            raise ValueError('X: expected at least one walk, got none')
        if self.cache is not None:
            os.makedirs(self.cache, exist_ok=True)
        warn_of_defaults(self.pose_weights, self.gait_weights)
        weights = choose_weights(self.pose_weights, self.gait_weights, self.recurrent_unit, self.rnn_layers,
                                 self.precision)
        digest = None if self.cache is None else weights.digest
        workers, parameters = workers_for(self.n_jobs), self.get_params()
        if workers.are_elsewhere:
            walks, weights = [from_anywhere(walk) for walk in walks], weights.from_anywhere()
            parameters['cache'] = self.cache and os.path.abspath(self.cache)
        work = functools.partial(_transform_one, parameters=parameters, weights=weights, digest=digest,
                                 threads=workers.threads, witness=witness, describe=describe)
        if workers.are_this_one:
            return map(work, walks)
        return each_answer(work, walks, workers, self.n_jobs, self.verbose)

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


def _transform_one(walk, parameters, weights, digest, threads, witness=None, describe=None):
    """The `Outcome` of one walk, in whatever process: from the cache, else by the networks."""
    p = parameters
    try:
        file, frames = None, read_frames(walk, p['every'], stream=p['stream'], limits=p['limits'] or Limits())
        if p['cache'] is not None:
            facts = (CACHE_VERSION, digest, weights.recurrent_unit, weights.rnn_layers, weights.precision, p['crop'],
                     p['every'], *([] if p['stream'] is None else [p['stream']]),
                     *([f'{describe.__module__}.{describe.__qualname__}'] if describe else _rate_facts(frames, p)))
            file = os.path.join(p['cache'], hashlib.sha256(digest_of(walk) + repr(facts).encode()).hexdigest() + '.npy')
            if (vector := _read_vector(file, describe is not None)) is not None:
                return Outcome(vector, _read_remarks(file), None, _read_check(file))
        pose_net, gait_net = _networks(weights, threads)
        watched = witness(pose_net) if witness else pose_net
        if describe:
            vector, track = describe(frames, watched, p['crop'], p['batch_size'])
        else:
            vector, track = walk_vector(frames, watched, gait_net, crop=p['crop'], batch_size=p['batch_size'],
                                        return_track=True, rate=p['rate'])
        check = watched.fitness(frames, track).as_dict() if witness else None
    except gait_checkpoints.CheckpointError:                            # the weights' fault, not this walk's
        raise
    except (ValueError, OSError) as error:
        if p['on_error'] == 'raise':
            raise
        return Outcome(np.full(VECTOR_SIZE, np.nan, np.float32), [], str(error), None)
    if file is not None:
        if track.remarks:                                               # first: with the vector there, they are too
            with gait_files.replacing(_remarks_file(file), 'w', shared=True, encoding='utf-8') as opened:
                json.dump(track.remarks, opened, ensure_ascii=False)
        if check is not None:
            with gait_files.replacing(_check_file(file), 'w', shared=True, encoding='utf-8') as opened:
                json.dump(check, opened, ensure_ascii=False)
        with gait_files.replacing(file, shared=True) as opened:
            np.save(opened, vector)
    return Outcome(vector, track.remarks, None, check)


def _networks(weights, threads):
    """Both networks; that they cannot be opened is no fault of a walk's."""
    try:
        return shared_networks(weights, threads_here() if threads == 0 else threads)
    except OSError as error:
        raise gait_checkpoints.CheckpointError(
            f'{error} (asked for on {platform.node()}: each machine needs the weights under the same path)') from error


def _rate_facts(frames, parameters):
    """What the cache knows of a walk's rate: nothing where the frames are taken as they come, as before 2.1."""
    return [('cubic', float(parameters['rate']))] if is_resampled(frames, parameters['rate']) else []


def digest_of(walk):
    """SHA-256 (bytes) of a walk's files or frames, wherever they lie: renaming or copying them does not change it.

    Parameters
    ----------
    walk : str, os.PathLike, array or sequence of arrays
        As `read_frames` takes it.
    """
    digest = hashlib.sha256()
    if isinstance(walk, (str, bytes, os.PathLike)) or are_paths(walk):
        for file in files_of(walk):
            gait_files.check_regular(file)
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


def _read_vector(file, is_other=False):
    """The vector in a file of the cache, or another description; None where there is none, or a damaged one."""
    try:
        vector = np.load(file, allow_pickle=False)
        is_whole = vector.ndim == 1 and vector.dtype == np.float32 and (
            is_other or (vector.shape == (VECTOR_SIZE,) and np.isfinite(vector).all()))
    except Exception:                                       # of every class: heads are parsed as Python
        return None
    return vector if is_whole else None


def _remarks_file(file):
    return os.path.splitext(file)[0] + '.json'


def _check_file(file):
    return os.path.splitext(file)[0] + '.check.json'


def _read_check(file):
    """How fit the recording is whose vector is in a file of the cache; None where nobody looked, as before 2.1."""
    try:
        with open(_check_file(file), encoding='utf-8') as opened:
            check = json.load(opened)
    except (OSError, ValueError, RecursionError):
        return None
    return check if isinstance(check, dict) else None


def _read_remarks(file):
    """What was to be said of the walk whose vector is in a file of the cache."""
    try:
        with open(_remarks_file(file), encoding='utf-8') as opened:
            return [str(remark) for remark in json.load(opened)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, RecursionError):
        return ['what was to be said of this walk is kept in a file that is damaged: delete the cache']
