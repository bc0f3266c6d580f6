"""How much a credential may ask: one budget for all processes, kept in Valkey.

Note [A budget fills up again]: a budget of 600 in 60 seconds is there at once, and
fills up again by ten a second (GCRA: kept is the one instant at which it will be
whole). A window that is counted anew each minute would let twice as much through
around its end, and then shut everybody out until the next.

Note [What a call costs may be owed]: a call passes where anything is left of the
budget, whatever it costs; what it costs beyond is owed, and nothing passes until that
has filled up. Else a large call would wait until all of the budget is there, which it
never is for a caller who makes small ones meanwhile.

Note [Who cannot be counted may call]: the limits guard against callers who ask too
much by mistake, nothing depends on them. So where Valkey is away or slow, calls go on
uncounted, and for a while it is not asked at all.
"""

from __future__ import annotations

from functools import lru_cache
from time import monotonic
from typing import cast

import msgspec
import structlog
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from punchcard.kernel import metrics

from .addresses import throttled_address

PREFIX = "punchcard:rate-limit:"
NAME = "default"
"""The policy's, of which there is one."""

PATIENCE_SECONDS = 0.1
"""What a call may be held up by Valkey."""

PAUSE_SECONDS = 5.0
"""For how long it is not asked again after it did not answer."""

BYTES_OF_ONE = 10_000
"""A body costs as much as a call for each so many bytes: about a hundred commands."""

# The clock is the server's own, in microseconds: processes need not agree on the time.
_TAKE = """
local interval, quota, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local whole_at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local early = whole_at + interval - interval * quota - now
if early > 0 then
    return {0, 0, early}
end
local after = whole_at + interval * cost
redis.call('SET', KEYS[1], string.format('%.0f', after),
    'PX', math.ceil((after - now) / 1000))
local left = math.floor((interval * quota - (after - now)) / interval)
return {1, math.max(left, 0), after - now}
"""

logger = structlog.get_logger(__name__)


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How a caller stands after a call was counted, or refused."""

    quota: int
    window: int
    """Seconds in which all of it fills up."""
    passed: bool
    left: int
    seconds: int
    """Until it is whole again; where the call was refused, until it would pass."""

    @property
    def headers(self) -> dict[str, str]:
        """What answers say of it, as in draft-ietf-httpapi-ratelimit-headers."""
        return {
            "RateLimit-Policy": f'"{NAME}";q={self.quota};w={self.window}',
            "RateLimit": f'"{NAME}";r={self.left};t={self.seconds}',
        }


class Limiter:
    """The budgets of one size on one server."""

    def __init__(
        self,
        url: str,
        *,
        quota: int,
        window: int,
        patience: float,
        pause: float,
    ) -> None:
        """Take the server's address, the size, and how long to wait for an answer."""
        self.quota, self.window, self.pause = quota, window, pause
        client = Redis.from_url(
            url,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            # The library's own would wait, and ask again three times.
            retry=Retry(NoBackoff(), 0),
        )
        self._take = client.register_script(_TAKE)
        self._is_away = False
        self._asked_again_at = 0.0

    def take(self, subject: str, cost: int = 1) -> Budget | None:
        """Take from a budget, in one round trip; None: nobody can say what it has.

        More than the whole of it costs the whole of it. See Note [What a call costs
        may be owed].
        """
        if self._is_away:
            now = monotonic()
            if now < self._asked_again_at:
                metrics.RATE_LIMITED.labels("uncounted").inc()
                return None
            # The others need not find out too.
            self._asked_again_at = now + self.pause
        interval = self.window * 1_000_000 // self.quota
        arguments = [interval, self.quota, min(cost, self.quota)]
        try:
            told = self._take(keys=[PREFIX + subject], args=arguments)
        except (RedisError, OSError) as error:
            self._lost(error)
            metrics.RATE_LIMITED.labels("uncounted").inc()
            return None
        self._found()
        passed, left, microseconds = cast("list[int]", told)
        metrics.RATE_LIMITED.labels("passed" if passed else "refused").inc()
        return Budget(
            quota=self.quota,
            window=self.window,
            passed=bool(passed),
            left=left,
            seconds=-(-microseconds // 1_000_000),
        )

    def _lost(self, error: Exception) -> None:
        if not self._is_away:
            # Of the error its kind alone: its words may have the address.
            logger.warning("rate_limits_away", error=type(error).__name__)
        self._asked_again_at = monotonic() + self.pause
        self._is_away = True

    def _found(self) -> None:
        if self._is_away:
            logger.warning("rate_limits_back")
        self._is_away = False


def count_request(
    request: HttpRequest, subject: str | None, *, by_size: bool = True
) -> Budget | None:
    """Count a request; None: there are no limits, or nobody to count it for.

    `subject` is who shows a credential; None: whoever calls from the same address.
    `by_size` is for bodies that are read and worked on: a file is only put away.
    """
    if settings.RATE_LIMIT is None:
        return None
    who = subject or _of_address(request)
    if who is None:
        return None
    cost = cost_of(request) if by_size else 1
    return _limiter(settings.BROKER.client, *settings.RATE_LIMIT).take(who, cost)


def cost_of(request: HttpRequest) -> int:
    """Return what a request costs, before its body is read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    # What is no number is refused later.
    size = int(length) if length.isascii() and length.isdigit() else 0
    return 1 + size // BYTES_OF_ONE


def _of_address(request: HttpRequest) -> str | None:
    address = throttled_address(request)
    if address is None:
        return None
    return salted_hmac("punchcard.rate-limit", address, algorithm="sha256").hexdigest()


@lru_cache(maxsize=4)
def _limiter(url: str, quota: int, window: int) -> Limiter:
    return Limiter(
        url,
        quota=quota,
        window=window,
        patience=PATIENCE_SECONDS,
        pause=PAUSE_SECONDS,
    )
