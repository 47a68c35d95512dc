"""The dashboard over a real lake: what its pages say, who may see them, and that it only reads."""

import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr
from support_dashboard import dashboard
from support_evaluation import insert, predictions, write_test_day
from typer.testing import CliRunner

from benchmarks.ui.history import LAST, write_history
from uniscale.cli.main import app
from uniscale.config import Settings
from uniscale.contracts.events import ITEMS
from uniscale.contracts.outcomes import METRICS, PREDICTIONS
from uniscale.contracts.slices import SLICES
from uniscale.evaluation.metrics import gauc
from uniscale.evaluation.outcomes import read_judged
from uniscale.lake import Lake
from uniscale.pipeline.progress import tell
from uniscale.ui.queries.judged import decisions
from uniscale.ui.queries.slices import KINDS, gauc_by_category
from uniscale.ui.reading import Reader

POPULATION = "/drift?population=training/feed/synthetic/1"
PAGES = (
    *("/", "/trend", "/trend?days=all&part=query", f"/day/{LAST}", "/data", "/runs", "/lineage"),
    *("/drift", POPULATION, f"{POPULATION}&column=item_ctr"),
)
TOKEN = SecretStr("a-token-nobody-guesses")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def ask(url, *, method="GET", data=None, headers=None):
    """Status, headers and text of an answer; redirects are not followed."""
    request = urllib.request.Request(url, method=method, data=data, headers=headers or {})
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def words(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.fixture
def history(settings):
    return write_history(settings, 20)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """An installation with a history that no test changes."""
    settings = Settings(home=tmp_path_factory.mktemp("known") / "home")
    write_history(settings, 20)
    return settings


def test_every_page_answers_and_loads_nothing_from_elsewhere(known):
    with dashboard(known) as base:
        for page in PAGES:
            status, headers, html = ask(base + page)
            assert status == 200, (page, html)
            assert "script" not in headers["Content-Security-Policy"] and "default-src 'none'" in str(headers)
            assert "<script" not in html and 'style="' not in html
            loaded = re.findall(r'<(?:link|img|script|iframe)[^>]*(?:href|src)="([^"]+)"', html)
            assert all(place.startswith("/static/") for place in loaded)


def test_an_empty_installation_says_how_to_begin(settings, lake):
    with dashboard(settings) as base:
        for page in ("/", "/trend", "/drift", "/data", "/runs", "/lineage", f"/day/{LAST}"):
            status, _, html = ask(base + page)
            assert status == 200 and "There is no lake yet" in html and "uniscale ingest events" in html
    lake.commit(lambda con: Lake.create(con, METRICS), "an empty lake")
    with dashboard(settings) as base:
        assert "No day has been run yet" in ask(f"{base}/")[2]
        assert "No day has been judged yet" in ask(f"{base}/trend")[2]
        assert ask(f"{base}/day")[1]["Location"] == "/"
        assert ask(f"{base}/day/{LAST}")[0] == 404


def test_home_tells_who_serves_since_when_and_what_is_wrong(known):
    with dashboard(known) as base:
        told = words(ask(f"{base}/")[2])
    assert "version 20 , since 2027-02-09 03:00 UTC" in told
    assert "2 promotions, GAUC" in told
    assert "1 thing to look at" in told and "item_ctr has no value in any row of feed" in told


def test_a_failed_step_a_gap_in_the_log_and_rejected_rows_are_said_on_home(settings):
    write_history(settings, 3, quarantined=12, profiled=False)
    tell(settings, LAST, "train", "failed", message="the disk is full")
    lake = Lake(settings)
    lake.commit(lambda con: con.execute(f"delete from lake.raw.requests where ds = date '{LAST}'"), "a gap")
    with dashboard(settings) as base:
        told = words(ask(f"{base}/")[2])
        assert f"{LAST} stopped in step train: the disk is full" in told
        assert f"no requests are landed of {LAST}" in told
        assert "12 of 164,632 rows" in told
        assert "stopped in train" in words(ask(f"{base}/runs")[2])


def test_open_alerts_are_said_on_home_and_closed_ones_with_the_runs(settings):
    write_history(settings, 3)

    def raise_alerts(con):
        con.execute(
            "create table lake.monitor.alerts as select 'null_rate' as rule, 'feed' as subject, 'page' as severity, "
            "date '2027-02-07' as opened_ds, date '2027-02-08' as last_ds, null::date as closed_ds, "
            "2::bigint as num_days, 'item_ctr is empty' as detail union all select 'volume', '', 'ticket', "
            "date '2027-02-06', date '2027-02-06', date '2027-02-07', 1, 'half the traffic'"
        )

    Lake(settings).commit(raise_alerts, "alerts")
    with dashboard(settings) as base:
        home, told = words(ask(f"{base}/")[2]), words(ask(f"{base}/runs")[2])
    assert "item_ctr is empty" in home and "half the traffic" not in home
    assert "● open" in told and "closed 2027-02-07" in told and "half the traffic" in told


def test_days_that_are_due_are_said(settings):
    write_history(settings, 3, profiled=False)

    def land_later_days(con):
        for ds in (LAST + timedelta(days=2), LAST + timedelta(days=3)):
            values = [ds, f"r{ds}", "u", "search", "lamp", f"{ds} 00:00:00"]
            columns = "ds, request_id, user_id, domain, query_text, requested_at"
            con.execute(f"insert into lake.raw.requests ({columns}) values (?, ?, ?, ?, ?, ?)", values)

    Lake(settings).commit(land_later_days, "later logs")
    with dashboard(settings) as base:
        assert "2 days are due" in words(ask(f"{base}/")[2])


def test_thin_evidence_has_no_colour_of_certainty_anywhere(settings):
    write_history(settings, 10, requests=12, profiled=False)
    with dashboard(settings) as base:
        for page in ("/", "/trend", f"/day/{LAST}"):
            html = ask(base + page)[2]
            assert "too thin" in html
            # The key of the trend names both colours; nothing that was measured has one.
            measured = re.sub(r'<div class="key">.*?</div>', "", html)
            assert not re.findall(r'class="[^"]*\b(?:better|worse)\b', measured), page


def test_one_day_is_enough_for_every_page(settings):
    write_history(settings, 1)
    with dashboard(settings) as base:
        assert all(ask(base + page)[0] == 200 for page in PAGES)
        assert "One day has been judged" in ask(f"{base}/trend")[2]
        assert "This is the first run" in ask(f"{base}/day/{LAST}")[2]


def test_a_day_says_what_changed_since_the_run_before(settings):
    write_history(settings, 8, quarantined=500)
    with dashboard(settings) as base:
        told = words(ask(f"{base}/day/{LAST}")[2])
    assert "! rows rejected 0 500" in told
    assert f"/day/{LAST - timedelta(days=1)}" in ask_page(settings, f"/day/{LAST}")
    assert "warm-up takes 100" in told


def ask_page(settings, page):
    with dashboard(settings) as base:
        return ask(base + page)[2]


def test_it_only_reads(known):
    before = Lake(known).snapshot_id()
    with dashboard(known) as base:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert ask(base + "/", method=method, data=b"x=1")[0] == 405
        for page in PAGES:
            ask(base + page)
    assert Lake(known).snapshot_id() == before


def test_bad_addresses_are_answered_with_what_is_wrong(known):
    with dashboard(known) as base:
        assert ask(f"{base}/nowhere")[0] == 404
        status, _, html = ask(f"{base}/trend?days=7")
        assert status == 400 and "write one of 28, 90, 365, all" in html
        assert ask(f"{base}/day/2026-13-01")[0] == 404
        assert "uniscale day 2020-01-01" in ask(f"{base}/day/2020-01-01")[2]
        assert "there is no profile of column" in words(ask(f"{base}/drift?population=x&column=y")[2])
        evil = urlencode({"kind": "user", "id": "<script>alert(1)</script>"})
        assert "<script" not in ask(f"{base}/lineage?{evil}")[2]


def test_a_damaged_catalogue_is_a_page_that_says_so(settings, history):
    catalogue = settings.home / "lake" / "catalog.sqlite"
    catalogue.write_bytes(b"no database" * 1000)
    with dashboard(settings) as base:
        status, _, html = ask(f"{base}/")
    assert status == 503 and "damaged" in html


def test_reports_come_in_a_sandbox_and_nothing_else_of_the_disk_does(settings, history):
    folder = settings.home / "reports" / str(LAST)
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<h1>the page of the day</h1>", encoding="utf-8")
    (settings.home / "secret.html").write_text("secret", encoding="utf-8")
    with dashboard(settings) as base:
        status, headers, html = ask(f"{base}/reports/{LAST}/index.html")
        assert status == 200 and "the page of the day" in html
        assert headers.get_all("Content-Security-Policy")[0].startswith("sandbox")
        for path in ("..%2F..%2Fsecret.html", "../../secret.html", "%2e%2e%2fsecret.html", "secret.html"):
            assert "secret" not in ask(f"{base}/reports/{LAST}/{path}")[2].replace("secret.html", "")


def test_another_site_cannot_ask_under_its_own_name(known):
    with dashboard(known) as base:
        assert ask(f"{base}/", headers={"Host": "evil.example"})[0] == 421
        assert (
            ask(f"{base}/", headers={"Host": base.removeprefix("http://").replace("127.0.0.1", "localhost")})[0] == 200
        )


def test_with_a_token_nothing_is_shown_without_it(known):
    with dashboard(known, TOKEN) as base:
        for page in (*PAGES, f"/reports/{LAST}/index.html", "/run/1"):
            status, headers, html = ask(base + page)
            assert (status, headers["Location"]) == (303, "/login"), page
            assert "version" not in html
        status, headers, _ = ask(f"{base}/login", method="POST", data=b"token=wrong")
        assert status == 401 and headers["Set-Cookie"] is None
        given = urlencode({"token": TOKEN.get_secret_value()}).encode()
        status, headers, _ = ask(f"{base}/login", method="POST", data=given)
        cookie = headers["Set-Cookie"]
        assert status == 303 and "HttpOnly" in cookie and "SameSite=strict" in cookie
        assert TOKEN.get_secret_value() not in cookie
        assert ask(f"{base}/", headers={"Cookie": cookie.split(";")[0]})[0] == 200
        assert ask(f"{base}/", headers={"Cookie": "uniscale_ui=guess"})[0] == 303
        assert ask(f"{base}/", headers={"Authorization": f"Bearer {TOKEN.get_secret_value()}"})[0] == 200
        assert ask(f"{base}/", headers={"Authorization": "Bearer wrong"})[0] == 303


def test_an_address_that_others_reach_takes_a_token(settings, monkeypatch):
    done = CliRunner().invoke(app, ["ui", "--host", "0.0.0.0", "--port", "1"])
    assert done.exit_code == 2 and "UNISCALE_UI__TOKEN" in done.stderr
    monkeypatch.setenv("UNISCALE_UI__TOKEN", "short-secret")
    done = CliRunner().invoke(app, ["ui", "--host", "0.0.0.0", "--port", "1"])
    assert done.exit_code == 2 and "short-secret" not in done.stderr


def test_answers_are_kept_until_the_lake_changes(settings, history):
    asked = []

    def counting(con):
        asked.append(1)
        return decisions(con)

    reader = Reader(settings)
    for _ in range(3):
        with reader.look() as look:
            assert len(look(counting)) == len(look(counting)) == 20
    assert len(asked) == 1
    Lake(settings).commit(
        lambda con: con.execute(f"delete from lake.ml.decisions where ds = date '{LAST}'"), "one less"
    )
    with reader.look() as look:
        assert len(look(counting)) == 19
    assert len(asked) == 2


def test_an_answer_of_two_snapshots_is_not_kept(settings, history):
    reader = Reader(settings)
    lake = reader.lake

    def while_somebody_writes(con):
        lake.commit(lambda other: other.execute(f"delete from lake.ml.decisions where ds = date '{LAST}'"), "meanwhile")
        return decisions(con)

    with reader.look() as look:
        look(while_somebody_writes)
        snapshot = look.snapshot_id
    assert reader.known(snapshot, (while_somebody_writes, (), ())) == (False, None)


WRITER = """
import sys
from pathlib import Path
from uniscale.config import Settings
from uniscale.lake import Lake
settings = Settings(home=Path(sys.argv[1]))
settings.lake.lock_timeout_seconds = 0.5  # who is locked out for longer fails
for number in range(10):
    change = f"update lake.ops.steps set seconds = {number} where ds = date '{sys.argv[2]}'"
    Lake(settings).commit(lambda con: con.execute(change), "a write under readers")
"""


def test_a_writer_of_another_process_is_not_kept_waiting_by_readers(settings, history):
    stop, seen = threading.Event(), []

    def read(base):
        while not stop.is_set():
            seen.append(ask(f"{base}/trend?days=all")[0])

    with dashboard(settings) as base:
        readers = [threading.Thread(target=read, args=(base,)) for _ in range(3)]
        for reader in readers:
            reader.start()
        try:
            command = [sys.executable, "-c", WRITER, str(settings.home), str(LAST)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
        finally:
            stop.set()
            for reader in readers:
                reader.join()
        assert done.returncode == 0, done.stderr
        assert set(seen) == {200}
        assert "99" in words(ask(f"{base}/runs")[2])  # 11 steps of 9 seconds


@pytest.mark.parametrize("num_categories", [1, 3])
def test_categories_make_up_the_whole_gauc_of_both_rankers(settings, lake, num_categories):
    test_day = LAST + timedelta(days=1)
    frames = write_test_day(lake, test_day)
    for role, skill in (("champion", 0.1), ("challenger", 0.4)):
        about = {"ds": LAST, "role": role, "model_version": role}
        insert(lake, PREDICTIONS, [{**about, **row} for row in predictions(frames, skill).to_pylist()])
    items = sorted({item for items in frames["item_ids"].to_pylist() for item in items})

    def land(con):
        Lake.create(con, ITEMS)
        for number, item in enumerate(items):
            con.execute(
                "insert into lake.raw.items (ds, item_id, category_id, valid_from, recorded_at) "
                "values (?, ?, ?, '2020-01-01', '2020-01-01')",
                [LAST, item, f"c{number % num_categories}"],
            )

    lake.commit(land, "items")
    with lake.read() as con:
        parts = gauc_by_category(con, LAST, LAST)
        whole = {}
        for role in ("champion", "challenger"):
            outcomes, scores = read_judged(
                con, f"from lake.{PREDICTIONS.qualified} where role = '{role}'", [test_day], "search"
            )
            whole[role] = gauc(outcomes.request_N, outcomes.is_clicked_N, scores.click_N)
    assert len(parts) == num_categories
    for role, name in (("champion", "baseline"), ("challenger", "candidate")):
        values = [getattr(part, name) for part in parts]
        assert min(values) - 1e-9 <= whole[role] <= max(values) + 1e-9
        assert num_categories > 1 or values == [pytest.approx(whole[role])]
    for part in parts:
        assert part.difference == pytest.approx(part.candidate - part.baseline)
        assert part.low <= part.difference <= part.high


def test_slices_are_shown_as_the_day_measured_them(known):
    with dashboard(known) as base:
        for kind, kept in KINDS.items():
            html = ask(f"{base}/trend?part={kind}")[2]
            assert all(SLICES[name].title in html for name in kept.slices)
