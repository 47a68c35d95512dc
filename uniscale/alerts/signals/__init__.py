"""Everything that rules can watch, by name."""

from __future__ import annotations

from uniscale.alerts.look import Signal
from uniscale.alerts.signals.data import apart, critical_finding, rejected_rows, warning_finding
from uniscale.alerts.signals.model import bad_calibration, fallen_metric, old_champion
from uniscale.alerts.signals.run import day_missing, disk_full, failed_step, incident
from uniscale.alerts.signals.serving import overdue_features, skewed_input
from uniscale.contracts.metrics import CATALOGUE
from uniscale.contracts.monitor import MEASURES
from uniscale.pipeline.steps import DAY_STEPS

SIGNALS: dict[str, Signal] = {
    "day_missing": Signal(find=day_missing),
    "failed_step": Signal(find=failed_step, parts=frozenset(step.group for step in DAY_STEPS)),
    "incident": Signal(find=incident, parts=frozenset({"failed", "late"})),
    "disk_full": Signal(find=disk_full),
    "fallen_metric": Signal(
        find=fallen_metric, parts=frozenset(name for name, one in CATALOGUE.items() if one.higher_is_better)
    ),
    "bad_calibration": Signal(find=bad_calibration),
    "old_champion": Signal(find=old_champion),
    "overdue_features": Signal(find=overdue_features),
    "skewed_input": Signal(find=skewed_input),
    "rejected_rows": Signal(find=rejected_rows),
    "critical_finding": Signal(find=critical_finding, parts=frozenset(MEASURES)),
    "warning_finding": Signal(find=warning_finding, parts=frozenset(MEASURES)),
    "apart": Signal(find=apart),
}
