"""Networks as SavedModels: what a process without this project loads gives what the network gives."""
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from reference_weights import SHARED

from gait_nn import GaitNetwork

# Runs where none of our modules can be imported, as TensorFlow Serving or a converter would.
LOAD = '''
import sys
import numpy as np
import tensorflow as tf
folder, inputs, outputs = sys.argv[1:]
model = tf.saved_model.load(folder)
results = {}
for name, function in model.signatures.items():
    fed = {key: tf.constant(array, tf.float32) for key, array in np.load(inputs).items()}
    results.update({f'{name} {key}': tensor.numpy() for key, tensor in function(**fed).items()})
results['variables'] = np.array(len(model.variables))
np.savez(outputs, **results)
'''


def loaded(folder, tmp_path, **inputs):
    """What the signatures of a SavedModel give in a fresh process, by '<signature> <output>'."""
    np.savez(tmp_path / 'inputs.npz', **inputs)
    subprocess.run([sys.executable, '-c', LOAD, folder, tmp_path / 'inputs.npz', tmp_path / 'outputs.npz'],
                   check=True, cwd=tmp_path, env={k: v for k, v in os.environ.items() if k != 'PYTHONPATH'})
    with np.load(tmp_path / 'outputs.npz') as file:
        return dict(file)


def test_an_exported_pose_network_gives_in_a_fresh_process_what_it_gives(pose_net, frames, tmp_path):
    folder = pose_net.export_saved_model(tmp_path / 'pose' / '1')
    results = loaded(folder, tmp_path, images=frames)
    for name, expected in zip(('y', 'x', 'probability'), pose_net.joint_positions(frames)):
        assert np.allclose(results.pop(f'serving_default {name}'), expected, atol=1e-5)
    assert np.allclose(results.pop('features features'), pose_net.feed_forward_features(frames), atol=1e-5)
    assert np.allclose(results.pop('heat_maps heat_maps'), pose_net.heat_maps(frames), atol=1e-5)
    assert results == {'variables': 0}


@pytest.mark.parametrize('cell', ['GRU', 'LSTM'])
def test_an_exported_gait_network_gives_in_a_fresh_process_what_it_gives(cell, checkpoints, features, tmp_path):
    with GaitNetwork(recurrent_unit=cell, rnn_layers=2) as net:
        net.restore(checkpoints(SHARED.format(cell)))
        results = loaded(net.export_saved_model(str(tmp_path / 'gait')), tmp_path, features=features)
        assert np.allclose(results.pop('serving_default vector'), net.feed_forward(features), atol=1e-5)
    assert results == {'variables': 0}


def test_a_gait_network_on_top_of_another_network_is_exported_by_itself(checkpoints, features, tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, (None, 17, 17, 32))
        with GaitNetwork(rnn_layers=2, input_net=images * 2, session=session) as net:
            net.restore(checkpoints(SHARED.format('GRU')))
            results = loaded(net.export_saved_model(tmp_path / 'gait'), tmp_path, features=features)
            assert np.allclose(results['serving_default vector'], net.feed_forward(features), atol=1e-5)


def test_a_folder_that_exists_is_refused_and_left_as_it_was(gait_net, tmp_path):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'file').write_text('precious')
    with pytest.raises(FileExistsError, match='mine exists'):
        gait_net.export_saved_model(tmp_path / 'mine')
    assert [path.name for path in (tmp_path / 'mine').iterdir()] == ['file']
    assert [path.name for path in tmp_path.iterdir()] == ['mine']


def test_an_export_that_fails_leaves_nothing_behind(gait_net, tmp_path):
    (tmp_path / 'file').write_text('no folder')
    with pytest.raises(OSError, match='file'):
        gait_net.export_saved_model(tmp_path / 'file' / 'model')
    assert [path.name for path in tmp_path.iterdir()] == ['file']


def test_random_weights_and_networks_for_training_are_not_exported(tmp_path):
    with GaitNetwork() as net:
        with pytest.warns(UserWarning, match='random'):
            net.feed_forward(np.zeros((1, 17, 17, 32), np.float32))
        with pytest.raises(RuntimeError, match='nothing was restored'):
            net.export_saved_model(tmp_path / 'model')
    with GaitNetwork(is_training=True, num_of_persons=2) as net:
        with pytest.raises(RuntimeError, match='training'):
            net.export_saved_model(tmp_path / 'model')
    assert not list(tmp_path.iterdir())
