"""What stands in an argument or a cell, as text, made into a value or a sentence."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction

from punchcard.kernel.calendar import DurationError, parse_duration
from punchcard.kernel.validity import parse_validity

YEARS = range(1900, 9999)
AMOUNT_MAX = 10**15


def parse_instant(text: str) -> datetime:
    """Return the instant that ISO 8601 text names; without a zone it is UTC.

    Raises:
        ValueError: it names none, or one outside the years 1900 to 9998.
    """
    try:
        found = datetime.fromisoformat(text)
        found = (
            found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        )
    except (ValueError, OverflowError):
        message = "is no date or time, as in 2026-01-31 or 2026-01-31T12:00:00Z"
        raise ValueError(message) from None
    if found.year not in YEARS:
        raise ValueError(f"is not in the years {YEARS[0]} to {YEARS[-1]}")
    return found


def parse_amount(text: str) -> int:
    """Return a whole number of minor units.

    Raises:
        ValueError: it is no whole number, or beyond 10^15.
    """
    if not _WHOLE(text):
        raise ValueError("is no whole number of minor units, as in 1150 for 11.50")
    # Python refuses to read thousands of digits; so much is beyond it anyway.
    amount = int(text) if len(text) <= _DIGITS_READ else AMOUNT_MAX + 1
    if abs(amount) > AMOUNT_MAX:
        raise ValueError("is beyond 10^15 minor units")
    return amount


def parse_rate(text: str) -> Fraction:
    """Return points per currency unit: a whole number or a decimal, above 0.

    Raises:
        ValueError: it is something else.
    """
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not Fraction(text):
        raise ValueError("is no number of points per unit, as in 1 or 0.5")
    return Fraction(text)


def parse_period(text: str) -> str:
    """Return the text of a duration, unchanged.

    Raises:
        ValueError: it is no duration of ISO 8601.
    """
    try:
        parse_duration(text)
    except DurationError:
        message = "is no duration of ISO 8601, as in P3D or P12M"
        raise ValueError(message) from None
    return text


def parse_validity_text(text: str) -> str:
    """Return the text of a validity, unchanged.

    Raises:
        ValueError: it is no duration of ISO 8601, rounded or not.
    """
    try:
        parse_validity(text)
    except DurationError:
        message = "is no duration, as in P12M, P12M/month or P6M/--12-31"
        raise ValueError(message) from None
    return text


def show_instant(instant: datetime | None) -> str:
    """Return RFC 3339 text in UTC, with Z; nothing for None."""
    if instant is None:
        return ""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


_WHOLE = re.compile(r"-?[0-9]+", re.ASCII).fullmatch
_DIGITS_READ = 40
