"""The tables of a gallery in a file, by SQLite in WAL mode: readers never wait, writers queue, kills lose nothing.

Encrypted files are SQLCipher's (the extra `encryption`).
"""
import contextlib
import errno
import math
import os
import re
import sqlite3
import sys
import time
import urllib.parse

from gait_files import LONGEST_NAME, check_regular, name_beside
from gait_recognition.galleries.errors import GalleryFileError, GalleryLockedError
from gait_recognition.galleries.tables import SCHEMA, VERSION, Tables

APPLICATION = 0x67616974                 # 'gait', in the file's header
PAGE = 16384                             # bytes: seven walks of 512 numbers; of the usual 4096 bytes a walk took one
WAIT = 60.0                              # seconds that a writer waits for another
TURN, PAUSE, LOOK = 0.25, 0.01, 0.002    # seconds: of changes without a pause, of that pause, between looks for one
BESIDE = '-wal', '-shm', '-journal'     # what SQLite adds to the names of files of its own
# Rows of a schema that run nothing, as SQLite itself writes them; it goes by the SQL, whatever an edited row's type is.
HARMLESS = """(type = 'table' AND rootpage > 0 AND sql LIKE 'CREATE TABLE %' OR type = 'index' AND (
    sql IS NULL OR sql LIKE 'CREATE INDEX %' OR sql LIKE 'CREATE UNIQUE INDEX %'))"""
MAGIC = b'SQLite format 3\0'


def is_database(path):
    """Whether a file begins as those of SQLite do; ValueError for what is no file."""
    check_regular(path)
    with open(path, 'rb') as file:
        return file.read(len(MAGIC)) == MAGIC


class SqliteTables(Tables):
    """The tables in a file, or in memory.

    Parameters
    ----------
    path : str or None
        None: in memory.
    readonly : bool
    key : str, optional
        The file is encrypted by SQLCipher: with a passphrase, or with 64 hexadecimal digits as they are.
    """

    def __init__(self, path, readonly=False, key=None):
        super().__init__(path or 'the gallery', readonly)
        self.path, self.key = path, key
        self._turn = self._changed = -math.inf              # when changes without a pause began, and the last ended
        self._library = _library(path, key)
        with self._said():
            self._connection = self._connect()
        if path is not None:
            try:
                with self._said():
                    self._run('PRAGMA trusted_schema = OFF')        # of SQLite 3.31: before it nothing happens
                    self._check_header()
                    if not readonly:
                        self._run('PRAGMA synchronous = FULL')
            except BaseException:
                self.close()
                raise
        self._connection.execute('PRAGMA secure_delete = ON')
        self._connection.execute('PRAGMA foreign_keys = ON')

    def _connect(self):
        options = {'isolation_level': None, 'timeout': WAIT, 'check_same_thread': False}
        if self.path is None:
            return sqlite3.connect(':memory:', **options)
        address = 'file:' + urllib.parse.quote(self.path)
        if not self.readonly:
            return self._keyed(self._library.connect(f'{address}?mode=rw', uri=True, **options))
        connection = self._keyed(self._library.connect(f'{address}?mode=ro', uri=True, **options))
        try:
            connection.execute('SELECT COUNT(*) FROM sqlite_master').fetchone()
            return connection
        except self._library.OperationalError as error:     # the files beside cannot be made: the folder's, a full disk
            connection.close()
            log, may_write = f'{self.path}-wal', os.access(os.path.dirname(self.path), os.W_OK)
            if may_write and 'disk I/O' not in str(error) or os.path.exists(log) and os.path.getsize(log):
                raise
            return self._keyed(self._library.connect(f'{address}?immutable=1', uri=True, **options))

    def _keyed(self, connection):
        return _keyed(connection, self.key)

    def _check_header(self):
        application, version = (self._run(f'PRAGMA {what}')[0][0] for what in ('application_id', 'user_version'))
        if application != APPLICATION:
            raise GalleryFileError(f'{self.path} is not a gallery: an SQLite database of something else')
        foreign = self._run(f'SELECT type, name FROM sqlite_master WHERE NOT COALESCE({HARMLESS}, 0)')
        if foreign:
            raise GalleryFileError(f'{self.path} is not a gallery, or a damaged one: it holds what no gallery does, '
                                   f'{" ".join(map(repr, foreign[0]))}, which would run when it is read or changed')
        self._check_version(version)

    @contextlib.contextmanager
    def _said(self):
        """Errors of SQLite as those that a user understands."""
        try:
            yield
        except self._library.Error as error:
            raise self._told(error) from error
        except (UnicodeDecodeError, OverflowError) as error:
            raise GalleryFileError(f'{self.name} is a damaged gallery: {error}') from error

    def _told(self, error):
        text = str(error)
        if _is_busy(error):
            return GalleryLockedError(f'{self.name} is being changed by another program, which has not finished for '
                                      f'{WAIT:g} s; try again when it has')
        for sign, number in (('full', errno.ENOSPC), ('readonly', errno.EACCES), ('unable to open', errno.EACCES)):
            if sign in text:
                return OSError(number, f'{text}; the gallery is as it was', self.name)
        if 'disk I/O error' in text:
            return OSError(errno.EIO, f'{text}; the gallery is as it was', self.name)
        if self.key is not None and 'not a database' in text:
            return GalleryFileError(f'{self.name} does not open with this key: it has another one, or is damaged or no '
                                    'gallery')
        return GalleryFileError(f'{self.name} is not a gallery, or a damaged one: {text}')

    @staticmethod
    def _schema():
        return SCHEMA.format(id='INTEGER PRIMARY KEY', blob='BLOB', real='REAL')

    def _run(self, sql, values=()):
        with self._said():
            return self._connection.execute(sql, values).fetchall()

    def _run_in_parts(self, sql, values, size):
        with self._said():
            cursor = self._connection.execute(sql, values)
            while rows := cursor.fetchmany(size):
                yield rows

    def _run_many(self, sql, rows):
        with self._said():
            self._connection.executemany(sql, rows)

    def _begin(self, write):
        if not write:
            self._run('BEGIN')
            return
        # SQLite's own waiting looks ten times a second: whoever changes one thing after another is never met idle.
        ends = time.monotonic() + WAIT
        self._run('PRAGMA busy_timeout = 0')
        try:
            while True:
                try:
                    self._connection.execute('BEGIN IMMEDIATE')
                    break
                except self._library.OperationalError as error:
                    if not _is_busy(error) or time.monotonic() > ends:
                        raise self._told(error) from error
                time.sleep(LOOK)
        finally:
            self._connection.execute(f'PRAGMA busy_timeout = {WAIT * 1000:.0f}')
        if time.monotonic() - self._changed > PAUSE:
            self._turn = time.monotonic()

    def _give_way(self):
        """Let another writer in, who may wait."""
        self._changed = time.monotonic()
        if self.path is not None and self._changed - self._turn > TURN:
            time.sleep(PAUSE)

    def _end(self, how):
        if self._connection.in_transaction:
            self._run(how)
        if how == 'COMMIT':
            self._give_way()

    def purge(self):
        """Leave nothing of what was deleted: neither in unused places of the file nor in the log beside it."""
        with self.alone():
            self._run('VACUUM')
            if self.path is not None and (blocked := self._run('PRAGMA wal_checkpoint(TRUNCATE)')[0][0]):
                raise GalleryLockedError(f'{self.name}: what was deleted is gone from the gallery, but another program '
                                         f'reads it, so {self.name}-wal still holds it ({blocked} blocked); it goes '
                                         'when that program has ended and the gallery is opened to change again')

    def damage(self):
        """What SQLite itself finds wrong with the file's structure, or None."""
        with self.alone():
            said = '; '.join(row[0] for row in self._run('PRAGMA quick_check'))
        return None if said == 'ok' else said

    def copy_to(self, path):
        """Write a copy to another file, which is there whole or not at all; a gallery there is replaced."""
        # Others may have it open: through SQLite, in a transaction.
        if os.path.exists(path) and self.key is None and is_database(path):
            self._back_up(path)
            return
        with _beside(path) as beside:
            self._back_up(beside)
            os.replace(beside, path)

    def _back_up(self, path):
        to = self._keyed(self._library.connect(path, timeout=WAIT))
        try:
            with self.alone(), self._said():
                self._connection.backup(to)
                to.execute('PRAGMA journal_mode = WAL')
        finally:
            to.close()

    def _disconnect(self):
        self._connection.close()


def _is_busy(error):
    return 'locked' in str(error) or 'busy' in str(error)


def _library(path, key):
    """Python's own `sqlite3`, or that of SQLCipher where there is a key."""
    if key is None:
        return sqlite3
    if not isinstance(key, str) or not key or '\0' in key:
        raise ValueError('key: expected text that is not empty, and without NUL')
    try:
        with _own_symbols():
            from sqlcipher3 import dbapi2
    except ImportError as error:
        raise ImportError(f'{path}: encrypted galleries take sqlcipher3: pip install "gait-recognition[encryption]" '
                          f'({error})') from error
    return dbapi2


@contextlib.contextmanager
def _own_symbols():
    """A library that is loaded in the block calls its own functions, whatever else has functions of the same names.

    TensorFlow shows all programs the SQLite that it is built with, which knows no encryption and passes over keys.
    """
    if not hasattr(os, 'RTLD_DEEPBIND'):                   # elsewhere than on Linux libraries are kept apart
        yield
        return
    before = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_DEEPBIND)
    try:
        yield
    finally:
        sys.setdlopenflags(before)


def _keyed(connection, key):
    """The connection, told its key; before anything else is asked of it."""
    if key is not None:
        quoted = f'"x\'{key}\'"' if re.fullmatch('[0-9a-fA-F]{64}', key) else "'" + key.replace("'", "''") + "'"
        connection.execute(f'PRAGMA key = {quoted}')
        if not connection.execute('PRAGMA cipher_version').fetchall():
            connection.close()
            raise RuntimeError('SQLCipher is not at work here: another library has taken the place of its functions, '
                               'and nothing would be encrypted. Import sqlcipher3 before TensorFlow')
        connection.execute('PRAGMA cipher_log_level = NONE')        # a wrong key is said by an error alone
    return connection


def check_name(path):
    """Refuse a name of a gallery's file that leaves no room for those beside it."""
    if len(os.fsencode(os.path.basename(path))) + len(BESIDE[-1]) > LONGEST_NAME:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), os.fspath(path))


def create(path, settings, fill=None, key=None):
    """Make the file of a new gallery, unless another program makes it first; readable by its owner alone.

    `fill(tables)` adds what is in it from the start.
    """
    check_name(path)
    with _beside(path) as beside:
        connection = _keyed(_library(path, key).connect(beside, isolation_level=None), key)
        try:
            if key is None:                                 # SQLCipher would have to be told at each opening
                connection.execute(f'PRAGMA page_size = {PAGE}')
            connection.execute(f'PRAGMA application_id = {APPLICATION}')
            connection.execute(f'PRAGMA user_version = {VERSION}')
            connection.execute('PRAGMA journal_mode = WAL')
        finally:
            connection.close()
        tables = SqliteTables(beside, key=key)
        try:
            tables.create(settings, fill)
        finally:
            tables.close()
        with contextlib.suppress(FileExistsError):
            if hasattr(os, 'link'):
                os.link(beside, path)
            else:
                os.rename(beside, path)


def in_memory(settings):
    """The tables of a new gallery that no file holds."""
    tables = SqliteTables(None)
    tables._run(f'PRAGMA application_id = {APPLICATION}')
    tables._run(f'PRAGMA user_version = {VERSION}')
    tables.create(settings)
    return tables


@contextlib.contextmanager
def _beside(path):
    """The name of an empty private file beside `path`, gone at the end where it is still there."""
    if not os.path.isdir(os.path.dirname(path)):
        raise FileNotFoundError(f'{path}: its folder does not exist')
    beside = name_beside(path)
    mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o600
    os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        os.chmod(beside, mode)
        yield beside
    except OSError as error:
        if error.filename != beside:
            raise
        raise type(error)(error.errno, error.strerror, path) from error
    finally:
        for suffix in ('', *BESIDE):
            with contextlib.suppress(FileNotFoundError):
                os.remove(beside + suffix)
