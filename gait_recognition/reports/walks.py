"""What a report shows of one walk: its parts, as the templates take them."""
from typing import NamedTuple

import numpy as np

from gait_recognition.calibration import PROBABILITY
from gait_recognition.cycles.angles import PERCENT
from gait_recognition.cycles.measures import NO_DEVICE, measure_found
from gait_recognition.reports.charts import angle_charts, candidates_chart, decision_chart
from gait_recognition.reports.pictures import Way, frames_at, scene_picture, strip_pictures, way_of_walk

SIGNS = {'known': '\u2713', 'same': '\u2713', 'good': '\u2713', 'right': '\u2713', 'weak': '?', 'usable': '~',
         'uncalibrated': '\u2013', 'not tried': '\u2013', 'learnt': '\u2013', 'unknown': '\u2717',
         'different': '\u2717', 'poor': '\u2717', 'wrong': '\u2717', 'not read': '\u2717'}
CROPS_ALREADY = 'The recording holds crops of the walker already: there is no scene around them.'
TICKS = range(0, 101, 10)       # per cent of the cycle that the table of angles has


class Verdict(NamedTuple):
    """A word that is answered, one of `SIGNS`; whom it names, and a line on it."""
    word: str
    name: str
    line: str

    @property
    def sign(self):
        return SIGNS[self.word]


class Seen(NamedTuple):
    """A walk that was looked at: its name, `Track`, list of FrameJoints, `Fitness`, and the `pictures.Strip` of its
    crops."""
    name: str
    track: object
    found: list
    fitness: object
    strip: object


def section_of(seen, scene=None, verdict=None, candidates=None):
    """What is shown of a walk.

    Parameters
    ----------
    seen : Seen
    scene : pictures.Picture, optional
    verdict : Verdict, optional
    candidates : dict, optional
        As of `candidates_of`.

    Returns
    -------
    dict
    """
    return {'name': seen.name, 'problem': None, 'verdict': verdict, 'candidates': candidates,
            'strip': strip_pictures(seen.strip, seen.found, seen.track), 'scene': scene,
            'scene_note': CROPS_ALREADY if scene is None else None, 'gait': gait_of(seen.found, seen.track),
            'check': check_of(seen.fitness), 'remarks': seen.track.remarks}


def glance_section(seen, scene, verdict, check):
    """What is shown of a walk that was only glanced at: pictures, and how fit it is by an answer's `check` or None.

    `seen.found` has the FrameJoints of the strip's crops by their places, `seen.fitness` is not asked for.
    """
    fit = check and {'verdict': Verdict(check['word'], '', '; '.join(check['reasons'])), 'rows': {}}
    return {'name': seen.name, 'problem': None, 'verdict': verdict, 'candidates': None,
            'strip': strip_pictures(seen.strip, seen.found, seen.track), 'scene': scene,
            'scene_note': CROPS_ALREADY if scene is None else None, 'gait': None, 'check': fit,
            'remarks': seen.track.remarks}


def problem_section(name, problem, verdict=None):
    """What is shown of a walk, or of a track, that has no answer: why."""
    return {'name': name, 'problem': problem, 'verdict': verdict or Verdict('not read', '', '')}


def scene_of(frames, seen):
    """The `Picture` of a walk's scene; None where there are crops alone, or the frames can be read only once."""
    if seen.track.method == 'none' or not frames.rereadable:
        return None
    way = way_of_walk(seen.track, seen.found)
    (number, frame), = frames_at(frames, [way.middle])
    return scene_picture(frame, number, way, (), _alt(number))


def scenes_of(people, founds):
    """The `Picture` of each walker's scene, in the frame in the middle of the track.

    Parameters
    ----------
    people : people.tracks.People
    founds : list of (list of FrameJoints or None)
        Of each.

    Returns
    -------
    list of pictures.Picture
    """
    ways = [Way(f'track {person.number}', person.numbers, person.boxes,
                {pose.frame: pose.joints for pose in found or ()}) for person, found in zip(people, founds)]
    pictures = {}
    for number, frame in frames_at(people.frames, [way.middle for way in ways]):
        for place, way in enumerate(ways):
            if way.middle == number:
                others = [other for other in ways if other is not way]
                pictures[place] = scene_picture(frame, number, way, others, f'{way.label}: {_alt(number)}')
    return [pictures[place] for place in range(len(ways))]


def _alt(number):
    return (f'the scene at frame {number}, the walker in a box; a line leads along the feet from the first frame to '
            'the last')


def check_of(fitness):
    """What is shown of a `Fitness`."""
    return {'verdict': Verdict(fitness.word, '', '; '.join(fitness.reasons)), 'rows': fitness.rows()}


def gait_of(found, track):
    """What is shown of the gait: its measures, and a chart and a table of the angles; or why there is nothing."""
    try:
        gait = measure_found(found, track)
    except ValueError as error:
        return {'problem': str(error).removeprefix(f'{track.name}: ')}
    rows = {'steps': str(gait.steps), **{name: str(measure) for name, measure in gait.measures.items()}}
    near = gait.view.near
    return {'problem': None, 'rows': rows, 'near': near, 'view': gait.view, 'charts': angle_charts(gait) if gait.angles
            else (), 'joints': [*gait.seen], 'angle_rows': _angle_rows(gait.seen), 'left_out': gait.left_out,
            'note': NO_DEVICE}


def _angle_rows(curves):
    """(per cent, degrees of each joint) at each of `TICKS`; None where they cannot be told."""
    at = np.flatnonzero(np.isin(PERCENT, TICKS))
    return [(int(PERCENT[i]), [round(float(curve.degrees[i])) if np.isfinite(curve.degrees[i]) else None
                               for curve in curves.values()]) for i in at]


def candidates_of(gallery, vector, answer):
    """What is shown of an `Identification`: charts, and a table of the candidates.

    Parameters
    ----------
    gallery : gallery.Gallery
    vector : np.ndarray (512,)
    answer : gallery.Identification
    """
    similarities = gallery.similarities(vector)
    of_walks, *of_answers = gallery.spreads('identify')
    charts = [candidates_chart(answer, similarities, of_walks)]
    for spread in of_answers:
        if answer.threshold_on == PROBABILITY:
            charts.append(decision_chart(spread, answer.probability, answer.threshold, 'right names',
                                         "strangers' first names", answer.probability_interval,
                                         'Is the first name right?'))
    return {'charts': charts, 'score_is': answer.score_is, 'more': len(similarities) - len(answer.ranking),
            'ranking': [(name, score, similarities[name]) for name, score in answer.ranking]}


def verdict_of(answer):
    """The `Verdict` of an `Identification`."""
    if answer.decision == 'known':
        name = answer.name
    else:
        name = f'perhaps {answer.ranking[0][0]}' if answer.decision == 'weak' else ''
    said = []
    if answer.probability is not None:
        low, high = answer.probability_interval
        said.append(f'probability {answer.probability:.2f} ({low:.2f} to {high:.2f}) that the first name is right')
    said.append(f'cosine similarity {answer.cosine_similarity:.3f} to the nearest walk of {answer.ranking[0][0]}')
    said.append('no threshold is set, so no name is given' if answer.threshold is None else
                f'known above {answer.threshold_on} {answer.threshold:.2f}')
    return Verdict(answer.decision, name, '; '.join(said))


def comparison_of(gallery, answer):
    """(verdict, charts) of a `Verification`."""
    spread, = gallery.spreads('verify')
    line = f'cosine similarity {answer.cosine_similarity:.3f}; ' + (
        'no threshold is set' if answer.threshold is None else f'the same person above {answer.threshold:.3f}')
    return Verdict(answer.decision, '', line), [decision_chart(
        spread, answer.cosine_similarity, answer.threshold, 'pairs of one person', 'pairs of two people',
        title="The two walks among pairs of the gallery's own")]
