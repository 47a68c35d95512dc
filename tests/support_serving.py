"""The small shop as it is served: daily values materialised, actions pushed, requests asked."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from support_features import DS

from uniscale.features.online.push import push_actions
from uniscale.serving.request import RankingRequest

EVENING = datetime(2026, 1, 6, 20)
"""Time of the test request r3 of the small shop."""


def ranking_request(request_id="r3", **values):
    """The test request of the small shop, with its candidates in the order of its frame."""
    asked = {
        "user_id": "u1",
        "query_text": "Red  shoe",
        "domain": "search",
        "requested_at": EVENING,
        "item_ids": ("i3", "i1", "i2"),
    }
    return RankingRequest(request_id=request_id, **{**asked, **values})


def click(action_id, at, *, user="u1", item="i2", acted_at=None):
    return {
        "action_id": action_id,
        "user_id": user,
        "item_id": item,
        "action": "click",
        "domain": "feed",
        "acted_at": (acted_at or at).replace(tzinfo=UTC),
        "recorded_at": at.replace(tzinfo=UTC),
    }


def push(settings, *actions, **options):
    return push_actions(settings, pa.Table.from_pylist(list(actions)), **options)


def push_fresh_actions_of_the_shop(settings):
    """The actions that the small shop's features.user_fresh_actions holds."""
    morning = datetime(2026, 1, 5, 9)
    assert morning.date() == DS
    earlier = morning - timedelta(minutes=1)
    return push(settings, click("a7", earlier, item="i7"), click("a8", morning, item="i8"))
