"""Charts of results: ROC, CMC, confusion."""
import os

import numpy as np

from gait_recognition.drawing import drawing_text, new_figure, save_figure, shortened
from gait_recognition.evaluation.metrics import equal_error_rate_of

NAMES = ('roc.png', 'cmc.png', 'confusion.png')
STYLES = '-', '--'                       # without and with misses
MARKERS, MARKED = 'osD^vP', 0.12         # of lines, which colour alone does not tell apart; one on so much of a line
READABLE = 30                            # people; names and counts of more would be too small


def draw(results, folder):
    """Write roc.png, cmc.png and confusion.png (of the first result) into a folder, return their paths.

    A single result is drawn per condition, several with one line each.

    Parameters
    ----------
    results : list of Result
    folder : str
        Made where missing.
    """
    os.makedirs(folder, exist_ok=True)
    first, lines, paths = results[0], lines_of(results), []
    for name, size, draw_on, what in zip(NAMES, ((11, 5), (6.5, 5), (6.5, 6)), (draw_rocs, draw_cmc, draw_confusion),
                                         (lines, lines, first)):
        with drawing_text():
            figure = new_figure(size, layout='constrained')
            draw_on(figure, what)
            paths.append(os.path.join(folder, name))
            save_figure(figure, paths[-1])
    return paths


def lines_of(results):
    """The lines of charts: (label, Result, condition, whether misses count)."""
    first = results[0]
    if len(results) > 1:
        lines = [(result.name, result, 'all', False) for result in results]
    else:
        lines = [(c, first, c, False) for c in [*dict.fromkeys(first.conditions), 'all']]
    return lines + [(f'{label}, unread as misses', result, 'all', True) for label, result, condition, _ in lines
                    if condition == 'all' and result.missed]


def draw_rocs(figure, lines):
    left, right = figure.subplots(1, 2)
    draw_verification(left, lines)
    draw_open_set(right, lines)


def draw_verification(axes, lines):
    for number, (label, result, condition, misses) in enumerate(lines):
        roc = result.roc(condition, misses)
        if roc is not None:
            axes.plot(100 * roc.false_accept_rate, 100 * (1 - roc.false_reject_rate), STYLES[misses],
                      **_marks(number), label=f'{shortened(label)}: EER {100 * equal_error_rate_of(roc):.1f} %')
    axes.plot([0, 100], [0, 100], ':', color='grey', label='chance')
    axes.plot([0, 100], [100, 0], '-', color='lightgrey', linewidth=0.8, zorder=0)    # EER lies on it
    axes.set(title='Verification (pairs of walks)', xlabel='false accept rate, %', ylabel='true accept rate, %')
    _finish(axes)


def draw_open_set(axes, lines):
    for number, (label, result, condition, misses) in enumerate(lines):
        roc = result.open_set(condition, misses)
        if roc is not None:
            axes.plot(100 * roc.false_accept_rate, 100 * (1 - roc.false_reject_rate), STYLES[misses],
                      **_marks(number), label=shortened(label))
    axes.set(title='Open-set identification', xlabel='false alarm rate (unknown person named), %',
             ylabel='detection and identification rate, %')
    _finish(axes)


def _marks(number):
    """How a line's points look."""
    return {'marker': MARKERS[number % len(MARKERS)], 'markersize': 4, 'markevery': (0.02 * number, MARKED)}


def _finish(axes):
    axes.set(xlim=(-1, 101), ylim=(-1, 101))
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc='lower right')
    else:
        axes.text(50, 50, 'not computed', ha='center')


def draw_cmc(figure, lines):
    axes = figure.subplots()
    people = len(lines[0][1].people)
    shown = np.arange(1, min(people, 20) + 1)
    for number, (label, result, condition, misses) in enumerate(lines):
        curve = 100 * result.cmc(condition, misses)
        axes.plot(shown, curve[:len(shown)], STYLES[misses], **{**_marks(number), 'markevery': 1},
                  label=f'{shortened(label)}: rank-1 {curve[0]:.1f} %')
    axes.plot(shown, 100 * shown / people, ':', color='grey', label='chance')
    axes.set(title=f'CMC, {people} people (all = over probes)', xlabel='rank', ylabel='identified within rank, %',
             ylim=(0, 102))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend(loc='lower right')


def draw_confusion(figure, result):
    """Counts of probes; those that could not be tried are in a column of their own."""
    axes = figure.subplots()
    counts, people = result.confusion(), result.people
    columns, missed = [*people], [walk.person for walk in result.missed]
    if missed:
        counts = np.column_stack([counts, [missed.count(person) for person in people]])
        columns.append('not tried')
    image = axes.imshow(counts, cmap='Blues', interpolation='nearest')
    figure.colorbar(image, ax=axes, label='probes', shrink=0.8)
    axes.set(title=f'{shortened(result.name)}: who was taken for whom', xlabel='first place', ylabel='person')
    if len(people) <= READABLE:
        axes.set_xticks(range(len(columns)), [*map(shortened, columns)], rotation=90, fontsize=7)
        axes.set_yticks(range(len(people)), [*map(shortened, people)], fontsize=7)
        for row, column in zip(*np.nonzero(counts)):
            axes.text(column, row, counts[row, column], ha='center', va='center', fontsize=7,
                      color='white' if counts[row, column] > counts.max() / 2 else 'black')
