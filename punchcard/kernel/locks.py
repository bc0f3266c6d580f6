"""One at a time, across processes and machines: a lock in PostgreSQL.

It is held by a transaction of its own on a connection of its own, past any pooler, so
that the work it guards may commit as often as it likes, and so that it takes nothing
from what the work needs: see Note [A pooler lends a session]. Whoever dies lets go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg
from django.db import connections

from punchcard.kernel.direct import direct_alias

_APPLICATION = "punchcard lock"
# The machine of whoever holds it may vanish without a word: that is noticed within
# half a minute, and not after the two hours that are usual.
_PATIENCE = """
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL tcp_keepalives_idle = 15;
SET LOCAL tcp_keepalives_interval = 5;
SET LOCAL tcp_keepalives_count = 3
"""


@contextmanager
def holding(name: str, *, places: int = 1, using: str = "default") -> Iterator[bool]:
    """Hold one of the `places` of this name; give False where all of them are taken.

    Nobody waits. The lock ends with the block, with the process, or with the
    connection: work that must not be done twice has guards of its own besides.

    Raises:
        psycopg.OperationalError: the database cannot be reached.
    """
    digests = [
        hashlib.sha256(f"{name} {place}".encode()).digest() for place in range(places)
    ]
    with holding_one_of((_number(digest) for digest in digests), using=using) as held:
        yield held


@contextmanager
def holding_one_of(numbers: Iterable[int], *, using: str = "default") -> Iterator[bool]:
    """Hold the first of these advisory locks that is free; give False where none is.

    As `holding`, for who shares a lock with transactions that take it by its number.

    Raises:
        psycopg.OperationalError: the database cannot be reached.
    """
    ours = connections[direct_alias(using)]
    parameters = ours.get_connection_params() | {"application_name": _APPLICATION}
    for theirs in ("context", "cursor_factory", "prepare_threshold"):
        parameters.pop(theirs, None)
    with psycopg.connect(**parameters) as connection:
        held = any(_take(connection, number) for number in numbers)
        # After what has parameters, as a simple query: that closes the other's portal,
        # whose snapshot would keep old rows from being cleared away all the while.
        connection.execute(_PATIENCE)
        yield held
        # Nothing was written: what the work has committed stands by itself.
        connection.rollback()


def _number(digest: bytes) -> int:
    return int.from_bytes(digest[:8], signed=True)


def _take(connection: psycopg.Connection, number: int) -> bool:
    asked = "SELECT pg_try_advisory_xact_lock(%s)"
    row = connection.execute(asked, (number,)).fetchone()
    return row is not None and bool(row[0])
