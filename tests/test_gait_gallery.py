"""Promises of the gallery: decisions, calibration, and a file that neither kills nor rivals can spoil."""
import csv
import json
import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from gait_recognition.gallery import FingerprintError, Gallery, GalleryFileError, GalleryLockedError
from gait_recognition.scorers import classify, fit_identifier, normalise, threshold_for

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEIGHTS = 'sha256:weights-a'
ANGLES = {'Ann': [0, 10], 'Bob': [90, 104], 'Cy': [200, 203]}      # degrees on a circle: cosines by hand


def on_circle(*degrees):
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)


def cosine(degrees):
    return np.cos(np.radians(degrees))


def circle_gallery(angles=ANGLES):
    gallery = Gallery(WEIGHTS)
    for name, degrees in angles.items():
        gallery.enrol(name, on_circle(*degrees))
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
    assert gallery.identify(on_circle(5)[0]).method == gallery.method == 'svm'


def test_uncalibrated_ranks_but_never_says_yes(crowd):
    gallery, probes = crowd
    answer = gallery.identify(probes[7, 0])
    assert (answer.decision, answer.name, answer.threshold) == ('uncalibrated', None, None)
    assert answer.ranking[0][0] == 'person 7'
    assert sorted(name for name, _ in answer.ranking) == sorted(gallery.list())
    assert [score for _, score in answer.ranking] == sorted((score for _, score in answer.ranking), reverse=True)
    verification = gallery.verify(probes[7, 0], probes[7, 1])
    assert (verification.decision, verification.threshold) == ('uncalibrated', None)
    assert verification.score > 0.9


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
    points = gallery.calibrate(0.4)
    assert (points['identify'].threshold, points['verify'].threshold) == (0.6, 0)
    at, above = gallery.identify([[3, 0, 4, 0], [4, 0, 3, 0]])
    assert (at.ranking[0][0], at.similarity, at.decision) == ('Ann', 0.6, 'unknown')
    assert (above.ranking[0][0], above.similarity, above.decision) == ('Ann', 0.8, 'known')
    assert gallery.verify(vectors['Ann'], vectors['Cy']).decision == 'different'
    assert gallery.verify(vectors['Ann'], vectors['Bob']).decision == 'same'


def test_empty_gallery_cannot_identify():
    with pytest.raises(ValueError, match='empty'):
        Gallery(WEIGHTS).identify(on_circle(0)[0])


def test_verify_takes_one_vector_each():
    with pytest.raises(ValueError, match=r'one vector \(d,\) each'):
        circle_gallery().verify(on_circle(0, 1), on_circle(0)[0])


# Calibration


def test_identify_trials_counted_by_hand_with_cosine():
    gallery = circle_gallery({**ANGLES, 'Dan': [150]})              # Dan's single walk: nearest neighbour
    assert gallery.method == 'cosine'
    point = gallery.calibrate(0.3, tasks=['identify'])['identify']
    # Impostors, nearest walk of another person: Ann 0: 90 off (Bob); 10: 80. Bob 90: 60 (Dan), 104: 46.
    # Cy 200: 50 (Dan), 203: 53. Dan 150: 46 (Bob). 30 % of 7 = 2 accepted: 46 and 46; the threshold is at 50.
    assert (point.impostor_trials, point.genuine_trials, point.method) == (7, 6, 'cosine')
    assert point.threshold == pytest.approx(cosine(50))
    assert point.false_accept_rate == pytest.approx(2 / 7)
    # Genuine, the person's other walk: 10, 14 and 3 off, each nearer than anybody else.
    assert point.false_reject_rate == 0


def test_identify_trials_of_two_people_with_svm_leave_one_person_to_compare_with():
    gallery = circle_gallery({'Ann': [0, 10], 'Bob': [40, 54]})
    point = gallery.calibrate(0.5, tasks=['identify'])['identify']
    # Without Ann only Bob is left: 40 and 30 off. Without Bob: 30 and 44 off. Two of the four are accepted: 30, 30.
    assert (point.impostor_trials, point.genuine_trials, point.method) == (4, 4, 'svm')
    assert point.threshold == pytest.approx(cosine(40))
    assert (point.false_accept_rate, point.false_reject_rate) == (0.5, 0)


@pytest.mark.parametrize('method', ['svm', 'cosine'])
def test_every_walk_of_a_person_with_more_than_one_is_left_out_once(method, monkeypatch):
    gallery, tried = Gallery(WEIGHTS), []
    for i, count in enumerate((2, 3, 4) if method == 'svm' else (1, 3, 4)):
        gallery.enrol(f'person {i}', walks_of(1, count, seed=i)[0])

    def fit(vectors, labels, method):
        people, identify = fit_identifier(vectors, labels, method)

        def noting(probes):
            tried.append((len(vectors), len(probes)))
            return identify(probes)
        return people, noting
    monkeypatch.setattr('gait_recognition.gallery.fit_identifier', fit)
    point = gallery.calibrate(0.2, tasks=['identify'])['identify']
    assert point.impostor_trials == len(gallery)
    if method == 'svm':                                             # of everybody at once: as many fits as walks
        assert point.genuine_trials == 9
        assert tried == [(7, 2), (6, 3), (5, 4)] + [(6, 3), (6, 3), (7, 2), (8, 1)]
    else:                                                           # alone; who has one walk has no genuine trial
        assert point.genuine_trials == 7
        assert tried == [(7, 1), (5, 3), (4, 4)] + [(7, 1)] * 8


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


@pytest.mark.parametrize('change', [lambda gallery: gallery.enrol('Dan', on_circle(5)),
                                    lambda gallery: gallery.remove('Ann', 'walk 1')])
def test_any_change_ends_the_calibration_and_says_so(change):
    gallery = circle_gallery()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        gallery.enrol('Ann', on_circle(12))                         # nothing to lose yet: silent
    gallery.calibrate(0.3)
    with pytest.warns(UserWarning, match='calibrate it again'):
        change(gallery)
    assert gallery.identify(on_circle(5)[0]).decision == 'uncalibrated'


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


def test_the_file_is_plain_arrays_without_pickle(tmp_path):
    path = tmp_path / 'g.npz'
    circle_gallery().save(path)
    with np.load(path, allow_pickle=False) as arrays:
        assert {name: arrays[name].dtype.kind for name in arrays.files} == {'vectors': 'f', 'about': 'U'}
        assert json.loads(arrays['about'].item())['fingerprint'] == WEIGHTS


def test_an_empty_gallery_is_kept(tmp_path):
    path = str(tmp_path / 'g.npz')
    Gallery(WEIGHTS).save(path)
    gallery = Gallery.load(path, WEIGHTS)
    gallery.enrol('Ann', on_circle(0))
    assert len(gallery) == 1


def test_csv_holds_names_walks_and_exact_vectors(tmp_path):
    vectors = walks_of(1, 2)[0]
    gallery = Gallery(WEIGHTS)
    gallery.enrol('Łucja, "Lu"', vectors)
    path = tmp_path / 'g.csv'
    gallery.export_csv(path)
    with open(path, encoding='utf-8', newline='') as file:
        header, *rows = csv.reader(file)
    assert header[:4] == ['name', 'walk', 'v0', 'v1']
    assert [row[:2] for row in rows] == [['Łucja, "Lu"', 'walk 1'], ['Łucja, "Lu"', 'walk 2']]
    np.testing.assert_array_equal(np.array([row[2:] for row in rows], np.float32), vectors)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ('pickle-was-run',)


def _save_parts(path, vectors=None, **changes):
    about = {'format': 'gait-gallery', 'version': 1, 'fingerprint': WEIGHTS, 'names': ['Ann'], 'walks': ['1'],
             'calibration': {}} | changes
    np.savez(path, vectors=np.ones((1, 2), np.float32) if vectors is None else vectors,
             about=np.array(json.dumps(about)))


BAD_FILES = {
    'text': lambda path: path.write_text('name,walk\n'),
    'nothing': lambda path: path.write_bytes(b''),
    'other arrays': lambda path: np.savez(path, x=np.ones(3)),
    'one array': lambda path: (np.save(f'{path}.npy', np.ones(3)), os.replace(f'{path}.npy', path)),
    'pickle': lambda path: np.savez(path, vectors=np.array([Bomb()], dtype=object), about=np.array('{}')),
    'cut': lambda path: (circle_gallery().save(path), path.write_bytes(path.read_bytes()[:-100])),
    'flipped': lambda path: (circle_gallery().save(path), path.write_bytes(_flip(path.read_bytes()))),
    'other format': lambda path: _save_parts(path, format='shopping'),
    'newer version': lambda path: _save_parts(path, version=2),
    'doubles': lambda path: _save_parts(path, np.ones((1, 2))),
    'fewer names': lambda path: _save_parts(path, np.ones((2, 2), np.float32)),
    'NaN': lambda path: _save_parts(path, np.full((1, 2), np.nan, np.float32)),
    'blank name': lambda path: _save_parts(path, names=['']),
    'walk twice': lambda path: _save_parts(path, np.ones((2, 2), np.float32), names=['A'] * 2, walks=['1'] * 2),
    'odd calibration': lambda path: _save_parts(path, calibration={'identify': {'threshold': 'low'}}),
}


def _flip(data):
    place = data.index(np.float32(cosine(10)).tobytes())            # inside the vectors
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]


@pytest.mark.parametrize('kind', BAD_FILES)
def test_foreign_and_damaged_files_are_refused_by_name_and_left_alone(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'g.npz'
    BAD_FILES[kind](path)
    before = path.read_bytes()
    with pytest.raises(GalleryFileError, match=r'g\.npz is not a gallery, or a damaged one'):
        Gallery.load(path)
    with pytest.raises(GalleryFileError), Gallery.open(path, WEIGHTS, create=True):
        pass
    assert path.read_bytes() == before
    assert not (tmp_path / 'pickle-was-run').exists()


def test_a_good_hand_made_file_loads(tmp_path):
    _save_parts(tmp_path / 'g.npz')                                 # so the refusals above are for their reasons
    assert Gallery.load(tmp_path / 'g.npz').list() == {'Ann': ['1']}


def test_open_creates_only_when_asked_and_saves_at_the_end(tmp_path):
    path = str(tmp_path / 'g.npz')
    with pytest.raises(FileNotFoundError, match='enrol somebody .*create=True'), Gallery.open(path, WEIGHTS):
        pass
    assert os.listdir(tmp_path) == []
    with Gallery.open(path, WEIGHTS, create=True) as gallery:
        gallery.enrol('Ann', on_circle(0))
    with Gallery.open(path, WEIGHTS) as gallery:
        gallery.enrol('Bob', on_circle(90))
    assert [*Gallery.load(path).list()] == ['Ann', 'Bob']
    with pytest.raises(FileNotFoundError, match='folder does not exist'):
        Gallery(WEIGHTS).save(tmp_path / 'nowhere' / 'g.npz')


def test_an_error_in_the_block_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / 'g.npz'
    circle_gallery().save(path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match='oops'), Gallery.open(path, WEIGHTS) as gallery:
        gallery.remove('Ann')
        raise RuntimeError('oops')
    assert path.read_bytes() == before


def test_a_failing_write_keeps_the_old_file_and_leaves_nothing_beside(tmp_path, monkeypatch):
    path = tmp_path / 'g.npz'
    circle_gallery().save(path)

    def full_disk(file, **arrays):
        file.write(b'half of it')
        raise OSError('No space left on device')
    monkeypatch.setattr(np, 'savez', full_disk)
    with pytest.raises(OSError, match='No space'), Gallery.open(path, WEIGHTS) as gallery:
        gallery.remove('Ann')
    assert [*Gallery.load(path).list()] == ['Ann', 'Bob', 'Cy']
    assert not (tmp_path / 'g.npz.tmp').exists()


def test_save_needs_a_path_unless_opened():
    with pytest.raises(ValueError, match='where to save'):
        circle_gallery().save()


@pytest.mark.skipif(os.name != 'posix', reason='POSIX permissions')
def test_a_private_file_stays_private_and_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / 'g.npz', tmp_path / 'link.npz'
    circle_gallery().save(path)
    path.chmod(0o600)
    link.symlink_to(path)
    with Gallery.open(link, WEIGHTS) as gallery:
        gallery.remove('Ann')
    assert path.stat().st_mode & 0o777 == 0o600
    assert link.is_symlink()
    assert [*Gallery.load(path).list()] == ['Bob', 'Cy']


HOLDER = '''
import sys
from gait_recognition.gallery import Gallery
with Gallery.open(sys.argv[1], 'sha256:weights-a') as gallery:
    print('open', flush=True)
    sys.stdin.readline()
'''


def _start(code, *arguments):
    return subprocess.Popen([sys.executable, '-c', code, *arguments], cwd=ROOT, text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_a_second_writer_is_told_who_writes_and_readers_go_on(tmp_path):
    path = str(tmp_path / 'g.npz')
    circle_gallery().save(path)
    with _start(HOLDER, path) as holder:
        assert holder.stdout.readline() == 'open\n'
        refused = pytest.raises(GalleryLockedError, match=rf'g\.npz is being changed .*{holder.pid}')
        with refused, Gallery.open(path, WEIGHTS):
            pass
        with refused:
            circle_gallery().save(path)
        assert len(Gallery.load(path, WEIGHTS)) == 6
        holder.kill()                                               # the lock ends with its owner, however it ends
        holder.wait()
        with Gallery.open(path, WEIGHTS) as gallery:
            gallery.remove('Ann')
    assert len(Gallery.load(path)) == 4


def test_a_second_block_in_the_same_program_is_refused_too(tmp_path):
    path = tmp_path / 'g.npz'
    with Gallery.open(path, WEIGHTS, create=True) as gallery:
        gallery.enrol('Ann', on_circle(0))
        gallery.save()
        with pytest.raises(GalleryLockedError), Gallery.open(path, WEIGHTS):
            pass
        gallery.save()                                              # the owner still may
    with Gallery.open(path, WEIGHTS):
        pass


ENROLLER = '''
import sys
import numpy as np
from gait_recognition.gallery import Gallery
first = int(sys.argv[2])
with Gallery.open(sys.argv[1], 'sha256:weights-a', create=True) as gallery:
    for number in range(first, first + 10 ** 6):
        gallery.enrol(f'person {number}', np.random.default_rng(number).normal(size=512))
        gallery.save()
        print(number, flush=True)
'''


@pytest.mark.skipif(not hasattr(signal, 'SIGKILL'), reason='needs SIGKILL')
@pytest.mark.parametrize('kills', [4, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_any_moment_nothing_that_was_acknowledged_is_lost(tmp_path, kills):
    path = str(tmp_path / 'g.npz')
    moments = np.random.default_rng(kills).uniform(0, 0.25, size=kills)
    acknowledged = 0
    for moment in moments:
        with _start(ENROLLER, path, str(acknowledged + 1000)) as enroller:
            said = [enroller.stdout.readline()]                     # it has begun to write
            time.sleep(moment)
            enroller.kill()
            said += enroller.stdout.read().splitlines()
        names = [*Gallery.load(path, WEIGHTS).list()]
        acknowledged = max(int(line) for line in said if line.strip()) - 1000 + 1
        assert {f'person {number + 1000}' for number in range(acknowledged)} <= {*names}
        assert len(names) <= acknowledged + 1                       # at most the one that was being acknowledged
        acknowledged = len(names)
    assert acknowledged > len(moments)


def test_importing_it_does_not_import_tensorflow_or_matplotlib():
    code = ('import sys, gait_recognition.gallery, gait_recognition.evaluation.results\n'
            'print({"tensorflow", "matplotlib"} & {*sys.modules})')
    assert subprocess.check_output([sys.executable, '-c', code], cwd=ROOT, text=True).strip() == 'set()'
