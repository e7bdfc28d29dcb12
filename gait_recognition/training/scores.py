"""How well a pose network finds joints: distances, PCK, by joint, as a table and a chart."""
import math
from typing import NamedTuple

import numpy as np

from gait_recognition.drawing import new_figure, save_figure
from gait_recognition.training.samples import HEATMAP_SCALE, SIZE
from gait_recognition.vectors import BATCH_SIZE
from pose_joints import JOINT_NAMES

PCK_SHARE = 0.2                     # of the torso, right shoulder to left hip
PCKH_SHARE = 0.5                    # of the head, upper neck to head top
LEG_PIXELS = 10.0                   # of 299, within which an ankle or knee counts as found
LIMBS = [i for i, name in enumerate(JOINT_NAMES) if name.split()[0] in ('right', 'left')]
LEGS = [(JOINT_NAMES.index(f'right {name}'), JOINT_NAMES.index(f'left {name}')) for name in ('ankle', 'knee')]


class PoseScore(NamedTuple):
    """How well joints were found, over a set of pictures; joints that were derived from others are not measured.

    Attributes
    ----------
    error : np.ndarray (16,)
        Mean distance of visible joints in pixels of the 299 x 299 crop; NaN for a joint never visible.
    hidden_error : np.ndarray (16,)
        The same of joints that are inside the picture and hidden.
    mean_error, mean_hidden_error : float
        Over all visible, or hidden, joints.
    pck : np.ndarray (16,)
        Share of visible joints within `PCK_SHARE` of the torso (right shoulder to left hip).
    mean_pck : float
    pictures : int
    median_error : float
        Of visible joints.
    limb_pck : float
        As `mean_pck`, over the twelve joints of the limbs, visible or hidden, as the literature counts.
    pckh : np.ndarray (16,)
        Share of visible joints within `PCKH_SHARE` of the head (upper neck to head top).
    mean_pckh : float
    leg_error, leg_found : float
        Ankles and knees, each two taken as an unordered pair: mean distance, share within `LEG_PIXELS`.
    exchanged : float
        Share of the pairs of ankles and knees that fit better with left and right exchanged.
    exchanged_apart : float
        The same of those that are truly further apart than `LEG_PIXELS`: of others nobody can tell.
    """

    error: np.ndarray
    hidden_error: np.ndarray
    mean_error: float
    mean_hidden_error: float
    pck: np.ndarray
    mean_pck: float
    pictures: int
    median_error: float
    limb_pck: float
    pckh: np.ndarray
    mean_pckh: float
    leg_error: float
    leg_found: float
    exchanged: float
    exchanged_apart: float

    def rows(self):
        """Name, error, PCK, PCKh and hidden error of each joint, then of all."""
        return [*zip(JOINT_NAMES, self.error, self.pck, self.pckh, self.hidden_error),
                ('all joints', self.mean_error, self.mean_pck, self.mean_pckh, self.mean_hidden_error)]

    def __str__(self):
        lines = [f'{"joint":16}{"error, px of 299":>18}{"px of heat map":>16}{"PCK@0.2":>9}{"PCKh@0.5":>10}'
                 f'{"hidden, px of 299":>19}']
        for name, error, pck, pckh, hidden in self.rows():
            lines.append(f'{name:16}{error:18.2f}{error * HEATMAP_SCALE:16.2f}{100 * pck:8.1f}%{100 * pckh:9.1f}%'
                         f'{hidden:19.2f}')
        lines += [f'median error of visible joints {self.median_error:.2f} px; limbs, visible or hidden, PCK@0.2 '
                  f'{100 * self.limb_pck:.1f}%',
                  f'ankles and knees as unordered pairs: {self.leg_error:.2f} px, {100 * self.leg_found:.1f}% within '
                  f'{LEG_PIXELS:g} px; left and right exchanged in {100 * self.exchanged:.1f}% of the pairs, '
                  f'{100 * self.exchanged_apart:.1f}% of those further apart than that']
        return '\n'.join([*lines, f'{self.pictures} pictures'])


def _mean(values, where, axis=None):
    """Mean of the values that are marked; NaN where none is."""
    counted = np.where(where, np.nan_to_num(values), 0.0)
    with np.errstate(invalid='ignore'):
        return np.divide(counted.sum(axis), where.sum(axis))


def pose_score(estimated, samples):
    """Compare estimated joints with true ones.

    Parameters
    ----------
    estimated : array_like (N, 16, 2)
        (y, x) in pixels of the crop.
    samples : sequence of Sample
        Of crops of 299 x 299 pixels; of others the distances are scaled by `evaluate_poses`.

    Returns
    -------
    PoseScore
    """
    estimated = np.asarray(estimated)
    true = np.stack([s.joints for s in samples])                                                # (N, 16, 2)
    measured = np.stack([s.inside & s.measured for s in samples])
    visible = measured & np.stack([s.visible for s in samples])
    hidden = measured & ~visible
    distance = np.linalg.norm(estimated - true, axis=2)                                         # (N, 16)
    torso, head = (np.linalg.norm(true[:, JOINT_NAMES.index(a)] - true[:, JOINT_NAMES.index(b)], axis=1)[:, None]
                   for a, b in (('right shoulder', 'left hip'), ('upper neck', 'head top')))    # (N, 1)
    close, closeh = (distance <= share * np.nan_to_num(scale)
                     for share, scale in ((PCK_SHARE, torso), (PCKH_SHARE, head)))
    limbs = measured[:, LIMBS] & np.isfinite(torso)
    leg_distances, exchanged, apart = _leg_pairs(estimated, true, measured)
    return PoseScore(
        _mean(distance, visible, 0), _mean(distance, hidden, 0), float(_mean(distance, visible)),
        float(_mean(distance, hidden)), _mean(close, visible & np.isfinite(torso), 0),
        float(_mean(close, visible & np.isfinite(torso))), len(samples),
        float(np.median(distance[visible])) if visible.any() else math.nan, float(_mean(close[:, LIMBS], limbs)),
        _mean(closeh, visible & np.isfinite(head), 0), float(_mean(closeh, visible & np.isfinite(head))),
        *(float(np.mean(values)) if len(values) else math.nan
          for values in (leg_distances, leg_distances <= LEG_PIXELS, exchanged, exchanged[apart > LEG_PIXELS])))


def _leg_pairs(estimated, true, measured):
    """Distances of ankles and knees, each two as an unordered pair, (n,); of each pair whether it is exchanged, and
    how far apart its two truly are, (n / 2,)."""
    distances, exchanged, apart = [], [], []
    for right, left in LEGS:
        both = measured[:, right] & measured[:, left]
        as_named, crossed = (np.stack([np.linalg.norm(estimated[both, a] - true[both, b], axis=1)
                                       for a, b in pairs], 1)
                             for pairs in (((right, right), (left, left)), ((right, left), (left, right))))
        is_crossed = crossed.sum(1) < as_named.sum(1)
        distances.append(np.where(is_crossed[:, None], crossed, as_named).ravel())
        exchanged.append(is_crossed)
        apart.append(np.linalg.norm(true[both, right] - true[both, left], axis=1))
    return np.concatenate(distances), np.concatenate(exchanged), np.concatenate(apart)


def evaluate_poses(net, data, progress=None, batch_size=BATCH_SIZE):
    """`pose_score` of a network for inference on all samples of `data`, none augmented; in pixels of 299 x 299."""
    samples, estimated = [], []
    for start in range(0, len(data), batch_size):
        chunk = [data.sample(i) for i in range(start, min(start + batch_size, len(data)))]
        y, x, _ = net.joint_positions(np.stack([s.image for s in chunk]), batch_size)
        scale = SIZE / len(chunk[0].image)
        estimated.append(scale * np.stack([y, x], axis=2))
        samples += [s._replace(image=None, joints=scale * s.joints) for s in chunk]
        if progress:
            progress(len(samples))
    return pose_score(np.concatenate(estimated), samples)


def draw_score(score, path, title):
    """The chart of mean distances by joint, in heat-map pixels, as the original shows it."""
    figure = new_figure((8, 5), layout='constrained')
    axes = figure.add_subplot()
    values = np.append(score.error, score.mean_error) * HEATMAP_SCALE
    bars = axes.barh([*JOINT_NAMES, 'average'], values, color=['tab:blue'] * 16 + ['tab:orange'])
    axes.bar_label(bars, fmt='%.1f', padding=3)
    axes.invert_yaxis()
    axes.set_xlabel('mean distance of visible joints, pixels of the 289 x 289 heat map')
    axes.set_title(title)
    axes.spines[['top', 'right']].set_visible(False)
    save_figure(figure, path)
