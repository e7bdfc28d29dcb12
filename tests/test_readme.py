"""What README and docs tell a user to type does what they say, and their links lead somewhere."""
import ast
import functools
import os
import pkgutil
import re
import shutil
import subprocess
import sys

import numpy as np
import pages
import pytest
from conftest import SHIPPED
from PIL import Image
from reference_weights import SHARED, write_checkpoint

import dummy_pose_estimation
import gait_checkpoints
from gait_recognition import GaitVectors
from gait_recognition.drawing import draw_pose
from gait_recognition.pictures import read_picture, to_frame
from gait_recognition.training import gait, pose
from gait_recognition.videos import write_gif
from gait_recognition.walkers.scenes import sequence
from pose_joints import JOINT_NAMES

ROOT = pages.ROOT
README, POSES = ROOT / 'README.md', ROOT / 'docs' / 'poses.md'
WITH_CODE = [page for page in pages.PAGES if pages.blocks(page, 'python')]
# What pages take for granted, where their code names it: weights that are not at hand, a demo that was written before.
SHIPPED_POSE = gait_checkpoints.SHIPPED_POSE
STAND_INS = {'models/MPII+LSP.ckpt': 'pose', 'models/M+L-GRU-2.ckpt': 'gait', 'runs/walkers/best.ckpt': 'pose',
             'runs/walkers-gait/best-GRU-1.ckpt': SHARED.format('GRU')}     # kinds of conftest.checkpoints
DEMO = {'anna-1': (0, 1), 'ben-1': (1, 1), 'anna-4': (0, 4)}                # person, walk
# What must hold afterwards, by page; `printed` is what was printed.
CHECKS = {
    'README.md': '''
assert identification_vector.shape == (512,) and spatial_features.shape == (20, 17, 17, 32)
assert re.fullmatch(r"((anna|ben) -?0\\.\\d+\\n)\\1", printed)''',
    'docs/python.md': '''
assert vectors.shape == (6, 512) and transformer.transform(walks).shape == (4, 512)
assert [outcome.error is None for outcome in outcomes] == [True, True, False] and 'usable' in printed
assert frames.count == 10 and some_crop.shape == (299, 299, 3) and result.probes and os.path.exists('plots/cmc.png')
assert np.abs(whole - identification_vector).max() < 1e-5 and np.abs(same - identification_vector).max() < 1e-5
assert re.search(r'^\\[[123]\\]$', printed, re.MULTILINE)''',
    'docs/poses.md': '''
assert coords_y.shape == coords_x.shape == probabilities.shape == (4, 16)
assert [line[:15].strip() for line in printed.splitlines()] == JOINT_NAMES
assert len(found) == 10 and drawn.shape == (360, 640, 3)''',
    'docs/gait.md': '''
assert 60 < cadence.value < 180 and 'steps/min' in printed and os.path.getsize('angles.svg') > 1000''',
    'docs/scenes.md': '''
assert len(people) == len(vectors) >= 1 and 'track 1, ' in printed
assert len(one) == 1 and one[0].numbers[0] >= 5 and len(linked) == 2 and os.path.getsize('one.txt') > 100''',
    'docs/watch.md': '''
assert 'left 1 ' in printed and 'uncalibrated' in printed''',
    'docs/original.md': '''
assert identification_vector.shape == (512,) and np.abs(vector - identification_vector).max() < 1e-4''',
    'docs/files.md': '''
assert walks[0][:2] == ('anna', 'monday.mp4') and list(weight.shape) == shape and len(rows) == 3''',
    'docs/training.md': 'assert net_gait.rnn_layers == 1'}


def test_every_page_with_code_says_what_must_hold_afterwards():
    assert {pages.name_of(page) for page in WITH_CODE} == {*CHECKS}


@pytest.fixture(scope='module')
def stand_ins(checkpoints, tmp_path_factory):
    """Files for the pages' names, by kind: walkers are found by weights that know them, not by random ones."""
    path = tmp_path_factory.mktemp('pose') / 'pose.ckpt'

    def file(kind):
        if kind != 'pose':
            return checkpoints(kind, 1)
        if not path.exists():
            write_checkpoint(path, gait_checkpoints.read_checkpoint(gait_checkpoints.locate(SHIPPED_POSE)), 1)
        return path
    return file


@pytest.mark.parametrize('page', WITH_CODE, ids=pages.name_of)
def test_python_blocks_of_a_page_run_as_pasted_one_after_the_other(page, tmp_path, stand_ins):
    blocks = pages.blocks(page, 'python')
    code = '\n'.join([*blocks, *(blocks[-1:] if page == README else ())])       # as pasted, and its last one again
    if gait_checkpoints.default_pair().published:
        pytest.skip('published weights are there: the pages are about a fresh clone')
    for name, kind in STAND_INS.items():
        if name in code:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(stand_ins(kind), tmp_path / name)
    if 'demo/' in code:
        (tmp_path / 'demo').mkdir()
        for name, seeds in DEMO.items():                    # animations of crops: quick, and read by their content
            with open(tmp_path / 'demo' / f'{name}.mp4', 'wb') as file:
                write_gif(file, sequence(*seeds, frames=10).images, 25)
    code += f'''
import os, re
import numpy as np
printed = open('printed', encoding='utf-8').read()
{CHECKS[pages.name_of(page)]}'''
    with open(tmp_path / 'printed', 'w', encoding='utf-8') as printed:
        done = subprocess.run([sys.executable, '-u', '-c', code], cwd=tmp_path, stdout=printed, stderr=subprocess.PIPE,
                              text=True, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0, done.stderr


# Commands -------------------------------------------------------------------------------------------------------------

OTHERS = [[pages.name_of(page), *words] for page in pages.PAGES for words in pages.commands(page)
          if words[0] != 'gait-recognition']                                # which test_cli.py parses
PARSERS = {'train_pose.py': pose.parse_arguments, 'train_gait.py': gait.parse_arguments}


@functools.lru_cache
def help_of(script):
    return subprocess.run([sys.executable, str(ROOT / script), '--help'], capture_output=True, text=True,
                          check=True).stdout


@pytest.mark.parametrize('command', OTHERS, ids=' '.join)
def test_every_command_names_files_options_and_extras_that_exist(command):
    _, program, *arguments = command
    options = [word.split('=')[0] for word in arguments if word.startswith('--')]
    if program == 'python' and arguments[0] in PARSERS:
        PARSERS[arguments[0]](arguments[1:])                                # leaves with a message where one is wrong
    elif program == 'python' and arguments[0].endswith('.py'):
        assert not [option for option in options if not re.search(rf'{option}\b', help_of(arguments[0]))]
    elif program == 'python':
        assert arguments[0] == '-m' and arguments[1] in ('pytest', 'tests.fuzz')
        assert all((ROOT / word).exists() for word in arguments if word.startswith('tests/'))
    elif program == 'pip':
        extra = re.fullmatch(r'\.\[(\w+)\]', arguments[2])
        assert arguments[:2] == ['install', '-e'] and f"'{extra[1]}': [" in (ROOT / 'setup.py').read_text('utf-8')
    else:
        assert program in ('git', 'ruff') or (ROOT / program).is_file()


def test_the_block_about_clusters_which_no_test_can_run_names_what_exists():
    block, = [block for block in pages.blocks(ROOT / 'docs' / 'clusters.md', 'text') if 'import' in block]
    calls = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)]
    options = {word.arg for call in calls if getattr(call.func, 'id', '') == 'GaitVectors' for word in call.keywords}
    assert options == {'n_jobs', 'cache'} and options <= {*GaitVectors().get_params()}


# Figures and pictures -------------------------------------------------------------------------------------------------

def test_the_readme_shows_what_the_first_command_prints_and_draws(tmp_path):
    frame = to_frame(read_picture(ROOT / 'images' / 'dummy.jpg'))
    y, x, probabilities = dummy_pose_estimation.estimate_joints(frame, SHIPPED / SHIPPED_POSE)
    shown = re.findall(r'^`?([a-z ]+?) ?: (\d+\.\d+)%', README.read_text('utf-8'), re.MULTILINE)
    shown += re.findall(r'`([a-z ]+): (\d+\.\d+)%`', README.read_text('utf-8'))
    assert len(shown) == 4
    for name, percentage in shown:
        assert float(percentage) == pytest.approx(100 * probabilities[JOINT_NAMES.index(name)], abs=1)
    draw_pose(frame, y, x, tmp_path / 'drawn.jpg')
    drawn, there = (np.asarray(Image.open(path), float) for path in (tmp_path / 'drawn.jpg',
                                                                     ROOT / 'images' / 'dummy_result.jpg'))
    assert drawn.shape == there.shape and np.abs(drawn - there).mean() < 2


def test_the_originals_sample_lists_the_joints_in_their_order():
    assert re.findall(r'^([a-z ]+?) ?: \d', POSES.read_text('utf-8'), re.MULTILINE) == JOINT_NAMES


# Links ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('page', [*pages.PAGES, *(ROOT / 'models').glob('*.md')], ids=pages.name_of)
def test_every_file_and_heading_a_page_points_to_exists(page):
    for link in pages.links(page):
        if link.startswith('http'):
            continue
        name, _, heading = link.partition('#')
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not heading or heading in pages.headings(target), link


@pytest.mark.parametrize('page', [*pages.PAGES, *(ROOT / 'models').glob('*.md')], ids=pages.name_of)
def test_every_module_name_and_file_that_a_page_mentions_exists(page):
    text = page.read_text('utf-8')
    for name in set(re.findall(r'\bgait_recognition(?:\.\w+)+', text)):
        pkgutil.resolve_name(name)                                          # raises where there is none
    files = set(re.findall(r'`([\w./-]+/[\w.-]+\.(?:py|md))`', text))
    assert not [file for file in files if 'NAME' not in file and not (ROOT / file).exists()]


def test_every_page_of_the_docs_is_reached_from_their_index():
    index = {(ROOT / 'docs' / link).resolve() for link in pages.links(ROOT / 'docs' / 'README.md') if '#' not in link}
    assert {*pages.DOCS} - {ROOT / 'docs' / 'README.md'} <= index
    assert 'docs/README.md' in pages.links(README)


def test_no_place_is_left_to_be_filled_in():
    texts = [page.read_text('utf-8') for page in [*pages.PAGES, *(ROOT / 'models').glob('*.md')]]
    assert not re.search(r'@@|TODO|\bXX', '\n'.join(texts))
