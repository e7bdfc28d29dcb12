"""What looks wrong in a gallery: recordings that are there twice, walks that look like somebody else's."""
from typing import NamedTuple

import numpy as np

from gait_recognition.scorers import normalise

NEAR_DUPLICATE = 0.999                   # cosine similarity of two walks that are all but the same
SAME = 0.99999                           # what identical vectors reach in float32; their bytes decide


def is_same(vectors, origins, a, b):
    """Whether two new walks are one recording: the same contents, or the very same vector."""
    contents = origins[a].contents, origins[b].contents
    return (None not in contents and contents[0] == contents[1]) or np.array_equal(vectors[a], vectors[b])


def known_walks(held, vectors, origins, similarity):
    """Yields (number of a new walk, index of the walk that it is already; None for one of the new ones before it).

    `similarity` is that of `Held.similarity_to`.
    """
    for number, origin in enumerate(origins):
        known = held.with_contents(origin.contents) if origin.contents is not None else []
        known = known or [i for i in np.flatnonzero(similarity[number] > SAME)
                          if np.array_equal(held.vectors[i], vectors[number])]
        if known:
            yield number, int(known[0])
        elif any(is_same(vectors, origins, i, number) for i in range(number)):
            yield number, None


def of_new_walks(held, similarity):
    """What is suspicious about the last walks, a line each; `Held.similarity_to` said how near they are to those
    before."""
    lines, first = [], len(held) - len(similarity)
    new = normalise(held.vectors[first:]).astype(np.float32)
    similarity = np.hstack([similarity, new @ new.T])                                                # (new, n)
    for row, each in enumerate(range(first, len(held))):
        line = _suspicion(held, each, similarity[row])
        if line:
            lines.append(line)
    return lines


def _suspicion(held, walk, similarity):
    """What is suspicious about one walk, whose similarity to all walks (n,) is given; None for nothing."""
    theirs = np.array(held.of(held.people[held.persons[walk]]))
    own, others, nearest = theirs[theirs != walk], similarity.copy(), {}
    others[theirs] = -2
    name = f'{held.labels[walk]!r} of {held.people[held.persons[walk]]!r}'
    if len(own):
        nearest['own'] = int(own[np.argmax(similarity[own])])
    if len(theirs) < len(held):
        nearest['other'] = int(np.argmax(others))
    for near in nearest.values():
        if similarity[near] > NEAR_DUPLICATE:
            return (f'{name} is all but the same as {held.labels[near]!r} of {held.people[held.persons[near]]!r} '
                    f'(similarity {similarity[near]:.5f}): is it another walk?')
    if len(nearest) == 2 and similarity[nearest['other']] > similarity[nearest['own']]:
        near = nearest['other']
        return (f'{name} is nearer to {held.labels[near]!r} of {held.people[held.persons[near]]!r} (similarity '
                f'{similarity[near]:.3f}) than to their own walks ({similarity[nearest["own"]]:.3f}): whose is it?')
    return None


BLOCK = 1024                             # walks compared with all others at once
FEW = 3                                  # walks; of a person with fewer little can be told
FAR = 3.0                                # quartile distances below the lower quartile of walks' nearest similarity


class Finding(NamedTuple):
    """Something to look at."""
    what: str                            # 'near-duplicate', 'outlier', 'alike', 'few walks' or 'one walk'
    people: list
    line: str


def whole(held):
    """Everything to look at in a gallery: list of `Finding`.

    Near-duplicates (similarity above 0.999); walks that are nearer to somebody else's than to their person's others,
    or far from these (more than three quartile distances below the lower quartile of all walks' similarity to their
    nearest own); people whose walks are as alike as one person's; people with fewer than three walks.
    """
    if not len(held):
        return []
    codes, own, other = held.codes, np.full(len(held), np.nan), np.full(len(held), np.nan)
    found = []
    for first in range(0, len(held), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(held)))
        similarity = held.unit[rows] @ held.unit.T                            # (rows, n)
        similarity[np.arange(len(rows)), rows] = -2
        same = codes[rows][:, None] == codes
        own[rows] = np.where(same, similarity, -2).max(axis=1)
        other[rows] = np.where(same, -2, similarity).max(axis=1)
        for row, near in zip(*np.nonzero(similarity > NEAR_DUPLICATE)):
            if rows[row] < near:
                found.append(_finding('near-duplicate', held, [rows[row], near], 'are all but the same (similarity '
                                      f'{similarity[row, near]:.5f})'))
    low, high = np.quantile(own[own > -2], [0.25, 0.75]) if (own > -2).any() else (-2, -2)
    for walk in np.flatnonzero(own > -2):
        if other[walk] > own[walk]:
            found.append(_finding('outlier', held, [walk], f"is nearer to somebody else's walk ({other[walk]:.3f}) "
                                  f'than to their own ({own[walk]:.3f})'))
        elif own[walk] < low - FAR * (high - low):
            found.append(_finding('outlier', held, [walk], f'is far from their other walks (similarity '
                                  f'{own[walk]:.3f}, half of all walks reach {low:.3f} to {high:.3f})'))
    return found + _alike(held, codes) + _few(held, codes)


def _finding(what, held, walks, says):
    named = ' and '.join(f'{held.labels[i]!r} of {held.people[held.persons[i]]!r}' for i in walks)
    return Finding(what, [held.people[held.persons[i]] for i in walks], f'{named} {says}')


def _alike(held, codes):
    """Pairs of people whose walks are as alike, on average, as those of the less alike of the two."""
    counts = np.bincount(codes)
    sums = np.zeros((len(counts), held.unit.shape[1]))
    np.add.at(sums, codes, held.unit)
    with np.errstate(invalid='ignore', divide='ignore'):
        inner = (np.sum(sums ** 2, axis=1) - counts) / (counts * (counts - 1))
    several, means, found = np.flatnonzero(counts > 1), sums / counts[:, None], []
    for first in range(0, len(several), BLOCK):
        rows = several[first:first + BLOCK]
        between = means[rows] @ means[several].T
        for a, b in zip(*np.nonzero(between >= np.minimum(inner[rows][:, None], inner[several]))):
            if rows[a] < several[b]:
                pair = held.people[rows[a]], held.people[several[b]]
                found.append(Finding('alike', [*pair], f'{pair[0]!r} and {pair[1]!r} walk as alike '
                                     f"({between[a, b]:.3f}) as one person's walks: are they one?"))
    return found


def _few(held, codes):
    return [Finding('one walk' if count == 1 else 'few walks', [name],
                    f'{name!r} has {count} walk{"" if count == 1 else "s"}: enrol {FEW} or more')
            for name, count in zip(held.people, np.bincount(codes)) if count < FEW]
