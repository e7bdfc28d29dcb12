"""The joints of a picture or of a walk, in its own pixels."""
import contextlib
import itertools
from typing import NamedTuple

import numpy as np

from gait_recognition.pictures import to_frame
from gait_recognition.progress import Progress
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.tracking.track import CROP_SIZE, MIN_FRAMES

BATCH = 16                                      # frames through the pose network at once


class Pose(NamedTuple):
    """The joints of one frame: its number, and float32 (3, 16): y, x in pixels of the frame, probability."""
    frame: int
    joints: np.ndarray


def joints_of_picture(picture, crop, net):
    """Joints (3, 16) in pixels of a picture; unless crop is 'pose' it goes through whole, squeezed into a square."""
    if crop == 'background':
        raise ValueError("--crop background finds what moves; for a picture take 'pose' or 'none'")
    if crop == 'pose':                                      # a picture is a walk that stands still
        crops = crop_walker([np.asarray(picture)] * MIN_FRAMES, 'pose', net)
        top, left, side = crops.track.boxes[0]
        return _in_frame(net.joint_positions(next(iter(crops))[None])[:, 0], top, left, side, side)
    return _in_frame(net.joint_positions(to_frame(picture)[None])[:, 0], 0, 0, picture.height, picture.width)


def _in_frame(joints, top, left, height, width):
    """Joints (3, 16) of a crop, in pixels of the frame that it was cut from."""
    y, x, probability = joints
    return np.stack([top + y * (height / CROP_SIZE), left + x * (width / CROP_SIZE), probability])


def joints_of_walk(frames, crop, net):
    """(list of Pose, track) of the frames in which the walker was found."""
    crops = crop_walker(frames, crop, net)
    track, found, walker = crops.track, [], iter(crops)
    with contextlib.closing(Progress(len(track.numbers), frames.name)) as progress:
        while batch := list(itertools.islice(walker, BATCH)):
            joints = net.joint_positions(np.stack(batch))                               # (3, n, 16)
            for i in range(len(batch)):
                top, left, side = track.boxes[len(found)]
                found.append(Pose(track.numbers[len(found)], _in_frame(joints[:, i], top, left, side, side)))
            progress(len(found))
    return found, track
