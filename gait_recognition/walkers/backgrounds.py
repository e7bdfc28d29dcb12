"""A still background: a wall or sky, a floor, clutter."""
import numpy as np
from PIL import Image, ImageDraw

from gait_recognition.walkers.cameras import to_planes
from gait_recognition.walkers.looks import mix, noise_tile, random_colour, shade


def _gradient(height: int, first, last) -> np.ndarray:
    """Colours (height, 1, 3) float32 from `first` to `last`."""
    share = np.linspace(0, 1, max(height, 1), dtype=np.float32)[:, None, None]
    return np.asarray(first, np.float32) * (1 - share) + np.asarray(last, np.float32) * share


def _noise_field(rng, height: int, width: int, zoom: float) -> np.ndarray:
    """A window (height, width) float32 of the noise tile, enlarged `zoom` times."""
    if not height:
        return np.zeros((0, width), np.float32)
    rows, columns = ((rng.integers(512) + np.arange(int(edge / zoom) + 2)) % 512 for edge in (height, width))
    window = noise_tile()[np.ix_(rows, columns)]
    return np.asarray(Image.fromarray(window).resize((width, height), Image.Resampling.BILINEAR))


def random_background(rng, height: int, width: int, ground: float, unit: float) -> np.ndarray:
    """A still scene (3, height, width) float32 with a wall or sky, a floor on which feet at row `ground` stand, and
    clutter in the size of a figure `unit` pixels tall."""
    horizon = int(np.clip(ground - unit * rng.uniform(-0.02, 0.45), 0, height))
    sky, wall, floor = (random_colour(rng, (40, 250), rng.choice([0.2, 0.4, 0.8])) for _ in range(3))
    full = height, width
    if rng.random() < 0.6:  # out of focus: drawn small, then enlarged
        shrink = rng.uniform(1.3, 4)
        height, width, horizon = (max(round(edge / shrink), 1) for edge in (height, width, horizon))
        unit /= shrink
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:horizon] = _gradient(horizon, sky, wall if rng.random() < 0.6 else sky)[:horizon]
    canvas[horizon:] = _gradient(height - horizon, floor, shade(floor, rng.uniform(0.6, 1.4)))[:height - horizon]
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)

    def ink(share=0.5):
        return tuple(int(c) for c in mix(random_colour(rng, saturation=1.0), wall, share * rng.random()))

    kind = rng.choice(['plain', 'stripes', 'bricks', 'windows', 'trees', 'blocks', 'tiles'])
    step = unit * rng.uniform(0.06, 0.4)
    if kind == 'stripes':
        colour, slope = ink(0.9), rng.uniform(-1, 1) * unit * rng.integers(0, 2)
        for x in np.arange(-abs(slope), width + abs(slope), max(step, 6)):
            draw.line([(x, 0), (x + slope, horizon)], colour, max(int(step * rng.uniform(0.2, 0.5)), 1))
    elif kind in ('bricks', 'tiles'):
        colour, (low, long) = ink(0.9), (step * 0.5, step)
        for row, y in enumerate(np.arange(0, horizon, max(low, 5))):
            draw.line([(0, y), (width, y)], colour, 1)
            for x in np.arange(0, width, max(long, 8)) + (row % 2 * long / 2 if kind == 'bricks' else 0):
                draw.line([(x, y), (x, y + low)], colour, 1)
    elif kind == 'windows':
        frame, glass = ink(), ink()
        for x in np.arange(rng.uniform(-0.3, 0) * unit, width, 0.3 * unit + step):
            y = horizon - unit * rng.uniform(0.5, 0.9)
            draw.rectangle([x, y, x + 0.28 * unit, y + 0.42 * unit], glass, frame, 2)
    elif kind == 'trees':
        for x in np.arange(0, width, max(step * 2, 12)):
            x = x + rng.uniform(-step, step)
            leaf = tuple(int(c) for c in mix((30, 60, 20), (140, 160, 70), rng.random()))
            top, wide = horizon - unit * rng.uniform(0.4, 1.3), unit * rng.uniform(0.08, 0.25)
            draw.rectangle([x - unit * 0.02, top, x + unit * 0.02, horizon], (70, 52, 40))
            for _ in range(4):
                dx, dy = rng.uniform(-wide, wide, 2)
                draw.ellipse([x + dx - wide, top + dy - wide, x + dx + wide, top + dy + wide], leaf)
    elif kind == 'blocks':
        x = rng.uniform(-1, 0) * unit
        while x < width:
            wide = unit * rng.uniform(0.15, 0.7)
            draw.rectangle([x, horizon - unit * rng.uniform(0.1, 1.4), x + wide, horizon], ink())
            x += wide + unit * rng.uniform(0, 0.3)
    per_frame = width / max(1.4 * unit, 1)  # so that a wide scene is as cluttered as a crop
    for _ in range(rng.poisson(rng.choice([0, 2, 6]) * per_frame)):
        x, y = rng.uniform(-0.1, 1.1) * width, rng.uniform(0, 1.1) * height
        wide, high = unit * rng.uniform(0.03, 0.35, 2)
        shape = rng.integers(4)
        if shape == 0:
            draw.rectangle([x, y, x + wide, y + high], ink())
        elif shape == 1:
            draw.ellipse([x, y, x + wide, y + high], ink())
        elif shape == 2:
            draw.line([(x, y), (x + rng.uniform(-1, 1) * unit, y + rng.uniform(-1, 1) * unit)], ink(),
                      int(rng.integers(1, 2 + int(0.05 * unit))))
        else:
            corners = np.stack([x, y]) + rng.uniform(-1, 1, (5, 2)) * (wide, high)
            draw.polygon([tuple(corner) for corner in corners], ink())
    rough = rng.uniform(0, 0.16) * rng.random() * _noise_field(rng, *full, rng.uniform(0.5, 4))
    rough[round(horizon * full[0] / height):] *= rng.uniform(0.5, 2)
    return to_planes(image.resize(full[::-1], Image.Resampling.BILINEAR)) * (1 + rough)
