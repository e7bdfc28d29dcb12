"""`gait-recognition enrol`, `identify`, `verify`: whose walks these are."""
import contextlib
import os
import pathlib

import numpy as np

import gait_checkpoints
from gait_recognition.commands.options import WALK_HELP, add_describing, add_range, count
from gait_recognition.commands.walks import chosen_weights, describe, read_walk
from gait_recognition.console import check_target, print_answer, say
from gait_recognition.evaluation.manifests import read_manifest
from gait_recognition.gallery import FingerprintError, Gallery, check_text
from gait_recognition.sources import is_live, path_of
from gait_recognition.weights import choose_weights


def enrol_arguments(parser):
    add_describing(parser)
    parser.add_argument('gallery', type=pathlib.Path, metavar='GALLERY', help='its .npz, made where there is none')
    parser.add_argument('walks', nargs='*', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--name', help='whose walks they are')
    parser.add_argument('--manifest', type=pathlib.Path, metavar='CSV',
                        help='person, condition, session, path of many walks, instead of --name and WALKs')
    add_range(parser)


def enrol_command(arguments):
    """Add walks to a gallery, which is made where there is none; each is in it as soon as its vector is known."""
    named = bool(arguments.name), bool(arguments.walks)
    if named != ((False, False) if arguments.manifest else (True, True)):
        raise ValueError('enrol takes either --name NAME with WALKs, or --manifest CSV')
    if arguments.manifest:
        walks = [(walk.person, walk.path) for walk in read_manifest(arguments.manifest)]
    else:
        walks = [(arguments.name, walk) for walk in arguments.walks]
    walks = [(person, _label(walk, arguments.start, arguments.end), read_walk(walk, arguments))
             for person, walk in walks]
    check_target(arguments.gallery)
    weights, answer = chosen_weights(arguments), []
    with _weights_named(arguments.gallery, weights), \
            Gallery.open(arguments.gallery, weights.fingerprint, create=True) as gallery:
        new = _not_enrolled(arguments.gallery, gallery, walks)
        try:
            with contextlib.closing(describe([source for *_, source in new], weights, arguments)) as described:
                for (person, label, _), each in zip(new, described):
                    gallery.enrol(person, each.vector, label)
                    gallery.save()
                    answer.append({'name': person, **each.as_dict()})
        except BaseException:
            if answer:
                say(f'{len(answer)} of {len(new)} walks are enrolled; the same command goes on with the others')
            raise
        total = f'{arguments.gallery}: {len(gallery)} walks of {len(gallery.list())} people'
    lines = [f'{each["name"]}: {each["walk"]}, {each["used"]} of {each["frames"]} frames' for each in answer]
    print_answer(arguments, answer, '\n'.join([*lines, total]))
    return 0


def _label(walk, start, end):
    """What a gallery calls a walk: its full path, and the part that was asked for; None for what is read only once."""
    if is_live(walk):
        return None
    part = f' [{start or 0:.12g}-{end:.12g} s]' if end else f' [{start:.12g} s to the end]' if start else ''
    return os.path.abspath(path_of(walk)) + part


def _not_enrolled(path, gallery, walks):
    """Those of `walks` (person, label, frames) that are not in the gallery; refuses before it costs anything."""
    owners, new = {label: name for name, labels in gallery.list().items() for label in labels}, []
    for person, label, frames in walks:
        check_text('name', person)
        if label is not None:
            check_text('walk', label)
            if owners.get(label, person) != person:
                raise ValueError(f'{path}: {label} is enrolled as a walk of {owners[label]}; remove it there first')
            if label in owners:
                continue
            owners[label] = person
        new.append((person, label, frames))
    if len(new) < len(walks):
        say(f'{len(walks) - len(new)} of {len(walks)} walks are enrolled already and stay as they are')
    return new


@contextlib.contextmanager
def _weights_named(path, weights):
    """Say which weights are in use, and which were, where a gallery holds vectors of others."""
    try:
        yield
    except FingerprintError as error:
        theirs = _weights_of(Gallery.load(path).fingerprint, weights.precision)
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


def _load_gallery(path, weights):
    with _weights_named(path, weights):
        return Gallery.load(path, weights.fingerprint)


def identify_arguments(parser):
    add_describing(parser)
    parser.add_argument('gallery', type=pathlib.Path, metavar='GALLERY')
    parser.add_argument('walks', nargs='+', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--top', type=count, default=5, metavar='N', help='names to show (default: 5)')
    add_range(parser)


def identify_command(arguments):
    """Say whose walks these are."""
    sources = [read_walk(walk, arguments) for walk in arguments.walks]
    weights = chosen_weights(arguments)
    gallery = _load_gallery(arguments.gallery, weights)
    if not len(gallery):
        raise ValueError(f'{arguments.gallery}: the gallery is empty; enrol somebody first')
    described = list(describe(sources, weights, arguments))
    answers = gallery.identify(np.stack([each.vector for each in described]))
    data, lines = [], []
    for each, answer in zip(described, answers):
        ranking = answer.ranking[:arguments.top]
        data.append({**each.as_dict(), **answer._asdict(),
                     'ranking': [{'name': name, 'score': score} for name, score in ranking]})
        lines.append(f'{each.walk}: {answer.name or answer.decision}  (similarity {answer.similarity:.6f}'
                     + ('' if answer.threshold is None else f', a name above {answer.threshold:.6f}') + ')')
        lines += [f'{place:4}. {name}  {score:.4f}' for place, (name, score) in enumerate(ranking, 1)]
    lines.append(f'ranked by {_method(answers[0].method)}')
    if not gallery.calibration.get('identify'):
        lines.append(_how_to_calibrate(arguments.gallery))
    print_answer(arguments, data, '\n'.join(lines))
    return 0 if all(answer.decision == 'known' for answer in answers) else 1


def _method(method):
    return {'svm': 'linear SVM', 'cosine': 'cosine similarity to the nearest walk'}[method]


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
    sources = [read_walk(walk, arguments) for walk in (arguments.first, arguments.second)]
    weights = chosen_weights(arguments)
    gallery = _load_gallery(arguments.gallery, weights)
    first, second = describe(sources, weights, arguments)
    answer = gallery.verify(first.vector, second.vector)
    threshold = '' if answer.threshold is None else f', the same above {answer.threshold:.6f}'
    text = f'{answer.decision}  (similarity {answer.score:.6f}{threshold})'
    if answer.threshold is None:
        text += '\n' + _how_to_calibrate(arguments.gallery)
    print_answer(arguments, {'walks': [first.as_dict(), second.as_dict()], **answer._asdict()}, text)
    return 0 if answer.decision == 'same' else 1
