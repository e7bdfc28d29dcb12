"""What one kind of vectors did in one protocol, and several kinds side by side, as table and JSON.

It does not make vectors (the networks do) and does not decide about new ones (`gallery` does; its scorers are the ones
measured here). It knows nothing of TensorFlow.
"""
import collections
import csv
import json
import os
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gait_files import replacing
from gait_recognition.evaluation import plots
from gait_recognition.evaluation.manifests import Protocol, Walk, parse_conditions, split_condition
from gait_recognition.evaluation.metrics import (
    CONFIDENCE,
    DRAWS,
    RATES,
    Roc,
    accepted_at,
    cmc_curve,
    confusion_matrix,
    equal_error_rate,
    equal_error_rate_of,
    interval,
    open_set_roc,
    paired_interval,
    ranks,
    taken_for,
    verification_roc,
    with_misses,
)
from gait_recognition.masking import in_one_line
from gait_recognition.scorers import METHODS, fit_identifier, index_people, normalise

COUNTS, PROBES = 'confusion.csv', 'probes.csv'       # files beside the plots
NOT_TRIED = 'not tried'                    # what stands for whom a probe in `missed` was taken for
SHOWN = 20                               # probes that the table lists by their path


@dataclass(frozen=True, eq=False)
class Result:
    """What one kind of vectors did in one protocol; rates are shares from 0 to 1.

    The verification trials are all pairs of a gallery walk and a probe, by cosine similarity, as `Gallery.verify`
    decides. The open-set trials leave each person in turn out of the gallery, learn anew, and take that person's
    probes as unknown; a name is believed by its similarity, as `Gallery.identify` decides.

    Probes that could not be tried, because they or all of their person's gallery walks could not be read, are in
    `missed`. Figures leave them out, or count them as misses where a method is called with ``misses=True``.
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
    missed: list[Walk] = field(default_factory=list)
    read: dict[str, float] = field(default_factory=dict)     # per condition, and 'all': share of genuine pairs tried

    @property
    def labels(self):
        """Each probe's person."""
        return [walk.person for walk in self.probes]

    @property
    def conditions(self):
        """Each probe's group of conditions, 'N' for N5."""
        return _groups(self.probes)

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
        there = {*self.conditions, *_groups(self.missed)}
        return [*(group for group in groups if group in there), 'Average']

    def _columns(self, misses):
        """Those of `columns` that have a figure: without misses a condition of which no probe was read has none."""
        return [c for c in self.columns if misses or c == 'Average' or c in self.conditions]

    def trials(self, condition='all', misses=False):
        """Return 1.0 for right and 0.0 for wrong of a condition's probes, their people and their conditions."""
        rows = self.rows_of(condition)
        missed = [walk for walk, group in zip(self.missed, _groups(self.missed))
                  if misses and condition in (group, 'all', 'Average')]
        return (np.concatenate([self.correct[rows], np.zeros(len(missed))]),
                [*np.array(self.labels, object)[rows], *(walk.person for walk in missed)],
                [*np.array(self.conditions, object)[rows], *_groups(missed)])

    def rank_1(self, misses=False):
        """Return rank-1 per condition, and 'Average': the mean over conditions, each counting the same.

        So it does not change with the number of normal walks. `over_probes` is the other average.
        """
        rates = {column: float(self.trials(column, misses)[0].mean()) for column in self._columns(misses)[:-1]}
        return {**rates, 'Average': float(np.mean([*rates.values()]))}

    @property
    def over_probes(self):
        """Rank-1 over all probes, each counting the same."""
        return float(self.correct.mean())

    def intervals(self, misses=False):
        """Return the interval over people of every entry of `rank_1`, see `metrics.interval`."""
        return {column: interval(*self.trials(column, misses), random_state=self.random_state)
                for column in self._columns(misses)}

    def cmc(self, condition='all', misses=False):
        """Return the CMC curve of a condition, shape (people,); with misses it does not reach 1."""
        rows = self.rows_of(condition)
        curve = cmc_curve(self.scores[rows], np.array(self.labels, object)[rows], self.people)
        return curve * self._probes_read(condition) if misses else curve

    def _probes_read(self, condition):
        """Share of a condition's probes that could be tried."""
        return np.sum(self.rows_of(condition)) / len(self.trials(condition, misses=True)[0])

    def confusion(self, condition='all'):
        """Return the confusion matrix of a condition, (people, people)."""
        rows = self.rows_of(condition)
        return confusion_matrix(self.scores[rows], np.array(self.labels, object)[rows], self.people)

    def roc(self, condition='all', misses=False):
        """Return the `Roc` of verification of a condition, or None where there are no pairs of different people."""
        roc = self.verification.get(condition)
        return with_misses(roc, self.read.get(condition, 1.0)) if misses and roc is not None else roc

    def open_set(self, condition='all', misses=False):
        """Return the open-set `Roc` of a condition, or None if it was not computed."""
        if self.unknown is None:
            return None
        rows = self.rows_of(condition)
        roc = open_set_roc(self.scores[rows], np.array(self.labels, object)[rows], self.people, self.similarity[rows],
                           self.unknown[rows])
        return with_misses(roc, self._probes_read(condition)) if misses else roc

    def each_probe(self):
        """Return a dict for each probe: path, person, condition, session, taken_for, rank, similarity.

        Of those that could not be tried the last three are 'not tried' and None.
        """
        names = [self.people[i] for i in taken_for(self.scores, self.labels, self.people)]
        places = ranks(self.scores, self.labels, self.people)
        return [{**_as_listed(walk), 'taken_for': name, 'rank': int(place), 'similarity': float(similarity)}
                for walk, name, place, similarity in zip(self.probes, names, places, self.similarity)] + [
            {**_as_listed(walk), 'taken_for': NOT_TRIED, 'rank': None, 'similarity': None} for walk in self.missed]

    def table(self):
        """Return the table: rank-1 in % per condition and average, published rows below."""
        return compare([self]).table()

    def as_dict(self):
        """Return all figures in types that JSON knows."""
        return {
            'name': self.name, 'method': self.method, 'people': len(self.people),
            'gallery_walks': self.gallery_walks, 'probes': len(self.probes),
            'probes_per_condition': {column: int(self.rows_of(column).sum()) for column in self.columns[:-1]},
            **self._figures(misses=False),
            'missed': [walk.path for walk in self.missed],
            'with_misses': self._figures(misses=True) if self.missed else None,
            'people_right': self._people_right(), 'mistakes': self._mistakes(),
        }

    def _figures(self, misses):
        conditions = ['all', *self._columns(False)[:-1]]
        rocs = {column: roc for column in self.verification if (roc := self.roc(column, misses)) is not None}
        return {
            'rank_1': self.rank_1(misses),
            'rank_1_interval': {key: [*pair] for key, pair in self.intervals(misses).items()},
            'rank_1_over_probes': float(self.trials(misses=misses)[0].mean()),
            'cmc': {column: self.cmc(column, misses).tolist() for column in conditions},
            'equal_error_rate': {column: equal_error_rate_of(roc) for column, roc in rocs.items()},
            'verification_rate': {column: _accepted(roc) for column, roc in rocs.items()},
            'open_set_identification_rate': None if self.unknown is None else {
                column: _accepted(self.open_set(column, misses)) for column in conditions},
        }

    def _people_right(self):
        """The confusion matrix's diagonal: person -> (probes, right, not read)."""
        right, probes = np.diag(self.confusion()), self.confusion().sum(axis=1)
        missed = [walk.person for walk in self.missed]
        known = {person: {'probes': int(probes[i]), 'right': int(right[i]), 'not_tried': missed.count(person)}
                 for i, person in enumerate(self.people)}
        return known | {person: {'probes': 0, 'right': 0, 'not_tried': missed.count(person)}
                        for person in missed if person not in known}

    def _mistakes(self):
        """The confusion matrix off its diagonal: person, taken for, probes and their paths, the most frequent first."""
        pairs = {}
        for probe in self.each_probe():
            if probe['rank'] != 1:
                pairs.setdefault((probe['person'], probe['taken_for']), []).append(probe['path'])
        return [{'person': person, 'taken_for': other, 'probes': len(paths), 'walks': paths}
                for (person, other), paths in sorted(pairs.items(), key=lambda item: -len(item[1]))
                if other != NOT_TRIED]

    def to_json(self):
        """Return protocol and figures as JSON text."""
        return compare([self]).to_json()

    def plot(self, folder):
        """Write plots and tables into a folder, return their paths: see `Comparison.plot`."""
        return compare([self]).plot(folder)

    def write_counts(self, path):
        """Write the confusion matrix as CSV: a row a person, a column a person it was taken for, and 'not tried'."""
        counts, missed = self.confusion(), [walk.person for walk in self.missed]
        with replacing(path, 'w', encoding='utf-8', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(['person', *self.people, NOT_TRIED])
            for person, row in zip(self.people, counts.tolist(), strict=True):
                writer.writerow([person, *row, missed.count(person)])
            for person in sorted({*missed} - {*self.people}):
                writer.writerow([person, *[0] * len(self.people), missed.count(person)])

    def write_probes(self, path):
        """Write `each_probe` as CSV."""
        rows = self.each_probe()
        with replacing(path, 'w', encoding='utf-8', newline='') as file:
            writer = csv.DictWriter(file, [*rows[0]])
            writer.writeheader()
            writer.writerows(rows)


def _as_listed(walk):
    return {'path': walk.path, 'person': walk.person, 'condition': walk.condition, 'session': walk.session}


def _groups(walks):
    return [split_condition(walk.condition)[0] for walk in walks]



def _accepted(roc):
    """`accepted_at` each of `RATES`, those that the trials can tell, as JSON has it."""
    rates = {f'{rate:g}': accepted_at(roc, rate) for rate in RATES}
    return {rate: share for rate, share in rates.items() if share is not None}


def evaluate(vectors, walks, protocol, method='svm', name='trained', open_set=True, random_state=0, unread=()):
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
    unread : sequence of Walk
        Walks that have no vector, because they could not be read or show nobody. Probes among them, and those of people
        with no gallery walk left, count as misses beside the figures without them.

    Returns
    -------
    Result
    """
    vectors, walks, unread = normalise(vectors), [*walks], [*unread]
    if len(vectors) != len(walks):
        raise ValueError(f'vectors: expected one for each of {len(walks)} walks, got {len(vectors)}')
    gallery, probes, missed, read = _roles(walks, unread, protocol)
    _, codes = index_people([walk.person for walk in walks])
    people, identify = fit_identifier(vectors[gallery], [walks[i].person for i in gallery], method)
    scores, _, first_similarity = identify(vectors[probes])

    conditions = np.array(_groups([walks[i] for i in probes]), dtype=object)
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
                  first_similarity, unknown, random_state, missed, read)


def _roles(walks, unread, protocol):
    """Gallery and probes (indices of `walks`), probes that cannot be tried, share of genuine pairs that can."""
    everything = [*walks, *unread]
    all_gallery, all_probes = protocol.split(everything)
    gallery, probes = all_gallery[all_gallery < len(walks)], all_probes[all_probes < len(walks)]
    known = {walks[i].person for i in gallery}
    probes = np.array([i for i in probes if walks[i].person in known], int)
    for what, chosen in ('gallery', gallery), ('probe', probes):
        if not len(chosen):
            raise ValueError(f'{protocol.name}: no {what} walk is left: {len(unread)} of {len(everything)} walks could '
                             'not be read')
    planned, tried = (collections.Counter(everything[i].person for i in chosen) for chosen in (all_gallery, gallery))
    pairs = {}
    for people, rows, place in (planned, all_probes, 1), (tried, probes, 0):
        for i, group in zip(rows, _groups([everything[i] for i in rows])):
            for key in 'all', group:
                pairs.setdefault(key, [0, 0])[place] += people[everything[i].person]
    missed = [everything[i] for i in sorted({*all_probes.tolist()} - {*probes.tolist()})]
    return gallery, probes, missed, {key: tried / planned for key, (tried, planned) in pairs.items()}


class Table(NamedTuple):
    """Figures as text: what they are, and rows of cells, the first of them the header."""
    what: str
    rows: list


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several results on the same probes, in one table; the first is held against each of the others."""
    results: list[Result]

    def differences(self):
        """Return rank-1 of the first result less another's, per other name and column.

        Returns
        -------
        dict
            name -> column -> (difference, low, high), see `metrics.paired_interval`.
        """
        first, *others = self.results
        labels, conditions = np.array(first.labels, object), np.array(first.conditions, object)
        answer = {}
        for other in others:
            answer[other.name] = {}
            for column in first._columns(misses=False):
                rows = first.rows_of(column)
                low, high = paired_interval(first.correct[rows], other.correct[rows], labels[rows], conditions[rows],
                                            random_state=first.random_state)
                answer[other.name][column] = (first.rank_1()[column] - other.rank_1()[column], low, high)
        return answer

    @property
    def chance(self):
        """Rank-1 of a guess: one in the number of people."""
        return 1 / len(self.results[0].people)

    def _rows(self):
        """What the tables have a row for: (name, result, whether misses count)."""
        return [(f'{result.name}{", unread as misses" * misses}', result, misses) for result in self.results
                for misses in (False, True)[:1 + bool(result.missed)]]

    def table(self):
        """Return the table as text: %, intervals, chance, published rows, differences, EER, wrong walks by path."""
        first, *more = self.tables()
        text = [*self.notes(), '', *_aligned(first.rows), *self._published_averages()]
        for table in more:
            text += ['', table.what, *_aligned(table.rows)]
        return '\n'.join(map(in_one_line, [*text, *self._wrong()]))

    def notes(self):
        """Lines on what was measured, and how to read the first table."""
        first = self.results[0]
        return [f'{first.protocol.name}: rank-1 in %, {len(first.people)} people, {first.gallery_walks} gallery walks, '
                f'{len(first.probes)} probes, {METHODS[first.method]}',
                f'({100 * CONFIDENCE:.0f} % interval over people, exact or bootstrap, the wider; average = mean over '
                'conditions)']

    def tables(self):
        """Return the figures as tables: rank-1, then differences, equal error rates, shares accepted.

        Returns
        -------
        list of Table
        """
        first = self.results[0]
        found = [Table('rank-1 in %', [['', *first.columns], *self._rank_1_rows()])]
        if differences := self.differences():
            found.append(Table(f'{first.name} less the other, in points (paired)', [['', *first.columns], *(
                [name, *(f'{100 * mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})' if c in figures else '-'
                         for c in first.columns for mean, low, high in [figures.get(c, (0, 0, 0))])]
                for name, figures in differences.items())]))
        if first.eer:
            groups = [*(c for c in first.columns[:-1] if c in first.eer), 'all']
            found.append(Table('equal error rate in % (pairs of walks by cosine similarity)', [['', *groups], *(
                [name, *(f'{100 * equal_error_rate_of(result.roc(c, misses)):.1f}' for c in groups)]
                for name, result, misses in self._rows())]))
            found.append(Table('right ones accepted in %, where so many wrong ones are (- is for too few trials to '
                               'tell)', [['', *(f'{100 * rate:g} %' for rate in RATES)], *self._acceptance()]))
        return found

    def _rank_1_rows(self):
        first = self.results[0]
        columns = first.columns
        for name, result, misses in self._rows():
            rates, intervals = result.rank_1(misses), result.intervals(misses)
            yield [name, *(_with_interval(rates.get(c), intervals.get(c)) for c in columns)]
        yield ['chance', *[f'{100 * self.chance:.1f}'] * len(columns)]
        for name, figures in first.protocol.published.items():
            yield [f'published: {name}', *(f'{figures[c]:.1f}' if c in figures else '-' for c in columns)]
        for what, number in ('probes', len), ('people', lambda people: len({*people})):
            yield [what, *(str(number(first.trials(c)[1])) for c in columns)]
        if first.missed:
            yield ['probes not tried', *(str(len(first.trials(c, misses=True)[1]) - len(first.trials(c)[1]))
                                         for c in columns)]

    def _published_averages(self):
        """A line on how the published averages were taken, where there are any."""
        published = self.results[0].protocol.published
        if not published:
            return []
        over = {name: np.mean([figures[c] for c in 'NBS']) for name, figures in published.items()}
        other = [f'{name} {mean:.1f}' for name, mean in over.items()
                 if abs(mean - published[name]['Average']) > 0.1]
        return ["(published averages as printed: PFM's over conditions, the original's over its probes"
                + (f'; over conditions: {", ".join(other)})' if other else ')')]

    def _wrong(self):
        """Lines on the first result's wrong probes, each by its path, and on those that could not be tried."""
        first = self.results[0]
        wrong = [probe for probe in first.each_probe() if probe['rank'] != 1]
        if not wrong:
            return []
        mistaken = sum(probe['rank'] is not None for probe in wrong)
        return ['', f'{mistaken} of {len(first.probes)} probes were taken for somebody else'
                + (f', {len(first.missed)} more could not be tried' if first.missed else ''),
                *(f'{probe["path"]}: {probe["person"]}, '
                  + (NOT_TRIED if probe['rank'] is None else f'taken for {probe["taken_for"]}, place {probe["rank"]}')
                  for probe in wrong[:SHOWN]),
                *([f'and {len(wrong) - SHOWN} more: --json and --plots have all'] if len(wrong) > SHOWN else [])]

    def _acceptance(self):
        """Rows of the table: what and whose, and `accepted_at` each of `RATES` of all probes."""
        for what, roc_of in (('verification', lambda result, misses: result.roc('all', misses)),
                             ('open-set identification', lambda result, misses: result.open_set('all', misses))):
            for name, result, misses in self._rows():
                if (roc := roc_of(result, misses)) is not None:
                    shares = [accepted_at(roc, rate) for rate in RATES]
                    yield [f'{what}: {name}', *('-' if share is None else f'{100 * share:.1f}'
                                                       for share in shares)]

    def to_json(self):
        """Return protocol, figures and differences as JSON text."""
        protocol = self.results[0].protocol
        return json.dumps({
            'protocol': {key: getattr(protocol, key) for key in
                         ('name', 'gallery', 'probes', 'gallery_session', 'probe_session')},
            'average': 'mean over conditions', 'confidence': CONFIDENCE, 'bootstrap_draws': DRAWS,
            'intervals': 'over people, exact (Clopper-Pearson) or bootstrap, on each side the wider',
            'chance': self.chance,
            'results': [result.as_dict() for result in self.results],
            'differences': {name: {column: dict(zip(('difference', 'low', 'high'), figures, strict=True))
                                   for column, figures in columns.items()}
                            for name, columns in self.differences().items()},
            'published_percent': protocol.published,
        }, indent=2, allow_nan=False, ensure_ascii=False)

    def plot(self, folder):
        """Write roc.png, cmc.png and confusion.png into a folder, return their paths and those of two tables.

        A single result is drawn per condition, several with one line each. Of the first are confusion.png, its counts
        in confusion.csv, and what each probe was taken for in probes.csv.
        """
        paths = plots.draw(self.results, folder)
        for name, write in (COUNTS, self.results[0].write_counts), (PROBES, self.results[0].write_probes):
            paths.append(os.path.join(folder, name))
            write(paths[-1])
        return paths


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
        if any(getattr(other, part) != getattr(first, part) for part in ('protocol', 'probes', 'people', 'missed')):
            raise ValueError(f'results: {other.name!r} was not taken on the probes and people of {first.name!r}')
    return Comparison(results)


def _with_interval(rate, interval):
    return '-' if rate is None else f'{100 * rate:.1f} ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})'


def _aligned(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ['  '.join(cell.ljust(width) if i == 0 else cell.rjust(width)
                      for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip() for row in rows]
