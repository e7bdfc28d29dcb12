"""What both networks are besides their layers: a graph and its session, weights, event files, checks of what is fed.

`Network` is the base of the pose network and of the gait network. No layer is described here.
"""
import contextlib
import os
import secrets
import threading
import weakref

import numpy as np
import tensorflow.compat.v1 as tf

import gait_checkpoints
import gait_files
from gait_checkpoints import ignoring, warn_caller
from gait_layers import BATCH_STATISTICS

BATCH_SIZE = 16                 # samples that pass through a network at once, by default
LARGEST = float(np.finfo(np.float32).max)


@contextlib.contextmanager
def quiet_slim():
    """Silence the deprecation warnings that tf-slim's layers raise from inside TensorFlow."""
    with ignoring(r'`(layer\.apply|tf\.layers\.\w+)` is deprecated', UserWarning):
        yield


_BUILDING = threading.RLock()
_SHARED = weakref.WeakKeyDictionary()   # the `ReadersAndWriter` of each graph's variables


@contextlib.contextmanager
def building(graph):
    """Add to a graph, as the only thread of the process that does.

    slim's stack of argument scopes belongs to the process: threads that build at once get each other's arguments, and
    wrong networks without a word.
    """
    with _BUILDING, graph.as_default(), quiet_slim():
        yield


class ReadersAndWriter:
    """Many threads may read at once, one writes alone. Nobody waits for ever.

    A writer that waits goes before readers that come later, and readers that waited for a writer go before the next.
    A thread that writes may read and write inside, one that reads may read; a reader may not become a writer.
    """

    def __init__(self):
        self._changed = threading.Condition()
        self._readers = {}              # how deep, by thread
        self._writer, self._depth = None, 0
        self.written = 0                # how often somebody wrote
        self._waiting = self._queued = self._due = 0            # writers; readers; those of them who are next

    def _may_read(self, me):
        return me in self._readers or self._writer == me or self._writer is None and (self._due or not self._waiting)

    @contextlib.contextmanager
    def reading(self):
        me = threading.get_ident()
        with self._changed:
            if not self._may_read(me):
                self._queued += 1
                try:
                    while not self._may_read(me):
                        self._changed.wait()
                finally:
                    self._queued -= 1
                    self._due = min(max(self._due - 1, 0), self._queued)
                    self._changed.notify_all()
            self._readers[me] = self._readers.get(me, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._readers[me] -= 1
                if not self._readers[me]:
                    del self._readers[me]
                    self._changed.notify_all()

    @contextlib.contextmanager
    def writing(self):
        me = threading.get_ident()
        with self._changed:
            if me in self._readers and self._writer != me:
                raise RuntimeError('weights are replaced by the thread that computes with them')
            self._waiting += 1
            try:
                while self._writer != me and (self._writer is not None or self._readers or self._due):
                    self._changed.wait()
            finally:
                self._waiting -= 1
            self._writer, self._depth = me, self._depth + 1
        try:
            yield
        finally:
            with self._changed:
                self._depth -= 1
                if not self._depth:
                    self._writer, self._due = None, self._queued
                    self.written += 1
                self._changed.notify_all()


def for_inference(config=None):
    """Settings of a session that only computes: one operation at a time, and of TensorFlow's graph optimisers pruning
    and fusing, once.

    Every convolution takes all cores; two at a time, as TensorFlow has it, wait for each other's: 3 % of the features'
    time. Fused, a convolution with its batch norm and ReLU is one step. The other optimisers find nothing to do in
    these graphs, and looking for it takes longer than the first frames.

    Parameters
    ----------
    config : tf.compat.v1.ConfigProto, optional
        Settings to keep; where they say anything of graph optimisers, or of operations at a time, these stay as they
        are.

    Returns
    -------
    tf.compat.v1.ConfigProto
    """
    ours = tf.ConfigProto()
    if config is not None:
        ours.CopyFrom(config)
    if not (ours.inter_op_parallelism_threads or ours.use_per_session_threads or ours.session_inter_op_thread_pool):
        ours.inter_op_parallelism_threads, ours.use_per_session_threads = 1, True
    rewriting = ours.graph_options.rewrite_options
    if not rewriting.ByteSize():
        for field in rewriting.DESCRIPTOR.fields:
            if field.enum_type and field.enum_type.name == 'Toggle' and field.name != 'remapping':
                setattr(rewriting, field.name, rewriting.OFF)
        rewriting.memory_optimization = rewriting.NO_MEM_OPT
        rewriting.meta_optimizer_iterations = rewriting.ONE
    return ours


@contextlib.contextmanager
def collected_at_the_end():
    """Variables made inside enter the graph's collections when the block ends, in their order, and not before.

    Each slim layer searches all variables that the graph holds so far: a third of the time it takes to build the pose
    network, for nothing.
    """
    graph, held = tf.get_default_graph(), {key: [] for key in (tf.GraphKeys.GLOBAL_VARIABLES,
                                                               tf.GraphKeys.TRAINABLE_VARIABLES)}

    def creator(create, **arguments):
        variable = create(**arguments)
        for key, variables in held.items():
            collected = graph.get_collection_ref(key)
            variables += collected
            collected.clear()
        return variable

    try:
        with tf.variable_creator_scope(creator):
            yield
    finally:
        for key, variables in held.items():
            collected = graph.get_collection_ref(key)
            collected[:] = variables + collected


def fed_before_use():
    """Variables made inside get a placeholder in place of their initialiser, which a network that restores its weights
    never runs: a fifth of the pose network's nodes."""
    def creator(create, initial_value=None, shape=None, dtype=None, **arguments):
        return create(initial_value=lambda: tf.placeholder(dtype, shape, 'fed'), shape=shape, dtype=dtype, **arguments)

    return tf.variable_creator_scope(creator)


class Network:
    """A network's graph, session, weights and event files; the layers are the subclasses' matter.

    Threads may share a network: what one of them computes is computed with one set of weights, also while another
    restores or trains; networks that share a graph count as one. What is run on `sess` itself is not guarded.

    Parameters
    ----------
    session_config : tf.compat.v1.ConfigProto, optional
        For the session that the network opens.
    graph : tf.Graph, optional
        Build into this graph instead of an own one; needs `session`.
    session : tf.compat.v1.Session, optional
        The session of `graph`. The caller's: never closed here.
    is_training : bool
    seed : int, optional
        Of initial weights and dropout, in an own graph; drawn where not given.

    Attributes
    ----------
    graph : tf.Graph
    sess : tf.compat.v1.Session
        Its variables have values: those restored, else initial ones.
    """

    SCOPE = None                    # pattern of the names of the network's variables in its graph; None for all

    def __init__(self, session_config=None, graph=None, session=None, is_training=False, seed=None):
        gait_checkpoints.check_process()
        self.is_training = is_training
        self.graph = tf.Graph() if graph is None else graph
        self._owns_session = session is None
        self._lock = threading.RLock()
        self._ready = self._restored = self._is_random = self._warned = self._closed = False
        self._writers = {}
        self._initialises = is_training or graph is not None       # a caller may run the initialisers of his graph
        with building(self.graph):
            self._weights = _SHARED.setdefault(self.graph, ReadersAndWriter())
            if graph is None:
                tf.set_random_seed(secrets.randbelow(2 ** 31) if seed is None else seed)
            with contextlib.nullcontext() if self._initialises else fed_before_use():
                self._build()
        self.variables = self._collection(tf.GraphKeys.GLOBAL_VARIABLES)
        config = session_config if is_training else for_inference(session_config)
        self._session = tf.Session(graph=self.graph, config=config) if session is None else session

    def _collection(self, key):
        return self.graph.get_collection(key, self.SCOPE)

    def _build(self):
        raise NotImplementedError(f'{type(self).__name__} does not say how its layers are built')

    # --- Session ---

    @property
    def sess(self):
        self._make_ready()
        return self._session

    def _make_ready(self):
        """Give initial values to the variables that have none; those that have one keep it."""
        self._check_open()
        if self._ready:
            return
        with self._lock:
            if self._ready:
                return
            with building(self.graph):
                have_values = [tf.is_variable_initialized(v) for v in self.variables]
            with self._weights.writing():
                has_value = self._session.run(have_values)
                self._assign({}, [v.op.name for v, has in zip(self.variables, has_value) if not has])
            self._is_random = not any(has_value)            # those of a network whose variables it reuses have one
            self._ready = True

    def _check_open(self):
        if self._closed:
            raise RuntimeError(f'this {type(self).__name__} is closed; build a new one')
        gait_checkpoints.check_process()

    def _assign(self, values, initial=()):
        """Give variables these values, in one run and without new nodes: the initialisers, fed.

        Those named in `initial` get initial values, whatever they had.
        """
        self._check_open()
        by_name = {v.op.name: v for v in self.variables}
        if initial and not self._initialises:
            values, initial = {**values, **self._initial_values(initial)}, ()
        operations = [by_name[name].initializer for name in (*values, *initial)]
        with self._weights.writing():
            self._session.run(operations, {op.inputs[1]: value for op, value in zip(operations, values.values())})

    def _initial_values(self, names):
        """What initialisers give these variables: the same layers are built once more, with them."""
        initialised = self._apart()
        initialised.graph = tf.Graph()
        with building(initialised.graph):
            tf.set_random_seed(self.graph.seed)
            initialised._build()
            variables = {v.op.name: v for v in initialised._collection(tf.GraphKeys.GLOBAL_VARIABLES)}
            with tf.Session() as session:
                session.run([variables[name].initializer for name in names])
                return session.run({name: variables[name] for name in names})

    @contextlib.contextmanager
    def _computing(self):
        """Compute in the block, with the weights of now: nobody replaces them meanwhile."""
        self._make_ready()
        with self._weights.reading():
            self._check_open()                              # another thread may have closed it while this one waited
            yield self._session

    @contextlib.contextmanager
    def _replacing_weights(self):
        """Change weights in the block, while nobody computes."""
        self._make_ready()
        with self._weights.writing():
            self._check_open()
            yield self._session

    @property
    def weights_version(self):
        """How often the weights were replaced: what takes several calls is of one set of weights where it is the same
        before and after."""
        self._make_ready()
        return self._weights.written

    def _values(self, tensors):
        with self._computing() as session:
            return session.run(tensors)

    def _run(self, fetches, feed):
        """Run an inference; warn once where no weights were ever restored."""
        self._make_ready()
        if self._is_random and not (self._restored or self.is_training or self._warned):
            self._warned = True
            warn_caller(f'{type(self).__name__} is used before restore(): its weights are random and its results mean '
                        'nothing')
        with self._computing() as session:
            return session.run(fetches, feed)

    def _map(self, fetch, inputs, batch_size, other=None):
        """Run `fetch` over `inputs` in chunks; the results along the first axis.

        `inputs` is the pair (placeholder, array), checked; `other` holds further arrays of the same length, by
        placeholder.
        """
        place, array = inputs
        result = None
        with self._computing():
            for start in range(0, len(array), batch_size):
                chunk = slice(start, start + batch_size)
                feed = {place: array[chunk], **{p: a[chunk] for p, a in (other or {}).items()}}
                part = self._run(fetch, feed)
                if len(part) == len(array):
                    return part                                 # the maps of a batch are 86 MB, not to be copied
                if result is None:
                    result = np.empty((len(array),) + part.shape[1:], part.dtype)
                result[chunk] = part
        return result

    def close(self):
        """Free the session (if it is ours) and the event files; the network cannot be used afterwards.

        What other threads compute is awaited.
        """
        if gait_checkpoints.is_forked():                    # the session is the other process's
            self._closed = True
            return
        with self._lock, self._weights.writing():
            for writer in self._writers.values():
                writer.close()
            self._writers.clear()
            if self._owns_session and not self._closed:
                self._session.close()
            self._closed = True

    def __enter__(self):
        self._check_open()
        return self

    def __reduce_ex__(self, protocol):
        raise TypeError(f'a {type(self).__name__} is neither copied nor pickled: its session belongs to this process. '
                        'Build another one and restore the same weights; vectors.GaitVectors does so by itself')

    def __exit__(self, *error):
        self.close()

    # --- Weights ---

    @property
    def model_variables(self):
        """The variables that `save` writes."""
        return self._collection(tf.GraphKeys.MODEL_VARIABLES)

    def save(self, folder, name):
        """Write the weights as a V2 checkpoint, whole or not at all.

        Parameters
        ----------
        folder : str or os.PathLike
            Made where it does not exist.
        name : str
            `<folder>/<name>.ckpt.index` and `.data-00000-of-00001` are written.

        Returns
        -------
        str
            `<folder>/<name>.ckpt`, which `restore` takes.

        Raises
        ------
        ValueError
            A weight is NaN or infinite (nothing is written then), or the name is none.
        OSError
            The folder cannot be written, the disk is full.
        """
        if not name or os.path.basename(name) != name or name.endswith('.ckpt'):
            raise ValueError(f'name is that of a file without folder and without .ckpt, got {name!r}')
        folder = os.path.expanduser(os.fspath(folder))
        values = self._values({v.op.name: v for v in self.model_variables})
        spoilt = [variable for variable, value in values.items() if not np.isfinite(value).all()]
        if spoilt:
            raise ValueError(f'not saved: {len(spoilt)} variables hold NaN or infinity, such as {spoilt[0]}')
        os.makedirs(folder, exist_ok=True)
        return gait_checkpoints.write_checkpoint(os.path.join(folder, f'{name}.ckpt'),
                                                 {**values, **self._saved_besides()})

    def _saved_besides(self):
        """What `save` writes beside the variables, arrays by name."""
        return {}

    def _apart(self):
        """A copy of this network's description, to be built in a graph of its own."""
        apart = object.__new__(type(self))
        vars(apart).update(vars(self))
        return apart

    def _signatures(self):
        """What an exported network offers: by the signature's name, its inputs and its outputs, tensors by name."""
        raise NotImplementedError(f'{type(self).__name__} does not say what it exports')

    def export_saved_model(self, folder):
        """Write the network for inference as a SavedModel, for TensorFlow Serving, tf2onnx, or `tf.saved_model.load`.

        The weights are constants of the graph: there is nothing to restore, and nothing to train.

        Parameters
        ----------
        folder : str or os.PathLike
            To be made. TensorFlow Serving expects `<model's name>/<version's number>`.

        Returns
        -------
        str
            The folder.

        Raises
        ------
        RuntimeError
            The network was built for training, or has no weights yet.
        FileExistsError
            The folder exists; it is left as it was.
        OSError
            It cannot be written; nothing is left behind.
        """
        if self.is_training:
            raise RuntimeError('this network was built for training; restore its weights into one for inference and '
                               'export that')
        values = self._values({v.op.name: v for v in self.model_variables})
        if self._is_random and not self._restored:
            raise RuntimeError('nothing was restored: the weights are random, and so would be the exported ones')
        folder = os.path.abspath(os.path.expanduser(os.fspath(folder)))
        if os.path.lexists(folder):
            raise FileExistsError(f'{folder} exists; name a folder that does not')
        frozen = self._apart()                              # builds the same layers once more, on constants

        def constant(getter, name, *arguments, **options):
            return tf.constant(values[name])

        frozen.graph = tf.Graph()
        with building(frozen.graph), \
                tf.variable_scope(tf.get_variable_scope(), custom_getter=constant):
            frozen._build()
            signatures = {name: tf.saved_model.build_signature_def(
                _tensor_infos(inputs), _tensor_infos(outputs), tf.saved_model.PREDICT_METHOD_NAME)
                for name, (inputs, outputs) in frozen._signatures().items()}
            os.makedirs(os.path.dirname(folder), exist_ok=True)
            try:
                with gait_files.replacing_folder(folder) as beside, tf.Session() as session:
                    os.rmdir(beside)                        # the builder makes it
                    builder = tf.saved_model.Builder(beside)
                    builder.add_meta_graph_and_variables(session, [tf.saved_model.SERVING], signatures)
                    builder.save()
            except tf.errors.OpError as error:
                raise OSError(f'{folder} cannot be written: {error.message}') from error
        return folder

    # --- Training ---

    def training_state(self):
        """Everything that a resumed run needs from the graph: weights, optimiser slots, step.

        Returns
        -------
        dict of str to np.ndarray
        """
        return self._values({v.op.name: v for v in self.variables})

    def set_training_state(self, values):
        """Go on from a `training_state`.

        Parameters
        ----------
        values : dict of str to np.ndarray

        Raises
        ------
        ValueError
            Names or shapes are not this network's, or a value is no number, NaN or infinity; nothing is changed then.
        """
        self._check_open()
        expected = {v.op.name: tuple(v.shape.as_list()) for v in self.variables}
        found = {name: np.shape(value) for name, value in values.items()}
        if found != expected:
            differing = sorted(set(found.items()) ^ set(expected.items()))
            raise ValueError(f'this training state is of another {type(self).__name__}: it differs in {differing[:3]}')
        values = {v.op.name: _as_value_of(v, values[v.op.name]) for v in self.variables}
        with self._lock:
            self._assign(values)
            self._ready = self._restored = True

    def batch_averages(self, feeds):
        """What the moving averages would settle at with the weights of now: the mean of batches' own statistics.

        A decay of 0.999 needs thousands of steps to forget; these stand in for the moving averages in a network for
        inference that is cut from a young or fast-changing run.

        Parameters
        ----------
        feeds : iterable of dict
            Feeds of some training batches.

        Returns
        -------
        dict of str to np.ndarray
            By the moving averages' variable names.
        """
        own = {v.op.name for v in self.variables}
        pairs = [(v, value) for v, value in self.graph.get_collection(BATCH_STATISTICS) if v.op.name in own]
        total, count = None, 0
        with self._computing() as session:
            for feed in feeds:
                values = session.run([value for _, value in pairs], feed)
                total = values if total is None else [t + v for t, v in zip(total, values)]
                count += 1
        if not count:
            raise ValueError('no batch to average over')
        return {v.op.name: t / count for (v, _), t in zip(pairs, total)}

    # --- Event files ---

    def _write_events(self, folder, values, step):
        """Append scalars (by tag) and ready-made summaries (bytes) to the event file of a folder."""
        with self._lock:
            self._check_open()
            if folder not in self._writers:
                with building(self.graph):
                    self._writers[folder] = tf.summary.FileWriter(folder)
            writer = self._writers[folder]
            for tag, value in values.items():
                if isinstance(value, bytes):
                    writer.add_summary(value, step)
                else:
                    writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=float(value))]), step)
            writer.flush()


def _as_value_of(variable, value):
    """A value as one of this variable's type; ValueError where it is no number, NaN, or infinite in that type."""
    if variable.dtype.base_dtype == tf.float32:
        return gait_checkpoints.as_float32(variable.op.name, value)
    value = np.asarray(value)
    if value.dtype.kind not in 'iu':
        raise ValueError(f'{variable.op.name} has type {value.dtype}, expected whole numbers')
    return value


def _tensor_infos(tensors):
    return {name: tf.TensorInfo(name=tensor.name, dtype=tensor.dtype.as_datatype_enum,
                                tensor_shape=tensor.shape.as_proto()) for name, tensor in tensors.items()}


def check_batch(array, shape, what, single=''):
    """Check a batch of inputs before anything is computed.

    Parameters
    ----------
    array : array_like of uint8, integer or float, (N, *shape)
    shape : tuple of int
        Of one sample.
    what : str
        For messages: what one sample is.
    single : str
        For messages: how to pass one sample alone.

    Returns
    -------
    np.ndarray
        Not copied where it was an array.

    Raises
    ------
    TypeError
        Not numbers.
    ValueError
        Wrong rank or size, empty, NaN, infinity, or a number that is infinite in float32.
    """
    expected = f'expected {what} as numbers of shape (N, {", ".join(map(str, shape))})'
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise ValueError(f'{expected}, got samples of differing shapes ({error})') from error
    if array.dtype.kind not in 'uif':
        raise TypeError(f'{expected}, got dtype {array.dtype}')
    if array.shape == tuple(shape) and single:
        raise ValueError(f'{expected}, got one of shape {array.shape}: {single}')
    if array.shape[1:] != tuple(shape) or array.ndim != len(shape) + 1:
        raise ValueError(f'{expected}, got shape {array.shape}')
    if len(array) == 0:
        raise ValueError(f'{expected}, got none: the first axis is empty')
    if array.dtype.kind == 'f':
        for i, sample in enumerate(array):
            if not np.abs(sample).max() <= np.finfo(np.float32).max:            # NaN is not, either
                raise ValueError(f'{expected}, got NaN or infinity (of float32) in sample {i}')
    return array


def check_numbers(name, array, shape):
    """Refuse what is not numbers of this shape, all of them finite in float32; returns them as an array."""
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise ValueError(f'expected {name} of shape {tuple(shape)}, got rows of differing lengths') from error
    if array.shape != tuple(shape):
        raise ValueError(f'expected {name} of shape {tuple(shape)}, got {array.shape}')
    if array.dtype.kind not in 'uifb':
        raise TypeError(f'expected {name} as numbers, got dtype {array.dtype}')
    if array.dtype.kind == 'f' and array.size and not \
            -LARGEST <= float(array.min()) <= float(array.max()) <= LARGEST:        # NaN is not, either
        raise ValueError(f'expected {name} as finite numbers, got NaN or infinity (of float32)')
    return array


def is_number(value):
    """Whether a value is one number, finite in float32; true, texts and arrays are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    value = value.item() if isinstance(value, np.generic) else value
    return -LARGEST <= value <= LARGEST


def check_rate(learning_rate):
    """Refuse a learning rate that would spoil the weights."""
    if not is_number(learning_rate) or learning_rate < 0:
        raise ValueError(f'learning_rate is a finite number, at least 0, got {learning_rate!r}')


def check_keep_prob(dropout_keep_prob):
    """Refuse a share of kept units outside (0, 1]."""
    if not is_number(dropout_keep_prob) or not 0.0 < dropout_keep_prob <= 1.0:
        raise ValueError(f'dropout_keep_prob is a number in (0, 1], got {dropout_keep_prob!r}')


def check_margin(margin):
    """Refuse a margin between cosines outside [0, 1)."""
    if not is_number(margin) or not 0.0 <= margin < 1.0:
        raise ValueError(f'margin is a number in [0, 1), got {margin!r}')


def check_positive(name, value):
    """Refuse what is no positive integer; returns it as int."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f'{name} is a positive integer, got {value!r}')
    return int(value)


def check_batch_size(batch_size):
    """Refuse a chunk length that is not a positive integer."""
    return check_positive('batch_size', batch_size)
