"""`gait-recognition pose`: the skeleton drawn on pictures and videos, the joints written down."""
import argparse
import glob
import os
import pathlib

import numpy as np
from PIL import Image

import gait_files
from gait_recognition.commands.everyone import add_everyone, check_everyone, find_people, headline
from gait_recognition.commands.options import add_frames, add_output, add_pose_weights, add_range, limits, share
from gait_recognition.commands.walks import read_walk, say_track, used_frames
from gait_recognition.console import check_folder, check_target, check_targets_differ, print_answer
from gait_recognition.drawing import draw_skeleton
from gait_recognition.joint_files import KEYPOINTS, SUFFIXES, joint_rows, write_rows, write_trc
from gait_recognition.kinds import JOINTS, PICTURE, VIDEO
from gait_recognition.overlays import Overlay, blend_heat_maps
from gait_recognition.people.poses import drawn_people, people_joints
from gait_recognition.pictures import is_picture, read_picture
from gait_recognition.poses import FrameJoints, joints_of_view, joints_of_walk, picture_view
from gait_recognition.sources import is_live, path_of
from gait_recognition.tracking.joints import SURE
from gait_recognition.tracking.track import cut_square
from gait_recognition.videos import VIDEOS, import_av, write_frames
from gait_recognition.weights import find_pose_weights, load_tensorflow, open_pose_network

DRAWING_FORMATS = {'.jpg': 'JPEG', '.jpeg': 'JPEG', '.png': 'PNG', '.webp': 'WEBP'}    # and Pillow's names


def pose_arguments(parser):
    for add in (add_pose_weights, add_frames, add_output):
        add(parser)
    parser.add_argument('walks', nargs='+', metavar='PICTURE|VIDEO',
                        help='a picture (taken whole unless --crop pose), a video, a folder or pattern of pictures')
    parser.add_argument('--output', type=pathlib.Path, metavar='FILE|FOLDER',
                        help=f'the drawing: {", ".join(DRAWING_FORMATS)} of a picture; .gif, '
                             f'{", ".join(VIDEOS)} of a video '
                             '(default: NAME_pose beside the input; none with --joints alone)')
    parser.add_argument('--joints', type=pathlib.Path, metavar='FILE',
                        help='write path, frame, time (seconds), joint, y, x (pixels of the input), probability and '
                             'whether it is sure as .csv or .json; or the joints of one walk as .trc')
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
    check_everyone(arguments)
    is_trc = arguments.joints is not None and arguments.joints.suffix.lower() == '.trc'
    paths, jobs = [walk if is_live(walk) else path_of(walk) for walk in arguments.walks], []
    for path in paths:
        output = _pose_output(path, arguments)
        source = None if is_picture(path) else read_walk(path, arguments)       # complains about what cannot be read
        if source is None:
            read_picture(path, limits(arguments))
        if output is not None:
            _check_drawing(path, output, paths)
        jobs.append((path, output, source))
    if arguments.joints:
        if arguments.joints.suffix.lower() not in SUFFIXES:
            raise ValueError(f'{arguments.joints}: joints are written as {", ".join(SUFFIXES)}')
        if is_trc and (len(jobs) > 1 or jobs[0][2] is None):
            raise ValueError(f'{arguments.joints}: a .trc holds one walk, no pictures and not several')
        check_target(arguments.joints, writes=JOINTS, inputs=paths)
    if arguments.everyone:
        _check_scenes(arguments, jobs, is_trc)
    check_targets_differ(output for output in (arguments.joints, *(output for _, output, _ in jobs)) if output)
    weights = find_pose_weights(arguments.pose_weights)
    load_tensorflow(arguments.verbose)
    rows, data, lines = [], [], []
    if arguments.output and len(jobs) > 1:
        arguments.output.mkdir(parents=True, exist_ok=True)
    with open_pose_network(weights, arguments.precision) as net:
        for path, output, source in jobs:
            if arguments.everyone:
                facts, own, said = _pose_of_everyone(path, source, output, net, arguments)
                data.append(facts)
                rows += own
                lines += said
                continue
            height = len(source.peek()[0]) if is_trc else None
            found, summary = (_pose_of_picture(path, output, net, arguments) if source is None else
                              _pose_of_walk(path, source, output, net, arguments))
            own = joint_rows(found, arguments.threshold, arguments.keypoints)
            rows += [{'path': path, **row} for row in own]
            data.append({'path': path, 'output': output and str(output), **summary, 'joints': own})
            lines.append(f'{path}: {summary["used"]} of {summary["frames"]} frames'
                         + (f' -> {output}' if output else ''))
            if source is None:
                lines += map(_as_line, own)
    if is_trc:
        write_trc(arguments.joints, found, source.fps, height, arguments.every, arguments.threshold,
                  arguments.keypoints)
    elif arguments.joints:
        write_rows(arguments.joints, rows)
    print_answer(arguments, data, '\n'.join(lines))
    return 0


def _pose_output(path, arguments):
    """Where the drawing of a source goes; None where only joints were asked for."""
    output = arguments.output
    if output is None and arguments.joints:
        return None
    if output is not None and not output.is_dir():
        if len(arguments.walks) == 1:
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
    picture = read_picture(path, limits(arguments))
    view, box = picture_view(picture, arguments.crop, net)
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
    whole = source
    if output is not None:                                  # it is read again to be drawn on, all of it if it can be
        if source.every > 1 and source.rereadable:
            whole = read_walk(path, argparse.Namespace(**{**vars(arguments), 'every': 1}))
        else:
            whole = source = source.kept()
    found, track = joints_of_walk(source, arguments.crop, net)
    say_track(track, arguments.verbose)
    if output is not None:
        write_frames(output, _drawn(whole, source.every, found, track, net, arguments), whole.fps / whole.every)
    return found, used_frames(track)


def _check_scenes(arguments, jobs, is_trc):
    """Refuse what does not go with --everyone."""
    for path, _, source in jobs:
        if source is None:
            raise ValueError(f'{path}: --everyone takes scenes that move, not one picture')
    for option, given in (('a .trc', is_trc), ('--heat-maps', arguments.heat_maps)):
        if given:
            raise ValueError(f'{option} is of one walker: it does not go with --everyone')


def _pose_of_everyone(path, source, output, net, arguments):
    """(facts, rows of joints, lines) of everybody in a scene, drawn if there is an output."""
    people = find_people(source.kept(), net, arguments)
    poses = people_joints(people, net)
    if output is not None:
        write_frames(output, drawn_people(people, poses, sure=arguments.threshold), source.fps / source.every)
    facts = {'path': path, 'output': output and str(output), 'frames': people.frames.count + people.frames.skipped,
             'skipped': people.frames.skipped, 'remarks': people.remarks, 'tracks': []}
    rows, lines = [], [headline(path, people) + (f' -> {output}' if output else '')]
    for person, own in zip(people, poses):
        joints = joint_rows(own, arguments.threshold, arguments.keypoints)
        facts['tracks'].append({**person.as_dict(), 'joints': joints})
        rows += [{'path': path, 'track': person.number, **row} for row in joints]
        lines.append(f'  {person}')
    return facts, rows, lines


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
