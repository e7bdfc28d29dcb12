"""Entries of checkpoints: what TensorFlow says they are, and refused where TensorFlow would end the interpreter."""
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from reference_weights import write_checkpoint

import gait_tables
from tests.fuzz import tables
from tests.fuzz.kinds import v1, v2

VALUES = {'a/weights': np.arange(24, dtype=np.float32).reshape(4, 6), 'b': np.float64(2.5),
          'c': np.zeros((0, 3), np.int64)}


@pytest.mark.parametrize('version', [1, 2])
def test_names_shapes_and_types_are_those_that_tensorflow_tells(tmp_path, version):
    many = {f'scope_{i}/of many variables/weights': np.full((i % 5, 2), i, np.float32) for i in range(700)}
    path = write_checkpoint(tmp_path / 'w.ckpt', {**VALUES, **many, 'flag': np.array([True]), 'text': np.array(b'x')},
                            version)
    entries, reader = gait_tables.read_entries(path), tf.train.NewCheckpointReader(path)
    assert {name: entry.shape for name, entry in entries.items()} == reader.get_variable_to_shape_map()
    types = reader.get_variable_to_dtype_map()
    assert {name: entry.type for name, entry in entries.items() if name != 'text'} == \
        {name: kind.name for name, kind in types.items() if name != 'text'}
    assert [name for name, entry in entries.items() if not entry.is_numbers] == ['text']


def v2_file(folder, change=lambda entries, header: None, pairs=None):
    """A V2 checkpoint of VALUES, written by hand, with one change."""
    entries, data = v2.entries_of(VALUES)
    header = [(1, 1), (3, tables.message((1, 1)))]
    change(entries, header)
    found = [(b'', tables.message(*header)), *((key, v2.encoded(fields)) for key, fields in entries.items())]
    found = pairs(found) if pairs else found
    (folder / 'w.ckpt.index').write_bytes(tables.table([(found[-1][0], tables.block(found))]))
    (folder / 'w.ckpt.data-00000-of-00001').write_bytes(data)
    return str(folder / 'w.ckpt')


def of_a(number, value):
    """A change of one field of the first tensor's entry; None takes it away."""
    def change(entries, header):
        fields = entries[b'a/weights']
        fields[:] = [pair for pair in fields if pair[0] != number] + ([] if value is None else [(number, value)])
    return change


def test_what_is_written_by_hand_is_what_tensorflow_reads(tmp_path):
    path = v2_file(tmp_path)
    reader = tf.train.NewCheckpointReader(path)
    assert {**reader.get_variable_to_shape_map()} == {name: list(np.shape(value)) for name, value in VALUES.items()}
    np.testing.assert_array_equal(reader.get_tensor('a/weights'), VALUES['a/weights'])
    assert list(gait_tables.read_entries(path)) == sorted(VALUES)


@pytest.mark.parametrize('number, value, words', [
    (1, 99, 'its type, number 99, is unknown'), (1, None, 'its type, number 0, is unknown'),
    (1, -1, 'its type, number .* is unknown'), (1, 2, 'bytes are not those of float64'),
    (2, tables.shape([-4, 6]), r'its shape is none: 2 dimensions, \[-4, 6\]'),
    (2, tables.shape([1] * 255), 'its shape is none: 255 dimensions'),
    (2, tables.shape([1 << 62, 1 << 62, 0]), 'its shape is none'), (2, tables.message((3, 1)), 'shape is not known'),
    (2, b'\x12', 'cut off'), (2, tables.message((2, tables.message((2, b'\xff')))), 'decode'),
    (3, 1, 'it is in data file 1 of 1'), (3, -1, 'it is in data file -1'), (4, -1, 'beyond its data file'),
    (4, 1 << 62, 'beyond its data file'), (5, -1, 'beyond its data file'), (5, 92, 'bytes are not those of float32'),
    (7, tables.message((1, b'')), 'stored in slices'), (4, b'\0', 'a field 4 of type 2'),
    (2, None, 'are not those of')])
def test_an_entry_that_tensorflow_would_stumble_over_is_refused_with_its_tensor(tmp_path, number, value, words):
    with pytest.raises(ValueError, match=f"tensor b'a/weights': .*{words}"):
        gait_tables.read_entries(v2_file(tmp_path, of_a(number, value)))


@pytest.mark.parametrize('pairs, words', [
    (lambda pairs: pairs[:2] + pairs[1:], 'not in order, or one is there twice'),
    (lambda pairs: [pairs[0], *pairs[:0:-1]], 'not in order'), (lambda pairs: pairs[1:], 'no header'),
    (lambda pairs: [(b'', b'\xff' * 20), *pairs[1:]], 'more than 64 bits'),
    (lambda pairs: [(b'', tables.message((1, 0))), *pairs[1:]], 'its header says 0 data files'),
    (lambda pairs: [(b'', tables.message((1, 1), (2, 1))), *pairs[1:]], 'turned round'),
    (lambda pairs: [pairs[0], (b'\0\1a', pairs[1][1]), *pairs[2:]], 'stored in slices'),
    (lambda pairs: [*pairs, (b'\xff', pairs[1][1])], 'decode')])
def test_keys_and_headers_that_are_none_are_refused(tmp_path, pairs, words):
    with pytest.raises(ValueError, match=words):
        gait_tables.read_entries(v2_file(tmp_path, pairs=pairs))


def test_a_table_that_is_none_is_refused(tmp_path):
    path = v2_file(tmp_path)
    index = tmp_path / 'w.ckpt.index'
    whole = index.read_bytes()
    block = tables.block([(b'', b'')])
    for content, words in [(whole[:-1], 'magic'), (b'', 'shorter than'), (whole[:20] + whole[-48:], 'beyond its end'),
                           (tables.table([(b'', block)], kind=1), 'compressed'), (tables.table([]), 'index is empty'),
                           (tables.table([(b'', tables.block([(b'', b'')], restarts=[7]))]), 'restart points'),
                           (tables.table([(b'', tables.block([(b'', b'')], restarts=[]))]), 'restart points'),
                           (tables.table([(b'', b'\1\1\1ab' + block[-8:])]), 'beyond its block')]:
        index.write_bytes(content)
        with pytest.raises(ValueError, match=words):
            gait_tables.read_entries(path)


def test_a_v1_list_of_tensors_is_checked_too(tmp_path):
    def listed(**changes):
        fields = {1: b'w', 2: tables.shape([4]), 3: 1, 4: v1.whole(1)}
        fields.update({int(key[1:]): value for key, value in changes.items()})
        meta = tables.message((1, tables.message(*((number, value) for number, value in fields.items()))))
        pairs = [(b'', tables.message((1, meta)))]
        (tmp_path / 'w').write_bytes(tables.table([(b'', tables.block(pairs))]))
        return gait_tables.read_entries(str(tmp_path / 'w'))
    assert listed() == {'w': gait_tables.Entry('float32', [4], True)}
    for changes, words in [({'f1': b''}, 'a name is empty'), ({'f2': tables.shape([1 << 40])}, 'more numbers than'),
                           ({'f2': tables.shape([-1])}, 'its shape is none'), ({'f3': 77}, 'is unknown'),
                           ({'f4': v1.whole(2)}, 'its slice has 2 dimensions'),
                           ({'f4': tables.message((1, tables.message((1, 1), (2, 1))))}, 'stored in slices')]:
        with pytest.raises(ValueError, match=words):
            listed(**changes)
