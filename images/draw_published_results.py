"""Draw `published_results.png`: what the original reported in 2017 on TUM GAID. Nothing here was measured by us.

    python images/draw_published_results.py

The figures were read off the original's charts, averages included; those of its own models in experiment 2 seem to
count the normal walks twice. PFM is the method of F. M. Castro et al. that it compared itself with.
"""
import pathlib
import sys

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from gait_recognition.evaluation.tum_gaid import PUBLISHED  # noqa: E402

CONDITIONS = {'N': 'Normal', 'B': 'Backpack', 'S': 'Coating shoes', 'Average': 'Average'}
TITLES = {1: 'Experiment 1: same clothes\n155 people in the test set',
          2: 'Experiment 2: other clothes, three months apart\n16 people in the test set'}
# Correct identifications with a linear SVM, in %, by condition.
EXPERIMENTS = {title: {name.replace('(its', '(on its'): [figures[condition] for condition in CONDITIONS]
                       for name, figures in PUBLISHED[number].items()} for number, title in TITLES.items()}
COLOURS = {'M+L-GRU-2': '#d1662b', 'H3.6m-GRU-1': '#2f6f9f', 'PFM': '#b4b9c0'}
INK, GREY = '#22272e', '#6b7280'
GROUP = 0.84                            # width of a group of bars; 1 from group to group


def draw_experiment(axes, title, models):
    """Draw one experiment's bars, a group for each condition."""
    width = GROUP / len(models)
    for i, (model, percentages) in enumerate(models.items()):
        places = [group - GROUP / 2 + (i + 0.5) * width for group in range(len(CONDITIONS))]
        bars = axes.bar(places, percentages, 0.92 * width, color=COLOURS[model.split()[0]], label=model)
        axes.bar_label(bars, fmt='%.1f', fontsize=8.5, color=INK, padding=2)
    axes.axvspan(len(CONDITIONS) - 1.5, len(CONDITIONS) - 0.5, color='#f1f3f5', zorder=-1)
    axes.set_title(title, fontsize=11, color=INK, loc='left', linespacing=1.4)
    axes.set(xlim=(-0.5, len(CONDITIONS) - 0.5), ylim=(0, 108), yticks=range(0, 101, 20))
    axes.set_xticks(range(len(CONDITIONS)), CONDITIONS.values())
    axes.tick_params(length=0, labelcolor=INK)
    axes.grid(axis='y', color='#dfe3e8', linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[['top', 'left', 'right']].set_visible(False)
    axes.spines['bottom'].set_color(GREY)
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.1), ncols=len(models), frameon=False, fontsize=9.5,
                handlelength=1, handleheight=1, columnspacing=1.4)


def draw():
    """Draw both experiments side by side."""
    figure = Figure(figsize=(12, 5), dpi=110, facecolor='white')
    for axes, (title, models) in zip(figure.subplots(1, 2, sharey=True), EXPERIMENTS.items()):
        draw_experiment(axes, title, models)
    figure.axes[0].set_ylabel('correct identifications, %', color=INK)
    figure.subplots_adjust(left=0.055, right=0.99, top=0.78, bottom=0.15, wspace=0.06)
    figure.text(0.055, 0.935, 'Results published with the original project (2017), TUM GAID', fontsize=14,
                weight='bold', color=INK)
    figure.text(0.99, 0.935, 'averages as published', fontsize=9.5, color=GREY, ha='right')
    return figure


if __name__ == '__main__':
    FigureCanvasAgg(draw()).print_figure(pathlib.Path(__file__).with_name('published_results.png'))
