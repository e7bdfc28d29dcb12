"""A walker's boxes over time: which frames were used, where the walker was in them, and why others were not."""
import collections
import dataclasses
import itertools
import math
import warnings

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

CROP_SIZE = 299                 # the pose network's input
HEIGHT_SHARE = 0.7              # of a crop's height that the person fills
NOBODY, BORDER, OTHER = 'nobody found', "touching the picture's border", 'another figure or another passage'
BEHIND, COMPANY = 'behind somebody', 'somebody else in the crop'
UNFIT = {BORDER, BEHIND, COMPANY}                # no crop in a gap either: it is known what the frame would show
GAP_SECONDS = 0.5               # the box is interpolated over shorter gaps: a lamp post, a crossing
CENTRE_SECONDS = 0.10           # standard deviations of the Gaussians that smooth the boxes: the centre follows the
SCALE_SECONDS = 0.8             # walker's ups and downs, the scale only a slow approach
OUTLIER_SECONDS = 0.6           # window of the median that a box is held against
OUTLIER_SHARE = 0.12            # of the height: an edge further off it is not the walker's
POSE_MAY = "; crop='pose' may find the walker"
MIN_FRAMES = 8                  # fewer make no walk: a stride, two steps, takes about 25


class NoPersonError(ValueError):
    """No walking person was found in the frames, or in too few of them; the message says what was seen instead."""


class UnsuitableError(NoPersonError):
    """Background subtraction is not the way to find this walker; the pose network may be."""


@dataclasses.dataclass
class Track:
    """Which frames of a walk were used, and where the walker was in them.

    Attributes
    ----------
    name : str
        Of the source.
    method : {'background', 'pose', 'none'}
        How the walker was found.
    numbers : list of int
        Numbers in the source of the frames used, ascending.
    boxes : list of (float, float, float)
        Top, left and side of each one's square crop, in pixels of the frame; it may reach over the frame's border.
    dropped : dict of int to str
        Frames not used, by number, and why.
    skipped : int
        Frames that could not be read.
    remarks : list of str
        What a user has to hear of the recording before believing an answer (`Facts.remarks`, and where it is cut).
    why : str
        Why 'auto' let the joints decide; '' otherwise.
    stands_still : bool
        The camera, as far as it was looked at.
    """

    name: str
    method: str
    numbers: list = dataclasses.field(default_factory=list)
    boxes: list = dataclasses.field(default_factory=list)
    dropped: dict = dataclasses.field(default_factory=dict)
    skipped: int = 0
    remarks: list = dataclasses.field(default_factory=list)
    why: str = ''
    stands_still: bool = False

    @property
    def frames(self):
        """Number of frames looked at: those used, those dropped and those skipped."""
        return len(self.numbers) + len(self.dropped) + self.skipped

    def __str__(self):
        return (f'{self.name}: {len(self.numbers)} of {self.frames} frames used (crop: {self.method}'
                + (f', for {self.why})' if self.why else ')') + self._reasons(', not used: '))

    def _reasons(self, lead):
        counts = collections.Counter(self.dropped.values())
        if self.skipped:
            counts['damaged'] = self.skipped
        return lead + ', '.join(f'{count} {reason}' for reason, count in counts.most_common()) if counts else ''

    def note(self, frames, remark=None):
        """Take over what reading the `Frames` to their end told; a further remark of the tracker's own."""
        self.skipped, self.remarks = frames.skipped, [*frames.remarks, *([remark] if remark else [])]

    def warn(self, stacklevel=2):
        """Say the remarks as warnings."""
        for remark in self.remarks:
            warnings.warn(f'{self.name}: {remark}', UserWarning, stacklevel=stacklevel + 1)

    def draw(self, number, frame):
        """`frame` (uint8 (H, W, 3), number `number` of the source) with its crop's outline, if it was used."""
        image = Image.fromarray(frame)
        if number in self.numbers:
            top, left, side = self.boxes[self.numbers.index(number)]
            ImageDraw.Draw(image).rectangle((left, top, left + side, top + side), outline='red', width=2)
        return np.asarray(image)


def others_remark(others):
    """What is to be said where `others` more people than the one of the track walk."""
    return (f'{others} more {"figure" if others == 1 else "figures"} walked here: the answer is about one of them '
            '(everyone: --everyone)')


def settle(track, numbers, edges, reasons, beats, smooth=CENTRE_SECONDS):
    """Boxes from raw edges: outliers out, short gaps filled, smoothed; frames without one are dropped.

    Parameters
    ----------
    track : Track
        Filled in.
    numbers : list of int
    edges : np.ndarray, float (T, 4)
        Top, left, bottom, right of the walker; NaN where not found.
    reasons : list of str, (T,)
        Why a frame without edges has none.
    beats : rates.Beats
        When the frames were taken, (T,).
    smooth : float
        Seconds, the standard deviation of the Gaussian over the centres.
    """
    usable, squares = settled(edges, reasons, beats, smooth)
    track.dropped = {numbers[i]: reasons[i] or OTHER for i in np.flatnonzero(~usable)}
    if usable.sum() < MIN_FRAMES:
        raise NoPersonError(f'{track.name}: a walker was found in {usable.sum()} of {len(numbers)} frames, at least '
                            f'{MIN_FRAMES} are needed' + track._reasons('; not used: '))
    track.numbers = [numbers[i] for i in np.flatnonzero(usable)]
    track.boxes = [tuple(square) for square in squares[usable].tolist()]


def settled(edges, reasons, beats, smooth=CENTRE_SECONDS):
    """(usable (T,) bool, squares (T, 3): top, left, side of the crops, NaN outside); arguments as of `settle`."""
    found = np.isfinite(edges[:, 0])
    if found.any():
        found[found] = _are_usual(edges[found], beats._replace(places=beats.places[found]))
    at, (places, rate) = np.flatnonzero(found), beats
    usable = found.copy()
    for before, after in itertools.pairwise(at):
        if places[after] - places[before] <= GAP_SECONDS * rate:
            usable[before + 1:after] = [reason not in UNFIT for reason in reasons[before + 1:after]]
    squares = np.full((len(edges), 3), np.nan)
    if len(at):
        inside = slice(at[0], at[-1] + 1)
        squares[inside] = _smooth(edges[at], places[at], places[inside], rate, smooth)
    return usable, squares


def _are_usual(edges, beats):
    """Whether each box (n, 4), of frames at these beats, is where those around it are, (n,)."""
    figure = np.stack([edges[:, 0], edges[:, 2], middle_of(edges)[:, 1]], 1)                # top, bottom, middle
    looks = len(edges) / (beats.places[-1] - beats.places[0] + 1)       # a beat: not every one may have been looked at
    usual = _extended(figure, OUTLIER_SECONDS * beats.rate * looks / 2,
                      lambda values, reach: ndimage.median_filter(values, (2 * reach + 1, 1)))
    height = np.median(figure[:, 1] - figure[:, 0])
    return np.abs(figure - usual).max(1) < OUTLIER_SHARE * height


def _smooth(edges, seen, places, rate, smooth):
    """Squares (T, 3) at `places` (T,), of boxes (n, 4) that were seen at the places `seen` (n,).

    Filters take even steps, which the frames of an uneven clock are not: boxes are interpolated to beats, and back.
    """
    steps = round(seen[-1] - seen[0])
    even = np.linspace(seen[0], seen[-1], steps + 1)
    whole = np.stack([np.interp(even, seen, edge) for edge in edges.T], 1)
    centre = _extended(middle_of(whole), 4 * smooth * rate,
                       lambda values, _: ndimage.gaussian_filter1d(values, smooth * rate, axis=0))
    # The scale hardly changes: its ends are mirrored, for point reflection would turn about a single height.
    height = ndimage.gaussian_filter1d(whole[:, 2:3] - whole[:, 0:1], SCALE_SECONDS * rate, axis=0, mode='reflect')
    side = height / HEIGHT_SHARE
    return np.stack([np.interp(places, even, column) for column in np.hstack([centre - side / 2, side]).T], 1)


def across(squares):
    """How far to the right crops (n, 3) lead, from the middle of their first third to that of the last, in heights."""
    squares = np.asarray(squares, float)
    third = max(1, len(squares) // 3)
    middles = squares[:, 1] + squares[:, 2] / 2
    return (middles[-third:].mean() - middles[:third].mean()) / (HEIGHT_SHARE * np.median(squares[:, 2]))


def middle_of(edges):
    """(y, x) of the middle of each box, (T, 2)."""
    return (edges[:, :2] + edges[:, 2:4]) / 2


def _extended(values, reach, smoother):
    """`smoother(values, reach)` with both ends continued by point reflection, so that a moving thing keeps its pace."""
    reach = max(1, round(reach))
    pad = min(len(values) - 1, reach)
    padded = np.pad(values, ((pad, pad), (0, 0)), 'reflect', reflect_type='odd')
    return smoother(padded, reach)[pad:pad + len(values)]


def cut_square(frame, square):
    """A square (top, left, side) of a frame as a crop; the border's pixels are repeated outside of the frame."""
    top, left, side = square
    first = math.floor(top), math.floor(left)
    last = math.ceil(top + side), math.ceil(left + side)
    inside = [slice(max(a, 0), max(b, 0)) for a, b in zip(first, last)]
    missing = [(max(-a, 0), max(b - edge, 0)) for a, b, edge in zip(first, last, frame.shape)]
    part = frame[tuple(inside)]
    if np.any(missing):
        part = np.pad(part, [*missing, (0, 0)], 'edge')
    top, left = top - first[0], left - first[1]
    crop = Image.fromarray(part).resize((CROP_SIZE, CROP_SIZE), Image.Resampling.BILINEAR,
                                        (left, top, left + side, top + side))
    return np.asarray(crop)
