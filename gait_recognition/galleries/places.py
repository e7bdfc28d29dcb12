"""Where a gallery is kept, by its name: a file, or a database on a server."""
import os

from gait_recognition.galleries import postgres, sqlite


class FilePlace:
    """A gallery in a file, encrypted where there is a key; `path` is where links lead."""

    def __init__(self, path, key=None):
        self.path, self.key = os.path.realpath(path), key

    def __str__(self):
        return self.path

    def exists(self):
        return os.path.exists(self.path)

    def is_legacy(self):
        """Whether it is no database: perhaps a gallery of before. An encrypted one tells only when it is opened."""
        if self.key is None:
            return not sqlite.is_database(self.path)
        if sqlite.is_database(self.path):
            raise ValueError(f'{self.path} is not encrypted, so it takes no key; gallery copy makes an encrypted one')
        return False

    def create(self, settings, fill=None):
        sqlite.create(self.path, settings, fill, self.key)

    def tables(self, readonly=False):
        return sqlite.SqliteTables(self.path, readonly, self.key)


class ServerPlace:
    """A gallery on a PostgreSQL server; as text without its password."""

    def __init__(self, address):
        self.address = address

    def __str__(self):
        return postgres.shown(self.address)

    def exists(self):
        return postgres.exists(self.address)

    def is_legacy(self):
        return False

    def create(self, settings, fill=None):
        postgres.create(self.address, settings, fill)

    def tables(self, readonly=False):
        return postgres.PostgresTables(self.address, readonly)


def is_address(name):
    """Whether it names a gallery on a server."""
    return isinstance(name, ServerPlace) or isinstance(name, str) and name.startswith(postgres.SCHEMES)


def place_of(name, key=None):
    """The place that a path or an address names.

    Parameters
    ----------
    name : str, os.PathLike or ServerPlace
    key : str, optional
        Of an encrypted file.
    """
    if not is_address(name):
        return FilePlace(name, key)
    if key is not None:
        raise ValueError('key: only files are encrypted by it; a server encrypts its own disks and connections')
    return ServerPlace(name) if isinstance(name, str) else name
