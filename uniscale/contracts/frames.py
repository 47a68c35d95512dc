"""Training frames: samples joined point-in-time with features and encoded to the numbers a model takes.

Identifiers become 31-bit hashes (`hash_id`, 0 is "missing"); a model reduces them modulo the size of its own tables,
so one frame serves every model size. Numeric columns hold NaN where a value is missing. Text becomes hashed lower-case
words.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from uniscale.contracts.features import ITEM_FEATURES, QUERY_FEATURES, USER_CATEGORY_FEATURES, USER_FEATURES
from uniscale.contracts.inputs import ITEM_IDS, REQUEST_IDS, Identifier
from uniscale.contracts.samples import WITHOUT_ATTRIBUTION
from uniscale.contracts.schema import Column, Table
from uniscale.contracts.tasks import TASKS

NUMERIC_NAME = {"log": "log_{}", "value": "{}", "age": "log_hours_since_{}"}
"""Name of a numeric input by how it is made of its column (`uniscale.contracts.schema.ModelInput`)."""


def numeric_names(table: Table) -> tuple[str, ...]:
    """Names of the numeric inputs that a feature table gives, in its columns' order."""
    return tuple(NUMERIC_NAME[c.model_input].format(c.name.removesuffix("_at")) for c in table.columns if c.model_input)


PAIR_NUMERIC = (
    "log_price_gap",  # log_price - user_mean_log_price
    "log_price_change",  # log_price - log of the previous price, 0 without one
    "text_match",  # share of the query's words that are in the title
    "query_category_share",  # share of the query's clicks that went to the item's category
    "domain_ctr",  # click rate of the item in the domain of the request
    "domain_cvr",  # purchases per click of the item in the domain of the request
)
"""Inputs that need an item and its request."""

USER_NUMERIC = numeric_names(USER_FEATURES)
QUERY_NUMERIC = numeric_names(QUERY_FEATURES)
ITEM_NUMERIC = (*numeric_names(ITEM_FEATURES), *numeric_names(USER_CATEGORY_FEATURES), *PAIR_NUMERIC)


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericNames:
    """Names of numeric inputs in the order in which a model, or a frame, holds them.

    Attributes:
        user: Of the user.
        query: Of the query.
        item: Of the item in its request.
    """

    user: tuple[str, ...]
    query: tuple[str, ...]
    item: tuple[str, ...]


NUMERIC = NumericNames(user=USER_NUMERIC, query=QUERY_NUMERIC, item=ITEM_NUMERIC)
"""The inputs that frames hold."""

FIRST = 1
"""`position` of the row that a list shows first."""

HASH_SPACE = 2**31 - 1


def hash_id(field: str, value: str | None) -> int:
    """Hash of a categorical value, in [1, 2^31 - 1]; 0 for a missing or empty value.

    The last 8 bytes of md5(``field=value``), little endian, modulo 2^31 - 1, plus 1: the same on every machine, and in
    DuckDB ``1 + md5_number_lower(field || '=' || value) % 2147483647``.
    """
    if not value:
        return 0
    digest = hashlib.md5(f"{field}={value}".encode(), usedforsecurity=False).digest()
    return 1 + int.from_bytes(digest[8:], "little") % HASH_SPACE


def _columns(identifiers: tuple[Identifier, ...], *, per_item: bool = False) -> tuple[Column, ...]:
    """Hashes; in a list where there are several, and in one more where they run over the items."""
    return tuple(
        Column(
            name=one.name,
            type=f"INTEGER{'[]' * ((one.width is not None) + per_item)}",
            description=one.description,
        )
        for one in identifiers
    )


FRAMES = Table(
    schema="ml",
    name="frames",
    grain="One row per sample (split train) or per target-domain request with its whole candidate list (split eval).",
    key=("ds", "split", "sample_id"),
    columns=(
        Column(name="ds", type="DATE", description="UTC day of the request."),
        Column(name="split", type="VARCHAR", description="What it is for.", allowed=("train", "eval")),
        Column(name="sample_id", type="VARCHAR", description="As in es3.samples; request_id for split eval."),
        Column(name="user_id", type="VARCHAR", description="User."),
        Column(name="domain", type="VARCHAR", description="Domain of the request; decides expert and head."),
        Column(name="requested_at", type="TIMESTAMP", description="UTC time of the request."),
        Column(name="query_tier", type="INTEGER", description="As in es3.samples."),
        *_columns(REQUEST_IDS),
        Column(name="user_numeric", type="FLOAT[]", description="Values in the order of USER_NUMERIC."),
        Column(name="query_numeric", type="FLOAT[]", description="Values in the order of QUERY_NUMERIC."),
        Column(
            name="sequence_length",
            type="BIGINT",
            description="Actions of the user known before the request: its history, the prefix of es3.sequences.",
            minimum=0,
        ),
        Column(name="item_ids", type="VARCHAR[]", description="Items; every list below runs over them."),
        *_columns(ITEM_IDS, per_item=True),
        Column(name="item_numeric", type="FLOAT[][]", description="Values in the order of ITEM_NUMERIC."),
        Column(name="is_exposed", type="BOOLEAN[]", description="Shown in the real request."),
        Column(name="position", type="INTEGER[]", description="As in es3.samples."),
        Column(
            name="provenance", type="VARCHAR[]", description="As in es3.samples; native or unexposed for split eval."
        ),
        *(Column(name=task.label, type="BOOLEAN[]", description=f"Label of task {task.name}.") for task in TASKS),
        Column(name="purchase_value", type="DOUBLE[]", description="Value of the purchase."),
        Column(name="inclusion_probability", type="DOUBLE[]", description="As in es3.samples; 1 for split eval."),
        Column(name="label_weight", type="FLOAT[]", description="Training weight; 1 for split eval."),
        *WITHOUT_ATTRIBUTION,
        Column(name="label_as_of", type="TIMESTAMP", description="As in es3.samples."),
    ),
)
