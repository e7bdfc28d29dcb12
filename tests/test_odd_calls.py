"""Commands called with names, files and numbers that nobody would give: a documented status and a line, in time."""
import contextlib
import os
import random
import signal
import socket
import sys
from pathlib import Path

import pytest
from PIL import Image

from gait_recognition import cli, fetch, sources
from gait_recognition.training import gait, pose

resource = pytest.importorskip('resource')

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='devices, pipes and limits are as they are there')
STATUSES = {0, 1, 2, 3}             # 70 is an unexpected error
PATIENCE = 60                       # seconds for one call, on a machine that does much else
MEMORY = 4 << 30                    # bytes that all calls together may take
QUICK = 150                         # calls of the quick share

# PATH is a name of any kind; NUMBER, WORD are what they say. The others lie in the folder (`place`).
CALLS = [
    'vector PATH', 'vector walk PATH --json', 'vector walk --output PATH', 'vector walk --answers PATH',
    'vector walk --pose-weights PATH', 'vector walk --gait-weights PATH', 'vector walk --every NUMBER',
    'vector walk --start NUMBER', 'vector walk --end NUMBER', 'vector walk --stream NUMBER',
    'vector walk --max-pixels NUMBER', 'vector walk --max-frames NUMBER', 'vector walk --rnn-layers NUMBER',
    'vector walk --everyone --boxes PATH', 'vector walk --everyone --boxes-out PATH', 'vector walk --crop WORD',
    'pose PATH', 'pose me.png --output PATH', 'pose me.png --joints PATH', 'pose walk --threshold NUMBER',
    'gait PATH', 'gait walk --table PATH', 'gait walk --output PATH', 'check PATH', 'check walk PATH --csv',
    'enrol PATH --name anna walk', 'enrol people.gallery --name WORD walk', 'enrol people.gallery --manifest PATH',
    'enrol people.gallery --name anna PATH --stop-at-error', 'enrol people.gallery --key-file PATH --name anna walk',
    'enrol people.gallery --name anna walk --track NUMBER', 'identify PATH walk', 'identify people.gallery PATH',
    'identify people.gallery walk --top NUMBER', 'identify people.gallery walk --false-accept-rate NUMBER --calibrate',
    'verify PATH walk walk', 'verify people.gallery walk PATH', 'evaluate PATH', 'evaluate walks.csv --gallery WORD',
    'evaluate walks.csv --plots PATH', 'evaluate walks.csv --cache PATH', 'evaluate walks.csv --jobs NUMBER',
    'evaluate --tum-gaid . --people PATH', 'evaluate --tum-gaid . --pattern WORD',
    'gallery list PATH', 'gallery check PATH', 'gallery audit PATH', 'gallery remove people.gallery WORD',
    'gallery rename people.gallery anna WORD', 'gallery export PATH out.csv', 'gallery export people.gallery PATH',
    'gallery import people.gallery PATH', 'gallery import PATH people.csv', 'gallery copy people.gallery PATH',
    'gallery calibrate people.gallery --false-accept-rate NUMBER', 'gallery list people.gallery --key-file PATH',
    'convert PATH out.npz', 'convert weights/mine-pose.npz PATH', 'walkers out --people NUMBER --walks 0',
    'walkers out --people 0 --walks NUMBER',
    'walkers PATH --people 0', 'walkers out --motions PATH --people 0', 'walkers out --first-person NUMBER --people 0',
    'fetch --check --to PATH', 'fetch --check WORD', 'WORD',
    'train_pose --convert lsp PATH --images . --to out.csv', 'train_pose --convert mpii a.mat --images . --to PATH',
    'train_pose --convert lsp a.mat --images PATH --to out.csv', 'train_pose --evaluate PATH --data mine.csv',
    'train_pose --evaluate weights/mine-pose.npz --data PATH',
    'train_pose --output PATH --data gone.csv --validation 0.5',
    'train_pose --output out --epochs NUMBER --rate NUMBER --batch-size NUMBER --data PATH --validation PATH',
    'train_gait --output PATH --pose PATH --epochs NUMBER', 'train_gait --output out --pose PATH --manifest PATH']
PATHS = ['fifo', 'socket', '/dev/zero', '/dev/full', '/dev/null', '/dev/zero/x', 'folder', 'gone/x.csv', 'gone.png',
         '~nosuchuser/x.mp4', '~', '', '.', '..', '/', 'x' * 300, 'x/' * 3000, 'a\nb.csv', '\udc80.csv', 'a\0b.csv',
         'loop.csv', 'deep.json', 'digits.csv', 'digits.json', 'nul.csv', 'zeros.npz', 'zeros.gallery', 'empty.npz',
         'fifo.csv', 'fifo.json', 'fifo.gallery', 'fifo.mat', 'socket.png', 'zero.npz', 'zero.csv', 'zero.png', 'a.mat',
         '-', '--', '-x', '0', '9' * 400, '*', '[', '**/*.csv', 'http://[::1', 'http://127.0.0.1:1/a.mp4', 'rtsp://',
         'https://' + 'a' * 300, 'file:///etc/passwd', 'postgresql://', 'postgresql:///x?host=/nowhere', 'me.png']
NUMBERS = ['', '-1', '0', '1.5', 'nan', 'inf', '-inf', '1e400', '9' * 400, '9' * 5000, '0x10', '１２', '³', ' 3', '1_0',
           'a', '--', '\udc80', '\0']
WORDS = ['', ' ', '-', '--', '\0', '\n', '\udc80', 'x' * 100_000, '[' * 5000, '(' * 5000, '(a+)+$', 'N1-N' + '9' * 400,
         '9' * 400, '../a', "'; DROP TABLE walks; --", '\x1b[2J', '😀']
CONTENTS = {
    'deep.json': b'[' * 100_000, 'digits.csv': b'person,condition,session,path\nanna,N' + b'9' * 400 + b',1,walk\n',
    'digits.json': b'[{"image": "me.png", "joints": {"pelvis": [1' + b'0' * 400 + b', 5]}}]', 'nul.csv': b'\0' * 1000,
    'zeros.npz': bytes(4096), 'zeros.gallery': bytes(4096), 'empty.npz': b'', 'a.mat': b'MATLAB 5.0' + bytes(200),
    'mine.csv': b'image,pelvis_x,pelvis_y\nme.png,5,6\n', 'people.csv': b'name,walk\n'}


@pytest.fixture
def place(tmp_path, gallery, manifest, weights, monkeypatch):
    """The working folder: what is right, what is not, and what is no file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, 'SILENCE_SECONDS', 0.05)
    monkeypatch.setattr(fetch, 'ATTEMPTS', 1)
    for name, content in CONTENTS.items():
        Path(name).write_bytes(content)
    for name in 'fifo', 'fifo.csv', 'fifo.json', 'fifo.gallery', 'fifo.mat':
        os.mkfifo(name)
    for name in 'zero.npz', 'zero.csv', 'zero.png':
        os.symlink('/dev/zero', name)
    os.symlink('loop.csv', 'loop.csv')
    os.mkdir('folder')
    os.symlink('anna-1', 'walk')
    Image.new('RGB', (50, 60)).save('me.png')
    with contextlib.ExitStack() as stack:
        limits = resource.getrlimit(resource.RLIMIT_AS)
        stack.callback(resource.setrlimit, resource.RLIMIT_AS, limits)
        size = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, limits[1]))      # an error, not the machine's memory
        for name in 'socket', 'socket.png':
            stack.enter_context(socket.socket(socket.AF_UNIX)).bind(name)
        yield tmp_path


def calls():
    """Every call with every odd value in each of its places."""
    found = []
    for call in CALLS:
        words = call.split()
        for at, word in enumerate(words):
            for value in {'PATH': PATHS, 'NUMBER': NUMBERS, 'WORD': WORDS}.get(word, ()):
                rest = [{'PATH': 'gone.csv', 'NUMBER': '1', 'WORD': 'x'}.get(each, each) for each in words]
                found.append([*rest[:at], value, *rest[at + 1:]])
    return found


def run_call(words):
    """The status of a call, which must have come within `PATIENCE`."""
    mains = {'train_pose': pose.main, 'train_gait': gait.main}
    main, words = (mains[words[0]], words[1:]) if words[0] in mains else (cli.main, words)
    previous = signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(PATIENCE)
    try:
        return main(words)
    except SystemExit as ended:
        return ended.code
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def _too_late(number, frame):
    raise AssertionError(f'no answer after {PATIENCE} s')           # no error of the command's


def faults_of(found, place, capsys):
    """What is wrong with the calls, by their words."""
    for stream in sys.stdout, sys.stderr:
        stream.reconfigure(errors='backslashreplace')               # as Python has it for messages, `door` for answers
    faults, kept = {}, {path: path.read_bytes() for path in place.rglob('*') if path.is_file()
                        and path.suffix in ('.png', '.npz', '.json', '.mat') and not path.is_symlink()
                        and path.stat().st_size}                # an empty file may be written over
    nodes = {path: os.lstat(path).st_mode for path in place.iterdir() if not path.is_file()}
    for words in found:
        called = ' '.join(word if len(word) < 60 else f'{word[:50]}...' for word in words)
        try:
            status = run_call(words)
        except BaseException as error:
            faults[called] = repr(error)
            continue
        out, err = capsys.readouterr()
        if status not in STATUSES or 'Traceback' in err or (status == 2 and not err.strip()):
            faults[called] = f'{status}: {err[-500:]}'
        elif changed := [str(path) for path, mode in nodes.items() if not os.path.lexists(path)
                         or os.lstat(path).st_mode != mode]:
            faults[called] = f'replaced {changed}'
            nodes = {path: mode for path, mode in nodes.items() if str(path) not in changed}
        elif changed := [str(path) for path, content in kept.items() if path.read_bytes() != content]:
            faults[called] = f'wrote over {changed}'
            kept = {path: path.read_bytes() for path in kept}
    return faults


def test_odd_calls_end_with_a_documented_status_and_a_line_a_share_of_them(place, opened, capsys):
    assert faults_of(random.Random(4).sample(calls(), QUICK), place, capsys) == {}


@pytest.mark.slow
def test_odd_calls_end_with_a_documented_status_and_a_line(place, opened, capsys):
    assert faults_of(calls(), place, capsys) == {}


@pytest.mark.parametrize('words', [['walkers', 'demo', 'another'], ['walkers', '--', '--people', '0'],
                                   ['convert', 'a', 'b', 'c']])
def test_words_too_many_are_a_wrong_usage(words, capsys):
    assert run_call(words) == 2 and 'unrecognized arguments' in capsys.readouterr().err
