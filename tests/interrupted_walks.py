"""What processes of the tests do with a walk: each leaves a mark beside its file, and waits to be killed where told."""
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np

from gait_recognition.tracking.track import Track

WAIT = 120                      # seconds for a kill that does not come


def mark(path):
    """Note that this process is at a walk; wait for the kill, where a file .kill lies beside it. Gives how often."""
    Path(f'{path}.{os.getpid()}.at').touch()
    end = time.monotonic() + WAIT
    while Path(f'{path}.kill').exists():
        assert time.monotonic() < end, 'nobody killed this process'
        time.sleep(0.02)
    return len(marks(path))


def marks(path):
    """The processes that were at a walk."""
    return [int(file.name.split('.')[-2]) for file in Path(path).parent.glob(f'{Path(path).name}.*.at')]


def name_after_mark(path):
    """The least work: no network."""
    mark(path)
    return Path(path).name


def describe(frames, pose_net, crop, batch_size):
    """Describes a walk by the pose network alone, after its mark."""
    mark(frames.name)
    features = pose_net.feed_forward_features(np.stack([*frames]), batch_size=batch_size)
    return features.mean(axis=0).ravel(), Track(frames.name, 'none')


class Killer:
    """Kills the process that is at a walk, as soon as it is (`with`); `killed` is its number."""

    def __init__(self, path):
        self._path, self.killed = Path(path), None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        end = time.monotonic() + WAIT
        while not (found := marks(self._path)) and time.monotonic() < end:
            time.sleep(0.02)
        if found:
            self.killed = found[0]
            os.kill(self.killed, signal.SIGKILL)
        Path(f'{self._path}.kill').unlink()

    def __enter__(self):
        Path(f'{self._path}.kill').touch()
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._thread.join()

