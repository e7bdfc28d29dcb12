"""The benchmark as a user runs it: that every line of its table comes, not how fast it was."""
import json
import pathlib
import subprocess
import sys

import pytest

BENCHMARK = pathlib.Path(__file__).resolve().parent.parent / 'benchmarks' / 'speed.py'
PROMISED = {'clip': ['one clip of 5 s', 'loading TensorFlow', 'building the networks', 'reading the video',
                     'finding the walker', 'features and joints', 'beyond'],
            'start': ['3. beyond', 'build', 'restore', 'first run'], 'gait': ['5. features of 1,000 frames'],
            'features': ['1. spatial features', 'of the time at the speed of the matrix', 'inside convolution kernels',
                         '2. joint positions', 'heat maps', '4. spatial features, bfloat16', 'ONNX Runtime', 'Keras'],
            'precision': ['4. visible joints that bfloat16 moves', 'hidden joints', 'cosine'],
            'memory': ['growth after 200', 'most'],
            'video': ['7. cropped video', 'bfloat16', 'background subtraction', 'scene by the pose network'],
            'training': ['of the time of a forward pass', 'alone (walkers drawn)',
                         'walkers drawn meanwhile', 'JPEGs of 1280 x 720 read meanwhile']}


def run(*arguments):
    return subprocess.run([sys.executable, BENCHMARK, *arguments], capture_output=True, text=True)


def test_a_part_prints_median_and_spread_beside_what_is_promised_and_writes_them(tmp_path):
    result = run('gait', '--repeats', '2', '--json', tmp_path / 'speed.json')
    assert result.returncode == 0, result.stderr
    written = json.loads((tmp_path / 'speed.json').read_text())
    assert result.stdout.startswith(written['machine']) and 'TensorFlow' in written['machine']
    assert 'kernels: ' in written['machine'] and '(kind: ' in written['machine']
    row, = written['rows']
    assert row['name'].startswith('5. features of 1,000 frames') and (row['unit'], row['limit']) == ('s', 4)
    assert 0 < row['least'] <= row['median'] <= row['greatest']
    verdict = 'yes' if row['median'] <= 4 else 'NO'
    assert result.stdout.splitlines()[-1].endswith(f'at most 4: {verdict}')


@pytest.mark.parametrize('arguments', [['joints'], ['--repeats', '0'], ['--frames', '200'],
                                       ['--json', 'missing/speed.json'], ['--json', '.'], ['--weights', 'nosuch.ckpt']])
def test_what_it_cannot_measure_is_refused_before_it_starts(arguments):
    result = run(*arguments)
    assert result.returncode == 2 and not result.stdout
    assert 'parts are features, precision' in result.stderr or 'folder that exists, got' in result.stderr\
        or 'nosuch.ckpt' in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize('part', PROMISED)
def test_every_part_gives_its_lines(part, tmp_path):
    result = run(part, '--repeats', '1', '--frames', '220', '--json', tmp_path / 'speed.json')
    assert result.returncode == 0, result.stderr
    rows = json.loads((tmp_path / 'speed.json').read_text())['rows']
    for promised in PROMISED[part] if any('unit' in row for row in rows) else []:    # none where a part cannot run
        found = [row for row in rows if promised in row['name']]
        assert found, f'{promised}: no such line in {[row["name"] for row in rows]}'
    assert len({row['name'] for row in rows}) == len(rows)
    missing = [row for row in rows if row.get('text', '').startswith('not measured') and row['name'] != 'ONNX Runtime']
    for row in missing:                                 # an extra, the processor's bfloat16, or /proc
        assert any(reason in row['text'] for reason in ('pip install', 'needs a processor', 'VmHWM'))
