"""The gallery: whose walks are known, and who walks here.

A gallery holds identification vectors under people's names. It answers two questions about new vectors: who is this
(`Gallery.identify`), and do these two walks belong to one person (`Gallery.verify`). It says yes only above a
threshold that was calibrated on its own walks (`Gallery.calibrate`).

It does not make vectors (the networks do), and it does not measure how good they are (`evaluation` does). TensorFlow is
loaded only where nobody said which weights, and the default ones are a TensorFlow checkpoint.
"""
import contextlib
import csv
import json
import math
import os
import re
import warnings
from typing import NamedTuple

import numpy as np

from gait_files import lock, open_npz, replacing
from gait_recognition.scorers import fit_identifier, index_people, normalise, threshold_for
from gait_recognition.weights import choose_weights

FORMAT = 'gait-gallery'
VERSION = 1
TASKS = ('identify', 'verify')


class FingerprintError(ValueError):
    """The vectors come from other weights than the gallery's (than the default ones where nobody said from which)."""


class GalleryFileError(ValueError):
    """The file is no gallery, or a damaged one."""


class GalleryLockedError(RuntimeError):
    """Another process is changing the gallery."""


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
    method: str                          # 'svm' or 'cosine', what ranked
    similarity: float                    # cosine, to the nearest walk of the first; the threshold is on this
    threshold: float | None


class Verification(NamedTuple):
    """Answer to: is this one person?"""
    decision: str                        # 'same', 'different' or 'uncalibrated'
    score: float                         # cosine similarity, -1 to 1
    threshold: float | None


class Gallery:
    """Named walks, and decisions about new ones.

    ``with Gallery.open(path, fingerprint) as gallery`` changes a gallery in a file, ``Gallery.load(path,
    fingerprint)`` only asks one, ``Gallery(fingerprint)`` starts one in memory.

    Parameters
    ----------
    fingerprint : str
        Stands for the weights that make the vectors: `weights.Weights.fingerprint`. Vectors of other weights mean
        something else, so they are refused.
    """

    def __init__(self, fingerprint):
        if not isinstance(fingerprint, str) or not fingerprint:
            raise ValueError(f'fingerprint: expected a non-empty string for the weights, got {fingerprint!r}')
        self.fingerprint = fingerprint
        self.calibration = {}            # task -> OperatingPoint
        self._vouched = True             # whoever holds this object said which weights they use
        self._vectors = np.zeros((0, 0), np.float32)
        self._names, self._walks = [], []
        self._identifier = None
        self._changed = False
        self._path = None                # the file whose lock is held

    def __len__(self):
        """Number of walks."""
        return len(self._names)

    @property
    def method(self):
        """'svm' with at least two people of at least two walks each, else 'cosine'."""
        counts = [len(walks) for walks in self.list().values()]
        return 'svm' if len(counts) >= 2 and min(counts) >= 2 else 'cosine'

    def list(self):
        """Return ``{name: [walk, ...]}`` in the order of enrolment."""
        people = {}
        for name, walk in zip(self._names, self._walks, strict=True):
            people.setdefault(name, []).append(walk)
        return people

    # Changing it

    def enrol(self, name, vectors, walks=None, fingerprint=None):
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

        Returns
        -------
        list of str
            The walks' labels.
        """
        self._check_fingerprint(fingerprint)
        check_text('name', name)
        vectors = self._check_vectors(vectors)
        taken = self.list().get(name, [])
        if walks is None:
            free = (label for number in range(1, len(taken) + len(vectors) + 1)
                    if (label := f'walk {number}') not in taken)
            walks = [next(free) for _ in vectors]
        walks = [walks] if isinstance(walks, str) else [*walks]
        if len(walks) != len(vectors):
            raise ValueError(f'walks: expected a label for each of {len(vectors)} vectors, got {len(walks)}')
        for i, walk in enumerate(walks):
            check_text('walks', walk)
            if walk in taken or walk in walks[:i]:
                raise ValueError(f'walks: {walk!r} of {name!r} is enrolled already; remove it first or take another '
                                 'label')
        self._replace(np.concatenate([self._vectors.reshape(-1, vectors.shape[1]), vectors]),
                      self._names + [name] * len(walks), self._walks + walks)
        return walks

    def remove(self, name, walk=None):
        """Remove a person, or one walk of theirs. Nobody of that name, or no such walk: LookupError."""
        gone = [i for i, who in enumerate(self._names) if who == name and walk in (None, self._walks[i])]
        if not gone:
            what = f'{name!r}' if walk is None else f'walk {walk!r} of {name!r}'
            raise LookupError(f'{what} is not in the gallery; it holds {self.list().get(name, [*self.list()])}')
        keep = np.delete(np.arange(len(self)), gone)
        self._replace(self._vectors[keep], [self._names[i] for i in keep], [self._walks[i] for i in keep])

    def _replace(self, vectors, names, walks):
        self._vectors, self._names, self._walks = vectors, names, walks
        self._identifier, self._changed = None, True
        if self.calibration:
            self.calibration = {}
            warnings.warn('the gallery changed, so its calibration no longer holds and nobody will be recognised: '
                          'calibrate it again', stacklevel=3)

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
            Task -> `OperatingPoint`, also kept in `calibration` and saved with the gallery.
        """
        points = {}
        for task in tasks:
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
        self.calibration.update(points)
        self._changed = True
        return points

    def _identify_trials(self, method):
        people, codes = index_people(self._names)
        if len(people) < 2:
            raise ValueError(f'identify: the trials leave a person out and need two people, the gallery holds '
                             f'{len(people)}')
        impostor, genuine = [], []
        for person in range(len(people)):
            own = codes == person
            _, identify = fit_identifier(self._vectors[~own], codes[~own], method)
            impostor.extend(identify(self._vectors[own])[2])
        turn = np.arange(len(codes)) if method == 'cosine' else \
            np.array([np.sum(codes[:i] == person) for i, person in enumerate(codes)])
        for number in range(turn.max() + 1):
            out = turn == number
            columns, identify = fit_identifier(self._vectors[~out], codes[~out], method)
            _, places, similarities = identify(self._vectors[out])
            genuine += [similarity if place == columns.index(person) else -np.inf
                        for person, place, similarity in zip(codes[out], places, similarities, strict=True)
                        if person in columns]
        return np.array(genuine), np.array(impostor)

    def _verify_trials(self):
        people, codes = index_people(self._names)
        if len(people) < 2:
            raise ValueError(f'verify: impostor pairs need two people, the gallery holds {len(people)}')
        a, b = np.triu_indices(len(codes), 1)
        vectors = normalise(self._vectors)
        similarity = (vectors @ vectors.T)[a, b]
        return similarity[codes[a] == codes[b]], similarity[codes[a] != codes[b]]

    # Asking it

    def identify(self, vectors, fingerprint=None):
        """Rank the people for a walk, and name the first if the score allows it.

        Parameters
        ----------
        vectors : array_like, shape (d,) or (n, d)
        fingerprint : str, optional
            Weights that made the vectors; by default those said on opening, else the default weights.

        Returns
        -------
        Identification, or a list of n
            Without a calibration the decision is 'uncalibrated' and there is no name, only the ranking. Two people who
            share the first place exactly are 'unknown'.
        """
        self._check_fingerprint(fingerprint)
        probes = self._check_vectors(vectors)
        if not self._names:
            raise ValueError('the gallery is empty: enrol somebody first')
        if self._identifier is None:
            self._identifier = fit_identifier(self._vectors, self._names, self.method)
        people, identify = self._identifier
        point, method = self.calibration.get('identify'), self.method
        answers = []
        for scores, first, similarity in zip(*identify(probes), strict=True):
            ranking = [(people[i], float(scores[i])) for i in np.argsort(-scores, kind='stable')]
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
        if len(self) and vectors.shape[1] != self._vectors.shape[1]:
            raise ValueError(f'vectors: expected {self._vectors.shape[1]} numbers each as in the gallery, got '
                             f'{vectors.shape[1]}')
        return vectors

    # Files

    def export_csv(self, path):
        """Write name, walk and the vector's numbers, one row a walk (UTF-8)."""
        with replacing(path, 'w', encoding='utf-8', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(['name', 'walk', *(f'v{i}' for i in range(self._vectors.shape[1]))])
            for name, walk, vector in zip(self._names, self._walks, self._vectors, strict=True):
                writer.writerow([name, walk, *map(str, vector)])

    def save(self, path=None):
        """Write the gallery; the old file stays whole until the new one is safely on the disk.

        Parameters
        ----------
        path : str, optional
            Default: the file that `open` opened. Another file is overwritten, unless somebody has it open.
        """
        path = self._path if path is None else os.path.realpath(path)
        if path is None:
            raise ValueError('path: this gallery was not opened from a file by Gallery.open, say where to save it')
        with contextlib.nullcontext() if path == self._path else _locked(path):
            about = {'format': FORMAT, 'version': VERSION, 'fingerprint': self.fingerprint, 'names': self._names,
                     'walks': self._walks,
                     'calibration': {task: point._asdict() for task, point in self.calibration.items()}}
            with replacing(path) as file:
                # JSON as text: NumPy's own text arrays drop trailing NULs.
                np.savez(file, vectors=self._vectors, about=np.array(json.dumps(about)))
        self._changed = False

    @classmethod
    def load(cls, path, fingerprint=None):
        """Read a gallery without locking it: to ask, not to change what others may change too.

        Parameters
        ----------
        path : str
        fingerprint : str, optional
            The weights you use (`weights.Weights.fingerprint`). Other weights than the gallery's are refused here. Left
            out: whoever enrols or asks without saying it uses the default weights.

        Raises
        ------
        FileNotFoundError, GalleryFileError, FingerprintError
        """
        with open(path, 'rb') as file:
            try:
                gallery = cls._read(file)
            except Exception as error:   # a foreign file can break NumPy's and zip's readers in any way
                raise GalleryFileError(f'{os.fspath(path)} is not a gallery, or a damaged one: {error}') from error
        if fingerprint is not None:
            try:
                gallery._check_fingerprint(fingerprint)
            except FingerprintError as error:
                raise FingerprintError(f'{os.fspath(path)}: {error}') from None
        gallery._vouched = fingerprint is not None
        return gallery

    @classmethod
    def _read(cls, file):
        with open_npz(file) as arrays:
            vectors, about = arrays['vectors'], json.loads(arrays['about'].item())
        if about['format'] != FORMAT:
            raise ValueError(f'expected the format {FORMAT!r}, got {about["format"]!r}')
        if about['version'] != VERSION:
            raise ValueError(f'expected version {VERSION}, got {about["version"]}; it needs a newer program')
        gallery = cls(about['fingerprint'])
        if vectors.dtype != np.float32 or vectors.ndim != 2:
            raise ValueError(f'expected vectors (n, d) float32, got {vectors.shape} {vectors.dtype}')
        if not len(vectors) == len(about['names']) == len(about['walks']):
            raise ValueError('vectors, names and walks differ in number')
        for field in 'names', 'walks':
            for text in about[field]:
                check_text(field, text)
        if len(set(zip(about['names'], about['walks'], strict=True))) < len(vectors):
            raise ValueError('a walk is there twice')
        if len(vectors):
            normalise(vectors)
        gallery._vectors, gallery._names, gallery._walks = vectors, about['names'], about['walks']
        for task, values in about['calibration'].items():
            point = OperatingPoint(**values)
            if task not in TASKS or not math.isfinite(point.threshold):
                raise ValueError(f'bad calibration {task!r}: {point}')
            gallery.calibration[task] = point
        return gallery

    @classmethod
    @contextlib.contextmanager
    def open(cls, path, fingerprint=None, create=False):
        """Open a gallery to change it, as the only one who does.

        Saved at the end of the ``with`` block if it changed and nothing went wrong, and whenever you call `save`.

        Parameters
        ----------
        path : str
        fingerprint : str, optional
            As in `load`; a new gallery is by default of the default weights.
        create : bool
            Start an empty gallery where there is no file.

        Raises
        ------
        GalleryLockedError
            Another process (or another ``with`` block of this one) has it open.
        FileNotFoundError, GalleryFileError, FingerprintError
        """
        path = os.path.realpath(path)
        if not create and not os.path.exists(path):
            raise FileNotFoundError(f'{path}: there is no such gallery; enrol somebody to start one (in Python with '
                                    'create=True)')
        with _locked(path):
            gallery = cls.load(path, fingerprint) if os.path.exists(path) else \
                cls(fingerprint or choose_weights().fingerprint)
            gallery._path = path
            try:
                yield gallery
                if gallery._changed:
                    gallery.save()
            finally:
                gallery._path = None


def check_text(argument, text):
    """Refuse what cannot be a person's name or a walk's label; `argument` says in the message what it is."""
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f'{argument}: expected text that is not blank, got {text!r}')
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f'{argument}: {text!r} is not valid Unicode and cannot be written to a file') from None


@contextlib.contextmanager
def _locked(path):
    """Hold the lock file ``path.lock``, or raise GalleryLockedError at once.

    The lock is the operating system's, on the open file, not the file's existence: it ends with the process however
    that ends, so there is no stale lock to recognise, and no moment in which two processes both take one over. For the
    same reason the file is never deleted. It holds the owner's process id, for the message only.
    """
    if not os.path.isdir(os.path.dirname(path)):
        raise FileNotFoundError(f'{path}: its folder does not exist')
    with open(path + '.lock', 'a+b') as file:
        try:
            lock(file)
        except BlockingIOError:
            file.seek(0)
            owner = file.read(20).decode(errors='replace') or 'unknown'
            raise GalleryLockedError(f'{path} is being changed by another program (process {owner}); wait until it '
                                     'has finished, then try again') from None
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        yield
