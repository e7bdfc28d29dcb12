"""The pose network: its life, inputs, evaluation, training and summaries. Its figures are in test_conformance.py."""
import os
import subprocess
import sys
import threading
import tracemalloc
import warnings

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from conftest import SHIPPED
from reference_weights import pose_frames, reference

import gait_checkpoints
import human_pose_nn
from gait_processor import check_precision
from gait_recognition.walkers.pictures import picture
from human_pose_nn import JOINT_NAMES, HumanPoseIRNetwork
from pose_joints import MIRRORED_JOINTS

POINTS = np.full((2, 2, 16), 100.0)
MARKED = np.ones((2, 16))


def placeholders(net):
    """Names of what can be fed; not those that stand for the initial values of variables."""
    return [op.name for op in net.graph.get_operations() if op.type == 'Placeholder' and '/Initializer/' not in op.name]


def events(folder):
    """What an event folder holds: {tag: [(step, value)]}, read from its files."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if 'tfevents' in name:
            for event in tf.train.summary_iterator(os.path.join(folder, name)):
                for value in event.summary.value:
                    figure = value.histo if value.HasField('histo') else value.simple_value
                    found.setdefault(value.tag, []).append((event.step, figure))
    return found


# --- What it is ------------------------------------------------------------------------------------------------------

def test_the_joints_have_the_published_names_and_order():
    assert JOINT_NAMES == ['right ankle', 'right knee', 'right hip', 'left hip', 'left knee', 'left ankle', 'pelvis',
                           'thorax', 'upper neck', 'head top', 'right wrist', 'right elbow', 'right shoulder',
                           'left shoulder', 'left elbow', 'left wrist']


def test_a_mirrored_picture_swaps_left_and_right_joints():
    for name, mirrored in zip(JOINT_NAMES, np.array(JOINT_NAMES)[MIRRORED_JOINTS]):
        assert mirrored == name.replace('left', '?').replace('right', 'left').replace('?', 'right')


def test_the_constants_are_the_originals():
    net = HumanPoseIRNetwork
    assert (net.FEATURES, net.IMAGE_SIZE, net.HEATMAP_SIZE) == (32, 299, 289)
    assert (net.POINT_DIAMETER, net.SMOOTH_SIZE) == (15, 21)


def test_the_tensors_that_users_reach_for_have_their_shapes(pose_net):
    maps = [None, 289, 289, 16]
    assert {name: getattr(pose_net, name).shape.as_list() for name in (
        'input_tensor', 'feature_tensor', 'network', 'sigm_network', 'smoothed_sigm_network', 'desired_heatmap',
        'desired_points', 'present_joints', 'inside_box_joints', 'loss_err', 'euclidean_dist',
        'euclidean_dist_per_joint')} == {
        'input_tensor': [None, 299, 299, 3], 'feature_tensor': [None, 17, 17, 32], 'network': maps,
        'sigm_network': maps, 'smoothed_sigm_network': maps, 'desired_heatmap': maps, 'desired_points': [None, 2, 16],
        'present_joints': [None, 16], 'inside_box_joints': [None, 16], 'loss_err': [], 'euclidean_dist': [],
        'euclidean_dist_per_joint': [16]}
    assert isinstance(pose_net.sess, tf.Session) and pose_net.sess.graph is pose_net.graph


def test_learning_rate_and_global_step_are_there_in_training_only(pose_net):
    for name in ('learning_rate', 'global_step', 'nonsense'):
        with pytest.raises(AttributeError, match=f"'HumanPoseIRNetwork' object has no attribute '{name}'"):
            getattr(pose_net, name)


@pytest.mark.parametrize('arguments, message', [
    ({'loss_type': 'L1'}, "loss_type is 'SCE' or 'MSE', got 'L1'"),
    ({'loss_type': None}, "'MSE', got None"),
    ({'dropout_keep_prob': 0.0}, r'dropout_keep_prob is a number in \(0, 1\], got 0.0'),
    ({'dropout_keep_prob': 1.5}, 'got 1.5'),
    ({'dropout_keep_prob': float('nan')}, 'got nan')])
def test_bad_arguments_are_refused_before_anything_is_built(arguments, message):
    with pytest.raises(ValueError, match=message):
        HumanPoseIRNetwork(**arguments)


def test_the_base_class_builds_no_layers():
    with pytest.raises(NotImplementedError):
        human_pose_nn.HumanPoseNN(None, 289, 299)


# --- Inference builds nothing else -----------------------------------------------------------------------------------

TRAINING_OPS = ('RMSProp', 'Adam', 'Momentum', 'CrossEntropy', 'SquaredDifference', 'L2Loss', 'Assign', 'Histogram')


@pytest.fixture(scope='module')
def untouched():
    """An inference network that was never restored nor asked for losses or targets; its tests stand in this order."""
    net = HumanPoseIRNetwork(seed=1)
    yield net
    net.close()


def evaluation_operations(net):
    return [op.name for op in net.graph.get_operations() if op.name.startswith('evaluation')]


def test_use_before_restore_is_warned_about_once(untouched, frames):
    assert untouched.sess.graph is untouched.graph          # reaching for the session is no use yet
    with pytest.warns(UserWarning, match=r'HumanPoseIRNetwork is used before restore\(\)') as caught:
        for _ in range(3):
            untouched.feed_forward_features(frames[:1])
    assert len(caught) == 1


def test_scoring_and_upsampling_weights_start_glorot_uniform_and_biases_and_offsets_at_zero(untouched):
    head = {v.op.name.split('/')[-2]: v for v in untouched.variables if v.op.name.startswith('New')
            and v.op.name.endswith('weights')}
    for layer, fans in (('Scoring_layer', 768 + 32), ('Upsampling_layer', 17 * 17 * (16 + 32))):
        weights, limit = untouched.sess.run(head[layer]), np.sqrt(6 / fans)
        assert 0.99 * limit < np.abs(weights).max() <= limit
        assert weights.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    zero = [v for v in untouched.variables if v.op.name.endswith(('biases', 'beta'))]
    assert not any(array.any() for array in untouched.sess.run(zero))


def test_a_network_for_inference_has_no_loss_target_or_optimiser_until_asked(untouched, frames):
    net = untouched
    for method in (net.feed_forward_features, net.joint_positions, net.test_joint_activations):
        method(frames)
    operations = net.graph.get_operations()
    assert evaluation_operations(net) == []
    assert placeholders(net) == ['input_image']
    assert not any(op.type.startswith(kind) and op.type != 'AssignVariableOp' for op in operations
                   for kind in TRAINING_OPS)
    with net.graph.as_default():
        assert tf.losses.get_regularization_losses() == [] == tf.get_collection(tf.GraphKeys.UPDATE_OPS)


def test_eight_threads_that_ask_at_once_build_the_losses_once_while_others_infer(untouched, frames):
    net, start, tensors, wrong = untouched, threading.Barrier(10), [], []
    expected = net.joint_positions(frames)

    def ask():
        start.wait()
        tensors.append((net.loss_err, net.desired_points, net.euclidean_dist_per_joint))

    def infer():
        start.wait()
        for _ in range(3):
            try:
                np.testing.assert_allclose(net.joint_positions(frames), expected, atol=1e-4)
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)] + [threading.Thread(target=infer) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and len(tensors) == 8
    assert all(a is b for row in tensors for a, b in zip(row, tensors[0]))
    assert sorted(placeholders(net)) == sorted(['input_image'] + [f'evaluation/{name}' for name in (
        'desired_heatmap', 'desired_points', 'present_joints', 'inside_box_joints')])


def test_a_closed_network_says_so(untouched, frames, checkpoints, tmp_path):
    session = untouched.sess
    with untouched:
        pass
    for use in (lambda: untouched.joint_positions(frames), lambda: untouched.restore(checkpoints('pose')),
                lambda: untouched.save(tmp_path, 'x')):
        with pytest.raises(RuntimeError, match='this HumanPoseIRNetwork is closed; build a new one'):
            use()
    with pytest.raises(RuntimeError, match='closed'):
        session.run(untouched.feature_tensor)
    assert os.listdir(tmp_path) == []


# --- Inputs ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('dtype', [np.int32, np.int64, np.uint16, np.float16, np.float32, np.float64])
def test_frames_of_any_number_type_give_what_uint8_gives(pose_net, frames, dtype):
    expected = pose_net.feed_forward_features(frames[:1])
    np.testing.assert_array_equal(pose_net.feed_forward_features(frames[:1].astype(dtype)), expected)


def test_lists_tuples_and_memory_maps_of_frames_give_what_arrays_give(pose_net, frames, tmp_path):
    expected = pose_net.feed_forward_features(frames)
    mapped = np.lib.format.open_memmap(tmp_path / 'walk.npy', 'w+', np.uint8, frames.shape)
    mapped[:] = frames
    for other in (list(frames), tuple(frames), mapped):
        np.testing.assert_array_equal(pose_net.feed_forward_features(other), expected)


class FeedSpy:
    """Counts the frames of each run of a network."""

    def __init__(self, net, monkeypatch):
        self.sizes, run = [], net._session.run

        def spied(fetches, feed_dict=None, **arguments):
            self.sizes.append(len(feed_dict[net.input_tensor]))
            return run(fetches, feed_dict, **arguments)
        monkeypatch.setattr(net._session, 'run', spied)


@pytest.mark.parametrize('batch_size, sizes', [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (100, [5])])
def test_chunks_of_any_size_give_the_same_features_and_joints(pose_net, monkeypatch, batch_size, sizes):
    walk = pose_frames(5)
    expected = [pose_net.feed_forward_features(walk), pose_net.joint_positions(walk)]
    spy = FeedSpy(pose_net, monkeypatch)
    np.testing.assert_allclose(pose_net.feed_forward_features(walk, batch_size=batch_size), expected[0], atol=2e-5)
    np.testing.assert_allclose(pose_net.joint_positions(walk, batch_size=batch_size), expected[1], atol=1e-5)
    assert spy.sizes == sizes * 2


def test_pairs_part_the_joints_that_lie_at_one_place_and_leave_the_others(checkpoints):
    class FarReaching(HumanPoseIRNetwork):
        PAIR_REACH, PAIR_SHARE = 100.0, 0.1                     # random weights find no two joints near each other

    walk = pose_frames(5)
    with HumanPoseIRNetwork() as plain, FarReaching(pairs=True) as net:
        for each in (plain, net):
            each.restore(checkpoints('pose', 1))
        probabilities, alone = plain.feed_forward(walk), plain.joint_positions(walk)
        found = net.joint_positions(walk)
        np.testing.assert_allclose(net.features_and_joints(walk)[1], found, atol=1e-5)
    moved = (alone[:2] != found[:2]).any(axis=0)                                            # (B, 16)
    assert moved.any() and not moved[:, [2, 3, 6, 7, 8, 9, 12, 13]].any()
    np.testing.assert_allclose(found[:, ~moved], alone[:, ~moved], atol=1e-5)
    for i, joint in zip(*np.nonzero(moved)):
        other = MIRRORED_JOINTS[joint]
        assert not moved[i, other] and np.hypot(*(alone[:2, i, joint] - alone[:2, i, other])) <= 100.0
        assert np.hypot(*(found[:2, i, joint] - alone[:2, i, other])) > 100.0
        y, x = np.round(found[:2, i, joint] * 289 / 299).astype(int)
        assert found[2, i, joint] == pytest.approx(probabilities[i, y, x, joint], abs=1e-5)


def test_the_default_chunk_is_16_frames(pose_net, monkeypatch):
    sizes = []
    monkeypatch.setattr(pose_net._session, 'run', lambda fetches, feed: sizes.append(len(feed[pose_net.input_tensor]))
                        or np.zeros((sizes[-1], 17, 17, 32), np.float32))
    assert len(pose_net.feed_forward_features(np.zeros((35, 299, 299, 3), np.uint8))) == 35
    assert sizes == [16, 16, 3]


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_memory_does_not_grow_with_the_walk(pose_net, monkeypatch, tmp_path, dtype):
    """A walk on disk is never copied whole: 200 frames need no more than a few of their own."""
    walk = np.lib.format.open_memmap(tmp_path / 'walk.npy', 'w+', dtype, (200, 299, 299, 3))
    walk[::7] = 200
    monkeypatch.setattr(pose_net._session, 'run', lambda fetches, feed: np.zeros(
        (len(np.array(feed[pose_net.input_tensor], np.float32)), 3, 16), np.float32))
    tracemalloc.start()
    pose_net.joint_positions(walk, batch_size=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 299 * 299 * 3 * 4


def bad(shape, fill=100.0):
    return np.full(shape, fill, np.float32)


@pytest.mark.parametrize('wrong, message', [
    (bad((299, 299, 3)), r'got one of shape \(299, 299, 3\): put it into a batch with frame\[None\]'),
    (bad((1, 3, 299, 299)), r'got shape \(1, 3, 299, 299\)'),
    (bad((1, 299, 299, 4)), r'got shape \(1, 299, 299, 4\)'),
    (bad((2, 224, 224, 3)), r'got shape \(2, 224, 224, 3\)'),
    (bad((0, 299, 299, 3)), 'got none'),
    (bad((1, 299, 299, 3), np.nan), 'got NaN or infinity .* in sample 0'),
    (bad((1, 299, 299, 3), -np.inf), 'got NaN or infinity'),
    (bad((1, 299, 299, 3)).astype(str), 'got dtype <U')])
@pytest.mark.parametrize('method', ['feed_forward_pure', 'feed_forward', 'heat_maps', 'feed_forward_features',
                                    'joint_positions', 'test_joint_activations'])
def test_every_method_refuses_bad_frames_with_what_was_expected_and_what_came(pose_net, method, wrong, message):
    with pytest.raises((ValueError, TypeError), match=r'expected RGB frames, 0 to 255, as numbers of shape '
                                                      rf'\(N, 299, 299, 3\), {message}'):
        getattr(pose_net, method)(wrong)


@pytest.mark.parametrize('size', [0, -2, 1.5, None])
def test_a_bad_batch_size_is_refused(pose_net, frames, size):
    with pytest.raises(ValueError, match='batch_size is a positive integer, got'):
        pose_net.heat_maps(frames, batch_size=size)


@pytest.mark.parametrize('scaled', [lambda x: x / 255.0, lambda x: (x / 127.5 - 1.0).astype(np.float32)])
def test_float_frames_that_look_scaled_to_one_are_warned_about(pose_net, frames, scaled):
    with pytest.warns(UserWarning, match='look scaled to 0..1 or -1..1; the network takes RGB values from 0 to 255'):
        pose_net.feed_forward_features(scaled(frames[:1]))


def test_black_frames_and_frames_in_range_are_not_warned_about(pose_net, frames):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for fine in (frames[:1].astype(np.float32), np.zeros((1, 299, 299, 3)), np.ones((1, 299, 299, 3), np.uint8)):
            pose_net.feed_forward_features(fine)


@pytest.mark.parametrize('network', ['gait', pytest.param('pose', marks=pytest.mark.slow)])
def test_results_are_the_same_with_version_1_behaviour_switched_on(checkpoints, tmp_path, network):
    """`tf.compat.v1.disable_v2_behavior()` gives reference variables and the old control flow."""
    code = f'''
import sys
sys.path[:0] = [{os.path.dirname(human_pose_nn.__file__)!r}, {os.path.dirname(__file__)!r}]
import numpy as np, tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
from reference_weights import gait_features, pose_frames, reference
from human_pose_nn import HumanPoseIRNetwork
from gait_nn import GaitNetwork
if {network!r} == 'pose':
    net = HumanPoseIRNetwork()
    net.restore({checkpoints('pose')!r})
    found, expected = net.feed_forward_features(pose_frames()), reference('pose_forward')['features']
else:
    net = GaitNetwork(recurrent_unit='LSTM', rnn_layers=2)
    net.restore({checkpoints('tf1.3 LSTM 2 layers (one shared cell)')!r})
    found, expected = net.feed_forward(gait_features()), reference('gait_forward')['LSTM_2_vector']
    trainer = GaitNetwork(num_of_persons=3, is_training=True)
    assert np.isfinite(trainer.train(gait_features(), 1, 1e-3))
np.testing.assert_allclose(found, expected, atol=1e-4)
assert tf.get_default_graph().get_operations() == []
'''
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- Evaluation ------------------------------------------------------------------------------------------------------

def test_mean_distances_count_what_is_inside_and_are_nan_where_nothing_is(pose_net, frames):
    distances = pose_net.test_joint_distances(frames, POINTS)
    inside = np.zeros((2, 16))
    inside[0, 3] = inside[1, 5] = 1
    mean = pose_net.test_euclidean_distance(frames, POINTS, MARKED, inside)
    assert mean == pytest.approx((distances[0, 3] + distances[1, 5]) / 2)
    assert np.isnan(pose_net.test_euclidean_distance(frames, POINTS, MARKED, np.zeros((2, 16))))


def test_distances_in_chunks_are_those_of_the_whole(pose_net):
    walk, points = pose_frames(3), np.random.RandomState(0).uniform(0, 288, (3, 2, 16))
    np.testing.assert_allclose(pose_net.test_joint_distances(walk, points, batch_size=2),
                               pose_net.test_joint_distances(walk, points), atol=1e-4)


@pytest.mark.parametrize('points, inside, message', [
    (POINTS[:1], MARKED, r'expected points of shape \(2, 2, 16\).* got \(1, 2, 16\)'),
    (POINTS.swapaxes(1, 2), MARKED, r'got \(2, 16, 2\)'),
    (POINTS, MARKED[:1], r'expected is_inside_box of shape \(2, 16\), got \(1, 16\)')])
def test_points_and_marks_that_do_not_fit_the_frames_are_refused(pose_net, frames, points, inside, message):
    with pytest.raises(ValueError, match=message):
        pose_net.test_euclidean_distance(frames, points, MARKED, inside)


def test_the_loss_is_per_joint_pixel_sums_over_present_joints_and_nan_without_any(pose_net, frames):
    present = np.zeros((2, 16))
    present[0, :3] = present[1, 7] = 1
    target = pose_net.generate_output((2, 289, 289, 16), MARKED, POINTS, 15)
    feed = {pose_net.input_tensor: frames, pose_net.desired_heatmap: target, pose_net.present_joints: present}
    logits, loss = pose_net.sess.run([pose_net.network, pose_net.loss_err], feed)
    logits = logits.astype(np.float64)
    entropy = np.maximum(logits, 0) - logits * target + np.log1p(np.exp(-np.abs(logits)))
    assert loss == pytest.approx((entropy.sum((1, 2)) * present).sum() / 4, rel=1e-4)
    assert np.isnan(pose_net.sess.run(pose_net.loss_err, {**feed, pose_net.present_joints: np.zeros((2, 16))}))


# --- Training --------------------------------------------------------------------------------------------------------

def test_training_a_network_for_inference_is_refused(pose_net, frames):
    target = np.zeros((2, 289, 289, 16), np.float32)
    for call in (lambda: pose_net.train(frames, target, MARKED, 1e-3, MARKED),
                 lambda: pose_net.write_summary(frames, POINTS, target, MARKED, 1e-3, MARKED)):
        with pytest.raises(RuntimeError, match='built for inference; build it with is_training=True'):
            call()


def test_test_summaries_go_to_the_log_names_folder_and_without_a_log_name_nowhere(pose_net, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pose_net.write_test_summary(3, 8.5)
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr(pose_net, 'log_name', 'mine')
    pose_net.write_test_summary(3, 8.5)
    pose_net.write_test_summary(4, 7.5)
    assert events('logdir/mine/test') == {'Average Euclidean Distance': [(3, 8.5), (4, 7.5)]}


def test_a_picture_alone_goes_through_twice_where_that_is_quicker_and_gives_the_same(pose_net, frames, monkeypatch):
    expected = [pose_net.joint_positions(frames[:1]), *pose_net.features_and_joints(frames[:1])]
    sizes, run = [], pose_net.sess.run

    class Session:
        def run(self, fetches, feed):
            sizes.append(len(feed[pose_net.input_tensor]))
            return run(fetches, feed)
    monkeypatch.setattr(pose_net, '_is_slow_with_one', True)
    monkeypatch.setattr(pose_net, '_session', Session())
    found = [pose_net.joint_positions(frames[:1]), *pose_net.features_and_joints(frames[:1])]
    several = pose_net.joint_positions(np.concatenate([frames, frames[:1]]), batch_size=2)
    assert sizes == [2, 2, 2, 2] and [each.shape for each in found] == [each.shape for each in expected]
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(other).max())
    assert several.shape == (3, 3, 16)
    np.testing.assert_allclose(several[:, 2], expected[0][:, 0], atol=1e-2)


@pytest.fixture
def trained(pose_training_nets, checkpoints):
    """A training network as restored, its optimiser and step as new."""
    net = pose_training_nets(1.0)
    net.sess.run([v.initializer for v in net.variables])
    net.restore(checkpoints('pose'))
    return net


@pytest.fixture(scope='module')
def lesson(frames):
    data = reference('pose_evaluation')
    target = human_pose_nn.pose_heat_maps.targets('disc', (2, 289, 289, 16), data['present'], data['points'], 15)
    return frames, target, data['present'], 1e-3, data['inside']


@pytest.mark.slow
def test_steps_on_one_batch_lower_the_loss_and_are_counted(trained, lesson):
    losses = [trained.train(*lesson) for _ in range(6)]
    assert losses[-1] < losses[0]
    assert trained.sess.run(trained.global_step) == 6


@pytest.mark.slow
@pytest.mark.parametrize('place, wrong, message', [
    (1, lambda a: a[:1], r'expected heatmaps of shape \(2, 289, 289, 16\), got \(1, 289, 289, 16\)'),
    (2, lambda a: a[:1], r'expected present_joints of shape \(2, 16\), got \(1, 16\)'),
    (4, lambda a: a[:, :15], r'expected is_inside_box of shape \(2, 16\), got \(2, 15\)')])
def test_labels_that_do_not_fit_the_frames_are_refused(trained, lesson, place, wrong, message):
    lesson = list(lesson)
    lesson[place] = wrong(lesson[place])
    with pytest.raises(ValueError, match=message):
        trained.train(*lesson)
    assert trained.sess.run(trained.global_step) == 0


@pytest.mark.slow
def test_training_summaries_hold_the_originals_figures_at_their_frequencies(trained, lesson, tmp_path, monkeypatch):
    images, target, present, rate, inside = lesson
    points = reference('pose_evaluation')['points']
    monkeypatch.chdir(tmp_path)

    def write(**frequencies):
        trained.write_summary(images, points, target, present, rate, inside, **frequencies)

    write()
    assert os.listdir(tmp_path) == []                                       # no log_name
    monkeypatch.setattr(trained, 'log_name', 'mine')
    write(write_frequency=2, write_per_joint_frequency=3)                   # step 0: both
    trained.train(*lesson)
    write(write_frequency=2, write_per_joint_frequency=3)                   # step 1: none
    trained.train(*lesson)
    write(write_frequency=2, write_per_joint_frequency=3)                   # step 2: the first
    found = events('logdir/mine/train')
    assert set(found) == {'Loss', 'Gradient norm', 'Gradient norm, clipped', 'Average euclidean distance',
                          'Last layer', 'Scoring layer', 'Upsampling layer'}
    assert all([step for step, _ in figures] == [0, 2] for figures in found.values())
    assert found['Scoring layer'][0][1].num == 2 * 17 * 17 * 32
    assert found['Last layer'][0][1].num == found['Upsampling layer'][0][1].num == 2 * 289 * 289 * 16
    assert found['Gradient norm, clipped'][0][1] <= 2.0 + 1e-4 <= found['Gradient norm'][0][1]
    loss = trained.sess.run(trained.loss_err, {trained.input_tensor: images, trained.desired_heatmap: target,
                                               trained.present_joints: present})
    assert found['Loss'][1][1] == pytest.approx(float(loss), rel=1e-3)
    assert sorted(name for name in os.listdir('logdir/mine/train') if name.startswith('point')) == [
        f'point_{i:02d}' for i in range(16)]
    for i in range(16):
        (tag, figures), = events(f'logdir/mine/train/point_{i:02d}').items()
        assert tag == 'Joint euclidean distance' and [step for step, _ in figures] == [0]


@pytest.mark.slow
def test_weight_decay_is_declared_on_the_layers_and_never_part_of_the_loss(trained):
    with trained.graph.as_default():
        declared = {t.op.name: t for t in tf.losses.get_regularization_losses()}
    convolutions = [v for v in trained.variables if v.op.name.endswith(('/weights', '/biases'))]
    assert len(declared) == len(convolutions)
    for layer, decay in (('InceptionResnetV2/Conv2d_1a_3x3', 1e-4),
                         ('NewInceptionResnetV2/AuxiliaryScoring/Scoring_layer', 5e-4)):
        tensor, = (t for name, t in declared.items() if name.startswith(f'{layer}/') and 'bias' not in name)
        weights, = (v for v in convolutions if v.op.name == f'{layer}/weights')
        loss, array = trained.sess.run([tensor, weights])
        assert loss == pytest.approx(decay * np.square(array).sum() / 2, rel=1e-4)


@pytest.mark.slow
def test_dropout_acts_in_training(pose_training_nets, checkpoints, frames):
    features = []
    for keep in (1.0, 0.7):
        net = pose_training_nets(keep)
        net.restore(checkpoints('pose'))
        features.append(net.sess.run(net.feature_tensor, {net.input_tensor: frames}))
    assert not np.allclose(*features)


def test_a_batch_without_any_joint_is_not_trained_on(pose_training_nets, frames):
    net = pose_training_nets(1.0)
    with pytest.raises(ValueError, match='no joint is present in this batch'):
        net.train(frames, np.zeros((2, 289, 289, 16)), np.zeros((2, 16)), 1e-3, np.zeros((2, 16)))


def bfloat16_refused():
    try:
        check_precision('bfloat16')
    except RuntimeError as error:
        return str(error)


def test_bfloat16_is_refused_where_the_processor_lacks_it(monkeypatch):
    import io
    monkeypatch.setattr('builtins.open', lambda path, *_: io.StringIO('flags\t\t: fpu sse2 avx2 avx512f\n'))
    with pytest.raises(RuntimeError, match="precision='bfloat16' needs a processor with AVX512_BF16 or AMX"):
        HumanPoseIRNetwork(precision='bfloat16')
    with pytest.raises(ValueError, match="precision is 'float32' or 'bfloat16', got 'half'"):
        HumanPoseIRNetwork(precision='half')


@pytest.mark.skipif(bfloat16_refused() is not None, reason=f'{bfloat16_refused()}')
def test_bfloat16_stays_near_float32_with_the_same_float32_variables(shipped_pose_net):
    pictures = np.stack([picture(500_000 + i).image for i in range(2)])    # never trained on
    with HumanPoseIRNetwork(precision='bfloat16') as net:
        net.restore(SHIPPED / gait_checkpoints.SHIPPED_POSE)
        assert {v.dtype.base_dtype for v in net.variables} == {tf.float32}
        assert [v.op.name for v in net.model_variables] == [v.op.name for v in shipped_pose_net.model_variables]
        features, maps, joints = (
            [getattr(each, method)(pictures) for each in (shipped_pose_net, net)]
            for method in ('feed_forward_features', 'heat_maps', 'joint_positions'))
    # Largest differences of four pictures: 0.43 % of the largest feature, 0.0062, 0.0037 and 1.5 pixels.
    assert 0 < np.abs(np.subtract(*features)).max() < 0.02 * np.abs(features[0]).max()
    assert maps[1].dtype == np.float32 and np.abs(np.subtract(*maps)).max() < 0.02
    difference = np.subtract(*joints)
    assert np.abs(difference[2]).max() < 0.015
    clear = joints[0][2] > 0.5
    assert clear.sum() > 20 and np.hypot(*difference[:2])[clear].max() < 4
