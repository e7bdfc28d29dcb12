"""Walks of one person: as the crop that follows the figure (`sequence`), as a wide still scene (`scene`)."""
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from gait_recognition.parameters import FRAME_RATE, QUARTER_TURN, check, integer_from, one_of, optional
from gait_recognition.walkers.backgrounds import random_background
from gait_recognition.walkers.cameras import Camera, apply_finish, heading_of, random_finish, to_image, to_planes
from gait_recognition.walkers.figures import draw_figure
from gait_recognition.walkers.gaits import Pose, Walker
from gait_recognition.walkers.looks import random_light, random_look
from gait_recognition.walkers.norms import CONDITIONS, SESSION_SHARE, STRIDE_CV, WALK_SHARE
from gait_recognition.walkers.pictures import EDGE, MAX_YAW, Picture, render
from gait_recognition.walkers.streams import CONDITION, SCENE, SESSION, WALK, stream

FPS = 25.0


class Sequence(NamedTuple):
    """One walk: the fields of `Picture` for T frames, stacked along a first axis, and who walked how.

    Attributes
    ----------
    images : ndarray (T, size, size, 3) uint8, RGB
    joints : ndarray (T, 16, 2) float32, (y, x) in pixels
    visible, inside, present : ndarray (T, 16) bool
    boxes : ndarray (T, 4) float32, top, left, bottom, right in pixels
    person, index : int
    condition : str
    session : int
    fps : float
    """

    images: np.ndarray
    joints: np.ndarray
    visible: np.ndarray
    inside: np.ndarray
    present: np.ndarray
    boxes: np.ndarray
    person: int
    index: int
    condition: str
    session: int
    fps: float


def check_walk(person, index, condition, session, frames, fps):
    """Refuse what names no walk."""
    check({'person': integer_from(0), 'index': integer_from(0), 'condition': one_of(CONDITIONS),
           'frames': optional(integer_from(1)), 'fps': FRAME_RATE},
          {'person': person, 'index': index, 'condition': condition, 'frames': frames, 'fps': fps})
    if session not in (1, 2):
        raise ValueError(f'session: expected 1 or 2 (three months later), got {session}')


def gait_of(person: int, index: int = 0, condition: str = 'N', session: int = 1) -> Walker:
    """How `person` walks in walk `index`: the identity `Walker.from_seed(person)`, under the condition, drifted by
    `SESSION_SHARE` in session 2 and by `WALK_SHARE` from walk to walk."""
    check_walk(person, index, condition, session, None, FPS)
    kind = CONDITIONS.index(condition)
    walker = Walker.from_seed(person).under(condition, stream(CONDITION, person, kind))
    if session == 2:
        walker = walker.varied(stream(SESSION, person), SESSION_SHARE)
    return walker.varied(stream(WALK, person, index, kind, session, 0), WALK_SHARE)


def _stroll(walker: Walker, rng, frames: int, fps: float) -> tuple:
    """Phases (frames,) of a walk that starts anywhere in a stride, its wobble (frames, 8), and its pose."""
    rate = walker.cadence / 120 / fps
    strides = rng.standard_normal((int(frames * rate * 1.2) + 3, 9))
    at = np.arange(frames) * rate
    share = at % 1
    share = (share * share * (3 - 2 * share))[:, None]
    wobble = strides[at.astype(int)] * (1 - share) + strides[at.astype(int) + 1] * share
    phase = rng.random() + np.cumsum(rate * (1 + STRIDE_CV * wobble[:, 8]))
    return phase, walker.pose(phase, wobble[:, :8])


def _smooth_noise(rng, count: int, step: float) -> np.ndarray:
    """(count,) random curve of deviation about 1 with a new value every `step` frames."""
    knots = rng.standard_normal(int(count / step) + 3)
    return np.interp(np.arange(count) / step, np.arange(len(knots)), knots)


def _standing(pose: Pose, x: np.ndarray) -> Pose:
    """`pose` with each frame moved back by its `x` (T,)."""
    back = np.zeros((len(x), 3))
    back[:, 0] = x
    return Pose(pose.joints - back[:, None], {name: at - back for name, at in pose.extras.items()}, pose.axes)


class Stroll(NamedTuple):
    """The truth behind a `sequence`: who walks, at which phase in each frame, and where the body's points are.

    Attributes
    ----------
    walker : Walker
    phase : ndarray (T,)
        Strides since a heel strike of the right foot; the left foot strikes where it is 0.5 - `timing_asymmetry`.
    pose : Pose
    """

    walker: Walker
    phase: np.ndarray
    pose: Pose


def stroll(person: int, index: int, condition: str = 'N', session: int = 1, frames: int = 64,
           fps: float = FPS, gaits=None) -> Stroll:
    """The truth of the `sequence` of the same arguments, in space and not drawn."""
    check_walk(person, index, condition, session, frames, fps)
    walker = (gaits or gait_of)(person, index, condition, session)
    rng = stream(WALK, person, index, CONDITIONS.index(condition), session, 1)
    return Stroll(walker, *_stroll(walker, rng, int(frames), float(fps)))


def iter_frames(person: int, index: int, condition: str = 'N', session: int = 1, frames: int = 64, fps: float = FPS,
                size: int = 299, gaits=None, yaw: float | None = None) -> Iterator[Picture]:
    """The frames of `sequence` one by one, so that memory does not grow with the walk."""
    check_walk(person, index, condition, session, frames, fps)
    check({'size': EDGE, 'yaw': optional(QUARTER_TURN)}, {'size': size, 'yaw': yaw})
    truth = stroll(person, index, condition, session, frames, fps, gaits)
    return _follow(truth, person, index, condition, session, int(frames), int(size), yaw)


def _follow(truth, person, index, condition, session, frames, size, yaw):
    words = person, index, CONDITIONS.index(condition), session
    walker, phase, pose = truth
    rng = stream(WALK, *words, 2)
    look, light, style = random_look(rng, condition, session), random_light(rng), random_finish(rng)
    drawn = rng.uniform(-MAX_YAW, MAX_YAW)
    yaw = drawn if yaw is None else yaw
    leftwards = rng.random() < 0.5
    unit = size * rng.uniform(0.62, 0.78)
    camera = Camera(heading_of(leftwards, yaw), math.radians(rng.uniform(-1, 6)), math.radians(rng.uniform(-1.5, 1.5)),
                    unit / walker.stature, rng.uniform(4, 15), (0, 0))
    travel = walker.stride_length * (phase - phase[0])
    pose = _standing(pose, walker.stride_length * phase)
    path = travel * math.cos(camera.heading) * camera.scale  # of the figure through the still scene, pixels
    # The crop keeps to the figure as a tracker does: its middle and its size drift a little.
    shift = size * 0.012 * np.stack([_smooth_noise(rng, frames, 8) for _ in range(2)])
    zoom = 1 + 0.015 * _smooth_noise(rng, frames, 20)
    margin = 0.7 * size
    ground = margin + unit / 2
    still = to_image(random_background(rng, int(2 * margin), int(np.ptp(path) + 2 * margin), ground, unit))
    path = path - path.min() + margin
    for frame in range(frames):
        half = size / 2 / zoom[frame]
        y, x = margin + shift[0, frame], path[frame] + shift[1, frame]
        canvas = still.transform((size, size), Image.Transform.EXTENT, (x - half, y - half, x + half, y + half),
                                 Image.Resampling.BILINEAR)
        place = (np.array([ground - y, path[frame] - x]) + half) * zoom[frame] - 0.5
        seen = camera._replace(scale=camera.scale * zoom[frame], origin=tuple(place))
        found = render(to_planes(canvas), walker, pose, frame, look, light, seen)
        yield found._replace(image=apply_finish(found.image, style, stream(WALK, *words, 3, frame)))


def sequence(person: int, index: int, condition: str = 'N', session: int = 1, frames: int = 64, fps: float = FPS,
             size: int = 299, gaits=None, yaw: float | None = None) -> Sequence:
    """One walk of one person, as the crop that follows a person in a video shows it.

    The person fills 0.6 to 0.8 of the height and stays near the middle while the still background passes. Clothes,
    hair, skin, background, light, scale, view (up to 30 degrees off the profile), direction and finish are drawn anew
    for every (person, index, condition, session); only the gait and the body's proportions tell who walks.

    Parameters
    ----------
    person : int
        Seed of the identity, non-negative.
    index : int
        Number of the walk, non-negative.
    condition : {'N', 'B', 'S'}
        Normal, backpack, coating shoes: drawn, and changing the gait slightly (`CONDITION_EFFECTS`).
    session : {1, 2}
        2 = three months later: the gait has drifted by `SESSION_SHARE`, clothes are of another season.
    frames : int
        Number of frames, at least 1.
    fps : float
        Frames a second.
    size : int
        Edge of the frames in pixels.
    gaits : callable, optional
        Who walks how, called as `gait_of`, which is the default: `crowds.Crowd.gait_of` gives recorded people.
    yaw : float, optional
        Degrees off the profile, -90 to 90, positive away from the camera; drawn, -30 to 30, when not given.

    Returns
    -------
    Sequence
    """
    found = list(iter_frames(person, index, condition, session, frames, fps, size, gaits, yaw))
    return Sequence(*(np.stack(column) for column in zip(*found, strict=True)), person, index, condition, session,
                    float(fps))


def scene(person: int, index: int = 0, condition: str = 'N', session: int = 1, frames: int | None = None,
          fps: float = FPS, width: int = 640, height: int = 360, companion: bool = False,
          noise: float = 2.0, gaits=None) -> Iterator[Picture]:
    """A wide still scene that the figure crosses, frame by frame; its boxes are the truth for a tracker.

    Parameters
    ----------
    person, index, condition, session, fps
        As of `sequence`. The scene differs from the walk of the same numbers.
    frames : int, optional
        Not given: from outside the picture on one side to outside on the other. Given: as many frames from the
        middle of the crossing.
    width, height : int
        Pixels.
    companion : bool
        A second, smaller figure walks in the background; joints and boxes are not about it.
    noise : float
        Standard deviation of the camera's noise in grey levels.
    gaits : callable, optional
        As of `sequence`.

    Yields
    ------
    Picture
        `box` is NaN while the figure is outside.
    """
    check_walk(person, index, condition, session, frames, fps)
    check({'width': EDGE, 'height': EDGE}, {'width': width, 'height': height})
    if not (math.isfinite(noise) and noise >= 0):
        raise ValueError(f'noise: expected a number of grey levels, at least 0, got {noise}')
    walker = (gaits or gait_of)(person, index, condition, session)
    return _crossing(walker, person, index, condition, session, frames, float(fps), int(width), int(height), companion,
                     noise)


def lane_of(walker, rng, unit, width, frames, fps, ground, yaw, leftwards):
    """Pose (standing), places (T, 2) of the ground point and camera of a figure `unit` pixels tall that crosses."""
    camera = Camera(heading_of(leftwards, yaw), 0.03, 0.0, unit / walker.stature, 12.0, (0, 0))
    pace = walker.speed * abs(math.cos(camera.heading)) * camera.scale / fps  # pixels a frame
    count = math.ceil((width + 1.2 * unit) / pace) if frames is None else frames
    phase, pose = _stroll(walker, rng, count, fps)
    path = walker.stride_length * phase * math.cos(camera.heading) * camera.scale
    path += width / 2 - (path[0] + path[-1]) / 2
    return _standing(pose, walker.stride_length * phase), np.stack([np.full(count, ground), path], -1), camera


def _crossing(walker, person, index, condition, session, frames, fps, width, height, companion, noise):
    words = person, index, CONDITIONS.index(condition), session
    rng = stream(SCENE, *words)
    look, light = random_look(rng, condition, session), random_light(rng)
    style = random_finish(rng)._replace(noise=noise, quality=0, detail=1.0)
    unit, ground = height * rng.uniform(0.55, 0.72), height * rng.uniform(0.86, 0.93)
    yaw, leftwards = rng.uniform(-MAX_YAW, MAX_YAW), rng.random() < 0.5
    pose, places, camera = lane_of(walker, rng, unit, width, frames, fps, ground, yaw, leftwards)
    still = random_background(rng, height, width, ground, unit)
    other = Walker.from_seed(SCENE, person, index)
    other_look = random_look(rng, 'N')
    other_pose, other_places, other_camera = lane_of(
        other, rng, unit * rng.uniform(0.5, 0.7), width, len(places), fps, ground - 0.06 * height,
        rng.uniform(-MAX_YAW, MAX_YAW), rng.random() < 0.5)
    for frame in range(len(places)):
        canvas = still.copy()
        if companion:
            draw_figure(canvas, None, other, other_pose, frame, other_look, light,
                        other_camera._replace(origin=tuple(other_places[frame])))
        found = render(canvas, walker, pose, frame, look, light, camera._replace(origin=tuple(places[frame])))
        yield found._replace(image=apply_finish(canvas, style, stream(SCENE, *words, frame)))
