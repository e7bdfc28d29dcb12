"""The dummy script as a user runs it, and the pieces it is made of."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dummy_pose_estimation as script
import gait_checkpoints

ROOT = Path(script.__file__).resolve().parent
ORIGINAL, WEIGHTS = ROOT / 'images' / 'dummy_original.jpg', ROOT / 'models' / 'MPII+LSP.ckpt'
SAMPLE = '''right ankle : 85.80%
right knee : 80.27%
right hip: 85.40%
left hip: 80.01%
left knee: 83.32%
left ankle: 92.08%
pelvis: 88.84%
thorax: 96.41%
upper neck: 97.40%
head top: 88.81%
right wrist: 87.90%
right elbow: 88.85%
right shoulder: 91.30%
left shoulder: 93.63%
left elbow: 92.31%
left wrist: 94.24%
'''
PERCENTAGE = re.compile(r'\d+\.\d\d(?=%)')
RED, GREEN = (200, 30, 60), (20, 160, 40)


def run(folder, *arguments, cwd):
    """Run the script of `folder` where there is no display."""
    environment = {name: value for name, value in os.environ.items() if name not in ('DISPLAY', 'MPLBACKEND')}
    return subprocess.run([sys.executable, str(folder / 'dummy_pose_estimation.py'), *map(str, arguments)], cwd=cwd,
                          env=environment, capture_output=True, text=True)


def percentages(lines):
    return [float(number) for number in PERCENTAGE.findall(lines)]


# --- The whole way, with weights derived from the variables' names ---------------------------------------------------

@pytest.fixture(scope='module')
def checkout(tmp_path_factory, checkpoints):
    """A copy of the checkout that has weights, and what the script said there, run from elsewhere."""
    folder = tmp_path_factory.mktemp('checkout')
    for path in ROOT.glob('*.py'):
        shutil.copy(path, folder)
    (folder / 'images').mkdir()
    shutil.copy(ROOT / 'images' / 'dummy.jpg', folder / 'images')
    (folder / 'models').mkdir()
    shutil.copy(checkpoints('pose', 1), folder / 'models' / 'MPII+LSP.ckpt')
    elsewhere = tmp_path_factory.mktemp('elsewhere')
    result = run(folder, cwd=elsewhere)
    assert not list(elsewhere.iterdir())
    return folder, result


def test_standard_output_is_the_16_lines_of_the_sample_and_nothing_else(checkout):
    _, result = checkout
    assert result.returncode == 0, result.stderr
    assert PERCENTAGE.sub('', result.stdout) == PERCENTAGE.sub('', SAMPLE)
    assert len(percentages(result.stdout)) == 16


def test_a_line_on_standard_error_says_where_the_drawing_is(checkout):
    folder, result = checkout
    assert f'dummy_pose_estimation: drawn into {folder / "images" / "dummy_pose.jpg"}\n' in result.stderr


def test_the_default_paths_are_those_of_the_script_folder(checkout):
    folder, _ = checkout
    assert sorted(path.name for path in (folder / 'images').iterdir()) == ['dummy.jpg', 'dummy_pose.jpg']
    with Image.open(folder / 'images' / 'dummy_pose.jpg') as image:
        assert image.format == 'JPEG'


def dummy_frame():
    with Image.open(ROOT / 'images' / 'dummy.jpg') as image:
        return np.asarray(image.resize((299, 299), Image.BILINEAR))


def test_the_printed_probabilities_are_the_networks(checkout, pose_net):
    _, result = checkout
    _, _, probabilities = pose_net.joint_positions(dummy_frame()[None])[:, 0]
    assert percentages(result.stdout) == pytest.approx(100 * probabilities, abs=0.02)


def test_the_picture_scaled_to_299_pixels_is_what_is_estimated_and_drawn(tmp_path, capsys, monkeypatch):
    joints = np.arange(48, dtype=np.float32).reshape(3, 16) / 100
    estimated, drawn = [], []
    monkeypatch.setattr(gait_checkpoints, 'find_weights', Path)
    monkeypatch.setattr(script, 'estimate_joints', lambda *arguments: estimated.extend(arguments) or joints)
    monkeypatch.setattr(script, 'draw_pose', lambda *arguments: drawn.extend(arguments))
    picture = ROOT / 'images' / 'dummy.jpg'
    assert script.main(['--image', str(picture), '--output', str(tmp_path / 'pose.png')]) == 0
    np.testing.assert_array_equal(estimated[0], dummy_frame())
    assert estimated[1] == 'MPII+LSP.ckpt'
    for got, expected in zip(drawn, (dummy_frame(), joints[0], joints[1], tmp_path / 'pose.png')):
        np.testing.assert_array_equal(got, expected)
    assert percentages(capsys.readouterr().out) == pytest.approx(100 * joints[2], abs=0.006)


@pytest.mark.skipif(not (WEIGHTS.is_file() and ORIGINAL.is_file()),
                    reason='needs the published weights and picture: '
                           'python fetch_models.py MPII+LSP.ckpt dummy_original.jpg')
def test_the_published_weights_give_the_samples_probabilities_within_a_point(tmp_path):
    result = run(ROOT, '--image', ORIGINAL, '--checkpoint', WEIGHTS, '--output', tmp_path / 'pose.jpg', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert percentages(result.stdout) == pytest.approx(percentages(SAMPLE), abs=1.0)


# --- Refusals --------------------------------------------------------------------------------------------------------

@pytest.fixture
def refused(tmp_path, capsys, monkeypatch):
    """Run `main` where nothing may be computed or written: standard error."""
    def fail(*arguments):
        pytest.fail('the network was run')

    monkeypatch.setattr(script, 'estimate_joints', fail)

    def refuse(*arguments):
        before = sorted(tmp_path.rglob('*'))
        assert script.main(list(map(str, arguments))) == 2
        assert sorted(tmp_path.rglob('*')) == before
        out, err = capsys.readouterr()
        assert out == ''
        return err

    return refuse


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / 'picture.png'
    Image.new('RGB', (40, 60), RED).save(path)
    return path


def truncated(path):
    Image.effect_noise((100, 100), 80).save(path, 'JPEG')
    path.write_bytes(path.read_bytes()[:-2000])


@pytest.mark.parametrize('make', [truncated, lambda path: path.write_text('no picture'), Path.touch, Path.mkdir,
                                  lambda path: None], ids=['truncated', 'text', 'empty', 'folder', 'missing'])
def test_what_is_no_whole_picture_is_refused_by_name(refused, tmp_path, make):
    path = tmp_path / 'walker.jpg'
    make(path)
    assert 'walker.jpg' in refused('--image', path, '--output', tmp_path / 'pose.jpg')


def test_a_broken_picture_ends_the_command_with_status_2(tmp_path):
    truncated(tmp_path / 'walker.jpg')
    result = run(ROOT, '--image', 'walker.jpg', '--output', 'pose.jpg', cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, '')
    assert 'walker.jpg cannot be read' in result.stderr and 'Traceback' not in result.stderr
    assert not (tmp_path / 'pose.jpg').exists()


@pytest.mark.parametrize('name', ['pose.xyz', 'pose', 'pose.gif'])
def test_an_output_of_unknown_format_is_refused_with_the_known_ones(refused, picture, tmp_path, name):
    message = refused('--image', picture, '--output', tmp_path / name)
    assert name in message and '.jpg, .jpeg, .png, .webp' in message


def test_an_output_that_cannot_be_written_is_refused_before_computing(refused, picture, tmp_path):
    assert 'no such folder' in refused('--image', picture, '--output', tmp_path / 'nowhere' / 'pose.jpg')
    (tmp_path / 'folder.jpg').mkdir()
    assert 'is a folder' in refused('--image', picture, '--output', tmp_path / 'folder.jpg')


def test_the_picture_is_never_overwritten_by_the_drawing(refused, picture):
    assert 'is what is to be read' in refused('--image', picture, '--output', picture)


@pytest.mark.parametrize('name', ['MPII+LSP.ckpt', 'elsewhere/MPII+LSP.ckpt', '~/no such.ckpt'])
def test_a_missing_checkpoint_that_was_named_never_falls_back_to_another(refused, picture, tmp_path, monkeypatch, name):
    (tmp_path / 'models').mkdir()
    (tmp_path / 'models' / 'MPII+LSP.ckpt').write_bytes(b'found where weights are sought')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HOME', str(tmp_path))
    assert Path(name).name in refused('--image', picture, '--output', tmp_path / 'pose.jpg', '--checkpoint', name)


def test_without_weights_the_places_and_the_way_to_get_them_are_told(refused, picture, tmp_path, monkeypatch):
    folders = [tmp_path / 'here', tmp_path / 'there']
    monkeypatch.setattr(gait_checkpoints, 'weight_folders', lambda: folders)
    message = refused('--image', picture, '--output', tmp_path / 'pose.jpg')
    assert all(str(folder) in message for folder in folders) and 'fetch_models' in message


def test_the_weights_that_ship_are_taken_where_the_published_are_not_and_one_line_says_so(picture, tmp_path, capsys,
                                                                                           monkeypatch):
    used = []
    monkeypatch.setattr(gait_checkpoints, 'weight_folders', lambda: [tmp_path])
    monkeypatch.setattr(script, 'estimate_joints', lambda frame, checkpoint: used.append(Path(checkpoint).name) or
                        np.full((3, 16), 0.5, np.float32))
    said = []
    for name in ('Human3.6m.ckpt', 'people-pose.npz', 'MPII+LSP.ckpt'):
        (tmp_path / name).touch()
        status = script.main(['--image', str(picture), '--output', str(tmp_path / 'pose.png')])
        said.append((status, capsys.readouterr().err))
    assert used == ['people-pose.npz', 'MPII+LSP.ckpt']                # another published file is not the sample's
    assert [status for status, _ in said] == [2, 0, 0] and 'synthetic' not in said[2][1]
    line, _ = said[1][1].splitlines()                                   # and where the drawing is
    assert 'people-pose.npz' in line and 'synthetic walkers' in line and 'python fetch_models.py' in line


def test_where_no_dummy_picture_is_installed_a_picture_is_asked_for(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(script, 'HERE', tmp_path)
    assert '--image' in refused()


def test_installed_without_the_checkout_the_drawing_goes_into_the_working_directory(picture, tmp_path, monkeypatch,
                                                                                    capsys):
    installed, work = tmp_path / 'installed', tmp_path / 'work'
    installed.mkdir()
    work.mkdir()
    monkeypatch.setattr(script, 'HERE', installed)
    monkeypatch.chdir(work)
    monkeypatch.setattr(gait_checkpoints, 'find_weights', Path)
    monkeypatch.setattr(script, 'estimate_joints', lambda frame, checkpoint: np.full((3, 16), 0.5, np.float32))
    assert script.main(['--image', str(picture)]) == 0
    assert [path.name for path in work.iterdir()] == ['dummy_pose.jpg']


# --- Reading ---------------------------------------------------------------------------------------------------------

def two_halves(mode='RGB', size=(40, 60)):
    """RED above, GREEN below."""
    image = Image.new('RGB', size, RED)
    image.paste(GREEN, (0, size[1] // 2, *size))
    return image.convert(mode)


def read_halves(image, path, **options):
    """Save, read back; the colours of the upper and the lower half."""
    image.save(path, **options)
    found = script.read_picture(path)
    assert (found.mode, found.size) == ('RGB', (40, 60))
    return [found.getpixel((20, 10)), found.getpixel((20, 50))]


@pytest.mark.parametrize('mode, suffix', [('RGB', '.png'), ('RGB', '.webp'), ('RGBA', '.png'), ('CMYK', '.jpg'),
                                          ('CMYK', '.tif'), ('YCbCr', '.jpg'), ('RGB', '.bmp')])
def test_colour_pictures_of_every_kind_keep_their_colours(tmp_path, mode, suffix):
    options = {'lossless': True} if suffix == '.webp' else {}
    for got, expected in zip(read_halves(two_halves(mode), tmp_path / f'picture{suffix}', **options), (RED, GREEN)):
        assert got == pytest.approx(expected, abs=3)


@pytest.mark.parametrize('suffix', ['.gif', '.png'])
def test_palette_pictures_keep_their_colours(tmp_path, suffix):
    image = two_halves().quantize(2)
    assert read_halves(image, tmp_path / f'picture{suffix}') == [RED, GREEN]


@pytest.mark.parametrize('mode', ['L', 'LA'])
def test_grey_pictures_become_grey_rgb(tmp_path, mode):
    upper, lower = two_halves('L').getpixel((0, 0)), two_halves('L').getpixel((0, 59))
    assert read_halves(two_halves(mode), tmp_path / 'picture.png') == [(upper,) * 3, (lower,) * 3]


@pytest.mark.parametrize('dtype, suffix', [(np.uint16, '.png'), (np.uint16, '.tif'), (np.int32, '.tif'),
                                           (np.float32, '.tif')])
def test_grey_pictures_of_16_and_32_bits_are_scaled_and_not_cut(tmp_path, dtype, suffix):
    values = np.zeros((60, 40), dtype)
    values[30:] = 65535
    values[:30, :20] = 100 * 257
    values[:30, 20:] = 0
    path = tmp_path / f'picture{suffix}'
    Image.fromarray(values).save(path)
    found = script.read_picture(path)
    assert [found.getpixel(place) for place in ((5, 5), (35, 5), (20, 50))] == [(100,) * 3, (0,) * 3, (255,) * 3]


def test_transparent_parts_are_shown_on_white(tmp_path):
    image = two_halves('RGBA')
    image.paste((0, 0, 0, 0), (0, 0, 40, 30))
    assert read_halves(image, tmp_path / 'picture.png') == [(255, 255, 255), GREEN]
    palette = two_halves().quantize(2)
    transparent = palette.getpixel((0, 0))
    assert read_halves(palette, tmp_path / 'picture.gif', transparency=transparent) == [(255, 255, 255), GREEN]


def test_a_picture_that_exif_says_is_turned_is_read_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6                                        # the camera was turned: rotate by 270 degrees to show
    turned = two_halves().rotate(90, expand=True)
    assert turned.size == (60, 40)
    for got, expected in zip(read_halves(turned, tmp_path / 'picture.jpg', exif=exif, quality=95), (RED, GREEN)):
        assert got == pytest.approx(expected, abs=3)


@pytest.mark.filterwarnings('error')
def test_large_pictures_are_read_up_to_pillows_limit_and_refused_beyond(tmp_path, monkeypatch):
    two_halves().save(tmp_path / 'large.png')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 40 * 60 / 1.5)       # Pillow warns here, and refuses from twice it
    assert script.read_picture(tmp_path / 'large.png').size == (40, 60)
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 40 * 60 / 3)
    with pytest.raises(ValueError, match='large.png is too large'):
        script.read_picture(tmp_path / 'large.png')


# --- Drawing ---------------------------------------------------------------------------------------------------------

# The colour of the line from joint i to joint i + 1, in 8 bits; None: no line.
RGB_OF_LINES = {'r': (255, 0, 0), 'b': (0, 0, 255), 'm': (191, 0, 191), 'g': (0, 128, 0), ' ': None}
LINES = [RGB_OF_LINES[letter] for letter in 'rrbmm ggb rrbmm']


def test_lines_join_the_joints_of_a_limb_in_the_colours_of_the_original(tmp_path):
    x = 15 + 18 * np.arange(16.0)                           # a zigzag, so that no line covers another's middle
    y = np.where(np.arange(16) % 2, 250.0, 50.0)
    path = tmp_path / 'pose.png'
    script.draw_pose(np.full((299, 299, 3), 255, np.uint8), y, x, path)
    with Image.open(path) as image:
        scale = image.width / 299
        middles = [image.convert('RGB').getpixel((round((x[i] + 9.5) * scale), round(150.5 * scale)))
                   for i in range(15)]
    for got, expected in zip(middles, LINES):
        assert got == pytest.approx(expected or (255, 255, 255), abs=1)


@pytest.mark.parametrize('name, kind', [('pose.jpg', 'JPEG'), ('pose.JPEG', 'JPEG'), ('pose.png', 'PNG'),
                                        ('pose.webp', 'WEBP')])
def test_the_suffix_decides_the_format_of_the_drawing(tmp_path, name, kind):
    script.draw_pose(np.zeros((299, 299, 3), np.uint8), np.arange(16.0), np.arange(16.0), tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.format == kind


def test_a_drawing_keeps_the_proportions_of_its_picture(tmp_path):
    script.draw_pose(np.zeros((200, 100, 3), np.uint8), np.arange(16.0), np.arange(16.0), tmp_path / 'pose.png')
    with Image.open(tmp_path / 'pose.png') as image:
        assert image.height == 2 * image.width


def test_a_drawing_that_fails_leaves_the_old_one_and_nothing_beside_it(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError('the disk is full')

    path = tmp_path / 'pose.jpg'
    path.write_bytes(b'the old one')
    monkeypatch.setattr('os.replace', full)
    with pytest.raises(OSError, match='full'):
        script.draw_pose(np.zeros((299, 299, 3), np.uint8), np.arange(16.0), np.arange(16.0), path)
    assert path.read_bytes() == b'the old one'
    assert list(tmp_path.iterdir()) == [path]
