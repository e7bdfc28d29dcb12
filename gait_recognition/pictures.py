"""Pictures of any kind that Pillow opens, as upright RGB of 8 bits a channel: one decoder for all."""
import contextlib
import warnings

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = ('.bmp', '.gif', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')      # looked for in a folder
FORMATS = ('BMP', 'GIF', 'JPEG', 'PNG', 'PPM', 'TIFF', 'WEBP')      # Pillow's, of walks and animations
WHITE_16_BIT = 65535


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
                return to_rgb(image, stretch=True)
        except Image.DecompressionBombError as error:
            raise ValueError(f'{path} is too large a picture ({error}); scale it down first') from error
        except Exception as error:          # decoders meet broken files with errors of every class
            raise ValueError(f'{path} cannot be read as a picture; it is broken, truncated or another kind of file '
                             f'({type(error).__name__}: {error})') from error


@contextlib.contextmanager
def opened_picture(path):
    """A picture file as Pillow opens it, for the block; whatever fails in it is a ValueError that names the file."""
    try:
        with Image.open(path) as picture:
            yield picture
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f'{path} cannot be read as a picture: {error}; put a readable one in its place') from error


def is_picture(path):
    """Whether a file is a single picture; animations and videos are walks."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return picture_count(image) == 1
    except (OSError, Image.DecompressionBombError):         # a folder, a video, or nothing that can be read
        return False


def picture_count(image):
    """How many pictures an opened file holds; 1 of an MPO, a photograph: the further ones are its own previews."""
    return 1 if image.format == 'MPO' else getattr(image, 'n_frames', 1)


def to_rgb(image, stretch=False):
    """A picture turned upright, in RGB of 8 bits a channel, transparent parts on white; 16-bit grey is scaled.

    Parameters
    ----------
    image : PIL.Image.Image
    stretch : bool
        Numbers of 32 bits say nothing of black and white: stretch them from the darkest pixel to the brightest, which
        is another scale for each picture. Otherwise they are refused.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    ValueError
    """
    image = ImageOps.exif_transpose(image)
    if image.mode[0] in 'IF':               # 16 or 32 bits: Pillow would cut at 255 where it has to scale
        values = np.nan_to_num(np.asarray(image, np.float32))
        low, high = float(values.min()), float(values.max())
        if image.mode != 'F' and low >= 0 and high <= WHITE_16_BIT:
            low, high = 0.0, WHITE_16_BIT
        elif not stretch:
            raise ValueError(f'expected 8 or 16 bits a channel, got mode {image.mode}; convert it first')
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
