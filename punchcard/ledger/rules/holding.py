"""Holds: points set aside by a reserve, made a spend by a capture or given up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from punchcard.kernel.calendar import add_duration, parse_duration
from punchcard.ledger.commands import Capture, Reserve, Void
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules.lots import Move, give_back, last_taken, repay_debt
from punchcard.ledger.rules.recording import record
from punchcard.ledger.rules.refusing import Refused
from punchcard.ledger.rules.spending import take_spend
from punchcard.ledger.rules.state import Account, Hold, Lot, LotId


def reserve(account: Account, command: Reserve, common: dict[str, Any]) -> Entry:
    """Take points out of available into a new hold; their lots are settled now."""
    points, moves = take_spend(account, command, common["at"])
    time_to_live = account.policy.hold_time_max
    if command.time_to_live is not None:
        time_to_live = parse_duration(command.time_to_live)
    expires_at = add_duration(common["at"], time_to_live, account.policy.zone)
    entry = record(
        account,
        type="reserve",
        amount=points,
        available=-points,
        reserved=points,
        moves=moves,
        expires_at=expires_at,
        **common,
    )
    account.holds[entry.sequence] = Hold(
        sequence=entry.sequence,
        points=points,
        expires_at=expires_at,
        opened_here=True,
        taken=[((lot.sequence, lot.n), -part) for lot, part in moves],
    )
    account.due_earlier(expires_at)
    return entry


def capture(account: Account, command: Capture, common: dict[str, Any]) -> Entry:
    """Make a hold a spend; what is not captured comes back."""
    hold = _open_hold(account, command.hold)
    points = hold.points if command.points is None else command.points
    if points > hold.points:
        raise Refused("exceeds_original", left=hold.points)
    rest = hold.points - points
    moves, _, opened = release_hold(account, hold, rest, common["at"])
    entry = record(
        account,
        type="capture",
        amount=points,
        available=rest,
        reserved=-hold.points,
        moves=moves,
        opened=opened,
        relates_to=hold.sequence,
        **common,
    )
    named = account.named.get(entry.sequence)
    if named is not None:
        named.taken = first_taken(hold.taken, points)
    return entry


def void(account: Account, command: Void, common: dict[str, Any]) -> Entry:
    """Give up a hold: all of it comes back."""
    hold = _open_hold(account, command.hold)
    moves, _, opened = release_hold(account, hold, hold.points, common["at"])
    return record(
        account,
        type="void",
        amount=hold.points,
        available=hold.points,
        reserved=-hold.points,
        moves=moves,
        opened=opened,
        relates_to=hold.sequence,
        **common,
    )


def release_hold(
    account: Account, hold: Hold, points: int, at: datetime
) -> tuple[list[Move], list[Lot], list[Lot]]:
    """Resolve a hold and give back the last `points` of what it took.

    Returns the moves, every lot that rose, and those of them that are new. The entry
    that is recorded next is the one that resolves it.
    """
    sequence = account.last_sequence + 1
    hold.resolved_by = sequence
    hold.changed = True
    parts = last_taken(hold.taken, points, 0) if points else []
    moves, risen = give_back(account, sequence, parts, at, with_grace=False)
    moves += repay_debt(-account.available, risen)
    return moves, risen, [lot for lot in risen if lot.sequence == sequence]


def first_taken(taken: list[tuple[LotId, int]], points: int) -> list[tuple[LotId, int]]:
    """Return the first `points` of what was taken: what a capture keeps."""
    parts: list[tuple[LotId, int]] = []
    for lot_id, amount in taken:
        part = min(points, amount)
        if part:
            parts.append((lot_id, part))
            points -= part
    return parts


def _open_hold(account: Account, sequence: int) -> Hold:
    hold = account.holds.get(sequence)
    if hold is None:
        raise Refused("entry_not_found", hold=sequence)
    if hold.resolved_by is not None:
        raise Refused("hold_not_open", hold=sequence)
    return hold
