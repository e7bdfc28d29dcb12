"""Answers of a hostile server to the downloader: the published content comes, or a refusal, within size and time."""
import contextlib
import hashlib
import os
import random as randomness
import shutil
import socket
import threading
import time

from gait_recognition import fetch
from tests.fuzz import REFUSED, RIGHT

CONTENT = randomness.Random(0).randbytes(120_000)
LIMIT = 200_000                             # bytes that the downloader is to take at most
BOUNDS = {'TIMEOUT': 0.5, 'ATTEMPTS': 2, 'PACE': 20_000, 'PACE_WINDOW': 0.3, 'TIME_LIMIT': 4.0, 'FIRST_PAUSE': 0.0,
          'LONGEST_PAUSE': 0.0, 'SIZE_LIMITS': {'gait': LIMIT}, '_say': lambda line: None}
PATIENCE = 12.0                             # seconds, of one file; most of them are for a slow machine
ADDRESSES = ('file:///etc/passwd', 'data:,x', 'ftp://127.0.0.1/x', 'http://[::1', 'http://[z]/', 'http://' + 'a' * 300,
             'http://a..b/', 'http://127.0.0.1:99999/', 'http://127.0.0.1:x/', 'gopher://x', '//', '', '?confirm=t',
             '/x', 'javascript:x', 'http://u:p@127.0.0.1/', '\x00', 'http://127.0.0.1:1/', 'x' * 50000, 'HTTPS://',
             '/\u20ac')
NUMBERS = ('-1', '0', '5', '1e3', '9' * 5000, '18446744073709551616', '٣', ' 12', 'x', '', '+5', '0x10')


class Kind:
    def __init__(self, folder):
        self.folder, self.random, self.secret = folder, None, folder / 'secret'
        for name, value in BOUNDS.items():
            setattr(fetch, name, value)
        for name in list(os.environ):
            if name.lower().endswith('_proxy'):
                del os.environ[name]
        self.server = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.address = f'http://127.0.0.1:{self.server.getsockname()[1]}'
        threading.Thread(target=self._serve, daemon=True).start()
        blob_id = hashlib.sha1(b'blob %d\0' % len(CONTENT) + CONTENT).hexdigest()
        self.file = fetch.PublishedFile('w.ckpt', 'gait', (self.address + '/w',), blob_id, 'for the fuzzer')

    def try_one(self, random, number):
        target, start = self.folder / 'there', time.monotonic()
        if random.random() < 0.7:
            shutil.rmtree(target, ignore_errors=True)           # else what came the last time is there, too
        elif target.is_dir():
            (target / 'w.ckpt').unlink(missing_ok=True)
        if target.is_dir() and random.random() < 0.3:
            record = random.choice((b'[' * 50000, b'{}', b'\xff', b'{"size": "x"}', b'1'))
            (target / 'w.ckpt.part.json').write_bytes(record)
        self.random = random
        try:
            result = fetch.fetch(self.file, target)
        except fetch.FetchError as error:
            assert str(error) and len(str(error)) < 5000, 'a message without end'
            result = REFUSED
        assert time.monotonic() - start < PATIENCE, f'{time.monotonic() - start:.1f} s'
        if result == REFUSED:
            assert not (target / 'w.ckpt').exists(), 'something has the name'
            part = target / 'w.ckpt.part'
            assert not part.exists() or part.stat().st_size <= LIMIT, 'a part beyond the limit'
            return REFUSED
        assert result == 'fetched' and (target / 'w.ckpt').read_bytes() == CONTENT, 'other content has the name'
        return RIGHT

    # --- The server ---

    def _serve(self):
        while True:
            connection, _ = self.server.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            head = b''
            while b'\r\n\r\n' not in head:
                head += connection.recv(65536) or b'\r\n\r\n'
            request = head.lower()
            start = int(request.split(b'range: bytes=')[1].split(b'-')[0]) if b'range: bytes=' in request else 0
            name = self.random.choice(ANSWERS)
            for piece in name(self.random, start, self.address):
                connection.sendall(piece)


def head(status, *lines):
    return '\r\n'.join([f'HTTP/1.1 {status}', *lines, '', '']).encode('latin-1', 'replace')


def good(random, start, address):
    size = len(CONTENT)
    lines = [f'Content-Length: {size - start}', 'ETag: "v1"']
    if start:
        yield head('206 Partial', *lines, f'Content-Range: bytes {start}-{size - 1}/{size}') + CONTENT[start:]
    else:
        yield head('200 OK', *lines) + CONTENT


def cut(random, start, address):
    whole = b''.join(good(random, start, address))
    yield whole[:random.randrange(len(whole))]


def other(random, start, address):
    """The wrong bytes, or the right ones from the wrong place."""
    size = len(CONTENT)
    lines = [f'Content-Length: {size - start}', random.choice(('ETag: "v1"', 'ETag: "v2"', 'X: y'))]
    if random.random() < 0.5:
        lines.append(f'Content-Range: bytes {random.choice((start, 0, 5))}-{random.choice((size - 1, 9))}/'
                     f'{random.choice((size, "*", "9" * 5000))}')
    yield head(random.choice(('200 OK', '206 Partial')), *lines) + CONTENT[::-1][start:]


def odd_length(random, start, address):
    yield head(random.choice(('200 OK', '503 Busy')), f'Content-Length: {random.choice(NUMBERS)}',
               f'Retry-After: {random.choice(NUMBERS)}') + CONTENT


def chunked(random, start, address):
    yield head('200 OK', 'Transfer-Encoding: chunked', 'ETag: "v1"')
    if random.random() < 0.4:
        for at in range(0, len(CONTENT), 9999):
            piece = CONTENT[at:at + 9999]
            yield b'%x\r\n' % len(piece) + piece + b'\r\n'
        yield b'0\r\n\r\n'
    else:
        for _ in range(3):
            yield random.choice((b'-5\r\n', b'ffffffffffffffffff\r\n', b'\r\n', b'zz\r\n', b'5\r\n', b'0\r\n'))
            yield CONTENT[:5000]


def endless(random, start, address):
    yield head(random.choice(('200 OK', '206 Partial', '404 No', '503 Busy')),
               random.choice(('X: y', 'Transfer-Encoding: chunked', 'Content-Type: text/html',
                              'Content-Length: ' + '9' * 17)))
    piece = random.choice((b'1\r\nx\r\n' * 20000, b'<a href="' * 10000, bytes(100_000), CONTENT))
    for _ in range(200):
        yield piece


def slow(random, start, address):
    yield head('200 OK', 'ETag: "v1"', f'Content-Length: {len(CONTENT)}')[:random.choice((5, 20, 1000))]
    for _ in range(60):
        time.sleep(0.05)
        yield b'x' if random.random() < 0.9 else b'\r\n'


def silent(random, start, address):
    time.sleep(1.0)
    yield b''


def noise(random, start, address):
    yield random.randbytes(random.choice((0, 3, 500))) + random.choice((b'', b'\r\n\r\n', b'HTTP/1.1 200 OK\r\n'))


def headers(random, start, address):
    """Too many of them, too long ones, interim answers without end."""
    yield random.choice((
        lambda: head('200 OK', *['X: y'] * 500), lambda: head('200 OK', 'X: ' + 'y' * 100_000),
        lambda: b'HTTP/1.1 100 Continue\r\n\r\n' * 30000, lambda: head('200 OK', 'a b c', ': ', 'Content-Type: ;;;'),
        lambda: head('999999 ' + 'x' * 1000), lambda: head('0'), lambda: head(random.choice(NUMBERS)),
        lambda: head('200 OK', 'Set-Cookie: download_warning_x=' + random.choice(NUMBERS), 'Content-Type: text/html'),
        lambda: head('200 OK', 'Content-Encoding: gzip', f'Content-Length: {len(CONTENT)}') + CONTENT[::-1]))()


def redirect(random, start, address):
    place = random.choice((*ADDRESSES, address + '/w', address + '/v'))
    yield head(f'{random.choice((301, 302, 303, 307, 308, 300, 304))} Found', f'Location: {place}', 'Content-Length: 0')


def page(random, start, address):
    place = random.choice((*ADDRESSES, address + '/w', '/w?confirm=t'))
    body = random.choice((
        f'<form action="{place}"><input type="hidden" name="confirm" value="t"></form>', f'<a href="{place}confirm=t">',
        f'<a href="{place}?confirm=1">x</a>', '<![' * 5000, '<!--' * 20000, '<' * 60000, '&#' + '9' * 5000 + ';',
        '<title>' + '\x1b[2J' * 3000, '<!DOCTYPE html><a href=' * 3000, 'quota exceeded', '<![CDATA[<!DOCTYPE [',
        '')).encode()
    yield head(random.choice(('200 OK', '403 No', '200 OK')), 'Content-Type: text/html',
               random.choice((f'Content-Length: {len(body)}', 'X: y'))) + body


ANSWERS = [good, good, good, cut, other, odd_length, chunked, chunked, endless, slow, silent, noise, headers, redirect,
           redirect, page, page]
