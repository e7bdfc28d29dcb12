"""Hip, knee and ankle over the gait cycle, from joints in the picture."""
from typing import NamedTuple

import numpy as np

from gait_recognition.cycles.series import LEGS, PELVIS, THORAX

JOINTS = ('hip', 'knee', 'ankle')
PERCENT = np.arange(101)                # of the cycle, from strike to strike of the same foot
HARMONICS = 5                           # of the stride: the knee's curve is that of seven within 1 degree
FLAT = (12, 31)                         # percent: the foot lies flat, from loading response to heel rise [Perry 2010]
FAR, ROUNDS = 4.685, 10                 # spreads beyond which a frame tells nothing: 95 % efficient on normal noise
MIN_FRAMES = 2                          # that make one of a curve's coefficients, at least
MIN_SHARE = 0.5                         # of the cycle that a curve has to tell
MAX_GAP = 0.1                           # of the cycle: half a wave of the highest harmonic


class Curve(NamedTuple):
    """One angle over the gait cycle.

    Attributes
    ----------
    degrees : np.ndarray (101,)
        At 0, 1, ..., 100 % from strike to strike; NaN where it cannot be told. Flexion and dorsiflexion are positive.
    spread : float
        Standard deviation of the frames about it, degrees: what strides differ by, and the joints' noise.
    strides : float
        How many it stands on.
    """
    degrees: np.ndarray
    spread: float
    strides: float

    @property
    def range(self):
        return float(np.nanmax(self.degrees) - np.nanmin(self.degrees))


def angles_of(run, facing, foreshortened):
    """Angles in each frame, in degrees.

    Parameters
    ----------
    run : Run
    facing : int
        +1 to the right of the picture, -1 to the left.
    foreshortened : float
        Cosine of the view's angle off the profile, by which what lies along the way looks shorter.

    Returns
    -------
    dict of str to dict of str to np.ndarray (T,)
        By side and joint. 'hip': between thigh and trunk (pelvis to thorax), 0 in line. 'knee': between thigh and
        shank, 0 straight. 'ankle': of the shank to the vertical, forward positive, which is the ankle's dorsiflexion
        where the foot lies flat on level ground; the joints end at the ankle. NaN where joints were interpolated.
    """
    def slope(ahead, below):
        """Of the line between two joints to the vertical, degrees, forward positive."""
        along = facing * (run.points[:, ahead, 1] - run.points[:, below, 1]) / foreshortened
        degrees = np.degrees(np.arctan2(along, run.points[:, below, 0] - run.points[:, ahead, 0]))
        return np.where(run.seen[:, [ahead, below]].all(1), degrees, np.nan)
    lean, found = slope(THORAX, PELVIS), {}
    for side, (ankle, knee, hip) in LEGS.items():
        thigh, shank = slope(hip, knee), slope(knee, ankle)
        found[side] = {'hip': lean - thigh, 'knee': shank - thigh, 'ankle': shank}
    return found


def cycle_curve(joint, phases, degrees):
    """The curve through all strides: a Fourier series of `HARMONICS` harmonics of the stride, by robust least squares.

    Parameters
    ----------
    joint : {'hip', 'knee', 'ankle'}
    phases : np.ndarray (T,)
        Strides since a strike of that foot.
    degrees : np.ndarray (T,)
        NaN where missing.

    Returns
    -------
    Curve or None
        Without a part of the cycle longer than `MAX_GAP` that has no frames; None where there are too few.
    """
    known = np.isfinite(degrees)
    phases, degrees = phases[known], degrees[known]
    if len(phases) < MIN_FRAMES * (1 + 2 * HARMONICS):
        return None
    coefficients, spread = _robust_fit(_waves(phases), degrees)
    curve = _waves(PERCENT / 100) @ coefficients
    curve[_far_from(phases)] = np.nan
    if joint == 'ankle':
        curve[(PERCENT < FLAT[0]) | (PERCENT > FLAT[1])] = np.nan
    if np.isfinite(curve).mean() < (FLAT[1] - FLAT[0] if joint == 'ankle' else 100) * MIN_SHARE / 100:
        return None
    return Curve(curve, spread, float(np.ptp(phases)))


def _far_from(phases):
    """Where in the cycle, (101,) bool, a gap between frames is longer than `MAX_GAP`."""
    at = np.sort(phases % 1)
    at = np.r_[at[-1] - 1, at, at[0] + 1]
    after = np.searchsorted(at, PERCENT / 100).clip(1, len(at) - 1)
    return at[after] - at[after - 1] > MAX_GAP


def _robust_fit(basis, values):
    """Coefficients of the least squares in which far-off values weigh little (Beaton and Tukey 1974), their spread."""
    weights = np.ones(len(values))
    for _ in range(ROUNDS):
        root = np.sqrt(weights)
        coefficients = np.linalg.lstsq(basis * root[:, None], values * root, rcond=None)[0]
        off = values - basis @ coefficients
        spread = 1.4826 * float(np.median(np.abs(off))) * np.sqrt(len(values) / (len(values) - basis.shape[1]))
        weights = np.clip(1 - (off / max(FAR * spread, 1e-6)) ** 2, 0, None) ** 2
    return coefficients, spread


def _waves(phases):
    turns = 2 * np.pi * np.outer(phases, np.arange(1, HARMONICS + 1))
    return np.hstack([np.ones((len(phases), 1)), np.cos(turns), np.sin(turns)])
