"""Calibration: when a gallery may say yes, from trials among its own walks.

Trials leave out the walk, or the person, that is asked for. It decides nothing itself (`gallery` does), and it knows
nothing of files.
"""
import math
from typing import NamedTuple

import numpy as np

from gait_recognition.belief import EVIDENCE, HALF, Trials, evidence_of, fit_belief, kinds_of_evidence
from gait_recognition.evaluation.metrics import CONFIDENCE, DRAWS, exact_interval
from gait_recognition.scorers import (
    STRANGERS_RIDGE,
    LeastSquares,
    index_people,
    nearest_of,
    normalise,
    threshold_for,
)

DEFAULT_RATE = 0.01                      # of false accepts
MOST = 4000                              # walks to try: of larger galleries people are drawn, the same each time
SEEN = 40                                # false accepts that a rate should show where the gallery has so many walks
TURNS = 10                               # parts of a gallery that are left out in turn, at most
BLOCK = 256                              # walks compared with all others at once
KEPT = 2000                              # walks all of whose pairs are kept; of more they are counted in steps
STEPS = 1 << 18                          # of the cosine, between -1 and 1
COSINE, PROBABILITY = 'cosine similarity', 'probability'             # what a threshold is on
SHOWN = 400                              # walks whose similarities are counted to be shown
SIMILARITIES, SHARES = np.linspace(-1, 1, 201), np.linspace(0, 1, 41)    # edges of the bins of `Spread`


class OperatingPoint(NamedTuple):
    """A calibrated threshold, and how it did on the trials that it was calibrated on."""
    threshold: float                     # what is above it is a yes
    threshold_on: str                    # 'probability' or 'cosine similarity'
    wanted_false_accept_rate: float
    false_accept_rate: float             # achieved, at most the wanted one
    false_accept_interval: tuple | None  # 95 %: exact over trials, or people drawn anew; on each side the wider
    false_reject_rate: float | None      # None without genuine trials
    impostor_trials: int
    genuine_trials: int
    method: str
    people: int | None                   # whose walks were tried

    def rates(self):
        """The rates in words."""
        accepted = round(self.false_accept_rate * self.impostor_trials)
        within = '' if self.false_accept_interval is None else \
            f' ({self.false_accept_interval[0]:.1%} to {self.false_accept_interval[1]:.1%})'
        missed = '' if self.false_reject_rate is None else \
            f', {self.false_reject_rate:.1%} of {self.genuine_trials} right ones missed'
        return (f'above {self.threshold_on} {self.threshold:.4f} {accepted} of {self.impostor_trials} wrong ones were '
                f'accepted{within}{missed}')


class Spread(NamedTuple):
    """How often values come up among a gallery's own walks, as a histogram."""
    what: str                            # 'probability' or 'cosine similarity'
    edges: np.ndarray                    # (n + 1,)
    genuine: np.ndarray                  # (n,) counts, of the right people
    impostor: np.ndarray                 # (n,) counts, of others


def point_of(kept):
    """The `OperatingPoint` among what a gallery keeps; one of before 2.1 lacks some of it."""
    before = {'threshold_on': COSINE, 'false_accept_interval': None, 'people': None}
    point = OperatingPoint(**{field: kept.get(field, before.get(field)) for field in OperatingPoint._fields})
    interval = point.false_accept_interval
    return point._replace(false_accept_interval=interval and tuple(interval))


def calibrate_identify(vectors, names, method, rate, progress=None):
    """The operating point of identification, see `Gallery.calibrate`.

    Returns
    -------
    OperatingPoint
    Belief or None
        None where nobody has a second walk: then the threshold is on the cosine similarity.
    """
    people, codes = index_people(names)
    if len(people) < 2:
        raise ValueError(f'the trials leave a person out and need two people, the gallery holds {len(people)}')
    threshold_for(np.zeros(len(codes)), rate)                # refused before anything is computed
    trials, may_be = identify_trials(normalise(vectors), codes, method, most_walks(rate), progress)
    if trials.stranger.all():
        belief, values, on, least = None, trials.evidence[:, EVIDENCE.index('similarity')], COSINE, -np.inf
    else:
        belief = fit_belief(trials, kinds_of_evidence(len(people), method))
        values, on, least = belief.probability(trials.evidence), PROBABILITY, HALF
    values = np.where(may_be, values, -np.inf)
    impostor, genuine = values[trials.stranger], np.where(trials.right, values, -np.inf)[~trials.stranger]
    threshold = max(threshold_for(impostor, rate), least)
    accepted, tried = (np.bincount(trials.people[trials.stranger], each, len(people))
                       for each in (impostor > threshold, np.ones(len(impostor))))
    return _point(threshold, on, rate, _impostors(accepted, tried), genuine <= threshold, method), belief


def calibrate_verify(vectors, names, rate, progress=None):
    """The `OperatingPoint` of verification, see `Gallery.calibrate`."""
    people, codes = index_people(names)
    if len(people) < 2:
        raise ValueError(f'impostor pairs need two people, the gallery holds {len(people)}')
    trials = _all_pairs if len(codes) <= KEPT else _drawn_pairs
    threshold, impostors, genuine = trials(normalise(vectors), codes, rate, progress)
    return _point(threshold, COSINE, rate, impostors, genuine <= threshold, 'cosine')


def most_walks(rate):
    """How many walks to try for a rate."""
    return max(MOST, math.ceil(SEEN / rate))


def _point(threshold, on, rate, impostors, rejected, method):
    accepted, tried, people, interval = impostors
    return OperatingPoint(float(threshold), on, rate, accepted / tried, interval,
                          float(rejected.mean()) if len(rejected) else None, tried, len(rejected), method, people)


def _impostors(accepted, tried):
    """(accepted, tried, people, interval of the rate) of each person's accepted and tried trials.

    The interval is exact over trials, or of people drawn with replacement; on each side the wider.
    """
    total, yes = round(tried.sum()), round(accepted.sum())
    exact = exact_interval(yes / total, total)
    accepted, tried = accepted[tried > 0], tried[tried > 0]
    counts = np.random.default_rng(0).multinomial(len(tried), np.full(len(tried), 1 / len(tried)), DRAWS)
    low, high = np.quantile(counts @ accepted / (counts @ tried), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return yes, total, len(tried), (min(exact[0], float(low)), max(exact[1], float(high)))


def similarities_to_people(vectors, codes, most=SHOWN):
    """The `Spread` of cosine similarities of walks to the nearest walk of their own person, and of everybody else.

    Parameters
    ----------
    vectors : ndarray (n, d)
        At length one.
    codes : ndarray (n,) int
        Whose each is, 0 to people - 1.
    most : int
        Walks that are compared; people are drawn (the same each time) where there are more.
    """
    tried = np.flatnonzero(_drawn_people(codes, most)[codes])
    genuine, impostor = [], np.zeros(len(SIMILARITIES) - 1, np.int64)
    for walks, (known, *_), (others, *_) in _ask_nearest(vectors, codes, tried):
        own = known[np.arange(len(walks)), codes[walks]]
        genuine.append(own[np.isfinite(own)])
        impostor += _counted(others[np.isfinite(others)])
    return Spread(COSINE, SIMILARITIES, _counted(np.concatenate(genuine)), impostor)


def similarities_to_walks(vectors, codes, most=SHOWN):
    """As `similarities_to_people`, of pairs of walks."""
    people = _drawn_people(codes, most)
    genuine, impostor = np.zeros((2, len(SIMILARITIES) - 1), np.int64)
    for _, own, others in _pairs(vectors, codes, people[codes]):
        genuine, impostor = genuine + _counted(own), impostor + _counted(others)
    return Spread(COSINE, SIMILARITIES, genuine, impostor)


def _counted(similarities):
    return np.histogram(similarities.clip(-1, 1), SIMILARITIES)[0]


def _drawn_people(codes, most):
    """Whether each person is tried: all, or so many that they have about `most` walks."""
    number = codes.max() + 1
    tried = np.ones(number, bool)
    if len(codes) > most:
        tried[np.random.default_rng(0).permutation(number)[max(2, round(number * most / len(codes))):]] = False
    return tried


def identify_trials(vectors, codes, method, most=MOST, progress=None):
    """Ask for every walk of some people twice: as one of an enrolled person, and as a stranger's.

    Parameters
    ----------
    vectors : ndarray (n, d)
        At length one.
    codes : ndarray (n,) int
        Whose each is, 0 to people - 1.
    method : {'ls-svm', 'cosine'}
    most : int
        Walks to try; people are drawn (the same each time) where there are more.
    progress : callable, optional
        ``progress(done, total=...)``, in walks.

    Returns
    -------
    Trials
        Who has a single walk is tried as a stranger only.
    may_be : ndarray (t,) bool
        Whether the first name may be given at all: it shares the place with nobody, and an SVM's score is above zero.
    """
    tried = np.flatnonzero(_drawn_people(codes, most)[codes])
    # Two people: without one of them there is nobody to tell the other from.
    ask = _ask_svm if method == 'ls-svm' and codes.max() > 1 else _ask_nearest
    single, done, parts = np.bincount(codes) == 1, 0, []
    for walks, *both in ask(vectors, codes, tried):
        for stranger, (scores, weighed, similarity) in zip((False, True), both, strict=True):
            first, best = scores.argmax(axis=1), scores.max(axis=1)
            may_be = (np.sum(scores == best[:, None], axis=1) == 1) & (best > 0 if ask is _ask_svm else True)
            right = may_be & (first == codes[walks])
            parts.append((evidence_of(weighed, first, similarity(first)), codes[walks], right,
                          np.full(len(walks), stranger), may_be))
        done += len(walks)
        if progress:
            progress(done, total=len(tried))
    *parts, may_be = (np.concatenate(part) for part in zip(*parts, strict=True))
    trials = Trials(*parts)
    keep = trials.stranger | ~single[trials.people]
    return Trials(*(part[keep] for part in trials)), may_be[keep]


def _ask_nearest(vectors, codes, tried):
    """Yields (walks, as enrolled, as strangers): each scores, scores as evidence, what gives the first's similarity.

    Each walk is left out alone, or with all of its person's.
    """
    order = np.argsort(codes, kind='stable')
    starts, place = np.searchsorted(codes[order], np.arange(codes.max() + 1)), np.argsort(order)
    for walks in np.array_split(tried, math.ceil(len(tried) / BLOCK)):
        similarity, rows = vectors[walks] @ vectors[order].T, np.arange(len(walks))
        similarity[rows, place[walks]] = -np.inf
        known = np.maximum.reduceat(similarity, starts, axis=1)
        stranger = known.copy()
        stranger[rows, codes[walks]] = -np.inf
        yield walks, *((scores, scores, lambda first, scores=scores, rows=rows: scores[rows, first])
                       for scores in (known, stranger))


def _ask_svm(vectors, codes, tried):
    """As `_ask_nearest`, but one walk of everybody is left out at a time: as many fits as a person has walks."""
    order = np.argsort(codes, kind='stable')
    turn = np.empty(len(codes), int)
    turn[order] = np.arange(len(codes)) - np.searchsorted(codes[order], np.arange(codes.max() + 1))[codes[order]]
    turn %= TURNS
    for number in range(turn.max() + 1):
        left = turn != number
        train = vectors[left], codes[left]
        ranks = LeastSquares(*train)
        weighs = ranks.with_ridge(STRANGERS_RIDGE)
        nearest, now = nearest_of(*train), tried[turn[tried] == number]
        for walks in np.array_split(now, math.ceil(len(now) / BLOCK)):
            probes = vectors[walks]
            yield walks, *((*(score(svm, probes, walks) for svm in (ranks, weighs)),
                            lambda first, probes=probes, nearest=nearest: nearest(probes, first))
                           for score in (lambda svm, probes, walks: svm.score(probes),
                                         lambda svm, probes, walks: svm.without(codes[walks], probes)))


def _pairs(vectors, codes, drawn):
    """(walks, similarities of pairs of one person, of different people) of drawn walks with all others, in blocks."""
    tried = np.flatnonzero(drawn)
    for walks in np.array_split(tried, math.ceil(len(tried) / BLOCK)):
        similarity = vectors[walks] @ vectors.T
        once = ~drawn | (np.arange(len(codes)) > walks[:, None])            # pairs of two drawn walks come once
        same = codes[walks][:, None] == codes
        yield walks, similarity[same & once], similarity[~same & once]


def _all_pairs(vectors, codes, rate, progress):
    """Threshold, what `_impostors` says of pairs of different people, similarities of pairs of one person."""
    a, b = np.triu_indices(len(codes), 1)
    similarity, same = (vectors @ vectors.T)[a, b], codes[a] == codes[b]
    threshold = threshold_for(similarity[~same], rate)
    yes = similarity[~same] > threshold
    accepted, tried = (sum(np.bincount(codes[each[~same]], weights, codes.max() + 1) for each in (a, b)) / 2
                       for weights in (yes, np.ones(len(yes))))
    return threshold, _impostors(accepted, tried), similarity[same]


def _drawn_pairs(vectors, codes, rate, progress):
    """As `_all_pairs`, of drawn people's walks with all others.

    The threshold is the next step of the cosine. The interval is the exact one of as many trials as there are people.
    """
    people = _drawn_people(codes, most_walks(rate))
    histogram, genuine = np.zeros(STEPS + 2, np.int64), []
    for walks, own, others in _pairs(vectors.astype(np.float32), codes, people[codes]):
        genuine.append(own)
        histogram += np.bincount(((others + 1) * (STEPS / 2)).astype(np.int32).clip(0, STEPS + 1),
                                 minlength=STEPS + 2)
        if progress:
            progress(int(walks[-1]), total=len(codes))
    total = int(histogram.sum())
    above = total - np.cumsum(histogram)                                     # pairs in higher steps
    step = int(np.argmax(above <= math.floor(rate * total + 1e-9)))
    accepted, number = int(above[step]), int(people.sum())
    return (step + 1) * 2 / STEPS - 1, (accepted, total, number, exact_interval(accepted / total, number)), \
        np.concatenate(genuine)
