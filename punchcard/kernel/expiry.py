"""When what was earned ends: never, after a duration, or on dates of every year.

Ends are counted on a program's own calendar, and are the first instant after the last
at which points can be used: what is good through 28 February ends on 1 March, 00:00.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from .calendar import add_duration, parse_duration

DurationText: TypeAlias = Annotated[str, Meta(min_length=2, max_length=40)]
MonthDay: TypeAlias = Annotated[
    str, Meta(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")
]
RoundedTo: TypeAlias = Literal["day", "month", "quarter", "half_year", "year"]

_MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown fields are mistakes, not extensions."""


class Never(_Document, frozen=True, kw_only=True, tag_field="kind", tag="never"):
    """Points stay."""


class Rolling(_Document, frozen=True, kw_only=True, tag_field="kind", tag="rolling"):
    """`after` a duration, and then to the end of the day, month … in which that is."""

    after: DurationText
    round: RoundedTo | None = None


class OnDates(_Document, frozen=True, kw_only=True, tag_field="kind", tag="dates"):
    """At the end of the next of some days of the year, `at_least` so long after.

    A day that a month does not have is its last: 29 February is the 28th in most years.
    """

    dates: Annotated[tuple[MonthDay, ...], Meta(min_length=1, max_length=20)]
    at_least: DurationText = "P0D"


Expiry: TypeAlias = Never | Rolling | OnDates


def expiry_of(*, policy: Expiry, start: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when points that can be used from `start` end, in UTC; None: never.

    Raises:
        DurationError: a duration is none, or ends beyond the year 9999.
    """
    if isinstance(policy, Rolling):
        end = add_duration(start, parse_duration(policy.after), zone)
        return end if policy.round is None else _end_of(policy.round, end, zone)
    if isinstance(policy, OnDates):
        first = add_duration(start, parse_duration(policy.at_least), zone)
        return _next_end(policy.dates, first, zone)
    return None


def _end_of(period: RoundedTo, instant: datetime, zone: ZoneInfo) -> datetime:
    day = instant.astimezone(zone).date()
    months = _MONTHS.get(period)
    if months is None:
        return _midnight(day + timedelta(days=1), zone)
    following = (day.month - 1) // months * months + months
    year = day.year + following // 12
    return _midnight(date(year, following % 12 + 1, 1), zone)


def _next_end(
    dates: tuple[MonthDay, ...], instant: datetime, zone: ZoneInfo
) -> datetime:
    day = instant.astimezone(zone).date()
    years = (day.year, day.year + 1)
    days = sorted(_day(text, year) for year in years for text in dates)
    found = next(one for one in days if one >= day)
    return _midnight(found + timedelta(days=1), zone)


def _day(text: MonthDay, year: int) -> date:
    month, number = int(text[:2]), int(text[3:])
    first = date(year, month, 1)
    following = (first + timedelta(days=32)).replace(day=1)
    # What a month does not have is its last day: 29 February, and 31 April too.
    return first.replace(day=min(number, (following - timedelta(days=1)).day))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # Where midnight is skipped or comes twice, the day begins with the first instant.
    return datetime.combine(day, time(), zone).astimezone(UTC)
