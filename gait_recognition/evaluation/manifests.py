"""Lists of walks, and protocols: which of them are the gallery and which the probes."""
import csv
import glob
import os
import re
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gait_recognition.sources import walks_of

# Gallery and probes of the original's first experiment: one session, the same clothes.
SAME_CLOTHES = {'gallery': 'N1-N4', 'probes': 'N5-N6 B1-B2 S1-S2'}


class Walk(NamedTuple):
    """One row of a manifest."""
    person: str
    condition: str                       # 'N1': group N, number 1; or without a number
    session: str
    path: str
    source: str = ''                     # whose recorded gait a drawn walk shows, 'PERSON' or 'PERSON-WALK'


REQUIRED = ('person', 'condition', 'session', 'path')


def split_condition(condition):
    """Return (group, number or None) of a condition: 'N05' -> ('N', 5), 'coat' -> ('coat', None)."""
    group, number = re.fullmatch(r'(.*?)(\d*)', condition, re.DOTALL).groups()
    return group, _whole(number, condition) if number else None


def _whole(digits, what):
    if len(digits) > 18:
        raise ValueError(f'{what!r:.60} ends in a number of {len(digits)} digits, expected 18 at most')
    return int(digits)


def read_manifest(path):
    """Read a manifest CSV: header ``person,condition,session,path``, perhaps ``source``; more columns are allowed.

    Parameters
    ----------
    path : str
        UTF-8. Relative paths in it are relative to its folder; they may be videos, folders or patterns of pictures, or
        folders or patterns of videos, which stand for each of them where the condition has no number.

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
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f'{path} is no file; the .csv of a manifest was expected')
    walks, lines, missing = [], {}, []
    folder = os.path.dirname(os.path.abspath(path))
    with open(path, encoding='utf-8-sig', newline='') as file:
        reader = csv.DictReader(file, strict=True)
        try:
            absent = [column for column in REQUIRED if column not in (reader.fieldnames or [])]
            if absent:
                header = ','.join(reader.fieldnames or [])[:100]
                raise ValueError(f'{path}, line 1: expected the header person,condition,session,path (comma '
                                 f'separated), got {header!r}, without {", ".join(absent)}')
            twice = [column for column in Walk._fields if reader.fieldnames.count(column) > 1]
            if twice:
                raise ValueError(f'{path}, line 1: the header names {", ".join(twice)} twice')
            for row in reader:
                where = f'{path}, line {reader.line_num}'
                for walk in _walks_of_row(row, reader, where, folder):
                    _refuse_twice(walk, lines, reader.line_num, where)
                    if not _is_there(walk.path):
                        missing.append(f'line {reader.line_num}: {walk.path}')
                    walks.append(walk)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f'{path} cannot be read as CSV in UTF-8, after line {reader.line_num}: {error}') from error
    if not walks:
        raise ValueError(f'{path}: no walk in it, only a header')
    if missing:
        raise FileNotFoundError(f'{path}: {len(missing)} of {len(walks)} walks are not there: '
                                + '; '.join(missing[:10]) + (' ...' if len(missing) > 10 else ''))
    return walks


def _walks_of_row(row, reader, where, folder):
    """The walks of a row, a list of `Walk` with full paths: one, or each of a folder or pattern of videos."""
    if None in row or None in row.values():
        raise ValueError(f'{where}: expected {len(reader.fieldnames)} values as in the header, got '
                         f'{len(row.pop(None, [])) + sum(value is not None for value in row.values())}')
    values = {column: row[column].strip() for column in Walk._fields if column in row}
    empty = [column for column in ('person', 'condition', 'path') if not values[column]]
    if empty:
        raise ValueError(f'{where}: {", ".join(empty)} is empty')
    group, number = _split(where, values['condition'])
    paths = walks_of(os.path.normpath(os.path.join(folder, os.path.expanduser(values['path']))))
    if len(paths) > 1 and number is not None:
        raise ValueError(f'{where}: {values["path"]} stands for {len(paths)} walks, and {values["condition"]} is one: '
                         f'give them the condition {group}, or name each by itself')
    return [Walk(**{**values, 'path': path}) for path in paths]


def _refuse_twice(walk, lines, line, where):
    """Note a walk's path and number in `lines`, by line, and refuse what is there already."""
    group, number = split_condition(walk.condition)
    for key, what in ((walk.path, f'path {walk.path}'),
                      ((walk.person, group, number, walk.session), f'walk {walk[:3]}')):
        if key in lines and (key == walk.path or number is not None):
            raise ValueError(f'{where}: {what} is there already, in line {lines[key]}')
        lines[key] = line


def _is_there(path):
    try:
        return os.path.exists(path) or bool(glob.glob(path))
    except (OSError, ValueError):                           # no name of a file at all
        return False


def _split(where, condition):
    try:
        return split_condition(condition)
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from error


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
            raise ValueError(f'{self.name}: gallery and probes overlap, for instance in '
                             f'{walks[both[0]].path}')
        strangers = sorted({walks[i].person for i in probes} - {walks[i].person for i in gallery})
        if strangers:
            raise ValueError(f'{self.name}: {len(strangers)} people have probes but no gallery walk: '
                             f'{strangers[:5]}')
        return np.array(gallery), np.array(probes)


def parse_conditions(text):
    """'N1-N4 B' -> [('N', 1, 4), ('B', None, None)]."""
    parts = []
    for item in text.split():
        span = re.fullmatch(r'(.*?)(\d+)-(.*?)(\d+)', item)
        if span is None:
            group, number = split_condition(item)
            parts.append((group, number, number))
        elif span[3] in (span[1], ''):
            parts.append((span[1], _whole(span[2], item), _whole(span[4], item)))
        else:
            raise ValueError(f"conditions: expected something like 'N1-N4', 'B2' or 'N', got {item!r}")
    return parts


def _select(walks, conditions, session):
    wanted, chosen = parse_conditions(conditions), []
    for i, walk in enumerate(walks):
        group, number = split_condition(walk.condition)
        if session in (None, walk.session) and any(
                group == name and (low is None or number is not None and low <= number <= high)
                for name, low, high in wanted):
            chosen.append(i)
    return chosen
