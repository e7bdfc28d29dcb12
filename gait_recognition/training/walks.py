"""What the gait network is fed: spatial features of walkers' walks or of a user's own, made once and kept on disk."""
import contextlib
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
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.vectors import BATCH_SIZE, batches, digest_of
from gait_recognition.walkers.pictures import DRAWING
from gait_recognition.walkers.scenes import iter_frames
from human_pose_nn import HumanPoseIRNetwork

# WalkerWalks: who is trained on, validated on and tested on are never the same person.
TEST_PERSON, VALIDATION_PERSON, TRAINING_PERSON = 0, 5_000, 10_000
WALKS = ('N1', 'N2', 'N3', 'N4', 'N5', 'N6', 'B1', 'B2', 'S1', 'S2')      # of each person, as in TUM GAID


class WalkerWalks:
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

    def read(self, walk, pose_net=None):
        """Yields the walker in the frames of a walk, uint8 (299, 299, 3); `pose_net` finds who nothing else finds."""
        crops = crop_walker(read_frames(walk.path, self.every), self.crop, pose_net)
        yield from crops
        crops.track.warn()

    def key(self, walk):
        """What the features of a walk depend on besides the pose network: the bytes of its files, wherever they lie."""
        every = f'-{self.every}' if self.every > 1 else ''
        return f'{digest_of(walk.path).hex()}-{self.crop}{every}'


class Features:
    """Spatial features of walks, made once and kept on disk as float16 (T, 17, 17, 32), one `.npy` a walk.

    Parameters
    ----------
    folder : str or os.PathLike
    pose_weights : str
        Features of other weights are other files.
    precision : {'float32', 'bfloat16'}
        Of the pose network's arithmetic.
    """

    def __init__(self, folder, pose_weights, precision='float32'):
        self.folder, self.precision = pathlib.Path(folder), precision
        self.pose_weights = gait_checkpoints.locate(pose_weights)
        self.fingerprint = gait_checkpoints.fingerprint(self.pose_weights)

    def path(self, data, walk):
        key = f'{data.key(walk)}-{self.fingerprint}-{self.precision}'
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
            progress = Progress(len(missing), 'describing walk')
            with HumanPoseIRNetwork(precision=self.precision) as pose:
                pose.restore(self.pose_weights)
                pending = ((i, images) for i in missing
                           for images in batches(data.read(data.walks[i], pose), BATCH_SIZE))
                with contextlib.closing(ahead(pending, 2)) as prepared:
                    walks = itertools.groupby(prepared, key=operator.itemgetter(0))
                    for done, (i, parts) in enumerate(walks, 1):
                        features = [pose.feed_forward_features(images).astype(np.float16) for _, images in parts]
                        _write_features(paths[i], np.concatenate(features))
                        progress(done)
            progress.close()
        return [str(path) for path in paths]


def _write_features(path, features):
    try:
        with gait_files.replacing(path, shared=True) as file:     # runs may share the folder
            np.save(file, features)
    except OSError as error:
        raise OSError(f'{path} could not be written: {error}') from error
