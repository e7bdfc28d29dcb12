"""Gait recognition: spatial features of a walk's frames over time -> one 512-number identification vector.

The network of gait-recognition (2017): a residual convolutional network describes each frame's pose, GRU or LSTM layers
follow the poses over time, and the mean of their outputs identifies the person. A linear SVM tells vectors apart; that,
galleries and evaluation are not done here.
"""
import numpy as np
import tensorflow.compat.v1 as tf
import tf_slim as slim

import gait_checkpoints
from gait_checkpoints import warn_caller
from gait_layers import batch_norm, check_optimizer, dropout, gru_layer, lstm_layer, minimise
from gait_network import (
    Network,
    check_batch,
    check_batch_size,
    check_keep_prob,
    check_margin,
    check_positive,
    check_rate,
    collected_at_the_end,
)

FEATURE_SHAPE = (17, 17, 32)


class GaitNN(Network):
    """Base of the gait networks: inputs, the training step, summaries, weights, feeding a walk in pieces.

    A subclass builds the layers in `_build_network`.

    Parameters
    ----------
    name : str or None
        Event files go to `logdir_gait/<name>`; None writes none.
    recurrent_unit : {'GRU', 'LSTM'}
    rnn_layers : int
    num_of_persons : int
        Classes to train on.
    reuse : bool
        Share the variables of a GaitNN that is already in the graph of `input_net`.
    is_training : bool
        Build the classifier, loss and optimiser; use dropout and the batch's own statistics.
    input_net : tf.Tensor, float32 (T, 17, 17, 32), optional
        Build the network on top of this tensor, such as a pose network's `feature_tensor`, in that tensor's graph;
        needs `session`.
    count_of_training_examples : int
        The learning rate falls by `RATE_DECAY` every two passes over so many sequences.
    dropout_keep_prob : float
        In (0, 1]; used in training only.
    session_config : tf.compat.v1.ConfigProto, optional
        For an own session.
    session : tf.compat.v1.Session, optional
        Of the graph of `input_net`. Never closed here.
    seed : int, optional
        Of initial weights and dropout.
    walks_per_step : int
        Walks, W, that a training step sees together: equally long, and each for itself in the recurrent layers. The
        original's is 1, and so are the shapes below; of more walks they are those in brackets.
    optimizer : {'RMSProp', 'Adam'}
        Of the training; the original's is RMSProp.
    margin : float
        By which the cosine between a vector and its person's weights has to be the largest: the additive margin softmax
        (Wang et al. 2018, arXiv 1801.05599), which makes vectors that a cosine tells apart. 0, the original's: the
        plain softmax.

    Attributes
    ----------
    input_tensor : tf.Tensor, float32 (T, 17, 17, 32)
        Spatial features of consecutive frames of one walk. [(W T, 17, 17, 32), walk after walk]
    gait_signature : tf.Tensor, float32 (512,)
        The identification vector. [(W, 512)]
    network : tf.Tensor, float32
        In training the logits (1, num_of_persons) [(W, num_of_persons)], else the top recurrent layer's outputs
        (T, 512).
    facing_right : bool
        The restored weights are of walks to the right: of walks to the left the mirror images' features are to be given
        (`mirrored` of the pose network's methods), which what describes walks in `gait_recognition` does.
    state : tuple
        One entry a layer: h (512,) for GRU, (c, h) for LSTM. [(W, 512) each]
    desired_person, learning_rate, loss, global_step
        In training only: the person's number, to be fed [(W,)]; the rate, to be fed; the cross-entropy [its mean]; the
        steps taken.
    """

    CLIP_NORM = 0.1
    ADAM_LOGITS_FACTOR = 10.0       # a classifier always starts anew, and Adam's steps do not grow with the gradient
    RATE_DECAY = 0.96
    COSINE_SCALE = 30.0             # of the logits under a margin, as in its paper
    SCOPE = 'GaitNN/'
    RECURRENT_SCOPE = 'GaitNN/Recurrent/'
    FACING_RIGHT = 'GaitNN/facing_right'                    # a number beside the weights: 1 where they are such
    LOGITS_SCOPE = 'GaitNN/Logits/'
    NUM_UNITS = 512
    POSE_DESCRIPTOR = 512                                   # width of a frame's description, the recurrent input

    def __init__(self, name=None, recurrent_unit='GRU', rnn_layers=1, num_of_persons=0, reuse=False, is_training=False,
                 input_net=None, count_of_training_examples=1000, dropout_keep_prob=0.7, session_config=None,
                 session=None, seed=None, walks_per_step=1, optimizer='RMSProp', margin=0.0):
        if recurrent_unit not in ('GRU', 'LSTM'):
            raise ValueError(f"recurrent_unit is 'GRU' or 'LSTM', got {recurrent_unit!r}")
        check_positive('rnn_layers', rnn_layers)
        check_positive('walks_per_step', walks_per_step)
        if is_training:
            check_positive('training needs num_of_persons, the number of people to tell apart; it', num_of_persons)
        elif walks_per_step > 1:
            raise ValueError(f'walks_per_step is 1 outside training, got {walks_per_step!r}')
        check_optimizer(optimizer)
        check_keep_prob(dropout_keep_prob)
        check_margin(margin)
        check_positive('count_of_training_examples', count_of_training_examples)
        graph = self._shared_graph(input_net, session, reuse, session_config, (recurrent_unit, int(rnn_layers)))
        self.name = name
        self.recurrent_unit, self.rnn_layers = recurrent_unit, int(rnn_layers)
        self.num_of_persons = int(num_of_persons)
        self.count_of_training_examples = count_of_training_examples
        self.dropout_keep_prob = dropout_keep_prob
        self.walks_per_step, self.optimizer, self.margin = int(walks_per_step), optimizer, float(margin)
        self._input_net, self._reuse = input_net, bool(reuse)
        self.facing_right = False
        super().__init__(session_config, graph, session, is_training, seed)

    def _shared_graph(self, input_net, session, reuse, session_config, recurrent):
        """The graph to build in (None: an own one), once the arguments that decide it fit together."""
        if input_net is None:
            if session is not None:
                raise ValueError('session= goes with input_net=, the tensor in whose graph the network is built')
            if reuse:
                raise ValueError('reuse=True shares the variables of a gait network in the graph of input_net=; '
                                 'without input_net each network has a graph of its own')
            return None
        if not tf.is_tensor(input_net) or not hasattr(input_net, 'graph'):
            raise TypeError(f'input_net is a tensor of a graph, such as a pose network\'s feature_tensor, got '
                            f'{type(input_net).__name__}')
        if not input_net.shape.is_compatible_with((None,) + FEATURE_SHAPE) or input_net.dtype != tf.float32:
            raise ValueError(f'input_net is float32 of shape (T, 17, 17, 32), got {input_net.dtype.name} '
                             f'{input_net.shape}')
        if session is None:
            raise ValueError("input_net= needs session=, a session of that tensor's graph, such as the pose network's "
                             'sess')
        if not isinstance(session, (tf.Session, tf.InteractiveSession)):
            raise TypeError(f'session is a tf.compat.v1.Session, got {type(session).__name__}')
        if session.graph is not input_net.graph:
            raise ValueError("session= is of another graph than input_net's tensor")
        if session_config is not None:
            raise ValueError('session_config= is for a session of our own; with session= it has no effect')
        names = [v.op.name for v in input_net.graph.get_collection(tf.GraphKeys.MODEL_VARIABLES, self.SCOPE)]
        built = gait_checkpoints.describe_recurrent(names, self.RECURRENT_SCOPE)
        if reuse and not built:
            raise ValueError("reuse=True, but there is no gait network in input_net's graph whose variables could be "
                             'shared')
        if built and not reuse:
            raise ValueError("input_net's graph already holds a gait network: pass reuse=True to share its variables")
        if reuse and built != recurrent:
            raise ValueError(f"reuse=True shares the variables of input_net's graph, which are those of {built[1]} "
                             f'layer(s) of {built[0]}; asked for were {recurrent[1]} of {recurrent[0]}')
        return input_net.graph

    def _build_network(self, features, initial_state):
        """Build the layers.

        Parameters
        ----------
        features : tf.Tensor, float32 (W T, 17, 17, 32)
            After `pre_process`, walk after walk.
        initial_state : list
            One entry a layer: h (W, 512), or (c, h).

        Returns
        -------
        outputs : tf.Tensor, float32 (T, W, 512)
            Of the top recurrent layer.
        state : list
            As `initial_state`, after the last frame.
        """
        raise NotImplementedError

    def _in_time(self, descriptions):
        """Frames' descriptions (W T, N), walk after walk, as sequences (T, W, N), which the recurrent layers take."""
        walks = tf.reshape(descriptions, (self.walks_per_step, -1, descriptions.shape.as_list()[-1]))
        return tf.transpose(walks, (1, 0, 2))

    @staticmethod
    def pre_process(inp):
        """Scale spatial features to the network's range."""
        return inp / 100.0

    def _build(self):
        if self._input_net is None:
            self.input_tensor = tf.placeholder(tf.float32, (None,) + FEATURE_SHAPE, 'spatial_features')
        else:
            self.input_tensor = self._input_net
        with tf.name_scope('initial_state'):
            self._initial_state = [self._zero_state() for _ in range(self.rnn_layers)]
        with tf.variable_scope('GaitNN', reuse=self._reuse or None):
            updates = len(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
            with collected_at_the_end():
                outputs, state = self._build_network(self.pre_process(self.input_tensor), self._initial_state)
            self._updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)[updates:]
            if self.walks_per_step == 1:
                outputs, state = outputs[:, 0], tf.nest.map_structure(lambda s: s[0], state)
            self.network, self.state = outputs, tuple(state)
            self.gait_signature = tf.reduce_mean(outputs, axis=0)
            self._output_sum = tf.reduce_sum(outputs, axis=0)                   # lets pieces of a walk be averaged
            if self.is_training:
                self._build_training()

    def _zero_state(self):
        def zeros():
            shape = self.walks_per_step, self.NUM_UNITS
            return tf.placeholder_with_default(np.zeros(shape, np.float32), shape)
        return zeros() if self.recurrent_unit == 'GRU' else (zeros(), zeros())

    def _build_training(self):
        self.global_step = tf.get_variable('global_step', (), tf.int64, tf.zeros_initializer(), trainable=False)
        several = self.walks_per_step > 1
        vectors = self.gait_signature if several else self.gait_signature[None]
        net = dropout(vectors, self.dropout_keep_prob, self.global_step)
        with tf.variable_scope('Logits'):
            self.network = self._cosines(net) if self.margin else slim.fully_connected(             # (W, people)
                net, self.num_of_persons, activation_fn=None,
                weights_initializer=slim.variance_scaling_initializer(2.0))
        self.desired_person = tf.placeholder(tf.int32, [self.walks_per_step] if several else [], 'desired_person')
        self.learning_rate = tf.placeholder(tf.float32, (), 'learning_rate')
        labels = tf.reshape(self.desired_person, (-1,))
        lowered = self.COSINE_SCALE * self.margin * tf.one_hot(labels, self.num_of_persons) if self.margin else 0.0
        self.loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=labels, logits=self.network - lowered))
        rate = tf.train.exponential_decay(self.learning_rate, self.global_step, 2 * self.count_of_training_examples,
                                          self.RATE_DECAY, staircase=True)
        logits = self._collection(tf.GraphKeys.MODEL_VARIABLES) if self.optimizer == 'Adam' else ()
        logits = [v for v in logits if v.op.name.startswith(self.LOGITS_SCOPE)]
        self._train_op, self._norm, self._clipped_norm = minimise(
            self.loss, rate, self.CLIP_NORM, self._collection(tf.GraphKeys.TRAINABLE_VARIABLES), self.global_step,
            self._updates, self.optimizer, logits, self.ADAM_LOGITS_FACTOR)

    def _cosines(self, vectors):
        """Logits (W, num_of_persons) from the directions of vectors (W, 512) and of the people's weights alone."""
        weights = slim.model_variable('fully_connected/weights', (self.NUM_UNITS, self.num_of_persons),
                                      initializer=slim.variance_scaling_initializer(2.0))
        return self.COSINE_SCALE * tf.matmul(tf.nn.l2_normalize(vectors, 1), tf.nn.l2_normalize(weights, 0))

    @classmethod
    def variable_shapes(cls, **arguments):
        """Names and shapes of the network's model variables; arguments as for the constructor."""
        with cls(**arguments) as net:
            return {v.op.name: v.shape.as_list() for v in net.model_variables}

    # --- Inference ---

    def _check_features(self, features):
        return check_batch(features, FEATURE_SHAPE, 'spatial features of consecutive frames',
                           'put it into a batch with features[None]')

    def feed_forward(self, features, return_state=False, initial_state=None, batch_size=64):
        """Identification vector of one walk.

        Parameters
        ----------
        features : array_like, float (T, 17, 17, 32)
            Spatial features of consecutive frames, from `HumanPoseIRNetwork.feed_forward_features`. Any number; they
            go through in chunks of `batch_size`, which changes nothing.
        return_state : bool
            Also return the recurrent state after the last frame.
        initial_state : tuple, optional
            The state that an earlier piece of the walk ended with; zeros by default. The vector is then the mean over
            the frames of this piece; the whole walk's is the mean of the pieces' vectors, weighted by their frames.
        batch_size : int

        Returns
        -------
        vector : np.ndarray, float32 (512,)
        state : tuple
            With `return_state`: one entry a layer, h (512,) for GRU, (c, h) for LSTM.

        Raises
        ------
        ValueError, TypeError
            The features or the state have another shape or dtype, are none, or hold NaN or infinity.

        Warns
        -----
        UserWarning
            One frame alone, with no state before it and none asked for: it shows no walk.
        """
        features, batch_size = self._check_features(features), check_batch_size(batch_size)
        if len(features) == 1 and initial_state is None and not return_state:
            warn_caller('a single frame says nothing about a walk; give all frames of two steps or more at once, about '
                        '25')
        state = None if initial_state is None else self._check_state(initial_state)
        total = np.zeros(self.NUM_UNITS, np.float64)
        with self._computing():
            for start in range(0, len(features), batch_size):
                feed = {self.input_tensor: features[start:start + batch_size]}
                if state is not None:
                    feed.update(zip(tf.nest.flatten(self._initial_state), (s[None] for s in tf.nest.flatten(state))))
                part, state = self._run([self._output_sum, self.state], feed)
                total += part
        vector = (total / len(features)).astype(np.float32)
        return (vector, state) if return_state else vector

    def _check_state(self, state):
        expected = f'{self.rnn_layers} layer(s) of ' + ('h (512,)' if self.recurrent_unit == 'GRU' else '(c, h)')
        try:
            arrays = tuple(tuple(np.asarray(s, np.float32) for s in layer) if self.recurrent_unit == 'LSTM'
                           else np.asarray(layer, np.float32) for layer in state)
        except (TypeError, ValueError) as error:
            raise ValueError(f'initial_state: expected {expected}, got {type(state).__name__} ({error})') from error
        flat = tf.nest.flatten(arrays)
        if len(arrays) != self.rnn_layers or len(flat) != len(tf.nest.flatten(self._initial_state)) or \
                any(s.shape != (self.NUM_UNITS,) or not np.isfinite(s).all() for s in flat):
            raise ValueError(f'initial_state: expected {expected}, finite, got shapes {[s.shape for s in flat]}')
        return arrays

    def _signatures(self):
        return {'serving_default': ({'features': self.input_tensor}, {'vector': self.gait_signature})}

    # --- Training ---

    def _feed(self, features, desired_person, learning_rate):
        if not self.is_training:
            raise RuntimeError('this network was built for inference; build it with is_training=True and '
                               'num_of_persons=... to train it')
        people = np.asarray(desired_person)
        if people.shape != tuple(self.desired_person.shape.as_list()) or people.dtype.kind not in 'iu' or \
                not ((people >= 0) & (people < self.num_of_persons)).all():
            kind = f'{self.walks_per_step} integers' if people.shape or self.walks_per_step > 1 else 'an integer'
            raise ValueError(f'desired_person is {kind} in 0..{self.num_of_persons - 1}, got {desired_person!r}')
        check_rate(learning_rate)
        if self.walks_per_step > 1:
            features = np.asarray(features)
            if features.ndim != 5 or len(features) != self.walks_per_step:
                raise ValueError(f'spatial features of {self.walks_per_step} walks have shape ({self.walks_per_step}, '
                                 f'T, 17, 17, 32), got {features.shape}')
            features = features.reshape(-1, *features.shape[2:])
        return {self.input_tensor: self._check_features(features), self.desired_person: people,
                self.learning_rate: learning_rate}

    def train(self, input_tensor, desired_person, learning_rate):
        """One training step on one walk: gradients clipped to global norm 0.1, the optimiser, the batch-norm updates.

        Parameters
        ----------
        input_tensor : array_like, float (T, 17, 17, 32)
            Spatial features of the walk, or of a part of it. With several `walks_per_step` (W, T, 17, 17, 32).
        desired_person : int
            0 to num_of_persons - 1. With several `walks_per_step` (W,) of them.
        learning_rate : float
            Before the schedule: the step multiplies it by 0.96^floor(step / (2 count_of_training_examples)).

        Returns
        -------
        float
            The walk's loss before the step; with several walks their mean.

        Raises
        ------
        RuntimeError
            The network was built for inference.
        """
        feed = self._feed(input_tensor, desired_person, learning_rate)
        with self._replacing_weights() as session:
            return float(session.run([self.loss, self._train_op], feed)[0])

    def write_summary(self, inputs, desired_person, learning_rate, write_frequency=50):
        """Write loss and gradient norms of one walk into `logdir_gait/<name>/train`, for TensorBoard.

        Written when the step is a multiple of `write_frequency`; without a `name` nothing is. Arguments as for `train`.
        """
        feed = self._feed(inputs, desired_person, learning_rate)
        check_positive('write_frequency', write_frequency)
        step = int(self._values(self.global_step))
        if self.name is not None and step % write_frequency == 0:
            figures = self._run({'Loss': self.loss, 'Gradient norm': self._norm,
                                 'Gradient norm, clipped': self._clipped_norm}, feed)
            self._write_events(f'logdir_gait/{self.name}/train', figures, step)

    def write_test_summary(self, err, epoch, t='avg'):
        """Write a share of correct identifications into `logdir_gait/<name>/val_<t>` (no name: nowhere).

        Parameters
        ----------
        err : float
            Correct identifications in percent.
        epoch : int
        t : {'avg', 'n', 'b', 's'}
            Average, normal walk, backpack, coating shoes.
        """
        if t not in ('avg', 'n', 'b', 's'):
            raise ValueError(f"t is 'avg', 'n', 'b' or 's', got {t!r}")
        if self.name is not None:
            self._write_events(f'logdir_gait/{self.name}/val_{t}', {'Classification in percent': err}, epoch)

    # --- Weights ---

    def restore(self, path=None):
        """Read weights from a checkpoint; after a refused file the network is as it was.

        Recurrent weights are taken under any TensorFlow version's names. One cell in the file fills all layers, as the
        original's layers share it. Where there is none, a warning says so and the layers get the initial weights that
        TensorFlow 1.3 gave the original. A classifier for another number of people starts anew, with a warning.

        Parameters
        ----------
        path : str, os.PathLike or gait_checkpoints.WeightsFile, optional
            A V1 file, a V2 prefix or its `.index`, or a compact `.npz`. A bare name that is not in the working
            directory is sought in `gait_checkpoints.weight_folders()`. Not given: the gait weights of
            `gait_checkpoints.default_pair()`, which belong to the pose weights that `restore()` takes.

        Returns
        -------
        gait_checkpoints.RestoreReport

        Raises
        ------
        gait_checkpoints.CheckpointError
            A ValueError: the file is no checkpoint, is corrupt, is another network's, lacks a variable or holds it in
            another shape, has other recurrent cells or another number of layers than this network.
        FileNotFoundError, IsADirectoryError
        """
        self._check_open()
        file = gait_checkpoints.weights_file(self._default_weights() if path is None else path)
        path, in_file = file.path, file.shapes
        expected = {v.op.name: v.shape.as_list() for v in self.model_variables}
        sources, shared = gait_checkpoints.find_recurrent(path, in_file, self.recurrent_unit, self.rnn_layers,
                                                          self.RECURRENT_SCOPE)
        wanted = {name: sources.get(name, name) for name in expected}
        optional = {name for name in expected if name.startswith(self.LOGITS_SCOPE) or
                    (name.startswith(self.RECURRENT_SCOPE) and not sources)}
        other_people = [name for name in expected if name.startswith(self.LOGITS_SCOPE) and
                        in_file.get(name, expected[name]) != expected[name]]
        tensors = file.read({*wanted.values(), self.FACING_RIGHT}.__contains__)
        facing_right = bool(np.any(tensors.get(self.FACING_RIGHT, 0)))
        tensors = {name: tensors[source] for name, source in wanted.items()
                   if source in tensors and name not in other_people}
        values = gait_checkpoints.match(path, tensors, in_file, expected, 'the gait network', optional)

        report = gait_checkpoints.RestoreReport(
            path, restored=[name for name in values if name not in shared],
            shared=[name for name in values if name in shared],
            initial=[name for name in expected if name not in values],
            ignored=sorted(set(in_file) - {wanted[name] for name in values} - {self.FACING_RIGHT}))
        if not sources:
            warn_caller(f'{path} holds no recurrent weights: the recurrent layers get the initial weights that '
                        'TensorFlow 1.3 gave the original')
            values.update(gait_checkpoints.initial_recurrent(self.recurrent_unit, self.rnn_layers, self.NUM_UNITS,
                                                             self.RECURRENT_SCOPE, self.POSE_DESCRIPTOR))
        if other_people:
            warn_caller(f'{path} was trained on {in_file[other_people[0]][-1]} people, this network on '
                        f'{self.num_of_persons}: its classifier (Logits) starts anew')
        with self._lock:
            self._assign(values, initial=[name for name in report.initial if name not in values])
            if len(values) < len(self.variables):
                self._make_ready()
            self._ready = self._restored = True
            self.facing_right = facing_right
        return report

    @classmethod
    def faces_right(cls, path):
        """Whether the weights in a file are of walks to the right: what `facing_right` would be after `restore`."""
        tensors = gait_checkpoints.weights_file(path).read({cls.FACING_RIGHT}.__contains__)
        return bool(np.any(tensors.get(cls.FACING_RIGHT, 0)))

    def _saved_besides(self):
        return {self.FACING_RIGHT: np.float32(1)} if self.facing_right else {}

    def _apart(self):
        apart = super()._apart()
        apart._input_net, apart._reuse = None, False
        return apart

    def _default_weights(self):
        """The gait weights of the default pair; ValueError where they are of another cell or number of layers."""
        pair = gait_checkpoints.default_pair()
        if (pair.recurrent_unit, pair.rnn_layers) != (self.recurrent_unit, self.rnn_layers):
            raise ValueError(f'the weights that are there, {pair.gait}, are of recurrent_unit={pair.recurrent_unit!r}, '
                             f'rnn_layers={pair.rnn_layers}, this network was built with {self.recurrent_unit!r}, '
                             f'{self.rnn_layers}: build it so, or name the weights to restore')
        return pair.gait


class GaitNetwork(GaitNN):
    """The gait network with published weights.

    Parameters
    ----------
    name, num_of_persons, recurrent_unit, rnn_layers, reuse, is_training, input_net, options
        As for `GaitNN`, the options by name: dropout_keep_prob, session_config, session, seed, walks_per_step,
        optimizer. A published file's name gives cell and layers: H3.6m-GRU-1.ckpt is
        `GaitNetwork(recurrent_unit='GRU', rnn_layers=1)`.
    update_discarded : bool
        In training, let the moving averages of the discarded blocks follow, as the original does. They touch no vector;
        without them a step takes 30 % less time.
    """

    WEIGHT_DECAY = 0.1                                                          # declared, never part of the loss
    BATCH_NORM = {'decay': 0.999, 'epsilon': 0.0001}

    def __init__(self, name=None, num_of_persons=0, recurrent_unit='GRU', rnn_layers=1, reuse=False, is_training=False,
                 input_net=None, *, update_discarded=True, **options):
        self._update_discarded = update_discarded
        super().__init__(name, recurrent_unit, rnn_layers, num_of_persons, reuse, is_training, input_net, **options)

    @staticmethod
    def residual_block(net, ch=256, ch_inner=128, stride=1, scope=None, reuse=None):
        """ReLU(shortcut + three times [batch norm, ReLU, convolution]): 1 x 1, 3 x 3 with the stride, 1 x 1.

        Parameters
        ----------
        net : tf.Tensor, float32 (B, H, W, C)
            C is `ch` unless there is a stride: a stride's shortcut is a 1 x 1 convolution, else it is the input.
        ch, ch_inner : int
            Channels of the result, and inside the branch.
        stride : int
        scope, reuse
            Variable scope, `ResidualBlock` by default.

        Returns
        -------
        tf.Tensor, float32 (B, ceil(H / stride), ceil(W / stride), ch)
        """
        with tf.variable_scope(scope, 'ResidualBlock', [net], reuse=reuse), \
                slim.arg_scope([slim.conv2d], activation_fn=None, normalizer_fn=None):
            shortcut = slim.conv2d(net, ch, 1, stride=stride) if stride > 1 else net    # first: it takes scope Conv
            for width, kernel, step in ((ch_inner, 1, 1), (ch_inner, 3, stride), (ch, 1, 1)):
                net = slim.conv2d(batch_norm(net, activation_fn=tf.nn.relu), width, kernel, stride=step)
            return tf.nn.relu(shortcut + net)

    def _arg_scope(self):
        regularizer = slim.l2_regularizer(self.WEIGHT_DECAY) if self.is_training else None
        with slim.arg_scope([batch_norm], is_training=self.is_training, **self.BATCH_NORM), \
                slim.arg_scope([slim.conv2d, slim.fully_connected], weights_regularizer=regularizer,
                               biases_regularizer=regularizer,
                               weights_initializer=slim.variance_scaling_initializer(2.0)), \
                slim.arg_scope([slim.conv2d], activation_fn=tf.nn.elu, normalizer_fn=batch_norm) as scope:
            return scope

    def _discarded(self, net, count, ch, ch_inner):
        """Repeated blocks whose output the original throws away.

        A quirk that decides every vector: the published weights were trained with these blocks off the path. Their
        variables are in every published file, and training updates their moving averages; they never touch the
        result. Putting them on the path would break the published weights.
        """
        with slim.arg_scope([batch_norm], is_training=self.is_training and self._update_discarded):
            slim.repeat(net, count, self.residual_block, ch=ch, ch_inner=ch_inner)  # scopes Repeat/residual_block_<i>

    def _build_network(self, features, initial_state):
        with slim.arg_scope(self._arg_scope()):
            with tf.variable_scope('DownSampling'):
                with tf.variable_scope('17x17'):
                    net = slim.conv2d(features, 256, 1)                                 # 17 x 17 x 256
                    self._discarded(net, 3, 256, 64)
                with tf.variable_scope('8x8'):
                    net = self.residual_block(net, 512, 64, stride=2)                   # 9 x 9 x 512
                    self._discarded(net, 2, 512, 128)
                with tf.variable_scope('4x4'):
                    net = self.residual_block(net, 512, 128, stride=2)                  # 5 x 5 x 512
                    self._discarded(net, 1, 512, 256)
                    net = slim.conv2d(net, 256, 1)                                      # 5 x 5 x 256
                    net = slim.conv2d(net, 256, 3)                                      # 5 x 5 x 256
            with tf.variable_scope('FullyConnected'):
                net = slim.flatten(net)                                                 # (T, 6400)
                net = slim.fully_connected(net, self.POSE_DESCRIPTOR, activation_fn=None)       # (T, 512)
        layer = gru_layer if self.recurrent_unit == 'GRU' else lstm_layer
        state = []
        with tf.variable_scope('Recurrent'):
            net = self._in_time(net)                                                    # (T, W, 512)
            for i in range(self.rnn_layers):
                with tf.variable_scope(gait_checkpoints.recurrent_prefix(i)):
                    net, last = layer(net, initial_state[i], self.NUM_UNITS)            # (T, W, 512)
                state.append(last)
        return net, state
