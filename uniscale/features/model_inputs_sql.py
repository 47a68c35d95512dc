"""The SQL between samples and the encoder: entity rows for retrieval, and the joined rows in the encoder's order."""

from __future__ import annotations


def request_entities(samples: str) -> str:
    """Entity rows of the request-level service: one per sample."""
    return (
        "select sample_id, user_id, normalised_query(query_text) as query_text, words(query_text) as query_words, "
        f"domain, requested_at, requested_at as event_timestamp from {samples}"
    )


def item_entities(samples: str) -> str:
    """Entity rows of the item-level service: one per sample and item."""
    return (
        "select sample_id, unnest(item_ids) as item_id, unnest(range(len(item_ids))) as place, "
        f"requested_at as event_timestamp from {samples}"
    )


def pair_entities(samples: str, items: str) -> str:
    """Entity rows of the pair-level service: one per sample and category of its items."""
    return f"""
        select distinct s.sample_id, s.user_id, i.category_id, s.requested_at as event_timestamp
        from {samples} as s join {items} as i using (sample_id)
        where i.category_id is not null
    """


def ordered(rows: str) -> str:
    """Rows of samples or of their requests, oldest first: the order of the frames."""
    return f"from {rows} order by requested_at, sample_id"


def items_of_requests(samples: str, items: str, pairs: str) -> str:
    """Items with the place ``row`` of their request in `ordered`, the words of their title, and the pair features.

    Each distinct title is split once: items repeat in many lists.
    """
    return f"""
        with numbered as (
            select sample_id, row_number() over (order by requested_at, sample_id) - 1 as row from {samples}
        ),
        titles as (
            select title, words(title) as title_words
            from (select distinct title from {items} where title is not null)
        )
        select n.row, i.*, t.title_words, p.* exclude (sample_id, user_id, category_id, event_timestamp)
        from {items} as i
        join numbered as n using (sample_id)
        left join titles as t on i.title = t.title
        left join {pairs} as p on i.sample_id = p.sample_id and i.category_id = p.category_id
        order by n.row, i.place
    """
