"""What commands about everybody in a scene share: options, finding and describing people, saying who is where."""
import dataclasses
import pathlib
from typing import NamedTuple

import numpy as np

from gait_recognition.console import as_text, check_target, count, counted, say
from gait_recognition.fitness import Fitness, Looks, Witness
from gait_recognition.kinds import BOXES
from gait_recognition.people.box_files import read_boxes, write_boxes
from gait_recognition.people.tracks import WAYS, People, PersonTrack, people_vectors, tracks
from gait_recognition.vectors import digest_of

ONE_SCENE = 'goes with one scene'
SCENE_STAGES = ('following everybody', 'describing')
TRACK_COLUMNS = ('track', 'start', 'end', 'quality', 'problem')             # of `--csv`: `PersonTrack.as_dict`


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


def boxes_given(arguments, walks):
    """The `Boxes` of `--boxes`, None without; refuses options that do not fit together, or these walks."""
    wanted = getattr(arguments, 'everyone', False) or getattr(arguments, 'track', None)
    switch = '--everyone' if hasattr(arguments, 'everyone') else '--track N'
    for option, value in (('--boxes', arguments.boxes), ('--boxes-out', arguments.boxes_out)):
        if value and not wanted:
            raise ValueError(f'{option} goes with {switch}')
        if value and len(walks) != 1:
            raise ValueError(f'{option} {ONE_SCENE}, got {len(walks)}')
    if not wanted:
        return None
    if arguments.crop not in WAYS:
        raise ValueError(f'{switch}: people are found in whole scenes, by --crop {", ".join(WAYS)}; got '
                         f'{arguments.crop}')
    if arguments.boxes_out:
        if arguments.boxes_out.suffix.lower() != '.txt':
            raise ValueError(f"{arguments.boxes_out}: boxes are written as MOTChallenge's text, .txt")
        check_target(arguments.boxes_out, writes=BOXES,
                     inputs=[*walks, *([arguments.boxes] if arguments.boxes else [])])
    return read_boxes(arguments.boxes) if arguments.boxes else None


def boxes_state(arguments):
    """What stands for the contents of `--boxes` in kept answers; None without."""
    return digest_of(arguments.boxes).hex() if arguments.boxes else None


def wrote_boxes(arguments):
    """Says of a kept answer whether the boxes written with it are there still."""
    return lambda answer: answer['error'] is not None or not arguments.boxes_out or arguments.boxes_out.exists()


def find_people(source, net, arguments, boxes):
    """The `People` of a scene; says what is to be known of it, and writes where they are if that was asked for."""
    people = tracks(source, net, arguments.crop, boxes)
    source.reached.next_stage()
    for remark in people.remarks:
        say(f'{source.name}: {remark}')
    if arguments.verbose:
        for person in people:
            say(f'{source.name}: {person}')
    if arguments.boxes_out:
        write_boxes(arguments.boxes_out, people)
        say(f'wrote {arguments.boxes_out}')
    return people


class DescribedTrack(NamedTuple):
    """One of a scene: vector (512,), `Fitness` and joints (list of FrameJoints), None where the track shows too little
    (`person.problem`); and what was shown the crops (`Looks`)."""
    walk: str
    person: PersonTrack
    vector: np.ndarray | None
    fitness: Fitness | None
    found: list | None
    looks: Looks

    @property
    def track(self):
        return self.person.walk

    def as_dict(self):
        return {**self.person.as_dict(), 'remarks': self.track.remarks,
                'check': self.fitness and self.fitness.as_dict()}


class DescribedScene(NamedTuple):
    """A scene's name, its `People`, and a `DescribedTrack` for each of them."""
    name: str
    people: People
    tracks: list


def describe_people(networks, source, arguments, boxes, looks_of=Looks):
    """Everybody in a scene (`Frames`) with vectors, a `DescribedScene`.

    `boxes` is what `boxes_given` gave; `looks_of` gives new `Looks` for each track, which are shown its crops.
    """
    people = find_people(source, networks[0], arguments, boxes)
    witnesses = [Witness(looks=looks_of()) for _ in people]
    vectors, described = people_vectors(people, *networks, witnesses=witnesses), []
    for person, vector, witness in zip(people, vectors, witnesses):
        seen = (None, None) if vector is None else [
            ask(people.frames, person.walk, people.seconds) for ask in (witness.fitness, witness.found)]
        described.append(DescribedTrack(f'{source.name}, track {person.number}', person, vector, *seen, witness.looks))
    return DescribedScene(source.name, people, described)


class _OneTrack(NamedTuple):
    """As `walks.Described`, of one in a scene."""
    walk: str
    vector: np.ndarray
    track: object
    fitness: Fitness
    facts: dict

    def as_dict(self):
        return {'walk': self.walk, **self.facts}


def describe_track(networks, source, arguments, boxes):
    """The one of a scene whom `arguments.track` names, as `walks.describe` gives a walk.

    Raises
    ------
    ValueError
        There is no such track, or it has no vector.
    """
    scene = describe_people(networks, source, arguments, boxes)
    for each in scene.tracks:
        if each.person.number == arguments.track:
            if each.vector is None:
                raise ValueError(f'{each.walk}: no vector: {each.person.problem}')
            track = dataclasses.replace(each.track, remarks=[*scene.people.remarks, *each.track.remarks])
            facts = {**scene_facts(scene.people), **each.as_dict(), 'remarks': track.remarks}
            return _OneTrack(scene.name, each.vector, track, each.fitness, facts)
    raise ValueError(f'{scene.name}: no track {arguments.track}; there {"is" if len(scene.tracks) == 1 else "are"} '
                     f'{counted(len(scene.tracks), "track")}')


def scene_facts(people):
    """What is known of a scene's frames, for answers."""
    frames = people.frames
    return {'frames': frames.count + frames.skipped, 'skipped': frames.skipped, 'crop': people.method,
            'remarks': people.remarks}


def headline(name, people):
    """The line above a scene's tracks."""
    return f'{name}: {counted(len(people), "person", "people") if people else "nobody walks here"}'


def of_scene(scene, tracks, lines=()):
    """The answer for a `DescribedScene` with these facts of its tracks, and its text."""
    return ({'walk': scene.name, **scene_facts(scene.people), 'tracks': tracks},
            as_text([headline(scene.name, scene.people), *lines]))


def track_rows(answer):
    """The rows of `--csv` for a scene's answer: one for each track, which has the scene's facts, too."""
    remarks = answer.get('remarks', [])
    return [{**answer, **track, 'remarks': [*remarks, *track.get('remarks', [])]} for track in
            answer.get('tracks', [])] or [answer]
