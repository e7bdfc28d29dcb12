"""What annotations have wrong: joints far from where a trained network is sure to see them, sides exchanged.

Sets annotated by many hands (LSP's extension, say) have a joint wrong, or left and right exchanged, in every fifth
picture. A network that learnt from all of it sees most of these: what it is sure of and the annotation denies is left
out. What it is not sure of stays: that is what there is to learn.
"""
from typing import NamedTuple

import numpy as np

from gait_recognition.training.samples import AnnotatedPictures
from gait_recognition.vectors import BATCH_SIZE
from pose_joints import JOINT_NAMES, MIRRORED_JOINTS

SURE_OF = 0.5                  # probability from which the network's word counts
FAR = 0.5                   # of the torso: an annotation further off than that is wrong
PAIRS = [(i, j) for i, j in enumerate(MIRRORED_JOINTS) if i < j]


class Cleaned(NamedTuple):
    """Annotations that are left, and what was changed.

    Attributes
    ----------
    annotations : list of Annotation
    exchanged : int
        Pairs of joints whose left and right were put right.
    removed : int
        Joints that were left out.
    pictures : int
        In which anything was changed.
    """
    annotations: list
    exchanged: int
    removed: int
    pictures: int

    def __str__(self):
        return (f'{self.pictures} of {len(self.annotations)} people changed: left and right of {self.exchanged} pairs '
                f'of joints put right, {self.removed} joints left out')


def clean(net, annotations, progress=None):
    """Leave out what a network is sure to see elsewhere, and put exchanged sides right.

    Parameters
    ----------
    net : HumanPoseIRNetwork
        For inference, trained on annotations of the kind.
    annotations : list of Annotation
    progress : callable, optional

    Returns
    -------
    Cleaned
    """
    data, kept = AnnotatedPictures(annotations, size=net.image_size), []
    exchanged = removed = pictures = 0
    for start in range(0, len(data), BATCH_SIZE):
        samples = [data.sample(i) for i in range(start, min(start + BATCH_SIZE, len(data)))]
        found = net.joint_positions(np.stack([sample.image for sample in samples]))             # (3, n, 16)
        for i, sample in enumerate(samples):
            sides, wrong = denied(found[:2, i].T, found[2, i], sample)
            kept.append(_changed(annotations[start + i], sides, wrong))
            exchanged, removed, pictures = exchanged + len(sides), removed + int(wrong.sum()), \
                pictures + bool(sides or wrong.any())
        if progress:
            progress(len(kept))
    return Cleaned(kept, exchanged, removed, pictures)


def denied(found, sure, sample):
    """What of a sample's annotation a network denies.

    Parameters
    ----------
    found : np.ndarray (16, 2)
        (y, x), pixels of the sample.
    sure : np.ndarray (16,)
        Probabilities.
    sample : Sample

    Returns
    -------
    sides : list of (int, int)
        Pairs of joints that fit exchanged and not as annotated.
    wrong : np.ndarray, bool (16,)
        Joints that fit neither way.
    """
    torso = np.linalg.norm(sample.joints[JOINT_NAMES.index('right shoulder')]
                           - sample.joints[JOINT_NAMES.index('left hip')])
    if not torso > 0:                                                       # NaN, too: no measure
        return [], np.zeros(16, bool)
    counts = sample.measured & sample.inside & (sure >= SURE_OF)
    far = counts & (np.linalg.norm(found - np.nan_to_num(sample.joints, nan=-1e6), axis=1) > FAR * torso)
    sides = []
    for right, left in PAIRS:
        if counts[right] and counts[left] and (far[right] or far[left]):
            crossed = [np.linalg.norm(found[a] - sample.joints[b]) for a, b in ((right, left), (left, right))]
            if max(crossed) <= FAR * torso / 2:
                sides.append((right, left))
                far[[right, left]] = False
    return sides, far


def _changed(annotation, sides, wrong):
    joints, present, visible = (array.copy() for array in (annotation.joints, annotation.present, annotation.visible))
    for right, left in sides:
        for array in (joints, present, visible):
            array[[right, left]] = array[[left, right]]
    joints[wrong], present[wrong], visible[wrong] = np.nan, False, False
    return annotation._replace(joints=joints, present=present, visible=visible)
