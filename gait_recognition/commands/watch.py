"""`gait-recognition watch`: who walks by a camera, as long as it runs."""
import contextlib
import pathlib
import signal
import threading

from gait_recognition.commands.asking import (
    add_calibrate,
    as_data,
    asked,
    check_calibrate,
    check_gallery,
    how_to_calibrate,
    identified,
)
from gait_recognition.commands.batch import as_line
from gait_recognition.commands.options import add_gait_weights, add_gallery, add_pose_weights, add_reading
from gait_recognition.commands.walks import chosen_weights, describing
from gait_recognition.console import as_text, check_folder, count, number, put, say, seed, walks_of_people
from gait_recognition.facts import Limits
from gait_recognition.live import Live
from gait_recognition.sources import is_camera
from gait_recognition.watching import NAMED, watch
from gait_recognition.weights import load_tensorflow

SOURCE_HELP = ('a camera (its number, or device such as /dev/video0), an address (rtsp://, http://, https://), a file, '
               '- for standard input')


def watch_arguments(parser):
    parser.add_argument('source', metavar='SOURCE', help=SOURCE_HELP)
    add_gallery(parser)
    for add in (add_pose_weights, add_gait_weights, add_reading, add_calibrate):
        add(parser)
    parser.set_defaults(crop='auto')                        # a still camera: with those of galleries
    parser.add_argument('--top', type=count, default=5, metavar='N', help='names in a ranking (default: 5)')
    parser.add_argument('--max-lag', type=number, default=2.0, metavar='SECONDS',
                        help='that frames of a camera may wait; beyond, every second one is used, then every fourth, '
                             'every eighth (default: %(default)s)')
    parser.add_argument('--retries', type=seed, metavar='N',
                        help='how often in a row a camera or stream that broke is opened again (default: for ever)')
    parser.add_argument('--real-time', action='store_true',
                        help='read a file no faster than it was filmed, as a camera would give it')
    parser.add_argument('--clips', type=pathlib.Path, metavar='FOLDER',
                        help='keep a video of each walker, cut out, in this folder')
    parser.add_argument('--jsonl', '--json', action='store_true', dest='jsonl',
                        help='print a line of JSON for each event')
    parser.add_argument('--verbose', action='store_true',
                        help="say more: TensorFlow's messages, which weights are used, where an error arose")


def watch_command(arguments):
    """Print a line for everybody who walks by, until the source is over or a signal says so."""
    check_gallery(arguments.gallery, arguments.key_file)
    check_calibrate(arguments)
    if arguments.clips:
        check_folder('--clips', arguments.clips)
    source = int(arguments.source) if is_camera(arguments.source) else arguments.source
    live = Live(source, arguments.every, arguments.max_lag, arguments.retries, arguments.real_time,
                stream=arguments.stream, limits=Limits(arguments.max_pixels), say=say)
    weights = chosen_weights(arguments)
    with asked(arguments, weights, 'identify') as gallery:
        if not len(gallery):
            raise ValueError(f'{arguments.gallery}: the gallery is empty; enrol somebody first')
        point = gallery.calibration.get('identify')
        say(f'{walks_of_people(len(gallery), len(gallery.list()))}; '
            + (point.rates() if point else how_to_calibrate(arguments.gallery)))
        load_tensorflow(arguments.verbose)
        with describing(weights) as (pose_net, gait_net):
            watching = watch(live, gallery, pose_net, gait_net, clips=arguments.clips, top=arguments.top, say=say)
            with _ended_by_signals(watching):
                for event in watching:
                    put(as_line(_facts(event, live)) if arguments.jsonl else _line(event))
    return 0


@contextlib.contextmanager
def _ended_by_signals(watching):
    """SIGTERM and Ctrl-C end the watch, after what is under way; a second one ends it as it would without this."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)
              if signal.getsignal(each) is not signal.SIG_IGN}

    def end(which, _):
        watching.stop()
        signal.signal(which, before[which])
    try:
        for each in before:
            signal.signal(each, end)
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _facts(event, live):
    """An event as JSON has it."""
    answer = as_data(event.answer, None) if event.answer else {'decision': event.decision, 'name': None, 'ranking': []}
    answer.pop('calibration', None)
    return {'source': live.name, **event.as_dict(), **answer}


def _line(event):
    """An event as a line of text: the clock is local."""
    head = (f'{event.ended.astimezone():%Y-%m-%d %H:%M:%S}  track {event.track}, {event.start:.2f} to {event.end:.2f} '
            f's, quality {event.quality:.2f}')
    if event.kind == NAMED:
        head += ', walking'
    return as_text([next(identified(head, event.answer)) if event.answer else f'{head}: unknown  ({event.problem})'])
