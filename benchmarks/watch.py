#!/usr/bin/env python3
"""How much memory a watch takes as time goes on: a drawn scene over and over, for two hours of stream.

    python benchmarks/watch.py                              # two hours, in real time, with the weights that ship
    python benchmarks/watch.py --fast --stand-in            # as fast as it goes, without the networks: 40 minutes
    python benchmarks/watch.py --fast --every 4 --pause 50 --size 320 184 --precision bfloat16     # with them: an hour
    python benchmarks/watch.py --minutes 10 --every 4

The video is decoded anew in each round, and nobody is there for the seconds of `--pause`; in real time frames are left
out where the machine does not keep up, as before a camera. Promised is that the memory at the end is within 5 % of that
after a sixth of the time (20 of 120 minutes).
"""
import argparse
import gc
import itertools
import os
import pathlib
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import gait_checkpoints  # noqa: E402
from gait_processor import PRECISIONS  # noqa: E402
from gait_recognition.frames import read_frames  # noqa: E402
from gait_recognition.gallery import Gallery  # noqa: E402
from gait_recognition.training.walks import TEST_PERSON  # noqa: E402
from gait_recognition.videos import write_frames  # noqa: E402
from gait_recognition.walkers.crossings import crossing  # noqa: E402
from gait_recognition.watching import LEFT, watch  # noqa: E402
from gait_recognition.weights import choose_weights, load_tensorflow, open_networks  # noqa: E402

FPS = 25.0
ALLOWED = 0.05
SETTLED = 1 / 6                 # of the time, from which on memory is not to grow


class StandIn:
    """In place of both networks: sees nobody who is not known, and describes by colours."""

    facing_right = False

    def joint_positions(self, images):
        return np.zeros((3, len(images), 16), np.float32)

    def feed_forward_features(self, images, batch_size=16):
        return np.repeat(images[:, 8::17, 8::17, :1][:, :17, :17].astype(np.float32), 32, 3)

    def feed_forward(self, features, return_state=False, initial_state=None):
        return features.mean(0).ravel()[:512], ()


def memory():
    """MB that the process holds."""
    fields = pathlib.Path('/proc/self/statm').read_text().split()
    return int(fields[1]) * os.sysconf('SC_PAGE_SIZE') / 1e6


def one_round(path, pause):
    """The frames of a video, and its last, in which everybody has left, for so many seconds."""
    for frame in read_frames(path):
        yield frame
    yield from itertools.repeat(frame, int(pause * FPS))


def rounds(path, minutes, pause, note):
    """The frames of a video, over and over; `note` is called after each minute of them."""
    given, wanted = 0, int(minutes * 60 * FPS)
    while given < wanted:
        for frame in itertools.islice(one_round(path, pause), wanted - given):
            yield frame
            given += 1
            if given % int(60 * FPS) == 0:
                note()


def measure(path, nets, options):
    """Print a line each minute of stream; the memory after each, MB."""
    gallery, rng = Gallery('0' * 64), np.random.default_rng(0)
    for name in ('anna', 'ben'):
        gallery.enrol(name, rng.normal(size=(3, 512)).astype(np.float32), force=True)
    held, tracks, used, began = [], 0, 0, time.monotonic()

    def note():
        gc.collect()                    # a frame of each opening waits for it: PyAV's refer to themselves
        held.append(memory())
        print(f'{len(held):7}{(time.monotonic() - began) / 60:8.1f}{held[-1]:9.1f}{tracks:8}{used:9}', flush=True)
    print(f'{"minute":>7}{"wall":>8}{"MB":>9}{"tracks":>8}{"used":>9}', flush=True)
    with tempfile.TemporaryDirectory() as clips:
        for event in watch(rounds(path, options.minutes, options.pause, note), gallery, *nets, every=options.every,
                           fps=FPS, real_time=not options.fast, clips=clips if options.clips else None,
                           say=lambda line: print(f'# {line}', flush=True)):
            tracks, used = tracks + (event.kind == LEFT), used + (event.used if event.kind == LEFT else 0)
    return held


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--minutes', type=float, default=120, help='of stream')
    parser.add_argument('--people', type=int, default=2, help='in the scene')
    parser.add_argument('--size', type=int, nargs=2, default=(640, 360), help='of the frames')
    parser.add_argument('--every', type=int, default=1, help='use one frame in so many')
    parser.add_argument('--pause', type=float, default=0.0, help='seconds without anybody after each round')
    parser.add_argument('--precision', choices=PRECISIONS, default=PRECISIONS[0], help='of the pose network')
    parser.add_argument('--fast', action='store_true', help='do not wait for the clock')
    parser.add_argument('--stand-in', action='store_true', help='without the networks')
    parser.add_argument('--clips', action='store_true', help='write clips, too')
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / 'scene.mp4'
        scene = crossing(range(TEST_PERSON, TEST_PERSON + options.people), 2, width=options.size[0],
                         height=options.size[1])
        write_frames(path, (each.image for each in scene), FPS)
        if options.stand_in:
            held = measure(path, (StandIn(), StandIn()), options)
        else:
            shipped = gait_checkpoints.SHIPPED
            files = (str(gait_checkpoints.find_weights(name)) for name in (shipped.pose, shipped.gait))
            weights = choose_weights(*files, precision=options.precision)
            load_tensorflow()
            pose_net, gait_net = open_networks(weights)
            with pose_net as pose_net, gait_net as gait_net:
                held = measure(path, (pose_net, gait_net), options)
    early, late = held[max(0, round(SETTLED * len(held)) - 1)], held[-1]
    print(f'memory after {round(SETTLED * len(held))} minutes {early:.1f} MB, after {len(held)} minutes {late:.1f} MB: '
          f'{late / early - 1:+.1%} ({"within" if late <= (1 + ALLOWED) * early else "NOT WITHIN"} {ALLOWED:.0%})')


if __name__ == '__main__':
    main()
