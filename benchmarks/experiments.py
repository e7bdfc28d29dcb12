#!/usr/bin/env python3
"""The experiments, re-run from weights: people of yours first, then walkers: the original's two in miniature.

    python benchmarks/experiments.py                            # with the weights that ship, into ./results
    python benchmarks/experiments.py --pose runs/pose/best.ckpt --gait runs/gait/best-GRU-1.ckpt --output mine
    python benchmarks/experiments.py --annotated 'LSP test' lsp_test.csv \\
        --protocol 'same clothes' walks.csv A1-A2 A3-A4 --protocol 'other clothes' walks.csv A1-A2 B1-B4

Prints the tables; writes them with JSON and plots into `--output`. Every walker and every picture of one here was never
trained or validated on (`TEST_SEED`, `TEST_PERSON`); of people that is for you to know. Features and vectors are kept
in `--features`, so that an interrupted call goes on. The walkers' figures say nothing about people.
"""
import argparse
import contextlib
import io
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import gait_checkpoints  # noqa: E402
from gait_nn import GaitNetwork  # noqa: E402
from gait_processor import PRECISIONS  # noqa: E402
from gait_recognition import cli  # noqa: E402
from gait_recognition.drawing import new_figure, save_figure  # noqa: E402
from gait_recognition.evaluation import results, strangers  # noqa: E402
from gait_recognition.evaluation.manifests import SAME_CLOTHES, Protocol, read_manifest  # noqa: E402
from gait_recognition.evaluation.results import compare  # noqa: E402
from gait_recognition.progress import Progress  # noqa: E402
from gait_recognition.scorers import METHODS  # noqa: E402
from gait_recognition.training import pose as train_pose  # noqa: E402
from gait_recognition.training.annotations import read_annotations  # noqa: E402
from gait_recognition.training.gait import vectors_of  # noqa: E402
from gait_recognition.training.samples import TEST_SEED, WalkerPictures  # noqa: E402
from gait_recognition.training.scores import draw_score, evaluate_poses  # noqa: E402
from gait_recognition.training.walks import TEST_PERSON, Features, WalkerWalks  # noqa: E402
from gait_recognition.weights import network_of, open_pose_network  # noqa: E402
from pose_joints import LINES  # noqa: E402

PROTOCOLS = {
    1: Protocol('experiment 1 in miniature: one session', **SAME_CLOTHES, gallery_session='1', probe_session='1'),
    2: Protocol('experiment 2 in miniature: three months later, other clothes', SAME_CLOTHES['gallery'],
                'N1-N6 B1-B2 S1-S2', '1', '2'),
}


def people(arguments, features):
    """What was asked about real people: poses on annotated pictures, then walks by each protocol and each method."""
    for name, file in arguments.annotated:
        tell(f'poses of {name}', train_pose.main, ['--evaluate', arguments.pose, '--data', file], arguments.output)
    for name, manifest, gallery, probes in arguments.protocol:
        for method in METHODS:
            row = f'{name}, {method}'
            tell(row, cli.main, ['evaluate', manifest, '--gallery', gallery, '--probes', probes, '--method', method,
                                 '--baselines', '--leave-out', '--pose-weights', arguments.pose, '--gait-weights',
                                 arguments.gait, '--precision', arguments.precision, '--cache', features,
                                 '--plots', arguments.output / row], arguments.output)


def check_people(arguments):
    """Refuse before anything is computed what `people` could not do."""
    for name, *files in (*arguments.annotated, *arguments.protocol):
        if not name or {'/', '\\'} & {*name}:
            raise ValueError(f'{name!r}: names become names of files')
        if len(files) == 1:
            read_annotations(files[0])
        else:
            Protocol(name, *files[1:]).split(read_manifest(files[0]))


def tell(name, command, words, output):
    """Run one of the commands; what it prints is printed under a heading, and written into `output`."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = command([str(word) for word in words])
    if status:
        raise SystemExit(f'{name}: ended with {status}')
    print(f'{name}\n{printed.getvalue()}')
    (output / f'{name}.txt').write_text(printed.getvalue())


def poses(weights, pictures, output):
    """Joint errors on pictures never trained on, and the best and the worst of them drawn."""
    data = WalkerPictures(pictures, TEST_SEED)
    with contextlib.closing(Progress(pictures, 'picture')) as progress, open_pose_network(weights) as net:
        score = evaluate_poses(net, data, progress)
        print(f'poses in inference mode, synthetic walkers\n{score}\n')
        (output / 'poses.txt').write_text(f'{score}\n')
        draw_score(score, output / 'joint_errors.png', 'Our weights on synthetic walkers never trained on')
        _draw_best_and_worst(net, data, min(pictures, 200), output / 'poses.png')


def _draw_best_and_worst(net, data, pictures, path, columns=6):
    """A row of the poses with the smallest error (visible joints), a row of those with the largest."""
    samples = [data.sample(i) for i in range(pictures)]
    y, x, _ = net.joint_positions(np.stack([s.image for s in samples]))
    estimated = np.stack([y, x], axis=2)
    errors = np.array([np.linalg.norm(e - s.joints, axis=1)[s.visible].mean() if s.visible.any() else 0.0
                       for e, s in zip(estimated, samples)])
    order = np.argsort(errors)
    figure = new_figure((2 * columns, 4.6), layout='constrained')
    for axes, i in zip(figure.subplots(2, columns).flat, [*order[:columns], *order[::-1][:columns]]):
        axes.imshow(samples[i].image)
        for first, last, colour in LINES:
            axes.plot(estimated[i, [first, last], 1], estimated[i, [first, last], 0], colour, linewidth=2)
        axes.set(xlim=(-0.5, 298.5), ylim=(298.5, -0.5), title=f'{errors[i]:.1f} px')
        axes.set_axis_off()
    figure.suptitle(f'Best and worst of {pictures} synthetic walkers: mean error of visible joints, pixels of 299')
    save_figure(figure, path, dpi=100)


def walks(experiment, people, frames, features):
    """The walks of an experiment, (walks, files of their features)."""
    first = TEST_PERSON
    if experiment == 1:
        parts = [WalkerWalks(people, first, frames)]
    else:
        parts = [WalkerWalks(people, first, frames, 1, ('N1', 'N2', 'N3', 'N4')),
                 WalkerWalks(people, first, frames, 2)]
    return [walk for part in parts for walk in part.walks], [path for part in parts for path in features.make(part)]


def mean_features(paths):
    """The baseline without a gait network: the mean over time of the spatial features, (n, 9248)."""
    return np.stack([np.load(path, allow_pickle=False).astype(np.float32).mean(0).ravel() for path in paths])


def identification(experiment, people, frames, features, gait_weights, output):
    """One experiment: the trained network beside the mean spatial feature, the untrained network and chance."""
    cell, layers = network_of(gait_weights)
    vectors = {}
    with GaitNetwork(recurrent_unit=cell, rnn_layers=layers) as net:
        net.restore(gait_weights)
        features.facing_right = net.facing_right
        listed, paths = walks(experiment, people, frames, features)
        vectors['trained'] = vectors_of(net, paths)
    vectors['mean spatial feature'] = mean_features(paths)
    with GaitNetwork(recurrent_unit=cell, rnn_layers=layers, is_training=False, seed=0) as net:
        _ = net.sess                                                # initial weights, on purpose
        vectors['untrained'] = vectors_of(net, paths)
    comparison = compare([
        results.evaluate(v, listed, PROTOCOLS[experiment], name=name) for name, v in vectors.items()])
    print(comparison.table() + '\n')
    learnt, probes = PROTOCOLS[experiment].split(listed)
    people = np.array([walk.person for walk in listed], object)
    print(strangers.table(strangers.named(vectors['trained'][learnt], people[learnt], vectors['trained'][probes],
                                          people[probes])) + '\n')
    folder = output / f'experiment_{experiment}'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'table.txt').write_text(comparison.table() + '\n')
    (folder / 'result.json').write_text(comparison.to_json() + '\n')
    comparison.plot(folder)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    pose, gait = gait_checkpoints.SHIPPED[:2]
    parser.add_argument('--pose', metavar='WEIGHTS', default=pose, help='of the pose network')
    parser.add_argument('--gait', metavar='WEIGHTS', default=gait, help='of the gait network')
    parser.add_argument('--output', type=pathlib.Path, default='results')
    parser.add_argument('--features', type=pathlib.Path, help='folder of spatial features and of vectors of people; '
                        'default: in --output')
    parser.add_argument('--annotated', nargs=2, action='append', default=[], metavar=('NAME', 'FILE'),
                        help='pictures of people, as of train_pose.py --data, to measure poses on; may be said again')
    parser.add_argument('--protocol', nargs=4, action='append', default=[],
                        metavar=('NAME', 'MANIFEST', 'GALLERY', 'PROBES'),
                        help="people's walks to tell apart, as of `gait-recognition evaluate`; may be said again")
    parser.add_argument('--only', choices=['people', 'pose', '1', '2'])
    parser.add_argument('--pictures', type=int, default=500, help='for the poses')
    parser.add_argument('--people', type=int, nargs=2, default=[60, 20], metavar=('FIRST', 'SECOND'),
                        help='of experiments 1 and 2')
    parser.add_argument('--frames', type=int, default=50, help='of each walk')
    parser.add_argument('--precision', choices=PRECISIONS, default='float32',
                        help='of the pose network while it describes frames')
    arguments = parser.parse_args(argv)
    try:                                                        # missing: said now
        arguments.pose = gait_checkpoints.locate(arguments.pose)
        if arguments.only != 'pose':
            arguments.gait = gait_checkpoints.locate(arguments.gait)
        check_people(arguments)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    arguments.output.mkdir(parents=True, exist_ok=True)
    kept = arguments.features or arguments.output / 'features'
    if arguments.only in (None, 'people'):
        people(arguments, kept)
    if arguments.only in (None, 'pose'):
        poses(arguments.pose, arguments.pictures, arguments.output)
    for experiment, count in zip((1, 2), arguments.people):
        if arguments.only in (None, str(experiment)):
            identification(experiment, count, arguments.frames, Features(kept, arguments.pose, arguments.precision),
                           arguments.gait, arguments.output)


if __name__ == '__main__':
    main()
