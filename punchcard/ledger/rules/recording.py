"""Writing one entry onto an account in memory: deltas, chain, allocations, hash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules.encoding import entry_hash
from punchcard.ledger.rules.limits import SPENDING
from punchcard.ledger.rules.lots import Move
from punchcard.ledger.rules.state import Account, Allocation, Lot, Named, Remembered

_ACTIVITY = frozenset({"earn", "redeem", "capture"})
"""Entries from which the wallet's `idle` counts."""


def record(
    account: Account,
    *,
    type: str,  # noqa: A002 - the column's name
    source: str,
    amount: int,
    at: datetime,
    recorded_at: datetime,
    available: int = 0,
    pending: int = 0,
    reserved: int = 0,
    moves: Sequence[Move] = (),
    opened: Sequence[Lot] = (),
    **said: Any,
) -> Entry:
    """Append an entry to the account: the only way its numbers change."""
    sequence = account.last_sequence + 1
    account.available += available
    account.pending += pending
    account.reserved += reserved
    if type == "earn":
        account.lifetime += available + pending + reserved
    entry = Entry(
        account=account.id,
        sequence=sequence,
        type=type,
        source=source,
        amount=amount,
        available=available,
        pending=pending,
        reserved=reserved,
        balance=account.available,
        pending_after=account.pending,
        reserved_after=account.reserved,
        lifetime_after=account.lifetime,
        effective_at=at,
        recorded_at=recorded_at,
        **said,
    )
    moved = [
        Allocation(sequence, number, lot.sequence, lot.n, points)
        for number, (lot, points) in enumerate(moves, 1)
    ]
    entry.hash = entry_hash(account.hash, entry, opened, moved)
    account.last_sequence = sequence
    account.effective_at = at
    account.hash = entry.hash
    account.touched = True
    if type in _ACTIVITY:
        account.active_at = at
    policy = account.policy
    if policy.idle is not None and account.available > 0:
        account.due_earlier(account.idles_at)
    if policy.counts_spends and type in SPENDING:
        account.spends.append((at, -available))
    account.entries.append(entry)
    account.allocations.extend(moved)
    _make_findable(account, entry, moves)
    return entry


def _make_findable(account: Account, entry: Entry, moves: Sequence[Move]) -> None:
    """Let later commands of the batch find the entry by its key and sequence."""
    if entry.key is not None:
        account.keys[entry.key] = Remembered(
            fingerprint=entry.fingerprint or b"", entry=entry
        )
    if account.names_entries:
        account.named[entry.sequence] = Named(
            type=entry.type,
            amount=entry.amount,
            taken=[((lot.sequence, lot.n), -points) for lot, points in moves],
        )
