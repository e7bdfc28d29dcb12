"""Joints as rows, and written into files: CSV, JSON, and TRC as OpenSim and its like read it."""
import csv
import json

import numpy as np

import gait_files
from gait_recognition.kinds import JOINT_COLUMNS, TRACK_JOINT_COLUMNS
from gait_recognition.tracking.joints import SURE
from pose_joints import COCO_JOINTS, JOINT_NAMES

KEYPOINTS = {'16': {name: number for number, name in enumerate(JOINT_NAMES)}, 'coco': COCO_JOINTS}
SUFFIXES = ('.csv', '.json', '.trc')


def joint_rows(poses, sure=SURE, keypoints='16', with_crowded=False):
    """A dict a joint, of the columns of `JOINT_COLUMNS` but the path.

    Parameters
    ----------
    poses : list of FrameJoints
    sure : float
        From which probability a joint is marked as sure; none is of a crowded frame.
    keypoints : {'16', 'coco'}
        The network's 16 joints, or COCO's 17, of which five have no place and no probability (None).
    with_crowded : bool
        Whether the frame is crowded, too, as `TRACK_JOINT_COLUMNS` has it.
    """
    rows = []
    for pose in poses:
        for name, number in KEYPOINTS[keypoints].items():
            y, x, probability = (None,) * 3 if number is None else map(float, pose.joints[:, number])
            rows.append({'frame': pose.frame, 'time': round(pose.time, 4), 'joint': name, 'y': _rounded(y, 2),
                         'x': _rounded(x, 2), 'probability': _rounded(probability, 4),
                         'sure': probability is not None and probability >= sure and not pose.crowded,
                         **({'crowded': pose.crowded} if with_crowded else {})})
    return rows


def _rounded(value, places):
    return None if value is None else round(value, places)


def write_rows(path, rows):
    """Write rows as .csv (sure: 1 or 0) or .json by the suffix, whole or not at all.

    Each has a path; those of everybody in a scene have a track, too.
    """
    with gait_files.replacing(path, 'w', shared=True, encoding='utf-8', newline='') as file:
        if path.suffix.lower() == '.json':
            json.dump(rows, file, ensure_ascii=False)
        else:
            columns = TRACK_JOINT_COLUMNS if rows and 'track' in rows[0] else JOINT_COLUMNS
            writer = csv.DictWriter(file, columns, lineterminator='\n')
            writer.writeheader()
            writer.writerows({**row, **{name: int(row[name]) for name in ('sure', 'crowded') if name in row}}
                             for row in rows)


def write_trc(path, poses, rate, height, step=1, sure=SURE, keypoints='16'):
    """Write the joints of one walk as TRC, whole or not at all.

    X points to the right of the picture, Y up from its lower edge, Z is 0; pixels. A row for every frame looked at from
    the first pose to the last; joints below `sure`, and frames without a pose, or crowded ones, are empty. Markers that
    the joints do not give (`keypoints` 'coco') are left out.

    Parameters
    ----------
    path : pathlib.Path
    poses : list of FrameJoints
    rate : float
        Frames a second of the video.
    height : int
        Of the frames, pixels.
    step : int
        Frames from one pose to the next.
    """
    markers = {name.replace(' ', '_'): number for name, number in KEYPOINTS[keypoints].items() if number is not None}
    by_number = {pose.frame: pose for pose in poses if not pose.crowded}
    numbers = range(poses[0].frame, poses[-1].frame + 1, step)
    times = np.interp(numbers, [pose.frame for pose in poses], [pose.time for pose in poses])
    axes = '\t'.join(f'{axis}{marker}' for marker in range(1, len(markers) + 1) for axis in 'XYZ')
    lines = [f'PathFileType\t4\t(X/Y/Z)\t{path.name}',
             'DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames',
             f'{rate / step:.6g}\t{rate:.6g}\t{len(numbers)}\t{len(markers)}\tpx\t{rate / step:.6g}\t{numbers[0]}\t'
             f'{len(numbers)}',
             'Frame#\tTime\t' + '\t\t\t'.join(markers) + '\t\t', f'\t\t{axes}', '']
    for number, time in zip(numbers, times):
        cells = _cells(by_number.get(number), markers.values(), height, sure)
        lines.append('\t'.join([str(number), f'{time:.4f}', *cells]))
    with gait_files.replacing(path, 'w', shared=True, encoding='utf-8', newline='') as file:
        file.write('\n'.join(lines) + '\n')


def _cells(pose, joints, height, sure):
    """X, Y, Z of each joint as text, empty where it is not known."""
    for joint in joints:
        if pose is None or pose.joints[2, joint] < sure:
            yield from ('', '', '')
        else:
            y, x = pose.joints[:2, joint]
            yield from (f'{x:.2f}', f'{height - 1 - y:.2f}', '0.00')
