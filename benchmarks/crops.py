"""Does the crop follow the walker where that is hard? Draws situations and holds 'auto' against their truth.

    python benchmarks/crops.py [--pose-weights models/people-pose.npz] [--kinds shadow,pram] [--variants 6] [--first 4]

A situation is right where in 95 % of the frames used the box's centre lies within 5 % of the walker's height from the
walker's, and the walker fills 0.55 to 0.85 of its height; refused where `NoPersonError` says why; else wrong. Of a
group each member counts as the walker, if the middle of no other is in the crop.
"""
import argparse
import pathlib
import sys
import time
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from gait_recognition.frames import read_frames
from gait_recognition.quality import quality_of_track
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.tracking.track import NoPersonError
from gait_recognition.walkers.situations import KINDS, situation

CENTRE, SHARE, FRAMES = 0.05, (0.55, 0.85), 0.95


class Verdict(NamedTuple):
    """'right', 'wrong' or 'refused'; share of right frames; the largest error of the centre but for 5 %; what was said;
    what `quality` makes the user doubt of."""
    kind: str
    share: float = 0.0
    off: float = np.nan
    said: str = ''
    doubts: tuple = ()


def errors(box, truths):
    """(error of the centre, share of the height) of a square box against the nearest of the true boxes; the error is
    infinite where nobody is, or two people are in the box."""
    top, left, side = box
    found, inside = [(np.inf, 0.0)], 0
    for truth in truths:
        if np.isfinite(truth).all():
            tall = truth[2] - truth[0] + 1
            off = (top + side / 2, left + side / 2) - (truth[:2] + truth[2:] + 1) / 2
            found.append((float(np.hypot(*off) / tall), float(tall / side)))
            inside += np.abs(off).max() < side / 2
    return min(found) if inside < 2 else (np.inf, min(found)[1])


def verdict_of(track, truths):
    """`Verdict` of a track; `truths` are lists of boxes by the frame's number."""
    off, share = np.array([errors(box, truths[number]) for number, box in zip(track.numbers, track.boxes)]).T
    right = float(((off <= CENTRE) & (share >= SHARE[0]) & (share <= SHARE[1])).mean())
    return Verdict('right' if right >= FRAMES else 'wrong', right, float(np.quantile(off, FRAMES)), str(track),
                   tuple(finding.kind for finding in quality_of_track(track)))


def try_situation(kind, variant, pose_net, **options):
    """`Verdict` of 'auto' on one situation; `options` as of `situation`."""
    drawn, truths = situation(kind, variant, **options), []

    def images():
        for picture, others in drawn.frames:
            truths.append([picture.box, *others])
            yield picture.image
    try:
        track = crop_walker(read_frames(images(), fps=drawn.fps), 'auto', pose_net).track
    except NoPersonError as error:
        return Verdict('refused', said=str(error))
    return verdict_of(track, truths)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--pose-weights', help='default: those that the command takes')
    parser.add_argument('--kinds', default=','.join(KINDS))
    parser.add_argument('--variants', type=int, default=6, help='up to 10 (default: %(default)s)')
    parser.add_argument('--first', type=int, default=0, help='number of the first variant (default: %(default)s)')
    parser.add_argument('--verbose', action='store_true')
    options = parser.parse_args()
    from gait_recognition.weights import find_pose_weights, load_tensorflow, shared_pose_network
    load_tensorflow()
    pose_net, total = shared_pose_network(options.pose_weights or find_pose_weights()), []
    print(f'{"situation":12s} right refused wrong   worst centre')
    for kind in options.kinds.split(','):
        verdicts = []
        for variant in range(options.first, options.variants):
            start = time.time()
            verdicts.append(try_situation(kind, variant, pose_net))
            if options.verbose:
                print(f'  {kind} {variant} ({time.time() - start:.1f} s): {verdicts[-1].kind}, '
                      f'{verdicts[-1].share:.0%}, {verdicts[-1].off:.3f}: {verdicts[-1].said}; doubts: '
                      f'{", ".join(verdicts[-1].doubts) or "none"}', flush=True)
        counts = [sum(each.kind == name for each in verdicts) for name in ('right', 'refused', 'wrong')]
        worst = max((each.off for each in verdicts if each.kind != 'refused'), default=np.nan)
        print(f'{kind:12s} {counts[0]:5d} {counts[1]:7d} {counts[2]:5d}   {worst:.3f}', flush=True)
        total += verdicts
    wrong = [each for each in total if each.kind == 'wrong']
    print(f'{len(total)} situations, {sum(each.kind == "refused" for each in total)} refused, {len(wrong)} wrong, '
          f'{sum(not each.doubts for each in wrong)} of these without a word of doubt')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
