"""Recorded skeletons read from files: who walks, at how many frames a second, where the joints are."""
import os
import re
from typing import NamedTuple

import numpy as np

from gait_files import open_npz

SIDED = ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')      # of both sides, without which nothing is fitted
FPS, METRES_A_UNIT = 30.0, 0.001                                    # of an .npz that does not say its own
MAX_LENGTH = 3.0                                                    # metres; no limb or trunk is as long
# How recorders call what is not named by side and joint.
_OTHER_NAMES = {'shoulder center': 'neck', 'shoulder centre': 'neck', 'thorax': 'neck', 'head top': 'head'}


class Recording(NamedTuple):
    """One walk of one person.

    Attributes
    ----------
    person, walk : str
    fps : float
    joints : dict of str to ndarray (T, 3)
        'right knee', 'left knee', ..., 'head': metres, right-handed, the third axis up.
    head_share : float
        Which share of the head's height the recorder's head joint stands above the chin: 1 = its top, 0.5 = its middle.
    one_side : bool
        One camera at the origin saw the walk, and guessed the far limbs.
    """

    person: str
    walk: str
    fps: float
    joints: dict
    head_share: float = 0.5
    one_side: bool = True


def joint_name(name: str) -> str:
    """A recorder's name of a joint as ours: 'Ankle-Right', 'RightAnkle', 'right_ankle' -> 'right ankle'."""
    words = [word.lower() for word in re.findall('[A-Z]?[a-z]+|[A-Z]+', str(name))]
    sides = [word for word in words if word in ('right', 'left')]
    plain = ' '.join([*sides, *(word for word in words if word not in sides)])
    return _OTHER_NAMES.get(plain, plain)


def read_recordings(path) -> list:
    """The walks of a file of recorded skeletons.

    Parameters
    ----------
    path : str or os.PathLike
        `.npz`: `joints`, the names (J,); for each walk an array PERSON-WALK (frames, J, 3), x, y up, z of a
        right-handed system with the camera at its origin (a Kinect's: x to the camera's left, z away from it); `fps`
        (30 where it is not there) and `metres_per_unit` (0.001). `.c3d`: one walk, its points named as joints (ezc3d);
        the file's name is PERSON-WALK.c3d.

    Returns
    -------
    list of Recording

    Raises
    ------
    ValueError, FileNotFoundError
        Naming file and walk.
    """
    path = os.path.expanduser(os.fspath(path))
    if not os.path.isfile(path):
        raise FileNotFoundError(f'{path}: no such file; expected recorded joints as .npz or .c3d')
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _READERS:
        raise ValueError(f'{path}: expected recorded joints as {" or ".join(_READERS)}, got {suffix or "no suffix"}')
    return _READERS[suffix](path)


def _read_npz(path):
    try:
        with open_npz(path) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError) as error:
        raise ValueError(f'{path} cannot be read as an .npz of recorded joints: {error}') from error
    if 'joints' not in arrays or arrays['joints'].dtype.kind not in 'US':
        raise ValueError(f'{path}: expected the names of the joints as an array `joints`, got {sorted(arrays)[:10]}')
    names = arrays.pop('joints').astype(str).tolist()
    fps, metres = (_positive(path, name, arrays.pop(name, default))
                   for name, default in (('fps', FPS), ('metres_per_unit', METRES_A_UNIT)))
    if not arrays:
        raise ValueError(f'{path}: no walk in it, only the names of the joints')
    found = []
    for key, places in sorted(arrays.items()):
        person, dash, walk = key.rpartition('-')
        if not (person and dash and walk):
            raise ValueError(f'{path}: expected walks named PERSON-WALK such as 001-2, got {key!r}')
        found.append(_recording(f'{path}, walk {key}', person, walk, fps, names, places, metres))
    return found


def _positive(path, name, value):
    value = np.asarray(value)
    if value.shape != () or value.dtype.kind not in 'iuf' or not (np.isfinite(value) and value > 0):
        raise ValueError(f'{path}: {name}: expected one positive number, got {value.tolist()!r}')
    return float(value)


def _read_c3d(path):
    try:
        import ezc3d
    except ImportError as error:
        raise ImportError(f'{path}: C3D files are read by ezc3d, which is not installed: pip install -e ".[c3d]"'
                          ) from error
    try:
        file = ezc3d.c3d(path)
        points, parameters = file['data']['points'], file['parameters']['POINT']
        names, unit = parameters['LABELS']['value'], (parameters['UNITS']['value'] or ['mm'])[0]
        fps = float(parameters['RATE']['value'][0])
    except Exception as error:                              # what ezc3d raises is not documented
        raise ValueError(f'{path} cannot be read as C3D: {error}') from error
    metres = {'m': 1.0, 'cm': 0.01}.get(unit.strip().lower(), 0.001)
    person, _, walk = os.path.splitext(os.path.basename(path))[0].rpartition('-')
    places = np.moveaxis(points[:3], 0, -1).swapaxes(0, 1)[..., [1, 2, 0]]       # z is up there; turned, not mirrored
    found = _recording(path, person or walk, walk if person else '1', _positive(path, 'POINT:RATE', fps), names, places,
                       metres)
    return [found._replace(one_side=False)]


_READERS = {'.npz': _read_npz, '.c3d': _read_c3d}


def _recording(where, person, walk, fps, names, places, metres):
    """`Recording` of an array (frames, J, 3) with y up; ValueError with `where` for what cannot be one."""
    if places.dtype.kind not in 'iuf' or places.shape[1:] != (len(names), 3):
        raise ValueError(f'{where}: expected numbers of shape (frames, {len(names)}, 3), got {places.dtype} of shape '
                         f'{places.shape}')
    places = places.astype(np.float64)[..., [2, 0, 1]] * metres
    joints = {joint_name(name): places[:, i] for i, name in enumerate(names)}
    wanted = [*(f'{side} {joint}' for joint in SIDED for side in ('right', 'left')), 'head']
    missing = [name for name in wanted if name not in joints]
    if missing:
        raise ValueError(f'{where}: joints missing: {", ".join(missing)}; got {", ".join(sorted(joints))}')
    if not np.isfinite(places).all():
        raise ValueError(f'{where}: {np.isnan(places).any((1, 2)).sum()} frames hold joints that are no numbers; fill '
                         'or cut them first')
    apart = [np.median(np.linalg.norm(joints[f'{side} knee'] - joints[f'{side} ankle'], axis=1))
             for side in ('right', 'left')] if len(places) else [0.4]
    if not 0.15 < min(apart) <= max(apart) < 0.8:
        raise ValueError(f'{where}: shins of {min(apart):.3g} and {max(apart):.3g} m: expected 0.15 to 0.8; say the '
                         'unit in metres_per_unit')
    tops = {joint_name(name) for name in names if re.sub('[^a-z]', '', str(name).lower()) == 'headtop'}
    return Recording(person, walk, fps, joints, 1.0 if tops else 0.5)
