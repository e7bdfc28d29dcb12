"""How gait weights for people are made: clothed bodies drawn walking, described, and told apart in closed form.

    python benchmarks/bodies.py draw RENDERER FOLDER --pictures BACKDROPS --first 0 --step 2      # a process a core
    python benchmarks/bodies.py draw RENDERER FOLDER --pictures BACKDROPS --pairs --people 400
    python benchmarks/bodies.py draw RENDERER FOLDER --pictures BACKDROPS --kept-out              # 60 to measure on
    python benchmarks/pedestrians.py ANNOTATIONS.csv FOLDER                                       # real pictures
    python benchmarks/bodies.py walkers FOLDER                                                    # synthetic walkers
    python benchmarks/bodies.py learn FOLDER NAME --directions 400                                # writes NAME.ckpt
    python benchmarks/bodies.py measure FOLDER [NAME.ckpt]

RENDERER is a folder with `render.py`, a renderer of clothed bodies on MakeHuman's meshes that is no part of this
project; it brings moderngl and OpenCV with it. Everybody drawn walks in several outfits and places before small still
cameras; each walk leaves its mean feature and one frame's in FOLDER. All of it goes on where it was interrupted. With
OpenVINO installed the pose network runs by it, in bfloat16 where the processor has that.
"""
import argparse
import concurrent.futures
import contextlib
import importlib.util
import itertools
import multiprocessing
import os
import pathlib
import sys
import tempfile

import numpy as np
from sklearn.svm import LinearSVC

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import gait_files  # noqa: E402
from gait_recognition.evaluation import metrics  # noqa: E402
from gait_recognition.tracking.facing import facing_of  # noqa: E402
from gait_recognition.tracking.track import cut_square  # noqa: E402

POSE_WEIGHTS = ROOT / 'models/people-pose.npz'
WINDOW = 416                    # pixels that a figure is drawn on before it is made as small as the video
FRAMES, RATE = 56, 25           # of a walk, of which some are described
CYCLE = 27                      # frames of a usual gait cycle: those described are spread over it
KEPT_OUT = 20                   # of the recorded people: to measure on, each in two bodies, beside 20 drawn people
OUTFITS = 4                     # of everybody to learn from, a walk in each
WALKER_WALKS = 'N1', 'N2', 'B1', 'B2', 'S1', 'S2'
LAID_OUT_ON = 6_000             # frames
# Weight of how real pictures scatter: of each of two kinds, and of people; of how far they lie off rendered ones.
REAL, OFF_REAL = 0.2, 0.3
OF_WALKERS = 0.2                # share of how walkers scatter, beside how rendered people do
PROBES = 'same clothes', 'other clothes', 'another place', 'both'
SHARE = 0.7                     # of a crop's height that the walker fills
# Standard deviations of a crop's side (relative) and middle (in heights): more than those of walks that `crop_walker`
# cut, 0.015 and (0.015, 0.010).
OFF = 0.022, (0.017, 0.011)
BY_OUTLINE = 0.8                # of the walks, whose crops begin at the top of a hat; the others at that of the head


# --- What is worn ----------------------------------------------------------------------------------------------------

def dress(render, assets, body, shape, rng):
    """An outfit; coats, bags, headwear and wide clothes far oftener than in any street."""
    style = rng.choice([None, 'coat', 'generic', 'suit', 'mix'], p=[0.20, 0.45, 0.20, 0.05, 0.10])
    figure = render.Figure(assets, body, shape, rng, bag=rng.random() < 0.45, style=style)
    if rng.random() < 0.65:
        loosen(figure, rng, rng.choice([0.015, 0.03, 0.06], p=[0.3, 0.4, 0.3]))
    if rng.random() < 0.6:
        cover_head(render, figure, rng)
    figure.sway = rng.uniform(0, 0.06) if rng.random() < 0.5 else 0.0
    return figure


def loosen(figure, rng, most):
    """Let clothes stand off the body, in metres, unevenly and more towards their hems: no mesh has that."""
    for part in figure.parts:
        if part['mode'] != 1:
            continue
        at = np.unique(part['tri'])
        points = figure.v[at]
        tall = np.ptp(points[:, 1])
        down = np.clip((points[:, 1].max() - points[:, 1]) / max(tall, 0.1), 0, 1) ** rng.uniform(0.5, 2)
        off = rng.uniform(0, most) * lumps(points, rng) + rng.uniform(0, 0.6 * most) * down
        off *= 0.25 if tall < 0.2 else 1.0                              # shoes, straps
        figure.v[at] = points + figure.n[at] * off[:, None].astype(np.float32) * np.float32([1, 0.3, 1])


def lumps(points, rng, waves=5):
    """A smooth random field at points (n, 3), 0 to 1."""
    ways, phases = rng.normal(0, 1, (waves, 3)) * [5, 3.5, 5], rng.uniform(0, 2 * np.pi, waves)
    return 0.5 + 0.5 * np.tanh(0.8 * (np.sin(points @ ways.T + phases) * rng.uniform(0.3, 1, waves)).sum(1))


def cover_head(render, figure, rng):
    """A cap, a woollen hat, a broad brim, a hood, a pointed hood or a fur hood."""
    neck, skull, top = figure.body.P['neck'], figure.body.P['head'], figure.body.top
    tall = top[1] - skull[1]
    middle = np.array([0, skull[1] + 0.62 * tall, top[2] + 0.01])
    half, colour = np.array([0.085, 0.5 * tall, 0.105]), render.cloth_colour(rng, 0.5)
    kind = rng.choice(['cap', 'wool', 'brim', 'hood', 'pointed', 'fur'])
    if kind in ('cap', 'wool', 'brim'):
        depth = rng.uniform(0.5, 0.8) if kind == 'wool' else 0.45
        put_on(render, figure, middle + [0, 0.25 * tall, 0], half * [1.12, depth, 1.1], 'head', colour, rng)
        if kind == 'cap':
            put_on(render, figure, middle + [0, 0.22 * tall, half[2] + 0.05], [0.07, 0.008, 0.07], 'head', colour, rng)
        if kind == 'brim':
            size = np.array([0.17, 0.01, 0.19]) * rng.uniform(0.8, 1.2)
            put_on(render, figure, middle + [0, 0.2 * tall, 0], size, 'head', colour, rng)
        return
    half = half * (1.45 if kind == 'fur' else 1.2) * rng.uniform(0.95, 1.12) * [1, 1.05, 1]
    points = put_on(render, figure, middle + [0, 0, -0.035], half, 'head', colour, rng)
    if kind == 'pointed':
        up = np.clip((points[:, 1] - middle[1]) / half[1], 0, 1)
        points[:, 1] += up ** 2 * rng.uniform(0.04, 0.14)
        points[:, 2] -= up ** 2 * rng.uniform(0, 0.08)
        points[:, 0] *= 1 - 0.5 * up
    put_on(render, figure, neck + [0, 0.01, -0.03], np.array([0.11, 0.07, 0.1]) * rng.uniform(0.9, 1.4), 'neck', colour,
           rng)


def put_on(render, figure, middle, half, bone, colour, rng):
    """Add a rounded body that moves with a bone; its points (n, 3), which may be moved."""
    points, triangles = render.superbox(np.asarray(middle), np.asarray(half), 0.85)
    first, weights = len(figure.v), np.zeros((len(points), len(render.BONES)), np.float32)
    weights[:, render.BI[bone]] = 1
    figure.parts.append({'tri': (triangles + first).astype(np.int32), 'mode': 1, 'tex': None, 'col': colour,
                         'col2': render.cloth_colour(rng), 'pat': (0, 1.0, 0.0), 'orig': 0.0,
                         'bump': rng.uniform(0.05, 0.4), 'spec': 0.02})
    figure.n = np.concatenate([figure.n, render.normals(points, triangles)])
    figure.v = np.concatenate([figure.v, points]).astype(np.float32)
    figure.W = np.concatenate([figure.W, weights])
    figure.uv = np.concatenate([figure.uv, np.zeros((len(points), 2), np.float32)])
    return figure.v[first:]


def swayed(render, figure, points, forward, phase):
    """Points of a figure whose skirts and coats trail behind and swing."""
    if not figure.sway:
        return points
    hip = figure.body.P['root'][1]
    hangs = np.zeros(len(points), bool)
    for part in figure.parts:
        if part.get('cut'):
            hangs[part['tri'].ravel()] = True
    depth = np.clip((hip - figure.v[:, 1]) / hip, 0, 1) ** 1.5 * hangs
    back = figure.sway * depth * (1 + 0.7 * np.sin(phase))
    return points - back[:, None].astype(np.float32) * np.float32(forward)


# --- Where ------------------------------------------------------------------------------------------------------------

class Place:
    """A still camera somewhere: distance, backdrop, light, and what it does to its pictures.

    Parameters
    ----------
    render : module
    backgrounds : render.Backgrounds
    rng : np.random.Generator
    """

    def __init__(self, render, backgrounds, rng):
        self._render, self._backgrounds, self._rng = render, backgrounds, rng
        self.distance, self.height = rng.uniform(4.5, 14), rng.uniform(0.7, 2.2)
        small = rng.random() < 0.85
        self.tall = np.exp(rng.uniform(*np.log([62, 150]))) if small else rng.uniform(150, 220)     # the walker, px
        self.width, self.rows = int(self.tall * rng.uniform(1.45, 2.6)), int(self.tall * rng.uniform(1.12, 1.7))
        self.low = rng.uniform(0.02, 0.98)                              # the walker between upper and lower edge
        self.turned = rng.normal(0, 0.1) if rng.random() < 0.7 else rng.uniform(-0.5, 0.5)          # off the side view
        self.light = render.draw_light(rng)
        if rng.random() < 0.6:                                          # a cloudy sky, a room
            self.light.update(Lc=self.light['Lc'] * 0.5, Sky=self.light['Sky'] * 1.25,
                              shadow=self.light['shadow'] * 0.6)
        self.wall = rng.uniform(0.15, 0.5) if rng.random() < 0.3 else 0.0       # how dark a shadow on the wall is
        self.wall_at = rng.uniform(-0.25, 0.25), rng.uniform(-0.15, 0.1), rng.uniform(0.9, 1.15), rng.uniform(1, 4)
        self.gain, self.gamma, self.cast = rng.uniform(0.8, 1.15), rng.uniform(0.8, 1.25), rng.normal(1, 0.04, 3)
        self.colours = 0.0 if rng.random() < 0.7 else rng.uniform(0.3, 1.1)
        self.blur = rng.uniform(0.3, 1.0) if rng.random() < 0.45 else 0.0
        self.noise = rng.uniform(0.5, 6) if rng.random() < 0.7 else 0.0
        self.quality = int(rng.integers(18, 80)) if rng.random() < 0.85 else 0
        self._backdrop = None

    def backdrop(self, row, metre, rng):
        """What is behind, float32 (rows, width, 3): the same in most walks; floor below `row`, `metre` in pixels."""
        if self._backdrop is None or rng.random() < 0.3:
            kind = self._rng.random()
            if kind < 0.5:
                drawn = self._plain(row)
            elif kind < 0.72:
                drawn = self._backgrounds.get(self._rng, self.width, self.rows, row, metre)
            else:
                drawn = self._render.procedural(self._rng, self.width, self.rows, row, metre)
            self._backdrop = np.clip(drawn, 0, 255).astype(np.float32)
        return self._backdrop.copy()

    def _plain(self, row):
        """A wall and its floor, a meadow under the sky: little to see."""
        import cv2
        rng, size = self._rng, (self.rows, self.width)
        drawn = np.full((*size, 3), rng.uniform(60, 235), np.float32)
        drawn[int(np.clip(row, 0, self.rows)):] = rng.uniform(50, 220)
        if rng.random() < 0.6:
            drawn += np.linspace(rng.uniform(-25, 25), rng.uniform(-25, 25), self.width)[:, None]
        drawn += (self._render.noise_field(rng, *size, 3, 3) * rng.uniform(0, 10))[..., None]
        drawn += (self._render.noise_field(rng, *size, 40, 3, 0.9) * rng.uniform(0, 8))[..., None]
        if rng.random() < 0.3:
            left = int(rng.integers(0, self.width))
            drawn[:, left:left + int(rng.integers(2, 30))] *= rng.uniform(0.6, 1.3)
        if rng.random() < 0.5:
            drawn *= 1 + rng.normal(0, 0.05, 3)
        spread = rng.uniform(0, 1.5)
        return cv2.GaussianBlur(drawn, (0, 0), spread) if spread > 0.4 else drawn

    def shadowed(self, behind, seen):
        """The backdrop with a walker's shadow on the wall; `seen` float32 (n, n), where the walker is."""
        import cv2
        right, down, size, soft = self.wall_at
        there = np.array([[size, 0, right * self.tall], [0, size, down * self.tall]])
        return behind * (1 - self.wall * cv2.warpAffine(cv2.GaussianBlur(seen, (0, 0), soft), there, seen.shape[::-1]))

    def taken(self, picture, rng):
        """The picture as the camera gives it, uint8."""
        import cv2
        picture = picture * self.gain * self.cast
        grey = picture.mean(2, keepdims=True)
        picture = 255 * (np.clip(grey + (picture - grey) * self.colours, 0, 255) / 255) ** self.gamma
        if self.blur:
            picture = cv2.GaussianBlur(picture, (0, 0), self.blur)
        if self.noise:
            picture = picture + self.noise * rng.standard_normal((*picture.shape[:2], 3 if self.colours else 1))
        picture = np.clip(picture, 0, 255).astype(np.uint8)
        if self.quality:
            picture = cv2.imdecode(cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1], 1)
        return picture


def film(render, renderer, figure, course, place, heading, count, rng):
    """Crops of a walk as `crop_walker` cuts them from a small video.

    Parameters
    ----------
    render : module
    renderer : render.Renderer
    figure : render.Figure
    course : np.ndarray (FRAMES, bones, 3, 4)
        How it walks.
    place : Place
    heading : {-1, 1}
        To the left or the right of the picture.
    count : int
        Frames, spread over a gait cycle.
    rng : np.random.Generator

    Returns
    -------
    np.ndarray, uint8 (count, 299, 299, 3)
    """
    import cv2
    root = course[:, 0, :, :3] @ figure.body.P['root'] + course[:, 0, :, 3]
    course = render.shift(course, 0.0, -root[FRAMES // 2] * [1, 0, 1])
    course = render.shift(course, heading * (np.pi / 2 + place.turned), np.array([rng.normal(0, 0.25), 0, 0]))
    root = course[:, 0, :, :3] @ figure.body.P['root'] + course[:, 0, :, 3]
    forward = render.unit(root[-1] - root[0])
    eye = np.array([0, place.height, place.distance])
    view = render.look(eye, np.array([0, 0.9, 0]))
    joints, _ = render.image_plane(view, np.stack([figure.joints3d(pose) for pose in course]))      # FRAMES x 16 x 2
    scale = place.tall / (1.07 * np.median(np.ptp(joints[..., 1], axis=1)))
    at = joints * scale + [place.width / 2, 0]
    free = max(place.rows - np.ptp(at[..., 1]) - 0.05 * place.tall - 2, 0)
    down = place.low * free + 1 - at[..., 1].min()
    at[..., 1] += down
    numbers = spread_over(visible(at, place), count, rng)
    floor, _ = render.image_plane(view, np.array([[0, 0, -rng.uniform(1, 9)]]))
    behind = place.backdrop(floor[0, 1] * scale + down, scale / place.distance, rng)
    head = figure.body.top[1]
    hat = max(0.0, float(figure.v[:, 1].max()) - head) / head if rng.random() < BY_OUTLINE else 0.0
    size, boxes, crops = int(round(1.6 * place.tall)), cut_boxes(render, at, place, rng, hat), []
    for number in numbers:
        middle = (at[number].min(0) + at[number].max(0)) / 2
        left, top = np.round(middle - size / 2).astype(int)
        centre = (np.array([left, top]) + size / 2 - [place.width / 2, down]) / scale
        points, normals = figure.skin(course[number])
        points = swayed(render, figure, points, forward, 2 * np.pi * 2 * number / CYCLE)
        drawn, _ = renderer.draw([(figure, points, normals)], render.proj_crop(view, centre, size / scale), eye,
                                 place.light, render.feet_of(figure, course[number]))
        drawn = cv2.resize(drawn, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
        picture = behind.copy()
        rows, columns = (slice(max(first, 0), min(first + size, end))
                         for first, end in ((top, place.rows), (left, place.width)))
        part = drawn[rows.start - top:rows.stop - top, columns.start - left:columns.stop - left]
        under = picture[rows, columns]
        if place.wall:
            seen = drawn[..., 3] * (drawn[..., :3].sum(2) > 30) / 255
            shade = place.shadowed(np.ones((size, size), np.float32), seen)
            under = under * shade[rows.start - top:rows.stop - top, columns.start - left:columns.stop - left, None]
        cover = part[..., 3:] / 255
        picture[rows, columns] = part[..., :3] + (1 - cover) * under
        crops.append(cut_square(place.taken(picture, rng), boxes[number]))
    return np.stack(crops)


def visible(at, place):
    """Numbers of the frames in which joints (FRAMES, 16, 2) are whole in the picture; of too few, the middle ones."""
    edge = 0.04 * place.tall
    inside = np.flatnonzero((at[..., 0].min(1) > edge) & (at[..., 0].max(1) < place.width - edge))
    if len(inside) < CYCLE // 2 or np.ptp(inside) != len(inside) - 1:
        inside = np.arange((FRAMES - CYCLE) // 2, (FRAMES + CYCLE) // 2)
    return inside


def spread_over(numbers, count, rng):
    """`count` of the consecutive numbers, evenly over a gait cycle or, of fewer numbers, over all."""
    step = min(CYCLE, len(numbers)) / count
    first = rng.uniform(0, len(numbers) - step * (count - 1) - 1) if len(numbers) > step * (count - 1) + 1 else 0
    return numbers[np.clip(np.round(first + step * np.arange(count)), 0, len(numbers) - 1).astype(int)]


def cut_boxes(render, at, place, rng, hat=0.0):
    """Square crops (FRAMES, 3): top, left, side around joints, off by as much as those of outlines are.

    `hat`: by how much of the height something stands above the head.
    """
    head, feet = at[..., 1].min(1) - (0.01 + hat) * place.tall, at[..., 1].max(1) + 0.045 * place.tall
    tall = np.percentile(feet - head, 80)
    across = render.smooth((at[..., 0].min(1) + at[..., 0].max(1)) / 2, 5)
    middle = np.stack([render.smooth((head + feet) / 2, 6), across], 1)
    unrest = render.smooth(rng.standard_normal((len(at), 2)), 3) * rng.uniform(0, 0.012)
    middle += tall * (rng.normal(0, OFF[1])[::-1] + unrest)
    side = tall / SHARE * rng.normal(1, OFF[0])
    return np.column_stack([middle - side / 2, np.full(len(at), side)])


# --- Who --------------------------------------------------------------------------------------------------------------

class Walker:
    """Somebody: a body, and a gait of a recorded person or of their own.

    Parameters
    ----------
    render : module
    assets : render.Assets
    motions : render.Motions
    recorded : str or None
        Whose recordings; None for a drawn gait.
    rng : np.random.Generator
    """

    def __init__(self, render, assets, motions, recorded, rng):
        self._render, self._motions, self.recorded = render, motions, recorded
        self.shape = render.draw_shape(rng)
        self.body = render.Body(assets, self.shape)
        self._gait, heavy = render.draw_gait(rng), max(0, self.shape['weight'] - 0.5)
        self._gait['arm_ab'] += 0.15 * heavy
        self._arms = rng.uniform(0.02, 0.1) + 0.15 * heavy

    def course(self, number, rng):
        """A walk of FRAMES at RATE, as bones' matrices."""
        render = self._render
        if self.recorded:
            recordings = self._motions.walks[self.recorded]
            for key in (recordings[(number + more) % len(recordings)] for more in range(len(recordings))):
                cut = self._motions.cut(key, FRAMES, rng)
                if cut is not None:
                    return render.ground(self.body, render.retarget(self.body, cut, self._arms), True)
            self.recorded = None                                        # none of them is long enough
        vary = ('stride_hz', 'hip', 'knee_sw', 'arm', 'elbow')
        gait = {key: value * rng.normal(1, 0.025) if key in vary else value for key, value in self._gait.items()}
        angles = render.gait_angles(gait, np.arange(FRAMES) / RATE + rng.uniform(0, 2))
        return render.ground(self.body, render.angles_pose(self.body, angles), True)


def walks_to_learn(scene, walker, count, rng):
    """Crops of the walks of somebody to learn from, each in other clothes at another place."""
    for outfit in range(OUTFITS):
        with scene.dressed(walker, rng) as figure:
            yield scene.film(figure, walker.course(outfit, rng), scene.place(rng), rng.choice([-1, 1]), count, rng)


def pairs_to_learn(scene, walker, count, rng):
    """Crops of walks in pairs: two in the same clothes, at two places."""
    for outfit in range(OUTFITS // 2):
        with scene.dressed(walker, rng) as figure:
            for number in (2 * outfit, 2 * outfit + 1):
                yield scene.film(figure, walker.course(number, rng), scene.place(rng), rng.choice([-1, 1]), count, rng)


def walks_to_measure(scene, walker, count, rng):
    """Crops of six walks: two for the gallery, and one as each of `PROBES` says."""
    places, heading = [scene.place(rng) for _ in range(3)], rng.choice([-1, 1])
    either = iter(rng.choice([-1, 1], 3))
    numbers = itertools.count()

    def shoot(figure, place, heading):
        return scene.film(figure, walker.course(next(numbers), rng), place, heading, count, rng)

    with scene.dressed(walker, rng) as figure:
        yield from (shoot(figure, places[0], way) for way in (heading, -heading, heading))
        with scene.dressed(walker, rng) as other:
            yield shoot(other, places[0], next(either))
        yield shoot(figure, places[1], next(either))
    with scene.dressed(walker, rng) as other:
        yield shoot(other, places[2], next(either))


class Scene:
    """The renderer and what it draws with.

    Parameters
    ----------
    folder : pathlib.Path
        The renderer's.
    pictures : str
        Folder of backdrops, or ''.
    motions : str
        Recordings of skeletons.
    """

    def __init__(self, folder, pictures, motions):
        import cv2
        cv2.setNumThreads(1)
        self.render = _module(folder / 'render.py')
        self.render.SS = WINDOW
        self.assets = self.render.Assets()
        self.motions = self.render.Motions(motions or self.render.MOTIONS)
        self._renderer = self.render.Renderer(self.assets)
        self._backgrounds = self.render.Backgrounds(pictures)

    def walker(self, recorded, rng):
        return Walker(self.render, self.assets, self.motions, recorded, rng)

    def place(self, rng):
        return Place(self.render, self._backgrounds, rng)

    @contextlib.contextmanager
    def dressed(self, walker, rng):
        figure = dress(self.render, self.assets, walker.body, walker.shape, rng)
        try:
            yield figure
        finally:
            self._renderer.release(figure)

    def film(self, figure, course, place, heading, count, rng):
        """Crops as of `film`; walks to the left are mirrored, as the weights will have it (`facing_right`)."""
        crops = film(self.render, self._renderer, figure, course, place, heading, count, rng)
        return crops if heading > 0 else crops[:, :, ::-1]


def _module(path):
    spec = importlib.util.spec_from_file_location('render', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- Describing -------------------------------------------------------------------------------------------------------

class Describer:
    """Crops uint8 (n, 299, 299, 3) -> features float32 (n, 17, 17, 32), in a process of its own.

    TensorFlow and OpenGL's software renderer bring an LLVM each and do not bear the other's in one process.
    """

    def __init__(self):
        self._process = concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context('spawn'), _open_network)

    def __call__(self, crops):
        return self._process.submit(_describe, crops).result()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.shutdown()


def _open_network():
    global _describe_with
    from human_pose_nn import HumanPoseIRNetwork
    net = HumanPoseIRNetwork(precision='bfloat16')
    net.restore(POSE_WEIGHTS)
    _describe_with = net.feed_forward_features
    if importlib.util.find_spec('openvino'):
        _describe_with = _by_openvino(HumanPoseIRNetwork())


def _by_openvino(net):
    import openvino
    import tensorflow as tf
    net.restore(POSE_WEIGHTS)
    with tempfile.TemporaryDirectory() as folder:
        saved = tf.saved_model.load(net.export_saved_model(os.path.join(folder, 'pose')))
        model = openvino.convert_model(saved.signatures['features'])
    compiled = openvino.compile_model(
        model, 'CPU', {'INFERENCE_PRECISION_HINT': 'bf16', 'INFERENCE_NUM_THREADS': 1})
    return lambda crops: compiled(crops.astype(np.float32))[0]


def _describe(crops):
    return _describe_with(crops)


def keep(file, walks, describe, **facts):
    """Write the mean features (n, 17, 17, 32) of walks of crops, and of each the features of one frame."""
    features = np.split(describe(np.concatenate(walks)), np.cumsum([len(walk) for walk in walks])[:-1])
    means = np.stack([walk.mean(axis=0) for walk in features]).astype(np.float16)
    frames = np.stack([walk[number % len(walk)] for number, walk in enumerate(features)]).astype(np.float16)
    with gait_files.replacing(file) as unfinished:
        np.savez(unfinished, means=means, frames=frames, **facts)


def draw(options):
    """Draw and describe people, one file each."""
    scene = Scene(options.renderer, options.pictures, options.motions)
    kept_out, learnt = scene.motions.ids[:KEPT_OUT], scene.motions.ids[KEPT_OUT:]
    kind = 'kept out' if options.kept_out else 'pairs' if options.pairs else 'people'
    walks_of = {'people': walks_to_learn, 'kept out': walks_to_measure, 'pairs': pairs_to_learn}[kind]
    people = 3 * KEPT_OUT if options.kept_out else options.people
    for number, file, describe in files_to_make(options.folder / kind, people, options):
        rng = np.random.default_rng([options.seed, ('people', 'kept out', 'pairs').index(kind), number])
        recorded = learnt[int(rng.integers(len(learnt)))] if rng.random() < 0.7 else None
        if options.kept_out:
            recorded = kept_out[number % KEPT_OUT] if number < 2 * KEPT_OUT else None
        walker = scene.walker(recorded, rng)
        walks = [*walks_of(scene, walker, options.frames, rng)]
        keep(file, walks, describe, source=walker.recorded or '')


def draw_walkers(options):
    """Describe the project's own synthetic walkers, who are drawn quickly."""
    from gait_recognition.evaluation.manifests import split_condition
    from gait_recognition.training.walks import TRAINING_PERSON
    from gait_recognition.walkers.scenes import iter_frames
    rate = options.frames * RATE / (2 * CYCLE)                          # spread over two cycles
    for number, file, describe in files_to_make(options.folder / 'walkers', options.people, options):
        walks = [list(iter_frames(TRAINING_PERSON + number, index, group, frames=options.frames, fps=rate))
                 for group, index in map(split_condition, WALKER_WALKS)]
        keep(file, [to_the_right(walk) for walk in walks], describe)


def to_the_right(walk):
    """Pictures of a walker's walk, uint8 (n, 299, 299, 3), mirrored where it leads to the left."""
    y, x = np.moveaxis(np.array([drawn.joints for drawn in walk], float), -1, 0)
    pictures = np.stack([drawn.image for drawn in walk])
    return pictures if facing_of(np.stack([y, x, np.ones_like(x)])) > 0 else pictures[:, :, ::-1]


def files_to_make(folder, people, options):
    """(number, file, `Describer`) of those people of this process who have no file yet."""
    folder.mkdir(parents=True, exist_ok=True)
    with Describer() as describe:
        for number in range(options.first, people, options.step):
            file = folder / f'{number:05d}.npz'
            if not file.exists():
                yield number, file, describe
                print(file, flush=True)


# --- Learning ---------------------------------------------------------------------------------------------------------

def learn(options):
    """Write gait weights from everybody in the folder."""
    from gait_nn import GaitNetwork
    from gait_recognition.training.discriminant import fit_discriminant, lay_out
    means, frames, people, sets, pairs = [], [], [], [], []
    for source, name in enumerate(('people', 'walkers', 'pairs')):
        for file in sorted((options.folder / name).glob('*.npz')):
            with np.load(file, allow_pickle=False) as stored:
                means.append(stored['means'].astype(np.float32))
                frames.append(stored['frames'])
            people += [f'{name} {file.stem}'] * len(means[-1])
            sets += [source % 2] * len(means[-1])
            pairs += [name == 'pairs'] * len(means[-1])
    means, frames = np.concatenate(means), np.concatenate(frames)
    print(f'{len(means)} walks of {len(set(people))} people')
    pictures = [*pedestrians(options.folder)]
    if pictures:
        pictures = np.stack(pictures)
        print(f'pictures of {len(pictures)} pedestrians')
        found = fit_both(means, people, sets, np.array(pairs), frames, pictures, options.directions, options.shrinkage)
        frames = np.concatenate([frames, pictures[:, :, 0].reshape(-1, *frames.shape[1:])])
    else:
        found = fit_discriminant(means, people, options.directions, options.shrinkage, sets)
    some = np.random.default_rng(0).permutation(len(frames))[:LAID_OUT_ON]
    weights, error = lay_out(found, frames[some].astype(np.float32))
    print(f'between people by within, of the least direction: {found.ratios[-1]:.2f}; share missed by the layers: '
          f'{error:.1%}')
    with GaitNetwork() as net:
        net.set_training_state(weights)
        net.facing_right = True
        print(net.save(options.weights.parent, options.weights.stem))


def pedestrians(folder):
    """Features of the real pictures that `pedestrians.py` made, float16 (4, n, 17, 17, 32) a person."""
    for file in sorted((folder / 'pedestrians').glob('*.npz')):
        with np.load(file, allow_pickle=False) as stored:
            yield stored['features']


def fit_both(means, people, sets, pairs, frames, pictures, directions, shrinkage):
    """A `Discriminant` about the middle of real pictures, whose changes are within people, as walks' differences are.

    Half of its directions tell people whatever they wear; half people in what they wear, which fewer changes hide.

    Parameters
    ----------
    means, people, directions, shrinkage
        As of `fit_discriminant`; `directions` in all.
    sets : sequence of int
        0 of rendered people's walks, 1 of walkers'.
    pairs : np.ndarray, bool (walks,)
        Which walks are pairs of neighbours in the same clothes.
    frames : np.ndarray (walks, 17, 17, 32)
        Features of single frames of the walks.
    pictures : np.ndarray (pedestrians, 4, n, 17, 17, 32)
        Features of pictures of `pedestrians.KINDS`.
    """
    from sklearn.decomposition import PCA

    from gait_recognition.training import discriminant
    discriminant.check_people(people, directions)
    people = np.asarray(people)
    if not pairs.any() or not np.array_equal(*people[pairs].reshape(-1, 2).T):
        raise ValueError('beside pedestrians, people with pairs of walks are needed (draw --pairs)')
    flat, sets = means.reshape(len(means), -1), np.asarray(sets)
    middles = {each: flat[sets == each].mean(axis=0) for each in np.unique(sets)}
    pca = PCA(min(discriminant.COMPONENTS, len(flat) - len(set(people))), svd_solver='randomized', random_state=0)
    walks = pca.fit_transform(np.concatenate([flat[sets == each] - middle for each, middle in middles.items()]))
    order = np.concatenate([np.flatnonzero(sets == each) for each in middles])
    walks = walks[np.argsort(order)].astype(np.float64)

    def reduced(features):
        features = features.reshape(-1, flat.shape[1]).astype(np.float32)
        return ((features - middles[0]) @ pca.components_.T).astype(np.float64)

    seen = reduced(pictures).reshape(*pictures.shape[:3], -1)                   # pedestrians x 4 x n x d
    dressed, plain, dressed_elsewhere, elsewhere = np.moveaxis(seen, 1, 0)
    middle = seen.mean(axis=(0, 1, 2))
    off = middle - reduced(frames[sets == 0]).mean(axis=0)
    unreal = OFF_REAL * np.outer(off, off)
    shares = {0: 1 - OF_WALKERS, 1: OF_WALKERS} if 1 in middles else {0: 1.0}
    found = {each: discriminant.scatters(walks[sets == each], np.unique(people[sets == each], return_inverse=True)[1],
                                        shrinkage)
             for each in shares}
    within, between = (sum(share * found[each][part] for each, share in shares.items()) for part in (0, 1))
    same_clothes = np.diff(walks[pairs].reshape(-1, 2, walks.shape[1]), axis=1)[:, 0] / np.sqrt(2)
    alike = within + shares[0] * (same_clothes.T @ same_clothes / len(same_clothes) - found[0][0])
    ways = (within, between, (np.hstack([dressed, plain]), np.hstack([dressed_elsewhere, elsewhere])), dressed), \
        (alike, between + within - alike, (plain, elsewhere), np.hstack([plain, elsewhere]))
    parts, all_ratios = [], []
    for hidden, told, changes, shown in ways:
        hidden = hidden + REAL * sum(map(spread, changes)) + unreal
        told = told + REAL * spread_between(shown)
        ratios, axes = discriminant.directions_of(hidden, told, shrinkage, directions // 2)
        axes = discriminant.weighed(ratios, axes)
        parts.append(axes / np.sqrt(((walks @ axes) ** 2).sum(axis=1).mean()))
        all_ratios.append(ratios)
    matrix = pca.components_.T @ np.hstack(parts)
    mean = middles[0] + middle @ pca.components_
    all_ratios = np.sort(np.concatenate(all_ratios))[::-1]              # of no column of the matrix in particular
    return discriminant.Discriminant(matrix.astype(np.float32), mean.astype(np.float32), all_ratios)


def spread(pictures):
    """How pictures (people, n, d) scatter about their person's mean, (d, d)."""
    off = (pictures - pictures.mean(axis=1, keepdims=True)).reshape(-1, pictures.shape[2])
    return off.T @ off / (len(off) * (1 - 1 / pictures.shape[1]))


def spread_between(pictures):
    """How people scatter by their pictures (people, n, d), (d, d)."""
    centres = pictures.mean(axis=1)
    centres = centres - centres.mean(axis=0)
    return centres.T @ centres / len(centres) - spread(pictures) / pictures.shape[1]


def measure(options):
    """Print rank-1 by SVM and by cosine, and equal error rates, of those kept out."""
    from gait_nn import GaitNetwork
    means = []
    for file in sorted((options.folder / 'kept out').glob('*.npz')):
        with np.load(file, allow_pickle=False) as stored:
            means.append(stored['means'].astype(np.float32))
    means = np.stack(means)                                                     # people x 6 x 17 x 17 x 32
    vectors = means.reshape(*means.shape[:2], -1)
    if options.weights:
        with GaitNetwork() as net:
            print(net.restore(options.weights))
            vectors = np.array([[net.feed_forward(np.stack([walk, walk])) for walk in walks] for walks in means])
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    gallery, people = vectors[:, :2].reshape(-1, vectors.shape[-1]), np.repeat(np.arange(len(vectors)), 2)
    svm = LinearSVC().fit(gallery, people)
    for number, name in enumerate(PROBES, 2):
        probes = vectors[:, number]
        cosines, right = probes @ gallery.T, np.arange(len(probes))
        own = people == right[:, None]
        print(f'{name:14} SVM {np.mean(svm.predict(probes) == right):4.0%}   cosine '
              f'{np.mean(people[cosines.argmax(1)] == right):4.0%}   equal error rate '
              f'{metrics.equal_error_rate(cosines[own], cosines[~own]):.1%}')


# --- The command ------------------------------------------------------------------------------------------------------

def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    commands = parser.add_subparsers(dest='command', required=True)
    drawing, walkers, learning, measuring = map(commands.add_parser, ('draw', 'walkers', 'learn', 'measure'))
    drawing.add_argument('renderer', type=pathlib.Path)
    for each in (drawing, walkers, learning, measuring):
        each.add_argument('folder', type=pathlib.Path)
    drawing.add_argument('--pictures', default='', help='folder of backdrops')
    drawing.add_argument('--motions', default='', help="recorded skeletons (the renderer's)")
    kinds = drawing.add_mutually_exclusive_group()
    kinds.add_argument('--kept-out', action='store_true')
    kinds.add_argument('--pairs', action='store_true', help='two outfits, each worn on two walks')
    drawing.add_argument('--seed', type=int, default=0)
    for each, people in ((drawing, 10_000), (walkers, 900)):
        each.add_argument('--people', type=int, default=people)
        # An odd number shows as many phases of a step: the second half of a cycle is the first with the sides changed.
        each.add_argument('--frames', type=int, default=3, help='of each walk, that are described')
        each.add_argument('--first', type=int, default=0)
        each.add_argument('--step', type=int, default=1)
    learning.add_argument('weights', type=pathlib.Path)
    learning.add_argument('--directions', type=int, default=300)
    learning.add_argument('--shrinkage', type=float, default=0.01)
    measuring.add_argument('weights', type=pathlib.Path, nargs='?')
    options = parser.parse_args()
    {'draw': draw, 'walkers': draw_walkers, 'learn': learn, 'measure': measure}[options.command](options)


if __name__ == '__main__':
    main()
