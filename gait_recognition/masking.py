"""What is not for every eye or terminal: passwords in addresses, control characters and lines' ends in names."""
import re

ADDRESS = re.compile(r'\b(?:rtsps?|https?|rtmps?|postgres(?:ql)?)://[^\s\'"<>]+', re.IGNORECASE)
PASSWORD = re.compile(r'^(\w+://[^/?#@]*?:)[^/?#]*@')                       # up to the last @ before the path
SECRETS = re.compile(r'((?:pass(?:word|wd)?|pwd|secret|token|auth|key)=)[^&#;\s]*', re.IGNORECASE)         # in queries
MASK = '***'
LINE_END = re.compile('\\s*[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\\s*')            # whatever anybody takes for one
# Also what turns text around.
CONTROLS = re.compile('[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]')


def without_secrets(text):
    """The text, its addresses without passwords: rtsp://user:***@camera/hall?token=***."""
    return ADDRESS.sub(lambda found: SECRETS.sub(rf'\1{MASK}', PASSWORD.sub(rf'\1{MASK}@', found[0])), text)


def without_controls(text):
    """The text, characters that a terminal would obey as JSON escapes them (names of files hold any): \\u001b."""
    return CONTROLS.sub(lambda found: f'\\u{ord(found[0]):04x}', text)


def in_one_line(text):
    """The text without line ends: a name that holds one would begin another answer."""
    return LINE_END.sub(' ', text)
