"""One at a time, across processes and machines: a lock in PostgreSQL.

It is held by a transaction of its own on a connection of its own, so that the work it
guards may commit as often as it likes, and so that it is held through a pooler too,
which lends a session for the length of a transaction. Whoever dies lets go of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connections

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
    ours = connections[using]
    parameters = ours.get_connection_params() | {"application_name": _APPLICATION}
    for theirs in ("context", "cursor_factory", "prepare_threshold"):
        parameters.pop(theirs, None)
    with psycopg.connect(**parameters) as connection:
        held = any(_take(connection, name, place) for place in range(places))
        # After what has parameters, as a simple query: that closes the other's portal,
        # whose snapshot would keep old rows from being cleared away all the while.
        connection.execute(_PATIENCE)
        yield held
        # Nothing was written: what the work has committed stands by itself.
        connection.rollback()


def _take(connection: psycopg.Connection, name: str, place: int) -> bool:
    digest = hashlib.sha256(f"{name} {place}".encode()).digest()
    key = int.from_bytes(digest[:8], signed=True)
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (key,)).fetchone()
    return row is not None and bool(row[0])
