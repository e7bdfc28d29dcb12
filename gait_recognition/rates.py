"""Frames' features at one rate, whatever the recording's: the gait network learned from 25 frames a second."""
import numpy as np

RATE = 25.0                 # frames a second
SAME_RATE = 0.01            # a rate so near, as a share, is the same: nothing is interpolated
LONGEST_GAP = 0.5           # seconds between frames that are bridged; after longer ones the walk goes on as it comes


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
