#!/usr/bin/env python3
"""What one call of `identify` spends its time on, from the start of the process to the name, as JSON: seconds a part.

    python benchmarks/clip.py people.gallery walk.mp4

Other arguments are those of `gait-recognition identify`; its answer goes to standard error. `benchmarks/speed.py clip`
draws a gallery and a clip of five seconds for it.
"""
import time

BEGUN = time.perf_counter()

import contextlib  # noqa: E402
import functools  # noqa: E402
import json  # noqa: E402
import pathlib  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))


class Parts:
    """Seconds of each part; what a part calls that is a part itself counts there alone."""

    def __init__(self):
        self.seconds, self._inside = {}, []

    @contextlib.contextmanager
    def part(self, name):
        start = time.perf_counter()
        self._inside.append(0.0)
        try:
            yield
        finally:
            took, inside = time.perf_counter() - start, self._inside.pop()
            self.seconds[name] = self.seconds.get(name, 0.0) + took - inside
            if self._inside:
                self._inside[-1] += took

    def watch(self, owner, name, part):
        """Calls of an owner's function, or method, are a part from here on."""
        function = getattr(owner, name)

        @functools.wraps(function)
        def watched(*arguments, **options):
            with self.part(part):
                return function(*arguments, **options)
        setattr(owner, name, watched)

    def watch_each(self, owner, name, part):
        """What a method yields is a part from here on, but for what another thread reads ahead meanwhile."""
        method = getattr(owner, name)

        @functools.wraps(method)
        def watched(*arguments, **options):
            each = iter(method(*arguments, **options))
            while True:
                with self.part(part) if threading.current_thread() is threading.main_thread() else \
                        contextlib.nullcontext():
                    try:
                        found = next(each)
                    except StopIteration:
                        return
                yield found
        setattr(owner, name, watched)


def watch_networks(parts):
    from gait_nn import GaitNetwork
    from human_pose_nn import HumanPoseIRNetwork
    for network, methods in ((HumanPoseIRNetwork, ('features_and_joints', 'feed_forward_features', 'joint_positions')),
                             (GaitNetwork, ('feed_forward',))):
        parts.watch(network, '__init__', 'build')
        parts.watch(network, 'restore', 'restore')
        for method in methods:
            parts.watch(network, method, 'gait' if network is GaitNetwork else 'features')


def main(argv):
    parts = Parts()
    with parts.part('rest'):
        with parts.part('import'):
            from gait_recognition import cli, vectors, weights
            from gait_recognition.frames import Frames
            from gait_recognition.gallery import Gallery
        load = weights.load_tensorflow

        def load_and_watch(*arguments):
            with parts.part('tensorflow'):
                load(*arguments)
            watch_networks(parts)
        weights.load_tensorflow = load_and_watch
        parts.watch(cli, '_parse', 'import')                            # of the command, which it names
        parts.watch(vectors, 'crop_walker', 'cutting')
        parts.watch_each(Frames, '_numbered', 'reading')
        parts.watch(Gallery, 'identify', 'scoring')
        with contextlib.redirect_stdout(sys.stderr):
            status = cli.main(['identify', *argv])
    print(json.dumps({'total': time.perf_counter() - BEGUN, **parts.seconds}))
    return status


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
