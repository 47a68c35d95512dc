"""From joined feature rows to the numbers a model takes: one piece of SQL for training, evaluation and serving.

Two relations come in, both with the columns of the feature views (`uniscale.contracts.features`), NULL where no
version answered:

- requests, one row per sample: ``sample_id, user_id, query_text, requested_at``, user, query and sequence features;
- items, one row per candidate: ``sample_id, place`` (order in the list), ``item_id``, item features.

One row per sample comes out, with the input columns of `uniscale.contracts.frames.FRAMES`.
"""

from __future__ import annotations

import duckdb

from uniscale.contracts.events import ACTIONS
from uniscale.contracts.frames import HASH_SPACE, HISTORY_LENGTH

QUERY_WORDS = 8
TITLE_WORDS = 12
ATTRIBUTES = 8
"""Words and facts kept of each request and item, the first ones; the models pad to the same numbers."""

REQUEST_INPUTS = (
    "user_index",
    "user_attributes",
    "query_index",
    "query_words",
    "user_numeric",
    "query_numeric",
    "history_items",
    "history_categories",
    "history_brands",
    "history_actions",
    "history_domains",
    "history_hours",
)
ITEM_INPUTS = (
    "item_index",
    "category_index",
    "brand_index",
    "shop_index",
    "title_words",
    "item_attributes",
    "item_numeric",
)

_MACROS = rf"""
create or replace temp macro hash_id(field, raw) as
    case
        when raw is null or raw = '' then 0
        else cast(1 + md5_number_lower(field || '=' || raw) % {HASH_SPACE} as integer)
    end;
create or replace temp macro hash_list(field, raws) as
    list_transform(coalesce(raws, []), lambda raw: hash_id(field, raw));
create or replace temp macro words(raw) as regexp_extract_all(lower(raw), '[\p{{L}}\p{{M}}\p{{N}}_]+');
create or replace temp macro clean_query(raw) as
    nullif(trim(regexp_replace(lower(raw), '\s+', ' ', 'g')), '');
create or replace temp macro number(raw) as coalesce(cast(raw as float), 'nan'::float);
create or replace temp macro log_raised(raw) as case when raw is not null then ln(1 + greatest(raw, 0)) end;
create or replace temp macro log_number(raw) as number(log_raised(raw));
"""


def install_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Define the encoding's functions on a connection: ``hash_id``, ``words``, ``clean_query`` and others."""
    con.execute(_MACROS)


def encode_sql(requests: str, items: str) -> str:
    """The query that encodes joined feature rows; `install_macros` must have run on the connection.

    Args:
        requests: Relation of request-level rows, see the module's text.
        items: Relation of item-level rows.

    Returns:
        SQL that gives ``sample_id``, the REQUEST_INPUTS, and per item, in order of ``place``, the ITEM_INPUTS.
    """
    return f"""
        with request_rows as ({_request_rows(requests)}),
        title_rows as ({_title_rows(items)}),
        item_rows as ({_item_rows(requests, items)}),
        item_lists as (select sample_id, list_sort(list(item)) as rows from item_rows group by sample_id)
        select
            r.sample_id,
            {", ".join(f"r.{name}" for name in REQUEST_INPUTS)},
            {", ".join(f"coalesce(list_transform(l.rows, lambda x: x.{name}), []) as {name}" for name in ITEM_INPUTS)}
        from request_rows as r left join item_lists as l using (sample_id)
    """


def _request_rows(requests: str) -> str:
    actions = ", ".join(f"'{action}'" for action in ACTIONS)
    return f"""
        with kept as (
            select
                *,
                epoch_us(requested_at) // 1000000 as asked_at,
                list_filter(
                    range(1, coalesce(len(history_acted_at), 0) + 1), lambda k: history_acted_at[k] <= asked_at
                )[-{HISTORY_LENGTH}:] as ks
            from {requests}
        )
        select
            sample_id,
            hash_id('user', user_id) as user_index,
            hash_list('user_attribute', user_attributes[:{ATTRIBUTES}]) as user_attributes,
            hash_id('query', clean_query(query_text)) as query_index,
            hash_list('word', words(query_text)[:{QUERY_WORDS}]) as query_words,
            [
                log_number(user_num_requests), log_number(user_num_clicks), log_number(user_num_purchases),
                number(user_mean_log_price)
            ] as user_numeric,
            [log_number(query_num_requests), log_number(query_num_clicks), number(query_ctr)] as query_numeric,
            list_transform(ks, lambda k: hash_id('item', history_items[k])) as history_items,
            list_transform(ks, lambda k: hash_id('category', history_categories[k])) as history_categories,
            list_transform(ks, lambda k: hash_id('brand', history_brands[k])) as history_brands,
            list_transform(
                ks, lambda k: cast(coalesce(list_position([{actions}], history_actions[k]), 0) as integer)
            ) as history_actions,
            list_transform(ks, lambda k: history_domains[k]) as history_domains,
            list_transform(
                ks, lambda k: cast((epoch_us(requested_at) / 1e6 - history_acted_at[k]) / 3600 as float)
            ) as history_hours
        from kept
    """


def _title_rows(items: str) -> str:
    """Each distinct title is split and hashed once: items repeat in many lists."""
    return f"""
        select
            title,
            list_distinct(words(title)) as title_vocabulary,
            hash_list('word', words(title)[:{TITLE_WORDS}]) as title_words
        from (select distinct title from {items} where title is not null)
    """


def _item_rows(requests: str, items: str) -> str:
    return f"""
        with asked as (
            select sample_id, user_mean_log_price, list_distinct(words(query_text)) as query_vocabulary
            from {requests}
        )
        select
            i.sample_id,
            {{
                'place': i.place,
                'item_index': hash_id('item', i.item_id),
                'category_index': hash_id('category', i.category_id),
                'brand_index': hash_id('brand', i.brand_id),
                'shop_index': hash_id('shop', i.shop_id),
                'title_words': coalesce(t.title_words, []),
                'item_attributes': hash_list('item_attribute', i.item_attributes[:{ATTRIBUTES}]),
                'item_numeric': [
                    log_number(i.price),
                    number(log_raised(i.price) - q.user_mean_log_price),
                    log_number(i.item_age_days),
                    log_number(i.item_num_exposures),
                    log_number(i.item_num_clicks),
                    log_number(i.item_num_purchases),
                    log_number(i.item_num_outside_clicks),
                    number(i.item_ctr),
                    number(case when t.title is not null then
                        len(list_intersect(q.query_vocabulary, t.title_vocabulary)) / nullif(len(q.query_vocabulary), 0)
                    end)
                ]
            }} as item
        from {items} as i
        join asked as q using (sample_id)
        left join title_rows as t on i.title = t.title
    """
