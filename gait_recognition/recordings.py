"""One video stream of a file, a pipe, an address or a camera, decoded by PyAV: upright, in square pixels, timed.

Which of its frames are wanted is not known here (`frames`).
"""
import collections
import errno
import functools
import math
import os
import statistics
import sys
from fractions import Fraction

import numpy as np

from gait_recognition.facts import NEARLY_SQUARE, SQUARE, WIDEST, Facts, Unreadable, shown_size
from gait_recognition.pictures import DEFAULT_FPS, damaged
from gait_recognition.videos import import_av

# Formats that read other files or addresses, or that make a video of any text.
REFERRING = {'adf', 'applehttp', 'avisynth', 'bin', 'concat', 'dash', 'data', 'hls', 'idf', 'image2', 'imf', 'lavfi',
             'rtp', 'sap', 'sdp', 'svg_pipe', 'tty', 'vapoursynth', 'webm_dash_manifest', 'xbin'}
NOT_FOLLOWED = '; playlists and lists of other files are not followed: name the video itself'
PROTOCOLS = {'file': 'file', 'pipe': '', 'address': 'http,https,rtsp,rtp,udp,tcp,tls,crypto,httpproxy'}
NETWORK_SECONDS = (20.0, 30.0)          # to open an address; without an answer from it
MOV = 'mov,mp4,m4a,3gp,3g2,mj2'         # FFmpeg's name of .mp4 and its family
# Formats whose headers promise a length; of others FFmpeg guesses it from the file itself.
PROMISING = {MOV, 'matroska,webm', 'avi', 'asf', 'flv'}
INDEX_LAST = ('no picture of it can be read as they come: an .mp4 whose index lies at its end, as in many, takes a '
              'server that sends parts of files (ranges), or is to be read from disk; ffmpeg -movflags +faststart puts '
              'the index first')
NO_FILM = 1 << 10 | 1 << 11 | 1 << 19 | 1 << 20     # dispositions: cover, thumbnails, part of a picture, still picture
ASF_PROPERTIES = bytes.fromhex('a1dcab8c47a9cf118ee400c00c205365')      # begins the object that tells the length
DECODER_EDGES = 1_000_000               # pixels
# Decoders that name a colour profile in a frame's side data: PyAV (12 to 18) frees that name twice, and crashes, once
# anything looked at the side data.
FREED_TWICE = {'png', 'apng'}
SURVEYED = 300                          # packets whose times tell the frame rate where the header's is in doubt
RATES = (0.01, 1000.0)                  # frames a second that are believed
RATE_SLACK = 0.02                       # by which header and times may differ
LOSS_SECONDS = 0.5                      # of a file's promised length may be sound without pictures
SYSTEM_CAMERAS = {'linux': ('v4l2', '/dev/video{}'), 'darwin': ('avfoundation', '{}'), 'win32': ('vfwcap', '{}')}


def camera(number, limits):
    """The `Recording` of the camera of that number; opened when it is read."""
    name = f'camera {number}'
    import_av(name)
    # The systems' camera inputs that take a number; Windows' dshow takes a device's name only.
    kind, path = SYSTEM_CAMERAS.get(sys.platform, (None, None))
    if kind is None:
        raise ValueError(f'{name}: no way to cameras is known on {sys.platform}; pass an iterator of RGB frames')
    return Recording('camera', path.format(number), name, limits, format=kind)


class Recording:
    """One video stream of a source.

    Parameters
    ----------
    kind : {'file', 'pipe', 'address', 'camera'}
    target : str or file
        A path or address, or an opened pipe.
    name : str
        For messages.
    limits : Limits
    stream : int, optional
        Number in the file of the video stream to read; by default the largest that is a film, not a cover.
    format : str, optional
        FFmpeg's input format.

    Attributes
    ----------
    fps : float
        Frames a second.
    knows_fps : bool
    facts : Facts
        Those of the header at once, the others as it is read.
    is_regular : bool
        Frames come at that rate, as far as the recorder kept up.
    expected : int or None
        How many frames the header promises.
    """

    is_regular = knows_fps = True

    def __init__(self, kind, target, name, limits, stream=None, format=None):
        self.kind, self.target, self.name, self.limits, self.format = kind, target, name, limits, format
        self.stream, self.facts, self.fps = stream, Facts(), DEFAULT_FPS
        self.expected = None
        self._opened = None                                 # of what can be opened once
        if kind == 'camera':
            return
        container = self._open()
        self._examine(container)
        if kind == 'file':
            container.close()
        else:
            self._opened = container

    def _open(self):
        av = import_av(self.name)
        target = f'file:{self.target}' if self.kind == 'file' else self.target
        inputs = {}                                         # `options` for streams crash where a header names none
        if self.kind != 'camera':
            inputs['format_whitelist'] = ','.join(sorted(av.formats_available - REFERRING))
            inputs['protocol_whitelist'] = PROTOCOLS[self.kind]
        if self.kind == 'address' and self.target.lower().startswith('rtsp'):
            inputs['rtsp_flags'] = 'prefer_tcp'             # of packets over UDP some are lost on the way
        try:
            return av.open(target, container_options=inputs, metadata_errors='replace',
                           format=self.format, timeout=NETWORK_SECONDS if self.kind == 'address' else None)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EACCES, errno.EPERM) and self.kind == 'file':
                raise type(error)(error.errno, os.strerror(error.errno), self.name) from error
            raise self._unreadable(error) from error
        except (av.error.FFmpegError, ValueError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error):
        if self.kind == 'camera':
            return ValueError(f'{self.name}: no camera {self.target}, or this PyAV was built without camera input '
                              f'({self.format}). Pass an iterator of RGB frames from a camera library instead, or '
                              f'record to a file first. ({error})')
        if isinstance(error, TimeoutError):
            return ValueError(f'{self.name}: nothing came for too long, given up ({error})')
        if self.kind == 'address' and not isinstance(error, ValueError):            # refused, unauthorised, not found
            return ValueError(f'{self.name} cannot be opened: {getattr(error, "strerror", None) or error}')
        hint = '; some videos, such as many .mp4, can only be read from a file' if self.kind == 'pipe' else ''
        hint = _hint_of(error) or (what_is_missing(self.target) if self.kind == 'file' else '') or hint
        return ValueError(f'{self.name} cannot be read as a video or picture: it is broken, or another kind of file '
                          f'({getattr(error, "strerror", None) or error}){hint}')

    def _examine(self, container):
        """Choose the stream, and note what its header says."""
        stream = self._choose(container)
        self.stream = self.facts.stream = stream.index
        self.facts.others = [_in_words(other) for other in _films(container) if other.index != stream.index]
        aspect = _pixel_aspect(stream)
        size = shown_size(stream.width, stream.height, aspect)
        self.limits.check_size(self.name, *size)
        if size != (stream.width, stream.height):
            self.facts.pixel_aspect, self.facts.shown = aspect, size
        self.fps = _frame_rate(container, stream, may_read=self.kind == 'file')
        seconds = stream.duration * stream.time_base if stream.duration else (container.duration or 0) / 1e6
        self.expected = stream.frames or round(float(seconds) * self.fps) or None

    def _choose(self, container):
        videos, films = container.streams.video, _films(container)
        if self.stream is not None:
            chosen = [stream for stream in videos if stream.index == self.stream and stream.codec_context is not None]
            if not chosen:
                raise ValueError(f'{self.name}: no video stream {self.stream}; its video streams: '
                                 f'{", ".join(map(_in_words, videos)) or "none"}')
            return chosen[0]
        if not films:
            if self.is_mov_as_it_comes(container) and any(stream.codec_context is not None for stream in videos):
                raise ValueError(f'{self.name}: {INDEX_LAST}')          # sizes are told by the first pictures
            what = f'only {container.format.long_name} without pictures'
            if videos:
                known = any(stream.codec_context is not None for stream in videos)
                what = 'a cover picture and no film' if known else 'only video of a codec that is not known here'
            missing = what_is_missing(self.target) if self.kind == 'file' else ''
            raise ValueError(f'{self.name} holds no video, {what}{missing}')
        return max(films, key=lambda stream: stream.width * stream.height)       # of equals, the first

    def is_mov_as_it_comes(self, container):
        """Whether it is of the family of .mp4, and may come from its beginning on only."""
        return self.kind in ('pipe', 'address') and container.format.name == MOV

    def read(self):
        """Yields (seconds by its own clock or None, function that gives the frame); a damaged packet is one frame."""
        if self.kind in ('pipe', 'address'):
            container, self._opened = self._opened, None
            if container is None:                           # read already, and gone
                return
        else:
            container = self._open()
        if self.kind == 'camera':
            self._examine(container)
        with container:
            stream = next(each for each in container.streams.video if each.index == self.stream)
            # Refuses before memory is taken; decoders count edges that they add.
            stream.codec_context.options = {'max_pixels': str(2 * self.limits.pixels + DECODER_EDGES)}
            yield from _Decoder(self, container, stream).frames()


def _hint_of(error):
    """What to do about an error where it is known."""
    return NOT_FOLLOWED if getattr(error, 'errno', None) == errno.EINVAL else ''        # a format of `REFERRING`


def what_is_missing(path):
    """What a file that was not written or copied to its end lacks, for the end of a message; '' where nothing tells.

    Told are the boxes of the family of .mp4, whose index comes last in many, and the length that RIFF files (.webp,
    .avi) begin with.
    """
    try:
        with open(path, 'rb') as file:
            size, first = os.fstat(file.fileno()).st_size, file.read(12)
            if first[:4] == b'RIFF' and int.from_bytes(first[4:8], 'little') + 8 > size:
                return (f'; {size:,} of the {int.from_bytes(first[4:8], "little") + 8:,} bytes that it begins by '
                        'promising are there: it was not written, or copied, to its end')
            if first[4:8] == b'ftyp' and not _has_box(file, size, b'moov'):
                return '; it has no index (moov): the recording was not finished, or the file not copied to its end'
    except OSError:
        pass
    return ''


def _has_box(file, size, kind):
    """Whether a file of the family of .mp4 has that box at its top level, whole."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        length, found = int.from_bytes(file.read(4), 'big'), file.read(4)
        if length == 1:                                                 # it follows in 64 bits
            length = int.from_bytes(file.read(8), 'big')
        if length == 0:                                                 # up to the end of the file
            length = size - place
        if found == kind:
            return place + length <= size
        if length < 8:
            return False
        place += length
    return False


class _Decoder:
    """Decodes one stream once."""

    def __init__(self, recording, container, stream):
        self.name, self.facts, self.step = recording.name, recording.facts, 1 / recording.fps
        self.limits, self.error = recording.limits, import_av(self.name).error.FFmpegError
        self.index_may_be_last = recording.is_mov_as_it_comes(container)
        self.container, self.stream = container, stream
        self.promised = _promised_seconds(container, stream, recording.target if recording.kind == 'file' else None)
        self.start = self.end = None                        # seconds by the recording's own clock
        self.matrix, self.rotation = None, None
        self.deinterlacer = None

    def frames(self):
        """What `Recording.read` yields."""
        av = import_av(self.name)
        packets, packet = self.container.demux(self.stream), None
        while True:
            is_read = False
            try:
                packet = next(packets)
                is_read = True
                self._note_end(packet)
                decoded = packet.decode()
            except (StopIteration, av.error.EOFError):
                break
            except TimeoutError as error:
                raise ValueError(f'{self.name}: nothing came for too long, given up ({error})') from error
            except av.error.FFmpegError as error:
                if packet is None and self.index_may_be_last:
                    raise ValueError(f'{self.name}: {INDEX_LAST}') from error
                # Of a server without lengths FFmpeg asks for more than there is.
                if is_read or self._missing_seconds() is None or self._missing_seconds() > 1.5 * self.step:
                    yield None, damaged
                continue
            for frame in decoded:
                yield from self._handed_out(frame)
        if self.deinterlacer is not None:
            yield from self.deinterlacer.finish()
        self._note_truncation()

    def _handed_out(self, frame):
        if self.start is None and frame.time is not None:
            self.start = frame.time
        if frame.interlaced_frame and self.deinterlacer is None and self.facts.interlaced != 'mixed':
            self.deinterlacer = _Deinterlacer.of(frame, self.stream)
            self.facts.interlaced = 'mixed' if self.deinterlacer is None else 'deinterlaced'
        load = functools.partial(self._load, self._orientation(frame), _pixel_aspect(self.stream))
        if self.deinterlacer is None:
            yield frame.time, functools.partial(load, frame, frame.is_corrupt)
        else:
            yield from self.deinterlacer.take(frame, load)

    def _orientation(self, frame):
        """The frame's display matrix, or None.

        Each frame whose side data are looked at waits for the garbage collector, for they refer to one another, and a
        frame of 4K has 12 MB: the matrix is looked up in the first frame, and where PyAV tells that it changed.
        """
        rotation = getattr(frame, 'rotation', 0)            # not in PyAV 12 and 13; does not tell mirrored frames
        if rotation != self.rotation:
            is_freed_twice = self.stream.codec_context.name in FREED_TWICE
            self.matrix = _turned_by(rotation) if is_freed_twice else _display_matrix(frame, rotation)
            self.rotation = rotation
        return self.matrix

    def _load(self, matrix, aspect, frame, is_corrupt):
        if is_corrupt:                                      # patched up from its neighbours
            raise Unreadable
        width, height = shown_size(frame.width, frame.height, aspect)
        self.limits.check_size(self.name, width, height)
        try:
            pixels = frame.to_ndarray(format='rgb24', width=width, height=height)
        except (self.error, ValueError, MemoryError) as error:          # pixels that cannot be turned into RGB
            raise Unreadable from error
        return pixels if matrix is None else _upright(pixels, matrix)

    def _note_end(self, packet):
        if packet.pts is not None and packet.time_base:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.end = end if self.end is None else max(self.end, end)

    def _missing_seconds(self):
        """How much of the promised length did not come; None where nothing is promised."""
        if self.promised is None or self.start is None or self.end is None:
            return None
        return self.promised[0] - (self.end - self.start)

    def _note_truncation(self):
        missing = self._missing_seconds()
        if missing is not None and missing > self.promised[1] + 1.5 * self.step:
            self.facts.truncated = self.end - self.start, self.promised[0]


class _Deinterlacer:
    """PyAV's own filter, which gives each frame one frame later: `waiting` holds what belongs to those inside."""

    def __init__(self, frame, stream, filter_name):
        av = import_av('an interlaced recording')
        self.graph, self.waiting, self.again = av.filter.Graph(), collections.deque(), (av.error.BlockingIOError,
                                                                                       av.error.EOFError)
        source = self.graph.add_buffer(width=frame.width, height=frame.height, format=frame.format,
                                       time_base=stream.time_base)
        deinterlace = self.graph.add(filter_name, 'mode=send_frame:deint=interlaced')
        sink = self.graph.add('buffersink')
        source.link_to(deinterlace)
        deinterlace.link_to(sink)
        self.graph.configure()

    @classmethod
    def of(cls, frame, stream):
        """One for frames like this, or None where this PyAV has no filter for it."""
        for name in ('bwdif', 'yadif'):
            try:
                return cls(frame, stream, name)
            except (import_av(name).error.FFmpegError, ValueError, NotImplementedError):
                continue
        return None

    def take(self, frame, load):
        self.waiting.append((frame.time, load, frame.is_corrupt))
        self.graph.push(frame)
        yield from self._ready()

    def finish(self):
        self.graph.push(None)
        yield from self._ready()

    def _ready(self):
        while self.waiting:
            try:
                frame = self.graph.pull()
            except self.again:
                return
            time, load, is_corrupt = self.waiting.popleft()
            yield time, functools.partial(load, frame, is_corrupt)


def _films(container):
    """The video streams that are films: no cover, no preview of one picture."""
    def is_film(stream):
        if stream.codec_context is None:                                # a codec that is not known here
            return False
        disposition = getattr(stream, 'disposition', 0)                 # not in PyAV 12 and 13
        untold = stream.average_rate is None and stream.frames <= 1 and stream.codec_context.name in (
            'mjpeg', 'png', 'bmp', 'gif', 'webp')                       # how a cover looks to those before
        is_still = getattr(disposition, 'value', disposition) & NO_FILM
        return not is_still and not untold and stream.codec_context.width > 0 and stream.codec_context.height > 0
    films = [stream for stream in container.streams.video if is_film(stream)]
    moving = [stream for stream in films if stream.frames != 1]
    return moving or films


def _in_words(stream):
    if stream.codec_context is None:
        return f'{stream.index} (unknown codec)'
    return f'{stream.index} ({stream.width} x {stream.height}, {stream.codec_context.name})'


def _pixel_aspect(stream):
    """A pixel's width by its height; 1 where the header says nothing, or nonsense."""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    return aspect if 1 / WIDEST <= aspect <= WIDEST and abs(aspect - 1) > NEARLY_SQUARE else SQUARE


def _frame_rate(container, stream, may_read):
    """Frames a second: what the header says, unless the times of the first frames say otherwise."""
    said = float(stream.average_rate or 0)
    said = said if RATES[0] <= said <= RATES[1] else 0.0
    measured = _measured_rate(container, stream) if may_read else 0.0
    # Twice as many are fields, two packets for each frame.
    if said and (not measured or any(abs(measured / (said * times) - 1) < RATE_SLACK for times in (1, 2))):
        return said
    return measured or said or DEFAULT_FPS


def _measured_rate(container, stream):
    """Frames a second by the median step of the first frames' times; 0 where there are none."""
    av = import_av(container.name)
    times = []
    try:
        for packet in container.demux(stream):
            if packet.pts is not None:
                times.append(packet.pts)
            if len(times) == SURVEYED:
                break
    except av.error.FFmpegError:                                        # damaged there: what came before will do
        pass
    times.sort()
    steps = [after - before for before, after in zip(times, times[1:]) if after > before]
    rate = 1 / float(statistics.median(steps) * stream.time_base) if steps else 0.0
    return rate if RATES[0] <= rate <= RATES[1] else 0.0


def _promised_seconds(container, stream, path):
    """(seconds that the header promises, how much of them may be missing), or None; `path` of a file."""
    if container.format.name not in PROMISING:
        return None
    if container.format.name == 'avi' and stream.frames and stream.average_rate:       # its duration is what is there
        return float(stream.frames / stream.average_rate), 0.0
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base), 0.0
    if container.duration and container.duration > 0:
        return container.duration / 1e6, LOSS_SECONDS
    seconds = _asf_seconds(path) if container.format.name == 'asf' and path else None
    return None if seconds is None else (seconds, LOSS_SECONDS)


def _asf_seconds(path):
    """The length that a file of ASF (.wmv) begins by promising, or None: of one that is shorter FFmpeg tells none.

    Source: Advanced Systems Format specification, 3.2, file properties object.
    """
    with open(path, 'rb') as file:
        first = file.read(1 << 16)
    at = first.find(ASF_PROPERTIES)
    if at < 0 or len(first) < at + 92:
        return None
    duration, _, preroll = (int.from_bytes(first[at + place:at + place + 8], 'little') for place in (64, 72, 80))
    seconds, is_broadcast = duration / 1e7 - preroll / 1e3, first[at + 88] & 1
    return seconds if seconds > 0 and not is_broadcast else None


def _display_matrix(frame, rotation):
    """A frame's display matrix, or None."""
    try:
        matrix = frame.side_data.get('DISPLAYMATRIX')
        return None if matrix is None else np.frombuffer(bytes(matrix), np.int32)
    except ValueError:                                      # side data of a kind that this PyAV does not know yet
        return _turned_by(rotation)


def _turned_by(rotation):
    """The display matrix of a rotation by degrees, which does not tell mirrored frames; None of none."""
    if not rotation:
        return None
    angle = -math.radians(rotation)                         # counterclockwise
    turn = np.array([math.cos(angle), math.sin(angle), 0, -math.sin(angle), math.cos(angle), 0, 0, 0, 1])
    return (65536 * turn).round().astype(np.int32)


def _upright(pixels, matrix):
    """Turn and mirror by quarter turns as a display matrix says: x' = a x + c y, y' = b x + d y."""
    a, b, _, c, d = matrix[:5].astype(int)
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, x_sign, y_sign = pixels.swapaxes(0, 1), c, b
    else:
        x_sign, y_sign = a, d
    return np.ascontiguousarray(pixels[::-1 if y_sign < 0 else 1, ::-1 if x_sign < 0 else 1])
