"""Promises of evaluation: every figure against a count by hand, and the walks it is counted on."""
import csv
import json
import os
import re

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from gait_recognition.evaluation import strangers
from gait_recognition.evaluation.manifests import Protocol, Walk, parse_conditions, read_manifest, split_condition
from gait_recognition.evaluation.metrics import (
    accepted_at,
    bootstrap_interval,
    cmc_curve,
    confusion_matrix,
    equal_error_rate,
    exact_interval,
    interval,
    open_set_roc,
    paired_bootstrap,
    paired_interval,
    rank_k,
    ranks,
    verification_roc,
)
from gait_recognition.evaluation.plots import draw_cmc, draw_confusion, lines_of
from gait_recognition.evaluation.results import compare, evaluate
from gait_recognition.evaluation.tum_gaid import PUBLISHED, TUM_GAID, tum_gaid
from gait_recognition.scorers import classify

PEOPLE = ['Ann', 'Bob', 'Cy']
SCORES = np.array([[9, 1, 0],            # Ann: first
                   [5, 5, 0],            # Ann: shares the first place, so second
                   [2, 3, 1],            # Cy: last
                   [1, 2, 2],            # Bob: shares the first place
                   [0, 8, 7]])           # Bob: first
LABELS = ['Ann', 'Ann', 'Cy', 'Bob', 'Bob']


# Ranks


def test_ranks_count_ties_against_the_system():
    assert ranks(SCORES, LABELS, PEOPLE).tolist() == [1, 2, 3, 2, 1]


def test_rank_k_and_cmc_are_the_shares_of_those_ranks():
    assert [rank_k(SCORES, LABELS, PEOPLE, k) for k in (1, 2, 3)] == [0.4, 0.8, 1]
    np.testing.assert_allclose(cmc_curve(SCORES, LABELS, PEOPLE), [0.4, 0.8, 1])


def test_a_network_that_says_the_same_of_everybody_ranks_last_not_first():
    assert rank_k(np.zeros((4, 3)), ['Ann', 'Bob', 'Cy', 'Ann'], PEOPLE) == 0


def test_cmc_rises_and_ends_at_one():
    generator = np.random.default_rng(0)
    labels = generator.choice(PEOPLE, 50)
    curve = cmc_curve(generator.integers(0, 4, (50, 3)), labels, PEOPLE)
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == 1


def test_confusion_counts_who_was_taken_for_whom_and_gives_ties_to_the_wrong_one():
    assert confusion_matrix(SCORES, LABELS, PEOPLE).tolist() == [[1, 1, 0],     # Ann: once herself, once tied with Bob
                                                                 [0, 1, 1],     # Bob: tied with Cy
                                                                 [0, 1, 0]]     # Cy: Bob


def test_scores_that_cannot_be_ranked_are_refused():
    with pytest.raises(ValueError, match=r"\['Dan'\] are not among the people"):
        ranks(SCORES, ['Dan', *LABELS[1:]], PEOPLE)
    with pytest.raises(ValueError, match='NaN'):
        ranks(np.full((5, 3), np.nan), LABELS, PEOPLE)
    with pytest.raises(ValueError, match=r'\(5, 3\).*got \(3, 5\)'):
        ranks(SCORES.T, LABELS, PEOPLE)
    with pytest.raises(ValueError, match='twice'):
        ranks(SCORES, LABELS, ['Ann', 'Bob', 'Bob'])


# ROC and EER


def test_verification_roc_by_hand():
    roc = verification_roc([1, 3, 3, 4], [0, 1, 2])
    assert roc.thresholds.tolist() == [-np.inf, 0, 1, 2, 3, 4]
    np.testing.assert_allclose(roc.false_accept_rate, [1, 2 / 3, 1 / 3, 0, 0, 0])
    np.testing.assert_allclose(roc.false_reject_rate, [0, 0, 1 / 4, 1 / 4, 3 / 4, 1])


def test_eer_by_hand():
    # At 0.5: one of four impostors above, no genuine below. At 0.6: none above, one of two genuine at or below. The
    # straight line between (0.25, 0) and (0, 0.5) meets the diagonal at 1 / 6.
    assert equal_error_rate([0.6, 0.9], [0.1, 0.2, 0.5, 0.6]) == pytest.approx(1 / 6)
    assert equal_error_rate([1, 3], [0, 2]) == pytest.approx(0.5)


def test_eer_of_one_distribution_is_a_half_of_separated_ones_nothing_of_reversed_ones_all():
    scores = np.random.default_rng(0).integers(0, 9, 200)
    assert equal_error_rate(scores, scores) == pytest.approx(0.5)
    assert equal_error_rate([1, 1], [1, 1]) == pytest.approx(0.5)
    assert equal_error_rate(scores + 10, scores) == 0
    assert equal_error_rate(scores, scores + 10) == 1
    assert equal_error_rate([-np.inf, -np.inf], [0, 1]) == 1


def test_eer_of_two_normals_is_the_textbook_value():
    generator = np.random.default_rng(0)
    rate = equal_error_rate(generator.normal(2, 1, 100_000), generator.normal(0, 1, 100_000))
    assert rate == pytest.approx(0.1587, abs=0.003)                 # Phi(-1)


def test_eer_does_not_change_when_scores_are_rescaled():
    generator = np.random.default_rng(1)
    genuine, impostor = generator.normal(1, 1, 100), generator.normal(0, 1, 300)
    assert equal_error_rate(np.exp(genuine), np.exp(impostor)) == equal_error_rate(genuine, impostor)


@pytest.mark.parametrize(('genuine', 'impostor', 'name'), [([], [1], 'genuine'), ([1], [np.nan], 'impostor')])
def test_roc_refuses_no_trials_and_nan(genuine, impostor, name):
    with pytest.raises(ValueError, match=name):
        verification_roc(genuine, impostor)


def test_the_share_accepted_at_a_rate_by_hand_and_none_where_too_few_trials_tell():
    roc = verification_roc([1, 2, 3, 4, 4.5], np.arange(0, 5, 0.25))        # 20 wrong ones, 4.75 the highest
    assert accepted_at(roc, 0.05) == 0                                      # one of them, so above 4.5
    assert accepted_at(roc, 0.1) == pytest.approx(0.2)                      # two, above 4.25
    assert accepted_at(roc, 0.25) == pytest.approx(0.4)                     # five, above 3.5
    assert accepted_at(roc, 0.04) is None
    assert accepted_at(verification_roc([2], [0, 1]), 0.5) == 1


def test_open_set_roc_by_hand():
    roc = open_set_roc(SCORES, LABELS, PEOPLE, SCORES.max(axis=1), unknown=[8, 1, 0, 3])
    # The right name is first for the first (9) and the last probe (8) only: 2 / 5 identified at best. At 3 the alarm
    # of 8 remains; at 8 none, and one of five probes is still identified.
    rates = dict(zip(roc.thresholds, zip(roc.false_accept_rate, 1 - roc.false_reject_rate)))
    assert rates[-np.inf] == (1, pytest.approx(0.4))
    assert rates[3] == (0.25, pytest.approx(0.4))
    assert rates[8] == (0, pytest.approx(0.2))


# Bootstrap


def test_bootstrap_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        skill = generator.beta(8, 2, size=40)                       # people differ, mean 0.8
        values = generator.random((40, 6)) < skill[:, None]
        low, high = bootstrap_interval(values.ravel(), np.repeat(np.arange(40), 6), draws=400, random_state=trial)
        covered += low <= 0.8 <= high
    assert 0.89 <= covered / 200 <= 0.99


def test_bootstrap_draws_people_not_probes():
    values = np.repeat([0, 1] * 10, 50)                             # every person all right or all wrong
    people = np.repeat(np.arange(20), 50)
    low, high = bootstrap_interval(values, people)
    assert high - low > 0.3                                         # 20 people; 1000 free probes would give 0.06
    low, high = bootstrap_interval(values, np.arange(1000))
    assert high - low < 0.1


def test_bootstrap_gives_each_condition_the_same_weight():
    values, conditions = np.repeat([1, 0], [90, 10]), np.repeat(['N', 'B'], [90, 10])
    people = np.tile(np.arange(10), 10)
    assert bootstrap_interval(values, people, conditions) == (0.5, 0.5)
    assert bootstrap_interval(values, people) == (0.9, 0.9)


def test_bootstrap_goes_on_when_a_draw_misses_a_condition():
    low, high = bootstrap_interval([1, 1, 0], ['a', 'b', 'b'], ['N', 'N', 'B'])
    assert (low, high) == (0.5, 1)                                  # only a drawn: N alone


def test_bootstrap_repeats_with_its_random_state():
    values, people = np.random.default_rng(0).random(60), np.arange(60) // 3
    assert bootstrap_interval(values, people) == bootstrap_interval(values, people)
    assert bootstrap_interval(values, people) != bootstrap_interval(values, people, random_state=1)


def test_paired_difference_is_narrower_than_the_two_apart():
    generator = np.random.default_rng(0)
    people = np.repeat(np.arange(30), 4)
    hard = np.repeat(generator.random(30), 4)
    luck = generator.random(120)
    better, worse = luck > 0.5 * hard, luck > 0.5 * hard + 0.1
    low, high = paired_bootstrap(better, worse, people)
    assert 0 < low <= (better.mean() - worse.mean()) <= high
    apart = [np.subtract(*bootstrap_interval(values, people)[::-1]) for values in (better, worse)]
    assert high - low < min(apart)
    assert paired_bootstrap(better, better, people) == (0, 0)


def test_bootstrap_refuses_what_does_not_match():
    with pytest.raises(ValueError, match='3, 2 and 2'):
        bootstrap_interval([1, 0, 1], ['a', 'b'])


# Intervals


@pytest.mark.parametrize('right, count, low, high', [                # from tables of Clopper and Pearson's limits
    (10, 10, 0.6915, 1), (0, 8, 0, 0.3694), (1, 10, 0.0025, 0.4450), (57, 60, 0.8608, 0.9896), (1, 1, 0.025, 1)])
def test_exact_interval_by_the_tables(right, count, low, high):
    assert exact_interval(right / count, count) == pytest.approx((low, high), abs=6e-5)


def test_ten_of_ten_is_not_certainty():
    low, high = interval(np.ones(10), np.arange(10))
    assert (round(low, 3), high) == (0.692, 1)


def test_intervals_count_people_not_probes():
    ten, hundred = (interval(np.ones(1000), np.arange(1000) % people)[0] for people in (10, 100))
    assert (round(ten, 3), round(hundred, 3)) == (0.692, 0.964)


def test_an_interval_is_never_narrower_than_the_exact_one_nor_than_the_bootstraps():
    generator = np.random.default_rng(0)
    for trial in range(40):
        people = np.repeat(np.arange(generator.integers(2, 30)), 4)
        conditions = np.tile(['N', 'N', 'B', 'S'], len(people) // 4)
        values = (generator.random(len(people)) < generator.random(people.max() + 1)[people]).astype(float)
        low, high = interval(values, people, conditions, random_state=trial)
        rate = np.mean([values[conditions == each].mean() for each in 'NBS'])
        for inner in (exact_interval(rate, people.max() + 1), bootstrap_interval(values, people, conditions,
                                                                                 random_state=trial)):
            assert low <= inner[0] <= inner[1] <= high


def test_a_difference_that_everybody_shows_has_a_width():
    people = np.repeat(np.arange(10), 3)
    assert paired_interval(np.ones(30), np.ones(30), people) == pytest.approx((-0.3085, 0.3085), abs=1e-4)
    low, high = paired_interval(np.ones(30), np.zeros(30), people)
    assert (low, high) == pytest.approx((1 - 2 * 0.3085, 1), abs=1e-4)
    luck = np.random.default_rng(0).random(30)
    assert paired_interval(luck, luck > 0.5, people) == paired_bootstrap(luck, luck > 0.5, people)


# Manifest


@pytest.fixture
def manifest(tmp_path):
    def write(text, encoding='utf-8'):
        for name in 'a.mp4', 'b.mp4':
            (tmp_path / name).touch()
        (tmp_path / 'frames').mkdir(exist_ok=True)
        path = tmp_path / 'walks.csv'
        path.write_bytes(text.encode(encoding))
        return path
    return write


def test_manifest_gives_walks_with_paths_from_its_own_folder(manifest, tmp_path, monkeypatch):
    monkeypatch.chdir('/')
    elsewhere = tmp_path / 'b.mp4'
    path = manifest(f'path,note,person,condition,session\n a.mp4 ,x,Zoë,N1,1\n{elsewhere},,"Bob, B.",S2,\n\n'
                    './frames/,z,Bob,coat,April\n', 'utf-8-sig')
    assert read_manifest(path) == [
        Walk('Zoë', 'N1', '1', str(tmp_path / 'a.mp4')), Walk('Bob, B.', 'S2', '', str(elsewhere)),
        Walk('Bob', 'coat', 'April', str(tmp_path / 'frames'))]


HEADER = 'person,condition,session,path\n'


@pytest.mark.parametrize(('text', 'message'), [
    ('', 'line 1: expected the header person,condition,session,path'),
    ('person;condition;session;path\nAnn;N1;1;a.mp4\n', 'line 1: .*comma'),
    ('person,session,path\nAnn,1,a.mp4\n', 'line 1: .*without condition'),
    (HEADER, 'no walk in it'),
    (HEADER + 'Ann,N1,1\n', 'line 2: expected 4 values as in the header, got 3'),
    (HEADER + 'Ann,N1,1,a.mp4,\n', 'line 2: expected 4 values as in the header, got 5'),
    (HEADER + 'Ann,N1,1,a.mp4\n ,N2,1,b.mp4\n', 'line 3: person is empty'),
    (HEADER + 'Ann,N1,1,a.mp4\n\nBob,N1,1,./a.mp4\n', 'line 4: path .*a.mp4 is there already, in line 2'),
    (HEADER + 'Ann,N1,1,a.mp4\nAnn,N01,1,b.mp4\n', "line 3: walk .*'Ann', 'N01', '1'.* already, in line 2"),
    (HEADER + '"Ann,N1,1,a.mp4\n', 'cannot be read as CSV'),
    (HEADER + 'Ann,N' + '1' * 400 + ',1,a.mp4\n', 'line 2: .*ends in a number of 400 digits'),
    ('person,condition,session,path,person\nAnn,N1,1,a.mp4,Bob\n', 'line 1: the header names person twice'),
])
def test_manifest_errors_name_file_and_line(manifest, text, message):
    with pytest.raises(ValueError, match=rf'walks\.csv.*{message}'):
        read_manifest(manifest(text))


def test_a_manifest_that_is_a_pipe_or_a_folder_is_refused_and_waits_for_nothing(tmp_path):
    os.mkfifo(tmp_path / 'pipe.csv')
    for path in (tmp_path / 'pipe.csv', tmp_path):
        with pytest.raises(ValueError, match='is no file; the .csv of a manifest was expected'):
            read_manifest(path)


def test_a_condition_of_400_digits_is_refused_in_a_protocol_too():
    with pytest.raises(ValueError, match='ends in a number of 400 digits'):
        parse_conditions('N1-N' + '9' * 400)


def test_manifest_in_another_encoding_is_refused(manifest):
    with pytest.raises(ValueError, match='walks.csv cannot be read as CSV in UTF-8'):
        read_manifest(manifest(HEADER + 'Zoë,N1,1,a.mp4\n', 'latin-1'))


def test_manifest_names_every_missing_video(manifest):
    with pytest.raises(FileNotFoundError, match=r'2 of 3 walks are not there: line 2: .*x\.mp4; line 4: .*y\.mp4'):
        read_manifest(manifest(HEADER + 'Ann,N1,1,x.mp4\nAnn,N2,1,a.mp4\nAnn,N3,1,y.mp4\n'))


def test_a_path_may_be_a_pattern_and_a_folder_of_videos_stands_for_each_of_them(manifest, tmp_path):
    for name in ('videos/2.mp4', 'videos/10.mp4', 'walk/1.png', 'walk/2.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b'x')
    for videos in ('videos', 'videos/*.mp4', 'vid*'):
        found = read_manifest(manifest(HEADER + f'Ann,N,1,{videos}\nBob,N1,1,walk/*.png\n'))
        assert found == [Walk('Ann', 'N', '1', str(tmp_path / 'videos/2.mp4')),
                         Walk('Ann', 'N', '1', str(tmp_path / 'videos/10.mp4')),
                         Walk('Bob', 'N1', '1', str(tmp_path / 'walk/*.png'))]
    with pytest.raises(ValueError, match='line 2: videos stands for 2 walks, and N1 is one: give them the condition N'):
        read_manifest(manifest(HEADER + 'Ann,N1,1,videos\n'))
    with pytest.raises(ValueError, match='line 3: path .*10.mp4 is there already, in line 2'):
        read_manifest(manifest(HEADER + 'Ann,N,1,videos\nAnn,N,1,videos/10.mp4\n'))
    for nothing in ('none/*.mp4', 'a\0*'):
        with pytest.raises((FileNotFoundError, ValueError), match='1 of 1 walks are not there|cannot be read as CSV'):
            read_manifest(manifest(HEADER + f'Ann,N,1,{nothing}\n'))


def test_a_condition_without_number_may_be_walked_often(manifest):
    assert len(read_manifest(manifest(HEADER + 'Ann,N,1,a.mp4\nAnn,N,1,b.mp4\n'))) == 2


# Protocols


@pytest.mark.parametrize(('condition', 'parts'), [('N1', ('N', 1)), ('n05', ('n', 5)), ('coat', ('coat', None)),
                                                  ('no-bag 2', ('no-bag ', 2))])
def test_conditions_split_into_group_and_number(condition, parts):
    assert split_condition(condition) == parts


def walks_with(*conditions, people=('Ann', 'Bob'), session='1'):
    return [Walk(person, condition, session, f'{person}/{session}/{condition}')
            for person in people for condition in conditions]


def test_protocol_selects_ranges_numbers_groups_and_sessions():
    walks = walks_with('N1', 'N4', 'N5', 'B2', 'coat', people=['Ann']) + walks_with('N1', 'B2', people=['Ann'],
                                                                                   session='2')
    def chosen(*arguments):
        return [[walks[i].path[4:] for i in part] for part in Protocol('p', *arguments).split(walks)]
    assert chosen('N1-N4', 'N5 B') == [['1/N1', '1/N4', '2/N1'], ['1/N5', '1/B2', '2/B2']]
    assert chosen('N1-4', 'N coat', '1', '2') == [['1/N1', '1/N4'], ['2/N1']]
    assert chosen('N', 'coat', '1') == [['1/N1', '1/N4', '1/N5'], ['1/coat']]


@pytest.mark.parametrize(('arguments', 'message'), [
    (('N1-N4', 'N4-N5'), 'overlap'), (('N1', 'X1'), "no probe walk matches 'X1'"), (('X1', 'N1'), 'no gallery walk'),
    (('N1', 'N5', '3'), 'no gallery walk'), (('N1', 'S1'), r"1 people have probes but no gallery walk: \['Bob'\]"),
    (('N1-B4', 'N5'), "'N1-B4'")])
def test_protocol_refuses_what_cannot_be_evaluated(arguments, message):
    walks = walks_with('N1', 'N4', 'N5', people=['Ann']) + walks_with('S1', people=['Bob'])
    with pytest.raises(ValueError, match=message):
        Protocol('p', *arguments).split(walks)


# TUM GAID


@pytest.fixture
def tum(tmp_path):
    """A fabricated tree: people 1 to 4 in January, 3 and 4 in April too; test people 2, 3 and 4."""
    january = [f'{c}{i:02d}' for c, last in (('n', 6), ('b', 2), ('s', 2)) for i in range(1, last + 1)]
    april = [f'n{i:02d}' for i in range(7, 13)] + ['b03', 'b04', 's03', 's04']
    for person in range(1, 5):
        for walk in january + (april if person > 2 else []) + ['back', 'back2']:
            folder = tmp_path / 'image' / f'p{person:03d}' / walk
            folder.mkdir(parents=True)
            (folder / '001.jpg').touch()
    (tmp_path / 'labels').mkdir()
    (tmp_path / 'labels' / 'tumgaidtestids.lst').write_text('002\n003\n004\n')
    (tmp_path / 'depth' / 'p001' / 'n01').mkdir(parents=True)
    return tmp_path


def conditions_of(walks, person):
    return ' '.join(walk.condition for walk in walks if walk.person == person)


def test_tum_gaid_experiment_1_takes_the_first_session_of_the_test_people(tum):
    walks = tum_gaid(tum)
    assert len(walks) == 30
    assert sorted({walk.person for walk in walks}) == ['p002', 'p003', 'p004']
    assert conditions_of(walks, 'p003') == 'B1 B2 N1 N2 N3 N4 N5 N6 S1 S2'
    assert {walk.session for walk in walks} == {'January'}
    assert Walk('p002', 'N5', 'January', str(tum / 'image' / 'p002' / 'n05')) in walks
    gallery, probes = TUM_GAID[1].split(walks)
    assert (len(gallery), len(probes)) == (12, 18)


def test_tum_gaid_experiment_2_takes_those_seen_again_in_april(tum):
    walks = tum_gaid(tum, experiment=2)
    assert sorted({walk.person for walk in walks}) == ['p003', 'p004']
    assert conditions_of(walks, 'p004') == 'B3 B4 N1 N2 N3 N4 N7 N8 N9 N10 N11 N12 S3 S4'
    assert {walk.condition for walk in walks if walk.session == 'January'} == {'N1', 'N2', 'N3', 'N4'}
    gallery, probes = TUM_GAID[2].split(walks)
    assert (len(gallery), len(probes)) == (8, 20)


@pytest.mark.parametrize('people', [[1, 3], ['p001', '003'], 'file'])
def test_tum_gaid_people_by_number_or_file_and_root_or_image_folder(tum, people):
    if people == 'file':
        people = tum / 'mine.lst'
        people.write_text('p001 3')
    assert {walk.person for walk in tum_gaid(tum / 'image', people=people)} == {'p001', 'p003'}


def test_tum_gaid_finds_its_list_from_the_image_folder(tum):
    assert len(tum_gaid(tum / 'image')) == 30


def test_tum_gaid_pattern_is_an_option(tmp_path):
    for i in range(1, 7):
        (tmp_path / f'007_N_{i}.avi').touch()
    (tmp_path / '007_B_1.avi').touch()
    walks = tum_gaid(tmp_path, people=[7], pattern=r'(?P<person>\d+)_(?P<condition>\w)_(?P<number>\d)\.avi')
    assert conditions_of(walks, 'p007') == 'B1 N1 N2 N3 N4 N5 N6'


def test_tum_gaid_errors_say_what_is_wrong(tum):
    with pytest.raises(ValueError, match=r"nothing in it matches .*'depth'"):
        tum_gaid(tum, pattern=r'x(?P<person>\d+)/(?P<condition>[nbs])(?P<number>\d+)')
    with pytest.raises(ValueError, match='named groups person, condition and number'):
        tum_gaid(tum, pattern=r'p(\d+)')
    with pytest.raises(ValueError, match=r"pattern: '\(' is no regular expression: "):
        tum_gaid(tum, pattern='(')
    with pytest.raises(ValueError, match=r"1 listed people have no walk there: \['p009'\]"):
        tum_gaid(tum, people=[1, 9])
    with pytest.raises(ValueError, match='from N7 on'):
        tum_gaid(tum, experiment=2, people=[1])
    with pytest.raises(ValueError, match='1 or 2, got 3'):
        tum_gaid(tum, experiment=3)
    with pytest.raises(ValueError, match="such as 7 or p007: .*'Ann'"):
        tum_gaid(tum, people=['Ann'])
    with pytest.raises(ValueError, match=r"both walk \('p001', 'N1'\)"):
        tum_gaid(tum, pattern=r'\w+/p(?P<person>\d+)/(?P<condition>[nbs])(?P<number>\d+)')
    (tum / 'labels' / 'tumgaidtestids.lst').unlink()
    with pytest.raises(FileNotFoundError, match='people: .*tumgaidtestids.lst.* name a file of person numbers'):
        tum_gaid(tum)
    with pytest.raises(FileNotFoundError, match='nowhere'):
        tum_gaid(tum / 'nowhere')


# Published figures


def test_published_averages_are_over_conditions_for_pfm_and_over_probes_for_the_original():
    for experiment, weights in (1, (1, 1, 1)), (2, (2, 1, 1)):
        for name, figures in PUBLISHED[experiment].items():
            own = (1, 1, 1) if name.startswith('PFM') else weights
            average = np.average([figures[c] for c in 'NBS'], weights=own)
            assert average == pytest.approx(figures['Average'], abs=0.06)


# Experiments


CONDITIONS = ['N1', 'N2', 'N3', 'N4', 'N5', 'N6', 'B1', 'B2', 'S1', 'S2']


def walkers(people=8, noise=0.3, width=12, seed=0):
    generator = np.random.default_rng(seed)
    walks = walks_with(*CONDITIONS, people=[f'p{i}' for i in range(people)])
    centres = np.repeat(generator.normal(size=(people, width)), len(CONDITIONS), axis=0)
    return centres + 1 + noise * generator.normal(size=centres.shape), walks


def test_rank_1_table_by_hand():
    # Nearest walk by cosine. Gallery: Ann at 0 degrees, Bob at 90. Everything near their own is right.
    degrees = {'Ann': {'N1': 0, 'N5': 10, 'N6': 80, 'B1': 5, 'S1': 20},
               'Bob': {'N1': 90, 'N5': 91, 'N6': 70, 'B1': 10, 'S1': 60}}
    walks = walks_with('N1', 'N5', 'N6', 'B1', 'S1')
    angles = np.radians([degrees[walk.person][walk.condition] for walk in walks])
    result = evaluate(np.stack([np.cos(angles), np.sin(angles)], axis=1), walks,
                      Protocol('tiny', 'N1', 'N5-N6 B1 S1'), method='cosine')
    assert result.rank_1() == {'N': 0.75, 'B': 0.5, 'S': 1, 'Average': 0.75}
    assert result.over_probes == 0.75
    assert result.columns == ['N', 'B', 'S', 'Average']
    assert result.confusion().tolist() == [[3, 1], [1, 3]]
    assert result.confusion('B').tolist() == [[1, 0], [1, 0]]
    assert result.cmc('B').tolist() == [0.5, 1]
    # Pairs for B: genuine 5 and 80 off, impostor 85 and 10. Between them the curve crosses at a half.
    assert result.eer['B'] == pytest.approx(0.5)
    assert result.eer['S'] == 0                          # 20 and 30 off against 70 and 60
    # Strangers are compared with the other person's only walk: in S 70 and 60 off, the known ones 20 and 30.
    roc = result.open_set('S')
    assert roc.false_reject_rate[roc.false_accept_rate == 0].min() == 0


def test_average_counts_conditions_not_probes():
    vectors, walks = walkers(noise=1.2)
    result = evaluate(vectors, walks, Protocol('p', 'N1', 'N2-N6 B1-B2 S1-S2'), open_set=False)
    rates = result.rank_1()
    assert rates['Average'] == pytest.approx(np.mean([rates[c] for c in 'NBS']))
    assert result.over_probes == pytest.approx(np.average([rates[c] for c in 'NBS'], weights=[5, 2, 2]))
    assert abs(rates['Average'] - result.over_probes) > 1e-3


def test_evaluation_scores_are_the_gallerys_own():
    vectors, walks = walkers()
    result = evaluate(vectors, walks, TUM_GAID[1], open_set=False)
    gallery, probes = TUM_GAID[1].split(walks)
    scores, people = classify(vectors[gallery], [walks[i].person for i in gallery], vectors[probes])
    np.testing.assert_allclose(result.scores, scores, rtol=1e-9)
    assert result.people == people


def test_walks_that_identify_are_found_and_noise_is_not():
    vectors, walks = walkers(people=20, noise=0.2, width=40)
    assert evaluate(vectors, walks, TUM_GAID[1]).rank_1()['Average'] == 1
    noise = np.random.default_rng(0).normal(size=vectors.shape)
    result = evaluate(noise, walks, TUM_GAID[1])
    assert result.rank_1()['Average'] < 0.15                        # chance is 0.05
    assert result.eer['all'] == pytest.approx(0.5, abs=0.06)


def test_strangers_are_measured_against_a_gallery_without_them():
    vectors, walks = walkers()
    result = evaluate(vectors, walks, TUM_GAID[1], method='cosine')
    gallery, probes = TUM_GAID[1].split(walks)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for i, probe in enumerate(probes):
        others = [g for g in gallery if walks[g].person != walks[probe].person]
        assert result.unknown[i] == pytest.approx((unit[others] @ unit[probe]).max())


def test_intervals_hold_the_rate_and_repeat():
    result = evaluate(*walkers(noise=1.0), TUM_GAID[1], open_set=False)
    for column, (low, high) in result.intervals().items():
        assert low <= result.rank_1()[column] <= high
    assert result.intervals() == result.intervals()


def test_walks_that_could_not_be_read_count_as_misses_beside_the_figure_without_them():
    vectors, walks = walkers(people=10, width=40, noise=0.1)
    lost = {('p0', 'N5'), ('p1', 'B1'), ('p2', 'N1')}
    out = [i for i, walk in enumerate(walks) if (walk.person, walk.condition) in lost
           or walk.person == 'p3' and walk.condition in ('N1', 'N2', 'N3', 'N4')]
    there = [i for i in range(len(walks)) if i not in out]
    result = evaluate(vectors[there], [walks[i] for i in there], TUM_GAID[1], unread=[walks[i] for i in out])
    # Two probes were not read, and p3, none of whose gallery walks were, has six.
    assert {(walk.person, walk.condition) for walk in result.missed} == {('p0', 'N5'), ('p1', 'B1')} | {
        ('p3', condition) for condition in CONDITIONS[4:]}
    assert result.rank_1() == {'N': 1, 'B': 1, 'S': 1, 'Average': 1}
    assert result.rank_1(misses=True) == pytest.approx({'N': 0.85, 'B': 0.85, 'S': 0.9, 'Average': 2.6 / 3})
    assert result.cmc(misses=True)[-1] == pytest.approx(52 / 60)
    # Of 60 x 4 genuine pairs p0 and p1 lack 4, p2 one gallery walk of 6 probes, p3 all 24.
    assert 1 - result.roc('all', misses=True).false_reject_rate[0] == pytest.approx((240 - 4 - 4 - 6 - 24) / 240)
    assert 1 - result.open_set('all', misses=True).false_reject_rate[0] == pytest.approx(52 / 60)
    rows = [line.split('  ')[0] for line in result.table().splitlines()]
    assert 'trained' in rows and 'trained, unread as misses' in rows and 'probes not tried' in rows
    own = json.loads(result.to_json())['results'][0]
    assert own['rank_1_over_probes'] == 1 and own['with_misses']['rank_1_over_probes'] == pytest.approx(52 / 60)
    assert own['with_misses'].keys() == {key for key in own if key.startswith('rank_1')} | {
        'cmc', 'equal_error_rate', 'verification_rate', 'open_set_identification_rate'}
    assert own['people_right']['p0'] == {'probes': 5, 'right': 5, 'not_tried': 1}
    assert own['people_right']['p3'] == {'probes': 0, 'right': 0, 'not_tried': 6}


def test_a_condition_of_which_nothing_was_read_is_all_misses():
    vectors, walks = walkers(people=4, noise=0.1)
    there = [i for i, walk in enumerate(walks) if walk.condition[0] != 'S']
    result = evaluate(vectors[there], [walks[i] for i in there], TUM_GAID[1],
                      unread=[walk for walk in walks if walk.condition[0] == 'S'])
    assert result.rank_1().keys() == {'N', 'B', 'Average'} and result.rank_1()['Average'] == 1
    assert result.rank_1(misses=True) == pytest.approx({'N': 1, 'B': 1, 'S': 0, 'Average': 2 / 3})
    row, counted = (next(line.split() for line in result.table().splitlines() if line.startswith(name))
                    for name in ('trained  ', 'probes  '))
    assert '-' in row and counted == ['probes', '8', '8', '0', '16']
    result.to_json()


def test_when_nothing_is_left_to_compare_that_is_said():
    vectors, walks = walkers(people=2)
    probes = [walk.condition not in ('N1', 'N2', 'N3', 'N4') for walk in walks]
    for keep, what in (probes, 'no gallery walk is left: 8 of 20'), (~np.array(probes), 'no probe walk is left: 12'):
        with pytest.raises(ValueError, match=what):
            evaluate(vectors[np.array(keep)], [w for w, k in zip(walks, keep) if k], TUM_GAID[1],
                     unread=[w for w, k in zip(walks, keep) if not k])


def test_wrong_walks_are_called_by_their_path_and_confusions_counted(tmp_path):
    vectors, walks = walkers(people=3, noise=0.1)
    walks = [walk._replace(path=f'/walks/{walk.person}-{walk.condition}.mp4') for walk in walks]
    own = {walk.path: i for i, walk in enumerate(walks)}
    vectors[own['/walks/p0-B1.mp4']] = vectors[own['/walks/p1-B1.mp4']]
    vectors[own['/walks/p0-S2.mp4']] = vectors[own['/walks/p1-S2.mp4']]
    unread = own['/walks/p2-N6.mp4']
    result = evaluate(np.delete(vectors, unread, 0), walks[:unread] + walks[unread + 1:], TUM_GAID[1],
                      unread=[walks[unread]])
    lines = result.table().splitlines()
    assert '2 of 17 probes were taken for somebody else, 1 more could not be tried' in lines
    assert '/walks/p2-N6.mp4: p2, not tried' in lines
    assert any(re.fullmatch('/walks/p0-B1.mp4: p0, taken for p1, place [23]', line) for line in lines)
    data = json.loads(result.to_json())['results'][0]
    assert data['mistakes'] == [{'person': 'p0', 'taken_for': 'p1', 'probes': 2,
                                 'walks': ['/walks/p0-B1.mp4', '/walks/p0-S2.mp4']}]
    result.plot(tmp_path)
    assert (tmp_path / 'confusion.csv').read_text().split() == [
        'person,p0,p1,p2,not', 'tried', 'p0,4,2,0,0', 'p1,0,6,0,0', 'p2,0,0,5,1']
    with open(tmp_path / 'probes.csv', newline='') as file:
        rows = {row['path']: row for row in csv.DictReader(file)}
    assert len(rows) == 18
    assert [rows['/walks/p0-B1.mp4'][key] for key in ('person', 'condition', 'taken_for')] == ['p0', 'B1', 'p1']
    assert [rows['/walks/p2-N6.mp4'][key] for key in ('taken_for', 'rank', 'similarity')] == ['not tried', '', '']


def test_the_plot_of_confusions_has_its_counts():
    result = evaluate(*walkers(people=3, noise=1.5), TUM_GAID[1])
    figure = Figure()
    draw_confusion(figure, result)
    counts = result.confusion()
    texts = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in figure.axes[0].texts}
    assert texts == {(i, j): str(counts[i, j]) for i, j in zip(*np.nonzero(counts))} and len(texts) > 3


def test_a_table_lists_twenty_wrong_walks_and_says_how_many_more():
    vectors, walks = walkers(people=8)
    noise = np.random.default_rng(0).normal(size=vectors.shape)
    lines = evaluate(noise, walks, TUM_GAID[1], open_set=False).table().splitlines()
    wrong = sum(', taken for ' in line for line in lines)
    assert wrong == 20 and lines[-1].startswith('and ') and lines[-1].endswith('more: --json and --plots have all')


def test_table_has_the_seeds_columns_and_the_published_rows():
    table = evaluate(*walkers(), TUM_GAID[1]).table()
    lines = table.splitlines()
    assert '8 people, 32 gallery walks, 48 probes, linear SVM' in lines[0]
    assert lines[3].split() == ['N', 'B', 'S', 'Average']
    assert lines[4].startswith('trained ')
    assert [line for line in lines if line.startswith('chance')][0].split()[1:] == ['12.5'] * 4
    assert any(line.split()[-4:] == ['99.4', '92.6', '98.7', '96.9'] for line in lines)
    assert any(line.startswith('published: PFM') for line in lines)
    assert lines[-2].startswith('verification: trained  ') and '-' not in lines[-2]
    assert lines[-1].split() == ['open-set', 'identification:', 'trained', '-', '100.0', '100.0']
    plain = Protocol('own', 'N1-N4', 'N5 B1')
    table = evaluate(*walkers(), plain).table()
    assert 'published' not in table
    assert table.splitlines()[3].split() == ['N', 'B', 'Average']


def test_comparison_sets_methods_beside_chance_with_paired_differences():
    vectors, walks = walkers(noise=0.4)
    good = evaluate(vectors, walks, TUM_GAID[1])
    noise = evaluate(np.random.default_rng(0).normal(size=(80, 7)), walks, TUM_GAID[1], name='untrained')
    comparison = compare({'a': good, 'b': noise})
    difference, low, high = comparison.differences()['untrained']['Average']
    assert difference == pytest.approx(good.rank_1()['Average'] - noise.rank_1()['Average'])
    assert 0.3 < low <= difference <= high
    assert 'trained less the other' in comparison.table()
    assert comparison.chance == 1 / 8
    assert 'less the other' not in good.table()


def test_only_results_on_the_same_probes_are_compared():
    vectors, walks = walkers()
    first = evaluate(vectors, walks, TUM_GAID[1], open_set=False)
    with pytest.raises(ValueError, match='names must differ'):
        compare([first, first])
    other = evaluate(vectors[:-10], walks[:-10], TUM_GAID[1], name='other', open_set=False)
    with pytest.raises(ValueError, match="'other' was not taken on the probes"):
        compare([first, other])
    with pytest.raises(ValueError, match='nothing'):
        compare([])


def test_json_holds_the_figures():
    result = evaluate(*walkers(noise=0.8), TUM_GAID[1])
    data = json.loads(result.to_json())
    own = data['results'][0]
    assert own['rank_1'] == result.rank_1()
    assert own['probes_per_condition'] == {'N': 16, 'B': 16, 'S': 16}
    assert own['cmc']['all'][-1] == 1
    assert own['equal_error_rate'].keys() == {'all', 'N', 'B', 'S'}
    assert own['verification_rate'].keys() == own['open_set_identification_rate'].keys() == {'all', 'N', 'B', 'S'}
    assert own['open_set_identification_rate']['all'].keys() == {'0.05', '0.1'}     # 48 probes cannot show 1 %
    assert own['open_set_identification_rate']['N'].keys() == {'0.1'}               # nor 16 probes 5 %
    assert own['verification_rate']['all'].keys() == {'0.01', '0.05', '0.1'}        # 48 x 28 pairs can
    assert sum(entry['probes'] for entry in own['mistakes']) == round((1 - result.over_probes) * 48)
    assert data['published_percent']['PFM (Castro et al.)']['N'] == 99.7
    assert json.loads(evaluate(*walkers(), TUM_GAID[1], open_set=False).to_json())['results'][0][
        'open_set_identification_rate'] is None


def test_names_are_drawn_as_they_stand_whatever_they_hold(tmp_path):
    names = ['$\\frac{$', 'b' * 200, '<script>']
    walks = [Walk(name, f'N{i}', '1', f'{name}-{i}') for name in names for i in (1, 2, 3)]
    vectors = np.repeat(np.eye(3, 8), 3, 0) + 0.01 * np.arange(72).reshape(9, 8) % 0.07
    paths = evaluate(vectors, walks, Protocol('p', 'N1-N2', 'N3'), name='$\\frac{$').plot(tmp_path)
    assert all(os.path.getsize(path) > 20 for path in paths)


def test_the_lines_of_a_chart_differ_by_more_than_their_colour():
    walks = [Walk(name, f'{condition}{i}', '1', f'{name}{condition}{i}') for name in 'ab' for condition in 'NBS'
             for i in (1, 2)]
    result = evaluate(np.random.default_rng(0).normal(size=(12, 8)), walks, Protocol('p', 'N1', 'B1-B2 S1-S2'))
    figure = Figure()
    draw_cmc(figure, lines_of([result]))
    looks = [(line.get_marker(), line.get_linestyle()) for line in figure.axes[0].lines]
    assert len(looks) == len(set(looks)) == 4


def test_plots_are_pictures_and_leave_the_backend_alone(tmp_path):
    backend = matplotlib.get_backend()
    result = evaluate(*walkers(), TUM_GAID[1])
    without = evaluate(*walkers(seed=1), TUM_GAID[1], name='another', open_set=False)
    for folder, drawn in (('one', result), ('several', compare([result, without])), ('closed', without)):
        paths = drawn.plot(tmp_path / folder)
        assert [os.path.basename(path) for path in paths] == ['roc.png', 'cmc.png', 'confusion.png', 'confusion.csv',
                                                              'probes.csv']
        assert sorted(os.listdir(tmp_path / folder)) == sorted(map(os.path.basename, paths))
        for path in paths[:3]:
            with Image.open(path) as picture:
                assert min(picture.size) > 400
                assert len(picture.convert('RGB').getcolors(2 ** 24)) > 20     # more than an empty frame
    assert matplotlib.get_backend() == backend


def test_one_person_alone_is_evaluated_without_impostors():
    vectors, walks = walkers(people=1)
    result = evaluate(vectors, walks, TUM_GAID[1], method='cosine')
    assert (result.eer, result.unknown, result.over_probes) == ({}, None, 1)
    assert 'chance' in result.table()
    assert json.loads(result.to_json())['results'][0]['equal_error_rate'] == {}


def test_evaluate_needs_a_vector_for_each_walk():
    vectors, walks = walkers()
    with pytest.raises(ValueError, match='each of 80 walks, got 79'):
        evaluate(vectors[1:], walks, TUM_GAID[1])


def test_from_manifest_to_table(tmp_path):
    vectors, walks = walkers(people=3)
    with open(tmp_path / 'walks.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(Walk._fields)
        for i, walk in enumerate(walks):
            (tmp_path / f'{i}.mp4').touch()
            writer.writerow(walk._replace(path=f'{i}.mp4'))
    protocol = Protocol('miniature', 'N1-N4', 'N5-N6 B1-B2 S1-S2', published=PUBLISHED[1])
    assert 'miniature' in evaluate(vectors, read_manifest(tmp_path / 'walks.csv'), protocol).table()


def test_strangers_are_counted_on_people_that_nothing_was_learned_from():
    generator = np.random.default_rng(4)
    walks = generator.normal(size=(40, 1, 32)) + 1.2 * generator.normal(size=(40, 6, 32))
    people = np.repeat([f'person {i}' for i in range(40)], [4] * 40).tolist(), np.repeat(
        [f'person {i}' for i in range(40)], [2] * 40).tolist()
    rows = strangers.named(walks[:, :4].reshape(-1, 32), people[0], walks[:, 4:].reshape(-1, 32), people[1])
    assert [row.rate for row in rows] == [0.01, 0.02, 0.05, 0.1]
    assert rows[0].by_probability is None                            # 1 % of 80 strangers is less than one
    assert rows[3].by_probability >= rows[3].by_similarity and rows[2].by_probability <= rows[3].by_probability
    assert 0 < rows[3].strangers < 0.2 and rows[3].calibrated > 0.5
    assert strangers.table(rows).splitlines()[1].startswith('1%: -, -; ')
    noise = strangers.named(walks[:, :4].reshape(-1, 32), people[0], generator.normal(size=(80, 32)), people[1])
    assert noise[3].by_probability < 0.2 and noise[3].calibrated < 0.1
