"""Pages written: sections go into a temporary file as they come, and the page appears when it is whole.

    with Report('answer.html', 'Who walks here?') as report:
        report.add(walks.section_of(seen))
        report.write(about={'weights': '...'})

Names and paths are escaped by the templates; only SVG of our own (`charts`) is taken as it is.
"""
import datetime
import importlib.util
import platform
import tempfile

import gait_files
from gait_recognition import __version__
from gait_recognition.kinds import REPORT_MARK

SUFFIXES = ('.html', '.htm')
CHUNK = 1 << 16                 # characters that are copied at once


def check_jinja2(what):
    """Refuse before anything is computed what takes Jinja2 where that is missing."""
    if importlib.util.find_spec('jinja2') is None:
        raise ImportError(f'{what}: writing a report needs Jinja2: pip install "gait-recognition[report]"')


class Report:
    """A page with a section for each walk, written whole or not at all; use it with `with`.

    Parameters
    ----------
    path : str or os.PathLike
    title : str
        The page's heading.
    """

    def __init__(self, path, title):
        check_jinja2(path)
        self.path, self._title = path, title
        self._templates = _templates()
        self._rows = []                                     # of the overview: little, however many walks there are
        self._sections = tempfile.TemporaryFile('w+', encoding='utf-8', errors='backslashreplace', newline='')

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._sections.close()

    def add(self, section):
        """Add a section, as `walks` makes them."""
        row = {'number': len(self._rows) + 1, 'name': section['name'], 'verdict': section['verdict'],
               'problem': section['problem'], 'check': section['check']['verdict'] if section.get('check') else None}
        self._rows.append(row)
        text = self._templates.get_template('section.html').render(walk=section, number=row['number'])
        with gait_files.named_when_full(f'a temporary file in {tempfile.gettempdir()}'):
            self._sections.write(text)
            self._sections.flush()

    def write(self, about, lead=(), verdict=None, candidates=None, charts=(), evaluation=None):
        """Write the page.

        Parameters
        ----------
        about : dict of str to str
            How it was made: gallery, weights, options.
        lead : sequence of str
            Lines below the heading.
        verdict, candidates, charts
            The one answer about all walks, where there is one: `walks.Verdict`, what `candidates_of` gives, charts.
        evaluation : dict, optional
            As of `evaluations.figures_of`.
        """
        about = {**about, **versions()}
        parts = self._templates.get_template('page.html').generate(
            title=self._title, generator=f'{REPORT_MARK} {__version__}', now=_now(), lead=lead, verdict=verdict,
            candidates=candidates, charts=charts, evaluation=evaluation, rows=self._rows, sections=self._copied,
            has_answers=evaluation is not None or self._has_answers(verdict), about=about)
        with gait_files.replacing(self.path, 'w', shared=True, encoding='utf-8', errors='backslashreplace',
                                  newline='') as file:
            for part in parts:
                file.write(part)

    def _has_answers(self, verdict):
        """Whether walks have answers of their own, beside how fit they are."""
        return verdict is None and any(row['verdict'] and row['check'] and row['verdict'] != row['check']
                                       for row in self._rows)

    def _copied(self):
        """The sections' text, piece by piece."""
        from markupsafe import Markup

        self._sections.seek(0)
        while piece := self._sections.read(CHUNK):
            yield Markup(piece)


def _templates():
    import jinja2

    return jinja2.Environment(loader=jinja2.PackageLoader('gait_recognition.reports'), autoescape=True,
                              undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _now():
    return datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC')


def versions():
    """Of this project, and of what figures depend on; only what is loaded is asked."""
    import sys

    found = {'gait-recognition': __version__, 'Python': platform.python_version()}
    for name in ('tensorflow', 'numpy', 'scipy', 'av'):
        if version := getattr(sys.modules.get(name), '__version__', None):
            found[name] = version
    return {'versions': ', '.join(f'{name} {version}' for name, version in found.items())}
