"""Entries of many accounts at once, by their names or keys; frozen structs out."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from punchcard.kernel import sql
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.queries import ENTRY, view_of


def find_entries(
    *, names: Collection[tuple[UUID, int]], using: str = "default"
) -> dict[tuple[UUID, int], Entry]:
    """Return entries by (account, sequence), those that there are; one statement."""
    if not names:
        return {}
    cursor = sql.cursor(using=using)
    cursor.execute(
        ENTRY + "WHERE (account_id, sequence) IN ("
        "SELECT * FROM unnest(%(accounts)s, %(sequences)s))",
        {
            "accounts": sql.Uuids([account for account, _ in names]),
            "sequences": sql.Int8s([sequence for _, sequence in names]),
        },
        prepare=True,
    )
    found = [view_of(Entry, row) for row in cursor]
    return {(entry.account, entry.sequence): entry for entry in found}


def find_keyed(
    *, names: Collection[tuple[UUID, str]], using: str = "default"
) -> dict[tuple[UUID, str], Entry]:
    """Return entries by (account, key), those that there are; one statement."""
    if not names:
        return {}
    cursor = sql.cursor(using=using)
    cursor.execute(
        ENTRY + "WHERE (account_id, key) IN ("
        "SELECT * FROM unnest(%(accounts)s, %(keys)s))",
        {
            "accounts": sql.Uuids([account for account, _ in names]),
            "keys": sql.Texts([key for _, key in names]),
        },
        prepare=True,
    )
    found = [view_of(Entry, row) for row in cursor]
    return {(entry.account, entry.key or ""): entry for entry in found}


def find_reversed(
    *, names: Collection[tuple[UUID, int]], using: str = "default"
) -> dict[tuple[UUID, int], int]:
    """Return how much of earns was reversed or cancelled already; one statement."""
    if not names:
        return {}
    cursor = sql.cursor(using=using)
    cursor.execute(
        """
        SELECT e.account_id, e.relates_to, sum(e.amount)::bigint
        FROM unnest(%(accounts)s, %(sequences)s) AS asked (account, sequence)
        JOIN ledger_entry e ON e.account_id = asked.account
            AND e.relates_to = asked.sequence AND e.type IN ('reverse', 'cancel')
        GROUP BY e.account_id, e.relates_to
        """,
        {
            "accounts": sql.Uuids([account for account, _ in names]),
            "sequences": sql.Int8s([sequence for _, sequence in names]),
        },
        prepare=True,
    )
    return {(account, sequence): points for account, sequence, points in cursor}
