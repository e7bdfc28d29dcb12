"""`gait-recognition gallery`: list, check, change, export, import or calibrate what a gallery holds."""
import argparse
import contextlib
import os
import pathlib

from gait_recognition.commands.options import add_gallery, add_output, check_changeable, gallery_at, key_in
from gait_recognition.console import check_target, counted, print_answer, walks_of_people
from gait_recognition.galleries import exchange
from gait_recognition.gallery import TASKS, Gallery
from gait_recognition.kinds import EXPORT
from gait_recognition.progress import Progress


def gallery_arguments(parser):
    parser.description = 'List, check, change, export, import or calibrate what a gallery holds.'
    commands = parser.add_subparsers(metavar='COMMAND', required=True)

    def add(name, command, help, example):
        sub = commands.add_parser(name, help=help, description=help, epilog=f'example:\n  gait-recognition {example}\n',
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        sub.set_defaults(run=command)
        add_gallery(sub)
        add_output(sub)
        return sub

    add('list', gallery_list_command, 'say who is in it', 'gallery list people.gallery')
    add('check', gallery_check_command, 'list what to look at: duplicates, outliers, people too alike, too few walks',
        'gallery check people.gallery')
    add('audit', gallery_audit_command, 'list its changes', 'gallery audit people.gallery')
    _add_changes(add)
    sub = add('export', gallery_export_command, 'write names, walks and vectors as .csv, .npz or .parquet',
              'gallery export people.gallery people.csv')
    sub.add_argument('csv', type=pathlib.Path, metavar='FILE')
    sub = add('import', gallery_import_command, 'enrol the walks of a file that export wrote',
              'gallery import people.gallery people.npz')
    sub.add_argument('file', type=pathlib.Path, metavar='FILE')
    sub.add_argument('--force', action='store_true', help='take recordings that are in the gallery already')
    sub = add('copy', gallery_copy_command, 'copy it, encrypted or onto a server if asked for; all of it goes along',
              'gallery copy people.gallery postgresql://gait@server/people')
    sub.add_argument('to', type=gallery_at, metavar='TO', help='another file or address, where no gallery is')
    sub.add_argument('--to-key-file', type=pathlib.Path, metavar='FILE', help='holds the key of the copy')
    sub = add('calibrate', gallery_calibrate_command, 'set the thresholds, from its own walks, leaving some out',
              'gallery calibrate people.gallery --false-accept-rate 0.01')
    sub.add_argument('--false-accept-rate', type=float, required=True, metavar='RATE',
                     help='share of strangers who may get a name, and of pairs of different people who may pass as '
                          'one: 0.01 is 1 %%')
    sub.add_argument('--task', choices=TASKS, nargs='+', help='default: both')


def _add_changes(add):
    """The commands that change people."""
    sub = add('remove', gallery_remove_command, 'remove a person, or one walk', 'gallery remove people.gallery anna')
    sub.add_argument('name', metavar='NAME')
    sub.add_argument('--walk', help='only this one, as "gallery list" names it')
    sub = add('forget', gallery_forget_command, 'remove a person and leave neither vector nor name in the file',
              'gallery forget people.gallery anna')
    sub.add_argument('name', metavar='NAME')
    sub = add('rename', gallery_rename_command, 'give a person another name', 'gallery rename people.gallery ana anna')
    sub.add_argument('name', metavar='NAME')
    sub.add_argument('new', metavar='NEW')
    sub = add('merge', gallery_merge_command, "make a person's walks those of another",
              'gallery merge people.gallery ana anna')
    sub.add_argument('name', metavar='NAME')
    sub.add_argument('into', metavar='INTO')
    sub = add('split', gallery_split_command, "make some of a person's walks those of another",
              'gallery split people.gallery anna eve --walk anna-3.mp4')
    sub.add_argument('name', metavar='NAME')
    sub.add_argument('into', metavar='INTO')
    sub.add_argument('--walk', nargs='+', required=True, help='as "gallery list" names them')
    add('private', gallery_private_command, 'keep no path of any recording, now and from now on',
        'gallery private people.gallery')


def gallery_list_command(arguments):
    """Say who is in a gallery."""
    with Gallery.load(arguments.gallery, key=key_in(arguments.key_file)) as gallery:
        people, outdated = gallery.list(), gallery.outdated
        points = {task: point._asdict() for task, point in gallery.calibration.items()}
        lines = [f'{name}: {", ".join(walks)}' for name, walks in people.items()]
        lines.append(f'{walks_of_people(len(gallery), len(people))}, weights {gallery.fingerprint}, '
                     + (f'calibrated to {", ".join(points)}' if points else 'not calibrated')
                     + (f'; older than the people in it: {", ".join(outdated)}' if outdated else ''))
        lines += [f'{task}: {point.rates()}' for task, point in gallery.calibration.items()]
        print_answer(arguments, {'people': people, 'fingerprint': gallery.fingerprint, 'method': gallery.method,
                                 'calibration': points, 'outdated': outdated}, *lines)
    return 0


def gallery_check_command(arguments):
    """List what to look at in a gallery."""
    with Gallery.load(arguments.gallery, key=key_in(arguments.key_file)) as gallery:
        found = gallery.check()
        print_answer(arguments, [finding._asdict() for finding in found],
                     *(f'{finding.what}: {finding.line}' for finding in found),
                     f'{len(found)} to look at among {counted(len(gallery), "walk")}')
    return 1 if found else 0


def gallery_audit_command(arguments):
    """List the changes of a gallery."""
    with Gallery.load(arguments.gallery, key=key_in(arguments.key_file)) as gallery:
        lines = gallery.audit()
    print_answer(arguments, lines, *('  '.join(filter(None, (line['at'], line['action'], line['person'],
                                                             line['detail']))) for line in lines))
    return 0


@contextlib.contextmanager
def _changing(arguments):
    """The gallery, open to change; a name that is not there is bad input. What is left is the answer."""
    with Gallery.open(arguments.gallery, key=key_in(arguments.key_file)) as gallery:
        try:
            yield gallery
        except LookupError as error:
            raise ValueError(f'{arguments.gallery}: {error.args[0]}') from error
        people = gallery.list()
        print_answer(arguments, {'people': people},
                     f'{arguments.gallery}: {walks_of_people(len(gallery), len(people))} left')


def _walk(gallery, name, walk):
    """A walk as the gallery labels it: as it is, or as `enrol` does."""
    return walk if walk is None or walk in gallery.list().get(name, []) else os.path.abspath(walk)


def gallery_remove_command(arguments):
    """Remove a person or a walk from a gallery."""
    with _changing(arguments) as gallery:
        gallery.remove(arguments.name, _walk(gallery, arguments.name, arguments.walk))
    return 0


def gallery_forget_command(arguments):
    """Remove a person, leaving nothing of them in the file."""
    with _changing(arguments) as gallery:
        gallery.forget(arguments.name)
    return 0


def gallery_rename_command(arguments):
    """Give a person another name."""
    with _changing(arguments) as gallery:
        gallery.rename(arguments.name, arguments.new)
    return 0


def gallery_merge_command(arguments):
    """Make a person's walks those of another."""
    with _changing(arguments) as gallery:
        gallery.merge(arguments.name, arguments.into)
    return 0


def gallery_split_command(arguments):
    """Make some of a person's walks those of another."""
    with _changing(arguments) as gallery:
        walks = [_walk(gallery, arguments.name, walk) for walk in arguments.walk]
        gallery.split(arguments.name, walks, arguments.into)
    return 0


def gallery_private_command(arguments):
    """Keep no path of any recording."""
    with _changing(arguments) as gallery:
        gallery.make_private()
    return 0


def gallery_export_command(arguments):
    """Write a gallery's vectors as CSV, npz or Parquet."""
    exchange.suffix_of(arguments.csv)
    check_target(arguments.csv, writes=EXPORT, inputs=_files(arguments.gallery))
    with Gallery.load(arguments.gallery, key=key_in(arguments.key_file)) as gallery:
        gallery.export(arguments.csv)
        print_answer(arguments, {'csv': str(arguments.csv), 'walks': len(gallery)},
                     f'{arguments.csv}: {counted(len(gallery), "walk")}')
    return 0


def _files(gallery):
    """The file that a gallery is read from, if it is one."""
    return [gallery] if isinstance(gallery, pathlib.Path) else []


def gallery_copy_command(arguments):
    """Copy a gallery into a new file, or onto a server."""
    to, key = arguments.to, key_in(arguments.to_key_file)
    if isinstance(to, pathlib.Path):
        check_target(to)
    if to.exists():
        raise FileExistsError(f'{to} is there already: name a new one')
    with Gallery.load(arguments.gallery, key=key_in(arguments.key_file)) as gallery:
        gallery.save(to, key)
        print_answer(arguments, {'to': str(to), 'walks': len(gallery)}, f'{to}: {len(gallery)} walks')
    return 0


def gallery_import_command(arguments):
    """Enrol the walks of an exported file."""
    check_changeable(arguments.gallery, arguments.key_file, may_be_new=True)
    walks = exchange.read(arguments.file)
    if walks.fingerprint is None and not arguments.gallery.exists():
        raise ValueError(f'{arguments.file}: a .csv does not say which weights made its vectors, so no new gallery can '
                         'be made of it; export as .npz, or enrol a walk first')
    with Gallery.open(arguments.gallery, walks.fingerprint, create=True,
                      key=key_in(arguments.key_file)) as gallery:
        count = gallery.take_in(arguments.file, gallery.fingerprint, arguments.force)
        print_answer(arguments, {'walks': count}, f'{arguments.gallery}: {counted(count, "walk")} more, now '
                     + walks_of_people(len(gallery), len(gallery.list())))
    return 0


def gallery_calibrate_command(arguments):
    """Set a gallery's thresholds from its own walks."""
    check_changeable(arguments.gallery, arguments.key_file)
    with Gallery.open(arguments.gallery, key=key_in(arguments.key_file)) as gallery, \
            contextlib.closing(Progress(None, 'calibrating, walks')) as progress:
        points = gallery.calibrate(arguments.false_accept_rate, arguments.task or TASKS, progress)
    print_answer(arguments, {task: point._asdict() for task, point in points.items()},
                 *(f'{task}: {point.rates()}' for task, point in points.items()))
    return 0
