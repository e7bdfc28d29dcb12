"""Frames' features at one rate, whatever the recording's: the gait network learned from 25 frames a second."""
from typing import NamedTuple

import numpy as np

RATE = 25.0                 # frames a second
SAME_RATE = 0.01            # a rate so near, as a share, is the same: nothing is interpolated
OFF_BEAT = 0.25             # of a frame, by which its time may be off an even clock: headers and recorders round
LONGEST_GAP = 0.5           # seconds between frames that are bridged; after longer ones the walk goes on as it comes


class EvenClock:
    """Seconds of frames by their numbers, as long as the recording's own times do not tell otherwise.

    Times are rounded, to milliseconds in many files: taken as they are they would move every feature a little. Where a
    frame is off the beat (a variable rate, dropped frames) its own time counts, and the beat goes on from there.

    Parameters
    ----------
    fps : float
    """

    def __init__(self, fps):
        self._fps, self._shift, self._latest = fps, 0.0, 0.0

    def __call__(self, number, seconds):
        """Seconds of frame `number`, whose own clock says `seconds`."""
        due = number / self._fps + self._shift
        if abs(seconds - due) * self._fps > OFF_BEAT:
            self._shift += seconds - due
            due = seconds
        self._latest = max(due, self._latest)
        return self._latest


class Beats(NamedTuple):
    """When frames were taken, counted at an even rate.

    Attributes
    ----------
    places : np.ndarray, float (T,)
        Of each frame, rising: whole numbers where the clock is even, and 1 from frame to frame where none is missing.
    rate : float
        Beats a second.
    """
    places: np.ndarray
    rate: float

    @classmethod
    def of(cls, seconds, rate):
        """Of frames taken at these seconds, (T,). What lies longer apart than anything is bridged is no further apart:
        clocks jump by years."""
        steps = np.diff(seconds, prepend=seconds[:1]) * rate
        return cls(np.cumsum(np.minimum(steps, max(1.0, 2 * LONGEST_GAP * rate))).round(6), rate)


def beats_of(frames, numbers):
    """The `Beats` of those frames of `Frames`, read already, that have these numbers."""
    clock = EvenClock(frames.fps)
    return Beats.of([*map(clock, numbers, frames.seconds_of(numbers))], frames.fps / frames.every)


class Resampler:
    """Linear interpolation over time, batch after batch: what comes out does not depend on the batches.

    Parameters
    ----------
    rate : float
        Frames a second that come out.
    """

    def __init__(self, rate=RATE):
        self._step = 1 / rate
        self._last = None                   # (seconds, features) of the latest frame
        self._next = None                   # seconds of the next one to come out

    def __call__(self, features, seconds):
        """The features that fall between the latest frame and these.

        Parameters
        ----------
        features : ndarray (n, ...)
        seconds : sequence of float, (n,)
            When each frame was taken, rising.

        Returns
        -------
        ndarray (m, ...)
            m may be 0.
        """
        found = []
        for now, here in zip(seconds, features):
            if self._last is None or now - self._last[0] > LONGEST_GAP:
                self._next = now
            while self._next <= now + 1e-6:
                if self._last is None or self._next >= now - 1e-6:
                    found.append(here)
                else:
                    before, there = self._last
                    share = (self._next - before) / (now - before)
                    found.append((1 - share) * there + share * here)
                self._next += self._step
            self._last = now, here
        return np.stack(found) if found else features[:0]


def is_at(rate, fps):
    """Whether frames of `fps` a second are at `rate` already."""
    return abs(fps / rate - 1) < SAME_RATE
