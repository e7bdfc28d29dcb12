"""The weights that ship: small, readable without pickle, and as good as the model card says."""
import itertools
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from conftest import SHIPPED
from PIL import Image

import gait_checkpoints
import human_pose_nn
import inception_resnet_v2
from gait_nn import GaitNetwork
from gait_recognition import cli
from gait_recognition.evaluation import results
from gait_recognition.evaluation.manifests import Protocol
from gait_recognition.training.gait import vectors_of
from gait_recognition.training.samples import TEST_SEED, WalkerPictures
from gait_recognition.training.scores import evaluate_poses
from gait_recognition.training.walks import TEST_PERSON, Features, WalkerWalks
from gait_recognition.walkers.files import write_scene
from gait_recognition.walkers.pictures import picture
from gait_recognition.weights import find_pair, find_pose_weights, network_of
from human_pose_nn import HumanPoseIRNetwork
from pose_joints import JOINT_NAMES

POSE, GAIT = (SHIPPED / name for name in gait_checkpoints.SHIPPED[:2])
POSES_ALONE, PEOPLE = (SHIPPED / name for name in gait_checkpoints.SHIPPED_FOR_PEOPLE[:2])


def test_together_they_take_at_most_45_megabytes():
    assert POSES_ALONE.stat().st_size + GAIT.stat().st_size + PEOPLE.stat().st_size <= 45e6


@pytest.mark.parametrize('path', [POSES_ALONE, PEOPLE, POSE, GAIT], ids=lambda path: path.name)
def test_no_pickle_is_in_them_and_weights_take_8_bits(path):
    with np.load(path, allow_pickle=False) as file:
        dtypes = {name: file[name].dtype for name in file.files}
    assert all(dtype.kind in 'ifuU' for dtype in dtypes.values())
    scaled = [name.removesuffix(gait_checkpoints.SCALE_SUFFIX) for name in dtypes
              if name.endswith(gait_checkpoints.SCALE_SUFFIX)]
    assert scaled and all(dtypes[name] == np.int8 for name in scaled)
    rest = dtypes.keys() - {*scaled, gait_checkpoints.FACTS}
    assert all(zipfile.ZipFile(path).getinfo(f'{name}.npy').file_size < 10_000 for name in rest)


def test_they_are_what_every_command_takes_where_nothing_is_published(monkeypatch, tmp_path):
    monkeypatch.setattr(gait_checkpoints, 'weight_folders', lambda: [tmp_path, SHIPPED])
    assert tuple(map(str, find_pair())) == (str(POSE), str(GAIT))
    assert find_pose_weights() == str(POSES_ALONE)
    assert network_of(str(GAIT)) == ('GRU', 1)


def test_poses_never_trained_on_are_found(shipped_pose_net):
    score = evaluate_poses(shipped_pose_net, WalkerPictures(40, TEST_SEED))
    assert score.mean_error < 4 and score.mean_pck > 0.94


def test_poses_are_found_as_pedestrian_video_shows_them(shipped_pose_net):
    """Grey, small, blurred, dark, compressed: weights that never saw such pictures are 13.5 pixels off."""
    class Degraded(WalkerPictures):
        def sample(self, index, epoch=None):
            return super().sample(index, 0)
    score = evaluate_poses(shipped_pose_net, Degraded(40, TEST_SEED, degrade=1.0))
    assert score.mean_error < 7 and score.mean_pck > 0.91


@pytest.mark.slow
def test_folding_the_scale_moves_a_joint_only_where_two_maxima_nearly_tie(monkeypatch, shipped_pose_net):
    """Quicker inference (`folded`) against the plain form; nearly: within 1e-6."""
    images = np.stack([picture(TEST_SEED + i).image for i in range(64)])
    monkeypatch.setattr(human_pose_nn, 'inception_resnet_v2', lambda *arguments, folded, **options:
                        inception_resnet_v2.inception_resnet_v2(*arguments, **options))
    with HumanPoseIRNetwork() as plain:
        plain.restore(POSES_ALONE)
        maps, expected = plain.heat_maps(images), plain.joint_positions(images)
        folded, found = shipped_pose_net.heat_maps(images), shipped_pose_net.joint_positions(images)
    assert np.any(folded != maps)                                       # they are computed in two ways
    np.testing.assert_allclose(folded, maps, rtol=0, atol=1e-5)
    for axis in (0, 1):                                                 # y, x
        edges = maps.max(axis=2 - axis)                                 # (B, 289, 16)
        pixels = np.rint(np.stack([expected[axis], found[axis]])[:, :, None] * 289 / 299).astype(int)
        one, other = (np.take_along_axis(edges, at, axis=1) for at in pixels)
        assert np.abs(one - other).max() < 1e-6
        assert np.mean(pixels[0] != pixels[1]) < 0.01


def test_converted_to_a_checkpoint_they_give_the_same_vector(tmp_path, features):
    with GaitNetwork() as net:
        net.restore(GAIT)
        expected = net.feed_forward(features)
        assert cli.main(['convert', str(GAIT), str(tmp_path / 'walkers-GRU-1.ckpt')]) == 0
        net.restore(tmp_path / 'walkers-GRU-1.ckpt')
        np.testing.assert_array_equal(net.feed_forward(features), expected)


def share_named(folder, people, frames, conditions, gallery, probes):
    """How many walks of walkers never trained on are named right by the weights for people, and by initial ones."""
    data = WalkerWalks(people, TEST_PERSON, frames, conditions=conditions)
    paths, shares = Features(folder, POSES_ALONE, 'bfloat16', facing_right=True).make(data), []
    for path in PEOPLE, None:
        with GaitNetwork(is_training=False, seed=0) as net:
            if path:
                net.restore(path)
                assert net.facing_right
            else:
                _ = net.sess                                            # initial weights, on purpose
            found = results.evaluate(vectors_of(net, paths), data.walks, Protocol('unseen', gallery, probes))
            shares.append(found.rank_1()['Average'])
    return shares


@pytest.mark.filterwarnings('ignore:GaitNetwork is used before restore')
def test_a_handful_of_walkers_are_told_apart_by_the_weights_for_people_and_not_by_initial_ones(tmp_path):
    trained, initial = share_named(tmp_path, 6, 8, ['N1', 'N2', 'N3', 'N5'], 'N1-N3', 'N5')
    assert trained > 0.8 > 0.5 >= initial                               # chance is 0.17


def test_one_of_a_pair_named_brings_the_other():
    assert tuple(map(str, find_pair(gait=PEOPLE))) == (str(POSES_ALONE), str(PEOPLE))


@pytest.mark.slow
def test_people_never_trained_on_are_told_apart_with_a_backpack_too(tmp_path):
    data = WalkerWalks(8, TEST_PERSON, 40, conditions=['N1', 'N2', 'N5', 'B1'])
    paths = Features(tmp_path, POSE).make(data)
    with GaitNetwork() as net:
        net.restore(GAIT)
        result = results.evaluate(vectors_of(net, paths), data.walks,
                                          Protocol('unseen', 'N1-N2', 'N5 B1'))
    assert result.rank_1()['Average'] > 0.8                 # chance is 0.125


@pytest.mark.slow
def test_one_command_reruns_the_experiments(tmp_path):
    """On few people and short walks: that its tables and plots come, not what is in them."""
    command = [sys.executable, SHIPPED.parent / 'benchmarks' / 'experiments.py', '--output', tmp_path,
               '--pictures', '8', '--people', '3', '2', '--frames', '6']
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert 'all joints' in (tmp_path / 'poses.txt').read_text()
    for number, people in ((1, 3), (2, 2)):
        folder = tmp_path / f'experiment_{number}'
        rows = (folder / 'table.txt').read_text()
        assert rows in result.stdout and f'{people} people' in rows
        assert all(name in rows for name in ('trained', 'mean spatial feature', 'untrained', 'chance', 'equal error'))
        assert {path.name for path in folder.iterdir()} == {'table.txt', 'result.json', 'roc.png', 'cmc.png',
                                                            'confusion.png', 'confusion.csv', 'probes.csv'}
    assert {'poses.png', 'joint_errors.png'} < {path.name for path in tmp_path.iterdir()}
    described = {path: path.stat().st_mtime_ns for path in (tmp_path / 'features').iterdir()}
    assert len(described) == 3 * 10 + 2 * 10
    subprocess.run([*command, '--only', '2'], check=True, capture_output=True)                  # features are kept
    assert described == {path: path.stat().st_mtime_ns for path in (tmp_path / 'features').iterdir()}


@pytest.mark.slow
def test_the_same_command_measures_people_first(tmp_path):
    """Drawn ones, here: that every protocol has its tables by both methods, and annotated pictures theirs."""
    with open(tmp_path / 'walks.csv', 'w') as manifest, open(tmp_path / 'four.csv', 'w') as annotated:
        print('person,condition,session,path', file=manifest)
        for person, number in itertools.product(range(3), (1, 2, 3)):
            write_scene(tmp_path / f'{person}-{number}.gif', TEST_PERSON + person, number, frames=24)
            print(f'{person},N{number},1,{person}-{number}.gif', file=manifest)
        print('image', *(f'{name.replace(" ", "_")}_{axis}' for name in JOINT_NAMES for axis in 'yx'), sep=',',
              file=annotated)
        for i in range(4):
            drawn = picture(TEST_SEED + i)
            Image.fromarray(drawn.image).save(tmp_path / f'{i}.png')
            print(f'{i}.png', *np.ravel(drawn.joints), sep=',', file=annotated)
    command = [sys.executable, SHIPPED.parent / 'benchmarks' / 'experiments.py', '--output', tmp_path / 'out',
               '--only', 'people', '--annotated', 'four pictures', tmp_path / 'four.csv',
               '--protocol', 'one against two', tmp_path / 'walks.csv', 'N1', 'N2-N3']
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert 'all joints' in (tmp_path / 'out' / 'poses of four pictures.txt').read_text()
    for method in ('svm', 'cosine'):
        rows = (tmp_path / 'out' / f'one against two, {method}.txt').read_text()
        assert rows in result.stdout and 'figures from joints' in rows and '3 people' in rows
        assert (tmp_path / 'out' / f'one against two, {method}' / 'roc.png').exists()
    refused = subprocess.run([*command[:-1], 'X1'], capture_output=True, text=True)
    assert refused.returncode == 2 and 'one against two' in refused.stderr


@pytest.mark.filterwarnings('ignore:using .*synthetic walkers')
def test_poses_and_vectors_without_further_words_open_them_once(tmp_path, monkeypatch):
    from gait_recognition import GaitVectors, poses, walk_vector, weights
    if gait_checkpoints.default_pair().published:
        pytest.skip('published weights are there and come first')
    first, again = (poses(SHIPPED.parent / 'images' / 'dummy.jpg')[0].joints for _ in range(2))
    assert np.array_equal(first, again) and first[2].mean() > 0.7
    frames = np.stack([picture(3).image] * 8)
    built = []
    real = weights.open_networks
    monkeypatch.setattr(weights, 'open_networks', lambda *arguments: built.append(arguments) or real(*arguments))
    weights._kept_open.cache_clear()
    assert np.array_equal(walk_vector(frames, crop='none'), walk_vector(frames, crop='none'))
    assert np.allclose(GaitVectors(crop='none').transform([frames])[0], walk_vector(frames, crop='none'), atol=1e-5)
    assert len(built) == 1
