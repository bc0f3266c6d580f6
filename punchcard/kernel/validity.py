"""How long points live: a duration, rounded up on the calendar where that is wanted.

As text: an ISO 8601 duration (`P12M`); behind a slash where it is rounded up to: the
end of the `day`, `week`, `month`, `quarter`, `half` or `year` in which it ends
(`P12M/month`), or of the next of some days of the year (`P6M/--12-31`, several with
commas between them). In front of the slash may stand nothing: `/year` is the end of
this year. `never` has no end, whatever a wallet says of its other points. Ends are
midnights of the program's time zone, and an end is no longer in it.

Square counts so (P12M, through the last day of the month), Voucherify rounds to the
ends of months, quarters, half-years and years, Open Loyalty to days of the year.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from punchcard.kernel.calendar import (
    Duration,
    DurationError,
    add_duration,
    parse_duration,
)

NEVER = "never"
UNITS = ("day", "week", "month", "quarter", "half", "year")
_MONTHS = {"month": 1, "quarter": 3, "half": 6, "year": 12}
_DAY = re.compile(r"--(\d\d)-(\d\d)")
_LEAP_YEAR = 2024


class DayOfYear(NamedTuple):
    """A day of every year; 29 February is the last of February in other years."""

    month: int
    day: int


class Validity(NamedTuple):
    """How long points live."""

    text: str
    duration: Duration
    unit: str | None = None
    """Rounded up to the end of this."""
    days: tuple[DayOfYear, ...] = ()
    """Or to the end of the next of these."""

    @property
    def is_zero(self) -> bool:
        """Whether points would be gone at once."""
        is_rounded = self.unit is not None or bool(self.days)
        return self.duration.is_zero and not is_rounded and self.text != NEVER


@lru_cache(maxsize=1024)
def parse_validity(text: str) -> Validity:
    """Parse text such as `P12M`, `P12M/month` or `/--06-30,--12-31`.

    Raises:
        DurationError: it is none; says why.
    """
    if text == NEVER:
        return Validity(text, parse_duration("P0D"))
    period, slash, rounding = text.partition("/")
    duration = parse_duration(period if period or not slash else "P0D")
    if not slash:
        return Validity(text, duration)
    if rounding in UNITS:
        return Validity(text, duration, unit=rounding)
    days = tuple(sorted({_day(text, part) for part in rounding.split(",")}))
    return Validity(text, duration, days=days)


def end_of(instant: datetime, validity: Validity, zone: ZoneInfo) -> datetime | None:
    """Return when points end, in UTC, that can be spent from `instant` on.

    None: never.

    Raises:
        DurationError: the result lies beyond the year 9999.
    """
    if validity.text == NEVER:
        return None
    end = add_duration(instant, validity.duration, zone)
    if validity.unit is None and not validity.days:
        return end
    try:
        today = end.astimezone(zone).date()
        if validity.unit is not None:
            following = _after_unit(today, validity.unit)
        else:
            following = _after_days(today, validity.days)
        # Where midnight comes twice the day begins with the first one (fold 0).
        midnight = datetime(*following.timetuple()[:3], tzinfo=zone)
        return midnight.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        message = f"{validity.text} after {instant:%Y-%m-%d} is beyond the year 9999"
        raise DurationError(message) from error


def _day(text: str, part: str) -> DayOfYear:
    found = _DAY.fullmatch(part)
    # Every day that there is stands in a leap year.
    if found is None or not _is_day(_LEAP_YEAR, int(found[1]), int(found[2])):
        wanted = f"{', '.join(UNITS)} or a day as in --12-31"
        raise DurationError(f"{text!r} is rounded to {part!r}, not {wanted}")
    return DayOfYear(int(found[1]), int(found[2]))


def _is_day(year: int, month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def _after_unit(today: date, unit: str) -> date:
    """Return the first day that is no longer in the same unit."""
    if unit == "day":
        return today + timedelta(days=1)
    if unit == "week":
        # ISO 8601: a week begins on Monday.
        return today + timedelta(days=7 - today.weekday())
    length = _MONTHS[unit]
    months = today.year * 12 + (today.month - 1) // length * length + length
    year, month = divmod(months, 12)
    return date(year, month + 1, 1)


def _after_days(today: date, days: tuple[DayOfYear, ...]) -> date:
    """Return the day after the next of these, which may be today."""
    candidates = (_in_year(day, year) for year in _years(today) for day in days)
    return min(day for day in candidates if day >= today) + timedelta(days=1)


def _years(today: date) -> tuple[int, int]:
    return today.year, today.year + 1


def _in_year(day: DayOfYear, year: int) -> date:
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))
