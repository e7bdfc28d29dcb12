"""How far the first of a ranking is to be believed: what speaks for it, weighed into a probability.

The weights are learned by `calibration` from trials; this module knows neither galleries nor how trials are made.
"""
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from gait_recognition.evaluation.metrics import exact_interval

FEW, COHORT = 4, 12                      # people from which a margin, and a cohort's mean and deviation, say something
HALF = 0.5                               # of those who ask are enrolled: the probability holds for them
DRAWS = 200                              # of people with replacement
KEPT = 500                               # quantiles of the trials that are kept
STEPS = 100                              # of the regression, at most; it takes some ten
CONFIDENCE = 0.95
EVIDENCE = ('score', 'margin', 't-norm', 'similarity')


def kinds_of_evidence(people, method):
    """Which of `EVIDENCE` count among so many people: those that few people can bear, and none of them twice."""
    if people < FEW:
        return ('similarity',)
    kinds = ('score', 'margin', 't-norm') if people >= COHORT else ('score', 'margin')
    return kinds if method == 'cosine' else (*kinds, 'similarity')


def evidence_of(scores, first, similarity):
    """What speaks for the first of each ranking.

    Parameters
    ----------
    scores : ndarray (m, people)
        -inf for who is left out.
    first : ndarray (m,) int
        Who comes first: whoever ranks may do so by other scores.
    similarity : ndarray (m,)
        Cosine, to the nearest walk of the first.

    Returns
    -------
    ndarray (m, 4)
        A column for each of `EVIDENCE`: the score; its margin to the runner-up's; how many standard deviations it is
        above the mean of all others' (T-norm: Auckenthaler, Carey and Lloyd-Thomas, Score normalization for
        text-independent speaker verification systems, Digital Signal Processing 10, 2000); the similarity.
    """
    rows = np.arange(len(scores))
    best = scores[rows, first]
    others = np.where(np.isfinite(scores), scores, np.nan)
    others[rows, first] = np.nan
    counts = np.sum(np.isfinite(others), axis=1)
    some = counts > 0
    mean, deviation, second = np.zeros((3, len(scores)))
    if some.any():
        mean[some] = np.nanmean(others[some], axis=1)
        deviation[some] = np.nanstd(others[some], axis=1)
        second[some] = np.nanmax(others[some], axis=1)
    return np.stack([best, best - second, (best - mean) / np.maximum(deviation, 1e-6), similarity], axis=1)


class Belief(NamedTuple):
    """Evidence weighed into the probability that the first name is right, where half of those who ask are enrolled."""
    kinds: list                          # of evidence, in the order of the weights
    weights: list                        # the constant, then one each; none negative
    drawn: list                          # the same, of people drawn with replacement
    right: list                          # log odds of trials, rising: of right names,
    wrong: list                          # of wrong names for enrolled people,
    strangers: list                      # and of strangers
    known_people: int                    # whose trials these were
    stranger_people: int

    def log_odds(self, evidence):
        """(m,) of evidence (m, 4)."""
        return _weighed(np.asarray(self.weights), self._columns(evidence))

    def _columns(self, evidence):
        return evidence[:, [EVIDENCE.index(kind) for kind in self.kinds]]

    def probability(self, evidence):
        return expit(self.log_odds(evidence))

    def interval(self, evidence):
        """(m, 2): what the people of the gallery allow to say about the probability.

        The wider, on each side, of 95 % of people drawn with replacement, and of what the exact intervals (Clopper and
        Pearson) of the shares of people above, or below, say.
        """
        columns, odds = self._columns(evidence), self.log_odds(evidence)
        drawn = expit(np.stack([_weighed(np.asarray(weights), columns) for weights in self.drawn]))
        low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
        exact = np.array([self._exact(each) for each in odds])
        return np.stack([np.minimum(np.minimum(low, exact[:, 0]), expit(odds)),
                         np.maximum(np.maximum(high, exact[:, 1]), expit(odds))], axis=1)

    def _exact(self, odds):
        known = len(self.right) + len(self.wrong)
        counts = np.array([len(trials) - np.searchsorted(trials, odds) for trials in
                           (self.right, self.wrong, self.strangers)])
        if odds < 0:                                        # as far down, not as far up
            counts = np.array([len(self.right), len(self.wrong), len(self.strangers)]) - counts
        right = exact_interval(counts[0] / known, self.known_people, CONFIDENCE)
        stranger = exact_interval(counts[2] / len(self.strangers), self.stranger_people, CONFIDENCE)
        wrong = counts[1] / known
        return right[0] / (right[0] + stranger[1] + wrong), right[1] / (right[1] + stranger[0] + wrong)


class Trials(NamedTuple):
    """What came out where the right answer is known."""
    evidence: np.ndarray                 # (t, 4)
    people: np.ndarray                   # (t,) int, whose walk it was
    right: np.ndarray                    # (t,) bool, whether the first name was right
    stranger: np.ndarray                 # (t,) bool, whether the walk's person was left out


def fit_belief(trials, kinds, random_state=0, draws=DRAWS):
    """Learn to weigh: logistic regression (Platt, Probabilistic outputs for support vector machines, 1999).

    Strangers' trials weigh as much, together, as those of enrolled people. No evidence may count against a name: in a
    small gallery it would by chance.

    Returns
    -------
    Belief
    """
    columns = trials.evidence[:, [EVIDENCE.index(kind) for kind in kinds]]
    centre, scale = columns.mean(axis=0), columns.std(axis=0)
    scale[scale < 1e-9] = 1.0
    scaled = (columns - centre) / scale

    def fit(counts, start):
        weights = _regression(scaled, trials.right, _balanced(counts, trials.stranger), start)
        slopes = weights[1:] / scale
        return weights, [float(weights[0] - slopes @ centre), *map(float, slopes)]

    start, weights = fit(np.ones(len(scaled)), np.zeros(1 + len(kinds)))
    generator, drawn = np.random.default_rng(random_state), []
    _, persons = np.unique(trials.people, return_inverse=True)
    number = persons.max() + 1
    while len(drawn) < draws:
        counts = generator.multinomial(number, np.full(number, 1 / number))[persons].astype(float)
        if counts[trials.stranger].any() and counts[~trials.stranger].any():
            drawn.append(fit(counts, start)[1])
    odds = _weighed(np.array(weights), columns)
    parts = trials.right, ~trials.right & ~trials.stranger, trials.stranger
    right, wrong, strangers = (odds[part] for part in parts)
    return Belief(list(kinds), weights, drawn, *_sampled([right, wrong]), *_sampled([strangers]),
                  *(len(np.unique(trials.people[part])) for part in (~trials.stranger, trials.stranger)))


def _weighed(weights, columns):
    return weights[0] + columns @ weights[1:]


def _balanced(counts, stranger):
    """Weights of trials, half of them on strangers', as many in all as there are trials."""
    weights = counts * 1.0
    for part in stranger, ~stranger:
        weights[part] *= HALF * len(counts) / counts[part].sum()
    return weights


def _regression(columns, right, counts, start):
    """Weights of the logistic regression, a penalty of |slopes|^2 / 2 on them, none of the slopes negative.

    By Newton's steps, each on the slopes that are not held at zero (Bertsekas, Projected Newton methods for
    optimization problems with simple constraints, 1982).
    """
    sign, weights = np.where(right, 1.0, -1.0), start
    columns = np.column_stack([np.ones(len(columns)), columns])
    penalty, least = np.ones(columns.shape[1]), np.zeros(columns.shape[1])
    penalty[0], least[0] = 0.0, -np.inf

    def loss(weights):
        return counts @ np.logaddexp(0, -sign * (columns @ weights)) + penalty @ weights ** 2 / 2
    now = loss(weights)
    for _ in range(STEPS):
        share = expit(columns @ weights)
        slope = (counts * (share - right)) @ columns + penalty * weights
        curve = np.einsum('ni,n,nj->ij', columns, counts * share * (1 - share), columns, optimize=True) \
            + np.diag(penalty + 1e-9)
        free = (weights > least) | (slope < 0)
        step = np.zeros(len(weights))
        step[free] = -np.linalg.solve(curve[np.ix_(free, free)], slope[free])
        for shrink in 0.5 ** np.arange(20):
            new = np.maximum(weights + shrink * step, least)
            if (there := loss(new)) <= now:
                break
        else:
            break
        gained, weights, now = now - there, new, there
        if gained < 1e-8 * now:
            break
    return weights


def _sampled(parts):
    """Each part rising; of many trials so many quantiles that the parts keep their proportions."""
    share = min(1.0, KEPT / max(map(len, parts)))
    return [np.quantile(part, (np.arange(round(share * len(part))) + 0.5) / max(1, round(share * len(part)))).tolist()
            if share < 1 and len(part) else sorted(map(float, part)) for part in parts]
