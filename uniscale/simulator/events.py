"""Actions, and what is still to come: later visits, later clicks, later purchases."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from uniscale.simulator.choice import SEARCH, SHOP
from uniscale.simulator.draws import Array, uniform
from uniscale.simulator.knobs import Knobs
from uniscale.simulator.pages import NO_CAUSE, SECOND, Pages, Reactions

KINDS = ("click", "cart", "favorite", "purchase")
CLICK, CART, FAVORITE, PURCHASE = range(4)
NO_REQUEST = -1
HOUR = 3600 * SECOND
DAY = 24 * HOUR

EVENT = np.dtype(
    [
        ("user", "i4"),
        ("item", "i4"),
        ("kind", "i1"),  # index into KINDS
        ("domain", "i1"),
        ("acted_at", "i8"),  # microseconds since 1970
        ("request", "i8"),  # request key or NO_REQUEST
        ("cause", "i8"),  # key of the search that led to it, or NO_CAUSE
    ]
)
NUM_SHOWN_AGAIN = 3
VISIT = np.dtype(
    [
        ("user", "i4"),
        ("domain", "i1"),
        ("at", "i8"),
        ("cause", "i8"),
        ("items", "i4", (NUM_SHOWN_AGAIN,)),  # shown again, -1 for none
        ("similar_to", "i4"),  # what a page of similar items is about, -1 for any other page
    ]
)
NEXT_SEARCH = np.dtype(
    [
        ("user", "i4"),
        ("at", "i8"),
        ("category", "i4"),  # -1 for a newly drawn topic
        ("not_again", "i4"),  # known query that was asked in vain, -1 for none
    ]
)


@dataclass(slots=True)
class Agenda:
    """What is scheduled, as structured arrays; the only thing other than the state that one day hands to the next."""

    events: list[Array] = field(default_factory=list)
    visits: list[Array] = field(default_factory=list)
    searches: list[Array] = field(default_factory=list)

    def due_events(self, end: int) -> Array:
        """Take out the events before ``end`` (microseconds)."""
        self.events, due = _split(self.events, EVENT, "acted_at", end)
        return due

    def due_visits(self, end: int) -> Array:
        """Take out the visits before ``end`` (microseconds), oldest first."""
        self.visits, due = _split(self.visits, VISIT, "at", end)
        return due[np.argsort(due["at"], kind="stable")]

    def next_searches(self, end: int) -> Array:
        """Take out the searches that sessions go on with; a session ends at ``end`` (microseconds)."""
        self.searches, due = _split(self.searches, NEXT_SEARCH, "at", end)
        self.searches = []
        return due


def _split(parts: list[Array], kind: np.dtype[np.void], clock: str, end: int) -> tuple[list[Array], Array]:
    everything = np.concatenate([np.zeros(0, dtype=kind), *parts])
    is_due = everything[clock] < end
    return [everything[~is_due]], everything[is_due]


def _events(pages: Pages, rows: tuple[Array, Array], kind: int, at: Array, request: Array) -> Array:
    """Events of a kind on ``rows`` (request and place) of pages; a row of a search is caused by that search."""
    row, place = rows
    made = np.zeros(len(row), dtype=EVENT)
    made["user"], made["item"], made["kind"], made["domain"] = (
        pages.users[row],
        pages.items[row, place],
        kind,
        pages.domain,
    )
    made["acted_at"], made["request"] = at, request
    is_led_to = pages.is_led_to[row, place]
    made["cause"] = pages.keys[row] if pages.domain == SEARCH else np.where(is_led_to, pages.cause[row], NO_CAUSE)
    return made


def session_events(pages: Pages, reactions: Reactions, rng: np.random.Generator) -> Array:
    """Clicks, carts, favourites and purchases of the session, linked to their request."""
    read = (8.0 * pages.position + rng.exponential(20.0, size=pages.items.shape)) * SECOND
    clicked_at = pages.requested_at[:, None] + read.astype(np.int64) + SECOND
    parts = []
    for kind, rows, pause in (
        (CLICK, reactions.clicked, 0.0),
        (CART, reactions.carted, 60.0),
        (FAVORITE, reactions.favoured, 45.0),
        (PURCHASE, reactions.bought, 400.0),
    ):
        row, place = np.nonzero(rows)
        wait = (rng.exponential(pause, size=len(row)) + pause) * SECOND
        at = clicked_at[row, place] + wait.astype(np.int64)
        parts.append(_events(pages, (row, place), kind, at, pages.keys[row]))
    return np.concatenate(parts)


def later_purchases(knobs: Knobs, pages: Pages, reactions: Reactions, rng: np.random.Generator) -> Array:
    """Purchases that the session's clicks lead to hours or days after it, in another channel than search.

    After a search the user buys on the shop's page, with no request behind it. After a feed or shop visit a share
    of the purchases still carries that visit's request.
    """
    row, place = np.nonzero(reactions.later)
    at = pages.requested_at[row] + purchase_delay(knobs, rng, len(row))
    linked = (uniform(rng, len(row)) < knobs.later_purchase_linked) & (pages.domain != SEARCH)
    made = _events(pages, (row, place), PURCHASE, at, np.where(linked, pages.keys[row], NO_REQUEST))
    if pages.domain == SEARCH:
        made["domain"] = SHOP
    return made


def purchase_delay(knobs: Knobs, rng: np.random.Generator, count: int) -> Array:
    """Microseconds from a click to a purchase made later: log-normal, 1 hour to 14 days."""
    hours = np.clip(knobs.later_purchase_hours * np.exp(0.9 * rng.standard_normal(count)), 1.0, 14 * 24.0)
    return (hours * HOUR).astype(np.int64)


def recording_delay(knobs: Knobs, rng: np.random.Generator, count: int) -> Array:
    """Microseconds until an action is known: mostly within 90 s, some in 1 to 12 hours, few in 24 to 40 hours."""
    kind = rng.random(count)
    within = rng.random(count)
    seconds = np.select(
        [kind < knobs.known_in_seconds, kind < knobs.known_in_hours],
        [1 + 89 * within, 3600 * (1 + 11 * within)],
        3600 * (24 + 16 * within),
    )
    return (seconds * SECOND).astype(np.int64)
