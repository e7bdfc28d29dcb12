"""Which weights: the files of both networks, how the networks are built on them, one fingerprint for both.

Reading files of weights is `gait_checkpoints`' matter. TensorFlow is loaded only by what opens networks.
"""
import contextlib
import importlib
import os
import re
import sys
import tempfile
import warnings
from typing import NamedTuple

import gait_checkpoints

PRECISIONS = ('float32', 'bfloat16')


class Weights(NamedTuple):
    """The files of both networks and how the networks are built: arguments of `GaitVectors`."""
    pose_weights: str
    gait_weights: str
    recurrent_unit: str
    rnn_layers: int
    precision: str = 'float32'

    def fingerprint(self):
        """What a gallery knows these weights by; the same tensors in another network make other vectors."""
        tensors = gait_checkpoints.fingerprint(self.pose_weights, self.gait_weights)
        network = f'{self.recurrent_unit}-{self.rnn_layers}'
        return f'{tensors}-{network}' + ('' if self.precision == 'float32' else f'-{self.precision}')

    def __str__(self):
        layers = '1 layer' if self.rnn_layers == 1 else f'{self.rnn_layers} layers'
        return f'{self.pose_weights} with {self.gait_weights} ({self.recurrent_unit}, {layers}, {self.precision})'


def find_pair(pose=None, gait=None):
    """The files of both networks: those named, the named one and its partner, or the first pair that is there.

    Parameters
    ----------
    pose, gait : str, optional
        Checkpoints.

    Returns
    -------
    (str, str)

    Raises
    ------
    FileNotFoundError
    ValueError
        One is named and its partner is not known.
    """
    if pose is None and gait is None:
        pose, gait = gait_checkpoints.default_weights()
        _say_if_shipped(pose)
    elif pose is None or gait is None:
        pose, gait = _with_partner(pose, gait)
    pair = gait_checkpoints.locate(pose), gait_checkpoints.locate(gait)
    names = tuple(map(os.path.basename, pair))
    poses, gaits = zip(*gait_checkpoints.DEFAULT_PAIRS)
    if names[0] in poses and names[1] in gaits and names not in gait_checkpoints.DEFAULT_PAIRS:
        warnings.warn(f'{names[1]} was trained on the features of {poses[gaits.index(names[1])]}, not of {names[0]}: '
                      'vectors of this pair tell people apart badly', UserWarning, stacklevel=2)
    return pair


def find_pose_weights(pose=None):
    """The path of the pose network's weights: those named, else the first of `DEFAULT_POSES` that is there."""
    if pose is None:
        pose, = gait_checkpoints.default_weights(gait_checkpoints.DEFAULT_POSES)
        _say_if_shipped(pose)
    return gait_checkpoints.locate(pose)


def _say_if_shipped(pose):
    if pose.name == gait_checkpoints.DEFAULT_PAIRS[-1][0]:
        warnings.warn(f'using {pose}, weights trained on synthetic walkers; for people get the published ones: '
                      'gait-recognition fetch', UserWarning, stacklevel=3)


def _with_partner(pose, gait):
    """Both files of a pair of the table, one of which was named."""
    given, missing = (pose, '--gait-weights') if gait is None else (gait, '--pose-weights')
    given = gait_checkpoints.locate(given)
    for pair in gait_checkpoints.DEFAULT_PAIRS:
        if os.path.basename(given) in pair:
            beside = [os.path.join(os.path.dirname(given), name) for name in pair]
            try:
                return tuple(gait_checkpoints.locate(path) for path in beside)
            except FileNotFoundError:
                return tuple(given if name == os.path.basename(given) else gait_checkpoints.find_weights(name)
                             for name in pair)
    raise ValueError(f'{given}: which weights belong to it is not known; name them by {missing}')


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
    held = gait_checkpoints.describe_recurrent(gait_checkpoints.read_checkpoint_shapes(gait))
    unit = _agreed(gait, 'the recurrent unit', {
        '--recurrent-unit': recurrent_unit, 'its name': named and named[1].upper(), 'its contents': held and held[0]})
    layers = _agreed(gait, 'the number of recurrent layers', {
        '--rnn-layers': rnn_layers, 'its name': named and int(named[2]),
        'its contents': held[1] if held and held[1] > 1 else None})
    missing = [option for option, value in (('--recurrent-unit', unit), ('--rnn-layers', layers)) if value is None]
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


def load_tensorflow(verbose=False):
    """Load TensorFlow and the networks, silently unless `verbose`.

    TensorFlow's first lines come before its own log level holds, so what is written to file descriptor 2 meanwhile is
    kept back, and shown if loading fails.
    """
    if verbose or 'tensorflow' in sys.modules:
        importlib.import_module('human_pose_nn')
        return
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')      # its errors come as exceptions, too
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as kept_back:
        os.dup2(kept_back.fileno(), 2)
        try:
            importlib.import_module('human_pose_nn')
        except Exception:
            kept_back.seek(0)
            os.write(stderr, kept_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


@contextlib.contextmanager
def open_pose_network(path, precision):
    """The pose network, restored, for the block."""
    from human_pose_nn import HumanPoseIRNetwork

    with HumanPoseIRNetwork(precision=precision) as pose_net:
        pose_net.restore(path)
        yield pose_net


@contextlib.contextmanager
def open_networks(weights):
    """Pose and gait network, restored, for the block."""
    from gait_nn import GaitNetwork

    with open_pose_network(weights.pose_weights, weights.precision) as pose_net, \
            GaitNetwork(recurrent_unit=weights.recurrent_unit, rnn_layers=weights.rnn_layers) as gait_net:
        gait_net.restore(weights.gait_weights)
        yield pose_net, gait_net
