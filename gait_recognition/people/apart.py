"""Somebody's own crops where others are beside: these are painted over with the background, or the frame left out."""
import numpy as np
from PIL import Image

from gait_recognition.tracking.track import HEIGHT_SHARE

MOST_COVERED = 1 / 3            # of a box, by somebody else's: a crop of more shows two people
MARGIN = 0.08                   # of the height: what belongs to somebody beyond the box, such as a hand


def is_crowded(box, others):
    """Whether somebody else's box covers too much of a box, each (4,): top, left, bottom, right in pixels."""
    if not len(others):
        return False
    others = np.asarray(others, float)
    low, high = np.maximum(others[:, :2], box[:2]), np.minimum(others[:, 2:], box[2:])
    return bool(np.clip(high - low, 0, None).prod(1).max() > MOST_COVERED * np.prod(box[2:] - box[:2]))


def alone(frame, still, box, others):
    """A frame with nobody but one in it, as far as a crop of that one reaches.

    Parameters
    ----------
    frame : np.ndarray, uint8 (H, W, 3)
    still : np.ndarray, uint8 (h, w, 3)
        The background, of any size.
    box : np.ndarray (4,)
        Top, left, bottom, right in pixels of the frame.
    others : sequence of np.ndarray (4,)
        Everybody else's.

    Returns
    -------
    np.ndarray, uint8 (H, W, 3)
        The frame itself where nobody else is near.
    """
    tall, middle = box[2] - box[0], (box[:2] + box[2:]) / 2
    reach = tall / HEIGHT_SHARE / 2
    if not any((other[:2] < middle + reach).all() and (other[2:] > middle - reach).all() for other in others):
        return frame
    found = np.array(Image.fromarray(still).resize(frame.shape[1::-1], Image.Resampling.BILINEAR))
    top, left = np.maximum(np.floor(box[:2] - MARGIN * tall), 0).astype(int)
    bottom, right = np.ceil(box[2:] + MARGIN * tall).astype(int)
    found[top:bottom, left:right] = frame[top:bottom, left:right]
    return found
