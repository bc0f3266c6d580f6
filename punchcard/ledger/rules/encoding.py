"""What is hashed: a typed, versioned encoding of an entry and of what it did to lots.

Integers and instants are PostgreSQL's own 8-byte forms and texts carry their length,
so that `verify` recomputes the very same bytes in the database: see
`sql/verify_08_hashes.sql`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from struct import Struct

import msgspec

from punchcard.kernel.calendar import microseconds
from punchcard.ledger.commands import (
    Activate,
    Adjust,
    Cancel,
    Capture,
    Command,
    Earn,
    Keyed,
    Redeem,
    Refund,
    Reserve,
    Reverse,
    Settle,
    Transfer,
    Void,
)
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules.state import Allocation, Lot

VERSION = b"punchcard entry 1\0"
GENESIS = b"\0" * 32
"""The hash before an account's first entry."""

_NO_INSTANT = -(2**63)
_NO_ID = b"\0" * 16
_NO_TEXT = b"\xff\xff\xff\xff"

_fixed = Struct(">16s15q16s16s16s").pack
_length = Struct(">i").pack
_lot = Struct(">5q").pack
_allocation = Struct(">4q").pack


def entry_hash(
    previous: bytes, entry: Entry, opened: Sequence[Lot], moved: Sequence[Allocation]
) -> bytes:
    """Return SHA-256 over the previous hash, the entry, its lots and allocations."""
    transfer, other = entry.transfer, entry.other_account
    referred = entry.referred_member
    parts = [
        VERSION,
        previous,
        _fixed(
            entry.account.bytes,
            entry.sequence,
            entry.amount,
            entry.available,
            entry.pending,
            entry.reserved,
            entry.balance,
            entry.pending_after,
            entry.reserved_after,
            entry.lifetime_after,
            entry.relates_to or 0,
            entry.other_sequence or 0,
            microseconds(entry.effective_at),
            microseconds(entry.recorded_at),
            _instant(entry.available_at),
            _instant(entry.expires_at),
            transfer.bytes if transfer else _NO_ID,
            other.bytes if other else _NO_ID,
            referred.bytes if referred else _NO_ID,
        ),
    ]
    parts += [_text(text) for text in _texts(entry)]
    parts.append(_bytes(entry.fingerprint))
    parts.append(_length(len(opened)))
    for lot in opened:
        parts.append(
            _lot(
                lot.n,
                lot.credited,
                lot.root,
                _instant(lot.available_at),
                _instant(lot.expires_at),
            )
        )
        parts.append(_text(lot.validity))
    parts.append(_length(len(moved)))
    parts += [
        _allocation(move.n, move.lot_sequence, move.lot_n, move.points)
        for move in moved
    ]
    return sha256(b"".join(parts)).digest()


def _texts(entry: Entry) -> tuple[str | None, ...]:
    return (
        entry.type,
        entry.source,
        entry.key,
        entry.reference_type,
        entry.reference_id,
        entry.description,
        entry.metadata,
        entry.validity,
        entry.actor,
    )


def fingerprint(command: Command) -> bytes:
    """Return 16 bytes that stand for what the caller said.

    Nothing computed from the clock; not actor, description or metadata.
    """
    return sha256(_encode(_said(command))).digest()[:16]


def _said(command: Command) -> tuple[object, ...]:
    match command:
        case Earn():
            return (
                "earn",
                command.points,
                command.source,
                command.reference_type,
                command.reference_id,
                command.pending,
                command.validity,
                command.expires_at,
                command.at,
                command.referred_member,
            )
        case Redeem():
            return (
                "redeem",
                command.points,
                command.up_to,
                command.source,
                command.reference_type,
                command.reference_id,
                command.at,
            )
        case Refund() | Reverse():
            return (
                type(command).__name__,
                command.entry,
                command.points,
                getattr(command, "policy", None),
                command.source,
                command.reference_type,
                command.reference_id,
                command.at,
            )
        case Settle():
            return ("settle", command.at)
        case _:
            return _said_of_others(command)


def _said_of_others(command: Keyed) -> tuple[object, ...]:
    own: tuple[object, ...] = ()
    match command:
        case Reserve():
            own = (command.points, command.up_to, command.time_to_live)
        case Capture():
            own = (command.hold, command.points)
        case Void():
            own = (command.hold,)
        case Adjust():
            own = (
                command.points,
                command.policy,
                command.validity,
                command.expires_at,
                command.lot,
            )
        case Transfer():
            own = (command.to, command.points)
        case Activate() | Cancel():
            own = (command.lot,)
    return (
        type(command).__name__,
        *own,
        command.source,
        command.reference_type,
        command.reference_id,
        command.at,
    )


_encode = msgspec.msgpack.Encoder().encode


def _instant(instant: datetime | None) -> int:
    return _NO_INSTANT if instant is None else microseconds(instant)


def _text(text: str | None) -> bytes:
    if text is None:
        return _NO_TEXT
    data = text.encode()
    return _length(len(data)) + data


def _bytes(data: bytes | None) -> bytes:
    return _NO_TEXT if data is None else _length(len(data)) + data
