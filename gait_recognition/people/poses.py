"""The joints of everybody in a scene, and drawings of them."""
import collections
import itertools

import numpy as np

from gait_recognition.overlays import Canvas, Overlay
from gait_recognition.people.tracks import crop_batches
from gait_recognition.pose_estimation import FrameJoints, joints_in_frame
from gait_recognition.tracking.joints import SURE
from gait_recognition.weights import SameWeights

COLOURS = ('#ff5050', '#50e050', '#50b0ff', '#ffd040', '#ff70ff', '#40e0d0', '#ff9030', '#c0a0ff')


def people_joints(people, pose_net, looks=None):
    """The joints of each walker in the frames of the crops, a list of `FrameJoints` for each.

    `looks`, a list of `fitness.Looks`, one for each walker, are shown the crops meanwhile.
    """
    found = [[] for _ in people]
    squares = [dict(zip(person.walk.numbers, person.walk.boxes)) for person in people]
    same = SameWeights(pose_net)
    for places, numbers, crops in crop_batches(people):
        joints = pose_net.joint_positions(crops)                                            # (3, n, 16)
        for i, (place, number) in enumerate(zip(places, numbers)):
            found[place].append(FrameJoints(number, joints_in_frame(joints[:, i], squares[place][number]),
                                            people.seconds[number]))
            if looks is not None:
                looks[place].add(crops[i:i + 1])
    same.check(people.frames.name)
    return found


def drawn_people(people, poses=None, names=None, sure=SURE, is_plain=False, frames=None):
    """The frames, enlarged if they are small, with everybody's box, number and name, skeleton and trail of the ankles.

    Parameters
    ----------
    people : People
    poses : list of list of FrameJoints, optional
        Of each; with them time and a legend are written, too.
    names : dict of int to str, optional
        By number of the track.
    sure : float
        As of `drawing.draw_skeleton`.
    is_plain : bool
        Without trail, time and legend.
    frames : Frames, optional
        Those drawn on: all of the recording where people were followed in one of so many; what is between is
        interpolated. By default those in which they were followed.

    Yields
    ------
    np.ndarray, uint8 (H, W, 3)
    """
    frames, step = frames or people.frames, people.frames.every
    overlays, at = [Overlay(own, sure, step, is_plain=is_plain) for own in poses or ()], collections.defaultdict(list)
    for person in people:
        label = f'track {person.number} {(names or {}).get(person.number, "")}'.strip()
        for number, box in _with_those_between(person, step):
            at[number].append((person.number, label, box))
    for index, (number, frame) in enumerate(frames.numbered()):
        canvas, seconds = Canvas(frame), frames.seconds[index]
        for overlay in overlays:
            overlay.paint(canvas, number, seconds)
        for track, label, box in at.pop(number, ()):
            _draw_box(canvas, COLOURS[(track - 1) % len(COLOURS)], label, box)
        if overlays and not is_plain:
            canvas.finish(number, seconds, sure)
        yield np.asarray(canvas.image)


def _with_those_between(person, step):
    """(number, box) of a track's frames, and of those between two that are at most `step` apart."""
    for (first, box), (last, other) in itertools.pairwise(zip(person.numbers, person.boxes)):
        for number in range(first, last if last - first <= step else first + 1):
            yield number, box + (number - first) / (last - first) * (other - box)
    yield person.numbers[-1], person.boxes[-1]


def _draw_box(canvas, colour, label, box):
    left, top, right, bottom = np.asarray(box) * canvas.factor
    canvas.draw.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=max(2, canvas.size // 6))
    canvas.write((left + canvas.size / 3, max(canvas.size / 3, top - 1.6 * canvas.size)), label, colour)
