"""Heat maps of body joints: training targets, Gaussian smoothing, maxima and distances.

Targets are NumPy, the rest builds into the default TensorFlow graph. Nothing here knows a network.
"""
import numpy as np
import tensorflow.compat.v1 as tf

from gait_network import check_positive

FILTER_REACH = 2.0          # the filter is the normal density over [-2, 2], in units, not in standard deviations


def gaussian_filter(size, std, gain):
    """One axis of the separable smoothing filter.

    Parameters
    ----------
    size : int
        Number of taps.
    std : float
        Standard deviation, where the taps span [-2, 2].
    gain : float
        Sum of the two-dimensional filter; one axis sums to its root.

    Returns
    -------
    np.ndarray, float32 (size,)
    """
    x = np.linspace(-FILTER_REACH, FILTER_REACH, size)
    density = np.exp(-x ** 2 / (2 * std ** 2))
    return (density / density.sum() * np.sqrt(gain)).astype(np.float32)


def smooth(maps, size, std, gain):
    """Smooth each channel alone with `gaussian_filter`, first along x, then along y, with zeros outside.

    Parameters
    ----------
    maps : tf.Tensor, float32 (B, H, W, C)
    size, std, gain
        Of the filter.

    Returns
    -------
    tf.Tensor, float32 (B, H, W, C)
    """
    taps = np.tile(gaussian_filter(size, std, gain)[:, None], maps.shape.as_list()[-1])        # (size, C)
    for kernel in (taps[None, :, :, None], taps[:, None, :, None]):                            # along x, along y
        maps = tf.nn.depthwise_conv2d(maps, kernel, strides=[1, 1, 1, 1], padding='SAME')
    return maps


@tf.custom_gradient
def cross_entropies(targets, logits):
    """Sigmoid cross entropy of each map, summed over its pixels; its gradient in two steps over the maps, not in ten.

    Parameters
    ----------
    targets, logits : tf.Tensor, float32 (B, H, W, C)

    Returns
    -------
    tf.Tensor, float32 (B, C)
    """
    def gradient(of_sums):
        return None, (tf.sigmoid(logits) - targets) * of_sums[:, None, None]

    errors = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_sum(errors, axis=[1, 2]), gradient


def peaks(maps):
    """Row and column of each map's maximum: the argmax of the maximum over the other axis.

    Parameters
    ----------
    maps : tf.Tensor, float32 (B, H, W, C)

    Returns
    -------
    tf.Tensor, int64 (B, 2, C)
        (y, x), in heat-map pixels.
    """
    return tf.stack([tf.argmax(tf.reduce_max(maps, axis=2), axis=1), tf.argmax(tf.reduce_max(maps, axis=1), axis=1)],
                    axis=1)


def paired_peaks(maps, pairs, reach, share):
    """`peaks`, but where both of a pair lie at one place, one of them may take its map's second best place.

    A map of a right ankle is often highest at the left one where the legs look alike; alone, each is then found at the
    same leg. Of two second places the better one counts: the higher product with the other joint's maximum.

    Parameters
    ----------
    maps : tf.Tensor, float32 (B, H, W, C)
    pairs : sequence of (int, int)
        Channels.
    reach : float
        Places no further apart than that are one, in heat-map pixels.
    share : float
        Of the product of both maxima that the second best place must exceed.

    Returns
    -------
    tf.Tensor, int64 (B, 2, C)
        (y, x), in heat-map pixels.
    """
    points = tf.transpose(peaks(maps), (0, 2, 1))                                           # (B, C, 2)
    channels = np.array(pairs)                                                              # (P, 2)
    found = tf.gather(points, channels, axis=1)                                             # (B, P, 2, 2)
    apart = tf.reduce_sum(tf.square(tf.cast(found[:, :, 0] - found[:, :, 1], tf.float32)), axis=2)
    near = tf.where(apart <= reach ** 2)                                                    # (N, 2): picture, pair
    found = tf.cast(tf.gather_nd(found, near), tf.float32)                                  # (N, 2, 2)
    both = tf.gather_nd(tf.transpose(maps, (0, 3, 1, 2)),                                   # (N, 2, H, W)
                        tf.stack([tf.tile(near[:, :1], (1, 2)), tf.gather(channels, near[:, 1])], axis=2))
    height, width = tf.shape(maps)[1], tf.shape(maps)[2]
    other = found[:, ::-1, :, None]                                                         # (N, 2, 2, 1)
    rows = tf.square(tf.cast(tf.range(height), tf.float32) - other[:, :, 0])                # (N, 2, H)
    columns = tf.square(tf.cast(tf.range(width), tf.float32) - other[:, :, 1])              # (N, 2, W)
    outside = tf.where(rows[..., None] + columns[:, :, None] > reach ** 2, both, tf.zeros_like(both))
    outside = tf.reshape(outside, (-1, 2, height * width))
    second = tf.argmax(outside, axis=2)                                                     # (N, 2)
    best = tf.reduce_max(both, axis=[2, 3])                                                 # (N, 2)
    products = tf.reduce_max(outside, axis=2) * best[:, ::-1]
    moves = tf.reduce_max(products, axis=1) > share * best[:, 0] * best[:, 1]               # (N,)
    picture, pair = tf.unstack(tf.boolean_mask(near, moves), axis=1)
    side = tf.argmax(tf.boolean_mask(products, moves), axis=1)                              # which of the two moves
    place = tf.gather(tf.boolean_mask(second, moves), side, axis=1, batch_dims=1)
    row, column = place // tf.cast(width, tf.int64), place % tf.cast(width, tf.int64)
    moved = tf.stack([picture, tf.gather_nd(tf.constant(channels, tf.int64), tf.stack([pair, side], axis=1))], axis=1)
    return tf.transpose(tf.tensor_scatter_nd_update(points, moved, tf.stack([row, column], axis=1)), (0, 2, 1))


def targets(kind, shape, present, labels, sigma):
    """Training targets: a figure around each joint that is present, zero elsewhere.

    Parameters
    ----------
    kind : {'disc', 'gaussian'}
        disc: 1 where dx^2 + dy^2 <= (d / 2)^2, d = `sigma` the diameter, offsets -int(d / 2) to d - 1 - int(d / 2).
        gaussian: peak 1, standard deviation `sigma`, cut to offsets -4 sigma to 4 sigma - 1.
    shape : tuple of int
        (B, H, W, J).
    present : array_like (B, J)
        Joints with a true value are drawn.
    labels : array_like (B, 2, J)
        Centres (y, x) in heat-map pixels; floats are floored. A centre off the map draws the part that lies on it.
    sigma : int

    Returns
    -------
    np.ndarray, float32 (B, H, W, J)

    Raises
    ------
    ValueError
        Shapes do not fit together, a joint that is present has a label of NaN or infinity, or `sigma` is no positive
        integer.
    """
    batch, height, width, joints = shape
    present, labels = np.asarray(present), np.asarray(labels)
    if present.shape != (batch, joints) or labels.shape != (batch, 2, joints):
        raise ValueError(f'heat maps of shape {tuple(shape)} need present joints {(batch, joints)} and labels '
                         f'{(batch, 2, joints)}, got {present.shape} and {labels.shape}')
    whole = int(sigma) if isinstance(sigma, float) and sigma.is_integer() else sigma
    patch, first = _patch(kind, check_positive('sigma (diameter or standard deviation, in pixels)', whole))
    size = len(patch)
    maps = np.zeros(shape, np.float32)
    for b, j in zip(*np.nonzero(present)):
        if not np.isfinite(labels[b, :, j]).all():
            raise ValueError(f'joint {j} of sample {b} is present, but its label is {labels[b, :, j]}')
        # A figure further off than its own size is off the map, however far; NumPy's integers have an end.
        centre = np.clip(np.floor(labels[b, :, j]), -size, np.array([height, width]) + size)
        top, left = centre.astype(int) + first
        y = np.arange(max(top, 0), min(top + size, height))             # empty where the figure lies off the map
        x = np.arange(max(left, 0), min(left + size, width))
        maps[b, y[:, None], x, j] = patch[y[:, None] - top, x - left]
    return maps


def _patch(kind, sigma):
    """The figure drawn around a centre, and the offset of its first row and column."""
    if kind == 'disc':
        offsets = np.arange(sigma) - sigma // 2
        squares = offsets[:, None] ** 2 + offsets ** 2
        return (squares <= (sigma / 2) ** 2).astype(np.float32), offsets[0]
    offsets = np.arange(-4 * sigma, 4 * sigma)
    squares = offsets[:, None] ** 2 + offsets ** 2
    return np.exp(-squares / (2.0 * sigma ** 2)).astype(np.float32), offsets[0]
