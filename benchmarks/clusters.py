#!/usr/bin/env python3
"""How much sooner walks are described by several processes: joblib's, or Dask's workers.

    gait-recognition walkers demo --people 3 --walks 4                  # or walks of yours
    python benchmarks/clusters.py demo/*.mp4

Each process has one thread, and as many cores as there are processes are used; all have their networks open before the
clock starts. A line for each: seconds, and how many times as fast as one process with one thread. Dask and Ray where
they are installed.
"""
import argparse
import contextlib
import importlib.util
import pathlib
import sys
import time
import warnings

import joblib
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from gait_recognition.vectors import GaitVectors, walk_vector  # noqa: E402
from gait_recognition.weights import choose_weights, open_networks  # noqa: E402


def timed(what, describe, walks, first=None):
    """Vectors of the walks, after some that open the networks; a line about them."""
    describe(walks[:2])
    start = time.perf_counter()
    vectors = np.stack(describe(walks))
    seconds = time.perf_counter() - start
    print(f'{what}: {seconds:.1f} s' + (f', {first[0] / seconds:.2f} times as fast, vectors differ by at most '
                                        f'{np.abs(vectors - first[1]).max():.1e}' if first else ''), flush=True)
    return seconds, vectors


def in_one_process(threads, crop):
    networks = open_networks(choose_weights(), threads)
    return lambda walks: [walk_vector(walk, *networks, crop=crop) for walk in walks]


def in_workers(crop):
    return lambda walks: [outcome.vector for outcome in GaitVectors(crop=crop).outcomes(walks)]


@contextlib.contextmanager
def on_dask(number):
    from distributed import Client, LocalCluster
    with LocalCluster(n_workers=number, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster), \
            joblib.parallel_config('dask'):
        yield


@contextlib.contextmanager
def on_ray(number):
    import ray
    from ray.util.joblib import register_ray
    register_ray()
    ray.init(num_cpus=number, include_dashboard=False, log_to_driver=False, logging_level='ERROR')
    try:
        with joblib.parallel_config('ray', n_jobs=-1):
            yield
    finally:
        ray.shutdown()


CLUSTERS = {'distributed': ('workers of Dask', on_dask), 'ray': ('actors of Ray', on_ray)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('walks', nargs='+')
    parser.add_argument('--crop', default='auto')
    parser.add_argument('--processes', type=int, default=2)
    arguments = parser.parse_args()
    warnings.simplefilter('ignore')                             # of few frames
    walks, number = arguments.walks, arguments.processes
    first = timed('one process, one thread', in_one_process(1, arguments.crop), walks)
    timed(f'one process, {number} threads', in_one_process(number, arguments.crop), walks, first)
    with joblib.parallel_config(n_jobs=number):
        timed(f'{number} processes of joblib', in_workers(arguments.crop), walks, first)
    joblib.externals.loky.get_reusable_executor().shutdown()
    for module, (what, started) in CLUSTERS.items():
        if importlib.util.find_spec(module):
            with started(number):
                timed(f'{number} {what}', in_workers(arguments.crop), walks, first)


if __name__ == '__main__':
    main()
