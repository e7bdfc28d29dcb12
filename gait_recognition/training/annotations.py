"""Annotated pictures: which joints of whom a picture shows, from CSV, JSON, and the files of MPII and LSP."""
import csv
import json
import math
import os
import pathlib
from typing import NamedTuple

import numpy as np

import gait_files
from gait_recognition.pictures import opened_picture, to_rgb
from gait_recognition.training.apart import arrays_of, as_bytes, as_text
from pose_joints import JOINT_NAMES

LARGEST = float(np.finfo(np.float32).max)
DERIVED_JOINTS = {JOINT_NAMES.index(name): tuple(map(JOINT_NAMES.index, ends)) for name, ends in (
    ('pelvis', ('right hip', 'left hip')), ('thorax', ('right shoulder', 'left shoulder')))}


class Annotation(NamedTuple):
    """One annotated person.

    Attributes
    ----------
    image : str
        Path of the picture.
    joints : np.ndarray, float32 (16, 2)
        (y, x) in pixels of the picture (upright, where its EXIF data turn it), pixel centres at whole numbers; NaN
        where not present.
    present, visible : np.ndarray, bool (16,)
        Annotated at all; annotated and not hidden.
    scale : float
        The person's height in units of 200 pixels, as in MPII.
    centre : tuple of float
        (y, x).
    derived : np.ndarray, bool (16,)
        Present, though not annotated: pelvis and thorax in the middle of the hips and of the shoulders. Trained on, not
        measured against.
    """

    image: str
    joints: np.ndarray
    present: np.ndarray
    visible: np.ndarray
    scale: float
    centre: tuple
    derived: np.ndarray = np.zeros(16, bool)


def read_annotations(path):
    """Read a user's annotated pictures.

    CSV: columns `image`, `<joint>_x`, `<joint>_y` for any of the 16 joints (`right_ankle_x` ...), and, where known,
    `<joint>_visible` (0 or 1), `scale`, `centre_x`, `centre_y`; an empty cell is a joint that is not present.
    JSON: a list of objects with `image`, `joints` ({name: [x, y] or [x, y, visible]}), and, where known, `scale`,
    `centre` ([x, y]). Pictures are sought relative to the file. Without scale and centre the joints' own extent serves.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    list of Annotation

    Raises
    ------
    ValueError
        Names the file, the record and what is wrong with it, or the picture that cannot be opened.
    FileNotFoundError
        The file, or a picture that it names.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such annotations; expected a .csv or .json file')
    if path.suffix not in ('.csv', '.json'):
        raise ValueError(f'{path}: annotations are a .csv or .json file')
    try:
        with open(path, newline='', encoding='utf-8-sig') as file:
            records = _csv_records(path, file) if path.suffix == '.csv' else _json_records(path, file)
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} cannot be read as {path.suffix[1:].upper()} in UTF-8: {error}') from error
    if not records:
        raise ValueError(f'{path} holds no annotation')
    annotations = [_annotation(where, record, path.parent) for where, record in records]
    for image in sorted({a.image for a in annotations}):
        with opened_picture(image) as picture:              # now, not after hours of training
            if picture.mode in ('I', 'F'):
                to_rgb(picture)
    return annotations


def _csv_records(path, file):
    """(where, record) of each row."""
    rows, records = csv.DictReader(file, strict=True), []
    try:
        _check_columns(path, rows.fieldnames or [])
        for row in rows:
            where = f'{path}, line {rows.line_num}'
            if None in row or None in row.values():
                raise ValueError(f'{where}: expected {len(rows.fieldnames)} values as in the header, got '
                                 f'{len(row.pop(None, [])) + sum(value is not None for value in row.values())}')
            records.append((where, _from_csv(row)))
    except csv.Error as error:
        raise ValueError(f'{path} cannot be read as CSV in UTF-8, after line {rows.line_num}: {error}') from error
    return records


def _json_records(path, file):
    """(where, record) of each object."""
    text = file.read()
    try:
        content = json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:           # brackets by the thousand, numbers of thousands of digits
        where = gait_files.json_place(path, text, error)
        raise ValueError(f'{where} cannot be read as JSON in UTF-8: {error}') from error
    if not isinstance(content, list):
        raise ValueError(f'{path}: expected a list of objects, got {type(content).__name__}')
    return [(f'{path}, record {i}', record) for i, record in enumerate(content)]


def _without_doubles(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f'a name is there twice in one object: {", ".join(name for name, _ in pairs)[:200]}')
    return found


def _check_columns(path, columns):
    known = {'image', 'scale', 'centre_x', 'centre_y'} | {
        f'{name.replace(" ", "_")}_{what}' for name in JOINT_NAMES for what in ('x', 'y', 'visible')}
    if 'image' not in columns or not any(c.endswith('_x') and c in known for c in columns):
        raise ValueError(f'{path}: expected columns image, right_ankle_x, right_ankle_y, ...; got {columns}')
    twice = sorted({c for c in columns if columns.count(c) > 1 and c in known})
    if twice:
        raise ValueError(f'{path}: columns {twice} are there twice')
    misspelt = [c for c in columns if c not in known and c and c.endswith(('_x', '_y', '_visible'))]
    if misspelt:
        raise ValueError(f'{path}: unknown joints in columns {misspelt}; joints are {", ".join(JOINT_NAMES)}')
    missing = [c[:-1] + other for c in columns for one, other in ('xy', 'yx')
               if c.endswith(f'_{one}') and c[:-1] + other not in columns]
    if missing:
        raise ValueError(f'{path}: columns {missing} are missing; a joint, and the centre, has an x and a y')


def _from_csv(row):
    """A CSV row as the JSON form's object."""
    joints = {}
    for name in JOINT_NAMES:
        x, y, visible = (row.get(f'{name.replace(" ", "_")}_{what}') for what in ('x', 'y', 'visible'))
        if x or y:
            joints[name] = [x, y] + ([visible] if visible else [])
    record = {'image': row['image'], 'joints': joints}
    if row.get('scale'):
        record['scale'] = row['scale']
    if row.get('centre_x') or row.get('centre_y'):
        record['centre'] = [row['centre_x'], row['centre_y']]
    return record


def _annotation(where, record, folder):
    try:
        image = os.path.join(folder, os.path.expanduser(record['image']))
        joints = np.full((16, 2), np.nan, np.float32)
        visible = np.zeros(16, bool)
        for name, values in record['joints'].items():
            j = JOINT_NAMES.index(name.replace('_', ' '))
            if np.isfinite(joints[j]).any():
                raise ValueError(f'{name} is there twice')
            joints[j], visible[j] = _joint(name, values)
        scale = None if record.get('scale') is None else _number('scale', record['scale'])
        x, y = (None, None) if record.get('centre') is None else _point('centre', record['centre'])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f'{where}: cannot be read as an annotation ({type(error).__name__}: {error}); joints are '
                         f'{{name: [x, y]}} with names {", ".join(JOINT_NAMES)}') from error
    present = np.isfinite(joints).all(1)
    if not present.any():
        raise ValueError(f'{where}: no joint has coordinates')
    if not os.path.isfile(image):
        raise FileNotFoundError(f'{where}: no picture {image}')
    own_scale, centre = _extent(joints)
    scale, centre = own_scale if scale is None else scale, centre if x is None else (y, x)
    if not (math.isfinite(scale) and scale > 0 and np.isfinite(centre).all()):
        raise ValueError(f'{where}: scale is a positive number, the height of the person in units of 200 pixels, and '
                         f'centre is [x, y]; got {scale} and {list(centre[::-1])}')
    return with_derived(Annotation(image, joints, present, visible & present, scale, centre))


def _joint(name, values):
    """((y, x), whether visible) of `[x, y]` or `[x, y, visible]`; a pair of NaN is a joint that is not there."""
    if not isinstance(values, (list, tuple)) or len(values) not in (2, 3):
        raise ValueError(f'{name} is [x, y] or [x, y, 1 or 0 for visible or hidden], got {values!r:.100}')
    visible = _number(f'visible of {name}', values[2]) if len(values) == 3 else 1.0
    if visible not in (0.0, 1.0):
        raise ValueError(f'{name} is visible, 1, or hidden, 0, got {values[2]!r:.100}')
    if all(str(value).lower() == 'nan' for value in values[:2]):
        return (np.nan, np.nan), False
    x, y = _point(name, values[:2])
    return (y, x), bool(visible)


def _point(name, values):
    if not isinstance(values, (list, tuple)) or len(values) != 2:
        raise ValueError(f'{name} is [x, y], got {values!r:.100}')
    return [_number(name, value) for value in values]


def _number(name, value):
    """A number, or the text of one, finite in float32."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f'{name} holds {value!r:.100}, expected a number')
    number = float(value)
    if not abs(number) <= LARGEST:
        raise ValueError(f'{name} holds {value!r:.100}, expected a finite number')
    return number


def _checked(where, annotation):
    """The annotation of a converter, once it is one that `read_annotations` would take."""
    present, centre = annotation.present, np.asarray(annotation.centre, np.float64)
    if not present.any() or not np.isfinite(annotation.joints[present]).all():
        raise ValueError(f'{where}: no joint has coordinates, or one has infinite ones')
    if not 0 < annotation.scale <= LARGEST or not np.isfinite(centre).all():
        raise ValueError(f'{where}: scale is a positive number and centre two, got {annotation.scale} and '
                         f'{centre.tolist()}')
    return annotation


def with_derived(annotation):
    """The annotation with pelvis and thorax derived from hips and shoulders where it lacks them (`Annotation.derived`).

    MPII's thorax lies within a few pixels of the middle of the shoulders.
    """
    joints, present, derived = (array.copy() for array in (annotation.joints, annotation.present, annotation.derived))
    for joint, ends in DERIVED_JOINTS.items():
        ends = list(ends)
        if not present[joint] and present[ends].all():
            joints[joint] = joints[ends].mean(0)
            present[joint] = derived[joint] = True
    return annotation._replace(joints=joints, present=present, derived=derived)


def _extent(joints):
    """Scale and centre of a person known by the joints alone, which end short of the outline."""
    low, high = np.nanmin(joints, 0), np.nanmax(joints, 0)
    return float(1.2 * (high - low).max() / 200.0), tuple(((low + high) / 2).tolist())


def write_annotations(path, annotations):
    """Write annotations as the CSV that `read_annotations` reads, whole or not at all; pictures relative to it."""
    path = pathlib.Path(path)
    for annotation in annotations:
        _checked(annotation.image, annotation)
    columns = [f'{name.replace(" ", "_")}_{what}' for name in JOINT_NAMES for what in ('x', 'y', 'visible')]
    with gait_files.replacing(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(['image', 'scale', 'centre_x', 'centre_y', *columns])
        for a in annotations:
            cells = []
            for (y, x), present, visible in zip(a.joints.tolist(), a.present & ~a.derived, a.visible):
                cells += [x, y, int(visible)] if present else ['', '', '']
            try:
                image = pathlib.Path(os.path.relpath(a.image, path.parent)).as_posix()
            except ValueError:                                      # Windows: on another drive
                image = os.path.abspath(a.image)
            image = f'./{image}' if image.startswith('~') else image        # which stands for a home at the start
            writer.writerow([image, a.scale, a.centre[1], a.centre[0], *cells])


def split_by_picture(annotations, share):
    """Hold out a share of the pictures, with all people in them; the same ones at every call.

    Returns
    -------
    kept, held_out : list of Annotation
    """
    pictures = sorted({a.image for a in annotations})
    count = max(1, round(share * len(pictures)))
    held_out = {pictures[i] for i in np.random.default_rng(0).permutation(len(pictures))[:count]}
    return ([a for a in annotations if a.image not in held_out], [a for a in annotations if a.image in held_out])


def convert_mpii(mat, images, training=True):
    """Annotations of the MPII Human Pose dataset (Andriluka et al., CVPR 2014).

    Parameters
    ----------
    mat : str
        `mpii_human_pose_v1_u12_1.mat`. Its joints are numbered as ours.
    images : str
        Folder of the pictures.
    training : bool
        Pictures of the training set, the only ones with published joints.

    Returns
    -------
    list of Annotation
        People with joints, scale and centre. A joint of which the file does not say whether it is hidden is visible.
    """
    return _converted(mpii_arrays, mat, images, 'training' if training else 'the others')


def mpii_arrays(mat, images, which):
    """In the process of its own: the arrays of `convert_mpii`."""
    release, training, annotations = _read_mat(mat, 'RELEASE'), which == 'training', []
    try:
        for picture, in_training in zip(np.atleast_1d(release.annolist), np.atleast_1d(release.img_train), strict=True):
            if in_training not in (0, 1):
                raise ValueError(f'img_train holds {in_training!r}, expected 0 or 1')
            people = np.atleast_1d(picture.annorect) if bool(in_training) == training else []
            for person in people:
                points = np.atleast_1d(getattr(getattr(person, 'annopoints', None), 'point', []))
                scale, centre = getattr(person, 'scale', []), getattr(person, 'objpos', None)
                if len(points) and np.size(scale) and np.size(getattr(centre, 'x', [])):
                    if not isinstance(picture.image.name, str):
                        raise ValueError(f'a picture\'s name is {picture.image.name!r:.80}, expected a text')
                    image = os.path.join(images, picture.image.name)
                    annotations.append(_mpii_person(image, points, float(scale), centre))
    except (AttributeError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise ValueError(f'{mat} is not built as the MPII annotations are: {error}') from error
    if not annotations:
        raise ValueError(f'{mat} holds no person with joints')
    return _as_arrays(annotations)


def _mpii_person(image, points, scale, centre):
    joints, visible = np.full((16, 2), np.nan, np.float32), np.zeros(16, bool)
    for point in points:
        j = int(point.id)
        if j != point.id or not 0 <= j < 16 or np.isfinite(joints[j]).any():
            raise ValueError(f'{image}: a joint has the number {point.id!r:.80}, expected 0 to 15, each once')
        joints[j] = float(point.y) - 1, float(point.x) - 1                          # MATLAB counts pixels from 1
        said = getattr(point, 'is_visible', 1)                                      # a number, a string or empty
        if np.size(said) and str(said) not in ('', '0', '1', '0.0', '1.0'):
            raise ValueError(f'{image}: is_visible of joint {j} is {said!r:.80}, expected 0 or 1')
        visible[j] = np.size(said) == 0 or str(said) not in ('0', '0.0')
    present = np.zeros(16, bool)
    present[[int(point.id) for point in points]] = True
    return _checked(image, Annotation(image, joints, present, visible, scale,
                                      (float(centre.y) - 1, float(centre.x) - 1)))


# LSP's 14 joints in our order; its neck is our upper neck, pelvis and thorax are not annotated.
LSP_JOINTS = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9]


def convert_lsp(mat, images):
    """Annotations of Leeds Sports Pose (Johnson, Everingham, BMVC 2010) or of its extended training set (CVPR 2011).

    Parameters
    ----------
    mat : str
        `joints.mat`: `joints` is (3, 14, N) in LSP, whose third row is 1 where a joint is hidden, and (14, 3, N) in the
        extended set, whose third column is 1 where a joint is annotated.
    images : str
        Folder of `im0001.jpg` ... (extended: `im00001.jpg` ...).

    Returns
    -------
    list of Annotation
        Scale and centre are those of the joints' extent; LSP gives none.
    """
    return _converted(lsp_arrays, mat, images)


def lsp_arrays(mat, images):
    """In the process of its own: the arrays of `convert_lsp`."""
    joints = np.asarray(_read_mat(mat, 'joints'))
    if joints.ndim == 2:
        joints = joints[..., None]
    if joints.ndim != 3 or joints.shape[:2] not in ((3, 14), (14, 3)) or joints.dtype.kind not in 'uif':
        raise ValueError(f'{mat}: expected joints, numbers of shape (3, 14, N) or (14, 3, N), got {joints.dtype} '
                         f'{joints.shape}')
    is_extended = joints.shape[:2] == (14, 3)
    joints = joints.astype(np.float64)                                  # of bytes, 0 - 1 would be 255
    annotations = []
    for i in range(joints.shape[2]):
        x, y, flag = joints[:, :, i].T if is_extended else joints[:, :, i]
        name = f'im{i + 1:0{5 if is_extended else 4}d}.jpg'
        if not np.isin(flag, (0, 1)).all():
            raise ValueError(f'{mat}: picture {name}: a joint is marked by {flag.tolist()}, expected 0 and 1')
        annotated = flag > 0 if is_extended else ~np.isnan(x + y)
        points, present = np.full((16, 2), np.nan, np.float32), np.zeros(16, bool)
        points[LSP_JOINTS] = np.where(annotated[:, None], np.stack([y, x], 1) - 1, np.nan)    # MATLAB counts from 1
        present[LSP_JOINTS] = annotated
        visible = present.copy()
        if not is_extended:
            visible[LSP_JOINTS] &= flag == 0
        if present.any():
            image = os.path.join(images, name)
            annotations.append(_checked(f'{mat}: {image}',
                                        Annotation(image, points, present, visible, *_extent(points))))
    return _as_arrays(annotations)


# SciPy's parser, in C, does not survive every damaged file: what it makes is looked at in a process of its own, too.

def _converted(function, mat, images, *arguments):
    """The annotations that a function makes of a .mat file in a process of its own."""
    mat, images = os.fspath(mat), os.fspath(images)
    if not os.path.isfile(mat):
        raise FileNotFoundError(f'{mat}: no such .mat file')
    if not os.path.isdir(images):
        raise FileNotFoundError(f'{images}: no such folder of pictures')
    found = arrays_of(function, mat, images, *arguments)
    names = as_text(found.pop('images')).split('\0')
    return [_checked(f'{mat}: {name}', Annotation(name, joints, present, visible, float(scale), tuple(centre.tolist())))
            for name, joints, present, visible, scale, centre in zip(
                names, *(found[name] for name in ('joints', 'present', 'visible', 'scale', 'centre')), strict=True)]


def _as_arrays(annotations):
    names = [annotation.image for annotation in annotations]
    if '\0' in ''.join(names):
        raise ValueError('a picture\'s name holds a NUL')
    return {'images': as_bytes('\0'.join(names)), **{
        name: np.array([getattr(annotation, name) for annotation in annotations])
        for name in ('joints', 'present', 'visible', 'scale', 'centre')}}


def _read_mat(path, name):
    from scipy.io import loadmat
    try:
        content = loadmat(path, struct_as_record=False, squeeze_me=True)
    except Exception as error:                              # what a broken file makes scipy's parser trip over
        raise ValueError(f'{path} cannot be read as a .mat file: {error or type(error).__name__}') from error
    if name not in content:
        raise ValueError(f'{path}: expected a variable {name}, got '
                         f'{[key for key in content if not key.startswith("__")]}')
    return content[name]
