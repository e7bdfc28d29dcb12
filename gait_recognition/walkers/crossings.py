"""Scenes of several people who cross, with everybody's boxes: what a tracker is to find."""
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gait_recognition.parameters import SHARE, check, integer_from, one_of, optional
from gait_recognition.walkers.backgrounds import random_background
from gait_recognition.walkers.cameras import apply_finish, random_finish
from gait_recognition.walkers.figures import draw_figure, draw_shadow
from gait_recognition.walkers.looks import random_colour, random_light, random_look
from gait_recognition.walkers.pictures import EDGE, MAX_YAW
from gait_recognition.walkers.scenes import FPS, check_walk, gait_of, lane_of
from gait_recognition.walkers.streams import CROSSING, stream

UNIT, GROUND = (0.48, 0.66), (0.82, 0.93)       # of the picture's height: statures, feet; of the farthest, nearest
OFFSET = 0.4                    # of the width, either way: where people are when half of the scene is over
HIDING = ('pillar', 'bus')
PILLAR_WIDTH = 1.15             # of the farthest's stature
BUS_LENGTH, BUS_HEIGHT = 2.2, 1.25              # likewise
BUS_SPEED = 1.2                 # of the width in a second


class Crossing(NamedTuple):
    """One frame of a scene of n people.

    Attributes
    ----------
    image : ndarray (H, W, 3) uint8, RGB
    boxes : ndarray (n, 4) float32
        Each figure's top, left, bottom, right in pixels, its hidden parts, too, as far as they lie inside the picture;
        whole numbers are the middles of pixels. NaN while the figure is outside.
    visibility : ndarray (n,) float32
        Which share of the figure inside the picture nothing hides.
    """

    image: np.ndarray
    boxes: np.ndarray
    visibility: np.ndarray


class _Figure(NamedTuple):
    """One of the people: how they look, move and stand."""
    walker: object
    pose: object
    places: np.ndarray
    camera: object
    look: object


def crossing(people, index: int = 0, frames: int | None = None, fps: float = FPS, width: int = 640, height: int = 360,
             noise: float = 2.0, hiding: str | None = None, pan: float = 0.0, gaits=None) -> Iterator[Crossing]:
    """A wide scene through which several people walk in both directions, some behind others, frame by frame.

    Parameters
    ----------
    people : sequence of int
        Seeds of identities, from the farthest to the nearest; of each `index` says which walk.
    index, fps, gaits
        As of `scenes.scene`.
    frames : int, optional
        As many frames from the middle of the scene; by default from nobody inside until everybody has left.
    width, height : int
        Pixels.
    noise : float
        Standard deviation of the camera's noise in grey levels.
    hiding : {'pillar', 'bus'}, optional
        A pillar in the middle, or a bus that passes there, hides whoever walks behind it.
    pan : float
        The camera turns: the picture moves by this share of its width, there and back.

    Yields
    ------
    Crossing
    """
    people = [int(person) for person in people]
    if not people:
        raise ValueError('people: expected at least one')
    for person in people:
        check_walk(person, index, 'N', 1, frames, fps)
    check({'width': EDGE, 'height': EDGE, 'hiding': optional(one_of(HIDING)), 'pan': SHARE},
          {'width': width, 'height': height, 'hiding': hiding, 'pan': pan})
    check({'noise': integer_from(0, 'grey levels, at least 0')}, {'noise': math.ceil(noise)})
    rng = stream(CROSSING, index, len(people), *people)
    return _Scene(rng, people, index, frames, float(fps), int(width), int(height), noise, hiding, pan,
                  gaits or gait_of).frames()


class _Scene:
    """What is drawn; a canvas is as wide as all that the camera sees."""

    def __init__(self, rng, people, index, frames, fps, width, height, noise, hiding, pan, gaits):
        self.width, self.height, self.fps = width, height, fps
        self.canvas_width = math.ceil(width * (1 + pan))
        self.light = random_light(rng)
        self.style = random_finish(rng)._replace(noise=noise, quality=0, detail=1.0)
        self.words = index, len(people), *people
        units, grounds = (height * np.linspace(*ends, max(len(people), 2)) for ends in (UNIT, GROUND))
        self.still = random_background(rng, height, self.canvas_width, grounds[0], units[0])
        self.tall, self.hiding, self.colour = units[-1], hiding, np.array(random_colour(rng), np.float32)
        lanes = [self._lane(rng, gaits(person, index), unit, ground, number)
                 for number, (person, unit, ground) in enumerate(zip(people, units, grounds))]
        count = frames or max(math.ceil((self.canvas_width * (1 + 2 * OFFSET) + 1.2 * unit) / pace)
                              for *_, unit, pace in lanes)
        self.figures = [self._figure(rng, count, *lane) for lane in lanes]
        self.count = count

    def _lane(self, rng, walker, unit, ground, number):
        yaw, offset = rng.uniform(-MAX_YAW, MAX_YAW), rng.uniform(-OFFSET, OFFSET) * self.canvas_width
        leftwards = number % 2 == 1 if number < 2 else rng.random() < 0.5       # of two, one from each side
        pace = walker.speed * math.cos(math.radians(yaw)) * unit / walker.stature / self.fps
        return walker, ground, yaw, leftwards, offset, unit, pace

    def _figure(self, rng, count, walker, ground, yaw, leftwards, offset, unit, pace):
        pose, places, camera = lane_of(walker, rng, unit, self.canvas_width, count, self.fps, ground, yaw, leftwards)
        return _Figure(walker, pose, places + (0, offset), camera, random_look(rng, 'N'))

    def frames(self):
        for frame in range(self.count):
            canvas = self.still.copy()
            owners = [self._draw(canvas, figure, frame) for figure in self.figures]
            hidden = self._hide(canvas, frame)
            left = round((self.canvas_width - self.width) * (1 - math.cos(2 * math.pi * frame / self.count)) / 2)
            seen = slice(left, left + self.width)
            boxes, visibility = np.full((len(owners), 4), np.nan, np.float32), np.zeros(len(owners), np.float32)
            for number in reversed(range(len(owners))):                 # the nearest first
                own = owners[number][:, seen]
                rows, columns = np.flatnonzero(own.any(1)), np.flatnonzero(own.any(0))
                if len(rows):
                    boxes[number] = rows[0], columns[0], rows[-1], columns[-1]
                    visibility[number] = 1 - (own & hidden[:, seen]).sum() / own.sum()
                hidden |= owners[number]
            image = apply_finish(canvas[:, :, seen], self.style, stream(CROSSING, *self.words, frame))
            yield Crossing(image, boxes, visibility)

    def _draw(self, canvas, figure, frame):
        """Draw one of the people; return where, (H, W) bool."""
        owner = np.zeros(canvas.shape[1:], np.uint8)
        camera = figure.camera._replace(origin=tuple(figure.places[frame]))
        feet = figure.pose.joints[frame, [0, 5]].mean(0) * (1, 1, 0)
        draw_shadow(canvas, camera.project(feet[None])[0][0], camera.scale * figure.walker.stature, self.light)
        draw_figure(canvas, owner, figure.walker, figure.pose, frame, figure.look, self.light, camera)
        return owner > 0

    def _hide(self, canvas, frame):
        """Draw what hides people; return where, (H, W) bool."""
        hidden = np.zeros(canvas.shape[1:], bool)
        if self.hiding is None:
            return hidden
        middle, wide, top = self.canvas_width / 2, PILLAR_WIDTH * self.tall, 0.0
        if self.hiding == 'bus':
            wide, top = BUS_LENGTH * self.tall, max(0.0, GROUND[1] * self.height - BUS_HEIGHT * self.tall)
            middle += BUS_SPEED * self.width * (frame - self.count / 2) / self.fps
        left, right = (int(np.clip(middle + half, 0, self.canvas_width)) for half in (-wide / 2, wide / 2))
        hidden[int(top):int(0.97 * self.height), left:right] = True
        canvas[:, hidden] = self.colour[:, None]
        return hidden
