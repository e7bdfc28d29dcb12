"""A walker's scene as a video, an animation or a folder of pictures, with its truth beside it."""
import csv
import os
import shutil
import tempfile
from collections.abc import Iterator

import numpy as np
from PIL import Image

from gait_recognition.videos import VIDEOS, encode, write_gif
from gait_recognition.walkers.scenes import FPS, scene
from pose_joints import JOINT_NAMES


def write_scene(path, person: int, index: int = 0, fps: float = FPS, **options) -> str:
    """Write a scene as a folder of PNG frames, an animated GIF or a video, and its truth beside it.

    Parameters
    ----------
    path : str or os.PathLike
        No suffix: a folder of `000000.png`, `000001.png`, ... (must not exist, or be empty); `.gif`: an animation,
        whose frame time is rounded to 10 ms; `.mp4`, `.mov`, `.mkv`, `.avi`: a video (PyAV; odd edges lose a row or
        column).
    person, index, fps, options
        As of `scene`.

    Returns
    -------
    str
        The truth's path: `path` with the suffix `.csv`. A line a frame: frame, top, left, bottom, right (empty while
        outside), then y, x and visible (0 or 1) of each joint; pixels as in `Picture`.

    Notes
    -----
    Both are written aside and moved into place when complete.
    """
    path = os.path.abspath(os.fspath(path))
    stem, suffix = os.path.splitext(path)
    if suffix not in ('', '.gif', *VIDEOS):
        raise ValueError(f'{path}: expected no suffix (PNG frames), .gif, {", ".join(VIDEOS)}; got {suffix}')
    if not suffix and os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise FileExistsError(f'{path}: exists and is not an empty folder; remove it or choose another path')
    if not os.path.isdir(os.path.dirname(path)):
        raise FileNotFoundError(f'{os.path.dirname(path)}: expected an existing folder to write into; create it first')
    frames = scene(person, index, fps=fps, **options)
    truth = stem + '.csv'
    aside = tempfile.mkdtemp(prefix='.scene-', dir=os.path.dirname(path))
    try:
        new, new_truth = os.path.join(aside, 'scene' + suffix), os.path.join(aside, 'truth.csv')
        with open(new_truth, 'w', newline='') as file:
            frames = _noting(frames, csv.writer(file))
            if not suffix:
                os.mkdir(new)
                for number, image in enumerate(frames):
                    Image.fromarray(image).save(os.path.join(new, f'{number:06d}.png'))
            elif suffix == '.gif':
                write_gif(new, frames, fps)
            else:
                encode(new, VIDEOS[suffix], frames, fps)
        os.replace(new, path)
        os.replace(new_truth, truth)
    finally:
        shutil.rmtree(aside)
    return truth


def _noting(frames, writer) -> Iterator[np.ndarray]:
    """Passes the images on and writes a line of truth for each."""
    writer.writerow(['frame', 'top', 'left', 'bottom', 'right']
                    + [f'{name} {value}' for name in JOINT_NAMES for value in ('y', 'x', 'visible')])
    for number, found in enumerate(frames):
        joints = [[f'{y:.2f}', f'{x:.2f}', int(seen)] for (y, x), seen in zip(found.joints, found.visible, strict=True)]
        writer.writerow([number, *('' if np.isnan(edge) else int(edge) for edge in found.box), *sum(joints, [])])
        yield found.image
