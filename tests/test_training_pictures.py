"""What the pose network is fed besides single annotated pictures: mixed sets, derived joints, pedestrian video."""
import numpy as np
import pytest
from conftest import SHIPPED
from test_train_pose import ALL, TinyNetwork, annotation, rows_of, tf, tiny, write_picture  # noqa: F401

import gait_checkpoints
from gait_recognition.training import degradations
from gait_recognition.training.annotations import read_annotations, with_derived, write_annotations
from gait_recognition.training.cleaning import denied
from gait_recognition.training.pose import main, parse_arguments
from gait_recognition.training.samples import (
    AnnotatedPictures,
    Augmentation,
    MixedPictures,
    Sample,
    WalkerPictures,
    direction_of,
    make_batch,
)
from gait_recognition.training.scores import LEGS, evaluate_poses, pose_score
from gait_recognition.walkers.pictures import picture
from human_pose_nn import HumanPoseIRNetwork
from pose_joints import JOINT_NAMES, MIRRORED_JOINTS

PELVIS, THORAX = JOINT_NAMES.index('pelvis'), JOINT_NAMES.index('thorax')
RIGHT, LEFT = ([JOINT_NAMES.index(f'{side} {name}') for name in ('ankle', 'knee')] for side in ('right', 'left'))


class Numbered:
    """A set whose samples are their own numbers."""
    size = 299

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def order(self, epoch):
        return np.random.default_rng(epoch).permutation(self.count)

    def sample(self, index, epoch=None):
        return index, epoch


def test_the_way_somebody_faces_is_known_by_knees_and_elbows():
    for leftwards, direction in ((True, 'left'), (False, 'right')):
        for seed in range(20):
            joints = picture(seed, 64, leftwards=leftwards).joints
            assert direction_of(joints) == direction
            assert direction_of(63 - joints) == direction                                   # upside down
    joints[[JOINT_NAMES.index(f'right {name}') for name in ('ankle', 'wrist')]] = np.nan    # on the left side alone
    assert direction_of(joints) == 'right'
    assert direction_of(np.full((16, 2), np.nan)) is None and direction_of(np.zeros((16, 2))) is None
    straight = np.stack([np.arange(16.0), np.zeros(16)], 1)
    assert direction_of(straight) is None


def test_people_are_mirrored_to_face_the_way_that_is_asked_for(tmp_path):
    people = [annotation(write_picture(tmp_path / f'{i}.png', (64, 64)), picture(i, 64, leftwards=i % 2 == 0).joints)
              for i in range(12)]
    for direction in ('left', 'right'):
        data = AnnotatedPictures(people, 1, 107, Augmentation(rotation=40.0), 0.7, direction)
        for i in range(12):
            assert {direction_of(data.sample(i, epoch).joints) for epoch in (None, 0, 1, 2)} == {direction}
    both = AnnotatedPictures(people, 1, 107)
    assert [direction_of(both.sample(i).joints) for i in range(2)] == ['left', 'right']
    assert {direction_of(both.sample(0, epoch).joints) for epoch in range(8)} == {'left', 'right'}


def test_each_set_has_its_share_of_every_batch_and_a_set_that_is_through_begins_anew():
    sets = Numbered(1000), Numbered(30), Numbered(7)
    mixed = MixedPictures(sets, [0.5, 0.3, 0.2], 480)
    owner = []
    for data in sets:
        data.sample = lambda index, epoch, data=data: owner.append(data) or (index, epoch)
    seen = {data: [] for data in sets}
    for epoch in range(3):
        for start in range(0, 480, 16):
            for index in mixed.order(epoch)[start:start + 16]:
                sample = mixed.sample(index, epoch)
                seen[owner[-1]].append(sample)
            batch = owner[-16:]
            assert [abs(batch.count(data) - 16 * share) < 2 for data, share in zip(sets, (0.5, 0.3, 0.2))] == [True] * 3
    assert [len(seen[data]) for data in sets] == [720, 432, 288]
    for data in sets:                                               # each pass shows each sample once
        for number in range(len(seen[data]) // len(data)):
            part = seen[data][number * len(data):(number + 1) * len(data)]
            assert sorted(index for index, _ in part) == list(range(len(data))) and {e for _, e in part} == {number}


def test_pelvis_and_thorax_are_derived_trained_on_and_not_measured(tmp_path):
    joints = np.arange(32, dtype=np.float32).reshape(16, 2) + 50
    present = ALL.copy()
    present[[PELVIS, THORAX]] = False
    joints[~present] = np.nan
    derived = with_derived(annotation(write_picture(tmp_path / 'a.png'), joints, present, present, centre=(65, 65)))
    assert derived.derived.nonzero()[0].tolist() == [PELVIS, THORAX]
    np.testing.assert_array_equal(derived.joints[PELVIS], (joints[2] + joints[3]) / 2)
    np.testing.assert_array_equal(derived.joints[THORAX], (joints[12] + joints[13]) / 2)
    sample = AnnotatedPictures([derived]).sample(0)
    assert sample.present.all() and not sample.measured[[PELVIS, THORAX]].any() and sample.measured.sum() == 14
    assert make_batch([sample]).present.all()
    score = pose_score(np.full((1, 16, 2), 1e3), [sample])
    assert np.isnan(score.error[[PELVIS, THORAX]]).all() and np.isfinite(score.error[present]).all()
    assert np.isnan(score.hidden_error).all()
    write_annotations(tmp_path / 'a.csv', [derived])                # what is derived is not written down as annotated
    assert ',,,' in (tmp_path / 'a.csv').read_text()
    assert read_annotations(tmp_path / 'a.csv')[0].derived.nonzero()[0].tolist() == [PELVIS, THORAX]
    one_hip = present.copy()
    one_hip[2] = False
    assert not with_derived(annotation('', joints, one_hip, one_hip)).present[PELVIS]


@pytest.mark.parametrize('size, cells', [(299, 17), (267, 15), (203, 11)])
def test_smaller_crops_have_smaller_maps_and_the_same_weights(size, cells):
    with TinyNetwork(image_size=size) as net:
        assert net.heatmap_size == 17 * cells
    data = WalkerPictures(3, 0, size=size)
    batch = make_batch([data.sample(0)], 17 * cells)
    assert batch.images.shape == (1, size, size, 3)
    np.testing.assert_allclose(batch.points[0].T, data.sample(0).joints * 17 * cells / size, atol=0.51)


def test_the_real_network_at_235_pixels_holds_the_published_variables_and_still_finds_walkers():
    with HumanPoseIRNetwork(image_size=235) as net:
        assert len(net.restore(SHIPPED / gait_checkpoints.SHIPPED.pose).restored) == 696
        picture = WalkerPictures(1, 3, size=235).sample(0)
        y, x, _ = net.joint_positions(picture.image[None])[:, 0]
        assert net.feed_forward_features(picture.image[None]).shape == (1, 13, 13, 32)
    assert np.median(np.hypot(y - picture.joints[:, 0], x - picture.joints[:, 1])) < 12        # learnt at 299


@pytest.mark.parametrize('size', [298, 59, 300])
def test_edges_that_make_no_whole_cells_are_refused(size):
    with pytest.raises(ValueError, match='image_size differs from 299 by a multiple of 16'):
        HumanPoseIRNetwork(image_size=size)


PICTURE = np.random.default_rng(0).integers(0, 256, (203, 203, 3), np.uint8)


@pytest.mark.parametrize('name', ['grey', 'blurred', 'dark', 'shadowed', 'compressed'])
def test_every_degradation_keeps_shape_and_dtype_changes_the_picture_and_follows_its_seed(name):
    one, again, other = (getattr(degradations, name)(PICTURE, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == PICTURE.shape and one.dtype == np.uint8
    assert np.array_equal(one, again) and not np.array_equal(one, PICTURE)
    assert name == 'grey' or not np.array_equal(one, other)


def test_degradations_do_what_their_names_say():
    rng = np.random.default_rng(3)
    grey = degradations.grey(PICTURE, rng)
    assert (grey == grey[..., :1]).all()
    assert degradations.dark(PICTURE, rng).mean() < 0.75 * PICTURE.mean()
    detail = [np.abs(np.diff(image.astype(int), axis=1)).mean() for image in (
        PICTURE, degradations.blurred(PICTURE, rng), degradations.small(PICTURE, 180, rng))]
    assert detail[1] < 0.8 * detail[0] and detail[2] < 0.5 * detail[0]
    assert degradations.small(PICTURE, 50, rng) is PICTURE          # smaller than that already
    line = np.zeros((99, 99, 3), np.uint8)
    line[:, 49] = 250
    blurred = degradations.blurred(line, np.random.default_rng(1)).astype(float)
    assert (blurred[..., 0] * np.arange(99)).sum() / blurred[..., 0].sum() == pytest.approx(49, abs=0.6)


def test_a_walk_is_recorded_by_one_camera_whose_noise_and_crops_differ_from_frame_to_frame():
    image = np.random.default_rng(0).integers(0, 256, (299, 299, 3), np.uint8)
    seen = {'grey': 0, 'dark': 0, 'moved': 0}
    for seed in range(12):
        frames = np.stack([*degradations.recorded([image] * 12, seed)])
        grey = [(frame[..., 0] == frame[..., 1]).mean() > 0.5 for frame in frames]
        light = [frame.mean() for frame in frames]
        assert len({*grey}) == 1 and np.ptp(light) < 6                  # the camera stays the same
        seen['grey'] += grey[0]
        seen['dark'] += light[0] < 80
        seen['moved'] += any((frame != frames[0]).any() for frame in frames)
    assert 1 <= seen['grey'] <= 9 and seen['dark'] >= 1 and seen['moved'] >= 8


def test_what_stands_in_front_hides_the_joints_behind_it_and_no_others():
    joints = np.stack(np.meshgrid(np.linspace(5, 197, 4), np.linspace(5, 197, 4)), -1).reshape(16, 2)
    grey = np.full_like(PICTURE, 128)
    for seed in range(20):
        image, hidden = degradations.put_in_front(grey, joints, PICTURE, np.random.default_rng(seed))
        changed = (image != 128).any(2)
        assert changed.any() and grey.min() == 128
        for (y, x), is_hidden in zip(joints.astype(int), hidden):
            assert is_hidden or not changed[y, x]


def test_company_stands_where_none_of_the_joints_is():
    joints = np.array([[50.0, 120.0], [150.0, 160.0], [np.nan, np.nan]])
    image = degradations.company(np.zeros_like(PICTURE), PICTURE, joints, np.random.default_rng(0))
    assert image[:, :60].any() and not image[:, 115:].any()


def test_degraded_samples_are_marked_hidden_where_something_stands_in_front(tmp_path):
    joints = np.stack([np.linspace(30, 170, 16), np.full(16, 100.0)], 1)
    people = [annotation(write_picture(tmp_path / f'{i}.png', colour=colour), joints)
              for i, colour in enumerate(('grey', 'red'))]
    plain = AnnotatedPictures(people)
    degraded = AnnotatedPictures(people, augmentation=Augmentation(degrade=1.0))
    samples = [[data.sample(0, epoch) for epoch in range(60)] for data in (plain, degraded)]
    assert all(np.array_equal(a.joints, b.joints) for a, b in zip(*samples))        # the crop is the same
    assert sum((a.visible & ~b.visible).sum() for a, b in zip(*samples)) > 5
    assert all(not (b.visible & ~a.visible).any() for a, b in zip(*samples))
    assert np.array_equal(degraded.sample(0, 7).image, samples[1][7].image)         # decided by seed and epoch alone
    walkers = WalkerPictures(4, 0, degrade=1.0)
    assert not np.array_equal(walkers.sample(0, 0).image, WalkerPictures(4, 0).sample(0, 0).image)
    assert np.array_equal(walkers.sample(0).image, WalkerPictures(4, 0).sample(0).image)        # measured as it is


def test_new_figures_are_what_one_computes_by_hand():
    true = np.zeros((1, 16, 2))
    true[0, :, 0] = np.arange(16) * 10.0
    true[0, 12], true[0, 3] = (0, 0), (0, 50)                       # torso 50: within 10
    true[0, 8], true[0, 9] = (0, 0), (0, 20)                        # head 20: within 10
    found = true + (0, 6.0)
    found[0, [*RIGHT, *LEFT]] = true[0, [*LEFT, *RIGHT]] + (0, 3.0)                 # exchanged
    hidden = ALL.copy()
    hidden[10] = False
    found[0, 10] = true[0, 10] + (0, 40.0)
    score = pose_score(found, [Sample(None, true[0], hidden, ALL, ALL)])
    assert score.exchanged == 1.0 and score.leg_error == pytest.approx(3.0) and score.leg_found == 1.0
    assert score.median_error == pytest.approx(6.0)
    assert score.limb_pck == pytest.approx(7 / 12)                  # four of the legs, and the hidden wrist, are off
    assert score.pckh[12] == 1.0 and score.pckh[0] == 0.0 and np.isnan(score.pckh[10])


def test_exchanged_legs_are_counted_of_all_pairs_and_of_those_further_apart_than_10_pixels():
    true = np.zeros((1, 16, 2))
    for (_, left), apart in zip(LEGS, (11.0, 9.0)):
        true[0, left] = (0, apart)
    crossed = true[:, MIRRORED_JOINTS]
    one_crossed = np.where(np.isin(np.arange(16), LEGS[1])[:, None], crossed, true)             # the knees
    for found, shares in ((true, (0.0, 0.0)), (crossed, (1.0, 1.0)), (one_crossed, (0.5, 0.0))):
        score = pose_score(found, [Sample(None, true[0], ALL, ALL, ALL)])
        assert (score.exchanged, score.exchanged_apart) == shares
    assert 'exchanged in 50.0% of the pairs, 0.0% of those further apart than that' in str(score)


def test_other_sizes_are_measured_in_pixels_of_299():
    class Off:
        def joint_positions(self, images, batch_size):
            joints = np.stack([data.sample(i).joints for i in range(3)])
            return np.stack([joints[..., 0] + 2.03, joints[..., 1], np.ones((3, 16))])
    data = WalkerPictures(3, 0, size=203)
    assert evaluate_poses(Off(), data).mean_error == pytest.approx(2.03 * 299 / 203, rel=1e-4)


def test_averaged_weights_are_what_is_measured_and_training_goes_on_with_its_own(tiny):  # noqa: F811
    rng = np.random.default_rng(0)
    with TinyNetwork(is_training=True, average=0.9, seed=1) as net, TinyNetwork() as inference:
        images = rng.integers(0, 256, (2, 299, 299, 3), np.uint8)
        maps = net.generate_output((2, 289, 289, 16), np.ones((2, 16)), np.full((2, 2, 16), 100), 15)
        names = [v.op.name for v in net._collection(tf.GraphKeys.TRAINABLE_VARIABLES)]
        expected = {name: net.training_state()[name] for name in names}
        for step in range(5):
            net.train(images, maps, np.ones((2, 16)), 1e-2, np.ones((2, 16)))
            decay = min(0.9, (2 + step) / (11 + step))              # fewer steps weigh less in the beginning
            now = net.training_state()
            expected = {name: decay * expected[name] + (1 - decay) * now[name] for name in names}
        state = net.inference_state([images])
        for name in names:
            np.testing.assert_allclose(state[name], expected[name], rtol=1e-4, atol=1e-6)
        inference.set_training_state(state)
        after = net.training_state()
        assert all(np.array_equal(after[name], now[name]) for name in now)


def annotations_of(folder, name, count, colour):
    joints = np.stack([np.linspace(30, 170, 16), np.linspace(60, 140, 16)], 1)
    return write_annotations(folder / f'{name}.csv', [
        annotation(write_picture(folder / f'{name}{i}.png', colour=colour), joints) for i in range(count)])


def test_several_sets_are_trained_on_and_validated_on_by_name_and_go_on(tmp_path, tiny, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    for name, count, colour in (('lsp', 5, 'red'), ('ccp', 3, 'blue'), ('val', 2, 'green')):
        annotations_of(tmp_path, name, count, colour)
    arguments = ['--output', 'run', '--data', 'lsp.csv', '--data', 'ccp.csv', '--data', 'walkers', '--shares', '2',
                 '1', '1', '--validation', 'val.csv', 'walkers', '--validation-size', '2', '--epoch-size', '8',
                 '--batch-size', '4', '--size', '203', '--degrade', '0.5', '--average', '0.9', '--optimizer', 'Adam',
                 '--schedule', 'constant', '--rate', '1e-4']
    assert main([*arguments, '--epochs', '1']) == 0
    assert main([*arguments, '--epochs', '2', '--size', '267', '--shares', '1', '1', '2']) == 0
    rows = rows_of(tmp_path / 'run' / 'log.csv')
    assert [row['step'] for row in rows] == ['2', '4']
    assert {'error val', 'error walkers', 'limb_pck val'} <= set(rows[0])
    assert {row['set'] for row in rows_of(tmp_path / 'run' / 'validation.csv')} == {'val', 'walkers'}
    assert main([*arguments, '--epochs', '2', '--seed', '1']) == 2


@pytest.mark.parametrize('arguments, message', [
    (['--data', 'a.csv', 'walkers'], 'a set of its own'),
    (['--data', 'a.csv', '--data', 'b.csv', '--shares', '1'], '--shares takes 2 positive numbers'),
    (['--data', 'a.csv', '--shares', '1'], '--shares goes with several --data'),
    (['--data', 'a.csv', '--data', 'b.csv', '--shares', '1', '0'], '--shares takes 2 positive numbers'),
    (['--data', 'a.csv', '--degrade', '2'], 'argument --degrade: expected a share, 0 to 1, got'),
    (['--data', 'a.csv', '--zoom', '2', '1'], '--zoom takes the least and the most'),
    (['--zoom', '1', '2'], '--zoom is about --data, not about walkers'),
    (['--extent', '0.7'], '--extent is about annotated pictures')])
def test_what_does_not_fit_together_is_refused(arguments, message, capsys):
    with pytest.raises(SystemExit):
        parse_arguments(['--output', 'x', '--validation', 'v.csv' if '--data' in arguments else 'walkers', *arguments])
    assert message in capsys.readouterr().err


def sample_with(joints):
    return Sample(None, joints, ALL, ALL, ALL)


def test_what_a_sure_network_denies_is_found_and_nothing_else():
    joints = np.stack([np.linspace(20, 280, 16), np.where(np.arange(16) % 2, 80.0, 200.0)], 1)       # torso: about 150
    sure = np.full(16, 0.9)
    sides, wrong = denied(joints + 10, sure, sample_with(joints))
    assert sides == [] and not wrong.any()
    exchanged = joints.copy()
    exchanged[[0, 5]] = joints[[5, 0]]
    sides, wrong = denied(joints, sure, sample_with(exchanged))
    assert sides == [(0, 5)] and not wrong.any()
    off = joints.copy()
    off[10] += 200
    sides, wrong = denied(joints, sure, sample_with(off))
    assert sides == [] and wrong.nonzero()[0].tolist() == [10]
    sure[10] = 0.3                                                  # what the network is not sure of stays
    assert not denied(joints, sure, sample_with(off))[1].any()
    off[12] = np.nan                                                # no torso, no measure
    assert not denied(joints, np.full(16, 0.9), sample_with(off))[1].any()


def test_cleaning_writes_what_is_left_and_says_how_many(tmp_path, tiny, monkeypatch, capsys):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    annotations_of(tmp_path, 'lsp', 3, 'red')
    people = read_annotations('lsp.csv')
    samples = AnnotatedPictures(people)

    def joint_positions(net, images, *_):
        found = np.stack([samples.sample(i).joints for i in range(3)])
        found[0, [0, 5]] = found[0, [5, 0]]                         # in the first, sides are exchanged
        found[2, 10] += 100                                         # in the third, a wrist is elsewhere
        return np.stack([found[..., 0], found[..., 1], np.full((3, 16), 0.9)])
    monkeypatch.setattr(TinyNetwork, 'joint_positions', joint_positions)
    with TinyNetwork(seed=1) as net:
        weights = net.save(tmp_path, 'weights')
    assert main(['--clean', weights, '--data', 'lsp.csv', '--to', 'clean.csv']) == 0
    assert '2 of 3 people changed: left and right of 1 pairs of joints put right, 1 joints left out' in \
        capsys.readouterr().out
    cleaned = read_annotations('clean.csv')
    np.testing.assert_allclose(cleaned[0].joints[[0, 5]], people[0].joints[[5, 0]], atol=1e-3)
    assert cleaned[2].present.sum() == 15 and not cleaned[2].present[10] and cleaned[1].present.all()
    for arguments in (['--data', 'lsp.csv'], ['--to', 'x.csv']):
        with pytest.raises(SystemExit):
            main(['--clean', weights, *arguments])


def test_weights_to_start_with_are_measured_first_and_stay_the_best_where_nothing_better_comes(
        tmp_path, tiny, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    with TinyNetwork(seed=1) as net:
        weights = net.save(tmp_path, 'weights')
    errors = iter([5.0, 9.0, 7.0])
    score = pose_score(np.zeros((1, 16, 2)), [sample_with(np.zeros((16, 2)))])
    monkeypatch.setattr('gait_recognition.training.pose.evaluate_poses',
                        lambda *_: score._replace(mean_error=next(errors)))
    arguments = ['--output', 'run', '--start', weights, '--epoch-size', '4', '--batch-size', '2', '--validation-size',
                 '1']
    assert main([*arguments, '--epochs', '2']) == 0
    rows = rows_of(tmp_path / 'run' / 'log.csv')
    assert [(row['step'], float(row['error'])) for row in rows] == [('0', 5.0), ('2', 9.0), ('4', 7.0)]
    start, best, last = (gait_checkpoints.read_checkpoint(path) for path in (weights, 'run/best.ckpt', 'run/last.ckpt'))
    assert all(np.array_equal(best[name], start[name]) for name in start)
    assert not all(np.array_equal(last[name], start[name]) for name in start)
