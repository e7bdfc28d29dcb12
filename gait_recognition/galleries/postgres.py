"""The tables of a gallery on a PostgreSQL server, for many machines; one gallery a database, in a schema of its own.

The server sees to what SQLite does for a file: readers never wait, writers queue, what was acknowledged is kept. Its
backups and its write-ahead log are its administrator's matter. Takes psycopg (the extra `postgres`).
"""
import contextlib
import errno
import urllib.parse

from gait_recognition.galleries.errors import GalleryFileError, GalleryLockedError, GalleryReadOnlyError
from gait_recognition.galleries.tables import SCHEMA, Tables

SCHEMES = ('postgresql://', 'postgres://')
SPACE = 'gait_gallery'                   # the schema
LOCK = 0x67616974                        # advisory, held by who writes: 'gait'
WAIT = 60.0                              # seconds that a writer waits for another
# SQLSTATEs, or their first two letters, and what they mean here.
LOCKED, MISSING, TAKEN, FULL, READ_ONLY, FORBIDDEN = ('55P03',), ('42P01', '3F000'), ('42P07',), ('53',), ('25006',), \
    ('42501',)
UNWRITABLE = ('22021', '22P05')          # text that PostgreSQL cannot hold
UNREACHABLE = ('08', '28', '3D', '57')   # no connection, no login, no such database, shut down


def shown(address):
    """The address as messages have it: without its password."""
    parts = urllib.parse.urlsplit(address)
    query = [(key, value) for key, value in urllib.parse.parse_qsl(parts.query) if key not in ('password', 'options')]
    user, _, host = parts.netloc.rpartition('@')
    user = user.partition(':')[0]
    text = f'{parts.scheme}://{user + "@" if user else ""}{host}{parts.path}'
    return text + (f'?{urllib.parse.urlencode(query, safe="/")}' if query else '')


def exists(address):
    """Whether there is a gallery in the database."""
    tables = PostgresTables(address, readonly=True, checked=False)
    try:
        return tables._run(f"SELECT to_regclass('{SPACE}.seals')::text")[0][0] is not None
    finally:
        tables.close()


def create(address, settings, fill=None):
    """Make the tables of a new gallery, unless another program makes them first (FileExistsError where `fill`ed)."""
    tables = PostgresTables(address, checked=False)
    try:
        with contextlib.nullcontext() if fill else contextlib.suppress(FileExistsError):
            tables.create(settings, fill)
    finally:
        tables.close()


class PostgresTables(Tables):
    """The tables on a server.

    Parameters
    ----------
    address : str
        ``postgresql://user@host/database``, as libpq takes it; passwords are better kept in ``~/.pgpass``.
    readonly : bool
    checked : bool
        Whether there must be a gallery.
    """

    def __init__(self, address, readonly=False, checked=True):
        super().__init__(shown(address), readonly)
        self.path, self._address = self.name, address
        self._psycopg = _psycopg(self.name)
        self._connection = self._connect()
        if checked:
            try:
                self._check_version(self.settings().get('version'))
            except BaseException:
                self.close()
                raise

    def _connect(self):
        with self._said():
            connection = self._psycopg.connect(self._address, autocommit=True, application_name='gait-recognition')
            try:
                connection.execute(f'SET search_path TO {SPACE}')
                connection.execute(f'SET lock_timeout TO {round(1000 * WAIT)}')
                # What was acknowledged is kept; a stricter setting of the server's stays.
                connection.execute("SELECT set_config('synchronous_commit', 'on', false) "
                                   "WHERE current_setting('synchronous_commit') IN ('off', 'local')")
            except BaseException:
                connection.close()
                raise
            return connection

    @contextlib.contextmanager
    def _said(self):
        """Errors of PostgreSQL as those that a user understands."""
        try:
            yield
        except self._psycopg.Error as error:
            raise self._told(error) from error

    def _told(self, error):
        state, text = error.sqlstate or '', str(error).strip().split('\n')[0]
        if state in LOCKED:
            return GalleryLockedError(f'{self.name} is being changed by another program, which has not finished for '
                                      f'{WAIT:g} s; try again when it has')
        if state in READ_ONLY:
            return GalleryReadOnlyError(f'{self.name}: {text}')
        if state in FORBIDDEN:
            return PermissionError(errno.EACCES, f'{text}; the gallery is as it was', self.name)
        if state in TAKEN:
            return FileExistsError(errno.EEXIST, text, self.name)
        if state in MISSING:
            return GalleryFileError(f'{self.name} holds no gallery, or a damaged one: {text}')
        if state in UNWRITABLE or isinstance(error, self._psycopg.DataError):
            return ValueError(f'{self.name}: PostgreSQL cannot hold this text: {text}')
        if state[:2] in FULL:
            return OSError(errno.ENOSPC, f'{text}; the gallery is as it was', self.name)
        if state[:2] in UNREACHABLE or isinstance(error, self._psycopg.OperationalError) and not state:
            return ConnectionError(f'{self.name}: {text}')
        return GalleryFileError(f'{self.name} is a damaged gallery: {text}')

    def _schema(self):
        made = '' if self._run(f"SELECT to_regnamespace('{SPACE}')::text")[0][0] else f'CREATE SCHEMA {SPACE};'
        # Vectors do not compress; rows of up to half a page keep them in place.
        return (made + SCHEMA.format(id='BIGINT PRIMARY KEY', blob='BYTEA', real='DOUBLE PRECISION').strip()
                + '; ALTER TABLE walks ALTER COLUMN vector SET STORAGE EXTERNAL, SET (toast_tuple_target = 4080)')

    def _run(self, sql, values=()):
        with self._said(), self._connection.cursor(binary=True) as cursor:
            cursor.execute(sql.replace('?', '%s'), values or None)
            return cursor.fetchall() if cursor.description else []

    def _run_many(self, sql, rows):
        with self._said(), self._connection.cursor() as cursor:
            cursor.executemany(sql.replace('?', '%s'), rows)

    def _begin(self, write):
        if self._connection.closed:                        # the server was restarted since, or the network failed
            self._connection = self._connect()
        self._run('BEGIN' if write else 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
        if write:
            try:
                self._run(f'SELECT pg_advisory_xact_lock({LOCK})')
            except BaseException:
                self._end('ROLLBACK')
                raise

    def _end(self, how):
        if not self._connection.closed and \
                self._connection.info.transaction_status != self._psycopg.pq.TransactionStatus.IDLE:
            self._run(how)

    def purge(self):
        """Leave nothing of what was deleted in the tables' files; the server's log and backups are beyond this."""
        with self.alone():
            for table in ('walks', 'people', 'audit'):
                self._run(f'VACUUM FULL {table}')

    def _disconnect(self):
        self._connection.close()


def _psycopg(name):
    try:
        import psycopg
    except ImportError as error:
        raise ImportError(f'{name}: galleries on a server take psycopg: pip install "gait-recognition[postgres]" '
                          f'({error})') from error
    return psycopg
