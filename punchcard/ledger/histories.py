"""Whole histories of accounts, chunk by chunk: for whoever must see everything.

Memory stays flat, however long they are. Called in one snapshot, all of it is of one
moment.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec
from psycopg import sql as composing

from punchcard.kernel import sql
from punchcard.ledger.commands import LotName
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.queries import (
    ENTRY,
    AllocationView,
    HoldView,
    LotView,
    list_entries,
    list_holds,
    list_lots,
    view_of,
)

CHUNK = 1_000


class RefusalView(msgspec.Struct, frozen=True, kw_only=True):
    """A remembered "no" to a command."""

    key: str
    code: str
    details: str
    """JSON."""
    sequence: int
    """How many entries there were."""
    decided_at: datetime


def each_entry(*, account: UUID) -> Iterator[Entry]:
    """Yield all entries of an account, the first one first."""
    last = 0
    while True:
        chunk = list_entries(
            account=account, limit=CHUNK, after_sequence=last, newest_first=False
        )
        yield from chunk
        if len(chunk) < CHUNK:
            return
        last = chunk[-1].sequence


def scan_entries(
    *,
    wallet: UUID,
    chunk: int,
    effective_from: datetime | None = None,
    effective_to: datetime | None = None,
) -> Generator[list[Entry], None, None]:
    """Yield the entries of a wallet, account by account, in chunks; from, to.

    Memory stays flat: the open transaction holds the list.

    Raises:
        TransactionError: no transaction is open.
    """
    query = composing.SQL(
        ENTRY + "WHERE account_id IN"
        " (SELECT id FROM ledger_account WHERE wallet_id = {wallet})"
        " AND ({start}::timestamptz IS NULL OR effective_at >= {start})"
        " AND ({end}::timestamptz IS NULL OR effective_at < {end})"
        " ORDER BY account_id, sequence"
    ).format(wallet=wallet, start=effective_from, end=effective_to)
    for rows in sql.scan("scanned_entry", query, chunk=chunk):
        yield [view_of(Entry, row) for row in rows]


def each_lot(*, account: UUID, as_of: datetime) -> Iterator[LotView]:
    """Yield all lots of an account as of an instant, the first one first."""
    last: LotName | None = None
    while True:
        chunk = list_lots(account=account, limit=CHUNK, as_of=as_of, after=last)
        yield from chunk
        if len(chunk) < CHUNK:
            return
        last = chunk[-1].sequence, chunk[-1].n


def each_hold(*, account: UUID, as_of: datetime) -> Iterator[HoldView]:
    """Yield all holds of an account as of an instant, the newest first."""
    last: int | None = None
    while True:
        chunk = list_holds(account=account, limit=CHUNK, as_of=as_of, after=last)
        yield from chunk
        if len(chunk) < CHUNK:
            return
        last = chunk[-1].sequence


def each_allocation(*, account: UUID) -> Iterator[AllocationView]:
    """Yield what every entry of an account took from lots, or gave back."""
    statement: LiteralString = (
        "SELECT sequence, lot_sequence, lot_n, points, n FROM ledger_allocation"
        " WHERE account_id = %s AND (sequence, n) > (%s, %s)"
        " ORDER BY sequence, n LIMIT %s"
    )
    sequence, n = 0, 0
    cursor = sql.cursor()
    while True:
        cursor.execute(statement, (account, sequence, n, CHUNK))
        chunk = cursor.fetchall()
        for row in chunk:
            yield AllocationView(
                sequence=row[0], lot_sequence=row[1], lot_n=row[2], points=row[3]
            )
        if len(chunk) < CHUNK:
            return
        sequence, n = chunk[-1][0], chunk[-1][4]


def each_refusal(*, account: UUID) -> Iterator[RefusalView]:
    """Yield the remembered refusals of an account, by key."""
    statement: LiteralString = (
        "SELECT key, code, details::text, sequence, decided_at FROM ledger_refusal"
        " WHERE account_id = %s AND key > %s ORDER BY key LIMIT %s"
    )
    last = ""
    cursor = sql.cursor()
    while True:
        cursor.execute(statement, (account, last, CHUNK))
        chunk = cursor.fetchall()
        for row in chunk:
            yield RefusalView(
                **dict(zip(RefusalView.__struct_fields__, row, strict=True))
            )
        if len(chunk) < CHUNK:
            return
        last = chunk[-1][0]
