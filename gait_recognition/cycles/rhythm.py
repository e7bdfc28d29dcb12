"""How often the legs alternate: one rhythm fitted to a distance between them, by least squares."""
import numpy as np

STRIDES_A_SECOND = (0.3, 1.7)           # searched: 36 to 204 steps a minute
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
    return float(best), float(1 - min(left) / whole) if whole else 0.0


def fitted(times, values, rate, harmonics=HARMONICS):
    """The curve (T,) of that rhythm, beside a straight line, that is closest to values (T,)."""
    turns = 2 * np.pi * rate * np.outer(times - times[0], harmonics)
    basis = np.hstack([np.ones((len(times), 1)), (times - times.mean())[:, None], np.cos(turns), np.sin(turns)])
    return basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
