"""What stands where, and which way imports point: the promises of CONTRIBUTING.md, read off the code."""
import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# gait_tables reads the bytes of strangers' checkpoints by hand, a job of its own within 320 lines; with it
# gait_checkpoints would have 1,200.
TOP = {'human_pose_nn', 'gait_nn', 'inception_resnet_v2', 'dummy_pose_estimation', 'gait_layers', 'gait_network',
       'gait_checkpoints', 'gait_files', 'gait_tables', 'gait_processor', 'pose_heat_maps', 'pose_joints',
       'train_pose', 'train_gait', 'fetch_models', 'setup'}
DOORS = {'train_pose', 'train_gait', 'fetch_models', 'dummy_pose_estimation'}
COMMANDS_ENTRIES = {'gait_recognition.cli', 'gait_recognition.__main__'}
SHARED_BY_COMMANDS = {f'gait_recognition.commands.{name}' for name in ('asking', 'batch', 'everyone', 'options',
                                                                     'reporting', 'walks')}
WITH_TENSORFLOW = {'human_pose_nn', 'gait_nn', 'inception_resnet_v2', 'gait_layers', 'gait_network', 'pose_heat_maps'}
COMPUTED = '(computed)'          # a name that only a run tells
# Those lower down know nothing of those further up.
FLOORS = [{'gait_files', 'gait_tables', 'gait_processor', 'pose_joints'}, {'gait_checkpoints'},
          {'gait_layers'}, {'gait_network'}, {'inception_resnet_v2', 'pose_heat_maps'}, {'human_pose_nn', 'gait_nn'}]


def module_name(path, root=ROOT):
    parts = path.relative_to(root).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def modules(root=ROOT):
    """Every module of the project by name, with its file."""
    files = [*root.glob('*.py'), *(root / 'gait_recognition').rglob('*.py')]
    return {module_name(path, root): path for path in files}


def lazy_names(root=ROOT):
    """The package's public names, loaded when they are asked for, by the modules that they come from."""
    tree = ast.parse((root / 'gait_recognition' / '__init__.py').read_text('utf-8'))
    homes = next(node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == '_HOMES')
    return {f'gait_recognition.{name}': f'gait_recognition.{home}' for name, home in ast.literal_eval(homes).items()}


@functools.cache
def parsed(text):
    """The nodes that import, and the ids of those inside a function."""
    tree = ast.parse(text)
    found = [node for node in ast.walk(tree)
             if isinstance(node, (ast.Import, ast.ImportFrom)) or is_import_by_name(node)]
    return found, {id(node) for function in ast.walk(tree) if isinstance(function, (ast.FunctionDef, ast.Lambda))
                   for node in ast.walk(function)}


def is_import_by_name(node):
    """Whether it is a call of `importlib.import_module` or `__import__`."""
    return isinstance(node, ast.Call) and (getattr(node.func, 'attr', None) or getattr(node.func, 'id', None)) in (
        'import_module', '__import__')


def imports(name, path, known, lazy):
    """(name, whether inside a function) of the project's modules that a file imports."""
    nodes, inside = parsed(path.read_text('utf-8'))
    package = name.split('.') if path.name == '__init__.py' else name.split('.')[:-1]
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1] if node.level else []
            base = '.'.join([*above, *([node.module] if node.module else [])])
            full = [f'{base}.{alias.name}' for alias in node.names]
            names = [each if each in known or each in lazy else base for each in full]
        else:
            names = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)] or [COMPUTED]
        for each in names:
            each = lazy.get(each, each)
            if each in known or each == COMPUTED:
                yield each, id(node) in inside


def graph(root=ROOT):
    known, lazy = modules(root), lazy_names(root)
    return {name: {*imports(name, path, known, lazy)} for name, path in known.items()}


def scripts(root=ROOT):
    """Benchmarks and the scripts that draw pictures, which use the package as a user would."""
    return [*(root / 'benchmarks').glob('*.py'), *(root / 'images').glob('*.py')]


def faults(root=ROOT):
    """Every arrow that points the wrong way, as a line."""
    arrows, found = graph(root), []
    for name, targets in arrows.items():
        for target, is_lazy in sorted(targets):
            in_package, to_package = name.startswith('gait_recognition'), target.startswith('gait_recognition')
            if not in_package and to_package and name not in DOORS:
                found.append(f'{name} is flat and imports {target} of the package')
            if target == COMPUTED and name not in ('gait_recognition', 'gait_recognition.cli', 'gait_recognition.door'):
                found.append(f'{name} imports by a name that is computed: nobody can see which')
            if target in DOORS or target == 'setup':
                found.append(f'{name} imports the door {target}')
            if target in COMMANDS_ENTRIES and name != 'gait_recognition.__main__':
                found.append(f'{name} imports {target}, which only starts the command')
            if target.startswith('gait_recognition.commands.') and not (
                    name.startswith('gait_recognition.commands.') and target in SHARED_BY_COMMANDS):
                found.append(f'{name} imports the command {target}: only cli does, by name')
            if to_package and is_lazy and name in ('gait_recognition.cli', 'gait_recognition.__main__'):
                found.append(f'{name} imports {target} inside a function')
            if in_package and target in WITH_TENSORFLOW and not is_lazy \
                    and not name.startswith('gait_recognition.training'):
                found.append(f'{name} imports {target}, and with it TensorFlow')
            levels = [next((i for i, floor in enumerate(FLOORS) if n in floor), None) for n in (name, target)]
            if None not in levels and levels[1] >= levels[0]:
                found.append(f'{name} imports {target}, which stands above it')
    known, lazy = modules(root), lazy_names(root)
    for path in scripts(root):
        for target, _ in imports(path.stem, path, known, lazy):
            if target in DOORS or target.startswith('gait_recognition.commands.'):
                found.append(f'{path.name} imports {target}')
    return found + [f'a circle: {" -> ".join(circle)}' for circle in circles(arrows)]


def circles(arrows):
    """Circles of imports, a function's own among them."""
    done, found = set(), []

    def visit(name, path):
        if name in path:
            found.append([*path[path.index(name):], name])
        elif name not in done:
            for target, _ in sorted(arrows.get(name, ())):
                visit(target, [*path, name])
            done.add(name)
    for name in sorted(arrows):
        visit(name, [])
    return found


def test_the_top_holds_the_networks_what_they_stand_on_three_doors_and_the_script():
    assert {path.stem for path in ROOT.glob('*.py')} == TOP


def test_every_arrow_points_one_way():
    assert faults() == []


@pytest.fixture
def copy(tmp_path):
    """A copy of the project's modules, to turn imports round in."""
    for path in [*modules().values(), *scripts()]:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.parametrize('module, line, fault', [
    ('gait_checkpoints.py', 'from gait_recognition.weights import choose_weights', 'flat and imports'),
    ('gait_files.py', 'import gait_checkpoints', 'stands above'),
    ('gait_layers.py', 'import gait_network', 'stands above'),
    ('gait_recognition/scorers.py', 'from gait_recognition import gallery', 'circle'),
    ('gait_recognition/scorers.py', 'def f():\n    import gait_recognition.gallery', 'circle'),
    ('gait_recognition/frames.py', 'import train_pose', 'door'),
    ('gait_recognition/gallery.py', 'from gait_recognition.commands import vector', 'command'),
    ('gait_recognition/gallery.py', 'from human_pose_nn import HumanPoseIRNetwork', 'TensorFlow'),
    ('gait_recognition/scorers.py', 'from . import gallery', 'circle'),
    ('gait_recognition/scorers.py', 'from .gallery import Gallery', 'circle'),
    ('gait_recognition/scorers.py', 'from gait_recognition import Gallery', 'circle'),
    ('gait_recognition/vectors.py', 'from gait_recognition import cli', 'only starts the command'),
    ('gait_recognition/vectors.py', 'import gait_recognition.__main__', 'only starts the command'),
    ('gait_recognition/vectors.py', 'import setup', 'door'),
    ('gait_recognition/commands/vector.py', 'from gait_recognition.commands.pose import pose_command', 'command'),
    ('gait_recognition/commands/vector.py', 'from gait_recognition.cli import main', 'only starts the command'),
    ('gait_layers.py', 'import importlib\nimportlib.import_module("gait_recognition.weights")', 'flat and imports'),
    ('gait_recognition/vectors.py', 'def f():\n    return __import__("train_pose")', 'door'),
    ('gait_recognition/vectors.py', 'from importlib import import_module\nimport_module(f"{1}")', 'computed'),
    ('gait_recognition/tracking/crops.py', 'from ..commands import pose', 'command'),
    ('benchmarks/speed.py', 'from gait_recognition.commands import vector', 'speed.py imports'),
    ('gait_recognition/cli.py', 'def f():\n    from gait_recognition import frames', 'inside a function')])
def test_an_import_turned_round_is_noticed(copy, module, line, fault):
    assert faults(copy) == []
    with open(copy / module, 'a', encoding='utf-8') as file:
        file.write(f'\n{line}\n')
    assert any(fault in each for each in faults(copy))


def test_no_module_has_a_public_name_whose_place_it_would_take_once_imported():
    assert not lazy_names().keys() & modules().keys()


@pytest.mark.parametrize('before', ['', 'import gait_recognition.pose_estimation, gait_recognition.commands.pose\n'])
def test_poses_is_the_function_whatever_was_imported_before(before):
    code = f'{before}from gait_recognition import poses\nassert poses.__module__ == "gait_recognition.pose_estimation"'
    assert subprocess.run([sys.executable, '-c', code], cwd=ROOT).returncode == 0


def test_importing_needs_no_tensorflow_but_where_networks_are():
    names = [name for name in sorted(modules()) if name not in WITH_TENSORFLOW | DOORS | {'setup'}
             and not name.startswith('gait_recognition.training') and name != 'gait_recognition.__main__']
    code = f'import importlib, sys\nfor name in {names}: importlib.import_module(name)\n' \
           'sys.exit("tensorflow" in sys.modules or "matplotlib" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], cwd=ROOT).returncode == 0


def test_the_package_and_its_help_come_at_once():
    """Counted in modules, not in seconds, which change with what else the machine does."""
    code = 'import sys, gait_recognition, gait_recognition.cli as cli\n' \
           'try: cli.main(["--help"])\nexcept SystemExit: pass\n' \
           'sys.exit(any(name in sys.modules for name in ("numpy", "scipy", "sklearn", "PIL", "tensorflow")))'
    assert subprocess.run([sys.executable, '-c', code], cwd=ROOT, stdout=subprocess.DEVNULL).returncode == 0
