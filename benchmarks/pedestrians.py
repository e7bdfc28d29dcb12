"""How pictures of real people differ by clothes, place and light, for `bodies.py learn`: pedestrians painted over.

    python benchmarks/pedestrians.py ANNOTATIONS.csv FOLDER --first 0 --step 2                      # a process a core

ANNOTATIONS are people seen from the side, as of `train_pose.py --data`; who lacks a joint of `NEEDED` is left out. Each
is shown 32 times as small cameras would see them, walking to the right: in the four ways that `KINDS` names, in 8
pictures each, of which 2 in a row are one camera's. FOLDER/pedestrians gets their features, a file each. It goes on
where it was interrupted.
"""
import argparse
import pathlib
import sys
from typing import NamedTuple

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / 'benchmarks')]

import bodies  # noqa: E402

import gait_files  # noqa: E402
from gait_recognition.pictures import read_picture  # noqa: E402
from gait_recognition.tracking.facing import facing_of  # noqa: E402
from gait_recognition.tracking.track import cut_square  # noqa: E402
from gait_recognition.training.annotations import read_annotations  # noqa: E402
from pose_joints import JOINT_NAMES, MIRRORED_JOINTS  # noqa: E402

KINDS = 'other clothes', 'as is', 'other clothes, another place', 'another place'
EACH = 8                        # pictures of each kind
ONE_CAMERA = 2                  # pictures in a row
NEEDED = 'right ankle', 'left ankle', 'right hip', 'left hip', 'pelvis', 'thorax', 'head top'
SIDES = 'right', 'left'
# Half the widths of limbs, in the walker's heights: at the first joint, the second, the third.
LEG, ARM, TRUNK = (0.06, 0.042, 0.03), (0.04, 0.033, 0.025), 0.085


class Pedestrian:
    """Somebody in a picture, and what can be changed about them.

    Parameters
    ----------
    picture : PIL.Image.Image or np.ndarray, uint8 (H, W, 3)
    joints : np.ndarray (16, 2)
        (y, x); NaN where not known.
    rng : np.random.Generator

    Attributes
    ----------
    tall : float
        Pixels from the top of the head to the soles.
    top, left_to_right : float
        Row of the top; column of the middle.
    """

    def __init__(self, picture, joints, rng):
        self.picture, self._rng = np.asarray(picture, np.float32), rng
        known = np.isfinite(joints).all(axis=1)
        if facing_of(np.column_stack([np.where(known[:, None], joints, 0), known]).T[:, None]) < 0:
            self.picture = np.ascontiguousarray(self.picture[:, ::-1])
            joints = joints[MIRRORED_JOINTS] * [1, -1] + [0, self.picture.shape[1] - 1]
        self._at = {name: at[::-1] for name, at in zip(JOINT_NAMES, joints) if np.isfinite(at).all()}       # (x, y)
        head, feet = self._at['head top'][1], max(self._at[f'{side} ankle'][1] for side in SIDES)
        self.top, self.tall = head - 0.01 * (feet - head), 1.055 * (feet - head)
        across = [at[0] for at in self._at.values()]
        self.left_to_right = (min(across) + max(across)) / 2
        self._upper, self._lower = self._body()

    def _body(self):
        """Masks, uint8 (H, W): arms and trunk; legs without what these hide."""
        import cv2
        upper, lower = (np.zeros(self.picture.shape[:2], np.uint8) for _ in range(2))
        for side in SIDES:
            self._limb(lower, [f'{side} {joint}' for joint in ('hip', 'knee', 'ankle')], LEG)
            self._limb(upper, [f'{side} {joint}' for joint in ('shoulder', 'elbow', 'wrist')], ARM)
        self._limb(upper, ('thorax', 'pelvis'), (TRUNK, TRUNK))
        lower[cv2.dilate(upper, None) > 0] = 0
        return upper, lower

    def _limb(self, mask, names, widths):
        import cv2
        if not all(name in self._at for name in names):
            return
        places, widths = [self._at[name] for name in names], np.multiply(widths, self.tall)
        for start, end, first, last in zip(places, places[1:], widths, widths[1:]):
            along = end - start
            aside = np.array([-along[1], along[0]]) / max(np.hypot(*along), 1)
            corners = start + aside * first, end + aside * last, end - aside * last, start - aside * first
            cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 255)
            for place, width in ((start, first), (end, last)):
                self._ellipse(mask, place, (width, width))

    def _ellipse(self, mask, middle, half, turn=0.0):
        import cv2
        cv2.ellipse(mask, tuple(np.round(middle).astype(int).tolist()), tuple(max(int(each), 1) for each in half),
                    turn, 0, 360, 255, -1)

    def _soft(self, mask, spread):
        import cv2
        return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.8, spread * self.tall))[..., None]

    def _uneven(self, spread):
        """A smooth random field (H, W), of unit variance."""
        import cv2
        drawn = cv2.GaussianBlur(self._rng.standard_normal(self.picture.shape[:2]).astype(np.float32), (0, 0),
                                 spread * self.tall)
        return drawn / drawn.std()

    def _dyed(self, picture, mask):
        """Another tone, all folds kept."""
        there = self._soft(mask, 0.008)
        tone = picture * np.exp(self._rng.uniform(*np.log([0.35, 2.2]))) + self._rng.uniform(-20, 60)
        return picture * (1 - there) + np.clip(tone, 0, 255) * there

    def _painted(self, picture, mask, tone):
        """Other cloth, darker towards its edges."""
        import cv2
        there = self._soft(mask, 0.008)
        inwards = np.clip(cv2.distanceTransform(mask, cv2.DIST_L2, 3) / (0.05 * self.tall), 0, 1)
        cloth = tone + self._uneven(0.03) * self._rng.uniform(0, 10)
        cloth *= 1 - self._rng.uniform(0, 0.35) * (1 - inwards)
        return picture * (1 - there) + np.clip(cloth, 0, 255)[..., None] * there

    def _empty(self):
        return np.zeros(self.picture.shape[:2], np.uint8)

    def in_other_clothes(self):
        """The picture (H, W, 3), float32, with other trousers, tops, coats, hats, hoods and bags."""
        rng, picture = self._rng, self.picture
        if rng.random() < 0.75:
            picture = self._dyed(picture, self._lower)
        elif rng.random() < 0.5:
            picture = self._painted(picture, self._trousers(), rng.uniform(15, 220))
        kind = rng.random()
        if kind < 0.5:
            picture = self._dyed(picture, self._upper)
        elif kind < 0.85:
            picture = self._coated(picture)
        return self._with_bag(self._with_hat(picture))

    def _trousers(self):
        mask, knee = self._empty(), self._rng.uniform(0.045, 0.065)
        for side in SIDES:
            self._limb(mask, [f'{side} {joint}' for joint in ('hip', 'knee', 'ankle')],
                       (0.065, knee, self._rng.uniform(0.03, 0.05)))
        return mask

    def _coated(self, picture):
        """A jacket or a coat that ends between hip and knee."""
        import cv2
        rng, tall, thorax, pelvis = self._rng, self.tall, self._at['thorax'], self._at['pelvis']
        knees = [self._at[f'{side} knee'] for side in SIDES if f'{side} knee' in self._at]
        knee = np.mean(knees, axis=0) if knees else pelvis + [0, 0.22 * tall]
        length = rng.uniform(0.05, 1.0)
        end, chest = pelvis + (knee - pelvis) * length, rng.uniform(0.085, 0.115) * tall
        hem = rng.uniform(0.09, 0.15) * tall * (0.8 + 0.3 * length)
        down = (pelvis - thorax) / max(np.hypot(*(pelvis - thorax)), 1)
        aside = np.array([-down[1], down[0]])
        mask, neck, below = self._empty(), thorax - down * 0.02 * tall, thorax + down * 0.06 * tall
        cv2.fillConvexPoly(mask, np.round([
            neck - aside * 0.6 * chest, neck + aside * 0.6 * chest, below + aside * chest, pelvis + aside * chest,
            end + aside * hem, end - aside * hem, pelvis - aside * chest, below - aside * chest]).astype(np.int32), 255)
        tone = rng.uniform(15, 220)
        picture, sleeves, width = self._painted(picture, mask, tone), self._empty(), rng.uniform(0.035, 0.05)
        for side in SIDES:
            self._limb(sleeves, [f'{side} {joint}' for joint in ('shoulder', 'elbow', 'wrist')],
                       (width, 0.9 * width, 0.7 * width))
        return self._painted(picture, sleeves, np.clip(tone + rng.normal(0, 12), 5, 240))

    def _head(self):
        """Middle, and half the height, of the head."""
        top, neck = self._at['head top'], self._at.get('upper neck', self._at['thorax'])
        return (top + neck) / 2, np.hypot(*(neck - top)) / 2

    def _with_hat(self, picture):
        """A hat, a hood, other hair or none of these."""
        rng, (middle, half) = self._rng, self._head()
        kind, mask = rng.random(), self._empty()
        if kind >= 0.5:
            return picture
        if kind >= 0.25:
            self._ellipse(mask, middle - [0, 0.3 * half], (0.75 * half, 0.6 * half))
            return self._dyed(picture, mask)
        off, across, down = (((0, 0.35), (0.8, 1.05), (0.6, 0.85)) if kind < 0.125 else
                             ((0.15, 0), (0.85, 1.2), (1, 1.25)))
        self._ellipse(mask, middle - np.multiply(off, half), (half * rng.uniform(*across), half * rng.uniform(*down)))
        return self._painted(picture, mask, rng.uniform(15, 220))

    def _with_bag(self, picture):
        """A bag on the back or at the side, now and then."""
        rng, tall = self._rng, self.tall
        if rng.random() > 0.25:
            return picture
        mask, thorax = self._empty(), self._at['thorax']
        middle = thorax + (self._at['pelvis'] - thorax) * rng.uniform(0.25, 1.1) - [rng.uniform(0, 0.13) * tall, 0]
        self._ellipse(mask, middle, (rng.uniform(0.035, 0.08) * tall, rng.uniform(0.06, 0.12) * tall),
                      rng.uniform(-15, 15))
        return self._painted(picture, mask, rng.uniform(15, 200))

    def elsewhere(self, picture):
        """The picture with another light on the walker, and another backdrop."""
        import cv2
        rng, tall, (height, width) = self._rng, self.tall, picture.shape[:2]
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        middle = self._at['pelvis']

        def slope(most):
            turn = rng.uniform(0, 2 * np.pi)
            along = ((columns - middle[0]) * np.cos(turn) + (rows - middle[1]) * np.sin(turn)) / tall
            return (1 + np.clip(along * rng.uniform(-most, most), -0.6, 0.6))[..., None]

        behind, kind = picture * slope(0.5), rng.random()
        if kind < 0.45:
            behind = behind * np.exp(rng.uniform(*np.log([0.4, 2]))) + rng.uniform(-40, 60)
        elif kind < 0.75:
            tone, share = rng.uniform(30, 235), rng.uniform(0.4, 0.9)
            floor = rows[..., None] > middle[1] + rng.uniform(-0.1, 0.6) * tall
            wall = np.where(floor, np.clip(tone + rng.uniform(-80, 80), 10, 245), tone) * slope(0.4)
            behind = behind * (1 - share) + (wall + 4 * self._uneven(0.1)[..., None]) * share
        there = self._figure()
        if rng.random() < 0.5:                                          # a shadow
            moved = np.roll(there[..., 0], (int(rng.uniform(-0.05, 0.15) * tall), int(rng.uniform(-0.3, 0.3) * tall)),
                            (0, 1))
            soft = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.01, 0.05) * tall)[..., None]
            behind = behind * (1 - rng.uniform(0.1, 0.45) * soft)
        lit = picture * slope(0.9) if rng.random() < 0.7 else picture
        return np.clip(lit * there + behind * (1 - there), 0, 255)

    def _figure(self):
        """Where the walker is (H, W, 1), with a margin, soft."""
        import cv2
        mask, (middle, half) = np.maximum(self._upper, self._lower), self._head()
        self._ellipse(mask, middle, (0.95 * half, 1.2 * half))
        for side in SIDES:
            self._ellipse(mask, self._at[f'{side} ankle'] + [0, 0.02 * self.tall], (0.07 * self.tall, 0.04 * self.tall))
        margin = max(3, int(0.035 * self.tall) | 1)
        mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (margin, margin)))
        return self._soft(mask, 0.018)

    def crop(self, picture, camera):
        """The picture as a camera takes it and `crop_walker` cuts it, uint8 (299, 299, 3)."""
        rng = self._rng
        taken, factor = camera.taken(picture, self.tall, rng), camera.tall / self.tall
        off = rng.normal(0, 0.03)
        side = camera.tall / bodies.SHARE * (1 + off)
        up = rng.uniform(-0.5, 1) * off * 0.5 * camera.tall
        top = (self.top + self.tall / 2) * factor - side / 2 - up + rng.normal(0, 0.012) * camera.tall
        left = self.left_to_right * factor - side / 2 + rng.normal(0, 0.01) * camera.tall
        return cut_square(taken, (top, left, side))


class Camera(NamedTuple):
    """What a small grey camera does to its pictures; `tall`: of the walker, in pixels."""
    tall: float
    gain: float
    gamma: float
    blur: float
    noise: float
    quality: int

    @classmethod
    def drawn(cls, rng):
        return cls(np.exp(rng.uniform(*np.log([62, 150]))), rng.uniform(0.8, 1.15), rng.uniform(0.8, 1.25),
                   rng.uniform(0.3, 1) if rng.random() < 0.45 else 0.0,
                   rng.uniform(0.5, 6) if rng.random() < 0.7 else 0.0,
                   int(rng.integers(18, 80)) if rng.random() < 0.85 else 0)

    def taken(self, picture, tall, rng):
        """The picture (H, W, 3) of somebody `tall` pixels high, smaller, uint8."""
        import cv2
        factor = self.tall / tall
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).mean(2, keepdims=True)
        small = 255 * (np.clip(small * self.gain, 0, 255) / 255) ** self.gamma
        if self.blur:
            small = cv2.GaussianBlur(small, (0, 0), self.blur)[..., None]
        if self.noise:
            small = small + self.noise * rng.standard_normal(small.shape)
        small = np.clip(small, 0, 255).astype(np.uint8)
        if self.quality:
            small = cv2.imdecode(cv2.imencode('.jpg', small, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1], 0)[..., None]
        return np.repeat(small, 3, axis=2)


def crops_of(pedestrian, rng):
    """Crops of one pedestrian, uint8 (kinds, EACH, 299, 299, 3), in the order of `KINDS`."""
    crops = np.empty((len(KINDS), EACH, 299, 299, 3), np.uint8)
    for kind in range(len(KINDS)):
        for number in range(EACH):
            if number % ONE_CAMERA == 0:
                camera = Camera.drawn(rng)
            picture = pedestrian.picture if kind % 2 else pedestrian.in_other_clothes()
            crops[kind, number] = pedestrian.crop(pedestrian.elsewhere(picture) if kind >= 2 else picture, camera)
    return crops


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('annotations')
    parser.add_argument('folder', type=pathlib.Path)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--first', type=int, default=0)
    parser.add_argument('--step', type=int, default=1)
    options = parser.parse_args()
    needed = [JOINT_NAMES.index(name) for name in NEEDED]
    people = [each for each in read_annotations(options.annotations) if each.present[needed].all()]
    if not people:
        parser.error(f'{options.annotations}: nobody has all of {", ".join(NEEDED)}')
    for number, file, describe in bodies.files_to_make(options.folder / 'pedestrians', len(people), options):
        rng, person = np.random.default_rng([options.seed, number]), people[number]
        crops = crops_of(Pedestrian(read_picture(person.image), person.joints, rng), rng)
        features = describe(crops.reshape(-1, *crops.shape[2:])).reshape(*crops.shape[:2], 17, 17, 32)
        with gait_files.replacing(file) as unfinished:
            np.savez(unfinished, features=features.astype(np.float16))


if __name__ == '__main__':
    main()
