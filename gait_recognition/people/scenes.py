"""What every way to follow people gives."""
from typing import NamedTuple

import numpy as np

from gait_recognition.tracking.track import BEHIND, BORDER


class Sighting(NamedTuple):
    """One of those who were followed.

    Attributes
    ----------
    indices : list of int
        Of the frames given, from 0, ascending.
    boxes : list of np.ndarray (4,)
        Top, left, bottom, right (exclusive), in pixels of the frame and inside of it.
    usable : list of bool
        Whether the frame shows enough of the walker.
    """
    indices: list
    boxes: list
    usable: list


class Scene(NamedTuple):
    """A recording, and who was followed in it.

    Attributes
    ----------
    method : {'background', 'pose', 'boxes'}
    sightings : list of Sighting
    numbers : list of int
        Of all frames given, in the source.
    seconds : list of float
    shape : (int, int)
        Of the frames, pixels.
    remarks : list of str
    stills : sequence of (int, np.ndarray)
        Backgrounds, uint8, of the frames before each of these indices; none where the camera moves.
    """
    method: str
    sightings: list
    numbers: list
    seconds: list
    shape: tuple
    remarks: list
    stills: tuple = ()


def edges_of(box, usable, shape):
    """(edges, reason) of a sight as `track.settle` takes them: NaN, and why, where it makes no crop."""
    if box[0] <= 1 or box[1] <= 1 or box[2] >= shape[0] - 1 or box[3] >= shape[1] - 1:
        return np.full(4, np.nan), BORDER
    return (np.asarray(box, float), '') if usable else (np.full(4, np.nan), BEHIND)
