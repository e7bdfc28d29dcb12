"""Walks that tests make: grey frames, a doll that crosses a stage; and stand-ins for both networks."""
import numpy as np
import pytest

from gait_recognition.tracking.track import CROP_SIZE

RED, GREEN, BLUE = (230, 20, 20), (20, 200, 20), (20, 20, 230)
HEIGHT, WIDTH, TALL = 120, 214, 70             # of the stage, and the doll, in pixels


def plain(count=6, height=48, width=64):
    """Frames that tell their number by their grey level."""
    return np.stack([np.full((height, width, 3), 20 * i, np.uint8) for i in range(count)])


def doll(frame, x, tall=TALL, bottom=110, colour=RED, phase=0.0):
    """A person of four bars with swinging legs, its middle at column `x`; gives its box."""
    wide, swing = tall // 5, round(tall / 8 * np.sin(phase))
    top, x = bottom - tall, round(x)
    parts = [(top, top + tall // 6, x - tall // 14, x + tall // 14), (top + tall // 7, top + tall // 2, x - wide // 2,
                                                                     x + wide // 2),
             (top + tall // 2 - 2, bottom, x - wide // 2 + swing, x + swing),
             (top + tall // 2 - 2, bottom, x - swing, x + wide // 2 - swing)]
    for upper, lower, left, right in parts:
        frame[max(upper, 0):lower, max(left, 0):max(right, 0)] = colour
    return top, x, bottom


def stage(seed=0):
    """A still background."""
    blocks = np.random.default_rng(seed).integers(60, 170, (HEIGHT // 10, WIDTH // 10 + 1, 3))
    return blocks.repeat(10, 0).repeat(10, 1)[:, :WIDTH].astype(np.uint8)


def crossing(count=80, seed=0, first=-20.0, last=WIDTH + 20.0, noise=2, path=None, bob=0, tall=TALL, **options):
    """Frames (T, H, W, 3) of a doll that crosses a still stage, and its middles (T,)."""
    rng, still = np.random.default_rng(seed + 1), stage(seed)
    middles, frames = np.linspace(first, last, count) if path is None else path, []
    for i, x in enumerate(middles):
        frame = still.copy()
        doll(frame, x, phase=i / 4, tall=tall + round(bob * np.sin(i / 2)), **options)
        frames.append(np.clip(frame + rng.normal(0, noise, frame.shape), 0, 255).astype(np.uint8))
    return np.stack(frames), middles


class Spotter:
    """Stands in for the pose network: sees a person where pure red is, if it is tall enough in the crop."""

    def __init__(self):
        self.calls = 0

    def joint_positions(self, crops):
        self.calls += len(crops)
        joints = np.zeros((3, len(crops), 16), np.float32)
        for i, crop in enumerate(crops.astype(int)):
            red = (crop[..., 0] > 180) & (crop[..., 1:].max(-1) < 90)
            y, x = np.nonzero(red)
            if len(y) and np.ptp(y) > 60:
                joints[0, i] = np.linspace(y.max(), y.min(), 16)        # ankle first, ...
                joints[0, i, 5], joints[0, i, 9] = y.max(), y.min()     # ... left ankle and head where they belong
                joints[1, i] = x.mean()
                feet = x[y > y.max() - 0.2 * np.ptp(y)]
                joints[1, i, [0, 5]] = feet.min(), feet.max()
                joints[2, i] = 0.9
        return joints


def centres(track):
    boxes = np.array(track.boxes)
    return boxes[:, :2] + boxes[:, 2:] / 2


class Features:
    """Stands in for the pose network: coarse colours of the frame, and a person in each."""

    def __init__(self):
        self.batches = []

    def joint_positions(self, crops):
        joints = np.full((3, len(crops), 16), 150, np.float32)
        joints[0], joints[2] = np.linspace(238, 50, 16), 0.9            # from the right ankle up, ...
        joints[0, :, [5, 9]] = [[238], [50]]                            # ... and where the left one and the head are
        return joints

    def feed_forward_features(self, crops, batch_size=16):
        self.batches.append(len(crops))
        coarse = crops[:, 4::17, 4::17].astype(np.float32)[:, :17, :17]
        return np.concatenate([coarse] * 11, -1)[..., :32]


class Leaky:
    """Stands in for the gait network: a recurrence that depends on the order of the frames."""

    facing_right = False

    def feed_forward(self, features, return_state=False, initial_state=None):
        state = np.zeros(512, np.float32) if initial_state is None else initial_state[0]
        total = np.zeros(512)
        for feature in features:
            state = (0.8 * state + 0.2 * feature.ravel()[:512] / 255).astype(np.float32)
            total += state
        vector = (total / len(features)).astype(np.float32)
        return (vector, (state,)) if return_state else vector


def ready_crops(count=21, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, CROP_SIZE, CROP_SIZE, 3), np.uint8)


def write_video(path, frames, codec='mpeg4', rate=25):
    av = pytest.importorskip('av')
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *frames[0].shape[1::-1], 'yuv420p', 4_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        container.mux(stream.encode())
    return path
