"""The joints of a picture or of a walk, in its own pixels."""
import contextlib
import itertools
import os
from typing import NamedTuple

import numpy as np

from gait_recognition.frames import read_frames
from gait_recognition.pictures import is_picture, read_picture, to_frame
from gait_recognition.progress import Progress
from gait_recognition.sources import path_of
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.tracking.track import CROP_SIZE, MIN_FRAMES
from gait_recognition.vectors import BATCH_SIZE
from gait_recognition.weights import find_pose_weights, shared_pose_network


class FrameJoints(NamedTuple):
    """The joints of one frame: its number, float32 (3, 16): y, x in pixels of the frame, probability; its seconds."""
    frame: int
    joints: np.ndarray
    time: float = 0.0


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
    picture = read_picture(path_of(source)) if is_file and is_picture(path_of(source)) else None
    frames = read_frames(source, every, start, end) if picture is None else None
    if pose_net is None:
        pose_net = shared_pose_network(find_pose_weights())
    if picture is not None:
        return [FrameJoints(0, joints_of_picture(picture, crop, pose_net))]
    found, track = joints_of_walk(frames, crop, pose_net)
    track.warn()
    return found


def joints_of_picture(picture, crop, net):
    """Joints (3, 16) in pixels of a picture; unless crop is 'pose' it goes through whole, squeezed into a square."""
    return joints_of_view(*picture_view(picture, crop, net), net)


def picture_view(picture, crop, net):
    """What the network is shown of a picture, uint8 (299, 299, 3), and its box: top, left, height, width in pixels."""
    if crop == 'background':
        raise ValueError("crop='background' finds what moves; for a picture take crop='pose' or crop='none'")
    if crop == 'pose':                                      # a picture is a walk that stands still
        crops = crop_walker([np.asarray(picture)] * MIN_FRAMES, 'pose', net)
        top, left, side = crops.track.boxes[0]
        return next(iter(crops)), (top, left, side, side)
    return to_frame(picture), (0, 0, picture.height, picture.width)


def joints_of_view(view, box, net):
    """Joints (3, 16) in pixels of the picture that a view (`picture_view`) shows."""
    return in_frame(net.joint_positions(view[None])[:, 0], *box)


def in_frame(joints, top, left, height, width):
    """Joints (3, 16) of a crop, in pixels of the frame that it was cut from."""
    y, x, probability = joints
    return np.stack([top + y * (height / CROP_SIZE), left + x * (width / CROP_SIZE), probability])


def joints_of_walk(frames, crop, net):
    """(list of FrameJoints, track) of the frames in which the walker was found."""
    crops = crop_walker(frames, crop, net)
    track, found, walker = crops.track, [], iter(crops)
    with contextlib.closing(Progress(len(track.numbers), frames.name)) as progress:
        while batch := list(itertools.islice(walker, BATCH_SIZE)):
            joints = net.joint_positions(np.stack(batch))                               # (3, n, 16)
            for i in range(len(batch)):
                top, left, side = track.boxes[len(found)]
                found.append(FrameJoints(track.numbers[len(found)], in_frame(joints[:, i], top, left, side, side)))
            progress(len(found))
    seconds = dict(zip(sorted([*track.numbers, *track.dropped]), frames.seconds))       # of every frame given
    return [pose._replace(time=seconds[pose.frame]) for pose in found], track
