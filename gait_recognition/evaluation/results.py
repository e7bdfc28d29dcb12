"""What one kind of vectors did in one protocol, and several kinds side by side, as table and JSON.

It does not make vectors (the networks do) and does not decide about new ones (`gallery` does; its scorers are the ones
measured here). It knows nothing of TensorFlow.
"""
import json
from dataclasses import dataclass

import numpy as np

from gait_recognition.evaluation import plots
from gait_recognition.evaluation.manifests import Protocol, Walk, parse_conditions, split_condition
from gait_recognition.evaluation.metrics import (
    CONFIDENCE,
    DRAWS,
    RATES,
    Roc,
    accepted_at,
    bootstrap_interval,
    cmc_curve,
    confusion_matrix,
    equal_error_rate,
    open_set_roc,
    paired_bootstrap,
    ranks,
    verification_roc,
)
from gait_recognition.scorers import METHODS, fit_identifier, index_people, normalise


@dataclass(frozen=True, eq=False)
class Result:
    """What one kind of vectors did in one protocol; rates are shares from 0 to 1.

    The verification trials are all pairs of a gallery walk and a probe, by cosine similarity, as `Gallery.verify`
    decides. The open-set trials leave each person in turn out of the gallery, learn anew, and take that person's
    probes as unknown; a name is believed by its similarity, as `Gallery.identify` decides.
    """
    name: str                            # of the method, the row's name in tables
    protocol: Protocol
    method: str                          # one of `scorers.METHODS`
    people: list[str]                    # columns of `scores`
    probes: list[Walk]
    scores: np.ndarray                   # (probes, people)
    gallery_walks: int
    verification: dict[str, Roc]         # per condition, and 'all'
    eer: dict[str, float]                # the same
    similarity: np.ndarray               # (probes,) of the first name, see `scorers.fit_identifier`
    unknown: np.ndarray | None           # the same while the probe's own person is left out
    random_state: int = 0

    @property
    def labels(self):
        """Each probe's person."""
        return [walk.person for walk in self.probes]

    @property
    def conditions(self):
        """Each probe's group of conditions, 'N' for N5."""
        return [split_condition(walk.condition)[0] for walk in self.probes]

    @property
    def correct(self):
        """1.0 where the right person is first, shape (probes,)."""
        return (ranks(self.scores, self.labels, self.people) == 1).astype(float)

    def rows_of(self, condition):
        """Return which probes are of a condition (bool, (probes,)); 'all' and 'Average' are all."""
        return np.array([condition in (own, 'all', 'Average') for own in self.conditions])

    @property
    def columns(self):
        """The conditions in the order of the protocol, then 'Average'."""
        groups = dict.fromkeys(group for group, _, _ in parse_conditions(self.protocol.probes))
        return [*(group for group in groups if group in self.conditions), 'Average']

    def rank_1(self):
        """Return rank-1 per condition, and 'Average': the mean over conditions, each counting the same.

        So it does not change with the number of normal walks. `over_probes` is the other average.
        """
        rates = {column: float(self.correct[self.rows_of(column)].mean()) for column in self.columns[:-1]}
        return {**rates, 'Average': float(np.mean([*rates.values()]))}

    @property
    def over_probes(self):
        """Rank-1 over all probes, each counting the same."""
        return float(self.correct.mean())

    def intervals(self):
        """Return the bootstrap interval of every entry of `rank_1`."""
        return {column: bootstrap_interval(
            self.correct[rows], np.array(self.labels, object)[rows], np.array(self.conditions, object)[rows],
            random_state=self.random_state) for column in self.columns for rows in [self.rows_of(column)]}

    def cmc(self, condition='all'):
        """Return the CMC curve of a condition, shape (people,)."""
        rows = self.rows_of(condition)
        return cmc_curve(self.scores[rows], np.array(self.labels, object)[rows], self.people)

    def confusion(self, condition='all'):
        """Return the confusion matrix of a condition, (people, people)."""
        rows = self.rows_of(condition)
        return confusion_matrix(self.scores[rows], np.array(self.labels, object)[rows], self.people)

    def open_set(self, condition='all'):
        """Return the open-set `Roc` of a condition, or None if it was not computed."""
        if self.unknown is None:
            return None
        rows = self.rows_of(condition)
        return open_set_roc(self.scores[rows], np.array(self.labels, object)[rows], self.people, self.similarity[rows],
                            self.unknown[rows])

    def table(self):
        """Return the table: rank-1 in % per condition and average, published rows below."""
        return compare([self]).table()

    def as_dict(self):
        """Return all figures in types that JSON knows."""
        conditions = ['all', *self.columns[:-1]]
        return {
            'name': self.name, 'method': self.method, 'people': len(self.people),
            'gallery_walks': self.gallery_walks, 'probes': len(self.probes),
            'probes_per_condition': {column: int(self.rows_of(column).sum()) for column in self.columns[:-1]},
            'rank_1': self.rank_1(), 'rank_1_interval': {key: [*pair] for key, pair in self.intervals().items()},
            'rank_1_over_probes': self.over_probes,
            'cmc': {column: self.cmc(column).tolist() for column in conditions},
            'equal_error_rate': self.eer,
            'verification_rate': {column: _accepted(roc) for column, roc in self.verification.items()},
            'open_set_identification_rate': None if self.unknown is None else {
                column: _accepted(self.open_set(column)) for column in conditions},
            'mistakes': self._mistakes(),
        }

    def _mistakes(self):
        """The confusion matrix off its diagonal: (person, taken for, probes), the most frequent first."""
        counts = self.confusion()
        np.fill_diagonal(counts, 0)
        pairs = sorted(zip(*np.nonzero(counts), strict=True), key=lambda pair: -counts[pair])
        return [{'person': self.people[i], 'taken_for': self.people[j], 'probes': int(counts[i, j])}
                for i, j in pairs]

    def to_json(self):
        """Return protocol and figures as JSON text."""
        return compare([self]).to_json()

    def plot(self, folder):
        """Write roc.png, cmc.png and confusion.png into a folder, return their paths."""
        return compare([self]).plot(folder)


def _accepted(roc):
    """`accepted_at` each of `RATES`, those that the trials can tell, as JSON has it."""
    rates = {f'{rate:g}': accepted_at(roc, rate) for rate in RATES}
    return {rate: share for rate, share in rates.items() if share is not None}


def evaluate(vectors, walks, protocol, method='svm', name='trained', open_set=True, random_state=0):
    """Run a protocol on vectors.

    Parameters
    ----------
    vectors : array_like, shape (n, d)
        One per walk; d is 512 for identification vectors, baselines may have another.
    walks : sequence of n Walk
    protocol : Protocol
    method : {'svm', 'ls-svm', 'cosine'}
        See `scorers.fit_scorer`. The original's is the SVM.
    name : str
        Names the kind of vectors in tables.
    open_set : bool
        The open-set figures take one more fit per person (155 people: about a minute with the SVM).
    random_state : int
        Of the bootstrap.

    Returns
    -------
    Result
    """
    vectors, walks = normalise(vectors), [*walks]
    if len(vectors) != len(walks):
        raise ValueError(f'vectors: expected one for each of {len(walks)} walks, got {len(vectors)}')
    gallery, probes = protocol.split(walks)
    _, codes = index_people([walk.person for walk in walks])
    people, identify = fit_identifier(vectors[gallery], [walks[i].person for i in gallery], method)
    scores, _, first_similarity = identify(vectors[probes])

    conditions = np.array([split_condition(walks[i].condition)[0] for i in probes], dtype=object)
    similarity = vectors[probes] @ vectors[gallery].T                                # (probes, gallery walks)
    same = codes[probes][:, None] == codes[gallery]
    verification, eer = {}, {}
    for condition in dict.fromkeys(['all', *conditions]):
        rows = np.ones(len(probes), bool) if condition == 'all' else conditions == condition
        genuine, impostor = similarity[rows][same[rows]], similarity[rows][~same[rows]]
        if len(impostor):                                                            # a single person has none
            verification[condition] = verification_roc(genuine, impostor)
            eer[condition] = equal_error_rate(genuine, impostor)

    unknown = None
    if open_set and len(people) > 1:
        unknown = np.empty(len(probes))
        for person in np.unique(codes[probes]):
            others, own = gallery[codes[gallery] != person], codes[probes] == person
            unknown[own] = fit_identifier(vectors[others], codes[others], method)[1](vectors[probes[own]])[2]
    return Result(name, protocol, method, people, [walks[i] for i in probes], scores, len(gallery), verification, eer,
                  first_similarity, unknown, random_state)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several results on the same probes, in one table; the first is held against each of the others."""
    results: list[Result]

    def differences(self):
        """Return rank-1 of the first result less another's, per other name and column.

        Returns
        -------
        dict
            name -> column -> (difference, low, high), paired bootstrap over people.
        """
        first, *others = self.results
        labels, conditions = np.array(first.labels, object), np.array(first.conditions, object)
        answer = {}
        for other in others:
            answer[other.name] = {}
            for column in first.columns:
                rows = first.rows_of(column)
                low, high = paired_bootstrap(first.correct[rows], other.correct[rows], labels[rows], conditions[rows],
                                             random_state=first.random_state)
                answer[other.name][column] = (first.rank_1()[column] - other.rank_1()[column], low, high)
        return answer

    @property
    def chance(self):
        """Rank-1 of a guess: one in the number of people."""
        return 1 / len(self.results[0].people)

    def table(self):
        """Return the table as text: %, bootstrap intervals, chance, published rows, differences, EER."""
        first = self.results[0]
        columns = first.columns
        rows = [[result.name, *(f'{100 * result.rank_1()[c]:.1f} ({100 * low:.1f}-{100 * high:.1f})'
                                for c, (low, high) in result.intervals().items())] for result in self.results]
        rows.append(['chance', *[f'{100 * self.chance:.1f}'] * len(columns)])
        rows += [[f'published: {name}', *(f'{figures[c]:.1f}' if c in figures else '-' for c in columns)]
                 for name, figures in first.protocol.published.items()]
        notes = [f'{first.protocol.name}: rank-1 in %, {len(first.people)} people, {first.gallery_walks} gallery '
                 f'walks, {len(first.probes)} probes, {METHODS[first.method]}',
                 f'({100 * CONFIDENCE:.0f} % bootstrap interval over people; average = mean over conditions)']
        text = [*notes, '', *_aligned([['', *columns], *rows])]
        if first.protocol.published:
            over = {name: np.mean([figures[c] for c in 'NBS']) for name, figures in first.protocol.published.items()}
            other = [f'{name} {mean:.1f}' for name, mean in over.items()
                     if abs(mean - first.protocol.published[name]['Average']) > 0.1]
            text += ["(published averages as printed: PFM's over conditions, the original's over its probes"
                     + (f'; over conditions: {", ".join(other)})' if other else ')')]
        differences = self.differences()
        if differences:
            text += ['', f'{first.name} less the other, in points (paired)',
                     *_aligned([['', *columns], *(
                         [name, *(f'{100 * mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})'
                                  for mean, low, high in figures.values())] for name, figures in differences.items())])]
        if first.eer:
            groups = [c for c in columns[:-1] if c in first.eer]
            text += ['', 'equal error rate in % (pairs of walks by cosine similarity)',
                     *_aligned([['', *groups, 'all'], *(
                         [result.name, *(f'{100 * result.eer[c]:.1f}' for c in [*groups, 'all'])]
                         for result in self.results)])]
            text += ['', 'right ones accepted in %, where so many wrong ones are (- is for too few trials to tell)',
                     *_aligned([['', *(f'{100 * rate:g} %' for rate in RATES)], *self._acceptance()])]
        return '\n'.join(text)

    def _acceptance(self):
        """Rows of the table: what and whose, and `accepted_at` each of `RATES` of all probes."""
        for what, roc_of in (('verification', lambda result: result.verification['all']),
                             ('open-set identification', Result.open_set)):
            for result in self.results:
                if (roc := roc_of(result)) is not None:
                    shares = [accepted_at(roc, rate) for rate in RATES]
                    yield [f'{what}: {result.name}', *('-' if share is None else f'{100 * share:.1f}'
                                                       for share in shares)]

    def to_json(self):
        """Return protocol, figures and differences as JSON text."""
        protocol = self.results[0].protocol
        return json.dumps({
            'protocol': {key: getattr(protocol, key) for key in
                         ('name', 'gallery', 'probes', 'gallery_session', 'probe_session')},
            'average': 'mean over conditions', 'confidence': CONFIDENCE, 'bootstrap_draws': DRAWS,
            'chance': self.chance,
            'results': [result.as_dict() for result in self.results],
            'differences': {name: {column: dict(zip(('difference', 'low', 'high'), figures, strict=True))
                                   for column, figures in columns.items()}
                            for name, columns in self.differences().items()},
            'published_percent': protocol.published,
        }, indent=2, allow_nan=False, ensure_ascii=False)

    def plot(self, folder):
        """Write roc.png, cmc.png and confusion.png (of the first result) into a folder, return their paths.

        A single result is drawn per condition, several with one line each.
        """
        return plots.draw(self.results, folder)


def compare(results):
    """Put results of several kinds of vectors, or a dict of them by name, into one `Comparison`.

    They must be of one protocol and the same probes and people, in the same order; the first is the one compared.
    """
    results = [*(results.values() if isinstance(results, dict) else results)]
    if not results:
        raise ValueError('results: nothing to compare')
    first = results[0]
    names = [result.name for result in results]
    if len(set(names)) < len(names):
        raise ValueError(f'results: their names must differ, got {names}')
    for other in results[1:]:
        if (other.protocol, other.probes, other.people) != (first.protocol, first.probes, first.people):
            raise ValueError(f'results: {other.name!r} was not taken on the probes and people of {first.name!r}')
    return Comparison(results)


def _aligned(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ['  '.join(cell.ljust(width) if i == 0 else cell.rjust(width)
                      for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip() for row in rows]
