"""The gait network gets 25 frames a second, whatever a recording has."""
import pathlib
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

import gait_checkpoints
from gait_nn import GaitNetwork
from gait_recognition.frames import read_frames
from gait_recognition.rates import LONGEST_GAP, RATE, EvenClock, Resampler, resample
from gait_recognition.vectors import GaitVectors, walk_vector
from gait_recognition.walkers.scenes import scene
from human_pose_nn import HumanPoseIRNetwork


def wave(seconds):
    """Features that change as slowly as a gait does (n, 3)."""
    return np.sin(2 * np.pi * np.asarray(seconds)[:, None] + np.arange(3))


class Features:
    """Stands for the pose network: the features of a frame are its number, read off its first pixel."""

    def feed_forward_features(self, batch, batch_size=None):
        return batch[:, 0, 0, :1].astype(np.float64)


class Mean:
    """Stands for the gait network; remembers what it got."""

    facing_right = False

    def __init__(self):
        self.got = []

    def feed_forward(self, features, return_state=False, initial_state=None):
        self.got.extend(features[:, 0].tolist())
        return np.full(512, features.mean()), None


def frames_of(count):
    return [np.full((299, 299, 3), number, np.uint8) for number in range(count)]


@pytest.mark.parametrize('fps', [15, 24, 30, 50, 60, 29.97])
def test_other_rates_come_out_as_25_a_second(fps):
    seconds = np.arange(int(3 * fps)) / fps
    found = resample(wave(seconds), seconds)
    assert len(found) == int(seconds[-1] * RATE + 1e-6) + 1
    off = np.abs(found - wave(np.arange(len(found)) / RATE)).max(axis=1)
    assert off[3:-3].max() < 0.002 and off.max() < 0.012                # a straight line: 0.02


def test_moments_between_frames_that_are_far_apart_lie_on_a_parabola_through_their_neighbours():
    seconds = np.array([0, 0.04, 0.1, 0.2, 0.24, 0.4, 0.44])
    found = resample((seconds ** 2)[:, None], seconds)[:, 0]
    assert np.allclose(found[1:-1], (np.arange(1, len(found) - 1) / RATE) ** 2)


def test_what_waits_for_a_frame_comes_out_once_however_often_it_is_asked_for():
    seconds = np.arange(9) / 15
    resampler = Resampler()
    first = resampler(wave(seconds[:5]), seconds[:5])
    assert np.array_equal(resampler.rest(), resampler.rest()) and len(resampler.rest()) == 1
    found = np.concatenate([first, resampler(wave(seconds[5:]), seconds[5:])])
    assert np.array_equal(found, resample(wave(seconds), seconds)[:len(found)])
    assert Resampler().rest() is None


def test_frames_at_25_a_second_stay_as_they_are():
    seconds = np.arange(50) / RATE
    assert np.array_equal(Resampler()(wave(seconds), seconds), wave(seconds)) and len(seconds) == 50


def test_the_batches_do_not_matter():
    seconds = np.arange(40) / 30
    parts = Resampler()
    found = [parts(wave(seconds)[i:i + 7], seconds[i:i + 7]) for i in range(0, 40, 7)]
    assert np.array_equal(np.concatenate([*found, parts.rest()]), resample(wave(seconds), seconds))


def test_a_lost_frame_is_bridged_and_a_long_gap_is_not():
    seconds = np.delete(np.arange(60) / 30, [20, 21])
    found = resample(wave(seconds), seconds)
    assert np.abs(found - wave(np.arange(len(found)) / RATE)).max() < 0.01
    seconds = np.r_[np.arange(30) / 30, LONGEST_GAP + 2 + np.arange(30) / 30]
    found = resample(wave(seconds), seconds)
    assert len(found) == 50 and np.array_equal(found[25], wave(seconds[30:31])[0])


def test_rounded_times_leave_an_even_clock_even_and_uneven_ones_count():
    clock = EvenClock(30)
    assert [clock(number, round(number / 30, 3)) for number in range(300)] == [number / 30 for number in range(300)]
    clock, own = EvenClock(25), [0, 0.04, 0.08, 0.3, 0.341, 0.38, 0.39, 0.435, 0.5]
    assert np.allclose([*map(clock, range(9), own)], [0, 0.04, 0.08, 0.3, 0.34, 0.38, 0.39, 0.435, 0.5])


@pytest.mark.parametrize('kept', [sorted({*range(0, 80, 3), *range(20, 40), *range(60, 70, 2), 79}),
                                  [*range(30), *range(36, 80)]], ids=['a variable rate', 'dropped frames'])
def test_frames_of_an_uneven_clock_reach_the_gait_network_when_they_were_taken(tmp_path, kept):
    images = [Image.fromarray(image) for image in frames_of(80)]
    images[kept[0]].save(tmp_path / 'walk.gif', append_images=[images[number] for number in kept[1:]], save_all=True,
                         duration=[40, *(40 * int(step) for step in np.diff(kept)[1:]), 40])
    frames = read_frames(tmp_path / 'walk.gif')
    walk_vector(frames, Features(), gait := Mean(), crop='none')
    taken = np.round(25 * np.array(frames.seconds))
    assert frames.fps == 25 and len(gait.got) == taken[-1] + 1
    between = np.interp(np.arange(len(gait.got)), taken, kept)          # the first step is uneven here
    assert np.allclose(gait.got[4:], between[4:]) and np.allclose(gait.got, between, atol=1)


def test_a_walk_of_50_frames_a_second_reaches_the_gait_network_as_25():
    gait = Mean()
    walk_vector(read_frames(frames_of(40), fps=50), Features(), gait, crop='none')
    assert gait.got == list(range(0, 40, 2))
    walk_vector(read_frames(frames_of(40), fps=50), Features(), gait := Mean(), crop='none', rate=None)
    assert gait.got == list(range(40))


def test_every_other_frame_of_50_is_what_it_always_was():
    gait = Mean()
    walk_vector(read_frames(frames_of(40), every=2, fps=50), Features(), gait, crop='none')
    assert gait.got == list(range(0, 40, 2))


def test_frames_whose_rate_nobody_knows_are_taken_as_they_come():
    gait = Mean()
    walk_vector(read_frames(frames_of(40), every=2), Features(), gait, crop='none')
    assert gait.got == list(range(0, 40, 2))


def test_an_odd_rate_is_refused():
    with pytest.raises(ValueError, match='rate: expected a positive number'):
        walk_vector(frames_of(3), Features(), Mean(), rate=0)
    with pytest.raises(ValueError, match='rate: expected a positive number'):
        GaitVectors(rate=-25).fit([])


MODELS = pathlib.Path(__file__).resolve().parent.parent / 'models'
BEATS = 75                                                              # a second: of these 25 and 15 are each a part
CLOCKS = {'25': range(0, 200, 3), '25, begun a third of a frame later': range(1, 200, 3), '15': range(0, 200, 5),
          'a variable rate': [*range(0, 60, 5), *range(60, 120, 3), *range(120, 200, 5)],
          'dropped frames': sorted({*range(0, 200, 3)} - {9, 24, 27, 51, 66, 84, 87, 90, 111, 129, 150, 159, 186})}


def write_at(path, pictures, numbers):
    """A video without loss of the pictures of these numbers, `BEATS` of which are a second."""
    av = pytest.importorskip('av')
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('ffv1', rate=BEATS)
        stream.width, stream.height, stream.pix_fmt = *pictures[0].shape[1::-1], 'bgr0'
        for number in numbers:
            frame = av.VideoFrame.from_ndarray(pictures[number], format='rgb24')
            frame.pts, frame.time_base = number, Fraction(1, BEATS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.slow
def test_the_clock_of_a_recording_hardly_moves_the_vector_of_a_walk(tmp_path):
    pictures = [each.image for each in scene(0, fps=BEATS, frames=200, width=480, height=270)]
    vectors = {}
    with HumanPoseIRNetwork() as pose_net, GaitNetwork() as gait_net:
        pose_net.restore(MODELS / gait_checkpoints.SHIPPED.pose)
        gait_net.restore(MODELS / gait_checkpoints.SHIPPED.gait)
        for clock, numbers in CLOCKS.items():
            vector = walk_vector(write_at(tmp_path / f'{clock}.mkv', pictures, numbers), pose_net, gait_net,
                                 crop='background')
            vectors[clock] = vector / np.linalg.norm(vector)
    near = {clock: float(vector @ vectors['25']) for clock, vector in vectors.items()}
    assert min(near.values()) > near['25, begun a third of a frame later'] - 0.005, near
