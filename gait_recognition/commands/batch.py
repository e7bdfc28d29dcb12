"""What commands do with many walks: each one's answer printed when it is there, in four forms; bad ones left behind."""
import contextlib
import csv
import functools
import io
import json
import pathlib
from collections.abc import Callable
from typing import NamedTuple

from gait_recognition.batches import KeptAnswers, find_walks, is_fault_of_walk, key_of
from gait_recognition.commands.walks import read_walk
from gait_recognition.console import as_json, check_target, counted, put, reason_of, say, show_traceback
from gait_recognition.kinds import ANSWERS
from gait_recognition.masking import in_one_line, without_secrets
from gait_recognition.progress import WalksProgress
from gait_recognition.sources import is_read_once, path_of
from gait_recognition.vectors import digest_of
from gait_recognition.weights import load_tensorflow

# Options that change where answers go, or which walks there are, and no answer.
NOT_OF_ANSWERS = {'walks', 'manifest', 'json', 'jsonl', 'csv', 'answers', 'stop_at_error', 'verbose', 'run', 'output',
                  'joints', 'table', 'report', 'gallery', 'key_file', 'calibrate', 'false_accept_rate'}
FRAME_COLUMNS = ('frames', 'used', 'skipped', 'crop', 'remarks')           # of `--csv`: `used_frames` ...
CHECK_COLUMNS = ('check.word', 'check.reasons')                             # and `Fitness`
ANSWERS_VERSION = 4             # to be raised when the same walk and options would give another answer


def add_answers(parser):
    """Options of every command that takes walks."""
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument('--json', action='store_true',
                       help='print the answers as one JSON text: of several walks one object')
    forms.add_argument('--jsonl', action='store_true', help='print a line of JSON for each walk, as soon as it is done')
    forms.add_argument('--csv', action='store_true', help='print a table, a row for each walk')
    parser.add_argument('--answers', type=pathlib.Path, metavar='FILE.jsonl',
                        help='keep each answer there, too; walks whose answers are in it already are not done again: '
                             'after an interruption the same command goes on')
    parser.add_argument('--stop-at-error', action='store_true',
                        help='end at the first walk that cannot be read (default: say why and go on)')
    parser.add_argument('--verbose', action='store_true',
                        help="say more: TensorFlow's messages, which weights and frames are used, where an error arose")


class Form(NamedTuple):
    """How a command's answers are printed.

    Attributes
    ----------
    columns : sequence of str
        Of `--csv`, after walk and error; a dot leads into an answer's parts, as in 'check.word'.
    head : str, optional
        A line before the first answer's text.
    stages : sequence of str
        What is done in each reading of a walk's frames.
    key : {'walk', 'path'}
        What the walk is called in answers.
    is_text : bool
        Without another form something is printed.
    prints : bool
        The batch prints answers; otherwise its command does, of all of them.
    is_kept : bool
        What was done is kept in any case.
    rows : callable, optional
        Of an answer, a dict, those that are rows of `--csv`; by default the answer itself is the one.
    """
    columns: tuple
    head: str | None = None
    stages: tuple = ('finding the walker', 'describing')
    key: str = 'walk'
    is_text: bool = True
    prints: bool = True
    is_kept: bool = False
    rows: Callable | None = None


class Batch:
    """The walks of a command: `look` at them, then ask for their `answers`.

    Parameters
    ----------
    arguments : argparse.Namespace
    form : Form
    walks : list of str, optional
        By default what the words in `arguments.walks` stand for.
    opener : callable, optional
        Opens a walk: (walk, arguments) -> its `Frames`, or None where it is no walk.

    Attributes
    ----------
    walks : list of str
    failed : int
        How many have no answer.
    """

    def __init__(self, arguments, form, walks=None, opener=read_walk):
        self.walks = find_walks(arguments.walks) if walks is None else walks
        self.failed = 0
        self._arguments, self._form, self._opener = arguments, form, opener
        is_one = len(arguments.walks) == 1 and self.walks == [path_of(arguments.walks[0])]
        self._printer = Printer(arguments, form, not is_one)
        if arguments.answers:
            if arguments.answers.suffix.lower() != '.jsonl':
                raise ValueError(f'--answers {arguments.answers}: answers are kept as .jsonl')
            check_target(arguments.answers, writes=ANSWERS, inputs=arguments.walks)
        _check_range(arguments)
        self._problems, self._expected, self._once = {}, [], {}

    def look(self):
        """Open each walk: what can be said before computing is said. After the checks of options and outputs."""
        for number, walk in enumerate(self.walks):
            self._look(number, walk)

    def _look(self, number, walk):
        expected = None
        try:
            source = self._opener(walk, self._arguments)
            expected = getattr(source, 'expected', None)
            if source is not None and not source.rereadable:
                self._once[number] = source                 # opening it again would find nothing
        except Exception as error:
            self._fail(walk, error)
            self._problems[number] = self._reason(walk, error)
        self._expected.append(expected)

    def _fail(self, walk, error):
        """Say a walk's error, or raise it where it is not the walk's, or nothing is to follow it."""
        if self._arguments.stop_at_error or not is_fault_of_walk(error):
            raise error
        self._said(walk, error)

    def _said(self, walk, error):
        if self._arguments.verbose:
            show_traceback(error)
        say(self._reason(walk, error))

    def _reason(self, walk, error):
        """An error in one line that names the walk."""
        reason, name = reason_of(error), in_one_line(without_secrets(walk))
        return reason if name in reason else f'{name}: {reason}'

    @property
    def is_lost(self):
        """Whether no walk can be opened."""
        return len(self._problems) == len(self.walks)

    def give_up(self):
        """Answer where no walk can be opened; the exit status."""
        self.run(contextlib.nullcontext, None)
        return self.status()

    def leave(self, numbers):
        """Leave only the walks of these numbers, and those that cannot be opened."""
        kept = [i for i in range(len(self.walks)) if i in numbers or i in self._problems]
        self.walks = [self.walks[i] for i in kept]
        self._expected = [self._expected[i] for i in kept]
        self._problems, self._once = ({new: each[old] for new, old in enumerate(kept) if old in each}
                                      for each in (self._problems, self._once))

    def run(self, *arguments):
        """`answers` to their end."""
        for _ in self.answers(*arguments):
            pass

    def status(self, otherwise=0):
        """The exit status: 2 where walks have no answer."""
        return 2 if self.failed else otherwise

    def end(self, text):
        """A last line of the text."""
        self._printer.end(text)

    def answers(self, opening, work, made_with=(), is_there=None):
        """Each walk's answer, printed already.

        Parameters
        ----------
        opening : callable
            Gives a context manager of what `work` needs; asked for only where there is something to compute.
        work : callable
            (what `opening` gave, walk, its frames) -> (answer as a dict, its text).
        made_with : tuple
            What answers depend on beside options and walks: weights, a gallery's contents.
        is_there : callable, optional
            Whether a kept answer, a dict, is still whole: what it wrote is there.

        Yields
        ------
        dict
            Its 'error' is None, or the reason why there is no answer.
        """
        with contextlib.ExitStack() as stack:
            kept = stack.enter_context(KeptAnswers(self._arguments.answers, say)) if self._arguments.answers else None
            stack.enter_context(self._printer)
            tools = _Lazy(stack, opening, WalksProgress(self._expected, self._form.stages), self._arguments.verbose)
            taken = 0
            for number, walk in enumerate(self.walks):
                key = self._key(walk, made_with) if kept and number not in self._problems else None
                answer = kept.get(key) if key else None
                if answer and (is_there is None or is_there(answer)):
                    taken += 1
                    if answer['error'] is not None:
                        say(answer['error'])
                elif number in self._problems:
                    answer = self._as_error(walk, self._problems[number])
                else:
                    with self._saying_how_to_go_on(number):
                        answer, may_pass = self._compute(number, walk, tools.progress, functools.partial(
                            work, tools.get()))
                    if key and not may_pass:
                        kept.add(key, answer)
                answer = {name: value for name, value in answer.items() if name != 'key'}
                self.failed += answer['error'] is not None
                self._printer.add(answer)
                yield answer
                if answer['error'] is not None and self._arguments.stop_at_error:
                    say(f'ended at the first error: {counted(len(self.walks) - number - 1, "walk")} not done')
                    break
            if taken:
                say(f'{taken} of {counted(len(self.walks), "answer")} were in {self._arguments.answers} already')
        if self.failed and len(self.walks) > 1:
            say(f'{self.failed} of {counted(len(self.walks), "walk")} could not be read')

    @contextlib.contextmanager
    def _saying_how_to_go_on(self, done):
        try:
            yield
        except BaseException:
            if len(self.walks) > 1:
                how = 'the same command goes on' if self._form.is_kept or self._arguments.answers else \
                    'with --answers FILE.jsonl the same command would go on there'
                say(f'{done} of {counted(len(self.walks), "walk")} were done: {how}')
            raise

    def _compute(self, number, walk, progress, work):
        """(answer, whether its error may pass) of a walk that was not done before."""
        try:
            source = self._once.pop(number, None) or self._opener(walk, self._arguments)
            with progress.showing(number, source or _Picture(walk)):
                answer, text = work(walk, source)
            name = answer.pop(self._form.key, walk)
            return {self._form.key: name, 'error': None, **answer, 'text': text}, False
        except Exception as error:
            if not is_fault_of_walk(error):
                raise
            self._said(walk, error)
            return self._as_error(walk, self._reason(walk, error)), isinstance(error, OSError)

    def _as_error(self, walk, reason):
        return {self._form.key: without_secrets(walk), 'error': reason}

    def _key(self, walk, made_with):
        """What a walk's answer depends on; None for what can be read only once."""
        if is_read_once(walk):
            return None
        options = {name: str(value) for name, value in sorted(vars(self._arguments).items())
                   if name not in NOT_OF_ANSWERS}
        try:
            return key_of(ANSWERS_VERSION, self._arguments.run.__name__, options, made_with, walk, digest_of(walk))
        except (OSError, ValueError):                       # said where it is read
            return None


class _Lazy:
    """What computing takes, opened when it is first asked for."""

    def __init__(self, stack, opening, progress, verbose):
        self.progress, self._stack, self._opening, self._verbose = progress, stack, opening, verbose
        self._opened = None

    def get(self):
        if self._opened is None:
            load_tensorflow(self._verbose)
            self._opened = (self._stack.enter_context(self._opening()),)
            self._stack.enter_context(self.progress)
        return self._opened[0]


class _Picture(NamedTuple):
    """What progress shows of what has no frames."""
    name: str


def _check_range(arguments):
    """Refuse a range without a moment in it once, not for each walk."""
    start, end = getattr(arguments, 'start', None), getattr(arguments, 'end', None)
    if end is not None and end <= (start or 0):
        raise ValueError(f'--end {end:g} has to lie after --start {start or 0:g}')


class Printer:
    """Prints answers as they come, as text, JSON, lines of JSON or CSV; with `with`, the JSON is closed in any case.

    Parameters
    ----------
    arguments : argparse.Namespace
    form : Form
    is_several : bool
        The JSON of several walks is an object, of a recording that was named by itself a list of its one answer.
    """

    def __init__(self, arguments, form, is_several=False):
        self._form, self._count, self._is_several, self._errors = form, 0, is_several, {}
        self._kind = next((kind for kind in ('json', 'jsonl', 'csv') if getattr(arguments, kind)), 'text')

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._kind == 'json' and (self._count or self._form.prints and error[0] is None):
            if not self._count:
                self._open_json()
            errors = _indented(as_json(self._errors), 2).lstrip()
            put(f'\n  ],\n  "errors": {errors}\n}}' if self._is_several else '\n]')

    def _open_json(self):
        put('{\n  "walks": [' if self._is_several else '[', end='')

    def add(self, answer):
        """Print an answer, a dict with a 'text' that only the text form shows."""
        answer = dict(answer)
        text = answer.pop('text', None)
        if self._form.prints:
            getattr(self, f'_{self._kind}')(answer, text)
            self._count += 1

    def end(self, text):
        if self._kind == 'text' and self._form.is_text and text:
            put(in_one_line(text))

    def _text(self, answer, text):
        if self._form.is_text and text is not None:
            put(text if self._form.head is None or self._count else f'{self._form.head}\n{text}')

    def _json(self, answer, _):
        if self._count:
            put(',', end='')
        else:
            self._open_json()
        if answer['error'] is not None:
            self._errors[answer[self._form.key]] = answer['error']
        put('\n' + _indented(as_json(answer), 4 if self._is_several else 2), end='')

    def _jsonl(self, answer, _):
        put(as_line(answer))

    def _csv(self, answer, _):
        columns = [self._form.key, 'error', *self._form.columns]
        if not self._count:
            put(csv_line(columns))
        for row in [answer] if self._form.rows is None else self._form.rows(answer):
            put(csv_line([_cell(row, column) for column in columns]))


def as_line(answer):
    return json.dumps(answer, ensure_ascii=False, allow_nan=False)


def csv_line(values):
    text = io.StringIO()
    csv.writer(text, lineterminator='').writerow(values)
    return text.getvalue()


def _indented(text, by):
    return '\n'.join(by * ' ' + line for line in text.split('\n'))


def _cell(answer, column):
    """A value of an answer, or of its parts, for a table."""
    value = answer
    for part in column.split('.'):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            value = None
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return '; '.join(map(str, value)) if isinstance(value, list) else '' if value is None else value
