"""Reports: one page that shows every answer, escapes every name, and appears whole or not at all."""
import base64
import html.parser
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from quick_command import PoseStandIn, refused
from report_pages import EVIL, gallery_of_vectors, seen_walk

from gait_recognition.drawing import shortened
from gait_recognition.evaluation.manifests import Protocol, Walk
from gait_recognition.evaluation.results import evaluate
from gait_recognition.frames import read_frames
from gait_recognition.kinds import REPORT, kind_of
from gait_recognition.reports.charts import MARKS, candidates_chart, evaluation_charts
from gait_recognition.reports.evaluations import Shown, section_of_shown, walks_to_show
from gait_recognition.reports.pages import Report
from gait_recognition.reports.pictures import STRIP, Strip, frames_at
from gait_recognition.reports.walks import Verdict, candidates_of, problem_section, scene_of, section_of, verdict_of
from gait_recognition.vectors import Outcome
from gait_recognition.walkers.files import write_crossing

pytestmark = pytest.mark.skipif(importlib.util.find_spec('jinja2') is None,
                                reason='Jinja2, which reports take, is not installed')
VOID = {'meta', 'link', 'img', 'br', 'path', 'use'}


class Page(html.parser.HTMLParser):
    """A page read: every tag with its attributes, and the text of what stands in each element."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.words, self._open = [], [], []
        self.feed(Path(path).read_text('utf-8'))
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open.append(tag)

    def handle_data(self, data):
        if 'style' not in self._open[-1:]:
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r'\s+', ' ', ' '.join(self.words))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def assert_self_contained(page):
    """Nothing is fetched, nothing runs, every picture says what it shows, every id comes once."""
    assert not page.all('script') and not [name for _, attributes in page.tags for name in attributes
                                           if name.startswith('on')]
    for _, attributes in page.tags:
        for name in ('src', 'href', 'xlink:href', 'data', 'action'):
            assert attributes.get(name, '#').startswith(('#', 'data:')), attributes
    assert all(each['alt'] for each in page.all('img'))
    assert all(each['aria-label'] for _, each in page.tags if each.get('role') in ('img', 'region'))
    ids = [attributes['id'] for _, attributes in page.tags if 'id' in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes['href'][1:] for attributes in page.all('a')} <= set(ids)


# Commands ------------------------------------------------------------------------------------------------------------

def test_identify_reports_every_walk_with_pictures_candidates_and_the_reason_where_one_could_not_be_read(
        gallery, weights, walks, run, tmp_path):
    (tmp_path / 'broken.mp4').write_bytes(b'no video')
    status, out, err = run('identify', gallery, walks('anna', 4), tmp_path / 'broken.mp4', walks('ben', 4), *weights,
                           '--report', tmp_path / 'who.html')
    assert status == 2 and 'anna' in out and f'wrote {tmp_path / "who.html"}' in err
    page = Page(tmp_path / 'who.html')
    assert_self_contained(page)
    assert len(page.all('img')) == 2 * STRIP and len([1 for _, each in page.tags if each.get('class') == 'chart']) == 4
    for said in ('known anna', 'known ben', 'broken.mp4 cannot be read', 'cosine similarity', 'SVM score',
                 'of 9 wrong ones were accepted', 'fingerprint', 'mine-pose.npz', 'gait-recognition 2', 'crop auto',
                 'Is the recording fit?', 'Not measured: '):
        assert said in page.text, said
    assert kind_of(tmp_path / 'who.html') == REPORT


def test_verify_reports_its_one_answer_above_both_walks(gallery, weights, walks, run, tmp_path):
    run('gallery', 'calibrate', gallery, '--false-accept-rate', '0.2')
    status, _, _ = run('verify', gallery, walks('anna', 4), walks('anna', 5), *weights, '--report',
                       tmp_path / 'two.html')
    page = Page(tmp_path / 'two.html')
    assert_self_contained(page)
    assert status == 0 and page.text.index('same') < page.text.index('the same person above') < page.text.index('1.')
    assert len(page.all('img')) == 2 * STRIP


def test_walks_asked_together_have_one_answer(gallery, weights, walks, run, tmp_path):
    run('identify', gallery, walks('anna', 4), walks('anna', 5), '--together', *weights, '--report',
        tmp_path / 'a.html')
    page = Page(tmp_path / 'a.html')
    assert_self_contained(page)
    assert page.text.count('The answer') == 1 and page.text.count('known anna') == 1
    assert len(page.all('img')) == 2 * STRIP


def test_check_reports_the_word_and_what_is_known_of_each_recording(weights, opened, walks, run, tmp_path):
    status, out, _ = run('check', walks('anna', 1), '/nowhere.mp4', *weights[:2], '--report', tmp_path / 'fit.html')
    page = Page(tmp_path / 'fit.html')
    assert_self_contained(page)
    word = re.search(r': (good|usable|poor)', out)[1]
    assert status == 2 and page.text.count(f' {word} ') >= 2 and '/nowhere.mp4' in page.text
    assert 'not read' in page.text and 'nobody else seen' in page.text or 'not looked for' in page.text


def test_gait_reports_what_is_measured_and_why_another_walk_could_not_be(weights, opened, walks, run, tmp_path,
                                                                         monkeypatch):
    frames, walk = seen_walk()
    measured = iter([(walk.found, walk.track)])
    monkeypatch.setattr('gait_recognition.commands.gait.joints_of_walk', lambda *_: next(measured))
    monkeypatch.setattr('gait_recognition.commands.gait.fitness_of', lambda *_: walk.fitness)
    monkeypatch.setattr('gait_recognition.commands.reporting.scene_of', lambda *_: None)
    monkeypatch.setattr('gait_recognition.commands.gait.looks_for', lambda _: walk.strip)
    status, _, _ = run('gait', walks('anna', 1), '/nowhere.mp4', *weights[:2], '--report', tmp_path / 'gait.html')
    page = Page(tmp_path / 'gait.html')
    assert_self_contained(page)
    assert status == 2 and re.search(r'cadence 1?\d\d\.\d steps/min', page.text) and '/nowhere.mp4' in page.text


def test_identify_everyone_reports_each_track_in_its_scene(tmp_path, weights, opened, run):
    boxes = write_crossing(tmp_path / 'scene', [500000, 500001], 2, frames=12, width=320, height=180)
    path = tmp_path / 'people.gallery'
    own = tmp_path / 'scene', '--boxes', boxes, *weights
    assert run('enrol', path, '--name', 'anna', '--track', 1, *own)[0] == 0
    _, out, _ = run('identify', path, '--everyone', *own, '--json', '--report', tmp_path / 'scene.html')
    tracks = json.loads(out)[0]['tracks']
    page = Page(tmp_path / 'scene.html')
    assert_self_contained(page)
    with_vector = [track for track in tracks if track['problem'] is None]
    assert len(tracks) == 2 and with_vector
    for track in tracks:
        assert f'track {track["track"]}, {track["start"]:.2f} to {track["end"]:.2f} s' in page.text
        assert track['problem'] is None or track['problem'] in page.text
    scenes = [each for each in page.all('img') if 'the scene at frame' in each['alt']]
    assert len(scenes) == len(with_vector)


def test_evaluate_reports_tables_curves_wrong_probes_and_what_could_not_be_read(manifest, weights, opened, run,
                                                                                tmp_path):
    broken = tmp_path / 'broken.mp4'
    broken.write_bytes(b'no video')
    with open(manifest, 'a') as file:
        file.write(f'anna,N4,1,{broken}\n')
    status, out, _ = run('evaluate', manifest, '--gallery', 'N1-N2', '--probes', 'N3-N4', *weights, '--no-cache',
                         '--report', tmp_path / 'good.html')
    page = Page(tmp_path / 'good.html')
    assert_self_contained(page)
    assert status == 2
    for line in out.split('\n\n')[1].splitlines():
        for cell in re.split(r'\s{2,}', line.strip()):
            assert cell in page.text
    assert len([1 for _, each in page.tags if each.get('class') == 'chart']) == 4
    assert str(broken) in page.text and 'cannot be read' in page.text and 'Wrong walks' in page.text


def test_evaluate_shows_pictures_of_every_walk_of_a_small_one_and_leads_there(manifest, weights, opened, run, tmp_path):
    with open(manifest) as file:                            # carla's walks are ben's, and the other way round
        text = file.read().replace('ben,N3', 'x').replace('carla,N3', 'ben,N3').replace('x', 'carla,N3')
    Path(manifest).write_text(text)
    _, out, _ = run('evaluate', manifest, '--gallery', 'N1-N2', '--probes', 'N3', *weights, '--no-cache', '--json',
                    '--report', tmp_path / 'good.html')
    page = Page(tmp_path / 'good.html')
    assert_self_contained(page)
    assert len(page.all('img')) == 9 * STRIP and 'Pictures of 9 of 9 walks' in page.text
    wrong = [path for each in json.loads(out)['results'][0]['mistakes'] for path in each['walks']]
    links = [each['href'] for each in page.all('a')]
    assert len(wrong) == 2 and sorted(links[:3]) == ['#answers', '#walk-1', '#walk-2']
    headings = re.findall(r'(\d)\. (\S+) .{0,3}(wrong|right|learnt) (?:taken for )?(\w+)', page.text)
    assert [each[2] for each in headings] == ['wrong'] * 2 + ['right'] + ['learnt'] * 6
    assert {each[1] for each in headings[:2]} == {*wrong} and headings[-1][3] == 'anna'     # no mistake is hers


def test_evaluate_shows_so_many_walks_and_says_how_many_more_there_are_and_which_could_not_be_read_again(
        manifest, weights, opened, run, walks, tmp_path, monkeypatch):
    def section_of(each, *rest):
        if each.path == walks('ben', 3):
            raise OSError(f'{each.path}: gone')
        return section_of_shown(each, *rest)
    monkeypatch.setattr('gait_recognition.commands.evaluate.SHOWN', 4)
    monkeypatch.setattr('gait_recognition.commands.evaluate.section_of_shown', section_of)
    assert run('evaluate', manifest, '--gallery', 'N1-N2', '--probes', 'N3', *weights, '--no-cache', '--report',
               tmp_path / 'good.html')[0] == 0
    page = Page(tmp_path / 'good.html')
    assert_self_contained(page)
    assert 'Pictures of 4 of 9 walks' in page.text and '5 are not shown' in page.text
    assert len(page.all('img')) == 3 * STRIP and f'{walks("ben", 3)}: gone' in page.text


def test_wrong_names_are_shown_first_and_right_ones_by_how_unsure_they_are():
    walks = [Walk(person, f'N{number}', '1', f'{person}-{number}') for person in ('anna', 'ben', 'carla', 'dan')
             for number in (1, 2, 3)]
    vectors = 0.1 * np.random.default_rng(0).normal(size=(12, 16))
    vectors[np.arange(12), np.arange(12) // 3] += 1
    vectors[2, :2] = 0.6, 0.4                               # anna's is hers, not surely; carla's is ben's
    vectors[8, 1:3] = 1, 0
    read, unread = [each for each in walks if each.path not in ('dan-1', 'dan-2', 'anna-2')], \
        [each for each in walks if each.path in ('dan-1', 'dan-2', 'anna-2')]
    result = evaluate(vectors[[walks.index(each) for each in read]], read, Protocol('p', 'N1-N2', 'N3'), unread=unread)
    outcomes = [(each, Outcome(None, [], 'gone' if each in unread else None, None)) for each in walks]
    shown = walks_to_show(result, outcomes)
    assert [each.path for each in shown] == ['carla-3', 'dan-3', 'anna-3', 'ben-3', 'ben-1', 'ben-2', 'carla-1',
                                             'carla-2', 'anna-1']
    assert [each.verdict.word for each in shown[:3]] == ['wrong', 'not tried', 'right']
    assert shown[0].verdict.name == 'taken for ben' and 'at place 2' in shown[0].verdict.line


def test_only_the_crops_that_are_shown_go_through_the_network():
    class Counting(PoseStandIn):
        asked = 0

        def joint_positions(self, crops, batch_size=16):
            self.asked += len(crops)
            return super().joint_positions(crops)
    frames, walk = seen_walk()
    net, shown = Counting(), Shown(EVIL, Verdict('wrong', f'taken for {EVIL}', EVIL), {'word': 'good', 'reasons': []})
    section = section_of_shown(shown, frames, 'background', net)
    assert net.asked == STRIP == len(section['strip']) and section['scene'].width > 900
    times = [float(each.caption.split()[0]) for each in section['strip']]
    assert times == sorted(times) and times[-1] - times[0] > 0.6 * (walk.found[-1].time - walk.found[0].time)


def test_a_report_needs_every_walk_done_anew_and_leaves_kept_answers_as_they_are(gallery, weights, opened, walks, run,
                                                                                 tmp_path):
    command = 'identify', gallery, walks('anna', 4), *weights, '--answers', tmp_path / 'kept.jsonl'
    run(*command)
    before = len(opened)
    _, out, _ = run(*command, '--report', tmp_path / 'who.html')
    assert len(opened) == before + 1 and len(Page(tmp_path / 'who.html').all('img')) == STRIP
    assert run(*command)[1] == out and len(opened) == before + 1


@pytest.mark.parametrize('target, said', [
    ('answer.pdf', 'a report is written as .html or .htm'), ('notes.html', "holds a text that begins '<p>mine"),
    ('nowhere/a.html', 'no such folder'), ('GALLERY', 'a report is written as'),
    ('linked.html', 'is what is to be read')])
def test_a_report_takes_the_place_of_a_report_alone(target, said, gallery, weights, opened, walks, run, tmp_path):
    (tmp_path / 'notes.html').write_text('<p>mine')
    os.link(gallery, tmp_path / 'linked.html')
    opened.clear()
    target = gallery if target == 'GALLERY' else tmp_path / target
    assert said in refused(run('identify', gallery, walks('anna', 4), *weights, '--report', target))
    assert not opened and (tmp_path / 'notes.html').read_text() == '<p>mine'


@pytest.mark.parametrize('command', ['identify', 'verify', 'check', 'evaluate'])
def test_without_jinja2_a_report_is_refused_before_anything_is_computed(command, gallery, weights, opened, manifest,
                                                                         walks, run, tmp_path, monkeypatch):
    monkeypatch.setattr('importlib.util.find_spec', lambda name, *_: None)
    opened.clear()
    given = {'identify': (gallery, walks('anna', 1)), 'verify': (gallery, walks('anna', 1), walks('ben', 1)),
             'check': (walks('anna', 1),), 'evaluate': (manifest, '--gallery', 'N1-N2', '--probes', 'N3')}[command]
    options = weights[:2] if command == 'check' else weights
    assert 'pip install "gait-recognition[report]"' in refused(run(command, *given, *options, '--report',
                                                                   tmp_path / 'a.html'))
    assert not opened and not (tmp_path / 'a.html').exists()


def test_an_interrupted_command_leaves_the_report_of_before(gallery, weights, walks, run, tmp_path, monkeypatch):
    path = tmp_path / 'who.html'
    command = 'identify', gallery, walks('anna', 4), *weights, '--report', path
    run(*command)
    before = path.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr('gait_recognition.commands.recognise.verdict_of', interrupt)
    assert run(*command)[0] == 130 and path.read_bytes() == before
    assert [each for each in os.listdir(tmp_path) if each.startswith('who.html')] == ['who.html']


# Names, pictures, charts ---------------------------------------------------------------------------------------------

@pytest.fixture(scope='module')
def seen():
    return seen_walk()


def written(path, *sections, **answer):
    with Report(path, 'Who walks here?') as report:
        for section in sections:
            report.add(section)
        report.write({'gallery': EVIL}, **answer)
    return Page(path)


def test_names_and_paths_are_text_whatever_they_hold(tmp_path, seen):
    frames, walk = seen
    gallery, vector = gallery_of_vectors([EVIL, '$\\frac{', '</svg><img src=x onerror=alert(1)>', 'a\x07\u202eb'])
    answer = gallery.identify(vector)
    page = written(tmp_path / 'a.html', section_of(walk._replace(name=EVIL), None, verdict_of(answer),
                                                   candidates_of(gallery, vector, answer)),
                   problem_section('not text \udcff.mp4', EVIL), lead=[EVIL])
    assert_self_contained(page)
    assert page.text.count(EVIL) >= 6 and '$\\frac{' in page.text and 'not text \\udcff.mp4' in page.text


def test_a_walk_is_shown_with_its_angles_cadence_steps_and_way_through_the_scene(tmp_path, seen):
    frames, walk = seen
    page = written(tmp_path / 'a.html', section_of(walk, scene_of(frames, walk)))
    assert_self_contained(page)
    assert re.search(r'cadence 1?\d\d\.\d steps/min', page.text) and re.search(r'steps \d', page.text)
    labels = [each['aria-label'] for _, each in page.tags if each.get('role') == 'img']
    for joint in ('hip', 'knee', 'ankle'):
        assert any(re.match(rf'{joint} over the gait cycle: .*\d degrees at \d+ %', label) for label in labels)
    assert 'no medical device' in page.text and len(page.all('img')) == STRIP + 1
    assert os.path.getsize(tmp_path / 'a.html') < 300_000


def test_the_yellow_line_leads_along_the_walkers_feet(seen):
    frames, walk = seen
    picture = scene_of(frames, walk)
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.uri.split(',')[1]))).convert('RGB'), int)
    yellow = (image[..., 0] > 200) & (image[..., 1] > 160) & (image[..., 2] < 110)
    rows, columns = np.nonzero(yellow)
    scale = picture.width / frames.peek()[0].shape[1]
    top, left, side = np.array(walk.track.boxes).T
    feet = (top + side * 0.85) * scale
    assert abs(np.median(rows[rows > 0.7 * picture.height]) - np.median(feet)) < 0.05 * picture.height
    assert columns.min() < scale * (left + side / 2).min() + 40 and columns.max() > scale * (left + side / 2).max() - 40


def test_a_strip_is_spread_over_the_walk_and_keeps_few_crops_however_long_it_is():
    strip = Strip()
    for first in range(0, 1000, 16):
        strip.add([np.full((299, 299, 3), i % 251, np.uint8) for i in range(first, min(first + 16, 1000))])
        assert len(strip._crops) <= 2 * STRIP
    places = [place for place, _ in strip.crops()]
    assert len(places) == STRIP and places[0] == 0 and places[-1] > 850
    assert max(np.diff(places)) <= 2 * min(np.diff(places))
    assert all((crop == place % 251).all() for place, crop in strip.crops())


def test_of_a_short_walk_every_crop_is_shown():
    strip = Strip()
    strip.add([np.zeros((299, 299, 3), np.uint8)] * 5)
    assert [place for place, _ in strip.crops()] == [0, 1, 2, 3, 4] and Strip().crops() == []


def test_memory_does_not_grow_with_the_number_of_walks(tmp_path, seen):
    section = section_of(seen[1])
    with Report(tmp_path / 'a.html', 'Who?') as report:
        report.add(section)
        tracemalloc.start()
        for _ in range(60):
            report.add(section)
        report.write({})
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    size = os.path.getsize(tmp_path / 'a.html')
    assert size > 60 * 60_000 and most < size / 4


def test_no_more_of_a_recording_is_read_than_to_the_last_picture():
    read = []

    def frames():
        for i in range(50):
            read.append(i)
            yield np.full((20, 20, 3), i, np.uint8)
    found = dict(frames_at(read_frames(frames()), [3, 7]))
    assert {number: int(frame[0, 0, 0]) for number, frame in found.items()} == {3: 3, 7: 7} and len(read) < 12


def test_every_candidate_is_in_the_chart_with_or_without_a_name():
    names = [f'person {i}' for i in range(40)]
    gallery, vector = gallery_of_vectors(names)
    answer = gallery.identify(vector)
    similarities = gallery.similarities(vector)
    chart = candidates_chart(answer, similarities, gallery.spreads()[0])
    assert '32 more' in chart.svg and len({*re.findall(r'person \d+', chart.svg)}) == 8 and '40 candidates' in chart.alt
    assert f'{similarities[answer.ranking[0][0]]:.3f}' in chart.svg


def test_the_chart_of_a_large_gallery_stays_small():
    gallery, vector = gallery_of_vectors([f'person {i}' for i in range(MARKS + 20)], walks=1)
    chart = candidates_chart(gallery.identify(vector), gallery.similarities(vector), gallery.spreads()[0])
    assert len(chart.svg) < 60_000


def test_long_names_and_control_characters_do_not_break_a_chart():
    assert len(shortened('x' * 500)) <= 24 and shortened('anna') == 'anna'
    assert shortened('a\nb\u202ec') == 'a\ufffdb\ufffdc'


def test_the_curves_of_an_evaluation_take_any_name():
    rng = np.random.default_rng(0)
    walks = [Walk(person, f'N{i}', '1', f'{person}-{i}') for person in (EVIL, '$x', 'carla') for i in (1, 2, 3)]
    vectors = np.repeat(rng.normal(size=(3, 16)), 3, 0) + 0.1 * rng.normal(size=(9, 16))
    result = evaluate(vectors, walks, Protocol('p', 'N1-N2', 'N3'), name=EVIL)
    charts = evaluation_charts([result])
    assert len(charts) == 4 and not any('<script>' in chart.svg for chart in charts)


# What an answer is seen beside ---------------------------------------------------------------------------------------

def test_similarities_are_those_to_each_persons_nearest_walk():
    gallery, vector = gallery_of_vectors(['anna', 'ben', 'carla'])
    found = gallery.similarities(vector)
    unit = vector / np.linalg.norm(vector)
    vectors = gallery._held.vectors / np.linalg.norm(gallery._held.vectors, axis=1, keepdims=True)
    for name in ('anna', 'ben', 'carla'):
        own = [i for i, each in enumerate(gallery._held.names) if each == name]
        assert found[name] == pytest.approx(float((vectors[own] @ unit).max()), abs=1e-6)


def test_spreads_count_every_walk_and_pair_once_by_hand():
    gallery, _ = gallery_of_vectors(['anna', 'ben', 'carla'])
    held = gallery._held
    vectors = held.vectors / np.linalg.norm(held.vectors, axis=1, keepdims=True)
    names, similarity = np.array(held.names), vectors @ vectors.T
    people, pairs = gallery.spreads('identify')[0], gallery.spreads('verify')[0]
    genuine = [max(similarity[i, j] for j in range(len(names)) if j != i and names[j] == names[i])
               for i in range(len(names))]
    impostor = [max(similarity[i, names == other]) for i in range(len(names)) for other in {*names} - {names[i]}]
    a, b = np.triu_indices(len(names), 1)
    for spread, right, wrong in ((people, genuine, impostor), (pairs, similarity[a, b][names[a] == names[b]],
                                                               similarity[a, b][names[a] != names[b]])):
        assert spread.genuine.tolist() == np.histogram(right, spread.edges)[0].tolist()
        assert spread.impostor.tolist() == np.histogram(wrong, spread.edges)[0].tolist()


def test_a_calibrated_gallery_tells_how_probabilities_of_right_names_and_strangers_are_spread():
    gallery, _ = gallery_of_vectors([f'person {i}' for i in range(12)])
    assert [spread.what for spread in gallery.spreads()] == ['cosine similarity']
    gallery.calibrate(0.1)
    _, spread = gallery.spreads()
    middles = (spread.edges[:-1] + spread.edges[1:]) / 2
    assert spread.what == 'probability' and spread.genuine.sum() and spread.impostor.sum()
    assert np.average(middles, weights=spread.genuine) > np.average(middles, weights=spread.impostor)
    with pytest.raises(ValueError, match='task'):
        gallery.spreads('name')


def test_help_and_importing_need_no_jinja2():
    code = ('import sys; sys.modules["jinja2"] = None\n'
            'import gait_recognition.reports.pages, gait_recognition.reports.walks, gait_recognition.cli as cli\n'
            'try: cli.main(["identify", "--help"])\nexcept SystemExit as end: sys.exit(end.code)')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          cwd=Path(__file__).resolve().parent.parent)
    assert done.returncode == 0 and '--report' in done.stdout
