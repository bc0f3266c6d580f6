"""Attempts: what can be guessed at is shut for a while after too many of them.

An attempt is counted before it is made, in a transaction of its own: of a thousand
guesses at once, no more are looked at than of a thousand one by one. What is counted
is kept as a keyed hash, so nobody's address stands here, nor of those who have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import msgspec
from django.db import connection
from django.utils.crypto import salted_hmac

from punchcard.access import errors
from punchcard.kernel.transactions import require_transaction

WINDOW = timedelta(minutes=15)
_PURGED = 20


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted, and how many are too many."""

    kind: str
    """As in `sign_in_email`."""
    value: str
    limit: int
    """So many within `WINDOW`; the next is refused until it is over."""


def take_attempts(*, doors: Sequence[Door], now: datetime) -> int:
    """Count an attempt at each door; return for how many seconds one is shut, or 0.

    A statement for each door, and one that forgets what is over.
    """
    require_transaction()
    shut = 0
    with connection.cursor() as cursor:
        # In one order, so that two who try the same doors wait and don't deadlock.
        for subject, limit in sorted((_subject(door), door.limit) for door in doors):
            cursor.execute(_TAKE, _parameters(subject, limit, now))
            taken, ends_at = cursor.fetchone()
            if taken > limit:
                shut = max(shut, ceil((ends_at - now).total_seconds()))
        cursor.execute(_PURGE, [now, _PURGED])
    return shut


def forgive_attempts(*, clear: Sequence[Door], give_back: Sequence[Door] = ()) -> None:
    """Forget all attempts at the doors of `clear`, and one at those of `give_back`.

    Who knows the password has tried often enough; the address that they come from is
    also that of others, who may be guessing.
    """
    require_transaction()
    forgiven = [(_subject(door), _CLEAR) for door in clear]
    forgiven += [(_subject(door), _GIVE_BACK) for door in give_back]
    with connection.cursor() as cursor:
        # In the order in which they are taken: many sign in at once from one place.
        for subject, statement in sorted(forgiven):
            cursor.execute(statement, [subject])


def require_open(shut: int) -> None:
    """Refuse where a door is shut for so many seconds.

    Raises:
        TooManyAttempts: it is.
    """
    if shut:
        raise errors.TooManyAttempts(shut)


_TAKE = """
    INSERT INTO access_attempts AS a (subject, taken, ends_at)
    VALUES (%(subject)s, 1, %(end)s)
    ON CONFLICT (subject) DO UPDATE SET
        taken = CASE WHEN a.ends_at <= %(now)s THEN 1
            ELSE least(a.taken, %(limit)s) + 1 END,
        -- The last one that is looked at shuts the door for a whole window.
        ends_at = CASE WHEN a.ends_at <= %(now)s OR a.taken = %(limit)s - 1
            THEN %(end)s ELSE a.ends_at END
    RETURNING taken, ends_at
"""
_CLEAR = "DELETE FROM access_attempts WHERE subject = %s"
_GIVE_BACK = """
    UPDATE access_attempts SET taken = taken - 1 WHERE subject = %s AND taken > 0
"""
_PURGE = """
    DELETE FROM access_attempts WHERE subject IN (
        SELECT subject FROM access_attempts WHERE ends_at <= %s
        ORDER BY ends_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""


def _parameters(subject: bytes, limit: int, now: datetime) -> dict[str, Any]:
    return {"subject": subject, "limit": limit, "now": now, "end": now + WINDOW}


def _subject(door: Door) -> bytes:
    salt = f"punchcard.attempts.{door.kind}"
    return bytes(salted_hmac(salt, door.value, algorithm="sha256").digest())
