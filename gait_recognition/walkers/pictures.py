"""One random walker with exact joints, for training a pose network."""
import math
from typing import NamedTuple

import numpy as np

from gait_recognition.parameters import SHARE, check, integer_from, one_of, optional
from gait_recognition.walkers.backgrounds import random_background
from gait_recognition.walkers.cameras import Camera, apply_finish, heading_of, random_finish
from gait_recognition.walkers.figures import draw_figure, draw_shadow, visible_joints
from gait_recognition.walkers.gaits import Pose, Walker
from gait_recognition.walkers.looks import random_light, random_look
from gait_recognition.walkers.norms import CONDITIONS
from gait_recognition.walkers.streams import PICTURE, stream

DRAWING = 1                   # raised with every change of what is drawn: features kept of earlier pictures are void
MAX_YAW = 30.0                # degrees off the profile, either side
EDGE = integer_from(64, 'a whole number of pixels, at least 64')


class Picture(NamedTuple):
    """One picture of a walker.

    Attributes
    ----------
    image : ndarray (H, W, 3) uint8, RGB
    joints : ndarray (16, 2) float32
        (y, x) in pixels of the picture, in the order of `JOINT_NAMES`. The centre of the pixel in row r and column c
        is (r, c): whole numbers are pixel centres. Exact also where hidden or outside.
    visible : ndarray (16,) bool
        Inside the picture and not behind another part of the figure, its clothes or its bag; the flesh and the
        sleeve or trouser of the joint's own limb do not hide it.
    inside : ndarray (16,) bool
        Inside the picture.
    present : ndarray (16,) bool
        Always true: every joint is known.
    box : ndarray (4,) float32
        The drawn figure's top, left, bottom, right in pixels (of what lies inside the picture; NaN when nothing does).
    """

    image: np.ndarray
    joints: np.ndarray
    visible: np.ndarray
    inside: np.ndarray
    present: np.ndarray
    box: np.ndarray


def box_of(owner: np.ndarray) -> np.ndarray:
    """The box, as of `Picture`, of what a map of owners (H, W) shows."""
    rows, columns = np.flatnonzero(owner.any(1)), np.flatnonzero(owner.any(0))
    if not len(rows):
        return np.full(4, np.nan, np.float32)
    return np.array([rows[0], columns[0], rows[-1], columns[-1]], np.float32)


def render(canvas, walker, pose, frame, look, light, camera) -> Picture:
    """Shadow and figure on `canvas` (changed in place); the picture's image is the canvas, not yet finished."""
    return render_owned(canvas, walker, pose, frame, look, light, camera)[0]


def render_owned(canvas, walker, pose, frame, look, light, camera) -> tuple:
    """As `render`, and the map (H, W) uint8 of the figure's parts, 0 where nothing of it is seen."""
    owner = np.zeros(canvas.shape[1:], np.uint8)
    feet = pose.joints[frame, [0, 5]].mean(0) * (1, 1, 0)
    draw_shadow(canvas, camera.project(feet[None])[0][0], camera.scale * walker.stature, light)
    joints, far = draw_figure(canvas, owner, walker, pose, frame, look, light, camera)
    visible, inside = visible_joints(owner, joints, far)
    return Picture(canvas, joints.astype(np.float32), visible, inside, np.ones(16, bool), box_of(owner)), owner


def picture(seed: int, size: int = 299, condition: str | None = None, leftwards: bool | None = None,
            cover: float | None = None) -> Picture:
    """One random walker at a random instant, for training a pose network.

    Identity, instant, view (both directions, up to 30 degrees off the profile), clothes, background, light, scale
    (figure 0.5 to 0.95 of the height, mostly 0.6 to 0.8), offset and finish are all drawn from `seed`; the identity
    comes from a stream of its own, which no person of `sequence` shares. Some pictures cut the figure at the border.

    Parameters
    ----------
    seed : int
        Non-negative. The same seed gives the same picture.
    size : int
        Edge in pixels.
    condition : str, optional
        'N', 'B' or 'S'; drawn when not given.
    leftwards : bool, optional
        The direction; drawn when not given.
    cover : float, optional
        Share of the light that does not reach the far arm and leg; drawn, 0.1 to 0.4, when not given.

    Returns
    -------
    Picture
    """
    check({'seed': integer_from(0), 'size': EDGE, 'condition': optional(one_of(CONDITIONS)), 'cover': optional(SHARE)},
          {'seed': seed, 'size': size, 'condition': condition, 'cover': cover})
    rng = stream(PICTURE, seed)
    drawn = str(rng.choice(CONDITIONS, p=(0.76, 0.14, 0.10)))
    condition = condition or drawn
    walker = Walker.from_seed(PICTURE, seed).under(condition, rng)
    look, light, style = random_look(rng, condition), random_light(rng), random_finish(rng)
    light = light if cover is None else light._replace(cover=cover)
    pose = walker.pose(rng.random(1), rng.standard_normal((1, 8)), travel=False)
    unit = size * float(np.clip(rng.normal(0.70, 0.09), 0.5, 0.95))
    camera = _random_camera(rng, pose, size, unit, leftwards)
    ground = camera.project(np.zeros((1, 3)))[0][0, 0]
    canvas = random_background(rng, size, size, ground, unit)
    if rng.random() < 0.15:
        _passer_by(rng, canvas, unit, ground)
    found = render(canvas, walker, pose, 0, look, light, camera)
    return found._replace(image=apply_finish(canvas, style, rng))


def _random_camera(rng, pose: Pose, size: int, unit: float, leftwards: bool | None) -> Camera:
    """A camera that shows frame 0 of `pose` `unit` pixels tall, near the middle of `size` pixels or cut by an edge."""
    centre = size * (0.5 + np.clip(rng.normal(0, 0.02, 2), -0.05, 0.05))
    if rng.random() < 0.12:  # often cut by the border
        centre += size * rng.uniform(0.1, 0.3, 2) * rng.choice([-1, 1], 2) * [(1, 0), (0, 1)][rng.integers(2)]
    drawn = rng.random() < 0.5
    camera = Camera(heading_of(drawn if leftwards is None else leftwards, rng.uniform(-MAX_YAW, MAX_YAW)),
                    math.radians(rng.uniform(-2, 8)), math.radians(np.clip(rng.normal(0, 1.5), -4, 4)),
                    1.0, rng.uniform(3, 15), (0, 0))
    return _framed(camera, pose, unit, centre)


def _framed(camera: Camera, pose: Pose, height: float, centre) -> Camera:
    """The camera that shows frame 0 of `pose` `height` pixels tall with the middle of its outline at `centre`."""
    ends = np.concatenate([pose.joints[0], [at[0] for at in pose.extras.values()]])
    places = camera.project(ends)[0]
    scale = height / np.ptp(places[:, 0])
    places = camera._replace(scale=scale).project(ends)[0]
    middle = (places.max(0) + places.min(0)) / 2
    return camera._replace(scale=scale, origin=tuple(np.asarray(centre) - middle))


def _passer_by(rng, canvas, unit: float, ground: float):
    """A second figure in the background: smaller and off the middle, or cut by the border."""
    walker = Walker.from_seed(PICTURE, int(rng.integers(2 ** 31)), 1)
    pose = walker.pose(rng.random(1), travel=False)
    size = canvas.shape[2]
    tall = unit * rng.uniform(0.35, 0.85)
    x = size * (0.5 + rng.choice([-1, 1]) * rng.uniform(0.24, 0.52))
    y = ground - unit * rng.uniform(0.02, 0.12) - tall / 2
    camera = Camera(heading_of(rng.random() < 0.5, rng.uniform(-90, 90)), 0.03, 0.0, 1.0, 10.0, (0, 0))
    camera = _framed(camera, pose, tall, (y, x))
    draw_figure(canvas, None, walker, pose, 0, random_look(rng, 'N'), random_light(rng), camera)
