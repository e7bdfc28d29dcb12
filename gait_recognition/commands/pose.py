"""`gait-recognition pose`: the skeleton drawn on pictures and videos, the joints written down."""
import argparse
import glob
import os
import pathlib

import numpy as np
from PIL import Image

import gait_files
from gait_recognition.batches import find_walks
from gait_recognition.commands.batch import CHECK_COLUMNS, FRAME_COLUMNS, Batch, Form, add_answers
from gait_recognition.commands.everyone import (
    SCENE_STAGES,
    TRACK_COLUMNS,
    add_everyone,
    boxes_given,
    boxes_state,
    find_people,
    headline,
    scene_facts,
    track_rows,
    wrote_boxes,
)
from gait_recognition.commands.options import add_frames, add_pose_weights, add_range, limits
from gait_recognition.commands.walks import read_walk, say_track, state_of, used_frames
from gait_recognition.console import as_text, check_folder, check_target, check_targets_differ, say, share
from gait_recognition.drawing import draw_skeleton
from gait_recognition.fitness import Looks, fitness_of
from gait_recognition.joint_files import KEYPOINTS, SUFFIXES, joint_rows, write_rows, write_trc
from gait_recognition.kinds import JOINTS, PICTURE, VIDEO
from gait_recognition.masking import without_secrets
from gait_recognition.overlays import Overlay, blend_heat_maps
from gait_recognition.people.poses import drawn_people, people_joints
from gait_recognition.pictures import is_picture, read_picture
from gait_recognition.pose_estimation import (
    NOT_OF_PICTURES,
    FrameJoints,
    joints_of_view,
    joints_of_walk,
    picture_view,
    read_for,
)
from gait_recognition.sources import is_live
from gait_recognition.tracking.joints import SURE
from gait_recognition.tracking.track import cut_square
from gait_recognition.videos import VIDEOS, import_av, write_frames
from gait_recognition.weights import find_pose_weights, open_pose_network

STAGES = 'finding the walker', 'estimating joints', 'drawing'
DRAWING_FORMATS = {'.jpg': 'JPEG', '.jpeg': 'JPEG', '.png': 'PNG', '.webp': 'WEBP'}    # and Pillow's names


def pose_arguments(parser):
    for add in (add_pose_weights, add_frames, add_answers):
        add(parser)
    parser.add_argument('walks', nargs='+', metavar='PICTURE|VIDEO',
                        help='a picture (taken whole unless --crop pose), a video, a folder or pattern of pictures; a '
                             'folder or pattern of videos stands for each of them')
    parser.add_argument('--output', type=pathlib.Path, metavar='FILE|FOLDER',
                        help=f'the drawing: {", ".join(DRAWING_FORMATS)} of a picture; .gif, '
                             f'{", ".join(VIDEOS)} of a video '
                             '(default: NAME_pose beside the input; none with --joints alone)')
    parser.add_argument('--joints', type=pathlib.Path, metavar='FILE',
                        help='write path, frame, time (seconds), joint, y, x (pixels of the input), probability and '
                             'whether it is sure as .csv or .json; or the joints of one walk as .trc, with --everyone '
                             'of each track N as NAME-track-N.trc')
    parser.add_argument('--keypoints', choices=KEYPOINTS, default='16',
                        help="which joints are written: the network's 16, or COCO's 17, whose nose, eyes and ears stay "
                             'empty (default: 16)')
    parser.add_argument('--threshold', type=share, default=SURE, metavar='P',
                        help='probability from which a joint is sure: less likely ones are dashed and marked, those of '
                             f'less than a tenth of it not drawn (default: {SURE})')
    parser.add_argument('--heat-maps', action='store_true', help='show the heat maps, too, in the colours of the sides')
    add_everyone(parser)
    parser.add_argument('--plain', action='store_true', help='draw the skeleton alone: no trail, time and legend')
    add_range(parser)


def pose_command(arguments):
    """Draw the skeleton on pictures and videos, and write the joints down."""
    form = Form(('output', *FRAME_COLUMNS, *CHECK_COLUMNS), key='path',
                stages=STAGES[:2 if arguments.joints and not arguments.output else 3])
    if arguments.everyone:
        form = form._replace(columns=('output', *TRACK_COLUMNS, *FRAME_COLUMNS, *CHECK_COLUMNS), rows=track_rows,
                             stages=(*SCENE_STAGES[:1], *form.stages[1:]))
    batch = Batch(arguments, form, _without_drawings(find_walks(arguments.walks)), _opened)
    boxes = boxes_given(arguments, batch.walks)
    outputs = {path: _pose_output(path, arguments, len(batch.walks)) for path in batch.walks}
    for path, output in outputs.items():
        if output is not None:
            _check_drawing(path, output, batch.walks)
        if arguments.crop == 'background' and is_picture(path):
            raise ValueError(f'{path}: {NOT_OF_PICTURES}')
    if arguments.joints:
        _check_joints(arguments.joints, batch.walks)
    if arguments.everyone:
        _check_scenes(arguments, batch.walks)
    check_targets_differ(output for output in (arguments.joints, *outputs.values()) if output)
    batch.look()
    if batch.is_lost:
        return batch.give_up()
    weights = find_pose_weights(arguments.pose_weights)
    if arguments.output and len(outputs) > 1:
        arguments.output.mkdir(parents=True, exist_ok=True)

    def work(net, path, source):
        if arguments.everyone:
            return _pose_of_everyone(path, source, outputs[path], net, arguments, boxes)
        return _pose(path, source, outputs[path], net, arguments)
    rows = []
    made_with = str(arguments.output), str(arguments.joints), state_of(weights), boxes_state(arguments)
    for answer in batch.answers(lambda: open_pose_network(weights, arguments.precision), work, made_with,
                                lambda answer: _is_there(answer, arguments)):
        if arguments.joints and answer['error'] is None:
            rows += _joint_rows_of(answer)
    if rows and not _is_trc(arguments.joints):
        write_rows(arguments.joints, rows)
    elif arguments.joints and not rows and not batch.failed:
        say(f'{arguments.joints} was not written: there are no joints')
    return batch.status()


def _opened(path, arguments):
    """The frames of a walk; None of a picture, which can be read."""
    if not is_picture(path):
        return read_walk(path, arguments)
    read_picture(path, limits(arguments))
    return None


def _without_drawings(paths):
    """Of the walks of a folder or pattern, not those that this command drew of the others."""
    drawn = {str(path.with_name(f'{path.stem}_pose')) for path in map(pathlib.Path, paths)}
    left = [path for path in paths if str(pathlib.Path(path).with_suffix('')) not in drawn]
    if len(left) < len(paths):
        say(f'{len(paths) - len(left)} drawings of other inputs, named ..._pose, are left out')
    return left


def _is_trc(path):
    return path is not None and path.suffix.lower() == '.trc'


def _check_joints(target, paths):
    """Refuse before computing what could not be written afterwards."""
    if target.suffix.lower() not in SUFFIXES:
        raise ValueError(f'{target}: joints are written as {", ".join(SUFFIXES)}')
    if _is_trc(target) and (len(paths) > 1 or is_picture(paths[0])):
        raise ValueError(f'{target}: a .trc holds one walk, no pictures and not several')
    check_target(target, writes=JOINTS, inputs=paths)


def _is_there(answer, arguments):
    """Whether all that an answer wrote is there still; the rows of joints are written again from the answers."""
    return answer['error'] is not None or not _is_trc(arguments.joints) and wrote_boxes(arguments)(answer) and (
        answer['output'] is None or os.path.exists(answer['output']))


def _joint_rows_of(answer):
    """The rows of `--joints` in an answer, of a walk or of a scene's tracks."""
    if 'tracks' not in answer:
        return [{'path': answer['path'], **row} for row in answer['joints']]
    return [{'path': answer['path'], 'track': track['track'], **row} for track in answer['tracks']
            for row in track['joints']]


def _pose(path, source, output, net, arguments):
    """The answer for a picture or walk, and its text."""
    height = len(source.peek()[0]) if _is_trc(arguments.joints) else None
    found, summary = (_pose_of_picture(path, output, net, arguments) if source is None else
                      _pose_of_walk(path, source, output, net, arguments))
    rows = joint_rows(found, arguments.threshold, arguments.keypoints)
    if _is_trc(arguments.joints):
        write_trc(arguments.joints, found, source.fps, height, arguments.every, arguments.threshold,
                  arguments.keypoints)
    name = without_secrets(path)
    lines = [f'{name}: {summary["used"]} of {summary["frames"]} frames' + (f' -> {output}' if output else '')]
    if source is None:
        lines += map(_as_line, rows)
    return {'path': name, 'output': output and str(output), **summary, 'joints': rows}, as_text(lines)


def _pose_output(path, arguments, count):
    """Where the drawing of one of so many sources goes; None where only joints were asked for."""
    output = arguments.output
    if output is None and arguments.joints:
        return None
    if output is not None and not output.is_dir():
        if count == 1:
            return output
        if output.suffix.lower() in {*DRAWING_FORMATS, '.gif', *VIDEOS}:
            raise ValueError(f'--output {output}: of several inputs it is a folder, which is made, and not one file')
        check_folder('--output', output)
    if is_live(path):
        raise ValueError(f'{path} has no name to give to its drawing: say --output FILE, or --joints FILE alone')
    source = pathlib.Path(os.path.abspath(os.path.dirname(path) if glob.has_magic(path) else path))
    suffix = source.suffix.lower()
    if is_picture(path):
        suffix = suffix if suffix in DRAWING_FORMATS else '.png'
    elif not source.is_file() or suffix not in VIDEOS:
        suffix = '.mp4' if source.is_file() and suffix not in ('.gif', '.webp', '.tif', '.tiff') else '.gif'
    return (output or source.parent) / f'{source.stem}_pose{suffix}'


def _check_drawing(path, output, inputs):
    expected = DRAWING_FORMATS if is_picture(path) else {'.gif': 'GIF', **VIDEOS}
    if output.suffix.lower() not in expected:
        raise ValueError(f'{output}: the drawing of {path} is written as {", ".join(expected)}')
    if output.suffix.lower() in VIDEOS:
        import_av(output, 'writing a video (a .gif does without)')
    if output.parent.is_dir() or len(inputs) == 1:          # else it is made
        check_target(output, writes=(PICTURE, VIDEO), inputs=inputs)


def _as_line(row):
    """A joint of a picture, as the command prints it."""
    if row['probability'] is None:
        return f'  {row["joint"]:15} not given'
    return (f'  {row["joint"]:15} y {row["y"]:7.1f}  x {row["x"]:7.1f}  {row["probability"]:.2%}'
            + ('' if row['sure'] else '  unsure'))


def _pose_of_picture(path, output, net, arguments):
    """The joints of a picture, drawn if there is an output: (list of FrameJoints, facts)."""
    picture, whole = read_for(path, arguments.crop, output is not None, limits(arguments))
    view, box = picture_view(picture, arguments.crop, net, whole)
    joints = joints_of_view(view, box, net)
    if output is not None:
        frame = np.asarray(picture)
        if arguments.heat_maps:
            frame = blend_heat_maps(frame, net.heat_maps(view[None])[0], box)
        with gait_files.replacing(output, shared=True) as file:
            drawing = Image.fromarray(draw_skeleton(frame, joints, arguments.threshold))
            drawing.save(file, DRAWING_FORMATS[output.suffix.lower()], quality=95)
    return [FrameJoints(0, joints)], {'frames': 1, 'used': 1, 'skipped': 0,
                                      'crop': 'pose' if arguments.crop == 'pose' else 'none', 'remarks': []}


def _pose_of_walk(path, source, output, net, arguments):
    """The joints of a walk (Frames), drawn if there is an output: (list of FrameJoints, facts)."""
    source, whole = _to_draw_on(path, source, arguments) if output is not None else (source, None)
    looks = Looks()
    found, track = joints_of_walk(source, arguments.crop, net, looks.add)
    fitness = fitness_of(source, track, found, looks)
    say_track(track, arguments.verbose)
    if output is not None:
        whole.reached.next_stage()
        write_frames(output, _drawn(whole, source.every, found, track, net, arguments), whole.fps / whole.every)
    return found, {**used_frames(track), 'check': fitness.as_dict()}


def _to_draw_on(path, source, arguments):
    """The source, and what is drawn on: all of its frames where they can be read again, else those that were kept."""
    if source.every == 1 or not source.rereadable:
        return (kept := source.kept()), kept
    whole = read_walk(path, argparse.Namespace(**{**vars(arguments), 'every': 1}))
    whole.reached = source.reached                          # who watches one sees the other
    return source, whole


def _check_scenes(arguments, paths):
    """Refuse what does not go with --everyone."""
    for path in filter(is_picture, paths):
        raise ValueError(f'{path}: --everyone takes scenes that move, not one picture')
    if _is_trc(arguments.joints):
        target = arguments.joints
        for path in target.parent.glob(glob.escape(f'{target.stem}-track-') + f'*{target.suffix}'):
            check_target(path, writes=JOINTS, inputs=paths)


def _pose_of_everyone(path, source, output, net, arguments, boxes):
    """The answer for a scene, drawn if there is an output, and its text."""
    source, whole = _to_draw_on(path, source, arguments) if output is not None else (source.kept(), None)
    people = find_people(source, net, arguments, boxes)
    looks = [Looks() for _ in people]
    poses = people_joints(people, net, looks)
    checks = [fitness_of(people.frames, person.walk, [pose for pose in own if not pose.crowded], seen)
              if person.walk.numbers else None for person, own, seen in zip(people, poses, looks)]
    if output is not None:
        whole.reached.next_stage()
        write_frames(output, drawn_people(people, poses, None, arguments.threshold, arguments.plain, whole,
                                          net if arguments.heat_maps else None), whole.fps / whole.every)
    if _is_trc(arguments.joints):
        _write_trcs(arguments, people, poses)
    tracks = [{**person.as_dict(), 'remarks': person.walk.remarks, 'check': fitness and fitness.as_dict(),
               'joints': joint_rows(own, arguments.threshold, arguments.keypoints, with_crowded=True)}
              for person, own, fitness in zip(people, poses, checks)]
    name = without_secrets(path)
    lines = [headline(name, people) + (f' -> {output}' if output else ''), *(f'  {person}' for person in people)]
    return {'path': name, 'output': output and str(output), **scene_facts(people), 'tracks': tracks}, as_text(lines)


def _write_trcs(arguments, people, poses):
    """A .trc for each track with joints that are surely its own."""
    frames, target = people.frames, arguments.joints
    for person, own in zip(people, poses):
        if not all(pose.crowded for pose in own):
            path = target.with_name(f'{target.stem}-track-{person.number}{target.suffix}')
            write_trc(path, own, frames.fps, people.shape[0], frames.every, arguments.threshold, arguments.keypoints)
            say(f'wrote {path}')


def _drawn(frames, step, found, track, net, arguments):
    """The frames with what was found on them, enlarged if they are small."""
    overlay = Overlay(found, arguments.threshold, step, is_plain=arguments.plain)
    boxes = dict(zip(track.numbers, track.boxes)) if arguments.heat_maps else {}
    for index, (number, frame) in enumerate(frames.numbered()):
        heat = None
        if number in boxes:
            top, left, side = boxes[number]
            heat = net.heat_maps(cut_square(frame, boxes[number])[None])[0], (top, left, side, side)
        yield overlay.draw(number, frame, frames.seconds[index], heat)
