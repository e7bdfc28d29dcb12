"""Whether a recording is fit to tell a person by: what is known of it in figures, and one word, good, usable or poor.

    from gait_recognition.fitness import check_walk

    print(check_walk('walk.mp4'))

The word is the worst of all rules of `RULES`; `benchmarks/fitness.py` measures what it is worth. The vector itself is
not looked at here (`gallery check` compares vectors).
"""
import collections
import dataclasses
import itertools
import math
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from gait_recognition.cycles.measures import between_ankles, one_way
from gait_recognition.cycles.rhythm import stride_rate
from gait_recognition.cycles.series import MIN_SHARE, PELVIS, THORAX, runs_of
from gait_recognition.cycles.views import DIAGONAL, SHOULDERS, angle_of, view_of
from gait_recognition.facts import JUMP_FRAMES, JUMP_SECONDS
from gait_recognition.masking import in_one_line
from gait_recognition.pose_estimation import FrameJoints, joints_in_frame, joints_of_walk, timed
from gait_recognition.quality import quality_of_joints
from gait_recognition.tracking.joints import ABOVE, BELOW, SURE, people_in
from gait_recognition.tracking.track import HEIGHT_SHARE, MIN_FRAMES
from pose_joints import JOINT_NAMES

WORDS = ('good', 'usable', 'poor')
LOOK_EVERY = 4                          # of the crops: looks change slowly
MIDDLE = slice(45, 254), slice(75, 224)             # of a crop's 299 rows and columns: the figure, and little else
BLUR_SIZE = 9                           # pixels, of the blur that a picture is compared with [Crete-Roffet 2007]
OFTEN = 0.5                             # a joint that is unsure in more frames is named
COMPANY_LOOKS = 4                       # frames that are searched for other people
COMPANY_STEP = 0.7                      # of the crop's side, from one square that is searched to the next
MANNERS = {'sitting': 'somebody sits', 'running': 'somebody runs', 'backwards': 'somebody walks backwards'}
APART = 0.6                             # of the height: whose middle is that far from the walker's is somebody else


class Rule(NamedTuple):
    """What a figure has to reach: `good` and `usable` are its bounds, least ones, or greatest ones where `is_most`."""
    name: str
    what: str
    good: float
    usable: float
    is_most: bool = False


RULES = (
    Rule('seconds', '{:.1f} s of walking', 1.4, 0.7),
    Rule('steps', '{:.0f} steps', 2, 1),
    Rule('rate', '{:.3g} frames a second', 15, 8),
    Rule('height', 'a figure of {:.0f} pixels', 75, 50),
    Rule('degrees', 'seen {:.0f} degrees off the profile', 30, DIAGONAL, True),
    Rule('sharpness', 'a sharpness of {:.2f}', 0.36, 0.22),
    Rule('light', 'a brightness of {:.0f} of 255', 45, 20),
    Rule('contrast', 'a contrast of {:.0f} of 255', 18, 8),
    Rule('unsure', '{:.0%} of the joints unsure', 0.1, 0.3, True),
    Rule('lost', '{:.0%} of the frames lost', 0.4, 0.8, True),
    Rule('jumps', '{:.0f} jumps in time', 0, 3, True),
    Rule('company', 'other people in {:.0%} of the frames', 0.0, 1.0, True))


@dataclasses.dataclass(frozen=True)
class Fitness:
    """How fit a recording is to tell a person by; what could not be told is None.

    Attributes
    ----------
    name : str
    word : {'good', 'usable', 'poor'}
    reasons : list of str
        What keeps it from being better, the worst first.
    frames, used : int
        That were looked at, and that were used.
    lost_by : dict of str to int
        Why the others were not.
    seconds, rate : float
        Of walking that were used; frames of it a second.
    knows_rate : bool
        The recording says its rate, else 25 a second were taken.
    jumps, missing : int
        Jumps in time, and frames that the recorder left out.
    height : float
        Of the figure, pixels of the recording.
    view : {'side', 'diagonal', 'front'} or None
    degrees : float or None
        Off the profile.
    steps : int or None
        Whole ones, by the rhythm of the legs; None where that takes a longer walk or more frames a second.
    no_steps : str or None
        Why no steps were counted.
    manner : {'sitting', 'running', 'backwards'} or None
        In which somebody does not walk forwards, if the joints tell one (`quality`); backwards before a still camera.
    sharpness : float
        0 to 1, of the crops: 1 less the blur effect.
    light, contrast : float
        Mean and standard deviation of the figure's grey levels, 0 to 255.
    unsure : float
        Share of joints, over all frames, that the network was not sure of.
    unsure_joints : list of str
        Those that were so in more than half of the frames.
    lost : float
        Share of the frames between the first and the last used: not those in which nobody had come yet.
    company : float or None
        Share of the frames that were searched in which somebody else was seen; None where nobody looked.
    """
    name: str
    word: str
    reasons: list
    frames: int
    used: int
    lost_by: dict
    seconds: float
    rate: float
    knows_rate: bool
    jumps: int
    missing: int
    height: float
    view: str | None
    degrees: float | None
    steps: int | None
    no_steps: str | None
    manner: str | None
    sharpness: float
    light: float
    contrast: float
    unsure: float
    unsure_joints: list
    lost: float
    company: float | None

    def as_dict(self):
        """Everything but the name as plain data for JSON."""
        return {key: _plain(value) for key, value in dataclasses.asdict(self).items() if key != 'name'}

    def rows(self):
        """What is known, in words, by name: dict of str."""
        lost = ', '.join(f'{count} {reason}' for reason, count in self.lost_by.items())
        view = 'not told' if self.view is None else f'{self.view}, {self.degrees:.0f} degrees off the profile'
        return {
            'frames': f'{self.used} of {self.frames} used' + (f'; lost: {lost}' if lost else ''),
            'time': f'{self.seconds:.2f} s at {self.rate:.4g} frames a second'
                    + ('' if self.knows_rate else ', as nothing is said of it')
                    + (f', {self.jumps} jumps' if self.jumps else '')
                    + (f', {self.missing} frames missing' if self.missing else ''),
            'height': f'{self.height:.0f} pixels', 'view': view,
            'steps': ('not counted' if self.steps is None else f'{self.steps}')
                     + (f' ({self.no_steps})' if self.no_steps else '')
                     + (f'; {MANNERS[self.manner]}' if self.manner else ''),
            'sharpness': f'{self.sharpness:.2f}', 'light': f'{self.light:.0f}, contrast {self.contrast:.0f}',
            'unsure joints': f'{self.unsure:.0%}' + (f', mostly {", ".join(self.unsure_joints)}'
                                                     if self.unsure_joints else ''),
            'company': 'not looked for' if self.company is None else
                       'nobody else seen' if not self.company else f'in {self.company:.0%} of the frames searched'}

    def __str__(self):
        reasons = f': {"; ".join(self.reasons)}' if self.reasons else ''
        return '\n'.join([in_one_line(f'{self.name}: {self.word}{reasons}'),
                          *(f'  {name:14} {row}' for name, row in self.rows().items())])


FIGURES = [field.name for field in dataclasses.fields(Fitness) if field.name not in ('name', 'word', 'reasons')]


def _plain(value):
    return round(value, 4) if isinstance(value, float) else value


def check_walk(source, pose_net=None, crop='auto', every=1, start=None, end=None):
    """How fit a recording is; arguments and errors as of `poses.poses`.

    Returns
    -------
    Fitness
    """
    from gait_recognition.frames import read_frames
    from gait_recognition.weights import find_pose_weights, shared_pose_network
    frames = read_frames(source, every, start, end)
    if pose_net is None:
        pose_net = shared_pose_network(find_pose_weights())
    fitness, track = check_frames(frames, pose_net, crop)
    track.warn()
    return fitness


def check_frames(frames, pose_net, crop='auto'):
    """(Fitness, Track) of a walk's `Frames`, other people searched for."""
    fitness, track, _ = look_at(frames.kept(), pose_net, crop, Looks())
    return fitness, track


def look_at(frames, pose_net, crop, looks):
    """(Fitness, Track, list of FrameJoints) of `Frames` that can be read again; `looks` is a new `Looks`."""
    found, track = joints_of_walk(frames, crop, pose_net, looks.add)
    frames.reached.next_stage()
    return fitness_of(frames, track, found, looks, company_in(frames, track, pose_net)), track, found


class Witness:
    """A pose network that notes what it sees while a walk is described: one pass gives features and joints.

    Without a network it is told by `note`. `looks`, a new `Looks`, may keep more than is needed here.
    """

    def __init__(self, pose_net=None, looks=None):
        self._net, self._joints, self.looks = pose_net, [], Looks() if looks is None else looks

    def __getattr__(self, name):
        return getattr(self._net, name)

    def feed_forward_features(self, crops, batch_size=16, **mirrored):
        """As of the network."""
        features, joints = self._net.features_and_joints(crops, batch_size, **mirrored)
        self.note(joints, crops)
        return features

    def note(self, joints, crops):
        """Take joints (3, n, 16), and the crops that they lie in."""
        self._joints += [*np.swapaxes(joints, 0, 1)]
        self.looks.add(crops)

    def found(self, frames, track, seconds=None):
        """The joints as `pose_estimation.joints_of_walk` gives them; `seconds` of frames by number, if the track begins
        later."""
        found = [FrameJoints(*each) for each in zip(track.numbers, map(joints_in_frame, self._joints, track.boxes))]
        return timed(found, frames) if seconds is None else \
            [pose._replace(time=seconds[pose.frame]) for pose in found]

    def fitness(self, frames, track, seconds=None):
        """The `Fitness` of the walk that was described; arguments as of `found`."""
        return fitness_of(frames, track, self.found(frames, track, seconds), self.looks)


class Looks:
    """How the crops of a walk look, of one in `LOOK_EVERY`."""

    def __init__(self):
        self.sharpness, self.light, self.contrast = [], [], []
        self._count = 0

    def add(self, crops):
        for crop in crops:
            if self._count % LOOK_EVERY == 0:
                figure = np.asarray(crop, np.float32)[MIDDLE].mean(axis=2)
                self.sharpness.append(sharpness_of(figure))
                self.light.append(float(figure.mean()))
                self.contrast.append(float(figure.std()))
            self._count += 1

    def medians(self):
        """The walk's sharpness, light and contrast."""
        found = {'sharpness': self.sharpness, 'light': self.light, 'contrast': self.contrast}
        return {name: float(np.median(values)) if values else 0.0 for name, values in found.items()}


def sharpness_of(picture):
    """1 less the blur effect of Crete-Roffet et al. (2007) of a grey picture (H, W): what a further blur would take
    away of the differences between neighbours, across or down, whichever is less; 0 blurred, 1 sharp."""
    found = []
    for axis in (0, 1):
        blurred = ndimage.uniform_filter1d(picture, BLUR_SIZE, axis)
        before, after = (np.abs(np.diff(each, axis=axis)) for each in (picture, blurred))
        total = float(before.sum())
        found.append(float(np.maximum(before - after, 0).sum()) / total if total else 0.0)
    return min(found)


def fitness_of(frames, track, found, looks, company=None):
    """The `Fitness` of a walk that was looked at.

    Parameters
    ----------
    frames : Frames
        Read to their end.
    track : Track
    found : list of FrameJoints
        Of the frames used.
    looks : Looks
    company : float, optional
        As of `Fitness`.
    """
    joints, times = np.array([pose.joints for pose in found]), np.array([pose.time for pose in found])
    unsure = joints[:, 2] < SURE                                                        # (T, 16)
    rate = frames.fps / frames.every
    view, degrees, steps, no_steps = _view_and_steps(times, joints, track.name)
    lost_by = collections.Counter(track.dropped.values())
    if track.skipped:
        lost_by['damaged'] = track.skipped
    figures = {
        'frames': track.frames, 'used': len(found), 'lost_by': dict(lost_by),
        'seconds': _seconds(frames, found),
        'rate': rate, 'knows_rate': frames.knows_fps, 'jumps': len(frames.facts.jumps), 'missing': frames.facts.missing,
        'height': _height(track, joints), 'view': view, 'degrees': degrees, 'steps': steps,
        'no_steps': no_steps, 'manner': _manner(times, joints, track), **looks.medians(),
        'unsure': float(unsure.mean()),
        'unsure_joints': [JOINT_NAMES[joint] for joint in np.flatnonzero(unsure.mean(0) > OFTEN)],
        'lost': _lost(track), 'company': company}
    word, reasons = judged(figures)
    return Fitness(track.name, word, reasons, **figures)


def _seconds(frames, found):
    """For how long the walker was looked at: the stretches without a gap, the last frame of each for its own time, not
    for that of the frames after it that `every` passes over."""
    numbers, times = ([getattr(pose, name) for pose in found] for name in ('frame', 'time'))
    steps = np.diff(times)
    longest = max(JUMP_SECONDS, JUMP_FRAMES * frames.every / frames.fps)
    within = (np.diff(numbers) == frames.every) & (steps <= longest)
    return round(float(steps[within].sum() + (1 + np.sum(~within)) / frames.fps), 6)


def _lost(track):
    """Share of the frames between the first and the last used that were not, and of the damaged ones."""
    inside = sum(track.numbers[0] < number < track.numbers[-1] for number in track.dropped) + track.skipped
    return inside / (inside + len(track.numbers))


def judged(figures):
    """(word, reasons) of figures by their names, by `RULES`; what is None is not judged, another manner is poor."""
    marks = [(mark, rule.what.format(figures[rule.name])) for rule in RULES
             if figures.get(rule.name) is not None and (mark := _mark(rule, figures[rule.name]))]
    if figures.get('manner'):
        marks.insert(0, (len(WORDS) - 1, MANNERS[figures['manner']]))
    marks.sort(reverse=True, key=lambda each: each[0])
    return WORDS[marks[0][0] if marks else 0], [f'{what} ({WORDS[mark]})' for mark, what in marks]


def _mark(rule, value):
    """0 good, 1 usable, 2 poor."""
    good, usable = ((value <= bound if rule.is_most else value >= bound) for bound in (rule.good, rule.usable))
    return 0 if good else 1 if usable else 2


def _height(track, joints):
    """Of the figure in pixels of the recording: by its box, in crops by the joints."""
    if track.method != 'none':
        return float(np.median([side for *_, side in track.boxes])) * HEIGHT_SHARE
    y = np.where(joints[:, 2] >= SURE, joints[:, 0], np.nan)
    y = y[np.isfinite(y).sum(1) > 1]
    return float(np.median(np.nanmax(y, 1) - np.nanmin(y, 1))) * (1 + ABOVE + BELOW) if len(y) else 0.0


def _manner(times, joints, track):
    found = (finding.kind for finding in quality_of_joints(times, joints, track.stands_still))
    return next((kind for kind in found if kind in MANNERS), None)


def _view_and_steps(times, joints, name):
    """(kind of view, degrees, steps, why there are none); each None where it is not told."""
    try:
        runs, facing = one_way(runs_of(times, joints), {}, name)
    except ValueError as error:
        return *_angle(joints), None, str(error).removeprefix(f'{name}: ')
    view = view_of(runs, facing)
    strides, share = stride_rate([between_ankles(run, view) for run in runs])
    if share < MIN_SHARE:
        return view.kind, view.degrees, 0, ('the legs do not alternate in one rhythm, which '
                                            f'{share:.0%} of their movement follows')
    return view.kind, view.degrees, int(2 * strides * sum(run.seconds for run in runs)), None


def _angle(joints):
    """(kind, degrees) of the view by the trunk alone, of joints (T, 3, 16): legs seen from the front pass no other."""
    trunk = joints[:, :, [THORAX, PELVIS, *SHOULDERS]]
    if np.sum((trunk[:, 2] >= SURE).all(1)) < MIN_FRAMES:
        return None, None
    return angle_of(np.where(joints[:, 2:] >= SURE, joints[:, :2], np.nan).swapaxes(1, 2))


def company_in(frames, track, pose_net):
    """In which share of some frames somebody else than the walker is seen; None where the frames are crops already.

    The pose network searches `COMPANY_LOOKS` of the frames in which the walker was found, in squares beside theirs at
    the same size.
    """
    if track.method == 'none' or not frames.rereadable:
        return None
    at = np.unique(np.linspace(0, len(track.numbers) - 1, COMPANY_LOOKS).round().astype(int))
    wanted = {track.numbers[i]: track.boxes[i] for i in at}
    seen = [_has_others(frame, wanted[number], pose_net) for number, frame in frames.numbered() if number in wanted]
    return float(np.mean(seen)) if seen else None


def _has_others(frame, box, pose_net):
    top, left, side = box
    height, width = frame.shape[:2]
    offsets = itertools.chain(*((i, -i) for i in range(1, math.ceil(width / (COMPANY_STEP * side)) + 1)))
    squares = [np.array([top, left + i * COMPANY_STEP * side, side]) for i in offsets]
    squares = [square for square in squares if -side / 4 <= square[1] <= width - 3 * side / 4]
    for first in range(0, len(squares), 8):
        for _, figure in people_in(frame, squares[first:first + 8], pose_net):
            if figure is not None and abs(figure[[1, 3]].mean() - (left + side / 2)) > APART * HEIGHT_SHARE * side:
                return True
    return False

