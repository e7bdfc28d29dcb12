"""What is to be known of a recording beside its frames: facts, times, limits; what all readers of frames share."""
import dataclasses
from fractions import Fraction
from typing import NamedTuple

JUMP_SECONDS = 1.0              # from one frame to the next: longer is another walk, see `LINK_SECONDS` of `background`
JUMP_FRAMES = 5                 # but no fewer frames than these, of recordings of less than five a second
SQUARE = Fraction(1)
NEARLY_SQUARE = 0.005           # sizes are whole numbers: a ratio this near to 1 is the header's rounding
STRIP, SMALL_STRIP = 10, 1_000_000     # edges' ratio from which nothing is a camera's picture, of more pixels than that
NAMED = 5                       # other videos of a file, which may hold hundreds
ANIMATED = 50                   # pictures of the limit's size that all frames of an animation may have together
WIDEST = 3                      # no camera's pixels are wider than tall by more, or taller than wide


class Unreadable(Exception):
    """One frame is damaged; those after it may not be."""


class TooLargeError(ValueError):
    """A frame, a picture or a walk beyond `Limits`."""


class Limits(NamedTuple):
    """What a source may ask for before it is refused, so that a small file cannot fill the memory.

    Attributes
    ----------
    pixels : int
        Of one frame or picture, as it is shown.
    frames : int
        Of one walk, in the range asked for.
    """
    pixels: int = 64_000_000            # 8K video has 35 million, photographs have 50
    frames: int = 100_000               # over an hour at 25 a second

    def check_size(self, name, width, height):
        if width * height > self.pixels:
            raise TooLargeError(f'{name}: {width} x {height} are more than {self.pixels:,} pixels: too large a '
                                'picture. Scale it down, or raise the limit (--max-pixels; limits= in Python)')
        if width * height > SMALL_STRIP and max(width, height) > STRIP * min(width, height):
            raise TooLargeError(f'{name}: {width} x {height}: a strip, {max(width, height) / min(width, height):.0f} '
                                f'times as long as the other edge; {STRIP} times are the most, no camera has more. Cut '
                                'it into pictures')

    def check_count(self, name, count, by=''):
        if count > self.frames:
            raise TooLargeError(f'{name}: {by}more than {self.frames:,} frames: too long for one walk. Name the part '
                                'of it (--start, --end), or raise the limit (--max-frames; limits= in Python)')

    def check_animation(self, name, size, count):
        if size[0] * size[1] * count > ANIMATED * self.pixels:
            raise TooLargeError(f'{name}: {count:,} frames of {size[0]} x {size[1]} have more than '
                                f'{ANIMATED * self.pixels:,} pixels together: too large an animation. Use less of it '
                                '(--end), make a video of it, or raise the limit (--max-pixels; limits= in Python)')


@dataclasses.dataclass
class Facts:
    """What is to be known of a recording beside its frames; `remarks` says in words what may harm an answer.

    Attributes
    ----------
    stream : int, optional
        Number in its file of the video stream that is read.
    others : list of str
        Further video streams of the file, in words.
    pixel_aspect : Fraction
        A pixel's width by its height, as the header says; frames are stretched so that it is 1.
    shown : (int, int), optional
        Width and height that frames were stretched to.
    interlaced : {'', 'deinterlaced', 'mixed'}
        'mixed': the rows of two moments are still in one frame.
    untimed : int
        Frames without a usable time of their own; they are counted on at `Frames.fps`.
    jumps : list of (int, float, float)
        Frame before which time jumps, and the seconds before and after, by the recording's own clock.
    missing : int
        Frames that the recorder left out, by the times of the others.
    read, damaged : int
        Frames read so far, and how many of them were damaged, or beyond the limit of a picture's size.
    too_large : str, optional
        What is to be said of the first of several pictures beyond that limit.
    truncated : (float, float), optional
        Seconds that are there, and seconds that the header promises.
    """

    stream: int | None = None
    others: list = dataclasses.field(default_factory=list)
    pixel_aspect: Fraction = SQUARE
    shown: tuple | None = None
    interlaced: str = ''
    untimed: int = 0
    jumps: list = dataclasses.field(default_factory=list)
    missing: int = 0
    read: int = 0
    damaged: int = 0
    too_large: str | None = None
    truncated: tuple | None = None

    def begin(self):
        """Forget what the latest reading found; what the header says stays."""
        self.untimed = self.missing = self.read = self.damaged = 0
        self.jumps, self.truncated, self.too_large, self.interlaced = [], None, None, ''

    def remarks(self):
        """What a user has to hear before believing an answer, a list of str."""
        said = []
        if self.damaged:
            said.append(f'{self.damaged} of {self.read} frames are damaged and were skipped')
        if self.too_large:
            said.append(f'counted as damaged: {self.too_large}')
        if self.truncated:
            said.append(f'the recording is truncated: it ends after {self.truncated[0]:.2f} of the '
                        f'{self.truncated[1]:.2f} s that its header promises')
        if self.jumps:
            number, before, after = self.jumps[0]
            more = f', and {len(self.jumps) - 1} times more' if len(self.jumps) > 1 else ''
            said.append(f'time jumps from {before:.2f} to {after:.2f} s before frame {number}{more}: a cut, or the '
                        'recorder stopped')
        if self.missing > max(1, 0.02 * self.read):
            said.append(f'about {self.missing} frames are missing between the {self.read} that are there: dropped, or '
                        'the frame rate varies')
        if self.untimed > 0.5 * self.read:
            said.append('the frames carry no times: they are counted on at the frame rate')
        if self.shown:
            said.append(f'pixels are not square ({self.pixel_aspect.numerator}:{self.pixel_aspect.denominator}): '
                        f'frames are stretched to {self.shown[0]} x {self.shown[1]}')
        if self.interlaced:
            said.append('the recording is interlaced: ' + {
                'deinterlaced': 'frames are deinterlaced', 'mixed': 'each frame mixes the rows of two moments'
            }[self.interlaced])
        if self.others:
            more = f' and {len(self.others) - NAMED} more' if len(self.others) > NAMED else ''
            said.append(f'the file holds several videos: stream {self.stream} is read; others: '
                        f'{", ".join(self.others[:NAMED])}{more} (--stream N takes another)')
        return said


@dataclasses.dataclass
class Reached:
    """How far the work on a walk is, for who watches it (`progress`).

    Attributes
    ----------
    stage : int
        Which part of the work: 0 until who reads the frames begins another.
    count : int
        Frames given in the present reading.
    whole : int
        Frames of a whole reading; 0 before the first is through.
    """

    stage: int = 0
    count: int = 0
    whole: int = 0

    def next_stage(self):
        self.stage, self.count = self.stage + 1, 0


def shown_size(width, height, aspect):
    """(width, height) at which pixels of an aspect (width by height) are square; no edge gets shorter."""
    if not 1 / WIDEST <= aspect <= WIDEST or abs(aspect - 1) <= NEARLY_SQUARE:
        return width, height
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


class Clock:
    """Seconds of a recording's frames from its first on, never backwards; notes jumps and missing frames.

    Parameters
    ----------
    step : float
        Seconds from frame to frame, as far as is known.
    facts : Facts
    is_regular : bool
        Frames are expected at that step: a longer one means that some are missing. Not so in animations.
    """

    def __init__(self, step, facts, is_regular):
        self.step, self.facts, self.is_regular = step, facts, is_regular
        self._shift = self._latest = self._time = None
        self._lost = 0                                                  # damaged frames since the latest

    def damaged(self):
        """Seconds of a frame that could not be read."""
        self._lost += 1
        return 0.0 if self._latest is None else self._latest + self._lost * self.step

    def __call__(self, number, time):
        """Seconds of frame `number`, whose own clock says `time` (None where it has none)."""
        due = 0.0 if self._latest is None else self._latest + (1 + self._lost) * self.step
        if time is None or time == self._time:
            self.facts.untimed += 1
            seconds = due
        else:
            if self._shift is None:
                self._shift = due - time
            seconds = self._noted(number, time + self._shift, due)
        self._time = time if time is not None else self._time
        self._latest, self._lost = seconds, 0
        return seconds

    def _noted(self, number, seconds, due):
        """`seconds`, never before the latest; a jump or missing frames are noted."""
        off, jump = seconds - due, max(JUMP_SECONDS, JUMP_FRAMES * self.step)
        if self._latest is not None and abs(off) > jump:
            self.facts.jumps.append((number, self._latest, seconds))
            if off < 0:                                                 # the clock was set back: it goes on from here
                self._shift -= off
                return due
        elif self.is_regular and off > 0.5 * self.step:
            self.facts.missing += round(off / self.step)
        return seconds if self._latest is None else max(seconds, self._latest)
