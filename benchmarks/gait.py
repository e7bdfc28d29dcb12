#!/usr/bin/env python3
"""How far off the figures of `gait-recognition gait` are, on drawn walkers, whose phase and angles are known.

    python benchmarks/gait.py                                   # true joints, and with noise: a minute
    python benchmarks/gait.py --network --walks 12              # through the pose network, too: 100 frames a walk

Walkers of 4 seconds at 25 frames a second, in pixels of 299, that neither training nor validation drew. They are
drawn by the mean curves from which the lags of `cycles.events` were taken, and say nothing about people.
"""
import argparse
import math
import pathlib
import sys
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import gait_checkpoints  # noqa: E402
from gait_recognition.cycles.angles import cycle_curve  # noqa: E402
from gait_recognition.cycles.measures import measure_gait  # noqa: E402
from gait_recognition.cycles.series import LEGS  # noqa: E402
from gait_recognition.training.walks import TEST_PERSON  # noqa: E402
from gait_recognition.walkers.cameras import Camera, heading_of  # noqa: E402
from gait_recognition.walkers.scenes import iter_frames, stroll  # noqa: E402
from gait_recognition.weights import load_tensorflow, open_pose_network  # noqa: E402

FPS, FRAMES, SIZE = 25.0, 100, 299
STANCE = 62.0               # per cent of the stride at which the walkers' toes leave the ground
WAYS = (('true joints, side', 0.0, 15.0), ('noise of 5 px, side', 5.0, 15.0),
        ('noise of 5 px, to 30 degrees', 5.0, 30.0), ('noise of 2 px, to 50 degrees', 2.0, 50.0))


class TrueWalk(NamedTuple):
    """A walk whose truth is known: `Stroll`, seconds (T,), and joints (T, 3, 16) as a network gives them."""
    truth: object
    times: np.ndarray
    joints: np.ndarray


def true_walk(person, yaw=0.0, noise=0.0, fps=FPS, frames=FRAMES, leftwards=False):
    """The joints of a walker as a crop that follows him shows them, `yaw` degrees off the profile.

    `noise` is the standard deviation in pixels of 299, of each joint along each axis, from frame to frame anew.
    """
    truth = stroll(person, 1, frames=frames, fps=fps)
    tall = truth.walker.stature
    camera = Camera(heading_of(leftwards, yaw), 0.03, 0.0, 0.7 * SIZE / tall, 10.0, (0.85 * SIZE, SIZE / 2))
    standing = truth.pose.joints.copy()
    standing[..., 0] -= truth.walker.stride_length * truth.phase[:, None]
    seen = np.stack([camera.project(joints)[0] for joints in standing])                     # (T, 16, 2)
    seen = seen + noise * np.random.default_rng(person).standard_normal(seen.shape)
    joints = np.concatenate([np.swapaxes(seen, 1, 2), np.ones((frames, 1, 16))], 1)
    return TrueWalk(truth, np.arange(frames) / fps, joints)


def network_walk(person, net, yaw=0.0, fps=FPS, frames=FRAMES):
    """The same, drawn, through a pose network."""
    images = np.stack([frame.image for frame in iter_frames(person, 1, frames=frames, fps=fps, yaw=yaw)])
    joints = np.swapaxes(net.joint_positions(images), 0, 1)
    return TrueWalk(stroll(person, 1, frames=frames, fps=fps), np.arange(frames) / fps, joints)


def true_angles(pose, side):
    """The walker's angles in his own plane, by joint, (T,) degrees."""
    ankle, knee, hip = (pose.joints[:, joint] for joint in LEGS[side])

    def slope(ahead, below):
        return np.degrees(np.arctan2(ahead[:, 0] - below[:, 0], ahead[:, 2] - below[:, 2]))
    foot = pose.extras[f'{side} ball'] - pose.extras[f'{side} heel']
    pitch = np.degrees(np.arctan2(foot[:, 2], np.hypot(foot[:, 0], foot[:, 1])))
    thigh, shank = slope(hip, knee), slope(knee, ankle)
    return {'hip': slope(pose.joints[:, 7], pose.joints[:, 6]) - thigh, 'knee': shank - thigh, 'ankle': pitch + shank}


def phases_of(truth):
    """Strides since a strike of each foot."""
    return {'right': truth.phase, 'left': truth.phase + 0.5 + truth.walker.timing_asymmetry}


def crossings(phase, times, offset=0.0):
    """When the phase passes whole numbers, and `offset` less."""
    whole = np.arange(math.ceil(phase[0] + offset), math.floor(phase[-1] + offset) + 1)
    return np.interp(whole - offset, phase, times)


def errors(walk, gait):
    """What is wrong in a `Gait`, by name, with its unit: differences, and mean absolute ones of angles and events."""
    truth, times = walk.truth, walk.times
    walker, phases, found = truth.walker, phases_of(truth), {}
    cadence = 120 * (truth.phase[-1] - truth.phase[0]) / times[-1]
    found['cadence, %'] = 100 * (gait.measures['cadence'].value / cadence - 1)
    for joint, curve in gait.seen.items():
        side = gait.view.near
        true = cycle_curve(joint, phases[side] % 1, true_angles(truth.pose, side)[joint])
        found[f'{joint}, degrees'] = float(np.nanmean(np.abs(curve.degrees - true.degrees)))
    for kind, offset in (('strike', 0.0), ('off', 1 - STANCE / 100)):
        late = [1000 * np.min(np.abs(crossings(phases[event.side], times, offset) - event.seconds))
                for event in gait.events if event.kind == kind]
        if late:
            found[f'{kind}, ms'] = float(np.mean([each for each in late if each < 250]))     # else it is another's
    strides = np.concatenate([np.diff(crossings(phase, times)) for phase in phases.values()])
    truths = {'stride time': strides.mean(), 'stance': STANCE, 'step time asymmetry': 400 * walker.timing_asymmetry,
              'stride length': walker.stride_length / ((walker.thigh + walker.shank) * walker.stature)}
    for name, true in truths.items():
        if name in gait.measures:
            off = gait.measures[name].value - true
            relative = name in ('stride time', 'stride length')
            found[f'{name}, {"%" if relative else "points"}'] = 100 * off / true if relative else off
    deviation = gait.measures['stride time'].sd if 'stride time' in gait.measures else None
    if deviation is not None and len(strides) > 2:
        found['SD of stride times, ms'] = 1000 * (deviation - strides.std(ddof=1))
    return found


def table(rows, refused):
    """Rows of errors as text: mean absolute, bias, worst, and how many walks have the figure."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [f'{"":26}{"mean abs":>10}{"bias":>9}{"worst":>9}{"walks":>7}']
    for name in names:
        values = np.array([row[name] for row in rows if name in row])
        bias = '' if name.split(',')[0] in ('hip', 'knee', 'ankle', 'strike', 'off') else f'{values.mean():9.2f}'
        lines.append(f'{name:26}{np.abs(values).mean():10.2f}{bias:>9}{np.abs(values).max():9.2f}{len(values):7}')
    return '\n'.join(lines + [f'refused: {refused}'])


def measured(walks):
    """Errors of every walk that could be measured, and how many could not."""
    rows, refused = [], 0
    for walk in walks:
        try:
            rows.append(errors(walk, measure_gait(walk.times, walk.joints)))
        except ValueError as error:
            refused += 1
            print(error, file=sys.stderr)
    return rows, refused


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--walks', type=int, default=40, help='people, a walk each')
    parser.add_argument('--network', action='store_true', help='through the pose network, too')
    parser.add_argument('--pose', metavar='WEIGHTS', default=gait_checkpoints.SHIPPED_POSE, help='of the pose network')
    arguments = parser.parse_args(argv)
    people = range(TEST_PERSON, TEST_PERSON + arguments.walks)
    yaws = np.random.default_rng(0).uniform(-1, 1, arguments.walks)
    for name, noise, most in WAYS:
        walks = (true_walk(person, most * yaw, noise, leftwards=person % 2 == 1) for person, yaw in zip(people, yaws))
        print(f'{name}\n{table(*measured(walks))}\n', flush=True)
    if arguments.network:
        load_tensorflow()
        with open_pose_network(gait_checkpoints.find_weights(arguments.pose)) as net:
            walks = (network_walk(person, net) for person in people)
            print(f'{pathlib.Path(arguments.pose).name}, side\n{table(*measured(walks))}')


if __name__ == '__main__':
    main()
