"""Which of TensorFlow's kernels a processor gets: chosen by commands, never by an import, never against the user."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gait_processor
from gait_processor import KERNELS, is_slow_with_one, kernels_to_choose, processor_flags
from gait_recognition import weights

ROOT = Path(__file__).resolve().parent.parent
AVX2 = {'fpu', 'sse2', 'avx', 'fma', 'avx2'}


@pytest.mark.parametrize('flags, value', [
    (AVX2, '1'), (AVX2 | {'avx512f', 'avx512bw'}, '1'),
    (AVX2 | {'avx512f', 'avx512_vnni'}, None), (AVX2 | {'avx512_bf16'}, None), (AVX2 | {'avx_vnni'}, None),
    (AVX2 | {'amx_tile'}, None), ({'fpu', 'sse2', 'avx'}, None), (set(), None)])
def test_onednn_is_chosen_where_it_is_faster_and_tensorflow_leaves_it_off(flags, value):
    assert kernels_to_choose(flags, {}) == value


@pytest.mark.parametrize('own', ['0', '1', ''])
def test_what_a_user_has_set_stays(own):
    assert kernels_to_choose(AVX2, {KERNELS: own}) is None


@pytest.mark.parametrize('flags, own, slow', [
    (AVX2, None, False), (AVX2, '1', True), (AVX2, 'TRUE', True), (AVX2, '0', False), (AVX2, '', False),
    (AVX2 | {'avx_vnni'}, None, True), (AVX2 | {'avx_vnni'}, '0', False),
    (AVX2 | {'avx512f', 'avx512_vnni'}, None, False), (AVX2 | {'avx512f'}, '1', False), (set(), '1', False)])
def test_a_picture_alone_is_slow_with_onednn_without_avx512(flags, own, slow):
    assert is_slow_with_one(flags, {} if own is None else {KERNELS: own}) is slow


@pytest.mark.parametrize('cpuinfo, flags', [
    ('processor\t: 0\nflags\t\t: fpu avx2\nprocessor\t: 1\nflags\t\t: other\n', {'fpu', 'avx2'}),
    ('processor\t: 0\nFeatures\t: fp asimd\n', set()), ('', set())], ids=['x86', 'arm', 'empty'])
def test_a_processors_flags_are_read(monkeypatch, cpuinfo, flags):
    import io
    monkeypatch.setattr('builtins.open', lambda path, *_: io.StringIO(cpuinfo))
    assert processor_flags() == flags


def test_where_no_system_tells_flags_there_are_none(monkeypatch):
    def missing(path):
        raise FileNotFoundError(path)
    monkeypatch.setattr('builtins.open', missing)
    assert processor_flags() == set()


def run(code, **environment):
    """What a process prints, as JSON, on a processor with AVX2 alone."""
    head = f'import gait_processor, json, os, sys\ngait_processor.processor_flags = lambda: {AVX2!r}\n'
    inherited = {name: value for name, value in os.environ.items() if name != KERNELS}
    done = subprocess.run([sys.executable, '-c', head + code], capture_output=True, text=True,
                          env={**inherited, 'PYTHONPATH': str(ROOT), **environment})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_processes_that_are_started_then_inherit_the_kernels_and_no_import_chooses_any():
    code = f'''
import joblib
import gait_recognition.cli, gait_recognition.vectors, gait_recognition.weights, gait_recognition.commands.evaluate
before = os.environ.get({KERNELS!r})
gait_recognition.weights.choose_kernels()
with joblib.parallel_config('loky'):
    inside = joblib.Parallel(n_jobs=2)(joblib.delayed(os.environ.get)({KERNELS!r}) for _ in range(2))
print(json.dumps([before, os.environ.get({KERNELS!r}), *inside]))'''
    assert run(code) == [None, '1', '1', '1']
    assert run(code, **{KERNELS: '0'}) == ['0', '0', '0', '0']


def test_nothing_is_chosen_once_tensorflow_is_loaded(monkeypatch):
    monkeypatch.delenv(KERNELS, raising=False)
    monkeypatch.setattr(gait_processor, 'processor_flags', lambda: AVX2)
    monkeypatch.setitem(sys.modules, 'tensorflow', object())
    weights.choose_kernels()
    assert KERNELS not in os.environ


def test_commands_choose_kernels_and_load_no_keras_which_comes_when_it_is_asked_for():
    code = f'''
import contextlib, gc
from gait_recognition import weights
weights.load_tensorflow()
from tensorflow.python.util import _pywrap_util_port
is_on = _pywrap_util_port.IsMklEnabled() or sys.platform != 'linux'
found = [os.environ.get({KERNELS!r}), is_on, gc.isenabled(), 'keras' in sys.modules]
with contextlib.redirect_stdout(sys.stderr):
    import tensorflow as tf
    found.append(tf.keras.layers.Dense.__name__)
print(json.dumps(found))'''
    assert run(code) == ['1', True, True, False, 'Dense']


def test_the_training_scripts_choose_kernels_as_commands_do(monkeypatch):
    from gait_recognition.training import arguments
    called = []
    monkeypatch.setattr(arguments, 'load_tensorflow', lambda: called.append('load'))
    assert arguments.run_command('train', lambda _: called.append('train') or 0, None) == 0
    assert called == ['load', 'train']
