"""Pending lots: made available before or without their time, or taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from punchcard.kernel.validity import end_of, parse_validity
from punchcard.ledger.commands import Activate, Cancel
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules.lots import repay_debt, take
from punchcard.ledger.rules.recording import record
from punchcard.ledger.rules.refusing import Refused, lot_text
from punchcard.ledger.rules.state import Account, Lot, LotId


def activate(account: Account, command: Activate, common: dict[str, Any]) -> Entry:
    """Make a pending lot available, whole; its dates are set now."""
    lot = _pending_lot(account, command.lot)
    points, at = lot.remaining, common["at"]
    lot.expires_at = _expiry(account, lot, at)
    lot.available_at = at
    lot.activated_by = account.last_sequence + 1
    lot.activated_here = lot.changed = True
    lot.state = "open"
    account.spendable = None
    account.due_earlier(lot.expires_at)
    return record(
        account,
        type="activate",
        amount=points,
        available=points,
        pending=-points,
        moves=repay_debt(-account.available, [lot]),
        relates_to=lot.sequence,
        available_at=at,
        expires_at=lot.expires_at,
        validity=lot.validity,
        **common,
    )


def cancel(account: Account, command: Cancel, common: dict[str, Any]) -> Entry:
    """Take a pending lot back, whole: it counts as undone of its earn."""
    lot = _pending_lot(account, command.lot)
    points = lot.remaining
    moves, _ = take([lot], points)
    earn = account.named.get(lot.sequence)
    if earn is not None:
        earn.undone += points
    return record(
        account,
        type="cancel",
        amount=points,
        pending=-points,
        moves=moves,
        relates_to=lot.sequence,
        **common,
    )


def _expiry(account: Account, lot: Lot, at: datetime) -> datetime | None:
    """Return when the lot expires: its validity counted from now, or as stated."""
    if lot.validity is None:
        return lot.expires_at
    return end_of(at, parse_validity(lot.validity), account.policy.zone)


def _pending_lot(account: Account, name: LotId) -> Lot:
    lot = account.lots.get(name)
    if lot is None:
        raise Refused("entry_not_found", lot=lot_text(name))
    if lot.state != "pending":
        raise Refused("lot_not_pending", lot=lot_text(name), state=lot.state)
    return lot
