"""Inception-ResNet-v2 down to its 17 x 17 blocks, then the auxiliary tower: the pose network's backbone.

Szegedy, Ioffe, Vanhoucke, Alemi: Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning
(arXiv:1602.07261), in the variant of TensorFlow's slim models, whose stem and block counts differ from the paper's.
The scope strings are the contract with published checkpoints.
"""
import tensorflow.compat.v1 as tf
import tf_slim as slim

from gait_layers import batch_norm, folded_convolution, normalised_weights, scaled_convolution

BLOCK35_SCALE, BLOCK35_COUNT = 0.17, 10
BLOCK17_SCALE, BLOCK17_COUNT = 0.10, 20

# One branch is a list of layers (scope, width, kernel[, convolution arguments]); a mixed layer is a list of branches.
REDUCE = {'stride': 2, 'padding': 'VALID'}
BLOCK35 = [
    [('Conv2d_1x1', 32, 1)],
    [('Conv2d_0a_1x1', 32, 1), ('Conv2d_0b_3x3', 32, 3)],
    [('Conv2d_0a_1x1', 32, 1), ('Conv2d_0b_3x3', 48, 3), ('Conv2d_0c_3x3', 64, 3)],
]
BLOCK17 = [
    [('Conv2d_1x1', 192, 1)],
    [('Conv2d_0a_1x1', 128, 1), ('Conv2d_0b_1x7', 160, (1, 7)), ('Conv2d_0c_7x1', 192, (7, 1))],
]
MIXED_5B = [
    [('Conv2d_1x1', 96, 1)],
    [('Conv2d_0a_1x1', 48, 1), ('Conv2d_0b_5x5', 64, 5)],
    [('Conv2d_0a_1x1', 64, 1), ('Conv2d_0b_3x3', 96, 3), ('Conv2d_0c_3x3', 96, 3)],
    [('AvgPool_0a_3x3', slim.avg_pool2d, 3, {'stride': 1, 'padding': 'SAME'}), ('Conv2d_0b_1x1', 64, 1)],
]
MIXED_6A = [
    [('Conv2d_1a_3x3', 384, 3, REDUCE)],
    [('Conv2d_0a_1x1', 256, 1), ('Conv2d_0b_3x3', 256, 3), ('Conv2d_1a_3x3', 384, 3, REDUCE)],
    [('MaxPool_1a_3x3', slim.max_pool2d, 3, REDUCE)],
]


def _layer(net, scope, width, kernel, arguments=None):
    """A convolution to `width` channels, or, where `width` is a pooling function, that pool."""
    if callable(width):
        return width(net, kernel, scope=scope, **(arguments or {}))
    return slim.conv2d(net, width, kernel, scope=scope, **(arguments or {}))


def _branches(net, branches):
    """Run each branch on `net` under `Branch_<i>`; concatenate the results along the channels."""
    ends = []
    for i, branch in enumerate(branches):
        with tf.variable_scope(f'Branch_{i}'):
            end = net
            for layer in branch:
                end = _layer(end, *layer)
            ends.append(end)
    return tf.concat(ends, axis=3)


def _weights_of(branch, depth):
    """Yields the variables of each layer of a branch on so many channels; None for a pool."""
    for scope, width, kernel, *_ in branch:
        if callable(width):
            yield None
        else:
            yield normalised_weights(scope, kernel, depth, width)
            depth = width


def _folded_branches(net, branches):
    """`_branches`, for inference: where three begin with 1 x 1 convolutions, which are narrow, these are one."""
    weights, begun, ends = [], {}, []
    for i, branch in enumerate(branches):                   # first of all: the variables' order is the layers'
        with tf.variable_scope(f'Branch_{i}'):
            weights.append([*_weights_of(branch, int(net.shape[-1]))])
    narrow = [i for i, branch in enumerate(branches) if branch[0][2] == 1]
    if len(narrow) >= 3:
        together = folded_convolution(net, [weights[i][0] for i in narrow])
        begun = dict(zip(narrow, tf.split(together, [branches[i][0][1] for i in narrow], axis=3)))
    for i, branch in enumerate(branches):
        end = begun.get(i, net)
        for variables, (scope, width, kernel, *arguments) in [*zip(weights[i], branch)][i in begun:]:
            arguments = arguments[0] if arguments else {}
            end = width(end, kernel, scope=scope, **arguments) if variables is None else \
                folded_convolution(end, [variables], **arguments)
        ends.append(end)
    return tf.concat(ends, axis=3)


def _residual(net, branches, scale, folded):
    """ReLU(net + scale * up), where `up` brings the branches back to the width of `net` (with bias, without norm)."""
    mixed = (_folded_branches if folded else _branches)(net, branches)
    return tf.nn.relu(net + scaled_convolution(mixed, int(net.shape[-1]), scale, 'Conv2d_1x1'))


def inception_resnet_v2_arg_scope(weight_decay=0.00004, batch_norm_decay=0.9997, batch_norm_epsilon=0.001):
    """Arguments of all layers: batch norm with beta only, ReLU, Glorot uniform weights.

    Parameters
    ----------
    weight_decay : float
        Declared on weights and biases as regularisation losses; 0 declares none.
    batch_norm_decay, batch_norm_epsilon : float

    Returns
    -------
    dict
        For `slim.arg_scope`.
    """
    regularizer = slim.l2_regularizer(weight_decay) if weight_decay else None
    with slim.arg_scope([slim.conv2d, slim.fully_connected, scaled_convolution],
                        weights_regularizer=regularizer, biases_regularizer=regularizer), \
            slim.arg_scope([slim.conv2d], activation_fn=tf.nn.relu, normalizer_fn=batch_norm,
                           normalizer_params={'decay': batch_norm_decay, 'epsilon': batch_norm_epsilon}) as scope:
        return scope


def inception_resnet_v2(inputs, is_training=True, reuse=None, scope='InceptionResnetV2', folded=False):
    """Build the backbone.

    Parameters
    ----------
    inputs : tf.Tensor, float32 (B, 299, 299, 3)
        RGB scaled to -1..1. Other sizes work and give other sizes.
    is_training : bool
        Batch norm uses the batch's own statistics and collects updates of the moving averages.
    reuse : bool, optional
        Use the variables that an earlier call made under `scope`.
    scope : str
    folded : bool
        The same, quicker, for inference: the scale of each residual block and, where they are few, the factors of
        batch norm are multiplied into the weights, and narrow convolutions of one input are one, so that TensorFlow
        has less to do beside the convolutions. Batch norm's epsilon is then 0.001, and no weight decay is declared.

    Returns
    -------
    net : tf.Tensor, float32 (B, 17, 17, 768)
    end_points : dict of str to tf.Tensor
        The eleven stages named in the body.
    """
    if folded and is_training:
        raise ValueError('folded layers are for inference; build with is_training=False')
    end_points, branches = {}, _folded_branches if folded else _branches

    def conv(net, width, kernel, scope, **arguments):
        if folded:
            return folded_convolution(net, [normalised_weights(scope, kernel, int(net.shape[-1]), width)], **arguments)
        return slim.conv2d(net, width, kernel, scope=scope, **arguments)

    def stage(name, net):
        end_points[name] = net
        return net

    with tf.variable_scope(scope, 'InceptionResnetV2', [inputs], reuse=reuse), \
            slim.arg_scope([batch_norm], is_training=is_training), \
            slim.arg_scope([slim.conv2d, slim.max_pool2d, slim.avg_pool2d], stride=1, padding='SAME'):
        # 149 x 149 x 32
        net = stage('Conv2d_1a_3x3', conv(inputs, 32, 3, stride=2, padding='VALID', scope='Conv2d_1a_3x3'))
        # 147 x 147 x 32
        net = stage('Conv2d_2a_3x3', conv(net, 32, 3, padding='VALID', scope='Conv2d_2a_3x3'))
        # 147 x 147 x 64
        net = stage('Conv2d_2b_3x3', conv(net, 64, 3, scope='Conv2d_2b_3x3'))
        # 73 x 73 x 64
        net = stage('MaxPool_3a_3x3', slim.max_pool2d(net, 3, stride=2, padding='VALID', scope='MaxPool_3a_3x3'))
        # 73 x 73 x 80
        net = stage('Conv2d_3b_1x1', conv(net, 80, 1, scope='Conv2d_3b_1x1'))
        # 71 x 71 x 192
        net = stage('Conv2d_4a_3x3', conv(net, 192, 3, padding='VALID', scope='Conv2d_4a_3x3'))
        # 35 x 35 x 192
        net = stage('MaxPool_5a_3x3', slim.max_pool2d(net, 3, stride=2, padding='VALID', scope='MaxPool_5a_3x3'))
        # 35 x 35 x 320
        with tf.variable_scope('Mixed_5b'):
            net = stage('Mixed_5b', branches(net, MIXED_5B))
        # 35 x 35 x 320
        with tf.variable_scope('Repeat'):
            for i in range(1, BLOCK35_COUNT + 1):
                with tf.variable_scope(f'block35_{i}'):
                    net = _residual(net, BLOCK35, BLOCK35_SCALE, folded)
        # 17 x 17 x 1088
        with tf.variable_scope('Mixed_6a'):
            net = stage('Mixed_6a', branches(net, MIXED_6A))
        # 17 x 17 x 1088
        with tf.variable_scope('Repeat_1'):
            for i in range(1, BLOCK17_COUNT + 1):
                with tf.variable_scope(f'block17_{i}'):
                    net = _residual(net, BLOCK17, BLOCK17_SCALE, folded)
        net = stage('BeforeAux', net)
        # 17 x 17 x 768
        with tf.variable_scope('AuxLogits'):
            net = slim.avg_pool2d(net, 5, scope='Conv2d_1a_3x3')        # a pool in spite of its published scope
            net = conv(net, 128, 1, scope='Conv2d_1b_1x1')
            net = stage('AuxBeforeScoring', conv(net, 768, 5, scope='Conv2d_2a_5x5'))
    return net, end_points


inception_resnet_v2.default_image_size = 299
