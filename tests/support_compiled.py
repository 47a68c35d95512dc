"""The warehouse's own SQL, compiled once by dbt and run on many small logs in memory, without a lake."""

import json
import random
from datetime import date, timedelta

import duckdb
import pyarrow as pa
import yaml

from tests.support_warehouse import TABLES, Log, arrow_schema
from uniscale.config import Settings
from uniscale.contracts.days import Day, midnight_after
from uniscale.contracts.marts import ITEM_VERSIONS, OUTSIDE_ACTIONS
from uniscale.contracts.policy import DEFAULT_POLICY, Policy
from uniscale.lake import Lake
from uniscale.lake.macros import install_macros
from uniscale.warehouse.project import run_dbt, state_folder
from uniscale.warehouse.variables import dbt_variables

MARTS = ("fct_exposures", "fct_attributions")
MADE_FIRST = (ITEM_VERSIONS, OUTSIDE_ACTIONS)
"""Marts that other models read."""
LOGGED_DAYS = [{"ds": date(2025, 12, 1) + timedelta(days=ahead)} for ahead in range(60)]
"""Days on which the logs have versions of items and actions."""


def policy_with(*, click: dict, purchase: dict, **attribution) -> Policy:
    """The default policy with changed rules of attribution."""
    content = yaml.safe_load(DEFAULT_POLICY.read_text(encoding="utf-8"))
    content["attribution"].update(attribution)
    content["attribution"]["click"].update(click)
    content["attribution"]["purchase"].update(purchase)
    return Policy.model_validate(content)


def final_days(first: date, num_days: int, policy: Policy) -> list[Day]:
    """Days as an old run has them: every label known that will ever be."""
    window = policy.attribution.window_days
    days = [first + timedelta(days=ahead) for ahead in range(num_days)]
    return [Day(ds=ds, split="train", label_as_of=midnight_after(ds, window), is_final=True) for ds in days]


class Compiled:
    """Compiled SQL of some models of a policy, with a database to run it in.

    Args:
        settings: An installation whose home is free to write to.
        policy: The policy.
        told: By variable, the days to build.
        models: The models.
    """

    def __init__(self, settings: Settings, policy: Policy, told: dict[str, list[dict]], models: tuple[str, ...]):
        self.policy = policy
        self.models = models
        names = [table.name for table in MADE_FIRST]
        variables = json.dumps(
            dbt_variables(settings, policy, {"version_days": LOGGED_DAYS, "outside_days": LOGGED_DAYS, **told})
        )
        command = ["compile", "--no-populate-cache", "--no-introspect", "--select", *names, *models]
        run_dbt(settings, Lake(settings), [*command, "--vars", variables])
        compiled = state_folder(settings) / "target" / "compiled" / "uniscale" / "models"
        self.sql = {path.stem: path.read_text(encoding="utf-8") for path in compiled.rglob("*.sql")}
        self.con = duckdb.connect()
        self.con.execute("set timezone = 'UTC'; set threads = 1; attach ':memory:' as lake; use lake")
        install_macros(self.con)
        self.con.execute("create schema raw; create schema marts")
        for table in (*TABLES.values(), *MADE_FIRST):
            self.con.execute(table.ddl())

    def hold(self, log: Log, *, order: int | None = None) -> None:
        """Make a log the input; ``order`` shuffles its rows."""
        for name, table in TABLES.items():
            rows = list(getattr(log, name))
            if order is not None:
                random.Random(order).shuffle(rows)
            self.con.execute(f"delete from {table.qualified}")
            self.con.register("given", pa.Table.from_pylist(rows, schema=arrow_schema(table)))
            self.con.execute(f"insert into {table.qualified} by name from given")
        for table in MADE_FIRST:
            made = table.qualified
            self.con.execute(f"truncate {made}; insert into {made} by name {self.sql[table.name]}")

    def run(self, log: Log, *, order: int | None = None) -> dict[str, list[dict]]:
        """Rows of the models of a log; ``order`` shuffles the input rows."""
        self.hold(log, order=order)
        return {name: self.con.execute(f"from ({self.sql[name]})").to_arrow_table().to_pylist() for name in self.models}


class CompiledMarts(Compiled):
    """The marts of one policy and calendar."""

    def __init__(self, settings: Settings, policy: Policy, days: list[Day]):
        self.days = days
        told = [{"ds": day.ds, "label_as_of": day.label_as_of, "is_final": day.is_final} for day in days]
        super().__init__(settings, policy, {"request_days": told}, MARTS)
