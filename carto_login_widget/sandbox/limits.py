"""The SQL API's rate limit: a leaky bucket per user, as redis-cell keeps it."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RateLimit:
    """`count` requests in `period` seconds, and `burst` more at once.

    Example:
        >>> RateLimit(6, 1.0).limit
        1
    """

    count: int
    period: float = 1.0
    burst: int = 0

    @property
    def limit(self) -> int:
        """How many requests may come at once."""
        return self.burst + 1


@dataclass(frozen=True)
class Reading:
    """What the bucket says to one request; times in whole seconds."""

    limited: bool
    limit: int
    remaining: int
    retry_after: int
    reset: int

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers the SQL API sends."""
        always = (
            ("Carto-Rate-Limit-Limit", str(self.limit)),
            ("Carto-Rate-Limit-Remaining", str(self.remaining)),
            ("Carto-Rate-Limit-Reset", str(self.reset)),
        )
        if not self.limited:
            return always
        return (*always, ("Retry-After", str(self.retry_after)))


@dataclass
class Limiter:
    """The buckets of all users."""

    _full_at: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, user: str, rule: RateLimit, now: float) -> Reading:
        """Count one request of `user` at `now` (seconds)."""
        interval = rule.period / rule.count
        with self._lock:
            due = max(self._full_at.get(user, now), now) + interval
            wait = due - now - interval * rule.limit
            if wait <= 0:
                self._full_at[user] = due
        left = 0 if wait > 0 else math.floor(-wait / interval + 1e-9)
        full = max(self._full_at.get(user, now) - now, 0)
        return Reading(
            wait > 0, rule.limit, left, max(math.ceil(wait), 1), math.ceil(full)
        )
