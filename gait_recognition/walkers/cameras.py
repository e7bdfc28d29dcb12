"""Where a figure stands in the picture and how it is seen, and what camera and file do to the picture."""
import functools
import io
import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter


class Camera(NamedTuple):
    """Where a figure stands in the picture and how it is seen.

    `heading`: radians, 0 = walking to the right of the picture, pi = to the left, positive = away from the camera;
    `elevation`: radians that the camera looks down; `roll`: radians; `scale`: pixels a metre at the figure; `distance`:
    metres (perspective within the figure); `origin`: (y, x) pixels where the ground point below x = 0 lies.
    """

    heading: float
    elevation: float
    roll: float
    scale: float
    distance: float
    origin: tuple

    def project(self, points: np.ndarray) -> tuple:
        """Picture coordinates (N, 2), (y, x), and depths (N,), metres towards the camera, of points (N, 3)."""
        right_down_near = points @ _view(self.heading, self.elevation, self.roll)
        near = right_down_near[:, 2]
        grow = self.scale / (1 - near / self.distance)
        return right_down_near[:, 1::-1] * grow[:, None] + self.origin, near


@functools.lru_cache(maxsize=256)
def _view(heading: float, elevation: float, roll: float) -> np.ndarray:
    """Matrix (3, 3) whose columns are right, down and towards the camera for points forward, left, up."""
    cos_h, sin_h, cos_e, sin_e = math.cos(heading), math.sin(heading), math.cos(elevation), math.sin(elevation)
    across = np.array([cos_h, -sin_h, 0])
    down = -np.array([sin_h * sin_e, cos_h * sin_e, cos_e])
    near = np.array([-sin_h * cos_e, -cos_h * cos_e, sin_e])
    cos_r, sin_r = math.cos(roll), math.sin(roll)
    return np.stack([across * cos_r - down * sin_r, down * cos_r + across * sin_r, near], -1)


def to_planes(image: Image.Image) -> np.ndarray:
    """(3, H, W) float32: whole planes are what NumPy is quick with."""
    return np.stack([np.asarray(band) for band in image.split()]).astype(np.float32)


def to_image(planes: np.ndarray) -> Image.Image:
    """The picture of planes (3, H, W), clipped to 0 ... 255."""
    planes = np.minimum(np.maximum(planes, 0), 255).astype(np.uint8)
    return Image.merge('RGB', [Image.fromarray(plane) for plane in planes])


class Finish(NamedTuple):
    """What camera and file do to the picture."""

    gain: tuple
    contrast: float
    lift: float
    gamma: float
    blur: float
    detail: float        # share of the pixels that the picture was taken with
    noise: float
    quality: int         # of the JPEG file, 0 = none


def random_finish(rng) -> Finish:
    cast = 1 + 0.12 * rng.uniform(-1, 1, 3) * rng.random()
    return Finish(tuple(cast * rng.uniform(0.75, 1.15)), rng.uniform(0.75, 1.15), rng.uniform(-15, 25),
                  rng.uniform(0.8, 1.25), rng.uniform(0, 1.1) * (rng.random() < 0.6),
                  rng.uniform(0.45, 1) if rng.random() < 0.3 else 1.0,
                  rng.uniform(0, 11) * (rng.random() < 0.7), int(rng.integers(30, 96)) if rng.random() < 0.75 else 0)


def apply_finish(canvas: np.ndarray, style: Finish, rng) -> np.ndarray:
    """uint8 (H, W, 3) of a canvas (3, H, W)."""
    image = to_image(canvas)
    levels = (np.arange(256) - 128) * (style.contrast * np.array(style.gain)[:, None]) + (128 + style.lift)
    levels = 255 * (np.clip(levels, 0, 255) / 255) ** style.gamma
    image = image.point(levels.astype(np.uint8).ravel().tolist())
    if style.detail < 1:
        small = [max(round(edge * style.detail), 8) for edge in image.size]
        image = image.resize(small, Image.Resampling.BILINEAR).resize(image.size, Image.Resampling.BICUBIC)
    if style.blur > 0.2:
        image = image.filter(ImageFilter.BoxBlur(style.blur))
    if style.noise:
        image = to_image(to_planes(image) + rng.standard_normal(canvas.shape[1:], np.float32) * np.float32(style.noise))
    if style.quality:
        image = through_jpeg(image, style.quality)
    return np.array(image)


def through_jpeg(image, quality):
    """An RGB picture as a JPEG file of that quality (1 to 95) shows it."""
    file = io.BytesIO()
    image.save(file, 'JPEG', quality=quality)
    return Image.open(file).convert('RGB')


def heading_of(leftwards: bool, yaw: float) -> float:
    return math.pi * leftwards + math.radians(yaw)
