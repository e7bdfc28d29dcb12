"""A gait network with a handful of weights, and what must hold of any file that is offered to it."""
import warnings

import numpy as np
import tensorflow.compat.v1 as tf
import tf_slim as slim

import gait_checkpoints
from gait_layers import gru_layer
from gait_nn import GaitNN
from tests.fuzz import REFUSED, RIGHT

FLOAT32 = float(np.finfo(np.float32).max)
tf.logging.set_verbosity(tf.logging.ERROR)


class TinyGait(GaitNN):
    """The mean over the pixels, one product, one cell of four units; restores and names variables as the real one."""
    NUM_UNITS = POSE_DESCRIPTOR = 4

    def _build_network(self, features, initial_state):
        weights = slim.model_variable('FullyConnected/weights', [32, self.POSE_DESCRIPTOR])
        with tf.variable_scope('Recurrent'), tf.variable_scope(gait_checkpoints.recurrent_prefix(0)):
            net, last = gru_layer(self._in_time(tf.reduce_mean(features, [1, 2]) @ weights), initial_state[0],
                                  self.NUM_UNITS)
        return net, [last]


def tensors():
    """Weights for it, and what a file may hold besides."""
    random = np.random.RandomState(5)
    with TinyGait() as net:
        shapes = {v.op.name: v.shape.as_list() for v in net.model_variables}
    values = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return {**values, 'global_step': np.int64(7), 'other/double': random.standard_normal(3), 'empty': np.zeros((0, 3))}


class Judge:
    """Offers files to one network and holds what comes against what may."""

    def __init__(self):
        self.net = TinyGait(seed=1)
        self.state = self.net.training_state()

    def __call__(self, path, allowed=None):
        """RIGHT or REFUSED; AssertionError where a tensor is read that is none of `allowed` (arrays, where given)."""
        allowed = allowed and {np.asarray(value).tobytes() for value in allowed}
        read = self._read(path)
        if read is not None and allowed:
            wrong = [name for name, value in read.items() if value.tobytes() not in allowed]
            assert not wrong, f'wrong values of {wrong}'
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')                     # that recurrent weights are initial ones
            try:
                report = self.net.restore(path)
            except (gait_checkpoints.CheckpointError, FileNotFoundError):
                self._unchanged()
                return REFUSED
        state = self.net.training_state()
        self.net.set_training_state(self.state)
        for name in report.restored:
            assert np.isfinite(state[name]).all(), f'{name} is not finite'
            if read is None:                                    # something else in the file is damaged
                assert not allowed or state[name].tobytes() in allowed, f'wrong {name}'
            else:
                assert np.array_equal(state[name], np.asarray(read[name], np.float32)), f'wrong {name}'
        return RIGHT

    def _unchanged(self):
        now = self.net.training_state()
        assert all(np.array_equal(now[name], self.state[name]) for name in now), 'a refused file changed the network'

    @staticmethod
    def _read(path):
        try:
            read = gait_checkpoints.read_checkpoint(path)
            shapes = gait_checkpoints.read_checkpoint_shapes(path)
            assert all(list(value.shape) == shapes[name] for name, value in read.items()), 'a tensor of another shape'
        except (gait_checkpoints.CheckpointError, FileNotFoundError):
            return None
        try:
            gait_checkpoints.fingerprint(path)
        except gait_checkpoints.CheckpointError:
            with np.errstate(invalid='ignore'):             # a NaN that signals
                largest = [np.abs(np.asarray(value, np.float64)).max(initial=0) for value in read.values()]
            assert not all(each <= FLOAT32 for each in largest), 'no fingerprint of finite weights'
        return read
