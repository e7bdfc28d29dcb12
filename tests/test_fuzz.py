"""A quick share of `python -m tests.fuzz`: every kind, some inputs; and that the machine itself tells faults."""
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import REFUSED, RIGHT, run

ROOT = Path(__file__).resolve().parent.parent
# What takes a process that may die, and what Hypothesis may search and shrink in this one.
IN_CHILDREN = ('v1', 'v2', 'npz', 'http')
SHARES = {'v1': 60, 'v2': 150, 'npz': 100, 'http': 60}      # inputs, a few seconds each


def test_every_kind_is_tried_here():
    assert {*IN_CHILDREN, 'annotations', 'manifests'} <= {*run.names_of_kinds()}


@pytest.mark.parametrize('name', IN_CHILDREN)
def test_damaged_inputs_give_the_right_answer_or_a_refusal_and_end_no_process(name):
    count = run.run_kind(name, 0, most=SHARES[name], say=lambda line: None)
    assert count.faults == {} and count.tried == SHARES[name] and count.right and count.refused


@pytest.mark.parametrize('name', ['annotations', 'manifests'])
def test_damaged_texts_give_the_right_answer_or_a_refusal(name, tmp_path):
    kind, outcomes = run.kind_called(name, tmp_path), set()

    @settings(max_examples=150, deadline=None, database=None, derandomize=True,
              suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example])
    @given(st.randoms(use_true_random=False), st.integers(0, 10 ** 6))
    def search(choices, seed):
        outcomes.add(kind.try_one(choices, seed))
        outcomes.add(kind.try_one(random.Random(seed), seed))
    search()
    assert outcomes == {RIGHT, REFUSED}


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
