"""`gait-recognition enrol`, `identify`, `verify`: whose walks these are."""
import contextlib
import dataclasses
import itertools
import os
import pathlib
from typing import NamedTuple

import numpy as np

import gait_checkpoints
from gait_recognition.commands.everyone import (
    add_everyone,
    add_track,
    check_everyone,
    describe_scenes,
    headline,
    track_of,
)
from gait_recognition.commands.options import WALK_HELP, add_describing, add_range, count
from gait_recognition.commands.walks import Described, chosen_weights, describe, read_walk, used_frames
from gait_recognition.console import check_target, print_answer, say, walks_of_people
from gait_recognition.evaluation.manifests import read_manifest
from gait_recognition.frames import Frames
from gait_recognition.gallery import FingerprintError, Gallery, Source
from gait_recognition.kinds import GALLERY, kind_of
from gait_recognition.parameters import check_text
from gait_recognition.scorers import METHODS
from gait_recognition.sources import is_live, path_of
from gait_recognition.vectors import digest_of
from gait_recognition.weights import PRECISIONS, choose_weights


def enrol_arguments(parser):
    add_describing(parser)
    parser.add_argument('gallery', type=pathlib.Path, metavar='GALLERY', help='its file, made where there is none')
    parser.add_argument('walks', nargs='*', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--name', help='whose walks they are')
    parser.add_argument('--manifest', type=pathlib.Path, metavar='CSV',
                        help='person, condition, session, path of many walks, instead of --name and WALKs')
    add_track(parser)
    parser.add_argument('--force', action='store_true',
                        help='take recordings that are in the gallery already, under another name or for somebody else')
    parser.add_argument('--private', action='store_true',
                        help='keep no path of any recording in this gallery, from now on')
    add_range(parser)


def enrol_command(arguments):
    """Add walks to a gallery, which is made where there is none; each is in it as soon as its vector is known."""
    named = bool(arguments.name), bool(arguments.walks)
    if named != ((False, False) if arguments.manifest else (True, True)):
        raise ValueError('enrol takes either --name NAME with WALKs, or --manifest CSV')
    if arguments.track and (arguments.manifest or len(arguments.walks) != 1):
        raise ValueError('enrol --track N takes one scene, and --name NAME')
    check_everyone(arguments)
    if arguments.manifest:
        walks = [(walk.person, walk.path) for walk in read_manifest(arguments.manifest)]
    else:
        walks = [(arguments.name, walk) for walk in arguments.walks]
    walks = [(person, walk, read_walk(walk, arguments)) for person, walk in walks]
    walks = [_New(person, _label(walk, arguments), _contents(walk, frames, arguments), frames)
             for person, walk, frames in walks]
    check_target(arguments.gallery, writes=GALLERY)
    weights, answer = chosen_weights(arguments), []
    with _weights_named(arguments.gallery, weights), \
            Gallery.open(arguments.gallery, weights.fingerprint, create=True) as gallery:
        gallery.agree(arguments.every, arguments.crop)
        if arguments.private and not gallery.is_private:
            gallery.make_private()
        new = _not_enrolled(arguments, gallery, walks)
        try:
            with contextlib.closing(_described(new, weights, arguments)) as described:
                for walk, each in zip(new, described):
                    track = used_frames(each.track)
                    source = Source(walk.label, walk.contents, track['used'] / track['frames'], track)
                    gallery.enrol(walk.person, each.vector, None if gallery.is_private else walk.label, sources=source,
                                  force=arguments.force)
                    answer.append({'name': walk.person, **each.as_dict()})
        except BaseException:
            if answer:
                say(f'{len(answer)} of {len(new)} walks are enrolled; the same command goes on with the others')
            raise
        total = f'{arguments.gallery}: {walks_of_people(len(gallery), len(gallery.list()))}'
    lines = [f'{each["name"]}: {each["walk"]}, {each["used"]} of {each["frames"]} frames' for each in answer]
    print_answer(arguments, answer, '\n'.join([*lines, total]))
    return 0


class _New(NamedTuple):
    """A walk to enrol."""
    person: str
    label: str | None
    contents: str | None
    frames: Frames


def _described(new, weights, arguments):
    """The `Described` of new walks, or of the one track."""
    sources = [walk.frames for walk in new]
    if not arguments.track:
        yield from describe(sources, weights, arguments)
        return
    for scene in describe_scenes(sources, weights, arguments):
        person, vector = track_of(scene, arguments.track)
        yield Described(scene.name, vector, person.walk)


def _part(arguments):
    start, end = arguments.start, arguments.end
    part = f' [{start or 0:.12g}-{end:.12g} s]' if end else f' [{start:.12g} s to the end]' if start else ''
    return part + (f' [track {arguments.track}]' if arguments.track else '')


def _label(walk, arguments):
    """What a gallery calls a walk: its full path, and the part that was asked for; None for what is read only once."""
    return None if is_live(walk) else os.path.abspath(path_of(walk)) + _part(arguments)


def _contents(walk, frames, arguments):
    """What stands for a recording wherever it lies, and the part of it; None for what is read only once."""
    if is_live(walk) or not frames.rereadable:
        return None
    return digest_of(walk).hex() + _part(arguments)


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
    parser.add_argument('gallery', type=pathlib.Path, metavar='GALLERY')
    parser.add_argument('walks', nargs='+', metavar='WALK', help=WALK_HELP)
    add_everyone(parser)
    parser.add_argument('--top', type=count, default=5, metavar='N', help='names to show (default: 5)')
    add_range(parser)


def identify_command(arguments):
    """Say whose walks these are."""
    _check_gallery(arguments.gallery)
    check_everyone(arguments)
    sources = [read_walk(walk, arguments) for walk in arguments.walks]
    weights = chosen_weights(arguments)
    gallery = _load_gallery(arguments, weights)
    if not len(gallery):
        raise ValueError(f'{arguments.gallery}: the gallery is empty; enrol somebody first')
    if arguments.everyone:
        return _identify_everyone(sources, weights, gallery, arguments)
    described = list(describe(sources, weights, arguments))
    answers = gallery.identify(np.stack([each.vector for each in described]), top=arguments.top)
    data, lines = [], []
    for each, answer in zip(described, answers):
        ranking = answer.ranking
        data.append({**each.as_dict(), **answer._asdict(),
                     'ranking': [{'name': name, 'score': score} for name, score in ranking]})
        lines.append(f'{each.walk}: {answer.name or answer.decision}  (similarity {answer.similarity:.6f}'
                     + ('' if answer.threshold is None else f', a name above {answer.threshold:.6f}') + ')')
        lines += [f'{place:4}. {name}  {score:.4f}' for place, (name, score) in enumerate(ranking, 1)]
    lines.append(f'ranked by {METHODS[answers[0].method]}')
    if not gallery.calibration.get('identify'):
        lines.append(_how_to_calibrate(arguments.gallery))
    _say_outdated(arguments.gallery, gallery, 'identify')
    print_answer(arguments, data, '\n'.join(lines))
    return 0 if all(answer.decision == 'known' for answer in answers) else 1


def _identify_everyone(sources, weights, gallery, arguments):
    """Say who walks in these scenes, and when; return the exit status."""
    data, lines, all_known = [], [], True
    for scene in describe_scenes(sources, weights, arguments):
        described = scene.described
        vectors = [vector for _, vector in described]
        answers = gallery.identify(np.stack(vectors), top=arguments.top) if vectors else []
        answers = {person.number: answer for (person, _), answer in zip(described, answers)}
        lines.append(headline(scene.name, scene.people))
        found = [_of_track(person, answers.get(person.number)) for person in scene.people]
        lines += [line for _, line in found]
        data.append({**scene.as_dict(), 'tracks': [facts for facts, _ in found]})
        all_known &= bool(scene.people) and all(facts['decision'] == 'known' for facts, _ in found)
    if not gallery.calibration.get('identify'):
        lines.append(_how_to_calibrate(arguments.gallery))
    _say_outdated(arguments.gallery, gallery, 'identify')
    print_answer(arguments, data, '\n'.join(lines))
    return 0 if all_known else 1


def _of_track(person, answer):
    """(facts, line) of a track and who it is."""
    facts, when = person.as_dict(), f'  track {person.number}, {person.start:.2f} to {person.end:.2f} s: '
    if answer is None:
        return {**facts, 'decision': 'unknown', 'name': None, 'ranking': []}, f'{when}unknown: {person.problem}'
    ranking = [{'name': name, 'score': score} for name, score in answer.ranking]
    return ({**facts, **answer._asdict(), 'ranking': ranking},
            f'{when}{answer.name or answer.decision}  (similarity {answer.similarity:.6f}'
            + ('' if answer.threshold is None else f', a name above {answer.threshold:.6f}')
            + f'; nearest {answer.ranking[0][0]}; quality {person.quality:.2f})')


def _say_outdated(path, gallery, task):
    if task in gallery.outdated:
        say(f'the calibration is older than the people in it: gait-recognition gallery calibrate {path} '
            '--false-accept-rate RATE')


def _how_to_calibrate(gallery):
    return f'no name without a threshold: gait-recognition gallery calibrate {gallery} --false-accept-rate RATE'


def verify_arguments(parser):
    add_describing(parser)
    parser.add_argument('gallery', type=pathlib.Path, metavar='GALLERY',
                        help='whose calibration decides; the two need not be in it')
    parser.add_argument('first', metavar='WALK', help=WALK_HELP)
    parser.add_argument('second', metavar='WALK')
    add_range(parser)


def verify_command(arguments):
    """Say whether two walks belong to one person."""
    _check_gallery(arguments.gallery)
    sources = [read_walk(walk, arguments) for walk in (arguments.first, arguments.second)]
    weights = chosen_weights(arguments)
    gallery = _load_gallery(arguments, weights)
    first, second = describe(sources, weights, arguments)
    answer = gallery.verify(first.vector, second.vector)
    _say_outdated(arguments.gallery, gallery, 'verify')
    threshold = '' if answer.threshold is None else f', the same above {answer.threshold:.6f}'
    text = f'{answer.decision}  (similarity {answer.score:.6f}{threshold})'
    if answer.threshold is None:
        text += '\n' + _how_to_calibrate(arguments.gallery)
    print_answer(arguments, {'walks': [first.as_dict(), second.as_dict()], **answer._asdict()}, text)
    return 0 if answer.decision == 'same' else 1
