"""Pools of Airflow: what takes turns waits there, not in a slot that others could use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """A pool.

    Attributes:
        name: Its name.
        slots: How many tasks may run at once.
        meaning: What it is for.
    """

    name: str
    slots: int
    meaning: str


INSTALLATION = Pool(name="installation", slots=1, meaning="Tasks that work on the lake: one at a time.")
STUDIES = Pool(name="studies", slots=1, meaning="Trainings for people to learn from: they only read the lake.")
POOLS = (INSTALLATION, STUDIES)
