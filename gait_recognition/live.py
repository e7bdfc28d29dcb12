"""Frames of what goes on: a thread reads them, opens a source that breaks again, and leaves frames out where nobody
keeps up. What is in them is not known here."""
import collections
import contextlib
import threading
import time
from typing import NamedTuple

import numpy as np

from gait_recognition import sources
from gait_recognition.console import reason_of
from gait_recognition.facts import Clock, Unreadable
from gait_recognition.frames import open_reader
from gait_recognition.parameters import FLAG, IN_SECONDS, POSITIVE_INTEGER, check, integer_from, optional
from gait_recognition.pictures import DEFAULT_LIMITS, damaged

CONSTRAINTS = {'every': POSITIVE_INTEGER, 'max_lag': IN_SECONDS, 'retries': optional(integer_from(0)),
               'real_time': FLAG}
WAITS = (1.0, 60.0)             # seconds before a source is opened again: at first, at most
GOOD_SECONDS = 10.0             # of frames after which a source that breaks is waited for as at first
COARSEST = 8                    # times fewer frames than were asked for are used at most
EASE_SECONDS = (10.0, 600.0)    # of keeping up before more frames are used again: at first, at most
READ_AHEAD = 8                  # frames of a recording that are read before they are asked for
HELD_BYTES = 256 << 20          # of frames that wait
FASTER = 1.5                    # times real time, and it is a recording that comes, which waits for us
STALE_SECONDS = 5.0             # after which an address that nobody reads is opened anew
SLACK = 2.0                     # seconds that streams send at once at their beginning
BREAK = None                    # comes between moments that do not follow one another


class Moment(NamedTuple):
    """A frame of what goes on.

    Attributes
    ----------
    seconds : float
        From the source's first frame on; never backwards.
    clock : float
        When it was read, as `time.time()`.
    frame : np.ndarray, uint8 (H, W, 3)
    every : int
        One in so many frames is used now.
    """
    seconds: float
    clock: float
    frame: np.ndarray
    every: int


class Live:
    """A source that goes on. Iterate over it once, for `Moment`s, and `BREAK` where nothing is to be followed over.

    Parameters
    ----------
    source
        As of `read_frames`; a camera's device, too (`/dev/video0`).
    every : int
        Use one frame in so many.
    max_lag : float
        Seconds that a live frame may wait until it is looked at: beyond, every second of those asked for is used, then
        every fourth, every eighth; then frames are thrown away.
    retries : int, optional
        How often in a row a camera or an address that broke is opened again; by default for ever.
    real_time : bool
        Read a recording no faster than it was filmed, and take it for live.
    fps, stream, limits
        As of `read_frames`; there is no limit to the number of frames.
    say : callable
        Takes what is to be said, a line; also called by the thread.

    Attributes
    ----------
    name : str
    kind : str
        As of `sources.Source`.
    every : int
        As asked for.
    fps : float
    damaged : int
        Frames that could not be read.
    """

    def __init__(self, source, every=1, max_lag=2.0, retries=None, real_time=False, fps=None, stream=None,
                 limits=DEFAULT_LIMITS, say=print):
        check(CONSTRAINTS, {'every': every, 'max_lag': max_lag, 'retries': retries, 'real_time': real_time})
        device = sources.device_of(source)
        self._source = source if device is None else device
        self._options, self._retries, self._say = (fps, stream, limits), retries, say
        self._real_time = real_time
        self.every, self._pace = int(every), _Pace(int(every), max_lag)
        self._reader = self._open()
        self.fps, self.damaged = self._reader.fps, 0
        self._waiting = _Waiting()
        self._is_live = True if real_time or self.kind == 'camera' or self._is_stream() else \
            None if self.kind in ('address', 'pipe') else False         # None: not known yet
        self._is_taken = False
        self._begun, self._latest, self._failures = None, 0.0, 0        # of the latest frame: its seconds
        if self.kind == 'camera':                                       # which is opened when it is read
            with contextlib.closing(self._reader.read()) as loads:
                next(loads, None)

    def _open(self):
        found = sources.find(self._source)
        self.name, self.kind, self._opened = found.name, found.kind, time.monotonic()
        return open_reader(found, *self._options)

    def _is_stream(self):
        return self.kind == 'address' and self.name.lower().startswith('rtsp')

    def stop(self):
        """End the iteration, at whatever moment, from whatever thread."""
        self._waiting.is_closing = True

    def beginning(self, seconds):
        """(seconds, function that gives the frame) of the first `seconds`; nothing of what can be read only once.

        The function raises `facts.Unreadable` where a frame is damaged.
        """
        if self.kind in ('file', 'pictures'):
            with contextlib.closing(self._open().read()) as loads:
                for number, (_, load) in enumerate(loads):
                    if number / self.fps >= seconds:
                        return
                    yield number / self.fps, load

    def __iter__(self):
        if self._is_taken:
            raise ValueError(f'{self.name}: it is iterated over once, and that has begun: open it anew')
        self._is_taken = True
        return self._moments()

    def _moments(self):
        threading.Thread(target=self._read, name=f'reading {self.name}', daemon=True).start()
        try:
            while (item := self._waiting.take()) is not _OVER:
                if isinstance(item, BaseException):
                    raise item
                if item is BREAK:
                    yield BREAK
                    continue
                number, moment, arrived = item
                if self._is_used(number, arrived):
                    yield moment._replace(every=self._pace.every)
        finally:
            self._waiting.close()

    # The thread

    def _read(self):
        """Hand over what the source gives until it is over, and once more after each break."""
        try:
            if self.kind == 'address' and time.monotonic() - self._opened > STALE_SECONDS:
                self._reader = self._open()
            while True:
                reason = self._read_once()
                if reason is None:
                    return self._waiting.put(_OVER)
                self._waiting.put(BREAK)
                if not self._open_again(reason):
                    return None
        except _Closed:
            return None
        except BaseException as error:                                  # handed on, whatever it is
            return self._waiting.fail(error)

    def _read_once(self):
        """None once the source is over, or why it broke; raises what is no break."""
        try:
            self._read_frames()
        except (OSError, ValueError) as error:
            if self._begun is None or not self._may_break():
                raise
            return reason_of(error)
        if self._begun is None:
            raise ValueError(f'{self.name}: no frame came')
        return 'it ended' if self._may_break() else None

    def _may_break(self):
        """Whether an end is none: cameras and streams go on, what promises a length does not."""
        return self.kind == 'camera' or self._is_stream() or (
            self.kind == 'address' and getattr(self._reader, 'expected', None) is None)

    def _open_again(self, reason):
        """Open the source again, after waits that grow; False where that was tried often enough."""
        while True:
            self._failures += 1
            if self._retries is not None and self._failures > self._retries:
                tries = f'; opened again {self._retries} times in a row' if self._retries else ''
                raise ValueError(f'{self.name}: {reason}{tries}, given up (--retries)')
            wait = min(WAITS[1], WAITS[0] * 2 ** min(self._failures - 1, 30))
            self._say(f'{self.name}: {reason.removeprefix(self.name).lstrip(": ")}; opened again in {wait:g} s')
            self._waiting.pause(wait)
            try:
                self._reader = self._open()
                return True
            except (OSError, ValueError) as error:
                reason = reason_of(error)

    def _read_frames(self):
        reader, facts = self._reader, self._reader.facts
        clock, begun, waited, first = Clock(1 / reader.fps, facts, reader.is_regular), None, 0.0, True
        for number, (own, load) in enumerate(reader.read()):
            if load is damaged:
                self._note_damaged(clock)
                continue
            now = time.monotonic()
            if begun is None:
                begun, shift = now, self._shift(now)
            since = clock(number, own)
            if facts.jumps:                                             # by the source's clock; ours goes on
                facts.jumps.clear()
                if self._is_live:
                    shift = now - self._begun - since
                self._waiting.put(BREAK)
            seconds = max(self._latest, since + shift)
            self._is_live = self._told(since, now - begun - waited)
            if self._real_time:
                self._waiting.pause(self._begun + seconds - now)
            if not self._pace.takes(number):
                continue
            frame = self._loaded(load)
            if frame is None:
                continue
            if first and self._failures:
                self._say(f'{self.name}: it is there again')
            first = False
            if since > GOOD_SECONDS:
                self._failures = 0
            self._latest = seconds
            item = number, Moment(seconds, time.time(), frame, 1), time.monotonic()
            if not self._is_live:
                waited += self._waiting.put(item, self._room(frame))
            elif not self._waiting.offer(item, self._room(frame)):      # a camera does not wait
                self._pace.is_crowded = True

    def _room(self, frame):
        """How many frames may wait."""
        held = int(self._pace.held * self.fps) + 2 if self._is_live else READ_AHEAD
        return max(2, min(held, HELD_BYTES // frame.nbytes))

    def _shift(self, now):
        """Seconds of the first frame after opening, by our own clock."""
        if self._begun is None:
            self._begun = now
        return 0.0 if now == self._begun else max(self._latest + 1 / self.fps, now - self._begun)

    def _told(self, seconds, reading):
        """Whether the source is live: a recording comes faster than it was filmed."""
        if self._is_live is None and (reading > SLACK or seconds > 2 * SLACK):
            return seconds < FASTER * reading + SLACK
        return self._is_live

    def _loaded(self, load):
        try:
            return load()
        except Unreadable:
            self._note_damaged()
            return None

    def _note_damaged(self, clock=None):
        if clock is not None:
            clock.damaged()
        self.damaged += 1
        if self.damaged == 1:
            self._say(f'{self.name}: a frame is damaged and skipped; so are further ones')

    # Keeping up

    def _is_used(self, number, arrived):
        """Whether a frame is used that came at `arrived`: one in so many, and not if it came too long ago."""
        if not self._is_live:
            return True
        said = self._pace.note(time.monotonic() - arrived)
        if said:
            self._say(f'{self.name}: {said}')
        return self._pace.takes(number) and not self._pace.is_hopeless


class _Pace:
    """Which frames are used, by how long they waited.

    Attributes
    ----------
    every : int
        One frame in so many.
    held : float
        Seconds of frames that may wait.
    is_hopeless : bool
        The latest frame waited too long to be used at all.
    is_crowded : bool
        So many frames wait that there was no room for one.
    """

    def __init__(self, every, max_lag):
        self.asked, self.max_lag = every, max_lag
        self.held, self.is_hopeless, self.is_crowded = max(1.0, 2 * max_lag), False, False
        self._times, self._eased, self._patience, self._settling = 1, None, EASE_SECONDS[0], 0.0
        self._dropped = False

    @property
    def every(self):
        return self.asked * self._times

    def takes(self, number):
        return number % self.every == 0

    def note(self, lag):
        """Take how many seconds the latest frame waited; what is to be said, or None."""
        now, is_late = time.monotonic(), lag > self.max_lag
        self.is_hopeless = is_late and self._times == COARSEST and now > self._settling
        if not is_late and not self.is_crowded:
            return self._ease(lag, now)
        self.is_crowded = False
        self._eased = None
        if now < self._settling:                                        # what waits came before the last change
            return None
        if self._times < COARSEST:
            if self._times > 1 or self._patience > EASE_SECONDS[0]:
                self._patience = min(EASE_SECONDS[1], 2 * self._patience)
            self._times, self._settling = 2 * self._times, now + lag + 1.0
            return f'{lag:.1f} s behind: {self._in_words()}'
        if not self._dropped:
            self._dropped = True
            return f'{lag:.1f} s behind with {self._in_words()}: frames that waited longer than {self.max_lag:g} s ' \
                   'are thrown away'
        return None

    def _ease(self, lag, now):
        if self._times == 1 or lag > self.max_lag / 4:
            self._eased = None
            return None
        self._eased = now if self._eased is None else self._eased
        if now - self._eased < self._patience:
            return None
        self._times, self._eased, self._dropped = self._times // 2, None, False
        self._patience = min(EASE_SECONDS[1], 2 * self._patience)
        return f'it keeps up: {self._in_words()}'

    def _in_words(self):
        ordinal = {1: 'every frame', 2: 'every second frame', 3: 'every third frame'}
        return f'{ordinal.get(self.every, f"every {self.every}th frame")} is used'


class _Closed(Exception):
    """Nobody takes any more."""


_OVER = object()


class _Waiting:
    """What waits between the thread that reads and the one that takes."""

    def __init__(self):
        self._items, self._changed, self._is_closed = collections.deque(), threading.Condition(), False
        self.is_closing = False                             # set by signal handlers, which must not wait

    def put(self, item, room=None):
        """Add an item once fewer than `room` wait; the seconds that this took. _Closed where nobody takes any more."""
        began = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or room is None or len(self._items) < room)
            if self._is_closed:
                raise _Closed
            self._items.append(item)
            self._changed.notify_all()
        return time.monotonic() - began

    def offer(self, item, room):
        """Add an item, if fewer than `room` wait; whether that was so. _Closed as of `put`."""
        with self._changed:
            if self._is_closed:
                raise _Closed
            if has_room := len(self._items) < room:
                self._items.append(item)
                self._changed.notify_all()
            return has_room

    def fail(self, error):
        with self._changed:
            self._items.append(error)
            self._changed.notify_all()

    def pause(self, seconds):
        """Wait, unless it is closed meanwhile."""
        with self._changed:
            if self._changed.wait_for(lambda: self._is_closed, max(0.0, seconds)):
                raise _Closed

    def take(self):
        """The next item; `_OVER` once it is closed."""
        with self._changed:
            while not (self._items or self.is_closing or self._is_closed):
                self._changed.wait(0.2)
            if self.is_closing or self._is_closed:
                self._items.clear()
                return _OVER
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self):
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
