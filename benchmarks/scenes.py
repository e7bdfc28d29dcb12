#!/usr/bin/env python3
"""How well everybody in a scene is followed and named, on drawn walkers who cross: IDF1, MOTA, rank-1, cost.

    pip install -e ".[benchmark]"                               # py-motmetrics
    python benchmarks/scenes.py                                 # IDF1 and MOTA of 2 to 5 people: 20 minutes
    python benchmarks/scenes.py --scenes 1 --rank --fps 10      # rank-1 beside people walking alone, and the cost
    python benchmarks/scenes.py --running                       # followed as frames come, as by watch
    python benchmarks/scenes.py --pan 0.3                       # a camera that turns there and back

The truth is that of `gait-recognition walkers --scenes`: everybody's box in every frame, hidden parts, too. People are
such as neither training nor validation drew, in each scene others; `--first` begins with others. A box that overlaps a
true one by half or more (IoU) is a hit.
"""
import argparse
import functools
import pathlib
import sys
import time
import types
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import gait_checkpoints  # noqa: E402
from gait_processor import PRECISIONS  # noqa: E402
from gait_recognition.frames import read_frames  # noqa: E402
from gait_recognition.live import Moment  # noqa: E402
from gait_recognition.people.running import RunningPeople  # noqa: E402
from gait_recognition.people.tracks import people_vectors, tracks  # noqa: E402
from gait_recognition.training.walks import TEST_PERSON  # noqa: E402
from gait_recognition.walkers.crossings import crossing  # noqa: E402
from gait_recognition.weights import choose_weights, load_tensorflow, open_networks  # noqa: E402

LEAST_OVERLAP = 0.5             # IoU
LEARNT, ASKED = 1, 2            # indices of walks


def cast(number, scene):
    """The people of a scene: nobody is in two."""
    first = TEST_PERSON + 1000 * number + 10 * scene
    return [*range(first, first + number)]


def film(people, index, fps, pan=0.0):
    """(frames, true boxes (T, n, 4): left, top, right, bottom, NaN outside)."""
    found = list(crossing(people, index, fps=fps, pan=pan))
    boxes = np.stack([each.boxes for each in found])[..., [1, 0, 3, 2]]
    return np.stack([each.image for each in found]), boxes + np.array([0, 0, 1, 1])


def overlaps(a, b):
    """IoU of boxes (n, 4) with boxes (m, 4)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (a, b)]
    return both / (areas[0][:, None] + areas[1][None] - both)


def frame_by_frame(people, truth):
    """For each frame (true people, true boxes, tracks, their boxes)."""
    at = {}
    for place, person in enumerate(people):
        for number, box in zip(person.numbers, person.boxes):
            at.setdefault(number, []).append((place, box))
    for number, boxes in enumerate(truth):
        inside = np.flatnonzero(np.isfinite(boxes).all(1))
        found = at.get(number, [])
        yield inside, boxes[inside], [place for place, _ in found], np.array([box for _, box in found]).reshape(-1, 4)


def accumulate(people, truth):
    """A scene in py-motmetrics."""
    import motmetrics

    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for inside, true_boxes, places, boxes in frame_by_frame(people, truth):
        shares = overlaps(true_boxes, boxes)
        accumulator.update(inside.tolist(), places, np.where(shares >= LEAST_OVERLAP, 1 - shares, np.nan))
    return accumulator


def owners(people, truth):
    """Who each track is: of the true people the one whom it shows most."""
    hits = np.zeros((len(people), truth.shape[1]))
    for inside, true_boxes, places, boxes in frame_by_frame(people, truth):
        hits[np.ix_(places, inside)] += (overlaps(true_boxes, boxes) >= LEAST_OVERLAP).T
    return hits.argmax(1) if len(people) else []


def run(images, net, fps):
    """The tracks of a scene as `watch` follows them, while its frames come."""
    people, seen = RunningPeople(fps, net, print), {}
    people.begin_with((number / fps, functools.partial(np.asarray, image)) for number, image in enumerate(images))
    for number, image in enumerate(images):
        ended = people.add(Moment(number / fps, 0.0, image, 1))
        for track in [*people.tracks, *ended]:
            if track.last is not None and track.last.seconds == number / fps:
                seen.setdefault(track, []).append((number, track.box[[1, 0, 3, 2]]))
            track.crops()
    people.finish()
    return [types.SimpleNamespace(numbers=[number for number, _ in sights], boxes=np.array([box for _, box in sights]))
            for track, sights in seen.items() if track.walks]


class Scene(NamedTuple):
    """A film of several people, as it was followed."""
    cast: list
    truth: np.ndarray
    people: object
    seconds: float              # of work that following took, of all processors


def followed(people, follow, options):
    """A `Scene`."""
    images, truth = film(people, ASKED, options.fps, options.pan)
    began = time.process_time()
    return Scene(people, truth, follow(images), time.process_time() - began)


def measure(options, follow, rank=None):
    """Print IDF1 and MOTA; show each `Scene` to `rank`."""
    import motmetrics

    host = motmetrics.metrics.create()
    print(f'{"people":>7}{"IDF1":>8}{"MOTA":>8}{"switches":>10}{"tracks":>8}{"of":>5}   each scene', flush=True)
    for number in options.people:
        accumulators, counts = [], 0
        for place in range(options.first, options.first + options.scenes):
            scene = followed(cast(number, place), follow, options)
            accumulators.append(accumulate(scene.people, scene.truth))
            counts += len(scene.people)
            if rank is not None:
                rank.add(scene)
        table = host.compute_many(accumulators, metrics=['idf1', 'mota', 'num_switches'], generate_overall=True)
        whole, single = table.iloc[-1], ', '.join(f'{value:.3f}' for value in table['idf1'][:-1])
        print(f'{number:7}{whole.idf1:8.3f}{whole.mota:8.3f}{int(whole.num_switches):10}{counts:8}'
              f'{number * options.scenes:5}   {single}', flush=True)


class Timed:
    """The pose network, and how long its features took, seconds of all processors."""

    def __init__(self, net):
        self._net, self.seconds = net, 0.0

    def __getattr__(self, name):
        return getattr(self._net, name)

    def feed_forward_features(self, crops, batch_size=16):
        began = time.process_time()
        features = self._net.feed_forward_features(crops, batch_size)
        self.seconds += time.process_time() - began
        return features


class Rank:
    """Rank-1 of tracks and of the same walks alone, and what tracks cost beside the features of their crops."""

    def __init__(self, pose_net, gait_net, follow, fps):
        self._nets, self._follow, self._fps = (Timed(pose_net), gait_net), follow, fps
        self._known, self._alone, self._tracked, self._work, self._features = {}, [], [], 0.0, 0.0

    def add(self, scene):
        """Describe the tracks of a scene, and its people alone."""
        before = self._nets[0].seconds
        vectors = people_vectors(scene.people, *self._nets)
        self._work, self._features = self._work + scene.seconds, self._features + self._nets[0].seconds - before
        best = {}                                               # of somebody's tracks with a vector the longest
        for owner, track, vector in zip(owners(scene.people, scene.truth), scene.people, vectors):
            if vector is not None:
                best[owner] = max(best.get(owner, (0, None)), (len(track.numbers), vector), key=lambda each: each[0])
        self._tracked += [(person, best.get(place, (0, None))[1]) for place, person in enumerate(scene.cast)]
        for person in scene.cast:
            self._known[person], asked = (self._vector(person, index) for index in (LEARNT, ASKED))
            self._alone.append((person, asked))
        self.show()

    def _vector(self, person, index):
        vectors = people_vectors(self._follow(film([person], index, self._fps)[0]), *self._nets)
        if not vectors or vectors[0] is None:
            raise ValueError(f'person {person}, walk {index}: nobody was found walking alone')
        return vectors[0]

    def show(self):
        """Print what is known so far."""
        alone, tracked = (rank_one(self._known, walks) for walks in (self._alone, self._tracked))
        described = [(person, vector) for person, vector in self._tracked if vector is not None]
        print(f'# rank-1 of {len(self._known)} people: alone {alone:.1%}, tracks {tracked:.1%} (those without a vector '
              f'count as wrong; {rank_one(self._known, described):.1%} of the {len(described)} with one); tracks cost '
              f'{self._work / self._features:.1%} of the features of their crops', flush=True)


def rank_one(known, walks):
    """Share of walks whose nearest (cosine) is their own; those without a vector are wrong."""
    people = [*known]
    gallery = np.stack([known[person] / np.linalg.norm(known[person]) for person in people])
    return np.mean([vector is not None and people[int((gallery @ vector).argmax())] == person
                    for person, vector in walks])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--people', type=int, nargs='+', default=[2, 3, 4, 5], help='in a scene')
    parser.add_argument('--scenes', type=int, default=6, help='of each number of people')
    parser.add_argument('--first', type=int, default=0, help='number of the first scene: each has people of its own')
    parser.add_argument('--fps', type=float, default=25.0, help='frames a second of the films')
    parser.add_argument('--pan', type=float, default=0.0, help='share of its width by which the camera turns')
    parser.add_argument('--precision', choices=PRECISIONS, default=PRECISIONS[0], help='of the pose network')
    parser.add_argument('--rank', action='store_true', help='rank-1 and cost, too: minutes a scene')
    parser.add_argument('--running', action='store_true', help='follow people as frames come')
    options = parser.parse_args(argv)
    if options.running and options.rank:
        parser.error('--rank is of whole recordings: it does not go with --running')
    shipped = gait_checkpoints.SHIPPED
    weights = choose_weights(*(str(gait_checkpoints.find_weights(name)) for name in (shipped.pose, shipped.gait)),
                             precision=options.precision)
    load_tensorflow()
    pose_net, gait_net = open_networks(weights)
    with pose_net as pose_net, gait_net as gait_net:
        follow = (lambda images: run(images, pose_net, options.fps)) if options.running else \
            (lambda images: tracks(read_frames(images, fps=options.fps), pose_net))
        measure(options, follow, Rank(pose_net, gait_net, follow, options.fps) if options.rank else None)


if __name__ == '__main__':
    main()
