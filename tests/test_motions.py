"""What recorded skeletons promise: cycles are found again, people stay apart, the walkers move as recorded."""
import csv
import sys

import numpy as np
import pytest

from gait_recognition.cli import main
from gait_recognition.walkers.crowds import Crowd, crowd_of, cycles_of, features_of
from gait_recognition.walkers.cycles import CURVES, LENGTHS, fit_cycles, harmonics
from gait_recognition.walkers.gaits import Walker
from gait_recognition.walkers.recorded import record, recorded_walker, reference
from gait_recognition.walkers.scenes import gait_of, sequence
from gait_recognition.walkers.skeletons import joint_name, read_recordings

PHASES = np.arange(50) / 50


def degrees(first, second):
    """Root mean square difference of each curve."""
    return np.sqrt(np.mean((harmonics(PHASES) @ (np.asarray(first) - np.asarray(second)).T) ** 2, 0))


def to_npz(path, recordings, **more):
    """Recordings in the documented form: y up, millimetres."""
    names = [*recordings[0].joints]
    walks = {f'{each.person}-{each.walk}': np.stack([each.joints[name] for name in names], 1)[..., [1, 2, 0]]
             for each in recordings}
    np.savez(path, joints=np.array(['Head-Top' if name == 'head' else name for name in names]), **more,
             **{key: np.round(1000 * places).astype(np.int16) for key, places in walks.items()})
    return path


@pytest.fixture(scope='module')
def recordings():
    rng = np.random.default_rng(0)
    return [record(gait_of(person, walk), 5, noise=0.01, rng=rng, person=f'{person:03d}', walk=str(walk))
            for person in range(8) for walk in range(3)]


@pytest.fixture(scope='module')
def crowd(recordings):
    return crowd_of(recordings)


def test_names_of_joints_are_understood_in_the_recorders_ways():
    assert [joint_name(name) for name in ('Ankle-Right', 'RightAnkle', 'right_ankle', 'Shoulder-Center', 'Head')] == [
        'right ankle', 'right ankle', 'right ankle', 'neck', 'head']


def test_a_file_gives_back_what_was_recorded(tmp_path, recordings):
    found = read_recordings(to_npz(tmp_path / 'walks.npz', recordings[:3], fps=25))
    assert [(each.person, each.walk, each.fps) for each in found] == [('000', str(i), 25.0) for i in range(3)]
    for name, places in recordings[0].joints.items():
        assert np.allclose(found[0].joints[joint_name(name)], places, atol=6e-4)
    assert found[0].head_share == 1


def test_a_c3d_file_gives_back_what_was_recorded(tmp_path, recordings):
    ezc3d = pytest.importorskip('ezc3d')
    file, names = ezc3d.c3d(), [*recordings[0].joints]
    file['parameters']['POINT']['RATE']['value'] = [30.0]
    file['parameters']['POINT']['LABELS']['value'] = names
    places = 1000 * np.stack([recordings[0].joints[name] for name in names])       # z is up in both
    file['data']['points'] = np.concatenate([places, np.ones((*places.shape[:2], 1))], 2).transpose(2, 0, 1)
    file.write(str(tmp_path / '000-0.c3d'))
    found, = read_recordings(tmp_path / '000-0.c3d')
    assert (found.person, found.walk, found.fps, found.one_side) == ('000', '0', 30.0, False)
    seen, true = fit_cycles(found), fit_cycles(recordings[0]._replace(one_side=False))
    assert degrees(seen.curves, true.curves).max() < 0.1


def test_without_ezc3d_a_c3d_file_is_refused_with_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ezc3d', None)
    (tmp_path / 'walk.c3d').write_bytes(b'x')
    with pytest.raises(ImportError, match=r'walk.c3d.*\[c3d\]'):
        read_recordings(tmp_path / 'walk.c3d')


@pytest.mark.parametrize('arrays, message', [
    ({'001-1': np.zeros((9, 2, 3))}, 'names of the joints'),
    ({'joints': np.array(['Head'])}, 'no walk'),
    ({'joints': np.array(['Head']), '001': np.zeros((9, 1, 3))}, 'PERSON-WALK'),
    ({'joints': np.array(['Head']), '001-1': np.zeros((9, 2, 3))}, r'001-1.*\(frames, 1, 3\)'),
    ({'joints': np.array(['Head']), '001-1': np.zeros((9, 1, 3))}, 'joints missing: right shoulder'),
    ({'joints': np.array(['Head']), '001-1': np.zeros((9, 1, 3)), 'fps': np.array(-1)}, 'fps: expected one positive')])
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path, arrays, message):
    np.savez(tmp_path / 'bad.npz', **arrays)
    with pytest.raises(ValueError, match=f'bad.npz.*{message}'):
        read_recordings(tmp_path / 'bad.npz')


def test_another_unit_and_another_kind_of_file_are_refused(tmp_path, recordings):
    with pytest.raises(ValueError, match='metres_per_unit'):
        read_recordings(to_npz(tmp_path / 'walks.npz', recordings[:1], metres_per_unit=1.0))
    (tmp_path / 'walks.txt').write_text('1')
    with pytest.raises(ValueError, match='walks.txt.*.npz or .c3d'):
        read_recordings(tmp_path / 'walks.txt')
    with pytest.raises(FileNotFoundError, match='none.npz'):
        read_recordings(tmp_path / 'none.npz')


@pytest.mark.parametrize('person', [1, 5])
def test_a_walkers_own_angles_are_found_again(person):
    walker = gait_of(person)
    cycles, angles = fit_cycles(record(walker)), walker.angles(PHASES)
    for i, name in enumerate(CURVES):
        if name in angles and 'ankle' not in name:          # the fit's foot bends at the ball, the walker's ankle not
            error = harmonics(PHASES) @ cycles.curves[i] - angles[name]
            assert np.sqrt(np.mean(error ** 2)) < 4, name
    assert cycles.cadence == pytest.approx(walker.cadence, rel=0.002)
    thigh, shank = (cycles.lengths[LENGTHS.index(name)] / walker.stature for name in ('thigh', 'shank'))
    assert (thigh, shank) == pytest.approx((walker.thigh, walker.shank), rel=0.02)


def test_hips_and_shoulders_drawn_as_if_facing_the_recorder_do_not_turn_the_fit():
    walker = gait_of(3)
    recording = record(walker)
    facing = dict(recording.joints)
    for name in ('hip', 'shoulder'):
        right, left = facing[f'right {name}'], facing[f'left {name}']
        half = np.linalg.norm(left - right, axis=1) / 2
        across = np.stack([0 * half, half, 0 * half], -1) * 0.7 + np.stack([half, 0 * half, 0 * half], -1) * 0.3
        middle = (right + left) / 2
        facing[f'right {name}'], facing[f'left {name}'] = middle + across, middle - across
    seen, true = fit_cycles(recording._replace(joints=facing)), fit_cycles(recording)
    assert degrees(seen.curves, true.curves).max() < 2.5


def test_a_fit_survives_noise_and_lone_wrong_frames():
    walker = gait_of(4)
    rng = np.random.default_rng(1)
    noisy = record(walker, noise=0.02, rng=rng)
    for places in noisy.joints.values():
        places[rng.random(len(places)) < 0.03] += 0.5
    assert degrees(fit_cycles(noisy).curves, fit_cycles(record(walker)).curves)[:4].max() < 4


def test_standing_still_is_no_walk():
    recording = record(Walker.average())
    still = recording._replace(joints={name: np.repeat(at[:1], 200, 0) for name, at in recording.joints.items()})
    with pytest.raises(ValueError, match='no stretch of 2 steady strides'):
        fit_cycles(still)


def test_a_recorded_walker_drawn_and_recorded_again_fits_to_the_same():
    walker = recorded_walker(fit_cycles(record(gait_of(6))), Walker.average())
    again = fit_cycles(record(walker, fps=25))
    error = dict(zip(CURVES, degrees(again.curves, walker.cycles)))
    assert max(error[f'{side} {limb}'] for side in ('right', 'left') for limb in ('thigh', 'knee', 'shoulder',
                                                                                  'elbow')) < 2.5
    assert again.cadence == pytest.approx(walker.cadence, rel=0.002)
    assert again.stride == pytest.approx(fit_cycles(record(gait_of(6))).stride, rel=0.05)


def test_a_condition_changes_a_recorded_walker_as_it_does_a_walker():
    walker = recorded_walker(fit_cycles(record(gait_of(6))), Walker.average())
    laden = walker.under('B', np.random.default_rng(0))
    assert laden.angles([0.0])['lean'] - walker.angles([0.0])['lean'] == pytest.approx(laden.lean - walker.lean)


def test_a_walk_as_a_vector_loses_nothing():
    cycles = fit_cycles(record(gait_of(2)))
    back = cycles_of(features_of(cycles))
    assert np.allclose(back.curves, cycles.curves) and np.allclose(back.lengths, cycles.lengths)
    assert (back.cadence, back.step_width, back.sway) == pytest.approx((cycles.cadence, cycles.step_width, cycles.sway))


def test_one_persons_walks_differ_less_than_people_do(crowd):
    walks = np.array([[features_of(fit_cycles(record(crowd.gait_of(person, walk), 4))) for walk in range(2)]
                      for person in range(8)])
    walks = (walks - walks.mean((0, 1))) / (walks.std((0, 1)) + 1e-9)
    within = np.linalg.norm(walks[:, 0] - walks[:, 1], axis=1).mean()
    between = np.mean([np.linalg.norm(walks[i, 0] - walks[j, 1]) for i in range(8) for j in range(8) if i != j])
    assert 0 < within < 0.7 * between


def test_drawn_people_are_as_many_as_wanted_and_always_the_same(crowd, recordings):
    first, second = crowd.gait_of(8), crowd.gait_of(9)
    assert first != second and first == crowd_of(recordings).gait_of(8)
    assert [crowd.name(number) for number in (0, 8, 9)] == ['000', 'drawn-1', 'drawn-2']


def test_means_are_the_published_ones_whatever_the_recorder_calls_a_hip(recordings):
    fits = [(each.person, fit_cycles(each)) for each in recordings]
    for _, cycles in fits:
        cycles.lengths[LENGTHS.index('thigh')] *= 1.3
    crowd = Crowd(fits)
    drawn = np.mean([crowd.walker(crowd.person(person), Walker.average()).thigh for person in range(8)])
    assert drawn == pytest.approx(Walker.average().thigh, rel=0.03)


def test_a_crowd_needs_several_walks_of_several_people(recordings):
    with pytest.raises(ValueError, match='several walks each of at least 3 people'):
        crowd_of(recordings[:3])


def test_the_reference_is_the_average_walker():
    assert reference().cadence == pytest.approx(Walker.average().cadence, rel=0.002)


def test_a_sequence_shows_recorded_people_in_other_clothes_each_walk(crowd):
    first, second = (sequence(0, walk, frames=2, size=64, gaits=crowd.gait_of) for walk in (1, 2))
    assert not np.array_equal(first.images, second.images)
    assert np.array_equal(first.images, sequence(0, 1, frames=2, size=64, gaits=crowd.gait_of).images)
    assert not np.array_equal(first.joints, sequence(0, 1, frames=2, size=64).joints)


def test_the_command_draws_recorded_people_and_says_whose_gait_it_is(tmp_path, recordings, monkeypatch, capsys):
    path = to_npz(tmp_path / 'walks.npz', recordings)
    from gait_recognition.walkers.files import write_scene
    monkeypatch.setattr('gait_recognition.commands.walkers.write_scene',
                        lambda *args, **more: write_scene(*args, **more, frames=2, width=96, height=64))
    assert main(['walkers', str(tmp_path / 'out'), '--motions', str(path), '--people', '1', '--drawn-people', '1',
                 '--walks', '2', '--kind', 'gif']) == 0
    with open(tmp_path / 'out' / 'walks.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [(row['person'], row['source']) for row in rows] == [('000', '000')] * 2 + [('drawn-1', 'drawn-1')] * 2
    assert main(['walkers', str(tmp_path / 'more'), '--motions', str(path), '--people', '9']) == 2
    assert '8 people' in capsys.readouterr().err
    assert main(['walkers', str(tmp_path / 'more'), '--drawn-people', '2']) == 2
    assert '--motions' in capsys.readouterr().err
