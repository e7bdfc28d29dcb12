"""The figures measured on the original, and weights that need no file: each derived from its variable's name.

`reference/README.md` tells what the arrays are. No network is built here.
"""
import json
import pathlib
import zlib

import numpy as np
import tensorflow.compat.v1 as tf

FOLDER = pathlib.Path(__file__).parent / 'reference'
VARIABLES = json.loads((FOLDER / 'variables.json').read_text())
SHARED = 'tf1.3 {} 2 layers (one shared cell)'                      # keys of VARIABLES['recurrent'], by cell
LOGITS = 'GaitNN/Logits/fully_connected/'
KERNELS = ('weights', 'kernel', 'Matrix', 'W_0')                    # what the eras call a matrix


def reference(name):
    """The arrays of `reference/<name>.npz`."""
    with np.load(FOLDER / f'{name}.npz', allow_pickle=False) as file:
        return dict(file)


def value(name, shape):
    """The weights of the variable `name`, float32, the same wherever and whenever they are asked for."""
    normal = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    leaf = name.split('/')[-1]
    if leaf == 'moving_variance':
        return (1.0 + 0.1 * np.abs(normal)).astype(np.float32)
    if name.endswith('Upsampling_layer/weights'):
        return (2.0 * normal).astype(np.float32)
    scale = np.sqrt(2.0 / np.prod(shape[:-1])) if leaf in KERNELS else 0.1
    return (normal * scale).astype(np.float32)


def values(shapes):
    return {name: value(name, shape) for name, shape in shapes.items()}


def logits(people):
    return values({LOGITS + 'weights': [512, people], LOGITS + 'biases': [people]})


def tf10_recurrent(cell):
    """Weights of two layers under the names of TensorFlow 1.0; the values are those of the 0.12 names."""
    parts = {'GRU': [('GRUCell/Gates/Linear/Matrix', 'gru_cell/gates/weights'),
                     ('GRUCell/Gates/Linear/Bias', 'gru_cell/gates/biases'),
                     ('GRUCell/Candidate/Linear/Matrix', 'gru_cell/candidate/weights'),
                     ('GRUCell/Candidate/Linear/Bias', 'gru_cell/candidate/biases')],
             'LSTM': [('LSTMCell/W_0', 'lstm_cell/weights'), ('LSTMCell/B', 'lstm_cell/biases')]}[cell]
    shapes = VARIABLES['recurrent'][f'tf0.12 {cell} 2 layers']
    scope, renamed = 'GaitNN/Recurrent/', {}
    for layer in (0, 1):
        for old, new in parts:
            name = f'{scope}RNN/MultiRNNCell/Cell{layer}/{old}'
            renamed[f'{scope}rnn/multi_rnn_cell/cell_{layer}/{new}'] = value(name, shapes[name])
    return renamed


def gait_tensors(recurrent=None, people=None):
    """A gait network's weights: its 138 model variables, and what is asked for besides.

    recurrent: a key of `VARIABLES['recurrent']`, or 'tf1.0 GRU' or 'tf1.0 LSTM'.
    """
    tensors = values(VARIABLES['gait'])
    if recurrent is not None:
        tensors.update(tf10_recurrent(recurrent.split()[1]) if recurrent.startswith('tf1.0') else
                       values(VARIABLES['recurrent'][recurrent]))
    if people is not None:
        tensors.update(logits(people))
    return tensors


def write_checkpoint(path, tensors, version=2):
    """Write `{name: array}` with TensorFlow's own operations: V1 (one file) or V2 (index and data). Gives the path."""
    path, names = str(path), sorted(tensors)
    with tf.Graph().as_default(), tf.Session() as session:
        places = [tf.placeholder(tensors[name].dtype, tensors[name].shape) for name in names]
        if version == 1:
            operation = tf.raw_ops.Save(filename=path, tensor_names=names, data=places)
        else:
            operation = tf.raw_ops.SaveV2(prefix=path, tensor_names=names, shape_and_slices=[''] * len(names),
                                          tensors=places)
        session.run(operation, {place: tensors[name] for place, name in zip(places, names)})
    return path


def pose_frames(count=2):
    """Blocks of 23 x 23 random pixels, uint8 (count, 299, 299, 3)."""
    blocks = np.random.RandomState(7).randint(0, 256, size=(count, 13, 13, 3))
    return blocks.repeat(23, axis=1).repeat(23, axis=2).astype(np.uint8)


def gait_features():
    """Six frames' spatial features, float32 (6, 17, 17, 32)."""
    return (np.random.RandomState(11).standard_normal((6, 17, 17, 32)) * 30).astype(np.float32)


def digest(array):
    """Sum, norm and four spread elements: what the reference keeps of a variable after a training step."""
    flat = np.asarray(array, np.float64).ravel()
    spread = flat[np.linspace(0, flat.size - 1, 4).astype(int)]
    return np.array([flat.sum(), np.sqrt(np.square(flat).sum()), *spread])
