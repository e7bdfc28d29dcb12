"""Answers as pages to look at: one HTML file each, which needs no network and runs no script.

- `pages` writes them, by the templates beside it, a section at a time;
- `walks` says what is shown of a walk, `evaluations` of an evaluation;
- `pictures` makes their pictures, `charts` their charts.

Jinja2 is imported by `pages` alone, when a page is written. What an answer is, is not decided here.
"""
