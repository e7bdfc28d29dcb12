"""`gait-recognition enrol`, `identify`, `verify`: whose walks these are."""
import contextlib
import dataclasses
import itertools
import os
import pathlib
from typing import NamedTuple

import numpy as np

import gait_checkpoints
from gait_recognition.commands.options import WALK_HELP, add_describing, add_gallery, add_range, count, key_in
from gait_recognition.commands.walks import chosen_weights, describe, read_walk, used_frames
from gait_recognition.console import check_target, print_answer, say, walks_of_people
from gait_recognition.evaluation.manifests import read_manifest
from gait_recognition.frames import Frames
from gait_recognition.gallery import DEFAULT_RATE, FingerprintError, Gallery, Source
from gait_recognition.kinds import GALLERY, kind_of
from gait_recognition.parameters import check_text
from gait_recognition.progress import Progress
from gait_recognition.scorers import METHODS
from gait_recognition.sources import is_live, path_of
from gait_recognition.vectors import digest_of
from gait_recognition.weights import PRECISIONS, choose_weights

WEAK = 3                         # exit status: every walk has a name or a weak one


def enrol_arguments(parser):
    add_describing(parser)
    add_gallery(parser, 'its file, or postgresql://USER@HOST/DATABASE, made where there is none')
    parser.add_argument('walks', nargs='*', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--name', help='whose walks they are')
    parser.add_argument('--manifest', type=pathlib.Path, metavar='CSV',
                        help='person, condition, session, path of many walks, instead of --name and WALKs')
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
    if arguments.manifest:
        walks = [(walk.person, walk.path) for walk in read_manifest(arguments.manifest)]
    else:
        walks = [(arguments.name, walk) for walk in arguments.walks]
    walks = [(person, walk, read_walk(walk, arguments)) for person, walk in walks]
    walks = [_New(person, _label(walk, arguments.start, arguments.end), _contents(walk, frames, arguments), frames)
             for person, walk, frames in walks]
    if isinstance(arguments.gallery, pathlib.Path):         # an encrypted file does not show what it is
        check_target(arguments.gallery, writes=None if arguments.key_file else GALLERY)
    key = key_in(arguments.key_file)
    weights, answer = chosen_weights(arguments), []
    with _weights_named(arguments.gallery, weights, key), \
            Gallery.open(arguments.gallery, weights.fingerprint, create=True, key=key) as gallery:
        gallery.agree(arguments.every, arguments.crop)
        if arguments.private and not gallery.is_private:
            gallery.make_private()
        new = _not_enrolled(arguments, gallery, walks)
        try:
            with contextlib.closing(describe([walk.frames for walk in new], weights, arguments)) as described:
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


def _part(start, end):
    return f' [{start or 0:.12g}-{end:.12g} s]' if end else f' [{start:.12g} s to the end]' if start else ''


def _label(walk, start, end):
    """What a gallery calls a walk: its full path, and the part that was asked for; None for what is read only once."""
    return None if is_live(walk) else os.path.abspath(path_of(walk)) + _part(start, end)


def _contents(walk, frames, arguments):
    """What stands for a recording wherever it lies, and the part of it; None for what is read only once."""
    if is_live(walk) or not frames.rereadable:
        return None
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
def _weights_named(path, weights, key):
    """Say which weights are in use, and which were, where a gallery holds vectors of others."""
    try:
        yield
    except FingerprintError as error:
        held = Gallery.load(path, key=key).fingerprint
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


def _check_gallery(path, key_file):
    """Refuse what is no gallery before it costs anything."""
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such gallery; make one first: gait-recognition enrol {path} --name NAME '
                                'WALK')
    if isinstance(path, pathlib.Path) and not key_file and path.is_file() and (kind := kind_of(path)) != GALLERY:
        raise ValueError(f'{path} holds {kind or "nothing"}, not a gallery; an encrypted one takes --key-file')


@contextlib.contextmanager
def _asked(arguments, weights, task):
    """The gallery, open to be asked; calibrated before, where that is asked for and needed."""
    key = key_in(arguments.key_file)
    with _weights_named(arguments.gallery, weights, key), contextlib.ExitStack() as opened:
        if arguments.calibrate:
            gallery = opened.enter_context(Gallery.open(arguments.gallery, weights.fingerprint, key=key))
            _calibrate(gallery, task, arguments.false_accept_rate)
        else:
            gallery = opened.enter_context(Gallery.load(arguments.gallery, weights.fingerprint, key))
        gallery.agree(arguments.every, arguments.crop)
        yield gallery
        if task in gallery.outdated:
            say('the calibration is older than the people in it: --calibrate renews it')


def _calibrate(gallery, task, rate):
    """Calibrate a gallery that is not, or was before people came or went, or for another rate."""
    point = gallery.calibration.get(task)
    rate = rate or (point.wanted_false_accept_rate if point else DEFAULT_RATE)
    if point is None or task in gallery.outdated or rate != point.wanted_false_accept_rate:
        with contextlib.closing(Progress(None, f'calibrating {task}, walks')) as progress:
            point = gallery.calibrate(rate, [task], progress)[task]
        say(f'{gallery.path} is calibrated: {point.rates()}')


def _add_calibrate(parser):
    parser.add_argument('--calibrate', action='store_true',
                        help='first calibrate the gallery, where it is not, or people came or went since')
    parser.add_argument('--false-accept-rate', type=float, metavar='RATE',
                        help=f'with --calibrate: share of wrong ones that may get a yes (default: as before, else '
                             f'{DEFAULT_RATE:g})')


def _check_calibrate(arguments):
    if arguments.false_accept_rate is not None and not arguments.calibrate:
        raise ValueError('--false-accept-rate goes with --calibrate: the rate of a gallery is set by calibrating it')


def identify_arguments(parser):
    add_describing(parser)
    add_gallery(parser)
    parser.add_argument('walks', nargs='+', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--top', type=count, default=5, metavar='N', help='names to show (default: 5)')
    parser.add_argument('--together', action='store_true',
                        help='all WALKs are of one person: one answer, surer than those about each')
    _add_calibrate(parser)
    add_range(parser)


def identify_command(arguments):
    """Say whose walks these are."""
    _check_gallery(arguments.gallery, arguments.key_file)
    _check_calibrate(arguments)
    sources = [read_walk(walk, arguments) for walk in arguments.walks]
    weights = chosen_weights(arguments)
    with _asked(arguments, weights, 'identify') as gallery:
        if not len(gallery):
            raise ValueError(f'{arguments.gallery}: the gallery is empty; enrol somebody first')
        described = list(describe(sources, weights, arguments))
        answers = gallery.identify(np.stack([each.vector for each in described]), top=arguments.top,
                                   together=arguments.together)
        point = gallery.calibration.get('identify')
    if arguments.together:
        asked = [(', '.join(each.walk for each in described), {'walks': [each.as_dict() for each in described]})]
        answers = [answers]
    else:
        asked = [(each.walk, each.as_dict()) for each in described]
    lines = [line for (walk, _), answer in zip(asked, answers) for line in _identified(walk, answer)]
    lines.append(f'ranked by {METHODS[answers[0].method]}')
    lines.append(point.rates() if point else _how_to_calibrate(arguments.gallery))
    print_answer(arguments, [{**data, **_as_data(answer), 'calibration': point and point._asdict()}
                             for (_, data), answer in zip(asked, answers)], '\n'.join(lines))
    decisions = {answer.decision for answer in answers}
    return 0 if decisions == {'known'} else WEAK if decisions <= {'known', 'weak'} else 1


def _as_data(answer):
    """An `Identification` as JSON has it: each score under the name of what it is."""
    kind = answer.score_is.replace(' ', '_').lower()
    return {**answer._asdict(), 'ranking': [{'name': name, kind: score} for name, score in answer.ranking]}


def _identified(walk, answer):
    """Lines about one walk, each number with what it is."""
    said = [f'probability {answer.probability:.2f} ({answer.probability_interval[0]:.2f} to '
            f'{answer.probability_interval[1]:.2f})'] if answer.probability is not None else []
    said.append(f'cosine similarity {answer.cosine_similarity:.4f}')
    if answer.margin is not None:
        said.append(f'{answer.score_is} {answer.margin:.4f} above the next')
    if answer.threshold is not None:
        said.append(f'known above {answer.threshold_on} {answer.threshold:.4f}')
    who = answer.name or (f'weak, perhaps {answer.ranking[0][0]}' if answer.decision == 'weak' else answer.decision)
    yield f'{walk}: {who}  ({", ".join(said)})'
    for place, (name, score) in enumerate(answer.ranking, 1):
        yield f'{place:4}. {name}  {answer.score_is} {score:.4f}'


def _how_to_calibrate(gallery):
    return f'no name without a threshold: --calibrate, or gait-recognition gallery calibrate {gallery} ' \
        '--false-accept-rate RATE'


def verify_arguments(parser):
    add_describing(parser)
    add_gallery(parser, 'whose calibration decides; the two need not be in it')
    parser.add_argument('first', metavar='WALK', help=WALK_HELP)
    parser.add_argument('second', metavar='WALK')
    _add_calibrate(parser)
    add_range(parser)


def verify_command(arguments):
    """Say whether two walks belong to one person."""
    _check_gallery(arguments.gallery, arguments.key_file)
    _check_calibrate(arguments)
    sources = [read_walk(walk, arguments) for walk in (arguments.first, arguments.second)]
    weights = chosen_weights(arguments)
    with _asked(arguments, weights, 'verify') as gallery:
        first, second = describe(sources, weights, arguments)
        answer, point = gallery.verify(first.vector, second.vector), gallery.calibration.get('verify')
    threshold = '' if answer.threshold is None else f', the same above {answer.threshold:.4f}'
    text = f'{answer.decision}  (cosine similarity {answer.cosine_similarity:.4f}{threshold})\n' \
        + (point.rates() if point else _how_to_calibrate(arguments.gallery))
    print_answer(arguments, {'walks': [first.as_dict(), second.as_dict()], **answer._asdict(),
                             'calibration': point and point._asdict()}, text)
    return 0 if answer.decision == 'same' else 1
