"""The backbone's stages, sizes, names and arguments."""
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim
from reference_weights import VARIABLES

import inception_resnet_v2 as module
from gait_layers import batch_norm
from gait_network import for_inference, quiet_slim
from inception_resnet_v2 import inception_resnet_v2, inception_resnet_v2_arg_scope

STAGES = {
    'Conv2d_1a_3x3': (149, 149, 32), 'Conv2d_2a_3x3': (147, 147, 32), 'Conv2d_2b_3x3': (147, 147, 64),
    'MaxPool_3a_3x3': (73, 73, 64), 'Conv2d_3b_1x1': (73, 73, 80), 'Conv2d_4a_3x3': (71, 71, 192),
    'MaxPool_5a_3x3': (35, 35, 192), 'Mixed_5b': (35, 35, 320), 'Mixed_6a': (17, 17, 1088),
    'BeforeAux': (17, 17, 1088), 'AuxBeforeScoring': (17, 17, 768)}


def build(shape=(None, 299, 299, 3), arg_scope=None, **arguments):
    with quiet_slim(), slim.arg_scope(arg_scope or inception_resnet_v2_arg_scope()):
        return inception_resnet_v2(tf.placeholder(tf.float32, shape), **arguments)


@pytest.fixture(scope='module')
def built():
    """Built twice, for training and again for inference with the same variables."""
    with tf.Graph().as_default() as graph:
        training = build()
        count = len(tf.global_variables())
        inference = build(is_training=False, reuse=True)
        return graph, training, count, inference


def test_the_end_points_are_exactly_the_eleven_stages_with_their_sizes(built):
    _, (net, end_points), _, _ = built
    assert {name: tuple(tensor.shape.as_list()[1:]) for name, tensor in end_points.items()} == STAGES
    assert list(end_points) == list(STAGES)
    assert net is end_points['AuxBeforeScoring']


def test_the_batch_size_may_be_unknown(built):
    _, (net, _), _, _ = built
    assert net.shape.as_list() == [None, 17, 17, 768]


def test_variables_are_the_published_ones_in_the_order_of_their_creation(built):
    graph, _, count, _ = built
    found = [(v.op.name, v.shape.as_list()) for v in graph.get_collection(tf.GraphKeys.MODEL_VARIABLES)]
    published = [item for item in VARIABLES['pose'].items() if item[0].startswith('InceptionResnetV2/')]
    assert found == published
    assert count == len(published) == 692


def test_reuse_makes_no_new_variable_and_another_scope_its_own(built):
    graph, _, count, _ = built
    assert len(graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)) == count


def test_building_twice_without_reuse_is_refused():
    with tf.Graph().as_default(), pytest.raises(ValueError, match='already exists'), quiet_slim(), \
            slim.arg_scope(inception_resnet_v2_arg_scope()):
        images = tf.placeholder(tf.float32, (1, 299, 299, 3))
        with tf.variable_scope('InceptionResnetV2'):
            tf.get_variable('Conv2d_1a_3x3/weights', (3, 3, 3, 32))
        inception_resnet_v2(images)


def test_only_training_collects_updates_of_the_moving_averages(built):
    graph, _, _, _ = built
    averages = [name for name in VARIABLES['pose'] if 'moving_' in name]
    assert len(graph.get_collection(tf.GraphKeys.UPDATE_OPS)) == len(averages)      # inference added none


def test_end_points_of_inference_and_training_are_connected_to_the_same_weights(built):
    graph, (training, _), _, (inference, _) = built
    weights = next(v for v in graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)
                   if v.op.name == 'InceptionResnetV2/Conv2d_1a_3x3/weights')
    with graph.as_default():
        assert all(tf.gradients(net, weights)[0] is not None for net in (training, inference))


def test_the_default_image_size_is_299():
    assert inception_resnet_v2.default_image_size == 299


def test_the_scope_is_an_argument_and_other_sizes_work():
    with tf.Graph().as_default():
        net, _ = build((2, 139, 171, 3), is_training=False, scope='Other')
        assert net.shape.as_list() == [2, 7, 9, 768]
        assert all(v.op.name.startswith('Other/') for v in tf.global_variables())


def test_arg_scope_arguments_reach_the_layers():
    images = np.random.RandomState(0).standard_normal((4, 5, 5, 3)).astype(np.float32)
    with tf.Graph().as_default(), quiet_slim():
        with slim.arg_scope(inception_resnet_v2_arg_scope(weight_decay=0.5, batch_norm_decay=0.75,
                                                          batch_norm_epsilon=0.125)):
            net = slim.conv2d(tf.constant(images), 2, 1, scope='layer')
        kernel, mean = (next(v for v in tf.global_variables() if v.op.name.endswith(leaf))
                        for leaf in ('weights', 'moving_mean'))
        loss, = tf.losses.get_regularization_losses()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            output, w, decay_loss = session.run([net, kernel, loss])
            session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
            moved = session.run(mean)
    raw = images @ w[0, 0]
    batch_mean, variance = raw.mean((0, 1, 2)), raw.var((0, 1, 2))
    np.testing.assert_allclose(output, np.maximum((raw - batch_mean) / np.sqrt(variance + 0.125), 0), atol=1e-5)
    np.testing.assert_allclose(moved, 0.25 * batch_mean, atol=1e-6)
    assert decay_loss == pytest.approx(0.5 * np.square(w).sum() / 2, rel=1e-5)


def test_without_weight_decay_no_regularisation_is_declared():
    with tf.Graph().as_default(), quiet_slim(), slim.arg_scope(inception_resnet_v2_arg_scope(weight_decay=0.0)):
        slim.conv2d(tf.ones((1, 5, 5, 3)), 2, 1)
        assert tf.losses.get_regularization_losses() == []


@pytest.mark.parametrize('folded', [False, True])
def test_residual_blocks_are_relu_of_the_input_plus_the_scaled_branches(folded):
    """The last 1 x 1 convolution has a bias, scaled too, no norm and no activation."""
    net = np.random.RandomState(0).uniform(0.1, 1.0, (1, 5, 5, 6)).astype(np.float32)
    with tf.Graph().as_default(), quiet_slim(), slim.arg_scope(inception_resnet_v2_arg_scope()):
        block = module._residual(tf.constant(net), module.BLOCK17, 0.10, folded)
        names = {v.op.name for v in tf.global_variables() if v.op.name.startswith('Conv2d_1x1')}
        assert names == {'Conv2d_1x1/weights', 'Conv2d_1x1/biases'}
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            weights, biases = (next(v for v in tf.global_variables() if v.op.name == f'Conv2d_1x1/{leaf}')
                               for leaf in ('weights', 'biases'))
            session.run([weights.assign(tf.zeros_like(weights)), biases.assign([-1.0, -2.0, -9.0, 0.0, 1.0, 2.0])])
            result = session.run(block)
    np.testing.assert_allclose(result, np.maximum(net + 0.1 * np.array([-1, -2, -9, 0, 1, 2]), 0), atol=1e-6)


@pytest.mark.parametrize('branches, scale', [(module.BLOCK35, module.BLOCK35_SCALE),
                                             (module.BLOCK17, module.BLOCK17_SCALE)], ids=['35 x 35', '17 x 17'])
def test_folded_blocks_give_what_the_plain_form_gives_with_the_same_variables(branches, scale):
    net = np.random.RandomState(0).standard_normal((2, 9, 9, 24)).astype(np.float32)
    with tf.Graph().as_default(), quiet_slim(), slim.arg_scope(inception_resnet_v2_arg_scope()), \
            slim.arg_scope([batch_norm], is_training=False), tf.variable_scope('block') as scope:
        plain = module._residual(tf.constant(net), branches, scale, folded=False)
        variables = tf.global_variables()
        scope.reuse_variables()
        folded = module._residual(tf.constant(net), branches, scale, folded=True)
        assert tf.global_variables() == variables
        random, record = np.random.RandomState(1), tf.RunMetadata()
        with tf.Session(config=for_inference()) as session:
            for variable in variables:                                  # variances too: positive
                session.run(variable.assign(random.uniform(0.1, 0.4, variable.shape) if 'variance' in variable.name
                                            else random.standard_normal(variable.shape) * 0.1))
            expected = session.run(plain)
            found = session.run(folded, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE),
                                run_metadata=record)
    assert np.abs(expected - np.maximum(net, 0)).max() > 0.1            # the branches tell
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    ran = ' '.join(node.timeline_label for device in record.step_stats.dev_stats for node in device.node_stats)
    if '_Mkl' in ran:                                                   # oneDNN's kernels, not on every processor
        assert 'FusedConv2D' in ran and '= Relu' not in ran
        assert all(re.search(r'/fold(_\d+)?/add$', name) for name in re.findall(r'(\S+) = AddV2', ran))


def test_folded_layers_are_refused_in_training():
    with tf.Graph().as_default(), pytest.raises(ValueError, match='folded layers are for inference'):
        build(folded=True)


def test_without_folding_inference_declares_weight_decay_of_the_variables_themselves():
    with tf.Graph().as_default(), tf.Session() as session:
        build((1, 139, 139, 3), is_training=False)
        decayed = [v for v in tf.trainable_variables() if v.op.name.endswith(('/weights', '/biases'))]
        session.run([v.assign(0.1 * tf.ones_like(v)) for v in decayed])
        losses = session.run(tf.losses.get_regularization_losses())
    expected = [0.00004 * 0.01 * np.prod(v.shape.as_list()) / 2 for v in decayed]
    np.testing.assert_allclose(sorted(losses), sorted(expected), rtol=1e-4)


MODULES = ['inception_resnet_v2', 'human_pose_nn', 'gait_nn', 'gait_layers', 'gait_checkpoints', 'pose_heat_maps']


@pytest.mark.parametrize('version_2', [True, False], ids=['eager', 'v1 behaviour'])
def test_importing_the_modules_touches_neither_environment_nor_graph_nor_files(tmp_path, version_2):
    code = f'''
import os, sys
sys.dont_write_bytecode = True
import tensorflow.compat.v1 as tf, tf_slim
if not {version_2}:
    tf.disable_v2_behavior()
print('ready')
before = dict(os.environ), tf.executing_eagerly(), tf.get_logger().level
created = []
tf.Session.__init__ = lambda *a, **k: created.append('session')
for name in {MODULES!r}:
    __import__(name)
assert before == (dict(os.environ), tf.executing_eagerly(), tf.get_logger().level)
assert tf.executing_eagerly() == {version_2}
assert not created
assert tf.get_default_graph().get_operations() == []
assert os.listdir() == []
'''
    root = module.__file__.rsplit('inception_resnet_v2', 1)[0]
    result = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True,
                            env={**os.environ, 'PYTHONPATH': root})
    assert result.returncode == 0, result.stderr
    assert result.stdout == 'ready\n'
