"""The command `gait-recognition`: from a walking video to a name, one sub-command for each question.

    gait-recognition --help
    gait-recognition identify people.gallery walk.mp4

It knows the sub-commands' names, imports the one that is called (`commands`), runs it and says how it ended: help comes
without TensorFlow. Standard output gets the answer and nothing else; messages and progress go to standard error.
"""
import argparse
import importlib
import sys
import warnings
from typing import NamedTuple

from gait_recognition import __version__
from gait_recognition.console import STANDARD_OUTPUT, as_message, reason_of, say, set_warnings, show_traceback
from gait_recognition.door import interrupted, to_nowhere

EXIT_STATUS = ('exit status: 0 done (identify: every walk has a name; verify: the same person),\n'
               '1 no such yes (unknown, different, uncalibrated; fetch: a file is missing or bad;\n'
               'check: a recording is poor; gallery check: something to look at),\n'
               '2 bad input (of many walks: some could not be read),\n'
               '3 identify: no walk is unknown, but some names are weak,\n'
               '70 an unexpected error (its lines belong in a bug report), 130 interrupted,\n'
               '141 nobody read the answer to its end')
BAD_INPUT = (OSError, ValueError, ImportError, RuntimeError)        # whatever else is raised is unexpected


class Command(NamedTuple):
    """A sub-command: the module of `commands` that holds `<name>_arguments` and `<name>_command`, and its help."""
    module: str
    help: str
    example: str        # a line each


COMMANDS = {
    'pose': Command('pose', 'draw the skeleton on pictures and videos, write the joints down',
                    'pose walk.mp4 --output walk_pose.gif --joints joints.csv'),
    'gait': Command('gait', "measure walks: cadence, times, lengths, the joints' angles; no medical device",
                    'gait walk.mp4 --output walk_gait.svg --table walk_gait.csv'),
    'check': Command('check', 'say whether recordings are fit to tell people by (1: one is poor)',
                     'check anna-1.mp4 anna-2.mp4\ncheck videos --csv'),
    'vector': Command('vector', "write or print walks' identification vectors",
                      'vector anna-1.mp4 anna-2.mp4 --output vectors.npz'),
    'enrol': Command('recognise', "add people's walks to a gallery",
                     'enrol people.gallery --name anna anna-1.mp4 anna-2.mp4\n'
                     'enrol people.gallery --manifest walks.csv'),
    'identify': Command('recognise', 'say whose walks these are (0 all have a name, 3 some weak, 1 not all)',
                        'identify people.gallery unknown.mp4\nidentify people.gallery scene.mp4 --everyone'),
    'verify': Command('recognise', 'say whether two walks belong to one person (0 the same, 1 not)',
                      'verify people.gallery monday.mp4 tuesday.mp4'),
    'watch': Command('watch', 'name everybody who walks by a camera, as long as it runs',
                     'watch 0 people.gallery --jsonl\nwatch rtsp://camera/hall people.gallery --clips clips'),
    'evaluate': Command('evaluate', 'measure how well vectors tell the people of a data set apart',
                        "evaluate walks.csv --gallery N1-N4 --probes 'N5-N6 B1-B2' --plots plots\n"
                        'evaluate --tum-gaid TUMGAID --experiment 1'),
    'gallery': Command('gallery', 'list, check, change, export or calibrate what a gallery holds',
                       'gallery list people.gallery'),
    'convert': Command('convert', 'write weights in another form: V1 or .npz to .ckpt (V2), .ckpt to .npz',
                       'convert runs/gait/best-GRU-1.ckpt mine-GRU-1.npz'),
    'walkers': Command('walkers', 'write walks of synthetic people, to try everything without any data',
                       'walkers demo --people 3 --walks 4'),
    'fetch': Command('fetch', 'fetch and verify the published weights',
                     'fetch\nfetch MPII+LSP.ckpt M+L-GRU-2.ckpt --to models\nfetch --check'),
}


def _parser(chosen):
    """The parser; only the sub-command `chosen` gets its arguments, which its module knows."""
    parser = argparse.ArgumentParser(
        prog='gait-recognition', formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Recognise people by the way they walk, and estimate their poses.',
        epilog=f'{EXIT_STATUS}\n\nexample:\n  gait-recognition walkers demo\n'
               '  gait-recognition enrol people.gallery --manifest demo/gallery.csv\n'
               '  gait-recognition gallery calibrate people.gallery --false-accept-rate 0.2\n'
               '  gait-recognition identify people.gallery demo/anna-4.mp4')
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    for name, command in COMMANDS.items():
        lines = ''.join(f'  gait-recognition {line}\n' for line in command.example.split('\n'))
        sub = commands.add_parser(name, help=command.help, description=command.help, epilog=f'example:\n{lines}',
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == chosen:
            module = importlib.import_module(f'gait_recognition.commands.{command.module}')
            sub.set_defaults(run=getattr(module, f'{name}_command', None), verbose=False)
            getattr(module, f'{name}_arguments')(sub)
    return parser


def _parse(argv):
    """The arguments; walks may come before and after options, which argparse alone does not take."""
    parser = _parser(argv[0] if argv else None)
    arguments, rest = parser.parse_known_args(argv)
    if rest:
        has_walks = isinstance(getattr(arguments, 'walks', None), list)         # of `walkers` it is a number
        if not has_walks or any(argument.startswith('-') for argument in rest):
            parser.error(as_message(f'unrecognized arguments: {" ".join(rest)}'))
        arguments.walks += rest
    return arguments


def main(argv=None):
    """Run the command; return its exit status (see `EXIT_STATUS`).

    Parameters
    ----------
    argv : list of str, optional
        Its arguments; by default the process's.
    """
    arguments = _parse(sys.argv[1:] if argv is None else argv)
    return _status_of(lambda: arguments.run(arguments), arguments.verbose)


def _status_of(run, verbose=False):
    """Run a sub-command; return its exit status, after a line for whatever it raised."""
    with warnings.catch_warnings():
        set_warnings(verbose)
        try:
            status = run()
            sys.stdout.flush()
            return status
        except KeyboardInterrupt:
            say('interrupted')
            return 130
        except BrokenPipeError:                             # whoever reads, as in "| head", has seen enough
            to_nowhere(sys.stdout)
            return 128 + 13                                 # as a shell says it of SIGPIPE
        except Exception as error:
            if interrupted():
                say('interrupted')
                return 130
            expected = isinstance(error, BAD_INPUT)
            if verbose or not expected:
                show_traceback(error)
            if getattr(error, 'filename', None) == STANDARD_OUTPUT:
                to_nowhere(sys.stdout)
            said = reason_of(error)
            say(said if expected else f'unexpected {type(error).__name__}: {said}')
            return 2 if expected else 70
