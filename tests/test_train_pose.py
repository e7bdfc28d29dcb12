"""Training the pose network: annotations, crops, batches, scores, and runs that survive being killed.

Run as a program this file is the command `train_pose.py` with a network of two layers in place of the real one.
"""
import gc
import io
import json
import math
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim
from PIL import Image, ImageDraw
from scipy.io import loadmat, savemat
from training_runs import ROOT, assert_same_course, rows_of, run_command, saved_step

import gait_checkpoints
import gait_layers
import human_pose_nn
import pose_heat_maps
from gait_recognition.prefetch import ahead
from gait_recognition.progress import Progress
from gait_recognition.training import gait, pose
from gait_recognition.training.annotations import (
    Annotation,
    convert_lsp,
    convert_mpii,
    read_annotations,
    split_by_picture,
    write_annotations,
)
from gait_recognition.training.pose import main
from gait_recognition.training.runs import Run, learning_rate, read_state, write_state
from gait_recognition.training.samples import (
    TEST_SEED,
    TRAINING_SEED,
    VALIDATION_SEED,
    AnnotatedPictures,
    Sample,
    WalkerPictures,
    crop_around,
    make_batch,
    random_crop,
    recolour,
    training_batch,
)
from gait_recognition.training.scores import draw_score, evaluate_poses, pose_score
from gait_recognition.walkers.pictures import picture as walker_picture
from human_pose_nn import HumanPoseIRNetwork
from pose_joints import JOINT_NAMES, MIRRORED_JOINTS

RIGHT_ANKLE, LEFT_ANKLE, LEFT_HIP, HEAD_TOP, RIGHT_SHOULDER = (
    JOINT_NAMES.index(name) for name in ('right ankle', 'left ankle', 'left hip', 'head top', 'right shoulder'))
ALL, NONE = np.ones(16, bool), np.zeros(16, bool)


class TinyNetwork(HumanPoseIRNetwork):
    """The pose network with one convolution for a backbone: everything but the layers is the real one's."""

    def _build_network(self, images):
        with tf.variable_scope('InceptionResnetV2'):
            net = tf.nn.avg_pool2d(images, 17, 17, 'VALID')                                         # 17 x 17 x 3
            net = slim.conv2d(net, 8, 1, normalizer_fn=gait_layers.batch_norm,
                              normalizer_params={'is_training': self.is_training})
        with tf.variable_scope('NewInceptionResnetV2'):
            if self.is_training:
                net = gait_layers.dropout(net, self.dropout_keep_prob, self.global_step)
            features = slim.conv2d(net, self.FEATURES, 1, activation_fn=None)                       # 17 x 17 x 32
            self._upsampled = slim.conv2d_transpose(features, 16, 17, 17, padding='VALID', activation_fn=None)
        logits = pose_heat_maps.smooth(self._upsampled, **self.LOGITS_FILTER)
        probabilities = tf.sigmoid(logits)
        return features, logits, probabilities, pose_heat_maps.smooth(probabilities, **self.PROBABILITY_FILTER)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr('human_pose_nn.HumanPoseIRNetwork', TinyNetwork)


def annotation(path='', joints=None, present=ALL, visible=ALL, scale=1.0, centre=(100.0, 100.0)):
    joints = np.zeros((16, 2), np.float32) if joints is None else np.asarray(joints, np.float32)
    return Annotation(str(path), joints, present, visible, scale, centre)


def write_picture(path, size=(200, 200), colour='grey'):
    Image.new('RGB', size, colour).save(path)
    return str(path)


# --- Crops -----------------------------------------------------------------------------------------------------------

def blob_picture(y, x, size=(1600, 1200), radius=8):
    """Black, with a bright disc whose centre is the pixel centre (y, x)."""
    picture = Image.new('RGB', size)
    scale = 4                                                                   # drawn larger, for a round edge
    part = Image.new('L', (scale * 64, scale * 64))
    ImageDraw.Draw(part).ellipse([scale * (32 - radius), scale * (32 - radius), scale * (32 + radius) - 1,
                                  scale * (32 + radius) - 1], fill=255)
    part = part.resize((64, 64), Image.Resampling.BOX)                          # centre: the corner of pixel 32
    picture.paste(Image.merge('RGB', [part] * 3), (int(x + 0.5) - 32, int(y + 0.5) - 32))
    return picture


def centroid(image):
    weights = image[..., 0].astype(float)
    assert weights.sum() > 255, 'nothing bright in the crop'
    return np.array([(weights.sum(1) * np.arange(len(weights))).sum(), (weights.sum(0) * np.arange(len(weights))).sum()
                     ]) / weights.sum()


def assert_together(crop, y, x, radius, tolerance):
    joints = np.full((16, 2), (y, x), np.float32)
    np.testing.assert_allclose(centroid(crop.image(blob_picture(y, x, radius=radius), 299)), crop.joints(joints)[3],
                               atol=tolerance)


@pytest.mark.parametrize('degrees', [0, 17, -30])
@pytest.mark.parametrize('mirror', [False, True])
@pytest.mark.parametrize('side', [140, 299, 420, 700, 1100])
def test_a_joint_and_the_pixel_under_it_move_together(degrees, mirror, side):
    centre = 600.5, 800.5
    place = np.round(np.array(centre) + side * np.array([-0.21, 0.13])) + 0.5
    assert_together(crop_around(centre, side, degrees=degrees, mirror=mirror), *place, max(2, side // 40), 0.3)


@pytest.mark.parametrize('scale', [0.7, 1.5, 3.3])
def test_a_joint_and_the_pixel_under_it_move_together_in_random_crops(scale):
    mirrored = set()
    for seed in range(12):
        rng = np.random.default_rng([7, seed])
        crop = random_crop(annotation(scale=scale, centre=(600.5, 800.5)), rng)
        place = np.round((600, 800) + 60 * scale * rng.uniform(-1, 1, 2)) + 0.5
        assert_together(crop, *place, max(2, int(5 * scale)), 0.5)
        mirrored.add(crop.mirrored)
    assert mirrored == {False, True}


@pytest.mark.parametrize('orientation', [1, 6])
@pytest.mark.parametrize('scale', [2.0, 4.0, 7.5, 14.0])
def test_a_joint_and_the_pixel_under_it_move_together_in_large_jpegs(tmp_path, scale, orientation):
    width, height, y, x = 2999, 2001, 1300.5, 900.5
    picture = blob_picture(y, x, (width, height), radius=30)
    exif = picture.getexif()
    exif[0x0112] = orientation                                          # 6: lies on its left side
    turned = picture.rotate(90, expand=True) if orientation == 6 else picture
    turned.save(tmp_path / 'a.jpg', exif=exif, quality=95)
    data = AnnotatedPictures([annotation(tmp_path / 'a.jpg', np.full((16, 2), (y, x)), scale=scale,
                                         centre=(1200, 1000))])
    for epoch in (None, 0, 1):
        image, joints, *_ = data.sample(0, epoch)
        bright = np.where(image > 120, image, 0)                        # not the noise
        np.testing.assert_allclose(centroid(bright), joints[0], atol=1)


def test_a_positive_angle_turns_the_picture_clockwise():
    right_of_centre = np.full((16, 2), (100.0, 150.0))
    y, x = crop_around((100, 100), 200, size=200, degrees=90).joints(right_of_centre)[0]
    assert (y, x) == pytest.approx((149.5, 99.5), abs=1e-4)


def test_a_mirrored_crop_swaps_left_and_right():
    joints = np.random.default_rng(0).uniform(0, 299, (16, 2)).astype(np.float32)
    mirrored = crop_around((149, 149), 299, mirror=True).joints(joints)
    np.testing.assert_allclose(mirrored[:, 1], 298 - joints[MIRRORED_JOINTS, 1], atol=1e-3)
    np.testing.assert_allclose(mirrored[:, 0], joints[MIRRORED_JOINTS, 0], atol=1e-3)
    assert MIRRORED_JOINTS[RIGHT_ANKLE] == LEFT_ANKLE and MIRRORED_JOINTS[HEAD_TOP] == HEAD_TOP


def test_a_mirrored_sample_swaps_what_is_present_and_visible(tmp_path):
    present, visible = ALL.copy(), ALL.copy()
    present[RIGHT_ANKLE] = visible[RIGHT_ANKLE] = visible[LEFT_HIP] = False
    joints = np.full((16, 2), 100.0)
    joints[RIGHT_ANKLE] = np.nan
    data = AnnotatedPictures([annotation(write_picture(tmp_path / 'a.png'), joints, present, visible)])
    seen = set()
    for epoch in range(12):
        rng = np.random.default_rng([0, epoch, 0])
        mirrored = random_crop(data.annotations[0], rng).mirrored
        sample = data.sample(0, epoch)
        seen.add(mirrored)
        assert np.flatnonzero(~sample.present).tolist() == [LEFT_ANKLE if mirrored else RIGHT_ANKLE]
        hidden = MIRRORED_JOINTS[LEFT_HIP] if mirrored else LEFT_HIP
        assert np.flatnonzero(~sample.visible & sample.present).tolist() == [hidden]
        assert np.isnan(sample.joints).all(1).tolist() == (~sample.present).tolist()
    assert seen == {False, True}


def test_the_plain_crop_is_centred_and_its_half_side_is_100_times_the_scale(tmp_path):
    joints = np.zeros((16, 2))
    joints[0], joints[1], joints[2] = (240.0, 310.0), (240.0 - 150, 310.0), (240.0, 310.0 + 75)
    data = AnnotatedPictures([annotation(write_picture(tmp_path / 'a.png', (640, 480)), joints, scale=1.5,
                                         centre=(240, 310))])
    y, x = data.sample(0).joints[:3].T
    assert (y[0], x[0]) == pytest.approx((149, 149), abs=1e-3)
    assert y[0] - y[1] == pytest.approx(299 / 2, abs=1e-3) and x[2] - x[0] == pytest.approx(299 / 4, abs=1e-3)


def test_random_crops_keep_to_the_authors_ranges():
    rng, sides, angles, shifts = np.random.default_rng(0), [], [], []
    for _ in range(400):
        crop = random_crop(annotation(scale=1.5, centre=(240.0, 310.0)), rng)
        sides.append(np.sqrt(abs(np.linalg.det(crop.matrix))) * 299 / 300)
        angles.append(np.degrees(np.arctan2(crop.matrix[0, 1], crop.matrix[1, 1])))
        middle = crop.matrix @ [149.5, 149.5] + crop.offset - 0.5
        shifts.append(np.abs(middle - [310.0, 240.0]) / (300 * sides[-1]))
    assert 0.9 <= min(sides) < 0.92 and 1.23 < max(sides) <= 1.25
    assert -30 <= min(angles) < -28 and 28 < max(angles) <= 30
    assert (np.max(shifts, 0) <= [0.0101, 0.0501]).all() and (np.max(shifts, 0) > [0.009, 0.045]).all()


def test_outside_the_picture_its_border_goes_on_as_in_the_crops_of_walkers():
    picture = Image.new('RGB', (200, 200), 'white')
    picture.paste('red', (0, 0, 200, 20))
    image = crop_around((0, 0), 200).image(picture, 299)
    assert image.shape == (299, 299, 3) and image.dtype == np.uint8
    assert (image[:175] == (255, 0, 0)).all() and (image[182:] == 255).all()


def test_a_strongly_shrunk_picture_is_averaged_not_sampled():
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, ::4] = stripes[:, 1::4] = 255
    image = crop_around((599.5, 599.5), 1197).image(Image.fromarray(stripes), 299)                  # 4.003 to one
    assert abs(image[20:-20, 20:-20].astype(int) - 128).max() <= 2


def test_recolouring_changes_colours_and_keeps_dtype_and_range():
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype(np.uint8)
    changed = [recolour(image, np.random.default_rng(seed)) for seed in range(20)]
    assert all(c.dtype == np.uint8 and c.shape == image.shape for c in changed)
    means = [c.mean() / image.mean() for c in changed]
    assert min(means) < 0.9 and max(means) > 1.1
    np.testing.assert_array_equal(changed[3], recolour(image, np.random.default_rng(3)))


def test_noise_does_not_darken_the_picture(monkeypatch):
    monkeypatch.setattr('gait_recognition.training.samples.COLOUR', 0.0)
    grey = np.full((200, 200, 3), 128, np.uint8)
    assert recolour(grey, np.random.default_rng(0)).mean() == pytest.approx(128, abs=0.05)


@pytest.mark.parametrize('mode', ['L', 'P', 'RGBA', 'CMYK', '1'])
def test_pictures_of_any_8_bit_mode_become_rgb(tmp_path, mode):
    path = tmp_path / ('a.tif' if mode == 'CMYK' else 'a.png')
    Image.new('RGB', (200, 200), 'white').convert(mode).save(path)
    image = AnnotatedPictures([annotation(path)]).sample(0).image
    assert image.shape == (299, 299, 3) and (image[140:160, 140:160] == 255).all()


def test_a_picture_is_turned_upright_by_its_exif_orientation(tmp_path):
    sideways = Image.new('RGB', (300, 200))
    sideways.paste('white', (30, 30, 50, 50))
    exif = sideways.getexif()
    exif[0x0112] = 6                                                    # shown turned clockwise: 200 wide, 300 tall
    sideways.save(tmp_path / 'a.jpg', exif=exif, quality=95)
    image = AnnotatedPictures([annotation(tmp_path / 'a.jpg', scale=3.0, centre=(150, 100))]).sample(0).image
    bright = np.argwhere(image[..., 0] > 128).mean(0)
    assert bright == pytest.approx([149 - 110 / 2, 149 + 60 / 2], abs=1.5)          # top right of 200 x 300, halved


@pytest.mark.parametrize('content', [b'', b'no picture', b'\x89PNG\r\n\x1a\n cut off'])
def test_a_broken_picture_is_named(tmp_path, content):
    (tmp_path / 'a.png').write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.png cannot be read as a picture'):
        AnnotatedPictures([annotation(tmp_path / 'a.png')]).sample(0)


def test_16_bit_grey_is_scaled_and_numbers_of_32_bits_are_refused_at_once(tmp_path):
    Image.fromarray(np.full((200, 200), 9000, np.uint16)).save(tmp_path / 'a.png')
    image = AnnotatedPictures([annotation(tmp_path / 'a.png')]).sample(0).image
    assert (image[149, 149] == round(9000 / 65535 * 255)).all()
    Image.fromarray(np.full((200, 200), 0.5, np.float32)).save(tmp_path / 'b.tif')
    with pytest.raises(ValueError, match=r'b\.tif.*8 or 16 bits.*mode F'):
        read_annotations(write_csv(tmp_path / 'b.csv', 'b.tif,10,20,1,30,40,1,20,30'))


# --- Annotations -----------------------------------------------------------------------------------------------------

def write_csv(path, *rows, header='image,right_ankle_x,right_ankle_y,right_ankle_visible,head_top_x,head_top_y,scale,'
              'centre_x,centre_y'):
    path.write_text('\n'.join([header, *rows]))
    return path


def test_csv_is_read(tmp_path):
    write_picture(tmp_path / 'a.png')
    first, second = read_annotations(write_csv(tmp_path / 'a.csv', 'a.png,10,190,0,40.5,20,1.25,30,100',
                                               'a.png,,,,40,20.5,0.5,,'))
    assert first.image == str(tmp_path / 'a.png')
    assert first.joints[RIGHT_ANKLE].tolist() == [190, 10] and first.joints[HEAD_TOP].tolist() == [20, 40.5]
    assert np.flatnonzero(first.present).tolist() == [RIGHT_ANKLE, HEAD_TOP]
    assert np.flatnonzero(first.visible).tolist() == [HEAD_TOP]
    assert first.scale == 1.25 and first.centre == (100, 30)
    assert np.flatnonzero(second.present).tolist() == [HEAD_TOP] and np.isnan(second.joints[RIGHT_ANKLE]).all()
    assert second.centre == (20.5, 40)


def test_json_is_read(tmp_path):
    write_picture(tmp_path / 'a.png')
    records = [{'image': 'a.png', 'joints': {'right ankle': [10, 190, 0], 'head_top': [40.5, 20]}, 'scale': 1.25,
                'centre': [30, 100]}, {'image': 'a.png', 'joints': {'head top': [40, 20, 1], 'pelvis': [50, 120]}}]
    (tmp_path / 'a.json').write_text(json.dumps(records))
    first, second = read_annotations(tmp_path / 'a.json')
    assert first.joints[RIGHT_ANKLE].tolist() == [190, 10] and first.scale == 1.25 and first.centre == (100, 30)
    assert np.flatnonzero(first.visible).tolist() == [HEAD_TOP]
    assert second.present.sum() == second.visible.sum() == 2


def test_scale_and_centre_are_those_of_the_joints_extent_where_not_given(tmp_path):
    write_picture(tmp_path / 'a.png')
    (tmp_path / 'a.json').write_text(json.dumps([
        {'image': 'a.png', 'joints': {'head top': [40, 20], 'right ankle': [60, 170]}}]))
    found, = read_annotations(tmp_path / 'a.json')
    assert found.centre == (95, 50) and found.scale == pytest.approx(1.2 * 150 / 200)


@pytest.mark.parametrize('joints, scale', [
    ({'head top': [100, 20], 'right ankle': [100, 160]}, 3.0),       # the joints' extent fills 0.7: side 200
    ({'right knee': [100, 110], 'right ankle': [100, 160]}, 0.7),    # legs alone: the annotated 140 pixels do
])
def test_legs_alone_are_no_persons_extent(tmp_path, joints, scale):
    write_picture(tmp_path / 'a.png')
    (tmp_path / 'a.json').write_text(json.dumps([
        {'image': 'a.png', 'joints': joints, 'scale': scale, 'centre': [100, 90]}]))
    found = AnnotatedPictures(read_annotations(tmp_path / 'a.json'), size=200, extent=0.7).sample(0).joints
    ankle, other = found[RIGHT_ANKLE], found[JOINT_NAMES.index([*joints][0])]
    np.testing.assert_allclose(ankle - other, [160 - [*joints.values()][0][1], 0], atol=1e-3)
    np.testing.assert_allclose(ankle, [170, 100], atol=0.6)


def test_what_is_written_is_read_back(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / 'pictures').mkdir()
    written = []
    for i in range(3):
        present = rng.random(16) < 0.7
        joints = np.where(present[:, None], rng.uniform(0, 500, (16, 2)), np.nan).astype(np.float32)
        path = write_picture(tmp_path / 'pictures' / f'{i}.png')
        written.append(Annotation(path, joints, present, present & (rng.random(16) < 0.5), 1.0 + i, (3.25, 4.5)))
    write_annotations(tmp_path / 'a.csv', written)
    for a, b in zip(written, read_annotations(tmp_path / 'a.csv')):
        assert os.path.samefile(a.image, b.image) and (a.scale, a.centre) == (b.scale, b.centre)
        for name in ('joints', 'present', 'visible'):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert sorted(p.name for p in tmp_path.iterdir()) == ['a.csv', 'pictures']


GOOD = {'image': 'a.png', 'joints': {'head top': [1, 2], 'pelvis': [1, 50]}}
BAD_JSON = {
    'no picture': ({**GOOD, 'image': 'b.png'}, 'no picture .*b.png'),
    'unknown joint': ({**GOOD, 'joints': {'nose': [1, 2]}}, "'nose'"),
    'no image': ({'joints': GOOD['joints']}, 'image'),
    'no joints': ({'image': 'a.png'}, 'joints'),
    'empty joints': ({**GOOD, 'joints': {}}, 'no joint has coordinates'),
    'three letters': ({**GOOD, 'joints': {'pelvis': ['a', 'b']}}, 'could not convert'),
    'one number': ({**GOOD, 'joints': {'pelvis': [1]}}, 'pelvis is .x, y.'),
    'a text of two digits': ({**GOOD, 'joints': {'pelvis': '12'}}, "pelvis is .x, y.*got '12'"),
    'true': ({**GOOD, 'joints': {'pelvis': [True, 2]}}, 'pelvis holds True, expected a number'),
    'half visible': ({**GOOD, 'joints': {'pelvis': [1, 2, 2.7]}}, 'visible, 1, or hidden, 0, got 2.7'),
    'beyond float32': ({**GOOD, 'joints': {**GOOD['joints'], 'thorax': [1e300, 2]}}, 'thorax holds 1e.300'),
    '400 digits': ({**GOOD, 'joints': {**GOOD['joints'], 'thorax': [10 ** 400, 2]}}, 'OverflowError'),
    'one of two NaN': ({**GOOD, 'joints': {**GOOD['joints'], 'thorax': [math.nan, 2]}}, 'thorax holds nan'),
    'a joint twice': ({**GOOD, 'joints': {'head top': [1, 2], 'head_top': [3, 4]}}, 'head_top is there twice'),
    'scale a word': ({**GOOD, 'scale': 'big'}, 'big'),
    'scale 0': ({**GOOD, 'scale': 0}, 'scale is a positive number'),
    'scale NaN': ({**GOOD, 'scale': math.nan}, 'scale holds nan'),
    'centre of one': ({**GOOD, 'centre': [1]}, 'centre is .x, y.'),
    'centre a text': ({**GOOD, 'centre': '12'}, "centre is .x, y.*got '12'"),
    'centre NaN': ({**GOOD, 'centre': [1, math.nan]}, 'centre'),
    'a list': ([1, 2], 'annotation'),
    'one joint alone': ({**GOOD, 'joints': {'pelvis': [1, 2]}}, 'scale'),
}


@pytest.mark.parametrize('record, message', BAD_JSON.values(), ids=BAD_JSON)
def test_a_bad_record_is_named_with_its_file(tmp_path, record, message):
    write_picture(tmp_path / 'a.png')
    (tmp_path / 'a.json').write_text(json.dumps([GOOD, record]))
    with pytest.raises((ValueError, FileNotFoundError), match=rf'a\.json, record 1: .*{message}'):
        read_annotations(tmp_path / 'a.json')


@pytest.mark.parametrize('row, message', [
    ('b.png,1,2,1,3,4,1,1,1', 'no picture .*b.png'), ('a.png,x,2,1,3,4,1,1,1', 'could not convert'),
    ('a.png,1,2,1,3,4,-1,1,1', 'scale is a positive'), ('a.png,,,,,,,,', 'no joint'),
    ('a.png', 'expected 9 values as in the header, got 1'), ('a.png,1,2,1,3,4,1,1,1,5', 'got 10'),
    ('a.png,1,,1,3,4,1,1,1', 'could not convert'), ('a.png,1,2,1,3,4,1,,1', 'could not convert')])
def test_a_bad_row_is_named_with_its_file(tmp_path, row, message):
    write_picture(tmp_path / 'a.png')
    path = write_csv(tmp_path / 'a.csv', 'a.png,1,2,1,3,40,1,1,1', row)
    with pytest.raises((ValueError, FileNotFoundError), match=rf'a\.csv, line 3: .*{message}'):
        read_annotations(path)


@pytest.mark.parametrize('content, line', [
    ('[' * 100_000, ', line 1'), ('[\n{"image": "[",\n"joints": ' + '[' * 100_000, ', line 3'), ('[\n,]', ', line 2'),
    ('[{"image": ' + '1' * 5000 + '}]', ''), ('[{"image": 1, "image": 2}]', '')])
def test_json_beyond_all_bounds_is_refused_with_its_file_and_line(tmp_path, content, line):
    (tmp_path / 'a.json').write_text(content)
    with pytest.raises(ValueError, match=rf'a\.json{line} cannot be read as JSON'):
        read_annotations(tmp_path / 'a.json')


def test_a_pair_of_nan_is_a_joint_that_is_not_there(tmp_path):
    write_picture(tmp_path / 'a.png')
    joints = {**GOOD['joints'], 'thorax': [math.nan, math.nan]}
    (tmp_path / 'a.json').write_text(json.dumps([{**GOOD, 'joints': joints}]))
    found, = read_annotations(tmp_path / 'a.json')
    assert not found.present[JOINT_NAMES.index('thorax')]


@pytest.mark.parametrize('bad', [math.nan, -1.0, 0.0, math.inf, 1e300])
def test_a_scale_that_would_not_be_read_back_is_not_written(tmp_path, bad):
    path = write_picture(tmp_path / 'a.png')
    person = Annotation(path, np.ones((16, 2), np.float32), np.ones(16, bool), np.ones(16, bool), bad, (1.0, 1.0))
    with pytest.raises(ValueError, match='a.png: scale is a positive number'):
        write_annotations(tmp_path / 'a.csv', [person])
    assert not (tmp_path / 'a.csv').exists()


@pytest.mark.parametrize('name, content, message', [
    ('a.csv', 'image,image,head_top_x,head_top_y\n', "columns .'image'. are there twice"),
    ('a.csv', 'image,head_top_x,head_top_y\n"a,1,2\n', 'cannot be read as CSV'),
    ('a.csv', 'picture,x,y\n', 'expected columns image'), ('a.csv', '', 'expected columns image'),
    ('a.csv', 'image,head_top_x,head_top_y,nose_x\n', 'nose_x'), ('a.csv', 'image,head_top_x,head_top_y\n', 'no annot'),
    ('a.csv', 'image,head_top_x,head_top_y,pelvis_x\n', r"\['pelvis_y'\] are missing"),
    ('a.csv', 'image,head_top_x,head_top_y,centre_y\n', r"\['centre_x'\] are missing"),
    ('a.csv', b'image,head_top_x,head_top_y\n\xff\xfe,1,2\n', 'CSV in UTF-8'), ('a.json', '{"image":', 'JSON'),
    ('a.json', '{}', 'list of objects, got dict'), ('a.json', '[]', 'no annotation'),
    ('a.txt', '', r'\.csv or \.json')])
def test_a_bad_file_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=f'{name}.*{message}'):
        read_annotations(tmp_path / name)


def test_a_missing_file_of_annotations_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.csv'):
        read_annotations(tmp_path / 'none.csv')


def test_what_is_no_picture_is_named_before_training_begins(tmp_path):
    write_picture(tmp_path / 'a.png')
    (tmp_path / 'b.png').write_bytes(b'no picture')
    path = write_csv(tmp_path / 'a.csv', 'a.png,1,2,1,3,40,1,1,1', 'b.png,1,2,1,3,40,1,1,1')
    with pytest.raises(ValueError, match=r'b\.png cannot be read as a picture'):
        read_annotations(path)


def test_people_of_one_picture_are_held_out_together():
    people = [annotation(f'{i // 3}.png') for i in range(30)]
    kept, held_out = split_by_picture(people, 0.2)
    assert len(held_out) == 6 and len(kept) == 24
    assert not {a.image for a in kept} & {a.image for a in held_out}
    assert [a.image for a in split_by_picture(people[::-1], 0.2)[1]] == [a.image for a in held_out][::-1]


# --- Converters ------------------------------------------------------------------------------------------------------

EMPTY = np.zeros((0, 0))


def matlab(**fields):
    """A 1 x 1 struct; MATLAB's empty is a 0 x 0 array."""
    return np.array([[tuple(fields.values())]], [(name, object) for name in fields])


def struct_array(*structs):
    return np.concatenate(structs, 1)


def mpii_person(points, scale=2.5, centre=(101.0, 202.0)):
    points = [matlab(x=x, y=y, id=j, is_visible=v) for j, x, y, v in points]
    return matlab(annopoints=matlab(point=struct_array(*points)) if points else EMPTY,
                  scale=EMPTY if scale is None else scale,
                  objpos=EMPTY if centre is None else matlab(x=centre[0], y=centre[1]))


def mpii_file(path, pictures, flags):
    annolist = struct_array(*[matlab(image=matlab(name=name), annorect=struct_array(*people) if people else EMPTY)
                              for name, people in pictures])
    savemat(path, {'RELEASE': matlab(annolist=annolist, img_train=np.array([flags], np.uint8))})
    return str(path)


@pytest.fixture
def mpii(tmp_path):
    whole = mpii_person([(0, 11.0, 21.0, 1), (9, 31.5, 41.0, EMPTY), (3, 51.0, 61.0, '0'), (13, 71.0, 81.0, '1'),
                         (5, 91.0, 99.0, 0)])
    return mpii_file(tmp_path / 'mpii.mat', [
        ('one.jpg', [whole]),
        ('two.jpg', [mpii_person([(6, 1.0, 1.0, 1)], scale=1.0), mpii_person([]), whole]),
        ('empty.jpg', []),
        ('unscaled.jpg', [mpii_person([(6, 1.0, 1.0, 1)], scale=None), mpii_person([(6, 1.0, 1.0, 1)], centre=None)]),
        ('no place.jpg', [mpii_person([(6, 1.0, 1.0, 1)], centre=(EMPTY, EMPTY))]),
        ('test.jpg', [mpii_person([(6, 5.0, 5.0, 1)])])], [1, 1, 1, 1, 1, 0])


def test_mpii_annotations_are_converted(mpii, tmp_path):
    found = convert_mpii(mpii, str(tmp_path))
    assert [os.path.basename(a.image) for a in found] == ['one.jpg', 'two.jpg', 'two.jpg']
    first = found[0]
    assert np.flatnonzero(first.present).tolist() == [0, 3, 5, 9, 13]
    assert first.joints[0].tolist() == [20, 10] and first.joints[9].tolist() == [40, 30.5]     # (y, x), from 0
    assert np.isnan(first.joints[1]).all()
    assert np.flatnonzero(first.visible).tolist() == [0, 9, 13]         # of 9 the file says nothing
    assert first.scale == 2.5 and first.centre == (201, 100)
    assert np.flatnonzero(found[1].present).tolist() == [6]


def test_mpii_pictures_outside_the_training_set_are_asked_for(mpii, tmp_path):
    found, = convert_mpii(mpii, str(tmp_path), training=False)
    assert os.path.basename(found.image) == 'test.jpg'


@pytest.mark.parametrize('person, words', [
    (mpii_person([(-1, 5.0, 5.0, 1)]), 'a joint has the number -1, expected 0 to 15'),
    (mpii_person([(2.7, 5.0, 5.0, 1)]), 'a joint has the number 2.7'), (mpii_person([(16, 5.0, 5.0, 1)]), 'number 16'),
    (mpii_person([(3, 5.0, 5.0, 1), (3, 6.0, 6.0, 1)]), 'a joint has the number 3, .*each once'),
    (mpii_person([(3, 5.0, 5.0, 7)]), 'is_visible of joint 3 is .*7'),
    (mpii_person([(3, np.nan, 5.0, 1)]), 'one has infinite ones'),
    (mpii_person([(3, 5.0, 5.0, 1)], scale=-1.0), 'scale is a positive number'),
    (mpii_person([(3, 5.0, 5.0, 1)], scale=np.nan), 'scale is a positive number'),
    (mpii_person([(3, 5.0, 5.0, 1)], centre=(np.inf, 1.0)), 'centre two')])
def test_mpii_people_that_are_none_are_refused_with_their_picture(tmp_path, person, words):
    path = mpii_file(tmp_path / 'mpii.mat', [('one.jpg', [person])], [1])
    with pytest.raises(ValueError, match=f'mpii.mat .*one.jpg: .*{words}'):
        convert_mpii(path, str(tmp_path))


@pytest.mark.parametrize('extended', [True, False])
def test_lsp_of_bytes_gives_the_coordinates_of_lsp_of_numbers(tmp_path, extended):
    joints = np.random.default_rng(0).integers(0, 256, (14, 3, 2)).astype(np.uint8)
    joints[:, 2] = extended
    joints[0, :2] = 0                                                   # 0 - 1 is -1, not 255
    found = []
    for kind in (np.uint8, np.float64):
        savemat(tmp_path / 'joints.mat', {'joints': (joints if extended else joints.transpose(1, 0, 2)).astype(kind)})
        found.append(convert_lsp(str(tmp_path / 'joints.mat'), str(tmp_path)))
    for a, b in zip(*found):
        np.testing.assert_array_equal(a.joints, b.joints)
        assert a.joints[JOINT_NAMES.index('right ankle')].tolist() == [-1, -1]
        assert (a.scale, a.centre) == (b.scale, b.centre)


@pytest.mark.parametrize('row, words', [([5, 5, 2], 'im00002.jpg: a joint is marked by'), ([np.inf, 5, 1], 'infinite'),
                                        ([np.nan, np.nan, np.nan], 'is marked by')])
def test_lsp_joints_that_are_none_are_refused_with_their_picture(tmp_path, row, words):
    lsp_file(tmp_path / 'joints.mat', extended=True)
    joints = loadmat(tmp_path / 'joints.mat')['joints']
    joints[3, :, 1] = row
    savemat(tmp_path / 'joints.mat', {'joints': joints})
    with pytest.raises(ValueError, match=f'joints.mat: .*{words}'):
        convert_lsp(str(tmp_path / 'joints.mat'), str(tmp_path))


def test_an_mpii_file_without_people_is_refused(tmp_path):
    path = mpii_file(tmp_path / 'mpii.mat', [('a.jpg', []), ('b.jpg', [])], [1, 1])
    with pytest.raises(ValueError, match=r'mpii\.mat holds no person'):
        convert_mpii(path, str(tmp_path))


def lsp_file(path, count=3, extended=False):
    rng = np.random.default_rng(0)
    joints = np.zeros((14, 3, count))
    joints[:, :2] = rng.uniform(20, 120, (14, 2, count)).round(1)
    joints[:, 2] = rng.integers(0, 2, (14, count))
    savemat(path, {'joints': joints if extended else joints.transpose(1, 0, 2)})
    return joints


LSP_NAMES = ['right ankle', 'right knee', 'right hip', 'left hip', 'left knee', 'left ankle', 'right wrist',
             'right elbow', 'right shoulder', 'left shoulder', 'left elbow', 'left wrist', 'upper neck', 'head top']


@pytest.mark.parametrize('count', [1, 3])
def test_lsp_annotations_are_converted(tmp_path, count):
    joints = lsp_file(tmp_path / 'joints.mat', count)
    found = convert_lsp(str(tmp_path / 'joints.mat'), str(tmp_path))
    assert [os.path.basename(a.image) for a in found] == ['im0001.jpg', 'im0002.jpg', 'im0003.jpg'][:count]
    for i, a in enumerate(found):
        assert [name for name, here in zip(JOINT_NAMES, a.present) if not here] == ['pelvis', 'thorax']
        for row, name in enumerate(LSP_NAMES):
            x, y, hidden = joints[row, :, i]
            assert a.joints[JOINT_NAMES.index(name)] == pytest.approx([y - 1, x - 1], abs=1e-4)
            assert a.visible[JOINT_NAMES.index(name)] == (not hidden)
        extent = np.ptp(joints[:, :2, i], axis=0).max()
        assert a.scale == pytest.approx(1.2 * extent / 200) and np.isfinite(a.centre).all()


def test_the_extended_lsp_marks_what_is_annotated(tmp_path):
    joints = lsp_file(tmp_path / 'joints.mat', extended=True)
    found = convert_lsp(str(tmp_path / 'joints.mat'), str(tmp_path))
    assert os.path.basename(found[2].image) == 'im00003.jpg'
    for i, a in enumerate(found):
        annotated = {name for row, name in enumerate(LSP_NAMES) if joints[row, 2, i]}
        assert {name for name, here in zip(JOINT_NAMES, a.present) if here} == annotated
        assert (a.visible == a.present).all() and (np.isfinite(a.joints).all(1) == a.present).all()


@pytest.mark.parametrize('convert', [convert_mpii, convert_lsp])
@pytest.mark.parametrize('content', [b'', b'no mat file', b'MATLAB 5.0 MAT-file' + bytes(200), None])
def test_what_is_no_such_mat_file_is_named(tmp_path, convert, content):
    path = tmp_path / 'some.mat'
    if content is None:
        savemat(path, {'joints': np.zeros((2, 2)), 'RELEASE': matlab(other=1)})
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r'some\.mat'):
        convert(str(path), str(tmp_path))


def test_converters_name_a_missing_file_or_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.mat'):
        convert_lsp(str(tmp_path / 'none.mat'), str(tmp_path))
    lsp_file(tmp_path / 'joints.mat')
    with pytest.raises(FileNotFoundError, match='nowhere'):
        convert_lsp(str(tmp_path / 'joints.mat'), str(tmp_path / 'nowhere'))


def test_the_command_converts_and_the_result_can_be_read(tmp_path, capsys):
    lsp_file(tmp_path / 'joints.mat')
    for i in (1, 2, 3):
        write_picture(tmp_path / f'im000{i}.jpg')
    assert main(['--convert', 'lsp', str(tmp_path / 'joints.mat'), '--images', str(tmp_path), '--to',
                 str(tmp_path / 'lsp.csv')]) == 0
    assert '3 people' in capsys.readouterr().out
    assert len(read_annotations(tmp_path / 'lsp.csv')) == 3


# --- Batches ---------------------------------------------------------------------------------------------------------

class Numbers:
    """Samples whose picture says which they are."""

    def __init__(self, count, seed=0):
        self.count, self.order = count, AnnotatedPictures([None] * count, seed).order

    def __len__(self):
        return self.count

    def sample(self, index, epoch=None):
        return Sample(np.array([index]), np.zeros((16, 2), np.float32), ALL, ALL, ALL)


def test_an_epoch_sees_every_sample_once_and_each_epoch_in_its_own_order():
    data = Numbers(12)
    epochs = [[int(i) for step in range(3) for i in training_batch(data, 3 * epoch + step, 4).images.ravel()]
              for epoch in range(3)]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_what_does_not_fill_a_batch_waits_for_another_epoch():
    seen = [training_batch(Numbers(10), step, 4).images.ravel().tolist() for step in range(40)]
    assert all(len(batch) == 4 for batch in seen)
    assert all(len(set(seen[2 * e] + seen[2 * e + 1])) == 8 for e in range(20))
    assert {i for batch in seen for i in batch} == set(range(10))


def test_a_batch_is_decided_by_data_seed_and_step_alone(tmp_path):
    people = [annotation(write_picture(tmp_path / f'{i}.png', (120 + 50 * i, 150), ('red', 'blue', 'green')[i]),
                         np.random.default_rng(i).uniform(20, 100, (16, 2))) for i in range(3)]
    data = AnnotatedPictures(people, seed=4)
    training_batch(data, 0, 2)                                                      # a run that went on before
    for step in (1, 5):
        for a, b in zip(training_batch(data, step, 2), training_batch(AnnotatedPictures(people, seed=4), step, 2)):
            np.testing.assert_array_equal(a, b)
    assert (training_batch(data, 5, 2).images != training_batch(AnnotatedPictures(people, seed=5), 5, 2).images).any()
    assert training_batch(data, 5, 2).images.shape == (2, 299, 299, 3)              # pictures of several sizes


def test_every_epoch_draws_other_walkers_and_validation_draws_none_of_them():
    data, held_out = WalkerPictures(4, TRAINING_SEED), WalkerPictures(4, VALIDATION_SEED)
    images = [data.sample(i, epoch).image for epoch in (0, 1) for i in (0, 3)]
    images += [held_out.sample(i).image for i in (0, 3)]
    assert len({image.tobytes() for image in images}) == 6
    np.testing.assert_array_equal(data.sample(3, 1).image, WalkerPictures(4, TRAINING_SEED).sample(3, 1).image)


def test_walkers_are_of_the_direction_and_the_light_that_are_asked_for():
    for direction, leftwards in (('left', True), ('right', False)):
        data = WalkerPictures(2, 0, direction)
        for i in range(2):
            np.testing.assert_array_equal(data.sample(i).image, walker_picture(i, leftwards=leftwards).image)
    np.testing.assert_array_equal(WalkerPictures(2, 0, None, 0.7).sample(1).image, walker_picture(1, cover=0.7).image)


def test_targets_stand_at_the_nearest_heat_map_pixel():
    joints = np.tile(np.array([[100.0, 200.0]], np.float32), (16, 1))
    joints[1], joints[2], joints[3] = (298.4, 0.0), np.nan, (-40.0, 500.0)
    present, inside = ALL.copy(), ALL.copy()
    present[2] = inside[[2, 3]] = False
    batch = make_batch([Sample(np.zeros((299, 299, 3), np.uint8), joints, inside, inside, present)])
    assert batch.points.shape == (1, 2, 16)
    assert batch.points[0, :, 0].tolist() == [round(100 * 289 / 299), round(200 * 289 / 299)] == [97, 193]
    assert batch.points[0, :, 1].tolist() == [288, 0]
    assert batch.present[0, 2] == batch.inside[0, 2] == batch.inside[0, 3] == 0 and batch.present[0, 3] == 1
    maps = pose_heat_maps.targets('disc', (1, 289, 289, 16), batch.present, batch.points, 15)
    rows, columns = np.nonzero(maps[0, :, :, 0])
    assert (rows.mean(), columns.mean()) == (97, 193)
    assert not maps[0, :, :, 2:4].any()


# --- Scores ----------------------------------------------------------------------------------------------------------

def sample_of(joints, visible=ALL, inside=ALL, present=ALL):
    return Sample(None, np.asarray(joints, np.float32), visible, inside, present)


def test_the_score_is_what_one_computes_by_hand():
    true = np.zeros((2, 16, 2))
    true[:, RIGHT_SHOULDER], true[:, LEFT_HIP] = (0, 0), (0, 50)                    # torso 50: PCK's limit is 10
    true[1, HEAD_TOP] = np.nan
    hidden, outside, absent = ALL.copy(), ALL.copy(), ALL.copy()
    hidden[RIGHT_ANKLE] = outside[LEFT_ANKLE] = absent[HEAD_TOP] = False
    samples = [sample_of(true[0], hidden), sample_of(true[1], outside & absent, outside & absent, absent)]
    estimated = np.nan_to_num(true.copy())
    estimated[0, RIGHT_ANKLE] = 6, 8                    # hidden, 10 px away
    estimated[1, RIGHT_ANKLE] = 0, 10                   # visible, 10 px: just within PCK
    estimated[:, LEFT_ANKLE] = 0, 12                    # visible only in the first: beyond PCK
    estimated[:, HEAD_TOP] = 3, 4                       # absent in the second
    score = pose_score(estimated, samples)
    assert score.error[RIGHT_ANKLE] == 10 and score.hidden_error[RIGHT_ANKLE] == 10
    assert score.error[LEFT_ANKLE] == 12 and np.isnan(score.hidden_error[LEFT_ANKLE])
    assert score.error[HEAD_TOP] == 5
    assert score.pck[RIGHT_ANKLE] == 1 and score.pck[LEFT_ANKLE] == 0
    count = 32 - 3                                      # visible joints
    assert score.mean_error == pytest.approx((10 + 12 + 5) / count) and score.mean_hidden_error == 10
    assert score.mean_pck == pytest.approx((count - 1) / count) and score.pictures == 2


def test_a_picture_without_a_torso_does_not_count_in_pck():
    true = np.zeros((1, 16, 2))
    true[0, LEFT_HIP] = np.nan
    there = ALL.copy()
    there[LEFT_HIP] = False
    score = pose_score(np.full((1, 16, 2), 3.0), [sample_of(true[0], there, there, there)])
    assert np.isnan(score.mean_pck) and np.isnan(score.pck).all() and score.mean_error == pytest.approx(math.sqrt(18))


def test_the_table_gives_both_kinds_of_pixels_for_every_joint():
    score = pose_score(np.full((1, 16, 2), 29.9), [sample_of(np.zeros((16, 2)))])
    lines = str(score).splitlines()
    assert [line[:16].strip() for line in lines[1:18]] == [*JOINT_NAMES, 'all joints']
    assert '42.28' in lines[1] and '40.87' in lines[1]                              # 29.9 sqrt(2), x 289 / 299


def test_the_score_of_a_network_is_measured_on_plain_samples(tmp_path):
    class Net:
        def joint_positions(self, images, batch_size):
            assert len(images) <= batch_size
            return np.stack([np.full((len(images), 16), 149.0), np.full((len(images), 16), 152.0),
                             np.ones((len(images), 16))])
    people = [annotation(write_picture(tmp_path / 'a.png'), np.full((16, 2), 100.0)) for _ in range(5)]
    told = []
    score = evaluate_poses(Net(), AnnotatedPictures(people), told.append, batch_size=2)
    assert score.mean_error == pytest.approx(3.0, abs=1e-3) and score.pictures == 5 and told == [2, 4, 5]


def test_the_chart_is_a_picture_and_the_folder_holds_nothing_else(tmp_path):
    score = pose_score(np.random.default_rng(0).uniform(0, 20, (1, 16, 2)), [sample_of(np.zeros((16, 2)))])
    draw_score(score, str(tmp_path / 'chart.png'), 'a title')
    with Image.open(tmp_path / 'chart.png') as picture:
        assert picture.size[0] > 500 and len(picture.convert('RGB').getcolors(1 << 20)) > 10
    assert [p.name for p in tmp_path.iterdir()] == ['chart.png']


# --- What runs are made of -------------------------------------------------------------------------------------------

class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_writes_nothing_where_there_is_no_terminal():
    stream = io.StringIO()
    progress = Progress(10, 'step', stream=stream)
    for i in range(10):
        progress(i + 1)
    progress.close()
    assert stream.getvalue() == ''


def test_progress_is_a_bar_on_a_terminal():
    pytest.importorskip('tqdm')
    stream = Terminal()
    progress = Progress(3700, 'step', done=50, stream=stream)           # 50 were done by an earlier process
    time.sleep(0.2)                                                     # tqdm draws ten times a second
    progress(100, 'loss 5')
    assert re.search(r'step: +3%.* 100/3700 .*loss 5', stream.getvalue())
    progress.close()


def test_progress_is_a_line_every_few_seconds_on_a_terminal_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, 'tqdm', None)
    now = [100.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    stream = Terminal()
    progress = Progress(3700, 'step', stream=stream)
    for done in range(1, 5):
        now[0] += 3
        progress(done, 'loss 5')
    progress.close()
    assert stream.getvalue() == 'step: 2 of 3700  loss 5\nstep: 4 of 3700  loss 5\n'


def test_prefetching_keeps_the_order():
    assert list(ahead((i * i for i in range(20)), 3)) == [i * i for i in range(20)]
    assert list(ahead([], 3)) == []


def test_prefetching_makes_the_next_while_the_caller_still_uses_the_last():
    made_second = threading.Event()

    def make(i):
        if i == 1:
            made_second.set()
        return i
    batches = ahead(map(make, range(5)), 1)
    next(batches)
    assert made_second.wait(20)                                         # without asking for it
    batches.close()


def test_prefetching_looks_no_further_ahead_than_it_is_told():
    made, done = [], threading.Event()

    def make(i):
        made.append(i)
        if i == 4:
            done.set()
        return i
    batches = ahead(map(make, range(100)), 3)
    next(batches)
    assert done.wait(20)
    time.sleep(0.2)                                                     # time enough for one too many
    assert made == [0, 1, 2, 3, 4]                                      # three wait, one is about to
    batches.close()


def test_prefetching_passes_errors_on_and_leaves_no_thread_behind():
    def make(i):
        if i == 2:
            raise ValueError('sample 2 is broken')
        return i
    before = set(threading.enumerate())
    seen = []
    with pytest.raises(ValueError, match='sample 2 is broken'):
        for batch in ahead(map(make, range(10)), 3):
            seen.append(batch)
    assert seen == [0, 1] and set(threading.enumerate()) <= before


def test_the_three_schedules():
    steps = range(40)
    author, cosine, constant = ([learning_rate(name, 1e-3, step, 40, 10) for step in steps]
                                for name in ('author', 'cosine', 'constant'))
    assert author == pytest.approx([1e-3 * 0.93 ** (step // 10) for step in steps])
    assert cosine[0] == 1e-3 and cosine[20] == pytest.approx(0.5e-3) and cosine == sorted(cosine, reverse=True)
    assert learning_rate('cosine', 1e-3, 40, 40, 10) == pytest.approx(0, abs=1e-12)
    assert set(constant) == {1e-3}


class Counter:
    """A network for `Run`: one number that training increases."""

    def __init__(self, value=0.0):
        self.value = np.array(value)

    def training_state(self):
        return {'value': self.value}

    def set_training_state(self, tensors):
        self.value = tensors['value']


def train_counter(run, steps=10, save_every=4, at=None, action=None, validated=None):
    """Steps whose loss is their number; `action` happens in step `at`."""
    net, taken = Counter(), []

    def take(step, fed, rate):
        assert fed == 10 * step and rate == 0.5
        taken.append(step)
        net.value = net.value + 1
        if step == at:
            return action()
        return float(step)

    def validate(done, figures):
        run.log(step=done, **figures)
        if validated is not None:
            validated.append((done, figures['loss'], float(net.value)))
    complete = run.train(net, steps, lambda step: 10 * step, lambda step: 0.5, take, validate, 5, save_every)
    return complete, taken


def test_a_run_goes_on_where_a_killed_one_saved_as_if_nothing_had_happened(tmp_path):
    class Killed(BaseException):
        pass

    def kill():
        raise Killed
    validated = []
    with pytest.raises(Killed):
        train_counter(Run(tmp_path, {'seed': 1}), at=7, action=kill, validated=validated)
    assert validated == [(5, 2.0, 5.0)]                                 # saved after steps 4 and 5
    complete, taken = train_counter(Run(tmp_path, {'seed': 1}), validated=validated)
    assert complete and taken == [5, 6, 7, 8, 9]
    assert validated == [(5, 2.0, 5.0), (10, 7.0, 10.0)]
    assert [row['step'] for row in rows_of(tmp_path / 'log.csv')] == ['5', '10']


def interrupt(run, number=signal.SIGINT):
    """Send this process a signal; comes back once the run has taken note of it."""
    os.kill(os.getpid(), number)
    while not run.stopped:
        time.sleep(0.01)
    return 6.0


def test_the_mean_loss_of_an_interrupted_epoch_is_that_of_all_its_steps(tmp_path):
    run = Run(tmp_path, {})
    assert train_counter(run, at=6, action=lambda: interrupt(run)) == (False, [0, 1, 2, 3, 4, 5, 6])
    assert train_counter(Run(tmp_path, {}))[0]
    assert [float(row['loss']) for row in rows_of(tmp_path / 'log.csv')] == [2.0, 7.0]


def test_what_was_logged_after_the_last_resume_file_is_logged_anew(tmp_path):
    assert train_counter(Run(tmp_path, {}), steps=5)[0]
    with open(tmp_path / 'log.csv', 'a') as file:                       # killed after logging, before saving
        file.write('10,0.5,99,1\n15,0.5')
    train_counter(Run(tmp_path, {}))
    assert [(row['step'], row['loss']) for row in rows_of(tmp_path / 'log.csv')] == [('5', '2'), ('10', '7')]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_finishes_the_step_saves_and_leaves(tmp_path, number, capsys):
    run, handlers = Run(tmp_path, {}), [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    assert train_counter(run, at=2, action=lambda: interrupt(run, number)) == (False, [0, 1, 2])
    assert 'stopped after step 3' in capsys.readouterr().err
    assert read_state(tmp_path / 'resume.npz')[1]['step'] == 3
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_second_interrupt_does_not_wait_for_the_step(tmp_path):
    run = Run(tmp_path, {})

    def interrupt_twice():
        interrupt(run)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
        raise AssertionError('still there')
    before = signal.signal(signal.SIGINT, signal.default_int_handler)      # ignored where pytest runs in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            train_counter(run, at=2, action=interrupt_twice)
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_in_training_restores_handlers_and_ends_the_thread(tmp_path):
    before, handler = set(threading.enumerate()), signal.getsignal(signal.SIGINT)
    with pytest.raises(FloatingPointError, match='nan at step 6; begin another run, .* lower --rate') as error:
        train_counter(Run(tmp_path, {}), at=6, action=lambda: math.nan)
    assert signal.getsignal(signal.SIGINT) is handler
    assert set(threading.enumerate()) <= before                        # though the error still holds the frames
    assert read_state(tmp_path / 'resume.npz')[1]['step'] == 5
    del error


def test_a_file_that_is_no_log_of_a_run_is_left_alone(tmp_path):
    (tmp_path / 'log.csv').write_text('mine\n1\n')
    with pytest.raises(ValueError, match=r'log\.csv is no log of a training run'):
        train_counter(Run(tmp_path, {}))
    assert (tmp_path / 'log.csv').read_text() == 'mine\n1\n'


def test_a_run_may_be_started_from_another_thread(tmp_path):
    result = []
    thread = threading.Thread(target=lambda: result.append(train_counter(Run(tmp_path, {}))[0]))
    thread.start()
    thread.join(60)
    assert result == [True]


def test_a_complete_run_says_so_and_takes_no_step(tmp_path, capsys):
    train_counter(Run(tmp_path, {}))
    assert train_counter(Run(tmp_path, {})) == (True, [])
    assert 'all 10 steps are done' in capsys.readouterr().err


def test_a_run_with_other_settings_is_refused_by_name(tmp_path):
    train_counter(Run(tmp_path, {'rate': 0.1, 'seed': 1, 'save_every': 4}, free=['save_every']))
    with pytest.raises(ValueError, match=r'resume\.npz.*rate 0\.1 \(now 0\.2\)') as error:
        train_counter(Run(tmp_path, {'rate': 0.2, 'seed': 1, 'save_every': 5}, free=['save_every']))
    assert 'seed' not in str(error.value) and 'save_every' not in str(error.value)
    assert train_counter(Run(tmp_path, {'rate': 0.1, 'seed': 1, 'save_every': 9}, free=['save_every'])) == (True, [])


def test_the_best_so_far_is_forgotten_where_validation_measures_something_else(tmp_path):
    run = Run(tmp_path, {'direction': 'right', 'seed': 1})
    run.best = 3.0
    run.save(Counter(), 4)
    for direction, best in (('right', 3.0), (None, None)):
        run = Run(tmp_path, {'direction': direction, 'seed': 1, 'new': 1}, ['direction', 'new'], ['direction', 'new'])
        assert run.start(Counter()) == 4
        assert run.best == best


@pytest.mark.parametrize('then, now, best', [
    ({}, {}, 3.0), ({'size': 299}, {}, 3.0), ({'size': 235}, {}, None), ({}, {'size': 235}, None)])
def test_settings_that_are_not_named_are_the_usual_ones(tmp_path, then, now, best):
    usual = {'size': 299, 'optimizer': 'RMSProp'}
    run = Run(tmp_path, then, ['size'], ['size'], usual)
    run.best = 3.0
    run.save(Counter(), 4)
    run = Run(tmp_path, now, ['size'], ['size'], usual)
    assert run.start(Counter()) == 4 and run.best == best


@pytest.mark.parametrize('then, now, message', [
    ({'optimizer': 'Adam'}, {}, r'optimizer Adam \(now RMSProp\)'),
    ({}, {'optimizer': 'Adam'}, r'optimizer RMSProp \(now Adam\)')])
def test_another_setting_than_the_usual_one_is_refused_by_name_either_way(tmp_path, then, now, message):
    train_counter(Run(tmp_path, then, usual={'optimizer': 'RMSProp'}))
    with pytest.raises(ValueError, match=message):
        train_counter(Run(tmp_path, now, usual={'optimizer': 'RMSProp'}))


@pytest.mark.parametrize('damage', [lambda b: b[:len(b) // 2], lambda b: b'', lambda b: b'something else',
                                    lambda b: b.replace(b'"step": 10', b'"step": 90')])
def test_a_damaged_resume_file_is_named_and_kept(tmp_path, damage):
    train_counter(Run(tmp_path, {}))
    path = tmp_path / 'resume.npz'
    path.write_bytes(damage(path.read_bytes()))
    content = path.read_bytes()
    with pytest.raises(ValueError, match=r'resume\.npz cannot be read as the resume file'):
        train_counter(Run(tmp_path, {}))
    assert path.read_bytes() == content


def test_a_resume_file_that_cannot_be_written_leaves_the_earlier_one(tmp_path, monkeypatch):
    run = Run(tmp_path, {})
    train_counter(run)

    def full(file, **arrays):
        file.write(b'half')
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(np, 'savez', full)
    with pytest.raises(OSError, match=r'resume\.npz could not be written.*No space left'):
        run.save(Counter(), 11)
    assert read_state(tmp_path / 'resume.npz')[1]['step'] == 10
    assert sorted(p.name for p in tmp_path.iterdir()) == ['log.csv', 'resume.npz']


def test_a_resume_file_of_an_earlier_version_is_taken(tmp_path):
    write_state(tmp_path / 'resume.npz', {'value': np.array(6.0)},
                                 {'step': 6, 'best': 1.5, 'settings': {'seed': 1}})
    run = Run(tmp_path, {'seed': 1})
    assert train_counter(run) == (True, [6, 7, 8, 9]) and run.best == 1.5


# --- The command -----------------------------------------------------------------------------------------------------

SMALL = ['--epochs', '2', '--epoch-size', '4', '--batch-size', '2', '--validation-size', '1']
CONVERSION = ['--convert', 'mpii', 'm.mat', '--images', 'f', '--to', 'c.csv']
TRAINING_OPTIONS = [
    ['--epochs', '7'], ['--epoch-size', '7'], ['--batch-size', '7'], ['--rate', '0.7'], ['--schedule', 'cosine'],
    ['--loss', 'MSE'], ['--seed', '7'], ['--save-every', '7'], ['--log-name', 'x'], ['--summary-every', '7']]


@pytest.mark.parametrize('arguments, message', [
    ([], '--output'), (['--output', 'x', '--evaluate', 'y'], 'not allowed'),
    (['--output', 'x', '--epochs', '0'], '--epochs'),
    (['--output', 'x', '--data', 'a.csv'], '--validation'), (['--output', 'x', '--imagenet'], '--start'),
    (['--convert', 'coco', 'a.mat'], 'mpii or lsp'), (['--output', 'x', '--seed', '-1'], '--seed'),
    (['--evaluate', 'x', '--chart', 'nowhere/c.png'], 'nowhere'), (['--output', 'x', '--cover', '1.5'], '--cover'),
    (['--output', 'x', '--direction', 'up'], '--direction'),
    (['--output', 'x', '--data', 'a.csv', '--validation', '0.1', '--cover', '0'], 'about walkers'),
    (['--output', 'x', '--rate', 'nan'], '--rate'),
    (['--output', 'x', '--chart', 'c.png'], '--chart goes with --evaluate'),
    (['--output', 'x', '--images', 'f', '--to', 'c.csv'], '--images goes with --convert'),
    (['--evaluate', 'w', '--to', 'c.csv'], '--to goes with --convert'),
    (['--evaluate', 'w', '--imagenet'], '--imagenet goes with --output'),
    (['--evaluate', 'w', '--start', 'b'], '--start goes with --output'),
    (['--evaluate', 'w', '--data', 'a.csv', '--validation', 'b.csv'], '--validation goes with --output'),
    *((['--evaluate', 'w', *option], f'{option[0]} goes with --output') for option in TRAINING_OPTIONS),
    *(([*CONVERSION, *option], f'{option[0]} goes with --output') for option in TRAINING_OPTIONS),
    *(([*CONVERSION, *option], f'{option[0]} goes without --convert') for option in (
        ['--data', 'a.csv'], ['--validation-size', '7'], ['--direction', 'left'], ['--cover', '0'],
        ['--precision', 'bfloat16'])),
    (['--output', 'x', '--data', 'a.csv', '--validation', '0.1', '--epoch-size', '7'], '--epoch-size is about walkers'),
    (['--output', 'x', '--data', 'a.csv', '--validation', 'b.csv', '--validation-size', '7'], '--validation-size goes'),
    (['--evaluate', 'w', '--data', 'a.csv', '--validation-size', '7'], '--validation-size goes'),
    (['--output', 'x', '--summary-every', '7'], '--summary-every goes with --log-name')])
def test_bad_arguments_exit_with_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    assert exit.value.code == 2 and message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize('arguments', [
    ['--output', 'x', '--validation-size', '100', '--precision', 'bfloat16', '--direction', 'right', '--cover', '0.67'],
    ['--output', 'x', '--data', 'a.csv', '--validation', 'walkers', '--validation-size', '7'],
    ['--evaluate', 'w', '--validation-size', '500', '--direction', 'left', '--cover', '0', '--chart', 'c.png'],
    ['--evaluate', 'w', '--data', 'a.csv', '--direction', 'left'],
    ['--evaluate', 'w', '--data', 'walkers', '--validation-size', '7'], CONVERSION])
def test_options_that_a_task_heeds_are_taken(arguments):
    pose.parse_arguments(arguments)


@pytest.mark.parametrize('module, needed', [
    (pose, ['--output', 'x']), (gait, ['--output', 'x', '--pose', 'y'])])
def test_help_says_of_every_option_what_it_is_and_of_what_has_a_default_which(module, needed, monkeypatch, capsys):
    monkeypatch.setenv('COLUMNS', '1000')
    with pytest.raises(SystemExit):
        module.parse_arguments(['--help'])
    helps = dict(re.findall(r'^  (--[a-z-]+)(?: [A-Z{].*?)?\s{2,}(.*)$', capsys.readouterr().out, re.MULTILINE))
    options = {f'--{name.replace("_", "-")}': value for name, value in vars(module.parse_arguments(needed)).items()}
    assert set(helps) == set(options)
    for name, default in options.items():
        assert not helps[name].startswith('(') and helps[name].count('default: ') <= 1
        if name in needed or default is None or default is False or default == [['walkers']]:
            assert not helps[name].endswith((f'(default: {default})', '(default: None)'))
        else:
            assert helps[name].endswith(f'(default: {default})')


@pytest.fixture
def pictures(tmp_path):
    """A user's folder: pictures of several sizes, one of them grey, and people in them, in a CSV."""
    people = []
    for i, size in enumerate([(320, 240), (200, 300), (1000, 800), (150, 150), (299, 299), (64, 400)]):
        path = tmp_path / f'{i}.jpg'
        Image.fromarray(np.random.default_rng(i).integers(0, 255, size[::-1] + (3,), np.uint8)).convert(
            'L' if i == 1 else 'RGB').save(path)
        joints = np.random.default_rng(i).uniform(0.2, 0.8, (16, 2)) * size[::-1]
        people.append(annotation(path, joints, scale=max(size) / 200, centre=(size[1] / 2, size[0] / 2)))
    write_annotations(tmp_path / 'train.csv', people[:4])
    write_annotations(tmp_path / 'held_out.csv', people[4:])
    write_annotations(tmp_path / 'all.csv', people)
    return tmp_path


@pytest.mark.parametrize('arguments, message', [
    (['--data', '{}/none.csv', '--validation', '{}/held_out.csv'], 'none.csv'),
    (['--data', '{}/train.csv', '--validation', '{}/none.csv', '--batch-size', '2'], 'none.csv'),
    (['--data', '{}/train.csv', '--validation', '1.5'], 'share'), (['--validation', '0.1'], '--validation-size'),
    (['--data', '{}/train.csv', '--validation', '{}/held_out.csv', '--batch-size', '5'], 'do not fill one batch of 5'),
    (['--data', '{}/train.csv', '--validation', '{}/all.csv', '--batch-size', '2'], 'trained on cannot validate'),
    (['--start', '{}/none.ckpt'], 'none.ckpt'), (['--start', '{}/train.csv'], 'train.csv')])
def test_bad_input_exits_with_2_and_one_line(pictures, tiny, arguments, message, capsys):
    assert main(['--output', str(pictures / 'run'), *(a.format(pictures) for a in arguments)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[0].startswith('train_pose: ') and message in lines[0] and len(lines) == 1
    assert not (pictures / 'run').exists()


def test_all_hidden_validation_joints_are_refused(pictures, tiny, capsys):
    people = read_annotations(pictures / 'held_out.csv')
    write_annotations(pictures / 'hidden.csv', [a._replace(visible=NONE) for a in people])
    assert main(['--output', str(pictures / 'run'), '--data', str(pictures / 'train.csv'), '--batch-size', '2',
                 '--validation', str(pictures / 'hidden.csv')]) == 2
    assert 'no joint is visible' in capsys.readouterr().err


def test_a_users_own_pictures_are_trained_on(pictures, tiny, capsys):
    run = pictures / 'run'
    assert main(['--output', str(run), '--data', str(pictures / 'train.csv'), '--validation',
                 str(pictures / 'held_out.csv'), '--epochs', '3', '--batch-size', '2', '--schedule', 'author']) == 0
    rows = rows_of(run / 'log.csv')
    assert [(row['epoch'], row['step']) for row in rows] == [('1', '2'), ('2', '4'), ('3', '6')]
    assert [float(row['rate']) for row in rows] == pytest.approx([1e-3, 0.93e-3, 0.8649e-3])
    assert capsys.readouterr().out.count('epoch ') == 3
    joints = rows_of(run / 'validation.csv')
    assert [row['joint'] for row in joints] == 3 * [*JOINT_NAMES, 'all joints']
    assert float(joints[16]['error']) == pytest.approx(float(rows[0]['error']), rel=1e-4)
    assert float(joints[16]['heat_map_error']) == pytest.approx(float(rows[0]['error']) * 289 / 299, rel=1e-4)
    assert {p.name for p in run.iterdir()} == {
        'log.csv', 'validation.csv', 'resume.npz', 'last.ckpt.index', 'last.ckpt.data-00000-of-00001',
        'best.ckpt.index', 'best.ckpt.data-00000-of-00001'}


def test_a_picture_that_breaks_off_stops_a_run_which_goes_on_once_it_is_replaced(pictures, tiny, capsys):
    arguments = ['--output', str(pictures / 'run'), '--data', str(pictures / 'train.csv'), '--validation',
                 str(pictures / 'held_out.csv'), '--epochs', '3', '--batch-size', '2']
    people = read_annotations(pictures / 'train.csv')
    path = people[AnnotatedPictures(people).order(0)[2]].image                      # of the second step
    with open(path, 'rb') as file:
        whole = file.read()
    with open(path, 'wb') as file:
        file.write(whole[:len(whole) // 2])
    assert main(arguments) == 2
    assert f'{path} cannot be read as a picture' in capsys.readouterr().err
    assert saved_step(pictures / 'run') == 1
    with open(path, 'wb') as file:
        file.write(whole)
    assert main(arguments) == 0
    assert [row['step'] for row in rows_of(pictures / 'run' / 'log.csv')] == ['2', '4', '6']


def test_a_validation_picture_that_breaks_off_is_named_before_training_begins(pictures, tiny, capsys):
    with open(pictures / '5.jpg', 'r+b') as file:
        file.truncate(os.path.getsize(pictures / '5.jpg') // 2)
    assert main(['--output', str(pictures / 'run'), '--data', str(pictures / 'train.csv'), '--validation',
                 str(pictures / 'held_out.csv'), '--batch-size', '2']) == 2
    assert '5.jpg cannot be read as a picture' in capsys.readouterr().err
    assert not (pictures / 'run').exists()


def test_several_files_and_a_share_held_out(pictures, tiny, capsys):
    files = [str(pictures / 'train.csv'), str(pictures / 'held_out.csv')]
    assert main(['--output', str(pictures / 'run'), '--data', *files, '--validation', '0.3', '--epochs', '1',
                 '--batch-size', '2']) == 0
    assert rows_of(pictures / 'run' / 'log.csv')[0]['step'] == '2'                  # 4 of 6 pictures


def test_best_is_the_epoch_of_least_error_and_last_is_the_last(pictures, tiny, monkeypatch):
    errors, kept = iter([30.0, 10.0, 20.0]), []
    real = evaluate_poses

    def scored(net, data):
        kept.append(net.sess.run(net.model_variables[0]))
        return real(net, data)._replace(mean_error=next(errors))
    monkeypatch.setattr('gait_recognition.training.pose.evaluate_poses', scored)
    assert main(['--output', str(pictures / 'run'), '--data', str(pictures / 'train.csv'), '--batch-size', '2',
                 '--validation', str(pictures / 'held_out.csv'), '--epochs', '3']) == 0
    for name, weights in (('best', kept[1]), ('last', kept[2])):
        with TinyNetwork() as net:
            net.restore(pictures / 'run' / f'{name}.ckpt')
            np.testing.assert_array_equal(net.sess.run(net.model_variables[0]), weights)


def test_a_moved_folder_goes_on_and_an_edited_file_does_not(pictures, tiny, capsys):
    def go_on(folder, epochs):
        return main(['--output', str(folder / 'run'), '--data', str(folder / 'train.csv'), '--validation',
                     str(folder / 'held_out.csv'), '--epochs', str(epochs), '--batch-size', '2'])
    assert go_on(pictures, 1) == 0
    moved = pictures / 'moved'
    moved.mkdir()
    for path in [*pictures.glob('*.jpg'), *pictures.glob('*.csv'), pictures / 'run']:
        path.rename(moved / path.name)
    assert go_on(moved, 2) == 0                                         # and for longer: the schedule does not mind
    assert 'going on after step 2' in capsys.readouterr().err
    with open(moved / 'train.csv', 'a') as file:
        file.write('0.jpg,1,5,5' + ',9,9,1' * 16 + '\n')
    assert go_on(moved, 3) == 2
    assert 'other settings: data' in capsys.readouterr().err


def test_rate_direction_and_cover_may_change_on_resuming_where_the_schedule_is_constant(tmp_path, tiny, monkeypatch,
                                                                                         capsys):
    drawn, draw = [], walker_picture
    monkeypatch.setattr('gait_recognition.training.samples.walker_picture',
                        lambda *args, **options: drawn.append(options) or draw(*args, **options))

    def go_on(*arguments, schedule='constant'):
        drawn.clear()
        return main(['--output', str(tmp_path / schedule), '--epoch-size', '2', '--batch-size', '2',
                     '--validation-size', '1', '--schedule', schedule, *arguments])
    assert go_on('--epochs', '1') == 0
    assert go_on('--epochs', '2', '--rate', '5e-4', '--direction', 'right', '--cover', '0.7') == 0
    assert len(drawn) > 2 and all(options == {'leftwards': False, 'cover': 0.7} for options in drawn)
    assert [float(row['rate']) for row in rows_of(tmp_path / 'constant' / 'log.csv')] == [1e-3, 5e-4]
    assert go_on('--epochs', '1', schedule='author') == 0
    assert go_on('--epochs', '2', '--rate', '5e-4', schedule='author') == 2
    assert 'other settings: rate' in capsys.readouterr().err


@pytest.mark.parametrize('imagenet', [False, True])
def test_training_starts_from_given_weights(pictures, tiny, imagenet):
    with TinyNetwork(seed=5) as net:
        given = {v.op.name: value for v, value in zip(net.model_variables, net.sess.run(net.model_variables))
                 if v.op.name.startswith('InceptionResnetV2') or not imagenet}
    weights = gait_checkpoints.write_checkpoint(pictures / 'given.ckpt', given)
    assert main(['--output', str(pictures / 'run'), '--data', str(pictures / 'train.csv'), '--validation',
                 str(pictures / 'held_out.csv'), '--epochs', '1', '--batch-size', '2', '--rate', '0', '--start',
                 weights, *(['--imagenet'] if imagenet else [])]) == 0
    trained = gait_checkpoints.read_checkpoint(pictures / 'run' / 'last.ckpt')
    assert len(given) == (4 if imagenet else len(trained))
    for name, value in given.items():
        if 'moving' not in name:                                        # those are taken anew
            np.testing.assert_array_equal(trained[name], value)


def test_summaries_are_written_where_a_name_is_given(tmp_path, tiny, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(['--output', 'run', *SMALL, '--log-name', 'mine', '--summary-every', '2']) == 0
    folders = {str(path.parent.relative_to('logdir/mine')) for path in (tmp_path / 'logdir').rglob('events*')
               for path in [path.relative_to(tmp_path)]}
    assert folders == {'train', 'test', *(f'train/point_{i:02d}' for i in range(16))}
    found = [value for path in (tmp_path / 'logdir' / 'mine' / 'test').iterdir()
             for event in tf.train.summary_iterator(str(path)) for value in event.summary.value]
    errors = [float(row['error']) * 289 / 299 for row in rows_of(tmp_path / 'run' / 'log.csv')]
    assert [value.simple_value for value in found] == pytest.approx(errors, rel=1e-4)


def test_evaluation_prints_the_table_and_draws_the_chart(pictures, tiny, capsys):
    with TinyNetwork(seed=1) as net:
        weights = net.save(pictures, 'weights')
    assert main(['--evaluate', weights, '--data', str(pictures / 'all.csv'), '--chart', str(pictures / 'c.png')]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in JOINT_NAMES) and '6 pictures' in out and 'PCK@0.2' in out
    with Image.open(pictures / 'c.png') as picture:
        assert picture.format == 'PNG'


def test_evaluation_computes_in_the_precision_that_is_asked_for(tmp_path, monkeypatch):
    with TinyNetwork(seed=1) as net:
        weights = net.save(tmp_path, 'weights')
    asked = []
    monkeypatch.setattr(
        'human_pose_nn.HumanPoseIRNetwork', lambda session_config, precision, image_size, pairs: asked.append(
            (precision, image_size, pairs)) or TinyNetwork())
    assert main(['--evaluate', weights, '--validation-size', '1', '--precision', 'bfloat16']) == 0
    assert main(['--evaluate', weights, '--validation-size', '1']) == 0
    assert asked == [('bfloat16', 299, True), ('float32', 299, True)]


def test_walkers_to_evaluate_on_are_of_the_direction_and_the_light_that_are_asked_for(tiny, tmp_path, monkeypatch):
    evaluated = []
    monkeypatch.setattr('gait_recognition.training.pose.evaluate_poses', lambda net, data, progress: evaluated.append(
        data.sample(0).image) or pose_score(np.zeros((1, 16, 2)), [sample_of(np.zeros((16, 2)))]))
    with TinyNetwork(seed=1) as net:
        weights = net.save(tmp_path, 'weights')
    assert main(['--evaluate', weights, '--direction', 'left', '--cover', '0.9']) == 0
    np.testing.assert_array_equal(evaluated[0], WalkerPictures(1, TEST_SEED, 'left', 0.9).sample(0).image)


@pytest.mark.slow
@pytest.mark.parametrize('number, status', [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 1)])
def test_a_run_stopped_in_the_middle_goes_on_as_if_it_had_not_been(tmp_path, number, status):
    arguments = ['--epochs', '4', '--epoch-size', '12', '--batch-size', '2', '--validation-size', '1', '--save-every',
                 '2', '--schedule', 'cosine']
    assert run_command(__file__, ['--output', 'whole', *arguments], tmp_path)[0] == 0
    stopped, errors = run_command(__file__, ['--output', 'stopped', *arguments], tmp_path,
                                  lambda: saved_step(tmp_path / 'stopped') >= 8, number)
    assert stopped == status, errors
    assert 8 <= saved_step(tmp_path / 'stopped') < 24
    assert run_command(__file__, ['--output', 'stopped', *arguments], tmp_path)[0] == 0
    assert_same_course(tmp_path / 'stopped', tmp_path / 'whole')


@pytest.mark.slow
def test_the_real_network_killed_and_resumed_ends_where_it_would_have(tmp_path):
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    arguments = [*SMALL, '--save-every', '1']
    assert run_command(ROOT / 'train_pose.py', ['--output', str(whole), *arguments], tmp_path)[0] == 0
    status, errors = run_command(ROOT / 'train_pose.py', ['--output', str(killed), *arguments], tmp_path,
                                 lambda: saved_step(killed) >= 1)
    assert status == -signal.SIGKILL, errors
    assert 1 <= saved_step(killed) < 4
    assert run_command(ROOT / 'train_pose.py', ['--output', str(killed), *arguments], tmp_path)[0] == 0
    assert_same_course(killed, whole)
    with HumanPoseIRNetwork() as net:
        for name in ('best', 'last'):
            assert len(net.restore(killed / f'{name}.ckpt').restored) == 696
        assert np.isfinite(net.joint_positions(WalkerPictures(1, 0).sample(0).image[None])).all()
    gc.collect()


if __name__ == '__main__':
    human_pose_nn.HumanPoseIRNetwork = TinyNetwork
    sys.exit(main())


@pytest.mark.parametrize('script', ['train_pose', 'train_gait'])
def test_help_and_bad_arguments_come_before_tensorflow_and_name_how_it_was_run(script):
    options = {'cwd': os.path.dirname(gait_checkpoints.__file__), 'capture_output': True, 'text': True}
    code = (f'import sys\nfrom gait_recognition.training.{script.removeprefix("train_")} import main\n'
            'try: main(sys.argv[1:])\nfinally: print("tensorflow" in sys.modules)')
    for arguments, status in (['--help'], 0), (['--bogus'], 2):
        done = subprocess.run([sys.executable, '-c', code, *arguments], **options)
        assert done.returncode == status and done.stdout.endswith('False\n')
    done = subprocess.run([sys.executable, '-m', script, '--bogus'], **options)
    assert done.returncode == 2 and done.stderr.startswith(f'usage: python -m {script} ')


def test_sizes_known_without_tensorflow_are_the_networks():
    from gait_network import BATCH_SIZE
    from gait_recognition import vectors
    from gait_recognition.training import samples
    assert (samples.SIZE, samples.HEATMAP_SIZE) == (HumanPoseIRNetwork.IMAGE_SIZE, HumanPoseIRNetwork.HEATMAP_SIZE)
    assert vectors.BATCH_SIZE == BATCH_SIZE


def test_a_mat_file_that_ends_scipys_process_is_refused_and_ends_no_other(tmp_path):
    path = tmp_path / 'joints.mat'
    savemat(path, {'joints': {'a': np.int64(1)}})
    data = path.read_bytes()
    whole = b'\x0c\0\0\0\x08\0\0\0\x01'                        # eight bytes of int64; as a matrix it is none
    assert data.count(whole) == 1
    path.write_bytes(data.replace(whole, b'\x0e' + whole[1:]))
    assert _converted_elsewhere(path).startswith(f'{path} is damaged: it ends the process that reads it')


@pytest.mark.skipif(sys.platform != 'linux', reason='as limits of memory and files with holes are there')
def test_a_mat_file_that_asks_for_gigabytes_is_refused_and_fills_no_memory(tmp_path):
    path = tmp_path / 'joints.mat'
    savemat(path, {'joints': np.zeros((3, 14, 1))})
    head, zeros = path.read_bytes()[:-8 * 42], 8 * 42 * 12_700_000
    for place, number in (132, zeros + len(head) - 136), (168, 12_700_000), (len(head) - 4, zeros):
        head = head[:place] + struct.pack('<I', number) + head[place + 4:]
    path.write_bytes(head)
    os.truncate(path, len(head) + zeros)
    limit = 'import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 31, -1))'
    assert str(path) in _converted_elsewhere(path, limit)


def _converted_elsewhere(path, before=''):
    """What converting says, in a process that must not die."""
    code = f'{before}\nfrom gait_recognition.training.annotations import convert_lsp\n' \
           f"try: convert_lsp({str(path)!r}, '.')\nexcept ValueError as error: print(error)"
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize('facts', [
    [], {}, {'settings': 5, 'step': 5, 'best': None}, {'settings': {}, 'step': True, 'best': None},
    {'settings': {}, 'step': -1, 'best': None}, {'settings': {}, 'step': 5, 'best': math.nan},
    {'settings': {}, 'step': 5, 'best': None, 'losses': 'abc'}])
def test_a_resume_file_that_says_what_no_run_says_is_refused_by_its_name(tmp_path, facts):
    write_state(tmp_path / 'resume.npz', {'a': np.ones(3, np.float32)}, facts)
    with pytest.raises(gait_checkpoints.CheckpointError, match='resume.npz'):
        Run(tmp_path, {}).start(None)


def test_a_resume_file_whose_facts_are_brackets_by_the_thousand_is_refused_by_its_name(tmp_path):
    np.savez(tmp_path / 'resume.npz', **{gait_checkpoints.FACTS: np.frombuffer(b'[' * 100_000, np.uint8)})
    with pytest.raises(gait_checkpoints.CheckpointError, match='resume.npz cannot be read as the resume file'):
        Run(tmp_path, {}).start(None)


@pytest.mark.parametrize('log', [b'step,loss\nx,1\n', b'step,loss\n\xff,1\n', b'step\n' + b'9' * 5000 + b'\n'])
def test_a_damaged_log_is_refused_by_its_name_and_left_alone(tmp_path, log):
    (tmp_path / 'log.csv').write_bytes(log)
    with pytest.raises(ValueError, match='log.csv'):
        Run(tmp_path, {}).start(None)
    assert (tmp_path / 'log.csv').read_bytes() == log
