"""What commands that ask a gallery share: opening it, calibrating it first, saying who somebody is."""
import contextlib
import dataclasses
import pathlib

import gait_checkpoints
from gait_processor import PRECISIONS
from gait_recognition.commands.options import check_changeable, key_in
from gait_recognition.console import say
from gait_recognition.gallery import DEFAULT_RATE, FingerprintError, Gallery
from gait_recognition.kinds import GALLERY, kind_of
from gait_recognition.progress import Progress
from gait_recognition.scorers import METHODS
from gait_recognition.weights import choose_weights, load_reader


@contextlib.contextmanager
def weights_named(path, weights, key):
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
            load_reader(weights)
            if weights.fingerprint == fingerprint:
                return weights
    return None


def check_gallery(path, key_file):
    """Refuse what is no gallery before it costs anything."""
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such gallery; make one first: gait-recognition enrol {path} --name NAME '
                                'WALK')
    if isinstance(path, pathlib.Path) and not key_file and path.is_file() and (kind := kind_of(path)) != GALLERY:
        raise ValueError(f'{path} holds {kind or "nothing"}, not a gallery; an encrypted one takes --key-file')


@contextlib.contextmanager
def asked(arguments, weights, task):
    """The gallery, open to be asked; calibrated before, where that is asked for and needed."""
    key = key_in(arguments.key_file)
    with weights_named(arguments.gallery, weights, key), contextlib.ExitStack() as opened:
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


def add_calibrate(parser):
    parser.add_argument('--calibrate', action='store_true',
                        help='first calibrate the gallery, where it is not, or people came or went since')
    parser.add_argument('--false-accept-rate', type=float, metavar='RATE',
                        help=f'with --calibrate: share of wrong ones that may get a yes (default: as before, else '
                             f'{DEFAULT_RATE:g})')


def check_calibrate(arguments):
    if arguments.false_accept_rate is not None and not arguments.calibrate:
        raise ValueError('--false-accept-rate goes with --calibrate: the rate of a gallery is set by calibrating it')
    if arguments.calibrate:
        check_changeable(arguments.gallery, arguments.key_file)


def about_ranking(arguments, method, point):
    yield f'ranked by {METHODS[method]}'
    yield point.rates() if point else how_to_calibrate(arguments.gallery)


def as_data(answer, point):
    """An `Identification` and its calibration as JSON has them: each score under the name of what it is."""
    kind = answer.score_is.replace(' ', '_').lower()
    return {**answer._asdict(), 'ranking': [{'name': name, kind: score} for name, score in answer.ranking],
            'calibration': point and point._asdict()}


def identified(walk, answer):
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


def how_to_calibrate(gallery):
    return f'no name without a threshold: --calibrate, or gait-recognition gallery calibrate {gallery} ' \
        '--false-accept-rate RATE'
