"""The notebook in docs: it runs as it stands, and what is stored in it is what came."""
import json
import os
import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip('nbformat', reason='nbformat, which runs notebooks, is not installed')
nbclient = pytest.importorskip('nbclient', reason='nbclient, which runs notebooks, is not installed')
pytest.importorskip('ipykernel', reason='ipykernel, which runs notebooks, is not installed')
ROOT = Path(__file__).resolve().parent.parent
PATH = ROOT / 'docs' / 'walk_to_name.ipynb'


def outputs(notebook):
    """(texts, kinds of pictures) of what its cells gave."""
    given = [output for cell in notebook.cells if cell.cell_type == 'code' for output in cell.outputs]
    texts = [output.text for output in given if output.output_type == 'stream' and output.name == 'stdout']
    return texts, [kind for output in given for kind in output.get('data', {}) if kind.startswith('image/')]


def head(text):
    """The first line without its numbers, which differ a little from processor to processor."""
    return re.sub(r'-?\d+(\.\d+)?', '#', text.splitlines()[0])


def test_what_is_stored_is_small_has_its_pictures_and_names_no_place():
    stored = nbformat.read(PATH, 4)
    texts, pictures = outputs(stored)
    assert PATH.stat().st_size < 1_000_000
    assert pictures.count('image/jpeg') == 3 and pictures.count('image/svg+xml') == 3
    assert all(cell.outputs for cell in stored.cells if cell.cell_type == 'code')
    assert 'known anna' in ''.join(texts)
    assert not re.search(r'/(root|home|work|Users)/', PATH.read_text('utf-8'))


def test_its_links_lead_somewhere():
    text = ''.join(''.join(cell['source']) for cell in json.loads(PATH.read_text('utf-8'))['cells']
                   if cell['cell_type'] == 'markdown')
    links = re.findall(r'\]\(([^)#]+)', text)
    assert links and all((PATH.parent / link).exists() for link in links)


@pytest.mark.slow
def test_it_runs_and_gives_what_is_stored_in_it(tmp_path, monkeypatch):
    stored, notebook = nbformat.read(PATH, 4), nbformat.read(PATH, 4)
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]))
    monkeypatch.setenv('JUPYTER_PATH', str(tmp_path))
    nbclient.NotebookClient(notebook, timeout=1800, resources={'metadata': {'path': str(tmp_path)}}).execute()
    (texts, pictures), (stored_texts, stored_pictures) = outputs(notebook), outputs(stored)
    assert pictures == stored_pictures
    assert [*map(head, texts)] == [*map(head, stored_texts)]
