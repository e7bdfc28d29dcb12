"""From a walk to its identification vector: one (`walk_vector`), or many, as a step of scikit-learn (`GaitVectors`).

Whose walk it is (`gallery`) and the networks themselves are not known here. TensorFlow is loaded only by what needs
weights.
"""
import functools
import hashlib
import itertools
import os
import threading
import warnings

import joblib
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

import gait_checkpoints
import gait_files
from gait_recognition.frames import Frames, picture_files, read_frames
from gait_recognition.prefetch import ahead
from gait_recognition.tracking.crops import METHODS, crop_walker
from gait_recognition.tracking.track import MIN_FRAMES

VECTOR_SIZE = 512


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
        for file in [path] if os.path.isfile(path) else picture_files(path):
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
