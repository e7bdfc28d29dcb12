"""What commands about walks share: reading the walks, and describing them by vectors."""
import contextlib
from typing import NamedTuple

import numpy as np

from gait_recognition.commands.options import limits
from gait_recognition.console import say
from gait_recognition.frames import read_frames
from gait_recognition.progress import Progress
from gait_recognition.sources import is_camera
from gait_recognition.vectors import walk_vector
from gait_recognition.weights import find_pair, load_tensorflow, open_networks, warn_of_defaults, weights_of


def chosen_weights(arguments):
    """The weights that a command is to use."""
    pair = find_pair(arguments.pose_weights, arguments.gait_weights)
    warn_of_defaults(arguments.pose_weights, arguments.gait_weights)
    load_tensorflow(arguments.verbose)                      # takes seconds: only now that the files are there
    weights = weights_of(pair, arguments.recurrent_unit, arguments.rnn_layers, arguments.precision)
    if arguments.verbose:
        say(f'weights: {weights}')
    return weights


class Described(NamedTuple):
    """A walk's vector, float32 (512,), and which frames it comes from (`Track`)."""
    walk: str
    vector: np.ndarray
    track: object

    def as_dict(self):
        return {'walk': self.walk, **used_frames(self.track)}


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
        raise ValueError(f'camera {walk} never ends: say --end SECONDS')
    source = int(walk) if is_camera(walk) else walk
    return read_frames(source, arguments.every, arguments.start, arguments.end, stream=arguments.stream,
                       limits=limits(arguments))


def describe(sources, weights, arguments):
    """The vectors of walks, one after the other.

    Parameters
    ----------
    sources : list of Frames
    weights : Weights

    Yields
    ------
    Described
    """
    progress = Progress(len(sources), 'walks')
    with contextlib.ExitStack() as opened:
        opened.enter_context(contextlib.closing(progress))
        networks = [opened.enter_context(net) for net in open_networks(weights)]
        for number, source in enumerate(sources):
            progress(number, source.name)
            vector, track = walk_vector(source, *networks, crop=arguments.crop, return_track=True)
            say_track(track, arguments.verbose)
            yield Described(source.name, vector, track)
