"""The hand-written script on the lake of the settings: ``python -m benchmarks.data.es3_by_hand DAY OUT``."""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.data.es3_same import compare
from benchmarks.data.es3_shops import peak_mib
from uniscale.config import Settings
from uniscale.config.calendar import days_of_run
from uniscale.config.settings import load_settings
from uniscale.contracts.policy import load_policy
from uniscale.es3.plan import MAX_LISTS
from uniscale.lake import Lake

SCRIPT = Path(__file__).with_name("es3_by_hand.sql")


def values(settings: Settings, ds: date) -> dict[str, Any]:
    """What the script, and its equivalent in pandas, take from settings and policy."""
    policy = load_policy(settings.policy)
    search, days = policy.searchification, days_of_run(settings, ds)
    return {
        "days": [
            {
                "ds": day.ds,
                "label_as_of": day.label_as_of,
                "is_final": day.is_final,
                "is_train": day.split == "train",
                "age": (day.label_as_of.date() - day.ds).days - 1,
            }
            for day in days
        ],
        "rules": [
            {
                "action": action,
                "target": target,
                "rank": rank,
                "window_hours": rule.window_hours,
                "label_weight": rule.label_weight,
            }
            for action, rule in (("click", policy.attribution.click), ("purchase", policy.attribution.purchase))
            for rank, target in enumerate(rule.targets)
        ],
        "weights": [
            {"provenance": name, "weight": float(value)} for name, value in policy.weights.model_dump().items()
        ],
        "target": settings.target_domain,
        "seed": str(settings.seed),
        "window_days": policy.attribution.window_days,
        "weigh": policy.maturity.young_days == "weigh",
        "max_weight": policy.maturity.max_weight,
        "ratio": policy.unexposed.ratio,
        "history_days": search.history_days,
        "min_support": search.min_support,
        "min_confidence": search.min_confidence,
        "prior_clicks": search.prior_clicks,
        "user_mix": search.user_mix,
        "max_negatives": search.max_negatives,
        "max_lists": MAX_LISTS,
        "visit_minutes": search.visit_minutes,
        "positive_rate": search.positive_rate,
        "click_window_hours": policy.attribution.click.window_hours,
    }


def main() -> None:
    """Run the script; prints seconds (also by statement), peak memory and what was compared."""
    ds, out = date.fromisoformat(sys.argv[1]), Path(sys.argv[2])
    out.mkdir()
    settings = load_settings()
    given = values(settings, ds)
    statements: dict[str, float] = {}
    start = time.perf_counter()
    with Lake(settings).read() as con:
        for statement in con.extract_statements(SCRIPT.read_text(encoding="utf-8").replace("OUT/", f"{out}/")):
            began = time.perf_counter()
            con.execute(statement, {name: given[name] for name in statement.named_parameters})
            statements[_title(statement.query).replace(str(out), "OUT")] = time.perf_counter() - began
        found: dict[str, Any] = {
            "seconds": time.perf_counter() - start,
            "peak_mib": peak_mib(),
            "statements": statements,
        }
        attributed = con.execute(
            "select action || ' to ' || target, count(*) from attributions group by all"
        ).fetchall()
        row = con.execute("select count(*) from exposures").fetchone()
        assert row is not None
        found["same"] = compare(con, ds, out, exposures=row[0], attributed=dict(attributed))
    print(json.dumps(found))


def _title(query: str) -> str:
    """The first line of a statement that is no comment."""
    return next(line for line in query.strip().splitlines() if line and not line.startswith("--")).removesuffix(" as")


if __name__ == "__main__":
    main()
