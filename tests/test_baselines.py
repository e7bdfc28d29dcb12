"""The baselines that a gait network's vectors are held against."""
import importlib.util
import pathlib

import numpy as np
import pytest
from quick_command import PoseStandIn

from gait_recognition.cycles.measures import measure_gait
from gait_recognition.evaluation.baselines import FIGURES, LIMBS, Baselines, describe, standardise, walk_figures
from gait_recognition.frames import read_frames
from gait_recognition.scorers import normalise

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location('gait_benchmark', ROOT / 'benchmarks' / 'gait.py')
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)

PEOPLE = range(9200, 9216)


def figures_of(person, noise=1.0, leftwards=False, yaw=0.0):
    walk = bench.true_walk(person, yaw, noise, leftwards=leftwards)
    return walk_figures(walk.times, walk.joints)


def test_figures_are_proportions_in_leg_lengths_and_the_gait_that_measure_gait_gives():
    walk = bench.true_walk(9200)
    found = dict(zip(FIGURES, walk_figures(walk.times, walk.joints)))
    assert all(np.isfinite([*found.values()])) and found['thigh'] + found['shank'] == pytest.approx(1, abs=1e-6)
    assert 0.5 < found['trunk'] < 0.9 and 0.25 < found['upper arm'] < 0.5 and 0.2 < found['forearm'] < 0.5
    measures = measure_gait(walk.times, walk.joints).measures
    assert found['cadence'] == np.float32(measures['cadence'].value)
    assert found['knee range'] == np.float32(measures['knee range'].value)


def test_figures_do_not_depend_on_the_way_that_one_walks():
    right, left = figures_of(9201), figures_of(9201, leftwards=True)
    assert np.abs(right - left)[:len(LIMBS)].max() < 0.02
    assert abs(right - left)[FIGURES.index('trunk lean')] < 1.0


def test_figures_name_walkers_far_above_chance():
    gallery = [figures_of(person) for person in PEOPLE]
    probes = [figures_of(person, 2.0, leftwards=True) for person in PEOPLE]
    scaled = normalise(standardise(gallery + probes, range(len(PEOPLE))))
    first = (scaled[len(PEOPLE):] @ scaled[:len(PEOPLE)].T).argmax(1)
    assert np.mean(first == np.arange(len(PEOPLE))) > 0.5               # chance is 1 in 16


def test_what_cannot_be_told_is_nan_and_counts_as_the_mean():
    walk = bench.true_walk(9202)
    standing = walk_figures(walk.times, np.repeat(walk.joints[:1], len(walk.joints), axis=0))
    assert np.isnan(standing[FIGURES.index('cadence')]) and np.isfinite(standing[:len(LIMBS)]).all()
    scaled = standardise([figures_of(9202), figures_of(9203), standing], [0, 1])
    assert scaled[2, FIGURES.index('cadence')] == 0 and np.isfinite(scaled).all()


def test_a_walk_of_which_nothing_is_known_is_like_nobody_not_an_error():
    scaled = normalise(standardise([[1.0, 2.0], [3.0, 5.0], [np.nan, np.nan]], [0, 1]))
    assert np.abs(scaled[2] @ scaled[:2].T).max() < 0.01


def test_probes_do_not_decide_the_scale():
    figures = np.array([[1.0, 5.0], [3.0, 5.0], [100.0, 7.0]])
    np.testing.assert_allclose(standardise(figures, [0, 1])[:, :-1], [[-1, 0], [1, 0], [98, 0]])


def test_one_look_gives_the_mean_over_the_frames_features_and_the_figures_of_their_joints():
    walk = np.random.default_rng(0).integers(0, 256, (20, 299, 299, 3), np.uint8)
    described, track = describe(read_frames(walk), PoseStandIn(), 'none', batch_size=16)
    found = Baselines.of([described])
    assert len(track.numbers) == 20 and found.figures.shape == (1, len(FIGURES))
    expected = np.mean([PoseStandIn().feed_forward_features(walk[i:i + 1]) for i in range(20)], axis=0)
    np.testing.assert_allclose(found.mean_feature, expected.reshape(1, -1), rtol=1e-5)
    limbs = dict(zip(FIGURES, found.figures[0]))
    assert limbs['thigh'] + limbs['shank'] == pytest.approx(1) and np.isnan(limbs['cadence'])       # nobody walks here
