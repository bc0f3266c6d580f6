"""What is malformed: judged from the command alone, before any account is looked at."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from punchcard.kernel.calendar import DurationError, add_duration, parse_duration
from punchcard.ledger.commands import Command, Earn, Redeem, Refund, Reverse, Settle
from punchcard.ledger.rules.state import Policy

POINTS_MAX = 10**15
SOURCES = tuple(
    "purchase referral bonus admin redemption transfer topup system".split()
)
POLICIES = frozenset({"debt", "cap", "refuse"})
RESERVED_METADATA = frozenset({"lapsed", "written_off"})
_SEQUENCE_MAX = 2**63 - 1
_METADATA_MAX = 16_384
_TEXT_LENGTHS = {
    "reference_type": 40,
    "reference_id": 200,
    "actor": 200,
    "description": 2_000,
}

Fault = dict[str, Any]
"""{"field": …, "reason": …}"""

_encode = msgspec.json.Encoder().encode


def key_of(command: Command) -> str | None:
    """Return the command's key: stated, or made from its order reference."""
    if isinstance(command, Settle):
        return None
    if command.key is None and command.reference_type == "order":
        if isinstance(command, Earn):
            return f"earn:order:{command.reference_id}"
        if isinstance(command, Redeem):
            return f"redeem:order:{command.reference_id}"
    return command.key


def fault_of(command: Command, now: datetime) -> Fault | None:
    """Return what is malformed in `command` as it stands, or None."""
    fault = _instant_fault("at", command.at)
    if fault:
        return fault
    if command.at is not None and command.at > now:
        return {"field": "at", "reason": "is later than now"}
    if isinstance(command, Settle):
        return None
    fault = _key_fault(command) or _text_fault(command)
    if fault:
        return fault
    if command.source not in SOURCES:
        return {"field": "source", "reason": "is not one of the known sources"}
    if isinstance(command, Earn):
        return _points_fault(command.points) or _earn_fault(command)
    if isinstance(command, Redeem):
        return _points_fault(command.points)
    return _undo_fault(command)


def _points_fault(points: object) -> Fault | None:
    if type(points) is not int or not 1 <= points <= POINTS_MAX:
        return {"field": "points", "reason": f"must be an integer, 1 to {POINTS_MAX}"}
    return None


def _undo_fault(command: Refund | Reverse) -> Fault | None:
    entry = command.entry
    if type(entry) is not int or not 1 <= entry <= _SEQUENCE_MAX:
        return {"field": "entry", "reason": "must be an entry's sequence, from 1"}
    if command.points is not None:
        fault = _points_fault(command.points)
        if fault:
            return fault
    if isinstance(command, Reverse) and command.policy is not None:
        if command.policy not in POLICIES:
            return {"field": "policy", "reason": "must be debt, cap or refuse"}
    return None


def _key_fault(command: Earn | Redeem | Refund | Reverse) -> Fault | None:
    key = key_of(command)
    if key is None:
        return {"field": "key", "reason": "is required (or an order reference)"}
    if command.key is None and not command.reference_id:
        return {"field": "reference_id", "reason": "is required without a key"}
    if not is_key(key):
        return {"field": "key", "reason": "must be 1 to 200 printable characters"}
    return None


@lru_cache(maxsize=4096)
def is_key(key: str) -> bool:
    """Return whether `key` is 1 to 200 printable characters."""
    return type(key) is str and 1 <= len(key) <= 200 and key.isprintable()


def _text_fault(command: Earn | Redeem | Refund | Reverse) -> Fault | None:
    for field, limit in _TEXT_LENGTHS.items():
        text = getattr(command, field)
        if text is None:
            continue
        if len(text) > limit:
            return {"field": field, "reason": f"is longer than {limit} characters"}
        if not text.isprintable() and not _is_text(text):
            return {"field": field, "reason": "has a NUL or an unpaired surrogate"}
    if (command.reference_type is None) != (command.reference_id is None):
        return {"field": "reference_id", "reason": "goes with reference_type"}
    return _metadata_fault(command.metadata) if command.metadata else None


def _is_text(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _metadata_fault(metadata: dict[str, object]) -> Fault | None:
    for name in RESERVED_METADATA & metadata.keys():
        return {"field": "metadata", "reason": f"{name} is written by the ledger"}
    try:
        text = _encode(metadata)
    except (TypeError, ValueError, UnicodeEncodeError):
        return {"field": "metadata", "reason": "cannot be written as JSON"}
    if len(text) > _METADATA_MAX or b"\\u0000" in text:
        return {"field": "metadata", "reason": "has a NUL, or more than 16 kB of JSON"}
    return None


def _instant_fault(field: str, instant: datetime | None) -> Fault | None:
    if instant is None:
        return None
    if instant.tzinfo is None or not 1900 <= instant.year <= 9998:
        return {"field": field, "reason": "must be an instant with a time zone"}
    return None


def _earn_fault(command: Earn) -> Fault | None:
    if command.validity is not None and command.expires_at is not None:
        return {"field": "expires_at", "reason": "goes without validity"}
    for field in ("pending", "validity"):
        text = getattr(command, field)
        if text is None or (field == "pending" and text == "event"):
            continue
        try:
            stated = parse_duration(text)
        except DurationError as error:
            return {"field": field, "reason": str(error)}
        if len(text) > 40 or (field == "validity" and stated.is_zero):
            return {"field": field, "reason": "must be a duration of some length"}
    fault = _instant_fault("expires_at", command.expires_at)
    if fault or command.expires_at is None or command.at is None:
        return fault
    if command.expires_at <= command.at:
        return {"field": "expires_at", "reason": "is not after available_at"}
    return None


def date_fault(command: Earn, now: datetime, policy: Policy) -> Fault | None:
    """Return what is malformed in the dates that the earn comes to, or None.

    They are counted from now where the caller stated no instant, so a late retry
    must find its key before it comes here.
    """
    if command.pending is None and command.validity is None and not command.expires_at:
        return None
    available_at = command.at or now
    try:
        if command.pending != "event":
            period = policy.pending_period
            if command.pending is not None:
                period = parse_duration(command.pending)
            available_at = add_duration(available_at, period, policy.zone)
        if command.validity is not None:
            add_duration(available_at, parse_duration(command.validity), policy.zone)
    except DurationError as error:
        return {"field": "validity", "reason": str(error)}
    if command.expires_at is not None and command.expires_at <= available_at:
        return {"field": "expires_at", "reason": "is not after available_at"}
    return None
