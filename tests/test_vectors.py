"""What `walk_vector` and `GaitVectors` promise."""
import gc
import os
import pickle
import threading
import warnings
import weakref

import numpy as np
import pytest
from PIL import Image
from reference_weights import SHARED
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from small_walks import BLUE, RED, Features, Leaky, crossing, ready_crops, write_video

import gait_checkpoints
from gait_recognition import weights
from gait_recognition.evaluation.baselines import describe
from gait_recognition.frames import Frames
from gait_recognition.pose_estimation import joints_of_walk
from gait_recognition.tracking.track import CROP_SIZE
from gait_recognition.vectors import GaitVectors, walk_vector
from gait_recognition.weights import Weights

pytestmark = pytest.mark.filterwarnings('ignore:.*so few frames')           # most tests do with a few


def test_the_vector_of_a_stream_is_that_of_one_piece():
    crops = ready_crops()
    expected = Leaky().feed_forward(Features().feed_forward_features(crops))
    for batch_size in (1, 4, 16, 100):
        pose_net = Features()
        vector = walk_vector((crop for crop in crops), pose_net, Leaky(), batch_size=batch_size)
        assert vector.dtype == np.float32 and vector.shape == (512,)
        assert np.abs(vector - expected).max() < 1e-5
        assert max(pose_net.batches) <= batch_size and sum(pose_net.batches) == len(crops)


def test_the_networks_vector_in_batches_is_that_of_one_piece(pose_net, gait_net):
    crops = ready_crops(7)
    expected = gait_net.feed_forward(pose_net.feed_forward_features(crops))
    vector, track = walk_vector(crops, pose_net, gait_net, batch_size=3, return_track=True)
    assert np.abs(vector - expected).max() < 1e-5
    assert track.numbers == list(range(7))


def test_the_vector_of_a_video_comes_with_its_track(tmp_path):
    frames, _ = crossing()
    path = write_video(tmp_path / 'walk.mp4', frames[:, :, :212])
    vector, track = walk_vector(path, Features(), Leaky(), return_track=True)
    assert np.isfinite(vector).all() and track.name == str(path)
    assert len(track.numbers) > 45
    half, sparse = walk_vector(path, Features(), Leaky(), every=2, return_track=True)
    assert abs(len(sparse.numbers) - len(track.numbers) / 2) < 3
    assert not np.array_equal(half, vector)


def test_a_vector_of_too_few_frames_is_warned_about():
    with pytest.warns(UserWarning, match=r'so few frames \(1\)'):
        walk_vector(ready_crops(1), Features(), Leaky())
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        walk_vector(ready_crops(8), Features(), Leaky())


def test_memory_does_not_grow_with_the_walk():
    alive, most = set(), [0]

    def source():
        for i in range(300):
            frame = np.full((CROP_SIZE, CROP_SIZE, 3), i % 256, np.uint8)
            alive.add(i)
            weakref.finalize(frame, alive.discard, i)
            most[0] = max(most[0], len(alive))
            yield frame
            del frame

    walk_vector(source(), Features(), Leaky(), batch_size=8)
    assert most[0] < 40


def test_an_error_in_the_source_reaches_the_caller_and_no_thread_stays():
    def source():
        yield from ready_crops(20)
        raise RuntimeError('the cable was pulled')

    before = threading.active_count()
    with pytest.raises(RuntimeError, match='the cable was pulled'):
        walk_vector(source(), Features(), Leaky(), batch_size=4)
    assert threading.active_count() == before


def test_an_error_in_a_network_closes_the_source():
    class Broken(Features):
        def feed_forward_features(self, crops, batch_size=16):
            raise RuntimeError('out of memory')

    closed, before = [], threading.active_count()

    def source():
        try:
            while True:
                yield ready_crops(1)[0]
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match='out of memory'):
        walk_vector(source(), Broken(), Leaky())
    gc.collect()
    assert closed and threading.active_count() == before


class Replaced(Features):
    """A pose network that gets other weights after its first batch."""

    @property
    def weights_version(self):
        return int(len(self.batches) > 0)

    def features_and_joints(self, crops, batch_size=16):
        return self.feed_forward_features(crops), super().joint_positions(crops)

    def joint_positions(self, crops):
        self.batches.append(len(crops))
        return super().joint_positions(crops)


@pytest.mark.filterwarnings('ignore:.*:UserWarning')
def test_a_walk_through_two_sets_of_weights_is_refused():
    crops = ready_crops(9)
    for look in (lambda net: walk_vector(crops, net, Leaky()), lambda net: describe(Frames(crops), net),
                 lambda net: joints_of_walk(Frames(crops), 'none', net)):
        with pytest.raises(RuntimeError, match='frames from memory: the weights were replaced'):
            look(Replaced())
    stands = Replaced()
    stands.batches.append(0)                                # before the walk
    assert walk_vector(crops, stands, Leaky()).shape == (512,)


def test_options_of_frames_that_are_already_open_are_not_ignored():
    with pytest.raises(ValueError, match='Frames already'):
        walk_vector(Frames(ready_crops()), Features(), Leaky(), every=2)
    with pytest.raises(ValueError, match='batch_size'):
        walk_vector(ready_crops(), Features(), Leaky(), batch_size=0)


# The transformer.

@pytest.fixture
def opened(monkeypatch):
    """Stand-ins for the networks, and how often they were asked for."""
    calls = []

    def open_networks(*arguments):
        calls.append(arguments)
        return Features(), Leaky()

    monkeypatch.setattr(Weights, 'digest', property(lambda self: f'print of {self.pose_weights} {self.gait_weights}'))
    monkeypatch.setattr('gait_recognition.vectors.shared_networks', open_networks)
    monkeypatch.setattr('gait_recognition.vectors.choose_weights', Weights)
    return calls


def tinted(colour, count=5, seed=0):
    return (ready_crops(count, seed) // 4 + np.array(colour, np.uint8) // 2).astype(np.uint8)


def transformer(**options):
    return GaitVectors('pose.ckpt', 'gait.ckpt', **{'recurrent_unit': 'GRU', 'rnn_layers': 1, **options})


def test_the_transformer_gives_a_row_for_each_walk(opened, tmp_path):
    folder = tmp_path / 'walk'
    folder.mkdir()
    crops = ready_crops()
    for i, crop in enumerate(crops):
        Image.fromarray(crop).save(folder / f'{i}.png')
    vectors = transformer().fit_transform([crops, folder, str(folder), list(crops)])
    assert vectors.shape == (4, 512) and vectors.dtype == np.float32
    assert np.array_equal(vectors[0], walk_vector(crops, Features(), Leaky()))
    assert (vectors == vectors[0]).all()


def test_the_transformer_clones_and_pickles_by_its_parameters(opened):
    original = transformer(crop='none', every=2, n_jobs=1)
    vectors = original.transform([ready_crops()])
    for copy in (clone(original), pickle.loads(pickle.dumps(original))):
        assert copy.get_params() == original.get_params()
        assert np.array_equal(copy.transform([ready_crops()]), vectors)
    assert set(vars(original)) == set(original.get_params())        # nothing else would travel
    assert original.set_params(every=1).transform([ready_crops()]).tolist() != vectors.tolist()
    assert list(original.get_feature_names_out())[::511] == ['gait0', 'gait511']


def test_the_transformer_works_in_a_pipeline(opened):
    walks = [tinted(colour, seed=seed) for seed in range(3) for colour in (RED, BLUE)]
    pipeline = make_pipeline(transformer(), LinearSVC()).fit(walks, ['red', 'blue'] * 3)
    assert list(pipeline.predict([tinted(BLUE, seed=9), tinted(RED, seed=9)])) == ['blue', 'red']


def test_an_interrupted_run_goes_on_from_the_cache(opened, tmp_path, monkeypatch):
    walks = [ready_crops(5, seed) for seed in range(4)]
    real, asked = walk_vector, []

    def interrupted(walk, *arguments, **options):
        asked.append(walk)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return real(walk, *arguments, **options)

    monkeypatch.setattr('gait_recognition.vectors.walk_vector', interrupted)
    cached = transformer(cache=tmp_path / 'cache')
    with pytest.raises(KeyboardInterrupt):
        cached.transform(walks)
    assert len([*(tmp_path / 'cache').glob('*.npy')]) == 2
    vectors = cached.transform(walks)
    assert len(asked) == 5                                          # two, the interrupted one, and the last two
    assert np.array_equal(vectors, transformer().transform(walks))
    cached.transform(walks)
    assert len(asked) == 9


def test_the_cache_knows_contents_parameters_and_weights(opened, tmp_path):
    cache = tmp_path / 'cache'
    path = tmp_path / 'walk.gif'
    Image.fromarray(ready_crops()[0]).save(path)
    transformer(cache=cache).transform([path])
    os.rename(path, tmp_path / 'renamed.gif')
    transformer(cache=cache, batch_size=2).transform([tmp_path / 'renamed.gif'])
    assert len([*cache.glob('*.npy')]) == 1
    transformer(cache=cache, every=2).transform([tmp_path / 'renamed.gif'])
    GaitVectors('pose.ckpt', 'other.ckpt', 'GRU', 1, cache=cache).transform([tmp_path / 'renamed.gif'])
    GaitVectors('pose.ckpt', 'gait.ckpt', 'GRU', 2, cache=cache).transform([tmp_path / 'renamed.gif'])
    Image.fromarray(ready_crops()[1]).save(path)
    transformer(cache=cache).transform([path])
    assert len([*cache.glob('*.npy')]) == 5


def test_a_damaged_file_of_the_cache_is_computed_anew(opened, tmp_path):
    cached = transformer(cache=tmp_path)
    vectors = cached.transform([ready_crops()])
    file, = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert np.array_equal(cached.transform([ready_crops()]), vectors)
    assert np.array_equal(np.load(file), vectors[0])


def test_a_file_of_the_cache_is_written_whole_or_not_at_all(opened, tmp_path, monkeypatch):
    def fail(file, vector):
        file.write(b'half')
        raise OSError('the disk is full')
    monkeypatch.setattr(np, 'save', fail)
    with pytest.raises(OSError, match='the disk is full'):
        transformer(cache=tmp_path).transform([ready_crops()])
    assert os.listdir(tmp_path) == []


def test_a_bad_walk_stops_the_run_or_gives_a_row_of_nan(opened):
    walks = [ready_crops(), 'nowhere.mp4', crossing(40, first=-90, last=-80)[0]]
    with pytest.raises(FileNotFoundError, match='nowhere.mp4'):
        transformer().transform(walks)
    with pytest.warns(UserWarning, match='walk [12] has no vector') as caught:
        vectors = transformer(on_error='nan').transform(walks)
    assert len(caught) == 2 and np.isnan(vectors).all(1).tolist() == [False, True, True]


def test_weights_that_do_not_fit_are_no_fault_of_a_walk(opened, monkeypatch):
    def misfit(*arguments):
        raise gait_checkpoints.CheckpointError('another network')
    monkeypatch.setattr('gait_recognition.vectors.shared_networks', misfit)
    with pytest.raises(gait_checkpoints.CheckpointError, match='another network'):
        transformer(on_error='nan').transform([ready_crops()])


@pytest.mark.parametrize('walks', ['walk.mp4', ready_crops(2), []])
def test_one_walk_instead_of_a_list_is_refused(opened, walks):
    with pytest.raises(ValueError, match='X: expected'):
        transformer().transform(walks)


def test_senseless_parameters_are_refused_in_fit_not_in_the_constructor():
    for options in ({'crop': 'middle'}, {'on_error': 'ignore'}, {'every': 0}, {'batch_size': 2.5}, {'rnn_layers': True},
                    {'recurrent_unit': 'RNN'}, {'precision': 'half'}):
        with pytest.raises(ValueError, match=next(iter(options))):
            transformer(**options).fit([])


def test_processes_share_the_cores(opened, monkeypatch):
    import joblib
    monkeypatch.setattr(joblib, 'cpu_count', lambda: 8)
    with joblib.parallel_config(backend='threading', n_jobs=4):     # the user's backend; the parameter stays None
        transformer().transform([ready_crops()] * 2)
    assert {arguments[1] for arguments in opened} == {2}


@pytest.mark.slow
def test_two_processes_give_what_one_gives(checkpoints, tmp_path):
    walks = [ready_crops(2, seed) for seed in range(2)]
    one = GaitVectors(checkpoints('pose'), checkpoints(SHARED.format('GRU')), 'GRU', 1)
    two = clone(one).set_params(n_jobs=2, cache=tmp_path)
    expected = one.transform(walks)
    weights._kept_open.cache_clear()
    assert np.abs(two.transform(walks) - expected).max() < 1e-4
    assert len([*tmp_path.glob('*.npy')]) == 2
    assert np.abs(two.transform(walks) - expected).max() < 1e-4     # from the cache
