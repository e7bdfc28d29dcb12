"""What the rows of a gallery may hold, whatever its seals say: who can write the file can write seals, too."""
import re

from gait_recognition.belief import EVIDENCE, HALF, Belief
from gait_recognition.calibration import COSINE, PROBABILITY
from gait_recognition.parameters import (
    FRAME_RATE,
    NUMBER,
    SHARE,
    TEXT,
    Constraint,
    check,
    check_text,
    integer_from,
    one_of,
    optional,
)
from gait_recognition.scorers import METHODS


def _in_digits(says, pattern):
    return Constraint(says, lambda value: isinstance(value, str) and re.fullmatch(pattern, value))


def _is_belief(value):
    """Whether this is a `belief.Belief` as a dict: each kind once, nothing that counts against a name, no overflow."""
    if not isinstance(value, dict) or {*value} != {*Belief._fields}:
        return False
    kinds, rows, trials = value['kinds'], value['drawn'], [value[name] for name in ('right', 'wrong', 'strangers')]
    if not (isinstance(kinds, list) and isinstance(rows, list) and rows and all(map(_are_numbers, trials))):
        return False
    return (all(isinstance(kind, str) and kind in EVIDENCE for kind in kinds) and len({*kinds}) == len(kinds)
            and all(_are_numbers(row) and len(row) == len(kinds) + 1 and min([0, *row[1:]]) == 0
                    and max(map(abs, row)) <= HEAVIEST for row in (value['weights'], *rows))
            and all(part == sorted(part) for part in trials) and len(trials[2]) > 0
            and all(ID.holds(value[name]) and value[name] for name in ('known_people', 'stranger_people')))


def _are_numbers(values):
    return isinstance(values, list) and all(map(NUMBER.holds, values))


HEAVIEST = 1e30                          # a weight: evidence of no spread is scaled by 1e9
WHOLE = _in_digits('a whole number in digits, 1 or more, of at most 18', '[1-9][0-9]{0,17}')
RATE = Constraint(f'{FRAME_RATE.says} in digits, or None', lambda value: isinstance(value, str) and (
    value == 'None' or re.fullmatch(r'[0-9]{1,20}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?', value) is not None
    and FRAME_RATE.holds(float(value))))
SETTINGS = {'fingerprint': TEXT, 'version': WHOLE, 'width': WHOLE, 'every': WHOLE, 'crop': TEXT, 'rate': RATE,
            'private': TEXT, 'converted_from': TEXT, 'converted_digest': TEXT}
ID = integer_from(0)
SIMILARITY = Constraint('a similarity, -1 to 1', lambda value: NUMBER.holds(value) and abs(value) < 1.001)
POINT = {'threshold': SIMILARITY, 'wanted_false_accept_rate': SHARE, 'false_accept_rate': SHARE,
         'false_reject_rate': optional(SHARE), 'impostor_trials': integer_from(0), 'genuine_trials': integer_from(0),
         'method': one_of(METHODS)}
TWO_SHARES = Constraint('two shares', lambda value: isinstance(value, list | tuple) and len(value) == 2 and
                        all(map(SHARE.holds, value)))
NEWER = {'threshold_on': one_of((COSINE, PROBABILITY)), 'people': optional(integer_from(0)),
         'false_accept_interval': optional(TWO_SHARES),
         'belief': optional(Constraint('weights of evidence', _is_belief))}
OPTIONAL_TEXT = optional(Constraint('text', lambda value: isinstance(value, str)))
WALK = {'id': ID, 'person': ID, 'label': TEXT, 'contents': OPTIONAL_TEXT, 'path': OPTIONAL_TEXT,
        'vector': Constraint('bytes', lambda value: isinstance(value, (bytes, memoryview))),
        'quality': optional(NUMBER), 'track': OPTIONAL_TEXT}
AUDIT = {'id': ID, 'at': TEXT, 'action': TEXT, 'person': OPTIONAL_TEXT, 'detail': OPTIONAL_TEXT}
# Of these columns the type is all there is to look at; those beside them and `NUMBERS` have few values.
BY_TYPE = {'vector': {bytes, memoryview}, **dict.fromkeys(('contents', 'path', 'track'), {str, type(None)})}
NUMBERS = 'id', 'person'


def check_once(what, values):
    """Refuse what is there twice: a table may have lost its keys."""
    values = values if isinstance(values, list) else [*values]
    if len({*values}) < len(values):
        raise ValueError(f'{what} is there twice')


def check_setting(key, value):
    """Refuse to keep a setting that would be refused when it is read."""
    check({key: SETTINGS[key]}, {key: value})


def check_settings(settings):
    """Refuse settings, a dict, that no gallery has."""
    if 'fingerprint' not in settings:
        raise ValueError('it does not say of which weights its vectors are')
    check(SETTINGS, settings)


def check_point(task, value):
    """Refuse what was kept of a calibration where it is none."""
    if task not in ('identify', 'verify') or not isinstance(value, dict) or not POINT.keys() <= value.keys():
        raise ValueError(f'bad calibration {task!r}: {str(value)[:200]}')
    check(POINT | NEWER, value)
    if value.get('threshold_on') == PROBABILITY and (task == 'verify' or value.get('belief') is None):
        raise ValueError(f'calibration {task!r} is on a probability and does not say how that is told')
    if value.get('threshold_on') == PROBABILITY and value['threshold'] < HALF:
        raise ValueError(f'calibration {task!r} is on a probability of {value["threshold"]}, below one half')


def is_of_use(point):
    """Whether a calibration decides; those of before that thinned out all trials of enrolled people have to be redone.

    Of few second walks among thousands of strangers none was kept: nothing then says how often a name is right.
    """
    belief = point.get('belief')
    return belief is None or bool(belief['right'] or belief['wrong'])


def check_seal(value):
    """Refuse what does not say of which walks a calibration is."""
    if not isinstance(value, list) or len(value) != 2 or not all(map(ID.holds, value)):
        raise ValueError(f'bad seal of a calibration: {str(value)[:200]}')


def check_people(rows):
    """Refuse people, (id, name, added), who have no name."""
    for number, name, *_ in rows:
        if type(number) is not int or number < 0:           # says why; ten thousand are soon looked at
            check({'id': ID}, {'id': number})
        check_text('name', name)
    check_once('the id of a person', (number for number, *_ in rows))
    check_once('the name of a person', (name for _, name, *_ in rows))


def check_audit(lines):
    """Refuse audit lines, dicts, whose columns are of another type."""
    for line in lines:
        check(AUDIT, line)


def check_walks(columns):
    """Refuse walks, by column, whose values are of another type, and those that are there twice."""
    for name, values in columns.items():
        types = {*map(type, values)}
        if types <= BY_TYPE.get(name, set()) or name in NUMBERS and types == {int} and min(values) >= 0:
            continue
        for value in {*values}:
            check(WALK, {name: value})
    check_once('the id of a walk', columns['id'])
    code = {label: i for i, label in enumerate(dict.fromkeys(columns['label']))}        # numbers: less work than pairs
    check_once("a walk's label", [person * len(code) + code[label]
                                  for person, label in zip(columns['person'], columns['label'])])
