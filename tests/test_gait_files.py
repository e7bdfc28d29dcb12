"""Files are written whole or not at all."""
import os

import numpy as np
import pytest

import gait_checkpoints
import gait_files


@pytest.mark.parametrize('shared', [False, True])
def test_a_replaced_file_is_the_old_one_until_the_new_one_is_whole_and_stays_private_and_linked(tmp_path, shared):
    path, link = tmp_path / 'a.txt', tmp_path / 'link.txt'
    path.write_text('old')
    path.chmod(0o600)
    link.symlink_to(path)
    with gait_files.replacing(link, 'w', shared) as file:
        file.write('new')
        assert path.read_text() == 'old'
    assert path.read_text() == 'new' and link.is_symlink() and path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyboardInterrupt), gait_files.replacing(path, shared=shared) as file:
        file.write(b'half')
        raise KeyboardInterrupt
    assert path.read_text() == 'new' and sorted(os.listdir(tmp_path)) == ['a.txt', 'link.txt']


def test_what_a_killed_writer_left_is_removed_and_sharing_writers_do_not_meet(tmp_path):
    (tmp_path / 'a.txt.0123456789abcdef.new').write_text('left by a killed process')
    with gait_files.replacing(tmp_path / 'a.txt', 'w') as file:
        file.write('one')
    assert os.listdir(tmp_path) == ['a.txt']
    with gait_files.replacing(tmp_path / 'a.txt', 'w', shared=True) as first:
        with gait_files.replacing(tmp_path / 'a.txt', 'w', shared=True) as second:
            first.write('first')
            second.write('second')
    assert (tmp_path / 'a.txt').read_text() == 'first' and os.listdir(tmp_path) == ['a.txt']


def test_files_of_others_with_names_like_those_of_unfinished_ones_stay(tmp_path):
    others = ['a.txt.new', 'a.txt.old.new', 'a.txt.2024.new', 'a.txt.20241231.new', 'ab.txt.0123456789abcdef.new',
              'w.ckpt.new.index', 'w.ckpt.new' + gait_checkpoints.DATA_SUFFIX]
    for other in others:
        (tmp_path / other).write_text(other)
    with gait_files.replacing(tmp_path / 'a.txt', 'w') as file:
        file.write('one')
    gait_checkpoints.write_checkpoint(tmp_path / 'w.ckpt', {'a': np.ones(3, np.float32)})
    assert gait_checkpoints.read_checkpoint(tmp_path / 'w.ckpt')['a'].tolist() == [1, 1, 1]
    assert [(tmp_path / other).read_text() for other in others] == others


@pytest.mark.skipif(os.name != 'posix', reason='links take rights there')
@pytest.mark.parametrize('shared', [False, True])
def test_a_link_planted_beside_a_file_is_never_followed(tmp_path, shared, monkeypatch):
    victim, path = tmp_path / 'victim.txt', tmp_path / 'a.txt'
    victim.write_text('mine')
    (tmp_path / 'a.txt.new').symlink_to(victim)
    with gait_files.replacing(path, 'w', shared) as file:
        file.write('new')
    assert path.read_text() == 'new' and victim.read_text() == 'mine' and not path.is_symlink()
    monkeypatch.setattr(gait_files.secrets, 'token_hex', lambda size: 'guessed')        # even where the name is known
    (tmp_path / 'a.txt.guessed.new').symlink_to(victim)
    with pytest.raises(FileExistsError), gait_files.replacing(path, 'w', shared) as file:
        file.write('newer')
    assert path.read_text() == 'new' and victim.read_text() == 'mine'


@pytest.mark.skipif(os.name != 'posix', reason='links take rights there')
def test_links_planted_beside_a_checkpoint_are_never_followed(tmp_path):
    victim, prefix = tmp_path / 'victim', tmp_path / 'w.ckpt'
    victim.write_text('mine')
    for suffix in '.new.index', '.new' + gait_checkpoints.DATA_SUFFIX:
        (tmp_path / f'w.ckpt{suffix}').symlink_to(victim)
    gait_checkpoints.write_checkpoint(prefix, {'a': np.ones(3, np.float32)})
    assert victim.read_text() == 'mine'
    assert gait_checkpoints.read_checkpoint(prefix)['a'].tolist() == [1, 1, 1]
    assert sorted(path.name for path in tmp_path.iterdir() if not path.is_symlink()) == [
        'victim', 'w.ckpt' + gait_checkpoints.DATA_SUFFIX, 'w.ckpt.index']


@pytest.mark.skipif(os.name != 'posix', reason='links take rights there')
@pytest.mark.parametrize('link', [os.symlink, os.link])
def test_a_link_planted_as_the_rest_of_a_checkpoint_does_not_become_its_index(tmp_path, link):
    prefix, other = tmp_path / 'w.ckpt', tmp_path / 'other.ckpt'
    gait_checkpoints.write_checkpoint(prefix, {'a': np.ones(3, np.float32)})
    gait_checkpoints.write_checkpoint(other, {'a': np.zeros(3, np.float32)})
    index = (tmp_path / 'w.ckpt.index').read_bytes()
    link(f'{other}.index', f'{prefix}.0123456789abcdef.new.index')
    assert gait_checkpoints.read_checkpoint(prefix)['a'].tolist() == [1, 1, 1]
    assert (tmp_path / 'w.ckpt.index').read_bytes() == index and not (tmp_path / 'w.ckpt.index').is_symlink()


def test_what_a_killed_writer_left_of_a_folder_disturbs_nobody_and_stays(tmp_path):
    """It may be another process's work of hours."""
    left = tmp_path / 'walkers.0123456789abcdef.part'
    left.mkdir()
    (left / 'a.gif').write_text('left by a killed process')
    with gait_files.replacing_folder(tmp_path / 'walkers') as folder:
        (tmp_path / folder / 'a.gif').write_text('new')
    assert (tmp_path / 'walkers' / 'a.gif').read_text() == 'new' and os.listdir(left) == ['a.gif']
    assert sorted(os.listdir(tmp_path)) == ['walkers', left.name]


@pytest.mark.skipif(os.name != 'posix', reason='links take rights there')
def test_a_link_planted_beside_a_folder_is_never_followed(tmp_path, monkeypatch):
    (tmp_path / 'victim').mkdir()
    monkeypatch.setattr(gait_files.secrets, 'token_hex', lambda size: 'guessed')
    (tmp_path / 'walkers.guessed.part').symlink_to(tmp_path / 'victim')
    with pytest.raises(FileExistsError), gait_files.replacing_folder(tmp_path / 'walkers'):
        pass
    assert os.listdir(tmp_path / 'victim') == [] and not (tmp_path / 'walkers').exists()


@pytest.mark.parametrize('name', ['n' * 255, '\u00e9' * 127])
def test_a_file_may_have_the_longest_name_and_a_longer_one_is_refused_before_anything_is_computed(tmp_path, name):
    left = tmp_path / os.path.basename(gait_files.name_beside(tmp_path / name))
    left.touch()
    for _ in range(2):
        with gait_files.replacing(tmp_path / name, 'w') as file:
            file.write('whole')
    assert [*tmp_path.iterdir()] == [tmp_path / name] and (tmp_path / name).read_text() == 'whole'
    gait_files.check_writable(tmp_path, tmp_path / name)
    with pytest.raises(OSError, match='too long') as caught:
        gait_files.check_writable(tmp_path, tmp_path / f'{name}nn')
    assert caught.value.filename == str(tmp_path / f'{name}nn')
    with gait_files.replacing_folder(tmp_path / name[::-1].replace('n', 'm', 1).replace('\u00e9', 'm', 1)) as folder:
        assert os.path.isdir(folder)


def test_files_whose_long_names_begin_alike_are_written_at_the_same_time(tmp_path):
    first, second = (tmp_path / ('n' * 240 + end) for end in ('-1.csv', '-2.csv'))
    with gait_files.replacing(first, 'w') as one:
        with gait_files.replacing(second, 'w') as two:
            two.write('second')
        one.write('first')
    assert (first.read_text(), second.read_text()) == ('first', 'second')
    assert sorted(tmp_path.iterdir()) == [first, second]
