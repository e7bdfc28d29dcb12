"""A PostgreSQL server of the distribution's packages, in a temporary folder, reached by its socket alone."""
import contextlib
import glob
import os
import pwd
import shutil
import subprocess
import tempfile


def programs():
    """The folder of initdb and pg_ctl, of the newest version, or None."""
    found = [*glob.glob('/usr/lib/postgresql/*/bin/initdb'), shutil.which('initdb') or '']
    found = [path for path in found if path and os.access(os.path.join(os.path.dirname(path), 'pg_ctl'), os.X_OK)]
    return os.path.dirname(max(found, key=_version)) if found else None


def _version(path):
    number = path.split('/')[-3]
    return int(number) if number.isdecimal() else 0


def other_user():
    """Who runs it where this process is root, as whom PostgreSQL does not run; None where no such user is at hand."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam('postgres') if shutil.which('setpriv') else None


@contextlib.contextmanager
def running(bin_folder):
    """A server for the block; yields the folder of its socket, to be given as `host`. Its superuser is ``gait``."""
    folder = tempfile.mkdtemp(prefix='gait-pg-')
    prefix = []
    if os.geteuid() == 0:
        user = other_user()
        prefix = ['setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}', '--clear-groups']
        os.chown(folder, user.pw_uid, user.pw_gid)

    def run(program, *arguments):
        # Its output goes nowhere: the server would hold a pipe open.
        subprocess.run([*prefix, os.path.join(bin_folder, program), '-D', f'{folder}/data', *arguments], check=True,
                       cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    try:
        run('initdb', '-A', 'trust', '-U', 'gait', '-E', 'UTF8', '--no-sync')
        run('pg_ctl', '-w', '-l', f'{folder}/log', '-o', f"-k {folder} -c listen_addresses='' -c fsync=off", 'start')
        try:
            yield folder
        finally:
            run('pg_ctl', '-w', '-m', 'immediate', 'stop')
    finally:
        shutil.rmtree(folder, ignore_errors=True)
