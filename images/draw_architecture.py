"""Draw `architecture.png`: both networks from the frames to the identification vector, every size in place.

    python images/draw_architecture.py
"""
import pathlib
import sys

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle

HERE = pathlib.Path(__file__).resolve().parent
PERSON, FRAMES = 4, (0, 5, 10)          # the walk shown as the input, and three of its frames
INK, GREY = '#22272e', '#6b7280'
POSE, GAIT, SHARED = '#2f6f9f', '#d1662b', '#3c8d5a'
TITLE, TEXT, LABEL = 17, 12.5, 11.5     # points
WIDTH, HEIGHT = 16.0, 7.9               # of the drawing, in its own units; an inch each
POSE_ROW, GAIT_ROW = 5.55, 1.5         # y of the middle of each row


def shade(colour, light):
    """Mix a colour (`#rrggbb`) with white; `light` from 0 (as it is) to 1 (white)."""
    rgb = np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)]) / 255
    return rgb + (1 - rgb) * light


def panel(axes, x, y, width, height, colour, title, subtitle, indent=0.22):
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle='round,pad=0,rounding_size=0.15',
                                  facecolor=shade(colour, 0.93), edgecolor=shade(colour, 0.55), linewidth=1.2))
    axes.text(x + indent, y + height - 0.2, title, fontsize=TITLE, weight='bold', color=colour, va='top')
    axes.text(x + indent, y + height - 0.6, subtitle, fontsize=LABEL, color=GREY, va='top')


def block(axes, x, y, height, depth, colour, above, below):
    """A feature map as a box: `height` for its side in pixels, `depth` for its channels; (x, y) is its middle."""
    slant = 0.32 * height
    left, right, bottom, top = x - depth / 2 - slant / 2, x + depth / 2 - slant / 2, y - height / 2, y + height / 2
    faces = (([(left, bottom), (right, bottom), (right, top), (left, top)], 0.35),
             ([(left, top), (right, top), (right + slant, top + slant / 2), (left + slant, top + slant / 2)], 0.6),
             ([(right, bottom), (right + slant, bottom + slant / 2), (right + slant, top + slant / 2), (right, top)],
              0.1))
    for corners, light in faces:
        axes.add_patch(Polygon(corners, facecolor=shade(colour, light), edgecolor='white', linewidth=0.8))
    label(axes, x, y, height / 2, above, below, slant / 2)


def label(axes, x, y, reach, above, below, slant=0.0):
    axes.text(x, y + reach + slant + 0.1, above, fontsize=LABEL, color=INK, ha='center', va='bottom', linespacing=1.3)
    axes.text(x, y - reach - 0.12, below, fontsize=LABEL, color=GREY, ha='center', va='top', linespacing=1.3)


def arrow(axes, *points, colour=GREY):
    """An arrow along these points."""
    x, y = zip(*points)
    axes.plot(x[:-1], y[:-1], color=colour, linewidth=1.6, solid_joinstyle='round')
    axes.annotate('', points[-1], points[-2],
                  arrowprops={'arrowstyle': '-|>', 'color': colour, 'linewidth': 1.6, 'shrinkA': 0, 'shrinkB': 0})


def show(axes, image, x, y, side, **style):
    extent = (x - side / 2, x + side / 2, y - side / 2, y + side / 2)
    axes.imshow(image, extent=extent, zorder=3, **style)
    axes.add_patch(Rectangle(extent[::2], side, side, fill=False, edgecolor='white', linewidth=1.2, zorder=3))


def heat_map(joints, side):
    """Heat maps of all joints in one picture, as discs that fade out."""
    rows, columns = np.mgrid[:side, :side]
    distances = (rows[..., None] - joints[:, 0]) ** 2 + (columns[..., None] - joints[:, 1]) ** 2
    return np.exp(-distances / (2 * (0.022 * side) ** 2)).max(-1)


def draw_pose_row(axes, walk):
    """Frames -> spatial features, and on to the joints."""
    y = POSE_ROW
    for i, number in enumerate(FRAMES):
        show(axes, walk.images[number], 1.25 + 0.16 * (i - 1), y - 0.12 * (i - 1), 1.5)
    label(axes, 1.25, y, 0.9, 'frames of one walk', 'T × 299 × 299 × 3')
    arrow(axes, (2.3, y), (2.85, y))
    stages = ((3.4, 1.5, 0.22, 'stem', '35 × 35 × 320'), (4.85, 1.5, 0.22, '10 x block35', '35 × 35 × 320'),
              (6.25, 0.85, 0.5, 'Mixed_6a', '17 × 17 × 1088'), (7.7, 0.85, 0.5, '20 x block17', '17 × 17 × 1088'),
              (9.15, 0.85, 0.36, 'auxiliary\ntower', '17 × 17 × 768'))
    for x, height, depth, above, below in stages:
        block(axes, x, y, height, depth, POSE, above, below)
    for start, end in ((3.95, 4.4), (5.35, 5.75), (6.75, 7.15), (8.2, 8.7), (9.6, 10.2)):
        arrow(axes, (start, y), (end, y))
    axes.text(6.25, y + 1.55, 'Inception-ResNet-v2', fontsize=TEXT, color=POSE, ha='center', style='italic')
    block(axes, 10.65, y, 0.85, 0.14, SHARED, 'convolution\n1 × 1', '')
    axes.text(10.65, y - 0.55, 'spatial features\n17 × 17 × 32', fontsize=LABEL, color=SHARED, weight='bold',
              ha='center', va='top', linespacing=1.3)
    arrow(axes, (11.1, y), (11.75, y))
    last = FRAMES[-1]
    show(axes, heat_map(walk.joints[last], 299), 12.6, y, 1.5, cmap='magma')
    label(axes, 12.6, y, 0.75, 'transposed convolution,\nsmoothing, sigmoid', 'heat maps\n289 × 289 × 16')
    arrow(axes, (13.5, y), (13.95, y))
    show(axes, walk.images[last], 14.8, y, 1.5)
    draw_joints(axes, walk.joints[last], 14.8, y, 1.5 / 299)
    label(axes, 14.8, y, 0.75, 'maxima', '16 joints:\ny, x, probability')


def draw_joints(axes, joints, x, y, scale):
    from pose_joints import LINES
    places = np.stack([x + (joints[:, 1] - 149) * scale, y - (joints[:, 0] - 149) * scale])
    for i, j, colour in LINES:
        axes.plot(*places[:, [i, j]], colour, linewidth=2, solid_capstyle='round', zorder=4)


def draw_gait_row(axes):
    """Spatial features -> identification vector."""
    y = GAIT_ROW
    arrow(axes, (10.65, POSE_ROW - 1.15), (10.65, 3.84), (0.6, 3.84), (0.6, y), (1.15, y), colour=SHARED)
    stages = ((1.75, 0.95, 0.3, 'convolution\n1 × 1', '17 × 17 × 256'),
              (3.3, 0.66, 0.4, 'residual block,\nstride 2', '9 × 9 × 512'),
              (4.8, 0.46, 0.4, 'residual block,\nstride 2', '5 × 5 × 512'),
              (6.3, 0.46, 0.3, 'convolutions\n1 × 1, 3 × 3', '5 × 5 × 256'))
    for x, height, depth, above, below in stages:
        block(axes, x, y, height, depth, GAIT, above, below)
    for start, end in ((2.25, 2.85), (3.75, 4.4), (5.2, 5.9), (6.65, 7.35)):
        arrow(axes, (start, y), (end, y))
    block(axes, 7.6, y, 1.1, 0.1, GAIT, 'linear', '512')
    arrow(axes, (7.95, y), (8.6, y))
    for i in range(3):
        x = 9.0 + 0.85 * i
        for level in (-0.27, 0.27):
            axes.add_patch(FancyBboxPatch((x - 0.24, y + level - 0.17), 0.48, 0.34, facecolor=shade(GAIT, 0.25),
                                          boxstyle='round,pad=0,rounding_size=0.07', edgecolor='white'))
            if i < 2:
                arrow(axes, (x + 0.26, y + level), (x + 0.6, y + level), colour=GAIT)
    label(axes, 9.85, y, 0.5, 'GRU or LSTM\nover the T frames', '1 or more layers, T × 512')
    arrow(axes, (11.05, y), (11.75, y))
    axes.text(12.3, y, 'mean\nover time', fontsize=TEXT, color=INK, ha='center', va='center', linespacing=1.3)
    arrow(axes, (12.85, y), (13.5, y))
    vector = np.sin(np.arange(16) * 2.4 + 1)[:, None]                   # no more than a pattern
    axes.imshow(vector, extent=(14.05, 14.3, y - 0.8, y + 0.8), cmap='RdBu', vmin=-1.5, vmax=1.5, zorder=3,
                aspect='auto')
    label(axes, 14.17, y, 0.8, '', '512')
    axes.text(14.17, y + 0.9, 'identification vector', fontsize=LABEL, color=GAIT, weight='bold', ha='center',
              va='bottom')
    arrow(axes, (14.45, y), (14.9, y))
    axes.text(15.28, y, 'linear\nSVM', fontsize=TEXT, color=GREY, ha='center', va='center', linespacing=1.3)


def draw(walk):
    """Draw both rows; `walk` is a `Sequence` of `gait_recognition.walkers.scenes`."""
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=100, facecolor='white')
    axes = figure.add_axes((0, 0, 1, 1))
    panel(axes, 0.2, 4.05, 15.6, 3.7, POSE, 'HumanPoseNN', 'each frame by itself')
    panel(axes, 0.2, 0.15, 15.6, 3.45, GAIT, 'GaitNN', 'each frame by itself up to the linear layer, then all frames '
                                                      'of the walk', 0.75)
    draw_pose_row(axes, walk)
    draw_gait_row(axes)
    axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT), aspect='equal')
    axes.set_axis_off()
    return figure


if __name__ == '__main__':
    sys.path.insert(0, str(HERE.parent))
    from gait_recognition.walkers.scenes import sequence
    FigureCanvasAgg(draw(sequence(PERSON, 0, frames=max(FRAMES) + 1))).print_figure(HERE / 'architecture.png')
