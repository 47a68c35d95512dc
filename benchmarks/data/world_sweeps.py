"""Which fact each of the telling knobs moves, and which way; the tests hold the simulator to it, the docs draw it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """A knob that is turned while the others stay.

    Attributes:
        knob: Its name.
        values: From low to high.
        fact: Name of what it moves, in ``world_facts.FACTS``.
        rises: Whether the fact rises with the knob; it falls otherwise.
        with_knobs: Knobs that are set at every value.
    """

    knob: str
    values: tuple[float | str, ...]
    fact: str
    rises: bool = True
    with_knobs: dict[str, float | str] = field(default_factory=dict)


SWEEPS = (
    Sweep(knob="feed_per_search", values=(0.5, 1.0, 3.0, 6.0), fact="outside_per_search_click"),
    Sweep(knob="shop_per_search", values=(0.1, 1 / 3, 1.0, 2.0), fact="shop_requests_per_search"),
    Sweep(knob="follow_up_from", values=("shown", "whole_list"), fact="unseen_share"),
    Sweep(knob="follow_feed", values=(0.0, 0.3, 0.55, 1.0), fact="caused_share"),
    Sweep(knob="follow_page", values=(0.0, 0.4, 0.8), fact="outside_per_search_click"),
    Sweep(knob="need_bonus", values=(0.0, 1.2, 2.4), fact="caused_share"),
    Sweep(knob="shown_again_bonus", values=(0.0, 1.5, 4.0), fact="caused_share"),
    Sweep(knob="feed_intent", values=(-0.4, 0.0, 0.4, 0.8), fact="taste_correlation"),
    Sweep(knob="clickbait_feed", values=(0.0, 0.6, 1.2, 2.0), fact="feed_seduction"),
    Sweep(knob="position_bias_search", values=(0.0, 0.4, 0.8, 1.2), fact="low_to_high", rises=False),
    Sweep(knob="candidates_per_search", values=(20, 40, 80, 160), fact="unseen_share"),
    Sweep(knob="shown_at_most", values=(10, 12, 20, 30), fact="shown_per_search"),
    Sweep(knob="assortment", values=(0.5, 1.0, 2.0, 4.0), fact="items"),
    Sweep(knob="random_order", values=(0.0, 0.02, 0.2, 1.0), fact="random_share"),
    Sweep(knob="satiation", values=(0.0, 1.0, 2.0, 4.0), fact="same_category_again", rises=False),
    Sweep(knob="need_met", values=(0.0, 0.5, 1.0), fact="need_moves"),
    Sweep(knob="similar_pages", values=(0.0, 0.15, 0.3, 0.6), fact="attributed_per_search_click"),
    Sweep(knob="another_search", values=(0.0, 0.3, 0.6), fact="in_session"),
    Sweep(knob="reformulated", values=(0.0, 0.3, 0.6), fact="in_session"),
    Sweep(knob="misspelt", values=(0.0, 0.1, 0.3), fact="slips"),
    Sweep(knob="new_queries", values=(0.0, 0.15, 0.4), fact="distinct_queries"),
    Sweep(knob="bots", values=(0.0, 0.01, 0.05), fact="bot_requests"),
    Sweep(knob="bot_activity", values=(1, 20, 100), fact="bot_requests", with_knobs={"bots": 0.02}),
    Sweep(knob="returns", values=(0.0, 0.1, 0.3), fact="returned"),
    Sweep(knob="click_base_search", values=(-5.5, -4.45, -3.5), fact="click_rate"),
    Sweep(knob="purchase_base_search", values=(-5.0, -3.3, -2.0), fact="purchases_per_search"),
    Sweep(knob="at_once_search", values=(0.2, 0.6, 1.0), fact="delayed_purchases", rises=False),
    Sweep(knob="known_in_seconds", values=(0.5, 0.7, 0.9), fact="known_later", rises=False),
    Sweep(knob="policy_popularity", values=(0.0, 0.8, 2.0), fact="score_popularity"),
    Sweep(knob="policy_text", values=(0.0, 0.7, 2.0), fact="score_text"),
    Sweep(knob="policy_taste", values=(0.0, 0.4, 2.0), fact="score_utility"),
    Sweep(knob="policy_noise", values=(0.0, 0.6, 2.0), fact="score_utility", rises=False),
)
