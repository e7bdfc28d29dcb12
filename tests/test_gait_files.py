"""Files are written whole or not at all."""
import os

import pytest

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


def test_what_a_killed_writer_left_is_overwritten_and_sharing_writers_do_not_meet(tmp_path):
    (tmp_path / 'a.txt.new').write_text('left by a killed process')
    with gait_files.replacing(tmp_path / 'a.txt', 'w') as file:
        file.write('one')
    assert os.listdir(tmp_path) == ['a.txt']
    with gait_files.replacing(tmp_path / 'a.txt', 'w', shared=True) as first:
        with gait_files.replacing(tmp_path / 'a.txt', 'w', shared=True) as second:
            first.write('first')
            second.write('second')
    assert (tmp_path / 'a.txt').read_text() == 'first' and os.listdir(tmp_path) == ['a.txt']
