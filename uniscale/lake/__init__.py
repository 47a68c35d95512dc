"""The lakehouse: one DuckLake that holds every table. No other module attaches it."""

from uniscale.lake.extensions import ensure_extensions
from uniscale.lake.lake import Lake, LakeLockedError

__all__ = ["Lake", "LakeLockedError", "ensure_extensions"]
