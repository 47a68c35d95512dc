"""Dunnhumby's "The Complete Journey": real purchases with the displays, mailers and coupons that came before them.

There are no page requests in this data. A household's visit to a store in a week stands for one request in domain
``display`` and one in domain ``mailer``; a campaign sent to a household is a request in domain ``coupon``; purchases
are actions in domain ``store``, outside of all requests. docs/ingest.md has the mapping and what it assumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

from uniscale.config import Settings
from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.lake.lake import Lake
from uniscale.sources.fingerprints import source_key
from uniscale.sources.incoming import BadFileError, Incoming
from uniscale.sources.ingest import IngestReport, ingest_prepared
from uniscale.sources.reading import parquet_select

DOMAINS = ("mailer", "display", "coupon", "store")
COLUMNS = {
    "transactions": (
        *("household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value", "retail_disc"),
        *("coupon_match_disc", "week", "transaction_timestamp"),
    ),
    "promotions": ("product_id", "store_id", "display_location", "mailer_location", "week"),
    "products": (
        *("product_id", "manufacturer_id", "department", "brand"),
        *("product_category", "product_type", "package_size"),
    ),
    "campaigns": ("campaign_id", "household_id"),
    "campaign_descriptions": ("campaign_id", "campaign_type", "start_date"),
    "coupons": ("coupon_upc", "product_id", "campaign_id"),
    "coupon_redemptions": ("household_id", "coupon_upc", "campaign_id", "redemption_date"),
    "demographics": (
        *("household_id", "age", "income", "home_ownership", "marital_status"),
        *("household_size", "household_comp", "kids_count"),
    ),
}
"""Files of the set, and the columns that are read of each."""

_VIEWS = (
    (USERS, "users", "demographics"),
    (ITEMS, "products", "products"),
    (ITEMS, "coupon_items", "coupons"),
    (REQUESTS, "visit_requests", "promotions"),
    (REQUESTS, "campaign_requests", "campaigns"),
    (CANDIDATES, "visit_candidates", "promotions"),
    (CANDIDATES, "campaign_candidates", "coupons"),
    (ACTIONS_TABLE, "store_actions", "transactions"),
    (ACTIONS_TABLE, "redemption_actions", "coupon_redemptions"),
)


def ingest_complete_journey(settings: Settings, lake: Lake, folder: Path) -> IngestReport:
    """Land The Complete Journey.

    Args:
        settings: Of the installation; the report hints at the lines it lacks.
        lake: Where to land.
        folder: Holds the Parquet files.

    Raises:
        FileNotFoundError: A file of the set is not there.
        BadFileError: A file is not of this set, or too much of it is bad; the lake stays as it was.
    """
    paths = {name: folder / f"{name}.parquet" for name in COLUMNS}
    absent = [path.name for path in paths.values() if not path.is_file()]
    if absent:
        raise FileNotFoundError(
            f"{folder} lacks {', '.join(absent)}; give the folder of all {len(paths)} Parquet files"
        )

    def prepare(con: duckdb.DuckDBPyConnection) -> Sequence[Incoming]:
        return _prepare(con, paths)

    keys: dict[date | None, str] = {None: source_key(settings.home, list(paths.values()))}
    return ingest_prepared(lake, "complete-journey", prepare, keys, _hints(settings))


def _prepare(con: duckdb.DuckDBPyConnection, paths: dict[str, Path]) -> list[Incoming]:
    for name, path in paths.items():
        select = parquet_select(con, path, path.name)
        present = {row[0] for row in con.execute(f"describe {select}").fetchall()}
        missing = [column for column in COLUMNS[name] if column not in present]
        if missing:
            raise BadFileError(path.name, f"column {', '.join(missing)} is missing", "Give the files of the set")
        con.execute(
            f"create or replace temp view {name} as select row_number, {', '.join(COLUMNS[name])} from ({select})"
        )
    con.execute(Path(__file__).with_name("complete_journey.sql").read_text(encoding="utf-8"))
    return [
        Incoming(table=table, file=f"{paths[file].name}#{view}", select=f"from cj_{view}", day=None, domains=DOMAINS)
        for table, view, file in _VIEWS
    ]


def _hints(settings: Settings) -> tuple[str, ...]:
    if settings.target_domain in ("mailer", "display") and set(DOMAINS) <= set(settings.domains):
        return ()
    listed = ", ".join(f'"{domain}"' for domain in DOMAINS)
    return (
        "to run days on this data, put these two lines at the top of uniscale.toml "
        '(target_domain may be "display" as well):',
        'target_domain = "mailer"',
        f"domains = [{listed}]",
    )
