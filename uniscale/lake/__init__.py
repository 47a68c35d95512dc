"""The lakehouse: one DuckLake that holds every table. No other module attaches it."""

from uniscale.lake.busy import LakeLockedError
from uniscale.lake.lake import Lake

__all__ = ["Lake", "LakeLockedError"]
