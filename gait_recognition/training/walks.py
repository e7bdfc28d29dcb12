"""What the gait network is fed: spatial features of walkers' walks or of a user's own, made once and kept on disk."""
import collections
import contextlib
import copy
import hashlib
import itertools
import operator
import pathlib

import numpy as np

import gait_checkpoints
import gait_files
from gait_recognition.evaluation.manifests import Walk, read_manifest, split_condition
from gait_recognition.frames import read_frames
from gait_recognition.prefetch import ahead
from gait_recognition.progress import Progress
from gait_recognition.rates import RATE
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.tracking.facing import goes_left
from gait_recognition.training.degradations import RECORDING, recorded
from gait_recognition.vectors import BATCH_SIZE, at_rate, batches, digest_of, features_of, is_resampled
from gait_recognition.walkers.crowds import Crowd, fits_of
from gait_recognition.walkers.pictures import DRAWING
from gait_recognition.walkers.scenes import iter_frames
from gait_recognition.walkers.skeletons import read_recordings
from gait_recognition.weights import open_pose_network

# WalkerWalks: who is trained on, validated on and tested on are never the same person.
TEST_PERSON, VALIDATION_PERSON, TRAINING_PERSON = 0, 5_000, 10_000
WALKS = ('N1', 'N2', 'N3', 'N4', 'N5', 'N6', 'B1', 'B2', 'S1', 'S2')      # of each person, as in TUM GAID


class DrawnWalks:
    """What walks that are drawn have in common: they are drawn at the gait network's rate."""

    def in_time(self, walk, features):
        """The features (n, ...) of a walk that was read to its end, at 25 frames a second."""
        return features


class WalkerWalks(DrawnWalks):
    """Synthetic people and their walks.

    Parameters
    ----------
    people : int
    first_person : int
        Seed of the first.
    frames : int
        Of each walk.
    session : int
        1, or 2 for three months later.
    conditions : sequence of str
        Which of `WALKS`.
    all_walks_of : int
        The first people walk all of `WALKS`, this many of them.
    """

    def __init__(self, people, first_person, frames, session=1, conditions=WALKS, all_walks_of=0):
        self.frames = frames
        self.walks = [Walk(str(first_person + i), condition, str(session),
                           f'walker-{first_person + i}-{condition}-{session}')
                      for i in range(people) for condition in (WALKS if i < all_walks_of else conditions)]

    def read(self, walk, pose_net=None):
        """Yields the frames of a walk, uint8 (299, 299, 3)."""
        group, number = split_condition(walk.condition)
        for picture in iter_frames(int(walk.person), number, group, int(walk.session), self.frames):
            yield picture.image

    def key(self, walk):
        """What the features of a walk depend on besides the pose network."""
        return f'{walk.path}-{self.frames}-{DRAWING}'


class RecordedWalks(DrawnWalks):
    """Walkers of a `Crowd`: recorded people, and people drawn around them.

    Parameters
    ----------
    crowd : Crowd
    numbers : sequence of int
        Which of its people.
    frames : int
        Of each walk.
    facts : str
        What the crowd was made of.
    conditions : sequence of str
        Which of `WALKS`.
    """

    def __init__(self, crowd, numbers, frames, facts, conditions=WALKS):
        self.crowd, self.frames, self.facts = crowd, frames, facts
        self._numbers = {f'recorded-{crowd.name(number)}': number for number in numbers}
        self.walks = [Walk(person, condition, '1', f'{person}-{condition}', crowd.name(number))
                      for person, number in self._numbers.items() for condition in conditions]

    def read(self, walk, pose_net=None):
        """Yields the frames of a walk, uint8 (299, 299, 3)."""
        group, number = split_condition(walk.condition)
        for picture in iter_frames(self._numbers[walk.person], number, group, 1, self.frames,
                                   gaits=self.crowd.gait_of):
            yield picture.image

    def key(self, walk):
        """What the features of a walk depend on besides the pose network."""
        return f'{walk.path}-{self.frames}-{DRAWING}-{self.facts}'


def recorded_walks(path, kept_out, drawn, frames, conditions=WALKS, progress=None):
    """Walkers by a file of recorded joints, to train on and to validate on.

    Parameters
    ----------
    path : str
        As of `skeletons.read_recordings`.
    kept_out : int
        The last people by name, so many: only validated on, nothing is learnt of how they differ.
    drawn : int
        People to train on besides, drawn around the others.
    frames, conditions
        As of `RecordedWalks`; all `WALKS` of those kept out.
    progress : callable, optional

    Returns
    -------
    tuple of RecordedWalks
        To train on; to validate on.
    """
    fits = fits_of(read_recordings(path), progress)
    people = sorted({person for person, _ in fits})
    if len(people) - kept_out < 3 or kept_out < 2:
        raise ValueError(f'{path}: {len(people)} people with two steady walks or more; expected at least 2 to keep out '
                         f'and 3 others, got {kept_out} to keep out')
    held = {*people[len(people) - kept_out:]}
    crowd = Crowd([fit for fit in fits if fit[0] not in held])
    others = crowd.of_others([fit for fit in fits if fit[0] in held])
    facts = f'{digest_of(path).hex()}-{kept_out}'
    return (RecordedWalks(crowd, range(len(crowd.people) + drawn), frames, facts, conditions),
            RecordedWalks(others, range(kept_out), frames, f'{facts}-others'))


class Renditions:
    """Walks of `data`, and of each `count` renditions: as worse cameras would have recorded it, see `degradations`."""

    def __init__(self, data, count):
        self._data = data
        self._origins = {walk._replace(path=f'{walk.path}{mark}'): (walk, mark) for walk in data.walks
                         for mark in ['', *(f'#{number}' for number in range(1, count + 1))]}
        self.walks = [*self._origins]
        self.sets = [each for each in _sets_of(data) for _ in range(count + 1)]

    def read(self, walk, pose_net=None):
        """Yields the frames of a walk, uint8 (299, 299, 3)."""
        origin, mark = self._origins[walk]
        images = self._data.read(origin, pose_net)
        seed = int.from_bytes(hashlib.sha256(self.key(walk).encode()).digest()[:8], 'big')
        return recorded(images, seed) if mark else images

    def in_time(self, walk, features):
        return self._data.in_time(self._origins[walk][0], features)

    def key(self, walk):
        """What the features of a walk depend on besides the pose network."""
        origin, mark = self._origins[walk]
        return self._data.key(origin) + (f'{mark}-{RECORDING}' if mark else '')


class SeveralWalks:
    """Walks of several sources, each read by its own; `sets` has the number of each walk's."""

    def __init__(self, parts):
        self.walks = [walk for part in parts for walk in part.walks]
        self.sets = [number for number, part in enumerate(parts) for _ in part.walks]
        self._homes = {walk: part for part in parts for walk in part.walks}
        if len(self._homes) < len(self.walks):
            twice = next(walk for i, walk in enumerate(self.walks) if walk in self.walks[:i])
            raise ValueError(f'walk {twice.path} is in two sets')

    def read(self, walk, pose_net=None):
        return self._homes[walk].read(walk, pose_net)

    def in_time(self, walk, features):
        return self._homes[walk].in_time(walk, features)

    def key(self, walk):
        return self._homes[walk].key(walk)


def _sets_of(data):
    return getattr(data, 'sets', [0] * len(data.walks))


def source_person(walk):
    """Whose recorded gait a walk shows: '007' of '007' and of '007-2'; '' where it shows no recorded one."""
    if walk.source == 'parametric' or walk.source.startswith('drawn-'):
        return ''
    return walk.source.rpartition('-')[0] or walk.source


def split_by_source(data, kept_out):
    """(walks to train on, walks kept out): each `data` with those walks alone whose source is, or is not, kept out.

    A person of whom any walk is kept out is kept out with all of them.

    Parameters
    ----------
    data : ManifestWalks
    kept_out : set of str
        Recorded people.
    """
    held = {walk.person for walk in data.walks if source_person(walk) in kept_out}
    parts = []
    for is_held in (False, True):
        part = copy.copy(data)
        part.walks = [walk for walk in data.walks if (walk.person in held) == is_held]
        parts.append(part)
    return parts


class ManifestWalks:
    """A user's walks, from a manifest CSV (person, condition, session, path): videos, or folders of frames.

    Parameters
    ----------
    path : str
    crop : str
        How the person is cut out, see `crop_walker`.
    every : int
        Use every `every`-th frame, as of `read_frames`.
    """

    def __init__(self, path, crop='auto', every=1):
        self.walks, self.crop, self.every = read_manifest(path), crop, every
        self._read = collections.defaultdict(list)          # of each walk (Frames, Track), from the first reading on

    def read(self, walk, pose_net=None):
        """Yields the walker in the frames of a walk, uint8 (299, 299, 3); `pose_net` finds who nothing else finds."""
        frames = read_frames(walk.path, self.every)
        crops = crop_walker(frames, self.crop, pose_net)
        yield from crops
        crops.track.warn()
        self._read[walk].append((frames, crops.track))

    def in_time(self, walk, features):
        """The features (n, ...) of a walk that was read to its end, at 25 frames a second, as vectors are made of."""
        frames, track = self._read[walk].pop(0)
        return at_rate(features, frames, track.numbers)

    def key(self, walk):
        """What the features of a walk depend on besides the pose network: the bytes of its files, wherever they lie."""
        every = f'-{self.every}' if self.every > 1 else ''
        rate = f'-at-{RATE:g}' if is_resampled(read_frames(walk.path, self.every), RATE) else ''
        return f'{digest_of(walk.path).hex()}-{self.crop}{every}{rate}'


class Features:
    """Spatial features of walks, made once and kept on disk as float16 (T, 17, 17, 32), one `.npy` a walk.

    Parameters
    ----------
    folder : str or os.PathLike
    pose_weights : str
        Features of other weights are other files.
    precision : {'float32', 'bfloat16'}
        Of the pose network's arithmetic.
    facing_right : bool
        Walks to the left are described by their mirror images, for gait weights of walks to the right.
    """

    def __init__(self, folder, pose_weights, precision='float32', facing_right=False):
        self.folder, self.precision, self.facing_right = pathlib.Path(folder), precision, facing_right
        self.pose_weights = gait_checkpoints.locate(pose_weights)
        self.fingerprint = gait_checkpoints.fingerprint(self.pose_weights)

    def path(self, data, walk):
        key = f'{data.key(walk)}-{self.fingerprint}-{self.precision}{"-right" if self.facing_right else ""}'
        return self.folder / f'{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy'

    def make(self, data):
        """Make the features that are not there yet; an interrupted call goes on where it stopped.

        Returns
        -------
        list of str
            The files, in the order of `data.walks`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        paths = [self.path(data, walk) for walk in data.walks]
        missing = [i for i, path in enumerate(paths) if not path.exists()]
        if missing:
            with contextlib.closing(Progress(len(missing), 'describing walk')) as progress, \
                    open_pose_network(self.pose_weights, self.precision) as pose:
                pending = ((i, images) for i in missing
                           for images in batches(data.read(data.walks[i], pose), BATCH_SIZE))
                with contextlib.closing(ahead(pending, 2)) as prepared:
                    walks = itertools.groupby(prepared, key=operator.itemgetter(0))
                    for done, (i, parts) in enumerate(walks, 1):
                        features = np.concatenate([*self._described(pose, (images for _, images in parts))])
                        _write_features(paths[i], data.in_time(data.walks[i], features).astype(np.float16))
                        progress(done)
        return [str(path) for path in paths]

    def _described(self, pose, parts):
        """The features of a walk's pictures, part by part; the first part tells which way it leads."""
        mirrored = None
        for images in parts:
            if mirrored is None:
                mirrored = self.facing_right and goes_left(pose, images)
            yield features_of(pose, images, np.full(len(images), mirrored))


def _write_features(path, features):
    try:
        with gait_files.replacing(path, shared=True) as file:     # runs may share the folder
            np.save(file, features)
    except OSError as error:
        raise OSError(f'{path} could not be written: {error}') from error
