"""What finding the walker and cutting the crops promises."""
import numpy as np
import pytest
from PIL import Image
from small_walks import BLUE, HEIGHT, TALL, WIDTH, Spotter, centres, crossing, doll, plain, stage

from gait_recognition.frames import read_frames
from gait_recognition.rates import Beats
from gait_recognition.tracking.background import MOST_PIXELS, shrink
from gait_recognition.tracking.both import LOOKS
from gait_recognition.tracking.cameras import camera_turns
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.tracking.joints import people_in
from gait_recognition.tracking.track import BEHIND, BORDER, COMPANY, CROP_SIZE, NOBODY, OTHER, NoPersonError, settled
from gait_recognition.walkers.scenes import scene

pytestmark = pytest.mark.filterwarnings('ignore:.*so few frames')           # most tests do with a few


def test_the_crop_follows_the_walker_who_fills_seven_tenths_of_it():
    frames, middles = crossing()
    crops = crop_walker(frames)
    track = crops.track
    assert track.method == 'background'
    y, x = centres(track).T
    assert np.abs(x - middles[track.numbers]).max() < 0.05 * TALL
    assert np.abs(y - (110 - TALL / 2)).max() < 0.05 * TALL
    sides = np.array(track.boxes)[:, 2]
    assert (TALL / sides).min() > 0.6 and (TALL / sides).max() < 0.8
    assert np.ptp(sides) < 0.03 * TALL
    for crop in crops:
        assert crop.shape == (CROP_SIZE, CROP_SIZE, 3) and crop.dtype == np.uint8
        red = np.flatnonzero(((crop[..., 0] > 180) & (crop[..., 1] < 90)).sum(1) > 3)
        assert 0.6 < (red[-1] - red[0]) / CROP_SIZE < 0.8


def test_the_boxes_move_without_jitter():
    frames, middles = crossing()
    x = centres(crop_walker(frames).track)[:, 1]
    pace = middles[1] - middles[0]
    assert np.abs(np.diff(x) - pace).max() < 0.5 * pace


def test_the_boxes_do_not_lag_behind_a_change_of_pace_nor_at_the_ends():
    path = np.cumsum(np.r_[np.full(32, 4.0), np.full(60, 1.8)]) - 20
    frames, _ = crossing(path=path)
    track = crop_walker(frames).track
    off = np.abs(centres(track)[:, 1] - path[track.numbers])
    assert off.max() < 0.04 * TALL
    assert max(off[0], off[-1]) < 0.02 * TALL


def edges_at(seconds):
    """Top, left, bottom, right of somebody who walks at an uneven pace, (T, 4)."""
    t = np.asarray(seconds)
    x, tall = 40 + 90 * t + 6 * np.sin(2 * t), 150 + 4 * t
    middle, reach = 120 + 3 * np.sin(11 * t), 20 + 14 * np.cos(11 * t)
    return np.stack([middle - tall / 2, x - reach, middle + tall / 2, x + reach], 1)


def boxes_at(seconds, fps):
    return settled(edges_at(seconds), [''] * len(seconds), Beats.of(seconds, fps))[1]


def test_boxes_at_an_even_rate_are_what_they_always_were():
    edges, reasons = edges_at(np.arange(60) / 25), [''] * 60
    edges[20, 1] -= 60                                                  # an outlier, a gap that is bridged, and one
    edges[[5, 30, 31]], edges[42:56] = np.nan, np.nan
    usable, squares = settled(edges, reasons, Beats.of(np.arange(60) / 25, 25.0))
    assert np.flatnonzero(~usable).tolist() == [*range(42, 56)]
    assert np.allclose(squares[[0, 20, 31, 59]], [              # found when beats were frames
        [11.09342450543356, -68.90657549456643, 217.81315098913282],
        [11.18140654130606, 8.125532183846673, 219.50027992537557],
        [10.670802967655447, 44.56591075247037, 221.27956357133067],
        [10.086239902241104, 134.2781778480147, 224.2439918680101]], rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize('fps, beat, taken', [
    (25, 25, sorted({*range(75)} - {7, 8, 9, 22, 30, 31, 32, 33, 34, 50, 61, 63})),
    (30, 30, [*range(0, 40, 4), *range(40, 60), *range(60, 91, 2)]),
    (15, 30, [*range(0, 30, 2), *range(30, 60), *range(60, 91, 3)])], ids=['dropped', 'variable', 'slower'])
def test_boxes_of_an_uneven_clock_are_those_of_an_even_one(fps, beat, taken):
    seconds, even = np.array(taken) / beat, np.arange(76) / 25
    expected = np.stack([np.interp(seconds, even, column) for column in boxes_at(even, 25).T], 1)
    assert np.abs(boxes_at(seconds, fps) - expected).max() < 1


def test_a_clock_that_jumps_by_years_costs_no_memory_and_bridges_nothing():
    seconds = np.r_[np.arange(30) / 25, 1e9 + np.arange(30) / 25]
    edges, reasons = edges_at(np.arange(60) / 25), [''] * 60
    usable, squares = settled(edges, reasons, Beats.of(seconds, 25.0))
    assert usable.all() and np.isfinite(squares).all()
    assert Beats.of(seconds, 25.0).places[-1] < 100


@pytest.mark.parametrize('reason, fills', [(NOBODY, True), (OTHER, True), (BORDER, False), (BEHIND, False),
                                           (COMPANY, False)])
def test_a_short_gap_is_filled_unless_it_is_known_that_the_frame_shows_the_walker_badly(reason, fills):
    seconds = np.arange(60) / 25
    edges, reasons = edges_at(seconds), [''] * 60
    edges[30:33], reasons[30:33] = np.nan, [reason] * 3
    usable, squares = settled(edges, reasons, Beats.of(seconds, 25.0))
    assert usable[30:33].tolist() == [fills] * 3 and usable[:30].all() and usable[33:].all()
    assert np.isfinite(squares).all()


def test_the_scale_keeps_still_while_the_walker_bobs():
    frames, _ = crossing(bob=3)
    sides = np.array(crop_walker(frames).track.boxes)[:, 2]
    assert np.ptp(sides) < 0.03 * TALL


def test_frames_without_the_whole_walker_are_dropped_and_the_report_says_why():
    frames, middles = crossing()
    track = crop_walker(frames).track
    assert sorted([*track.numbers, *track.dropped]) == list(range(80))
    assert (middles[track.numbers] > 0).all() and (middles[track.numbers] < WIDTH).all()
    reasons = list(track.dropped.values())
    assert NOBODY in reasons and BORDER in reasons
    assert f'{len(track.numbers)} of 80 frames used' in str(track) and 'border' in str(track)


def test_a_head_that_seems_whole_for_a_moment_between_frames_at_the_border_is_not_taken():
    frames, middles = crossing(tall=106, bottom=110)
    frames[:, :3] = stage()[:3]
    for number in range(len(frames)):
        if 20 < number < 60 and number % 4:
            doll(frames[number], middles[number], tall=110, bottom=110, phase=number / 4)
    track = crop_walker(frames, 'background').track
    assert not {*range(21, 60)} & {*track.numbers} and len(track.numbers) > 10
    assert track.dropped[40] == track.dropped[41] == BORDER


@pytest.mark.parametrize('change', ['light', 'colour', 'shadow', 'dark'])
def test_changing_light_and_shadows_do_not_move_the_box(change):
    frames, middles = crossing()
    frames = frames.astype(float)
    for i, frame in enumerate(frames):
        if change == 'light':
            frame *= 1 + 0.15 * np.sin(i / 5)
        elif change == 'colour':
            frame *= 1 + 0.1 * np.sin(i / 5) * np.array([1, 0, -1])
        elif change == 'shadow':
            x = round(middles[i])
            still = stage()[104:116]
            patch = slice(104, 116), slice(max(x + 10, 0), max(x + 60, 0))
            frame[patch] = np.where((np.abs(frame[patch] - still[:, patch[1]]) < 12), 0.75 * frame[patch], frame[patch])
        elif change == 'dark' and i > 40:
            frame *= 0.6
    track = crop_walker(np.clip(frames, 0, 255).astype(np.uint8), 'background').track
    y, x = centres(track).T
    assert len(track.numbers) > 45
    assert np.quantile(np.abs(x - middles[track.numbers]), 0.95) < 0.05 * TALL
    assert np.quantile(np.abs(y - (110 - TALL / 2)), 0.95) < 0.05 * TALL


def test_the_larger_of_two_walkers_is_followed_through_their_meeting():
    frames, middles = crossing()
    smaller = np.linspace(WIDTH + 10, -10, len(frames))
    drawn = np.empty_like(frames)
    for i, frame in enumerate(frames):
        mine = (frame[..., 0] > 180) & (frame[..., 1] < 90)
        drawn[i] = frame
        doll(drawn[i], smaller[i], tall=42, bottom=100, colour=BLUE, phase=i / 3)
        drawn[i][mine] = frame[mine]
    track = crop_walker(drawn, 'background').track
    assert len(track.numbers) > 45
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.15 * TALL
    assert np.quantile(np.abs(centres(track)[:, 1] - middles[track.numbers]), 0.8) < 0.05 * TALL


def test_a_second_passage_is_not_mixed_into_the_walk():
    first, middles = crossing(60)
    second, _ = crossing(60, tall=64, bottom=108, colour=BLUE)
    empty, _ = crossing(40, first=-90, last=-80)
    track = crop_walker(np.concatenate([first, empty, second])).track
    assert max(track.numbers) < 60
    assert OTHER in track.dropped.values()


def test_a_walker_hidden_for_a_moment_is_kept_and_for_long_is_dropped():
    frames, middles = crossing(120)
    hidden = frames.copy()
    hidden[56:61] = stage()
    track = crop_walker(hidden).track
    assert set(range(56, 61)) <= set(track.numbers)
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.05 * TALL
    hidden[50:68] = stage()
    assert not set(range(50, 68)) & set(crop_walker(hidden).track.numbers)


def test_auto_takes_the_joints_where_a_shadow_makes_the_outline_wide_and_says_so():
    frames, middles = crossing()
    for frame, x in zip(frames, middles):
        frame[104:112, max(round(x), 0):max(round(x) + 100, 0)] = (20, 30, 60)
    with pytest.raises(NoPersonError, match="wider than tall.*crop='pose'"):
        crop_walker(frames, 'background')
    track = crop_walker(frames, pose_net=Spotter()).track
    assert track.method == 'pose' and 'wider than tall' in str(track) and len(track.numbers) > 40
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.1 * TALL
    assert (np.abs(TALL / np.array(track.boxes)[:, 2] - 0.7) < 0.1).all()


def half_hidden():
    """A doll whose upper half is hardly to be told from what is behind it: its legs alone move."""
    frames, middles = crossing()
    whole, still = frames.copy(), stage()
    frames[:, :110 - TALL // 2] = still[:110 - TALL // 2]
    return whole, frames, middles


class SeesWhole(Spotter):
    """Sees the whole doll where the outline has its legs alone: looks at other frames of the same walk."""

    def joint_positions(self, crops):
        joints = super().joint_positions(crops)
        legs = joints[2] > 0
        joints[0] = np.where(legs, joints[0].max(1, keepdims=True) - 2 * (joints[0].max(1, keepdims=True) - joints[0]),
                             joints[0])
        return joints


def test_legs_alone_are_no_walker_where_the_joints_see_the_whole():
    _, frames, middles = half_hidden()
    assert crop_walker(frames, 'background').track.boxes[0][2] < 0.6 * TALL / 0.7
    track = crop_walker(frames, pose_net=SeesWhole()).track
    assert track.method == 'pose' and 'the head in frame' in track.why
    assert (np.abs(TALL / np.array(track.boxes)[:, 2] - 0.7) < 0.12).all()


class SeesDrift(Spotter):
    """Sees the doll off the outline's middle, to one side at first and to the other at last, as if a thing moved in."""

    def joint_positions(self, crops):
        joints = super().joint_positions(crops)
        if self.calls <= LOOKS + 2:
            joints[1] += 209 * (0.13, 0.06, 0, 0, 0, 0, -0.06, -0.13)[self.calls - 1]
        return joints


def test_an_outline_that_drifts_off_the_walker_leaves_the_joints_to_decide():
    frames, middles = crossing()
    track = crop_walker(frames, pose_net=SeesDrift()).track
    assert track.method == 'pose' and 'the middle in frame' in track.why
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.08 * TALL


class Blind:
    """A pose network that sees nobody."""

    def joint_positions(self, crops):
        return np.zeros((3, len(crops), 16), np.float32)


def test_an_outline_that_the_network_does_not_know_is_taken_with_a_remark_if_it_walks_and_refused_if_not():
    frames, middles = crossing()
    track = crop_walker(frames, pose_net=Blind()).track
    assert track.method == 'background' and 'the outline alone says' in track.remarks[0]
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.06 * TALL
    tree, _ = crossing(path=100 + 25 * np.sin(np.arange(80) / 6))
    with pytest.raises(NoPersonError, match='nobody in what moves in frame .*outline alone does not'):
        crop_walker(tree, pose_net=Blind())


class SeesStanding(Spotter):
    """Sees a person whose legs are together."""

    def joint_positions(self, crops):
        joints = super().joint_positions(crops)
        joints[1] = joints[1].mean(1, keepdims=True)
        return joints


def test_somebody_whose_feet_do_not_walk_is_refused_before_a_moving_camera_too():
    with pytest.raises(NoPersonError, match="feet do not walk. crop='pose' takes it"):
        crop_walker(moving_camera()[0], pose_net=SeesStanding())
    assert crop_walker(moving_camera()[0], 'pose', SeesStanding()).track.method == 'pose'


def test_raised_arms_do_not_stretch_the_box():
    class SeesArms(Spotter):
        def joint_positions(self, crops):
            joints = super().joint_positions(crops)
            seen = joints[2, :, 0] > 0
            joints[0, seen, 10], joints[1, seen, 10] = joints[0, seen, 9] - 60, joints[1, seen, 10] + 60
            return joints
    frame, square = moving_camera(1)[0][0], np.array([20.0, 40, 100])
    lowered, raised = (people_in(frame, [square], net)[0][1] for net in (Spotter(), SeesArms()))
    np.testing.assert_allclose(raised, lowered, atol=1)


def pair(apart, count=80):
    """A doll and another of the same height that keeps beside it, or comes the other way."""
    frames, middles = crossing(count)
    others = middles + apart if apart else middles[::-1]
    for i, x in enumerate(others):
        doll(frames[i], x, phase=i / 3, colour=(225, 30, 25))
    return frames, middles


class SpotterOfTheMiddle(Spotter):
    """Sees the doll that is nearest to the middle of the crop."""

    def joint_positions(self, crops):
        crops = crops.copy()
        for crop in crops:
            red = ((crop[..., 0] > 180) & (crop[..., 1:].max(-1) < 90)).sum(0) > 25
            edges = np.flatnonzero(np.diff(np.r_[False, red, False].astype(int))).reshape(-1, 2)
            for first, last in edges[np.argsort(np.abs(edges.mean(1) - 150))[1:]]:
                crop[:, first:last] = 128
        return super().joint_positions(crops)


def test_two_people_who_keep_together_are_refused_with_the_frame():
    frames, _ = pair(apart=40)
    with pytest.raises(NoPersonError, match='two people are in one crop in .* as in frame'):
        crop_walker(frames, pose_net=SpotterOfTheMiddle())


def test_frames_in_which_somebody_else_is_in_the_crop_are_left_out_and_said():
    frames, middles = crossing(120)
    others = np.linspace(WIDTH + 20, -20, 120)
    for frame, x in zip(frames, others):
        doll(frame, x, colour=(225, 30, 25), bottom=108)
    track = crop_walker(frames, pose_net=SpotterOfTheMiddle()).track
    left_out = [number for number, why in track.dropped.items() if why == COMPANY]
    assert left_out and 'somebody else is in the crop' in track.remarks[-1]
    assert len(track.numbers) > 30


def test_a_clear_walk_costs_eight_looks():
    spotter = Spotter()
    track = crop_walker(crossing()[0], pose_net=spotter).track
    assert track.method == 'background' and not track.why and spotter.calls == LOOKS + 2


def test_specks_and_flicker_are_no_walkers():
    frames, middles = crossing()
    frames[::3, 5:20, 180:200] ^= 128                               # a flickering lamp
    frames[7, 40:110, 150:165] = 255                                # one flash
    track = crop_walker(frames, 'background').track
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.06 * TALL
    assert len(track.numbers) > 50


@pytest.mark.parametrize('method', ['auto', 'background', 'pose'])
def test_a_scene_without_a_person_gives_an_error_never_a_crop_of_the_wall(method):
    frames, _ = crossing(40, first=-90, last=-80)
    with pytest.raises(NoPersonError, match='frames'):
        crop_walker(frames, method, Spotter())


def test_ready_crops_of_a_wall_are_refused_by_the_pose_network():
    wall = np.full((40, CROP_SIZE, CROP_SIZE, 3), BLUE, np.uint8)
    with pytest.raises(NoPersonError, match="nobody is seen in 8 of the first frames.*'none'"):
        crop_walker(wall, pose_net=Spotter())
    with pytest.raises(NoPersonError, match='3 of'):
        crop_walker(iter(wall[:9]), pose_net=Spotter())
    assert len([*crop_walker(wall, 'none', Spotter())]) == 40


def test_ready_crops_with_a_person_pass_whole_even_from_an_iterator():
    crops = np.full((40, CROP_SIZE, CROP_SIZE, 3), BLUE, np.uint8)
    crops[4:, 40:240, 140:160] = (230, 20, 20)                      # not there at once
    spotter = Spotter()
    result = crop_walker(iter(crops), pose_net=spotter)
    np.testing.assert_array_equal(np.stack([*result]), crops)
    assert result.track.method == 'none' and spotter.calls == 2     # and it looks no further than needed


def test_squares_from_a_moving_camera_are_searched_for_the_walker():
    frames, middles = moving_camera()
    squares = frames[:, :, 40:160]
    track = crop_walker(squares, pose_net=Spotter()).track
    assert track.method == 'pose'
    seen = (middles[track.numbers] > 60) & (middles[track.numbers] < 140)
    assert seen.sum() > 30 and np.abs(centres(track)[seen, 1] + 40 - middles[track.numbers][seen]).max() < 0.1 * TALL
    wall = np.stack([frame[:, 5 * i:5 * i + 120] for i, frame in enumerate(np.repeat(np.random.default_rng(0).integers(
        0, 150, (1, HEIGHT, 400, 3), np.uint8), 40, 0))])
    with pytest.raises(NoPersonError):
        crop_walker(wall, pose_net=Spotter())


def test_a_car_is_no_walker():
    rng, frames = np.random.default_rng(0), []
    for x in np.linspace(-60, WIDTH, 60):
        frame = stage()
        frame[70:110, max(round(x), 0):max(round(x) + 80, 0)] = BLUE
        frames.append(np.clip(frame + rng.normal(0, 2, frame.shape), 0, 255).astype(np.uint8))
    with pytest.raises(NoPersonError, match="wider than tall.*; crop='pose' may find the walker$"):
        crop_walker(np.stack(frames), 'background')


def test_a_refusal_does_not_advise_what_was_tried(monkeypatch):
    frames, middles = crossing()
    for frame, x in zip(frames, middles):
        frame[104:112, max(round(x), 0):max(round(x) + 100, 0)] = (20, 30, 60)
    net = Spotter()
    monkeypatch.setattr(net, 'joint_positions', lambda crops: np.zeros((3, len(crops), 16)))
    with pytest.raises(NoPersonError, match='wider than tall.*and by the joints') as refused:
        crop_walker(frames, pose_net=net)
    assert 'may find the walker' not in str(refused.value)


def test_too_few_usable_frames_are_counted_with_the_reasons():
    frames, _ = crossing(80, tall=118, bottom=119)                  # the head leaves the picture
    with pytest.raises(NoPersonError, match=r"in 0 of 80 frames, at least 8 are needed.*touching the picture's border"):
        crop_walker(frames)


def moving_camera(count=60):
    """A doll that stays in the middle while the background passes."""
    rng = np.random.default_rng(3)
    wide = rng.integers(0, 256, (HEIGHT // 6, 100, 3)).repeat(6, 0).repeat(6, 1).astype(np.uint8)
    wide[..., 0] //= 2                                              # nothing red but the doll
    frames = []
    for i in range(count):
        frame = wide[:, 5 * i:5 * i + WIDTH].copy()
        doll(frame, 90 + 0.5 * i, phase=i / 4)
        frames.append(frame)
    return np.stack(frames), 90 + 0.5 * np.arange(count)


def test_a_moving_camera_is_left_to_the_pose_network():
    frames, middles = moving_camera()
    with pytest.raises(NoPersonError, match='the camera moves'):
        crop_walker(frames, 'background')
    with pytest.raises(NoPersonError, match='pose_net'):
        crop_walker(frames)
    spotter = Spotter()
    track = crop_walker(frames, 'auto', spotter).track
    assert track.method == 'pose'
    assert len(track.numbers) > 50
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.08 * TALL
    assert (np.abs(TALL / np.array(track.boxes)[:, 2] - 0.7) < 0.1).all()
    assert spotter.calls < 2 * len(frames)                          # not every frame is looked at


def test_the_pose_crop_finds_small_figures_off_the_middle_and_asks_for_its_network():
    frames, middles = crossing(60, tall=50, first=30, last=180)
    track = crop_walker(frames, 'pose', Spotter()).track
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.1 * 50
    with pytest.raises(ValueError, match='pose_net'):
        crop_walker(frames, 'pose')


class SpotterOfHeads(Spotter):
    """Puts all joints below the head, as networks do with somebody half outside the picture."""

    def joint_positions(self, crops):
        joints = super().joint_positions(crops)
        for i, crop in enumerate(crops.astype(int)):
            y, x = np.nonzero((crop[..., 0] > 180) & (crop[..., 1:].max(-1) < 90))
            if joints[2, i].any():
                joints[1, i] = x[y < y.min() + 0.1 * np.ptp(y)].mean()
        return joints


def test_the_pose_crop_leaves_out_frames_that_cut_the_figure_at_a_side():
    frames, middles = crossing(80, tall=90, first=-10, last=WIDTH + 10)
    track = crop_walker(frames, 'pose', SpotterOfHeads()).track
    assert len(track.numbers) > 30 and BORDER in track.dropped.values()
    assert middles[track.numbers].max() < WIDTH - 0.14 * 90


def test_ready_crops_pass_unchanged_and_other_squares_are_only_resized():
    ready = np.random.default_rng(0).integers(0, 256, (3, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    crops = crop_walker(ready)
    assert np.array_equal(np.stack(list(crops)), ready)
    assert (crops.track.method, crops.track.numbers) == ('none', [0, 1, 2])
    square, _ = moving_camera(12)
    crops = crop_walker(square[:, :, 40:160])
    assert crops.track.method == 'none'
    expected = Image.fromarray(square[5, :, 40:160]).resize((CROP_SIZE, CROP_SIZE), Image.Resampling.BILINEAR)
    assert np.array_equal(list(crops)[5], np.asarray(expected))
    with pytest.raises(ValueError, match="crop='none' takes square pictures.*64 x 48"):
        list(crop_walker(plain(), 'none'))
    with pytest.raises(ValueError, match='crop: expected one of'):
        crop_walker(plain(), 'middle')


def test_an_iterator_is_cropped_as_the_array_is():
    frames, _ = crossing()
    once = crop_walker(frame for frame in frames)
    again = crop_walker(frames)
    assert once.track.boxes == again.track.boxes
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))


def test_a_long_walk_is_seen_in_blocks_with_the_same_result(monkeypatch):
    frames, middles = crossing(150)
    monkeypatch.setattr('gait_recognition.tracking.background.BLOCK', 70)           # two whole ones and a rest
    track = crop_walker(frames).track
    assert len(track.numbers) > 90
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.05 * TALL


@pytest.mark.parametrize('shape', [(319, 3190), (3199, 319), (20, 50_000), (1264, 12_640)])
def test_pictures_of_a_strip_are_no_larger_than_others_for_hundreds_of_them_are_held(shape):
    small, factor = shrink(np.zeros((*shape, 3), np.uint8))
    assert small.shape[0] * small.shape[1] < 1.02 * MOST_PIXELS and small.shape[0] == -(-shape[0] // factor)


@pytest.mark.parametrize('shape, factor', [((288, 352), 1), ((319, 567), 1), ((480, 640), 3), ((1080, 1920), 6),
                                           ((1920, 1080), 6), ((1440, 3440), 9), ((2160, 3840), 13)])
def test_pictures_of_cameras_are_looked_at_by_their_shorter_edge(shape, factor):
    assert shrink(np.zeros((*shape, 3), np.uint8))[1] == factor


def test_every_second_frame_gives_every_second_box():
    frames, middles = crossing(160)
    track = crop_walker(read_frames(frames, every=2)).track
    assert all(number % 2 == 0 for number in track.numbers)
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.05 * TALL


def test_the_track_draws_its_box_on_the_frames_used_and_no_others():
    frames, _ = crossing()
    track = crop_walker(frames).track
    used, dropped = track.numbers[20], next(iter(track.dropped))
    assert not np.array_equal(track.draw(used, frames[used]), frames[used])
    assert np.array_equal(track.draw(dropped, frames[dropped]), frames[dropped])


def crop_errors(person, crop='auto', pose_net=None, **options):
    """Of one synthetic walk: how far off the centres are, the heights' shares, and the share of frames used."""
    found = list(scene(person, person % 5, 'NBS'[person % 3], 1 + person % 2, **options))
    true = np.stack([picture.box for picture in found])
    frames = np.stack([picture.image for picture in found])
    track = crop_walker(frames, crop, pose_net).track
    heights = true[:, 2] - true[:, 0] + 1
    middles = (true[:, :2] + true[:, 2:] + 1) / 2
    inside = (true[:, :2] > 2).all(1) & (true[:, 2:] < np.array(frames.shape[1:3]) - 3).all(1)
    off = np.linalg.norm(centres(track) - middles[track.numbers], axis=1) / heights[track.numbers]
    share = heights[track.numbers] / np.array(track.boxes)[:, 2]
    return off, share, np.isin(np.flatnonzero(inside), track.numbers).mean()


def check_crop_promise(people, *how, within=0.05, **options):
    off, share, used = zip(*(crop_errors(person, *how, **options) for person in people))
    off, share = np.concatenate(off), np.concatenate(share)
    assert ((off < within) & (share > 0.6) & (share < 0.8)).mean() >= 0.95
    assert np.mean(used) > 0.95


def test_synthetic_walks_are_centred_within_five_percent():
    check_crop_promise(range(3), width=320, height=180)


def test_the_pose_crop_with_the_weights_that_ship_is_within_eight_percent(shipped_pose_net):
    check_crop_promise(range(2), 'pose', shipped_pose_net, frames=30, within=0.08)     # joints are no outline


def test_the_weights_that_ship_see_nobody_on_a_wall(shipped_pose_net):
    rng = np.random.default_rng(0)
    walls = [rng.integers(0, 256, (90, 160, 3), np.uint8), stage()]
    for wall in walls:
        with pytest.raises(NoPersonError):
            crop_walker(np.stack([wall] * 10), 'pose', shipped_pose_net)


@pytest.mark.slow
def test_fifty_synthetic_walks_are_centred_within_five_percent():
    check_crop_promise(range(50))


# Cameras that turn

def filmed(pan, sway=0, walkers=1, contrast=60, count=30):
    """Pictures of a patterned wall that moves `pan` pixels a frame, and of walkers of half the picture's height who
    go right."""
    rng = np.random.default_rng(3)
    wall = rng.integers(100, 100 + max(1, contrast), (30, 120, 3)).astype(np.uint8).repeat(6, 0).repeat(6, 1)
    figure = rng.integers(0, 255, (12, 5, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    pictures = []
    for time in range(count):
        left = pan * time + (sway * (time % 2))
        picture = wall[:, left:left + 284].copy()
        for number in range(walkers):
            first = 6 * time + 60 * number
            picture[60:156, first:first + 40] = figure[:, :max(0, min(40, 284 - first))]
        pictures.append(picture)
    return pictures


@pytest.mark.parametrize('film, turns', [
    ({'pan': 4}, True), ({'pan': 4, 'contrast': 24}, True), ({'pan': 4, 'walkers': 0}, True),
    ({'pan': 0}, False), ({'pan': 0, 'walkers': 3}, False), ({'pan': 0, 'sway': 1}, False),
    ({'pan': 0, 'contrast': 0}, False),                                 # nothing but the walker has a pattern
    ({'pan': 4, 'count': 1}, False)])
def test_a_camera_that_turns_is_told_from_people_who_walk(film, turns):
    assert camera_turns(filmed(**film)) is turns
