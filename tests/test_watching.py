"""Cameras that run: streams that break, machines that do not keep up, events, clips, memory, secrets."""
import contextlib
import functools
import gc
import http.server
import itertools
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest
import rtsp_server
from PIL import Image
from quick_command import GaitStandIn, PoseStandIn, refused

from gait_recognition import live, watch
from gait_recognition.frames import read_frames
from gait_recognition.gallery import Gallery
from gait_recognition.live import BREAK, Live
from gait_recognition.masking import without_secrets
from gait_recognition.people.tracks import people_vectors, tracks
from gait_recognition.videos import encode, write_frames
from gait_recognition.walkers.crossings import crossing
from gait_recognition.watching import LEFT, NAMED

SIZE = {'width': 320, 'height': 184}
FINGERPRINT = '0' * 64
TESTS = pathlib.Path(__file__).resolve().parent


class Net(PoseStandIn):
    """Sees nobody; describes crops by their colours."""

    def joint_positions(self, frames, batch_size=16):
        return np.zeros((3, len(frames), 16), np.float32)


class Apart(GaitStandIn):
    """Vectors less what two people have in common."""

    def __init__(self, vectors):
        self.common = np.mean(vectors, 0)

    def feed_forward(self, features, return_state=False, initial_state=None):
        return super().feed_forward(features)[0] - self.common, ()


class SlowNet(Net):
    def feed_forward_features(self, frames, batch_size=16):
        time.sleep(0.12 * len(frames))
        return super().feed_forward_features(frames)


def film(people, index):
    return np.stack([each.image for each in crossing(people, index, **SIZE)])


@pytest.fixture(scope='module')
def pair():
    """Two people who cross, 9 seconds."""
    return film([500000, 500001], 2)


@pytest.fixture(scope='module')
def recording(pair, tmp_path_factory):
    pytest.importorskip('av')
    path = tmp_path_factory.mktemp('scene') / 'scene.mp4'
    write_frames(path, pair, 25)
    return str(path)


@pytest.fixture(scope='module')
def offline(recording):
    """The scene's `PersonTrack`s, and their vectors."""
    people = tracks(read_frames(recording), Net())
    return people, people_vectors(people, Net(), GaitStandIn())


@pytest.fixture(scope='module')
def known(offline):
    """A calibrated gallery that knows the first of the scene as anna, and not the other."""
    rng = np.random.default_rng(0)
    gallery = Gallery(FINGERPRINT)
    _, vectors = offline
    first = vectors[0] - np.mean(vectors, 0)
    for name in ('anna', 'ben', 'carla', 'dan'):
        base = first if name == 'anna' else rng.permutation(first)
        gallery.enrol(name, base + rng.normal(0, 0.3 * np.abs(first).mean(), (4, 512)).astype(np.float32))
    gallery.calibrate(0.2)
    return gallery


def looked_at(source, gallery, net=None, gait_net=None, **options):
    """(events, what was said) of a watch to its end."""
    said = []
    return list(watch(source, gallery, net or Net(), gait_net or GaitStandIn(), say=said.append, **options)), said


def left(events):
    return [event for event in events if event.kind == LEFT]


# Events

@pytest.fixture(scope='module')
def watched(recording, known, offline):
    return looked_at(recording, known, gait_net=Apart(offline[1]))


def test_who_walks_by_is_told_as_of_the_recording(watched, offline):
    events, _ = watched
    people, vectors = offline
    assert [event.track for event in left(events)] == [1, 2] or [event.track for event in left(events)] == [2, 1]
    for event in left(events):
        person = min(people, key=lambda one: abs(one.start - event.start) + abs(one.end - event.end))
        assert abs(person.start - event.start) < 0.4 and abs(person.end - event.end) < 0.4
        assert abs(event.used - len(person.walk.numbers)) <= 0.15 * len(person.walk.numbers)
        assert abs(event.quality - person.quality) < 0.15
    assert len({person.number for person in people}) == 2


def test_a_name_comes_while_the_walk_goes_on_and_again_as_it_ends_and_a_stranger_stays_unknown(watched):
    events, _ = watched
    named = [event for event in events if event.kind == NAMED]
    assert [event.name for event in named] == ['anna']
    last = next(event for event in left(events) if event.track == named[0].track)
    assert last.name == 'anna' and last.decision == 'known' and last.probability > 0.5
    assert events.index(named[0]) < events.index(last) and named[0].end < last.end - 1
    other = next(event for event in left(events) if event.track != named[0].track)
    assert other.name is None and other.decision == 'unknown' and other.cosine_similarity < last.cosine_similarity


def test_an_event_has_the_clocks_of_the_stream_and_of_the_machine(recording, known):
    before = time.time()
    events, _ = looked_at(recording, known)
    for event in events:
        assert before <= event.began.timestamp() <= event.ended.timestamp() <= time.time()
        assert event.began.utcoffset().total_seconds() == 0
        assert 0 <= event.start < event.end < 9.1 and 0 < event.quality <= 1 and event.every == 1
        left_, top, right, bottom = event.box
        assert 0 <= left_ < right <= SIZE['width'] and 0 <= top < bottom <= SIZE['height']
        assert json.loads(json.dumps(event.as_dict()))['track'] == event.track


def test_what_cannot_be_read_twice_is_looked_at_before_anybody_is_followed(pair, known):
    events, said = looked_at(iter(pair), known, fps=25)
    assert len(left(events)) == 2 and min(event.start for event in events) >= 3
    assert said == ['frames from memory: looking at the scene for 3 s before anybody is followed']


def test_a_track_with_too_few_frames_says_so_and_has_no_name(pair, known):
    events, _ = looked_at(pair[:112], known, every=1, fps=25)
    short = [event for event in events if event.used < 8]
    assert all(event.problem and event.decision == 'unknown' and event.answer is None for event in short)
    assert len(left(events)) >= 1


def test_what_was_watched_is_not_watched_again_without_a_word():
    gallery = Gallery(FINGERPRINT)
    gallery.enrol('anna', np.ones(512))
    events = watch(iter(np.zeros((30, 48, 64, 3), np.uint8)), gallery, Net(), GaitStandIn(), say=print)
    assert [*events] == []
    with pytest.raises(ValueError, match='iterated over once.*open it anew'):
        iter(events)


def test_an_empty_gallery_is_refused_at_the_call(recording):
    with pytest.raises(ValueError, match='the gallery is empty; enrol somebody first'):
        watch(recording, Gallery(FINGERPRINT), Net(), GaitStandIn())


def test_a_gallery_that_is_emptied_meanwhile_leaves_everybody_unknown(recording, offline):
    gallery = Gallery(FINGERPRINT)
    gallery.enrol('anna', offline[1][0])
    watching = watch(recording, gallery, Net(), GaitStandIn(), say=lambda line: None)
    gallery.remove('anna')
    events = list(watching)
    assert len(events) == 2 and {event.problem for event in events} == {'the gallery is empty'}


def test_two_watches_of_one_gallery_answer_alike_and_know_who_is_enrolled_meanwhile(recording, offline, tmp_path):
    path, vectors = tmp_path / 'people.gallery', offline[1]
    with Gallery.open(path, FINGERPRINT, create=True) as gallery:
        gallery.enrol('anna', vectors[0])
    with Gallery.load(path, FINGERPRINT) as one, Gallery.load(path, FINGERPRINT) as other:
        told = []
        for events in zip(*(iter(watch(recording, each, Net(), GaitStandIn(), say=lambda line: None))
                            for each in (one, other))):
            told.append([(event.track, event.start, event.end, event.used, event.answer) for event in events])
            if len(told) == 1:
                with Gallery.open(path, FINGERPRINT) as gallery:
                    gallery.enrol('ben', vectors[1], force=True)
    assert all(first == second for first, second in told) and len(told) == 2
    assert [sorted(name for name, _ in first[-1].ranking) for first, _ in told] == [['anna'], ['anna', 'ben']]


def test_a_gallery_of_every_second_frame_refuses_every_frame(recording, offline):
    gallery = Gallery(FINGERPRINT)
    gallery.agree(2, 'auto')
    gallery.enrol('anna', offline[1][0])
    with pytest.raises(ValueError, match='every=2'):
        watch(recording, gallery, Net(), GaitStandIn())


def test_a_picture_that_moves_and_a_cut_are_said_and_nobody_is_followed(pair, known):
    rng = np.random.default_rng(0)
    wide = np.repeat(np.repeat(rng.integers(0, 255, (23, 140, 3), np.uint8), 8, 0), 8, 1)
    moving = [wide[:184, 6 * i % 700:6 * i % 700 + 320] for i in range(150)]
    events, said = looked_at(iter([*pair[:100], *moving]), known, fps=25)
    assert any('the picture changed all at once' in line for line in said)
    assert any('the camera moves' in line for line in said)
    assert all(event.end <= 4 for event in events)


def test_a_camera_that_turns_before_a_faint_pattern_is_said_to_move(pair, known):
    rng = np.random.default_rng(0)
    wide = np.repeat(np.repeat(rng.integers(0, 24, (23, 140, 3), np.uint8), 8, 0), 8, 1)
    _, said = looked_at(iter([wide[:184, 3 * i:3 * i + 320] for i in range(250)]), known, fps=25)
    assert any(line.endswith(': the camera moves, and nobody is followed meanwhile') for line in said)
    _, said = looked_at(iter([wide[:184, :320]] * 250), known, fps=25)
    assert not any('moves' in line for line in said)


# Sources

def test_a_stream_on_standard_input_is_watched(recording, pair, known, monkeypatch):
    read, write = os.pipe()

    def feed():
        with os.fdopen(write, 'wb') as file:
            encode(_Unseekable(file), 'mpegts', pair, 25)
    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(read) as stdin:
        monkeypatch.setattr('sys.stdin', stdin)
        events, _ = looked_at('-', known)
    thread.join()
    assert len(left(events)) == 2


class _Unseekable:
    def __init__(self, file):
        self.name, self.write = 'pipe', file.write


@pytest.fixture
def web(pair, tmp_path):
    """The address of the recording on a web server, which gives files from their beginning only."""
    write_frames(tmp_path / 'scene.mkv', pair, 25)
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}/scene.mkv'
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_recording_on_a_web_server_is_watched_to_its_end_and_waits_for_a_slow_machine(web, known):
    events, said = looked_at(web, known, max_lag=0.05)
    assert len(left(events)) == 2
    assert [line for line in said if 'behind' in line or 'opened again' in line] == []


@pytest.fixture(scope='module')
def pictures(pair, tmp_path_factory):
    folder = tmp_path_factory.mktemp('pictures')
    for number, frame in enumerate(pair):
        Image.fromarray(frame).save(folder / f'{number:04}.jpg', quality=95)
    return folder / '%04d.jpg'


@pytest.fixture
def serve(pictures):
    """Start an RTSP server with the scene, over and over: serve(port, user, password) -> the process."""
    pytest.importorskip('av')
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        if subprocess.run([rtsp_server.PYTHON, '-c', rtsp_server.NEEDED], capture_output=True, timeout=60).returncode:
            pytest.skip('no RTSP server: GStreamer (gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good) is not '
                        'installed for the system\'s Python')
    if not os.path.exists(rtsp_server.PYTHON):
        pytest.skip(f'no RTSP server: there is no {rtsp_server.PYTHON}')
    with contextlib.ExitStack() as running:
        def start(port, *account):
            process = running.enter_context(subprocess.Popen(
                [rtsp_server.PYTHON, TESTS / 'rtsp_server.py', str(port), pictures, '25', *account],
                stdout=subprocess.PIPE, text=True))
            running.callback(process.kill)
            assert process.stdout.readline() == 'ready\n'
            return process
        yield start


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


def test_a_stream_whose_server_is_killed_is_watched_again_when_it_is_back(serve, port, known):
    server, said, events, again = serve(port), [], [], []

    def say(line):
        said.append(line)
        if 'opened again' in line and not again:
            again.append(serve(port))
    watching = watch(f'rtsp://127.0.0.1:{port}/hall', known, Net(), GaitStandIn(), say=say, max_lag=60.0)
    for event in watching:
        events.append(event)
        if event.kind == LEFT and not again:
            server.kill()
            server.wait()
        elif event.kind == LEFT and event.start > left(events)[0].end + 1:
            watching.stop()
    assert any('opened again in 1 s' in line for line in said) and any('it is there again' in line for line in said)
    tracks_left = [event.track for event in left(events)]
    assert len({*tracks_left}) == len(tracks_left) >= 2
    assert left(events)[-1].start > left(events)[0].end


def test_a_password_is_in_nothing_that_is_said(serve, port, known, run, gallery, weights):
    server = serve(port, 'viewer', 'horse7')
    address = f'rtsp://viewer:horse7@127.0.0.1:{port}/hall'
    with pytest.raises(ValueError, match=r'^rtsp://viewer:\*\*\*@127.0.0.1:\d+/hall cannot be opened: .*401'):
        Live(address.replace('horse7', 'wrong'))
    source = Live(address, say=lambda line: None)
    assert source.name == f'rtsp://viewer:***@127.0.0.1:{port}/hall' and next(iter(source)).frame.shape == (184, 320, 3)
    server.kill()
    server.wait()
    for command in (['watch', address, gallery], ['identify', gallery, address, '--end', '3', '--json'],
                    ['identify', gallery, address, '--end', '3', '--jsonl', '--verbose']):
        status, out, err = run(*command, *weights)
        assert status == 2 and 'horse7' not in out + err and 'viewer:***@' in err


def test_pose_of_everyone_says_no_password_of_an_address(web, run, weights, opened, tmp_path):
    address, boxes = web.replace('//', '//viewer:horse7@'), tmp_path / 'boxes.txt'
    boxes.write_text(''.join(f'{frame},1,{100 + 2 * frame},30,50,120,1\n' for frame in range(1, 14)))
    common = address, '--everyone', '--boxes', boxes, '--end', '0.5', '--joints', tmp_path / 'joints.csv'
    for form in ((), ('--json',)):
        status, out, err = run('pose', *common, *form, *weights[:2])
        said = out + err + (tmp_path / 'joints.csv').read_text()
        assert status == 0 and 'horse7' not in said and 'viewer:***@' in out, err


@pytest.mark.parametrize('text, masked', [
    ('rtsp://a:b@host/x', 'rtsp://a:***@host/x'),
    ('see rtsp://a:p@ss:w@host:554/x: no', 'see rtsp://a:***@host:554/x: no'),
    ('HTTP://host/s?user=a&password=b&n=1', 'HTTP://host/s?user=a&password=***&n=1'),
    ("'https://host/s?token=b'", "'https://host/s?token=***'"), ('http://host/a@b:c', 'http://host/a@b:c'),
    ('mail a:b@host', 'mail a:b@host'), ('rtsp://a@host/', 'rtsp://a@host/')])
def test_passwords_of_addresses_are_masked(text, masked):
    assert without_secrets(text) == masked


def test_a_camera_that_is_not_there_is_refused(run, gallery, weights, opened):
    assert 'camera 4711: no camera ' in refused(run('watch', '4711', gallery, *weights))
    assert refused(run('watch', '/dev/video4711', gallery, *weights)).endswith('no such file or folder\n')


def test_what_is_no_gallery_and_an_empty_one_are_refused_before_a_network_is_opened(run, tmp_path, weights, opened,
                                                                                  recording):
    with Gallery.open(tmp_path / 'empty.gallery', FINGERPRINT, create=True) as gallery:
        gallery.agree()
    assert 'no such gallery' in refused(run('watch', recording, tmp_path / 'none.gallery', *weights))
    assert opened == []


# A source that breaks

class Reader:
    """Stands in for a stream: so many frames, then an error or the end."""

    fps, knows_fps, is_regular, expected = 25.0, True, True, None

    def __init__(self, frames, error=None, jump=0.0):
        from gait_recognition.facts import Facts
        self.facts, self._frames, self._error, self._jump = Facts(), frames, error, jump

    def read(self):
        for number, frame in enumerate(self._frames):
            yield number / 25 + (self._jump if number > 10 else 0), functools.partial(np.asarray, frame)
        if self._error:
            raise self._error


@pytest.fixture
def streams(monkeypatch):
    """What opening a stream gives, one after the other; and no waiting."""
    readers, waits = [], []

    def opened(found, *_):
        reader = readers.pop(0)
        if isinstance(reader, Exception):
            raise reader
        return reader
    monkeypatch.setattr(live, 'open_reader', opened)
    monkeypatch.setattr(live._Waiting, 'pause', lambda self, seconds: waits.append(seconds))
    return readers, waits


STREAM = 'rtsp://camera/hall'


def test_waits_grow_while_a_broken_stream_stays_away_and_tracks_end_where_it_broke(streams, pair, known):
    readers, waits = streams
    gone = ValueError(f'{STREAM}: nothing came for too long')
    readers += [Reader(pair[:120], gone), gone, ConnectionRefusedError(111, 'Connection refused'), gone,
                Reader(pair[:20]), gone]
    said = []
    source = Live(STREAM, max_lag=60.0, retries=4, say=said.append)         # it sends at once
    moments, error = [], None
    try:
        for moment in source:
            moments.append(moment)
    except ValueError as raised:
        error = str(raised)
    assert waits[:4] == [1, 2, 4, 8] and moments[120] is BREAK
    assert [line for line in said if 'is there again' in line] == [f'{STREAM}: it is there again']
    assert said[0] == f'{STREAM}: nothing came for too long; opened again in 1 s'
    assert 'given up (--retries)' in error
    seconds = [moment.seconds for moment in moments if moment is not BREAK]
    assert len(seconds) == 140 and seconds == sorted(seconds)


def test_tracks_under_way_are_answered_before_a_stream_is_given_up(streams, pair, known):
    readers, _ = streams
    readers += [Reader([*pair[:1]] * 80 + [*pair[:150]], OSError('gone'))]
    events = []
    with pytest.raises(ValueError, match='gone'):
        for event in watch(STREAM, known, Net(), GaitStandIn(), max_lag=60.0, retries=0, say=lambda line: None):
            events.append(event)
    assert len(left(events)) == 2 and all(event.end > 9 for event in left(events))


def test_a_stream_that_never_gave_a_frame_is_an_error_at_once(streams):
    readers, waits = streams
    readers += [Reader([])]
    with pytest.raises(ValueError, match='no frame came'):
        list(Live(STREAM, say=print))
    assert waits == []


def test_nobody_is_followed_over_a_jump_in_time(streams, pair):
    readers, _ = streams
    readers += [Reader(pair[:30], jump=1000.0)]
    got = []
    with contextlib.suppress(ValueError):
        for moment in Live(STREAM, retries=0, say=lambda line: None):
            got.append(moment)
    assert BREAK in got[:-1]
    assert max(moment.seconds for moment in got if moment is not BREAK) < 100       # our clock goes on, not its


# Keeping up

def test_who_cannot_keep_up_uses_every_second_frame_and_says_so(recording, known):
    events, said = looked_at(recording, known, net=SlowNet(), real_time=True, max_lag=0.4)
    behind = [line for line in said if 'behind: every second frame is used' in line]
    assert len(behind) == 1 and 's behind' in behind[0]
    assert max(event.every for event in events) >= 2 and len(left(events)) >= 1


def test_a_camera_is_not_kept_waiting_where_few_large_frames_may_wait(monkeypatch):
    frames = np.zeros((60, 90, 160, 3), np.uint8)
    monkeypatch.setattr(live, 'HELD_BYTES', 3 * frames[0].nbytes)
    said, used = [], []
    began = time.monotonic()
    for moment in Live(frames, real_time=True, fps=25, say=said.append):
        used.append(moment)
        time.sleep(0.1)
    assert 2.3 < time.monotonic() - began < 8               # 2.4 s of frames, not 6
    assert len(used) < 40 and used[-1].every > 1 and any('every second frame' in line for line in said)


def test_pace_halves_and_doubles_with_patience(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(live.time, 'monotonic', lambda: now[0])
    pace, said = live._Pace(1, 2.0), []
    for lag, seconds in [(0.1, 5), (2.5, 10), (2.6, 12), (3.0, 20), (0.1, 21), (0.1, 32), (1.0, 33), (0.1, 50)]:
        now[0] = seconds
        said.append(pace.note(lag))
    assert said[1] == '2.5 s behind: every second frame is used' and said[2] is None
    assert said[3] == '3.0 s behind: every 4th frame is used'
    assert pace.every in (2, 4) and [line for line in said if line and 'keeps up' in line] == []
    for second in range(51, 120):
        now[0] = second
        said.append(pace.note(0.0))
    assert any(line == 'it keeps up: every second frame is used' for line in said)


def test_beyond_the_coarsest_frames_are_thrown_away_and_that_is_said_once(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(live.time, 'monotonic', lambda: now[0])
    pace, said = live._Pace(2, 1.0), []
    for _ in range(8):
        now[0] += 10
        said.append(pace.note(3.0))
    assert pace.every == 16 and pace.is_hopeless
    assert sum('thrown away' in line for line in said if line) == 1


# Clips

def test_clips_show_the_cut_out_walkers_and_nothing_half_written(recording, known, tmp_path):
    events, _ = looked_at(recording, known, clips=tmp_path / 'clips')
    assert {path.name for path in (tmp_path / 'clips').iterdir()} == {os.path.basename(e.clip) for e in left(events)}
    for event in left(events):
        frames = list(read_frames(event.clip))
        assert abs(len(frames) - event.used) <= 1 and frames[0].shape == (298, 298, 3)
        middle = np.stack(frames)[:, 60:240, 120:180].astype(float)
        assert middle.std() > 10
        assert os.path.basename(event.clip).endswith(f'Z-track-{event.track}.mp4')
    assert all(event.clip is None for event in events if event.kind == NAMED)


def test_a_watch_that_is_left_in_the_middle_leaves_no_clip_behind(recording, known, offline, tmp_path):
    watching = watch(recording, known, Net(), Apart(offline[1]), clips=tmp_path, say=print)
    with contextlib.closing(iter(watching)) as events:
        assert next(events).kind == NAMED and any(tmp_path.iterdir())
    assert [*tmp_path.iterdir()] == []


def test_a_clip_that_cannot_be_written_is_said_and_the_watch_goes_on(recording, known, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device', 'clip')
    monkeypatch.setattr('gait_recognition.watching.Encoder.add', full)
    events, said = looked_at(recording, known, clips=tmp_path)
    assert len(left(events)) == 2 and all(event.clip is None for event in events)
    assert sum('no clip' in line and 'No space left' in line for line in said) == 2
    assert [*tmp_path.iterdir()] == []


# Memory

def test_memory_does_not_grow_from_one_round_of_a_scene_to_the_next(known):
    images, held = film([500003], 1)[::2], []
    events = watch(itertools.chain.from_iterable([images] * 7), known, Net(), GaitStandIn(), fps=12.5, say=print)
    tracemalloc.start()
    try:
        for event in events:
            if event.kind == LEFT:                          # in the main thread, and at the same frame of each round
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert len(held) >= 6
    assert min(held[-2:]) < 1.05 * max(held[2:4])


# The command

@pytest.fixture
def blind(monkeypatch, opened):
    monkeypatch.setattr('gait_recognition.commands.walks.open_networks', lambda weights: (
        contextlib.nullcontext(Net()), contextlib.nullcontext(GaitStandIn())))
    monkeypatch.setattr('gait_recognition.commands.watch.load_tensorflow', lambda verbose: None)


def test_the_command_prints_a_line_of_json_for_each_event(run, gallery, weights, blind, recording, tmp_path):
    status, out, err = run('watch', recording, gallery, *weights, '--jsonl', '--clips', tmp_path / 'clips')
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0 and len([line for line in lines if line['event'] == LEFT]) == 2
    for line in lines:
        assert {'source', 'event', 'track', 'start', 'end', 'began', 'ended', 'name', 'decision', 'probability',
                'cosine_similarity', 'quality', 'frames', 'used', 'every', 'box', 'clip', 'problem',
                'ranking'} <= line.keys()
        assert line['source'] == recording
    assert '9 walks of 3 people' in err
    assert run('watch', recording, gallery, *weights, '--json')[1].count('\n') == len(lines)


def test_the_command_prints_lines_of_text(run, gallery, weights, blind, recording):
    status, out, _ = run('watch', recording, gallery, *weights)
    assert status == 0
    for line in out.splitlines():
        assert ' track ' in line and ' s, quality ' in line and 'cosine similarity' in line


ENDED = '''
import contextlib, signal, sys
sys.path[:0] = [{root!r}, {tests!r}]
from gait_recognition import door
from gait_recognition.commands import walks, watch
from test_watching import GaitStandIn, Net
walks.open_networks = lambda weights: (contextlib.nullcontext(Net()), contextlib.nullcontext(GaitStandIn()))
watch.load_tensorflow = lambda verbose: None
sys.argv[1:] = {arguments!r}
sys.exit(door.enter('gait_recognition.cli', 'gait-recognition'))
'''


@pytest.mark.parametrize('which', [signal.SIGTERM, signal.SIGINT])
@pytest.mark.skipif(os.name != 'posix', reason='signals of POSIX')
def test_a_signal_ends_it_with_answers_for_the_tracks_under_way(gallery, weights, recording, which):
    code = ENDED.format(root=str(TESTS.parent), tests=str(TESTS), arguments=[
        'watch', recording, gallery, *weights, '--jsonl', '--real-time', '--max-lag', '60'])
    with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as run:
        first = json.loads(run.stdout.readline())
        run.send_signal(which)
        rest = [json.loads(line) for line in run.stdout.read().splitlines()]
        err = run.stderr.read()
    assert run.returncode == 0, err
    assert {line['track'] for line in [first, *rest] if line['event'] == LEFT} == {1, 2}
    assert 'Traceback' not in err


@pytest.mark.skipif(os.name != 'posix', reason='signals of POSIX')
def test_that_nobody_reads_any_more_ends_it_without_a_word_or_half_a_clip(gallery, weights, recording, tmp_path):
    code = ENDED.format(root=str(TESTS.parent), tests=str(TESTS), arguments=[
        'watch', recording, gallery, *weights, '--jsonl', '--real-time', '--max-lag', '60', '--clips',
        str(tmp_path / 'clips')])
    with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as run:
        first = json.loads(run.stdout.readline())
        run.stdout.close()
        err = run.stderr.read()
    assert run.returncode == 141 and err.count('\n') == 1 and '9 walks of 3 people' in err, err
    clips = os.listdir(tmp_path / 'clips')
    assert os.path.basename(first['clip']) in clips and all(name.endswith('.mp4') for name in clips)
