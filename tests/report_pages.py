"""Walks and galleries that reports are made of in tests: drawn, with their true joints, without a network."""
import numpy as np

from gait_recognition.fitness import fitness_of
from gait_recognition.frames import read_frames
from gait_recognition.gallery import Gallery
from gait_recognition.pose_estimation import FrameJoints
from gait_recognition.reports.pictures import Strip
from gait_recognition.reports.walks import Seen
from gait_recognition.tracking.track import HEIGHT_SHARE, NOBODY, Track, cut_square
from gait_recognition.walkers.scenes import scene

EVIL = '<script>document.title="owned"</script>&amp; "\''


def seen_walk(person=9100, name='anna.mp4', width=480, height=270):
    """(Frames, Seen) of a drawn walker who crosses a scene, with true joints."""
    pictures = [*scene(person, width=width, height=height)]
    frames = read_frames(np.stack([picture.image for picture in pictures]), fps=25)
    track, strip, found, crops = Track(name, 'background'), Strip(), [], []
    for number, picture in enumerate(pictures):
        if not picture.inside.all():
            track.dropped[number] = NOBODY
            continue
        top, left, bottom, right = picture.box
        side = float(bottom - top) / HEIGHT_SHARE
        track.numbers.append(number)
        track.boxes.append((float(top + bottom - side) / 2, float(left + right - side) / 2, side))
        joints = np.vstack([picture.joints.T, np.where(picture.visible, 0.9, 0.4)[None]])
        found.append(FrameJoints(number, joints, number / 25))
        crops.append(cut_square(picture.image, track.boxes[-1]))
    strip.add(crops)
    list(frames)
    return frames, Seen(name, track, found, fitness_of(frames, track, found, strip), strip)


def gallery_of_vectors(names, walks=3, seed=0):
    """(Gallery in memory, vector): so many walks of each, and one more of the first."""
    rng, gallery = np.random.default_rng(seed), Gallery('test')
    means = 3 + rng.normal(size=(len(names), 512))
    with gallery.changing():
        for name, mean in zip(names, means):
            gallery.enrol(name, mean + 0.8 * rng.normal(size=(walks, 512)))
    return gallery, (means[0] + 0.8 * rng.normal(size=512)).astype(np.float32)
