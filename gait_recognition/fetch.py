"""Fetch the published weights and the original's sample picture, and verify them.

    python fetch_models.py                      # everything that is missing
    python fetch_models.py M+L-GRU-2.ckpt       # one file
    python fetch_models.py --check              # verify only, without the network

Nothing takes a file's name before its content was verified: against the git blob id where one is known, otherwise
by opening it as a checkpoint that holds every variable of the pose network. What has arrived of an interrupted
download waits beside the target as NAME.part, and the next run goes on from there.

A server is not trusted: every address that it gives, in whatever way, passes one rule (`_checked`), and size, pace and
time have bounds. The standard library downloads: gdown knows Google Drive's pages, which are a tenth of this file, and
has no place for those bounds, for verified resuming or for blob ids (docs/verified.md counts).

It downloads and verifies. It does not restore weights into a network (`gait_checkpoints`, `human_pose_nn`,
`gait_nn` do), and it imports them, and with them TensorFlow, only when there is a pose checkpoint to look into.
"""
import argparse
import contextlib
import dataclasses
import hashlib
import http.client
import http.cookiejar
import io
import json
import os
import re
import ssl
import stat
import sys
import time
import urllib.error
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode, urljoin, urlsplit

import gait_checkpoints
import gait_files
from gait_recognition.console import as_text, program_name, put
from gait_recognition.progress import Progress

TIMEOUT = 20                # seconds without a byte, or without a connection
ATTEMPTS = 5                # in a row that bring nothing new
FIRST_PAUSE = 1.0           # seconds before the second attempt; doubled before each further one
LONGEST_PAUSE = 60.0        # seconds, also where a server asks for more
CHUNK = 1 << 16             # bytes
PAGE_LIMIT = 1 << 17        # bytes read of an HTML page, at most
SIZE_LIMITS = {'pose': 2 << 30, 'gait': 1 << 29, 'picture': 1 << 26}        # bytes; weights of training are tripled
PACE = 1024                 # bytes a second that a connection brings at the least
PACE_WINDOW = 60.0          # seconds over which the pace is measured
TIME_LIMIT = 12 * 3600.0    # seconds for one file, all attempts together
ADDRESS_LIMIT = 1 << 14     # characters
RECORD_LIMIT = 1 << 14      # bytes of what is kept about a part
TRANSIENT_STATUSES = {408, 429, 500, 502, 503, 504}
USER_AGENT = 'Mozilla/5.0 (compatible; gait-recognition fetch_models)'


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """One file of the original project.

    Attributes
    ----------
    name : str
        The name it gets here.
    kind : {'pose', 'gait', 'picture'}
        Pictures go to `images/`, the others to `models/`.
    addresses : tuple of str
        Tried in this order.
    blob_id : str or None
        SHA-1 of `blob <size>\\0` and the content, as `git hash-object NAME` prints it. None: not known, and then the
        file must open as a checkpoint with all variables of the pose network.
    purpose : str
        For the listing of `--help`.
    """
    name: str
    kind: str
    addresses: tuple
    blob_id: str | None
    purpose: str


def _drive(file_id):
    return (f'https://drive.google.com/uc?export=download&id={file_id}',
            f'https://drive.usercontent.google.com/download?id={file_id}&export=download&confirm=t')


def _github(path):
    return ('https://raw.githubusercontent.com/marian-margeta/gait-recognition/master/' + quote(path),)


# Where the files of `gait_checkpoints.KNOWN_PAIRS` are, and their blob ids where they are known.
ADDRESSES = {
    'MPII+LSP.ckpt': (_drive('1bNoZkuI0TCqf_DV613SOAng3p6Y0Si6a'), None),
    'Human3.6m.ckpt': (_drive('1lup13q5lTzsbrRZafpNbVF8uUyblMpZ3'), None),
    'H3.6m-GRU-1.ckpt': (_github('models/H3.6m-GRU-1.ckpt'), 'd65d8e4a4ca59015eaf2ed471a30ad444be836c6'),
    'M+L-GRU-2.ckpt': (_github('models/M+L-GRU-2.ckpt'), 'cdca73e5fcebb7ff63ed6097a8f68497552cdfcf'),
    'dummy_original.jpg': (_github('images/dummy.jpg'), '740908059efaa664a01503615787c7a8f008471f'),
}


def _published_files():
    purposes = {'dummy_original.jpg': ('picture', "the picture of the original's sample output")}
    for pair in gait_checkpoints.KNOWN_PAIRS:
        layers = f'{("one", "two")[pair.rnn_layers - 1]} {pair.recurrent_unit} layer{"s" * (pair.rnn_layers > 1)}'
        purposes[pair.pose] = 'pose', f'HumanPoseIRNetwork, trained on {pair.trained_on}'
        purposes[pair.gait] = 'gait', f'GaitNetwork, {layers}, on {pair.pose}'
    return tuple(PublishedFile(name, purposes[name][0], addresses, blob_id, purposes[name][1])
                 for name, (addresses, blob_id) in ADDRESSES.items())


FILES = _published_files()


class FetchError(Exception):
    """A file could not be fetched; the message says why, in words for the user."""


class Unreachable(FetchError):
    """No connection to the host: trying again at once is pointless."""


class BadFile(FetchError):
    """The content is not that of the published file."""


class _Transient(Exception):
    """An attempt failed in a way that the next may not. `wait`: seconds the server asked for."""

    def __init__(self, message, wait=0.0):
        super().__init__(message)
        self.wait = wait


class _TooSlow(TimeoutError):
    """A connection brings too little to count as progress, or its time is up."""


# --- What a file must be ---------------------------------------------------------------------------------------------

def git_blob_id(path):
    """Return what `git hash-object PATH` prints: the SHA-1, 40 hexadecimal digits, of header and content."""
    digest = hashlib.sha1(b'blob %d\0' % os.path.getsize(path), usedforsecurity=False)
    with open(path, 'rb') as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def pose_variable_shapes():
    """Return {name: shape} of the 696 variables that a pose checkpoint must hold."""
    from human_pose_nn import HumanPoseIRNetwork
    return HumanPoseIRNetwork.variable_shapes()


def checkpoint_shapes(path, names):
    """Return {name: shape} of those of `names` that the checkpoint holds.

    Their values are read, too, because that checks them against the checksums in the file; ValueError if it is broken.
    """
    from gait_checkpoints import read_checkpoint
    return {name: value.shape for name, value in read_checkpoint(path, wanted=set(names).__contains__).items()}


def verify(file, path):
    """Check that `path` holds the published `file`.

    Parameters
    ----------
    file : PublishedFile
    path : pathlib.Path
        Where its content lies, under whatever name.

    Raises
    ------
    BadFile
        It does not; the message says what was found instead.
    FetchError
        It cannot be told: unreadable, or the packages that read a checkpoint are not installed.
    """
    if path.is_dir():
        raise FetchError(f'{path} is a folder; a file was expected')
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise FetchError(f'{path} is no regular file')
        if size > SIZE_LIMITS[file.kind]:                   # not read: it may be a disk's worth
            raise BadFile(f'{size} bytes; the published file has {SIZE_LIMITS[file.kind]} at most')
        _refuse_stand_ins(path)
        found = file.blob_id and git_blob_id(path)
    except OSError as error:
        raise FetchError(f'cannot read {path}: {error.strerror or error}') from error
    if found != file.blob_id:
        raise BadFile(f'other content than the published file: {path.stat().st_size} bytes with git blob id {found}, '
                      f'expected {file.blob_id}')
    if file.blob_id is None:
        _verify_pose_checkpoint(path)


def _refuse_stand_ins(path):
    """Recognise what servers send, and people save, in place of a file."""
    with open(path, 'rb') as file:
        head = file.read(1024)
    if not head:
        raise BadFile('an empty file')
    kind = gait_checkpoints.stand_in(head)
    if kind == gait_checkpoints.HTML_PAGE:
        with open(path, 'rb') as file:
            page = _Page(file.read(PAGE_LIMIT).decode('utf-8', 'replace'))
        raise BadFile(f'{kind}{page.titled} was saved in place of the file')
    if kind == gait_checkpoints.LFS_POINTER:
        raise BadFile(f'{kind}, a small text that stands for the file')
    if kind is not None:
        raise BadFile(kind)


def _verify_pose_checkpoint(path):
    _say(f'{path.name}: reading the checkpoint to verify it')       # TensorFlow takes several seconds to start
    try:
        expected = pose_variable_shapes()
        found = checkpoint_shapes(path, expected)
    except ImportError as error:
        raise FetchError(f'cannot look into the checkpoint {path}: {error}. Install the requirements '
                         '(pip install tensorflow tf-slim), then run this again') from error
    except ValueError as error:
        raise BadFile(f'not a readable checkpoint: {error}') from error
    missing = [name for name in expected if name not in found]
    if missing:
        raise BadFile(f'a checkpoint without {len(missing)} of the {len(expected)} variables of the pose network, '
                      f'{missing[0]} for one')
    for name, shape in expected.items():
        if list(found[name]) != list(shape):
            raise BadFile(f"a checkpoint, but not of the pose network: {name} has shape {list(found[name])}, "
                          f'expected {list(shape)}')


# --- Pages that come in place of a file ------------------------------------------------------------------------------

class _Page(HTMLParser):
    """The parts of an HTML page that tell what it is: title, forms with their hidden fields, links."""

    def __init__(self, text):
        super().__init__()
        self.text, self.title, self.forms, self.links = text, '', [], []
        self._inside = None
        with contextlib.suppress(AssertionError, ValueError, RecursionError):   # the parser's, of no HTML at all
            self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self._inside = tag
        if tag == 'form':
            self.forms.append((attributes.get('action') or '', {}))
        elif tag == 'input' and self.forms and attributes.get('type') == 'hidden':
            self.forms[-1][1][attributes.get('name') or ''] = attributes.get('value') or ''
        elif tag == 'a' and attributes.get('href'):
            self.links.append(attributes['href'])

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == 'title':
            self.title = (self.title + ' '.join(data.split()))[:200]

    @property
    def titled(self):
        return f' titled "{self.title}"' if self.title else ''

    def confirmed_address(self, address, cookies):
        """Return where Google Drive's "can't scan this file for viruses" page leads to; None for any other page.

        Drive has asked in three ways over the years: a form with hidden fields, a link, and a cookie whose value is
        to be sent back. A sign-in page has a form too, but nothing named `confirm` in it.
        """
        for action, fields in self.forms:
            if 'confirm' in fields or 'confirm=' in action:
                return _with_query(_joined(address, action), fields)
        for link in self.links:
            if 'confirm=' in link:
                return _joined(address, link)
        for cookie in cookies:
            if cookie.name.startswith('download_warning') and 'confirm=' not in address:
                return _with_query(address, {'confirm': cookie.value})
        return None

    def problem(self, address):
        """Say what the page, which came from `address`, means for someone who wanted a file."""
        text = self.text.lower()
        if 'quota exceeded' in text or 'too many users have viewed or downloaded' in text:
            return ("Google Drive's download quota for this file is used up. Try again later, at most 24 hours from "
                    'now, or open the address in a browser that is signed in to a Google account')
        if 'you need access' in text or 'request access' in text or urlsplit(address).netloc == 'accounts.google.com':
            return 'Google Drive asks to sign in: the file is no longer shared with everyone'
        return f'an HTML page{self.titled} came in place of the file'


def _joined(address, link):
    """The address that a link of the page at `address` leads to; whether it may be asked is `_checked`'s matter."""
    try:
        joined = urljoin(address, link)
        urlsplit(joined)
    except ValueError as error:
        raise FetchError(f'{urlsplit(address).netloc} leads to {link!r:.200}, which is no address ({error})') from error
    return joined


def _with_query(address, fields):
    return address + ('&' if urlsplit(address).query else '?') + urlencode(fields) if fields else address


# --- One connection --------------------------------------------------------------------------------------------------

def _checked(address, schemes):
    """The address itself, once it is one that may be asked: of one of these schemes, with a host that can be looked up.

    Whoever gives it: the table, the user, a redirect, a form or a link. Of two files no hash is known, so nothing leads
    from https down to http.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or '', parts.port
        host.encode('idna')
        is_plain = address.isascii() and address.isprintable() and ' ' not in address and '@' not in parts.netloc
        if parts.scheme in schemes and 0 < len(host) < 254 and is_plain and len(address) <= ADDRESS_LIMIT:
            return address
        problem = f'expected {" or ".join(schemes)}://HOST/...'
    except ValueError as error:                             # UnicodeError, of a host, is one
        problem = str(error)
    raise FetchError(f'{address!r:.200} is not asked: {problem}')


def _schemes(address):
    """The schemes that may be asked where this address was given: https, and http where it was http."""
    return ('https',) if address.lower().startswith('https:') else ('http', 'https')


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to where `_checked` lets them."""

    def __init__(self, schemes):
        self._schemes = schemes

    def redirect_request(self, request, response, code, message, headers, address):
        return super().redirect_request(request, response, code, message, headers, _checked(address, self._schemes))

    def http_error_302(self, request, response, code, message, headers):
        try:
            return super().http_error_302(request, response, code, message, headers)
        except urllib.error.HTTPError:                      # holds the response, and who takes it closes it
            raise
        except BaseException:
            response.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


class _Paced(io.RawIOBase):
    """A socket's bytes, as long as they come at some pace, are not too many, and the time is not up."""

    def __init__(self, sock, most, deadline):
        self._raw, self._most, self._left, self._deadline = sock.makefile('rb', 0), most, most, deadline
        self._since, self._brought = time.monotonic(), 0

    def readable(self):
        return True

    def readinto(self, buffer):
        count = self._raw.readinto(buffer)
        now, self._left, self._brought = time.monotonic(), self._left - count, self._brought + count
        if self._left < 0:
            raise BadFile(f'more than {self._most} bytes came, the most that the published file can take on its way')
        if now > self._deadline:
            raise _TooSlow(f'the time for one file, {TIME_LIMIT / 3600:.0f} h, is up')
        if now - self._since > PACE_WINDOW:
            if self._brought < PACE * (now - self._since):
                raise _TooSlow(f'{self._brought} bytes in {now - self._since:.0f} s are too few')
            self._since, self._brought = now, 0
        return count

    def close(self):
        self._raw.close()
        super().close()


def _opener(cookies, schemes, most, deadline):
    """An opener for http and https alone: urllib's own opens files, `data:` and FTP, too."""
    class Response(http.client.HTTPResponse):
        def __init__(self, sock, *arguments, **options):
            super().__init__(sock, *arguments, **options)
            self.fp.close()
            self.fp = io.BufferedReader(_Paced(sock, most, deadline))

    class Plain(http.client.HTTPConnection):
        response_class = Response

    class Secure(http.client.HTTPSConnection):
        response_class = Response

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, request):
            return self.do_open(Plain, request)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, request):
            return self.do_open(Secure, request)

    opener = urllib.request.OpenerDirector()
    opener.schemes = schemes
    for handler in (urllib.request.ProxyHandler(), urllib.request.UnknownHandler(), PlainHandler(), SecureHandler(),
                    urllib.request.HTTPDefaultErrorHandler(), _Redirects(schemes), urllib.request.HTTPErrorProcessor(),
                    urllib.request.HTTPCookieProcessor(cookies)):
        opener.add_handler(handler)
    return opener


def _open(opener, address, **headers):
    """Open `address`; return the response (416, an unfit range, included), or raise with the failure sorted."""
    host = urlsplit(_checked(address, opener.schemes)).netloc
    # The language, because Drive's pages are recognised by their English words.
    request = urllib.request.Request(address, headers={'User-Agent': USER_AGENT, 'Accept-Language': 'en', **headers})
    try:
        return opener.open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            return error
        with error:
            answer = f'{host} answers {error.code} {str(error.reason)[:100]}'
            if error.code in TRANSIENT_STATUSES:
                raise _Transient(answer, _asked_wait(error.headers)) from error
            page = _read_page(error)
        if page.title:
            answer += f' ({page.problem(error.url)})'
        raise FetchError(f'{answer} for {address:.200}') from error
    except urllib.error.URLError as error:
        # urllib wraps what fails before the request is out; only a connection torn down half-way is worth a retry.
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise FetchError(f'the certificate of {host} is not trusted: {error.reason.verify_message}') from error
        if isinstance(error.reason, (ConnectionResetError, BrokenPipeError, ssl.SSLError)):
            raise _Transient(f'{host}: {error.reason}') from error
        through = f' through the proxy {request.host}' if request.host != host else ''
        raise Unreachable(f'{host}{through} ({error.reason})') from error
    except (OSError, http.client.HTTPException, ValueError) as error:       # ValueError: headers that are none
        raise _Transient(f'{host} gave no answer: {str(error)[:200] or type(error).__name__}') from error


def _asked_wait(headers):
    """Seconds that a Retry-After header asks for; 0 where there is none or it is a date."""
    value = headers.get('Retry-After') or ''
    return float(value) if value.isdecimal() and len(value) < 9 else 0.0


def _read_page(response):
    try:
        content = bytearray()
        while len(content) < PAGE_LIMIT and (chunk := _next_bytes(response)):
            content += chunk
        return _Page(content[:PAGE_LIMIT].decode('utf-8', 'replace'))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _Transient(f'the connection was cut: {str(error)[:200]}') from error


def _next_bytes(response):
    """What has come of a response, CHUNK bytes at most: `read` waits for all, and takes a negative size for no end."""
    return response.read1(CHUNK)


def _open_file(opener, cookies, address):
    """Open `address`, past Google Drive's confirmation page where there is one; a page is never taken for a file."""
    for _ in range(3):
        response = _open(opener, address)
        if not (response.headers.get('Content-Type') or '').lower().startswith('text/html'):
            return response
        with response:
            page = _read_page(response)
        address = page.confirmed_address(response.url, cookies)
        if address is None:
            raise FetchError(page.problem(response.url))
    raise FetchError(f'{urlsplit(address).netloc} asks for confirmation again and again')


# --- One download ----------------------------------------------------------------------------------------------------

def _identity(response):
    """What tells one version of a file from another: size and the server's own marks, None where not sent."""
    headers = response.headers
    content_range = re.fullmatch(r'bytes \d+-\d+/(\d+)', headers.get('Content-Range') or '')
    size = content_range[1] if content_range else headers.get('Content-Length')
    return {'size': int(size) if size and size.isdecimal() and len(size) < 18 else None, 'etag': headers.get('ETag'),
            'modified': headers.get('Last-Modified'), 'hash': headers.get('x-goog-hash')}


def _is_own(facts):
    """Whether what `lstat` found is a regular file without another name."""
    return stat.S_ISREG(facts.st_mode) and facts.st_nlink <= 1


def _unfollowed(path, flags):
    return os.open(path, flags | getattr(os, 'O_NOFOLLOW', 0), 0o666)


class _Part:
    """NAME.part, what has arrived of a file, and NAME.part.json, which version of it that is.

    The second doubles as the lock that keeps two runs from writing to the same part: the operating system holds the
    lock on the open file, so it is gone with the process, however that ended.
    """

    def __init__(self, target):
        self.target = target
        self.path = target.with_name(target.name + '.part')
        self._record_path = target.with_name(target.name + '.part.json')

    def __enter__(self):
        for path in self.path, self._record_path:
            if os.path.lexists(path) and not _is_own(os.lstat(path)):           # planted, or a pipe that blocks
                raise FetchError(f'{path} is no regular file of its own; remove it')
        while True:
            self._record = open(self._record_path, 'a+', encoding='utf-8', opener=_unfollowed)
            try:
                gait_files.lock(self._record)
                # The run that held it before may have removed the file since we opened it: then ours locks nothing.
                if os.path.samestat(os.fstat(self._record.fileno()), os.stat(self._record_path)):
                    return self
            except BlockingIOError:
                self._record.close()
                raise FetchError(f'another run is fetching {self.target} at this moment; wait for it') from None
            except FileNotFoundError:
                pass
            self._record.close()

    def __exit__(self, *_):
        if not self.size():
            self.remove()
        if os.name == 'nt':         # there an open file cannot be removed, so it is closed, and thereby unlocked, first
            self._record.close()
        if not self.path.exists():
            self._record_path.unlink(missing_ok=True)
        self._record.close()

    def size(self):
        return self.path.stat().st_size if self.path.exists() else 0

    def remove(self):
        self.path.unlink(missing_ok=True)

    @property
    def identity(self):
        """The version of which this is a part; {} where unknown."""
        self._record.seek(0)
        try:
            identity = json.loads(self._record.read(RECORD_LIMIT))
        except (ValueError, RecursionError):                # damaged, or somebody else's
            return {}
        return identity if isinstance(identity, dict) else {}

    @identity.setter
    def identity(self, identity):
        self._record.truncate(0)
        json.dump(identity, self._record)
        self._record.flush()


def _download(part, address, content_is_hashed, most, deadline):
    """Bring `part` to its full size in one attempt, going on from where it stands if that is safe.

    The file is always opened from its start first, which passes any confirmation page and tells which version is
    there now. Only if `part` belongs to the same version is the rest requested, and only if the answer says that it
    is that rest is it appended. A version without any mark of the server's is trusted only if the whole content will
    be held against a hash (`content_is_hashed`). The file has `most` bytes at most, and is there by the `deadline`.
    """
    cookies = http.cookiejar.CookieJar()
    with_overhead = most + most // 8 + PAGE_LIMIT           # headers, and the sizes of chunks
    opener = _opener(cookies, _schemes(address), with_overhead, deadline)
    with contextlib.ExitStack() as responses:
        response = responses.enter_context(_open_file(opener, cookies, address))
        identity = _identity(response)
        if (identity['size'] or 0) > most:
            raise BadFile(f'{urlsplit(response.url).netloc} offers {identity["size"]} bytes; the published file has '
                          f'{most} at most')
        marked = content_is_hashed or any(identity[mark] for mark in ('etag', 'modified', 'hash'))
        have = part.size() if marked and identity['size'] and identity == part.identity else 0
        if have:
            rest = responses.enter_context(_open(opener, response.url, **_range_headers(have, identity)))
            if _is_rest(rest, have, identity):
                response = rest
            else:
                have = 0            # no ranges there, or a new version this very moment: take the whole, just opened
        _write(part, response, have, identity, most)


def _range_headers(start, identity):
    headers = {'Range': f'bytes={start}-'}
    etag = identity['etag'] or ''
    condition = etag if etag and not etag.startswith('W/') else identity['modified']     # weak tags do not qualify
    return {**headers, 'If-Range': condition} if condition else headers


def _is_rest(response, start, identity):
    span = f'bytes {start}-{identity["size"] - 1}/{identity["size"]}'
    same = all(found in (None, identity[mark]) for mark, found in _identity(response).items())
    return response.status == 206 and response.headers.get('Content-Range') == span and same


def _write(part, response, have, identity, most):
    name, size = part.target.name, identity['size']
    if not sys.stderr.isatty():
        _say(f'{name}: fetching, {have / 1e6:.1f} MB' + (f' of {size / 1e6:.1f} MB' if size else '') + ' there')
    try:
        with contextlib.closing(Progress(size, name, have, 'B')) as progress, \
                open(part.path, 'ab' if have else 'wb', opener=_unfollowed) as file:
            part.identity = identity        # only now that nothing of another version is left in the file
            while chunk := _read(response, have, size):
                have += len(chunk)
                if have > most:
                    raise BadFile(f'{urlsplit(response.url).netloc} sends more than {most} bytes, the most that the '
                                  'published file has')
                file.write(chunk)
                progress(have)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise FetchError(f'cannot write {part.path}: {error.strerror or error}') from error


def _read(response, have, size):
    """The next bytes; b'' only at the true end, which a cut connection looks like when the size is known."""
    fault = None
    try:
        chunk = _next_bytes(response)
    except (OSError, http.client.HTTPException, ValueError) as error:
        chunk, fault = b'', error
    if chunk or (fault is None and size in (None, have)):
        return chunk
    raise _Transient(f'connection cut after {have} of {size or "unknown"} bytes'
                     + (f' ({str(fault)[:200] or type(fault).__name__})' if fault else '')) from fault


def _download_with_retries(part, address, content_is_hashed, most, deadline):
    longest, failures = part.size(), 0
    while True:
        try:
            return _download(part, address, content_is_hashed, most, deadline)
        except _Transient as error:
            has_grown = part.size() > longest and not isinstance(error.__cause__, _TooSlow)
            failures = 1 if has_grown else failures + 1
            longest = max(longest, part.size())
            if failures >= ATTEMPTS or time.monotonic() > deadline:
                why = f'after {ATTEMPTS} attempts that brought nothing' if failures >= ATTEMPTS else 'for time is up'
                kept = f'; {part.size()} bytes of it are kept, and the next run goes on from there' * bool(part.size())
                raise FetchError(f'{error}; given up {why}{kept}') from error
            pause = min(max(error.wait, FIRST_PAUSE * 2 ** (failures - 1)), LONGEST_PAUSE)
            _say(f'{part.target.name}: {error}; trying again in {pause:.0f} s')
            time.sleep(pause)


def fetch(file, folder, unreachable=None):
    """Put the published `file` into `folder`, unless it is there already.

    Parameters
    ----------
    file : PublishedFile
    folder : pathlib.Path
        Made if need be. A file of that name in it that is not the published one is kept as NAME.bad.
    unreachable : dict of str to Unreachable, optional
        Hosts found out of reach, which are not tried again; further ones are added.

    Returns
    -------
    str
        'ok' if it was there, 'fetched' if it is there now.

    Raises
    ------
    FetchError
        With the reason; then the name in `folder` is as it was before.
    """
    target = folder / file.name
    if _is_good(file, target):
        return 'ok'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _Part(target) as part:
            if _is_good(file, target):      # by another run that was just finishing
                return 'ok'
            _fetch_part(file, part, {} if unreachable is None else unreachable)
            _install(part)
    except OSError as error:
        raise FetchError(f'cannot write to {folder}: {error.strerror or error}') from error
    return 'fetched'


def _is_good(file, path):
    if not path.exists():
        return False
    try:
        verify(file, path)
    except BadFile:
        return False
    return True


def _fetch_part(file, part, unreachable):
    """Bring a verified copy of `file` into `part`, from the first address that gives one."""
    if part.size() and part.size() == part.identity.get('size'):
        with contextlib.suppress(BadFile):      # complete when its run ended: the network has nothing to add
            return verify(file, part.path)
        part.remove()
    failures, deadline = [], time.monotonic() + TIME_LIMIT
    for address in file.addresses:
        host = urlsplit(address).netloc
        if host in unreachable:
            failures.append(unreachable[host])
            continue
        try:
            _download_with_retries(part, address, file.blob_id is not None, SIZE_LIMITS[file.kind], deadline)
        except Unreachable as error:
            unreachable[host] = error
            failures.append(error)
            continue
        except FetchError as error:
            if isinstance(error, BadFile):                  # too long: nothing of it is worth keeping
                part.remove()
            failures.append(error)
            continue
        try:
            return verify(file, part.path)
        except BadFile as error:
            part.remove()
            failures.append(FetchError(f'{host} sent {error}'))
    if all(isinstance(failure, Unreachable) for failure in failures):
        raise failures[0]
    raise FetchError('; '.join(dict.fromkeys(str(failure) for failure in failures)))


def _install(part):
    """Give the verified part its name; what had it goes aside, never away."""
    if os.path.lexists(part.target):
        aside = next(path for number in range(1, 1000)
                     if not os.path.lexists(path := part.target.with_name(
                         part.target.name + '.bad' + (f'-{number}' if number > 1 else ''))))
        os.rename(part.target, aside)
        _say(f'{part.target.name}: the file that was there is not the published one; it is kept as {aside}')
    os.replace(part.path, part.target)


# --- The command -----------------------------------------------------------------------------------------------------

def _say(line):
    """One message; of what a server wrote into it, characters that steer a terminal are replaced."""
    line = ''.join(c if c.isprintable() or c == '\n' else '\N{REPLACEMENT CHARACTER}' for c in line)
    print(line, file=sys.stderr, flush=True)


def _folder(file):
    """Where `file` belongs when the user names no folder."""
    checkout = gait_checkpoints.source_checkout()
    if file.kind == 'picture':
        return checkout / 'images' if checkout else Path('images')
    if (Path('models') / file.name).exists():       # sought there first, whatever lies elsewhere
        return Path('models')
    return checkout / 'models' if checkout else gait_checkpoints.weight_folders()[-1]


def _mirror(address):
    try:
        has_query = bool(urlsplit(_checked(address, ('http', 'https'))).query)
    except FetchError as error:
        raise argparse.ArgumentTypeError(f'expected http(s)://HOST/PATH, got {error}') from error
    if has_query:
        raise argparse.ArgumentTypeError(f'expected http(s)://HOST/PATH, got {address}')
    return address.rstrip('/') + '/'


def add_arguments(parser, files=FILES):
    """Add the arguments of the command to a parser."""
    width = max(len(file.name) for file in files)
    listing = '\n'.join(f'  {file.name:{width}}  {file.purpose}' for file in files)
    parser.epilog = '\n\n'.join(filter(None, [
        f'files:\n{listing}',
        'exit status: 0 all there and good, 1 something is not, 2 bad usage, 130 interrupted',
        parser.epilog]))
    parser.add_argument('names', nargs='*', metavar='NAME',
                        help='files to fetch (default: all; the picture only where it has a source checkout to go to, '
                             'or is named)')
    parser.add_argument('--to', type=Path, metavar='FOLDER',
                        help='put everything there (default: models/ and, for the picture, images/ of the source '
                             'checkout; where there is none the user data folder and ./images)')
    parser.add_argument('--check', action='store_true', help='verify what is there; fetch nothing')
    parser.add_argument('--mirror', type=_mirror, metavar='URL', help='fetch URL/NAME instead of the known addresses')


def run(arguments, files=FILES):
    """Fetch or check what the arguments name; return the exit status, see `main`. An unknown name: ValueError."""
    by_name = {file.name: file for file in files}
    unknown = [name for name in arguments.names if name not in by_name]
    if unknown:
        raise ValueError(f'unknown: {", ".join(unknown)}; there are: {", ".join(by_name)}')
    chosen = [by_name[name] for name in dict.fromkeys(arguments.names)] or [
        file for file in files if file.kind != 'picture' or arguments.to or gait_checkpoints.source_checkout()]
    if arguments.mirror:
        chosen = [dataclasses.replace(file, addresses=(arguments.mirror + quote(file.name),)) for file in chosen]
    try:
        places = [(file, arguments.to or _folder(file)) for file in chosen]
        found = _check_all(places, arguments.json) if arguments.check else _fetch_all(places, arguments.json)
    except KeyboardInterrupt:
        _say('\nInterrupted. What has arrived is kept; the same command goes on from there.')
        return 130
    if arguments.json:
        print(json.dumps([each._asdict() for each in found], indent=2, ensure_ascii=False))
    return 0 if all(each.result in ('ok', 'fetched') for each in found) else 1


def main(argv=None, files=FILES):
    """Run the command; return its exit status (0 all good, 1 something is not, 2 unknown name, 130 interrupted).

    Parameters
    ----------
    argv : list of str, optional
        Its arguments; by default the process's.
    files : sequence of PublishedFile
        What there is to fetch.
    """
    parser = argparse.ArgumentParser(
        prog=program_name(),
        description='Fetch and verify the published weights and the sample picture of the original project.',
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, files)
    parser.add_argument('--json', action='store_true', help='print the answer as JSON')
    try:
        return run(parser.parse_args(argv), files)
    except ValueError as error:
        _say(f'fetch_models: {error}')
        return 2


class Found(NamedTuple):
    """What became of a file: 'ok' or 'fetched', else 'missing', 'bad' or 'failed', and then why."""
    name: str
    path: str
    result: str
    reason: str | None = None


def _told(found, as_json):
    """Say at once what became of a file, unless all is to be one JSON; returns it."""
    if not as_json:
        put(as_text([f'{found.result:8}{found.path}']))
    return found


def _check_all(places, as_json):
    all_found = []
    for file, folder in places:
        path, result, reason = folder / file.name, 'ok', None
        if not path.exists():
            result = 'missing'
        else:
            try:
                verify(file, path)
            except FetchError as error:
                _say(f'{path}: {error}')
                result, reason = 'bad', str(error)
        all_found.append(_told(Found(file.name, str(path), result, reason), as_json))
    return all_found


def _fetch_all(places, as_json):
    all_found, unreachable, by_hand = [], {}, []
    for file, folder in places:
        reason = None
        try:
            result = fetch(file, folder, unreachable)
        except FetchError as error:
            result, reason = 'failed', str(error)
            by_hand.append((file, folder))
            if not isinstance(error, Unreachable):      # those are said once, below
                _say(f'{file.name}: {error}')
        all_found.append(_told(Found(file.name, str(folder / file.name), result, reason), as_json))
    if unreachable:
        _say('No connection to ' + ', '.join(str(error) for error in unreachable.values()))
    if by_hand:
        _say('To do it by hand, open these addresses in a browser and save the files under these names:')
        for file, folder in by_hand:
            _say(f'  {file.addresses[0]}\n    -> {(folder / file.name).absolute()}')
        _say('Afterwards the same command with --check verifies them.')
    return all_found
