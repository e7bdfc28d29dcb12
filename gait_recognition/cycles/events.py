"""When feet strike the ground and leave it."""
from typing import NamedTuple

import numpy as np
from scipy import signal

from gait_recognition.cycles.series import HIPS, LEGS, PELVIS, lowpass

HARMONICS = 3.5                         # of the stride that events are sought in
SIGNAL = 6.0                            # Hz below which the signal of gait lies [Winter 2009]
PROMINENCE = 0.4                        # of the ankle's range: a turn of the ankle that is an event
# The ankle turns before the heel strikes and before the toes leave (at 62 % of the stride): on the mean curves of
# [Kadaba 1990] and [Winter 2009] by these shares of a stride, filtered as here.
STRIKE_LAG, OFF_LAG = 0.021, 0.030


class Event(NamedTuple):
    """A foot strikes the ground ('strike') or leaves it ('off'), at some seconds."""
    seconds: float
    side: str
    kind: str


def events_of(run, facing, rate):
    """Strikes and offs of both feet in a run, in order.

    The coordinate-based method of Zeni, Richards and Higginson (Gait & Posture 27, 2008): a foot strikes where it is
    furthest ahead of the pelvis, and leaves the ground where it is furthest behind. It needs no ground and no still
    camera. There are ankles here where the paper has heel and toe: `STRIKE_LAG` and `OFF_LAG` make up for it.

    Parameters
    ----------
    run : Run
    facing : int
        +1 to the right of the picture, -1 to the left.
    rate : float
        Strides a second.
    """
    found = []
    for side in LEGS:
        ahead = lowpass(_ahead(run, facing, side), run.rate, HARMONICS * rate)
        for kind, values, lag in (('strike', ahead, STRIKE_LAG), ('off', -ahead, OFF_LAG)):
            found += [Event(float(run.start + at / run.rate + lag / rate), side, kind)
                      for at in _turns(values, run.rate / rate)]
    return sorted(found)


def _ahead(run, facing, side):
    """How far the ankle of a side is ahead of the pelvis, (T,) pixels."""
    x = facing * run.points[..., 1]
    return x[:, LEGS[side][0]] - x[:, [*HIPS, PELVIS]].mean(1)


def timing_noise(run, facing, rate):
    """Seconds (standard deviation) by which the joints' noise alone moves an event of `events_of`.

    The noise is what lies above the signal of gait, 6 Hz, taken as even over all frequencies; where the ankle turns,
    what of its pace passes the filter moves the turn by so much over the ankle's acceleration there.
    """
    cutoff, found = HARMONICS * rate, []
    for side in LEGS:
        values = _ahead(run, facing, side)
        ahead = lowpass(values, run.rate, cutoff)
        noise = np.std(values - lowpass(values, run.rate, SIGNAL)) / np.sqrt(max(1 - 2 * SIGNAL / run.rate, 0.1))
        pace = noise * 2 * np.pi * np.sqrt(2 * cutoff ** 3 / (3 * run.rate))
        turning = np.abs(np.gradient(np.gradient(ahead)))[np.round(_turns(ahead, run.rate / rate)).astype(int)]
        if len(turning):
            found.append(pace / (np.median(turning) * run.rate ** 2))
    return float(np.mean(found)) if found else 0.0


def _turns(values, stride):
    """Where values (T,) of a period of `stride` frames are largest, between frames by a parabola."""
    at, _ = signal.find_peaks(values, prominence=PROMINENCE * np.ptp(values), distance=max(1, stride / 2))
    before, top, after = values[at - 1], values[at], values[at + 1]
    return at + (before - after) / (2 * (before - 2 * top + after))
