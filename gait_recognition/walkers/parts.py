"""One part of a figure, painted: a chain of circles and what spans them, lit as if it were round."""
import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from gait_recognition.walkers.looks import Cloth, Light, noise_tile


class _Surface(NamedTuple):
    """What is seen of a part in a window of the picture, (h, w) each."""

    inside: np.ndarray          # pixels to the outline, negative outside
    down: np.ndarray            # of the unit normal; what is missing to 1 points to the camera
    right: np.ndarray
    along: np.ndarray | None    # pixels along the chain from its first circle; None where the pattern has no use for it


class Part(NamedTuple):
    """A chain of circles and what spans them.

    Attributes
    ----------
    number : int
        What the map of owners gets where the part covers.
    circles : ndarray (K, 3) float32
        (y, x, radius) in pixels; the part is the hull of each two neighbours.
    cloth : Cloth
    light : Light
    unit : float
        Pixels of the figure's stature: the scale of patterns.
    straight : bool
        End straight at the last circle instead of round.
    ball : bool
        Lit as balls; else as tubes, whose ends show no edge where the next part goes on.
    """

    number: int
    circles: np.ndarray
    cloth: Cloth
    light: Light
    unit: float
    straight: bool = False
    ball: bool = False

    def paint(self, canvas: np.ndarray, owner: np.ndarray | None = None):
        """Paint on `canvas` (3, H, W) float32 and write the number into `owner` (H, W) uint8; both change in place."""
        top, left, bottom, right = self._box(*canvas.shape[1:])
        if bottom <= top or right <= left:
            return
        surface = self._surface(np.arange(top, bottom, dtype=np.float32)[:, None],
                                np.arange(left, right, dtype=np.float32)[None])
        cover = np.minimum(np.maximum(surface.inside + 0.5, 0), 1)  # of a pixel, its edges are smooth
        creases = None
        if self.cloth.folds or self.cloth.pattern == 'blotches':
            creases = self._creases(top, left, cover.shape)
        paint = self._colour(surface, creases) * self._brightness(surface, creases)
        window = canvas[:, top:bottom, left:right]
        paint -= window
        paint *= cover
        window += paint
        if owner is not None:
            owner[top:bottom, left:right][cover > 0.5] = self.number

    def _box(self, height: int, width: int) -> tuple:
        """Top, left, bottom and right of the pixels that the part may touch, within the picture."""
        circles = self.circles.tolist()
        top, left = min(y - r for y, _, r in circles), min(x - r for _, x, r in circles)
        bottom, right = max(y + r for y, _, r in circles), max(x + r for _, x, r in circles)
        return (max(math.floor(top) - 1, 0), max(math.floor(left) - 1, 0),
                min(math.ceil(bottom) + 2, height), min(math.ceil(right) + 2, width))

    def _surface(self, yy: np.ndarray, xx: np.ndarray) -> _Surface:
        """The surface at rows `yy` (h, 1) and columns `xx` (1, w): at each pixel, of the segment that is deepest."""
        surface, start = None, 0.0
        for first, last in pairwise(self.circles.tolist()):
            piece, length = self._segment(yy, xx, first, last, start)
            if surface is None:
                surface = piece
            else:
                deeper = piece.inside > surface.inside
                surface = _Surface(*(old if old is None else np.where(deeper, new, old)
                                     for new, old in zip(piece, surface)))
            start += length
        return surface

    def _segment(self, yy, xx, first, last, start: float) -> tuple:
        """The surface between two circles (y, x, radius), `start` pixels along the chain, and the length."""
        (ay, ax, ra), (by, bx, rb) = first, last
        dy, dx = by - ay, bx - ax
        length = math.hypot(dy, dx) + 1e-3  # the circles may share their centre
        py, px = yy - ay, xx - ax
        share = (py * dy + px * dx) / length ** 2
        t = np.minimum(np.maximum(share, 0), 1)
        wy, wx = py - t * dy, px - t * dx
        radius = ra + t * (rb - ra)
        inside = radius - np.sqrt(wy * wy + wx * wx)
        if self.straight:
            inside = np.minimum(inside, (1 - share) * length)
        if not self.ball:
            wy, wx = py - share * dy, px - share * dx
        along = start + t * length if self.cloth.pattern in ('hoops', 'checks') else None
        return _Surface(inside, wy / radius, wx / radius, along), length

    def _creases(self, top: int, left: int, shape) -> np.ndarray:
        """Noise (h, w) that travels with the part."""
        tile = noise_tile()
        y, x = self.circles[0, :2].astype(int)
        shift = 137 * self.number  # so that two parts do not crease alike
        rows, columns = np.arange(shape[0]) + top - y + shift, np.arange(shape[1]) + left - x + shift
        return tile[np.ix_(rows % len(tile), columns % len(tile))]

    def _brightness(self, surface: _Surface, creases) -> np.ndarray:
        right, down, near = self.light.direction
        ny, nx = surface.down, surface.right
        facing = nx * right + ny * down + np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0)) * near
        tone = self.light.ambient + self.light.diffuse * np.maximum(facing, 0)
        return tone * (1 + self.cloth.folds * creases) if self.cloth.folds else tone

    def _colour(self, surface: _Surface, creases) -> np.ndarray:
        """The cloth's colour (3, 1, 1), or its two (3, h, w)."""
        colour = np.array(self.cloth.colour, np.float32)[:, None, None]
        if self.cloth.pattern == 'plain':
            return colour
        return np.where(self._pattern(surface, creases), np.array(self.cloth.second, np.float32)[:, None, None], colour)

    def _pattern(self, surface: _Surface, creases) -> np.ndarray:
        """Where (h, w) bool the cloth has its second colour."""
        if self.cloth.pattern == 'blotches':
            return creases > 0.4
        period = max(self.cloth.period * self.unit, 3.0)
        if self.cloth.pattern == 'hoops':
            return _bands(surface.along, period)
        aside = np.hypot(surface.right, surface.down) * np.sign(surface.right + 1e-6) * self.circles[:, 2].mean()
        stripes = _bands(aside, 0.7 * period)
        return stripes if self.cloth.pattern == 'stripes' else stripes ^ _bands(surface.along, period)


def _bands(at: np.ndarray, period: float) -> np.ndarray:
    """The second half of every period."""
    return at % period > period / 2
