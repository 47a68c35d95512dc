"""Makes `DayTimetable` known to every process of Airflow; ``[core] plugins_folder`` names this folder."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from dags.parts.days import DayTimetable


class DaysPlugin(AirflowPlugin):
    """The plugin."""

    name = "uniscale_days"
    timetables = [DayTimetable]  # noqa: RUF012
