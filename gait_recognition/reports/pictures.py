"""Pictures of reports, as JPEG in text: crops with the skeleton on them, the scene with the track."""
import base64
import io
import itertools
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gait_recognition.drawing import draw_lines, draw_skeleton
from gait_recognition.fitness import Looks
from gait_recognition.tracking.joints import SURE
from gait_recognition.tracking.track import CROP_SIZE, HEIGHT_SHARE

STRIP = 8                       # crops of a walk that are shown
CROP_EDGE = 224                 # pixels: two in a row of eight at 1,000 pixels, and sharp on a telephone
SCENE_EDGE = 960                # pixels, the longer edge
QUALITY = 80                    # of JPEG
TRACK_COLOUR, HALO = '#ffd400', '#000000'
OTHERS_COLOUR = '#ffffff'


class Strip(Looks):
    """Looks of a walk (`fitness.Looks`) that keep some of its crops, spread evenly, however many there are."""

    def __init__(self):
        super().__init__()
        self._crops, self._step = {}, 1

    def add(self, crops):
        for number, crop in enumerate(crops, self._count):
            if number % self._step == 0:
                self._crops[number] = np.array(crop)
            if len(self._crops) > 2 * STRIP:
                self._step *= 2
                self._crops = {at: kept for at, kept in self._crops.items() if at % self._step == 0}
        super().add(crops)

    def crops(self):
        """(place, crop) of up to `STRIP` of them: its place among all crops, uint8 (299, 299, 3)."""
        places = [*self._crops]
        chosen = np.unique(np.linspace(0, len(places) - 1, STRIP).round().astype(int)) if places else ()
        return [(places[i], self._crops[places[i]]) for i in chosen]


class Picture(NamedTuple):
    """A picture of a page: a data URI, its size in pixels, what it shows, and a short caption."""
    uri: str
    width: int
    height: int
    alt: str
    caption: str = ''


def picture_of(image, alt, caption=''):
    """The `Picture` of an image of Pillow's."""
    with io.BytesIO() as file:
        image.save(file, 'JPEG', quality=QUALITY, optimize=True)
        data = base64.b64encode(file.getvalue()).decode()
    return Picture(f'data:image/jpeg;base64,{data}', *image.size, alt, caption)


def strip_pictures(strip, found, track):
    """The crops that a `Strip` kept, the skeleton on each; `found` and `track` as `joints_of_walk` gives them."""
    pictures = []
    for place, crop in strip.crops():
        top, left, side = track.boxes[place]
        y, x, probability = found[place].joints
        scale = CROP_SIZE / side
        drawn = draw_skeleton(crop, np.stack([(y - top) * scale, (x - left) * scale, probability]))
        image = Image.fromarray(drawn).resize((CROP_EDGE, CROP_EDGE), Image.Resampling.LANCZOS)
        unsure = int((probability < SURE).sum())
        pictures.append(picture_of(image, f'the walker at {found[place].time:.2f} seconds, frame {found[place].frame}, '
                                          f'{len(probability) - unsure} of {len(probability)} joints sure',
                                   f'{found[place].time:.2f} s'))
    return pictures


class Way(NamedTuple):
    """A walker's way through a scene.

    Attributes
    ----------
    label : str
    numbers : list of int
        Of frames.
    boxes : np.ndarray, float (n, 4)
        Left, top, right, bottom.
    poses : dict of int to array (3, 16)
        Joints by the frame's number.
    """
    label: str
    numbers: list
    boxes: np.ndarray
    poses: dict

    @property
    def middle(self):
        """Number of the frame in the middle."""
        return self.numbers[len(self.numbers) // 2]


def way_of_walk(track, found, label=''):
    """The `Way` of one walk's `Track`: the figure inside of its crops."""
    top, left, side = np.asarray(track.boxes, float).T
    margin = side * (1 - HEIGHT_SHARE) / 2
    boxes = np.stack([left + margin, top + margin, left + side - margin, top + side - margin], 1)
    return Way(label, track.numbers, boxes, {pose.frame: pose.joints for pose in found})


def frames_at(frames, numbers):
    """(number, frame) of some of `Frames`; reads no further than to the last of them."""
    wanted = {*numbers}
    for number, frame in frames.numbered() if wanted else ():
        if number in wanted:
            wanted.discard(number)
            yield number, frame
        if not wanted:
            break


def scene_picture(frame, number, way, others, alt):
    """A frame with one walker's way, box and skeleton, and the boxes of others.

    Parameters
    ----------
    frame : np.ndarray, uint8 (H, W, 3)
    number : int
        Of the frame.
    way : Way
    others : iterable of Way
    alt : str
    """
    scale = SCENE_EDGE / max(frame.shape[:2])
    image = Image.fromarray(frame)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    draw, size = ImageDraw.Draw(image), max(14, image.height // 28)
    font = ImageFont.load_default(size)
    for other in others:
        _draw_box(draw, other, number, scale, OTHERS_COLOUR, font, size)
    _draw_feet(draw, way, scale, size)
    if number in way.poses:
        y, x, probability = way.poses[number]
        draw_lines(draw, np.stack([(y + 0.5) * scale - 0.5, (x + 0.5) * scale - 0.5, probability]))
    _draw_box(draw, way, number, scale, TRACK_COLOUR, font, size)
    return picture_of(image, alt)


def _draw_feet(draw, way, scale, size):
    """Where the feet of a way's box are over time: a line from a ring to an arrow."""
    feet = np.stack([(way.boxes[:, 0] + way.boxes[:, 2]) / 2, way.boxes[:, 3]], 1) * scale
    for colour, width in ((HALO, size // 2), (TRACK_COLOUR, size // 4)):
        for before, after in itertools.pairwise(feet):
            draw.line([*before, *after], colour, max(2, width))
    radius = size / 2
    draw.ellipse([*(feet[0] - radius), *(feet[0] + radius)], TRACK_COLOUR, HALO, 2)
    ahead = feet[-1] - feet[max(0, len(feet) - 1 - max(1, len(feet) // 8))]
    if np.linalg.norm(ahead) > 1:
        ahead = ahead / np.linalg.norm(ahead) * size
        across = np.array([-ahead[1], ahead[0]]) * 0.6
        draw.polygon([tuple(feet[-1] + ahead), tuple(feet[-1] + across), tuple(feet[-1] - across)], TRACK_COLOUR, HALO)


def _draw_box(draw, way, number, scale, colour, font, size):
    if number not in way.numbers:
        return
    left, top, right, bottom = way.boxes[way.numbers.index(number)] * scale
    for edge, width, outline in ((1, 5, HALO), (0, 3, colour)):
        draw.rectangle((left - edge, top - edge, right + edge, bottom + edge), outline=outline, width=width)
    if not way.label:
        return
    place = max(left, 0) + 4, max(top - 1.5 * size, 2)
    draw.rectangle(draw.textbbox(place, way.label, font), fill='black')
    draw.text(place, way.label, colour, font)
