#!/usr/bin/env python3
"""How well everybody in a scene is followed and named, on drawn walkers who cross: IDF1, MOTA, rank-1, cost.

    pip install -e ".[benchmark]"                               # py-motmetrics
    python benchmarks/scenes.py                                 # IDF1 and MOTA of 2 to 5 people: 20 minutes
    python benchmarks/scenes.py --scenes 2 --rank               # rank-1 beside people walking alone, and the cost
    python benchmarks/scenes.py --running                       # followed as frames come, as by watch

The truth is that of `gait-recognition walkers --scenes`: everybody's box in every frame, hidden parts, too. People are
such as neither training nor validation drew. A box that overlaps a true one by half or more (IoU) is a hit.
"""
import argparse
import functools
import pathlib
import sys
import time
import types

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import gait_checkpoints  # noqa: E402
from gait_recognition.frames import read_frames  # noqa: E402
from gait_recognition.live import Moment  # noqa: E402
from gait_recognition.people.running import RunningPeople  # noqa: E402
from gait_recognition.people.tracks import crop_batches, people_vectors, tracks  # noqa: E402
from gait_recognition.training.walks import TEST_PERSON  # noqa: E402
from gait_recognition.walkers.crossings import crossing  # noqa: E402
from gait_recognition.weights import choose_weights, open_networks  # noqa: E402

LEAST_OVERLAP = 0.5             # IoU
FPS = 25.0
LEARNT, ASKED = 1, 2            # indices of walks


def cast(number, scene):
    """The people of a scene: nobody is in two."""
    first = TEST_PERSON + 1000 * number + 10 * scene
    return [*range(first, first + number)]


def film(people, index):
    """(frames, true boxes (T, n, 4): left, top, right, bottom, NaN outside)."""
    found = list(crossing(people, index, fps=FPS))
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


def run(images, net):
    """The tracks of a scene as `watch` follows them, while its frames come."""
    people, seen = RunningPeople(FPS, net, print), {}
    people.begin_with((number / FPS, functools.partial(np.asarray, image)) for number, image in enumerate(images))
    for number, image in enumerate(images):
        ended = people.add(Moment(number / FPS, 0.0, image, 1))
        for track in [*people.tracks, *ended]:
            if track.last is not None and track.last.seconds == number / FPS:
                seen.setdefault(track, []).append((number, track.box[[1, 0, 3, 2]]))
            track.crops()
    people.finish()
    return [types.SimpleNamespace(numbers=[number for number, _ in sights], boxes=np.array([box for _, box in sights]))
            for track, sights in seen.items() if track.walks]


def measure_tracking(numbers, scenes, follow):
    """Print IDF1 and MOTA; return (scene's people, frames, truth, tracks, seconds of work) of all."""
    import motmetrics

    host, done = motmetrics.metrics.create(), []
    print(f'{"people":>7}{"IDF1":>8}{"MOTA":>8}{"switches":>10}{"tracks":>8}{"of":>5}   each scene', flush=True)
    for number in numbers:
        accumulators, counts = [], 0
        for scene in range(scenes):
            images, truth = film(cast(number, scene), ASKED)
            began = time.process_time()
            people = follow(images)
            done.append((cast(number, scene), images, truth, people, time.process_time() - began))
            accumulators.append(accumulate(people, truth))
            counts += len(people)
        table = host.compute_many(accumulators, metrics=['idf1', 'mota', 'num_switches'], generate_overall=True)
        whole, single = table.iloc[-1], ', '.join(f'{value:.3f}' for value in table['idf1'][:-1])
        print(f'{number:7}{whole.idf1:8.3f}{whole.mota:8.3f}{int(whole.num_switches):10}{counts:8}{number * scenes:5}'
              f'   {single}', flush=True)
    return done


def measure_rank(done, pose_net, gait_net):
    """Print rank-1 of tracks and of the same walks alone, and what tracks cost."""
    known, alone, tracked, work, features = {}, [], [], 0.0, 0.0
    for cast_, _, truth, people, seconds in done:
        began = time.process_time()
        for _, _, crops in crop_batches(people):
            pose_net.feed_forward_features(crops)
        work, features = work + seconds, features + time.process_time() - began
        vectors = people_vectors(people, pose_net, gait_net)
        tracked += [(cast_[owner], vector) for owner, vector in zip(owners(people, truth), vectors)
                    if vector is not None]
        for person in cast_:
            for index, into in ((LEARNT, None), (ASKED, alone)):
                one = tracks(read_frames(film([person], index)[0], fps=FPS), pose_net)
                vector = people_vectors(one, pose_net, gait_net)[0]
                if into is None:
                    known[person] = vector
                else:
                    into.append((person, vector))
    for what, walks in (('alone', alone), ('tracks', tracked)):
        print(f'rank-1 of {len(known)} people, {what}: {rank_one(known, walks):.1%} of {len(walks)}', flush=True)
    print(f'tracks cost {work / features:.0%} of the features of their crops', flush=True)


def rank_one(known, walks):
    """Share of walks whose nearest (cosine) is their own."""
    people = [*known]
    gallery = np.stack([known[person] / np.linalg.norm(known[person]) for person in people])
    return np.mean([people[int((gallery @ vector).argmax())] == person for person, vector in walks])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--people', type=int, nargs='+', default=[2, 3, 4, 5], help='in a scene')
    parser.add_argument('--scenes', type=int, default=6, help='of each number of people')
    parser.add_argument('--rank', action='store_true', help='rank-1 and cost, too: minutes a scene')
    parser.add_argument('--running', action='store_true', help='follow people as frames come')
    arguments = parser.parse_args(argv)
    if arguments.running and arguments.rank:
        parser.error('--rank is of whole recordings: it does not go with --running')
    shipped = gait_checkpoints.SHIPPED
    weights = choose_weights(*(str(gait_checkpoints.find_weights(name)) for name in (shipped.pose, shipped.gait)))
    pose_net, gait_net = open_networks(weights)
    with pose_net as pose_net, gait_net as gait_net:
        follow = (lambda images: run(images, pose_net)) if arguments.running else \
            (lambda images: tracks(read_frames(images, fps=FPS), pose_net))
        done = measure_tracking(arguments.people, arguments.scenes, follow)
        if arguments.rank:
            measure_rank(done, pose_net, gait_net)


if __name__ == '__main__':
    main()
