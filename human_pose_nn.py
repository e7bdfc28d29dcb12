"""Human pose estimation: RGB frames -> 16 joint heat maps, and the 32-channel spatial features for gait recognition.

The network of gait-recognition (2017): Inception-ResNet-v2 to its auxiliary tower, a 1 x 1 convolution to the spatial
features, one transposed convolution up to heat maps. Reading pictures and drawing poses are not done here.
"""
import contextlib
import os

import numpy as np
import tensorflow.compat.v1 as tf
import tf_slim as slim

import gait_checkpoints
import pose_heat_maps
from gait_checkpoints import warn_caller
from gait_layers import check_optimizer, computing_in, dropout, minimise, quicker_gradients
from gait_network import (
    BATCH_SIZE,
    Network,
    building,
    check_batch,
    check_batch_size,
    check_keep_prob,
    check_numbers,
    check_positive,
    check_rate,
    collected_at_the_end,
    is_number,
)
from gait_processor import check_precision, is_slow_with_one, processor_flags
from inception_resnet_v2 import inception_resnet_v2, inception_resnet_v2_arg_scope
from pose_joints import JOINT_NAMES, MIRRORED_JOINTS


def _mirror(frames, mirrored):
    """Frames (B, H, W, 3), those that are `mirrored` (bool (B,), or None for none) left for right."""
    if mirrored is None:
        return frames
    if np.shape(mirrored) != (len(frames),):
        raise ValueError(f'mirrored: expected a bool for each of {len(frames)} frames, got shape {np.shape(mirrored)}')
    turned = frames.copy()
    turned[mirrored] = frames[mirrored][:, :, ::-1]
    return turned


class HumanPoseNN(Network):
    """Base of the pose networks: inputs, losses, the training step, evaluation, summaries.

    A subclass builds the layers in `_build_network`.

    Parameters
    ----------
    log_name : str or None
        Event files go to `logdir/<log_name>`; None writes none.
    heatmap_size, image_size : int
        Side of the heat maps and of the input, in pixels.
    loss_type : {'SCE', 'MSE'}
        Sigmoid cross-entropy of the logits against discs, or squared error of the probabilities against Gaussians.
    is_training : bool
        Build loss and optimiser, use dropout and the batch's own statistics.
    dropout_keep_prob : float
        In (0, 1]; used in training only.
    session_config : tf.compat.v1.ConfigProto, optional
    seed : int, optional
        Of initial weights and dropout.
    optimizer : {'RMSProp', 'Adam'}
        Of the training; the original's is RMSProp.
    average : float
        Decay of a moving average of the weights over training steps (`inference_state`), less in the first steps; 0,
        the original's, for none.
    pairs : bool
        `joint_positions` decides ankles, knees, wrists and elbows in pairs: where two would lie at one place, one may
        take its second best (`pose_heat_maps.paired_peaks`). The original decides each joint alone.

    Attributes
    ----------
    input_tensor : tf.Tensor, float32 (B, image_size, image_size, 3)
        RGB, 0 to 255.
    feature_tensor : tf.Tensor, float32 (B, 17, 17, 32)
        Spatial features.
    network, sigm_network, smoothed_sigm_network : tf.Tensor, float32 (B, heatmap_size, heatmap_size, 16)
        Logits; their sigmoid; the sigmoid smoothed.
    desired_heatmap : tf.Tensor, float32 (B, heatmap_size, heatmap_size, 16)
        To be fed, as the next three.
    desired_points : tf.Tensor, float32 (B, 2, 16)
        (y, x) in heat-map pixels.
    present_joints, inside_box_joints : tf.Tensor, float32 (B, 16)
        1 where a joint counts in the loss, or in the mean distances.
    loss_err, euclidean_dist : tf.Tensor, float32 ()
    euclidean_dist_per_joint : tf.Tensor, float32 (16,)
        Mean distance in heat-map pixels; NaN for a joint that is never inside.
    learning_rate, global_step
        In training only.
    """

    CLIP_NORM = 2.0
    PAIRS = tuple((i, MIRRORED_JOINTS[i]) for i in (0, 1, 10, 11))              # ankles, knees, wrists, elbows
    PAIR_REACH, PAIR_SHARE = 14.0, 0.5                      # pixels of the frame; chosen on pictures kept out
    EVALUATION = ('desired_heatmap', 'desired_points', 'present_joints', 'inside_box_joints', 'loss_err',
                  'euclidean_dist', 'euclidean_dist_per_joint')

    def __init__(self, log_name, heatmap_size, image_size, loss_type='SCE', is_training=False, dropout_keep_prob=0.7,
                 session_config=None, seed=None, optimizer='RMSProp', average=0.0, pairs=False):
        if loss_type not in ('SCE', 'MSE'):
            raise ValueError(f"loss_type is 'SCE' or 'MSE', got {loss_type!r}")
        check_optimizer(optimizer)
        if not is_number(average) or not 0.0 <= average < 1.0:
            raise ValueError(f'average is a decay in [0, 1), got {average!r}')
        check_keep_prob(dropout_keep_prob)
        self.optimizer, self.average, self.pairs = optimizer, average, pairs
        self.log_name = log_name
        self.heatmap_size, self.image_size = heatmap_size, image_size
        self.loss_type = loss_type
        self.dropout_keep_prob = dropout_keep_prob
        self._evaluation = None
        self._is_slow_with_one = is_slow_with_one(processor_flags(), os.environ)
        super().__init__(session_config=session_config, is_training=is_training, seed=seed)

    def _build_network(self, images):
        """Build the layers.

        Parameters
        ----------
        images : tf.Tensor, float32 (B, image_size, image_size, 3)
            RGB scaled to -1..1.

        Returns
        -------
        features : tf.Tensor, float32 (B, 17, 17, 32)
        logits, probabilities, heat_maps : tf.Tensor, float32 (B, heatmap_size, heatmap_size, 16)
        """
        raise NotImplementedError

    def _build(self):
        if self.is_training:
            self.global_step = tf.get_variable('global_step', (), tf.int64, tf.zeros_initializer(), trainable=False)
        self.input_tensor = tf.placeholder(tf.float32, (None, self.image_size, self.image_size, 3), 'input_image')
        with collected_at_the_end():
            (self.feature_tensor, self.network, self.sigm_network,
             self.smoothed_sigm_network) = self._build_network((self.input_tensor / 255.0 - 0.5) * 2.0)
        with tf.name_scope('joints'):
            self._peaks = pose_heat_maps.peaks(self.smoothed_sigm_network)                  # (B, 2, 16)
            self._joints = self._positions()                                                     # (B, 3, 16)
            self._activations = tf.reduce_max(self.smoothed_sigm_network, axis=[1, 2])           # (B, 16)
        if self.is_training:
            self._build_training()

    def _positions(self):
        """Row and column in pixels of the frame, and probability."""
        scale, points = self.image_size / self.heatmap_size, self._peaks
        probabilities = tf.reduce_max(self.sigm_network, axis=[1, 2])                            # (B, 16)
        if self.pairs:
            points = pose_heat_maps.paired_peaks(self.smoothed_sigm_network, self.PAIRS, self.PAIR_REACH / scale,
                                                 self.PAIR_SHARE)
            there = tf.gather_nd(tf.transpose(self.sigm_network, (0, 3, 1, 2)), tf.transpose(points, (0, 2, 1)),
                                 batch_dims=2)
            probabilities = tf.where(tf.reduce_any(tf.not_equal(points, self._peaks), axis=1), there, probabilities)
        return tf.stack([*tf.unstack(tf.cast(points, tf.float32) * scale, axis=1), probabilities], axis=1)

    def _build_training(self):
        variables = self._collection(tf.GraphKeys.TRAINABLE_VARIABLES)
        self.learning_rate = tf.placeholder(tf.float32, (), 'learning_rate')
        # Adam keeps two numbers of its own, which must bear a name of this network's; RMSProp keeps none.
        with tf.name_scope('NewInceptionResnetV2/Training/') if self.optimizer == 'Adam' else contextlib.nullcontext():
            self._train_op, self._norm, self._clipped_norm = minimise(
                self.loss_err, self.learning_rate, self.CLIP_NORM, variables, self.global_step,
                self._collection(tf.GraphKeys.UPDATE_OPS), self.optimizer)
        if self.average:
            averages = tf.train.ExponentialMovingAverage(self.average, self.global_step)
            with tf.control_dependencies([self._train_op]):
                self._train_op = averages.apply(variables)
            self._averaged = {v.op.name: averages.average(v) for v in variables}

    def __getattr__(self, name):
        # Inference never needs targets and losses: they are built when one of them is first asked for.
        if name in type(self).EVALUATION:
            with self._lock:
                if self._evaluation is None:
                    with building(self.graph), tf.name_scope('evaluation'):
                        self._evaluation = self._build_evaluation()
                return self._evaluation[name]
        raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')

    def _build_evaluation(self):
        joints = len(JOINT_NAMES)
        heatmap = tf.placeholder(tf.float32, (None, self.heatmap_size, self.heatmap_size, joints), 'desired_heatmap')
        points = tf.placeholder(tf.float32, (None, 2, joints), 'desired_points')
        present = tf.placeholder(tf.float32, (None, joints), 'present_joints')
        inside = tf.placeholder(tf.float32, (None, joints), 'inside_box_joints')
        if self.loss_type == 'SCE':
            per_joint = pose_heat_maps.cross_entropies(heatmap, self.network)               # (B, 16)
        else:
            per_joint = tf.reduce_sum(tf.squared_difference(self.sigm_network, heatmap), axis=[1, 2])
        distances = tf.norm(tf.cast(self._peaks, tf.float32) - points, axis=1)              # (B, 16)
        return {'desired_heatmap': heatmap, 'desired_points': points, 'present_joints': present,
                'inside_box_joints': inside,
                'loss_err': tf.reduce_sum(per_joint * present) / tf.reduce_sum(present),
                'distances': distances,
                'euclidean_dist': tf.reduce_sum(distances * inside) / tf.reduce_sum(inside),
                'euclidean_dist_per_joint': tf.reduce_sum(distances * inside, 0) / tf.reduce_sum(inside, 0)}

    @classmethod
    def variable_shapes(cls):
        """Names and shapes of the network's 696 model variables, in the order of their creation."""
        with cls() as net:
            return {v.op.name: v.shape.as_list() for v in net.model_variables}

    # --- Inference ---

    def _check_frames(self, images):
        frames = check_batch(images, (self.image_size, self.image_size, 3), 'RGB frames, 0 to 255,',
                             'put it into a batch with frame[None]')
        if frames.dtype.kind == 'f' and -1.0 <= frames.min() and frames.max() <= 1.0 and frames.any():
            warn_caller('these float frames look scaled to 0..1 or -1..1; the network takes RGB values from 0 to '
                        '255')
        return frames

    def _run(self, fetches, feed):
        """As of `Network`; a picture alone goes through twice where that is quicker."""
        if self.is_training or len(feed[self.input_tensor]) != 1 or not self._is_slow_with_one:
            return super()._run(fetches, feed)
        found = super()._run(fetches, {place: np.repeat(array, 2, 0) for place, array in feed.items()})
        return tf.nest.map_structure(lambda each: each[:1], found)

    def _infer(self, tensor, images, batch_size):
        return self._map(tensor, (self.input_tensor, self._check_frames(images)), check_batch_size(batch_size))

    def feed_forward_pure(self, images, batch_size=BATCH_SIZE):
        """Logits of the heat maps.

        Parameters
        ----------
        images : array_like of uint8 or float (B, 299, 299, 3)
            RGB, 0 to 255. Any number; they go through in chunks of `batch_size`.
        batch_size : int

        Returns
        -------
        np.ndarray, float32 (B, 289, 289, 16)

        Raises
        ------
        ValueError, TypeError
            The frames have another rank, size or dtype, are none, or hold NaN or infinity.
        """
        return self._infer(self.network, images, batch_size)

    def feed_forward(self, images, batch_size=BATCH_SIZE):
        """Probability of each joint at each pixel: the sigmoid of `feed_forward_pure`; same arguments and shape."""
        return self._infer(self.sigm_network, images, batch_size)

    def heat_maps(self, images, batch_size=BATCH_SIZE):
        """The probabilities of `feed_forward`, smoothed; same arguments and shape."""
        return self._infer(self.smoothed_sigm_network, images, batch_size)

    def feed_forward_features(self, images, batch_size=BATCH_SIZE, mirrored=None):
        """Spatial features, the gait network's input.

        Parameters
        ----------
        images, batch_size
            As for `feed_forward_pure`.
        mirrored : array_like, bool (B,), optional
            Of which frames the mirror image, left for right, is described: see `GaitNetwork.facing_right`.

        Returns
        -------
        np.ndarray, float32 (B, 17, 17, 32)
        """
        mirrored = None if mirrored is None else np.asarray(mirrored, bool)
        frames = _mirror(self._check_frames(images), mirrored)
        return self._map(self.feature_tensor, (self.input_tensor, frames), check_batch_size(batch_size))

    def joint_positions(self, images, batch_size=BATCH_SIZE):
        """Position and probability of each joint, in the order of `JOINT_NAMES`.

        Parameters
        ----------
        images, batch_size
            As for `feed_forward_pure`.

        Returns
        -------
        np.ndarray, float32 (3, B, 16)
            y and x in pixels of the input, from the maxima of the smoothed maps; probability, 0 to 1, the maximum of
            the maps before smoothing, or where `pairs` moved a joint, their value there.
        """
        return np.swapaxes(self._infer(self._joints, images, batch_size), 0, 1)

    estimate_joints = joint_positions                       # the published script's name

    def features_and_joints(self, images, batch_size=BATCH_SIZE, mirrored=None):
        """`feed_forward_features` and `joint_positions`, of one pass through the network: the very same where nothing
        is `mirrored`; else the joints of the mirror images, in the places and on the sides that they have in `images`.
        """
        mirrored = None if mirrored is None else np.asarray(mirrored, bool)
        frames, size = _mirror(self._check_frames(images), mirrored), check_batch_size(batch_size)
        with self._computing():
            parts = [self._run([self.feature_tensor, self._joints], {self.input_tensor: frames[i:i + size]})
                     for i in range(0, len(frames), size)]
        features, joints = (np.concatenate(each) for each in zip(*parts))
        if mirrored is not None:
            turned = joints[mirrored][..., MIRRORED_JOINTS]                                     # (n, 3, 16)
            turned[:, 1] = frames.shape[2] - 1 - turned[:, 1]
            joints[mirrored] = turned
        return features, np.swapaxes(joints, 0, 1)

    def _signatures(self):
        images = {'images': self.input_tensor}
        return {'serving_default': (images, {'y': self._joints[:, 0], 'x': self._joints[:, 1],
                                             'probability': self._joints[:, 2]}),
                'features': (images, {'features': self.feature_tensor}),
                'heat_maps': (images, {'heat_maps': self.smoothed_sigm_network})}

    # --- Evaluation ---

    def test_joint_activations(self, images, batch_size=BATCH_SIZE):
        """Maxima of the smoothed heat maps, float32 (B, 16); arguments as for `feed_forward_pure`."""
        return self._infer(self._activations, images, batch_size)

    def test_joint_distances(self, images, points, batch_size=BATCH_SIZE):
        """Distance of each estimated joint from where it should be.

        Parameters
        ----------
        images, batch_size
            As for `feed_forward_pure`.
        points : array_like (B, 2, 16)
            True (y, x) in heat-map pixels.

        Returns
        -------
        np.ndarray, float32 (B, 16)
            In heat-map pixels.
        """
        frames = self._check_frames(images)
        points = check_numbers('points', points, (len(frames), 2, len(JOINT_NAMES)))
        true_points = {self.desired_points: points}         # builds the evaluation on first use
        return self._map(self._evaluation['distances'], (self.input_tensor, frames), check_batch_size(batch_size),
                         true_points)

    def test_euclidean_distance(self, images, points, present_joints, is_inside_box, batch_size=BATCH_SIZE):
        """Mean distance over the joints that `is_inside_box` marks.

        Parameters
        ----------
        images, points, batch_size
            As for `test_joint_distances`.
        present_joints : array_like (B, 16)
            Not used; the published method takes it.
        is_inside_box : array_like (B, 16)

        Returns
        -------
        float
            In heat-map pixels; NaN where nothing is marked.
        """
        distances = self.test_joint_distances(images, points, batch_size)
        inside = check_numbers('is_inside_box', is_inside_box, distances.shape).astype(np.float32)
        return float((distances * inside).sum() / inside.sum()) if inside.any() else float('nan')

    # --- Training ---

    def generate_output(self, shape, presented_parts, labels, sigma):
        """Training targets for this network's loss: discs for 'SCE', Gaussians for 'MSE'.

        See `pose_heat_maps.targets`, which takes the same arguments.
        """
        kind = 'disc' if self.loss_type == 'SCE' else 'gaussian'
        return pose_heat_maps.targets(kind, shape, presented_parts, labels, sigma)

    def _feed(self, images, points, heatmaps, present_joints, learning_rate, is_inside_box):
        if not self.is_training:
            raise RuntimeError('this network was built for inference; build it with is_training=True to train it')
        check_rate(learning_rate)
        frames = self._check_frames(images)
        feed = {self.input_tensor: frames, self.learning_rate: learning_rate}
        size, joints = self.heatmap_size, len(JOINT_NAMES)
        labels = {'heatmaps': (self.desired_heatmap, heatmaps, (size, size, joints)),
                  'present_joints': (self.present_joints, present_joints, (joints,)),
                  'is_inside_box': (self.inside_box_joints, is_inside_box, (joints,))}
        if points is not None:
            labels['desired_points'] = (self.desired_points, points, (2, joints))
        for name, (place, array, shape) in labels.items():
            feed[place] = check_numbers(name, array, (len(frames),) + shape)
        return feed

    def train(self, images, heatmaps, present_joints, learning_rate, is_inside_box):
        """One training step: gradients clipped to global norm 2, the optimiser, the batch-norm updates.

        Parameters
        ----------
        images : array_like of uint8 or float (B, 299, 299, 3)
            RGB, 0 to 255, the whole batch at once.
        heatmaps : array_like (B, 289, 289, 16)
            From `generate_output`.
        present_joints : array_like (B, 16)
            1 for joints that count in the loss; at least one.
        learning_rate : float
        is_inside_box : array_like (B, 16)
            Not used by the step; the published method takes it.

        Returns
        -------
        float
            The batch's loss before the step.

        Raises
        ------
        RuntimeError
            The network was built for inference.
        """
        feed = self._feed(images, None, heatmaps, present_joints, learning_rate, is_inside_box)
        if not np.any(present_joints):
            raise ValueError('no joint is present in this batch: its loss is NaN and would spoil the weights')
        with self._replacing_weights() as session:
            return float(session.run([self.loss_err, self._train_op], feed)[0])

    def inference_state(self, batches):
        """The model variables for a network for inference that is cut from a run.

        The weights are averaged over steps where `average` says so; batch norm's averages are those of the batches'
        own statistics under these weights, since moving ones lag behind.

        Parameters
        ----------
        batches : iterable of array_like (B, image_size, image_size, 3)
            Images of some training batches.

        Returns
        -------
        dict of str to np.ndarray
            For `set_training_state` of a network for inference.
        """
        feeds = ({self.input_tensor: self._check_frames(images)} for images in batches)
        if not self.average:
            with self._computing():
                return {**self._values({v.op.name: v for v in self.model_variables}), **self.batch_averages(feeds)}
        with self._lock, self._replacing_weights():
            state = self._values({v.op.name: v for v in self.model_variables})
            averaged = self._values(self._averaged)
            self._assign(averaged)
            try:
                return {**state, **averaged, **self.batch_averages(feeds)}
            finally:
                self._assign({name: state[name] for name in averaged})

    def write_summary(self, inp, desired_points, heatmaps, present_joints, learning_rate, is_inside_box,
                      write_frequency=20, write_per_joint_frequency=100):
        """Write figures of one batch for TensorBoard, when the step is a multiple of the frequencies.

        Distances, loss, gradient norms and histograms go to `logdir/<log_name>/train`, the distance of joint i to
        `logdir/<log_name>/train/point_<i>`. Without a `log_name` nothing is written. The other arguments are those of
        `train`.

        Parameters
        ----------
        desired_points : array_like (B, 2, 16)
            True (y, x) in heat-map pixels.
        write_frequency, write_per_joint_frequency : int
            In steps.
        """
        feed = self._feed(inp, desired_points, heatmaps, present_joints, learning_rate, is_inside_box)
        check_positive('write_frequency', write_frequency)
        check_positive('write_per_joint_frequency', write_per_joint_frequency)
        step = int(self._values(self.global_step))
        if self.log_name is None:
            return
        folder = f'logdir/{self.log_name}/train'
        if step % write_frequency == 0:
            self._write_events(folder, self._run(self._training_summaries(), feed), step)
        if step % write_per_joint_frequency == 0:
            for i, distance in enumerate(self._run(self.euclidean_dist_per_joint, feed)):
                self._write_events(f'{folder}/point_{i:02d}', {'Joint euclidean distance': distance}, step)

    def _training_summaries(self):
        with self._lock:
            if 'summaries' not in self._evaluation:
                with building(self.graph), tf.name_scope('summaries'):
                    tensors = {'Loss': self.loss_err, 'Gradient norm': self._norm,
                               'Gradient norm, clipped': self._clipped_norm,
                               'Average euclidean distance': self.euclidean_dist}
                    for name, tensor in self._histograms().items():
                        tensors[name] = tf.raw_ops.HistogramSummary(tag=name, values=tensor)
                    self._evaluation['summaries'] = tensors
            return self._evaluation['summaries']

    def _histograms(self):
        """Tensors whose values are worth a histogram, by tag."""
        return {}

    def write_test_summary(self, epoch, loss):
        """Write a mean distance measured on validation data into `logdir/<log_name>/test` (no log_name: nowhere).

        Parameters
        ----------
        epoch : int
        loss : float
            In heat-map pixels.
        """
        if self.log_name is not None:
            self._write_events(f'logdir/{self.log_name}/test', {'Average Euclidean Distance': loss}, epoch)

    # --- Weights ---

    def restore(self, path=None, is_pre_trained_imagenet_checkpoint=False):
        """Read weights from a checkpoint; after a refused file the network is as it was.

        Parameters
        ----------
        path : str, os.PathLike or gait_checkpoints.WeightsFile, optional
            A V1 file, a V2 prefix or its `.index`, or a compact `.npz`. A bare name that is not in the working
            directory is sought in `gait_checkpoints.weight_folders()`. Not given: the pose weights of
            `gait_checkpoints.default_pair()`, with a warning where they are not published ones.
        is_pre_trained_imagenet_checkpoint : bool
            The file is Inception-ResNet-v2 of TensorFlow's slim models: only the backbone takes weights from it.

        Returns
        -------
        gait_checkpoints.RestoreReport

        Raises
        ------
        gait_checkpoints.CheckpointError
            A ValueError: the file is no checkpoint, is corrupt, is another network's, lacks a variable or holds it in
            another shape.
        FileNotFoundError, IsADirectoryError
        """
        self._check_open()
        if path is None:
            pair = gait_checkpoints.default_pair()
            path = pair.pose
            warn_caller(pair.notice, once=True)
        file = gait_checkpoints.weights_file(path)
        expected = {v.op.name: v.shape.as_list() for v in self.model_variables
                    if v.op.name.startswith('InceptionResnetV2/') or not is_pre_trained_imagenet_checkpoint}
        what = "Inception-ResNet-v2's backbone" if is_pre_trained_imagenet_checkpoint else 'the pose network'
        values = gait_checkpoints.match(file.path, file.read(expected.__contains__), file.shapes, expected, what)
        with self._lock:
            self._assign(values)
            if len(values) < len(self.variables):
                self._make_ready()
            self._ready = True
            self._restored = self._restored or not is_pre_trained_imagenet_checkpoint
            self._is_random = not self._restored             # the head still is
        return gait_checkpoints.RestoreReport(
            file.path, restored=list(values), kept=[v.op.name for v in self.model_variables if v.op.name not in values],
            ignored=sorted(set(file.shapes) - set(values)))


class HumanPoseIRNetwork(HumanPoseNN):
    """The pose network with published weights: Inception-ResNet-v2, 299 x 299 frames, 289 x 289 heat maps.

    Parameters
    ----------
    log_name, loss_type, is_training, options
        As for `HumanPoseNN`, the options by name: dropout_keep_prob, session_config, seed, optimizer, average,
        pairs.
    precision : {'float32', 'bfloat16'}
        Of the backbone's arithmetic. bfloat16 is faster on processors with AVX512_BF16 or AMX and refused on others;
        weights, batch statistics and the layers after the backbone stay float32.
    image_size : int
        Edge of the frames, 299 less or more a multiple of 16. The network is convolutional: smaller crops cost less in
        training, and it learns the scale that it sees.
    """

    SCOPE = '(New)?InceptionResnetV2/|global_step'
    FEATURES = 32
    IMAGE_SIZE = 299
    HEATMAP_SIZE = 289
    POINT_DIAMETER = 15
    SMOOTH_SIZE = 21
    UPSAMPLING = 17                                                             # 17 x 17 cells of 17 x 17 pixels
    LOGITS_FILTER = {'size': SMOOTH_SIZE, 'std': 1.0, 'gain': 0.2}
    PROBABILITY_FILTER = {'size': POINT_DIAMETER, 'std': 0.7, 'gain': 1.0}
    BACKBONE_DECAY, SCORING_DECAY = 1e-4, 5e-4                                  # declared, never part of the loss
    BATCH_NORM_DECAY = 0.999

    def __init__(self, log_name=None, loss_type='SCE', is_training=False, *, precision='float32', image_size=IMAGE_SIZE,
                 **options):
        check_precision(precision)
        if check_positive('image_size', image_size) < 75 or (image_size - self.IMAGE_SIZE) % 16:
            raise ValueError(f'image_size differs from {self.IMAGE_SIZE} by a multiple of 16 and is at least 75, got '
                             f'{image_size!r}')
        self.precision = precision
        cells = self.HEATMAP_SIZE // self.UPSAMPLING + (image_size - self.IMAGE_SIZE) // 16
        super().__init__(log_name, cells * self.UPSAMPLING, image_size, loss_type, is_training, **options)

    def _build_network(self, images):
        declared = self.is_training                         # inference has no use for regularisation losses
        regularizer = slim.l2_regularizer(self.SCORING_DECAY) if declared else None
        with slim.arg_scope(inception_resnet_v2_arg_scope(self.BACKBONE_DECAY if declared else 0.0,
                                                          self.BATCH_NORM_DECAY)), computing_in(self.precision), \
                quicker_gradients() if declared else contextlib.nullcontext():
            net, _ = inception_resnet_v2(tf.cast(images, self.precision), is_training=self.is_training,
                                         folded=not self.is_training)
        net = tf.cast(net, tf.float32)                      # 17 x 17 x 768; what follows is cheap and stays exact
        with tf.variable_scope('NewInceptionResnetV2/AuxiliaryScoring'), \
                slim.arg_scope([slim.conv2d, slim.conv2d_transpose], activation_fn=None,
                               weights_regularizer=regularizer, biases_regularizer=regularizer):
            if self.is_training:
                net = dropout(net, self.dropout_keep_prob, self.global_step)
            features = slim.conv2d(net, self.FEATURES, 1, scope='Scoring_layer')                # 17 x 17 x 32
            self._upsampled = slim.conv2d_transpose(features, len(JOINT_NAMES), self.UPSAMPLING, self.UPSAMPLING,
                                                    padding='VALID', scope='Upsampling_layer')  # 289 x 289 x 16
        logits = pose_heat_maps.smooth(self._upsampled, **self.LOGITS_FILTER)
        probabilities = tf.sigmoid(logits)
        return features, logits, probabilities, pose_heat_maps.smooth(probabilities, **self.PROBABILITY_FILTER)

    def _histograms(self):
        return {'Last layer': self.network, 'Scoring layer': self.feature_tensor,
                'Upsampling layer': self._upsampled}
