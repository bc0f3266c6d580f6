"""One command on an account: replayed, refused, or done; checked in precedence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from punchcard.ledger import commands as said
from punchcard.ledger.commands import Command, Keyed, Settle, Transfer
from punchcard.ledger.outcomes import Entry, Outcome
from punchcard.ledger.rules import shape
from punchcard.ledger.rules.adjusting import adjust
from punchcard.ledger.rules.earning import earn
from punchcard.ledger.rules.encoding import fingerprint
from punchcard.ledger.rules.holding import capture, reserve, void
from punchcard.ledger.rules.pending import activate, cancel
from punchcard.ledger.rules.refusing import Refused
from punchcard.ledger.rules.settling import settle
from punchcard.ledger.rules.spending import redeem
from punchcard.ledger.rules.state import Account, RefusalRow, Remembered
from punchcard.ledger.rules.transferring import transfer
from punchcard.ledger.rules.undoing import refund, reverse

_FROZEN_REFUSES = (said.Redeem, said.Reserve, said.Transfer)
_json = msgspec.json.Encoder(order="sorted").encode

_DO: Mapping[type[Any], Callable[[Account, Any, dict[str, Any]], Entry]] = {
    said.Earn: earn,
    said.Redeem: redeem,
    said.Reserve: reserve,
    said.Capture: capture,
    said.Void: void,
    said.Refund: refund,
    said.Reverse: reverse,
    said.Adjust: adjust,
    said.Activate: activate,
    said.Cancel: cancel,
}
"""What each command on one account does; a transfer has two."""


def decide(
    account: Account,
    command: Command,
    now: datetime,
    recorded_at: datetime,
    receiver: Account | None = None,
) -> Outcome:
    """Run one command: settle, decide, settle what it made due.

    `receiver` is the other account of a transfer. The caller has checked
    `shape.fault_of`, and that the accounts exist. A replay answers the first outcome
    and changes nothing; a refusal is remembered under the command's key.
    """
    if isinstance(command, Settle):
        at = account.instant(command.at or now)
        settle(account, at, recorded_at)
        return Outcome(
            account=account.id, sequence=account.last_sequence, decided_at=at
        )
    key = shape.key_of(command) or ""
    mark = fingerprint(command)
    known = account.keys.get(key)
    if known is not None:
        return replay(account, known, mark)
    fault = shape.date_fault(command, now, account.policy)
    if fault:
        return refusal(account, "malformed", fault)
    touched = [account] if receiver is None else [account, receiver]
    at = command.at or now
    for one in touched:
        at = one.instant(at)
    for one in touched:
        settle(one, at, recorded_at)
    try:
        entry = _run(account, receiver, command, key, mark, at, recorded_at)
    except Refused as refused:
        _remember(account, refused, key, mark, at)
        return refusal(account, refused.code, refused.details, at)
    for one in touched:
        settle(one, at, recorded_at)
    return Outcome(
        account=account.id, entry=entry, sequence=entry.sequence, decided_at=at
    )


def replay(account: Account, known: Remembered, mark: bytes) -> Outcome:
    """Return the first outcome again, or `key_reused` where another was meant."""
    if known.fingerprint != mark:
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
    account: Account, refused: Refused, key: str, mark: bytes, at: datetime
) -> None:
    row = RefusalRow(
        key=key,
        fingerprint=mark,
        code=refused.code,
        details=refused.details,
        sequence=account.last_sequence,
        decided_at=at,
    )
    account.refusals.append(row)
    account.keys[key] = Remembered(
        fingerprint=mark,
        code=refused.code,
        details=refused.details,
        sequence=row.sequence,
        decided_at=at,
    )


def _run(
    account: Account,
    receiver: Account | None,
    command: Keyed,
    key: str,
    mark: bytes,
    at: datetime,
    recorded_at: datetime,
) -> Entry:
    if account.status == "closed" or (receiver and receiver.status == "closed"):
        raise Refused("account_closed")
    if account.status == "frozen" and isinstance(command, _FROZEN_REFUSES):
        raise Refused("account_frozen")
    common = {
        "source": command.source,
        "at": at,
        "recorded_at": recorded_at,
        "key": key,
        "fingerprint": mark,
        "reference_type": command.reference_type,
        "reference_id": command.reference_id,
        "description": _description(command),
        "actor": command.actor,
    }
    if command.metadata:
        common["metadata"] = _json(command.metadata).decode()
    if isinstance(command, Transfer):
        if receiver is None:
            raise TypeError("a transfer has a receiver")
        return transfer(account, receiver, command, common)
    return _DO[type(command)](account, command, common)


def _description(command: Keyed) -> str:
    if isinstance(command, said.Adjust):
        return command.reason
    if command.description:
        return command.description
    verb = type(command).__name__
    if command.reference_type:
        return f"{verb}: {command.reference_type} {command.reference_id}"
    match command:
        case said.Refund() | said.Reverse():
            return f"{verb} of entry {command.entry}"
        case said.Capture() | said.Void():
            return f"{verb} of hold {command.hold}"
        case said.Activate() | said.Cancel():
            return f"{verb} of lot {command.lot[0]}.{command.lot[1]}"
        case _:
            return verb
