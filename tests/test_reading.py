"""What reading promises of recordings as people have them: read right, said, or refused with the reason."""
import contextlib
import functools
import gc
import http.server
import io
import os
import pathlib
import socket
import subprocess
import sys
import threading
import warnings
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, features
from PIL.PngImagePlugin import PngInfo
from small_walks import TALL, Features, Leaky, Spotter, centres, crossing, plain, ready_crops
from threads import in_threads, switching_often

import gait_checkpoints
from gait_recognition import pictures, recordings, sources
from gait_recognition.batches import KeptAnswers
from gait_recognition.commands.options import key_in
from gait_recognition.evaluation.manifests import read_manifest
from gait_recognition.facts import JUMP_SECONDS, Clock, Facts, Limits, TooLargeError
from gait_recognition.frames import read_frames
from gait_recognition.galleries import exchange
from gait_recognition.gallery import Gallery
from gait_recognition.kinds import kind_of
from gait_recognition.people.box_files import read_boxes
from gait_recognition.pictures import opened_picture, read_picture
from gait_recognition.pose_estimation import poses
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.tracking.parts import ELSEWHERE
from gait_recognition.training.annotations import convert_lsp, read_annotations
from gait_recognition.vectors import GaitVectors, digest_of, walk_vector
from gait_recognition.videos import encodable_rate, encode
from gait_recognition.walkers.skeletons import read_recordings
from gait_recognition.weights import Weights

ROOT = pathlib.Path(__file__).resolve().parent.parent
posix = pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='needs fifos')


def write(path, frames, codec='mpeg4', rate=25, times=None, aspect=None, kind=None, options=None, more=(), **settings):
    """A video of frames (T, H, W, 3), and of further ones (`more`) as streams of their own."""
    av = pytest.importorskip('av')
    if codec not in av.codecs_available:
        pytest.skip(f'this PyAV has no {codec}')
    with av.open(str(path), 'w', format=kind, options=options or {}) as container:
        streams = []
        for film in (frames, *more):
            stream = container.add_stream(codec, rate=rate)
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *film[0].shape[1::-1], 'yuv420p', 4_000_000
            stream.options = settings.get('codec_options', {})
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
            streams.append((stream, film))
        for stream, film in streams:
            for number, pixels in enumerate(film):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format='rgb24')
                frame.pts = number if times is None else times[number]
                frame.time_base = Fraction(1, rate)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path


def texture(count=40, height=96, width=128, seed=0):
    """Frames of a texture that moves: files of some size."""
    wide = np.random.default_rng(seed).integers(0, 256, (height // 4, 200, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    return [wide[:, 4 * i:4 * i + width] for i in range(count)]


def read(source, **options):
    frames = read_frames(source, **options)
    return frames, list(frames)


# Pixels that are not square, interlaced fields.

@pytest.mark.parametrize('aspect, shape', [(Fraction(20, 11), (96, 233)), (Fraction(1, 2), (192, 128)),
                                           (Fraction(4321, 4320), (96, 128)), (Fraction(1, 255), (96, 128))])
def test_pixels_that_are_not_square_are_stretched_and_said_but_nonsense_is_not_believed(tmp_path, aspect, shape):
    frames, found = read(write(tmp_path / 'walk.mkv', texture(3), aspect=aspect))
    assert found[0].shape[:2] == shape
    stretched = shape != (96, 128)
    assert [f'stretched to {shape[1]} x {shape[0]}' in remark for remark in frames.remarks] == [True] * stretched
    assert frames.facts.shown == (shape[::-1] if stretched else None)


def test_a_person_filmed_with_wide_pixels_is_as_wide_as_filmed_with_square_ones(tmp_path):
    square = np.zeros((96, 240, 3), np.uint8)
    square[20:80, 100:140] = 255
    narrow = np.asarray(Image.fromarray(square).resize((120, 96)))
    _, found = read(write(tmp_path / 'walk.mkv', [narrow] * 3, aspect=Fraction(2)))
    assert found[0].shape == square.shape
    assert np.abs(found[0].astype(int) - square).mean() < 4


@pytest.mark.parametrize('name, options, size', [
    ('a.jpg', {'dpi': (100, 200)}, (16, 6)), ('a.png', {'dpi': (200, 100)}, (8, 12)),
    ('a.tif', {'dpi': (100, 200)}, (16, 6)), ('a.png', {'dpi': (300, 300)}, (8, 6)),
    ('a.jpg', {'dpi': (1, 200)}, (8, 6))])
def test_densities_in_the_headers_of_pictures_stretch_them_likewise(tmp_path, name, options, size):
    Image.new('RGB', (8, 6)).save(tmp_path / name, **options)
    frames, found = read(tmp_path / name)
    assert found[0].shape[1::-1] == pictures.read_picture(tmp_path / name).size == size
    assert bool(frames.remarks) == (size != (8, 6))


def test_interlaced_fields_are_deinterlaced_and_said(tmp_path):
    moments = texture(24)
    woven = [first.copy() for first in moments[::2]]
    for frame, second in zip(woven, moments[1::2]):
        frame[1::2] = second[1::2]                                  # the rows of the next moment
    path = write(tmp_path / 'walk.mpg', woven, 'mpeg2video', codec_options={'flags': '+ilme+ildct'})
    frames, found = read(path)
    assert len(found) == 12
    assert frames.facts.interlaced == 'deinterlaced' and 'interlaced' in ' '.join(frames.remarks)
    teeth = [np.abs(np.diff(frame.astype(int), axis=0)[::2]).mean() for frame in (found[6], woven[6])]
    assert teeth[0] < 0.8 * teeth[1]
    assert [number for number, _ in frames.numbered()] == [*range(12)]


@pytest.mark.parametrize('rotation, matrix', [(-90, (0, 1, 0, -1, 0)), (90, (0, -1, 0, 1, 0)), (180, (-1, 0, 0, 0, -1)),
                                              (0, None)])
def test_a_rotation_is_obeyed_even_beside_side_data_that_this_pyav_does_not_know(rotation, matrix):
    class Frame:
        @property
        def side_data(self):
            raise ValueError('31 is not a valid Type')
    found = recordings._display_matrix(Frame(), rotation)
    assert (found is None) == (matrix is None)
    if matrix:
        pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
        expected = recordings._upright(pixels, 65536 * np.array([*matrix, 0, 0, 0, 1]))
        assert np.array_equal(recordings._upright(pixels, found), expected)


# Which stream.

def test_a_cover_picture_before_the_film_is_not_the_film(tmp_path):
    path = write(tmp_path / 'walk.mkv', [np.zeros((200, 200, 3), np.uint8)], more=[texture(10)])
    frames, found = read(path)                                      # one picture, though it is larger
    assert found[0].shape[:2] == (96, 128) or len(found) == 1
    av = pytest.importorskip('av')
    with av.open(str(path)) as container:
        film, cover = StandInStream(1, 640, 360, 129), StandInStream(0, 900, 900, 1)
        assert recordings._films(type('Container', (), {'streams': type('S', (), {'video': [cover, film]})})) == [film]
        assert container.streams.video[0].width == 200


class StandInStream:
    """A stream of PyAV's; that of 12 and 13 tells no disposition."""

    def __init__(self, index, width, height, frames, rate=25, codec='h264', **more):
        self.index, self.width, self.height, self.frames, self.average_rate = index, width, height, frames, rate
        self.codec_context = type('Codec', (), {'name': codec, 'width': width, 'height': height})
        vars(self).update(more)


@pytest.mark.parametrize('cover', [StandInStream(0, 900, 900, 0, None, 'mjpeg'),
                                   StandInStream(0, 900, 900, 0, disposition=1024),
                                   StandInStream(0, 900, 900, 0, disposition=2048)])
def test_covers_and_thumbnails_are_known_by_whatever_this_pyav_tells(cover):
    film = StandInStream(1, 64, 48, 20, disposition=1)
    container = type('Container', (), {'streams': type('Streams', (), {'video': [cover, film]})})
    assert recordings._films(container) == [film]
    container.streams.video = [cover]
    assert recordings._films(container) == []


def test_of_several_films_the_first_of_the_largest_is_read_and_the_others_are_said(tmp_path):
    path = write(tmp_path / 'two.mkv', plain(4), more=[texture(6), texture(6, seed=1)])
    frames, found = read(path)
    assert (len(found), found[0].shape[:2], frames.facts.stream) == (6, (96, 128), 1)
    said, = frames.remarks
    assert 'stream 1 is read' in said and '0 (64 x 48' in said and '2 (128 x 96' in said and '--stream' in said
    assert len(read(path, stream=0)[1]) == 4
    with pytest.raises(ValueError, match=r'no video stream 5; its video streams: 0 \(64 x 48'):
        read_frames(path, stream=5)


@pytest.mark.skipif(not features.check('avif'), reason='this Pillow has no AVIF')
def test_an_avif_animation_is_read_whole(tmp_path):
    images = [Image.fromarray(frame) for frame in plain(5)]
    images[0].save(tmp_path / 'walk.avif', save_all=True, append_images=images[1:], duration=100)
    frames, found = read(tmp_path / 'walk.avif')
    assert len(found) == 5 and frames.fps == 10


# Time.

def test_a_motion_jpeg_is_a_film_and_no_picture(tmp_path):
    for name in ('walk.mjpeg', 'walk.MJPG'):
        pictures_of_it = [io.BytesIO() for _ in range(8)]
        for number, file in enumerate(pictures_of_it):
            Image.new('RGB', (64, 48), (20 * number, 0, 0)).save(file, 'JPEG')
        (tmp_path / name).write_bytes(b''.join(file.getvalue() for file in pictures_of_it))
        pytest.importorskip('av')
        assert len(read(tmp_path / name)[1]) == 8 and not pictures.is_picture(tmp_path / name)
    assert sources.walks_of(str(tmp_path)) == [str(tmp_path / 'walk.mjpeg'), str(tmp_path / 'walk.MJPG')]


def test_an_hour_inside_a_recording_is_said_and_no_track_leads_over_it(tmp_path):
    first, middles = crossing(60, last=110.0)
    second, _ = crossing(60, first=110.0)
    frames = np.concatenate([first, second])[:, :, :212]
    times = [*range(60), *range(60 + 25 * 3600, 120 + 25 * 3600)]
    path = write(tmp_path / 'walk.mkv', frames, times=times)
    reading = read_frames(path)
    track = crop_walker(reading).track
    assert reading.seconds[60] - reading.seconds[59] > 3599 and reading.fps == 25
    assert {number < 60 for number in track.numbers} in ({True}, {False})
    assert ELSEWHERE in track.dropped.values()
    assert any('time jumps' in remark for remark in track.remarks)
    assert any('2 parts' in remark for remark in track.remarks)


@pytest.mark.parametrize('crop', ['background', 'pose'])
def test_a_cut_to_another_picture_ends_a_track_even_where_time_goes_on(crop):
    first, middles = crossing(70)
    second, _ = crossing(40, seed=5, first=20.0, last=100.0)
    frames = np.concatenate([first, 255 - second[..., ::-1]])
    frames[70:][(frames[70:, ..., 0] > 180)] //= 2                  # nothing red but the doll
    track = crop_walker(frames, crop, Spotter()).track
    assert max(track.numbers) < 70
    assert set(range(70, 110)) <= {number for number, why in track.dropped.items() if why == ELSEWHERE}
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.1 * TALL
    assert 'only frames 0 to 69 are used' in track.remarks[0]


def test_a_flash_and_a_lamp_that_goes_on_are_no_cuts():
    frames, middles = crossing()
    frames[40] = 255
    frames[60:] = np.minimum(frames[60:] * 1.4, 255).astype(np.uint8)
    track = crop_walker(frames, 'background').track
    assert not track.remarks and len(track.numbers) > 50
    assert np.abs(centres(track)[:, 1] - middles[track.numbers]).max() < 0.15 * TALL


def test_a_clock_never_goes_backwards_and_notes_what_is_odd():
    facts = Facts()
    clock = Clock(0.04, facts, is_regular=True)
    times = -1, -0.96, -0.92, -0.8, None, 7, 7.04, 0, 0.04, 0.04
    seconds = [clock(number, time) for number, time in enumerate(times)]
    assert np.allclose(seconds, [0, 0.04, 0.08, 0.2, 0.24, 8, 8.04, 8.08, 8.12, 8.16])
    assert facts.missing == 2 and facts.untimed == 2
    assert [number for number, *_ in facts.jumps] == [5, 7]


def test_damaged_frames_are_no_jump_and_not_missing():
    facts = Facts()
    clock = Clock(0.04, facts, is_regular=True)
    clock(0, 0.0)
    for _ in range(100):
        clock.damaged()
    assert clock(101, 101 * 0.04) == pytest.approx(4.04) and 101 * 0.04 > JUMP_SECONDS
    assert not facts.jumps and not facts.missing


def test_dropped_frames_are_said_and_the_rate_is_that_of_the_others(tmp_path):
    times = [t for t in range(60) if not 20 <= t < 35]
    frames, _ = read(write(tmp_path / 'walk.mkv', texture(45), times=times))
    assert frames.fps == pytest.approx(25, rel=0.01) and frames.facts.missing == 15
    assert 'about 15 frames are missing' in frames.remarks[0]
    assert frames.seconds[20] == pytest.approx(1.4, abs=0.01)


def test_a_variable_rate_gives_the_vector_that_its_constant_twin_gives(tmp_path):
    seconds = np.arange(120) / 25
    waves = 120 + 100 * np.sin(1.3 * seconds[:, None, None] + np.arange(298)[:, None] / 40 + np.arange(3))   # (T, H, 3)
    frames = np.repeat(waves[:, :, None].astype(np.uint8), 298, 2)
    kept = [*range(60), *range(60, 120, 6), 119]
    twin, walk = write(tmp_path / 'twin.mkv', frames), write(tmp_path / 'walk.mkv', frames[kept], times=kept)

    def cosine(**options):
        both = [walk_vector(path, Features(), Leaky(), crop='none', **options) for path in (twin, walk)]
        return both[0] @ both[1] / np.prod(np.linalg.norm(both, axis=1))
    assert cosine() > 0.99 > cosine(rate=None)


def test_a_stream_without_times_is_counted_on_and_said(tmp_path):
    frames, found = read(write(tmp_path / 'walk.m4v', texture(12), kind='m4v'))
    assert len(found) == 12 and frames.seconds == pytest.approx([i / frames.fps for i in range(12)])
    if frames.facts.untimed:
        assert 'no times' in frames.remarks[0]


def test_slow_recordings_keep_their_own_rate(tmp_path):
    Image.fromarray(plain()[0]).save(tmp_path / 'walk.gif', save_all=True, duration=200,
                                     append_images=[Image.fromarray(frame) for frame in plain()[1:]])
    assert read_frames(tmp_path / 'walk.gif').fps == 5
    frames, _ = read(write(tmp_path / 'walk.mp4', texture(4), times=[0, 50, 100, 150]))
    assert frames.fps == pytest.approx(0.5, rel=0.05) and not frames.facts.jumps


@pytest.mark.parametrize('name, options', [('walk.mkv', {}), ('walk.mp4', {'movflags': 'faststart'}), ('walk.avi', {}),
                                           ('walk.wmv', {})])
def test_a_truncated_recording_is_said_with_what_is_missing(tmp_path, name, options):
    path = write(tmp_path / name, texture(50), options=options)
    frames, found = read(path)
    assert len(found) == 50 and not frames.remarks
    path.write_bytes(path.read_bytes()[:int(0.6 * path.stat().st_size)])
    frames, found = read(path)
    assert len(found) < 40
    there, promised = frames.facts.truncated
    assert promised == pytest.approx(2, abs=0.05) and there == pytest.approx(len(found) / 25, abs=0.09)
    assert any('truncated' in remark for remark in frames.remarks)
    frames, found = read(path, end=0.4)                             # what was asked for is there
    assert len(found) == 10 and not frames.remarks


def test_what_is_to_be_known_of_a_recording_reaches_python_cache_and_second_run(tmp_path, monkeypatch):
    path = write(tmp_path / 'walk.mkv', np.repeat(ready_crops(12)[:, :298, :298], 2, 0))
    path.write_bytes(path.read_bytes()[:int(0.6 * path.stat().st_size)])
    nets = Features(), Leaky()
    vector, track = walk_vector(path, *nets, crop='none', return_track=True)
    assert any('truncated' in remark for remark in track.remarks)
    with pytest.warns(UserWarning, match='walk.mkv: the recording is truncated'):
        walk_vector(path, *nets, crop='none')
    monkeypatch.setattr(Weights, 'digest', property(lambda self: 'print'))
    monkeypatch.setattr('gait_recognition.vectors.shared_networks', lambda *_: nets)
    monkeypatch.setattr('gait_recognition.vectors.choose_weights', Weights)
    transformer = GaitVectors('p.ckpt', 'g.ckpt', 'GRU', 1, crop='none', cache=tmp_path / 'cache')
    for _ in range(2):                                              # the second comes from the cache
        with pytest.warns(UserWarning, match='walk 0: the recording is truncated'):
            vectors = transformer.transform([path])
        assert np.array_equal(vectors[0], vector)
    assert transformer.transform_with_remarks([path])[1] == [track.remarks]


# Writing.

@pytest.mark.parametrize('rate', [0.5, 1, 7.5, 12.5, 14.985, 24000 / 1001, 25, 30000 / 1001, 48, 60000 / 1001,
                                  120000 / 1001, 240000 / 1001, 240, 480, 960000 / 1001, 1000])
def test_every_rate_that_a_video_can_have_writes_back_out(tmp_path, rate):
    pytest.importorskip('av')
    assert abs(float(encodable_rate(rate)) / rate - 1) < 1e-6
    with open(tmp_path / 'walk.mp4', 'wb') as file:
        encode(file, 'mp4', iter(texture(8)), rate)
    frames, found = read(tmp_path / 'walk.mp4')
    assert len(found) == 8 and frames.fps == pytest.approx(rate, rel=1e-3)


# Names, protocols, odd files.

def test_names_that_look_like_protocols_are_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = write(tmp_path / 'walk.mkv', texture(3)).read_bytes()
    for name in ('a:b.mkv', 'pipe:0', 'concat:x', '%03d.mkv', 'walk[1].mkv', b'\xe4.mkv'):
        try:
            with open(name, 'wb') as file:
                file.write(data)
        except OSError:
            continue                                                # not on this system
        assert len(read(name)[1]) == 3
    for name in ('concat:walk.mkv|walk.mkv', 'subfile:,,start,0,end,0,,:walk.mkv', 'pipe:1', 'data:text/plain,x'):
        with pytest.raises(FileNotFoundError, match='no such file'):
            read_frames(name)
    with pytest.raises(FileNotFoundError, match='addresses begin with rtsp://'):
        read_frames('ftp://host/walk.mkv')


@pytest.mark.parametrize('name, text', [
    ('list.m3u8', '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n'),
    ('list.ffconcat', 'ffconcat version 1.0\nfile {}\n'), ('walk.txt', 'a text, no video {}\n' * 200)])
def test_no_playlist_and_no_list_inside_a_file_is_followed(tmp_path, name, text):
    path = write(tmp_path / 'walk.ts', texture(3), 'mpeg2video')
    (tmp_path / name).write_text(text.replace('{}', str(path)))
    with pytest.raises(ValueError, match=f'{name} cannot be read.*lists of other files are not followed'):
        read_frames(tmp_path / name)


def test_an_address_is_read_where_the_user_says_so_and_a_playlist_there_is_not_followed(tmp_path):
    write(tmp_path / 'walk.mkv', texture(5))
    (tmp_path / 'list.m3u8').write_text('#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:5,\nwalk.mkv\n#EXT-X-ENDLIST\n')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f'http://127.0.0.1:{server.server_port}'
        try:
            frames, found = read(f'{address}/walk.mkv')
            assert len(found) == 5 and not frames.rereadable
            for name, why in (('list.m3u8', 'cannot be read.*playlists'), ('nothing.mp4', 'cannot be opened.*404')):
                with pytest.raises(ValueError, match=f'{name} {why}'):
                    read_frames(f'{address}/{name}')
            with pytest.raises(ValueError, match=r'^http://me:\*\*\*@127.*404') as caught:
                read_frames(f'{address}/nothing.mp4'.replace('//', '//me:se:c@ret@'))
            assert 'c@ret' not in str(caught.value)
        finally:
            server.shutdown()


def test_of_many_videos_in_a_file_the_first_are_named_and_the_others_counted():
    line, = Facts(stream=0, others=[f'{number} (16 x 16, mpeg4)' for number in range(1, 900)]).remarks()
    assert '5 (16 x 16, mpeg4) and 894 more (--stream N' in line and len(line) < 300


@pytest.mark.parametrize('cut', [False, True])
def test_a_video_from_a_server_that_tells_no_length_is_whole_unless_it_was_cut(tmp_path, cut):
    content = write(tmp_path / 'walk.mkv', texture(20)).read_bytes()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            with contextlib.suppress(OSError):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content[:len(content) // 2] if cut else content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            frames, found = read(f'http://127.0.0.1:{server.server_port}/walk.mkv')
        finally:
            server.shutdown()
    assert (len(found) == 20) == (not cut)
    assert bool(frames.facts.damaged) == cut


@pytest.mark.parametrize('codec', ['mpeg4', 'libx264'])                 # sizes told by the pictures, by the header
def test_an_mp4_with_its_index_last_is_refused_with_the_reason_where_only_its_beginning_can_be_asked_for(
        tmp_path, codec):
    noise = np.random.default_rng(0).integers(0, 256, (150, 96, 128, 3), np.uint8)
    path = write(tmp_path / 'walk.mp4', noise, codec)
    assert len(read(path)[1]) == 150
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)       # knows no ranges
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with pytest.raises(ValueError, match='walk.mp4: no picture of it .* index lies at its end, .*ranges'):
                read(f'http://127.0.0.1:{server.server_port}/walk.mp4')
        finally:
            server.shutdown()


def test_lists_of_paths_home_and_bytes_are_understood(tmp_path, monkeypatch):
    for number in (1, 2):
        Image.new('RGB', (8, 6), (number, 0, 0)).save(tmp_path / f'{number}.png')
    _, found = read([tmp_path / '2.png', str(tmp_path / '1.png')])
    assert [frame[0, 0, 0] for frame in found] == [2, 1]
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('USERPROFILE', str(tmp_path))
    assert len(read('~/1.png')[1]) == len(read(os.fsencode(tmp_path / '1.png'))[1]) == 1
    assert len(read('~/*.png')[1]) == 2


def test_videos_where_one_walk_was_expected_are_named(tmp_path):
    for name in ('a.mp4', 'b.mp4'):
        (tmp_path / name).write_bytes(b'whatever')
    for source in (tmp_path, str(tmp_path / '*.mp4'), [tmp_path / 'a.mp4', tmp_path / 'b.mp4']):
        with pytest.raises(ValueError, match=r'a\.mp4.*one by one|a\.mp4.*each video by itself'):
            read_frames(source)
    path = write(tmp_path / 'walk.mkv', texture(3))
    assert len(read(str(path.with_name('wal?.mkv')))[1]) == 3       # one file: that is the one


def test_heic_is_read_by_its_plug_in_or_what_to_install_is_said(tmp_path):
    (tmp_path / 'me.heic').write_bytes(b'\0\0\0\x18ftypheic' + bytes(400))
    if 'HEIF' in pictures.known_formats():
        pytest.skip('pillow-heif is installed')
    for reader in (read_frames, pictures.read_picture):
        with pytest.raises(ValueError, match='me.heic is a HEIC picture: pip install pillow-heif'):
            reader(tmp_path / 'me.heic')


@pytest.mark.parametrize('suffix', ['.tif', '.webp', '.gif', '.png'])
def test_a_picture_beyond_pillows_own_limit_is_still_known_as_one_without_a_word(tmp_path, monkeypatch, suffix):
    image = Image.new('RGB', (64, 48), 'red')
    image.save(tmp_path / f'one{suffix}')
    image.save(tmp_path / f'film{suffix}', save_all=True, append_images=[Image.new('RGB', (64, 48), 'blue')])
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert pictures.is_picture(tmp_path / f'one{suffix}') and not pictures.is_picture(tmp_path / f'film{suffix}')
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_an_annotated_picture_beyond_the_limits_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, 'DEFAULT_LIMITS', pictures.Limits(pixels=3000))
    Image.new('RGB', (64, 48)).save(tmp_path / 'large.png')
    with pytest.raises(ValueError, match='large.png: 64 x 48 are more than 3,000 pixels.*; scale it down$'):
        with pictures.opened_picture(tmp_path / 'large.png'):
            pass


def test_heic_pictures_are_read_alone_and_as_a_walk(tmp_path):
    pytest.importorskip('pillow_heif')
    assert 'HEIF' in pictures.known_formats()
    images = [Image.new('RGB', (64, 48), (40 * number, 80, 10)) for number in range(4)]
    for number, image in enumerate(images):
        image.save(tmp_path / f'{number}.heic')
    _, found = read(tmp_path)
    assert np.abs([frame[0, 0, 0] - 40.0 * number for number, frame in enumerate(found)]).max() < 4 and len(found) == 4
    assert read_picture(tmp_path / '1.heic').size == (64, 48) and pictures.is_picture(tmp_path / '1.heic')
    images[0].save(tmp_path / 'walk.heic', save_all=True, append_images=images[1:])
    assert len(read(tmp_path / 'walk.heic')[1]) == 4


@pytest.mark.parametrize('source, message', [
    ('7' * 4300, 'name too long|no such file'), (10 ** 4400, 'numbers from 0'), (-1, 'numbers from 0'),
    ('a\0b', 'no name of a file'), ('', 'an empty one'), ('x' * 5000 + '.mp4', 'characters')],
    ids=['digits', 'integer', 'negative', 'zero byte', 'empty', 'letters'])
def test_numbers_and_names_that_cannot_be_are_said_at_once(source, message):
    with pytest.raises((ValueError, OSError), match=f'(?i){message}') as caught:
        read_frames(source)
    assert len(str(caught.value)) < 600


@posix
def test_devices_sockets_and_empty_files_are_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)                                     # a socket's path is short
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind('socket')
        (tmp_path / 'empty.mp4').touch()
        for name, message in (('socket', 'is a socket'), ('/dev/zero', 'is a device'), ('empty.mp4', 'is empty')):
            with pytest.raises(ValueError, match=message):
                read_frames(name)
    if os.path.exists('/proc/self/maps'):
        with pytest.raises(ValueError, match='is empty'):
            read_frames('/proc/self/maps')


@posix
def test_a_fifo_is_read_once_as_the_stream_it_is(tmp_path):
    data = write(tmp_path / 'walk.mkv', texture(6)).read_bytes()
    os.mkfifo(tmp_path / 'fifo')
    writer = threading.Thread(target=(tmp_path / 'fifo').write_bytes, args=(data,))
    writer.start()
    frames, found = read(tmp_path / 'fifo')
    writer.join()
    assert len(found) == 6 and not frames.rereadable
    with pytest.raises(ValueError, match='only once'):
        list(frames)


@posix
def test_a_fifo_that_nobody_writes_to_is_given_up(tmp_path, monkeypatch):
    pytest.importorskip('av')
    monkeypatch.setattr(sources, 'SILENCE_SECONDS', 0.1)
    os.mkfifo(tmp_path / 'fifo')
    with pytest.raises(ValueError, match='fifo: nothing came'):
        read_frames(tmp_path / 'fifo')


@pytest.mark.parametrize('piped', [True, False])
def test_standard_input_is_read(tmp_path, piped):
    path = write(tmp_path / 'walk.mkv', texture(6))
    code = "from gait_recognition.frames import read_frames; print(len(list(read_frames('-'))))"
    given = {'input': path.read_bytes()} if piped else {'stdin': open(path, 'rb')}
    with contextlib.closing(given.get('stdin') or contextlib.ExitStack()):
        done = subprocess.run([sys.executable, '-c', code], capture_output=True, cwd=ROOT, **given)
    assert done.stdout.strip() == b'6', done.stderr


def test_a_colour_profile_that_has_a_name_crashes_nothing(tmp_path):
    """PyAV frees that name twice once anything looked at the frame's side data, so it is tried in another process."""
    pytest.importorskip('av')
    Image.new('RGB', (64, 48), (200, 0, 0)).save(tmp_path / 'walk.png', icc_profile=bytes(600))
    code = """if True:
        import gc, sys
        from gait_recognition.facts import Limits
        from gait_recognition.recordings import Recording
        for _ in range(3):
            for _, load in Recording('file', sys.argv[1], 'walk', Limits()).read():
                print(load().shape)
            gc.collect()
        """
    done = subprocess.run([sys.executable, '-c', code, tmp_path / 'walk.png'], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, '(48, 64, 3)\n' * 3), done.stderr


def test_a_file_that_changes_or_vanishes_while_it_is_read_is_said(tmp_path):
    path = write(tmp_path / 'walk.mkv', texture(6))
    frames = read_frames(path)
    with pytest.raises(ValueError, match='walk.mkv changed while it was read'):
        for number, _ in enumerate(frames):
            if number == 2:
                path.write_bytes(path.read_bytes() + bytes(10))
    path.unlink()
    with pytest.raises(FileNotFoundError):
        list(frames)


def test_pictures_that_vanish_between_looking_and_cutting_are_said(tmp_path):
    frames, _ = crossing(60)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f'{number}.png')
    crops = crop_walker(tmp_path)
    for number in range(30, 40):
        (tmp_path / f'{number}.png').unlink()
    with pytest.raises(ValueError, match='10 frames are missing now'):
        list(crops)


# Limits.

def test_frames_pictures_and_walks_beyond_the_limits_are_refused_and_the_limits_can_be_raised(tmp_path):
    video = write(tmp_path / 'walk.mkv', texture(6))
    Image.fromarray(texture(1)[0]).save(tmp_path / 'walk.gif', save_all=True, duration=40,
                                        append_images=[Image.fromarray(frame) for frame in texture(6)[1:]])
    for path in (video, tmp_path / 'walk.gif'):
        with pytest.raises(ValueError, match=r'128 x 96 are more than 12,000 pixels.*--max-pixels'):
            read_frames(path, limits=Limits(pixels=12_000))
        with pytest.raises(ValueError, match='more than 5 frames.*--max-frames'):
            read(path, limits=Limits(frames=5))
        assert len(read(path, limits=Limits(12_288, 6))[1]) == len(read(path, end=0.2, limits=Limits(frames=5))[1]) + 1
    with pytest.raises(ValueError, match='--max-pixels'):
        pictures.read_picture(tmp_path / 'walk.gif', Limits(pixels=12_000))


def test_a_recording_too_long_by_its_header_is_refused_before_it_is_read(tmp_path):
    video = write(tmp_path / 'walk.mp4', texture(30))
    with pytest.raises(TooLargeError, match=r'walk\.mp4: by its header more than 20 frames.*--max-frames'):
        read_frames(video, limits=Limits(frames=20))
    assert read_frames(video, every=3, end=0.8, limits=Limits(frames=20)).expected == 7
    assert read_frames(video, every=3).expected == 10


def test_an_animation_of_too_many_pixels_together_is_refused_before_it_is_decoded(tmp_path):
    first, *others = map(Image.fromarray, texture(52))
    first.save(tmp_path / 'walk.gif', save_all=True, duration=40, append_images=others)
    limits = Limits(pixels=12_288)                                  # as many as one frame of 128 x 96 has
    with pytest.raises(TooLargeError, match=r'walk\.gif: 52 frames of 128 x 96 have more than 614,400 pix.*--max-p'):
        read_frames(tmp_path / 'walk.gif', limits=limits)
    assert len(read(tmp_path / 'walk.gif', end=2.0, limits=limits)[1]) == 50
    assert read_frames(tmp_path / 'walk.gif').expected == 52
    first.save(tmp_path / 'slow.gif', save_all=True, duration=[20, *[1000] * 51], append_images=others)
    assert len(read(tmp_path / 'slow.gif', end=3.0, limits=limits._replace(frames=4))[1]) == 4
    (tmp_path / 'walks').mkdir()
    for name in ('1.gif', '2.gif'):
        (tmp_path / 'walks' / name).write_bytes((tmp_path / 'walk.gif').read_bytes())
    with pytest.raises(TooLargeError, match=r'1\.gif: 51 frames of 128 x 96 have more'):
        read(tmp_path / 'walks', limits=limits)


def test_an_mp4_without_its_index_is_said_to_be_one(tmp_path):
    whole = write(tmp_path / 'walk.mp4', texture(30)).read_bytes()
    assert whole.index(b'mdat') < whole.index(b'moov')
    (tmp_path / 'cut.mp4').write_bytes(whole[:whole.index(b'moov') - 200])
    with pytest.raises(ValueError, match=r'cut\.mp4 .*it has no index \(moov\): the recording was not finished'):
        read_frames(tmp_path / 'cut.mp4')
    assert recordings.what_is_missing(tmp_path / 'walk.mp4') == ''
    assert recordings.what_is_missing(tmp_path / 'nowhere.mp4') == ''


def test_half_a_webp_animation_is_said_to_be_half(tmp_path):
    first, *others = map(Image.fromarray, texture(12))
    first.save(tmp_path / 'walk.webp', save_all=True, duration=40, append_images=others, lossless=True)
    whole = (tmp_path / 'walk.webp').read_bytes()
    (tmp_path / 'half.webp').write_bytes(whole[:len(whole) // 2])
    with pytest.raises(ValueError, match=f'{len(whole) // 2:,} of the {len(whole):,} bytes that it begins by prom'):
        read_frames(tmp_path / 'half.webp')


def test_a_bomb_is_refused_by_its_header(tmp_path):
    Image.new('L', (13_300, 13_300)).save(tmp_path / 'bomb.png', compress_level=1)
    for reader in (read_frames, pictures.read_picture):
        with pytest.raises(ValueError, match='13300 x 13300 are more than 64,000,000 pixels'):
            reader(tmp_path / 'bomb.png')


@pytest.mark.parametrize('orientation, whole', [(1, (5000, 4000)), (6, (4000, 5000))])
def test_a_large_jpeg_is_decoded_at_the_size_that_is_needed(tmp_path, orientation, whole, monkeypatch):
    exif = Image.Exif()
    exif[0x112] = orientation
    wedge = Image.linear_gradient('L').resize((5000, 4000)).convert('RGB')
    wedge.save(tmp_path / 'large.jpg', exif=exif)
    picture, size = pictures.read_reduced(tmp_path / 'large.jpg', 1200)
    assert (size, picture.size) == (whole, (whole[0] // 2, whole[1] // 2))
    assert pictures.read_picture(tmp_path / 'large.jpg').size == whole
    seen = []

    class Net:
        def joint_positions(self, crops):
            seen.append(crops[0].astype(int))
            return np.full((3, 1, 16), 149.5, np.float32)
    for _ in range(2):
        found, = poses(tmp_path / 'large.jpg', Net())
        assert found.joints[:2, 0].tolist() == [whole[1] / 2, whole[0] / 2]
        monkeypatch.setattr('gait_recognition.pose_estimation.ENOUGH', 1000)        # the second is read whole
    assert np.abs(seen[0] - seen[1]).max() <= 2
    wedge.save(tmp_path / 'large.png')                          # cannot be
    assert pictures.read_reduced(tmp_path / 'large.png', 1200)[0].size == (5000, 4000)


def test_a_strip_that_no_camera_takes_is_refused_for_its_frames_would_fill_the_memory(tmp_path):
    strips = [Image.new('L', (13_300, 300), grey) for grey in (0, 1)]
    strips[0].save(tmp_path / 'strip.gif', save_all=True, append_images=strips[1:])
    strips[0].save(tmp_path / 'strip.png')
    for reader, name in ((read_frames, 'strip.gif'), (read_frames, 'strip.png'), (pictures.read_picture, 'strip.png')):
        with pytest.raises(ValueError, match=f'{name}: 13300 x 300: a strip, 44 times'):
            reader(tmp_path / name)
    Image.new('L', (5000, 500)).save(tmp_path / 'panorama.png')
    assert len(read(tmp_path / 'panorama.png')[1]) == 1


@pytest.mark.parametrize('place', ['first', 'between', 'last'])
def test_a_picture_beyond_the_limit_among_others_is_counted_as_damaged_and_said(tmp_path, place):
    numbers = {'first': (2, 3, 1), 'between': (1, 3, 2), 'last': (1, 2, 3)}[place]
    for number in numbers[:2]:
        Image.new('RGB', (8, 6), 'green').save(tmp_path / f'{number}.png')
    (tmp_path / f'{numbers[2]}.ppm').write_bytes(b'P6\n99999 99999\n255\n')
    frames = read_frames(tmp_path)
    assert len(list(frames)) == 2 and (frames.count, frames.skipped) == (2, 1)
    damaged, why = frames.remarks
    assert damaged == '1 of 3 frames are damaged and were skipped'
    assert why.startswith('counted as damaged: ') and f'{numbers[2]}.ppm' in why
    list(frames)
    assert len(frames.remarks) == 2                                     # of the latest iteration alone


def test_where_each_picture_is_beyond_the_limit_that_is_said_at_once(tmp_path):
    for number in range(3):
        Image.new('RGB', (80, 60)).save(tmp_path / f'{number}.png')
    with pytest.raises(ValueError, match=r'0\.png: 80 x 60 are more than 4,000 pixels.*--max-pixels'):
        read_frames(tmp_path, limits=Limits(pixels=4000))
    pages = [Image.new('RGB', size) for size in ((8, 6), (80, 60), (8, 6))]
    pages[0].save(tmp_path / 'walk.tif', save_all=True, append_images=pages[1:])
    frames = read_frames(tmp_path / 'walk.tif', limits=Limits(pixels=4000))
    assert len(list(frames)) == 2 and any('80 x 60 are more' in remark for remark in frames.remarks)
    with pytest.raises(ValueError, match=r'walk\.tif: 80 x 60 are more'):
        list(read_frames(tmp_path / 'walk.tif', start=0.04, end=0.08, fps=25, limits=Limits(pixels=4000)))


def test_a_higher_limit_is_higher_than_pillows_own(tmp_path, monkeypatch):
    Image.new('RGB', (50, 60)).save(tmp_path / 'large.png')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)
    with pytest.raises(ValueError, match='large.png'):
        read_frames(tmp_path / 'large.png')
    assert len(read(tmp_path / 'large.png', limits=Limits(pixels=10 ** 9))[1]) == 1
    assert Image.MAX_IMAGE_PIXELS == 1000


@pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')             # beyond the limit
def test_threads_that_read_pictures_leave_limits_and_warnings_of_the_process_as_they_were(tmp_path, monkeypatch):
    Image.new('RGB', (50, 60)).save(tmp_path / 'large.png')
    pages = [Image.new('RGB', (50, 60), (shade,) * 3) for shade in range(4)]
    pages[0].save(tmp_path / 'walk.gif', save_all=True, append_images=pages[1:])
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)                # so that Pillow refuses from 2,000 pixels on
    filters, wrong = list(warnings.filters), []

    def read_some(limits, is_read):
        for _ in range(40):
            for ask in (lambda: read_picture(tmp_path / 'large.png', limits),
                        lambda: len(list(read_frames(tmp_path / 'walk.gif', limits=limits, fps=25))) == 4 or 1 / 0):
                try:
                    ask()
                    failed = None
                except Exception as error:
                    failed = error
                if is_read != (failed is None) or failed and not isinstance(failed, ValueError):
                    wrong.append((limits, failed))

    cases = ((Limits(pixels=10 ** 8), True), (Limits(pixels=10 ** 9), True), (Limits(), False),
             (Limits(pixels=2500), False))
    with switching_often():
        in_threads(*(functools.partial(read_some, *case) for case in cases))
    assert wrong == [] and Image.MAX_IMAGE_PIXELS == 1000 and list(warnings.filters) == filters


@pytest.mark.filterwarnings('error')
def test_pictures_that_pillow_warns_of_are_read_or_too_large_where_warnings_are_errors(tmp_path, monkeypatch):
    pages = [Image.new('RGB', (50, 60), (shade,) * 3) for shade in range(2)]
    pages[0].save(tmp_path / 'large.gif', save_all=True, append_images=pages[1:])
    for usual, limits, is_read in ((2000, Limits(), True), (2000, Limits(pixels=2500), False), (1400, Limits(), False),
                                   (1000, Limits(pixels=10 ** 8), True)):
        monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', usual)
        for ask in (read_picture, lambda path, limits: list(read_frames(path, limits=limits, fps=25))):
            with contextlib.nullcontext() if is_read else pytest.raises(TooLargeError, match='large.gif'):
                ask(tmp_path / 'large.gif', limits)
        assert Image.MAX_IMAGE_PIXELS == usual


def test_decoded_frames_are_freed_at_once_and_not_by_the_collector(tmp_path):
    path = write(tmp_path / 'walk.mkv', texture(60))
    av = pytest.importorskip('av')

    def alive():
        return sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())
    gc.collect()
    gc.disable()
    try:
        before, most = alive(), 0
        for _ in read_frames(path):
            most = max(most, alive() - before)
    finally:
        gc.enable()
    assert most < 10


@pytest.mark.parametrize('seed', range(3))
def test_damaged_files_of_every_kind_are_read_or_refused_by_name(tmp_path, seed):
    rng = np.random.default_rng(seed)
    images = [Image.fromarray(frame) for frame in texture(4, 48, 64)]
    files = [write(tmp_path / f'walk.{kind}', texture(6, 48, 64)) for kind in ('mp4', 'mkv', 'avi')]
    for kind in ('gif', 'webp', 'tif', 'png'):
        files.append(tmp_path / f'walk.{kind}')
        images[0].save(files[-1], save_all=True, append_images=images[1:])
    for path in files:
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for case in range(6):
            data = whole[:rng.integers(1, len(whole))].copy() if case < 2 else whole.copy()
            data[rng.integers(0, len(data) if case % 2 else min(len(data), 200), 3 * case)] = rng.integers(0, 256)
            path.write_bytes(data.tobytes())
            try:
                read(path)
            except (ValueError, OSError) as error:
                assert path.name in str(error)


# --- One bad picture in a folder -------------------------------------------------------------------------------------

def _png_text(path, key):
    facts = PngInfo()
    facts.add_text(key, 'a text')
    Image.new('RGB', (8, 6)).save(path, pnginfo=facts)


def _animation_with_text(path):
    facts = PngInfo()
    facts.add_text('duration', 'long')
    Image.new('RGB', (8, 6)).save(path, pnginfo=facts, save_all=True, append_images=[Image.new('RGB', (8, 6), 'red')])


def _cut_tiff(path):
    """The second of two directories is cut off."""
    file = io.BytesIO()
    Image.new('RGB', (8, 6)).save(file, 'TIFF', save_all=True, append_images=[Image.new('RGB', (8, 6), 'red')])
    path.write_bytes(file.getvalue()[:-30])


BAD_PICTURES = {
    'transparency as text': ('2.png', lambda path: _png_text(path, 'transparency'), (2, 3)),
    'duration as text': ('2.png', lambda path: _png_text(path, 'duration'), (3, 3)),
    'an animation with its duration as text': ('2.png', _animation_with_text, (4, 4)),
    'broken EXIF': ('2.png', lambda path: Image.new('RGB', (8, 6)).save(path, exif=b'Exif\0\0MM'), (2, 3)),
    'a TIFF cut in its second directory': ('2.tif', _cut_tiff, (3, 4)),
    'a PPM without width': ('2.ppm', lambda path: path.write_bytes(b'P6\n0 6\n255\n'), (2, 3)),
    'a PPM of negative size': ('2.ppm', lambda path: path.write_bytes(b'P6\n-8 6\n255\n' + bytes(144)), (2, 3)),
    'a PPM of 400 digits': ('2.ppm', lambda path: path.write_bytes(b'P6\n' + b'1' * 400 + b' 6\n255\n'), (2, 3)),
    'a PPM of a strange size': ('2.ppm', lambda path: path.write_bytes(b'P6\n12345 67890\n255\n' + bytes(144)), (2, 3)),
    'a text': ('2.png', lambda path: path.write_text('no picture'), (2, 3))}


@pytest.mark.parametrize('kind', BAD_PICTURES)
def test_one_bad_picture_of_a_folder_is_a_damaged_frame_and_ends_nothing(tmp_path, kind):
    name, make, expected = BAD_PICTURES[kind]
    for good in '1.png', '3.png':
        Image.new('RGB', (8, 6), 'green').save(tmp_path / good)
    make(tmp_path / name)
    frames = read_frames(tmp_path)
    given = list(frames)
    assert (frames.count, frames.count + frames.skipped) == expected
    assert all(frame[0, 0].tolist() == [0, 128, 0] for frame in (given[0], given[-1]))
    assert any('damaged' in remark for remark in frames.remarks) == bool(frames.skipped)
    with contextlib.suppress(ValueError):                   # alone, it is read or refused by its name
        read_picture(tmp_path / name)


@posix
@pytest.mark.parametrize('make', [os.mkfifo, lambda path: os.symlink('/dev/zero', path)])
def test_a_pipe_or_an_endless_device_is_refused_where_a_file_is_meant(tmp_path, make):
    Image.new('RGB', (8, 6)).save(tmp_path / '1.png')
    folder = tmp_path / 'folder'
    folder.mkdir()
    Image.new('RGB', (8, 6)).save(folder / '1.png')
    make(folder / '2.png')
    for suffix in '.gallery', '.npz', '.csv', '.json', '.png', '.mat', '.ckpt', '.c3d', '.txt', '.jsonl':
        make(tmp_path / f'it{suffix}')
    for read, name in ((Gallery.load, 'it.gallery'), (Gallery.load, 'it.npz'), (exchange.read, 'it.csv'),
                       (read_manifest, 'it.csv'), (read_annotations, 'it.csv'), (read_annotations, 'it.json'),
                       (read_picture, 'it.png'), (kind_of, 'it.png'), (digest_of, 'folder'),
                       (lambda path: list(read_frames(path)), 'folder'), (read_recordings, 'it.npz'),
                       (read_recordings, 'it.c3d'), (lambda path: convert_lsp(path, folder), 'it.mat'),
                       (read_boxes, 'it.txt'), (read_boxes, 'it.json'), (KeptAnswers, 'it.jsonl'),
                       (gait_checkpoints.read_checkpoint, 'it.ckpt'), (gait_checkpoints.read_checkpoint, 'it.npz')):
        with pytest.raises((ValueError, FileNotFoundError), match=r'2\.png|it\.|/dev/zero'):
            read(str(tmp_path / name))


@posix
def test_a_key_comes_from_a_file_or_a_pipe_that_somebody_writes_to(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, 'SILENCE_SECONDS', 0.1)
    key, pipe = tmp_path / 'key', tmp_path / 'pipe'
    key.write_text('secret\r\n')
    os.mkfifo(pipe)
    assert key_in(key) == 'secret'
    with pytest.raises(TimeoutError, match='pipe: nothing came'):
        key_in(pipe)
    writer = threading.Thread(target=pipe.write_text, args=('secret\n',))
    monkeypatch.setattr(sources, 'SILENCE_SECONDS', 60)
    writer.start()
    assert key_in(pipe) == 'secret'
    writer.join()
    with pytest.raises(ValueError, match='zero: expected a key of 4096 bytes at most'):
        key_in(pathlib.Path('/dev/zero'))


@pytest.mark.parametrize('read', [read_picture, lambda path: opened_picture(path).__enter__()])
def test_a_program_for_printers_under_a_pictures_name_is_not_run(tmp_path, monkeypatch, read):
    path, ran = tmp_path / 'me.png', []
    path.write_bytes(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n{} loop\n')
    monkeypatch.setattr('PIL.EpsImagePlugin.EpsImageFile.load', lambda *_: ran.append(1))
    with pytest.raises(ValueError, match=r'me\.png cannot be read as a picture'):
        read(path)
    assert not ran
