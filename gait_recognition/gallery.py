"""The gallery: whose walks are known, and who walks here.

A gallery holds identification vectors under people's names. It answers two questions about new vectors: who is this
(`Gallery.identify`), and do these two walks belong to one person (`Gallery.verify`). It says yes only above a
threshold that was calibrated on its own walks (`Gallery.calibrate`).

It does not make vectors (the networks do), and it does not measure how good they are (`evaluation` does). Where and how
it is kept is the matter of `galleries`. TensorFlow is loaded only where nobody said which weights, and the default ones
are a TensorFlow checkpoint.
"""
import contextlib
import functools
import itertools
import os
import re
import warnings
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from gait_recognition.belief import HALF, Belief, evidence_of
from gait_recognition.calibration import (
    COSINE,
    DEFAULT_RATE,
    PROBABILITY,
    SHARES,
    OperatingPoint,
    Spread,
    calibrate_identify,
    calibrate_verify,
    point_of,
    similarities_to_people,
    similarities_to_walks,
)
from gait_recognition.console import counted
from gait_recognition.galleries import checks, exchange, legacy, places, sqlite
from gait_recognition.galleries.errors import (
    DuplicateWalkError,
    FingerprintError,
    GalleryFileError,
    GalleryLockedError,
    GalleryReadOnlyError,
)
from gait_recognition.galleries.held import Held
from gait_recognition.galleries.tables import Origin
from gait_recognition.parameters import FLAG, FRAME_RATE, NUMBER, POSITIVE_INTEGER, TEXT, check, check_text, optional
from gait_recognition.rates import RATE
from gait_recognition.scorers import (
    STRANGERS_RIDGE,
    LeastSquares,
    fit_identifier,
    fit_scorer,
    identifier,
    nearest_of,
    normalise,
)
from gait_recognition.weights import choose_weights

__all__ = ['DuplicateWalkError', 'FingerprintError', 'Gallery', 'GalleryFileError', 'GalleryLockedError',
           'GalleryReadOnlyError', 'Identification', 'OperatingPoint', 'Origin', 'Verification']
DESCRIPTION = {'every': POSITIVE_INTEGER, 'crop': TEXT, 'rate': optional(FRAME_RATE)}       # of `agree`
TASKS = ('identify', 'verify')
AT_ONCE = 256                            # walks that are identified at once: their scores of all people fit in memory
SUFFIX = '.gallery'                      # of a gallery that was converted from an .npz of before


class Identification(NamedTuple):
    """Answer to: who is this?"""
    decision: str                        # 'known', 'weak', 'unknown' or 'uncalibrated', see `Gallery.identify`
    name: str | None                     # only when known
    ranking: list[tuple[str, float]]     # (name, score), best first
    method: str                          # 'ls-svm' or 'cosine', what ranked
    score_is: str                        # what the scores are: 'SVM score' or 'cosine similarity'
    margin: float | None                 # the first's score less the runner-up's; None with a single person
    cosine_similarity: float             # -1 to 1, to the nearest walk of the first
    probability: float | None            # that the first name is right; None before `Gallery.calibrate`
    probability_interval: tuple[float, float] | None
    threshold: float | None
    threshold_on: str | None             # what it is on: 'probability' or 'cosine similarity'


class Verification(NamedTuple):
    """Answer to: is this one person?"""
    decision: str                        # 'same', 'different' or 'uncalibrated'
    cosine_similarity: float             # -1 to 1
    threshold: float | None              # on the cosine similarity


def _of_one_moment(method):
    """While a method of a gallery runs, no other thread changes what it sees."""
    @functools.wraps(method)
    def alone(self, *arguments, **named):
        with self._tables.alone():
            return method(self, *arguments, **named)
    return alone


class Gallery:
    """Named walks, and decisions about new ones.

    ``Gallery.open(path)`` opens a gallery in a file to change it, ``Gallery.load(path)`` only to ask it, and
    ``Gallery(fingerprint)`` starts one in memory. A change is in the file when the method returns, whole; several
    programs may change and ask one gallery at the same time; threads that share the object take turns. Use ``with``, or
    `close` it.

    Parameters
    ----------
    fingerprint : str
        Stands for the weights that make the vectors: `weights.Weights.fingerprint`. Vectors of other weights mean
        something else, so they are refused.
    """

    def __init__(self, fingerprint):
        check_fingerprint(fingerprint)
        self._start(sqlite.in_memory({'fingerprint': fingerprint}), True)

    def _start(self, tables, vouched):
        self._tables = tables
        self._rows = Held(tables)
        self._vouched = vouched          # whoever holds this object said which weights they use
        self._identifier = self._svm = self._strangers = self._weighing = None
        self._said_outdated, self._said_crops = False, set()
        self._rows.refresh()             # read now: damage is refused before anything is asked

    # Opening and keeping it

    @classmethod
    def open(cls, path, fingerprint=None, create=False, readonly=False, key=None):
        """Open a gallery in a file, or on a server.

        Parameters
        ----------
        path : str or os.PathLike
            A file, or ``postgresql://user@host/database``. An ``.npz`` of before 2.1 is converted to a file beside it
            with the suffix ``.gallery`` (of that suffix already: ``-converted.gallery``), which is used from then on; a
            warning says so.
        fingerprint : str, optional
            The weights you use (`weights.Weights.fingerprint`). Other weights than the gallery's are refused here. Left
            out: whoever enrols or asks without saying it uses the default weights. A new gallery is by default of
            those, too.
        create : bool
            Start an empty gallery where there is no file.
        readonly : bool
            To ask only; works in a folder in which nothing can be written.
        key : str, optional
            Of an encrypted file: a passphrase, or 64 hexadecimal digits, the key itself. Takes sqlcipher3.

        Raises
        ------
        FileNotFoundError
            There is no such gallery, or no such folder.
        GalleryFileError
            No gallery, one of a newer version, or a damaged one.
        FingerprintError
        """
        path = places.place_of(path, key)
        if not path.exists():
            if not create:
                raise FileNotFoundError(f'{path}: there is no such gallery; enrol somebody to start one (in Python '
                                        'with create=True)')
            path.create({'fingerprint': check_fingerprint(fingerprint or choose_weights().fingerprint)})
        elif path.is_legacy():
            path = _converted(path.path)
        gallery = cls.__new__(cls)
        tables = path.tables(readonly)
        try:
            gallery._start(tables, fingerprint is not None)
            if fingerprint is not None:
                gallery._check_fingerprint(fingerprint)
        except FingerprintError as error:
            tables.close()
            raise FingerprintError(f'{path}: {error}') from None
        except BaseException:
            tables.close()
            raise
        return gallery

    @classmethod
    def load(cls, path, fingerprint=None, key=None):
        """Open a gallery to ask it; nothing in it can be changed. Arguments and errors as of `open`."""
        return cls.open(path, fingerprint, readonly=True, key=key)

    def save(self, path, key=None):
        """Write a copy into another file, or onto a server; calibration and audit lines go with it.

        A file of the same kind (both plain, or both of one key) is replaced. Elsewhere there must be no gallery:
        FileExistsError.
        """
        place = places.place_of(path, key)
        if isinstance(self._tables, sqlite.SqliteTables) and isinstance(place, places.FilePlace) \
                and key == self._tables.key:
            self._tables.copy_to(place.path)
            return
        if place.exists():
            raise FileExistsError(f'{place}: there is a gallery already, or another file; name a new one')
        place.create({}, lambda tables: tables.take_all(self._tables))

    def close(self):
        self._tables.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    @contextlib.contextmanager
    def changing(self):
        """Several changes as one: kept whole at the end of the block, or none of them after an error."""
        with self._tables.alone():
            try:
                with self._tables.writing():
                    yield self
            except BaseException:
                self._rows.drop()
                raise

    @property
    def _held(self):
        with self._tables.alone():
            self._rows.refresh()
        return self._rows

    # What is in it

    @_of_one_moment
    def __len__(self):
        """Number of walks."""
        return len(self._held)

    @property
    def path(self):
        """The file, or the server's address; None in memory."""
        return self._tables.path

    @property
    @_of_one_moment
    def fingerprint(self):
        """Of the weights that made its vectors."""
        return self._held.settings['fingerprint']

    @property
    @_of_one_moment
    def settings(self):
        """How its walks are described, as `agree` keeps it: dict of str."""
        return {key: value for key, value in self._held.settings.items() if key in ('every', 'crop', 'rate')}

    @property
    @_of_one_moment
    def is_private(self):
        """Whether it keeps no paths of recordings."""
        return 'private' in self._held.settings

    @_of_one_moment
    def list(self):
        """Return ``{name: [walk, ...]}`` in the order of enrolment."""
        held, people = self._held, {}
        for person, walk in zip(held.persons, held.labels, strict=True):
            people.setdefault(held.people[person], []).append(walk)
        return people

    def walks(self):
        """Return what is known of every walk but its vector: list of dicts with the columns of `docs/files.md`."""
        return self._tables.facts()

    def audit(self):
        """Return a line for each change: list of dicts with ``at`` (UTC), ``action``, ``person`` and ``detail``."""
        return self._tables.audit()

    # Changing it

    def agree(self, every=1, crop='auto', rate=RATE):
        """Keep how walks are described with the first ones, and refuse, or warn of, what differs later.

        Vectors of another `every`, or of another rate of frames (`walk_vector`), mean something else: ValueError.
        Another way to cut out the walker is a warning.
        """
        check(DESCRIPTION, {'every': every, 'crop': crop, 'rate': rate})
        if self.settings or self._tables.readonly:
            self._compare_description(every, crop, rate)
            return
        with self.changing():                              # another program, or thread, may have been first
            self._compare_description(every, crop, rate)
            if not self.settings:
                self._tables.set('every', str(every))
                self._tables.set('crop', crop)
                self._tables.set('rate', str(rate))

    def _compare_description(self, every, crop, rate):
        kept = self.settings
        if kept.get('every', str(every)) != str(every):
            raise ValueError(f'every: the walks of this gallery were described with every={kept["every"]}, got '
                             f'{every}: vectors are compared with their like only (--every {kept["every"]})')
        if kept.get('rate', str(rate)) != str(rate):
            raise ValueError(f'rate: the walks of this gallery were described at {kept["rate"]} frames a second, got '
                             f'{rate}: vectors are compared with their like only')
        if kept.get('crop', crop) != crop and crop not in self._said_crops:
            self._said_crops.add(crop)
            warnings.warn(f'the first walks of this gallery were cut out by crop {kept["crop"]!r}, not {crop!r}: '
                          'similarities may be lower', stacklevel=3)

    def enrol(self, name, vectors, walks=None, fingerprint=None, origins=None, force=False):
        """Add walks of a person.

        Parameters
        ----------
        name : str
            Any text that is not blank.
        vectors : array_like, shape (n, d) or (d,)
            One identification vector per walk (d = 512), kept as float32. The first enrolment decides d.
        walks : sequence of n str, or a str for a single vector, optional
            Labels by which to find and remove the walks, each once per person. Default: the next free ``walk 1``,
            ``walk 2``, ...
        fingerprint : str, optional
            Weights that made the vectors; by default those said on opening, else the default weights.
        origins : sequence of n `galleries.tables.Origin`, or one for a single vector, optional
            Where the vectors came from.
        force : bool
            Take recordings that are in the gallery already.

        Returns
        -------
        list of str
            The walks' labels.

        Raises
        ------
        DuplicateWalkError
            The same recording (by its contents), or the very same vector, is there already.

        Warns
        -----
        UserWarning
            A walk is all but the same as another, or looks like somebody else's.
        """
        self._check_fingerprint(fingerprint)
        check_text('name', name)
        check({'force': FLAG}, {'force': force})
        with self.changing():
            vectors = self._check_vectors(vectors)
            origins = _one_each('origins', origins, len(vectors)) or [Origin()] * len(vectors)
            walks = self._free_labels(name, walks, len(vectors))
            similarity = self._held.similarity_to(vectors)
            self._refuse_known(name, vectors, walks, origins, force, similarity)
            if 'width' not in self._held.settings:
                self._tables.set('width', str(vectors.shape[1]))
            if self.is_private:
                origins = [origin._replace(path=None) for origin in origins]
            self._tables.add_walks(name, walks, vectors, origins, fingerprint or self.fingerprint)
            suspicions = checks.of_new_walks(self._held, similarity)
        if suspicions:
            more = f'; and {len(suspicions) - 3} walks more: gallery check lists them' if len(suspicions) > 3 else ''
            warnings.warn('; '.join(suspicions[:3]) + more, stacklevel=2)
        self._say_outdated()
        return walks

    def _free_labels(self, name, walks, count):
        held = self._held
        taken = {held.labels[i] for i in held.of(name)}
        if walks is None:
            free = (label for number in itertools.count(1) if (label := f'walk {number}') not in taken)
            return [next(free) for _ in range(count)]
        walks = _one_each('walks', walks, count)
        for i, walk in enumerate(walks):
            check_text('walks', walk)
            if walk in taken or walk in walks[:i]:
                raise ValueError(f'walks: {walk!r} of {name!r} is enrolled already; remove it first or take another '
                                 'label')
        return walks

    def _refuse_known(self, name, vectors, walks, origins, force, similarity):
        """Complain about recordings, or vectors, that are there already or come twice."""
        for number, known in checks.known_walks(self._held, vectors, origins, similarity):
            if known is None:
                owner = name
                label = next(walks[i] for i in range(number) if checks.is_same(vectors, origins, i, number))
            else:
                owner, label = self._held.names[known], self._held.labels[known]
            same = f'{walks[number]!r} of {name!r} is the same recording as {label!r} of {owner!r}'
            if force:
                warnings.warn(f'{same}; both are kept', stacklevel=3)
            elif owner == name:
                raise DuplicateWalkError(f'{same}, which is enrolled already (force=True or --force keeps both)')
            else:
                raise DuplicateWalkError(f'{same}: whose is it? Remove it there first, or keep both by force=True or '
                                         '--force')

    def remove(self, name, walk=None):
        """Remove a person, or one walk of theirs. Nobody of that name, or no such walk: LookupError.

        `forget` leaves nothing of them in the file.
        """
        with self.changing():
            self._tables.delete_walks(self._ids(name, None if walk is None else [walk]))
            self._tables.note('remove', name, walk)
        self._say_outdated()

    def _say_outdated(self):
        if self.outdated and not self._said_outdated:
            self._said_outdated = True
            warnings.warn('the gallery changed, so its calibration is older than the people in it: calibrate it again',
                          stacklevel=3)

    def forget(self, name):
        """Remove a person so that neither vector nor name is left in the file or beside it, nor in the audit lines.

        Raises
        ------
        LookupError
            Nobody of that name.
        GalleryLockedError
            They are removed, but another program that reads the gallery keeps old pages in the file beside it.

        Warns
        -----
        UserWarning
            An ``.npz`` from which this gallery was converted is still there.
        """
        with self.changing():
            count = len(self._ids(name))
            self._tables.delete_walks(self._ids(name))
            self._tables.forget_in_audit(name)
            self._tables.note('forget', None, f'{count} walks')
        self._tables.purge()
        old = self._held.settings.get('converted_from')
        if old and os.path.exists(old):
            warnings.warn(f'{old}, from which this gallery was converted, still holds the people of then: delete it',
                          stacklevel=2)

    def rename(self, name, new):
        """Give a person another name, which nobody has."""
        check_text('new', new)
        with self.changing():
            self._ids(name)
            if self._held.of(new):
                raise ValueError(f'new: {new!r} is in the gallery already; merge puts the walks of two people together')
            self._tables.rename(name, new)
            self._tables.note('rename', new, f'was {name}')

    def merge(self, name, into):
        """The walks of one person become another's. A label that both have gets a number."""
        with self.changing():
            ids = self._ids(name)
            self._ids(into)
            if name == into:
                raise ValueError(f'into: expected somebody else than {name!r}')
            self._tables.move_walks(ids, into, self._labels_at(into, name, ids))
            self._tables.note('merge', into, f'with {name}')

    def split(self, name, walks, into):
        """Some walks of a person become those of another, who is made where there is none."""
        check_text('into', into)
        with self.changing():
            ids = self._ids(name, [walks] if isinstance(walks, str) else walks)
            if name == into:
                raise ValueError(f'into: expected somebody else than {name!r}')
            self._tables.move_walks(ids, into, self._labels_at(into, name, ids))
            self._tables.note('split', into, f'{counted(len(ids), "walk")} of {name}')

    def make_private(self):
        """Keep no path of any recording, now and from now on; labels that were paths become ``walk 1`` and so on."""
        with self.changing():
            held, labels = self._held, {}
            for name in held.people:
                own = held.of(name)
                kept = {held.labels[i] for i in own if not _is_path(held.labels[i])}
                free = (label for number in itertools.count(1) if (label := f'walk {number}') not in kept)
                labels |= {held.ids[i]: next(free) if _is_path(held.labels[i]) else held.labels[i] for i in own}
            self._tables.drop_paths(labels)
            self._tables.set('private', 'yes')
            self._tables.note('private')
        self._tables.purge()

    # To and from other files

    def export(self, path):
        """Write names, walks and vectors into a ``.csv``, or all that is known into an ``.npz`` or ``.parquet``."""
        exchange.suffix_of(path)
        with self._tables.reading():                       # both of one moment
            held, facts = self._held, self._tables.facts()
        exchange.write(path, exchange.Walks(
            held.names, held.labels, held.vectors,
            [Origin(*(each[field] for field in Origin._fields)) for each in facts], self.fingerprint, self.settings))

    def take_in(self, path, fingerprint=None, force=False):
        """Enrol the walks of a file that `export` wrote, all or none of them; returns how many.

        `fingerprint` says which weights made them where the file (CSV) does not; see `enrol`. How they were described,
        where the file says it, must agree (`agree`).
        """
        walks = exchange.read(path)
        if not walks.names:
            raise ValueError(f'{path} holds no walk: it is empty, or cut off after its header')
        with self.changing():
            if walks.settings:
                self.agree(**exchange.description(walks.settings))
            for name in dict.fromkeys(walks.names):
                own = [i for i, each in enumerate(walks.names) if each == name]
                try:
                    self.enrol(name, walks.vectors[own], [walks.labels[i] for i in own],
                               walks.fingerprint or fingerprint, [walks.origins[i] for i in own], force)
                except ValueError as error:
                    raise type(error)(f'{path}: {error}') from error
            self._tables.note('import', None, counted(len(walks.names), 'walk'))
        return len(walks.names)

    @_of_one_moment
    def check(self):
        """What to look at: list of (what, line), see `galleries.checks.whole`."""
        return checks.whole(self._held)

    def _ids(self, name, walks=None):
        """Ids of a person's walks, all or those with these labels; LookupError where one is not there."""
        held = self._held
        own = {held.labels[i]: held.ids[i] for i in held.of(name)}
        if not own:
            raise LookupError(f'{name!r} is not in the gallery; it holds {_some(held.people)}')
        for walk in walks or ():
            if walk not in own:
                raise LookupError(f'walk {walk!r} of {name!r} is not in the gallery; it holds {_some([*own])}')
        return [own[walk] for walk in walks or own]

    def _labels_at(self, into, name, ids):
        """Labels for walks of `name` that nobody at `into` has: their own, with a number where needed."""
        held = self._held
        own = dict(zip(held.ids, held.labels))
        taken, labels = {held.labels[i] for i in held.of(into)}, []
        for number in ids:
            tries = itertools.chain([own[number]], (f'{own[number]} ({i})' for i in itertools.count(2)))
            labels.append(next(label for label in tries if label not in taken))
            taken.add(labels[-1])
        return labels

    # Calibrating it

    @property
    @_of_one_moment
    def method(self):
        """'ls-svm' with at least two people of at least two walks each, else 'cosine'."""
        counts = np.bincount(self._held.persons) if len(self) else []
        return 'ls-svm' if len(counts) >= 2 and min(counts) >= 2 else 'cosine'

    @property
    @_of_one_moment
    def calibration(self):
        """Return task -> `OperatingPoint`; empty before `calibrate`."""
        return {task: point_of(value) for task, value in self._held.points.items()}

    @property
    @_of_one_moment
    def outdated(self):
        """Tasks whose calibration is older than the walks in the gallery, or than what ranks them: list of str."""
        return [task for task, value in self._held.points.items()
                if value['walks'] != self._walks_now() or task == 'identify' and value['method'] != self.method]

    def _walks_now(self):
        """What tells whether walks, or whose they are, have changed."""
        return list(self._held.walks_seal)

    def calibrate(self, false_accept_rate=DEFAULT_RATE, tasks=TASKS, progress=None):
        """Choose the thresholds from the gallery's own walks, for a false accept rate that you name.

        What is *above* a threshold is a yes; it is the smallest that keeps the rate on these trials:

        identify, impostors
            Each walk once: its person is left out entirely, all their walks. A false accept when a name is given.
        identify, genuine
            Each walk of a person with more than one, once: it is left out, and for the SVM one of everybody else's with
            it. A false reject when the right name is not given.
        verify
            Each pair of walks once, by cosine similarity; genuine when the two have one name, else impostor.

        From the trials of `identify` a logistic regression learns to weigh score, margin to the runner-up, T-norm and
        cosine similarity into the probability that the first name is right (`belief`), and the threshold is on that, at
        one half or above. Where nobody has a second walk it is on the cosine similarity. Of a large gallery 4,000
        walks, or 40 / rate, are tried, of people drawn once and for all.

        Trials of one person are not independent, and the walks of a gallery are often more alike than those of
        another day. The rates are what the gallery shows, no promise for the street.

        Who asks meanwhile is not kept waiting; an interruption leaves the old thresholds.

        Parameters
        ----------
        false_accept_rate : float
            With n impostor trials (identify: n walks) a rate under 1 / n cannot be measured and is refused.
        tasks : sequence of {'identify', 'verify'}
            Thresholds to set; others stay as they are. If one of them cannot be calibrated, none is changed.
        progress : callable, optional
            ``progress(done, total=...)``, in walks tried.

        Returns
        -------
        dict
            Task -> `OperatingPoint`, also kept in `calibration`, in the file.
        """
        check({'false_accept_rate': NUMBER}, {'false_accept_rate': false_accept_rate})
        points, kept = {}, {}
        with self._tables.alone():
            walks, vectors, names, method = self._walks_now(), self._held.vectors, self._held.names, self.method
        for task in [tasks] if isinstance(tasks, str) else tasks:
            if task not in TASKS:
                raise ValueError(f'tasks: expected some of {TASKS}, got {task!r}')
            try:
                if task == 'identify':
                    points[task], belief = calibrate_identify(vectors, names, method, false_accept_rate, progress)
                else:
                    points[task], belief = calibrate_verify(vectors, names, false_accept_rate, progress), None
            except ValueError as error:
                raise ValueError(f'{task}: {error}') from None
            kept[task] = {**points[task]._asdict(), 'belief': belief and belief._asdict(), 'walks': walks}
        with self.changing():
            self._tables.keep_points(kept)
            self._said_outdated = False
            self._tables.note('calibrate', None, f'{", ".join(points)}: {false_accept_rate:g}')
        return points

    # Asking it

    def _fitted(self):
        """People, their identifier and its method, fitted anew where the walks have changed."""
        key = self._walks_now()
        if self._identifier is None or self._identifier[0] != key:
            held, method = self._held, self.method
            if method == 'ls-svm':
                self._svm = LeastSquares(held.unit, held.codes)
                ask = identifier(self._svm.score, nearest_of(held.unit, held.codes))
                self._identifier = key, [*held.people], ask, method
            else:
                self._identifier = key, *fit_identifier(held.vectors, held.names, method), method
        return self._identifier[1:]

    @_of_one_moment
    def identify(self, vectors, fingerprint=None, top=50, together=False):
        """Rank the people for a walk, and name the first if that can be believed.

        Parameters
        ----------
        vectors : array_like, shape (d,) or (n, d)
        fingerprint : str, optional
            Weights that made the vectors; by default those said on opening, else the default weights.
        top : int
            How many names a ranking has at most.
        together : bool
            The n walks are one person's: one answer, about the mean of their vectors at length one. The threshold is
            that of single walks.

        Returns
        -------
        Identification, or a list of n
            known
                The first name is above the threshold (its probability is then one half or more), and its SVM score
                above zero: nearer to that person's own walks than to everybody else's.
            weak
                More likely right than not, but not above the threshold, or with an SVM score of zero or less: ask for
                another walk, or look yourself.
            unknown
                Less likely right than not, or two people share the first place.
            uncalibrated
                There is no threshold yet.

            The probability is that the first name is right, if half of those who ask are enrolled. Its interval (95 %)
            is what the number of people in the gallery allows to say.
        """
        self._check_fingerprint(fingerprint)
        check({'top': POSITIVE_INTEGER}, {'top': top})
        probes = self._check_vectors(vectors)
        if not len(self):
            raise ValueError('the gallery is empty: enrol somebody first')
        if together:
            probes = self._check_vectors(normalise(probes).mean(axis=0))
        answers = [answer for first in range(0, len(probes), AT_ONCE)
                   for answer in self._identified(probes[first:first + AT_ONCE], top)]
        return answers[0] if together or np.ndim(vectors) == 1 else answers

    def _identified(self, probes, top):
        people, identify, method = self._fitted()
        point, belief = self.calibration.get('identify'), self._belief()
        scores, first, similarities = identify(probes)
        is_svm = method != 'cosine' and len(people) > 1
        odds = intervals = np.full(len(probes), None)
        if belief is not None:
            evidence = evidence_of(self._weighed(probes, scores), scores.argmax(axis=1), similarities)
            odds, intervals = belief.probability(evidence).tolist(), belief.interval(evidence).tolist()
        for row, one, similarity, probability, interval in zip(scores, first, similarities, odds, intervals,
                                                               strict=True):
            order = _best(row, max(top, 2))
            ranking = [(people[i], float(row[i])) for i in order]
            decision = 'uncalibrated' if point is None else 'unknown' if one < 0 else _decision(
                point, probability if point.threshold_on == PROBABILITY else similarity, not is_svm or row[one] > 0)
            yield Identification(
                decision, people[one] if decision == 'known' else None, ranking[:top], method,
                'SVM score' if is_svm else COSINE, ranking[0][1] - ranking[1][1] if len(ranking) > 1 else None,
                float(similarity), probability, interval and tuple(interval), point and point.threshold,
                point and point.threshold_on)

    def _weighed(self, probes, scores):
        """The scores as evidence: those that rank, or of the SVM that tells strangers."""
        if self._identifier[3] != 'ls-svm':
            return scores
        if self._strangers is None or self._strangers[0] != self._identifier[0]:
            self._strangers = self._identifier[0], self._svm.with_ridge(STRANGERS_RIDGE).score
        return self._strangers[1](probes)

    def _belief(self):
        """What weighs the evidence; None before it is calibrated, or where that has none."""
        held = self._held
        if self._weighing is None or self._weighing[0] != held.generation:
            kept = held.points.get('identify', {}).get('belief')
            self._weighing = held.generation, kept and Belief(**kept)
        return self._weighing[1]

    @_of_one_moment
    def verify(self, vector_a, vector_b, fingerprint=None):
        """Say whether two walks, each (d,), belong to one person; neither needs to be enrolled.

        Without a calibration the decision is 'uncalibrated'.
        """
        self._check_fingerprint(fingerprint)
        if np.ndim(vector_a) != 1 or np.ndim(vector_b) != 1:
            raise ValueError(f'expected one vector (d,) each, got {np.shape(vector_a)} and {np.shape(vector_b)}')
        a, b = normalise(np.concatenate([self._check_vectors(vector_a), self._check_vectors(vector_b)]))
        similarity = float(a @ b)
        point = self.calibration.get('verify')
        if point is None:
            return Verification('uncalibrated', similarity, None)
        return Verification('same' if similarity > point.threshold else 'different', similarity, point.threshold)

    # What an answer is to be seen beside

    @_of_one_moment
    def similarities(self, vectors, fingerprint=None):
        """The cosine similarity of walks, (d,) or (n, d), to each person's nearest walk.

        Returns
        -------
        dict of str to float, or a list of n
        """
        self._check_fingerprint(fingerprint)
        probes = self._check_vectors(vectors)
        if not len(self):
            raise ValueError('the gallery is empty: enrol somebody first')
        people, score = fit_scorer(self._held.vectors, self._held.names, 'cosine')
        found = [dict(zip(people, row.tolist())) for row in score(probes)]
        return found[0] if np.ndim(vectors) == 1 else found

    @_of_one_moment
    def spreads(self, task='identify'):
        """How the values that decide are spread among the gallery's own walks, for right ones and for wrong ones.

        Parameters
        ----------
        task : {'identify', 'verify'}

        Returns
        -------
        list of calibration.Spread
            Of cosine similarities: of walks to each person's nearest walk ('identify'), or of pairs ('verify'). Of an
            'identify' that decides by probability also those of right names and of strangers' first names.
        """
        if task not in TASKS:
            raise ValueError(f'task: expected one of {TASKS}, got {task!r}')
        if not len(self):
            raise ValueError('the gallery is empty: enrol somebody first')
        of_walks = similarities_to_people if task == 'identify' else similarities_to_walks
        found = [of_walks(self._held.unit, self._held.codes)]
        if task == 'identify' and (belief := self._belief()) is not None:
            found.append(Spread(PROBABILITY, SHARES, *(np.histogram(expit(np.asarray(odds, float)), SHARES)[0]
                                                       for odds in (belief.right, belief.strangers))))
        return found

    # Checks

    def _check_fingerprint(self, fingerprint):
        if fingerprint is None:
            if self._vouched:
                return
            fingerprint = choose_weights().fingerprint            # nothing was said: the default weights'
        if not self._is_of(fingerprint):
            raise FingerprintError(
                f'these vectors come from weights {fingerprint!r}, the gallery holds vectors of weights '
                f'{self.fingerprint!r}. They cannot be compared: use those weights, or enrol everybody anew')

    def _is_of(self, fingerprint):
        if re.fullmatch('[0-9a-f]{32}', self.fingerprint):      # made in Python before 2.1: of the tensors alone
            fingerprint = re.sub(r'-(GRU|LSTM)-\d+$', '', fingerprint)
        return fingerprint == self.fingerprint

    @_of_one_moment
    def _check_vectors(self, vectors):
        normalise(vectors)                                 # complains about anything that is no vector
        with np.errstate(over='ignore'):
            vectors = np.atleast_2d(np.asarray(vectors, dtype=np.float32))
        normalise(vectors)                                 # and about what float32 cannot hold
        if len(self) and vectors.shape[1] != self._held.vectors.shape[1]:
            raise ValueError(f'vectors: expected {self._held.vectors.shape[1]} numbers each as in the gallery, got '
                             f'{vectors.shape[1]}')
        return vectors


def check_fingerprint(fingerprint):
    if not isinstance(fingerprint, str) or not fingerprint:
        raise ValueError(f'fingerprint: expected a non-empty string for the weights, got {fingerprint!r}')
    return fingerprint


def _one_each(argument, values, count):
    """`values` as a list of `count`; None stays None."""
    if values is None:
        return None
    values = [values] if isinstance(values, (str, Origin)) else [*values]
    if len(values) != count:
        raise ValueError(f'{argument}: expected one for each of {count} vectors, got {len(values)}')
    return values


def _decision(point, value, may_be_named):
    """'known', 'weak' or 'unknown' of the value that the threshold is on."""
    if value > point.threshold:
        return 'known' if may_be_named else 'weak'
    return 'weak' if point.threshold_on == PROBABILITY and value >= HALF else 'unknown'


def _best(scores, number):
    """Columns of the best scores, best first; of equal ones in their order."""
    if number < len(scores):
        least = np.partition(scores, -number)[-number]
        among = np.flatnonzero(scores >= least)
    else:
        among = np.arange(len(scores))
    return among[np.argsort(-scores[among], kind='stable')][:number]


def _is_path(label):
    return os.sep in label or '/' in label


def _some(names, most=10):
    return f'{[*names[:most]]}' + (f' and {len(names) - most} more' if len(names) > most else '')


def _converted(path):
    """The place beside a gallery of before that holds the same; made where there is none."""
    stem, suffix = os.path.splitext(path)
    stem += '-converted' if suffix == SUFFIX else ''                            # the earlier version took any name
    target, digest = places.FilePlace(stem + SUFFIX), legacy.digest(path)
    if not target.exists():
        old = legacy.read(path)

        def fill(tables):
            tables.set('converted_from', path)
            tables.set('converted_digest', digest)
            if len(old.vectors):
                tables.set('width', str(old.vectors.shape[1]))
            for name in dict.fromkeys(old.names):
                own = [i for i, each in enumerate(old.names) if each == name]
                tables.add_walks(name, [old.walks[i] for i in own], old.vectors[own], [Origin()] * len(own),
                                 old.fingerprint)
            tables.keep_points({task: {**point, 'walks': list(tables.seal('walks'))}
                                for task, point in old.calibration.items()})
            tables.note('convert', None, f'from {path}')
        target.create({'fingerprint': old.fingerprint}, fill)
        warnings.warn(f'{path} is a gallery of before: it was converted to {target}, which is used from now on; name '
                      f'that one. {path} is left as it is: delete it when you need it no longer. '
                      f'Walks recorded at other than {RATE:g} frames a second are described otherwise by now: enrol '
                      'those anew',
                      stacklevel=4)
        return target
    tables = target.tables(readonly=True)
    settings = tables.settings()
    tables.close()
    if settings.get('converted_digest') != digest:
        raise GalleryFileError(f'{path} is a gallery of before, and {target} was not converted from it as it is now: '
                               'move one of the two away')
    warnings.warn(f'{path} was converted to {target}, which is used', stacklevel=4)
    return target
