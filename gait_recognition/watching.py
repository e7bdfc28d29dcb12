"""Who walks by: everybody before a camera that goes on, named as they walk and as they leave.

    for event in watch(0, 'people.gallery'):
        print(event.kind, event.track, event.name)

Where people are is the matter of `people.running`, how frames come that of `live`. Memory does not grow with time.
"""
import contextlib
import dataclasses
import datetime
import os
import pathlib
import re
from collections.abc import Callable

import numpy as np

import gait_files
from gait_checkpoints import warn_caller
from gait_recognition.gallery import Gallery, Identification
from gait_recognition.live import BREAK, Live
from gait_recognition.parameters import POSITIVE_INTEGER, check
from gait_recognition.people.running import WARM_SECONDS, RunningPeople
from gait_recognition.pictures import DEFAULT_LIMITS
from gait_recognition.quality import STRIDE_SECONDS
from gait_recognition.rates import RATE
from gait_recognition.tracking.background import BLOCK
from gait_recognition.tracking.facing import goes_left
from gait_recognition.tracking.track import MIN_FRAMES
from gait_recognition.vectors import BATCH_SIZE, RunningVector, features_of
from gait_recognition.videos import Encoder
from gait_recognition.weights import SameWeights, choose_weights, shared_networks, warn_of_defaults

NAMED, LEFT = 'named', 'left'
DUE_SECONDS = 1.0               # that a crop waits at most for a whole batch


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that `watch` has to say of somebody.

    Attributes
    ----------
    kind : {'named', 'left'}
        'named': while the walk goes on, its name has passed the threshold, or is another one now; may be taken back.
        'left': the walk is over; this is the answer, and comes once for each track.
    track : int
        1, 2, ... in the order in which they are known to walk.
    start, end : float
        Seconds from the source's first frame on, of the first and the latest frame with the walker.
    began, ended : datetime.datetime
        The same by the clock of this machine, in UTC: when these frames were read.
    box : tuple of float
        The latest: left, top, right, bottom in pixels.
    frames, used : int
        With the walker so far, of those looked at; that made the vector.
    every : int
        One frame in so many of the source was looked at, lately.
    problem : str or None
        Why there is no vector.
    answer : Identification or None
        As of `Gallery.identify`; None without a vector.
    clip : str or None
        The file of the clip, once the walk is over.
    """

    kind: str
    track: int
    start: float
    end: float
    began: datetime.datetime
    ended: datetime.datetime
    box: tuple
    frames: int
    used: int
    every: int
    problem: str | None
    answer: Identification | None
    clip: str | None = None

    @property
    def quality(self):
        """Share of the track's frames, 0 to 1, that show the walker whole: those that make the vector."""
        return self.used / max(1, self.frames)

    @property
    def decision(self):
        """As of `Identification`; 'unknown' without a vector."""
        return self.answer.decision if self.answer else 'unknown'

    @property
    def name(self):
        """Whose walk it is; None where that is not known."""
        return self.answer.name if self.answer else None

    @property
    def probability(self):
        return self.answer.probability if self.answer else None

    @property
    def cosine_similarity(self):
        return self.answer.cosine_similarity if self.answer else None

    def as_dict(self):
        """Everything but the answer's numbers as plain data for JSON."""
        return {'event': self.kind, 'track': self.track, 'start': round(self.start, 3), 'end': round(self.end, 3),
                'began': self.began.isoformat(timespec='milliseconds'),
                'ended': self.ended.isoformat(timespec='milliseconds'), 'box': [round(edge, 1) for edge in self.box],
                'frames': self.frames, 'used': self.used, 'every': self.every, 'quality': round(self.quality, 3),
                'problem': self.problem, 'clip': self.clip}


def watch(source, gallery, pose_net=None, gait_net=None, every=1, max_lag=2.0, retries=None, real_time=False,
          clips=None, top=5, fps=None, stream=None, limits=DEFAULT_LIMITS, say=None):
    """Everybody who walks by, an `Event` as a name passes the threshold and one as they leave.

    Parameters
    ----------
    source
        As of `read_frames`: a camera's number or device, an `rtsp://` or `http://` address, a file, `'-'`, frames. Or a
        `Live`.
    gallery : Gallery, str or os.PathLike
    pose_net, gait_net
        As of `walk_vector`.
    every, max_lag, retries, real_time, fps, stream, limits
        As of `live.Live`.
    clips : str or os.PathLike, optional
        A folder, made where there is none, which gets a video of each walker's crops.
    top : int
        Names in a ranking.
    say : callable, optional
        Takes what else is to be said, a line (a stream that breaks, frames left out); by default it is a warning.

    Returns
    -------
    Watch
        An iterator of `Event`; `stop` ends it after the tracks under way.

    Raises
    ------
    ValueError, OSError
        The source cannot be read, or the gallery is empty. What breaks later is opened again (`live.Live`).
    """
    return Watch(source, gallery, pose_net, gait_net, every, max_lag, retries, real_time, clips, top, fps, stream,
                 limits, say or warn_caller)


class Watch:
    """What `watch` gives: iterate over it once.

    Attributes
    ----------
    live : Live
    """

    def __init__(self, source, gallery, pose_net, gait_net, every, max_lag, retries, real_time, clips, top, fps, stream,
                 limits, say):
        check({'top': POSITIVE_INTEGER}, {'top': top})
        if isinstance(source, Live) and (every, max_lag, retries, real_time, fps, stream, limits) != (
                1, 2.0, None, False, None, None, DEFAULT_LIMITS):
            raise ValueError('source is a Live already: say every, max_lag and the like where it is made')
        if (pose_net is None) != (gait_net is None):
            raise ValueError('pose_net and gait_net belong together: pass both, or neither for the default weights')
        self._opened = contextlib.ExitStack()
        if not isinstance(gallery, Gallery):
            gallery = self._opened.enter_context(Gallery.load(gallery))
        with contextlib.ExitStack() as stack:
            stack.push(self._opened)
            if not len(gallery):
                raise ValueError(f'{gallery.path or "the gallery"}: the gallery is empty; enrol somebody first')
            self._clips = _Clips(clips, say) if clips is not None else None
            self.live = source if isinstance(source, Live) else Live(
                source, every, max_lag, retries, real_time, fps, stream, limits, say)
            gallery.agree(self.live.every, 'auto')
            stack.pop_all()
        if pose_net is None:
            warn_of_defaults()
            pose_net, gait_net = shared_networks(choose_weights())
        self._nets, self._gallery, self._top, self._say = (pose_net, gait_net), gallery, top, say
        self._same = SameWeights(pose_net, gait_net)
        self._people = RunningPeople(self.live.fps, pose_net, lambda line: say(f'{self.live.name}: {line}'))
        self._walkers, self._waiting, self._count = {}, [], 0

    def stop(self):
        """End it, after the events of the tracks under way; from a signal handler, too."""
        self.live.stop()

    def __iter__(self):
        return self._events(iter(self.live))                # refuses to be iterated over twice

    def _events(self, moments):
        with self._opened, contextlib.ExitStack() as clips:
            clips.callback(lambda: [walker.clip.drop() for walker in self._walkers.values() if walker.clip])
            self._look_ahead()
            try:
                for moment in moments:
                    ended = self._people.finish() if moment is BREAK else self._people.add(moment)
                    yield from self._take(ended)
            except (OSError, ValueError):                   # answered first, then told
                yield from self._take(self._people.finish())
                raise
            yield from self._take(self._people.finish())

    def _look_ahead(self):
        """The first background: of a recording's beginning, else of the first seconds, in which nobody is followed."""
        if not self._people.begin_with(self.live.beginning(BLOCK / RATE)):
            self._say(f'{self.live.name}: looking at the scene for {WARM_SECONDS:g} s before anybody is followed')

    def _take(self, ended):
        """Describe what is due, and say what there is to say of it."""
        for track, is_over in [*((track, False) for track in self._people.tracks), *((track, True) for track in ended)]:
            crops = track.crops(is_over)
            if track.walks and track not in self._walkers:
                self._count += 1
                self._walkers[track] = _Walker(self._count, self._nets[1], self._clips and self._clips.begin)
            for moment, crop in crops:
                self._waiting.append((self._walkers[track], track, moment, crop))
        if any(track in self._walkers for track in ended) or len(self._waiting) >= BATCH_SIZE or (
                self._waiting and self._waiting[-1][2].seconds - self._waiting[0][2].seconds > DUE_SECONDS):
            yield from self._describe()
        for track in ended:
            if track in self._walkers:
                yield self._left(track, self._walkers.pop(track))

    def _describe(self):
        """Pass the crops that wait through both networks."""
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), BATCH_SIZE):
            batch = waiting[first:first + BATCH_SIZE]
            crops = np.stack([crop for *_, crop in batch])
            features = features_of(self._nets[0], crops, self._mirrored(batch))
            for walker in dict.fromkeys(walker for walker, *_ in batch):
                own = [place for place, each in enumerate(batch) if each[0] is walker]
                walker.add(features[own], [batch[place][2] for place in own], [batch[place][3] for place in own])
        for walker, track in dict((walker, track) for walker, track, *_ in waiting).items():
            if (event := self._named(track, walker)) is not None:
                yield event

    def _mirrored(self, batch):
        """Which crops are of walkers to the left whose mirror images the gait network is to see, bool (n,)."""
        if self._nets[1].facing_right:
            for walker, track, *_ in batch:
                if walker.goes_left is None:
                    walker.goes_left = goes_left(self._nets[0], [crop for each, *_, crop in batch if each is walker],
                                                 track.squares)
        return np.array([bool(walker.goes_left) for walker, *_ in batch])

    def _named(self, track, walker):
        """The event of a name that has passed the threshold, if it is news."""
        if walker.seconds < STRIDE_SECONDS or walker.used < MIN_FRAMES:
            return None
        answer = self._identify(walker)
        if answer is None or answer.decision != 'known' or answer.name == walker.said:
            return None
        walker.said = answer.name
        return self._event(NAMED, track, walker, answer)

    def _left(self, track, walker):
        clip = walker.clip.end() if walker.clip else None
        answer = self._identify(walker) if walker.used >= MIN_FRAMES else None
        problem = None if answer else f'a walker was found in {walker.used} of {track.frames} frames, at least ' \
            f'{MIN_FRAMES} are needed' if walker.used < MIN_FRAMES else 'the gallery is empty'
        return self._event(LEFT, track, walker, answer, problem, clip)

    def _identify(self, walker):
        """The answer; None where the gallery is empty by now."""
        vector = walker.vector
        self._same.check(self.live.name)
        return self._gallery.identify(vector[None], top=self._top)[0] if len(self._gallery) else None

    @staticmethod
    def _event(kind, track, walker, answer, problem=None, clip=None):
        began, ended = (datetime.datetime.fromtimestamp(moment.clock, datetime.timezone.utc)
                        for moment in (track.first, track.last))
        box = tuple(float(edge) for edge in track.box[[1, 0, 3, 2]])
        return Event(kind, walker.number, track.first.seconds, track.last.seconds, began, ended, box, track.frames,
                     walker.used, track.last.every, problem, answer, clip)


class _Walker:
    """What is known of one track: its vector so far, which name was said, its clip."""

    def __init__(self, number, gait_net, begin_clip: Callable | None):
        self.number, self.used, self.said, self.clip, self.goes_left = number, 0, None, None, None
        self._vector, self._begin_clip = RunningVector(gait_net, RATE), begin_clip
        self._first = self._last = None

    @property
    def seconds(self):
        """Of the walk that was described."""
        return self._last - self._first if self.used else 0.0

    @property
    def vector(self):
        return self._vector.vector

    def add(self, features, moments, crops):
        self._first, self._last = self._first if self.used else moments[0].seconds, moments[-1].seconds
        self._vector.add(features, [moment.seconds for moment in moments])
        self.used += len(moments)
        if self._begin_clip is not None and self.clip is None:
            self.clip = self._begin_clip(self.number, moments[0])
        for moment, crop in zip(moments, crops) if self.clip else ():
            self.clip.add(crop, moment.seconds - self._first)


class _Clips:
    """A folder of videos of walkers' crops. What cannot be written is said, and ends nothing but the clip."""

    def __init__(self, folder, say):
        self._folder, self._say = pathlib.Path(folder), say
        os.makedirs(folder, exist_ok=True)
        gait_files.check_writable(self._folder, self._folder)

    def begin(self, number, moment):
        """The clip of a track whose first crop is of this moment."""
        when = datetime.datetime.fromtimestamp(moment.clock, datetime.timezone.utc)
        path = self._folder / f'{when:%Y%m%dT%H%M%S}.{when.microsecond // 1000:03}Z-track-{number}.mp4'
        return _Clip(path, self._say)


class _Clip:
    """One video, which has its name once it is whole."""

    def __init__(self, path, say):
        self._path, self._say, self._opened, self._encoder = path, say, contextlib.ExitStack(), None
        self._try(self._open)

    def _open(self):
        file = self._opened.enter_context(gait_files.replacing(self._path, shared=True))
        self._encoder = self._opened.enter_context(Encoder(file, 'mp4', RATE))

    def _try(self, action, *arguments):
        try:
            action(*arguments)
        except (OSError, ValueError) as error:
            self._say(f'{self._path}: no clip: {re.sub(chr(10), " ", str(error))}')
            self.drop()

    def add(self, crop, seconds):
        if self._encoder is not None:
            self._try(self._encoder.add, crop, seconds)

    def end(self):
        """The name of the file; None where it could not be written."""
        if self._encoder is None:
            return None
        self._try(self._opened.close)
        return str(self._path) if self._encoder is not None else None

    def drop(self):
        """Leave nothing behind."""
        opened, self._opened, self._encoder = self._opened, contextlib.ExitStack(), None
        with contextlib.suppress(_Dropped), opened:
            raise _Dropped


class _Dropped(Exception):
    """A clip is not wanted any more."""
