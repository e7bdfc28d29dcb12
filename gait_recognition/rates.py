"""Frames' features at one rate, whatever the recording's: the gait network learned from 25 frames a second."""
from typing import NamedTuple

import numpy as np

RATE = 25.0                 # frames a second
SAME_RATE = 0.01            # a rate so near, as a share, is the same: nothing is interpolated
OFF_BEAT = 0.1              # of a frame, by which its time may be off an even clock: headers and recorders round
LONGEST_GAP = 0.5           # seconds between frames that are bridged; after longer ones the walk goes on as it comes
SAME_MOMENT = 1e-6          # seconds: sums of steps are rounded
KNOTS = 4                   # frames that a moment between two of them is interpolated from


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
    """Cubic interpolation over time, batch after batch: what comes out does not depend on the batches.

    Between two frames it is the cubic (Hermite's) whose slopes at both are those of the parabolas through each and its
    two neighbours, so that it waits for the frame after the next. It follows feet that at 15 frames a second are a
    shoe's length further in each, which a straight line fades out in one place and in at another.

    Parameters
    ----------
    rate : float
        Frames a second that come out.
    """

    def __init__(self, rate=RATE):
        self._step = 1 / rate
        self._known = []                    # (seconds, features) of the latest frames, up to `KNOTS`
        self._next = None                   # seconds of the next one to come out

    def __call__(self, features, seconds):
        """The features that are due by now.

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
        for now, here in zip(map(float, seconds), features):
            if self._known and now - self._known[-1][0] > LONGEST_GAP:
                found += self._due(True)
                self._known = []
            if not self._known:
                self._next = now
            self._known = [each for each in self._known if each[0] < now - SAME_MOMENT][1 - KNOTS:] + [(now, here)]
            found += self._due(False)
        return np.stack(found) if found else features[:0]

    def rest(self):
        """Those that still wait for a frame, (m, ...), as if none came; None where none waits. They go on waiting."""
        kept = self._next
        found = self._due(True) if self._known else []
        self._next = kept
        return np.stack(found) if found else None

    def _due(self, is_over):
        """The features up to the latest frame, without those that wait for the next one unless it `is_over`."""
        found, times = [], [time for time, _ in self._known]
        while self._next <= times[-1] + SAME_MOMENT:
            after = next(i for i, time in enumerate(times) if time >= self._next - SAME_MOMENT)
            if abs(times[after] - self._next) <= SAME_MOMENT:
                found.append(self._known[after][1])
            elif is_over or after + 1 < len(times):
                found.append(_between(self._known[max(after - 2, 0):after + 2], min(after, 2), self._next))
            else:
                break
            self._next += self._step
        return found


def resample(features, seconds, rate=RATE):
    """What a `Resampler` makes of a whole walk: features (n, ...) of frames taken at these seconds, (m, ...)."""
    resampler = Resampler(rate)
    found, rest = resampler(features, seconds), resampler.rest()
    return found if rest is None else np.concatenate([found, rest])


def _between(known, after, moment):
    """Features at a moment before the frame `known[after]` and after the one before it.

    Parameters
    ----------
    known : list of (seconds, features)
        These two, the one before them and the one after them, where there are such.
    after : int
    moment : float
    """
    times = [time for time, _ in known]
    length = times[after] - times[after - 1]
    x = (moment - times[after - 1]) / length
    weights = np.zeros(len(known))
    weights[after - 1] += 1 - x * x * (3 - 2 * x)
    weights[after] += x * x * (3 - 2 * x)
    for place, share in (after - 1, x * (1 - x) ** 2), (after, x * x * (x - 1)):
        for other, slope in _slope(times, place):
            weights[other] += share * length * slope
    return sum(float(weight) * features for weight, (_, features) in zip(weights, known))


def _slope(times, place):
    """(place, weight) of the values whose weighted sum is the slope at `place`: of the parabola through it and its
    neighbours, at an end of the line to its neighbour."""
    if place in (0, len(times) - 1):
        first = max(place - 1, 0)
        step = times[first + 1] - times[first]
        return [(first, -1 / step), (first + 1, 1 / step)]
    before, behind = times[place] - times[place - 1], times[place + 1] - times[place]
    whole = before + behind
    return [(place - 1, -behind / before / whole), (place, (behind - before) / before / behind),
            (place + 1, before / behind / whole)]


def is_at(rate, fps):
    """Whether frames of `fps` a second are at `rate` already."""
    return abs(fps / rate - 1) < SAME_RATE
