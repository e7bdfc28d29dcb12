"""How well a pose network finds joints: distances, PCK, by joint, as a table and a chart."""
from typing import NamedTuple

import numpy as np

from gait_network import BATCH_SIZE
from gait_recognition.drawing import new_figure, save_figure
from gait_recognition.training.samples import HEATMAP_SCALE
from pose_joints import JOINT_NAMES

PCK_SHARE = 0.2                     # of the torso, right shoulder to left hip


class PoseScore(NamedTuple):
    """How well joints were found, over a set of pictures.

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
    """

    error: np.ndarray
    hidden_error: np.ndarray
    mean_error: float
    mean_hidden_error: float
    pck: np.ndarray
    mean_pck: float
    pictures: int

    def rows(self):
        """Name, error, PCK and hidden error of each joint, then of all."""
        return [*zip(JOINT_NAMES, self.error, self.pck, self.hidden_error),
                ('all joints', self.mean_error, self.mean_pck, self.mean_hidden_error)]

    def __str__(self):
        lines = [f'{"joint":16}{"error, px of 299":>18}{"px of heat map":>16}{"PCK@0.2":>9}{"hidden, px of 299":>19}']
        for name, error, pck, hidden in self.rows():
            lines.append(f'{name:16}{error:18.2f}{error * HEATMAP_SCALE:16.2f}{100 * pck:8.1f}%{hidden:19.2f}')
        return '\n'.join(lines + [f'{self.pictures} pictures'])


def pose_score(estimated, samples):
    """Compare estimated joints with true ones.

    Parameters
    ----------
    estimated : array_like (N, 16, 2)
        (y, x) in pixels of the crop.
    samples : sequence of Sample

    Returns
    -------
    PoseScore
    """
    true = np.stack([s.joints for s in samples])
    visible = np.stack([s.visible & s.inside for s in samples])
    hidden = np.stack([s.inside & ~s.visible for s in samples])
    distance = np.linalg.norm(np.asarray(estimated) - true, axis=2)                             # (N, 16)
    shoulder, hip = true[:, JOINT_NAMES.index('right shoulder')], true[:, JOINT_NAMES.index('left hip')]
    torso = np.linalg.norm(shoulder - hip, axis=1)                                              # (N,)
    measured = visible & np.isfinite(torso)[:, None]
    close = distance <= PCK_SHARE * np.nan_to_num(torso)[:, None]

    def mean(values, where, axis=None):
        counted = np.where(where, np.nan_to_num(values), 0.0)
        with np.errstate(invalid='ignore'):
            return np.divide(counted.sum(axis), where.sum(axis))

    return PoseScore(mean(distance, visible, 0), mean(distance, hidden, 0),
                     float(mean(distance, visible)), float(mean(distance, hidden)),
                     mean(close, measured, 0), float(mean(close, measured)), len(samples))


def evaluate_poses(net, data, progress=None, batch_size=BATCH_SIZE):
    """`pose_score` of a network for inference on all samples of `data`, none augmented."""
    samples, estimated = [], []
    for start in range(0, len(data), batch_size):
        chunk = [data.sample(i) for i in range(start, min(start + batch_size, len(data)))]
        y, x, _ = net.joint_positions(np.stack([s.image for s in chunk]), batch_size)
        estimated.append(np.stack([y, x], axis=2))
        samples += [s._replace(image=None) for s in chunk]
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
