"""Which way a walker goes, and mirror images for gait weights of walks to the right."""
import numpy as np
import pytest
from quick_command import GaitStandIn, PoseStandIn
from reference_weights import SHARED, write_checkpoint
from small_walks import Features, Leaky, ready_crops

import gait_checkpoints
from gait_nn import GaitNetwork
from gait_recognition.fitness import Witness
from gait_recognition.gallery import Gallery
from gait_recognition.people.tracks import people_vectors, tracks
from gait_recognition.tracking.facing import facing_of, goes_left, way_of
from gait_recognition.training.walks import Features as WalkFeatures
from gait_recognition.training.walks import WalkerWalks
from gait_recognition.vectors import walk_vector
from gait_recognition.walkers.crossings import crossing
from gait_recognition.walkers.scenes import iter_frames
from gait_recognition.watching import LEFT, watch
from pose_joints import MIRRORED_JOINTS


class RightFacing(GaitStandIn):
    facing_right = True


class Sided(PoseStandIn):
    """Sees nobody; whoever's crop is darker on the right faces there."""

    def joint_positions(self, frames, batch_size=16):
        joints = super().joint_positions(frames)
        dark = frames[:, :, 150:].mean((1, 2, 3)) < frames[:, :, :149].mean((1, 2, 3))
        joints[1, :, 9] += np.where(dark, 5, -5)
        return joints


def squares(middles, side=100):
    return [(0, middle - side / 2, side) for middle in middles]


def test_the_course_tells_who_gets_ahead_by_half_a_height():
    assert way_of(squares(np.linspace(100, 200, 30))) == 1
    assert way_of(squares(np.linspace(200, 100, 30))) == -1
    assert way_of(squares(np.linspace(100, 130, 30))) == 0              # by thirds: 0.2 heights of 70
    assert way_of(squares([100])) == 0
    there_and_back = np.concatenate([np.linspace(100, 300, 30), np.linspace(300, 100, 30)])
    assert way_of(squares(there_and_back)) == 0


@pytest.mark.parametrize('person', range(500010, 500018))
def test_joints_tell_which_way_walkers_face(person):
    drawn = [picture.joints for picture in iter_frames(person, 0, frames=32)]
    y, x = np.moveaxis(np.array(drawn, float), -1, 0)                                           # (T, 16) each
    joints = np.stack([y, x, np.ones_like(x)])
    mirrored = np.stack([y, 298 - x, np.ones_like(x)])[..., MIRRORED_JOINTS]
    assert facing_of(joints) == -facing_of(mirrored)
    shank = x[:, [1, 4]] - x[:, [0, 5]]                                 # ankles trail behind knees, when these bend
    assert facing_of(joints) == np.sign(shank[np.abs(shank) > np.percentile(np.abs(shank), 75)].mean())


def test_unsure_joints_do_not_tell():
    joints = np.ones((3, 8, 16))
    joints[1] = 150
    joints[1, :, 9] += 3                                                # the head is carried to the right
    joints[1, :, [1, 4]] -= 30                                          # knees to the left, of which nobody is sure
    joints[2, :, [1, 4]] = 0.0
    assert facing_of(joints) == 1


def test_crops_tell_where_nobody_gets_ahead():
    crops = ready_crops(4)
    crops[:, :, 150:] //= 2
    assert not goes_left(Sided(), crops) and goes_left(Sided(), crops[:, :, ::-1])
    assert goes_left(Sided(), crops, squares(np.linspace(200, 100, 30)))        # the course is surer than joints


@pytest.mark.parametrize('batch_size', [1, 5, 64])
def test_a_walk_and_its_mirror_image_have_one_vector(batch_size):
    crops = ready_crops(40)
    crops[:20, :, 150:] //= 2
    vectors = [walk_vector(each, Sided(), RightFacing(), batch_size=batch_size) for each in (crops, crops[:, :, ::-1])]
    assert np.array_equal(*vectors)
    assert np.allclose(vectors[0], walk_vector(crops, Sided(), GaitStandIn()), atol=1e-4)
    other = walk_vector(crops[:, :, ::-1], Sided(), GaitStandIn())
    assert np.abs(vectors[0] - other).max() > 1


def test_other_weights_get_crops_as_they_are():
    crops = ready_crops(10)
    assert np.array_equal(walk_vector(crops, Features(), Leaky()),
                          Leaky().feed_forward(Features().feed_forward_features(crops)))


@pytest.fixture(scope='module')
def both_ways():
    """Two people who cross, and the mirror image."""
    film = np.stack([each.image for each in crossing([500000, 500001], 2, width=320, height=184)])
    return film, film[:, :, ::-1]


@pytest.mark.parametrize('gait_net, alike', [(RightFacing(), True), (GaitStandIn(), False)])
def test_in_a_scene_everybody_has_the_vector_of_the_mirror_image(both_ways, gait_net, alike):
    found = [sorted(map(tuple, people_vectors(tracks(film, PoseStandIn()), PoseStandIn(), gait_net)))
             for film in both_ways]
    assert len(found[0]) == 2 and np.allclose(*found, atol=2) == alike


@pytest.mark.parametrize('gait_net, alike', [(RightFacing(), True), (GaitStandIn(), False)])
def test_who_is_watched_has_the_vector_of_the_mirror_image(both_ways, gait_net, alike):
    gallery = Gallery('0' * 64)
    gallery.enrol('anna', np.random.default_rng(0).normal(0, 1, (2, 512)).astype(np.float32))
    found = [sorted(event.cosine_similarity for event in
                    watch(film, gallery, PoseStandIn(), gait_net, fps=25, say=lambda _: None) if event.kind == LEFT)
             for film in both_ways]
    assert len(found[0]) == 2 and np.allclose(*found, atol=0.005) == alike


def test_a_witness_sees_joints_where_they_are(pose_net):
    crops = ready_crops(3)
    features, joints = pose_net.features_and_joints(crops, mirrored=[True, False, True])
    flipped = crops.copy()
    flipped[[0, 2]] = crops[[0, 2], :, ::-1]
    expected, seen = pose_net.features_and_joints(flipped)
    assert np.array_equal(features, expected)
    assert np.array_equal(features, pose_net.feed_forward_features(crops, mirrored=np.array([True, False, True])))
    assert np.array_equal(joints[:, 1], seen[:, 1])
    for i in 0, 2:
        turned = seen[:, i, MIRRORED_JOINTS]
        assert np.allclose(joints[:, i], [turned[0], 298 - turned[1], turned[2]])
    with pytest.raises(ValueError, match='mirrored: expected a bool for each of 3 frames'):
        pose_net.feed_forward_features(crops, mirrored=[True, False])
    witness = Witness(pose_net)
    witness.feed_forward_features(crops, mirrored=np.array([True, False, True]))
    assert np.array_equal(np.stack(witness._joints, 1), joints)


def test_weights_of_walks_to_the_right_say_so(gait_nets, checkpoints, tmp_path):
    net = gait_nets('GRU', 2)
    net.restore(checkpoints(SHARED.format('GRU')))
    assert not net.facing_right
    net.facing_right = True
    saved = net.save(tmp_path, 'mine-GRU-1')
    tensors = gait_checkpoints.read_checkpoint(saved)
    compact = gait_checkpoints.write_compact(tmp_path / 'mine-GRU-1.npz', tensors)
    for path in saved, compact:
        net.restore(checkpoints(SHARED.format('GRU')))
        assert not net.facing_right
        assert net.restore(path).ignored == [] and net.facing_right
        assert GaitNetwork.faces_right(path)
    net.restore(checkpoints(SHARED.format('GRU')))


class TurnedNetwork(Sided):
    """As much of a pose network as `training.walks.Features` asks for: the picture itself, 17 x 17."""

    def __init__(self, **_):
        pass

    def restore(self, path):
        pass

    def feed_forward_features(self, images, batch_size=None, mirrored=None):
        mirrored = np.zeros(len(images), bool) if mirrored is None else mirrored
        shown = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
        return shown[:, 5:294:17, 5:294:17].repeat(11, 3)[..., :32].astype(np.float32)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


def test_training_features_are_those_of_walks_to_the_right(monkeypatch, tmp_path):
    monkeypatch.setattr('human_pose_nn.HumanPoseIRNetwork', TurnedNetwork)
    weights = write_checkpoint(tmp_path / 'pose.ckpt', {'weights': np.zeros(3)})
    data = WalkerWalks(4, 500_000, 20, conditions=('N1', 'N2'))
    plain, right = (features.make(data) for features in (WalkFeatures(tmp_path / 'kept', weights),
                                                        WalkFeatures(tmp_path / 'kept', weights, facing_right=True)))
    assert not {*plain} & {*right}
    turned = []
    for walk, *paths in zip(data.walks, plain, right):
        images = np.stack([*data.read(walk)])
        turned.append(goes_left(Sided(), images[:16]))
        either, found = map(np.load, paths)
        shown = images[:, :, ::-1] if turned[-1] else images
        assert np.array_equal(found, TurnedNetwork().feed_forward_features(shown))
        assert np.array_equal(either, TurnedNetwork().feed_forward_features(images))
    assert {*turned} == {True, False}
