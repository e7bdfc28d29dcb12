"""Joints over time made fit for measuring: unsure ones and jumps out, legs kept apart, evenly spaced in time."""
from typing import NamedTuple

import numpy as np
from scipy import ndimage, signal

from gait_recognition.cycles.rhythm import alternating, fitted, stride_rate
from gait_recognition.tracking.joints import SURE
from pose_joints import MIRRORED_JOINTS

RIGHT_LEG, LEFT_LEG = (0, 1, 2), (5, 4, 3)          # ankle, knee, hip
LEGS = {'right': RIGHT_LEG, 'left': LEFT_LEG}
HIPS, PELVIS, THORAX = (2, 3), 6, 7
NEEDED = (0, 1, 2, 3, 4, 5, 6)                      # nothing is measured where one of these is missing
MIN_RATE = 12.0                                     # frames a second: twice the 6 Hz below which gait's signal lies
RATE_OFF = 0.05                                     # that a rate told by rounded times of frames may be too low
GAP_SECONDS = 0.3                                   # longer gaps part a walk in two runs
SAME_TIME = 0.1                                     # of a frame
RUN_SECONDS = 1.0                                   # shorter runs hold no stride
JUMP = 0.25                                         # of the leg: a joint that far from its neighbours' median is wrong
# Minus logarithms of odds: that a frame's legs are exchanged, that an exchange begins or ends; the most that a frame
# may tell.
EXCHANGED, BEGIN, UNLIKELY = 1.0, 4.0, 60.0
MIN_SHARE = 0.5                                     # of the legs' movement that one rhythm explains, else nobody walks
ROUNDS = 3                                          # of finding the rhythm and the frames that are off it
TOGETHER = 0.06                                     # of the leg: half of how near ankles come that pass each other
OFF_BEAT = 0.15                                     # of the leg: by which ankles lie off the rhythm
NEITHER = 3.0                                       # (0.37 / 0.15) ** 2 / 2: so far off is no way to read a frame
QUICK = 1.25                                        # strides a second: more than walkers make
TURN_SECONDS = 1.0                                  # over which the bend of the knees tells the direction


class Run(NamedTuple):
    """Frames without a gap, evenly spaced.

    Attributes
    ----------
    start : float
        Seconds of the first frame.
    rate : float
        Frames a second.
    points : np.ndarray (T, 16, 2)
        y, x in pixels; the joints of `NEEDED` are finite.
    seen : np.ndarray (T, 16) bool
        Not interpolated over missing frames.
    """
    start: float
    rate: float
    points: np.ndarray
    seen: np.ndarray

    @property
    def seconds(self):
        return (len(self.points) - 1) / self.rate

    @property
    def times(self):
        return self.start + np.arange(len(self.points)) / self.rate

    def part(self, first, last):
        """The run of frames `first` to `last` - 1."""
        return Run(self.start + first / self.rate, self.rate, self.points[first:last], self.seen[first:last])


def runs_of(times, joints, sure=SURE):
    """The runs of a walk's joints.

    Parameters
    ----------
    times : array_like (T,)
        Seconds, ascending.
    joints : array_like (T, 3, 16)
        y, x in pixels, probability.
    sure : float
        Joints of a lower probability count as missing.

    Returns
    -------
    list of Run

    Raises
    ------
    ValueError
        Shapes or times do not fit, or there are too few frames a second.
    """
    times, joints = np.asarray(times, float), np.asarray(joints, float)
    if times.ndim != 1 or joints.shape != (len(times), 3, len(MIRRORED_JOINTS)):
        raise ValueError(f'expected times (T,) and joints (T, 3, 16): y, x, probability; got {times.shape} and '
                         f'{joints.shape}')
    if len(times) < 2 or not (np.diff(times) > 0).all():
        raise ValueError('times: expected two or more, each later than the one before')
    rate = 1 / float(np.median(np.diff(times)))
    if rate < MIN_RATE - RATE_OFF:
        raise ValueError(f'{rate:.1f} frames a second: a gait takes {MIN_RATE:.0f} or more to measure')
    points = np.where(joints[:, 2, :, None] >= sure, np.swapaxes(joints[:, :2], 1, 2), np.nan)      # (T, 16, 2)
    if _is_short(np.isfinite(points[:, NEEDED]).all((1, 2)).sum(), rate):
        return []
    points = without_jumps(legs_apart(times, points))
    at = times[0] + np.arange(int(np.floor((times[-1] - times[0]) * rate + 1e-6)) + 1) / rate
    even, seen = _evenly(times, points, at, rate)
    usable = np.isfinite(even[:, NEEDED]).all((1, 2))
    firsts, lasts = np.flatnonzero(np.diff(np.r_[False, usable, False].astype(int))).reshape(-1, 2).T
    whole = Run(float(times[0]), rate, even, seen)
    return [whole.part(first, last) for first, last in zip(firsts, lasts) if not _is_short(last - first, rate)]


def _is_short(count, rate):
    """Whether so many frames of that rate last less than `RUN_SECONDS`, from the first to the last."""
    return (count - 1) / rate < RUN_SECONDS - 1e-6


def _evenly(times, points, at, rate):
    """Points (T, 16, 2) at other times, interpolated, NaN in gaps longer than `GAP_SECONDS`; where there is no gap."""
    seen = np.zeros((len(at), points.shape[1]), bool)
    even = np.full((len(at), *points.shape[1:]), np.nan)
    for joint in range(points.shape[1]):
        found = np.flatnonzero(np.isfinite(points[:, joint, 0]))
        if len(found) < 2:
            continue
        known = times[found]
        after = np.searchsorted(known, at).clip(1, len(known) - 1)
        gap, off = known[after] - known[after - 1], np.minimum(np.abs(at - known[after - 1]), np.abs(known[after] - at))
        inside = (at > known[0] - SAME_TIME / rate) & (at < known[-1] + SAME_TIME / rate)
        near = inside & ((gap <= GAP_SECONDS) | (off * rate < SAME_TIME))
        for axis in range(2):
            even[near, joint, axis] = np.interp(at[near], known, points[found, joint, axis])
        seen[:, joint] = inside & ((gap * rate < 1.6) | (off * rate < SAME_TIME))
    return even, seen


def leg_length(points):
    """Hip to knee to ankle in pixels: the median of both legs over time."""
    parts = [np.linalg.norm(points[:, a] - points[:, b], axis=1) for leg in LEGS.values() for a, b in zip(leg, leg[1:])]
    return float(np.nanmedian(parts[0] + parts[1]) + np.nanmedian(parts[2] + parts[3])) / 2


def without_jumps(points):
    """Points (T, 16, 2), NaN where one is far from the median of its five neighbours in time."""
    limit, kept = JUMP * leg_length(points), points.copy()
    for joint in range(points.shape[1]):
        found = np.flatnonzero(np.isfinite(points[:, joint, 0]))
        own = points[found, joint]
        far = np.abs(own - ndimage.median_filter(own, (5, 1), mode='nearest')).max(1, initial=0) > limit
        kept[found[far], joint] = np.nan
    return kept


def legs_apart(times, points):
    """Points (T, 16, 2) with left and right leg exchanged where the network took one for the other.

    Of all ways to exchange them the likeliest is taken, by the algorithm of Viterbi (1967): one in which knees and
    ankles, seen from the hips, change their pace as little as they mostly do, in which the legs alternate in one
    rhythm, and in which few frames are exchanged. Knees and ankles are NaN where both ankles are in one place, which
    even those that pass each other never are, and where they are off that rhythm either way: both were put on one leg.
    """
    length, below = leg_length(points), [*RIGHT_LEG[:2], *LEFT_LEG[:2]]
    points = points.copy()
    points[np.ix_(np.linalg.norm(points[:, 0] - points[:, 5], axis=1) < TOGETHER * length, below)] = np.nan
    legs = points[:, below] - points[:, HIPS].mean(1, keepdims=True)           # (T, 4, 2)
    ways = np.stack([legs, legs[:, [2, 3, 0, 1]]])
    off_beat = _off_beat(times, legs, length)
    exchanged = _likeliest(ways, off_beat)
    mirrored = [MIRRORED_JOINTS[joint] if joint in RIGHT_LEG + LEFT_LEG else joint for joint in range(points.shape[1])]
    points = np.where(exchanged[:, None, None], points[:, mirrored], points)
    points[np.ix_(off_beat.min(0) > NEITHER, below)] = np.nan
    return points


def _off_beat(times, legs, length):
    """How unlikely each frame is, as it is and exchanged, (2, T), beside the rhythm in which most of them alternate."""
    apart = legs[:, 0, 1] - legs[:, 2, 1]                               # along x, of the ankles
    found = np.isfinite(apart)
    cost = np.zeros((2, len(apart)))
    if np.ptp(times[found]) < RUN_SECONDS:
        return cost
    times, apart = times[found], apart[found]
    rate, share, expected = _rhythm_of(times, apart, apart)
    if share < MIN_SHARE or rate > QUICK:               # where the leg in front always has one name, it is one of these
        read = alternating(times, apart)
        slower = (rate, 0.0, None) if read is None else _rhythm_of(times, apart, read)
        if slower[1] >= MIN_SHARE and (share < MIN_SHARE or slower[0] < rate):
            _, share, expected = slower
    if share >= MIN_SHARE:
        for way, values in enumerate((apart, -apart)):
            cost[way, found] = np.minimum(((values - expected) / (OFF_BEAT * length)) ** 2 / 2, UNLIKELY)
    return cost


def _rhythm_of(times, apart, read):
    """(strides a second, share explained, the curve (T,)) of the rhythm that `apart`, with whatever signs, follows;
    `read` is what it is at first."""
    for _ in range(ROUNDS):
        rate, share = stride_rate([(times, read)])
        expected = fitted(times, read, rate)
        read = np.where(np.abs(apart - expected) <= np.abs(apart + expected), apart, -apart)
    return rate, share, expected


def _likeliest(ways, single):
    """Which of the ways (2, T, ...) to read each frame is the likeliest, (T,) bool; missing points tell nothing.

    `single` (2, T) is how unlikely each frame is for itself, as minus a logarithm.
    """
    count = ways.shape[1]
    if count < 3:
        return np.zeros(count, bool)
    single = single + [[0.0], [EXCHANGED]]
    usual = 2 * (1.4826 * np.nanmedian(np.abs(np.diff(ways[0], 2, axis=0)))) ** 2 + 1e-9   # twice a variance, robust
    cost = np.empty((count - 2, 2, 2, 2))                               # of frames t, t + 1, t + 2 read as a, b, c
    for a, b, c in np.ndindex(2, 2, 2):
        change = ways[c, 2:] - 2 * ways[b, 1:-1] + ways[a, :-2]
        cost[:, a, b, c] = (np.minimum(np.nansum(change ** 2, axis=(1, 2)) / usual, UNLIKELY) + BEGIN * (b != c)
                            + single[c, 2:])
    total, origin = single[:, :1] + single[:, 1] + BEGIN * (1 - np.eye(2)), np.empty((len(cost), 2, 2), int)
    for t, step in enumerate(cost):
        sums = total[:, :, None] + step                                 # (a, b, c)
        origin[t], total = sums.argmin(0), sums.min(0)
    b, c = np.unravel_index(total.argmin(), (2, 2))
    read = [c, b]
    for each in origin[::-1]:
        b, c = each[b, c], b
        read.append(b)
    return np.array(read[::-1], bool)


def lowpass(values, rate, cutoff):
    """Fourth-order Butterworth low-pass without lag [Winter 2009, 3.4.4.2]; its own input where it could pass all.

    Parameters
    ----------
    values : np.ndarray (T, ...)
    rate, cutoff : float
        Hz.
    """
    if cutoff >= 0.45 * rate:
        return values
    sections = signal.butter(2, cutoff / (rate / 2), output='sos')
    return signal.sosfiltfilt(sections, values, axis=0, padlen=min(len(values) - 1, int(2 * rate / cutoff)))
