"""Everybody in a scene: followed past one another, by boxes of others, named by commands."""
import csv
import json
import pathlib
import types

import numpy as np
import pytest
from PIL import Image
from quick_command import GaitStandIn, PoseStandIn

from gait_recognition import cli
from gait_recognition.fitness import Looks
from gait_recognition.frames import read_frames
from gait_recognition.gallery import Gallery
from gait_recognition.joint_files import joint_rows, write_trc
from gait_recognition.kinds import BOXES, kind_of
from gait_recognition.people.apart import MARGIN, alone, is_crowded
from gait_recognition.people.blobs import blobs_of
from gait_recognition.people.box_files import NO_TRACK, Boxes, mot_lines, read_boxes, write_boxes
from gait_recognition.people.figures import ALONE, COVERED, TOGETHER, Figure
from gait_recognition.people.following import Following
from gait_recognition.people.linking import Path, link, usable_flags
from gait_recognition.people.moving import every_frame
from gait_recognition.people.poses import people_joints
from gait_recognition.people.tracks import crops_of, people_vectors, tracks
from gait_recognition.tracking.crops import crop_walker
from gait_recognition.tracking.joints import ABOVE, BELOW
from gait_recognition.tracking.track import COMPANY, CROP_SIZE, HEIGHT_SHARE, cut_square
from gait_recognition.walkers.crossings import crossing
from gait_recognition.walkers.files import write_crossing

SMALL = {'width': 320, 'height': 180}


class Blind:
    """A pose network that sees nobody."""

    def joint_positions(self, images):
        return np.zeros((3, len(images), 16), np.float32)


class ColourBlind:
    """A pose network that sees upright bars as people: in a crop the bright one whose middle is nearest to its own."""

    def joint_positions(self, images):
        return np.stack([self._joints(image) for image in images], 1)

    @staticmethod
    def _joints(image):
        found = np.zeros((3, 16), np.float32)
        columns = (image.max(2) > 150).sum(0) > 20
        edges = np.flatnonzero(np.diff(np.concatenate([[0], columns.astype(int), [0]])))
        bars = [(a, b) for a, b in zip(edges[::2], edges[1::2])]
        if not bars:
            return found
        left, right = min(bars, key=lambda bar: abs(sum(bar) / 2 - CROP_SIZE / 2))
        rows = np.flatnonzero((image[:, left:right].max(2) > 150).any(1))
        top, tall = rows[0], np.ptp(rows) / (1 + ABOVE + BELOW)
        found[0] = top + ABOVE * tall + tall * np.linspace(1, 0, 16)     # ankles first; the head is joint 9
        found[0, [8, 9]], found[0, [0, 5]] = top + ABOVE * tall, top + (1 + ABOVE) * tall
        found[1], found[2] = (left + right) / 2, 0.9
        found[1, 1], found[1, 4] = left, right
        return found


def film(people, **options):
    """(frames, true boxes (T, n, 4): left, top, right, bottom)."""
    found = list(crossing(people, **{**SMALL, **options}))
    return (np.stack([each.image for each in found]),
            np.stack([each.boxes for each in found])[..., [1, 0, 3, 2]] + [0, 0, 1, 1])


def overlap(a, b):
    both = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return both / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - both)


def hits(person, truth):
    """In how many frames a track is on each of the people."""
    pairs = list(zip(truth[person.numbers], person.boxes))
    return np.array([sum(np.isfinite(boxes[place, 0]) and overlap(boxes[place], box) >= 0.5 for boxes, box in pairs)
                     for place in range(truth.shape[1])])


@pytest.fixture(scope='module')
def pair():
    """Two people who cross."""
    return film([500000, 500001], index=2)


@pytest.fixture(scope='module')
def found(pair):
    return tracks(read_frames(pair[0], fps=25), Blind())


def test_two_people_who_cross_are_two_tracks_and_do_not_swap(pair, found):
    images, truth = pair
    assert len(found) == 2
    counts = np.stack([hits(person, truth) for person in found])
    inside = np.isfinite(truth[..., 0]).sum(0)
    assert sorted(counts.argmax(1)) == [0, 1]
    assert (counts.max(1) >= 0.85 * inside[counts.argmax(1)]).all()     # IDF1 is about this share
    off = np.minimum(truth[:, 0, 2:], truth[:, 1, 2:]) - np.maximum(truth[:, 0, :2], truth[:, 1, :2])
    assert (off > 0).all(1).any()                                       # they did touch


def test_a_track_says_when_it_starts_and_ends_and_has_crops_of_its_own(found):
    for person in found:
        assert 0 <= person.start < person.end and person.start == person.numbers[0] / 25
        assert person.problem is None and 0.3 < person.quality <= 1
        assert len(person.boxes) == len(person.numbers) and (person.boxes[:, 2:] > person.boxes[:, :2]).all()
        assert {*person.walk.numbers} <= {*person.numbers}
    crops = [(place, number) for place, number, crop in crops_of(found) if crop.shape == (CROP_SIZE, CROP_SIZE, 3)]
    assert crops == sorted(crops, key=lambda each: each[1])
    assert [sum(place == each for each, _ in crops) for place in range(2)] == [len(one.walk.numbers) for one in found]


def test_crops_show_nobody_else_before_a_still_background(pair, found):
    images, still, beside = pair[0], np.median(pair[0], 0).astype(np.uint8), []
    for place, number, crop in crops_of(found):
        person = found[place]
        left, top, right, bottom = person.boxes[person.numbers.index(number)]
        more, square = MARGIN * (bottom - top) + 1, person.walk.boxes[person.walk.numbers.index(number)]
        other = np.full((*images.shape[1:3], 3), 255, np.uint8)
        other[max(0, int(top - more)):int(bottom + more) + 1, max(0, int(left - more)):int(right + more) + 1] = 0
        outside = cut_square(other, square)[..., 0] == 255
        plain, empty = (cut_square(each, square)[outside].astype(int) for each in (images[number], still))
        beside.append([(np.abs(each - empty).max(1) > 60).mean() for each in (plain, crop[outside])])
    plain, shown = np.max(beside, 0)
    assert plain > 0.05 and shown < 0.01, (plain, shown)


def test_frames_in_which_somebody_else_covers_a_third_of_the_box_make_no_crop(found):
    for person in found:
        others = {number: box for each in found if each is not person for number, box in zip(each.numbers, each.boxes)}
        crowded = {number for number, box in zip(person.numbers, person.boxes)
                   if is_crowded(box, [others[number]] if number in others else [])}
        assert crowded and not crowded & {*person.walk.numbers}
        assert COMPANY in person.walk.dropped.values()


def test_whoever_is_beside_somebody_all_the_way_has_no_crops(found):
    frames, count = found.frames, len(found[0].numbers)
    left = np.tile([60.0, 20, 100, 120], (40, 1)) + np.arange(40)[:, None] * [2, 0, 2, 0]
    apart = [person.problem for person in tracks(frames, boxes=[left, left + [120, 0, 120, 0]])]
    beside = [person.problem for person in tracks(frames, boxes=[left, left + [20, 0, 20, 0]])]
    assert count > 40 and apart == [None, None]
    assert all('nobody else' in problem or 'a walker was found in' in problem for problem in beside), beside


def test_a_box_is_crowded_where_another_covers_more_than_a_third_of_it():
    box = np.array([10.0, 10.0, 70.0, 40.0])
    assert not is_crowded(box, []) and not is_crowded(box, [box + [0, 40, 0, 40]])
    assert not is_crowded(box, [box + [0, 21, 0, 21]]) and is_crowded(box, [box + [0, 19, 0, 19]])
    assert is_crowded(box, [box + [0, 40, 0, 40], np.array([0.0, 0.0, 100.0, 100.0])])


def test_whoever_is_near_is_painted_over_and_whoever_is_far_leaves_the_frame_as_it_is():
    frame, still = np.full((200, 400, 3), 90, np.uint8), np.full((50, 100, 3), 90, np.uint8)
    frame[50:150, 100:130], frame[50:150, 150:180], frame[50:150, 350:380] = 200, 250, 30
    own, near, far = (np.array([50.0, left, 150.0, left + 30]) for left in (100, 150, 350))
    assert alone(frame, still, own, [far]) is frame and alone(frame, still, own, []) is frame
    shown = alone(frame, still, own, [far, near])
    assert (shown[50:150, 100:130] == 200).all() and (shown[:, 140:] == 90).all() and (shown[:, :90] == 90).all()
    assert (frame[50:150, 150:180] == 250).all()                        # the frame itself stays


@pytest.mark.parametrize('hiding', ['pillar', 'bus'])
def test_whoever_is_hidden_for_a_second_is_one_track(hiding):
    images, truth = film([500013], index=4, hiding=hiding)
    people = tracks(read_frames(images, fps=25), Blind())
    assert len(people) == 1
    person, inside = people[0], np.flatnonzero(np.isfinite(truth[:, 0, 0]))
    assert person.numbers[0] < inside[0] + 12 and person.numbers[-1] > inside[-1] - 12
    assert max(np.diff(person.numbers)) > 5 or hiding == 'bus'


def test_who_came_in_as_one_figure_with_somebody_is_followed_once_a_head_stands_out():
    def look(heads, known):
        return [None if known[int(row) + 30, int(column)] else (row, column, feet) for row, column, feet in heads]
    following = Following(25, (180, 320))
    for time in range(16):
        mask, left = np.zeros((180, 320), bool), 60 + 3 * time
        mask[50:150, left:left + 44] = True                             # 30 columns of one, 14 of the other
        if time >= 10:
            mask[50:70, left + 28:left + 32] = False
        following.add(time, np.repeat(mask[..., None], 3, 2).astype(np.uint8) * 200, mask, look)
        assert len(following.active) == (1 if time < 10 else 2)
    assert [figure.middle > left + 28 for figure in following.active] == [False, True]


@pytest.mark.parametrize('state, column', [(TOGETHER, 165), (COVERED, 150)])
def test_a_figure_that_was_covered_does_not_jump_to_somebody_of_like_looks(state, column):
    mask, figure = np.zeros((180, 320), bool), Figure(25)
    mask[50:150, 145:155] = True
    picture = np.full((180, 320, 3), 200, np.uint8)
    blob, = blobs_of(mask)
    for time in range(6):
        figure.see(time, blob, picture, ALONE)
    figure.place(6, 150.0, 150.0, 1.0, blob.box, state)
    mask[136:150] = False                                               # little is hidden where it is
    mask[50:150, 160:170] = True
    assert figure.locate(picture, mask, 7)[1] == pytest.approx(column, abs=2)


def meeting(colours, wide=20, tall=70):
    """(frames, number of the one in which they part) of two upright bars that come from either side, stand in the
    middle together, too long for their pace to tell anything, and go to either side."""
    rng = np.random.default_rng(0)
    still = np.repeat(np.repeat(rng.integers(0, 90, (18, 32, 3), np.uint8), 10, 0), 10, 1)
    come, frames = np.arange(-10, 146, 3), []
    lefts = np.concatenate([come, np.full(30, 146), come[::-1]])
    for left in lefts:
        frames.append(still.copy())
        for own, colour in zip((left, 320 - wide - left), colours):
            frames[-1][80:80 + tall, max(0, own):max(0, own + wide)] = colour
    return np.stack(frames), len(come) + 30


def test_where_nobody_can_tell_who_came_out_of_a_meeting_the_tracks_end_and_others_begin():
    images, parting = meeting([(220, 60, 60)] * 2)
    people = tracks(read_frames(images, fps=25), Blind())
    assert [person.number for person in people] == [1, 2, 3, 4]
    before, after = people[:2], people[2:]
    assert all(person.numbers[0] < 10 and abs(person.numbers[-1] - parting) < 6 for person in before)
    assert all(abs(person.numbers[0] - parting) < 6 and person.numbers[-1] > len(images) - 5 for person in after)
    assert max(person.numbers[-1] for person in before) < min(person.numbers[0] for person in after)
    assert sorted(person.boxes[-1, 0] > 160 for person in after) == [False, True]


def test_looks_say_who_came_out_of_a_meeting():
    colours = np.array([(220, 60, 60), (60, 220, 220)])
    images, parting = meeting(colours)
    people = tracks(read_frames(images, fps=25), Blind())
    through = 0
    for person in people:
        apart = [(number, images[number, 115, int(box[[0, 2]].mean())]) for number, box in
                 zip(person.numbers, person.boxes) if not 45 < number < parting + 8]
        seen = [{number > parting for number, own in apart if (own == colour).all()} for colour in colours]
        assert sum(map(bool, seen)) == 1, seen                          # nobody is both
        through += {False, True} in seen
    assert through


def test_a_scene_without_anybody_is_an_empty_list():
    still = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    people = tracks(read_frames(np.repeat(still[None], 12, 0), fps=25), Blind())
    assert people == [] and people_vectors(people, Blind(), GaitStandIn()) == []


def passing(number):
    return 30 + 3 * number, 260 - 2 * number


def bars(count=60, pan=0, hidden=(), contrast=90, lefts=passing):
    """Two upright bars, by default such as pass each other at some distance, before a picture that moves, with their
    boxes; the first is not there in some of the frames."""
    rng = np.random.default_rng(1)
    wide = np.repeat(np.repeat(rng.integers(0, contrast, (23, 140, 3), np.uint8), 8, 0), 8, 1)
    frames, boxes = [], []
    for number in range(count):
        frame = wide[:180, pan * number:pan * number + 320].copy()
        for left, colour, top in [*zip(lefts(number), ((220, 60, 60), (60, 220, 220)), (50, 54))][number in hidden:]:
            frame[top:top + 100, max(0, left):max(0, left + 24)] = colour
        frames.append(frame)
        boxes.append([(left, top, left + 24, top + 100) for left, top in zip(lefts(number), (50, 54))])
    return np.stack(frames), np.array(boxes, float)


@pytest.mark.parametrize('contrast', [90, 24])
def test_before_a_camera_that_moves_the_pose_network_finds_and_follows_everybody(contrast):
    """Also before a pattern so faint that little of it stands out when it moves."""
    images, truth = bars(pan=6, contrast=contrast)
    people = tracks(read_frames(images, fps=25), ColourBlind())
    assert len(people) == 2 and {person.walk.method for person in people} == {'pose'}
    counts = np.stack([hits(person, truth) for person in people])
    assert sorted(counts.argmax(1)) == [0, 1]
    assert (counts.max(1) >= 40).all() and (counts.min(1) <= 10).all()


def test_whoever_a_camera_that_moves_loses_for_a_second_is_one_track_without_crops_of_what_hides_it():
    hidden = range(8, 31)
    images, truth = bars(75, pan=6, hidden=hidden)
    people = tracks(read_frames(images, fps=25), ColourBlind())
    assert len(people) == 2 and {person.walk.method for person in people} == {'pose'}
    lost, = (person for person in people if person.walk.dropped.keys() >= {*hidden})
    assert hits(lost, truth)[0] >= 40 and lost.numbers[0] < 8 and lost.numbers[-1] > 50
    assert not {*lost.walk.numbers} & {*hidden} and lost.walk.numbers[0] < 8 and lost.walk.numbers[-1] > 50


def test_whoever_comes_in_before_a_camera_that_moves_where_another_has_left_is_somebody_else():
    images, truth = bars(90, pan=6, lefts=lambda number: (60 - 2 * number, 2 * number - 100))
    people = tracks(read_frames(images, fps=25), ColourBlind())
    assert len(people) == 2 and {person.walk.method for person in people} == {'pose'}
    counts = np.stack([hits(person, truth) for person in people])
    assert counts.diagonal().min() >= 15 and counts[0, 1] == counts[1, 0] == 0


# Boxes of others

LINES = '1,7,11,21,30,90,0.9,-1,-1,-1\n1,8,101,21,30,90,0.8,-1,-1,-1\n2,7,14,21,30,90,0.9,-1,-1,-1\n'


def test_between_frames_that_were_looked_at_boxes_lie_where_the_clock_says():
    path = Path(0, np.zeros(4))
    path.add(4, np.full(4, 10.0))
    boxes = np.array(every_frame(path, np.array([0, 1, 2, 3, 10.0])).boxes)
    assert boxes[:, 0].tolist() == [0, 1, 2, 3, 10]


def test_motchallenge_text_counts_from_one(tmp_path):
    (tmp_path / 'b.txt').write_text(LINES)
    boxes = read_boxes(tmp_path / 'b.txt')
    assert boxes.frames.tolist() == [0, 0, 1] and boxes.tracks.tolist() == [7, 8, 7]
    assert boxes.boxes[0].tolist() == [10, 20, 40, 110]


def test_of_a_ground_truth_what_is_not_considered_or_no_person_is_left_out(tmp_path):
    (tmp_path / 'gt.txt').write_text('1,1,1,1,9,9,1,1,1\n1,2,1,1,9,9,0,1,1\n1,3,1,1,9,9,1,3,1\n2,-1,1,1,9,9,1,1,0.5\n')
    assert read_boxes(tmp_path / 'gt.txt').tracks.tolist() == [1, NO_TRACK]


def test_coco_results_count_from_zero_and_hold_people_only(tmp_path):
    (tmp_path / 'b.json').write_text(json.dumps([
        {'image_id': 0, 'category_id': 1, 'bbox': [10, 20, 30, 90], 'score': 0.9},
        {'image_id': 0, 'category_id': 3, 'bbox': [10, 20, 30, 90], 'score': 0.9},
        {'image_id': 3, 'category_id': 1, 'bbox': [13, 20, 30, 90], 'score': 0.9, 'track_id': 4}]))
    boxes = read_boxes(tmp_path / 'b.json')
    assert boxes.frames.tolist() == [0, 3] and boxes.tracks.tolist() == [NO_TRACK, 4]
    assert boxes.boxes[0].tolist() == [10, 20, 40, 110]


@pytest.mark.parametrize('name, text, message', [
    ('b.txt', '1,1,2,3,4,5\n1,2,3\n', r'b\.txt, line 2: expected frame, track, left'),
    ('b.txt', '1,1,2,x,4,5\n', r"b\.txt, line 1: expected a number, got 'x'"),
    ('b.txt', '1,1,2,nan,4,5\n', r"b\.txt, line 1: expected a number, got 'nan'"),
    ('b.txt', '0,1,2,3,4,5\n', r'b\.txt, line 1: frames count from 1, got 0'),
    ('b.txt', '1.5,1,2,3,4,5\n', r'b\.txt, line 1: frame: expected a whole number, got 1\.5'),
    ('b.txt', '1,1,2,3,0,5\n', r'b\.txt, line 1: a box of 0 x 5 pixels'),
    ('b.txt', '1,1,2,3,4,5\n\n1,1,2,3,4,5\n', r'b\.txt, line 3: a second box of track 1 .*line 1'),
    ('b.txt', '\n', r'b\.txt: no box of a person in it'),
    ('b.txt', '\xff', r'b\.txt: no text'),
    ('b.json', '\n{', r'b\.json, line 2: no JSON'),
    ('b.json', '{"a": 1}', r'b\.json: expected a list of objects with image_id and bbox'),
    ('b.json', '[{"image_id": 1}]', r'b\.json, entry 1: expected an object with image_id and bbox'),
    ('b.json', '[{"image_id": 1, "bbox": [1, 2, 3]}]', r'b\.json, entry 1: bbox: expected left, top'),
    ('b.json', '[{"image_id": "a", "bbox": [1, 2, 3, 4]}]', r"b\.json, entry 1: expected a number, got the text 'a'"),
    ('b.json', '[{"image_id": -1, "bbox": [1, 2, 3, 4]}]', r'b\.json, entry 1: image_id: frames count from 0, got -1'),
    pytest.param('b.json', '[' * 100_000, r'b\.json, line 1: no JSON', id='brackets'),
    pytest.param('b.json', '[' + ('{"a": [1, "' + '[' * 200 + '\\""]},\n') * 3 + '{"a": ' + '{"b": [' * 100_000,
                 r'b\.json, line 4: no JSON', id='brackets further down'),
    pytest.param('b.json', '[{"image_id": 1, "bbox": [1, 2, 3, 1' + '0' * 400 + ']}]', r'entry 1: expected a number',
                 id='400 digits'),
    ('b.json', '[{"image_id": "3", "bbox": [1, 2, 3, 4]}]', r"entry 1: expected a number, got the text '3'"),
    ('b.json', '[{"image_id": 1, "bbox": [1, 2, "3", 4]}]', r"entry 1: expected a number, got the text '3'"),
    ('b.json', '[{"image_id": 1, "category_id": "1", "bbox": [1, 2, 3, 4]}]', r'entry 1: expected a number'),
    ('b.json', '[{"image_id": 1, "bbox": [1, 2, 3, true]}]', r"entry 1: expected a number, got 'True'"),
    ('b.json', '[{"image_id": 1, "bbox": [1e308, 2, 1e308, 4]}]', r"entry 1: expected a number, got '1e\+308'"),
    ('b.txt', '1,1,1e308,3,1e308,5\n', r"line 1: expected a number, got '1e308'"),
    ('b.txt', '1e300,1,2,3,4,5\n', r"b\.txt, line 1: expected a number, got '1e300'"),
    ('b.xml', '', r'b\.xml: boxes are read from')])
def test_a_bad_file_of_boxes_is_refused_with_its_line(tmp_path, name, text, message):
    (tmp_path / name).write_bytes(text.encode('latin-1'))
    with pytest.raises(ValueError, match=message):
        read_boxes(tmp_path / name)


def test_what_is_written_is_read_again(tmp_path, found):
    write_boxes(tmp_path / 'out.txt', found)
    boxes, lines = read_boxes(tmp_path / 'out.txt'), list(mot_lines(found))
    assert kind_of(tmp_path / 'out.txt') == BOXES
    assert len(lines) == sum(len(person.numbers) for person in found)
    for person in found:
        own = boxes.tracks == person.number
        assert boxes.frames[own].tolist() == person.numbers
        assert np.allclose(boxes.boxes[own], person.boxes, atol=0.011)


def detections(boxes, with_tracks):
    """As supervision's `Detections`, of boxes (n, 4)."""
    return types.SimpleNamespace(xyxy=boxes, tracker_id=np.arange(len(boxes)) + 5 if with_tracks else None)


@pytest.mark.parametrize('kind', ['one array', 'list of arrays', 'tracked detections', 'loose detections',
                                  'detections that nobody linked'])
def test_boxes_of_others_are_taken_in_python_and_need_no_network(kind):
    images, truth = bars()
    boxes = {'one array': truth[:, 0], 'list of arrays': [truth[:, 0], truth[:, 1]],
             'tracked detections': [detections(each, True) for each in truth],
             'loose detections': [detections(each[::1 - 2 * (number % 2)], False) for number, each in enumerate(truth)],
             'detections that nobody linked': [types.SimpleNamespace(xyxy=each, tracker_id=np.array([-2, -2]))
                                               for each in truth]}[kind]
    people = tracks(read_frames(images, fps=25), boxes=boxes)
    assert len(people) == (1 if kind == 'one array' else 2)
    counts = np.stack([hits(person, truth) for person in people])
    assert (counts.max(1) >= 58).all() and sorted({*counts.argmax(1)}) == [*range(len(people))]
    top, left, side = people[0].walk.boxes[0]
    assert side == pytest.approx(100 / HEIGHT_SHARE, rel=0.02)


def test_what_makes_a_track_less_fit_is_among_its_remarks():
    images, truth = bars(12)
    person, = tracks(read_frames(images, fps=25), boxes=truth[:, 0])
    assert any('so few frames (12)' in remark for remark in person.walk.remarks)


@pytest.mark.parametrize('boxes, message', [
    (np.zeros((3, 5)), r'boxes: walker 1: expected an array \(T, 4\)'),
    (np.full((3, 4), np.nan), 'boxes: expected some, got none'),
    (np.array([[5, 5, 4, 9.]]), 'boxes: frame 0: expected left, top, right, bottom'),
    ([], 'boxes: expected some, got none'),
    ([types.SimpleNamespace(xyxy=np.array([[1, 2, 3, 4.]]), tracker_id=np.array([1, 2]))], 'frame 0 has 1 boxes and 2'),
    ([types.SimpleNamespace(xyxy=np.array([[1, 2, 3, 4.]] * 2), tracker_id=np.array([5, 5]))],
     'boxes: frame 0: a second box of track 5'),
    (np.array([[1, 2, np.nan, 4.]]), 'boxes: frame 0: expected left, top, right, bottom .* got 1, 2, nan, 4'),
    (np.array([[1, 2, np.inf, 4.]]), 'boxes: frame 0: expected left, top, right, bottom .* got 1, 2, inf, 4'),
    ([['a', 'b', 'c', 'd']], 'boxes: walker 1: expected numbers'),
    (3, 'boxes: expected a file, arrays .* got int'),
    (types.SimpleNamespace(xyxy=np.array([[1, 2, 3, 4.]])), 'boxes: expected an object with xyxy for each frame'),
    ([types.SimpleNamespace(xyxy=np.array([[1, 2, 3, 4.]])), None], 'boxes: frame 1: expected an object with xyxy'),
    ([types.SimpleNamespace(xyxy=np.array([[1, 2, 3, 4, 5, 6, 7, 8.]]))], r'boxes: frame 0: .* got shape \(1, 8\)'),
    ([types.SimpleNamespace(xyxy=np.array([[1, 2, 3, 4.]]), tracker_id=[None])], 'track: expected a whole number'),
    ([types.SimpleNamespace(xyxy=np.array([[1, 2, 3, 4.]]), tracker_id=[1.5])], 'track: expected a whole number'),
    ([types.SimpleNamespace(xyxy=np.array([[1, 2, 3, 4.]] * 2), tracker_id=[7, 7])], '0: a second box of track 7'),
    (Boxes(np.array([-1]), np.array([1]), np.array([[1, 2, 3, 4.]])), 'boxes: frames count from 0, got -1'),
    (Boxes(np.array([0]), np.array([1]), np.array([[3, 2, 1, 4.]])), 'boxes: frame 0: expected left, top'),
    (np.tile([1, 2, 30, 40.], (99, 1)), 'has 60 frames, but there are boxes of frame 98')])
def test_boxes_that_make_no_sense_are_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        tracks(read_frames(bars()[0], fps=25), boxes=boxes)


def test_boxes_of_every_frame_are_taken_where_every_second_one_is_read():
    images, truth = bars(60)
    person, = tracks(read_frames(images, every=2, fps=25), boxes=truth[:, 0])
    assert person.numbers == [*range(0, 60, 2)]
    with pytest.raises(ValueError, match='has at most 60 frames, but there are boxes of frame 60'):
        tracks(read_frames(images, every=2, fps=25), boxes=np.concatenate([truth[:, 0], truth[-1:, 0]]))


def test_that_no_box_is_of_a_frame_that_was_looked_at_is_said():
    images, truth = bars(60)
    odd = np.where(np.arange(60)[:, None] % 2, truth[:, 0], np.nan)
    people = tracks(read_frames(images, every=2, fps=25), boxes=odd)
    assert not people and people.remarks == ['none of the 30 boxes is of a frame that was looked at']


def test_boxes_without_tracks_go_on_through_a_short_gap_and_a_passing():
    truth = bars()[1][..., [1, 0, 3, 2]]
    paths = link([each if not 20 <= number < 30 else [] for number, each in enumerate(truth)], 25)
    assert len(paths) == 2
    for path in paths:
        assert len(path.indices) == 50 and len({round(box[0]) for box in path.boxes}) == 1


def test_a_frame_in_which_somebody_nearer_covers_a_walker_is_no_crop():
    class Near:
        indices, boxes = [0, 1], [np.array([0, 0, 100, 40.])] * 2

    class Far:
        indices, boxes = [0, 1], [np.array([0, 10, 90, 40.]), np.array([0, 300, 90, 340.])]
    assert usable_flags([Near, Far], 0.35) == [[True, True], [False, True]]


# Without --everyone

def test_that_others_walk_here_too_is_said(pair):
    track = crop_walker(read_frames(pair[0], fps=25), 'background').track
    assert any('1 more figure walked here' in remark and '--everyone' in remark for remark in track.remarks)


def test_of_one_walker_nothing_is_said():
    images, _ = film([500011], index=3)
    assert crop_walker(read_frames(images, fps=25), 'background').track.remarks == []


# The walkers' scenes

def test_a_scene_of_several_tells_where_everybody_is_and_how_much_is_hidden(pair):
    found = list(crossing([500000, 500001], index=2, frames=12, **SMALL))
    assert all(each.boxes.shape == (2, 4) and each.image.shape == (180, 320, 3) for each in found)
    again = next(crossing([500000, 500001], index=2, frames=12, **SMALL))
    assert (again.image == found[0].image).all()
    truth = pair[1]
    assert np.isnan(truth[0]).all() and np.isnan(truth[-1]).all()       # from outside to outside
    assert np.isfinite(truth).all((1, 2)).any()
    assert all(each.visibility.max() <= 1 and each.visibility[-1] == 1 for each in found
               if np.isfinite(each.boxes).all())                        # nobody is before the nearest


def test_a_pillar_hides_and_a_camera_that_turns_moves_the_picture():
    behind = [each.visibility[0] for each in crossing([500011], 3, hiding='pillar', **SMALL)]
    assert 0 < min(value for value in behind if value > 0) < 1
    first, *_, middle = crossing([500011], 3, frames=20, pan=0.5, **SMALL)
    assert (first.image != middle.image).mean() > 0.5


@pytest.mark.parametrize('arguments, message', [
    ({'people': []}, 'people: expected at least one'), ({'people': [-1]}, 'person: .*got -1'),
    ({'people': [1], 'hiding': 'tree'}, "hiding: .*got 'tree'"), ({'people': [1], 'pan': 2}, 'pan: .*got 2')])
def test_bad_scenes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        next(crossing(**arguments))


def test_the_truth_beside_a_scene_is_motchallenge_text(tmp_path):
    truth = write_crossing(tmp_path / 'scene', [500000, 500001], 2, frames=6, **SMALL)
    assert truth == str(tmp_path / 'scene.txt') and len(list((tmp_path / 'scene').iterdir())) == 6
    boxes, found = read_boxes(truth), list(crossing([500000, 500001], 2, frames=6, **SMALL))
    for frame, track, box in zip(*boxes):
        assert box.tolist() == (found[frame].boxes[track - 1][[1, 0, 3, 2]] + [0, 0, 1, 1]).tolist()


# Commands

@pytest.fixture(scope='module')
def scene(tmp_path_factory):
    """A short scene as pictures, and its boxes."""
    path = tmp_path_factory.mktemp('scene') / 'scene'
    return str(path), write_crossing(path, [500000, 500001], 2, frames=12, **SMALL)


def answer(capsys, *arguments):
    """(exit status, standard output, standard error)."""
    status = cli.main([*map(str, arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_identify_everyone_answers_for_each_track_with_start_end_and_quality(scene, tmp_path, capsys, weights, opened):
    path, boxes = scene
    gallery = tmp_path / 'people.gallery'
    own = '--boxes', boxes, *weights
    assert answer(capsys, 'enrol', gallery, '--name', 'anna', path, '--track', 1, *own)[0] == 0
    status, out, _ = answer(capsys, 'identify', gallery, path, '--everyone', *own, '--boxes-out', tmp_path / 'o.txt')
    assert status == 1 and 'scene: 2 people' in out
    assert 'track 1, 0.00 to' in out and 'uncalibrated' in out and 'quality' in out
    assert read_boxes(tmp_path / 'o.txt').tracks.max() == 2
    status, out, _ = answer(capsys, 'identify', gallery, path, '--everyone', *own, '--json')
    facts = json.loads(out)[0]
    assert [each['track'] for each in facts['tracks']] == [1, 2] and facts['frames'] == 12
    first = facts['tracks'][0]
    assert {'start', 'end', 'quality', 'decision', 'name', 'cosine_similarity', 'probability', 'check'} <= {*first}
    assert first['cosine_similarity'] == pytest.approx(1) and facts['tracks'][1]['cosine_similarity'] < 0.9999
    assert first['check']['word'] == 'poor'                             # twelve frames
    status, _, err = answer(capsys, 'enrol', gallery, '--name', 'ben', path, '--track', 3, *own)
    assert status == 2 and 'no track 3; there are 2 tracks' in err


def test_the_json_of_every_command_has_the_boxes_of_each_track_by_the_number_of_the_frame(scene, tmp_path, capsys,
                                                                                         weights, opened):
    path, boxes = scene
    own, gallery, known = (path, '--boxes', boxes, *weights), tmp_path / 'people.gallery', read_boxes(boxes)
    _, out, _ = answer(capsys, 'enrol', gallery, '--name', 'anna', '--track', 2, *own, '--json')
    told = {2: json.loads(out)[0]}
    for command in (('identify', gallery, *own), ('vector', *own), ('pose', *own[:-2], '--joints', tmp_path / 'j.csv')):
        _, out, _ = answer(capsys, *command, '--everyone', '--jsonl')
        told.update({track['track']: track for track in json.loads(out)['tracks']})
        assert {*told} == {1, 2}
        for number, track in told.items():
            assert len(track['boxes']) == track['frames'] == (known.tracks == number).sum()
            for frame, box in zip(known.frames[known.tracks == number], known.boxes[known.tracks == number]):
                assert track['boxes'][str(frame)] == pytest.approx(box, abs=0.051)
        told = {}
    assert 'boxes' not in answer(capsys, 'identify', gallery, *own, '--everyone', '--csv')[1].splitlines()[0]


def test_a_track_enrols_once_under_its_own_number(scene, tmp_path, capsys, weights, opened):
    path, boxes = scene
    own = path, '--boxes', boxes, *weights
    gallery = tmp_path / 'people.gallery'
    assert answer(capsys, 'enrol', gallery, '--name', 'anna', '--track', 1, *own)[0] == 0
    status, out, err = answer(capsys, 'enrol', gallery, '--name', 'anna', '--track', 1, *own)
    assert status == 0 and '1 of 1 walks are enrolled already' in err and '1 walk of 1 person' in out
    status, out, _ = answer(capsys, 'enrol', gallery, '--name', 'ben', '--track', 2, '--json', *own)
    facts, = json.loads(out)
    assert status == 0 and facts['track'] == 2 and facts['check']['word'] == 'poor'
    with Gallery.open(gallery) as opened_gallery:
        assert [each['label'] for each in opened_gallery.walks()] == [f'{path} [track 1]', f'{path} [track 2]']


def test_identify_everyone_says_each_decision_in_every_form_and_the_worst_as_its_status(
        scene, tmp_path, capsys, weights, opened, monkeypatch):
    path, boxes = scene
    own = path, '--everyone', '--boxes', boxes, *weights
    gallery = tmp_path / 'people.gallery'
    answer(capsys, 'enrol', gallery, '--name', 'anna', path, '--track', 1, '--boxes', boxes, *weights)
    for decisions, expected in ((['known', 'known'], 0), (['known', 'weak'], 3), (['weak', 'unknown'], 1)):
        def identify(self, vectors, top=5, decisions=decisions, asked=Gallery.identify):
            return [found._replace(decision=decision, name='anna' if decision == 'known' else None)
                    for found, decision in zip(asked(self, vectors, top=top), decisions)]
        with monkeypatch.context() as patched:
            patched.setattr(Gallery, 'identify', identify)
            status, text, _ = answer(capsys, 'identify', gallery, *own)
            assert status == expected
            assert ('weak, perhaps anna' in text) == ('weak' in decisions)
            status, out, _ = answer(capsys, 'identify', gallery, '--jsonl', *own)
            assert status == expected
            assert [track['decision'] for track in json.loads(out)['tracks']] == decisions
            status, out, _ = answer(capsys, 'identify', gallery, '--csv', *own)
            rows = list(csv.DictReader(out.splitlines()))
            assert status == expected and [row['decision'] for row in rows] == decisions
            assert [(row['walk'], row['track'], row['check.word']) for row in rows] == [(path, '1', 'poor'),
                                                                                       (path, '2', 'poor')]


@pytest.mark.parametrize('form', ['--json', '--csv', 'text'])
def test_a_scene_that_cannot_be_read_is_an_answer_and_the_rest_goes_on(form, scene, tmp_path, capsys, weights, opened):
    path, _ = scene
    bad, forms = tmp_path / 'bad.png', [] if form == 'text' else [form]
    bad.write_bytes(b'no picture')
    answer(capsys, 'enrol', tmp_path / 'g', '--name', 'anna', path, '--track', 1, '--boxes', scene[1], *weights)
    status, out, err = answer(capsys, 'identify', tmp_path / 'g', bad, path, '--everyone', *forms, *weights)
    assert status == 2 and 'bad.png' in err and '1 of 2 walks could not be read' in err
    if form == '--json':
        first, second = json.loads(out)['walks']
        assert 'bad.png' in first['error'] and second['error'] is None and 'tracks' in second
    elif form == '--csv':
        first, second, *_ = csv.DictReader(out.splitlines())
        assert 'bad.png' in first['error'] and second['error'] == ''
    else:
        assert out.startswith(f'{path}: ')


def test_kept_answers_of_scenes_hold_for_the_same_boxes_alone(scene, tmp_path, capsys, weights, opened):
    path, _ = scene
    boxes = tmp_path / 'boxes.txt'
    text = pathlib.Path(scene[1]).read_text()
    boxes.write_text(text)
    command = ['vector', path, '--everyone', '--boxes', boxes, '--boxes-out', tmp_path / 'out.txt', '--answers',
               tmp_path / 'kept.jsonl', '--jsonl', *weights]
    first = answer(capsys, *command)
    assert first[0] == 0 and len(opened) == 1
    status, out, err = answer(capsys, *command)
    assert (status, out) == (0, first[1]) and '1 of 1 answer' in err and len(opened) == 1
    (tmp_path / 'out.txt').unlink()                                     # what it wrote is gone
    assert answer(capsys, *command)[:2] == first[:2] and len(opened) == 2
    boxes.write_text(''.join(line for line in text.splitlines(True) if line.split(',')[1] == '1'))
    status, out, _ = answer(capsys, *command)
    assert status == 0 and len(json.loads(out)['tracks']) == 1 and len(opened) == 3


def test_vectors_of_tracks_are_written_as_walks_and_that_nobody_walks_is_said(scene, tmp_path, capsys, weights, opened):
    path, boxes = scene
    status, out, _ = answer(capsys, 'vector', path, '--everyone', '--boxes', boxes, '--output', tmp_path / 'v.npz',
                            *weights)
    assert (status, out) == (0, '')
    with np.load(tmp_path / 'v.npz') as written:
        assert written['walks'].tolist() == [f'{path}, track 1', f'{path}, track 2']
        assert written['vectors'].shape == (2, 512)
    still = tmp_path / 'still'
    still.mkdir()
    for number in range(12):
        Image.fromarray(np.full((90, 160, 3), 90, np.uint8)).save(still / f'{number}.png')
    status, out, err = answer(capsys, 'vector', still, '--everyone', *weights)
    assert (status, out) == (2, '') and 'nobody walks here, so there is no vector' in err
    status, out, err = answer(capsys, 'vector', path, '--everyone', '--boxes', boxes, '--every', '3', *weights)
    assert (status, out) == (2, '') and 'no track has a vector' in err and 'nobody walks' not in err
    joints = tmp_path / 'joints.csv'
    status, out, err = answer(capsys, 'pose', still, '--everyone', '--joints', joints, *weights[:2])
    assert status == 0 and 'nobody walks here' in out and f'{joints} was not written: there are no joints' in err


def test_vector_and_pose_of_everyone_name_the_track(scene, tmp_path, capsys, weights, opened):
    path, boxes = scene
    status, out, _ = answer(capsys, 'vector', path, '--everyone', '--boxes', boxes, *weights)
    assert status == 0 and [row[0] for row in csv.reader(out.splitlines())][1:] == [
        f'{path}, track 1', f'{path}, track 2']
    joints = tmp_path / 'joints.csv'
    status, out, _ = answer(capsys, 'pose', path, '--everyone', '--boxes', boxes, '--joints', joints, '--output',
                            tmp_path / 'drawn.gif', *weights[:2])
    assert status == 0 and 'track 2, 0.00 to' in out and (tmp_path / 'drawn.gif').stat().st_size > 10000
    with open(joints, newline='') as file:
        rows = list(csv.DictReader(file))
    assert {row['track'] for row in rows} == {'1', '2'} and len(rows) % 16 == 0


def test_joints_of_everyone_are_one_trc_for_each_track(scene, tmp_path, capsys, weights, opened):
    path, boxes = scene
    own = 'pose', path, '--everyone', '--boxes', boxes, '--joints', tmp_path / 'scene.trc', *weights[:2]
    status, _, err = answer(capsys, *own)
    assert status == 0 and all(f'wrote {tmp_path / f"scene-track-{number}.trc"}' in err for number in (1, 2))
    assert sorted(each.name for each in tmp_path.glob('*.trc')) == ['scene-track-1.trc', 'scene-track-2.trc']
    first, second = ((tmp_path / f'scene-track-{number}.trc').read_text() for number in (1, 2))
    assert first.startswith('PathFileType\t4\t(X/Y/Z)\tscene-track-1.trc\n') and first.splitlines()[6] != \
        second.splitlines()[6]
    (tmp_path / 'scene-track-2.trc').write_text('mine')
    opened.clear()
    status, out, err = answer(capsys, *own)
    assert (status, out, opened) == (2, '', []) and 'scene-track-2.trc' in err
    assert (tmp_path / 'scene-track-2.trc').read_text() == 'mine'


def test_heat_maps_of_everyone_are_drawn_where_each_of_them_is(scene, tmp_path, capsys, weights, opened, monkeypatch):
    path, boxes = scene
    maps = np.zeros((1, 289, 289, 16), np.float32)
    maps[:, 50:240, 110:180] = 1
    monkeypatch.setattr(PoseStandIn, 'heat_maps', lambda self, crops: maps, raising=False)
    known = read_boxes(boxes)
    for name in ('plain', 'heat'):
        status, _, _ = answer(capsys, 'pose', path, '--everyone', '--boxes', boxes, '--plain', '--output',
                              tmp_path / f'{name}.gif', *weights[:2], *(['--heat-maps'] if name == 'heat' else []))
        assert status == 0
    plain, heat = (np.stack([*read_frames(tmp_path / f'{name}.gif')]).astype(int) for name in ('plain', 'heat'))
    changed = (np.abs(plain - heat).max(-1) > 40)[6]
    for box in known.boxes[known.frames == 6]:
        left, top, right, bottom = (np.array(box) * (plain.shape[1] // 180)).round().astype(int)
        assert changed[top + 4:bottom - 4, left + 4:right - 4].mean() > 0.5
    assert changed.mean() < 0.3


def test_joints_of_frames_with_somebody_else_in_the_crop_are_marked_and_never_sure(found, tmp_path):
    poses = people_joints(found, PoseStandIn(), seen := [Looks() for _ in found])
    for person, own, looks in zip(found, poses, seen):
        crowded = [pose.frame for pose in own if pose.crowded]
        assert crowded == [number for number, why in sorted(person.walk.dropped.items()) if why == COMPANY] != []
        assert [pose.frame for pose in own if not pose.crowded] == person.walk.numbers
        assert looks._count == len(person.walk.numbers)
        rows = joint_rows(own, with_crowded=True)
        assert {row['sure'] for row in rows if row['frame'] in crowded} == {False}
        assert {row['sure'] for row in rows if row['frame'] not in crowded} == {True}
        assert {row['frame'] for row in rows if row['crowded']} == {*crowded}
        box = person.boxes[person.numbers.index(crowded[0])]
        y, x, _ = next(pose for pose in own if pose.crowded).joints
        assert x.mean() == pytest.approx((box[0] + box[2]) / 2, abs=1.0) and box[1] < y.min() < y.max() < box[3]
        write_trc(tmp_path / 'one.trc', own, 25.0, 180)
        rows = {int(line.split('\t')[0]): line.split('\t')[2:] for line in
                (tmp_path / 'one.trc').read_text().splitlines()[6:]}
        assert not any(rows[crowded[0]]) and all(rows[person.walk.numbers[0]])


def test_pose_of_everyone_draws_every_frame_though_every_second_is_looked_at(scene, tmp_path, capsys, weights, opened):
    path, boxes = scene
    drawn = tmp_path / 'drawn.gif'
    status, _, _ = answer(capsys, 'pose', path, '--everyone', '--boxes', boxes, '--every', 2, '--output', drawn,
                          *weights[:2])
    with Image.open(drawn) as film:
        lengths = [film.seek(number) or film.info['duration'] for number in range(film.n_frames)]
    assert status == 0 and lengths == [40] * 12


def test_pose_of_everyone_says_how_fit_each_track_is_as_the_other_commands_do(scene, tmp_path, capsys, weights, opened):
    path, boxes = scene
    own = '--everyone', '--boxes', boxes, '--json', *weights[:2]
    status, out, _ = answer(capsys, 'pose', path, *own, '--joints', tmp_path / 'joints.csv')
    checks = [track['check'] for track in json.loads(out)[0]['tracks']]
    assert status == 0 and [check['word'] for check in checks] == ['poor', 'poor']      # twelve frames
    _, out, _ = answer(capsys, 'vector', path, *own, *weights[2:], '--output', tmp_path / 'vectors.npz')
    assert [track['check'] for track in json.loads(out)[0]['tracks']] == checks


@pytest.mark.parametrize('arguments, message', [
    (['identify', 'GALLERY', 'SCENE', '--boxes', 'BOXES'], '--boxes goes with --everyone'),
    (['vector', 'SCENE', '--boxes-out', 'o.txt'], '--boxes-out goes with --everyone'),
    (['vector', 'SCENE', 'SCENE', '--everyone', '--boxes', 'BOXES'], '--boxes goes with one scene, got 2'),
    (['vector', 'SCENE', '--everyone', '--crop', 'none'], '--everyone: people are found in whole scenes'),
    (['vector', 'SCENE', '--everyone', '--boxes-out', 'o.csv'], r'o\.csv: boxes are written as MOTChallenge'),
    (['vector', 'SCENE', '--everyone', '--boxes', 'nothing.txt'], r'nothing\.txt: No such file'),
    (['enrol', 'new.gallery', '--name', 'a', 'SCENE', 'SCENE', '--track', '1'], '--track N takes one scene'),
    (['enrol', 'new.gallery', '--name', 'a', 'SCENE', '--boxes', 'BOXES'], '--boxes goes with --track N'),
    (['identify', 'GALLERY', 'SCENE', '--everyone', '--together'], '--together is of one person'),
    (['pose', 'SCENE/00000.png', '--everyone'], '--everyone takes scenes that move, not one picture'),
    (['pose', 'SCENE', 'SCENE', '--everyone', '--joints', 'o.trc'], 'a .trc holds one walk'),
    (['walkers', 'new', '--people', '2', '--scenes', '1', '--together', '3'], '--together 3: there are 2 people')])
def test_what_does_not_go_together_is_refused_before_anything_is_computed(scene, arguments, message, tmp_path, capsys,
                                                                        monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'people.gallery').write_bytes(b'SQLite format 3\0')
    names = {'SCENE': scene[0], 'BOXES': scene[1], 'GALLERY': 'people.gallery'}
    pictures = sorted(pathlib.Path(scene[0]).iterdir())
    names['SCENE/00000.png'] = pictures[0]
    status, out, err = answer(capsys, *(names.get(each, each) for each in arguments))
    assert status == 2 and out == '' and message.replace('\\', '') in err
    assert [path.name for path in tmp_path.iterdir()] == ['people.gallery']


def test_walkers_write_scenes_and_who_is_who(tmp_path, capsys, monkeypatch):
    written = []

    def short(path, people, index, **options):
        written.append((list(people), index))
        return write_crossing(path, people, index, frames=2, width=96, height=64)
    monkeypatch.setattr('gait_recognition.commands.walkers.write_crossing', short)
    monkeypatch.setattr('gait_recognition.commands.walkers.write_scene', lambda *arguments, **options: None)
    status, out, _ = answer(capsys, 'walkers', tmp_path / 'demo', '--people', 3, '--walks', 2, '--scenes', 2, '--kind',
                            'frames')
    assert status == 0 and '2 scenes of 2, scenes.csv says who is who' in out
    with open(tmp_path / 'demo' / 'scenes.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['person'] for row in rows] == ['anna', 'ben', 'carla', 'anna']
    assert [row['track'] for row in rows] == ['1', '2', '1', '2']
    assert written == [([0, 1], 3), ([2, 0], 4)]                        # walks that nobody learns
    assert (tmp_path / 'demo' / 'scene-2.txt').exists()
