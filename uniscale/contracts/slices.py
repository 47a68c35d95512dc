"""The slices of the test requests that guardrails may name."""

from __future__ import annotations

from dataclasses import dataclass

WHOLE = "all"
"""Every test request."""

NEW_ITEM_DAYS = 7
"""Days after its listing for which an item is new."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Some of the test requests; `uniscale.evaluation.slices` finds them.

    Attributes:
        name: As in ``ml.comparisons``.
        title: As people read it.
        description: Which requests they are.
    """

    name: str
    title: str
    description: str


SLICES: dict[str, Slice] = {
    one.name: one
    for one in (
        Slice(
            name="head_query",
            title="head queries",
            description="the third of the requests whose queries were asked most in the 30 days before",
        ),
        Slice(name="torso_query", title="torso queries", description="between head and tail"),
        Slice(
            name="tail_query",
            title="tail queries",
            description="the third whose queries were asked least, never included",
        ),
        Slice(name="new_user", title="new users", description="no search and no click in the 30 days before"),
        Slice(
            name="new_item",
            title="new items",
            description=f"a clicked item was listed less than {NEW_ITEM_DAYS} days before",
        ),
    )
}
"""By name. Queries of one frequency are never torn apart, so a third may be larger or smaller."""


def check_slice(name: str) -> None:
    """Refuse a slice that is none.

    Raises:
        ValueError: It is unknown; the message lists those that there are.
    """
    if name not in (WHOLE, *SLICES):
        raise ValueError(f"no slice is called {name!r}; the slices are {', '.join((WHOLE, *SLICES))}")
