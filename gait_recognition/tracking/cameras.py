"""Whether a camera stands still: pictures of one that turns show the same things elsewhere, from end to end."""
import itertools

import numpy as np
from PIL import Image

PAIRS = 8                       # of pictures that are compared
EDGE = 120                      # pixels of the shorter edge of what is compared
NEAR = 0.02                     # of that edge: so far even a still camera's pictures lie beside each other
PEAKS = 3                       # people who walk are moved as well
ROWS, COLUMNS = 4, 8            # of cells that are looked at one by one
CHANGED = 4.0                   # grey levels on the average that noise does not change a cell by
BETTER = 1.6                    # times as much a cell is changed where it lies wrong
ACROSS = 0.7                    # of the columns: what walks about does not move in so many, and all in one direction
TURNS = 0.45                    # of the pairs: fewer are chance, or a push against the camera


def camera_turns(pictures):
    """Whether pictures of a while, uint8 (H, W, 3) each, are of a camera that turns or is carried.

    Nobody can tell before a wall without any pattern: False.
    """
    chosen = np.unique(np.linspace(0, len(pictures) - 1, PAIRS + 1).round().astype(int))
    greys = [_grey(pictures[i]) for i in chosen]
    turned = [_is_turned(a, b) for a, b in itertools.pairwise(greys)]
    return bool(turned) and bool(np.mean(turned) >= TURNS)


def _grey(picture):
    grey = Image.fromarray(picture).convert('L')
    return np.asarray(grey.reduce(max(1, min(grey.size) // EDGE)), np.float32)


def _is_turned(one, other):
    """Whether another picture shows what one does, moved all over."""
    return any(_is_moved(one, other, *shift) for shift in _shifts(one, other))


def _is_moved(one, other, down, right):
    height, width = one.shape
    here = slice(max(0, down), height + min(0, down)), slice(max(0, right), width + min(0, right))
    there = slice(max(0, -down), height + min(0, -down)), slice(max(0, -right), width + min(0, -right))
    stays, moves = _cells(np.abs(one - other)[here]), _cells(np.abs(one[here] - other[there]))
    moved = (stays > CHANGED) & (stays > BETTER * moves)
    stayed = (moves > CHANGED) & (moves > BETTER * stays)
    return moved.any(0).mean() >= ACROSS and moved.sum() > 2 * stayed.sum()


def _shifts(one, other):
    """The likeliest (down, right) in pixels by which one picture's pattern lies off another's, or a part of it does:
    the peaks of the phase correlation (Kuglin and Hines 1975)."""
    fading = np.outer(*(np.hanning(edge + 2)[1:-1] for edge in one.shape)).astype(np.float32)
    a, b = (np.fft.rfft2((each - each.mean()) * fading) for each in (one, other))
    both = a * b.conj()
    match = np.fft.irfft2(both / np.maximum(np.abs(both), 1e-6), one.shape)
    near = max(1, round(NEAR * min(one.shape)))
    rows, columns = (np.arange(edge) for edge in one.shape)
    peak = 0, 0
    for _ in range(PEAKS):
        off = [np.abs(each - at) for each, at in zip((rows, columns), peak)]
        off = [np.minimum(each, edge - each) <= near for each, edge in zip(off, one.shape)]
        match[np.ix_(*off)] = -np.inf
        peak = np.unravel_index(match.argmax(), match.shape)
        down, right = (int(at) if at <= edge / 2 else int(at) - edge for at, edge in zip(peak, one.shape))
        if abs(down) < one.shape[0] / 2 and abs(right) < one.shape[1] / 2:
            yield down, right


def _cells(values):
    """The mean of each cell, (ROWS, COLUMNS)."""
    rows, columns = (np.linspace(0, edge, count, endpoint=False).astype(int)
                     for edge, count in zip(values.shape, (ROWS, COLUMNS)))
    sums = np.add.reduceat(np.add.reduceat(values, rows, 0), columns, 1)
    return sums / np.outer(np.diff([*rows, values.shape[0]]), np.diff([*columns, values.shape[1]]))
