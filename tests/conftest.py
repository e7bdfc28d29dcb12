"""Networks and checkpoints that many tests share, each made once a session."""
import importlib.util
import itertools
import os
import pathlib

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')      # before TensorFlow is loaded

import postgres_server
import pytest
import tensorflow.compat.v1 as tf
from quick_command import gallery, manifest, opened, run, walks, weights  # noqa: F401, fixtures
from reference_weights import SHARED, VARIABLES, gait_features, gait_tensors, pose_frames, values, write_checkpoint

import gait_checkpoints

SHIPPED = pathlib.Path(__file__).resolve().parent.parent / 'models'
databases = itertools.count(1)

tf.logging.set_verbosity(tf.logging.ERROR)


@pytest.fixture(autouse=True)
def nothing_was_said_before(monkeypatch):
    """What is said once in a process is said once in a test."""
    monkeypatch.setattr(gait_checkpoints, '_SAID', set())


@pytest.fixture(scope='session')
def frames():
    return pose_frames()


@pytest.fixture(scope='session')
def features():
    return gait_features()


@pytest.fixture(scope='session')
def checkpoints(tmp_path_factory):
    """Paths of checkpoints with name-derived weights, by kind and version: `checkpoints('pose', 1)`.

    Kinds: 'pose'; 'gait' (no recurrent weights); 'gait 100 people'; a key of VARIABLES['recurrent']; 'tf1.0 GRU'.
    """
    folder, paths = tmp_path_factory.mktemp('checkpoints'), {}

    def checkpoint(kind, version=2):
        if (kind, version) not in paths:
            if kind == 'pose':
                tensors = values(VARIABLES['pose'])
            elif kind.startswith('gait'):
                tensors = gait_tensors(people=100 if 'people' in kind else None)
            else:
                tensors = gait_tensors(recurrent=kind)
            paths[kind, version] = write_checkpoint(folder / f'number{len(paths)}.ckpt', tensors, version)
        return paths[kind, version]
    return checkpoint


@pytest.fixture(scope='session')
def pose_net(checkpoints):
    """A pose network restored from a V1 file. Tests leave its weights as they are."""
    from human_pose_nn import HumanPoseIRNetwork
    with HumanPoseIRNetwork() as net:
        net.restore(checkpoints('pose', 1))
        yield net


@pytest.fixture(scope='session')
def shipped_pose_net():
    """The pose network with the weights that ship. Tests leave them as they are."""
    from human_pose_nn import HumanPoseIRNetwork
    with HumanPoseIRNetwork() as net:
        net.restore(SHIPPED / gait_checkpoints.SHIPPED_POSE)
        yield net


@pytest.fixture(scope='session')
def gait_nets():
    """Gait networks for inference by cell and number of layers; a test restores what it needs into them."""
    from gait_nn import GaitNetwork
    nets = {}

    def gait_net(cell='GRU', layers=1):
        if (cell, layers) not in nets:
            nets[cell, layers] = GaitNetwork(recurrent_unit=cell, rnn_layers=layers)
        return nets[cell, layers]
    yield gait_net
    for net in nets.values():
        net.close()


@pytest.fixture
def gait_net(gait_nets, checkpoints):
    """GRU with two layers, both filled from the checkpoint's one cell."""
    net = gait_nets('GRU', 2)
    net.restore(checkpoints(SHARED.format('GRU')))
    return net


@pytest.fixture(scope='session')
def pose_training_nets():
    """Pose networks for training, by keep probability. They keep what they learnt: restore or initialise first."""
    from human_pose_nn import HumanPoseIRNetwork
    nets = {}

    def net(dropout_keep_prob):
        if dropout_keep_prob not in nets:
            nets[dropout_keep_prob] = HumanPoseIRNetwork(is_training=True, dropout_keep_prob=dropout_keep_prob)
        return nets[dropout_keep_prob]
    yield net
    for each in nets.values():
        each.close()


@pytest.fixture(scope='session')
def server():
    """The folder of the socket of a PostgreSQL server that was started for the tests."""
    pytest.importorskip('psycopg', reason='psycopg, which galleries on a server take, is not installed')
    folder = postgres_server.programs()
    if folder is None:
        pytest.skip('no PostgreSQL server is installed (the package postgresql)')
    if os.geteuid() == 0 and postgres_server.other_user() is None:
        pytest.skip('PostgreSQL does not run as root, and there is no user postgres, or no setpriv, to run it as')
    with postgres_server.running(folder) as host:
        yield host


@pytest.fixture
def sql(server):
    """Runs a statement as the superuser in a database."""
    import psycopg

    def execute(statement, database='postgres'):
        with psycopg.connect(host=server, user='gait', dbname=database, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []
    return execute


@pytest.fixture
def address(server, sql):
    """Of a new, empty database on it, as galleries take it."""
    name = f'people_{next(databases)}'
    sql(f'CREATE DATABASE {name}')
    return f'postgresql://gait@/{name}?host={server}'


@pytest.fixture
def encryption():
    if importlib.util.find_spec('sqlcipher3') is None:              # importing it is the gallery's matter
        pytest.skip('sqlcipher3, which encrypted galleries take, is not installed')
