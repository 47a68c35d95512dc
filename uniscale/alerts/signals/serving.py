"""Whether requests were served the features that the lake holds, and in time."""

from __future__ import annotations

from uniscale.alerts.look import Firing, Look
from uniscale.contracts.features import FRESH_HOURS

_WORST = 3
"""Features that are named."""


def overdue_features(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """Real requests that were served daily values older than the feature tables promise."""
    del parts
    return [
        Firing(
            value=found.overdue / found.requests,
            detail=(
                f"{found.overdue:,} of {found.requests:,} requests of {found.ds} were served daily values older than "
                f"{FRESH_HOURS} hours"
            ),
        )
        for found in look.result("skew").skew
        if found.kind == "live" and found.overdue
    ]


def skewed_input(look: Look, parts: tuple[str, ...]) -> list[Firing]:
    """Kinds of requests of which too few were served, in time, what the lake recomputes."""
    del parts
    least = look.limits.skew.match
    firings = []
    for found in look.result("skew").skew:
        if found.in_time and found.exact_in_time < least * found.in_time:
            features = sorted((found.features or {}).items(), key=lambda item: (item[1], item[0]))
            worst = ", ".join(f"{name} {share:.1%}" for name, share in features[:_WORST] if share < 1)
            detail = (
                f"only {found.exact_in_time:,} of {found.in_time:,} {found.kind} requests of {found.ds} were served "
                f"what the lake holds, {least:.1%} must be; values that match: {worst or 'all that were compared'}"
            )
            firings.append(Firing(subject=found.kind, value=found.exact_in_time / found.in_time, detail=detail))
    return firings
