"""Which pictures the pose network is trained on and measured on, from the arguments of the command."""
import hashlib
import os
import pathlib

from gait_recognition.training.annotations import read_annotations, split_by_picture
from gait_recognition.training.samples import (
    TEST_SEED,
    TRAINING_SEED,
    VALIDATION_SEED,
    AnnotatedPictures,
    Augmentation,
    MixedPictures,
    WalkerPictures,
)

WALKERS = 'walkers'                 # the word that stands for synthetic ones in place of a file


def read_all(files):
    """The annotations of several files."""
    return [annotation for file in files for annotation in read_annotations(file)]


def share_of(text):
    """The number that --validation is when it is no file."""
    try:
        share = float(text)
    except ValueError:
        return None
    if not 0 < share < 1:
        raise ValueError(f'--validation: a share lies between 0 and 1, got {text}')
    return share


def content_of(files):
    """What settings say of files: name and digest. A moved folder is the same data, an edited file is not."""
    return [file if file == WALKERS else
            f'{os.path.basename(file)} {hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()[:16]}'
            for file in files]


def data_sets(arguments):
    """What to train on, and what to validate on.

    Returns
    -------
    data : AnnotatedPictures, WalkerPictures or MixedPictures
    validation : dict of str to AnnotatedPictures or WalkerPictures
        By name.
    """
    held_out = arguments.validation or [WALKERS]
    share = share_of(held_out[0]) if len(held_out) == 1 else None
    if share is not None and all(group == [WALKERS] for group in arguments.data):
        raise ValueError(f'--validation: {held_out[0]} is a share of the pictures of --data; walkers to validate on '
                         f'are --validation-size {arguments.validation_size}')
    augmentation = Augmentation(arguments.rotation, tuple(arguments.zoom), degrade=arguments.degrade)
    sets, trained_on, kept = [], [], {}
    for number, group in enumerate(arguments.data):
        if group == [WALKERS]:
            sets.append(_walkers(arguments, arguments.epoch_size, TRAINING_SEED + 50_000_000 * arguments.seed,
                                 arguments.degrade))
            continue
        annotations = read_all(group)
        if share is not None:
            annotations, out = split_by_picture(annotations, share)
            kept[f'held out {number + 1}' if len(arguments.data) > 1 else 'held out'] = out
        trained_on += annotations
        sets.append(AnnotatedPictures(annotations, arguments.seed + 7919 * number, arguments.size, augmentation,
                                      direction=arguments.direction))
    data = sets[0] if len(sets) == 1 else \
        MixedPictures(sets, arguments.shares or [len(each) for each in sets], arguments.epoch_size)
    if len(data) < arguments.batch_size:
        raise ValueError(f'{arguments.data}: {len(data)} people do not fill one batch of {arguments.batch_size}')
    if share is None:
        kept = {name: None if name == WALKERS else read_annotations(name) for name in held_out}
        _refuse_both(trained_on, kept)
    return data, _validation_sets(arguments, kept)


def _walkers(arguments, count, first_seed, degrade=0.0):
    return WalkerPictures(count, first_seed, arguments.direction, arguments.cover, arguments.size, degrade)


def _refuse_both(trained_on, kept):
    """Refuse pictures that are trained on in what is to validate."""
    trained_on = {os.path.realpath(a.image) for a in trained_on}
    for name, annotations in kept.items():
        both = sorted(trained_on & {os.path.realpath(a.image) for a in annotations or ()})
        if both:
            raise ValueError(f'{name}: pictures that are trained on cannot validate: {both[0]}'
                             + (f' and {len(both) - 1} more' if both[1:] else ''))


def _validation_sets(arguments, kept):
    sets = {}
    for name, annotations in kept.items():
        if annotations is None:
            sets[WALKERS] = _walkers(arguments, arguments.validation_size, VALIDATION_SEED)
        elif any(annotation.visible.any() for annotation in annotations):
            sets[pathlib.Path(name).stem] = AnnotatedPictures(annotations, size=arguments.size,
                                                              extent=arguments.extent,
                                                              direction=arguments.direction)
        else:
            raise ValueError(f'{name}: no joint is visible, so nothing can be measured on it')
    return sets


def test_set(arguments):
    """What `--evaluate` measures on."""
    if arguments.data == [[WALKERS]]:
        return _walkers(arguments, arguments.validation_size, TEST_SEED)
    files = [file for group in arguments.data for file in group]
    return AnnotatedPictures(read_all(files), size=arguments.size, extent=arguments.extent,
                             direction=arguments.direction)
