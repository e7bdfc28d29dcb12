"""`gait-recognition enrol`, `identify`, `verify`: whose walks these are."""
import contextlib
import dataclasses
import itertools
import os
import pathlib
from typing import NamedTuple

import numpy as np

import gait_checkpoints
from gait_recognition.batches import find_walks, key_of
from gait_recognition.commands.batch import CHECK_COLUMNS, FRAME_COLUMNS, Batch, Form, add_answers, as_line, csv_line
from gait_recognition.commands.options import WALK_HELP, add_describing, add_range
from gait_recognition.commands.walks import chosen_weights, describe, describing, used_frames
from gait_recognition.console import as_json, check_target, count, put, say, walks_of_people
from gait_recognition.evaluation.manifests import read_manifest
from gait_recognition.gallery import FingerprintError, Gallery, Origin, Verification
from gait_recognition.kinds import GALLERY, kind_of
from gait_recognition.parameters import check_text
from gait_recognition.scorers import METHODS
from gait_recognition.sources import is_live, is_read_once, path_of
from gait_recognition.vectors import digest_of
from gait_recognition.weights import PRECISIONS, choose_weights


def enrol_arguments(parser):
    add_describing(parser)
    add_answers(parser)
    parser.add_argument('gallery', type=pathlib.Path, metavar='GALLERY', help='its file, made where there is none')
    parser.add_argument('walks', nargs='*', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--name', help='whose walks they are')
    parser.add_argument('--manifest', type=pathlib.Path, metavar='CSV',
                        help='person, condition, session, path of many walks, instead of --name and WALKs')
    parser.add_argument('--force', action='store_true',
                        help='take recordings that are in the gallery already, under another name or for somebody else')
    parser.add_argument('--private', action='store_true',
                        help='keep no path of any recording in this gallery, from now on')
    parser.add_argument('--strict', action='store_true',
                        help='refuse recordings that "check" calls poor (default: warn)')
    add_range(parser)


def enrol_command(arguments):
    """Add walks to a gallery, which is made where there is none; each is in it as soon as its vector is known."""
    named = bool(arguments.name), bool(arguments.walks)
    if named != ((False, False) if arguments.manifest else (True, True)):
        raise ValueError('enrol takes either --name NAME with WALKs, or --manifest CSV')
    if arguments.manifest:
        given = [(walk.person, walk.path) for walk in read_manifest(arguments.manifest)]
    else:
        given = [(arguments.name, walk) for walk in find_walks(arguments.walks)]
    check_target(arguments.gallery, writes=GALLERY)
    batch = Batch(arguments, Form(('name', *FRAME_COLUMNS, *CHECK_COLUMNS), is_kept=True), [walk for _, walk in given])
    batch.look()
    if batch.is_lost:                                       # no gallery is made for nobody
        return batch.give_up()
    weights = chosen_weights(arguments)
    with _weights_named(arguments.gallery, weights), \
            Gallery.open(arguments.gallery, weights.fingerprint, create=True) as gallery:
        gallery.agree(arguments.every, arguments.crop)
        if arguments.private and not gallery.is_private:
            gallery.make_private()
        new = _not_enrolled(arguments, gallery, [
            _New(number, person, walk, _label(walk, arguments.start, arguments.end), _contents(walk, arguments))
            for number, (person, walk) in enumerate(given)])
        batch.leave({walk.number for walk in new})
        coming = iter(new)

        def work(networks, walk, source):
            return _enrol(arguments, gallery, next(each for each in coming if each.walk == walk),
                          describe(networks, source, arguments))
        batch.run(lambda: describing(weights), work, (weights.fingerprint,), lambda answer: answer['error'])
        batch.end(f'{arguments.gallery}: {walks_of_people(len(gallery), len(gallery.list()))}')
    return batch.status()


class _New(NamedTuple):
    """A walk to enrol, and its number among those given."""
    number: int
    person: str
    walk: str
    label: str | None
    contents: str | None


def _enrol(arguments, gallery, walk, described):
    """Enrol a walk that was described; its answer and the text of it."""
    fitness, track = described.fitness, used_frames(described.track)
    if fitness.word == 'poor':
        reasons = f'{described.walk}: a poor recording to know somebody by: {"; ".join(fitness.reasons)}'
        if arguments.strict:
            raise ValueError(f'{reasons}; not enrolled (--strict)')
        say(reasons)
    origin = Origin(walk.label, walk.contents, track['used'] / track['frames'], track)
    gallery.enrol(walk.person, described.vector, None if gallery.is_private else walk.label, origins=origin,
                  force=arguments.force)
    return ({'walk': described.walk, 'name': walk.person, **described.as_dict()},
            f'{walk.person}: {described.walk}, {track["used"]} of {track["frames"]} frames')


def _part(start, end):
    return f' [{start or 0:.12g}-{end:.12g} s]' if end else f' [{start:.12g} s to the end]' if start else ''


def _label(walk, start, end):
    """What a gallery calls a walk: its full path, and the part that was asked for; None for what is read only once."""
    return None if is_live(walk) else os.path.abspath(path_of(walk)) + _part(start, end)


def _contents(walk, arguments):
    """What stands for a recording wherever it lies, and the part of it; None for what is read only once, or not at
    all."""
    if is_read_once(walk):
        return None
    with contextlib.suppress(OSError, ValueError):          # said where it is read
        return digest_of(walk).hex() + _part(arguments.start, arguments.end)


def _not_enrolled(arguments, gallery, walks):
    """Those of `walks` that are not in the gallery; refuses before it costs anything."""
    there = {each['contents']: (each['person'], each['label']) for each in gallery.walks() if each['contents']}
    unknown = {(each['person'], each['label']): each['contents'] for each in gallery.walks()}
    new = []
    for walk in walks:
        check_text('name', walk.person)
        if walk.label is None:
            new.append(walk)
            continue
        check_text('walk', walk.label)
        owner, label = there.get(walk.contents, (walk.person, None))
        if owner != walk.person and not arguments.force:
            raise ValueError(f'{arguments.gallery}: {walk.label} is enrolled as a walk of {owner} ({label}): whose is '
                             'it? Remove it there first, or keep both by --force')
        taken = unknown.get((walk.person, walk.label), '')
        if owner == walk.person and label is not None and not (arguments.force and label != walk.label) \
                or taken is None:                           # enrolled before recordings were known by their contents
            continue
        if (walk.person, walk.label) in unknown:
            say(f'{walk.label} has other contents than when it was enrolled: it is taken as another walk')
            walk = walk._replace(label=next(label for number in itertools.count(2)
                                            if (walk.person, label := f'{walk.label} ({number})') not in unknown))
        there[walk.contents] = walk.person, walk.label
        unknown[walk.person, walk.label] = walk.contents
        new.append(walk)
    if len(new) < len(walks):
        say(f'{len(walks) - len(new)} of {len(walks)} walks are enrolled already and stay as they are')
    return new


@contextlib.contextmanager
def _weights_named(path, weights):
    """Say which weights are in use, and which were, where a gallery holds vectors of others."""
    try:
        yield
    except FingerprintError as error:
        held = Gallery.load(path).fingerprint
        for precision in PRECISIONS:
            if held == dataclasses.replace(weights, precision=precision).fingerprint:
                raise ValueError(f'{path}: its vectors were made with --precision {precision}; say it here, too: they '
                                 'are compared with their like only') from error
        theirs = _weights_of(held, weights.precision)
        raise ValueError(f'{error}. In use now: {weights}' + (f'; the gallery was made with {theirs}' if theirs else '')
                         ) from error


def _weights_of(fingerprint, precision):
    """The pair of known weights at hand that a gallery was made with, or None."""
    for pair in gait_checkpoints.KNOWN_PAIRS:
        with contextlib.suppress(FileNotFoundError, ValueError):
            files = (str(gait_checkpoints.find_weights(name)) for name in (pair.pose, pair.gait))
            weights = choose_weights(*files, precision=precision)
            if weights.fingerprint == fingerprint:
                return weights
    return None


def _check_gallery(path):
    """Refuse what is no gallery before it costs anything."""
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such gallery; make one first: gait-recognition enrol {path} --name NAME '
                                'WALK')
    if path.is_file() and (kind := kind_of(path)) != GALLERY:
        raise ValueError(f'{path} holds {kind or "nothing"}, not a gallery')


def _load_gallery(arguments, weights):
    with _weights_named(arguments.gallery, weights):
        gallery = Gallery.load(arguments.gallery, weights.fingerprint)
    gallery.agree(arguments.every, arguments.crop)
    return gallery


def identify_arguments(parser):
    add_describing(parser)
    add_answers(parser)
    parser.add_argument('gallery', type=pathlib.Path, metavar='GALLERY')
    parser.add_argument('walks', nargs='+', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--top', type=count, default=5, metavar='N', help='names to show (default: 5)')
    add_range(parser)


def identify_command(arguments):
    """Say whose walks these are."""
    _check_gallery(arguments.gallery)
    batch = Batch(arguments, Form(('name', 'decision', 'similarity', 'threshold', 'ranking.0.name', 'ranking.0.score',
                                   *FRAME_COLUMNS, *CHECK_COLUMNS)))
    batch.look()
    weights = chosen_weights(arguments)
    gallery = _load_gallery(arguments, weights)
    if not len(gallery):
        raise ValueError(f'{arguments.gallery}: the gallery is empty; enrol somebody first')

    def work(networks, walk, source):
        each = describe(networks, source, arguments)
        answer, = gallery.identify(each.vector[None], top=arguments.top)
        ranking = [{'name': name, 'score': score} for name, score in answer.ranking]
        return {**each.as_dict(), **answer._asdict(), 'ranking': ranking}, _as_text(each.walk, answer)
    answers = [{name: answer.get(name) for name in ('error', 'decision', 'method')} for answer in batch.answers(
        lambda: describing(weights), work, (weights.fingerprint, _contents_of(gallery)))]
    ranked = [answer['method'] for answer in answers if answer['error'] is None]
    if ranked:
        batch.end(f'ranked by {METHODS[ranked[0]]}')
        if not gallery.calibration.get('identify'):
            batch.end(_how_to_calibrate(arguments.gallery))
        _say_outdated(arguments.gallery, gallery, 'identify')
    return batch.status(0 if all(answer['decision'] == 'known' for answer in answers) else 1)


def _as_text(walk, answer):
    threshold = '' if answer.threshold is None else f', a name above {answer.threshold:.6f}'
    return '\n'.join([f'{walk}: {answer.name or answer.decision}  (similarity {answer.similarity:.6f}{threshold})', *(
        f'{place:4}. {name}  {score:.4f}' for place, (name, score) in enumerate(answer.ranking, 1))])


def _contents_of(gallery):
    """What stands for the people in a gallery as they are now: answers of before a change are no answers of today."""
    points = {task: tuple(point) for task, point in gallery.calibration.items()}
    return key_of(gallery.audit(), gallery.list(), points)


def _say_outdated(path, gallery, task):
    if task in gallery.outdated:
        say(f'the calibration is older than the people in it: gait-recognition gallery calibrate {path} '
            '--false-accept-rate RATE')


def _how_to_calibrate(gallery):
    return f'no name without a threshold: gait-recognition gallery calibrate {gallery} --false-accept-rate RATE'


def verify_arguments(parser):
    add_describing(parser)
    add_answers(parser)
    parser.add_argument('gallery', type=pathlib.Path, metavar='GALLERY',
                        help='whose calibration decides; the two need not be in it')
    parser.add_argument('walks', nargs='+', metavar='WALK', help=f'two of them: {WALK_HELP}')
    add_range(parser)


def verify_command(arguments):
    """Say whether two walks belong to one person."""
    walks = find_walks(arguments.walks)
    if len(walks) != 2:
        raise ValueError(f'verify compares two walks, got {len(walks)}'
                         + (f': {", ".join(walks[:5])}' if len(walks) > 2 else ''))
    _check_gallery(arguments.gallery)
    batch = Batch(arguments, Form((*FRAME_COLUMNS, *CHECK_COLUMNS), is_text=False, prints=False), walks)
    batch.look()
    weights = chosen_weights(arguments)
    gallery = _load_gallery(arguments, weights)

    def work(networks, walk, source):
        each = describe(networks, source, arguments)
        return {**each.as_dict(), 'vector': each.vector.tolist()}, None
    answers = list(batch.answers(lambda: describing(weights), work, (weights.fingerprint,)))
    answer = None
    if not batch.failed:
        first, second = (np.array(answer['vector'], np.float32) for answer in answers)
        answer = gallery.verify(first, second)
        _say_outdated(arguments.gallery, gallery, 'verify')
    _print_verification(arguments, answers, answer)
    return batch.status(0 if answer and answer.decision == 'same' else 1)


def _print_verification(arguments, walks, answer):
    """Print the answer to `verify`, None where a walk has none, in the form asked for."""
    for walk in walks:
        walk.pop('text', None)
        walk.pop('vector', None)
    data = {'walks': walks, **(answer._asdict() if answer else dict.fromkeys(Verification._fields))}
    if arguments.json:
        put(as_json(data))
    elif arguments.jsonl:
        put(as_line(data))
    elif arguments.csv:
        put(csv_line(['first', 'second', 'error', *Verification._fields]))
        errors = '; '.join(walk['error'] for walk in walks if walk['error'])
        put(csv_line([*(walk['walk'] for walk in walks), errors, *(answer or [''] * len(Verification._fields))]))
    elif answer:
        threshold = '' if answer.threshold is None else f', the same above {answer.threshold:.6f}'
        put(f'{answer.decision}  (similarity {answer.score:.6f}{threshold})')
        if answer.threshold is None:
            put(_how_to_calibrate(arguments.gallery))
