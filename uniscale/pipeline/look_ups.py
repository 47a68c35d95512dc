"""The look-ups that a day's page shows, which a user who is forgotten must not be found in."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import duckdb
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from uniscale.contracts.outcomes import STEPS
from uniscale.pipeline.results import LookUps, Materialized

_STEP = "materialize"


def forget_look_ups(con: duckdb.DuckDBPyConnection, user: str) -> None:
    """Take the look-ups of a user out of the ledger; call it inside a `Lake.commit`.

    A result in a form that this code does not read goes as a whole: nobody else reads it either.
    """
    reader = TypeAdapter(Materialized)
    for ds, text in con.execute(f"select ds, details from lake.{STEPS.qualified} where step = ?", [_STEP]).fetchall():
        try:
            found = reader.validate_json(text)
        except ValidationError:
            kept = {}
        else:
            if found.example is None or not _asks_for(found.example, user):
                continue
            kept = to_jsonable_python(replace(found, example=None))
        con.execute(
            f"update lake.{STEPS.qualified} set details = ? where ds = ? and step = ?", [json.dumps(kept), ds, _STEP]
        )


def _asks_for(example: LookUps, user: str) -> bool:
    return any(f"user_id={user}" in shlex.split(answer.command) for answer in example.answers)
