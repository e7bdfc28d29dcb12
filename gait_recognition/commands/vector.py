"""`gait-recognition vector`: walks' identification vectors, written or printed."""
import csv
import io
import json
import pathlib
import sys
from typing import NamedTuple

import numpy as np

import gait_files
from gait_recognition.commands.everyone import add_everyone, check_everyone, describe_scenes
from gait_recognition.commands.options import WALK_HELP, add_describing, add_range
from gait_recognition.commands.walks import Described, chosen_weights, describe, read_walk
from gait_recognition.console import check_target, print_answer, say
from gait_recognition.kinds import VECTORS


def vector_arguments(parser):
    add_describing(parser)
    parser.add_argument('walks', nargs='+', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--output', type=pathlib.Path, metavar='FILE',
                        help=f'{", ".join(VECTOR_WRITERS)} (default: CSV on standard output)')
    add_everyone(parser)
    add_range(parser)


def vector_command(arguments):
    """Write or print the vectors of walks."""
    writer = None
    check_everyone(arguments)
    if arguments.output:
        writer = VECTOR_WRITERS.get(arguments.output.suffix.lower())
        if writer is None:
            raise ValueError(f'{arguments.output}: vectors are written as {", ".join(VECTOR_WRITERS)}')
        check_target(arguments.output, writes=VECTORS, inputs=arguments.walks)
    sources = [read_walk(walk, arguments) for walk in arguments.walks]
    weights = chosen_weights(arguments)
    described = list((_describe_everyone if arguments.everyone else describe)(sources, weights, arguments))
    if not described:
        raise ValueError(f'{arguments.walks[0]}: nobody walks here, so there is no vector')
    if writer:
        with gait_files.replacing(arguments.output, shared=True) as file:
            writer(file, described, weights)
    elif not arguments.json:
        _write_vectors_csv(sys.stdout, described)
    if arguments.json:
        print_answer(arguments, _vectors_as_dicts(described), None)
    return 0


class _OfTrack(NamedTuple):
    """As `walks.Described`, of a walker in a scene (`PersonTrack`)."""
    walk: str
    vector: np.ndarray
    person: object

    @property
    def track(self):
        return self.person.walk

    def as_dict(self):
        return {**Described(self.walk, self.vector, self.track).as_dict(), **self.person.as_dict()}


def _describe_everyone(sources, weights, arguments):
    """What stands for each walker's vector: the walk is the scene's name and the track's number."""
    for scene in describe_scenes(sources, weights, arguments):
        for person, vector in zip(scene.people, scene.vectors):
            if vector is None:
                say(f'{scene.name}, track {person.number} has no vector: {person.problem}')
            else:
                yield _OfTrack(f'{scene.name}, track {person.number}', vector, person)


def _vectors_as_dicts(described):
    def crops(track):
        return {'numbers': track.numbers, 'boxes': track.boxes, 'dropped': track.dropped, 'skipped': track.skipped}
    return [{**each.as_dict(), 'crops' if isinstance(each, _OfTrack) else 'track': crops(each.track),
             'vector': each.vector.tolist()} for each in described]


def _write_vectors_csv(file, described):
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(['walk', *(f'v{i}' for i in range(len(described[0].vector)))])
    for each in described:
        writer.writerow([each.walk, *map(str, each.vector)])


def _save_npy(file, described, weights):
    np.save(file, np.stack([each.vector for each in described]))


def _save_npz(file, described, weights):
    np.savez(file, vectors=np.stack([each.vector for each in described]),
             walks=np.array([each.walk for each in described]), fingerprint=np.array(weights.fingerprint))


def _save_csv(file, described, weights):
    text = io.TextIOWrapper(file, 'utf-8', newline='')
    _write_vectors_csv(text, described)
    text.detach()


def _save_json(file, described, weights):
    file.write(json.dumps(_vectors_as_dicts(described), ensure_ascii=False).encode())


VECTOR_WRITERS = {'.npy': _save_npy, '.npz': _save_npz, '.csv': _save_csv, '.json': _save_json}
