"""Estimate the pose of the person in one picture, print each joint's probability, draw the pose.

    python dummy_pose_estimation.py                                   # images/dummy.jpg -> images/dummy_pose.jpg
    python dummy_pose_estimation.py --image walker.png --output walker_pose.png

Standard output gets the 16 lines and nothing else; messages go to standard error.
"""
import sys

if __name__ == '__main__':                                      # before the imports, which take a while
    try:
        from gait_recognition.door import enter
    except KeyboardInterrupt:                                   # `enter` sees to all that comes after it
        print('dummy_pose_estimation: interrupted', file=sys.stderr)
        sys.exit(130)
    sys.exit(enter('dummy_pose_estimation', 'dummy_pose_estimation'))

import argparse
import pathlib

import gait_checkpoints
from gait_recognition.console import as_message, check_target, message_of, program_name
from gait_recognition.drawing import OUTPUT_FORMATS, draw_pose, output_format
from gait_recognition.kinds import PICTURE
from gait_recognition.pictures import read_picture, to_frame
from gait_recognition.weights import load_tensorflow, open_pose_network
from pose_joints import JOINT_NAMES

HERE = pathlib.Path(__file__).resolve().parent
WEIGHTS = ('MPII+LSP.ckpt', gait_checkpoints.SHIPPED_POSE)      # those of the sample output; else those that ship


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
    with open_pose_network(checkpoint, pairs=False) as net:            # each joint alone, as the original's script
        return net.joint_positions(frame[None])[:, 0]


def probability_lines(names, probabilities):
    """The lines to print, one a joint; the first two carry the space before the colon that the original prints."""
    return [f'{name}{" " if i < 2 else ""}: {p:.2%}' for i, (name, p) in enumerate(zip(names, probabilities))]


def _parser():
    parser = argparse.ArgumentParser(prog=program_name(),
                                     description='Estimate and draw the pose of the person in one picture; print the '
                                                 'probability of each of the 16 joints.',
                                     epilog='exit status: 0 done, 2 something is missing or cannot be used')
    parser.add_argument('--image', type=pathlib.Path, metavar='PICTURE',
                        help='AVIF, BMP, GIF, JPEG, PNG, PPM, TIFF or WebP (default: images/dummy.jpg of the source '
                             'checkout)')
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
        # An absolute path is taken as it is; a bare name would be sought in other folders, too.
        if arguments.checkpoint is not None:
            checkpoint = gait_checkpoints.locate(pathlib.Path(arguments.checkpoint).expanduser().absolute())
        else:
            known = gait_checkpoints.default_pose(WEIGHTS)
            checkpoint = known.pose
            if known.notice:
                print(f'dummy_pose_estimation: {known.notice}', file=sys.stderr)
        load_tensorflow()
        y, x, probabilities = estimate_joints(frame, checkpoint)
        draw_pose(frame, y, x, output)
    except (OSError, ValueError) as error:
        print(f'dummy_pose_estimation: {as_message(message_of(error))}', file=sys.stderr)
        return 2
    print('\n'.join(probability_lines(JOINT_NAMES, probabilities)))
    print(f'dummy_pose_estimation: drawn into {output}', file=sys.stderr)
    return 0


def _check_output(output, image):
    """Refuse before computing what could not be written afterwards."""
    output_format(output)
    check_target(output, writes=PICTURE, inputs=[image])
