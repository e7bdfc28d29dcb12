"""`gait-recognition walkers`: walks of synthetic people, to try everything without any data."""
import contextlib
import csv
import itertools
import pathlib

from gait_files import replacing_folder
from gait_recognition.commands.options import add_output
from gait_recognition.console import check_target, count, counted, print_answer, seed, walks_of_people
from gait_recognition.progress import Progress
from gait_recognition.walkers.crowds import crowd_of
from gait_recognition.walkers.files import write_crossing, write_scene
from gait_recognition.walkers.skeletons import read_recordings

WALKER_NAMES = ('anna', 'ben', 'carla', 'dan', 'eve', 'finn', 'gina', 'hugo')
WALKER_KINDS = {'mp4': '.mp4', 'gif': '.gif', 'frames': ''}


def walkers_arguments(parser):
    add_output(parser)
    parser.add_argument('folder', type=pathlib.Path, metavar='FOLDER', help='a new one')
    parser.add_argument('--people', type=count, default=3, metavar='N', help='default: 3')
    parser.add_argument('--walks', type=count, default=4, metavar='N', help='of each (default: 4)')
    parser.add_argument('--scenes', type=seed, default=0, metavar='N',
                        help='so many scenes of several of them who cross, too, with their boxes beside (default: 0)')
    parser.add_argument('--together', type=count, default=2, metavar='N', help='people in each scene (default: 2)')
    parser.add_argument('--kind', choices=WALKER_KINDS, default='mp4',
                        help='videos (PyAV), animations, or folders of pictures (default: mp4)')
    parser.add_argument('--first-person', type=seed, default=0, metavar='SEED', help='who is the first (default: 0)')
    parser.add_argument('--motions', type=pathlib.Path, metavar='FILE',
                        help='recorded joints (.npz, .c3d): the walkers are the people recorded there')
    parser.add_argument('--drawn-people', type=seed, default=0, metavar='N',
                        help='with --motions: so many more, drawn around those recorded')


def walkers_command(arguments):
    """Write synthetic walkers' walks, with the lists of them that `enrol` and `evaluate` read."""
    folder = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f'{folder} is there already: name a new folder')
    check_target(folder, is_folder=True)
    people = _people(arguments)
    if arguments.scenes and arguments.together > len(people):
        raise ValueError(f'--together {arguments.together}: there are {len(people)} people (--people)')
    lists = {'walks.csv': arguments.walks}                  # and the last walk of everybody that is in it
    if arguments.walks > 1:                                 # else nothing would be in it
        lists['gallery.csv'] = arguments.walks - 1
    suffix = WALKER_KINDS[arguments.kind]
    walks = []
    with replacing_folder(folder) as aside, \
            contextlib.closing(Progress(len(people) * arguments.walks + arguments.scenes, 'walks')) as progress:
        aside = pathlib.Path(aside)
        for (name, person, gaits), number in itertools.product(people, range(1, arguments.walks + 1)):
            path = f'{name}-{number}{suffix}'
            write_scene(aside / path, person, number, **({'gaits': gaits} if gaits else {}))
            walks.append((name, f'N{number}', '1', path, *([name] if gaits else [])))
            progress(len(walks), path)
        scenes = _write_scenes(aside, people, arguments, lambda done, path: progress(len(walks) + done, path))
        for csv_name, last in lists.items():
            with open(aside / csv_name, 'w', encoding='utf-8', newline='') as file:
                writer = csv.writer(file, lineterminator='\n')
                writer.writerow(['person', 'condition', 'session', 'path', *(['source'] if arguments.motions else [])])
                writer.writerows(walk for walk in walks if int(walk[1][1:]) <= last)
    print_answer(arguments, {'folder': str(folder), 'walks': [str(folder / walk[3]) for walk in walks],
                             'scenes': [str(folder / scene) for scene in scenes]},
                 f'{folder}: {walks_of_people(len(walks), len(people))}; walks.csv lists all'
                 + (", gallery.csv all but everybody's last" if 'gallery.csv' in lists else '')
                 + (f'; {counted(len(scenes), "scene")} of {arguments.together}, scenes.csv says who is who'
                    if scenes else ''))
    return 0


def _write_scenes(folder, people, arguments, progress):
    """Write scenes of several of the people, in turns, and who is who in them; return their names."""
    scenes, rows = [], []
    for number in range(1, arguments.scenes + 1):
        first = (number - 1) * arguments.together
        members = [people[(first + place) % len(people)] for place in range(arguments.together)]
        path = f'scene-{number}{WALKER_KINDS[arguments.kind]}'
        gaits = members[0][2]
        index = arguments.walks + number                    # a walk that nobody learns
        numbers = [person for _, person, _ in members]
        write_crossing(folder / path, numbers, index, **({'gaits': gaits} if gaits else {}))
        scenes.append(path)
        rows += [(path, track, name, index) for track, (name, *_) in enumerate(members, 1)]
        progress(number, path)
    if scenes:
        with open(folder / 'scenes.csv', 'w', encoding='utf-8', newline='') as file:
            writer = csv.writer(file, lineterminator='\n')
            writer.writerow(['scene', 'track', 'person', 'index'])
            writer.writerows(rows)
    return scenes


def _people(arguments):
    """Who walks: (name, number, whose gaits), one a person."""
    first = arguments.first_person
    if not arguments.motions:
        if arguments.drawn_people:
            raise ValueError('--drawn-people goes with --motions: people are drawn around recorded ones')
        return [(WALKER_NAMES[i] if i < len(WALKER_NAMES) else f'walker-{i + 1}', first + i, None)
                for i in range(arguments.people)]
    recordings = read_recordings(arguments.motions)
    with contextlib.closing(Progress(len(recordings), 'fitting recorded walks')) as progress:
        try:
            crowd = crowd_of(recordings, progress)
        except ValueError as error:
            raise ValueError(f'{arguments.motions}: {error}') from error
    if first + arguments.people > len(crowd.people):
        raise ValueError(f'{arguments.motions} holds {len(crowd.people)} people with two walks or more; --people '
                         f'{arguments.people} from --first-person {first} on are more: draw others by --drawn-people')
    numbers = [*range(first, first + arguments.people),
               *range(len(crowd.people), len(crowd.people) + arguments.drawn_people)]
    return [(crowd.name(number), number, crowd.gait_of) for number in numbers]
