"""What a simulated shop looks like in numbers: one SQL query a fact, over what ``uniscale simulate`` wrote."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb

TABLES = {
    "events": ("users", "items", "requests", "candidates", "actions"),
    "truth": ("candidates", "actions", "users", "items", "bots", "returns"),
}
_RARE = {"bots": "user_id varchar, ds date", "returns": "action_id varchar, returned_at timestamp, ds date"}
"""Written only in worlds that have some."""


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """``events.requests`` ... ``truth.returns`` as tables, each with the day folder as ``ds``."""
    con = duckdb.connect()
    con.execute("set threads = 2")
    for root, names in TABLES.items():
        con.execute(f"create schema {root}")
        for name in names:
            if name in _RARE and not (folder / root / name).is_dir():
                con.execute(f"create table {root}.{name} ({_RARE[name]})")
            else:
                files = folder / root / name / "*" / "*.parquet"
                con.execute(
                    f"create table {root}.{name} as "
                    f"from read_parquet('{files}', hive_partitioning = true, hive_types = {{'ds': date}})"
                )
    con.execute(_PREPARED)
    return con


_PREPARED = """
    create temp table asked as
    select *, domain = 'search' as is_search, lag(requested_at) over of_user as asked_before_at,
        lag(query_text) over of_user as asked_before
    from events.requests
    window of_user as (partition by user_id, domain order by requested_at, request_id);

    create temp table native as
    select distinct request_id, item_id from events.actions where action = 'click' and request_id is not null;

    create temp table shown as
    select r.domain, c.request_id, c.item_id, c.position, c.logged_score, r.user_id, n.item_id is not null as is_clicked
    from events.candidates c
    join events.requests r using (request_id)
    left join native n using (request_id, item_id)
    where c.is_exposed;

    create temp table outside as
    select a.*, t.causing_request_id, c.is_exposed as cause_showed_it, c.item_id is not null as cause_held_it
    from events.actions a
    join truth.actions t using (action_id)
    left join events.candidates c on c.request_id = t.causing_request_id and c.item_id = a.item_id
    where a.action = 'click' and a.domain <> 'search';

    create temp table attributed as
    select distinct first(c.request_id order by r.requested_at desc) as request_id, a.item_id
    from outside a
    join events.requests r on r.user_id = a.user_id and r.domain = 'search'
        and a.acted_at between r.requested_at and r.requested_at + interval 24 hours
    join events.candidates c on c.request_id = r.request_id and c.item_id = a.item_id
    group by a.action_id, a.item_id;
"""

_SEARCHED = (
    "from events.candidates c join asked r using (request_id) join truth.candidates t using (request_id, item_id)"
)

FACTS: dict[str, tuple[str, str]] = {
    "feed_requests_per_search": (
        "feed requests per search",
        "select count(*) filter (domain = 'feed') / count(*) filter (is_search) from asked",
    ),
    "shop_requests_per_search": (
        "shop visits per search",
        "select count(*) filter (domain = 'shop') / count(*) filter (is_search) from asked",
    ),
    "searches": ("searches", "select count(*) filter (is_search) from asked"),
    "candidates_per_search": (
        "candidates per search",
        "select count(*) / count(distinct request_id) from events.candidates join asked using (request_id) "
        "where is_search",
    ),
    "shown_per_search": (
        "rows shown per search",
        "select count(*) / count(distinct request_id) from shown where domain = 'search'",
    ),
    "random_share": (
        "share of searches in random order",
        "select avg((attributes['order'] = 'random')::int) from asked where is_search",
    ),
    "click_rate": ("clicks per row shown in search", "select avg(is_clicked::int) from shown where domain = 'search'"),
    "low_to_high": (
        "click rate of places 8 to 10 over that of place 1, search",
        "select avg(is_clicked::int) filter (position between 8 and 10) / avg(is_clicked::int) filter (position = 1) "
        "from shown where domain = 'search'",
    ),
    "outside_per_search_click": (
        "outside clicks per search click",
        "select count(*) / (select count(*) from events.actions where action = 'click' and domain = 'search') "
        "from outside",
    ),
    "caused_share": (
        "share of outside clicks that a search led to",
        "select avg((causing_request_id is not null)::int) from outside",
    ),
    "unseen_share": (
        "clicks that a search led to, on its candidates: share that it had not shown",
        "select avg((not cause_showed_it)::int) from outside where cause_held_it",
    ),
    "held_share": (
        "clicks that a search led to: share on its candidates",
        "select avg(cause_held_it::int) from outside where causing_request_id is not null",
    ),
    "attributed_per_search_click": (
        "rows that become click positives by attribution, per row clicked in search",
        "select (select count(*) from attributed anti join native using (request_id, item_id)) / count(*) "
        "from native join asked using (request_id) where is_search",
    ),
    "attributed_unseen_share": (
        "rows that become click positives by attribution: share that was not shown",
        "select avg((not is_exposed)::int) from (from attributed anti join native using (request_id, item_id)) "
        "join events.candidates using (request_id, item_id)",
    ),
    "purchases_per_search": (
        "purchases per search, all channels",
        "select (select count(*) from events.actions where action = 'purchase') / count(*) from asked where is_search",
    ),
    "delayed_purchases": (
        "share of purchases without a request",
        "select avg((request_id is null)::int) from events.actions where action = 'purchase'",
    ),
    "taste_correlation": (
        "correlation of feed taste with search taste",
        "select corr(search, feed) from (select unnest(taste) as search, unnest(feed_taste) as feed from truth.users "
        "where ds = (select min(ds) from truth.users))",
    ),
    "feed_seduction": (
        "attractiveness of what is clicked in the feed, above what is shown there",
        "select avg(i.attractiveness) filter (s.is_clicked) - avg(i.attractiveness) from shown s "
        "join truth.items i using (item_id) where s.domain = 'feed'",
    ),
    "same_category_again": (
        "share of search and feed clicks in a category the user bought from on an earlier day",
        """
        select avg((b.user_id is not null)::int)
        from events.actions a
        join (select distinct item_id, category_id from events.items) i using (item_id)
        left join (
            select user_id, category_id, min(acted_at::date) as bought_on
            from events.actions join (select distinct item_id, category_id from events.items) using (item_id)
            where action = 'purchase' group by all
        ) b on b.user_id = a.user_id and b.category_id = i.category_id and b.bought_on < a.acted_at::date
        where a.action = 'click'
        """,
    ),
    "need_moves": (
        "share of users whose need moves in a day",
        """
        select avg((need_category_id <> before)::int) from (
            select need_category_id, lag(need_category_id) over (partition by user_id order by ds) as before
            from truth.users
        ) where before is not null
        """,
    ),
    "similar_share": (
        "share of feed requests on one category",
        "select avg((categories = 1)::int) from (select count(distinct i.category_id) as categories "
        "from events.candidates c join asked r using (request_id) "
        "join (select distinct item_id, category_id from events.items) i using (item_id) "
        "where r.domain = 'feed' group by c.request_id)",
    ),
    "distinct_queries": (
        "distinct query texts per search",
        "select count(distinct query_text) / count(*) from asked where is_search",
    ),
    "in_session": (
        "share of searches within ten minutes of the user's last one",
        "select avg((coalesce(requested_at - asked_before_at, interval 1 day) < interval 10 minutes)::int) "
        "from asked where is_search",
    ),
    "slips": (
        "share of searches with a word that no title has",
        """
        select avg((unknown > 0)::int) from (
            select request_id, count(*) filter (known.word is null) as unknown
            from (select request_id, unnest(string_split(query_text, ' ')) as word from asked where is_search) q
            left join (select distinct unnest(string_split(title, ' ')) as word from events.items) known using (word)
            group by 1
        )
        """,
    ),
    "busiest": (
        "share of requests of the busiest hundredth of users",
        "select sum(n) filter (place <= 0.01) / sum(n) from (select n, percent_rank() over (order by n desc) as place "
        "from (select count(*) as n from asked group by user_id))",
    ),
    "bot_requests": (
        "share of requests that bots make",
        "select avg((user_id in (select user_id from truth.bots))::int) from asked",
    ),
    "returned": (
        "share of purchases sent back",
        "select (select count(*) from truth.returns) / count(*) from events.actions where action = 'purchase'",
    ),
    "items": ("items in the catalogue", "select count(distinct item_id) from events.items"),
    "score_popularity": (
        "correlation of the logging policy's score with popularity, search",
        f"select corr(c.logged_score, i.popularity) {_SEARCHED} join truth.items i using (item_id) where is_search",
    ),
    "score_text": (
        "correlation of the logging policy's score with relevance, search",
        f"select corr(c.logged_score, t.relevance) {_SEARCHED} where is_search",
    ),
    "score_utility": (
        "correlation of the logging policy's score with what people like, search",
        f"select corr(c.logged_score, t.utility - t.relevance) {_SEARCHED} where is_search",
    ),
    "known_later": (
        "share of actions known on a later day",
        "select avg((ds > acted_at::date)::int) from events.actions",
    ),
}
"""What it says, and its query, by name."""


def measure(folder: Path, names: Collection[str] = tuple(FACTS)) -> dict[str, float]:
    """The facts of a simulated shop by name."""
    with connect(folder) as con:
        return {name: _value(con, FACTS[name][1]) for name in names}


def _value(con: duckdb.DuckDBPyConnection, query: str) -> float:
    row = con.execute(query).fetchone()
    return float("nan") if row is None or row[0] is None else float(row[0])
