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


def _whole(colour) -> tuple:
    return tuple(int(channel) for channel in colour)


class _Sketch:
    """A background that is being drawn, in pixels of a picture `width` wide whose floor begins at row `horizon`."""

    def __init__(self, rng, image: Image.Image, horizon: int, unit: float, wall: tuple):
        self.rng, self.draw = rng, ImageDraw.Draw(image)
        self.width, self.height = image.size
        self.horizon, self.unit, self.wall = horizon, unit, wall

    def ink(self, share=0.5) -> tuple:
        """A random colour, mixed with the wall's by at most `share`."""
        colour = random_colour(self.rng, saturation=1.0)
        return _whole(mix(colour, self.wall, share * self.rng.random()))


# Walls: each draws on a sketch what repeats every `step` pixels or so.

def _plain(sketch: _Sketch, step: float):
    """Nothing."""


def _stripes(sketch: _Sketch, step: float):
    rng, unit = sketch.rng, sketch.unit
    colour, slope = sketch.ink(0.9), rng.uniform(-1, 1) * unit * rng.integers(0, 2)
    for x in np.arange(-abs(slope), sketch.width + abs(slope), max(step, 6)):
        sketch.draw.line([(x, 0), (x + slope, sketch.horizon)], colour, max(int(step * rng.uniform(0.2, 0.5)), 1))


def _bricks(sketch: _Sketch, step: float, shift=0.5):
    """Rows of bricks, every other one shifted by this share of a brick."""
    colour, low, long = sketch.ink(0.9), step * 0.5, step
    for row, y in enumerate(np.arange(0, sketch.horizon, max(low, 5))):
        sketch.draw.line([(0, y), (sketch.width, y)], colour, 1)
        for x in np.arange(0, sketch.width, max(long, 8)) + row % 2 * long * shift:
            sketch.draw.line([(x, y), (x, y + low)], colour, 1)


def _tiles(sketch: _Sketch, step: float):
    _bricks(sketch, step, shift=0.0)


def _windows(sketch: _Sketch, step: float):
    rng, unit = sketch.rng, sketch.unit
    frame, glass = sketch.ink(), sketch.ink()
    for x in np.arange(rng.uniform(-0.3, 0) * unit, sketch.width, 0.3 * unit + step):
        y = sketch.horizon - unit * rng.uniform(0.5, 0.9)
        sketch.draw.rectangle([x, y, x + 0.28 * unit, y + 0.42 * unit], glass, frame, 2)


def _trees(sketch: _Sketch, step: float):
    rng, unit, draw = sketch.rng, sketch.unit, sketch.draw
    for x in np.arange(0, sketch.width, max(step * 2, 12)):
        x = x + rng.uniform(-step, step)
        leaf = _whole(mix((30, 60, 20), (140, 160, 70), rng.random()))
        top, wide = sketch.horizon - unit * rng.uniform(0.4, 1.3), unit * rng.uniform(0.08, 0.25)
        draw.rectangle([x - unit * 0.02, top, x + unit * 0.02, sketch.horizon], (70, 52, 40))
        for _ in range(4):
            dx, dy = rng.uniform(-wide, wide, 2)
            draw.ellipse([x + dx - wide, top + dy - wide, x + dx + wide, top + dy + wide], leaf)


def _blocks(sketch: _Sketch, step: float):
    rng, unit = sketch.rng, sketch.unit
    x = rng.uniform(-1, 0) * unit
    while x < sketch.width:
        wide = unit * rng.uniform(0.15, 0.7)
        top = sketch.horizon - unit * rng.uniform(0.1, 1.4)
        sketch.draw.rectangle([x, top, x + wide, sketch.horizon], sketch.ink())
        x += wide + unit * rng.uniform(0, 0.3)


# In the order in which their numbers are drawn.
_WALLS = {'plain': _plain, 'stripes': _stripes, 'bricks': _bricks, 'windows': _windows, 'trees': _trees,
          'blocks': _blocks, 'tiles': _tiles}


def _clutter(sketch: _Sketch):
    """No, a few or many things."""
    rng = sketch.rng
    frames = sketch.width / max(1.4 * sketch.unit, 1)  # so that a wide scene is as cluttered as a crop
    for _ in range(rng.poisson(rng.choice([0, 2, 6]) * frames)):
        _thing(sketch)


def _thing(sketch: _Sketch):
    """A rectangle, an ellipse, a line or a polygon, anywhere."""
    rng, unit, draw = sketch.rng, sketch.unit, sketch.draw
    x, y = rng.uniform(-0.1, 1.1) * sketch.width, rng.uniform(0, 1.1) * sketch.height
    wide, high = unit * rng.uniform(0.03, 0.35, 2)
    shape = ('rectangle', 'ellipse', 'line', 'polygon')[rng.integers(4)]
    if shape == 'rectangle':
        draw.rectangle([x, y, x + wide, y + high], sketch.ink())
    elif shape == 'ellipse':
        draw.ellipse([x, y, x + wide, y + high], sketch.ink())
    elif shape == 'line':
        end = x + rng.uniform(-1, 1) * unit, y + rng.uniform(-1, 1) * unit
        draw.line([(x, y), end], sketch.ink(), int(rng.integers(1, 2 + int(0.05 * unit))))
    else:
        corners = np.stack([x, y]) + rng.uniform(-1, 1, (5, 2)) * (wide, high)
        draw.polygon([tuple(corner) for corner in corners], sketch.ink())


def _wall_and_floor(rng, height: int, width: int, horizon: int, colours) -> Image.Image:
    """Sky or wall above row `horizon`, floor below, each even or from one colour to another."""
    sky, wall, floor = colours
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:horizon] = _gradient(horizon, sky, wall if rng.random() < 0.6 else sky)[:horizon]
    canvas[horizon:] = _gradient(height - horizon, floor, shade(floor, rng.uniform(0.6, 1.4)))[:height - horizon]
    return Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))


def random_background(rng, height: int, width: int, ground: float, unit: float) -> np.ndarray:
    """A still scene (3, height, width) float32 with a wall or sky, a floor on which feet at row `ground` stand, and
    clutter in the size of a figure `unit` pixels tall."""
    full = height, width
    horizon = int(np.clip(ground - unit * rng.uniform(-0.02, 0.45), 0, height))
    colours = [random_colour(rng, (40, 250), rng.choice([0.2, 0.4, 0.8])) for _ in range(3)]
    if rng.random() < 0.6:  # out of focus: drawn small, then enlarged
        shrink = rng.uniform(1.3, 4)
        height, width, horizon = (max(round(edge / shrink), 1) for edge in (height, width, horizon))
        unit /= shrink
    image = _wall_and_floor(rng, height, width, horizon, colours)
    sketch = _Sketch(rng, image, horizon, unit, wall=colours[1])
    draw_wall = _WALLS[rng.choice(list(_WALLS))]
    draw_wall(sketch, step=unit * rng.uniform(0.06, 0.4))
    _clutter(sketch)
    rough = rng.uniform(0, 0.16) * rng.random() * _noise_field(rng, *full, rng.uniform(0.5, 4))
    rough[round(horizon * full[0] / height):] *= rng.uniform(0.5, 2)
    return to_planes(image.resize(full[::-1], Image.Resampling.BILINEAR)) * (1 + rough)
