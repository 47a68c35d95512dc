"""Random streams by name, so that a draw depends on the seed and its place in the world and on nothing else."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def stream(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """The generator of one place: for example ``stream(7, "search", day, block)``."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), *numbers])


def normal(rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
    """Standard normal draws, single precision."""
    return rng.standard_normal(shape, dtype=np.float32)


def uniform(rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
    """Uniform draws in [0, 1), single precision."""
    return rng.random(shape, dtype=np.float32)


def gumbel(rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
    """Gumbel draws, single precision: adding them to log weights and taking the top k samples without replacement."""
    draws: Array = -np.log(rng.standard_exponential(shape, dtype=np.float32) + np.float32(1e-20))
    return draws


def weighted(rng: np.random.Generator, weights: Array, count: int) -> Array:
    """``count`` indices with probability proportional to ``weights`` [N], with replacement."""
    bounds = np.cumsum(weights, dtype=np.float64)
    picked: Array = np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right").astype(np.int32)
    return picked


def sigmoid(logit: Array) -> Array:
    """Logistic function."""
    with np.errstate(over="ignore"):  # of a hopeless row: its chance is 0
        value: Array = 1.0 / (1.0 + np.exp(-logit))
    return value
