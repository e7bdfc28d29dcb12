"""`gait-recognition check`: whether recordings are fit to tell people by."""
from gait_recognition.commands.batch import Batch, Form, add_answers
from gait_recognition.commands.options import WALK_HELP, add_frames, add_pose_weights, add_range
from gait_recognition.commands.walks import say_track, state_of, used_frames
from gait_recognition.fitness import FIGURES, check_frames
from gait_recognition.weights import find_pose_weights, open_pose_network


def check_arguments(parser):
    for add in (add_pose_weights, add_frames, add_answers):
        add(parser)
    parser.add_argument('walks', nargs='+', metavar='WALK', help=WALK_HELP)
    add_range(parser)


def check_command(arguments):
    """Say of each walk how fit it is; 1 where one is poor."""
    batch = Batch(arguments, Form(('check.word', 'check.reasons', 'remarks', *(f'check.{name}' for name in FIGURES)),
                                  stages=('finding the walker', 'looking at it', 'looking for others')))
    batch.look()
    if batch.is_lost:
        return batch.give_up()
    weights = find_pose_weights(arguments.pose_weights)

    def work(net, walk, source):
        fitness, track = check_frames(source, net, arguments.crop)
        say_track(track, arguments.verbose)
        return {'walk': source.name, **used_frames(track), 'check': fitness.as_dict()}, str(fitness)
    words = [answer['check']['word'] for answer in batch.answers(
        lambda: open_pose_network(weights, arguments.precision), work, state_of(weights)) if answer['error'] is None]
    return batch.status(1 if 'poor' in words else 0)
