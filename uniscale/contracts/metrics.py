"""The metrics that a ranker is judged by: what page, card, sweep and gate call them, and which of them can decide."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One metric; `uniscale.evaluation.metrics` and `uniscale.evaluation.truth` say how it is computed.

    Attributes:
        name: As in ``ml.metrics``.
        title: As people read it.
        higher_is_better: None where neither is: the best value lies between.
        carried_by: What a request needs to count: a ``click``, a ``cart``, a ``purchase``, or nothing but a shown row
            (``row``).
        is_headline: Whether the card of a day shows it.
        is_share: Whether it lies between 0 and 1, so that differences of several fit one axis.
        is_truth: Whether it takes the truth of a simulated shop, which no real one has.
    """

    name: str
    title: str
    higher_is_better: bool | None = True
    carried_by: str = "click"
    is_headline: bool = False
    is_share: bool = True
    is_truth: bool = False

    @property
    def can_decide(self) -> bool:
        """Whether a promotion may depend on it."""
        return self.higher_is_better is not None and not self.is_truth


CATALOGUE: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(name="auc", title="AUC", is_headline=True),
        Metric(name="gauc", title="GAUC", is_headline=True),
        Metric(name="hr_at_5", title="HR@5", is_headline=True),
        Metric(name="ndcg_at_10", title="NDCG@10"),
        Metric(name="gmv_proxy", title="GMV proxy", carried_by="purchase", is_headline=True, is_share=False),
        Metric(name="gmv_share", title="GMV share", carried_by="purchase"),
        Metric(name="cart_auc", title="Cart AUC", carried_by="cart"),
        Metric(name="purchase_auc", title="Purchase AUC", carried_by="purchase"),
        Metric(name="log_loss", title="Log loss", higher_is_better=False, carried_by="row", is_share=False),
        Metric(name="calibration", title="Calibration", higher_is_better=None, is_share=False),
        Metric(name="true_auc", title="True AUC, whole list", carried_by="row", is_truth=True),
        Metric(name="true_gauc", title="True GAUC, whole list", carried_by="row", is_truth=True),
        Metric(name="true_auc_exposed", title="True AUC, shown rows", carried_by="row", is_truth=True),
        Metric(
            name="true_calibration",
            title="True calibration, whole list",
            higher_is_better=None,
            carried_by="row",
            is_share=False,
            is_truth=True,
        ),
    )
}
"""By name, in the order that people read them."""

MIN_REQUESTS = 20
"""Requests that must carry a metric before its interval is believed. Percentile intervals are too narrow on few: at
95 %, a mean of normal values is covered 93 times in 100 with 20 requests, and 90 times with 10."""

HEADLINES = tuple(metric for metric in CATALOGUE.values() if metric.is_headline)


def check_metric(name: str) -> None:
    """Refuse a metric that cannot decide.

    Raises:
        ValueError: It is unknown, has no better direction, or takes the truth of a simulated shop.
    """
    able = [metric.name for metric in CATALOGUE.values() if metric.can_decide]
    if name not in able:
        raise ValueError(
            f"gate metric {name!r} cannot decide; set gate.metric, or the metric of a guardrail, to one of {able}"
        )
