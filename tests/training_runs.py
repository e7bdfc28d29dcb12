"""Training commands run as processes of their own, killed and compared: what the tests of both commands share."""
import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gait_recognition.training.runs import read_state

ROOT = Path(__file__).resolve().parent.parent


def run_command(program, arguments, cwd, until=None, number=signal.SIGKILL):
    """Run a Python program; once `until()` is true it gets a signal. Gives (status, stderr)."""
    process = subprocess.Popen([sys.executable, program, *arguments], cwd=cwd, stderr=subprocess.PIPE, text=True,
                               stdout=subprocess.DEVNULL, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    try:
        if until is not None:
            while process.poll() is None and not until():
                time.sleep(0.02)
            assert process.poll() is None, f'it ended before the signal: {process.communicate()[1]}'
            process.send_signal(number)
        errors = process.communicate(timeout=1200)[1]
    finally:
        process.kill()
        process.wait()
    return process.returncode, errors


def rows_of(path):
    """The rows of a CSV with a header, as dicts."""
    with open(path, newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def saved_step(folder):
    """The step of a run's resume file, 0 where there is none."""
    path = folder / 'resume.npz'
    return read_state(path)[1]['step'] if path.exists() else 0


def assert_same_course(folder, other, tolerance=1e-4):
    """Same steps and rates, losses within 1 %, weights and slots at the end within `tolerance` of the largest."""
    rows, expected = rows_of(folder / 'log.csv'), rows_of(other / 'log.csv')
    assert [(r['epoch'], r['step'], r['rate']) for r in rows] == [(r['epoch'], r['step'], r['rate']) for r in expected]
    assert [float(r['loss']) for r in rows] == pytest.approx([float(r['loss']) for r in expected], rel=0.01)
    ended, expected = (read_state(run / 'resume.npz')[0] for run in (folder, other))
    assert ended.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(ended[name], value, rtol=0, atol=tolerance * np.abs(value).max(), err_msg=name)
