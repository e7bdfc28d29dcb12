"""Recorded walks against their fit: a figure of the cycles, and how much of a person the fit keeps.

    python benchmarks/motions.py RECORDINGS.npz [FIGURE.png]
"""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from gait_recognition.walkers.crowds import Crowd, features_of
from gait_recognition.walkers.cycles import CURVES, find_passes, fit_cycles, harmonics
from gait_recognition.walkers.recorded import record, reference
from gait_recognition.walkers.skeletons import read_recordings

PHASES = np.arange(100) / 100
SHOWN = ('right thigh', 'right knee', 'right ankle')


def nearest(values, who, among=None):
    """Rank-1 of each walk among all others, leaving it out."""
    distance = ((values[:, None] - values[None]) ** 2).sum(-1)
    np.fill_diagonal(distance, np.inf)
    right = who[distance.argmin(1)] == who
    return right[among if among is not None else slice(None)].mean()


def whitened(values, who, learnt_from):
    """Values in units of what differs between one person's walks, learnt from some of the people."""
    rest = values - np.stack([values[who == person].mean(0) for person in who])
    covariance = np.cov(rest[learnt_from].T)
    covariance = 0.9 * covariance + 0.1 * np.diag(np.diag(covariance)) + 1e-6 * np.eye(len(covariance))
    sizes, axes = np.linalg.eigh(covariance)
    return values @ (axes / np.sqrt(sizes))


def rank_1(values, who):
    """(standardised, whitened by the other half of the people) leave-one-walk-out rank-1."""
    values = np.clip((values - values.mean(0)) / np.maximum(values.std(0), 1e-6), -3.5, 3.5)
    half = np.isin(who, np.unique(who)[::2])
    return nearest(values, who), np.mean([nearest(whitened(values, who, part), who, ~part) for part in (half, ~half)])


def report(fits, crowd):
    """Print what the issue of a fit is: residuals, published means, identities, what a drawn walk gives back."""
    usual, curves = reference(), np.mean([cycles.curves for _, cycles in fits], 0)
    print(f'{len(fits)} walks of {len(crowd.people)} people; feet credible: {crowd.feet}')
    print('curve            residual  mean (published)  range (published), degrees')
    for i, name in enumerate(CURVES):
        ours, published = (harmonics(PHASES) @ each[i] for each in (curves, usual.curves))
        print(f'{name:15s} {np.nanmedian([cycles.residual[i] for _, cycles in fits]):8.1f} {ours.mean():8.1f} '
              f'({published.mean():5.1f}) {np.ptp(ours):8.1f} ({np.ptp(published):5.1f})')
    for name in ('cadence', 'stride', 'step_width', 'sway'):
        values = [getattr(cycles, name) for _, cycles in fits]
        print(f'{name:15s} {np.mean(values):8.3f} +- {np.std(values):.3f} ({getattr(usual, name):.3f})')
    who = np.array([person for person, _ in fits])
    plain, white = rank_1(np.stack([features_of(cycles) for _, cycles in fits]), who)
    print(f'rank-1 of recorded walks by the fit: {plain:.1%} standardised, {white:.1%} whitened; chance '
          f'{1 / len(crowd.people):.1%}')
    again, errors, paces, steps = [], [], [], []
    for person in range(len(crowd.people)):
        for walk in range(3):
            walker = crowd.gait_of(person, walk)
            cycles = fit_cycles(record(walker, fps=25))
            again.append((crowd.people[person], features_of(cycles)))
            errors.append(np.sqrt(np.mean((harmonics(PHASES) @ (cycles.curves - np.array(walker.cycles)).T) ** 2, 0)))
            paces.append(cycles.cadence / walker.cadence - 1)
            steps.append(cycles.stride)
    who, values = np.array([person for person, _ in again]), np.stack([each for _, each in again])
    print('drawn and fitted again at 25 frames a second, degrees: ' + ', '.join(
        f'{name} {error:.1f}' for name, error in zip(CURVES, np.median(errors, 0))))
    print(f'cadence within {np.abs(paces).max():.2%}; stride {np.mean(steps):.3f} +- {np.std(steps):.3f} m')
    print('rank-1 of drawn walks by the fit: {:.1%} standardised, {:.1%} whitened'.format(*rank_1(values, who)))


def figure(path, recordings, fits):
    """Recorded frames and fitted cycles of three walks, and everybody's with spread beside the published means."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    usual = reference()
    chosen = np.linspace(0, len(recordings) - 1, 3).astype(int)
    drawn, axes = plt.subplots(len(SHOWN), 4, figsize=(16, 9), sharex=True, sharey='row')
    for row, name in enumerate(SHOWN):
        at = CURVES.index(name)
        for column, index in enumerate(chosen):
            for each in find_passes(recordings[index]):
                if each.near == 'right' and name in each.angles:
                    axes[row, column].plot(each.phase % 1, each.angles[name], '.', ms=3, color='0.6')
            axes[row, column].plot(PHASES, harmonics(PHASES) @ fits[index][1].curves[at], 'C3')
            axes[0, column].set_title(f'walk {recordings[index].person}-{recordings[index].walk}')
        cycles = np.stack([harmonics(PHASES) @ each.curves[at] for _, each in fits])
        mean, spread = cycles.mean(0), cycles.std(0)
        axes[row, 3].fill_between(PHASES, mean - spread, mean + spread, color='C3', alpha=0.25, lw=0)
        axes[row, 3].plot(PHASES, mean, 'C3', label='recorded, fitted: mean and SD')
        axes[row, 3].plot(PHASES, harmonics(PHASES) @ usual.curves[at], 'k--', label='published means')
        axes[row, 0].set_ylabel(f'{name}, degrees')
    low, high = -75, 95
    axes[2, 0].set_ylim(low, high)
    axes[0, 3].set_title('all walks')
    axes[0, 3].legend(fontsize=8)
    for each in axes[-1]:
        each.set_xlabel('stride, 0 = right heel strike')
    drawn.tight_layout()
    drawn.savefig(path, dpi=70)


def main():
    recordings = read_recordings(sys.argv[1])
    fits = []
    for recording in recordings:
        try:
            fits.append((recording.person, fit_cycles(recording)))
        except ValueError as error:
            print(error)
            recordings = [each for each in recordings if each is not recording]
    if len(sys.argv) > 2:
        figure(sys.argv[2], recordings, fits)
    report(fits, Crowd(fits))


if __name__ == '__main__':
    main()
