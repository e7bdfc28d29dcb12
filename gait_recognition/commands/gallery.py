"""`gait-recognition gallery`: list, remove, export or calibrate what a gallery holds."""
import argparse
import os
import pathlib

from gait_recognition.commands.options import add_output
from gait_recognition.console import check_target, print_answer
from gait_recognition.gallery import TASKS, Gallery
from gait_recognition.kinds import EXPORT


def gallery_arguments(parser):
    parser.description = 'List, remove, export or calibrate what a gallery holds.'
    commands = parser.add_subparsers(metavar='COMMAND', required=True)

    def add(name, command, help, example):
        sub = commands.add_parser(name, help=help, description=help, epilog=f'example:\n  gait-recognition {example}\n',
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        sub.set_defaults(run=command)
        sub.add_argument('gallery', type=pathlib.Path, metavar='GALLERY')
        add_output(sub)
        return sub

    add('list', gallery_list_command, 'say who is in it', 'gallery list people.npz')
    sub = add('remove', gallery_remove_command, 'remove a person, or one walk', 'gallery remove people.npz anna')
    sub.add_argument('name', metavar='NAME')
    sub.add_argument('--walk', help='only this one, as "gallery list" names it')
    sub = add('export', gallery_export_command, 'write names, walks and vectors as CSV',
              'gallery export people.npz people.csv')
    sub.add_argument('csv', type=pathlib.Path, metavar='CSV')
    sub = add('calibrate', gallery_calibrate_command, 'set the thresholds, from its own walks, leaving some out',
              'gallery calibrate people.npz --false-accept-rate 0.01')
    sub.add_argument('--false-accept-rate', type=float, required=True, metavar='RATE',
                     help='share of strangers who may get a name, and of pairs of different people who may pass as '
                          'one: 0.01 is 1 %%')
    sub.add_argument('--task', choices=TASKS, nargs='+', help='default: both')


def gallery_list_command(arguments):
    """Say who is in a gallery."""
    gallery = Gallery.load(arguments.gallery)
    people = gallery.list()
    points = {task: point._asdict() for task, point in gallery.calibration.items()}
    lines = [f'{name}: {", ".join(walks)}' for name, walks in people.items()]
    lines.append(f'{len(gallery)} walks of {len(people)} people, weights {gallery.fingerprint}, '
                 + (f'calibrated to {", ".join(points)}' if points else 'not calibrated'))
    print_answer(arguments, {'people': people, 'fingerprint': gallery.fingerprint, 'method': gallery.method,
                             'calibration': points}, '\n'.join(lines))
    return 0


def gallery_remove_command(arguments):
    """Remove a person or a walk from a gallery."""
    with Gallery.open(arguments.gallery) as gallery:
        walk = arguments.walk
        if walk and walk not in gallery.list().get(arguments.name, []):
            walk = os.path.abspath(walk)                    # as `enrol` labels it
        try:
            gallery.remove(arguments.name, walk)
        except LookupError as error:
            raise ValueError(f'{arguments.gallery}: {error}') from error
        people = gallery.list()
    print_answer(arguments, {'people': people},
                 f'{arguments.gallery}: {len(gallery)} walks of {len(people)} people left')
    return 0


def gallery_export_command(arguments):
    """Write a gallery's vectors as CSV."""
    if arguments.csv.suffix.lower() != '.csv':  # --- a gallery is never written over
        raise ValueError(f'{arguments.csv}: vectors are exported as .csv')
    check_target(arguments.csv, writes=EXPORT, inputs=[arguments.gallery])
    gallery = Gallery.load(arguments.gallery)
    gallery.export_csv(arguments.csv)
    print_answer(arguments, {'csv': str(arguments.csv), 'walks': len(gallery)},
                 f'{arguments.csv}: {len(gallery)} walks')
    return 0


def gallery_calibrate_command(arguments):
    """Set a gallery's thresholds from its own walks."""
    with Gallery.open(arguments.gallery) as gallery:
        points = gallery.calibrate(arguments.false_accept_rate, arguments.task or TASKS)
    lines = []
    for task, point in points.items():
        missed = '' if point.false_reject_rate is None else \
            f', {point.false_reject_rate:.1%} of {point.genuine_trials} right ones missed'
        lines.append(f'{task}: yes above similarity {point.threshold:.6f}; {point.false_accept_rate:.1%} of '
                     f'{point.impostor_trials} wrong ones accepted{missed}')
    print_answer(arguments, {task: point._asdict() for task, point in points.items()}, '\n'.join(lines))
    return 0
