"""How points are taken from lots and given back to them.

Spending order: soonest-expiring first, never-expiring last, oldest lot first on a
tie. What comes back returns to the lots it left, last taken first. A rise of
available repays debt first, from the risen lots in spending order.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from datetime import UTC, datetime

from punchcard.kernel.calendar import add_duration
from punchcard.ledger.rules.state import Account, Lot, LotId

_NEVER = datetime.max.replace(tzinfo=UTC)

Move = tuple[Lot, int]
"""(lot, points): positive gives back, negative takes."""


def spending_key(lot: Lot) -> tuple[datetime, int, int]:
    """Return the sort key of the spending order."""
    return (lot.expires_at or _NEVER, lot.sequence, lot.n)


def open_lots(account: Account) -> list[Lot]:
    """Return the open lots that were read, in spending order (spent ones may linger).

    The order is made once and kept while the batch goes on: a chain of spends on one
    hot account would otherwise sort all its lots for each.
    """
    queue = account.spendable
    if queue is None:
        queue = [lot for lot in account.lots.values() if lot.state == "open"]
        queue.sort(key=spending_key)
        account.spendable = queue
        return queue
    gone = 0
    while gone < len(queue) and queue[gone].state != "open":
        gone += 1
    del queue[:gone]
    return queue


def take(lots: Iterable[Lot], points: int) -> tuple[list[Move], int]:
    """Take up to `points` from `lots`, in order; return moves and what is missing."""
    moves: list[Move] = []
    for lot in lots:
        if not points:
            break
        part = min(points, lot.remaining)
        if part:
            _change(lot, -part)
            moves.append((lot, -part))
            points -= part
    return moves, points


def repay_debt(debt: int, risen: list[Lot]) -> list[Move]:
    """Take `debt` from the lots that just rose, in spending order."""
    if debt <= 0 or not risen:
        return []
    moves, _ = take(sorted(risen, key=spending_key), debt)
    return moves


def last_taken(
    taken: list[tuple[LotId, int]], points: int, skip: int
) -> list[tuple[LotId, int]]:
    """Return the last `points` of what was taken, after the last `skip` of it."""
    parts: list[tuple[LotId, int]] = []
    for lot_id, amount in reversed(taken):
        skipped = min(skip, amount)
        skip -= skipped
        part = min(points, amount - skipped)
        if part:
            parts.append((lot_id, part))
            points -= part
        if not points:
            break
    return parts


def give_back(
    account: Account,
    sequence: int,
    parts: list[tuple[LotId, int]],
    at: datetime,
    *,
    with_grace: bool,
) -> tuple[list[Move], list[Lot]]:
    """Return points to the lots they left; a lapsed lot's open a new lot.

    Returns the moves on old lots and every lot that rose. A new lot lives for the
    wallet's grace from `at`, once: a lot that continues another gets no second.
    Without grace it ends at `at`, and the settling after the command lapses it.
    """
    moves: list[Move] = []
    risen: list[Lot] = []
    opened = 0
    for lot_id, part in parts:
        lot = account.lots[lot_id]
        ended = lot.expires_at is not None and lot.expires_at <= at
        if not ended and not lot.lapsed:
            _change(lot, part)
            account.spendable = None
            moves.append((lot, part))
            risen.append(lot)
            account.due_earlier(lot.expires_at)
            continue
        opened += 1
        graced = with_grace and lot.sequence == lot.root
        policy = account.policy
        ends = add_duration(at, policy.grace, policy.zone) if graced else at
        fresh = open_lot(
            account,
            sequence=sequence,
            n=opened,
            root=lot.root,
            points=part,
            available_at=at,
            expires_at=ends,
        )
        risen.append(fresh)
    return moves, risen


def open_lot(
    account: Account,
    *,
    sequence: int,
    n: int,
    root: int,
    points: int,
    available_at: datetime | None,
    expires_at: datetime | None,
    validity: str | None = None,
    state: str = "open",
) -> Lot:
    """Open a lot and note when it falls due."""
    lot = Lot(
        sequence=sequence,
        n=n,
        root=root,
        credited=points,
        validity=validity,
        available_at=available_at,
        expires_at=expires_at,
        remaining=points,
        state=state,
        opened_here=True,
    )
    account.lots[(sequence, n)] = lot
    if account.spendable is not None and state == "open":
        insort(account.spendable, lot, key=spending_key)
    account.due_earlier(available_at if state == "pending" else expires_at)
    return lot


def _change(lot: Lot, points: int) -> None:
    lot.remaining += points
    lot.changed = True
    if lot.remaining == 0:
        lot.state = "cancelled" if lot.state == "pending" else "spent"
    elif lot.state == "spent":
        lot.state = "open"
