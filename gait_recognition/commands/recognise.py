"""`gait-recognition enrol`, `identify`, `verify`: whose walks these are."""
import contextlib
import itertools
import os
import pathlib
from typing import NamedTuple

import numpy as np

from gait_recognition.batches import find_walks, key_of
from gait_recognition.commands.asking import (
    about_ranking,
    add_calibrate,
    as_data,
    asked,
    check_calibrate,
    check_gallery,
    how_to_calibrate,
    identified,
    weights_named,
)
from gait_recognition.commands.batch import (
    CHECK_COLUMNS,
    FRAME_COLUMNS,
    Batch,
    Form,
    Printer,
    add_answers,
    as_line,
    csv_line,
)
from gait_recognition.commands.everyone import (
    SCENE_STAGES,
    TRACK_COLUMNS,
    add_everyone,
    add_track,
    boxes_given,
    boxes_state,
    describe_people,
    describe_track,
    headline,
    of_scene,
    track_rows,
    wrote_boxes,
)
from gait_recognition.commands.options import (
    WALK_HELP,
    add_describing,
    add_gallery,
    add_range,
    check_changeable,
    key_in,
)
from gait_recognition.commands.reporting import (
    add_described,
    add_report,
    check_report,
    looks_for,
    reporting,
    with_problems,
    write_report,
)
from gait_recognition.commands.walks import chosen_weights, describe, describing, used_frames
from gait_recognition.console import as_json, as_text, count, put, say, walks_of_people
from gait_recognition.evaluation.manifests import read_manifest
from gait_recognition.gallery import Gallery, Origin, Verification
from gait_recognition.parameters import check_text
from gait_recognition.reports.walks import (
    Seen,
    Verdict,
    candidates_of,
    comparison_of,
    problem_section,
    scenes_of,
    section_of,
    verdict_of,
)
from gait_recognition.scorers import normalise
from gait_recognition.sources import is_live, is_read_once, path_of
from gait_recognition.vectors import digest_of

WEAK = 3                         # exit status: every walk has a name or a weak one
IDENTIFIED = Form(('name', 'decision', 'probability', 'cosine_similarity', 'threshold_on', 'threshold',
                   'ranking.0.name', *FRAME_COLUMNS, *CHECK_COLUMNS))
TRACKS_IDENTIFIED = IDENTIFIED._replace(columns=(*TRACK_COLUMNS, *IDENTIFIED.columns), stages=SCENE_STAGES,
                                        rows=track_rows)


def enrol_arguments(parser):
    add_describing(parser)
    add_answers(parser)
    add_gallery(parser, 'its file, or postgresql://USER@HOST/DATABASE, made where there is none')
    parser.add_argument('walks', nargs='*', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--name', help='whose walks they are')
    parser.add_argument('--manifest', type=pathlib.Path, metavar='CSV',
                        help='person, condition, session, path of many walks, instead of --name and WALKs')
    add_track(parser)
    parser.add_argument('--force', action='store_true',
                        help='take recordings that are in the gallery already, under another name or for somebody else')
    parser.add_argument('--private', action='store_true',
                        help='keep no path of any recording in this gallery, from now on')
    parser.add_argument('--strict', action='store_true',
                        help='refuse recordings that "check" calls poor (default: warn)')
    add_range(parser)


def enrol_command(arguments):
    """Add walks to a gallery, which is made where there is none; each is in it as soon as its vector is known."""
    named = bool(arguments.name), bool(arguments.walks)
    if named != ((False, False) if arguments.manifest else (True, True)):
        raise ValueError('enrol takes either --name NAME with WALKs, or --manifest CSV')
    if arguments.manifest:
        given = [(walk.person, walk.path) for walk in read_manifest(arguments.manifest)]
    else:
        given = [(arguments.name, walk) for walk in find_walks(arguments.walks)]
    if arguments.track and (arguments.manifest or len(given) != 1):
        raise ValueError('enrol --track N takes one scene, and --name NAME')
    boxes = boxes_given(arguments, [walk for _, walk in given])
    check_changeable(arguments.gallery, arguments.key_file, may_be_new=True)
    key = key_in(arguments.key_file)
    batch = Batch(arguments, Form(('name', *FRAME_COLUMNS, *CHECK_COLUMNS), is_kept=True), [walk for _, walk in given])
    batch.look()
    if batch.is_lost:                                       # no gallery is made for nobody
        return batch.give_up()
    weights = chosen_weights(arguments)
    with weights_named(arguments.gallery, weights, key), \
            Gallery.open(arguments.gallery, weights.fingerprint, create=True, key=key) as gallery:
        gallery.agree(arguments.every, arguments.crop)
        if arguments.private and not gallery.is_private:
            gallery.make_private()
        new = _not_enrolled(arguments, gallery, [
            _New(number, person, walk, _label(walk, arguments), _contents(walk, arguments))
            for number, (person, walk) in enumerate(given)])
        batch.leave({walk.number for walk in new})
        coming = iter(new)

        def work(networks, walk, source):
            described = describe_track(networks, source, arguments, boxes) if arguments.track else \
                describe(networks, source, arguments)
            return _enrol(arguments, gallery, next(each for each in coming if each.walk == walk), described)
        batch.run(lambda: describing(weights), work, (weights.fingerprint, boxes_state(arguments)),
                  lambda answer: answer['error'])
        if not new or batch.failed < len(batch.walks):       # what is there would look like what was enrolled
            batch.end(f'{arguments.gallery}: {walks_of_people(len(gallery), len(gallery.list()))}')
    return batch.status()


class _New(NamedTuple):
    """A walk to enrol, and its number among those given."""
    number: int
    person: str
    walk: str
    label: str | None
    contents: str | None


def _enrol(arguments, gallery, walk, described):
    """Enrol a walk that was described; its answer and the text of it."""
    fitness, track = described.fitness, used_frames(described.track)
    if fitness.word == 'poor':
        reasons = f'{described.walk}: a poor recording to know somebody by: {"; ".join(fitness.reasons)}'
        if arguments.strict:
            raise ValueError(f'{reasons}; not enrolled (--strict)')
        say(reasons)
    origin = Origin(walk.label, walk.contents, track['used'] / track['frames'], track)
    gallery.enrol(walk.person, described.vector, None if gallery.is_private else walk.label, origins=origin,
                  force=arguments.force)
    return ({'walk': described.walk, 'name': walk.person, **described.as_dict()},
            as_text([f'{walk.person}: {described.walk}, {track["used"]} of {track["frames"]} frames']))


def _part(arguments):
    start, end = arguments.start, arguments.end
    part = f' [{start or 0:.12g}-{end:.12g} s]' if end else f' [{start:.12g} s to the end]' if start else ''
    return part + (f' [track {arguments.track}]' if arguments.track else '')


def _label(walk, arguments):
    """What a gallery calls a walk: its full path, and the part that was asked for; None for what is read only once."""
    return None if is_live(walk) else os.path.abspath(path_of(walk)) + _part(arguments)


def _contents(walk, arguments):
    """What stands for a recording wherever it lies, and the part of it; None for what is read only once, or not at
    all."""
    if is_read_once(walk):
        return None
    with contextlib.suppress(OSError, ValueError):          # said where it is read
        return digest_of(walk).hex() + _part(arguments)


def _not_enrolled(arguments, gallery, walks):
    """Those of `walks` that are not in the gallery; refuses before it costs anything."""
    there = {each['contents']: (each['person'], each['label']) for each in gallery.walks() if each['contents']}
    unknown = {(each['person'], each['label']): each['contents'] for each in gallery.walks()}
    new = []
    for walk in walks:
        check_text('name', walk.person)
        if walk.label is None:
            new.append(walk)
            continue
        check_text('walk', walk.label)
        owner, label = there.get(walk.contents, (walk.person, None))
        if owner != walk.person and not arguments.force:
            raise ValueError(f'{arguments.gallery}: {walk.label} is enrolled as a walk of {owner} ({label}): whose is '
                             'it? Remove it there first, or keep both by --force')
        taken = unknown.get((walk.person, walk.label), '')
        if owner == walk.person and label is not None and not (arguments.force and label != walk.label) \
                or taken is None:                           # enrolled before recordings were known by their contents
            continue
        if (walk.person, walk.label) in unknown:
            say(f'{walk.label} has other contents than when it was enrolled: it is taken as another walk')
            walk = walk._replace(label=next(label for number in itertools.count(2)
                                            if (walk.person, label := f'{walk.label} ({number})') not in unknown))
        there[walk.contents] = walk.person, walk.label
        unknown[walk.person, walk.label] = walk.contents
        new.append(walk)
    if len(new) < len(walks):
        say(f'{len(walks) - len(new)} of {len(walks)} walks are enrolled already and stay as they are')
    return new


def identify_arguments(parser):
    add_describing(parser)
    add_answers(parser)
    add_gallery(parser)
    parser.add_argument('walks', nargs='+', metavar='WALK', help=WALK_HELP)
    parser.add_argument('--top', type=count, default=5, metavar='N', help='names to show (default: 5)')
    parser.add_argument('--together', action='store_true',
                        help='all WALKs are of one person: one answer, surer than those about each')
    add_everyone(parser)
    add_calibrate(parser)
    add_report(parser)
    add_range(parser)


def identify_command(arguments):
    """Say whose walks these are."""
    check_gallery(arguments.gallery, arguments.key_file)
    check_calibrate(arguments)
    if arguments.together and arguments.everyone:
        raise ValueError('--together is of one person: it does not go with --everyone')
    form = TRACKS_IDENTIFIED if arguments.everyone else IDENTIFIED
    batch = Batch(arguments, form._replace(prints=not arguments.together, is_text=not arguments.together))
    boxes = boxes_given(arguments, batch.walks)
    check_report(arguments, _inputs(arguments, batch.walks), arguments.answers, arguments.boxes_out)
    batch.look()
    if batch.is_lost and not arguments.together and not arguments.report:
        return batch.give_up()
    weights = chosen_weights(arguments)
    with asked(arguments, weights, 'identify') as gallery:
        if not len(gallery):
            raise ValueError(f'{arguments.gallery}: the gallery is empty; enrol somebody first')
        with reporting(arguments, 'Who walks here?') as report:
            if arguments.everyone:
                decisions = _identify_everyone(arguments, batch, weights, gallery, report, boxes)
            else:
                ask = _identify_together if arguments.together else _identify_each
                decisions = ask(arguments, batch, weights, gallery, report)
    return batch.status(0 if decisions <= {'known'} else WEAK if decisions <= {'known', 'weak'} else 1)


def _inputs(arguments, walks):
    """What is read beside the weights."""
    files = arguments.gallery, arguments.key_file, getattr(arguments, 'boxes', None)
    return [*walks, *(path for path in files if isinstance(path, pathlib.Path))]


def _identify_each(arguments, batch, weights, gallery, report):
    """An answer for each walk; the decisions."""
    point, answers = gallery.calibration.get('identify'), []

    def work(networks, walk, source):
        source = source.kept() if report else source
        each = describe(networks, source, arguments, looks_for(arguments))
        answer, = gallery.identify(each.vector[None], top=arguments.top)
        if report:
            add_described(report, source, each, verdict=verdict_of(answer),
                          candidates=candidates_of(gallery, each.vector, answer))
        return {**each.as_dict(), **as_data(answer, point)}, as_text(identified(each.walk, answer))
    made_with = weights.fingerprint, _contents_of(gallery)
    for answer in with_problems(report, batch.answers(lambda: describing(weights), work, made_with,
                                                      lambda _: report is None)):
        answers.append({name: answer.get(name) for name in ('error', 'decision', 'method')})
    if report:
        write_report(report, arguments, _about(arguments, weights, gallery, point))
    if ranked := [answer['method'] for answer in answers if answer['error'] is None]:
        for line in about_ranking(arguments, ranked[0], point):
            batch.end(line)
    return {answer['decision'] for answer in answers}


def _about(arguments, weights, gallery, point):
    """What a report says of how it was made."""
    return {'gallery': f'{arguments.gallery}: {walks_of_people(len(gallery), len(gallery.list()))}',
            'calibration': point.rates() if point else 'none: no name is given without a threshold',
            'weights': str(weights), 'fingerprint': weights.fingerprint}


def _identify_everyone(arguments, batch, weights, gallery, report, boxes):
    """An answer for each scene, with one for each of its tracks; their decisions, None where nobody walks."""
    point, methods, decisions = gallery.calibration.get('identify'), [], set()

    def work(networks, walk, source):
        described = describe_people(networks, source, arguments, boxes, lambda: looks_for(arguments))
        vectors = [each.vector for each in described.tracks if each.vector is not None]
        known = iter(gallery.identify(np.stack(vectors), top=arguments.top) if vectors else ())
        answers = [None if each.vector is None else next(known) for each in described.tracks]
        found = [_of_track(each, answer, point) for each, answer in zip(described.tracks, answers)]
        answered = of_scene(described, [facts for facts, _ in found],
                            itertools.chain(*(lines for _, lines in found)))
        if report:
            _report_scene(report, gallery, described, answers)
        return answered
    made_with = weights.fingerprint, _contents_of(gallery), boxes_state(arguments)
    for answer in with_problems(report, batch.answers(
            lambda: describing(weights), work, made_with,
            lambda answer: report is None and wrote_boxes(arguments)(answer))):
        tracks = answer.get('tracks', [])
        methods += [track['method'] for track in tracks if 'method' in track]
        decisions |= {track['decision'] for track in tracks} or {None}
    for line in about_ranking(arguments, methods[0], point) if methods else ():
        batch.end(line)
    if report:
        write_report(report, arguments, _about(arguments, weights, gallery, point))
    return decisions


def _report_scene(report, gallery, scene, answers):
    """Add a section for each track of a `DescribedScene`."""
    pictures = scenes_of(scene.people, [each.found for each in scene.tracks])
    if not scene.tracks:
        report.add(problem_section(scene.name, headline(scene.name, scene.people)))
    for each, answer, picture in zip(scene.tracks, answers, pictures):
        name = f'{each.walk}, {each.person.start:.2f} to {each.person.end:.2f} s'
        if answer is None:
            report.add(problem_section(name, each.person.problem, Verdict('unknown', '', '')))
            continue
        seen = Seen(name, each.track, each.found, each.fitness, each.looks)
        report.add(section_of(seen, picture, verdict_of(answer), candidates_of(gallery, each.vector, answer)))


def _of_track(described, answer, point):
    """(facts, lines) of a `DescribedTrack` and who it is; nobody known where it has no vector."""
    facts, person = described.as_dict(), described.person
    head = f'  track {person.number}, {person.start:.2f} to {person.end:.2f} s'
    if answer is None:
        return {**facts, 'decision': 'unknown', 'name': None, 'ranking': []}, [f'{head}: unknown  ({person.problem})']
    first, *ranking = identified(f'{head}, quality {person.quality:.2f}', answer)
    return {**facts, **as_data(answer, point)}, [first, *(f'  {line}' for line in ranking)]


def _identify_together(arguments, batch, weights, gallery, report):
    """One answer for all walks that could be read; the decision."""
    described, point = _described(arguments, batch, weights, report), gallery.calibration.get('identify')
    read = [each for each in described if each['error'] is None]
    if not read:
        if report:
            write_report(report, arguments, _about(arguments, weights, gallery, point))
        return {None}
    vectors = np.array([each.pop('vector') for each in read], np.float32)
    answer = gallery.identify(vectors, top=arguments.top, together=True)
    name = ', '.join(each['walk'] for each in read)
    data = {'walk': name, 'error': '; '.join(each['error'] for each in described if each['error']) or None,
            'walks': described, **as_data(answer, point)}
    if report:
        write_report(report, arguments, _about(arguments, weights, gallery, point), verdict=verdict_of(answer),
                     candidates=candidates_of(gallery, normalise(vectors).mean(axis=0), answer))
    if arguments.json:
        put(as_json(data))
        return {answer.decision}
    printer = Printer(arguments, IDENTIFIED)
    printer.add({**data, 'text': as_text(identified(name, answer))})
    for line in about_ranking(arguments, answer.method, point):
        printer.end(line)
    return {answer.decision}


def _described(arguments, batch, weights, report):
    """Each walk's answer with its vector, for a command that prints one answer about all."""
    def work(networks, walk, source):
        source = source.kept() if report else source
        each = describe(networks, source, arguments, looks_for(arguments))
        if report:
            add_described(report, source, each)
        return {**each.as_dict(), 'vector': each.vector.tolist()}, None
    answers = []
    for answer in with_problems(report, batch.answers(lambda: describing(weights), work, (weights.fingerprint,),
                                                      lambda _: report is None)):
        answer.pop('text', None)
        answers.append(answer)
    return answers


def _contents_of(gallery):
    """What stands for the people in a gallery as they are now: answers of before a change are no answers of today."""
    points = {task: tuple(point) for task, point in gallery.calibration.items()}
    return key_of(gallery.audit(), gallery.list(), points)


def verify_arguments(parser):
    add_describing(parser)
    add_answers(parser)
    add_gallery(parser, 'whose calibration decides; the two need not be in it')
    parser.add_argument('walks', nargs='+', metavar='WALK', help=f'two of them: {WALK_HELP}')
    add_calibrate(parser)
    add_report(parser)
    add_range(parser)


def verify_command(arguments):
    """Say whether two walks belong to one person."""
    walks = find_walks(arguments.walks)
    if len(walks) != 2:
        raise ValueError(f'verify compares two walks, got {len(walks)}'
                         + (f': {", ".join(walks[:5])}' if len(walks) > 2 else ''))
    check_gallery(arguments.gallery, arguments.key_file)
    check_calibrate(arguments)
    batch = Batch(arguments, Form((*FRAME_COLUMNS, *CHECK_COLUMNS), is_text=False, prints=False), walks)
    check_report(arguments, _inputs(arguments, walks), arguments.answers)
    batch.look()
    weights = chosen_weights(arguments)
    with asked(arguments, weights, 'verify') as gallery, reporting(arguments, 'One person or two?') as report:
        described, point = _described(arguments, batch, weights, report), gallery.calibration.get('verify')
        vectors = [np.array(each.pop('vector'), np.float32) for each in described if each['error'] is None]
        answer = gallery.verify(*vectors) if len(vectors) == 2 else None
        _print_verification(arguments, described, answer, point)
        if report:
            verdict, charts = comparison_of(gallery, answer) if answer else (None, ())
            write_report(report, arguments, _about(arguments, weights, gallery, point), verdict=verdict, charts=charts)
    return batch.status(0 if answer and answer.decision == 'same' else 1)


def _print_verification(arguments, walks, answer, point):
    """Print the answer to `verify`, None where a walk has none, in the form asked for."""
    data = {'walks': walks, **(answer._asdict() if answer else dict.fromkeys(Verification._fields)),
            'calibration': point and point._asdict()}
    if arguments.json:
        put(as_json(data))
    elif arguments.jsonl:
        put(as_line(data))
    elif arguments.csv:
        put(csv_line(['first', 'second', 'error', *Verification._fields]))
        errors = '; '.join(walk['error'] for walk in walks if walk['error'])
        put(csv_line([*(walk['walk'] for walk in walks), errors, *(answer or [''] * len(Verification._fields))]))
    elif answer:
        threshold = '' if answer.threshold is None else f', the same above {answer.threshold:.4f}'
        put(as_text([f'{answer.decision}  (cosine similarity {answer.cosine_similarity:.4f}{threshold})',
                     point.rates() if point else how_to_calibrate(arguments.gallery)]))
