"""Random frames that obey the contract, for tests of loading and training."""

import random
from datetime import date, datetime, timedelta
from functools import cache
from itertools import groupby

import numpy as np
import pyarrow as pa

from uniscale.contracts.days import midnight_after
from uniscale.contracts.events import ACTIONS
from uniscale.contracts.frames import FRAMES, ITEM_NUMERIC, QUERY_NUMERIC, USER_NUMERIC, hash_id
from uniscale.contracts.inputs import HISTORY_INPUTS, HISTORY_LENGTH, ITEM_IDS
from uniscale.contracts.marts import FCT_EXPOSURES
from uniscale.contracts.sequences import SEQUENCES
from uniscale.contracts.tasks import LABELS, TASKS
from uniscale.data.behaviour import LISTS
from uniscale.lake import Lake
from uniscale.lake.partitions import mark_built

DOMAINS = ("search", "feed", "shop")
DS = date(2026, 1, 5)


def _ids(rng, low, high):
    return [int(v) for v in rng.integers(1, 2**31 - 1, rng.integers(low, high + 1))]


def _floats(rng, n):
    return [float("nan") if rng.random() < 0.2 else float(rng.normal()) for _ in range(n)]


def _items(rng, n, is_real):
    exposed = [bool(is_real and i < max(1, n // 2)) for i in range(n)]
    if is_real:
        provenance = [
            str(rng.choice(["native", "attributed_exposed"] if e else ["unexposed", "attributed_unexposed"]))
            for e in exposed
        ]
    else:
        provenance = ["synthetic"] * n
    clicked = [bool(p.startswith("attributed") or (p != "unexposed" and rng.random() < 0.3)) for p in provenance]
    carted = [
        bool(c and not p.startswith("attributed") and rng.random() < 0.4)
        for c, p in zip(clicked, provenance, strict=True)
    ]
    purchased = [bool(c and rng.random() < 0.3) for c in clicked]
    index = [int(v) for v in rng.integers(1, 500, n)]
    # Without attribution an attributed row was neither clicked nor bought; every other row is as it is.
    natively = [not p.startswith("attributed") for p in provenance]
    return {
        "item_ids": [f"i{v}-{place}" for place, v in enumerate(index)],
        **{one.name: [0 if one.width is None else []] * n for one in ITEM_IDS},
        "item_index": index,
        "category_index": [int(v) for v in rng.integers(0, 50, n)],
        "brand_index": [int(v) for v in rng.integers(0, 50, n)],
        "shop_index": [int(v) for v in rng.integers(0, 50, n)],
        "title_words": [_ids(rng, 0, 14) for _ in range(n)],
        "item_attributes": [_ids(rng, 0, 9) for _ in range(n)],
        # The first numeric value carries the label, so that there is something to learn.
        "item_numeric": [[2.0 * c + float(rng.normal()), *_floats(rng, len(ITEM_NUMERIC) - 1)] for c in clicked],
        "is_exposed": exposed,
        "provenance": provenance,
        **{label: [False] * n for label in LABELS},
        "is_clicked": clicked,
        "is_carted": carted,
        "is_purchased": purchased,
        "purchase_value": [10.0 if p else 0.0 for p in purchased],
        "position": [place + 1 if e else None for place, e in enumerate(exposed)],
        "inclusion_probability": [1.0] * n,
        "label_weight": [0.1 if p == "unexposed" else 1.0 for p in provenance],
        "is_natively_clicked": [c and own for c, own in zip(clicked, natively, strict=True)],
        "is_natively_purchased": [p and own for p, own in zip(purchased, natively, strict=True)],
        "native_purchase_value": [10.0 if p and own else 0.0 for p, own in zip(purchased, natively, strict=True)],
        "native_label_weight": [0.1 if p.endswith("unexposed") else 1.0 for p in provenance],
    }


@cache
def actions_of(user):
    """What a user did around DS, in the order in which it became known."""
    draw = random.Random(user)
    midnight = datetime(DS.year, DS.month, DS.day)
    acts = []
    for number in range(draw.choice([0, 5, 40, 90])):
        acted_at = midnight + timedelta(seconds=draw.randrange(-9 * 86_400, 2 * 86_400))
        category = draw.choice(["", "c1", "c2", "c3"])
        acts.append(
            {
                "known_at": acted_at + timedelta(seconds=draw.choice([0, 0, 60, 7_200])),
                "acted_at": acted_at,
                "action_id": f"{user}-{number}",
                "item_ids": f"i{draw.randrange(500)}",
                "category_ids": category,
                "brand_ids": draw.choice(["", "b1", "b2"]),
                # Serving learns of some items a day later.
                "fresh_category_ids": draw.choice(["", category]),
                "fresh_brand_ids": "",
                "actions": draw.choice(["click", "cart", "favorite", "purchase"]),
                "domains": draw.choice([*DOMAINS, "mailer"]),
            }
        )
    return tuple(sorted(acts, key=lambda act: (act["known_at"], act["acted_at"], act["action_id"])))


def _history(user, requested_at):
    """The prefix of the user's sequence that a request sees, and its newest actions as served requests carry them."""
    known = [act for act in actions_of(user) if act["known_at"] < requested_at]
    kept = sorted(known[-HISTORY_LENGTH:], key=lambda act: act["acted_at"])
    fresh = ["fresh_" if act["known_at"].date() == requested_at.date() else "" for act in kept]
    return {
        "sequence_length": len(known),
        "history_items": [hash_id("item", act["item_ids"]) for act in kept],
        "history_categories": [
            hash_id("category", act[f"{of}category_ids"]) for act, of in zip(kept, fresh, strict=True)
        ],
        "history_brands": [hash_id("brand", act[f"{of}brand_ids"]) for act, of in zip(kept, fresh, strict=True)],
        "history_actions": [1 + ACTIONS.index(act["actions"]) for act in kept],
        "history_domains": [act["domains"] for act in kept],
        "history_hours": [(requested_at - act["acted_at"]) / timedelta(hours=1) for act in kept],
    }


def _request(rng, ds, split, number, *, domain, max_items):
    user = f"u{rng.integers(0, 40)}"
    requested_at = datetime(ds.year, ds.month, ds.day) + timedelta(minutes=int(rng.integers(0, 1440)))
    is_real = domain == DOMAINS[0]
    return {
        "ds": ds,
        "split": split,
        "sample_id": f"r{ds:%m%d}-{number:05d}{'' if is_real else '~s'}",
        "user_id": user,
        "domain": domain,
        "requested_at": requested_at,
        "query_tier": 0 if is_real else 1,
        # Unique per request, so that a test can tell requests apart in a batch.
        "user_index": number + 1,
        "user_attributes": _ids(rng, 0, 10),
        "query_index": int(rng.integers(0, 100)),
        "query_words": _ids(rng, 0, 10),
        "user_numeric": _floats(rng, len(USER_NUMERIC)),
        "query_numeric": _floats(rng, len(QUERY_NUMERIC)),
        **_history(user, requested_at),
        **_items(rng, int(rng.integers(1, max_items + 1)), is_real),
        "label_as_of": midnight_after(ds),
    }


def frames_schema():
    """The Arrow schema of the contract, with the histories that served requests carry."""
    plain = {
        "DATE": pa.date32(),
        "VARCHAR": pa.string(),
        "TIMESTAMP": pa.timestamp("us"),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "FLOAT": pa.float32(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
    }

    def arrow(sql):
        return pa.list_(arrow(sql[:-2])) if sql.endswith("[]") else plain[sql]

    histories = dict.fromkeys(HISTORY_INPUTS, pa.list_(pa.int32()))
    histories |= {"history_domains": pa.list_(pa.string()), "history_hours": pa.list_(pa.float32())}
    return pa.schema([*((column.name, arrow(column.type)) for column in FRAMES.columns), *histories.items()])


def random_frames(num_requests, *, ds=DS, split="train", seed=0, domains=DOMAINS, max_items=12):
    """Frames of one day with their histories, ordered by sample_id; the first request is in the target domain."""
    rng = np.random.default_rng(seed)
    chosen = [domains[0], *rng.choice(domains, max(0, num_requests - 1))][:num_requests]
    rows = [
        _request(rng, ds, split, number, domain=str(domain), max_items=max_items)
        for number, domain in enumerate(chosen)
    ]
    return pa.Table.from_pylist(rows, schema=frames_schema())


def sequences():
    """``es3.sequences`` of all users."""
    rows = []
    for user in (f"u{number}" for number in range(40)):
        num_known = 0
        for day, learnt in groupby(actions_of(user), key=lambda act: act["known_at"].date()):
            acts = list(learnt)
            num_known += len(acts)
            lists = {name: [act[name] for act in acts] for name in LISTS}
            rows.append({"ds": day, "user_id": user, "num_known": num_known, **lists})
    moments = dict.fromkeys(("known_at", "acted_at"), pa.list_(pa.timestamp("us")))
    schema = {"ds": pa.date32(), "user_id": pa.string(), "num_known": pa.int64()}
    schema |= {name: moments.get(name, pa.list_(pa.string())) for name in LISTS}
    return pa.Table.from_pylist(rows, schema=pa.schema(schema))


def native_labels(frames):
    """Exposures with the native labels of frames."""
    rows = []
    for record in frames.to_pylist():
        for place, item in enumerate(record["item_ids"]):
            if record["domain"] != DOMAINS[0]:
                continue
            rows.append(
                {
                    "ds": record["ds"],
                    "request_id": record["sample_id"],
                    "item_id": item,
                    "user_id": record["user_id"],
                    "domain": record["domain"],
                    "query_text": "q",
                    "normalised_query": "q",
                    "requested_at": record["requested_at"],
                    "is_exposed": record["is_exposed"][place],
                    "position": record["position"][place],
                    "logged_score": 0.0,
                    "propensity": None,
                    **{task.label: record[task.native_label][place] for task in TASKS},
                    "purchase_value": record["native_purchase_value"][place],
                    "label_as_of": record["label_as_of"],
                    "is_final": True,
                }
            )
    return pa.Table.from_pylist(rows)


def write_frames(lake, tables, key="k"):
    """Put frames of some days into the lake, with their sequences, exposures and build notes, in one commit."""

    def work(con):
        Lake.create(con, FRAMES)
        Lake.create(con, SEQUENCES)
        con.register("sequences_in", sequences())
        Lake.replace(con, SEQUENCES, "true", "sequences_in")
        Lake.create(con, FCT_EXPOSURES)
        for frames in tables:
            ds, split = frames["ds"][0].as_py(), frames["split"][0].as_py()
            exposures = native_labels(frames)
            con.register("frames_in", frames.select(FRAMES.column_names))
            con.register("exposures_in", exposures)
            Lake.replace(con, FRAMES, f"ds = date '{ds}' and split = '{split}'", "frames_in")
            Lake.replace(con, FCT_EXPOSURES, f"ds = date '{ds}'", "exposures_in")
            mark_built(con, f"{FRAMES.qualified}/{split}", {ds: key})
            con.unregister("frames_in")
            con.unregister("exposures_in")

    lake.commit(work, "test frames")
