"""Evaluation: how well identification vectors tell people apart.

From vectors, and a list of walks that says whose each is, to rank-1 and CMC, verification and open-set ROC, EER,
confusion and bootstrap intervals per condition, as table, JSON and plots. The walks come from a manifest CSV or from
TUM GAID's folders; both experiments of TUM GAID are here as protocols.

It does not make vectors (the networks do) and does not decide about new ones (`gait_gallery` does; its scorers are the
ones measured here). It knows nothing of TensorFlow.

Everywhere: scores are similarities, higher is better; a yes is a score strictly above a threshold; ties count against
the system, a right name that shares its score with a wrong one is not first.
"""
import csv
import json
import os
import re
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gait_files import replacing
from gait_recognition.gallery import (
    classify as classify,  # for callers: the gallery's own scores, no second version of them
)
from gait_recognition.gallery import fit_identifier, index_people, normalise

DRAWS = 2000                             # bootstrap samples
CONFIDENCE = 0.95
RATES = (0.01, 0.05, 0.1)                # false accept rates at which reports say how many right ones are accepted

# Rank-1 on TUM GAID in %: N normal walk, B backpack, S coating shoes, and the average *as published*. The original
# averaged over its probes, PFM over the three conditions. This was worked out from the figures: in experiment 2 the
# original's 66.4 = 85 / 128, 78.1 = 50 / 64 and 72.3 = 185 / 256, so it had twice as many probes N as B or S, while
# PFM's 60.4 is the mean of its three columns. In experiment 1 all conditions have equally many probes. Averaged over
# conditions, the original's experiment 2 gives 74.2 (M+L-GRU-2) and 82.0 (H3.6m-GRU-1).
PUBLISHED = {
    1: {'H3.6m-GRU-1': {'N': 99.4, 'B': 92.6, 'S': 98.7, 'Average': 96.9},
        'PFM (Castro et al.)': {'N': 99.7, 'B': 99.0, 'S': 99.0, 'Average': 99.2}},
    2: {'M+L-GRU-2': {'N': 66.4, 'B': 78.1, 'S': 78.1, 'Average': 72.3},
        'H3.6m-GRU-1 (its validation set)': {'N': 74.2, 'B': 89.1, 'S': 82.8, 'Average': 80.1},
        'PFM (Castro et al.)': {'N': 78.1, 'B': 56.3, 'S': 46.9, 'Average': 60.4}},
}


# Figures -------------------------------------------------------------------------------------------------------------


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


def confusion_matrix(scores, labels, people):
    """Count who was taken for whom, shape (people, people), int: row the person, column the first place.

    Where a wrong person shares the first place with the right one, the wrong one counts.
    """
    scores, truth = _check_scores(scores, labels, people)
    right = ranks(scores, labels, people) == 1
    rivals = scores.copy()
    rivals[np.arange(len(scores)), truth] = -np.inf
    counts = np.zeros((len(people), len(people)), int)
    np.add.at(counts, (truth, np.where(right, truth, rivals.argmax(axis=1))), 1)
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
    _, accept, reject = verification_roc(genuine, impostor)
    after = int(np.argmax(reject >= accept))               # always found: the last threshold accepts nothing
    if after == 0:                                         # only -inf among the genuine scores
        return float(reject[0])
    gap_before, gap_after = accept[after - 1] - reject[after - 1], reject[after] - accept[after]
    share = gap_before / (gap_before + gap_after)
    return float(accept[after - 1] + share * (accept[after] - accept[after - 1]))


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
        Where all values are equal the interval has no width, which says nothing: of n people without an error about
        3 / n may still be the truth.
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


# Walks ---------------------------------------------------------------------------------------------------------------


class Walk(NamedTuple):
    """One row of a manifest."""
    person: str
    condition: str                       # 'N1': group N, number 1; or without a number
    session: str
    path: str


def split_condition(condition):
    """Return (group, number or None) of a condition: 'N05' -> ('N', 5), 'coat' -> ('coat', None)."""
    group, number = re.fullmatch(r'(.*?)(\d*)', condition, re.DOTALL).groups()
    return group, int(number) if number else None


def read_manifest(path):
    """Read a manifest CSV: header ``person,condition,session,path``, more columns allowed.

    Parameters
    ----------
    path : str
        UTF-8. Relative paths in it are relative to its folder; they may be videos or folders of frames.

    Returns
    -------
    list of Walk
        With full paths.

    Raises
    ------
    ValueError
        With file and line: missing columns or values, a path twice, or a numbered walk (person, condition, session)
        twice.
    FileNotFoundError
        Naming the videos and folders that are not there.
    """
    walks, lines, missing = [], {}, []
    folder = os.path.dirname(os.path.abspath(path))
    with open(path, encoding='utf-8-sig', newline='') as file:
        try:
            reader = csv.DictReader(file, strict=True)
            absent = [column for column in Walk._fields if column not in (reader.fieldnames or [])]
            if absent:
                header = ','.join(reader.fieldnames or [])[:100]
                raise ValueError(f'{path}, line 1: expected the header person,condition,session,path (comma '
                                 f'separated), got {header!r}, without {", ".join(absent)}')
            for row in reader:
                where = f'{path}, line {reader.line_num}'
                if None in row or None in row.values():
                    raise ValueError(f'{where}: expected {len(reader.fieldnames)} values as in the header, got '
                                     f'{len(row.pop(None, [])) + sum(value is not None for value in row.values())}')
                values = {column: row[column].strip() for column in Walk._fields}
                empty = [column for column in ('person', 'condition', 'path') if not values[column]]
                if empty:
                    raise ValueError(f'{where}: {", ".join(empty)} is empty')
                walk = Walk(**values)._replace(path=os.path.normpath(os.path.join(folder, values['path'])))
                group, number = split_condition(walk.condition)
                for key, what in ((walk.path, f'path {walk.path}'),
                                  ((walk.person, group, number, walk.session), f'walk {walk[:3]}')):
                    if key in lines and (key == walk.path or number is not None):
                        raise ValueError(f'{where}: {what} is there already, in line {lines[key]}')
                    lines[key] = reader.line_num
                if not os.path.exists(walk.path):
                    missing.append(f'line {reader.line_num}: {walk.path}')
                walks.append(walk)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f'{path} cannot be read as CSV in UTF-8: {error}') from error
    if not walks:
        raise ValueError(f'{path}: no walk in it, only a header')
    if missing:
        raise FileNotFoundError(f'{path}: {len(missing)} of {len(walks)} walks are not there: '
                                + '; '.join(missing[:10]) + (' ...' if len(missing) > 10 else ''))
    return walks


@dataclass(frozen=True)
class Protocol:
    """Which walks are the gallery and which are the probes.

    Parameters
    ----------
    name : str
    gallery, probes : str
        Conditions separated by blanks: ``N1-N4`` (numbers 1 to 4), ``B2``, or ``N`` for all of a group. The probes'
        groups are the table's columns.
    gallery_session, probe_session : str, optional
        Only walks of this session.
    published : dict
        Rows of `PUBLISHED` to print beside ours.
    """
    name: str
    gallery: str
    probes: str
    gallery_session: str | None = None
    probe_session: str | None = None
    published: dict = field(default_factory=dict)

    def split(self, walks):
        """Return the indices of gallery walks and of probe walks, two int arrays.

        A probe whose person has no gallery walk, a walk that is both, an empty gallery: ValueError.
        """
        gallery = _select(walks, self.gallery, self.gallery_session)
        probes = _select(walks, self.probes, self.probe_session)
        for what, chosen, text in ('gallery', gallery, self.gallery), ('probe', probes, self.probes):
            if not chosen:
                raise ValueError(f'{self.name}: no {what} walk matches {text!r}; conditions at hand: '
                                 f'{sorted({walk.condition for walk in walks})[:20]}, sessions: '
                                 f'{sorted({walk.session for walk in walks})[:20]}')
        both = sorted({*gallery} & {*probes})
        if both:
            raise ValueError(f'{self.name}: gallery and probes overlap, for instance in {walks[both[0]]}')
        strangers = sorted({walks[i].person for i in probes} - {walks[i].person for i in gallery})
        if strangers:
            raise ValueError(f'{self.name}: {len(strangers)} people have probes but no gallery walk: '
                             f'{strangers[:5]}')
        return np.array(gallery), np.array(probes)


def _parse_conditions(text):
    """'N1-N4 B' -> [('N', 1, 4), ('B', None, None)]."""
    parts = []
    for item in text.split():
        span = re.fullmatch(r'(.*?)(\d+)-(.*?)(\d+)', item)
        if span is None:
            group, number = split_condition(item)
            parts.append((group, number, number))
        elif span[3] in (span[1], ''):
            parts.append((span[1], int(span[2]), int(span[4])))
        else:
            raise ValueError(f"conditions: expected something like 'N1-N4', 'B2' or 'N', got {item!r}")
    return parts


def _select(walks, conditions, session):
    wanted, chosen = _parse_conditions(conditions), []
    for i, walk in enumerate(walks):
        group, number = split_condition(walk.condition)
        if session in (None, walk.session) and any(
                group == name and (low is None or number is not None and low <= number <= high)
                for name, low, high in wanted):
            chosen.append(i)
    return chosen


# TUM GAID ------------------------------------------------------------------------------------------------------------

# Hofmann et al., The TUM Gait from Audio, Image and Depth (GAID) database, 2014. 305 people, p001 to p305, each with
# n01-n06, b01-b02, s01-s02 (January); 32 of them once more, as n07-n12, b03-b04, s03-s04 (April).
TUM_GAID_PATTERN = r'(?:image/)?p(?P<person>\d+)/(?P<condition>[nbs])(?P<number>\d+)'
TUM_GAID_TEST_LIST = 'tumgaidtestids.lst'
TUM_GAID_JANUARY = {'N': 6, 'B': 2, 'S': 2}                # last numbers of the first session
TUM_GAID = {
    1: Protocol('TUM GAID, experiment 1', 'N1-N4', 'N5-N6 B1-B2 S1-S2', published=PUBLISHED[1]),
    2: Protocol('TUM GAID, experiment 2', 'N1-N4', 'N7-N12 B3-B4 S3-S4', published=PUBLISHED[2]),
}


def tum_gaid(folder, experiment=1, people=None, pattern=TUM_GAID_PATTERN):
    """List the walks of one experiment on TUM GAID, for the protocol ``TUM_GAID[experiment]``.

    Written from public descriptions of the folders, and never run on the real set: look at the numbers of people and
    walks (test: 155 and 1550 in experiment 1; 16 and 224 in experiment 2).

    Parameters
    ----------
    folder : str
        The set's root, or its folder ``image``.
    experiment : {1, 2}
        2 keeps only people seen in April too, and of January only N1-N4.
    people : str or iterable of str or int, optional
        A file of person numbers (blank separated), or the numbers. Default: the set's own list of test people,
        ``tumgaidtestids.lst``, in `folder`, beside it, or in ``labels`` there. For training or validation name the
        set's other lists.
    pattern : str
        Regular expression for a walk's path under `folder` (a folder or a video, with ``/``), case ignored, with the
        groups person, condition and number. Everything else there is passed over, such as the background's ``back``.

    Returns
    -------
    list of Walk
        Person as ``p001``, condition as ``N1``, session ``January`` or ``April``.
    """
    if experiment not in TUM_GAID:
        raise ValueError(f'experiment: expected 1 or 2, got {experiment!r}')
    try:
        expression = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f'pattern: {pattern!r} is no regular expression: {error}') from error
    if not {'person', 'condition', 'number'} <= {*expression.groupindex}:
        raise ValueError(f'pattern: expected the named groups person, condition and number, got {pattern!r}')
    if not os.path.isdir(folder):
        raise FileNotFoundError(f'{folder}: expected the folder of TUM GAID')
    found, passed_over = {}, []
    for path, match in _matching(folder, expression, passed_over):
        group, number = match['condition'].upper(), int(match['number'])
        session = 'January' if number <= TUM_GAID_JANUARY.get(group, number) else 'April'
        walk = Walk(f'p{int(match["person"]):03d}', f'{group}{number}', session, path)
        other = found.setdefault(walk[:2], walk)
        if other is not walk:
            raise ValueError(f'{path} and {other.path} are both walk {walk[:2]}; narrow the pattern {pattern!r}')
    if not found:
        raise ValueError(f'{folder}: nothing in it matches the pattern {pattern!r}; there are for instance '
                         f'{passed_over}')

    chosen = {f'p{number:03d}' for number in _person_numbers(folder, people)}
    absent = sorted(chosen - {walk.person for walk in found.values()})
    if absent:
        raise ValueError(f'{folder}: {len(absent)} listed people have no walk there: {absent[:5]}')
    if experiment == 2:
        chosen &= {walk.person for walk in found.values() if walk.session == 'April' and walk.condition[0] == 'N'}
        if not chosen:
            raise ValueError(f'{folder}: none of the listed people has a recording from N7 on')
    protocol, walks = TUM_GAID[experiment], [walk for walk in found.values() if walk.person in chosen]
    return [walks[i] for i in sorted(np.concatenate(protocol.split(walks)))]


def _matching(folder, expression, passed_over):
    """Yield (path, match) in order; do not look into what matched: it holds the frames."""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        above = os.path.relpath(parent, folder).replace(os.sep, '/')
        for name in sorted([*folders, *files]):
            relative = name if above == '.' else f'{above}/{name}'
            match = expression.fullmatch(relative)
            if match:
                yield os.path.join(parent, name), match
                if name in folders:
                    folders.remove(name)
            elif len(passed_over) < 5:
                passed_over.append(relative)


def _person_numbers(folder, people):
    if people is None:
        places = [os.path.normpath(os.path.join(folder, place, TUM_GAID_TEST_LIST))
                  for place in ('.', 'labels', '..', '../labels')]
        people = next((place for place in places if os.path.exists(place)), None)
        if people is None:
            raise FileNotFoundError(f'people: the list of those to test, {TUM_GAID_TEST_LIST}, is in none of {places}; '
                                    'name a file of person numbers (in Python, or the numbers)')
    source = people
    if isinstance(people, (str, os.PathLike)):
        with open(people, encoding='utf-8') as file:
            people = file.read().split()
    try:
        numbers = {int(str(person).lstrip('pP')) for person in people}
    except ValueError as error:
        raise ValueError(f'{source}: expected person numbers such as 7 or p007: {error}') from None
    if not numbers:
        raise ValueError(f'{source}: no person number in it')
    return numbers


# Experiments ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Result:
    """What one kind of vectors did in one protocol; rates are shares from 0 to 1.

    The verification trials are all pairs of a gallery walk and a probe, by cosine similarity, as `Gallery.verify`
    decides. The open-set trials leave each person in turn out of the gallery, learn anew, and take that person's
    probes as unknown; a name is believed by its similarity, as `Gallery.identify` decides.
    """
    name: str                            # of the method, the row's name in tables
    protocol: Protocol
    method: str                          # 'svm' or 'cosine'
    people: list[str]                    # columns of `scores`
    probes: list[Walk]
    scores: np.ndarray                   # (probes, people)
    gallery_walks: int
    verification: dict[str, Roc]         # per condition, and 'all'
    eer: dict[str, float]                # the same
    similarity: np.ndarray               # (probes,) of the first name, see `gait_gallery.fit_identifier`
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
        groups = dict.fromkeys(group for group, _, _ in _parse_conditions(self.protocol.probes))
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
        """Return the seed's table: rank-1 in % per condition and average, published rows below."""
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
    method : {'svm', 'cosine'}
        See `gait_gallery.fit_scorer`. The seed's is the SVM.
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
        """Return the seed's table as text: %, bootstrap intervals, chance, published rows, differences, EER."""
        first = self.results[0]
        columns = first.columns
        rows = [[result.name, *(f'{100 * result.rank_1()[c]:.1f} ({100 * low:.1f}-{100 * high:.1f})'
                                for c, (low, high) in result.intervals().items())] for result in self.results]
        rows.append(['chance', *[f'{100 * self.chance:.1f}'] * len(columns)])
        rows += [[f'published: {name}', *(f'{figures[c]:.1f}' if c in figures else '-' for c in columns)]
                 for name, figures in first.protocol.published.items()]
        notes = [f'{first.protocol.name}: rank-1 in %, {len(first.people)} people, {first.gallery_walks} gallery '
                 f'walks, {len(first.probes)} probes, {"linear SVM" if first.method == "svm" else "cosine"}',
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
        os.makedirs(folder, exist_ok=True)
        first = self.results[0]
        if len(self.results) > 1:
            lines = [(result.name, result, 'all') for result in self.results]
        else:
            lines = [(c, first, c) for c in [*first.columns[:-1], 'all']]
        return [_write_figure(os.path.join(folder, name), draw, size) for name, draw, size in (
            ('roc.png', lambda figure: self._draw_rocs(figure, lines), (11, 5)),
            ('cmc.png', lambda figure: self._draw_cmc(figure, lines), (6.5, 5)),
            ('confusion.png', lambda figure: _draw_confusion(figure, first), (6.5, 6)))]

    def _draw_rocs(self, figure, lines):
        left, right = figure.subplots(1, 2)
        for label, result, condition in lines:
            if condition in result.verification:
                roc = result.verification[condition]
                left.plot(100 * roc.false_accept_rate, 100 * (1 - roc.false_reject_rate),
                          label=f'{label}: EER {100 * result.eer[condition]:.1f} %')
        left.plot([0, 100], [0, 100], ':', color='grey', label='chance')
        left.plot([0, 100], [100, 0], '-', color='lightgrey', linewidth=0.8, zorder=0)    # EER lies on it
        left.set(title='Verification (pairs of walks)', xlabel='false accept rate, %', ylabel='true accept rate, %')
        for label, result, condition in lines:
            roc = result.open_set(condition)
            if roc is not None:
                right.plot(100 * roc.false_accept_rate, 100 * (1 - roc.false_reject_rate), label=label)
        right.set(title='Open-set identification', xlabel='false alarm rate (unknown person named), %',
                  ylabel='detection and identification rate, %')
        for axes in left, right:
            axes.set(xlim=(-1, 101), ylim=(-1, 101))
            axes.grid(alpha=0.3)
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc='lower right')
            else:
                axes.text(50, 50, 'not computed', ha='center')

    def _draw_cmc(self, figure, lines):
        axes = figure.subplots()
        people = len(self.results[0].people)
        shown = np.arange(1, min(people, 20) + 1)
        for label, result, condition in lines:
            curve = 100 * result.cmc(condition)
            axes.plot(shown, curve[:len(shown)], marker='o', markersize=3, label=f'{label}: rank-1 {curve[0]:.1f} %')
        axes.plot(shown, 100 * shown / people, ':', color='grey', label='chance')
        axes.set(title=f'CMC, {people} people (all = over probes)', xlabel='rank', ylabel='identified within rank, %',
                 ylim=(0, 102))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(loc='lower right')


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


def _draw_confusion(figure, result):
    axes = figure.subplots()
    counts = result.confusion()
    people = len(result.people)
    image = axes.imshow(counts, cmap='Blues', interpolation='nearest')
    figure.colorbar(image, ax=axes, label='probes', shrink=0.8)
    axes.set(title=f'{result.name}: who was taken for whom', xlabel='first place', ylabel='person')
    if people <= 30:                                       # more names would be unreadable
        axes.set_xticks(range(people), result.people, rotation=90, fontsize=7)
        axes.set_yticks(range(people), result.people, fontsize=7)


def _write_figure(path, draw, size):
    """Draw without pyplot, so that the caller's backend stays as it is; the file appears when it is whole."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=size, layout='constrained')
    FigureCanvasAgg(figure)
    draw(figure)
    with replacing(path) as file:
        figure.savefig(file, format='png', dpi=120)
    return path
