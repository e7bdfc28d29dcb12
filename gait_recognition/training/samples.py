"""What the pose network is fed: crops of annotated pictures, augmented, or pictures of synthetic walkers; batches."""
import contextlib
import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageEnhance

from gait_recognition.pictures import opened_picture, to_rgb
from gait_recognition.progress import Progress
from gait_recognition.tracking.track import CROP_SIZE
from gait_recognition.training import degradations
from gait_recognition.walkers.pictures import picture as walker_picture
from pose_joints import JOINT_NAMES, MIRRORED_JOINTS

SIZE, HEATMAP_SIZE = CROP_SIZE, 289             # those of `HumanPoseIRNetwork`, without TensorFlow
HEATMAP_SCALE = HEATMAP_SIZE / SIZE
HALF_SIDE = 100.0                   # of the crop around a person, in pixels for each unit of the annotated scale
COLOUR, NOISE = 0.3, 6.0            # half range of brightness, contrast, saturation; largest std of noise, grey levels
COVERED, COMPANY = 0.3, 0.15        # of the pictures that are degraded: how many get something in front, someone beside
HEAD, ANKLES = ([JOINT_NAMES.index(name) for name in names] for names in (
    ('head top', 'upper neck'), ('right ankle', 'left ankle')))
# Chains of three joints that bend one way, with the sign that this has in pictures of people who face right.
BENDS = [(tuple(JOINT_NAMES.index(f'{side} {name}') for name in chain), sign) for side in ('right', 'left')
         for chain, sign in ((('hip', 'knee', 'ankle'), -1.0), (('shoulder', 'elbow', 'wrist'), 0.5))]
LEAST_BEND = 0.05                   # of all chains' signed bends, for a direction to be told
# WalkerPictures' seeds: training never draws one below TRAINING_SEED, so that what is measured there was never seen.
VALIDATION_SEED, TEST_SEED, TRAINING_SEED = 0, 500_000, 1_000_000


class Augmentation(NamedTuple):
    """How pictures are changed at random for training; by default as the author did.

    Attributes
    ----------
    rotation : float
        Degrees, either way.
    zoom : (float, float)
        Of the crop's side: above 1 the figure is smaller.
    shift_x, shift_y : float
        Shares of the crop's side, either way.
    degrade : float
        Share of the pictures that become as pedestrian video is (`degradations`).
    """
    rotation: float = 30.0
    zoom: tuple = (0.9, 1.25)
    shift_x: float = 0.01
    shift_y: float = 0.05
    degrade: float = 0.0


AS_AUTHOR = Augmentation()


class Sample(NamedTuple):
    """One network input, of edge S.

    Attributes
    ----------
    image : np.ndarray, uint8 (S, S, 3)
    joints : np.ndarray, float32 (16, 2)
        (y, x) in pixels of the image.
    visible, inside, present : np.ndarray, bool (16,)
    measured : np.ndarray, bool (16,)
        Annotated, not derived from other joints: what figures are of.
    """

    image: np.ndarray
    joints: np.ndarray
    visible: np.ndarray
    inside: np.ndarray
    present: np.ndarray
    measured: np.ndarray = np.ones(16, bool)


class Crop(NamedTuple):
    """A square of a picture as an affine map: how output pixels are found in the picture.

    Attributes
    ----------
    matrix : np.ndarray (2, 2)
    offset : np.ndarray (2,)
        Picture (x, y) = matrix @ output (x, y) + offset, both with pixel corners at whole numbers.
    mirrored : bool
    """

    matrix: np.ndarray
    offset: np.ndarray
    mirrored: bool

    @property
    def whole_reduction(self):
        """How many of the picture's pixels become one, in each direction, rounded down to a positive integer."""
        return max(1, int(np.sqrt(abs(np.linalg.det(self.matrix)))))

    def reduced(self, factor):
        """The same crop of a picture that was made smaller by `factor`."""
        return self._replace(matrix=self.matrix / factor, offset=self.offset / factor)

    def joints(self, joints):
        """Joints (J, 2), (y, x), of the picture in the output, left and right swapped where it is mirrored."""
        output = (np.linalg.inv(self.matrix) @ (joints[:, ::-1] + 0.5 - self.offset).T).T[:, ::-1] - 0.5
        return (output[MIRRORED_JOINTS] if self.mirrored else output).astype(np.float32)

    def image(self, picture, size):
        """The output, uint8 (size, size, 3), of a PIL picture; its border's pixels are repeated outside of it."""
        if self.whole_reduction > 1:                                            # else bilinear would skip pixels
            return self.reduced(self.whole_reduction).image(picture.reduce(self.whole_reduction), size)
        corners = self.matrix @ np.array([[0, 0, size, size], [0, size, 0, size]]) + self.offset[:, None]
        over = np.ceil(np.maximum(0, [-corners.min(1), corners.max(1) - picture.size])).astype(int) + 1     # (2, 2)
        if (over > 1).any():
            (left, top), (right, bottom) = over
            picture = Image.fromarray(np.pad(np.asarray(picture), ((top, bottom), (left, right), (0, 0)), 'edge'))
            return self._replace(offset=self.offset + (left, top)).image(picture, size)
        coefficients = (*self.matrix[0], self.offset[0], *self.matrix[1], self.offset[1])
        return np.asarray(picture.transform((size, size), Image.Transform.AFFINE, coefficients,
                                            Image.Resampling.BILINEAR))


def crop_around(centre, side, size=SIZE, degrees=0.0, mirror=False):
    """The crop of a square around a point.

    Parameters
    ----------
    centre : sequence of float
        (y, x) in the picture.
    side : float
        Of the square, in the picture's pixels.
    size : int
        Of the output, in pixels.
    degrees : float
        By which the output turns the picture, clockwise.
    mirror : bool

    Returns
    -------
    Crop
    """
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    matrix = side / size * turn @ np.diag([-1.0 if mirror else 1.0, 1.0])
    return Crop(matrix, np.array([centre[1], centre[0]]) + 0.5 - matrix @ [size / 2, size / 2], mirror)


def direction_of(joints):
    """The way somebody faces, by the bends of knees and elbows: joints (16, 2), (y, x), NaN where not known.

    Returns
    -------
    {'left', 'right', None}
        None: they do not tell. A figure turned upside down still faces the way it did upright.
    """
    bend = 0.0
    for (first, middle, last), sign in BENDS:
        (y, x), (middle_y, middle_x) = joints[last] - joints[first], joints[middle] - joints[first]
        longer = max(x * x + y * y, (middle_x ** 2 + middle_y ** 2) / 4)
        if longer > 0:                                                          # NaN is not
            bend += sign * float(np.clip((x * middle_y - y * middle_x) / longer, -0.5, 0.5))
    return None if abs(bend) <= LEAST_BEND else 'right' if bend > 0 else 'left'


def random_crop(annotation, rng, augmentation=AS_AUTHOR, size=SIZE, mirror=None):
    """A crop around a person, augmented: rotation, mirror (at random unless said), zoom, shifts."""
    a = augmentation
    side = 2 * HALF_SIDE * annotation.scale * rng.uniform(*a.zoom)
    shift = side * rng.uniform(-1, 1, 2) * (a.shift_y, a.shift_x)
    degrees, drawn = rng.uniform(-a.rotation, a.rotation), rng.random() < 0.5
    return crop_around(np.asarray(annotation.centre) + shift, side, size, degrees, drawn if mirror is None else mirror)


def recolour(image, rng):
    """Brightness, contrast and saturation changed at random, and noise added; uint8 (H, W, 3)."""
    picture = Image.fromarray(image)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = enhance(picture).enhance(rng.uniform(1 - COLOUR, 1 + COLOUR))
    noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(0, NOISE)
    return np.clip(np.rint(np.asarray(picture) + noise), 0, 255).astype(np.uint8)


def cut_picture(path, crop, size=SIZE):
    """A crop of a picture file, uint8 (size, size, 3)."""
    with opened_picture(path) as picture:
        width = picture.width
        picture.draft(None, [max(1, length // crop.whole_reduction) for length in picture.size])        # quick JPEG
        crop = crop.reduced(round(width / picture.width))
        return crop.image(to_rgb(picture), size)


class AnnotatedPictures:
    """Samples of a user's annotated pictures: augmented for training, the plain crop otherwise.

    Parameters
    ----------
    annotations : list of Annotation
    seed : int
    size : int
        Edge of the samples in pixels.
    augmentation : Augmentation
    extent : float, optional
        Share of the plain crop that the joints' extent fills; where head or ankles are not labelled (legs alone are
        no person's extent), the annotated scale. By default the annotated scale fills the crop.
    direction : {'left', 'right'}, optional
        Mirror those whom `direction_of` sees face the other way; by default every second picture of training.
    """

    def __init__(self, annotations, seed=0, size=SIZE, augmentation=AS_AUTHOR, extent=None, direction=None):
        self.annotations, self.seed, self.size = annotations, seed, size
        self.augmentation, self.extent, self.direction = augmentation, extent, direction

    def __len__(self):
        return len(self.annotations)

    def check_pictures(self):
        """Read every picture whole, so that none turns out broken after hours; raises ValueError, which names it."""
        with contextlib.closing(Progress(len(self), 'checking picture')) as progress:
            for index in range(len(self)):
                self.sample(index)
                progress(index + 1)

    def order(self, epoch):
        """The order of one epoch's samples."""
        return np.random.default_rng([self.seed, epoch]).permutation(len(self))

    def _mirrored(self, annotation):
        """Whether the direction that is asked for decides that a person is mirrored; None where it decides nothing."""
        faced = self.direction and direction_of(annotation.joints)
        return faced and faced != self.direction

    def _plain_crop(self, annotation):
        mirror = bool(self._mirrored(annotation))
        if self.extent is None or not _head_to_ankle(annotation):
            side = 2 * HALF_SIDE * annotation.scale / (self.extent or 1.0)
            return crop_around(annotation.centre, side, self.size, mirror=mirror)
        low, high = np.nanmin(annotation.joints, 0), np.nanmax(annotation.joints, 0)
        return crop_around((low + high) / 2, (high - low).max() / self.extent, self.size, mirror=mirror)

    def sample(self, index, epoch=None):
        """Sample number `index`, augmented as in `epoch`; not at all when that is None."""
        annotation = self.annotations[index]
        rng = None if epoch is None else np.random.default_rng([self.seed, epoch, index])
        crop = self._plain_crop(annotation) if rng is None \
            else random_crop(annotation, rng, self.augmentation, self.size, self._mirrored(annotation))
        image = cut_picture(annotation.image, crop, self.size)
        order = MIRRORED_JOINTS if crop.mirrored else slice(None)
        present, visible, measured = (marks[order] for marks in (
            annotation.present, annotation.visible, annotation.present & ~annotation.derived))
        joints = crop.joints(annotation.joints)
        inside = present & (np.nan_to_num(joints, nan=-1.0) >= 0).all(1) \
            & (np.nan_to_num(joints) <= self.size - 1).all(1)
        sample = Sample(image, joints, visible & inside, inside, present, measured)
        if rng is None:
            return sample
        if self.augmentation.degrade and rng.random() < self.augmentation.degrade:
            sample = self._degraded(sample, rng)
        return sample._replace(image=recolour(sample.image, rng))

    def _degraded(self, sample, rng):
        """As pedestrian video shows people: someone beside, something in front, and a camera's faults."""
        image, visible = sample.image, sample.visible
        beside, in_front = rng.random() < COMPANY, rng.random() < COVERED
        if beside or in_front:
            other = self.annotations[int(rng.integers(len(self)))]
            other = cut_picture(other.image, random_crop(other, rng, self.augmentation, self.size), self.size)
        if beside and sample.inside.any():
            image = degradations.company(image, other, sample.joints, rng)
        if in_front:
            image, hidden = degradations.put_in_front(image, sample.joints, other, rng)
            visible = visible & ~hidden
        return sample._replace(image=degradations.degrade(image, _height(sample.joints), rng), visible=visible)


def _head_to_ankle(annotation):
    """Whether a person's joints are labelled from top to bottom."""
    return annotation.present[HEAD].any() and annotation.present[ANKLES].any()


def _height(joints):
    """Of the figure in pixels, from its joints, those of the head and the ankles where they are known."""
    return float(np.nanmax(joints[:, 0]) - np.nanmin(joints[:, 0]))


class WalkerPictures:
    """Samples of synthetic walkers, each epoch's its own; `count` pictures an epoch from `first_seed` on.

    `direction`: 'left' or 'right', the way they all walk; by default both ways. `cover`: share of the light that does
    not reach their far limbs; drawn by default. `size`: edge in pixels. `degrade`: as of `Augmentation`.
    """

    def __init__(self, count, first_seed, direction=None, cover=None, size=SIZE, degrade=0.0):
        self.count, self.first_seed, self.size, self.degrade = count, first_seed, size, degrade
        self._options = {'leftwards': None if direction is None else direction == 'left', 'cover': cover}

    def __len__(self):
        return self.count

    def order(self, epoch):
        return np.arange(self.count)                            # drawn at random already

    def sample(self, index, epoch=None):
        seed = self.first_seed + (epoch or 0) * self.count + int(index)
        picture = walker_picture(seed, self.size, **self._options)
        sample = Sample(picture.image, picture.joints, picture.visible, picture.inside, picture.present)
        rng = np.random.default_rng([seed, 1])
        if epoch is None or not self.degrade or rng.random() >= self.degrade:
            return sample
        return sample._replace(image=degradations.degrade(sample.image, _height(sample.joints), rng))


class MixedPictures:
    """Samples of several sets, each with its share of every batch; a set that is through begins anew.

    Parameters
    ----------
    sets : sequence of AnnotatedPictures or WalkerPictures
    shares : sequence of float
    count : int
        Samples an epoch.
    """

    PERIOD = 240                                                # samples in which each set has its share

    def __init__(self, sets, shares, count):
        self.sets, self.count, self.size = list(sets), count, sets[0].size
        ends = np.rint(np.cumsum(shares) / np.sum(shares) * self.PERIOD).astype(int)
        counts = np.diff(ends, prepend=0)
        # Each set's places in a period are spread evenly; `_turn` says the how manieth of its set a place is.
        places = np.concatenate([(np.arange(n) + 0.5) / n for n in counts if n])
        self._set = np.repeat(np.arange(len(counts)), counts)[np.argsort(places, kind='stable')]
        self._turn = np.array([np.sum(self._set[:i] == s) for i, s in enumerate(self._set)])
        self._counts = counts

    def __len__(self):
        return self.count

    def order(self, epoch):
        return np.arange(self.count)

    def sample(self, index, epoch=None):
        period, place = divmod((epoch or 0) * self.count + int(index), self.PERIOD)
        number = self._set[place]
        data = self.sets[number]
        own_epoch, own = divmod(int(period * self._counts[number] + self._turn[place]), len(data))
        return data.sample(data.order(own_epoch)[own], own_epoch)


class Batch(NamedTuple):
    """What one training step is fed: images (B, S, S, 3); points (B, 2, 16), (y, x) in heat-map pixels; marks."""

    images: np.ndarray
    points: np.ndarray
    present: np.ndarray
    inside: np.ndarray


def make_batch(samples, heatmap_size=HEATMAP_SIZE):
    """Stack samples; joints become the nearest pixels of heat maps of this edge."""
    scale = heatmap_size / len(samples[0].image)
    joints = np.stack([s.joints for s in samples])                                              # (B, 16, 2)
    points = np.rint(np.nan_to_num(joints, nan=-1e4) * scale).transpose(0, 2, 1)       # (B, 2, 16)
    return Batch(np.stack([s.image for s in samples]), points,
                 np.stack([s.present for s in samples]).astype(np.float32),
                 np.stack([s.inside for s in samples]).astype(np.float32))


def training_batch(data, step, batch_size, heatmap_size=HEATMAP_SIZE):
    """The batch of a step: decided by data, seed and step alone, so that a resumed run goes on with the same."""
    epoch, i = divmod(step, max(1, len(data) // batch_size))
    indices = data.order(epoch)[i * batch_size:(i + 1) * batch_size]
    return make_batch([data.sample(index, epoch) for index in indices], heatmap_size)
