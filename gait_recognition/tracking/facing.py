"""Which way a walker goes in the picture: gait weights may be of walks to the right, and see others' mirror images."""
import numpy as np

from gait_recognition.tracking.track import across

AHEAD = 0.5                     # of a walker's height: who gets so far across goes that way
LOOKS = 16                      # crops that tell by their joints
ANKLES, KNEES, HIPS = (0, 5), (1, 4), (2, 3)
WRISTS, ELBOWS, SHOULDERS, NECK, HEAD = (10, 15), (11, 14), (12, 13), 8, 9


def way_of(squares):
    """Which way the crops (n, 3: top, left, side) of a still camera lead: -1 to the left, 1 to the right, 0 neither."""
    ahead = across(squares)
    return int(np.sign(ahead)) if abs(ahead) >= AHEAD else 0


def facing_of(joints):
    """Which way somebody faces by joints (3, n, 16) of their crops: -1 to the left, 1 to the right.

    Knees bend forwards, elbows backwards, and the head is carried before the neck.
    """
    _, x, sure = joints
    each = [_ahead(x, sure, KNEES, (ANKLES, HIPS)), -_ahead(x, sure, ELBOWS, (WRISTS, SHOULDERS)),
            (x[:, HEAD] - x[:, NECK]) * np.minimum(sure[:, HEAD], sure[:, NECK])]
    return 1 if np.sum(each) >= 0 else -1


def _ahead(x, sure, middles, ends):
    """How far the middle joint of both limbs lies to the right of its ends' middle, (n,), the surer the more."""
    total = np.zeros(len(x))
    for side, middle in enumerate(middles):
        first, last = (end[side] for end in ends)
        total += (x[:, middle] - (x[:, first] + x[:, last]) / 2) * sure[:, [first, middle, last]].min(1)
    return total


def goes_left(pose_net, crops, squares=()):
    """Whether a walk leads to the left of the picture.

    Parameters
    ----------
    pose_net : HumanPoseIRNetwork
        Looks at the crops where their course does not tell.
    crops : sequence of uint8 (299, 299, 3)
        Some of the walk's.
    squares : sequence of (top, left, side)
        Where a still camera's crops are, as of `way_of`; none of a camera that moves, or where nobody knows.
    """
    way = way_of(squares) if len(squares) else 0
    return (way or facing_of(pose_net.joint_positions(np.stack(crops)))) < 0
