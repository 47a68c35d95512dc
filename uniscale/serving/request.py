"""What is asked of the ranking look-up, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

import pyarrow as pa

MAX_CANDIDATES = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class RankingRequest:
    """One request for a ranked list.

    Attributes:
        request_id: Identifier of the request.
        user_id: Who asks.
        query_text: What was typed; None without a query.
        domain: Channel of the request.
        requested_at: Time of the request (naive UTC).
        item_ids: Candidates, in the order in which the answer holds them.

    Raises:
        ValueError: No candidate, too many, one twice, or a time with a zone.
    """

    request_id: str
    user_id: str
    query_text: str | None
    domain: str
    requested_at: datetime
    item_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        number = len(self.item_ids)
        if not 0 < number <= MAX_CANDIDATES:
            raise ValueError(f"request {self.request_id} has {number} candidates; 1 to {MAX_CANDIDATES} can be ranked")
        if len(set(self.item_ids)) != number:
            raise ValueError(f"request {self.request_id} names a candidate twice; give each once")
        if self.requested_at.tzinfo is not None:
            raise ValueError(f"requested_at={self.requested_at} of request {self.request_id} must be naive UTC")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Model input of a request.

    Attributes:
        request: What was asked, its time corrected if it lay in the future.
        inputs: One row with the input columns of `uniscale.contracts.frames.FRAMES`.
        generation: Hash of the daily values that were served; None if nothing was ever materialised.
        moment: Moment (naive UTC) whose daily values these are.
        counts: What was missing.
    """

    request: RankingRequest
    inputs: pa.Table
    generation: str | None
    moment: datetime | None
    counts: Counts


@dataclass(kw_only=True, slots=True)
class Counts:
    """What was missing in one request, or in all so far.

    Attributes:
        requests: Requests answered.
        items: Candidates of these requests.
        unknown_users: Requests whose user has no features.
        unknown_queries: Requests with a query that has no features.
        unknown_items: Candidates without features.
        stale: Requests answered with daily values that should have been replaced by then.
        too_old: Requests whose daily values were beyond their time to live, so that none was served.
        degraded: Requests that the online store did not answer: items are served, user, query and pairs are missing.
        future: Requests from a clock that is ahead; they were answered as of now.
    """

    requests: int = 0
    items: int = 0
    unknown_users: int = 0
    unknown_queries: int = 0
    unknown_items: int = 0
    stale: int = 0
    too_old: int = 0
    degraded: int = 0
    future: int = 0

    def add(self, other: Counts) -> None:
        """Count another request in."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
