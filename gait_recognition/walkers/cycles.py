"""A recorded walk as cycles: angles over the stride, limb lengths, cadence, step and sway, robust against noise.

Recorders that stand still see a person from one side at a time, and guess the far limbs; the Kinect draws hips and
shoulders as if they faced it. So the heading comes from the plane in which the legs swing and knees bend, sagittal
angles start at the middles of hips and shoulders, a recording is cut into passes that go one way, and each limb is
taken mostly from the passes in which it is the near one.
"""
import dataclasses
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

HARMONICS = 5                   # of a stride; at 30 frames a second and 5 strides a pass more would be noise
LIMBS = ('thigh', 'knee', 'ankle', 'shoulder', 'elbow')
CURVES = (*(f'{side} {limb}' for limb in LIMBS for side in ('right', 'left')), 'lean', 'head')
LENGTHS = ('thigh', 'shank', 'trunk', 'head', 'upper arm', 'forearm', 'hips', 'shoulders')
FAR = 0.1                       # weight of a frame of a far limb against one of a near limb
_MEDIAN = 0.17                  # seconds; lone wrong frames are gone after it
_SWING, _BEND = 0.5, 0.6        # seconds over which the legs' plane, and its forward side, are taken
_LEAST_SWING = 0.45             # of the usual swing; less is standing or turning
_LEAST_STRIDES = 2
_LEAST_TRUST = 0.05              # of a pass against the best one
_PERIODS = 0.75, 1.8            # seconds, least and longest stride of an adult
_HUBER = 1.5
_STRIKE = 0.04                   # strides from heel strike to the peak of the ankles' distance, its first harmonic


@dataclasses.dataclass(frozen=True)
class Cycles:
    """One walk, fitted.

    Attributes
    ----------
    curves : ndarray (12, 2 * HARMONICS + 1)
        Of `CURVES`, degrees: the mean, cosines, sines over the stride, 0 = heel strike of the right foot.
    lengths : ndarray (8,)
        Of `LENGTHS`, metres: medians over frames, of both sides. 'head' reaches from between the shoulders to the
        recorder's head joint.
    cadence : float
        Steps a minute.
    stride : float
        Metres: the ankles' greatest distance to the front and to the back, together.
    step_width, sway : float
        Metres: between the ankles; half of the pelvis' way to the side.
    strides : float
        How many were seen.
    residual : ndarray (12,)
        Degrees: root mean square of what the curves leave, over the near frames.
    odd, even : ndarray (12, 2 * HARMONICS + 1)
        Curves of every other stride: their difference measures the noise.
    head_share : float
        As of the recording.
    """

    curves: np.ndarray
    lengths: np.ndarray
    cadence: float
    stride: float
    step_width: float
    sway: float
    strides: float
    residual: np.ndarray
    odd: np.ndarray
    even: np.ndarray
    head_share: float = 0.5


class Pass(NamedTuple):
    """A stretch that goes one way: phases (n,) of its frames, values (n,) of each curve, the near side ('': none)."""

    phase: np.ndarray
    angles: dict
    near: str
    lengths: dict
    period: float
    stride: float
    step_width: float
    sway: float
    trust: float = 1.0


def harmonics(phase) -> np.ndarray:
    """(n, 2 * HARMONICS + 1): 1, cosines, sines at phases (n,) in strides."""
    turns = 2 * np.pi * np.asarray(phase, float)[:, None] * np.arange(1, HARMONICS + 1)
    return np.concatenate([np.ones((len(turns), 1)), np.cos(turns), np.sin(turns)], 1)


def fit_cycles(recording) -> Cycles:
    """Fit a `Recording`; ValueError where no stretch of at least two steady strides is found in it."""
    passes = find_passes(recording)
    if not passes:
        raise ValueError(f'walk {recording.person}-{recording.walk}: no stretch of {_LEAST_STRIDES} steady strides in '
                         f'its {len(recording.joints["head"])} frames')
    passes = _trusted(passes)
    curves, odd, even, residual = [], [], [], []
    for name in CURVES:
        curve, left = _fit_curve(passes, name)
        curves.append(curve)
        residual.append(left)
        for part, found in ((1, odd), (0, even)):
            found.append(_fit_curve(passes, name, part)[0])
    _fill_unseen(passes, curves, odd, even)
    strides = np.array([np.ptp(each.phase) for each in passes])
    weights = strides * [each.trust for each in passes]

    def mean(name):
        return float(np.average([getattr(each, name) for each in passes], weights=weights))
    return Cycles(np.array(curves), np.array([_length(passes, name) for name in LENGTHS]), 120 / mean('period'),
                  mean('stride'), mean('step_width'), mean('sway'), float(strides.sum()), np.array(residual),
                  np.array(odd), np.array(even), recording.head_share)


def _fill_unseen(passes, *found):
    """Curves of a side that is near in no pass: the other side's, half a stride later."""
    near = {each.near for each in passes}
    if near in ({'right'}, {'left'}):
        there = 'right' in near
        for curves in found:
            for i in range(0, 2 * len(LIMBS), 2):
                curves[i + there] = half_later(curves[i + 1 - there])


def half_later(curve):
    """Coefficients (..., 2 * HARMONICS + 1) of the same movement half a stride later: the other side's."""
    return curve * np.r_[1, np.tile((-1.0) ** np.arange(1, HARMONICS + 1), 2)]


def _trusted(passes):
    """The passes with their trust, 1 for the best: where a recorder exchanges legs, curves fit and feet swing less."""
    spoilt = np.array([np.hypot(*(_fit_curve([each], f'{each.near or "right"} {limb}')[1]
                                  for limb in ('thigh', 'knee'))) for each in passes])
    swing = np.array([each.stride for each in passes])
    trust = (spoilt.min() / spoilt) ** 2 * np.clip(swing / (0.8 * swing.max()), 0, 1) ** 4
    return [each._replace(trust=float(share)) for each, share in zip(passes, trust) if share > _LEAST_TRUST]


def _fit_curve(passes, name, part=None):
    """Coefficients of a curve over all passes, or over every other stride, and its residual in near frames."""
    phase, values, weights = [], [], []
    for each in passes:
        if name in each.angles:
            far = name.split()[0] in ('right', 'left') and not name.startswith(each.near)
            chosen = slice(None) if part is None else np.floor(each.phase) % 2 == part
            phase.append(each.phase[chosen])
            values.append(each.angles[name][chosen])
            weights.append(np.full(len(phase[-1]), (FAR if far else 1.0) * each.trust))
    if not phase:
        return np.full(2 * HARMONICS + 1, np.nan), np.nan
    return _robust(harmonics(np.concatenate(phase)), np.concatenate(values), np.concatenate(weights))


def _robust(design, values, weights):
    """Huber's regression by reweighting, and the root mean square of the residual under `weights`."""
    now = weights
    ridge = 1e-3 * weights.sum() * np.diag(np.r_[0, np.ones(design.shape[1] - 1)])     # gaps in the stride stay calm
    for _ in range(6):
        weighted = design * now[:, None]
        found = np.linalg.solve(design.T @ weighted + ridge, weighted.T @ values)
        rest = values - design @ found
        scale = 1.4826 * np.median(np.abs(rest)) + 1e-6
        now = weights / np.maximum(1, np.abs(rest) / (_HUBER * scale))
    return found, float(np.sqrt(np.average(rest ** 2, weights=weights)))


def _length(passes, name):
    """Median over passes; of limbs over those in which they are near, where there are such."""
    values = {}
    for each in passes:
        for side in ('right', 'left'):
            if (length := each.lengths.get(f'{side} {name}')) is not None:
                values.setdefault(each.near == side, []).append(length)
        if name in each.lengths:
            values.setdefault(True, []).append(each.lengths[name])
    return float(np.mean(values.get(True) or values[False]))


# --- Passes ----------------------------------------------------------------------------------------------------------

def find_passes(recording) -> list:
    """The stretches of a recording that go one way, each a `Pass`."""
    fps = recording.fps
    width = 2 * round(_MEDIAN * fps / 2) + 1
    clean = {name: median_filter(places, (width, 1), mode='nearest') for name, places in recording.joints.items()}
    if len(clean['head']) < 2 * _PERIODS[0] * fps:
        return []
    forward, swing = _headings(clean, fps)
    walking = swing > _LEAST_SWING * np.percentile(swing, 75)
    sign = np.sign((forward[1:] * forward[:-1]).sum(1))
    edges = np.flatnonzero(np.r_[True, (np.diff(walking.astype(int)) != 0) | (sign < 0), True])
    found = [_pass(recording, clean, forward, start, end) for start, end in zip(edges[:-1], edges[1:])
             if walking[start]]
    return [each for each in found if each is not None]


def _headings(joints, fps):
    """Unit vectors (T, 2) of where the walk goes, from the plane of the legs, and how far the ankles swing (T,)."""
    apart = (joints['left ankle'] - joints['right ankle'])[:, :2]
    apart = apart - gaussian_filter1d(apart, 0.85 * fps, axis=0, mode='nearest')
    spread = gaussian_filter1d(np.einsum('ti,tj->tij', apart, apart), _SWING * fps, axis=0, mode='nearest')
    axis = np.unwrap(np.arctan2(2 * spread[:, 0, 1], spread[:, 0, 0] - spread[:, 1, 1])) / 2
    forward = np.stack([np.cos(axis), np.sin(axis)], -1)
    bend = 0.0
    for side in ('right', 'left'):
        hip, knee, ankle = (joints[f'{side} {name}'][:, :2] for name in ('hip', 'knee', 'ankle'))
        bend = bend + ((2 * knee - hip - ankle) * forward).sum(1)
        if f'{side} foot' in joints:
            bend = bend + 0.5 * ((joints[f'{side} foot'][:, :2] - ankle) * forward).sum(1)
    ahead = np.where(gaussian_filter1d(bend, _BEND * fps, mode='nearest') >= 0, 1, -1)
    return forward * ahead[:, None], np.sqrt(np.trace(spread, axis1=1, axis2=2))


def _pass(recording, clean, forward, start, end):
    fps = recording.fps
    forward = forward[start:end]
    apart = ((clean['right ankle'] - clean['left ankle'])[start:end, :2] * forward).sum(1)
    apart = gaussian_filter1d(apart, 0.05 * fps, mode='nearest')
    apart = apart - apart.mean()
    strides = _strides(apart, fps)
    if len(strides) <= _LEAST_STRIDES:
        return None
    durations = np.diff(strides)
    period = np.median(durations)
    frames = np.arange(int(np.ceil(strides[0])), int(strides[-1]))
    stride = np.clip(np.searchsorted(strides, frames, 'right') - 1, 0, len(durations) - 1)
    steady = np.abs(durations / period - 1) < 0.2
    if steady.sum() < _LEAST_STRIDES:
        return None
    frames, stride = frames[steady[stride]], stride[steady[stride]]
    phase = stride + (frames - strides[stride]) / durations[stride]
    wave = _robust(harmonics(phase), apart[frames], np.ones(len(frames)))[0]
    phase = phase - np.arctan2(wave[1 + HARMONICS], wave[1]) / (2 * np.pi) + _STRIKE
    step = np.ptp(harmonics(np.arange(100) / 100) @ wave)
    seen = {name: places[start + frames] for name, places in recording.joints.items()}
    found = _measure(seen, forward[frames], phase, period / fps, step)
    return found if recording.one_side else found._replace(near='')


def _strides(apart, fps):
    """Moments (in frames) at which the right foot passes the left one, one a stride."""
    up = np.flatnonzero((apart[:-1] < 0) & (apart[1:] >= 0))
    moments = []
    for moment in up + apart[up] / (apart[up] - apart[up + 1]):
        if not moments or moment - moments[-1] > _PERIODS[0] * fps:
            moments.append(moment)
    return np.array(moments)


def _measure(joints, forward, phase, period, step):
    """A `Pass` of the frames of whole strides."""
    left = np.stack([-forward[:, 1], forward[:, 0]], -1)

    def ahead(vector):
        return (vector[:, :2] * forward).sum(1)

    def aside(vector):
        return (vector[:, :2] * left).sum(1)

    def hanging(vector):
        return np.degrees(np.arctan2(ahead(vector), -vector[:, 2]))
    hips, shoulders = ((joints[f'right {name}'] + joints[f'left {name}']) / 2 for name in ('hip', 'shoulder'))
    trunk, head = shoulders - hips, joints['head'] - shoulders
    angles = {'lean': np.degrees(np.arctan2(ahead(trunk), trunk[:, 2])),
              'head': np.degrees(np.arctan2(ahead(head), head[:, 2]))}
    lengths = {'trunk': _size(trunk), 'head': _size(head), 'hips': _size(joints['right hip'] - joints['left hip']),
               'shoulders': _size(joints['right shoulder'] - joints['left shoulder'])}
    for side in ('right', 'left'):
        hip, knee, ankle, shoulder, elbow, wrist = (
            joints[f'{side} {name}'] for name in ('hip', 'knee', 'ankle', 'shoulder', 'elbow', 'wrist'))
        # Hips and shoulders stand where the recorder thinks they face: their middle and their own height are sure.
        thigh = np.concatenate([(knee - hips)[:, :2], (knee - hip)[:, 2:]], 1)
        upper = np.concatenate([(elbow - shoulders)[:, :2], (elbow - shoulder)[:, 2:]], 1)
        shank, lower = ankle - knee, wrist - elbow
        angles |= {f'{side} thigh': hanging(thigh), f'{side} knee': _turned(hanging(thigh) - hanging(shank)),
                   f'{side} shoulder': hanging(upper), f'{side} elbow': _turned(hanging(lower) - hanging(upper))}
        lengths |= {f'{side} thigh': _size(knee - hip), f'{side} shank': _size(shank),
                    f'{side} upper arm': _size(elbow - shoulder), f'{side} forearm': _size(lower)}
        if f'{side} foot' in joints:
            foot = joints[f'{side} foot'] - ankle
            pitch = np.degrees(np.arctan2(foot[:, 2], ahead(foot)))
            own = (phase + 0.5 * (side == 'left')) % 1
            flat = np.abs(own - 0.25) < 0.1                  # where it stands flat, whatever the recorder calls a foot
            angles[f'{side} ankle'] = _turned(pitch - np.median(pitch[flat]) - hanging(shank))
    toward = np.median(aside(-hips))                         # the recorder stands at the origin
    width = np.median(aside(joints['left ankle'] - joints['right ankle']))
    sway = -_robust(harmonics(phase), _without_drift(aside(hips), phase), np.ones(len(phase)))[0][1 + HARMONICS]
    return Pass(phase, angles, 'left' if toward > 0 else 'right', lengths, period, step, width, sway)


def _turned(degrees):
    """An angle between two limbs as -180 to 180 degrees."""
    return (degrees + 180) % 360 - 180


def _size(vectors):
    return float(np.median(np.linalg.norm(vectors, axis=1)))


def _without_drift(values, phase):
    """Values less their mean over the stride around each frame."""
    line = np.polynomial.Polynomial.fit(phase, values, min(5, int(np.ptp(phase))))
    return values - line(phase)
