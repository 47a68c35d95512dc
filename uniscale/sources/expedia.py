"""Expedia hotel searches (ICDM 2013, "Personalize Expedia Hotel Searches"): the search domain on real input.

What the data does not say is decided here, once, and documented in docs/ingest.md: there is no user id, so every search
is a user of its own; there is no time of a click, so a click follows its search by one minute and a booking by ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from uniscale.config import Settings
from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.lake.lake import Lake
from uniscale.sources.fingerprints import source_key
from uniscale.sources.incoming import BadFileError, Incoming
from uniscale.sources.ingest import IngestReport, ingest_prepared
from uniscale.sources.reading import csv_header, csv_select, malformed_lines

DOMAIN = "search"
FILE_NAMES = ("searches.csv.gz", "searches.csv", "train.csv.gz", "train.csv")
COLUMNS = (
    *("srch_id", "date_time", "site_id", "visitor_location_country_id"),
    *("visitor_hist_starrating", "visitor_hist_adr_usd", "prop_country_id", "prop_id", "prop_starrating"),
    *("prop_review_score", "prop_brand_bool", "prop_location_score1", "prop_location_score2", "position"),
    *("price_usd", "promotion_flag", "srch_destination_id", "srch_length_of_stay", "srch_booking_window"),
    *("srch_adults_count", "srch_children_count", "srch_room_count", "srch_saturday_night_bool"),
    *("random_bool", "click_bool", "gross_bookings_usd", "booking_bool"),
)
"""What is read of the 54 columns; the competitors' prices are left out."""

# bucket(v, edges): the number of edges at or below v, as text; NULL if v is missing or not a number.
_BUCKET = """
create or replace temp macro bucket(v, edges) as
    case when try_cast(v as double) is not null
    then cast(len(list_filter(edges, lambda e: e <= try_cast(v as double))) as varchar) end
"""


def ingest_expedia(settings: Settings, lake: Lake, path: Path) -> IngestReport:
    """Land the Expedia searches.

    Args:
        settings: Of the installation.
        lake: Where to land.
        path: The CSV file (may be gzipped), or the folder that holds it.

    Raises:
        FileNotFoundError: There is no such file.
        BadFileError: The file is not this data set, or too much of it is bad; the lake stays as it was.
    """
    file = _find(path)

    def prepare(con: duckdb.DuckDBPyConnection) -> Sequence[Incoming]:
        return _prepare(con, file)

    hints = () if settings.target_domain == DOMAIN else (f'put into uniscale.toml: target_domain = "{DOMAIN}"',)
    return ingest_prepared(lake, "expedia", prepare, {None: source_key(settings.home, [file])}, hints)


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    for name in FILE_NAMES:
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(f"{path} is no file and holds none of {', '.join(FILE_NAMES)}; give the file of searches")


def _prepare(con: duckdb.DuckDBPyConnection, file: Path) -> list[Incoming]:
    header = csv_header(file, file.name)
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise BadFileError(
            file.name, f"column {', '.join(missing)} is missing", "Give the searches of the Expedia set with labels"
        )
    malformed = malformed_lines(con, file, file.name, header)
    source = csv_select(file, header, malformed, null_texts=("NULL", ""))
    con.execute(f"create or replace temp table searches as select row_number, {', '.join(COLUMNS)} from ({source})")
    con.execute(_BUCKET)
    con.execute(Path(__file__).with_name("expedia.sql").read_text(encoding="utf-8"))
    views = {"users": USERS, "items": ITEMS, "requests": REQUESTS, "candidates": CANDIDATES}
    actions = {"clicks": ACTIONS_TABLE, "bookings": ACTIONS_TABLE}
    return [
        Incoming(
            table=table,
            file=f"{file.name}#{view}",
            select=f"from expedia_{view}",
            day=None,
            domains=(DOMAIN,),
            malformed=malformed if table is CANDIDATES else (),
        )
        for view, table in {**views, **actions}.items()
    ]
