"""How often the legs alternate: one rhythm fitted to a distance between them, by least squares."""
import numpy as np

STRIDES_A_SECOND = (0.3, 1.7)           # searched: 36 to 204 steps a minute
STILL = 1e-9                            # of its square: a distance that changes by less does not change
SWING = 0.5                             # of their mean: how far absolute values swing to either side, a sine's 0.67
HARMONICS = (1, 3)                      # of the stride: what one leg does, the other does half a stride later


def stride_rate(parts):
    """Strides a second.

    Parameters
    ----------
    parts : list of (times (T,), values (T,))
        A distance between the legs over time, with its sign, in stretches without a common phase.

    Returns
    -------
    rate : float
    share : float
        Of the variance that the rhythm explains, 0 to 1.
    """
    whole = sum(((values - values.mean()) ** 2).sum() for _, values in parts)

    def left_over(rate, harmonics):
        return sum(((values - fitted(times, values, rate, harmonics)) ** 2).sum() for times, values in parts)
    coarse = np.arange(*STRIDES_A_SECOND, 0.02)
    best = coarse[np.argmin([left_over(rate, HARMONICS[:1]) for rate in coarse])]
    for step in (0.004, 0.0005):
        fine = best + step * np.arange(-8, 9)
        left = [left_over(rate, HARMONICS) for rate in fine]
        best = fine[np.argmin(left)]
    least = STILL * sum((values ** 2).sum() for _, values in parts)
    return float(best), float(1 - min(left) / whole) if whole > least else 0.0


def alternating(times, values):
    """`values` (T,) with signs that alternate from step to step, whatever signs they come with.

    Their absolute values swing once a step; from each of its lows to the next they are of one leg, then of the other.
    Of both ways to begin the one is taken that more of the values agree with. None where absolute values do not swing
    so: where one rhythm explains less than half of their variance, or they hardly become less than usual.
    """
    size, rates = np.abs(values), np.arange(*STRIDES_A_SECOND, 0.02)
    left = [((size - fitted(times, size, 2 * rate, (1,))) ** 2).sum() for rate in rates]
    rate = rates[np.argmin(left)]
    turns = 2 * np.pi * 2 * rate * (times - times[0])                       # of steps
    basis = np.stack([np.cos(turns), np.sin(turns), np.ones_like(turns)], axis=1)
    cosine, sine, mean = np.linalg.lstsq(basis, size, rcond=None)[0]
    if min(left) > ((size - size.mean()) ** 2).sum() / 2 or np.hypot(cosine, sine) < SWING * mean:
        return None
    read = size * np.sign(np.cos((turns - np.arctan2(sine, cosine)) / 2))   # which is 0 at the lows
    return read if read @ values >= 0 else -read


def fitted(times, values, rate, harmonics=HARMONICS):
    """The curve (T,) of that rhythm, beside a straight line, that is closest to values (T,)."""
    turns = 2 * np.pi * rate * np.outer(times - times[0], harmonics)
    basis = np.hstack([np.ones((len(times), 1)), (times - times.mean())[:, None], np.cos(turns), np.sin(turns)])
    return basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
