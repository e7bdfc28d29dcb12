"""What the pose network is fed: crops of annotated pictures, augmented, or pictures of synthetic walkers; batches."""
import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageEnhance

from gait_recognition.pictures import opened_picture, to_rgb
from gait_recognition.progress import Progress
from gait_recognition.walkers.pictures import picture as walker_picture
from human_pose_nn import HumanPoseIRNetwork
from pose_joints import MIRRORED_JOINTS

SIZE = HumanPoseIRNetwork.IMAGE_SIZE
HEATMAP_SCALE = HumanPoseIRNetwork.HEATMAP_SIZE / SIZE
HALF_SIDE = 100.0                   # of the crop around a person, in pixels for each unit of the annotated scale
# The author's augmentation: degrees, factors (above 1 = smaller figure), shares of the crop's side.
ROTATION, ZOOM, SHIFT_X, SHIFT_Y = 30.0, (0.9, 1.25), 0.01, 0.05
COLOUR, NOISE = 0.3, 6.0            # half range of brightness, contrast, saturation; largest std of noise, grey levels
# WalkerPictures' seeds: training never draws one below TRAINING_SEED, so that what is measured there was never seen.
VALIDATION_SEED, TEST_SEED, TRAINING_SEED = 0, 500_000, 1_000_000


class Sample(NamedTuple):
    """One network input: image uint8 (299, 299, 3); joints float32 (16, 2), (y, x); visible, inside, present (16,)."""

    image: np.ndarray
    joints: np.ndarray
    visible: np.ndarray
    inside: np.ndarray
    present: np.ndarray


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
        """The output, uint8 (size, size, 3), of a PIL picture; black outside it."""
        if self.whole_reduction > 1:                                            # else bilinear would skip pixels
            return self.reduced(self.whole_reduction).image(picture.reduce(self.whole_reduction), size)
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


def random_crop(annotation, rng):
    """The author's augmentation of a crop: rotation, mirror, zoom, shifts."""
    side = 2 * HALF_SIDE * annotation.scale * rng.uniform(*ZOOM)
    shift = side * rng.uniform(-1, 1, 2) * (SHIFT_Y, SHIFT_X)
    return crop_around(np.asarray(annotation.centre) + shift, side, degrees=rng.uniform(-ROTATION, ROTATION),
                       mirror=rng.random() < 0.5)


def recolour(image, rng):
    """Brightness, contrast and saturation changed at random, and noise added; uint8 (H, W, 3)."""
    picture = Image.fromarray(image)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = enhance(picture).enhance(rng.uniform(1 - COLOUR, 1 + COLOUR))
    noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(0, NOISE)
    return np.clip(np.rint(np.asarray(picture) + noise), 0, 255).astype(np.uint8)


def cut_picture(path, crop):
    """A crop of a picture file, uint8 (299, 299, 3)."""
    with opened_picture(path) as picture:
        width = picture.width
        picture.draft(None, [max(1, length // crop.whole_reduction) for length in picture.size])        # quick JPEG
        crop = crop.reduced(round(width / picture.width))
        return crop.image(to_rgb(picture), SIZE)


class AnnotatedPictures:
    """Samples of a user's annotated pictures: augmented for training, the plain crop otherwise."""

    def __init__(self, annotations, seed=0):
        self.annotations, self.seed = annotations, seed

    def __len__(self):
        return len(self.annotations)

    def check_pictures(self):
        """Read every picture whole, so that none turns out broken after hours; raises ValueError, which names it."""
        progress = Progress(len(self), 'checking picture')
        for index in range(len(self)):
            self.sample(index)
            progress(index + 1)
        progress.close()

    def order(self, epoch):
        """The order of one epoch's samples."""
        return np.random.default_rng([self.seed, epoch]).permutation(len(self))

    def sample(self, index, epoch=None):
        """Sample number `index`, augmented as in `epoch`; not at all when that is None."""
        annotation = self.annotations[index]
        rng = None if epoch is None else np.random.default_rng([self.seed, epoch, index])
        crop = crop_around(annotation.centre, 2 * HALF_SIDE * annotation.scale) if rng is None \
            else random_crop(annotation, rng)
        image = cut_picture(annotation.image, crop)
        order = MIRRORED_JOINTS if crop.mirrored else slice(None)
        present, visible = annotation.present[order], annotation.visible[order]
        joints = crop.joints(annotation.joints)
        inside = present & (np.nan_to_num(joints, nan=-1.0) >= 0).all(1) & (np.nan_to_num(joints) <= SIZE - 1).all(1)
        return Sample(image if rng is None else recolour(image, rng), joints, visible & inside, inside, present)


class WalkerPictures:
    """Samples of synthetic walkers, each epoch's its own; `count` pictures an epoch from `first_seed` on.

    `direction`: 'left' or 'right', the way they all walk; by default both ways. `cover`: share of the light that does
    not reach their far limbs; drawn by default.
    """

    def __init__(self, count, first_seed, direction=None, cover=None):
        self.count, self.first_seed = count, first_seed
        self._options = {'leftwards': None if direction is None else direction == 'left', 'cover': cover}

    def __len__(self):
        return self.count

    def order(self, epoch):
        return np.arange(self.count)                            # drawn at random already

    def sample(self, index, epoch=None):
        picture = walker_picture(self.first_seed + (epoch or 0) * self.count + int(index), **self._options)
        return Sample(picture.image, picture.joints, picture.visible, picture.inside, picture.present)


class Batch(NamedTuple):
    """What one training step is fed: images (B, 299, 299, 3); points (B, 2, 16), (y, x) in heat-map pixels; marks."""

    images: np.ndarray
    points: np.ndarray
    present: np.ndarray
    inside: np.ndarray


def make_batch(samples):
    """Stack samples; joints become the nearest heat-map pixels."""
    joints = np.stack([s.joints for s in samples])                                              # (B, 16, 2)
    points = np.rint(np.nan_to_num(joints, nan=-1e4) * HEATMAP_SCALE).transpose(0, 2, 1)       # (B, 2, 16)
    return Batch(np.stack([s.image for s in samples]), points,
                 np.stack([s.present for s in samples]).astype(np.float32),
                 np.stack([s.inside for s in samples]).astype(np.float32))


def training_batch(data, step, batch_size):
    """The batch of a step: decided by data, seed and step alone, so that a resumed run goes on with the same."""
    epoch, i = divmod(step, max(1, len(data) // batch_size))
    indices = data.order(epoch)[i * batch_size:(i + 1) * batch_size]
    return make_batch([data.sample(index, epoch) for index in indices])
