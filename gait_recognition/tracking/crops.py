"""Square crops that follow the walker, found in one of several ways."""
import numpy as np

from gait_recognition.frames import read_frames, size_text
from gait_recognition.parameters import check, one_of
from gait_recognition.tracking.background import track_background
from gait_recognition.tracking.both import track_both
from gait_recognition.tracking.joints import people_in, track_joints
from gait_recognition.tracking.track import CROP_SIZE, POSE_MAY, NoPersonError, Track, UnsuitableError, cut_square

CROP_METHODS = ('auto', 'background', 'pose', 'none')
LOOKED_AT, LOOKS = 32, 8        # of the first 32 frames of crops, 8 are looked at until a person is seen


class Crops:
    """What `crop_walker` gives: iterate over it for the crops.

    Attributes
    ----------
    track : Track
        Where they come from. With method 'none' it grows while the crops are read.
    """

    def __init__(self, frames, track):
        self.track = track
        self._frames = frames

    def __iter__(self):
        """Yields uint8 RGB (299, 299, 3)."""
        if self.track.method == 'none':
            yield from self._whole()
            return
        boxes = dict(zip(self.track.numbers, self.track.boxes))
        for number, frame in self._frames.numbered():
            if number in boxes:
                yield cut_square(frame, boxes.pop(number))
        if boxes:                                                       # found at first, and now not there
            raise ValueError(f'{self.track.name} changed while it was read: {len(boxes)} frames are missing now')

    def _whole(self):
        self.track.numbers, self.track.boxes = [], []
        for number, frame in self._frames.numbered():
            if frame.shape[0] != frame.shape[1]:
                raise ValueError(f"{self._frames.name}: crop='none' takes square pictures of a walker in their middle, "
                                 f"got {size_text(frame)}; crop='background' or crop='pose' finds the walker in others")
            self.track.numbers.append(number)
            self.track.boxes.append((0.0, 0.0, float(len(frame))))
            yield frame if len(frame) == CROP_SIZE else cut_square(frame, self.track.boxes[-1])
        self.track.note(self._frames)


def crop_walker(frames, crop='auto', pose_net=None):
    """Square crops that follow the walker, who is centred and fills about 0.7 of their height.

    The figure that moves most is followed from frame to frame, past smaller ones and through short gaps; frames in
    which it touches the border are left out. The boxes are smoothed over time with centred filters and keep the
    aspect; their scale is nearly constant. All frames are read once to find the walker and again to cut the crops.

    Parameters
    ----------
    frames : Frames or anything that `read_frames` takes
        One walk of one person. What can be read only once (a camera, an iterator) is kept in a temporary file
        meanwhile, except where no walker needs to be found.
    crop : {'auto', 'background', 'pose', 'none'}
        'background': a still camera; the walker is what differs from the median picture. 'pose': any camera; the
        walker is where the pose network sees one. 'none': the frames are square crops already and only resized.
        'auto': 'none' for frames of 299 x 299, if a person is seen in the first of them; else 'background' where the
        camera stands still, somebody crosses the picture, and the pose network's joints fit the outline; else 'pose'.
    pose_net : HumanPoseIRNetwork, optional
        Needed by 'pose'. Without it 'auto' checks nothing and takes squares before a moving background for crops.

    Returns
    -------
    Crops
        Iterable of uint8 RGB (299, 299, 3), with the attribute `track`.

    Raises
    ------
    NoPersonError
        A ValueError: nobody was found, or in too few frames; with 'auto' also two people in one crop.
    ValueError
    """
    check({'crop': one_of(CROP_METHODS)}, {'crop': crop})
    frames = read_frames(frames)
    if crop in ('auto', 'none'):
        height, width = frames.peek()[0].shape[:2]
        ready = height == width == CROP_SIZE
        if crop == 'auto' and ready and pose_net is not None:
            _check_person(frames, pose_net)
        if crop == 'none' or ready:
            return Crops(frames, Track(frames.name, 'none'))
    frames = frames.kept()
    if crop == 'background':
        return Crops(frames, track_background(frames))
    if crop == 'pose':
        return Crops(frames, track_joints(frames, pose_net))
    return Crops(frames, _track_automatically(frames, height == width, pose_net))


def _track_automatically(frames, is_square, pose_net):
    if pose_net is not None:
        return track_both(frames, pose_net)
    try:
        return track_background(frames)
    except UnsuitableError as error:
        if is_square:                                                   # a crop's background moves, its walker stays
            return Track(frames.name, 'none')
        raise NoPersonError(f'{str(error).removesuffix(POSE_MAY)}{POSE_MAY} and needs pose_net') from error
    except NoPersonError as error:
        hint = "; if these are crops of a walker already, take crop='none'" if is_square else ''
        raise NoPersonError(f'{error}{hint}') from error


def _check_person(crops, pose_net):
    """Refuse crops where the pose network sees nobody in several of the first."""
    looks = crops.peek(LOOKED_AT)[::LOOKED_AT // LOOKS]
    if not any(people_in(crop, [np.array([0, 0, CROP_SIZE])], pose_net)[0][1] is not None for crop in looks):
        raise NoPersonError(f'{crops.name}: nobody is seen in {len(looks)} of the first frames. Crops of a walker pass '
                            "unseen with crop='none'; a walker who comes later is found with crop='background' or "
                            "crop='pose'")
