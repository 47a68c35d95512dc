"""The record of the suite as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def page(record: Mapping[str, Any]) -> str:
    """Markdown of a record: planted faults, quiet days, and how it was made."""
    quiet, planted = record["quiet"], record["planted"]
    alarmed = [day for day in quiet if day["false_alarms"]]
    lines = [
        "# Planted faults and quiet days",
        "",
        f"`{record['command']}`, {record['date']}, code {record['code_version']}, {record['hardware']}.",
        f"Shops of size {record['size']}, seeds {', '.join(str(seed) for seed in sorted({d['seed'] for d in quiet}))}.",
        "",
        "| | count |",
        "|---|---|",
        f"| faults planted | {len(planted)} |",
        f"| found on their day, by population and column | {sum(one['is_found'] for one in planted)} |",
        f"| quiet days | {len(quiet)} |",
        f"| quiet days with a false alarm | {len(alarmed)} |",
        "",
        "| fault | log, days | found | score | findings that day | what was told |",
        "|---|---|---|---|---|---|",
    ]
    for one in planted:
        score = "" if one["score"] is None else f"{one['score']:.1f}"
        found = "yes" if one["is_found"] else "no"
        cells = (one["title"], one["log_days"], found, score, one["num_findings"], one["detail"] or "")
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    lines += ["", "| quiet day of a log of | seed | false alarms |", "|---|---|---|"]
    for day in quiet:
        lines.append(f"| {day['log_days']} days | {day['seed']} | {'; '.join(day['false_alarms']) or 'none'} |")
    return "\n".join(lines) + "\n"
