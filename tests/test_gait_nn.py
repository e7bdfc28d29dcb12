"""The gait network: its life, shared graphs, inputs, training and summaries. Its figures are in test_conformance.py."""
import contextlib
import os
import warnings

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from reference_weights import SHARED
from test_gait_layers import gru_loop
from test_human_pose_nn import events, placeholders

import gait_network
from gait_network import quiet_slim
from gait_nn import GaitNetwork, GaitNN


def walk(frames, seed=0):
    return (np.random.RandomState(seed).standard_normal((frames, 17, 17, 32)) * 30).astype(np.float32)


# --- What it is ------------------------------------------------------------------------------------------------------

def test_the_tensors_that_users_reach_for_have_their_shapes(gait_nets):
    net = gait_nets('GRU', 2)
    assert net.input_tensor.shape.as_list() == [None, 17, 17, 32]
    assert net.gait_signature.shape.as_list() == [512]
    assert net.network.shape.as_list() == [None, 512]
    assert [h.shape.as_list() for h in net.state] == [[512]] * 2
    assert [[s.shape.as_list() for s in layer] for layer in gait_nets('LSTM', 1).state] == [[[512], [512]]]
    for name in ('loss', 'desired_person', 'learning_rate', 'global_step'):
        assert not hasattr(net, name)


@pytest.mark.parametrize('arguments, message', [
    ({'recurrent_unit': 'RNN'}, "recurrent_unit is 'GRU' or 'LSTM', got 'RNN'"),
    ({'recurrent_unit': 'gru'}, "got 'gru'"),
    ({'rnn_layers': 0}, 'rnn_layers is a positive integer, got 0'),
    ({'rnn_layers': 1.5}, 'got 1.5'),
    ({'rnn_layers': True}, 'got True'),
    ({'is_training': True}, 'training needs num_of_persons, .* got 0'),
    ({'is_training': True, 'num_of_persons': '7'}, "got '7'"),
    ({'is_training': True, 'num_of_persons': 2.5}, 'got 2.5'),
    ({'dropout_keep_prob': 0}, r'dropout_keep_prob is a number in \(0, 1\], got 0'),
    ({'reuse': True}, 'reuse=True .* without input_net each network has a graph of its own'),
    ({'session': 'any'}, 'session= goes with input_net=')])
def test_bad_arguments_are_refused_before_anything_is_built(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaitNetwork(**arguments)


def test_the_base_class_builds_no_layers():
    with pytest.raises(NotImplementedError):
        GaitNN()


def test_pre_processing_divides_by_100():
    np.testing.assert_array_equal(GaitNN.pre_process(np.array([100.0, -50.0])), [1.0, -0.5])


@pytest.mark.parametrize('stride, size, names', [(1, 9, ['Conv', 'Conv_1', 'Conv_2']),
                                                 (2, 5, ['Conv', 'Conv_1', 'Conv_2', 'Conv_3'])])
def test_residual_blocks_keep_the_published_names_and_halve_with_a_stride(stride, size, names):
    with tf.Graph().as_default(), quiet_slim():
        net = GaitNetwork.residual_block(tf.ones((2, 9, 9, 8)), 8, 4, stride)
        assert net.shape.as_list() == [2, size, size, 8]
        found = {v.op.name.split('/')[1] for v in tf.global_variables()}
        assert found == {*names, 'BatchNorm', 'BatchNorm_1', 'BatchNorm_2'}
        if stride > 1:                                      # the shortcut takes the first scope
            shortcut = next(v for v in tf.global_variables() if v.op.name == 'ResidualBlock/Conv/weights')
            assert shortcut.shape.as_list() == [1, 1, 8, 8]


def test_the_discarded_blocks_never_touch_the_vector(gait_net, features):
    """The quirk that decides every vector: repeated blocks are in every file and off the path."""
    before = gait_net.feed_forward(features)
    discarded = [v for v in gait_net.variables if '/Repeat/residual_block_' in v.op.name]
    assert len(discarded) == 6 * 15
    gait_net.sess.run([v.initializer for v in discarded], {v.initializer.inputs[1]: np.full(v.shape.as_list(), 9.0)
                                                           for v in discarded})
    np.testing.assert_array_equal(gait_net.feed_forward(features), before)


def test_the_discarded_blocks_are_never_computed(gait_net, features):
    record = tf.RunMetadata()
    gait_net.sess.run(gait_net.gait_signature, {gait_net.input_tensor: features}, run_metadata=record,
                      options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE))
    ran = {node.node_name for device in record.step_stats.dev_stats for node in device.node_stats}
    built = {op.name for op in gait_net.graph.get_operations() if op.type == 'Conv2D'}
    assert sum('/Repeat/residual_block_' in name for name in built) == 6 * 3
    assert any('ResidualBlock' in name for name in ran)
    assert not any('/Repeat/residual_block_' in name for name in ran)


def test_a_network_for_inference_has_no_loss_target_or_optimiser(gait_nets):
    net = gait_nets('GRU', 1)
    operations = net.graph.get_operations()
    assert placeholders(net) == ['spatial_features']
    assert not any('RMSProp' in op.type or 'CrossEntropy' in op.type or 'L2Loss' in op.type for op in operations)
    assert len(net.variables) == len(net.model_variables)


def test_weights_that_are_not_restored_are_what_the_initialisers_give(monkeypatch):
    """A network for inference is built without its initialisers, and asks for them only where it needs them."""
    def initial_values():
        with GaitNetwork(seed=3) as net:
            built = len(net.graph.get_operations())
            return built, net.sess.run({v.op.name: v for v in net.variables})

    lean, ours = initial_values()
    monkeypatch.setattr(gait_network, 'fed_before_use', contextlib.nullcontext)
    full, expected = initial_values()
    assert lean < full and ours.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(ours[name], value, name)


def test_each_network_has_its_own_graph_session_and_config():
    with GaitNetwork(session_config=tf.ConfigProto(device_count={'CPU': 3})) as a, GaitNetwork() as b:
        assert a.graph is not b.graph and a.sess.graph is a.graph
        assert [sum(d.device_type == 'CPU' for d in net.sess.list_devices()) for net in (a, b)] == [3, 1]


# --- Inputs ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('convert', [list, tuple, np.float64, lambda x: x.astype(np.float64).tolist()])
def test_lists_tuples_and_other_floats_give_what_float32_gives(gait_net, features, convert):
    np.testing.assert_array_equal(gait_net.feed_forward(convert(features)), gait_net.feed_forward(features))


@pytest.mark.parametrize('dtype', [np.int16, np.uint8, np.float16])
def test_other_number_types_and_memory_maps_are_taken(gait_net, tmp_path, dtype):
    features = np.arange(3 * 17 * 17 * 32).reshape(3, 17, 17, 32) % 100
    mapped = np.lib.format.open_memmap(tmp_path / 'walk.npy', 'w+', dtype, features.shape)
    mapped[:] = features
    np.testing.assert_array_equal(gait_net.feed_forward(mapped), gait_net.feed_forward(features.astype(np.float32)))


@pytest.mark.parametrize('cell', ['GRU', 'LSTM'])
def test_chunks_of_any_size_give_the_same_vector_and_state(gait_nets, checkpoints, cell):
    """But for float32's rounding, which differs with the shape of a product: up to 4.3e-6 of a state was seen."""
    net, features = gait_nets(cell, 2), walk(9)
    net.restore(checkpoints(SHARED.format(cell)))
    vector, state = net.feed_forward(features, return_state=True)
    for batch_size in (1, 2, 4, 9, 1000):
        other, other_state = net.feed_forward(features, return_state=True, batch_size=batch_size)
        np.testing.assert_allclose(other, vector, atol=2e-6)
        np.testing.assert_allclose(np.array(other_state), np.array(state), atol=1e-5)


def test_a_walk_longer_than_a_chunk_goes_through_in_pieces_of_64(gait_net, monkeypatch):
    sizes, run = [], gait_net._session.run
    monkeypatch.setattr(gait_net._session, 'run', lambda fetches, feed: sizes.append(len(feed[gait_net.input_tensor]))
                        or run(fetches, feed))
    gait_net.feed_forward(walk(130))
    assert sizes == [64, 64, 2]


@pytest.mark.parametrize('wrong, message', [
    (walk(1)[0], r'got one of shape \(17, 17, 32\): put it into a batch with features\[None\]'),
    (np.zeros((2, 32, 17, 17)), r'got shape \(2, 32, 17, 17\)'),
    (np.zeros((2, 299, 299, 3)), r'got shape \(2, 299, 299, 3\)'),
    (np.zeros((0, 17, 17, 32)), 'got none'),
    (np.full((2, 17, 17, 32), np.nan), 'got NaN or infinity .* in sample 0'),
    (np.zeros((2, 17, 17, 32), object), 'got dtype object')])
def test_bad_features_are_refused_with_what_was_expected_and_what_came(gait_net, wrong, message):
    with pytest.raises((ValueError, TypeError), match=r'expected spatial features of consecutive frames as numbers of '
                                                      rf'shape \(N, 17, 17, 32\), {message}'):
        gait_net.feed_forward(wrong)


def test_a_bad_batch_size_is_refused(gait_net):
    with pytest.raises(ValueError, match='batch_size is a positive integer, got 0'):
        gait_net.feed_forward(walk(1), batch_size=0)


H = np.zeros(512)


@pytest.mark.parametrize('cell, state, message', [
    ('GRU', (H,), r'expected 2 layer\(s\) of h \(512,\), finite, got shapes \[\(512,\)\]'),
    ('GRU', (H, H[:5]), r'got shapes \[\(512,\), \(5,\)\]'),
    ('GRU', (H, H * np.nan), 'finite'),
    ('GRU', 3, 'got int'),
    ('LSTM', (H, H), r'2 layer\(s\) of \(c, h\)'),
    ('LSTM', ((H, H), (H, H, H)), r'\(c, h\), finite')])
def test_a_state_of_another_network_is_refused_with_what_was_expected(gait_nets, features, cell, state, message):
    with pytest.raises(ValueError, match=f'initial_state: .*{message}'):
        gait_nets(cell, 2).feed_forward(features, initial_state=state)


def test_use_before_restore_is_warned_about_once_and_restoring_ends_it(checkpoints, features):
    with GaitNetwork() as net:
        with pytest.warns(UserWarning, match=r'GaitNetwork is used before restore\(\)') as caught:
            net.feed_forward(features)
            net.feed_forward(features)
        assert len(caught) == 1
    with GaitNetwork() as net, warnings.catch_warnings():
        warnings.simplefilter('error')
        net.restore(checkpoints(SHARED.format('GRU')))
        net.feed_forward(features)


def test_a_closed_network_says_so(checkpoints, features):
    with GaitNetwork() as net:
        pass
    for use in (lambda: net.feed_forward(features), lambda: net.restore(checkpoints(SHARED.format('GRU')))):
        with pytest.raises(RuntimeError, match='this GaitNetwork is closed; build a new one'):
            use()


# --- On another network's tensor -------------------------------------------------------------------------------------

@pytest.fixture
def shared():
    """A session and a tensor of features in its graph, twice what is fed; stands for the pose network."""
    with tf.Graph().as_default() as graph:
        place = tf.placeholder(tf.float32, (None, 17, 17, 32))
        doubled = place * 2.0
    with tf.Session(graph=graph) as session:
        yield place, doubled, session


def test_one_run_of_the_pose_networks_session_goes_from_frames_to_the_vector(pose_net, checkpoints, frames, gait_net):
    expected = gait_net.feed_forward(pose_net.feed_forward_features(frames))
    pose_names = {v.op.name for v in pose_net.model_variables}
    with GaitNetwork(rnn_layers=2, input_net=pose_net.feature_tensor, session=pose_net.sess) as net:
        assert net.graph is pose_net.graph and net.sess is pose_net.sess
        net.restore(checkpoints(SHARED.format('GRU')))
        vector = pose_net.sess.run(net.gait_signature, {pose_net.input_tensor: frames})
        np.testing.assert_allclose(vector, expected, atol=1e-5)
        np.testing.assert_allclose(net.feed_forward(pose_net.feed_forward_features(frames)), expected, atol=1e-5)
        assert {v.op.name for v in pose_net.model_variables} == pose_names          # each saves its own
        assert not pose_names & {v.op.name for v in net.model_variables}
    assert pose_net.feed_forward_features(frames).shape == (2, 17, 17, 32)          # its session was not closed
    pose_net.restore(checkpoints('pose', 1))


def test_reuse_shares_the_variables_of_the_gait_network_in_the_graph(shared, checkpoints):
    place, doubled, session = shared
    first = GaitNetwork(input_net=doubled, session=session)
    first.restore(checkpoints(SHARED.format('GRU')))
    count = len(session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES))
    with warnings.catch_warnings():
        warnings.simplefilter('error')                      # the second needs no restore of its own
        second = GaitNetwork(input_net=doubled, session=session, reuse=True)
        np.testing.assert_array_equal(second.feed_forward(walk(3)), first.feed_forward(walk(3)))
    assert len(session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)) == count
    assert second.variables == first.variables
    with pytest.warns(UserWarning, match='holds no recurrent weights'):
        second.restore(checkpoints('gait'))                 # into both
    np.testing.assert_array_equal(second.feed_forward(walk(3)), first.feed_forward(walk(3)))
    second.close()
    first.close()
    assert session.run(doubled, {place: walk(1)}).shape == (1, 17, 17, 32)


def test_a_network_for_inference_can_share_the_weights_of_one_in_training(shared, checkpoints):
    _, doubled, session = shared
    trainer = GaitNetwork(input_net=doubled, session=session, is_training=True, num_of_persons=4)
    trainer.restore(checkpoints(SHARED.format('GRU')))
    validator = GaitNetwork(input_net=doubled, session=session, reuse=True)
    before = validator.feed_forward(walk(3))
    for _ in range(3):
        trainer.train(walk(6), 1, 1e-2)
    assert not np.array_equal(validator.feed_forward(walk(3)), before)
    np.testing.assert_array_equal(validator.feed_forward(walk(3)), validator.feed_forward(walk(3)))


def test_what_cannot_be_shared_is_refused(shared):
    place, doubled, session = shared
    with pytest.raises(ValueError, match="input_net= needs session=, a session of that tensor's graph"):
        GaitNetwork(input_net=doubled)
    with pytest.raises(ValueError, match='reuse=True, but there is no gait network'):
        GaitNetwork(input_net=doubled, session=session, reuse=True)
    with tf.Graph().as_default(), tf.Session() as other, pytest.raises(ValueError, match='is of another graph'):
        GaitNetwork(input_net=doubled, session=other)
    with pytest.raises(ValueError, match='session_config= is for a session of our own'):
        GaitNetwork(input_net=doubled, session=session, session_config=tf.ConfigProto())
    with pytest.raises(TypeError, match='input_net is a tensor of a graph.* got ndarray'):
        GaitNetwork(input_net=walk(1), session=session)
    with session.graph.as_default(), pytest.raises(ValueError, match=r'float32 of shape \(T, 17, 17, 32\)'):
        GaitNetwork(input_net=tf.ones((1, 17, 17, 31)), session=session)
    assert session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES) == []        # nothing was half built
    GaitNetwork(input_net=doubled, session=session)
    with pytest.raises(ValueError, match='already holds a gait network: pass reuse=True to share its variables'):
        GaitNetwork(input_net=place, session=session)
    with pytest.raises(TypeError, match='session is a tf.compat.v1.Session, got int'):
        GaitNetwork(input_net=place, session=7)


@pytest.mark.parametrize('asked', [{'rnn_layers': 1}, {'rnn_layers': 3}, {'rnn_layers': 2, 'recurrent_unit': 'LSTM'}])
def test_a_network_of_other_recurrent_layers_cannot_be_reused(shared, asked):
    _, doubled, session = shared
    GaitNetwork(rnn_layers=2, input_net=doubled, session=session)
    with pytest.raises(ValueError, match=r'those of 2 layer\(s\) of GRU; asked for were'):
        GaitNetwork(input_net=doubled, session=session, reuse=True, **asked)


def test_weights_that_are_no_numbers_are_never_saved(tmp_path):
    with GaitNetwork() as net:
        path = net.save(tmp_path, 'walk')
        bias = next(v for v in net.variables if v.op.name == 'GaitNN/FullyConnected/fully_connected/biases')
        net.sess.run(bias.initializer, {bias.initializer.inputs[1]: np.full(512, np.nan)})
        with pytest.raises(ValueError, match='not saved: 1 variables hold NaN or infinity, such as GaitNN/FullyC'):
            net.save(tmp_path, 'walk')
        assert not net.restore(path).initial                            # the earlier file is as it was
        for name in ('', 'a/b', 'walk.ckpt'):
            with pytest.raises(ValueError, match='without folder and without .ckpt'):
                net.save(tmp_path, name)


def test_a_warning_points_at_the_users_own_line(checkpoints):
    with GaitNetwork() as net:
        with pytest.warns(UserWarning, match='used before restore') as caught:
            net.feed_forward(walk(1))
        with pytest.warns(UserWarning, match='no recurrent weights') as more:
            net.restore(checkpoints('gait'))
    assert {w.filename for w in [*caught, *more]} == {__file__}


# --- Training --------------------------------------------------------------------------------------------------------

@pytest.fixture(scope='module')
def trainer():
    """A small schedule, so that the learning rate falls within a test. Without dropout, steps can be compared."""
    class Quick(GaitNetwork):
        def __init__(self):
            self._update_discarded = True
            GaitNN.__init__(self, None, num_of_persons=5, is_training=True, count_of_training_examples=3,
                            dropout_keep_prob=1.0, seed=4)

    with Quick() as net:
        yield net


@pytest.fixture
def fresh(trainer):
    """The trainer with initial weights, its optimiser and step as new."""
    trainer.sess.run([v.initializer for v in trainer.variables])
    return trainer


def test_training_tensors_have_their_shapes(trainer):
    assert trainer.network.shape.as_list() == [1, 5]
    assert trainer.loss.shape.as_list() == trainer.learning_rate.shape.as_list() == []


def test_steps_on_one_walk_lower_its_loss_and_are_counted(fresh):
    losses = [fresh.train(walk(6), 2, 1e-3) for _ in range(8)]
    assert losses[-1] < losses[0]
    assert fresh.sess.run(fresh.global_step) == 8


THREE_WALKS = np.stack([walk(6), 2 * walk(6), walk(12)[6:]])


@pytest.fixture(scope='module')
def several():
    """Three walks a step, without dropout, and with Adam."""
    with GaitNetwork(None, 5, is_training=True, dropout_keep_prob=1.0, seed=4, walks_per_step=3,
                     optimizer='Adam') as net:
        yield net


def test_a_step_of_several_walks_sees_each_by_itself(several):
    """Each walk's vector is the recurrent layer's over that walk alone; the loss is the mean of the walks' losses."""
    walks, people = THREE_WALKS, np.array([2, 0, 4])
    feed = {several.input_tensor: walks.reshape(-1, 17, 17, 32), several.desired_person: people}
    descriptions = several.graph.get_tensor_by_name('GaitNN/FullyConnected/fully_connected/BiasAdd:0')
    described, vectors, logits, loss, weights = several.sess.run(
        [descriptions, several.gait_signature, several.network, several.loss,
         {v.op.name.rsplit('cell_0/')[-1]: v for v in several.model_variables if 'Recurrent' in v.op.name}], feed)
    assert vectors.shape == (3, 512) and logits.shape == (3, 5)
    for number in range(3):
        outputs, _ = gru_loop(described[6 * number:6 * number + 6], np.zeros(512),
                              *(weights[f'gru_cell/{name}'] for name in ('gates/kernel', 'gates/bias',
                                                                         'candidate/kernel', 'candidate/bias')))
        np.testing.assert_allclose(vectors[number], outputs.mean(axis=0), atol=1e-4)
    chosen = logits[np.arange(3), people]
    assert loss == pytest.approx(np.mean(np.log(np.exp(logits).sum(1)) - chosen), rel=1e-4)
    assert several.train(walks, people, 0.0) == pytest.approx(loss, rel=1e-4)


def test_a_margin_compares_directions_and_its_own_person_has_to_be_nearer_by_it():
    walks, people = THREE_WALKS, np.array([2, 0, 4])
    with GaitNetwork(None, 5, is_training=True, dropout_keep_prob=1.0, seed=4, walks_per_step=3, optimizer='Adam',
                     margin=0.35) as net:
        weights, = (v for v in net.model_variables if v.op.name.startswith(net.LOGITS_SCOPE))
        feed = {net.input_tensor: walks.reshape(-1, 17, 17, 32), net.desired_person: people}
        vectors, directions, logits, loss = net.sess.run([net.gait_signature, weights, net.network, net.loss], feed)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = unit @ (directions / np.linalg.norm(directions, axis=0))
        np.testing.assert_allclose(logits, 30 * cosines, atol=1e-3)
        lowered = 30 * (cosines - 0.35 * np.eye(5)[people])
        expected = np.mean(np.log(np.exp(lowered).sum(1)) - lowered[np.arange(3), people])
        assert loss == pytest.approx(expected, rel=1e-3)
        losses = [net.train(walks, people, 1e-3) for _ in range(8)]
        assert losses[-1] < losses[0]


def test_batches_averages_stand_in_for_moving_averages_that_lag(several):
    """Inference with one batch's own statistics is what training sees of that batch; the moving averages still lag."""
    walks, people = THREE_WALKS, np.array([2, 0, 4])
    feed = {several.input_tensor: walks.reshape(-1, 17, 17, 32), several.desired_person: people}
    seen, averages = several.sess.run(several.gait_signature, feed), several.batch_averages([feed])
    with GaitNetwork() as inference:
        names = {v.op.name for v in inference.model_variables}
        assert averages.keys() == {name for name in names if name.endswith(('moving_mean', 'moving_variance'))}
        state = several.sess.run({v.op.name: v for v in several.model_variables if v.op.name in names})

        def distance(state):
            inference.set_training_state(state)
            return np.abs(np.stack([inference.feed_forward(one) for one in walks]) - seen).max()
        assert distance({**state, **averages}) < 1e-4 and distance(state) > 0.01
    other = {**feed, several.input_tensor: 3 * walks.reshape(-1, 17, 17, 32)}
    both, second = several.batch_averages([feed, other]), several.batch_averages([other])
    for name, average in both.items():
        np.testing.assert_allclose(average, (averages[name] + second[name]) / 2, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match='no batch'):
        several.batch_averages([])


def test_steps_of_several_walks_with_adam_lower_their_loss_and_can_be_resumed(several):
    walks, people = THREE_WALKS, [2, 0, 4]
    first = [several.train(walks, people, 1e-4) for _ in range(3)]
    state = several.training_state()
    assert any(name.endswith('Adam_1') for name in state) and any('beta2_power' in name for name in state)
    rest = [several.train(walks, people, 1e-4) for _ in range(3)]
    assert rest[-1] < first[0]
    several.set_training_state(state)
    np.testing.assert_allclose([several.train(walks, people, 1e-4) for _ in range(3)], rest, rtol=1e-3)


def test_with_adam_the_classifier_learns_ten_times_as_fast(several):
    """Adam's first step moves a weight by the rate, whatever the gradient."""
    several.sess.run([v.initializer for v in several.variables])
    before = several.training_state()
    several.train(THREE_WALKS, [2, 0, 4], 1e-4)
    after = several.training_state()
    steps = {v.op.name: np.abs(after[v.op.name] - before[v.op.name]).max()
             for v in several.graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)
             if v.op.name.endswith(('/weights', '/kernel')) and '/Repeat/' not in v.op.name}
    assert len(steps) == 15
    for name, length in steps.items():
        assert length == pytest.approx(1e-3 if '/Logits/' in name else 1e-4, rel=0.01), name


@pytest.mark.parametrize('walks, people, message', [
    (np.zeros((2, 6, 17, 17, 32)), [0, 1, 2], r'of 3 walks have shape \(3, T, 17, 17, 32\), got \(2, 6'),
    (np.zeros((6, 17, 17, 32)), [0, 1, 2], r'of 3 walks have shape \(3, T, 17, 17, 32\), got \(6, 17'),
    (np.zeros((3, 6, 17, 17, 32)), 1, 'desired_person is 3 integers in 0..4, got 1'),
    (np.zeros((3, 6, 17, 17, 32)), [0, 1, 5], 'desired_person is 3 integers in 0..4, got .0, 1, 5.'),
    (np.full((3, 6, 17, 17, 32), np.nan), [0, 1, 2], 'NaN')])
def test_several_walks_of_another_shape_or_number_are_refused(several, walks, people, message):
    with pytest.raises(ValueError, match=message):
        several.train(walks, people, 1e-4)


@pytest.mark.parametrize('arguments, message', [
    ({'walks_per_step': 0}, 'walks_per_step is a positive integer.*got 0'),
    ({'walks_per_step': 2.5}, 'got 2.5'),
    ({'walks_per_step': 2, 'is_training': False}, '1 outside training, got 2'),
    ({'optimizer': 'adam'}, "optimizer is 'RMSProp' or 'Adam', got 'adam'"),
    ({'margin': 1}, r'margin is a number in \[0, 1\), got 1'),
    ({'margin': '0.3'}, "got '0.3'")])
def test_a_step_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaitNetwork(**{'is_training': True, 'num_of_persons': 2, **arguments})


def test_weights_start_from_a_truncated_normal_of_the_published_width(fresh):
    kernels = [v for v in fresh.variables if v.op.name.endswith('/weights')]
    assert len(kernels) == 31
    for variable, weights in zip(kernels, fresh.sess.run(kernels)):
        width = np.sqrt(1.3 * 2 / np.prod(weights.shape[:-1]))                      # fan in
        assert np.abs(weights).max() <= 2 * width
        assert weights.std() == pytest.approx(0.8796 * width, rel=0.05), variable.op.name


def test_the_loss_is_the_softmax_cross_entropy_of_the_walk(fresh):
    logits, loss = fresh.sess.run([fresh.network, fresh.loss], {fresh.input_tensor: walk(6), fresh.desired_person: 2})
    assert loss == pytest.approx(np.log(np.exp(logits[0]).sum()) - logits[0, 2], rel=1e-5)
    assert fresh.train(walk(6), 2, 1e-3) == pytest.approx(loss, rel=1e-5)           # told before the step


def test_the_learning_rate_falls_by_096_every_two_passes_over_the_examples(fresh):
    """The same step again and again from the same weights: its length follows the rate. 3 examples: every 6 steps."""
    fresh.train(walk(6), 2, 1e-3)
    variables = [v for v in fresh.variables if v is not fresh.global_step]
    start = fresh.sess.run(variables)
    again = {v.initializer.inputs[1]: array for v, array in zip(variables, start)}
    place = [v.op.name for v in variables].index('GaitNN/Logits/fully_connected/weights')
    lengths = []
    for step in range(20):
        assert fresh.sess.run(fresh.global_step) == step + 1
        fresh.train(walk(6), 2, 0.1)
        lengths.append(np.linalg.norm(fresh.sess.run(variables[place]) - start[place]))
        fresh.sess.run([v.initializer for v in variables], again)
    expected = [0.96 ** ((step + 1) // 6) for step in range(20)]
    np.testing.assert_allclose(np.divide(lengths, lengths[0]), expected, rtol=1e-3)


def test_the_schedule_of_the_published_class_is_2000_steps():
    assert GaitNetwork.RATE_DECAY == 0.96
    with GaitNetwork(is_training=True, num_of_persons=2) as net:
        assert 2 * net.count_of_training_examples == 2000
        assert net.dropout_keep_prob == 0.7


def test_training_updates_the_averages_of_the_discarded_blocks_and_not_their_weights(fresh):
    discarded = [v for v in fresh.variables if '/Repeat/residual_block_' in v.op.name and 'RMSProp' not in v.op.name]
    before = fresh.sess.run(discarded)
    fresh.train(walk(6), 2, 1e-3)
    for variable, then, now in zip(discarded, before, fresh.sess.run(discarded)):
        assert np.array_equal(then, now) != ('moving_' in variable.op.name), variable.op.name


def test_without_the_discarded_averages_a_step_changes_everything_else_alike(fresh):
    state = fresh.training_state()
    with GaitNetwork(None, 5, is_training=True, dropout_keep_prob=1.0, seed=4, update_discarded=False) as lean:
        lean.set_training_state(state)
        assert lean.train(walk(6), 2, 1e-3) == pytest.approx(fresh.train(walk(6), 2, 1e-3), rel=1e-6)
        ours, theirs = lean.training_state(), fresh.training_state()
    for name, value in theirs.items():
        if '/Repeat/' in name and 'moving_' in name:
            assert np.array_equal(ours[name], state[name]) and not np.array_equal(value, state[name])
        else:
            np.testing.assert_allclose(ours[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


def test_weight_decay_is_declared_and_never_part_of_the_loss(fresh):
    with fresh.graph.as_default():
        declared = tf.losses.get_regularization_losses()
    layers = [v for v in fresh.variables if v.op.name.endswith(('/weights', '/biases'))
              and 'Logits' not in v.op.name]
    assert len(declared) == len(layers)
    weights = next(v for v in layers if v.op.name == 'GaitNN/FullyConnected/fully_connected/weights')
    tensor, = (t for t in declared if t.op.name.startswith('GaitNN/FullyConnected/') and 'bias' not in t.op.name)
    loss, array = fresh.sess.run([tensor, weights])
    assert loss == pytest.approx(0.1 * np.square(array).sum() / 2, rel=1e-4)


def test_dropout_acts_on_the_vector_in_training_and_the_share_can_be_chosen(fresh):
    def spread(net):
        losses = []
        for step in range(4):
            net.sess.run(net.global_step.initializer, {net.global_step.initializer.inputs[1]: step})
            losses.append(net.sess.run(net.loss, {net.input_tensor: walk(6), net.desired_person: 2}))
        return np.ptp(losses)

    assert spread(fresh) < 1e-5                             # built with 1.0
    with GaitNetwork(is_training=True, num_of_persons=5, dropout_keep_prob=0.5, seed=4) as net:
        assert spread(net) > 1e-3


@pytest.mark.parametrize('person', [-1, 5, 2.0, '2', None])
def test_a_person_out_of_range_is_refused(trainer, person):
    with pytest.raises(ValueError, match='desired_person is an integer in 0..4, got'):
        trainer.train(walk(2), person, 1e-3)


@pytest.mark.parametrize('rate', [np.nan, np.inf, -1e-3, [1e-3]])
def test_a_learning_rate_that_would_spoil_the_weights_is_refused(trainer, rate):
    with pytest.raises(ValueError, match='learning_rate is a finite number'):
        trainer.train(walk(2), 0, rate)


def test_training_a_network_for_inference_is_refused(gait_nets):
    for method in (gait_nets('GRU', 1).train, gait_nets('GRU', 1).write_summary):
        with pytest.raises(RuntimeError, match='for inference; build it with is_training=True and num_of_persons'):
            method(walk(2), 0, 1e-3)


# --- Summaries -------------------------------------------------------------------------------------------------------

def test_training_summaries_are_written_at_their_frequency_and_without_a_name_not_at_all(fresh, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fresh.write_summary(walk(6), 2, 1e-3)
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr(fresh, 'name', 'mine')
    losses = []
    for _ in range(5):
        fresh.write_summary(walk(6), 2, 1e-3, write_frequency=2)
        losses.append(fresh.train(walk(6), 2, 1e-3))
    found = events('logdir_gait/mine/train')
    assert set(found) == {'Loss', 'Gradient norm', 'Gradient norm, clipped'}
    assert [step for step, _ in found['Loss']] == [0, 2, 4]
    np.testing.assert_allclose([figure for _, figure in found['Loss']], losses[::2], rtol=1e-4)
    assert all(figure <= 0.1 + 1e-5 for _, figure in found['Gradient norm, clipped'])


@pytest.mark.parametrize('t', ['avg', 'n', 'b', 's'])
def test_test_summaries_go_to_a_folder_for_each_condition(gait_nets, tmp_path, monkeypatch, t):
    net = gait_nets('GRU', 1)
    monkeypatch.chdir(tmp_path)
    net.write_test_summary(96.9, 3, t)
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr(net, 'name', f'mine {t}')
    net.write_test_summary(96.5, 3, t)
    assert events(f'logdir_gait/mine {t}/val_{t}') == {'Classification in percent': [(3, 96.5)]}


def test_test_summaries_of_another_condition_are_refused(gait_nets):
    with pytest.raises(ValueError, match="t is 'avg', 'n', 'b' or 's', got 'x'"):
        gait_nets('GRU', 1).write_test_summary(1.0, 1, 'x')
