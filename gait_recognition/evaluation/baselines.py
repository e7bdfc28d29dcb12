"""What a gait network's vectors must beat: the mean spatial feature, and figures taken from joints by hand.

Neither learns anything. The mean feature is the pose network alone, without the gait network; `walk_figures` is what a
clinician would note of the walk: proportions of the body, and how it moves.
"""
import math
from typing import NamedTuple

import numpy as np

from gait_recognition.cycles.measures import measure_gait
from gait_recognition.cycles.series import SURE
from gait_recognition.cycles.views import bend
from gait_recognition.pose_estimation import FrameJoints, joints_in_frame, timed
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.vectors import BATCH_SIZE, batches
from gait_recognition.weights import SameWeights

# Limbs as pairs of joints, those of both sides together.
LIMBS = {'thigh': ((2, 1), (3, 4)), 'shank': ((1, 0), (4, 5)), 'trunk': ((6, 7),), 'neck and head': ((7, 9),),
         'upper arm': ((12, 11), (13, 14)), 'forearm': ((11, 10), (14, 15))}
MEASURES = ('cadence', 'stride length', 'stance', 'hip range', 'knee range')
FIGURES = (*LIMBS, *MEASURES, 'trunk lean', 'head lean', 'arm swing')
MEAN_WALK = 1e-3                    # standard deviations: nothing beside what differs
WHOLE_LENGTH = 90                   # percentile over time: a limb looks longest when it lies in the picture's plane


class Baselines(NamedTuple):
    """What both baselines know of walks: `mean_feature` (n, 9248), the mean over a walk's frames of their spatial
    features, and `figures` (n, 14), `walk_figures`."""
    mean_feature: np.ndarray
    figures: np.ndarray

    @classmethod
    def of(cls, described):
        """Take apart what `describe` gave, rows of (n, 9262)."""
        described = np.asarray(described)
        return cls(described[:, :-len(FIGURES)], described[:, -len(FIGURES):])


def describe(frames, pose_net, crop='auto', batch_size=BATCH_SIZE):
    """A walk's frames as both baselines see them, the pose network looking once: see `Baselines.of`.

    Parameters
    ----------
    frames : Frames
    pose_net : HumanPoseIRNetwork
    crop, batch_size
        As of `vectors.walk_vector`.

    Returns
    -------
    described : np.ndarray, float32 (9262,)
    track : Track
    """
    same = SameWeights(pose_net)
    crops = crop_walker(frames, crop, pose_net)
    total, found = 0.0, []
    for batch in batches(crops, batch_size):
        features, joints = pose_net.features_and_joints(batch, batch_size)
        total = total + features.astype(np.float64).sum(0)
        for i in range(len(batch)):
            number, box = crops.track.numbers[len(found)], crops.track.boxes[len(found)]
            found.append(FrameJoints(number, joints_in_frame(joints[:, i], box)))
    same.check(frames.name)
    found, track = timed(found, frames), crops.track
    figures = walk_figures([pose.time for pose in found], [pose.joints for pose in found], track.method == 'background',
                           track.name)
    return np.concatenate([(total / len(found)).ravel().astype(np.float32), figures]), track


def walk_figures(times, joints, still_camera=False, name='walk'):
    """Proportions and gait of one walk, from its joints.

    Parameters
    ----------
    times, joints, still_camera, name
        As of `cycles.measures.measure_gait`.

    Returns
    -------
    np.ndarray, float32 (14,)
        In the order of `FIGURES`: limbs in leg lengths, `MEASURES` in the units of `cycles.measures.UNITS`, leans in
        degrees forwards, the arms' swing in leg lengths. NaN where view, length or joints do not tell.
    """
    joints = np.asarray(joints, float)
    points = np.where(joints[:, 2, :, None] >= SURE, np.swapaxes(joints[:, :2], 1, 2), np.nan)     # (T, 16, 2)
    lengths = [_length(points, pairs) for pairs in LIMBS.values()]
    leg = lengths[0] + lengths[1]
    try:
        measures = measure_gait(times, joints, still_camera=still_camera, name=name).measures
    except ValueError:                                      # nobody walks, or not for long enough: the body remains
        measures = {}
    gait = [measures[measure].value if measure in measures else math.nan for measure in MEASURES]
    return np.array([*(length / leg for length in lengths), *gait, *_carriage(points, leg)], np.float32)


def _length(points, pairs):
    """A limb's length in pixels, of both sides together; NaN where it is never sure."""
    seen = np.concatenate([np.linalg.norm(points[:, first] - points[:, last], axis=1) for first, last in pairs])
    seen = seen[np.isfinite(seen)]
    return float(np.percentile(seen, WHOLE_LENGTH)) if len(seen) else math.nan


def _carriage(points, leg):
    """Lean of trunk and head, and the arms' swing: by which the wrist's place before the shoulder varies."""
    ahead = np.sign(_mean(bend(points)))
    leans = [ahead * _mean(np.degrees(np.arctan2(points[:, top, 1] - points[:, foot, 1],
                                                 points[:, foot, 0] - points[:, top, 0])))
             for foot, top in ((6, 7), (8, 9))]
    apart = points[:, [10, 15], 1] - points[:, [12, 13], 1]
    swings = [np.std(arm[np.isfinite(arm)]) for arm in apart.T if np.isfinite(arm).sum() > 1]
    return [*leans, float(np.mean(swings)) / leg if swings else math.nan]


def _mean(values):
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else math.nan


def standardise(figures, gallery):
    """Figures made comparable: less the gallery's mean, by its standard deviation; what is not known is 0.

    Parameters
    ----------
    figures : array_like (n, k)
        NaN where not known.
    gallery : sequence of int
        Rows of the walks that are learnt: probes do not decide the scale.

    Returns
    -------
    np.ndarray, float32 (n, k + 1)
        The last column is a small constant: the mean walk, too, must point somewhere.
    """
    figures = np.asarray(figures, np.float64)
    known = np.isfinite(figures[gallery])
    counts = np.maximum(known.sum(0), 1)
    mean = np.where(known, figures[gallery], 0).sum(0) / counts
    spread = np.sqrt(np.where(known, (figures[gallery] - mean) ** 2, 0).sum(0) / counts)
    scaled = (figures - mean) / np.where(spread > 0, spread, np.inf)
    known = np.where(np.isfinite(scaled), scaled, 0)
    return np.column_stack([known, np.full(len(known), MEAN_WALK)]).astype(np.float32)
