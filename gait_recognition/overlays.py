"""Poses drawn on the frames of a walk: skeleton, trail of the ankles, time, legend, and on request the heat maps."""
import bisect
import collections
import itertools
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gait_recognition.drawing import COLOURS, LOST, draw_line, draw_lines
from gait_recognition.tracking.joints import SURE

SMALL_EDGE = 320                # pixels: frames whose shorter edge is less are enlarged
TRAIL_SECONDS = 1.0
ANKLES = {0: COLOURS['r'], 5: COLOURS['m']}
HEAD_TOP = 9
LEGEND = (('right', COLOURS['r']), ('left', COLOURS['m']), ('hips, shoulders', COLOURS['b']), ('trunk', COLOURS['g']))
PANEL, TEXT = (0, 0, 0, 150), (255, 255, 255, 255)
# Whose heat maps are shown in which colour: right, left, the middle of the body.
HEATS = (((0, 1, 2, 10, 11, 12), (255, 0, 0)), ((3, 4, 5, 13, 14, 15), (255, 0, 255)), ((6, 7, 8, 9), (0, 255, 0)))
HEAT_OPACITY = 0.75


class Overlay:
    """Draws on the frames of one walk, one after the other.

    Parameters
    ----------
    poses : list of FrameJoints
    sure : float
        Joints of a lower probability are dashed, or left out, as by `drawing.draw_skeleton`; they leave no trail.
        Those of crowded frames are never sure.
    step : int
        Frames from one pose to the next; on those between the joints are interpolated.
    label : str, optional
        Of the walker, written above the head.
    is_plain : bool
        Without trail, time, legend and label.
    """

    def __init__(self, poses, sure=SURE, step=1, label=None, is_plain=False):
        self._joints = {pose.frame: _at_most(pose.joints, np.nextafter(sure, 0) if pose.crowded else 1.0)
                        for pose in poses}
        self._numbers = sorted(self._joints)
        self._sure, self._step, self._label, self._is_plain = sure, step, label, is_plain
        self._trail = collections.deque()               # (seconds, joints or None) of the last frames

    def joints_at(self, number):
        """The joints (3, 16) of a frame, or None."""
        if number in self._joints:
            return self._joints[number]
        after = bisect.bisect(self._numbers, number)
        if not 0 < after < len(self._numbers):
            return None
        first, last = self._numbers[after - 1], self._numbers[after]
        if last - first > self._step:
            return None
        share = (number - first) / (last - first)
        before, behind = self._joints[first], self._joints[last]
        joints = (1 - share) * before + share * behind
        joints[2] = np.minimum(before[2], behind[2])
        return joints

    def draw(self, number, frame, seconds, heat=None):
        """A frame, uint8 RGB, enlarged if small, with what is known of it; frames are given in their order.

        Parameters
        ----------
        number : int
        frame : np.ndarray, uint8 (H, W, 3)
        seconds : float
        heat : (maps, box), optional
            As of `blend_heat_maps`.
        """
        if heat is not None:
            frame = blend_heat_maps(frame, *heat)
        canvas = Canvas(frame)
        self.paint(canvas, number, seconds)
        if not self._is_plain:
            canvas.finish(number, seconds, f'below {self._sure:.0%}' if self._sure else None)
        return np.asarray(canvas.image)

    def paint(self, canvas, number, seconds):
        """Trail, skeleton and label of this walker on the `Canvas` of a frame; frames are given in their order."""
        joints = canvas.placed(self.joints_at(number))
        self._trail.append((seconds, joints))
        while seconds - self._trail[0][0] > TRAIL_SECONDS:
            self._trail.popleft()
        if not self._is_plain:
            self._draw_trail(canvas.draw, seconds, canvas.image.height)
        if joints is not None:
            draw_lines(canvas.draw, joints, self._sure)
        if not self._is_plain and self._label and joints is not None and joints[2, HEAD_TOP] >= LOST * self._sure:
            y, x = joints[:2, HEAD_TOP]
            canvas.write((x, max(y - 2.5 * canvas.size, 0)), self._label, anchor='mt')

    def _draw_trail(self, draw, seconds, height):
        width = max(2, height // 150)
        for (_, before), (when, behind) in itertools.pairwise(self._trail):
            if before is None or behind is None:
                continue
            for ankle, colour in ANKLES.items():
                if min(before[2, ankle], behind[2, ankle]) >= self._sure:
                    alpha = round(40 + 190 * max(0.0, 1 - (seconds - when) / TRAIL_SECONDS))
                    draw.line([*before[1::-1, ankle], *behind[1::-1, ankle]], f'{colour}{alpha:02x}', width)


def _at_most(joints, probability):
    """Joints (3, 16) with no higher probability."""
    y, x, own = np.asarray(joints, float)
    return np.stack([y, x, np.minimum(own, probability)])


class Canvas:
    """A frame, uint8 RGB (H, W, 3), enlarged if it is small, to draw on.

    Attributes
    ----------
    image : Image.Image
    draw : ImageDraw.ImageDraw
    factor : int
        By which it is enlarged.
    size : int
        Of letters, pixels.
    """

    def __init__(self, frame):
        self.factor = enlargement(frame)
        image = Image.fromarray(frame)
        self.image = image.resize((image.width * self.factor, image.height * self.factor), Image.Resampling.BICUBIC)
        self.draw = ImageDraw.Draw(self.image, 'RGBA')
        self.size = max(11, self.image.height // 32)
        self._font = ImageFont.load_default(self.size)

    def placed(self, joints):
        """Joints (3, 16) of the frame in pixels of the picture: whole numbers are the middles of pixels. None stays."""
        return None if joints is None else np.stack([*((joints[:2] + 0.5) * self.factor - 0.5), joints[2]])

    def write(self, place, text, colour=TEXT, anchor='lt'):
        """Text on a dark panel."""
        left, top, right, bottom = self.draw.textbbox(place, text, self._font, anchor)
        edge = self.size / 3
        self.draw.rectangle((left - edge, top - edge, right + edge, bottom + edge), PANEL)
        self.draw.text(place, text, colour, self._font, anchor)

    def finish(self, number, seconds, dashed):
        """Write the legend, with what is dashed if anything is, and which frame this is."""
        unsure = [(dashed, None)] if dashed else []
        _draw_legend(self.draw, [*LEGEND, *unsure], f'thin: ankles, last {TRAIL_SECONDS:.0f} s', self._font, self.size)
        self.write((self.size / 2, self.image.height - 2 * self.size), f'{seconds:.2f} s   frame {number}')


def _draw_legend(draw, entries, note, font, size):
    """Names beside a stroke of their colours in the upper left corner, dashed without a colour, and a note below."""
    width = max(draw.textlength(note, font), 2.6 * size + max(draw.textlength(name, font) for name, _ in entries))
    draw.rectangle((size / 2, size / 2, 1.7 * size + width, (2.2 + 1.3 * len(entries)) * size), PANEL)
    draw.text((size, (1.3 + 1.3 * len(entries)) * size), note, TEXT, font, anchor='lm')
    for row, (name, colour) in enumerate(entries):
        y = (0.8 + 1.3 * row) * size
        draw_line(draw, (size, y + size / 2), (3 * size, y + size / 2), colour or TEXT, max(2, size // 6),
                  is_dashed=colour is None)
        draw.text((3.6 * size, y + size / 2), name, TEXT, font, anchor='lm')


def enlargement(frame):
    """By which whole number a frame is enlarged: 1, or so that its shorter edge has `SMALL_EDGE` pixels."""
    return max(1, math.ceil(SMALL_EDGE / min(frame.shape[:2])))


def blend_heat_maps(frame, maps, box):
    """A frame with heat maps on it: red of the right side, magenta of the left, green of the middle.

    Parameters
    ----------
    frame : np.ndarray, uint8 (H, W, 3)
    maps : np.ndarray, float (h, w, 16)
        Probabilities, as of `HumanPoseNN.heat_maps`.
    box : (float, float, float, float)
        Top, left, height and width, in pixels of the frame, of what the maps show; it may reach over the border.
    """
    top, left, height, width = box
    blended = frame.astype(np.float32)
    for joints, colour in HEATS:
        heat = Image.fromarray(np.clip(maps[..., list(joints)].max(2), 0, 1).astype(np.float32))
        across, down = heat.width / width, heat.height / height
        placed = heat.transform((frame.shape[1], frame.shape[0]), Image.Transform.AFFINE,
                                (across, 0, -left * across, 0, down, -top * down), Image.Resampling.BILINEAR)
        share = HEAT_OPACITY * np.asarray(placed)[..., None]
        blended = blended * (1 - share) + share * np.array(colour, np.float32)
    return np.round(blended).astype(np.uint8)
