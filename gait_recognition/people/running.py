"""Everybody before a still camera that goes on: tracks and crops as they come, in memory that does not grow.

The same figures, following and boxes as of recordings (`still`, `tracking.track`), with what is known so far in place
of the whole: backgrounds are of the last quarter of a minute, boxes are smoothed with `AHEAD_SECONDS` of those after.
"""
import collections
import contextlib
import functools
import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from gait_recognition.facts import Unreadable
from gait_recognition.people.apart import alone, is_crowded
from gait_recognition.people.figures import HIDDEN
from gait_recognition.people.scenes import edges_of
from gait_recognition.people.still import StillFollower, View, is_walk, sight_of
from gait_recognition.rates import Beats
from gait_recognition.tracking.background import (
    BLOCK,
    MOVING_CAMERA,
    SAMPLES,
    UNSTEADY,
    shrink,
    still_picture,
)
from gait_recognition.tracking.cameras import PAIRS, camera_turns
from gait_recognition.tracking.parts import Cuts
from gait_recognition.tracking.track import (
    BEHIND,
    COMPANY,
    CROP_SIZE,
    HEIGHT_SHARE,
    UNFIT,
    cut_square,
    middle_of,
    settled,
)

WARM_SECONDS = 3.0              # of pictures that make the first background: nobody is followed before
SAMPLE_SECONDS = BLOCK / 25 / SAMPLES           # between the pictures of a background, as of recordings
RENEW_SECONDS = 2.0             # between backgrounds
SHARE_SECONDS = 8.0             # over which it is looked how much of the picture moves
AHEAD_SECONDS = 0.8             # that a box waits for those after it: they smooth it, and bridge gaps
BEHIND_SECONDS = 3.5            # of boxes before it that smooth it
HELD_SECONDS = 3.0              # of pictures that are kept of a figure before it is known to walk
KEPT_BOXES = 1000               # the latest, which tell whether it walks
CHUNK = 8                       # frames whose crops are cut together
MARGIN = 1.4                    # of a crop's side that is kept about a figure until its box is smooth


class RunningBackground:
    """The median of the last pictures, and the noise about it, as of `tracking.background.still_picture`.

    `turns`: the latest of them are of a camera that turns.
    """

    def __init__(self):
        self._pictures, self._step, self._sampled, self._renewed = [], WARM_SECONDS / SAMPLES, -math.inf, -math.inf
        self._begun = self._latest = None
        self.turns = False

    @property
    def is_there(self):
        return self._latest is not None

    def add(self, seconds, picture):
        """Take the next picture; (still, noise), or None while there are too few."""
        self._begun = seconds if self._begun is None else self._begun
        if self._is_due(seconds):
            self._sampled = seconds
            self._keep(picture)
        if seconds - self._begun >= WARM_SECONDS and seconds - self._renewed >= RENEW_SECONDS:
            self._latest, self._renewed = still_picture(self._pictures), seconds
            self.turns = camera_turns(self._pictures[-PAIRS - 1:])
        return self._latest

    def _is_due(self, seconds):
        return seconds - self._sampled >= 0.999 * self._step

    def _keep(self, picture):
        """The first are taken closely, then always fewer, until they reach over the time of a background."""
        self._pictures.append(picture)
        if len(self._pictures) > SAMPLES:
            if self._step < SAMPLE_SECONDS:
                self._pictures, self._step = self._pictures[::2], 2 * self._step
            else:
                del self._pictures[0]

    def begin_with(self, loads):
        """Start from what is to come, of what can be read twice: (seconds, function that gives a picture) of each."""
        for seconds, load in loads:
            if self._is_due(seconds):
                with contextlib.suppress(Unreadable):
                    self._keep(load())
                    self._sampled = self._renewed = seconds
        if len(self._pictures) > 1:
            self._begun, self._latest = -math.inf, still_picture(self._pictures)


class Patch(NamedTuple):
    """What is about a figure in a frame: pixels, smaller by `factor`, and the place (top, left) of the first."""
    pixels: np.ndarray
    top: int
    left: int
    factor: int
    shape: tuple

    @classmethod
    def of(cls, frame, box):
        side = (box[2] - box[0]) / HEIGHT_SHARE * MARGIN
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        top, left = (max(0, math.floor(each - side / 2)) for each in middle)
        bottom, right = (max(0, math.ceil(each + side / 2)) for each in middle)
        pixels = frame[top:bottom, left:right]
        factor = max(1, round(side / MARGIN / (1.5 * CROP_SIZE)))
        pixels = pixels.copy() if factor == 1 else np.asarray(Image.fromarray(pixels).reduce(factor))
        return cls(pixels, top, left, factor, frame.shape[:2])

    def cut(self, square):
        """The crop of a square of the frame; None where it lies outside of what is kept."""
        top, left, side = square
        ends = [(top, self.top, self.pixels.shape[0], self.shape[0]), (left, self.left, self.pixels.shape[1],
                                                                       self.shape[1])]
        for first, kept, size, edge in ends:
            if (first < kept - 1 and kept > 0) or (first + side > kept + self.factor * size + 1
                                                   and kept + self.factor * size < edge):
                return None
        return cut_square(self.pixels, ((top - self.top) / self.factor, (left - self.left) / self.factor,
                                        side / self.factor))


class _Sight(NamedTuple):
    """A figure in one frame, until its crop is cut; no patch where there will be none."""
    moment: object
    edges: np.ndarray
    reason: str
    patch: Patch | None


class RunningTrack:
    """One walker, while it is followed.

    Attributes
    ----------
    first, last : Moment
        With the walker.
    box : np.ndarray (4,)
        The latest: top, left, bottom, right in pixels of the frame.
    frames, used : int
        With the walker so far, from the first to the last; that made crops.
    walks : bool
        It is known to be a walker, not something else that moves.
    """

    def __init__(self):
        self.first = self.last = self.box = None
        self.frames = self.used = 0
        self.walks = False
        self._sights, self._cut, self._since = collections.deque(), 0, 0         # how many of the sights are cut
        self._boxes = collections.deque(maxlen=KEPT_BOXES)

    @property
    def quality(self):
        """Share of the track's frames, 0 to 1, that made crops."""
        return self.used / max(1, self.frames)

    @property
    def squares(self):
        """Where crops about its latest boxes are, (n, 3): top, left, side."""
        boxes = np.array(self._boxes)
        side = (boxes[:, 2] - boxes[:, 0]) / HEIGHT_SHARE
        return np.column_stack([middle_of(boxes) - side[:, None] / 2, side])

    def note(self, moment, figure, view, others):
        """Take the figure's latest sight; `others` are the boxes of everybody else in it."""
        shape = moment.frame.shape[:2]
        box, usable = sight_of(figure, -1, view.factor, shape)
        if box is None:
            edges, reason = np.full(4, np.nan), BEHIND
        else:
            edges, reason = edges_of(box, usable, shape)
            if not reason and is_crowded(box, others):
                edges, reason = np.full(4, np.nan), COMPANY
            self.first, self.last, self.box = self.first or moment, moment._replace(frame=None), box
            self._boxes.append(box)
        if self.first is None:
            return
        self.first = self.first._replace(frame=None)
        self._since += 1
        if box is not None:
            self.frames, self._since = self.frames + self._since, 0             # whoever is not seen again has left
        where = figure.boxes[-1] * view.factor if figure.states[-1] == HIDDEN else box
        shown = moment.frame if box is None else alone(moment.frame, view.still.astype(np.uint8), box, others)
        patch = self._patch(shown, where, reason)
        self._sights.append(_Sight(moment._replace(frame=None), edges, reason, patch))
        if not self.walks:
            self.walks = figure.is_firm and len(self._boxes) > 1 and is_walk(np.array(self._boxes))
        self._forget(moment.seconds)

    @staticmethod
    def _patch(frame, box, reason):
        inside = box is not None and (box[2:] > 1).all() and (box[:2] < np.array(frame.shape[:2]) - 1).all()
        return Patch.of(frame, box) if inside and reason not in UNFIT else None

    def _forget(self, now):
        """Forget what is no longer needed: boxes that smooth no more, pictures of what may never walk."""
        while self._sights and self._cut and now - self._sights[0].moment.seconds > BEHIND_SECONDS + AHEAD_SECONDS:
            self._sights.popleft()
            self._cut -= 1
        if not self.walks:
            while self._sights and now - self._sights[0].moment.seconds > HELD_SECONDS:
                self._sights.popleft()

    def crops(self, is_over=False):
        """(moment, crop) of the frames whose boxes are settled by now; of all that are left once it is over."""
        if not self.walks or len(self._sights) < 2:
            return []
        moments = [sight.moment for sight in self._sights]
        due = len(moments) if is_over else sum(
            moments[-1].seconds - moment.seconds >= AHEAD_SECONDS for moment in moments)
        if due - self._cut < (1 if is_over else CHUNK):
            return []
        rate = (len(moments) - 1) / max(1e-3, moments[-1].seconds - moments[0].seconds)
        usable, squares = settled(np.stack([sight.edges for sight in self._sights]),
                                  [sight.reason for sight in self._sights],
                                  Beats.of([moment.seconds for moment in moments], rate))
        found = []
        for place in range(self._cut, due):
            sight = self._sights[place]
            crop = sight.patch.cut(squares[place]) if usable[place] and sight.patch is not None else None
            self._sights[place] = sight._replace(patch=None)
            if crop is not None:
                found.append((sight.moment, crop))
        self._cut = due
        self.used += len(found)
        return found


class RunningPeople:
    """Follows everybody, moment after moment.

    Parameters
    ----------
    rate : float
        Frames a second of the source, whichever of them come.
    pose_net : HumanPoseIRNetwork
    say : callable
        Takes a line about the picture.

    Attributes
    ----------
    tracks : list of RunningTrack
        Under way, those that are known to walk and others.
    """

    def __init__(self, rate, pose_net, say):
        self._rate, self._net, self._say = rate, pose_net, say
        self._follower, self._time, self._shape = StillFollower(rate), -1, None
        self._share, self._moves, self._latest = 0.0, False, None
        self.tracks = []
        self._begin()

    def _begin(self):
        self._cuts, self._background, self._kept, self._part = Cuts(), RunningBackground(), None, 0

    def begin_with(self, loads):
        """Start from what is to come: (seconds, function that gives the frame) of each; whether there was enough."""
        def small(load):
            frame = load()
            self._shape = frame.shape
            return shrink(frame)[0]
        self._background.begin_with((seconds, functools.partial(small, load)) for seconds, load in loads)
        return self._background.is_there

    def add(self, moment):
        """The next moment; those who left meanwhile, a list of `RunningTrack`."""
        if moment.frame.shape != self._shape:
            self._begin()
            self._shape = moment.frame.shape
            return self.finish() + self.add(moment)
        part = self._cuts.add(moment.frame)
        ended = [] if part == self._part else self._cut_to(part)
        small = shrink(moment.frame)
        background = self._background.add(moment.seconds, small[0])
        if background is None:
            return ended + self.finish()
        view = View(moment.frame, background, self._net, small)
        if self._is_moving(moment.seconds, view.mask, background[1]):
            return ended + self.finish()
        self._time = max(self._time + 1, round(moment.seconds * self._rate))
        gone = self._follower.add(self._time, view, part)
        seen = [figure for figure in self._follower.active if figure.times[-1] == self._time]
        boxes = [sight_of(figure, -1, view.factor, moment.frame.shape[:2])[0] for figure in seen]
        for place, figure in enumerate(seen):
            figure.keeper = figure.keeper or RunningTrack()
            others = [box for number, box in enumerate(boxes) if box is not None and number != place]
            figure.keeper.note(moment, figure, view, others)
        self._follower.forget()
        self.tracks = [figure.keeper for figure in self._follower.active if figure.keeper]
        return ended + [figure.keeper for figure in gone if figure.keeper]

    def finish(self):
        """End all tracks; a list of them."""
        self.tracks = []
        return [figure.keeper for figure in self._follower.finish() if figure.keeper]

    def _cut_to(self, part):
        """Another picture from here on, or after a flash the one of before."""
        ended = self.finish()
        if self._kept and self._kept[0] == part:
            self._background = self._kept[1]
        else:
            self._kept, self._background = (self._part, self._background), RunningBackground()
            self._say(f'the picture changed all at once: nobody is followed for {WARM_SECONDS:g} s')
        self._part = part
        return ended

    def _is_moving(self, seconds, mask, noise):
        """Whether so much moves that nobody can be told from it; said when it begins and when it ends."""
        step = min(1.0, (seconds - (self._latest if self._latest is not None else seconds)) / SHARE_SECONDS)
        self._latest = seconds
        share = float((mask | (noise > UNSTEADY)).mean())
        self._share += max(0.0, step) * (share - self._share)
        moves = self._background.turns or self._share > MOVING_CAMERA
        if moves != self._moves:
            self._moves = moves
            self._say('the picture is still again: people are followed' if not moves else
                      'the camera moves, and nobody is followed meanwhile' if self._background.turns else
                      f'{self._share:.0%} of the picture changes all the time: the camera moves (or the scene '
                      'flickers), and nobody is followed meanwhile')
        return moves
