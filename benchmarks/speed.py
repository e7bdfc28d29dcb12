"""Print how fast everything runs on this machine, beside what one would take instead.

    python benchmarks/speed.py                          # all parts, 25 minutes on two cores
    python benchmarks/speed.py features start           # some parts
    python benchmarks/speed.py memory --frames 20000    # a very long walk, 25 minutes more
    python benchmarks/speed.py --json speed.json

Parts: features (with joints, heat maps, bfloat16, ONNX Runtime and Keras), precision (what bfloat16 moves), start,
clip (one call of `identify`), gait, memory, video, training. What is compared is measured in turns, and a ratio is the
median of the turns' ratios: a machine that slows down slows both. It says which kernels TensorFlow takes; what is
promised is so by kind of processor. Where the training scripts take other kernels than the commands, training is
measured by itself alone: `python benchmarks/speed.py training`. Nothing else should run meanwhile. `pip install -e
'.[benchmark]'` brings ONNX Runtime; without it its row says so.
"""
import argparse
import contextlib
import importlib.util
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from fractions import Fraction

import numpy as np
from PIL import Image

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')                  # this process's; before TensorFlow is loaded
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import gait_processor  # noqa: E402
from gait_recognition.weights import choose_kernels  # noqa: E402

GFLOP_A_FRAME = 23.6                    # of the layers up to the spatial features
MATRIX = 4096                           # side of the matrices whose product sets the floor
BATCH = 16
TRAINING_BATCH = 8
REAL_TIME = 40                          # ms a frame: 25 frames a second
VIDEO_FRAMES = 1000                     # of the walk of 4K
PYTHON = [sys.executable]
SLOW_IMPORT = 4.0                       # s that `import tensorflow` takes, from which on the start is promised by it
LIMITS = {                              # what is promised at most, by kind of processor; nothing on others
    'AVX512': {'features of the product': 1.25, 'joints': 1.1, 'maps': 1.08, 'bfloat16': 0.6, 'training': 3.3,
               'ONNX': 1.02},
    'AVX2': {'features of the product': 1.25, 'joints': 1.1, 'maps': 1.08, 'training': 3.3, 'ONNX': 1.02}}
# The parts of one call of `identify`, as benchmarks/clip.py names them.
CLIP_PARTS = {'import': 'imports of the command', 'tensorflow': 'loading TensorFlow', 'build': 'building the networks',
              'restore': 'restoring them', 'reading': 'reading the video', 'cutting': 'finding the walker',
              'features': 'features and joints', 'gait': 'gait network', 'scoring': 'scoring', 'rest': 'the rest'}
CLIP_FRAMES = 125                       # 5 s

# What happens inside `dummy_pose_estimation.py` after its imports, each part by the clock.
STAGES = '''
import sys, time
sys.path.insert(0, sys.argv[1])
import numpy, human_pose_nn
clock = [time.perf_counter()]
net = human_pose_nn.HumanPoseIRNetwork()
clock.append(time.perf_counter())
net.restore(sys.argv[2])
clock.append(time.perf_counter())
net.joint_positions(numpy.zeros((1, 299, 299, 3), 'uint8'))
clock.append(time.perf_counter())
print(*(after - before for before, after in zip(clock, clock[1:])))
'''

# The most that reading and cutting a large video takes, beyond what the imports do.
LARGE_VIDEO = '''
import pathlib, sys
sys.path.insert(0, sys.argv[1])
import av, scipy.optimize
from gait_recognition.tracking.crops import crop_walker
def held(field):
    lines = pathlib.Path('/proc/self/status').read_text().splitlines()
    return next(1.024e-3 * int(line.split()[1]) for line in lines if line.startswith(field))
before = held('VmRSS')
count = sum(1 for crop in crop_walker(sys.argv[2], 'background'))
assert count > 8, count
print(held('VmHWM') - before)
'''


class Table:
    """Rows of the result: name, figures of all turns, unit, and what is promised (at most), where something is."""

    def __init__(self):
        self.rows = []

    def add(self, name, values, unit, limit=None):
        values = [float(value) for value in values]
        self.rows.append({'name': name, 'median': float(np.median(values)), 'least': min(values),
                          'greatest': max(values), 'unit': unit, 'limit': limit})
        row = self.rows[-1]
        verdict = '' if limit is None else f'at most {limit:g}: {"yes" if row["median"] <= limit else "NO"}'
        median, least, greatest = (f'{row[key]:.3g}' if unit else f'{row[key]:.5f}'         # a cosine is nearly one
                                   for key in ('median', 'least', 'greatest'))
        print(f'{name:<54} {median:>9} {unit:<9} {least:>9} to {greatest:<9} {verdict}', flush=True)

    def say(self, name, text):
        self.rows.append({'name': name, 'text': text})
        print(f'{name:<54} {text}', flush=True)


def in_turns(actions, repeats):
    """Seconds that each action takes, (repeats,) by its name: all in turn, after one call that does not count."""
    for action in actions.values():
        action()
    seconds = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def frames(count, seed=0):
    """Pictures of walkers, uint8 (count, 299, 299, 3): 16 of them, repeated."""
    from gait_recognition.walkers.pictures import picture as walker_picture
    pictures = np.stack([walker_picture(seed + i).image for i in range(min(count, 16))])
    return np.resize(pictures, (count, *pictures.shape[1:]))


@contextlib.contextmanager
def pose_network(options, precision='float32'):
    import gait_checkpoints
    from human_pose_nn import HumanPoseIRNetwork
    with HumanPoseIRNetwork(precision=precision) as net:
        net.restore(options.weights or gait_checkpoints.default_pose().pose)
        yield net


def bfloat16_network(table, options, stack, row):
    """The pose network in bfloat16; None where the processor cannot, which the table's row then says."""
    from gait_processor import check_precision
    try:
        check_precision('bfloat16')
    except RuntimeError as error:
        return table.say(row, f'not measured: {error}')
    return stack.enter_context(pose_network(options, 'bfloat16'))


# --- Parts -----------------------------------------------------------------------------------------------------------

def measure_features(table, options, folder):
    """Backbone, heads and precisions, against the speed of a matrix product and against other ways."""
    import tensorflow.compat.v1 as tf
    images = frames(BATCH)
    with contextlib.ExitStack() as stack:
        net = stack.enter_context(pose_network(options))
        actions = {'matrix': stack.enter_context(matrix_product(tf)),
                   'features': lambda: net.feed_forward_features(images, BATCH),
                   'joints': lambda: net.joint_positions(images, BATCH),
                   'maps': lambda: net.heat_maps(images, BATCH)}
        if coarse := bfloat16_network(table, options, stack, '4. spatial features, bfloat16'):
            actions['bfloat16'] = lambda: coarse.feed_forward_features(images, BATCH)
            actions['bfloat16 joints'] = lambda: coarse.joint_positions(images, BATCH)
        for name, prepare, extra in (('ONNX Runtime', onnx_features, '-e ".[benchmark]"'),
                                     ('Keras', keras_features, 'keras')):
            try:
                actions[name] = prepare(net, images, folder)
            except ImportError as error:
                table.say(name, f'not measured: {error} (pip install {extra})')
            except subprocess.CalledProcessError as error:
                table.say(name, f'not measured: {error.stderr.decode().strip().rpartition(chr(10))[2] or error}')
        seconds = in_turns(actions, options.repeats)
        shares = [convolution_share(tf, net, images) for _ in range(options.repeats)]
    speed = 2e-9 * MATRIX ** 3 / seconds['matrix']
    floor = GFLOP_A_FRAME / speed                                           # seconds a frame
    a_frame = {name: 1e3 * values / BATCH for name, values in seconds.items()}
    features = seconds['features']
    table.add(f'matrix product, {MATRIX} x {MATRIX}', speed, 'GFLOP/s')
    table.add(f'a frame at that speed ({GFLOP_A_FRAME} GFLOP)', 1e3 * floor, 'ms')
    table.add('1. spatial features, float32, a frame', a_frame['features'], 'ms')
    table.add('   of the time at the speed of the matrix product', features / BATCH / floor, 'x',
              limit_of('features of the product') if np.median(shares) >= 90 else 1.15)
    table.add('   of it inside convolution kernels', shares, '%')
    table.add('2. joint positions, a frame', a_frame['joints'], 'ms')
    table.add("   of the features' time (joints)", seconds['joints'] / features, 'x', limit_of('joints'))
    table.add('   heat maps, a frame', a_frame['maps'], 'ms')
    table.add("   of the features' time (heat maps)", seconds['maps'] / features, 'x', limit_of('maps'))
    if 'bfloat16' in seconds:
        table.add('4. spatial features, bfloat16, a frame', a_frame['bfloat16'], 'ms')
        table.add('   of the time in float32', seconds['bfloat16'] / features, 'x', limit_of('bfloat16'))
        table.add('   joint positions, bfloat16, a frame', a_frame['bfloat16 joints'], 'ms')
    if 'ONNX Runtime' in seconds:
        table.add('ONNX Runtime on the exported graph, features, a frame', a_frame['ONNX Runtime'], 'ms')
        table.add("   our features, of ONNX Runtime's time", features / seconds['ONNX Runtime'], 'x', limit_of('ONNX'))
    if 'Keras' in seconds:
        table.add("Keras' InceptionResNetV2 to the same depth, a frame", a_frame['Keras'], 'ms')


@contextlib.contextmanager
def matrix_product(tf):
    with tf.Graph().as_default() as graph:
        matrix = tf.get_variable('matrix', initializer=tf.random.normal((MATRIX, MATRIX)))
        product = tf.matmul(matrix, matrix)
    with contextlib.closing(tf.Session(graph=graph)) as session:
        session.run(matrix.initializer)
        yield lambda: session.run(product.op)


def convolution_share(tf, net, images):
    """In how much of the time that the features take a convolution is running, in percent."""
    record, spans, convolutions = tf.RunMetadata(), [], []
    net.sess.run(net.feature_tensor, {net.input_tensor: images}, run_metadata=record,
                 options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE))
    for device in record.step_stats.dev_stats:
        for node in device.node_stats:                              # labelled 'name = kind of operation(inputs)'
            start = node.all_start_micros + node.op_start_rel_micros
            spans.append((start, node.all_start_micros + node.op_end_rel_micros))
            if 'Conv2D' in node.timeline_label.partition(' = ')[2].partition('(')[0]:
                convolutions.append(spans[-1])
    running, until = 0, 0
    for start, end in sorted(convolutions):                         # two may run at once
        running += max(0, end - max(start, until))
        until = max(until, end)
    return 100 * running / (max(end for _, end in spans) - min(start for start, _ in spans))


def onnx_features(net, images, folder):
    """The features by ONNX Runtime, from the SavedModel that the network exports."""
    import onnxruntime
    if importlib.util.find_spec('tf2onnx') is None:
        raise ImportError("No module named 'tf2onnx'")
    model, file = net.export_saved_model(folder / 'pose'), folder / 'pose.onnx'
    subprocess.run([*PYTHON, '-m', 'tf2onnx.convert', '--saved-model', model, '--signature_def', 'features', '--opset',
                    '17', '--output', file], check=True, capture_output=True)
    session, given = onnxruntime.InferenceSession(str(file)), images.astype(np.float32)
    place = session.get_inputs()[0].name
    found, expected = session.run(None, {place: given})[0], net.feed_forward_features(images, BATCH)
    if not np.allclose(found, expected, atol=1e-2):
        raise AssertionError(f'ONNX Runtime differs by {np.abs(found - expected).max()}: the comparison is void')
    return lambda: session.run(None, {place: given})


def keras_features(net, images, folder):
    """Keras' own Inception-ResNet-v2 with the same layers, random weights: the arithmetic is the same."""
    import keras
    whole = keras.applications.InceptionResNetV2(include_top=False, weights=None, input_shape=(299, 299, 3))
    x = keras.layers.AveragePooling2D(5, 1, 'same')(whole.get_layer('block17_20_ac').output)
    for width, size in ((128, 1), (768, 5)):
        x = keras.layers.Conv2D(width, size, padding='same', use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(scale=False)(x))
    model, given = keras.Model(whole.input, keras.layers.Conv2D(32, 1)(x)), images.astype(np.float32)
    return lambda: model.predict_on_batch(given)


def measure_precision(table, options, folder):
    """What bfloat16 does to joints (200 pictures) and vectors (10 walks of 50 frames), with the weights that ship."""
    import gait_checkpoints
    from gait_nn import GaitNetwork
    from gait_processor import check_precision
    from gait_recognition.training.samples import TEST_SEED
    from gait_recognition.walkers.pictures import picture as walker_picture
    from gait_recognition.walkers.scenes import sequence
    from human_pose_nn import HumanPoseIRNetwork
    try:
        pose_weights, gait_weights = map(gait_checkpoints.find_weights, gait_checkpoints.SHIPPED[:2])
        check_precision('bfloat16')
    except (FileNotFoundError, RuntimeError) as error:
        return table.say('4. what bfloat16 moves', f'not measured: {error}')
    pictures = [walker_picture(TEST_SEED + i) for i in range(200)]
    images, visible = np.stack([p.image for p in pictures]), np.stack([p.visible for p in pictures])
    walks = [sequence(person, 1, frames=50).images for person in range(10)]
    found = []
    for precision in ('float32', 'bfloat16'):
        with HumanPoseIRNetwork(precision=precision) as pose_net, GaitNetwork() as gait_net:
            pose_net.restore(pose_weights)
            gait_net.restore(gait_weights)
            y, x, _ = pose_net.joint_positions(images)
            vectors = [gait_net.feed_forward(pose_net.feed_forward_features(walk)) for walk in walks]
            found.append((y, x, vectors))
    (y, x, vectors), (other_y, other_x, others) = found
    moved = np.hypot(y - other_y, x - other_x)
    pixel = 299 / 289 + 1e-3                                                # of the heat map
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(vectors, others)]
    table.add('4. visible joints that bfloat16 moves over one pixel', [100 * (moved > pixel)[visible].mean()], '%')
    table.add('   hidden joints', [100 * (moved > pixel)[~visible].mean()], '%')
    table.add('   cosine of the vectors in both precisions', cosines, '')


def measure_start(table, options, folder):
    """From the start of a process to the first pose, beyond what TensorFlow itself takes to load."""
    with pose_network(options) as net:
        checkpoint = net.save(folder, 'pose')                               # 118 MB, as the published one
    script = [*PYTHON, ROOT / 'dummy_pose_estimation.py', '--checkpoint', checkpoint, '--output', folder / 'pose.png']

    def run(command):
        subprocess.run(command, check=True, capture_output=True)

    seconds = in_turns({'import': lambda: run([*PYTHON, '-c', 'import tensorflow']), 'script': lambda: run(script)},
                       options.repeats)
    stages = np.array([
        subprocess.run([*PYTHON, '-c', STAGES, ROOT, checkpoint], check=True, capture_output=True, text=True)
        .stdout.split() for _ in range(options.repeats)], float)
    table.add('import tensorflow', seconds['import'], 's')
    table.add('dummy_pose_estimation.py, start to end', seconds['script'], 's')
    loading = np.median(seconds['import'])
    table.add('3. beyond import tensorflow', seconds['script'] - seconds['import'], 's',
              0.8 * loading if loading > SLOW_IMPORT else 3.5)
    for name, values in zip(('build', 'restore', 'first run'), stages.T):
        table.add(f'   {name}', values, 's')


def measure_clip(table, options, folder):
    """One call of `identify` on a clip of five seconds, from the start of its process to a name, and its parts."""
    from gait_recognition.gallery import Gallery
    from gait_recognition.videos import import_av
    from gait_recognition.walkers.files import write_scene
    from gait_recognition.weights import choose_weights
    clip, people = folder / 'walk.mp4', folder / 'people.gallery'
    try:
        import_av(clip, 'writing a video')
    except ImportError as error:
        return table.say('one clip, start to a name', f'not measured: {error}')
    write_scene(clip, 1, frames=CLIP_FRAMES)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)                        # which weights they are
        weights = choose_weights(options.weights)
    with Gallery.open(people, weights.fingerprint, create=True) as gallery:
        for number, vector in enumerate(np.random.default_rng(0).normal(size=(20, 512)).astype(np.float32)):
            gallery.enrol(str(number), vector)
    command = [*PYTHON, ROOT / 'benchmarks' / 'clip.py', people, clip]
    command += ['--pose-weights', options.weights] if options.weights else []

    def run(command):
        start = time.perf_counter()
        printed = subprocess.run(command, capture_output=True, text=True)
        if printed.returncode not in (0, 1):                                # 1: nobody known
            raise RuntimeError(printed.stderr)
        return time.perf_counter() - start, printed.stdout

    loading, whole, parts = [], [], []
    for _ in range(options.repeats):
        loading.append(run([*PYTHON, '-c', 'import tensorflow'])[0])
        seconds, printed = run(command)
        whole.append(seconds)
        parts.append(json.loads(printed))
    table.add('one clip of 5 s, start of the process to a name', whole, 's')
    for part, name in CLIP_PARTS.items():
        table.add(f'   {name}', [each.get(part, 0.0) for each in parts], 's')
    beyond = np.subtract(whole, loading) - [each['features'] for each in parts]
    table.add('   beyond import tensorflow and the features', beyond, 's')


def measure_gait(table, options, folder):
    from gait_nn import GaitNetwork
    features = np.random.default_rng(0).normal(0, 30, (1000, 17, 17, 32)).astype(np.float32)
    with warnings.catch_warnings(), GaitNetwork(seed=1) as net:
        warnings.simplefilter('ignore', UserWarning)                        # random weights are as fast as others
        seconds = in_turns({'gait': lambda: net.feed_forward(features)}, options.repeats)
    table.add('5. features of 1,000 frames to the vector, GRU-1', seconds['gait'], 's', 4)


def measure_memory(table, options, folder):
    """In a process of its own: what earlier parts left behind would count."""
    try:
        held_memory('VmHWM')
    except (OSError, StopIteration):
        return table.say('6. memory', 'not measured: this system has no VmHWM in /proc/self/status')
    command = [*PYTHON, __file__, 'memory', '--in-this-process', '--frames', str(options.frames)]
    command += ['--weights', options.weights] if options.weights else []
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    growth, peak = map(float, printed.split())
    table.add(f'6. memory, {options.frames:,} frames: growth after 200', [growth], 'MB',
              50 if options.frames <= 2000 else None)
    table.add(f'   memory, {options.frames:,} frames: most', [peak], 'MB', 2500)
    measure_video_memory(table, options, folder)


def measure_video_memory(table, options, folder):
    """Reading and cutting 4K, in a process of its own; 40 frames are encoded and repeated, which is quicker."""
    row = f'   memory beyond the imports, {VIDEO_FRAMES:,} frames of 4K'
    try:
        held_memory('VmHWM')
        import av
    except (OSError, StopIteration, ImportError) as error:
        return table.say(row, f'not measured: {error or "no VmHWM in /proc"} (pip install -e ".[benchmark]")')
    path = folder / 'large.mp4'
    write_large_video(path)
    command = [*PYTHON, '-c', LARGE_VIDEO, ROOT, path]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    table.add(f'{row}, PyAV {av.__version__}', [float(printed)], 'MB', 700)


def write_large_video(path):
    """A figure that walks to and fro in 3840 x 2160 pixels, repeated until there are `VIDEO_FRAMES` frames."""
    import av
    still = np.random.default_rng(0).integers(60, 170, (54, 96, 3), np.uint8).repeat(40, 0).repeat(40, 1)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('mpeg4', rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 3840, 2160, 'yuv420p', 40_000_000
        stream.codec_context.gop_size, packets = 40, []
        for number in range(40):
            frame = still.copy()
            left = 200 + 100 * abs(20 - number)              # to and fro, so that the end fits the start
            frame[500:1700, left:left + 400] = 230, 20, 20
            packets += stream.encode(av.VideoFrame.from_ndarray(frame, 'rgb24'))
        packets = [(bytes(packet), packet.is_keyframe) for packet in packets + stream.encode()]
        for number in range(VIDEO_FRAMES):
            data, is_key = packets[number % len(packets)]
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, number, number, is_key
            packet.time_base = Fraction(1, 25)
            container.mux(packet)


def walk_in_memory(options):
    """Print by how many MB this process grew after the walk's first 200 frames, and what it held at most."""
    from gait_nn import GaitNetwork
    from gait_recognition.vectors import walk_vector
    sizes, pictures = [], frames(16)

    def walk():
        for i in range(options.frames):
            yield pictures[i % len(pictures)]
            sizes.append(held_memory('VmRSS'))

    with warnings.catch_warnings(), pose_network(options) as pose_net, GaitNetwork(seed=1) as gait_net:
        warnings.simplefilter('ignore', UserWarning)
        walk_vector(walk(), pose_net, gait_net)
    print(max(sizes[200:]) - sizes[200], held_memory('VmHWM'))


def held_memory(field):
    """Of this process in MB: 'VmRSS' now, 'VmHWM' at most (`ru_maxrss` would count the parent's)."""
    lines = pathlib.Path('/proc/self/status').read_text().splitlines()
    return next(1.024e-3 * int(line.split()[1]) for line in lines if line.startswith(field))


def measure_video(table, options, folder):
    """Files to vectors, against the features of as many frames alone."""
    try:
        import av  # noqa: F401
    except ImportError as error:
        return table.say('7. cropped video to vector', f'not measured: {error} (pip install -e ".[benchmark]")')
    from gait_nn import GaitNetwork
    from gait_recognition.frames import read_frames
    from gait_recognition.tracking.crops import crop_walker
    from gait_recognition.vectors import walk_vector
    from gait_recognition.videos import write_frames
    from gait_recognition.walkers.files import write_scene
    from gait_recognition.walkers.scenes import iter_frames
    scene, cropped = folder / 'scene.mp4', folder / 'cropped.mp4'
    methods = {'none': cropped, 'background': scene, 'pose': scene}
    write_scene(scene, 1)                                      # 640 x 360
    write_frames(cropped, (picture.image for picture in iter_frames(1, 0, frames=96, size=300)), 25)
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter('ignore', UserWarning)
        pose_net, gait_net = stack.enter_context(pose_network(options)), stack.enter_context(GaitNetwork(seed=1))
        crops = {method: np.stack(list(crop_walker(source, method, pose_net))) for method, source in methods.items()}
        actions = {}
        for method in methods:
            actions[f'{method} alone'] = lambda m=method: pose_net.feed_forward_features(crops[m], BATCH)
            actions[method] = lambda m=method: walk_vector(methods[m], pose_net, gait_net, m)
        if coarse := bfloat16_network(table, options, stack, '7. cropped video to vector, bfloat16'):
            for method in ('none', 'background'):
                actions[f'{method} coarse'] = lambda m=method: walk_vector(methods[m], coarse, gait_net, m)
        seconds = in_turns(actions, options.repeats)
    length = len(list(read_frames(scene)))
    table.say('   the scene', f'{length} frames of 640 x 360; {len(crops["background"])} show the walker whole')
    for method, name, limit in (('none', 'cropped video', 1.1), ('background', 'scene by background subtraction', 1.25),
                                ('pose', 'scene by the pose network', None)):
        lead, used = '7.' if method == 'none' else '  ', len(crops[method])
        table.add(f'{lead} {name} to vector, a frame used', 1e3 * seconds[method] / used, 'ms')
        table.add(f"   of the features' time ({method})", seconds[method] / seconds[f'{method} alone'], 'x', limit)
        if f'{method} coarse' in seconds:
            table.add(f'   {name}, bfloat16, a frame of it', 1e3 * seconds[f'{method} coarse']
                      / (used if method == 'none' else length), 'ms', REAL_TIME)


def write_people(folder, people=8):
    """Annotated JPEGs of 1280 x 720, as large as MPII's, with one walker each."""
    from gait_recognition.training.annotations import Annotation
    from gait_recognition.training.samples import TEST_SEED
    from gait_recognition.walkers.pictures import picture as walker_picture
    annotations = []
    for seed in range(people):
        walker = walker_picture(TEST_SEED + seed, size=720)
        path = folder / f'{seed}.jpg'
        Image.fromarray(walker.image).crop((-280, 0, 1000, 720)).save(path, quality=92)
        annotations.append(Annotation(str(path), walker.joints + (0, 280), walker.present, walker.visible,
                                                 2.5, (359.5, 639.5)))
    return annotations


def measure_training(table, options, folder):
    """Steps of pose training with the data prepared meanwhile, in turns with the same step on a batch that is there."""
    from gait_recognition.training.samples import TRAINING_SEED, AnnotatedPictures, WalkerPictures
    from human_pose_nn import HumanPoseIRNetwork
    measure_step(table, options)
    turns, steps = options.repeats // 2 + 2, 10
    sources = {'walkers drawn': WalkerPictures(turns * steps * TRAINING_BATCH, TRAINING_SEED),
               'JPEGs of 1280 x 720 read': AnnotatedPictures(write_people(folder, TRAINING_BATCH) * turns * steps)}
    with HumanPoseIRNetwork(is_training=True, seed=1) as net:
        for number, (name, data) in enumerate(sources.items()):
            alone, overlapped = overlapping_steps(net, data, turns, steps, folder / str(number))
            table.add(f'a step of pose training, batch 8, alone ({name})', alone, 's')
            table.add(f'   with {name} meanwhile', overlapped, 's')
            table.add(f"   of the step's own time ({name})", np.divide(overlapped, alone), 'x', 1.1)


def measure_step(table, options):
    """A step of pose training against a forward pass of as many pictures."""
    from human_pose_nn import HumanPoseIRNetwork
    images, all_there = frames(TRAINING_BATCH), np.ones((TRAINING_BATCH, 16), np.float32)
    with HumanPoseIRNetwork(is_training=True, seed=1) as training, pose_network(options) as net:
        size = net.heatmap_size
        maps = np.zeros((TRAINING_BATCH, size, size, 16), np.float32)
        maps[:, 100:110, 100:110] = 1.0
        seconds = in_turns({'step': lambda: training.train(images, maps, all_there, 1e-4, all_there),
                            'forward': lambda: net.heat_maps(images, TRAINING_BATCH)}, options.repeats)
    table.add('a picture of a step of pose training, batch 8', 1e3 * seconds['step'] / TRAINING_BATCH, 'ms')
    table.add('   of the time of a forward pass to the heat maps', seconds['step'] / seconds['forward'], 'x',
              limit_of('training'))


def overlapping_steps(net, data, turns, steps, folder):
    """Seconds a step of each turn: on a batch that is there, and with the data prepared meanwhile."""
    from gait_recognition.training.runs import Run
    from gait_recognition.training.samples import training_batch
    alone, overlapped = [], []

    def prepare(step):
        batch = training_batch(data, step, TRAINING_BATCH)
        return batch, net.generate_output((TRAINING_BATCH, 289, 289, 16), batch.present, batch.points,
                                          net.POINT_DIAMETER)

    def take(step, fed, rate):
        batch, maps = fed
        return net.train(batch.images, maps, batch.present, rate, batch.inside)

    def end_turn(done, figures):
        overlapped.append(figures['seconds_a_step'])
        start = time.perf_counter()
        for step in range(steps):
            take(step, ready, 1e-4)
        alone.append((time.perf_counter() - start) / steps)

    ready = prepare(0)
    Run(folder, {}).train(net, turns * steps, prepare, lambda step: 1e-4, take, end_turn, steps,
                                     turns * steps)
    return alone[1:], overlapped[1:]                                        # the first steps of all take longer


PARTS = {'features': measure_features, 'precision': measure_precision, 'start': measure_start,
         'clip': measure_clip, 'gait': measure_gait,
         'memory': measure_memory, 'video': measure_video, 'training': measure_training}


def kind_of_processor():
    """'AVX512' where TensorFlow takes oneDNN by itself, 'AVX2' where that has to be said, or oneDNN is held to it by
    ONEDNN_MAX_CPU_ISA=AVX2; '' of others."""
    flags = gait_processor.processor_flags()
    if os.environ.get('ONEDNN_MAX_CPU_ISA', '').upper() == 'AVX2':
        flags = {flag for flag in flags if not flag.startswith(('avx512', 'avx_vnni', 'amx'))}
    return 'AVX512' if flags & gait_processor.ONEDNN_BY_ITSELF and 'avx512f' in flags else \
        'AVX2' if gait_processor.FASTER_WITH_ONEDNN in flags else ''


def limit_of(name):
    return LIMITS.get(kind_of_processor(), {}).get(name)


def kernels():
    """Which kernels TensorFlow takes, and who says so."""
    try:
        from tensorflow.python.util import _pywrap_util_port
        found = 'oneDNN' if _pywrap_util_port.IsMklEnabled() else 'Eigen'
    except (ImportError, AttributeError):                                   # it is TensorFlow's own matter
        found = 'unknown'
    said = os.environ.get(gait_processor.KERNELS)
    return f'kernels: {found} ' + ("by TensorFlow's choice" if said is None else f'by {gait_processor.KERNELS}={said}')


def machine():
    """The processor, what it can, and what runs on it."""
    import tensorflow
    try:
        lines = pathlib.Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    facts = dict(map(str.strip, line.split(':', 1)) for line in lines if ':' in line)
    flags = gait_processor.processor_flags()
    special = [flag for flag in ('avx2', 'avx512f', 'avx512_bf16', 'amx_bf16') if flag in flags]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return (f'{facts.get("model name", platform.processor())}, {cores} cores, {" ".join(special)} (kind: '
            f'{kind_of_processor() or "other"}), {kernels()}; Python {platform.python_version()}, TensorFlow '
            f'{tensorflow.__version__}, load {os.getloadavg()[0]:.1f}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('parts', nargs='*', metavar='PART', help=f'{", ".join(PARTS)} (default: all)')
    parser.add_argument('--repeats', type=int, default=7)
    parser.add_argument('--frames', type=int, default=2000, help='of the walk of the part memory')
    parser.add_argument('--weights', metavar='FILE', help='of the pose network (default: as for every command)')
    parser.add_argument('--json', type=pathlib.Path, metavar='FILE', help='write the table here, too')
    parser.add_argument('--in-this-process', action='store_true', help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown or options.repeats < 1 or options.frames <= 200:
        parser.error(f'parts are {", ".join(PARTS)}; --repeats is 1 or more, --frames more than 200')
    if options.json and (options.json.is_dir() or not options.json.parent.is_dir()):
        parser.error(f'--json: expected a file in a folder that exists, got {options.json}')
    if options.weights and not any(map(os.path.isfile, (options.weights, f'{options.weights}.index'))):
        parser.error(f'--weights: no such file or checkpoint {options.weights}')
    choose_kernels()
    if options.in_this_process:
        return walk_in_memory(options)
    about = machine()
    print(about)
    print(f'{"":<54} {"median":>9} {"":<9} {"least":>9} to greatest')
    table = Table()
    for part in options.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[part](table, options, pathlib.Path(folder))
        if options.json:                                                    # after each part: the next one may fail
            beside = options.json.with_name(f'{options.json.name}.{os.getpid()}')
            beside.write_text(json.dumps({'machine': about, 'rows': table.rows}, indent=1))
            beside.replace(options.json)


if __name__ == '__main__':
    main()
