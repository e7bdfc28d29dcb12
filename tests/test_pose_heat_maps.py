"""Targets, smoothing filters and maxima of heat maps, held against NumPy and SciPy."""
import math

import numpy as np
import pytest
import scipy.ndimage
import tensorflow.compat.v1 as tf

import pose_heat_maps
from pose_heat_maps import gaussian_filter, targets

SHAPE = (1, 289, 289, 1)
PRESENT = np.ones((1, 1))


def one(kind, y, x, sigma, shape=SHAPE):
    """The map of a single joint."""
    return targets(kind, shape, PRESENT, np.array([[[y], [x]]]), sigma)[0, :, :, 0]


def run(tensor):
    with tf.Session(graph=tensor.graph) as session:
        return session.run(tensor)


# --- Targets ---------------------------------------------------------------------------------------------------------

def test_a_disc_of_diameter_15_has_177_pixels_of_one_around_its_centre():
    disc = one('disc', 100, 50, 15)
    assert set(np.unique(disc)) == {0, 1} and disc.dtype == np.float32
    rows, columns = np.nonzero(disc)
    assert len(rows) == 177
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (93, 107, 43, 57)


@pytest.mark.parametrize('diameter', [1, 2, 3, 4, 7, 14, 15, 16])
def test_discs_of_any_diameter_follow_the_rule_pixel_by_pixel(diameter):
    expected = np.zeros((40, 40))
    for dy in range(-int(diameter / 2), diameter - int(diameter / 2)):
        for dx in range(-int(diameter / 2), diameter - int(diameter / 2)):
            expected[20 + dy, 15 + dx] = dx ** 2 + dy ** 2 <= (diameter / 2) ** 2
    np.testing.assert_array_equal(one('disc', 20, 15, diameter, (1, 40, 40, 1)), expected)


def test_a_gaussian_of_5_peaks_at_one_and_sums_to_157_0586():
    gaussian = one('gaussian', 100, 50, 5)
    assert gaussian[100, 50] == 1.0 == gaussian.max()
    assert gaussian.sum(dtype=np.float64) == pytest.approx(157.0586, abs=1e-4)
    assert gaussian[103, 54] == pytest.approx(np.exp(-25 / 50))
    rows, columns = np.nonzero(gaussian)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (80, 119, 30, 69)      # -4 sigma to 4 sigma - 1


@pytest.mark.parametrize('kind, sigma', [('disc', 15), ('gaussian', 5)])
@pytest.mark.parametrize('y, x', [(0, 0), (288, 288), (-3, 140), (140, 291), (292, -4)])
def test_a_centre_at_or_off_the_edge_draws_the_part_on_the_map(kind, sigma, y, x):
    wide = one(kind, y + 50, x + 50, sigma, (1, 389, 389, 1))[50:339, 50:339]
    assert wide.any()
    np.testing.assert_array_equal(one(kind, y, x, sigma), wide)


@pytest.mark.parametrize('y, x', [(-500, 10), (10, 5000), (-10 ** 6, -10 ** 6), (1e30, 10.0)])
def test_a_centre_far_off_the_map_draws_nothing(y, x):
    assert not one('disc', y, x, 15).any()


@pytest.mark.parametrize('label, floor', [(100.0, 100), (100.999, 100), (-0.25, -1), (-1.0, -1)])
def test_float_labels_are_floored(label, floor):
    np.testing.assert_array_equal(one('disc', label, 60.5, 15), one('disc', floor, 60, 15))


def test_absent_joints_have_zero_maps_whatever_their_labels():
    labels = np.array([[[10.0, np.nan, 30.0], [10.0, 20.0, np.inf]]])
    maps = targets('disc', (1, 40, 40, 3), [[1, 0, 0]], labels, 3)
    assert maps[..., 0].sum() == 9 and not maps[..., 1:].any()      # diameter 3: the corners too, 2 <= 1.5 squared


def test_each_sample_and_joint_has_its_own_map():
    labels = np.array([[[5, 9], [6, 10]], [[20, 30], [21, 31]]])
    maps = targets('disc', (2, 40, 40, 2), np.ones((2, 2)), labels, 1)
    assert sorted(zip(*(axis.tolist() for axis in np.nonzero(maps)))) == [
        (0, 5, 6, 0), (0, 9, 10, 1), (1, 20, 21, 0), (1, 30, 31, 1)]


@pytest.mark.parametrize('present, labels, message', [
    (np.ones((1, 2)), np.zeros((1, 2, 1)), r'\(1, 1\).*\(1, 2\)'),
    (PRESENT, np.zeros((1, 1, 2)), r'\(1, 2, 1\).*\(1, 1, 2\)'),
    (PRESENT, np.zeros((2, 2, 1)), r'\(2, 2, 1\)'),
    (PRESENT, np.array([[[np.nan], [3.0]]]), 'joint 0 of sample 0 is present')])
def test_labels_that_do_not_fit_are_refused(present, labels, message):
    with pytest.raises(ValueError, match=message):
        targets('disc', SHAPE, present, labels, 15)


@pytest.mark.parametrize('sigma', [0, -3, 2.5, math.nan, math.inf, True, '5'])
def test_a_sigma_that_is_no_positive_integer_is_refused(sigma):
    with pytest.raises(ValueError, match=f'positive integer, got {sigma!r}'):
        one('disc', 3, 3, sigma)


# --- Smoothing -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('size, std, gain', [(21, 1.0, 0.2), (15, 0.7, 1.0)])
def test_a_filter_is_the_normal_density_over_minus_2_to_2_with_the_root_of_the_gain_as_sum(size, std, gain):
    taps = gaussian_filter(size, std, gain)
    assert taps.shape == (size,) and taps.dtype == np.float32
    assert taps.sum(dtype=np.float64) == pytest.approx(np.sqrt(gain), rel=1e-6)
    density = [np.exp(-0.5 * ((-2 + 4 * i / (size - 1)) / std) ** 2) for i in range(size)]
    np.testing.assert_allclose(taps / taps[size // 2], density, rtol=1e-5)


@pytest.mark.parametrize('size, std, gain', [(21, 1.0, 0.2), (15, 0.7, 1.0)])
def test_smoothing_is_scipys_separable_filter_with_zeros_outside_each_channel_alone(size, std, gain):
    maps = np.random.RandomState(0).standard_normal((2, 30, 26, 3)).astype(np.float32)
    expected = maps.astype(np.float64)
    for axis in (2, 1):
        expected = scipy.ndimage.convolve1d(expected, gaussian_filter(size, std, gain), axis, mode='constant')
    with tf.Graph().as_default():
        smoothed = run(pose_heat_maps.smooth(tf.constant(maps), size, std, gain))
    np.testing.assert_allclose(smoothed, expected, atol=1e-5)


def test_smoothing_a_single_pixel_spreads_the_gain_around_it():
    maps = np.zeros((1, 61, 61, 1), np.float32)
    maps[0, 30, 20] = 1.0
    with tf.Graph().as_default():
        smoothed = run(pose_heat_maps.smooth(tf.constant(maps), 21, 1.0, 0.2))[0, :, :, 0]
    assert np.unravel_index(smoothed.argmax(), smoothed.shape) == (30, 20)
    assert smoothed.sum() == pytest.approx(0.2, rel=1e-5)


# --- Maxima ----------------------------------------------------------------------------------------------------------

def peaks(maps):
    with tf.Graph().as_default():
        return run(pose_heat_maps.peaks(tf.constant(maps, tf.float32)))


def test_peaks_are_row_and_column_of_each_maps_maximum():
    maps = np.random.RandomState(1).standard_normal((3, 11, 13, 4))
    expected = [[np.unravel_index(maps[b, :, :, c].argmax(), (11, 13)) for c in range(4)] for b in range(3)]
    np.testing.assert_array_equal(peaks(maps), np.swapaxes(expected, 1, 2))


def test_of_equal_maxima_the_first_row_and_the_first_column_count_each_for_itself():
    maps = np.zeros((1, 10, 10, 1))
    maps[0, [2, 7], [8, 3]] = 1.0
    assert peaks(maps).ravel().tolist() == [2, 3]           # no pixel of the map: rows and columns are sought apart
    assert peaks(np.zeros((1, 10, 10, 1))).ravel().tolist() == [0, 0]


# --- Maxima in pairs -------------------------------------------------------------------------------------------------

def blobs(*channels):
    """Maps (1, 40, 50, channels), each with (y, x, height) of its figures."""
    y, x = np.mgrid[:40, :50]
    return np.stack([sum(height * np.exp(-((y - at_y) ** 2 + (x - at_x) ** 2) / 8.0) for at_y, at_x, height in each)
                     for each in channels], axis=-1)[None]


def paired(maps, pairs=((0, 1),), share=0.5):
    with tf.Graph().as_default():
        return run(pose_heat_maps.paired_peaks(tf.constant(maps, tf.float32), pairs, 6.0, share))[0].T.tolist()


HERE, THERE = (10, 10), (30, 40)


def test_of_two_joints_at_one_place_that_one_moves_whose_other_place_is_better():
    assert paired(blobs([(*HERE, 0.9), (*THERE, 0.8)], [(*HERE, 0.9), (*THERE, 0.6)])) == [[*THERE], [*HERE]]
    assert paired(blobs([(*HERE, 0.9), (*THERE, 0.6)], [(*HERE, 0.9), (*THERE, 0.8)])) == [[*HERE], [*THERE]]
    assert paired(blobs([(*HERE, 0.9), (*THERE, 0.8)], [(12, 13, 0.9)])) == [[*THERE], [12, 13]]         # 3.6 apart


def test_joints_stay_where_the_other_place_is_too_weak_or_they_lie_apart():
    for share, moved in ((0.7, [[*HERE], [*HERE]]), (0.6, [[*THERE], [*HERE]])):
        assert paired(blobs([(*HERE, 0.9), (*THERE, 0.6)], [(*HERE, 0.9)]), share=share) == moved       # 0.6 / 0.9
    assert paired(blobs([(*HERE, 0.9), (*THERE, 0.8)], [(18, 10, 0.9)])) == [[*HERE], [18, 10]]          # 8 apart


def test_pairs_of_several_pictures_are_decided_each_for_itself_and_other_joints_stay():
    near = blobs([(*HERE, 0.9), (*THERE, 0.8)], [(5, 5, 0.3)], [(*HERE, 0.9)], [(20, 20, 0.5)])
    apart = blobs([(*THERE, 0.9)], [(5, 5, 0.3)], [(*HERE, 0.9)], [(20, 20, 0.5)])
    with tf.Graph().as_default():
        maps = np.concatenate([apart, near, near[..., [2, 1, 0, 3]], apart])
        found = run(pose_heat_maps.paired_peaks(tf.constant(maps, tf.float32), ((0, 2), (1, 3)), 6.0, 0.5))
    np.testing.assert_array_equal(found[[0, 3]], peaks(apart).repeat(2, 0))
    assert found[1].T.tolist() == [[*THERE], [5, 5], [*HERE], [20, 20]]
    assert found[2].T.tolist() == [[*HERE], [5, 5], [*THERE], [20, 20]]


def test_empty_maps_and_no_picture_at_all_have_their_peaks():
    assert paired(np.zeros((1, 10, 10, 2))) == [[0, 0], [0, 0]]
    with tf.Graph().as_default():
        assert run(pose_heat_maps.paired_peaks(tf.zeros((0, 9, 9, 2)), ((0, 1),), 2.0, 0.5)).shape == (0, 2, 2)


# --- Loss ------------------------------------------------------------------------------------------------------------

def test_cross_entropies_and_their_gradient_are_those_of_tensorflow():
    rng = np.random.default_rng(3)
    with tf.Graph().as_default(), tf.Session() as session:
        logits = tf.constant(20 * rng.standard_normal((2, 9, 7, 3)).astype(np.float32))
        there = tf.constant(rng.integers(0, 2, (2, 9, 7, 3)).astype(np.float32))
        of_sums = tf.constant(rng.random((2, 3)).astype(np.float32))
        plain = tf.nn.sigmoid_cross_entropy_with_logits(labels=there, logits=logits)
        found, expected = session.run([(net, *tf.gradients(net, logits, of_sums)) for net in (
            pose_heat_maps.cross_entropies(there, logits), tf.reduce_sum(plain, axis=[1, 2]))])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-6)
