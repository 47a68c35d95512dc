"""Pairs of row sets that Evidently compares: a population today and in the days before, or two rankers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import pandas as pd

from monitoring.rows import sampled_rows
from uniscale.config import Settings
from uniscale.config.calendar import train_days
from uniscale.contracts.outcomes import PREDICTIONS
from uniscale.contracts.tasks import CLICK, TASKS
from uniscale.lake.lake import table_has


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two samples of rows with the same columns.

    Attributes:
        name: Short name, used in file names.
        title: What is compared with what.
        current: Rows under watch.
        reference: Rows they are compared with.
        label: Column whose rate is tested, if any.
    """

    name: str
    title: str
    current: pd.DataFrame
    reference: pd.DataFrame
    label: str | None = None


def training_pairs(
    con: duckdb.DuckDBPyConnection, settings: Settings, ds: date, today: pd.DataFrame, max_rows: int
) -> list[Pair]:
    """Training rows of each domain, those of the last training day against the training days before.

    Of the target domain they are native rows; of the others, whose every row is synthetic, all tiers.

    Args:
        con: A lake connection.
        settings: The installation.
        ds: Day of the run.
        today: Sampled rows of the last training day.
        max_rows: Rows of a population.
    """
    *days, newest = train_days(settings, ds)
    before = sampled_rows(con, days, max_rows) if days else today.head(0)
    pairs = []
    for domain in settings.domains:
        provenance = "native" if domain == settings.target_domain else "synthetic"
        current, reference = (_of(rows, domain, provenance) for rows in (today, before))
        title = f"{domain}, {provenance}: {newest} against the training days before"
        pairs.append(Pair(name=domain, title=title, current=current, reference=reference, label=CLICK.label))
    return pairs


def prediction_pair(con: duckdb.DuckDBPyConnection, ds: date, max_rows: int) -> Pair:
    """Predictions of the challenger against the champion's on the same rows."""
    return Pair(
        name="predictions",
        title="predictions: challenger against champion, same rows",
        current=_predictions(con, ds, "challenger", max_rows),
        reference=_predictions(con, ds, "champion", max_rows),
    )


def _of(rows: pd.DataFrame, domain: str, provenance: str) -> pd.DataFrame:
    found = rows[(rows["domain"] == domain) & (rows["provenance"] == provenance)]
    return found.drop(columns=["domain", "provenance", "query_tier", "user_id"]).reset_index(drop=True)


def _predictions(con: duckdb.DuckDBPyConnection, ds: date, role: str, max_rows: int) -> pd.DataFrame:
    names = [task.probability for task in TASKS]
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
