"""Many walks at once: each has its answer or the reason for none, in whatever form, and none is done twice."""
import contextlib
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from quick_command import GaitStandIn, PoseStandIn, refused

from gait_recognition import cli, progress
from gait_recognition.batches import KeptAnswers, each, find_walks
from gait_recognition.facts import Reached
from gait_recognition.frames import read_frames
from gait_recognition.gallery import Gallery
from gait_recognition.kinds import ANSWERS, kind_of
from gait_recognition.videos import write_frames
from gait_recognition.weights import choose_weights


@pytest.fixture
def bad(tmp_path):
    """A walk that breaks where its frames are read, after it could be opened."""
    folder = tmp_path / 'bad'
    folder.mkdir()
    for i in range(9):
        Image.new('RGB', (299, 299) if i < 5 else (20, 10)).save(folder / f'{i}.png')
    return str(folder)


@pytest.fixture
def described(monkeypatch):
    """The names of the walks that went through the networks, in order."""
    from gait_recognition.vectors import walk_vector
    names = []

    def describe(source, *networks, **options):
        names.append(Path(source.name).name)
        return walk_vector(source, *networks, **options)
    monkeypatch.setattr('gait_recognition.commands.walks.walk_vector', describe)
    return names


# One bad walk --------------------------------------------------------------------------------------------------------

def test_a_bad_walk_is_an_answer_with_its_reason_and_the_rest_goes_on(gallery, weights, walks, bad, run):
    command = 'identify', gallery, walks('anna', 4), bad, walks('ben', 4), *weights
    status, out, err = run(*command)
    assert status == 2 and f'{walks("anna", 4)}: anna ' in out and f'{walks("ben", 4)}: ben ' in out
    assert f'{bad}: frame 5 is 20 x 10' in err and '1 of 3 walks could not be read' in err

    status, out, _ = run(*command, '--json')
    first, second, third = json.loads(out)['walks']
    assert json.loads(out)['errors'] == {bad: second['error']}
    assert status == 2 and [*second] == ['walk', 'error'] and 'frame 5 is 20 x 10' in second['error']
    assert (first['error'], first['name'], third['name']) == (None, 'anna', 'ben')

    status, out, _ = run(*command, '--jsonl')
    assert status == 2 and [json.loads(line) for line in out.splitlines()] == [first, second, third]

    status, out, _ = run(*command, '--csv')
    rows = list(csv.DictReader(out.splitlines()))
    assert status == 2 and [row['name'] for row in rows] == ['anna', '', 'ben'] and rows[1]['error'] == second['error']
    assert float(rows[0]['cosine_similarity']) == first['cosine_similarity'] and rows[0]['check.word'] == 'poor'
    assert rows[0]['ranking.0.name'] == 'anna'


def test_walks_asked_together_have_one_answer_of_those_that_can_be_read(gallery, weights, walks, bad, run):
    command = 'identify', gallery, walks('anna', 4), bad, walks('anna', 5), *weights, '--together'
    status, out, err = run(*command)
    assert status == 2 and f'{walks("anna", 4)}, {walks("anna", 5)}: anna ' in out and 'frame 5 is 20 x 10' in err
    answer = json.loads(run(*command, '--json')[1])
    assert answer['name'] == 'anna' and 'frame 5 is 20 x 10' in answer['error']
    assert [walk['error'] is None for walk in answer['walks']] == [True, False, True]
    row, = csv.DictReader(run(*command, '--csv')[1].splitlines())
    assert (row['name'], row['error']) == ('anna', answer['error'])
    status, out, _ = run(*command[:2], walks('anna', 4), walks('anna', 5), *weights, '--together')
    assert status == 0 and out.count('anna ') >= 1 and 'could not be read' not in out
    assert run(*command[:2], bad, *weights, '--together')[0] == 2


def test_the_json_of_several_walks_is_one_object_and_of_one_named_by_itself_a_list(weights, opened, walks, run,
                                                                                   tmp_path):
    def printed(*command):
        return json.loads(run(*command, *weights[:4 if command[0] in ('vector', 'enrol') else 2], '--json')[1])
    pair = walks('anna', 1), walks('ben', 1)
    for command in ('vector', 'pose', 'check'):
        one, several = printed(command, pair[0]), printed(command, *pair)
        assert [*several] == ['walks', 'errors'] and several['errors'] == {}, command
        assert len(several['walks']) == 2 and one == several['walks'][:1], command
    enrol = 'enrol', tmp_path / 'a.gallery', '--name', 'anna'
    assert len(printed(*enrol, *pair)['walks']) == 2 and printed(*enrol, *pair) == {'walks': [], 'errors': {}}
    assert printed(*enrol, pair[0]) == []
    (tmp_path / 'videos').mkdir()                           # a folder of videos stands for several, though it has one
    Image.new('RGB', (299, 299)).save(tmp_path / 'videos' / 'a.gif', save_all=True, append_images=8 * [
        Image.new('RGB', (299, 299), 'red')])
    assert [*printed('vector', tmp_path / 'videos')] == ['walks', 'errors']


def test_answers_are_printed_as_soon_as_they_are_there(gallery, weights, walks, run, monkeypatch, capsys):
    printed = []

    def describe(networks, source, arguments, *_):
        printed.append(capsys.readouterr().out)
        if len(printed) == 2:
            pytest.fail('as if the machine broke')
        return SimpleNamespace(vector=np.ones(512), walk=source.name, as_dict=lambda: {'walk': source.name})
    monkeypatch.setattr('gait_recognition.commands.recognise.describe', describe)
    for form, end in ((['--json'], '\n  ],\n  "errors": {}\n}\n'), (['--jsonl'], ''), ([], '')):
        del printed[:]
        with pytest.raises(BaseException, match='as if the machine broke'):
            cli.main(['identify', gallery, walks('anna', 4), walks('ben', 4), *weights, *form])
        assert walks('anna', 4) in printed[1]
        assert capsys.readouterr().out == end                              # the JSON is closed all the same
        if form:
            json.loads(printed[1] + end)


def test_what_can_be_said_before_computing_is_said_before(gallery, weights, walks, run, tmp_path, opened, described):
    (tmp_path / 'text.mp4').write_text('no video')
    del opened[:]
    status, out, err = run('identify', gallery, tmp_path / 'text.mp4', tmp_path / 'none.mp4', *weights, '--json')
    assert status == 2 and not opened and [answer['walk'] for answer in json.loads(out)['walks']] == [
        str(tmp_path / 'text.mp4'), str(tmp_path / 'none.mp4')]
    status, _, err = run('identify', gallery, walks('anna', 4), tmp_path / 'none.mp4', *weights)
    assert status == 2 and 'none.mp4: no such file' in err.splitlines()[0]
    assert '--end 3 has to lie after --start 5' in refused(
        run('identify', gallery, walks('anna', 4), walks('ben', 4), *weights, '--start', 5, '--end', 3))
    assert described == ['anna-4']


def test_the_first_error_ends_a_batch_on_request(gallery, weights, walks, bad, run, described):
    status, out, err = run('identify', gallery, walks('anna', 4), bad, walks('ben', 4), *weights, '--stop-at-error',
                           '--jsonl')
    assert status == 2 and [json.loads(line)['error'] is None for line in out.splitlines()] == [True, False]
    assert described == ['anna-4', 'bad'] and 'ended at the first error: 1 walk not done' in err
    refused(run('identify', gallery, walks('anna', 4), walks('ben', 4) + '.mp4', *weights, '--stop-at-error'))
    assert described == ['anna-4', 'bad']                                   # that one could be told before


def test_every_command_goes_on_after_a_bad_walk(gallery, weights, walks, bad, run, tmp_path, monkeypatch):
    pair = walks('anna', 5), walks('ben', 5)
    for command in (['vector'], ['enrol', tmp_path / 'new.gallery', '--name', 'x', '--force'], ['pose']):
        status, out, _ = run(*command, pair[0], bad, pair[1], *weights[:4 if command[0] != 'pose' else 2], '--json')
        answers = json.loads(out)['walks']
        assert status == 2 and [answer['error'] is None for answer in answers] == [True, False, True], command
    assert len(Gallery.load(tmp_path / 'new.gallery')) == 2
    status, out, _ = run('verify', gallery, pair[0], bad, *weights, '--json')
    answer = json.loads(out)
    assert status == 2 and answer['decision'] is None and [walk['error'] is None for walk in answer['walks']] == [
        True, False]


def test_files_of_many_walks_hold_those_that_could_be_read(weights, opened, walks, bad, run, tmp_path):
    pair = walks('anna', 1), walks('ben', 1)
    assert run('vector', pair[0], bad, pair[1], *weights, '--output', tmp_path / 'v.npz')[0] == 2
    with np.load(tmp_path / 'v.npz') as file:
        assert file['walks'].tolist() == [*pair]
    assert run('pose', pair[0], bad, pair[1], *weights[:2], '--joints', tmp_path / 'j.csv')[0] == 2
    with open(tmp_path / 'j.csv', newline='') as file:
        assert {row['path'] for row in csv.DictReader(file)} == {*pair}
    assert run('vector', bad, *weights, '--output', tmp_path / 'none.npz')[0] == 2
    assert not (tmp_path / 'none.npz').exists()


def test_what_is_not_the_walks_fault_ends_the_batch(weights, opened, walks, run, monkeypatch):
    def broken(*_):
        raise RuntimeError('no memory on the device')
    monkeypatch.setattr(PoseStandIn, 'features_and_joints', broken)
    status, out, err = run('vector', walks('anna', 1), walks('ben', 1), *weights)
    assert (status, out) == (2, '') and err.splitlines()[-1] == 'gait-recognition: no memory on the device'
    assert '0 of 2 walks were done: with --answers FILE.jsonl the same command would go on' in err


# Folders and patterns ------------------------------------------------------------------------------------------------

@pytest.fixture
def videos(tmp_path, walks):
    """A folder with three animations in it, and what else lies around there."""
    folder = tmp_path / 'videos'
    folder.mkdir()
    for number in (2, 10, 1):
        write_frames(folder / f'{number}.gif', iter(read_frames(walks('anna', number))), 25)
    (folder / 'notes.txt').write_text('mine')
    (folder / '.hidden.gif').write_bytes(b'')
    return folder


def test_a_folder_or_pattern_of_videos_stands_for_each_of_them(videos, walks, tmp_path):
    films = [str(videos / f'{number}.gif') for number in (1, 2, 10)]
    assert find_walks(str(videos)) == find_walks([str(videos / '*')]) == find_walks(videos / '*.gif') == films
    assert find_walks([films[1], str(videos)]) == [films[1], films[0], films[2]]        # none comes twice
    frames = walks('ben', 1)
    assert find_walks(frames) == [frames] and find_walks(f'{frames}/*.png') == [f'{frames}/*.png']
    assert find_walks(str(tmp_path / 'ben-*')) == [frames]                  # a pattern of folders
    assert find_walks(['0', '-', 'rtsp://camera/hall', 'none.mp4', '*.none']) == [
        '0', '-', 'rtsp://camera/hall', 'none.mp4', '*.none']
    outer = tmp_path / 'outer'
    shutil.copytree(frames, outer / 'b')
    shutil.copytree(videos, outer / 'a')
    assert find_walks(str(outer)) == [*(str(outer / 'a' / f'{n}.gif') for n in (1, 2, 10)), str(outer / 'b')]
    Image.new('RGB', (9, 9)).save(videos / 'a.png')                         # one walk or several: `find` asks
    assert find_walks(str(videos)) == [str(videos)]


def test_commands_take_folders_and_quoted_patterns(gallery, weights, opened, videos, run):
    status, out, _ = run('identify', gallery, videos, *weights, '--csv')
    assert status == 0 and [os.path.basename(row['walk']) for row in csv.DictReader(out.splitlines())] == [
        '1.gif', '2.gif', '10.gif']
    assert run('vector', videos / '*.gif', *weights)[1].count('\n') == 4
    status, out, _ = run('verify', gallery, videos / '1*.gif', *weights)
    assert status == 0 and out.startswith('same ')
    assert 'two walks, got 3' in refused(run('verify', gallery, videos, *weights))
    assert 'draws one walk, got 3' in refused(run('gait', videos, *weights[:2], '--output', videos / 'a.svg'))


def test_what_pose_drew_is_no_input_of_the_next_call(weights, opened, videos, run):
    for left_out in (0, 3):
        status, out, err = run('pose', videos, *weights[:2])
        assert status == 0 and out.count('_pose.gif') == 3 and ('3 drawings' in err) == bool(left_out)
    assert len(list(videos.glob('*.gif'))) == 6 + 1


# Going on after an interruption --------------------------------------------------------------------------------------

def interrupt_after(monkeypatch, count):
    """Interrupt after so many walks were described."""
    from gait_recognition.vectors import walk_vector
    done = []

    def describe(*arguments, **options):
        if len(done) == count:
            raise KeyboardInterrupt
        done.append(arguments[0].name)
        return walk_vector(*arguments, **options)
    monkeypatch.setattr('gait_recognition.commands.walks.walk_vector', describe)


def test_an_interrupted_batch_goes_on_where_it_was_and_does_no_walk_twice(gallery, weights, walks, bad, run, tmp_path,
                                                                         monkeypatch, described):
    kept = tmp_path / 'answers.jsonl'
    command = ['identify', gallery, walks('anna', 4), bad, walks('ben', 4), *weights]
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2)
        status, _, err = run(*command, '--answers', kept)
    assert status == 130 and '2 of 3 walks were done: the same command goes on' in err
    status, out, err = run(*command, '--answers', kept)
    assert described == ['ben-4'] and status == 2 and '2 of 3 answers were in' in err
    assert out == run(*command)[1]                                          # all of them, as without interruption
    assert kind_of(kept) == ANSWERS

    with open(kept, 'r+b') as file:                                         # a power cut in the last line
        file.seek(-20, os.SEEK_END)
        file.truncate()
    del described[:]
    status, out, err = run(*command, '--answers', kept, '--json')
    assert described == ['ben-4'] and 'its last line is cut off' in err and len(json.loads(out)['walks']) == 3


def test_answers_of_before_a_change_are_not_answers_of_now(gallery, weights, walks, run, tmp_path, described):
    def done(*options):
        del described[:]
        assert run('identify', gallery, walks('anna', 4), *weights, '--answers', tmp_path / 'a.jsonl', *options)[0] < 2
        return len(described)
    assert [done(), done(), done('--top', 2), done('--top', 2, '--csv')] == [1, 0, 1, 0]
    Image.new('RGB', (299, 299)).save(Path(walks('anna', 4)) / '9.png')
    assert [done(), done()] == [1, 0]
    Gallery.open(gallery).remove('carla')
    assert [done(), done()] == [1, 0]


def test_a_drawing_that_is_gone_is_drawn_again(weights, opened, walks, run, tmp_path):
    command = 'pose', walks('anna', 1), walks('ben', 1), *weights[:2], '--answers', tmp_path / 'a.jsonl'
    first = run(*command)
    os.remove(tmp_path / 'ben-1_pose.gif')
    before = os.stat(tmp_path / 'anna-1_pose.gif').st_mtime_ns
    status, out, err = run(*command)
    assert (status, out) == first[:2] and '1 of 2 answers were in' in err
    assert (tmp_path / 'ben-1_pose.gif').exists() and os.stat(tmp_path / 'anna-1_pose.gif').st_mtime_ns == before


def test_answers_are_kept_in_no_file_of_another_kind_and_by_one_program_at_a_time(weights, opened, walks, run,
                                                                                 tmp_path):
    (tmp_path / 'mine.jsonl').write_text('{"a": 1}\n')
    (tmp_path / 'walks.csv').write_text('mine')
    command = 'vector', walks('anna', 1), *weights, '--answers'
    assert 'mine.jsonl is there already and holds' in refused(run(*command, tmp_path / 'mine.jsonl'))
    assert 'kept as .jsonl' in refused(run(*command, tmp_path / 'walks.csv'))
    with KeptAnswers(tmp_path / 'a.jsonl'):
        assert 'another program is writing' in refused(run(*command, tmp_path / 'a.jsonl'))
    (tmp_path / 'b.jsonl').write_text('{"key": "a"}\nmine\n')
    assert 'b.jsonl, line 2' in refused(run(*command, tmp_path / 'b.jsonl'))


@pytest.mark.parametrize('content', ['notes without an end of the line', '{"a": 1', '[' * 100_000 + '\n', '5\n',
                                     '{"key":"a"}', '{"walk": 1, "key": "a"}'])
def test_a_file_that_is_none_of_kept_answers_is_refused_and_left_as_it_was(tmp_path, content):
    (tmp_path / 'mine.jsonl').write_text(content)
    with pytest.raises(ValueError, match='mine.jsonl, line 1: expected an answer'):
        KeptAnswers(tmp_path / 'mine.jsonl')
    assert (tmp_path / 'mine.jsonl').read_text() == content


@pytest.mark.parametrize('left', ['{', '{"key"', '{"key": "b", "x'])
def test_an_answer_cut_off_anywhere_is_made_again(tmp_path, left):
    (tmp_path / 'a.jsonl').write_text('{"key": "a"}\n' + left)
    with KeptAnswers(tmp_path / 'a.jsonl') as kept:
        assert kept.get('a') == {'key': 'a'} and kept.get('b') is None
    assert (tmp_path / 'a.jsonl').read_text() == '{"key": "a"}\n'


def test_in_python_each_walk_gives_its_answer_or_its_error(walks, bad, tmp_path):
    def count(walk):
        return len(list(read_frames(walk)))
    outcomes = list(each([walks('anna', 1), bad, tmp_path / 'none.mp4'], count))
    assert [outcome.answer for outcome in outcomes] == [8, None, None]
    assert isinstance(outcomes[1].error, ValueError) and isinstance(outcomes[2].error, FileNotFoundError)
    with pytest.raises(ValueError, match='frame 5 is 20 x 10'):
        list(each([bad], count, stop_at_error=True))


# How far it is -------------------------------------------------------------------------------------------------------

def watched(monkeypatch, is_terminal, seconds=(1.0, 2.0)):
    """Progress over two walks of 10 frames whose two stages take so many seconds a frame; after 5 frames of the second
    stage of the second walk."""
    now = [0.0]
    monkeypatch.setattr(progress.time, 'monotonic', lambda: now[0])
    monkeypatch.setattr(progress.sys.stderr, 'isatty', lambda: is_terminal, raising=False)
    shown = progress.WalksProgress([10, 10, 20], ('finding the walker', 'describing'))
    for number in range(2):
        source = SimpleNamespace(name=f'{number}.mp4', reached=Reached())
        with shown.showing(number, source) if not number else contextlib.nullcontext(shown.begin(number, source)):
            assert number or shown.seconds_left() is None                   # nothing is known yet
            for stage in range(2):
                for _ in range(5 if number and stage else 10):
                    now[0] += seconds[stage]
                    source.reached.count += 1
                source.reached.whole = 10
                if not stage:
                    source.reached.next_stage()
                    shown._note_stage()
    return shown


def test_progress_says_walk_stage_frames_and_the_time_that_is_left(monkeypatch):
    shown = watched(monkeypatch, False)
    assert shown.line() == 'walk 2 of 3, 1.mp4: describing, 5 of 10 frames, 1 min 10 s left'      # 5 x 2 + 20 x 3
    shown = watched(monkeypatch, True)
    assert shown.line().startswith('[###########         ] walk 2 of 3')
    shown._source.reached.count = 1                                         # it is read again
    assert shown.line().startswith('[###########         ] walk 2 of 3')
    shown._source.name = '/home/me/recordings/of/last/week/and/before/hall-1.mp4'
    line = '[###########         ] walk 2 of 3: describing, 1 of 10 frames, 1 min 18 s left'
    assert shown.line(79) == line and shown.line(95) == f'{line}, .../hall-1.mp4' and len(shown.line(95)) == 95


@pytest.mark.skipif(not hasattr(os, 'openpty'), reason='needs pseudo-terminals')
def test_on_a_terminal_a_bar_is_drawn_and_wiped_out_and_answers_stay_whole():
    code = '''
import sys, time
from gait_recognition import progress
from gait_recognition.console import put
from gait_recognition.facts import Reached
from types import SimpleNamespace
progress.BAR_SECONDS = 0.05
with progress.WalksProgress([9, 9], ['describing']) as shown:
    for number in range(2):
        walk = SimpleNamespace(name=f'{number}.mp4', reached=Reached())
        with shown.showing(number, walk):
            for walk.reached.count in range(1, 10):
                time.sleep(0.05)
            walk.reached.whole = 9
        put(f'answer {number}')
'''
    terminal, its = os.openpty()
    with subprocess.Popen([sys.executable, '-c', code], stdout=its, stderr=its, cwd=Path(__file__).parent.parent):
        os.close(its)
        told = b''
        with contextlib.suppress(OSError):                                  # at its end
            while part := os.read(terminal, 1 << 16):
                told += part
    os.close(terminal)
    drawn = [line.rsplit('\r\x1b[K') for line in told.decode().split('\r\n')]
    assert re.fullmatch(r'\[#* *\] walk 1 of 2: describing, \d of 9 frames(, \d+ s left)?, 0\.mp4', drawn[0][1])
    assert drawn[0][-1] == 'answer 0' and drawn[1][-1] == 'answer 1' and drawn[2][-1] == ''


def test_the_first_walk_tells_what_is_left_once_its_last_stage_is_on_its_way_and_the_end_tells_nothing(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, 'monotonic', lambda: now[0])
    shown, source = progress.WalksProgress([10], ('finding the walker', 'describing')), SimpleNamespace(
        name='a.mp4', reached=Reached())
    shown.begin(0, source)
    for _ in range(3):                                               # to look again, and once more
        source.reached.count, source.reached.whole, now[0] = 10, 10, now[0] + 5
        assert shown.line() == 'walk 1 of 1, a.mp4: finding the walker, 10 of 10 frames'
    source.reached.next_stage()
    assert shown.line().endswith('describing, 0 of 10 frames')
    source.reached.count, now[0] = 4, now[0] + 8
    assert shown.line().endswith('describing, 4 of 10 frames, 12 s left')
    source.reached.count, now[0] = 10, now[0] + 12
    assert shown.line().endswith('describing, 10 of 10 frames')


def test_a_batch_whose_messages_go_to_a_file_says_every_half_minute_how_far_it_is(weights, opened, walks, run,
                                                                                monkeypatch):
    assert progress.FILE_SECONDS == 30
    monkeypatch.setattr(progress, 'FILE_SECONDS', 0.05)
    forward = GaitStandIn.feed_forward

    def slow(*arguments, **options):
        time.sleep(0.3)
        return forward(*arguments, **options)
    monkeypatch.setattr(GaitStandIn, 'feed_forward', slow)
    _, out, err = run('vector', walks('anna', 1), walks('ben', 1), *weights)
    assert re.search(r'gait-recognition: walk 1 of 2, .*anna-1: \w[\w ]+, \d+ of 8 frames\n', err)
    assert out.count('\n') == 3 and 'walk 1 of 2' not in out


# Checks come first ---------------------------------------------------------------------------------------------------

@pytest.fixture
def full(tmp_path):
    """A folder on a disk of 4 MiB."""
    folder = tmp_path / 'full'
    folder.mkdir()
    if os.name != 'posix' or os.geteuid() or subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], capture_output=True).returncode:
        pytest.skip('no file system can be mounted here')
    yield folder
    os.chdir(tmp_path)
    subprocess.run(['umount', folder], check=True)


def fill(folder, left):
    """Take the room in a folder but for so many bytes."""
    room = os.statvfs(folder)
    with open(folder / 'fill', 'wb') as file:
        file.write(bytes(room.f_bavail * room.f_frsize - left))


WRITING = [['vector', 'WALK', '--output', 'v.npz'], ['vector', 'WALK', '--answers', 'a.jsonl'],
           ['pose', 'WALK', '--output', 'a.gif'], ['pose', 'WALK', '--joints', 'a.csv'],
           ['gait', 'WALK', '--output', 'a.svg'], ['gait', 'WALK', '--table', 'a.csv'],
           ['enrol', 'a.gallery', '--name', 'anna', 'WALK'], ['check', 'WALK', '--answers', 'a.jsonl'],
           ['identify', 'b.gallery', 'WALK', '--calibrate'], ['verify', 'b.gallery', 'WALK', 'WALK', '--calibrate'],
           ['identify', 'b.gallery', 'WALK', '--answers', 'a.jsonl'],
           ['gallery', 'calibrate', 'b.gallery', '--false-accept-rate', '0.2'],
           ['gallery', 'import', 'new.gallery', 'EXPORT'], ['gallery', 'export', 'b.gallery', 'b.csv'],
           ['gallery', 'copy', 'b.gallery', 'c.gallery'], ['convert', 'WEIGHTS', 'a.ckpt'], ['fetch', '--to', 'models'],
           ['evaluate', 'MANIFEST', '--gallery', 'N1', '--probes', 'N2', '--cache', 'cache'],
           ['evaluate', 'MANIFEST', '--gallery', 'N1', '--probes', 'N2', '--no-cache', '--plots', 'plots'],
           ['walkers', 'demo']]


WEIGHTS_OF = {'pose': 2, 'gait': 2, 'check': 2, 'walkers': 0, 'gallery': 0, 'convert': 0, 'fetch': 0}     # words


@pytest.fixture
def writing(weights, opened, walks, manifest, tmp_path, run):
    """Run a command of `WRITING` here: the line that it was refused with."""
    def writing(command):
        named = {'WALK': walks('anna', 1), 'MANIFEST': manifest, 'WEIGHTS': weights[1], 'EXPORT': tmp_path / 'b.npz'}
        line = refused(run(*(named.get(word, word) for word in command), *weights[:WEIGHTS_OF.get(command[0], 4)]))
        assert not opened
        return line
    return writing


def keep_gallery(weights, folder, export):
    """A gallery that is not calibrated, `b.gallery`, and its export."""
    with Gallery.open(folder / 'b.gallery', choose_weights(weights[1], weights[3]).fingerprint, create=True) as gallery:
        for person in range(4):
            gallery.enrol(str(person), np.random.default_rng(person).normal(size=(3, 9)))
        gallery.export(export)


@pytest.mark.parametrize('command', WRITING, ids=' '.join)
def test_a_full_disk_is_told_before_anything_is_computed(command, weights, writing, full, tmp_path, monkeypatch):
    keep_gallery(weights, full, tmp_path / 'b.npz')
    fill(full, 8192)
    monkeypatch.chdir(full)
    assert 'No space left' in writing(command) and sorted(os.listdir(full)) == ['b.gallery', 'fill']


@pytest.mark.parametrize('command', WRITING, ids=' '.join)
def test_a_read_only_folder_is_told_before_anything_is_computed(command, weights, writing, full, tmp_path,
                                                               monkeypatch):
    keep_gallery(weights, full, tmp_path / 'b.npz')
    subprocess.run(['mount', '-o', 'remount,ro', full], check=True)
    monkeypatch.chdir(full)
    assert 'Read-only file system' in writing(command)


def test_a_gallery_on_a_full_or_read_only_disk_can_be_asked(weights, run, full, tmp_path):
    keep_gallery(weights, full, tmp_path / 'b.npz')
    expected = run('gallery', 'list', full / 'b.gallery')
    fill(full, 0)
    assert run('gallery', 'list', full / 'b.gallery') == expected and expected[0] == 0
    subprocess.run(['mount', '-o', 'remount,ro', full], check=True)
    assert run('gallery', 'list', full / 'b.gallery') == expected


WITHOUT_PERMISSION = '''
import json, os, sys
from gait_recognition import cli
from gait_recognition.commands import check, gait, pose, walks
from gait_recognition import vectors
def opened(*arguments, **options):
    raise AssertionError('networks were opened')
walks.open_networks = pose.open_pose_network = gait.open_pose_network = check.open_pose_network = opened
vectors.shared_networks = opened
os.chmod('closed', 0o555)
os.chmod('secret', 0)
for command in json.load(sys.stdin):
    print(command, file=sys.stderr)
    print(cli.main(command))
os.chmod('closed', 0o755)
os.chmod('secret', 0o755)
'''


@pytest.mark.skipif(os.name != 'posix', reason='permissions are of POSIX')
def test_folders_and_files_without_permission_are_told_before_anything_is_computed(weights, manifest, walks, tmp_path):
    as_user = []
    if os.geteuid() == 0:                                   # who is root may do everything, but for these two
        dropped = ','.join(f'-{name}' for name in ('dac_override', 'dac_read_search'))
        as_user = ['setpriv', f'--bounding-set={dropped}', f'--inh-caps={dropped}']
        if shutil.which('setpriv') is None:
            pytest.skip('runs as root, and there is no setpriv')
    for folder in ('closed', 'secret'):
        (tmp_path / folder).mkdir()
    keep_gallery(weights, tmp_path / 'closed', tmp_path / 'b.npz')
    shutil.copytree(walks('ben', 1), tmp_path / 'secret' / 'walk')
    named = {'WALK': walks('anna', 1), 'MANIFEST': manifest, 'WEIGHTS': weights[1], 'EXPORT': str(tmp_path / 'b.npz')}
    targets = re.compile(r'(\w+\.(npz|jsonl|gif|csv|svg|gallery|ckpt)|cache|plots|demo|models)')
    commands = [[named.get(word) or (f'closed/{word}' if targets.fullmatch(word) else word) for word in command]
                for command in WRITING]
    commands += [['vector', 'secret/walk'], ['pose', 'secret/walk/1.png'], ['check', 'secret/*.png'],
                 ['enrol', 'a.gallery', '--manifest', 'secret/a.csv'], ['identify', 'secret/a.gallery', named['WALK']]]
    commands = [[*command, *weights[:WEIGHTS_OF.get(command[0], 4)]] for command in commands]
    done = subprocess.run([*as_user, sys.executable, '-c', WITHOUT_PERMISSION], cwd=tmp_path, text=True,
                          input=json.dumps(commands), capture_output=True,
                          env={**os.environ, 'PYTHONPATH': str(Path(__file__).resolve().parent.parent)})
    said = done.stderr.splitlines()
    assert done.returncode == 0 and done.stdout.split() == ['2'] * len(commands), done.stderr
    assert len(said) == 2 * len(commands)
    for command, line in zip(said[::2], said[1::2]):
        assert re.fullmatch(r'gait-recognition: [^ ]*(closed|secret)/?[^ ]*: Permission denied', line), (command, line)


def test_a_disk_that_fills_up_names_the_file_and_leaves_the_old_one(weights, opened, walks, run, full):
    output = full / 'v.csv'
    assert run('vector', walks('anna', 1), *weights, '--output', output)[0] == 0
    before = output.read_bytes()
    fill(full, (1 << 16) + 8192)                                            # enough for the check, not for ten walks
    status, out, err = run('vector', *40 * [walks('ben', 1)], *weights, '--output', output)
    assert (status, out) == (2, '') and f'{output}: No space left on device' in err
    assert output.read_bytes() == before and sorted(os.listdir(full)) == ['fill', 'v.csv']


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='no /dev/full here')
def test_a_full_disk_behind_standard_output_is_named():
    with open('/dev/full', 'w') as full:
        result = subprocess.run([sys.executable, '-m', 'gait_recognition', 'gallery', 'list', 'none.gallery', '--json'],
                                stdout=full, stderr=subprocess.PIPE, text=True)
        assert result.returncode == 2 and 'none.gallery' in result.stderr
        code = 'import sys; from gait_recognition import cli\n' \
               'from gait_recognition.console import put\n' \
               'sys.exit(cli._status_of(lambda: put("an answer") or 0))'
        result = subprocess.run([sys.executable, '-c', code], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (result.returncode, result.stderr) == (2, 'gait-recognition: standard output: No space left on device\n')


def test_a_gallery_that_cannot_answer_is_told_before_tensorflow_is_loaded(gallery, weights, walks, run, monkeypatch):
    def load(verbose):
        pytest.fail('loaded')
    monkeypatch.setattr('gait_recognition.commands.batch.load_tensorflow', load)
    assert 'every=1, got 2' in refused(run('identify', gallery, walks('anna', 4), *weights, '--every', 2))
    assert 'number of recurrent layers is 2 by' in refused(run('vector', walks('anna', 4), *weights, '--rnn-layers', 2))
    for name in ('anna', 'ben', 'carla'):
        run('gallery', 'remove', gallery, name)
    assert 'is empty' in refused(run('identify', gallery, walks('anna', 4), *weights))


def test_pose_finds_the_person_in_a_single_picture_by_crop_pose(weights, opened, run, tmp_path, monkeypatch):
    Image.new('RGB', (400, 300), 'white').save(tmp_path / 'me.png')
    Image.new('RGB', (200, 600), 'white').save(tmp_path / 'tall.png')
    command = 'pose', tmp_path / 'me.png', tmp_path / 'tall.png', *weights[:2], '--crop', 'pose', '--json'
    status, out, err = run(*command)
    answers = json.loads(out)['walks']
    assert (status, err) == (0, '') and [(answer['crop'], len(answer['joints'])) for answer in answers] == 2 * [
        ('pose', 16)]
    with Image.open(tmp_path / 'me_pose.png') as image:
        assert image.size == (400, 300)

    monkeypatch.setattr(PoseStandIn, 'joint_positions', lambda self, frames: np.zeros((3, len(frames), 16)))
    status, out, err = run(*command)
    assert status == 2 and f'{tmp_path / "me.png"}: nobody is seen in this picture; --crop none takes it whole' in err
    assert len(json.loads(out)['errors']) == 2


def test_the_person_of_a_picture_is_cut_out_wherever_they_stand(shipped_pose_net):
    from gait_recognition.pose_estimation import picture_view
    from gait_recognition.walkers.scenes import scene
    frame = next(frame for number, frame in enumerate(scene(900, frames=40, width=640, height=360)) if number == 20)
    (top, left, bottom, right), picture = frame.box, Image.fromarray(frame.image)
    close = picture.crop((max(0, left - 12), max(0, top - 8), right + 12, bottom + 8))
    for image, at in ((picture, (0, 0)), (close, (max(0, int(top) - 8), max(0, int(left) - 12)))):
        _, (y, x, side, _) = picture_view(image, 'pose', shipped_pose_net)
        assert abs(y + at[0] + side / 2 - (top + bottom) / 2) < 0.06 * (bottom - top)
        assert abs(0.7 * side / (bottom - top) - 1) < 0.15
