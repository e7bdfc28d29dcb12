"""Options that sub-commands share."""
import contextlib
import errno
import os
import pathlib

from gait_processor import PRECISIONS
from gait_recognition.console import check_target, count, seconds, seed
from gait_recognition.facts import Limits
from gait_recognition.galleries import sqlite
from gait_recognition.galleries.places import ServerPlace, is_address
from gait_recognition.kinds import GALLERY
from gait_recognition.tracking.crops import CROP_METHODS

LONGEST_KEY = 4096                  # bytes
WALK_HELP = ('a video, an animation, a folder or pattern of pictures; a folder or pattern of videos stands for each of '
             'them; - for standard input, an address (rtsp://, http://, https://), the number of a camera (with --end)')


def gallery_at(text):
    """argparse type: the file of a gallery, or its address on a server."""
    return ServerPlace(text) if is_address(text) else pathlib.Path(text)


def add_gallery(parser, help='its file, or postgresql://USER@HOST/DATABASE'):
    parser.add_argument('gallery', type=gallery_at, metavar='GALLERY', help=help)
    parser.add_argument('--key-file', type=pathlib.Path, metavar='FILE',
                        help='holds the key of an encrypted gallery: a passphrase, or 64 hexadecimal digits')


def key_in(path):
    """The key that a file holds, without the end of its line; None where no file was named."""
    if path is None:
        return None
    try:
        key = _start_of(path).decode().rstrip('\r\n')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: expected a key as text: {error}') from error
    if not key or '\n' in key:
        raise ValueError(f'{path}: expected one line, the key, got {len(key.splitlines())}')
    return key


def _start_of(path):
    """The bytes of a file or a pipe, which are no more than a key may have; a pipe is given up after a long silence."""
    from gait_recognition.sources import Pipe  # Pillow: not for --help

    with contextlib.closing(Pipe(str(path), str(path))) if path.is_fifo() else open(path, 'rb') as file:
        found = b''
        while len(found) <= LONGEST_KEY and (more := file.read(LONGEST_KEY)):
            found += more
    if len(found) > LONGEST_KEY:
        raise ValueError(f'{path}: expected a key of {LONGEST_KEY} bytes at most')
    return found


def check_changeable(path, key_file, may_be_new=False):
    """Refuse before computing a gallery's file that could not be changed, or made, afterwards."""
    if not isinstance(path, pathlib.Path) or not (may_be_new or path.exists()):
        return
    sqlite.check_name(path)
    check_target(path, writes=None if key_file else GALLERY)    # an encrypted file does not show what it is
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def add_output(parser):
    parser.add_argument('--json', action='store_true', help='print the answer as JSON')
    parser.add_argument('--verbose', action='store_true',
                        help="say more: TensorFlow's messages, which weights and frames are used, where an error arose")


def add_pose_weights(parser):
    parser.add_argument('--pose-weights', metavar='FILE',
                        help='of the pose network (default: the published ones where they are, else those that ship)')


def add_gait_weights(parser):
    parser.add_argument('--gait-weights', metavar='FILE', help='of the gait network (default: those of the pair)')
    parser.add_argument('--recurrent-unit', choices=['GRU', 'LSTM'], type=str.upper,
                        help="of the gait weights, where neither the file's name (...-GRU-1) nor its contents tell")
    parser.add_argument('--rnn-layers', type=count, metavar='N', help='of the gait weights, likewise')


def add_frames(parser):
    _add_crop(parser)
    add_reading(parser)
    parser.add_argument('--max-frames', type=count, default=Limits().frames, metavar='N',
                        help='refuse longer walks (default: %(default)s)')


def _add_crop(parser):
    parser.add_argument('--crop', choices=CROP_METHODS, default='auto',
                        help='how the walker is found. auto (default): by what moves before a still background where '
                             'the joints of the pose network fit it, else by the joints, which --verbose says with '
                             'the reason; refuses what neither is sure of. background: by what moves alone; pose: by '
                             'the joints alone; none: frames are square crops already. These three take what they '
                             'find and check nothing: no company, no shadow, nobody who stands')


def add_reading(parser):
    """How frames are read and looked at, whatever they are of."""
    parser.add_argument('--precision', choices=PRECISIONS, default='float32',
                        help='of the pose network; bfloat16 is faster on processors that have it; its vectors are '
                             'compared with their like only')
    parser.add_argument('--every', type=count, default=1, metavar='N',
                        help='use every Nth frame; the same N for all walks that are compared')
    parser.add_argument('--stream', type=seed, metavar='N',
                        help='number in its file of the video stream to read, where there are several (default: the '
                             'largest)')
    parser.add_argument('--max-pixels', type=count, default=Limits().pixels, metavar='N',
                        help='refuse larger frames and pictures (default: %(default)s)')


def limits(arguments):
    """The `Limits` that were asked for."""
    return Limits(arguments.max_pixels, arguments.max_frames)


def add_describing(parser):
    """What every command that makes vectors takes."""
    for add in (add_pose_weights, add_gait_weights, add_frames):
        add(parser)


def add_range(parser):
    parser.add_argument('--start', type=seconds, metavar='SECONDS',
                        help='leave out what comes before (of pictures, 25 make a second)')
    parser.add_argument('--end', type=seconds, metavar='SECONDS', help='leave out what comes from there on')
