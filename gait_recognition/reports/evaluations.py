"""What a report shows of an evaluation: tables, curves, every wrong probe by its path, and pictures of some walks."""
from typing import NamedTuple

import numpy as np

from gait_recognition.evaluation.results import NOT_TRIED
from gait_recognition.pose_estimation import FrameJoints, joints_in_frame, timed
from gait_recognition.reports.charts import evaluation_charts
from gait_recognition.reports.pictures import Strip
from gait_recognition.reports.walks import Seen, Verdict, glance_section, scene_of
from gait_recognition.tracking.crops import crop_walker

MOST = 1000                     # wrong probes that are listed
SHOWN = 24                      # walks of which pictures are shown: 150 kB each


class Shown(NamedTuple):
    """A walk of which pictures are shown: its path, what became of it, and `check`'s word and reasons, if known."""
    path: str
    verdict: Verdict
    check: dict | None


def figures_of(comparison, by_word, outcomes, shown=(), more=0):
    """What is shown of a `Comparison`.

    Parameters
    ----------
    comparison : evaluation.results.Comparison
        Of its first result are the wrong probes and what follows them.
    by_word : dict of str to dict
        Rank-1 and number of probes by the word of `check`.
    outcomes : iterable of (str, vectors.Outcome)
        Of every walk by its path.
    shown : list of Shown
        Whose sections are on the page, in this order.
    more : int
        How many walks could be shown, too, and are not.

    Returns
    -------
    dict
    """
    result = comparison.results[0]
    wrong = [probe for probe in result.each_probe() if probe['rank'] != 1]
    outcomes = [*outcomes]
    return {
        'notes': comparison.notes(), 'tables': comparison.tables(), 'charts': evaluation_charts(comparison.results),
        'by_word': by_word, 'probes': len(result.probes) + len(result.missed), 'wrong': wrong[:MOST],
        'more_wrong': max(0, len(wrong) - MOST), 'shown': {each.path: at for at, each in enumerate(shown, 1)},
        'shown_note': _note_of(shown, more), 'mistakes': result.as_dict()['mistakes'],
        'problems': [(path, outcome.problem) for path, outcome in outcomes if outcome.problem],
        'remarks': [(path, remark) for path, outcome in outcomes for remark in outcome.remarks]}


def _note_of(shown, more):
    """Which walks are shown."""
    return (f'Pictures of {len(shown)} of {len(shown) + more} walks that were read: probes with a wrong name first, '
            'the surest before the others, then right ones, the least sure first, then walks of the gallery.' + (
                f' {more} are not shown; "identify --report" and "check --report" show any.' if more else ''))


def walks_to_show(result, outcomes):
    """Every walk of which pictures can be shown, those first that a reader wants to look at.

    Wrong names, the most similar first; probes whose person has no walk left to learn from; right names, the least
    similar first; walks of the gallery, before others those of people whom a wrong name concerns.

    Parameters
    ----------
    result : evaluation.results.Result
    outcomes : list of (evaluation.manifests.Walk, vectors.Outcome)
        Of every walk.

    Returns
    -------
    list of Shown
    """
    checks = {walk.path: outcome.check for walk, outcome in outcomes if outcome.problem is None}
    each = result.each_probe()
    wrong = [probe for probe in each if probe['rank'] not in (1, None)]
    orders = ((wrong, _wrong, lambda probe: -probe['similarity']),
              ([probe for probe in each if probe['taken_for'] == NOT_TRIED], _not_tried, None),
              ([probe for probe in each if probe['rank'] == 1], _right, lambda probe: probe['similarity']))
    found = [Shown(probe['path'], verdict_of(probe), checks[probe['path']]) for probes, verdict_of, key in orders
             for probe in (sorted(probes, key=key) if key else probes) if probe['path'] in checks]
    concerned = {probe[who] for probe in wrong for who in ('person', 'taken_for')}
    learnt = [walk for walk, outcome in outcomes if outcome.problem is None and walk not in {*result.probes,
                                                                                            *result.missed}]
    return found + [Shown(walk.path, Verdict('learnt', walk.person, 'One of the walks that were learnt from'),
                          checks[walk.path]) for walk in sorted(learnt, key=lambda each: each.person not in concerned)]


def _wrong(probe):
    return Verdict('wrong', f'taken for {probe["taken_for"]}',
                   f'a walk of {probe["person"]}, at place {probe["rank"]}; {_nearest(probe)}')


def _right(probe):
    return Verdict('right', probe['person'], _nearest(probe))


def _not_tried(probe):
    return Verdict('not tried', '', f'no walk of {probe["person"]} is left to learn from')


def _nearest(probe):
    return f'cosine similarity {probe["similarity"]:.3f} to the nearest walk of the first name'


def section_of_shown(shown, frames, crop, net):
    """The section of a `Shown` walk: only the crops that it has pictures of go through the pose network.

    Parameters
    ----------
    shown : Shown
    frames : Frames
    crop : str
        As of `crop_walker`.
    net : HumanPoseIRNetwork
    """
    frames = frames.kept()
    crops, strip = crop_walker(frames, crop, net), Strip()
    for each in crops:
        strip.add([each])
    track, (places, images) = crops.track, zip(*strip.crops())
    joints = net.joint_positions(np.stack(images))                                          # (3, n, 16)
    found = timed([FrameJoints(track.numbers[place], joints_in_frame(joints[:, i], track.boxes[place]))
                   for i, place in enumerate(places)], frames)
    seen = Seen(shown.path, track, dict(zip(places, found)), None, strip)
    return glance_section(seen, scene_of(frames, seen._replace(found=found)), shown.verdict, shown.check)
