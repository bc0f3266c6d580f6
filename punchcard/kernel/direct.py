"""The way to the database past a pooler, for what is ours longer than a transaction.

Note [A pooler lends a session]: in transaction mode a pooler (PgBouncer) gives each
transaction another session of the server, and takes it away at its end. What belongs
to a session is lost then, or found by somebody else: a lock, a temporary table, a
cursor WITH HOLD, a prepared statement, a SET. So all work goes by the alias `default`
in whole transactions and leaves nothing behind, and what needs a session goes by this
one. That also keeps the pooler's few sessions from being held by those who wait for
one more. Without a pooler the two are the same database, and there is but `default`.
"""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections

ALIAS = "direct"


def direct_alias(using: str = "default") -> str:
    """Return the alias of a database by which a session is ours until it is closed."""
    if using == "default" and ALIAS in connections.databases:
        return ALIAS
    return using


def go_direct() -> None:
    """Let all that this thread does go past a pooler, from its beginning to its end.

    For a thread that works beside another one's open transaction: each would wait for
    a second session, were all of them lent to such pairs.
    """
    alias = direct_alias()
    if alias != DEFAULT_DB_ALIAS:
        connections[DEFAULT_DB_ALIAS] = connections.create_connection(alias)
