"""The poolers that there are: ours always, PgBouncer where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from punchcard.project.servers.postgres import PostgresServer
from tests.crash.running import url_of
from tests.pooling.bouncer import bouncing, find_bouncer
from tests.pooling.pooler import pooling

STRICT, BOUNCER = "strict", "pgbouncer"
PROGRAM = find_bouncer()
POOLERS = [STRICT, *([BOUNCER] if PROGRAM else [])]
SESSIONS = 2
"""Of the server, for all clients together."""

Transactions = Callable[[], int]


@contextmanager
def pooled(kind: str, server: PostgresServer) -> Iterator[tuple[str, Transactions]]:
    """Run a pooler before a server; give its address, and how much it has lent.

    At the end nothing may have been left behind in a session.
    """
    address = server.dsn()
    host, port = address["host"], address["port"]
    if kind == STRICT:
        with pooling(host=host, port=port, sessions=SESSIONS) as pooler:
            url = url_of(server, pooler.host, pooler.port)
            yield url, lambda: pooler.counts().transactions
            seen = pooler.counts()
            assert seen.left == []
            assert min(seen.lent) > 0, seen
        return
    assert PROGRAM is not None
    user = address["user"]
    with bouncing(PROGRAM, host=host, port=port, user=user, sessions=SESSIONS) as it:
        yield url_of(server, it.host, it.port), it.transactions
