"""Options of the training commands: what both have, and how both refuse."""
import argparse
import pathlib
import sys

from gait_recognition.console import as_message, as_options, check_folder, check_target, message_of
from gait_recognition.weights import load_tensorflow


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Adds its default to the help of every option that has one."""

    def _get_help_string(self, action):
        has_default = action.default is not None and action.default is not False        # 0 is one
        return super()._get_help_string(action) if has_default else action.help


def check_outputs(parser, arguments, files, inputs=()):
    """End the command with a message where what it is to write has no place, or would take that of something else.

    Parameters
    ----------
    files : dict of str to str
        Names of options that are files to write, and what comes into them (`kinds`).
    inputs : iterable of str
        As of `check_target`.
    """
    for name in ('output', 'features', *files):
        path = getattr(arguments, name, None)
        try:
            if path and name in files:
                check_target(pathlib.Path(path), writes=files[name], inputs=inputs)
            elif path:
                check_folder(f'--{name}', pathlib.Path(path))
        except (OSError, ValueError) as error:
            parser.error(str(error) if name not in files else f'--{name}: {error}')


def refuse_ignored(parser, arguments, rules):
    """End the command with a message where an option is set that would change nothing.

    Parameters
    ----------
    rules : iterable of (str, bool, str)
        Names of options with spaces between them, whether they are ignored, and what the message says of them.
    """
    for names, are_ignored, why in rules:
        for name in names.split() if are_ignored else ():
            if getattr(arguments, name) != parser.get_default(name):
                parser.error(f'--{name.replace("_", "-")} {why}')


def run_command(name, command, arguments):
    """Run a command; returns the exit status: its own, 1 when interrupted, 2 after a message for bad input."""
    try:
        load_tensorflow()                                   # its first lines, of no use to anybody, kept back
        return command(arguments)
    except (ValueError, OSError, ImportError, RuntimeError, FloatingPointError) as error:
        print(f'{name}: {as_message(as_options(message_of(error)))}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f'{name}: interrupted; the same command goes on from there', file=sys.stderr)
        return 1
