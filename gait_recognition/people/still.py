"""Everybody before a still background: backgrounds first, then who moves before them."""
import collections
import itertools
import tempfile

import numpy as np
from PIL import Image
from scipy import ndimage

from gait_recognition.people.figures import ALONE, BORDER, COVERED, HIDDEN, TOGETHER
from gait_recognition.people.following import Following
from gait_recognition.people.scenes import Scene, Sighting
from gait_recognition.prefetch import ahead
from gait_recognition.tracking.background import (
    BLOCK,
    MIN_SLENDERNESS,
    MIN_TRAVEL,
    MOVING_CAMERA,
    UNSTEADY,
    foreground,
    shrink,
    still_picture,
)
from gait_recognition.tracking.cameras import camera_turns
from gait_recognition.tracking.joints import MIN_JOINTS, SURE
from gait_recognition.tracking.parts import Parts
from gait_recognition.tracking.track import CROP_SIZE, HEIGHT_SHARE, MIN_FRAMES, UnsuitableError, cut_square, middle_of

LOOKED_AT = 8                   # pictures of a block in which it is looked how much moves
WHOLE = 0.7                     # of a figure that nobody covers: enough for a crop
HEAD, TRUNK, ANKLES = (8, 9), (6, 7), (0, 5)        # joints
HEAD_OFF, TRUNK_OFF, FEET_OFF = (0.25, 0.1), 0.1, 0.15  # of the height: how far off a joint may be; rows, columns
SOLE = 0.05                     # of the height, below the ankles


def follow_still(frames, pose_net, is_still=False):
    """A `Scene` of figures before a still background; UnsuitableError where the camera moves.

    `is_still`: the user says that it does not, so that only a picture that changes all over is refused.
    """
    with tempfile.TemporaryFile() as file:
        backgrounds = _Backgrounds(frames, file)
        if not is_still and backgrounds.turns:
            raise UnsuitableError(f'{frames.name}: the camera turns')
        if backgrounds.share > MOVING_CAMERA:
            raise UnsuitableError(f'{frames.name}: {backgrounds.share:.0%} of the picture changes all the time, so the '
                                  "camera moves (or the scene flickers) and crop='background' cannot tell people "
                                  'from it')
        return _follow(frames, backgrounds, pose_net)


class _Backgrounds:
    """The still picture and its noise for every frame, kept in a file; what one reading tells about a recording."""

    def __init__(self, frames, file):
        self._file, self._blocks, self._shares = file, [], []           # (first index after it, place in the file)
        self._turning = []
        self.stills = []
        parts, window, waiting = Parts(frames.facts), collections.deque(maxlen=BLOCK), 0
        self.numbers, latest = [], 0
        for number, frame in ahead(frames.numbered(), 4):
            part = parts.add(number, frame)
            if part != latest and waiting:
                self._keep(window)
                window.clear()
                waiting = 0
            latest = part
            picture, self.factor = shrink(frame)
            self.numbers.append(number)
            self.shape = frame.shape[:2]
            window.append(picture)
            waiting += 1
            if waiting == BLOCK:
                self._keep(window)
                waiting = 0
        if waiting:
            self._keep(window)
        self.seconds, self.parts = frames.seconds, parts.numbers
        self.share = float(np.mean(self._shares))
        self.turns = bool(np.mean(self._turning) >= 0.5)

    def _keep(self, window):
        self._turning.append(camera_turns(window))
        still, noise = still_picture(window)
        self._small = noise.shape
        for picture in itertools.islice(window, 0, None, max(1, len(window) // LOOKED_AT)):
            self._shares.append((foreground(picture, still, noise) | (noise > UNSTEADY)).mean())
        self._blocks.append((len(self.numbers), self._file.tell()))
        self.stills.append((len(self.numbers), still.astype(np.uint8)))
        self._file.write(still.tobytes() + noise.astype(np.float32).tobytes())

    def each(self):
        """(still picture, noise) for frame after frame."""
        first, size = 0, int(np.prod(self._small))
        for end, place in self._blocks:
            self._file.seek(place)
            values = np.frombuffer(self._file.read(16 * size), np.float32)
            still, noise = values[:3 * size].reshape(*self._small, 3), values[3 * size:].reshape(self._small)
            for _ in range(first, end):
                yield still, noise
            first = end


class StillFollower:
    """Figures before a still background, frame after frame; nobody is followed over a cut.

    Parameters
    ----------
    rate : float
        Frames a second.
    """

    def __init__(self, rate):
        self._rate = rate
        self._following = self._part = None

    @property
    def active(self):
        return self._following.active if self._following else []

    def add(self, time, view, part):
        """The next frame.

        Parameters
        ----------
        time : int
            Rising; `rate` of them are a second.
        view : View
        part : int
            Of the recording.

        Returns
        -------
        list of Figure
            Those who ended.
        """
        ended = []
        if part != self._part:
            ended = self.finish()
            self._following, self._part = Following(self._rate, view.mask.shape), part
        self._following.add(time, view.picture, view.mask, view.look)
        return ended + self._following.ended()

    def finish(self):
        """End all who are followed, a list of `Figure`."""
        following, self._following, self._part = self._following, None, None
        return following.finish() if following else []

    def forget(self):
        """As of `Following`."""
        self._following.forget()


def _follow(frames, backgrounds, pose_net):
    factor, figures = backgrounds.factor, []
    follower = StillFollower(frames.fps / frames.every)
    for index, ((_, frame), background, part) in enumerate(
            zip(ahead(frames.numbered(), 4), backgrounds.each(), backgrounds.parts)):
        figures += follower.add(index, View(frame, background, pose_net), part)
    figures += follower.finish()
    people = []
    for figure in figures:
        sighting = _sighting(figure, factor, backgrounds.shape)
        if sighting is not None and figure.is_firm and is_walk(np.array(sighting.boxes)):
            people.append(sighting)
    return Scene('background', people, backgrounds.numbers, backgrounds.seconds, backgrounds.shape, [],
                 backgrounds.stills)


def _sighting(figure, factor, shape):
    """What was seen of a figure, in pixels of the frame; None if it is too little."""
    seen = [place for place, state in enumerate(figure.states)
            if state not in (HIDDEN, COVERED) or (state == COVERED and figure.has_left)]
    if not seen:
        return None
    sights = [(figure.times[place], *sight_of(figure, place, factor, shape)) for place in range(seen[-1] + 1)]
    sights = [sight for sight in sights if sight[1] is not None]
    return Sighting(*map(list, zip(*sights))) if len(sights) >= MIN_FRAMES else None


def sight_of(figure, place, factor, shape):
    """(box, whether it shows enough of the figure) of one of its sights, in pixels of a frame of this shape.

    The box is None where the figure is hidden, or outside.
    """
    state = figure.states[place]
    if state == HIDDEN:
        return None, False
    box = np.clip(figure.boxes[place] * factor, 0, np.array([*shape, *shape], float))
    if box[2] - box[0] <= 1 or box[3] - box[1] <= 1:
        return None, False
    return box, state in (ALONE, BORDER) or (state == TOGETHER and figure.uncovered_shares[place] >= WHOLE)


def is_walk(boxes):
    """Whether boxes (n, 4) of a figure cross the picture, and are no wider than people are."""
    heights, widths = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    travel = np.linalg.norm(np.ptp(middle_of(boxes), axis=0)) / np.median(heights)
    return travel >= MIN_TRAVEL and np.median(heights / widths) >= MIN_SLENDERNESS


class View:
    """A frame, what moves in it, and how the pose network is to see it, to say who stands where.

    Parameters
    ----------
    frame : np.ndarray, uint8 (H, W, 3)
    background : (np.ndarray, np.ndarray)
        As of `still_picture`.
    net : HumanPoseIRNetwork
    small : (np.ndarray, int), optional
        As `shrink` gives it.

    Attributes
    ----------
    picture : np.ndarray, uint8
        The frame, smaller by `factor`.
    factor : int
    mask : np.ndarray, bool
        What moves in the picture.
    """

    def __init__(self, frame, background, net, small=None):
        self.frame, self.still, self.net = frame, background[0], net
        self.picture, self.factor = small or shrink(frame)
        self.mask = foreground(self.picture, *background)

    def look(self, heads, known):
        """As `Following.add` wants it; places are those of small pictures.

        Parameters
        ----------
        heads : list of (row, column, row of the feet)
        known : np.ndarray, bool (H, W)
            Who is followed already: shown as the background, for the network sees whoever is largest.
        """
        frame, squares = self._without(known), []
        for row, column, feet in heads:
            side = (feet - row) * self.factor / HEIGHT_SHARE
            squares.append(((row + feet) / 2 * self.factor - side / 2, column * self.factor - side / 2, side))
        joints = self.net.joint_positions(np.stack([cut_square(frame, square) for square in squares]))
        return [self._person(head, square, joints[:, number])
                for number, (head, square) in enumerate(zip(heads, squares))]

    def _without(self, known):
        if not known.any():
            return self.frame
        size = self.frame.shape[1::-1]
        hidden = Image.fromarray(ndimage.binary_dilation(known)).resize(size, Image.Resampling.NEAREST)
        still = Image.fromarray(self.still.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
        return np.where(np.asarray(hidden)[..., None], np.asarray(still), self.frame)

    def _person(self, head, square, joints):
        """(head's top, trunk's column, feet) of the person below a head; None where the network sees none."""
        row, column, feet = head
        (top, left, side), (y, x, sure) = square, joints
        tall, seen = feet - row, sure >= SURE
        y, x = (top + y * side / CROP_SIZE) / self.factor, (left + x * side / CROP_SIZE) / self.factor
        across = np.abs(x - column) / tall
        if seen.sum() < MIN_JOINTS or not any(
                seen[joint] and across[joint] < HEAD_OFF[1] and abs(y[joint] - row) < HEAD_OFF[0] * tall
                for joint in HEAD):
            return None
        trunk = [x[joint] for joint in TRUNK if seen[joint] and across[joint] < TRUNK_OFF]
        soles = max((y[joint] + SOLE * tall for joint in ANKLES if seen[joint] and across[joint] < 0.35), default=feet)
        return row, float(np.mean([column, *trunk])), soles if abs(soles - feet) < FEET_OFF * tall else feet
