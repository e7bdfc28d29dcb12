"""Scorers: how alike identification vectors are, and whose they may be.

A linear SVM ranks people, cosine similarity says how far to trust the first. Galleries decide with these, and
evaluation measures the same ones.
"""
import copy
import math

import numpy as np

METHODS = {'svm': 'linear SVM', 'ls-svm': 'linear least-squares SVM', 'cosine': 'cosine similarity to the nearest walk'}
# Of the least-squares SVM: what it adds to the walks' scatter, 1 / C. To rank, the smallest that is best where each of
# four walks of 60 walkers is left out in turn: 90.8 % come first (1: 88.3 %, the plain SVM: 87.5 %). To tell strangers,
# more: where 2 and 5 % of them get a name, 37 and 57 % of the walkers' other walks do (with 3: 37 and 52 %).
RIDGE, STRANGERS_RIDGE = 3.0, 10.0
BLOCK, FEW = 4096, 256                   # rows whose scatter is summed at once, and people whose rows are


def normalise(vectors):
    """Scale every vector to length one.

    Parameters
    ----------
    vectors : array_like, shape (n, d) or (d,)
        Finite real numbers; no vector may be all zeros.

    Returns
    -------
    ndarray, shape (n, d), float64
    """
    vectors = np.asarray(vectors)
    if vectors.dtype.kind not in 'fiu':
        raise ValueError(f'vectors: expected real numbers, got an array of {vectors.dtype}')
    vectors = np.atleast_2d(vectors.astype(np.float64))
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise ValueError(f'vectors: expected the shape (n, d) or (d,), none of them 0, got {vectors.shape}')
    if not np.isfinite(vectors).all():
        raise ValueError(f'vectors: row {np.argmin(np.isfinite(vectors).all(axis=1))} holds NaN or infinity')
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError(f'vectors: row {np.argmin(lengths)} is all zeros, which points nowhere and matches nobody')
    vectors /= lengths
    return vectors


def index_people(labels):
    """Return the people in the order of their first label, and each label's index among them (int array).

    Indices, because NumPy compares text without its trailing NULs.
    """
    people = list(dict.fromkeys(labels))
    index = {person: i for i, person in enumerate(people)}
    return people, np.array([index[label] for label in labels], dtype=int)


def fit_scorer(vectors, labels, method='svm'):
    """Learn people from their vectors.

    Parameters
    ----------
    vectors : array_like, shape (n, d)
    labels : sequence of n str
        Whose vector each row is.
    method : {'svm', 'ls-svm', 'cosine'}
        'svm': one linear SVM per person against all others, its decision value is the score. It sees the vectors at
        length one, less the training vectors' mean and divided by the root mean square distance to it. Shift and
        common scale leave the SVM linear; they only make C = 1 mean the same for vectors that all point nearly the
        same way (as averages over a walk do) as for vectors spread over the sphere.
        'ls-svm': the same by least squares, which has a closed form for all people at once (Suykens and Vandewalle,
        Least squares support vector machine classifiers, 1999); each person's score is then shifted and scaled so that
        their own training vectors are at 1 on average and all others at -1, however few they are among so many.
        'cosine': the cosine similarity to the person's nearest walk.

    Returns
    -------
    people : list of str
        In the order of their first row.
    score : callable
        ``score(vectors (m, d))`` -> (m, people) float64, higher is better. The same input always gives the same
        scores.
    """
    if method not in METHODS:
        raise ValueError(f'method: expected one of {(*METHODS,)}, got {method!r}')
    train = normalise(vectors)
    people, codes = index_people(labels)
    if len(labels) != len(train):
        raise ValueError(f'labels: expected one for each of {len(train)} vectors, got {len(labels)}')

    if method == 'cosine':
        order = np.argsort(codes, kind='stable')
        starts = np.searchsorted(codes[order], np.arange(len(people)))

        def score(probes):
            similarity = _same_width(probes, train) @ train[order].T                                  # (m, n)
            return np.maximum.reduceat(similarity, starts, axis=1)
        return people, score

    if len(people) < 2:
        raise ValueError(f"labels: an SVM needs at least two people, got only {people}; take the method 'cosine'")
    if method == 'ls-svm':
        return people, LeastSquares(train, codes).score
    centre = train.mean(axis=0)
    spread = np.sqrt(np.mean(np.sum((train - centre) ** 2, axis=1))) or 1.0
    # Fewer walks than dimensions: the same SVM is found sooner in the space that they span, `axes` (d, at most n), and
    # by the dual. Its coordinate order is random, hence the fixed seed.
    axes = np.linalg.qr((train - centre).T)[0] / spread
    from sklearn.svm import LinearSVC  # half a second, which galleries need not wait

    svm = LinearSVC(dual=True, random_state=0).fit((train - centre) @ axes, codes)

    def score(probes):
        values = svm.decision_function((_same_width(probes, train) - centre) @ axes)
        return np.stack([-values, values], axis=1) if values.ndim == 1 else values
    return people, score


class LeastSquares:
    """The least-squares SVM of each person against all others; `score` is that of `fit_scorer`.

    Parameters
    ----------
    train : ndarray (n, d), float32 or float64
        At length one.
    codes : ndarray (n,) int
        Whose each row is, 0 to people - 1, each there.
    ridge : float
        What is added to their scatter, where the root mean square distance to their mean is 1.

    Notes
    -----
    With the bias, what it fits to row i is H y, where H = z A^-1 z' + 1 / n, A = z' z + ridge; y is 1 at the person's
    own rows, else 0. What it would say of rows that it had not seen follows from H without another fit: `without`.
    """

    def __init__(self, train, codes, ridge=RIDGE):
        self.train = train
        number, self._counts = len(train), np.bincount(codes)
        self._order, self._ends = np.argsort(codes, kind='stable'), np.cumsum(self._counts)
        sums = self._sums_of_people()
        self._centre = sums.sum(axis=0) / number
        scatter = -number * np.outer(self._centre, self._centre)
        for first in range(0, number, BLOCK):
            part = train[first:first + BLOCK].astype(np.float64)
            scatter += part.T @ part
        self._spread = _spread(scatter, number)
        self._scatter = scatter / self._spread ** 2
        self._sums = (sums - self._counts[:, None] * self._centre) / self._spread
        self._solve(ridge)

    def _sums_of_people(self):
        """The sum of each person's rows, (people, d) float64: everybody's first row, then the second of who has one."""
        sums = np.zeros((len(self._counts), self.train.shape[1]))
        starts = self._ends - self._counts
        for first in range(0, len(sums), FEW):
            people, place = np.arange(first, min(first + FEW, len(sums))), 0
            while len(people):
                sums[people] += self.train[self._order[starts[people] + place]]
                place += 1
                people = people[self._counts[people] > place]
        return sums

    def _rows(self, person):
        return self._order[self._ends[person] - self._counts[person]:self._ends[person]]

    def _solve(self, ridge):
        self._inverse = np.linalg.inv(self._scatter + ridge * np.eye(len(self._scatter)))
        self._weights = self._inverse @ self._sums.T                                                  # (d, people)
        # What it fits to a person's own rows on average; to all rows together it is their share.
        fitted = np.einsum('ij,ji->i', self._sums, self._weights)
        self._own = (fitted + self._counts ** 2 / len(self.train)) / self._counts

    def with_ridge(self, ridge):
        """The same with another ridge, for a small part of the work."""
        other = copy.copy(self)
        other._solve(ridge)
        return other

    def _scaled(self, vectors):
        return (vectors - self._centre) / self._spread

    def score(self, probes):
        fitted = self._scaled(_same_width(probes, self.train)) @ self._weights + self._counts / len(self.train)
        return self._between(fitted, self._own, len(self.train))

    def _between(self, fitted, own, total):
        """`fitted`, changed in place: 1 at a person's own mean, -1 at that of the `total` vectors' others, if any."""
        rest = total - self._counts                         # none, or fewer, of a person who is left out
        others = self._counts * (1 - own) / np.where(rest > 0, rest, np.inf)
        half = np.maximum((own - others) / 2, np.finfo(float).tiny)
        fitted -= (own + others) / 2
        fitted /= half
        return fitted

    def without(self, persons, probes):
        """The scores of some people's probes if their training vectors had never been there.

        The centre is then another, too, which the bias takes up; the spread by which all vectors are divided stays.

        Parameters
        ----------
        persons : sequence of m int
            To leave out, each for one of the probes; who follows each other is left out once.
        probes : ndarray (m, d)
            At length one.

        Returns
        -------
        ndarray (m, people)
            -inf at the person left out.
        """
        scaled, share, each = self._scaled(probes), self._counts / len(self.train), 1 / len(self.train)
        scores = scaled @ self._weights + share
        runs = [*_runs(np.asarray(persons))]
        rows = self._scaled(self.train[np.concatenate([self._rows(persons[first]) for first, _ in runs])])
        reach, fitted, place = rows @ self._inverse, rows @ self._weights + share, 0
        for first, last in runs:
            person, part = persons[first], scores[first:last]
            own = slice(place, place := place + self._counts[person])
            hidden = np.linalg.solve(np.eye(self._counts[person]) - reach[own] @ rows[own].T - each, fitted[own])
            part += (scaled[first:last] @ reach[own].T + each) @ hidden
            means = self._own + np.einsum('ij,ij->j', fitted[own], hidden) / self._counts
            means[person] = 1.0
            self._between(part, means, len(self.train) - self._counts[person])
            part[:, person] = -np.inf
        return scores


def _runs(values):
    """(first, last) of each run of equal values."""
    ends = [*(np.flatnonzero(np.diff(values)) + 1), len(values)]
    return zip([0, *ends[:-1]], ends, strict=True)


def _spread(scatter, number):
    """Root mean square distance to the mean of so many rows."""
    return np.sqrt(max(0.0, np.trace(scatter)) / number) or 1.0


def _same_width(probes, train):
    probes = normalise(probes)
    if probes.shape[1] != train.shape[1]:
        raise ValueError(f'vectors: expected {train.shape[1]} numbers each as in the gallery, got {probes.shape[1]}')
    return probes


def classify(train_vectors, train_labels, test_vectors, method='svm'):
    """Score test vectors against the people of the training vectors.

    Returns
    -------
    scores : ndarray, shape (m, people), float64
        Higher is better; see `fit_scorer`.
    people : list of str
        The columns' names.
    """
    people, score = fit_scorer(train_vectors, train_labels, method)
    return score(test_vectors), people


def fit_identifier(vectors, labels, method='svm'):
    """Learn to rank people, and how far to trust the first.

    The method ranks; whether the first name is believed hangs on the cosine similarity to that person's nearest walk.
    An SVM's decision value says who of the known people is the likeliest, and hardly whether it is anybody known: for
    strangers it is often as high. (Measured on 18 sets of random vectors, 20 or 60 people, rank-1 92 to 100 %: with 5 %
    of strangers accepted, the similarity named 54 to 100 % of the known walks, the decision value 33 to 99 %, in 17
    sets fewer.)

    Returns
    -------
    people : list of str
    identify : callable
        ``identify(vectors (m, d))`` -> scores (m, people), first (m,) int, the column that comes first, -1 where
        several share the place, and similarity (m,), -1 to 1, to the nearest walk of the first.
    """
    train, (people, codes) = normalise(vectors), index_people(labels)
    # With one person there is nothing for an SVM to separate, and nothing to rank.
    score = LeastSquares(train, codes).score if method == 'ls-svm' and len(people) > 1 else \
        fit_scorer(train, labels, 'cosine' if len(people) == 1 else method)[1]
    return people, identifier(score, nearest_of(train, codes))


def identifier(score, nearest):
    """The `identify` of `fit_identifier`, of what scores and of what says how near the first is (`nearest_of`)."""
    def identify(probes):
        scores = score(probes)
        first = scores.argmax(axis=1)
        shared = np.sum(scores == scores.max(axis=1, keepdims=True), axis=1) > 1
        return scores, np.where(shared, -1, first), nearest(normalise(probes), first)
    return identify


def nearest_of(train, codes):
    """What says how near a walk is to a person.

    Parameters
    ----------
    train : ndarray (n, d)
        At length one.
    codes : ndarray (n,) int
        Whose each row is.

    Returns
    -------
    callable
        ``nearest(probes (m, d), persons (m,))`` -> (m,) cosine similarity to the nearest row of each one's person.
    """
    order = np.argsort(codes, kind='stable')
    ends = np.searchsorted(codes[order], np.arange(codes.max() + 2))
    return lambda probes, persons: np.array([np.max(train[order[ends[i]:ends[i + 1]]] @ probe)
                                             for i, probe in zip(persons, probes, strict=True)])


def threshold_for(impostor, false_accept_rate):
    """Return the smallest threshold that keeps false accepts at or under a rate; a score above it is a yes.

    Parameters
    ----------
    impostor : array_like, shape (n,)
        Scores of trials in which yes is wrong.
    false_accept_rate : float
        Between 0 and 1. With n trials no rate under 1 / n can be seen, and asking for one is refused.
    """
    impostor = np.asarray(impostor, dtype=np.float64)
    if not 0 < false_accept_rate < 1:
        raise ValueError(f'false_accept_rate: expected a share between 0 and 1 (0.01 is 1 %), got {false_accept_rate}')
    accepted = math.floor(false_accept_rate * len(impostor) + 1e-9)   # 0.29 * 100 is 28.999999999999996
    if accepted < 1:
        raise ValueError(
            f'a false accept rate of {false_accept_rate:g} cannot be measured on {len(impostor)} impostor trials: it '
            f'takes at least {math.ceil(1 / false_accept_rate - 1e-9)}. Enrol more walks'
            + (f', or ask for {math.ceil(1e4 / len(impostor)) / 1e4:g} or more' if len(impostor) > 1 else ''))
    return float(np.sort(impostor)[::-1][accepted])
