"""`gait-recognition walkers`: walks of synthetic people, to try everything without any data."""
import contextlib
import csv
import itertools
import pathlib

from gait_files import replacing_folder
from gait_recognition.commands.options import add_output, count, seed
from gait_recognition.console import check_target, print_answer, walks_of_people
from gait_recognition.progress import Progress
from gait_recognition.walkers.files import write_scene

WALKER_NAMES = ('anna', 'ben', 'carla', 'dan', 'eve', 'finn', 'gina', 'hugo')
WALKER_KINDS = {'mp4': '.mp4', 'gif': '.gif', 'frames': ''}


def walkers_arguments(parser):
    add_output(parser)
    parser.add_argument('folder', type=pathlib.Path, metavar='FOLDER', help='a new one')
    parser.add_argument('--people', type=count, default=3, metavar='N', help='default: 3')
    parser.add_argument('--walks', type=count, default=4, metavar='N', help='of each (default: 4)')
    parser.add_argument('--kind', choices=WALKER_KINDS, default='mp4',
                        help='videos (PyAV), animations, or folders of pictures (default: mp4)')
    parser.add_argument('--first-person', type=seed, default=0, metavar='SEED', help='who is the first (default: 0)')


def walkers_command(arguments):
    """Write synthetic walkers' walks, with the lists of them that `enrol` and `evaluate` read."""
    folder = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f'{folder} is there already: name a new folder')
    check_target(folder, is_folder=True)
    lists = {'walks.csv': arguments.walks}                  # and the last walk of everybody that is in it
    if arguments.walks > 1:                                 # else nothing would be in it
        lists['gallery.csv'] = arguments.walks - 1
    suffix = WALKER_KINDS[arguments.kind]
    walks = []
    with replacing_folder(folder) as aside, \
            contextlib.closing(Progress(arguments.people * arguments.walks, 'walks')) as progress:
        aside = pathlib.Path(aside)
        for person, number in itertools.product(range(arguments.people), range(1, arguments.walks + 1)):
            name = WALKER_NAMES[person] if person < len(WALKER_NAMES) else f'walker-{person + 1}'
            path = f'{name}-{number}{suffix}'
            write_scene(aside / path, arguments.first_person + person, number)
            walks.append((name, f'N{number}', '1', path))
            progress(len(walks), path)
        for csv_name, last in lists.items():
            with open(aside / csv_name, 'w', encoding='utf-8', newline='') as file:
                writer = csv.writer(file, lineterminator='\n')
                writer.writerow(['person', 'condition', 'session', 'path'])
                writer.writerows(walk for walk in walks if int(walk[1][1:]) <= last)
    print_answer(arguments, {'folder': str(folder), 'walks': [str(folder / walk[3]) for walk in walks]},
                 f'{folder}: {walks_of_people(len(walks), arguments.people)}; walks.csv lists all'
                 + (", gallery.csv all but everybody's last" if 'gallery.csv' in lists else ''))
    return 0
