"""The joints of everybody in a scene, and drawings of them."""
import collections
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gait_recognition.drawing import draw_lines
from gait_recognition.overlays import enlargement
from gait_recognition.people.tracks import crop_batches
from gait_recognition.pose_estimation import FrameJoints, joints_in_frame
from gait_recognition.tracking.joints import SURE

COLOURS = ('#ff5050', '#50e050', '#50b0ff', '#ffd040', '#ff70ff', '#40e0d0', '#ff9030', '#c0a0ff')


class Shown(NamedTuple):
    """One walker in one frame: number of the track, box (left, top, right, bottom) or None, joints (3, 16) or None."""
    track: int
    box: object
    joints: object


def people_joints(people, pose_net):
    """The joints of each walker in the frames of the crops, a list of `FrameJoints` for each."""
    found = [[] for _ in people]
    squares = [dict(zip(person.walk.numbers, person.walk.boxes)) for person in people]
    for places, numbers, crops in crop_batches(people):
        joints = pose_net.joint_positions(crops)                                            # (3, n, 16)
        for i, (place, number) in enumerate(zip(places, numbers)):
            found[place].append(FrameJoints(number, joints_in_frame(joints[:, i], squares[place][number]),
                                            people.seconds[number]))
    return found


def drawn_people(people, poses=None, names=None, sure=SURE):
    """The frames, enlarged if they are small, with everybody's box, number and name, and skeleton.

    Parameters
    ----------
    people : People
    poses : list of list of FrameJoints, optional
        Of each.
    names : dict of int to str, optional
        By number of the track.
    sure : float
        As of `drawing.draw_skeleton`.

    Yields
    ------
    np.ndarray, uint8 (H, W, 3)
    """
    at = collections.defaultdict(list)
    for place, person in enumerate(people):
        joints = {pose.frame: pose.joints for pose in poses[place]} if poses else {}
        for number, box in zip(person.numbers, person.boxes):
            at[number].append(Shown(person.number, box, joints.get(number)))
    for number, frame in people.frames.numbered():
        yield _drawn(frame, at.pop(number, ()), names or {}, sure)


def _drawn(frame, shown, names, sure):
    factor = enlargement(frame)
    image = Image.fromarray(frame)
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.BICUBIC)
    draw, size = ImageDraw.Draw(image), max(11, image.height // 32)
    font = ImageFont.load_default(size)
    for one in shown:
        colour = COLOURS[(one.track - 1) % len(COLOURS)]
        left, top, right, bottom = np.asarray(one.box) * factor
        draw.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=max(2, size // 6))
        if one.joints is not None:
            draw_lines(draw, np.stack([*((one.joints[:2] + 0.5) * factor - 0.5), one.joints[2]]), sure)
        text = f'{one.track} {names.get(one.track, "")}'.strip()
        place = left, max(0, top - 1.4 * size)
        draw.rectangle(draw.textbbox(place, text, font), fill='black')
        draw.text(place, text, colour, font)
    return np.asarray(image)
