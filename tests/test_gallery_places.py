"""Promises of galleries on a PostgreSQL server and in encrypted files: the answers are the same as of a plain file."""
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from gait_recognition import cli
from gait_recognition.galleries import postgres, sqlite, tables
from gait_recognition.gallery import (
    DuplicateWalkError,
    FingerprintError,
    Gallery,
    GalleryFileError,
    GalleryLockedError,
    GalleryReadOnlyError,
    Origin,
)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEIGHTS = 'sha256:weights-a'
KEY = "it's a secret"


def walks_of(people, walks, seed=0, width=64):
    """Vectors (people, walks, width) around one centre per person."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(people, 1, width))
    return (centres + 0.4 * generator.normal(size=(people, walks, width))).astype(np.float32)


def database_of(address):
    return address.split('?')[0].rsplit('/', 1)[1]


def filled(gallery, vectors):
    """The same history, whatever it is kept in."""
    gallery.agree(every=2, crop='pose')
    vectors = vectors[:, :4]
    for i, name in enumerate(('Łucja, "Lu"', 'Bob', 'Cy', '李', 'Dan', 'Eve', 'Fay', 'Gus')):
        track = {'frames': 30, 'used': 29, 'skipped': 0, 'crop': 'pose'}
        gallery.enrol(name, vectors[i], [f'/walks/{i}-{j}.mp4' for j in range(4)], origins=[
            Origin(f'/walks/{i}-{j}.mp4', f'digest {i} {j}', 29 / 30, track) if j else Origin() for j in range(4)])
    gallery.rename('Bob', 'Robert')
    gallery.remove('Cy', '/walks/2-3.mp4')
    gallery.merge('Dan', '李')
    gallery.split('李', ['/walks/4-0.mp4', '/walks/4-1.mp4'], 'Dora')
    gallery.forget('Fay')
    gallery.calibrate(0.1)
    return gallery


def holds(gallery):
    """Everything that is in a gallery, but times."""
    return (gallery.list(), gallery.settings, gallery.fingerprint, gallery.calibration, gallery.outdated,
            [{**walk, 'added': None} for walk in gallery.walks()], [{**line, 'at': None} for line in gallery.audit()],
            gallery._held.vectors.tobytes(), gallery.check())


def people_of(place):
    with Gallery.load(place) as gallery:
        return gallery.list()


# On a server


def test_a_server_gives_the_same_people_walks_and_answers_as_a_file(address, tmp_path):
    vectors = walks_of(12, 6)
    probes = vectors[:, 4:].reshape(-1, 64)                         # of those who are in it, and of four strangers
    with Gallery.open(tmp_path / 'g.gallery', WEIGHTS, create=True) as file, \
            Gallery.open(address, WEIGHTS, create=True) as there:
        assert holds(filled(there, vectors)) == holds(filled(file, vectors))
        assert there.identify(probes) == file.identify(probes)
        assert {answer.decision for answer in file.identify(probes)} >= {'known', 'unknown'}
        assert there.verify(*probes[:2]) == file.verify(*probes[:2])
        expected = file.identify(probes)
    with Gallery.load(address, WEIGHTS) as again:
        assert again.identify(probes) == expected
        with pytest.raises(GalleryReadOnlyError):
            again.remove('Cy')
    with pytest.raises(FingerprintError, match='people_'):
        Gallery.open(address, 'other weights')


def test_a_copy_to_a_server_and_back_holds_everything(address, tmp_path):
    with Gallery.open(tmp_path / 'g.gallery', WEIGHTS, create=True) as file:
        filled(file, walks_of(8, 4))
        file.save(address)
        with Gallery.open(address) as there:
            assert holds(there) == holds(file)
            there.save(tmp_path / 'back.gallery')
            there.enrol('Hal', walks_of(1, 2, seed=9)[0], fingerprint=WEIGHTS)
        with Gallery.load(tmp_path / 'back.gallery') as back:
            assert holds(back) == holds(file)
        with pytest.raises(FileExistsError, match='there is a gallery already'):
            file.save(address)
    with pytest.raises(FileExistsError, match='there is a gallery already'):
        with Gallery.load(address) as there:
            there.save(tmp_path / 'back.gallery')


def test_a_change_on_a_server_is_kept_whole_or_not_at_all(address):
    vectors = walks_of(3, 2)
    with Gallery.open(address, WEIGHTS, create=True) as gallery:
        gallery.enrol('Ann', vectors[0])
        with pytest.raises(ZeroDivisionError), gallery.changing():
            gallery.enrol('Bob', vectors[1])
            1 / 0  # noqa: B018
        assert gallery.list() == {'Ann': ['walk 1', 'walk 2']}
        with pytest.raises(DuplicateWalkError):
            gallery.enrol('Bob', vectors[:2].reshape(-1, 64))
        gallery.enrol('Cy', vectors[2])
    assert [*people_of(address)] == ['Ann', 'Cy']


def test_readers_of_a_server_never_wait_and_writers_queue(address, monkeypatch):
    vectors = walks_of(3, 2)
    with Gallery.open(address, WEIGHTS, create=True) as first, Gallery.open(address, WEIGHTS) as second, \
            Gallery.load(address, WEIGHTS) as reader:
        first.enrol('Ann', vectors[0])
        assert [*reader.list()] == ['Ann']
        waiting = threading.Thread(target=second.enrol, args=('Cy', vectors[2]))
        with first.changing():
            first.enrol('Bob', vectors[1])
            assert [*reader.list()] == ['Ann']                      # at once, and as it was
            waiting.start()
            time.sleep(0.2)
            assert waiting.is_alive()
        waiting.join(10)
        assert [*reader.list()] == ['Ann', 'Bob', 'Cy']
        second._tables._run('SET lock_timeout TO 50')
        with first.changing(), pytest.raises(GalleryLockedError, match='by another program'):
            second.remove('Ann')
        second.remove('Ann')


def test_two_programs_that_make_a_gallery_at_once_make_one(address):
    galleries = [None, None]

    def make(i):
        galleries[i] = Gallery.open(address, WEIGHTS, create=True)
    threads = [threading.Thread(target=make, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with galleries[0], galleries[1]:
        galleries[0].enrol('Ann', walks_of(1, 1)[0])
        assert [*galleries[1].list()] == ['Ann']


def test_forgetting_leaves_neither_vector_nor_name_in_the_servers_tables(address, server, sql):
    vectors = walks_of(2, 2, width=512)
    with Gallery.open(address, WEIGHTS, create=True) as gallery:
        gallery.enrol('Annabella', vectors[0])
        gallery.enrol('Bob', vectors[1])

        def found(what):
            sql('CHECKPOINT')
            folder, = sql(f"SELECT oid FROM pg_database WHERE datname = '{database_of(address)}'")[0]
            folder = os.path.join(server, 'data', 'base', str(folder))
            return [path.name for path in Path(folder).iterdir() if what in path.read_bytes()]
        assert found(vectors[0, 0].tobytes()) and found(b'Annabella')
        gallery.forget('Annabella')
        assert not found(vectors[0, 0].tobytes()) and not found(b'Annabella')
        assert found(vectors[1, 0].tobytes()) and [*gallery.list()] == ['Bob']


@pytest.mark.parametrize('damage', [
    "UPDATE gait_gallery.walks SET vector = set_byte(vector, 7, get_byte(vector, 7) # 1) WHERE id = 1",
    'DELETE FROM gait_gallery.walks WHERE id = 1', "UPDATE gait_gallery.people SET name = 'Eve' WHERE name = 'Ann'",
    "UPDATE gait_gallery.seals SET total = total + 1 WHERE name = 'walks'", 'DROP TABLE gait_gallery.points'])
def test_what_was_changed_behind_its_back_on_a_server_is_noticed(damage, address, sql):
    with Gallery.open(address, WEIGHTS, create=True) as gallery:
        gallery.enrol('Ann', walks_of(1, 2)[0])
    sql(damage, database_of(address))
    with pytest.raises(GalleryFileError, match=f'people_.*{"holds no" if "DROP" in damage else "damaged"}'):
        Gallery.load(address)


def test_a_gallery_of_a_newer_version_on_a_server_is_refused(address, monkeypatch):
    Gallery.open(address, WEIGHTS, create=True).close()
    monkeypatch.setattr(tables, 'VERSIONS', (1,))
    with pytest.raises(GalleryFileError, match='version 3, this program knows version 1'):
        Gallery.load(address)


def test_who_may_only_read_may_ask_and_change_nothing(address, sql):
    vectors = walks_of(2, 2)
    with Gallery.open(address, WEIGHTS, create=True) as gallery:
        gallery.enrol('Ann', vectors[0])
    sql('DROP ROLE IF EXISTS asker', 'postgres')
    sql('CREATE ROLE asker LOGIN')
    asking = address.replace('gait@', 'asker@')
    with pytest.raises(PermissionError):
        Gallery.load(asking)
    sql('GRANT USAGE ON SCHEMA gait_gallery TO asker; GRANT SELECT ON ALL TABLES IN SCHEMA gait_gallery TO asker',
        database_of(address))
    with Gallery.open(asking, WEIGHTS) as gallery:
        assert gallery.identify(vectors[0, 0]).ranking[0][0] == 'Ann'
        with pytest.raises(PermissionError, match='as it was'):
            gallery.enrol('Bob', vectors[1])
        assert [*gallery.list()] == ['Ann']


def test_a_lost_connection_is_said_and_made_anew(address, sql):
    with Gallery.open(address, WEIGHTS, create=True) as gallery:
        gallery.enrol('Ann', walks_of(1, 2)[0])
        sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database_of(address)}'")
        with pytest.raises(ConnectionError, match='people_'):
            gallery.list()
        assert [*gallery.list()] == ['Ann']


def test_killed_in_a_change_a_server_keeps_what_was_acknowledged_and_nothing_by_halves(address):
    code = ('import sys\nimport numpy as np\nfrom gait_recognition.gallery import Gallery\n'
            'gallery = Gallery.open(sys.argv[1], sys.argv[2])\n'
            'for i in range(len(gallery) // 2, 10 ** 6):\n'
            '    gallery.enrol(f"person {i}", np.random.default_rng(i).normal(size=(2, 64)))\n'
            '    print(i, flush=True)\n')
    Gallery.open(address, WEIGHTS, create=True).close()
    acknowledged = -1
    for kill in range(2):
        process = subprocess.Popen([sys.executable, '-W', 'ignore', '-c', code, address, WEIGHTS], cwd=ROOT,
                                   stdout=subprocess.PIPE, text=True, env={**os.environ, 'PYTHONPATH': ROOT})
        for _ in range(5 + 3 * kill):
            acknowledged = int(process.stdout.readline())
        time.sleep(0.003 * kill)
        process.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
        process.wait()
        process.stdout.close()
        people = people_of(address)
        assert acknowledged + 1 <= len(people) <= acknowledged + 2
        assert all(walks == ['walk 1', 'walk 2'] for walks in people.values())


def test_what_cannot_be_reached_or_is_no_gallery_is_said_in_one_line_without_the_password(address, server):
    for name, error, said in (
            (f'postgresql://gait:hush@/gone?host={server}', ConnectionError, 'database "gone" does not exist'),
            ('postgresql://gait:hush@/x?host=/nowhere&password=hush', ConnectionError, 'nowhere'),
            (address, FileNotFoundError, 'there is no such gallery')):
        with pytest.raises(error, match=said) as raised:
            Gallery.open(name, WEIGHTS)
        assert 'hush' not in str(raised.value) and '\n' not in str(raised.value)
    with Gallery.open(address, WEIGHTS, create=True) as gallery:
        with pytest.raises(ValueError, match='cannot hold this text'):
            gallery.enrol('An\0n', walks_of(1, 1)[0])
        assert len(gallery) == 0
    with pytest.raises(ValueError, match='only files are encrypted'):
        Gallery.open(address, WEIGHTS, key=KEY)


def test_commands_take_an_address_as_they_take_a_file(address, tmp_path, capsys):
    def run(*arguments):
        return cli.main(['gallery', *map(str, arguments)]), capsys.readouterr()
    with Gallery.open(tmp_path / 'g.gallery', WEIGHTS, create=True) as file:
        filled(file, walks_of(8, 4))
    assert run('copy', tmp_path / 'g.gallery', address)[0] == 0
    assert run('copy', tmp_path / 'g.gallery', address)[0] == 2
    for command in ('list', 'audit'):
        assert run(command, address)[1].out == run(command, tmp_path / 'g.gallery')[1].out
    assert run('rename', address, 'Cy', 'Cyrus')[0] == 0 and 'Cyrus: ' in run('list', address)[1].out
    assert run('export', address, tmp_path / 'walks.npz')[0] == 0
    assert run('import', tmp_path / 'other.gallery', tmp_path / 'walks.npz')[0] == 0
    assert people_of(tmp_path / 'other.gallery') == people_of(address)
    assert run('calibrate', address, '--false-accept-rate', '0.2')[0] == 0
    status, said = run('list', address.replace(database_of(address), 'gone'))
    assert status == 2 and said.err.count('\n') == 1


def test_without_psycopg_an_address_is_refused_with_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'psycopg', None)
    with pytest.raises(ImportError, match=r'^postgresql://ann@there/people: .*pip install .*\[postgres\]') as raised:
        Gallery.load('postgresql://ann:hush@there/people')
    assert 'hush' not in str(raised.value)


# Encrypted


@pytest.mark.parametrize('key', [KEY, '4e' * 32], ids=['passphrase', 'raw'])
def test_an_encrypted_gallery_answers_the_same_and_shows_nothing(key, encryption, tmp_path):
    assert 'tensorflow' in sys.modules                              # whose own SQLite, shown to all, passes over keys
    vectors = walks_of(8, 6)
    with Gallery.open(tmp_path / 'plain.gallery', WEIGHTS, create=True) as plain, \
            Gallery.open(tmp_path / 'g.gallery', WEIGHTS, create=True, key=key) as gallery:
        assert holds(filled(gallery, vectors)) == holds(filled(plain, vectors))
        assert gallery.identify(vectors[:, 5]) == plain.identify(vectors[:, 5])
        files = [path for path in tmp_path.iterdir() if path.name.startswith('g.gallery')]
        assert len(files) == 3                                      # its log and its index are open beside it
        for path in files:
            content = path.read_bytes()
            assert path.stat().st_mode & 0o777 == 0o600 and b'SQLite' not in content
            assert b'Robert' not in content and vectors[1, 0].tobytes()[:16] not in content
    assert b'Robert' in (tmp_path / 'plain.gallery').read_bytes()
    with Gallery.load(tmp_path / 'g.gallery', key=key) as again:
        assert [*again.list()] == [*Gallery.load(tmp_path / 'plain.gallery').list()]


def test_a_gallery_opens_with_its_own_key_alone(encryption, tmp_path, capfd):
    secret, plain = tmp_path / 's.gallery', tmp_path / 'p.gallery'
    Gallery.open(secret, WEIGHTS, create=True, key=KEY).close()
    Gallery.open(plain, WEIGHTS, create=True).close()
    before = secret.read_bytes()
    for key, error, said in (('another', GalleryFileError, 'does not open with this key'),
                             (None, GalleryFileError, 'or it is encrypted, and takes its key'),
                             ('', ValueError, 'key: expected text that is not empty')):
        with pytest.raises(error, match=said):
            Gallery.open(secret, WEIGHTS, key=key)
    with pytest.raises(ValueError, match='is not encrypted, so it takes no key'):
        Gallery.open(plain, WEIGHTS, key=KEY)
    assert secret.read_bytes() == before and sorted(path.name for path in tmp_path.iterdir()) == ['p.gallery',
                                                                                                   's.gallery']
    assert capfd.readouterr().err == ''                             # SQLCipher itself says nothing


def test_a_plain_gallery_is_encrypted_by_a_copy_and_back(encryption, tmp_path):
    with Gallery.open(tmp_path / 'p.gallery', WEIGHTS, create=True) as plain:
        filled(plain, walks_of(8, 4))
        plain.save(tmp_path / 's.gallery', key=KEY)
        with Gallery.load(tmp_path / 's.gallery', key=KEY) as secret:
            assert holds(secret) == holds(plain)
            secret.save(tmp_path / 'again.gallery', key=KEY)
            secret.save(tmp_path / 'back.gallery')
        assert holds(Gallery.load(tmp_path / 'back.gallery')) == holds(plain)
        assert holds(Gallery.load(tmp_path / 'again.gallery', key=KEY)) == holds(plain)


def test_a_flipped_byte_of_an_encrypted_gallery_is_refused_or_changes_no_answer(encryption, tmp_path):
    path, vectors = tmp_path / 's.gallery', walks_of(3, 3)
    with Gallery.open(path, WEIGHTS, create=True, key='5a' * 32) as gallery:
        for name, walks in zip(('Ann', 'Bob', 'Cy'), vectors[:, :2]):
            gallery.enrol(name, walks)
        right = gallery.identify(vectors[:, 2])
    whole, generator, refused = path.read_bytes(), np.random.default_rng(0), 0
    for place in generator.integers(0, len(whole), 60):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << generator.integers(8)
        path.write_bytes(damaged)
        try:
            with Gallery.load(path, WEIGHTS, key='5a' * 32) as gallery:
                assert gallery.identify(vectors[:, 2]) == right
        except (GalleryFileError, OSError):
            refused += 1
    assert refused > 30


def test_commands_take_the_key_from_a_file(encryption, tmp_path, capsys):
    def run(*arguments):
        return cli.main(['gallery', *map(str, arguments)]), capsys.readouterr()
    with Gallery.open(tmp_path / 'p.gallery', WEIGHTS, create=True) as gallery:
        filled(gallery, walks_of(8, 4))
    (tmp_path / 'key').write_text(KEY + '\n')
    (tmp_path / 'wrong').write_text('else')
    secret, key = tmp_path / 's.gallery', ['--key-file', tmp_path / 'key']
    assert run('copy', tmp_path / 'p.gallery', secret, '--to-key-file', tmp_path / 'key')[0] == 0
    assert run('list', secret, *key)[1].out == run('list', tmp_path / 'p.gallery')[1].out
    assert run('remove', secret, 'Cy', *key)[0] == 0
    for arguments, said in (((), 'encrypted'), (('--key-file', tmp_path / 'wrong'), 'does not open with this key'),
                            (('--key-file', tmp_path / 'gone'), 'gone')):
        status, out = run('list', secret, *arguments)
        assert status == 2 and said in out.err and KEY not in out.err
    for text in ('', 'two\nlines\n'):
        (tmp_path / 'wrong').write_text(text)
        status, out = run('list', secret, '--key-file', tmp_path / 'wrong')
        assert status == 2 and 'expected one line, the key' in out.err


def test_without_sqlcipher3_a_key_is_refused_with_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'sqlcipher3', None)
    with pytest.raises(ImportError, match=r'g.gallery: .*pip install .*\[encryption\]'):
        Gallery.open(tmp_path / 'g.gallery', WEIGHTS, create=True, key=KEY)
    assert not [*tmp_path.iterdir()]


def test_where_keys_are_passed_over_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, '_library', lambda path, key: sqlite3)         # as where another SQLite is called
    with pytest.raises(RuntimeError, match='nothing would be encrypted'):
        Gallery.open(tmp_path / 's.gallery', WEIGHTS, create=True, key=KEY)
    assert not [*tmp_path.iterdir()]


# Where a name leads


@pytest.mark.parametrize('address, said', [
    ('postgresql://ann:hush@there:5433/people', 'postgresql://ann@there:5433/people'),
    ('postgres://there/people', 'postgres://there/people'),
    ('postgresql://ann@/people?host=/run/pg&password=hush', 'postgresql://ann@/people?host=/run/pg'),
    ('postgresql:///people?user=ann&password=hush', 'postgresql:///people?user=ann')])
def test_an_address_is_shown_without_its_password(address, said):
    assert postgres.shown(address) == said


def test_a_gallery_of_before_that_is_named_as_the_new_ones_are_is_converted_beside_it(tmp_path):
    about = ('{"format": "gait-gallery", "version": 1, "fingerprint": "w", "names": ["Ann"], "walks": ["1"], '
             '"calibration": {}}')
    with open(tmp_path / 'old.gallery', 'wb') as file:
        np.savez(file, vectors=np.ones((1, 8), np.float32), about=np.array(about))
    with pytest.warns(UserWarning, match='converted'), Gallery.open(tmp_path / 'old.gallery') as gallery:
        assert gallery.list() == {'Ann': ['1']} and gallery.path.endswith('old-converted.gallery')
    with contextlib.suppress(UserWarning), pytest.warns(UserWarning, match='was converted'):
        Gallery.load(tmp_path / 'old.gallery').close()
