"""Scenes of one walker or several as videos, animations or folders of pictures, with their truth beside them."""
import csv
import os
import shutil
import tempfile
from collections.abc import Iterator

import numpy as np
from PIL import Image

from gait_recognition.videos import VIDEOS, encode, write_gif
from gait_recognition.walkers.crossings import crossing
from gait_recognition.walkers.scenes import FPS, scene
from pose_joints import JOINT_NAMES

END_OF_LINE = {'.csv': '\r\n', '.txt': '\n'}           # of truths


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
    return _written(path, fps, '.csv', lambda: scene(person, index, fps=fps, **options), _noting)


def write_crossing(path, people, index: int = 0, fps: float = FPS, **options) -> str:
    """Write a scene of several people, as `write_scene`, and everybody's boxes beside it.

    Parameters
    ----------
    path : str or os.PathLike
        As of `write_scene`.
    people, index, fps, options
        As of `crossings.crossing`.

    Returns
    -------
    str
        The truth's path: `path` with the suffix `.txt`. MOTChallenge's text, a line a box: frame and track (both from
        1; track 1 is the first of `people`), left, top (the first pixel is 1), width, height, 1, 1, visibility.
    """
    return _written(path, fps, '.txt', lambda: crossing(people, index, fps=fps, **options), _noting_boxes)


def _written(path, fps, truth_suffix, frames, noting) -> str:
    """Write the frames that `frames()` yields, with a line or more of truth for each; return the truth's path."""
    path = os.path.abspath(os.fspath(path))
    stem, suffix = os.path.splitext(path)
    if suffix not in ('', '.gif', *VIDEOS):
        raise ValueError(f'{path}: expected no suffix (PNG frames), .gif, {", ".join(VIDEOS)}; got {suffix}')
    if not suffix and os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise FileExistsError(f'{path}: exists and is not an empty folder; remove it or choose another path')
    if not os.path.isdir(os.path.dirname(path)):
        raise FileNotFoundError(f'{os.path.dirname(path)}: expected an existing folder to write into; create it first')
    frames, truth = frames(), stem + truth_suffix
    aside = tempfile.mkdtemp(prefix='.scene-', dir=os.path.dirname(path))
    try:
        new, new_truth = os.path.join(aside, 'scene' + suffix), os.path.join(aside, 'truth')
        with open(new_truth, 'w', newline='') as file:
            frames = noting(frames, csv.writer(file, lineterminator=END_OF_LINE[truth_suffix]))
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


def _noting_boxes(frames, writer) -> Iterator[np.ndarray]:
    """Passes the images on and writes a line for everybody inside."""
    for number, found in enumerate(frames, 1):
        for track, (box, seen) in enumerate(zip(found.boxes, found.visibility, strict=True), 1):
            if not np.isnan(box).any():
                top, left, bottom, right = box.astype(int)
                writer.writerow([number, track, left + 1, top + 1, right - left + 1, bottom - top + 1, 1, 1,
                                 f'{seen:.3f}'])
        yield found.image
