"""Cross-domain drift of a day in the lake: contrasts, separability and rates by score, in one commit."""

from __future__ import annotations

from datetime import date

import duckdb
import pandas as pd

from monitoring.arrow import arrow_rows
from monitoring.cross_domain.contrasts import contrasts, weight_shares
from monitoring.cross_domain.score_rates import score_rates
from monitoring.cross_domain.separability import separability
from monitoring.drift.store import read_profiles
from uniscale.config import Settings
from uniscale.config.calendar import train_days
from uniscale.config.thresholds import ContrastThresholds
from uniscale.contracts.monitor import CONTRASTS, SCORE_RATES, SEPARABILITY
from uniscale.lake import Lake


def compare_domains(settings: Settings, lake: Lake, ds: date, rows: pd.DataFrame, limits: ContrastThresholds) -> None:
    """Compare every population of training rows with native rows of the same day, and replace what the lake holds.

    Args:
        settings: The installation.
        lake: Its lake; holds the day's profiles.
        ds: Day of the run.
        rows: Sampled rows of its last training day.
        limits: Fewest rows.
    """
    target = settings.target_domain
    with lake.read() as con:
        profiles = read_profiles(con, ds, ds).get(ds, {})
    weights = weight_shares(profiles)
    found = {
        CONTRASTS: contrasts(ds, profiles, target),
        SEPARABILITY: list(separability(ds, rows, target, weights, limits)),
        SCORE_RATES: list(score_rates(settings, lake, ds, train_days(settings, ds)[-1], weights)),
    }

    def work(con: duckdb.DuckDBPyConnection) -> None:
        for table, made in found.items():
            con.register("made", arrow_rows(table, made))
            Lake.replace(con, table, f"ds = date '{ds}'", "made")

    lake.commit(work, f"cross-domain drift of {ds}")
