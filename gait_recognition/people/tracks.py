"""Everybody in a scene: a track for each walker, and each one's own crops and vector."""
import contextlib
import dataclasses

import numpy as np

from gait_recognition.frames import read_frames
from gait_recognition.parameters import check, one_of
from gait_recognition.people.apart import alone, is_crowded
from gait_recognition.people.boxes import follow_boxes
from gait_recognition.people.moving import follow_moving
from gait_recognition.people.scenes import edges_of
from gait_recognition.people.still import follow_still
from gait_recognition.prefetch import ahead
from gait_recognition.quality import quality_of_track
from gait_recognition.rates import RATE, beats_of
from gait_recognition.tracking.facing import LOOKS, goes_left, way_of
from gait_recognition.tracking.track import (
    BEHIND,
    COMPANY,
    NOBODY,
    NoPersonError,
    Track,
    UnsuitableError,
    cut_square,
    settle,
)
from gait_recognition.vectors import BATCH_SIZE, Describer, features_of
from gait_recognition.weights import (
    SameWeights,
    choose_weights,
    find_pose_weights,
    shared_networks,
    shared_pose_network,
)

WAYS = ('auto', 'background', 'pose')
LEAST_ALONE = 1.0                       # seconds, about a gait cycle: of less beside others names are wrong


@dataclasses.dataclass
class PersonTrack:
    """One walker of a scene.

    Attributes
    ----------
    number : int
        1, 2, ... in the order in which they come into the scene.
    start, end : float
        Seconds, from the source's first frame on, of the first and the last frame with the walker.
    numbers : list of int
        Numbers in the source of the frames with a box, ascending.
    boxes : np.ndarray, float (n, 4)
        Left, top, right, bottom in pixels of each, right and bottom exclusive; inside the picture.
    walk : Track
        The crops that follow the walker (`Track.boxes`), of those frames that show enough; none if there are too few.
    problem : str or None
        Why there are no crops.
    """

    number: int
    start: float
    end: float
    numbers: list
    boxes: np.ndarray
    walk: Track
    problem: str | None = None

    @property
    def quality(self):
        """Share of the track's frames, 0 to 1, that show the walker whole: those that make the vector."""
        return len(self.walk.numbers) / max(1, self.walk.frames)

    def as_dict(self):
        """Plain data for JSON, which has numbers of frames as text; boxes to a tenth of a pixel."""
        boxes = {str(number): box for number, box in zip(self.numbers, np.round(self.boxes, 1).tolist())}
        return {'track': self.number, 'start': round(self.start, 3), 'end': round(self.end, 3),
                'frames': len(self.numbers), 'used': len(self.walk.numbers), 'quality': round(self.quality, 3),
                'problem': self.problem, 'boxes': boxes}

    def __str__(self):
        return (f'track {self.number}, {self.start:.2f} to {self.end:.2f} s: {len(self.walk.numbers)} of '
                f'{self.walk.frames} frames used' + (f'; {self.problem}' if self.problem else ''))


class People(list):
    """The `PersonTrack`s of a scene.

    Attributes
    ----------
    frames : Frames
        The source, which can be read again.
    remarks : list of str
        What is to be known of the recording.
    method : {'background', 'pose', 'boxes'}
        How they were followed.
    seconds : dict of int to float
        Of every frame by its number, from the source's first frame on.
    shape : (int, int)
        Of the frames, height and width in pixels.
    """

    def __init__(self, tracks, frames, scene):
        super().__init__(tracks)
        self.frames, self.remarks = frames, [*frames.remarks, *scene.remarks]
        self.method, self.shape, self.seconds = scene.method, scene.shape, dict(zip(scene.numbers, scene.seconds))
        self._stills, self._indices = scene.stills, {number: index for index, number in enumerate(scene.numbers)}

    def still(self, number):
        """The background of a frame, uint8 (h, w, 3), maybe smaller than it; None where none is known."""
        index = self._indices[number]
        return next((still for end, still in self._stills if index < end), None)


def tracks(source, pose_net=None, crop='auto', boxes=None):
    """Everybody who walks through a scene, followed past one another, pillars and each other's crossings.

    Before a still background figures that move are followed, and the pose network looks only where people touch; a
    camera that moves takes its own search. Where nobody can tell who came out of a crossing, tracks end and others
    begin. The source is read two or three times; memory does not grow with it but for the boxes.

    Parameters
    ----------
    source : Frames or anything that `read_frames` takes
    pose_net : HumanPoseIRNetwork, optional
        By default that of the default weights.
    crop : {'auto', 'background', 'pose'}
        'background': a still camera; 'pose': any camera; 'auto': the first where it will do.
    boxes : str, os.PathLike, array_like or list, optional
        What another detector or tracker found, instead: a file as of `box_files.read_boxes`; an array (T, 4) of one
        walker, a row for each frame, or a list of them, or for each frame an object with `xyxy` (n, 4) and maybe
        `tracker_id` (n,) as supervision's `Detections`. Left, top, right, bottom in pixels; NaN where nobody is.
        Boxes without a track's number are linked from frame to frame.

    Returns
    -------
    People
        A list of `PersonTrack`.

    Raises
    ------
    ValueError, OSError
        The source, or the boxes, cannot be read. A scene without anybody is an empty list.
    """
    check({'crop': one_of(WAYS)}, {'crop': crop})
    frames = read_frames(source).kept()
    if boxes is not None:
        scene = follow_boxes(frames, boxes)
    else:
        net = pose_net or shared_pose_network(find_pose_weights())
        try:
            scene = None if crop == 'pose' else follow_still(frames, net, crop == 'background')
        except UnsuitableError:
            if crop == 'background':
                raise
            scene = None
        scene = scene or follow_moving(frames, net)
    found = sorted(scene.sightings, key=lambda each: each.indices[0])
    rate = frames.fps / frames.every
    at = {}
    for each in found:
        for index, box in zip(each.indices, each.boxes):
            at.setdefault(index, []).append((each, box))
    people = [_person(number, each, at, scene, frames, rate) for number, each in enumerate(found, 1)]
    return People(people, frames, scene)


def _person(number, sighting, at, scene, frames, rate):
    """The `PersonTrack` of a `Sighting`; `at` has everybody's boxes by the frame's index."""
    first, last = sighting.indices[0], sighting.indices[-1]
    numbers = scene.numbers[first:last + 1]
    hidden = BEHIND if scene.method == 'background' else NOBODY         # others may have overlooked somebody
    edges, reasons = np.full((len(numbers), 4), np.nan), [hidden] * len(numbers)
    for index, box, is_usable in zip(sighting.indices, sighting.boxes, sighting.usable):
        edges[index - first], reasons[index - first] = edges_of(box, is_usable, scene.shape)
        if is_crowded(box, [other for who, other in at[index] if who is not sighting]) and not reasons[index - first]:
            edges[index - first], reasons[index - first] = np.nan, COMPANY
    walk = Track(f'{frames.name}, track {number}', scene.method, stands_still=scene.method == 'background')
    problem = None
    try:
        settle(walk, numbers, edges, reasons, beats_of(frames, numbers))
        if COMPANY in reasons and len(walk.numbers) < LEAST_ALONE * rate:
            raise NoPersonError(f'{walk.name}: only {len(walk.numbers)} frames show nobody else')
        walk.remarks = [finding.text for finding in quality_of_track(walk, rate if frames.knows_fps else None)]
    except NoPersonError as error:
        problem = str(error).removeprefix(f'{walk.name}: ')
        walk = Track(walk.name, scene.method, dropped=dict(zip(numbers, [reason or NOBODY for reason in reasons])))
    seconds = scene.seconds
    return PersonTrack(number, seconds[first], seconds[last], [scene.numbers[index] for index in sighting.indices],
                       np.asarray(sighting.boxes)[:, [1, 0, 3, 2]], walk, problem)


def squares_of(people):
    """Where each walker's crops are: for each a dict of (top, left, side) by the number of the frame."""
    return [dict(zip(person.walk.numbers, person.walk.boxes)) for person in people]


def crops_of(people, squares=None):
    """Crops of all walkers, in one reading of the source; before a still background nobody else is in them.

    Parameters
    ----------
    people : People
    squares : list of dict, optional
        Others than `squares_of`, in frames in which the walker has a box.

    Yields
    ------
    place : int
        In the list `people`.
    number : int
        Of the frame.
    crop : np.ndarray, uint8 (299, 299, 3)
    """
    cutter = Cutter(people, squares)
    wanted = {*cutter.wanted}
    for number, frame in people.frames.numbered() if wanted else ():
        if number in wanted:
            wanted.discard(number)
            for place, _, crop in cutter.cut(number, frame):
                yield place, number, crop
    if wanted:
        raise ValueError(f'{people.frames.name} changed while it was read: {len(wanted)} frames are missing now')


class Cutter:
    """Cuts the crops of a frame.

    Parameters
    ----------
    people : People
    squares : list of dict, optional
        As of `crops_of`.

    Attributes
    ----------
    wanted : dict of int to list
        (place, square) by the number of the frame.
    """

    def __init__(self, people, squares=None):
        self._people, self._boxes, self.wanted = people, {}, {}
        for place, own in enumerate(squares_of(people) if squares is None else squares):
            for number, square in own.items():
                self.wanted.setdefault(number, []).append((place, square))
        for place, person in enumerate(people):
            for number, box in zip(person.numbers, person.boxes[:, [1, 0, 3, 2]]):
                self._boxes.setdefault(number, {})[place] = box

    def cut(self, number, frame):
        """(place in `people`, square, crop) of those who have one in a frame."""
        boxes = self._boxes.get(number, {})
        for place, square in self.wanted.get(number, ()):
            still = self._people.still(number)
            others = [box for other, box in boxes.items() if other != place]
            shown = frame if still is None or place not in boxes else alone(frame, still, boxes[place], others)
            yield place, square, cut_square(shown, square)


def crop_batches(people, size=BATCH_SIZE, squares=None):
    """(places, numbers, crops (n, 299, 299, 3)) of up to `size` crops, whoever's they are, prepared by a thread."""
    def batches():
        batch = []
        for each in crops_of(people, squares):
            batch.append(each)
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch
    with contextlib.closing(ahead(batches(), 2)) as ready:
        for batch in ready:
            places, numbers, crops = zip(*batch)
            yield places, numbers, np.stack(crops)


def _who_goes_left(people, pose_net):
    """For each walker whether to the left, bool (n,)."""
    found, looks = np.zeros(len(people), bool), [{} for _ in people]
    for place, person in enumerate(people):
        walk = person.walk
        way = way_of(walk.boxes) if walk.stands_still and walk.boxes else 0
        found[place] = way < 0
        if not way and walk.numbers:
            some = np.linspace(0, len(walk.numbers) - 1, min(LOOKS, len(walk.numbers))).round().astype(int)
            looks[place] = {walk.numbers[i]: walk.boxes[i] for i in some}
    shown = {}
    for place, _, crop in crops_of(people, looks):
        shown.setdefault(place, []).append(crop)
    for place, crops in shown.items():
        found[place] = goes_left(pose_net, crops)
    return found


def people_vectors(people, pose_net=None, gait_net=None, rate=RATE, witnesses=None):
    """Each walker's identification vector.

    Parameters
    ----------
    people : People
    pose_net, gait_net, rate
        As of `vectors.walk_vector`.
    witnesses : list of fitness.Witness, optional
        One for each, who notes what the pose network sees meanwhile.

    Returns
    -------
    list
        A vector, float32 (512,), for each; None for a track without crops.
    """
    if (pose_net is None) != (gait_net is None):
        raise ValueError('pose_net and gait_net belong together: pass both, or neither for the default weights')
    if pose_net is None:
        pose_net, gait_net = shared_networks(choose_weights())
    same = SameWeights(pose_net, gait_net)
    describers = [Describer(people.frames, gait_net, rate) for _ in people]
    mirrored = _who_goes_left(people, pose_net) if gait_net.facing_right else np.zeros(len(people), bool)
    left = [len(person.walk.numbers) for person in people]
    vectors = [None] * len(people)
    for places, numbers, crops in crop_batches(people):
        turned = mirrored[list(places)]
        if witnesses is None:
            features = features_of(pose_net, crops, turned)
        else:
            features, joints = pose_net.features_and_joints(crops, BATCH_SIZE, turned if turned.any() else None)
        for place in dict.fromkeys(places):
            own = np.flatnonzero(np.array(places) == place)
            if witnesses is not None:
                witnesses[place].note(joints[:, own], crops[own])
            describers[place].add(features[own], [numbers[i] for i in own])
            left[place] -= len(own)
            if not left[place]:
                vectors[place], describers[place] = describers[place].vector, None
    same.check(people.frames.name)
    return vectors
