"""Do synthetic requests give the label away? Measured by what each input alone, and all together, can rank.

Within one request, because that is what a ranker is asked to do: two lists may differ in how well their items match
and still give nothing away, and a list may give its label away though lists differ so much that nobody sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from statistics import NormalDist
from typing import Any

import duckdb
import numpy as np

from uniscale.contracts.features import FEATURE_WINDOWS, ITEM_FEATURES, QUERY_FEATURES, USER_CATEGORY_FEATURES
from uniscale.contracts.frames import NUMERIC_NAME, PAIR_NUMERIC
from uniscale.contracts.policy import Searchification
from uniscale.contracts.samples import SAMPLES
from uniscale.contracts.schema import Table
from uniscale.es3.pairs import model_won, pairs_of, share_won
from uniscale.es3.plan import Plan
from uniscale.es3.statements import run_files

MAX_RECORDS = 5_000
"""Records measured per tier, the same ones every time."""

MEASURED_FEATURES = (ITEM_FEATURES, USER_CATEGORY_FEATURES, QUERY_FEATURES)
"""Feature tables that are read."""

TOGETHER = "all inputs"
"""Name of the small model over all inputs."""

REAL = ("native", "channels")
"""Real lists: of searches, and of other channels."""

MATCH = ("text_match", "query_category_share")
"""What the synthetic query itself decides: too weak a match is as wrong as too strong a one."""

_TRANSFORMED = {
    "log": "ln(1 + greatest({}, 0))",
    "value": "{}",
    "age": "ln(1 + greatest((epoch(requested_at) - {}) / 3600, 0))",
}
"""How a model reads a column (`uniscale.contracts.schema.ModelInput`)."""
_AGE = NUMERIC_NAME["age"].removesuffix("{}")
_PAIRS = {
    # Within a request the user's mean is the same for all items.
    "log_price_gap": "ln(1 + greatest(price, 0))",
    "log_price_change": "ln(1 + greatest(price, 0)) - ln(1 + greatest(coalesce(item_previous_price, price), 0))",
    "text_match": "len(list_intersect(query_words, title_words)) / nullif(len(query_words), 0)",
    "query_category_share": (
        "case when len(query_categories) > 0 and category_id is not null "
        "then coalesce(query_category_shares[list_position(query_categories, category_id)], 0) end"
    ),
    "domain_ctr": "item_domain_ctrs[list_position(item_domains, domain)]",
    "domain_cvr": "item_domain_cvrs[list_position(item_domains, domain)]",
}

_NORMAL = NormalDist()


class LeakError(RuntimeError):
    """Synthetic requests order their items otherwise than real ones, more than the policy allows."""


def leak_inputs() -> dict[str, str]:
    """Every input of a model that tells the items of a request apart, by name: its SQL over ``leak_joined``."""
    return {
        "is_exposed": "is_exposed::double",
        **_of_table(ITEM_FEATURES, "{}"),
        # Where the category is known, no version says the same as counts of 0.
        **_of_table(USER_CATEGORY_FEATURES, "coalesce({}, 0)"),
        **{name: _PAIRS[name] for name in PAIR_NUMERIC},
    }


def _of_table(table: Table, counted: str) -> dict[str, str]:
    return {
        NUMERIC_NAME[kind].format(column.name.removesuffix("_at")): _TRANSFORMED[kind].format(
            counted.format(column.name) if kind == "log" else column.name
        )
        for column in table.columns
        if (kind := column.model_input) is not None
    }


def measure_leak(
    con: duckdb.DuckDBPyConnection, plan: Plan, samples: str = f"lake.{SAMPLES.qualified}"
) -> dict[str, dict[str, Any]]:
    """AUC within the request of every input alone, and of a small model over all of them, for the label click.

    A synthetic query that was chosen with an eye on the clicked item, or negatives that another list would never have
    shown, order the items of a synthetic request better than a real one's are. A model then learns to trust what real
    searches do not warrant.

    Args:
        con: An open lake connection; holds the samples and the features of the run's training days.
        plan: The run; its training days are measured together.
        samples: Table with the samples.

    Returns:
        ``native`` (shown rows of real requests), ``channels`` (what other domains showed of the categories clicked
        there) and ``tier N``, each with ``requests`` (those with both labels), ``rows`` and ``inputs``: by input, and
        for `TOGETHER`, the mean over requests ``auc`` and its standard error ``se`` (both None without a request,
        ``se`` also with a single one); the inputs of `MATCH` also have ``apart_auc`` and ``apart_se``, of the pairs
        that they tell apart. A missing value ranks below all others, a missing age above them. Tiers also have
        ``worst``, the input of the largest excess (see `excess`). Empty without a synthetic record.
    """
    inputs = leak_inputs()
    values = {
        "first_ds": plan.first_ds,
        "ds": plan.last_ds,
        "max_records": MAX_RECORDS,
        "target_domain": plan.target_domain,
        "first_version_ds": plan.first_version_ds(max(FEATURE_WINDOWS)),
    }
    con.execute(f"create or replace temp view measured_samples as from {samples}")
    run_files(con, ("leak",), values)
    columns = ", ".join(f'{expression} as "{name}"' for name, expression in inputs.items())
    con.execute(
        f"create or replace temp table leak_inputs as select query_tier, sample_id, item_id, is_clicked, {columns} "
        "from leak_joined window list as (partition by query_tier, sample_id) "
        "qualify min(is_clicked) over list < max(is_clicked) over list"
    )
    counts = con.execute(
        "select query_tier, count(distinct sample_id), count(*) from leak_inputs group by all order by all"
    ).fetchall()
    measured = {
        _name(tier): {"requests": requests, "rows": rows, "inputs": _measured(con, tier, tuple(inputs))}
        for tier, requests, rows in counts
    }
    if not any(tier.startswith("tier") for tier in measured):
        return {}
    measured = {**{real: {"requests": 0, "rows": 0, "inputs": {}} for real in REAL}, **measured}
    for tier, found in measured.items():
        if tier not in REAL:
            found["worst"] = max(found["inputs"], key=lambda name: excess(measured, tier, name)[0], default=None)
    return measured


def _name(tier: int) -> str:
    return {0: "native", -1: "channels"}.get(tier, f"tier {tier}")


def excess(measured: Mapping[str, Mapping[str, Any]], tier: str, name: str) -> tuple[float, float]:
    """How much better an input orders the items of synthetic requests than of real lists, and its standard error.

    Better means further from .5, to whichever side, than in the lists of searches and in those of the channels: what
    people of a channel click is no fault of how its lists became requests. The inputs of `MATCH`, which only searches
    have, may not order them worse either, in the pairs that they tell apart at all: lists of another channel have more
    items alike. Of the two differences the surer one.
    """
    one, *others = (measured[of]["inputs"].get(name, _NOTHING) for of in (tier, *REAL))
    if one["se"] is None or others[0]["se"] is None:
        return 0.0, 0.0
    known = others[:1] if name in MATCH else [found for found in others if found["se"] is not None]
    other = max(known, key=lambda found: abs(found["auc"] - 0.5))
    found = [(abs(one["auc"] - 0.5) - abs(other["auc"] - 0.5), sqrt(one["se"] ** 2 + other["se"] ** 2))]
    if name in MATCH and one["apart_se"] is not None and other["apart_se"] is not None:
        error = sqrt(one["apart_se"] ** 2 + other["apart_se"] ** 2)
        found.append((other["apart_auc"] - one["apart_auc"], error))
    return max(found, key=lambda pair: pair[0] - pair[1])


_NOTHING: dict[str, float | None] = {"auc": None, "se": None}


def standard_errors(measured: Mapping[str, Mapping[str, Any]], leak_errors: float) -> float:
    """Standard errors that the excess of one input must pass, so that all together are as sure as one would be.

    Of fifty inputs one passes two standard errors by chance. So the chance that a single one would is shared out over
    all inputs of all tiers (Bonferroni).

    Args:
        measured: What `measure_leak` found.
        leak_errors: Standard errors that a single comparison would have to pass.
    """
    num_compared = sum(len(found["inputs"]) for tier, found in measured.items() if tier not in REAL)
    return -_NORMAL.inv_cdf(_NORMAL.cdf(-leak_errors) / max(num_compared, 1))


def check_leak(measured: Mapping[str, Mapping[str, Any]], policy: Searchification) -> None:
    """Refuse synthetic requests whose items an input orders otherwise than those of real ones beyond the margin.

    Args:
        measured: What `measure_leak` found.
        policy: Its ``max_leak`` is the margin, in AUC within the request, and ``leak_errors`` how surely it is passed.

    Raises:
        LeakError: The excess of an input passes the margin by more than `standard_errors`; all such inputs are named.
    """
    errors = standard_errors(measured, policy.leak_errors)
    faults = [
        f"{tier}: {name} has AUC {found['inputs'][name]['auc']:.3f}, real lists "
        f"{measured['native']['inputs'][name]['auc']:.3f}"
        for tier, found in measured.items()
        if tier not in REAL
        for name in found["inputs"]
        if (over := excess(measured, tier, name))[0] - errors * over[1] > policy.max_leak
    ]
    if faults:
        raise LeakError(
            "synthetic requests order their items otherwise than real ones, which gives the label away or teaches what "
            f"is not so: {'; '.join(faults)}; the policy allows a difference of {policy.max_leak:.3f} and {errors:.1f} "
            "standard errors (searchification.max_leak, leak_errors). Leave the tier out (searchification.tiers), or "
            "correct its queries and negatives; nothing was trained on these rows"
        )


def _measured(con: duckdb.DuckDBPyConnection, tier: int, names: tuple[str, ...]) -> dict[str, dict[str, float | None]]:
    """AUC within the request, mean over requests and standard error, of each input and of all together."""
    listed = ", ".join(f'"{name}"' for name in names)
    rows = con.execute(
        f"select dense_rank() over (order by sample_id) - 1 as request, is_clicked, {listed} from leak_inputs "
        "where query_tier = ? order by request, item_id",
        [tier],
    ).to_arrow_table()
    values = np.column_stack([rows.column(name).to_numpy().astype(np.float64) for name in names])
    pairs = pairs_of(rows.column("request").to_numpy(), rows.column("is_clicked").to_numpy())
    missing = np.array([np.inf if name.startswith(_AGE) else -np.inf for name in names])
    ranked = np.where(np.isnan(values), missing, values)
    found = {name: pairs.auc(share_won(*pairs.of(ranked[:, place]))) for place, name in enumerate(names)}
    for name in MATCH:
        found[name] |= pairs.apart(*pairs.of(ranked[:, names.index(name)]))
    return {**found, TOGETHER: pairs.auc(model_won(values, pairs))}
