"""What a command says: answers on standard output, messages and warnings on standard error; checks of what it is told:
numbers, targets, folders.
"""
import argparse
import functools
import glob
import json
import math
import os
import pathlib
import re
import sys
import traceback
import warnings

from gait_recognition.masking import in_one_line, without_controls, without_secrets
from gait_recognition.progress import clear_line

LONGEST_NUMBER = 18             # digits
STANDARD_OUTPUT = 'standard output'


def as_message(line):
    """What is said, in one line, without secrets, and without what a terminal would obey."""
    return without_controls(without_secrets(in_one_line(str(line))))


def say(line):
    clear_line()
    print(f'gait-recognition: {as_message(line)}', file=sys.stderr, flush=True)


def show_traceback(error):
    """Where an error arose, on standard error."""
    lines = ''.join(traceback.format_exception(error))
    print(without_controls(without_secrets(lines)), end='', file=sys.stderr, flush=True)


def set_warnings(verbose):
    """Warnings to users as messages of this command; those to programmers only if `verbose`."""
    if not verbose:
        warnings.simplefilter('ignore')
        warnings.simplefilter('always', UserWarning)
    said = set()

    def show(message, category, filename, *_):
        text = str(message)
        if os.path.basename(os.path.dirname(filename)) == 'PIL':        # which says it whenever a picture is opened
            if text in said:
                return
            said.add(text)
        say(text)
    warnings.showwarning = show


def counted(number, one, several=None):
    """'1 walk', '2 walks', '3 people' (`several` of a person)."""
    return f'{number} {one if number == 1 else several or one + "s"}'


def walks_of_people(walks, people):
    return f'{counted(walks, "walk")} of {counted(people, "person", "people")}'


def message_of(error):
    """What an exception says; of an error of the system's the file's name and why, without its number."""
    named = isinstance(error, OSError) and error.filename
    return f'{error.filename}: {error.strerror}' if named else str(error)


def as_options(text):
    """A message with a parameter of Python's calls as users of the command say it: crop='pose' is --crop pose."""
    return re.sub(r"\bcrop='(\w+)'", r'--crop \1', text)


def reason_of(error):
    """What an error says, in one line, whoever raised it."""
    return without_secrets(in_one_line(as_options(message_of(error))))


def program_name():
    """What usage calls this program: a script's name, or how a module was run (as argparse does from Python 3.14)."""
    spec = getattr(sys.modules['__main__'], '__spec__', None)
    return f'python -m {spec.name.removesuffix(".__main__")}' if spec else os.path.basename(sys.argv[0])


def put(text, end='\n'):
    """Print a part of the answer at once, on a terminal without controls; a full disk behind it is named."""
    from gait_files import named_when_full  # NumPy: not for --help

    if sys.stdout.isatty():
        text = without_controls(text)
    clear_line()
    with named_when_full(STANDARD_OUTPUT):
        print(text, end=end, flush=True)


def as_text(lines):
    """The lines as one text; none of them becomes two by a name in it."""
    return '\n'.join(map(in_one_line, lines))


def as_json(data):
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)


def print_answer(arguments, data, *lines):
    """Print an answer: `data` as JSON if asked for, else the lines."""
    put(as_json(data) if arguments.json else as_text(lines))


def integer(text, least):
    """argparse type: an integer from `least` on."""
    if not text.isdecimal() or len(text) > LONGEST_NUMBER or int(text) < least:
        raise argparse.ArgumentTypeError(f'expected an integer from {least} on, got {text[:50]!r}')
    return int(text)


count, seed = functools.partial(integer, least=1), functools.partial(integer, least=0)


def number(text, most=math.inf, what='a number, 0 or more'):
    """argparse type: a finite number, 0 to `most`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most or math.isinf(value):
        raise argparse.ArgumentTypeError(f'expected {what}, got {text[:50]!r}')
    return value


share = functools.partial(number, most=1, what='a share, 0 to 1')
seconds = functools.partial(number, what='seconds, 0 or more')


def check_target(path, is_folder=False, writes=None, inputs=()):
    """Refuse before computing what could not be written afterwards, or would take the place of something else.

    Parameters
    ----------
    path : pathlib.Path
    is_folder : bool
        It is a folder that is to be written; the caller says which may be there.
    writes : str or tuple of str, optional
        What comes into the file, in words of `kinds`: a file that holds something else is not replaced.
    inputs : iterable of str or os.PathLike
        What the same command reads: files, folders, patterns.
    """
    target = os.path.realpath(path)                                 # what a link points to
    if os.path.islink(target):
        raise FileExistsError(f'{path} is a link that leads to itself; the name of a file to write was expected')
    parent = pathlib.Path(target).parent
    if not parent.is_dir():
        raise FileNotFoundError(f'{path.parent}: no such folder to write {path.name} in')
    if not path.is_dir() or is_folder:
        _check_writable(parent, path)
    if is_folder or not path.exists():
        return
    if path.is_dir():
        raise IsADirectoryError(f'{path} is a folder; the name of a file to write was expected')
    if not path.is_file():
        raise FileExistsError(f'{path} is a device or a pipe; the name of a file to write was expected')
    if any(path.samefile(each) for given in inputs for each in _files_of(given)):
        raise FileExistsError(f'{path} is what is to be read; name another file to write')
    from gait_recognition.kinds import kind_of  # NumPy: not for --help

    writes = (writes,) if isinstance(writes, str) else writes
    kind = kind_of(path) if writes else None
    if kind is not None and kind not in writes:
        raise FileExistsError(f'{path} is there already and holds {kind}, not {" or ".join(writes)}: name another '
                              'file, or remove it first')


def check_targets_differ(paths):
    """Refuse two outputs of one command that would be one file."""
    seen = {}
    for path in paths:
        if seen.setdefault(os.path.realpath(path), path) is not path:
            raise ValueError(f'{path}: two outputs of this command have this name; write them into different files')


def _files_of(given):
    """The files that an input names, itself, in its folder, or by its pattern."""
    given = os.path.expanduser(given)
    if os.path.isdir(given):
        with os.scandir(given) as entries:
            return [entry.path for entry in entries if entry.is_file()]
    return [given] if os.path.exists(given) else (path for path in glob.glob(given) if os.path.isfile(path))


def check_folder(option, path):
    """Refuse before computing a folder that could not be made afterwards."""
    there = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    if not there.is_dir():
        raise NotADirectoryError(f'{option} {path}: expected a folder, {there} is a file')
    _check_writable(there, path)


def _check_writable(folder, path):
    from gait_files import check_writable  # NumPy: not for --help

    check_writable(folder, path)
