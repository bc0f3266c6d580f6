"""Forgetting what has expired: links that nobody used, sessions, attempts."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from punchcard.kernel.transactions import require_transaction

SWEPT_AT_ONCE = 1_000

_SWEEPS = [
    f"""
    DELETE FROM {table} WHERE {key} IN (
        SELECT {key} FROM {table} WHERE {ends} <= %s
        ORDER BY {ends} LIMIT {SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED
    )
    """
    for table, key, ends in (
        ("access_link", "id", "expires_at"),
        ("access_session", "id", "expires_at"),
        ("access_attempts", "subject", "ends_at"),
    )
]


def forget_expired(*, now: datetime) -> int:
    """Take away what is good no more, up to 1,000 of each kind; return how many.

    A registration that nobody confirmed is a link: all that it said goes with it.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    forgotten = 0
    with connection.cursor() as cursor:
        for statement in _SWEEPS:
            cursor.execute(statement, [now])
            forgotten += cursor.rowcount
    return forgotten
