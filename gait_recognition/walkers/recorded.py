"""Walkers that move as recorded people do: the parameters of a `Walker`, and its angles from fitted cycles."""
import dataclasses

import numpy as np

from gait_recognition.walkers.cycles import CURVES, HARMONICS, LENGTHS, LIMBS, Cycles, fit_cycles, half_later, harmonics
from gait_recognition.walkers.gaits import FLAT, MID_STANCE, Walker, bump
from gait_recognition.walkers.norms import HUMAN
from gait_recognition.walkers.skeletons import Recording
from pose_joints import JOINT_NAMES

# Which lengths of a recording are which of a walker's.
_SHARES = {'thigh': 'thigh', 'shank': 'shank', 'trunk': 'trunk', 'upper arm': 'upper_arm', 'forearm': 'forearm',
           'hips': 'hip_width', 'shoulders': 'shoulder_width'}
UPRIGHT = ('thigh', 'shank', 'trunk', 'head')       # lengths that stand one above the other
_SHOULDERS = 0.013           # of what stands upright: so much the shoulders lie below the trunk's upper end
_KNEE_LIMIT = 1.0                                   # degrees: how softly a knee stops at being straight


@dataclasses.dataclass(frozen=True)
class RecordedWalker(Walker):
    """A `Walker` whose angles follow recorded cycles; what changes its parameters changes them as it does a walker's.

    Attributes
    ----------
    cycles : tuple of tuple
        Coefficients (12, 2 * HARMONICS + 1) of `cycles.CURVES`.
    base : Walker
        The parametric walker nearest to the cycles: the difference between this one's parameters and those is added.
    """

    cycles: tuple
    base: Walker

    def angles(self, phase, wobble=None) -> dict:
        """As `Walker.angles`."""
        phase = np.atleast_1d(np.asarray(phase, float))
        now, usual = super().angles(phase, wobble), self.base.angles(phase)
        curves = harmonics(phase) @ np.array(self.cycles).T
        found = {name: curves[:, i] + now[name] - usual[name] for i, name in enumerate(CURVES) if name in now}
        found['head'] = curves[:, CURVES.index('head')] - self.cycles[CURVES.index('head')][0]
        for side, late in (('right', 0.0), ('left', 0.5 + self.timing_asymmetry)):
            thigh, knee, ankle, elbow = (found[f'{side} {limb}'] for limb in ('thigh', 'knee', 'ankle', 'elbow'))
            knee = _KNEE_LIMIT * np.logaddexp(0, knee / _KNEE_LIMIT)
            found[f'{side} knee'], found[f'{side} elbow'] = knee, _KNEE_LIMIT * np.logaddexp(0, elbow / _KNEE_LIMIT)
            found[f'{side} ankle'] = ankle + FLAT * bump(phase + late, *MID_STANCE) * (knee - thigh - ankle)
        return found


def recorded_walker(cycles: Cycles, body: Walker) -> RecordedWalker:
    """The walker of fitted cycles; what no recording shows (girths, feet, turning of the pelvis) is `body`'s."""
    values = dataclasses.asdict(body) | _proportions(cycles) | _movement(cycles)
    values |= {'foot_height': body.foot_height, 'cadence': cycles.cadence,
               'step_width': cycles.step_width / values['stature'], 'sway': cycles.sway / values['stature']}
    upright = ('thigh', 'shank', 'foot_height', 'trunk', 'neck', 'head')
    total = sum(values[name] for name in upright)
    values |= {name: values[name] / total for name in upright}
    base = Walker(**{name: float(values[name]) for name in HUMAN})
    return RecordedWalker(**{name: getattr(base, name) for name in HUMAN},
                          cycles=tuple(map(tuple, cycles.curves.tolist())), base=base)


def _proportions(cycles):
    length = dict(zip(LENGTHS, cycles.lengths))
    neck, head = HUMAN['neck'][0], HUMAN['head'][0]
    seen = neck + cycles.head_share * head                  # shares of the stature that the recording reaches over
    length['trunk'] += _SHOULDERS * sum(length[name] for name in UPRIGHT)
    length['head'] -= _SHOULDERS * sum(length[name] for name in UPRIGHT)
    stature = sum(length[name] for name in UPRIGHT) / (
        HUMAN['thigh'][0] + HUMAN['shank'][0] + HUMAN['trunk'][0] + seen)
    shares = {ours: length[name] / stature for name, ours in _SHARES.items()}
    grown = length['head'] / stature / seen
    return {'stature': stature, **shares, 'neck': neck * grown, 'head': head * grown}


def _movement(cycles):
    """The parameters of `HUMAN` that are nearest to the cycles."""
    curve = dict(zip(CURVES, cycles.curves))
    usual = Walker.average()
    average = usual.angles(np.arange(60) / 60)
    gain, late, arm = {}, {}, {}
    published = np.fft.rfft(average['right thigh'])[1] / 30
    for side in ('right', 'left'):
        own = curve if side == 'right' else {name: half_later(values) for name, values in curve.items()}
        wave = _wave(own[f'{side} thigh'])
        gain[side], late[side] = abs(wave) / abs(published), np.angle(wave)
        arm[side] = -_wave(own[f'{side} shoulder'])
    mean = {limb: (curve[f'right {limb}'][0] + curve[f'left {limb}'][0]) / 2 for limb in LIMBS}
    stride, swing = (gain['right'] + gain['left']) / 2, (abs(arm['right']) + abs(arm['left'])) / 2
    lean, head = curve['lean'][0], curve['head'][0]
    below, above = HUMAN['neck'][0], cycles.head_share * HUMAN['head'][0]
    return {
        'stride': stride, 'leg_asymmetry': (gain['left'] - gain['right']) / stride,
        'timing_asymmetry': -((late['left'] - late['right'] + np.pi) % (2 * np.pi) - np.pi) / (2 * np.pi),
        'hip_offset': mean['thigh'] - average['right thigh'].mean(),
        'knee_offset': usual.knee_offset + mean['knee'] - average['right knee'].mean(),
        'shoulder_swing': swing, 'shoulder_offset': mean['shoulder'],
        'arm_asymmetry': (abs(arm['left']) - abs(arm['right'])) / max(swing, 1.0),
        'arm_phase': -np.angle(arm['right'] + arm['left']) / (2 * np.pi),
        'elbow_offset': mean['elbow'],
        'elbow_swing': abs(_wave(curve['right elbow']) - _wave(curve['left elbow'])) / 2,
        'lean': lean, 'lean_swing': curve['lean'][2],
        'head_pitch': head - (below * (lean + 6) + above * 0.3 * lean) / (below + above)}


def _wave(curve):
    """The first harmonic of a curve as a complex number a - ib."""
    return curve[1] - 1j * curve[1 + HARMONICS]


def record(walker: Walker, strides: float = 7.0, fps: float = 30.0, noise: float = 0.0, rng=None, person: str = '',
           walk: str = '1') -> Recording:
    """A walker as a recorder 2.5 m beside it would record it that turns with it: once to the right, then to the left.

    Parameters
    ----------
    walker : Walker
    strides : float
        Each way.
    fps : float
    noise : float
        Metres, standard deviation of each coordinate.
    rng : np.random.Generator, optional
        Draws the noise.
    person, walk : str

    Returns
    -------
    Recording
    """
    phase = np.arange(int(strides * 120 / walker.cadence * fps)) * walker.cadence / 120 / fps
    pose = walker.pose(phase)
    back = np.zeros((len(phase), 3))
    back[:, 0] = walker.stride_length * phase
    places = {name: pose.joints[:, i] - back for i, name in enumerate(JOINT_NAMES)}
    places['head'] = places.pop('head top')
    for side in ('right', 'left'):
        places[f'{side} foot'] = pose.extras[f'{side} toe'] - back
    turned = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])     # where forward, left, up go: (away, left, up)
    joints = {}
    for name, at in places.items():
        at = np.concatenate([at @ way.T + (2.5, 0, 0) for way in (turned, turned * [[-1], [-1], [1]])])
        joints[name] = at if rng is None else at + noise * rng.standard_normal(at.shape)
    return Recording(person, walk, float(fps), joints, 1.0)


def reference(head_share: float = 0.5) -> Cycles:
    """The published means (`norms.HUMAN`) as the same fit sees them."""
    recording = record(Walker.average())
    at = recording.joints
    chin = at['upper neck']
    at['head'] = chin + head_share * (at['head'] - chin)
    return fit_cycles(recording._replace(head_share=head_share))
