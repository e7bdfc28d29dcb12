"""Warnings point at the user's own line, and what holds of a whole process is said once."""
import functools
import pathlib
import warnings

import numpy as np
import pytest
from conftest import SHIPPED

import gait_checkpoints
from gait_checkpoints import warn_caller
from gait_recognition import GaitVectors, walk_vector
from gait_recognition.gallery import Gallery
from gait_recognition.weights import warn_of_defaults

OURS = 'import functools\nfrom gait_checkpoints import warn_caller\n' \
       'class C:\n @functools.cached_property\n def x(self): return warn_caller("said")\n' \
       'def through(call): return next(map(call, [C()]))\n'


@pytest.fixture
def only_ours(monkeypatch, tmp_path):
    """No weights but those that ship are there, and nobody opens networks."""
    monkeypatch.setattr(gait_checkpoints, 'weight_folders', lambda: [tmp_path, SHIPPED])

    def stop(*arguments):
        raise RuntimeError('networks were opened')
    monkeypatch.setattr('gait_recognition.vectors.shared_networks', stop)


def test_the_line_is_the_users_whatever_stands_between_it_and_the_modules():
    module = {'__name__': 'gait_recognition.somewhere'}
    exec(compile(OURS, 'ours.py', 'exec'), module)
    with pytest.warns(UserWarning, match='said') as caught:
        module['through'](lambda c: c.x)
        functools.partial(lambda: module['C']().x)()
    assert {pathlib.Path(warning.filename).name for warning in caught} == {pathlib.Path(__file__).name}


def test_what_is_said_once_is_said_once_for_each_message():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        for message in ('a', 'b', 'a', None):
            warn_caller(message, once=True)
    assert [str(warning.message) for warning in caught] == ['a', 'b']


def test_default_weights_that_are_not_published_are_told_of_once_however_they_are_used(only_ours):
    frames = np.zeros((3, 299, 299, 3), np.uint8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        for call in (lambda: walk_vector(frames, crop='none'), lambda: GaitVectors(crop='none').transform([frames]),
                     lambda: GaitVectors(crop='none').transform([frames])):
            with pytest.raises(RuntimeError, match='opened'):
                call()
    said = [warning for warning in caught if 'synthetic walkers' in str(warning.message)]
    assert [warning.filename for warning in said] == [__file__]


def test_comparing_fingerprints_warns_of_no_weights(only_ours, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with Gallery.open(tmp_path / 'people.gallery', create=True) as gallery:
            gallery.enrol('anna', np.ones(512))
        gallery = Gallery.load(tmp_path / 'people.gallery')
        gallery.identify(np.ones(512))


def test_named_weights_are_not_warned_about(only_ours):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        warn_of_defaults(SHIPPED / 'walkers-pose.npz')
        warn_of_defaults(gait=SHIPPED / 'walkers-GRU-1.npz')
