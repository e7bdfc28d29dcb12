"""`gait-recognition check`: whether recordings are fit to tell people by."""
from gait_recognition.commands.batch import Batch, Form, add_answers
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
from gait_recognition.fitness import FIGURES, look_at
from gait_recognition.reports.walks import Seen, check_of
from gait_recognition.weights import find_pose_weights, open_pose_network


def check_arguments(parser):
    for add in (add_pose_weights, add_frames, add_answers, add_report):
        add(parser)
    parser.add_argument('walks', nargs='+', metavar='WALK', help=WALK_HELP)
    add_range(parser)


def check_command(arguments):
    """Say of each walk how fit it is; 1 where one is poor."""
    batch = Batch(arguments, Form(('check.word', 'check.reasons', 'remarks', *(f'check.{name}' for name in FIGURES)),
                                  stages=('finding the walker', 'looking at it', 'looking for others')))
    check_report(arguments, batch.walks, arguments.answers)
    batch.look()
    if batch.is_lost and not arguments.report:
        return batch.give_up()
    weights, words = find_pose_weights(arguments.pose_weights), set()
    with reporting(arguments, 'Are these recordings fit?') as report:
        def work(net, walk, source):
            source, looks = source.kept(), looks_for(arguments)
            fitness, track, found = look_at(source, net, arguments.crop, looks)
            say_track(track, arguments.verbose)
            answer = {'walk': source.name, **used_frames(track), 'check': fitness.as_dict()}
            if report:
                add_walk(report, source, Seen(source.name, track, found, fitness, looks),
                         verdict=check_of(fitness)['verdict'])
            return answer, str(fitness)
        for answer in with_problems(report, batch.answers(
                lambda: open_pose_network(weights, arguments.precision), work, state_of(weights),
                lambda _: report is None)):
            if answer['error'] is None:
                words.add(answer['check']['word'])
        if report:
            write_report(report, arguments, {'weights': str(weights)})
    return batch.status(1 if 'poor' in words else 0)
