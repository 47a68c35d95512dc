"""Pairs of row sets that the drift report compares, sampled from the lake in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd
from duckdb import DuckDBPyConnection

from uniscale.config import Settings
from uniscale.config.calendar import train_days
from uniscale.contracts.frames import FRAMES, ITEM_NUMERIC, QUERY_NUMERIC, USER_NUMERIC
from uniscale.contracts.literals import quoted
from uniscale.contracts.outcomes import PREDICTIONS
from uniscale.lake.lake import table_has


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two samples of rows with the same numeric columns.

    Attributes:
        name: Short name, used in file names.
        title: What is compared with what.
        current: Rows under watch.
        reference: Rows they are compared with.
    """

    name: str
    title: str
    current: pd.DataFrame
    reference: pd.DataFrame


def feature_pairs(con: DuckDBPyConnection, settings: Settings, ds: date, max_rows: int) -> list[Pair]:
    """Features of each domain, the last training day against the training days before it; then the test days."""
    pairs = []
    days = train_days(settings, ds)
    newest = days[-1]
    for domain in settings.domains:
        last = _features(con, f"split = 'train' and ds = date '{newest}' and domain = {quoted(domain)}", max_rows)
        earlier = f"ds >= date '{days[0]}' and ds < date '{newest}'"
        before = _features(con, f"split = 'train' and {earlier} and domain = {quoted(domain)}", max_rows)
        title = f"{domain}: {newest} against the training days before"
        pairs.append(Pair(name=domain, title=title, current=last, reference=before))
    target = settings.target_domain
    trained = f"split = 'train' and domain = {quoted(target)} and ds between date '{days[0]}' and date '{newest}'"
    judged = f"split = 'eval' and ds > date '{ds}' and ds <= date '{ds}' + {settings.window.eval_days}"
    pairs.append(
        Pair(
            name="evaluation",
            title=f"{target}, shown rows: the test days against the training days",
            current=_features(con, judged, max_rows, exposed_only=True),
            reference=_features(con, trained, max_rows, exposed_only=True),
        )
    )
    return pairs


def prediction_pair(con: DuckDBPyConnection, ds: date, max_rows: int) -> Pair:
    """Predictions of the challenger against the champion's on the same rows."""
    return Pair(
        name="predictions",
        title="predictions: challenger against champion, same rows",
        current=_predictions(con, ds, "challenger", max_rows),
        reference=_predictions(con, ds, "champion", max_rows),
    )


def _features(con: DuckDBPyConnection, where: str, max_rows: int, *, exposed_only: bool = False) -> pd.DataFrame:
    groups = {"user_numeric": USER_NUMERIC, "query_numeric": QUERY_NUMERIC, "item_row": ITEM_NUMERIC}
    columns = [f"{group}[{i + 1}] as {name}" for group, names in groups.items() for i, name in enumerate(names)]
    shown = "where is_row_exposed" if exposed_only else ""
    query = f"""
        with rows as (
            select
                sample_id, user_numeric, query_numeric, unnest(item_ids) as item_id,
                unnest(item_numeric) as item_row, unnest(is_exposed) as is_row_exposed
            from {FRAMES.qualified}
            where {where}
        )
        select {", ".join(columns)}
        from rows {shown}
        order by md5(sample_id || item_id)
        limit {max_rows}
    """
    return con.execute(query).df()


def _predictions(con: DuckDBPyConnection, ds: date, role: str, max_rows: int) -> pd.DataFrame:
    names = [name for name in PREDICTIONS.column_names if name.endswith("_probability")]
    if not table_has(con, PREDICTIONS):
        return pd.DataFrame({name: [] for name in names})
    query = f"""
        with rows as (
            select
                request_id, unnest(item_ids) as item_id, {", ".join(f"unnest({name}) as {name}" for name in names)}
            from {PREDICTIONS.qualified}
            where ds = ? and role = ?
        )
        select {", ".join(names)}
        from rows
        order by md5(request_id || item_id)
        limit {max_rows}
    """
    return con.execute(query, [ds, role]).df()
