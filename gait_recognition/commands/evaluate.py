"""`gait-recognition evaluate`: how well vectors tell the people of a data set apart."""
import dataclasses
import itertools
import json
import os
import pathlib
from typing import NamedTuple

import joblib
import numpy as np

from gait_recognition.commands.options import add_describing, add_output, limits
from gait_recognition.commands.reporting import add_report, check_report, reporting, write_report
from gait_recognition.commands.walks import chosen_weights
from gait_recognition.console import as_json, as_options, check_folder, check_target, counted, put, say, set_warnings
from gait_recognition.evaluation import plots, results
from gait_recognition.evaluation.baselines import Baselines, describe, standardise
from gait_recognition.evaluation.manifests import SAME_CLOTHES, Protocol, read_manifest
from gait_recognition.evaluation.tum_gaid import TUM_GAID, tum_gaid
from gait_recognition.fitness import WORDS, Witness
from gait_recognition.frames import read_frames
from gait_recognition.kinds import COUNTS, PICTURE, PROBES
from gait_recognition.progress import WalksProgress
from gait_recognition.reports.evaluations import SHOWN, figures_of, section_of_shown, walks_to_show
from gait_recognition.reports.walks import problem_section
from gait_recognition.scorers import METHODS
from gait_recognition.sources import is_read_once
from gait_recognition.vectors import GaitVectors
from gait_recognition.weights import load_tensorflow, open_pose_network

CACHE = pathlib.Path('gait-vectors')
FACTS = {'remarks': 'remarks', 'errors': 'problem', 'checks': 'check'}              # of `--json`, and of `Outcome`
MANIFEST_OPTIONS = ('gallery', 'probes', 'gallery_session', 'probe_session')       # arguments of Protocol
TUM_GAID_OPTIONS = ('experiment', 'people', 'pattern')                             # and of tum_gaid


def evaluate_arguments(parser):
    add_describing(parser)
    add_output(parser)
    parser.add_argument('manifest', nargs='?', type=pathlib.Path, metavar='MANIFEST',
                        help='CSV: person, condition, session, path')
    parser.add_argument('--gallery', metavar='CONDITIONS', help=f'walks to learn (default: {SAME_CLOTHES["gallery"]})')
    parser.add_argument('--probes', metavar='CONDITIONS', help=f'walks to name (default: {SAME_CLOTHES["probes"]!r})')
    parser.add_argument('--gallery-session', metavar='SESSION', help='learn only walks of this session')
    parser.add_argument('--probe-session', metavar='SESSION', help='name only walks of this session')
    parser.add_argument('--tum-gaid', type=pathlib.Path, metavar='FOLDER',
                        help='the data set TUM GAID, for a MANIFEST')
    parser.add_argument('--experiment', type=int, choices=[1, 2], help='on TUM GAID (default: 1)')
    parser.add_argument('--people', metavar='LIST', help="file of TUM GAID's person numbers (default: its test list)")
    parser.add_argument('--pattern', help="regular expression of TUM GAID's paths")
    parser.add_argument('--method', choices=METHODS, default='svm')
    parser.add_argument('--baselines', action='store_true',
                        help='rows for what the gait network must beat, too: the mean spatial feature, and figures '
                             'taken from the joints (describing takes about twice as long)')
    parser.add_argument('--plots', type=pathlib.Path, metavar='FOLDER',
                        help='draw ROC, CMC and confusion there, with tables of counts and of probes')
    add_report(parser)
    missing = parser.add_mutually_exclusive_group()
    missing.add_argument('--leave-out', action='store_true',
                         help='walks that cannot be read or show nobody count as misses beside the figures without '
                              'them in any case; with this the exit status is 0 all the same')
    missing.add_argument('--stop-at-error', action='store_true', help='end at the first such walk, without figures')
    parser.add_argument('--jobs', type=int, metavar='N', help='processes (default: 1; -1: one for each core)')
    keeping = parser.add_mutually_exclusive_group()
    keeping.add_argument('--cache', type=pathlib.Path, metavar='FOLDER',
                         help=f'keeps the vectors, for the next run or after an interruption (default: {CACHE})')
    keeping.add_argument('--no-cache', action='store_true', help='keep no vectors')


def evaluate_command(arguments):
    """Measure how well the vectors of a data set tell its people apart."""
    if bool(arguments.manifest) == bool(arguments.tum_gaid):
        raise ValueError('evaluate takes either MANIFEST or --tum-gaid FOLDER')
    cache = None if arguments.no_cache else arguments.cache or CACHE
    for option, folder in (('--plots', arguments.plots), ('--cache', cache)):
        if folder:
            check_folder(option, folder)
    if arguments.plots and arguments.plots.is_dir():
        for name, kind in (*((name, PICTURE) for name in plots.NAMES), (results.COUNTS, COUNTS),
                           (results.PROBES, PROBES)):
            check_target(arguments.plots / name, writes=kind)
    if arguments.tum_gaid:
        _refuse_given(arguments, MANIFEST_OPTIONS, 'without --tum-gaid')
        walks = tum_gaid(arguments.tum_gaid, **_given(arguments, TUM_GAID_OPTIONS))
        protocol = TUM_GAID[arguments.experiment or 1]
    else:
        _refuse_given(arguments, TUM_GAID_OPTIONS, 'with --tum-gaid')
        walks = read_manifest(arguments.manifest)
        protocol = Protocol(arguments.manifest.name, **{
            **SAME_CLOTHES, **_given(arguments, MANIFEST_OPTIONS)})
    try:
        used = np.unique(np.concatenate(protocol.split(walks)))
    except ValueError as error:
        hint = '' if arguments.tum_gaid else '. Which walks are which: --gallery, --probes, --gallery-session, ' \
            '--probe-session'
        raise ValueError(f'{arguments.tum_gaid or arguments.manifest}: '
                         f'{str(error).removeprefix(f"{protocol.name}: ")}{hint}') from error
    walks = [walks[i] for i in used]
    check_report(arguments, [*([arguments.manifest] if arguments.manifest else []), *(walk.path for walk in walks)])
    weights = chosen_weights(arguments)
    if cache:
        say(f'vectors are kept in {cache}: remove it when they are no longer needed')
    transformer = GaitVectors(**dataclasses.asdict(weights), crop=arguments.crop, every=arguments.every,
                              stream=arguments.stream, limits=limits(arguments), n_jobs=arguments.jobs, cache=cache,
                              on_error='raise' if arguments.stop_at_error else 'nan')
    paths = [walk.path for walk in walks]
    outcomes = _describe(transformer, paths, arguments, Witness)
    there = np.array([outcome.problem is None for outcome in outcomes])
    if not there.all():
        say(f'{np.sum(~there)} of {counted(len(walks), "walk")} are left out; as misses they count beside the figures '
            'of the others')
    measured = _measured(walks, there, protocol, arguments)
    result = measured(os.path.basename(weights.gait_weights),
                      np.stack([outcome.vector for outcome in outcomes if outcome.problem is None]))
    comparison = results.compare([result, *(
        measured(name, vectors) for name, vectors in _baselines(transformer, walks, there, protocol, arguments))])
    by_word = _by_word(result, {walk.path: outcome.check for walk, outcome in zip(walks, outcomes)})
    if arguments.json:
        facts = {name: {walk.path: getattr(outcome, kind) for walk, outcome in zip(walks, outcomes)
                        if getattr(outcome, kind)} for name, kind in FACTS.items()}
        put(as_json({**json.loads(comparison.to_json()), 'rank_1_by_word': by_word, **facts}))
    else:
        put(comparison.table())
        if by_word:
            put('rank-1 of probes that "check" calls ' + ', '.join(
                f'{word}: {each["rank_1"]:.1%} of {each["probes"]}' for word, each in by_word.items()))
    for path in comparison.plot(arguments.plots) if arguments.plots else []:
        say(f'wrote {path}')
    with reporting(arguments, 'How well are people told apart?') as report:
        if report:
            about = {'walks': str(arguments.manifest or arguments.tum_gaid), 'weights': str(weights),
                     'fingerprint': weights.fingerprint}
            shown, more = _add_shown(report, result, [*zip(walks, outcomes)], weights, arguments)
            write_report(report, arguments, about, evaluation=figures_of(
                comparison, by_word, [(walk.path, outcome) for walk, outcome in zip(walks, outcomes)], shown, more))
    return 0 if there.all() or arguments.leave_out else 2


def _describe(transformer, paths, arguments, witness=None, describe=None):
    """The `Outcome` of each walk, as of `GaitVectors.outcomes`; what is to be known of it is said, once."""
    load_tensorflow(arguments.verbose)
    found = []
    with joblib.parallel_config('loky', **_worker_settings(arguments.verbose)), \
            WalksProgress([None] * len(paths), ['describing']) as progress:
        progress.begin(0, _Named(paths[0]))
        for path, outcome in zip(paths, transformer.outcomes(paths, witness, describe)):
            found.append(outcome)
            for remark in () if describe else _remarks(outcome):
                say(remark if path in remark else f'{path}: {remark}')
            if len(found) < len(paths):
                progress.begin(len(found), _Named(paths[len(found)]))
    return found


def _remarks(outcome):
    return [*outcome.remarks, *([as_options(outcome.problem)] if outcome.problem else [])]


class _Named(NamedTuple):
    """What progress shows of a walk whose frames are read elsewhere."""
    name: str


def _measured(walks, there, protocol, arguments):
    """A function of a row's name and its vectors (of the walks that are `there`) that gives the figures."""
    read, unread = ([*itertools.compress(walks, chosen)] for chosen in (there, ~there))

    def measured(name, vectors):
        try:
            return results.evaluate(vectors, read, protocol, arguments.method, name=name, unread=unread)
        except ValueError as error:                 # what is left of the walks may not do for any figures
            raise ValueError(f'{arguments.tum_gaid or arguments.manifest}: no figures of the walks that are left: '
                             f'{error}') from error
    return measured


def _baselines(transformer, walks, there, protocol, arguments):
    """(name, vectors) of what `--baselines` asks for, of the walks that have a vector."""
    if not arguments.baselines:
        return
    is_gallery = np.isin(np.arange(len(walks)), protocol.split(walks)[0])[there]
    paths = [walk.path for walk in itertools.compress(walks, there)]
    outcomes = _describe(transformer, paths, arguments, describe=describe)
    for path, outcome in zip(paths, outcomes):
        if outcome.problem:                         # it was read a moment ago
            raise ValueError(f'{path}: {outcome.problem}')
    described = Baselines.of([outcome.vector for outcome in outcomes])
    yield 'mean spatial feature', described.mean_feature
    yield 'figures from joints', standardise(described.figures, np.flatnonzero(is_gallery))


def _add_shown(report, result, outcomes, weights, arguments):
    """Add pictures of some walks, which are read once more; the `Shown` ones, and how many others there are."""
    walks = [each for each in walks_to_show(result, outcomes) if not is_read_once(each.path)]
    shown = walks[:SHOWN]
    if not shown:
        return [], 0
    with open_pose_network(weights.pose_weights, arguments.precision) as net, \
            WalksProgress([None] * len(shown), ['taking pictures']) as progress:
        for number, each in enumerate(shown):
            progress.begin(number, _Named(each.path))
            try:
                frames = read_frames(each.path, arguments.every, stream=arguments.stream, limits=limits(arguments))
                report.add(section_of_shown(each, frames, arguments.crop, net))
            except (ValueError, OSError) as error:          # it was read before, or its vector was kept
                report.add(problem_section(each.path, str(error), each.verdict))
    return shown, len(walks) - len(shown)


def _by_word(result, checks):
    """Rank-1 and number of the probes of each word of `check`, where it is known of all."""
    words = [checks[walk.path] and checks[walk.path]['word'] for walk in result.probes]
    if None in words:
        return {}
    return {word: {'rank_1': float(np.mean(right)), 'probes': len(right)} for word in WORDS
            if (right := [each for each, own in zip(result.correct, words) if own == word])}


def _given(arguments, names):
    """Those options that were given, by name; none of them has a default of argparse."""
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _refuse_given(arguments, names, rule):
    for name in _given(arguments, names):
        raise ValueError(f'--{name.replace("_", "-")} goes {rule}')


def _prepare_worker(verbose):
    """What a process of `--jobs` does first."""
    set_warnings(verbose)
    load_tensorflow(verbose)


def _worker_settings(verbose):
    """How joblib prepares the processes; before 1.5 it cannot, and TensorFlow's chatter comes through."""
    version = tuple(int(part) for part in joblib.__version__.split('.')[:2])
    return {'initializer': _prepare_worker, 'initargs': (verbose,)} if version >= (1, 5) else {}
