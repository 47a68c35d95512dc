"""Faults as shops have them: each is planted in the log of one day, or in the tables that a broken job leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from uniscale.contracts.features import ITEM_FEATURES
from uniscale.contracts.literals import quoted_file
from uniscale.contracts.marts import QUERY_ITEM_STATS
from uniscale.contracts.schema import Table
from uniscale.lake import Lake


@dataclass(frozen=True, kw_only=True)
class Plant:
    """A fault, and where it is to be found.

    Attributes:
        name: Short name.
        title: What happens.
        population: Population that names it.
        column: Column that names it.
        what: What stands out there.
        in_log: Changes the log of a day: events folder and day.
        in_lake: Changes tables once the marts of the day are built.
    """

    name: str
    title: str
    population: str
    column: str
    what: str
    in_log: Callable[[Path, date], None] | None = None
    in_lake: Callable[[Lake, date], None] | None = None


def _rewrite(events: Path, table: str, ds: date, query: str) -> None:
    """Replace the file of a table and day by the rows of a query on ``old``."""
    file = events / table / f"ds={ds}" / "part-0.parquet"
    part = file.with_suffix(".partial")
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(f"create view old as from read_parquet({quoted_file(file)}, hive_partitioning = false)")
        con.execute(f"copy ({query}) to {quoted_file(part)} (format parquet)")
    part.replace(file)


def _items_again(events: Path, ds: date, change: str) -> None:
    """A new version of every item at the first second of a day, changed: an import of the whole catalogue."""
    files = ", ".join(
        quoted_file(path)
        for path in sorted((events / "items").glob("ds=*/part-0.parquet"))
        if path.parent.name < f"ds={ds}"
    )
    moment = f"timestamp '{ds} 00:00:01'"
    _rewrite(
        events,
        "items",
        ds,
        f"""
        with known as (
            from read_parquet([{files}], hive_partitioning = false)
            qualify row_number() over (partition by item_id order by valid_from desc) = 1
        )
        select * replace ({moment} as valid_from, {moment} as recorded_at, {change}) from known
        union all by name select * replace ({change}) from old
        """,
    )


def _empty_prices(share: int) -> Callable[[Path, date], None]:
    return lambda events, ds: _items_again(events, ds, f"if(hash(item_id) % 100 < {share}, null, price) as price")


def _dearer_feed(events: Path, ds: date) -> None:
    _rewrite(
        events, "actions", ds, "select * replace (if(domain = 'feed', 1.3, 1) * unit_price as unit_price) from old"
    )


def _renamed_categories(events: Path, ds: date) -> None:
    _items_again(events, ds, "if(category_id < 'c05', 'new-' || category_id, category_id) as category_id")


def _counted_twice(events: Path, ds: date) -> None:
    again = "select * replace (action_id || '-2' as action_id) from old where action = 'click' and domain = 'search'"
    _rewrite(events, "actions", ds, f"from old union all by name {again}")


def _fewer_labels(events: Path, ds: date) -> None:
    lost = "domain = 'search' and hash(request_id || item_id) % 100 < 20"
    _rewrite(events, "actions", ds, f"from old where not coalesce({lost}, false)")


def _new_domain(events: Path, ds: date) -> None:
    renamed = "if(domain = 'shop' and hash(request_id) % 2 = 0, 'live', domain) as domain"
    for table in ("requests", "actions"):
        _rewrite(events, table, ds, f"select * replace ({renamed}) from old")


def _half_traffic(events: Path, ds: date) -> None:
    for table in ("requests", "candidates", "actions"):
        _rewrite(events, table, ds, "from old where coalesce(hash(request_id) % 2 = 0, true)")


def _late_clicks(events: Path, ds: date) -> None:
    """Clicks of searches become known 24 hours later, in the log of the next day."""
    is_late = f"action = 'click' and domain = 'search' and acted_at >= timestamp '{ds}'"
    late = events / "late.parquet"
    file = events / "actions" / f"ds={ds}" / "part-0.parquet"
    with duckdb.connect() as con:
        clicks = f"from read_parquet({quoted_file(file)}, hive_partitioning = false) where {is_late}"
        query = f"select * replace (recorded_at + interval 24 hours as recorded_at) {clicks}"
        con.execute(f"copy ({query}) to {quoted_file(late)} (format parquet)")
    _rewrite(events, "actions", ds, f"from old where not ({is_late})")
    added = f"from old union all by name from read_parquet({quoted_file(late)})"
    _rewrite(events, "actions", ds + timedelta(days=1), added)
    late.unlink()


def _without_day(table: Table) -> Callable[[Lake, date], None]:
    def delete(lake: Lake, ds: date) -> None:
        lake.commit(
            lambda con: con.execute(f"delete from lake.{table.qualified} where ds = ?", [ds]),
            f"no {table.name} of {ds}",
        )

    return delete


PLANTS = (
    *(
        Plant(
            name=f"null {share} %",
            title=f"The price of {share} % of the items is empty",
            population="features/item_features",
            column="price",
            what="null_rate",
            in_log=_empty_prices(share),
        )
        for share in (50, 95, 100)
    ),
    Plant(
        name="price x 1.3",
        title="Prices paid in the feed are 1.3 times too high",
        population="actions/feed",
        column="price_ratio",
        what="level",
        in_log=_dearer_feed,
    ),
    Plant(
        name="renamed",
        title="A quarter of the categories have other names",
        population="exposures/search/shown",
        column="category_id",
        what="new_values",
        in_log=_renamed_categories,
    ),
    Plant(
        name="counted twice",
        title="The tracker of searches sends each click twice",
        population="actions/search",
        column="is_repeat",
        what="rate",
        in_log=_counted_twice,
    ),
    Plant(
        name="labels -20 %",
        title="A fifth of what is done in searches is lost",
        population="exposures/search/shown",
        column="is_clicked",
        what="rate",
        in_log=_fewer_labels,
    ),
    Plant(
        name="new domain",
        title="Half of the shop visits come as a domain that is not declared",
        population="rejected/requests",
        column="domain_given",
        what="new_domain",
        in_log=_new_domain,
    ),
    Plant(
        name="half traffic",
        title="Half of the requests are lost",
        population="requests/search",
        column="(rows)",
        what="volume",
        in_log=_half_traffic,
    ),
    Plant(
        name="stale features",
        title="The item features of the day are not written",
        population="features/item_features",
        column="(rows)",
        what="missing_population",
        in_lake=_without_day(ITEM_FEATURES),
    ),
    Plant(
        name="late clicks",
        title="Clicks of searches arrive a day late",
        population="exposures/search/shown",
        column="is_clicked",
        what="rate",
        in_log=_late_clicks,
    ),
    Plant(
        name="tier 2 empty",
        title="No query is found by co-occurrence",
        population="samples/feed/synthetic/2",
        column="(rows)",
        what="missing_population",
        in_lake=_without_day(QUERY_ITEM_STATS),
    ),
)
"""Every fault of the suite."""
