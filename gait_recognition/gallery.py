"""The gallery: whose walks are known, and who walks here.

A gallery holds identification vectors under people's names. It answers two questions about new vectors: who is this
(`Gallery.identify`), and do these two walks belong to one person (`Gallery.verify`). It says yes only above a
threshold that was calibrated on its own walks (`Gallery.calibrate`).

It does not make vectors (the networks do), and it does not measure how good they are (`evaluation` does). Where and how
it is kept is the matter of `galleries`. TensorFlow is loaded only where nobody said which weights, and the default ones
are a TensorFlow checkpoint.
"""
import contextlib
import itertools
import os
import re
import warnings
from typing import NamedTuple

import numpy as np

from gait_recognition.galleries import checks, exchange, legacy, sqlite
from gait_recognition.galleries.errors import (
    DuplicateWalkError,
    FingerprintError,
    GalleryFileError,
    GalleryLockedError,
    GalleryReadOnlyError,
)
from gait_recognition.galleries.held import Held
from gait_recognition.galleries.sqlite import SqliteTables
from gait_recognition.galleries.tables import Source
from gait_recognition.parameters import FLAG, FRAME_RATE, NUMBER, POSITIVE_INTEGER, TEXT, check, check_text, optional
from gait_recognition.rates import RATE
from gait_recognition.scorers import fit_identifier, normalise, threshold_for
from gait_recognition.weights import choose_weights

__all__ = ['DuplicateWalkError', 'FingerprintError', 'Gallery', 'GalleryFileError', 'GalleryLockedError',
           'GalleryReadOnlyError', 'Identification', 'OperatingPoint', 'Source', 'Verification']
DESCRIPTION = {'every': POSITIVE_INTEGER, 'crop': TEXT, 'rate': optional(FRAME_RATE)}       # of `agree`
TASKS = ('identify', 'verify')
SUFFIX = '.gallery'                      # of a gallery that was converted from an .npz of before


class OperatingPoint(NamedTuple):
    """A calibrated threshold, and how it did on the trials that it was calibrated on."""
    threshold: float                     # a cosine similarity above it is a yes
    wanted_false_accept_rate: float
    false_accept_rate: float             # achieved, at most the wanted one
    false_reject_rate: float | None      # None without genuine trials
    impostor_trials: int
    genuine_trials: int
    method: str


class Identification(NamedTuple):
    """Answer to: who is this?"""
    decision: str                        # 'known', 'unknown' (nobody above the threshold) or 'uncalibrated'
    name: str | None                     # only when known
    ranking: list[tuple[str, float]]     # (name, score by the method), best first
    method: str                          # 'ls-svm' or 'cosine', what ranked
    similarity: float                    # cosine, to the nearest walk of the first; the threshold is on this
    threshold: float | None


class Verification(NamedTuple):
    """Answer to: is this one person?"""
    decision: str                        # 'same', 'different' or 'uncalibrated'
    score: float                         # cosine similarity, -1 to 1
    threshold: float | None


class Gallery:
    """Named walks, and decisions about new ones.

    ``Gallery.open(path)`` opens a gallery in a file to change it, ``Gallery.load(path)`` only to ask it, and
    ``Gallery(fingerprint)`` starts one in memory. A change is in the file when the method returns, whole; several
    programs may change and ask one gallery at the same time. Use ``with``, or `close` it.

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
        self._identifier, self._said_outdated = None, False
        self._rows.refresh()             # read now: damage is refused before anything is asked

    # Opening and keeping it

    @classmethod
    def open(cls, path, fingerprint=None, create=False, readonly=False):
        """Open a gallery in a file.

        Parameters
        ----------
        path : str or os.PathLike
            An ``.npz`` of before 2.1 is converted to a file beside it with the suffix ``.gallery``, which is used from
            then on; a warning says so.
        fingerprint : str, optional
            The weights you use (`weights.Weights.fingerprint`). Other weights than the gallery's are refused here. Left
            out: whoever enrols or asks without saying it uses the default weights. A new gallery is by default of
            those, too.
        create : bool
            Start an empty gallery where there is no file.
        readonly : bool
            To ask only; works in a folder in which nothing can be written.

        Raises
        ------
        FileNotFoundError
            There is no such gallery, or no such folder.
        GalleryFileError
            No gallery, one of a newer version, or a damaged one.
        FingerprintError
        """
        path = os.path.realpath(path)
        if not os.path.exists(path):
            if not create:
                raise FileNotFoundError(f'{path}: there is no such gallery; enrol somebody to start one (in Python '
                                        'with create=True)')
            sqlite.create(path, {'fingerprint': check_fingerprint(fingerprint or choose_weights().fingerprint)})
        elif not sqlite.is_database(path):
            path = _converted(path)
        gallery = cls.__new__(cls)
        tables = SqliteTables(path, readonly)
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
    def load(cls, path, fingerprint=None):
        """Open a gallery to ask it; nothing in it can be changed. Arguments and errors as of `open`."""
        return cls.open(path, fingerprint, readonly=True)

    def save(self, path):
        """Write a copy into another file; a gallery that is there is replaced."""
        self._tables.copy_to(os.path.realpath(path))

    def close(self):
        self._tables.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    @contextlib.contextmanager
    def changing(self):
        """Several changes as one: kept whole at the end of the block, or none of them after an error."""
        try:
            with self._tables.writing():
                yield self
        except BaseException:
            self._rows.drop()
            raise

    @property
    def _held(self):
        self._rows.refresh()
        return self._rows

    # What is in it

    def __len__(self):
        """Number of walks."""
        return len(self._held)

    @property
    def path(self):
        """The file; None in memory."""
        return self._tables.path

    @property
    def fingerprint(self):
        """Of the weights that made its vectors."""
        return self._held.settings['fingerprint']

    @property
    def settings(self):
        """How its walks are described, as `agree` keeps it: dict of str."""
        return {key: value for key, value in self._held.settings.items() if key in ('every', 'crop', 'rate')}

    @property
    def is_private(self):
        """Whether it keeps no paths of recordings."""
        return 'private' in self._held.settings

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
        kept = self.settings
        if kept.get('every', str(every)) != str(every):
            raise ValueError(f'every: the walks of this gallery were described with every={kept["every"]}, got '
                             f'{every}: vectors are compared with their like only (--every {kept["every"]})')
        if kept.get('rate', str(rate)) != str(rate):
            raise ValueError(f'rate: the walks of this gallery were described at {kept["rate"]} frames a second, got '
                             f'{rate}: vectors are compared with their like only')
        if kept.get('crop', crop) != crop:
            warnings.warn(f'the first walks of this gallery were cut out by crop {kept["crop"]!r}, not {crop!r}: '
                          'similarities may be lower', stacklevel=2)
        if not kept and not self._tables.readonly:
            with self.changing():
                self._tables.set('every', str(every))
                self._tables.set('crop', crop)
                self._tables.set('rate', str(rate))

    def enrol(self, name, vectors, walks=None, fingerprint=None, sources=None, force=False):
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
        sources : sequence of n `galleries.tables.Source`, or one for a single vector, optional
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
            sources = _one_each('sources', sources, len(vectors)) or [Source()] * len(vectors)
            walks = self._free_labels(name, walks, len(vectors))
            self._refuse_known(name, vectors, walks, sources, force)
            if 'width' not in self._held.settings:
                self._tables.set('width', str(vectors.shape[1]))
            if self.is_private:
                sources = [source._replace(path=None) for source in sources]
            before = len(self)
            self._tables.add_walks(name, walks, vectors, sources, fingerprint or self.fingerprint)
            suspicions = checks.of_new_walks(self._held, before)
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

    def _refuse_known(self, name, vectors, walks, sources, force):
        """Complain about recordings, or vectors, that are there already or come twice."""
        for number, known in checks.known_walks(self._held, vectors, sources):
            if known is None:
                owner = name
                label = next(walks[i] for i in range(number) if checks.is_same(vectors, sources, i, number))
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
            self._tables.note('split', into, f'{len(ids)} walks of {name}')

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
        """Write names, walks and vectors into a ``.csv``, or with digests and fingerprint into an ``.npz``."""
        held = self._held
        exchange.write(path, exchange.Walks(held.names, held.labels, held.vectors, held.contents, self.fingerprint))

    def take_in(self, path, fingerprint=None, force=False):
        """Enrol the walks of a file that `export` wrote, all or none of them; returns how many.

        `fingerprint` says which weights made them where the file (CSV) does not; see `enrol`.
        """
        walks = exchange.read(path)
        if not walks.names:
            raise ValueError(f'{path} holds no walk: it is empty, or cut off after its header')
        with self.changing():
            for name in dict.fromkeys(walks.names):
                own = [i for i, each in enumerate(walks.names) if each == name]
                try:
                    self.enrol(name, walks.vectors[own], [walks.labels[i] for i in own],
                               walks.fingerprint or fingerprint,
                               [Source(contents=walks.contents[i]) for i in own], force)
                except ValueError as error:
                    raise type(error)(f'{path}: {error}') from error
            self._tables.note('import', None, f'{len(walks.names)} walks')
        return len(walks.names)

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
    def method(self):
        """'ls-svm' with at least two people of at least two walks each, else 'cosine'."""
        counts = np.bincount(self._held.persons) if len(self) else []
        return 'ls-svm' if len(counts) >= 2 and min(counts) >= 2 else 'cosine'

    @property
    def calibration(self):
        """Return task -> `OperatingPoint`; empty before `calibrate`."""
        return {task: OperatingPoint(**{field: value[field] for field in OperatingPoint._fields})
                for task, value in self._held.points.items()}

    @property
    def outdated(self):
        """Tasks whose calibration is older than the walks in the gallery, or than what ranks them: list of str."""
        return [task for task, value in self._held.points.items()
                if value['walks'] != self._walks_now() or task == 'identify' and value['method'] != self.method]

    def _walks_now(self):
        """What tells whether walks, or whose they are, have changed."""
        return list(self._held.walks_seal)

    def calibrate(self, false_accept_rate=0.01, tasks=TASKS):
        """Choose the thresholds from the gallery's own walks, for a false accept rate that you name.

        A cosine similarity *above* the threshold is a yes; the threshold is the smallest that keeps the rate on these
        trials:

        identify, impostors
            Each walk once: its person is left out entirely, all their walks, and the method learns anew from the
            others. A false accept when the similarity to the nearest walk of whoever comes first is above the
            threshold (`fit_identifier`).
        identify, genuine
            Each walk of a person with more than one, once: this walk is left out and, for the SVM, one of everybody
            else's with it, which takes fewer fits. A false reject when the right name does not come first, shares the
            first place, or its similarity is not above the threshold.
        verify
            Each pair of walks once, by cosine similarity; genuine when the two have one name, else impostor.

        Trials of one person are not independent, and the walks of a gallery are often more alike than those of
        another day. The rates are what the gallery shows, no promise for the street. With the SVM this takes one fit
        per person (60 people with 4 walks each: some seconds).

        Parameters
        ----------
        false_accept_rate : float
            With n impostor trials (identify: n walks) a rate under 1 / n cannot be measured and is refused.
        tasks : sequence of {'identify', 'verify'}
            Thresholds to set; others stay as they are. If one of them cannot be calibrated, none is changed.

        Returns
        -------
        dict
            Task -> `OperatingPoint`, also kept in `calibration`, in the file.
        """
        check({'false_accept_rate': NUMBER}, {'false_accept_rate': false_accept_rate})
        points = {}
        for task in [tasks] if isinstance(tasks, str) else tasks:
            if task not in TASKS:
                raise ValueError(f'tasks: expected some of {TASKS}, got {task!r}')
            method = self.method if task == 'identify' else 'cosine'
            genuine, impostor = self._identify_trials(method) if task == 'identify' else self._verify_trials()
            try:
                threshold = threshold_for(impostor, false_accept_rate)
            except ValueError as error:
                raise ValueError(f'{task}: {error}') from None
            points[task] = OperatingPoint(
                threshold, false_accept_rate, float(np.mean(impostor > threshold)),
                float(np.mean(genuine <= threshold)) if len(genuine) else None, len(impostor), len(genuine), method)
        with self.changing():
            self._tables.keep_points({task: {**point._asdict(), 'walks': self._walks_now()}
                                      for task, point in points.items()})
            self._said_outdated = False
            self._tables.note('calibrate', None, f'{", ".join(points)}: {false_accept_rate:g}')
        return points

    def _identify_trials(self, method):
        people, codes = self._held.people, self._held.codes
        if len(people) < 2:
            raise ValueError(f'identify: the trials leave a person out and need two people, the gallery holds '
                             f'{len(people)}')
        impostor, genuine = [], []
        for person in range(len(people)):
            own = codes == person
            _, identify = fit_identifier(self._held.vectors[~own], codes[~own], method)
            impostor.extend(identify(self._held.vectors[own])[2])
        turn = np.arange(len(codes)) if method == 'cosine' else \
            np.array([np.sum(codes[:i] == person) for i, person in enumerate(codes)])
        for number in range(turn.max() + 1):
            out = turn == number
            columns, identify = fit_identifier(self._held.vectors[~out], codes[~out], method)
            _, places, similarities = identify(self._held.vectors[out])
            genuine += [similarity if place == columns.index(person) else -np.inf
                        for person, place, similarity in zip(codes[out], places, similarities, strict=True)
                        if person in columns]
        return np.array(genuine), np.array(impostor)

    def _verify_trials(self):
        people, codes = self._held.people, self._held.codes
        if len(people) < 2:
            raise ValueError(f'verify: impostor pairs need two people, the gallery holds {len(people)}')
        a, b = np.triu_indices(len(codes), 1)
        vectors = normalise(self._held.vectors)
        similarity = (vectors @ vectors.T)[a, b]
        return similarity[codes[a] == codes[b]], similarity[codes[a] != codes[b]]

    # Asking it

    def _fitted(self):
        """People, their identifier and its method, fitted anew where the walks have changed."""
        key = self._walks_now()
        if self._identifier is None or self._identifier[0] != key:
            method = self.method
            self._identifier = key, *fit_identifier(self._held.vectors, self._held.names, method), method
        return self._identifier[1:]

    def identify(self, vectors, fingerprint=None, top=50):
        """Rank the people for a walk, and name the first if the score allows it.

        Parameters
        ----------
        vectors : array_like, shape (d,) or (n, d)
        fingerprint : str, optional
            Weights that made the vectors; by default those said on opening, else the default weights.
        top : int
            How many names a ranking has at most.

        Returns
        -------
        Identification, or a list of n
            Without a calibration the decision is 'uncalibrated' and there is no name, only the ranking. Two people who
            share the first place exactly are 'unknown'.
        """
        self._check_fingerprint(fingerprint)
        check({'top': POSITIVE_INTEGER}, {'top': top})
        probes = self._check_vectors(vectors)
        if not len(self):
            raise ValueError('the gallery is empty: enrol somebody first')
        people, identify, method = self._fitted()
        point = self.calibration.get('identify')
        answers = []
        for scores, first, similarity in zip(*identify(probes), strict=True):
            ranking = [(people[i], float(scores[i])) for i in np.argsort(-scores, kind='stable')[:top]]
            if point is None:
                decision = 'uncalibrated'
            else:
                decision = 'known' if first >= 0 and similarity > point.threshold else 'unknown'
            answers.append(Identification(decision, people[first] if decision == 'known' else None, ranking, method,
                                          float(similarity), point and point.threshold))
        return answers[0] if np.ndim(vectors) == 1 else answers

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
    values = [values] if isinstance(values, (str, Source)) else [*values]
    if len(values) != count:
        raise ValueError(f'{argument}: expected one for each of {count} vectors, got {len(values)}')
    return values


def _is_path(label):
    return os.sep in label or '/' in label


def _some(names, most=10):
    return f'{[*names[:most]]}' + (f' and {len(names) - most} more' if len(names) > most else '')


def _converted(path):
    """The file beside a gallery of before that holds the same; made where there is none."""
    target, digest = os.path.splitext(path)[0] + SUFFIX, legacy.digest(path)
    if not os.path.exists(target):
        old = legacy.read(path)

        def fill(tables):
            tables.set('converted_from', path)
            tables.set('converted_digest', digest)
            if len(old.vectors):
                tables.set('width', str(old.vectors.shape[1]))
            for name in dict.fromkeys(old.names):
                own = [i for i, each in enumerate(old.names) if each == name]
                tables.add_walks(name, [old.walks[i] for i in own], old.vectors[own], [Source()] * len(own),
                                 old.fingerprint)
            tables.keep_points({task: {**point, 'walks': list(tables.seal('walks'))}
                                for task, point in old.calibration.items()})
            tables.note('convert', None, f'from {path}')
        sqlite.create(target, {'fingerprint': old.fingerprint}, fill)
        warnings.warn(f'{path} is a gallery of before: it was converted to {target}, which is used from now on; name '
                      f'that one. {path} is left as it is: delete it when you need it no longer. '
                      f'Walks recorded at other than {RATE:g} frames a second are described otherwise by now: enrol '
                      'those anew',
                      stacklevel=4)
        return target
    tables = SqliteTables(target, readonly=True)
    settings = tables.settings()
    tables.close()
    if settings.get('converted_digest') != digest:
        raise GalleryFileError(f'{path} is a gallery of before, and {target} was not converted from it as it is now: '
                               'move one of the two away')
    warnings.warn(f'{path} was converted to {target}, which is used', stacklevel=4)
    return target
