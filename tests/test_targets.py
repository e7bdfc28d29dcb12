"""What a command writes never takes the place of something else: refused before anything is computed."""
import contextlib
import csv
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import SHIPPED
from PIL import Image

import dummy_pose_estimation
from gait_files import replacing
from gait_recognition import cli, kinds
from gait_recognition.commands import vector as vector_command
from gait_recognition.gallery import Gallery
from gait_recognition.joint_files import joint_rows, write_rows, write_trc
from gait_recognition.pose_estimation import FrameJoints
from gait_recognition.training import gait, pose
from gait_recognition.training.annotations import Annotation, write_annotations
from gait_recognition.walkers.files import write_scene


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a picture, a walk of pictures, a manifest of it, a gallery and notes of the user's."""
    monkeypatch.chdir(tmp_path)
    Image.new('RGB', (50, 60)).save('me.png')
    os.mkdir('walk')
    for i in range(3):
        Image.new('RGB', (50, 60)).save(f'walk/{i}.png')
    Path('walks.csv').write_text('person,condition,session,path\nanna,N1,1,walk\n')
    Path('mine.csv').write_text('name,age\nanna,30\n')
    gallery = Gallery('stands for the weights')
    gallery.enrol('anna', np.ones(512), 'monday.mp4')
    gallery.save('people.npz')
    return tmp_path


@pytest.fixture
def refused(place, capsys):
    """The line that a command is refused with; every file stays what it is, and no network is opened."""
    def refused(*arguments):
        before = {path: path.read_bytes() for path in place.rglob('*') if path.is_file()}
        assert cli.main([*map(str, arguments)]) == 2
        assert {path: path.read_bytes() for path in place.rglob('*') if path.is_file()} == before
        out, err = capsys.readouterr()
        assert out == '' and err.count('\n') == 1
        return err
    return refused


@pytest.mark.parametrize('arguments, said', [
    (['vector', 'walk', '--output', 'people.npz'], 'people.npz is there already and holds a gallery, not vectors'),
    (['vector', 'walk', '--output', 'walks.csv'], 'walks.csv is there already and holds a manifest'),
    (['vector', 'walk', '--output', 'mine.csv'], "mine.csv is there already and holds a text that begins 'name,age'"),
    (['gallery', 'export', 'people.npz', 'walks.csv'], 'holds a manifest, not an exported gallery'),
    (['gallery', 'export', 'people.npz', 'people.npz'], 'people.npz is what is to be read'),
    (['pose', 'me.png', '--joints', 'walks.csv'], 'holds a manifest, not joints'),
    (['convert', SHIPPED / 'walkers-GRU-1.npz', 'people.npz'], 'people.npz is there already'),
    (['evaluate', 'walks.csv', '--plots', 'plots'], 'plots/roc.png is there already and holds'),
    (['walkers', 'mine.csv'], 'mine.csv is there already')], ids=lambda value: ' '.join(map(str, value[:1])))
def test_a_file_of_another_kind_is_not_replaced_and_the_message_says_what_it_is(arguments, said, refused):
    os.mkdir('plots')
    Path('plots/roc.png').write_text('notes')
    assert said in refused(*arguments)


@pytest.mark.parametrize('content, kind', [
    (b'[5', 'JSON of []'), (b'{"a": ' + b'[' * 60_000, "JSON of ['a']"),
    (b'{"a": ' + b'1' * 5000 + b'}', "JSON of ['a']"),
    (b'\x93NUMPY\1\0\x10\0{"a": ((((((   \n', 'a damaged one'), (b'\n', "a text that begins ''"),
    (b'\xef\xbb\xbf', "a text that begins ''"), (b'a,"b' * 50_000, 'a text that begins \'a,"b'),
    (b'a\0b,c\nd', "a text that begins 'a")])
def test_a_damaged_file_of_any_kind_is_called_something(tmp_path, content, kind):
    (tmp_path / 'it').write_bytes(content)
    assert kind in kinds.kind_of(tmp_path / 'it')


@pytest.mark.parametrize('names', [['an\nna', 'be"n', 'car\u2028la,'], [f'person {i:09}' for i in range(10_000)]])
def test_counts_of_an_evaluation_are_known_again_whatever_people_are_called_and_however_many(tmp_path, names):
    with open(tmp_path / 'confusion.csv', 'w', newline='', encoding='utf-8') as file:
        csv.writer(file).writerows([['person', *names, 'not tried'], [names[0], 1]])
    assert kinds.kind_of(tmp_path / 'confusion.csv') == kinds.COUNTS


def test_a_picture_of_another_kind_is_not_drawn_over(refused, place):
    Path('notes.png').write_text('notes')
    assert 'notes.png is there already and holds' in refused('pose', 'me.png', '--output', 'notes.png')


@pytest.mark.parametrize('link', [os.symlink, os.link])
def test_what_the_command_reads_is_not_written_over_by_any_of_its_names(link, refused, place):
    link(place / 'me.png', place / 'also me.png')
    assert 'is what is to be read' in refused('pose', 'me.png', '--output', 'also me.png')


def test_an_input_in_a_folder_or_a_pattern_is_not_written_over(refused, place):
    os.rename('walk/1.png', 'walk/1.gif')
    assert 'is what is to be read' in refused('pose', 'walk', '--output', 'walk/1.gif')
    assert 'is what is to be read' in refused('pose', 'walk/*.*', '--output', 'walk/1.gif')


def test_two_outputs_of_one_name_are_refused(refused, place):
    for folder in ('a', 'b', 'out'):
        os.mkdir(folder)
    for folder in ('a', 'b'):
        Image.new('RGB', (50, 60)).save(f'{folder}/one.png')
    assert 'out/one_pose.png: two outputs' in refused('pose', 'a/one.png', 'b/one.png', '--output', 'out')


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='no pipes with names here')
def test_a_pipe_or_device_is_never_replaced(refused, place):
    os.mkfifo('pipe.csv')
    for arguments in (['vector', 'walk', '--output'], ['gallery', 'export', 'people.npz'],
                      ['pose', 'me.png', '--joints']):
        assert 'pipe.csv is a device or a pipe' in refused(*arguments, 'pipe.csv')
    with pytest.raises(FileExistsError, match='pipe'), replacing('pipe.csv'):
        pass
    assert Path('pipe.csv').is_fifo()


def test_a_link_to_nowhere_is_told_before_computing(refused, place):
    os.symlink(place / 'gone' / 'v.csv', place / 'v.csv')
    assert 'no such folder' in refused('vector', 'walk', '--output', 'v.csv')
    os.symlink('loop.csv', place / 'loop.csv')
    assert 'loop.csv is a link that leads to itself' in refused('vector', 'walk', '--output', 'loop.csv')
    with pytest.raises(FileExistsError, match='link to itself'), replacing('loop.csv'):
        pass
    assert Path('loop.csv').is_symlink()


def test_the_dummy_script_draws_over_pictures_alone(place, capsys):
    for name in ('notes.png', 'me.png'):
        if name == 'notes.png':
            Path(name).write_text('notes')
        before = Path(name).read_bytes()
        assert dummy_pose_estimation.main(['--image', 'me.png', '--output', name]) == 2
        assert Path(name).read_bytes() == before and name in capsys.readouterr().err


@pytest.mark.parametrize('parse, arguments, said', [
    (pose.parse_arguments, ['--convert', 'lsp', 'joints.mat', '--images', 'walk', '--to', 'walks.csv'],
     '--to: walks.csv is there already and holds a manifest, not annotated pictures'),
    (pose.parse_arguments, ['--convert', 'lsp', 'people.npz', '--images', 'walk', '--to', 'people.npz'],
     'people.npz is what is to be read'),
    (pose.parse_arguments, ['--clean', 'a.ckpt', '--data', 'mine.csv', '--to', 'mine.csv'], 'is what is to be read'),
    (pose.parse_arguments, ['--evaluate', 'a.ckpt', '--chart', 'mine.csv'], "begins 'name,age'"),
    (pose.parse_arguments, ['--output', 'mine.csv'], '--output mine.csv: expected a folder'),
    (gait.parse_arguments, ['--pose', 'a.ckpt', '--output', 'mine.csv/run'], '--output mine.csv/run: expected a'),
    (gait.parse_arguments, ['--pose', 'a.ckpt', '--output', 'run', '--features', 'mine.csv'], '--features mine.csv')])
def test_training_commands_write_over_nothing_else_either(parse, arguments, said, place, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2 and said in capsys.readouterr().err


# What commands wrote before, they write again ------------------------------------------------------------------------

def test_every_output_is_of_the_kind_that_may_replace_it(place):
    described = [{'walk': 'anna', 'error': None, 'vector': [1.0] * 512}]
    for suffix, writer in vector_command.VECTOR_WRITERS.items():
        with open(f'vectors{suffix}', 'wb') as file:
            writer(file, described, SimpleNamespace(fingerprint='of the weights'))
        assert kinds.kind_of(f'vectors{suffix}') == kinds.VECTORS
    poses = [FrameJoints(0, np.ones((3, 16)))]
    for name in ('joints.csv', 'joints.json'):
        write_rows(Path(name), [{'path': 'a.mp4', **row} for row in joint_rows(poses)])
        assert kinds.kind_of(name) == kinds.JOINTS
    write_trc(Path('joints.trc'), poses, 25.0, 100)
    Path('old.csv').write_text('path,frame,joint,y,x,probability\na.mp4,0,pelvis,1.0,2.0,0.5\n')     # before 2.1
    assert kinds.kind_of('joints.trc') == kinds.kind_of('old.csv') == kinds.JOINTS
    for name in ('people.csv', 'exported.npz'):
        Gallery.load('people.npz').export(name)
        assert kinds.kind_of(name) == kinds.EXPORT
    with contextlib.suppress(ImportError):                          # Parquet is an extra
        Gallery.load('people.npz').export('people.parquet')
        assert kinds.kind_of('people.parquet') == kinds.EXPORT
    Path('own.parquet').write_bytes(b'PAR1 of the user PAR1')
    assert kinds.kind_of('own.parquet') == 'another Parquet file'
    write_annotations('a.csv', [Annotation('me.png', np.ones((16, 2)), np.ones(16, bool), np.ones(16, bool), 1.0,
                                           (1.0, 1.0), np.zeros(16, bool))])
    assert kinds.kind_of('a.csv') == kinds.ANNOTATIONS
    truth = write_scene(place / 'scene.gif', person=1, frames=2, width=96, height=64)
    assert kinds.kind_of(truth) == 'the truth of a scene' and kinds.kind_of('scene.gif') == kinds.PICTURE
    assert kinds.kind_of(SHIPPED / 'walkers-GRU-1.npz') == 'weights'


def test_an_empty_file_may_be_written_over(place):
    Path('empty.csv').touch()
    assert kinds.kind_of('empty.csv') is None
