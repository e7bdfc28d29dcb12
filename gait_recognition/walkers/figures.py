"""Synthetic walkers: a parametric walking figure, its pictures, walks and wide scenes, all with exact joints.

The figure is a chain of body segments moved by published normative joint-angle curves (Fourier series). A `Walker` is
one identity: limb lengths and widths, cadence, stride, amplitudes, phases and offsets of the joint angles, arm swing,
lean, bounce and asymmetry, spread as cited human variation (`HUMAN`). Clothes, hair, skin, background, light and scale
are no part of it: they are drawn anew for every picture and every walk, so that in walks only gait identifies.

- `picture` gives one random walker with exact joints, for training a pose network;
- `sequence` and `iter_frames` give one walk of one person, the crop following the figure, for gait training;
- `scene` and `write_scene` give a wide still scene that the figure crosses, for testing a video path.

Everything is deterministic by its seeds. The module draws; it trains nothing, reads no video and knows no network. The
figures are stand-ins for people: nothing measured on them is a statement about people.

Sources of the norms (the constants below say which number follows which):

- [Winter] Winter, Biomechanics and Motor Control of Human Movement, 4th ed., 2009 (gait data; 2-3 % within-person
  variation of a stride).
- [Kadaba] Kadaba, Ramakrishnan, Wootten, Measurement of lower extremity kinematics during level walking,
  J. Orthop. Res. 8, 1990 (mean curves and between-day repeatability).
- [Perry] Perry, Burnfield, Gait Analysis: Normal and Pathological Function, 2nd ed., 2010.
- [Oberg] Oberg, Karsznia, Oberg, Basic gait parameters, J. Rehabil. Res. Dev. 30, 1993; Joint angle parameters in
  gait, ibid. 31, 1994.
- [Drillis] Drillis, Contini, Body Segment Parameters, 1966, as printed in [Winter], fig. 4.1.
- [Murray] Murray, Sepic, Barnard, Patterns of sagittal rotation of the upper limbs in walking, Phys. Ther. 47, 1967.
- [Kang] Kang et al., The elbow is the load-bearing joint during arm swing, Clin. Shoulder Elb. 26, 2023.
- [Crosbie] Crosbie, Vachalathiti, Smith, Patterns of spinal motion during walking, Gait & Posture 5, 1997.
"""

import csv
import dataclasses
import functools
import io
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from pose_joints import JOINT_NAMES

CONDITIONS = ('N', 'B', 'S')  # normal, backpack, coating shoes
DRAWING = 1                   # raised with every change of what is drawn: features kept of earlier pictures are void
MAX_YAW = 30.0                # degrees off the profile, either side

# Mean sagittal curves in degrees at 0, 5, ..., 95 % of the stride, 0 = heel strike, flexion and dorsiflexion positive:
# after the mean curves of [Kadaba] (hip, relative to the pelvis) and [Winter], [Perry] (knee, ankle). Their peaks and
# the peaks' times are the published ones to about 2 degrees and 2 %; between them the samples were set by eye and so
# that the foot lies flat in mid-stance. They are no digitised data.
HIP_CURVE = (34, 33, 30.5, 26.5, 22, 17, 11.5, 6, 1, -4, -7.5, -7.5, -2.5, 6.5, 16.5, 25.5, 32, 35.5, 36, 35)
KNEE_CURVE = (4, 11, 17, 19, 17, 13.5, 10, 7.5, 6, 7.5, 12, 22.5, 38, 53, 61.5, 61.5, 54, 37, 17, 4)
ANKLE_CURVE = (0, -5, -3, 1, 3.5, 5.5, 7.5, 9, 10.5, 11, 8, -2, -15, -17, -9, -2, 2, 3.5, 3, 1.5)
CLEARANCE = 0.010      # of the stature, least height of the swinging toe: 1 to 2 cm in [Winter]
HARMONICS = 7          # [Winter]: the signal of gait lies below the 7th harmonic of the stride
PELVIC_TILT = 11.0     # degrees forward, mean of [Kadaba]; the curve of the thigh in space is HIP_CURVE less this

# Mean and standard deviation between people of every parameter of an identity, rounded from the sources named; where
# none is named, the number is our estimate of ordinary adults. Committed before any result, never widened afterwards.
# Lengths and widths are fractions of the stature, angles degrees, phases fractions of a stride, factors 1 = the
# normative curve. Draws are cut at 2.5 SD.
HUMAN = {
    'stature': (1.70, 0.07),           # m; SD 7 cm within a sex in national surveys
    # Segments: means of [Drillis]; SD of a segment-to-stature ratio 3 to 4 % of the segment in adult surveys.
    'thigh': (0.245, 0.008),
    'shank': (0.246, 0.008),
    'foot_height': (0.039, 0.002),
    'foot_length': (0.152, 0.005),
    'trunk': (0.288, 0.009),
    'neck': (0.052, 0.004),
    'head': (0.130, 0.004),
    'upper_arm': (0.186, 0.006),
    'forearm': (0.146, 0.005),
    'hand': (0.108, 0.004),
    'shoulder_width': (0.210, 0.011),  # between joint centres, which lie inside the 0.259 of the outline
    'hip_width': (0.108, 0.007),       # between joint centres, inside the 0.191 of the outline
    # Girths, factors: limb circumferences vary by 6 to 9 % between adults, the trunk's depth by 10 to 12 %.
    'leg_girth': (1.0, 0.08),
    'arm_girth': (1.0, 0.08),
    'trunk_depth': (1.0, 0.11),
    'trunk_width': (1.0, 0.07),
    # Time and length of the stride: [Oberg] 1993, coefficients of variation 6 to 8 %.
    'cadence': (115.0, 8.0),           # steps a minute
    'stride': (1.0, 0.065),            # factor on the hip's excursion, which makes the step
    # Joint angles: SDs of [Oberg] 1994, [Kadaba], [Winter]: 4 to 6 degrees on a curve, about 5 on its peaks.
    'hip_offset': (0.0, 2.5),          # of the thigh in space; at the hip the pelvis' tilt would add its own 4 to 5
    'hip_phase': (0.0, 0.010),
    'knee_offset': (1.5, 2.5),
    'knee_swing': (1.0, 0.07),         # 61 +- 4.3 degrees at the peak
    'knee_yield': (0.0, 4.5),          # degrees added to the flexion wave of loading
    'knee_phase': (0.0, 0.010),
    'ankle_offset': (0.0, 2.5),
    'ankle_push': (1.0, 0.15),
    'ankle_phase': (0.0, 0.010),
    # Pelvis and trunk: [Kadaba], [Crosbie]; amplitudes are half of the range.
    'pelvis_rotation': (5.0, 1.8),
    'pelvis_obliquity': (3.5, 1.2),
    'thorax_rotation': (4.0, 1.5),
    'lean': (3.0, 2.5),                # of the trunk, forward
    'lean_swing': (1.0, 0.5),          # its oscillation, twice a stride
    'head_pitch': (5.0, 5.0),          # of neck and head, forward
    'sway': (0.012, 0.004),            # of the pelvis, sideways
    'bounce': (1.0, 0.12),             # factor on the vertical movement that the legs give
    'step_width': (0.060, 0.018),      # between the ankles; about 10 +- 3 cm
    'toe_out': (7.0, 5.0),
    # Arms: [Murray] (shoulder arc about 30 degrees, mostly extension), [Kang] (elbow range 29.7 +- 10.2 degrees).
    'shoulder_swing': (16.0, 5.0),     # half of the range
    'shoulder_offset': (-6.0, 4.0),
    'elbow_swing': (13.0, 4.5),        # half of the range
    'elbow_offset': (25.0, 7.0),
    'arm_phase': (0.02, 0.025),
    'arm_abduction': (7.0, 2.5),
    # Left against right, able-bodied people: differences of 2 to 5 %.
    'leg_asymmetry': (0.0, 0.025),
    'arm_asymmetry': (0.0, 0.12),      # arm swing is the least symmetric
    'timing_asymmetry': (0.0, 0.006),
}
BODY = ('stature', 'thigh', 'shank', 'foot_height', 'foot_length', 'trunk', 'neck', 'head', 'upper_arm', 'forearm',
        'hand', 'shoulder_width', 'hip_width', 'leg_girth', 'arm_girth', 'trunk_depth', 'trunk_width')
GAIT = tuple(name for name in HUMAN if name not in BODY)
CUT = 2.5  # standard deviations

# Change of one person's gait parameters as a share of the SD between people. Repeatability of [Kadaba]: correlations
# of about 0.98 within and 0.9 between days, so sqrt(0.02 / 0.98) and sqrt(0.1 / 0.9).
WALK_SHARE = 0.14      # from walk to walk
SESSION_SHARE = 0.33   # after three months
STRIDE_CV = 0.02       # of stride time and of amplitudes from stride to stride, [Winter]
STRIDE_DEGREES = 0.8   # of the angles' offsets from stride to stride

# What a condition adds to a gait: parameter -> (mean, SD between people), in units of the SD between people.
# Backpack of some kilograms: the trunk leans against the load, the arms swing and the trunk turns less, the stride is
# hardly shorter. Shoe covers are slippery and loose: shorter steps, weaker push-off, feet lifted higher.
CONDITION_EFFECTS = {
    'N': {},
    'B': {'lean': (1.3, 0.5), 'hip_offset': (0.5, 0.3), 'shoulder_swing': (-0.4, 0.2), 'thorax_rotation': (-0.5, 0.3),
          'pelvis_rotation': (-0.3, 0.2), 'stride': (-0.2, 0.15), 'head_pitch': (-0.3, 0.3)},
    'S': {'stride': (-0.4, 0.25), 'cadence': (-0.2, 0.2), 'ankle_push': (-0.5, 0.25), 'knee_swing': (0.3, 0.2),
          'step_width': (0.3, 0.2)},
}

# First words of the seed sequences: identities and appearances never share a stream.
_IDENTITY, _SESSION, _CONDITION, _WALK, _PICTURE, _SCENE = range(1, 7)


def _rng(*words) -> np.random.Generator:
    """Random stream of non-negative integers `words`."""
    # Their number comes first: NumPy pads seeds with zeros, so that (1, 5) and (1, 5, 0) would be one stream.
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([len(words), *map(int, words)])))


@functools.cache
def _series(curve: tuple) -> np.ndarray:
    """Complex Fourier coefficients (HARMONICS + 1,) of an evenly sampled periodic curve."""
    return np.fft.rfft(curve)[:HARMONICS + 1] / len(curve) * np.r_[1, np.full(HARMONICS, 2)]


def curve(values: tuple, phase) -> np.ndarray:
    """Value of a normative curve, given as its samples over one stride, at `phase` (strides, any shape), as a Fourier
    series of `HARMONICS` harmonics."""
    turn = np.exp(2j * np.pi * np.asarray(phase, float))
    return np.polynomial.polynomial.polyval(turn, _series(tuple(values))).real


def _bump(phase, centre: float, width: float) -> np.ndarray:
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
        rng = _rng(_IDENTITY, *seed)
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
            shoulder' (flexion against the vertical), 'right elbow' (flexion), the left ones, and 'lean'.
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
            knee = (curve(KNEE_CURVE, at) * (1 + (swing - 1) * _bump(at, 0.72, 0.12)) + self.knee_offset
                    + knee_shift + self.knee_yield * _bump(at, 0.15, 0.06))
            at = own + self.ankle_phase
            ankle = curve(ANKLE_CURVE, at) * (1 + (self.ankle_push * leg * ankle_gain - 1) * _bump(at, 0.62, 0.08))
            thigh = hip - PELVIC_TILT + self.hip_offset + hip_shift
            knee = 2 * np.logaddexp(0, knee / 2)  # a knee does not bend forward: soft limit at 0
            # Whatever the hip's and the knee's posture, the ankle lets the foot stand flat in mid-stance.
            ankle += self.ankle_offset - self.hip_offset + self.knee_offset - HUMAN['knee_offset'][0]
            ankle += 0.8 * _bump(own, 0.24, 0.07) * (knee - thigh - ankle)
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
    turn = 2 * np.pi * phase
    pelvis_axes = _axes(np.radians(walker.pelvis_rotation) * np.cos(turn),
                        np.radians(walker.pelvis_obliquity) * np.cos(turn - 0.75), 0.5 * rad['lean'])
    thorax_axes = _axes(-np.radians(walker.thorax_rotation) * np.cos(turn),
                        -0.4 * np.radians(walker.pelvis_obliquity) * np.cos(turn - 0.75), rad['lean'])
    head_axes = _axes(0 * turn, 0 * turn, 0.3 * rad['lean'] + np.radians(walker.head_pitch))
    neck_axes = _axes(0 * turn, 0 * turn, rad['lean'] + np.radians(walker.head_pitch + 6))
    joints = np.zeros((len(phase), 16, 3))
    extras = {}
    joints[:, 7] = walker.trunk * tall * thorax_axes[:, 2]
    joints[:, 8] = joints[:, 7] + walker.neck * tall * neck_axes[:, 2]
    joints[:, 9] = joints[:, 8] + walker.head * tall * head_axes[:, 2]
    inward = (walker.hip_width - walker.step_width) / 2 / (walker.thigh + walker.shank)  # the legs converge downwards
    for side, sign, (ankle, knee, hip, wrist, elbow, shoulder) in (
            ('right', -1, (0, 1, 2, 10, 11, 12)), ('left', 1, (5, 4, 3, 15, 14, 13))):
        thigh = rad[f'{side} thigh']
        shank = thigh - rad[f'{side} knee']
        pitch = shank + rad[f'{side} ankle']
        across = np.full(len(phase), -sign * inward)

        def ray(angle, across=across):
            return np.stack([np.sin(angle), across, -np.cos(angle)], -1)

        joints[:, hip] = sign * walker.hip_width / 2 * tall * pelvis_axes[:, 1]
        joints[:, knee] = joints[:, hip] + walker.thigh * tall * ray(thigh)
        joints[:, ankle] = joints[:, knee] + walker.shank * tall * ray(shank)
        out = np.radians(walker.toe_out)
        own = (phase + (0.5 + walker.timing_asymmetry if side == 'left' else 0)) % 1
        # At push-off the toes stay on the ground while the heel rises: the foot bends at the ball.
        bend = np.clip(-pitch - 0.1, 0, 0.9) * np.clip((0.70 - own) / 0.08, 0, 1) * np.clip((own - 0.2) / 0.1, 0, 1)

        def along(angle, out=out, sign=sign):
            return np.stack([np.cos(angle) * np.cos(out), sign * np.cos(angle) * np.sin(out), np.sin(angle)], -1)

        toes, up = along(pitch), along(pitch + np.pi / 2)
        sole = joints[:, ankle] - walker.foot_height * tall * up
        length = walker.foot_length * tall
        extras[f'{side} heel'] = sole - 0.25 * length * toes
        extras[f'{side} ball'] = sole + 0.47 * length * toes
        extras[f'{side} toe'] = extras[f'{side} ball'] + 0.28 * length * along(pitch + bend)

        joints[:, shoulder] = (joints[:, 7] + sign * walker.shoulder_width / 2 * tall * thorax_axes[:, 1]
                               - 0.012 * tall * thorax_axes[:, 2])
        abduct = np.full(len(phase), sign * np.sin(np.radians(walker.arm_abduction)))
        upper = rad[f'{side} shoulder']
        lower = upper + rad[f'{side} elbow']
        joints[:, elbow] = joints[:, shoulder] + walker.upper_arm * tall * ray(upper, abduct)
        joints[:, wrist] = joints[:, elbow] + walker.forearm * tall * ray(lower, 0.2 * abduct)
        extras[f'{side} knuckle'] = joints[:, wrist] + 0.42 * walker.hand * tall * ray(lower, -0.4 * abduct)
        extras[f'{side} fingertip'] = extras[f'{side} knuckle'] + 0.34 * walker.hand * tall * ray(lower + 0.5, -abduct)
    return Pose(joints, extras, {'pelvis': pelvis_axes, 'thorax': thorax_axes, 'head': head_axes})


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


# ---------------------------------------------------------------------------------------------------------------------
# Appearance: everything that is drawn anew and says nothing about who walks.

_SKIN = ((244, 211, 184), (226, 181, 147), (198, 145, 108), (150, 102, 70), (100, 66, 46), (66, 44, 34))
_HAIR = ((24, 20, 18), (52, 36, 26), (92, 62, 38), (146, 104, 58), (200, 168, 108), (150, 146, 142), (120, 52, 28))
_PATTERNS = ('plain', 'plain', 'plain', 'hoops', 'stripes', 'checks', 'blotches')


@dataclasses.dataclass(frozen=True)
class _Cloth:
    colour: tuple
    second: tuple
    pattern: str = 'plain'
    period: float = 0.05   # of the stature
    folds: float = 0.10    # relative brightness of creases


@dataclasses.dataclass(frozen=True)
class _Look:
    """Clothes and hair of one walk; lengths and loosenings are factors on the body."""

    skin: tuple
    hair: tuple
    hair_style: str
    top: _Cloth
    bottom: _Cloth
    shoes: _Cloth
    extra: _Cloth          # bag, covers, hat, belt
    outfit: str            # 'trousers', 'shorts', 'skirt', 'dress', 'coat'
    sleeve: float          # share of the arm that is covered, 0 to 1
    hem: float             # lower edge of shorts, skirt, dress or coat: 0 hip, 1 knee, 2 ankle
    loose_top: float
    loose_bottom: float
    flare: float           # trousers at the ankle against the ankle itself
    waist: float           # where the top ends, share of the trunk above (or, negative, below) the hips
    backpack: bool
    covers: bool


def _mix(first, second, share: float) -> tuple:
    return tuple(float(a + (b - a) * share) for a, b in zip(first, second, strict=True))


def _shade(colour, factor: float) -> tuple:
    return tuple(min(channel * factor, 255.0) for channel in colour)


def _colour(rng, brightness=(20, 245), saturation=0.55) -> tuple:
    """A random colour, more often dull than bright."""
    grey = rng.uniform(*brightness)
    tint = rng.uniform(-1, 1, 3)
    return tuple(np.clip(grey * (1 + saturation * rng.random() * (tint - tint.mean())), 4, 250).tolist())


def _cloth(rng, patterned=0.4, denim=0.0) -> _Cloth:
    colour = _colour(rng, saturation=rng.choice([0.15, 0.5, 1.0]))
    if rng.random() < denim:
        colour = _mix((28, 36, 62), (120, 142, 178), rng.random())
    pattern = str(rng.choice(_PATTERNS)) if rng.random() < patterned else 'plain'
    second = _colour(rng) if rng.random() < 0.5 else _shade(colour, rng.uniform(0.5, 1.6))
    return _Cloth(colour, second, pattern, rng.uniform(0.02, 0.09), rng.uniform(0.03, 0.18))


def _look(rng, condition: str, session: int = 0) -> _Look:
    """Clothes for a condition; session 1 is winter, 2 spring, 0 any time of the year."""
    cold = {0: rng.random(), 1: rng.uniform(0.4, 1), 2: rng.uniform(0, 0.7)}[session]
    outfit = str(rng.choice(['trousers', 'shorts', 'skirt', 'dress', 'coat'],
                            p=np.array([0.60, 0.16 * (1 - cold), 0.09, 0.07, 0.26 * cold])
                            / (0.76 + 0.16 * (1 - cold) + 0.26 * cold)))
    hem = {'trousers': 2.0, 'shorts': rng.uniform(0.45, 1.0), 'skirt': rng.uniform(0.5, 1.5),
           'dress': rng.uniform(0.6, 1.6), 'coat': rng.uniform(0.4, 1.35)}[outfit]
    sleeve = 1.0 if outfit == 'coat' or rng.random() < 0.25 + 0.6 * cold else float(rng.choice([0.02, 0.3, 0.42, 0.75]))
    skin = _SKIN[int(rng.integers(len(_SKIN) - 1))]
    skin = _mix(skin, _SKIN[_SKIN.index(skin) + 1], rng.random())
    return _Look(
        skin=skin, hair=_shade(_HAIR[int(rng.integers(len(_HAIR)))], rng.uniform(0.7, 1.3)),
        hair_style=str(rng.choice(['short', 'short', 'crop', 'bald', 'long', 'bob', 'tail', 'bun', 'afro', 'cap',
                                   'hat', 'hood'])),
        top=_cloth(rng), bottom=_cloth(rng, 0.15, 0.4), shoes=_cloth(rng, 0.0), extra=_cloth(rng, 0.2),
        outfit=outfit, sleeve=sleeve, hem=hem,
        loose_top=rng.uniform(1.04, 1.16 + 0.2 * cold), loose_bottom=rng.uniform(1.04, 1.28),
        flare=rng.uniform(1.15, 2.1), waist=rng.uniform(-0.24, 0.10),
        backpack=condition == 'B', covers=condition == 'S')


class _Light(NamedTuple):
    direction: tuple     # towards the light: right, down, towards the camera; unit length
    ambient: float
    diffuse: float
    shadow: float        # darkness of the shadow on the ground
    cover: float         # share of the light that near limbs and trunk keep from the far limbs

    def on_far_side(self) -> '_Light':
        """What reaches the far arm and leg. Without it nothing but an edge tells which leg is the near one."""
        reach = 1 - self.cover
        return self._replace(ambient=reach * self.ambient, diffuse=reach * self.diffuse)


def _light(rng) -> _Light:
    toward = np.array([rng.uniform(-1, 1), rng.uniform(-1.0, -0.1), rng.uniform(0.25, 1.0)])
    toward /= np.linalg.norm(toward)
    ambient = rng.uniform(0.45, 0.75)
    return _Light(tuple(toward), ambient, rng.uniform(0.9, 1.15) - ambient + 0.1, rng.uniform(0.0, 0.6),
                  rng.uniform(0.1, 0.4))


class _Camera(NamedTuple):
    """Where a figure stands in the picture and how it is seen.

    `heading`: radians, 0 = walking to the right of the picture, pi = to the left, positive = away from the camera;
    `elevation`: radians that the camera looks down; `roll`: radians; `scale`: pixels a metre at the figure; `distance`:
    metres (perspective within the figure); `origin`: (y, x) pixels where the ground point below x = 0 lies.
    """

    heading: float
    elevation: float
    roll: float
    scale: float
    distance: float
    origin: tuple

    def project(self, points: np.ndarray) -> tuple:
        """Picture coordinates (N, 2), (y, x), and depths (N,), metres towards the camera, of points (N, 3)."""
        right_down_near = points @ _view(self.heading, self.elevation, self.roll)
        near = right_down_near[:, 2]
        grow = self.scale / (1 - near / self.distance)
        return right_down_near[:, 1::-1] * grow[:, None] + self.origin, near


@functools.lru_cache(maxsize=256)
def _view(heading: float, elevation: float, roll: float) -> np.ndarray:
    """Matrix (3, 3) whose columns are right, down and towards the camera for points forward, left, up."""
    cos_h, sin_h, cos_e, sin_e = math.cos(heading), math.sin(heading), math.cos(elevation), math.sin(elevation)
    across = np.array([cos_h, -sin_h, 0])
    down = -np.array([sin_h * sin_e, cos_h * sin_e, cos_e])
    near = np.array([-sin_h * cos_e, -cos_h * cos_e, sin_e])
    cos_r, sin_r = math.cos(roll), math.sin(roll)
    return np.stack([across * cos_r - down * sin_r, down * cos_r + across * sin_r, near], -1)


# ---------------------------------------------------------------------------------------------------------------------
# Drawing. A part is a chain of circles and what spans them, lit as if it were round. Each part writes its number where
# it covers: the map of these numbers tells which joint is hidden.

# Numbers of the parts in the map of owners; the right ones, the left ones are 10 more.
_ARM, _FOREARM, _HAND, _THIGH, _SHANK, _FOOT = range(1, 7)
_LEFT = 10
_TORSO, _NECK, _HEAD, _BAG, _SKIRT = range(30, 35)


@functools.cache
def _noise_tile(size: int = 512) -> np.ndarray:
    """Smooth periodic noise (size, size) float32, mean 0, deviation 1: creases, plaster, grass."""
    rng = _rng(77)
    tile = np.zeros((size, size), np.float32)
    for cell in (4, 8, 16, 32, 64):
        coarse = rng.standard_normal((size // cell, size // cell)).astype(np.float32)
        wide = np.pad(coarse, 4, mode='wrap')
        image = Image.fromarray(wide).resize((wide.shape[1] * cell, wide.shape[0] * cell), Image.Resampling.BICUBIC)
        tile += np.asarray(image)[4 * cell:-4 * cell, 4 * cell:-4 * cell] * cell ** 0.4
    return (tile - tile.mean()) / tile.std()


def _paint(canvas, owner, number, points, radii, cloth, light, unit, flat=False, ball=False):
    """Draw one part.

    Parameters
    ----------
    canvas : ndarray (3, H, W) float32
        Changed in place.
    owner : ndarray (H, W) uint8 or None
        Gets `number` where the part covers.
    points, radii : (K, 2) (y, x), (K,)
        Circles in pixels; the part is the hull of each two neighbours.
    cloth : _Cloth
    light : _Light
    unit : float
        Pixels of the figure's stature: the scale of patterns.
    flat : bool
        End straight at the last circle instead of round.
    ball : bool
        Lit as balls; else as tubes, whose ends show no edge where the next part goes on.
    """
    points, radii = np.asarray(points, np.float32), np.asarray(radii, np.float32)
    lower = np.maximum(np.floor((points - radii[:, None]).min(0)).astype(int) - 1, 0)
    upper = np.minimum(np.ceil((points + radii[:, None]).max(0)).astype(int) + 2, canvas.shape[1:])
    if (upper <= lower).any():
        return
    yy = np.arange(lower[0], upper[0], dtype=np.float32)[:, None]
    xx = np.arange(lower[1], upper[1], dtype=np.float32)[None]
    inside = None
    start = 0.0
    patterned = cloth.pattern != 'plain'
    for (ay, ax), (by, bx), ra, rb in zip(points[:-1].tolist(), points[1:].tolist(), radii[:-1].tolist(),
                                          radii[1:].tolist(), strict=True):
        dy, dx = by - ay, bx - ax
        length = math.hypot(dy, dx) + 1e-3
        py, px = yy - ay, xx - ax
        along = (py * dy + px * dx) / length ** 2
        t = np.minimum(np.maximum(along, 0), 1)
        wy, wx = py - t * dy, px - t * dx
        radius = ra + t * (rb - ra)
        depth = radius - np.sqrt(wy * wy + wx * wx)
        if flat:
            depth = np.minimum(depth, (1 - along) * length)
        if not ball:
            wy, wx = py - along * dy, px - along * dx
        wy, wx = wy / radius, wx / radius
        if inside is None:
            inside, ny, nx, at = depth, wy, wx, t * length
        else:
            better = depth > inside
            inside = np.where(better, depth, inside)
            ny, nx = np.where(better, wy, ny), np.where(better, wx, nx)
            at = np.where(better, start + t * length, at) if patterned else at
        start += length
    alpha = np.minimum(np.maximum(inside + 0.5, 0), 1)
    lx, ly, lz = light.direction
    facing = nx * lx + ny * ly + np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0)) * lz
    tone = light.ambient + light.diffuse * np.maximum(facing, 0)
    if cloth.folds or cloth.pattern == 'blotches':  # creases that travel with the part
        rows, columns = (np.arange(alpha.shape[axis]) + lower[axis] - int(points[0, axis]) + 137 * number
                         for axis in (0, 1))
        creases = _noise_tile()[np.ix_(rows % 512, columns % 512)]
    if cloth.folds:
        tone = tone * (1 + cloth.folds * creases)
    colour = np.array(cloth.colour, np.float32)[:, None, None]
    if not patterned:
        paint = colour * tone
    else:
        period = max(cloth.period * unit, 3.0)
        if cloth.pattern == 'blotches':
            other = creases > 0.4
        else:
            side = np.hypot(nx, ny) * np.sign(nx + 1e-6) * radii.mean()
            hoops, stripes = at % period > period / 2, side % (0.7 * period) > 0.35 * period
            other = {'hoops': hoops, 'stripes': stripes, 'checks': hoops ^ stripes}[cloth.pattern]
        paint = np.where(other, np.array(cloth.second, np.float32)[:, None, None], colour) * tone
    window = canvas[:, lower[0]:upper[0], lower[1]:upper[1]]
    paint -= window
    paint *= alpha
    window += paint
    if owner is not None:
        owner[lower[0]:upper[0], lower[1]:upper[1]][alpha > 0.5] = number


def _draw_figure(canvas, owner, walker: Walker, pose: Pose, frame: int, look: _Look, light: _Light, camera: _Camera):
    """Draw frame `frame` of `pose`; returns joints (16, 2) in pixels (y, x) and which of them (16,) bool lie
    behind the middle of the pelvis, seen from the camera."""
    tall = walker.stature
    joints = pose.joints[frame]
    extras = {name: at[frame] for name, at in pose.extras.items()}
    axes = {name: at[frame] for name, at in pose.axes.items()}
    unit = camera.scale * tall
    flat, depths = camera.project(joints)
    widen = abs(math.sin(camera.heading))  # share of a part's width that is seen, the rest is its depth
    narrow = abs(math.cos(camera.heading))

    def at(*points):
        return camera.project(np.array(points))[0]

    def paint(number, points, widths, cloth, straight=False):
        on_far_side = number < _TORSO and (number > _LEFT) == right_near
        _paint(canvas, owner, number, points, np.maximum(np.array(widths) * unit, 0.6), cloth,
               light.on_far_side() if on_far_side else light, unit, straight,
               number in (_HEAD, _BAG, _HAND, _HAND + _LEFT, _FOOT, _FOOT + _LEFT))

    def across(depth, width):
        """Half-width in the picture of an ellipse with these half-axes (fractions of the stature)."""
        return math.hypot(depth * walker.trunk_depth * narrow, width * walker.trunk_width * widen)

    skin = _Cloth(look.skin, look.skin, folds=0.02)
    hair = _Cloth(look.hair, look.hair, folds=0.22)
    sole = _Cloth(_shade(look.shoes.second, 0.6), look.shoes.second, folds=0.0)
    legs = look.outfit in ('trousers', 'coat')  # the whole leg in cloth
    right_near = math.cos(camera.heading) > 0
    sides = ('left', 'right') if right_near else ('right', 'left')  # far side first

    def arm(side):
        add = 0 if side == 'right' else _LEFT
        wrist, elbow, shoulder = joints[[10, 11, 12]] if side == 'right' else joints[[15, 14, 13]]
        girth, loose = walker.arm_girth, look.loose_top
        paint(add + _HAND, at(wrist, extras[f'{side} knuckle'], extras[f'{side} fingertip']),
              np.array([0.015, 0.019, 0.011]) * girth, skin)
        widths = np.array([0.031, 0.029, 0.023, 0.024, 0.015]) * girth
        middle, low = shoulder + 0.5 * (elbow - shoulder), elbow + 0.3 * (wrist - elbow)
        if look.sleeve < 1:  # skin that cloth covers is not drawn
            paint(add + _FOREARM, at(elbow, low, wrist), widths[2:], skin)
        if look.sleeve < 0.5:
            paint(add + _ARM, at(shoulder, middle, elbow), widths[:3], skin)
        if look.sleeve > 0.5:
            share = (look.sleeve - 0.5) * 2
            end = elbow + share * (wrist - elbow)
            paint(add + _FOREARM, at(elbow, low if share > 0.35 else 0.5 * (elbow + end), end),
                  np.array([widths[2], widths[3], max(widths[4], 0.024 - 0.009 * share)]) * loose, look.top, True)
        share = min(look.sleeve * 2, 1)
        end = shoulder + share * (elbow - shoulder)
        paint(add + _ARM, at(shoulder, 0.5 * (shoulder + end), end), np.array([0.033, 0.031, 0.025]) * girth * loose,
              look.top, share < 1)

    def leg(side):
        add = 0 if side == 'right' else _LEFT
        ankle, knee, hip = joints[[0, 1, 2]] if side == 'right' else joints[[5, 4, 3]]
        girth = walker.leg_girth
        heel, ball, toe = (extras[f'{side} {part}'] for part in ('heel', 'ball', 'toe'))
        up = (ankle - 0.5 * (heel + ball)) / walker.foot_height * 0.9
        calf = knee + 0.30 * (ankle - knee) - 0.007 * tall * axes['pelvis'][0]
        if not legs:
            paint(add + _SHANK, at(knee, calf, ankle), np.array([0.033, 0.036, 0.019]) * girth, skin)
        bulk = 1.35 if look.covers else 1.0
        paint(add + _FOOT, at(heel + 0.2 * up * 0.03, ball + 0.2 * up * 0.02, toe + 0.2 * up * 0.02),
              np.array([0.016, 0.015, 0.010]), sole)
        shoe = look.extra if look.covers else look.shoes
        paint(add + _FOOT, at(ankle, heel + 0.021 * up, ball + 0.018 * up, toe + 0.014 * up),
              np.array([0.023, 0.021, 0.018, 0.012]) * bulk, shoe)
        paint(add + _FOOT, at(ankle - 0.004 * up, 0.45 * ankle + 0.55 * ball + 0.012 * up),
              np.array([0.024, 0.020]) * bulk, shoe)
        if not legs:
            paint(add + _THIGH, at(hip, 0.55 * hip + 0.45 * knee, knee), np.array([0.054, 0.049, 0.034]) * girth, skin)
        else:
            loose = look.loose_bottom
            hem = knee + 0.97 * (ankle - knee)
            paint(add + _SHANK, at(knee, calf, hem),
                  np.array([0.036, 0.037, 0.020 * look.flare]) * girth * loose, look.bottom, True)
            paint(add + _THIGH, at(hip, 0.55 * hip + 0.45 * knee, knee),
                  np.array([0.056, 0.051, 0.036]) * girth * loose, look.bottom)
        if look.outfit == 'shorts':
            end = hip + look.hem * (knee - hip)
            paint(add + _THIGH, at(hip, 0.5 * (hip + end), end), np.array([0.056, 0.053, 0.046]) * girth
                  * look.loose_bottom, look.bottom, True)
        if look.covers:
            paint(add + _FOOT, at(ankle + 0.25 * (knee - ankle), ankle + 0.05 * (knee - ankle), ankle - 0.01 * up),
                  np.array([0.031, 0.030, 0.032]) * girth, look.extra)

    def skirt(cloth, loose, share):
        """Cloth around both legs from the waist to the hem, as wide as the legs stand apart there."""
        ends = []
        for ankle, knee, hip in (joints[[0, 1, 2]], joints[[5, 4, 3]]):
            ends.append(hip + min(share, 1) * (knee - hip) + max(share - 1, 0) * 0.6 * (ankle - knee))
        ends = at(*ends)
        hips = at(joints[6])[0]
        spread = 0.5 * abs(ends[0, 1] - ends[1, 1]) / unit
        low = np.array([ends[:, 0].max(), ends[:, 1].mean()])
        wide = max(spread + 0.045 * walker.leg_girth, across(0.072, 0.098)) * loose
        paint(_SKIRT, np.array([hips, hips + 0.3 * (low - hips), low]),
              [across(0.068, 0.096) * loose, across(0.076, 0.102) * loose, wide], cloth, True)

    pelvis, thorax = joints[6], joints[7]
    forward, upward = axes['thorax'][0], axes['thorax'][2]
    lower = look.top if look.outfit in ('dress', 'coat') else look.bottom

    def seat():
        hips = pelvis - 0.010 * tall * axes['pelvis'][0] + 0.01 * tall * upward
        paint(_TORSO, at(pelvis + 0.3 * (thorax - pelvis), hips, hips - 0.03 * tall * upward),
              np.array([across(0.058, 0.076), across(0.066, 0.092), across(0.060, 0.086)])
              * min(look.loose_bottom, 1.12), lower)

    def trunk():
        bust = thorax - 0.30 * (thorax - pelvis) + 0.012 * tall * forward
        waist = pelvis + 0.38 * (thorax - pelvis) + 0.006 * tall * forward
        yoke = thorax - 0.045 * tall * upward - 0.004 * tall * forward
        widths = np.array([across(0.048, 0.090), across(0.066, 0.088), across(0.060, 0.076)])
        points = at(yoke, bust, waist)
        if look.outfit in ('skirt', 'dress', 'coat'):
            skirt(lower, 0.5 + 0.5 * look.loose_bottom, look.hem)
        end = look.waist if lower is look.bottom else 0.0
        edge = pelvis + end * (thorax - pelvis) - 0.008 * tall * axes['pelvis'][0]
        paint(_TORSO, np.concatenate([points, at(edge)]),
              np.r_[widths, across(0.070, 0.094)] * look.loose_top, look.top, True)

    def head():
        chin, top = joints[8], joints[9]
        facing, left, up = axes['head']
        high = walker.head * tall
        rise = (top - chin) / high

        def place(ahead, above, aside=0.0):
            return chin + (ahead * facing + above * rise + aside * left) * high

        paint(_NECK, at(thorax - 0.01 * tall * upward, chin), [0.033, 0.029], skin)
        tight = 0.30 + 0.06 * narrow
        paint(_HEAD, at(place(-0.04, 0.56), place(0.08, 0.30), place(0.14, 0.16)),
              np.array([0.44, tight, 0.17]) * walker.head, skin)
        paint(_HEAD, at(place(0.36, 0.50), place(0.46, 0.36)), np.array([0.05, 0.065]) * walker.head, skin)  # nose
        near = -1 if right_near else 1
        dark = _Cloth(_shade(look.skin, 0.25), look.skin, folds=0.0)
        for aside in (near * 0.24, -near * 0.24):  # eyes; the far one only when the face turns to the camera
            if aside * near > 0 or math.sin(camera.heading) < -0.2:
                paint(_HEAD, at(place(0.33, 0.53, aside), place(0.37, 0.53, aside)), [0.0045, 0.004], dark)
        paint(_HEAD, at(place(0.33, 0.20, near * 0.1), place(0.24, 0.20, near * 0.16)), [0.003, 0.003],
              _Cloth(_mix(look.skin, (120, 40, 40), 0.6), look.skin, folds=0.0))
        style = look.hair_style
        if style in ('hood', 'hat', 'cap'):
            cloth = look.top if style == 'hood' else look.extra
        else:
            cloth = hair
        paint(_HEAD, at(place(-0.06, 0.45, near * 0.3), place(-0.04, 0.36, near * 0.3)),
              np.array([0.07, 0.05]) * walker.head, _Cloth(_shade(look.skin, 0.85), look.skin, folds=0.0))  # ear
        if style == 'bald':
            return
        if style == 'crop':
            paint(_HEAD, at(place(0.0, 0.66), place(-0.16, 0.56)), np.array([0.37, 0.34]) * walker.head, cloth)
        else:
            paint(_HEAD, at(place(0.10, 0.78), place(-0.12, 0.66), place(-0.26, 0.42)),
                  np.array([0.27, 0.36, 0.23]) * walker.head, cloth)
        if style == 'long':
            paint(_HEAD, at(place(-0.20, 0.6), place(-0.30, 0.1), place(-0.34, -0.5)),
                  np.array([0.30, 0.25, 0.18]) * walker.head, cloth)
        elif style == 'bob':
            paint(_HEAD, at(place(-0.12, 0.6), place(-0.14, 0.1)), np.array([0.36, 0.28]) * walker.head, cloth)
        elif style == 'tail':
            paint(_HEAD, at(place(-0.45, 0.70), place(-0.62, 0.45), place(-0.60, 0.0)),
                  np.array([0.10, 0.13, 0.06]) * walker.head, cloth)
        elif style == 'bun':
            paint(_HEAD, at(place(-0.46, 0.76), place(-0.52, 0.80)), np.array([0.17, 0.17]) * walker.head, cloth)
        elif style == 'afro':
            paint(_HEAD, at(place(-0.02, 0.78), place(-0.20, 0.62)), np.array([0.40, 0.46]) * walker.head, cloth)
        elif style == 'cap':
            paint(_HEAD, at(place(0.10, 0.76), place(0.62, 0.70)), np.array([0.22, 0.035]) * walker.head, cloth, True)
        elif style == 'hat':
            paint(_HEAD, at(place(-0.55, 0.72), place(0.55, 0.76)), np.array([0.05, 0.05]) * walker.head, cloth)
            paint(_HEAD, at(place(0.0, 0.80), place(0.0, 0.98)), np.array([0.42, 0.34]) * walker.head, cloth)
        elif style == 'hood':
            paint(_HEAD, at(place(-0.10, 0.66), place(-0.20, 0.30), place(-0.16, -0.02)),
                  np.array([0.47, 0.36, 0.34]) * walker.head, cloth)

    def bag():
        back = -forward * tall
        depth = 0.035 + 0.04 * look.hem / 2
        upper, lower = thorax - 0.085 * tall * upward, pelvis + 0.28 * (thorax - pelvis)
        points = at(upper + back * (0.055 + depth), lower + back * (0.065 + depth))
        paint(_BAG, points, [across(depth, 0.075), across(depth + 0.012, 0.085)], look.extra)

    def strap():
        near = -1 if right_near else 1
        side = near * 0.6 * walker.shoulder_width * tall * axes['thorax'][1]
        thickness = _Cloth(_shade(look.extra.colour, 0.7), look.extra.second, folds=0.05)
        chest = thorax - 0.10 * tall * upward + side
        # A strap lies on the body like cloth: it hides no joint.
        paint(_TORSO, at(thorax - 0.07 * tall * forward - 0.03 * tall * upward + 0.7 * side,
                       thorax + 0.030 * tall * forward + 0.005 * tall * upward + 0.6 * side,
                       chest + 0.035 * tall * forward,
                       thorax - 0.19 * tall * upward + side), [0.010] * 4, thickness)

    bag_behind = math.sin(camera.heading) < 0  # seen from the front
    arm(sides[0])
    leg(sides[0])
    seat()
    leg(sides[1])
    if look.backpack and bag_behind:
        bag()
    trunk()
    if look.backpack and not bag_behind:
        bag()
    head()
    if look.backpack:
        strap()
    arm(sides[1])
    return flat, depths - depths[6] < -0.012 * tall


# What may lie over a joint without hiding it, by joint: the flesh and cloth of its own limb.
_OWN = {}
for _add, _joints in ((0, (0, 1, 2, 10, 11, 12)), (_LEFT, (5, 4, 3, 15, 14, 13))):
    _parts = ((_FOOT, _SHANK), (_THIGH, _SHANK), (_THIGH, _SHANK), (_HAND, _FOREARM, _ARM), (_FOREARM, _ARM), (_ARM,))
    _OWN |= {_joint: {_part + _add for _part in _own} for _joint, _own in zip(_joints, _parts, strict=True)}
_OWN |= {6: {_TORSO, _SKIRT}, 7: {_TORSO, _NECK, _HEAD}, 8: {_NECK, _HEAD, _TORSO}, 9: {_HEAD}}
_TRUNK_JOINTS = {2: {_TORSO, _SKIRT}, 3: {_TORSO, _SKIRT}, 12: {_TORSO}, 13: {_TORSO}}  # on the near side, too


def _visible(owner: np.ndarray, joints: np.ndarray, far: np.ndarray) -> tuple:
    """(visible, inside), each (16,) bool, from the map of owners and the joints in pixels."""
    height, width = owner.shape
    inside = ((joints >= -0.5) & (joints < np.array([height, width]) - 0.5)).all(1)
    visible = inside.copy()
    for joint in np.flatnonzero(inside):
        top = int(owner[tuple(np.round(joints[joint]).astype(int))])
        own = _OWN[joint] if far[joint] else _OWN[joint] | _TRUNK_JOINTS.get(joint, set())
        visible[joint] = top == 0 or top in own
    return visible, inside


def _shadow(canvas, place, unit, light):
    """Darken the ground around `place` (y, x) pixels."""
    wide, deep = 0.28 * unit, 0.035 * unit
    centre = np.array(place) + (0.3 * deep, -0.35 * wide * light.direction[0])
    lower = np.maximum((centre - (3 * deep, 2 * wide)).astype(int), 0)
    upper = np.minimum((centre + (3 * deep, 2 * wide)).astype(int), canvas.shape[1:])
    if (upper <= lower).any():
        return
    yy = (np.arange(lower[0], upper[0], dtype=np.float32)[:, None] - centre[0]) / deep
    xx = (np.arange(lower[1], upper[1], dtype=np.float32)[None] - centre[1]) / wide
    canvas[:, lower[0]:upper[0], lower[1]:upper[1]] *= 1 - light.shadow * np.exp(-yy * yy) * np.exp(-2 * xx * xx)


def _gradient(height: int, first, last) -> np.ndarray:
    """Colours (height, 1, 3) float32 from `first` to `last`."""
    share = np.linspace(0, 1, max(height, 1), dtype=np.float32)[:, None, None]
    return np.asarray(first, np.float32) * (1 - share) + np.asarray(last, np.float32) * share


def _noise_field(rng, height: int, width: int, zoom: float) -> np.ndarray:
    """A window (height, width) float32 of the noise tile, enlarged `zoom` times."""
    if not height:
        return np.zeros((0, width), np.float32)
    rows, columns = ((rng.integers(512) + np.arange(int(edge / zoom) + 2)) % 512 for edge in (height, width))
    window = _noise_tile()[np.ix_(rows, columns)]
    return np.asarray(Image.fromarray(window).resize((width, height), Image.Resampling.BILINEAR))


def _background(rng, height: int, width: int, ground: float, unit: float) -> np.ndarray:
    """A still scene (3, height, width) float32 with a wall or sky, a floor on which feet at row `ground` stand, and
    clutter in the size of a figure `unit` pixels tall."""
    horizon = int(np.clip(ground - unit * rng.uniform(-0.02, 0.45), 0, height))
    sky, wall, floor = (_colour(rng, (40, 250), rng.choice([0.2, 0.4, 0.8])) for _ in range(3))
    full = height, width
    if rng.random() < 0.6:  # out of focus: drawn small, then enlarged
        shrink = rng.uniform(1.3, 4)
        height, width, horizon = (max(round(edge / shrink), 1) for edge in (height, width, horizon))
        unit /= shrink
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:horizon] = _gradient(horizon, sky, wall if rng.random() < 0.6 else sky)[:horizon]
    canvas[horizon:] = _gradient(height - horizon, floor, _shade(floor, rng.uniform(0.6, 1.4)))[:height - horizon]
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)

    def ink(share=0.5):
        return tuple(int(c) for c in _mix(_colour(rng, saturation=1.0), wall, share * rng.random()))

    kind = rng.choice(['plain', 'stripes', 'bricks', 'windows', 'trees', 'blocks', 'tiles'])
    step = unit * rng.uniform(0.06, 0.4)
    if kind == 'stripes':
        colour, slope = ink(0.9), rng.uniform(-1, 1) * unit * rng.integers(0, 2)
        for x in np.arange(-abs(slope), width + abs(slope), max(step, 6)):
            draw.line([(x, 0), (x + slope, horizon)], colour, max(int(step * rng.uniform(0.2, 0.5)), 1))
    elif kind in ('bricks', 'tiles'):
        colour, (low, long) = ink(0.9), (step * 0.5, step)
        for row, y in enumerate(np.arange(0, horizon, max(low, 5))):
            draw.line([(0, y), (width, y)], colour, 1)
            for x in np.arange(0, width, max(long, 8)) + (row % 2 * long / 2 if kind == 'bricks' else 0):
                draw.line([(x, y), (x, y + low)], colour, 1)
    elif kind == 'windows':
        frame, glass = ink(), ink()
        for x in np.arange(rng.uniform(-0.3, 0) * unit, width, 0.3 * unit + step):
            y = horizon - unit * rng.uniform(0.5, 0.9)
            draw.rectangle([x, y, x + 0.28 * unit, y + 0.42 * unit], glass, frame, 2)
    elif kind == 'trees':
        for x in np.arange(0, width, max(step * 2, 12)):
            x = x + rng.uniform(-step, step)
            leaf = tuple(int(c) for c in _mix((30, 60, 20), (140, 160, 70), rng.random()))
            top, wide = horizon - unit * rng.uniform(0.4, 1.3), unit * rng.uniform(0.08, 0.25)
            draw.rectangle([x - unit * 0.02, top, x + unit * 0.02, horizon], (70, 52, 40))
            for _ in range(4):
                dx, dy = rng.uniform(-wide, wide, 2)
                draw.ellipse([x + dx - wide, top + dy - wide, x + dx + wide, top + dy + wide], leaf)
    elif kind == 'blocks':
        x = rng.uniform(-1, 0) * unit
        while x < width:
            wide = unit * rng.uniform(0.15, 0.7)
            draw.rectangle([x, horizon - unit * rng.uniform(0.1, 1.4), x + wide, horizon], ink())
            x += wide + unit * rng.uniform(0, 0.3)
    per_frame = width / max(1.4 * unit, 1)  # so that a wide scene is as cluttered as a crop
    for _ in range(rng.poisson(rng.choice([0, 2, 6]) * per_frame)):
        x, y = rng.uniform(-0.1, 1.1) * width, rng.uniform(0, 1.1) * height
        wide, high = unit * rng.uniform(0.03, 0.35, 2)
        shape = rng.integers(4)
        if shape == 0:
            draw.rectangle([x, y, x + wide, y + high], ink())
        elif shape == 1:
            draw.ellipse([x, y, x + wide, y + high], ink())
        elif shape == 2:
            draw.line([(x, y), (x + rng.uniform(-1, 1) * unit, y + rng.uniform(-1, 1) * unit)], ink(),
                      int(rng.integers(1, 2 + int(0.05 * unit))))
        else:
            corners = np.stack([x, y]) + rng.uniform(-1, 1, (5, 2)) * (wide, high)
            draw.polygon([tuple(corner) for corner in corners], ink())
    rough = rng.uniform(0, 0.16) * rng.random() * _noise_field(rng, *full, rng.uniform(0.5, 4))
    rough[round(horizon * full[0] / height):] *= rng.uniform(0.5, 2)
    return _planes(image.resize(full[::-1], Image.Resampling.BILINEAR)) * (1 + rough)


def _planes(image: Image.Image) -> np.ndarray:
    """(3, H, W) float32: whole planes are what NumPy is quick with."""
    return np.stack([np.asarray(band) for band in image.split()]).astype(np.float32)


def _image(planes: np.ndarray) -> Image.Image:
    """The picture of planes (3, H, W), clipped to 0 ... 255."""
    planes = np.minimum(np.maximum(planes, 0), 255).astype(np.uint8)
    return Image.merge('RGB', [Image.fromarray(plane) for plane in planes])


class _Finish(NamedTuple):
    """What camera and file do to the picture."""

    gain: tuple
    contrast: float
    lift: float
    gamma: float
    blur: float
    detail: float        # share of the pixels that the picture was taken with
    noise: float
    quality: int         # of the JPEG file, 0 = none


def _finish_style(rng) -> _Finish:
    cast = 1 + 0.12 * rng.uniform(-1, 1, 3) * rng.random()
    return _Finish(tuple(cast * rng.uniform(0.75, 1.15)), rng.uniform(0.75, 1.15), rng.uniform(-15, 25),
                   rng.uniform(0.8, 1.25), rng.uniform(0, 1.1) * (rng.random() < 0.6),
                   rng.uniform(0.45, 1) if rng.random() < 0.3 else 1.0,
                   rng.uniform(0, 11) * (rng.random() < 0.7), int(rng.integers(30, 96)) if rng.random() < 0.75 else 0)


def _finished(canvas: np.ndarray, style: _Finish, rng) -> np.ndarray:
    """uint8 (H, W, 3) of a canvas (3, H, W)."""
    image = _image(canvas)
    levels = (np.arange(256) - 128) * (style.contrast * np.array(style.gain)[:, None]) + (128 + style.lift)
    levels = 255 * (np.clip(levels, 0, 255) / 255) ** style.gamma
    image = image.point(levels.astype(np.uint8).ravel().tolist())
    if style.detail < 1:
        small = [max(round(edge * style.detail), 8) for edge in image.size]
        image = image.resize(small, Image.Resampling.BILINEAR).resize(image.size, Image.Resampling.BICUBIC)
    if style.blur > 0.2:
        image = image.filter(ImageFilter.BoxBlur(style.blur))
    if style.noise:
        image = _image(_planes(image) + rng.standard_normal(canvas.shape[1:], np.float32) * np.float32(style.noise))
    if style.quality:
        file = io.BytesIO()
        image.save(file, 'JPEG', quality=style.quality)
        image = Image.open(file).convert('RGB')
    return np.array(image)


# ---------------------------------------------------------------------------------------------------------------------
# Pictures.

class Picture(NamedTuple):
    """One picture of a walker.

    Attributes
    ----------
    image : ndarray (H, W, 3) uint8, RGB
    joints : ndarray (16, 2) float32
        (y, x) in pixels of the picture, in the order of `JOINT_NAMES`. The centre of the pixel in row r and column c
        is (r, c): whole numbers are pixel centres. Exact also where hidden or outside.
    visible : ndarray (16,) bool
        Inside the picture and not behind another part of the figure, its clothes or its bag; the flesh and the
        sleeve or trouser of the joint's own limb do not hide it.
    inside : ndarray (16,) bool
        Inside the picture.
    present : ndarray (16,) bool
        Always true: every joint is known.
    box : ndarray (4,) float32
        The drawn figure's top, left, bottom, right in pixels (of what lies inside the picture; NaN when nothing does).
    """

    image: np.ndarray
    joints: np.ndarray
    visible: np.ndarray
    inside: np.ndarray
    present: np.ndarray
    box: np.ndarray


def _box(owner: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(owner.any(1)), np.flatnonzero(owner.any(0))
    if not len(rows):
        return np.full(4, np.nan, np.float32)
    return np.array([rows[0], columns[0], rows[-1], columns[-1]], np.float32)


def _render(canvas, walker, pose, frame, look, light, camera) -> Picture:
    """Shadow and figure on `canvas` (changed in place); the picture's image is the canvas, not yet finished."""
    owner = np.zeros(canvas.shape[1:], np.uint8)
    feet = pose.joints[frame, [0, 5]].mean(0) * (1, 1, 0)
    _shadow(canvas, camera.project(feet[None])[0][0], camera.scale * walker.stature, light)
    joints, far = _draw_figure(canvas, owner, walker, pose, frame, look, light, camera)
    visible, inside = _visible(owner, joints, far)
    return Picture(canvas, joints.astype(np.float32), visible, inside, np.ones(16, bool), _box(owner))


def _heading(leftwards: bool, yaw: float) -> float:
    return math.pi * leftwards + math.radians(yaw)


def _check_size(size: int):
    if int(size) != size or size < 64:
        raise ValueError(f'size: expected a whole number of pixels, at least 64, got {size}')


def _check_condition(condition: str):
    if condition not in CONDITIONS:
        raise ValueError(f'condition: expected one of {CONDITIONS} (normal, backpack, shoe covers), got {condition!r}')


def picture(seed: int, size: int = 299, condition: str | None = None, leftwards: bool | None = None,
            cover: float | None = None) -> Picture:
    """One random walker at a random instant, for training a pose network.

    Identity, instant, view (both directions, up to 30 degrees off the profile), clothes, background, light, scale
    (figure 0.5 to 0.95 of the height, mostly 0.6 to 0.8), offset and finish are all drawn from `seed`; the identity
    comes from a stream of its own, which no person of `sequence` shares. Some pictures cut the figure at the border.

    Parameters
    ----------
    seed : int
        Non-negative. The same seed gives the same picture.
    size : int
        Edge in pixels.
    condition : str, optional
        'N', 'B' or 'S'; drawn when not given.
    leftwards : bool, optional
        The direction; drawn when not given.
    cover : float, optional
        Share of the light that does not reach the far arm and leg; drawn, 0.1 to 0.4, when not given.

    Returns
    -------
    Picture
    """
    if int(seed) != seed or seed < 0:
        raise ValueError(f'seed: expected a non-negative integer, got {seed}')
    if cover is not None and not 0 <= cover <= 1:
        raise ValueError(f'cover: expected a share, 0 to 1, got {cover}')
    _check_size(size)
    if condition is not None:
        _check_condition(condition)
    rng = _rng(_PICTURE, seed)
    drawn = str(rng.choice(CONDITIONS, p=(0.76, 0.14, 0.10)))
    condition = condition or drawn
    walker = Walker.from_seed(_PICTURE, seed).under(condition, rng)
    look, light, style = _look(rng, condition), _light(rng), _finish_style(rng)
    light = light if cover is None else light._replace(cover=cover)
    pose = walker.pose(rng.random(1), rng.standard_normal((1, 8)), travel=False)
    part = float(np.clip(rng.normal(0.70, 0.09), 0.5, 0.95))
    centre = size * (0.5 + np.clip(rng.normal(0, 0.02, 2), -0.05, 0.05))
    if rng.random() < 0.12:  # often cut by the border
        centre += size * rng.uniform(0.1, 0.3, 2) * rng.choice([-1, 1], 2) * [(1, 0), (0, 1)][rng.integers(2)]
    drawn = rng.random() < 0.5
    camera = _Camera(_heading(drawn if leftwards is None else leftwards, rng.uniform(-MAX_YAW, MAX_YAW)),
                     math.radians(rng.uniform(-2, 8)), math.radians(np.clip(rng.normal(0, 1.5), -4, 4)),
                     1.0, rng.uniform(3, 15), (0, 0))
    camera = _framed(camera, pose, part * size, centre)
    ground = camera.project(np.zeros((1, 3)))[0][0, 0]
    canvas = _background(rng, size, size, ground, part * size)
    if rng.random() < 0.15:
        _passer_by(rng, canvas, part * size, ground)
    found = _render(canvas, walker, pose, 0, look, light, camera)
    return found._replace(image=_finished(canvas, style, rng))


def _framed(camera: _Camera, pose: Pose, height: float, centre) -> _Camera:
    """The camera that shows frame 0 of `pose` `height` pixels tall with the middle of its outline at `centre`."""
    ends = np.concatenate([pose.joints[0], [at[0] for at in pose.extras.values()]])
    places = camera.project(ends)[0]
    scale = height / np.ptp(places[:, 0])
    places = camera._replace(scale=scale).project(ends)[0]
    middle = (places.max(0) + places.min(0)) / 2
    return camera._replace(scale=scale, origin=tuple(np.asarray(centre) - middle))


def _passer_by(rng, canvas, unit: float, ground: float):
    """A second figure in the background: smaller and off the middle, or cut by the border."""
    walker = Walker.from_seed(_PICTURE, int(rng.integers(2 ** 31)), 1)
    pose = walker.pose(rng.random(1), travel=False)
    size = canvas.shape[2]
    tall = unit * rng.uniform(0.35, 0.85)
    x = size * (0.5 + rng.choice([-1, 1]) * rng.uniform(0.24, 0.52))
    y = ground - unit * rng.uniform(0.02, 0.12) - tall / 2
    camera = _Camera(_heading(rng.random() < 0.5, rng.uniform(-90, 90)), 0.03, 0.0, 1.0, 10.0, (0, 0))
    camera = _framed(camera, pose, tall, (y, x))
    _draw_figure(canvas, None, walker, pose, 0, _look(rng, 'N'), _light(rng), camera)


# ---------------------------------------------------------------------------------------------------------------------
# Walks and scenes.

FPS = 25.0


class Sequence(NamedTuple):
    """One walk: the fields of `Picture` for T frames, stacked along a first axis, and who walked how.

    Attributes
    ----------
    images : ndarray (T, size, size, 3) uint8, RGB
    joints : ndarray (T, 16, 2) float32, (y, x) in pixels
    visible, inside, present : ndarray (T, 16) bool
    boxes : ndarray (T, 4) float32, top, left, bottom, right in pixels
    person, index : int
    condition : str
    session : int
    fps : float
    """

    images: np.ndarray
    joints: np.ndarray
    visible: np.ndarray
    inside: np.ndarray
    present: np.ndarray
    boxes: np.ndarray
    person: int
    index: int
    condition: str
    session: int
    fps: float


def _check_walk(person, index, condition, session, frames, fps):
    _check_condition(condition)
    for name, value in (('person', person), ('index', index)):
        if int(value) != value or value < 0:
            raise ValueError(f'{name}: expected a non-negative integer, got {value}')
    if session not in (1, 2):
        raise ValueError(f'session: expected 1 or 2 (three months later), got {session}')
    if frames is not None and (int(frames) != frames or frames < 1):
        raise ValueError(f'frames: expected a whole number of at least 1, got {frames}')
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f'fps: expected a positive number of frames a second, got {fps}')


def gait_of(person: int, index: int = 0, condition: str = 'N', session: int = 1) -> Walker:
    """How `person` walks in walk `index`: the identity `Walker.from_seed(person)`, under the condition, drifted by
    `SESSION_SHARE` in session 2 and by `WALK_SHARE` from walk to walk."""
    _check_walk(person, index, condition, session, None, FPS)
    kind = CONDITIONS.index(condition)
    walker = Walker.from_seed(person).under(condition, _rng(_CONDITION, person, kind))
    if session == 2:
        walker = walker.varied(_rng(_SESSION, person), SESSION_SHARE)
    return walker.varied(_rng(_WALK, person, index, kind, session, 0), WALK_SHARE)


def _stroll(walker: Walker, rng, frames: int, fps: float) -> tuple:
    """Phases (frames,) of a walk that starts anywhere in a stride, its wobble (frames, 8), and its pose."""
    rate = walker.cadence / 120 / fps
    strides = rng.standard_normal((int(frames * rate * 1.2) + 3, 9))
    at = np.arange(frames) * rate
    share = at % 1
    share = (share * share * (3 - 2 * share))[:, None]
    wobble = strides[at.astype(int)] * (1 - share) + strides[at.astype(int) + 1] * share
    phase = rng.random() + np.cumsum(rate * (1 + STRIDE_CV * wobble[:, 8]))
    return phase, walker.pose(phase, wobble[:, :8])


def _smooth_noise(rng, count: int, step: float) -> np.ndarray:
    """(count,) random curve of deviation about 1 with a new value every `step` frames."""
    knots = rng.standard_normal(int(count / step) + 3)
    return np.interp(np.arange(count) / step, np.arange(len(knots)), knots)


def _standing(pose: Pose, x: np.ndarray) -> Pose:
    """`pose` with each frame moved back by its `x` (T,)."""
    back = np.zeros((len(x), 3))
    back[:, 0] = x
    return Pose(pose.joints - back[:, None], {name: at - back for name, at in pose.extras.items()}, pose.axes)


def iter_frames(person: int, index: int, condition: str = 'N', session: int = 1, frames: int = 64, fps: float = FPS,
                size: int = 299) -> Iterator[Picture]:
    """The frames of `sequence` one by one, so that memory does not grow with the walk."""
    _check_walk(person, index, condition, session, frames, fps)
    _check_size(size)
    return _follow(person, index, condition, session, int(frames), float(fps), int(size))


def _follow(person, index, condition, session, frames, fps, size):
    words = person, index, CONDITIONS.index(condition), session
    walker = gait_of(person, index, condition, session)
    phase, pose = _stroll(walker, _rng(_WALK, *words, 1), frames, fps)
    rng = _rng(_WALK, *words, 2)
    look, light, style = _look(rng, condition, session), _light(rng), _finish_style(rng)
    yaw = rng.uniform(-MAX_YAW, MAX_YAW)
    leftwards = rng.random() < 0.5
    unit = size * rng.uniform(0.62, 0.78)
    camera = _Camera(_heading(leftwards, yaw), math.radians(rng.uniform(-1, 6)), math.radians(rng.uniform(-1.5, 1.5)),
                     unit / walker.stature, rng.uniform(4, 15), (0, 0))
    travel = walker.stride_length * (phase - phase[0])
    pose = _standing(pose, walker.stride_length * phase)
    path = travel * math.cos(camera.heading) * camera.scale  # of the figure through the still scene, pixels
    # The crop keeps to the figure as a tracker does: its middle and its size drift a little.
    shift = size * 0.012 * np.stack([_smooth_noise(rng, frames, 8) for _ in range(2)])
    zoom = 1 + 0.015 * _smooth_noise(rng, frames, 20)
    margin = 0.7 * size
    ground = margin + unit / 2
    still = _image(_background(rng, int(2 * margin), int(np.ptp(path) + 2 * margin), ground, unit))
    path = path - path.min() + margin
    for frame in range(frames):
        half = size / 2 / zoom[frame]
        y, x = margin + shift[0, frame], path[frame] + shift[1, frame]
        canvas = still.transform((size, size), Image.Transform.EXTENT, (x - half, y - half, x + half, y + half),
                                 Image.Resampling.BILINEAR)
        place = (np.array([ground - y, path[frame] - x]) + half) * zoom[frame] - 0.5
        seen = camera._replace(scale=camera.scale * zoom[frame], origin=tuple(place))
        found = _render(_planes(canvas), walker, pose, frame, look, light, seen)
        yield found._replace(image=_finished(found.image, style, _rng(_WALK, *words, 3, frame)))


def sequence(person: int, index: int, condition: str = 'N', session: int = 1, frames: int = 64, fps: float = FPS,
             size: int = 299) -> Sequence:
    """One walk of one person, as the crop that follows a person in a video shows it.

    The person fills 0.6 to 0.8 of the height and stays near the middle while the still background passes. Clothes,
    hair, skin, background, light, scale, view (up to 30 degrees off the profile), direction and finish are drawn anew
    for every (person, index, condition, session); only the gait and the body's proportions tell who walks.

    Parameters
    ----------
    person : int
        Seed of the identity, non-negative.
    index : int
        Number of the walk, non-negative.
    condition : {'N', 'B', 'S'}
        Normal, backpack, coating shoes: drawn, and changing the gait slightly (`CONDITION_EFFECTS`).
    session : {1, 2}
        2 = three months later: the gait has drifted by `SESSION_SHARE`, clothes are of another season.
    frames : int
        Number of frames, at least 1.
    fps : float
        Frames a second.
    size : int
        Edge of the frames in pixels.

    Returns
    -------
    Sequence
    """
    found = list(iter_frames(person, index, condition, session, frames, fps, size))
    return Sequence(*(np.stack(column) for column in zip(*found, strict=True)), person, index, condition, session,
                    float(fps))


def scene(person: int, index: int = 0, condition: str = 'N', session: int = 1, frames: int | None = None,
          fps: float = FPS, width: int = 640, height: int = 360, companion: bool = False,
          noise: float = 2.0) -> Iterator[Picture]:
    """A wide still scene that the figure crosses, frame by frame; its boxes are the truth for a tracker.

    Parameters
    ----------
    person, index, condition, session, fps
        As of `sequence`. The scene differs from the walk of the same numbers.
    frames : int, optional
        Not given: from outside the picture on one side to outside on the other. Given: as many frames from the
        middle of the crossing.
    width, height : int
        Pixels.
    companion : bool
        A second, smaller figure walks in the background; joints and boxes are not about it.
    noise : float
        Standard deviation of the camera's noise in grey levels.

    Yields
    ------
    Picture
        `box` is NaN while the figure is outside.
    """
    _check_walk(person, index, condition, session, frames, fps)
    for edge in (width, height):
        _check_size(edge)
    if not (math.isfinite(noise) and noise >= 0):
        raise ValueError(f'noise: expected a number of grey levels, at least 0, got {noise}')
    return _crossing(person, index, condition, session, frames, float(fps), int(width), int(height), companion, noise)


def _lane(walker, rng, unit, width, frames, fps, ground, yaw, leftwards):
    """Pose (standing), places (T, 2) of the ground point and camera of a figure `unit` pixels tall that crosses."""
    camera = _Camera(_heading(leftwards, yaw), 0.03, 0.0, unit / walker.stature, 12.0, (0, 0))
    pace = walker.speed * abs(math.cos(camera.heading)) * camera.scale / fps  # pixels a frame
    count = math.ceil((width + 1.2 * unit) / pace) if frames is None else frames
    phase, pose = _stroll(walker, rng, count, fps)
    path = walker.stride_length * phase * math.cos(camera.heading) * camera.scale
    path += width / 2 - (path[0] + path[-1]) / 2
    return _standing(pose, walker.stride_length * phase), np.stack([np.full(count, ground), path], -1), camera


def _crossing(person, index, condition, session, frames, fps, width, height, companion, noise):
    words = person, index, CONDITIONS.index(condition), session
    rng = _rng(_SCENE, *words)
    walker = gait_of(person, index, condition, session)
    look, light = _look(rng, condition, session), _light(rng)
    style = _finish_style(rng)._replace(noise=noise, quality=0, detail=1.0)
    unit, ground = height * rng.uniform(0.55, 0.72), height * rng.uniform(0.86, 0.93)
    yaw, leftwards = rng.uniform(-MAX_YAW, MAX_YAW), rng.random() < 0.5
    pose, places, camera = _lane(walker, rng, unit, width, frames, fps, ground, yaw, leftwards)
    still = _background(rng, height, width, ground, unit)
    other = Walker.from_seed(_SCENE, person, index)
    other_look = _look(rng, 'N')
    other_pose, other_places, other_camera = _lane(
        other, rng, unit * rng.uniform(0.5, 0.7), width, len(places), fps, ground - 0.06 * height,
        rng.uniform(-MAX_YAW, MAX_YAW), rng.random() < 0.5)
    for frame in range(len(places)):
        canvas = still.copy()
        if companion:
            _draw_figure(canvas, None, other, other_pose, frame, other_look, light,
                         other_camera._replace(origin=tuple(other_places[frame])))
        found = _render(canvas, walker, pose, frame, look, light, camera._replace(origin=tuple(places[frame])))
        yield found._replace(image=_finished(canvas, style, _rng(_SCENE, *words, frame)))


def write_scene(path, person: int, index: int = 0, fps: float = FPS, **options) -> str:
    """Write a scene as a folder of PNG frames, an animated GIF or a video, and its truth beside it.

    Parameters
    ----------
    path : str or os.PathLike
        No suffix: a folder of `000000.png`, `000001.png`, ... (must not exist, or be empty); `.gif`: an animation,
        whose frame time is rounded to 10 ms; `.mp4`, `.avi`, `.mkv`: a video (PyAV; even width and height).
    person, index, fps, options
        As of `scene`.

    Returns
    -------
    str
        The truth's path: `path` with the suffix `.csv`. A line a frame: frame, top, left, bottom, right (empty while
        outside), then y, x and visible (0 or 1) of each joint; pixels as in `Picture`.

    Notes
    -----
    Both are written aside and moved into place when complete.
    """
    path = os.path.abspath(os.fspath(path))
    stem, suffix = os.path.splitext(path)
    if suffix not in ('', '.gif', '.mp4', '.avi', '.mkv'):
        raise ValueError(f'{path}: expected no suffix (a folder of PNG frames), .gif, .mp4, .avi or .mkv, got {suffix}')
    if not suffix and os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise FileExistsError(f'{path}: exists and is not an empty folder; remove it or choose another path')
    if not os.path.isdir(os.path.dirname(path)):
        raise FileNotFoundError(f'{os.path.dirname(path)}: expected an existing folder to write into; create it first')
    frames = scene(person, index, fps=fps, **options)
    truth = stem + '.csv'
    aside = tempfile.mkdtemp(prefix='.scene-', dir=os.path.dirname(path))
    try:
        new, new_truth = os.path.join(aside, 'scene' + suffix), os.path.join(aside, 'truth.csv')
        with open(new_truth, 'w', newline='') as file:
            frames = _noting(frames, csv.writer(file))
            if not suffix:
                os.mkdir(new)
                for number, image in enumerate(frames):
                    image.save(os.path.join(new, f'{number:06d}.png'))
            elif suffix == '.gif':
                first = next(frames)
                first.save(new, save_all=True, append_images=frames, duration=round(100 / fps) * 10, loop=0)
            else:
                _encode(new, frames, fps)
        os.replace(new, path)
        os.replace(new_truth, truth)
    finally:
        shutil.rmtree(aside)
    return truth


def _noting(frames, writer) -> Iterator[Image.Image]:
    """Passes the images on and writes a line of truth for each."""
    writer.writerow(['frame', 'top', 'left', 'bottom', 'right']
                    + [f'{name} {value}' for name in JOINT_NAMES for value in ('y', 'x', 'visible')])
    for number, found in enumerate(frames):
        joints = [[f'{y:.2f}', f'{x:.2f}', int(seen)] for (y, x), seen in zip(found.joints, found.visible, strict=True)]
        writer.writerow([number, *('' if np.isnan(edge) else int(edge) for edge in found.box), *sum(joints, [])])
        yield Image.fromarray(found.image)


def _encode(path: str, frames, fps: float):
    try:
        import av
    except ImportError as error:
        raise ImportError(f'{path}: writing a video needs PyAV: pip install gait-recognition[video]') from error
    from fractions import Fraction
    with av.open(path, 'w') as container:
        stream = None
        for image in frames:
            if stream is None:
                if image.width % 2 or image.height % 2:
                    raise ValueError(f'a video needs even width and height, got {image.width} x {image.height}')
                stream = container.add_stream('mpeg4', rate=Fraction(fps).limit_denominator(1001))
                stream.width, stream.height, stream.pix_fmt = image.width, image.height, 'yuv420p'
                stream.bit_rate = 8_000_000
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())
