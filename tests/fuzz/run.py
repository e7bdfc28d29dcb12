"""Runs kinds of inputs in child processes that may die, and counts what came of each input."""
import collections
import contextlib
import dataclasses
import importlib
import os
import pkgutil
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from tests.fuzz import REFUSED, RIGHT, kinds

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 300.0                    # seconds for one input, on a machine that does much else
START = 600.0                       # seconds for the child's start and its first input
READY = 'ready'                     # in place of an outcome
BATCH = 5000                        # inputs of one child


def names_of_kinds():
    return sorted(module.name for module in pkgutil.iter_modules(kinds.__path__))


def kind_called(name, folder):
    return importlib.import_module(f'tests.fuzz.kinds.{name}').Kind(Path(folder))


@dataclasses.dataclass
class Count:
    """What came of a kind's inputs."""
    right: int = 0
    refused: int = 0
    faults: dict = dataclasses.field(default_factory=dict)      # what, by seed

    @property
    def tried(self):
        return self.right + self.refused + len(self.faults)

    def add(self, seed, outcome, words=''):
        if outcome == RIGHT:
            self.right += 1
        elif outcome == REFUSED:
            self.refused += 1
        else:
            self.faults[seed] = words


def work(name, seed, count):
    """In the child: try inputs and print `seed outcome words` for each; with a count of 1 also the traceback."""
    with tempfile.TemporaryDirectory() as folder:
        kind = kind_called(name, folder)
        print('\n@', flush=True)                               # from here on inputs are at fault
        for number in range(seed, seed + count):
            words = ''
            try:
                outcome = kind.try_one(random.Random(f'{name} {number}'), number)
                assert outcome in (RIGHT, REFUSED), outcome
            except Exception as error:
                if count == 1:
                    traceback.print_exc()
                outcome, words = 'fault', f'{type(error).__name__}: {error}'.replace('\n', ' ')[:500]
            print(f'\n@ {number} {outcome} {words}', flush=True)


def run_kind(name, seed, seconds=None, most=None, say=print):
    """Try inputs of a kind from a seed on, for a time, from when the first child is ready, or for a number of them.

    Returns
    -------
    Count
    """
    count, until = Count(), None
    end = None if most is None else seed + most
    while (end is None or seed < end) and (until is None or time.monotonic() < until):
        batch = BATCH if end is None else min(BATCH, end - seed)
        with contextlib.closing(_child(name, seed, batch)) as tried:
            for number, outcome, words in tried:
                if outcome == READY:
                    until = until or seconds and time.monotonic() + seconds
                    continue
                count.add(number, outcome, words)
                if outcome == 'fault':
                    say(f'{name} {number}: {words}')
                seed = number + 1
                if until is not None and time.monotonic() >= until:
                    break
    return count


def _child(name, seed, count):
    """(seed, outcome, words) of each input that a child tries; its death and its silence are faults of the one next.

    First comes READY, once the child is.
    """
    environment = {**os.environ, 'TF_CPP_MIN_LOG_LEVEL': '3', 'PYTHONPATH': str(ROOT)}
    with tempfile.TemporaryFile('w+') as errors:
        child = subprocess.Popen([sys.executable, '-m', 'tests.fuzz', '--work', name, str(seed), str(count)], cwd=ROOT,
                                 env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        lines = queue.Queue()
        threading.Thread(target=_pump, args=(child.stdout, lines), daemon=True).start()
        patience, is_ready = START, False
        try:
            while seed < (seed_end := seed + count):
                try:
                    line = lines.get(timeout=patience)
                except queue.Empty:
                    yield seed, 'fault', f'no answer after {patience:.0f} s'
                    return
                if line is None:
                    if child.wait():
                        errors.seek(0)
                        words = f'the process ended with {child.returncode}: {errors.read()[-300:]}'
                        if not is_ready:
                            raise RuntimeError(f'{name} cannot be tried here; {words}')
                        yield seed, 'fault', words
                    return
                if line == '@\n' and not is_ready:
                    is_ready = True
                    yield seed, READY, ''
                if line.startswith('@ '):
                    _, number, outcome, *words = line.rstrip('\n').split(' ', 3)
                    yield int(number), outcome, ''.join(words)
                    seed, count, patience = int(number) + 1, seed_end - int(number) - 1, PATIENCE
        finally:
            child.kill()
            child.wait()
            child.stdout.close()


def _pump(stream, lines):
    try:
        for line in stream:
            lines.put(line)
    except ValueError:                                          # closed with the child
        pass
    lines.put(None)


def run_all(names, minutes, seed, most=None):
    """Give each kind its share of the minutes; print the counts. Returns the number of faults."""
    counts = {}
    for name in names:
        counts[name] = run_kind(name, seed, None if minutes is None else 60.0 * minutes / len(names), most)
        print(row(name, counts[name]), flush=True)
    total = Count(sum(c.right for c in counts.values()), sum(c.refused for c in counts.values()))
    total.faults = {(name, number): words for name, c in counts.items() for number, words in c.faults.items()}
    print(row('all', total))
    for words, times in collections.Counter(total.faults.values()).most_common():
        print(f'{times:7} x {words}')
    return len(total.faults)


def row(name, count):
    return (f'{name:12} {count.tried:8} tried {count.right:8} right {count.refused:8} refused '
            f'{len(count.faults):6} faults')
