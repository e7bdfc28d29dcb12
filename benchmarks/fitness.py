#!/usr/bin/env python3
"""What the word of `gait-recognition check` is worth: rank-1 of drawn walkers' walks that are degraded step by step.

    python benchmarks/fitness.py --cache vectors --features results/features        # an hour or two
    python benchmarks/fitness.py --cache vectors --features results/features --probes 6

The gallery holds three clean walks each of 60 walkers, whose features `benchmarks/experiments.py` keeps, or which are
made. Each probe is another walk of one of them, degraded, and is named by the nearest cosine similarity; none is of the
first six, on whose walks the rules' bounds were set.
The words are those of `check`, whose pose weights may be others than those of the vectors. The walkers were drawn
neither for training nor for validation; they are no people. Vectors and checks of probes are kept in the cache:
interrupted, the same command goes on.
"""
import argparse
import hashlib
import json
import pathlib
import sys

import numpy as np
from PIL import Image
from scipy import ndimage

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import gait_files  # noqa: E402
from gait_nn import GaitNetwork  # noqa: E402
from gait_recognition.fitness import RULES, WORDS, check_walk, judged  # noqa: E402
from gait_recognition.training.walks import TEST_PERSON, Features, WalkerWalks  # noqa: E402
from gait_recognition.vectors import GaitVectors  # noqa: E402
from gait_recognition.walkers.scenes import iter_frames  # noqa: E402
from gait_recognition.weights import choose_weights, find_pose_weights, shared_pose_network  # noqa: E402

SET_ON = 6                      # people of the gallery on whose walks the bounds were set
FRAMES, FIGURE = 36, 209        # of a probe, at 25 a second; pixels of 299 that a figure is tall
GALLERY_FRAMES, GALLERY = 24, ('N1', 'N3', 'N4')                    # the probes are of N2


def drawn(person, index, yaw=None, frames=FRAMES):
    """A walk as crops, uint8 (T, 299, 299, 3)."""
    return np.stack([frame.image for frame in iter_frames(person, index, frames=frames, yaw=yaw)])


def smaller(walk, height):
    """As recorded with a figure of `height` pixels."""
    edge = round(299 * height / FIGURE)
    return np.stack([np.asarray(Image.fromarray(frame).resize((edge, edge), Image.Resampling.BOX)) for frame in walk])


def darker(walk, share, noise=4.0):
    """With a share of the light, and a camera's noise in grey levels."""
    rng = np.random.default_rng(0)
    noisy = walk * np.float32(share) + rng.normal(0, noise, walk.shape).astype(np.float32)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def blurred(walk, reach):
    """Out of focus by a box of `reach` pixels of 299."""
    return ndimage.uniform_filter(walk, (0, reach, reach, 0))


def probes():
    """The kinds of probes: names, functions from a person to crops, and one in how many of these is used.

    Those of each degradation get worse.
    """
    for name, make in crops():
        yield name, make, 1
    for every in (2, 3, 4):
        yield f'{25 / every:.3g} frames a second', lambda person: drawn(person, 2, frames=2 * FRAMES), every


def crops():
    """Names, and functions from a person to crops."""
    yield 'clean', lambda person: drawn(person, 2)
    for step in range(3):
        if step < 2:
            yield f'{(18, 8)[step]} frames', lambda person, n=(18, 8)[step]: drawn(person, 2, frames=n)
        yield f'{(80, 40, 20)[step]} pixels high', lambda person, h=(80, 40, 20)[step]: smaller(drawn(person, 2), h)
        yield f'blurred by {(7, 15, 25)[step]}', lambda person, r=(7, 15, 25)[step]: blurred(drawn(person, 2), r)
        if step:
            light, yaw = (None, 0.25, 0.06)[step], (None, 45, 75)[step]
            yield f'{light:.0%} of the light', lambda person, s=light: darker(drawn(person, 2), s)
            yield f'{yaw} degrees', lambda person, y=yaw: drawn(person, 2, yaw=y)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--people', type=int, default=60, help='in the gallery (default: 60)')
    parser.add_argument('--probes', type=int, default=20, help='of each kind (default: 20)')
    parser.add_argument('--first', type=int, default=SET_ON, metavar='N',
                        help='number of the first person of whom there are probes (default: %(default)s)')
    parser.add_argument('--features', type=pathlib.Path, default=pathlib.Path('results/features'),
                        help='spatial features of the gallery (default: results/features)')
    parser.add_argument('--cache', type=pathlib.Path, help='keeps vectors and checks')
    parser.add_argument('--figures', action='store_true', help="print every probe's figures, too")
    arguments = parser.parse_args()
    people = range(TEST_PERSON + arguments.first, TEST_PERSON + arguments.first + arguments.probes)
    if people[-1] >= TEST_PERSON + arguments.people:
        parser.error(f'--probes: expected people of the gallery, at most {arguments.people - arguments.first}')
    told = Checks(arguments.cache)

    def described(make, every):
        walks = [make(person) for person in people]
        vectors = GaitVectors(crop='none', every=every, cache=arguments.cache)
        found = np.stack([each.vector for each in vectors.outcomes(walks)])
        return found / np.linalg.norm(found, axis=1, keepdims=True), [told.of(walk, every) for walk in walks]
    gallery, owners = clean_walks(arguments.people, arguments.features)
    by_word = {word: [] for word in WORDS}
    print(f'{arguments.people} people, {len(GALLERY)} walks each in the gallery, probes of {len(people)} of them; '
          f'rank-1 by chance {1 / arguments.people:.1%}', flush=True)
    try:
        for name, make, every in probes():
            vectors_of, checks = described(make, every)
            right = owners[(vectors_of @ gallery.T).argmax(1)] == np.array(people)
            words = [judged(check)[0] for check in checks]          # by the rules of now, whatever the cache says
            for word, each in zip(words, right):
                by_word[word].append(each)
            counts = ', '.join(f'{words.count(word)} {word}' for word in WORDS if word in words)
            print(f'  {name:18} rank-1 {right.mean():6.1%}   {counts}', flush=True)
            if arguments.figures:
                print_figures(checks)
    finally:                                                        # of those so far, if it is interrupted
        for word, right in by_word.items():
            print(f'{word:8} rank-1 {np.mean(right):6.1%} of {len(right)} probes' if right else f'{word:8} no probes')


class Checks:
    """What `check` tells of walks given as crops; kept in a folder, if there is one, for these pose weights.

    Parameters
    ----------
    cache : pathlib.Path or None
    """

    def __init__(self, cache):
        weights = find_pose_weights()
        self._net = shared_pose_network(weights)
        self._folder = cache and cache / f'checks-{pathlib.Path(weights).stem}'
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)

    def of(self, walk, every):
        """The figures of a walk, uint8 (T, 299, 299, 3), one in so many frames of it, by name."""
        file = self._folder and self._folder / f'{hashlib.sha256(walk.tobytes()).hexdigest()}-{every}.json'
        if file and file.exists():
            return json.loads(file.read_text())
        found = check_walk(walk, self._net, 'none', every).as_dict()
        if file:
            with gait_files.replacing(file, 'w') as unfinished:
                json.dump(found, unfinished)
        return found


def clean_walks(people, folder):
    """The gallery: vectors of length 1, (n, 512), and whose they are."""
    weights = choose_weights()
    data = WalkerWalks(people, TEST_PERSON, GALLERY_FRAMES, conditions=GALLERY)
    with GaitNetwork(recurrent_unit=weights.recurrent_unit, rnn_layers=weights.rnn_layers) as net:
        net.restore(weights.gait_weights)
        paths = Features(folder, weights.pose_weights, facing_right=net.facing_right).make(data)
        found = np.stack([net.feed_forward(np.load(path, allow_pickle=False).astype(np.float32)) for path in paths])
    return found / np.linalg.norm(found, axis=1, keepdims=True), np.array([int(walk.person) for walk in data.walks])


def print_figures(checks):
    """Least, middle and greatest value of what the rules look at."""
    for rule in RULES:
        values = [check[rule.name] for check in checks if check.get(rule.name) is not None]
        if values:
            print(f'      {rule.name:10} {np.min(values):8.2f} {np.median(values):8.2f} {np.max(values):8.2f}')


if __name__ == '__main__':
    main()
