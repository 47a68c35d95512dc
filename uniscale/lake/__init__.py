"""The lakehouse: one DuckLake that holds every table. No other module attaches it."""

from uniscale.lake.lake import Lake, LakeLockedError

__all__ = ["Lake", "LakeLockedError"]
