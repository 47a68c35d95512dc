"""Every number of the simulated shop that a study may want to turn, with its unit, bounds and default.

``Knobs()`` is the world ``default``. Chances and shares are fractions of 1; a logit is added to the log odds of a click
or a purchase. What each knob moves is drawn in docs/worlds.md.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo

UNSATISFIED = 0.8
"""About how many searches end without a purchase; only those lead to visits elsewhere."""


def _knob(section: str, default: float, bounds: tuple[float, float], unit: str, description: str) -> Any:
    low, high = bounds
    about: dict[str, Any] = {"section": section, "unit": unit, "low": low, "high": high}
    return Field(default=default, ge=low, le=high, description=description, json_schema_extra=about)


_traffic = partial(_knob, "Traffic")
_people = partial(_knob, "People")
_goods = partial(_knob, "Goods")
_words = partial(_knob, "Words")
_lists = partial(_knob, "Lists")
_policy = partial(_knob, "Logging policy")
_clicks = partial(_knob, "Looking and clicking")
_buying = partial(_knob, "Buying")
_follow = partial(_knob, "Follow-up")
_known = partial(_knob, "Knowing late")


class Knobs(BaseModel):
    """The whole configuration of a world; size, seed and first day are asked for apart from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    searches_per_day: int = _traffic(
        0, (0, 1_000_000), "requests", "Mean searches of a weekday that begin a session; 0: those of the size."
    )
    feed_per_search: float = _traffic(
        1.0, (0, 20), "requests", "Feed requests per search that begins a session, visits it leads to included."
    )
    shop_per_search: float = _traffic(
        1 / 3, (0, 20), "requests", "Shop visits per search that begins a session, those it leads to included."
    )
    weekend_traffic: float = _traffic(1.15, (0.1, 10), "ratio", "Traffic on Saturdays and Sundays, others have 1.")
    another_search: float = _traffic(
        0.0, (0, 0.8), "chance", "A search that is not reformulated is followed within minutes by one on another topic."
    )
    reformulated: float = _traffic(
        0.0, (0, 0.8), "chance", "A search without a click is asked again within minutes, same category, other words."
    )
    bots: float = _traffic(
        0.0, (0, 0.5), "share", "Users that are bots: many requests, clicks on anything, no purchase."
    )
    bot_activity: float = _traffic(20.0, (1, 1000), "ratio", "Requests of a bot, a person of its kind has 1.")
    bot_click: float = _traffic(0.3, (0.001, 0.999), "chance", "A bot clicks a row it looks at, whatever it is.")

    feed_intent: float = _people(
        0.8, (-1, 1), "correlation", "Taste while browsing the feed with taste while searching, on the first day."
    )
    taste_memory: float = _people(0.985, (0, 1), "correlation", "A taste with itself a day later.")
    new_need: float = _people(0.3, (0, 1), "chance", "A user's need moves to another category, a day.")
    need_is_favourite: float = _people(0.75, (0, 1), "chance", "A new need is one of the favourite categories.")
    num_favourites: int = _people(6, (1, 20), "count", "Favourite categories of a user, repeats possible.")
    late_users: float = _people(0.1, (0, 0.9), "share", "Users who join after the first day.")
    need_met: float = _people(
        0.0, (0, 1), "chance", "A need moves on at the midnight after something of its category was bought."
    )
    satiation: float = _people(
        0.0,
        (0, 10),
        "logit",
        "Off the user's clicks and purchases in the category of a purchase, from the next day.",
    )
    satiation_days: float = _people(7.0, (0.1, 365), "days", "Time in which satiation halves.")

    assortment: float = _goods(1.0, (0.2, 20), "ratio", "Items, those of the size are 1.")
    late_items: float = _goods(0.2, (0, 0.9), "share", "Items launched after the first day.")
    arrival_days: int = _goods(90, (1, 1000), "days", "Late users and items arrive evenly over this time.")
    price_change: float = _goods(0.02, (0, 1), "chance", "An item gets a new price, a day.")
    price_spread: float = _goods(0.45, (0, 2), "log price", "Standard deviation of prices within a category.")
    popularity_quality: float = _goods(0.6, (0, 5), "weight", "Quality in what the shop believes is popular.")
    popularity_clickbait: float = _goods(0.3, (0, 5), "weight", "Attractiveness in it.")
    popularity_luck: float = _goods(0.75, (0, 5), "weight", "Luck in it.")

    query_taste: float = _words(0.8, (0, 5), "logit", "How much a user's taste decides the words of a query.")
    brand_queries: float = _words(0.2, (0, 1), "share", "Queries that name a brand.")
    new_queries: float = _words(
        0.0,
        (0, 1),
        "share",
        "Searches in words of the user's own, mostly never asked before.",
    )
    misspelt: float = _words(
        0.0, (0, 1), "share", "Searches with a slip of the finger; the shop then knows their category only."
    )

    candidates_per_search: int = _lists(
        0, (0, 2000), "items", "Candidates a search retrieves, while categories have as many; 0: those of the size."
    )
    sibling_share: float = _lists(0.2, (0, 0.9), "share", "Candidates of a search that are of sibling categories.")
    shown_at_least: int = _lists(10, (1, 200), "items", "Rows a request shows, at least.")
    shown_at_most: int = _lists(12, (1, 200), "items", "Rows a request shows, at most.")
    feed_candidates: int = _lists(28, (1, 500), "items", "Candidates of a feed request, before what is shown again.")
    shop_candidates: int = _lists(26, (1, 500), "items", "Candidates of a shop visit, before what is shown again.")
    search_need: float = _lists(0.55, (0, 1), "share", "Searches for the user's need.")
    search_favourite: float = _lists(0.3, (0, 1), "share", "Searches in a favourite category; the rest: anything.")
    feed_favourite: float = _lists(0.6, (0, 1), "share", "Feed candidates of favourite categories.")
    feed_need: float = _lists(0.15, (0, 1), "share", "Feed candidates of the user's need; the rest are anything.")
    shop_favourite: float = _lists(0.7, (0, 1), "share", "Shop visits to a favourite shop.")
    retrieval_popularity: float = _lists(0.8, (0, 5), "logit", "Popularity in what searches and shops retrieve.")
    retrieval_brand: float = _lists(2.0, (0, 10), "logit", "The query's brand in what searches retrieve.")
    feed_popularity: float = _lists(1.2, (0, 5), "logit", "Popularity in what the feed retrieves.")

    random_order: float = _policy(0.02, (0, 1), "share", "Searches shown in random order: exact propensities.")
    policy_popularity: float = _policy(0.8, (0, 5), "weight", "Popularity in the score.")
    policy_text: float = _policy(0.7, (0, 5), "weight", "Text match in the score, seen through noise of 1.")
    policy_taste: float = _policy(0.4, (0, 5), "weight", "Taste match in the score, seen through noise of 1.")
    policy_noise: float = _policy(0.6, (0, 5), "weight", "Noise in the score.")
    shown_again_bonus: float = _policy(
        1.5, (0, 10), "score", "What the policy adds, as if it knew, to the items a user came back for: an oracle."
    )

    position_bias_search: float = _clicks(0.4, (0, 3), "exponent", "Place k is looked at with chance k^-this; search.")
    position_bias_feed: float = _clicks(0.3, (0, 3), "exponent", "The same in the feed.")
    position_bias_shop: float = _clicks(0.35, (0, 3), "exponent", "The same in shops.")
    click_base_search: float = _clicks(-4.45, (-15, 5), "logit", "A click, with nothing for or against it, in search.")
    click_base_feed: float = _clicks(-2.85, (-15, 5), "logit", "The same in the feed.")
    click_base_shop: float = _clicks(-2.4, (-15, 5), "logit", "The same in shops.")
    clickbait_search: float = _clicks(0.3, (0, 5), "logit", "An attractive picture adds to a click, in search.")
    clickbait_feed: float = _clicks(0.6, (0, 5), "logit", "The same in the feed.")
    clickbait_shop: float = _clicks(0.3, (0, 5), "logit", "The same in shops.")
    click_taste: float = _clicks(1.4, (0, 5), "logit", "Taste match adds to a click.")
    click_quality: float = _clicks(0.5, (0, 5), "logit", "Quality adds to a click.")
    click_price: float = _clicks(0.25, (0, 5), "logit", "A price off the budget takes off a click, squared.")
    relevance_category: float = _clicks(1.5, (0, 10), "logit", "An item of the query's category.")
    relevance_sibling: float = _clicks(0.4, (0, 10), "logit", "An item of a sibling category.")
    relevance_style: float = _clicks(0.8, (0, 5), "logit", "Style words of the query that fit the item.")
    relevance_brand: float = _clicks(1.0, (0, 10), "logit", "The query's brand.")
    need_bonus: float = _clicks(
        1.2, (0, 5), "logit", "Clicks and purchases outside search, in the category a user came back for."
    )

    purchase_base_search: float = _buying(-3.3, (-15, 5), "logit", "Buying what was clicked in search.")
    purchase_base_feed: float = _buying(-3.1, (-15, 5), "logit", "The same in the feed.")
    purchase_base_shop: float = _buying(-2.8, (-15, 5), "logit", "The same in shops.")
    buy_taste: float = _buying(0.7, (0, 5), "logit", "Taste match adds to a purchase.")
    buy_quality: float = _buying(0.6, (0, 5), "logit", "Quality adds to a purchase.")
    buy_relevance: float = _buying(0.3, (0, 5), "weight", "Query relevance adds to a purchase.")
    buy_price: float = _buying(0.35, (0, 5), "logit", "A price off the budget takes off a purchase, squared.")
    clickbait_regret: float = _buying(0.4, (0, 5), "logit", "An attractive picture takes off a purchase.")
    at_once_search: float = _buying(0.6, (0, 1), "share", "Purchases made in the session, not later; search.")
    at_once_feed: float = _buying(0.6, (0, 1), "share", "The same in the feed.")
    at_once_shop: float = _buying(0.8, (0, 1), "share", "The same in shops.")
    later_purchase_hours: float = _buying(30.0, (1, 300), "hours", "Median time to a purchase made later.")
    later_purchase_linked: float = _buying(
        0.5, (0, 1), "share", "Purchases made later that carry the request of their feed or shop visit."
    )
    returns: float = _buying(
        0.0, (0, 0.9), "chance", "An item of average looks and quality is sent back; known to the truth alone."
    )
    return_days: float = _buying(6.0, (0.5, 60), "days", "Mean time from a purchase to its return.")

    follow_up_from: Literal["whole_list", "shown"] = Field(
        default="whole_list",
        description="What a user comes back for after a search: drawn from the whole candidate list, shown or not (an "
        "oracle: people find the right thing elsewhere too), or from the rows she was shown.",
        json_schema_extra={"section": "Follow-up", "unit": "whole_list or shown"},
    )
    follow_feed: float = _follow(0.55, (0, 1), "chance", "A search without a purchase leads to a visit of the feed.")
    follow_shop: float = _follow(0.12, (0, 1), "chance", "It leads to a visit of the shop of the most wanted item.")
    follow_page: float = _follow(0.4, (0, 1), "chance", "It leads straight to an item's page, no request in the log.")
    follow_up_hours: float = _follow(10.0, (0.3, 200), "hours", "Mean time from the search to it.")
    shown_again: int = _follow(3, (1, 3), "items", "Wanted items that such a visit has among its candidates.")
    similar_pages: float = _follow(
        0.0, (0, 1), "chance", "A click in search opens, within the hour, a page of similar items in the feed."
    )

    known_in_seconds: float = _known(0.9, (0, 1), "share", "Actions known within 90 seconds.")
    known_in_hours: float = _known(0.98, (0, 1), "share", "Actions known within 12 hours; the others within 24 to 40.")

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_a_truth_value(cls, value: object, about: ValidationInfo) -> object:
        if isinstance(value, bool):
            raise ValueError(f"{about.field_name} is no switch")
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for names, most in (
            (("search_need", "search_favourite"), 1.0),
            (("feed_favourite", "feed_need"), 1.0),
        ):
            if sum(getattr(self, name) for name in names) > most + 1e-9:
                raise ValueError(f"{' + '.join(names)} is above 1; lower one of them")
        if self.shown_at_least > self.shown_at_most:
            raise ValueError(
                f"shown_at_least={self.shown_at_least} is above shown_at_most={self.shown_at_most}; set both"
            )
        if 0 < self.candidates_per_search < self.shown_at_most:
            raise ValueError(
                f"candidates_per_search={self.candidates_per_search} is below shown_at_most={self.shown_at_most}; "
                "use as many or more, or 0 for those of the size"
            )
        if self.known_in_seconds > self.known_in_hours:
            raise ValueError(f"known_in_hours={self.known_in_hours} is below known_in_seconds={self.known_in_seconds}")
        for domain, chance in (("feed", self.follow_feed), ("shop", self.follow_shop)):
            least = UNSATISFIED * chance
            if getattr(self, f"{domain}_per_search") < least - 1e-9:
                raise ValueError(
                    f"{domain}_per_search={getattr(self, f'{domain}_per_search')} is below the {least:.2f} visits that "
                    f"searches lead to; raise it, or lower follow_{domain}={chance}"
                )
        return self

    @property
    def position_bias(self) -> tuple[float, float, float]:
        """By domain."""
        return self.position_bias_search, self.position_bias_feed, self.position_bias_shop

    @property
    def click_base(self) -> tuple[float, float, float]:
        """By domain."""
        return self.click_base_search, self.click_base_feed, self.click_base_shop

    @property
    def clickbait(self) -> tuple[float, float, float]:
        """By domain."""
        return self.clickbait_search, self.clickbait_feed, self.clickbait_shop

    @property
    def purchase_base(self) -> tuple[float, float, float]:
        """By domain."""
        return self.purchase_base_search, self.purchase_base_feed, self.purchase_base_shop

    @property
    def at_once(self) -> tuple[float, float, float]:
        """By domain."""
        return self.at_once_search, self.at_once_feed, self.at_once_shop

    def changed(self) -> dict[str, float | int | str]:
        """The knobs that are not at their default, by name."""
        return {name: value for name, value in self.model_dump().items() if value != Knobs.model_fields[name].default}


def knob_table() -> str:
    """All knobs as a Markdown table."""
    lines = ["| knob | default | from | to | unit | what it says |", "|---|---|---|---|---|---|"]
    section = ""
    for name, field in Knobs.model_fields.items():
        about = field.json_schema_extra
        assert isinstance(about, dict)
        if about["section"] != section:
            section = str(about["section"])
            lines.append(f"| **{section}** | | | | | |")
        default = f"{field.default:.4g}" if isinstance(field.default, float) else field.default
        cells = [f"`{name}`", default, about.get("low", ""), about.get("high", ""), about["unit"], field.description]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines)
