"""The broker as the web sees it: whether it answers, and what waits in its queues.

The web needs it for nothing that it answers, so it waits for it half a second at most,
and does not ask again: a time-out is an answer too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import msgspec
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from punchcard.interfaces.worker.queues import QUEUES, SENT_AT

PATIENCE_SECONDS = 0.5

_TAKEN = "unacked_index"
"""Celery's own name of what workers have taken and not yet ended."""


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """What waits in a queue for a worker."""

    name: str
    tasks: int
    oldest: datetime | None
    """When the oldest of them was sent; None: none waits, or it does not say."""


class Queues(msgspec.Struct, frozen=True, kw_only=True):
    """What waits, and what workers have taken."""

    queues: Sequence[Queue]
    taken: int


def broker_answers() -> bool:
    """Return whether the broker answers, and soon."""
    try:
        return bool(_client(settings.BROKER.client).ping())
    except (RedisError, OSError):
        return False


def look_at_queues() -> Queues | None:
    """Return what waits, in one round trip; None where the broker does not answer."""
    asking = _client(settings.BROKER.client).pipeline(transaction=False)
    for name in QUEUES:
        asking.llen(name)
        # Messages are put in at the head and taken from the tail.
        asking.lindex(name, -1)
    asking.zcard(_TAKEN)
    try:
        *waiting, taken = asking.execute()
    except (RedisError, OSError):
        return None
    return Queues(
        queues=[
            Queue(name=name, tasks=tasks, oldest=_sent_at(oldest))
            for name, tasks, oldest in zip(
                QUEUES, waiting[::2], waiting[1::2], strict=True
            )
        ],
        taken=taken,
    )


@lru_cache(maxsize=1)
def _client(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_connect_timeout=PATIENCE_SECONDS,
        socket_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class _Headers(msgspec.Struct):
    sent_at: datetime | None = msgspec.field(name=SENT_AT, default=None)


class _Message(msgspec.Struct):
    headers: _Headers


def _sent_at(message: bytes | None) -> datetime | None:
    """Return when a message was sent; None for one that is not ours."""
    if message is None:
        return None
    try:
        return msgspec.json.decode(message, type=_Message).headers.sent_at
    except msgspec.DecodeError:
        return None
