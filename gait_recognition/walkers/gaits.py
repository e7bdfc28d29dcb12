"""One identity, a `Walker`, and its joints in space at any phase of the stride."""
import dataclasses
import functools
from typing import NamedTuple

import numpy as np

from gait_recognition.walkers.norms import (
    ANKLE_CURVE,
    CLEARANCE,
    CONDITION_EFFECTS,
    CUT,
    GAIT,
    HIP_CURVE,
    HUMAN,
    KNEE_CURVE,
    PELVIC_TILT,
    STRIDE_CV,
    STRIDE_DEGREES,
    curve,
)
from gait_recognition.walkers.streams import IDENTITY, stream

# Of the stride: when the foot stands flat, the bell's centre and width; and how strictly.
MID_STANCE, FLAT = (0.24, 0.07), 0.8


def bump(phase, centre: float, width: float) -> np.ndarray:
    """Periodic bell of height 1 around `centre` (strides)."""
    return np.exp((np.cos(2 * np.pi * (phase - centre)) - 1) / (2 * np.pi * width) ** 2)


def _stance(phase) -> np.ndarray:
    """1 while the foot can carry (heel strike to toe-off at 62 % of the stride), 0 in swing, smooth between."""
    own = (phase + 0.19) % 1 - 0.5  # 0 in the middle of stance
    return np.clip((0.33 - np.abs(own)) / 0.04, 1e-6, 1)


class Pose(NamedTuple):
    """Points of the body in space: x forward, y to the person's left, z up, metres, ground at z = 0.

    Attributes
    ----------
    joints : ndarray (T, 16, 3)
        In the order of `JOINT_NAMES`.
    extras : dict of str to ndarray (T, 3)
        'right heel', 'right ball', 'right toe', 'right knuckle', 'right fingertip' and the left ones: ends of the
        segments beyond the 16 joints. Heel, ball and toe lie on the sole.
    axes : dict of str to ndarray (T, 3, 3)
        'pelvis', 'thorax', 'head': rows are the unit vectors forward, left and up of that part.
    """

    joints: np.ndarray
    extras: dict
    axes: dict


@dataclasses.dataclass(frozen=True)
class Walker:
    """One identity: the parameters of `HUMAN`, in the same units, and nothing else."""

    stature: float
    thigh: float
    shank: float
    foot_height: float
    foot_length: float
    trunk: float
    neck: float
    head: float
    upper_arm: float
    forearm: float
    hand: float
    shoulder_width: float
    hip_width: float
    leg_girth: float
    arm_girth: float
    trunk_depth: float
    trunk_width: float
    cadence: float
    stride: float
    hip_offset: float
    hip_phase: float
    knee_offset: float
    knee_swing: float
    knee_yield: float
    knee_phase: float
    ankle_offset: float
    ankle_push: float
    ankle_phase: float
    pelvis_rotation: float
    pelvis_obliquity: float
    thorax_rotation: float
    lean: float
    lean_swing: float
    head_pitch: float
    sway: float
    bounce: float
    step_width: float
    toe_out: float
    shoulder_swing: float
    shoulder_offset: float
    elbow_swing: float
    elbow_offset: float
    arm_phase: float
    arm_abduction: float
    leg_asymmetry: float
    arm_asymmetry: float
    timing_asymmetry: float

    @classmethod
    def from_seed(cls, *seed: int) -> 'Walker':
        """The person that `seed` (one or more non-negative integers) names: the same for ever."""
        if not seed or any(int(word) != word or word < 0 for word in seed):
            raise ValueError(f'Walker.from_seed: expected non-negative integers, got {seed}')
        rng = stream(IDENTITY, *seed)
        norms = np.array(list(HUMAN.values()))
        values = norms[:, 0] + norms[:, 1] * np.clip(rng.standard_normal(len(norms)), -CUT, CUT)
        drawn = dict(zip(HUMAN, values.tolist(), strict=True))
        upright = ('thigh', 'shank', 'foot_height', 'trunk', 'neck', 'head')
        total = sum(drawn[name] for name in upright)
        return cls(**drawn | {name: drawn[name] / total for name in upright})

    @classmethod
    def average(cls) -> 'Walker':
        """The mean of `HUMAN`."""
        return cls(**{name: mean for name, (mean, _) in HUMAN.items()})

    def varied(self, rng: np.random.Generator, share: float) -> 'Walker':
        """This person's gait (not the body) changed at random by `share` of the SD between people."""
        return self._moved({name: share * rng.standard_normal() for name in GAIT})

    def under(self, condition: str, rng: np.random.Generator) -> 'Walker':
        """This person's gait under a condition of `CONDITION_EFFECTS`; `rng` draws how strongly this person reacts."""
        return self._moved({name: mean + sd * rng.standard_normal()
                            for name, (mean, sd) in CONDITION_EFFECTS[condition].items()})

    def _moved(self, steps: dict) -> 'Walker':
        """Parameters moved by `steps` standard deviations."""
        return dataclasses.replace(self, **{name: getattr(self, name) + HUMAN[name][1] * float(step)
                                            for name, step in steps.items()})

    @property
    def speed(self) -> float:
        """Metres a second: stride length times strides a second."""
        return self.stride_length * self.cadence / 120

    @property
    def stride_length(self) -> float:
        """Metres from one heel strike to the next of the same foot, as the joint angles and the planted foot give."""
        return float(_root_path(self)[0])

    def angles(self, phase, wobble=None) -> dict:
        """Joint angles in degrees, before a foot that would brush the ground is lifted (`pose`).

        Parameters
        ----------
        phase : array_like (T,)
            Strides since a heel strike of the right foot.
        wobble : ndarray (T, 8), optional
            Variation from stride to stride, in units of `STRIDE_CV` (the first four columns: amplitudes of hip, knee,
            ankle, arms) and `STRIDE_DEGREES` (offsets of hip, knee, trunk, elbow).

        Returns
        -------
        dict of str to ndarray (T,)
            'right thigh' (forward of the vertical), 'right knee' (flexion), 'right ankle' (dorsiflexion), 'right
            shoulder' (flexion against the vertical), 'right elbow' (flexion), the left ones, and 'lean'; where it is
            known, 'head': how neck and head nod.
        """
        phase = np.atleast_1d(np.asarray(phase, float))
        wobble = np.zeros((1, 8)) if wobble is None else wobble
        hip_gain, knee_gain, ankle_gain, arm_gain = (1 + STRIDE_CV * wobble[:, :4]).T
        hip_shift, knee_shift, lean_shift, elbow_shift = (STRIDE_DEGREES * wobble[:, 4:]).T
        hip_mean = np.mean(HIP_CURVE)
        found = {}
        for side, sign, late in (('right', -1, 0.0), ('left', 1, 0.5 + self.timing_asymmetry)):
            own = phase + late
            leg = 1 + sign * self.leg_asymmetry / 2
            arm = (1 + sign * self.arm_asymmetry / 2) * arm_gain
            hip = hip_mean + self.stride * leg * hip_gain * (curve(HIP_CURVE, own + self.hip_phase) - hip_mean)
            at = own + self.knee_phase
            swing = self.knee_swing * leg * knee_gain
            knee = (curve(KNEE_CURVE, at) * (1 + (swing - 1) * bump(at, 0.72, 0.12)) + self.knee_offset
                    + knee_shift + self.knee_yield * bump(at, 0.15, 0.06))
            at = own + self.ankle_phase
            ankle = curve(ANKLE_CURVE, at) * (1 + (self.ankle_push * leg * ankle_gain - 1) * bump(at, 0.62, 0.08))
            thigh = hip - PELVIC_TILT + self.hip_offset + hip_shift
            knee = 2 * np.logaddexp(0, knee / 2)  # a knee does not bend forward: soft limit at 0
            # Whatever the hip's and the knee's posture, the ankle lets the foot stand flat in mid-stance.
            ankle += self.ankle_offset - self.hip_offset + self.knee_offset - HUMAN['knee_offset'][0]
            ankle += FLAT * bump(own, *MID_STANCE) * (knee - thigh - ankle)
            beat = np.cos(2 * np.pi * (own - self.arm_phase))  # 1 when the leg of this side is in front
            found[f'{side} thigh'] = thigh
            found[f'{side} knee'] = knee
            found[f'{side} ankle'] = ankle
            found[f'{side} shoulder'] = self.shoulder_offset - self.shoulder_swing * arm * beat
            elbow = self.elbow_offset + elbow_shift - self.elbow_swing * arm * beat
            found[f'{side} elbow'] = 4 * np.logaddexp(0, elbow / 4)
        found['lean'] = self.lean + lean_shift + self.lean_swing * np.cos(4 * np.pi * phase)
        return found

    def pose(self, phase, wobble=None, travel=True) -> Pose:
        """Joints in space at `phase` (strides, (T,)); arguments as of `angles`.

        The figure walks along x, from x = 0 at phase 0: the pelvis moves as the planted foot makes it, so that the
        stance foot stays where it is, and its height lets the lowest sole touch the ground. `travel=False` gives
        single instants: the pelvis stays at x = y = 0 and the lowest sole touches the ground exactly.
        """
        phase = np.atleast_1d(np.asarray(phase, float))
        pose = _clear_of_ground(self, phase, self.angles(phase, wobble))
        rise = -_soles(pose)[..., 2].min(0)
        shift = np.zeros((len(phase), 3))
        shift[:, 2] = rise
        if travel:
            stride, forward, usual = _root_path(self)
            smooth = curve(usual, phase)
            # A wobbling leg changes its reach: what the smooth path does not know is added by half, as flesh gives.
            shift[:, 2] = (smooth + rise) / 2 + (self.bounce - 1) * (smooth - np.mean(usual))
            shift[:, 0] = stride * phase + curve(forward, phase)
            shift[:, 1] = -self.sway * self.stature * np.sin(2 * np.pi * phase)
        return Pose(pose.joints + shift[:, None], {name: at + shift for name, at in pose.extras.items()}, pose.axes)


def _axes(yaw, roll, pitch) -> np.ndarray:
    """Rows forward, left, up (T, 3, 3) of a part turned by yaw (its right side forward), roll (its right side up) and
    pitch (forward), radians (T,)."""
    axes = np.empty((len(yaw), 3, 3))
    cos_y, sin_y, cos_r, sin_r = np.cos(yaw), np.sin(yaw), np.cos(roll), np.sin(roll)
    cos_p, sin_p = np.cos(pitch), np.sin(pitch)
    fx, fy, fz = cos_y * cos_p, sin_y * cos_p, -sin_p
    lx, ly, lz = -sin_y * cos_r, cos_y * cos_r, -sin_r
    for row, vector in enumerate(((fx, fy, fz), (lx, ly, lz),
                                  (fy * lz - fz * ly, fz * lx - fx * lz, fx * ly - fy * lx))):
        for column, value in enumerate(vector):
            axes[:, row, column] = value
    return axes


def _body(walker: Walker, phase: np.ndarray, angles: dict) -> Pose:
    """Forward kinematics with the middle of the hips at the origin; see `Walker.pose`."""
    tall = walker.stature
    rad = {name: np.radians(value) * np.ones(len(phase)) for name, value in angles.items()}
    axes = _trunk(walker, 2 * np.pi * phase, rad)
    joints, extras = np.zeros((len(phase), 16, 3)), {}
    joints[:, 7] = walker.trunk * tall * axes['thorax'][:, 2]
    joints[:, 8] = joints[:, 7] + walker.neck * tall * axes.pop('neck')[:, 2]
    joints[:, 9] = joints[:, 8] + walker.head * tall * axes['head'][:, 2]
    for side, sign, (ankle, knee, hip, wrist, elbow, shoulder) in (
            ('right', -1, (0, 1, 2, 10, 11, 12)), ('left', 1, (5, 4, 3, 15, 14, 13))):
        own = {name.removeprefix(f'{side} '): angle for name, angle in rad.items() if name.startswith(side)}
        joints[:, hip] = sign * walker.hip_width / 2 * tall * axes['pelvis'][:, 1]
        late = 0.5 + walker.timing_asymmetry if side == 'left' else 0
        joints[:, knee], joints[:, ankle], foot = _leg(walker, joints[:, hip], sign, (phase + late) % 1, own)
        joints[:, shoulder] = (joints[:, 7] + sign * walker.shoulder_width / 2 * tall * axes['thorax'][:, 1]
                               - 0.012 * tall * axes['thorax'][:, 2])
        joints[:, elbow], joints[:, wrist], hand = _arm(walker, joints[:, shoulder], sign, own)
        extras.update({f'{side} {name}': at for name, at in {**foot, **hand}.items()})
    return Pose(joints, extras, axes)


def _trunk(walker: Walker, turn: np.ndarray, rad: dict) -> dict:
    """Axes of 'pelvis', 'thorax', 'head' and 'neck', at `turn` (T,), radians of the stride."""
    nod = rad.get('head', 0.0)
    return {'pelvis': _axes(np.radians(walker.pelvis_rotation) * np.cos(turn),
                            np.radians(walker.pelvis_obliquity) * np.cos(turn - 0.75), 0.5 * rad['lean']),
            'thorax': _axes(-np.radians(walker.thorax_rotation) * np.cos(turn),
                            -0.4 * np.radians(walker.pelvis_obliquity) * np.cos(turn - 0.75), rad['lean']),
            'head': _axes(0 * turn, 0 * turn, 0.3 * rad['lean'] + np.radians(walker.head_pitch) + nod),
            'neck': _axes(0 * turn, 0 * turn, rad['lean'] + np.radians(walker.head_pitch + 6) + nod)}


def _ray(angle: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Downwards, turned forward by `angle` (T,) and out to the left by `across` (T,): (T, 3)."""
    return np.stack([np.sin(angle), across, -np.cos(angle)], -1)


def _leg(walker: Walker, hip: np.ndarray, sign: int, own: np.ndarray, rad: dict) -> tuple:
    """Knee, ankle (T, 3), and heel, ball and toe by name; `own` (T,) is the leg's own phase, 0 to 1."""
    tall = walker.stature
    inward = (walker.hip_width - walker.step_width) / 2 / (walker.thigh + walker.shank)  # the legs converge downwards
    across = np.full(len(own), -sign * inward)
    shank = rad['thigh'] - rad['knee']
    pitch = shank + rad['ankle']
    knee = hip + walker.thigh * tall * _ray(rad['thigh'], across)
    ankle = knee + walker.shank * tall * _ray(shank, across)
    out = np.radians(walker.toe_out)

    def along(angle):
        return np.stack([np.cos(angle) * np.cos(out), sign * np.cos(angle) * np.sin(out), np.sin(angle)], -1)

    toes, up = along(pitch), along(pitch + np.pi / 2)
    sole = ankle - walker.foot_height * tall * up
    length = walker.foot_length * tall
    ball = sole + 0.47 * length * toes
    # At push-off the toes stay on the ground while the heel rises: the foot bends at the ball.
    bend = np.clip(-pitch - 0.1, 0, 0.9) * np.clip((0.70 - own) / 0.08, 0, 1) * np.clip((own - 0.2) / 0.1, 0, 1)
    return knee, ankle, {'heel': sole - 0.25 * length * toes, 'ball': ball,
                         'toe': ball + 0.28 * length * along(pitch + bend)}


def _arm(walker: Walker, shoulder: np.ndarray, sign: int, rad: dict) -> tuple:
    """Elbow, wrist (T, 3), and knuckle and fingertip by name."""
    tall = walker.stature
    abduct = np.full(len(shoulder), sign * np.sin(np.radians(walker.arm_abduction)))
    lower = rad['shoulder'] + rad['elbow']
    elbow = shoulder + walker.upper_arm * tall * _ray(rad['shoulder'], abduct)
    wrist = elbow + walker.forearm * tall * _ray(lower, 0.2 * abduct)
    knuckle = wrist + 0.42 * walker.hand * tall * _ray(lower, -0.4 * abduct)
    return elbow, wrist, {'knuckle': knuckle,
                          'fingertip': knuckle + 0.34 * walker.hand * tall * _ray(lower + 0.5, -abduct)}


def _soles(pose: Pose) -> np.ndarray:
    """Heel, ball and toe of the right foot, then of the left (6, T, 3)."""
    return np.stack([pose.extras[f'{side} {part}'] for side in ('right', 'left') for part in ('heel', 'ball', 'toe')])


def _clear_of_ground(walker: Walker, phase: np.ndarray, angles: dict) -> Pose:
    """The body at `angles`, but a swinging foot that would brush the ground is lifted to `CLEARANCE` by bending hip,
    knee and ankle further, as people do."""
    soles = _soles(_body(walker, phase, angles))[..., 2]
    right, left = soles[:3].min(0), soles[3:].min(0)
    angles = dict(angles)
    for side, late, gap in (('right', 0.0, right - left), ('left', 0.5 + walker.timing_asymmetry, left - right)):
        own = (phase + late) % 1
        swing = np.clip((own - 0.63) / 0.07, 0, 1) * np.clip((0.97 - own) / 0.09, 0, 1)
        missing = CLEARANCE - gap / walker.stature
        degrees = np.clip(missing, 0, 0.06) / 0.003 * swing  # 1 degree of each of these mixtures gives 0.003 statures
        for joint, share in (('thigh', 0.5), ('knee', 1.0), ('ankle', 0.6)):
            angles[f'{side} {joint}'] = angles[f'{side} {joint}'] + share * degrees
    return _body(walker, phase, angles)


@functools.lru_cache(maxsize=64)
def _root_path(walker: Walker) -> tuple:
    """How the planted feet move the pelvis: (stride in m, forward samples, height samples) over one stride."""
    count = 60
    phase = np.arange(count) / count
    soles = _soles(_clear_of_ground(walker, phase, walker.angles(phase)))
    height = soles[..., 2].min(0)
    load = np.exp((height - soles[..., 2]) / (0.004 * walker.stature))
    late = np.repeat([0.0, 0.5 + walker.timing_asymmetry], 3)[:, None]
    load *= _stance(phase + late)  # a swinging foot that brushes the ground does not carry
    step = (np.roll(soles[..., 0], -1, 1) - np.roll(soles[..., 0], 1, 1)) * count / 2
    speed = -(load * step).sum(0) / load.sum(0)
    stride = speed.mean()
    # The body is heavy: of the changes of speed it follows the slow ones, the rest is a little slip of the foot.
    spectrum = np.fft.rfft(speed - stride)
    spectrum[1:4] *= np.array([1.0, 0.8, 0.4]) / (2j * np.pi * np.arange(1, 4))
    spectrum[4:] = 0
    return stride, tuple(np.fft.irfft(spectrum, count)), tuple(-height)
