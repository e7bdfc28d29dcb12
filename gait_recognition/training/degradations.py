"""What pedestrian video does to a picture: little resolution, compression, blur, darkness, shadows, things in front.

Each degradation takes a picture, uint8 (H, W, 3), and a random generator, and gives one of the same shape.
"""
import io
import math

import numpy as np
from PIL import Image, ImageFilter

RECORDING = 1                   # to be raised when the same walk and seed would be recorded otherwise
SMALL_FIGURE = (60, 120)        # pixels: heights of a pedestrian in surveillance video
QUALITY = (12, 60)              # of the JPEG file: about what video codecs leave
BLUR = (2.0, 9.0)               # pixels of 299 that the camera or the figure moves during exposure
DARK = (0.12, 0.5)              # share of the light that is left
JUMPS, JUMP = 0.15, 2.5         # share of the frames in which a walker's crop jumps, and how far, pixels of 299
FIGURE = 0.7 * 299              # pixels: the height of the figure in a walker's crop
COVER = (0.08, 0.3)             # edges of what stands in front, shares of the picture's


def degrade(image, figure, rng, noise=None):
    """A picture as a surveillance camera would have recorded it.

    Parameters
    ----------
    image : np.ndarray, uint8 (H, W, 3)
    figure : float
        Height of the figure in pixels.
    rng : np.random.Generator
    noise : np.random.Generator, optional
        What the sensor's noise is drawn from, where frames that share `rng` shall not share it.

    Returns
    -------
    np.ndarray, uint8 (H, W, 3)
    """
    more = {small: (figure, rng), dark: (rng, noise)}
    for change, chance in CHANCES:
        if rng.random() < chance:
            image = change(image, *more.get(change, (rng,)))
    return image


def recorded(images, seed, figure=FIGURE):
    """The frames of a walk as one worse camera would have recorded them, its crops a few pixels off.

    Parameters
    ----------
    images : iterable of np.ndarray, uint8 (H, W, 3)
    seed : int or sequence of int
        Decides what the camera is like, the same in every frame, and each frame's noise and place.
    figure : float
        Height of the figure in pixels.

    Yields
    ------
    np.ndarray, uint8 (H, W, 3)
    """
    noise, offset = np.random.default_rng(seed), np.zeros(2)
    for image in images:
        if noise.random() < JUMPS:
            offset = noise.normal(0, JUMP, 2).clip(-3 * JUMP, 3 * JUMP)
        yield degrade(_moved(image, *np.rint(offset).astype(int)), figure, np.random.default_rng(seed), noise)


def _moved(image, down, right):
    """A picture moved by some pixels, its edge repeated."""
    height, width = image.shape[:2]
    rows, columns = np.arange(height) - down, np.arange(width) - right
    return image[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))]


def grey(image, rng):
    """Without colour, as many cameras and all infrared ones are."""
    return np.repeat(np.asarray(Image.fromarray(image).convert('L'))[..., None], 3, axis=2)


def small(image, figure, rng):
    """Recorded with a figure of `SMALL_FIGURE` pixels and enlarged again."""
    share = rng.uniform(*SMALL_FIGURE) / max(figure, 1.0)
    if share >= 1:
        return image
    height, width = image.shape[:2]
    edges = max(8, round(width * share)), max(8, round(height * share))
    down = Image.Resampling.BOX if rng.random() < 0.5 else Image.Resampling.BILINEAR
    less = Image.fromarray(image).resize(edges, down)
    back = Image.Resampling.BILINEAR if rng.random() < 0.6 else Image.Resampling.BICUBIC
    return np.asarray(less.resize((width, height), back))


def blurred(image, rng):
    """Moved during exposure, mostly sideways."""
    reach = rng.uniform(*BLUR) * image.shape[1] / 299
    angle = rng.normal(0, 0.35)
    size = 2 * math.ceil(reach / 2) + 1
    offset = np.linspace(-reach / 2, reach / 2, 4 * size)
    kernel = np.zeros((size, size))
    rows, columns = offset * math.sin(angle) + size // 2, offset * math.cos(angle) + size // 2
    np.add.at(kernel, (np.rint(rows).astype(int), np.rint(columns).astype(int)), 1)
    if size <= 5:                                           # the kernels that Pillow takes are 3 x 3 and 5 x 5
        kernel = np.pad(kernel, (5 - size) // 2)
        return np.asarray(Image.fromarray(image).filter(ImageFilter.Kernel((5, 5), kernel.ravel())))
    total = np.zeros(image.shape, np.float32)
    padded = np.pad(image, ((size // 2, size // 2), (size // 2, size // 2), (0, 0)), 'edge')
    for row, column in zip(*np.nonzero(kernel)):
        total += padded[row:row + image.shape[0], column:column + image.shape[1]] * np.float32(kernel[row, column])
    return np.rint(total / kernel.sum()).astype(np.uint8)


def dark(image, rng, noise=None):
    """Little light: darker, of less contrast, and noisy."""
    light = rng.uniform(*DARK)
    noise = (noise or rng).standard_normal(image.shape, np.float32) * np.float32(rng.uniform(2, 9))
    lift = np.float32(rng.uniform(0, 25))
    return np.clip(image * np.float32(light) + noise + lift, 0, 255).astype(np.uint8)


def shadowed(image, rng):
    """A soft-edged shadow over one side of a line, or a band of it."""
    height, width = image.shape[:2]
    angle, edge = rng.uniform(0, 2 * math.pi), max(2.0, rng.uniform(0.01, 0.12) * width)
    across = (np.arange(width, dtype=np.float32) - width * rng.uniform(0.2, 0.8)) * math.cos(angle)
    along = (np.arange(height, dtype=np.float32)[:, None] - height * rng.uniform(0.2, 0.8)) * math.sin(angle)
    distance = across + along
    if rng.random() < 0.5:
        distance = np.abs(distance) - width * rng.uniform(0.08, 0.25)
    shade = 1 - np.float32(rng.uniform(0.25, 0.65)) * np.clip(distance / np.float32(edge), 0, 1)
    return (image * shade[..., None].astype(np.float32)).astype(np.uint8)


def compressed(image, rng):
    """Through a JPEG file of a low quality."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, 'JPEG', quality=int(rng.integers(*QUALITY)))
    return np.asarray(Image.open(file))


def put_in_front(image, joints, other, rng):
    """Something in front: a post, a box, a piece of another picture.

    Parameters
    ----------
    image : np.ndarray, uint8 (H, W, 3)
    joints : np.ndarray (16, 2)
        (y, x) in pixels; may be NaN.
    other : np.ndarray, uint8 (H, W, 3)
        The picture that a piece is taken from.
    rng : np.random.Generator

    Returns
    -------
    image : np.ndarray, uint8 (H, W, 3)
    hidden : np.ndarray, bool (16,)
        Joints that are behind it now.
    """
    height, width = image.shape[:2]
    is_post = rng.random() < 0.3
    high = height if is_post else round(height * rng.uniform(*COVER))
    wide = round(width * (rng.uniform(0.03, 0.1) if is_post else rng.uniform(*COVER)))
    top = 0 if is_post else int(rng.integers(0, height - high + 1))
    left = int(rng.integers(0, width - wide + 1))
    image = image.copy()
    if rng.random() < 0.5:
        fill = np.broadcast_to(rng.integers(0, 256, 3, np.uint8), (high, wide, 3))
    else:
        y, x = int(rng.integers(0, height - high + 1)), int(rng.integers(0, width - wide + 1))
        fill = other[y:y + high, x:x + wide]
    image[top:top + high, left:left + wide] = fill
    joints = np.nan_to_num(joints, nan=-1e6)
    hidden = (joints[:, 0] >= top) & (joints[:, 0] < top + high) & (joints[:, 1] >= left) & (joints[:, 1] < left + wide)
    return image, hidden


def company(image, other, joints, rng):
    """Another person beside: a strip of another picture at a side where none of the joints is."""
    width = image.shape[1]
    known = joints[np.isfinite(joints[:, 1]), 1]
    left_room, right_room = max(0.0, known.min()), max(0.0, width - 1 - known.max())
    room = int(max(left_room, right_room) * rng.uniform(0.6, 0.95))
    if room < 0.12 * width:
        return image
    image = image.copy()
    middle = width // 2 + int(rng.normal(0, 0.1 * width))                   # where the other person stands in theirs
    start = int(np.clip(middle - rng.uniform(0.2, 0.8) * room, 0, width - room))
    strip = other[:, start:start + room]
    if left_room >= right_room:
        image[:, :room] = strip
    else:
        image[:, width - room:] = strip
    return image


# How often each happens to a picture that is degraded at all, in this order.
CHANCES = ((grey, 0.35), (small, 0.6), (blurred, 0.3), (dark, 0.25), (shadowed, 0.25), (compressed, 0.7))
