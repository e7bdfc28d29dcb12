"""Train the gait network, on synthetic walkers or on a user's own walks.

    python train_gait.py --output runs/gait --pose models/pose.ckpt                     # walkers; needs no data
    python train_gait.py --output runs/mine --pose Human3.6m.ckpt --manifest walks.csv --validation held_out.csv

A thin command over `GaitNetwork.train`. The pose network describes every frame once and the spatial features are kept
on disk, so that an epoch costs the gait network alone. Validation is what the vectors are for: rank-1 of the linear SVM
on people that were not trained on.
"""
import argparse
import contextlib
import hashlib
import json
import math
import os
import pathlib
import sys
from typing import NamedTuple

import numpy as np

from gait_processor import PRECISIONS
from gait_recognition.console import count, number, program_name, seed, share
from gait_recognition.evaluation import results
from gait_recognition.evaluation.manifests import SAME_CLOTHES, Protocol
from gait_recognition.progress import Progress
from gait_recognition.rates import RATE as FRAME_RATE
from gait_recognition.rates import resample
from gait_recognition.tracking.crops import CROP_METHODS
from gait_recognition.training.arguments import HelpFormatter, check_outputs, refuse_ignored, run_command
from gait_recognition.training.runs import STATISTICS_BATCHES, Run, learning_rate, print_figures
from gait_recognition.training.walks import (
    TRAINING_PERSON,
    VALIDATION_PERSON,
    WALKS,
    Features,
    ManifestWalks,
    Renditions,
    SeveralWalks,
    WalkerWalks,
    recorded_walks,
    source_person,
    split_by_source,
)

# The author's step, one walk and RMSProp, took 72 minutes to the rank-1 (58 %) that this one reached in 23.
WALKS_PER_STEP, OPTIMIZER, RATE = 8, 'Adam', 1e-4
SHRINKAGE, FRAMES = 0.002, 10_000       # of the discriminant; frames on which it is laid out
STEPS = ('start frames erase rates lost epochs validate_every walks_per_step optimizer margin rate schedule save_every '
         'name summary_every')                  # options of a training step by step
ERASE, ERASED_CELLS = 0.5, (2, 6)       # share of the walks of which a rectangle is hidden; its sides in cells of 17


class Step(NamedTuple):
    """What a training step is fed: features float32 (W, T, 17, 17, 32) of parts of walks, their people's numbers (W,).

    Where a step is one walk's, as in the original: (T, 17, 17, 32), the number.
    """

    features: np.ndarray
    person: np.ndarray


def steps_per_epoch(walks, walks_per_step):
    """Whole steps in a pass over so many walks; the few left over are others in each epoch."""
    return max(1, walks // walks_per_step)


class Clock(NamedTuple):
    """What recorders do to time: frames a second, drawn between `rates`, and the share of frames lost at most."""
    rates: tuple = (FRAME_RATE, FRAME_RATE)
    lost: float = 0.0


STILL = Clock()             # changes nothing


def recorded_at(features, clock, rng):
    """Features (T, ...) of 25 frames a second as a recorder of another rate would give them, brought back to 25.

    What is lost is bridged as `rates.Resampler` does. A recorder of more frames a second than 25 changes nothing
    of a walk that has no more; what it loses, it loses more finely.
    """
    rate, lost = rng.uniform(*clock.rates), rng.uniform(0, clock.lost) if clock.lost else 0.0
    if rate == FRAME_RATE and not lost:
        return features
    moments = np.arange(0, len(features) - 1 + 1e-6, FRAME_RATE / rate)
    kept = rng.random(len(moments)) >= lost
    kept[[0, -1]] = True
    found = resample(_at(features, moments[kept]), moments[kept] / FRAME_RATE, FRAME_RATE)
    return np.concatenate([found, np.repeat(found[-1:], len(features) - len(found), axis=0)])


def _at(features, moments):
    """Features between frames, linearly: `moments` in frames."""
    first = np.minimum(moments.astype(int), max(len(features) - 2, 0))
    share = (moments - first).reshape(-1, *[1] * (features.ndim - 1)).astype(np.float32)
    return (1 - share) * features[first] + share * features[np.minimum(first + 1, len(features) - 1)]


def training_step(paths, people, step, frames, seed, walks_per_step=1, erase=0.0, clock=STILL):
    """The walks of a step and the parts of them, decided by seed and step alone: each epoch sees every walk once.

    The parts of a step are equally long: no longer than its shortest walk.

    Parameters
    ----------
    paths : list of str
        Features.
    people : list of int
        Their people's numbers.
    step : int
        From 0.
    frames : tuple of int
        Least and most frames of a part.
    seed : int
    walks_per_step : int
        No more than there are walks.
    erase : float
        Share of the walks of which a rectangle is hidden (random erasing, arXiv 1708.04896, here in all frames alike).
    clock : Clock
        What recorders do to time.

    Returns
    -------
    Step
    """
    epoch, i = divmod(step, steps_per_epoch(len(paths), walks_per_step))
    order = np.random.default_rng([seed, epoch]).permutation(len(paths))
    chosen = order[i * walks_per_step:(i + 1) * walks_per_step]
    walks = [np.load(paths[index], mmap_mode='r', allow_pickle=False) for index in chosen]
    rng = np.random.default_rng([seed, epoch, i])
    length = min(int(rng.integers(frames[0], frames[1] + 1)), *(len(walk) for walk in walks))
    starts = [int(rng.integers(len(walk) - length + 1)) for walk in walks]
    parts = np.stack([walk[start:start + length] for walk, start in zip(walks, starts)]).astype(np.float32)
    for part in parts:
        if rng.random() < erase:
            _hide_rectangle(part, rng)
    if clock != STILL:                                     # no random number is drawn where nothing is done
        parts = np.stack([recorded_at(part, clock, rng) for part in parts]).astype(np.float32)
    numbers = np.array([people[index] for index in chosen])
    return Step(parts, numbers) if walks_per_step > 1 else Step(parts[0], numbers[0])


def _hide_rectangle(features, rng):
    """Set a rectangle of cells to the mean over cells and frames: what is under it says nothing, and is no edge."""
    height, width = rng.integers(ERASED_CELLS[0], ERASED_CELLS[1] + 1, 2)
    top, left = rng.integers(features.shape[1] - height + 1), rng.integers(features.shape[2] - width + 1)
    features[:, top:top + height, left:left + width] = features.mean((0, 1, 2))


def vectors_of(net, paths, progress=None):
    """Identification vectors (n, 512) of walks whose features lie in `paths`."""
    vectors = []
    for path in paths:
        vectors.append(net.feed_forward(np.load(path, allow_pickle=False).astype(np.float32)))
        if progress:
            progress(len(vectors))
    return np.stack(vectors)


class Course(NamedTuple):
    """How a run of the gait network goes.

    Attributes
    ----------
    steps : int
        Of the whole run.
    frames : tuple of int
        Least and most frames of the part of a walk that a step sees.
    rate : float
        Learning rate at the start.
    schedule : {'author', 'cosine'}
        The network lets its rate fall by itself; that alone, or a cosine to 0 on top of it.
    erase, clock
        See `training_step`.
    seed : int
    save_every, summary_every : int
        Steps between resume files, between summaries (0: none).
    validate_every : int
        Passes over all walks between validations.
    """
    steps: int
    frames: tuple = (20, 40)
    rate: float = RATE
    schedule: str = 'cosine'
    erase: float = 0.0
    seed: int = 0
    save_every: int = 500
    summary_every: int = 0
    validate_every: int = 1
    clock: Clock = STILL


class Validation(NamedTuple):
    """Walks of people that are not trained on: their features' files, what they are, and how they are compared."""
    paths: list
    walks: list
    protocol: Protocol


def train_gait_network(net, paths, people, validation, run, course):
    """Train a gait network; goes on where the run's resume file left off.

    Parameters
    ----------
    net : GaitNetwork
        Built with `is_training=True`; its `walks_per_step` are taken together.
    paths, people
        Features of the walks to train on and their people's numbers, 0 to num_of_persons - 1.
    validation : Validation
    run : Run
    course : Course

    Returns
    -------
    bool
        The run is complete (not interrupted).
    """
    from gait_nn import GaitNetwork

    def take(step, part, now):
        if course.summary_every and step % course.summary_every == 0:
            net.write_summary(part.features, part.person, now, course.summary_every)
        return net.train(part.features, part.person, now)

    def prepare(step, erase=course.erase):
        return training_step(paths, people, step, course.frames, course.seed, net.walks_per_step, erase,
                             course.clock)

    epoch = steps_per_epoch(len(paths), net.walks_per_step)
    schedule = 'cosine' if course.schedule == 'cosine' else 'constant'
    with GaitNetwork(recurrent_unit=net.recurrent_unit, rnn_layers=net.rnn_layers) as inference:
        return run.train(
            net, course.steps, prepare,
            lambda step: learning_rate(schedule, course.rate, step, course.steps, epoch), take,
            lambda done, figures: _validate(net, inference, prepare, validation, run, done, epoch, figures),
            course.validate_every * epoch, course.save_every, depth=16)


def _validate(net, inference, prepare, validation, run, step, steps_per_epoch, figures):
    """Rank-1 in inference mode; write last-GRU-1.ckpt, and best-GRU-1.ckpt where it is the best so far.

    The names end in cell and layers, as those of the published files: the number of layers is not in the file.
    """
    names = {v.op.name for v in inference.model_variables}
    state = net.sess.run({v.op.name: v for v in net.model_variables if v.op.name in names})
    batches = -(-8 * STATISTICS_BATCHES // net.walks_per_step)
    parts = (prepare(step - 1 - i, erase=0.0).features for i in range(min(step, batches)))
    feeds = ({net.input_tensor: part.reshape(-1, *part.shape[-3:])} for part in parts)
    state.update(net.batch_averages(feeds))                                 # the moving averages lag behind
    inference.set_training_state(state)
    result = results.evaluate(vectors_of(inference, validation.paths), validation.walks, validation.protocol,
                              open_set=False)
    rank_1 = result.rank_1()
    epoch = -(-step // steps_per_epoch)
    for group, value in rank_1.items():
        if group.lower() in ('n', 'b', 's'):
            net.write_test_summary(100 * value, epoch, group.lower())
    net.write_test_summary(100 * rank_1['Average'], epoch)
    fall = net.RATE_DECAY ** ((step - 1) // (2 * net.count_of_training_examples))           # the network's own
    figures = {'epoch': epoch, 'step': step, **figures, 'rate': figures['rate'] * fall,
               **{f'rank_1_{k}': float(v) for k, v in rank_1.items()}, 'eer': float(result.eer.get('all', math.nan))}
    run.log(**figures)
    print_figures(figures)
    network = f'{inference.recurrent_unit}-{inference.rnn_layers}'
    inference.save(run.folder, f'last-{network}')
    if run.best is None or rank_1['Average'] >= run.best:
        run.best = float(rank_1['Average'])
        inference.save(run.folder, f'best-{network}')


# --- Command ---------------------------------------------------------------------------------------------------------

def parse_arguments(argv):
    """The command's arguments; ends the process with a message where they do not fit together."""
    parser = argparse.ArgumentParser(prog=program_name(), description='Train the gait network.',
                                     formatter_class=HelpFormatter)
    _add_data(parser)
    _add_network(parser)
    _add_steps(parser)
    arguments = parser.parse_args(argv)
    _check_arguments(parser, arguments)
    return arguments


def _add_data(parser):
    parser.add_argument('--output', metavar='FOLDER', required=True,
                        help='folder of the run; an interrupted run in it goes on')
    parser.add_argument('--pose', metavar='WEIGHTS', required=True, help='of the pose network, which describes frames')
    parser.add_argument('--manifest', nargs='+', metavar='CSV', help='person,condition,session,path (source) of the '
                        'walks to train on; without it and --motions, synthetic walkers')
    parser.add_argument('--validation', nargs='+', metavar='CSV', help='manifests of people who are not in --manifest')
    parser.add_argument('--motions', metavar='FILE', help='recorded joints: train on walkers that move so, too')
    parser.add_argument('--drawn-people', type=seed, default=0, metavar='N',
                        help='with --motions: so many more, drawn around those recorded')
    parser.add_argument('--kept-out', type=count, default=20, metavar='N', help='recorded people to validate on, the '
                        'last by name, with all walks whose source they are')
    parser.add_argument('--with-walkers', action='store_true', help='synthetic walkers beside --manifest, --motions')
    parser.add_argument('--crop', choices=CROP_METHODS, default='auto',
                        help="how people are cut out of a manifest's videos")
    parser.add_argument('--every', type=count, default=1, metavar='N',
                        help="use every N-th frame of a manifest's videos")
    parser.add_argument('--gallery', default=SAME_CLOTHES['gallery'], help='validation: walks that the SVM learns')
    parser.add_argument('--probes', default=SAME_CLOTHES['probes'], help='validation: walks that it names')
    parser.add_argument('--people', type=count, default=100, help='walkers to train on')
    parser.add_argument('--conditions', nargs='+', choices=WALKS, default=WALKS, metavar='WALK',
                        help='walks of each walker to train on; more walkers with fewer walks take as long to describe')
    parser.add_argument('--all-walks-of', type=seed, default=0, metavar='N',
                        help='the first N walkers train with all walks, whatever --conditions')
    parser.add_argument('--validation-people', type=count, default=30, help='walkers to validate on')
    parser.add_argument('--walk-frames', type=count, default=50, help="frames of a walker's walk")
    parser.add_argument('--renditions', type=seed, default=0, metavar='N', help='train on each walk so many times '
                        'more, as worse cameras would have recorded it: grey, small, compressed, dark, the crop not '
                        'steady')
    parser.add_argument('--features', metavar='FOLDER', help='where spatial features are kept (default: in --output)')


def _add_network(parser):
    parser.add_argument('--start', metavar='WEIGHTS', help='begin with these weights')
    parser.add_argument('--recurrent-unit', choices=['GRU', 'LSTM'], default='GRU', help="the network's cell")
    parser.add_argument('--rnn-layers', type=count, default=1, help='of such cells')
    parser.add_argument('--discriminant', type=count, metavar='N', help='no steps: weights in closed form, of the N '
                        "directions of walks' mean features that tell people apart")
    parser.add_argument('--shrinkage', type=share, default=SHRINKAGE, metavar='SHARE',
                        help='with --discriminant: of the variance within people towards a sphere')


def _add_steps(parser):
    parser.add_argument('--frames', type=count, nargs=2, default=[20, 40], metavar=('LEAST', 'MOST'),
                        help='of the part of a walk that a step sees')
    parser.add_argument('--erase', type=share, default=ERASE, metavar='SHARE',
                        help="of a step's walks of which a rectangle is hidden; the author's 0")
    parser.add_argument('--rates', type=float, nargs=2, default=[FRAME_RATE, FRAME_RATE], metavar=('LEAST', 'MOST'),
                        help='frames a second of the recorders that a step imitates')
    parser.add_argument('--lost', type=float, default=0.0, metavar='SHARE',
                        help='of frames that such a recorder loses at most')
    parser.add_argument('--epochs', type=count, default=20, help='passes over all walks')
    parser.add_argument('--validate-every', type=count, default=1, metavar='EPOCHS', help='between validations')
    parser.add_argument('--walks-per-step', type=count, default=WALKS_PER_STEP,
                        help="that a step sees together, of parts equally long; the author's 1")
    parser.add_argument('--optimizer', choices=['Adam', 'RMSProp'], default=OPTIMIZER, help="the author's RMSProp")
    parser.add_argument('--margin', type=share, default=0.0, metavar='COSINE', help='of the additive margin softmax '
                        "(its paper's is 0.35); 0, the author's: the plain softmax")
    parser.add_argument('--rate', type=number, default=RATE, help='learning rate at the start')
    parser.add_argument('--schedule', choices=['author', 'cosine'], default='cosine',
                        help='the fall of the rate: x 0.96 every 2000 steps, or a cosine to 0 as well')
    parser.add_argument('--precision', choices=PRECISIONS, default='float32',
                        help="of the pose network's arithmetic while it describes frames")
    parser.add_argument('--seed', type=seed, default=0, help='of initial weights, order, parts')
    parser.add_argument('--save-every', type=count, default=500, metavar='STEPS', help='between resume files')
    parser.add_argument('--name', help='write summaries for TensorBoard to logdir_gait/<NAME>')
    parser.add_argument('--summary-every', type=count, default=100, metavar='STEPS',
                        help='between summaries, with --name')


def _check_arguments(parser, arguments):
    if not 1 <= arguments.rates[0] <= arguments.rates[1] < math.inf:
        parser.error('--rates takes the least and the most frames a second, at least 1')
    if not 0 <= arguments.lost < 1:
        parser.error('--lost takes a share, from 0 to less than 1')
    if arguments.frames[0] > arguments.frames[1]:
        parser.error('--frames takes the least and the most')
    if arguments.validation and not (arguments.manifest or arguments.motions):
        parser.error('--validation goes with --manifest or --motions')
    no_walkers = bool(arguments.manifest or arguments.motions) and not arguments.with_walkers
    if arguments.all_walks_of > arguments.people:
        parser.error('--all-walks-of is 0 to --people')
    refuse_ignored(parser, arguments, (
        ('people all_walks_of', no_walkers, 'goes without --manifest and --motions, or with --with-walkers'),
        ('conditions walk_frames', no_walkers and not arguments.motions, 'goes without --manifest, or with --motions'),
        ('validation_people', arguments.manifest or arguments.motions, 'goes without --manifest and --motions'),
        ('with_walkers', not (arguments.manifest or arguments.motions), 'goes with --manifest or --motions'),
        ('kept_out', not (arguments.manifest or arguments.motions), 'goes with --manifest or --motions'),
        ('drawn_people', not arguments.motions, 'goes with --motions'),
        ('crop every', not arguments.manifest, 'goes with --manifest'),
        ('shrinkage', not arguments.discriminant, 'goes with --discriminant'),
        (STEPS, arguments.discriminant, 'goes without --discriminant, which takes no steps'),
        ('recurrent_unit rnn_layers', arguments.discriminant, 'goes without --discriminant, which lays out one GRU'),
        ('summary_every', not arguments.name, 'goes with --name')))
    check_outputs(parser, arguments, {})


def main(argv=None):
    """Run the command; returns the exit status: 0, 1 when interrupted, 2 for bad input."""
    return run_command('train_gait', _train_command, parse_arguments(argv))


def _data_sets(arguments):
    """What to train on and what to validate on."""
    if not (arguments.manifest or arguments.motions):
        return _walkers(arguments), WalkerWalks(arguments.validation_people, VALIDATION_PERSON, arguments.walk_frames)
    manifests, validation = ([ManifestWalks(path, arguments.crop, arguments.every) for path in paths or ()]
                             for paths in (arguments.manifest, arguments.validation))
    data, held_out = [_walkers(arguments)] if arguments.with_walkers else [], validation
    if arguments.motions:
        recorded, others = recorded_walks(arguments.motions, arguments.kept_out, arguments.drawn_people,
                                          arguments.walk_frames, arguments.conditions)
        data.append(recorded)
        held_out = [*held_out, others]
        kept = {walk.source for walk in others.walks}
    else:
        kept = set() if validation else _last_sources(manifests, arguments)
    for manifest in manifests:
        to_train, held = split_by_source(manifest, kept)
        data.append(to_train)
        held_out = [*held_out, held]
    data, held_out = SeveralWalks(data), SeveralWalks(held_out)
    both = sorted({*map(source_person, data.walks)} & {*map(source_person, held_out.walks)} - {''})
    if both:
        raise ValueError(f'{", ".join(arguments.validation)}: recorded people whose gait is trained on cannot '
                         f'validate: {both[:5]} (column source)')
    return data, held_out


def _walkers(arguments):
    return WalkerWalks(arguments.people, TRAINING_PERSON, arguments.walk_frames, conditions=arguments.conditions,
                       all_walks_of=arguments.all_walks_of)


def _last_sources(manifests, arguments):
    """The recorded people that manifests alone keep out."""
    sources = sorted({source_person(walk) for manifest in manifests for walk in manifest.walks} - {''})
    if len(sources) <= arguments.kept_out:
        raise ValueError(f'{", ".join(arguments.manifest)}: --validation is needed: validation takes people who are '
                         f'not trained on, and the column source names {len(sources)} recorded people, of whom '
                         f'{arguments.kept_out} would be kept out')
    return {*sources[-arguments.kept_out:]}


def _people_of(data, held_out, arguments):
    """The names of those to train on; ValueError where there are too few, or some are in both."""
    names, held_out_names = (sorted({walk.person for walk in d.walks}) for d in (data, held_out))
    if min(len(names), len(held_out_names)) < 2:
        raise ValueError(f'at least 2 people are needed to train on and 2 others to validate on, got {len(names)} and '
                         f'{len(held_out_names)}')
    both = sorted({*names} & {*held_out_names})
    if both:
        where = ', '.join(arguments.validation or ['--validation-people'])
        raise ValueError(f'{where}: people who are trained on cannot validate: {both[:5]}')
    return names


def _train_command(arguments):
    from gait_nn import GaitNetwork

    data, held_out = _data_sets(arguments)
    data = Renditions(data, arguments.renditions)
    names = _people_of(data, held_out, arguments)
    protocol = Protocol('validation', arguments.gallery, arguments.probes)
    protocol.split(held_out.walks)                          # says now, not after an epoch, what does not fit
    people = [names.index(walk.person) for walk in data.walks]
    if arguments.discriminant:
        _check_discriminant(arguments, data)
    faces_right = bool(arguments.start) and GaitNetwork.faces_right(arguments.start)
    features = Features(arguments.features or pathlib.Path(arguments.output) / 'features', arguments.pose,
                        arguments.precision, faces_right)
    paths, held_out_paths = features.make(data), features.make(held_out)

    if arguments.discriminant:
        return _discriminate(arguments, data, paths, Validation(held_out_paths, held_out.walks, protocol))
    free = ['save_every', 'summary_every', 'validate_every', 'name', 'start', 'erase', 'rates', 'lost']
    settings = {name: getattr(arguments, name) for name in (
        'recurrent_unit', 'rnn_layers', 'frames', 'walks_per_step', 'optimizer', 'epochs', 'rate', 'schedule', 'seed',
        'gallery', 'probes', 'margin', *free)}
    if arguments.schedule != 'cosine':                      # whose rates depend on the end
        free += ['epochs', 'rate']
    settings.update(walks=_content(data, paths), validation_walks=_content(held_out, held_out_paths))
    run = Run(arguments.output, settings, free, usual={'margin': 0.0})         # runs of before had no margin
    walks_per_step = min(arguments.walks_per_step, len(paths))
    with GaitNetwork(arguments.name, len(names), arguments.recurrent_unit, arguments.rnn_layers, is_training=True,
                     seed=arguments.seed, update_discarded=False, walks_per_step=walks_per_step,
                     optimizer=arguments.optimizer, margin=arguments.margin) as net:
        if arguments.start and not run.resume_file.exists():
            print(net.restore(arguments.start), file=sys.stderr)
        net.facing_right = faces_right                      # also where the run goes on
        steps = arguments.epochs * steps_per_epoch(len(paths), walks_per_step)
        course = Course(steps, tuple(arguments.frames), arguments.rate, arguments.schedule, arguments.erase,
                        arguments.seed, arguments.save_every, arguments.summary_every if arguments.name else 0,
                        arguments.validate_every, Clock(tuple(arguments.rates), arguments.lost))
        complete = train_gait_network(net, paths, people, Validation(held_out_paths, held_out.walks, protocol), run,
                                      course)
    return 0 if complete else 1


def _check_discriminant(arguments, data):
    """Say now, not after hours of describing walks, what closed form does not do."""
    from gait_recognition.training.discriminant import check_people

    check_people([walk.person for walk in data.walks], arguments.discriminant)
    resume_file = Run(arguments.output, {}).resume_file
    if resume_file.exists():
        raise ValueError(f'{resume_file} is of a run that takes steps; give another --output')


def _discriminate(arguments, data, paths, validation):
    """Weights in closed form: writes best-GRU-1.ckpt and a row of log.csv; returns the exit status."""
    from gait_nn import GaitNetwork
    from gait_recognition.training.discriminant import fit_discriminant, lay_out

    run = Run(arguments.output, {})
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / 'log.csv').unlink(missing_ok=True)                # may have a stepwise run's columns
    means, frames = _means_and_frames(paths)
    found = fit_discriminant(means, [walk.person for walk in data.walks], arguments.discriminant, arguments.shrinkage,
                             data.sets)
    weights, error = lay_out(found, frames, arguments.seed)
    with GaitNetwork() as net:
        net.set_training_state(weights)
        result = results.evaluate(vectors_of(net, validation.paths), validation.walks, validation.protocol,
                                  open_set=False)
        figures = {'step': 0, 'layout_error': error, 'ratio': float(found.ratios[-1]),
                   **{f'rank_1_{k}': float(v) for k, v in result.rank_1().items()},
                   'eer': float(result.eer.get('all', math.nan))}
        run.log(**figures)
        print_figures(figures)
        net.save(run.folder, 'best-GRU-1')
    return 0


def _means_and_frames(paths):
    """Mean features of walks (n, 17, 17, 32), and of each walk some frames, `FRAMES` together."""
    means, frames = [], []
    with contextlib.closing(Progress(len(paths), 'reading walk')) as progress:
        for done, path in enumerate(paths, 1):
            walk = np.load(path, allow_pickle=False).astype(np.float32)
            means.append(walk.mean(axis=0))
            frames.append(walk[np.linspace(0, len(walk) - 1, min(len(walk), -(-FRAMES // len(paths)))).astype(int)])
            progress(done)
    return np.stack(means), np.concatenate(frames)


def _content(data, paths):
    """What settings say of walks: whose they are and what their features were made of, wherever the files lie."""
    walks = [(*walk[:3], os.path.basename(path)) for walk, path in zip(data.walks, paths)]
    return f'{len(walks)} walks, {hashlib.sha256(json.dumps(walks).encode()).hexdigest()[:16]}'
