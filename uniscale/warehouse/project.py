"""Run the dbt project in this process, against the lake of the settings.

Any dbt command runs the same way: ``python -m uniscale.warehouse.project source freshness``, or ``docs generate
--static``, which writes the catalogue of all models as one page, ``dbt/target/static_index.html`` under the home of the
installation. So does plain ``dbt`` in the folder of the project, with its own messages, but for where it writes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uniscale.checkout import PROJECT_ROOT
from uniscale.config import Settings, load_settings
from uniscale.lake import Lake

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
_MAX_REPORTED = 5


class DbtFailedError(RuntimeError):
    """dbt did not finish with every model built and every test passed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeResult:
    """What became of one model or test.

    Attributes:
        name: Model or test name.
        kind: ``model``, ``test``, ``unit_test`` or ``source``.
        status: dbt's word: success, pass, fail, error, warn, skipped.
        message: dbt's message, empty when all is well; of a source, how old its newest row is.
        seconds: Wall time.
        failures: Rows that a test found fault with; None of anything else.
    """

    name: str
    kind: str
    status: str
    message: str
    seconds: float
    failures: int | None = None

    @property
    def line(self) -> str:
        """What people read."""
        faults = f"  {self.failures:,} rows at fault" if self.failures else ""
        told = f"  {self.message}" if self.kind == "source" or self.status in ("warn", "fail", "error") else ""
        return f"{self.status:8} {self.seconds:7.2f} s  {self.kind} {self.name}{faults}{told}"


def state_folder(settings: Settings) -> Path:
    """Where dbt keeps compiled SQL, the manifest and its logs: next to the lake, never in the checkout."""
    return settings.home / "dbt"


def run_dbt(
    settings: Settings, lake: Lake, arguments: Sequence[str], variables: Mapping[str, Any] | None = None
) -> tuple[NodeResult, ...]:
    """Run one dbt command.

    Args:
        settings: The installation; memory limit and threads of its lake hold for dbt too.
        lake: The lake that dbt works on.
        arguments: Command and options, for example ``["build", "--select", "config.days_from:request_days"]``.
        variables: What the models are told (`dbt_variables`); default what a ``dbt`` in a shell is told.

    Raises:
        DbtFailedError: The project does not parse, a model failed or was skipped, or a test did not pass; the message
            names the node and says what dbt said.
    """
    from dbt.cli.main import dbtRunner

    from uniscale.warehouse.connection import Told, telling

    state = state_folder(settings)
    state.mkdir(parents=True, exist_ok=True)
    command = [
        *arguments,
        *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
        *("--target-path", str(state / "target"), "--log-path", str(state / "logs")),
        *("--log-level", "error", "--log-level-file", "info", "--no-use-colors", "--no-send-anonymous-usage-stats"),
    ]
    told = None if variables is None else Told(lake=lake, variables=variables)
    with telling(told), redirect_stdout(sys.stderr):
        answer = dbtRunner().invoke(command)
    results = _results(answer.result)
    for result in results if told is not None else ():
        print(f"dbt {result.line}", file=sys.stderr)
    _check(arguments[0], answer.success, answer.exception, results)
    return results


def _results(result: object) -> tuple[NodeResult, ...]:
    return tuple(
        NodeResult(
            name=entry.node.name,
            kind=str(entry.node.resource_type),
            status=str(entry.status),
            message=entry.message or _age(entry),
            seconds=entry.execution_time,
            failures=entry.failures,
        )
        for entry in getattr(result, "results", ())
    )


def _age(entry: Any) -> str:
    """Of a source whose freshness was asked for: its newest row."""
    if getattr(entry, "max_loaded_at", None) is None:
        return ""
    return f"the newest row is of {entry.max_loaded_at:%Y-%m-%d %H:%M} UTC, {entry.age / 3600:.0f} hours ago"


def _check(command: str, success: bool, error: BaseException | None, results: tuple[NodeResult, ...]) -> None:
    if error is not None:
        raise DbtFailedError(f"dbt {command} stopped: {error}") from error
    bad = [result for result in results if result.status not in {"success", "pass", "warn", "no-op"}]
    if not bad and success:
        return
    first = [result for result in bad if result.status != "skipped"] or bad
    told = "; ".join(f"{entry.kind} {entry.name}: {entry.message or entry.status}" for entry in first[:_MAX_REPORTED])
    more = f" (and {len(bad) - len(first[:_MAX_REPORTED])} more)" if len(bad) > len(first[:_MAX_REPORTED]) else ""
    raise DbtFailedError(f"dbt {command} failed: {told or 'see the log'}{more}")


def main(arguments: Sequence[str]) -> int:
    """Run dbt as on a command line: a line per node; exit code 1 on failure and 2 without a lake, with the reason."""
    settings = load_settings()
    lake = Lake(settings)
    try:
        with lake.read():
            pass
        results = run_dbt(settings, lake, arguments)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except DbtFailedError as error:
        print(error, file=sys.stderr)
        return 1
    for result in results:
        print(result.line, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
