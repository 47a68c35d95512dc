"""The connection that dbt works on: the lake of the settings, and what the models are told.

dbt-duckdb makes the connection and hands it to the `Plugin` that ``dbt_project/profiles.yml`` names. What models ask
for by the macro ``setting`` lies in the table ``memory.main.told``: the policy, the settings, and the days to build. A
step tells its own (`telling`). To a ``dbt`` that somebody starts in a shell the newest day of every group is told.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin

from uniscale.config import Settings, load_settings
from uniscale.contracts.events import ACTIONS_TABLE, EVENT_TABLES, ITEMS, REQUESTS
from uniscale.contracts.marts import ITEM_VERSIONS
from uniscale.contracts.outcomes import PARTITIONS
from uniscale.contracts.policy import load_policy
from uniscale.lake import Lake
from uniscale.lake.contents import Contents
from uniscale.lake.lake import table_has
from uniscale.lake.partitions import built_days
from uniscale.lake.stored import num_rows_by_day
from uniscale.warehouse.build import UNFINISHED
from uniscale.warehouse.plan import Group, plan_groups
from uniscale.warehouse.tables import create_tables
from uniscale.warehouse.variables import dbt_variables


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a run of dbt works on.

    Attributes:
        lake: The lake.
        variables: Values by the name that the macro ``setting`` asks for.
    """

    lake: Lake
    variables: Mapping[str, Any]


_told: Told | None = None


@contextmanager
def telling(told: Told | None) -> Iterator[None]:
    """Tell the models these values for the length of the block: one run of dbt in this process.

    Args:
        told: The values; None tells what a ``dbt`` in a shell is told.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    global _told  # noqa: PLW0603 - dbt makes its plugins, in threads of its own
    _told = told
    DuckDBConnectionManager.close_all_connections()  # dbt keeps one for its next run, on whatever lake it was
    try:
        yield
    finally:
        _told = None
        DuckDBConnectionManager.close_all_connections()


class Plugin(BasePlugin):  # type: ignore[misc] # dbt-duckdb is untyped
    """Attaches the lake, and tells the models what they ask for."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:  # noqa: ARG002 - dbt-duckdb's signature
        """Keep dbt from attaching the lake itself: the profile names no place."""
        assert isinstance(self.creds, DuckDBCredentials)
        self.creds.attach = None

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Make ``lake`` and ``memory.main.told``.

        Raises:
            RuntimeError: There is no lake, or no request in it; the message says what to do. dbt shows that of a
                RuntimeError, and a traceback of anything else.
        """
        try:
            told = _told or _newest(load_settings())
        except (FileNotFoundError, ValueError) as error:
            raise RuntimeError(str(error)) from error
        told.lake.attach(conn)
        conn.execute("create table memory.main.told (name varchar, value varchar)")
        rows = [(name, json.dumps(value, default=str)) for name, value in told.variables.items()]
        conn.executemany("insert into memory.main.told values (?, ?)", rows)


def _newest(settings: Settings) -> Told:
    """The newest day of every group of tables, as a run would build it.

    A run notes what its days were made from. These rows are made from the same, but nobody has looked: the notes of the
    days are dropped with the rows they belong to (``notes``), so that the next run builds the days again.
    """
    lake, policy = Lake(settings), load_policy(settings.policy)
    with lake.read() as con:
        has_requests = table_has(con, REQUESTS)
        newest = con.execute(f"select max(ds) from lake.{REQUESTS.qualified}").fetchone() if has_requests else None
    if newest is None or newest[0] is None:
        raise ValueError(f"the lake {lake.catalog} holds no request; land events first: uniscale ingest events DIR")
    create_tables(lake)
    lake.commit(lambda con: Lake.create(con, PARTITIONS), "notes of what is built")
    with lake.read() as con:
        landed = {table.qualified: num_rows_by_day(con, table) for table in (ACTIONS_TABLE, ITEMS)}
        noted = {day for day, key in built_days(con, ITEM_VERSIONS.qualified).items() if key != UNFINISHED}
    content = Contents({t.qualified: dict.fromkeys(landed.get(t.qualified, ()), "") for t in EVENT_TABLES})
    groups = plan_groups(settings, policy, content, newest[0] - timedelta(days=settings.window.eval_days))
    days = {group.variable: [group.days[day] for day in _days_told(group, noted)] for group in groups}
    return Told(lake=lake, variables={**dbt_variables(settings, policy, days), "notes": PARTITIONS.qualified})


def _days_told(group: Group, noted: Collection[date]) -> list[date]:
    """The newest day, and of tables whose days are read together more.

    Of item versions all that no run has built (``noted``), of others all that the newest day of their readers reads.
    """
    newest = sorted(group.days)[-1:]
    if ITEM_VERSIONS in group.tables:
        return sorted({*newest, *(group.days.keys() - noted)})
    return sorted(group.days) if group.read_together else newest
