"""Do attributed purchases agree with coupon redemptions? ``python -m benchmarks.data.redemptions FOLDER``.

FOLDER holds The Complete Journey. A redemption names household, campaign and coupon: it is known what led to it. A
*redeemed purchase* is a sampled purchase of a product that the coupon covers, by that household, on the day of the
redemption. Two questions, each answered with the warehouse's own SQL:

1. Campaigns. A campaign sent to a household is a request that showed the products of its coupons. Of the redeemed
   purchases, how many does attribution give to a campaign, and how many to the campaign of the redemption? Of all
   attributed purchases, how many were redeemed?
2. Displays and mailers. Of redeemed purchases in the stores with known promotions, how many does attribution give to a
   display or mailer, which a redemption says nothing of; and of the other purchases of coupon products there?

Intervals: 95 %, bootstrap over households. Writes a record.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.data.compiled import attribute, policy_with
from benchmarks.record import RECORDS
from uniscale.config import Settings
from uniscale.lake import Lake
from uniscale.sources.public.complete_journey import DATA_SET
from uniscale.sources.public.data_set import ingest_data_set

WINDOWS_DAYS = (7, 14, 28, 42, 70)
FIRST, LAST = date(2016, 11, 1), date(2018, 3, 31)
"""Request days; labels are as known when the last one ends."""
RESAMPLES = 2000

# What a campaign shows is the products of its coupons; only those that the household was seen to buy can be matched.
_CAMPAIGN_PRODUCTS = """
    insert into lake.raw.candidates by name
    select distinct r.ds, r.request_id, c.product_id as item_id, true as is_exposed, 1 as position
    from lake.raw.requests r
    join read_parquet('{folder}/coupons.parquet') c on c.campaign_id = r.attributes['campaign']
    join lake.raw.actions a on a.user_id = r.user_id and a.item_id = c.product_id and a.domain = 'store'
    where r.domain = 'coupon'
"""
_PURCHASES = """
    create or replace temp table purchases as
    with covered as (
        select distinct x.household_id, c.product_id, x.campaign_id,
            date '1970-01-01' + cast(x.redemption_date as integer) as redeemed_on
        from read_parquet('{folder}/coupon_redemptions.parquet') x
        join read_parquet('{folder}/coupons.parquet') c using (coupon_upc, campaign_id)
    ),
    stores as (
        select 'store-' || basket_id || '-' || product_id as action_id,
            store_id in (select store_id from read_parquet('{folder}/promotions.parquet')) as has_promotions
        from read_parquet('{folder}/transactions.parquet')
    )
    select a.action_id, a.user_id, has_promotions,
        list(distinct 'coupon-' || v.campaign_id || '-' || a.user_id) filter (where v.campaign_id is not null) as truth,
        bool_or(v.campaign_id is not null) as is_redeemed
    from lake.raw.actions a
    join stores using (action_id)
    semi join read_parquet('{folder}/coupons.parquet') c on c.product_id = a.item_id
    left join covered v
        on v.household_id = a.user_id and v.product_id = a.item_id and v.redeemed_on = cast(a.acted_at as date)
    group by all
"""
_CAMPAIGNS = """
    with choices as (
        select p.action_id, count(*) > 1 as is_choice
        from purchases p
        join lake.raw.actions a using (action_id)
        join lake.raw.requests r on r.user_id = a.user_id and r.domain = 'coupon'
            and a.acted_at between r.requested_at and r.requested_at + {days} * interval 1 day
        join lake.raw.candidates c on c.request_id = r.request_id and c.item_id = a.item_id
        where p.is_redeemed
        group by all
    )
    select p.user_id, count(*) filter (where is_redeemed),
        count(m.request_id) filter (where is_redeemed),
        count(*) filter (where list_contains(p.truth, m.request_id)),
        count(m.request_id),
        count(*) filter (where is_redeemed and m.request_id is null),
        count(*) filter (where m.request_id is null),
        count(*) filter (where is_choice and m.request_id is not null),
        count(*) filter (where is_choice and list_contains(p.truth, m.request_id))
    from purchases p left join attributions m using (action_id) left join choices using (action_id)
    group by all order by all
"""
_PROMOTIONS = """
    select p.user_id, count(*) filter (where is_redeemed),
        count(*) filter (where is_redeemed and m.target in ('clicked', 'exposed_unclicked')),
        count(*) filter (where not is_redeemed),
        count(*) filter (where not is_redeemed and m.target in ('clicked', 'exposed_unclicked'))
    from purchases p left join attributions m using (action_id)
    where has_promotions
    group by all order by all
"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the Parquet files of The Complete Journey")
    folder: Path = parser.parse_args().folder.resolve()
    with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
        settings = Settings(home=Path(scratch) / "home", domains=DATA_SET.domains, target_domain="coupon")
        lake = Lake(settings)
        ingest_data_set(settings, lake, DATA_SET, folder)
        lake.commit(lambda con: con.execute(_CAMPAIGN_PRODUCTS.format(folder=folder)), "products of campaigns")
        with lake.read() as con:
            con.execute(_PURCHASES.format(folder=folder))
            results = {
                "campaigns": [campaigns(con, settings, days) for days in WINDOWS_DAYS],
                "promotions": [promotions(con, settings, domain) for domain in ("display", "mailer")],
            }
    write({"date": date.today().isoformat(), "command": "python -m benchmarks.data.redemptions FOLDER", **results})


def campaigns(con: duckdb.DuckDBPyConnection, settings: Settings, window_days: int) -> dict[str, Any]:
    """Agreement of attribution to campaigns with redemptions."""
    attribute(con, settings, policy_with(window_hours=24 * window_days), FIRST, LAST)
    counts = by_household(con, _CAMPAIGNS.format(days=window_days))
    redeemed, attributed_redeemed, correct, attributed, missed, left, choices, right = range(8)
    return {
        "window_days": window_days,
        "redeemed": int(counts[:, redeemed].sum()),
        "attributed": int(counts[:, attributed].sum()),
        "not_attributed": int(counts[:, left].sum()),
        "recall": share(counts, correct, redeemed),
        "right_campaign": share(counts, correct, attributed_redeemed),
        "num_choices": int(counts[:, choices].sum()),
        "right_of_choices": share(counts, right, choices),
        "redeemed_of_attributed": share(counts, attributed_redeemed, attributed),
        "redeemed_of_others": share(counts, missed, left),
    }


def promotions(con: duckdb.DuckDBPyConnection, settings: Settings, domain: str) -> dict[str, Any]:
    """How many redeemed and other purchases of coupon products attribution gives to a display or mailer."""
    attribute(con, settings.model_copy(update={"target_domain": domain}), policy_with(), FIRST, LAST)
    counts = by_household(con, _PROMOTIONS)
    redeemed, shown_redeemed, others, shown_others = range(4)
    return {
        "domain": domain,
        "redeemed": int(counts[:, redeemed].sum()),
        "others": int(counts[:, others].sum()),
        "shown_of_redeemed": share(counts, shown_redeemed, redeemed),
        "shown_of_others": share(counts, shown_others, others),
    }


def by_household(con: duckdb.DuckDBPyConnection, query: str) -> np.ndarray:
    """Counts, a row per household."""
    return np.array([row[1:] for row in con.execute(query).fetchall()], dtype=float)


def share(counts: np.ndarray, numerator: int, denominator: int) -> list[float | None]:
    """The share and its interval; None without a case."""
    pairs = counts[:, [numerator, denominator]]
    if not pairs[:, 1].sum():
        return [None, None, None]
    draw = np.random.default_rng(0)
    weights = draw.multinomial(len(pairs), np.full(len(pairs), 1 / len(pairs)), size=RESAMPLES)
    top, bottom = (weights @ pairs).T
    found = top[bottom > 0] / bottom[bottom > 0]
    low, high = np.quantile(found, (0.025, 0.975))
    return [pairs[:, 0].sum() / pairs[:, 1].sum(), float(low), float(high)]


def cell(found: Sequence[float | None]) -> str:
    """A share with its interval, in per cent."""
    if found[0] is None:
        return "no case"
    middle, low, high = (f"{value:.1%}".replace("%", "") for value in found if value is not None)
    return f"{middle} % ({low} to {high})"


def write(record: dict[str, Any]) -> None:
    """Store the record as JSON, and as tables that a person reads."""
    lines = [
        f"# Attribution and coupon redemptions, The Complete Journey, {record['date']}",
        "",
        f"`{record['command']}`. Shares with 95 % intervals, bootstrap over households.",
        "",
        "Campaigns:",
        "",
        "| window, days | redeemed purchases | given to the redeemed campaign | of those given to any, the right one "
        "| of several, the right one | attributed purchases | redeemed of them | redeemed of the others |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in record["campaigns"]:
        lines.append(
            f"| {row['window_days']} | {row['redeemed']:,} | {cell(row['recall'])} | {cell(row['right_campaign'])} "
            f"| {cell(row['right_of_choices'])}, n = {row['num_choices']} "
            f"| {row['attributed']:,} | {cell(row['redeemed_of_attributed'])} | {cell(row['redeemed_of_others'])} |"
        )
    lines += [
        *("", "Displays and mailers, stores with known promotions, packaged policy:", ""),
        "| domain | redeemed purchases | given to a promotion | other purchases of coupon products | given to one |",
        "|---|---|---|---|---|",
    ]
    for row in record["promotions"]:
        lines.append(
            f"| {row['domain']} | {row['redeemed']:,} | {cell(row['shown_of_redeemed'])} | {row['others']:,} "
            f"| {cell(row['shown_of_others'])} |"
        )
    RECORDS.mkdir(exist_ok=True)
    stem = RECORDS / f"redemptions_{record['date'][:7]}"
    stem.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
