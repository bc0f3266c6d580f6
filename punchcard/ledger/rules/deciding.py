"""What each command does to an account, or why not: checked in order of precedence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from punchcard.kernel.calendar import Duration, add_duration, parse_duration
from punchcard.ledger.commands import Command, Earn, Redeem, Refund, Reverse, Settle
from punchcard.ledger.outcomes import Entry, Outcome
from punchcard.ledger.rules import lots, shape
from punchcard.ledger.rules.encoding import fingerprint
from punchcard.ledger.rules.recording import record
from punchcard.ledger.rules.settling import settle
from punchcard.ledger.rules.state import (
    MAX_POINTS,
    Account,
    RefusalRow,
    Remembered,
)

_SPENDS = frozenset({"redeem", "capture"})
_json = msgspec.json.Encoder(order="sorted").encode


class Refused(Exception):
    """The command is refused; nothing of it was written to the account."""

    def __init__(self, code: str, **details: Any) -> None:
        self.code = code
        self.details = details


def decide(
    account: Account, command: Command, now: datetime, recorded_at: datetime
) -> Outcome:
    """Run one command on an account: settle, decide, settle what it made due.

    The caller has checked `shape.fault_of`. A replay answers the first outcome and
    changes nothing; a refusal is remembered under the command's key.
    """
    if isinstance(command, Settle):
        at = account.instant(command.at or now)
        settle(account, at, recorded_at)
        return Outcome(
            account=account.id, sequence=account.last_sequence, decided_at=at
        )
    key = shape.key_of(command) or ""
    said = fingerprint(command)
    known = account.keys.get(key)
    if known is not None:
        return replay(account, known, said)
    if isinstance(command, Earn):
        fault = shape.date_fault(command, now, account.policy)
        if fault:
            return refusal(account, "malformed", fault)
    at = account.instant(command.at or now)
    settle(account, at, recorded_at)
    try:
        entry = _run(account, command, key, said, at, recorded_at)
    except Refused as refused:
        _remember(account, refused, key, said, at)
        return refusal(account, refused.code, refused.details, at)
    settle(account, at, recorded_at)
    return Outcome(
        account=account.id, entry=entry, sequence=entry.sequence, decided_at=at
    )


def replay(account: Account, known: Remembered, said: bytes) -> Outcome:
    """Return the first outcome again, or `key_reused` where another was meant."""
    if known.fingerprint != said:
        return refusal(account, "key_reused", {})
    if known.entry is not None:
        return Outcome(
            account=account.id,
            entry=known.entry,
            sequence=known.entry.sequence,
            decided_at=known.entry.effective_at,
            replayed=True,
        )
    return Outcome(
        account=account.id,
        code=known.code or "",
        details=known.details,
        sequence=known.sequence,
        decided_at=known.decided_at,
        replayed=True,
    )


def refusal(
    account: Account, code: str, details: dict[str, Any], at: datetime | None = None
) -> Outcome:
    """Return a refusal, decided at the account's present sequence."""
    return Outcome(
        account=account.id,
        code=code,
        details=details,
        sequence=account.last_sequence,
        decided_at=at,
    )


def _remember(
    account: Account, refused: Refused, key: str, said: bytes, at: datetime
) -> None:
    row = RefusalRow(
        key=key,
        fingerprint=said,
        code=refused.code,
        details=refused.details,
        sequence=account.last_sequence,
        decided_at=at,
    )
    account.refusals.append(row)
    account.keys[key] = Remembered(
        fingerprint=said,
        code=refused.code,
        details=refused.details,
        sequence=row.sequence,
        decided_at=at,
    )


def _run(
    account: Account,
    command: Earn | Redeem | Refund | Reverse,
    key: str,
    said: bytes,
    at: datetime,
    recorded_at: datetime,
) -> Entry:
    if account.status == "closed":
        raise Refused("account_closed")
    common = {
        "source": command.source,
        "at": at,
        "recorded_at": recorded_at,
        "key": key,
        "fingerprint": said,
        "reference_type": command.reference_type,
        "reference_id": command.reference_id,
        "description": command.description or _description(command),
        "actor": command.actor,
    }
    metadata = command.metadata
    if metadata:
        common["metadata"] = _json(metadata).decode()
    if isinstance(command, Earn):
        return _earn(account, command, at, common)
    if isinstance(command, Redeem):
        return _redeem(account, command, common)
    if isinstance(command, Refund):
        return _refund(account, command, at, common)
    return _reverse(account, command, common)


def _earn(
    account: Account, command: Earn, at: datetime, common: dict[str, Any]
) -> Entry:
    policy, points = account.policy, command.points
    waits = command.pending == "event"
    period = policy.pending_period
    if command.pending is not None and not waits:
        period = parse_duration(command.pending)
    available_at = None if waits else _later(at, period, policy)
    validity = policy.validity
    if command.validity is not None:
        validity = parse_duration(command.validity)
    expires_at = command.expires_at
    if expires_at is None and validity is not None and available_at is not None:
        expires_at = _later(available_at, validity, policy)
    stated = validity.text if validity and command.expires_at is None else None
    pends = waits or not period.is_zero
    now_points, later_points = (0, points) if pends else (points, 0)
    _within_limits(account, available=now_points, pending=later_points, lifetime=points)
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
    moves = [] if pends else lots.repay_debt(-account.available, [lot])
    return record(
        account,
        type="earn",
        amount=points,
        available=now_points,
        pending=later_points,
        moves=moves,
        opened=[lot],
        available_at=available_at,
        expires_at=expires_at,
        validity=stated,
        referred_member=command.referred_member,
        **common,
    )


def _redeem(account: Account, command: Redeem, common: dict[str, Any]) -> Entry:
    if account.status == "frozen":
        raise Refused("account_frozen")
    available = account.available
    points = min(command.points, available) if command.up_to else command.points
    if points < 1 or points > available:
        required = 1 if command.up_to else points
        raise _insufficient(available, required, required - available)
    moves, _ = lots.take(lots.open_lots(account), points)
    return record(
        account,
        type="redeem",
        amount=points,
        available=-points,
        moves=moves,
        **common,
    )


def _refund(
    account: Account, command: Refund, at: datetime, common: dict[str, Any]
) -> Entry:
    spend = account.named.get(command.entry)
    if spend is None:
        raise Refused("entry_not_found", entry=command.entry)
    if spend.type not in _SPENDS:
        raise Refused("entry_not_reversible", entry=command.entry, type=spend.type)
    points = _rest_of(spend.amount - spend.undone, command.points)
    _within_limits(account, available=points)
    sequence = account.last_sequence + 1
    parts = lots.last_taken(spend.taken, points, spend.undone)
    moves, risen = lots.give_back(account, sequence, parts, at, with_grace=True)
    moves += lots.repay_debt(-account.available, risen)
    opened = [lot for lot in risen if lot.sequence == sequence]
    spend.undone += points
    return record(
        account,
        type="refund",
        amount=points,
        available=points,
        moves=moves,
        opened=opened,
        relates_to=command.entry,
        available_at=at,
        **common,
    )


def _reverse(account: Account, command: Reverse, common: dict[str, Any]) -> Entry:
    earn = account.named.get(command.entry)
    if earn is None:
        raise Refused("entry_not_found", entry=command.entry)
    if earn.type != "earn":
        raise Refused("entry_not_reversible", entry=command.entry, type=earn.type)
    points = _rest_of(earn.amount - earn.undone, command.points)
    policy = command.policy or account.policy.debt_policy
    own = [lot for lot in account.lots.values() if lot.root == command.entry]
    lapsed = min(sum(lot.lapsed for lot in own) - earn.lapsed_counted, points)
    pending = [lot for lot in own if lot.state == "pending"]
    from_pending = min(sum(lot.remaining for lot in pending), points)
    own_open = sum(lot.remaining for lot in own if lot.state == "open")
    from_own = min(own_open, points - from_pending)
    lapsed = min(lapsed, points - from_pending - from_own)
    rest = points - from_pending - from_own - lapsed
    others = max(account.available, 0) - own_open
    missing = max(rest - others, 0)
    if missing and policy == "refuse":
        raise _insufficient(account.available, points, missing)
    owed = missing if policy == "debt" else 0
    from_open = from_own + rest - missing
    if owed:
        _within_limits(account, available=-from_open - owed, pending=-from_pending)
    moves, _ = lots.take(pending, from_pending)
    own_first = sorted(
        (lot for lot in account.lots.values() if lot.state == "open"),
        key=lambda lot: (lot.root != command.entry, *lots.spending_key(lot)),
    )
    taken, _ = lots.take(own_first, from_open)
    earn.undone += points
    earn.lapsed_counted += lapsed
    written_off = missing - owed
    facts = {"lapsed": lapsed, "written_off": written_off}
    noted = {name: value for name, value in facts.items() if value}
    if noted:
        said = command.metadata or {}
        common["metadata"] = _json({**said, **noted}).decode()
    return record(
        account,
        type="reverse",
        amount=points,
        available=-from_open - owed,
        pending=-from_pending,
        moves=moves + taken,
        relates_to=command.entry,
        **common,
    )


def _rest_of(rest: int, points: int | None) -> int:
    """Return the points to undo: those asked for, or all that is left."""
    wanted = rest if points is None else points
    if wanted > rest or wanted < 1:
        raise Refused("exceeds_original", left=rest)
    return wanted


def _insufficient(available: int, required: int, missing: int) -> Refused:
    return Refused(
        "insufficient_points", available=available, required=required, missing=missing
    )


def _within_limits(
    account: Account, *, available: int = 0, pending: int = 0, lifetime: int = 0
) -> None:
    """Refuse deltas that would lift the total, or lifetime, above 2^53 - 1."""
    total = abs(account.available) + account.pending + account.reserved
    after = abs(account.available + available) + account.pending + pending
    after += account.reserved
    lifted = after > max(total, MAX_POINTS)
    if lifted or account.lifetime + lifetime > MAX_POINTS:
        raise Refused("limit_exceeded", limit="total", maximum=MAX_POINTS)


def _later(at: datetime, duration: Duration, policy: Any) -> datetime:
    return add_duration(at, duration, policy.zone)


def _description(command: Earn | Redeem | Refund | Reverse) -> str:
    verb = type(command).__name__
    if command.reference_type:
        return f"{verb}: {command.reference_type} {command.reference_id}"
    if isinstance(command, (Refund, Reverse)):
        return f"{verb} of entry {command.entry}"
    return verb
