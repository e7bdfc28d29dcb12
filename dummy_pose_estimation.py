"""Estimate the pose of the person in one picture, print each joint's probability, draw the pose.

    python dummy_pose_estimation.py                                   # images/dummy.jpg -> images/dummy_pose.jpg
    python dummy_pose_estimation.py --image walker.png --output walker_pose.png

Standard output gets the 16 lines and nothing else; messages go to standard error. This room reads pictures and draws
poses; the network is `human_pose_nn`'s, and finding its weights is `gait_checkpoints`'.
"""
import argparse
import os
import pathlib
import sys
import warnings

import numpy as np
from PIL import Image, ImageOps

from pose_joints import JOINT_NAMES, LINE_COLOURS, NO_LINE

HERE = pathlib.Path(__file__).resolve().parent
WEIGHTS = (('MPII+LSP.ckpt',), ('walkers-pose.npz',))       # the published ones; else those that ship
OUTPUT_FORMATS = {'.jpg': 'jpg', '.jpeg': 'jpg', '.png': 'png', '.webp': 'webp'}
WHITE_16_BIT = 65535

LINE_WIDTH = 5                          # points
FIGURE_SIDE, FIGURE_DPI = 6.0, 100      # inches, pixels an inch


def read_picture(path):
    """Read a picture of any kind that Pillow opens: turned upright as its EXIF says, transparent parts on white.

    Of a file with several pictures, the first. 16-bit grey is scaled to 8 bits, 32-bit grey stretched from its darkest
    to its brightest pixel.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    PIL.Image.Image
        Mode RGB, 8 bits a channel.

    Raises
    ------
    ValueError
        No picture, broken, truncated, of a kind that cannot be turned into RGB, or beyond Pillow's limit of size
        (twice `PIL.Image.MAX_IMAGE_PIXELS`).
    OSError
        Not there, or not readable.
    """
    with open(path, 'rb') as file, warnings.catch_warnings():
        # Pillow warns from half its limit on; a picture the user names may be as large as that.
        warnings.simplefilter('ignore', Image.DecompressionBombWarning)
        try:
            with Image.open(file) as image:
                return _to_rgb(ImageOps.exif_transpose(image))
        except Image.DecompressionBombError as error:
            raise ValueError(f'{path} is too large a picture ({error}); scale it down first') from error
        except Exception as error:          # decoders meet broken files with errors of every class
            raise ValueError(f'{path} cannot be read as a picture; it is broken, truncated or another kind of file '
                             f'({type(error).__name__}: {error})') from error


def _to_rgb(image):
    if image.mode[0] in 'IF':               # 16 or 32 bits: Pillow would cut at 255 where it has to scale
        values = np.nan_to_num(np.asarray(image, np.float32))
        low, high = float(values.min()), float(values.max())
        if image.mode != 'F' and low >= 0 and high <= WHITE_16_BIT:
            low, high = 0.0, WHITE_16_BIT
        values = (values - low) * (255.0 / max(high - low, np.finfo(np.float32).tiny))
        return Image.fromarray(values.round().astype(np.uint8)).convert('RGB')
    if image.has_transparency_data:
        image = image.convert('RGBA')
        image = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image)
    return image.convert('RGB')


def to_frame(picture, size=299):
    """Scale a picture to the network's input, as the original did: bilinear, to a square, whatever its proportions.

    Parameters
    ----------
    picture : PIL.Image.Image
        Mode RGB.
    size : int
        Side in pixels.

    Returns
    -------
    np.ndarray, uint8 (size, size, 3)
    """
    return np.asarray(picture.resize((size, size), Image.BILINEAR))


def estimate_joints(frame, checkpoint):
    """Build the pose network, restore it and run it on one frame.

    Parameters
    ----------
    frame : np.ndarray, uint8 (299, 299, 3)
    checkpoint : str or os.PathLike

    Returns
    -------
    np.ndarray, float32 (3, 16)
        y and x in pixels of the frame; probability, 0 to 1.

    Raises
    ------
    ValueError, OSError
        The checkpoint cannot be used; see `HumanPoseIRNetwork.restore`.
    """
    from human_pose_nn import HumanPoseIRNetwork

    with HumanPoseIRNetwork() as net:
        net.restore(checkpoint)
        return net.joint_positions(frame[None])[:, 0]


def draw_pose(frame, y, x, path):
    """Draw a picture and the pose on it, without axes, and save it whole or not at all.

    Parameters
    ----------
    frame : np.ndarray, uint8 (H, W, 3)
    y, x : array_like (16,)
        Joints in pixels of the frame, in the order of `human_pose_nn.JOINT_NAMES`.
    path : str or os.PathLike
        The suffix, one of `OUTPUT_FORMATS`, decides the format.

    Raises
    ------
    ValueError
        Unknown suffix.
    OSError
        The folder is missing or cannot be written, the disk is full.
    """
    # Not pyplot: no display is needed and no global state touched.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    file_format = output_format(path)
    height, width = frame.shape[:2]
    scale = FIGURE_SIDE / max(height, width)
    figure = Figure(figsize=(width * scale, height * scale), dpi=FIGURE_DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(frame, interpolation='bicubic', aspect='auto')
    for i, colour in enumerate(LINE_COLOURS):
        if i not in NO_LINE:
            axes.plot(x[i:i + 2], y[i:i + 2], colour, linewidth=LINE_WIDTH, solid_capstyle='round')
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.set_axis_off()
    beside = f'{os.fspath(path)}.{os.getpid()}.part'
    try:
        FigureCanvasAgg(figure).print_figure(beside, format=file_format, pil_kwargs={'quality': 95})
        os.replace(beside, path)
    except BaseException:
        pathlib.Path(beside).unlink(missing_ok=True)
        raise


def output_format(path):
    """The picture format that a file's suffix stands for; ValueError where it is none of `OUTPUT_FORMATS`."""
    suffix = pathlib.Path(path).suffix
    if suffix.lower() not in OUTPUT_FORMATS:
        raise ValueError(f'{path}: the picture is written as {", ".join(OUTPUT_FORMATS)}, the suffix is '
                         f'{suffix or "missing"}')
    return OUTPUT_FORMATS[suffix.lower()]


def probability_lines(names, probabilities):
    """The lines to print, one a joint; the first two carry the space before the colon that the original prints."""
    return [f'{name}{" " if i < 2 else ""}: {p:.2%}' for i, (name, p) in enumerate(zip(names, probabilities))]


def _parser():
    parser = argparse.ArgumentParser(description='Estimate and draw the pose of the person in one picture; print the '
                                                 'probability of each of the 16 joints.',
                                     epilog='exit status: 0 done, 2 something is missing or cannot be used')
    parser.add_argument('--image', type=pathlib.Path, metavar='PICTURE',
                        help='any picture that Pillow opens (default: images/dummy.jpg of the source checkout)')
    parser.add_argument('--output', type=pathlib.Path, metavar='PICTURE',
                        help=f'where the drawing goes, {", ".join(OUTPUT_FORMATS)} (default: images/dummy_pose.jpg of '
                             'the source checkout; where there is none, dummy_pose.jpg in the working directory)')
    parser.add_argument('--checkpoint', metavar='FILE',
                        help='weights of the pose network; this file and no other (default: MPII+LSP.ckpt in '
                             "./models, the source checkout's models/ or the user data folder; where it is in none of "
                             'them, the weights that ship)')
    return parser


def main(argv=None):
    """Run the command; return its exit status (0 done, 2 something is missing or cannot be used).

    Parameters
    ----------
    argv : list of str, optional
        Its arguments; by default the process's.
    """
    arguments = _parser().parse_args(argv)
    images = HERE / 'images'
    image = arguments.image or images / 'dummy.jpg'
    output = arguments.output or (images if images.is_dir() else pathlib.Path()) / 'dummy_pose.jpg'
    try:
        if arguments.image is None and not image.exists():
            raise FileNotFoundError(f'{image}: the dummy picture comes with the source checkout only; name a picture '
                                    'with --image')
        _check_output(output, image)
        frame = to_frame(read_picture(image))
        # TensorFlow takes seconds to start: only now that nothing else is wrong.
        import gait_checkpoints

        # An absolute path is taken as it is; a bare name would be sought in other folders, too.
        if arguments.checkpoint is not None:
            checkpoint = gait_checkpoints.locate(pathlib.Path(arguments.checkpoint).expanduser().absolute())
        else:
            checkpoint, = gait_checkpoints.default_weights(WEIGHTS)
            if checkpoint.name == WEIGHTS[-1][0]:
                print(f'dummy_pose_estimation: using {checkpoint}, weights trained on synthetic walkers; for people '
                      'get the published ones: python fetch_models.py', file=sys.stderr)
        y, x, probabilities = estimate_joints(frame, checkpoint)
        draw_pose(frame, y, x, output)
    except (OSError, ValueError) as error:
        said = f'{error.filename}: {error.strerror}' if getattr(error, 'filename', None) else error
        print(f'dummy_pose_estimation: {said}', file=sys.stderr)
        return 2
    print('\n'.join(probability_lines(JOINT_NAMES, probabilities)))
    return 0


def _check_output(output, image):
    """Refuse before computing what could not be written afterwards."""
    output_format(output)
    if not output.absolute().parent.is_dir():
        raise FileNotFoundError(f'{output.parent}: no such folder to write {output.name} in')
    if output.is_dir():
        raise IsADirectoryError(f'{output} is a folder; --output names the picture to write')
    if output.exists() and image.exists() and output.samefile(image):
        raise ValueError(f'{output} is the picture to read; name another with --output')


if __name__ == '__main__':
    sys.exit(main())
