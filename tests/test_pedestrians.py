"""Real pictures of people painted over: what changes is the walker's clothes, or the place, and nothing else."""
import importlib.util
import pathlib

import numpy as np
import pytest

from pose_joints import JOINT_NAMES, MIRRORED_JOINTS

pytest.importorskip('cv2', reason='OpenCV comes with the renderer, not with the project')
SPEC = importlib.util.spec_from_file_location(
    'pedestrians_benchmark', pathlib.Path(__file__).resolve().parent.parent / 'benchmarks' / 'pedestrians.py')
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)

# Somebody 200 pixels high in mid-stride, facing right, (y, x).
AT = {'right ankle': (240, 130), 'right knee': (195, 142), 'right hip': (140, 150), 'left hip': (140, 152),
      'left knee': (190, 168), 'left ankle': (238, 180), 'pelvis': (140, 151), 'thorax': (85, 153),
      'upper neck': (78, 154), 'head top': (50, 157), 'right wrist': (142, 172), 'right elbow': (118, 150),
      'right shoulder': (86, 152), 'left shoulder': (86, 155), 'left elbow': (116, 152), 'left wrist': (136, 138)}
JOINTS = np.array([AT[name] for name in JOINT_NAMES], float)


def street(seed=0):
    return np.random.default_rng(seed).integers(60, 200, (300, 300, 3)).astype(np.uint8)


def far_from_the_walker(far=60):
    rows, columns = np.mgrid[:300, :300]
    return np.min(np.hypot(rows - JOINTS[:, :1, None], columns - JOINTS[:, 1:, None]), axis=0) > far


def test_other_clothes_change_the_walker_alone():
    changed = np.zeros((300, 300), bool)
    for seed in range(12):
        person = bench.Pedestrian(street(), JOINTS, np.random.default_rng(seed))
        changed |= np.abs(person.in_other_clothes() - street()).max(2) > 4
    assert changed[90:180, 147:158].mean() > 0.95
    assert not changed[far_from_the_walker()].any()


def test_another_place_leaves_the_walkers_middle_and_changes_what_is_around():
    shares = []
    for seed in range(12):
        person = bench.Pedestrian(street(), JOINTS, np.random.default_rng(seed))
        moved = np.abs(person.elsewhere(person.picture) - person.picture).max(2)
        shares.append((moved[100:140, 148:154].mean(), moved[far_from_the_walker()].mean()))
    walker, around = np.median(shares, axis=0)
    assert around > 20 and walker < around


def test_everybody_is_shown_walking_to_the_right():
    picture = street()
    mirrored = np.column_stack([JOINTS[:, 0], 299 - JOINTS[:, 1]])[MIRRORED_JOINTS]
    right, left = (bench.Pedestrian(*shown, np.random.default_rng(0))
                   for shown in ((picture, JOINTS), (picture[:, ::-1], mirrored)))
    assert np.array_equal(right.picture, left.picture) and np.array_equal(right.picture, picture)
    assert right.left_to_right == pytest.approx(left.left_to_right)


def test_joints_that_are_not_known_do_without():
    known = JOINTS.copy()
    known[[JOINT_NAMES.index(name) for name in ('right wrist', 'left elbow', 'upper neck', 'right knee')]] = np.nan
    crops = bench.crops_of(bench.Pedestrian(street(), known, np.random.default_rng(0)), np.random.default_rng(0))
    assert crops.shape == (4, 8, 299, 299, 3) and crops.dtype == np.uint8


def test_crops_hold_the_walker_as_those_of_walks_do():
    person = bench.Pedestrian(np.full((300, 300, 3), 128, np.uint8), JOINTS, np.random.default_rng(1))
    assert person.tall == pytest.approx(1.055 * 190) and person.top == pytest.approx(50 - 1.9)
    person.picture[int(person.top):int(person.top + person.tall)] = 0
    camera = bench.Camera(120.0, 1.0, 1.0, 0.0, 0.0, 0)
    heights = [(person.crop(person.picture, camera)[:, 150, 0] < 64).sum() / 299 for _ in range(30)]
    assert np.median(heights) == pytest.approx(bench.bodies.SHARE, abs=0.03) and 0.6 < min(heights) < max(heights) < 0.8
