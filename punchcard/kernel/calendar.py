"""Durations as ISO 8601 text, added on a program's own calendar.

Years, months, weeks and days are counted on the wall clock of a time zone (a day
is a day there, be it 23 or 25 hours long); hours, minutes and seconds are elapsed
time. "P1M" after 31 January is the last day of February.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import isodate

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL counts instants in microseconds from here."""

MAX_YEARS = 200
_SHAPE = re.compile(r"P[0-9YMWDTHS.,]+")
"""isodate takes more: a sign, the form of dates, a newline at the end."""
_NOTHING = timedelta(0)


def microseconds(instant: datetime) -> int:
    """Return the microseconds from 2000-01-01 UTC, as PostgreSQL stores them."""
    passed = instant - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


class DurationError(ValueError):
    """The text is no ISO 8601 duration that can be added to an instant."""


class Duration:
    """A parsed duration: a calendar part and an elapsed part."""

    __slots__ = ("days", "elapsed", "is_zero", "months", "text")

    def __init__(self, text: str, months: int, days: int, elapsed: timedelta) -> None:
        self.text = text
        self.months = months
        self.days = days
        self.elapsed = elapsed
        self.is_zero = not months and not days and not elapsed


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> Duration:
    """Parse ISO 8601 text such as `P12M`, `P3D` or `PT36H`.

    Raises:
        DurationError: not a duration, negative, fractional years or months, or
            longer than 200 years.
    """
    calendar_part, _, clock_part = text.partition("T")
    if text.startswith("-P"):
        raise DurationError(f"{text!r} is negative")
    if not _SHAPE.fullmatch(text) or text.endswith("T"):
        raise DurationError(f"{text!r} is not an ISO 8601 duration")
    try:
        parsed = isodate.parse_duration(text)
        if clock_part and calendar_part != "P":
            parsed = isodate.parse_duration(calendar_part)
        clock = isodate.parse_duration(f"PT{clock_part}") if clock_part else _NOTHING
    except (isodate.ISO8601Error, TypeError, ValueError, ArithmeticError) as error:
        raise DurationError(f"{text!r} is not an ISO 8601 duration") from error
    if clock_part and calendar_part == "P":
        parsed = _NOTHING
    months = 0
    if isinstance(parsed, isodate.Duration):
        whole = parsed.years * 12 + parsed.months
        if whole != int(whole):
            raise DurationError(f"{text!r} has a fraction of a month")
        months, parsed = int(whole), parsed.tdelta
    days, elapsed = parsed.days, parsed - timedelta(days=parsed.days) + clock
    if months > MAX_YEARS * 12 or days > MAX_YEARS * 366 or elapsed.days > 366:
        raise DurationError(f"{text!r} is longer than {MAX_YEARS} years")
    return Duration(text, months, days, elapsed)


def add_duration(instant: datetime, duration: Duration, zone: ZoneInfo) -> datetime:
    """Return `instant` + `duration` in UTC, days and months counted in `zone`.

    Raises:
        DurationError: the result lies beyond the year 9999.
    """
    try:
        if not duration.months and (zone.key == "UTC" or not duration.days):
            return instant + timedelta(days=duration.days) + duration.elapsed
        wall = _add_months(instant.astimezone(zone), duration.months)
        wall += timedelta(days=duration.days)
        return wall.astimezone(UTC) + duration.elapsed
    except (OverflowError, ValueError) as error:
        message = f"{duration.text} after {instant:%Y-%m-%d} is beyond the year 9999"
        raise DurationError(message) from error


def _add_months(wall: datetime, months: int) -> datetime:
    if not months:
        return wall
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    first = wall.replace(year=year, month=month + 1, day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return first.replace(day=min(wall.day, (following - timedelta(days=1)).day))


class Period(NamedTuple):
    """An interval of the calendar in UTC: [start, end)."""

    start: datetime
    end: datetime


def day_of(instant: datetime, zone: ZoneInfo) -> Period:
    """Return the calendar day of `zone` that contains `instant`."""
    wall = _midnight(instant, zone)
    return _period(wall, wall + timedelta(days=1))


def month_of(instant: datetime, zone: ZoneInfo) -> Period:
    """Return the calendar month of `zone` that contains `instant`."""
    wall = _midnight(instant, zone).replace(day=1)
    return _period(wall, (wall + timedelta(days=32)).replace(day=1))


def week_of(instant: datetime, zone: ZoneInfo) -> Period:
    """Return the week of `zone`, from Monday, that contains `instant`."""
    wall = _midnight(instant, zone)
    wall -= timedelta(days=wall.weekday())
    return _period(wall, wall + timedelta(days=7))


def year_of(instant: datetime, zone: ZoneInfo) -> Period:
    """Return the calendar year of `zone` that contains `instant`."""
    wall = _midnight(instant, zone).replace(month=1, day=1)
    return _period(wall, wall.replace(year=wall.year + 1))


def _midnight(instant: datetime, zone: ZoneInfo) -> datetime:
    wall = instant.astimezone(zone)
    # Where midnight comes twice the day begins with the first one (fold 0).
    return wall.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def _period(start: datetime, end: datetime) -> Period:
    return Period(start.astimezone(UTC), end.astimezone(UTC))
