"""What commands about walks share: reading the walks, and describing them by vectors."""
import contextlib
import os
from typing import NamedTuple

import numpy as np

from gait_recognition.commands.options import limits
from gait_recognition.console import say
from gait_recognition.fitness import Witness
from gait_recognition.frames import read_frames
from gait_recognition.masking import without_secrets
from gait_recognition.sources import is_camera
from gait_recognition.vectors import walk_vector
from gait_recognition.weights import find_pair, load_reader, open_networks, warn_of_defaults, weights_of


def chosen_weights(arguments):
    """The weights that a command is to use."""
    pair = find_pair(arguments.pose_weights, arguments.gait_weights)
    warn_of_defaults(arguments.pose_weights, arguments.gait_weights)
    weights = weights_of(pair, arguments.recurrent_unit, arguments.rnn_layers, arguments.precision)
    if arguments.verbose:
        say(f'weights: {weights}')
    load_reader(weights, arguments.verbose)
    return weights


def state_of(weights):
    """What stands for a file of pose weights in kept answers: its place, size and time."""
    files = [path for path in (weights, f'{weights}.index') if os.path.isfile(path)]
    return os.path.realpath(weights), *((os.path.getsize(path), os.stat(path).st_mtime_ns) for path in files)


class Described(NamedTuple):
    """A walk's vector, float32 (512,), which frames it comes from (`Track`), how fit they are (`Fitness`), the joints
    in them (list of FrameJoints), and what was shown their crops (`Looks`)."""
    walk: str
    vector: np.ndarray
    track: object
    fitness: object
    found: list
    looks: object

    def as_dict(self):
        return {'walk': self.walk, **used_frames(self.track), 'check': self.fitness.as_dict()}


def used_frames(track):
    """How many frames of a walk were used, how many skipped as damaged, and what else is to be said, for answers."""
    return {'frames': track.frames, 'used': len(track.numbers), 'skipped': track.skipped, 'crop': track.method,
            'remarks': track.remarks}


def say_track(track, verbose):
    """Say which frames of a walk were used if `verbose`, and in any case what is to be said of its recording."""
    if verbose:
        say(track)
    for remark in track.remarks:
        say(f'{track.name}: {remark}')


def read_walk(walk, arguments):
    """The frames of an argument WALK."""
    if (is_camera(walk) or walk.lower().startswith('rtsp://')) and arguments.end is None:
        raise ValueError(f'camera {without_secrets(walk)} never ends: say --end SECONDS')
    source = int(walk) if is_camera(walk) else walk
    return read_frames(source, arguments.every, arguments.start, arguments.end, stream=arguments.stream,
                       limits=limits(arguments))


@contextlib.contextmanager
def describing(weights):
    """Both networks, opened for `describe`."""
    with contextlib.ExitStack() as opened:
        yield [opened.enter_context(net) for net in open_networks(weights)]


def describe(networks, source, arguments, looks=None):
    """The vector of a walk, and what is to be known of it.

    Parameters
    ----------
    networks : (HumanPoseIRNetwork, GaitNetwork)
    source : Frames
    arguments : argparse.Namespace
    looks : fitness.Looks, optional
        New ones, which are shown the crops.

    Returns
    -------
    Described
    """
    witness = Witness(networks[0], looks)
    vector, track = walk_vector(source, witness, networks[1], crop=arguments.crop, return_track=True)
    say_track(track, arguments.verbose)
    return Described(source.name, vector, track, witness.fitness(source, track), witness.found(source, track),
                     witness.looks)
