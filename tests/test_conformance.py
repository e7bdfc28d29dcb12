"""The two networks held against figures measured on the original under TensorFlow 1.3; see reference/README.md."""
import pathlib

import numpy as np
import pytest
from reference_weights import (
    SHARED,
    VARIABLES,
    digest,
    gait_tensors,
    reference,
    value,
    values,
    write_checkpoint,
)

from gait_nn import GaitNetwork
from human_pose_nn import HumanPoseIRNetwork

CELLS = ('GRU', 'LSTM')


def assert_within(actual, expected, limit):
    """Same shape, NaN in the same places, every other number within `limit`."""
    assert np.shape(actual) == np.shape(expected)
    np.testing.assert_allclose(np.asarray(actual, np.float64), np.asarray(expected, np.float64), rtol=0, atol=limit)


def relative(actual, expected):
    return float(actual) / float(expected)


def names_and_shapes(variables):
    return {v.op.name: v.shape.as_list() for v in variables}


def at_16(maps):
    return np.asarray(maps)[:, ::16, ::16]


# --- Pose ------------------------------------------------------------------------------------------------------------

def test_pose_variables_have_the_published_names_shapes_and_order(pose_net):
    found = names_and_shapes(pose_net.model_variables)
    assert len(found) == 696
    assert list(found.items()) == list(VARIABLES['pose'].items())


def test_pose_forward_from_a_v1_file_gives_the_originals_figures(pose_net, frames):
    expected = reference('pose_forward')
    assert_within(pose_net.feed_forward_features(frames), expected['features'], 1e-4)
    assert_within(at_16(pose_net.feed_forward_pure(frames)), expected['logits_stride16'], 1e-4)
    assert_within(at_16(pose_net.feed_forward(frames)), expected['probabilities_stride16'], 1e-4)
    assert_within(at_16(pose_net.heat_maps(frames)), expected['heat_maps_stride16'], 1e-4)
    assert_within(pose_net.test_joint_activations(frames), expected['activations'], 1e-4)


def test_pose_joint_positions_are_the_originals_under_both_names(pose_net, frames):
    expected = reference('pose_forward')['joints']
    y, x, probability = joints = pose_net.joint_positions(frames)
    assert_within(y, expected[0], 1e-3)
    assert_within(x, expected[1], 1e-3)
    assert_within(probability, expected[2], 1e-4)
    np.testing.assert_array_equal(pose_net.estimate_joints(frames), joints)


def test_pose_targets_losses_and_distances_are_the_originals(pose_net, frames):
    expected = reference('pose_evaluation')
    points, present, inside = expected['points'], expected['present'], expected['inside']
    target = pose_net.generate_output((2, 289, 289, 16), present, points, 15)
    assert_within(at_16(target), expected['target_sce_stride16'], 0)
    assert_within(target.sum(axis=(1, 2)), expected['target_sce_sum'], 0)
    loss, per_joint = pose_net.sess.run(
        [pose_net.loss_err, pose_net.euclidean_dist_per_joint],
        {pose_net.input_tensor: frames, pose_net.desired_points: points, pose_net.present_joints: present,
         pose_net.inside_box_joints: inside, pose_net.desired_heatmap: target})
    assert_within(relative(loss, expected['loss_sce']), 1.0, 1e-4)
    assert_within(per_joint, expected['distance_per_joint'], 1e-2)
    assert_within(pose_net.test_euclidean_distance(frames, points, present, inside), expected['distance_mean'], 1e-2)
    assert_within(pose_net.test_joint_distances(frames, points), expected['distances'], 1e-2)


def test_pose_gaussian_targets_and_mse_loss_are_the_originals_from_a_v2_file(pose_net, checkpoints, frames):
    expected = reference('pose_evaluation')
    points, present, edge, one = expected['points'], expected['present'], expected['edge_points'], np.ones((1, 16))
    discs = pose_net.generate_output((2, 289, 289, 16), present, points, 15)
    with HumanPoseIRNetwork(loss_type='MSE') as net:
        net.restore(checkpoints('pose', 2))
        gaussians = net.generate_output((2, 289, 289, 16), present, points, 5)
        assert_within(at_16(gaussians), expected['target_gauss_stride16'], 1e-6)
        features, loss = net.sess.run([net.feature_tensor, net.loss_err],
                                      {net.input_tensor: frames, net.present_joints: present,
                                       net.desired_heatmap: discs})
        assert_within(features, reference('pose_forward')['features'], 1e-4)
        assert_within(relative(loss, expected['loss_mse']), 1.0, 1e-4)
        at_edge = net.generate_output((1, 289, 289, 16), one, edge, 5)
    assert_within(at_edge.sum(axis=(1, 2)), expected['edge_gauss_sum'], 1e-3)
    at_edge = pose_net.generate_output((1, 289, 289, 16), one, edge, 15)
    assert_within(at_edge.sum(axis=(1, 2)), expected['edge_binary_sum'], 0)


def test_pose_refuses_wrong_checkpoints_and_gives_afterwards_what_it_gave_before(pose_net, checkpoints, frames,
                                                                                 tmp_path):
    before = pose_net.feed_forward_features(frames)
    name = 'InceptionResnetV2/AuxLogits/Conv2d_2a_5x5/weights'
    misshapen = dict(values(VARIABLES['pose']), **{name: np.zeros((5, 5, 128, 767), np.float32)})
    whole = pathlib.Path(checkpoints('pose', 1)).read_bytes()
    (tmp_path / 'truncated.ckpt').write_bytes(whole[:len(whole) // 2])
    for path, error in ((checkpoints('gait'), "a gait network's file"),
                        (tmp_path / 'absent.ckpt', 'no such checkpoint'),
                        (write_checkpoint(tmp_path / 'misshapen.ckpt', misshapen), r'767\], expected \[5, 5, 128, 768'),
                        (tmp_path / 'truncated.ckpt', 'truncated, corrupt')):
        with pytest.raises((ValueError, OSError), match=error) as caught:
            pose_net.restore(path)
        assert str(path) in str(caught.value)
    np.testing.assert_array_equal(pose_net.feed_forward_features(frames), before)


BAD_FRAMES = {
    'one frame': lambda good: good[0], 'one channel': lambda good: good[..., :1], 'short': lambda good: good[:, :200],
    'none': lambda good: np.zeros((0, 299, 299, 3)), 'objects': lambda good: good.astype(object),
    'NaN': lambda good: np.full(good.shape, np.nan, np.float32), 'text': lambda good: 'frame',
    'None': lambda good: None}


@pytest.mark.parametrize('kind', BAD_FRAMES)
def test_pose_refuses_bad_frames(pose_net, frames, kind):
    with pytest.raises((ValueError, TypeError), match='expected RGB frames'):
        pose_net.joint_positions(BAD_FRAMES[kind](frames[:1]))


# --- Gait ------------------------------------------------------------------------------------------------------------

def test_gait_variables_have_the_published_names_and_shapes(gait_nets):
    found = names_and_shapes(gait_nets('GRU', 1).model_variables)
    assert len(found) == 138 + 4
    assert [item for item in found.items() if '/Recurrent/' not in item[0]] == list(VARIABLES['gait'].items())


@pytest.mark.parametrize('cell', CELLS)
@pytest.mark.parametrize('layers, version', [(1, 1), (2, 1), (2, 2), (3, 1)])
def test_gait_vectors_are_the_originals_with_one_shared_cell(gait_nets, checkpoints, features, cell, layers, version):
    net = gait_nets(cell, layers)
    net.restore(checkpoints(SHARED.format(cell), version))
    vector = net.feed_forward(features)
    assert isinstance(vector, np.ndarray) and vector.dtype == np.float32
    assert_within(vector, reference('gait_forward')[f'{cell}_{layers}_vector'], 1e-4)


@pytest.mark.parametrize('cell', CELLS)
def test_gait_state_is_the_originals_and_a_walk_can_be_fed_in_pieces(gait_nets, checkpoints, features, cell):
    net = gait_nets(cell, 2)
    net.restore(checkpoints(SHARED.format(cell), 1))
    whole, state = net.feed_forward(features, return_state=True)
    assert len(state) == 2
    flat = np.concatenate([np.ravel(layer) for layer in state])
    assert_within(flat, reference('gait_forward')[f'{cell}_2_state'].ravel(), 1e-4)
    first, state = net.feed_forward(features[:2], return_state=True)
    rest = net.feed_forward(features[2:], initial_state=state)
    assert_within((2 * first + 4 * rest) / 6, whole, 1e-5)


@pytest.mark.parametrize('cell', CELLS)
@pytest.mark.parametrize('kind', ['tf0.12 {} 2 layers', 'tf1.0 {}'])
def test_gait_vectors_are_the_originals_with_older_names(gait_nets, checkpoints, features, cell, kind):
    net = gait_nets(cell, 2)
    net.restore(checkpoints(kind.format(cell), 1))
    assert_within(net.feed_forward(features), reference('gait_forward_tf012')[f'{cell}_2_vector'], 1e-4)


@pytest.mark.parametrize('cell', CELLS)
@pytest.mark.parametrize('layers', [1, 2])
def test_gait_without_recurrent_weights_has_tensorflow_13s_initial_ones(gait_nets, checkpoints, features, cell, layers):
    net = gait_nets(cell, layers)
    with pytest.warns(UserWarning, match='recurrent weights'):
        net.restore(checkpoints('gait 100 people', 1))
    assert_within(net.feed_forward(features), reference('gait_initial_recurrent')[f'{cell}_{layers}_vector'], 1e-4)


BAD_FEATURES = {
    'channels': np.zeros((6, 17, 17, 31), np.float32), 'none': np.zeros((0, 17, 17, 32), np.float32),
    'one frame': np.zeros((17, 17, 32), np.float32), 'infinity': np.full((2, 17, 17, 32), np.inf, np.float32)}


@pytest.mark.parametrize('kind', BAD_FEATURES)
def test_gait_refuses_bad_features(gait_nets, kind):
    with pytest.raises((ValueError, TypeError), match='expected spatial features'):
        gait_nets('GRU', 1).feed_forward(BAD_FEATURES[kind])


# --- Training --------------------------------------------------------------------------------------------------------

def assert_variables_after_step(net, expected, limit):
    variables = {v.op.name: v for v in net.variables}
    names = [str(name) for name in expected['names']]
    for name, now, digest_then in zip(names, net.sess.run([variables[name] for name in names]), expected['digests']):
        off = np.max(np.abs(digest(now) - digest_then) / (1e-2 + np.abs(digest_then)))
        assert off <= limit, f'{name} is off by {off:.3g}, relative'


def test_gait_training_step_is_the_originals(features, tmp_path):
    expected = reference('gait_train_step')
    path = write_checkpoint(tmp_path / 'train.ckpt', gait_tensors(SHARED.format('GRU'), people=10))
    with GaitNetwork(num_of_persons=10, is_training=True, dropout_keep_prob=1.0) as net:
        net.restore(path)
        feed = {net.input_tensor: features, net.desired_person: 3, net.learning_rate: 1e-3}
        assert_within(net.sess.run(net.loss, feed), expected['loss_before'], 1e-4)
        net.train(features, 3, 1e-3)
        assert_within(net.sess.run(net.loss, feed), expected['loss_after'], 1e-3)
        assert_variables_after_step(net, expected, 5e-3)


@pytest.mark.slow
def test_pose_training_step_is_the_originals(pose_training_nets, checkpoints, frames):
    expected, data = reference('pose_train_step'), reference('pose_evaluation')
    net = pose_training_nets(1.0)
    net.sess.run([v.initializer for v in net.variables])
    net.restore(checkpoints('pose', 2))
    target = net.generate_output((2, 289, 289, 16), data['present'], data['points'], 15)
    feed = {net.input_tensor: frames, net.present_joints: data['present'], net.desired_heatmap: target}
    assert_within(relative(net.sess.run(net.loss_err, feed), expected['loss_before']), 1.0, 1e-4)
    net.train(frames, target, data['present'], 1e-3, data['inside'])
    assert_within(relative(net.sess.run(net.loss_err, feed), expected['loss_after']), 1.0, 1e-3)
    assert_variables_after_step(net, expected, 5e-3)


def test_name_derived_weights_are_the_numbers_that_the_original_was_measured_with():
    first = {'InceptionResnetV2/Conv2d_1a_3x3/weights': 0.51995498,
             'InceptionResnetV2/Conv2d_1a_3x3/BatchNorm/moving_variance': 1.00415027,
             'NewInceptionResnetV2/AuxiliaryScoring/Upsampling_layer/weights': -0.30985811,
             'NewInceptionResnetV2/AuxiliaryScoring/Scoring_layer/biases': -0.06241857}
    for name, expected in first.items():
        assert value(name, VARIABLES['pose'][name]).flat[0] == pytest.approx(expected, rel=1e-6)
