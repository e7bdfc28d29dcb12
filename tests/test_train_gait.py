"""Training the gait network: features kept on disk, parts of walks, and runs that survive being killed.

Run as a program this file is the command `train_gait.py` with averages of pixels in place of the pose network and a
gait network of few layers.
"""
import collections
import os
import signal
import sys
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim
from PIL import Image
from reference_weights import VARIABLES, values, write_checkpoint
from training_runs import ROOT, assert_same_course, rows_of, run_command, saved_step

import gait_checkpoints
import gait_nn
import human_pose_nn
from gait_layers import batch_norm, gru_layer
from gait_nn import GaitNetwork
from gait_recognition.evaluation import results
from gait_recognition.evaluation.manifests import SAME_CLOTHES, Protocol
from gait_recognition.training import gait
from gait_recognition.training.gait import main, training_step, vectors_of
from gait_recognition.training.walks import (
    TEST_PERSON,
    TRAINING_PERSON,
    VALIDATION_PERSON,
    Features,
    ManifestWalks,
    Renditions,
    WalkerWalks,
)
from gait_recognition.walkers.pictures import DRAWING
from gait_recognition.walkers.recorded import record
from gait_recognition.walkers.scenes import gait_of
from gait_recognition.weights import network_of


class Averages:
    """Stands for the pose network: cells of 17 x 17 pixels, averaged."""

    described = []                              # numbers of frames, one for each walk

    def __init__(self, session_config=None, precision='float32', *, pairs=True):
        assert precision in ('float32', 'bfloat16') and pairs

    def restore(self, path):
        assert os.path.isfile(f'{path}.index')

    def feed_forward_features(self, frames, batch_size=None):
        self.described.append(len(frames))
        cells = frames[:, 5:294, 5:294].reshape(len(frames), 17, 17, 17, 17, 3).mean((2, 4)) - 100.0
        return np.tile(cells, 11)[..., :32].astype(np.float32)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


class TinyNetwork(GaitNetwork):
    """The gait network with one linear layer before the recurrent one; all but the layers is the real one's."""

    def _build_network(self, features, initial_state):
        with tf.variable_scope('FullyConnected'):
            net = batch_norm(tf.nn.avg_pool2d(features, 8, 8, 'VALID'), is_training=self.is_training)     # 2 x 2 x 32
            net = slim.fully_connected(slim.flatten(net), self.POSE_DESCRIPTOR, activation_fn=None)
        with tf.variable_scope('Recurrent/' + gait_checkpoints.recurrent_prefix(0)):
            net, last = gru_layer(self._in_time(net), initial_state[0], self.NUM_UNITS)
        return net, [last]


@pytest.fixture
def averages(monkeypatch):
    monkeypatch.setattr('human_pose_nn.HumanPoseIRNetwork', Averages)
    monkeypatch.setattr('gait_nn.GaitNetwork', TinyNetwork)
    monkeypatch.setattr(Averages, 'described', [])
    return Averages


def pose_weights(folder, seed=0):
    return write_checkpoint(folder / f'pose{seed}.ckpt', {'weights': np.random.default_rng(seed).standard_normal(9)})


def write_walks(folder, manifest, people, walks=('N1', 'N2', 'B1'), frames=5):
    """Walks as folders of frames, and their manifest: each person is a colour that changes over time."""
    folder.mkdir(exist_ok=True)
    rows = ['person,condition,session,path']
    for person in people:
        for condition in walks:
            rng = np.random.default_rng([ord(c) for c in person + condition])
            path = folder / f'{person}-{condition}'
            path.mkdir()
            tone = np.random.default_rng([ord(c) for c in person]).uniform(50, 200, 3)
            for i in range(frames):
                blocks = np.clip(tone * (1 + 0.1 * np.sin(i)) + rng.normal(0, 20, (13, 13, 3)), 0, 255)
                Image.fromarray(blocks.astype(np.uint8).repeat(23, 0).repeat(23, 1)).save(path / f'{i}.png')
            rows.append(f'{person},{condition},1,{path.relative_to(manifest.parent)}')
    manifest.write_text('\n'.join(rows))
    return str(manifest)


@pytest.fixture
def user(tmp_path):
    """A user's folder: two people to train on, two others to validate on; the arguments that name them."""
    write_walks(tmp_path / 'walks', tmp_path / 'train.csv', ['anna', 'ben'])
    write_walks(tmp_path / 'others', tmp_path / 'held_out.csv', ['carl', 'dora'], frames=4)
    return tmp_path, ['--pose', pose_weights(tmp_path), '--manifest', str(tmp_path / 'train.csv'), '--validation',
                      str(tmp_path / 'held_out.csv'), '--crop', 'none', '--gallery', 'N1', '--probes', 'N2 B1',
                      '--frames', '2', '4', '--walks-per-step', '1']


# --- Walks -----------------------------------------------------------------------------------------------------------

def test_walkers_have_the_ten_walks_of_tum_gaid_each():
    walks = WalkerWalks(3, 100, 8).walks
    assert len(walks) == 30 and collections.Counter(walk.person for walk in walks) == {'100': 10, '101': 10, '102': 10}
    assert [walk.condition for walk in walks[:10]] == ['N1', 'N2', 'N3', 'N4', 'N5', 'N6', 'B1', 'B2', 'S1', 'S2']
    Protocol('validation', **SAME_CLOTHES).split(walks)
    assert WalkerWalks(3, 100, 8, conditions=['N2', 'B1']).walks == [walks[i] for i in (1, 6, 11, 16, 21, 26)]
    assert WalkerWalks(3, 100, 8, conditions=['N2', 'B1'], all_walks_of=2).walks == walks[:20] + [walks[21], walks[26]]


def test_a_walkers_frames_are_those_of_the_walk_asked_for():
    data = WalkerWalks(1, 100, 3)
    frames = [np.stack([*data.read(walk)]) for walk in data.walks[:2]]
    assert all(f.shape == (3, 299, 299, 3) and f.dtype == np.uint8 for f in frames)
    assert (frames[0] != frames[1]).any()
    np.testing.assert_array_equal(frames[1], [*WalkerWalks(1, 100, 3).read(data.walks[1])])


def test_people_to_train_validate_and_test_on_are_never_the_same():
    starts = sorted([TEST_PERSON, VALIDATION_PERSON, TRAINING_PERSON])
    assert starts == [TEST_PERSON, VALIDATION_PERSON, TRAINING_PERSON]
    assert min(np.diff(starts)) >= 1000


def test_a_manifests_folders_of_frames_are_read_in_order(tmp_path):
    data = ManifestWalks(write_walks(tmp_path / 'walks', tmp_path / 'm.csv', ['anna'], frames=12), 'none')
    expected = [np.asarray(Image.open(tmp_path / 'walks' / 'anna-N2' / f'{i}.png')) for i in range(12)]
    np.testing.assert_array_equal([*data.read(data.walks[1])], expected)
    every_third = ManifestWalks(tmp_path / 'm.csv', 'none', every=3)
    np.testing.assert_array_equal([*every_third.read(every_third.walks[1])], expected[::3])
    assert every_third.key(every_third.walks[1]) != data.key(data.walks[1])


# --- Features --------------------------------------------------------------------------------------------------------

def test_features_are_made_once_and_kept_as_float16(user, averages):
    folder, _ = user
    data = ManifestWalks(folder / 'train.csv', 'none')
    made = Features(folder / 'features', pose_weights(folder)).make(data)
    assert averages.described == [5] * 6
    assert Features(folder / 'features', pose_weights(folder)).make(data) == made
    assert averages.described == [5] * 6
    for walk, path in zip(data.walks, made):
        features = np.load(path, allow_pickle=False)
        assert features.dtype == np.float16 and features.shape == (5, 17, 17, 32)
        expected = Averages().feed_forward_features(np.stack([*data.read(walk)]))
        np.testing.assert_allclose(features, expected, rtol=1e-3, atol=0.1)
    assert len(set(made)) == 6 == len(list((folder / 'features').iterdir()))


def test_features_of_recordings_of_other_rates_are_brought_to_25_a_second(tmp_path, averages):
    write_walks(tmp_path / 'walks', tmp_path / 'm.csv', ['anna'], ['N1', 'N2'], frames=20)
    manifest = ['person,condition,session,path']
    for name, duration in ('slow', 80), ('even', 40):
        first, *rest = [Image.open(tmp_path / 'walks' / 'anna-N1' / f'{i}.png') for i in range(20)]
        first.save(tmp_path / f'{name}.webp', save_all=True, append_images=rest, duration=duration, lossless=True)
        manifest.append(f'anna,{name},1,{name}.webp')
    (tmp_path / 'films.csv').write_text('\n'.join(manifest))
    of_pictures, = Features(tmp_path / 'features', pose_weights(tmp_path)).make(only(ManifestWalks(
        tmp_path / 'm.csv', 'none'), 0))
    slow, even = Features(tmp_path / 'features', pose_weights(tmp_path)).make(ManifestWalks(
        tmp_path / 'films.csv', 'none'))
    every_other, = Features(tmp_path / 'features', pose_weights(tmp_path)).make(only(ManifestWalks(
        tmp_path / 'films.csv', 'none', every=2), 1))
    as_given, slow, even, every_other = map(np.load, (of_pictures, slow, even, every_other))
    np.testing.assert_array_equal(even, as_given)
    assert slow.shape == (39, 17, 17, 32) and every_other.shape == (19, 17, 17, 32)
    np.testing.assert_array_equal(slow[::2], as_given)
    np.testing.assert_array_equal(every_other[::2], as_given[::2])


def only(data, number):
    data.walks = data.walks[number:number + 1]
    return data


def test_a_long_walk_is_described_in_pieces_and_never_held_whole(user, averages):
    folder, _ = user
    read, held = [0], []

    class Long(WalkerWalks):
        def read(self, walk, pose_net=None):
            for number in range(300):
                read[0] += 1
                held.append(read[0] - sum(averages.described))
                yield np.full((299, 299, 3), number % 256, np.uint8)

    data = Long(1, 100, 300)
    data.walks = data.walks[:2]
    made = Features(folder / 'long', pose_weights(folder)).make(data)
    assert averages.described == 2 * [*18 * [16], 12] and max(held) <= 5 * 16
    assert [len(np.load(path, allow_pickle=False)) for path in made] == [300, 300]


def test_features_of_walkers_as_they_were_drawn_before_are_made_anew(monkeypatch):
    data = WalkerWalks(1, 100, 3)
    key = data.key(data.walks[0])
    monkeypatch.setattr('gait_recognition.training.walks.DRAWING', DRAWING + 1)
    assert data.key(data.walks[0]) != key


def test_features_go_on_where_an_interrupted_call_stopped(user, averages, monkeypatch):
    folder, _ = user
    data, features = ManifestWalks(folder / 'train.csv', 'none'), Features(folder / 'features', pose_weights(folder))

    def interrupted(self, frames, batch_size=None):
        if len(averages.described) == 2:
            raise KeyboardInterrupt
        return describe(self, frames)
    describe = Averages.feed_forward_features
    monkeypatch.setattr(Averages, 'feed_forward_features', interrupted)
    with pytest.raises(KeyboardInterrupt):
        features.make(data)
    monkeypatch.setattr(Averages, 'feed_forward_features', describe)
    assert len(features.make(data)) == 6 and averages.described == [5] * 6


def test_features_are_named_by_weights_content_crop_and_precision_and_not_by_place(user):
    folder, _ = user
    data, weights = ManifestWalks(folder / 'train.csv', 'none'), pose_weights(folder)
    walk = data.walks[0]
    path = Features(folder, weights).path(data, walk)
    assert path == Features(folder, weights + '.index').path(data, walk)
    assert path != Features(folder, pose_weights(folder, 1)).path(data, walk)
    assert path != Features(folder, weights, 'bfloat16').path(data, walk)
    assert path != Features(folder, weights).path(ManifestWalks(folder / 'train.csv', 'auto'), walk)
    os.rename(walk.path, folder / 'moved')
    moved = walk._replace(path=str(folder / 'moved'))
    assert path == Features(folder, weights).path(data, moved)
    os.utime(folder / 'moved' / '1.png', (0, 0))
    assert path == Features(folder, weights).path(data, moved)
    size = os.path.getsize(folder / 'moved' / '1.png')
    with open(folder / 'moved' / '1.png', 'r+b') as file:                           # one byte, at the same size
        file.seek(size // 2)
        byte = file.read(1)
        file.seek(size // 2)
        file.write(bytes([byte[0] ^ 1]))
    assert path != Features(folder, weights).path(data, moved)


def test_walkers_features_are_named_by_walk_and_length(tmp_path):
    features = Features(tmp_path, pose_weights(tmp_path))
    sets = WalkerWalks(2, 5, 8), WalkerWalks(2, 5, 9), WalkerWalks(2, 5, 8, session=2)
    paths = {features.path(data, walk) for data in sets for walk in data.walks}
    assert len(paths) == 60


def test_a_full_disk_leaves_no_half_file(user, averages, monkeypatch):
    folder, _ = user

    def full(file, array):
        file.write(b'half')
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(np, 'save', full)
    with pytest.raises(OSError, match=r'\.npy could not be written.*No space left'):
        Features(folder / 'features', pose_weights(folder)).make(ManifestWalks(folder / 'train.csv', 'none'))
    assert not list((folder / 'features').iterdir())


# --- Steps -----------------------------------------------------------------------------------------------------------

@pytest.fixture
def walks(tmp_path):
    """Features of five walks of 10, 20, 30, 40 and 3 frames, whose numbers are walk and frame."""
    paths = []
    for number, length in enumerate([10, 20, 30, 40, 3]):
        features = np.zeros((length, 17, 17, 32), np.float16)
        features[:, 0, 0, 0], features[:, 0, 0, 1] = number, np.arange(length)
        paths.append(str(tmp_path / f'{number}.npy'))
        np.save(paths[-1], features)
    return paths, [0, 0, 1, 1, 2]


def test_every_walk_is_seen_once_an_epoch_in_an_order_of_its_own_and_with_its_person(walks):
    paths, people = walks
    orders = []
    for epoch in range(4):
        steps = [training_step(paths, people, 5 * epoch + i, (4, 8), seed=0) for i in range(5)]
        numbers = [int(step.features[0, 0, 0, 0]) for step in steps]
        assert sorted(numbers) == [0, 1, 2, 3, 4] and [step.person for step in steps] == [people[n] for n in numbers]
        orders.append(tuple(numbers))
    assert len(set(orders)) > 1


def test_parts_lie_inside_the_walk_and_are_as_long_as_asked_for(walks):
    paths, people = walks
    lengths, starts = set(), set()
    for step in range(300):
        features = training_step(paths, people, step, (4, 8), seed=0).features
        number, frames = int(features[0, 0, 0, 0]), features[:, 0, 0, 1].astype(int)
        assert features.dtype == np.float32 and features.shape[1:] == (17, 17, 32)
        assert frames.tolist() == list(range(frames[0], frames[0] + len(frames)))            # consecutive
        if number == 4:
            assert len(frames) == 3                                                         # shorter than the least
        else:
            lengths.add(len(frames))
        if number == 0:
            starts.add(frames[0])
            assert frames[-1] <= 9
    assert lengths == {4, 5, 6, 7, 8} and {0, 6} <= starts


def test_a_step_of_several_walks_has_equally_long_parts_of_different_walks_with_their_people(walks):
    paths, people = walks
    lengths = set()
    for epoch in range(60):
        steps = [training_step(paths, people, 2 * epoch + i, (4, 8), seed=0, walks_per_step=2) for i in range(2)]
        numbers = [int(part[0, 0, 0, 0]) for step in steps for part in step.features]
        assert len(set(numbers)) == 4                                               # one is left over
        assert [n for step in steps for n in step.person] == [people[n] for n in numbers]
        for step in steps:
            assert step.features.shape[:1] == (2,) and step.features.dtype == np.float32
            frames = step.features[:, :, 0, 0, 1]
            np.testing.assert_array_equal(frames, frames[:, :1] + np.arange(frames.shape[1]))     # consecutive
            lengths.add(frames.shape[1])
            if 4 in step.features[:, 0, 0, 0, 0]:
                assert frames.shape[1] == 3                                         # the shortest walk's
    assert lengths == {3, 4, 5, 6, 7, 8}


def test_the_share_of_walks_asked_for_has_a_rectangle_hidden_in_all_frames_alike(tmp_path):
    rng = np.random.default_rng(0)
    walk = rng.normal(0, 30, (6, 17, 17, 32)).astype(np.float16)
    np.save(tmp_path / 'walk.npy', walk)
    hidden, sides, steps = 0, set(), 200
    for step in range(steps):
        features = training_step([str(tmp_path / 'walk.npy')], [0], step, (6, 6), seed=0, erase=0.5).features
        changed = (features != walk).any(-1)
        assert (changed == changed[0]).all()
        rows, columns = np.nonzero(changed[0])
        if len(rows):
            hidden += 1
            height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
            assert len(rows) == height * width                                      # a rectangle
            sides |= {height, width}
            np.testing.assert_allclose(features[:, rows, columns], np.broadcast_to(
                walk.astype(np.float32).mean((0, 1, 2)), (6, len(rows), 32)), atol=1e-3)
    assert 0.4 * steps < hidden < 0.6 * steps and sides == {2, 3, 4, 5, 6}


def test_a_step_is_decided_by_walks_seed_and_number_alone(walks):
    paths, people = walks
    first = training_step(paths, people, 7, (4, 8), seed=3)
    training_step(paths, people, 8, (4, 8), seed=3)
    again = training_step(paths, people, 7, (4, 8), seed=3)
    np.testing.assert_array_equal(first.features, again.features)
    lengths = [[len(training_step(paths, people, i, (4, 8), seed).features) for i in range(10)] for seed in (3, 4)]
    assert lengths[0] != lengths[1]


def test_vectors_are_those_of_the_whole_walks(walks, gait_net):
    paths, _ = walks
    told = []
    vectors = vectors_of(gait_net, paths[:2], told.append)
    assert vectors.shape == (2, 512) and told == [1, 2]
    np.testing.assert_allclose(vectors[1], gait_net.feed_forward(np.load(paths[1]).astype(np.float32)), atol=1e-6)


# --- The command -----------------------------------------------------------------------------------------------------

def test_a_users_own_walks_are_trained_on(user, averages, capsys, monkeypatch):
    folder, arguments = user
    monkeypatch.chdir(folder)
    run = folder / 'run'
    assert main(['--output', str(run), *arguments, '--epochs', '2', '--name', 'mine', '--summary-every', '6']) == 0
    assert sorted(averages.described) == [4] * 6 + [5] * 6                      # each walk once, whatever the epochs
    rows = rows_of(run / 'log.csv')
    assert [(row['epoch'], row['step']) for row in rows] == [('1', '6'), ('2', '12')]
    for row in rows:
        rates = [float(row[f'rank_1_{group}']) for group in ('N', 'B')]
        assert all(0 <= rate <= 1 for rate in rates) and float(row['rank_1_Average']) == pytest.approx(np.mean(rates))
    assert capsys.readouterr().out.count('rank_1_Average') == 2
    with TinyNetwork() as net:
        for name in ('best-GRU-1.ckpt', 'last-GRU-1.ckpt'):
            report = net.restore(run / name)
            assert not report.initial and not report.ignored
            assert network_of(gait_checkpoints.locate(run / name)) == ('GRU', 1)   # the command need not ask
    folders = {path.parent.name: path for path in (folder / 'logdir_gait' / 'mine').rglob('events*')}
    assert set(folders) == {'train', 'val_avg', 'val_n', 'val_b'}
    found = [value.simple_value for event in tf.train.summary_iterator(str(folders['val_avg']))
             for value in event.summary.value]
    assert found == pytest.approx([100 * float(row['rank_1_Average']) for row in rows], abs=0.01)

    (run / 'resume.npz').unlink()
    assert main(['--output', str(run), *arguments, '--epochs', '1', '--start', str(run / 'last-GRU-1.ckpt')]) == 0
    assert len(averages.described) == 12                                            # none anew
    assert [row['step'] for row in rows_of(run / 'log.csv')] == ['6']


def test_another_clock_moves_features_in_time_and_keeps_their_number():
    features = np.sin(2 * np.pi * np.arange(50) / 25)[:, None] * np.ones((1, 4), np.float32)
    for rates, lost in (((15, 15), 0.0), ((60, 60), 0.1), ((15, 60), 0.1)):
        found = gait.recorded_at(features, gait.Clock(rates, lost), np.random.default_rng(3))
        assert found.shape == features.shape and not np.array_equal(found, features)
        assert np.abs(found - features)[:-2].max() < 0.35
    assert gait.recorded_at(features, gait.STILL, np.random.default_rng(3)) is features


def test_renditions_are_more_walks_of_the_same_people_and_the_walks_themselves_stay_as_they_are(tmp_path):
    data = ManifestWalks(write_walks(tmp_path / 'walks', tmp_path / 'm.csv', ['anna'], frames=12), 'none')
    more, walk = Renditions(data, 2), data.walks[0]
    own = [each for each in more.walks if each.path.startswith(walk.path)]
    assert len(more.walks) == 3 * len(data.walks) and {each[:3] for each in own} == {walk[:3]}
    keys = {more.key(each) for each in more.walks}
    assert len(keys) == len(more.walks) and keys >= {data.key(each) for each in data.walks}
    frames = [np.stack([*more.read(each)]) for each in own]
    np.testing.assert_array_equal(frames[0], np.stack([*data.read(walk)]))
    np.testing.assert_array_equal(frames[1], np.stack([*more.read(own[1])]))
    assert (frames[1] != frames[0]).any() and (frames[1] != frames[2]).any()


def test_recorded_people_that_are_kept_out_are_so_in_every_source(tmp_path, averages):
    rng = np.random.default_rng(0)
    recordings = [record(gait_of(person, walk), 4, noise=0.01, rng=rng, person=f'{person:03d}', walk=str(walk))
                  for person in range(6) for walk in range(2)]
    names = [*recordings[0].joints]
    np.savez(tmp_path / 'walks.npz', joints=np.array(names), metres_per_unit=1.0, **{
        f'{each.person}-{each.walk}': np.stack([each.joints[name] for name in names], 1)[..., [1, 2, 0]]
        for each in recordings})
    folder = tmp_path / 'frames'
    folder.mkdir()
    rows = [(f's{i}', 'N1', '', f'frames/{i}', source) for i, source in enumerate(
        ['000-1', '005-0', 'parametric', '004-1', ''])]
    for row in rows:
        (tmp_path / row[3]).mkdir()
    (tmp_path / 'rendered.csv').write_text('\n'.join(map(','.join, [('person', 'condition', 'session', 'path',
                                                                      'source'), *rows])))
    arguments = gait.parse_arguments(['--output', 'x', '--pose', 'y', '--motions', str(tmp_path / 'walks.npz'),
                                      '--drawn-people', '1', '--kept-out', '2', '--conditions', 'N1', 'N2',
                                      '--manifest', str(tmp_path / 'rendered.csv')])
    data, held_out = gait._data_sets(arguments)
    assert {walk.person for walk in data.walks} == {*(f'recorded-{i:03d}' for i in range(4)), 'recorded-drawn-1', 's0',
                                                    's2', 's4'}
    assert {walk.person for walk in held_out.walks} == {'recorded-004', 'recorded-005', 's1', 's3'}
    assert next(iter(data.read(data.walks[0]))).shape == (299, 299, 3)
    assert len({data.key(walk) for walk in data.walks if walk.person[0] == 'r'}) == 10
    with pytest.raises(ValueError, match='rendered.csv: --validation is needed'):
        gait._data_sets(gait.parse_arguments(['--output', 'x', '--pose', 'y', '--manifest',
                                              str(tmp_path / 'rendered.csv')]))


def test_a_missing_file_is_told_without_the_systems_number(tmp_path, capsys):
    assert main(['--output', str(tmp_path / 'run'), '--pose', 'walkers-pose.npz', '--manifest', '/nowhere.csv']) == 2
    assert capsys.readouterr().err == 'train_gait: /nowhere.csv: No such file or directory\n'


def test_bad_arguments_exit_with_2(capsys):
    for arguments, message in (([], '--output'), (['--epochs', '0'], '--epochs'), (['--frames', '5', '4'], '--frames'),
                               (['--validation', 'a.csv'], '--validation goes with'), (['--lost', '1'], '--lost'),
                               (['--rates', '30', '15'], '--rates'), (['--drawn-people', '2'], 'goes with --motions'),
                               (['--crop', 'face'], '--crop'),
                               (['--seed', '-1'], '--seed'), (['--rnn-layers', '0'], '--rnn-layers'),
                               (['--walks-per-step', '0'], '--walks-per-step'), (['--erase', '2'], '--erase'),
                               (['--every', '2'], '--every goes with --manifest'),
                               (['--summary-every', '2'], '--summary-every goes with --name'),
                               (['--all-walks-of', '101'], '--all-walks-of is 0 to --people'),
                               (['--manifest', 'a.csv', '--validation', 'b.csv', '--conditions', 'N1'],
                                '--conditions goes without --manifest')):
        with pytest.raises(SystemExit) as exit:
            main(arguments + (['--output', 'x', '--pose', 'y'] if arguments else []))
        assert exit.value.code == 2 and message in capsys.readouterr().err.splitlines()[-1]


def replaced(arguments, name, value):
    i = arguments.index(name) + 1
    return [*arguments[:i], value, *arguments[i + 1:]]


def test_bad_input_exits_with_2_and_one_line(user, averages, capsys):
    folder, good = user
    write_walks(folder / 'one', folder / 'one.csv', ['eve'])
    cases = [('--pose', str(folder / 'none.ckpt'), 'none.ckpt'), ('--manifest', str(folder / 'none.csv'), 'none.csv'),
             ('--validation', str(folder / 'train.csv'), 'people who are trained on cannot validate'),
             ('--manifest', str(folder / 'one.csv'), 'at least 2 people'), ('--gallery', 'N7', 'N7')]
    for name, value, message in cases:
        assert main(['--output', str(folder / 'run'), *replaced(good, name, value)]) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith('train_gait: ') and message in lines[0]
    assert not (folder / 'run').exists() and not averages.described


def test_best_is_the_last_epoch_of_highest_rank_1_and_last_is_the_last(user, averages, monkeypatch):
    folder, arguments = user
    ranks, kept, real = iter([0.25, 0.5, 0.5, 0.25]), [], results.evaluate

    def evaluate(*inputs, **options):
        result = real(*inputs, **options)
        figures = {**result.rank_1(), 'Average': next(ranks)}
        return types.SimpleNamespace(rank_1=lambda: figures, eer=result.eer)

    def vectors(net, paths, progress=None):
        kept.append(net.sess.run(net.model_variables[-1]))
        return vectors_of(net, paths, progress)
    monkeypatch.setattr('gait_recognition.evaluation.results.evaluate', evaluate)
    monkeypatch.setattr('gait_recognition.training.gait.vectors_of', vectors)
    assert main(['--output', str(folder / 'run'), *arguments, '--epochs', '4']) == 0
    for name, weights in (('best', kept[2]), ('last', kept[3])):
        with TinyNetwork() as net:
            net.restore(folder / 'run' / f'{name}-GRU-1.ckpt')
            np.testing.assert_array_equal(net.sess.run(net.model_variables[-1]), weights)
    assert len({weights.tobytes() for weights in kept}) == 4


def test_more_walkers_to_validate_on_than_there_are_are_refused(tmp_path, averages, capsys):
    people = TRAINING_PERSON - VALIDATION_PERSON + 1
    assert main(['--output', str(tmp_path / 'run'), '--pose', pose_weights(tmp_path), '--people', '2',
                 '--validation-people', str(people)]) == 2
    assert '--validation-people: people who are trained on cannot validate' in capsys.readouterr().err
    assert not averages.described


def test_a_run_on_other_walks_is_refused_and_one_in_a_moved_folder_is_not(user, averages, capsys):
    folder, arguments = user
    arguments = [*arguments, '--schedule', 'author']
    assert main(['--output', str(folder / 'run'), *arguments, '--epochs', '1']) == 0
    (folder / 'walks').rename(folder / 'elsewhere')
    manifest = folder / 'train.csv'
    manifest.write_text(manifest.read_text().replace('walks/', 'elsewhere/'))
    assert main(['--output', str(folder / 'run'), *arguments, '--epochs', '2', '--rate', '1e-5', '--erase', '0']) == 0
    assert [float(row['rate']) for row in rows_of(folder / 'run' / 'log.csv')] == pytest.approx([1e-4, 1e-5])
    assert 'going on after step 6' in capsys.readouterr().err and len(averages.described) == 12
    assert main(['--output', str(folder / 'run'), *arguments, '--epochs', '3', '--margin', '0.35']) == 2
    assert 'other settings: margin 0.0 (now 0.35)' in capsys.readouterr().err
    manifest.write_text(manifest.read_text().replace('anna', 'otto', 1))
    assert main(['--output', str(folder / 'run'), *arguments, '--epochs', '3']) == 2
    assert 'other settings: walks' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize('number, status, walks, optimizer', [
    (signal.SIGKILL, -signal.SIGKILL, 2, 'Adam'), (signal.SIGINT, 1, 1, 'RMSProp')])
def test_a_run_stopped_in_the_middle_goes_on_as_if_it_had_not_been(user, number, status, walks, optimizer):
    folder, arguments = user
    arguments = [*replaced(arguments, '--walks-per-step', str(walks)), '--optimizer', optimizer, '--epochs',
                 str(5 * walks), '--save-every', '4', '--features', str(folder / 'features')]
    assert run_command(__file__, ['--output', 'whole', *arguments], folder)[0] == 0
    stopped, errors = run_command(__file__, ['--output', 'stopped', *arguments], folder,
                                  lambda: saved_step(folder / 'stopped') >= 8, number)
    assert stopped == status, errors
    assert 8 <= saved_step(folder / 'stopped') < 30
    assert run_command(__file__, ['--output', 'stopped', *arguments], folder)[0] == 0
    assert_same_course(folder / 'stopped', folder / 'whole')


@pytest.mark.slow
def test_walkers_are_described_by_the_real_pose_network_and_trained_on(tmp_path):
    pose = write_checkpoint(tmp_path / 'pose.ckpt', values(VARIABLES['pose']))
    status, errors = run_command(ROOT / 'train_gait.py', [
        '--output', 'run', '--pose', pose, '--people', '2', '--validation-people', '2', '--walk-frames', '4',
        '--conditions', 'N2', 'B1', '--all-walks-of', '1', '--frames', '2', '4', '--epochs', '2', '--rnn-layers', '2',
        '--recurrent-unit', 'LSTM'], tmp_path)
    assert status == 0, errors
    row = rows_of(tmp_path / 'run' / 'log.csv')[-1]
    assert row['step'] == '2' and {'rank_1_N', 'rank_1_B', 'rank_1_S', 'rank_1_Average', 'eer'} <= set(row)
    assert len(list((tmp_path / 'run' / 'features').glob('*.npy'))) == 10 + 2 + 2 * 10
    with GaitNetwork(recurrent_unit='LSTM', rnn_layers=2) as net:
        assert not net.restore(tmp_path / 'run' / 'best-LSTM-2.ckpt').initial


if __name__ == '__main__':
    human_pose_nn.HumanPoseIRNetwork, gait_nn.GaitNetwork = Averages, TinyNetwork
    sys.exit(main())
