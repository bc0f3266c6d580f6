"""Corrections by hand: an adjust up opens a lot, an adjust down takes from lots."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from punchcard.kernel.validity import end_of, parse_validity
from punchcard.ledger.commands import Adjust
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules import lots
from punchcard.ledger.rules.limits import within_total
from punchcard.ledger.rules.recording import record
from punchcard.ledger.rules.refusing import Refused, lot_text, missing
from punchcard.ledger.rules.state import Account, Lot
from punchcard.ledger.rules.undoing import note


def adjust(account: Account, command: Adjust, common: dict[str, Any]) -> Entry:
    """Correct a balance by hand, up or down; lifetime is not touched."""
    lot = None
    if command.lot is not None:
        lot = account.lots.get(command.lot)
        if lot is None:
            raise Refused("entry_not_found", lot=lot_text(command.lot))
    if command.points > 0:
        return _add(account, command, lot, common)
    if lot is not None:
        return _take_from(account, lot, -command.points, common)
    return _take(account, command, common)


def _add(
    account: Account, command: Adjust, continued: Lot | None, common: dict[str, Any]
) -> Entry:
    points, at = command.points, common["at"]
    within_total(account, available=points)
    expires_at, validity = _expiry(account, command, at)
    sequence = account.last_sequence + 1
    lot = lots.open_lot(
        account,
        sequence=sequence,
        n=1,
        root=sequence if continued is None else continued.root,
        points=points,
        available_at=at,
        expires_at=expires_at,
        validity=validity,
    )
    return record(
        account,
        type="adjust",
        amount=points,
        available=points,
        moves=lots.repay_debt(-account.available, [lot]),
        opened=[lot],
        available_at=at,
        expires_at=expires_at,
        validity=validity,
        **common,
    )


def _expiry(
    account: Account, command: Adjust, at: datetime
) -> tuple[datetime | None, str | None]:
    """Return the instant of expiry and, where one was counted, the validity."""
    if command.expires_at is not None:
        return command.expires_at, None
    validity = account.policy.validity
    if command.validity is not None:
        validity = parse_validity(command.validity)
    if validity is None:
        return None, None
    return end_of(at, validity, account.policy.zone), validity.text


def _take_from(
    account: Account, lot: Lot, points: int, common: dict[str, Any]
) -> Entry:
    left = lot.remaining if lot.state == "open" else 0
    if points > left:
        raise Refused("exceeds_original", left=left)
    moves, _ = lots.take([lot], points)
    return record(
        account,
        type="adjust",
        amount=points,
        available=-points,
        moves=moves,
        **common,
    )


def _take(account: Account, command: Adjust, common: dict[str, Any]) -> Entry:
    points, policy = -command.points, command.policy or "refuse"
    taken = min(points, max(account.available, 0))
    short = points - taken
    if short and policy == "refuse":
        raise missing(account.available, points, short)
    owed = short if policy == "debt" else 0
    if owed:
        within_total(account, available=-points)
    moves, _ = lots.take(lots.open_lots(account), taken)
    note(common, command.metadata, written_off=short - owed)
    return record(
        account,
        type="adjust",
        amount=points,
        available=-taken - owed,
        moves=moves,
        **common,
    )
