"""The command with quick stand-ins in the networks' place: fixtures of several test modules (see `conftest`)."""
import contextlib
import csv
import re

import numpy as np
import pytest
from PIL import Image

import gait_checkpoints
from gait_recognition import cli


class PoseStandIn:
    """Features are the picture in 17 x 17 colours; the joints lie on a vertical line."""

    def feed_forward_features(self, frames, batch_size=16, mirrored=None):
        if mirrored is not None:
            frames = np.where(mirrored[:, None, None, None], frames[:, :, ::-1], frames)
        features = np.zeros((len(frames), 17, 17, 32), np.float32)
        features[..., :3] = frames[:, 8::17, 8::17][:, :17, :17] - 128.0
        return features

    def features_and_joints(self, frames, batch_size=16, mirrored=None):
        return self.feed_forward_features(frames, mirrored=mirrored), self.joint_positions(frames)

    def joint_positions(self, frames, batch_size=16):
        joints = np.empty((3, len(frames), 16), np.float32)
        joints[0], joints[1], joints[2] = np.linspace(238, 50, 16), 149.5, 0.9      # from the right ankle up, ...
        joints[0, :, [5, 9]] = [[238], [50]]                                        # ... the left one, the head
        return joints


class GaitStandIn:
    """The vector is the mean of some of the features."""

    facing_right = False

    def feed_forward(self, features, return_state=False, initial_state=None):
        return features[:, ::2, ::2, :7].mean(axis=0).ravel()[:512], ()


@pytest.fixture
def weights(tmp_path):
    """Options that name a pair of weights, which hold next to nothing."""
    folder = tmp_path / 'weights'
    folder.mkdir()
    gait_checkpoints.write_compact(folder / 'mine-pose.npz', {'InceptionResnetV2/a': np.ones(2, np.float32)})
    gait_checkpoints.write_compact(folder / 'mine-GRU-1.npz', {'GaitNN/a': np.ones(3, np.float32)})
    return ['--pose-weights', str(folder / 'mine-pose.npz'), '--gait-weights', str(folder / 'mine-GRU-1.npz')]


@pytest.fixture
def opened(monkeypatch):
    """The stand-ins in place; what they were opened with."""
    calls = []

    def open_networks(weights):
        calls.append((weights, weights.precision))
        return contextlib.nullcontext(PoseStandIn()), contextlib.nullcontext(GaitStandIn())

    @contextlib.contextmanager
    def open_pose_network(path, precision):
        calls.append((path, precision))
        yield PoseStandIn()
    monkeypatch.setattr('gait_recognition.commands.walks.open_networks', open_networks)
    for command in ('pose', 'gait', 'check', 'evaluate'):
        monkeypatch.setattr(f'gait_recognition.commands.{command}.open_pose_network', open_pose_network)
    monkeypatch.setattr('gait_recognition.vectors.shared_networks', lambda *_: (PoseStandIn(), GaitStandIn()))
    return calls


@pytest.fixture
def walks(tmp_path):
    """Write a walk of a person, a folder of crops, return its path: walks('anna', 1)."""
    def walk(person, number):
        folder = tmp_path / f'{person}-{number}'
        if not folder.exists():
            folder.mkdir()
            look = np.random.default_rng(sum(person.encode())).integers(0, 256, (17, 17, 3))
            rng = np.random.default_rng(number)
            for i in range(8):
                frame = np.clip(look + rng.normal(0, 20, look.shape), 0, 255).astype(np.uint8)
                Image.fromarray(np.kron(frame, np.ones((18, 18, 1), np.uint8))[:299, :299]).save(folder / f'{i}.png')
        return str(folder)
    return walk


@pytest.fixture
def manifest(tmp_path, walks):
    """A manifest of three people with three walks each."""
    path = tmp_path / 'walks.csv'
    with open(path, 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['person', 'condition', 'session', 'path'])
        for person in ('anna', 'ben', 'carla'):
            writer.writerows([person, f'N{number}', '1', walks(person, number)] for number in (1, 2, 3))
    return str(path)


@pytest.fixture
def gallery(tmp_path, weights, opened, manifest, capsys):
    """A calibrated gallery of the manifest's people."""
    path = str(tmp_path / 'people.gallery')
    assert cli.main(['enrol', path, '--manifest', manifest, *weights]) == 0
    assert cli.main(['gallery', 'calibrate', path, '--false-accept-rate', '0.2']) == 0
    capsys.readouterr()
    return path


@pytest.fixture
def run(capsys):
    """Run the command: (exit status, standard output, standard error)."""
    def run(*arguments):
        status = cli.main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()
    return run


def refused(outcome):
    """The line that an input was refused with."""
    status, out, err = outcome
    assert status == 2
    assert out == ''
    assert re.fullmatch(r'gait-recognition: [^\n]+\n', err)
    return err
