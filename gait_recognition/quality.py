"""Whether a walk is fit to be described: too small, too short, too few frames a second; seen from the front, backwards,
running, sitting, standing. What the recording itself lacks is said by `facts`."""
from typing import NamedTuple

import numpy as np

from gait_recognition.cycles.rhythm import stride_rate
from gait_recognition.cycles.series import HIPS, LEGS, MIN_RATE, MIN_SHARE, PELVIS, QUICK, RATE_OFF, runs_of
from gait_recognition.cycles.views import split_at_turns, view_of
from gait_recognition.tracking.joints import SURE
from gait_recognition.tracking.track import HEIGHT_SHARE, MIN_FRAMES

SMALL = 60                      # pixels of height: the crop enlarges such a walker more than three times
STRIDE_SECONDS = 1.0            # two steps; shorter walks show no whole stride
GROWS = 1.35                    # ratio of heights: who gets nearer by that comes towards the camera
RUNNING = 120 * QUICK           # steps a minute: walkers make 90 to 140
SEATED = 0.55                   # of the thigh's length: knees of those who stand or walk hang lower below the hips
GOES = 0.5                      # of the height: who goes less far in the picture shows no direction
KINDS = ('small', 'short', 'slow', 'towards', 'front', 'backwards', 'running', 'sitting', 'standing')


class Finding(NamedTuple):
    """What makes a walk less fit: one of `KINDS`, and a sentence for the user."""
    kind: str
    text: str


def quality_of_track(track, fps=None):
    """What of a `Track` makes a walk less fit, without a network.

    Parameters
    ----------
    track : Track
        Read to its end, where its method is 'none'.
    fps : float, optional
        Frames a second of those given (less by `every`), where they are known.

    Returns
    -------
    list of Finding
    """
    if not track.boxes:
        return []
    found, heights = [], HEIGHT_SHARE * np.array(track.boxes)[:, 2]
    height, count = np.median(heights), len(heights)
    if track.method != 'none' and height < SMALL:
        found.append(Finding('small', f'the walker is {height:.0f} pixels high; below {SMALL} joints are '
                                      'less sure'))
    if count < MIN_FRAMES or fps and count < STRIDE_SECONDS * fps:
        long = f' ({count / fps:.2f} s)' if fps else ''
        found.append(Finding('short', f'so few frames ({count}){long} say little about a walk; give all frames of two '
                                      'steps or more at once, about 25'))
    if fps and fps < MIN_RATE - RATE_OFF:
        found.append(Finding('slow', f'{fps:.3g} frames a second: a gait takes {MIN_RATE:.0f} or more'))
    if track.method != 'none':
        third = max(1, count // 3)
        ratio = np.median(heights[-third:]) / np.median(heights[:third])
        if not 1 / GROWS < ratio < GROWS:
            way = 'towards' if ratio > 1 else 'away from'
            found.append(Finding('towards', f'the walk leads {way} the camera: the walker is {ratio:.2f} times as high '
                                            'at its end'))
    return found


def quality_of_joints(times, joints, still_camera=False):
    """What of the joints makes a walk less fit.

    Parameters
    ----------
    times : array_like (T,)
        Seconds, ascending.
    joints : array_like (T, 3, 16)
        y, x in pixels, probability.
    still_camera : bool
        Where the walker is in the picture tells which way the walk leads.

    Returns
    -------
    list of Finding
        Nothing where too few frames are sure: 'slow', 'short' and 'small' say so.
    """
    joints = np.asarray(joints, float)
    if len(joints) and _is_sitting(joints):
        return [Finding('sitting', 'the thighs are level with the ground in most frames: somebody sits, nobody walks')]
    try:
        parts = [part for run in runs_of(times, joints) for part in split_at_turns(run)]
    except ValueError:
        return []
    if not parts:
        return []
    seconds = {way: sum(part.seconds for part, each in parts if each == way) for way in (1, -1)}
    facing = max(seconds, key=seconds.get)
    runs = [part for part, way in parts if way == facing]
    view, found = view_of(runs, facing), []
    if view.kind == 'front':
        found.append(Finding('front', f'the walker is seen from the front or from behind ({view.degrees:.0f} degrees '
                                      'off the profile); gaits are told best from the side'))
    axis = 0 if view.kind == 'front' else 1
    rate, share = stride_rate([(run.times, _between_ankles(run, axis)) for run in runs])
    if share < MIN_SHARE:
        return [*found, Finding('standing', f'the legs do not alternate in one rhythm ({share:.0%} of their movement '
                                            'follows one): nobody walks, or the joints are wrong')]
    if 120 * rate > RUNNING:
        found.append(Finding('running', f'{120 * rate:.0f} steps a minute: somebody runs; walks are not compared with '
                                        'runs'))
    if still_camera and view.kind != 'front' and _goes(runs) * facing < -GOES:
        found.append(Finding('backwards', 'the walker goes backwards; forward walks look otherwise'))
    return found


def quality_of(track, found=None, fps=None):
    """Both of a walk: `Track` and list of `FrameJoints`, as `poses.joints_of_walk` gives them."""
    findings = quality_of_track(track, fps)
    if found:
        findings += quality_of_joints([pose.time for pose in found], [pose.joints for pose in found],
                                      still_camera=track.stands_still)
    return findings


def _between_ankles(run, axis):
    right, left = (run.points[:, leg[0], axis] for leg in LEGS.values())
    return right - left


def _is_sitting(joints):
    """Whether in most frames with sure legs the knees are hardly lower than the hips."""
    shares = []
    for _, knee, hip in LEGS.values():
        sure = (joints[:, 2, [knee, hip]] >= SURE).all(1)
        down, across = (joints[sure, axis, knee] - joints[sure, axis, hip] for axis in (0, 1))
        shin = np.abs(joints[sure, 0, LEGS['right'][0]] - joints[sure, 0, LEGS['right'][1]])
        shares.append(down / np.maximum(np.maximum(np.hypot(down, across), 0.7 * shin), 1e-6))
    shares = np.concatenate(shares)
    return len(shares) >= MIN_FRAMES and np.median(shares) < SEATED


def _goes(runs):
    """How far the runs lead to the right of the picture, in heights of the walker."""
    way = sum(np.median(run.points[-5:, PELVIS, 1]) - np.median(run.points[:5, PELVIS, 1]) for run in runs)
    points = np.concatenate([run.points for run in runs])
    ankles = [leg[0] for leg in LEGS.values()]
    return way / max(2.0 * np.median(points[:, ankles, 0].max(1) - points[:, list(HIPS), 0].mean(1)), 1e-6)
