"""Files of weights: found, read, refused, matched and written; restoring and saving with the two networks."""
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from conftest import SHIPPED
from reference_weights import LOGITS, SHARED, VARIABLES, gait_tensors, logits, value, values, write_checkpoint

import gait_checkpoints
from gait_checkpoints import DATA_SUFFIX, CheckpointError, RestoreReport
from gait_nn import GaitNetwork
from gait_recognition.training.runs import read_state
from human_pose_nn import HumanPoseIRNetwork

SMALL = {'a/weights': np.arange(24, dtype=np.float32).reshape(4, 6), 'b': np.ones(3, np.float32)}
CELL_0 = 'GaitNN/Recurrent/rnn/multi_rnn_cell/cell_0/'
GRU_LEAVES = ['gates/kernel', 'gates/bias', 'candidate/kernel', 'candidate/bias']


def is_small(path):
    tensors = gait_checkpoints.read_checkpoint(path)
    return set(tensors) == set(SMALL) and all(np.array_equal(tensors[name], SMALL[name]) for name in SMALL)


# --- Finding and reading ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize('version', [1, 2])
@pytest.mark.parametrize('name', ['plain.ckpt', 'M+L-GRU-2.ckpt', 'with spaces.ckpt', 'br[ack]ets{1}.ckpt',
                                  'st*r?.ckpt', 'back\\slash.ckpt', 'Gäng.ckpt', 'no suffix'])
def test_both_versions_are_read_under_any_name(tmp_path, name, version):
    path = write_checkpoint(tmp_path / name, SMALL, version)
    assert is_small(path)
    assert is_small(pathlib.Path(path))


@pytest.mark.parametrize('suffix', ['', '.index', DATA_SUFFIX])
def test_a_v2_checkpoint_is_read_by_its_prefix_its_index_or_its_data_file(tmp_path, suffix):
    assert is_small(write_checkpoint(tmp_path / 'two.ckpt', SMALL) + suffix)


def test_shapes_are_read_without_values(tmp_path):
    path = write_checkpoint(tmp_path / 'one.ckpt', SMALL, 1)
    assert gait_checkpoints.read_checkpoint_shapes(path) == {'a/weights': [4, 6], 'b': [3]}


def test_only_wanted_tensors_are_read(tmp_path):
    path = write_checkpoint(tmp_path / 'one.ckpt', SMALL)
    assert list(gait_checkpoints.read_checkpoint(path, 'b'.__contains__)) == ['b']


def test_a_tilde_is_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('USERPROFILE', str(tmp_path))
    write_checkpoint(tmp_path / 'mine.ckpt', SMALL)
    assert is_small('~/mine.ckpt')
    assert is_small(pathlib.Path('~') / 'mine.ckpt')


def test_any_path_like_is_taken_and_nothing_else(tmp_path):
    @dataclasses.dataclass
    class Place:
        path: object

        def __fspath__(self):
            return self.path

    path = write_checkpoint(tmp_path / 'mine.ckpt', SMALL)
    assert is_small(Place(path)) and is_small(Place(os.fsencode(path)))
    for other in (None, 3, b'mine.ckpt', ['mine.ckpt']):
        with pytest.raises(TypeError, match='str or PathLike, got'):
            gait_checkpoints.locate(other)


def test_a_v2_checkpoint_wins_over_a_v1_file_of_the_same_name(tmp_path):
    """So that what was saved over an old file is what the next restore gives."""
    for name in ('plain.ckpt', 'br[ack]ets.ckpt'):
        write_checkpoint(tmp_path / name, {'old': np.zeros(1, np.float32)}, 1)
        assert is_small(write_checkpoint(tmp_path / name, SMALL, 2))


def test_bare_names_are_sought_in_the_working_directory_then_in_models_then_with_the_users_files(tmp_path, monkeypatch):
    here, user = tmp_path / 'here', tmp_path / 'user'
    for folder in (here / 'models', user / 'gait-recognition' / 'models'):
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv('XDG_DATA_HOME', str(user))
    monkeypatch.setattr(sys, 'platform', 'linux')
    name = 'walk+1.ckpt'
    with pytest.raises(FileNotFoundError, match='fetch_models') as caught:
        gait_checkpoints.locate(name)
    for folder in (here / 'models', user / 'gait-recognition' / 'models'):
        assert str(folder) in str(caught.value)
    for folder in (user / 'gait-recognition' / 'models', here / 'models', here):        # each goes before the last
        write_checkpoint(folder / name, SMALL, 1)
        assert pathlib.Path(gait_checkpoints.locate(name)).absolute() == folder / name


# --- Refusing --------------------------------------------------------------------------------------------------------

def write(path, content):
    path.write_bytes(content)
    return path


OTHER_KINDS = {
    'empty': (b'', 'is empty'),
    'an HTML page': (b'<!DOCTYPE html><html><title>Quota exceeded</title>', 'is an HTML page'),
    'an HTML page after spaces': (b'\n  <html lang="en">', 'is an HTML page'),
    'an HTML page with a byte order mark': (b'\xef\xbb\xbf<!doctype HTML>', 'is an HTML page'),
    'a Git LFS pointer': (b'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n',
                          'is a Git LFS pointer.*git lfs pull'),
    'text': (b'not found\n', 'cannot be read as a checkpoint'),
    'a zip archive': (b'PK\x03\x04' + bytes(200), 'cannot be read as a checkpoint')}


@pytest.mark.parametrize('suffix', ['', '.index'])
@pytest.mark.parametrize('kind', OTHER_KINDS)
def test_other_files_under_a_checkpoints_name_are_called_what_they_are(tmp_path, kind, suffix):
    content, message = OTHER_KINDS[kind]
    path = write(tmp_path / f'saved.ckpt{suffix}', content)
    write(tmp_path / f'saved.ckpt{DATA_SUFFIX}', b'x')
    with pytest.raises(CheckpointError, match=message) as caught:
        gait_checkpoints.read_checkpoint(path)
    assert str(tmp_path / 'saved.ckpt') in str(caught.value)


def test_what_is_not_there_is_said_with_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent.ckpt: no such checkpoint.*fetch_models.py.*models/README.md'):
        gait_checkpoints.read_checkpoint(tmp_path / 'absent.ckpt')


def test_a_folder_is_called_a_folder(tmp_path):
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path)) + ' is a folder'):
        gait_checkpoints.read_checkpoint(tmp_path)


@pytest.mark.parametrize('kept, lost', [('.index', DATA_SUFFIX), (DATA_SUFFIX, '.index')])
def test_one_half_of_a_v2_checkpoint_is_refused_with_the_half_that_is_missing(tmp_path, kept, lost):
    path = write_checkpoint(tmp_path / 'half.ckpt', SMALL)
    os.remove(path + lost)
    with pytest.raises((CheckpointError, FileNotFoundError), match=re.escape('half.ckpt' + lost)) as caught:
        gait_checkpoints.read_checkpoint(path)
    assert 'a V2 checkpoint needs both' in str(caught.value)


FILES = [(1, ''), (2, '.index'), (2, DATA_SUFFIX)]


@pytest.mark.parametrize('version, suffix', FILES)
def test_a_truncated_checkpoint_is_refused_wherever_it_ends(tmp_path, version, suffix):
    path = write_checkpoint(tmp_path / 'cut.ckpt', SMALL, version)
    whole = pathlib.Path(path + suffix).read_bytes()
    for length in range(len(whole)):
        pathlib.Path(path + suffix).write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match='cut.ckpt.*(truncated, corrupt|is empty)'):
            gait_checkpoints.read_checkpoint(path)


@pytest.mark.parametrize('version, suffix', FILES)
@pytest.mark.parametrize('mask', [0x01, 0x80])
def test_a_flipped_bit_is_refused_or_changes_no_number(tmp_path, version, suffix, mask):
    """In data every flip is refused; some bytes of an index mean nothing (padding, handles of empty blocks)."""
    path = write_checkpoint(tmp_path / 'flip.ckpt', SMALL, version)
    whole = pathlib.Path(path + suffix).read_bytes()
    refused = 0
    for i in range(len(whole)):
        pathlib.Path(path + suffix).write_bytes(whole[:i] + bytes([whole[i] ^ mask]) + whole[i + 1:])
        try:
            assert is_small(path), f'byte {i} flipped: other numbers, and no error'
        except CheckpointError as error:
            assert 'flip.ckpt' in str(error)
            refused += 1
    assert refused == len(whole) if suffix == DATA_SUFFIX else refused > len(whole) / 2


# --- Matching --------------------------------------------------------------------------------------------------------

def match(tensors, **arguments):
    return gait_checkpoints.match('file.ckpt', tensors, list(tensors), {'a/weights': [4, 6], 'b': [3]}, 'a network',
                                  **arguments)


def test_matched_tensors_are_float32_under_the_networks_names_and_no_others():
    tensors = {'a/weights': SMALL['a/weights'].astype(np.float64), 'b': SMALL['b'].astype(np.float16), 'c': np.zeros(2)}
    matched = match(tensors)
    assert list(matched) == ['a/weights', 'b']
    assert all(array.dtype == np.float32 for array in matched.values())


def test_optional_variables_may_lack():
    assert list(match({'a/weights': SMALL['a/weights']}, optional=['b'])) == ['a/weights']


@pytest.mark.parametrize('change, message', [
    ({'b': None}, r'b is missing \(expected shape \[3\]\)$'),
    ({'b': np.ones(4, np.float32)}, r'b has shape \[4\], expected \[3\]$'),
    ({'b': np.ones(3, np.int32)}, 'b has type int32, expected float32$'),
    ({'b': np.array([b'x'] * 3, object)}, 'b has type object, expected float32$'),
    ({'b': np.array([1, np.nan, 1], np.float32)}, 'b holds NaN or infinity$'),
    ({'b': np.array([1, np.inf, 1], np.float32)}, 'b holds NaN or infinity$'),
    ({'b': None, 'a/weights': SMALL['b']}, r'b is missing.*; a/weights has shape \[3\], expected \[4, 6\]$')])
def test_what_does_not_fit_is_refused_with_the_variable_what_was_expected_and_what_came(change, message):
    tensors = {name: array for name, array in {**SMALL, **change}.items() if array is not None}
    with pytest.raises(CheckpointError, match='file.ckpt does not fit a network: ' + message):
        match(tensors)


def test_three_problems_are_told_and_the_others_counted():
    expected = {**{f'v{i}': [1] for i in range(9)}, 'b': [3]}
    with pytest.raises(CheckpointError, match=r'v0 is.*v1 is.*v2 is missing \(expected shape \[1\]\) \(and 6 more\)$'):
        gait_checkpoints.match('file.ckpt', {'b': SMALL['b']}, ['b'], expected, 'a network')


@pytest.mark.parametrize('names, guess', [
    (['GaitNN/DownSampling/x'], "a gait network's file"),
    (['NewInceptionResnetV2/x', 'InceptionResnetV2/x'], "a pose network's file"),
    (['InceptionResnetV2/x', 'global_step'], 'is_pre_trained_imagenet_checkpoint=True'),
    (['resnet_v1_50/conv1', 'global_step'], "another network's file, with global_step, resnet_v1_50"),
    ([], "another network's file, with no variable")])
def test_another_networks_file_is_called_by_what_it_is(names, guess):
    with pytest.raises(CheckpointError, match=f'holds none of the 1 variables of a network; it is .*{guess}'):
        gait_checkpoints.match('file.ckpt', {}, names, {'b': [3]}, 'a network')


ERAS = {'GRU': ['tf0.12 GRU 2 layers', 'tf1.0 GRU', SHARED.format('GRU')],
        'LSTM': ['tf0.12 LSTM 2 layers', 'tf1.0 LSTM', SHARED.format('LSTM')]}


@pytest.mark.parametrize('cell', ERAS)
def test_cell_and_layers_are_read_off_every_eras_names(cell):
    for kind, layers in zip(ERAS[cell], (2, 2, 1)):
        assert gait_checkpoints.describe_recurrent(gait_tensors(kind)) == (cell, layers)
    assert gait_checkpoints.describe_recurrent(VARIABLES['gait']) is None


def test_the_report_counts_and_names_what_was_done():
    report = RestoreReport('walk.ckpt', ['a', 'b'], shared=['c'], initial=['d', 'e'], ignored=list('fghij'))
    assert str(report).splitlines() == ['walk.ckpt: 2 variables restored', '  1 filled from the shared cell_0: c',
                                        '  2 initial: d, e', '  5 ignored: f, g, h, i, ...']
    assert str(RestoreReport('walk.ckpt', ['a'])) == 'walk.ckpt: 1 variables restored'


# --- Writing ---------------------------------------------------------------------------------------------------------

def test_what_is_written_is_a_v2_checkpoint_of_two_files_that_tensorflow_reads(tmp_path):
    path = gait_checkpoints.write_checkpoint(tmp_path / 'mine+1.ckpt', SMALL)
    assert sorted(os.listdir(tmp_path)) == ['mine+1.ckpt' + DATA_SUFFIX, 'mine+1.ckpt.index']
    assert tf.train.load_variable(path, 'b').tolist() == [1, 1, 1]


def test_writing_into_a_missing_folder_or_onto_a_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent: no such folder to save x.ckpt in'):
        gait_checkpoints.write_checkpoint(tmp_path / 'absent' / 'x.ckpt', SMALL)


def test_a_full_disk_leaves_the_old_checkpoint_as_it_was_and_nothing_beside_it(tmp_path):
    resource = pytest.importorskip('resource')
    path = gait_checkpoints.write_checkpoint(tmp_path / 'kept.ckpt', SMALL)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))          # a file may not grow beyond this
    try:
        with pytest.raises(OSError, match='kept.ckpt could not be saved'):
            gait_checkpoints.write_checkpoint(path, {'b': np.zeros(50_000, np.float32)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert is_small(path)
    assert sorted(os.listdir(tmp_path)) == ['kept.ckpt' + DATA_SUFFIX, 'kept.ckpt.index']


NEW = {name: array + 1 for name, array in SMALL.items()}


def killed_at_rename(path, number):
    """Write NEW over a checkpoint in a process that dies at its rename `number` (from 0)."""
    code = f'''
import os, sys
sys.path.insert(0, {str(pathlib.Path(gait_checkpoints.__file__).parent)!r})
import numpy as np
import gait_checkpoints
from gait_recognition.training.runs import read_state
renames, replace = [], os.replace
def die(*arguments):
    if len(renames) == {number}:
        os._exit(9)
    renames.append(arguments)
    replace(*arguments)
os.replace = die
tensors = gait_checkpoints.read_checkpoint({str(path)!r})
gait_checkpoints.write_checkpoint({str(path)!r}, {{name: array + 1 for name, array in tensors.items()}})
'''
    assert subprocess.run([sys.executable, '-c', code], capture_output=True).returncode == 9


def test_a_process_killed_before_a_file_is_renamed_leaves_the_old_checkpoint(tmp_path):
    path = write_checkpoint(tmp_path / 'killed.ckpt', SMALL)
    killed_at_rename(path, 0)
    assert is_small(path)
    gait_checkpoints.write_checkpoint(path, NEW)
    np.testing.assert_array_equal(gait_checkpoints.read_checkpoint(path)['b'], NEW['b'])
    assert sorted(os.listdir(tmp_path)) == ['killed.ckpt' + DATA_SUFFIX, 'killed.ckpt.index']


def test_a_reader_between_the_renames_does_not_disturb_the_writer(tmp_path, monkeypatch):
    gait_checkpoints.write_checkpoint(tmp_path / 'last.ckpt', {'b': np.zeros(3, np.float32)})
    replace = os.replace

    def read_after_the_first(source, target):
        replace(source, target)
        if target == f'{tmp_path / "last.ckpt"}{DATA_SUFFIX}':
            assert is_small(tmp_path / 'last.ckpt')
    monkeypatch.setattr(os, 'replace', read_after_the_first)
    gait_checkpoints.write_checkpoint(tmp_path / 'last.ckpt', SMALL)
    assert is_small(tmp_path / 'last.ckpt')
    assert sorted(os.listdir(tmp_path)) == ['last.ckpt' + DATA_SUFFIX, 'last.ckpt.index']


def test_a_process_killed_between_the_renames_leaves_what_the_next_restore_completes(tmp_path):
    path = write_checkpoint(tmp_path / 'killed.ckpt', SMALL)
    killed_at_rename(path, 1)
    tensors = gait_checkpoints.read_checkpoint(path)
    assert all(np.array_equal(tensors[name], NEW[name]) for name in NEW)
    assert sorted(os.listdir(tmp_path)) == ['killed.ckpt' + DATA_SUFFIX, 'killed.ckpt.index']


def test_a_write_that_fails_after_one_that_was_killed_between_the_renames_leaves_that_ones_weights(tmp_path):
    path = write_checkpoint(tmp_path / 'killed.ckpt', SMALL)
    killed_at_rename(path, 1)
    with pytest.raises(CheckpointError, match='not what is read back'), pytest.MonkeyPatch.context() as patch:
        patch.setattr(gait_checkpoints, 'read_entries', lambda path: {})
        gait_checkpoints.write_checkpoint(path, SMALL)
    tensors = gait_checkpoints.read_checkpoint(path)
    assert all(np.array_equal(tensors[name], NEW[name]) for name in NEW)
    assert sorted(os.listdir(tmp_path)) == ['killed.ckpt' + DATA_SUFFIX, 'killed.ckpt.index']


# --- The gait network ------------------------------------------------------------------------------------------------

def damaged(checkpoints, folder, kind):
    """A file that the two-layer GRU network has to refuse, and what the error says."""
    good = checkpoints(SHARED.format('GRU'), 1 if kind.startswith('V1') else 2)
    path, name = str(folder / 'refused.ckpt'), 'GaitNN/FullyConnected/fully_connected/weights'
    tensors = gait_tensors(SHARED.format('GRU'))
    if kind == 'missing':
        return path, 'no such checkpoint'
    if kind == 'folder':
        os.mkdir(path)
        return path, 'is a folder'
    if kind == 'HTML':
        return str(write(pathlib.Path(path), b'<!DOCTYPE html><html>')), 'is an HTML page'
    if kind.startswith('V1'):
        whole = pathlib.Path(good).read_bytes()
        middle = len(whole) // 2
        content = whole[:middle] if 'cut' in kind else whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1:]
        return str(write(pathlib.Path(path), content)), 'truncated, corrupt'
    if kind.startswith('V2'):
        for suffix in ('.index', DATA_SUFFIX):
            shutil.copy(good + suffix, path + suffix)
        with open(path + DATA_SUFFIX, 'r+b') as file:
            middle = os.path.getsize(path + DATA_SUFFIX) // 2
            if 'cut' in kind:
                file.truncate(middle)
            else:
                file.seek(middle)
                byte = file.read(1)[0]
                file.seek(middle)
                file.write(bytes([byte ^ 4]))
        return path, 'truncated, corrupt'
    change, message = {
        'variable missing': ({name: None}, rf'{name} is missing \(expected shape \[6400, 512\]\)'),
        'variable misshapen': ({name: np.zeros((6400, 511), np.float32)}, r'\[6400, 511\], expected \[6400, 512\]'),
        'NaN': ({name: np.full((6400, 512), np.nan, np.float32)}, f'{name} holds NaN'),
        'integers': ({name: np.zeros((6400, 512), np.int32)}, 'type int32, expected float32'),
        'recurrent variable missing': ({CELL_0 + 'gru_cell/candidate/bias': None}, 'candidate/bias is missing'),
        'recurrent variable misshapen': ({CELL_0 + 'gru_cell/gates/bias': np.zeros(512, np.float32)},
                                         r'gates/bias has shape \[512\], expected \[1024\]')}[kind]
    tensors.update(change)
    return write_checkpoint(path, {n: a for n, a in tensors.items() if a is not None}), message


@pytest.mark.parametrize('kind', ['missing', 'folder', 'HTML', 'V1 cut', 'V1 flipped', 'V2 cut', 'V2 flipped',
                                  'variable missing', 'variable misshapen', 'NaN', 'integers',
                                  'recurrent variable missing', 'recurrent variable misshapen'])
def test_after_a_refused_file_the_gait_network_gives_what_it_gave_before(gait_net, checkpoints, features, tmp_path,
                                                                         kind):
    before = gait_net.feed_forward(features)
    path, message = damaged(checkpoints, tmp_path, kind)
    with pytest.raises((CheckpointError, OSError), match=message) as caught:
        gait_net.restore(path)
    assert path in str(caught.value)
    np.testing.assert_array_equal(gait_net.feed_forward(features), before)


def test_a_pose_networks_file_is_refused_by_that_name(gait_net, checkpoints):
    with pytest.raises(CheckpointError, match="of the gait network; it is a pose network's file"):
        gait_net.restore(checkpoints('pose', 1))


@pytest.mark.parametrize('kind, message', [
    (SHARED.format('LSTM'), "holds LSTM cells, the network was built with GRU.*recurrent_unit='LSTM'"),
    ('tf0.12 GRU 2 layers', 'holds 2 recurrent layers, the network was built with 3.*rnn_layers=2')])
def test_other_cells_and_another_number_of_layers_are_refused(gait_nets, checkpoints, features, kind, message):
    net = gait_nets('GRU', 3)
    net.restore(checkpoints(SHARED.format('GRU')))
    before = net.feed_forward(features)
    with pytest.raises(CheckpointError, match=message):
        net.restore(checkpoints(kind, 1))
    np.testing.assert_array_equal(net.feed_forward(features), before)


def test_the_report_of_a_shared_cell_names_the_layers_it_filled(gait_nets, checkpoints):
    net, path = gait_nets('GRU', 3), checkpoints(SHARED.format('GRU'), 1)
    report = net.restore(path)
    assert report.path == path
    assert sorted(report.restored) == sorted(gait_tensors(SHARED.format('GRU')))
    assert sorted(report.shared) == sorted(f'GaitNN/Recurrent/rnn/multi_rnn_cell/cell_{i}/gru_cell/{leaf}'
                                           for i in (1, 2) for leaf in GRU_LEAVES)
    assert report.initial == report.ignored == []
    assert '142 variables restored' in str(report) and '8 filled from the shared cell_0' in str(report)


@pytest.mark.parametrize('kind', ERAS['GRU'][:2])
def test_the_report_of_older_names_says_restored_and_ignores_none(gait_nets, checkpoints, kind):
    report = gait_nets('GRU', 2).restore(checkpoints(kind, 1))
    assert len(report.restored) == 138 + 8
    assert report.shared == report.initial == report.ignored == []


def test_one_cell_under_older_names_is_restored_and_fills_the_others(gait_nets, tmp_path):
    tensors = {name: array for name, array in gait_tensors('tf1.0 GRU').items() if 'cell_1' not in name}
    report = gait_nets('GRU', 2).restore(write_checkpoint(tmp_path / 'old.ckpt', tensors, 1))
    assert {name.split('/')[4] for name in report.shared} == {'cell_1'} and len(report.shared) == 4
    assert len(report.restored) == 138 + 4


def test_the_report_of_a_file_without_recurrent_weights_names_them_initial_and_the_classifier_ignored(gait_nets,
                                                                                                     checkpoints):
    with pytest.warns(UserWarning, match='holds no recurrent weights.*TensorFlow 1.3') as caught:
        report = gait_nets('GRU', 1).restore(checkpoints('gait 100 people', 1))
    assert len(caught) == 1
    assert report.initial == [f'{CELL_0}gru_cell/{leaf}' for leaf in GRU_LEAVES]
    assert report.ignored == [LOGITS + 'biases', LOGITS + 'weights']
    assert len(report.restored) == 138


@pytest.mark.parametrize('cell', ['GRU', 'LSTM'])
def test_saved_gait_weights_restore_to_identical_vectors_recurrent_ones_included(gait_nets, checkpoints, features,
                                                                                 tmp_path, cell):
    net = gait_nets(cell, 2)
    net.restore(checkpoints(f'tf0.12 {cell} 2 layers', 1))
    vector = net.feed_forward(features)
    path = net.save(tmp_path / 'made' / 'for it', 'walk+1')
    assert path == str(tmp_path / 'made' / 'for it' / 'walk+1.ckpt')
    assert sorted(os.listdir(os.path.dirname(path))) == ['walk+1.ckpt' + DATA_SUFFIX, 'walk+1.ckpt.index']
    assert {name.split('/')[-1] for name in gait_checkpoints.read_checkpoint_shapes(path)} >= {'kernel', 'bias'}
    net.restore(checkpoints(SHARED.format(cell)))
    assert not np.allclose(net.feed_forward(features), vector)
    report = net.restore(path)
    np.testing.assert_array_equal(net.feed_forward(features), vector)
    assert report.shared == report.initial == report.ignored == []


def test_saving_again_overwrites(gait_net, checkpoints, features, tmp_path):
    gait_net.save(tmp_path, 'twice')
    gait_net.restore(checkpoints('tf0.12 GRU 2 layers'))
    vector = gait_net.feed_forward(features)
    path = gait_net.save(tmp_path, 'twice')
    gait_net.restore(checkpoints(SHARED.format('GRU')))
    gait_net.restore(path)
    np.testing.assert_array_equal(gait_net.feed_forward(features), vector)


# --- 8-bit weights ---------------------------------------------------------------------------------------------------

@pytest.fixture(scope='module')
def trainer():
    with GaitNetwork(is_training=True, num_of_persons=10, seed=3) as net:
        yield net


def classifier(net):
    return net.sess.run({v.op.name: v for v in net.model_variables if v.op.name.startswith(LOGITS)})


def test_training_goes_on_from_a_classifier_of_as_many_people(trainer, tmp_path):
    path = write_checkpoint(tmp_path / 'ten.ckpt', gait_tensors(SHARED.format('GRU'), people=10))
    assert trainer.restore(path).initial == []
    for name, array in logits(10).items():
        np.testing.assert_array_equal(classifier(trainer)[name], array)


def test_training_on_another_number_of_people_starts_a_fresh_classifier_and_says_so(trainer, tmp_path):
    trainer.restore(write_checkpoint(tmp_path / 'ten.ckpt', gait_tensors(SHARED.format('GRU'), people=10)))
    path = write_checkpoint(tmp_path / 'hundred.ckpt', gait_tensors(SHARED.format('GRU'), people=100))
    with pytest.warns(UserWarning, match=r'hundred.ckpt was trained on 100 people, this network on 10: its classifier'):
        report = trainer.restore(path)
    assert sorted(report.initial) == sorted(logits(10))
    fresh = classifier(trainer)
    assert not fresh[LOGITS + 'biases'].any()                               # not those of the ten people before
    assert not np.allclose(fresh[LOGITS + 'weights'], logits(10)[LOGITS + 'weights'])
    np.testing.assert_array_equal(trainer.sess.run(trainer.variables[0]),
                                  value(trainer.variables[0].op.name, trainer.variables[0].shape.as_list()))


def test_the_optimizers_state_is_not_saved(trainer, tmp_path):
    names = gait_checkpoints.read_checkpoint_shapes(trainer.save(tmp_path, 'trained'))
    assert set(names) == {*VARIABLES['gait'], *logits(10), *(f'{CELL_0}gru_cell/{leaf}' for leaf in GRU_LEAVES)}


# --- The pose network ------------------------------------------------------------------------------------------------

def test_a_pose_file_with_one_variable_missing_is_refused_by_that_variable(pose_net, frames, tmp_path):
    tensors = values(VARIABLES['pose'])
    del tensors['InceptionResnetV2/Conv2d_1a_3x3/BatchNorm/beta']
    path = write_checkpoint(tmp_path / 'lacking.ckpt', tensors)
    before = pose_net.feed_forward_features(frames[:1])
    with pytest.raises(CheckpointError, match='lacking.ckpt does not fit the pose network: InceptionResnetV2/'
                                              r'Conv2d_1a_3x3/BatchNorm/beta is missing \(expected shape \[32\]\)$'):
        pose_net.restore(path)
    np.testing.assert_array_equal(pose_net.feed_forward_features(frames[:1]), before)


def test_saved_pose_weights_restore_to_identical_features_and_an_imagenet_file_fills_the_backbone_only(
        checkpoints, frames, tmp_path):
    imagenet = {name: array for name, array in values(VARIABLES['pose']).items() if not name.startswith('New')}
    imagenet.update(values({'InceptionResnetV2/Logits/Logits/weights': [8, 5], 'global_step': []}),
                    **{'InceptionResnetV2/Mixed_7a/Branch_0/Conv2d_0a_1x1/weights': np.ones((1, 1, 4, 4), np.float32)})
    path = write_checkpoint(tmp_path / 'inception_resnet_v2_2016_08_30.ckpt', imagenet, 1)
    with HumanPoseIRNetwork(seed=1) as net:
        with pytest.raises(CheckpointError, match='AuxiliaryScoring/Scoring_layer/weights is missing'):
            net.restore(path)
        head = [v for v in net.model_variables if v.op.name.startswith('New')]
        before = net.sess.run(head)
        report = net.restore(path, is_pre_trained_imagenet_checkpoint=True)
        assert len(report.restored) == 692 and len(report.kept) == 4 and report.initial == []
        assert report.ignored == ['InceptionResnetV2/Logits/Logits/weights',
                                  'InceptionResnetV2/Mixed_7a/Branch_0/Conv2d_0a_1x1/weights', 'global_step']
        backbone = [v for v in net.model_variables if not v.op.name.startswith('New')]
        for variable, now in zip(backbone, net.sess.run(backbone)):
            np.testing.assert_array_equal(now, imagenet[variable.op.name])
        for now, then in zip(net.sess.run(head), before):
            np.testing.assert_array_equal(now, then)
        with pytest.warns(UserWarning, match='used before restore'):       # the head is random still
            features = net.feed_forward_features(frames[:1])
        saved = net.save(tmp_path, 'pose')
        net.restore(checkpoints('pose'))
        assert not np.allclose(net.feed_forward_features(frames[:1]), features)
        net.restore(saved)
        np.testing.assert_array_equal(net.feed_forward_features(frames[:1]), features)


def test_a_gait_networks_file_is_refused_as_an_imagenet_checkpoint_too(pose_net, checkpoints):
    with pytest.raises(CheckpointError, match="backbone; it is a gait network's file"):
        pose_net.restore(checkpoints('gait'), is_pre_trained_imagenet_checkpoint=True)


@pytest.fixture(scope='module')
def compact(tmp_path_factory):
    """A gait network's weights as a compact file, and the weights."""
    tensors = gait_tensors(SHARED.format('GRU'))
    return gait_checkpoints.write_compact(tmp_path_factory.mktemp('compact') / 'gait-GRU-1.npz', tensors), tensors


def test_compact_weights_are_off_by_at_most_half_a_step_of_their_output_channel(compact):
    path, tensors = compact
    read = gait_checkpoints.read_checkpoint(path)
    assert gait_checkpoints.read_checkpoint_shapes(path) == {n: list(t.shape) for n, t in tensors.items()}
    for name, exact in tensors.items():
        if exact.ndim < 2:
            np.testing.assert_array_equal(read[name], exact)
        else:
            step = np.abs(exact).max(axis=tuple(range(exact.ndim - 1))) / 127
            assert (np.abs(read[name] - exact) <= 0.5001 * step).all(), name


def test_the_output_channel_of_a_transposed_convolution_is_its_last_but_one_axis(tmp_path):
    name = 'NewInceptionResnetV2/AuxiliaryScoring/Upsampling_layer/weights'
    value = np.ones((2, 2, 3, 4), np.float32) * np.array([1e-3, 1.0, 1e3], np.float32)[:, None]
    path = gait_checkpoints.write_compact(tmp_path / 'up.npz', {name: value})
    np.testing.assert_allclose(gait_checkpoints.read_checkpoint(path)[name], value, rtol=1e-6)


def test_compact_weights_take_a_quarter_of_the_bytes_and_restore(compact, gait_nets, features, checkpoints):
    path, tensors = compact
    assert os.path.getsize(path) < 0.3 * sum(t.nbytes for t in tensors.values())
    net = gait_nets('GRU', 1)
    net.restore(checkpoints(SHARED.format('GRU')))
    exact = net.feed_forward(features)
    assert not net.restore(path).initial
    vector = net.feed_forward(features)
    assert 0 < np.abs(vector - exact).max() < 0.05
    assert vector @ exact / np.linalg.norm(vector) / np.linalg.norm(exact) > 0.999


def test_a_damaged_or_foreign_compact_file_is_refused_by_name(compact, tmp_path, gait_nets):
    path, _ = compact
    with open(path, 'rb') as file:
        data = bytearray(file.read())
    (tmp_path / 'cut.npz').write_bytes(data[:len(data) // 2])
    data[len(data) // 2] ^= 1
    (tmp_path / 'flipped.npz').write_bytes(data)
    np.savez(tmp_path / 'other.npz', vectors=np.zeros(3))
    np.savez(tmp_path / 'pickle.npz', **{gait_checkpoints.FACTS: np.array([{'a': 1}], object)}, allow_pickle=True)
    for name in ('cut', 'flipped', 'other', 'pickle'):
        with pytest.raises(gait_checkpoints.CheckpointError, match=f'{name}.npz cannot be read'):
            gait_nets('GRU', 1).restore(tmp_path / f'{name}.npz')


def test_what_is_no_npz_file_is_called_so_and_not_recommended_for_unsafe_loading(tmp_path):
    (tmp_path / 'text.npz').write_text('person,condition')
    for read in (gait_checkpoints.read_checkpoint, read_state):
        with pytest.raises(gait_checkpoints.CheckpointError, match='text.npz cannot be .*it is no .npz file') as error:
            read(tmp_path / 'text.npz')
        assert 'pickle' not in str(error.value)


def test_a_failed_compact_write_leaves_the_earlier_file(compact, tmp_path, monkeypatch):
    path = tmp_path / 'weights.npz'
    gait_checkpoints.write_compact(path, {'a': np.ones(3, np.float32)})
    before = path.read_bytes()
    monkeypatch.setattr(os, 'fsync', lambda _: (_ for _ in ()).throw(OSError(28, 'No space left on device')))
    with pytest.raises(OSError, match='No space'):
        gait_checkpoints.write_compact(path, {'a': np.zeros(3, np.float32)})
    assert path.read_bytes() == before and os.listdir(tmp_path) == ['weights.npz']


def test_a_fingerprint_is_that_of_the_weights_not_of_the_file_or_the_classifier(checkpoints):
    files = [('gait', 1), ('gait', 2), ('gait 100 people', 2)]
    same = {gait_checkpoints.fingerprint(checkpoints(*file)) for file in files}
    assert len(same) == 1
    one, two = checkpoints('gait'), checkpoints(SHARED.format('GRU'))
    assert len({*same, *(gait_checkpoints.fingerprint(*paths) for paths in ((two,), (one, two), (two, one)))}) == 4


# --- Default weights -------------------------------------------------------------------------------------------------

def put(folder, pair, cell='GRU'):
    """Weights of both networks under the names of a known pair, in V1, a file each."""
    write_checkpoint(folder / pair.pose, values(VARIABLES['pose']), 1)
    write_checkpoint(folder / pair.gait, gait_tensors(recurrent=SHARED.format(cell)), 1)


def test_without_a_path_both_networks_take_the_pair_that_is_there_the_published_first(tmp_path, monkeypatch, gait_nets):
    monkeypatch.setattr(gait_checkpoints, 'weight_folders', lambda: [tmp_path, SHIPPED])
    published = gait_checkpoints.KNOWN_PAIRS[1]
    with HumanPoseIRNetwork() as net:
        with pytest.warns(UserWarning, match='trained on synthetic walkers') as caught:
            assert net.restore().path == str(SHIPPED / gait_checkpoints.SHIPPED.pose)
            assert gait_nets('GRU', 1).restore().path == str(SHIPPED / gait_checkpoints.SHIPPED.gait)
        assert [warning.filename for warning in caught] == [__file__]
        put(tmp_path, published)
        assert net.restore().path == str(tmp_path / published.pose)
        assert gait_nets('GRU', 2).restore().path == str(tmp_path / published.gait)
    with pytest.raises(ValueError, match="M.L-GRU-2.ckpt, are of recurrent_unit='GRU', rnn_layers=2.*'GRU', 1"):
        gait_nets('GRU', 1).restore()


def test_named_weights_that_are_missing_say_which_are_there(tmp_path, monkeypatch):
    (tmp_path / 'mine.ckpt.index').touch()
    monkeypatch.setattr(gait_checkpoints, 'weight_folders', lambda: [tmp_path, SHIPPED])
    for name in ('absent.ckpt', tmp_path / 'absent.ckpt'):
        with pytest.raises(FileNotFoundError, match=f'There are: mine.ckpt, .*{gait_checkpoints.SHIPPED.pose}'):
            gait_checkpoints.locate(name)


def test_a_file_opened_once_is_read_once(tmp_path):
    path = write_checkpoint(tmp_path / 'once.ckpt', SMALL)
    file = gait_checkpoints.WeightsFile(path)
    first = file.read(lambda name: True)
    for suffix in ('.index', DATA_SUFFIX):
        os.remove(path + suffix)
    again = file.read(lambda name: True)
    assert all(again[name] is first[name] for name in SMALL)


# --- Of others: what a file may hold besides, and what may not be written ---------------------------------------------

@pytest.mark.parametrize('version', [1, 2])
def test_a_text_beside_the_weights_changes_nothing_and_a_text_in_their_place_is_called_so(tmp_path, version):
    path = write_checkpoint(tmp_path / 'plain.ckpt', SMALL, version)
    beside = write_checkpoint(tmp_path / 'beside.ckpt', {**SMALL, 'saved by': np.array([b'somebody'])}, version)
    assert is_small(beside) and gait_checkpoints.read_checkpoint_shapes(beside)['saved by'] == [1]
    assert gait_checkpoints.fingerprint(beside) == gait_checkpoints.fingerprint(path)
    file = gait_checkpoints.WeightsFile(beside)
    with pytest.raises(CheckpointError, match='saved by is no tensor of numbers'):
        gait_checkpoints.match(beside, file.read(lambda name: True), file.shapes, {'b': [3], 'saved by': [1]}, 'it')


def test_numbers_beyond_float32_and_nan_are_refused_at_every_door(tmp_path):
    for bad in (np.full((3, 4), 1e300), np.array([1.0, np.nan]), np.full((2, 2), np.inf, np.float32)):
        path = write_checkpoint(tmp_path / 'bad.ckpt', {'w': bad})
        for door, *arguments in ((gait_checkpoints.fingerprint, path), (gait_checkpoints.fingerprint_of, {'w': bad}),
                                 (gait_checkpoints.write_compact, tmp_path / 'bad.npz', {'w': bad}),
                                 (gait_checkpoints.write_checkpoint, tmp_path / 'copy.ckpt', {'w': bad}),
                                 (gait_checkpoints.match, path, {'w': bad}, ['w'], {'w': bad.shape}, 'it')):
            with pytest.raises(CheckpointError, match='w holds NaN or infinity'):
                door(*arguments)
    assert not (tmp_path / 'bad.npz').exists() and not (tmp_path / 'copy.ckpt.index').exists()


@pytest.mark.parametrize('tensors', [
    {'allow_pickle': np.ones(2)}, {'file': np.ones((2, 3))}, {'a.npy': np.ones(2), 'a': np.zeros(2)},
    {'a/../b': np.ones(2)}, {'ä w': np.ones(2)}, {'a:scale': np.ones(2)}, {'zeros': np.zeros((3, 4))},
    {'tiny': np.full((2, 2), 1e-45)}, {'step': np.int64(12345)}, {'none': np.zeros((0, 4))}])
def test_compact_weights_are_read_back_under_any_name_that_an_archive_can_hold(tmp_path, tensors):
    read = gait_checkpoints.read_checkpoint(gait_checkpoints.write_compact(tmp_path / 'w.npz', tensors))
    assert list(read) == list(tensors)
    for name in tensors:
        np.testing.assert_allclose(read[name], tensors[name], rtol=1e-6, atol=1e-44)


@pytest.mark.parametrize('tensors, words', [
    ({'facts.json': np.ones(2)}, 'facts.json would be there twice'),
    ({'a': np.ones((2, 2)), 'a:scale': np.ones(2)}, 'a:scale would be there twice'),
    ({'a:scale': np.ones(2), 'a': np.ones((2, 2))}, 'a:scale would be there twice'),
    ({'a\0b': np.ones(2)}, 'cannot be kept under that name'), ({'': np.ones(2)}, 'cannot be kept under that name'),
    ({'a\nb': np.ones(2)}, 'cannot be kept'), ({'\ud800': np.ones(2)}, 'cannot be kept'),
    ({'step': np.int64(2 ** 24 + 1)}, 'whole numbers beyond those of float32'),
    ({'text': np.array(b'x')}, 'text has type .S1, expected numbers'),
    ({'object': np.array([None])}, 'object has type object, expected numbers')])
def test_what_would_not_be_read_back_as_it_is_is_not_written(tmp_path, tensors, words):
    with pytest.raises(CheckpointError, match=words):
        gait_checkpoints.write_compact(tmp_path / 'w.npz', tensors)
    if 'twice' not in words and 'beyond' not in words:
        with pytest.raises(CheckpointError, match=words):
            gait_checkpoints.write_checkpoint(tmp_path / 'w.ckpt', tensors)
    assert os.listdir(tmp_path) == []


def test_an_archive_of_a_gigabyte_of_zeros_is_refused_before_it_is_unpacked(tmp_path):
    facts = {'format': gait_checkpoints.COMPACT_FORMAT, 'shapes': {'w': [1 << 28]}}
    np.savez_compressed(tmp_path / 'bomb.npz', **{gait_checkpoints.FACTS: np.frombuffer(
        json.dumps(facts).encode(), np.uint8)})
    with zipfile.ZipFile(tmp_path / 'bomb.npz', 'a', zipfile.ZIP_DEFLATED) as archive, \
            archive.open('w.npy', 'w', force_zip64=True) as member:
        for _ in range(1025):
            member.write(bytes(1 << 20))
    with pytest.raises(CheckpointError, match='unpacks to .* bytes, more than'):
        gait_checkpoints.read_checkpoint(tmp_path / 'bomb.npz')
