"""Is this recording fit? What is told of it is true, and the word follows the rules."""
import csv
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from gait_recognition.facts import Facts
from gait_recognition.fitness import (
    FIGURES,
    RULES,
    WORDS,
    Looks,
    Witness,
    company_in,
    fitness_of,
    judged,
    sharpness_of,
)
from gait_recognition.gallery import Gallery
from gait_recognition.pose_estimation import FrameJoints
from gait_recognition.tracking.track import Track
from gait_recognition.walkers.cameras import Camera, heading_of
from gait_recognition.walkers.scenes import stroll


def walk(count=75, yaw=0.0, scale=200.0, fps=25.0, every=1, probability=0.9, **facts):
    """(frames, track, joints) of a walker seen by a still camera, as if the network saw every joint right."""
    truth = stroll(900, 1, frames=count, fps=fps)
    camera = Camera(heading_of(False, yaw), 0.03, 0.0, scale / truth.walker.stature, 10.0, (300, 300))
    seen = camera.project(truth.pose.joints.reshape(-1, 3))[0].reshape(count, 16, 2)
    found = [FrameJoints(i, np.stack([*seen[i].T, np.full(16, probability)]), i / fps) for i in range(0, count, every)]
    boxes = [(seen[i, :, 0].min(), seen[i, :, 1].mean(), scale / 0.7) for i in range(0, count, every)]
    frames = SimpleNamespace(fps=fps, every=every, knows_fps=True, facts=Facts(**facts))
    return frames, Track('walk.mp4', 'background', [pose.frame for pose in found], boxes), found


def looks(sharpness=0.6, light=120.0, contrast=40.0):
    found = Looks()
    found.sharpness, found.light, found.contrast = [sharpness], [light], [contrast]
    return found


def fitness(company=0.0, seen=None, dropped=None, **options):
    frames, track, found = walk(**options)
    track.dropped = dropped or {}
    return fitness_of(frames, track, found, seen or looks(), company)


def test_a_long_sharp_walk_from_the_side_is_good():
    found = fitness()
    assert (found.word, found.reasons, found.view, found.no_steps) == ('good', [], 'side', None)
    assert found.used == found.frames == 75 and found.height == pytest.approx(200) and found.degrees < 20
    assert found.steps in (4, 5, 6)                                         # of three seconds
    assert (found.rate, found.unsure, found.unsure_joints, found.lost) == (25.0, 0.0, [], 0.0)


@pytest.mark.parametrize('options, word, reason', [
    ({'scale': 60}, 'usable', 'a figure of 60 pixels (usable)'),
    ({'scale': 30}, 'poor', 'a figure of 30 pixels (poor)'),
    ({'count': 12}, 'poor', '0.5 s of walking (poor)'),
    ({'count': 20}, 'usable', '0.8 s of walking (usable)'),
    ({'every': 5}, 'poor', '5 frames a second (poor)'),
    ({'yaw': 45}, 'usable', 'degrees off the profile (usable)'),
    ({'yaw': 85}, 'poor', 'degrees off the profile (poor)'),
    ({'probability': 0.1}, 'poor', '100% of the joints unsure (poor)'),
    ({'seen': looks(light=10)}, 'poor', 'a brightness of 10 of 255 (poor)'),
    ({'seen': looks(sharpness=0.1)}, 'poor', 'a sharpness of 0.10 (poor)'),
    ({'seen': looks(contrast=1)}, 'poor', 'a contrast of 1 of 255 (poor)'),
    ({'company': 0.5}, 'usable', 'other people in 50% of the frames (usable)'),
    ({'jumps': [(3, 0.1, 4.0)]}, 'usable', '1 jumps in time (usable)'),
    ({'count': 400, 'every': 6, 'dropped': {i: 'nobody found' for i in range(1000) if i % 6}}, 'poor',
     'frames lost (poor)')],
    ids=lambda value: str(value)[:40])
def test_each_rule_is_told_with_its_figure(options, word, reason):
    found = fitness(**options)
    assert found.word == word and any(reason in each for each in found.reasons), found.reasons
    assert WORDS.index(word) == max(WORDS.index(each.rsplit('(')[1][:-1]) for each in found.reasons)


@pytest.mark.parametrize('count', [17, 20, 25, 26, 35, 36, 50])
def test_every_second_frame_makes_no_recording_longer_and_counts_steps_in_the_same_seconds(count):
    all_frames, second = (fitness(count=count, every=every) for every in (1, 2))
    assert second.seconds == pytest.approx(all_frames.seconds, abs=1.01 / 25) and second.seconds <= all_frames.seconds
    if count != 26:                                                         # every second: one less
        assert (second.steps is None) == (all_frames.steps is None) == (count <= 25)
    assert WORDS.index(second.word) >= WORDS.index(all_frames.word)


@pytest.mark.parametrize('fps', [15.0, 24.0, 30.0, 60.0])
def test_fewer_frames_of_a_recording_give_no_better_word_at_any_rate(fps):
    for count in (20, 31, 61):
        words = [WORDS.index(fitness(count=count, every=every, fps=fps).word) for every in (1, 2)]
        assert words == sorted(words), count


def test_lost_frames_unsure_joints_and_missing_steps_are_told_with_the_reason():
    frames, track, found = walk()
    track.dropped, track.skipped = {80: 'nobody found', 81: 'nobody found'}, 3
    for pose in found:
        pose.joints[2, 15] = 0.1                                            # the left wrist
    told = fitness_of(frames, track, found, looks())
    assert told.lost_by == {'nobody found': 2, 'damaged': 3} and told.frames == 80
    assert told.lost == pytest.approx(3 / 78)                               # whoever has gone is not lost
    assert told.unsure_joints == ['left wrist'] and told.unsure == pytest.approx(1 / 16)
    assert told.company is None and 'not looked for' in str(told)
    standing = [pose._replace(joints=found[0].joints) for pose in found]
    told = fitness_of(frames, track, standing, looks())
    assert told.steps == 0 and 'rhythm' in told.no_steps and told.word == 'poor'
    assert json.loads(json.dumps(told.as_dict())) == told.as_dict() and {*FIGURES} <= {*told.as_dict()}


def test_the_trunk_tells_the_view_where_legs_seen_from_the_front_are_not_told_apart():
    frames, track, found = walk(yaw=75)
    for pose in found:
        for joint in (0, 1, 2):
            pose.joints[:2, joint] = pose.joints[:2, 5 - joint]             # both legs are found at one
    told = fitness_of(frames, track, found, looks())
    assert told.steps is None and told.view == 'front' and told.degrees > 60
    assert told.word == 'poor' and 'degrees off the profile (poor)' in told.reasons[0]
    for pose in found:
        pose.joints[2, 12] = 0.1                                            # a shoulder that is not seen
    told = fitness_of(frames, track, found, looks())
    assert (told.view, told.degrees) == (None, None)


def test_who_runs_sits_or_walks_backwards_makes_a_poor_recording():
    frames, track, found = walk()
    track.stands_still = True
    assert fitness_of(frames, track, found, looks()).manner is None
    faster = [pose._replace(time=pose.time / 1.6) for pose in found]
    reversed_ = [pose._replace(joints=other.joints) for pose, other in zip(found, found[::-1])]
    seated = [pose._replace(joints=sitting(found[0].joints)) for pose in found]
    for poses, manner, text in ((faster, 'running', 'somebody runs'), (seated, 'sitting', 'somebody sits'),
                                (reversed_, 'backwards', 'somebody walks backwards')):
        told = fitness_of(frames, track, poses, looks())
        assert (told.manner, told.word) == (manner, 'poor') and f'{text} (poor)' in told.reasons and text in str(told)
    track.stands_still = False                                              # a camera that goes along tells no way
    assert fitness_of(frames, track, reversed_, looks()).manner is None


def sitting(joints):
    """Joints (3, 16) with level thighs and hanging shins."""
    joints = joints.copy()
    for ankle, knee, hip in ((0, 1, 2), (5, 4, 3)):
        joints[:2, knee] = joints[:2, hip] + (8, 60)
        joints[:2, ankle] = joints[:2, knee] + (60, 0)
    return joints


def test_every_rule_is_of_a_figure_and_its_bounds_are_in_order():
    for rule in RULES:
        assert rule.name in FIGURES
        assert (rule.good <= rule.usable) if rule.is_most else (rule.good >= rule.usable)
        marks = [judged({rule.name: value})[0] for value in (rule.good, rule.usable)]
        assert marks[0] == 'good' and marks[1] in ('good', 'usable')


def test_blur_darkness_and_haze_are_seen():
    rng = np.random.default_rng(0)
    picture = ndimage.zoom(rng.integers(0, 256, (30, 30)).astype(np.float32), 10, order=0)
    values = [sharpness_of(ndimage.uniform_filter(picture, size)) for size in (1, 5, 11, 21)]
    assert values == sorted(values, reverse=True) and values[0] > 0.75 and values[-1] < 0.4
    assert sharpness_of(np.full((50, 50), 7.0)) == 0.0
    seen = Looks()
    seen.add(np.full((9, 299, 299, 3), 51, np.uint8))
    assert seen.light == [51.0] * 3 and seen.contrast == [0.0] * 3          # of every fourth


def test_a_witness_changes_no_feature_and_sees_the_joints_of_the_frame():
    class Net:
        other = 'is handed through'

        def features_and_joints(self, crops, batch_size):
            joints = np.full((3, len(crops), 16), 149.5)
            joints[2] = 0.9
            return crops[:, :17, :17] * 2, joints
    witness = Witness(Net())
    crops = np.random.default_rng(0).integers(0, 99, (16, 299, 299, 3))
    assert np.array_equal(witness.feed_forward_features(crops), crops[:, :17, :17] * 2)
    assert witness.other == 'is handed through'
    track = Track('a', 'pose', [*range(16)], [(10.0, 20.0, 598.0)] * 16)
    frames = SimpleNamespace(fps=25.0, every=1, knows_fps=False, facts=Facts(),
                             seconds_of=lambda numbers: [number / 25 for number in numbers])
    told = witness.fitness(frames, track)
    assert told.height == pytest.approx(0.7 * 598) and told.used == 16 and not told.knows_rate


def test_other_people_are_searched_for_beside_the_walker():
    class Net:
        """Sees a person in the middle of each square that is bright there."""

        def joint_positions(self, crops):
            joints = np.empty((3, len(crops), 16))
            joints[0], joints[1] = np.linspace(45, 254, 16), 149.5
            joints[2] = np.where(crops[:, 140:160, 140:160].mean((1, 2, 3)) > 100, 0.9, 0.0)[:, None]
            return joints
    frame = np.zeros((300, 900, 3), np.uint8)
    frame[:, 100:200] = 200
    track = Track('a', 'background', [*range(10)], [(0.0, 0.0, 300.0)] * 10)
    frames = SimpleNamespace(rereadable=True, numbered=lambda: ((i, pictures[i]) for i in range(10)))
    pictures = [frame] * 10
    assert company_in(frames, track, Net()) == 0.0
    other = frame.copy()
    other[:, 550:800] = 200
    pictures = [frame] * 5 + [other] * 5
    assert company_in(frames, track, Net()) == 0.5
    assert company_in(frames, Track('a', 'none', [0], [(0.0, 0.0, 299.0)]), Net()) is None


def test_the_page_has_the_rules_that_hold():
    page = (Path(__file__).parent.parent / 'docs' / 'fitness.md').read_text('utf-8')
    rows = dict(re.findall(r'^\| .*\(`(\w+)`\) \| (.*) \|$', page, re.MULTILINE))
    assert rows == {rule.name: ' | '.join(f'{"up to" if rule.is_most else "from"} {bound:g}' for bound in (
        rule.good, rule.usable)) for rule in RULES}


# The command ---------------------------------------------------------------------------------------------------------

def test_check_says_a_word_for_each_walk_and_its_status_is_1_where_one_is_poor(weights, opened, walks, run, tmp_path):
    status, out, _ = run('check', walks('anna', 1), walks('ben', 1), *weights[:2])
    assert status == 1 and f'{walks("anna", 1)}: poor: ' in out and '0.3 s of walking (poor)' in out
    assert all(f'\n  {name}' in out for name in ('frames', 'height', 'view', 'steps', 'sharpness', 'light', 'company'))
    status, out, _ = run('check', walks('anna', 1), tmp_path / 'none.mp4', *weights[:2], '--csv')
    rows = list(csv.DictReader(out.splitlines()))
    assert status == 2 and rows[0]['check.word'] == 'poor' and 'no such file' in rows[1]['error']
    assert [name[6:] for name in rows[0] if name.startswith('check.')] == ['word', 'reasons', *FIGURES]


def test_a_table_has_what_was_lost_as_json(weights, opened, walks, run, monkeypatch):
    lost = {98: "touching the picture's border", 99: 'nobody found'}
    monkeypatch.setattr(Track, 'dropped', property(lambda track: lost, lambda track, dropped: None), raising=False)
    row, = csv.DictReader(run('check', walks('anna', 1), *weights[:2], '--csv')[1].splitlines())
    assert json.loads(row['check.lost_by']) == {"touching the picture's border": 1, 'nobody found': 1}


def test_every_command_tells_the_word_in_its_json(gallery, weights, opened, walks, manifest, run, monkeypatch):
    walk_of = walks('anna', 4)
    for command, options in (('vector', 4), ('pose', 2), ('check', 2)):
        answer, = json.loads(run(command, walk_of, *weights[:options], '--json')[1])
        assert answer['check']['word'] == 'poor' and answer['check']['used'] == 8, command
    assert json.loads(run('identify', gallery, walk_of, *weights, '--json')[1])[0]['check']['word'] == 'poor'
    answer = json.loads(run('verify', gallery, walk_of, walks('anna', 5), *weights, '--json')[1])
    assert [each['check']['word'] for each in answer['walks']] == ['poor', 'poor']
    command = 'evaluate', manifest, '--gallery', 'N1', '--probes', 'N3', *weights, '--json', '--cache', f'{gallery}s'
    for _ in range(2):                                                      # from the cache, too
        answer = json.loads(run(*command)[1])
        assert {each['word'] for each in answer['checks'].values()} == {'poor'} and len(answer['checks']) == 6
        assert answer['rank_1_by_word'] == {'poor': {'rank_1': 1.0, 'probes': 3}}


def test_enrol_warns_of_poor_recordings_and_refuses_them_on_request(weights, opened, walks, run, tmp_path):
    command = 'enrol', tmp_path / 'people.gallery', '--name', 'anna', walks('anna', 1), *weights
    status, out, err = run(*command, '--strict')
    assert status == 2 and 'a poor recording to know somebody by: ' in err and 'not enrolled (--strict)' in err
    assert len(Gallery.load(tmp_path / 'people.gallery')) == 0
    status, out, err = run(*command)
    assert status == 0 and 'a poor recording to know somebody by: ' in err
    assert len(Gallery.load(tmp_path / 'people.gallery')) == 1


def test_a_walk_that_is_fit_is_enrolled_without_a_word(weights, opened, walks, run, tmp_path, monkeypatch):
    monkeypatch.setattr('gait_recognition.fitness.judged', lambda figures: ('usable', ['a figure of 80 pixels']))
    status, _, err = run('enrol', tmp_path / 'people.gallery', '--name', 'anna', walks('anna', 1), *weights, '--strict')
    assert (status, err) == (0, '')


@pytest.mark.parametrize('name', ['small.png', 'other.txt'])
def test_check_refuses_what_is_no_walk(name, weights, opened, run, tmp_path):
    Image.new('RGB', (30, 40)).save(tmp_path / 'small.png')
    (tmp_path / 'other.txt').write_text('mine')
    status, out, err = run('check', tmp_path / name, *weights[:2])
    assert (status, out) == (2, '') and name in err and err.count('\n') == 1
