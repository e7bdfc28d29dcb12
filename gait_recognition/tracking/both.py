"""Outline and joints check each other: what moves before a still background, and whom the pose network sees in it."""
from typing import NamedTuple

import numpy as np

from gait_recognition.tracking.background import find_moving, track_background
from gait_recognition.tracking.joints import ankles_in, people_in, person_among, squares_around, track_joints
from gait_recognition.tracking.track import (
    COMPANY,
    HEIGHT_SHARE,
    MIN_FRAMES,
    POSE_MAY,
    NoPersonError,
    across,
    middle_of,
)

LOOKS = 6                       # frames of a track that the pose network looks at, besides its two ends
# Of the height: how far the joints' head, feet and middle may lie off the outline's in one look, and by the median of
# all looks: what is off always is no error of the network's.
FITS, STEADY = (0.11, 0.05, 0.12), (0.08, 0.04, 0.08)
ENOUGH = 0.5                    # of the looks that have to fit
OFF = 0.2                       # of the looks that may not fit, and of the frames whose middle may lie ...
DRIFT = 0.05                    # ... so far off, in heights, between the looks and those at the ends
FEW = 0.34                      # of the looks: fewer see somebody by chance
PROGRESS = 0.7                  # of its height that a walker gets ahead whom nothing but the outline shows
STEPS, STILL = 9, 0.12          # looks at the ankles; of the height, how far those who stand seem to move them
OUTLINE = 1.5, 3.6              # height to width of such a walker: a mirror image is slenderer
MUCH = 0.3                      # of the frames: in so many something beside the walker may move into the outline
ASIDE = 0.5                     # of the height from the middle: what is there is no part of the walker
TALL = 0.6                      # of the walker's height that makes company worth a look
APART = 0.3                     # of the height between two people's middles
ALIKE = 0.7, 1.4                # ratio of heights: others are too far away to matter, or no people
SURE_OF_COMPANY = 0.45          # mean probability of the joints of somebody else


class Sight(NamedTuple):
    """What the pose network sees in one frame of a track.

    Attributes
    ----------
    number : int
    off : tuple of float, or None
        How far the joints' head, feet and middle lie off the track's, in its heights; None where nobody is seen.
    has_company : bool or None
        Somebody else of alike size is in the crop; None where nobody was looked for.
    """
    number: int
    off: tuple | None
    has_company: bool | None

    @property
    def fits(self):
        return self.off is not None and all(abs(off) <= most for off, most in zip(self.off, FITS))


def track_both(frames, pose_net):
    """The walker as a `Track`, by the outline where the joints fit it, else by the joints.

    Raises
    ------
    NoPersonError
        Neither way is sure of a walker, or two people are in the crop; the message says in which frame.
    """
    moving = find_moving(frames)
    if moving.camera_moves:
        return _by_joints(frames, None, 'the camera moves', pose_net)
    try:
        track = track_background(frames, moving)
    except NoPersonError as error:
        if not any(map(len, moving.figures)):
            raise
        why = str(error).removeprefix(f'{frames.name}: ').removesuffix(POSE_MAY)
        return _by_joints(frames, moving, why, pose_net)
    crowded, ends = _crowded(track, moving), {track.numbers[0], track.numbers[-1]}
    sights = look(frames, track, {*_spread(track.numbers), *ends}, crowded, pose_net)
    track = _without_company(track, sights, crowded)
    sights = [sight for sight in sights if sight.number in track.numbers]
    doubt = _doubt(sights, track.numbers, ends)
    beside = [number for number in crowded if number in track.numbers]
    if doubt is None and len(beside) > MUCH * len(track.numbers):
        doubt = f'something else moves beside the walker, as in frame {beside[0]}'
    if doubt is None:
        return track
    if any(sight.off for sight in sights) or _is_anybody_seen(frames, moving, sights, pose_net):
        return _by_joints(frames, moving, doubt, pose_net)
    return _by_outline(track, moving, doubt)


def _spread(numbers, count=LOOKS):
    """Up to so many of the numbers, evenly spread."""
    if len(numbers) <= count:
        return [*numbers]
    edge = len(numbers) / count / 2                         # ends are the first to be doubtful: not looked at
    return [numbers[i] for i in np.linspace(edge, len(numbers) - 1 - edge, count).round().astype(int)]


def look(frames, track, numbers, crowded, pose_net):
    """`Sight`s of a track in frames of these numbers, and in some of the `crowded` ones.

    Parameters
    ----------
    frames : Frames
        Read once more, up to the last of them.
    track : Track
    numbers, crowded : list of int
        `crowded`: where somebody else may be in the crop.
    pose_net : HumanPoseIRNetwork

    Returns
    -------
    list of Sight
    """
    boxes, beside = dict(zip(track.numbers, track.boxes)), {*_spread(crowded)}
    wanted, sights = {*numbers} | beside, []
    for number, frame in frames.numbered():
        if number in wanted:
            sights.append(_sight(number, frame, boxes[number], number in beside, pose_net))
            if len(sights) == len(wanted):
                break
    return sights


def _sight(number, frame, square, looks_aside, pose_net):
    top, left, side = square
    tall = HEIGHT_SHARE * side
    squares = [np.array(square)]
    if looks_aside:
        squares += [np.array([top, left + shift * tall, side]) for shift in (-ASIDE, ASIDE)
                    if 0 < left + side / 2 + shift * tall < frame.shape[1]]
    (_, person), *aside = people_in(frame, squares, pose_net)
    middle, height = np.array([top + side / 2, left + side / 2]), tall
    if person is not None:
        middle, height = middle_of(person[None])[0], person[2] - person[0]
    has_company = any(_is_other(other, middle, height) for other in aside) if looks_aside else None
    if person is None:
        return Sight(number, None, has_company)
    off = (person[0] - top - (side - tall) / 2, person[2] - top - (side + tall) / 2, middle[1] - left - side / 2)
    return Sight(number, tuple(float(each / tall) for each in off), has_company)


def _is_other(other, middle, tall):
    """Whether (surety, box) found beside somebody is somebody else within the crop."""
    sure, box = other
    if box is None or sure < SURE_OF_COMPANY or not ALIKE[0] < (box[2] - box[0]) / max(tall, 1e-6) < ALIKE[1]:
        return False
    return APART < abs(middle_of(box[None])[0, 1] - middle[1]) / tall < 0.5 / HEIGHT_SHARE + APART / 2


def _crowded(track, moving):
    """Numbers of a track's frames in which something moves in the crop that is no part of the walker."""
    found, figures = [], dict(zip(moving.numbers, moving.figures))
    for number, (top, left, side) in zip(track.numbers, track.boxes):
        middle, tall = left + side / 2, HEIGHT_SHARE * side
        for box in figures[number]:
            inside = box[0] < top + side and box[2] > top and box[1] < left + side and box[3] > left
            beyond = max(middle - max(box[1], left), min(box[3], left + side) - middle) > ASIDE * tall
            if inside and beyond and box[2] - box[0] > TALL * tall:
                found.append(number)
                break
    return found


def _without_company(track, sights, crowded):
    """The track less the crowded frames whose nearest look shows company, or all of them where most looks do; refused
    where too few are left."""
    looked = {sight.number: sight.has_company for sight in sights if sight.has_company is not None}
    if not any(looked.values()):
        return track
    most = sum(looked.values()) > ENOUGH * len(looked)
    out = {number for number in crowded if most or looked[min(looked, key=lambda each: abs(each - number))]}
    kept = [i for i, number in enumerate(track.numbers) if number not in out]
    first = min(number for number, has_company in looked.items() if has_company)
    if len(kept) < max(MIN_FRAMES, len(track.numbers) / 2):
        raise NoPersonError(f'{track.name}: two people are in one crop in {len(out)} of {len(track.numbers)} frames, '
                            f'as in frame {first}: a vector would be of both. Take a recording, or a part of it, in '
                            'which the walker is alone')
    track.dropped = dict(sorted({**track.dropped, **dict.fromkeys(out, COMPANY)}.items()))
    track.numbers, track.boxes = [track.numbers[i] for i in kept], [track.boxes[i] for i in kept]
    track.remarks = [*track.remarks, f'somebody else is in the crop in {len(out)} frames, as in frame {first}: these '
                     'are left out']
    return track


def _doubt(sights, numbers, ends):
    """Why the outline, in frames of these numbers, is no walker's, in words; None where the joints fit it.

    Looks at the `ends`, the first to be doubtful, are no reason alone: they tell how the outline drifts.
    """
    everywhere = [sight for sight in sights if sight.off]
    sights = [sight for sight in sights if sight.number not in ends]
    seen = [sight for sight in sights if sight.off]
    if not sights:
        return 'there is company wherever it was looked at'
    if len(seen) < ENOUGH * len(sights):
        unseen = next(sight.number for sight in sights if not sight.off)
        return f'the pose network sees nobody in what moves in frame {unseen}'
    off = [sight for sight in seen if not sight.fits]
    usual = np.abs(np.median([sight.off for sight in seen], 0))
    middles = np.interp(numbers, [sight.number for sight in everywhere], [sight.off[2] for sight in everywhere])
    drifts = np.mean(np.abs(middles) > DRIFT) > OFF
    if len(off) <= OFF * len(sights) and (usual <= STEADY).all() and not drifts:
        return None
    worst = max(everywhere if drifts else seen, key=lambda sight: np.max(np.abs(sight.off) / FITS))
    part = ('head', 'feet', 'middle')[int(np.argmax(np.abs(worst.off) / FITS))]
    return f"what moves does not end where the walker does: the {part} in frame {worst.number}"


def _is_anybody_seen(frames, moving, sights, pose_net):
    """Whether the pose network sees somebody about what moves, where it sees nobody in the middle of it."""
    times, seen = {number: time for time, number in enumerate(moving.numbers)}, 0
    wanted = {sight.number for sight in sights}
    for number, frame in frames.numbered():
        if number in wanted:
            wanted.remove(number)
            squares = squares_around(moving.figures[times[number]], frame.shape)
            seen += person_among(frame, squares, pose_net) is not None
            if not wanted:
                break
    return seen >= FEW * len(sights)


def _joints(frames, pose_net, moving, why):
    """The track of the joints, which says why they decide."""
    try:
        track = track_joints(frames, pose_net, moving)
    except NoPersonError as error:
        said = str(error).removeprefix(f'{frames.name}: ')
        raise NoPersonError(f'{frames.name}: {why}, and by the joints {said}') from error
    track.why, track.stands_still = why, moving is not None
    return track


def _by_joints(frames, moving, why, pose_net):
    track = _joints(frames, pose_net, moving, why)
    if moving is None or _progress(track) < PROGRESS:
        _check_feet(frames, track, pose_net)
    return _alone(frames, track, moving, pose_net)


def _check_feet(frames, track, pose_net):
    """Refuse somebody who does not move the feet: who walks on a treadmill does, and whom a camera follows."""
    boxes, ankles = dict(zip(track.numbers, track.boxes)), []
    wanted = {*_spread(track.numbers, STEPS)}
    for number, frame in frames.numbered():
        if number in wanted:
            wanted.remove(number)
            ankles.append(ankles_in(frame, boxes[number], pose_net))
            if not wanted:
                break
    seen = np.array([each for each in ankles if each is not None])
    if len(seen) > STEPS / 2 and np.linalg.norm(np.ptp(seen, axis=0)) < STILL * HEIGHT_SHARE:
        raise NoPersonError(f'{track.name}: somebody is seen, as in frame {track.numbers[0]}, whose feet do not walk. '
                            "crop='pose' takes it all the same")


def _progress(track):
    """How far a track leads across, in heights."""
    return 1.5 * abs(across(track.boxes))


def _alone(frames, track, moving, pose_net):
    """The track of joints less the frames with company."""
    crowded = track.numbers if moving is None else _crowded(track, moving)
    return _without_company(track, look(frames, track, [], crowded, pose_net), crowded) if crowded else track


def _by_outline(track, moving, doubt):
    """The outline's track where its course alone makes it a walker's; else a refusal."""
    figures, shapes = dict(zip(moving.numbers, moving.figures)), []
    for number, (_, left, side) in zip(track.numbers, track.boxes):
        middle = left + side / 2
        own = [box for box in figures[number] if box[1] < middle < box[3]]
        shapes += [(box[2] - box[0]) / (box[3] - box[1]) for box in own[:1]]
    if _progress(track) < PROGRESS or not OUTLINE[0] <= np.median(shapes or [0]) <= OUTLINE[1]:
        raise NoPersonError(f"{track.name}: {doubt}, and its outline alone does not make it a walker. "
                            "crop='background' takes it all the same")
    track.remarks = [*track.remarks, f'{doubt}: the outline alone says where the walker is']
    return track
