"""Make the days of a marketplace one after another, and write each as it is made."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from uniscale.simulator import browse, search, tables, traffic
from uniscale.simulator.blueprint import WORLD_FILE, Blueprint
from uniscale.simulator.choice import DOMAINS, FEED, SEARCH, SHOP
from uniscale.simulator.draws import Array, stream
from uniscale.simulator.events import (
    DAY,
    EVENT,
    KINDS,
    PURCHASE,
    Agenda,
    later_purchases,
    recording_delay,
    session_events,
)
from uniscale.simulator.followups import schedule
from uniscale.simulator.knobs import Knobs
from uniscale.simulator.output import DayFiles, truth_tables
from uniscale.simulator.pages import Pages, react
from uniscale.simulator.returns import returned_at
from uniscale.simulator.satiation import settle
from uniscale.simulator.sizes import size_named
from uniscale.simulator.state import first_day, next_day
from uniscale.simulator.traffic import Traffic, midnight
from uniscale.simulator.world import World, build_world, sized
from uniscale.simulator.worlds import DEFAULT
from uniscale.whole_files import write_whole

BLOCK_REQUESTS = 2_048
"""Requests made at once. A constant of the world: draws belong to a block, so another value is another world."""
BLOCK_ROWS = 100 * BLOCK_REQUESTS
"""Candidate rows made at once, about: longer lists come in smaller blocks, so that memory does not grow with them."""

RECORD = np.dtype(
    [
        *((name, EVENT[name]) for name in EVENT.names or ()),
        ("key", "i8"),  # day and number, like a request key
        ("recorded_at", "i8"),
        ("quantity", "i4"),
        ("unit_price", "f8"),
        ("returned_at", "i8"),  # 0 for what stays
    ]
)


ABOUT = "simulation.json"
"""Says what a folder holds; it is there only if everything is."""
UNFINISHED = "simulation.unfinished"
"""Marks a folder whose simulation has not ended."""


class Market:
    """A marketplace that writes its days in order."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._folder = folder
        self._names = tables.Names(world)
        self._state = first_day(world)
        self._agenda = Agenda()
        self._unrecorded: list[Array] = []
        self._search_index = search.search_index(world)
        self._shop_index = browse.shop_index(world)
        self.counts: Counter[str] = Counter()

    def write_day(self, advance: Callable[[int], None]) -> None:
        """Make and write one day, then move on to the next; ``advance`` is told the requests done."""
        state, world = self._state, self._world
        end = midnight(world, state.day) + DAY
        with DayFiles(self._folder, world.start + timedelta(days=state.day), truth_tables(world.knobs)) as files:
            files.write("events", "users", tables.user_columns(world, self._names, state))
            files.write("events", "items", tables.item_columns(world, self._names, state))
            files.write("truth", "users", tables.user_truth(world, self._names, state))
            files.write("truth", "items", tables.item_truth(world, self._names, state))
            if world.knobs.bots:
                files.write("truth", "bots", tables.bot_truth(world, self._names, state))
            acted = self._serve_searches(files, end, advance)
            due = self._agenda.due_visits(end)
            for domain in (FEED, SHOP):
                acted += self._serve_domain(files, traffic.visits(world, state, domain, due), advance)
            acted.append(self._agenda.due_events(end))
            self._record(files, np.concatenate(acted), end)
        next_day(world, state)

    def _serve_searches(self, files: DayFiles, end: int, advance: Callable[[int], None]) -> list[Array]:
        """Serve the searches that begin sessions, then those that sessions go on with, until all have ended."""
        asked, number, wave = traffic.searches(self._world, self._state), 0, 0
        acted = self._serve_domain(files, asked, advance)
        while len(again := self._agenda.next_searches(end)):
            number, wave = number + len(asked.keys), wave + 1
            asked = traffic.next_searches(self._state, again, number)
            acted += self._serve_domain(files, asked, advance, wave)
        return acted

    def _serve_domain(self, files: DayFiles, asked: Traffic, advance: Callable[[int], None], *wave: int) -> list[Array]:
        """Serve requests of a domain in blocks; returns the actions of their sessions.

        Args:
            files: Where pages are written.
            asked: The requests.
            advance: Told the requests done.
            wave: Of searches that sessions go on with: how many came before in the session.
        """
        feed = browse.FeedIndex(self._world, self._state.is_on_sale) if asked.domain == FEED else None
        acted = []
        step = self._block_requests(asked.domain)
        for begin in range(0, len(asked.keys), step):
            part = asked.block(begin, begin + step)
            rng = stream(self._world.seed, "pages", self._state.day, asked.domain, begin // step, *wave)
            pages = self._pages(part, feed, rng)
            reactions = react(self._world.knobs, pages, rng)
            acted.append(session_events(pages, reactions, rng))
            self._agenda.events.append(later_purchases(self._world.knobs, pages, reactions, rng))
            if asked.domain == SEARCH:
                schedule(self._world, pages, reactions, self._agenda, rng)
            self._write_pages(files, pages)
            advance(len(part.keys))
        return acted

    def _block_requests(self, domain: int) -> int:
        knobs = self._world.knobs
        lengths = (self._world.size.candidates_per_search, knobs.feed_candidates, knobs.shop_candidates)
        return max(1, min(BLOCK_REQUESTS, BLOCK_ROWS // lengths[domain]))

    def _pages(self, part: Traffic, feed: browse.FeedIndex | None, rng: np.random.Generator) -> Pages:
        if part.domain == SEARCH:
            return search.search_pages(self._world, self._state, self._search_index, part, rng)
        if feed is not None:
            return browse.feed_pages(self._world, self._state, feed, part, rng)
        return browse.shop_pages(self._world, self._state, self._shop_index, part, rng)

    def _write_pages(self, files: DayFiles, pages: Pages) -> None:
        files.write("events", "requests", tables.request_columns(self._world, self._names, pages))
        log, truth = tables.candidate_columns(self._world.knobs, self._names, pages)
        files.write("events", "candidates", log)
        files.write("truth", "candidates", truth)
        name = DOMAINS[pages.domain]
        self.counts[f"{name}_requests"] += len(pages.keys)
        self.counts["candidates"] += int(pages.is_there.sum())
        self.counts[f"{name}_exposures"] += int((pages.position > 0).sum())

    def _record(self, files: DayFiles, acted: Array, end: int) -> None:
        """Number and price the day's actions; write what becomes known today, keep what becomes known later."""
        knobs = self._world.knobs
        rng = stream(self._world.seed, "records", self._state.day)
        acted = acted[np.lexsort((acted["item"], acted["user"], acted["acted_at"]))]
        records = np.zeros(len(acted), dtype=RECORD)
        for name in EVENT.names or ():
            records[name] = acted[name]
        records["key"] = (np.int64(self._state.day) << np.int64(34)) + np.arange(len(acted))
        records["recorded_at"] = acted["acted_at"] + recording_delay(knobs, rng, len(acted))
        records["quantity"] = np.minimum(rng.geometric(0.88, size=len(acted)), 9)
        records["unit_price"] = self._state.price[acted["item"]]
        if knobs.returns:
            records["returned_at"] = returned_at(self._world, self._state, acted)
        bought = acted[acted["kind"] == PURCHASE]
        settle(self._world, self._state, bought["user"], bought["item"])
        waiting = np.concatenate([*self._unrecorded, records])
        known = waiting["recorded_at"] < end
        self._unrecorded = [waiting[~known]]
        today = waiting[known]
        today = today[np.argsort(today["recorded_at"], kind="stable")]
        log, truth = tables.action_columns(self._names, today)
        files.write("events", "actions", log)
        files.write("truth", "actions", truth)
        if knobs.returns:
            files.write("truth", "returns", tables.return_truth(self._names, today))
        for kind, name in enumerate(KINDS):
            self.counts[name] += int((today["kind"] == kind).sum())


def simulate(
    folder: Path,
    *,
    days: int,
    size: str,
    seed: int,
    start: date,
    blueprint: Blueprint = DEFAULT,
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, int]:
    """Write ``days`` days into ``folder``: logs below ``events``, what is true below ``truth``.

    ``world.toml`` holds the whole configuration, as a world file. ``simulation.json`` is written last: it is there only
    if everything is.

    Args:
        folder: Created if missing.
        days: Number of days, at least 1. Events that become known after the last day are not written.
        size: Name of a size.
        seed: Decides everything together with size, start and knobs.
        start: First day, UTC.
        blueprint: The world's name and knobs.
        advance: Called with the number of requests just made.

    Returns:
        Counts of rows written.

    Raises:
        ValueError: Fewer than one day, a negative seed or an unknown size.
    """
    check(days=days, size=size, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / UNFINISHED).touch()
    blueprint.write(folder / WORLD_FILE)
    market = Market(build_world(size_named(size), seed, start, blueprint.knobs), folder)
    for _ in range(days):
        market.write_day(advance)
    counts = dict(market.counts)
    asked = {"size": size, "seed": seed, "start": start.isoformat(), "days": days, "world": blueprint.name}
    write_whole(folder / UNFINISHED, json.dumps({**asked, "rows": counts}, indent=2) + "\n")
    (folder / UNFINISHED).replace(folder / ABOUT)
    return counts


def check(*, days: int, size: str, seed: int) -> None:
    """Refuse arguments that make no marketplace, before anything is touched.

    Raises:
        ValueError: Fewer than one day, a negative seed or an unknown size.
    """
    if days < 1:
        raise ValueError(f"days={days} makes no log; ask for 1 or more")
    if seed < 0:
        raise ValueError(f"seed={seed} is negative; use 0 or more")
    size_named(size)


def expected_requests(days: int, size: str, knobs: Knobs) -> int:
    """About how many requests ``days`` days have; for a progress bar."""
    per_search = 1 / (1 - knobs.another_search) + knobs.feed_per_search + knobs.shop_per_search
    return round(days * sized(size_named(size), knobs).searches_per_day * per_search * 1.04)
