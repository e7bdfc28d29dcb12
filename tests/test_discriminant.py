"""Gait weights in closed form: the directions that tell people apart, and the network that holds them."""
import csv

import numpy as np
import pytest
from test_train_gait import Averages, pose_weights, write_walks

import gait_checkpoints
from gait_nn import GaitNetwork
from gait_recognition.training.discriminant import STEADY, fit_discriminant, lay_out
from gait_recognition.training.gait import main

SHAPE = 17, 17, 32


def smooth_maps(number, seed=0):
    """Maps (number, 17, 17, 32) of unit length that change slowly over the picture, as spatial features do."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:17, :17] / 16.0
    waves = np.cos(rng.uniform(0, 4, (number, 32, 1, 1)) * y + rng.uniform(0, 4, (number, 32, 1, 1)) * x +
                   rng.uniform(0, 6, (number, 32, 1, 1))).transpose(0, 2, 3, 1)
    return (waves / np.linalg.norm(waves.reshape(number, -1), axis=1)[:, None, None, None]).astype(np.float32)


@pytest.fixture(scope='module')
def walks():
    """(means of walks (240, 17, 17, 32), people): three numbers are a person's own, ten larger ones each walk's."""
    rng = np.random.default_rng(1)
    maps = smooth_maps(13).reshape(13, -1)
    people = np.repeat(np.arange(60), 4)
    own, chance = rng.standard_normal((60, 3))[people] * 40, rng.standard_normal((240, 10)) * 400
    means = own @ maps[:3] + chance @ maps[3:] + rng.standard_normal((240, 9248))
    return means.reshape(-1, *SHAPE).astype(np.float32), people


def share_right(vectors, people):
    """Of walks whose nearest other walk by cosine similarity is of their person."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    near = unit @ unit.T
    np.fill_diagonal(near, -2)
    return np.mean(people[near.argmax(axis=1)] == people)


def mapped(found, features):
    return (features.reshape(len(features), -1) - found.mean) @ found.matrix


def test_what_tells_people_apart_is_found_beneath_larger_differences_that_do_not(walks):
    means, people = walks
    learnt = people < 40
    found = fit_discriminant(means[learnt], people[learnt], 3, 0.002)
    others = mapped(found, means[~learnt])
    assert share_right((means - means.mean(axis=0)).reshape(len(means), -1)[~learnt], people[~learnt]) < 0.3
    assert share_right(others, people[~learnt]) > 0.85
    assert found.ratios.shape == (3,) and np.all(np.diff(found.ratios) <= 0) and found.ratios[-1] > 1


def test_a_direction_counts_as_much_as_a_walk_tells_of_its_person_there():
    rng = np.random.default_rng(4)
    people = np.repeat(np.arange(100), 4)
    numbers = rng.standard_normal((100, 2))[people] * (4, 1) + rng.standard_normal((400, 2)) * 2
    means = (100 * numbers @ smooth_maps(2).reshape(2, -1)).reshape(-1, *SHAPE)
    means = (means + 0.02 * rng.standard_normal(means.shape)).astype(np.float32)
    found = fit_discriminant(means, people, 2, 0.01)
    within = np.sqrt(mapped(found, means).reshape(100, 4, 2).var(axis=1, ddof=1).mean(axis=0))
    assert 0.1 < found.ratios[1] < 1 < found.ratios[0]
    told = found.ratios / (1 + found.ratios) ** 1.5             # of posterior means, by walks' standard deviation
    assert within[1] / within[0] == pytest.approx(told[1] / told[0], rel=0.1)


def test_walks_far_off_their_person_hardly_change_what_is_found(walks):
    means, people = walks
    spoilt = means.copy()
    spoilt[::40] += 3_000 * smooth_maps(6, seed=5)                          # one walk of six people
    assert share_right(mapped(fit_discriminant(spoilt, people, 3, 0.002), means), people) > 0.85


def test_how_sources_differ_is_no_ones_own(walks):
    means, people = walks
    sets = (people >= 40).astype(int)
    apart = smooth_maps(1, seed=9)[0]
    moved = means + 2_000 * sets[:, None, None, None] * apart
    told, not_told = (fit_discriminant(moved, people, 3, 0.002, each) for each in (sets, None))
    unmoved = fit_discriminant(means, people, 3, 0.002, sets)
    np.testing.assert_allclose(told.ratios, unmoved.ratios, rtol=0.01)
    assert not_told.ratios[0] > 10 * told.ratios[0]
    np.testing.assert_allclose(told.mean, moved[sets == 0].mean(axis=0).ravel(), atol=1e-3)     # the larger one's


def test_people_with_one_walk_and_too_many_directions_are_refused(walks):
    means, people = walks
    with pytest.raises(ValueError, match='ann has a single walk'):
        fit_discriminant(means[:5], ['ann', 'ben', 'ben', 'cid', 'cid'], 1, 0.002)
    for directions in (0, 60):
        with pytest.raises(ValueError, match=f'{directions} directions are asked for of 60 people'):
            fit_discriminant(means, people, directions, 0.002)


def test_the_gait_network_holds_the_map(walks):
    means, people = walks
    rng = np.random.default_rng(2)
    found = fit_discriminant(means, people, 3, 0.002)
    frames = means[rng.integers(len(means), size=700)] + np.einsum(
        'nk,kyxc->nyxc', rng.standard_normal((700, 4)) * 300, smooth_maps(4, seed=3)).astype(np.float32)
    weights, error = lay_out(found, frames)
    assert error < 0.05
    with GaitNetwork() as net:
        net.set_training_state(weights)
        vectors = np.stack([net.feed_forward(np.repeat(mean[None], 8, axis=0)) for mean in means[:60]])
    assert vectors.shape == (60, 512) and 0.05 < vectors.std() < 0.5        # where tanh is nearly straight
    assert np.all(np.abs(vectors).max(axis=0) > 0)                          # all 512 numbers say something
    size = np.sqrt((mapped(found, frames).var(axis=0)).sum())
    expected = np.column_stack([mapped(found, means[:60]), np.full(60, STEADY * size)])
    unit, wanted = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (vectors, expected))
    assert np.corrcoef((unit @ unit.T).ravel(), (wanted @ wanted.T).ravel())[0, 1] > 0.97
    again, _ = lay_out(found, frames)
    assert all(np.array_equal(weights[name], again[name]) for name in weights)


@pytest.fixture
def arguments(tmp_path, monkeypatch):
    """The command's, on coloured people; three of them to validate on."""
    monkeypatch.setattr('human_pose_nn.HumanPoseIRNetwork', Averages)
    train = write_walks(tmp_path / 'train', tmp_path / 'train.csv', 'abcdefgh', ('N1', 'N2', 'B1'))
    held_out = write_walks(tmp_path / 'held', tmp_path / 'held.csv', 'xyz', ('N1', 'N2', 'B1'))
    return ['--output', str(tmp_path / 'run'), '--pose', str(pose_weights(tmp_path)), '--manifest', train,
            '--validation', held_out, '--crop', 'none', '--gallery', 'N1', '--probes', 'N2 B1', '--discriminant']


def test_the_command_takes_no_steps_and_writes_weights_that_tell_others_apart(arguments, tmp_path, capsys):
    assert main([*arguments, '3']) == 0
    with open(tmp_path / 'run' / 'log.csv') as file:
        row, = csv.DictReader(file)
    assert float(row['rank_1_Average']) > 0.6 and 'rank_1_N' in capsys.readouterr().out
    with GaitNetwork() as net:
        report = net.restore(tmp_path / 'run' / 'best-GRU-1.ckpt')
        assert not report.initial and not report.ignored
    before = gait_checkpoints.fingerprint(str(tmp_path / 'run' / 'best-GRU-1.ckpt'))
    assert main([*arguments, '3']) == 0                                     # the same again
    assert gait_checkpoints.fingerprint(str(tmp_path / 'run' / 'best-GRU-1.ckpt')) == before


def test_what_a_closed_form_has_no_use_for_is_refused(arguments, tmp_path, capsys):
    for option in (['--epochs', '3'], ['--rnn-layers', '2'], ['--start', 'x.ckpt']):
        with pytest.raises(SystemExit):
            main([*arguments, '3', *option])
        assert f'{option[0]} goes without --discriminant' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*arguments[:-1], '--shrinkage', '0.1'])
    assert '--shrinkage goes with --discriminant' in capsys.readouterr().err
    for number, of in ('8', '8 people'), ('512', 'vectors of 512 numbers'):
        assert main([*arguments, number]) == 2                              # of eight people
        assert f'{number} directions are asked for of {of}' in capsys.readouterr().err
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'resume.npz').touch()
    assert main([*arguments, '3']) == 2
    assert 'resume.npz is of a run that takes steps' in capsys.readouterr().err


def test_weights_lose_nothing_in_eight_bits(walks, tmp_path):
    means, people = walks
    weights, _ = lay_out(fit_discriminant(means, people, 3, 0.002), means)
    for name, value in weights.items():
        kept = gait_checkpoints.as_compact(name, value)
        assert np.allclose(kept, value, rtol=1e-5, atol=1e-9), name
    gait_checkpoints.write_compact(tmp_path / 'mine-GRU-1.npz', weights)
    read = gait_checkpoints.read_checkpoint(tmp_path / 'mine-GRU-1.npz')
    assert all(np.array_equal(read[name], gait_checkpoints.as_compact(name, value)) for name, value in weights.items())
