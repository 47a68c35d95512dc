"""The SQL of the frames: the samples that go into them, in parts, and what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from uniscale.contracts.frames import FRAMES, ITEM_NUMERIC
from uniscale.contracts.literals import in_days, quoted
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.contracts.samples import ROW_FACTS, SAMPLES
from uniscale.contracts.sequences import SEQUENCE_LENGTHS, SEQUENCES
from uniscale.contracts.tasks import LABELS, TASKS

PASSED_ON = (
    "ds",
    "sample_id",
    "user_id",
    "domain",
    "requested_at",
    "query_tier",
    "label_as_of",
    "sequence_length",
    "item_ids",
    *ROW_FACTS,
)
"""Columns that a frame takes over as they are."""


_ALWAYS_KNOWN = 1 + ITEM_NUMERIC.index("log_item_num_exposures")
"""Place of an input that is missing only where no version of the item answered."""


def train_samples(days: Sequence[date]) -> str:
    """One row per ES3 sample of the days."""
    return f"select {', '.join((*PASSED_ON, 'query_text'))} from lake.{SAMPLES.qualified} where {in_days(days)}"


def evaluated_requests(days: Sequence[date], target_domain: str, carried_ds: date) -> str:
    """One row per target-domain request of the days: its whole candidate list, native labels, in samples' order.

    Args:
        days: UTC days of the requests.
        target_domain: Their domain.
        carried_ds: Day before all of them whose ``es3.sequence_lengths`` are kept.
    """
    return f"""
        with known_counts as (
            select
                user_id,
                ds + interval 1 day - interval 1 microsecond as known_at,
                num_known
            from lake.{SEQUENCE_LENGTHS.qualified}
            where ds = date '{carried_ds}'
            union all
            select
                user_id,
                unnest(known_at),
                num_known - len(known_at) + generate_subscripts(known_at, 1)
            from lake.{SEQUENCES.qualified}
            where ds > date '{carried_ds}' and ds <= date '{max(days)}'
        ),
        known as (
            select user_id, known_at, max(num_known) as num_known from known_counts group by user_id, known_at
        ),
        candidates as (
            select * from lake.{FCT_EXPOSURES.qualified} where {in_days(days)} and domain = {quoted(target_domain)}
        ),
        lists as (
            select
                any_value(ds) as ds,
                request_id,
                any_value(user_id) as user_id,
                any_value(domain) as domain,
                any_value(requested_at) as requested_at,
                any_value(query_text) as query_text,
                any_value(label_as_of) as label_as_of,
                list_sort(list(
                    {{
                        'is_hidden': not is_exposed, 'place': coalesce(position, 2147483647),
                        'item_id': item_id, 'is_exposed': is_exposed, 'position': position,
                        {", ".join(f"'{label}': {label}" for label in LABELS)}, 'purchase_value': purchase_value
                    }}
                )) as rows
            from candidates
            group by request_id
        )
        select
            ds, request_id as sample_id, lists.user_id, domain, requested_at, 0 as query_tier, label_as_of,
            coalesce(known.num_known, 0) as sequence_length,
            list_transform(rows, lambda x: x.item_id) as item_ids,
            list_transform(rows, lambda x: x.is_exposed) as is_exposed,
            list_transform(rows, lambda x: x.position) as position,
            list_transform(rows, lambda x: case when x.is_exposed then 'native' else 'unexposed' end) as provenance,
            {", ".join(f"list_transform(rows, lambda x: x.{label}) as {label}" for label in LABELS)},
            list_transform(rows, lambda x: x.purchase_value) as purchase_value,
            list_transform(rows, lambda x: 1::double) as inclusion_probability,
            list_transform(rows, lambda x: 1::float) as label_weight,
            {", ".join(f"{task.label} as {task.native_label}" for task in TASKS if task.is_attributed)},
            purchase_value as native_purchase_value,
            label_weight as native_label_weight,
            query_text
        from lists
        asof left join known on lists.user_id = known.user_id and lists.requested_at > known.known_at
    """


def parted(samples: str, part_rows: int) -> str:
    """The samples with a column ``part``: 0, 1, ... by time, each of about ``part_rows`` item rows."""
    return f"""
        select
            *,
            sum(len(item_ids)) over (order by requested_at, sample_id rows unbounded preceding) // {part_rows} as part
        from ({samples})
    """


def part(samples: str, number: int) -> str:
    """One part of the relation that `parted` made."""
    return f"select * exclude (part) from {samples} where part = {number}"


def rows_per_day(split: str, days: Sequence[date], target_domain: str) -> str:
    """Item rows of each day, before they are built."""
    if split == "train":
        return f"select ds, sum(len(item_ids)) from lake.{SAMPLES.qualified} where {in_days(days)} group by ds"
    return (
        f"select ds, count(*) from lake.{FCT_EXPOSURES.qualified} "
        f"where {in_days(days)} and domain = {quoted(target_domain)} group by ds"
    )


def counts(run: str) -> str:
    """Per split: requests, item rows, and how many of them lack user, query, history and item features."""
    return f"""
        select
            split,
            count(*),
            sum(len(item_ids)),
            count_if(isnan(user_numeric[1])),
            count_if(isnan(query_numeric[1])),
            count_if(sequence_length = 0),
            sum(len(list_filter(item_numeric, lambda x: isnan(x[{_ALWAYS_KNOWN}]))))
        from lake.{FRAMES.qualified}
        where (ds, split) in ({run})
        group by split
    """
