"""The data set TUM GAID: its walks, the protocols of its two experiments, the published results.

Hofmann et al., The TUM Gait from Audio, Image and Depth (GAID) database, 2014. 305 people, p001 to p305, each with
n01-n06, b01-b02, s01-s02 (January); 32 of them once more, as n07-n12, b03-b04, s03-s04 (April).
"""
import os
import re

import numpy as np

from gait_files import check_regular
from gait_recognition.evaluation.manifests import SAME_CLOTHES, Protocol, Walk

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

TUM_GAID_PATTERN = r'(?:image/)?p(?P<person>\d+)/(?P<condition>[nbs])(?P<number>\d+)'
TUM_GAID_TEST_LIST = 'tumgaidtestids.lst'
TUM_GAID_JANUARY = {'N': 6, 'B': 2, 'S': 2}                # last numbers of the first session
TUM_GAID = {
    1: Protocol('TUM GAID, experiment 1', **SAME_CLOTHES, published=PUBLISHED[1]),
    2: Protocol('TUM GAID, experiment 2', SAME_CLOTHES['gallery'], 'N7-N12 B3-B4 S3-S4', published=PUBLISHED[2]),
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
        check_regular(people)
        try:
            with open(people, encoding='utf-8') as file:
                people = file.read().split()
        except UnicodeDecodeError as error:
            raise ValueError(f'people: {source} is no list of person numbers: {error}') from error
    try:
        numbers = {int(str(person).lstrip('pP')) for person in people}
    except ValueError as error:
        raise ValueError(f'{source}: expected person numbers such as 7 or p007: {error}') from None
    if not numbers:
        raise ValueError(f'{source}: no person number in it')
    return numbers
