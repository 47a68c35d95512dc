"""The ranking look-up, compared with Feast's per-item path: ``python -m benchmarks.serving.lookup``.

A shop of 99,900 items and 10,000 users is materialised into SQLite and into a Redis server of its own. Requests of
random users, queries and candidates are answered one after the other in a process bound to one core: by the look-up
(from the store and the snapshot to model input), and by Feast's ``get_online_features`` for the same entities (to
dictionaries of features, nothing encoded). Writes a record (JSON and Markdown).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.features.materialize import DS, STORES, redis_server
from benchmarks.record import begin, store
from uniscale.config import Settings
from uniscale.contracts.days import midnight_after
from uniscale.contracts.features import FEATURE_TABLES, FeatureTable
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.lake import Lake

USERS, ITEMS, QUERIES, CATEGORIES = 10_000, 99_900, 5_000, 300
_KEYS = {"user_id": "'u' || {n}", "item_id": "'i' || {n}", "query_text": "'red shoe ' || {n}"}
_ROWS = {
    "user_features": USERS,
    "item_features": ITEMS,
    "query_features": QUERIES,
    "user_category_features": USERS * 20,
    "user_sequences": USERS,
    "user_fresh_actions": 0,
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", nargs="+", type=int, default=[100, 500, 1000])
    parser.add_argument("--categories", nargs="+", type=int, default=[30, 300], help="that candidates are drawn from")
    parser.add_argument("--requests", type=int, default=1000, help="measured of each kind, after a tenth to warm up")
    arguments = parser.parse_args()
    record = begin("benchmarks.serving.lookup")
    record["requests"] = arguments.requests
    record["shop"] = {"users": USERS, "items": ITEMS, "queries": QUERIES}
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        home = Path(scratch) / "home"
        fill_lake(Lake(Settings(home=home)))
        for kind in STORES:
            with redis_server(Path(scratch)) if kind == "redis" else nullcontext("") as address:
                for candidates, categories in product(arguments.candidates, arguments.categories):
                    found = measure(home, kind, address, candidates, categories, arguments.requests)
                    record["sizes"][f"{kind}, {candidates} of {categories}"] = found
                    store("lookup", record, markdown(record))
    print(markdown(record))


def fill_lake(lake: Lake) -> None:
    """One version of everything, known at the midnight after DS."""

    def work(con: Any) -> None:
        for table in FEATURE_TABLES:
            Lake.create(con, table)
            con.execute(f"insert into lake.{table.qualified} {rows_of(table, _ROWS[table.name])}")

    lake.commit(work, "the shop")


def rows_of(table: FeatureTable, number: int) -> str:
    """SQL for rows of a feature table, values drawn by the number of the row."""
    moment = midnight_after(DS)
    by_type = {
        "VARCHAR": "'v' || hash(n) % 1000",
        "BIGINT": "(hash(n + {k}) % 1000)::bigint",
        "DOUBLE": "(hash(n + {k}) % 1000)::double / 1000",
        "VARCHAR[]": "['c' || hash(n) % {c}, 'c' || hash(n + 1) % {c}]",
        "DOUBLE[]": "[0.5, 0.25]",
    }
    values = {c.name: by_type.get(c.type, "null").format(k=k, c=CATEGORIES) for k, c in enumerate(table.columns)}
    values |= {"ds": f"date '{DS}'", "feature_at": f"timestamp '{moment}'", "recorded_at": f"timestamp '{moment}'"}
    values |= {name: text.format(n="n") for name, text in _KEYS.items() if name in table.key}
    values |= {
        "category_id": f"'c' || n % {CATEGORIES}",
        "title": "'red shoe number ' || n || ' size ' || n % 50",
    }
    if table.name == "user_category_features":
        values |= {"user_id": "'u' || n // 20", "category_id": "'c' || n % 20"}
    values |= {"item_domains": "['feed', 'search']", "item_attributes": "['size=' || n % 50, 'color=red']"}
    seconds = f"epoch(timestamp '{moment}')::bigint"
    values |= {c.name: f"{seconds} - n % 100000" for c in table.columns if c.model_input == "age"}
    values |= {
        c.name: f"[('{'i' if c.name == 'history_items' else 'c'}' || (n * 7 + k)) for k in range({HISTORY_LENGTH})]"
        for c in table.columns
        if c.name.startswith("history_") and c.type == "VARCHAR[]"
    }
    values |= {
        "history_actions": f"['click' for k in range({HISTORY_LENGTH})]",
        "history_domains": f"['feed' for k in range({HISTORY_LENGTH})]",
        "history_acted_at": f"[{seconds} - 100 * ({HISTORY_LENGTH} - k) for k in range({HISTORY_LENGTH})]",
        "history_known_until": f"epoch_us(timestamp '{moment}')",
    }
    selected = ", ".join(f"{values[name]} as {name}" for name in table.column_names)
    return f"select {selected} from range({number}) as t(n)"


def measure(home: Path, kind: str, address: str, *numbers: int) -> dict[str, Any]:
    """Milliseconds per request, in a process of its own on one core."""
    command = [sys.executable, "-m", "benchmarks.serving.lookup_run", str(home), kind, address, *map(str, numbers)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def markdown(record: dict[str, Any]) -> str:
    """The record as a page."""
    shop = record["shop"]
    lines = [
        f"# Ranking look-up, {record['date']}",
        "",
        f"`{record['command']}`, code {record['code_version']}, {record['hardware']}. {shop['users']:,} users, "
        f"{shop['items']:,} items, {shop['queries']:,} queries; {record['requests']:,} requests of each kind, one "
        "after the other on one core. Look-up: from the request to model input (store, snapshot, encoder), with "
        "queries that were asked before and with new ones, whose words are split for the first time. Feast: "
        "`get_online_features` for the same user, query, categories and items, nothing encoded. Categories: how "
        "many the candidates of a request are drawn from; each is a row that is looked up in addition to the user's.",
        "",
        "| store, candidates of categories | features of an item | look-up p50 ms | p99 ms | new query p50 ms "
        "| p99 ms | Feast p50 ms | p99 ms | Feast / look-up, p50 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case, found in record["sizes"].items():
        known, new, feast = (found[name] for name in ("known query", "new query", "feast"))
        lines.append(
            f"| {case} | {found['item_features']} | {known['p50']:.1f} | {known['p99']:.1f} "
            f"| {new['p50']:.1f} | {new['p99']:.1f} | {feast['p50']:.1f} | {feast['p99']:.1f} "
            f"| {feast['p50'] / known['p50']:.1f}x |"
        )
    lines += ["", "Where the time of a look-up goes (known query, mean ms):", ""]
    lines += ["| store, candidates of categories | store reads | snapshot | encoder and rest |", "|---|---|---|---|"]
    for case, found in record["sizes"].items():
        parts = found["parts"]
        lines.append(f"| {case} | {parts['store']:.2f} | {parts['snapshot']:.2f} | {parts['rest']:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
