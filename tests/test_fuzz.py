"""A quick share of `python -m tests.fuzz`: every kind, some inputs; and that the machine itself tells faults."""
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gait_recognition import parameters
from gait_recognition.evaluation.manifests import parse_conditions
from gait_recognition.gallery import Gallery
from tests.fuzz import REFUSED, RIGHT, run

ROOT = Path(__file__).resolve().parent.parent
# What takes a process that may die: inputs, a few seconds each. What Hypothesis may search and shrink in this one.
SHARES = {'v1': 40, 'v2': 100, 'npz': 60, 'http': 40, 'pictures': 400, 'videos': 300, 'galleries': 40, 'exports': 100,
          'mats': 10}
SEARCHED = ('annotations', 'answers', 'boxes', 'manifests')
SETTINGS = settings(max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=[
    HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example])


def test_every_kind_is_tried_here():
    assert sorted([*SHARES, *SEARCHED]) == run.names_of_kinds()


@pytest.mark.parametrize('name', SHARES)
def test_damaged_inputs_give_the_right_answer_or_a_refusal_and_end_no_process(name):
    count = run.run_kind(name, 0, most=SHARES[name], say=lambda line: None)
    assert count.faults == {} and count.tried == SHARES[name] and count.right and count.refused


@pytest.mark.parametrize('name', SEARCHED)
def test_damaged_texts_give_the_right_answer_or_a_refusal(name, tmp_path):
    kind, outcomes = run.kind_called(name, tmp_path), set()

    @SETTINGS
    @given(st.randoms(use_true_random=False), st.integers(0, 10 ** 6))
    def search(choices, seed):
        outcomes.add(kind.try_one(choices, seed))
        outcomes.add(kind.try_one(random.Random(seed), seed))
    search()
    assert outcomes == {RIGHT, REFUSED}


TEXTS = st.text(min_size=1, max_size=30).filter(str.strip)


@settings(SETTINGS, max_examples=40)
@given(st.dictionaries(TEXTS, st.lists(TEXTS, min_size=1, max_size=3, unique=True), min_size=1, max_size=4))
@pytest.mark.parametrize('suffix', ['.csv', '.npz'])
def test_names_and_walks_of_any_text_come_back_from_a_gallery_and_its_export(suffix, tmp_path_factory, people):
    path = tmp_path_factory.getbasetemp() / f'people{suffix}'
    gallery, again, number = Gallery('w'), Gallery('w'), 0
    for name, walks in people.items():
        for walk in walks:
            number += 1
            gallery.enrol(name, [1, number, number ** 2], walk, force=True)
    assert gallery.list() == people
    if '\0' in ''.join(f'{name}{"".join(walks)}' for name, walks in people.items()):
        with pytest.raises(ValueError, match='NUL'):
            gallery.export(path)
        return
    gallery.export(path)
    assert again.take_in(path, 'w') == number and again.list() == people


@SETTINGS
@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=5), st.lists(st.integers())))
def test_a_parameter_is_what_its_rule_says_or_refused_by_name(value):
    for rule in (parameters.POSITIVE_INTEGER, parameters.SHARE, parameters.IN_SECONDS, parameters.FRAME_RATE,
                 parameters.NUMBER, parameters.TEXT, parameters.FLAG):
        try:
            parameters.check({'it': rule}, {'it': value})
        except ValueError as error:
            assert str(error).startswith('it: expected')
            continue
        assert rule in (parameters.TEXT, parameters.FLAG) or math.isfinite(value) and not isinstance(value, bool)
        assert isinstance(value, str) == (rule is parameters.TEXT) and isinstance(value, bool) == (rule is
                                                                                                 parameters.FLAG)


@SETTINGS
@given(st.text(max_size=20))
def test_conditions_of_any_text_are_read_or_refused_as_values(text):
    try:
        for group, low, high in parse_conditions(text):
            assert isinstance(group, str) and (low is None) == (high is None)
    except ValueError as error:
        assert 'expected' in str(error)


class Faulty:
    """A kind of which each input does what its number says."""

    def __init__(self, folder):
        pass

    def try_one(self, random, number):
        import os
        import time
        if number == 1:
            raise AttributeError('this is none of ours')
        if number == 2:
            os.abort()
        if number == 4:                     # the first input of a child has time for the start
            time.sleep(60)
        return RIGHT if number % 2 else REFUSED


CHILD = '''
import sys
import types
sys.path.insert(0, 'tests')
from test_fuzz import Faulty
from tests.fuzz import __main__ as command
from tests.fuzz import run
run.kind_called = lambda name, folder: Faulty(folder)
sys.exit(command.main())
'''


def test_a_fault_a_death_and_a_silence_are_told_and_the_inputs_behind_them_are_tried(monkeypatch):
    popen = subprocess.Popen

    def with_faulty(command, **options):
        return popen([sys.executable, '-c', CHILD, *command[3:]], **options)
    monkeypatch.setattr(run.subprocess, 'Popen', with_faulty)
    monkeypatch.setattr(run, 'PATIENCE', 3.0)
    count = run.run_kind('faulty', 0, most=7, say=lambda line: None)
    assert count.tried == 7 and count.right == 2 and count.refused == 2
    for number, words in ((1, 'AttributeError: this is none'), (2, 'process ended with -6'), (4, 'no answer after 3')):
        assert words in count.faults.pop(number)
    assert not count.faults


def test_the_command_prints_a_row_for_each_kind_and_its_status_says_whether_there_was_a_fault():
    done = subprocess.run([sys.executable, '-m', 'tests.fuzz', '--count', '20', '--seed', '7', '--kinds', 'manifests'],
                          cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'manifests          20 tried' in done.stdout and '0 faults' in done.stdout.splitlines()[-1]
