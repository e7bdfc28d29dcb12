"""The joints of everybody in a scene, and drawings of them."""
import collections
import itertools

import numpy as np

from gait_recognition.overlays import Canvas, Overlay, blend_heat_maps
from gait_recognition.people.tracks import Cutter, crop_batches, squares_of
from gait_recognition.pose_estimation import FrameJoints, joints_in_frame
from gait_recognition.tracking.joints import SURE
from gait_recognition.tracking.track import COMPANY, HEIGHT_SHARE
from gait_recognition.weights import SameWeights

COLOURS = ('#ff5050', '#50e050', '#50b0ff', '#ffd040', '#ff70ff', '#40e0d0', '#ff9030', '#c0a0ff')


def people_joints(people, pose_net, looks=None):
    """The joints of each walker, a list of `FrameJoints` for each.

    They are those in the frames of the crops, and, marked as `crowded`, those in frames that make no crop because
    somebody else is in it, too: the network sees one person, mostly the nearer one. `looks`, a list of `fitness.Looks`,
    one for each walker, are shown the crops meanwhile, not the crowded ones.
    """
    found, (squares, crowded) = [[] for _ in people], all_squares(people)
    same = SameWeights(pose_net)
    for places, numbers, crops in crop_batches(people, squares=squares):
        joints = pose_net.joint_positions(crops)                                            # (3, n, 16)
        for i, (place, number) in enumerate(zip(places, numbers)):
            is_crowded = number in crowded[place]
            found[place].append(FrameJoints(number, joints_in_frame(joints[:, i], squares[place][number]),
                                            people.seconds[number], is_crowded))
            if looks is not None and not is_crowded:
                looks[place].add(crops[i:i + 1])
    same.check(people.frames.name)
    return found


def all_squares(people):
    """As `squares_of`, with the crowded frames; and the numbers of these, a set for each walker."""
    squares, crowded = squares_of(people), [set() for _ in people]
    for person, own, numbers in zip(people, squares, crowded):
        for number, (left, top, right, bottom) in zip(person.numbers, person.boxes):
            if person.walk.dropped.get(number) == COMPANY:
                side = (bottom - top) / HEIGHT_SHARE
                own[number] = (top + bottom - side) / 2, (left + right - side) / 2, side
                numbers.add(number)
    return squares, crowded


def drawn_people(people, poses=None, names=None, sure=SURE, is_plain=False, frames=None, heat_net=None):
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
    heat_net : HumanPoseIRNetwork, optional
        Whose heat maps of everybody's crops are shown, too.

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
    cutter = Cutter(people, all_squares(people)[0]) if heat_net else None
    for index, (number, frame) in enumerate(frames.numbered()):
        canvas, seconds = Canvas(_with_heat(frame, number, cutter, heat_net)), frames.seconds[index]
        for overlay in overlays:
            overlay.paint(canvas, number, seconds)
        for track, label, box in at.pop(number, ()):
            _draw_box(canvas, COLOURS[(track - 1) % len(COLOURS)], label, box)
        if overlays and not is_plain:
            canvas.finish(number, seconds, f'below {sure:.0%}, or crowded' if sure else None)
        yield np.asarray(canvas.image)


def _with_heat(frame, number, cutter, net):
    """A frame with the heat maps of those in it, where there is a `Cutter`."""
    drawn = frame
    for _, (top, left, side), crop in cutter.cut(number, frame) if cutter else ():
        drawn = blend_heat_maps(drawn, net.heat_maps(crop[None])[0], (top, left, side, side))
    return drawn


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
