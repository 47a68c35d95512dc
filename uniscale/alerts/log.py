"""Alerts in the log: one line each, of every severity."""

from __future__ import annotations

import logging

from uniscale.alerts.telling import News
from uniscale.contracts.alerts import SEVERITIES

_log = logging.getLogger(__name__)


class Log:
    """The log of the process: of the task in Airflow, standard error elsewhere."""

    name = "log"
    severities: tuple[str, ...] = SEVERITIES

    def tell(self, news: News) -> None:
        """Write a line for each alert."""
        for one in news.opened:
            _log.warning(
                "alert opened [%s] %s, %s (docs/runbooks/%s)", one.severity, one.title, one.detail, one.runbook
            )
        for one in news.closed:
            _log.warning("alert closed %s, it was open since %s", one.title, one.opened_ds)
