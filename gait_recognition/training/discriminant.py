"""Gait weights in closed form, without a step of training: what tells walks' mean features apart, as a gait network.

Sought are the directions in which walks' mean spatial features differ most between people for what they differ within
one (probabilistic linear discriminant analysis: Ioffe, ECCV 2006). The gait network can hold such a map. Its
nonlinearities are put where they are straight, principal components of neighbourhoods go on to the next stage, the
last layer reads the map off by ridge regression, and the recurrent layer passes it on. Such vectors know nothing of
order in time. It opens no files and builds no network.
"""
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gait_checkpoints import as_compact
from gait_nn import GaitNetwork

COMPONENTS = 2_000          # of the mean features, at most
PASSES, TAIL = 2, 0.3       # walks far from their person's mean count less; bounds what near ones count
SHIFT = 4.0                 # standard deviations by which a channel lies above zero, where ELU and ReLU are straight
NEIGHBOURS = 64, 128        # components of 3 x 3 neighbourhoods that the residual blocks add to what passes
RIDGE = 1e-4                # of the mean diagonal
TOLD = 1e-1                 # the same, of what a pixel says of its neighbours
SIZE = 0.25                 # standard deviation of a number of the vector over frames, where tanh is nearly straight
STEADY = 0.35               # of the vectors' size over frames: a part that is all walks', so that a cosine hears size
KEPT_STATE = -6.0           # bias of the update gate: 0.25 % of the state before stays
PATCHES = 100_000           # neighbourhoods that principal components are taken of
DOWN = 'GaitNN/DownSampling/'


class Discriminant(NamedTuple):
    """A linear map of mean features, flattened: ``(features - mean) @ matrix``.

    Attributes
    ----------
    matrix : np.ndarray, float32 (9248, n)
        Its outputs are posterior means, what a walk tells of its person, by the standard deviation of walks: where
        people differ most they differ by no more than elsewhere, and a cosine hears all of it.
    mean : np.ndarray, float32 (9248,)
    ratios : np.ndarray (n,)
        Variance between people by variance within them, falling.
    """
    matrix: np.ndarray
    mean: np.ndarray
    ratios: np.ndarray


def check_people(people, directions):
    """ValueError where somebody has a single walk, or there are too few people: as `fit_discriminant`."""
    names, counts = np.unique(people, return_counts=True)
    if counts.min() < 2:
        raise ValueError(f'{names[counts.argmin()]} has a single walk; at least 2 of each person are needed')
    if directions >= GaitNetwork.NUM_UNITS:                                 # one is everybody's
        raise ValueError(f'{directions} directions are asked for of vectors of {GaitNetwork.NUM_UNITS} numbers; there '
                         'are fewer')
    if not 1 <= directions < len(names):
        raise ValueError(f'{directions} directions are asked for of {len(names)} people; there are fewer than people')


def fit_discriminant(means, people, directions, shrinkage, sets=None):
    """Find what tells people apart.

    Parameters
    ----------
    means : np.ndarray, float32 (walks, 17, 17, 32)
        Mean features over the frames of each walk.
    people : sequence
        Whose walk each is; two walks of a person at least.
    directions : int
        Fewer than there are people, and than 512.
    shrinkage : float
        Of the variance within people towards a sphere, in shares of its mean.
    sets : sequence of int, optional
        Which walks come from one source: how sources differ is taken off, and the largest one's mean is the map's.

    Returns
    -------
    Discriminant

    Raises
    ------
    ValueError
        Somebody has a single walk, or there are too few people.
    """
    from sklearn.decomposition import PCA

    check_people(people, directions)
    names, numbers = np.unique(people, return_inverse=True)
    flat = np.array(means, np.float32).reshape(len(means), -1)
    sets = np.zeros(len(flat), int) if sets is None else np.asarray(sets)
    means_of_sets = {each: flat[sets == each].mean(axis=0) for each in np.unique(sets)}
    for each, mean in means_of_sets.items():
        flat[sets == each] -= mean
    largest = max(means_of_sets, key=lambda each: np.sum(sets == each))
    pca = PCA(min(COMPONENTS, len(flat) - len(names), flat.shape[1]), svd_solver='randomized', random_state=0)
    reduced = pca.fit_transform(flat).astype(np.float64)
    ratios, axes = directions_of(*scatters(reduced, numbers, shrinkage), shrinkage, directions)
    matrix = pca.components_.T @ weighed(ratios, axes)
    return Discriminant(matrix.astype(np.float32), means_of_sets[largest], ratios)


def scatters(walks, numbers, shrinkage):
    """How walks scatter about their people, and people about the middle, float64 (d, d) each.

    Parameters
    ----------
    walks : np.ndarray, float64 (n, d)
    numbers : np.ndarray, int (n,)
        Whose they are, from 0 on; two walks of each person at least.
    shrinkage : float
        As of `fit_discriminant`: of the distances by which walks far from their person's mean come to count less.
    """
    import scipy.linalg

    counts = np.bincount(numbers)
    weights = np.ones(len(walks))
    freedom = np.sqrt(counts / (counts - 1))[numbers][:, None]
    for last in [False] * PASSES + [True]:
        sums = np.bincount(numbers, weights)
        centres = np.zeros((len(counts), walks.shape[1]))
        np.add.at(centres, numbers, walks * weights[:, None])
        centres /= sums[:, None]
        off = walks - centres[numbers]
        within = (off * weights[:, None]).T @ off / (len(walks) - len(counts))
        if not last:
            lower = np.linalg.cholesky(_shrunk(within, shrinkage))
            distances = (scipy.linalg.solve_triangular(lower, (off * freedom).T, lower=True) ** 2).mean(axis=0)
            weights = 1 / (distances / np.median(distances) + TAIL)
            weights /= weights.mean()
    effective = sums ** 2 / np.bincount(numbers, weights ** 2)                  # walks that count, of each person
    centres -= np.average(centres, axis=0, weights=effective)
    return within, (centres * effective[:, None]).T @ centres / effective.sum() - within / effective.mean()


def directions_of(within, between, shrinkage, count):
    """Ratios of variances (n,), falling, and the directions (d, n), of unit variance within; `count` at most."""
    import scipy.linalg

    ratios, axes = scipy.linalg.eigh(between, _shrunk(within, shrinkage),
                                     subset_by_index=(max(len(within) - count, 0), len(within) - 1))
    return np.maximum(ratios[::-1], 0), axes[:, ::-1]


def weighed(ratios, axes):
    """Directions (d, n) by what a walk tells of its person along them: see `Discriminant.matrix`."""
    return axes * (ratios / (1 + ratios) ** 1.5)


def _shrunk(within, shrinkage):
    return within + shrinkage * np.trace(within) / len(within) * np.eye(len(within))


# --- Laying out ------------------------------------------------------------------------------------------------------

def lay_out(discriminant, frames, random_state=0):
    """Weights of `GaitNetwork()` whose vector is nearly the discriminant of the mean feature, turned in 512 dimensions.

    They lose nothing more when they are written in 8 bits (`gait_checkpoints.write_compact`).

    One further dimension is the same for all walks: the cosine between two that lie far from the middle then tells more
    than between two near it.

    Parameters
    ----------
    discriminant : Discriminant
    frames : np.ndarray, float32 (n, 17, 17, 32)
        Spatial features of frames of many walks; thousands.
    random_state : int
        Of the turn, and of the neighbourhoods that principal components are taken of.

    Returns
    -------
    weights : dict of str to np.ndarray, float32
        For `GaitNetwork.set_training_state`.
    error : float
        Share of the map's variance over frames that the layers do not give, on every fifth frame, which they were not
        laid out on.
    """
    rng = np.random.default_rng(random_state)
    held_out = np.arange(len(frames)) % 5 == 4
    layers = _Layers(frames[~held_out], rng)
    targets = (frames.reshape(len(frames), -1) - discriminant.mean) @ discriminant.matrix
    turn = np.linalg.qr(rng.standard_normal((GaitNetwork.NUM_UNITS, targets.shape[1] + 1)))[0].T
    steady = STEADY * SIZE * np.sqrt(GaitNetwork.NUM_UNITS) * turn[-1]
    targets *= SIZE / np.sqrt(targets.var(axis=0).sum() / GaitNetwork.NUM_UNITS)
    coefficients, bias = _ridge(layers.output, targets[~held_out])
    others = layers.describe(frames[held_out])
    layers.read_off(coefficients @ turn[:-1], bias @ turn[:-1] + steady)
    found = (layers.read(others) - steady) @ turn[:-1].T
    error = ((found - targets[held_out]) ** 2).sum() / targets[held_out].var(axis=0).sum() / held_out.sum()
    layers.pass_on()
    return layers.weights, float(error)


def _ridge(inputs, targets):
    from sklearn.linear_model import Ridge
    inputs = inputs.astype(np.float64)                              # ill-conditioned in float32
    ridge = Ridge(RIDGE * len(inputs) * inputs.var(axis=0).mean(), solver='cholesky').fit(inputs, targets)
    return ridge.coef_.T, ridge.intercept_


def _relu(x):
    return np.maximum(x, 0)


def _elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


class _Layers:
    """The weights of the layers up to the last, and what goes through them.

    Only the first channels of each layer are used: `SHIFT` above zero they go through ELU and ReLU as they are.

    Attributes
    ----------
    weights : dict of str to np.ndarray
    output : np.ndarray, float32 (n, 5 * 5 * channels)
        Of the frames given.
    """

    def __init__(self, frames, rng):
        self.weights = {name: np.full(shape, name.endswith('moving_variance'), np.float32)
                        for name, shape in GaitNetwork.variable_shapes().items()}
        self._rng = rng
        self._laid = False
        self.output = self.describe(frames)
        self._laid = True

    def describe(self, frames):
        """Frames (n, 17, 17, 32) through the layers; the first ones are what they are laid out on."""
        x = GaitNetwork.pre_process(frames)                                     # n x 17 x 17 x 32
        x = _elu(self._norm(self._pass(x, '17x17/Conv'), '17x17/Conv/BatchNorm'))
        for scope, added in zip(('8x8', '4x4'), NEIGHBOURS):                    # n x 9 x 9 x 96, n x 5 x 5 x 224
            x = self._block(x, f'{scope}/ResidualBlock/', added)
        for scope in ('4x4/Conv', '4x4/Conv_1'):
            x = _elu(self._norm(self._pass(x, scope), f'{scope}/BatchNorm'))
        return x.reshape(len(x), -1)

    def _pass(self, x, scope):
        """Channel to channel, through the middle of the kernel."""
        kernel = self.weights[f'{DOWN}{scope}/weights']
        k = np.arange(x.shape[-1])
        kernel[kernel.shape[0] // 2, kernel.shape[1] // 2, k, k] = 1
        return x

    def _norm(self, x, scope):
        """Batch norm: channels of variance 1 about `SHIFT`."""
        mean, variance, beta = (self.weights[f'{DOWN}{scope}/{name}']
                                for name in ('moving_mean', 'moving_variance', 'beta'))
        k = slice(x.shape[-1])
        if not self._laid:
            mean[k], variance[k], beta[k] = x.mean((0, 1, 2)), x.var((0, 1, 2)), SHIFT
        return (x - mean[k]) / np.sqrt(variance[k] + GaitNetwork.BATCH_NORM['epsilon']) + SHIFT

    def _block(self, x, scope, added):
        """Every second pixel as it is, and `added` components of the pixels about it that it does not tell."""
        k = x.shape[-1]
        self._pass(x, f'{scope}Conv')
        inner = _relu(self._norm(x, f'{scope}BatchNorm'))
        inner = _relu(self._norm(self._pass(inner, f'{scope}Conv_1'), f'{scope}BatchNorm_1'))
        name = f'{DOWN}{scope}Conv_2/weights'
        kernel = self.weights[name]
        padded = np.pad(inner, ((0, 0), (1, 1), (1, 1), (0, 0)))
        patches = sliding_window_view(padded, (3, 3), (1, 2))[:, ::2, ::2]      # n x 9 x 9 x k x 3 x 3
        if not self._laid:
            kernel[:, :, :k, :added] = self._components(patches, added)
            kernel[:] = as_compact(name, kernel)                                # norms are of these, none is lost later
        around = np.einsum('nyxkij,ijko->nyxo', patches, kernel[:, :, :k, :added], optimize=True)
        around = _relu(self._norm(around, f'{scope}BatchNorm_2'))
        self.weights[f'{DOWN}{scope}Conv_3/weights'][0, 0, np.arange(added), k + np.arange(added)] = 1
        x = np.concatenate([x[:, ::2, ::2], around], axis=-1)
        bias = self.weights[f'{DOWN}{scope}Conv_3/biases']
        if not self._laid:
            bias[:k + added] = SHIFT * x.std((0, 1, 2)) - x.mean((0, 1, 2))
        return _relu(x + bias[:k + added])

    def _components(self, patches, added):
        """Kernels (3, 3, k, added): principal components of eight neighbours, less what their middle says of them."""
        k = patches.shape[3]
        patches = patches.reshape(-1, k, 9)
        patches = patches[self._rng.permutation(len(patches))[:PATCHES]]
        patches = patches - patches.mean(axis=0)
        middle, others = patches[:, :, 4], np.delete(patches, 4, axis=2).reshape(len(patches), -1)
        square = middle.T @ middle
        told = np.linalg.solve(square + TOLD * np.trace(square) / k * np.eye(k), middle.T @ others)     # k x 8k
        rest = others - middle @ told
        axes = np.linalg.eigh(rest.T @ rest)[1][:, ::-1][:, :added]                                     # 8k x added
        kernels = np.insert(axes.reshape(k, 8, added), 4, -told @ axes, axis=1)                         # k x 9 x added
        return kernels.transpose(1, 0, 2).reshape(3, 3, k, added)

    def read_off(self, coefficients, bias):
        """Give the last layer its weights (5 * 5 * channels, 512), as compact files keep them, and biases."""
        scope, channels = 'GaitNN/FullyConnected/fully_connected/', len(coefficients) // 25
        weights = self.weights[f'{scope}weights']
        pixels = weights.reshape(25, -1, weights.shape[1])
        pixels[:, :channels] = coefficients.reshape(25, channels, -1)
        weights[:] = as_compact(f'{scope}weights', weights)
        rounded = pixels[:, :channels].reshape(coefficients.shape)
        self.weights[f'{scope}biases'][:] = bias + self.output.mean(axis=0) @ (coefficients - rounded)

    def read(self, output):
        """What the last layer makes of outputs (n, 5 * 5 * channels), (n, 512)."""
        scope = 'GaitNN/FullyConnected/fully_connected/'
        weights = self.weights[f'{scope}weights'].reshape(25, -1, GaitNetwork.NUM_UNITS)
        weights = weights[:, :output.shape[1] // 25].reshape(output.shape[1], -1)
        return output @ weights + self.weights[f'{scope}biases']

    def pass_on(self):
        """Let the recurrent layer give tanh of each frame's description."""
        scope = 'GaitNN/Recurrent/rnn/multi_rnn_cell/cell_0/gru_cell/'
        units = np.arange(GaitNetwork.NUM_UNITS)
        self.weights[f'{scope}gates/bias'][GaitNetwork.NUM_UNITS:] = KEPT_STATE
        self.weights[f'{scope}candidate/kernel'][units, units] = 1
