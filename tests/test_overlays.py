"""What is drawn on the frames of a walk, beside the skeleton, and animations at their own rate."""
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gait_recognition.drawing import draw_skeleton
from gait_recognition.frames import read_frames
from gait_recognition.overlays import Overlay, blend_heat_maps, enlargement
from gait_recognition.people.poses import drawn_people
from gait_recognition.people.scenes import Scene
from gait_recognition.people.tracks import People, PersonTrack
from gait_recognition.pose_estimation import FrameJoints
from gait_recognition.tracking.track import Track
from gait_recognition.videos import write_gif
from pose_joints import COCO_JOINTS, JOINT_NAMES, MIRRORED_JOINTS

GREY = np.full((400, 400, 3), 128, np.uint8)


def joints(shift=0.0, probability=0.9):
    """A figure that stands, 300 pixels tall; every joint has a place of its own."""
    y = [350, 250, 180, 182, 252, 352, 178, 100, 80, 50, 200, 150, 102, 104, 152, 202]
    x = [160, 180, 190, 210, 220, 240, 200, 200, 202, 204, 130, 150, 170, 230, 250, 270]
    return np.array([y, np.add(x, shift), np.full(16, probability)], float)


def reddish(image):
    return (image[..., 0].astype(int) - image[..., 1] > 60) & (image[..., 2] < 100)


def test_a_joint_that_is_nowhere_is_not_drawn_to_the_corner():
    lost = joints()
    lost[:, 10] = 0, 0, 0.0013
    drawn = draw_skeleton(GREY, lost)
    assert (drawn[:40, :120] == 128).all()                      # towards the corner
    assert (drawn[125, 155:165] != 128).any()                   # the elbow's other line is there
    everything = draw_skeleton(GREY, lost, sure=0.0)
    assert (everything[:60, :80] != 128).any()


def test_lines_to_a_joint_that_is_not_sure_are_dashed():
    unsure = joints()
    unsure[2, 0] = 0.2                                          # the right ankle
    solid, dashed = (reddish(draw_skeleton(GREY, each))[255:345, 155:190].any(1) for each in (joints(), unsure))
    assert solid.all() and 0.3 < dashed.mean() < 0.9
    assert reddish(draw_skeleton(GREY, unsure))[190:240, 170:200].any(1).all()      # the thigh is sure


def test_where_no_joint_is_seen_nothing_is_drawn():
    assert (draw_skeleton(GREY, joints(probability=0.01)) == GREY).all()


@pytest.mark.parametrize('shape, factor', [((160, 120), 3), ((299, 299), 2), ((320, 640), 1), ((1080, 1920), 1)])
def test_small_frames_are_enlarged_by_a_whole_number_and_the_joints_with_them(shape, factor):
    frame = np.full((*shape, 3), 128, np.uint8)
    assert enlargement(frame) == factor
    place = joints() * np.array([[shape[0] / 400], [shape[1] / 400], [1]])
    drawn = Overlay([FrameJoints(0, place)], is_plain=True).draw(0, frame, 0.0)
    assert drawn.shape == (factor * shape[0], factor * shape[1], 3)
    y, x = (factor * (place[:2, [2, 1]].mean(1) + 0.5)).astype(int)                 # the middle of the right thigh
    assert reddish(drawn[y - 3:y + 4, x - 3:x + 4]).any()


def test_the_ankles_leave_a_trail_of_a_second_unless_they_are_not_sure():
    def drawn(probability):
        overlay = Overlay([FrameJoints(i, joints(2.0 * i, probability), i / 25) for i in range(60)])
        plain = Overlay([FrameJoints(59, joints(118.0, probability), 59 / 25)], is_plain=True)
        frames = [overlay.draw(i, GREY, i / 25) for i in range(60)]
        return frames[-1], plain.draw(59, GREY, 59 / 25)
    trail, plain = drawn(0.9)
    row = np.abs(trail[349:353].astype(int) - plain[349:353]).sum((0, 2)) > 0
    columns = np.flatnonzero(row[:270])
    assert columns.min() == pytest.approx(160 + 2 * (59 - 25), abs=4)
    trail, plain = drawn(0.2)
    assert (trail[340:360, :270] == plain[340:360, :270]).all()


def test_time_frame_and_legend_are_written_and_plain_has_none_of_them():
    frames = [Overlay([], is_plain=is_plain).draw(7, GREY, 0.28) for is_plain in (False, True)]
    assert (frames[1] == 128).all()
    assert (frames[0][10:100, 10:130] != 128).any() and (frames[0][370:, :150] != 128).any()
    assert (frames[0][150:350, 200:] == 128).all()
    later = Overlay([]).draw(8, GREY, 0.32)
    assert (later[370:] != frames[0][370:]).any() and (later[:370] == frames[0][:370]).all()


def test_a_label_stands_over_the_head():
    drawn, without = (Overlay([FrameJoints(0, joints())], label=label).draw(0, GREY, 0.0) for label in ('anna', None))
    rows, columns = np.nonzero((drawn != without).any(2))
    assert rows.max() < 55 and columns.min() < 204 < columns.max()


def test_between_poses_joints_are_interpolated_over_one_step_alone():
    overlay = Overlay([FrameJoints(0, joints()), FrameJoints(2, joints(4.0, 0.5)), FrameJoints(6, joints(8.0))], step=2)
    np.testing.assert_allclose(overlay.joints_at(1), joints(2.0, 0.5))
    np.testing.assert_allclose(overlay.joints_at(6), joints(8.0))
    assert overlay.joints_at(3) is None and overlay.joints_at(7) is None


def test_heat_maps_lie_where_their_box_is_in_the_colours_of_their_sides():
    maps = np.zeros((289, 289, 16), np.float32)
    maps[100:200, 100:200, 0] = maps[100:200, 200:250, 5] = 1
    blended = blend_heat_maps(GREY, maps, (50, -100, 289, 289)).astype(int)
    assert (blended[60:140] == 128).all()
    assert blended[200, 50, 0] > 200 and blended[200, 50, 2] < 60               # red: the right ankle
    assert blended[200, 125, 0] > 200 and blended[200, 125, 2] > 200            # magenta: the left
    assert (blended[200, 160:] == 128).all()


@pytest.mark.parametrize('fps', [12, 25, 29.97, 30, 50])
def test_an_animation_keeps_to_its_rate_on_the_whole(fps, tmp_path):
    frames = [np.random.default_rng(i).integers(0, 256, (20, 20, 3), np.uint8) for i in range(30)]
    with open(tmp_path / 'a.gif', 'wb') as file:
        write_gif(file, iter(frames), fps)
    read = read_frames(tmp_path / 'a.gif')
    assert len(list(read)) == 30 and read.seconds[-1] == pytest.approx(29 / fps, abs=0.011)
    with Image.open(tmp_path / 'a.gif') as image:
        assert image.info['loop'] == 0


def test_cocos_keypoints_are_the_joints_of_the_same_names_and_the_face_is_none():
    for name, joint in COCO_JOINTS.items():
        assert joint is None or JOINT_NAMES[joint] == name.replace('_', ' ')
    page = Path(__file__).resolve().parent.parent.joinpath('docs/poses.md').read_text('utf-8')
    rows = re.findall(r'(\d+)\. `(\w+)` \| (?:none|(\d+)\. ([a-z ]+?)) \|', page)
    assert {name: int(joint) - 1 if joint else None for _, name, joint, _ in rows} == COCO_JOINTS
    assert all(not joint or JOINT_NAMES[int(joint) - 1] == name for _, _, joint, name in rows)
    assert len(COCO_JOINTS) == 17 and [*COCO_JOINTS.values()][:5] == [None] * 5
    names = [*COCO_JOINTS]
    for left, right in zip(names[5::2], names[6::2]):
        assert MIRRORED_JOINTS[COCO_JOINTS[left]] == COCO_JOINTS[right]


# Everybody in a scene

@pytest.fixture
def people():
    """One walker in a grey scene of six frames, and the joints in each."""
    frames = read_frames(np.full((6, 400, 600, 3), 90, np.uint8), fps=25)
    boxes = np.stack([[100 + 40 * i, 100, 180 + 40 * i, 300] for i in range(6)]).astype(float)
    track = PersonTrack(3, 0.0, 0.2, [*range(6)], boxes, Track('walk', 'background'))
    scene = Scene('background', [], [*range(6)], [i / 25 for i in range(6)], (400, 600), [])
    joints = [np.stack([np.linspace(290, 120, 16), np.full(16, 140.0 + 40 * i), np.full(16, 0.9)]) for i in range(6)]
    return People([track], frames, scene), [[FrameJoints(i, each, i / 25) for i, each in enumerate(joints)]]


def changed(frame, rows, columns):
    return bool((frame[rows, columns] != 90).any())


def test_everybody_is_drawn_with_trail_time_legend_and_the_tracks_name(people):
    last = [*drawn_people(*people)][-1]
    ankle = slice(285, 295), slice(150, 280)                            # where the ankle was before
    assert changed(last, *ankle) and changed(last, slice(8, 60), slice(8, 60)) and changed(last, slice(370, 400),
                                                                                           slice(0, 90))
    assert changed(last, slice(75, 98), slice(300, 370))                # 'track 3' above the box
    plain = [*drawn_people(*people, is_plain=True)][-1]
    assert not changed(plain, *ankle) and not changed(plain, slice(8, 60), slice(8, 60))
    assert changed(plain, slice(75, 98), slice(300, 370)) and changed(plain, slice(110, 290), slice(335, 345))


def test_joints_of_crowded_frames_are_dashed_and_leave_no_trail(people):
    found, (sure,) = people
    for pose in sure:
        pose.joints[1] += np.tile([-20, 20], 8)
    unsure = [pose._replace(joints=np.stack([*pose.joints[:2], np.full(16, 0.2)])) for pose in sure]
    crowded = [pose._replace(crowded=True) for pose in sure]
    drawn, dashed, marked = ([*drawn_people(found, [own])][-1] for own in (sure, unsure, crowded))
    assert (marked == dashed).all() and (drawn != dashed).any(2)[110:280, 300:380].sum() > 200
    trail = slice(285, 295), slice(150, 280)
    assert changed(drawn, *trail) and not changed(marked, *trail)


def test_without_joints_boxes_and_names_alone_are_drawn(people):
    last = [*drawn_people(people[0], names={3: 'anna'})][-1]
    assert changed(last, slice(75, 98), slice(300, 420)) and not changed(last, slice(8, 60), slice(8, 60))


def test_between_frames_that_were_looked_at_everybodys_box_and_joints_are_drawn_too(people):
    (person,), joints = people
    whole = people[0].frames
    person.numbers, person.boxes = person.numbers[::2], person.boxes[::2]
    people[0].frames = read_frames(np.full((6, 400, 600, 3), 90, np.uint8), fps=25, every=2)
    drawn = [*drawn_people(people[0], [joints[0][::2]], is_plain=True, frames=whole)]
    assert len(drawn) == 6
    for number, frame in enumerate(drawn[:5]):
        left = 100 + 40 * number
        assert changed(frame, slice(110, 290), slice(left, left + 3))           # the left edge of the box
        assert changed(frame, slice(285, 292), slice(left + 37, left + 44))     # the ankle
    assert not changed(drawn[5], slice(None), slice(None))                      # after the last: nobody knows
