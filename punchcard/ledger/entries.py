"""Entries of many accounts at once, by their names or keys; frozen structs out."""

from __future__ import annotations

from collections.abc import Collection
from typing import LiteralString
from uuid import UUID

from punchcard.kernel import sql
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.queries import ENTRY, view_of


def find_entries(
    *, names: Collection[tuple[UUID, int]], using: str = "default"
) -> dict[tuple[UUID, int], Entry]:
    """Return entries by (account, sequence), those that there are; one statement."""
    sequences = sql.Int8s([sequence for _, sequence in names])
    found = _find("sequence", names, sequences, using)
    return {(entry.account, entry.sequence): entry for entry in found}


def find_keyed(
    *, names: Collection[tuple[UUID, str]], using: str = "default"
) -> dict[tuple[UUID, str], Entry]:
    """Return entries by (account, key), those that there are; one statement."""
    keys = sql.Texts([key for _, key in names])
    found = _find("key", names, keys, using)
    return {(entry.account, entry.key or ""): entry for entry in found}


def _find(
    column: LiteralString,
    names: Collection[tuple[UUID, object]],
    values: sql.Array,
    using: str,
) -> list[Entry]:
    if not names:
        return []
    cursor = sql.cursor(using=using)
    cursor.execute(
        ENTRY + f"WHERE (account_id, {column}) IN ("
        "SELECT * FROM unnest(%(accounts)s, %(values)s))",
        {"accounts": sql.Uuids([account for account, _ in names]), "values": values},
        prepare=True,
    )
    return [view_of(Entry, row) for row in cursor]


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
