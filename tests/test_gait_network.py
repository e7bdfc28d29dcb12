"""The life of a network's graph and session, and the checks of what is fed."""
import copy
import functools
import os
import pathlib
import pickle
import re
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from test_gait_layers import load
from threads import in_threads, switching_often

import gait_network
from gait_network import Network, ReadersAndWriter, check_batch, check_batch_size, check_numbers, quiet_slim
from gait_recognition.drawing import drawing_text


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
    assert not config.graph_options.rewrite_options.ByteSize() and not config.inter_op_parallelism_threads
    config.graph_options.rewrite_options.constant_folding = rewriting.AGGRESSIVE
    config.inter_op_parallelism_threads = 2
    assert gait_network.for_inference(config) == config


def test_a_session_for_inference_runs_one_operation_at_a_time_unless_the_user_said_how_many():
    ours = gait_network.for_inference()
    assert ours.inter_op_parallelism_threads == 1 and ours.use_per_session_threads      # else the process's first rules
    for said in (tf.ConfigProto(inter_op_parallelism_threads=2), tf.ConfigProto(use_per_session_threads=True),
                 tf.ConfigProto(session_inter_op_thread_pool=[{'num_threads': 2}])):
        found = gait_network.for_inference(said)
        found.graph_options.ClearField('rewrite_options')
        said.graph_options.ClearField('rewrite_options')
        assert found == said


# --- Threads and processes -------------------------------------------------------------------------------------------

def test_threads_that_build_and_draw_leave_the_filters_of_warnings_as_they_were():
    filters = list(warnings.filters)

    def often(ignoring):
        for _ in range(300):
            with ignoring():
                pass
    with switching_often():
        in_threads(*(functools.partial(often, each) for each in (quiet_slim, drawing_text) * 2))
    assert list(warnings.filters) == filters


def test_networks_built_at_once_in_two_threads_are_the_ones_that_a_single_thread_builds():
    from gait_nn import GaitNetwork
    from human_pose_nn import HumanPoseIRNetwork

    def graph_of(cls):
        with cls(seed=1) as net:
            net._initial_values([net.variables[0].op.name])         # built again, and lazily
            # Names of loops' bodies are numbered through the process.
            return [re.sub(r'(cond|body)(_rewritten)?_\d+', r'\1', str(node)) for node in net.graph.as_graph_def().node]
    alone = [graph_of(HumanPoseIRNetwork), graph_of(GaitNetwork)]
    assert in_threads(lambda: graph_of(HumanPoseIRNetwork), lambda: graph_of(GaitNetwork)) == alone


def test_a_run_of_many_batches_sees_one_set_of_weights_while_another_thread_replaces_them():
    with Line() as net:
        net.set_training_state({'w': np.float32(1.0)})
        done, seen = threading.Event(), []

        def compute():
            while not done.is_set():
                seen.append(net._map(net.y, (net.x, np.ones(12, np.float32)), 1))

        def replace():
            for i in range(200):
                net.set_training_state({'w': np.float32(1 + i % 2)})
            done.set()
        in_threads(compute, compute, replace)
    assert {tuple({*ys.tolist()}) for ys in seen} == {(1.0,), (2.0,)}       # each run one of them, and both were seen


def test_a_writer_waits_for_readers_goes_before_later_ones_and_may_read_itself():
    guard, order, reading = ReadersAndWriter(), [], threading.Event()

    def write():
        reading.wait()
        with guard.writing(), guard.writing(), guard.reading():
            order.append('write')

    def read():
        with guard.reading():
            reading.set()
            while not guard._waiting:                       # until the writer stands in line
                pass
            with guard.reading():                           # a reader's own further reading does not stand behind it
                order.append('read')
    in_threads(read, write)
    assert order == ['read', 'write'] and guard.written == 1            # three blocks of one writer are one
    with guard.reading(), pytest.raises(RuntimeError, match='replaced by the thread that computes'):
        guard.writing().__enter__()


FORKED = '''
import os, sys, warnings
import numpy as np
from test_gait_network import Line
net = Line()
net.set_training_state({'w': np.float32(2.0)})
for use in (lambda: net._run(net.y, {net.x: [1.0]}), Line, lambda: net.save('/nowhere', 'x')):
    child = os.fork()
    if not child:
        try:
            use()
        except RuntimeError as error:
            print(error, flush=True)
            net.close()
            os._exit(3)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
assert net.sess.run(net.w) == 2.0
'''


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='processes are forked on POSIX alone')
def test_a_forked_child_is_told_to_spawn_and_does_not_hang():
    done = subprocess.run([sys.executable, '-c', FORKED], cwd=pathlib.Path(__file__).parent,
                          env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("multiprocessing.get_context('spawn')") == 3


@pytest.mark.parametrize('copied', [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_network_is_neither_copied_nor_pickled_and_says_what_to_do(copied):
    with Line() as net, pytest.raises(TypeError, match='a Line is neither copied nor pickled: .*Build another one'):
        copied(net)


def test_a_closed_network_says_so_whatever_is_asked_of_it(tmp_path):
    net = Line()
    net.sess.run(net.w)
    net.close()
    net.close()
    for use in (lambda: net._run(net.y, {}), net.training_state, lambda: net.set_training_state({}), net.__enter__,
                lambda: net.batch_averages([]), lambda: net.export_saved_model(tmp_path / 'x'),
                lambda: net._write_events(str(tmp_path), {}, 0)):
        with pytest.raises(RuntimeError, match='this Line is closed; build a new one'):
            use()
    assert not list(tmp_path.iterdir())


def test_a_session_that_its_caller_closed_is_called_closed():
    with Line() as net:
        class Another(Line):
            def _build(self):
                self.x, self.w, self.y = net.x, net.w, net.y
        other = Another(graph=net.graph, session=net.sess)
        assert other._weights is net._weights               # one guard for the variables that both have
    with pytest.raises(RuntimeError, match='closed'):
        other._run(other.y, {other.x: [1.0]})


@pytest.mark.parametrize('bad', [np.float64(1e300), np.float32('nan'), 'text', None, np.array(b'x'), 1j])
def test_a_state_that_float32_cannot_hold_is_refused_and_changes_nothing(bad):
    with Line() as net:
        net.set_training_state({'w': np.float64(2.5)})
        with pytest.raises(ValueError, match='w (holds NaN or infinity|has type .*expected numbers)'):
            net.set_training_state({'w': bad})
        assert net.training_state() == {'w': 2.5}


@pytest.mark.parametrize('bad, error, got', [
    ([1.0, np.nan], ValueError, 'got NaN or infinity'), ([1.0, 1e39], ValueError, 'got NaN or infinity'),
    (['1', '2'], TypeError, 'got dtype <U1'), ([None, 1], TypeError, 'got dtype object'),
    ([1, 2, 3], ValueError, 'got .3,.'), ([[1], [1, 2]], ValueError, 'differing lengths')])
def test_marks_and_points_are_finite_numbers_of_their_shape(bad, error, got):
    with pytest.raises(error, match=f'expected marks .*{got}'):
        check_numbers('marks', bad, (2,))
    assert check_numbers('marks', [True, 0.5], (2,)).tolist() == [1.0, 0.5]
