"""From which side a walker is seen, told from the joints alone."""
import math
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from gait_recognition.cycles.series import LEGS, PELVIS, RUN_SECONDS, THORAX, TURN_SECONDS

SIDE, DIAGONAL = 20.0, 50.0             # degrees off the profile up to which a view is called so
# The shoulders' width over the trunk's length, between joints, of adults: 0.210 / 0.288 of the stature [Drillis and
# Contini 1966]. The hips are narrower, and networks put a hidden hip on the other.
SHOULDERS, WIDTH = (12, 13), 0.73


class View(NamedTuple):
    """From where a walker is seen.

    Attributes
    ----------
    kind : {'side', 'diagonal', 'front'}
        'front' stands for from behind, too.
    degrees : float
        Off the profile, 0 to 90, from the width of the shoulders; good to some 5 degrees.
    facing : {'right', 'left'}
        Of the picture.
    near : {'right', 'left'}
        The leg that is seen better.
    """
    kind: str
    degrees: float
    facing: str
    near: str


def bend(points):
    """How far the knees stand ahead of the line from hip to ankle, (T,) pixels to the right of the picture."""
    x = points[..., 1]
    return np.mean([x[:, knee] - (x[:, hip] + x[:, ankle]) / 2 for ankle, knee, hip in LEGS.values()], 0)


def split_at_turns(run):
    """The run's parts in which the walker faces one way: (part, +1 to the right of the picture or -1)."""
    smooth = ndimage.uniform_filter1d(bend(run.points), max(1, round(TURN_SECONDS * run.rate)), mode='nearest')
    edges = [0, *np.flatnonzero(np.diff(smooth > 0)) + 1, len(smooth)]
    return [(run.part(first, last), 1 if smooth[first:last].mean() > 0 else -1)
            for first, last in zip(edges, edges[1:]) if last - first > RUN_SECONDS * run.rate]


def view_of(runs, facing):
    """The view of runs in which the walker faces one way, +1 or -1.

    Knees bend forward, which tells the direction; the width of the shoulders in the middle of a walk, in which the
    trunk's turns cancel, tells the angle.
    """
    kind, degrees = angle_of(np.concatenate([run.points for run in runs]))
    side = 'right' if facing > 0 else 'left'                # who walks to the right shows the right side
    return View(kind, degrees, side, side)


def angle_of(points):
    """(kind, degrees) of a `View`, of joints (T, 16, 2); NaN where they are not known."""
    trunk = np.nanmedian(np.linalg.norm(points[:, THORAX] - points[:, PELVIS], axis=1))
    width = abs(np.nanmedian(points[:, SHOULDERS[0], 1] - points[:, SHOULDERS[1], 1]))
    degrees = math.degrees(math.asin(width / max(trunk * WIDTH, width, 1e-9)))
    return 'side' if degrees <= SIDE else 'diagonal' if degrees <= DIAGONAL else 'front', degrees
