"""What reading videos, pictures, animations and cameras promises."""
import os
import pathlib
import struct
import sys

import numpy as np
import pytest
from PIL import Image
from small_walks import BLUE, GREEN, RED, plain, write_video

from gait_recognition.frames import read_frames
from gait_recognition.pictures import read_picture


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


@pytest.mark.filterwarnings('error')
def test_numbers_at_the_ends_of_float32_are_stretched_as_all_others(tmp_path):
    most = np.finfo(np.float32).max
    Image.fromarray(np.array([[-most, 0, most, np.inf, -np.inf]], np.float32)).save(tmp_path / 'a.tif')
    assert np.asarray(read_picture(tmp_path / 'a.tif'))[0, :, 0].tolist() == [0, 128, 255, 255, 0]


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
