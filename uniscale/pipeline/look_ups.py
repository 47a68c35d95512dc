"""The look-ups that a day's page shows, which a user who is forgotten must not be found in."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import replace
from typing import Any

import duckdb

from uniscale.contracts.outcomes import STEPS
from uniscale.pipeline.ledger import as_json
from uniscale.pipeline.results import LookUps, Materialized, read_entry

_STEP = "materialize"


def forget_look_ups(con: duckdb.DuckDBPyConnection, user: str) -> None:
    """Take the look-ups of a user out of the ledger; call it inside a `Lake.commit`.

    A result in a form that this code does not read goes as a whole: nobody else reads it either.
    """
    names = ("ds", "step", "code_version", "details")
    rows = con.execute(f"select {', '.join(names)} from lake.{STEPS.qualified} where step = ?", [_STEP]).fetchall()
    for row in rows:
        entry = dict(zip(names, row, strict=True))
        kept: Materialized | dict[str, Any] = {}
        with suppress(ValueError):
            found: Materialized = read_entry(entry)
            if found.example is None or not _asks_for(found.example, user):
                continue
            kept = replace(found, example=None)
        con.execute(
            f"update lake.{STEPS.qualified} set details = ? where ds = ? and step = ?",
            [as_json(kept), entry["ds"], _STEP],
        )


def _asks_for(example: LookUps, user: str) -> bool:
    return any(f"user_id={user}" in shlex.split(answer.command) for answer in example.answers)
