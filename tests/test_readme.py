"""What the README tells a user to type does what it says."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from reference_weights import VARIABLES, gait_tensors, values, write_checkpoint

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / 'README.md').read_text('utf-8')


def blocks(language):
    return re.findall(rf'```{language}\n(.*?)```', README, re.DOTALL)


def commands():
    """Every script that a shell block calls, with its options."""
    for line in '\n'.join(blocks('sh')).replace('\\\n', ' ').split('\n'):
        for part in re.split(r'&&|#', line)[:-1 if '#' in line else None]:
            script = re.match(r'\s*python ([\w/]+)\.py(.*)', part)
            if script:
                yield script[1], re.findall(r'--[\w-]+', script[2])


def test_python_blocks_run_as_pasted_one_after_the_other(tmp_path):
    models = tmp_path / 'models'
    models.mkdir()
    write_checkpoint(models / 'MPII+LSP.ckpt', values(VARIABLES['pose']), 1)
    write_checkpoint(models / 'M+L-GRU-2.ckpt', gait_tensors(), 1)
    code = '\n'.join(blocks('python')) + '''
import numpy as np
assert identification_vector.shape == (512,) and whole.shape == vector.shape == (512,)
assert np.abs(whole - identification_vector).max() < 1e-5 and np.abs(vector - identification_vector).max() < 1e-4
assert coords_y.shape == coords_x.shape == probabilities.shape == (4, 16)
'''
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().split('\n')
    assert re.fullmatch(r'\[[123]\]', lines[0])
    assert [line[:15].strip() for line in lines[1:]] == re.findall(r'^(.+?) ?: \d', README, re.MULTILINE)[:16]


@pytest.mark.parametrize('script', sorted({script for script, _ in commands()}))
def test_every_option_in_a_command_exists(script):
    help_text = subprocess.run([sys.executable, str(ROOT / f'{script}.py'), '--help'], capture_output=True, text=True,
                               check=True).stdout
    used = {option for name, options in commands() if name == script for option in options}
    assert not [option for option in used if not re.search(rf'{option}\b', help_text)]


def test_every_file_and_heading_it_points_to_exists():
    headings = {re.sub(r'[^\w\- ]', '', h).strip().lower().replace(' ', '-')
                for h in re.findall(r'^#+ (.*)$', README, re.MULTILINE)}
    for target in re.findall(r'\]\(([^)\s]+)\)', README.replace('\n', ' ')):
        if target.startswith('#'):
            assert target[1:] in headings, target
        elif not target.startswith('http'):
            assert (ROOT / target).exists(), target


def test_no_place_is_left_to_be_filled_in():
    texts = [README, *(path.read_text() for path in (ROOT / 'models').glob('*.md'))]
    assert not re.search(r'@@|TODO|\bXX', '\n'.join(texts))
