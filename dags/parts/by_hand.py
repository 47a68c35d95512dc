"""DAGs without a scheduler: ``python -m dags.parts.by_hand DS DAG ...`` runs them for a day, one after another.

``airflow dags test DAG DS`` does the same for one DAG; here several share a process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module

from airflow.utils.state import DagRunState

_TOLD_OTHERWISE = "^pages$"
"""The task that fails while an alert is open that pages: `uniscale day` tells of open alerts itself."""


def run(ds: str, names: Sequence[str]) -> bool:
    """Run DAGs for a day in this process; each is in the file of its name.

    Returns:
        Whether all of them succeeded.
    """
    states = []
    for name in names:
        dag = import_module(f"dags.{name}").dag
        done = dag.test(
            logical_date=datetime.fromisoformat(ds).replace(tzinfo=UTC),
            run_conf={"ds": ds},
            mark_success_pattern=_TOLD_OTHERWISE,
        )
        states.append(done.state)
    return set(states) == {DagRunState.SUCCESS}


if __name__ == "__main__":
    sys.exit(not run(sys.argv[1], sys.argv[2:]))
