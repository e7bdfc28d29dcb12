"""Files of weights: find them, read them whole and checked, match them to a network's variables, write them.

Reads TensorFlow checkpoints of both formats (V1, one file; V2, `.index` and `.data-*`) and weights of 8 bits (`.npz`),
and knows the names that every version of TensorFlow gave to recurrent weights. What all users of weights share stands
here, too: warnings that point at the caller's line or are ignored, and the refusal of forked processes. No network is
built here and no session of a network is touched; TensorFlow is loaded only by what reads or writes its files.
"""
import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import re
import stat
import sys
import sysconfig
import tempfile
import threading
import warnings
from typing import NamedTuple

import numpy as np

from gait_files import left_beside, name_beside, open_npz, remove_left, replacing, write_npz
from gait_tables import Entry, read_entries

DATA_SUFFIX = '.data-00000-of-00001'
FACTS = 'facts.json'                      # name under which an .npz of ours holds what is not a tensor
NO_WEIGHT = r'^GaitNN/Logits/|/RMSProp(_\d+)?$|global_step$'      # training's alone: does not change a vector
COMPACT_FORMAT = 'gait-recognition weights, 8 bits, 1'
COMPACT_SUFFIX = '.npz'
COMPACT_LIMIT = 1 << 30                   # bytes that a compact file may unpack to; the pose network's are 56 million
SCALE_SUFFIX = ':scale'
INSTALLED = 'share/gait-recognition/models'                      # where `setup.py` puts the weights that ship
FETCH = 'gait-recognition fetch (in a clone that is not installed: python fetch_models.py)'
HOW_TO_GET = f'fetch the published weights with {FETCH}, or see models/README.md for the addresses'
NOTHING, HTML_PAGE, LFS_POINTER = 'an empty file', 'an HTML page', 'a Git LFS pointer'
CELL_WEIGHTS = {'GRU': {'gates': 2, 'candidate': 1}, 'LSTM': {None: 4}}   # parts of a cell, widths in units
OURS = ('gait_network', 'gait_nn', 'human_pose_nn', 'gait_recognition')   # modules, and the package
WRAPPERS = ('contextlib', 'functools')    # nobody's own lines
# The op seeds that TensorFlow 1.3 gives to recurrent kernels when the pose network is built first and the gait network
# second in one process: first + step x layers. Galleries made with the original depend on them.
TF13_KERNEL_SEED = {'gates': (8079, 12), 'candidate': (8104, 12), None: (8079, 24)}


class KnownPair(NamedTuple):
    """Weights of both networks that belong together: the gait network learnt on the pose network's features."""
    pose: str                   # names of files
    gait: str
    recurrent_unit: str         # how the gait network is built
    rnn_layers: int
    trained_on: str             # the pose network
    published: bool             # with the original, in 2017; the others come with this project

    @property
    def notice(self):
        """What is to be said where these weights are used by default; None of published ones."""
        return None if self.published else (
            f'using {self.pose}, weights trained on {self.trained_on}; for people the published ones come first: '
            f'{FETCH}')


# In the order in which they are looked for.
KNOWN_PAIRS = (
    KnownPair('Human3.6m.ckpt', 'H3.6m-GRU-1.ckpt', 'GRU', 1, 'the walks of Human 3.6m', True),
    KnownPair('MPII+LSP.ckpt', 'M+L-GRU-2.ckpt', 'GRU', 2, 'MPII and LSP', True),
    KnownPair('walkers-pose.npz', 'walkers-GRU-1.npz', 'GRU', 1, 'synthetic walkers', False),
    KnownPair('people-pose.npz', 'people-GRU-1.npz', 'GRU', 1, 'pictures of people and synthetic walkers', False),
)
SHIPPED, SHIPPED_FOR_PEOPLE = KNOWN_PAIRS[-2:]                      # the latter is to be named, until it comes first
SHIPPED_POSE = SHIPPED_FOR_PEOPLE.pose
POSES_ALONE = ('MPII+LSP.ckpt', 'Human3.6m.ckpt', SHIPPED_POSE)     # where no gait network follows: any pose


class CheckpointError(ValueError):
    """A file of weights cannot be used; the message names the file and says what is wrong and what was expected."""


@dataclasses.dataclass
class RestoreReport:
    """What `restore` did, by variable name.

    Attributes
    ----------
    path : str
        The file.
    restored : list of str
        Variables that have the file's weights.
    shared : list of str
        Recurrent variables of further layers, filled from the file's only cell, `cell_0`.
    initial : list of str
        Variables that the file does not hold and that have initial weights.
    kept : list of str
        Variables outside what the file is for (an ImageNet checkpoint is for the backbone): they keep their values.
    ignored : list of str
        Names in the file that the network has no use for.
    """

    path: str
    restored: list = dataclasses.field(default_factory=list)
    shared: list = dataclasses.field(default_factory=list)
    initial: list = dataclasses.field(default_factory=list)
    kept: list = dataclasses.field(default_factory=list)
    ignored: list = dataclasses.field(default_factory=list)

    def __str__(self):
        lines = [f'{self.path}: {len(self.restored)} variables restored']
        for what, names in (('filled from the shared cell_0', self.shared), ('initial', self.initial),
                            ('kept', self.kept), ('ignored', self.ignored)):
            if names:
                some = ', '.join(names[:4]) + (', ...' if len(names) > 4 else '')
                lines.append(f'  {len(names)} {what}: {some}')
        return '\n'.join(lines)


# --- The process that uses weights -----------------------------------------------------------------------------------

_SAID = set()


def warn_caller(message, once=False):
    """Warn at the line outside the project that led here, through whatever other modules.

    Parameters
    ----------
    message : str or None
        Of None nothing is said.
    once : bool
        Say this message no second time in this process.
    """
    if message is None or once and message in _SAID:
        return
    if once:
        _SAID.add(message)
    frames, frame = [], sys._getframe(1)
    while frame:
        frames.append(frame)
        frame = frame.f_back
    ours = [i for i, frame in enumerate(frames) if frame.f_globals.get('__name__', '').partition('.')[0] in OURS]
    outside = frames[max(ours, default=-1) + 1:]
    at = next((frame for frame in outside if frame.f_globals.get('__name__') not in WRAPPERS), frames[-1])
    warnings.warn_explicit(message, UserWarning, at.f_code.co_filename, at.f_lineno, at.f_globals.get('__name__'),
                           at.f_globals.setdefault('__warningregistry__', {}))


_FILTERING = threading.RLock()


@contextlib.contextmanager
def ignoring(message, category=Warning):
    """Ignore warnings in the block, one thread after the other: Python's list of filters belongs to the process.

    Parameters
    ----------
    message : str
        Regular expression of their beginning.
    category : type
    """
    with _FILTERING, warnings.catch_warnings():
        warnings.filterwarnings('ignore', message, category)
        yield


_PROCESS = []                             # the number of the process in which sessions have run


def is_forked():
    """Whether this process was forked off one whose sessions had run."""
    return bool(_PROCESS) and _PROCESS[0] != os.getpid()


def check_process():
    """To be called where a session is opened or run: RuntimeError in a process that was forked off after one had run.

    TensorFlow's threads do not follow a fork, and a run would wait for them for ever.
    """
    if not _PROCESS:
        _PROCESS.append(os.getpid())
    elif is_forked():
        raise RuntimeError(f'process {os.getpid()} was forked off process {_PROCESS[0]} after TensorFlow had run, and '
                           "would hang: start processes with multiprocessing.get_context('spawn') (or "
                           'joblib), and build and restore networks in each')


# --- Finding ---------------------------------------------------------------------------------------------------------

def user_data_folder():
    """The folder for files of this user, by the platform's custom (nothing is created)."""
    if sys.platform == 'win32':
        base = os.environ.get('LOCALAPPDATA', '~/AppData/Local')
    elif sys.platform == 'darwin':
        base = '~/Library/Application Support'
    else:
        base = os.environ.get('XDG_DATA_HOME') or '~/.local/share'
    return pathlib.Path(base).expanduser() / 'gait-recognition'


def source_checkout():
    """The folder of the project's source that this module runs from; None where it is installed without."""
    here = pathlib.Path(__file__).resolve().parent
    return here if (here / 'setup.py').is_file() else None


def weight_folders():
    """Folders where weights are sought: `./models`, the source checkout's `models/`, the installation's, the user's.

    Returns
    -------
    list of pathlib.Path
    """
    folders = [pathlib.Path('models').absolute()]
    checkout = source_checkout()
    if checkout and checkout / 'models' not in folders:
        folders.append(checkout / 'models')
    installed = pathlib.Path(sysconfig.get_path('data'), INSTALLED)
    return [*folders, *([installed] if installed.is_dir() else []), user_data_folder() / 'models']


def find_weights(name):
    """The path of the weights called `name` in the first of `weight_folders()` that holds them.

    Parameters
    ----------
    name : str
        A file's bare name, such as `MPII+LSP.ckpt`.

    Returns
    -------
    pathlib.Path
        What `restore` takes: the file, or the prefix of a V2 checkpoint.

    Raises
    ------
    FileNotFoundError
        Lists the folders and says how to get the published weights.
    """
    for folder in weight_folders():
        if _is_there(folder / name):
            return folder / name
    raise FileNotFoundError(f'{name}: no such weights in {_places()}.{_weights_there()} To get published ones: '
                            f'{HOW_TO_GET}.')


def default_pair():
    """The first of `KNOWN_PAIRS` whose files are both there, as full paths.

    Returns
    -------
    KnownPair

    Raises
    ------
    FileNotFoundError
        Lists the files and folders and says how to get the published weights.
    """
    for pair in KNOWN_PAIRS:
        with contextlib.suppress(FileNotFoundError):
            return pair._replace(pose=str(find_weights(pair.pose)), gait=str(find_weights(pair.gait)))
    raise FileNotFoundError(f'no weights: looked for {", or ".join(f"{p.pose} with {p.gait}" for p in KNOWN_PAIRS)}, '
                            f'in {_places()}. To get them: {HOW_TO_GET}.')


def default_pose(names=POSES_ALONE):
    """The first of the pose weights `names` that is there, as the `KnownPair` they are of, with its full path.

    FileNotFoundError as of `default_pair`.
    """
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            return next(pair for pair in KNOWN_PAIRS if pair.pose == name)._replace(pose=str(find_weights(name)))
    raise FileNotFoundError(f'no weights: looked for {", or ".join(names)}, in {_places()}. To get them: {HOW_TO_GET}.')


def _places():
    return ', '.join(map(str, weight_folders()))


def _weights_there():
    """The names of the weights in `weight_folders()`, for messages."""
    names = {re.sub(r'\.index$', '', path.name) for folder in weight_folders() if folder.is_dir()
             for path in folder.iterdir() if path.name.endswith(('.ckpt', '.ckpt.index', COMPACT_SUFFIX))}
    return f' There are: {", ".join(sorted(names))}.' if names else ''


def locate(path):
    """The checkpoint that `path` means: `~` expanded, an `.index` or `.data-*` cut to the prefix, a bare name sought.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    str

    Raises
    ------
    FileNotFoundError, IsADirectoryError, TypeError
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f'the path of a checkpoint is a str or PathLike, got {type(path).__name__}')
    path = os.path.expanduser(os.fspath(path))
    if not isinstance(path, str):
        path = os.fsdecode(path)
    prefix = re.sub(r'\.(index|data-\d{5}-of-\d{5})$', '', path)
    _finish_interrupted_write(prefix)
    if _is_there(prefix):
        return prefix
    if os.path.isdir(path):
        raise IsADirectoryError(f'{path} is a folder; a checkpoint file was expected, such as '
                                f'{os.path.join(path, "MPII+LSP.ckpt")}')
    if os.path.dirname(prefix) == '' and prefix:
        return str(find_weights(prefix))
    if os.path.exists(prefix + DATA_SUFFIX):
        raise FileNotFoundError(f'{prefix}.index: no such file, though its data file is there; '
                                'a V2 checkpoint needs both')
    raise FileNotFoundError(f'{path}: no such checkpoint.{_weights_there()} Published weights: {HOW_TO_GET}.')


def _is_there(prefix):
    return os.path.isfile(prefix) or os.path.isfile(f'{prefix}.index')


# --- Reading ---------------------------------------------------------------------------------------------------------

class WeightsFile:
    """A file of weights, located once, whose tensors are read once each; every `restore` takes it for a path.

    Parameters
    ----------
    path : str or os.PathLike
        As `locate` takes it.

    Attributes
    ----------
    path : str
    shapes : dict of str to list of int
        Of all tensors in the file, by name.

    Raises
    ------
    CheckpointError, FileNotFoundError, IsADirectoryError
        Here, and when something is read.
    """

    def __init__(self, path):
        self.path = locate(path)
        self._tensors = {}

    def __str__(self):
        return self.path

    def __fspath__(self):
        return self.path

    @functools.cached_property
    def entries(self):
        """`gait_tables.Entry` of each tensor by name, checked against what the files can hold."""
        _refuse_other_kinds(self.path)
        with _named_errors(self.path):
            if self.is_compact:
                with open_npz(self.path, COMPACT_LIMIT) as file:
                    return _compact_entries(file)
            return read_entries(self.path)

    @functools.cached_property
    def shapes(self):
        return {name: entry.shape for name, entry in self.entries.items()}

    @property
    def is_compact(self):
        """It is an `.npz`; a checkpoint's tensors are read by TensorFlow."""
        return self.path.endswith(COMPACT_SUFFIX) and os.path.isfile(self.path)

    def read(self, wanted):
        """The tensors of numbers whose name `wanted` (callable) says yes to, as dict; checksums guard their bytes.

        Texts and other things that a file may hold beside weights are not read.
        """
        names = [name for name, entry in self.entries.items() if entry.is_numbers and wanted(name)]
        missing = [name for name in names if name not in self._tensors]
        if missing:
            with _named_errors(self.path):
                read = _read_compact if self.is_compact else _read_by_tensorflow
                self._tensors.update(read(self.path, missing, self.shapes))
        return {name: self._tensors[name] for name in names}

    def forget(self):
        """Let go of the tensors in memory."""
        self._tensors.clear()


def weights_file(path):
    """`path` itself where it is a `WeightsFile`, else the one that it names."""
    return path if isinstance(path, WeightsFile) else WeightsFile(path)


def read_checkpoint_shapes(path):
    """Names and shapes of the tensors of a checkpoint (as `WeightsFile` takes it), without their values."""
    return WeightsFile(path).shapes


def read_checkpoint(path, wanted=None):
    """Read a checkpoint's tensors into memory; every byte read is checked against the file's checksums.

    Parameters
    ----------
    path : str or os.PathLike
        A V1 file, a V2 prefix or its `.index`, or a compact `.npz`.
    wanted : callable, optional
        Takes a name, says whether to read it. All by default.

    Returns
    -------
    dict of str to np.ndarray

    Raises
    ------
    CheckpointError, FileNotFoundError, IsADirectoryError
    """
    return WeightsFile(path).read(wanted or (lambda name: True))


def _read_by_tensorflow(prefix, names, shapes):
    import tensorflow.compat.v1 as tf

    with contextlib.ExitStack() as stack:
        path = prefix
        if re.search(r'[*?\[\]\\]', prefix) and os.sep == '/':
            # TensorFlow looks such a name up as a pattern, which need not match itself: a link with a plain name.
            path = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), 'checkpoint')
            for suffix in _suffixes(prefix):
                os.symlink(os.path.abspath(prefix + suffix), path + suffix)
        reader = tf.train.NewCheckpointReader(path)
        return {name: _of_shape(name, reader.get_tensor(name), shapes[name]) for name in names}


def _of_shape(name, value, shape):
    if list(np.shape(value)) != shape:                  # the file has changed since its entries were read
        raise ValueError(f'{name} has shape {list(np.shape(value))}, its list says {shape}')
    return value


def _compact_entries(file):
    """The entries of what `write_compact` wrote."""
    facts = json.loads(file[FACTS].tobytes())
    if not isinstance(facts, dict) or facts.get('format') != COMPACT_FORMAT:
        raise ValueError(f'its format is {facts.get("format") if isinstance(facts, dict) else facts!r}, expected '
                         f'{COMPACT_FORMAT!r}')
    shapes = facts['shapes']
    if not isinstance(shapes, dict):
        raise ValueError(f'its list of shapes is a {type(shapes).__name__}')
    for name, shape in shapes.items():
        if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError(f'{name} has shape {shape!r}, which is none')
        if name not in file:
            raise ValueError(f'{name} is in its list and not in it')
    return {name: Entry('float32', shape, True) for name, shape in shapes.items()}


def _read_compact(path, names, shapes):
    with open_npz(path, COMPACT_LIMIT) as file:
        return {name: _expand(file, name, shapes[name]) for name in names}


def _expand(file, name, shape):
    """A tensor of a compact file: as it is, or its 8-bit integers times their scales."""
    value = file.read(name, shape)
    if value.dtype.kind == 'f':
        return value
    scale = file[name + SCALE_SUFFIX]
    if value.dtype != np.int8 or scale.dtype.kind != 'f' or scale.ndim != value.ndim or \
            any(size not in (1, full) for size, full in zip(scale.shape, value.shape)):
        raise ValueError(f'{name} is {value.dtype} {shape} with a scale of {scale.dtype} {list(scale.shape)}')
    return value.astype(np.float32) * scale


def _suffixes(prefix):
    """What stands after the prefix in the names of a checkpoint's files: nothing for V1, .index and .data-* for V2."""
    folder, name = os.path.split(os.path.abspath(prefix))
    names = re.compile(re.escape(name) + r'(\.index|\.data-\d{5}-of-\d{5})?')
    return [entry[len(name):] for entry in os.listdir(folder) if names.fullmatch(entry)]


def stand_in(head):
    """What servers send, and people save, in place of a file: one of these three kinds by its first bytes, or None."""
    if not head:
        return NOTHING
    if re.match(rb'(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)', head, re.IGNORECASE):
        return HTML_PAGE
    return LFS_POINTER if head.startswith(b'version https://git-lfs') else None


def _refuse_other_kinds(prefix):
    """Say in words what is often saved under a checkpoint's name instead of the checkpoint."""
    path = f'{prefix}.index' if os.path.isfile(f'{prefix}.index') else prefix       # V2 wins, as in TensorFlow
    with open(path, 'rb') as file:
        head = file.read(512)
    kind = stand_in(head)
    if kind == NOTHING:
        raise CheckpointError(f'{path} is empty; to get it: {HOW_TO_GET}')
    if kind == HTML_PAGE:
        raise CheckpointError(f'{path} is {kind}, not a checkpoint: the download saved a web page under this name. '
                              f'Remove it and {HOW_TO_GET}')
    if kind == LFS_POINTER:
        raise CheckpointError(f'{path} is {kind}, not the checkpoint it points to: run "git lfs pull", or {HOW_TO_GET}')
    if path != prefix and not any(suffix.startswith('.data-') for suffix in _suffixes(prefix)):
        raise CheckpointError(f'{path}: the data file {os.path.basename(prefix)}{DATA_SUFFIX} is missing beside it; '
                              'a V2 checkpoint needs both')


@contextlib.contextmanager
def _named_errors(prefix):
    """Turn errors of reading, which a damaged file raises in any class, into one that names the file."""
    try:
        yield
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise CheckpointError(f'{prefix} cannot be read as a checkpoint; it is truncated, corrupt or another kind of '
                              f'file. Get it anew ({HOW_TO_GET}). The reader says: {reason}') from error


def fingerprint(*paths):
    """What identifies weights, however they are stored: `fingerprint_of` the files' tensors.

    Parameters
    ----------
    *paths : str or os.PathLike
        Checkpoints, as `restore` takes them.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    CheckpointError, FileNotFoundError, IsADirectoryError
    """
    return fingerprint_of(*(read_checkpoint(path, is_weight) for path in paths))


def fingerprint_of(*files):
    """A hash of networks' tensors, by name; optimiser state, the step and the training classifier do not count.

    Parameters
    ----------
    *files : dict of str to np.ndarray
        For identification vectors the pose network's, then the gait network's.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for tensors in files:
        for name in sorted(filter(is_weight, tensors)):
            value = np.ascontiguousarray(as_float32(name, tensors[name]), '<f4')
            digest.update(f'{name} {value.shape}\n'.encode())
            digest.update(value)
        digest.update(b'end of file\n')
    return digest.hexdigest()[:32]


def as_float32(name, value):
    """A tensor as float32; CheckpointError where it is no numbers, or some are NaN or infinite in float32."""
    value = np.asarray(value)
    if not _is_numbers(value.dtype):
        raise CheckpointError(f'{name} has type {value.dtype}, expected numbers')
    with np.errstate(over='ignore'):                        # told below
        cast = value.astype(np.float32, copy=False)
    if not np.isfinite(cast).all():
        raise CheckpointError(f'{name} holds NaN or infinity' + (
            ', or numbers beyond float32' if value.dtype.kind == 'f' and value.dtype.itemsize > 4 else ''))
    return cast


def _is_numbers(dtype):
    return dtype.kind in 'fiub' or dtype.name == 'bfloat16'


def is_weight(name):
    """Whether a tensor of this name is a network's for inference, not training's alone."""
    return not re.search(NO_WEIGHT, name)


# --- Matching --------------------------------------------------------------------------------------------------------

def match(path, tensors, in_file, expected, what, optional=()):
    """Check that the file's tensors are those of a network; nothing is assigned here.

    Parameters
    ----------
    path : str
        For messages.
    tensors : dict of str to np.ndarray
        Those read from the file.
    in_file : collection of str
        All names in the file, for messages.
    expected : dict of str to sequence of int
        The network's variables and shapes.
    what : str
        The network in words, for messages.
    optional : collection of str
        Names that the file may lack.

    Returns
    -------
    dict of str to np.ndarray
        float32, by the network's names.

    Raises
    ------
    CheckpointError
        A variable is missing or has another shape or type, or the file is another network's.
    """
    required = [name for name in expected if name not in optional]
    missing = [name for name in required if name not in tensors]
    if missing and missing == required:
        raise CheckpointError(f'{path} holds none of the {len(missing)} variables of {what}; it is '
                              f'{_guess_network(in_file)}. Expected, for instance, {missing[0]}')
    problems = [f'{name} is {"no tensor of numbers" if name in in_file else "missing"} (expected shape '
                f'{list(expected[name])})' for name in missing]
    values = {}
    for name, shape in expected.items():
        if name in tensors:
            value = tensors[name]
            if list(value.shape) != list(shape):
                problems.append(f'{name} has shape {list(value.shape)}, expected {list(shape)}')
            elif value.dtype.kind != 'f':
                problems.append(f'{name} has type {value.dtype}, expected float32')
            else:
                try:
                    values[name] = as_float32(name, value)
                except CheckpointError as error:
                    problems.append(str(error))
    if problems:
        more = f' (and {len(problems) - 3} more)' if len(problems) > 3 else ''
        raise CheckpointError(f'{path} does not fit {what}: ' + '; '.join(problems[:3]) + more)
    return values


def _guess_network(names):
    scopes = {name.split('/')[0] for name in names}
    known = [text for scope, text in (('NewInceptionResnetV2', "a pose network's file"),
                                      ('GaitNN', "a gait network's file"),
                                      ('InceptionResnetV2', 'an Inception-ResNet-v2 file, perhaps of ImageNet '
                                                            '(is_pre_trained_imagenet_checkpoint=True)'))
             if scope in scopes]
    return known[0] if known else f"another network's file, with {', '.join(sorted(scopes)[:3]) or 'no variable'}"


def recurrent_prefix(layer):
    """The scope of our recurrent layer number `layer` (from 0) under the gait network's scope `Recurrent`."""
    return f'rnn/multi_rnn_cell/cell_{layer}'


def _recurrent_names(cell, part, leaf, layer):
    """The names of one recurrent variable below `Recurrent/`: ours (TensorFlow 1.2 on), then each earlier era's."""
    ours, old_cell = recurrent_prefix(layer), f'RNN/MultiRNNCell/Cell{layer}'
    late = {'kernel': 'weights', 'bias': 'biases'}[leaf]
    if cell == 'GRU':
        first = {'kernel': 'Matrix', 'bias': 'Bias'}[leaf]
        return [f'{ours}/gru_cell/{part}/{leaf}', f'{ours}/gru_cell/{part}/{late}',
                f'{old_cell}/GRUCell/{part.capitalize()}/Linear/{first}']
    first = {'kernel': 'W_0', 'bias': 'B'}[leaf]
    return [f'{ours}/lstm_cell/{leaf}', f'{ours}/lstm_cell/{late}', f'{old_cell}/LSTMCell/{first}']


def find_recurrent(path, names, cell, layers, scope):
    """Which of a file's tensors go into which recurrent variable of ours.

    Parameters
    ----------
    path : str
        For messages.
    names : collection of str
        The file's tensor names.
    cell : {'GRU', 'LSTM'}
    layers : int
        Of our network.
    scope : str
        `<network>/Recurrent/`.

    Returns
    -------
    sources : dict of str to str
        Our name to the file's. Empty when the file holds no recurrent weights.
    shared : set of str
        Ours that the file's only cell fills besides its own layer.

    Raises
    ------
    CheckpointError
        The file has cells of the other kind, or another number of layers (more than one).
    """
    held = describe_recurrent(names, scope)
    if held is None:
        return {}, set()
    file_cell, file_layers = held
    if file_cell != cell:
        raise CheckpointError(f'{path} holds {file_cell} cells, the network was built with {cell}: build it with '
                              f"recurrent_unit='{file_cell}'")
    if file_layers not in (1, layers):
        raise CheckpointError(f'{path} holds {file_layers} recurrent layers, the network was built with {layers}: '
                              f'build it with rnn_layers={file_layers}')
    sources, shared = {}, set()
    for layer in range(layers):
        for part in CELL_WEIGHTS[cell]:
            for leaf in ('kernel', 'bias'):
                ours = scope + _recurrent_names(cell, part, leaf, layer)[0]
                held_names = [scope + name for name in _recurrent_names(cell, part, leaf, min(layer, file_layers - 1))]
                sources[ours] = next((name for name in held_names if name in names), held_names[0])
                if layer >= file_layers:
                    shared.add(ours)
    return sources, shared


def describe_recurrent(names, scope='GaitNN/Recurrent/'):
    """The recurrent cell and its number of layers in a file, read off its names.

    Returns
    -------
    (str, int) or None
        ('GRU' or 'LSTM', layers); None when the file holds no recurrent weights. From TensorFlow 1.2 on the original's
        layers share one cell, so 1 may stand for any number of layers.
    """
    found = [re.match(r'(?:rnn/multi_rnn_cell/cell_|RNN/MultiRNNCell/Cell)(\d+)/(gru|lstm)_?cell/',
                      name[len(scope):], re.IGNORECASE) for name in names if name.startswith(scope)]
    found = [m for m in found if m]
    if not found:
        return None
    return found[0].group(2).upper(), 1 + max(int(m.group(1)) for m in found)


def initial_recurrent(cell, layers, num_units, scope, depth):
    """The recurrent weights that TensorFlow 1.3 gives to the original where a file holds none.

    They are those of a process that builds the pose network first and the gait network second. All layers get the same
    weights, for the original's layers share one cell.

    Parameters
    ----------
    cell : {'GRU', 'LSTM'}
    layers, num_units : int
    scope : str
        `<network>/Recurrent/`.
    depth : int
        Width of the layers' input.

    Returns
    -------
    dict of str to np.ndarray, float32
    """
    import tensorflow.compat.v1 as tf

    check_process()
    values = {}
    with tf.Graph().as_default(), tf.Session() as session:          # a fresh graph: the op's generator starts at zero
        for part, widths in CELL_WEIGHTS[cell].items():
            shape = [depth + num_units, widths * num_units]
            first, step = TF13_KERNEL_SEED[part]
            unit = session.run(tf.raw_ops.RandomUniform(shape=shape, dtype=tf.float32, seed=0,
                                                        seed2=first + step * layers))
            limit = np.float32(np.sqrt(6.0 / sum(shape)))
            kernel = unit * (limit - -limit) - limit
            bias = np.full(shape[1], 1.0 if part == 'gates' else 0.0, np.float32)
            for layer in range(layers):
                values[scope + _recurrent_names(cell, part, 'kernel', layer)[0]] = kernel
                values[scope + _recurrent_names(cell, part, 'bias', layer)[0]] = bias
    return values


def write_checkpoint(prefix, tensors):
    """Write a V2 checkpoint, whole or not at all.

    Both files are written beside their places and renamed; a process killed between the two renames leaves a state
    that the next `restore` or `save` of this checkpoint completes.

    Parameters
    ----------
    prefix : str or os.PathLike
        `<prefix>.index` and `<prefix>.data-00000-of-00001` are written.
    tensors : dict of str to np.ndarray

    Returns
    -------
    str
        The prefix.

    Raises
    ------
    ValueError
        A tensor is no numbers, or not finite in float32, or what was written is not what was to be: a name that the
        format cannot hold.
    OSError
        The folder is missing or cannot be written, the disk is full.
    """
    import tensorflow.compat.v1 as tf

    check_process()
    tensors = {name: np.asarray(value) for name, value in tensors.items()}
    for name, value in tensors.items():
        as_float32(name, value)                             # what no network could restore
    prefix = os.path.expanduser(os.fspath(prefix))
    folder = os.path.dirname(prefix) or '.'
    if not os.path.isdir(folder):
        raise FileNotFoundError(f'{folder}: no such folder to save {os.path.basename(prefix)} in')
    names, beside = sorted(tensors), name_beside(prefix)    # TensorFlow follows links: at a name that nobody planted
    _check_names(prefix, names)
    _finish_interrupted_write(prefix)                       # else, if this one fails, neither would be whole
    remove_left(prefix, ('.index', DATA_SUFFIX))
    try:
        with tf.Graph().as_default(), tf.Session() as session:
            inputs = [tf.placeholder(tensors[name].dtype, name=f'tensor_{i}')
                      for i, name in enumerate(names)]
            save = tf.raw_ops.SaveV2(prefix=os.path.abspath(beside), tensor_names=names,
                                     shape_and_slices=[''] * len(names), tensors=inputs)
            session.run(save, {place: tensors[name] for place, name in zip(inputs, names)})
        _check_written(prefix, {name: entry.shape for name, entry in read_entries(beside).items()}, tensors)
    except BaseException as error:
        for suffix in ('.index', DATA_SUFFIX):
            with contextlib.suppress(OSError):
                os.remove(beside + suffix)
        if isinstance(error, tf.errors.OpError):
            raise OSError(f'{prefix} could not be saved: {error.message}') from error
        raise
    os.replace(beside + DATA_SUFFIX, prefix + DATA_SUFFIX)
    with contextlib.suppress(FileNotFoundError):        # a reader has completed it meanwhile
        os.replace(beside + '.index', prefix + '.index')
    return prefix


def write_compact(path, tensors):
    """Write weights as one `.npz` of a quarter of the size, whole or not at all; every `restore` reads it.

    Matrices and convolution kernels are stored as 8-bit integers with one float32 scale for each output channel, which
    moves a weight by at most 1/254 of its channel's largest; vectors (norms, biases) stay float32.

    Parameters
    ----------
    path : str or os.PathLike
        Ends in `.npz`.
    tensors : dict of str to np.ndarray, float32

    Returns
    -------
    str
        The path.

    Raises
    ------
    CheckpointError
        A tensor is no numbers, not finite, or has a name that the file cannot hold.
    """
    path = os.path.expanduser(os.fspath(path))
    if not path.endswith(COMPACT_SUFFIX):
        raise ValueError(f'{path}: compact weights are a {COMPACT_SUFFIX} file')
    _check_names(path, tensors)
    shapes = {name: list(np.shape(value)) for name, value in tensors.items()}
    facts = json.dumps({'format': COMPACT_FORMAT, 'shapes': shapes})
    arrays = {FACTS: np.frombuffer(facts.encode(), np.uint8)}
    for name, value in tensors.items():
        parts = _compact(name, value)
        taken = next((part for part in parts if part in arrays), None)
        if taken is not None:
            raise CheckpointError(f'{path}: {taken} would be there twice; in a {COMPACT_SUFFIX} no tensor is called '
                                  f'{FACTS}, or as another with {SCALE_SUFFIX}')
        arrays.update(parts)
    with replacing(path, 'w+b') as file:
        write_npz(file, arrays)
        file.flush()
        with open_npz(file, COMPACT_LIMIT) as written:
            _check_written(path, {name: entry.shape for name, entry in _compact_entries(written).items()}, tensors)
            for name, array in arrays.items():
                if not np.array_equal(written.read(name, array.shape), array):
                    raise CheckpointError(f'{path}: {name} is not read back as it was written')
    return path


def _compact(name, value):
    """The arrays that stand for a tensor in a compact file, by name."""
    exact, value = np.asarray(value), as_float32(name, value)
    if exact.dtype.kind in 'iu' and not np.array_equal(exact, value.astype(np.float64)):
        raise CheckpointError(f'{name} holds whole numbers beyond those of float32')
    if value.ndim < 2:
        return {name: value}
    # A transposed convolution's kernel is (height, width, out, in), every other one (..., in, out).
    channel = value.ndim - (2 if name.endswith('Upsampling_layer/weights') else 1)
    largest = np.abs(value).max(tuple(i for i in range(value.ndim) if i != channel), keepdims=True, initial=0.0)
    scale = (largest / np.float32(127.0)).astype(np.float32)
    scale = np.where(scale > 0, scale, np.float32(1.0))     # all zeros, or so small that a step of theirs is none
    return {name: np.rint(value / scale).astype(np.int8), name + SCALE_SUFFIX: scale}


def as_compact(name, value):
    """A tensor, float32, as `write_compact` would keep it: what comes back from the file."""
    parts = _compact(name, value)
    return parts[name] * parts[name + SCALE_SUFFIX] if name + SCALE_SUFFIX in parts else parts[name]


def _check_names(path, names):
    """Refuse names that a checkpoint or an archive cuts short or takes for something else."""
    for name in names:
        if not isinstance(name, str) or not name or '\0' in name or '\\' in name or not name.isprintable() \
                or len(name) > 1000:
            raise CheckpointError(f'{path}: a tensor called {name!r:.80} cannot be kept under that name')


def _check_written(path, shapes, tensors):
    """Hold the shapes that were read back of a file that was just written against those that were to be written."""
    if shapes != {name: list(np.shape(value)) for name, value in tensors.items()}:
        raise CheckpointError(f'{path}: what was written is not what is read back')


def _finish_interrupted_write(prefix):
    """Complete a `write_checkpoint` that was killed after its first rename and before its second."""
    with contextlib.suppress(OSError):                  # nothing to complete; a read-only folder: the checksums tell
        owner = os.stat(prefix + DATA_SUFFIX).st_uid
        waiting = [left for left in left_beside(prefix, ['.index']) if _is_own(os.lstat(left), owner)
                   and not os.path.lexists(left.removesuffix('.index') + DATA_SUFFIX)]
        if len(waiting) == 1:                           # of several nobody knows to which of them the data belongs
            os.replace(waiting[0], prefix + '.index')


def _is_own(file, owner):
    """Whether a file, by `os.lstat`, is no link that somebody planted, nor another user's."""
    return stat.S_ISREG(file.st_mode) and file.st_nlink == 1 and file.st_uid == owner
