"""What is said of walks that are not fit to be described."""
import importlib.util
import pathlib
import sys
import warnings

import numpy as np
import pytest

from gait_recognition.frames import read_frames
from gait_recognition.quality import KINDS, quality_of, quality_of_joints, quality_of_track
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.tracking.track import NoPersonError, Track
from gait_recognition.walkers.scenes import scene

SPEC = importlib.util.spec_from_file_location(
    'gait_benchmark', pathlib.Path(__file__).resolve().parent.parent / 'benchmarks' / 'gait.py')
bench = sys.modules[SPEC.name] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)


def track_of(heights, method='background'):
    return Track('walk', method, [*range(len(heights))], [(0.0, 0.0, height / 0.7) for height in heights])


def kinds(findings):
    assert all(finding.kind in KINDS and finding.text for finding in findings)
    return [finding.kind for finding in findings]


@pytest.fixture(scope='module')
def walk():
    return bench.true_walk(9103)


def joints_kinds(walk, joints=None, **options):
    return kinds(quality_of_joints(walk.times, walk.joints if joints is None else joints, **options))


def across(walk, way):
    """The walk's joints, moved across the picture by so many pixels in all."""
    moved = walk.joints.copy()
    moved[:, 1] += np.linspace(0, way, len(moved))[:, None]
    return moved


def test_a_good_walk_has_nothing_said_of_it(walk):
    assert quality_of_track(track_of([120] * 50), 25.0) == []
    assert joints_kinds(walk) == []
    facing = 1 if bench.measure_gait(walk.times, walk.joints).view.facing == 'right' else -1
    assert joints_kinds(walk, across(walk, facing * 600), still_camera=True) == []


@pytest.mark.parametrize('heights, fps, said', [
    ([40] * 50, 25.0, 'small'), ([120] * 2, None, 'short'), ([120] * 20, 25.0, 'short'), ([120] * 20, None, None),
    ([120] * 30, 6.0, 'slow'), (np.linspace(80, 160, 50), 25.0, 'towards'),
    (np.linspace(160, 80, 50), 25.0, 'towards')])
def test_small_short_slow_and_growing_figures_are_said(heights, fps, said):
    assert kinds(quality_of_track(track_of(heights), fps)) == ([said] if said else [])


def test_ready_crops_are_not_called_small():
    assert quality_of_track(track_of([40] * 50, 'none')) == []


def test_a_walk_seen_from_the_front_is_said():
    assert joints_kinds(bench.true_walk(9102, 75.0)) == ['front']


def test_a_walk_backwards_is_said_before_a_still_camera(walk):
    facing = 1 if bench.measure_gait(walk.times, walk.joints).view.facing == 'right' else -1
    assert joints_kinds(walk, across(walk, -facing * 600), still_camera=True) == ['backwards']
    assert joints_kinds(walk, across(walk, -facing * 600)) == []


def test_running_is_said(walk):
    faster = kinds(quality_of_joints(walk.times / 1.6, walk.joints))
    assert faster == ['running']


def test_standing_and_sitting_are_said(walk):
    rng = np.random.default_rng(0)
    still = walk.joints[:1] + np.where(np.arange(3)[:, None] < 2, rng.normal(0, 1, (len(walk.times), 3, 1)), 0)
    assert joints_kinds(walk, still) == ['standing']
    seated = still.copy()
    for ankle, knee, hip in ((0, 1, 2), (5, 4, 3)):
        thigh = 60
        seated[:, 0, knee], seated[:, 1, knee] = seated[:, 0, hip] + 8, seated[:, 1, hip] + thigh
        seated[:, 0, ankle], seated[:, 1, ankle] = seated[:, 0, knee] + thigh, seated[:, 1, knee]
    assert joints_kinds(walk, seated) == ['sitting']


def test_track_and_joints_are_judged_together(walk):
    from gait_recognition.pose_estimation import FrameJoints
    found = [FrameJoints(i, each, time) for i, (time, each) in enumerate(zip(walk.times, walk.joints))]
    assert kinds(quality_of(track_of([40] * len(found)), found, 25.0)) == ['small']


def test_a_single_frame_through_the_gait_network_is_warned_of(gait_net, features):
    with pytest.warns(UserWarning, match='a single frame says nothing'):
        gait_net.feed_forward(features[:1])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        gait_net.feed_forward(features[:1], return_state=True)


@pytest.mark.parametrize('height, every, said', [(96, 1, []), (64, 1, ['small']), (96, 5, ['slow'])])
def test_drawn_walkers_of_40_pixels_or_of_few_frames_are_said(height, every, said):
    frames = np.stack([picture.image for picture in scene(9103, 1, width=2 * height, height=height, frames=50)])
    frames = read_frames(frames, fps=25.0, every=every)
    assert kinds(quality_of_track(crop_walker(frames, 'background').track, 25.0 / every)) == said


def test_of_a_drawn_walk_that_every_leaves_three_frames_of_nothing_is_answered():
    frames = np.stack([picture.image for picture in scene(9103, 1, width=192, height=96, frames=60)])
    with pytest.raises(NoPersonError, match='in 3 of 3 frames, at least 8 are needed'):
        crop_walker(read_frames(frames, every=20), 'background')
