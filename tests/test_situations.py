"""What the crop promises where walkers are hard to find."""
import importlib.util
import itertools
import pathlib

import numpy as np
import pytest

from gait_recognition.walkers.situations import KINDS, VARIANTS, situation

SPEC = importlib.util.spec_from_file_location(
    'crops_benchmark', pathlib.Path(__file__).resolve().parent.parent / 'benchmarks' / 'crops.py')
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)


def first(kind, variant=0, count=2, **options):
    return list(itertools.islice(situation(kind, variant, **{'height': 96, **options}).frames, count))


@pytest.mark.parametrize('kind', KINDS)
def test_a_situation_is_the_same_whenever_it_is_drawn_and_another_for_each_variant(kind):
    (picture, _), (later, _) = first(kind)
    assert picture.image.shape == (96, 128, 3) and picture.image.dtype == np.uint8
    assert np.array_equal(picture.image, first(kind)[0][0].image)
    assert not np.array_equal(picture.image, later.image)
    assert not np.array_equal(picture.image, first(kind, 10)[0][0].image)


def test_the_box_is_the_walkers_alone_whatever_is_beside():
    for kind in ('shadow', 'pram', 'dog', 'suitcase', 'dumbbell', 'reflection'):
        for picture, _ in first(kind, count=3):
            top, left, bottom, right = picture.box
            assert right - left < 0.75 * (bottom - top) < 0.6 * 96
            assert (picture.joints[:, 0] > top - 2).all() and (picture.joints[:, 0] < bottom + 2).all()


def test_a_group_has_its_members_boxes_and_every_second_tree_nobody():
    _, others = first('group')[0]
    assert len(others) == 2 and all(np.isfinite(box).any() for box in others)
    assert np.isfinite(first('tree', 0)[0][0].box).all() and np.isnan(first('tree', 1)[0][0].box).all()


def test_a_moving_camera_moves_and_a_still_one_does_not():
    moved = {}
    for variant in (0, 1):
        (one, _), *_, (other, _) = first('treadmill', variant, 12)
        edge = np.abs(one.image[:10].astype(int) - other.image[:10]).mean()
        assert situation('treadmill', variant).is_moving is VARIANTS[variant][2] is (variant == 1)
        moved[variant] = edge
    assert moved[1] > 2 * moved[0]


def test_a_situation_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match='kind: expected one of'):
        situation('horse')


# Promises of the crop.

def test_the_verdict_knows_right_from_wrong():
    truths = [[np.array([10.0, 20, 79, 49])]] * 3
    right = bench.errors((-5.0, -15.0, 100.0), truths[0])
    assert right[0] < 0.01 and abs(right[1] - 0.7) < 1e-6
    assert bench.errors((5.0, -15.0, 100.0), truths[0])[0] > 0.1
    assert bench.errors((-5.0, -15.0, 100.0), [np.full(4, np.nan)]) == (np.inf, 0.0)
    assert bench.errors((-5.0, -15.0, 100.0), [*truths[0], np.array([10.0, 60, 79, 89])])[0] == np.inf
    assert bench.errors((-5.0, -15.0, 100.0), [*truths[0], np.array([10.0, 80, 79, 109])]) == right


@pytest.mark.parametrize('kind', KINDS)
def test_no_situation_gives_a_wrong_crop_without_a_word(kind, shipped_pose_net):
    verdict = bench.try_situation(kind, 2, shipped_pose_net, height=120, seconds=1.4)
    assert verdict.kind != 'wrong', verdict
    if kind in ('shadow', 'pram', 'suitcase', 'treadmill', 'reflection'):
        assert verdict.kind == 'right', verdict


def test_what_moves_beside_the_walker_for_long_leaves_the_joints_to_decide(shipped_pose_net):
    verdict = bench.try_situation('tree', 4, shipped_pose_net)
    assert verdict.kind == 'right' and verdict.off < 0.05 and 'moves beside the walker' in verdict.said, verdict
