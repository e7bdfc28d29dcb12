"""Convolution, batch norm, dropout, recurrent layers, the training step."""
import contextlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

import gait_layers
from gait_layers import (
    batch_norm,
    computing_in,
    dropout,
    folded_convolution,
    gru_layer,
    lstm_layer,
    minimise,
    normalised_weights,
    quicker_gradients,
    scaled_convolution,
)
from gait_network import quiet_slim

RANDOM = np.random.RandomState


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def load(variable, value, session):
    session.run(variable.initializer, {variable.initializer.inputs[1]: value})


def test_dropout_keeps_the_share_asked_for_scaled_up_and_drops_by_the_step():
    def run(step, seed=5, keep=0.7):
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(seed)
            return session.run(dropout(tf.ones((100, 100)), keep, tf.constant(step, tf.int64)))
    first = run(0)
    assert set(np.unique(first)) == {0, np.float32(1 / 0.7)}
    assert (first > 0).mean() == pytest.approx(0.7, abs=0.02)
    np.testing.assert_array_equal(run(0), first)                    # a resumed run drops what it would have dropped
    assert not np.array_equal(run(1), first) and not np.array_equal(run(0, seed=6), first)
    np.testing.assert_array_equal(run(0, keep=1.0), 1)


# --- Batch norm ------------------------------------------------------------------------------------------------------

class Norm:
    """A batch norm over a fixed input, in a graph and session of its own."""

    def __init__(self, inputs, **arguments):
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.inputs = tf.constant(inputs, tf.float32)
            self.outputs = batch_norm(self.inputs, **arguments)
            self.variables = {v.op.name.split('/')[-1]: v for v in tf.global_variables()}
            self.updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
            self.session = tf.Session()
            self.session.run(tf.global_variables_initializer())

    def run(self, fetches):
        return self.session.run(fetches)

    def set(self, **arrays):
        for name, array in arrays.items():
            load(self.variables[name], array, self.session)


BATCH = RANDOM(0).standard_normal((2, 2, 2, 3)).astype(np.float32) * 3 + 1          # 8 values a channel
MEAN, BIASED = BATCH.mean((0, 1, 2)), BATCH.var((0, 1, 2))


def test_batch_norm_makes_beta_and_the_two_averages_in_this_order_and_no_gamma():
    norm = Norm(BATCH)
    names = [v.op.name for v in norm.graph.get_collection(tf.GraphKeys.MODEL_VARIABLES)]
    assert names == ['BatchNorm/beta', 'BatchNorm/moving_mean', 'BatchNorm/moving_variance']
    assert [v.op.name for v in norm.graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)] == ['BatchNorm/beta']


def test_in_training_the_batchs_own_mean_and_biased_variance_normalise():
    norm = Norm(BATCH, epsilon=0.01)
    norm.set(beta=[1.0, 2.0, 3.0], moving_mean=[9.0] * 3, moving_variance=[9.0] * 3)
    np.testing.assert_allclose(norm.run(norm.outputs), (BATCH - MEAN) / np.sqrt(BIASED + 0.01) + [1, 2, 3], atol=1e-5)


@pytest.mark.parametrize('decay', [0.999, 0.9, 0.25])
def test_an_update_moves_the_averages_by_one_minus_decay_towards_the_biased_statistics(decay):
    norm = Norm(BATCH, decay=decay)
    old_mean, old_variance = np.array([0.5, -1.0, 2.0]), np.array([4.0, 1.0, 30.0])
    norm.set(moving_mean=old_mean, moving_variance=old_variance)
    norm.run(norm.updates)
    mean, variance = norm.run([norm.variables['moving_mean'], norm.variables['moving_variance']])
    np.testing.assert_allclose(mean, decay * old_mean + (1 - decay) * MEAN, rtol=1e-5)
    np.testing.assert_allclose(variance, decay * old_variance + (1 - decay) * BIASED, rtol=1e-5)


def test_many_updates_settle_at_the_biased_variance_not_at_the_fused_kernels():
    norm = Norm(BATCH, decay=0.5)
    for _ in range(40):
        norm.run(norm.updates)
    np.testing.assert_allclose(norm.run(norm.variables['moving_variance']), BIASED, rtol=1e-5)      # not 8 / 7 of it


def test_the_averages_move_only_when_the_update_operations_run():
    norm = Norm(BATCH)
    assert len(norm.updates) == 2
    norm.run(norm.outputs)
    np.testing.assert_array_equal(norm.run(norm.variables['moving_mean']), 0)
    np.testing.assert_array_equal(norm.run(norm.variables['moving_variance']), 1)


def test_a_single_value_a_channel_has_variance_zero():
    norm = Norm(BATCH[:1, :1, :1], decay=0.5)
    norm.run(norm.updates)
    np.testing.assert_allclose(norm.run(norm.variables['moving_variance']), 0.5)


def test_in_inference_the_moving_averages_normalise_and_nothing_is_to_be_updated():
    norm = Norm(BATCH, is_training=False, epsilon=0.01)
    mean, variance = np.array([0.5, -1.0, 2.0]), np.array([4.0, 1.0, 30.0])
    norm.set(beta=[1.0, 2.0, 3.0], moving_mean=mean, moving_variance=variance)
    expected = (BATCH - mean) / np.sqrt(variance + 0.01) + [1, 2, 3]
    np.testing.assert_allclose(norm.run(norm.outputs), expected, rtol=1e-5, atol=1e-6)
    assert norm.updates == []


def test_batch_norm_applies_its_activation():
    np.testing.assert_array_equal(Norm(BATCH, activation_fn=tf.nn.relu).outputs.shape.as_list(), BATCH.shape)
    norm = Norm(BATCH, activation_fn=tf.nn.relu)
    np.testing.assert_allclose(norm.run(norm.outputs), np.maximum((BATCH - MEAN) / np.sqrt(BIASED + 0.001), 0),
                               atol=1e-5)


def test_batch_norm_can_reuse_its_variables_under_a_scope():
    with tf.Graph().as_default():
        batch_norm(tf.constant(BATCH), scope='norm')
        batch_norm(tf.constant(BATCH), scope='norm', reuse=True, is_training=False)
        assert len(tf.global_variables()) == 3


def test_gradients_of_batch_norm_are_those_of_the_formula():
    """Against central differences of the formula in float64, the batch's statistics differentiated too."""
    weights = RANDOM(1).standard_normal(BATCH.shape)

    def formula(x):
        return (weights * (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 0.001)).sum()

    norm = Norm(BATCH)
    with norm.graph.as_default():
        gradient = norm.run(tf.gradients(tf.reduce_sum(norm.outputs * weights.astype(np.float32)), norm.inputs)[0])
    np.testing.assert_allclose(gradient, central_difference(formula, BATCH), atol=1e-4)


def central_difference(function, at, step=1e-5):
    at = np.asarray(at, np.float64)
    slope = np.empty_like(at)
    for index in np.ndindex(at.shape):
        moved = [at.copy(), at.copy()]
        moved[0][index] += step
        moved[1][index] -= step
        slope[index] = (function(moved[0]) - function(moved[1])) / (2 * step)
    return slope


# --- Recurrent layers ------------------------------------------------------------------------------------------------

UNITS, DEPTH, STEPS = 4, 3, 6
SEQUENCE = RANDOM(2).standard_normal((STEPS, DEPTH)).astype(np.float32)


def gru_loop(x, h, gates, gates_bias, candidate, candidate_bias):
    """TensorFlow 1's GRU, one step after the other."""
    outputs = []
    for frame in x:
        r, u = np.split(sigmoid(np.concatenate([frame, h]) @ gates + gates_bias), 2)
        c = np.tanh(np.concatenate([frame, r * h]) @ candidate + candidate_bias)
        h = u * h + (1 - u) * c
        outputs.append(h)
    return np.array(outputs), h


def lstm_loop(x, state, kernel, bias):
    """TensorFlow 1's LSTM with its forget bias of one."""
    c, h = state
    outputs = []
    for frame in x:
        i, j, f, o = np.split(np.concatenate([frame, h]) @ kernel + bias, 4)
        c = sigmoid(f + 1.0) * c + sigmoid(i) * np.tanh(j)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs), (c, h)


class Recurrent:
    """A recurrent layer with random weights, its variables in the order of creation, and the NumPy loop beside it."""

    def __init__(self, cell):
        self.cell = cell
        states = (1, UNITS) if cell == 'GRU' else (2, UNITS)
        self.initial = RANDOM(3).standard_normal(states).astype(np.float32)
        with tf.Graph().as_default() as graph:
            parts = [tf.constant(part[None]) for part in self.initial]
            layer, start = (gru_layer, parts[0]) if cell == 'GRU' else (lstm_layer, tuple(parts))
            self.inputs = tf.constant(SEQUENCE)
            outputs, state = layer(self.inputs[:, None], start, UNITS)
            self.outputs, self.state = outputs[:, 0], state
            self.variables = tf.global_variables()
            self.gradients = tf.gradients(self.outputs, [self.inputs, *self.variables])
            self.session = tf.Session(graph=graph)
            self.session.run(tf.global_variables_initializer())
            self.initial_weights = self.session.run(self.variables)
            self.weights = [RANDOM(i).standard_normal(v.shape.as_list()) for i, v in enumerate(self.variables)]
            for variable, weights in zip(self.variables, self.weights):
                load(variable, weights, self.session)

    def loop(self, inputs=SEQUENCE, weights=None):
        initial = self.initial[0] if self.cell == 'GRU' else tuple(self.initial)
        return (gru_loop if self.cell == 'GRU' else lstm_loop)(inputs, initial, *(weights or self.weights))


@pytest.fixture(scope='module', params=['GRU', 'LSTM'])
def recurrent(request):
    return Recurrent(request.param)


def test_recurrent_layers_are_the_loop_of_tensorflow_1s_cells(recurrent):
    outputs, state = recurrent.session.run([recurrent.outputs, recurrent.state])
    expected, last = recurrent.loop()
    assert outputs.shape == (STEPS, UNITS)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    np.testing.assert_allclose(np.squeeze(state), np.squeeze(last), atol=1e-5)


@pytest.mark.parametrize('cell', ['GRU', 'LSTM'])
def test_the_sequences_of_a_batch_do_not_touch_each_other(cell):
    layer, states = (gru_layer, 1) if cell == 'GRU' else (lstm_layer, 2)
    sequences = RANDOM(6).standard_normal((STEPS, 3, *SEQUENCE.shape[1:]))                      # (T, B, N)
    initial = RANDOM(7).standard_normal((states, 3, UNITS))                                     # (states, B, U)
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        def outputs_and_state(chosen):
            parts = [tf.constant(part[chosen], tf.float32) for part in initial]
            with tf.variable_scope('layer', reuse=tf.AUTO_REUSE):
                return layer(tf.constant(sequences[:, chosen], tf.float32), parts[0] if cell == 'GRU' else tuple(parts),
                             UNITS)

        together, alone = outputs_and_state([0, 1, 2]), [outputs_and_state([i]) for i in range(3)]
        session.run(tf.global_variables_initializer())
        (outputs, state), alone = session.run([together, alone])
    assert outputs.shape == (STEPS, 3, UNITS)
    np.testing.assert_allclose(outputs, np.concatenate([o for o, _ in alone], axis=1), atol=1e-6)
    np.testing.assert_allclose(state, np.concatenate([s for _, s in alone], axis=-2), atol=1e-6)


def test_recurrent_variables_have_the_names_of_tensorflow_12_on_and_are_model_variables(recurrent):
    names = {'GRU': ['gru_cell/gates/kernel', 'gru_cell/gates/bias', 'gru_cell/candidate/kernel',
                     'gru_cell/candidate/bias'], 'LSTM': ['lstm_cell/kernel', 'lstm_cell/bias']}[recurrent.cell]
    assert [v.op.name for v in recurrent.variables] == names
    graph = recurrent.session.graph
    assert [v.op.name for v in graph.get_collection(tf.GraphKeys.MODEL_VARIABLES)] == names


def test_recurrent_biases_start_at_one_for_grus_gates_and_at_zero_else(recurrent):
    for variable, start in zip(recurrent.variables, recurrent.initial_weights):
        if variable.op.name.endswith('bias'):
            np.testing.assert_array_equal(start, 1.0 if 'gates' in variable.op.name else 0.0)
        else:
            limit = np.sqrt(6 / sum(start.shape))                           # Glorot uniform
            assert 0.5 * limit < np.abs(start).max() <= limit


def test_gradients_flow_through_time_to_inputs_and_weights(recurrent):
    """Against central differences of the loop in float64."""
    gradients = recurrent.session.run(recurrent.gradients)
    slope = central_difference(lambda x: recurrent.loop(x)[0].sum(), SEQUENCE)
    np.testing.assert_allclose(gradients[0], slope, atol=1e-4)
    for i, gradient in enumerate(gradients[1:]):
        def total(changed, i=i):
            weights = recurrent.weights[:i] + [changed] + recurrent.weights[i + 1:]
            return recurrent.loop(weights=weights)[0].sum()
        np.testing.assert_allclose(gradient, central_difference(total, recurrent.weights[i]), atol=1e-4)


# --- The training step -----------------------------------------------------------------------------------------------

class Step:
    """One step on loss = sum(factor * w), whose gradient is `factor`; a second variable is not part of the loss."""

    def __init__(self, factor, clip_norm, rate=0.1):
        with tf.Graph().as_default() as graph:
            self.w = tf.get_variable('w', initializer=np.array([1.0, 2.0], np.float32))
            self.other = tf.get_variable('other', initializer=np.float32(5.0))
            self.counter = tf.get_variable('counter', initializer=0, trainable=False)
            self.step = tf.get_variable('step', (), tf.int64, tf.zeros_initializer(), trainable=False)
            loss = tf.reduce_sum(self.w * np.array(factor, np.float32))
            self.fetches = minimise(loss, tf.constant(rate), clip_norm, [self.w, self.other], self.step,
                                    [self.counter.assign_add(1)])
            self.session = tf.Session(graph=graph)
            self.session.run(tf.global_variables_initializer())


def test_steps_are_rmsprop_with_accumulators_that_start_at_one():
    step = Step([0.3, -0.4], clip_norm=1e9)
    w, mean_square = np.array([1.0, 2.0]), np.ones(2)
    for _ in range(3):
        step.session.run(step.fetches)
        mean_square = 0.9 * mean_square + 0.1 * np.square([0.3, -0.4])
        w = w - 0.1 * np.array([0.3, -0.4]) / np.sqrt(mean_square + 1e-10)
    np.testing.assert_allclose(step.session.run(step.w), w, rtol=1e-6)


def test_gradients_are_clipped_to_the_global_norm_and_both_norms_are_told():
    step = Step([3.0, -4.0], clip_norm=0.5)
    _, norm, clipped = step.session.run(step.fetches)
    assert (norm, clipped) == (pytest.approx(5.0), pytest.approx(0.5))
    expected = [1.0, 2.0] - 0.1 * np.array([0.3, -0.4]) / np.sqrt(0.9 + 0.1 * np.square([0.3, -0.4]))
    np.testing.assert_allclose(step.session.run(step.w), expected, rtol=1e-6)


def test_a_step_is_counted_runs_the_updates_and_leaves_what_the_loss_does_not_depend_on():
    step = Step([1.0, 1.0], clip_norm=1.0)
    for _ in range(2):
        step.session.run(step.fetches[0])
    assert step.session.run([step.step, step.counter, step.other]) == [2, 2, 5.0]


def layers_of_slim(images, layers, kernel, **arguments):
    """What `folded_convolution` is to give, layer by layer, from slim's convolutions with `batch_norm`."""
    with slim.arg_scope([batch_norm], is_training=False), computing_in(images.dtype.name):
        return tf.concat([slim.conv2d(images, width, kernel, scope=scope, normalizer_fn=batch_norm, **arguments)
                          for scope, width in layers], 3)


@pytest.mark.parametrize('few', [True, False], ids=['few weights', 'many weights'])
@pytest.mark.parametrize('precision, error', [('float32', 1e-5), ('bfloat16', 0.05)])
def test_a_folded_convolution_gives_what_slims_layers_give_with_the_same_variables(monkeypatch, precision, error, few):
    monkeypatch.setattr(gait_layers, 'FOLDED', 1000 if few else 0)
    layers = [('one', 4), ('A/two', 5), ('B/two', 3)]
    arguments = {'stride': 2, 'padding': 'VALID'}
    random = RANDOM(0)
    with tf.Graph().as_default(), tf.variable_scope('net') as scope, quiet_slim():
        images = tf.cast(tf.constant(random.uniform(-1, 1, (2, 9, 9, 6)).astype(np.float32)), precision)
        folded = folded_convolution(images, [normalised_weights(name, (1, 3), 6, width) for name, width in layers],
                                    **arguments)
        variables = tf.global_variables()
        assert [v.op.name for v in variables] == [
            f'net/{name}/{leaf}' for name, _ in layers
            for leaf in ('weights', 'BatchNorm/beta', 'BatchNorm/moving_mean', 'BatchNorm/moving_variance')]
        assert tf.get_collection(tf.GraphKeys.MODEL_VARIABLES) == variables
        assert [v.op.name for v in tf.trainable_variables()] == [v.op.name for v in variables
                                                                 if 'moving' not in v.op.name]
        scope.reuse_variables()
        expected = layers_of_slim(images, layers, (1, 3), **arguments)
        assert tf.global_variables() == variables and folded.dtype == expected.dtype == precision
        with tf.Session() as session:
            for variable in variables:
                low = 0.5 if 'variance' in variable.op.name else -1.0
                session.run(variable.assign(random.uniform(low, 1.0, variable.shape)))
            found, expected = session.run([tf.cast(net, tf.float32) for net in (folded, expected)])
    assert found.shape == (2, 5, 4, 12) and (expected > 0).any((0, 1, 2)).all()
    np.testing.assert_allclose(found, expected, atol=error)


@pytest.mark.parametrize('kernel, stride, padding', [(1, 1, 'SAME'), (1, 2, 'VALID'), ((1, 3), 1, 'SAME'),
                                                     (3, 2, 'VALID')])
def test_quicker_gradients_are_those_of_tensorflow(kernel, stride, padding):
    def gradients(images, context):
        with tf.variable_scope('net', reuse=tf.AUTO_REUSE), quiet_slim(), context:
            net = tf.square(slim.conv2d(images, 5, kernel, stride, padding, activation_fn=None, scope='layer'))
        [weights] = [v for v in tf.trainable_variables() if v.op.name == 'net/layer/weights']
        return tf.gradients(net, [images, weights])

    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.constant(RANDOM(0).uniform(-1, 1, (2, 7, 6, 4)).astype(np.float32))
        pairs = gradients(images, quicker_gradients()), gradients(images, contextlib.nullcontext())
        products = [op for op in graph.get_operations() if op.type == 'MatMul']
        session.run(tf.global_variables_initializer())
        found, expected = session.run(pairs)
    assert len(products) == ((kernel, stride) == (1, 1))
    for one, other in zip(found, expected, strict=True):
        assert np.abs(other).max() > 0.1
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('precision, error', [('float32', 1e-6), ('bfloat16', 0.02)])
def test_a_scaled_convolution_is_so_much_of_slims_with_the_same_variables(precision, error):
    with tf.Graph().as_default(), tf.variable_scope('net') as scope, quiet_slim():
        images = tf.cast(tf.constant(RANDOM(0).uniform(-1, 1, (2, 3, 3, 6)).astype(np.float32)), precision)
        scaled = scaled_convolution(images, 5, 0.25, 'up')
        variables = tf.global_variables()
        assert [v.op.name for v in variables] == ['net/up/weights', 'net/up/biases']
        scope.reuse_variables()
        with computing_in(precision):
            plain = slim.conv2d(images, 5, 1, activation_fn=None, scope='up')
        assert tf.global_variables() == variables
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(variables[1].assign([1.0, 2.0, 3.0, 4.0, 5.0]))
            found, expected = session.run([tf.cast(net, tf.float32) for net in (scaled, plain)])
    np.testing.assert_allclose(found, 0.25 * expected, atol=error)
