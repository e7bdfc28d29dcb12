"""`gait-recognition vector`: walks' identification vectors, written or printed."""
import json
import pathlib

import numpy as np

import gait_files
from gait_recognition.commands.batch import CHECK_COLUMNS, FRAME_COLUMNS, Batch, Form, add_answers, csv_line
from gait_recognition.commands.everyone import (
    SCENE_STAGES,
    TRACK_COLUMNS,
    add_everyone,
    boxes_given,
    boxes_state,
    describe_people,
    of_scene,
    track_rows,
    wrote_boxes,
)
from gait_recognition.commands.options import WALK_HELP, add_describing, add_range
from gait_recognition.commands.walks import chosen_weights, describe, describing
from gait_recognition.console import check_target, say
from gait_recognition.kinds import VECTOR_SIZE, VECTORS

HEADER = ['walk', *(f'v{i}' for i in range(VECTOR_SIZE))]


def vector_arguments(parser):
    add_describing(parser)
    add_answers(parser)
    parser.add_argument('walks', nargs='+', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--output', type=pathlib.Path, metavar='FILE',
                        help=f'{", ".join(VECTOR_WRITERS)} (default: CSV on standard output)')
    add_everyone(parser)
    add_range(parser)


def vector_command(arguments):
    """Write or print the vectors of walks."""
    writer = None
    if arguments.output:
        writer = VECTOR_WRITERS.get(arguments.output.suffix.lower())
        if writer is None:
            raise ValueError(f'{arguments.output}: vectors are written as {", ".join(VECTOR_WRITERS)}')
        check_target(arguments.output, writes=VECTORS, inputs=arguments.walks)
    form = Form((*FRAME_COLUMNS, *CHECK_COLUMNS, *(f'vector.{i}' for i in range(VECTOR_SIZE))), head=csv_line(HEADER),
                is_text=writer is None)
    if arguments.everyone:
        form = form._replace(columns=(*TRACK_COLUMNS, *form.columns), stages=SCENE_STAGES, rows=track_rows)
    batch = Batch(arguments, form)
    boxes = boxes_given(arguments, batch.walks)
    batch.look()
    if batch.is_lost:
        return batch.give_up()
    weights = chosen_weights(arguments)

    def work(networks, walk, source):
        if arguments.everyone:
            return _vectors_of_scene(describe_people(networks, source, arguments, boxes))
        each = describe(networks, source, arguments)
        return {**each.as_dict(), 'track': _crops(each.track), 'vector': each.vector.tolist()}, \
            csv_line(_row(each.walk, each.vector))
    answers = [answer for answer in batch.answers(lambda: describing(weights), work, (
        weights.fingerprint, boxes_state(arguments)), wrote_boxes(arguments)) if answer['error'] is None]
    if arguments.everyone:
        answers = [track for answer in answers for track in _tracks_as_walks(answer)]
    if writer and answers:
        with gait_files.replacing(arguments.output, shared=True) as file:
            writer(file, [{name: value for name, value in answer.items() if name != 'text'} for answer in answers],
                   weights)
    return batch.status()


def _row(walk, vector):
    return [walk, *map(str, vector)]


def _crops(track):
    return {name: getattr(track, name) for name in ('numbers', 'boxes', 'dropped', 'skipped')}


def _vectors_of_scene(scene):
    """The answer for a scene, and a line for each track that has a vector."""
    described = [each for each in scene.tracks if each.vector is not None]
    for each in scene.tracks:
        if each.vector is None:
            say(f'{each.walk} has no vector: {each.person.problem}')
    if not described:
        raise ValueError(f'{scene.name}: no track has a vector' if scene.tracks else
                         f'{scene.name}: nobody walks here, so there is no vector')
    facts, _ = of_scene(scene, [{**each.as_dict(), 'crops': _crops(each.person.walk),
                                 'vector': None if each.vector is None else each.vector.tolist()}
                                for each in scene.tracks])
    return facts, '\n'.join(csv_line(_row(each.walk, each.vector)) for each in described)


def _tracks_as_walks(answer):
    """The tracks of a scene's answer that have a vector, for a file of vectors: each is a walk."""
    return [{'walk': f'{answer["walk"]}, track {track["track"]}', 'scene': answer['walk'], **track}
            for track in answer['tracks'] if track['vector'] is not None]


def _vectors(answers):
    return np.array([answer['vector'] for answer in answers], np.float32)


def _save_npy(file, answers, weights):
    np.save(file, _vectors(answers))


def _save_npz(file, answers, weights):
    np.savez(file, vectors=_vectors(answers), walks=np.array([answer['walk'] for answer in answers]),
             fingerprint=np.array(weights.fingerprint))


def _save_csv(file, answers, weights):
    lines = [HEADER, *([answer['walk'], *map(str, vector)] for answer, vector in zip(answers, _vectors(answers)))]
    file.write(''.join(f'{csv_line(line)}\n' for line in lines).encode())


def _save_json(file, answers, weights):
    file.write(json.dumps(answers, ensure_ascii=False).encode())


VECTOR_WRITERS = {'.npy': _save_npy, '.npz': _save_npz, '.csv': _save_csv, '.json': _save_json}
