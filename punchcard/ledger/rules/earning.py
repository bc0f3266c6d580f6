"""What an earn does: a credit at once, after a pending period, or on an event."""

from __future__ import annotations

from typing import Any

from punchcard.kernel.calendar import add_duration, parse_duration
from punchcard.kernel.validity import end_of, parse_validity
from punchcard.ledger.commands import Earn
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules import lots
from punchcard.ledger.rules.limits import within_total
from punchcard.ledger.rules.recording import record
from punchcard.ledger.rules.state import Account


def earn(account: Account, command: Earn, common: dict[str, Any]) -> Entry:
    """Credit points: a new lot, whose validity starts when they become available."""
    policy, points, at = account.policy, command.points, common["at"]
    waits = command.pending == "event"
    period = policy.pending_period
    if command.pending is not None and not waits:
        period = parse_duration(command.pending)
    available_at = None if waits else add_duration(at, period, policy.zone)
    validity = policy.validity
    if command.validity is not None:
        validity = parse_validity(command.validity)
    expires_at = command.expires_at
    if expires_at is None and validity is not None and available_at is not None:
        expires_at = end_of(available_at, validity, policy.zone)
    stated = validity.text if validity and command.expires_at is None else None
    pends = waits or not period.is_zero
    now_points, later_points = (0, points) if pends else (points, 0)
    within_total(account, available=now_points, pending=later_points, lifetime=points)
    sequence = account.last_sequence + 1
    lot = lots.open_lot(
        account,
        sequence=sequence,
        n=1,
        root=sequence,
        points=points,
        available_at=available_at,
        expires_at=expires_at,
        validity=stated,
        state="pending" if pends else "open",
    )
    return record(
        account,
        type="earn",
        amount=points,
        available=now_points,
        pending=later_points,
        moves=[] if pends else lots.repay_debt(-account.available, [lot]),
        opened=[lot],
        available_at=available_at,
        expires_at=expires_at,
        validity=stated,
        referred_member=command.referred_member,
        **common,
    )
