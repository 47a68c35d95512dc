"""Random logs that reach every branch of attribution: ties, sibling items, late knowledge, actions before a request."""

import random
from datetime import datetime, timedelta

from tests.support_warehouse import Log

ITEMS = [f"i{number}" for number in range(6)]
DOMAINS = ("search", "feed", "shop")


def random_log(seed: int, num_users: int = 90, *, start: datetime = datetime(2026, 1, 4), prefix: str = "") -> Log:
    """Events of the week from ``start``; identifiers of events begin with the user's and a prefix."""
    draw = random.Random(seed)
    log = Log()

    def when(first=start, hours=7 * 24):
        return first + timedelta(hours=draw.randrange(0, hours, 3))

    for item_id in ITEMS[1:]:
        for place in range(draw.randint(1, 3)):
            valid_from = start + timedelta(hours=24 * draw.randint(-2, 5), seconds=place)
            log.item(
                item_id,
                valid_from,
                valid_from + timedelta(hours=draw.choice([0, 0, 12, 60])),
                attributes={"product": draw.choice(["lamp", "chair"])} if draw.random() < 0.7 else {"colour": "red"},
                category_id=draw.choice(["x", "y", None]),
                brand_id=draw.choice(["p", None]),
                price=draw.choice([1.0, 20.0, None]),
            )
    for number in range(num_users):
        user_id = f"u{number:02}"
        for version in range(draw.randint(0, 2)):
            valid_from = start + timedelta(days=draw.randint(-1, 4), seconds=version)
            log.user(user_id, valid_from, valid_from + timedelta(hours=draw.choice([0, 30])), age=str(version))
        asked = []
        for place in range(draw.randint(0, 6)):
            held = draw.sample(ITEMS, draw.randint(1, 4))
            cut = draw.randint(0, len(held))
            query = draw.choice(["Red shoe", " red  SHOE", "blue shoe", "  ", None])
            domain = draw.choice(("search", "search", "feed"))
            log.request(
                f"{user_id}{prefix}r{place}",
                user_id,
                when(),
                exposed=held[:cut],
                unexposed=held[cut:],
                domain=domain,
                query=query if domain == "search" else None,
            )
            asked.append((log.requests[-1], held))
        for place in range(draw.randint(0, 14)):
            request, held = draw.choice([*asked, (None, ITEMS)])
            first = request["requested_at"] if request else start
            request_id = draw.choice([request["request_id"]] * 3 + [None, None, "unknown"]) if request else None
            hours = [0, 3, 24, 27, 90] if request_id else [-30, -6, -3, 0, 3, 24, 27, 90]
            log.act(
                f"{user_id}{prefix}a{place}",
                user_id,
                draw.choice(held[:2] if request else held),
                draw.choice(["click", "click", "cart", "favorite", "purchase", "purchase"]),
                first + timedelta(hours=draw.choice(hours) if request else draw.randrange(0, 168, 3)),
                late=timedelta(hours=draw.choice([0, 0, 0, 5, 30, 80])),
                request_id=request_id,
                domain=request["domain"] if request else draw.choice(DOMAINS),
                value=draw.choice([5.0, 7.5]),
            )
    return log


def together(logs: dict[str, Log]) -> tuple[dict[str, Log], Log]:
    """Logs whose users, items and events begin with the log's name, so that none meets another; and all in one."""
    everything, apart = Log(), {}
    for name, log in logs.items():
        apart[name] = Log()
        for table, events in vars(log).items():
            named = [{key: _named(name, key, value) for key, value in event.items()} for event in events]
            getattr(apart[name], table).extend(named)
            getattr(everything, table).extend(named)
    return apart, everything


def _named(name: str, key: str, value: object) -> object:
    is_id = key in ("user_id", "item_id", "request_id", "action_id")
    return f"{name}-{value}" if is_id and value is not None else value


def crawler_log(seed: int, num_lists: int = 150, num_actions: int = 100) -> Log:
    """One user with many lists of few items, several at one moment, some clicked, and with many outside actions."""
    draw = random.Random(seed)
    log = random_log(seed, num_users=0)

    def when():
        return datetime(2026, 1, 4) + timedelta(hours=draw.randrange(0, 168, 3))

    for place in range(num_lists):
        held = draw.sample(ITEMS[:3], 2)
        log.request(f"r{place:03}", "bot", when(), exposed=held[:1], unexposed=held[1:], query="q")
        if draw.random() < 0.3:
            at, late = log.requests[-1]["requested_at"], timedelta(hours=draw.choice([0, 1, 5, 30]))
            log.act(f"n{place:03}", "bot", held[0], "click", at, late=late, request_id=f"r{place:03}")
    for place in range(num_actions):
        action, late = draw.choice(["click", "purchase"]), timedelta(hours=draw.choice([0, 1, 5]))
        log.act(f"o{place:03}", "bot", draw.choice(ITEMS[:3]), action, when(), late=late, domain="feed", value=5.0)
    return log


def long_log() -> Log:
    """A week of many users, and of some of them the week before and one that leaves windows of 30 days; a busy day."""
    log = Log()
    for seed, num_users, start in ((1, 90, "2026-01-04"), (2, 30, "2025-12-28"), (3, 30, "2025-12-05")):
        week = random_log(seed, num_users, start=datetime.fromisoformat(start), prefix=f"w{seed}")
        for name in ("users", "items", "requests", "candidates", "actions"):
            getattr(log, name).extend(getattr(week, name))
    for place in range(130):
        at = datetime(2026, 1, 8, 9) + timedelta(minutes=place // 2)
        log.act(f"busy{place:03}", "busy", ITEMS[place % 6], "click", at, late=timedelta(seconds=place % 7))
    return log
