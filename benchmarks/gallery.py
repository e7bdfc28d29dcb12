#!/usr/bin/env python3
"""How long a gallery of many people takes: to enrol, to open, to name walks; and whether its scorer ranks as the SVM.

    python benchmarks/gallery.py --people 1000
    python benchmarks/gallery.py --people 10000                 # minutes
    python benchmarks/gallery.py --people 1000 --svm            # the plain linear SVM beside it: minutes

Vectors are drawn around spreads that were measured on 60 synthetic walkers: of length one, a common mean of 0.25, the
rest split between people and walks of one person, each in some tens of directions.
"""
import argparse
import pathlib
import resource
import sys
import tempfile
import time
import warnings

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from gait_recognition.gallery import Gallery  # noqa: E402
from gait_recognition.scorers import classify  # noqa: E402

SIZE, MEAN, BETWEEN, WITHIN, SLOPE = 512, 0.25, 0.77, 0.63, 0.55


def draw(people, walks, seed=0, between=BETWEEN, within=WITHIN, slope=SLOPE):
    """Vectors float32 (people, walks, 512)."""
    generator = np.random.default_rng(seed)
    decay = np.arange(1, SIZE + 1) ** -slope
    decay /= np.linalg.norm(decay)
    person = between * decay * generator.normal(size=(people, 1, SIZE))
    walk = within * decay * generator.normal(size=(people, walks, SIZE))
    common = np.full(SIZE, MEAN / np.sqrt(SIZE))
    return (common + person + walk).astype(np.float32)


def timed(what, call):
    """Run it; print seconds of the clock and of the processors (all cores together), and memory at its highest."""
    start, spent = time.perf_counter(), time.process_time()
    answer = call()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024) / 1e9
    print(f'{what}: {time.perf_counter() - start:.2f} s, {time.process_time() - spent:.2f} s of processors, '
          f'{memory:.2f} GB', flush=True)
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--people', type=int, default=1000)
    parser.add_argument('--walks', type=int, default=4)
    parser.add_argument('--svm', action='store_true', help='rank by the plain linear SVM, too')
    arguments = parser.parse_args()
    warnings.simplefilter('ignore')                             # drawn walks look like somebody else's now and then
    vectors = draw(arguments.people, arguments.walks + 2)
    learnt, more, probes = vectors[:, :-2], vectors[:, -2], vectors[:, -1]
    names = [f'person {i}' for i in range(arguments.people)]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / 'people.gallery'

        def enrol():
            with Gallery.open(path, 'drawn', create=True) as gallery:
                for name, walks in zip(names, learnt):
                    gallery.enrol(name, walks)
        timed(f'enrol {arguments.people} people with {arguments.walks} walks each', enrol)
        gallery = timed('open', lambda: Gallery.open(path, 'drawn'))
        timed('the first walk', lambda: gallery.identify(probes[0]))
        timed('another walk', lambda: gallery.identify(probes[1]))
        answers = timed(f'{min(1000, len(probes))} walks in one call', lambda: gallery.identify(probes[:1000], top=5))
        print(f'rank-1: {np.mean([each.ranking[0][0] == name for each, name in zip(answers, names)]):.1%}')
        for task, point in timed('calibrate', lambda: gallery.calibrate(0.01)).items():
            print(f'{task}: {point.rates()}')
        timed('the first walk with a probability', lambda: gallery.identify(probes[0]))
        gallery.enrol(names[0], more[0])
        timed('enrol another walk', lambda: gallery.enrol(names[1], more[1]))
        gallery.close()

        def enrol_one():
            with Gallery.open(path, 'drawn') as gallery:
                gallery.enrol(names[2], more[2])
        timed('open and enrol another walk', enrol_one)
    if arguments.svm:
        labels = np.repeat(names, arguments.walks)
        scores, people = timed('the plain linear SVM', lambda: classify(
            learnt.reshape(-1, SIZE), labels.tolist(), probes[:1000]))
        print(f'rank-1: {np.mean(np.array(people)[scores.argmax(axis=1)] == np.array(names)[:1000]):.1%}')


if __name__ == '__main__':
    main()
