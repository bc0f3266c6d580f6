"""What time does by itself: releases, hold time-outs and expiries, by due time.

At one instant `release`, then `void`, then `expire`, each by sequence. One entry per
released lot and per hold, one per instant for all lots that lapse then. Settling
twice is settling once.
"""

from __future__ import annotations

from datetime import datetime
from heapq import heapify, heappop, heappush

from punchcard.ledger.rules.lots import Move, give_back, last_taken, repay_debt
from punchcard.ledger.rules.recording import record
from punchcard.ledger.rules.state import Account, Hold, Lot

_RELEASE, _VOID, _EXPIRE = 0, 1, 2

Due = tuple[datetime, int, int, int]
"""(due time, kind, sequence, n): the order in which things fall due"""


def settle(account: Account, until: datetime, recorded_at: datetime) -> None:
    """Write what fell due up to `until`; move `next_due_at` to what comes next."""
    if not account.due_by(until):
        return
    account.touched = True
    floor = account.effective_at
    queue = [due for due in _known_dues(account, floor) if due[0] <= until]
    heapify(queue)
    while queue:
        due = heappop(queue)
        at, kind, sequence, n = due
        if kind == _EXPIRE:
            lots = [account.lots[(sequence, n)]]
            while queue and queue[0][:2] == (at, _EXPIRE):
                _, _, sequence, n = heappop(queue)
                lots.append(account.lots[(sequence, n)])
            _expire(account, lots, at, recorded_at)
            continue
        if kind == _RELEASE:
            risen = _release(account, account.lots[(sequence, n)], at, recorded_at)
        else:
            risen = _void(account, account.holds[sequence], at, recorded_at)
        for lot in risen:
            following = _due(lot, at)
            if following and following[0] <= until:
                heappush(queue, following)
    account.next_due_at = _next_due(account)


def _known_dues(account: Account, floor: datetime | None) -> list[Due]:
    dues = [_due(lot, floor) for lot in account.lots.values()]
    dues += [
        (_not_before(hold.expires_at, floor), _VOID, hold.sequence, 0)
        for hold in account.holds.values()
        if hold.resolved_by is None
    ]
    return [due for due in dues if due]


def _due(lot: Lot, floor: datetime | None) -> Due | None:
    """Return when the lot is released or lapses, not before `floor`."""
    if lot.state == "pending" and lot.available_at:
        return (_not_before(lot.available_at, floor), _RELEASE, lot.sequence, lot.n)
    if lot.state == "open" and lot.expires_at:
        return (_not_before(lot.expires_at, floor), _EXPIRE, lot.sequence, lot.n)
    return None


def _not_before(instant: datetime, floor: datetime | None) -> datetime:
    return floor if floor is not None and floor > instant else instant


def _release(
    account: Account, lot: Lot, at: datetime, recorded_at: datetime
) -> list[Lot]:
    points = lot.remaining
    lot.state = "open"
    account.spendable = None
    lot.changed = True
    record(
        account,
        type="release",
        source="system",
        amount=points,
        at=at,
        recorded_at=recorded_at,
        available=points,
        pending=-points,
        moves=repay_debt(-account.available, [lot]),
        relates_to=lot.sequence,
        description="Pending points became available",
    )
    return [lot]


def _void(
    account: Account, hold: Hold, at: datetime, recorded_at: datetime
) -> list[Lot]:
    sequence = account.last_sequence + 1
    hold.resolved_by = sequence
    hold.changed = True
    parts = last_taken(hold.taken, hold.points, 0)
    moves, risen = give_back(account, sequence, parts, at, with_grace=False)
    moves += repay_debt(-account.available, risen)
    record(
        account,
        type="void",
        source="system",
        amount=hold.points,
        at=at,
        recorded_at=recorded_at,
        available=hold.points,
        reserved=-hold.points,
        moves=moves,
        opened=[lot for lot in risen if lot.sequence == sequence],
        relates_to=hold.sequence,
        description="Hold ran out of time",
    )
    return risen


def _expire(
    account: Account, lots: list[Lot], at: datetime, recorded_at: datetime
) -> None:
    moves: list[Move] = []
    for lot in lots:
        if lot.state == "open":
            moves.append((lot, -lot.remaining))
            lot.lapsed += lot.remaining
            lot.remaining = 0
            lot.state = "lapsed"
            lot.changed = True
    points = -sum(part for _, part in moves)
    if not points:
        return
    record(
        account,
        type="expire",
        source="system",
        amount=points,
        at=at,
        recorded_at=recorded_at,
        available=-points,
        moves=moves,
        description="Points expired",
    )


def _next_due(account: Account) -> datetime | None:
    dues = [due[0] for due in _known_dues(account, None)]
    if account.horizon is not None:
        dues.append(account.horizon)
    return min(dues, default=None)
