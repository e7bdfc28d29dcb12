"""What parameters may be, declared once where they belong, and the error that names one that is not so."""
import sys
from typing import NamedTuple

import numpy as np


class Constraint(NamedTuple):
    """A rule, and how a message says it."""
    says: str
    holds: object           # takes a value, returns whether it is allowed


def _is_number(value):
    """Whether it is a finite number; whole ones of Python may be beyond what a float can be."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) and \
        -sys.float_info.max <= value <= sys.float_info.max


def integer_from(least, says=None):
    """An integer of at least `least`."""
    return Constraint(says or f'an integer of at least {least}', lambda value: isinstance(value, (int, np.integer)) and
                      not isinstance(value, bool) and value >= least)


POSITIVE_INTEGER = integer_from(1, 'a positive integer')
NUMBER = Constraint('a finite number', _is_number)
TEXT = Constraint('text that is not empty', lambda value: isinstance(value, str) and value != '')
FLAG = Constraint('True or False', lambda value: isinstance(value, (bool, np.bool_)))
SHARE = Constraint('a share, 0 to 1', lambda value: _is_number(value) and 0 <= value <= 1)
IN_SECONDS = Constraint('seconds, 0 or more', lambda value: _is_number(value) and value >= 0)
FRAME_RATE = Constraint('a positive number of frames a second',
                  lambda value: _is_number(value) and value > 0)
QUARTER_TURN = Constraint('degrees, -90 to 90', lambda value: _is_number(value) and -90 <= value <= 90)


def one_of(values):
    return Constraint(f'one of {tuple(values)}', lambda value: isinstance(value, str) and value in values)


def optional(constraint):
    return Constraint(f'{constraint.says}, or None', lambda value: value is None or constraint.holds(value))


def check(constraints, parameters):
    """Raise ValueError, which names it, for the first parameter that breaks its rule.

    Parameters
    ----------
    constraints : dict of str to Constraint
    parameters : dict of str
        Those without a constraint are not looked at.
    """
    for name, constraint in constraints.items():
        if name in parameters and not constraint.holds(parameters[name]):
            raise ValueError(f'{name}: expected {constraint.says}, got {parameters[name]!r}')


def check_text(argument, text):
    """Refuse what cannot be a person's name or a walk's label; `argument` says in the message what it is."""
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f'{argument}: expected text that is not blank, got {text!r}')
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f'{argument}: {text!r} is not valid Unicode and cannot be written to a file') from None
