"""Train and evaluate the pose network, on synthetic walkers or on a user's own annotated pictures.

    python train_pose.py --output runs/pose                             # walkers; needs no data
    python train_pose.py --output runs/mine --data mine.csv --validation held_out.csv --start MPII+LSP.ckpt
    python train_pose.py --evaluate MPII+LSP.ckpt --data held_out.csv
    python train_pose.py --convert mpii mpii_human_pose_v1_u12_1.mat --images images/ --to mpii.csv
    python train_pose.py --output runs/mpii --data mpii.csv lsp.csv --validation 0.1

A thin command over `HumanPoseIRNetwork.train`: the step is the network's, this module brings the loop around it.
"""
import argparse
import hashlib
import os
import pathlib
import sys

import numpy as np

from gait_recognition.progress import Progress
from gait_recognition.training.annotations import (
    convert_lsp,
    convert_mpii,
    read_annotations,
    split_by_picture,
    write_annotations,
)
from gait_recognition.training.arguments import HelpFormatter, check_numbers, refuse_ignored, run_command
from gait_recognition.training.runs import RATE_DECAY, STATISTICS_BATCHES, Run, learning_rate, print_figures
from gait_recognition.training.samples import (
    HEATMAP_SCALE,
    TEST_SEED,
    TRAINING_SEED,
    VALIDATION_SEED,
    AnnotatedPictures,
    WalkerPictures,
    training_batch,
)
from gait_recognition.training.scores import draw_score, evaluate_poses
from human_pose_nn import HumanPoseIRNetwork
from pose_joints import JOINT_NAMES

RATE = 1e-3                         # the author's


def train_pose_network(net, data, validation, run, steps, batch_size=8, rate=RATE, schedule='cosine', save_every=200,
                       summary_every=0):
    """Train a pose network; goes on where the run's resume file left off.

    Parameters
    ----------
    net : HumanPoseIRNetwork
        Built with `is_training=True`.
    data, validation : AnnotatedPictures or WalkerPictures
    run : Run
    steps : int
        Of the whole run.
    batch_size : int
    rate : float
    schedule : {'author', 'cosine', 'constant'}
    save_every : int
        Steps between resume files.
    summary_every : int
        Steps between summaries for TensorBoard; 0 for none.

    Returns
    -------
    bool
        The run is complete (not interrupted).
    """
    steps_per_epoch = max(1, len(data) // batch_size)

    def prepare(step):
        batch = training_batch(data, step, batch_size)
        shape = len(batch.images), net.heatmap_size, net.heatmap_size, len(JOINT_NAMES)
        return batch, net.generate_output(shape, batch.present, batch.points, net.POINT_DIAMETER)

    def take(step, fed, now):
        batch, targets = fed
        if summary_every and step % summary_every == 0:
            net.write_summary(batch.images, batch.points, targets, batch.present, now, batch.inside, summary_every,
                              summary_every)
        return net.train(batch.images, targets, batch.present, now, batch.inside)

    with HumanPoseIRNetwork() as inference:
        return run.train(
            net, steps, prepare, lambda step: learning_rate(schedule, rate, step, steps, steps_per_epoch), take,
            lambda done, figures: _end_epoch(net, inference, data, validation, run, done, batch_size, figures),
            steps_per_epoch, save_every)


def _end_epoch(net, inference, data, validation, run, step, batch_size, figures):
    """Validate in inference mode; write last.ckpt, and best.ckpt where it is the best so far."""
    state = net.sess.run({v.op.name: v for v in net.model_variables})
    feeds = ({net.input_tensor: training_batch(data, max(0, step - 1 - i), batch_size).images}
             for i in range(min(step, STATISTICS_BATCHES)))
    state.update(net.batch_averages(feeds))                                 # the moving averages lag behind
    inference.set_training_state(state)
    score = evaluate_poses(inference, validation)
    epoch = -(-step // max(1, len(data) // batch_size))
    net.write_test_summary(epoch, score.mean_error * HEATMAP_SCALE)
    figures = {'epoch': epoch, 'step': step, **figures, 'error': score.mean_error,
               'hidden_error': score.mean_hidden_error, 'worst_joint': float(np.nanmax(score.error)),
               'pck': score.mean_pck}
    run.log(**figures)
    print_figures(figures)
    for joint, error, pck, hidden_error in score.rows():
        run.log('validation.csv', epoch=epoch, step=step, joint=joint, error=float(error),
                heat_map_error=float(error * HEATMAP_SCALE), pck=float(pck), hidden_error=float(hidden_error))
    inference.save(run.folder, 'last')
    if run.best is None or score.mean_error < run.best:
        run.best = score.mean_error
        inference.save(run.folder, 'best')


def parse_arguments(argv):
    """The command's arguments; ends the process with a message where they do not fit together."""
    parser = argparse.ArgumentParser(description='Train or evaluate the pose network.', formatter_class=HelpFormatter)
    _add_task_and_data(parser)
    _add_steps(parser)
    _add_files(parser)
    arguments = parser.parse_args(argv)
    if arguments.data == ['walkers']:
        arguments.data = 'walkers'
    _check_arguments(parser, arguments)
    return arguments


def _add_task_and_data(parser):
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument('--output', metavar='FOLDER', help='train; folder of the run, an interrupted run in it goes on')
    task.add_argument('--evaluate', metavar='WEIGHTS', help='only measure these weights on --data')
    task.add_argument('--convert', nargs=2, metavar=('{mpii,lsp}', 'MAT'), help="only convert a data set's joints")
    parser.add_argument('--data', metavar='FILE', nargs='+', default='walkers',
                        help='annotations (.csv, .json), or "walkers" for synthetic ones')
    parser.add_argument('--validation', metavar='FILE', help='annotations to validate on, or "walkers", or a share of '
                        "--data's pictures, such as 0.1, that is not trained on (default: walkers, where --data is)")
    parser.add_argument('--start', metavar='WEIGHTS', help='begin with these weights')
    parser.add_argument('--imagenet', action='store_true', help='--start is an ImageNet checkpoint of the backbone')
    parser.add_argument('--epochs', type=int, default=10, help='passes over the data')
    parser.add_argument('--epoch-size', type=int, default=4000, help='pictures an epoch, of walkers')
    parser.add_argument('--validation-size', type=int, default=200,
                        help='pictures to validate on, or to evaluate on, of walkers')
    parser.add_argument('--direction', choices=['left', 'right'], help='walkers that all walk one way, for a while: '
                        'which limb is left then depends on near and far alone (default: both ways)')
    parser.add_argument('--cover', type=float, metavar='SHARE', help="of the light that walkers' far limbs do not get; "
                        'much, for a while, shows which they are (default: 0.1 to 0.4, drawn)')


def _add_steps(parser):
    parser.add_argument('--batch-size', type=int, default=8, help='pictures a step')
    parser.add_argument('--rate', type=float, default=RATE, help='learning rate at the start')
    parser.add_argument('--schedule', choices=['author', 'cosine', 'constant'], default='author',
                        help=f'the fall of the rate: x {RATE_DECAY} an epoch, a cosine to 0, or none')
    parser.add_argument('--loss', choices=['SCE', 'MSE'], default='SCE',
                        help='sigmoid cross-entropy with discs around the joints, or squared difference')
    parser.add_argument('--precision', choices=['float32', 'bfloat16'], default='float32',
                        help="of the backbone's arithmetic; bfloat16 is faster where the processor has it")
    parser.add_argument('--seed', type=int, default=0, help='of initial weights, order, augmentation')


def _add_files(parser):
    parser.add_argument('--save-every', type=int, default=200, metavar='STEPS', help='between resume files')
    parser.add_argument('--log-name', help='write summaries for TensorBoard to logdir/<LOG_NAME>')
    parser.add_argument('--summary-every', type=int, default=100, metavar='STEPS',
                        help='between summaries, with --log-name')
    parser.add_argument('--chart', metavar='PICTURE', help='with --evaluate: draw the distances by joint')
    parser.add_argument('--images', metavar='FOLDER', help='with --convert: the pictures')
    parser.add_argument('--to', metavar='CSV', help='with --convert: the annotations to write')


def _check_arguments(parser, arguments):
    measured = arguments.data if arguments.evaluate else arguments.validation or 'walkers'
    refuse_ignored(parser, arguments, (
        ('validation start imagenet epochs epoch_size batch_size rate schedule loss seed save_every log_name '
         'summary_every', not arguments.output, 'goes with --output'),
        ('data validation_size direction cover precision', arguments.convert, 'goes without --convert'),
        ('chart', not arguments.evaluate, 'goes with --evaluate'),
        ('images to', not arguments.convert, 'goes with --convert'),
        ('epoch_size direction cover', arguments.data != 'walkers', 'is about walkers, not about --data'),
        ('validation_size', measured != 'walkers', 'goes with walkers to measure on'),
        ('imagenet', not arguments.start, 'says what kind of file --start is'),
        ('summary_every', not arguments.log_name, 'goes with --log-name')))
    if arguments.convert and (arguments.convert[0] not in ('mpii', 'lsp') or not (arguments.images and arguments.to)):
        parser.error('--convert takes mpii or lsp and a .mat file, with --images FOLDER and --to CSV')
    check_numbers(parser, arguments, ('epochs', 'epoch_size', 'validation_size', 'batch_size', 'save_every',
                                      'summary_every'))
    for name in ('chart', 'to'):
        folder = os.path.dirname(getattr(arguments, name) or '')
        if folder and not os.path.isdir(folder):
            parser.error(f'--{name}: no such folder {folder}; create it first')
    if arguments.cover is not None and not 0 <= arguments.cover <= 1:
        parser.error('--cover is a share, 0 to 1')
    if arguments.data != 'walkers' and arguments.output and not arguments.validation:
        parser.error('--data needs --validation: pictures that are not trained on')


def main(argv=None):
    """Run the command; returns the exit status: 0, 1 when interrupted, 2 for bad input."""
    arguments = parse_arguments(argv)
    command = _convert_command if arguments.convert else _evaluate_command if arguments.evaluate else _train_command
    return run_command('train_pose', command, arguments)


def _convert_command(arguments):
    kind, mat = arguments.convert
    converted = (convert_mpii if kind == 'mpii' else convert_lsp)(mat, arguments.images)
    write_annotations(arguments.to, converted)
    print(f'{arguments.to}: {len(converted)} people')
    return 0


def _evaluate_command(arguments):
    data = WalkerPictures(arguments.validation_size, TEST_SEED, arguments.direction, arguments.cover) \
        if arguments.data == 'walkers' else AnnotatedPictures(_read_all(arguments.data))
    with HumanPoseIRNetwork(precision=arguments.precision) as net:
        net.restore(arguments.evaluate)
        progress = Progress(len(data), 'picture')
        score = evaluate_poses(net, data, progress)
        progress.close()
    print(score)
    if arguments.chart:
        name = arguments.data if arguments.data == 'walkers' else ', '.join(map(os.path.basename, arguments.data))
        draw_score(score, arguments.chart, f'{os.path.basename(arguments.evaluate)} on {name}')
    return 0


def _read_all(files):
    return [annotation for file in files for annotation in read_annotations(file)]


def _data_sets(arguments):
    """What to train on and what to validate on."""
    held_out, way = arguments.validation or 'walkers', (arguments.direction, arguments.cover)
    share = _share(held_out)
    if arguments.data == 'walkers':
        if share is not None:
            raise ValueError(f'--validation: {held_out} is a share of the pictures of --data; walkers to validate on '
                             f'are --validation-size {arguments.validation_size}')
        data = WalkerPictures(arguments.epoch_size, TRAINING_SEED + 50_000_000 * arguments.seed, *way)
    else:
        annotations = _read_all(arguments.data)
        if share is not None:
            annotations, held_out = split_by_picture(annotations, share)
        data = AnnotatedPictures(annotations, arguments.seed)
    if len(data) < arguments.batch_size:
        raise ValueError(f'{arguments.data}: {len(data)} people do not fill one batch of {arguments.batch_size}')
    if held_out == 'walkers':
        return data, WalkerPictures(arguments.validation_size, VALIDATION_SEED, *way)
    if isinstance(held_out, str):
        held_out = read_annotations(held_out)
        if arguments.data != 'walkers':
            both = sorted({os.path.realpath(a.image) for a in annotations} &
                          {os.path.realpath(a.image) for a in held_out})
            if both:
                raise ValueError(f'{arguments.validation}: pictures that are trained on cannot validate: {both[0]}'
                                 + (f' and {len(both) - 1} more' if both[1:] else ''))
    if not any(annotation.visible.any() for annotation in held_out):
        raise ValueError(f'{arguments.validation}: no joint is visible, so nothing can be measured on it')
    return data, AnnotatedPictures(held_out)


def _share(text):
    """The number that --validation is when it is no file."""
    try:
        share = float(text)
    except ValueError:
        return None
    if not 0 < share < 1:
        raise ValueError(f'--validation: a share lies between 0 and 1, got {text}')
    return share


def _content(files):
    """What settings say of files: name and digest. A moved folder is the same data, an edited file is not."""
    return [f'{os.path.basename(f)} {hashlib.sha256(pathlib.Path(f).read_bytes()).hexdigest()[:16]}' for f in files]


def _train_command(arguments):
    data, validation = _data_sets(arguments)
    of_walkers = ['direction', 'cover', 'validation_size']
    free = ['save_every', 'summary_every', 'log_name', 'start', 'precision', *of_walkers]
    settings = {name: getattr(arguments, name) for name in (
        'data', 'validation', 'epochs', 'epoch_size', 'batch_size', 'rate', 'schedule', 'loss', 'seed', *free)}
    if arguments.schedule != 'cosine':                      # whose rates depend on the end
        free.append('epochs')
    if arguments.schedule == 'constant':                    # lowered by hand
        free.append('rate')
    if arguments.data != 'walkers':
        settings['data'] = _content(arguments.data)
    if arguments.validation and os.path.isfile(arguments.validation):
        settings['validation'] = _content([arguments.validation])
    run = Run(arguments.output, settings, free, measuring=of_walkers if isinstance(validation, WalkerPictures) else ())
    if isinstance(validation, AnnotatedPictures):
        validation.check_pictures()
    with HumanPoseIRNetwork(arguments.log_name, arguments.loss, is_training=True, seed=arguments.seed,
                            precision=arguments.precision) as net:
        if arguments.start and not run.resume_file.exists():
            print(net.restore(arguments.start, arguments.imagenet), file=sys.stderr)
        steps = arguments.epochs * (len(data) // arguments.batch_size)
        complete = train_pose_network(net, data, validation, run, steps, arguments.batch_size, arguments.rate,
                                      arguments.schedule, arguments.save_every,
                                      arguments.summary_every if arguments.log_name else 0)
    return 0 if complete else 1


if __name__ == '__main__':
    sys.exit(main())
