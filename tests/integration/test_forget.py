"""After `uniscale forget` no file of the installation holds the user, and the others are as they were."""

import hashlib
import json
import re
from datetime import date

import duckdb
import pytest
from typer.testing import CliRunner

from tests.support_lineage import ANNA, BERT, DS, WISH, run_steps
from uniscale.cli.main import app
from uniscale.contracts.all_tables import TABLES
from uniscale.contracts.literals import quoted_file
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.lake.lake import table_has
from uniscale.lineage import forget
from uniscale.lineage.forget import forget_user
from uniscale.lineage.ties import erased, find_user, owned

TABLES_OF_ANNA = {
    "raw.users": 1,
    "raw.requests": 4,
    "raw.candidates": 11,
    "raw.actions": 4,
    "raw.quarantine": 3,
    "marts.fct_exposures": 11,
    "marts.fct_attributions": 2,
    "features.query_features": 1,
    "es3.samples": 3,
    "ml.frames": 4,
    "ml.predictions": 1,
}


def ignore(what):
    del what


def traces(home, *words):
    """Files whose bytes, or whose rows as DuckDB reads them, hold one of the words."""
    wanted = re.compile("|".join(words))
    found = []
    for path in sorted(home.rglob("*")):
        if path.is_file() and wanted.search(path.read_bytes().decode("latin-1")):
            found.append(path)
        elif path.suffix == ".parquet":
            rows = duckdb.sql(f"select t::varchar from read_parquet({quoted_file(path)}) as t").fetchall()
            found += [path] if any(wanted.search(row) for (row,) in rows) else []
    return [str(path.relative_to(home)) for path in found]


def belongs(lake, user, condition=owned):
    """Number of rows of a user by table."""
    with lake.read() as con:
        find_user(con, user)
        found = {}
        for table in TABLES:
            if condition(table) is not None and table_has(con, table):
                query = f"select count(*) from lake.{table.qualified} where {condition(table)}"
                found[table.qualified] = con.execute(query).fetchone()[0]
    return {table: number for table, number in found.items() if number}


def test_no_file_holds_the_user_afterwards_and_the_others_keep_their_rows(installation):
    settings, lake = installation
    before = traces(settings.home, ANNA)
    assert any(name.endswith(".parquet") for name in before)
    assert {"lake/catalog.sqlite", "feast/online.db"} <= set(before)
    bert = belongs(lake, BERT)

    found = forget_user(settings, lake, ANNA, ignore)

    assert found["rows"].items() >= TABLES_OF_ANNA.items()
    assert found["online"] >= 3  # features, sequence, and the query that nobody else typed
    assert traces(settings.home / "lake", ANNA, WISH) == []
    assert traces(settings.home / "feast", ANNA, WISH) == []
    assert (belongs(lake, ANNA, erased), belongs(lake, BERT)) == ({}, bert)
    with lake.read() as con:
        ((user_hash, days),) = con.execute("select user_hash, sample_days from ops.forgotten").fetchall()
    assert user_hash == hashlib.sha256(ANNA.encode()).hexdigest()
    assert days == [date(2026, 1, 6), DS]


@pytest.mark.parametrize("where", ["_delete", "_clear_spill", "erase_deleted_rows"])
def test_killed_anywhere_the_same_command_finishes(installation, monkeypatch, where):
    settings, lake = installation

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(forget, where, killed)
        forget_user(settings, lake, ANNA, ignore)
    assert forget_user(settings, lake, ANNA, ignore)["was_forgotten"] is False
    assert traces(settings.home / "lake", ANNA, WISH) == traces(settings.home / "feast", ANNA, WISH) == []
    again = forget_user(settings, lake, ANNA, ignore)
    assert (again["was_forgotten"], again["rows"]) == (True, {})
    assert [model["version"] for model in again["models"]["trained"]] == ["1"]


def test_the_next_run_rebuilds_what_still_counted_the_user(installation):
    settings, lake = installation
    count = "select sum(item_num_exposures) from features.item_features where ds = date '2026-01-07'"
    with lake.read() as con:
        (before,) = con.execute(count).fetchone()
    forget_user(settings, lake, ANNA, ignore)
    with lake.read() as con:
        noted = con.execute(f"select max(ds) from {PARTITIONS.qualified}").fetchone()[0]
        first_seen = con.execute("select min(ds) from raw.requests").fetchone()[0]
    assert noted < first_seen  # days before the log, on which nothing was counted
    with lake.read() as con:
        assert con.execute("select count(*) from ops.steps").fetchone() == (5,)
    assert run_steps("land", "marts") == {"land": True, "marts": True}
    with lake.read() as con:
        (after,) = con.execute(count).fetchone()
    assert 0 < after < before
    assert belongs(lake, ANNA, erased) == {}


def test_the_command_names_the_models_to_retrain_and_asks_first(installation):
    settings, lake = installation
    page = settings.home / "reports" / "2026-01-07" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f"<p>the user {ANNA}</p>")
    runner = CliRunner()
    refused = runner.invoke(app, ["forget", ANNA], input="n\n")
    assert refused.exit_code == 1
    assert "no past day can be replayed" in " ".join(refused.output.split())
    assert runner.invoke(app, ["forget", ANNA, "--json"]).exit_code == 2
    assert belongs(lake, ANNA)

    done = runner.invoke(app, ["forget", ANNA, "--yes", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    ((model,), (unknown,)) = told["models"]["trained"], told["models"]["unknown"]
    assert (model["version"], model["is_champion"], model["days"]) == ("1", True, ["2026-01-06", "2026-01-07"])
    assert unknown["version"] == "3"
    assert told["files_left"] == [str(page)]
    again = runner.invoke(app, ["forget", ANNA, "--yes"])
    assert (again.exit_code, "was forgotten before" in again.output) == (0, True)


def test_a_user_nobody_knows_is_refused(installation):
    settings, lake = installation
    snapshot = lake.snapshot_id()
    with pytest.raises(ValueError, match="no table of the lake has a row of user 'anna'"):
        forget_user(settings, lake, "anna", ignore)
    assert lake.snapshot_id() == snapshot
