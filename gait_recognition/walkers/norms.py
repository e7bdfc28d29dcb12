"""What is published of how people walk: mean curves of joint angles, spreads between people, effects of conditions.

Sources (the constants below say which number follows which):

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
import functools

import numpy as np

CONDITIONS = ('N', 'B', 'S')  # normal, backpack, coating shoes

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


@functools.cache
def _series(curve: tuple) -> np.ndarray:
    """Complex Fourier coefficients (HARMONICS + 1,) of an evenly sampled periodic curve."""
    return np.fft.rfft(curve)[:HARMONICS + 1] / len(curve) * np.r_[1, np.full(HARMONICS, 2)]


def curve(values: tuple, phase) -> np.ndarray:
    """Value of a normative curve, given as its samples over one stride, at `phase` (strides, any shape), as a Fourier
    series of `HARMONICS` harmonics."""
    turn = np.exp(2j * np.pi * np.asarray(phase, float))
    return np.polynomial.polynomial.polyval(turn, _series(tuple(values))).real
