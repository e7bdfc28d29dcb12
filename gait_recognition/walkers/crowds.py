"""People around recorded ones: what differs between people, what between one person's walks, and walkers drawn so.

A recorder's own places of joints (a Kinect's hips are higher than anatomy's) shift the means of lengths and angles of
everybody alike. So the means are those of `norms.HUMAN`; the recordings give how people differ, how one person's walks
differ, what goes together, the shapes of the cycles, cadence and step.
"""
import collections
import contextlib
import copy
import dataclasses

import numpy as np

from gait_recognition.walkers.cycles import CURVES, HARMONICS, LENGTHS, LIMBS, Cycles, fit_cycles, half_later
from gait_recognition.walkers.gaits import Walker
from gait_recognition.walkers.norms import CONDITIONS, CUT, SESSION_SHARE
from gait_recognition.walkers.recorded import UPRIGHT, RecordedWalker, recorded_walker, reference
from gait_recognition.walkers.streams import CONDITION, CROWD, RECORDED, SESSION, stream

_CREDIBLE = 0.8             # correlation of the mean ankle curve with the published one; less: the feet are a guess
_OUTLIER = 3.5              # robust standard deviations at which a walk's figure is cut
_SIZE = 2 * HARMONICS + 1
_PLAIN = len(LENGTHS) + 4   # figures before the curves: stature, shares, cadence, step width, sway
ANKLE = LIMBS.index('ankle')


def features_of(cycles: Cycles) -> np.ndarray:
    """A walk as one vector: logs of stature, of lengths as shares of it and of cadence; step width and sway as shares;
    then each limb's curve as the mean of both sides and as half of their difference, lean and head."""
    length = dict(zip(LENGTHS, cycles.lengths))
    tall = sum(length[name] for name in UPRIGHT)
    plain = [np.log(tall), *np.log(cycles.lengths / tall), np.log(cycles.cadence), cycles.step_width / tall,
             cycles.sway / tall]
    right, left = cycles.curves[0:-2:2], half_later(cycles.curves[1:-2:2])
    return np.concatenate([plain, ((right + left) / 2).ravel(), ((right - left) / 2).ravel(),
                           cycles.curves[-2:].ravel()])


def cycles_of(features: np.ndarray, head_share: float = 0.5) -> Cycles:
    """What `features_of` made a vector of."""
    tall = np.exp(features[0])
    count = len(LIMBS) * _SIZE
    both, half = (features[start:start + count].reshape(-1, _SIZE) for start in (_PLAIN, _PLAIN + count))
    curves = np.empty((len(CURVES), _SIZE))
    curves[0:-2:2], curves[1:-2:2] = both + half, half_later(both - half)
    curves[-2:] = features[-2 * _SIZE:].reshape(2, _SIZE)
    lengths = np.exp(features[1:1 + len(LENGTHS)]) * tall
    cadence, width, sway = features[_PLAIN - 3:_PLAIN]
    none = np.full(len(CURVES), np.nan)
    return Cycles(curves, lengths, float(np.exp(cadence)), np.nan, width * tall, sway * tall, np.nan, none, curves,
                  curves, head_share)


def _positive(matrix):
    """The nearest covariance: negative eigenvalues, which come of differences of estimates, are 0."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return vectors * np.maximum(values, 0) @ vectors.T


def _draw(covariance, rng):
    values, vectors = np.linalg.eigh(covariance)
    return vectors @ (np.sqrt(np.maximum(values, 0)) * np.clip(rng.standard_normal(len(values)), -CUT, CUT))


class Crowd:
    """Recorded people and those drawn around them. People are numbers: first the recorded ones, in the order of
    `people`; all further numbers are drawn people.

    Parameters
    ----------
    fits : list of (person, Cycles)
        Several walks of several people.

    Attributes
    ----------
    people : list of str
    mean : ndarray (D,)
        Of `features_of`, as recorded.
    between, within, noise : ndarray (D, D)
        Covariances between people, between one person's walks, and of the curves' noise (in `within` no more), in units
        of `scale` (D,).
    shift : ndarray (D,)
        From recorded to published means.
    feet : bool
        The recorded ankles follow the published course, and are used.
    """

    def __init__(self, fits):
        names = [person for person, _ in fits]
        self.people = sorted({*names})
        if len(self.people) < 3 or len(names) < 2 * len(self.people):
            raise ValueError('a crowd is fitted to several walks each of at least 3 people, got '
                             f'{len(names)} walks of {len(self.people)} people')
        self._head_share = fits[0][1].head_share
        usual = reference(self._head_share)
        published = features_of(usual)
        self._published = published
        values = np.stack([features_of(cycles) for _, cycles in fits])
        self.feet = self._has_feet(values, published)
        if not self.feet:
            self._take_ankles(values, published)
        middle = np.median(values, 0)
        reach = _OUTLIER * 1.4826 * np.median(np.abs(values - middle), 0)
        self._limits = middle - reach, middle + reach
        values = np.clip(values, *self._limits)
        self.mean, self.scale = values.mean(0), np.maximum(values.std(0), 1e-6)
        self._fit((values - self.mean) / self.scale, np.array(names), fits)
        self.shift = np.zeros(len(self.mean))
        constants = [*range(1, 1 + len(LENGTHS)), *range(_PLAIN, _PLAIN + len(LIMBS) * _SIZE, _SIZE),
                     len(self.mean) - 2 * _SIZE, len(self.mean) - _SIZE]
        self.shift[constants] = (published - self.mean)[constants]

    @staticmethod
    def _has_feet(values, published):
        at = slice(_PLAIN + ANKLE * _SIZE + 1, _PLAIN + (ANKLE + 1) * _SIZE)
        mean = values[:, at].mean(0)
        return bool(np.isfinite(mean).all() and
                    mean @ published[at] > _CREDIBLE * np.linalg.norm(mean) * np.linalg.norm(published[at]))

    @staticmethod
    def _take_ankles(values, published):
        for start in (_PLAIN, _PLAIN + len(LIMBS) * _SIZE):
            at = slice(start + ANKLE * _SIZE, start + (ANKLE + 1) * _SIZE)
            values[:, at] = published[at]

    def _fit(self, values, names, fits):
        """Moments: pooled within people, of their means between them; noise from every other stride."""
        means = np.stack([values[names == person].mean(0) for person in self.people])
        counts = np.array([(names == person).sum() for person in self.people])
        rest = values - means[np.searchsorted(self.people, names)]
        pooled = rest.T @ rest / (len(values) - len(self.people))
        usual = 1 / np.mean(1 / counts)
        self.between = _positive(np.cov(means.T) - pooled / usual)
        halves = np.stack([features_of(dataclasses.replace(cycles, curves=cycles.odd))
                           - features_of(dataclasses.replace(cycles, curves=cycles.even))
                           for _, cycles in fits]) / self.scale
        if not self.feet:
            self._take_ankles(halves, np.zeros(halves.shape[1]))
        halves = np.clip(np.nan_to_num(halves), -_OUTLIER, _OUTLIER)
        self.noise = halves.T @ halves / len(halves) / 4
        self.within = _positive(pooled - self.noise)
        self._pooled = pooled
        self._persons = self._known(means, counts)

    def _known(self, means, counts):
        """What is known of people: what does not repeat in their walks is drawn towards everybody's mean."""
        share = {count: self.between @ np.linalg.pinv(self.between + self._pooled / count, hermitian=True)
                 for count in {*counts.tolist()}}
        return np.stack([share[count] @ mean for count, mean in zip(counts.tolist(), means)])

    def of_others(self, fits) -> 'Crowd':
        """A crowd of other recorded people, of whose differences nothing is learnt: means and covariances are ours.

        Parameters
        ----------
        fits : list of (person, Cycles)
        """
        names = np.array([person for person, _ in fits])
        values = np.stack([features_of(cycles) for _, cycles in fits])
        if not self.feet:
            self._take_ankles(values, self._published)
        values = (np.clip(values, *self._limits) - self.mean) / self.scale
        others = copy.copy(self)
        others.people = sorted({*names.tolist()})
        others._persons = others._known(np.stack([values[names == person].mean(0) for person in others.people]),
                                        np.array([(names == person).sum() for person in others.people]))
        return others

    def person(self, number: int) -> np.ndarray:
        """What is a person's own, (D,) in units of `scale` from `mean`."""
        if number < len(self.people):
            return self._persons[number]
        return _draw(self.between, stream(CROWD, number - len(self.people)))

    def name(self, number: int) -> str:
        """A recorded person's name, or `drawn-1` and so on."""
        return self.people[number] if number < len(self.people) else f'drawn-{number - len(self.people) + 1}'

    def walker(self, values: np.ndarray, body: Walker) -> RecordedWalker:
        """The walker of `values` (D,), in units of `scale` from `mean`; unrecorded parameters are `body`'s."""
        return recorded_walker(cycles_of(self.mean + self.scale * values + self.shift, self._head_share), body)

    def gait_of(self, person: int, index: int = 0, condition: str = 'N', session: int = 1) -> RecordedWalker:
        """As `scenes.gait_of`, of these people: a walk differs from the person's others as repeats do."""
        kind = CONDITIONS.index(condition)
        values = self.person(person) + _draw(self.within, stream(RECORDED, person, index, kind, session))
        if session == 2:
            values = values + SESSION_SHARE * _draw(self.between, stream(SESSION, CROWD, person))
        walker = self.walker(values, Walker.from_seed(CROWD, person))
        return walker.under(condition, stream(CONDITION, CROWD, person, kind))


def crowd_of(recordings, progress=None) -> Crowd:
    """Fit each recording, and a `Crowd` to them all; a walk without steady strides is left out.

    Parameters
    ----------
    recordings : list of Recording
    progress : callable, optional
        Told how many are done.
    """
    return Crowd(fits_of(recordings, progress))


def fits_of(recordings, progress=None) -> list:
    """(person, Cycles) of each recording with steady strides, of people with two such or more."""
    fits = []
    for done, recording in enumerate(recordings, 1):
        with contextlib.suppress(ValueError):
            fits.append((recording.person, fit_cycles(recording)))
        if progress:
            progress(done)
    counts = collections.Counter(person for person, _ in fits)
    return [(person, cycles) for person, cycles in fits if counts[person] > 1]
