"""Real data sets into the contract, counted against what is known of them."""

import gzip
import json

import pytest
from support_sources import DATA, lake_rows
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.sources.incoming import BadFileError
from uniscale.sources.public import complete_journey, expedia
from uniscale.sources.public.data_set import ingest_data_set
from uniscale.sources.public.expedia import COLUMNS

EXPEDIA = DATA / "expedia_sample"
JOURNEY = DATA / "complete_journey"
needs_expedia = pytest.mark.skipif(not EXPEDIA.is_dir(), reason="../shared/data/expedia_sample is not here")
needs_journey = pytest.mark.skipif(not JOURNEY.is_dir(), reason="../shared/data/complete_journey is not here")


def _one(lake, sql):
    with lake.read() as con:
        return con.execute(sql).fetchone()


@needs_expedia
def test_expedia_gives_every_search_click_and_booking_and_quarantines_the_row_that_is_cut_off(settings, lake):
    report = ingest_data_set(settings, lake, expedia.DATA_SET, EXPEDIA)
    # The file has 5,059 rows; its last one ends after 35 of 54 fields, before it says whether it was clicked.
    assert report.rows == {"users": 209, "items": 5058, "requests": 209, "candidates": 5058, "actions": 227 + 138}
    assert [(q.table, q.reason, q.rows) for q in report.quarantined] == [
        ("candidates", "has fewer fields than the header", 1)
    ]
    ((number, line),) = [(r[4], r[7]) for r in lake_rows(lake)["quarantine"]]
    assert (number, line[:30]) == (5059, '{"line": "367,2012-12-31 14:48')
    assert (report.days[0].isoformat(), report.days[-1].isoformat()) == ("2012-11-01", "2013-06-29")
    assert report.hints == ()
    random_order = "select count(*) from lake.raw.requests where attributes['is_random_order'] = '1'"
    assert _one(lake, random_order) == (76,)
    actions = "select count(*) filter (action = 'click'), count(unit_price), sum(unit_price) from lake.raw.actions"
    clicks, bookings, usd = _one(lake, actions)
    assert (clicks, bookings, round(usd)) == (227, 138, _booked_usd())
    known = "select count(*) from lake.raw.actions a semi join lake.raw.candidates using (request_id, item_id)"
    assert _one(lake, known) == (365,)
    missing = "select count(*) from lake.raw.users where map_contains(attributes, 'usual_price')"
    assert _one(lake, missing)[0] == _searches_with_history()


def _rows():
    lines = gzip.decompress((EXPEDIA / "searches.csv.gz").read_bytes()).decode().splitlines()
    header = lines[0].split(",")
    return [dict(zip(header, line.split(","), strict=True)) for line in lines[1:] if line.count(",") == 53]


def _booked_usd():
    return round(sum(float(row["gross_bookings_usd"]) for row in _rows() if row["booking_bool"] == "1"))


def _searches_with_history():
    return len({row["srch_id"] for row in _rows() if row["visitor_hist_adr_usd"] != "NULL"})


@needs_expedia
def test_a_search_reads_as_words_and_a_hotel_as_a_title(settings, lake):
    ingest_data_set(settings, lake, expedia.DATA_SET, EXPEDIA / "searches.csv.gz")
    first = _one(lake, "select query_text, user_id, attributes from lake.raw.requests where request_id = 'e1'")
    assert first == (
        "destination_23246 stay_1 ahead_0 adults_4 saturday",
        "v1",
        {"is_random_order": "1", "site": "12", "destination": "23246"},
    )
    hotel = _one(
        lake,
        "select title, category_id, brand_id, price, cast(valid_from as varchar), attributes from lake.raw.items "
        "where item_id = '893'",
    )
    assert hotel == (
        "hotel brand stars_3 country_219",
        "219",
        "brand",
        104.77,
        "2013-04-04 08:32:15",
        {"stars": "3", "review": "3.5", "location": "2", "location_for_search": "2"},
    )


def test_a_file_that_is_not_the_expedia_set_is_refused(settings, lake, tmp_path):
    path = tmp_path / "searches.csv"
    path.write_text(",".join(c for c in COLUMNS if c != "prop_id") + "\n")
    with pytest.raises(BadFileError, match=r"searches.csv: column prop_id is missing. Nothing was landed."):
        ingest_data_set(settings, lake, expedia.DATA_SET, path)
    with pytest.raises(
        FileNotFoundError,
        match=r"elsewhere does not exist; give the folder of the Expedia set, which holds searches.csv or train.csv",
    ):
        ingest_data_set(settings, lake, expedia.DATA_SET, tmp_path / "elsewhere")


@needs_journey
def test_complete_journey_keeps_every_purchase_promotion_and_redemption_it_should(settings, lake):
    report = ingest_data_set(settings, lake, complete_journey.DATA_SET, JOURNEY)
    assert report.rows["candidates"] < 3_000_000
    assert report.num_quarantined == 577
    assert [(q.table, q.column, q.reason) for q in report.quarantined] == [("actions", "quantity", "is below 1")]
    by_domain = "select count(*) filter (domain = 'store'), count(*) filter (domain = 'coupon') from lake.raw.actions"
    assert _one(lake, by_domain) == (100_000 - 577, 2_102)
    assert report.hints[1:] == (
        'target_domain = "mailer"',
        'domains = ["mailer", "display", "coupon", "store"]',
    )
    redeemed = """
        select count(*) from lake.raw.actions a
        join lake.raw.candidates c using (request_id, item_id) join lake.raw.requests r using (request_id)
        where a.domain = 'coupon' and a.user_id = r.user_id and a.acted_at >= r.requested_at
    """
    assert _one(lake, redeemed) == (2_102,)
    households = "select count(distinct user_id), count(*) from lake.raw.requests where domain = 'coupon'"
    assert _one(lake, households) == (1_559, 6_589)
    # 1,985 sampled purchases meet a promotion of the same product, store and week, 3 of them without a quantity.
    # All come after what promoted them.
    met = """
        select count(distinct action_id), count(distinct action_id) filter (a.acted_at > r.requested_at)
        from lake.raw.requests r join lake.raw.candidates c using (request_id)
        join read_parquet(?) t
            on t.household_id = r.user_id and t.product_id = c.item_id and t.store_id = r.attributes['store']
            and t.week::varchar = r.attributes['week']
        join lake.raw.actions a on a.action_id = 'store-' || t.basket_id || '-' || t.product_id
        where c.is_exposed and r.domain in ('mailer', 'display')
    """
    with lake.read() as con:
        assert con.execute(met, [str(JOURNEY / "transactions.parquet")]).fetchone() == (1_982, 1_982)
        values = con.execute(
            "select sum(quantity * unit_price) from lake.raw.actions where domain = 'store'"
        ).fetchone()
        sold = con.execute(
            "select sum(sales_value) from read_parquet(?) where quantity > 0", [str(JOURNEY / "transactions.parquet")]
        ).fetchone()
    assert values[0] == pytest.approx(sold[0], abs=0.01)


@needs_expedia
def test_the_command_prints_one_json_document_and_refuses_bad_input_with_code_2(settings, lake, tmp_path):
    runner = CliRunner()
    done = runner.invoke(app, ["ingest", "expedia", str(EXPEDIA), "--json"])
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert (document["source"], document["rows"]["requests"], document["quarantined"]["rows"]) == ("expedia", 209, 1)
    assert document["days"] == {"count": 129, "first": "2012-11-01", "last": "2013-06-29"}
    told = runner.invoke(app, ["ingest", "expedia", str(EXPEDIA)])
    assert (told.exit_code, told.stdout) == (0, "")
    assert "129 days, 2012-11-01..2013-06-29" in told.stderr
    assert "quarantined 1: candidates has fewer fields than the header" in told.stderr
    refused = runner.invoke(app, ["ingest", "events", str(tmp_path / "nowhere")])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "does not exist; give the folder of the event logs" in refused.stderr
