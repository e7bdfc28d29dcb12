"""The command `gait-recognition`, as users call it; most tests put quick stand-ins in the networks' place."""
import csv
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pages
import pytest
from PIL import Image
from quick_command import PoseStandIn, refused
from reference_weights import SHARED

import gait_checkpoints
import gait_recognition
from gait_recognition import cli, console, poses
from gait_recognition.belief import Belief
from gait_recognition.frames import read_frames
from gait_recognition.gallery import Gallery
from gait_recognition.masking import in_one_line
from gait_recognition.vectors import walk_vector
from gait_recognition.weights import Weights, choose_weights, find_pair, find_pose_weights, network_of, warn_of_defaults
from pose_joints import COCO_JOINTS, JOINT_NAMES

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ['pose', 'gait', 'check', 'vector', 'enrol', 'identify', 'watch', 'verify', 'evaluate', 'gallery',
            'gallery list', 'gallery check', 'gallery audit', 'gallery remove', 'gallery forget', 'gallery rename',
            'gallery merge', 'gallery split', 'gallery private', 'gallery export', 'gallery import',
            'gallery calibrate', 'convert', 'walkers', 'fetch']


# Help ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('command', COMMANDS)
def test_every_help_ends_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([*command.split(), '--help'])
    assert ended.value.code == 0
    last = capsys.readouterr().out.split('example:\n')[-1].splitlines()
    assert all(line.startswith(f'  gait-recognition {command}') for line in last)


def test_no_command_and_an_unknown_one_are_bad_usage(capsys):
    for arguments in ([], ['recognise']):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 2


def test_walks_may_stand_before_and_after_options(weights, opened, walks, run):
    status, out, _ = run('vector', walks('anna', 1), '--json', walks('ben', 1), *weights, walks('carla', 1))
    assert status == 0 and len(json.loads(out)['walks']) == 3
    with pytest.raises(SystemExit):
        run('vector', walks('anna', 1), '--jsn', *weights)


def test_help_and_galleries_do_not_load_tensorflow(gallery):
    code = ('import sys\nfrom gait_recognition import cli as cli\n'
            'assert cli.main(["gallery", "list", sys.argv[1]]) == 0\n'
            'try:\n'
            '    cli.main(["--help"])\n'
            'except SystemExit:\n'
            '    print("tensorflow" in sys.modules)\n')
    result = subprocess.run([sys.executable, '-c', code, gallery], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout.splitlines()[-1] == 'False', result.stderr


# Exit status ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('error, said', [
    (MemoryError(), 'unexpected MemoryError: '),
    (KeyError('a\nb'), "unexpected KeyError: 'a\\nb'"),
    (SyntaxError('broken', ('file', 1, 1, 'text')), 'unexpected SyntaxError: broken (file, line 1)')])
@pytest.mark.parametrize('arguments, function', [
    (['gallery', 'list', 'people.gallery'], 'gait_recognition.gallery.Gallery.load'),
    (['fetch', '--check'], 'gait_recognition.fetch.run')])
def test_what_nobody_expected_ends_with_70_a_traceback_and_its_type(arguments, function, error, said, run, monkeypatch):
    def fail(*_, **__):
        raise error
    monkeypatch.setattr(function, fail)
    status, out, err = run(*arguments)
    assert (status, out) == (70, '')
    assert err.startswith('Traceback') and err.splitlines()[-1] == f'gait-recognition: {said}'


def test_a_reader_that_leaves_ends_the_command_as_a_shell_says_it(gallery):
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run([sys.executable, '-m', 'gait_recognition', 'gallery', 'list', gallery], stdout=writer,
                            stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, '')


def test_help_tells_every_exit_status(capsys):
    with pytest.raises(SystemExit):
        cli.main(['--help'])
    told = capsys.readouterr().out.split('exit status:')[1].split('example:')[0]
    assert re.findall(r'\d+', told) == ['0', '1', '2', '3', '70', '130', '141'] and 'fetch: a file is missing' in told


# Weights -------------------------------------------------------------------------------------------------------------

@pytest.fixture
def models(tmp_path, monkeypatch):
    """An empty ./models, the only folder where weights are sought; a function that puts empty files there."""
    monkeypatch.setattr(gait_checkpoints, 'weight_folders', lambda: [tmp_path / 'models'])
    (tmp_path / 'models').mkdir()

    def put(*names):
        for name in names:
            (tmp_path / 'models' / name).write_bytes(b'')
    return put


def names_of(pair):
    return tuple(map(os.path.basename, pair))


def test_default_weights_are_the_published_pairs_then_those_that_ship(models, recwarn):
    models('walkers-pose.npz', 'walkers-GRU-1.npz', 'Human3.6m.ckpt')       # Human3.6m without its gait weights
    with pytest.warns(UserWarning, match='synthetic walkers.*gait-recognition fetch'):
        warn_of_defaults()
    assert names_of(find_pair()) == ('walkers-pose.npz', 'walkers-GRU-1.npz')
    recwarn.clear()
    models('MPII+LSP.ckpt', 'M+L-GRU-2.ckpt')
    assert names_of(find_pair()) == ('MPII+LSP.ckpt', 'M+L-GRU-2.ckpt')
    models('H3.6m-GRU-1.ckpt')
    assert names_of(find_pair()) == ('Human3.6m.ckpt', 'H3.6m-GRU-1.ckpt')
    warn_of_defaults()
    assert not recwarn.list


def test_default_pose_weights_are_those_for_any_pose(models):
    models('people-pose.npz', 'Human3.6m.ckpt')
    assert os.path.basename(find_pose_weights()) == 'Human3.6m.ckpt'
    models('MPII+LSP.ckpt')
    assert os.path.basename(find_pose_weights()) == 'MPII+LSP.ckpt'


def test_without_any_weights_the_places_and_the_way_to_get_them_are_said(models, walks, run, tmp_path):
    line = refused(run('vector', walks('anna', 1)))
    assert str(tmp_path / 'models') in line and 'fetch_models' in line and 'M+L-GRU-2.ckpt' in line


def test_the_partner_of_the_weights_that_were_named_is_found(models, tmp_path, capsys):
    models('MPII+LSP.ckpt', 'M+L-GRU-2.ckpt', 'Human3.6m.ckpt', 'H3.6m-GRU-1.ckpt')
    pose, gait = str(tmp_path / 'models' / 'MPII+LSP.ckpt'), str(tmp_path / 'models' / 'M+L-GRU-2.ckpt')
    for found in (find_pair(pose=pose), find_pair(gait=gait), find_pair(pose='MPII+LSP.ckpt')):
        assert tuple(map(str, found)) == (pose, gait)


def test_weights_of_which_one_file_was_named_are_those_of_both(tmp_path, monkeypatch):
    monkeypatch.setattr(gait_checkpoints, 'weight_folders', lambda: [tmp_path])
    pose, gait = (tmp_path / name for name in gait_checkpoints.SHIPPED[:2])
    gait_checkpoints.write_compact(pose, {'InceptionResnetV2/a': np.ones(2, np.float32)})
    gait_checkpoints.write_compact(gait, {'GaitNN/a': np.ones(3, np.float32)})
    both = choose_weights(pose, gait).fingerprint
    assert choose_weights(pose).fingerprint == choose_weights(gait=gait).fingerprint == both


def test_named_weights_that_are_missing_are_refused(models, weights, walks, run, tmp_path):
    for missing in ('no-GRU-1.ckpt', tmp_path / 'no-GRU-1.ckpt'):
        line = refused(run('vector', walks('anna', 1), *weights[:2], '--gait-weights', missing))
        assert 'no-GRU-1.ckpt' in line and 'fetch_models' in line


def test_weights_without_a_known_partner_ask_for_it(weights, walks, run):
    assert '--gait-weights' in refused(run('vector', walks('anna', 1), *weights[:2]))
    assert '--pose-weights' in refused(run('vector', walks('anna', 1), *weights[2:]))


def test_published_weights_of_two_pairs_are_warned_about(models):
    models('MPII+LSP.ckpt', 'H3.6m-GRU-1.ckpt')
    with pytest.warns(UserWarning, match='trained on the features of Human3.6m.ckpt, not of MPII.LSP.ckpt'):
        find_pair('MPII+LSP.ckpt', 'H3.6m-GRU-1.ckpt')


@pytest.fixture
def gait_file(tmp_path):
    """A gait file of a name that holds recurrent cells of a kind."""
    def write(name, cell=None, layers=0):
        tensors = {'GaitNN/a': np.ones(2, np.float32)}
        for i in range(layers):
            part = {'GRU': 'gru_cell/gates', 'LSTM': 'lstm_cell'}[cell]
            tensors[f'GaitNN/Recurrent/rnn/multi_rnn_cell/cell_{i}/{part}/bias'] = np.ones(2, np.float32)
        return gait_checkpoints.write_compact(tmp_path / name, tensors)
    return write


@pytest.mark.parametrize('name, held, said, network', [
    ('H3.6m-GRU-1.npz', (), (), ('GRU', 1)),                    # by its name
    ('M+L-LSTM-2.npz', (), (), ('LSTM', 2)),
    ('M+L-GRU-2.npz', ('GRU', 1), (), ('GRU', 2)),              # the name; its layers share one cell
    ('best.npz', ('LSTM', 3), (), ('LSTM', 3)),                 # by its contents
    ('best.npz', ('GRU', 1), (None, 2), ('GRU', 2)),            # contents and option
    ('best.npz', (), ('LSTM', 1), ('LSTM', 1)),                 # by the options
    ('H3.6m-GRU-1.npz', ('GRU', 1), ('GRU', 1), ('GRU', 1)),
])
def test_cell_and_layers_come_from_name_contents_or_options(gait_file, name, held, said, network):
    assert network_of(gait_file(name, *held), *said) == network


@pytest.mark.parametrize('name, held, said, asked', [
    ('best.npz', (), (), '--recurrent-unit and --rnn-layers'),
    ('best.npz', (), (None, 2), 'say --recurrent-unit$'),
    ('best.npz', (), ('GRU', None), 'say --rnn-layers$'),
    ('best.npz', ('GRU', 1), (), 'say --rnn-layers$'),               # one cell may stand for any number of layers
])
def test_where_nothing_tells_cell_or_layers_they_are_asked_for(gait_file, name, held, said, asked):
    with pytest.raises(ValueError, match=asked):
        network_of(gait_file(name, *held), *said)


@pytest.mark.parametrize('name, held, said', [
    ('H3.6m-GRU-1.npz', (), (None, 2)),                         # name and option
    ('H3.6m-GRU-1.npz', (), ('LSTM', None)),
    ('H3.6m-GRU-1.npz', ('GRU', 2), ()),                        # name and contents
    ('H3.6m-GRU-1.npz', ('LSTM', 1), ()),
    ('best.npz', ('GRU', 2), ('GRU', 1)),                       # contents and option
])
def test_contradictions_about_cell_and_layers_are_refused(gait_file, name, held, said):
    with pytest.raises(ValueError, match=', but '):
        network_of(gait_file(name, *held), *said)


def test_the_fingerprint_depends_on_both_files_the_network_and_its_precision(weights):
    one = Weights(weights[1], weights[3], 'GRU', 1)
    others = [dataclasses.replace(one, **{name: other}) for name, other in (
        ('pose_weights', weights[3]), ('gait_weights', weights[1]), ('recurrent_unit', 'LSTM'), ('rnn_layers', 2),
        ('precision', 'bfloat16'))]
    assert len({each.fingerprint for each in [one, *others]}) == 6


# vector --------------------------------------------------------------------------------------------------------------

def test_vector_prints_csv_and_json_and_writes_every_form(weights, opened, walks, run, tmp_path):
    both = [walks('anna', 1), walks('ben', 1)]
    status, out, err = run('vector', *both, *weights, '--json')
    assert (status, err) == (0, '')
    answer = json.loads(out)['walks']
    assert [each['walk'] for each in answer] == both
    assert [(each['frames'], each['used']) for each in answer] == [(8, 8), (8, 8)]
    assert answer[0]['track'] == {'numbers': list(range(8)), 'boxes': [[0, 0, 299]] * 8, 'dropped': {}, 'skipped': 0}
    vectors = np.array([each['vector'] for each in answer], np.float32)
    assert vectors.shape == (2, 512)

    status, out, err = run('vector', *both, *weights)
    rows = list(csv.reader(out.splitlines()))
    assert (rows[0][0], rows[1][0]) == ('walk', both[0])
    assert np.array_equal(np.array([row[1:] for row in rows[1:]], np.float32), vectors)

    for suffix in ('.npy', '.npz', '.csv', '.json'):
        assert run('vector', *both, *weights, '--output', tmp_path / f'v{suffix}') == (0, '', '')
    assert np.array_equal(np.load(tmp_path / 'v.npy'), vectors)
    with np.load(tmp_path / 'v.npz', allow_pickle=False) as file:
        assert np.array_equal(file['vectors'], vectors) and file['walks'].tolist() == both
        assert str(file['fingerprint']) == opened[0][0].fingerprint
    assert (tmp_path / 'v.csv').read_text() == out
    assert json.loads((tmp_path / 'v.json').read_text()) == answer


def test_frames_and_precision_are_chosen_by_options(weights, opened, walks, run):
    _, out, _ = run('vector', walks('anna', 1), *weights, '--json', '--every', 2, '--precision', 'bfloat16')
    assert json.loads(out)[0]['used'] == 4
    assert opened[0][1] == 'bfloat16'


def test_bad_walks_and_outputs_are_refused_before_weights_are_opened(weights, opened, walks, run, tmp_path):
    (tmp_path / 'text.mp4').write_text('no video')
    assert 'missing.mp4' in refused(run('vector', tmp_path / 'missing.mp4', *weights))
    assert 'text.mp4' in refused(run('vector', tmp_path / 'text.mp4', *weights))
    assert 'camera 0' in refused(run('vector', '0', *weights))
    assert '.npy' in refused(run('vector', walks('anna', 1), *weights, '--output', tmp_path / 'v.txt'))
    assert 'no such folder' in refused(run('vector', walks('anna', 1), *weights, '--output', tmp_path / 'no' / 'v.npy'))
    assert not opened


def test_messages_name_the_options_of_the_command_and_not_pythons_arguments(weights, opened, walks, run, tmp_path):
    Image.new('RGB', (50, 60)).save(tmp_path / 'a.png')
    line = refused(run('pose', tmp_path / 'a.png', '--pose-weights', weights[1], '--crop', 'background'))
    assert '--crop background' in line and '--crop pose or --crop none' in line and "crop='" not in line
    line = refused(run('vector', walks('anna', 1), *weights, '--start', 100))
    assert 'nothing from second 100 on' in line and 'last frame is at 0.28 s' in line


@pytest.fixture
def damaged(walks):
    """A walk of anna's with one damaged frame of nine."""
    (Path(walks('anna', 7)) / '8.png').write_bytes(b'\x89PNG damaged')
    return walks('anna', 7)


def test_damaged_frames_are_counted_in_answers_and_said_in_one_line(gallery, weights, damaged, walks, run, tmp_path):
    for arguments, walk_of in (
            (['vector', damaged], lambda answer: answer[0]),
            (['identify', gallery, damaged], lambda answer: answer[0]),
            (['verify', gallery, walks('anna', 1), damaged], lambda answer: answer['walks'][1]),
            (['enrol', tmp_path / 'new.npz', '--name', 'anna', damaged], lambda answer: answer[0])):
        status, out, err = run(*arguments, *weights, '--json')
        walk = walk_of(json.loads(out))
        assert (status, walk['frames'], walk['used'], walk['skipped']) == (0, 9, 8, 1)
        assert walk['remarks'] == ['1 of 9 frames are damaged and were skipped']
        lines = [line for line in err.splitlines() if 'a poor recording' not in line]         # of eight frames
        assert lines == [f'gait-recognition: {damaged}: 1 of 9 frames are damaged and were skipped']
    status, out, err = run('pose', damaged, *weights[:2], '--json')
    assert (status, json.loads(out)[0]['skipped'], err.count('1 of 9 frames are damaged')) == (0, 1, 1)


def test_verbose_says_which_weights_and_frames_were_used(weights, opened, walks, run):
    status, _, err = run('vector', walks('anna', 1), *weights, '--verbose')
    assert status == 0 and 'mine-GRU-1.npz (GRU, 1 layer, float32)' in err and '8 of 8 frames used (crop: none)' in err


def test_an_interrupted_command_leaves_nothing_and_ends_with_130(weights, opened, walks, run, tmp_path, monkeypatch):
    def interrupt(file, array):
        file.write(b'half')
        raise KeyboardInterrupt
    monkeypatch.setattr(np, 'save', interrupt)
    before = sorted(tmp_path.iterdir())
    status, out, err = run('vector', walks('anna', 1), *weights, '--output', tmp_path / 'v.npy')
    assert (status, out, err) == (130, '', 'gait-recognition: interrupted\n')
    assert {path.name for path in tmp_path.iterdir()} - {path.name for path in before} == {'anna-1'}


# Galleries -----------------------------------------------------------------------------------------------------------

def test_enrolled_people_are_identified(gallery, weights, walks, run):
    status, out, err = run('identify', gallery, walks('anna', 4), walks('carla', 5), *weights)
    assert (status, err) == (0, '')
    assert f'{walks("anna", 4)}: anna ' in out and f'{walks("carla", 5)}: carla ' in out
    assert 'linear least-squares SVM' in out


def test_a_stranger_is_unknown_and_the_status_is_1(gallery, weights, walks, run):
    status, out, _ = run('identify', gallery, walks('anna', 4), walks('otto', 1), *weights, '--json', '--top', 2)
    known, unknown = json.loads(out)['walks']
    assert status == 1
    assert (known['decision'], known['name']) == ('known', 'anna')
    assert (unknown['decision'], unknown['name']) == ('unknown', None)
    assert len(unknown['ranking']) == 2 and unknown['probability'] <= unknown['threshold']
    assert unknown['threshold_on'] == 'probability' and {*unknown['ranking'][0]} == {'name', 'svm_score'}


def test_an_uncalibrated_gallery_ranks_and_never_says_yes(weights, opened, walks, run, tmp_path):
    gallery = tmp_path / 'people.gallery'
    status, out, _ = run('enrol', gallery, '--name', 'anna', walks('anna', 1), walks('anna', 2), *weights)
    assert status == 0 and '2 walks of 1 person' in out
    status, out, _ = run('identify', gallery, walks('anna', 3), *weights)
    assert status == 1 and 'uncalibrated' in out and '1. anna' in out and 'gallery calibrate' in out
    status, out, _ = run('verify', gallery, walks('anna', 3), walks('anna', 4), *weights)
    assert status == 1 and out.startswith('uncalibrated') and 'gallery calibrate' in out


def test_a_weak_name_is_no_name_and_the_status_is_3(gallery, weights, walks, run, monkeypatch):
    monkeypatch.setattr(Belief, 'probability', lambda self, evidence: np.full(len(evidence), 0.5))
    status, out, _ = run('identify', gallery, walks('anna', 4), *weights)
    assert status == 3 and f'{walks("anna", 4)}: weak, perhaps anna  (probability 0.50 (' in out
    status, out, _ = run('identify', gallery, walks('anna', 4), *weights, '--json')
    assert status == 3 and [(each['decision'], each['name']) for each in json.loads(out)] == [('weak', None)]


def test_every_number_of_an_answer_says_what_it_is(gallery, weights, walks, run):
    _, out, _ = run('identify', gallery, walks('anna', 4), *weights)
    assert re.search(r': anna  \(probability \d\.\d\d \(\d\.\d\d to \d\.\d\d\), cosine similarity \d\.\d+, SVM score '
                     r'\d\.\d+ above the next, known above probability \d\.\d+\)', out)
    assert re.search(r'1\. anna  SVM score \d\.\d+', out)
    assert re.search(r'above probability [\d.]+ \d of 9 wrong ones were accepted \([\d.]+% to [\d.]+%\)', out)
    answer, = json.loads(run('identify', gallery, walks('anna', 4), *weights, '--json')[1])
    assert answer['probability_interval'][0] <= answer['probability'] <= answer['probability_interval'][1]
    assert answer['margin'] == pytest.approx(answer['ranking'][0]['svm_score'] - answer['ranking'][1]['svm_score'])
    assert answer['calibration']['threshold_on'] == 'probability' and 0 < answer['cosine_similarity'] <= 1
    assert len(answer['calibration']['false_accept_interval']) == 2
    answer = json.loads(run('verify', gallery, walks('anna', 4), walks('anna', 5), *weights, '--json')[1])
    assert 0 < answer['cosine_similarity'] <= 1 and answer['calibration']['threshold'] == answer['threshold']


def test_identify_and_verify_calibrate_when_asked_and_only_when_that_is_needed(weights, opened, manifest, walks, run,
                                                                               tmp_path):
    gallery = tmp_path / 'people.gallery'
    run('enrol', gallery, '--manifest', manifest, *weights)
    ask = 'identify', gallery, walks('anna', 4), *weights
    assert '--calibrate' in run(*ask)[1]                            # offered
    assert 'goes with --calibrate' in refused(run(*ask, '--false-accept-rate', 0.2))
    assert '0.01 cannot be measured on 9' in refused(run(*ask, '--calibrate'))
    status, out, err = run(*ask, '--calibrate', '--false-accept-rate', 0.2)
    assert status == 0 and 'is calibrated: above probability' in err and ': anna ' in out
    status, _, err = run(*ask, '--calibrate')                       # it is, and nobody came or went
    assert (status, err) == (0, '')
    run('enrol', gallery, '--name', 'dan', walks('dan', 1), walks('dan', 2), *weights)
    assert '--calibrate renews it' in run(*ask)[2]
    assert 'is calibrated' in run(*ask, '--calibrate')[2]
    assert Gallery.load(gallery).calibration['identify'].wanted_false_accept_rate == 0.2
    pair = walks('anna', 4), walks('anna', 5)
    status, out, err = run('verify', gallery, *pair, *weights, '--calibrate', '--false-accept-rate', 0.1)
    assert status == 0 and out.startswith('same') and 'is calibrated: above cosine similarity' in err


def test_verify_says_same_and_different(gallery, weights, walks, run):
    status, out, _ = run('verify', gallery, walks('otto', 1), walks('otto', 2), *weights)
    assert status == 0 and out.startswith('same ')
    status, out, _ = run('verify', gallery, walks('otto', 1), walks('anna', 1), *weights, '--json')
    assert status == 1 and json.loads(out)['decision'] == 'different'


def test_vectors_of_other_weights_are_refused_with_both_named(gallery, weights, walks, run, tmp_path):
    held = Gallery.load(gallery).fingerprint
    other = gait_checkpoints.write_compact(tmp_path / 'other-GRU-2.npz', {'GaitNN/a': np.zeros(3, np.float32)})
    before = Path(gallery).read_bytes()
    for arguments in (['enrol', gallery, '--name', 'dan', walks('dan', 1)], ['identify', gallery, walks('anna', 4)],
                      ['verify', gallery, walks('anna', 4), walks('anna', 5)]):
        line = refused(run(*arguments, *weights[:2], '--gait-weights', other))
        assert held in line and 'other-GRU-2.npz' in line and 'GRU, 2 layers' in line
    assert Path(gallery).read_bytes() == before


def test_weights_fetched_later_are_refused_and_those_of_the_gallery_named(models, opened, walks, run, tmp_path):
    enrol = 'enrol', tmp_path / 'people.gallery', '--name', 'anna'
    for name in ('walkers-pose', 'walkers-GRU-1'):
        gait_checkpoints.write_compact(tmp_path / 'models' / f'{name}.npz', {name: np.ones(2, np.float32)})
    assert run(*enrol, walks('anna', 1))[0] == 0
    for name in ('Human3.6m', 'H3.6m-GRU-1'):
        gait_checkpoints.write_checkpoint(tmp_path / 'models' / f'{name}.ckpt', {name: np.ones(2, np.float32)})
    line = refused(run(*enrol, walks('anna', 2)))
    assert re.search('In use now: .*Human3.6m.ckpt.* the gallery was made with .*walkers-pose.npz with ', line)


def test_a_walk_is_enrolled_once(gallery, weights, walks, run, tmp_path):
    before = Path(gallery).read_bytes()
    status, out, err = run('enrol', gallery, '--name', 'anna', walks('anna', 1), walks('anna', 2), *weights)
    assert status == 0 and '9 walks of 3 people' in out and '2 of 2 walks are enrolled already' in err
    assert Path(gallery).read_bytes() == before
    twice = [walks('dan', 1)] * 2
    status, out, err = run('enrol', tmp_path / 'new.npz', '--name', 'dan', *twice, *weights)
    assert status == 0 and '1 walk of 1 person' in out and '1 of 2 walks are enrolled already' in err


def test_parts_of_one_recording_are_walks_of_their_own(weights, opened, walks, run, tmp_path):
    gallery, walk = tmp_path / 'people.gallery', walks('anna', 1)
    parts = {'': [], ' [0-0.16 s]': ['--end', 0.16], ' [0.16-0.24 s]': ['--start', 0.16, '--end', 0.24],
             ' [0.16 s to the end]': ['--start', 0.16]}
    for part in parts.values():
        assert run('enrol', gallery, '--name', 'anna', walk, *part, *weights)[2].count('enrolled already') == 0
    assert Gallery.load(gallery).list() == {'anna': [walk + part for part in parts]}
    for part in (['--start', 0, '--end', '0.160'], ['--start', 0]):
        assert '1 of 1 walks are enrolled already' in run('enrol', gallery, '--name', 'anna', walk, *part, *weights)[2]
    assert run('gallery', 'remove', gallery, 'anna', '--walk', f'{os.path.relpath(walk)} [0.16-0.24 s]')[0] == 0
    assert len(Gallery.load(gallery)) == 3


def test_a_walk_of_one_person_is_not_enrolled_as_anothers(gallery, weights, opened, walks, run):
    del opened[:]
    line = refused(run('enrol', gallery, '--name', 'dan', walks('dan', 1), walks('anna', 1), *weights))
    assert 'enrolled as a walk of anna' in line and not opened


def test_an_enrolment_that_fails_keeps_what_is_done_and_the_same_command_goes_on(weights, opened, walks, run, tmp_path,
                                                                                  monkeypatch):
    enrol = 'enrol', tmp_path / 'people.gallery', '--name', 'anna', walks('anna', 1), walks('anna', 2), *weights
    (tmp_path / 'anna-2' / '5.png').rename(tmp_path / 'away.png')
    Image.new('RGB', (20, 10)).save(tmp_path / 'anna-2' / '5.png')
    status, out, err = run(*enrol)
    assert status == 2 and 'anna-1' in out and 'anna-2' not in out
    assert '1 of 2 walks could not be read' in err and re.search('anna-2: frame 5 is 20 x 10', err)
    assert out.endswith('people.gallery: 1 walk of 1 person\n')
    status, out, err = run(*enrol)                                          # nobody came: nothing that looks like it
    assert status == 2 and out == '' and re.search('anna-2: frame 5 is 20 x 10', err)
    (tmp_path / 'away.png').rename(tmp_path / 'anna-2' / '5.png')
    status, out, err = run(*enrol)
    assert status == 0 and out.splitlines()[0] == f'anna: {walks("anna", 2)}, 8 of 8 frames'
    assert Gallery.load(tmp_path / 'people.gallery').list() == {'anna': [walks('anna', 1), walks('anna', 2)]}


def test_others_change_a_gallery_while_walks_are_described(weights, opened, walks, run, tmp_path, monkeypatch):
    gallery, describe = tmp_path / 'people.gallery', walk_vector

    def change_meanwhile(walk, *networks, **options):
        vector, track = describe(walk, *networks, **options)
        with Gallery.open(gallery) as other:
            other.enrol('other', vector[::-1], fingerprint=other.fingerprint, force=True)
        return vector, track
    monkeypatch.setattr('gait_recognition.commands.walks.walk_vector', change_meanwhile)
    assert run('enrol', gallery, '--name', 'anna', walks('anna', 1), walks('anna', 2), *weights)[0] == 0
    assert {name: len(each) for name, each in Gallery.load(gallery).list().items()} == {'other': 2, 'anna': 2}


def test_a_copy_of_a_recording_is_not_enrolled_twice(weights, opened, walks, run, tmp_path):
    enrol, anna = ('enrol', tmp_path / 'people.gallery', '--name'), walks('anna', 1)
    assert run(*enrol, 'anna', anna, *weights)[0] == 0
    shutil.copytree(anna, tmp_path / 'copy')
    (tmp_path / 'link').symlink_to(anna)
    for same in ('copy', 'link'):
        assert 'enrolled already' in run(*enrol, 'anna', tmp_path / same, *weights)[2]
        assert f'enrolled as a walk of anna ({anna}): whose is it' in refused(
            run(*enrol, 'ben', tmp_path / same, *weights))
    status, out, err = run(*enrol, 'ben', tmp_path / 'copy', *weights, '--force')
    assert status == 0 and 'both are kept' in err
    assert Gallery.load(tmp_path / 'people.gallery').list() == {'anna': [anna], 'ben': [str(tmp_path / 'copy')]}


def test_other_contents_under_an_enrolled_path_are_another_walk(weights, opened, walks, run, tmp_path):
    enrol, anna = ('enrol', tmp_path / 'people.gallery', '--name', 'anna'), walks('anna', 1)
    assert run(*enrol, anna, *weights)[0] == 0
    shutil.rmtree(anna)
    shutil.copytree(walks('anna', 2), anna)
    assert 'other contents than when it was enrolled' in run(*enrol, anna, *weights)[2]
    assert Gallery.load(tmp_path / 'people.gallery').list() == {'anna': [anna, f'{anna} (2)']}
    assert '1 of 1 walks are enrolled already' in run(*enrol, anna, *weights)[2]


def test_a_private_gallery_keeps_no_path_and_knows_recordings_again(weights, opened, walks, run, tmp_path):
    enrol = 'enrol', tmp_path / 'people.gallery', '--name', 'anna', walks('anna', 1), *weights
    assert run(*enrol, '--private')[0] == 0
    assert 'enrolled already' in run(*enrol)[2]
    assert Gallery.load(tmp_path / 'people.gallery').list() == {'anna': ['walk 1']}


def test_every_nth_frame_is_kept_with_a_gallery_and_another_is_refused(gallery, weights, walks, run):
    assert 'every=1, got 2' in refused(run('enrol', gallery, '--name', 'dan', walks('dan', 1), *weights, '--every', 2))
    assert 'every=1, got 2' in refused(run('identify', gallery, walks('anna', 4), *weights, '--every', 2))


def test_enrol_takes_a_name_with_walks_or_a_manifest(manifest, weights, walks, run, tmp_path):
    for arguments in ([], ['--name', 'anna'], [walks('anna', 1)],
                      ['--manifest', manifest, '--name', 'anna', walks('anna', 1)],
                      ['--manifest', manifest, '--name', 'anna'], ['--manifest', manifest, walks('anna', 1)]):
        assert '--manifest' in refused(run('enrol', tmp_path / 'new.npz', *arguments, *weights))


def test_a_blank_name_is_refused_before_weights_are_opened(weights, opened, walks, run, tmp_path):
    assert 'blank' in refused(run('enrol', tmp_path / 'new.npz', '--name', ' ', walks('anna', 1), *weights))
    assert not opened


def test_a_calibration_older_than_the_people_is_said(gallery, weights, walks, run):
    status, _, err = run('enrol', gallery, '--name', 'dan', walks('dan', 1), *weights)
    assert status == 0 and err.count('calibrate it again') == 1
    assert json.loads(run('gallery', 'list', gallery, '--json')[1])['outdated'] == ['identify', 'verify']
    assert 'older than the people in it' in run('identify', gallery, walks('anna', 4), *weights)[2]


def test_gallery_list_says_people_walks_weights_and_calibration(gallery, walks, run):
    status, out, err = run('gallery', 'list', gallery)
    assert (status, err) == (0, '')
    assert walks('ben', 2) in out and '9 walks of 3 people' in out and '-GRU-1' in out and 'calibrated' in out
    answer = json.loads(run('gallery', 'list', gallery, '--json')[1])
    assert list(answer['people']) == ['anna', 'ben', 'carla']
    assert answer['calibration']['identify']['wanted_false_accept_rate'] == 0.2


def test_gallery_remove_takes_a_walk_or_a_person_away(gallery, walks, run, monkeypatch):
    monkeypatch.chdir(Path(walks('anna', 1)).parent)
    assert run('gallery', 'remove', gallery, 'anna', '--walk', 'anna-1')[0] == 0
    assert run('gallery', 'remove', gallery, 'ben')[0] == 0
    people = Gallery.load(gallery).list()
    assert people == {'anna': [walks('anna', 2), walks('anna', 3)],
                      'carla': [walks('carla', number) for number in (1, 2, 3)]}
    assert "'dan' is not in the gallery" in refused(run('gallery', 'remove', gallery, 'dan'))


def test_gallery_export_writes_csv(gallery, run, tmp_path):
    status, out, _ = run('gallery', 'export', gallery, tmp_path / 'people.csv', '--json')
    assert status == 0 and json.loads(out)['walks'] == 9
    with open(tmp_path / 'people.csv', newline='') as file:
        rows = list(csv.reader(file))
    assert len(rows) == 10 and rows[1][0] == 'anna' and len(rows[1]) == 514


def test_gallery_export_never_writes_over_the_gallery_it_reads(gallery, run):
    before = Path(gallery).read_bytes()
    assert '.csv' in refused(run('gallery', 'export', gallery, gallery))
    assert Path(gallery).read_bytes() == before


def test_gallery_calibrate_says_what_it_measured_and_refuses_what_it_cannot(gallery, run):
    status, out, _ = run('gallery', 'calibrate', gallery, '--false-accept-rate', '0.5', '--task', 'verify')
    assert status == 0 and re.match(r'verify: above cosine similarity -?0\.\d+ \d+ of 27 wrong ones were accepted \('
                                    r'[\d.]+% to [\d.]+%\)', out)
    answer = json.loads(run('gallery', 'calibrate', gallery, '--false-accept-rate', '0.25', '--json')[1])
    assert answer['identify']['impostor_trials'] == 9
    assert '0.001' in refused(run('gallery', 'calibrate', gallery, '--false-accept-rate', '0.001'))


def test_a_gallery_that_is_empty_missing_or_none_is_refused(gallery, weights, walks, run, tmp_path):
    for person in ('anna', 'ben', 'carla'):
        run('gallery', 'remove', gallery, person)
    assert 'empty' in refused(run('identify', gallery, walks('anna', 1), *weights))
    assert 'no.npz' in refused(run('identify', tmp_path / 'no.npz', walks('anna', 1), *weights))
    assert 'no.npz' in refused(run('gallery', 'list', tmp_path / 'no.npz'))
    assert 'not a gallery' in refused(run('gallery', 'list', weights[1]))
    (tmp_path / 'text.npz').write_text('person,condition')
    assert 'not a gallery' in refused(run('gallery', 'list', tmp_path / 'text.npz'))
    calibrate = 'gallery', 'calibrate', tmp_path / 'no.npz', '--false-accept-rate', 0.2
    assert 'no.npz: there is no such gallery; enrol somebody' in refused(run(*calibrate))


def test_people_are_renamed_merged_split_and_forgotten(gallery, walks, run):
    assert run('gallery', 'rename', gallery, 'anna', 'hanna')[0] == 0
    assert run('gallery', 'merge', gallery, 'hanna', 'ben')[0] == 0
    assert run('gallery', 'split', gallery, 'ben', 'eve', '--walk', walks('anna', 1), walks('anna', 2))[0] == 0
    assert run('gallery', 'forget', gallery, 'carla')[0] == 0
    assert Gallery.load(gallery).list() == {
        'eve': [walks('anna', 1), walks('anna', 2)],
        'ben': [walks('anna', 3), *(walks('ben', number) for number in (1, 2, 3))]}
    actions = [line['action'] for line in json.loads(run('gallery', 'audit', gallery, '--json')[1])]
    assert actions[-4:] == ['rename', 'merge', 'split', 'forget']
    assert "'carla' is not in the gallery" in refused(run('gallery', 'forget', gallery, 'carla'))
    status, out, _ = run('gallery', 'check', gallery)
    assert status == 1 and "few walks: 'eve' has 2 walks" in out


def test_a_gallery_is_exported_and_imported(gallery, run, tmp_path):
    assert run('gallery', 'export', gallery, tmp_path / 'exported.npz')[0] == 0
    assert run('gallery', 'import', tmp_path / 'new.gallery', tmp_path / 'exported.npz')[0] == 0
    assert Gallery.load(tmp_path / 'new.gallery').list() == Gallery.load(gallery).list()
    assert run('gallery', 'export', gallery, tmp_path / 'people.csv')[0] == 0
    assert 'export as .npz' in refused(run('gallery', 'import', tmp_path / 'newer.gallery', tmp_path / 'people.csv'))


def test_what_is_no_gallery_is_told_before_weights_are_opened(weights, walks, run, tmp_path, monkeypatch):
    monkeypatch.setattr('gait_recognition.commands.recognise.chosen_weights', lambda _: pytest.fail('opened'))
    np.savez(tmp_path / 'v.npz', vectors=np.ones((1, 512)), walks=['a'], fingerprint='f')
    for name, said in (('no.gallery', 'no.gallery: no such gallery; make one first: gait-recognition enrol'),
                       ('v.npz', 'v.npz holds vectors, not a gallery')):
        assert said in refused(run('identify', tmp_path / name, walks('anna', 1)))
        assert said in refused(run('verify', tmp_path / name, walks('anna', 1), walks('anna', 2)))
    assert 'v.npz is there already and holds vectors' in refused(run('enrol', tmp_path / 'v.npz', '--name', 'anna',
                                                                     walks('anna', 1)))


def test_vectors_of_another_precision_are_refused_with_the_option_to_say(gallery, weights, walks, run):
    line = refused(run('identify', gallery, walks('anna', 1), *weights, '--precision', 'bfloat16'))
    assert 'made with --precision float32; say it here, too' in line and 'other weights' not in line


def _answers_of(place, options, weights, manifest, walks, run):
    """What commands print about a gallery that they made there."""
    outputs = [run(*arguments) for arguments in (
        ['enrol', place, '--manifest', manifest, *weights, *options],
        ['gallery', 'calibrate', place, '--false-accept-rate', '0.2', *options],
        ['identify', place, walks('anna', 5), walks('stranger', 1), '--json', *weights, *options],
        ['verify', place, walks('anna', 5), walks('ben', 5), '--json', *weights, *options],
        ['enrol', place, '--manifest', manifest, *weights, *options],
        ['gallery', 'list', place, *options])]
    return [(status, out.replace(str(place), 'GALLERY')) for status, out, _ in outputs]


def test_on_a_server_commands_answer_as_with_a_file(address, weights, opened, manifest, walks, run, tmp_path):
    with_file = _answers_of(tmp_path / 'g.gallery', [], weights, manifest, walks, run)
    assert _answers_of(address, [], weights, manifest, walks, run) == with_file
    assert with_file[0][0] == 0 and json.loads(with_file[2][1])['walks'][0]['name'] == 'anna'


def test_with_a_key_commands_answer_as_without(encryption, weights, opened, manifest, walks, run, tmp_path):
    (tmp_path / 'key').write_text('secret\n')
    plain = _answers_of(tmp_path / 'g.gallery', [], weights, manifest, walks, run)
    assert _answers_of(tmp_path / 's.gallery', ['--key-file', tmp_path / 'key'], weights, manifest, walks, run) == plain
    line = refused(run('identify', tmp_path / 's.gallery', walks('anna', 5), *weights))
    assert '--key-file' in line


def test_a_server_that_is_not_there_is_told_before_anything_is_computed(weights, opened, walks, run):
    pytest.importorskip('psycopg')
    for command in (['identify'], ['enrol', '--name', 'anna']):
        line = refused(run(*command, 'postgresql://gait:hush@/people?host=/nowhere', walks('anna', 1), *weights))
        assert 'postgresql://gait@/people' in line and 'hush' not in line
    assert opened == []


# evaluate ------------------------------------------------------------------------------------------------------------

def test_evaluate_prints_the_table_json_and_plots_and_keeps_vectors(manifest, weights, opened, run, tmp_path,
                                                                    monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ['evaluate', manifest, '--gallery', 'N1-N2', '--probes', 'N3', *weights]
    status, out, err = run(*arguments, '--plots', tmp_path / 'plots')
    assert status == 0 and 'rank-1' in out and 'mine-GRU-1.npz' in out and 'chance' in out
    assert 'gait-vectors' in err
    assert {path.name for path in (tmp_path / 'plots').iterdir()} == {'roc.png', 'cmc.png', 'confusion.png',
                                                                     'confusion.csv', 'probes.csv'}
    assert len(list((tmp_path / 'gait-vectors').glob('*.npy'))) == 9

    monkeypatch.setattr('gait_recognition.vectors.walk_vector', None)        # everything comes from the cache now
    status, out, _ = run(*arguments, '--json')
    assert status == 0 and json.loads(out)['results'][0]['rank_1']['Average'] == 1


def test_evaluate_sets_both_baselines_beside_the_vectors_and_keeps_them(manifest, weights, opened, run, tmp_path,
                                                                        monkeypatch):
    arguments = ['evaluate', manifest, '--gallery', 'N1-N2', '--probes', 'N3', '--baselines', '--cache',
                 tmp_path / 'cache', *weights]
    status, out, _ = run(*arguments)
    rows = [line.split('  ')[0] for line in out.splitlines()]
    assert status == 0 and 'mean spatial feature' in rows and 'figures from joints' in rows
    assert 'mine-GRU-1.npz less the other, in points (paired)' in out
    assert len(list((tmp_path / 'cache').glob('*.npy'))) == 18
    monkeypatch.setattr('gait_recognition.vectors.walk_vector', None)        # everything comes from the cache now
    monkeypatch.setattr('gait_recognition.evaluation.baselines.crop_walker', None)
    status, again, _ = run(*arguments, '--json')
    results = {each['name']: each for each in json.loads(again)['results']}
    assert status == 0 and results['mean spatial feature']['rank_1']['Average'] == 1        # a person is a colour here
    assert results['figures from joints']['rank_1']['Average'] < 1                          # and all joints are alike


def test_baselines_leave_out_what_the_vectors_leave_out(manifest, weights, opened, run, tmp_path):
    (tmp_path / 'wall').mkdir()
    for i in range(9):
        Image.new('RGB', (320, 240), 'grey').save(tmp_path / 'wall' / f'{i}.png')
    with open(manifest, 'a', newline='') as file:
        file.write('carla,N4,1,wall\n')
    status, out, err = run('evaluate', manifest, '--gallery', 'N1', '--probes', 'N3-N4', '--no-cache', '--baselines',
                           *weights)
    assert status == 2 and 'mean spatial feature, unread as misses' in out
    assert err.count('nothing as large as a person moves') == 1


def test_evaluate_keeps_no_vectors_if_told_so(manifest, weights, opened, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ['evaluate', manifest, '--gallery', 'N1', '--probes', 'N3', '--no-cache', '--method', 'cosine']
    assert run(*arguments, *weights)[0] == 0
    assert not (tmp_path / 'gait-vectors').exists()


def test_evaluate_goes_on_after_a_walk_without_a_person_and_its_status_tells(manifest, weights, opened, run, tmp_path):
    (tmp_path / 'wall').mkdir()
    for i in range(9):
        Image.new('RGB', (320, 240), 'grey').save(tmp_path / 'wall' / f'{i}.png')
    with open(manifest, 'a', newline='') as file:
        file.write('carla,N4,1,wall\n')
    arguments = ['evaluate', manifest, '--gallery', 'N1', '--probes', 'N3-N4', '--no-cache', *weights]
    for option, expected in ([], 2), (['--leave-out'], 0):
        status, out, err = run(*arguments, *option)
        assert status == expected and '3 gallery walks, 3 probes' in out
        assert 'wall: nothing as large as a person moves' in err and '1 of 7 walks are left out' in err
        assert f'{tmp_path / "wall"}: carla, not tried' in out and 'unread as misses' in out
    status, out, _ = run(*arguments, '--json')
    answer = json.loads(out)
    assert status == 2 and [*answer['errors']] == [str(tmp_path / 'wall')] and len(answer['checks']) == 6
    data = answer['results'][0]
    assert data['rank_1']['N'] == 1 and data['with_misses']['rank_1']['N'] == 0.75
    assert data['missed'] == [str(tmp_path / 'wall')]
    assert 'wall: nothing as large as a person moves' in refused(run(*arguments, '--stop-at-error'))


@pytest.mark.parametrize('options, status', [([], 0), (['--leave-out'], 0), (['--stop-at-error'], 0)])
@pytest.mark.parametrize('content', [b'no picture', b'P6\n99999 99999\n255\n'])
def test_one_bad_picture_of_a_walk_leaves_out_a_frame_and_no_walk(content, options, status, manifest, walks, weights,
                                                                  opened, run, tmp_path):
    (tmp_path / 'anna-3' / '9.ppm').write_bytes(content)
    found, out, err = run('evaluate', manifest, '--gallery', 'N1-N2', '--probes', 'N3', '--no-cache', *weights,
                          *options)
    assert found == status and '6 gallery walks, 3 probes' in out and 'left out' not in err
    assert f'{walks("anna", 3)}: 1 of 9 frames are damaged and were skipped' in err
    assert ('more than 64,000,000 pixels' in err or 'decompression bomb' in err) == content.startswith(b'P6')


def test_leave_out_answers_for_the_others_where_a_walk_holds_bad_pictures_alone(manifest, weights, opened, run,
                                                                                tmp_path):
    for picture in (tmp_path / 'anna-3').iterdir():
        picture.write_bytes(b'no picture')
    arguments = 'evaluate', manifest, '--gallery', 'N1-N2', '--probes', 'N3', '--no-cache', *weights
    for options, expected in ([], 2), (['--leave-out'], 0):
        status, out, err = run(*arguments, *options)
        assert status == expected and '6 gallery walks, 2 probes' in out
        assert 'anna-3: no frame to read: 8 damaged' in err and '1 of 9 walks are left out' in err
    assert 'anna-3: no frame to read: 8 damaged' in refused(run(*arguments, '--stop-at-error'))


@pytest.mark.parametrize('experiment', [1, 2])
def test_evaluate_runs_both_experiments_of_tum_gaid(experiment, weights, opened, walks, run, tmp_path):
    january = ['n01', 'n02', 'n03', 'n04', 'n05', 'n06', 'b01', 'b02', 's01', 's02']
    april = ['n07', 'n08', 'n09', 'n10', 'n11', 'n12', 'b03', 'b04', 's03', 's04']
    for person in (1, 2):
        for i, name in enumerate(january + april):
            folder = tmp_path / 'set' / 'image' / f'p{person:03d}'
            folder.mkdir(parents=True, exist_ok=True)
            os.rename(walks(f'p{person}', i), folder / name)
    (tmp_path / 'people.txt').write_text('1 2')
    status, out, _ = run('evaluate', '--tum-gaid', tmp_path / 'set', '--experiment', experiment, '--no-cache',
                         '--people', tmp_path / 'people.txt', *weights)
    assert status == 0
    assert f'TUM GAID, experiment {experiment}: rank-1 in %, 2 people, 8 gallery walks' in out
    assert 'published: PFM' in out


def test_evaluate_names_the_manifest_and_the_options_where_no_walk_fits(manifest, weights, run):
    line = refused(run('evaluate', manifest, *weights))
    assert line.startswith(f"gait-recognition: {manifest}: no probe walk matches 'N5-N6") and '--probes' in line


def test_evaluate_takes_a_manifest_or_tum_gaid(manifest, weights, run, tmp_path):
    for arguments in ([], [manifest, '--tum-gaid', tmp_path]):
        assert '--tum-gaid' in refused(run('evaluate', *arguments, *weights))
    assert 'N9' in refused(run('evaluate', manifest, '--gallery', 'N9', *weights))


@pytest.mark.parametrize('option', ['--gallery=N1-N4', '--probes=N5', '--gallery-session=1', '--probe-session=1'])
def test_evaluate_refuses_options_of_a_manifest_for_tum_gaid(option, weights, run, tmp_path):
    line = refused(run('evaluate', '--tum-gaid', tmp_path, option, *weights))
    assert f'{option.split("=")[0]} goes without --tum-gaid' in line


@pytest.mark.parametrize('option', ['--experiment=1', '--people=list.txt', '--pattern=p'])
def test_evaluate_refuses_options_of_tum_gaid_for_a_manifest(option, manifest, weights, run):
    assert f'{option.split("=")[0]} goes with --tum-gaid' in refused(run('evaluate', manifest, option, *weights))


def test_evaluate_takes_a_cache_or_none(manifest, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(['evaluate', manifest, '--cache', 'gait-vectors', '--no-cache'])
    assert ended.value.code == 2 and 'not allowed with' in capsys.readouterr().err


def test_evaluate_of_tum_gaid_names_a_pattern_or_list_that_will_not_do(weights, run, tmp_path):
    arguments = 'evaluate', '--tum-gaid', tmp_path, *weights
    assert "pattern: '(' is no regular expression" in refused(run(*arguments, '--pattern', '('))
    for number in range(1, 7):
        (tmp_path / 'p001' / f'n0{number}').mkdir(parents=True)
    line = refused(run(*arguments))
    assert 'people: ' in line and '=' not in line


@pytest.mark.parametrize('option', ['--plots', '--cache'])
def test_evaluate_refuses_a_file_for_a_folder_before_it_computes(option, manifest, weights, opened, run, tmp_path):
    (tmp_path / 'file').write_text('mine')
    for folder in (tmp_path / 'file', tmp_path / 'file' / 'in it'):
        line = refused(run('evaluate', manifest, '--gallery', 'N1', '--probes', 'N3', *weights, option, folder))
        assert option in line and f'{tmp_path / "file"} is a file' in line
    assert not opened


def test_evaluate_prints_its_table_even_if_drawing_fails(manifest, weights, opened, run, tmp_path, monkeypatch):
    def full(figure, path):
        raise OSError(f'{path}: no space left')

    monkeypatch.setattr('gait_recognition.evaluation.plots.save_figure', full)
    arguments = ['evaluate', manifest, '--gallery', 'N1', '--probes', 'N3', '--no-cache', '--method', 'cosine']
    status, out, err = run(*arguments, '--plots', tmp_path / 'plots', *weights)
    assert status == 2 and 'rank-1' in out and 'roc.png' in err


def test_evaluate_says_damaged_frames_and_again_when_vectors_come_from_its_cache(manifest, weights, opened, run, walks,
                                                                                 tmp_path):
    path = os.path.normpath(walks('anna', 1))
    (Path(path) / '8.png').write_bytes(b'\x89PNG damaged')
    arguments = ['evaluate', manifest, '--gallery', 'N1', '--probes', 'N3', '--cache', tmp_path / 'cache', '--method',
                 'cosine', '--json', *weights]
    for _ in range(2):
        status, out, err = run(*arguments)
        assert status == 0 and json.loads(out)['remarks'] == {path: ['1 of 9 frames are damaged and were skipped']}
        assert f'{path}: 1 of 9 frames are damaged' in err


# pose ----------------------------------------------------------------------------------------------------------------

@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='needs fifos')
def test_pose_draws_on_what_can_be_read_only_once(weights, opened, run, walks, tmp_path):
    from gait_recognition.videos import write_frames
    pytest.importorskip('av')
    write_frames(tmp_path / 'walk.mkv', iter(read_frames(walks('anna', 1))), 25)
    data = (tmp_path / 'walk.mkv').read_bytes()
    os.mkfifo(tmp_path / 'fifo')
    writer = threading.Thread(target=(tmp_path / 'fifo').write_bytes, args=(data,))
    writer.start()
    status, _, err = run('pose', tmp_path / 'fifo', '--crop', 'none', '--output', tmp_path / 'drawn.gif', *weights[:2])
    writer.join()
    assert status == 0, err
    with Image.open(tmp_path / 'drawn.gif') as image:
        assert image.n_frames == 8
    for name in ('-', 'http://127.0.0.1:9/walk.mkv'):
        assert 'say --output FILE' in refused(run('pose', name, *weights[:2]))


def test_pose_draws_on_a_picture_and_writes_joints_in_its_pixels(weights, opened, run, tmp_path):
    Image.new('RGB', (598, 299), 'white').save(tmp_path / 'me.png')
    status, out, err = run('pose', tmp_path / 'me.png', '--pose-weights', weights[1])
    assert (status, err) == (0, '')
    drawn = np.asarray(Image.open(tmp_path / 'me_pose.png'))
    assert drawn.shape == (299, 598, 3)
    assert (drawn[150, 299] != 255).any() and (drawn[150, 200] == 255).all()        # on the line of joints, and off it
    assert all(f'\n  {name} ' in out for name in JOINT_NAMES)

    status, out, _ = run('pose', tmp_path / 'me.png', '--pose-weights', weights[1], '--json', '--joints',
                         tmp_path / 'joints.csv')
    joints = json.loads(out)[0]['joints']
    assert [row['joint'] for row in joints] == JOINT_NAMES
    assert joints[0] == {'frame': 0, 'time': 0.0, 'joint': 'right ankle', 'y': 238.0, 'x': 299.0, 'probability': 0.9,
                         'sure': True}
    with open(tmp_path / 'joints.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ['path', 'frame', 'time', 'joint', 'y', 'x', 'probability', 'sure']
    assert [(row['joint'], float(row['y'])) for row in rows] == [(row['joint'], row['y']) for row in joints]


def test_pose_with_joints_alone_draws_nothing(weights, opened, run, walks, tmp_path):
    status, _, _ = run('pose', walks('anna', 1), '--pose-weights', weights[1], '--joints', tmp_path / 'joints.json')
    assert status == 0
    rows = json.loads((tmp_path / 'joints.json').read_text())
    assert [(row['frame'], row['joint']) for row in rows] == [(i, name) for i in range(8) for name in JOINT_NAMES]
    assert not list(tmp_path.glob('*_pose*'))


@pytest.mark.parametrize('suffix', ['.gif', '.mp4', '.mkv', '.avi', '.mov'])
def test_pose_draws_on_a_walk(suffix, weights, opened, run, walks, tmp_path):
    if suffix != '.gif':
        pytest.importorskip('av')
    output = tmp_path / f'drawn{suffix}'
    assert run('pose', walks('anna', 1), '--pose-weights', weights[1], '--output', output, '--plain')[0] == 0
    frames = list(read_frames(output))
    assert len(frames) == 8 and frames[0].shape == (598, 598, 3)            # 299 is small
    before = np.kron(next(iter(read_frames(walks('anna', 1)))), np.ones((2, 2, 1))).astype(int)
    changed = np.abs(frames[0].astype(int) - before).mean(axis=(0, 2))
    assert np.argmax(changed) in range(280, 320)                            # the column of the joints


def test_pose_writes_times_and_marks_what_is_not_sure(weights, opened, run, walks, tmp_path):
    for name in ('joints.csv', 'joints.json'):
        assert run('pose', walks('anna', 1), *weights[:2], '--joints', tmp_path / name, '--threshold', 0.95)[0] == 0
    with open(tmp_path / 'joints.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [float(row['time']) for row in rows[::16]] == pytest.approx([i / 25 for i in range(8)])
    assert {row['sure'] for row in rows} == {'0'}                           # all have 0.9
    assert {row['sure'] for row in json.loads((tmp_path / 'joints.json').read_text())} == {False}
    picture = Path(walks('anna', 1)) / '0.png'
    out = run('pose', picture, *weights[:2], '--output', tmp_path / 'drawn.png', '--threshold', 0.95)[1]
    assert out.count('unsure') == 16


def test_pose_writes_cocos_keypoints_and_invents_none(weights, opened, run, walks, tmp_path):
    assert run('pose', walks('anna', 1), *weights[:2], '--joints', tmp_path / 'a.csv', '--keypoints', 'coco')[0] == 0
    rows = list(csv.DictReader((tmp_path / 'a.csv').read_text().splitlines()))[:17]
    assert [row['joint'] for row in rows] == [*COCO_JOINTS]
    for row in rows:
        values = row['y'], row['x'], row['probability'], row['sure']
        if row['joint'] in ('nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear'):
            assert values == ('', '', '', '0')
        else:
            assert '' not in values and row['sure'] == '1'
    by_name = {row['joint']: float(row['y']) for row in rows if row['y']}
    expected = np.linspace(238, 50, 16)                                     # the stand-in's
    expected[JOINT_NAMES.index('left ankle')] = 238
    assert by_name == {name: pytest.approx(expected[JOINT_NAMES.index(name.replace('_', ' '))], abs=0.01)
                       for name in by_name} and len(by_name) == 12


def test_pose_writes_a_walk_as_trc(weights, opened, run, walks, tmp_path):
    walk, target = walks('anna', 1), tmp_path / 'joints.trc'
    assert run('pose', walk, *weights[:2], '--joints', target, '--every', 2, '--crop', 'none')[0] == 0
    lines = [line.split('\t') for line in target.read_text().splitlines()]
    facts = dict(zip(lines[1], lines[2]))
    assert (facts['DataRate'], facts['NumFrames'], facts['NumMarkers'], facts['Units']) == ('12.5', '4', '16', 'px')
    assert [name for name in lines[3][2:] if name] == [name.replace(' ', '_') for name in JOINT_NAMES]
    assert [len(line) for line in (*lines[3:5], *lines[6:])] == [2 + 48] * 6 and lines[5] == ['']
    assert [line[:2] for line in lines[6:]] == [['0', '0.0000'], ['2', '0.0800'], ['4', '0.1600'], ['6', '0.2400']]
    assert lines[6][2:5] == ['149.50', '60.00', '0.00']                     # 238 pixels below the upper edge of 299
    for arguments in ([walk, walks('ben', 1)], [Path(walk) / '0.png']):
        assert 'one walk' in refused(run('pose', *arguments, *weights[:2], '--joints', target))


def test_pose_shows_heat_maps_on_request(weights, opened, run, walks, tmp_path, monkeypatch):
    def heat_maps(self, frames, batch_size=16):
        maps = np.zeros((len(frames), 289, 289, 16), np.float32)
        maps[:, 50:100, 200:250, 0] = 1
        return maps
    monkeypatch.setattr(PoseStandIn, 'heat_maps', heat_maps, raising=False)
    picture = Path(walks('anna', 1)) / '0.png'
    assert run('pose', picture, *weights[:2], '--output', tmp_path / 'a.png', '--heat-maps')[0] == 0
    assert run('pose', walks('anna', 1), *weights[:2], '--output', tmp_path / 'a.gif', '--heat-maps')[0] == 0
    drawn = np.asarray(Image.open(tmp_path / 'a.png')).astype(int)
    before = np.asarray(Image.open(picture)).astype(int)
    changed = np.abs(drawn - before).sum(2) > 0
    rows, columns = np.flatnonzero(changed[:, 190:].any(1)), 190 + np.flatnonzero(changed[:, 190:].any(0))
    assert abs(rows.min() - 50 * 299 / 289) < 3 and abs(columns.max() - 250 * 299 / 289) < 3
    assert (drawn[75, 230] - before[75, 230])[0] >= 0 and drawn[75, 230, 0] > 150
    animated = next(iter(read_frames(tmp_path / 'a.gif')))
    assert animated[150, 460, 0] > 150


def test_pose_finds_the_walker_in_a_scene_and_maps_the_joints_back(weights, opened, run, tmp_path):
    from gait_recognition.walkers.files import write_scene
    write_scene(tmp_path / 'scene', person=1, frames=40, width=240, height=160)
    status, out, _ = run('pose', tmp_path / 'scene', '--pose-weights', weights[1], '--json', '--every', 2)
    answer, = json.loads(out)
    assert status == 0 and answer['crop'] == 'background' and answer['used'] >= 15
    with open(tmp_path / 'scene.csv', newline='') as file:
        truth = {int(row['frame']): row for row in csv.DictReader(file)}
    for frame in {row['frame'] for row in answer['joints']}:
        assert frame % 2 == 0
        middle = (float(truth[frame]['left']) + float(truth[frame]['right'])) / 2
        assert abs(np.mean([row['x'] for row in answer['joints'] if row['frame'] == frame]) - middle) < 10
    with Image.open(tmp_path / 'scene_pose.gif') as image:
        assert image.n_frames == 40                                     # every frame, at the scene's own rate


def test_pose_of_several_inputs_goes_into_a_folder(weights, opened, run, tmp_path):
    for name in ('a.png', 'b.jpg'):
        Image.new('RGB', (50, 60)).save(tmp_path / name)
    both = tmp_path / 'a.png', tmp_path / 'b.jpg'
    for _ in ('made', 'there'):
        assert run('pose', *both, '--pose-weights', weights[1], '--output', tmp_path / 'new' / 'out')[0] == 0
        assert {path.name for path in (tmp_path / 'new' / 'out').iterdir()} == {'a_pose.png', 'b_pose.jpg'}
    assert 'folder' in refused(run('pose', *both, '--pose-weights', weights[1], '--output', tmp_path / 'c.png'))


def test_bad_inputs_of_pose_are_refused_before_weights_are_opened(weights, opened, run, walks, tmp_path):
    Image.new('RGB', (50, 60)).save(tmp_path / 'a.png')
    (tmp_path / 'broken.mp4').write_bytes(b'no video')
    for arguments, named in ((['missing.png'], 'missing.png'), ([tmp_path / 'broken.mp4'], 'broken.mp4'),
                             ([tmp_path / 'a.png', '--output', tmp_path / 'a.gif'], 'a.gif'),
                             ([tmp_path / 'a.png', '--output', tmp_path / 'a.png'], 'a.png'),
                             ([walks('anna', 1), '--output', tmp_path / 'a.jpg'], '.gif'),
                             ([tmp_path / 'a.png', '--joints', tmp_path / 'a.txt'], '.csv')):
        assert named in refused(run('pose', *arguments, '--pose-weights', weights[1]))
    assert not opened


@pytest.mark.parametrize('name, content', [('broken.png', b'\x89PNG\r\n\x1a\n' + bytes(50)),
                                           ('broken.jpg', b'\xff\xd8'), ('broken.bmp', b'BM' + bytes(20))])
def test_a_picture_whose_head_is_broken_is_refused_as_a_picture_and_not_for_its_drawing(name, content, weights, run,
                                                                                        tmp_path):
    (tmp_path / name).write_bytes(content)
    command = 'pose', tmp_path / name, '--output', tmp_path / 'drawn.png', '--pose-weights', weights[1]
    assert f'{name} cannot be read as a picture' in refused(run(*command))


def test_a_picture_with_more_pixels_than_pillow_trusts_is_bad_input(weights, run, tmp_path, monkeypatch):
    Image.new('RGB', (50, 60)).save(tmp_path / 'large.png')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)
    for command in (['pose', tmp_path / 'large.png', *weights[:2]], ['vector', tmp_path / 'large.png', *weights]):
        assert 'large.png' in refused(run(*command))


# convert, walkers, fetch ---------------------------------------------------------------------------------------------

def test_convert_writes_every_form_from_every_form(run, tmp_path, checkpoints):
    tensors = {'GaitNN/w': np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32),
               'GaitNN/b': np.arange(4, dtype=np.float32)}
    gait_checkpoints.write_checkpoint(tmp_path / 'one.ckpt', tensors)
    status, out, err = run('convert', tmp_path / 'one.ckpt', tmp_path / 'two.npz', '--json')
    assert (status, err) == (0, '') and json.loads(out)['tensors'] == 2
    assert run('convert', tmp_path / 'two.npz', tmp_path / 'three.ckpt')[0] == 0
    three = gait_checkpoints.read_checkpoint(tmp_path / 'three.ckpt')
    assert np.array_equal(three['GaitNN/b'], tensors['GaitNN/b'])
    assert np.abs(three['GaitNN/w'] - tensors['GaitNN/w']).max() <= np.abs(tensors['GaitNN/w']).max() / 253
    assert gait_checkpoints.fingerprint(tmp_path / 'two.npz') == gait_checkpoints.fingerprint(tmp_path / 'three.ckpt')


def test_convert_turns_v1_into_v2(run, tmp_path, checkpoints):
    source = checkpoints('gait', 1)
    assert run('convert', source, tmp_path / 'v2.ckpt')[0] == 0
    assert (tmp_path / 'v2.ckpt.index').exists()
    assert gait_checkpoints.fingerprint(tmp_path / 'v2.ckpt') == gait_checkpoints.fingerprint(source)


def test_convert_refuses_what_is_there_another_suffix_and_what_is_no_checkpoint(weights, run, tmp_path):
    (tmp_path / 'there.npz').write_bytes(b'mine')
    (tmp_path / 'text.ckpt').write_text('no checkpoint')
    assert 'there.npz' in refused(run('convert', weights[1], tmp_path / 'there.npz'))
    assert (tmp_path / 'there.npz').read_bytes() == b'mine'
    for name in ('two.h5', 'two.NPZ'):
        assert '.ckpt' in refused(run('convert', weights[1], tmp_path / name))
    assert 'text.ckpt' in refused(run('convert', tmp_path / 'text.ckpt', tmp_path / 'two.npz'))
    assert 'A bare name is found wherever weights lie: no.ckpt' in refused(
        run('convert', tmp_path / 'no.ckpt', tmp_path / 'two.npz'))
    (tmp_path / 'text.npz').write_text('no weights')
    line = refused(run('convert', tmp_path / 'text.npz', tmp_path / 'two.npz'))
    assert 'it is no .npz file' in line and 'pickle' not in line


def test_walkers_write_walks_and_the_lists_that_enrol_and_evaluate_read(run, tmp_path, monkeypatch):
    from gait_recognition.evaluation.manifests import read_manifest
    from gait_recognition.walkers.files import write_scene
    monkeypatch.setattr('gait_recognition.commands.walkers.write_scene',
                        lambda path, *seeds: write_scene(path, *seeds, frames=2, width=96, height=64))
    status, out, err = run('walkers', tmp_path / 'demo', '--people', 2, '--walks', 2, '--kind', 'gif', '--json')
    assert (status, err) == (0, '')
    assert len(json.loads(out)['walks']) == 4
    walks = read_manifest(tmp_path / 'demo' / 'walks.csv')
    assert [(walk.person, walk.condition) for walk in walks] == [('anna', 'N1'), ('anna', 'N2'), ('ben', 'N1'),
                                                                ('ben', 'N2')]
    assert [walk.condition for walk in read_manifest(tmp_path / 'demo' / 'gallery.csv')] == ['N1', 'N1']
    assert 'demo' in refused(run('walkers', tmp_path / 'demo'))


def test_walkers_who_walk_once_have_no_list_without_their_last_walk(run, tmp_path, monkeypatch):
    monkeypatch.setattr('gait_recognition.commands.walkers.write_scene', lambda path, *seeds: Path(path).touch())
    status, out, _ = run('walkers', tmp_path / 'demo', '--people', 1, '--walks', 1, '--kind', 'gif')
    assert status == 0 and out == f'{tmp_path / "demo"}: 1 walk of 1 person; walks.csv lists all\n'
    assert not (tmp_path / 'demo' / 'gallery.csv').exists() and (tmp_path / 'demo' / 'walks.csv').exists()


def test_walkers_have_seeds_from_0_on(run, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        run('walkers', tmp_path / 'demo', '--first-person', -1)
    assert ended.value.code == 2
    assert "--first-person: expected an integer from 0 on, got '-1'" in capsys.readouterr().err


def test_walkers_leave_nothing_when_interrupted(run, tmp_path, monkeypatch):
    def interrupt(path, *seeds):
        Path(path).write_text('half')
        raise KeyboardInterrupt
    monkeypatch.setattr('gait_recognition.commands.walkers.write_scene', interrupt)
    assert run('walkers', tmp_path / 'demo')[0] == 130
    assert not list(tmp_path.iterdir())


def test_fetch_hands_its_arguments_over(monkeypatch):
    handed = []
    monkeypatch.setattr('gait_recognition.fetch.run', lambda arguments: handed.append(arguments) or 1)
    assert cli.main(['fetch', '--check', 'M+L-GRU-2.ckpt']) == 1
    assert handed[0].check and handed[0].names == ['M+L-GRU-2.ckpt']


def test_fetch_refuses_unknown_names_and_a_file_for_a_folder_as_every_command(run, tmp_path):
    assert 'unknown: nope.ckpt; there are: MPII+LSP.ckpt' in refused(run('fetch', 'nope.ckpt'))
    (tmp_path / 'file').touch()
    assert f'--to {tmp_path / "file"}: expected a folder' in refused(run('fetch', '--to', tmp_path / 'file'))
    status, out, _ = run('fetch', '--check', 'M+L-GRU-2.ckpt', '--json', '--to', tmp_path / 'new')
    assert status == 1 and json.loads(out)[0]['result'] == 'missing'


@pytest.fixture
def default_weights(tmp_path, monkeypatch):
    """A pair of weights, which hold next to nothing, under the names and in the only place of the default ones."""
    folder = tmp_path / 'models'
    folder.mkdir()
    for name, tensor in zip(gait_checkpoints.SHIPPED[:2], ('InceptionResnetV2/a', 'GaitNN/a')):
        gait_checkpoints.write_compact(folder / name, {tensor: np.arange(3, dtype=np.float32)})
    monkeypatch.setattr(gait_checkpoints, 'weight_folders', lambda: [folder])


@pytest.mark.filterwarnings('ignore:using .*synthetic walkers')
def test_a_gallery_of_the_command_opens_in_python_without_further_words_and_the_other_way_round(
        default_weights, opened, walks, run, tmp_path):
    by_command, by_python = tmp_path / 'command.npz', tmp_path / 'python.npz'
    anna, ben = walks('anna', 1), walks('ben', 1)
    assert run('enrol', by_command, '--name', 'anna', anna)[0] == 0
    with gait_recognition.Gallery.open(by_python, create=True) as gallery:
        gallery.enrol('anna', gait_recognition.walk_vector(anna))
    assert Gallery.load(by_command).fingerprint == Gallery.load(by_python).fingerprint
    with gait_recognition.Gallery.open(by_command) as gallery:
        gallery.enrol('ben', gait_recognition.walk_vector(ben))
        assert gallery.identify(gait_recognition.walk_vector(anna)).ranking[0][0] == 'anna'
    assert run('enrol', by_python, '--name', 'ben', ben)[0] == 0
    status, out, _ = run('identify', by_python, anna)
    assert status == 1 and '1. anna' in out                                 # ranked, not named: uncalibrated
    for path in (by_command, by_python):
        assert [*Gallery.load(path).list()] == ['anna', 'ben']
    assert gait_recognition.GaitVectors().transform([anna]).shape == (1, len(gait_recognition.walk_vector(anna)))


def test_poses_of_a_picture_and_of_a_walk_are_those_that_the_command_writes(weights, opened, walks, run, tmp_path,
                                                                            monkeypatch):
    monkeypatch.setattr('gait_recognition.pose_estimation.shared_pose_network', lambda path: PoseStandIn())
    monkeypatch.setattr('gait_recognition.pose_estimation.find_pose_weights', lambda: 'the default ones')
    picture, walk = tmp_path / 'picture.png', walks('anna', 1)
    Image.new('RGB', (400, 200)).save(picture)
    for source, frames in ((picture, 1), (walk, 8)):
        assert run('pose', source, '--joints', tmp_path / 'joints.csv', *weights[:2])[0] == 0
        rows = list(csv.DictReader((tmp_path / 'joints.csv').read_text().splitlines()))
        found = poses(source)
        assert len(found) == frames and len(rows) == 16 * frames
        written = [[float(row[key]) for key in ('y', 'x', 'probability')] for row in rows]
        np.testing.assert_allclose(np.concatenate([each.joints.T for each in found]), written, atol=0.006)
        assert [each.frame for each in found] == sorted({int(row['frame']) for row in rows})


# README and docs -----------------------------------------------------------------------------------------------------

def shown(page, word=''):
    """The arguments of each call of this command in a page's shell blocks (those with a word in them)."""
    return [words[1:] for words in pages.commands(page, word) if words[0] == 'gait-recognition']


@pytest.mark.parametrize('page, arguments', [(page, arguments) for page in pages.PAGES for arguments in shown(page)],
                         ids=lambda value: ' '.join(value) if isinstance(value, list) else pages.name_of(value))
def test_every_command_of_readme_and_docs_is_understood(page, arguments):
    assert callable(cli._parse(arguments).run)


def test_the_docs_show_every_command():
    calls = {' '.join(arguments[:2]) for page in ('commands.md', 'galleries.md')
             for arguments in shown(ROOT / 'docs' / page)}
    assert not [command for command in COMMANDS if not any(f'{call} '.startswith(f'{command} ') for call in calls)]


# The real networks ---------------------------------------------------------------------------------------------------

@pytest.fixture
def command():
    """Run the command in a process of its own."""
    def command(*arguments):
        environment = {name: value for name, value in os.environ.items() if name != 'TF_CPP_MIN_LOG_LEVEL'}
        return subprocess.run([sys.executable, '-m', 'gait_recognition', *map(str, arguments)], capture_output=True,
                              text=True, env=environment)
    return command


def said(result):
    """The lines of a command's messages, but those of every half minute: machines may be slow."""
    return [line for line in result.stderr.splitlines() if ': walk 1 of 1, ' not in line]


def test_tensorflow_says_nothing_where_it_reads_checkpoints(command, walks, tmp_path):
    """Of weights that are no networks', so that what ends the command is the one line."""
    for name, tensor in (('pose', 'InceptionResnetV2/a'), ('gait', 'GaitNN/a')):
        gait_checkpoints.write_checkpoint(tmp_path / f'{name}.ckpt', {tensor: np.ones(2, np.float32)})
    result = command('vector', walks('anna', 1), '--pose-weights', tmp_path / 'pose.ckpt', '--gait-weights',
                     tmp_path / 'gait.ckpt', '--recurrent-unit', 'GRU', '--rnn-layers', 1)
    assert result.returncode == 2
    assert all(line.startswith(('gait-recognition', 'vector: ')) for line in said(result)), result.stderr


@pytest.mark.slow
def test_a_real_vector_is_the_networks_and_nothing_else_is_said(command, checkpoints, pose_net, gait_net, walks):
    result = command('vector', walks('anna', 1), '--json', '--pose-weights', checkpoints('pose', 1),
                     '--gait-weights', checkpoints(SHARED.format('GRU')), '--rnn-layers', 2)
    assert (result.returncode, said(result)) == (0, [])
    frames = np.stack(list(read_frames(walks('anna', 1))))
    expected = gait_net.feed_forward(pose_net.feed_forward_features(frames))
    assert np.allclose(json.loads(result.stdout)[0]['vector'], expected, atol=1e-5)


@pytest.mark.slow
def test_real_joints_are_the_networks_and_nothing_else_is_said(command, checkpoints, pose_net, walks, tmp_path):
    picture = Path(walks('anna', 1)) / '0.png'
    result = command('pose', picture, '--output', tmp_path / 'pose.png', '--json',
                     '--pose-weights', checkpoints('pose', 1))
    assert (result.returncode, said(result)) == (0, [])
    y, x, probability = pose_net.joint_positions(np.asarray(Image.open(picture))[None])[:, 0]
    joints = json.loads(result.stdout)[0]['joints']
    assert np.allclose([row['y'] for row in joints], y, atol=0.01)
    assert np.allclose([row['x'] for row in joints], x, atol=0.01)
    assert np.allclose([row['probability'] for row in joints], probability, atol=1e-4)


@pytest.mark.slow
def test_the_readme_leads_from_nothing_to_a_name_with_the_weights_that_ship(command, tmp_path, monkeypatch):
    pytest.importorskip('av')
    monkeypatch.chdir(tmp_path)
    if gait_checkpoints.default_pair().published:
        pytest.skip('published weights are there, and walkers are nobody to them')
    walkers, enrol, calibrate, identify = shown(ROOT / 'README.md', 'walkers demo')
    for arguments in (walkers, enrol, calibrate):
        result = command(*arguments)
        assert result.returncode == 0, result.stderr
    people = Gallery.load('people.gallery').list()
    assert {name: len(labels) for name, labels in people.items()} == {'anna': 3, 'ben': 3, 'carla': 3}
    result = command(*identify, '--json')
    answer, = json.loads(result.stdout)
    assert (result.returncode, answer['decision'], answer['name']) == (0, 'known', 'anna')
    assert answer['used'] > 50 and answer['crop'] == 'background'
    line, = said(result)
    assert 'trained on synthetic walkers' in line and 'gait-recognition fetch' in line


def test_controls_in_names_reach_no_terminal(run, monkeypatch, capsys):
    status, out, err = run('check', 'gone\x1b[2J\x9b1m\u202e.mp4')
    assert status == 2 and r'gone\u001b[2J\u009b1m\u202e.mp4' in err and '\x1b' not in out + err
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True)
    console.put(console.as_json({'walk': 'é\x1b[2J\x9b.mp4'}))
    shown = capsys.readouterr().out
    assert not {'\x1b', '\x9b'} & set(shown) and json.loads(shown) == {'walk': 'é\x1b[2J\x9b.mp4'}


TWO_LINES = 'x\nben: anna  (probability 1.00\r\u2028ben: anna\x1b[2J\u202e\u200f'


def answers_about_two_lines(weights, tmp_path):
    """Commands that name a walk, a person, a gallery or an output of two lines in their text."""
    walk, gallery, manifest = (str(tmp_path / f'{TWO_LINES}{suffix}') for suffix in ('', '.gallery', '.csv'))
    return [
        ('enrol', gallery, '--manifest', manifest, *weights), ('gallery', 'list', gallery),
        ('gallery', 'check', gallery), ('gallery', 'audit', gallery),
        ('gallery', 'calibrate', gallery, '--false-accept-rate', '0.2'), ('gallery', 'export', gallery, f'{walk}.npz'),
        ('gallery', 'import', f'{walk}-2.gallery', f'{walk}.npz'), ('gallery', 'copy', gallery, f'{walk}-3.gallery'),
        ('gallery', 'remove', f'{walk}-3.gallery', 'anna'), ('identify', gallery, walk, *weights),
        ('identify', gallery, walk, '--together', *weights, '--verbose'), ('verify', gallery, walk, walk, *weights),
        ('check', walk, *weights[:2]), ('pose', walk, *weights[:2], '--output', f'{walk}.gif'),
        ('pose', f'{walk}/0.png', *weights[:2]), ('convert', weights[1], f'{walk}-2.npz'),
        ('evaluate', manifest, '--no-cache', '--gallery', 'N1-N2', '--probes', 'N3', *weights)]


def test_a_name_of_two_lines_makes_no_second_answer(weights, opened, walks, manifest, run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True)
    walk, text = tmp_path / TWO_LINES, Path(manifest).read_text()
    os.rename(walks('ben', 1), walk)
    rows = [[TWO_LINES if cell == 'carla' else str(walk) if cell.endswith('ben-1') else cell for cell in row]
            for row in csv.reader(text.splitlines())]
    with open(f'{walk}.csv', 'w', newline='') as file:
        csv.writer(file).writerows(rows)
    for command in answers_about_two_lines(weights, tmp_path):
        status, out, err = run(*command)
        assert status in (0, 1), err
        assert not [line for line in (out + err).splitlines() if line.startswith('ben: anna  (probability 1.00')]
        assert not {*'\x1b\r\u2028\u202e\u200f'} & {*out, *err.replace('\r\x1b[K', '')}, command


def test_what_pillow_says_of_a_picture_is_said_once(weights, opened, walks, run, tmp_path):
    content = Path(walks('anna', 1), '0.png').read_bytes()
    chunk = b'acTL' + bytes(8)                              # an animation of no pictures
    (tmp_path / 'one.png').write_bytes(content[:33] + b'\0\0\0\x08' + chunk
                                       + zlib.crc32(chunk).to_bytes(4, 'big') + content[33:])
    status, _, err = run('pose', tmp_path / 'one.png', *weights[:2])
    assert status == 0 and err.count('Invalid APNG') == 1


@pytest.mark.parametrize('line_end', ['\n', '\r', '\r\n', '\v', '\f', '\x1c', '\x85', '\u2028', '\u2029'])
def test_nothing_that_ends_a_line_is_left_in_one(line_end):
    assert in_one_line(f'a {line_end} b') == 'a b'


def test_a_name_of_two_lines_is_refused_in_one(run):
    assert run('check', 'gone\nanna: good.mp4')[2].count('\n') == 1
