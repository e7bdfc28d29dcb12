"""`gait-recognition gait`: cadence, times, lengths and joint angles of walks."""
import csv
import pathlib

import gait_files
from gait_recognition.commands.options import WALK_HELP, add_frames, add_output, add_pose_weights, add_range
from gait_recognition.commands.walks import read_walk, say_track
from gait_recognition.console import check_target, check_targets_differ, print_answer
from gait_recognition.cycles.angles import PERCENT
from gait_recognition.cycles.measures import NO_DEVICE, measure_found
from gait_recognition.cycles.plots import SUFFIXES, draw_gait
from gait_recognition.kinds import CHART, FIGURE_COLUMNS, FIGURES, PICTURE
from gait_recognition.poses import joints_of_walk
from gait_recognition.weights import find_pose_weights, load_tensorflow, open_pose_network


def gait_arguments(parser):
    for add in (add_pose_weights, add_frames, add_output):
        add(parser)
    parser.add_argument('walks', nargs='+', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--csv', type=pathlib.Path, metavar='FILE',
                        help='write everything as a table: ' + ', '.join(FIGURE_COLUMNS))
    parser.add_argument('--output', type=pathlib.Path, metavar='FILE',
                        help=f'draw the angles over the gait cycle, of one walk ({", ".join(SUFFIXES)})')
    add_range(parser)


def gait_command(arguments):
    """Measure walks: print the figures, write the table and the chart."""
    sources = [read_walk(walk, arguments) for walk in arguments.walks]
    _check_targets(arguments)
    weights = find_pose_weights(arguments.pose_weights)
    load_tensorflow(arguments.verbose)
    gaits = []
    with open_pose_network(weights, arguments.precision) as net:
        for source in sources:
            found, track = joints_of_walk(source, arguments.crop, net)
            say_track(track, arguments.verbose)
            gaits.append(measure_found(found, track))
    if arguments.csv:
        _write_table(arguments.csv, gaits)
    if arguments.output:
        draw_gait(gaits[0], arguments.output)
    print_answer(arguments, [gait.as_dict() for gait in gaits], '\n'.join([*map(str, gaits), NO_DEVICE]))
    return 0


def _check_targets(arguments):
    """Refuse before computing what could not be written afterwards."""
    for path, suffixes, what, kinds in ((arguments.csv, ('.csv',), 'the table', FIGURES),
                                        (arguments.output, SUFFIXES, 'the chart', (CHART, PICTURE))):
        if path is None:
            continue
        if path.suffix.lower() not in suffixes:
            raise ValueError(f'{path}: {what} is written as {" or ".join(suffixes)}')
        check_target(path, writes=kinds, inputs=arguments.walks)
    check_targets_differ(path for path in (arguments.csv, arguments.output) if path)
    if arguments.output and len(arguments.walks) > 1:
        raise ValueError(f'{arguments.output}: --output draws one walk, got {len(arguments.walks)}')


def _write_table(path, gaits):
    with gait_files.replacing(path, 'w', shared=True, encoding='utf-8', newline='') as file:
        writer = csv.DictWriter(file, FIGURE_COLUMNS, lineterminator='\n')
        writer.writeheader()
        for gait in gaits:
            writer.writerows({'path': gait.name, **row} for row in _rows(gait.as_dict()))


def _rows(gait):
    """The rows of a gait's plain data: measures, then events by their seconds, then angles at each per cent."""
    yield {'name': 'steps', 'value': gait['steps']}
    for name, measure in gait['measures'].items():
        yield {'name': name, **measure}
    for event in gait['events']:
        yield {'name': event['kind'], 'side': event['side'], 'value': event['seconds'], 'unit': 's'}
    for side, curves in gait['angles'].items():
        for name, curve in curves.items():
            for at, degrees in zip(PERCENT.tolist(), curve['degrees']):
                yield {'name': name, 'side': side, 'at': at, 'value': degrees, 'unit': 'degrees'}
