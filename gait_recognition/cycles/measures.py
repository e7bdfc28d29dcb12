"""What is measured of one walk, in one object: `measure_gait` of joints, `measure_walk` of a video."""
import dataclasses
import itertools
import math
from typing import NamedTuple

import numpy as np

from gait_recognition.cycles.angles import JOINTS, PERCENT, angles_of, cycle_curve
from gait_recognition.cycles.events import events_of, timing_noise
from gait_recognition.cycles.rhythm import stride_rate
from gait_recognition.cycles.series import HIPS, LEGS, MIN_SHARE, PELVIS, RATE_OFF, SURE, leg_length, runs_of
from gait_recognition.cycles.views import View, split_at_turns, view_of
from gait_recognition.masking import in_one_line

MIN_STRIDES = 1.25                      # a rhythm is not told from less
STILL = 0.04                            # of the leg: the ankles' distance of one who walks varies more, from anywhere
MIN_INTERVALS = 3                       # for a standard deviation
ASYMMETRY_POINTS = 2.0                  # of noise: healthy people's steps differ by 2 to 5
TIMING_RATE = 20.0                      # frames a second below which times of single steps are not told
# The rear ankle has moved ahead on the ball of its foot when the other foot strikes: the distance of the ankles is less
# than the step by this factor, on the mean curves of `walkers.norms`.
STEP_OF_ANKLES = 1.10
NO_DEVICE = 'Estimated from one camera: no medical device, no diagnosis.'
UNITS = {'cadence': 'steps/min', 'step time': 's', 'right step time': 's', 'left step time': 's', 'stride time': 's',
         'step time asymmetry': '%', 'stance': '% of stride', 'swing': '% of stride',
         'double support': '% of stride', 'stride length': 'leg lengths', 'speed': 'leg lengths/s',
         'hip range': 'degrees', 'knee range': 'degrees'}


class Measure(NamedTuple):
    """A figure: its value, the unit, standard deviation (None where not told), and of how many it is the mean."""
    value: float
    unit: str
    sd: float | None = None
    count: int | None = None

    def __str__(self):
        places = 3 if self.unit == 's' else 2 if self.unit.startswith('leg') else 1
        more = [f'SD {self.sd:.{places}f} ({self.sd / abs(self.value):.1%})'] if self.sd is not None else []
        more += [f'n {self.count}'] if (self.count or 1) > 1 else []
        return f'{self.value:.{places}f} {self.unit}' + (f'  ({", ".join(more)})' if more else '')


@dataclasses.dataclass(frozen=True)
class Gait:
    """What was measured of one walk.

    Attributes
    ----------
    name : str
        Of the walk, or of the walker in it.
    seconds, rate : float
        How much of the walk could be measured; frames a second.
    view : View
    steps : int
        Strikes of both feet that were seen.
    events : list of Event
        Strikes and offs of both feet, in order.
    measures : dict of str to Measure
        By the names of `UNITS`, those that view, frame rate and length allow.
    angles : dict of str to dict of str to Curve
        By side and joint ('hip', 'knee', 'ankle'); the side `view.near` is the better seen one.
    left_out : dict of str to str
        What was not measured, and why.
    """
    name: str
    seconds: float
    rate: float
    view: View
    steps: int
    events: list
    measures: dict
    angles: dict
    left_out: dict

    @property
    def seen(self):
        """The angles of the better seen side, by joint; empty where there are none."""
        return self.angles.get(self.view.near, {})

    def as_dict(self):
        """Everything as plain data for JSON; degrees that cannot be told are None."""
        return {'walk': self.name, 'seconds': round(self.seconds, 3), 'rate': round(self.rate, 3),
                'view': {**self.view._asdict(), 'degrees': round(self.view.degrees, 1)}, 'steps': self.steps,
                'measures': {name: {**measure._asdict(), 'value': _rounded(measure.value), 'sd': _rounded(measure.sd)}
                             for name, measure in self.measures.items()},
                'events': [{**event._asdict(), 'seconds': round(event.seconds, 3)} for event in self.events],
                'angles': {side: {joint: {'degrees': [_rounded(value, 2) for value in curve.degrees],
                                          'spread': _rounded(curve.spread, 2), 'strides': _rounded(curve.strides, 2)}
                                  for joint, curve in curves.items()} for side, curves in self.angles.items()},
                'left_out': self.left_out, 'note': NO_DEVICE}

    def __str__(self):
        view = f'seen from the {self.view.kind} ({self.view.degrees:.0f} degrees off the profile)'
        lines = [f'{in_one_line(self.name)}: {self.seconds:.2f} s at {self.rate:.4g} frames a second, {view}',
                 f'  {"steps":20} {self.steps}',
                 *(f'  {name:20} {measure}' for name, measure in self.measures.items())]
        for joint, curve in self.seen.items():
            known = np.isfinite(curve.degrees)
            at = PERCENT[known][[curve.degrees[known].argmin(), curve.degrees[known].argmax()]]
            lines.append(f'  {self.view.near} {joint:{20 - len(self.view.near) - 1}} {curve.degrees[at[0]]:.0f} to '
                         f'{curve.degrees[at[1]]:.0f} degrees  (at {at[0]} and {at[1]} % of the cycle)')
        lines += [f'  left out: {name}: {reason}' for name, reason in self.left_out.items()]
        return '\n'.join(lines)


def _rounded(value, places=4):
    return None if value is None or not math.isfinite(value) else round(float(value), places)


def measure_walk(source, pose_net=None, crop='auto', every=1, start=None, end=None):
    """What is measured of a walk in a video; arguments and errors as of `poses.poses`, and those of `measure_gait`.

    Returns
    -------
    Gait
    """
    from gait_recognition.frames import read_frames
    from gait_recognition.pose_estimation import joints_of_walk
    from gait_recognition.weights import find_pose_weights, shared_pose_network
    frames = read_frames(source, every, start, end)
    if pose_net is None:
        pose_net = shared_pose_network(find_pose_weights())
    found, track = joints_of_walk(frames, crop, pose_net)
    track.warn()
    return measure_found(found, track)


def measure_found(found, track, sure=SURE):
    """`measure_gait` of what `poses.joints_of_walk` gives: list of FrameJoints, Track."""
    return measure_gait([pose.time for pose in found], [pose.joints for pose in found], sure,
                        still_camera=track.method == 'background', name=track.name)


def measure_gait(times, joints, sure=SURE, still_camera=False, name='walk'):
    """What is measured of one walk of one person.

    Parameters
    ----------
    times : array_like (T,)
        Seconds, ascending.
    joints : array_like (T, 3, 16)
        y, x in pixels, probability, in the order of `pose_joints.JOINT_NAMES`; for instance those of `poses.poses`.
    sure : float
        Joints of a lower probability count as missing.
    still_camera : bool
        The pixels are those of a picture that stands still: the stride's length is the way through it. Else it is told
        from the ankles' distance.
    name : str
        Of the walk, or of the walker.

    Returns
    -------
    Gait

    Raises
    ------
    ValueError
        Shapes do not fit; there are too few frames a second, or too few with sure joints; nobody walks.
    """
    left_out = {}
    runs, facing = one_way(runs_of(times, joints, sure), left_out, name)
    view = view_of(runs, facing)
    between = [between_ankles(run, view) for run in runs]
    apart = np.std(np.concatenate([values - values.mean() for _, values in between]))
    if apart < STILL * leg_length(np.concatenate([run.points for run in runs])):
        raise ValueError(f'{name}: the feet stand still')
    rate, share = stride_rate(between)
    seconds = sum(run.seconds for run in runs)
    if share < MIN_SHARE:
        raise ValueError(f'{name}: the legs do not alternate in one rhythm: {share:.0%} of their movement follows one, '
                         f'{MIN_SHARE:.0%} or more make a walk')
    if seconds * rate < MIN_STRIDES:
        raise ValueError(f'{name}: {seconds:.2f} s without a gap hold {seconds * rate:.1f} strides, at least '
                         f'{MIN_STRIDES} are needed')
    measures = {'cadence': Measure(120 * rate, UNITS['cadence'])}
    events, angles = [], {}
    if view.kind == 'front':
        left_out['all but steps and cadence'] = f'seen {view.degrees:.0f} degrees off the profile; up to 50 are allowed'
    else:
        by_run = [events_of(run, facing, rate) for run in runs]
        events = sorted(itertools.chain(*by_run))
        if runs[0].rate < TIMING_RATE - RATE_OFF:
            left_out['times of steps, stance and swing'] = (f'{runs[0].rate:.4g} frames a second; {TIMING_RATE:.0f} or '
                                                            'more are needed')
        else:
            noise = max(timing_noise(run, facing, rate) for run in runs)
            measures.update(_without_noise(_as_measures(_times(by_run, left_out)), noise, left_out))
            measures.update(_as_measures(_phases(by_run, left_out)))
        measures.update(_as_measures(_lengths(runs, by_run, facing, view, rate, still_camera)))
        angles = _angles(runs, by_run, facing, view, rate, left_out)
        measures.update(_as_measures({f'{joint} range': [angles[view.near][joint].range]
                                      for joint in JOINTS[:2] if joint in angles.get(view.near, {})}))
    steps = sum(event.kind == 'strike' for event in events) if events else int(2 * rate * seconds)
    return Gait(name, seconds, runs[0].rate, view, steps, events, measures, angles, left_out)


def one_way(runs, left_out, name):
    """The runs in which the walker faces the way that he faces longest, and which that is, +1 or -1."""
    parts = [part for run in runs for part in split_at_turns(run)]
    if not parts:
        raise ValueError(f'{name}: hips, knees and ankles are not sure for a second on end')
    seconds = {way: sum(part.seconds for part, each in parts if each == way) for way in (1, -1)}
    facing = max(seconds, key=seconds.get)
    if seconds[-facing]:
        left_out['the other way'] = f'the walker turns; {seconds[-facing]:.1f} s of walking the other way are not used'
    return [part for part, way in parts if way == facing], facing


def between_ankles(run, view):
    """(times, distance of the ankles): along the way; from the front how much higher one is than the other."""
    right, left = (run.points[:, leg[0], 0 if view.kind == 'front' else 1] for leg in LEGS.values())
    return run.times, right - left


def _as_measures(values):
    """Measures of lists of values by name; a standard deviation takes `MIN_INTERVALS` of them."""
    return {name: Measure(float(np.mean(each)), UNITS[name],
                          float(np.std(each, ddof=1)) if len(each) >= MIN_INTERVALS else None, len(each))
            for name, each in values.items() if len(each)}


def _strikes(events, side=None):
    return [event for event in events if event.kind == 'strike' and side in (None, event.side)]


def _without_noise(measures, noise, left_out):
    """Measures of times, without those that the joints' noise makes: `noise` seconds an event."""
    for name, measure in measures.items():
        if measure.sd is not None and measure.sd ** 2 < 2 * 2 * noise ** 2:     # an interval has two ends
            measures[name] = measure._replace(sd=None)
            left_out[f'variability of {name}'] = (f"{1000 * measure.sd:.0f} ms, of which the joints' noise alone makes "
                                                  f'{1000 * math.sqrt(2) * noise:.0f}')
    if 'step time asymmetry' in measures:
        counts = sum(1 / measures[f'{side} step time'].count for side in LEGS)
        # Each strike makes one foot's step longer and the other's shorter.
        points = 200 * noise * math.sqrt(counts) / measures['step time'].value
        if points > ASYMMETRY_POINTS:
            del measures['step time asymmetry']
            left_out['step time asymmetry'] = f"the joints' noise alone makes {points:.1f} points"
    return measures


def _times(by_run, left_out):
    """Times of steps and strides, and the asymmetry of the steps' (Robinson, Herzog and Nigg, 1987), by name."""
    steps = {'right': [], 'left': []}
    for before, after in itertools.chain(*(itertools.pairwise(_strikes(events)) for events in by_run)):
        if before.side != after.side:                   # the step of the foot that strikes
            steps[after.side].append(after.seconds - before.seconds)
    strides = [after.seconds - before.seconds for events in by_run for side in LEGS
               for before, after in itertools.pairwise(_strikes(events, side))]
    found = {'step time': steps['right'] + steps['left'], 'right step time': steps['right'],
             'left step time': steps['left'], 'stride time': strides}
    if steps['right'] and steps['left']:
        right, left = (float(np.mean(each)) for each in steps.values())
        found['step time asymmetry'] = [200 * (right - left) / (right + left)]
    else:
        left_out['step time asymmetry'] = 'it takes a step of each foot'
    for name in ('step time', 'stride time'):
        if len(found[name]) < MIN_INTERVALS:
            left_out[f'variability of {name}'] = f'{len(found[name])} seen, it takes {MIN_INTERVALS} or more'
    return found


def _phases(by_run, left_out):
    """Stance, swing and double support in per cent of the stride, by name."""
    stance = {'right': [], 'left': []}
    for events, side in itertools.product(by_run, LEGS):
        offs = [event.seconds for event in events if event.kind == 'off' and event.side == side]
        for before, after in itertools.pairwise(event.seconds for event in _strikes(events, side)):
            stance[side] += [100 * (off - before) / (after - before) for off in offs if before < off < after]
    both = stance['right'] + stance['left']
    if not both:
        left_out['stance and swing'] = 'no whole stride of a foot was seen'
    found = {'stance': both, 'swing': [100 - each for each in both]}
    if stance['right'] and stance['left']:
        found['double support'] = [float(np.mean(stance['right']) + np.mean(stance['left']) - 100)]
    return found


def _lengths(runs, by_run, facing, view, rate, still_camera):
    """Stride and speed in lengths of the leg (hip to knee to ankle), by name."""
    scale = leg_length(np.concatenate([run.points for run in runs])) * math.cos(math.radians(view.degrees))
    if still_camera:
        ways = [abs(np.polyfit(run.times, run.points[:, [*HIPS, PELVIS], 1].mean(1), 1)[0]) for run in runs]
        strides = [float(np.average(ways, weights=[run.seconds for run in runs])) / rate / scale]
    else:
        strides = []
        for run, events in zip(runs, by_run):
            apart = facing * (run.points[:, LEGS['right'][0], 1] - run.points[:, LEGS['left'][0], 1])
            strides += [2 * STEP_OF_ANKLES * abs(np.interp(event.seconds, run.times, apart)) / scale
                        for event in _strikes(events) if run.times[0] <= event.seconds <= run.times[-1]]
    return {'stride length': strides, 'speed': [float(np.mean(strides)) * rate]} if strides else {}


def _angles(runs, by_run, facing, view, rate, left_out):
    """Curves of the angles over the cycle, by side and joint."""
    frames = [angles_of(run, facing, math.cos(math.radians(view.degrees))) for run in runs]
    curves = {}
    for side in LEGS:
        strikes = [[event.seconds for event in _strikes(events, side)] for events in by_run]
        used = [i for i, each in enumerate(strikes) if each]
        if not used:
            left_out[f'angles of the {side} leg'] = 'its foot was not seen to strike'
            continue
        phases = np.concatenate([_cycles_since(runs[i].times, strikes[i], rate) for i in used])
        found = {joint: cycle_curve(joint, phases, np.concatenate([frames[i][side][joint] for i in used]))
                 for joint in JOINTS}
        curves[side] = {joint: curve for joint, curve in found.items() if curve is not None}
        if len(curves[side]) < len(JOINTS):
            left_out[f'angles of the {side} leg'] = 'a part of the cycle has too few sure frames: ' + ', '.join(
                joint for joint in JOINTS if joint not in curves[side])
        gaps = {joint: _ranges(np.isnan(curve.degrees)) for joint, curve in curves[side].items() if joint != 'ankle'}
        left_out.update({f'{side} {joint} at {gap} % of the cycle': 'both legs were seen as one there, or not at all'
                         for joint, gap in gaps.items() if gap})
    if curves:
        left_out['ankle but from 12 to 31 % of the cycle'] = ('the joints end at the ankle; there the foot lies flat, '
                                                              'and the shank tells the angle')
    return curves


def _ranges(missing):
    """Where in the cycle (101,) something is missing, as text such as '70 to 78'."""
    edges = np.flatnonzero(np.diff(np.r_[False, missing, False].astype(int))).reshape(-1, 2)
    return ', '.join(f'{first} to {last - 1}' for first, last in edges.tolist())


def _cycles_since(times, strikes, rate):
    """Strides since a strike, (T,): between strikes by their times, before the first and after the last by the rate."""
    numbers = np.interp(times, strikes, np.arange(len(strikes)))
    return numbers + np.minimum(times - strikes[0], 0) * rate + np.maximum(times - strikes[-1], 0) * rate
