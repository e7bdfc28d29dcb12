#!/usr/bin/env python3
"""Does a gallery of very many people need an index? All walks compared, against an approximate index as a shortlist.

    pip install faiss-cpu hnswlib
    OMP_NUM_THREADS=1 python benchmarks/shortlist.py --people 100000

Vectors as in benchmarks/gallery.py. For each way: time to build, memory beyond the vectors, time of a query, and how
often the 50 people that come first hold the one whose walk is nearest (what the ways are held against), and the right
one. `--ways` names some of them; those whose package is missing are passed over.
"""
import argparse
import os
import time

import numpy as np
from gallery import SIZE, draw

SHORTLIST = 50                           # people
TAKEN = 200                              # walks that an index gives, so that 50 people are among them


def memory():
    """Of this process, in MB."""
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 1e6


def first_people(rows, walks):
    """The first `SHORTLIST` people of ranked walks."""
    return [*dict.fromkeys((rows // walks).tolist())][:SHORTLIST]


def all_walks(learnt, walks):
    def ask(probe):
        return np.argsort(-(learnt @ probe).reshape(-1, walks).max(axis=1))[:SHORTLIST].tolist()
    return ask


def faiss_lists(learnt, walks):
    import faiss
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(SIZE), SIZE, 1024, faiss.METRIC_INNER_PRODUCT)
    index.train(learnt[np.random.default_rng(0).permutation(len(learnt))[:50_000]])
    index.add(learnt)
    index.nprobe = 32
    return lambda probe: first_people(index.search(probe[None], TAKEN)[1][0], walks)


def faiss_graph(learnt, walks):
    """Of the people's means: a quarter of the nodes."""
    import faiss
    index = faiss.IndexHNSWFlat(SIZE, 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 100
    index.add(means(learnt, walks))
    index.hnsw.efSearch = TAKEN
    return lambda probe: index.search(probe[None], SHORTLIST)[1][0].tolist()


def hnswlib_graph(learnt, walks):
    import hnswlib
    index = hnswlib.Index('ip', SIZE)
    index.init_index(len(learnt) // walks, ef_construction=100, M=16)
    index.add_items(means(learnt, walks), num_threads=1)
    index.set_ef(TAKEN)
    return lambda probe: index.knn_query(probe, SHORTLIST, num_threads=1)[0][0].tolist()


def means(learnt, walks):
    mean = learnt.reshape(-1, walks, SIZE).mean(axis=1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


WAYS = {'all walks': all_walks, 'FAISS, inverted lists': faiss_lists, 'FAISS, HNSW of means': faiss_graph,
        'hnswlib, HNSW of means': hnswlib_graph}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--people', type=int, default=100_000)
    parser.add_argument('--walks', type=int, default=4)
    parser.add_argument('--probes', type=int, default=100)
    parser.add_argument('--ways', nargs='+', choices=WAYS, default=[*WAYS])
    arguments = parser.parse_args()
    learnt = np.empty((arguments.people, arguments.walks, SIZE), np.float32)
    probes = np.empty((arguments.people, SIZE), np.float32)
    for first in range(0, arguments.people, 1000):            # drawn at once they would take all memory
        block = draw(min(1000, arguments.people - first), arguments.walks + 1, seed=first)
        block /= np.linalg.norm(block, axis=2, keepdims=True)
        learnt[first:first + 1000], probes[first:first + 1000] = block[:, :-1], block[:, -1]
    asked = np.random.default_rng(0).permutation(arguments.people)[:arguments.probes]
    learnt = learnt.reshape(-1, SIZE)
    print(f'{arguments.people} people, {len(learnt)} walks: {learnt.nbytes / 1e6:.0f} MB', flush=True)
    nearest = [all_walks(learnt, arguments.walks)(probes[i])[0] for i in asked]
    for way in arguments.ways:
        before, start = memory(), time.perf_counter()
        try:
            ask = WAYS[way](learnt, arguments.walks)
        except ImportError as error:
            print(f'{way}: {error}')
            continue
        built, grown, answers, times = time.perf_counter() - start, memory() - before, [], []
        for i in asked:
            start = time.perf_counter()
            answers.append(ask(probes[i]))
            times.append(time.perf_counter() - start)
        print(f'{way}: built in {built:.1f} s, {grown:.0f} MB more, a query {1000 * np.median(times):.1f} ms (least '
              f'{1000 * min(times):.1f}), the nearest is among {SHORTLIST}: '
              f'{np.mean([near in each for near, each in zip(nearest, answers)]):.1%}, the right one: '
              f'{np.mean([i in each for i, each in zip(asked, answers)]):.1%}', flush=True)


if __name__ == '__main__':
    main()
