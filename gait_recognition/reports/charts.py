"""Charts of reports, SVG that stands inside of a page: angles, candidates, the decision, an evaluation's curves.

Every chart is narrow: on a telephone they stand below one another and stay readable.
"""
import io
import itertools
import re
from typing import NamedTuple

import numpy as np

from gait_recognition.calibration import PROBABILITY
from gait_recognition.cycles.angles import JOINTS
from gait_recognition.cycles.plots import draw_angles
from gait_recognition.drawing import drawing_text, new_figure, shortened
from gait_recognition.evaluation import plots

NARROW, HIGH = 3.5, 2.7         # inches: on a telephone of 360 pixels text of 9 points is 11 pixels high
WIDE = 3.9
LINE = 0.3                      # inches that a candidate takes
NAMED = 8                       # candidates with a name in the chart; the others are marks
LONGEST = 18                    # letters of a name in a chart
MARKS = 300                     # more candidates are too many for marks of their own
RIGHT, WRONG, OWN = '#0b5394', '#a33b00', '#111111'
STYLE = {'svg_fonttype': 'none', 'svg_hashsalt': 'report', 'font_size': 9, 'axes_titlesize': 9.5,
         'axes_titlelocation': 'left', 'axes_spines.top': False, 'axes_spines.right': False}
_NUMBERS = itertools.count(1)   # of charts: an id comes once in a page


class Chart(NamedTuple):
    """A chart of a page: SVG, and what it shows."""
    svg: str
    alt: str
    caption: str = ''


def svg_of(figure):
    """A figure as an SVG element without a size of its own, whose ids no other chart has."""
    with io.BytesIO() as file:
        figure.savefig(file, format='svg', bbox_inches='tight', pad_inches=0.04,
                       metadata=dict.fromkeys(('Creator', 'Date', 'Format', 'Type')))
        text = file.getvalue().decode('utf-8', 'replace')
    text = text[text.index('<svg'):]
    text = re.sub(r'<defs>\s*<style.*?</style>\s*</defs>', '', text, count=1, flags=re.DOTALL)     # of the whole page
    text = re.sub(r'<svg[^>]*?(viewBox="[^"]*")[^>]*>', r'<svg xmlns="http://www.w3.org/2000/svg" '
                  r'xmlns:xlink="http://www.w3.org/1999/xlink" \1 class="chart" aria-hidden="true" focusable="false">',
                  text, count=1)
    mark = f'c{next(_NUMBERS)}-'
    # Between tags there is text of users: attributes alone are changed.
    return re.sub(r'<[^>]+>', lambda tag: re.sub(r'(\bid="|url\(#|xlink:href="#)', rf'\g<1>{mark}', tag[0]), text)


def angle_charts(gait):
    """A chart for each joint of a `Gait`."""
    charts = []
    for joint in JOINTS:
        with drawing_text(**STYLE):
            figure = new_figure((NARROW, HIGH), layout='constrained')
            draw_angles(figure.subplots(), gait, joint)
            charts.append(Chart(svg_of(figure), f'{joint} over the gait cycle: {_in_words(gait, joint)}'))
    return charts


def _in_words(gait, joint):
    """The range of a joint's angles, of both sides."""
    said = []
    for side, curves in gait.angles.items():
        if joint in curves:
            degrees = curves[joint].degrees
            low, high = int(np.nanargmin(degrees)), int(np.nanargmax(degrees))
            said.append(f'{side} {degrees[low]:.0f} degrees at {low} % to {degrees[high]:.0f} degrees at {high} %')
    return '; '.join(said) or 'left out'


def candidates_chart(answer, similarities, spread):
    """How similar a walk is to each candidate, above how similar the gallery's own walks are.

    Parameters
    ----------
    answer : gallery.Identification
    similarities : dict of str to float
        Of every candidate, cosine.
    spread : calibration.Spread
        Of cosine similarities.
    """
    named = [name for name, _ in answer.ranking[:NAMED]]
    others = np.array([value for name, value in similarities.items() if name not in named])
    rows = len(named) + bool(len(others))
    threshold = answer.threshold if answer.threshold_on == spread.what else None
    with drawing_text(**STYLE):
        figure = new_figure((WIDE, 1.9 + LINE * rows), layout='constrained')
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[LINE * rows + 0.1, 1.3])
        values = [similarities[name] for name in named]
        above.hlines(range(len(named)), -1, values, color='#999999', linewidth=0.8)
        above.plot(values, range(len(named)), 'o', color=OWN, markersize=6)
        for row, value in enumerate(values):
            above.annotate(f'{value:.3f}', (value, row), (6, 0), textcoords='offset points', va='center')
        ticks = [f'{place}. {shortened(name, LONGEST)}' for place, name in enumerate(named, 1)]
        if len(others):
            _draw_others(above, others, len(named))
            ticks.append(f'{len(others)} more')
        above.set(yticks=range(rows), yticklabels=ticks, ylim=(rows - 0.5, -0.5), title='Similarity to each candidate')
        above.tick_params(axis='x', length=0)
        _draw_spread(below, spread, 'their own person', 'other people')
        _draw_threshold((above, below), threshold)
        below.set(xlim=_limits(spread, [*values, *others, threshold]), xlabel=spread.what,
                  title="The gallery's own walks")
        best = f'most similar to {named[0]}, {values[0]:.3f}' if named else 'nobody'
        return Chart(svg_of(figure), f'{spread.what} to {len(similarities)} candidates: {best}. {_means(spread)}')


def _draw_others(axes, values, row):
    """Candidates without a name: marks, or where they are too many a line from the least to the most similar."""
    if len(values) <= MARKS:
        axes.plot(values, np.full(len(values), row), '|', color='#555555', markersize=9)
    else:
        axes.plot([values.min(), values.max()], [row, row], '|-', color='#555555', markersize=9)


def decision_chart(spread, value, threshold, genuine, impostor, interval=None, title=''):
    """A value beside its threshold, above how such values are spread in the gallery.

    Parameters
    ----------
    spread : calibration.Spread
    value, threshold : float or None
    genuine, impostor : str
        What the two distributions are of.
    interval : (float, float), optional
        Of the value.
    title : str
    """
    with drawing_text(**STYLE):
        figure = new_figure((WIDE, 2.4), layout='constrained')
        axes = figure.subplots()
        _draw_spread(axes, spread, genuine, impostor)
        _draw_threshold((axes,), threshold)
        if value is not None:
            low, high = interval or (value, value)
            axes.errorbar(value, 0.5, xerr=[[value - low], [high - value]] if interval else None, fmt='D', color=OWN,
                          markersize=7, capsize=4, label='this answer', zorder=5,
                          transform=axes.get_xaxis_transform())
        limits = (-0.02, 1.02) if spread.what == PROBABILITY else _limits(spread, [value, threshold])
        axes.set(xlim=limits, xlabel=spread.what, title=title)
        axes.legend(fontsize='small', loc='upper center', bbox_to_anchor=(0.5, -0.32), ncols=2, frameon=False)
        said = [] if value is None else [f'this answer {value:.3f}' + (
            f', interval {interval[0]:.3f} to {interval[1]:.3f}' if interval else '')]
        said += [] if threshold is None else [f'threshold {threshold:.3f}']
        return Chart(svg_of(figure), f'{spread.what}: {", ".join([*said, _means(spread)])}')


def _draw_spread(axes, spread, genuine, impostor):
    """Both distributions as steps of shares: right ones filled, wrong ones hatched, so that no colour is needed."""
    for counts, colour, label, fill in ((spread.genuine, RIGHT, genuine, {'alpha': 0.3}),
                                        (spread.impostor, WRONG, impostor, {'facecolor': 'none', 'hatch': '////'})):
        if counts.sum():
            first, last = np.flatnonzero(counts)[[0, -1]]
            part = slice(first, last + 1)
            axes.stairs(counts[part] / counts.sum(), spread.edges[first:last + 2], fill=True, color=colour,
                        edgecolor=colour, linewidth=1.2, label=f'{label} ({counts.sum()})', **fill)
    axes.set(yticks=[], ylabel='share')
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize='small', loc='upper left', frameon=False)


def _draw_threshold(many, threshold):
    if threshold is not None:
        for axes in many:
            axes.axvline(threshold, color=OWN, linewidth=1.2, linestyle='--', label='threshold')


def _limits(spread, values):
    """Where there is anything to see."""
    both = np.flatnonzero(spread.genuine + spread.impostor)
    values = [value for value in values if value is not None]
    low = min([*values, *spread.edges[both[:1]]], default=-1.0)
    high = max([*values, *spread.edges[both[-1:] + 1]], default=1.0)
    room = max(0.02, 0.06 * (high - low))
    return max(low - room, -1.02), high + 3 * room


def _means(spread):
    """Both distributions in words."""
    middles, said = (spread.edges[:-1] + spread.edges[1:]) / 2, []
    for counts, what in ((spread.genuine, 'right'), (spread.impostor, 'wrong')):
        if counts.sum():
            said.append(f"{counts.sum()} {what} ones of the gallery's own, mean "
                        f'{float(counts @ middles / counts.sum()):.3f}')
    return ', '.join(said)


def evaluation_charts(results):
    """The curves of an evaluation, and of its first result who was taken for whom."""
    lines, charts = plots.lines_of(results), []
    for draw, alt in ((plots.draw_verification, 'verification: true accept rate over false accept rate'),
                      (plots.draw_open_set, 'open-set identification: right names over names of strangers')):
        with drawing_text(**STYLE):
            figure = new_figure((4.4, 3.8), layout='constrained')
            draw(figure.subplots(), lines)
            charts.append(Chart(svg_of(figure), alt))
    for draw, what, alt in ((plots.draw_cmc, lines, 'identified within rank'),
                            (plots.draw_confusion, results[0], 'who was taken for whom; the mistakes are listed '
                                                               'below')):
        with drawing_text(**STYLE):
            figure = new_figure((4.4, 3.8), layout='constrained')
            draw(figure, what)
            charts.append(Chart(svg_of(figure), alt))
    return charts
