"""Weights from rendered people: which frames are described, how crops lie, and what is learnt of what was described."""
import argparse
import importlib.util
import pathlib

import numpy as np
import pytest
from test_discriminant import smooth_maps

from gait_recognition.walkers.scenes import iter_frames

SPEC = importlib.util.spec_from_file_location(
    'bodies_benchmark', pathlib.Path(__file__).resolve().parent.parent / 'benchmarks' / 'bodies.py')
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)


class Place:
    """As much of a place as crops ask for."""
    tall, width = 100.0, 200


def crossing(first, last):
    """Joints (FRAMES, 16, 2) in pixels of somebody 100 pixels high whose middle goes from column to column."""
    joints = np.stack(np.broadcast_arrays(np.linspace(-12, 12, 16), np.linspace(0, 94, 16)), 1)
    return joints + np.stack([np.linspace(first, last, bench.FRAMES), np.full(bench.FRAMES, 20.0)], 1)[:, None]


def test_the_frames_described_lie_evenly_within_one_cycle_of_those_given():
    for seed in range(20):
        numbers = bench.spread_over(np.arange(7, 53), 6, np.random.default_rng(seed))
        assert numbers.min() >= 7 and numbers.max() < 53 and np.ptp(numbers) < bench.CYCLE
        assert set(np.diff(numbers)) <= {4, 5}


def test_of_fewer_frames_than_a_cycle_all_of_them_are_spanned():
    numbers = bench.spread_over(np.arange(10, 22), 6, np.random.default_rng(0))
    assert numbers.min() <= 12 and numbers.max() >= 20 and len(set(numbers)) == 6


def test_frames_in_which_the_walker_leaves_the_picture_are_not_described():
    at = crossing(-40, 240)
    numbers = bench.visible(at, Place)
    whole = (at[..., 0].min(1) > 4) & (at[..., 0].max(1) < 196)
    assert whole[numbers].all() and whole.sum() == len(numbers) < bench.FRAMES


class Smoothing:
    @staticmethod
    def smooth(values, _):
        return values


def test_crops_are_around_the_walker_and_off_by_little():
    at, sides = crossing(60, 140), []
    for seed in range(50):
        boxes = bench.cut_boxes(Smoothing, at, Place, np.random.default_rng(seed))
        middles = boxes[:, :2] + boxes[:, 2:] / 2
        assert np.abs(middles[:, 1] - np.linspace(60, 140, bench.FRAMES)).max() < 8
        assert np.abs(middles[:, 0] - 69).max() < 8
        assert np.ptp(boxes[:, 2]) == 0
        sides.append(boxes[0, 2])
    assert np.mean(sides) == pytest.approx(99.5 / bench.SHARE, rel=0.01)


def test_a_hat_makes_the_crop_larger_and_higher():
    at = crossing(60, 140)
    plain, hat = (bench.cut_boxes(Smoothing, at, Place, np.random.default_rng(0), hat) for hat in (0.0, 0.1))
    assert hat[0, 2] / plain[0, 2] == pytest.approx(109.5 / 99.5)
    assert np.mean(plain[:, 0] + plain[:, 2] / 2 - hat[:, 0] - hat[:, 2] / 2) == pytest.approx(5, abs=0.5)


def test_walkers_are_described_walking_to_the_right():
    for person, leftwards in (500010, False), (500011, True):
        walk = list(iter_frames(person, 0, frames=8))
        pictures = np.stack([drawn.image for drawn in walk])
        assert np.array_equal(bench.to_the_right(walk), pictures[:, :, ::-1] if leftwards else pictures)


def described(folder, people, walks, seed):
    """Files as `keep` writes them: three numbers are a person's own, ten larger ones each walk's."""
    rng, maps = np.random.default_rng(seed), smooth_maps(13).reshape(13, -1)
    folder.mkdir()
    for number in range(people):
        own, chance = rng.standard_normal(3) * 40, rng.standard_normal((walks, 10)) * 400
        means = (own @ maps[:3] + chance @ maps[3:] + rng.standard_normal((walks, 9248))).reshape(-1, 17, 17, 32)
        np.savez(folder / f'{number:05d}.npz', means=means.astype(np.float16), frames=means.astype(np.float16))


def test_weights_are_learnt_of_files_and_measured_on_those_kept_out(tmp_path, capsys):
    for name, people, walks in (('people', 50, 4), ('walkers', 12, 4), ('kept out', 12, 6)):
        described(tmp_path / name, people, walks, len(name))
    bench.learn(argparse.Namespace(folder=tmp_path, weights=tmp_path / 'mine-GRU-1', directions=3, shrinkage=0.002))
    bench.measure(argparse.Namespace(folder=tmp_path, weights=None))
    plain = capsys.readouterr().out
    assert plain.startswith('248 walks of 62 people')
    bench.measure(argparse.Namespace(folder=tmp_path, weights=tmp_path / 'mine-GRU-1.ckpt'))
    learnt = capsys.readouterr().out

    def errors(printed):
        return [float(line.split()[-1].rstrip('%')) for line in printed.splitlines() if 'equal error' in line]
    assert len(errors(plain)) == len(errors(learnt)) == 4
    assert np.mean(errors(learnt)) < 15 < 30 < np.mean(errors(plain))


@pytest.fixture(scope='module')
def fitted():
    """What `fit_both` makes of maps: 0 to 2 and 8 are people's own, 3 to 5 their clothes', 6 and 7 any walk's; maps 2
    and 5 change in real pictures of one person; these lie off along map 8."""
    rng = np.random.default_rng(3)
    maps = np.linalg.qr(rng.standard_normal((9248, 9)))[0].T
    own = np.broadcast_to(rng.standard_normal((160, 1, 4)), (160, 4, 4))
    clothes = rng.standard_normal((160, 4, 3))
    clothes[120:] = clothes[120:, [0, 0, 1, 1]]                         # the last people walk in pairs
    drawn = np.concatenate([own[..., :3], clothes, rng.standard_normal((160, 4, 2)), own[..., 3:]], -1) * 60
    means = (drawn @ maps + 0.1 * rng.standard_normal((160, 4, 9248))).reshape(-1, 17, 17, 32).astype(np.float32)
    real = np.zeros((30, 4, 6, 9))
    real[..., :3] = rng.standard_normal((30, 1, 1, 3)) * 60
    real[..., [2, 5]] += rng.standard_normal((30, 4, 6, 2)) * 600
    real[..., 8] = 500
    pairs = np.repeat(np.arange(160) >= 120, 4)
    found = bench.fit_both(means, np.repeat(np.arange(160), 4), np.zeros(len(means), int), pairs, means,
                           (real @ maps).reshape(30, 4, 6, 17, 17, 32), 6, 0.0001)
    return found, maps, real


def test_weights_are_about_the_middle_of_real_pictures(fitted):
    found, maps, real = fitted
    off = real.mean((0, 1, 2)) - found.mean @ maps.T
    assert np.abs(off).max() < 5 < 400 < found.mean @ maps[8]


def test_what_changes_in_real_pictures_or_is_never_seen_in_them_tells_nobody(fitted):
    found, maps, _ = fitted
    heard = np.linalg.norm(maps @ found.matrix, axis=1)
    assert heard[2] < 0.2 * heard[:2].min() and heard[5] < 0.2 * heard[3:5].min()
    assert heard[[6, 7, 8]].max() < 0.2 * heard[:2].min()


def test_half_of_the_directions_tell_people_in_what_they_wear(fitted):
    found, maps, _ = fitted
    whatever, wearing = (np.linalg.norm(maps @ found.matrix[:, part], axis=1) for part in (slice(3), slice(3, None)))
    assert whatever[3:5].mean() < 0.3 * whatever[:2].mean()
    assert wearing[3:5].mean() > 0.6 * wearing[:2].mean()


def test_in_which_order_rendered_people_and_walkers_come_makes_no_difference(fitted):
    _, maps, real = fitted
    rng = np.random.default_rng(5)
    people, sets = np.repeat(np.arange(90), 4), np.repeat(np.arange(90) % 3 == 1, 4).astype(int)
    own, chance = rng.standard_normal((90, 1, 9)) * np.r_[60, 60, 60, [0] * 6], rng.standard_normal((90, 4, 9)) * 30
    drawn = (own + chance) @ maps
    means = (drawn + 0.1 * rng.standard_normal(drawn.shape)).reshape(-1, 17, 17, 32).astype(np.float32)
    means[sets == 1] += (900 * maps[4]).reshape(17, 17, 32).astype(np.float32)
    heard = []
    for order in (np.arange(360), np.argsort(sets, kind='stable')):
        found = bench.fit_both(means[order].copy(), people[order], sets[order], sets[order] == 0, means[order],
                               (real @ maps).reshape(30, 4, 6, 17, 17, 32), 4, 0.001)
        heard.append(maps @ found.matrix @ found.matrix.T @ maps.T)
    assert np.allclose(*heard, rtol=0.02, atol=0.02 * np.abs(heard[0]).max())
    assert heard[0][0, 0] > 10 * heard[0][4, 4]


def test_pedestrians_without_pairs_are_refused(fitted):
    means = np.random.default_rng(0).standard_normal((12, 17, 17, 32)).astype(np.float32)
    for pairs in (np.zeros(12, bool), np.arange(12) < 6):
        with pytest.raises(ValueError, match='draw --pairs'):
            bench.fit_both(means, np.repeat(np.arange(4), 3), np.zeros(12, int), pairs, means, None, 2, 0.01)


def test_people_are_also_learnt_in_pairs_of_walks_and_beside_real_pictures(tmp_path, capsys):
    for name, people, walks in (('people', 50, 4), ('pairs', 30, 4), ('walkers', 12, 4)):
        described(tmp_path / name, people, walks, len(name))
    (tmp_path / 'pedestrians').mkdir()
    rng, maps = np.random.default_rng(0), smooth_maps(13).reshape(13, -1)
    for number in range(12):
        features = (rng.standard_normal((4, 8, 13)) * 40) @ maps
        np.savez(tmp_path / 'pedestrians' / f'{number:05d}.npz',
                 features=features.reshape(4, 8, 17, 17, 32).astype(np.float16))
    bench.learn(argparse.Namespace(folder=tmp_path, weights=tmp_path / 'mine-GRU-1', directions=6, shrinkage=0.002))
    said = capsys.readouterr().out
    assert said.startswith('368 walks of 92 people\npictures of 12 pedestrians\n')
    assert (tmp_path / 'mine-GRU-1.ckpt.index').is_file()
