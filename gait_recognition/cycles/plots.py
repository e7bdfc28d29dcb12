"""The chart of a `Gait`: hip, knee and ankle over the gait cycle."""
import numpy as np

from gait_recognition.cycles.angles import JOINTS, PERCENT
from gait_recognition.cycles.measures import NO_DEVICE
from gait_recognition.drawing import new_figure, save_figure

SUFFIXES = ('.png', '.svg')
COLOURS = {'right': '#c00000', 'left': '#8000a0'}       # the sides' as in drawings of skeletons, darker
POSITIVE = {'hip': 'flexion', 'knee': 'flexion', 'ankle': 'dorsiflexion'}


def draw_gait(gait, path):
    """Write the chart of a `Gait`, as .png or .svg by the suffix, whole or not at all."""
    figure = gait_figure(gait)
    save_figure(figure, path)


def gait_figure(gait):
    """A figure of matplotlib: the angles over the cycle, the better seen side thick, the other thin."""
    figure = new_figure((11, 4.2), layout='constrained')
    for axes, joint in zip(figure.subplots(1, len(JOINTS)), JOINTS):
        draw_angles(axes, gait, joint)
    cadence = gait.measures['cadence']
    figure.suptitle(f'{gait.name}: {gait.steps} steps, {cadence.value:.0f} {cadence.unit}, seen from the '
                    f'{gait.view.kind}; dotted: the foot leaves the ground', fontsize='medium', parse_math=False)
    figure.supxlabel(NO_DEVICE, fontsize='x-small')
    return figure


def draw_angles(axes, gait, joint):
    """One joint's angles over the cycle on axes of matplotlib."""
    for side, curves in gait.angles.items():
        if joint in curves:
            _draw_curve(axes, curves[joint], side, is_near=side == gait.view.near)
    if 'stance' in gait.measures:
        axes.axvline(gait.measures['stance'].value, color='grey', linewidth=0.8, linestyle=':')
    axes.set(title=joint, xlim=(0, 100), xlabel='% of the gait cycle', ylabel=f'degrees, {POSITIVE[joint]} positive')
    axes.grid(alpha=0.3)
    if axes.lines and axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize='small')
    else:
        axes.text(50, 0.5, 'left out', ha='center', transform=axes.get_xaxis_transform())


def _draw_curve(axes, curve, side, is_near):
    colour, degrees = COLOURS[side], np.asarray(curve.degrees)
    axes.plot(PERCENT, degrees, color=colour, linewidth=2.2 if is_near else 1.0, linestyle='-' if is_near else '--',
              label=f'{side}{" (seen better)" if is_near else ""}')
    if is_near:
        axes.fill_between(PERCENT, degrees - curve.spread, degrees + curve.spread, color=colour, alpha=0.12,
                          linewidth=0)
