"""What is measured of a gait, held against walkers whose phase and angles are known."""
import contextlib
import csv
import importlib.util
import json
import pathlib
import xml.etree.ElementTree

import numpy as np
import pytest
from PIL import Image

from gait_recognition import cli
from gait_recognition.cycles import series
from gait_recognition.cycles.measures import UNITS, measure_gait, measure_walk
from gait_recognition.cycles.plots import draw_gait
from gait_recognition.pose_estimation import FrameJoints
from gait_recognition.quality import quality_of_joints
from gait_recognition.tracking.track import Track
from gait_recognition.walkers.scenes import sequence, stroll
from pose_joints import MIRRORED_JOINTS

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location('gait_benchmark', ROOT / 'benchmarks' / 'gait.py')
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)

PEOPLE = range(9100, 9112)              # none that the benchmark prints


def measure(walk, **options):
    return measure_gait(walk.times, walk.joints, **options)


@pytest.fixture(scope='module')
def walk():
    return bench.true_walk(9100)


@pytest.fixture(scope='module')
def gait(walk):
    return measure(walk, name='anna')


# Held against the truth ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize('noise, knee, strike', [(0.0, 2.0, 15), (5.0, 6.0, 20)])
def test_cadence_is_right_within_2_percent_and_the_knee_within_6_degrees_from_the_side(noise, knee, strike):
    rows = [bench.errors(walk, measure(walk)) for walk in
            (bench.true_walk(person, 12 * (-1) ** person, noise, leftwards=person % 3 == 0) for person in PEOPLE)]
    assert max(abs(row['cadence, %']) for row in rows) < 2
    for name, most in (('knee, degrees', knee), ('hip, degrees', knee), ('ankle, degrees', 6), ('strike, ms', strike),
                       ('off, ms', 20), ('stance, points', 2.5)):
        assert np.mean([abs(row[name]) for row in rows]) < most, name


@pytest.mark.filterwarnings('ignore:(Mean of empty|invalid value)')       # nobody knows which leg is the left one
@pytest.mark.parametrize('noise', [0.0, 5.0])
def test_legs_that_are_named_by_which_is_in_front_are_those_of_a_walk(noise):
    """Not of a run, with twice as many steps, and not of somebody who stands."""
    rows = []
    for person in PEOPLE:
        walk = bench.true_walk(person, 0.0, noise)
        ankles = walk.joints[:, 1, [0, 5]]
        walk.joints[ankles[:, 0] < ankles[:, 1]] = walk.joints[ankles[:, 0] < ankles[:, 1]][:, :, MIRRORED_JOINTS]
        assert not quality_of_joints(walk.times, walk.joints)
        rows.append(bench.errors(walk, measure(walk)))
    assert max(abs(row['cadence, %']) for row in rows) < 2
    assert np.mean([abs(row['knee, degrees']) for row in rows]) < 7


def test_a_true_walk_gives_the_variability_and_the_asymmetry_of_its_steps():
    rows = [bench.errors(walk, measure(walk)) for walk in map(bench.true_walk, PEOPLE)]
    assert np.mean([abs(row['SD of stride times, ms']) for row in rows]) < 4        # of 10 ms, where a frame takes 40
    assert np.mean([abs(row['step time asymmetry, points']) for row in rows]) < 1


def test_the_strides_length_is_that_of_the_legs_swing_or_of_the_way_through_a_still_picture():
    errors = {False: [], True: []}
    for person in PEOPLE:
        walk = bench.true_walk(person)
        across = 0.7 * 299 / walk.truth.walker.stature * walk.truth.walker.stride_length * walk.truth.phase
        moving = walk.joints + np.stack([0 * across, across, 0 * across], 1)[..., None]
        for still, joints in ((False, walk.joints), (True, moving)):
            found = measure_gait(walk.times, joints, still_camera=still)
            errors[still].append(abs(bench.errors(walk, found)['stride length, %']))
    assert np.mean(errors[False]) < 6 and np.mean(errors[True]) < 2.5


@pytest.mark.parametrize('leftwards', [False, True])
@pytest.mark.parametrize('yaw, kind', [(0, 'side'), (12, 'side'), (-12, 'side'), (35, 'diagonal'), (-35, 'diagonal'),
                                       (70, 'front'), (-70, 'front')])
def test_the_view_is_told_from_the_joints(yaw, kind, leftwards):
    found = measure(bench.true_walk(9101, yaw, 2.0, leftwards=leftwards))
    assert found.view.kind == kind and abs(found.view.degrees - abs(yaw)) < 10
    assert found.view.facing == found.view.near == ('left' if leftwards else 'right')


def test_whoever_stands_still_has_no_gait():
    walk = bench.true_walk(9102)
    with pytest.raises(ValueError, match='anna: the feet stand still'):
        measure_gait(walk.times, np.repeat(walk.joints[:1], len(walk.joints), axis=0), name='anna')


def test_from_the_front_steps_and_cadence_alone_are_measured_and_the_reason_is_said():
    walk = bench.true_walk(9102, 75.0, 1.0)
    found = measure(walk)
    assert {*found.measures} == {'cadence'} and not found.angles and not found.events
    assert abs(bench.errors(walk, found)['cadence, %']) < 2 and found.steps in (6, 7, 8, 9)
    reason, = found.left_out.values()
    assert 'degrees off the profile' in reason


def test_the_ankle_is_told_where_the_foot_lies_flat_and_nowhere_else(gait):
    known = np.flatnonzero(np.isfinite(gait.seen['ankle'].degrees))
    assert (known.min(), known.max()) == (12, 31)
    assert 'the joints end at the ankle' in gait.left_out['ankle but from 12 to 31 % of the cycle']


# Faults of the joints ------------------------------------------------------------------------------------------------

def test_legs_that_the_network_took_for_each_other_are_exchanged_back(walk):
    joints = walk.joints.copy()
    legs = [MIRRORED_JOINTS[joint] if joint < 6 else joint for joint in range(16)]
    wrong = [3, *range(20, 26), 40, 41, *range(70, 78)]
    joints[wrong] = joints[wrong][..., legs]
    points = np.swapaxes(joints[:, :2], 1, 2)
    np.testing.assert_array_equal(series.legs_apart(walk.times, points), np.swapaxes(walk.joints[:, :2], 1, 2))


def test_legs_that_are_right_are_left_alone_with_noise_too():
    for person in PEOPLE:
        points = np.swapaxes(bench.true_walk(person, 10.0, 5.0).joints[:, :2], 1, 2)
        kept = series.legs_apart(np.arange(len(points)) / 25, points)
        assert (np.isnan(kept) | (kept == points)).all() and np.isnan(kept).mean() < 0.01


def test_where_both_legs_were_put_on_one_the_curves_have_a_gap_that_is_named_and_are_right_beside_it(walk, gait):
    joints, phase = walk.joints.copy(), walk.truth.phase % 1
    merged = (phase > 0.74) & (phase < 0.87)                    # the right leg swings past the left
    joints[np.ix_(merged, [0, 1], [0, 1])] = joints[np.ix_(merged, [0, 1], [5, 4])]
    found = measure_gait(walk.times, joints)
    knee = found.angles['right']['knee'].degrees
    missing = np.flatnonzero(np.isnan(knee))
    assert 70 < missing.min() and missing.max() < 90
    named, = (name for name in found.left_out if name.startswith('right knee at'))
    assert named == f'right knee at {missing.min()} to {missing.max()} % of the cycle'
    assert np.nanmean(np.abs(knee - gait.angles['right']['knee'].degrees)) < 2
    assert found.measures['cadence'].value == pytest.approx(gait.measures['cadence'].value, rel=0.01)


def test_joints_in_a_corner_and_unsure_ones_do_not_move_the_figures(walk, gait):
    joints = walk.joints.copy()
    joints[10:12, :2, 0], joints[50, :2, 4] = 0.0, 298.0        # jumps
    joints[30:33, :2, 1], joints[30:33, 2, 1] = 0.0, 0.0013     # where nothing was seen
    found = measure_gait(walk.times, joints)
    assert found.measures['cadence'].value == pytest.approx(gait.measures['cadence'].value, rel=0.005)
    assert np.abs(found.seen['knee'].degrees - gait.seen['knee'].degrees).max() < 3


def test_a_gap_parts_the_walk_and_no_interval_reaches_over_it():
    walk = bench.true_walk(9100, frames=150)
    keep = np.r_[0:62, 78:150]
    found = measure_gait(walk.times[keep], walk.joints[keep])
    assert found.seconds == pytest.approx(61 / 25 + 71 / 25)
    whole = measure(walk)
    for name in ('step time', 'stride time'):
        assert found.measures[name].count < whole.measures[name].count
        assert found.measures[name].value == pytest.approx(whole.measures[name].value, rel=0.02)


def test_frames_at_uneven_times_are_measured_by_their_times(walk, gait):
    late = walk.times + np.where(np.arange(100) % 2, 0.012, 0.0)
    joints = np.stack([[np.interp(late, walk.times, walk.joints[:, i, j]) for j in range(16)] for i in range(3)])
    found = measure_gait(late, np.moveaxis(joints, 2, 0))
    assert found.measures['cadence'].value == pytest.approx(gait.measures['cadence'].value, rel=0.01)


def test_noise_leaves_out_the_variability_that_it_would_make():
    found = measure(bench.true_walk(9103, 0.0, 5.0))
    assert found.measures['step time'].sd is None and found.measures['step time'].count >= 3
    assert "the joints' noise" in found.left_out['variability of step time']


def test_few_frames_a_second_leave_out_times_of_steps_but_not_the_angles():
    walk = bench.true_walk(9104, fps=15.0, frames=60)
    found = measure(walk)
    assert not {'step time', 'stance'} & {*found.measures} and 'times of steps, stance and swing' in found.left_out
    assert bench.errors(walk, found)['knee, degrees'] < 6


def test_of_a_walker_who_turns_the_longer_way_is_measured_and_the_other_named(walk, gait):
    back = walk.joints[:40].copy()
    back[:, 1] = 298 - back[:, 1]
    back[:] = back[..., MIRRORED_JOINTS]
    found = measure_gait(np.arange(140) / 25, np.concatenate([walk.joints, back]))
    assert found.view.facing == 'right' and 'turns' in found.left_out['the other way']
    assert found.measures['cadence'].value == pytest.approx(gait.measures['cadence'].value, rel=0.03)


def test_a_rate_of_exactly_12_is_measured_and_of_exactly_20_has_times_of_steps_though_clocks_are_uneven(walk):
    for rate in (12, 20):
        at = 1.0001 * np.arange(int(walk.times[-1] * rate)) / rate
        joints = np.stack([[[np.interp(at, walk.times, walk.joints[:, axis, joint]) for joint in range(16)]
                            for axis in range(3)]])[0].transpose(2, 0, 1)
        gait = measure_gait(at, joints)
        assert 'cadence' in gait.measures and ('stride time' in gait.measures) == (rate == 20)


@pytest.mark.parametrize('change, said', [
    (lambda t, j: (t[:20], j[:20]), 'for a second|strides'),
    (lambda t, j: (t[::3], j[::3]), '8.3 frames a second'),
    (lambda t, j: (t, j[5:6] + np.random.default_rng(0).normal(0, 1, j.shape) * [[1], [1], [0]]), 'stand still'),
    (lambda t, j: (t, j[5:6] + np.random.default_rng(0).normal(0, 9, j.shape) * [[1], [1], [0]]), 'do not alternate'),
    (lambda t, j: (t, np.concatenate([j[:, :2], 0.2 * j[:, 2:]], 1)), 'not sure'),
    (lambda t, j: (t[::-1], j), 'each later'),
    (lambda t, j: (t, j[:, :2]), r'\(T, 3, 16\)')])
def test_what_cannot_be_measured_is_refused_with_the_reason(walk, change, said):
    with pytest.raises(ValueError, match=said):
        measure_gait(*change(walk.times, walk.joints))


# The answer ----------------------------------------------------------------------------------------------------------

def test_text_and_plain_data_say_the_same_and_that_it_is_no_medical_device(gait):
    data = json.loads(json.dumps(gait.as_dict(), allow_nan=False))
    assert data['walk'] == 'anna' and 'no medical device' in data['note']
    assert {*data['measures']} <= {*UNITS} and data['steps'] == sum(e['kind'] == 'strike' for e in data['events'])
    right = data['angles']['right']
    assert len(right['knee']['degrees']) == 101 and right['ankle']['degrees'][0] is None
    text = str(gait)
    for name in [*gait.measures, *gait.left_out]:
        assert f'{name} ' in text or f'{name}:' in text
    assert f'{gait.measures["cadence"].value:.1f} steps/min' in text


@pytest.mark.parametrize('suffix', ['.png', '.svg'])
def test_the_chart_of_the_angles_is_drawn_whatever_the_walk_is_called(gait, suffix, tmp_path):
    path = tmp_path / f'chart{suffix}'
    draw_gait(gait.__class__(**{**vars(gait), 'name': 'a$b_$c<script>'}), path)
    if suffix == '.svg':
        xml.etree.ElementTree.parse(path)
        assert b'<script' not in path.read_bytes()
    else:
        assert np.asarray(Image.open(path).convert('L')).std() > 10


def test_a_chart_without_angles_says_that_they_were_left_out(tmp_path):
    draw_gait(measure(bench.true_walk(9102, 75.0)), tmp_path / 'front.svg')
    assert (tmp_path / 'front.svg').stat().st_size > 1000


@pytest.fixture
def command(monkeypatch, tmp_path, capsys, walk):
    """Run `gait-recognition gait` on a picture, with the true walk in the network's place."""
    Image.new('RGB', (299, 299)).save(tmp_path / 'walk.png')
    opened = []

    def open_network(*_):
        opened.append(True)
        return contextlib.nullcontext()

    def found(source, crop, net, look):
        look(list(source))
        joints = [FrameJoints(i, each, i / 25) for i, each in enumerate(walk.joints)]
        return joints, Track(source.name, 'none', [*range(100)])
    monkeypatch.setattr('gait_recognition.commands.gait.open_pose_network', open_network)
    monkeypatch.setattr('gait_recognition.commands.gait.find_pose_weights', lambda _: 'weights')
    monkeypatch.setattr('gait_recognition.commands.batch.load_tensorflow', lambda _: None)
    monkeypatch.setattr('gait_recognition.commands.gait.joints_of_walk', found)

    def run(*arguments):
        return cli.main(['gait', str(tmp_path / 'walk.png'), *map(str, arguments)]), *capsys.readouterr(), bool(opened)
    return run


def test_the_command_prints_the_figures_and_writes_table_and_chart(command, tmp_path, gait):
    status, out, err, _ = command('--table', tmp_path / 'gait.csv', '--output', tmp_path / 'gait.svg')
    assert status == 0 and 'steps/min' in out and 'no medical device' in out
    assert err.splitlines() == [f'gait-recognition: wrote {tmp_path / name}' for name in ('gait.svg', 'gait.csv')]
    rows = list(csv.DictReader((tmp_path / 'gait.csv').read_text().splitlines()))
    cadence, = (row for row in rows if row['name'] == 'cadence')
    assert float(cadence['value']) == pytest.approx(gait.measures['cadence'].value, abs=1e-3)
    knee = [row['value'] for row in rows if (row['name'], row['side']) == ('knee', 'right')]
    np.testing.assert_allclose([float(value) for value in knee], gait.angles['right']['knee'].degrees, atol=0.006)
    assert len([row for row in rows if row['name'] == 'strike']) == gait.steps
    assert (tmp_path / 'gait.svg').exists()
    status, out, _, _ = command('--json')
    assert json.loads(out)[0]['measures'] == gait.as_dict()['measures']


@pytest.mark.parametrize('arguments, said', [(['--output', 'a.jpg'], '.svg'), (['--table', 'a.txt'], '.csv'),
                                             (['--output', 'no/a.svg'], 'no such folder'),
                                             (['{}/walk.png', '--output', 'a.svg'], 'one walk'),
                                             (['--stop-at-error', 'missing.mp4'], 'missing.mp4')])
def test_what_could_not_be_written_or_read_is_refused_before_the_network_is_opened(command, tmp_path, monkeypatch,
                                                                                  arguments, said):
    monkeypatch.chdir(tmp_path)
    status, out, err, opened = command(*(each.format(tmp_path) for each in arguments))
    assert (status, out, opened) == (2, '', False) and said in err and err.count('\n') == 1


def test_a_table_or_chart_replaces_its_own_kind_alone(command, tmp_path):
    table, chart = tmp_path / 'gait.csv', tmp_path / 'gait.svg'
    for _ in range(2):                                          # the second time over the first's
        assert command('--table', table, '--output', chart)[0] == 0
    manifest = 'person,condition,session,path\nanna,N1,1,a.mp4\n'
    table.write_text(manifest)
    status, _, err, _ = command('--table', table)
    assert status == 2 and 'a manifest' in err and table.read_text() == manifest


def test_frames_have_the_times_of_the_recording_not_of_an_even_clock(tmp_path):
    class Net:
        def joint_positions(self, frames):
            return np.ones((3, len(frames), 16), np.float32)
    from gait_recognition import poses
    images = [Image.new('RGB', (299, 299), (i, 0, 0)) for i in range(8)]
    for image, duration in zip(images, (40, 80, 40, 40, 120, 40, 40, 40)):
        image.info['duration'] = duration
    images[0].save(tmp_path / 'walk.gif', save_all=True, append_images=images[1:])
    found = poses(tmp_path / 'walk.gif', Net(), crop='none')
    assert [pose.time for pose in found] == pytest.approx([0, 0.04, 0.12, 0.16, 0.2, 0.32, 0.36, 0.4])
    every = poses(tmp_path / 'walk.gif', Net(), crop='none', every=2)
    assert [(pose.frame, pose.time) for pose in every] == [(each.frame, each.time) for each in found[::2]]


# Walkers and the network ---------------------------------------------------------------------------------------------

def test_the_truth_of_a_sequence_is_the_body_that_it_shows():
    drawn, truth = sequence(3, 1, frames=12, yaw=0.0), stroll(3, 1, frames=12)
    height = np.ptp(truth.pose.joints[..., 2], 1)
    seen = np.ptp(drawn.joints[..., 0], 1)
    assert np.corrcoef(height, seen)[0, 1] > 0.5 and (np.diff(truth.phase) > 0).all()
    with pytest.raises(ValueError, match='yaw'):
        sequence(3, 1, frames=1, yaw=91.0)


def test_a_walk_has_the_view_that_is_asked_for():
    shoulders = {yaw: np.abs(np.diff(sequence(3, 1, frames=2, yaw=yaw).joints[:, 12:14, 1])).mean()
                 for yaw in (0.0, 25.0, 90.0)}
    assert shoulders[0.0] < shoulders[25.0] < shoulders[90.0]


@pytest.mark.slow
def test_through_the_network_that_ships_cadence_and_knee_keep_their_promise(shipped_pose_net):
    rows = [bench.errors(walk, measure(walk)) for walk in
            (bench.network_walk(person, shipped_pose_net, frames=75) for person in (9100, 9101, 9102))]
    assert max(abs(row['cadence, %']) for row in rows) < 2
    assert np.mean([row['knee, degrees'] for row in rows if 'knee, degrees' in row]) < 6
    found = measure_walk(sequence(9100, 1, frames=50, yaw=0.0).images, shipped_pose_net, crop='none')
    assert found.view.kind == 'side' and found.measures['cadence'].value > 60
