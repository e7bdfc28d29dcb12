"""How many right names there are where few strangers get one, as galleries decide: by calibrated probability.

What weighs the evidence, and the thresholds, never saw the people that it is tried on.
"""
from typing import NamedTuple

import numpy as np

from gait_recognition.belief import EVIDENCE, HALF, Trials, evidence_of, fit_belief, kinds_of_evidence
from gait_recognition.calibration import identify_trials
from gait_recognition.evaluation.metrics import accepted_at, verification_roc
from gait_recognition.scorers import (
    STRANGERS_RIDGE,
    LeastSquares,
    index_people,
    nearest_of,
    normalise,
    threshold_for,
)

FOLDS, TIMES = 5, 5                      # parts of the people, and ways to divide them
RATES = (0.01, 0.02, 0.05, 0.1)


class Named(NamedTuple):
    """Shares of probes, for one rate of strangers."""
    rate: float
    by_similarity: float | None          # right names, where so many strangers get one; None where too few tell
    by_probability: float | None
    calibrated: float | None             # right names above the threshold that the gallery's own walks set
    strangers: float | None              # strangers above it


def named(learnt, learnt_people, probes, probe_people, rates=RATES):
    """Cross-validated over people: list of `Named`.

    Parameters
    ----------
    learnt, probes : array_like, (n, d), (m, d)
        Everybody has two learnt walks or more.
    learnt_people, probe_people : sequence of str
        Every probe is asked twice, as its person's and with that person left out.
    """
    learnt, probes, (people, codes) = normalise(learnt), normalise(probes), index_people(learnt_people)
    own = np.array([people.index(person) for person in probe_people])
    order = np.argsort(own, kind='stable')
    probes, own = probes[order], own[order]
    ranks = LeastSquares(learnt, codes)
    weighs = ranks.with_ridge(STRANGERS_RIDGE)
    nearest, asked, right, positive = nearest_of(learnt, codes), [], None, []
    for ranking, weighed in ((ranks.score(probes), weighs.score(probes)),                    # as enrolled
                             (ranks.without(own, probes), weighs.without(own, probes))):     # as strangers
        first = ranking.argmax(axis=1)
        right = first == own if right is None else right
        positive.append(ranking.max(axis=1) > 0)
        asked.append(evidence_of(weighed, first, nearest(probes, first)))
    trials, may_be = identify_trials(learnt, codes, 'ls-svm')
    folds = (np.random.default_rng(seed).permutation(len(people)) % FOLDS for seed in range(TIMES))
    found = [_in_folds(fold, trials, may_be, asked, positive, own, right, rates) for fold in folds]
    means = np.mean(np.array(found, float), axis=0)
    return [Named(rate, *(None if np.isnan(value) else float(value) for value in row))
            for rate, row in zip(rates, means, strict=True)]


def _in_folds(fold, trials, may_be, asked, positive, own, right, rates):
    """Rows of `Named` without the rate; `fold` is the part of the people that each person is in."""
    kinds = kinds_of_evidence(len(fold), 'ls-svm')
    odds, passed = np.zeros((2, len(own))), np.full((len(rates), 2, len(own)), np.nan)
    for part in range(FOLDS):
        others, here = fold[trials.people] != part, fold[own] == part
        belief = fit_belief(Trials(*(each[others] for each in trials)), kinds, draws=0)
        odds[:, here] = [belief.log_odds(evidence[here]) for evidence in asked]
        strangers = np.where(may_be, belief.probability(trials.evidence), -np.inf)[others & trials.stranger]
        for each, rate in enumerate(rates):
            if rate * len(strangers) >= 1:
                threshold = max(HALF, threshold_for(strangers, rate))
                passed[each][:, here] = [(belief.probability(evidence[here]) > threshold) & may[here]
                                         for evidence, may in zip(asked, positive, strict=True)]
    similarity = [evidence[:, EVIDENCE.index('similarity')] for evidence in asked]
    curves = [verification_roc(np.where(right, known, -np.inf), wrong) for known, wrong in (similarity, odds)]
    return [[*(accepted_at(curve, rate) for curve in curves), (passed[each][0] * right).mean(), passed[each][1].mean()]
            for each, rate in enumerate(rates)]


def table(rows):
    """Lines of `named`, in %."""
    def share(value):
        return '-' if value is None else f'{value:.1%}'
    return '\n'.join(['strangers named: right names by similarity, by probability; threshold set on the gallery: right '
                      'names, strangers',
                      *(f'{row.rate:.0%}: {share(row.by_similarity)}, {share(row.by_probability)}; '
                        f'{share(row.calibrated)}, {share(row.strangers)}' for row in rows)])
