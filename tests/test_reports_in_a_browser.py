"""Reports in a real browser: Chromium without a window, led by Playwright; skipped where either is not installed."""
import shutil

import numpy as np
import pytest
from quick_command import PoseStandIn
from report_pages import EVIL, gallery_of_vectors, seen_walk

from gait_recognition.evaluation.manifests import Protocol, Walk
from gait_recognition.evaluation.results import compare, evaluate
from gait_recognition.reports.evaluations import figures_of, section_of_shown, walks_to_show
from gait_recognition.reports.pages import Report
from gait_recognition.reports.walks import candidates_of, problem_section, scene_of, section_of, verdict_of
from gait_recognition.vectors import Outcome

playwright = pytest.importorskip('playwright.sync_api', reason='Playwright, which leads the browser, is not installed')
pytest.importorskip('jinja2', reason='Jinja2, which reports take, is not installed')
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(CHROMIUM is None, reason='Chromium is not installed (the package chromium)')]
LONG = '/recordings/' + 'a-very-long-folder/' * 6 + 'x' * 90 + '.mp4'


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    """A report of a walk named by a script, of one with a long path, and of one that could not be read."""
    path = tmp_path_factory.mktemp('report') / 'who.html'
    frames, walk = seen_walk()
    gallery, vector = gallery_of_vectors([EVIL, 'x' * 200, *(f'person {i}' for i in range(10))])
    gallery.calibrate(0.1)
    answer = gallery.identify(vector)
    with Report(path, 'Who walks here?') as report:
        for name in (EVIL, LONG):
            report.add(section_of(walk._replace(name=name), scene_of(frames, walk), verdict_of(answer),
                                  candidates_of(gallery, vector, answer)))
        report.add(problem_section(EVIL, f'{EVIL} cannot be read'))
        report.write({'gallery': LONG, 'fingerprint': 'a' * 64})
    return path


@pytest.fixture(scope='module')
def evaluation(tmp_path_factory):
    """A report of an evaluation with two wrong names, of people and paths with a script, two of whose walks are
    shown."""
    path = tmp_path_factory.mktemp('report') / 'good.html'
    people = EVIL, 'x' * 200, 'carla'
    walks = [Walk(person, f'N{number}', '1', f'{LONG}{EVIL}-{place}-{number}') for place, person in enumerate(people)
             for number in (1, 2, 3)]
    vectors = np.repeat(np.eye(3, 16), 3, 0) + 0.1 * np.random.default_rng(0).normal(size=(9, 16))
    vectors[[2, 5]] = vectors[[5, 2]]
    comparison = compare([evaluate(vectors, walks, Protocol(EVIL, 'N1-N2', 'N3'))])
    check = {'word': 'usable', 'reasons': [EVIL]}
    outcomes = [(walk, Outcome(None, [EVIL], None, check)) for walk in walks]
    shown = walks_to_show(comparison.results[0], outcomes)[:2]
    with Report(path, 'How well are people told apart?') as report:
        for each in shown:
            report.add(section_of_shown(each, seen_walk()[0], 'background', PoseStandIn()))
        report.write({'walks': LONG}, evaluation=figures_of(
            comparison, {}, [(walk.path, outcome) for walk, outcome in outcomes], shown, 7))
    return path


@pytest.fixture(scope='module')
def browser():
    with playwright.sync_playwright() as led:
        browser = led.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        yield browser
        browser.close()


@pytest.fixture
def shown(browser, path):
    """Opens the report, or another page, at a width: (page, what the console said, what was fetched)."""
    pages = []

    def shown(width=1200, path=path):
        page = browser.new_page(viewport={'width': width, 'height': 740})
        pages.append(page)
        said, fetched = [], []
        page.on('console', lambda message: said.append(message.text))
        page.on('pageerror', lambda error: said.append(str(error)))
        page.on('request', lambda request: fetched.append(request.url))
        page.goto(path.as_uri())
        return page, said, [url for url in fetched if not url.startswith('data:')]
    yield shown
    for page in pages:
        page.close()


def test_the_console_stays_empty_and_nothing_is_fetched(shown, path):
    _, said, fetched = shown()
    assert said == [] and fetched == [path.as_uri()]


def test_every_picture_is_decoded(shown):
    page, _, _ = shown()
    widths = page.evaluate('Promise.all([...document.images].map(async (image) => {'
                           ' await image.decode(); return image.naturalWidth }))')
    assert len(widths) == 2 * 9 and min(widths) > 200


def test_every_chart_takes_room_and_has_text(shown):
    page, _, _ = shown()
    charts = page.evaluate("[...document.querySelectorAll('svg.chart')].map((chart) => "
                           "[chart.getBoundingClientRect().height, chart.querySelectorAll('text').length])")
    assert len(charts) == 2 * 5 and all(height > 100 and texts > 3 for height, texts in charts)


def test_a_name_with_a_script_is_text(shown):
    page, _, _ = shown()
    assert page.title() == 'Who walks here?' and page.locator('script').count() == 0
    assert page.locator('h2', has_text='owned').count() == 2 and EVIL in page.locator('#walk-1-name').inner_text()
    assert page.locator('.candidates, table', has_text=EVIL).count() > 0


@pytest.mark.parametrize('width', [360, 768, 1200])
@pytest.mark.parametrize('what', ['path', 'evaluation'])
def test_nothing_is_wider_than_the_screen(shown, width, what, request):
    page, _, _ = shown(width, request.getfixturevalue(what))
    page.add_style_tag(content='.walk { content-visibility: visible !important }')
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    outside = page.evaluate("""[...document.querySelectorAll('body *:not(.skip):not(svg *)')].filter((each) =>
        !each.closest('.scroll, thead') && each.getBoundingClientRect().right > innerWidth + 1)
        .map((each) => each.outerHTML.slice(0, 200))""")
    assert outside == []


def test_the_keyboard_reaches_everything_that_does_something_and_enter_follows_it(shown):
    page, _, _ = shown()
    page.add_style_tag(content='.walk { content-visibility: visible !important }')
    wanted = page.evaluate("""[...document.querySelectorAll('a, summary, .scroll')]
        .filter((each) => each.checkVisibility()).map((each, i) => each.dataset.n = i).length""")
    reached, order = set(), []
    for _ in range(wanted + 3):
        page.keyboard.press('Tab')
        number = page.evaluate('document.activeElement.dataset.n')
        reached.add(number)
        order.append(number)
        assert number is None or page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != 'none' or \
            number == '0'
    assert {str(number) for number in range(wanted)} <= reached and order[0] == '0'
    page.locator('.answers a').nth(1).focus()
    page.keyboard.press('Enter')
    assert page.evaluate('location.hash') == '#walk-2'
    page.locator('#walk-2 summary').first.focus()
    page.keyboard.press('Enter')
    assert page.locator('#walk-2 details').first.get_attribute('open') is not None


def test_headings_landmarks_and_tables_tell_a_screen_reader_where_it_is(shown):
    page, _, _ = shown()
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((each) => +each.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:]))
    for landmark in ('banner', 'main', 'contentinfo', 'navigation'):
        assert page.get_by_role(landmark).count() == 1, landmark
    assert page.get_by_role('region', name='1. ').count() >= 1
    assert page.evaluate('document.documentElement.lang') == 'en'
    assert page.evaluate("[...document.querySelectorAll('table')].every((each) => each.querySelector('th[scope]'))")
    assert page.get_by_role('img').count() == 2 * (9 + 5)


@pytest.mark.parametrize('what', ['path', 'evaluation'])
def test_text_stands_out_from_its_ground(shown, what, request):
    """WCAG's contrast of 4.5, of every word outside of charts."""
    page, _, _ = shown(path=request.getfixturevalue(what))
    ratios = page.evaluate("""(() => {
        const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
            .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        const ground = (each) => { for (; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if (!/, 0\\)$/.test(colour)) return colour } return 'rgb(255, 255, 255)' };
        const words = 'p, td, th, a, h1, h2, h3, span, summary, caption, figcaption';
        return [...document.querySelectorAll(words)].map((each) => {
            const pair = [light(getComputedStyle(each).color), light(ground(each))].sort((a, b) => a - b);
            return (pair[1] + 0.05) / (pair[0] + 0.05) }) })()""")
    assert len(ratios) > 100 and min(ratios) >= 4.5


def test_a_wrong_name_of_an_evaluation_leads_to_its_pictures_and_back(shown, evaluation):
    page, said, fetched = shown(path=evaluation)
    assert said == [] and fetched == [evaluation.as_uri()] and page.locator('script').count() == 0
    page.get_by_role('region', name='Wrong walks').get_by_role('link').nth(1).focus()
    page.keyboard.press('Enter')
    assert page.evaluate('location.hash') == '#walk-2'
    section = page.locator('#walk-2')
    assert EVIL in section.locator('h2').inner_text() and 'wrong' in section.locator('.verdict').first.inner_text()
    widths = section.locator('img').evaluate_all('(all) => Promise.all(all.map(async (image) => {'
                                                 ' await image.decode(); return image.naturalWidth }))')
    assert len(widths) == 9 and min(widths) > 200
    assert all(section.locator('img').evaluate_all('(all) => all.map((image) => image.alt)'))
    section.get_by_role('link', name='To all answers').press('Enter')
    assert page.evaluate('location.hash') == '#answers'


def test_it_prints_with_what_is_folded_away_on_the_screen(browser, path, tmp_path):
    page = browser.new_page()
    page.goto(path.as_uri())
    page.emulate_media(media='print')
    assert page.locator('details table').first.evaluate('(each) => each.getBoundingClientRect().height') > 50
    page.pdf(path=str(tmp_path / 'who.pdf'), format='A4')
    page.close()
    pdf = (tmp_path / 'who.pdf').read_bytes()
    assert pdf.startswith(b'%PDF') and len(pdf) > 100_000
