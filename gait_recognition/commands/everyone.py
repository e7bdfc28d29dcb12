"""What commands about everybody in a scene share: options, finding and describing people, saying who is where."""
import contextlib
import pathlib
from typing import NamedTuple

from gait_recognition.commands.options import count
from gait_recognition.console import check_target, counted, say
from gait_recognition.kinds import BOXES
from gait_recognition.people.box_files import read_boxes, write_boxes
from gait_recognition.people.tracks import WAYS, people_vectors, tracks
from gait_recognition.weights import open_networks

ONE_SCENE = 'goes with one scene'


def add_everyone(parser):
    """The options of commands that take scenes."""
    parser.add_argument('--everyone', action='store_true',
                        help='follow everybody in the scene: an answer for each track, with its start and end')
    _add_boxes(parser)


def add_track(parser):
    """The options of a command that takes one of those in a scene."""
    parser.add_argument('--track', type=count, metavar='N',
                        help='of several people in the scene: this one, as "vector --everyone" and "identify '
                             '--everyone" number them')
    _add_boxes(parser)


def _add_boxes(parser):
    parser.add_argument('--boxes', type=pathlib.Path, metavar='FILE',
                        help="where people are, found by another detector or tracker: MOTChallenge's text (.txt) or "
                             "COCO's results (.json)")
    parser.add_argument('--boxes-out', type=pathlib.Path, metavar='FILE',
                        help="write where people are: MOTChallenge's text (.txt)")


def check_everyone(arguments):
    """Refuse options that do not fit together; read the boxes, which then are `arguments.boxes`."""
    wanted = getattr(arguments, 'everyone', False) or getattr(arguments, 'track', None)
    switch = '--everyone' if hasattr(arguments, 'everyone') else '--track N'
    for option, value in (('--boxes', arguments.boxes), ('--boxes-out', arguments.boxes_out)):
        if value and not wanted:
            raise ValueError(f'{option} goes with {switch}')
        if value and len(arguments.walks) != 1:
            raise ValueError(f'{option} {ONE_SCENE}, got {len(arguments.walks)}')
    if not wanted:
        return
    if arguments.crop not in WAYS:
        raise ValueError(f'{switch}: people are found in whole scenes, by --crop {", ".join(WAYS)}; got '
                         f'{arguments.crop}')
    if arguments.boxes_out:
        if arguments.boxes_out.suffix.lower() != '.txt':
            raise ValueError(f"{arguments.boxes_out}: boxes are written as MOTChallenge's text, .txt")
        check_target(arguments.boxes_out, writes=BOXES, inputs=[*arguments.walks,
                                                                *([arguments.boxes] if arguments.boxes else [])])
    if arguments.boxes:
        arguments.boxes = read_boxes(arguments.boxes)


def find_people(source, net, arguments):
    """The `People` of a scene; says what is to be known of it, and writes where they are if that was asked for."""
    people = tracks(source, net, arguments.crop, arguments.boxes)
    for remark in people.remarks:
        say(f'{source.name}: {remark}')
    if arguments.verbose:
        for person in people:
            say(f'{source.name}: {person}')
    if arguments.boxes_out:
        write_boxes(arguments.boxes_out, people)
        say(f'wrote {arguments.boxes_out}')
    return people


class Scene(NamedTuple):
    """A scene's name, its `People`, and a vector, or None, for each of them."""
    name: str
    people: list
    vectors: list

    @property
    def described(self):
        """(PersonTrack, vector) of those who have one."""
        return [(person, vector) for person, vector in zip(self.people, self.vectors) if vector is not None]

    def as_dict(self):
        frames = self.people.frames
        return {'walk': self.name, 'frames': frames.count + frames.skipped, 'skipped': frames.skipped,
                'remarks': self.people.remarks}


def describe_scenes(sources, weights, arguments):
    """The people of scenes and their vectors, one scene after the other.

    Yields
    ------
    Scene
    """
    with contextlib.ExitStack() as opened:
        pose_net, gait_net = (opened.enter_context(net) for net in open_networks(weights))
        for source in sources:
            people = find_people(source, pose_net, arguments)
            yield Scene(source.name, people, people_vectors(people, pose_net, gait_net))


def headline(name, people):
    """The line above a scene's tracks."""
    return f'{name}: {counted(len(people), "person", "people") if people else "nobody walks here"}'


def track_of(scene, number):
    """The (PersonTrack, vector) of a track's number; ValueError where there is none."""
    for person, vector in zip(scene.people, scene.vectors):
        if person.number == number:
            if vector is None:
                raise ValueError(f'{scene.name}, track {number}: no vector: {person.problem}')
            return person, vector
    raise ValueError(f'{scene.name}: no track {number}; there {"is" if len(scene.people) == 1 else "are"} '
                     f'{counted(len(scene.people), "track")}')
