#!/usr/bin/env python3
"""Train and evaluate the pose network, on synthetic walkers or on a user's own annotated pictures.

    python train_pose.py --output runs/pose                             # walkers; needs no data
    python train_pose.py --output runs/mine --data mine.csv --validation held_out.csv --start MPII+LSP.ckpt
    python train_pose.py --evaluate MPII+LSP.ckpt --data held_out.csv
    python train_pose.py --convert mpii mpii_human_pose_v1_u12_1.mat --images images/ --to mpii.csv
    python train_pose.py --output runs/mpii --data mpii.csv lsp.csv --validation 0.1

A thin command over `HumanPoseIRNetwork.train`: the step is the network's, this module brings batches, augmentation,
schedule, validation and the files of a run. What every training run needs (progress, prefetching, resuming) is here as
well and serves `train_gait.py`.
"""
import argparse
import concurrent.futures
import contextlib
import csv
import hashlib
import json
import math
import os
import pathlib
import signal
import sys
import threading
import time
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

import gait_checkpoints
import gait_files
from gait_recognition.walkers.pictures import picture as walker_picture
from human_pose_nn import HumanPoseIRNetwork
from pose_joints import JOINT_NAMES, MIRRORED_JOINTS

SIZE = HumanPoseIRNetwork.IMAGE_SIZE
HEATMAP_SCALE = HumanPoseIRNetwork.HEATMAP_SIZE / SIZE
HALF_SIDE = 100.0                   # of the crop around a person, in pixels for each unit of the annotated scale
# The author's augmentation: degrees, factors (above 1 = smaller figure), shares of the crop's side.
ROTATION, ZOOM, SHIFT_X, SHIFT_Y = 30.0, (0.9, 1.25), 0.01, 0.05
COLOUR, NOISE = 0.3, 6.0            # half range of brightness, contrast, saturation; largest std of noise, grey levels
RATE, RATE_DECAY = 1e-3, 0.93       # the author's, an epoch
# Walkers' seeds: training never draws one below TRAINING_SEED, so that what is measured there was never seen.
VALIDATION_SEED, TEST_SEED, TRAINING_SEED = 0, 500_000, 1_000_000
PCK_SHARE = 0.2                     # of the torso, right shoulder to left hip
STATISTICS_BATCHES = 24             # over which batch norm's averages are taken anew for a network for inference


class Annotation(NamedTuple):
    """One annotated person.

    Attributes
    ----------
    image : str
        Path of the picture.
    joints : np.ndarray, float32 (16, 2)
        (y, x) in pixels of the picture (upright, where its EXIF data turn it), pixel centres at whole numbers; NaN
        where not present.
    present, visible : np.ndarray, bool (16,)
        Annotated at all; annotated and not hidden.
    scale : float
        The person's height in units of 200 pixels, as in MPII.
    centre : tuple of float
        (y, x).
    """

    image: str
    joints: np.ndarray
    present: np.ndarray
    visible: np.ndarray
    scale: float
    centre: tuple


class Sample(NamedTuple):
    """One network input: image uint8 (299, 299, 3); joints float32 (16, 2), (y, x); visible, inside, present (16,)."""

    image: np.ndarray
    joints: np.ndarray
    visible: np.ndarray
    inside: np.ndarray
    present: np.ndarray


# --- Annotations -----------------------------------------------------------------------------------------------------

def read_annotations(path):
    """Read a user's annotated pictures.

    CSV: columns `image`, `<joint>_x`, `<joint>_y` for any of the 16 joints (`right_ankle_x` ...), and, where known,
    `<joint>_visible` (0 or 1), `scale`, `centre_x`, `centre_y`; an empty cell is a joint that is not present.
    JSON: a list of objects with `image`, `joints` ({name: [x, y] or [x, y, visible]}), and, where known, `scale`,
    `centre` ([x, y]). Pictures are sought relative to the file. Without scale and centre the joints' own extent serves.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    list of Annotation

    Raises
    ------
    ValueError
        Names the file, the record and what is wrong with it, or the picture that cannot be opened.
    FileNotFoundError
        The file, or a picture that it names.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such annotations; expected a .csv or .json file')
    if path.suffix not in ('.csv', '.json'):
        raise ValueError(f'{path}: annotations are a .csv or .json file')
    try:
        with open(path, newline='', encoding='utf-8-sig') as file:
            if path.suffix == '.csv':
                rows = csv.DictReader(file)
                _check_columns(path, rows.fieldnames or [])
                records = [(f'{path}, line {rows.line_num}', _from_csv(row)) for row in rows]
            else:
                content = json.load(file)
                if not isinstance(content, list):
                    raise ValueError(f'{path}: expected a list of objects, got {type(content).__name__}')
                records = [(f'{path}, record {i}', record) for i, record in enumerate(content)]
    except (json.JSONDecodeError, csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f'{path} cannot be read as {path.suffix[1:].upper()} in UTF-8: {error}') from error
    if not records:
        raise ValueError(f'{path} holds no annotation')
    annotations = [_annotation(where, record, path.parent) for where, record in records]
    for image in sorted({a.image for a in annotations}):
        with _opened(image):                                # now, not after hours of training
            pass
    return annotations


def _check_columns(path, columns):
    known = {'image', 'scale', 'centre_x', 'centre_y'} | {
        f'{name.replace(" ", "_")}_{what}' for name in JOINT_NAMES for what in ('x', 'y', 'visible')}
    if 'image' not in columns or not any(c.endswith('_x') and c in known for c in columns):
        raise ValueError(f'{path}: expected columns image, right_ankle_x, right_ankle_y, ...; got {columns}')
    misspelt = [c for c in columns if c not in known and c and c.endswith(('_x', '_y', '_visible'))]
    if misspelt:
        raise ValueError(f'{path}: unknown joints in columns {misspelt}; joints are {", ".join(JOINT_NAMES)}')
    missing = [c[:-1] + other for c in columns for one, other in ('xy', 'yx')
               if c.endswith(f'_{one}') and c[:-1] + other not in columns]
    if missing:
        raise ValueError(f'{path}: columns {missing} are missing; a joint, and the centre, has an x and a y')


def _from_csv(row):
    """A CSV row as the JSON form's object."""
    joints = {}
    for name in JOINT_NAMES:
        x, y, visible = (row.get(f'{name.replace(" ", "_")}_{what}') for what in ('x', 'y', 'visible'))
        if x or y:
            joints[name] = [x, y] + ([visible] if visible else [])
    record = {'image': row['image'], 'joints': joints}
    if row.get('scale'):
        record['scale'] = row['scale']
    if row.get('centre_x') or row.get('centre_y'):
        record['centre'] = [row['centre_x'], row['centre_y']]
    return record


def _annotation(where, record, folder):
    try:
        image = os.path.join(folder, os.path.expanduser(record['image']))
        joints = np.full((16, 2), np.nan, np.float32)
        visible = np.zeros(16, bool)
        for name, (x, y, *rest) in record['joints'].items():
            j = JOINT_NAMES.index(name.replace('_', ' '))
            joints[j] = float(y), float(x)
            visible[j] = bool(float(rest[0])) if rest else True
        scale = None if record.get('scale') is None else float(record['scale'])
        x, y = (None, None) if record.get('centre') is None else map(float, record['centre'])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f'{where}: cannot be read as an annotation ({type(error).__name__}: {error}); joints are '
                         f'{{name: [x, y]}} with names {", ".join(JOINT_NAMES)}') from error
    present = np.isfinite(joints).all(1)
    if not present.any():
        raise ValueError(f'{where}: no joint has coordinates')
    if not os.path.isfile(image):
        raise FileNotFoundError(f'{where}: no picture {image}')
    own_scale, centre = _extent(joints)
    scale, centre = own_scale if scale is None else scale, centre if x is None else (y, x)
    if not (math.isfinite(scale) and scale > 0 and np.isfinite(centre).all()):
        raise ValueError(f'{where}: scale is a positive number, the height of the person in units of 200 pixels, and '
                         f'centre is [x, y]; got {scale} and {list(centre[::-1])}')
    return Annotation(image, joints, present, visible & present, scale, centre)


def _extent(joints):
    """Scale and centre of a person known by the joints alone, which end short of the outline."""
    low, high = np.nanmin(joints, 0), np.nanmax(joints, 0)
    return float(1.2 * (high - low).max() / 200.0), tuple(((low + high) / 2).tolist())


def write_annotations(path, annotations):
    """Write annotations as the CSV that `read_annotations` reads, whole or not at all; pictures relative to it."""
    path = pathlib.Path(path)
    columns = [f'{name.replace(" ", "_")}_{what}' for name in JOINT_NAMES for what in ('x', 'y', 'visible')]
    with gait_files.replacing(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(['image', 'scale', 'centre_x', 'centre_y', *columns])
        for a in annotations:
            cells = []
            for (y, x), present, visible in zip(a.joints.tolist(), a.present, a.visible):
                cells += [x, y, int(visible)] if present else ['', '', '']
            try:
                image = pathlib.Path(os.path.relpath(a.image, path.parent)).as_posix()
            except ValueError:                                      # Windows: on another drive
                image = os.path.abspath(a.image)
            writer.writerow([image, a.scale, a.centre[1], a.centre[0], *cells])


def split_by_picture(annotations, share):
    """Hold out a share of the pictures, with all people in them; the same ones at every call.

    Returns
    -------
    kept, held_out : list of Annotation
    """
    pictures = sorted({a.image for a in annotations})
    count = max(1, round(share * len(pictures)))
    held_out = {pictures[i] for i in np.random.default_rng(0).permutation(len(pictures))[:count]}
    return ([a for a in annotations if a.image not in held_out], [a for a in annotations if a.image in held_out])


def convert_mpii(mat, images, training=True):
    """Annotations of the MPII Human Pose dataset (Andriluka et al., CVPR 2014).

    Parameters
    ----------
    mat : str
        `mpii_human_pose_v1_u12_1.mat`. Its joints are numbered as ours.
    images : str
        Folder of the pictures.
    training : bool
        Pictures of the training set, the only ones with published joints.

    Returns
    -------
    list of Annotation
        People with joints, scale and centre. A joint of which the file does not say whether it is hidden is visible.
    """
    release = _read_mat(mat, 'RELEASE', images)
    annotations = []
    try:
        for picture, in_training in zip(np.atleast_1d(release.annolist), np.atleast_1d(release.img_train)):
            people = np.atleast_1d(picture.annorect) if bool(in_training) == training else []
            for person in people:
                points = np.atleast_1d(getattr(getattr(person, 'annopoints', None), 'point', []))
                scale, centre = getattr(person, 'scale', []), getattr(person, 'objpos', None)
                if len(points) and np.size(scale) and np.size(getattr(centre, 'x', [])):
                    image = os.path.join(images, str(picture.image.name))
                    annotations.append(_mpii_person(image, points, float(scale), centre))
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f'{mat} is not built as the MPII annotations are: {error}') from error
    if not annotations:
        raise ValueError(f'{mat} holds no person with joints')
    return annotations


def _mpii_person(image, points, scale, centre):
    joints, visible = np.full((16, 2), np.nan, np.float32), np.zeros(16, bool)
    for point in points:
        j = int(point.id)
        joints[j] = float(point.y) - 1, float(point.x) - 1                          # MATLAB counts pixels from 1
        visible[j] = str(getattr(point, 'is_visible', 1)) != '0'                    # a number, a string or empty
    return Annotation(image, joints, np.isfinite(joints).all(1), visible, scale,
                      (float(centre.y) - 1, float(centre.x) - 1))


# LSP's 14 joints in our order; its neck is our upper neck, pelvis and thorax are not annotated.
LSP_JOINTS = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9]


def convert_lsp(mat, images):
    """Annotations of Leeds Sports Pose (Johnson, Everingham, BMVC 2010) or of its extended training set (CVPR 2011).

    Parameters
    ----------
    mat : str
        `joints.mat`: `joints` is (3, 14, N) in LSP, whose third row is 1 where a joint is hidden, and (14, 3, N) in the
        extended set, whose third column is 1 where a joint is annotated.
    images : str
        Folder of `im0001.jpg` ... (extended: `im00001.jpg` ...).

    Returns
    -------
    list of Annotation
        Scale and centre are those of the joints' extent; LSP gives none.
    """
    joints = np.asarray(_read_mat(mat, 'joints', images))
    if joints.ndim == 2:
        joints = joints[..., None]
    if joints.ndim != 3 or joints.shape[:2] not in ((3, 14), (14, 3)) or joints.dtype.kind not in 'uif':
        raise ValueError(f'{mat}: expected joints, numbers of shape (3, 14, N) or (14, 3, N), got {joints.dtype} '
                         f'{joints.shape}')
    is_extended = joints.shape[:2] == (14, 3)
    annotations = []
    for i in range(joints.shape[2]):
        x, y, flag = joints[:, :, i].T if is_extended else joints[:, :, i]
        annotated = flag > 0 if is_extended else np.isfinite(x + y)
        points, present = np.full((16, 2), np.nan, np.float32), np.zeros(16, bool)
        points[LSP_JOINTS] = np.where(annotated[:, None], np.stack([y, x], 1) - 1, np.nan)    # MATLAB counts from 1
        present[LSP_JOINTS] = annotated
        visible = present.copy()
        if not is_extended:
            visible[LSP_JOINTS] &= flag == 0
        if present.any():
            name = f'im{i + 1:0{5 if is_extended else 4}d}.jpg'
            annotations.append(Annotation(os.path.join(images, name), points, present, visible, *_extent(points)))
    return annotations


def _read_mat(path, name, images):
    from scipy.io import loadmat
    if not os.path.isfile(path):
        raise FileNotFoundError(f'{path}: no such .mat file')
    if not os.path.isdir(images):
        raise FileNotFoundError(f'{images}: no such folder of pictures')
    try:
        content = loadmat(path, struct_as_record=False, squeeze_me=True)
    except Exception as error:                              # what a broken file makes scipy's parser trip over
        raise ValueError(f'{path} cannot be read as a .mat file: {error}') from error
    if name not in content:
        raise ValueError(f'{path}: expected a variable {name}, got '
                         f'{[key for key in content if not key.startswith("__")]}')
    return content[name]


# --- Samples ---------------------------------------------------------------------------------------------------------

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


@contextlib.contextmanager
def _opened(path):
    """A picture file as a PIL picture; an error while it is open names the file."""
    try:
        with Image.open(path) as picture:
            if picture.mode[0] in 'IF':
                raise ValueError(f'expected 8 bits a channel, got mode {picture.mode}; convert it first')
            yield picture
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f'{path} cannot be read as a picture: {error}; put a readable one in its place') from error


def _cut(path, crop):
    """A crop of a picture file, uint8 (299, 299, 3)."""
    with _opened(path) as picture:
        width = picture.width
        picture.draft(None, [max(1, length // crop.whole_reduction) for length in picture.size])        # quick JPEG
        crop = crop.reduced(round(width / picture.width))
        return crop.image(ImageOps.exif_transpose(picture).convert('RGB'), SIZE)


class Annotated:
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
        image = _cut(annotation.image, crop)
        order = MIRRORED_JOINTS if crop.mirrored else slice(None)
        present, visible = annotation.present[order], annotation.visible[order]
        joints = crop.joints(annotation.joints)
        inside = present & (np.nan_to_num(joints, nan=-1.0) >= 0).all(1) & (np.nan_to_num(joints) <= SIZE - 1).all(1)
        return Sample(image if rng is None else recolour(image, rng), joints, visible & inside, inside, present)


class Walkers:
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


# --- Evaluation ------------------------------------------------------------------------------------------------------

class PoseScore(NamedTuple):
    """How well joints were found, over a set of pictures.

    Attributes
    ----------
    error : np.ndarray (16,)
        Mean distance of visible joints in pixels of the 299 x 299 crop; NaN for a joint never visible.
    hidden_error : np.ndarray (16,)
        The same of joints that are inside the picture and hidden.
    mean_error, mean_hidden_error : float
        Over all visible, or hidden, joints.
    pck : np.ndarray (16,)
        Share of visible joints within `PCK_SHARE` of the torso (right shoulder to left hip).
    mean_pck : float
    pictures : int
    """

    error: np.ndarray
    hidden_error: np.ndarray
    mean_error: float
    mean_hidden_error: float
    pck: np.ndarray
    mean_pck: float
    pictures: int

    def rows(self):
        """Name, error, PCK and hidden error of each joint, then of all."""
        return [*zip(JOINT_NAMES, self.error, self.pck, self.hidden_error),
                ('all joints', self.mean_error, self.mean_pck, self.mean_hidden_error)]

    def __str__(self):
        lines = [f'{"joint":16}{"error, px of 299":>18}{"px of heat map":>16}{"PCK@0.2":>9}{"hidden, px of 299":>19}']
        for name, error, pck, hidden in self.rows():
            lines.append(f'{name:16}{error:18.2f}{error * HEATMAP_SCALE:16.2f}{100 * pck:8.1f}%{hidden:19.2f}')
        return '\n'.join(lines + [f'{self.pictures} pictures'])


def pose_score(estimated, samples):
    """Compare estimated joints with true ones.

    Parameters
    ----------
    estimated : array_like (N, 16, 2)
        (y, x) in pixels of the crop.
    samples : sequence of Sample

    Returns
    -------
    PoseScore
    """
    true = np.stack([s.joints for s in samples])
    visible = np.stack([s.visible & s.inside for s in samples])
    hidden = np.stack([s.inside & ~s.visible for s in samples])
    distance = np.linalg.norm(np.asarray(estimated) - true, axis=2)                             # (N, 16)
    shoulder, hip = true[:, JOINT_NAMES.index('right shoulder')], true[:, JOINT_NAMES.index('left hip')]
    torso = np.linalg.norm(shoulder - hip, axis=1)                                              # (N,)
    measured = visible & np.isfinite(torso)[:, None]
    close = distance <= PCK_SHARE * np.nan_to_num(torso)[:, None]

    def mean(values, where, axis=None):
        counted = np.where(where, np.nan_to_num(values), 0.0)
        with np.errstate(invalid='ignore'):
            return np.divide(counted.sum(axis), where.sum(axis))

    return PoseScore(mean(distance, visible, 0), mean(distance, hidden, 0),
                     float(mean(distance, visible)), float(mean(distance, hidden)),
                     mean(close, measured, 0), float(mean(close, measured)), len(samples))


def evaluate(net, data, progress=None, batch_size=16):
    """`pose_score` of a network for inference on all samples of `data`, none augmented."""
    samples, estimated = [], []
    for start in range(0, len(data), batch_size):
        chunk = [data.sample(i) for i in range(start, min(start + batch_size, len(data)))]
        y, x, _ = net.joint_positions(np.stack([s.image for s in chunk]), batch_size)
        estimated.append(np.stack([y, x], axis=2))
        samples += [s._replace(image=None) for s in chunk]
        if progress:
            progress(len(samples))
    return pose_score(np.concatenate(estimated), samples)


def draw_score(score, path, title):
    """The chart of mean distances by joint, in heat-map pixels, as the original shows it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=(8, 5), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    values = np.append(score.error, score.mean_error) * HEATMAP_SCALE
    bars = axes.barh([*JOINT_NAMES, 'average'], values, color=['tab:blue'] * 16 + ['tab:orange'])
    axes.bar_label(bars, fmt='%.1f', padding=3)
    axes.invert_yaxis()
    axes.set_xlabel('mean distance of visible joints, pixels of the 289 x 289 heat map')
    axes.set_title(title)
    axes.spines[['top', 'right']].set_visible(False)
    with gait_files.replacing(path) as file:
        figure.savefig(file, dpi=120, format=pathlib.Path(path).suffix[1:] or 'png')


# --- Runs ------------------------------------------------------------------------------------------------------------

class Progress:
    """A line that shows how far long work is and how much time is left, on a terminal only.

    Parameters
    ----------
    total : int
    what : str
    stream : file, optional
        Standard error by default.
    """

    def __init__(self, total, what, stream=None, done=0):
        self.total, self.what, self.stream = total, what, stream or sys.stderr
        self.start, self.first, self.shown = time.monotonic(), done, 0.0
        self.is_terminal = self.stream.isatty()

    def __call__(self, done, note=''):
        now = time.monotonic()
        if not self.is_terminal or (now - self.shown < 0.2 and done < self.total):
            return
        self.shown = now
        left = (now - self.start) / max(1, done - self.first) * (self.total - done)
        self.stream.write(f'\r{self.what} {done}/{self.total}  {_hours(left)} left  {note}\x1b[K')
        self.stream.flush()

    def close(self):
        if self.is_terminal:
            self.stream.write('\r\x1b[K')
            self.stream.flush()


def _hours(seconds):
    return f'{int(seconds) // 3600}:{int(seconds) // 60 % 60:02d}:{int(seconds) % 60:02d}'


def print_figures(figures):
    """Say a row of a log on standard output."""
    print('  '.join(f'{k} {v:.4g}' if isinstance(v, float) else f'{k} {v}' for k, v in figures.items()), flush=True)


def prefetch(make, steps, ahead=3):
    """Yield `make(step)` for each step, made by a thread while the caller computes, at most `ahead` in advance.

    Close it (`contextlib.closing`) to end the thread early.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = []
        try:
            for step in steps:
                waiting.append(pool.submit(make, step))
                if len(waiting) > ahead:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()


def learning_rate(schedule, rate, step, steps, steps_per_epoch):
    """The rate of a step: 'author' (x 0.93 an epoch), 'cosine' (to 0 at the end) or 'constant'."""
    if schedule == 'author':
        return rate * RATE_DECAY ** (step // steps_per_epoch)
    if schedule == 'cosine':
        return rate * 0.5 * (1.0 + math.cos(math.pi * step / steps))
    return rate


class Run:
    """One training run: its steps, and its files in one folder.

    `resume.npz` (weights, optimiser slots, step, settings), `last.ckpt` and `best.ckpt` (for inference; a gait
    network's are `last-GRU-1.ckpt` and so on), `log.csv`, and of a pose network `validation.csv`, the figures by joint.

    Parameters
    ----------
    folder : str or os.PathLike
    settings : dict
        What decides the run: a run resumed with other settings would be another run.
    free : collection of str
        Settings that may change on resuming.
    measuring : collection of str
        Those of them that decide what validation measures: where one changed, the best so far is forgotten.

    Attributes
    ----------
    best : float or None
        Validation figure of `best.ckpt`.
    losses : list of float
        Since the last validation.
    stopped : bool
        An interrupt came: the run saves and leaves.
    """

    LOGS = ('log.csv', 'validation.csv')                        # a row each has a column `step`

    def __init__(self, folder, settings, free=(), measuring=()):
        self.folder = pathlib.Path(folder)
        self.settings, self.free, self.measuring = json.loads(json.dumps(settings)), set(free), measuring
        self.best, self.losses, self.stopped = None, [], False

    @property
    def resume_file(self):
        return self.folder / 'resume.npz'

    def start(self, net):
        """Begin, or go on from the resume file; returns the number of steps that are done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        done = 0
        if self.resume_file.exists():
            tensors, facts = gait_checkpoints.read_state(self.resume_file)
            then = facts.get('settings', {})
            differing = [name for name in self.settings
                         if name not in self.free and then.get(name) != self.settings[name]]
            if differing:
                raise ValueError(f'{self.resume_file} is of a run with other settings: ' + ', '.join(
                    f'{n} {then.get(n)} (now {self.settings[n]})' for n in differing)
                    + '; use those, or another --output')
            net.set_training_state(tensors)
            done, self.best, self.losses = facts['step'], facts['best'], facts.get('losses', [])
            if any(name in then and then[name] != self.settings[name] for name in self.measuring):
                self.best = None
            print(f'{self.resume_file}: going on after step {done}', file=sys.stderr)
        for name in self.LOGS:
            self._forget_rows_after(done, self.folder / name)
        return done

    @staticmethod
    def _forget_rows_after(step, path):
        """Drop from a log what a killed run wrote after its last resume file: it is about to be written again."""
        if not path.exists():
            return
        with open(path, newline='', encoding='utf-8') as file:
            rows = list(csv.reader(file))
        header = rows[0] if rows else []
        if rows and 'step' not in header:
            raise ValueError(f'{path} is no log of a training run (it has no column `step`): move it elsewhere, or use '
                             'another --output')
        kept = [row for row in rows[1:] if len(row) == len(header) and int(row[header.index('step')]) <= step]
        with gait_files.replacing(path, 'w', newline='', encoding='utf-8') as file:
            csv.writer(file).writerows([header, *kept] if kept else [])

    def save(self, net, done):
        """Write the resume file, whole or not at all: after an error an earlier one is as it was."""
        facts = {'step': done, 'best': self.best, 'losses': self.losses, 'settings': self.settings}
        try:
            gait_checkpoints.write_state(self.resume_file, net.training_state(), facts)
        except OSError as error:
            raise OSError(f'{self.resume_file} could not be written: {error}') from error

    def log(self, name='log.csv', **figures):
        """Append a row to a log."""
        with open(self.folder / name, 'a', newline='', encoding='utf-8') as file:
            writer = csv.writer(file)
            if not file.tell():
                writer.writerow(figures)
            writer.writerow([f'{v:.6g}' if isinstance(v, float) else v for v in figures.values()])

    @contextlib.contextmanager
    def interruptible(self):
        """Take the first SIGINT or SIGTERM for a wish to stop after the step; the next one interrupts at once."""
        previous = {}

        def restore():
            for number, handler in previous.items():
                signal.signal(number, handler)

        def stop(*_):
            self.stopped = True
            restore()

        if threading.current_thread() is threading.main_thread():       # Python's own rule for handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                previous[number] = signal.signal(number, stop) or signal.SIG_DFL
        try:
            yield
        finally:
            restore()

    def train(self, net, steps, prepare, rate, take, validate, validate_every, save_every, ahead=3):
        """Take a network's training steps, from where the resume file left off.

        Parameters
        ----------
        net : HumanPoseIRNetwork or GaitNetwork
        steps : int
            Of the whole run.
        prepare : callable
            Takes the number of a step, from 0, and gives what it is fed; runs in a thread, `ahead` steps in advance.
        rate : callable
            Takes the number of a step, gives its learning rate.
        take : callable
            Takes the number of a step, what it is fed and its rate; trains, gives the loss.
        validate : callable
            Takes the number of steps done and a dict of figures for the log; called every `validate_every` steps and
            at the end.
        save_every : int
            Steps between resume files; one follows every validation, too.

        Returns
        -------
        bool
            The run is complete (not interrupted).

        Raises
        ------
        FloatingPointError
            The loss became infinite or NaN; the resume file is of an earlier step.
        """
        start = first = self.start(net)
        progress = Progress(steps, 'step', done=start)
        with self.interruptible(), contextlib.closing(prefetch(prepare, range(start, steps), ahead)) as prepared:
            began = time.monotonic()
            for step, fed in enumerate(self._kept_if_it_breaks(prepared, net, start), start):
                now, done = rate(step), step + 1
                loss = take(step, fed, now)
                if not math.isfinite(loss):
                    raise FloatingPointError(f'the loss became {loss} at step {step}; begin another run, in another '
                                             '--output, with a lower --rate (--start takes the last weights of this)')
                self.losses.append(loss)
                progress(done, f'loss {loss:.4g}')
                validates = done % validate_every == 0 or done == steps
                if validates:
                    progress.close()
                    validate(done, {'rate': float(now), 'loss': float(np.mean(self.losses)),
                                    'seconds_a_step': (time.monotonic() - began) / (done - first)})
                    self.losses, first = [], done
                if validates or done % save_every == 0 or self.stopped:
                    self.save(net, done)
                if validates:
                    began = time.monotonic()
                if self.stopped and done < steps:
                    progress.close()
                    print(f'stopped after step {done}; the same command goes on from there', file=sys.stderr)
                    return False
        if start >= steps:
            print(f'{self.folder}: all {steps} steps are done', file=sys.stderr)
        return True

    def _kept_if_it_breaks(self, prepared, net, start):
        """Yields what is prepared; where that fails, as on a broken picture, the steps done are saved first."""
        done = start
        try:
            for fed in prepared:
                yield fed
                done += 1
        except Exception:
            if done > start:
                self.save(net, done)
            raise


def train(net, data, validation, run, steps, batch_size=8, rate=RATE, schedule='cosine', save_every=200,
          summary_every=0):
    """Train a pose network; goes on where the run's resume file left off.

    Parameters
    ----------
    net : HumanPoseIRNetwork
        Built with `is_training=True`.
    data, validation : Annotated or Walkers
    run : Run
    steps : int
        Of the whole run.
    batch_size : int
    rate : float
    schedule : {'author', 'cosine', 'constant'}
    save_every : int
        Steps between resume files.
    summary_every : int
        Steps between summaries for TensorBoard; 0 for none.

    Returns
    -------
    bool
        The run is complete (not interrupted).
    """
    steps_per_epoch = max(1, len(data) // batch_size)

    def prepare(step):
        batch = training_batch(data, step, batch_size)
        shape = len(batch.images), net.heatmap_size, net.heatmap_size, len(JOINT_NAMES)
        return batch, net.generate_output(shape, batch.present, batch.points, net.POINT_DIAMETER)

    def take(step, fed, now):
        batch, targets = fed
        if summary_every and step % summary_every == 0:
            net.write_summary(batch.images, batch.points, targets, batch.present, now, batch.inside, summary_every,
                              summary_every)
        return net.train(batch.images, targets, batch.present, now, batch.inside)

    with HumanPoseIRNetwork() as inference:
        return run.train(
            net, steps, prepare, lambda step: learning_rate(schedule, rate, step, steps, steps_per_epoch), take,
            lambda done, figures: _end_epoch(net, inference, data, validation, run, done, batch_size, figures),
            steps_per_epoch, save_every)


def _end_epoch(net, inference, data, validation, run, step, batch_size, figures):
    """Validate in inference mode; write last.ckpt, and best.ckpt where it is the best so far."""
    state = net.sess.run({v.op.name: v for v in net.model_variables})
    feeds = ({net.input_tensor: training_batch(data, max(0, step - 1 - i), batch_size).images}
             for i in range(min(step, STATISTICS_BATCHES)))
    state.update(net.batch_averages(feeds))                                 # the moving averages lag behind
    inference.set_training_state(state)
    score = evaluate(inference, validation)
    epoch = -(-step // max(1, len(data) // batch_size))
    net.write_test_summary(epoch, score.mean_error * HEATMAP_SCALE)
    figures = {'epoch': epoch, 'step': step, **figures, 'error': score.mean_error,
               'hidden_error': score.mean_hidden_error, 'worst_joint': float(np.nanmax(score.error)),
               'pck': score.mean_pck}
    run.log(**figures)
    print_figures(figures)
    for joint, error, pck, hidden_error in score.rows():
        run.log('validation.csv', epoch=epoch, step=step, joint=joint, error=float(error),
                heat_map_error=float(error * HEATMAP_SCALE), pck=float(pck), hidden_error=float(hidden_error))
    inference.save(run.folder, 'last')
    if run.best is None or score.mean_error < run.best:
        run.best = score.mean_error
        inference.save(run.folder, 'best')


# --- Command ---------------------------------------------------------------------------------------------------------

class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Adds its default to the help of every option that has one."""

    def _get_help_string(self, action):
        has_default = action.default is not None and action.default is not False        # 0 is one
        return super()._get_help_string(action) if has_default else action.help


def check_numbers(parser, arguments, counts):
    """End the command with a message where one of `counts` is under 1, `seed` negative or `rate` no learning rate."""
    for name in counts:
        if getattr(arguments, name) < 1:
            parser.error(f'--{name.replace("_", "-")} is a positive number')
    if arguments.seed < 0:
        parser.error('--seed is 0 or more')
    if not 0 <= arguments.rate < math.inf:
        parser.error('--rate is 0 or more')


def refuse_ignored(parser, arguments, rules):
    """End the command with a message where an option is set that would change nothing.

    Parameters
    ----------
    rules : iterable of (str, bool, str)
        Names of options with spaces between them, whether they are ignored, and what the message says of them.
    """
    for names, are_ignored, why in rules:
        for name in names.split() if are_ignored else ():
            if getattr(arguments, name) != parser.get_default(name):
                parser.error(f'--{name.replace("_", "-")} {why}')


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description='Train or evaluate the pose network.', formatter_class=HelpFormatter)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument('--output', metavar='FOLDER', help='train; folder of the run, an interrupted run in it goes on')
    task.add_argument('--evaluate', metavar='WEIGHTS', help='only measure these weights on --data')
    task.add_argument('--convert', nargs=2, metavar=('{mpii,lsp}', 'MAT'), help="only convert a data set's joints")
    parser.add_argument('--data', metavar='FILE', nargs='+', default='walkers',
                        help='annotations (.csv, .json), or "walkers" for synthetic ones')
    parser.add_argument('--validation', metavar='FILE', help='annotations to validate on, or "walkers", or a share of '
                        "--data's pictures, such as 0.1, that is not trained on (default: walkers, where --data is)")
    parser.add_argument('--start', metavar='WEIGHTS', help='begin with these weights')
    parser.add_argument('--imagenet', action='store_true', help='--start is an ImageNet checkpoint of the backbone')
    parser.add_argument('--epochs', type=int, default=10, help='passes over the data')
    parser.add_argument('--epoch-size', type=int, default=4000, help='pictures an epoch, of walkers')
    parser.add_argument('--validation-size', type=int, default=200,
                        help='pictures to validate on, or to evaluate on, of walkers')
    parser.add_argument('--direction', choices=['left', 'right'], help='walkers that all walk one way, for a while: '
                        'which limb is left then depends on near and far alone (default: both ways)')
    parser.add_argument('--cover', type=float, metavar='SHARE', help="of the light that walkers' far limbs do not get; "
                        'much, for a while, shows which they are (default: 0.1 to 0.4, drawn)')
    parser.add_argument('--batch-size', type=int, default=8, help='pictures a step')
    parser.add_argument('--rate', type=float, default=RATE, help='learning rate at the start')
    parser.add_argument('--schedule', choices=['author', 'cosine', 'constant'], default='author',
                        help=f'the fall of the rate: x {RATE_DECAY} an epoch, a cosine to 0, or none')
    parser.add_argument('--loss', choices=['SCE', 'MSE'], default='SCE',
                        help='sigmoid cross-entropy with discs around the joints, or squared difference')
    parser.add_argument('--precision', choices=['float32', 'bfloat16'], default='float32',
                        help="of the backbone's arithmetic; bfloat16 is faster where the processor has it")
    parser.add_argument('--seed', type=int, default=0, help='of initial weights, order, augmentation')
    parser.add_argument('--save-every', type=int, default=200, metavar='STEPS', help='between resume files')
    parser.add_argument('--log-name', help='write summaries for TensorBoard to logdir/<LOG_NAME>')
    parser.add_argument('--summary-every', type=int, default=100, metavar='STEPS',
                        help='between summaries, with --log-name')
    parser.add_argument('--chart', metavar='PICTURE', help='with --evaluate: draw the distances by joint')
    parser.add_argument('--images', metavar='FOLDER', help='with --convert: the pictures')
    parser.add_argument('--to', metavar='CSV', help='with --convert: the annotations to write')
    arguments = parser.parse_args(argv)
    if arguments.data == ['walkers']:
        arguments.data = 'walkers'
    measured = arguments.data if arguments.evaluate else arguments.validation or 'walkers'
    refuse_ignored(parser, arguments, (
        ('validation start imagenet epochs epoch_size batch_size rate schedule loss seed save_every log_name '
         'summary_every', not arguments.output, 'goes with --output'),
        ('data validation_size direction cover precision', arguments.convert, 'goes without --convert'),
        ('chart', not arguments.evaluate, 'goes with --evaluate'),
        ('images to', not arguments.convert, 'goes with --convert'),
        ('epoch_size direction cover', arguments.data != 'walkers', 'is about walkers, not about --data'),
        ('validation_size', measured != 'walkers', 'goes with walkers to measure on'),
        ('imagenet', not arguments.start, 'says what kind of file --start is'),
        ('summary_every', not arguments.log_name, 'goes with --log-name')))
    if arguments.convert and (arguments.convert[0] not in ('mpii', 'lsp') or not (arguments.images and arguments.to)):
        parser.error('--convert takes mpii or lsp and a .mat file, with --images FOLDER and --to CSV')
    check_numbers(parser, arguments, ('epochs', 'epoch_size', 'validation_size', 'batch_size', 'save_every',
                                      'summary_every'))
    for name in ('chart', 'to'):
        folder = os.path.dirname(getattr(arguments, name) or '')
        if folder and not os.path.isdir(folder):
            parser.error(f'--{name}: no such folder {folder}; create it first')
    if arguments.cover is not None and not 0 <= arguments.cover <= 1:
        parser.error('--cover is a share, 0 to 1')
    if arguments.data != 'walkers' and arguments.output and not arguments.validation:
        parser.error('--data needs --validation: pictures that are not trained on')
    return arguments


def main(argv=None):
    """Run the command; returns the exit status: 0, 1 when interrupted, 2 for bad input."""
    arguments = parse_arguments(argv)
    command = _convert_command if arguments.convert else _evaluate_command if arguments.evaluate else _train_command
    try:
        return command(arguments)
    except (ValueError, OSError, RuntimeError, FloatingPointError) as error:
        print(f'train_pose: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('train_pose: interrupted', file=sys.stderr)
        return 1


def _convert_command(arguments):
    kind, mat = arguments.convert
    converted = (convert_mpii if kind == 'mpii' else convert_lsp)(mat, arguments.images)
    write_annotations(arguments.to, converted)
    print(f'{arguments.to}: {len(converted)} people')
    return 0


def _evaluate_command(arguments):
    data = Walkers(arguments.validation_size, TEST_SEED, arguments.direction, arguments.cover) \
        if arguments.data == 'walkers' else Annotated(_read_all(arguments.data))
    with HumanPoseIRNetwork(precision=arguments.precision) as net:
        net.restore(arguments.evaluate)
        progress = Progress(len(data), 'picture')
        score = evaluate(net, data, progress)
        progress.close()
    print(score)
    if arguments.chart:
        name = arguments.data if arguments.data == 'walkers' else ', '.join(map(os.path.basename, arguments.data))
        draw_score(score, arguments.chart, f'{os.path.basename(arguments.evaluate)} on {name}')
    return 0


def _read_all(files):
    return [annotation for file in files for annotation in read_annotations(file)]


def _data_sets(arguments):
    """What to train on and what to validate on."""
    held_out, way = arguments.validation or 'walkers', (arguments.direction, arguments.cover)
    share = _share(held_out)
    if arguments.data == 'walkers':
        if share is not None:
            raise ValueError(f'--validation: {held_out} is a share of the pictures of --data; walkers to validate on '
                             f'are --validation-size {arguments.validation_size}')
        data = Walkers(arguments.epoch_size, TRAINING_SEED + 50_000_000 * arguments.seed, *way)
    else:
        annotations = _read_all(arguments.data)
        if share is not None:
            annotations, held_out = split_by_picture(annotations, share)
        data = Annotated(annotations, arguments.seed)
    if len(data) < arguments.batch_size:
        raise ValueError(f'{arguments.data}: {len(data)} people do not fill one batch of {arguments.batch_size}')
    if held_out == 'walkers':
        return data, Walkers(arguments.validation_size, VALIDATION_SEED, *way)
    if isinstance(held_out, str):
        held_out = read_annotations(held_out)
        if arguments.data != 'walkers':
            both = sorted({os.path.realpath(a.image) for a in annotations} &
                          {os.path.realpath(a.image) for a in held_out})
            if both:
                raise ValueError(f'{arguments.validation}: pictures that are trained on cannot validate: {both[0]}'
                                 + (f' and {len(both) - 1} more' if both[1:] else ''))
    if not any(annotation.visible.any() for annotation in held_out):
        raise ValueError(f'{arguments.validation}: no joint is visible, so nothing can be measured on it')
    return data, Annotated(held_out)


def _share(text):
    """The number that --validation is when it is no file."""
    try:
        share = float(text)
    except ValueError:
        return None
    if not 0 < share < 1:
        raise ValueError(f'--validation: a share lies between 0 and 1, got {text}')
    return share


def _content(files):
    """What settings say of files: name and digest. A moved folder is the same data, an edited file is not."""
    return [f'{os.path.basename(f)} {hashlib.sha256(pathlib.Path(f).read_bytes()).hexdigest()[:16]}' for f in files]


def _train_command(arguments):
    data, validation = _data_sets(arguments)
    of_walkers = ['direction', 'cover', 'validation_size']
    free = ['save_every', 'summary_every', 'log_name', 'start', 'precision', *of_walkers]
    settings = {name: getattr(arguments, name) for name in (
        'data', 'validation', 'epochs', 'epoch_size', 'batch_size', 'rate', 'schedule', 'loss', 'seed', *free)}
    if arguments.schedule != 'cosine':                      # whose rates depend on the end
        free.append('epochs')
    if arguments.schedule == 'constant':                    # lowered by hand
        free.append('rate')
    if arguments.data != 'walkers':
        settings['data'] = _content(arguments.data)
    if arguments.validation and os.path.isfile(arguments.validation):
        settings['validation'] = _content([arguments.validation])
    run = Run(arguments.output, settings, free, measuring=of_walkers if isinstance(validation, Walkers) else ())
    if isinstance(validation, Annotated):
        validation.check_pictures()
    with HumanPoseIRNetwork(arguments.log_name, arguments.loss, is_training=True, seed=arguments.seed,
                            precision=arguments.precision) as net:
        if arguments.start and not run.resume_file.exists():
            print(net.restore(arguments.start, arguments.imagenet), file=sys.stderr)
        steps = arguments.epochs * (len(data) // arguments.batch_size)
        complete = train(net, data, validation, run, steps, arguments.batch_size, arguments.rate, arguments.schedule,
                         arguments.save_every, arguments.summary_every if arguments.log_name else 0)
    return 0 if complete else 1


if __name__ == '__main__':
    sys.exit(main())
