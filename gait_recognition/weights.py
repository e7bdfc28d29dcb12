"""Which weights: the files of both networks, how the networks are built on them, one fingerprint for both.

Reading files of weights is `gait_checkpoints`' matter. TensorFlow is loaded only by what opens networks.
"""
import contextlib
import dataclasses
import functools
import gc
import importlib
import os
import re
import sys
import tempfile
import threading

import gait_checkpoints
import gait_processor
from gait_checkpoints import warn_caller

_DIGESTS = {}                   # by files and their state
_OPENING = threading.Lock()


def _state_of(*names):
    """Sizes and times of checkpoints' files."""
    stats = [os.stat(path) for name in names
             for path in (name, f'{name}.index', name + gait_checkpoints.DATA_SUFFIX) if os.path.isfile(path)]
    return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)


@dataclasses.dataclass(frozen=True)
class Weights:
    """The files of both networks and how the networks are built: parameters of `vectors.GaitVectors`.

    Attributes
    ----------
    pose_weights, gait_weights : str
    recurrent_unit : {'GRU', 'LSTM'}
    rnn_layers : int
    precision : {'float32', 'bfloat16'}
    """
    pose_weights: str
    gait_weights: str
    recurrent_unit: str
    rnn_layers: int
    precision: str = 'float32'

    @functools.cached_property
    def files(self):
        """Both files, each read once for the fingerprint and the networks."""
        return gait_checkpoints.WeightsFile(self.pose_weights), gait_checkpoints.WeightsFile(self.gait_weights)

    @property
    def state(self):
        """What tells whether the files have changed since they were read."""
        return _state_of(self.pose_weights, self.gait_weights)

    @property
    def digest(self):
        """Of both files' tensors, however they are stored; computed once while the files stay as they are."""
        key = self.pose_weights, self.gait_weights, self.state
        if key not in _DIGESTS:
            _DIGESTS[key] = gait_checkpoints.fingerprint_of(
                *(file.read(gait_checkpoints.is_weight) for file in self.files))
        return _DIGESTS[key]

    @property
    def fingerprint(self):
        """What a gallery knows these weights by; the same tensors in another network make other vectors."""
        network = f'{self.recurrent_unit}-{self.rnn_layers}'
        return f'{self.digest}-{network}' + ('' if self.precision == 'float32' else f'-{self.precision}')

    def from_anywhere(self):
        """The same, by whole paths: for processes of another working folder."""
        return dataclasses.replace(self, pose_weights=os.path.abspath(self.pose_weights),
                                   gait_weights=os.path.abspath(self.gait_weights))

    def __getstate__(self):
        """The fields alone travel to other processes, not what was read."""
        return dataclasses.asdict(self)

    def __str__(self):
        layers = '1 layer' if self.rnn_layers == 1 else f'{self.rnn_layers} layers'
        return f'{self.pose_weights} with {self.gait_weights} ({self.recurrent_unit}, {layers}, {self.precision})'


def choose_weights(pose=None, gait=None, recurrent_unit=None, rnn_layers=None, precision='float32'):
    """The weights of both networks: those named, the named ones and their partner, or the default pair.

    Parameters
    ----------
    pose, gait : str, os.PathLike or gait_checkpoints.WeightsFile, optional
        Checkpoints.
    recurrent_unit, rnn_layers : optional
        Of the gait weights, where neither the file's name nor its contents tell.
    precision : {'float32', 'bfloat16'}

    Returns
    -------
    Weights

    Raises
    ------
    FileNotFoundError
    ValueError
        One is named and its partner is not known; or `network_of` the gait weights.
    """
    return weights_of(find_pair(pose, gait), recurrent_unit, rnn_layers, precision)


def weights_of(pair, recurrent_unit=None, rnn_layers=None, precision='float32'):
    """`Weights` of two files that were found (`find_pair`); arguments as of `choose_weights`."""
    weights = Weights(*map(str, pair), *network_of(pair[1], recurrent_unit, rnn_layers), precision)
    vars(weights)['files'] = pair                           # found once, read once
    return weights


def find_pair(pose=None, gait=None):
    """The files of both networks, two `gait_checkpoints.WeightsFile`, as `choose_weights` finds them."""
    if pose is None and gait is None:
        pair = gait_checkpoints.default_pair()
        return gait_checkpoints.WeightsFile(pair.pose), gait_checkpoints.WeightsFile(pair.gait)
    if pose is None or gait is None:
        return _with_partner(pose, gait)
    files = gait_checkpoints.weights_file(pose), gait_checkpoints.weights_file(gait)
    names = tuple(map(os.path.basename, files))
    partners = {pair.gait: pair.pose for pair in gait_checkpoints.KNOWN_PAIRS}
    partner = partners.get(names[1])
    if partner and names[0] in partners.values() and names[0] != partner:
        warn_caller(f'{names[1]} was trained on the features of {partner}, not of {names[0]}: vectors of this pair '
                    'tell people apart badly')
    return files


def warn_of_defaults(pose=None, gait=None):
    """Say once, where neither file is named and vectors are about to be made, that the default ones are no published
    ones."""
    if pose is None and gait is None:
        warn_caller(gait_checkpoints.default_pair().notice, once=True)


def find_pose_weights(pose=None):
    """The path of the pose network's weights: those named, else `gait_checkpoints.default_pose`."""
    if pose is not None:
        return gait_checkpoints.locate(pose)
    known = gait_checkpoints.default_pose()
    warn_caller(known.notice, once=True)
    return known.pose


def _with_partner(pose, gait):
    """Both files of a known pair, one of which was named."""
    given, missing = (pose, 'gait_weights') if gait is None else (gait, 'pose_weights')
    given = gait_checkpoints.weights_file(given)
    for pair in gait_checkpoints.KNOWN_PAIRS:
        if os.path.basename(given) in pair[:2]:
            beside = [os.path.join(os.path.dirname(given.path), name) for name in pair[:2]]
            try:
                return tuple(given if path == given.path else gait_checkpoints.WeightsFile(path) for path in beside)
            except FileNotFoundError:
                return tuple(given if name == os.path.basename(given) else
                             gait_checkpoints.WeightsFile(gait_checkpoints.find_weights(name)) for name in pair[:2])
    raise ValueError(f'{given}: which weights belong to it is not known; name them, too: {missing} '
                     f'(--{missing.replace("_", "-")})')


def network_of(gait, recurrent_unit=None, rnn_layers=None):
    """Recurrent unit and number of layers of gait weights, from what was said, the file's name and its contents.

    One cell in a file tells the unit, but not the number of layers: from TensorFlow 1.2 on all layers of the original
    share it.

    Returns
    -------
    (str, int)

    Raises
    ------
    ValueError
        They contradict each other, or nothing tells.
    """
    named = re.search(r'(?:^|[-_])(GRU|LSTM)-(\d+)(?!\d)', os.path.basename(gait), re.IGNORECASE)
    held = gait_checkpoints.describe_recurrent(gait_checkpoints.weights_file(gait).shapes)
    unit = _agreed(gait, 'the recurrent unit', {
        'recurrent_unit (--recurrent-unit)': recurrent_unit, 'its name': named and named[1].upper(),
        'its contents': held and held[0]})
    layers = _agreed(gait, 'the number of recurrent layers', {
        'rnn_layers (--rnn-layers)': rnn_layers, 'its name': named and int(named[2]),
        'its contents': held[1] if held and held[1] > 1 else None})
    wanted = {'--recurrent-unit': unit, '--rnn-layers': layers}
    missing = [option for option, value in wanted.items() if value is None]
    if missing:
        raise ValueError(f'{gait}: neither its name (as best-GRU-1.ckpt would) nor its contents tell its recurrent '
                         f'layers: say {" and ".join(missing)}')
    return unit, layers


def _agreed(path, what, claims):
    """The value that all sources claim who claim any; None where nobody does."""
    claims = {source: value for source, value in claims.items() if value is not None}
    if len(set(claims.values())) > 1:
        raise ValueError(f'{path}: {what} is ' +
                         ', but '.join(f'{value} by {source}' for source, value in claims.items()))
    return next(iter(claims.values()), None)


def choose_kernels():
    """Let TensorFlow, where it is not loaded yet, take the kernels that are faster here; processes that are started
    from here on inherit that. For commands and scripts: it sets an environment variable, unless the user has.
    """
    value = gait_processor.kernels_to_choose(gait_processor.processor_flags(), os.environ)
    if value is not None and 'tensorflow' not in sys.modules:
        os.environ[gait_processor.KERNELS] = value


def load_tensorflow(verbose=False):
    """Load TensorFlow and the networks for a command, with the kernels that are faster, silently unless `verbose`."""
    choose_kernels()
    if 'tensorflow' in sys.modules:
        importlib.import_module('human_pose_nn')
        return
    with contextlib.nullcontext() if verbose else _first_lines_kept_back(), _without_keras(), _without_collecting():
        importlib.import_module('human_pose_nn')


def load_reader(weights, verbose=False):
    """`load_tensorflow` where it is what reads these `Weights`, which are checkpoints, before a fingerprint does."""
    if not all(file.is_compact for file in weights.files):
        load_tensorflow(verbose)


@contextlib.contextmanager
def _first_lines_kept_back():
    """TensorFlow's first lines come before its own log level holds: what is written to file descriptor 2 meanwhile is
    kept back, and shown if loading fails."""
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')      # its errors come as exceptions, too
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as kept_back:
        os.dup2(kept_back.fileno(), 2)
        try:
            yield
        except Exception:
            kept_back.seek(0)
            os.write(stderr, kept_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


@contextlib.contextmanager
def _without_keras():
    """TensorFlow loads Keras where it can, and Keras scikit-learn's and matplotlib's plots: a second for what is not
    used here. It does without where they are missing, and loads them when they are asked for."""
    hidden = [name for name in ('keras', 'tf_keras') if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


@contextlib.contextmanager
def _without_collecting():
    """What modules define is never garbage: looking for some takes half a second of loading TensorFlow, and time
    later."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


class SameWeights:
    """Notices that networks got other weights, by another thread, while something was computed in several calls."""

    def __init__(self, *networks):
        self._before = [(network, self._version_of(network)) for network in networks]

    @staticmethod
    def _version_of(network):
        return getattr(network, 'weights_version', None)                # a stand-in has none

    def check(self, name):
        """RuntimeError, with what was computed, where they did."""
        if any(self._version_of(network) != version for network, version in self._before):
            raise RuntimeError(f'{name}: the weights were replaced while it was looked at; ask again')


def open_pose_network(file, precision='float32', config=None, *, pairs=True, **options):
    """The pose network, restored, for the caller to close (`with`).

    Parameters
    ----------
    file : str, os.PathLike or gait_checkpoints.WeightsFile
    precision : {'float32', 'bfloat16'}
    config : tf.compat.v1.ConfigProto, optional
    pairs : bool
        Ankles, knees, wrists and elbows are decided in pairs, which the class does where it is asked to.
    **options
        Others of `HumanPoseIRNetwork`.
    """
    from human_pose_nn import HumanPoseIRNetwork

    pose_net = HumanPoseIRNetwork(session_config=config, precision=precision, pairs=pairs, **options)
    try:
        pose_net.restore(file)
    except BaseException:
        pose_net.close()
        raise
    return pose_net


def open_networks(weights, threads=None):
    """Pose and gait network, restored.

    Parameters
    ----------
    weights : Weights
    threads : int, optional
        That each network's session may use; by default all.

    Returns
    -------
    HumanPoseIRNetwork, GaitNetwork
        For the caller to close.
    """
    import tensorflow.compat.v1 as tf

    from gait_nn import GaitNetwork

    config = None if threads is None else tf.ConfigProto(intra_op_parallelism_threads=threads)
    with contextlib.ExitStack() as opened:                  # closes what is open where something fails
        pose_net = opened.enter_context(open_pose_network(weights.files[0], weights.precision, config))
        gait_net = opened.enter_context(GaitNetwork(recurrent_unit=weights.recurrent_unit,
                                                    rnn_layers=weights.rnn_layers, session_config=config))
        gait_net.restore(weights.files[1])
        opened.pop_all()
    for file in weights.files:
        file.forget()
    return pose_net, gait_net


def shared_networks(weights, threads=None):
    """`open_networks`, kept until others are asked for, or a file has changed."""
    with _OPENING:
        return _kept_open(weights, threads, weights.state)


def shared_pose_network(path):
    """The pose network with these weights, kept until others are asked for."""
    with _OPENING:
        return _kept_open_pose(path, _state_of(path))


@functools.lru_cache(maxsize=1)
def _kept_open(weights, threads, state):
    return open_networks(weights, threads)


@functools.lru_cache(maxsize=1)
def _kept_open_pose(path, state):
    return open_pose_network(path)
