"""Public logs as their users download them, with invented rows under the true column names."""

import gzip
import shutil
import zipfile
from datetime import date
from pathlib import Path

import pytest
from support_sources import lake_rows
from typer.testing import CliRunner

from uniscale.cli.main import app
from uniscale.es3.build import build_samples
from uniscale.sources.fingerprints import source_key
from uniscale.sources.incoming import BadFileError
from uniscale.sources.public.adapters import ADAPTERS
from uniscale.sources.public.data_set import ingest_data_set
from uniscale.warehouse.build import build_marts

FIXTURES = Path(__file__).parents[1] / "fixtures"
NAMES = ("expedia", "kuaisar", "kuairand", "diginetica", "jdsearch")


@pytest.fixture
def land(settings, lake, tmp_path):
    """Land a fixture, or a copy of it that the caller may spoil first."""

    def run(name, path=None):
        return ingest_data_set(settings, lake, ADAPTERS[name], path or FIXTURES / name)

    return run


def _copy(name, tmp_path):
    return Path(shutil.copytree(FIXTURES / name, tmp_path / name))


def _values(lake, sql):
    with lake.read() as con:
        return con.execute(sql).fetchall()


def _requests(lake):
    return _values(
        lake,
        "select request_id, user_id, domain, query_text, cast(requested_at as varchar) from lake.raw.requests "
        "order by all",
    )


def _lists(lake):
    """Shown items by request, from the first place on; every item of these sets was shown."""
    rows = _values(lake, "select request_id, item_id, position, is_exposed from lake.raw.candidates order by 1, 3")
    assert all(shown for *_, shown in rows)
    return {request: [item for r, item, *_ in rows if r == request] for request, *_ in rows}


def _actions(lake):
    return _values(
        lake,
        "select user_id, item_id, action, domain, request_id, cast(acted_at as varchar), "
        "cast(recorded_at as varchar) from lake.raw.actions order by acted_at, action_id",
    )


def test_the_command_lists_every_data_set():
    told = CliRunner().invoke(app, ["ingest", "--help"], env={"COLUMNS": "200"}).stdout
    assert [name for name in ("events", *ADAPTERS) if f" {name} " not in told] == []
    assert set(NAMES) < set(ADAPTERS)


@pytest.mark.parametrize("name", NAMES)
def test_ingesting_again_gives_the_same_rows(land, lake, name):
    first = land(name)
    rows = lake_rows(lake)
    assert all(first.rows.values())
    assert first.quarantined == []
    assert land(name).as_json() == first.as_json()
    assert lake_rows(lake) == rows


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named_with_what_the_folder_should_hold(land, lake, tmp_path, name):
    for view, source in ADAPTERS[name].files.items():
        folder = _copy(name, tmp_path / view)
        for choice in source.names[0].split("|"):
            for path in folder.glob(choice):
                path.unlink()
        with pytest.raises(FileNotFoundError) as caught:
            land(name, folder)
        missing = source.names[0].replace("|", " or ")
        title = ADAPTERS[name].title
        assert f"{folder} lacks {missing}; give the folder of {title}, which holds " in str(caught.value)
    assert not lake.exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_renamed_column_is_named_with_its_file_and_what_to_do(land, tmp_path, name):
    for view, source in ADAPTERS[name].files.items():
        for column in source.columns:
            folder = _copy(name, tmp_path / f"{view}-{column}")
            path = next(path for choice in source.names[0].split("|") for path in folder.glob(choice))
            header, rest = path.read_text().split("\n", 1)
            cells = [f"{cell}s" if cell == column else cell for cell in header.split(source.form.delimiter)]
            path.write_text(source.form.delimiter.join(cells) + "\n" + rest)
            with pytest.raises(BadFileError) as caught:
                land(name, folder)
            message = str(caught.value)
            assert message.startswith(f"{path.name}: column {column} is missing. Nothing was landed. ")
            assert f"rename column '{column}s' if it means this" in message


# Exposed rows, what outside actions were attributed to, and click and purchase positives of the search samples.
FLOWS = {
    "kuaisar": ("2023-05-23", 7, {"click to exposed": 1}, (2, 0)),
    "diginetica": ("2016-05-11", 6, {"click to exposed": 2, "purchase to clicked": 1}, (3, 1)),
    "jdsearch": ("2022-10-17", 6, {}, (2, 1)),
}


@pytest.mark.parametrize("name", FLOWS)
def test_a_landed_set_flows_through_marts_and_samples(settings, land, lake, name):
    day, exposures, attributed, positives = FLOWS[name]
    settings.window.train_days = 3
    land(name)
    marts = build_marts(settings, lake, date.fromisoformat(day))
    assert (marts["exposures"], marts["attributed"]) == (exposures, attributed)
    samples = build_samples(settings, lake, date.fromisoformat(day))
    assert (samples["positives"]["click"], samples["positives"]["purchase"]) == positives


def test_expedia_reads_the_full_file_plain_and_packed_alike(settings, land, lake, tmp_path):
    land("expedia")
    rows = lake_rows(lake)
    assert _requests(lake)[1] == (
        *("e4", "v4", "search", "destination_19222 stay_1 ahead_6 adults_2 children_1 saturday"),
        "2013-02-03 00:00:05",
    )
    assert _values(lake, "select request_id, item_id, position from lake.raw.candidates order by all") == [
        *(("e1", "11622", 3), ("e1", "3625", 1), ("e4", "3625", 2)),
    ]
    assert [row[1:6] for row in _actions(lake)] == [
        ("3625", "click", "search", "e1", "2013-02-02 15:28:40"),
        ("3625", "purchase", "search", "e1", "2013-02-02 15:37:40"),
        ("3625", "click", "search", "e4", "2013-02-03 00:01:05"),
    ]
    plain = FIXTURES / "expedia" / "train.csv"
    packed = tmp_path / "train.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.write(plain, "expedia/train.csv")
        opened.writestr("expedia/test.csv", "srch_id\n1\n")
    for path in (plain, packed, archive):
        land("expedia", path)
        assert lake_rows(lake) == rows
    assert not list((settings.home / "unpacked").rglob("*.csv"))


@pytest.mark.parametrize("bad", [b'"5" tablet', b'"never closed', b"K\xf6ln", b"one\rtwo\0"])
def test_a_bad_line_of_a_public_log_costs_itself_alone(land, lake, tmp_path, bad):
    land("expedia")
    rows = lake_rows(lake)
    folder = _copy("expedia", tmp_path)
    header, first, *others = (folder / "train.csv").read_bytes().splitlines(keepends=True)
    (folder / "train.csv").write_bytes(b"".join([header, first, bad + first, *others]))
    report = land("expedia", folder)
    found = lake_rows(lake)
    assert {table: found[table] for table in report.rows} == {table: rows[table] for table in report.rows}
    assert {row[3] for row in found["quarantine"]} == {"train.csv#expedia_candidates"}
    assert report.num_quarantined == len(found["quarantine"]) == (2 if b"\r" in bad else 1)


def test_a_broken_or_strange_archive_is_refused(land, tmp_path):
    archive = tmp_path / "train.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.write(FIXTURES / "expedia" / "train.csv", "test.csv")
    with pytest.raises(BadFileError) as caught:
        land("expedia", archive)
    assert str(caught.value) == (
        "train.zip: holds 0 files like searches.csv or train.csv (it holds test.csv). Nothing was landed. "
        "Unpack the archive and give the file itself"
    )
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(BadFileError, match=r"train.zip: cannot be read as a ZIP archive .*Send the file again"):
        land("expedia", archive)


def test_a_file_left_half_unpacked_by_a_killed_run_is_unpacked_again(settings, land, tmp_path):
    archive = tmp_path / "train.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.write(FIXTURES / "expedia" / "train.csv", "train.csv")
    folder = settings.home / "unpacked" / source_key(settings.home, [archive])
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text("srch_id,date_time\n1,")
    assert land("expedia", archive).rows["requests"] == 2
    assert not folder.exists()


def test_kuaisar_searches_and_feed_pages_become_requests_with_what_they_showed(land, lake):
    land("kuaisar")
    assert _requests(lake) == [
        ("f7-1684800010000", "7", "feed", None, "2023-05-23 00:00:10"),
        ("f7-1684800310000", "7", "feed", None, "2023-05-23 00:05:10"),
        ("s7-1", "7", "search", "20 34 3", "2023-05-22 13:58:52.919"),
        ("s8-1", "8", "search", None, "2023-05-23 00:00:00"),
    ]
    assert {request: sorted(items) for request, items in _lists(lake).items()} == {
        "f7-1684800010000": ["501", "502"],
        "f7-1684800310000": ["503"],
        "s7-1": ["501", "502"],
        "s8-1": ["501", "504"],
    }
    assert _actions(lake) == [
        ("7", "501", "click", "search", "s7-1", "2023-05-22 13:59:52.919", "2023-05-22 13:59:52.919"),
        ("8", "501", "click", "search", "s8-1", "2023-05-23 00:01:00", "2023-05-23 00:01:00"),
        ("7", "501", "click", "feed", "f7-1684800010000", "2023-05-23 00:01:10", "2023-05-23 00:01:10"),
        ("7", "501", "favorite", "feed", "f7-1684800010000", "2023-05-23 00:01:10", "2023-05-23 00:01:10"),
        # Watched for 90.5 seconds: only then is the click known.
        ("7", "503", "click", "feed", "f7-1684800310000", "2023-05-23 00:06:10", "2023-05-23 00:06:40.5"),
    ]
    items = "select item_id, title, category_id, shop_id, cast(valid_from as varchar) from lake.raw.items order by all"
    assert _values(lake, items) == [
        ("501", "1 213 24", "9/136", "10", "2023-05-22 13:58:52.919"),
        ("502", None, None, None, "2023-05-22 13:58:52.919"),
        ("503", "20", "9/136/7/2", "11", "2023-05-22 16:00:00"),
    ]
    users = "select user_id, attributes from lake.raw.users order by 1"
    assert _values(lake, users) == [("7", {"onehot_feat1": "0", "onehot_feat2": "5"}), ("8", {"onehot_feat1": "2"})]
    assert _values(lake, "select distinct attributes['search_source'] from lake.raw.requests order by 1") == [
        *(("QUERY_REC",), ("USER_INPUT",), (None,)),
    ]


def test_a_value_kuaisar_cannot_mean_is_quarantined_as_it_came(land, lake, tmp_path):
    folder = _copy("kuaisar", tmp_path)
    path = folder / "rec_inter.csv"
    rows = "".join(f"8,{item},0,0,,{time},{click},0,0,0,0,0\n" for item, time, click in (
        (601, "1684800400000", "perhaps"), (602, "1684800400000", "1"), (603, "later", "0"),
    ))  # fmt: skip
    path.write_text(path.read_text() + rows + "8,604,0\n")
    report = land("kuaisar", folder)
    assert {(q.table, q.column, q.reason, q.rows) for q in report.quarantined} == {
        ("requests", "requested_at", "is not a UTC time such as 2026-01-05 10:00:00", 1),
        ("requests", "", "has fewer fields than the header", 1),
        ("candidates", "request_id", "names no landed request", 1),
        ("actions", "action", "is none of click, cart, favorite, purchase", 1),
    }
    bad = {(row[2], row[4]): row[7] for row in lake_rows(lake)["quarantine"]}
    assert '"action":"click=perhaps"' in bad["actions", 4]
    assert '"requested_at":"later"' in bad["requests", 6]
    assert report.rows["candidates"] == 9


def test_kuairand_rows_of_one_user_time_and_tab_are_a_request_and_each_tab_is_a_domain(land, lake):
    report = land("kuairand")
    assert _requests(lake) == [
        ("r3-1650485801301-1", "3", "tab_1", None, "2022-04-20 20:16:41.301"),
        ("r3-1650485801301-4", "3", "tab_4", None, "2022-04-20 20:16:41.301"),
        ("r4-1650585600000-0", "4", "tab_0", None, "2022-04-22 00:00:00"),
    ]
    random = "select request_id, attributes['random'] from lake.raw.requests order by 1"
    assert [kind for _, kind in _values(lake, random)] == ["none", "none", "some"]
    assert {request: sorted(items) for request, items in _lists(lake).items()} == {
        "r3-1650485801301-1": ["900", "901"],
        "r3-1650485801301-4": ["900"],
        "r4-1650585600000-0": ["901", "902"],
    }
    assert [(*row[1:4], *row[5:]) for row in _actions(lake)] == [
        ("900", "click", "tab_1", "2022-04-20 20:17:41.301", "2022-04-20 20:19:12.325"),
        ("900", "favorite", "tab_1", "2022-04-20 20:17:41.301", "2022-04-20 20:19:12.325"),
        ("900", "click", "tab_4", "2022-04-20 20:17:41.301", "2022-04-20 20:17:41.301"),
        ("901", "click", "tab_0", "2022-04-22 00:01:00", "2022-04-22 00:01:00"),
    ]
    items = "select item_id, category_id, shop_id, cast(valid_from as varchar), attributes from lake.raw.items"
    assert _values(lake, f"{items} where item_id = '901'") == [
        ("901", "8", "442", "2022-04-21 16:00:00",
         {"tags": "8", "video_type": "AD", "upload_type": "LongImport", "music_type": "9"}),
    ]  # fmt: skip
    assert report.hints[1] == 'target_domain = "tab_1"'
    assert report.hints[2].startswith('domains = ["tab_0", "tab_1", ') and report.hints[2].endswith('"tab_14"]')


def test_kuairand_in_parts_is_one_log_whose_rows_are_numbered_through(land, lake, tmp_path):
    land("kuairand")
    rows = lake_rows(lake)
    folder = tmp_path / "data"
    shutil.copytree(FIXTURES / "kuairand", folder)
    path = folder / "log_standard_4_08_to_4_21_pure.csv"
    header, *lines = path.read_text().splitlines()
    path.unlink()
    for part, chosen in (("part1", lines[:1]), ("part2", [lines[1], "3,too,short", lines[2]])):
        (folder / f"log_standard_4_08_to_4_21_27k_{part}.csv").write_text("\n".join([header, *chosen]) + "\n")
    land("kuairand", tmp_path)
    landed = lake_rows(lake)
    ((file, number, reason),) = [(row[3], row[4], row[6]) for row in landed.pop("quarantine")]
    assert landed == {table: found for table, found in rows.items() if table != "quarantine"}
    # The first pattern's parts come in the order of their names: one row of part1, then two good ones and a short one.
    assert (number, reason) == (3, "has fewer fields than the header")
    assert file.startswith("log_standard_4_08_to_4_21_27k_part1.csv, log_standard_4_08_to_4_21_27k_part2.csv, ")


def test_diginetica_lists_keep_their_order_and_clicks_their_times(land, lake):
    land("diginetica")
    assert _requests(lake) == [
        ("q1", "u66", "search", "16655 244087", "2016-05-09 04:32:07.074"),
        ("q2", "u66", "shop", None, "2016-05-09 04:32:10"),
        ("q4", "s13", "search", "16655", "2016-05-11 01:00:00"),
    ]
    # Query 3 is a test query: its clicks were withheld.
    assert _lists(lake) == {"q1": ["7518", "71", "30311"], "q2": ["71", "7518"], "q4": ["71"]}
    assert [row[:6] for row in _actions(lake)] == [
        ("u66", "71", "click", "search", "q1", "2016-05-09 04:32:18.861"),
        ("u66", "7518", "click", "shop", "q2", "2016-05-09 04:32:21"),
        # The page of item 71 that session 11 viewed after its click is that click; item 30311 it found elsewhere.
        ("u66", "30311", "click", "shop", None, "2016-05-09 04:32:30"),
        ("u66", "71", "click", "search", "q1", "2016-05-09 04:33:20"),
        ("u66", "71", "purchase", "shop", None, "2016-05-09 04:35:00"),
        ("s14", "71", "click", "shop", None, "2016-05-11 00:00:00"),
    ]
    items = "select item_id, title, category_id, price from lake.raw.items order by 1"
    assert _values(lake, items) == [
        ("30311", None, None, 8.0),
        ("71", "16655 9", "53", 1023.0),
        ("7518", "244087", "54", None),
    ]
    paid = "select quantity, unit_price from lake.raw.actions where action = 'purchase'"
    assert _values(lake, paid) == [(None, None)]
    assert _values(lake, "select attributes['category'] from lake.raw.requests where request_id = 'q2'") == [("53",)]


def test_jdsearch_lines_become_a_labelled_list_and_a_past_that_leads_up_to_it(land, lake):
    land("jdsearch")
    assert _requests(lake) == [
        ("h1-1", "u1", "search", "323 196", "2022-10-16 10:58:50"),
        ("h1-3", "u1", "search", "12 54", "2022-10-17 11:58:50"),
        ("s1", "u1", "search", "12 32 56", "2022-10-17 12:00:00"),
        ("s2", "u2", "search", "12", "2022-10-17 12:00:00"),
    ]
    assert {request: sorted(items) for request, items in _lists(lake).items()} == {
        "s1": ["456", "457", "789", "790"],
        "s2": ["456", "457"],
    }
    assert [row[:6] for row in _actions(lake)] == [
        ("u1", "889", "purchase", "search", "h1-1", "2022-10-16 10:58:50"),
        ("u1", "256", "click", "shop", None, "2022-10-17 10:58:50"),
        ("u1", "345", "cart", "search", "h1-3", "2022-10-17 11:58:50"),
        ("u2", "457", "click", "shop", None, "2022-10-17 11:59:33"),
        ("u1", "346", "favorite", "search", "h1-3", "2022-10-17 11:59:50"),
        ("u1", "457", "click", "search", "s1", "2022-10-17 12:01:00"),
        ("u1", "456", "purchase", "search", "s1", "2022-10-17 12:10:00"),
    ]
    items = "select item_id, title, category_id, brand_id, shop_id from lake.raw.items order by 1"
    assert _values(lake, items) == [("456", "12 32", "1/2/3/4", "5", "99"), ("457", '17"', "1/2/3/5", "6", "98")]


def test_a_place_in_a_list_without_an_order_does_not_tell_what_was_touched(land, lake, tmp_path):
    """The file of JDsearch lists touched products first; the landed places must not."""
    folder = _copy("jdsearch", tmp_path)
    path = folder / "user_behavior_data.txt"
    header = path.read_text().split("\n", 1)[0]
    items = "_".join(str(item) for item in range(20))
    labels = "_".join(["1.0"] + ["0.0"] * 19)
    past = "-1\t1\tCLICK\t0_1\n"
    path.write_text(f"{header}\n" + "".join(f"{line}\t{items}\t{labels}\t{past}" for line in range(200)))
    land("jdsearch", folder)
    mean = "select avg(position), count(*) from lake.raw.candidates join lake.raw.actions using (request_id, item_id)"
    ((place, clicks),) = _values(lake, mean)
    assert clicks == 200
    assert place == pytest.approx(10.5, abs=1.5)


def test_jdsearch_lines_whose_lists_do_not_fit_are_quarantined_whole(land, lake, tmp_path):
    folder = _copy("jdsearch", tmp_path)
    path = folder / "user_behavior_data.txt"
    bad = ["1\t5_6\t0.0\t-1\t5\tCLICK\t0_9", "1\t5\t0.0\t-1\t5\tCLICK\t0", "1\t5\t0.0\t-1\t5\tCLICK\t0_soon"]
    path.write_text(path.read_text() + "\n".join(bad) + "\n")
    report = land("jdsearch", folder)
    past = "the lists of the history do not fit: history_time_list has one number more than each of the others entries"
    assert [(row[2], row[4], row[6]) for row in lake_rows(lake)["quarantine"]] == [
        ("requests", 3, "candidate_wid_list and candidate_label_list are not equally long"),
        ("requests", 4, past),
        ("requests", 5, past),
    ]
    assert (report.rows["requests"], report.rows["users"], report.num_quarantined) == (4, 2, 3)
    path.write_text(path.read_text() + "\n".join([bad[0]] * 1000) + "\n")
    with pytest.raises(BadFileError, match="more than 1000 lines do not fit together; first row 3: candidate_wid_list"):
        land("jdsearch", folder)
