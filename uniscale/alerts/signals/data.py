"""What monitoring found in the day's rows, and rows that were refused."""

from __future__ import annotations

from typing import Any

from uniscale.alerts.look import Firing, Look, NotMadeError
from uniscale.config.calendar import eval_days
from uniscale.contracts.events import EVENT_TABLES, QUARANTINE
from uniscale.contracts.monitor import FINDINGS, SEPARABILITY, STAGES
from uniscale.contracts.schema import Table
from uniscale.pipeline.ledger import entries

_NAMED = 4
"""Populations that are named after the first one."""


def critical_finding(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """Critical findings of some measures."""
    return _findings(look, parts, "critical")


def warning_finding(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """Other findings of some measures."""
    return _findings(look, parts, "warning")


def apart(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """Populations of training rows that a small classifier tells from native rows by a single row."""
    del parts
    _refuse_unwatched(look, SEPARABILITY)
    query = f"select * from lake.{SEPARABILITY.qualified} where ds = ? and auc >= ? order by population"
    return [
        Firing(
            subject=row["population"],
            value=row["auc"],
            detail=(
                f"{row['population']}, {row['weight_share']:.1%} of the training weight, is told from native rows with "
                f"an AUC of {row['auc']:.2f}, above all by {', '.join(row['top_columns'][:3])}"
            ),
        )
        for row in look.rows(query, look.ds, look.limits.contrasts.auc)
    ]


def rejected_rows(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """Tables of the log of which too many rows of the newest days were refused.

    A row that names no day counts for the day that its file names.
    """
    del parts
    if not look.has(QUARANTINE):
        return []
    last = eval_days(look.settings, look.ds)[-1]
    rejected = look.rows(
        f"""
        select table_name, count(distinct (source, file, row_number)) as num_rows, mode(reason) as reason
        from lake.{QUARANTINE.qualified}
        where coalesce(ds, try_cast(regexp_extract(file, '\\d{{4}}-\\d{{2}}-\\d{{2}}') as date)) between ? and ?
        group by all order by all
        """,
        look.ds,
        last,
    )
    tables = {table.name: table for table in EVENT_TABLES}
    firings = []
    for found in rejected:
        table = tables[found["table_name"]]
        landed = 0
        if look.has(table) and "ds" in table.column_names:
            [row] = look.rows(
                f"select count(*) as n from lake.{table.qualified} where ds between ? and ?", look.ds, last
            )
            landed = row["n"]
        share = found["num_rows"] / (found["num_rows"] + landed)
        if share > look.limits.upkeep.rejected:
            detail = (
                f"{found['num_rows']:,} rows of {table.name} ({share:.1%}) from {look.ds} to {last} were refused; most "
                f"often: {found['reason']}"
            )
            firings.append(Firing(subject=table.name, value=share, detail=detail))
    return firings


def _findings(look: Look, measures: tuple[str, ...], severity: str) -> list[Firing]:
    """One firing for a domain (a stage, where rows have none), column and measure.

    One fault shows in every stage that its rows go through: it is told where it shows first, with the others.
    """
    _refuse_unwatched(look, FINDINGS)
    query = f"select * from lake.{FINDINGS.qualified} where ds = ? and severity = ? and list_contains(?, what)"
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in look.rows(query, look.ds, severity, list(measures)):
        place = row["domain"] or row["stage"]
        groups.setdefault(f"{place} {row['column_name']}: {row['what']}", []).append(row)
    return [_firing(subject, groups[subject]) for subject in sorted(groups)]


def _firing(subject: str, rows: list[dict[str, Any]]) -> Firing:
    first, *others = sorted(rows, key=lambda row: (STAGES.index(row["stage"]), -abs(row["effect"]), row["population"]))
    names = [row["population"] for row in others[:_NAMED]]
    if len(others) > _NAMED:
        names.append(f"{len(others) - _NAMED} more")
    also = f"; also in {', '.join(names)}" if names else ""
    return Firing(subject=subject, value=first["value"], detail=first["detail"] + also)


def _refuse_unwatched(look: Look, table: Table) -> None:
    if "monitor" not in entries(look.con, look.ds) or not look.has(table):
        raise NotMadeError(f"step monitor of {look.ds} is not done")
