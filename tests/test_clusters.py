"""What several processes promise: those of this machine, Dask's workers, Ray's actors. The same vectors, and a process
that dies loses no walk."""
import contextlib
import functools
import inspect
import os
import pickle
import sys
import threading
import time
from pathlib import Path

import interrupted_walks
import joblib
import numpy as np
import pytest
from interrupted_walks import Killer, marks, name_after_mark
from PIL import Image
from small_walks import ready_crops

import gait_checkpoints
from gait_recognition import facts, processes, vectors
from gait_recognition.processes import Workers, each_answer, from_anywhere, threads_here, workers_for
from gait_recognition.tracking import track
from gait_recognition.vectors import GaitVectors, walk_vector
from gait_recognition.weights import Weights, choose_weights, open_networks

TESTS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(TESTS)
pytestmark = [pytest.mark.filterwarnings('ignore:.*so few frames'), pytest.mark.filterwarnings('ignore:using .*')]
CORES = 2                               # workers with one thread each, as the reference has


def walk_files(folder, count, frames=3):
    """Animations of a few crops, whatever shows in them."""
    paths = []
    for seed in range(count):
        first, *others = map(Image.fromarray, ready_crops(frames, seed))
        paths.append(folder / f'walk-{seed}.gif')
        first.save(paths[-1], save_all=True, append_images=others)
    return paths


# Processes that die, on this machine

class Gone(Exception):
    """Stands for what an engine raises where a process died."""


@pytest.fixture
def gone(monkeypatch):
    monkeypatch.setattr(processes, 'LOST', {f'{__name__}.Gone'})


IN_THREADS = Workers(2, False, True)


def test_what_a_process_that_died_was_at_is_done_again_and_said(gone):
    asked, two_are_there = [], threading.Event()

    def work(walk):
        asked.append(walk)
        if walk == 2 and asked.count(2) < processes.LOSSES:
            assert two_are_there.wait(60)
            raise Gone
        return 10 * walk
    with joblib.parallel_config(backend='threading'), \
            pytest.warns(RuntimeWarning, match='before the answer for walk 2 of 5 .* done again') as said:
        answers = each_answer(work, [0, 1, 2, 3, 4], IN_THREADS, 2)
        assert [next(answers), next(answers)] == [0, 10]
        two_are_there.set()
        assert [*answers] == [20, 30, 40]
    assert asked.count(2) == processes.LOSSES and len(said) == processes.LOSSES - 1
    assert asked.count(0) == asked.count(1) == 1                        # whose answers were there


def test_processes_that_die_again_and_again_are_an_error_that_says_so(gone):
    def work(walk):
        raise Gone
    with joblib.parallel_config(backend='threading'), pytest.warns(RuntimeWarning, match='done again'), \
            pytest.raises(RuntimeError, match='3 times in a row a process died before the answer for walk 0 of 3 .* '
                                              'memory enough for 2'):
        list(each_answer(work, [0, 1, 2], IN_THREADS, 2))


def test_an_error_of_the_work_itself_is_raised_and_nothing_done_again(gone):
    asked = []

    def work(walk):
        asked.append(walk)
        raise ValueError('bad walk')
    with joblib.parallel_config(backend='threading'), pytest.raises(ValueError, match='bad walk'):
        list(each_answer(work, [0], IN_THREADS, 2))
    assert asked == [0]


def test_a_killed_process_of_this_machine_is_replaced(tmp_path):
    paths = [tmp_path / f'{i}' for i in range(6)]
    with Killer(paths[1]) as killer, pytest.warns(RuntimeWarning, match='a process died'):
        answers = [*each_answer(name_after_mark, paths, workers_for(2), 2)]
    assert answers == ['0', '1', '2', '3', '4', '5']
    assert killer.killed in marks(paths[1]) and len(marks(paths[1])) == 2


def test_a_backend_that_gives_its_answers_together_gives_all_of_them_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, 'TOGETHER', 2)
    paths = [tmp_path / f'{i}' for i in range(11)]
    with joblib.parallel_config(backend='multiprocessing'):
        workers = workers_for(2)
        assert workers == (2, False, False)
        assert [*each_answer(name_after_mark, paths, workers, 2)] == [path.name for path in paths]
    assert len({process for path in paths for process in marks(path)}) <= 2         # which stay between the pieces


# What travels, and what is found there

def test_walks_travel_by_whole_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = walk_files(Path('.'), 2)
    frames = ready_crops(2)
    assert from_anywhere(paths[0]) == from_anywhere('walk-0.gif') == f'{tmp_path}/walk-0.gif'
    assert from_anywhere(['walk-0.gif', paths[1]]) == [f'{tmp_path}/walk-0.gif', f'{tmp_path}/walk-1.gif']
    assert from_anywhere('walk-*.gif') == f'{tmp_path}/walk-*.gif'
    for other in 'nowhere.mp4', 'rtsp://camera/1', 0, frames:
        assert from_anywhere(other) is other
    assert Weights('a.npz', '/b.npz', 'GRU', 1).from_anywhere() == Weights(f'{tmp_path}/a.npz', '/b.npz', 'GRU', 1)


def test_a_process_of_a_cluster_takes_the_threads_that_it_was_given(monkeypatch):
    monkeypatch.setattr(joblib, 'cpu_count', lambda: 8)
    monkeypatch.setitem(sys.modules, 'distributed', None)
    monkeypatch.delitem(sys.modules, 'distributed')
    for said, threads in ('3', 3), ('', 8), ('0', 8), ('four', 8), ('99', 8):
        monkeypatch.setenv('OMP_NUM_THREADS', said)
        assert threads_here() == threads
    assert [Workers(number, elsewhere, True).threads for number, elsewhere in
            ((1, False), (4, False), (99, False), (1, True), (4, True))] == [None, 2, 1, 0, 0]


def test_weights_that_a_machine_lacks_are_no_fault_of_a_walk(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, 'choose_weights', Weights)
    lacking = GaitVectors(f'{tmp_path}/pose.npz', f'{tmp_path}/gait.npz', 'GRU', 1, on_error='nan')
    with pytest.raises(gait_checkpoints.CheckpointError, match='pose.npz: no such checkpoint.*each machine needs the'):
        lacking.transform([ready_crops(2)])


@pytest.mark.parametrize('error', [
    kind for module in (gait_checkpoints, facts, track) for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == module.__name__], ids=lambda kind: kind.__name__)
def test_errors_travel_from_process_to_process(error):
    there = pickle.loads(pickle.dumps(error('walk.mp4: nobody')))
    assert type(there) is error and str(there) == 'walk.mp4: nobody'


# Clusters

@pytest.fixture(scope='module')
def walks(tmp_path_factory):
    return walk_files(tmp_path_factory.mktemp('walks'), 4)


@pytest.fixture(scope='module')
def expected(walks):
    """Of one process, with as many threads as a worker has."""
    with contextlib.ExitStack() as opened:
        networks = [opened.enter_context(net) for net in open_networks(choose_weights(), 1)]
        return np.stack([walk_vector(walk, *networks, crop='none') for walk in walks])


@pytest.fixture(scope='module')
def dask():
    """A client of two workers, processes of their own; joblib's backend within tests is `parallel_config('dask')`."""
    distributed = pytest.importorskip('distributed', reason='dask[distributed] is not installed')
    with distributed.LocalCluster(n_workers=CORES, threads_per_worker=1, processes=True, dashboard_address=None) as \
            cluster, distributed.Client(cluster) as client:
        client.run(os.chdir, '/')                           # of another working folder
        yield client


def dasks(*arguments, **options):
    return joblib.parallel_config('dask', *arguments, **options)


def through(paths, **options):
    return GaitVectors(crop='none', **options).transform(paths)


@pytest.mark.slow
def test_two_workers_of_dask_give_the_vectors_of_one_process(dask, walks, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(walks[0].parent)
    with dasks():
        assert workers_for() == (CORES, True, True)
        assert np.array_equal(through([walk.name for walk in walks], cache=tmp_path), expected)
    assert len([*tmp_path.glob('*.npy')]) == len(walks)
    in_memory = [np.stack([*vectors.read_frames(walk)]) for walk in walks[:2]]
    with dasks():
        assert np.array_equal(through(in_memory), expected[:2])


@pytest.mark.slow
def test_a_killed_worker_of_dask_costs_no_walk(dask, walks, tmp_path):
    paths = walk_files(tmp_path, 6)
    work = GaitVectors(crop='none')
    with dasks():
        whole = [outcome.vector for outcome in work.outcomes(paths, describe=interrupted_walks.describe)]
        for file in tmp_path.glob('*.at'):
            file.unlink()
        with Killer(paths[2]) as killer:
            found = [outcome.vector for outcome in work.outcomes(paths, describe=interrupted_walks.describe)]
    assert np.array_equal(found, whole)
    assert killer.killed in marks(paths[2]) and len(marks(paths[2])) == 2
    assert sum(len(marks(path)) for path in paths) < 2 * len(paths)                     # not all of them anew


@pytest.mark.slow
def test_frames_that_a_killed_worker_of_dask_held_are_sent_again(dask, walks, expected):
    in_memory = [np.stack([*vectors.read_frames(walk)]) for walk in walks] * 5
    before = dask.run(os.getpid)
    with dasks(), pytest.warns(RuntimeWarning, match='a process died'):
        outcomes = GaitVectors(crop='none').outcomes(in_memory)
        found = [next(outcomes).vector]
        os.kill([*before.values()][0], 9)
        found += [outcome.vector for outcome in outcomes]
    assert np.array_equal(found, np.concatenate([expected] * 5))
    assert before != dask.run(os.getpid)


@pytest.mark.slow
def test_workers_of_dask_say_what_is_wrong_with_a_walk_or_with_weights(dask, walks, expected, tmp_path):
    with dasks():
        with pytest.raises(FileNotFoundError, match='nowhere.mp4'):
            through([walks[0], 'nowhere.mp4'])
        with pytest.warns(UserWarning, match='walk 1 has no vector: nowhere.mp4'):
            vectors = through([walks[0], 'nowhere.mp4', walks[1]], on_error='nan')
        assert np.isnan(vectors[1]).all() and np.array_equal(vectors[::2], expected[:2])
        gone = [tmp_path / name for name in ('pose.npz', 'gait.npz')]
        work = functools.partial(vectors_of, weights=Weights(*map(str, gone), 'GRU', 1))
        with pytest.raises(gait_checkpoints.CheckpointError, match='pose.npz: no such checkpoint.*asked for on'):
            list(each_answer(work, walks, workers_for()))


def vectors_of(walk, weights):
    return vectors._transform_one(walk, GaitVectors(on_error='nan').get_params(), weights, None, 0)


@pytest.mark.slow
def test_an_interruption_leaves_no_walk_waiting_on_dask(dask, walks, tmp_path):
    paths = walk_files(tmp_path, 12)
    with dasks():
        outcomes = GaitVectors(crop='none').outcomes(paths)
        next(outcomes)
        with pytest.raises(KeyboardInterrupt):
            outcomes.throw(KeyboardInterrupt)
        del outcomes
    ends = time.monotonic() + 60
    while any(dask.processing().values()) and time.monotonic() < ends:
        time.sleep(0.1)
    assert not any(dask.processing().values())


@pytest.fixture(scope='module')
def ray():
    ray = pytest.importorskip('ray', reason='ray is not installed')
    from ray.util.joblib import register_ray
    register_ray()
    ray.init(num_cpus=CORES, include_dashboard=False, object_store_memory=200_000_000, log_to_driver=False,
             runtime_env={'env_vars': {'PYTHONPATH': os.pathsep.join((TESTS, ROOT))}})
    yield ray
    ray.shutdown()


@pytest.mark.slow
def test_two_actors_of_ray_give_the_vectors_of_one_process(ray, walks, expected):
    with joblib.parallel_config('ray', n_jobs=-1):
        assert workers_for() == (CORES, True, False)
        assert np.array_equal(through(walks), expected)


@pytest.mark.slow
def test_a_killed_actor_of_ray_costs_no_walk(ray, tmp_path):
    paths = walk_files(tmp_path, 6)
    work = GaitVectors(crop='none')
    whole = [outcome.vector for outcome in work.outcomes(paths, describe=interrupted_walks.describe)]
    for file in tmp_path.glob('*.at'):
        file.unlink()
    with joblib.parallel_config('ray', n_jobs=-1), Killer(paths[2]) as killer, \
            pytest.warns(RuntimeWarning, match='a process died'):
        found = [outcome.vector for outcome in work.outcomes(paths, describe=interrupted_walks.describe)]
    assert np.abs(np.subtract(found, whole)).max() < 1e-4           # of another number of threads
    assert killer.killed in marks(paths[2]) and len(marks(paths[2])) == 2


@pytest.mark.slow
def test_actors_of_ray_say_what_is_wrong_with_a_walk(ray, walks):
    with joblib.parallel_config('ray', n_jobs=-1), pytest.raises(FileNotFoundError, match='nowhere.mp4'):
        through([walks[0], 'nowhere.mp4'])
