"""Passwords in addresses, masked in whatever is said or kept."""
import re

ADDRESS = re.compile(r'\b(?:rtsps?|https?|rtmps?|postgres(?:ql)?)://[^\s\'"<>]+', re.IGNORECASE)
PASSWORD = re.compile(r'^(\w+://[^/?#@]*?:)[^/?#]*@')                       # up to the last @ before the path
SECRETS = re.compile(r'((?:pass(?:word|wd)?|pwd|secret|token|auth|key)=)[^&#;\s]*', re.IGNORECASE)         # in queries
MASK = '***'


def without_secrets(text):
    """The text, its addresses without passwords: rtsp://user:***@camera/hall?token=***."""
    return ADDRESS.sub(lambda found: SECRETS.sub(rf'\1{MASK}', PASSWORD.sub(rf'\1{MASK}@', found[0])), text)
