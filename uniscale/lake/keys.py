"""Keys of inputs: what is built again when they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeVar

from uniscale.config import Settings
from uniscale.contracts.code import code_of
from uniscale.contracts.policy import Policy
from uniscale.contracts.products import Product
from uniscale.lake.contents import Contents

C = TypeVar("C")


def input_key(inputs: Mapping[str, Any]) -> str:
    """Hash of what a result depends on; ``inputs`` must be JSON-like (dates and paths are written as text)."""
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_keys(
    product: Product[C],
    context: C,
    contents: Contents,
    days: Mapping[date, Mapping[str, Any]],
    *,
    settings: Settings,
    policy: Policy,
) -> dict[date, str]:
    """Build key of each day of a product: code, settings, and what the days hold that it reads.

    Args:
        product: What is built.
        context: What its bounds are computed from.
        contents: What the tables hold that it reads.
        days: The days, each with what else its rows depend on.
        settings: The installation.
        policy: Its ES3 policy.
    """
    shared = {"code": code_of(product.code), "settings": setting_values(settings, policy, product.settings)}
    reads = [read for read in product.reads if read.when is None or read.when(context)]
    keys = {}
    for day, told in days.items():
        content = [contents.digest(read.table, read.first(context, day), read.last(context, day)) for read in reads]
        keys[day] = input_key({**shared, "ds": day, "told": dict(told), "reads": content})
    return keys


def setting_values(settings: Settings, policy: Policy, names: Iterable[str]) -> dict[str, Any]:
    """The values of some settings, JSON-like, by their names as `Product.settings` has them."""
    values = {**settings.model_dump(mode="json"), "policy": policy.model_dump(mode="json")}
    return {name: _value(values, name) for name in names}


def _value(values: Any, name: str) -> Any:
    for part in name.split("."):
        values = values[part]
    return values
