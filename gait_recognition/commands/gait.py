"""`gait-recognition gait`: cadence, times, lengths and joint angles of walks."""
import csv
import pathlib

import gait_files
from gait_recognition.commands.batch import CHECK_COLUMNS, FRAME_COLUMNS, Batch, Form, add_answers
from gait_recognition.commands.options import WALK_HELP, add_frames, add_pose_weights, add_range
from gait_recognition.commands.reporting import (
    add_report,
    add_walk,
    check_report,
    looks_for,
    reporting,
    with_problems,
    write_report,
)
from gait_recognition.commands.walks import say_track, state_of, used_frames
from gait_recognition.console import check_target, check_targets_differ, say
from gait_recognition.cycles.angles import PERCENT
from gait_recognition.cycles.measures import NO_DEVICE, UNITS, measure_found
from gait_recognition.cycles.plots import SUFFIXES, draw_gait
from gait_recognition.fitness import fitness_of
from gait_recognition.kinds import CHART, FIGURE_COLUMNS, FIGURES, PICTURE
from gait_recognition.pose_estimation import joints_of_walk
from gait_recognition.reports.walks import Seen
from gait_recognition.weights import find_pose_weights, open_pose_network


def gait_arguments(parser):
    for add in (add_pose_weights, add_frames, add_answers, add_report):
        add(parser)
    parser.add_argument('walks', nargs='+', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--table', type=pathlib.Path, metavar='FILE',
                        help='write everything as a table: ' + ', '.join(FIGURE_COLUMNS))
    parser.add_argument('--output', type=pathlib.Path, metavar='FILE',
                        help=f'draw the angles over the gait cycle, of one walk ({", ".join(SUFFIXES)})')
    add_range(parser)


def gait_command(arguments):
    """Measure walks: print the figures, write the table and the chart."""
    columns = 'seconds', 'rate', 'view.kind', 'view.degrees', 'steps', *(f'measures.{name}.value' for name in UNITS)
    batch = Batch(arguments, Form((*columns, *FRAME_COLUMNS, *CHECK_COLUMNS),
                                  stages=('finding the walker', 'estimating joints')))
    _check_targets(arguments, batch.walks)
    check_report(arguments, batch.walks, arguments.answers, arguments.table, arguments.output)
    batch.look()
    if batch.is_lost and not arguments.report:
        return batch.give_up()
    weights = find_pose_weights(arguments.pose_weights)
    with reporting(arguments, 'How do they walk?') as report:
        answers = _measured(arguments, batch, weights, report)
        if report:
            write_report(report, arguments, {'weights': str(weights)})
    if arguments.table and answers:
        _write_table(arguments.table, answers)
        say(f'wrote {arguments.table}')
    if answers:
        batch.end(NO_DEVICE)
    return batch.status()


def _measured(arguments, batch, weights, report):
    """The answers of walks that could be measured."""
    def work(net, walk, source):
        source, looks = source.kept() if report else source, looks_for(arguments)
        found, track = joints_of_walk(source, arguments.crop, net, looks.add)
        say_track(track, arguments.verbose)
        gait = measure_found(found, track)
        if arguments.output:
            draw_gait(gait, arguments.output)
            say(f'wrote {arguments.output}')
        fitness = fitness_of(source, track, found, looks)
        if report:
            add_walk(report, source, Seen(source.name, track, found, fitness, looks))
        return {**gait.as_dict(), **used_frames(track), 'check': fitness.as_dict()}, str(gait)
    answers = batch.answers(lambda: open_pose_network(weights, arguments.precision), work, state_of(weights),
                            lambda answer: not arguments.output and report is None)
    return [answer for answer in with_problems(report, answers) if answer['error'] is None]


def _check_targets(arguments, walks):
    """Refuse before computing what could not be written afterwards."""
    for path, suffixes, what, kinds in ((arguments.table, ('.csv',), 'the table', FIGURES),
                                        (arguments.output, SUFFIXES, 'the chart', (CHART, PICTURE))):
        if path is None:
            continue
        if path.suffix.lower() not in suffixes:
            raise ValueError(f'{path}: {what} is written as {" or ".join(suffixes)}')
        check_target(path, writes=kinds, inputs=arguments.walks)
    check_targets_differ(path for path in (arguments.table, arguments.output) if path)
    if arguments.output and len(walks) > 1:
        raise ValueError(f'{arguments.output}: --output draws one walk, got {len(walks)}')


def _write_table(path, gaits):
    with gait_files.replacing(path, 'w', shared=True, encoding='utf-8', newline='') as file:
        writer = csv.DictWriter(file, FIGURE_COLUMNS, lineterminator='\n')
        writer.writeheader()
        for gait in gaits:
            writer.writerows({'path': gait['walk'], **row} for row in _rows(gait))


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
