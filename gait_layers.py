"""The layers of both networks: batch norm, dropout, the recurrent cells, their precision, the training step.

`slim.batch_norm` fails on TensorFlow 2.15 and later and `tf.compat.v1.nn.rnn_cell` is gone with Keras 3; both are
written here on public TensorFlow alone, with TensorFlow 1.3's variable names and arithmetic. No network is described
here; graphs and sessions are `gait_network`'s.
"""
import contextlib

import numpy as np
import tensorflow.compat.v1 as tf
import tf_slim as slim

LSTM_FORGET_BIAS = 1.0
GRU_GATE_BIAS = 1.0
WEIGHTS_BY_MATMUL = 'Conv2DOfWeightsByMatMul'    # name of a gradient, `quicker_gradients`
FOLDED = 1 << 17             # weights that take batch norm's factor at each run, for less than it takes beside them
BATCH_STATISTICS = 'batch_statistics'                            # collection of (moving average, the batch's value)
RMSPROP = {'decay': 0.9, 'momentum': 0.0, 'epsilon': 1e-10}      # tf.compat.v1's: accumulators start at one


@contextlib.contextmanager
def computing_in(precision):
    """Layers built inside compute in this precision; their variables stay float32 and are cast where they are read.

    The inputs of the first layer are to be cast by the caller; a layer takes over the precision of its inputs.
    """
    def read(getter, name, *arguments, dtype=None, **options):
        if dtype != tf.bfloat16:
            return getter(name, *arguments, dtype=dtype, **options)
        return tf.cast(getter(name, *arguments, dtype=tf.float32, **options), tf.bfloat16)

    if precision == 'float32':
        yield
    else:
        with tf.variable_scope(tf.get_variable_scope(), custom_getter=read):
            yield


def quicker_gradients():
    """A context: of convolutions built inside, 1 x 1 kernels get their gradient as one matrix product.

    A step of pose training takes 0.86 times as long with it in bfloat16 (docs/speed.md).
    """
    with contextlib.suppress(KeyError):                     # it is registered
        tf.RegisterGradient(WEIGHTS_BY_MATMUL)(_convolution_gradient)
    return tf.get_default_graph().gradient_override_map({'Conv2D': WEIGHTS_BY_MATMUL})


def _convolution_gradient(op, gradient):
    inputs, weights = op.inputs
    options = {name: op.get_attr(name) for name in ('strides', 'padding', 'explicit_paddings', 'dilations',
                                                    'data_format')}
    of_inputs = tf.raw_ops.Conv2DBackpropInput(input_sizes=tf.shape(inputs), filter=weights, out_backprop=gradient,
                                               **options)
    if weights.shape[:2] == (1, 1) and options['strides'] == [1, 1, 1, 1]:
        into, out = weights.shape[2:]
        product = tf.matmul(tf.reshape(inputs, (-1, into)), tf.reshape(gradient, (-1, out)), transpose_a=True)
        return of_inputs, tf.reshape(product, weights.shape)
    return of_inputs, tf.raw_ops.Conv2DBackpropFilter(input=inputs, filter_sizes=weights.shape, out_backprop=gradient,
                                                      **options)


@slim.add_arg_scope
def batch_norm(inputs, decay=0.999, epsilon=0.001, activation_fn=None, is_training=True, scope=None, reuse=None):
    """Batch normalisation with an offset (beta) and no scale (gamma), as slim's with `center` alone.

    In training the batch's own mean and variance normalise, and two updates of the moving averages are added to
    `tf.GraphKeys.UPDATE_OPS`; the caller runs them with the training step. In inference the moving averages do.

    Parameters
    ----------
    inputs : tf.Tensor, float32 (B, H, W, C)
        C must be known.
    decay : float
        Share of the old value that a moving average keeps at each update.
    epsilon : float
        Added to the variance. Greater than 1.001e-5 (a limit of `tf.nn.fused_batch_norm`).
    activation_fn : callable, optional
        Applied to the result.
    is_training : bool
    scope, reuse
        Variable scope, `BatchNorm` by default. Variables, in this order: `beta`, `moving_mean`, `moving_variance`.

    Returns
    -------
    tf.Tensor, float32 (B, H, W, C)
    """
    with tf.variable_scope(scope, 'BatchNorm', [inputs], reuse=reuse):
        channels = inputs.shape[-1:]
        beta, mean, variance = _averages(channels)
        gamma = tf.ones(channels)
        if is_training:
            outputs, batch_mean, batch_variance = tf.nn.fused_batch_norm(inputs, gamma, beta, epsilon=epsilon)
            # TensorFlow 1.3's unfused layer averaged the biased variance; the fused kernel reports N / (N - 1) of it.
            count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), tf.float32)
            biased_variance = batch_variance * (tf.maximum(count - 1.0, 1.0) / count)
            for average, value in ((mean, batch_mean), (variance, biased_variance)):
                tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, average.assign_sub((average - value) * (1.0 - decay)))
                tf.add_to_collection(BATCH_STATISTICS, (average, value))
        else:
            outputs, _, _ = tf.nn.fused_batch_norm(inputs, gamma, beta, mean, variance, epsilon, is_training=False)
        return outputs if activation_fn is None else activation_fn(outputs)


def normalised_weights(scope, kernel, depth, width):
    """The variables of `slim.conv2d` with `batch_norm`, for `folded_convolution`.

    Parameters
    ----------
    scope : str
    kernel : int or pair of int
        Rows and columns.
    depth, width : int
        Channels before and after.

    Returns
    -------
    weights : tf.Variable, float32 (rows, columns, depth, width)
    beta, moving_mean, moving_variance : tf.Variable, float32 (width,)
    """
    size = [kernel] * 2 if isinstance(kernel, int) else list(kernel)
    with tf.variable_scope(scope):
        weights = slim.model_variable('weights', [*size, depth, width], initializer=tf.glorot_uniform_initializer())
        with tf.variable_scope('BatchNorm'):
            return weights, *_averages([width])


def folded_convolution(inputs, layers, stride=1, padding='SAME', epsilon=0.001):
    """Convolutions of one input and kernel, each with batch norm and ReLU, as one convolution: for inference.

    Parameters
    ----------
    inputs : tf.Tensor, float32 or bfloat16 (B, H, W, C)
    layers : list
        `normalised_weights` of each.
    stride : int
    padding : {'SAME', 'VALID'}
    epsilon : float
        Added to the variances.

    Returns
    -------
    tf.Tensor (B, H', W', sum of widths)
        One after the other, in the inputs' precision.
    """
    weights, beta, mean, variance = (found[0] if len(found) == 1 else tf.concat(found, -1) for found in zip(*layers))
    folds = np.prod(weights.shape.as_list()) <= FOLDED
    if folds:
        with tf.name_scope('fold'):
            factor = tf.math.rsqrt(variance + epsilon)
            weights, offset = weights * factor, beta - mean * factor
    net = tf.nn.conv2d(inputs, tf.cast(weights, inputs.dtype), stride, padding)
    if folds:
        return tf.nn.relu(tf.nn.bias_add(net, tf.cast(offset, inputs.dtype)))
    net, _, _ = tf.nn.fused_batch_norm(net, tf.ones_like(beta), beta, mean, variance, epsilon, is_training=False)
    return tf.nn.relu(net)


@slim.add_arg_scope
def scaled_convolution(inputs, width, factor, scope, weights_regularizer=None, biases_regularizer=None):
    """`factor` times a 1 x 1 convolution with bias, the factor being in the product's weights and biases: they are
    smaller than what comes out.

    Parameters
    ----------
    inputs : tf.Tensor, float32 or bfloat16 (B, H, W, C)
        C must be known.
    width : int
    factor : float
    scope : str
        Variables are named as those of `slim.conv2d`: `weights`, `biases`.
    weights_regularizer, biases_regularizer : callable, optional
        Of the variables themselves.

    Returns
    -------
    tf.Tensor (B, H, W, width)
    """
    with tf.variable_scope(scope):
        weights = slim.model_variable('weights', [1, 1, int(inputs.shape[-1]), width],
                                      initializer=tf.glorot_uniform_initializer(), regularizer=weights_regularizer)
        biases = slim.model_variable('biases', [width], initializer=tf.zeros_initializer(),
                                     regularizer=biases_regularizer)
    return tf.nn.bias_add(tf.nn.conv2d(inputs, tf.cast(factor * weights, inputs.dtype), 1, 'SAME'),
                          tf.cast(factor * biases, inputs.dtype))


def _averages(channels):
    """Beta, moving mean and moving variance of a batch norm."""
    return (slim.model_variable('beta', channels, initializer=tf.zeros_initializer()),
            slim.model_variable('moving_mean', channels, initializer=tf.zeros_initializer(), trainable=False),
            slim.model_variable('moving_variance', channels, initializer=tf.ones_initializer(), trainable=False))


def dropout(inputs, keep_prob, step):
    """Dropout whose mask depends on the graph's seed and the training step alone.

    A run that is resumed so drops what it would have dropped; slim's dropout draws from a state that no file keeps.

    Parameters
    ----------
    inputs : tf.Tensor, float32
    keep_prob : float
        In (0, 1].
    step : tf.Variable, int64 ()

    Returns
    -------
    tf.Tensor, float32
    """
    if keep_prob == 1.0:
        return inputs
    seed = tf.stack([tf.constant(tf.get_default_graph().seed or 0, tf.int64), tf.cast(step, tf.int64)])
    return tf.nn.experimental.stateless_dropout(inputs, rate=1.0 - keep_prob, seed=seed)


def gru_layer(inputs, initial_state, num_units):
    """One GRU layer over sequences, with TensorFlow 1's arithmetic (the reset gate acts before the product).

    [r, u] = sigmoid([x, h] W_g + b_g);  c = tanh([x, r h] W_c + b_c);  h' = u h + (1 - u) c.

    Parameters
    ----------
    inputs : tf.Tensor, float32 (T, B, N)
        B sequences of one length.
    initial_state : tf.Tensor, float32 (B, num_units)
    num_units : int

    Returns
    -------
    outputs : tf.Tensor, float32 (T, B, num_units)
    state : tf.Tensor, float32 (B, num_units)
        The last h.
    """
    def product(scope, width, bias):
        with tf.variable_scope(scope):
            return _input_product(inputs, num_units, width, tf.constant_initializer(bias))

    with tf.variable_scope('gru_cell'):
        gates_x, gates_h = product('gates', 2 * num_units, GRU_GATE_BIAS)
        candidate_x, candidate_h = product('candidate', num_units, 0.0)

    def step(h, from_input):
        gate_input, candidate_input = from_input
        r, u = tf.split(tf.sigmoid(gate_input + tf.matmul(h, gates_h)), 2, axis=1)
        c = tf.tanh(candidate_input + tf.matmul(r * h, candidate_h))
        return u * h + (1.0 - u) * c

    outputs = tf.scan(step, (gates_x, candidate_x), initial_state)                  # (T, B, num_units)
    return outputs, outputs[-1]


def lstm_layer(inputs, initial_state, num_units):
    """One LSTM layer over sequences; gates in TensorFlow 1's order i, j, f, o, with a forget bias of 1 added inside.

    c' = sigmoid(f + 1) c + sigmoid(i) tanh(j);  h' = sigmoid(o) tanh(c').

    Parameters
    ----------
    inputs : tf.Tensor, float32 (T, B, N)
        B sequences of one length.
    initial_state : pair of tf.Tensor, float32 (B, num_units)
        (c, h).
    num_units : int

    Returns
    -------
    outputs : tf.Tensor, float32 (T, B, num_units)
    state : pair of tf.Tensor, float32 (B, num_units)
        The last (c, h).
    """
    with tf.variable_scope('lstm_cell'):
        from_inputs, from_h = _input_product(inputs, num_units, 4 * num_units, tf.zeros_initializer())

    def step(state, from_input):
        c, h = state
        i, j, f, o = tf.split(from_input + tf.matmul(h, from_h), 4, axis=1)
        c = tf.sigmoid(f + LSTM_FORGET_BIAS) * c + tf.sigmoid(i) * tf.tanh(j)
        return c, tf.sigmoid(o) * tf.tanh(c)

    c, h = tf.scan(step, from_inputs, tuple(initial_state))                         # (T, B, num_units) each
    return h, (c[-1], h[-1])


def _input_product(inputs, num_units, width, bias_initializer):
    """A cell's share that does not depend on the state, for all steps at once: x W_x + b (T, B, width), and W_h."""
    depth = inputs.shape.as_list()[-1]
    kernel = slim.model_variable('kernel', [depth + num_units, width], initializer=tf.glorot_uniform_initializer())
    bias = slim.model_variable('bias', [width], initializer=bias_initializer)
    return tf.tensordot(inputs, kernel[:depth], 1) + bias, kernel[depth:]


def check_optimizer(optimizer):
    """Refuse an optimiser that `minimise` does not know."""
    if optimizer not in ('RMSProp', 'Adam'):
        raise ValueError(f"optimizer is 'RMSProp' or 'Adam', got {optimizer!r}")


def minimise(loss, learning_rate, clip_norm, variables, global_step, updates, optimizer='RMSProp', fast=(),
             fast_factor=1.0):
    """The training step of both networks: the optimiser, clipped gradients, and the batch-norm updates with it.

    Parameters
    ----------
    loss, learning_rate : tf.Tensor, float32 ()
    clip_norm : float
        Largest global norm of the gradients.
    variables : list of tf.Variable
        To be trained; those that the loss does not depend on stay as they are.
    global_step : tf.Variable
        Incremented by each step.
    updates : list of tf.Operation
        Run with the step: the moving averages' updates.
    optimizer : {'RMSProp', 'Adam'}
    fast : collection of tf.Variable
        Those of `variables` that learn at `fast_factor` times the rate.
    fast_factor : float

    Returns
    -------
    train_op : tf.Operation
    norm, clipped_norm : tf.Tensor, float32 ()
        Global norm of the gradients before and after clipping.
    """
    def optimise(rate):
        return tf.train.RMSPropOptimizer(rate, **RMSPROP) if optimizer == 'RMSProp' else tf.train.AdamOptimizer(rate)

    usual = optimise(learning_rate)
    pairs = [(g, v) for g, v in usual.compute_gradients(loss, variables) if g is not None]
    gradients, norm = tf.clip_by_global_norm([g for g, _ in pairs], clip_norm)
    names = {v.name for v in fast}
    pairs = list(zip(gradients, [v for _, v in pairs]))
    updates = list(updates)
    if names:
        updates.append(optimise(fast_factor * learning_rate).apply_gradients([p for p in pairs if p[1].name in names]))
    with tf.control_dependencies(updates):
        train_op = usual.apply_gradients([p for p in pairs if p[1].name not in names], global_step=global_step)
    return train_op, norm, tf.global_norm(gradients)
