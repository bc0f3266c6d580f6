"""What time does by itself: releases, hold time-outs and expiries, by due time.

At one instant `release`, then `void`, then `expire`, each by sequence. One entry per
released lot and per hold, one per instant for all lots that lapse then. Settling
twice is settling once.
"""

from __future__ import annotations

from datetime import datetime
from heapq import heapify, heappop, heappush

from punchcard.ledger.rules.holding import release_hold
from punchcard.ledger.rules.lots import Move, repay_debt
from punchcard.ledger.rules.recording import record
from punchcard.ledger.rules.state import Account, Hold, Lot

_RELEASE, _VOID, _EXPIRE, _IDLE = 0, 1, 2, 3

Due = tuple[datetime, int, int, int]
"""(due time, kind, sequence, n): the order in which things fall due"""


def settle(account: Account, until: datetime, recorded_at: datetime) -> None:
    """Write what fell due up to `until`; move `next_due_at` to what comes next."""
    if not account.due_by(until):
        return
    account.touched = True
    floor = account.effective_at
    queue = [due for due in _known_dues(account, floor) if due[0] <= until]
    idles_at = account.idles_at
    if idles_at is not None and idles_at <= until:
        queue.append((idles_at, _IDLE, 0, 0))
    heapify(queue)
    while queue:
        due = heappop(queue)
        at, kind, sequence, n = due
        if kind >= _EXPIRE:
            ending = [due]
            while queue and queue[0][0] == at:
                ending.append(heappop(queue))
            _expire(account, _lapsing(account, ending), at, recorded_at)
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
    moves, risen, opened = release_hold(account, hold, hold.points, at)
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
        opened=opened,
        relates_to=hold.sequence,
        description="Hold ran out of time",
    )
    return risen


def _lapsing(account: Account, ending: list[Due]) -> list[Lot]:
    """Return the lots that lapse at one instant: those whose time is up, or all."""
    if ending[-1][1] == _IDLE:
        lots = [lot for lot in account.lots.values() if lot.state == "open"]
        return sorted(lots, key=lambda lot: (lot.sequence, lot.n))
    return [account.lots[(sequence, n)] for _, _, sequence, n in ending]


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
    idles_at = account.idles_at
    if idles_at is not None and account.available > 0:
        dues.append(idles_at)
    return min(dues, default=None)
