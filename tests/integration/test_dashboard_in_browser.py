"""The dashboard as a person uses it: a real browser, by mouse, by keyboard, on a phone."""

import shutil

import pytest
from support_dashboard import dashboard

from benchmarks.ui.history import LAST, write_history
from uniscale.config import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PHONE = {"width": 390, "height": 844}
PAGES = (
    *("/", "/trend", "/trend?days=all&part=query", f"/day/{LAST}", "/data", "/runs", "/lineage"),
    *("/drift", "/drift?population=training/feed/synthetic/1"),
)


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("history") / "home")
    write_history(settings, 40)
    with dashboard(settings) as address:
        yield address


@pytest.fixture
def page(browser, base):
    """A page that fails a test when it complains or asks another host."""
    context = browser.new_context(base_url=base, viewport={"width": 1240, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert not [url for url in asked if not url.startswith(base)]
    assert not complaints


def test_from_home_to_the_day_that_promoted_and_on_to_the_day_before(page):
    page.goto("/")
    assert page.get_by_text("Who serves").is_visible()
    page.get_by_role("link", name="The trend").click()
    page.wait_for_url("**/trend")
    page.get_by_role("link", name="28 days").click()
    assert page.get_by_text("28 judged days").is_visible()
    page.goto("/")
    page.get_by_role("row").filter(has_text="promoted").first.get_by_role("link").click()
    assert page.get_by_text("▲ Promoted").is_visible()
    here = page.url
    page.locator("a[rel=prev]").click()
    assert page.url < here
    page.locator("a[rel=next]").click()
    assert page.url == here


def test_from_what_is_wrong_to_the_column_and_its_history(page):
    page.goto("/")
    page.get_by_role("link", name="item_ctr has no value").click()
    page.get_by_role("link", name="item_ctr", exact=True).first.click()
    assert page.get_by_role("heading", name="Share without a value").is_visible()
    page.get_by_role("link", name="all columns of training/feed/synthetic/1").click()
    assert page.get_by_role("heading", name="Columns against native rows").is_visible()


def test_the_heat_map_leads_to_a_population_and_a_cell_to_its_day(page):
    page.goto("/drift")
    page.locator("svg a").filter(has_text="training/shop/synthetic/2").first.click()
    page.wait_for_url("**/drift?population=*")
    page.locator("svg a[href^='/day/']").last.click()
    page.wait_for_url("**/day/*")


def test_parts_of_the_requests_stay_chosen_with_the_days(page):
    page.goto("/trend")
    page.get_by_role("link", name="by user").click()
    page.get_by_role("link", name="28 days").click()
    assert "part=user" in page.url and "days=28" in page.url


def test_a_look_up_that_finds_nothing_says_so_and_keeps_what_was_typed(page):
    page.goto("/lineage")
    page.get_by_role("combobox").select_option("user")
    page.get_by_label("Identifier").fill("nobody-knows-me")
    page.get_by_role("button", name="Look up").click()
    assert page.get_by_text("no table of the lake has a row of user 'nobody-knows-me'").is_visible()
    assert page.get_by_label("Identifier").input_value() == "nobody-knows-me"


def test_everything_is_reached_by_keyboard_and_focus_is_seen(page):
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim()"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", reached
    assert reached[1:8] == ["Home", "Trend", "Day", "Drift", "Data", "Runs", "Lineage"]
    page.get_by_role("link", name="Trend", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/trend")
    marked = page.evaluate("document.querySelector('nav [aria-current]').textContent")
    assert marked == "Trend"


@pytest.mark.parametrize("path", PAGES)
def test_pages_fit_a_phone_and_their_words_can_be_read(page, path):
    page.set_viewport_size(PHONE)
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    small = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(e => e.childNodes.length && e.getClientRects().length
            && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
            .map(e => [e.ownerSVGElement ? parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a
                       : parseFloat(getComputedStyle(e).fontSize), e.textContent.trim()])
            .filter(([size]) => size < 10)"""
    )
    assert not small


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_follow_the_colour_scheme(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto("/")
    red = int(page.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
    assert (red > 128) == (scheme == "light")


def test_words_of_a_picture_stay_inside_of_it(page):
    for path in ("/trend?days=all", "/data", "/drift", "/runs"):
        page.goto(path)
        outside = page.evaluate(
            """() => [...document.querySelectorAll('svg.chart text')].filter(t => {
                const a = t.getBoundingClientRect(), b = t.ownerSVGElement.getBoundingClientRect();
                return a.width && (a.left < b.left - 4 || a.right > b.right + 14); }).map(t => t.textContent)"""
        )
        assert not outside, path


def test_a_history_of_400_days_is_drawn_whole_and_within_the_screen(browser, tmp_path):
    settings = Settings(home=tmp_path / "home")
    write_history(settings, 400)
    with dashboard(settings) as address:
        page = browser.new_page(viewport={"width": 1240, "height": 900})
        page.goto(f"{address}/trend?days=all")
        assert page.get_by_text("400 judged days").is_visible()
        assert page.get_by_text("Points are means by week").is_visible()
        assert page.locator("section svg").count() >= 8
        for path in PAGES:
            page.goto(address + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 1240, path
        page.close()
