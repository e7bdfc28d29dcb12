"""What moves before a still background, as connected blobs of a mask."""
from typing import NamedTuple

import numpy as np
from scipy import ndimage, signal

from gait_recognition.people.figures import TRUNK
from gait_recognition.tracking.background import MIN_HEIGHT

SPECK = 0.002                   # of a square of the picture's height: smaller things are no part of anybody
HEAD_PROMINENCE, HEAD_WIDTH = 0.05, 0.14        # of a blob's height
HEAD_OVER = 0.6                 # of it: a column that reaches less far down carries no head


class Blob(NamedTuple):
    """One of them: box (top, left, bottom, right (exclusive)), area, its mask (of the whole picture)."""
    box: np.ndarray
    area: int
    mask: np.ndarray

    @property
    def height(self):
        return self.box[2] - self.box[0]

    @property
    def width(self):
        return self.box[3] - self.box[1]

    @property
    def middle(self):
        """Column of the head and trunk: the median, which swings less than the middle of the box."""
        top, left, bottom, right = self.box.astype(int)
        columns = np.nonzero(self.mask[top:top + max(1, round(TRUNK * (bottom - top))), left:right])[1]
        return left + (float(np.median(columns)) + 0.5 if len(columns) else (right - left) / 2)

    def heads(self):
        """(row, column) of what stands out at its upper edge over a trunk's height of itself: heads, mostly."""
        top, left, bottom, right = self.box.astype(int)
        part = self.mask[top:bottom, left:right]
        tall = bottom - top
        edge = np.where(part.any(0), part.argmax(0), tall)              # rows from the top
        edge = ndimage.median_filter(edge, 3, mode='nearest')
        padded = np.concatenate([[tall], edge, [tall]])
        peaks, _ = signal.find_peaks(-padded, prominence=HEAD_PROMINENCE * tall, distance=max(1, HEAD_WIDTH * tall))
        found, half = [], max(1, round(HEAD_WIDTH / 2 * tall))
        for column in peaks - 1:
            near = slice(max(0, column - half), column + half + 1)
            if part[:, near].any(1).sum() > HEAD_OVER * tall and edge[column] < 0.5 * tall:
                found.append((top + edge[column], left + column + 0.5))
        return found

    def touches(self, shape):
        """Whether it touches a side of a picture of this shape, where people come in and leave."""
        return self.box[1] <= 1 or self.box[3] >= shape[1] - 1

    def is_tall(self, shape):
        return self.height >= MIN_HEIGHT * shape[0]


def blobs_of(mask):
    """The blobs of a mask (H, W), the tallest first; head, trunk and legs hang together though a gap parts them."""
    height = len(mask)
    joined = mask.astype(np.uint8)
    for axis, reach in ((0, height // 12), (1, height // 36)):
        joined = ndimage.maximum_filter1d(joined, 2 * reach + 1, axis)
    labels, _ = ndimage.label(joined)
    labels[~mask] = 0
    found = []
    for label, where in enumerate(ndimage.find_objects(labels), 1):
        if where is None:
            continue
        part = labels[where] == label
        area = int(part.sum())
        if area >= SPECK * height ** 2:
            own = np.zeros(mask.shape, bool)
            own[where] = part
            found.append(_tight(own, where, part, area))
    return sorted(found, key=lambda blob: -blob.height)


def _tight(own, where, part, area):
    """A blob without single pixels at its edges."""
    rows, columns = np.flatnonzero(part.sum(1) >= 2), np.flatnonzero(part.sum(0) >= 2)
    if not len(rows) or not len(columns):
        rows, columns = np.arange(part.shape[0]), np.arange(part.shape[1])
    top, left = where[0].start, where[1].start
    box = top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1
    return Blob(np.array(box, float), area, own)


def union(blobs):
    """Several blobs as one."""
    if len(blobs) == 1:
        return blobs[0]
    boxes = np.stack([blob.box for blob in blobs])
    mask = np.logical_or.reduce([blob.mask for blob in blobs])
    return Blob(np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)]), sum(blob.area for blob in blobs), mask)
