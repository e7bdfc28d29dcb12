"""The life of a network's graph and session, and the checks of what is fed."""
import warnings

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from test_gait_layers import load

import gait_network
from gait_network import Network, check_batch, check_batch_size, quiet_slim


@pytest.mark.parametrize('dtype', [np.uint8, np.int32, np.int64, np.uint16, np.float16, np.float32, np.float64])
def test_batches_of_numbers_pass_uncopied(dtype):
    batch = np.ones((3, 2, 4), dtype)
    assert check_batch(batch, (2, 4), 'samples') is batch


def test_lists_and_tuples_become_arrays():
    for batch in ([[[1, 2], [3, 4]]], (((1.0, 2.0), (3.0, 4.0)),), [np.ones((2, 2))]):
        assert check_batch(batch, (2, 2), 'samples').shape == (1, 2, 2)


@pytest.mark.parametrize('batch, error, got', [
    (np.ones((2, 4)), ValueError, 'got one of shape .2, 4.: use a batch'),
    (np.ones((3, 4, 2)), ValueError, 'got shape .3, 4, 2.'),
    (np.ones((1, 3, 2, 4)), ValueError, 'got shape .1, 3, 2, 4.'),
    (np.ones(()), ValueError, 'got shape'),
    (np.ones((0, 2, 4)), ValueError, 'got none'),
    ([], ValueError, 'got shape .0,.'),
    ([np.ones((2, 4)), np.ones((2, 5))], ValueError, 'differing shapes'),
    (np.array([[['a'] * 4] * 2]), TypeError, 'got dtype <U1'),
    (np.ones((3, 2, 4), complex), TypeError, 'got dtype complex128'),
    (np.ones((3, 2, 4), bool), TypeError, 'got dtype bool'),
    (np.full((3, 2, 4), None), TypeError, 'got dtype object'),
    (None, TypeError, 'got dtype object')])
def test_what_is_no_batch_is_refused_with_what_was_expected_and_what_came(batch, error, got):
    with pytest.raises(error, match=rf'expected samples as numbers of shape \(N, 2, 4\), .*{got}'):
        check_batch(batch, (2, 4), 'samples', 'use a batch')


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf, 1e39])
def test_numbers_that_float32_cannot_hold_are_refused_with_their_sample(bad):
    batch = np.ones((3, 2, 4))
    batch[2, 1, 3] = bad
    with pytest.raises(ValueError, match='NaN or infinity .of float32. in sample 2'):
        check_batch(batch, (2, 4), 'samples')


@pytest.mark.parametrize('bad', [0, -1, 2.0, '4', None, True])
def test_a_batch_size_that_is_no_positive_integer_is_refused(bad):
    with pytest.raises(ValueError, match='batch_size is a positive integer, got'):
        check_batch_size(bad)
    assert check_batch_size(np.int64(3)) == 3


class Line(Network):
    """w x + b with random w: the smallest network."""

    def _build(self):
        self.x = tf.placeholder(tf.float32, (None,))
        self.w = tf.get_variable('w', (), collections=['variables', tf.GraphKeys.MODEL_VARIABLES])
        self.y = self.x * self.w


def test_each_network_has_a_graph_and_session_of_its_own_and_leaves_the_default_graph_alone():
    with tf.Graph().as_default() as default, Line() as a, Line() as b:
        assert len({a.graph, b.graph, default, a.sess.graph, b.sess.graph}) == 3
        assert default.get_operations() == []


def test_the_session_config_is_used():
    with Line(session_config=tf.ConfigProto(device_count={'CPU': 3})) as net:
        assert sum(device.device_type == 'CPU' for device in net.sess.list_devices()) == 3


def test_a_seed_fixes_the_initial_weights_and_other_seeds_give_others():
    weights = []
    for seed in (1, 1, 2):
        with Line(seed=seed) as net:
            weights.append(net.sess.run(net.w))
    assert weights[0] == weights[1] != weights[2]


def test_initial_values_go_only_to_variables_that_have_none():
    with Line() as net:
        load(net.w, 7.0, net._session)
        assert net.sess.run(net.w) == 7.0


def test_with_closes_the_session_and_a_closed_network_says_so(tmp_path):
    with Line() as net:
        session = net.sess
        net._write_events(str(tmp_path), {'a': 1.0}, 1)
    with pytest.raises(RuntimeError, match='closed'):
        session.run(net.w)
    for use in (lambda: net.sess, lambda: net.save(tmp_path, 'x'), lambda: net._assign({'w': 1.0})):
        with pytest.raises(RuntimeError, match='this Line is closed; build a new one'):
            use()
    net.close()                                             # a second time: nothing
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith('x')] == []


def test_a_callers_session_is_never_closed():
    with tf.Graph().as_default() as graph, tf.Session() as session:
        with Line(graph=graph, session=session) as net:
            net.sess.run(net.w)
        assert session.run(tf.constant(3)) == 3


def test_slims_deprecation_warnings_are_silenced_and_no_others(recwarn):
    with quiet_slim():
        warnings.warn('`layer.apply` is deprecated and will be removed', UserWarning, stacklevel=1)
        warnings.warn('another matter', UserWarning, stacklevel=1)
    assert [str(w.message) for w in recwarn] == ['another matter']


def test_the_base_class_names_what_a_subclass_must_say():
    with pytest.raises(NotImplementedError, match='Network does not say how its layers are built'):
        gait_network.Network()


def test_variables_enter_the_collections_in_their_order_when_the_block_ends_even_by_an_error():
    with tf.Graph().as_default() as graph:
        first = tf.get_variable('first', ())
        with pytest.raises(KeyError), gait_network.collected_at_the_end():
            second, third = tf.get_variable('second', (), trainable=False), tf.get_variable('third', ())
            assert tf.global_variables() == []
            raise KeyError
        assert [v.op.name for v in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)] == \
            [v.op.name for v in (first, second, third)]
        assert [v.op.name for v in graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)] == ['first', 'third']


def test_a_session_for_inference_prunes_and_fuses_only_and_keeps_what_the_user_set():
    rewriting = gait_network.for_inference().graph_options.rewrite_options
    assert rewriting.constant_folding == rewriting.arithmetic_optimization == rewriting.OFF
    assert rewriting.remapping == rewriting.DEFAULT and not rewriting.disable_model_pruning
    config = tf.ConfigProto(intra_op_parallelism_threads=3)
    assert gait_network.for_inference(config).intra_op_parallelism_threads == 3
    assert not config.graph_options.rewrite_options.ByteSize()
    config.graph_options.rewrite_options.constant_folding = rewriting.AGGRESSIVE
    assert gait_network.for_inference(config) == config
