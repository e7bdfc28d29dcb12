"""A training run: its steps, its learning rate, and the files from which it goes on after an interruption."""
import contextlib
import csv
import json
import math
import pathlib
import re
import signal
import sys
import threading
import time

import numpy as np

from gait_checkpoints import FACTS, CheckpointError
from gait_files import check_regular, open_npz, replacing
from gait_recognition.parameters import NUMBER, check, integer_from, optional
from gait_recognition.prefetch import ahead
from gait_recognition.progress import Progress

RATE_DECAY = 0.93                   # the author's, an epoch
STATISTICS_BATCHES = 24             # over which batch norm's averages are taken anew for a network for inference


def print_figures(figures):
    """Say a row of a log on standard output."""
    print('  '.join(f'{k} {v:.4g}' if isinstance(v, float) else f'{k} {v}' for k, v in figures.items()), flush=True)


def learning_rate(schedule, rate, step, steps, steps_per_epoch):
    """The rate of a step: 'author' (x 0.93 an epoch), 'cosine' (to 0 at the end) or 'constant'."""
    if schedule == 'author':
        return rate * RATE_DECAY ** (step // steps_per_epoch)
    if schedule == 'cosine':
        return rate * 0.5 * (1.0 + math.cos(math.pi * step / steps))
    return rate


def _check_facts(path, facts):
    """Refuse a resume file that says of its run what no run says."""
    if not isinstance(facts, dict) or not isinstance(facts.get('settings', {}), dict):
        raise CheckpointError(f'{path} does not say of which run it is: it is damaged')
    try:
        check({'step': integer_from(0), 'best': optional(NUMBER)},
              {'step': facts.get('step'), 'best': facts.get('best', '')})
    except ValueError as error:
        raise CheckpointError(f'{path}: {error}') from error
    losses = facts.get('losses', [])
    if not isinstance(losses, list) or not all(map(NUMBER.holds, losses)):
        raise CheckpointError(f'{path}: losses: expected a list of numbers, got {losses!r:.100}')


def _step_of(path, row, header):
    text = row[header.index('step')]
    if not re.fullmatch('[0-9]{1,18}', text):
        raise ValueError(f'{path}: expected a step, got {text!r:.100}: move the file, or use another --output')
    return int(text)


class Run:
    """One training run: its steps, and its files in one folder.

    `resume.npz` (weights, optimiser slots, step, settings), `last.ckpt` and `best.ckpt` (for inference; a gait
    network's are `last-GRU-1.ckpt` and so on), `log.csv`, and of a pose network `validation.csv`, the figures by joint.

    Parameters
    ----------
    folder : str or os.PathLike
    settings : dict
        What decides the run: a run resumed with other settings would be another run.
    free : collection of str
        Settings that may change on resuming.
    measuring : collection of str
        Those of them that decide what validation measures: where one changed, the best so far is forgotten.
    usual : dict, optional
        What settings are that `settings`, or the resume file, does not name.

    Attributes
    ----------
    best : float or None
        Validation figure of `best.ckpt`.
    losses : list of float
        Since the last validation.
    stopped : bool
        An interrupt came: the run saves and leaves.
    """

    LOGS = ('log.csv', 'validation.csv')                        # a row each has a column `step`

    def __init__(self, folder, settings, free=(), measuring=(), usual=None):
        self.folder = pathlib.Path(folder)
        self.settings, self.free, self.measuring = json.loads(json.dumps(settings)), set(free), measuring
        self.usual = json.loads(json.dumps(usual or {}))
        self.best, self.losses, self.stopped = None, [], False

    @property
    def resume_file(self):
        return self.folder / 'resume.npz'

    def start(self, net):
        """Begin, or go on from the resume file; returns the number of steps that are done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        done = 0
        if self.resume_file.exists():
            tensors, facts = read_state(self.resume_file)
            _check_facts(self.resume_file, facts)
            then, now = ({**self.usual, **settings} for settings in (facts.get('settings', {}), self.settings))
            differing = [name for name in now if name not in self.free and then.get(name) != now[name]]
            if differing:
                raise ValueError(f'{self.resume_file} is of a run with other settings: ' + ', '.join(
                    f'{n} {then.get(n)} (now {now[n]})' for n in differing) + '; use those, or another --output')
            net.set_training_state(tensors)
            done, self.best, self.losses = facts['step'], facts['best'], facts.get('losses', [])
            if any(name in then and then[name] != now[name] for name in self.measuring):
                self.best = None
            print(f'{self.resume_file}: going on after step {done}', file=sys.stderr)
        for name in self.LOGS:
            self._forget_rows_after(done, self.folder / name)
        return done

    def forget_logs(self):
        """Make the folder, and drop what a run that ended before its first resume file wrote."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in self.LOGS:
            self._forget_rows_after(-1, self.folder / name)

    @staticmethod
    def _forget_rows_after(step, path):
        """Drop from a log what a killed run wrote after its last resume file: it is about to be written again."""
        if not path.exists():
            return
        check_regular(path)
        try:
            with open(path, newline='', encoding='utf-8') as file:
                rows = list(csv.reader(file))
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f'{path} cannot be read as the log of a training run ({error}): move it elsewhere, or use '
                             'another --output') from error
        header = rows[0] if rows else []
        if rows and 'step' not in header:
            raise ValueError(f'{path} is no log of a training run (it has no column `step`): move it elsewhere, or use '
                             'another --output')
        kept = [row for row in rows[1:] if len(row) == len(header) and _step_of(path, row, header) <= step]
        with replacing(path, 'w', newline='', encoding='utf-8') as file:
            csv.writer(file).writerows([header, *kept] if kept else [])

    def save(self, net, done):
        """Write the resume file, whole or not at all: after an error an earlier one is as it was."""
        facts = {'step': done, 'best': self.best, 'losses': self.losses, 'settings': self.settings}
        try:
            write_state(self.resume_file, net.training_state(), facts)
        except OSError as error:
            raise OSError(f'{self.resume_file} could not be written: {error}') from error

    def log(self, name='log.csv', **figures):
        """Append a row to a log."""
        with open(self.folder / name, 'a', newline='', encoding='utf-8') as file:
            writer = csv.writer(file)
            if not file.tell():
                writer.writerow(figures)
            writer.writerow([f'{v:.6g}' if isinstance(v, float) else v for v in figures.values()])

    @contextlib.contextmanager
    def interruptible(self):
        """Take the first SIGINT or SIGTERM for a wish to stop after the step; the next one interrupts at once."""
        previous = {}

        def restore():
            for number, handler in previous.items():
                signal.signal(number, handler)

        def stop(*_):
            self.stopped = True
            restore()

        if threading.current_thread() is threading.main_thread():       # Python's own rule for handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                previous[number] = signal.signal(number, stop) or signal.SIG_DFL
        try:
            yield
        finally:
            restore()

    def train(self, net, steps, prepare, rate, take, validate, validate_every, save_every, depth=3):
        """Take a network's training steps, from where the resume file left off.

        Parameters
        ----------
        net : HumanPoseIRNetwork or GaitNetwork
        steps : int
            Of the whole run.
        prepare : callable
            Takes the number of a step, from 0, and gives what it is fed; runs in a thread, `depth` steps in advance.
        rate : callable
            Takes the number of a step, gives its learning rate.
        take : callable
            Takes the number of a step, what it is fed and its rate; trains, gives the loss.
        validate : callable
            Takes the number of steps done and a dict of figures for the log; called every `validate_every` steps and
            at the end.
        save_every : int
            Steps between resume files; one follows every validation, too.

        Returns
        -------
        bool
            The run is complete (not interrupted).

        Raises
        ------
        FloatingPointError
            The loss became infinite or NaN; the resume file is of an earlier step.
        """
        start = first = self.start(net)
        progress = Progress(steps, 'step', done=start)
        with self.interruptible(), contextlib.closing(ahead(map(prepare, range(start, steps)), depth)) as prepared:
            began = time.monotonic()
            for step, fed in enumerate(self._kept_if_it_breaks(prepared, net, start), start):
                now, done = rate(step), step + 1
                loss = take(step, fed, now)
                if not math.isfinite(loss):
                    raise FloatingPointError(f'the loss became {loss} at step {step}; begin another run, in another '
                                             '--output, with a lower --rate (--start takes the last weights of this)')
                self.losses.append(loss)
                progress(done, f'loss {loss:.4g}')
                validates = done % validate_every == 0 or done == steps
                if validates:
                    progress.close()
                    validate(done, {'rate': float(now), 'loss': float(np.mean(self.losses)),
                                    'seconds_a_step': (time.monotonic() - began) / (done - first)})
                    self.losses, first = [], done
                if validates or done % save_every == 0 or self.stopped:
                    self.save(net, done)
                if validates:
                    began = time.monotonic()
                if self.stopped and done < steps:
                    progress.close()
                    print(f'stopped after step {done}; the same command goes on from there', file=sys.stderr)
                    return False
        if start >= steps:
            print(f'{self.folder}: all {steps} steps are done', file=sys.stderr)
        return True

    def _kept_if_it_breaks(self, prepared, net, start):
        """Yields what is prepared; where that fails, as on a broken picture, the steps done are saved first."""
        done = start
        try:
            for fed in prepared:
                yield fed
                done += 1
        except Exception:
            if done > start:
                self.save(net, done)
            raise


def write_state(path, tensors, facts):
    """Write tensors and facts of a training run into one `.npz` file, whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
    tensors : dict of str to np.ndarray
    facts : dict
        What JSON can hold.
    """
    with replacing(path) as file:
        np.savez(file, **{FACTS: np.frombuffer(json.dumps(facts).encode(), np.uint8), **tensors})


def read_state(path):
    """Read what `write_state` wrote; nothing is unpickled.

    Returns
    -------
    tensors : dict of str to np.ndarray
    facts : dict

    Raises
    ------
    CheckpointError
        The file is corrupt or something else.
    """
    try:
        with open_npz(path) as file:
            facts = json.loads(file[FACTS].tobytes())
            return {name: file[name] for name in file.files if name != FACTS}, facts
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise CheckpointError(f'{path} cannot be read as the resume file of a training run ({error}); remove it to '
                              'begin that run anew') from error
