"""Walks as trackers find hard: `situation` draws one of `KINDS`, with the figure's box as the truth.

Beside the walker there are a long shadow, a mirror image, a pram, a dog, a suitcase, a bar, other people or a tree in
the wind; or the figure stays in its place, on a treadmill or standing.
"""
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from gait_recognition.parameters import check, integer_from, one_of
from gait_recognition.walkers.backgrounds import random_background
from gait_recognition.walkers.cameras import Camera, apply_finish, heading_of, random_finish
from gait_recognition.walkers.figures import ARM_PARTS
from gait_recognition.walkers.gaits import Pose, Walker
from gait_recognition.walkers.looks import Cloth, random_colour, random_light, random_look, shade
from gait_recognition.walkers.parts import Part
from gait_recognition.walkers.pictures import Picture, box_of, render_owned
from gait_recognition.walkers.streams import SITUATION, stream
from pose_joints import JOINT_NAMES

KINDS = ('shadow', 'pram', 'dog', 'suitcase', 'group', 'dumbbell', 'treadmill', 'exercise', 'tree', 'reflection')
# Of each variant: the picture's height in pixels, frames a second, whether the camera moves.
VARIANTS = ((180, 25, False), (360, 30, True), (90, 15, False), (240, 25, True), (540, 50, False), (900, 60, False),
            (120, 24, True), (480, 30, False), (288, 25, False), (720, 30, True))
SECONDS = 1.6
ASPECT = 4 / 3
YAW = 20.0                      # degrees off the profile, either side
ARM = ('elbow', 'wrist', 'knuckle', 'fingertip')


class Situation(NamedTuple):
    """A recording, drawn while it is read.

    Attributes
    ----------
    frames : iterator of (Picture, list of ndarray (4,))
        The walker's picture, and the boxes of the others who walk along. A picture's `box` is NaN where nobody is, and
        without the arms where somebody raises them ('exercise').
    fps : float
    is_moving : bool
        The camera.
    """

    frames: Iterator
    fps: float
    is_moving: bool


class _Person(NamedTuple):
    """Somebody who walks, with the ground points (T, 2) below them in the still scene."""

    walker: Walker
    pose: Pose
    look: tuple
    camera: Camera
    places: np.ndarray

    def at(self, frame, shift):
        return self.camera._replace(origin=tuple(self.places[frame] - shift))


def situation(kind: str, variant: int = 0, height: int | None = None, seconds: float = SECONDS) -> Situation:
    """One of the situations.

    Parameters
    ----------
    kind : str
        Of `KINDS`.
    variant : int
        Who, how large, how fast and before what; `VARIANTS`, over and over, says how it is recorded.
    height : int, optional
        Of the picture in pixels, instead of the variant's; its width is 4/3 of it.
    seconds : float

    Returns
    -------
    Situation
    """
    check({'kind': one_of(KINDS), 'variant': integer_from(0)}, {'kind': kind, 'variant': variant})
    usual, fps, is_moving = VARIANTS[variant % len(VARIANTS)]
    stage = _Stage(kind, variant, height or usual, fps, is_moving, max(1, round(seconds * fps)))
    return Situation((stage.frame(number) for number in range(stage.count)), float(fps), is_moving)


class _Stage:
    """What a situation is drawn from: a still scene, people in it, a camera that pans over it or not."""

    def __init__(self, kind, variant, height, fps, is_moving, count):
        self.kind, self.count, self.words = kind, count, (SITUATION, KINDS.index(kind), variant)
        self.fps, self.rng = fps, stream(*self.words)
        self.height, self.width = height, round(height * ASPECT / 2) * 2
        rng = self.rng
        self.unit, self.ground = height * rng.uniform(0.5, 0.62), height * rng.uniform(0.80, 0.86)
        self.light, self.leftwards = random_light(rng), bool(rng.integers(2))
        self.ahead = -1 if self.leftwards else 1            # of the picture's columns, the way that is walked
        self.style = random_finish(rng)._replace(noise=2.0, quality=0, detail=1.0, blur=0.0)
        self.walker = self._person(Walker.from_seed(*self.words))
        self.others = [self._companion(number) for number in range(2 if kind == 'group' else 0)]
        self.is_empty = kind == 'tree' and variant % 2 == 1
        self.shifts = self._shifts() if is_moving else np.zeros((count, 2))
        low, high = self.shifts.min(0) - 1, self.shifts.max(0) + 1
        self.shifts, self.origin = self.shifts - low, low
        extent = np.ceil(high - low).astype(int) + (height, self.width)
        self.still = random_background(rng, *extent.tolist(), self.ground - low[0], self.unit)
        self.thing = Cloth(random_colour(rng, (20, 220)), random_colour(rng), folds=0.08)
        self.dark = Cloth(shade(self.thing.colour, 0.4), self.thing.colour, folds=0.02)
        self.sizes, self.phase = rng.uniform(0, 1, 6), rng.uniform(0, 2 * math.pi)

    def _person(self, walker):
        rng = self.rng
        camera = Camera(heading_of(self.leftwards, rng.uniform(-YAW, YAW)), 0.03, 0.0, self.unit / walker.stature, 12.0,
                        (0, 0))
        rate = walker.cadence / 120 / self.fps
        pose = walker.pose(rng.random() + rate * np.arange(self.count))
        moved = pose.joints[:, JOINT_NAMES.index('pelvis')] * (1, 0, 0)
        if self.kind == 'exercise':
            pose, moved = _arms_raised(walker, self.count, self.fps), np.zeros((self.count, 3))
        else:
            pose = _moved(pose, -moved)
        path = moved[:, 0] * math.cos(camera.heading) * camera.scale
        if self.kind == 'treadmill':
            path = 0.04 * self.unit * np.sin(np.arange(self.count) * 1.7 / self.fps)
        path = path - (path.min() + path.max()) / 2 + self.width / 2
        return _Person(walker, pose, random_look(rng, 'N'), camera,
                       np.stack([np.full(self.count, self.ground), path], 1))

    def _companion(self, number):
        """Somebody who keeps up with the walker, in front of or behind them."""
        other = self._person(Walker.from_seed(*self.words, number + 1))
        along = self.walker.places[:, 1] + self.unit * self.rng.uniform(0.4, 0.9) * (1, -1)[number]
        down = self.ground - self.unit * self.rng.uniform(0.0, 0.06)
        return other._replace(places=np.stack([np.full(self.count, down), along], 1))

    def _shifts(self):
        """Where the camera looks (T, 2): it follows the walker, late and shaking."""
        path = self.walker.places[:, 1]
        time = np.arange(self.count) / self.fps
        pan = 0.8 * (path - path.mean()) + 0.08 * self.width * np.sin(2.2 * time)
        return np.stack([0.015 * self.height * np.sin(5.1 * time), pan], 1)

    def frame(self, number):
        """(Picture, boxes of the others)."""
        shift = self.shifts[number]
        top, left = np.floor(shift).astype(int)
        canvas = self.still[:, top:top + self.height, left:left + self.width].copy()
        shift = np.array([top, left]) + self.origin
        if self.kind == 'tree':
            self._tree(canvas, number, shift)
        boxes = [render_owned(canvas, each.walker, each.pose, number, each.look, self.light, each.at(number, shift))[0]
                 .box for each in self.others]
        place = self.walker.places[number] - shift
        self._beside(canvas, number, place)
        if self.is_empty:
            found = Picture(canvas, np.zeros((16, 2), np.float32), *np.zeros((3, 16), bool), np.full(4, np.nan))
        else:
            found = self._walker(canvas, number, place, shift)
        return found._replace(image=apply_finish(found.image, self.style, stream(*self.words, number))), boxes

    def _walker(self, canvas, number, place, shift):
        before = canvas.copy()
        found, owner = render_owned(canvas, self.walker.walker, self.walker.pose, number, self.walker.look, self.light,
                                    self.walker.at(number, shift))
        if self.kind == 'shadow':
            self._shadow(canvas, owner, place[0])
        if self.kind == 'reflection':
            self._reflection(canvas, before, owner, place[0])
        if self.kind == 'dumbbell':
            self._bar(canvas, place)
        if self.kind == 'exercise':                         # raised arms are no part of what a crop is to follow
            found = found._replace(box=box_of(np.where(np.isin(owner, ARM_PARTS), 0, owner)))
        return found

    def _paint(self, canvas, place, cloth, *circles):
        """A chain of (along the way, above the ground, radius), in the walker's heights."""
        chain = np.array([(place[0] - up * self.unit, place[1] + self.ahead * along * self.unit,
                           max(radius * self.unit, 0.6)) for along, up, radius in circles], np.float32)
        Part(1, chain, cloth, self.light, self.unit).paint(canvas)

    def _beside(self, canvas, number, place):
        draw = {'pram': self._pram, 'dog': self._dog, 'suitcase': self._suitcase, 'treadmill': self._treadmill}
        if self.kind in draw:
            draw[self.kind](canvas, place, number / self.fps)

    def _pram(self, canvas, place, time):
        far = 0.42 + 0.12 * self.sizes[0]
        for along in (far - 0.12, far + 0.14):
            self._paint(canvas, place, self.dark, (along, 0.08, 0.08), (along + 0.01, 0.08, 0.08))
        self._paint(canvas, place, self.dark, (0.2, 0.6, 0.015), (far - 0.1, 0.35, 0.015), (far, 0.1, 0.015))
        self._paint(canvas, place, self.thing, (far - 0.15, 0.36, 0.1), (far + 0.15, 0.36, 0.12))
        self._paint(canvas, place, self.thing, (far + 0.1, 0.42, 0.15), (far + 0.14, 0.45, 0.12))

    def _dog(self, canvas, place, time):
        at = (0.75 + 0.3 * self.sizes[0]) * (1 if self.sizes[1] < 0.5 else -1)
        tall = 0.2 + 0.12 * self.sizes[2]
        for leg in range(4):
            along = at + (0.14, 0.10, -0.14, -0.10)[leg]
            swing = 0.07 * math.sin(14 * time + leg * math.pi / 2)
            self._paint(canvas, place, self.thing, (along, tall, 0.03), (along + swing, 0.02, 0.018))
        self._paint(canvas, place, self.thing, (at - 0.16, tall + 0.03, 0.07), (at + 0.16, tall + 0.05, 0.08))
        self._paint(canvas, place, self.thing, (at + 0.17, tall + 0.08, 0.045), (at + 0.24, tall + 0.18, 0.05),
                    (at + 0.32, tall + 0.16, 0.03))
        self._paint(canvas, place, self.thing, (at - 0.18, tall + 0.06, 0.02), (at - 0.3, tall + 0.16, 0.012))
        self._paint(canvas, place, self.dark, (at + 0.2, tall + 0.12, 0.006), (0.1, 0.48, 0.006))

    def _suitcase(self, canvas, place, time):
        at, tall = -0.4 - 0.1 * self.sizes[0], 0.3 + 0.12 * self.sizes[1]
        self._paint(canvas, place, self.dark, (at, tall, 0.01), (-0.08, 0.47, 0.01))
        self._paint(canvas, place, self.thing, (at - 0.06, 0.1, 0.1), (at - 0.02, tall - 0.08, 0.1))
        self._paint(canvas, place, self.thing, (at + 0.06, 0.1, 0.1), (at + 0.1, tall - 0.08, 0.1))
        self._paint(canvas, place, self.dark, (at, 0.03, 0.03), (at + 0.02, 0.03, 0.03))

    def _treadmill(self, canvas, place, time):
        place = self.walker.places.mean(0) + (place - self.walker.places[round(time * self.fps)])
        self._paint(canvas, place, self.dark, (-0.5, -0.04, 0.035), (0.55, -0.04, 0.035))
        self._paint(canvas, place, self.dark, (0.5, 0.0, 0.025), (0.42, 0.6, 0.025))
        self._paint(canvas, place, self.dark, (0.3, 0.58, 0.02), (0.46, 0.62, 0.03))

    def _bar(self, canvas, place):
        """A bar with weights at its ends, carried along the way on a shoulder."""
        long, up = 0.5 + 0.3 * self.sizes[0], 0.84
        self._paint(canvas, place, self.dark, (-long, up, 0.012), (long, up, 0.012))
        for end in (-long, long):
            self._paint(canvas, place, self.thing, (end, up - 0.02, 0.09), (end, up + 0.02, 0.09))

    def _tree(self, canvas, number, shift):
        foot = np.array([self.ground - 0.1 * self.unit, self.width * (0.25 + 0.5 * self.sizes[0])]) - shift
        tall, wide, time = 0.9 + 0.5 * self.sizes[1], 0.16 + 0.16 * self.sizes[2], number / self.fps
        leaf = Cloth((60 + 60 * self.sizes[3], 90 + 60 * self.sizes[4], 40), (50, 70, 30), 'blotches', folds=0.2)
        sway = (0.1 + 0.25 * self.sizes[5]) * math.sin(2 * math.pi * time / 1.6 + self.phase)
        trunk = Cloth((80, 60, 45), (80, 60, 45))
        self._paint(canvas, foot, trunk, (0.0, 0.0, 0.05), (0.3 * sway, 0.5 * tall, 0.04), (sway, tall, 0.02))
        for branch in range(5):
            angle = branch * 2.4
            along, up = 0.6 * wide * math.sin(angle), tall * (0.5 + 0.1 * branch)
            along += sway * up / tall + 0.04 * math.sin(7 * time + branch)
            self._paint(canvas, foot, leaf, (along, up, wide), (along + 0.02, up + 0.05, wide))

    def _shadow(self, canvas, owner, ground):
        """The figure, laid on the ground away from a low sun."""
        aside = (0.6 + 1.0 * self.sizes[0]) * (1 if self.sizes[1] < 0.5 else -1)
        down = (0.08 + 0.2 * self.sizes[2]) * (1 if self.sizes[3] < 0.7 else -1)
        lean = aside / down
        mask = Image.fromarray((owner > 0).astype(np.uint8) * 255).transform(
            owner.shape[::-1], Image.Transform.AFFINE, (1, -lean, lean * ground, 0, -1 / down, ground + ground / down),
            Image.Resampling.BILINEAR)
        cover = np.where(owner > 0, 0, np.asarray(mask, np.float32) / 255)
        tint = np.array([1.0, 0.97, 0.86])[:, None, None]   # the sky lights a shadow
        canvas *= 1 - cover * (0.45 + 0.2 * self.sizes[4]) * tint

    def _reflection(self, canvas, before, owner, ground):
        """The figure upside down below its feet."""
        rows = np.arange(min(math.ceil(ground), len(owner)), len(owner))
        mirrored = np.round(2 * ground - rows).astype(int)
        cover = (owner[mirrored] > 0) & (owner[rows] == 0)
        fade = (0.35 + 0.4 * self.sizes[0]) * np.clip(1 - 0.5 * (rows - ground) / self.unit, 0, 1)[:, None]
        canvas[:, rows] += cover * fade * (canvas[:, mirrored] - canvas[:, rows])


def _moved(pose, by):
    """A pose, each frame moved by (T, 3) metres."""
    return Pose(pose.joints + by[:, None], {name: at + by for name, at in pose.extras.items()}, pose.axes)


def _arms_raised(walker, count, fps):
    """A pose of somebody who stands and swings both arms up and down."""
    pose = walker.pose(np.full(count, 0.02), travel=False)
    angle = -math.radians(75) * (1 - np.cos(2 * math.pi * np.arange(count) / fps / 1.5))
    turn = np.zeros((count, 3, 3))
    turn[:, 0, 0] = turn[:, 2, 2] = np.cos(angle)
    turn[:, 0, 2], turn[:, 2, 0], turn[:, 1, 1] = np.sin(angle), -np.sin(angle), 1
    joints, extras = pose.joints.copy(), dict(pose.extras)
    for side in ('right', 'left'):
        shoulder = pose.joints[:, JOINT_NAMES.index(f'{side} shoulder')]
        for name in ARM:
            name = f'{side} {name}'
            at = joints[:, JOINT_NAMES.index(name)] if name in JOINT_NAMES else extras[name]
            at = shoulder + np.einsum('tij,ti->tj', turn, at - shoulder)
            if name in JOINT_NAMES:
                joints[:, JOINT_NAMES.index(name)] = at
            else:
                extras[name] = at
    return Pose(joints, extras, pose.axes)
