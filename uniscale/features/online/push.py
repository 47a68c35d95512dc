"""Push actions as they become known: the user's next request sees them, before any day is computed.

What is pushed is the user's value of ``user_fresh_actions``, the newest actions of two days, in a Feast project of its
own. The day's materialisation counts the same actions into the daily features; which of the two a model reads is told
by ``fresh_known_at``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from uniscale.config import Settings
from uniscale.contracts.features import USER_FRESH_ACTIONS
from uniscale.features.online.item_kinds import facts_of
from uniscale.features.online.push_rules import Action, judge_actions
from uniscale.features.online.slots import LIVE, locked
from uniscale.features.repo import open_store

if TYPE_CHECKING:
    from feast import FeatureStore

_USERS_AT_ONCE = 1_000
_LOCK_SECONDS = 60
_ORDER = ("fresh_known_at", "fresh_acted_at", "fresh_action_ids")
"""The order of knowledge, which sequences have too."""
_LISTS = tuple(column.name for column in USER_FRESH_ACTIONS.features)


def push_actions(
    settings: Settings,
    actions: pa.Table,
    *,
    now: datetime | None = None,
    project: str = LIVE,
    domains: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Append actions to what is known online of their users.

    An action that is known already changes nothing, so a push may be repeated. Of a user, the newest
    ``max_fresh_actions`` recorded on the UTC day of the newest one or the day before are kept.

    Args:
        settings: The installation.
        actions: One row per action with the columns of `uniscale.features.online.push_rules`; where they are read from
            a file, also ``row_number`` and ``fault``: why a row is no action, NULL if it may be one. Further columns
            are not read.
        now: The time (UTC); default the clock.
        project: Feast project that is pushed to.
        domains: Domains that an action may be of; default those declared in the settings.

    Returns:
        ``pushed``: number of actions taken in; ``known_already``; ``too_old``: recorded before the days that are kept;
        ``refused``: ``row``, ``action_id`` and ``reason`` of each row that is no action.

    Raises:
        ValueError: A column is missing, or the online store does not answer.
    """
    from uniscale.features.online.bulk import answering

    now = now or datetime.now(UTC)
    now = now if now.tzinfo else now.replace(tzinfo=UTC)
    accepted, refused = judge_actions(actions, settings.domains if domains is None else domains, now)
    counts = {"pushed": 0, "known_already": 0, "too_old": 0}
    by_user: dict[str, list[Action]] = {}
    for action in accepted:
        by_user.setdefault(action["user_id"], []).append(action)
    store = open_store(settings, project=project)
    users = sorted(by_user)
    with answering(store, f"{len(users)} users' actions were not all pushed; a repeated push adds what is missing"):
        for start in range(0, len(users), _USERS_AT_ONCE):
            some = {user: by_user[user] for user in users[start : start + _USERS_AT_ONCE]}
            facts = facts_of(settings, {action["item_id"] for listed in some.values() for action in listed})
            with _alone(settings, store):
                for name, number in _append(store, some, facts, settings.features.max_fresh_actions).items():
                    counts[name] += number
    return {**counts, "refused": refused}


def _append(
    store: FeatureStore, actions: Mapping[str, list[Action]], facts: Mapping[str, tuple[str, str]], at_most: int
) -> dict[str, int]:
    """Read the users' values, put the new actions in, write what changed."""
    counts = {"pushed": 0, "known_already": 0, "too_old": 0}
    changed: dict[str, list[Action]] = {}
    for user, known in _read(store, list(actions)).items():
        held = {action["fresh_action_ids"]: action for action in known}
        new = {}
        for action in actions[user]:
            if action["action_id"] in held or action["action_id"] in new:
                counts["known_already"] += 1
            else:
                new[action["action_id"]] = _fresh(action, facts)
        merged = sorted({**held, **new}.values(), key=itemgetter(*_ORDER))
        first = _midnight_before(merged[-1]["fresh_known_at"])
        counts["too_old"] += sum(action["fresh_known_at"] < first for action in new.values())
        kept = [action for action in merged if action["fresh_known_at"] >= first][-at_most:]
        counts["pushed"] += sum(action["fresh_known_at"] >= first for action in new.values())
        if kept != known:
            changed[user] = kept
    if changed:
        _write(store, changed)
    return counts


def _fresh(action: Action, facts: Mapping[str, tuple[str, str]]) -> Action:
    """An action as the lists of the view hold it, element by element."""
    category, brand = facts.get(action["item_id"], ("", ""))
    return {
        "fresh_action_ids": action["action_id"],
        "fresh_items": action["item_id"],
        "fresh_categories": category,
        "fresh_brands": brand,
        "fresh_actions": action["action"],
        "fresh_domains": action["domain"],
        "fresh_acted_at": _microseconds(action["acted_at"]) // 1_000_000,
        "fresh_known_at": _microseconds(action["recorded_at"]),
    }


def _read(store: FeatureStore, users: list[str]) -> dict[str, list[Action]]:
    """Actions known of each user, oldest first."""
    columns = store.get_online_features(
        features=[f"{USER_FRESH_ACTIONS.name}:{name}" for name in _LISTS],
        entity_rows=[{"user_id": user} for user in users],
    ).to_dict()
    found = {}
    for place, user in enumerate(users):
        lists = [columns[name][place] or [] for name in _LISTS]
        found[user] = [dict(zip(_LISTS, values, strict=True)) for values in zip(*lists, strict=True)]
    return found


def _write(store: FeatureStore, values: Mapping[str, list[Action]]) -> None:
    import pandas as pd

    newest = [datetime.fromtimestamp(listed[-1]["fresh_known_at"] / 1e6, UTC) for listed in values.values()]
    frame = pd.DataFrame({"user_id": list(values), "feature_at": newest, "recorded_at": newest})
    for name in _LISTS:
        frame[name] = [[action[name] for action in listed] for listed in values.values()]
    store.write_to_online_store(USER_FRESH_ACTIONS.name, frame)


@contextmanager
def _alone(settings: Settings, store: FeatureStore) -> Iterator[None]:
    """Nobody else appends meanwhile: on this machine for SQLite, on any for Redis."""
    if settings.features.online_store == "sqlite":
        with locked(settings, f"push_{store.project}"):
            yield
        return
    from uniscale.features.online.bulk import bulk_store

    client = bulk_store(store).client(store.config)  # type: ignore[attr-defined]
    with client.lock(f"push:{store.project}", timeout=_LOCK_SECONDS, blocking_timeout=_LOCK_SECONDS):
        yield


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _midnight_before(microseconds: int) -> int:
    """Where the UTC day before a moment begins."""
    day = 24 * 3600 * 1_000_000
    return (microseconds // day - 1) * day
