"""What commands with `--report FILE.html` share: the option, its checks, and what is told of each walk."""
import contextlib
import pathlib

from gait_recognition.console import check_target, check_targets_differ, say
from gait_recognition.fitness import Looks
from gait_recognition.kinds import REPORT
from gait_recognition.reports.pages import SUFFIXES, Report, check_jinja2
from gait_recognition.reports.pictures import Strip
from gait_recognition.reports.walks import Seen, problem_section, scene_of, section_of


def add_report(parser):
    parser.add_argument('--report', type=pathlib.Path, metavar='FILE.html',
                        help='write the answers as a page to look at: pictures, charts, figures; one file, no network '
                             '(takes Jinja2)')


def check_report(arguments, inputs, *outputs):
    """Refuse before computing a report that could not be written afterwards.

    Parameters
    ----------
    arguments : argparse.Namespace
    inputs : iterable of str or os.PathLike
        What the same command reads.
    *outputs : pathlib.Path or None
        What else it writes.
    """
    path = arguments.report
    if path is None:
        return
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f'--report {path}: a report is written as {" or ".join(SUFFIXES)}')
    check_jinja2(f'--report {path}')
    check_target(path, writes=REPORT, inputs=inputs)
    check_targets_differ(each for each in (path, *outputs) if each)


@contextlib.contextmanager
def reporting(arguments, title):
    """The `Report` that was asked for, or None."""
    if arguments.report is None:
        yield None
        return
    with Report(arguments.report, title) as report:
        yield report


def looks_for(arguments):
    """What is shown the crops of a walk: where a report was asked for it keeps some."""
    return Strip() if arguments.report else Looks()


def add_walk(report, source, seen, **answer):
    """Add the section of a `Seen` walk to a report; `answer` as of `walks.section_of`.

    Reads `source` (`Frames`) once more, which makes it forget what the readings before told of the recording.
    """
    report.add(section_of(seen, scene_of(source, seen), **answer))


def add_described(report, source, described, **answer):
    """`add_walk` of a `walks.Described`."""
    add_walk(report, source, Seen(described.walk, described.track, described.found, described.fitness, described.looks),
             **answer)


def with_problems(report, answers):
    """The answers of a batch as they come; what could not be read is in the report, too, if there is one."""
    for answer in answers:
        if report and answer['error'] is not None:
            report.add(problem_section(answer['walk'], answer['error']))
        yield answer


def write_report(report, arguments, about, **answer):
    """Write a report with what was chosen by options; `answer` as of `Report.write`."""
    options = {name: getattr(arguments, name) for name in ('crop', 'every', 'start', 'end', 'precision')
               if getattr(arguments, name, None) is not None}
    about = {**about, 'options': ', '.join(f'{name} {value}' for name, value in options.items())}
    report.write(about, **answer)
    say(f'wrote {report.path}')
