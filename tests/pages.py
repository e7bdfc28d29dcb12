"""The project's pages, and what stands in their fenced blocks: commands and code that tests run or understand."""
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted((ROOT / 'docs').glob('*.md'))
PAGES = [ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md')] + DOCS
FENCE = re.compile(r'^```(\w*)\n(.*?)^```$', re.DOTALL | re.MULTILINE)


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page, language):
    """The contents of a page's fenced blocks of a language."""
    return [content for kind, content in FENCE.findall(page.read_text('utf-8')) if kind == language]


def commands(page, word=''):
    """Every command of a page's shell blocks (those with a word in them), as a list of its words."""
    lines = ''.join(block for block in blocks(page, 'sh') if word in block).replace('\\\n', ' ').splitlines()
    parts = [part for line in lines for part in ' '.join(_words(line)).split(' && ')]
    return [shlex.split(part) for part in parts if part]


def _words(line):
    """The words of a line of shell, quoted, without its comment."""
    return [shlex.quote(word) if word != '&&' else word for word in shlex.split(line, comments=True)]


def prose(page):
    """A page without its fenced blocks."""
    return FENCE.sub('', page.read_text('utf-8'))


def headings(page):
    """The anchors of a page's headings, as code hosts make them."""
    return {re.sub(r'[^\w\- ]', '', heading).strip().lower().replace(' ', '-')
            for heading in re.findall(r'^#+ (.*)$', prose(page), re.MULTILINE)}


def links(page):
    """What a page's links and pictures point to."""
    text = prose(page)
    return re.findall(r'\]\(([^)\s]+)\)', text.replace('\n', ' ')) + re.findall(r'<img src="([^"]+)"', text)
