"""What is malformed: judged from the command alone, before any account is looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from punchcard.kernel.calendar import (
    Duration,
    DurationError,
    add_duration,
    parse_duration,
)
from punchcard.kernel.validity import Validity, end_of, parse_validity
from punchcard.ledger.commands import (
    Adjust,
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
from punchcard.ledger.rules.state import Policy

POINTS_MAX = 10**15
SOURCES = tuple(
    "purchase referral bonus admin redemption transfer topup system".split()
)
POLICIES = frozenset({"debt", "cap", "refuse"})
RESERVED_METADATA = frozenset({"lapsed", "written_off"})
_SEQUENCE_MAX = 2**63 - 1
_LOT_NUMBER_MAX = 2**31 - 1
_METADATA_MAX = 16_384
_METADATA_LEVELS = 100
_TEXT_LENGTHS = {
    "reference_type": 40,
    "reference_id": 200,
    "actor": 200,
    "description": 2_000,
}

Fault = dict[str, Any]
"""{"field": …, "reason": …}"""

_encode = msgspec.json.Encoder(order="sorted").encode
"""As it will be written: what this cannot encode must not get that far."""


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
    return _own_fault(command)


def _own_fault(command: Keyed) -> Fault | None:
    """Return what is malformed in the fields that this command alone has."""
    match command:
        case Earn():
            return _points_fault(command.points) or _earn_fault(command)
        case Redeem():
            return _points_fault(command.points)
        case Reserve():
            ttl = command.time_to_live
            return _points_fault(command.points) or _length_fault("time_to_live", ttl)
        case Capture() | Void():
            return _sequence_fault("hold", command.hold) or _part_fault(command)
        case Refund() | Reverse():
            fault = _sequence_fault("entry", command.entry) or _part_fault(command)
            return fault or _policy_fault(command)
        case Adjust():
            return _adjust_fault(command)
        case Transfer():
            if command.to == command.account:
                return {"field": "to", "reason": "is the account itself"}
            return _points_fault(command.points)
        case _:
            return _lot_fault(command.lot)


def _points_fault(points: object) -> Fault | None:
    if type(points) is not int or not 1 <= points <= POINTS_MAX:
        return {"field": "points", "reason": f"must be an integer, 1 to {POINTS_MAX}"}
    return None


def _sequence_fault(field: str, sequence: object) -> Fault | None:
    if type(sequence) is not int or not 1 <= sequence <= _SEQUENCE_MAX:
        return {"field": field, "reason": "must be an entry's sequence, from 1"}
    return None


def _part_fault(command: Capture | Void | Refund | Reverse) -> Fault | None:
    if isinstance(command, Void) or command.points is None:
        return None
    return _points_fault(command.points)


def _policy_fault(command: Refund | Reverse | Adjust) -> Fault | None:
    policy = None if isinstance(command, Refund) else command.policy
    if policy is not None and policy not in POLICIES:
        return {"field": "policy", "reason": "must be debt, cap or refuse"}
    return None


def _lot_fault(lot: object) -> Fault | None:
    if not isinstance(lot, tuple) or len(lot) != 2:
        return {"field": "lot", "reason": "must be a lot's sequence and number"}
    for number, most in zip(lot, (_SEQUENCE_MAX, _LOT_NUMBER_MAX), strict=True):
        if type(number) is not int or not 1 <= number <= most:
            return {"field": "lot", "reason": "must be a lot's sequence and number"}
    return None


def _adjust_fault(command: Adjust) -> Fault | None:
    points = command.points
    if type(points) is not int or not 1 <= abs(points) <= POINTS_MAX:
        reason = f"must be an integer, not 0, -{POINTS_MAX} to {POINTS_MAX}"
        return {"field": "points", "reason": reason}
    fault = _text_of("reason", command.reason, _TEXT_LENGTHS["description"])
    if fault or not command.reason:
        return fault or {"field": "reason", "reason": "is required"}
    if command.description is not None:
        return {"field": "description", "reason": "goes without reason"}
    if not command.actor:
        return {"field": "actor", "reason": "is required"}
    if command.lot is not None:
        fault = _lot_fault(command.lot)
    fault = fault or _policy_fault(command)
    if fault:
        return fault
    return _credit_fault(command) if points > 0 else _debit_fault(command)


def _credit_fault(command: Adjust) -> Fault | None:
    if command.policy is not None:
        return {"field": "policy", "reason": "goes with a minus"}
    if command.validity is not None and command.expires_at is not None:
        return {"field": "expires_at", "reason": "goes without validity"}
    fault = _length_fault("validity", command.validity, parse_validity)
    return fault or _expiry_fault(command)


def _debit_fault(command: Adjust) -> Fault | None:
    for field in ("validity", "expires_at"):
        if getattr(command, field) is not None:
            return {"field": field, "reason": "goes with a plus"}
    if command.lot is not None and command.policy is not None:
        return {"field": "policy", "reason": "goes without lot"}
    return None


def _key_fault(command: Keyed) -> Fault | None:
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


def _text_fault(command: Keyed) -> Fault | None:
    for field, limit in _TEXT_LENGTHS.items():
        text = getattr(command, field)
        if text is None:
            continue
        fault = _text_of(field, text, limit)
        if fault:
            return fault
    if (command.reference_type is None) != (command.reference_id is None):
        return {"field": "reference_id", "reason": "goes with reference_type"}
    return _metadata_fault(command.metadata) if command.metadata else None


def _text_of(field: str, text: str, limit: int) -> Fault | None:
    if len(text) > limit:
        return {"field": field, "reason": f"is longer than {limit} characters"}
    if not text.isprintable() and not _is_text(text):
        return {"field": field, "reason": "has a NUL or an unpaired surrogate"}
    return None


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
    except (TypeError, ValueError, RecursionError):
        return {"field": "metadata", "reason": "cannot be written as JSON"}
    if _nests_below(metadata, _METADATA_LEVELS):
        reason = f"is nested more than {_METADATA_LEVELS} levels deep"
        return {"field": "metadata", "reason": reason}
    if len(text) > _METADATA_MAX or b"\\u0000" in text:
        return {"field": "metadata", "reason": "has a NUL, or more than 16 kB of JSON"}
    return None


def _nests_below(value: object, levels: int) -> bool:
    if not isinstance(value, (dict, list, tuple)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_nests_below(each, levels - 1) for each in inner)


def _instant_fault(field: str, instant: datetime | None) -> Fault | None:
    if instant is None:
        return None
    if instant.tzinfo is None or not 1900 <= instant.year <= 9998:
        return {"field": field, "reason": "must be an instant with a time zone"}
    return None


def _earn_fault(command: Earn) -> Fault | None:
    if command.validity is not None and command.expires_at is not None:
        return {"field": "expires_at", "reason": "goes without validity"}
    pending = None if command.pending == "event" else command.pending
    fault = _duration_fault("pending", pending)
    fault = fault or _length_fault("validity", command.validity, parse_validity)
    return fault or _expiry_fault(command)


def _duration_fault(
    field: str,
    text: str | None,
    parse: Callable[[str], Duration | Validity] = parse_duration,
) -> Fault | None:
    try:
        if text is not None:
            parse(text)
    except DurationError as error:
        return {"field": field, "reason": str(error)}
    if text is not None and len(text) > 40:
        return {"field": field, "reason": "must be a duration of some length"}
    return None


def _length_fault(
    field: str,
    text: str | None,
    parse: Callable[[str], Duration | Validity] = parse_duration,
) -> Fault | None:
    fault = _duration_fault(field, text, parse)
    if not fault and text is not None and parse(text).is_zero:
        return {"field": field, "reason": "must be a duration of some length"}
    return fault


def _expiry_fault(command: Earn | Adjust) -> Fault | None:
    fault = _instant_fault("expires_at", command.expires_at)
    if fault or command.expires_at is None or command.at is None:
        return fault
    if command.expires_at <= command.at:
        return {"field": "expires_at", "reason": "is not after available_at"}
    return None


def date_fault(command: Keyed, now: datetime, policy: Policy) -> Fault | None:
    """Return what is malformed in the dates that the command comes to, or None.

    They are counted from now where the caller stated no instant, and on the wallet's
    policy, so a late retry must find its key before it comes here.
    """
    match command:
        case Earn():
            return _earn_date_fault(command, command.at or now, policy)
        case Adjust():
            return _end_fault(command, command.at or now, policy)
        case Reserve():
            return _hold_time_fault(command, command.at or now, policy)
        case _:
            return None


def _earn_date_fault(command: Earn, at: datetime, policy: Policy) -> Fault | None:
    if command.pending is None and command.validity is None and not command.expires_at:
        return None
    try:
        if command.pending != "event":
            period = policy.pending_period
            if command.pending is not None:
                period = parse_duration(command.pending)
            at = add_duration(at, period, policy.zone)
    except DurationError as error:
        return {"field": "validity", "reason": str(error)}
    return _end_fault(command, at, policy)


def _end_fault(command: Earn | Adjust, at: datetime, policy: Policy) -> Fault | None:
    """Return what is malformed in the expiry of points available from `at` on."""
    try:
        if command.validity is not None:
            end_of(at, parse_validity(command.validity), policy.zone)
    except DurationError as error:
        return {"field": "validity", "reason": str(error)}
    if command.expires_at is not None and command.expires_at <= at:
        return {"field": "expires_at", "reason": "is not after available_at"}
    return None


def _hold_time_fault(command: Reserve, at: datetime, policy: Policy) -> Fault | None:
    if command.time_to_live is None:
        return None
    asked = parse_duration(command.time_to_live)
    most = policy.hold_time_max
    if add_duration(at, asked, policy.zone) > add_duration(at, most, policy.zone):
        reason = f"is longer than the wallet's maximum, {most.text}"
        return {"field": "time_to_live", "reason": reason}
    return None
