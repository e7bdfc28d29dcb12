"""Skeletons drawn on pictures, and figures of matplotlib written whole or not at all."""
import contextlib
import pathlib

import numpy as np
from PIL import Image, ImageDraw

from gait_checkpoints import ignoring
from gait_files import replacing
from gait_recognition.tracking.joints import SURE
from pose_joints import LINES

OUTPUT_FORMATS = {'.jpg': 'jpg', '.jpeg': 'jpg', '.png': 'png', '.webp': 'webp'}
LOST = 0.1                              # of the probability from which a joint is sure: below that it is nowhere
LINE_WIDTH = 5                          # points
FIGURE_SIDE, FIGURE_DPI = 6.0, 100      # inches, pixels an inch
COLOURS = {'r': '#ff0000', 'b': '#0000ff', 'm': '#bf00bf', 'y': '#bfbf00', 'g': '#008000', 'c': '#00bfbf'}


def draw_skeleton(frame, joints, sure=SURE):
    """A frame with lines from joint to joint, in the colours of `dummy_pose_estimation`, as wide as the figure asks.

    Parameters
    ----------
    frame : np.ndarray, uint8 (H, W, 3)
    joints : array_like (3, 16)
        y, x in pixels of the frame, probability.
    sure : float
        Lines to a joint of a lower probability are dashed; those to one of less than a tenth of it are left out.

    Returns
    -------
    np.ndarray, uint8 (H, W, 3)
    """
    image = Image.fromarray(frame)
    draw_lines(ImageDraw.Draw(image), joints, sure)
    return np.asarray(image)


def draw_lines(draw, joints, sure=SURE):
    """The lines of `draw_skeleton`, drawn by an `ImageDraw`."""
    y, x, probability = np.asarray(joints, float)
    known = probability >= LOST * sure
    if not known.any():
        return
    width = max(2, round(np.ptp(y[known]) / 40))
    for i, j, colour in LINES:
        if known[i] and known[j]:
            is_sure = probability[[i, j]].min() >= sure
            draw_line(draw, (x[i], y[i]), (x[j], y[j]), COLOURS[colour], width, is_dashed=not is_sure)


def draw_line(draw, start, end, colour, width, is_dashed=False):
    """A line, or dashes of three widths with gaps of two."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(end - start))
    if not is_dashed or not length:
        draw.line([tuple(start), tuple(end)], colour, width)
        return
    along = (end - start) / length
    for at in np.arange(0, length, 5 * width):
        draw.line([tuple(start + at * along), tuple(start + min(at + 3 * width, length) * along)], colour, width)


def draw_pose(frame, y, x, path):
    """Draw a picture and the pose on it, without axes, and save it whole or not at all.

    Parameters
    ----------
    frame : np.ndarray, uint8 (H, W, 3)
    y, x : array_like (16,)
        Joints in pixels of the frame, in the order of `pose_joints.JOINT_NAMES`.
    path : str or os.PathLike
        The suffix, one of `OUTPUT_FORMATS`, decides the format.

    Raises
    ------
    ValueError
        Unknown suffix.
    OSError
        The folder is missing or cannot be written, the disk is full.
    """
    file_format = output_format(path)
    height, width = frame.shape[:2]
    scale = FIGURE_SIDE / max(height, width)
    figure = new_figure((width * scale, height * scale), dpi=FIGURE_DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(frame, interpolation='bicubic', aspect='auto')
    for i, j, colour in LINES:
        axes.plot([x[i], x[j]], [y[i], y[j]], colour, linewidth=LINE_WIDTH, solid_capstyle='round')
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.set_axis_off()
    save_figure(figure, path, file_format, dpi=FIGURE_DPI, pil_kwargs={'quality': 95})


def output_format(path):
    """The picture format that a file's suffix stands for; ValueError where it is none of `OUTPUT_FORMATS`."""
    suffix = pathlib.Path(path).suffix
    if suffix.lower() not in OUTPUT_FORMATS:
        raise ValueError(f'{path}: the picture is written as {", ".join(OUTPUT_FORMATS)}, the suffix is '
                         f'{suffix or "missing"}')
    return OUTPUT_FORMATS[suffix.lower()]


def new_figure(size, **options):
    """A figure of matplotlib, `size` inches, that touches no global state: no display and no pyplot is needed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, **options)
    FigureCanvasAgg(figure)
    return figure


@contextlib.contextmanager
def drawing_text(**settings):
    """Text in figures made in the block is as it stands, whatever names hold; letters without a glyph are no warning.

    `settings` are others of matplotlib's for the block, with _ for the dot of their names.
    """
    import matplotlib

    settings = {name.replace('_', '.', 1): value for name, value in settings.items()}
    with ignoring('Glyph'), matplotlib.rc_context({'text.parse_math': False, **settings}):
        yield


def shortened(name, most=24):
    """A name for a figure: in one line, its middle left out where it is longer than `most` letters."""
    name = ''.join(letter if letter.isprintable() else '\ufffd' for letter in name)
    return name if len(name) <= most else f'{name[:most // 2]}\u2026{name[1 - (most - most // 2):]}'


def save_figure(figure, path, file_format=None, dpi=120, **options):
    """Write a figure; the file appears when it is whole. Its format is that of the suffix, without one PNG."""
    with replacing(path) as file:
        figure.savefig(file, dpi=dpi, format=file_format or pathlib.Path(path).suffix[1:] or 'png', **options)
