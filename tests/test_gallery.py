"""Promises of the gallery: decisions, calibration, and a file that neither kills nor rivals can spoil."""
import contextlib
import csv
import errno
import functools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC
from threads import in_threads, switching_often

from gait_recognition.belief import EVIDENCE, Belief, Trials, fit_belief
from gait_recognition.calibration import _impostors, calibrate_verify, identify_trials
from gait_recognition.galleries import held, sqlite, tables
from gait_recognition.galleries.walk_rows import WRAP, WalkRows, seal_of
from gait_recognition.gallery import (
    DuplicateWalkError,
    FingerprintError,
    Gallery,
    GalleryFileError,
    GalleryLockedError,
    GalleryReadOnlyError,
    Origin,
)
from gait_recognition.scorers import (
    RIDGE,
    LeastSquares,
    classify,
    fit_identifier,
    index_people,
    normalise,
    threshold_for,
)
from tests.fuzz.kinds import galleries

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEIGHTS = 'sha256:weights-a'
NAN = float('nan')
ANGLES = {'Ann': [0, 10], 'Bob': [90, 104], 'Cy': [200, 203]}      # degrees on a circle: cosines by hand


def on_circle(*degrees):
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)


def cosine(degrees):
    return np.cos(np.radians(degrees))


def circle_gallery(angles=ANGLES):
    gallery = Gallery(WEIGHTS)
    for name, degrees in angles.items():
        gallery.enrol(name, on_circle(*degrees), force=True)
    return gallery


def walks_of(people, walks, seed=0, noise=0.3, width=512):
    """Vectors (people, walks, width) around one centre per person, all on one side of the sphere."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(people, 1, width)) + 2 * generator.normal(size=width)
    return (centres + noise * generator.normal(size=(people, walks, width))).astype(np.float32)


@pytest.fixture
def crowd():
    """Twenty people with six walks: gallery of four, the other two left for probing (20, 2, 64)."""
    vectors = walks_of(20, 6, width=64)
    gallery = Gallery(WEIGHTS)
    for i, walks in enumerate(vectors):
        gallery.enrol(f'person {i}', walks[:4])
    return gallery, vectors[:, 4:]


# Scorers


def test_cosine_score_is_the_similarity_to_the_nearest_walk():
    scores, people = classify(on_circle(0, 60, 90), ['a', 'a', 'b'], 7 * on_circle(50), 'cosine')
    assert people == ['a', 'b']
    np.testing.assert_allclose(scores, [[cosine(10), cosine(40)]])


def test_svm_scores_put_each_person_on_the_right_side_whatever_the_vectors_length_and_common_offset():
    vectors = walks_of(6, 4)
    labels = np.repeat([*'fedcba'], 3)
    scale = np.random.default_rng(1).uniform(0.1, 10, (18, 1))
    for offset in 0, 20:
        scores, people = classify(scale * (vectors[:, :3].reshape(18, -1) + offset), labels, vectors[:, 3] + offset)
        assert people == [*'fedcba']
        assert (scores.argmax(axis=1) == np.arange(6)).all()
        assert (scores[~np.eye(6, dtype=bool)] < 0).all()


def test_svm_in_the_space_of_few_walks_is_that_of_all_dimensions():
    vectors, probes = normalise(walks_of(5, 3).reshape(15, -1)), normalise(walks_of(5, 2, seed=1).reshape(10, -1))
    centre = vectors.mean(axis=0)
    spread = np.sqrt(np.mean(np.sum((vectors - centre) ** 2, axis=1)))
    labels = np.repeat(np.arange(5), 3)
    plain = LinearSVC(dual=True, random_state=0).fit((vectors - centre) / spread, labels)
    scores, _ = classify(vectors, labels, probes)
    np.testing.assert_allclose(scores, plain.decision_function((probes - centre) / spread), atol=1e-9)


def test_least_squares_svm_is_that_of_each_person_alone_and_puts_both_sides_at_one_and_minus_one():
    vectors, probes = normalise(walks_of(6, 4).reshape(24, -1)), normalise(walks_of(6, 2, seed=0, noise=0.6)[:, 1])
    labels = np.repeat(np.arange(6), 4)
    scores, _ = classify(vectors, labels, probes, 'ls-svm')
    assert (scores.argmax(axis=1) == np.arange(6)).all()
    centred = vectors - vectors.mean(axis=0)
    scale = np.sqrt(np.mean(np.sum(centred ** 2, axis=1)))
    for person in range(6):
        side = np.where(labels == person, 1.0, -1.0)
        alone = Ridge(alpha=RIDGE).fit(centred / scale, side)
        there, new = (alone.predict((each - vectors.mean(axis=0)) / scale) for each in (vectors, probes))
        high, low = there[labels == person].mean(), there[labels != person].mean()
        np.testing.assert_allclose(scores[:, person], 2 * (new - low) / (high - low) - 1, atol=1e-9)


def test_svm_of_two_people_has_a_column_for_each():
    scores, _ = classify(on_circle(0, 5, 90, 95), [*'aabb'], on_circle(2, 93))
    assert scores.shape == (2, 2)
    assert (scores.argmax(axis=1) == [0, 1]).all()


def test_svm_scores_are_the_same_each_time():
    vectors = walks_of(8, 3)
    labels = np.repeat([*'abcdefgh'], 3)
    first, second = (classify(vectors.reshape(24, -1), labels, vectors[:, 0] + 0.1)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_shared_first_place_is_nobodys():
    people, identify = fit_identifier(on_circle(0, 0, 90), [*'abc'], 'cosine')
    _, first, similarity = identify(on_circle(0, 90))
    assert people == ['a', 'b', 'c']
    assert first.tolist() == [-1, 2]
    np.testing.assert_allclose(similarity, 1)


@pytest.mark.parametrize(('vectors', 'message'), [
    ([[1.0, np.nan]], 'NaN'), ([[1.0, np.inf]], 'infinity'), ([[1.0, 2.0], [0, 0]], 'row 1 is all zeros'),
    (np.zeros((0, 3)), 'shape'), (np.ones((2, 2, 2)), 'shape'), ([['x', 'y']], 'real numbers'),
    (np.array([[1, None]], dtype=object), 'real numbers'), ([[1j, 0]], 'real numbers')])
def test_what_is_no_vector_is_refused(vectors, message):
    with pytest.raises(ValueError, match=message):
        normalise(vectors)
    with pytest.raises(ValueError, match=message):
        Gallery(WEIGHTS).enrol('Ann', vectors)


def test_scorers_refuse_what_they_cannot_do():
    with pytest.raises(ValueError, match='at least two people'):
        classify(on_circle(0, 1), ['a', 'a'], on_circle(0))
    with pytest.raises(ValueError, match="one of .*'knn'"):
        classify(on_circle(0, 1), ['a', 'b'], on_circle(0), 'knn')
    with pytest.raises(ValueError, match='one for each of 2 vectors, got 1'):
        classify(on_circle(0, 1), ['a'], on_circle(0))
    with pytest.raises(ValueError, match='expected 2 numbers each'):
        classify(on_circle(0, 1), ['a', 'b'], np.ones((1, 3)), 'cosine')


# Thresholds


def test_threshold_is_the_smallest_that_keeps_the_rate():
    impostor = np.arange(100.0)
    assert threshold_for(impostor, 0.01) == 98                      # only 99 is above
    assert threshold_for(impostor, 0.05) == 94
    assert threshold_for(impostor, 0.29) == 70                      # though 0.29 * 100 < 29 in floating point
    assert np.mean(impostor > threshold_for(impostor, 0.05) - 1e-9) > 0.05


def test_equal_impostor_scores_stay_out_together():
    assert threshold_for([5, 5, 5, 1], 0.5) == 5


def test_a_rate_that_the_trials_cannot_show_is_refused_with_what_it_takes():
    with pytest.raises(ValueError, match=r'0.01 .* on 12 impostor trials: it takes at least 100.* 0.0834 or more'):
        threshold_for(np.arange(12), 0.01)
    assert threshold_for(np.arange(12), 0.0834) == 10               # the rate that the message names
    for rate in 0, 1, -0.1, 2, np.nan:
        with pytest.raises(ValueError, match='between 0 and 1'):
            threshold_for(np.arange(12), rate)


# Enrolment


def test_names_and_walks_keep_their_order_and_any_script():
    gallery = Gallery(WEIGHTS)
    assert gallery.enrol('Zoë', on_circle(1)[0]) == ['walk 1']
    assert gallery.enrol('李雷 "a", b', on_circle(2, 3), walks=['monday', 'Tuesday']) == ['monday', 'Tuesday']
    assert gallery.enrol('Zoë', on_circle(4)) == ['walk 2']
    assert gallery.list() == {'Zoë': ['walk 1', 'walk 2'], '李雷 "a", b': ['monday', 'Tuesday']}
    assert len(gallery) == 4


def test_default_labels_fill_the_gap_that_a_removed_walk_left():
    gallery = circle_gallery()
    gallery.remove('Ann', 'walk 1')
    assert gallery.enrol('Ann', on_circle(1, 2)) == ['walk 1', 'walk 3']


def test_a_walk_is_enrolled_once():
    gallery = circle_gallery()
    with pytest.raises(ValueError, match="'walk 2' of 'Ann' is enrolled already"):
        gallery.enrol('Ann', on_circle(5), walks='walk 2')
    with pytest.raises(ValueError, match="'x' of 'Ann'"):
        gallery.enrol('Ann', on_circle(5, 6), walks=['x', 'x'])
    gallery.enrol('Dan', on_circle(5), walks=['walk 2'])            # another person's label is free
    assert len(gallery) == 7


@pytest.mark.parametrize('name', ['', '  ', None, 3, 'a\ud800'])
def test_names_that_are_no_text_are_refused(name):
    gallery = Gallery(WEIGHTS)
    with pytest.raises(ValueError, match='name: '):
        gallery.enrol(name, on_circle(1))
    assert len(gallery) == 0


def test_the_first_enrolment_decides_the_width():
    gallery = circle_gallery()
    with pytest.raises(ValueError, match='expected 2 numbers each as in the gallery, got 3'):
        gallery.enrol('Dan', np.ones(3))
    with pytest.raises(ValueError, match='expected 2 numbers each as in the gallery, got 3'):
        gallery.identify(np.ones(3))


@pytest.mark.parametrize('number', [1e60, 1e-60])
def test_numbers_that_float32_cannot_hold_are_refused(number):
    with pytest.raises(ValueError, match='infinity|all zeros'):
        Gallery(WEIGHTS).enrol('Ann', [number, 0])


def test_labels_and_vectors_must_be_equally_many():
    with pytest.raises(ValueError, match='each of 2 vectors, got 1'):
        Gallery(WEIGHTS).enrol('Ann', on_circle(1, 2), walks=['x'])


def test_removing_takes_one_walk_or_all_of_a_person():
    gallery = circle_gallery()
    gallery.remove('Ann', 'walk 1')
    gallery.remove('Bob')
    assert gallery.list() == {'Ann': ['walk 2'], 'Cy': ['walk 1', 'walk 2']}
    assert gallery.identify(on_circle(10)[0]).ranking[0] == ('Ann', pytest.approx(1))
    for who, walk in (('Bob', None), ('Ann', 'walk 1')):
        with pytest.raises(LookupError, match='is not in the gallery'):
            gallery.remove(who, walk)


# Decisions


def test_svm_only_when_everyone_has_two_walks_and_there_are_two_people():
    gallery = Gallery(WEIGHTS)
    gallery.enrol('Ann', on_circle(0, 10))
    assert gallery.method == 'cosine'
    gallery.enrol('Bob', on_circle(90))
    assert gallery.identify(on_circle(5)[0]).method == gallery.method == 'cosine'
    gallery.enrol('Bob', on_circle(95))
    assert gallery.identify(on_circle(5)[0]).method == gallery.method == 'ls-svm'


def test_uncalibrated_ranks_but_never_says_yes(crowd):
    gallery, probes = crowd
    answer = gallery.identify(probes[7, 0])
    assert (answer.decision, answer.name, answer.threshold) == ('uncalibrated', None, None)
    assert answer.ranking[0][0] == 'person 7'
    assert sorted(name for name, _ in answer.ranking) == sorted(gallery.list())
    assert [score for _, score in answer.ranking] == sorted((score for _, score in answer.ranking), reverse=True)
    verification = gallery.verify(probes[7, 0], probes[7, 1])
    assert (verification.decision, verification.threshold) == ('uncalibrated', None)
    assert verification.cosine_similarity > 0.9
    assert (answer.probability, answer.probability_interval) == (None, None)


def test_calibrated_names_the_known_and_turns_strangers_away(crowd):
    gallery, probes = crowd
    gallery.calibrate(0.05)
    answers = gallery.identify(probes.reshape(40, -1))
    assert [answer.name for answer in answers] == [f'person {i}' for i in range(20) for _ in range(2)]
    strangers = gallery.identify(walks_of(20, 6, noise=8, width=64)[:, 0])
    assert {answer.decision for answer in strangers} == {'unknown'}
    assert {answer.name for answer in strangers} == {None}
    assert gallery.verify(probes[3, 0], probes[3, 1]).decision == 'same'
    assert gallery.verify(probes[3, 0], probes[4, 1]).decision == 'different'


def test_someone_left_out_is_named_no_more_often_than_wanted():
    vectors = walks_of(60, 4, seed=3, noise=1.0, width=64)
    gallery = Gallery(WEIGHTS)
    for i in range(30):
        gallery.enrol(f'person {i}', vectors[i])
    gallery.calibrate(0.1)
    named = np.mean([answer.decision == 'known' for answer in gallery.identify(vectors[30:].reshape(120, -1))])
    assert named <= 0.2                      # other people than calibrated on: about the rate, not exactly


def test_two_people_with_one_vector_are_unknown_rather_than_the_first():
    gallery = circle_gallery({'Ann': [0], 'Bob': [0], 'Cy': [90], 'Dan': [180]})
    gallery.calibrate(0.5)
    assert gallery.identify(on_circle(91)[0]).decision == 'known'
    assert gallery.identify(on_circle(0)[0]).decision == 'unknown'


def test_a_similarity_at_the_threshold_is_no():
    vectors = {'Ann': [1, 0, 0, 0], 'Bob': [3, 4, 0, 0], 'Cy': [0, 0, 0, 1]}        # cosines exactly 0.6 and 0
    gallery = Gallery(WEIGHTS)
    for name, vector in vectors.items():
        gallery.enrol(name, vector)
    points = gallery.calibrate(0.4)                     # nobody has a second walk: on the similarity alone
    assert (points['identify'].threshold, points['verify'].threshold) == (0.6, 0)
    assert {point.threshold_on for point in points.values()} == {'cosine similarity'}
    at, above = gallery.identify([[3, 0, 4, 0], [4, 0, 3, 0]])
    assert (at.ranking[0][0], at.cosine_similarity, at.decision) == ('Ann', 0.6, 'unknown')
    assert (above.ranking[0][0], above.cosine_similarity, above.decision) == ('Ann', 0.8, 'known')
    assert gallery.verify(vectors['Ann'], vectors['Cy']).decision == 'different'
    assert gallery.verify(vectors['Ann'], vectors['Bob']).decision == 'same'


def test_empty_gallery_cannot_identify():
    with pytest.raises(ValueError, match='empty'):
        Gallery(WEIGHTS).identify(on_circle(0)[0])


def test_verify_takes_one_vector_each():
    with pytest.raises(ValueError, match=r'one vector \(d,\) each'):
        circle_gallery().verify(on_circle(0, 1), on_circle(0)[0])


# Calibration


def test_trials_of_identify_counted_by_hand():
    gallery = circle_gallery({**ANGLES, 'Dan': [150]})              # Dan's single walk: nearest neighbour
    assert gallery.method == 'cosine'
    codes = np.array([0, 0, 1, 1, 2, 2, 3])
    trials, may_be = identify_trials(normalise(on_circle(0, 10, 90, 104, 200, 203, 150)), codes, 'cosine')
    strangers = trials.evidence[trials.stranger]
    # Nearest walk of another person: Ann 0: 90 off (Bob); 10: 80. Bob 90: 60 (Dan), 104: 46. Cy 200: 50 (Dan), 203: 53.
    # Dan 150: 46 (Bob). Runners-up: Dan 150 off; 140. Ann 80; 94. Bob 96; 99. Cy 50.
    np.testing.assert_allclose(strangers[:, 0], [cosine(each) for each in (90, 80, 60, 46, 50, 53, 46)], atol=1e-9)
    np.testing.assert_allclose(strangers[:, 1], [cosine(a) - cosine(b) for a, b in (
        (90, 150), (80, 140), (60, 80), (46, 94), (50, 96), (53, 99), (46, 50))], atol=1e-9)
    # The person's other walk: 10, 14 and 3 off, each nearer than anybody else; Dan has none.
    known = trials.evidence[~trials.stranger]
    np.testing.assert_allclose(known[:, 3], [cosine(each) for each in (10, 10, 14, 14, 3, 3)])
    assert trials.right[~trials.stranger].all() and not trials.right[trials.stranger].any() and may_be.all()
    point = gallery.calibrate(0.3, tasks=['identify'])['identify']
    assert (point.impostor_trials, point.genuine_trials, point.people, point.method) == (7, 6, 4, 'cosine')
    assert (point.threshold_on, point.false_reject_rate) == ('probability', 0)
    assert point.threshold >= 0.5 and point.false_accept_rate <= 2 / 7


def test_the_rate_comes_with_its_exact_interval():
    gallery = circle_gallery({'Ann': [0, 1], 'Bob': [90, 91], 'Cy': [180, 181], 'Dan': [270, 271]})
    point = gallery.calibrate(0.2, tasks=['identify'])['identify']
    assert (point.false_accept_rate, point.impostor_trials) == (0, 8)
    assert point.false_accept_interval[0] == 0
    assert point.false_accept_interval[1] == pytest.approx(1 - 0.025 ** (1 / 8))    # 37 %: "0 of 8" can be a third
    assert '0 of 8 wrong ones were accepted (0.0% to 36.9%)' in point.rates()
    unequal = _impostors(np.array([10., 0, 0, 0]), np.full(4, 10.))                 # one person alone is accepted
    assert unequal[:3] == (10, 40, 4) and unequal[3][1] >= 0.5                      # exact over trials: 0.41


@pytest.mark.parametrize('counts', [(2, 2, 2), (2, 3, 4), (1, 3, 4)])
def test_every_walk_of_a_person_with_more_than_one_is_left_out_once(counts):
    gallery = Gallery(WEIGHTS)
    for i, count in enumerate(counts):
        gallery.enrol(f'person {i}', walks_of(1, count, seed=i)[0])
    point = gallery.calibrate(0.2, tasks=['identify'])['identify']
    assert point.impostor_trials == len(gallery)
    assert point.genuine_trials == sum(count for count in counts if count > 1)


def test_whoever_is_left_out_leaves_nothing_in_the_scores(monkeypatch):
    vectors, codes = normalise(walks_of(6, 4, noise=1.0).reshape(24, -1)), np.repeat(np.arange(6), 4)
    probes = normalise(walks_of(6, 2, noise=1.0, seed=0)[:, 1])
    svm = LeastSquares(vectors, codes)
    without = svm.without([2, 2, 5], probes[:3])
    assert (without[[0, 1, 2], [2, 2, 5]] == -np.inf).all()
    monkeypatch.setattr('gait_recognition.scorers._spread', lambda *_: svm._spread)
    for person, rows in (2, [0, 1]), (5, [2]):
        kept = codes != person
        alone = LeastSquares(vectors[kept], index_people(codes[kept].tolist())[1]).score(probes[rows])
        np.testing.assert_allclose(np.delete(without[rows], person, axis=1), alone, atol=1e-12)


def test_a_larger_gallery_is_calibrated_on_people_drawn_from_it(monkeypatch):
    vectors = walks_of(40, 3, noise=1.0, width=32)
    gallery = Gallery(WEIGHTS)
    for i, walks in enumerate(vectors):
        gallery.enrol(f'person {i}', walks)
    whole = gallery.calibrate(0.1)
    monkeypatch.setattr('gait_recognition.calibration.MOST', 60)
    monkeypatch.setattr('gait_recognition.calibration.SEEN', 1)
    monkeypatch.setattr('gait_recognition.calibration.KEPT', 60)
    drawn = gallery.calibrate(0.1)
    assert drawn == gallery.calibrate(0.1)                          # the same people each time
    assert (whole['identify'].people, drawn['identify'].people) == (40, 20)
    assert (whole['identify'].impostor_trials, drawn['identify'].impostor_trials) == (120, 60)
    assert drawn['verify'].impostor_trials == 60 * 117 - 60 * 57 // 2 and drawn['verify'].genuine_trials == 60
    assert drawn['verify'].threshold == pytest.approx(whole['verify'].threshold, abs=0.05)
    assert drawn['verify'].false_accept_rate <= 0.1


def test_verify_pairs_counted_in_steps_are_those_that_are_kept(monkeypatch):
    vectors, names = walks_of(20, 4, noise=1.0, width=32).reshape(80, -1), np.repeat(np.arange(20), 4).tolist()
    kept = calibrate_verify(vectors, names, 0.05)
    monkeypatch.setattr('gait_recognition.calibration.KEPT', 1)
    counted = calibrate_verify(vectors, names, 0.05)
    assert counted.threshold == pytest.approx(kept.threshold, abs=2 / (1 << 17))
    assert (counted.impostor_trials, counted.genuine_trials) == (kept.impostor_trials, kept.genuine_trials)
    assert counted.false_accept_rate <= 0.05


def test_an_interrupted_calibration_leaves_the_old_one_and_readers_ask_meanwhile(tmp_path):
    path = tmp_path / 'people.gallery'
    vectors, seen = walks_of(20, 4, width=32), []
    with Gallery.open(path, WEIGHTS, create=True) as gallery:
        for i, walks in enumerate(vectors):
            gallery.enrol(f'person {i}', walks)
        before = gallery.calibrate(0.2)

        def interrupt(done, total):
            with Gallery.open(path, WEIGHTS) as other:              # may even change it
                other.enrol(f'new {len(seen)}', vectors[0, 0] + 1)
                seen.append((done, total, other.identify(vectors[0, 0]).decision))
            raise KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            gallery.calibrate(0.1, progress=interrupt)
        assert gallery.calibration == before and 0 < seen[0][0] <= seen[0][1] == 80 and seen[0][2] == 'known'


def test_a_calibration_is_as_old_as_the_walks_that_it_saw(tmp_path):
    path = tmp_path / 'people.gallery'
    with Gallery.open(path, WEIGHTS, create=True) as gallery, Gallery.open(path, WEIGHTS) as other:
        for i, walks in enumerate(walks_of(20, 4, width=32)):
            gallery.enrol(f'person {i}', walks)
        gallery.calibrate(0.2, progress=lambda *_, **__: other.enrol('late', np.ones(32)) if 'late' not in other.list()
                          else None)
        assert gallery.outdated == ['identify', 'verify']


# Probabilities


def test_a_probability_is_a_share_of_right_names():
    vectors = walks_of(200, 5, seed=5, noise=0.8, width=24)
    gallery = Gallery(WEIGHTS)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for i in range(100):
            gallery.enrol(f'person {i}', vectors[i, :4])
    gallery.calibrate(0.05, tasks=['identify'])
    answers = gallery.identify(vectors[:, 4])                       # half of them enrolled
    probability = np.array([answer.probability for answer in answers])
    right = np.array([i < 100 and answer.ranking[0][0] == f'person {i}' for i, answer in enumerate(answers)])
    for low, high in (0, 0.25), (0.25, 0.75), (0.75, 1.01):
        among = (probability >= low) & (probability < high)
        assert among.sum() > 15
        assert abs(right[among].mean() - probability[among].mean()) < 0.15


def test_fewer_people_say_less_about_a_probability():
    widths = []
    for people in 4, 20, 100:
        gallery = Gallery(WEIGHTS)
        vectors = walks_of(people, 5, seed=2, noise=1.0, width=64)
        for i in range(people):
            gallery.enrol(f'person {i}', vectors[i, :4])
        gallery.calibrate(0.2, tasks=['identify'])
        answer = gallery.identify(vectors[0, 4])
        low, high = answer.probability_interval
        assert 0 <= low <= answer.probability <= high <= 1
        widths.append(high - low)
    assert widths[0] > 0.5 and widths[0] > widths[1] > widths[2]    # of four people none at all can be two thirds


def test_walks_of_one_person_asked_together_say_more_than_each():
    vectors = walks_of(60, 8, seed=5, noise=1.0, width=24)
    gallery = Gallery(WEIGHTS)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for i in range(30):
            gallery.enrol(f'person {i}', vectors[i, :4])
    gallery.calibrate(0.05, tasks=['identify'])
    alone = [answer.name for answer in gallery.identify(vectors[:, 4])]
    together = [gallery.identify(walks[4:], together=True) for walks in vectors]
    names = [answer.name for answer in together]
    right = [f'person {i}' for i in range(30)]
    assert sum(map(str.__eq__, right, map(str, names))) >= sum(map(str.__eq__, right, map(str, alone))) + 5
    assert names[30:].count(None) >= 24
    one = vectors[0, 4:] * np.array([[1], [10], [3], [2]])          # length says nothing
    assert gallery.identify(one, together=True).ranking[0][1] == pytest.approx(together[0].ranking[0][1], abs=1e-6)
    single = gallery.identify(vectors[0, 4], together=True)
    assert single.probability == pytest.approx(gallery.identify(vectors[0, 4]).probability, abs=1e-5)


def test_no_evidence_counts_against_a_name():
    generator = np.random.default_rng(0)
    stranger = np.repeat([False, True], 30)
    evidence = generator.normal(size=(60, 4)) + np.where(stranger, -1, 1)[:, None] * [1, 0, -1, 0]   # one misleads
    belief = fit_belief(Trials(evidence, np.tile(np.arange(15), 4), ~stranger, stranger), EVIDENCE)
    assert belief.weights[1] > 0.5 and min(belief.weights[1:]) == 0
    assert min(min(weights[1:]) for weights in belief.drawn) == 0


@pytest.mark.parametrize('known', [1, 3])
def test_a_few_second_walks_among_thousands_of_strangers_give_an_interval(known):
    rng = np.random.default_rng(0)
    stranger = np.arange(2000 + known) < 2000
    evidence = rng.normal(size=(len(stranger), 4)) + 3.0 * ~stranger[:, None]
    belief = fit_belief(Trials(evidence, np.r_[np.arange(2000) % 700, :known], ~stranger, stranger), EVIDENCE, draws=3)
    assert (len(belief.right), len(belief.wrong), len(belief.strangers)) == (known, 0, 500)
    intervals = belief.interval(evidence)
    assert np.all((intervals[:, 0] <= belief.probability(evidence)) & (belief.probability(evidence) <= intervals[:, 1]))


def test_a_name_with_a_negative_score_or_too_little_evidence_is_weak(monkeypatch):
    gallery, probes = Gallery(WEIGHTS), walks_of(20, 6, width=64)[:, 4:]
    for i, walks in enumerate(walks_of(20, 6, width=64)):
        gallery.enrol(f'person {i}', walks[:4])
    gallery.calibrate(0.05)
    known = gallery.identify(probes[7, 0])
    assert (known.decision, known.name) == ('known', 'person 7') and known.probability > known.threshold >= 0.5
    assert known.margin == pytest.approx(known.ranking[0][1] - known.ranking[1][1])
    people, identify, method = gallery._fitted()
    monkeypatch.setattr(gallery, '_fitted', lambda: (people, lambda new: (identify(new)[0] - 3, *identify(new)[1:]),
                                                     method))
    monkeypatch.setattr(Belief, 'probability', lambda self, evidence: np.full(len(evidence), 0.999))
    weak = gallery.identify(probes[7, 0])
    assert weak.ranking[0][1] < 0 and (weak.decision, weak.name) == ('weak', None)
    monkeypatch.undo()
    for probability, decision in (known.threshold, 'weak'), (0.5, 'weak'), (0.49, 'unknown'):
        monkeypatch.setattr(Belief, 'probability', lambda self, evidence, value=probability:
                            np.full(len(evidence), value))
        answer = gallery.identify(probes[7, 0])
        assert (answer.decision, answer.name) == (decision, None)
        assert answer.ranking[0][0] == 'person 7'


def test_every_number_says_what_it_is():
    gallery = circle_gallery()
    answer = gallery.identify(on_circle(5)[0])
    assert (answer.method, answer.score_is, answer.threshold_on) == ('ls-svm', 'SVM score', None)
    gallery.enrol('Dan', on_circle(300)[0])
    gallery.calibrate(0.4)
    answer = gallery.identify(on_circle(5)[0])
    assert (answer.method, answer.score_is, answer.threshold_on) == ('cosine', 'cosine similarity', 'probability')
    assert answer.ranking[0] == ('Ann', answer.cosine_similarity)


def test_verify_trials_are_all_pairs():
    gallery = circle_gallery({'Ann': [0, 20], 'Bob': [30, 90]})
    point = gallery.calibrate(0.25, tasks=['verify'])['verify']
    # Impostor pairs: 30, 90, 10, 70 off; one of the four is accepted (10), so the threshold is at 30.
    # Genuine pairs: 20 (yes) and 60 (no).
    assert (point.impostor_trials, point.genuine_trials) == (4, 2)
    assert point.threshold == pytest.approx(cosine(30))
    assert (point.false_accept_rate, point.false_reject_rate) == (0.25, 0.5)


def test_without_second_walks_there_is_no_false_reject_rate():
    point = circle_gallery({'Ann': [0], 'Bob': [90], 'Cy': [200]}).calibrate(0.4, tasks=['identify'])['identify']
    assert (point.genuine_trials, point.false_reject_rate) == (0, None)


def test_calibration_that_the_gallery_cannot_give_is_refused_and_changes_nothing():
    gallery = circle_gallery()
    with pytest.raises(ValueError, match='identify: a false accept rate of 0.01 .* 6 impostor trials'):
        gallery.calibrate()
    with pytest.raises(ValueError, match='identify'):               # verify has 12 pairs and could
        gallery.calibrate(0.1)
    assert gallery.calibration == {}
    assert {*gallery.calibrate(0.1, tasks=['verify'])} == {*gallery.calibration} == {'verify'}
    assert gallery.identify(on_circle(0)[0]).decision == 'uncalibrated'
    for task in 'identify', 'verify':
        with pytest.raises(ValueError, match=f'{task}: .*two people'):
            circle_gallery({'Ann': [0, 1, 2]}).calibrate(0.5, tasks=[task])
    with pytest.raises(ValueError, match='tasks'):
        gallery.calibrate(0.5, tasks=['guess'])


@pytest.mark.parametrize('change', [lambda gallery: gallery.enrol('Dan', on_circle(45)),
                                    lambda gallery: gallery.remove('Ann', 'walk 1')])
def test_a_change_makes_the_calibration_older_than_the_people_which_is_said_once(change):
    gallery = circle_gallery()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        gallery.enrol('Ann', on_circle(20))                         # nothing to lose yet: silent
    gallery.calibrate(0.3)
    assert gallery.outdated == []
    with pytest.warns(UserWarning, match='older than the people in it: calibrate it again'):
        change(gallery)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        gallery.remove('Cy', 'walk 2')
    assert gallery.outdated == ['identify', 'verify']
    assert gallery.identify(on_circle(0)[0]).threshold is not None  # it goes on to hold, and to be older
    gallery.calibrate(0.5)
    assert gallery.outdated == []


# Fingerprints


def test_vectors_of_other_weights_are_refused(tmp_path):
    path = str(tmp_path / 'g.npz')
    circle_gallery().save(path)
    vector = on_circle(5)[0]
    for ask in (lambda: Gallery.load(path, 'sha256:b'), lambda: Gallery.open(path, 'sha256:b').__enter__(),
                lambda: circle_gallery().enrol('Dan', vector, fingerprint='sha256:b'),
                lambda: circle_gallery().identify(vector, fingerprint='sha256:b'),
                lambda: circle_gallery().verify(vector, vector, fingerprint='sha256:b')):
        with pytest.raises(FingerprintError, match=r"'sha256:b'.*'sha256:weights-a'"):
            ask()


class DefaultWeights:
    """In place of the weights that are there."""
    fingerprint = '0123456789abcdef0123456789abcdef-GRU-1'


def test_a_gallery_loaded_without_a_fingerprint_compares_with_vectors_of_the_default_weights(tmp_path, monkeypatch):
    monkeypatch.setattr('gait_recognition.gallery.choose_weights', DefaultWeights)
    path = str(tmp_path / 'g.npz')
    circle_gallery().save(path)
    gallery, vector = Gallery.load(path), on_circle(5)[0]
    assert [*gallery.list()] == ['Ann', 'Bob', 'Cy']
    for ask in (gallery.identify, lambda v: gallery.verify(v, v), lambda v: gallery.enrol('Dan', v)):
        with pytest.raises(FingerprintError, match=f"{DefaultWeights.fingerprint}'.*'{WEIGHTS}'"):
            ask(vector)
    assert gallery.identify(vector, fingerprint=WEIGHTS).ranking[0][0] == 'Ann'
    with Gallery.open(tmp_path / 'default.npz', create=True) as gallery:
        gallery.enrol('Ann', vector)
    gallery = Gallery.load(tmp_path / 'default.npz')
    assert gallery.fingerprint == DefaultWeights.fingerprint and gallery.identify(vector).ranking[0][0] == 'Ann'


def test_a_gallery_of_before_that_knows_the_tensors_alone_is_taken(tmp_path):
    tensors = DefaultWeights.fingerprint.partition('-')[0]
    gallery = Gallery(tensors)
    gallery.enrol('Ann', on_circle(5)[0])
    gallery.save(tmp_path / 'g.npz')
    Gallery.load(tmp_path / 'g.npz', DefaultWeights.fingerprint)
    for other in (tensors + '-GRU-1-bfloat16', 'f' * 32 + '-GRU-1'):
        with pytest.raises(FingerprintError):
            Gallery.load(tmp_path / 'g.npz', other)


@pytest.mark.parametrize('fingerprint', [None, '', 3])
def test_a_gallery_needs_a_fingerprint(fingerprint):
    with pytest.raises(ValueError, match='fingerprint'):
        Gallery(fingerprint)


# Files


def test_round_trip_keeps_everything_and_decides_the_same(crowd, tmp_path):
    gallery, probes = crowd
    gallery.enrol('nul\0 ends in\0', probes[0] + 5, walks=['a\0', 'b\n'])
    gallery.calibrate(0.05)
    path = str(tmp_path / 'g.npz')
    gallery.save(path)
    again = Gallery.load(path, WEIGHTS)
    assert again.list() == gallery.list()
    assert again.calibration == gallery.calibration
    assert again.identify(probes[:, 0]) == gallery.identify(probes[:, 0])


def test_an_empty_gallery_is_kept(tmp_path):
    path = str(tmp_path / 'g.gallery')
    Gallery(WEIGHTS).save(path)
    with Gallery.open(path, WEIGHTS) as gallery:
        gallery.enrol('Ann', on_circle(0))
        assert len(gallery) == 1


def test_csv_holds_names_walks_and_exact_vectors(tmp_path):
    vectors = walks_of(1, 2)[0]
    gallery = Gallery(WEIGHTS)
    gallery.enrol('Łucja, "Lu"', vectors)
    path = tmp_path / 'g.csv'
    gallery.export(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with open(path, encoding='utf-8', newline='') as file:
        header, *rows = csv.reader(file)
    assert header[:4] == ['name', 'walk', 'v0', 'v1']
    assert [row[:2] for row in rows] == [['Łucja, "Lu"', 'walk 1'], ['Łucja, "Lu"', 'walk 2']]
    np.testing.assert_array_equal(np.array([row[2:] for row in rows], np.float32), vectors)


@pytest.mark.parametrize('suffix', ['.csv', '.npz', '.parquet'])
def test_what_is_exported_is_taken_back_exactly(tmp_path, suffix):
    if suffix == '.parquet':
        pytest.importorskip('pyarrow', reason='Parquet is an extra')
    gallery, again = circle_gallery(), Gallery(WEIGHTS)
    gallery.export(tmp_path / f'g{suffix}')
    assert again.take_in(tmp_path / f'g{suffix}') == 6
    assert again.list() == gallery.list() and again.identify(on_circle(5)[0]) == gallery.identify(on_circle(5)[0])
    with pytest.raises(ValueError, match='enrolled already'):
        again.take_in(tmp_path / f'g{suffix}')                      # all or none
    assert len(again) == 6
    with pytest.raises(ValueError, match=r'ends in .csv, .npz or .parquet'):
        gallery.export(tmp_path / 'g.txt')
    (tmp_path / 'bad.csv').write_text('name,walk,v1\n')
    with pytest.raises(ValueError, match='expected the header'):
        again.take_in(tmp_path / 'bad.csv')


@pytest.mark.parametrize('suffix', ['.npz', '.parquet'])
def test_export_and_import_give_the_same_gallery_bit_for_bit(tmp_path, suffix):
    if suffix == '.parquet':
        pytest.importorskip('pyarrow', reason='Parquet is an extra')
    vectors = walks_of(4, 3)
    vectors[0, 0, :3] = -0.0, 1e-42, np.float32(0.1)                # a negative zero, a subnormal number
    tracks = [{'frames': 25, 'used': 24, 'skipped': 0, 'crop': 'pose'}, None, None]
    with Gallery.open(tmp_path / 'g.gallery', WEIGHTS, create=True) as gallery, \
            Gallery.open(tmp_path / 'again.gallery', WEIGHTS, create=True) as again:
        gallery.agree(every=2)
        for i, name in enumerate(('Łucja, "Lu"', 'Bob', 'a\nb', '李')):
            gallery.enrol(name, vectors[i], origins=[
                Origin(f'/walks/{name}.mp4', f'{i}{number}', 0.96, track) if number else Origin()
                for number, track in enumerate(tracks)])
        gallery.export(tmp_path / f'walks{suffix}')
        assert (tmp_path / f'walks{suffix}').stat().st_mode & 0o777 == 0o600
        assert again.take_in(tmp_path / f'walks{suffix}') == 12
        assert again.list() == gallery.list() and again.settings == gallery.settings
        assert again.fingerprint == gallery.fingerprint
        assert again._held.vectors.tobytes() == gallery._held.vectors.tobytes()
        assert [{**walk, 'added': None} for walk in again.walks()] == [{**walk, 'added': None}
                                                                       for walk in gallery.walks()]
    other = Gallery(WEIGHTS)
    other.agree(every=1)
    with pytest.raises(ValueError, match='described with every=1, got 2'):
        other.take_in(tmp_path / f'walks{suffix}')
    assert len(other) == 0


def test_a_damaged_parquet_file_is_refused_by_name(tmp_path):
    parquet = pytest.importorskip('pyarrow.parquet', reason='Parquet is an extra')
    circle_gallery().export(tmp_path / 'g.parquet')
    whole = (tmp_path / 'g.parquet').read_bytes()
    table = parquet.read_table(tmp_path / 'g.parquet')
    (tmp_path / 'cut.parquet').write_bytes(whole[:len(whole) // 2])
    (tmp_path / 'text.parquet').write_text('name,walk')
    parquet.write_table(table.drop_columns(['walk']), tmp_path / 'column.parquet')
    for name in ('cut', 'text', 'column'):
        with pytest.raises(ValueError, match=f'{name}.parquet cannot be read as walks of a gallery'):
            Gallery(WEIGHTS).take_in(tmp_path / f'{name}.parquet')
    with pytest.raises(FileNotFoundError):
        Gallery(WEIGHTS).take_in(tmp_path / 'gone.parquet')


def test_without_pyarrow_parquet_is_refused_with_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    for call in (circle_gallery().export, Gallery(WEIGHTS).take_in):
        with pytest.raises(ImportError, match=r'g.parquet: Parquet takes pyarrow: pip install .*\[parquet\].*npz'):
            call(tmp_path / 'g.parquet')
    assert not (tmp_path / 'g.parquet').exists()


def test_check_lists_what_to_look_at():
    gallery = circle_gallery({'Ann': [0, 1], 'Bob': [90, 100, 110, 15], 'Cy': [200], 'Dan': [20, 40, 50],
                              'Dana': [25, 35, 45]})
    found = {(finding.what, tuple(finding.people)) for finding in gallery.check()}
    assert {('near-duplicate', ('Ann', 'Ann')), ('outlier', ('Bob',)), ('alike', ('Dan', 'Dana')),
            ('few walks', ('Ann',)), ('one walk', ('Cy',))} <= found
    assert ('alike', ('Ann', 'Bob')) not in found and ('one walk', ('Dan',)) not in found
    assert Gallery(WEIGHTS).check() == []


class Bomb:
    def __reduce__(self):
        return os.mkdir, ('pickle-was-run',)


def _save_parts(path, vectors=None, **changes):
    """A gallery of before."""
    about = {'format': 'gait-gallery', 'version': 1, 'fingerprint': WEIGHTS, 'names': ['Ann'], 'walks': ['1'],
             'calibration': {}} | changes
    np.savez(path, vectors=np.ones((1, 2), np.float32) if vectors is None else vectors,
             about=np.array(json.dumps(about)))


def _of_version(path, pragma):
    circle_gallery().save(path)
    connection = sqlite3.connect(path)
    connection.execute(f'PRAGMA {pragma}')
    connection.close()


BAD_FILES = {
    'text': lambda path: path.write_text('name,walk\n'),
    'nothing': lambda path: path.write_bytes(b''),
    'other arrays': lambda path: np.savez(path, x=np.ones(3)),
    'one array': lambda path: (np.save(f'{path}.npy', np.ones(3)), os.replace(f'{path}.npy', path)),
    'pickle': lambda path: np.savez(path, vectors=np.array([Bomb()], dtype=object), about=np.array('{}')),
    'cut': lambda path: (circle_gallery().save(path), path.write_bytes(path.read_bytes()[:-12000])),
    'flipped': lambda path: (circle_gallery().save(path), path.write_bytes(_flip(path.read_bytes()))),
    'other database': lambda path: _of_version(path, 'application_id = 1'),
    'newer version': lambda path: _of_version(path, 'user_version = 4'),
    'before: other format': lambda path: _save_parts(path, format='shopping'),
    'before: other version': lambda path: _save_parts(path, version=2),
    'before: doubles': lambda path: _save_parts(path, np.ones((1, 2))),
    'before: fewer names': lambda path: _save_parts(path, np.ones((2, 2), np.float32)),
    'before: NaN': lambda path: _save_parts(path, np.full((1, 2), np.nan, np.float32)),
    'before: blank name': lambda path: _save_parts(path, names=['']),
    'before: walk twice': lambda path: _save_parts(path, np.ones((2, 2), np.float32), names=['A'] * 2,
                                                   walks=['1'] * 2),
    'before: odd calibration': lambda path: _save_parts(path, calibration={'identify': {'threshold': 'low'}}),
}


BAD_FILES |= {f'before: {field} {value!r:.20}': lambda path, change={field: value}: _save_parts(path, **change)
              for field, value in (('names', 'A'), ('walks', '1'), ('names', [True]), ('names', {'A': 1}),
                                   ('calibration', {'verify': {'threshold': True}}), ('calibration', []),
                                   ('fingerprint', True))}


def _flip(data):
    place = data.index(np.float32(cosine(10)).tobytes())            # inside the vectors
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]


@pytest.mark.parametrize('kind', BAD_FILES)
def test_foreign_and_damaged_files_are_refused_by_name_and_left_alone(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'g.npz'
    BAD_FILES[kind](path)
    before = path.read_bytes()
    with pytest.raises(GalleryFileError, match=r'g\.npz is (not a gallery|a damaged gallery|a gallery of version 4)'):
        Gallery.load(path)
    with pytest.raises(GalleryFileError), Gallery.open(path, WEIGHTS, create=True):
        pass
    assert path.read_bytes() == before
    assert {*os.listdir(tmp_path)} <= {'g.npz', 'g.npz-shm', 'g.npz-wal'}


def test_a_flipped_byte_anywhere_is_refused_or_changes_no_answer(tmp_path):
    gallery, path = circle_gallery(), tmp_path / 'g.gallery'
    gallery.calibrate(0.3)
    gallery.save(path)
    right, people, data = gallery.identify(on_circle(5, 95, 300)), gallery.list(), path.read_bytes()
    generator, refused = np.random.default_rng(0), 0
    for place in generator.integers(len(data), size=300):
        damaged = bytearray(data)
        damaged[place] ^= 1 << generator.integers(8)
        path.write_bytes(damaged)
        try:
            with Gallery.load(path) as gallery:
                assert (gallery.list(), gallery.fingerprint) == (people, WEIGHTS)
                assert gallery.identify(on_circle(5, 95, 300), fingerprint=WEIGHTS) == right
        except (GalleryFileError, OSError):
            refused += 1
    assert refused                                                  # much of so small a file is empty


@pytest.mark.parametrize('table, key, value', [
    ('settings', 'width', 'nan'), ('settings', 'every', '[1, 2]'), ('settings', 'rate', 'true'),
    ('settings', 'rate', '0'), ('settings', 'rate', '0.0'), ('settings', 'rate', '9e999'), ('settings', 'every', '0'),
    ('settings', 'fingerprint', ''), ('settings', 'width', '9' * 400), ('points', 'identify', '[1, 2]'),
    ('points', 'identify', '{"threshold": NaN}'), ('points', 'verify', '[' * 20000), ('points', 'verify', '5')])
def test_settings_of_the_wrong_type_are_refused_even_under_right_seals(tmp_path, table, key, value):
    gallery, path = circle_gallery(), tmp_path / 'g.gallery'
    gallery.calibrate(0.3)
    gallery.save(path)
    connection = sqlite3.connect(path, isolation_level=None)
    name, column = ('key', 'value') if table == 'settings' else ('task', 'value')
    connection.execute(f'UPDATE {table} SET {column} = ? WHERE {name} = ?', (value, key))
    connection.execute(f'INSERT OR IGNORE INTO {table} VALUES (?, ?)', (key, value))
    galleries.seal(connection)
    connection.close()
    with pytest.raises(GalleryFileError, match='g.gallery is a damaged gallery: '):
        Gallery.load(path)


@pytest.mark.parametrize('given', [{'every': 10 ** 9}, {'every': 10 ** 18}, {'rate': 1e16}, {'rate': 1e-7},
                                   {'rate': 10 ** 25}, {'rate': 1e300}, {'rate': None}])
def test_no_setting_is_kept_that_would_not_be_read_back(tmp_path, given):
    path = tmp_path / 'g.gallery'
    circle_gallery().save(path)
    with Gallery.open(path) as gallery:
        try:
            gallery.agree(**given)
            kept = {key: str(value) for key, value in given.items()}
        except ValueError as error:
            assert str(error).startswith(f'{next(iter(given))}: expected ')
            kept = {}
    settings = Gallery.load(path).settings
    assert settings.items() >= kept.items() and bool(settings) == bool(kept)


def test_no_calibration_is_kept_that_would_not_be_read_back(tmp_path):
    path = tmp_path / 'g.gallery'
    circle_gallery().save(path)
    with Gallery.open(path) as gallery:
        gallery.calibrate(0.3)
        kept = gallery._tables.read().points
        with pytest.raises(ValueError, match='threshold'):
            gallery._tables.keep_points({'identify': {**kept['identify'], 'threshold': 7.0}})
    assert Gallery.load(path)._tables.read().points == kept


def edited(tmp_path, *statements):
    """A calibrated gallery on which somebody ran SQL statements, seals put right."""
    gallery, path = circle_gallery(), tmp_path / 'g.gallery'
    gallery.calibrate(0.3)
    gallery.save(path)
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    galleries.seal(connection)
    connection.close()
    return path


@pytest.mark.parametrize('change', [
    "'$.threshold_on', 'foo'", "'$.threshold_on', 'probability', '$.belief', NULL", "'$.threshold', 0.1",
    "'$.belief.kinds', json_array('score', 'score'), '$.belief.weights', json_array(0, 1, 1), "
    "'$.belief.drawn', json_array(json_array(0, 1, 1))", "'$.method', 'astrology'", "'$.belief.weights[1]', -3",
    "'$.belief.drawn', json_array()", "'$.belief.drawn[0][1]', 1e300", "'$.belief.weights[0]', -1e300",
    "'$.belief.strangers', json_array(2, 1)", "'$.belief.strangers', json_array()", "'$.belief.known_people', 0"])
def test_a_threshold_on_what_cannot_be_told_is_refused(tmp_path, change):
    path = edited(tmp_path, f"UPDATE points SET value = json_set(value, {change}) WHERE task = 'identify'")
    with pytest.raises(GalleryFileError, match='g.gallery is a damaged gallery: '):
        Gallery.load(path)


@pytest.mark.parametrize('walk', [5, 300])
def test_a_calibration_of_before_that_kept_no_trial_of_enrolled_people_is_none_and_is_made_again(tmp_path, walk):
    path = edited(tmp_path, "UPDATE points SET value = json_set(value, '$.belief.right', json_array(), "
                            "'$.belief.wrong', json_array()) WHERE task = 'identify'")
    with Gallery.load(path) as gallery:
        answer = gallery.identify(on_circle(walk)[0], WEIGHTS)
        assert (answer.decision, answer.name, answer.probability) == ('uncalibrated', None, None)
        assert [*gallery.calibration] == ['verify'] and gallery.outdated == [] and len(gallery.spreads()) == 1
    with Gallery.open(path, WEIGHTS) as gallery:
        right = circle_gallery()
        assert gallery.calibrate(0.3) == right.calibrate(0.3) == gallery.calibration
        assert gallery.identify(on_circle(walk)[0]) == right.identify(on_circle(walk)[0])


@pytest.mark.parametrize('table, change', [
    ('walks', 'INSERT INTO walks SELECT * FROM walks WHERE id = 1'), ('walks', "UPDATE walks SET label = 'walk 1'"),
    ('people', "UPDATE people SET name = 'Ann'"), ('people', 'UPDATE people SET id = 1'),
    ('settings', "INSERT INTO settings VALUES ('fingerprint', 'other')"),
    ('points', "INSERT INTO points SELECT * FROM points WHERE task = 'verify'")])
def test_what_is_twice_in_a_table_that_lost_its_keys_is_refused(tmp_path, table, change):
    path = edited(tmp_path, f'CREATE TABLE bare AS SELECT * FROM {table}', f'DROP TABLE {table}',
                  f'ALTER TABLE bare RENAME TO {table}', change)
    with pytest.raises(GalleryFileError, match='g.gallery is a damaged gallery: .* is there twice'):
        Gallery.load(path)


def test_a_name_that_comes_a_second_time_while_a_gallery_is_open_is_refused(tmp_path):
    path = edited(tmp_path, 'CREATE TABLE bare AS SELECT * FROM people', 'DROP TABLE people',
                  'ALTER TABLE bare RENAME TO people')
    with Gallery.load(path, WEIGHTS) as gallery, \
            contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        people = gallery.list()
        for statement in "INSERT INTO people VALUES (100, 'Ann', '')", 'DELETE FROM people WHERE id = 100':
            connection.execute('BEGIN')
            connection.execute(statement)
            connection.execute("UPDATE seals SET number = number + 1 WHERE name = 'generation'")
            galleries.seal(connection)
            connection.execute('COMMIT')
            if statement.startswith('INSERT'):
                for _ in range(2):
                    with pytest.raises(GalleryFileError, match='the name of a person is there twice'):
                        gallery.list()
        assert gallery.list() == people


@pytest.mark.filterwarnings('ignore:.*is nearer to')
def test_walks_are_compared_the_same_whether_they_were_scaled_or_not(tmp_path):
    generator = np.random.default_rng(0)
    vectors, asked = generator.normal(size=(300, 16)).astype(np.float32), generator.normal(size=(3, 16))
    right = normalise(asked) @ normalise(vectors).T
    with Gallery.open(tmp_path / 'g.gallery', WEIGHTS, create=True) as gallery:
        for first in range(0, 300, 100):
            gallery.enrol(f'person {first}', vectors[first:first + 100])
        plain = gallery._held.similarity_to(asked)
        assert gallery._held._unit is None                                              # nobody asked who this is
        assert gallery._held.unit.shape == (300, 16)
        np.testing.assert_allclose(plain, right, atol=1e-6)
        np.testing.assert_allclose(gallery._held.similarity_to(asked), right, atol=1e-6)
        gallery.enrol('Zoe', asked[:1])
        np.testing.assert_array_equal(gallery._held.unit, normalise(gallery._held.vectors).astype(np.float32))


@pytest.mark.parametrize('length', [1e-30, 1e25])
def test_walks_whose_squares_float32_cannot_hold_are_compared_right(length):
    gallery = Gallery(WEIGHTS)
    gallery.enrol('Ann', length * on_circle(0, 90))
    np.testing.assert_allclose(gallery._held.similarity_to(length * on_circle(30)), [[3 ** 0.5 / 2, 0.5]], atol=1e-6)
    assert gallery.identify(length * on_circle(30)[0]).cosine_similarity == pytest.approx(3 ** 0.5 / 2, abs=1e-6)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('counts', [(4, 2, 2), (6, 2, 2), (3, 3)])               # one has half of all, or more
def test_whoever_is_left_out_of_the_least_squares_svm_leaves_numbers_for_others(counts):
    codes = np.repeat(np.arange(len(counts)), counts)
    vectors = normalise(np.random.default_rng(0).normal(size=(len(codes), 8)) + 3 * np.eye(8)[codes])
    scores = LeastSquares(vectors, codes).without([0, 1], vectors[[-1, 0]])
    assert np.isneginf([scores[0, 0], scores[1, 1]]).all() and np.isfinite(scores).sum() == 2 * (len(counts) - 1)
    if len(counts) > 2:
        assert scores.argmax(axis=1).tolist() == [2, 0]


def test_walks_are_compared_piece_after_piece_and_with_all_the_same(monkeypatch):
    monkeypatch.setattr(held, 'FEW', 3)
    walks, probes = walks_of(4, 2).reshape(8, -1), walks_of(2, 1, seed=1)[:, 0]
    gallery = Gallery(WEIGHTS)
    gallery.enrol('Ann', walks)
    np.testing.assert_allclose(gallery._held.similarity_to(probes), normalise(probes) @ normalise(walks).T, atol=1e-6)


def _of_before(path, monkeypatch):
    """A calibrated gallery of three people in a file of version 2."""
    with monkeypatch.context() as patch:
        for module in sqlite, tables:
            patch.setattr(module, 'VERSION', 2)
        with Gallery.open(path, WEIGHTS, create=True) as gallery:
            for name, walks in zip('ABC', walks_of(3, 3)):
                gallery.enrol(name, walks)
            gallery.calibrate(0.2)
            return gallery.identify(walks_of(3, 3, seed=1)[:, 0])


def test_digests_of_version_2_are_as_they_were():
    row = 1, 2, 'wälk', b'1234', 'c', '/p', '2026', 0.5, None, 'w'
    assert seal_of(row, 2) == 3113040191065020786 and seal_of(row) == 660790107


def test_a_gallery_of_version_2_opens_changes_and_notices_damage(tmp_path, monkeypatch):
    answers = _of_before(path := tmp_path / 'g', monkeypatch)
    with Gallery.open(path, WEIGHTS) as gallery:
        assert gallery.identify(walks_of(3, 3, seed=1)[:, 0]) == answers and not gallery.outdated
        gallery.enrol('D', walks_of(4, 2)[3])
        gallery.remove('D', 'walk 1')
    with Gallery.load(path, WEIGHTS) as gallery:
        assert len(gallery) == 10 and gallery.walks()[-1]['label'] == 'walk 2'
    data = bytearray(path.read_bytes())
    data[data.index(walks_of(3, 3)[1, 1].tobytes()) + 5] ^= 4
    path.write_bytes(data)
    with pytest.raises(GalleryFileError, match='walks are not as they were written'):
        Gallery.load(path, WEIGHTS)


def test_a_gallery_of_version_2_becomes_one_of_today_row_by_row_with_its_calibration(tmp_path, monkeypatch):
    answers = _of_before(tmp_path / 'g', monkeypatch)
    with Gallery.load(tmp_path / 'g', WEIGHTS) as old:
        sqlite.create(os.fspath(tmp_path / 'new'), {}, lambda new: new.take_all(old._tables))
    with Gallery.load(tmp_path / 'new', WEIGHTS) as gallery:
        assert (gallery._tables.version, gallery._tables.settings()['version']) == (3, '3')
        assert gallery.identify(walks_of(3, 3, seed=1)[:, 0]) == answers and not gallery.outdated


def test_walks_read_in_pieces_have_the_seal_of_their_rows(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(10, 8)).astype(np.float32)
    rows = [(i, i, 'wälk', vector.tobytes(), None, f'/{i}.mp4', '2026', 0.5, None, WEIGHTS)
            for i, vector in enumerate(vectors)]
    read = WalkRows(3)                                                                  # more come than were expected
    for first in range(0, 10, 4):
        read.take(rows[first:first + 4])
    assert read.total % WRAP == sum(map(seal_of, rows)) % WRAP
    assert read.columns['path'] == [row[5] for row in rows] and len(read) == 10
    np.testing.assert_array_equal(read.vectors(8)[:10], vectors)
    read.take([(*rows[0][:3], b'12', *rows[0][4:])])
    with pytest.raises(ValueError, match='vectors are of 2, 32 bytes, expected 32'):
        read.vectors(8)


@pytest.mark.parametrize('place', ['vectors', 'people', 'contents'])
def test_an_interruption_while_new_walks_are_read_leaves_no_half_of_them(tmp_path, monkeypatch, place):
    circle_gallery().save(tmp_path / 'g.gallery')
    with Gallery.load(tmp_path / 'g.gallery', WEIGHTS) as reader, \
            Gallery.open(tmp_path / 'g.gallery', WEIGHTS) as writer:
        writer.enrol('Zoe', on_circle(300, 310), origins=[Origin(contents='a'), Origin(contents='b')])
        errors, grown = [KeyboardInterrupt], held.grown

        class Interrupted(dict):
            def setdefault(self, *arguments):
                if errors:
                    raise errors.pop()
                return super().setdefault(*arguments)

        def interrupted(array, count, more):
            if errors and array is reader._rows._lengths:                       # the vectors have grown by then
                raise errors.pop()
            return grown(array, count, more)
        if place == 'vectors':
            monkeypatch.setattr(held, 'grown', interrupted)
        else:
            name = {'people': '_index', 'contents': '_by_contents'}[place]
            setattr(reader._rows, name, Interrupted(getattr(reader._rows, name)))
        with pytest.raises(KeyboardInterrupt):
            reader.list()
        assert not errors and reader.list() == writer.list()
        np.testing.assert_array_equal(reader._held.vectors, writer._held.vectors)
        assert reader._held.unit.shape == (len(writer), 2)
        assert [reader._held.of(name) for name in reader.list()] == [writer._held.of(name) for name in writer.list()]
        assert reader.identify(on_circle(305)[0]) == writer.identify(on_circle(305)[0])


def test_a_new_gallery_that_finds_no_room_is_named_and_not_the_file_beside_it(tmp_path, monkeypatch):
    def full(tables, settings, fill=None):
        raise OSError(errno.EIO, 'disk I/O error', tables.name)
    monkeypatch.setattr('gait_recognition.galleries.sqlite.SqliteTables.create', full)
    with pytest.raises(OSError, match='disk I/O error') as caught:
        Gallery.open(tmp_path / 'new.gallery', WEIGHTS, create=True)
    assert caught.value.filename == str(tmp_path / 'new.gallery') and os.listdir(tmp_path) == []


def test_a_gallery_has_as_long_a_name_as_leaves_room_for_the_files_beside_it(tmp_path):
    path = tmp_path / ('g' * 247)
    with Gallery.open(path, WEIGHTS, create=True) as gallery:
        gallery.enrol('Ann', on_circle(0))
    with pytest.raises(OSError, match='too long') as caught:
        Gallery.open(f'{path}g', WEIGHTS, create=True)
    assert caught.value.filename == f'{path}g' and os.listdir(tmp_path) == [path.name]


def test_a_verification_on_a_probability_is_refused(tmp_path):
    path = edited(tmp_path, "UPDATE points SET value = json_set(value, '$.threshold_on', 'probability', '$.belief', "
                            "(SELECT json_extract(value, '$.belief') FROM points WHERE task = 'identify'), "
                            "'$.threshold', 0.9) WHERE task = 'verify'")
    with pytest.raises(GalleryFileError, match='how that is told'):
        Gallery.load(path)


@pytest.mark.parametrize('change', ["detail = x'00'", "at = x'ff'", "person = x'41'", "action = ''"])
def test_audit_lines_of_the_wrong_type_are_refused(tmp_path, change):
    with Gallery.load(edited(tmp_path, f'UPDATE audit SET {change} WHERE id = 1')) as gallery, \
            pytest.raises(GalleryFileError, match='g.gallery is a damaged gallery: '):
        gallery.audit()


@pytest.mark.parametrize('statements', [
    ('DROP TABLE audit', 'CREATE VIEW audit AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 9)'
                         " SELECT i AS id, 'a' AS at, 'b' AS action, 'c' AS person, 'd' AS detail FROM r"),
    ('ALTER TABLE people RENAME TO p', "CREATE VIEW people AS SELECT id, 'eve' || id AS name, added FROM p"),
    ("CREATE TRIGGER t AFTER INSERT ON walks BEGIN UPDATE people SET name = 'eve' || id; END",),
    ('CREATE VIEW v AS SELECT 1', 'PRAGMA writable_schema = ON',
     "UPDATE sqlite_master SET type = 'VIEW' WHERE name = 'v'"),
    *(('CREATE TABLE more (x)', 'PRAGMA writable_schema = ON', f'UPDATE sqlite_master SET {change}') for change in (
        "rootpage = 0, sql = 'CREATE VIRTUAL TABLE more USING absent' WHERE name = 'more'",
        "rootpage = 0, sql = 'CREATE  VIRTUAL TABLE more USING absent' WHERE name = 'more'",
        "sql = 'CREATE /**/ VIRTUAL TABLE more USING absent' WHERE name = 'more'"))])
def test_a_gallery_that_would_run_anything_is_refused_before_it_runs(tmp_path, statements):
    path = edited(tmp_path, *statements)                    # without the limit such a view takes all memory
    for opened in Gallery.load, Gallery.open:
        with pytest.raises(GalleryFileError, match='g.gallery is not a gallery, .* would run'):
            opened(path)


@pytest.mark.parametrize('opened', [Gallery.load, Gallery.open])
def test_a_gallery_with_tables_and_indices_of_somebody_else_opens(tmp_path, opened):
    path = edited(tmp_path, 'create  table more (x)', 'create  unique  index i ON more (x)',
                  'CREATE INDEX j ON walks (added)', 'ANALYZE')
    with opened(path, WEIGHTS) as gallery:
        assert len(gallery) == len(circle_gallery())
        assert gallery._tables._run('PRAGMA trusted_schema') in ([(0,)], [])


@pytest.mark.parametrize('call, said', [
    (lambda gallery: gallery.agree(every=True), 'every: expected'), (lambda gallery: gallery.agree(every='2'), 'every'),
    (lambda gallery: gallery.agree(crop=['auto']), 'crop: expected'), (lambda gallery: gallery.agree(rate=NAN), 'rate'),
    (lambda gallery: gallery.calibrate(NAN), 'false_accept_rate: expected'),
    (lambda gallery: gallery.calibrate(True), 'false_accept_rate: expected'),
    (lambda gallery: gallery.calibrate('0.1'), 'false_accept_rate: expected'),
    (lambda gallery: gallery.identify([1, 0], top=NAN), 'top: expected'),
    (lambda gallery: gallery.identify([1, 0], top=0), 'top: expected'),
    (lambda gallery: gallery.enrol('x', [1, 0], force='no'), 'force: expected')])
def test_arguments_of_the_wrong_type_are_refused_by_name_and_change_nothing(call, said):
    gallery = circle_gallery()
    before = gallery.settings, gallery.list(), gallery.calibration
    with pytest.raises(ValueError, match=said):
        call(gallery)
    assert (gallery.settings, gallery.list(), gallery.calibration) == before


@pytest.mark.parametrize('change', [
    {'names': 'abc'}, {'names': [True] * 3}, {'vectors': np.full((3, 2), np.nan)}, {'vectors': np.full((3, 2), 1e300)},
    {'vectors': np.ones((3, 2), bool)}, {'vectors': np.ones((2, 2))}, {'contents': 'abc'}, {'fingerprint': 5},
    {'walks': [['1']] * 3}])
def test_an_npz_that_no_export_wrote_is_refused_by_its_name_and_changes_nothing(tmp_path, change):
    path, gallery = tmp_path / 'it.npz', circle_gallery()
    whole = {'names': ['x'] * 3, 'walks': ['1', '2', '3'], 'vectors': on_circle(1, 2, 4), 'contents': [''] * 3,
             'fingerprint': WEIGHTS}
    np.savez(path, **{name: np.array(value) for name, value in {**whole, **change}.items()})
    before = gallery.list()
    with pytest.raises(ValueError, match='it.npz'):
        gallery.take_in(path)
    assert gallery.list() == before


def test_an_export_cut_off_after_its_header_is_refused(tmp_path):
    (tmp_path / 'it.csv').write_text('name,walk,v0,v1\n')
    with pytest.raises(ValueError, match='it.csv holds no walk'):
        circle_gallery().take_in(tmp_path / 'it.csv')


def test_a_gallery_of_before_is_converted_beside_it_and_that_is_said(tmp_path):
    path, target = tmp_path / 'g.npz', tmp_path / 'g.gallery'
    point = {'threshold': 0.5, 'wanted_false_accept_rate': 0.3, 'false_accept_rate': 0.3, 'false_reject_rate': None,
             'impostor_trials': 4, 'genuine_trials': 0, 'method': 'cosine'}
    _save_parts(path, on_circle(0, 90, 10, 100).astype(np.float32), names=['Ann', 'Bob', 'Ann', 'Bob'],
                walks=['1', '1', '2\0', '2'], calibration={'verify': point, 'identify': {**point, 'method': 'svm'}})
    before = path.read_bytes()
    with pytest.warns(UserWarning, match=r'g\.npz is a gallery of before: it was converted to .*g\.gallery'), \
            Gallery.open(path, WEIGHTS) as gallery:
        assert gallery.list() == {'Ann': ['1', '2\0'], 'Bob': ['1', '2']}
        assert gallery.verify(*on_circle(0, 10)).decision == 'same'
        assert gallery.outdated == ['identify']                     # its threshold was of another ranking
        assert gallery.identify(on_circle(8)[0]).ranking[0][0] == 'Ann'
        gallery.remove('Bob', '2')
    assert path.read_bytes() == before
    with pytest.warns(UserWarning, match=r'g\.npz was converted to .*g\.gallery, which is used'), \
            Gallery.load(path) as gallery:
        assert len(gallery) == 3                                    # what was changed since is not lost
    assert len(Gallery.load(target)) == 3
    _save_parts(path)
    with pytest.raises(GalleryFileError, match='not converted from it as it is now'):
        Gallery.load(path)


def test_a_gallery_of_before_that_has_the_suffix_of_today_is_converted_too(tmp_path):
    path = tmp_path / 'people.gallery'
    _save_parts(tmp_path / 'g.npz')
    (tmp_path / 'g.npz').rename(path)
    with pytest.warns(UserWarning, match=r'converted to .*people-converted\.gallery'), Gallery.load(path) as gallery:
        assert gallery.list() == {'Ann': ['1']}
    path.write_bytes(b'no gallery at all')
    (tmp_path / 'people-converted.gallery').unlink()
    with pytest.raises(GalleryFileError, match='is not a gallery'):
        Gallery.load(path)


def test_open_creates_only_when_asked_and_keeps_each_change_at_once(tmp_path):
    path = str(tmp_path / 'g.gallery')
    with pytest.raises(FileNotFoundError, match='enrol somebody .*create=True'), Gallery.open(path, WEIGHTS):
        pass
    assert os.listdir(tmp_path) == []
    gallery = Gallery.open(path, WEIGHTS, create=True)              # without a with block, too
    gallery.enrol('Ann', on_circle(0))
    assert [*Gallery.load(path).list()] == ['Ann']
    gallery.close()
    with pytest.raises(RuntimeError, match='oops'), Gallery.open(path, WEIGHTS) as gallery:
        gallery.enrol('Bob', on_circle(90))
        raise RuntimeError('oops')
    assert [*Gallery.load(path).list()] == ['Ann', 'Bob']
    with pytest.raises(FileNotFoundError, match='folder does not exist'):
        Gallery(WEIGHTS).save(tmp_path / 'nowhere' / 'g.gallery')
    with pytest.raises(FileNotFoundError, match='folder does not exist'):
        Gallery.open(tmp_path / 'nowhere' / 'g.gallery', WEIGHTS, create=True)


def test_changes_in_one_block_are_kept_together_or_not_at_all(tmp_path):
    path = tmp_path / 'g.gallery'
    circle_gallery().save(path)
    with Gallery.open(path, WEIGHTS) as gallery:
        with pytest.raises(RuntimeError, match='oops'), gallery.changing():
            gallery.remove('Ann')
            gallery.enrol('Dan', on_circle(300))
            assert [*gallery.list()] == ['Bob', 'Cy', 'Dan']
            raise RuntimeError('oops')
        assert [*gallery.list()] == ['Ann', 'Bob', 'Cy']
        assert gallery.enrol('Dan', on_circle(300)) == ['walk 1']
    assert [*Gallery.load(path).list()] == ['Ann', 'Bob', 'Cy', 'Dan']


def test_a_full_disk_keeps_what_was_there(tmp_path):
    path = tmp_path / 'g.gallery'
    circle_gallery().save(path)
    with Gallery.open(path, WEIGHTS) as gallery:
        pages = gallery._tables._run('PRAGMA page_count')[0][0]
        gallery._tables._run(f'PRAGMA max_page_count = {pages}')
        with pytest.raises(OSError, match='full'), gallery.changing():
            for number in range(1000):
                gallery.enrol(f'person {number}', on_circle(number / 3), force=True)
        assert [*gallery.list()] == ['Ann', 'Bob', 'Cy']
    assert [*Gallery.load(path).list()] == ['Ann', 'Bob', 'Cy']


def test_a_gallery_opened_to_ask_changes_nothing_and_sees_what_others_change(tmp_path):
    path = tmp_path / 'g.gallery'
    circle_gallery().save(path)
    with Gallery.load(path, WEIGHTS) as asking, Gallery.open(path, WEIGHTS) as gallery:
        for change in (lambda: asking.enrol('Dan', on_circle(45)), lambda: asking.remove('Ann'),
                       lambda: asking.calibrate(0.3)):
            with pytest.raises(GalleryReadOnlyError, match='opened to ask'):
                change()
        gallery.enrol('Dan', on_circle(300))
        assert asking.identify(on_circle(301)[0]).ranking[0][0] == 'Dan'
        gallery.remove('Dan')
        assert asking.identify(on_circle(301)[0]).ranking[0][0] != 'Dan'
        with gallery.changing():                                    # readers do not wait for who is changing it
            gallery.remove('Cy')
            assert len(Gallery.load(path)) == len(asking) == 6
        assert len(asking) == 4


@pytest.mark.skipif(not hasattr(os, 'fork') or os.geteuid() != 0, reason='takes the rights of another user')
def test_a_gallery_in_a_folder_that_cannot_be_written_is_read():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'g.gallery')
        circle_gallery().save(path)
        os.chmod(path, 0o644)
        os.chmod(folder, 0o755)
        child = os.fork()
        if not child:
            try:
                os.setuid(65534)
                with Gallery.load(path) as gallery:
                    os._exit(0 if len(gallery) == 6 else 2)
            finally:
                os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(os.name != 'posix', reason='POSIX permissions')
def test_files_are_the_owners_alone_and_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / 'g.gallery', tmp_path / 'link.gallery'
    with Gallery.open(path, WEIGHTS, create=True) as gallery:
        gallery.enrol('Ann', on_circle(0))
        assert {name: (tmp_path / name).stat().st_mode & 0o777 for name in os.listdir(tmp_path)} == \
            dict.fromkeys(['g.gallery', 'g.gallery-wal', 'g.gallery-shm'], 0o600)
    link.symlink_to(path)
    with Gallery.open(link, WEIGHTS) as gallery:
        gallery.enrol('Bob', on_circle(90))
    assert link.is_symlink() and len(Gallery.load(path)) == 2


def test_two_writers_queue_and_who_waits_too_long_is_told(tmp_path, monkeypatch):
    path = tmp_path / 'g.gallery'
    circle_gallery().save(path)
    with Gallery.open(path, WEIGHTS) as first, Gallery.open(path, WEIGHTS) as second:
        with first.changing():
            first.enrol('Dan', on_circle(300))
            waiting = threading.Thread(target=second.enrol, args=('Eve', on_circle(45)))
            waiting.start()
        waiting.join()
        assert [*Gallery.load(path).list()] == ['Ann', 'Bob', 'Cy', 'Dan', 'Eve']
        monkeypatch.setattr('gait_recognition.galleries.sqlite.WAIT', 0.05)
        with first.changing(), pytest.raises(GalleryLockedError, match=r'g\.gallery is being changed by another'):
            second.remove('Ann')


BUSY = """
import sys, time
from gait_recognition.gallery import Gallery
with Gallery.open(sys.argv[1], sys.argv[2]) as busy:
    while True:
        with busy.changing():                               # it works, and the file is free for no moment
            busy._tables.note('test')
            time.sleep(0.4)
        print(flush=True)
"""


def test_who_waits_gets_a_turn_from_a_program_that_changes_one_thing_after_another(tmp_path):
    path = tmp_path / 'g.gallery'
    circle_gallery().save(path)
    with subprocess.Popen([sys.executable, '-c', BUSY, path, WEIGHTS], stdout=subprocess.PIPE) as busy:
        try:
            busy.stdout.readline()
            with Gallery.open(path, WEIGHTS) as waiting:
                began = time.monotonic()
                for number in range(4):
                    waiting.enrol(f'person {number}', np.random.default_rng(number).normal(size=2))
                assert time.monotonic() - began < 15                # without turns a matter of luck: a minute
        finally:
            busy.kill()


def _enrol_until_killed(path, first, said):
    """In a process of its own: enrol person after person, and say each that is enrolled."""
    with Gallery.open(path, WEIGHTS, create=True) as gallery:
        for number in range(first, first + 10 ** 6):
            gallery.enrol(f'person {number}', np.random.default_rng(number).normal(size=512))
            os.write(said, b'%d\n' % number)


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs processes that fork')
@pytest.mark.parametrize('kills', [8, pytest.param(1000, marks=pytest.mark.slow)])
def test_killed_at_any_moment_nothing_that_was_acknowledged_is_lost(tmp_path, kills):
    path, count = str(tmp_path / 'g.gallery'), 0
    for number, moment in enumerate(np.random.default_rng(kills).uniform(0, 0.06, size=kills)):
        if number % 50 == 0:                                        # keep it small: many kills, not many people
            path, count = str(tmp_path / f'{number}.gallery'), 0
        reading, said = os.pipe()
        child = os.fork()
        if not child:
            try:
                _enrol_until_killed(path, count, said)
            finally:
                os._exit(1)
        os.close(said)
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(reading) as lines:
            acknowledged = [int(line) for line in lines if line.endswith('\n')]
        if not os.path.exists(path):
            assert not acknowledged
            continue
        with Gallery.load(path, WEIGHTS) as gallery:
            names = [*gallery.list()]
        assert names == [f'person {i}' for i in range(len(names))]
        least = acknowledged[-1] + 1 if acknowledged else count
        assert least <= len(names) <= least + 1                     # at most the one that was being acknowledged
        count = len(names)


# People

def test_rename_merge_and_split_move_walks_and_leave_audit_lines():
    gallery = circle_gallery()
    gallery.rename('Ann', 'Anna')
    gallery.merge('Bob', into='Anna')
    assert gallery.list() == {'Anna': ['walk 1', 'walk 2', 'walk 1 (2)', 'walk 2 (2)'], 'Cy': ['walk 1', 'walk 2']}
    gallery.split('Anna', ['walk 1 (2)'], into='Ben')
    assert gallery.identify(on_circle(91)[0]).ranking[0][0] == 'Ben'
    assert [(line['action'], line['person']) for line in gallery.audit()][-3:] == [
        ('rename', 'Anna'), ('merge', 'Anna'), ('split', 'Ben')]
    for wrong, error in ((lambda: gallery.rename('Ben', 'Cy'), ValueError),
                         (lambda: gallery.merge('Dan', 'Cy'), LookupError),
                         (lambda: gallery.merge('Cy', 'Dan'), LookupError),
                         (lambda: gallery.merge('Cy', 'Cy'), ValueError),
                         (lambda: gallery.split('Cy', ['no'], 'Eve'), LookupError)):
        with pytest.raises(error):
            wrong()


def test_forgetting_leaves_neither_vector_nor_name_in_any_file(tmp_path):
    path = tmp_path / 'g.gallery'
    vectors = walks_of(3, 4)
    with Gallery.open(path, WEIGHTS, create=True) as gallery:
        for name, walks in zip(('Ann', 'Wilhelmina', 'Cy'), vectors):
            gallery.enrol(name, walks)
        gallery.rename('Cy', 'Cyd')
        kept = b''.join((tmp_path / name).read_bytes() for name in os.listdir(tmp_path))
        assert all(vector.tobytes() in kept for vector in vectors[1]) and b'Wilhelmina' in kept
        gallery.forget('Wilhelmina')
        left = b''.join((tmp_path / name).read_bytes() for name in os.listdir(tmp_path))
        assert not any(vector[i:i + 4].tobytes() in left for vector in vectors[1] for i in range(0, 512, 4))
        assert b'Wilhelmina' not in left and all(vector.tobytes() in left for vector in vectors[0])
        assert gallery.audit()[-1]['action'] == 'forget'


def test_a_private_gallery_keeps_no_path(tmp_path):
    path = tmp_path / 'g.gallery'
    with Gallery.open(path, WEIGHTS, create=True) as gallery:
        gallery.enrol('Ann', on_circle(0), '/films/ann.mp4', origins=Origin('/films/ann.mp4', 'digest'))
        gallery.make_private()
        gallery.enrol('Ann', on_circle(20), origins=Origin('/films/ann-2.mp4', 'other'))
        assert gallery.list() == {'Ann': ['walk 1', 'walk 2']} and gallery.is_private
        assert [(walk['path'], walk['contents']) for walk in gallery.walks()] == [(None, 'digest'), (None, 'other')]
        assert b'films' not in b''.join((tmp_path / name).read_bytes() for name in os.listdir(tmp_path))


def test_a_recording_is_enrolled_once_whatever_it_is_called():
    gallery = Gallery(WEIGHTS)
    gallery.enrol('Ann', on_circle(0), 'a.mp4', origins=Origin('a.mp4', 'digest'))
    for name, said in (('Ann', "enrolled already"), ('Bob', 'whose is it')):
        same = f"'b.mp4' of '{name}' is the same recording as 'a.mp4' of 'Ann'.*{said}"
        with pytest.raises(DuplicateWalkError, match=same):
            gallery.enrol(name, on_circle(50), 'b.mp4', origins=Origin('b.mp4', 'digest'))
        with pytest.raises(DuplicateWalkError, match=said):
            gallery.enrol(name, on_circle(0), 'c.mp4')              # the very same vector
    with pytest.raises(DuplicateWalkError):
        gallery.enrol('Bob', on_circle(50, 50))
    with pytest.warns(UserWarning, match='both are kept'):
        gallery.enrol('Bob', on_circle(50), 'b.mp4', origins=Origin('b.mp4', 'digest'), force=True)
    assert len(gallery) == 2


def test_walks_that_are_all_but_the_same_or_look_like_somebody_elses_are_said_on_enrolment():
    gallery = circle_gallery({'Ann': [0], 'Bob': [90, 104]})
    with pytest.warns(UserWarning, match="'walk 2' of 'Ann' is all but the same as 'walk 1' of 'Ann'"):
        gallery.enrol('Ann', on_circle(1))
    with pytest.warns(UserWarning, match="'walk 3' of 'Ann' is nearer to 'walk 1' of 'Bob' .* whose is it"):
        gallery.enrol('Ann', on_circle(80))


def test_how_walks_are_described_is_kept_and_checked():
    gallery = Gallery(WEIGHTS)
    gallery.agree(every=2, crop='auto')
    gallery.agree(every=2, crop='auto')
    with pytest.raises(ValueError, match='described with every=2, got 1'):
        gallery.agree(every=1, crop='auto')
    with pytest.warns(UserWarning, match="cut out by crop 'auto', not 'pose'"):
        gallery.agree(every=2, crop='pose')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        gallery.agree(every=2, crop='pose')                 # said once
    with pytest.raises(ValueError, match='described at 25.0 frames a second, got None'):
        gallery.agree(every=2, crop='auto', rate=None)


def test_importing_it_does_not_import_tensorflow_or_matplotlib():
    code = ('import sys, gait_recognition.gallery, gait_recognition.evaluation.results\n'
            'print({"tensorflow", "matplotlib"} & {*sys.modules})')
    assert subprocess.check_output([sys.executable, '-c', code], cwd=ROOT, text=True).strip() == 'set()'


# Threads

def test_threads_that_ask_and_change_one_gallery_get_the_right_names(tmp_path):
    failed, asked = [], []
    names, means = ['Ann', 'Bob', 'Cy'], np.eye(3, 8)

    def near(name, rng):
        return means[names.index(name)] + rng.normal(0, 0.05, 8)

    def ask(seed):
        rng = np.random.default_rng(seed)
        while not done.is_set():
            name = names[rng.integers(3)]
            if gallery.identify(near(name, rng)).ranking[0][0] != name:
                failed.append(f'{name} was taken for somebody else')
            asked.append(name)

    def change(seed):
        rng = np.random.default_rng(seed)
        for number in range(25):
            name = names[number % 3]
            label, = gallery.enrol(name, near(name, rng), [f'{seed} {number}'])
            if number % 2:
                gallery.remove(name, label)
        done.set()

    def kept(action, seed):
        try:
            action(seed)
        except Exception as error:
            failed.append(repr(error))
            done.set()

    with Gallery.open(tmp_path / 'people', WEIGHTS, create=True) as gallery, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for name in names:
            gallery.enrol(name, np.stack([near(name, np.random.default_rng(9)), means[names.index(name)]]))
        done = threading.Event()
        with switching_often():
            in_threads(*(functools.partial(kept, *each) for each in ((ask, 1), (ask, 2), (change, 3), (change, 4))))
        assert failed == [] and asked
        assert len(gallery) == len(gallery.walks()) == 6 + 2 * 13


def test_a_closed_gallery_says_so_and_is_closed_once_other_threads_are_done_with_it(tmp_path):
    gallery = Gallery.open(tmp_path / 'people', WEIGHTS, create=True)
    inside, order = threading.Event(), []

    def change():
        with gallery.changing():
            inside.set()
            time.sleep(0.2)
            gallery.enrol('Ann', on_circle(0))
            order.append('changed')
    thread = threading.Thread(target=change)
    thread.start()
    inside.wait()
    gallery.close()
    order.append('closed')
    thread.join()
    gallery.close()
    assert order == ['changed', 'closed']
    for use in (gallery.list, gallery.walks, gallery.audit, lambda: gallery.identify(np.ones(2)),
                lambda: gallery.enrol('Bob', on_circle(9)), lambda: gallery.save(tmp_path / 'copy')):
        with pytest.raises(ValueError, match='people is closed: open it anew'):
            use()
    with Gallery.load(tmp_path / 'people') as again:
        assert [*again.list()] == ['Ann']
        again.close()


def test_a_gallery_is_not_closed_within_its_own_change(tmp_path):
    with Gallery.open(tmp_path / 'people', WEIGHTS, create=True) as gallery:
        with pytest.raises(ValueError, match='closed within a change'), gallery.changing():
            gallery.close()
        assert len(gallery) == 0


def test_of_two_who_describe_the_first_walks_in_two_ways_at_once_one_is_refused(tmp_path, monkeypatch):
    with Gallery.open(tmp_path / 'people', WEIGHTS, create=True) as one, Gallery.open(tmp_path / 'people') as other:
        real = Gallery.changing

        def late(gallery):
            monkeypatch.setattr(Gallery, 'changing', real)
            other.agree(every=2)
            return real(gallery)
        monkeypatch.setattr(Gallery, 'changing', late)
        with pytest.raises(ValueError, match='described with every=2, got 1'):
            one.agree(every=1)
        assert one.settings['every'] == '2'
