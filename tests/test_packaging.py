"""What is installed, and that the README, .ci and setup.py say the same."""
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from reference_weights import VARIABLES, values, write_checkpoint

import gait_checkpoints

ROOT = Path(__file__).resolve().parent.parent
MODULES = {path.stem for path in ROOT.glob('*.py')} - {'setup'}
PACKAGE = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'gait_recognition').rglob('*.py')}
TEMPLATES = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'gait_recognition' / 'reports').glob('templates/*')}
SHIPPED = {'README.md', *(path.name for kind in ('people', 'walkers') for path in (ROOT / 'models').glob(f'{kind}*'))}


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """The wheel, built offline from a copy, so that the checkout gets no build folders."""
    source = tmp_path_factory.mktemp('source')
    shutil.copytree(ROOT / 'gait_recognition', source / 'gait_recognition',
                    ignore=shutil.ignore_patterns('__pycache__'))
    for path in ROOT.iterdir():
        if path.suffix == '.py' or path.name in ('pyproject.toml', 'README.md', 'LICENSE', 'NOTICE'):
            shutil.copy(path, source)
    shutil.copytree(ROOT / 'models', source / 'models', ignore=lambda _, names: {*names} - SHIPPED)
    target = tmp_path_factory.mktemp('wheel')
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '--no-index',
                    '--wheel-dir', str(target), str(source)], check=True)
    return next(target.glob('gait_recognition-*.whl'))


@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
    """Run Python on the installed wheel, in an empty directory; standard output."""
    site = tmp_path_factory.mktemp('site')
    subprocess.run([sys.executable, '-m', 'pip', 'install', '--no-deps', '--no-index', '--target', str(site),
                    str(wheel)], check=True)

    def run(*arguments):
        folder = tmp_path_factory.mktemp('empty')
        result = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True,
                                env={**os.environ, 'PYTHONPATH': str(site)})
        assert result.returncode == 0, result.stderr
        assert not list(folder.iterdir())
        return result.stdout

    run.site = site
    return run


def test_the_wheel_holds_every_module_the_templates_the_weights_that_ship_and_nothing_else(wheel):
    names = {name.split('.data/data/')[-1] for name in zipfile.ZipFile(wheel).namelist() if '.dist-info/' not in name}
    weights = {f'{gait_checkpoints.INSTALLED}/{name}' for name in SHIPPED}
    assert names == {f'{module}.py' for module in MODULES} | PACKAGE | TEMPLATES | weights


def test_the_weights_of_an_installation_are_found(tmp_path, monkeypatch):
    folder = tmp_path / gait_checkpoints.INSTALLED
    folder.mkdir(parents=True)
    monkeypatch.setattr('sysconfig.get_path', lambda name: {'data': str(tmp_path)}[name])
    assert gait_checkpoints.weight_folders()[-2:] == [folder, gait_checkpoints.user_data_folder() / 'models']


def test_the_wheel_carries_license_and_notice(wheel):
    names = [name.rsplit('/', 1)[-1] for name in zipfile.ZipFile(wheel).namelist()]
    assert {'LICENSE', 'NOTICE'} <= set(names)


def test_every_installed_module_imports_silently_in_an_empty_directory(installed):
    code = ('import importlib, pathlib, sys\n'
            'for name in sys.argv[2:]:\n'
            '    file = importlib.import_module(name).__file__\n'
            '    assert pathlib.Path(file).is_relative_to(pathlib.Path(sys.argv[1]).resolve()), file\n')
    package = {path.removesuffix('.py').removesuffix('/__init__').replace('/', '.') for path in PACKAGE}
    assert installed('-c', code, str(installed.site), *sorted(MODULES | package - {'gait_recognition.__main__'})) == ''


def test_an_installation_writes_reports(installed, tmp_path):
    pytest.importorskip('jinja2', reason='Jinja2, which reports take, is not installed')
    code = ('import sys; from gait_recognition.reports.pages import Report\n'
            'with Report(sys.argv[1], "Who?") as report: report.write({})')
    assert installed('-c', code, str(tmp_path / 'a.html')) == ''
    assert '<h1>Who?</h1>' in (tmp_path / 'a.html').read_text('utf-8')


@pytest.mark.parametrize('module', ['dummy_pose_estimation', 'fetch_models', 'train_pose', 'train_gait',
                                    'gait_recognition'])
def test_the_installed_commands_explain_themselves(installed, module):
    assert installed('-m', module, '--help').startswith('usage:')


EXTRAS = 'video', 'progress', 'report', 'parquet', 'postgres', 'encryption'     # of users, and in `.[test]`


def requirements(wheel, extra=None):
    """The wheel's requirements without extras, or those of one."""
    archive = zipfile.ZipFile(wheel)
    metadata = archive.read(next(name for name in archive.namelist() if name.endswith('METADATA'))).decode()
    found = [Requirement(line) for line in re.findall(r'^Requires-Dist: (.*)$', metadata, re.MULTILINE)]
    return {each.name: each.specifier for each in found
            if (each.marker is None if extra is None else each.marker and each.marker.evaluate({'extra': extra}))}


def test_the_oldest_versions_under_test_are_the_lower_bounds(wheel):
    extras = {name for extra in EXTRAS for name in requirements(wheel, extra)}
    wanted = requirements(wheel) | {name: specifier for name, specifier in requirements(wheel, 'test').items()
                                    if name in extras}
    lower = {name: next(s.version for s in specifier if s.operator == '>=') for name, specifier in wanted.items()}
    lines = (ROOT / '.ci' / 'oldest.txt').read_text('utf-8').splitlines()
    tested = dict(re.fullmatch(r'([\w-]+)==([\d.]+?)(?:\.\*)?', line).groups() for line in lines if line[0] != '#')
    assert tested == lower


def test_ci_runs_the_commands_that_the_readme_gives():
    script = (ROOT / '.ci' / 'run').read_text('utf-8')
    commands = re.findall(r'^(?:pip|python -m pytest) .*', script, re.MULTILINE)
    assert len(commands) == 2                               # install, test
    shell = '\n'.join(re.findall(r'```sh\n(.*?)```', (ROOT / 'README.md').read_text('utf-8'), re.DOTALL))
    assert set(commands) <= {part.strip() for part in re.split(r'&&|#|\n', shell)}


def test_the_workflow_runs_the_same_script():
    workflow = (ROOT / '.github' / 'workflows' / 'tests.yml').read_text('utf-8')
    assert '- run: .ci/run' in workflow


def test_setup_lists_every_flat_module():
    listed = set(re.findall(r"^        '(\w+)',$", (ROOT / 'setup.py').read_text('utf-8'), re.MULTILINE))
    assert listed == MODULES


@pytest.mark.slow
def test_the_installed_script_estimates_a_pose_in_a_directory_of_the_users(installed, tmp_path):
    write_checkpoint(tmp_path / 'pose.ckpt', values(VARIABLES['pose']), 1)
    lines = installed('-m', 'dummy_pose_estimation', '--image', str(ROOT / 'images' / 'dummy.jpg'), '--checkpoint',
                      str(tmp_path / 'pose.ckpt'), '--output', str(tmp_path / 'pose.png')).splitlines()
    assert len(lines) == 16 and (tmp_path / 'pose.png').stat().st_size > 10_000
