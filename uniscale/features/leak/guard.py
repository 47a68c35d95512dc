"""Do synthetic requests give the label away? Measured by what each input alone, and all together, can rank.

Within one request, because that is what a ranker is asked to do: two lists may differ in how well their items match
and still give nothing away, and a list may give its label away though lists differ so much that nobody sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from uniscale.contracts.frames import NUMERIC_NAME
from uniscale.contracts.policy import Searchification
from uniscale.features.leak.lists import INPUTS, REAL, Lists
from uniscale.features.leak.ordering import EXTREMES, model_won, pairs_of, share_won

TOGETHER = "all inputs"
"""Name of the small model over all inputs."""

MATCH = ("text_match", "query_category_share")
"""What the synthetic query itself decides: too weak a match is as wrong as too strong a one."""

_AGE = NUMERIC_NAME["age"].removesuffix("{}")
_NORMAL = NormalDist()


class LeakError(RuntimeError):
    """Synthetic requests order their items otherwise than real ones, more than the policy allows."""


def measure_leak(lists: Mapping[str, Lists]) -> dict[str, dict[str, Any]]:
    """AUC within the request of every input alone, and of a small model over all of them, for the label click.

    A synthetic query that was chosen with an eye on the clicked item, or negatives that another list would never have
    shown, order the items of a synthetic request better than a real one's are. A model then learns to trust what real
    searches do not warrant.

    Args:
        lists: By kind (`uniscale.features.leak.lists.measured_lists`).

    Returns:
        By kind ``requests``, ``rows`` and ``inputs``: by input, and for `TOGETHER`, the mean over requests ``auc`` and
        its standard error ``se`` (None with a single request); the inputs of `MATCH` also have ``apart_auc`` and
        ``apart_se``, of the pairs that they tell apart. A missing value ranks below all others, a missing age above
        them. Tiers also have ``worst``, the input of the largest excess (see `excess`).
    """
    measured: dict[str, dict[str, Any]] = {
        kind: {"requests": found.num_lists, "rows": len(found.list_N), "inputs": _measured(found)}
        for kind, found in lists.items()
    }
    for tier, told in measured.items():
        if tier not in REAL:
            told["worst"] = max(told["inputs"], key=lambda name: excess(measured, tier, name)[0], default=None)
    return measured


def excess(measured: Mapping[str, Mapping[str, Any]], tier: str, name: str) -> tuple[float, float]:
    """How much better an input orders the items of synthetic requests than of real lists, and its standard error.

    Better means further from .5, to whichever side, than in the lists of searches and in those of the channels: what
    people of a channel click is no fault of how its lists became requests. The inputs of `MATCH`, which only searches
    have, may not order them worse either, in the pairs that they tell apart at all: lists of another channel have more
    items alike. Of the two differences the surer one. Few requests are taken to be nearer to .5 than they look.
    """
    one, *others = (_shrunk(measured[of], name) for of in (tier, *REAL))
    if one["se"] is None or others[0]["se"] is None:
        return 0.0, 0.0
    known = others[:1] if name in MATCH else [found for found in others if found["se"] is not None]
    other = max(known, key=lambda found: abs(found["auc"] - 0.5))
    found = [(abs(one["auc"] - 0.5) - abs(other["auc"] - 0.5), sqrt(one["se"] ** 2 + other["se"] ** 2))]
    if name in MATCH and one["apart_se"] is not None and other["apart_se"] is not None:
        error = sqrt(one["apart_se"] ** 2 + other["apart_se"] ** 2)
        found.append((other["apart_auc"] - one["apart_auc"], error))
    return max(found, key=lambda pair: pair[0] - pair[1])


def _shrunk(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What was measured of an input, the requests counted that its standard errors count on top (`EXTREMES`)."""
    told = found["inputs"].get(name, _NOTHING)
    seen = found["requests"] / (found["requests"] + len(EXTREMES))
    shares = (key for key in ("auc", "apart_auc") if told.get(key) is not None)
    return {**told, **{key: 0.5 + (told[key] - 0.5) * seen for key in shares}}


_NOTHING: dict[str, float | None] = {"auc": None, "se": None}


def standard_errors(measured: Mapping[str, Mapping[str, Any]], leak_errors: float) -> float:
    """Standard errors that the excess of one input must pass, so that all together are as sure as one would be.

    Of fifty inputs one passes two standard errors by chance. So the chance that a single one would is shared out over
    all inputs of all tiers (Bonferroni).

    Args:
        measured: What `measure_leak` found.
        leak_errors: Standard errors that a single comparison would have to pass.
    """
    return -_NORMAL.inv_cdf(_NORMAL.cdf(-leak_errors) / max(len(compared(measured)), 1))


def compared(measured: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Every tier and input whose order is held against real lists."""
    return [(tier, name) for tier, found in measured.items() if tier not in REAL for name in found["inputs"]]


def beyond(measured: Mapping[str, Mapping[str, Any]], margin: float, errors: float) -> list[tuple[str, str]]:
    """Those `compared` whose `excess` passes a margin by more than so many standard errors."""
    found = {pair: excess(measured, *pair) for pair in compared(measured)}
    return [pair for pair, (over, error) in found.items() if over - errors * error > margin]


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
        f"{tier}: {name} has AUC {measured[tier]['inputs'][name]['auc']:.3f}, real lists "
        f"{measured['native']['inputs'][name]['auc']:.3f}"
        for tier, name in beyond(measured, policy.max_leak, errors)
    ]
    if faults:
        raise LeakError(
            "synthetic requests order their items otherwise than real ones, which gives the label away or teaches what "
            f"is not so: {'; '.join(faults)}; the policy allows a difference of {policy.max_leak:.3f} and {errors:.1f} "
            "standard errors (searchification.max_leak, leak_errors). Leave the tier out (searchification.tiers), or "
            "correct its queries and negatives; nothing was trained on these rows"
        )


def _measured(lists: Lists) -> dict[str, dict[str, float | None]]:
    """AUC within the request, mean over requests and standard error, of each input and of all together."""
    if not lists.num_lists:
        return {}
    pairs = pairs_of(lists.list_N, lists.is_clicked_N)
    missing = np.array([np.inf if name.startswith(_AGE) else -np.inf for name in INPUTS])
    ranked = np.where(np.isnan(lists.values_NF), missing, lists.values_NF)
    found = {name: pairs.auc(share_won(*pairs.of(ranked[:, place]))) for place, name in enumerate(INPUTS)}
    for name in MATCH:
        found[name] |= pairs.apart(*pairs.of(ranked[:, INPUTS.index(name)]))
    return {**found, TOGETHER: pairs.auc(model_won(lists.values_NF, pairs))}
