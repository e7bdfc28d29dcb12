"""What reading, cropping and vectorising walks promise."""
import gc
import os
import pathlib
import pickle
import struct
import sys
import threading
import warnings
import weakref

import numpy as np
import pytest
from PIL import Image
from reference_weights import SHARED
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import gait_checkpoints
from gait_recognition import weights
from gait_recognition.frames import Frames, read_frames
from gait_recognition.tracking.both import COMPANY, LOOKS
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.tracking.track import BORDER, CROP_SIZE, NOBODY, OTHER, NoPersonError
from gait_recognition.vectors import GaitVectors, walk_vector
from gait_recognition.walkers.scenes import scene
from gait_recognition.weights import Weights

pytestmark = pytest.mark.filterwarnings('ignore:.*so few frames')           # most tests do with a few
RED, GREEN, BLUE = (230, 20, 20), (20, 200, 20), (20, 20, 230)


def plain(count=6, height=48, width=64):
    """Frames that tell their number by their grey level."""
    return np.stack([np.full((height, width, 3), 20 * i, np.uint8) for i in range(count)])


def quarters(height=48, width=64):
    """Red top left, green top right, blue bottom left, black bottom right."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[:height // 2, :width // 2], frame[:height // 2, width // 2:], frame[height // 2:, :width // 2] = \
        RED, GREEN, BLUE
    return frame


def corner_colours(frame):
    h, w = frame.shape[:2]
    names = {RED: 'red', GREEN: 'green', BLUE: 'blue', (0, 0, 0): 'black'}
    spots = frame[[h // 4, h // 4, 3 * h // 4, 3 * h // 4], [w // 4, 3 * w // 4, w // 4, 3 * w // 4]].astype(int)
    return [names[min(names, key=lambda c: np.abs(spot - c).sum())] for spot in spots]


def write_video(path, frames, codec='mpeg4', rate=25):
    av = pytest.importorskip('av')
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *frames[0].shape[1::-1], 'yuv420p', 4_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        container.mux(stream.encode())
    return path


# Reading.

def test_a_video_gives_its_frames_in_rgb_so_that_red_stays_red(tmp_path):
    path = write_video(tmp_path / 'walk.mp4', [quarters()] * 5, rate=10)
    frames = read_frames(path)
    assert frames.fps == 10
    for frame in frames:
        assert frame.dtype == np.uint8 and frame.shape == (48, 64, 3)
        assert corner_colours(frame) == ['red', 'green', 'blue', 'black']
    assert (frames.count, frames.skipped, frames.name) == (5, 0, str(path))


# (a, b, c, d) of the display matrix, and where red, green, blue and black lie afterwards.
@pytest.mark.parametrize('matrix, corners', [
    ((0, 1, -1, 0), ['blue', 'red', 'black', 'green']),             # a quarter turn clockwise: portrait of a telephone
    ((0, -1, 1, 0), ['green', 'black', 'red', 'blue']),
    ((-1, 0, 0, -1), ['black', 'blue', 'green', 'red']),
    ((-1, 0, 0, 1), ['green', 'red', 'black', 'blue']),             # mirrored
])
def test_the_rotation_that_a_video_asks_for_is_obeyed(tmp_path, matrix, corners):
    path = write_video(tmp_path / 'walk.mp4', [quarters()] * 3)
    data = bytearray(path.read_bytes())
    at = data.index(b'tkhd') + 44                                   # the matrix in the track's header
    a, b, c, d = (65536 * value for value in matrix)
    data[at:at + 36] = struct.pack('>9i', a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    frame = next(iter(read_frames(path)))
    assert corner_colours(frame) == corners
    assert frame.shape == ((48, 64, 3) if matrix[0] else (64, 48, 3))


@pytest.mark.parametrize('codec', ['mpeg4', 'libx264'])
def test_damaged_frames_of_a_video_are_skipped_and_counted(tmp_path, codec):
    av = pytest.importorskip('av')
    if codec not in av.codecs_available:
        pytest.skip(f'this PyAV has no {codec}')
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 256, (48, 400, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    path = write_video(tmp_path / 'walk.mp4', [texture[:, 4 * i:4 * i + 256] for i in range(40)], codec)
    data = bytearray(path.read_bytes())
    at = data.index(b'mdat') + len(data) // 2
    data[at:at + 1500] = rng.integers(0, 256, 1500, np.uint8).tobytes()
    path.write_bytes(data)
    frames = read_frames(path)
    numbers = [number for number, _ in frames.numbered()]
    assert 0 < frames.skipped < 30
    assert frames.count + frames.skipped == 40
    assert numbers[0] == 0 and numbers == sorted(set(numbers))


@pytest.mark.parametrize('name', ['broken.mp4', 'foreign.avi', 'empty.mp4'])
def test_a_broken_or_foreign_file_is_refused_by_name(tmp_path, name):
    path = write_video(tmp_path / name.replace('foreign.avi', 'x.mp4'), plain())
    data = {'broken.mp4': path.read_bytes()[:300], 'foreign.avi': b'a text file\n' * 100, 'empty.mp4': b''}[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ValueError, match=name.replace('.', r'\.')):
        read_frames(path)


def test_a_missing_pyav_is_said_with_the_command_that_installs_it(tmp_path, monkeypatch):
    path = tmp_path / 'walk.mp4'
    path.write_bytes(b'no picture')
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(ImportError, match=r'pip install "gait-recognition\[video\]"'):
        read_frames(path)


def test_a_camera_that_is_not_there_is_named():
    pytest.importorskip('av')
    with pytest.raises(ValueError, match='camera 97'):
        next(iter(read_frames(97)))


def test_pictures_of_a_folder_come_in_natural_order_and_unreadable_ones_are_counted(tmp_path):
    for number in (10, 2, 1):
        Image.new('RGB', (8, 6), (number, 0, 0)).save(tmp_path / f'frame{number}.png')
    (tmp_path / 'frame3.png').write_bytes(b'no picture at all')
    whole = (tmp_path / 'frame2.png').read_bytes()
    (tmp_path / 'frame4.png').write_bytes(whole[:len(whole) - 30])
    (tmp_path / 'notes.txt').write_text('not a picture')
    frames = read_frames(tmp_path)
    assert [frame[0, 0, 0] for frame in frames] == [1, 2, 10]
    assert frames.skipped == 2
    by_pattern = read_frames(str(tmp_path / 'frame[0-2]*.png'))
    assert [number for number, _ in by_pattern.numbered()] == [0, 1, 2]


def test_a_folder_whose_name_looks_like_a_pattern_is_that_folder(tmp_path):
    folder = tmp_path / 'walk[1]'
    folder.mkdir()
    Image.new('RGB', (8, 6)).save(folder / '0.png')
    assert len(list(read_frames(folder))) == 1


def test_pictures_stand_upright_as_their_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6                                                # to be shown turned clockwise
    Image.fromarray(quarters()).save(tmp_path / 'photo.jpg', exif=exif, quality=95)
    frame, = read_frames(tmp_path / 'photo.jpg')
    assert frame.shape == (64, 48, 3)
    assert corner_colours(frame) == ['blue', 'red', 'black', 'green']


@pytest.mark.parametrize('suffix', ['.gif', '.webp', '.tif', '.png'])
def test_animations_give_every_frame_whole_and_in_rgb(tmp_path, suffix):
    pictures = [Image.fromarray(quarters())]
    for i in range(3):                                              # only a part changes from frame to frame
        pictures.append(pictures[-1].copy())
        pictures[-1].paste((255, 255, 255), (4 * i, 0, 4 * i + 4, 4))
    options = {'.webp': {'lossless': True, 'duration': 40}, '.gif': {'duration': 40}, '.png': {'duration': 40}}
    path = tmp_path / f'walk{suffix}'
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **options.get(suffix, {}))
    frames = list(read_frames(path))
    assert len(frames) == 4
    for frame, picture in zip(frames, pictures):
        assert np.abs(frame.astype(int) - np.asarray(picture)).max() <= 8       # a palette's rounding


def test_transparent_parts_are_white(tmp_path):
    Image.new('RGBA', (4, 4), (200, 0, 0, 0)).save(tmp_path / 'clear.png')
    frame, = read_frames(tmp_path / 'clear.png')
    assert (frame == 255).all()


def test_sixteen_bit_pictures_are_scaled_not_clipped_and_numbers_without_a_white_are_refused(tmp_path):
    Image.fromarray(np.full((4, 4), 30000, np.uint16)).save(tmp_path / 'deep.png')
    frame, = read_frames(tmp_path / 'deep.png')
    assert (frame == round(30000 / 65535 * 255)).all()
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(tmp_path / 'float.tif')
    with pytest.raises(ValueError, match=r'float\.tif: expected 8 or 16 bits a channel, got mode F'):
        list(read_frames(tmp_path / 'float.tif'))


def test_pictures_of_mixed_sizes_are_refused(tmp_path):
    for number, width in enumerate((8, 8, 9)):
        Image.new('RGB', (width, 6)).save(tmp_path / f'{number}.png')
    with pytest.raises(ValueError, match='frame 2 is 9 x 6, those before are 8 x 6'):
        list(read_frames(tmp_path))


def test_every_start_and_end_choose_frames_and_numbers_stay_those_of_the_source(tmp_path):
    in_memory = read_frames(plain(12), every=2, start=0.3, end=0.9, fps=10)
    assert [number for number, _ in in_memory.numbered()] == [3, 5, 7]
    path = write_video(tmp_path / 'walk.mp4', plain(12), rate=10)
    video = read_frames(path, every=2, start=0.3, end=0.9)
    found = list(video.numbered())
    assert [number for number, _ in found] == [3, 5, 7]
    assert [round(frame.mean() / 20) for _, frame in found] == [3, 5, 7]
    Image.fromarray(plain()[0]).save(tmp_path / 'walk.gif', save_all=True, duration=100,
                                     append_images=[Image.fromarray(frame) for frame in plain()[1:]])
    assert [number for number, _ in read_frames(tmp_path / 'walk.gif', start=0.2, end=0.4).numbered()] == [2, 3]


def test_an_animations_own_clock_counts_even_where_its_frames_last_differently(tmp_path):
    for suffix, option in (('.gif', {}), ('.webp', {'lossless': True})):
        path = tmp_path / f'walk{suffix}'
        Image.fromarray(plain()[0]).save(path, save_all=True, duration=[100, 100, 500, 100, 100, 100],
                                         append_images=[Image.fromarray(frame) for frame in plain()[1:]], **option)
        assert [number for number, _ in read_frames(path, start=0.65, every=2).numbered()] == [3, 5]


@pytest.mark.parametrize('options', [{'every': 0}, {'every': 1.5}, {'start': -1}, {'start': 2, 'end': 1}, {'fps': 0},
                                     {'end': float('nan')}])
def test_senseless_ranges_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options)) + '|end'):
        read_frames(plain(), **options)


@pytest.mark.parametrize('source, message', [
    ('nowhere.mp4', 'nowhere.mp4'), ('nothing/*.png', 'no file matches'), (plain().astype(np.float32) / 255, 'uint8'),
    (plain()[..., 0], r'\(T, H, W, 3\)'), ([plain()[0, ..., :2]], r'\(H, W, 3\)'), ([], 'no frame')])
def test_other_sources_are_refused_in_words(source, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        list(read_frames(source))


def test_a_range_past_the_end_is_an_error_not_nothing():
    with pytest.raises(ValueError, match='nothing from second 99 on .*its last frame is at'):
        list(read_frames(plain(), start=99))


def test_what_can_be_read_again_is_and_an_iterator_is_read_once():
    assert len(list(again := read_frames(plain()))) == len(list(again)) == 6
    once = read_frames(frame for frame in plain())
    assert not once.rereadable and again.rereadable
    assert [frame[0, 0, 0] for frame in once.peek(2)] == [frame[0, 0, 0] for frame in plain()[:2]]
    assert len(list(once)) == 6
    with pytest.raises(ValueError, match='only once'):
        list(once)


def test_reading_loads_no_tensorflow():
    code = 'import sys, numpy; from gait_recognition.frames import read_frames; ' \
           'list(read_frames([numpy.zeros((2, 2, 3), "uint8")])); sys.exit("tensorflow" in sys.modules)'
    import subprocess
    folder = str(pathlib.Path(__file__).resolve().parent.parent)
    assert subprocess.run([sys.executable, '-c', code], cwd=folder, env={**os.environ, 'PYTHONPATH': folder}
                          ).returncode == 0


# Cropping.

HEIGHT, WIDTH, TALL = 120, 214, 70


def doll(frame, x, tall=TALL, bottom=110, colour=RED, phase=0.0):
    """A person of four bars with swinging legs, its middle at column `x`; gives its box."""
    wide, swing = tall // 5, round(tall / 8 * np.sin(phase))
    top, x = bottom - tall, round(x)
    parts = [(top, top + tall // 6, x - tall // 14, x + tall // 14), (top + tall // 7, top + tall // 2, x - wide // 2,
                                                                     x + wide // 2),
             (top + tall // 2 - 2, bottom, x - wide // 2 + swing, x + swing),
             (top + tall // 2 - 2, bottom, x - swing, x + wide // 2 - swing)]
    for upper, lower, left, right in parts:
        frame[max(upper, 0):lower, max(left, 0):max(right, 0)] = colour
    return top, x, bottom


def stage(seed=0):
    """A still background."""
    blocks = np.random.default_rng(seed).integers(60, 170, (HEIGHT // 10, WIDTH // 10 + 1, 3))
    return blocks.repeat(10, 0).repeat(10, 1)[:, :WIDTH].astype(np.uint8)


def crossing(count=80, seed=0, first=-20.0, last=WIDTH + 20.0, noise=2, path=None, bob=0, tall=TALL, **options):
    """Frames (T, H, W, 3) of a doll that crosses a still stage, and its middles (T,)."""
    rng, still = np.random.default_rng(seed + 1), stage(seed)
    middles, frames = np.linspace(first, last, count) if path is None else path, []
    for i, x in enumerate(middles):
        frame = still.copy()
        doll(frame, x, phase=i / 4, tall=tall + round(bob * np.sin(i / 2)), **options)
        frames.append(np.clip(frame + rng.normal(0, noise, frame.shape), 0, 255).astype(np.uint8))
    return np.stack(frames), middles


class Spotter:
    """Stands in for the pose network: sees a person where pure red is, if it is tall enough in the crop."""

    def __init__(self):
        self.calls = 0

    def joint_positions(self, crops):
        self.calls += len(crops)
        joints = np.zeros((3, len(crops), 16), np.float32)
        for i, crop in enumerate(crops.astype(int)):
            red = (crop[..., 0] > 180) & (crop[..., 1:].max(-1) < 90)
            y, x = np.nonzero(red)
            if len(y) and np.ptp(y) > 60:
                joints[0, i] = np.linspace(y.max(), y.min(), 16)        # ankle first, ...
                joints[0, i, 5], joints[0, i, 9] = y.max(), y.min()     # ... left ankle and head where they belong
                joints[1, i] = x.mean()
                joints[2, i] = 0.9
        return joints


def centres(track):
    boxes = np.array(track.boxes)
    return boxes[:, :2] + boxes[:, 2:] / 2


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


def test_a_clear_walk_costs_six_looks():
    spotter = Spotter()
    track = crop_walker(crossing()[0], pose_net=spotter).track
    assert track.method == 'background' and not track.why and spotter.calls == LOOKS


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
    with pytest.raises(NoPersonError, match='wider than tall'):
        crop_walker(np.stack(frames), 'background')


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


# Vectors.

class Features:
    """Stands in for the pose network: coarse colours of the frame, and a person in each."""

    def __init__(self):
        self.batches = []

    def joint_positions(self, crops):
        joints = np.full((3, len(crops), 16), 150, np.float32)
        joints[0], joints[2] = np.linspace(238, 50, 16), 0.9            # from the right ankle up, ...
        joints[0, :, [5, 9]] = [[238], [50]]                            # ... and where the left one and the head are
        return joints

    def feed_forward_features(self, crops, batch_size=16):
        self.batches.append(len(crops))
        coarse = crops[:, 4::17, 4::17].astype(np.float32)[:, :17, :17]
        return np.concatenate([coarse] * 11, -1)[..., :32]


class Leaky:
    """Stands in for the gait network: a recurrence that depends on the order of the frames."""

    def feed_forward(self, features, return_state=False, initial_state=None):
        state = np.zeros(512, np.float32) if initial_state is None else initial_state[0]
        total = np.zeros(512)
        for feature in features:
            state = (0.8 * state + 0.2 * feature.ravel()[:512] / 255).astype(np.float32)
            total += state
        vector = (total / len(features)).astype(np.float32)
        return (vector, (state,)) if return_state else vector


def ready_crops(count=21, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, CROP_SIZE, CROP_SIZE, 3), np.uint8)


def test_the_vector_of_a_stream_is_that_of_one_piece():
    crops = ready_crops()
    expected = Leaky().feed_forward(Features().feed_forward_features(crops))
    for batch_size in (1, 4, 16, 100):
        pose_net = Features()
        vector = walk_vector((crop for crop in crops), pose_net, Leaky(), batch_size=batch_size)
        assert vector.dtype == np.float32 and vector.shape == (512,)
        assert np.abs(vector - expected).max() < 1e-5
        assert max(pose_net.batches) <= batch_size and sum(pose_net.batches) == len(crops)


def test_the_networks_vector_in_batches_is_that_of_one_piece(pose_net, gait_net):
    crops = ready_crops(7)
    expected = gait_net.feed_forward(pose_net.feed_forward_features(crops))
    vector, track = walk_vector(crops, pose_net, gait_net, batch_size=3, return_track=True)
    assert np.abs(vector - expected).max() < 1e-5
    assert track.numbers == list(range(7))


def test_the_vector_of_a_video_comes_with_its_track(tmp_path):
    frames, _ = crossing()
    path = write_video(tmp_path / 'walk.mp4', frames[:, :, :212])
    vector, track = walk_vector(path, Features(), Leaky(), return_track=True)
    assert np.isfinite(vector).all() and track.name == str(path)
    assert len(track.numbers) > 45
    half, sparse = walk_vector(path, Features(), Leaky(), every=2, return_track=True)
    assert abs(len(sparse.numbers) - len(track.numbers) / 2) < 3
    assert not np.array_equal(half, vector)


def test_a_vector_of_too_few_frames_is_warned_about():
    with pytest.warns(UserWarning, match=r'so few frames \(1\)'):
        walk_vector(ready_crops(1), Features(), Leaky())
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        walk_vector(ready_crops(8), Features(), Leaky())


def test_memory_does_not_grow_with_the_walk():
    alive, most = set(), [0]

    def source():
        for i in range(300):
            frame = np.full((CROP_SIZE, CROP_SIZE, 3), i % 256, np.uint8)
            alive.add(i)
            weakref.finalize(frame, alive.discard, i)
            most[0] = max(most[0], len(alive))
            yield frame
            del frame

    walk_vector(source(), Features(), Leaky(), batch_size=8)
    assert most[0] < 40


def test_an_error_in_the_source_reaches_the_caller_and_no_thread_stays():
    def source():
        yield from ready_crops(20)
        raise RuntimeError('the cable was pulled')

    before = threading.active_count()
    with pytest.raises(RuntimeError, match='the cable was pulled'):
        walk_vector(source(), Features(), Leaky(), batch_size=4)
    assert threading.active_count() == before


def test_an_error_in_a_network_closes_the_source():
    class Broken(Features):
        def feed_forward_features(self, crops, batch_size=16):
            raise RuntimeError('out of memory')

    closed, before = [], threading.active_count()

    def source():
        try:
            while True:
                yield ready_crops(1)[0]
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match='out of memory'):
        walk_vector(source(), Broken(), Leaky())
    gc.collect()
    assert closed and threading.active_count() == before


def test_options_of_frames_that_are_already_open_are_not_ignored():
    with pytest.raises(ValueError, match='Frames already'):
        walk_vector(Frames(ready_crops()), Features(), Leaky(), every=2)
    with pytest.raises(ValueError, match='batch_size'):
        walk_vector(ready_crops(), Features(), Leaky(), batch_size=0)


# The transformer.

@pytest.fixture
def opened(monkeypatch):
    """Stand-ins for the networks, and how often they were asked for."""
    calls = []

    def open_networks(*arguments):
        calls.append(arguments)
        return Features(), Leaky()

    monkeypatch.setattr(Weights, 'digest', property(lambda self: f'print of {self.pose_weights} {self.gait_weights}'))
    monkeypatch.setattr('gait_recognition.vectors.shared_networks', open_networks)
    monkeypatch.setattr('gait_recognition.vectors.choose_weights', Weights)
    return calls


def tinted(colour, count=5, seed=0):
    return (ready_crops(count, seed) // 4 + np.array(colour, np.uint8) // 2).astype(np.uint8)


def transformer(**options):
    return GaitVectors('pose.ckpt', 'gait.ckpt', **{'recurrent_unit': 'GRU', 'rnn_layers': 1, **options})


def test_the_transformer_gives_a_row_for_each_walk(opened, tmp_path):
    folder = tmp_path / 'walk'
    folder.mkdir()
    crops = ready_crops()
    for i, crop in enumerate(crops):
        Image.fromarray(crop).save(folder / f'{i}.png')
    vectors = transformer().fit_transform([crops, folder, str(folder), list(crops)])
    assert vectors.shape == (4, 512) and vectors.dtype == np.float32
    assert np.array_equal(vectors[0], walk_vector(crops, Features(), Leaky()))
    assert (vectors == vectors[0]).all()


def test_the_transformer_clones_and_pickles_by_its_parameters(opened):
    original = transformer(crop='none', every=2, n_jobs=1)
    vectors = original.transform([ready_crops()])
    for copy in (clone(original), pickle.loads(pickle.dumps(original))):
        assert copy.get_params() == original.get_params()
        assert np.array_equal(copy.transform([ready_crops()]), vectors)
    assert set(vars(original)) == set(original.get_params())        # nothing else would travel
    assert original.set_params(every=1).transform([ready_crops()]).tolist() != vectors.tolist()
    assert list(original.get_feature_names_out())[::511] == ['gait0', 'gait511']


def test_the_transformer_works_in_a_pipeline(opened):
    walks = [tinted(colour, seed=seed) for seed in range(3) for colour in (RED, BLUE)]
    pipeline = make_pipeline(transformer(), LinearSVC()).fit(walks, ['red', 'blue'] * 3)
    assert list(pipeline.predict([tinted(BLUE, seed=9), tinted(RED, seed=9)])) == ['blue', 'red']


def test_an_interrupted_run_goes_on_from_the_cache(opened, tmp_path, monkeypatch):
    walks = [ready_crops(5, seed) for seed in range(4)]
    real, asked = walk_vector, []

    def interrupted(walk, *arguments, **options):
        asked.append(walk)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return real(walk, *arguments, **options)

    monkeypatch.setattr('gait_recognition.vectors.walk_vector', interrupted)
    cached = transformer(cache=tmp_path / 'cache')
    with pytest.raises(KeyboardInterrupt):
        cached.transform(walks)
    assert len([*(tmp_path / 'cache').glob('*.npy')]) == 2
    vectors = cached.transform(walks)
    assert len(asked) == 5                                          # two, the interrupted one, and the last two
    assert np.array_equal(vectors, transformer().transform(walks))
    cached.transform(walks)
    assert len(asked) == 9


def test_the_cache_knows_contents_parameters_and_weights(opened, tmp_path):
    cache = tmp_path / 'cache'
    path = tmp_path / 'walk.gif'
    Image.fromarray(ready_crops()[0]).save(path)
    transformer(cache=cache).transform([path])
    os.rename(path, tmp_path / 'renamed.gif')
    transformer(cache=cache, batch_size=2).transform([tmp_path / 'renamed.gif'])
    assert len([*cache.glob('*.npy')]) == 1
    transformer(cache=cache, every=2).transform([tmp_path / 'renamed.gif'])
    GaitVectors('pose.ckpt', 'other.ckpt', 'GRU', 1, cache=cache).transform([tmp_path / 'renamed.gif'])
    GaitVectors('pose.ckpt', 'gait.ckpt', 'GRU', 2, cache=cache).transform([tmp_path / 'renamed.gif'])
    Image.fromarray(ready_crops()[1]).save(path)
    transformer(cache=cache).transform([path])
    assert len([*cache.glob('*.npy')]) == 5


def test_a_damaged_file_of_the_cache_is_computed_anew(opened, tmp_path):
    cached = transformer(cache=tmp_path)
    vectors = cached.transform([ready_crops()])
    file, = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert np.array_equal(cached.transform([ready_crops()]), vectors)
    assert np.array_equal(np.load(file), vectors[0])


def test_a_file_of_the_cache_is_written_whole_or_not_at_all(opened, tmp_path, monkeypatch):
    def fail(file, vector):
        file.write(b'half')
        raise OSError('the disk is full')
    monkeypatch.setattr(np, 'save', fail)
    with pytest.raises(OSError, match='the disk is full'):
        transformer(cache=tmp_path).transform([ready_crops()])
    assert os.listdir(tmp_path) == []


def test_a_bad_walk_stops_the_run_or_gives_a_row_of_nan(opened):
    walks = [ready_crops(), 'nowhere.mp4', crossing(40, first=-90, last=-80)[0]]
    with pytest.raises(FileNotFoundError, match='nowhere.mp4'):
        transformer().transform(walks)
    with pytest.warns(UserWarning, match='walk [12] has no vector') as caught:
        vectors = transformer(on_error='nan').transform(walks)
    assert len(caught) == 2 and np.isnan(vectors).all(1).tolist() == [False, True, True]


def test_weights_that_do_not_fit_are_no_fault_of_a_walk(opened, monkeypatch):
    def misfit(*arguments):
        raise gait_checkpoints.CheckpointError('another network')
    monkeypatch.setattr('gait_recognition.vectors.shared_networks', misfit)
    with pytest.raises(gait_checkpoints.CheckpointError, match='another network'):
        transformer(on_error='nan').transform([ready_crops()])


@pytest.mark.parametrize('walks', ['walk.mp4', ready_crops(2), []])
def test_one_walk_instead_of_a_list_is_refused(opened, walks):
    with pytest.raises(ValueError, match='X: expected'):
        transformer().transform(walks)


def test_senseless_parameters_are_refused_in_fit_not_in_the_constructor():
    for options in ({'crop': 'middle'}, {'on_error': 'ignore'}, {'every': 0}, {'batch_size': 2.5}, {'rnn_layers': True},
                    {'recurrent_unit': 'RNN'}, {'precision': 'half'}):
        with pytest.raises(ValueError, match=next(iter(options))):
            transformer(**options).fit([])


def test_processes_share_the_cores(opened, monkeypatch):
    import joblib
    monkeypatch.setattr(joblib, 'cpu_count', lambda: 8)
    with joblib.parallel_config(backend='threading', n_jobs=4):     # the user's backend; the parameter stays None
        transformer().transform([ready_crops()] * 2)
    assert {arguments[1] for arguments in opened} == {2}


@pytest.mark.slow
def test_two_processes_give_what_one_gives(checkpoints, tmp_path):
    walks = [ready_crops(2, seed) for seed in range(2)]
    one = GaitVectors(checkpoints('pose'), checkpoints(SHARED.format('GRU')), 'GRU', 1)
    two = clone(one).set_params(n_jobs=2, cache=tmp_path)
    expected = one.transform(walks)
    weights._kept_open.cache_clear()
    assert np.abs(two.transform(walks) - expected).max() < 1e-4
    assert len(os.listdir(tmp_path)) == 2
    assert np.abs(two.transform(walks) - expected).max() < 1e-4     # from the cache


@pytest.mark.slow
def test_a_dask_cluster_computes_the_walks(checkpoints):
    distributed = pytest.importorskip('dask.distributed')
    import joblib
    walks = [ready_crops(2, seed) for seed in range(2)]
    vectors = GaitVectors(checkpoints('pose'), checkpoints(SHARED.format('GRU')), 'GRU', 1)
    expected = vectors.transform(walks)
    with distributed.Client(n_workers=2, threads_per_worker=1), joblib.parallel_config(backend='dask'):
        assert np.abs(vectors.transform(walks) - expected).max() < 1e-4
    weights._kept_open.cache_clear()
