"""`gait-recognition evaluate`: how well vectors tell the people of a data set apart."""
import dataclasses
import itertools
import json
import os
import pathlib
import sys

import joblib
import numpy as np

from gait_recognition.commands.options import add_describing, limits
from gait_recognition.commands.walks import chosen_weights
from gait_recognition.console import check_folder, check_target, counted, say, set_warnings
from gait_recognition.evaluation import plots, results
from gait_recognition.evaluation.manifests import SAME_CLOTHES, Protocol, read_manifest
from gait_recognition.evaluation.tum_gaid import TUM_GAID, tum_gaid
from gait_recognition.kinds import COUNTS, PICTURE, PROBES
from gait_recognition.scorers import METHODS
from gait_recognition.tracking.track import NoPersonError
from gait_recognition.vectors import GaitVectors
from gait_recognition.weights import load_tensorflow

CACHE = pathlib.Path('gait-vectors')
MANIFEST_OPTIONS = ('gallery', 'probes', 'gallery_session', 'probe_session')       # arguments of Protocol
TUM_GAID_OPTIONS = ('experiment', 'people', 'pattern')                             # and of tum_gaid


def evaluate_arguments(parser):
    add_describing(parser)
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
    parser.add_argument('--plots', type=pathlib.Path, metavar='FOLDER',
                        help='draw ROC, CMC and confusion there, with tables of counts and of probes')
    parser.add_argument('--leave-out', action='store_true',
                        help='go on without walks that cannot be read or show nobody; they count as misses beside the '
                             'figures without them')
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
    weights = chosen_weights(arguments)
    if cache:
        say(f'vectors are kept in {cache}: remove it when they are no longer needed')
    transformer = GaitVectors(**dataclasses.asdict(weights), crop=arguments.crop, every=arguments.every,
                              stream=arguments.stream, limits=limits(arguments), n_jobs=arguments.jobs, cache=cache,
                              on_error='nan' if arguments.leave_out else 'raise',
                              verbose=10 if sys.stderr.isatty() else 0)
    try:
        with joblib.parallel_config('loky', **_worker_settings(arguments.verbose)):
            vectors, remarks = transformer.transform_with_remarks([walk.path for walk in walks])
    except NoPersonError as error:
        raise ValueError(f'{error}. To go on without such walks: --leave-out') from error
    remarks = {walk.path: said for walk, said in zip(walks, remarks) if said}
    for path, said in remarks.items():
        for remark in said:
            say(f'{path}: {remark}')
    there = np.isfinite(vectors).all(axis=1)
    if not there.all():
        say(f'{np.sum(~there)} of {counted(len(walks), "walk")} are left out; as misses they count beside the figures '
            'of the others')
    result = results.evaluate(vectors[there], list(itertools.compress(walks, there)), protocol, arguments.method,
                              name=os.path.basename(weights.gait_weights),
                              unread=list(itertools.compress(walks, ~there)))
    if arguments.json:
        print(json.dumps({**json.loads(result.to_json()), 'remarks': remarks}, indent=2, ensure_ascii=False))
    else:
        print(result.table())
    for path in result.plot(arguments.plots) if arguments.plots else []:
        say(f'wrote {path}')
    return 0


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
