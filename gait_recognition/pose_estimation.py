"""The joints of a picture or of a walk, in its own pixels."""
import itertools
import os
from typing import NamedTuple

import numpy as np

from gait_recognition.frames import read_frames
from gait_recognition.pictures import DEFAULT_LIMITS, is_picture, read_picture, read_reduced, to_frame
from gait_recognition.sources import path_of
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.tracking.joints import square_around_person
from gait_recognition.tracking.track import CROP_SIZE, NoPersonError, cut_square
from gait_recognition.vectors import BATCH_SIZE
from gait_recognition.weights import SameWeights, find_pose_weights, shared_pose_network

ENOUGH = 4                      # times the network's pixels across: squeezed from more, a picture looks the same
NOT_OF_PICTURES = "crop='background' finds what moves; for a picture take crop='pose' or crop='none'"


class FrameJoints(NamedTuple):
    """The joints of one frame: its number, float32 (3, 16): y, x in pixels of the frame, probability; its seconds;
    whether somebody else is in the crop, too (`people.poses`), so that the joints may be theirs."""
    frame: int
    joints: np.ndarray
    time: float = 0.0
    crowded: bool = False


def poses(source, pose_net=None, crop='auto', every=1, start=None, end=None):
    """The joints of the person in a picture, or in each frame of a walk in which the walker was found.

    Parameters
    ----------
    source : str, os.PathLike, int, array or iterable
        A picture's path, or anything that `read_frames` takes.
    pose_net : HumanPoseIRNetwork, optional
        By default one with the default weights, opened once.
    crop : {'auto', 'background', 'pose', 'none'}
        As `method` of `crop_walker`. A picture goes through whole, squeezed into a square, unless it is 'pose'.
    every, start, end
        As of `read_frames`.

    Returns
    -------
    list of FrameJoints
        In pixels of the picture or frame, in the order of `pose_joints.JOINT_NAMES`.

    Raises
    ------
    NoPersonError, ValueError, OSError

    Warns
    -----
    UserWarning
        What is to be known of the recording, such as damaged frames.
    """
    is_file = isinstance(source, (str, bytes, os.PathLike))
    path = path_of(source) if is_file and is_picture(path_of(source)) else None
    picture, whole = read_for(path, crop) if path else (None, None)
    frames = None if path else read_frames(source, every, start, end)
    if pose_net is None:
        pose_net = shared_pose_network(find_pose_weights())
    if picture is not None:
        return [FrameJoints(0, joints_of_view(*picture_view(picture, crop, pose_net, whole), pose_net))]
    found, track = joints_of_walk(frames, crop, pose_net)
    track.warn()
    return found


def read_for(path, crop, is_drawn_on=False, limits=DEFAULT_LIMITS):
    """(picture, its width and height) for `picture_view`: a large JPEG that is squeezed into the network's square, and
    not drawn on, is decoded at a smaller size."""
    if crop == 'pose' or is_drawn_on:
        picture = read_picture(path, limits)
        return picture, picture.size
    return read_reduced(path, ENOUGH * CROP_SIZE, limits)


def picture_view(picture, crop, net, whole=None):
    """What the network is shown of a picture, uint8 (299, 299, 3), and its box: top, left, height, width in pixels.

    `whole` is the picture's width and height where it was decoded at a smaller size.
    """
    if crop == 'background':
        raise ValueError(NOT_OF_PICTURES)
    if crop == 'pose':
        square = square_around_person(np.asarray(picture), net)
        if square is None:
            raise NoPersonError("nobody is seen in this picture; crop='none' takes it whole")
        return cut_square(np.asarray(picture), square), (*square[:2], square[2], square[2])
    width, height = whole or picture.size
    return to_frame(picture), (0, 0, height, width)


def joints_of_view(view, box, net):
    """Joints (3, 16) in pixels of the picture that a view (`picture_view`) shows."""
    return _in_frame(net.joint_positions(view[None])[:, 0], *box)


def _in_frame(joints, top, left, height, width):
    """Joints (3, 16) of a crop, in pixels of the frame that it was cut from."""
    y, x, probability = joints
    return np.stack([top + y * (height / CROP_SIZE), left + x * (width / CROP_SIZE), probability])


def joints_of_walk(frames, crop, net, look=None):
    """(list of FrameJoints, track) of the frames in which the walker was found; `look` is shown the crops."""
    same = SameWeights(net)
    crops = crop_walker(frames, crop, net)
    frames.reached.next_stage()
    track, found, walker = crops.track, [], iter(crops)
    while batch := list(itertools.islice(walker, BATCH_SIZE)):
        joints = net.joint_positions(np.stack(batch))                                   # (3, n, 16)
        if look is not None:
            look(batch)
        for i in range(len(batch)):
            box = track.boxes[len(found)]
            found.append(FrameJoints(track.numbers[len(found)], joints_in_frame(joints[:, i], box)))
    same.check(frames.name)
    return timed(found, frames), track


def joints_in_frame(joints, box):
    """Joints (3, 16) of a square crop (top, left, side), in pixels of the frame."""
    top, left, side = box
    return _in_frame(joints, top, left, side, side)


def timed(found, frames):
    """A list of FrameJoints with the seconds of the `Frames` that they were found in."""
    seconds = frames.seconds_of(pose.frame for pose in found)
    return [pose._replace(time=time) for pose, time in zip(found, seconds)]
