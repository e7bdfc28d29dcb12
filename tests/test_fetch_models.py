"""The downloader, held against a server on 127.0.0.1 that plays each part a real one may play."""
import dataclasses
import hashlib
import http.server
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

import gait_files
from gait_recognition import fetch as fetch_models
from gait_recognition.fetch import PublishedFile, main

SLEEP = time.sleep                                  # `pauses` puts another in its place
SCRIPT = Path(__file__).resolve().parent.parent / 'fetch_models.py'
CONTENT = bytes(range(256)) * 2000                  # half a megabyte, no two halves of it interchangeable
OTHER = CONTENT[::-1]
NAME = 'walk+1.ckpt'                                # as two of the published names do, it has a plus

DRIVE_FORM = '''<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<p class="uc-warning-caption">Google Drive can't scan this file for viruses.</p>
<form id="search"><input type="hidden" name="q" value="no"></form>
<form id="download-form" action="/download" method="get"><input type="submit" value="Download anyway"/>
<input type="hidden" name="id" value="ID"><input type="hidden" name="confirm" value="t">
<input type="hidden" name="uuid" value="a&amp;b"></form></body></html>'''
DRIVE_LINK = '<html><a href="/help">?</a><a href="/download?confirm=xY_1&amp;id=ID">Download anyway</a></html>'
QUOTA = '''<html><head><title>Google Drive - Quota exceeded</title></head><body><p>Sorry, you can't view or download
this file at this time.</p><p>Too many users have viewed or downloaded this file recently.</p></body></html>'''
SIGN_IN = '''<html><head><title>Google Drive: Sign-in</title></head><body><p>You need access</p>
<form action="/signin"><input type="hidden" name="continue" value="x"></form></body></html>'''


def blob_id(content):
    return hashlib.sha1(b'blob %d\0' % len(content) + content).hexdigest()


# --- The server ------------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Plain:
    """Serves a content as a good server does, or with the given faults."""
    content: bytes
    etag: str | None = '"v1"'
    modified: str | None = None
    ranges: bool = True
    cuts: list = dataclasses.field(default_factory=list)     # of the first answers, bytes before the connection is cut
    declared: int = 0                                        # bytes announced beyond those sent
    heeds_condition: bool = True
    kind: str = 'application/octet-stream'

    def __call__(self, request):
        start = 0
        unchanged = not self.heeds_condition or request.headers['If-Range'] in (None, self.etag, self.modified)
        if self.ranges and unchanged and request.headers['Range']:
            start = int(request.headers['Range'].removeprefix('bytes=').removesuffix('-'))
            if start >= len(self.content) + self.declared:
                return request.answer(416)
        size = len(self.content) + self.declared
        headers = {'Content-Length': size - start, 'Content-Type': self.kind, 'ETag': self.etag,
                   'Last-Modified': self.modified}
        if start:
            headers['Content-Range'] = f'bytes {start}-{size - 1}/{size}'
        body = self.content[start:]
        if self.cuts:
            body = body[:self.cuts.pop(0)]
        request.answer(206 if start else 200, headers, body)


def page(text, status=200, **headers):
    return lambda request: request.answer(status, {'Content-Type': 'text/html; charset=utf-8', **headers},
                                          text.encode())


def status(code, **headers):
    return lambda request: request.answer(code, {name.replace('_', '-'): value for name, value in headers.items()})


def in_turn(*parts):
    """Each request meets the next part; the last stays."""
    waiting = list(parts)
    return lambda request: (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)


class Request(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append(self)
        path = self.path.partition('?')[0]
        with self.server.lock:
            part = self.server.parts.get(path, status(404))
        part(self)

    def answer(self, code, headers=None, body=b''):
        self.send_response(code)
        for name, value in (headers or {}).items():
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass                                    # the client needed no more of it
        self.close_connection = True

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Request)
        self.parts, self.seen, self.lock = {}, [], threading.Lock()
        self.address = f'http://127.0.0.1:{self.server_port}'

    @property
    def paths(self):
        return [request.path for request in self.seen]

    def file(self, content=CONTENT, name=NAME, kind='gait', path=None):
        """The table's entry for a content that this server offers."""
        address = self.address + (path or '/' + name.replace('+', '%2B'))
        return PublishedFile(name, kind, (address,), None if kind == 'pose' else blob_id(content), 'for the tests')


@pytest.fixture
def server():
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """No proxy, no waiting; the list of the waits asked for."""
    for name in os.environ:
        if name.lower().endswith('_proxy'):
            monkeypatch.delenv(name)
    asked = []
    monkeypatch.setattr(fetch_models.time, 'sleep', asked.append)
    return asked


@pytest.fixture
def closed_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return f'http://127.0.0.1:{probe.getsockname()[1]}'


def start(file, folder, before=''):
    """Run the command in a process of its own, with a table of one file."""
    code = f'import sys; from gait_recognition import fetch as fetch_models; ' \
           f'from gait_recognition.fetch import PublishedFile; {before}\n' \
           f'sys.exit(fetch_models.main(files=[{file!r}]))'
    return subprocess.Popen([sys.executable, '-c', code, '--to', str(folder)], cwd=SCRIPT.parent, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


PATH = '/walk%2B1.ckpt'


# --- What there is to fetch ------------------------------------------------------------------------------------------

def test_the_table_has_the_five_published_files_under_encoded_addresses():
    table = {file.name: file for file in fetch_models.FILES}
    assert list(table) == ['MPII+LSP.ckpt', 'Human3.6m.ckpt', 'H3.6m-GRU-1.ckpt', 'M+L-GRU-2.ckpt',
                           'dummy_original.jpg']
    assert table['M+L-GRU-2.ckpt'].addresses[0].endswith('/gait-recognition/master/models/M%2BL-GRU-2.ckpt')
    assert table['dummy_original.jpg'].addresses[0].endswith('/master/images/dummy.jpg')
    assert all('1bNoZkuI0TCqf_DV613SOAng3p6Y0Si6a' in address for address in table['MPII+LSP.ckpt'].addresses)
    assert all(address.startswith('https://') for file in table.values() for address in file.addresses)
    # Exactly the files without a blob id are those that the checkpoint reader can judge.
    assert all((file.blob_id is None) == (file.kind == 'pose') for file in table.values())


def test_the_blob_id_is_the_one_git_gives(tmp_path):
    (tmp_path / 'x').write_bytes(b'hello\n')
    assert fetch_models.git_blob_id(tmp_path / 'x') == 'ce013625030ba8dba906f756967f9e9ca394464a'


def test_help_and_a_wrong_name_are_answered_without_tensorflow():
    code = ('import sys\nfrom gait_recognition import fetch as fetch_models\nassert fetch_models.main(["nope"]) == 2\n'
            'try:\n    fetch_models.main(["--help"])\nexcept SystemExit as end:\n    assert end.code == 0\n'
            'sys.exit("tensorflow" in sys.modules)')
    run = subprocess.run([sys.executable, '-c', code], cwd=SCRIPT.parent, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert 'M+L-GRU-2.ckpt' in run.stdout


def test_an_unknown_name_is_refused_with_the_list_of_names(tmp_path, capsys):
    assert main(['MPII.ckpt', '--to', str(tmp_path)]) == 2
    assert (message := capsys.readouterr().err).startswith('fetch_models: unknown: MPII.ckpt; there are: ')
    assert 'Human3.6m.ckpt' in message


@pytest.mark.parametrize('mirror', ['ftp://example.org', 'file:///tmp', '/tmp', 'http://', 'http://a b/', 'http://a?x=1'])
def test_a_mirror_that_is_not_http_is_refused(mirror, tmp_path):
    with pytest.raises(SystemExit) as stop:
        main(['--mirror', mirror, '--to', str(tmp_path)])
    assert stop.value.code == 2


# --- The good case ---------------------------------------------------------------------------------------------------

def test_a_file_is_fetched_into_a_folder_made_for_it(server, tmp_path, capsys):
    server.parts[PATH] = Plain(CONTENT)
    folder = tmp_path / 'new' / 'models'
    assert main(['--to', str(folder)], [server.file()]) == 0
    assert (folder / NAME).read_bytes() == CONTENT
    assert names_in(folder) == [NAME]
    assert capsys.readouterr().out == f'fetched {folder / NAME}\n'


def test_a_good_file_is_left_alone_without_a_request(server, tmp_path, capsys):
    (tmp_path / NAME).write_bytes(CONTENT)
    before = (tmp_path / NAME).stat()
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert capsys.readouterr().out == f'ok      {tmp_path / NAME}\n'
    assert server.seen == [] and (tmp_path / NAME).stat().st_mtime_ns == before.st_mtime_ns


def test_only_the_named_files_are_fetched(server, tmp_path):
    server.parts.update({'/a': Plain(CONTENT), '/b': Plain(CONTENT)})
    assert main(['b', '--to', str(tmp_path)], [server.file(name='a'), server.file(name='b')]) == 0
    assert server.paths == ['/b'] and names_in(tmp_path) == ['b']


def test_a_mirror_serves_every_file_under_its_encoded_name(server, tmp_path, closed_port):
    server.parts['/deep' + PATH] = Plain(CONTENT)
    file = dataclasses.replace(server.file(), addresses=(closed_port + '/elsewhere',))
    assert main(['--mirror', server.address + '/deep/', '--to', str(tmp_path)], [file]) == 0
    assert server.paths == ['/deep' + PATH]


def test_the_second_address_is_used_where_the_first_fails(server, tmp_path):
    server.parts.update({'/a': page(QUOTA), '/b': Plain(CONTENT)})
    file = dataclasses.replace(server.file(), addresses=(server.address + '/a', server.address + '/b'))
    assert main(['--to', str(tmp_path)], [file]) == 0
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_redirect_is_followed(server, tmp_path):
    server.parts.update({PATH: status(302, Location='/moved'), '/moved': Plain(CONTENT)})
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert server.paths == [PATH, '/moved']


def test_a_redirect_off_http_is_not_followed(server, tmp_path, capsys):
    server.parts[PATH] = status(302, Location='ftp://127.0.0.1/x')
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert 'ftp://127.0.0.1/x' in capsys.readouterr().err


def test_a_redirect_from_https_down_to_http_is_not_followed():
    with pytest.raises(fetch_models.FetchError, match='http://example.org/x.* is not asked: expected https://HOST'):
        fetch_models._Redirects(fetch_models._schemes('https://example.org')).redirect_request(
            urllib.request.Request('https://example.org'), None, 302, '', {}, 'http://example.org/x')


LEADS_AWAY = ['file://{secret}', 'FILE:{secret}', 'data:text/plain,x', 'ftp://127.0.0.1/x', 'gopher://127.0.0.1/',
              'http://[::1', 'http://[z]/', 'http://' + 'a' * 300 + '/', 'http://127.0.0.1:99999/', 'http://u:p@127.0.0.1/',
              'http:///x', 'http://127.0.0.1/' + 'x' * 20000]


@pytest.mark.parametrize('address', LEADS_AWAY, ids=[address[:20] for address in LEADS_AWAY])
@pytest.mark.parametrize('way', [
    lambda address: status(302, Location=address),
    lambda address: page(f'<form action="{address}"><input type="hidden" name="confirm" value="t"></form>'),
    lambda address: page(f'<a href="{address}?confirm=t">')], ids=['redirect', 'form', 'link'])
def test_no_page_and_no_redirect_leads_to_another_kind_of_address(way, address, server, tmp_path, capsys, pauses):
    (tmp_path / 'secret').write_bytes(CONTENT)
    server.parts[PATH] = way(address.format(secret=tmp_path / 'secret'))
    assert main(['--to', str(tmp_path / 'there')], [server.file()]) == 1
    assert names_in(tmp_path / 'there') == [] and len(capsys.readouterr().err) < 3000


def test_from_https_nothing_leads_down_to_http_whoever_says_so():
    for given, allowed in [('https://a', {'https'}), ('HTTPS://a', {'https'}), ('http://a', {'http', 'https'})]:
        assert {*fetch_models._schemes(given)} == allowed
    opener = fetch_models._opener(None, ('https',), 1, 0.0)
    with pytest.raises(fetch_models.FetchError, match='expected https'):
        fetch_models._open(opener, 'http://127.0.0.1/')
    assert {*opener.handle_open} == {'http', 'https', 'unknown'}        # no files, no FTP, no data:


def endless(piece, **headers):
    """A body that does not end, as fast as it is taken."""
    def answer(request):
        request.answer(200, headers)
        try:
            while True:
                request.wfile.write(piece)
        except OSError:
            pass
    return answer


@pytest.mark.parametrize('answer', [endless(bytes(100_000)), endless(bytes(99), **{'Content-Length': 10 ** 12}),
                                    endless(b'1\r\nx\r\n' * 9999, **{'Transfer-Encoding': 'chunked'})])
def test_a_body_without_end_is_cut_at_the_most_that_the_file_may_have(answer, server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(fetch_models, 'SIZE_LIMITS', {'gait': 600_000})
    server.parts[PATH] = answer
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert re.search('has 600000 at most|more than [68]0[0-9]+ bytes', capsys.readouterr().err)
    assert names_in(tmp_path) == [] and len(server.seen) == 1


def test_a_byte_at_a_time_is_given_up_and_what_has_come_is_kept_and_said(server, tmp_path, capsys, monkeypatch, pauses):
    for name, value in {'PACE_WINDOW': 0.1, 'PACE': 1000, 'ATTEMPTS': 3}.items():
        monkeypatch.setattr(fetch_models, name, value)

    def trickle(request):
        request.answer(200, {'Content-Length': len(CONTENT), 'ETag': '"v1"'})
        try:
            for i in range(200):
                request.wfile.write(CONTENT[i:i + 1])
                SLEEP(0.02)
        except OSError:
            pass
    server.parts[PATH] = trickle
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    message = capsys.readouterr().err
    assert 'are too few' in message and re.search(r'\d+ bytes of it are kept, and the next run goes on', message)
    assert len(server.seen) == 1 + 2 + 2                    # three attempts; later ones ask for the rest besides


def test_a_file_has_a_time_in_which_it_must_come(server, tmp_path, capsys, monkeypatch, pauses):
    monkeypatch.setattr(fetch_models, 'TIME_LIMIT', 0.0)
    server.parts[PATH] = Plain(CONTENT)
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert 'is up' in capsys.readouterr().err and not (tmp_path / NAME).exists()


def test_a_message_is_no_longer_than_one_reads_whatever_the_server_writes(server, tmp_path, capsys):
    server.parts.update({PATH: status(302, Location='/x?' + '9' * 10_000), '/x': status(404)})
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert len(capsys.readouterr().err) < 1500


@pytest.mark.parametrize('headers', [{'Content-Length': '9' * 5000}, {'Content-Length': '-5'}, {'Content-Length': 'x'}])
def test_a_length_that_is_none_is_not_believed(headers, server, tmp_path, pauses):
    server.parts[PATH] = lambda request: request.answer(200, headers, CONTENT)
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize('size', [b'-5', b'zz', b'f' * 40, b''])
def test_a_chunk_of_no_size_takes_no_memory_and_is_no_file(size, server, tmp_path, pauses, capsys):
    server.parts[PATH] = lambda request: request.answer(200, {'Transfer-Encoding': 'chunked'}, size + b'\r\n' + CONTENT)
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize('text', ['<![' * 9999, '<a href=' * 9999, '&#' + '9' * 9999 + ';', '<' * 99999])
def test_a_page_that_is_no_html_is_a_page(text, server, tmp_path, capsys):
    server.parts[PATH] = page(text)
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert 'an HTML page' in capsys.readouterr().err


def test_what_a_server_says_does_not_steer_the_terminal(server, tmp_path, capsys):
    server.parts[PATH] = page('<title>\x1b[2J\x07gone</title>', 404)
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    message = capsys.readouterr().err
    assert 'gone' in message and '\x1b' not in message and '\x07' not in message


def test_a_false_file_of_gigabytes_is_refused_by_its_size_unread(server, tmp_path, capsys, monkeypatch):
    (tmp_path / NAME).touch()
    os.truncate(tmp_path / NAME, 3 << 30)
    monkeypatch.setattr(fetch_models, 'git_blob_id', None)
    assert main(['--check', '--to', str(tmp_path)], [server.file()]) == 1
    assert f'{3 << 30} bytes; the published file has {1 << 29} at most' in capsys.readouterr().err


@pytest.mark.parametrize('name', [NAME, NAME + '.part', NAME + '.part.json'])
def test_a_pipe_in_the_place_of_a_file_is_said_and_not_waited_for(name, server, tmp_path, capsys):
    os.mkfifo(tmp_path / name)
    server.parts[PATH] = Plain(CONTENT)
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert f'{name} is no regular file' in capsys.readouterr().err


@pytest.mark.parametrize('link', [os.symlink, os.link])
@pytest.mark.parametrize('name', [NAME + '.part', NAME + '.part.json'])
def test_a_link_planted_where_a_part_is_to_lie_is_refused_and_not_written_through(link, name, server, tmp_path, capsys):
    victim, folder = tmp_path / 'victim', tmp_path / 'models'
    victim.write_text('mine')
    folder.mkdir()
    link(victim, folder / name)
    server.parts[PATH] = Plain(CONTENT)
    assert main(['--to', str(folder)], [server.file()]) == 1
    assert f'{name} is no regular file of its own; remove it' in capsys.readouterr().err
    assert victim.read_text() == 'mine' and names_in(folder) == [name]


def test_a_proxy_of_the_environment_is_used(server, tmp_path, monkeypatch):
    monkeypatch.setenv('http_proxy', server.address)
    server.parts['http://models.invalid/x'] = Plain(CONTENT)
    file = dataclasses.replace(server.file(), addresses=('http://models.invalid/x',))
    assert main(['--to', str(tmp_path)], [file]) == 0
    assert server.paths == ['http://models.invalid/x']


# --- Interruptions ---------------------------------------------------------------------------------------------------

def test_a_cut_connection_is_resumed_where_it_broke(server, tmp_path):
    server.parts[PATH] = Plain(CONTENT, cuts=[200_000])
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert (tmp_path / NAME).read_bytes() == CONTENT and names_in(tmp_path) == [NAME]
    assert (server.seen[-1].headers['Range'], server.seen[-1].headers['If-Range']) == ('bytes=200000-', '"v1"')


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(server, tmp_path, capsys):
    server.parts[PATH] = Plain(CONTENT[:300_000], declared=len(CONTENT) - 300_000)      # never gives the rest
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert '300000 of 512000 bytes' in capsys.readouterr().err
    assert names_in(tmp_path) == [NAME + '.part', NAME + '.part.json']
    server.parts[PATH] = Plain(CONTENT)
    server.seen.clear()
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert server.seen[-1].headers['Range'] == 'bytes=300000-'
    assert (tmp_path / NAME).read_bytes() == CONTENT and names_in(tmp_path) == [NAME]


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGKILL] if os.name == 'posix' else [])
def test_a_run_stopped_by_a_signal_is_resumed_by_the_next(how, server, tmp_path):
    arrived, gone = threading.Event(), threading.Event()

    def stall_in_the_middle(request):
        request.send_response(200)
        request.send_header('Content-Length', str(len(CONTENT)))
        request.send_header('ETag', '"v1"')
        request.end_headers()
        request.wfile.write(CONTENT[:fetch_models.CHUNK * 3])
        arrived.set()
        gone.wait(60)

    server.parts[PATH] = stall_in_the_middle
    # A shell's background job, which this test may be part of, has its children ignore SIGINT.
    run = start(server.file(), tmp_path, 'import signal; signal.signal(signal.SIGINT, signal.default_int_handler)')
    assert arrived.wait(60)
    part = tmp_path / (NAME + '.part')
    while not part.exists() or part.stat().st_size < fetch_models.CHUNK * 2:       # what is written in any case
        assert run.poll() is None
        threading.Event().wait(0.01)
    run.send_signal(how)
    message = run.communicate()[1]
    gone.set()
    if how == signal.SIGINT:
        assert run.returncode == 130
        assert 'the same command goes on' in message and 'Traceback' not in message
    assert not (tmp_path / NAME).exists()
    server.parts[PATH] = Plain(CONTENT)
    have = part.stat().st_size
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert server.seen[-1].headers['Range'] == f'bytes={have}-'
    assert (tmp_path / NAME).read_bytes() == CONTENT and names_in(tmp_path) == [NAME]


def leave_part(server, folder, **marks):
    """The part of an earlier run, which got 200 kB of CONTENT from a server with these marks."""
    server.parts[PATH] = Plain(CONTENT[:200_000], declared=len(CONTENT) - 200_000, **marks)
    assert main(['--to', str(folder)], [server.file()]) == 1
    assert (folder / (NAME + '.part')).stat().st_size == 200_000
    server.seen.clear()


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(server, tmp_path):
    leave_part(server, tmp_path, etag='"v1"')
    server.parts[PATH] = Plain(OTHER, etag='"v2"')
    assert main(['--to', str(tmp_path)], [server.file(OTHER)]) == 0
    assert (tmp_path / NAME).read_bytes() == OTHER
    assert [request.headers['Range'] for request in server.seen] == [None]


def test_a_file_that_changes_between_two_requests_is_fetched_from_the_start(server, tmp_path):
    leave_part(server, tmp_path, etag='"v1"')
    # The second answer is a range of another version, If-Range or not: nothing of it may be glued on.
    server.parts[PATH] = in_turn(Plain(CONTENT), Plain(OTHER, etag='"v2"', heeds_condition=False))
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_weak_etag_is_compared_but_not_sent_as_a_condition(server, tmp_path):
    marks = {'etag': 'W/"v1"', 'modified': 'Fri, 08 Sep 2017 09:10:25 GMT'}
    leave_part(server, tmp_path, **marks)
    server.parts[PATH] = Plain(CONTENT, **marks)
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert server.seen[-1].headers['If-Range'] == marks['modified']
    assert server.seen[-1].headers['Range'] == 'bytes=200000-'


def test_without_any_mark_a_part_is_continued_only_where_a_hash_guards_the_whole(server, tmp_path, small_pose):
    good = small_pose()
    half = len(good) // 2
    for kind, content, wanted in (('gait', CONTENT, f'bytes={half}-'), ('pose', good, None)):
        server.parts[PATH] = Plain(content, etag=None, cuts=[half])
        server.seen.clear()
        assert main(['--to', str(tmp_path / kind)], [server.file(content, kind=kind)]) == 0
        assert server.seen[-1].headers['Range'] == wanted
        assert (tmp_path / kind / NAME).read_bytes() == content


def test_a_server_without_ranges_is_asked_for_the_whole_file(server, tmp_path):
    server.parts[PATH] = Plain(CONTENT, ranges=False, cuts=[200_000])
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize('answer', [
    status(416),
    lambda request: request.answer(206, {'Content-Range': f'bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}'}, CONTENT),
    lambda request: request.answer(206, {}, CONTENT[200_000:])], ids=['416', 'other span', 'no span'])
def test_an_answer_that_is_not_the_missing_rest_is_not_glued_on(answer, server, tmp_path):
    leave_part(server, tmp_path)
    server.parts[PATH] = in_turn(Plain(CONTENT), answer)
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize('record', ['', '{"size": 51', '[1]', '{"size": 5}', '[' * 100_000])
def test_a_part_of_unknown_origin_is_not_trusted(record, server, tmp_path):
    (tmp_path / (NAME + '.part')).write_bytes(OTHER[:200_000])
    (tmp_path / (NAME + '.part.json')).write_text(record)
    server.parts[PATH] = Plain(CONTENT)
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_server_in_trouble_is_asked_again_after_growing_pauses(server, tmp_path, pauses):
    server.parts[PATH] = in_turn(status(503), status(500), status(429, Retry_After='7'), Plain(CONTENT))
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    assert pauses == [1, 2, 7]


def test_a_server_that_stays_in_trouble_is_given_up(server, tmp_path, capsys):
    server.parts[PATH] = status(503)
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert len(server.seen) == fetch_models.ATTEMPTS
    assert '503 Service Unavailable' in capsys.readouterr().err and names_in(tmp_path) == []


def test_a_server_that_falls_silent_is_asked_again(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_models, 'TIMEOUT', 0.3)
    done = threading.Event()

    def silent(request):
        request.send_response(200)
        request.send_header('Content-Length', str(len(CONTENT)))
        request.end_headers()
        done.wait(60)

    server.parts[PATH] = in_turn(lambda request: done.wait(60), silent, Plain(CONTENT))
    assert main(['--to', str(tmp_path)], [server.file()]) == 0
    done.set()
    assert len(server.seen) == 3


# --- Something else comes --------------------------------------------------------------------------------------------

def test_a_missing_file_is_reported_at_once_with_what_to_do_by_hand(server, tmp_path, capsys):
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    message = capsys.readouterr()
    assert message.out == f'failed  {tmp_path / NAME}\n'
    assert '404 Not Found' in message.err
    assert f'{server.address}{PATH}\n    -> {tmp_path / NAME}' in message.err
    assert len(server.seen) == 1 and names_in(tmp_path) == []


@pytest.mark.parametrize('first, then', [
    (page(DRIVE_FORM), '/download?id=ID&confirm=t&uuid=a%26b'),
    (page(DRIVE_LINK), '/download?confirm=xY_1&id=ID'),
    (page('<html>Are you sure?</html>', **{'Set-Cookie': 'download_warning_12_ID=tok; Path=/'}),
     '/uc?export=download&id=ID&confirm=tok')], ids=['form', 'link', 'cookie'])
def test_google_drives_confirmation_is_given(first, then, server, tmp_path):
    file = server.file(path='/uc?export=download&id=ID')
    whole = Plain(CONTENT, cuts=[200_000])
    server.parts['/uc'] = lambda request: (whole if 'confirm=tok' in request.path else first)(request)
    server.parts['/download'] = whole
    assert main(['--to', str(tmp_path)], [file]) == 0
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert server.paths == ['/uc?export=download&id=ID', then, '/uc?export=download&id=ID', then, then]
    assert server.seen[-1].headers['Range'] == 'bytes=200000-'      # resumed past the page, which came again
    assert server.seen[0].headers['Accept-Language'] == 'en'        # the language in which pages are recognised
    if 'tok' in then:
        assert server.seen[1].headers['Cookie'] == 'download_warning_12_ID=tok'


def test_a_confirmation_that_leads_back_to_itself_ends(server, tmp_path, capsys):
    server.parts.update({PATH: page(DRIVE_FORM), '/download': page(DRIVE_FORM)})
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert 'again and again' in capsys.readouterr().err and len(server.seen) == 3


@pytest.mark.parametrize('text, code, words', [
    (QUOTA, 200, 'quota for this file is used up'), (QUOTA, 403, 'quota for this file is used up'),
    (SIGN_IN, 200, 'asks to sign in'), ('<html><head><title>Hotel network</title></head></html>', 200,
                                        'an HTML page titled "Hotel network"'),
    ('<html><title>Gone</title></html>', 410, 'an HTML page titled "Gone"')])
def test_a_page_in_place_of_a_file_is_named_and_never_saved(text, code, words, server, tmp_path, capsys):
    server.parts[PATH] = page(text, code)
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert words in capsys.readouterr().err
    assert names_in(tmp_path) == [] and len(server.seen) == 1


WRONG = {
    'an HTML page titled "Log in" was saved': b'\n<!DOCTYPE html><html><title>Log in</title></html>',
    'a Git LFS pointer': b'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n',
    'other content than the published file: 512000 bytes': OTHER,
    'other content than the published file: 511999 bytes': CONTENT[:-1],
    'an empty file': b''}


@pytest.mark.parametrize('words', WRONG)
def test_other_content_never_gets_the_name(words, server, tmp_path, capsys):
    server.parts[PATH] = Plain(WRONG[words])
    assert main(['--to', str(tmp_path)], [server.file()]) == 1
    assert words in capsys.readouterr().err
    assert names_in(tmp_path) == []                 # not even a part, so that the next run starts anew


@pytest.mark.parametrize('words', WRONG)
def test_check_says_what_lies_there_instead(words, tmp_path, server, capsys):
    (tmp_path / NAME).write_bytes(WRONG[words])
    assert main(['--check', '--to', str(tmp_path)], [server.file()]) == 1
    message = capsys.readouterr()
    assert words in message.err and message.out == f'bad     {tmp_path / NAME}\n'
    assert (tmp_path / NAME).read_bytes() == WRONG[words]


def test_check_tells_good_from_missing_and_asks_no_server(server, tmp_path, capsys):
    (tmp_path / 'a').write_bytes(CONTENT)
    files = [server.file(name='a'), server.file(name='b')]
    assert main(['--check', '--to', str(tmp_path)], files) == 1
    assert capsys.readouterr().out == f'ok      {tmp_path / "a"}\nmissing {tmp_path / "b"}\n'
    assert main(['--check', 'a', '--to', str(tmp_path)], files) == 0
    assert server.seen == [] and names_in(tmp_path) == ['a']


def test_answers_come_as_json_if_asked_for(server, tmp_path, capsys):
    (tmp_path / 'a').write_bytes(CONTENT)
    (tmp_path / 'c').write_bytes(b'')
    files = [server.file(name=name) for name in 'abc']
    assert main(['--check', '--json', '--to', str(tmp_path)], files) == 1
    assert [(each['name'], each['path'], each['result'], each['reason']) for each in
            json.loads(capsys.readouterr().out)] == [('a', str(tmp_path / 'a'), 'ok', None),
                                                     ('b', str(tmp_path / 'b'), 'missing', None),
                                                     ('c', str(tmp_path / 'c'), 'bad', 'an empty file')]
    server.parts[PATH] = Plain(CONTENT)
    assert main(['--json', '--to', str(tmp_path / 'new')], [server.file()]) == 0
    assert [each['result'] for each in json.loads(capsys.readouterr().out)] == ['fetched']


# --- Without a network -----------------------------------------------------------------------------------------------

def test_offline_there_is_one_message_with_every_address_and_place(server, tmp_path, closed_port, pauses, capsys):
    files = [dataclasses.replace(server.file(name=name), addresses=(f'{closed_port}/{name}',)) for name in 'abc']
    assert main(['--to', str(tmp_path)], files) == 1
    message = capsys.readouterr().err
    assert message.count('No connection') == 1 and message.count('refused') == 1 and pauses == []
    for name in 'abc':
        assert f'{closed_port}/{name}\n    -> {tmp_path / name}' in message
    assert names_in(tmp_path) == []


def test_a_host_without_an_address_is_offline_too(server, tmp_path, pauses, capsys, monkeypatch):
    asked = []

    def no_name(host, *_, **__):
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, 'Name or service not known')

    monkeypatch.setattr(socket, 'getaddrinfo', no_name)
    file = dataclasses.replace(server.file(), addresses=('https://models.invalid/x', 'https://models.invalid/y'))
    assert main(['--to', str(tmp_path)], [file]) == 1
    assert 'No connection to models.invalid' in capsys.readouterr().err
    assert asked == ['models.invalid'] and pauses == []         # once for both addresses, and at once


def test_what_can_be_reached_is_fetched_though_another_host_is_down(server, tmp_path, closed_port):
    server.parts['/b'] = Plain(CONTENT)
    files = [dataclasses.replace(server.file(name='a'), addresses=(closed_port + '/a',)), server.file(name='b')]
    assert main(['--to', str(tmp_path)], files) == 1
    assert names_in(tmp_path) == ['b']


# --- What was there before -------------------------------------------------------------------------------------------

def test_a_file_of_other_content_is_kept_aside_when_the_good_one_comes(server, tmp_path, capsys):
    server.parts[PATH] = Plain(CONTENT)
    for content in (b'my own', b'my second'):
        (tmp_path / NAME).write_bytes(content)
        assert main(['--to', str(tmp_path)], [server.file()]) == 0
        assert f'{NAME}.bad' in capsys.readouterr().err
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert (tmp_path / (NAME + '.bad')).read_bytes() == b'my own'
    assert (tmp_path / (NAME + '.bad-2')).read_bytes() == b'my second'


def test_a_file_of_other_content_stays_where_it_is_when_no_good_one_comes(server, tmp_path):
    (tmp_path / NAME).write_bytes(b'my own')
    for part in (status(404), Plain(OTHER), page(QUOTA)):
        server.parts[PATH] = part
        assert main(['--to', str(tmp_path)], [server.file()]) == 1
        assert names_in(tmp_path) == [NAME] and (tmp_path / NAME).read_bytes() == b'my own'


def test_a_folder_of_the_files_name_is_reported(server, tmp_path, capsys):
    (tmp_path / NAME).mkdir()
    for more in ([], ['--check']):
        assert main(['--to', str(tmp_path), *more], [server.file()]) == 1
        assert 'is a folder' in capsys.readouterr().err


def test_a_file_in_the_place_of_the_folder_is_reported(server, tmp_path, capsys):
    (tmp_path / 'models').write_bytes(b'')
    assert main(['--to', str(tmp_path / 'models')], [server.file()]) == 1
    assert f'cannot write to {tmp_path / "models"}' in capsys.readouterr().err


@pytest.mark.skipif(os.name != 'posix', reason='limits of a process are POSIX')
def test_a_full_disk_is_reported_and_what_fitted_is_kept(server, tmp_path):
    server.parts[PATH] = Plain(CONTENT)
    run = start(server.file(), tmp_path, 'import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000,) * 2)')
    message = run.communicate()[1]
    assert run.returncode == 1
    assert f'cannot write {tmp_path / NAME}.part: File too large' in message and 'Traceback' not in message
    assert names_in(tmp_path) == [NAME + '.part', NAME + '.part.json']


def test_a_run_that_finds_another_at_work_on_the_file_leaves_it_alone(server, tmp_path, capsys):
    server.parts[PATH] = Plain(CONTENT)
    with fetch_models._Part(tmp_path / NAME) as part:
        part.path.write_bytes(b'half of it')
        assert main(['--to', str(tmp_path)], [server.file()]) == 1
        assert 'another run is fetching' in capsys.readouterr().err
        assert part.path.read_bytes() == b'half of it' and server.seen == []
    assert main(['--to', str(tmp_path)], [server.file()]) == 0


def test_a_lock_on_a_record_that_is_gone_is_not_taken_for_one(tmp_path, monkeypatch):
    record = tmp_path / (NAME + '.part.json')
    removed = []

    def slow_lock(handle, lock=gait_files.lock):
        if not removed:                             # the holder finishes between our opening and our locking
            removed.append(record.unlink())
        lock(handle)

    monkeypatch.setattr(gait_files, 'lock', slow_lock)
    with fetch_models._Part(tmp_path / NAME):
        with pytest.raises(fetch_models.FetchError, match='another run'):
            fetch_models._Part(tmp_path / NAME).__enter__()


def test_runs_at_the_same_time_leave_one_good_file(server, tmp_path):
    server.parts[PATH] = Plain(CONTENT)
    runs = [start(server.file(), tmp_path) for _ in range(4)]
    ends = [run.communicate() for run in runs]
    assert all(run.returncode == 0 or 'another run' in error for run, (_, error) in zip(runs, ends, strict=True))
    assert (tmp_path / NAME).read_bytes() == CONTENT and names_in(tmp_path) == [NAME]


# --- Where files go --------------------------------------------------------------------------------------------------

def test_a_source_checkout_keeps_files_in_its_own_folders(server, tmp_path, monkeypatch):
    checkout, elsewhere = tmp_path / 'checkout', tmp_path / 'elsewhere'
    checkout.mkdir()
    elsewhere.mkdir()
    monkeypatch.setattr('gait_checkpoints.source_checkout', lambda: checkout)
    monkeypatch.chdir(elsewhere)
    server.parts.update({'/weights': Plain(CONTENT), '/picture': Plain(CONTENT)})
    assert main([], [server.file(name='weights'), server.file(name='picture', kind='picture')]) == 0
    assert (checkout / 'models' / 'weights').exists() and (checkout / 'images' / 'picture').exists()
    assert names_in(elsewhere) == []


def test_an_installed_command_uses_the_users_folder_and_the_working_directory(server, tmp_path, monkeypatch):
    monkeypatch.setattr('gait_checkpoints.source_checkout', lambda: None)
    monkeypatch.setattr('gait_checkpoints.weight_folders', lambda: [tmp_path / 'first', tmp_path / 'user'])
    monkeypatch.chdir(tmp_path)
    server.parts.update({'/weights': Plain(CONTENT), '/picture': Plain(CONTENT)})
    files = [server.file(name='weights'), server.file(name='picture', kind='picture')]
    assert main([], files) == main(['--check'], files) == 0
    assert names_in(tmp_path / 'user') == ['weights'] and names_in(tmp_path) == ['user']        # no picture, unasked
    assert main(['picture'], files) == 0 and names_in(tmp_path / 'images') == ['picture']


def test_weights_in_the_working_directorys_models_are_the_ones_looked_at(server, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path('models').mkdir()
    Path('models', NAME).write_bytes(CONTENT)
    assert main(['--check'], [server.file()]) == 0
    assert capsys.readouterr().out == f'ok      {Path("models") / NAME}\n'


# --- Pose checkpoints, which have no known hash ----------------------------------------------------------------------

POSE_SHAPES = {'Pose/weights': [40, 50], 'Pose/biases': [50]}


@pytest.fixture
def small_pose(monkeypatch, tmp_path_factory):
    """Makes the content of a V1 checkpoint of a network that has two variables."""
    monkeypatch.setattr(fetch_models, 'pose_variable_shapes', lambda: POSE_SHAPES)
    return lambda shapes=POSE_SHAPES: v1_checkpoint(tmp_path_factory.mktemp('source') / 'x.ckpt', shapes)


def v1_checkpoint(path, shapes):
    import numpy as np
    import tensorflow.compat.v1 as tf
    with tf.Graph().as_default(), tf.Session() as session:
        random = np.random.default_rng(0)
        for name, shape in shapes.items():
            tf.get_variable(name, initializer=random.normal(size=shape).astype('float32'), use_resource=False)
        session.run(tf.global_variables_initializer())
        tf.train.Saver(write_version=tf.train.SaverDef.V1).save(session, str(path), write_meta_graph=False)
    return path.read_bytes()


def test_a_pose_checkpoint_with_all_variables_is_accepted(server, tmp_path, small_pose):
    for more in ({}, {'global_step': []}):
        server.parts['/x'] = Plain(small_pose({**POSE_SHAPES, **more}))
        assert main(['--to', str(tmp_path / str(len(more)))], [server.file(name='x', kind='pose')]) == 0


def test_a_pose_checkpoint_that_is_not_one_is_refused(server, tmp_path, small_pose, capsys):
    good = small_pose()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1                     # a bit of a weight
    unreadable = 'not a readable checkpoint'
    for words, content in [
            ('without 1 of the 2 variables of the pose network, Pose/biases', small_pose({'Pose/weights': [40, 50]})),
            ('Pose/biases has shape [51], expected [50]', small_pose({**POSE_SHAPES, 'Pose/biases': [51]})),
            (unreadable, CONTENT), (unreadable, good[:-20]), (unreadable, bytes(flipped)),
            ('a Git LFS pointer', WRONG['a Git LFS pointer'])]:
        server.parts['/x'] = Plain(content)
        assert main(['--to', str(tmp_path / 'models')], [server.file(name='x', kind='pose')]) == 1
        assert words in capsys.readouterr().err
        assert names_in(tmp_path / 'models') == []


def test_a_download_that_cannot_be_judged_yet_is_kept_and_judged_later(server, tmp_path, small_pose, monkeypatch,
                                                                       capsys):
    def not_installed():
        raise ImportError("No module named 'tensorflow'")

    server.parts['/x'] = Plain(small_pose())
    file = server.file(name='x', kind='pose')
    with monkeypatch.context() as without:
        without.setattr(fetch_models, 'pose_variable_shapes', not_installed)
        assert main(['--to', str(tmp_path)], [file]) == 1
    assert 'pip install' in capsys.readouterr().err and names_in(tmp_path) == ['x.part', 'x.part.json']
    server.seen.clear()
    assert main(['--to', str(tmp_path)], [file]) == 0
    assert names_in(tmp_path) == ['x'] and server.seen == []


@pytest.mark.slow
def test_a_checkpoint_of_the_real_pose_network_is_accepted_under_its_published_name(server, tmp_path):
    pytest.importorskip('human_pose_nn')
    shapes = fetch_models.pose_variable_shapes()
    assert len(shapes) == 696
    server.parts['/MPII%2BLSP.ckpt'] = Plain(v1_checkpoint(tmp_path / 'source.ckpt', shapes), cuts=[50_000_000])
    command = [sys.executable, str(SCRIPT), 'MPII+LSP.ckpt', '--mirror', server.address, '--to', str(tmp_path)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout == f'fetched {tmp_path / "MPII+LSP.ckpt"}\n'
    assert server.seen[-1].headers['Range'] == 'bytes=50000000-'
    assert subprocess.run([*command, '--check'], cwd=tmp_path, capture_output=True).returncode == 0


# --- What the user sees ----------------------------------------------------------------------------------------------

def test_the_script_run_by_a_user_reports_other_content(server, tmp_path):
    server.parts['/M%2BL-GRU-2.ckpt'] = Plain(CONTENT)
    run = subprocess.run([sys.executable, str(SCRIPT), 'M+L-GRU-2.ckpt', '--mirror', server.address, '--to', 'here'],
                         cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1 and run.stdout == f'failed  {Path("here") / "M+L-GRU-2.ckpt"}\n'
    assert 'expected cdca73e5fcebb7ff63ed6097a8f68497552cdfcf' in run.stderr


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar_and_a_log_one_line(server, tmp_path, monkeypatch):
    server.parts[PATH] = Plain(CONTENT)
    pytest.importorskip('tqdm')
    for stream, begins, has_bar in ((Terminal(), '\r', True), (io.StringIO(), NAME + ': fetching', False)):
        monkeypatch.setattr(sys, 'stderr', stream)
        assert main(['--to', str(tmp_path / str(has_bar))], [server.file()]) == 0
        assert stream.getvalue().startswith(begins)
        assert ('%|' in stream.getvalue()) == has_bar
        assert stream.getvalue().endswith('\r\x1b[K' if has_bar else ' there\n')           # the line is cleared
