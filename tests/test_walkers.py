"""What the synthetic walkers promise: a human gait, exact joints, an identity that only the gait carries."""

import csv
import dataclasses
import itertools
import math
import sys

import numpy as np
import pytest
from PIL import Image

from gait_recognition.walkers import pictures, scenes, streams
from gait_recognition.walkers.backgrounds import random_background
from gait_recognition.walkers.cameras import Camera, Finish, apply_finish, heading_of, random_finish
from gait_recognition.walkers.figures import _HAIR, _LEFT, _OWN, _TORSO, draw_figure, visible_joints
from gait_recognition.walkers.files import write_scene
from gait_recognition.walkers.gaits import Walker
from gait_recognition.walkers.looks import Light, random_light, random_look
from gait_recognition.walkers.norms import (
    ANKLE_CURVE,
    CONDITION_EFFECTS,
    CUT,
    GAIT,
    HIP_CURVE,
    HUMAN,
    KNEE_CURVE,
    STRIDE_CV,
    WALK_SHARE,
    curve,
)
from gait_recognition.walkers.pictures import _passer_by
from gait_recognition.walkers.scenes import _stroll, gait_of, iter_frames, scene, sequence
from gait_recognition.walkers.streams import WALK
from pose_joints import MIRRORED_JOINTS

PHASES = np.arange(100) / 100
R_ANKLE, R_KNEE, R_HIP, L_HIP, L_KNEE, L_ANKLE, PELVIS = range(7)
HEAD_TOP, R_WRIST, R_ELBOW, R_SHOULDER, L_SHOULDER, L_ELBOW, L_WRIST = range(9, 16)


def draw(walker, phase=0.3, heading=0.0, size=400, seed=0, cover=0.0, **clothes):
    """(canvas, map of owners, joints, visible) of one drawn figure."""
    look = random_look(streams.stream(seed), 'N')
    plain = dict(outfit='trousers', hair_style='short', backpack=False) | clothes
    light = Light((0.0, -0.6, 0.8), 0.6, 0.4, 0.0, cover)
    camera = Camera(heading, 0.03, 0.0, 0.8 * size / walker.stature, 8.0, (0.92 * size, size / 2))
    canvas, owner = np.full((3, size, size), 128, np.float32), np.zeros((size, size), np.uint8)
    pose = walker.pose([phase], travel=False)
    joints, far = draw_figure(canvas, owner, walker, pose, 0, dataclasses.replace(look, **plain), light,
                                camera)
    return canvas, owner, joints, visible_joints(owner, joints, far)[0]


# The gait.

def test_normative_curves_have_the_published_landmarks():
    knee = curve(KNEE_CURVE, PHASES)
    hip = curve(HIP_CURVE, PHASES)
    ankle = curve(ANKLE_CURVE, PHASES)
    assert 58 < knee.max() < 65 and 0.69 < PHASES[knee.argmax()] < 0.76         # peak of swing
    assert 15 < knee[:30].max() < 22 and 0.11 < PHASES[knee[:30].argmax()] < 0.18  # loading
    assert 40 < np.ptp(hip) < 46 and 0.48 < PHASES[hip.argmin()] < 0.56
    assert -20 < ankle.min() < -14 and 0.60 < PHASES[ankle.argmin()] < 0.67     # push-off
    assert 8 < ankle[20:50].max() < 13


def test_the_fourier_series_passes_through_the_published_samples():
    for samples in (HIP_CURVE, KNEE_CURVE, ANKLE_CURVE):
        assert np.abs(curve(samples, np.arange(20) / 20) - samples).max() < 1.5


def test_the_average_walker_walks_as_fast_as_people_do():
    average = Walker.average()
    assert 0.75 < average.stride_length / average.stature < 0.92
    assert 1.2 < average.speed < 1.5
    assert average.speed == pytest.approx(average.stride_length * average.cadence / 120)


def test_the_pelvis_advances_one_stride_length_a_stride_and_bounces_some_centimetres():
    average = Walker.average()
    pelvis = average.pose(np.r_[PHASES, 1.0]).joints[:, PELVIS]
    assert pelvis[-1, 0] - pelvis[0, 0] == pytest.approx(average.stride_length, rel=1e-6)
    assert 0.02 < np.ptp(pelvis[:, 2]) < 0.07
    assert (np.diff(pelvis[:, 0]) > 0).all()


@pytest.mark.parametrize('seed', range(12))
def test_feet_stay_on_the_ground_and_the_stance_foot_hardly_slides(seed):
    walker = Walker.from_seed(seed)
    pose = walker.pose(PHASES)
    lowest = np.min([pose.extras[f'{side} {part}'][:, 2] for side in ('right', 'left')
                     for part in ('heel', 'ball', 'toe')], axis=0)
    assert np.abs(lowest).max() < 0.015
    flat = (PHASES > 0.12) & (PHASES < 0.45)
    assert np.ptp(pose.extras['right ball'][flat, 0]) < 0.06 * walker.stride_length


@pytest.mark.parametrize('seed', range(12))
def test_knees_bend_backwards_only_and_elbows_forwards_only(seed):
    walker = Walker.from_seed(seed)
    joints = walker.pose(PHASES).joints
    for hip, knee, ankle in ((R_HIP, R_KNEE, R_ANKLE), (L_HIP, L_KNEE, L_ANKLE)):
        thigh, shank = joints[:, knee] - joints[:, hip], joints[:, ankle] - joints[:, knee]
        assert (thigh[:, 0] * shank[:, 2] - thigh[:, 2] * shank[:, 0] < 0).all()
    for shoulder, elbow, wrist in ((R_SHOULDER, R_ELBOW, R_WRIST), (L_SHOULDER, L_ELBOW, L_WRIST)):
        upper, lower = joints[:, elbow] - joints[:, shoulder], joints[:, wrist] - joints[:, elbow]
        assert (upper[:, 0] * lower[:, 2] - upper[:, 2] * lower[:, 0] > 0).all()


@pytest.mark.parametrize('seed', range(12))
def test_arms_swing_against_the_leg_of_their_side(seed):
    joints = Walker.from_seed(seed).pose(PHASES, travel=False).joints
    leg = joints[:, R_ANKLE, 0] - joints[:, R_HIP, 0]
    assert np.corrcoef(leg, joints[:, R_WRIST, 0] - joints[:, R_SHOULDER, 0])[0, 1] < -0.6
    assert np.corrcoef(leg, joints[:, L_WRIST, 0] - joints[:, L_SHOULDER, 0])[0, 1] > 0.6


def test_segments_keep_their_lengths():
    walker = Walker.from_seed(3)
    joints = walker.pose(PHASES).joints
    for first, second, length in ((R_HIP, R_KNEE, walker.thigh), (L_KNEE, L_ANKLE, walker.shank),
                                  (R_SHOULDER, R_ELBOW, walker.upper_arm), (8, HEAD_TOP, walker.head)):
        assert np.allclose(np.linalg.norm(joints[:, first] - joints[:, second], axis=1), length * walker.stature,
                           rtol=0.02)


# The identity.

def test_an_identity_is_the_parameters_of_the_table_and_nothing_else():
    assert [field.name for field in dataclasses.fields(Walker)] == list(HUMAN)


def test_a_seed_is_one_person_for_ever():
    assert Walker.from_seed(7) == Walker.from_seed(7)
    assert Walker.from_seed(7) != Walker.from_seed(8)
    assert Walker.from_seed(7) != Walker.from_seed(7, 0)


def test_people_vary_as_the_table_says():
    crowd = [Walker.from_seed(seed) for seed in range(400)]
    for name in GAIT:
        mean, sd = HUMAN[name]
        values = np.array([getattr(walker, name) for walker in crowd])
        assert np.abs(values - mean).max() <= CUT * sd + 1e-9
        assert values.mean() == pytest.approx(mean, abs=0.2 * sd)
        assert values.std() == pytest.approx(sd, rel=0.15)


def test_the_table_spreads_people_as_the_cited_studies_found():
    crowd = [Walker.from_seed(seed) for seed in range(150)]
    for values in ([walker.cadence for walker in crowd], [walker.stride_length / walker.stature for walker in crowd]):
        assert 0.055 < np.std(values) / np.mean(values) < 0.08                 # Oberg 1993: 6 to 8 %
    mean, sd = HUMAN['elbow_swing']
    assert abs(2 * mean - 29.7) < 5 and 2 * sd < 10.2                          # Kang 2023: 29.7 +- 10.2 degrees
    peak = [walker.angles(PHASES)['right knee'].max() for walker in crowd]
    assert 58 < np.mean(peak) < 66 and 3 < np.std(peak) < 6                    # Oberg 1994, Kadaba 1990


def test_walks_of_a_person_share_the_body_and_nearly_the_gait():
    first, second = gait_of(5, 0), gait_of(5, 1)
    for name, (_, sd) in HUMAN.items():
        change = abs(getattr(first, name) - getattr(second, name)) / sd
        assert change < 4 * math.sqrt(2) * WALK_SHARE
        assert (change > 0) == (name in GAIT)


@pytest.mark.parametrize('condition', ['B', 'S'])
def test_a_condition_changes_the_gait_slightly(condition):
    for person in range(10):
        walker = Walker.from_seed(person)
        changed = walker.under(condition, streams.stream(person))
        steps = {name: (getattr(changed, name) - getattr(walker, name)) / sd for name, (_, sd) in HUMAN.items()}
        assert {name for name, step in steps.items() if step} == set(CONDITION_EFFECTS[condition])
        assert max(map(abs, steps.values())) < 3.5
    assert Walker.average().under('N', streams.stream(0)) == Walker.average()


def test_a_backpack_makes_people_lean_and_shoe_covers_shorten_their_steps():
    people = range(30)
    lean = [gait_of(p, 0, 'B').lean - gait_of(p, 0).lean for p in people]
    step = [gait_of(p, 0, 'S').stride_length / gait_of(p, 0).stride_length for p in people]
    assert np.mean(lean) > 1.5
    assert 0.93 < np.mean(step) < 0.99


def test_after_three_months_the_gait_has_drifted_but_is_nearest_to_its_own():
    def vector(person, index, session):
        walker = gait_of(person, index, 'N', session)
        return np.array([(getattr(walker, name) - mean) / sd for name, (mean, sd) in HUMAN.items() if name in GAIT])

    before = np.stack([vector(person, 0, 1) for person in range(40)])
    after = np.stack([vector(person, 1, 2) for person in range(40)])
    drift = (after - before).std()
    assert 0.3 < drift < 0.5  # of the SD between people
    distance = np.linalg.norm(after[:, None] - before[None], axis=-1)
    assert (distance.argmin(1) == np.arange(40)).all()


# Pictures.

def test_a_seed_is_one_picture_byte_for_byte():
    first, again, other = pictures.picture(11), pictures.picture(11), pictures.picture(12)
    assert first.image.tobytes() == again.image.tobytes()
    assert np.array_equal(first.joints, again.joints)
    assert first.image.tobytes() != other.image.tobytes()


def test_a_picture_has_the_promised_shapes_and_types():
    found = pictures.picture(1, size=160)
    assert found.image.shape == (160, 160, 3) and found.image.dtype == np.uint8
    assert found.joints.shape == (16, 2) and found.joints.dtype == np.float32
    for flags in (found.visible, found.inside, found.present):
        assert flags.shape == (16,) and flags.dtype == bool
    assert found.present.all() and not (found.visible & ~found.inside).any()


def test_pictures_of_other_sizes_show_the_same_picture():
    small, large = pictures.picture(21, size=150), pictures.picture(21, size=300)
    assert np.allclose(small.joints * 2, large.joints, atol=1.0)


def test_figures_fill_the_height_that_a_crop_gives_them_and_some_are_cut():
    found = [pictures.picture(seed) for seed in range(60)]
    tall = np.array([np.ptp(one.joints[:, 0]) for one in found]) / 299
    assert 0.44 < tall.min() and tall.max() < 0.95
    assert 0.6 < np.median(tall) < 0.75
    whole = [one.inside.all() for one in found]
    assert 0 < np.mean(whole) < 1 and np.mean(whole) > 0.8


@pytest.mark.parametrize('seed', range(40))
def test_every_joint_lies_on_the_drawn_figure(seed):
    rng = np.random.default_rng(seed)
    _, owner, joints, _ = draw(Walker.from_seed(seed), rng.random(), math.pi * (seed % 2) + rng.uniform(-0.5, 0.5),
                               seed=seed, hair_style='crop')
    for y, x in np.round(joints).astype(int):
        assert owner[max(y - 2, 0):y + 3, x - 2:x + 3].any()


@pytest.mark.parametrize('heading, near', [(0.0, 'right'), (math.pi, 'left')])
def test_the_near_side_is_right_when_walking_right_and_left_when_walking_left(heading, near):
    _, _, joints, visible = draw(Walker.average(), 0.25, heading)
    pose = Walker.average().pose([0.25], travel=False)
    toe, ankle = pose.extras['right toe'][0], pose.joints[0, R_ANKLE]
    assert ((toe - ankle)[0] * math.cos(heading) > 0) == (near == 'right')  # the feet point where the figure walks
    shoulders = {'right': visible[R_SHOULDER], 'left': visible[L_SHOULDER]}
    assert shoulders.pop(near) and not any(shoulders.values())


def test_the_picture_of_a_mirrored_walk_is_the_mirrored_picture_with_swapped_joints():
    average = Walker.average()
    swapped = MIRRORED_JOINTS
    for heading in (0.0, 0.4, -0.3):
        canvas, owner, joints, visible = draw(average, 0.2, heading)
        other, other_owner, other_joints, other_visible = draw(average, 0.7, math.pi - heading)
        assert np.allclose(other_joints[:, 0], joints[swapped, 0], atol=1e-3)
        assert np.allclose(400 - other_joints[:, 1], joints[swapped, 1], atol=1e-3)
        assert np.array_equal(other_visible, visible[swapped])
        # An even edge has no middle column: the mirrored figure stands one pixel further.
        assert ((owner > 0)[:, 1:] != (other_owner > 0)[:, :0:-1]).mean() < 0.002


def test_a_far_limb_is_hidden_where_the_near_one_covers_it_and_its_pixels_show_the_near_one():
    average = Walker.average()
    hidden = 0
    for phase in PHASES[::5]:
        canvas, owner, joints, visible = draw(average, phase)
        for joint in (L_ELBOW, L_WRIST, L_KNEE, L_ANKLE):
            y, x = np.round(joints[joint]).astype(int)
            own = owner[y, x] in _OWN[joint]
            assert visible[joint] == own  # the owner map is drawn from far to near
            hidden += not visible[joint]
            near = MIRRORED_JOINTS[joint]
            assert visible[near]
    assert hidden > 10


@pytest.mark.parametrize('heading, far_is_left', [(0.0, True), (0.3, True), (math.pi, False), (math.pi - 0.3, False)])
def test_less_light_reaches_the_far_limbs_and_the_others_as_much_as_before(heading, far_is_left):
    canvas, owner, *_ = draw(Walker.average(), heading=heading)
    covered, *_ = draw(Walker.average(), heading=heading, cover=0.4)
    left = (owner > _LEFT) & (owner < _TORSO)
    right = (owner > 0) & (owner < _LEFT)
    far, near = (left, right) if far_is_left else (right, left)
    assert far.sum() > 500
    share = covered / canvas
    assert np.median(share[:, far]) == pytest.approx(0.6)
    assert np.isclose(share[:, near | (owner >= _TORSO)], 1).mean() > 0.95      # but for edges, which blend


def test_a_pictures_direction_can_be_given_and_all_else_stays():
    for seed in range(4):
        drawn, left, right = (pictures.picture(seed, leftwards=way) for way in (None, True, False))
        assert np.array_equal(drawn.image, left.image) != np.array_equal(drawn.image, right.image)
        hips = [picture.joints[L_HIP, 1] - picture.joints[R_HIP, 1] for picture in (left, right)]
        assert hips[0] * hips[1] < 0        # the same yaw: the left hip ahead in one direction, behind in the other


def test_the_light_on_the_far_limbs_can_be_given_and_all_else_stays():
    for seed in range(3):
        dark, light = (pictures.picture(seed, cover=cover) for cover in (0.9, 0.0))
        assert np.array_equal(dark.joints, light.joints) and np.array_equal(dark.visible, light.visible)
        difference = light.image.astype(int) - dark.image
        assert difference.max() > 10 and (difference < -12).mean() < 0.01          # but for what JPEG adds
    with pytest.raises(ValueError, match='cover.*1.5'):
        pictures.picture(0, cover=1.5)


def test_a_long_coat_hides_the_knees_and_a_short_one_does_not():
    for hem, expected in ((1.3, False), (0.4, True)):
        visible = draw(Walker.average(), 0.0, 0.0, outfit='coat', hem=hem)[3]
        assert visible[R_KNEE] == expected and visible[L_KNEE] == expected
        assert visible[R_ANKLE] and visible[L_ANKLE]


def test_a_backpack_covers_the_background_behind_the_back_only():
    without, carrying = (draw(Walker.average(), 0.2, 0.0, backpack=flag) for flag in (False, True))
    added = np.argwhere((carrying[1] > 0) & (without[1] == 0))
    assert len(added) > 300
    assert added[:, 1].mean() < without[2][PELVIS, 1] - 20  # walking right, the back is on the left


def test_shoe_covers_are_drawn_on_the_feet_only():
    bare, covered = (draw(Walker.average(), 0.2, covers=flag) for flag in (False, True))
    changed = np.argwhere((bare[0] != covered[0]).any(0))
    assert len(changed) > 200
    assert changed[:, 0].min() > covered[2][[R_KNEE, L_KNEE], 0].max()
    assert [random_look(streams.stream(1), condition).covers for condition in 'NBS'] == [False, False, True]


def test_every_hair_style_that_is_drawn_at_random_has_its_strokes():
    assert {random_look(streams.stream(seed), 'N').hair_style for seed in range(200)} == set(_HAIR)


def test_sleeves_and_skirts_have_lengths():
    def skin(**clothes):
        """Pixels of the near arm, or of both legs, that have the colour of skin."""
        canvas, owner, *_ = draw(Walker.average(), 0.0, skin=(250, 0, 0), **clothes)
        return ((canvas[0] > 1.5 * canvas[1] + 20) & (owner > 0) & (owner < _TORSO)).sum()

    assert skin(sleeve=0.2) > skin(sleeve=0.6) + 50 > skin(sleeve=1.0) + 100
    assert skin(outfit='dress', hem=0.5) > skin(outfit='dress', hem=1.2) + 100


def test_at_times_a_second_figure_stands_in_the_background(monkeypatch):
    added, passer_by = [], _passer_by

    def spy(rng, canvas, *place):
        before = canvas.copy()
        passer_by(rng, canvas, *place)
        added.append((canvas != before).any(0).sum())
    monkeypatch.setattr('gait_recognition.walkers.pictures._passer_by', spy)
    for seed in range(60):
        pictures.picture(seed, size=96)
    assert 3 <= len(added) <= 20 and np.median(added) > 30


PLAIN = Finish((1.0, 1.0, 1.0), 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0)


def finished(**style):
    stripes = np.tile(np.where(np.arange(96) // 6 % 2, 160.0, 90.0).astype(np.float32), (3, 96, 1))
    return apply_finish(stripes, PLAIN._replace(**style), streams.stream(0)).astype(float)


def test_the_finish_is_light_noise_blur_fewer_pixels_and_jpeg():
    def edges(image):
        return np.abs(np.diff(image, axis=1)).max()

    plain = finished()
    np.testing.assert_array_equal(plain[0, :, 0], np.where(np.arange(96) // 6 % 2, 160, 90))
    assert (finished(noise=8.0) - plain).std() == pytest.approx(8, rel=0.1)
    assert edges(finished(blur=2.0)) < 0.5 * edges(plain) and edges(finished(detail=0.3)) < 0.7 * edges(plain)
    assert 0 < np.abs(finished(quality=40) - plain).mean() < 10
    assert np.ptp(finished(contrast=0.5)) == pytest.approx(0.5 * np.ptp(plain), abs=2)
    assert (finished(lift=20.0) - plain).mean() == pytest.approx(20, abs=1)
    assert (finished(gamma=2.0) < plain).all()
    red, green, blue = np.moveaxis(finished(gain=(1.1, 1.0, 0.9)), 2, 0)
    assert (red[plain[..., 0] > 128] > green[plain[..., 0] > 128]).all()
    assert (blue[plain[..., 0] > 128] < green[plain[..., 0] > 128]).all()


def test_backgrounds_light_and_finish_differ_from_picture_to_picture():
    backgrounds = [random_background(streams.stream(seed), 64, 64, 50.0, 40.0) for seed in range(30)]
    assert len({background.tobytes() for background in backgrounds}) == 30
    assert np.std([background.mean() for background in backgrounds]) > 15
    assert np.ptp([background.std() for background in backgrounds]) > 15                # plain ones and busy ones
    assert len({random_light(streams.stream(seed)) for seed in range(30)}) == 30
    styles = [random_finish(streams.stream(seed)) for seed in range(100)]
    for field in ('blur', 'noise', 'quality'):
        assert 10 < sum(getattr(style, field) > 0 for style in styles), field


def test_joints_outside_the_picture_are_neither_inside_nor_visible():
    cut = next(one for one in map(pictures.picture, itertools.count()) if not one.inside.all())
    outside = ((cut.joints < -0.5) | (cut.joints >= 298.5)).any(1)
    assert np.array_equal(outside, ~cut.inside)
    assert not cut.visible[outside].any()


def test_a_picture_can_be_asked_to_show_a_condition():
    assert pictures.picture(3, condition='B').image.tobytes() != pictures.picture(3, condition='N').image.tobytes()


# Walks.

def test_a_walk_is_deterministic_and_its_frames_come_one_by_one_as_well():
    whole = sequence(4, 2, frames=5)
    again = list(iter_frames(4, 2, frames=5))
    assert whole.images.shape == (5, 299, 299, 3) and whole.joints.shape == (5, 16, 2)
    assert all(np.array_equal(image, one.image) for image, one in zip(whole.images, again, strict=True))
    assert np.array_equal(whole.visible, np.stack([one.visible for one in again]))


def test_the_crop_follows_the_figure_while_the_background_passes():
    walk = sequence(6, 1, frames=40)
    pelvis = walk.joints[:, PELVIS] / 299
    assert np.abs(pelvis - 0.5).max() < 0.13
    tall = np.ptp(walk.joints[..., 0], axis=1) / 299
    assert 0.55 < tall.min() and tall.max() < 0.8
    assert walk.inside.all()
    ends = walk.images[[0, 39], :60, :60].astype(float)
    assert np.abs(ends[0] - ends[1]).mean() > 1


def test_clothes_background_light_and_scale_are_new_in_every_walk():
    walks = [sequence(9, index, condition, session, frames=1)
             for index, condition, session in ((0, 'N', 1), (1, 'N', 1), (0, 'N', 2), (0, 'B', 1), (0, 'S', 1))]
    for first, second in itertools.combinations(walks, 2):
        assert np.abs(first.images[0].astype(float) - second.images[0]).mean() > 5
    assert len({round(float(np.ptp(walk.joints[0, :, 0])), 1) for walk in walks}) == len(walks)


def test_appearance_does_not_tell_the_person():
    """Skin, hair and clothes of a person's walks vary as much as those of different people's."""
    def colours(person, index):
        words = person, index, 0, 1
        look = random_look(streams.stream(WALK, *words, 2), 'N', 1)
        return np.concatenate([look.skin, look.hair, look.top.colour, look.bottom.colour])

    table = np.array([[colours(person, index) for index in range(12)] for person in range(40)])
    within, overall = table.std(1).mean(0), table.reshape(-1, table.shape[-1]).std(0)
    assert (within > 0.88 * overall).all()


@pytest.mark.parametrize('draw_one', [lambda seed: next(iter_frames(seed, 0, frames=1, size=64)),
                                      lambda seed: pictures.picture(seed, size=64)], ids=['walks', 'pictures'])
def test_both_directions_and_views_up_to_30_degrees_off_the_side_occur(draw_one, monkeypatch):
    seen, heading = [], heading_of
    monkeypatch.setattr(pictures, '_passer_by', lambda *_: None)                        # comes from anywhere
    for module in (pictures, scenes):
        monkeypatch.setattr(module, 'heading_of', lambda *view: seen.append(view) or heading(*view))
    for seed in range(24):
        draw_one(seed)
    leftwards, yaws = zip(*seen, strict=True)
    assert len(seen) == 24 and 4 < sum(leftwards) < 20
    assert -30 <= min(yaws) < -20 and 20 < max(yaws) <= 30


def test_strides_differ_a_little_from_each_other():
    walker = Walker.average()
    phase, pose = _stroll(walker, streams.stream(1), 250, 25.0)
    rate = np.diff(phase) * 25 / (walker.cadence / 120)
    assert 0.001 < rate.std() < 3 * STRIDE_CV and rate.mean() == pytest.approx(1, abs=0.03)


# Scenes.

def test_a_scene_begins_and_ends_outside_and_boxes_hold_the_figure():
    found = list(scene(2, width=320, height=180, noise=0))
    assert np.isnan(found[0].box).all() and np.isnan(found[-1].box).all()
    assert found[0].image.shape == (180, 320, 3)
    empty = found[0].image.astype(int)
    for one in found[len(found) // 3:2 * len(found) // 3:4]:
        top, left, bottom, right = one.box.astype(int)
        assert one.inside.all()
        assert (one.joints.min(0) >= (top - 1, left - 1)).all() and (one.joints.max(0) <= (bottom + 1, right + 1)).all()
        changed = np.argwhere((np.abs(one.image - empty).max(-1) > 12)[:int(one.joints[R_HIP, 0])])  # above the shadow
        assert len(changed) > 50
        assert (changed[:, 1] >= left - 4).all() and (changed[:, 1] <= right + 4).all()
        assert (changed[:, 0] >= top - 4).all()
    middles = [one.joints[PELVIS, 1] for one in found]
    assert (np.diff(middles) > 0).all() or (np.diff(middles) < 0).all()


def test_part_of_a_scene_is_its_middle_and_a_companion_changes_no_truth():
    alone = list(scene(2, frames=4, width=320, height=180))
    together = list(scene(2, frames=4, width=320, height=180, companion=True))
    assert len(alone) == 4 and all(one.inside.all() for one in alone)
    assert np.array_equal(alone[1].joints, together[1].joints)
    assert not np.array_equal(alone[1].image, together[1].image)


def test_write_scene_makes_a_folder_of_frames_and_the_truth(tmp_path):
    truth = write_scene(tmp_path / 'walk', 3, frames=3, width=160, height=120)
    assert sorted(file.name for file in tmp_path.iterdir()) == ['walk', 'walk.csv']
    assert sorted(file.name for file in (tmp_path / 'walk').iterdir()) == ['000000.png', '000001.png', '000002.png']
    found = list(scene(3, frames=3, width=160, height=120))
    assert np.array_equal(np.asarray(Image.open(tmp_path / 'walk' / '000001.png')), found[1].image)
    with open(truth, newline='') as file:
        lines = list(csv.DictReader(file))
    assert [line['frame'] for line in lines] == ['0', '1', '2']
    assert float(lines[1]['left ankle x']) == pytest.approx(float(found[1].joints[L_ANKLE, 1]), abs=0.01)
    assert int(lines[1]['left ankle visible']) == found[1].visible[L_ANKLE]
    assert [float(lines[2][edge]) for edge in ('top', 'left', 'bottom', 'right')] == found[2].box.tolist()


def test_write_scene_makes_an_animated_gif(tmp_path):
    write_scene(tmp_path / 'walk.gif', 3, frames=4, width=96, height=64)
    with Image.open(tmp_path / 'walk.gif') as image:
        assert image.n_frames == 4 and image.info['duration'] == 40


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_write_scene_makes_a_video(tmp_path, suffix):
    av = pytest.importorskip('av')
    write_scene(tmp_path / f'walk{suffix}', 3, frames=5, width=160, height=120)
    found = list(scene(3, frames=5, width=160, height=120))
    with av.open(str(tmp_path / f'walk{suffix}')) as container:
        stream = container.streams.video[0]
        images = [frame.to_ndarray(format='rgb24') for frame in container.decode(stream)]
        assert float(stream.average_rate) == 25
    assert len(images) == 5
    assert np.abs(images[2].astype(int) - found[2].image).mean() < 8


def test_a_video_without_pyav_names_the_command_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(ImportError, match=r'pip install "gait-recognition\[video\]"'):
        write_scene(tmp_path / 'walk.mp4', 3, frames=2, width=96, height=64)
    assert not list(tmp_path.iterdir())


def test_a_failure_half_way_leaves_nothing_and_keeps_what_was_there(tmp_path, monkeypatch):
    def failing(*args, **options):
        yield pictures.picture(1, 64)
        raise RuntimeError('power cut')

    (tmp_path / 'walk.gif').write_bytes(b'old')
    monkeypatch.setattr('gait_recognition.walkers.files.scene', failing)
    for name in ('walk', 'walk.gif'):
        with pytest.raises(RuntimeError, match='power cut'):
            write_scene(tmp_path / name, 3)
    assert [file.name for file in tmp_path.iterdir()] == ['walk.gif']
    assert (tmp_path / 'walk.gif').read_bytes() == b'old'


def test_a_folder_that_holds_something_is_not_overwritten(tmp_path):
    (tmp_path / 'walk').mkdir()
    (tmp_path / 'walk' / 'mine.txt').write_text('mine')
    with pytest.raises(FileExistsError, match='walk'):
        write_scene(tmp_path / 'walk', 3, frames=2, width=96, height=64)


def test_a_missing_parent_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere: expected an existing folder'):
        write_scene(tmp_path / 'nowhere' / 'walk.gif', 3, frames=2, width=96, height=64)


# Bad arguments.

@pytest.mark.parametrize('call, message', [
    (lambda: sequence(1, 0, 'X'), "condition: .*'N', 'B', 'S'.*got 'X'"),
    (lambda: sequence(-1, 0), 'person: .*got -1'),
    (lambda: sequence(1, 0.5), 'index: .*got 0.5'),
    (lambda: sequence(1, 0, session=3), 'session: .*1 or 2.*got 3'),
    (lambda: sequence(1, 0, frames=0), 'frames: .*at least 1.*got 0'),
    (lambda: sequence(1, 0, fps=0), 'fps: .*got 0'),
    (lambda: iter_frames(1, 0, size=10), 'size: .*at least 64.*got 10'),
    (lambda: scene(1, frames=-2), 'frames: .*got -2'),
    (lambda: scene(1, noise=float('nan')), 'noise: .*got nan'),
    (lambda: pictures.picture(-3), 'seed: .*got -3'),
    (lambda: pictures.picture(0, condition='n'), "condition: .*got 'n'"),
    (lambda: pictures.picture(0, size=12), 'size: .*got 12'),
    (lambda: Walker.from_seed(-1), 'non-negative'),
    (lambda: write_scene('walk.wmv', 1), r'walk\.wmv.*\.mp4.*got \.wmv'),
])
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
