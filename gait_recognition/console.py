"""What a command says: answers on standard output, messages and warnings on standard error; checks of targets."""
import json
import sys
import warnings


def say(line):
    print(f'gait-recognition: {line}', file=sys.stderr, flush=True)


def show_warning(message, *where):
    say(message)


def set_warnings(verbose):
    """Warnings to users as messages of this command; those to programmers only if `verbose`."""
    if not verbose:
        warnings.simplefilter('ignore')
        warnings.simplefilter('always', UserWarning)
    warnings.showwarning = show_warning


def print_answer(arguments, data, text):
    """Print an answer: `data` as JSON if asked for, else `text`."""
    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) if arguments.json else text)


def check_target(path, is_folder=False):
    """Refuse before computing what could not be written afterwards."""
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f'{path.parent}: no such folder to write {path.name} in')
    if path.is_dir() and not is_folder:
        raise IsADirectoryError(f'{path} is a folder; the name of a file to write was expected')


def check_folder(option, path):
    """Refuse before computing a folder that could not be made afterwards."""
    there = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    if not there.is_dir():
        raise NotADirectoryError(f'{option} {path}: expected a folder, {there} is a file')
