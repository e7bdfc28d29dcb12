"""Ranks and rates: from scores to CMC, ROC, equal error rate and intervals over people."""
from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv

DRAWS = 2000                             # bootstrap samples
CONFIDENCE = 0.95
RATES = (0.01, 0.05, 0.1)                # false accept rates at which reports say how many right ones are accepted


def ranks(scores, labels, people):
    """Return the place that each probe's own person takes, 1 is best.

    Parameters
    ----------
    scores : array_like, shape (probes, people)
    labels : sequence of str
        Each probe's person, one of `people`.
    people : sequence of str
        The columns' names.

    Returns
    -------
    ndarray, shape (probes,), int
        The number of people whose score is at least the right one's, the right one included.
    """
    scores, truth = _check_scores(scores, labels, people)
    return np.sum(scores >= scores[np.arange(len(scores)), truth][:, None], axis=1)


def rank_k(scores, labels, people, k=1):
    """Return the share of probes whose person is among the best k."""
    return float(np.mean(ranks(scores, labels, people) <= k))


def cmc_curve(scores, labels, people):
    """Return the cumulative match characteristic, shape (people,): rank-k at index k - 1."""
    places = ranks(scores, labels, people)
    return np.mean(places[:, None] <= np.arange(1, len(people) + 1), axis=0)


def taken_for(scores, labels, people):
    """Return the column that each probe was taken for, shape (probes,), int.

    Where a wrong person shares the first place with the right one, the wrong one counts.
    """
    scores, truth = _check_scores(scores, labels, people)
    right = ranks(scores, labels, people) == 1
    rivals = scores.copy()
    rivals[np.arange(len(scores)), truth] = -np.inf
    return np.where(right, truth, rivals.argmax(axis=1))


def confusion_matrix(scores, labels, people):
    """Count who was taken for whom, shape (people, people), int: row the person, column the first place.

    See `taken_for` for shared places.
    """
    _, truth = _check_scores(scores, labels, people)
    counts = np.zeros((len(people), len(people)), int)
    np.add.at(counts, (truth, taken_for(scores, labels, people)), 1)
    return counts


def _check_scores(scores, labels, people):
    scores, people = np.asarray(scores, dtype=np.float64), [*people]
    if scores.shape != (len(labels), len(people)) or not scores.size:
        raise ValueError(f'scores: expected the shape (probes, people) = {(len(labels), len(people))}, none of them '
                         f'0, got {scores.shape}')
    if np.isnan(scores).any():
        raise ValueError('scores: NaN cannot be ranked')
    if len(set(people)) < len(people):
        raise ValueError('people: a name is there twice')
    strangers = sorted(set(labels) - set(people))
    if strangers:
        raise ValueError(f'labels: {strangers[:5]} are not among the people, so they have no rank; probes of unknown '
                         'people belong to open_set_roc')
    index = {person: i for i, person in enumerate(people)}
    return scores, np.array([index[label] for label in labels])


class Roc(NamedTuple):
    """Error rates at every threshold that matters, from accepting everything to accepting nothing."""
    thresholds: np.ndarray               # ascending, the first is -inf; a score above it is a yes
    false_accept_rate: np.ndarray        # falls from 1 to 0
    false_reject_rate: np.ndarray        # rises to 1


def verification_roc(genuine, impostor):
    """Return the ROC of a yes-or-no decision.

    Parameters
    ----------
    genuine, impostor : array_like, shape (n,), (m,)
        Scores of trials in which yes is right, wrong. -inf is a trial that no threshold accepts.
    """
    genuine, impostor = (np.sort(np.asarray(scores, dtype=np.float64).ravel()) for scores in (genuine, impostor))
    for name, scores in ('genuine', genuine), ('impostor', impostor):
        if not len(scores) or np.isnan(scores).any():
            raise ValueError(f'{name}: expected at least one score and no NaN, got {len(scores)} scores')
    thresholds = np.unique(np.concatenate([genuine, impostor, [-np.inf]]))
    return Roc(thresholds,
               1 - np.searchsorted(impostor, thresholds, side='right') / len(impostor),
               np.searchsorted(genuine, thresholds, side='right') / len(genuine))


def equal_error_rate(genuine, impostor):
    """Return the rate at which false accepts and false rejects are equally many.

    Between two thresholds the curve is taken as straight, so that two equal distributions give 0.5 and scores that are
    all the same do so too.
    """
    return equal_error_rate_of(verification_roc(genuine, impostor))


def equal_error_rate_of(roc):
    """Return the `equal_error_rate` of a `Roc`."""
    _, accept, reject = roc
    after = int(np.argmax(reject >= accept))               # always found: the last threshold accepts nothing
    if after == 0:                                         # only -inf among the genuine scores
        return float(reject[0])
    gap_before, gap_after = accept[after - 1] - reject[after - 1], reject[after] - accept[after]
    share = gap_before / (gap_before + gap_after)
    return float(accept[after - 1] + share * (accept[after] - accept[after - 1]))


def with_misses(roc, share):
    """Return the `Roc` where only a `share` of the right trials could be tried, and all others count as refused.

    Of wrong trials that could not be tried none is counted: as refused ones they would flatter.
    """
    return roc._replace(false_reject_rate=1 - share * (1 - roc.false_reject_rate))


def accepted_at(roc, rate):
    """Return the share of right trials accepted where at most `rate` of the wrong ones are; None if too few tell."""
    accept = roc.false_accept_rate
    if accept[accept > 0].min() > rate + 1e-9:             # 1 - 0.95 is 0.050000000000000044
        return None
    return float(1 - roc.false_reject_rate[np.argmax(accept <= rate + 1e-9)])


def open_set_trials(scores, labels, people, similarity):
    """Return the genuine trials of open-set identification: the similarity where the right name is first, else -inf."""
    return np.where(ranks(scores, labels, people) == 1, similarity, -np.inf)


def open_set_roc(scores, labels, people, similarity, unknown):
    """Return the ROC of open-set identification.

    Parameters
    ----------
    scores, labels, people
        Probes of known people, as in `ranks`.
    similarity : array_like, shape (probes,)
        What is held against the threshold to believe the first name; ``scores.max(axis=1)`` where the scores
        themselves are.
    unknown : array_like, shape (m,)
        The same for probes whose person is not in the gallery.

    Returns
    -------
    Roc
        `false_accept_rate` is the false alarm rate (an unknown person gets a name), and 1 - `false_reject_rate` the
        detection and identification rate (a known person gets the right name, in first place and above the threshold).

    Notes
    -----
    As in Phillips, Grother and Micheals, Evaluation Methods in Face Recognition (Handbook of Face Recognition).
    """
    return verification_roc(open_set_trials(scores, labels, people, similarity), unknown)


def bootstrap_interval(values, people, conditions=None, draws=DRAWS, confidence=CONFIDENCE, random_state=0):
    """Return a percentile bootstrap interval of a mean, people drawn with all their probes.

    One person's walks resemble each other, so it is people that are drawn with replacement, not probes.

    Parameters
    ----------
    values : array_like, shape (n,)
        One number per probe: 1 for right and 0 for wrong, or the difference of two methods.
    people : sequence of n str
    conditions : sequence of n str, optional
        With them the mean is taken within each condition and then over conditions.
    draws : int
    confidence : float
    random_state : int

    Returns
    -------
    low, high : float
        Where all values are equal the interval has no width, which says nothing; `interval` has one.
    """
    values, people = np.asarray(values, dtype=np.float64), [*people]
    conditions = [''] * len(people) if conditions is None else [*conditions]
    if not len(values) == len(people) == len(conditions) or not people:
        raise ValueError(f'expected as many values as people and conditions, and at least one, got {len(values)}, '
                         f'{len(people)} and {len(conditions)}')
    person = np.unique(people, return_inverse=True)[1]
    condition = np.unique(conditions, return_inverse=True)[1]
    sums = np.zeros((person.max() + 1, condition.max() + 1))
    counts = np.zeros_like(sums)
    np.add.at(sums, (person, condition), values)
    np.add.at(counts, (person, condition), 1)
    drawn = np.random.default_rng(random_state).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=draws)
    with np.errstate(invalid='ignore'):                    # 0 / 0: a draw without anyone seen in this condition
        means = np.nanmean(drawn @ sums / (drawn @ counts), axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def paired_bootstrap(values_a, values_b, people, conditions=None, **options):
    """Return the `bootstrap_interval` of the mean of a - b, two methods on the same probes.

    Both are seen on the same drawn people, so what is hard about a person falls out of the difference.
    """
    return bootstrap_interval(np.subtract(values_a, values_b, dtype=np.float64), people, conditions, **options)


def exact_interval(share, count, confidence=CONFIDENCE):
    """Return the exact interval of a share of `count` independent trials.

    Parameters
    ----------
    share : float
        0 to 1. `share * count` need not be whole: where a trial counts with a value between 0 and 1, right or wrong
        would vary most, and the interval is rather too wide.
    count : int

    Returns
    -------
    low, high : float

    Notes
    -----
    Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial,
    Biometrika 26 (1934).
    """
    tail, right = (1 - confidence) / 2, share * count
    low = betaincinv(right, count - right + 1, tail) if right > 0 else 0.0
    high = betaincinv(right + 1, count - right, 1 - tail) if right < count else 1.0
    return float(low), float(high)


def interval(values, people, conditions=None, draws=DRAWS, confidence=CONFIDENCE, random_state=0):
    """Return the interval of a share over people: the exact one or the bootstrap's, on each side the wider.

    The bootstrap sees how much the people at hand differ, but where they all do the same it has no width. The exact
    one counts people, each with the share of their probes that were right, not probes: ten walks of one person are not
    ten people. Arguments as of `bootstrap_interval`, `values` 0 to 1.
    """
    values, people = np.asarray(values, dtype=np.float64), [*people]
    low, high = bootstrap_interval(values, people, conditions, draws, confidence, random_state)
    groups = np.unique([''] * len(people) if conditions is None else [*conditions], return_inverse=True)[1]
    share = np.mean([values[groups == group].mean() for group in range(groups.max() + 1)])
    exact = exact_interval(min(float(share), 1.0), len({*people}), confidence)
    return min(low, exact[0]), max(high, exact[1])


def paired_interval(values_a, values_b, people, conditions=None, confidence=CONFIDENCE, **options):
    """Return the `paired_bootstrap`; where all people show one difference, what so few people can tell instead.

    Then the share of people who differ from it in any way has an exact upper bound.
    """
    low, high = paired_bootstrap(values_a, values_b, people, conditions, confidence=confidence, **options)
    if high - low < 1e-9:
        others = exact_interval(0, len({*people}), confidence)[1]
        low, high = low - others * (low + 1), high + others * (1 - high)
    return low, high
