"""Train and evaluate the pose network, on synthetic walkers or on a user's own annotated pictures.

    python train_pose.py --output runs/pose                             # walkers; needs no data
    python train_pose.py --output runs/mine --data mine.csv --validation held_out.csv --start MPII+LSP.ckpt
    python train_pose.py --evaluate MPII+LSP.ckpt --data held_out.csv
    python train_pose.py --convert mpii mpii_human_pose_v1_u12_1.mat --images images/ --to mpii.csv
    python train_pose.py --output runs/mpii --data mpii.csv lsp.csv --validation 0.1

A thin command over `HumanPoseIRNetwork.train`: the step is the network's, this module brings the loop around it.
"""
import argparse
import contextlib
import math
import os
import sys
from typing import NamedTuple

import numpy as np

from gait_processor import PRECISIONS
from gait_recognition.console import count, number, program_name, seed, share
from gait_recognition.kinds import ANNOTATIONS, PICTURE
from gait_recognition.progress import Progress
from gait_recognition.training.annotations import convert_lsp, convert_mpii, write_annotations
from gait_recognition.training.arguments import HelpFormatter, check_outputs, refuse_ignored, run_command
from gait_recognition.training.cleaning import clean
from gait_recognition.training.runs import RATE_DECAY, STATISTICS_BATCHES, Run, learning_rate, print_figures
from gait_recognition.training.samples import HEATMAP_SCALE, SIZE, AnnotatedPictures, Augmentation, training_batch
from gait_recognition.training.scores import draw_score, evaluate_poses
from gait_recognition.training.sets import WALKERS, content_of, data_sets, read_all, test_set
from gait_recognition.weights import open_pose_network
from pose_joints import JOINT_NAMES

RATE = 1e-3                         # the author's


class Course(NamedTuple):
    """How a run of the pose network goes.

    Attributes
    ----------
    steps : int
        Of the whole run.
    batch_size : int
    rate : float
        Learning rate at the start.
    schedule : {'author', 'cosine', 'constant'}
    save_every, summary_every : int
        Steps between resume files, between summaries for TensorBoard (0: none).
    has_start : bool
        The network begins with trained weights: they are measured first, and stay best.ckpt until better ones come.
    """
    steps: int
    batch_size: int = 8
    rate: float = RATE
    schedule: str = 'cosine'
    save_every: int = 200
    summary_every: int = 0
    has_start: bool = False


def train_pose_network(net, data, validation, run, course):
    """Train a pose network; goes on where the run's resume file left off.

    Parameters
    ----------
    net : HumanPoseIRNetwork
        Built with `is_training=True`.
    data : AnnotatedPictures, WalkerPictures or MixedPictures
    validation : dict of str to AnnotatedPictures or WalkerPictures
        Sets by name; where there are several, best.ckpt is the epoch with the least mean of their errors.
    run : Run
    course : Course

    Returns
    -------
    bool
        The run is complete (not interrupted).
    """
    from human_pose_nn import HumanPoseIRNetwork

    steps_per_epoch = max(1, len(data) // course.batch_size)

    def prepare(step):
        batch = training_batch(data, step, course.batch_size, net.heatmap_size)
        shape = len(batch.images), net.heatmap_size, net.heatmap_size, len(JOINT_NAMES)
        return batch, net.generate_output(shape, batch.present, batch.points, net.POINT_DIAMETER)

    def take(step, fed, now):
        batch, targets = fed
        if course.summary_every and step % course.summary_every == 0:
            net.write_summary(batch.images, batch.points, targets, batch.present, now, batch.inside,
                              course.summary_every, course.summary_every)
        return net.train(batch.images, targets, batch.present, now, batch.inside)

    with HumanPoseIRNetwork(image_size=net.image_size, pairs=True) as inference:
        if course.has_start and not run.resume_file.exists():
            run.forget_logs()
            inference.set_training_state(net.sess.run({v.op.name: v for v in net.model_variables}))
            _validate(net, inference, validation, run, 0, 0, {'rate': 0.0, 'loss': math.nan, 'seconds_a_step': 0.0})
        return run.train(
            net, course.steps, prepare,
            lambda step: learning_rate(course.schedule, course.rate, step, course.steps, steps_per_epoch), take,
            lambda done, figures: _end_epoch(net, inference, data, validation, run, done, course.batch_size, figures),
            steps_per_epoch, course.save_every)


def _end_epoch(net, inference, data, validation, run, step, batch_size, figures):
    """Validate in inference mode; write last.ckpt, and best.ckpt where it is the best so far."""
    batches = (training_batch(data, max(0, step - 1 - i), batch_size, net.heatmap_size).images
               for i in range(min(step, STATISTICS_BATCHES)))
    inference.set_training_state(net.inference_state(batches))
    _validate(net, inference, validation, run, -(-step // max(1, len(data) // batch_size)), step, figures)


def _validate(net, inference, validation, run, epoch, step, figures):
    scores = {name: evaluate_poses(inference, each) for name, each in validation.items()}
    error = _over_sets(score.mean_error for score in scores.values())
    net.write_test_summary(epoch, error * HEATMAP_SCALE)
    figures = {'epoch': epoch, 'step': step, **figures, 'error': error,
               'hidden_error': _over_sets(score.mean_hidden_error for score in scores.values()),
               'worst_joint': float(max(np.nanmax(score.error) for score in scores.values())),
               'pck': _over_sets(score.mean_pck for score in scores.values())}
    if len(scores) > 1:
        for name, score in scores.items():
            figures |= {f'error {name}': score.mean_error, f'limb_pck {name}': score.limb_pck}
    run.log(**figures)
    print_figures(figures)
    for name, score in scores.items():
        of_set = {'set': name} if len(scores) > 1 else {}
        for joint, joint_error, pck, _, hidden_error in score.rows():
            run.log('validation.csv', epoch=epoch, step=step, **of_set, joint=joint, error=float(joint_error),
                    heat_map_error=float(joint_error * HEATMAP_SCALE), pck=float(pck), hidden_error=float(hidden_error))
    inference.save(run.folder, 'last')
    if run.best is None or error < run.best:
        run.best = error
        inference.save(run.folder, 'best')


def _over_sets(figures):
    """Mean over those sets that have the figure: where nothing is hidden, or no torso annotated, there is none."""
    figures = [figure for figure in figures if math.isfinite(figure)]
    return float(np.mean(figures)) if figures else math.nan


def parse_arguments(argv):
    """The command's arguments; ends the process with a message where they do not fit together."""
    parser = argparse.ArgumentParser(prog=program_name(), description='Train or evaluate the pose network.',
                                     formatter_class=HelpFormatter)
    _add_task_and_data(parser)
    _add_pictures(parser)
    _add_steps(parser)
    _add_files(parser)
    arguments = parser.parse_args(argv)
    arguments.data = arguments.data or [[WALKERS]]
    _check_arguments(parser, arguments)
    return arguments


def _add_task_and_data(parser):
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument('--output', metavar='FOLDER', help='train; folder of the run, an interrupted run in it goes on')
    task.add_argument('--evaluate', metavar='WEIGHTS', help='only measure these weights on --data')
    task.add_argument('--clean', metavar='WEIGHTS', help='only leave out of --data what these weights are sure to see '
                      'elsewhere, put exchanged sides right, and write the rest to --to')
    task.add_argument('--convert', nargs=2, metavar=('{mpii,lsp}', 'MAT'), help="only convert a data set's joints")
    parser.add_argument('--data', metavar='FILE', nargs='+', action='append',
                        help='annotations (.csv, .json), or "walkers" for synthetic ones (default); said several '
                             'times: sets that each have their share of a batch')
    parser.add_argument('--shares', metavar='NUMBER', nargs='+', type=float,
                        help='of the sets in a batch, one for each --data (default: as many as they have pictures)')
    parser.add_argument('--validation', metavar='FILE', nargs='+', help='annotations to validate on, or "walkers", or '
                        "a share of --data's pictures, such as 0.1, that is not trained on (default: walkers, where "
                        '--data is)')
    parser.add_argument('--start', metavar='WEIGHTS', help='begin with these weights')
    parser.add_argument('--imagenet', action='store_true', help='--start is an ImageNet checkpoint of the backbone')
    parser.add_argument('--epochs', type=count, default=10, help='passes over the data')
    parser.add_argument('--epoch-size', type=count, default=4000,
                        help='pictures an epoch, of walkers or of several sets')
    parser.add_argument('--validation-size', type=count, default=200,
                        help='pictures to validate on, or to evaluate on, of walkers')
    parser.add_argument('--direction', choices=['left', 'right'], help='people who all face one way, as walkers '
                        "are drawn and as others' knees and elbows bend, for a while: which limb is left then depends "
                        'on near and far alone (default: both ways)')
    parser.add_argument('--cover', type=share, metavar='SHARE', help="of the light that walkers' far limbs do not get; "
                        'much, for a while, shows which they are (default: 0.1 to 0.4, drawn)')


def _add_pictures(parser):
    as_author = Augmentation()
    parser.add_argument('--size', type=count, default=SIZE, metavar='PIXELS', help='edge of the crops, 299 less a '
                        'multiple of 16: smaller ones are quicker, but a network learns the scale that it sees')
    parser.add_argument('--extent', type=share, metavar='SHARE', help="of a crop that the joints' extent fills where "
                        'pictures are measured on, or the annotated scale where head or ankles are not labelled '
                        '(default: the annotated scale fills the crop)')
    parser.add_argument('--rotation', type=float, default=as_author.rotation, metavar='DEGREES',
                        help='augmentation: turns, either way')
    parser.add_argument('--zoom', type=float, nargs=2, default=as_author.zoom, metavar=('LEAST', 'MOST'),
                        help="augmentation: factors of the crop's side; above 1 the figure is smaller")
    parser.add_argument('--degrade', type=share, default=as_author.degrade, metavar='SHARE', help='of the pictures '
                        'that become as pedestrian video is: grey, small, compressed, blurred, dark, covered')


def _add_steps(parser):
    parser.add_argument('--batch-size', type=count, default=8, help='pictures a step')
    parser.add_argument('--rate', type=number, default=RATE, help='learning rate at the start')
    parser.add_argument('--schedule', choices=['author', 'cosine', 'constant'], default='author',
                        help=f'the fall of the rate: x {RATE_DECAY} an epoch, a cosine to 0, or none')
    parser.add_argument('--loss', choices=['SCE', 'MSE'], default='SCE',
                        help='sigmoid cross-entropy with discs around the joints, or squared difference')
    parser.add_argument('--precision', choices=PRECISIONS, default='float32',
                        help="of the backbone's arithmetic; bfloat16 is faster where the processor has it")
    parser.add_argument('--optimizer', choices=['RMSProp', 'Adam'], default='RMSProp', help="the author's RMSProp")
    parser.add_argument('--average', type=share, default=0.0, metavar='DECAY',
                        help='of a moving average of the weights over steps, which is what is measured and saved')
    parser.add_argument('--seed', type=seed, default=0, help='of initial weights, order, augmentation')


def _add_files(parser):
    parser.add_argument('--save-every', type=count, default=200, metavar='STEPS', help='between resume files')
    parser.add_argument('--log-name', help='write summaries for TensorBoard to logdir/<LOG_NAME>')
    parser.add_argument('--summary-every', type=count, default=100, metavar='STEPS',
                        help='between summaries, with --log-name')
    parser.add_argument('--chart', metavar='PICTURE', help='with --evaluate: draw the distances by joint')
    parser.add_argument('--images', metavar='FOLDER', help='with --convert: the pictures')
    parser.add_argument('--to', metavar='CSV', help='with --convert or --clean: the annotations to write')


def _check_arguments(parser, arguments):
    only_walkers = arguments.data == [[WALKERS]]
    measured_on = [file for group in arguments.data for file in group] if not arguments.output else \
        arguments.validation or [WALKERS]
    refuse_ignored(parser, arguments, (
        ('shares validation start imagenet epochs epoch_size rotation zoom degrade batch_size rate schedule loss '
         'optimizer average seed save_every log_name summary_every', not arguments.output, 'goes with --output'),
        ('validation_size direction cover precision size extent', arguments.convert, 'goes without --convert'),
        ('chart', not arguments.evaluate, 'goes with --evaluate'),
        ('images', not arguments.convert, 'goes with --convert'),
        ('to', not (arguments.convert or arguments.clean), 'goes with --convert or --clean'),
        ('validation_size direction cover extent', arguments.clean, 'goes without --clean'),
        ('epoch_size', len(arguments.data) == 1 and not only_walkers, 'is about walkers or several sets'),
        ('cover', [WALKERS] not in arguments.data, 'is about walkers, not about --data'),
        ('shares', len(arguments.data) == 1, 'goes with several --data'),
        ('rotation zoom', only_walkers, 'is about --data, not about walkers'),
        ('validation_size', WALKERS not in measured_on, 'goes with walkers to measure on'),
        ('extent', set(measured_on) == {WALKERS}, 'is about annotated pictures to measure on'),
        ('imagenet', not arguments.start, 'says what kind of file --start is'),
        ('summary_every', not arguments.log_name, 'goes with --log-name')))
    if arguments.convert and arguments.data != [[WALKERS]]:
        parser.error('--data goes without --convert')
    if arguments.convert and (arguments.convert[0] not in ('mpii', 'lsp') or not (arguments.images and arguments.to)):
        parser.error('--convert takes mpii or lsp and a .mat file, with --images FOLDER and --to CSV')
    if arguments.clean and (only_walkers or not arguments.to):
        parser.error('--clean takes --data FILE and --to CSV')
    if any(WALKERS in group and group != [WALKERS] for group in arguments.data):
        parser.error('--data walkers is a set of its own')
    if arguments.shares and (len(arguments.shares) != len(arguments.data) or min(arguments.shares) <= 0):
        parser.error(f'--shares takes {len(arguments.data)} positive numbers, one for each --data')
    check_outputs(parser, arguments, {'chart': PICTURE, 'to': ANNOTATIONS}, inputs=[
        *(file for group in arguments.data for file in group), *((arguments.convert or [])[1:])])
    if not 0 < arguments.zoom[0] <= arguments.zoom[1]:
        parser.error('--zoom takes the least and the most, above 0')
    if not only_walkers and arguments.output and not arguments.validation:
        parser.error('--data needs --validation: pictures that are not trained on')


def main(argv=None):
    """Run the command; returns the exit status: 0, 1 when interrupted, 2 for bad input."""
    arguments = parse_arguments(argv)
    command = _convert_command if arguments.convert else _evaluate_command if arguments.evaluate else \
        _clean_command if arguments.clean else _train_command
    return run_command('train_pose', command, arguments)


def _convert_command(arguments):
    kind, mat = arguments.convert
    converted = (convert_mpii if kind == 'mpii' else convert_lsp)(mat, arguments.images)
    write_annotations(arguments.to, converted)
    print(f'{arguments.to}: {len(converted)} people')
    return 0


def _evaluate_command(arguments):
    data = test_set(arguments)
    with open_pose_network(arguments.evaluate, arguments.precision, image_size=arguments.size) as net:
        with contextlib.closing(Progress(len(data), 'picture')) as progress:
            score = evaluate_poses(net, data, progress)
    print(score)
    if arguments.chart:
        names = ', '.join(os.path.basename(file) for group in arguments.data for file in group)
        draw_score(score, arguments.chart, f'{os.path.basename(arguments.evaluate)} on {names}')
    return 0


def _clean_command(arguments):
    annotations = read_all([file for group in arguments.data for file in group])
    with open_pose_network(arguments.clean, arguments.precision, image_size=arguments.size) as net:
        with contextlib.closing(Progress(len(annotations), 'person')) as progress:
            cleaned = clean(net, annotations, progress)
    write_annotations(arguments.to, [a for a in cleaned.annotations if a.present.any()])
    print(f'{arguments.to}: {cleaned}')
    return 0


# Settings that runs of before did not have: said only where they are not these.
LATER_SETTINGS = {'shares': None, 'size': SIZE, 'extent': None, 'rotation': 30.0, 'zoom': [0.9, 1.25], 'degrade': 0.0,
                  'optimizer': 'RMSProp', 'average': 0.0}


def _settings(arguments):
    """What decides a run, and which of it may change when the run goes on."""
    of_walkers = ['cover', 'validation_size']
    free = ['save_every', 'summary_every', 'log_name', 'start', 'precision', 'direction', *of_walkers]
    settings = {name: getattr(arguments, name) for name in (
        'epochs', 'epoch_size', 'batch_size', 'rate', 'schedule', 'loss', 'seed', *free)}
    contents = [content_of(group) for group in arguments.data]
    settings['data'] = WALKERS if contents == [[WALKERS]] else contents[0] if len(contents) == 1 else contents
    held_out = arguments.validation
    settings['validation'] = None if held_out is None else held_out[0] if not os.path.isfile(held_out[0]) \
        and len(held_out) == 1 else content_of(held_out)
    for name, usual in LATER_SETTINGS.items():
        value = getattr(arguments, name)
        value = list(value) if isinstance(value, tuple) else value
        if value != usual:
            settings[name] = value
    free += ['shares', 'size', 'extent', 'rotation', 'zoom', 'degrade']
    if arguments.schedule != 'cosine':                      # whose rates depend on the end
        free.append('epochs')
    if arguments.schedule == 'constant':                    # lowered by hand
        free.append('rate')
    measuring = ['size', 'extent', 'direction', *(of_walkers if WALKERS in (held_out or [WALKERS]) else ())]
    return settings, free, measuring, LATER_SETTINGS


def _train_command(arguments):
    from human_pose_nn import HumanPoseIRNetwork

    data, validation = data_sets(arguments)
    run = Run(arguments.output, *_settings(arguments))
    for each in validation.values():
        if isinstance(each, AnnotatedPictures):
            each.check_pictures()
    with HumanPoseIRNetwork(arguments.log_name, arguments.loss, is_training=True, seed=arguments.seed,
                            precision=arguments.precision, image_size=arguments.size, optimizer=arguments.optimizer,
                            average=arguments.average) as net:
        if arguments.start and not run.resume_file.exists():
            print(net.restore(arguments.start, arguments.imagenet), file=sys.stderr)
        steps = arguments.epochs * (len(data) // arguments.batch_size)
        course = Course(steps, arguments.batch_size, arguments.rate, arguments.schedule, arguments.save_every,
                        arguments.summary_every if arguments.log_name else 0,
                        bool(arguments.start) and not arguments.imagenet)
        complete = train_pose_network(net, data, validation, run, course)
    return 0 if complete else 1
