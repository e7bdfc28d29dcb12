"""How programs begin and end: Ctrl-C at any moment, closed and full standard streams, no home."""
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(os.name != 'posix', reason='as shells and signals are there')
ANSWER = f'{sys.executable} -m gait_recognition --version'
MISSING = f'{sys.executable} -m gait_recognition gallery list missing.gallery'
CLOSED = 'gait-recognition: standard output is closed: the answer would be lost (> /dev/null where none is wanted)\n'
FULL = 'gait-recognition: standard output: No space left on device; the answer is not whole\n'


def shell(command, **environment):
    return subprocess.run(['bash', '-c', f'cd {ROOT} && {command}'], capture_output=True, text=True,
                          env={**os.environ, **environment})


@pytest.mark.parametrize('command, status, said', [
    (f'{ANSWER} >&-', 2, CLOSED),
    (f'{ANSWER} >/dev/full', 2, FULL),
    (f'PYTHONUNBUFFERED=1 {ANSWER} >/dev/full', 2, FULL),
    (f'{sys.executable} fetch_models.py --help >/dev/full', 2, FULL.replace('gait-recognition', 'fetch_models')),
    (f'{ANSWER} 2>&-', 0, ''), (f'{ANSWER} 2>/dev/full <&-', 0, ''),
    (f'{MISSING} 2>&-', 2, ''), (f'{MISSING} 2>/dev/full', 2, ''), (f'{MISSING} >&- 2>&-', 2, ''),
    (f'{sys.executable} -m gait_recognition nosuch 2>/dev/full', 2, ''),
    (f'set -o pipefail; {ANSWER} | true; [ $? = 141 ] || [ $? = 0 ]', 0, '')])
def test_streams_that_are_closed_or_full_end_in_one_line_and_a_documented_status(command, status, said):
    if '/dev/full' in command and not os.path.exists('/dev/full'):
        pytest.skip('no such device here')
    done = shell(command)
    assert (done.returncode, done.stderr) == (status, said)


def test_no_file_that_is_opened_becomes_standard_error():
    code = 'import os, sys\nfrom gait_recognition import door\ndoor._open_closed_streams()\n' \
           'sys.exit(os.open("setup.py", os.O_RDONLY) <= 2)'
    assert shell(f"{sys.executable} -c '{code}' >&- 2>&- <&-").returncode == 0


def test_without_a_home_and_with_an_unknown_one_files_are_missing_and_nothing_else():
    for walk in ('~nosuchuser/walk.mp4', '~/walk.mp4'):
        done = shell(f"env -u HOME {sys.executable} -m gait_recognition vector '{walk}'", HOME='')
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and 'no such file' in done.stderr


# A module for the door, whose `main` does one thing, and says on standard output when it begins.
DOOR = '''
import sys, time, types
module = types.ModuleType('it')
sys.modules['it'] = module
from gait_recognition.door import enter
exec({code!r}, module.__dict__)
sys.exit(enter('it', 'it'))
'''
MAINS = {
    'waits': ('def main():\n    print(1, flush=True)\n    time.sleep(60)', 130, 'it: interrupted\n'),
    'an import made another error of it': (
        'def main():\n    try:\n        print(1, flush=True)\n        time.sleep(60)\n'
        '    except KeyboardInterrupt:\n        raise ImportError("it is broken") from None', 130, 'it: interrupted\n'),
    'lost in __del__': (
        'class It:\n    def __del__(self):\n        print(1, flush=True)\n        time.sleep(60)\n'
        'def main():\n    it = It()\n    del it\n    time.sleep(60)', 130, 'it: interrupted\n'),
    'at the end': (
        'import atexit\ndef last():\n    print(1, flush=True)\n    time.sleep(60)\n'
        'def main():\n    atexit.register(last)\n    return 0', 0, ''),
    'cleans up': (
        'def main():\n    try:\n        print(1, flush=True)\n        time.sleep(60)\n    finally:\n'
        '        print(1, flush=True)\n        time.sleep(0.5)\n        print("clean", file=sys.stderr)', 130,
        'clean\nit: interrupted\n')}


@pytest.mark.parametrize('what', MAINS)
def test_ctrl_c_is_one_line_wherever_it_comes(what):
    code, status, said = MAINS[what]
    process = start([sys.executable, '-c', DOOR.format(code=f'import sys, time\n{code}')])
    for _ in range(2 if what == 'cleans up' else 1):            # the second one, while the first is dealt with
        assert process.stdout.readline() == '1\n'
        process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=50)[1] == said and process.returncode == status


# A Ctrl-C where the program begins and ends, at this call of the door's.
FORCED = '''
import os, signal, sys, types
signal.signal(signal.SIGINT, signal.default_int_handler)
from gait_recognition import door
module = types.ModuleType('it')
sys.modules['it'] = module
module.main = lambda: print('answer') or 0
whole, calls = getattr(door, {name!r}), []
def forced(*arguments):
    calls.append(1)
    if len(calls) <= {times}:
        {how}
    return whole(*arguments)
setattr(door, {name!r}, forced)
sys.exit(door.enter('it', 'it'))
'''


@pytest.mark.parametrize('how', ['raise KeyboardInterrupt', 'os.kill(os.getpid(), signal.SIGINT)'])
@pytest.mark.parametrize('streams', ['', '>&-', '2>&-', '>&- 2>&-'])
@pytest.mark.parametrize('name, times, answer', [
    ('Interrupts', 1, ''), ('_open_closed_streams', 1, ''), ('_take_any_name', 1, ''), ('_guard_streams', 1, ''),
    ('_flushed', 1, 'answer\n'), ('_flushed', 2, '')])
def test_ctrl_c_while_a_program_begins_or_ends_is_one_line_too(name, times, answer, streams, how, tmp_path):
    if times > 1 and 'kill' in how:
        pytest.skip('one that follows within moments is the same')
    (tmp_path / 'forced.py').write_text(FORCED.format(name=name, times=times, how=how))
    done = shell(f'{sys.executable} {tmp_path}/forced.py {streams}', PYTHONPATH=str(ROOT), PYTHONUNBUFFERED='')
    said = '' if '2>&-' in streams else 'it: interrupted\n'
    if '>&-' in streams.split() and name == '_flushed':
        answer, said = '', said and CLOSED.replace('gait-recognition', 'it') + said
    assert (done.returncode, done.stdout, done.stderr) == (130, '' if streams.startswith('>') else answer, said)


def start(command):
    # A shell's background job, which this test may be part of, has its children ignore SIGINT.
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))


def interrupted(module, program, arguments, moments, longest):
    """The statuses of a program that gets Ctrl-C after its first import, after so many moments of so many seconds."""
    code = f'import sys\nfrom gait_recognition.door import enter\nprint(1, flush=True)\n' \
           f'sys.exit(enter({module!r}, {program!r}, {1 if program == "train_pose" else 130}))'
    choice, statuses = random.Random(1), []
    for _ in range(moments):
        process = start([sys.executable, '-c', code, *arguments])
        process.stdout.readline()
        time.sleep(choice.uniform(0, longest))
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=120)[1]
        statuses.append(process.returncode)
        assert 'Traceback' not in errors or process.returncode == -signal.SIGINT, errors
        if process.returncode == (1 if program == 'train_pose' else 130):
            assert errors.splitlines()[-1].startswith(f'{program}: '), errors
        else:                                                   # it was through already, or the door not yet open
            assert process.returncode in (0, 2, -signal.SIGINT), (process.returncode, errors)
    return statuses


def test_a_command_that_is_interrupted_at_any_moment_says_one_line_and_130():
    assert 130 in interrupted('gait_recognition.cli', 'gait-recognition', ['gallery', 'list', 'missing.gallery'], 12,
                              0.8)


@pytest.mark.slow
@pytest.mark.parametrize('module, program, arguments', [
    ('gait_recognition.cli', 'gait-recognition', ['vector', 'images/dummy.jpg']),
    ('gait_recognition.cli', 'gait-recognition', ['pose', 'images/dummy.jpg', '--output', '{folder}/a.png']),
    ('gait_recognition.cli', 'gait-recognition', ['walkers', '{folder}/walkers', '--people', '1', '--walks', '2']),
    ('gait_recognition.cli', 'gait-recognition', ['identify', 'missing.gallery', 'images/dummy.jpg']),
    ('gait_recognition.training.pose', 'train_pose', ['--output', '{folder}/run', '--epochs', '1'])])
def test_programs_that_are_interrupted_at_any_moment_say_one_line_and_leave_no_half_written_file(
        module, program, arguments, tmp_path):
    arguments = [word.replace('{folder}', str(tmp_path)) for word in arguments]
    statuses = interrupted(module, program, arguments, 15, 6.0)
    assert {130, 1} & {*statuses}
    assert not [path for path in tmp_path.iterdir() if path.suffix in ('.new', '.part')]


@pytest.mark.parametrize('encoding', ['ascii', 'latin-1', 'utf-8', 'cp1252'])
def test_names_that_an_output_has_no_letters_for_are_printed_as_json_escapes_them(encoding):
    code = 'def main():\n    import json\n    print(json.dumps("\\xdc \\u65e5 \\U0001f6b6", ensure_ascii=False))'
    done = subprocess.run([sys.executable, '-c', DOOR.format(code=code)], cwd=ROOT, capture_output=True,
                          env={**os.environ, 'PYTHONIOENCODING': encoding})
    assert (done.returncode, done.stderr) == (0, b'')
    assert json.loads(done.stdout.decode(encoding)) == '\xdc \u65e5 \U0001f6b6'


def test_a_working_directory_that_is_gone_is_said(tmp_path):
    for command in ('gallery list people.gallery', 'pose walk.mp4 --output walk.gif'):
        folder = tmp_path / 'gone'
        folder.mkdir()
        done = shell(f'cd {folder} && rmdir {folder} && {sys.executable} -m gait_recognition {command}',
                     PYTHONPATH=str(ROOT))
        assert done.returncode == 2 and done.stderr.count('\n') == 1
        assert 'is gone: change to one' in done.stderr or 'no such' in done.stderr


def test_names_that_are_no_text_are_printed_as_json_escapes_them(tmp_path):
    code = 'def main():\n    import json\n    print(json.dumps("a\\udc80ä", ensure_ascii=False))'
    done = subprocess.run([sys.executable, '-c', DOOR.format(code=code)], cwd=ROOT, capture_output=True,
                          env={**os.environ, 'PYTHONIOENCODING': 'utf-8'})
    assert done.stdout == '"a\\udc80ä"\n'.encode() and json.loads(done.stdout) == 'a\udc80ä'
