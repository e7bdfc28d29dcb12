"""The command `gait-recognition`: from a walking video to a name, one sub-command for each question.

    gait-recognition --help
    gait-recognition identify people.npz walk.mp4

It reads arguments, picks the weights, calls the modules and prints what they answer. Reading video (`frames`), the
networks, recognising (`gallery`) and measuring (`evaluation`) are theirs; each is loaded by the sub-command
that needs it, so that help and galleries come without TensorFlow.

Standard output gets the answer and nothing else; messages and progress go to standard error.
"""
import argparse
import contextlib
import csv
import functools
import glob
import importlib
import io
import itertools
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import traceback
import warnings
from typing import NamedTuple

import numpy as np

import gait_checkpoints
import gait_files
from pose_joints import JOINT_NAMES, LINE_COLOURS, NO_LINE

CROPS = ('auto', 'background', 'pose', 'none')
PRECISIONS = ('float32', 'bfloat16')
EXIT_STATUS = ('exit status: 0 done (identify: every walk has a name; verify: the same person),\n'
               '1 no such yes (unknown, different, uncalibrated; fetch: a file is missing or bad), 2 bad input,\n'
               '70 an unexpected error (its lines belong in a bug report), 130 interrupted,\n'
               '141 nobody read the answer to its end')
BAD_INPUT = (OSError, ValueError, ImportError, RuntimeError)        # whatever else is raised is unexpected
BATCH = 16                                      # frames through the pose network at once

PICTURES = {'.jpg': 'JPEG', '.jpeg': 'JPEG', '.png': 'PNG', '.webp': 'WEBP'}        # drawings, and Pillow's names
VIDEOS = {'.mp4': 'mp4', '.mov': 'mov', '.mkv': 'matroska', '.avi': 'avi'}          # and FFmpeg's
COLOURS = {'r': '#ff0000', 'b': '#0000ff', 'm': '#bf00bf', 'y': '#bfbf00', 'g': '#008000', 'c': '#00bfbf'}
VIDEO_BIT_RATE = 8_000_000

WALKER_NAMES = ('anna', 'ben', 'carla', 'dan', 'eve', 'finn', 'gina', 'hugo')
WALKER_KINDS = {'mp4': '.mp4', 'gif': '.gif', 'frames': ''}


def _say(line):
    print(f'gait-recognition: {line}', file=sys.stderr, flush=True)


def _show_warning(message, *where):
    _say(message)


def _set_warnings(verbose):
    """Warnings to users as messages of this command; those to programmers only if `verbose`."""
    if not verbose:
        warnings.simplefilter('ignore')
        warnings.simplefilter('always', UserWarning)
    warnings.showwarning = _show_warning


def _answer(arguments, data, text):
    """Print an answer: `data` as JSON if asked for, else `text`."""
    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) if arguments.json else text)


def _check_target(path, is_folder=False):
    """Refuse before computing what could not be written afterwards."""
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f'{path.parent}: no such folder to write {path.name} in')
    if path.is_dir() and not is_folder:
        raise IsADirectoryError(f'{path} is a folder; the name of a file to write was expected')


def _check_folder(option, path):
    """Refuse before computing a folder that could not be made afterwards."""
    there = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    if not there.is_dir():
        raise NotADirectoryError(f'{option} {path}: expected a folder, {there} is a file')


# --- Weights ---------------------------------------------------------------------------------------------------------

class Weights(NamedTuple):
    """The files of both networks and how the networks are built: arguments of `GaitVectors`."""
    pose_weights: str
    gait_weights: str
    recurrent_unit: str
    rnn_layers: int
    precision: str = 'float32'

    def fingerprint(self):
        """What a gallery knows these weights by; the same tensors in another network make other vectors."""
        tensors = gait_checkpoints.fingerprint(self.pose_weights, self.gait_weights)
        network = f'{self.recurrent_unit}-{self.rnn_layers}'
        return f'{tensors}-{network}' + ('' if self.precision == 'float32' else f'-{self.precision}')

    def __str__(self):
        layers = '1 layer' if self.rnn_layers == 1 else f'{self.rnn_layers} layers'
        return f'{self.pose_weights} with {self.gait_weights} ({self.recurrent_unit}, {layers}, {self.precision})'


def find_pair(pose=None, gait=None):
    """The files of both networks: those named, the named one and its partner, or the first pair that is there.

    Parameters
    ----------
    pose, gait : str, optional
        Checkpoints.

    Returns
    -------
    (str, str)

    Raises
    ------
    FileNotFoundError
    ValueError
        One is named and its partner is not known.
    """
    if pose is None and gait is None:
        pose, gait = gait_checkpoints.default_weights()
        _say_if_shipped(pose)
    elif pose is None or gait is None:
        pose, gait = _with_partner(pose, gait)
    pair = gait_checkpoints.locate(pose), gait_checkpoints.locate(gait)
    names = tuple(map(os.path.basename, pair))
    poses, gaits = zip(*gait_checkpoints.DEFAULT_PAIRS)
    if names[0] in poses and names[1] in gaits and names not in gait_checkpoints.DEFAULT_PAIRS:
        _say(f'{names[1]} was trained on the features of {poses[gaits.index(names[1])]}, not of {names[0]}: vectors '
             'of this pair tell people apart badly')
    return pair


def find_pose_weights(pose=None):
    """The path of the pose network's weights: those named, else the first of `DEFAULT_POSES` that is there."""
    if pose is None:
        pose, = gait_checkpoints.default_weights(gait_checkpoints.DEFAULT_POSES)
        _say_if_shipped(pose)
    return gait_checkpoints.locate(pose)


def _say_if_shipped(pose):
    if pose.name == gait_checkpoints.DEFAULT_PAIRS[-1][0]:
        _say(f'using {pose}, weights trained on synthetic walkers; for people get the published ones: '
             'gait-recognition fetch')


def _with_partner(pose, gait):
    """Both files of a pair of the table, one of which was named."""
    given, missing = (pose, '--gait-weights') if gait is None else (gait, '--pose-weights')
    given = gait_checkpoints.locate(given)
    for pair in gait_checkpoints.DEFAULT_PAIRS:
        if os.path.basename(given) in pair:
            beside = [os.path.join(os.path.dirname(given), name) for name in pair]
            try:
                return tuple(gait_checkpoints.locate(path) for path in beside)
            except FileNotFoundError:
                return tuple(given if name == os.path.basename(given) else gait_checkpoints.find_weights(name)
                             for name in pair)
    raise ValueError(f'{given}: which weights belong to it is not known; name them by {missing}')


def network_of(gait, recurrent_unit=None, rnn_layers=None):
    """Recurrent unit and number of layers of gait weights, from what was said, the file's name and its contents.

    One cell in a file tells the unit, but not the number of layers: from TensorFlow 1.2 on all layers of the original
    share it.

    Returns
    -------
    (str, int)

    Raises
    ------
    ValueError
        They contradict each other, or nothing tells.
    """
    named = re.search(r'(?:^|[-_])(GRU|LSTM)-(\d+)(?!\d)', os.path.basename(gait), re.IGNORECASE)
    held = gait_checkpoints.describe_recurrent(gait_checkpoints.read_checkpoint_shapes(gait))
    unit = _agreed(gait, 'the recurrent unit', {
        '--recurrent-unit': recurrent_unit, 'its name': named and named[1].upper(), 'its contents': held and held[0]})
    layers = _agreed(gait, 'the number of recurrent layers', {
        '--rnn-layers': rnn_layers, 'its name': named and int(named[2]),
        'its contents': held[1] if held and held[1] > 1 else None})
    missing = [option for option, value in (('--recurrent-unit', unit), ('--rnn-layers', layers)) if value is None]
    if missing:
        raise ValueError(f'{gait}: neither its name (as best-GRU-1.ckpt would) nor its contents tell its recurrent '
                         f'layers: say {" and ".join(missing)}')
    return unit, layers


def _agreed(path, what, claims):
    """The value that all sources claim who claim any; None where nobody does."""
    claims = {source: value for source, value in claims.items() if value is not None}
    if len(set(claims.values())) > 1:
        raise ValueError(f'{path}: {what} is ' +
                         ', but '.join(f'{value} by {source}' for source, value in claims.items()))
    return next(iter(claims.values()), None)


# --- Networks --------------------------------------------------------------------------------------------------------

def load_tensorflow(verbose=False):
    """Load TensorFlow and the networks, silently unless `verbose`.

    TensorFlow's first lines come before its own log level holds, so what is written to file descriptor 2 meanwhile is
    kept back, and shown if loading fails.
    """
    if verbose or 'tensorflow' in sys.modules:
        importlib.import_module('human_pose_nn')
        return
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')      # its errors come as exceptions, too
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as kept_back:
        os.dup2(kept_back.fileno(), 2)
        try:
            importlib.import_module('human_pose_nn')
        except Exception:
            kept_back.seek(0)
            os.write(stderr, kept_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _prepare_worker(verbose):
    """What a process of `--jobs` does first."""
    _set_warnings(verbose)
    load_tensorflow(verbose)


def _worker_settings(verbose):
    """How joblib prepares the processes; before 1.5 it cannot, and TensorFlow's chatter comes through."""
    import joblib

    version = tuple(int(part) for part in joblib.__version__.split('.')[:2])
    return {'initializer': _prepare_worker, 'initargs': (verbose,)} if version >= (1, 5) else {}


@contextlib.contextmanager
def open_pose_network(path, precision):
    """The pose network, restored, for the block."""
    from human_pose_nn import HumanPoseIRNetwork

    with HumanPoseIRNetwork(precision=precision) as pose_net:
        pose_net.restore(path)
        yield pose_net


@contextlib.contextmanager
def open_networks(weights):
    """Pose and gait network, restored, for the block."""
    from gait_nn import GaitNetwork

    with open_pose_network(weights.pose_weights, weights.precision) as pose_net, \
            GaitNetwork(recurrent_unit=weights.recurrent_unit, rnn_layers=weights.rnn_layers) as gait_net:
        gait_net.restore(weights.gait_weights)
        yield pose_net, gait_net


def _weights(arguments):
    pair = find_pair(arguments.pose_weights, arguments.gait_weights)
    load_tensorflow(arguments.verbose)                      # takes seconds: only now that the files are there
    weights = Weights(*pair, *network_of(pair[1], arguments.recurrent_unit, arguments.rnn_layers), arguments.precision)
    if arguments.verbose:
        _say(f'weights: {weights}')
    return weights


# --- Vectors ---------------------------------------------------------------------------------------------------------

class Described(NamedTuple):
    """A walk's vector, float32 (512,), and which frames it comes from (`Track`)."""
    walk: str
    vector: np.ndarray
    track: object

    def as_dict(self):
        return {'walk': self.walk, **_used(self.track)}


def _used(track):
    """How many frames of a walk were used, and how many skipped as damaged, as answers say it."""
    return {'frames': track.frames, 'used': len(track.numbers), 'skipped': track.skipped, 'crop': track.method}


def _say_track(track, verbose):
    """Say which frames of a walk were used if `verbose`, and in any case how many were damaged."""
    if verbose:
        _say(track)
    elif track.skipped:
        _say(f'{track.name}: {track.skipped} of {track.frames} frames are damaged and were skipped')


def _is_camera(walk):
    """Whether an argument WALK is the number of a camera, not a file's name."""
    return walk.isdigit() and not os.path.exists(walk)


def _read(walk, arguments):
    """The frames of an argument WALK."""
    from gait_recognition.frames import read_frames

    if _is_camera(walk) and arguments.end is None:
        raise ValueError(f'camera {walk} never ends: say --end SECONDS')
    source = int(walk) if _is_camera(walk) else walk
    return read_frames(source, arguments.every, arguments.start, arguments.end)


def _describe(sources, weights, arguments):
    """The vectors of walks, one after the other.

    Parameters
    ----------
    sources : list of Frames
    weights : Weights

    Yields
    ------
    Described
    """
    from gait_recognition.progress import Progress
    from gait_recognition.vectors import walk_vector

    progress = Progress(len(sources), 'walks')
    with open_networks(weights) as networks, contextlib.closing(progress):
        for number, source in enumerate(sources):
            progress(number, source.name)
            vector, track = walk_vector(source, *networks, crop=arguments.crop, return_track=True)
            _say_track(track, arguments.verbose)
            yield Described(source.name, vector, track)


def vector_command(arguments):
    """Write or print the vectors of walks."""
    writer = None
    if arguments.output:
        _check_target(arguments.output)
        writer = VECTOR_WRITERS.get(arguments.output.suffix.lower())
        if writer is None:
            raise ValueError(f'{arguments.output}: vectors are written as {", ".join(VECTOR_WRITERS)}')
    sources = [_read(walk, arguments) for walk in arguments.walks]
    weights = _weights(arguments)
    described = list(_describe(sources, weights, arguments))
    if writer:
        with gait_files.replacing(arguments.output, shared=True) as file:
            writer(file, described, weights)
    elif not arguments.json:
        _write_vectors_csv(sys.stdout, described)
    if arguments.json:
        _answer(arguments, _vectors_as_dicts(described), None)
    return 0


def _vectors_as_dicts(described):
    return [{**each.as_dict(), 'track': {'numbers': each.track.numbers, 'boxes': each.track.boxes,
                                         'dropped': each.track.dropped, 'skipped': each.track.skipped},
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
             walks=np.array([each.walk for each in described]), fingerprint=np.array(weights.fingerprint()))


def _save_csv(file, described, weights):
    text = io.TextIOWrapper(file, 'utf-8', newline='')
    _write_vectors_csv(text, described)
    text.detach()


def _save_json(file, described, weights):
    file.write(json.dumps(_vectors_as_dicts(described), ensure_ascii=False).encode())


VECTOR_WRITERS = {'.npy': _save_npy, '.npz': _save_npz, '.csv': _save_csv, '.json': _save_json}


# --- Galleries -------------------------------------------------------------------------------------------------------

def enrol_command(arguments):
    """Add walks to a gallery, which is made where there is none; each is in it as soon as its vector is known."""
    from gait_recognition.gallery import Gallery

    named = bool(arguments.name), bool(arguments.walks)
    if named != ((False, False) if arguments.manifest else (True, True)):
        raise ValueError('enrol takes either --name NAME with WALKs, or --manifest CSV')
    if arguments.manifest:
        from gait_recognition.evaluation.manifests import read_manifest
        walks = [(walk.person, walk.path) for walk in read_manifest(arguments.manifest)]
    else:
        walks = [(arguments.name, walk) for walk in arguments.walks]
    walks = [(person, _label(walk, arguments.start, arguments.end), _read(walk, arguments)) for person, walk in walks]
    _check_target(arguments.gallery)
    weights, answer = _weights(arguments), []
    with _weights_named(arguments.gallery, weights), \
            Gallery.open(arguments.gallery, weights.fingerprint(), create=True) as gallery:
        new = _not_enrolled(arguments.gallery, gallery, walks)
        try:
            with contextlib.closing(_describe([source for *_, source in new], weights, arguments)) as described:
                for (person, label, _), each in zip(new, described):
                    gallery.enrol(person, each.vector, label)
                    gallery.save()
                    answer.append({'name': person, **each.as_dict()})
        except BaseException:
            if answer:
                _say(f'{len(answer)} of {len(new)} walks are enrolled; the same command goes on with the others')
            raise
        total = f'{arguments.gallery}: {len(gallery)} walks of {len(gallery.list())} people'
    lines = [f'{each["name"]}: {each["walk"]}, {each["used"]} of {each["frames"]} frames' for each in answer]
    _answer(arguments, answer, '\n'.join([*lines, total]))
    return 0


def _label(walk, start, end):
    """What a gallery calls a walk: its full path, and the part that was asked for; None for what a camera shows."""
    if _is_camera(walk):
        return None
    part = f' [{start or 0:.12g}-{end:.12g} s]' if end else f' [{start:.12g} s to the end]' if start else ''
    return os.path.abspath(walk) + part


def _not_enrolled(path, gallery, walks):
    """Those of `walks` (person, label, frames) that are not in the gallery; refuses before it costs anything."""
    from gait_recognition.gallery import check_text

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
        _say(f'{len(walks) - len(new)} of {len(walks)} walks are enrolled already and stay as they are')
    return new


@contextlib.contextmanager
def _weights_named(path, weights):
    """Say which weights are in use, and which were, where a gallery holds vectors of others."""
    from gait_recognition.gallery import FingerprintError, Gallery

    try:
        yield
    except FingerprintError as error:
        theirs = _weights_of(Gallery.load(path).fingerprint, weights.precision)
        raise ValueError(f'{error}. In use now: {weights}' + (f'; the gallery was made with {theirs}' if theirs else '')
                         ) from error


def _weights_of(fingerprint, precision):
    """The pair of known weights at hand that a gallery was made with, or None."""
    for names in gait_checkpoints.DEFAULT_PAIRS:
        with contextlib.suppress(FileNotFoundError, ValueError):
            pair = tuple(map(str, gait_checkpoints.default_weights([names])))
            weights = Weights(*pair, *network_of(pair[1]), precision)
            if weights.fingerprint() == fingerprint:
                return weights
    return None


def _load_gallery(path, weights):
    from gait_recognition.gallery import Gallery

    with _weights_named(path, weights):
        return Gallery.load(path, weights.fingerprint())


def identify_command(arguments):
    """Say whose walks these are."""
    sources = [_read(walk, arguments) for walk in arguments.walks]
    weights = _weights(arguments)
    gallery = _load_gallery(arguments.gallery, weights)
    if not len(gallery):
        raise ValueError(f'{arguments.gallery}: the gallery is empty; enrol somebody first')
    described = list(_describe(sources, weights, arguments))
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
    _answer(arguments, data, '\n'.join(lines))
    return 0 if all(answer.decision == 'known' for answer in answers) else 1


def _method(method):
    return {'svm': 'linear SVM', 'cosine': 'cosine similarity to the nearest walk'}[method]


def _how_to_calibrate(gallery):
    return f'no name without a threshold: gait-recognition gallery calibrate {gallery} --false-accept-rate RATE'


def verify_command(arguments):
    """Say whether two walks belong to one person."""
    sources = [_read(walk, arguments) for walk in (arguments.first, arguments.second)]
    weights = _weights(arguments)
    gallery = _load_gallery(arguments.gallery, weights)
    first, second = _describe(sources, weights, arguments)
    answer = gallery.verify(first.vector, second.vector)
    threshold = '' if answer.threshold is None else f', the same above {answer.threshold:.6f}'
    text = f'{answer.decision}  (similarity {answer.score:.6f}{threshold})'
    if answer.threshold is None:
        text += '\n' + _how_to_calibrate(arguments.gallery)
    _answer(arguments, {'walks': [first.as_dict(), second.as_dict()], **answer._asdict()}, text)
    return 0 if answer.decision == 'same' else 1


def gallery_list_command(arguments):
    """Say who is in a gallery."""
    from gait_recognition.gallery import Gallery

    gallery = Gallery.load(arguments.gallery)
    people = gallery.list()
    points = {task: point._asdict() for task, point in gallery.calibration.items()}
    lines = [f'{name}: {", ".join(walks)}' for name, walks in people.items()]
    lines.append(f'{len(gallery)} walks of {len(people)} people, weights {gallery.fingerprint}, '
                 + (f'calibrated to {", ".join(points)}' if points else 'not calibrated'))
    _answer(arguments, {'people': people, 'fingerprint': gallery.fingerprint, 'method': gallery.method,
                        'calibration': points}, '\n'.join(lines))
    return 0


def gallery_remove_command(arguments):
    """Remove a person or a walk from a gallery."""
    from gait_recognition.gallery import Gallery

    with Gallery.open(arguments.gallery) as gallery:
        walk = arguments.walk
        if walk and walk not in gallery.list().get(arguments.name, []):
            walk = os.path.abspath(walk)                    # as `enrol` labels it
        try:
            gallery.remove(arguments.name, walk)
        except LookupError as error:
            raise ValueError(f'{arguments.gallery}: {error}') from error
        people = gallery.list()
    _answer(arguments, {'people': people}, f'{arguments.gallery}: {len(gallery)} walks of {len(people)} people left')
    return 0


def gallery_export_command(arguments):
    """Write a gallery's vectors as CSV."""
    from gait_recognition.gallery import Gallery

    _check_target(arguments.csv)
    gallery = Gallery.load(arguments.gallery)
    gallery.export_csv(arguments.csv)
    _answer(arguments, {'csv': str(arguments.csv), 'walks': len(gallery)}, f'{arguments.csv}: {len(gallery)} walks')
    return 0


def gallery_calibrate_command(arguments):
    """Set a gallery's thresholds from its own walks."""
    from gait_recognition.gallery import Gallery

    with Gallery.open(arguments.gallery) as gallery:
        points = gallery.calibrate(arguments.false_accept_rate, arguments.task or ('identify', 'verify'))
    lines = []
    for task, point in points.items():
        missed = '' if point.false_reject_rate is None else \
            f', {point.false_reject_rate:.1%} of {point.genuine_trials} right ones missed'
        lines.append(f'{task}: yes above similarity {point.threshold:.6f}; {point.false_accept_rate:.1%} of '
                     f'{point.impostor_trials} wrong ones accepted{missed}')
    _answer(arguments, {task: point._asdict() for task, point in points.items()}, '\n'.join(lines))
    return 0


# --- Evaluation ------------------------------------------------------------------------------------------------------

GALLERY, PROBES = 'N1-N4', 'N5-N6 B1-B2 S1-S2'
CACHE = pathlib.Path('gait-vectors')
MANIFEST_OPTIONS = ('gallery', 'probes', 'gallery_session', 'probe_session')       # arguments of Protocol
TUM_GAID_OPTIONS = ('experiment', 'people', 'pattern')                             # and of tum_gaid


def evaluate_command(arguments):
    """Measure how well the vectors of a data set tell its people apart."""
    import joblib

    from gait_recognition.evaluation import results
    from gait_recognition.evaluation.manifests import Protocol, read_manifest
    from gait_recognition.evaluation.tum_gaid import TUM_GAID, tum_gaid
    from gait_recognition.tracking.track import NoPersonError
    from gait_recognition.vectors import GaitVectors

    if bool(arguments.manifest) == bool(arguments.tum_gaid):
        raise ValueError('evaluate takes either MANIFEST or --tum-gaid FOLDER')
    cache = None if arguments.no_cache else arguments.cache or CACHE
    for option, folder in (('--plots', arguments.plots), ('--cache', cache)):
        if folder:
            _check_folder(option, folder)
    if arguments.tum_gaid:
        _refuse_given(arguments, MANIFEST_OPTIONS, 'without --tum-gaid')
        walks = tum_gaid(arguments.tum_gaid, **_given(arguments, TUM_GAID_OPTIONS))
        protocol = TUM_GAID[arguments.experiment or 1]
    else:
        _refuse_given(arguments, TUM_GAID_OPTIONS, 'with --tum-gaid')
        walks = read_manifest(arguments.manifest)
        protocol = Protocol(arguments.manifest.name, **{
            'gallery': GALLERY, 'probes': PROBES, **_given(arguments, MANIFEST_OPTIONS)})
    used = np.unique(np.concatenate(protocol.split(walks)))
    walks = [walks[i] for i in used]
    weights = _weights(arguments)
    if cache:
        _say(f'vectors are kept in {cache}: remove it when they are no longer needed')
    transformer = GaitVectors(**weights._asdict(), crop=arguments.crop, every=arguments.every,
                              n_jobs=arguments.jobs, cache=cache,
                              on_error='nan' if arguments.leave_out else 'raise',
                              verbose=10 if sys.stderr.isatty() else 0)
    try:
        with joblib.parallel_config('loky', **_worker_settings(arguments.verbose)):
            vectors = transformer.transform([walk.path for walk in walks])
    except NoPersonError as error:
        raise ValueError(f'{error}. To go on without such walks: --leave-out') from error
    there = np.isfinite(vectors).all(axis=1)
    if not there.all():
        _say(f'{np.sum(~there)} of {len(walks)} walks are left out: the figures are of the others')
    result = results.evaluate(vectors[there], list(itertools.compress(walks, there)), protocol, arguments.method,
                                 name=os.path.basename(weights.gait_weights))
    print(result.to_json() if arguments.json else result.table())
    for path in result.plot(arguments.plots) if arguments.plots else []:
        _say(f'wrote {path}')
    return 0


def _given(arguments, names):
    """Those options that were given, by name; none of them has a default of argparse."""
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _refuse_given(arguments, names, rule):
    for name in _given(arguments, names):
        raise ValueError(f'--{name.replace("_", "-")} goes {rule}')


# --- Poses -----------------------------------------------------------------------------------------------------------

class Pose(NamedTuple):
    """The joints of one frame: its number, and float32 (3, 16): y, x in pixels of the frame, probability."""
    frame: int
    joints: np.ndarray


def pose_command(arguments):
    """Draw the skeleton on pictures and videos, and write the joints down."""
    jobs = [(path, _pose_output(path, arguments)) for path in arguments.walks]
    for path, output in jobs:
        _read_source(path, arguments)                       # complains about what cannot be read
        if output is not None:
            _check_drawing(path, output)
    if arguments.joints:
        _check_target(arguments.joints)
        if arguments.joints.suffix.lower() not in ('.csv', '.json'):
            raise ValueError(f'{arguments.joints}: joints are written as .csv or .json')
    weights = find_pose_weights(arguments.pose_weights)
    load_tensorflow(arguments.verbose)
    rows, data, lines = [], [], []
    with open_pose_network(weights, arguments.precision) as net:
        for path, output in jobs:
            found, summary = _pose_of(path, output, net, arguments)
            own = [{'frame': pose.frame, 'joint': name, 'y': round(float(y), 2), 'x': round(float(x), 2),
                    'probability': round(float(p), 4)}
                   for pose in found for name, y, x, p in zip(JOINT_NAMES, *pose.joints)]
            rows += [{'path': path, **row} for row in own]
            data.append({'path': path, 'output': output and str(output), **summary, 'joints': own})
            lines.append(f'{path}: {summary["used"]} of {summary["frames"]} frames'
                         + (f' -> {output}' if output else ''))
            if _is_picture(path):
                lines += [f'  {row["joint"]:15} y {row["y"]:7.1f}  x {row["x"]:7.1f}  {row["probability"]:.2%}'
                          for row in own]
    if arguments.joints:
        _write_joints(arguments.joints, rows)
    _answer(arguments, data, '\n'.join(lines))
    return 0


def _is_picture(path):
    """Whether a file is a single picture; animations and videos are walks."""
    from PIL import Image

    from gait_recognition.frames import PILLOW_FORMATS

    try:
        with Image.open(path, formats=PILLOW_FORMATS) as image:
            return image.format == 'MPO' or getattr(image, 'n_frames', 1) == 1
    except (OSError, Image.DecompressionBombError):         # a folder, a video, or nothing that can be read
        return False


def _read_source(path, arguments):
    """A picture (PIL.Image), or the frames of a walk."""
    if _is_picture(path):
        from dummy_pose_estimation import read_picture
        return read_picture(path)
    from gait_recognition.frames import read_frames
    return read_frames(path, arguments.every, arguments.start, arguments.end)


def _pose_output(path, arguments):
    """Where the drawing of a source goes; None where only joints were asked for."""
    output = arguments.output
    if output is None and arguments.joints:
        return None
    if output is not None and not output.is_dir():
        if len(arguments.walks) > 1:
            raise ValueError(f'{output}: --output of several inputs is a folder that is there')
        return output
    source = pathlib.Path(os.path.abspath(os.path.dirname(path) if glob.has_magic(path) else path))
    suffix = source.suffix.lower()
    if _is_picture(path):
        suffix = suffix if suffix in PICTURES else '.png'
    elif not source.is_file() or suffix not in VIDEOS:
        suffix = '.mp4' if source.is_file() and suffix not in ('.gif', '.webp', '.tif', '.tiff') else '.gif'
    return (output or source.parent) / f'{source.stem}_pose{suffix}'


def _check_drawing(path, output):
    _check_target(output)
    expected = PICTURES if _is_picture(path) else {'.gif': 'GIF', **VIDEOS}
    if output.suffix.lower() not in expected:
        raise ValueError(f'{output}: the drawing of {path} is written as {", ".join(expected)}')
    if output.suffix.lower() in VIDEOS:
        try:
            import av  # noqa: F401
        except ImportError as error:
            raise ImportError(f'{output}: writing a video needs PyAV: pip install "gait-recognition[video]" (or take '
                              'the suffix .gif)') from error
    if output.exists() and os.path.exists(path) and output.samefile(path):
        raise ValueError(f'{output} is what is to be read; name another file with --output')


def _pose_of(path, output, net, arguments):
    """The joints of a picture or a walk, drawn if there is an output: (list of Pose, facts)."""
    source = _read_source(path, arguments)
    if _is_picture(path):
        frame = np.asarray(source)
        joints = _joints_of_picture(source, arguments.crop, net)
        if output is not None:
            from PIL import Image
            with gait_files.replacing(output, shared=True) as file:
                Image.fromarray(draw_skeleton(frame, joints)).save(file, PICTURES[output.suffix.lower()], quality=95)
        return [Pose(0, joints)], {'frames': 1, 'used': 1, 'skipped': 0,
                                   'crop': 'pose' if arguments.crop == 'pose' else 'none'}
    found, track = _joints_of_walk(source, arguments.crop, net)
    _say_track(track, arguments.verbose)
    if output is not None:
        by_number = {pose.frame: pose.joints for pose in found}
        drawn = (draw_skeleton(frame, by_number[number]) if number in by_number else frame
                 for number, frame in source.numbered())
        write_frames(output, drawn, source.fps / source.every)
    return found, _used(track)


def _joints_of_picture(picture, crop, net):
    """Joints (3, 16) in pixels of a picture; unless crop is 'pose' it goes through whole, squeezed into a square."""
    from dummy_pose_estimation import to_frame
    from gait_recognition.tracking.crops import crop_walker
    from gait_recognition.tracking.track import MIN_FRAMES

    if crop == 'background':
        raise ValueError("--crop background finds what moves; for a picture take 'pose' or 'none'")
    if crop == 'pose':                                      # a picture is a walk that stands still
        crops = crop_walker([np.asarray(picture)] * MIN_FRAMES, 'pose', net)
        top, left, side = crops.track.boxes[0]
        return _in_frame(net.joint_positions(next(iter(crops))[None])[:, 0], top, left, side, side)
    return _in_frame(net.joint_positions(to_frame(picture)[None])[:, 0], 0, 0, picture.height, picture.width)


def _in_frame(joints, top, left, height, width):
    """Joints (3, 16) of a crop, in pixels of the frame that it was cut from."""
    from gait_recognition.tracking.track import CROP_SIZE

    y, x, probability = joints
    return np.stack([top + y * (height / CROP_SIZE), left + x * (width / CROP_SIZE), probability])


def _joints_of_walk(frames, crop, net):
    """(list of Pose, track) of the frames in which the walker was found."""
    from gait_recognition.progress import Progress
    from gait_recognition.tracking.crops import crop_walker

    crops = crop_walker(frames, crop, net)
    track, found, walker = crops.track, [], iter(crops)
    with contextlib.closing(Progress(len(track.numbers), frames.name)) as progress:
        while batch := list(itertools.islice(walker, BATCH)):
            joints = net.joint_positions(np.stack(batch))                               # (3, n, 16)
            for i in range(len(batch)):
                top, left, side = track.boxes[len(found)]
                found.append(Pose(track.numbers[len(found)], _in_frame(joints[:, i], top, left, side, side)))
            progress(len(found))
    return found, track


def draw_skeleton(frame, joints):
    """A frame with lines from joint to joint, in the colours of `dummy_pose_estimation`, as wide as the figure asks.

    Parameters
    ----------
    frame : np.ndarray, uint8 (H, W, 3)
    joints : array_like (3, 16)
        y, x in pixels of the frame; the probability is not used.

    Returns
    -------
    np.ndarray, uint8 (H, W, 3)
    """
    from PIL import Image, ImageDraw

    y, x = np.asarray(joints, float)[:2]
    width = max(2, round(np.ptp(y) / 40))
    image = Image.fromarray(frame)
    draw = ImageDraw.Draw(image)
    for i, colour in enumerate(LINE_COLOURS):
        if i not in NO_LINE:
            draw.line([(x[i], y[i]), (x[i + 1], y[i + 1])], COLOURS[colour], width)
    return np.asarray(image)


def write_frames(path, frames, fps):
    """Write frames as an animated GIF or a video (PyAV), whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        `.gif`, or one of `VIDEOS`.
    frames : iterable of np.ndarray, uint8 (H, W, 3)
    fps : float
    """
    suffix = path.suffix.lower()
    with gait_files.replacing(path, shared=True) as file:
        if suffix == '.gif':
            from PIL import Image
            images = map(Image.fromarray, frames)
            next(images).save(file, 'GIF', save_all=True, append_images=images,
                              duration=max(2, round(100 / fps)) * 10, loop=0)     # below 20 ms viewers take 100
        else:
            _encode(file, VIDEOS[suffix], frames, fps)


def _encode(file, kind, frames, fps):
    from fractions import Fraction

    import av
    with av.open(file, 'w', format=kind) as container:
        stream = None
        for frame in frames:
            frame = np.ascontiguousarray(frame[:len(frame) // 2 * 2, :frame.shape[1] // 2 * 2])  # yuv420p: even edges
            if stream is None:
                stream = container.add_stream('mpeg4', rate=Fraction(fps).limit_denominator(1001))
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt, stream.bit_rate = 'yuv420p', VIDEO_BIT_RATE
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, 'rgb24')))
        container.mux(stream.encode())


def _write_joints(path, rows):
    with gait_files.replacing(path, 'w', shared=True, encoding='utf-8', newline='') as file:
        if path.suffix.lower() == '.json':
            json.dump(rows, file, ensure_ascii=False)
        else:
            writer = csv.DictWriter(file, ['path', 'frame', 'joint', 'y', 'x', 'probability'], lineterminator='\n')
            writer.writeheader()
            writer.writerows(rows)


# --- Files -----------------------------------------------------------------------------------------------------------

def convert_command(arguments):
    """Write weights in another form."""
    target = arguments.target
    if target.suffix not in ('.npz', '.ckpt'):
        raise ValueError(f'{target}: weights are written as .npz (8 bits) or .ckpt (a V2 checkpoint)')
    _check_target(target)
    if target.exists() or os.path.exists(f'{target}.index'):
        raise FileExistsError(f'{target} is there already: remove it, or take another name')
    load_tensorflow(arguments.verbose)
    source = gait_checkpoints.locate(arguments.source)
    tensors = gait_checkpoints.read_checkpoint(source)
    write = gait_checkpoints.write_compact if target.suffix == '.npz' else gait_checkpoints.write_checkpoint
    written = write(target, tensors)
    size = sum(os.path.getsize(path) for path in (written, f'{written}.index', written + gait_checkpoints.DATA_SUFFIX)
               if os.path.isfile(path))
    _answer(arguments, {'source': source, 'target': written, 'tensors': len(tensors), 'bytes': size},
            f'{source} -> {written}: {len(tensors)} tensors, {size / 1e6:.1f} MB')
    return 0


def walkers_command(arguments):
    """Write synthetic walkers' walks, with the lists of them that `enrol` and `evaluate` read."""
    from gait_recognition.walkers.files import write_scene

    folder = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f'{folder} is there already: name a new folder')
    _check_target(folder, is_folder=True)
    aside = pathlib.Path(f'{folder}.{os.getpid()}.part')
    suffix = WALKER_KINDS[arguments.kind]
    walks = []
    aside.mkdir()
    try:
        for person, number in itertools.product(range(arguments.people), range(1, arguments.walks + 1)):
            name = WALKER_NAMES[person] if person < len(WALKER_NAMES) else f'walker-{person + 1}'
            path = f'{name}-{number}{suffix}'
            write_scene(aside / path, arguments.first_person + person, number)
            if sys.stderr.isatty():
                _say(f'{path}: {len(walks) + 1} of {arguments.people * arguments.walks}')
            walks.append((name, f'N{number}', '1', path))
        for csv_name, last in (('walks.csv', arguments.walks), ('gallery.csv', arguments.walks - 1)):
            with open(aside / csv_name, 'w', encoding='utf-8', newline='') as file:
                writer = csv.writer(file, lineterminator='\n')
                writer.writerow(['person', 'condition', 'session', 'path'])
                writer.writerows(walk for walk in walks if int(walk[1][1:]) <= last)
        os.replace(aside, folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    _answer(arguments, {'folder': str(folder), 'walks': [str(folder / walk[3]) for walk in walks]},
            f'{folder}: {len(walks)} walks of {arguments.people} people; walks.csv lists all, gallery.csv all but '
            "everybody's last")
    return 0


# --- The command -----------------------------------------------------------------------------------------------------

def _integer(text, least):
    """argparse type: an integer from `least` on."""
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f'expected an integer from {least} on, got {text!r}')
    return int(text)


_count, _seed = functools.partial(_integer, least=1), functools.partial(_integer, least=0)


def _common_options():
    """Parsers with the options that sub-commands share: output, the pose network, both networks, frames."""
    output, pose, gait, frames = (argparse.ArgumentParser(add_help=False) for _ in range(4))
    output.add_argument('--json', action='store_true', help='print the answer as JSON')
    output.add_argument('--verbose', action='store_true',
                        help="say more: TensorFlow's messages, which weights and frames are used, where an error arose")
    pose.add_argument('--pose-weights', metavar='FILE',
                      help='of the pose network (default: the published ones where they are, else those that ship)')
    gait.add_argument('--gait-weights', metavar='FILE', help='of the gait network (default: those of the pair)')
    gait.add_argument('--recurrent-unit', choices=['GRU', 'LSTM'], type=str.upper,
                      help="of the gait weights, where neither the file's name (...-GRU-1) nor its contents tell")
    gait.add_argument('--rnn-layers', type=_count, metavar='N', help='of the gait weights, likewise')
    frames.add_argument('--crop', choices=CROPS, default='auto',
                        help='how the walker is found: before a still background, by the pose network, or not at all '
                             '(square crops already); default: auto')
    frames.add_argument('--precision', choices=PRECISIONS, default='float32',
                        help='of the pose network; bfloat16 is faster on processors that have it; its vectors are '
                             'compared with their like only')
    frames.add_argument('--every', type=_count, default=1, metavar='N',
                        help='use every Nth frame; the same N for all walks that are compared')
    return output, pose, gait, frames


def _range(parser):
    parser.add_argument('--start', type=float, metavar='SECONDS',
                        help='leave out what comes before (of pictures, 25 make a second)')
    parser.add_argument('--end', type=float, metavar='SECONDS', help='leave out what comes from there on')


def _parser():
    parser = argparse.ArgumentParser(
        prog='gait-recognition', formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Recognise people by the way they walk, and estimate their poses.',
        epilog=f'{EXIT_STATUS}\n\nexample:\n  gait-recognition walkers demo\n'
               '  gait-recognition enrol people.npz --manifest demo/gallery.csv\n'
               '  gait-recognition gallery calibrate people.npz --false-accept-rate 0.2\n'
               '  gait-recognition identify people.npz demo/anna-4.mp4')
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    output, pose, gait, frames = _common_options()

    def add(name, run, description, example, parents=(output,), into=commands):
        sub = into.add_parser(name, help=description, description=description, parents=parents,
                              formatter_class=argparse.RawDescriptionHelpFormatter,
                              epilog='example:\n' + ''.join(f'  gait-recognition {line}\n' for line in
                                                            example.split('\n')))
        sub.set_defaults(run=run)
        return sub

    describing = (pose, gait, frames, output)
    walk_help = 'a video, a folder or pattern of pictures, an animation, or the number of a camera (with --end)'

    sub = add('pose', pose_command, 'draw the skeleton on pictures and videos, write the joints down',
              'pose walk.mp4 --output walk_pose.gif --joints joints.csv', (pose, frames, output))
    sub.add_argument('walks', nargs='+', metavar='PICTURE|VIDEO',
                     help='a picture (taken whole unless --crop pose), a video, a folder or pattern of pictures')
    sub.add_argument('--output', type=pathlib.Path, metavar='FILE|FOLDER',
                     help=f'the drawing: {", ".join(PICTURES)} of a picture; .gif, {", ".join(VIDEOS)} of a video '
                          '(default: NAME_pose beside the input; none with --joints alone)')
    sub.add_argument('--joints', type=pathlib.Path, metavar='FILE',
                     help='write path, frame, joint, y, x (pixels of the input), probability as .csv or .json')
    _range(sub)

    sub = add('vector', vector_command, "write or print walks' identification vectors",
              'vector anna-1.mp4 anna-2.mp4 --output vectors.npz', describing)
    sub.add_argument('walks', nargs='+', metavar='WALK', help=walk_help)
    sub.add_argument('--output', type=pathlib.Path, metavar='FILE',
                     help=f'{", ".join(VECTOR_WRITERS)} (default: CSV on standard output)')
    _range(sub)

    sub = add('enrol', enrol_command, "add people's walks to a gallery",
              'enrol people.npz --name anna anna-1.mp4 anna-2.mp4\nenrol people.npz --manifest walks.csv', describing)
    sub.add_argument('gallery', type=pathlib.Path, metavar='GALLERY', help='its .npz, made where there is none')
    sub.add_argument('walks', nargs='*', metavar='WALK', help=walk_help)
    sub.add_argument('--name', help='whose walks they are')
    sub.add_argument('--manifest', type=pathlib.Path, metavar='CSV',
                     help='person, condition, session, path of many walks, instead of --name and WALKs')
    _range(sub)

    sub = add('identify', identify_command, 'say whose walks these are (0 all have a name, 1 not all)',
              'identify people.npz unknown.mp4', describing)
    sub.add_argument('gallery', type=pathlib.Path, metavar='GALLERY')
    sub.add_argument('walks', nargs='+', metavar='WALK', help=walk_help)
    sub.add_argument('--top', type=_count, default=5, metavar='N', help='names to show (default: 5)')
    _range(sub)

    sub = add('verify', verify_command, 'say whether two walks belong to one person (0 the same, 1 not)',
              'verify people.npz monday.mp4 tuesday.mp4', describing)
    sub.add_argument('gallery', type=pathlib.Path, metavar='GALLERY',
                     help='whose calibration decides; the two need not be in it')
    sub.add_argument('first', metavar='WALK', help=walk_help)
    sub.add_argument('second', metavar='WALK')
    _range(sub)

    sub = add('evaluate', evaluate_command, 'measure how well vectors tell the people of a data set apart',
              "evaluate walks.csv --gallery N1-N4 --probes 'N5-N6 B1-B2' --plots plots\n"
              'evaluate --tum-gaid TUMGAID --experiment 1', describing)
    sub.add_argument('manifest', nargs='?', type=pathlib.Path, metavar='MANIFEST',
                     help='CSV: person, condition, session, path')
    sub.add_argument('--gallery', metavar='CONDITIONS', help=f'walks to learn (default: {GALLERY})')
    sub.add_argument('--probes', metavar='CONDITIONS', help=f'walks to name (default: {PROBES!r})')
    sub.add_argument('--gallery-session', metavar='SESSION', help='learn only walks of this session')
    sub.add_argument('--probe-session', metavar='SESSION', help='name only walks of this session')
    sub.add_argument('--tum-gaid', type=pathlib.Path, metavar='FOLDER', help='the data set TUM GAID, for a MANIFEST')
    sub.add_argument('--experiment', type=int, choices=[1, 2], help='on TUM GAID (default: 1)')
    sub.add_argument('--people', metavar='LIST', help="file of TUM GAID's person numbers (default: its test list)")
    sub.add_argument('--pattern', help="regular expression of TUM GAID's paths")
    sub.add_argument('--method', choices=['svm', 'cosine'], default='svm')
    sub.add_argument('--plots', type=pathlib.Path, metavar='FOLDER', help='draw ROC, CMC and confusion there')
    sub.add_argument('--leave-out', action='store_true',
                     help='go on without walks that cannot be read or show nobody; they count in no figure')
    sub.add_argument('--jobs', type=int, metavar='N', help='processes (default: 1; -1: one for each core)')
    keeping = sub.add_mutually_exclusive_group()
    keeping.add_argument('--cache', type=pathlib.Path, metavar='FOLDER',
                         help=f'keeps the vectors, for the next run or after an interruption (default: {CACHE})')
    keeping.add_argument('--no-cache', action='store_true', help='keep no vectors')

    sub = commands.add_parser('gallery', help='list, remove, export or calibrate what a gallery holds',
                              description='List, remove, export or calibrate what a gallery holds.',
                              epilog='example:\n  gait-recognition gallery list people.npz',
                              formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_gallery_commands(sub.add_subparsers(metavar='COMMAND', required=True), add, output)

    sub = add('convert', convert_command, 'write weights in another form: V1 or .npz to .ckpt (V2), .ckpt to .npz',
              'convert runs/gait/best-GRU-1.ckpt mine-GRU-1.npz')
    sub.add_argument('source', metavar='SOURCE', help='a checkpoint, V1 or V2, or an .npz of weights')
    sub.add_argument('target', type=pathlib.Path, metavar='TARGET',
                     help='.ckpt (V2), or .npz (8 bits a weight, a quarter of the size)')

    sub = add('walkers', walkers_command, 'write walks of synthetic people, to try everything without any data',
              'walkers demo --people 3 --walks 4')
    sub.add_argument('folder', type=pathlib.Path, metavar='FOLDER', help='a new one')
    sub.add_argument('--people', type=_count, default=3, metavar='N', help='default: 3')
    sub.add_argument('--walks', type=_count, default=4, metavar='N', help='of each (default: 4)')
    sub.add_argument('--kind', choices=WALKER_KINDS, default='mp4',
                     help='videos (PyAV), animations, or folders of pictures (default: mp4)')
    sub.add_argument('--first-person', type=_seed, default=0, metavar='SEED', help='who is the first (default: 0)')

    add('fetch', None, 'fetch and verify the published weights; options as of "python -m fetch_models --help"',
        'fetch\nfetch MPII+LSP.ckpt M+L-GRU-2.ckpt --to models\nfetch --check', ())
    return parser


def _add_gallery_commands(commands, add, output):
    path = argparse.ArgumentParser(add_help=False)
    path.add_argument('gallery', type=pathlib.Path, metavar='GALLERY')
    parents = path, output

    add('list', gallery_list_command, 'say who is in it', 'gallery list people.npz', parents, commands)
    sub = add('remove', gallery_remove_command, 'remove a person, or one walk', 'gallery remove people.npz anna',
              parents, commands)
    sub.add_argument('name', metavar='NAME')
    sub.add_argument('--walk', help='only this one, as "gallery list" names it')
    sub = add('export', gallery_export_command, 'write names, walks and vectors as CSV',
              'gallery export people.npz people.csv', parents, commands)
    sub.add_argument('csv', type=pathlib.Path, metavar='CSV')
    sub = add('calibrate', gallery_calibrate_command, 'set the thresholds, from its own walks, leaving some out',
              'gallery calibrate people.npz --false-accept-rate 0.01', parents, commands)
    sub.add_argument('--false-accept-rate', type=float, required=True, metavar='RATE',
                     help='share of strangers who may get a name, and of pairs of different people who may pass as '
                          'one: 0.01 is 1 %%')
    sub.add_argument('--task', choices=['identify', 'verify'], nargs='+', help='default: both')


def _parse(argv):
    """The arguments; walks may come before and after options, which argparse alone does not take."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest:
        if not hasattr(arguments, 'walks') or any(argument.startswith('-') for argument in rest):
            parser.error(f'unrecognized arguments: {" ".join(rest)}')
        arguments.walks += rest
    return arguments


def main(argv=None):
    """Run the command; return its exit status (see `EXIT_STATUS`).

    Parameters
    ----------
    argv : list of str, optional
        Its arguments; by default the process's.
    """
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ['fetch'] and not {'-h', '--help'} & {*argv}:
        return _status_of(lambda: _fetch(argv[1:]))
    arguments = _parse(argv)
    return _status_of(lambda: arguments.run(arguments), arguments.verbose)


def _fetch(argv):
    from gait_recognition import fetch as fetch_models

    with contextlib.suppress(ImportError):                  # `fetch_models` says it better
        load_tensorflow()                                   # what is fetched is read to verify it
    return fetch_models.main(argv)


def _status_of(run, verbose=False):
    """Run a sub-command; return its exit status, after a line for whatever it raised."""
    with warnings.catch_warnings():
        _set_warnings(verbose)
        try:
            status = run()
            sys.stdout.flush()
            return status
        except KeyboardInterrupt:
            _say('interrupted')
            return 130
        except BrokenPipeError:                             # whoever reads, as in "| head", has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + 13                                 # as a shell says it of SIGPIPE
        except Exception as error:
            expected = isinstance(error, BAD_INPUT)
            if verbose or not expected:
                traceback.print_exc()
            named = isinstance(error, OSError) and error.filename
            said = f'{error.filename}: {error.strerror}' if named else str(error)
            if not expected:
                said = f'unexpected {type(error).__name__}: {said}'
            _say(re.sub(r'\s*\n\s*', ' ', said))           # one line, whoever raised it
            return 2 if expected else 70


if __name__ == '__main__':
    sys.exit(main())
