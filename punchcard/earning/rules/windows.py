"""When a rule applies: days, hours and birthdays on the programme's wall clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from punchcard.earning.documents import WEEKDAYS, CapPeriod, Dates, Hours
from punchcard.earning.purchases import Counter
from punchcard.kernel.calendar import Period, day_of, month_of, week_of, year_of

_PERIODS = {"day": day_of, "week": week_of, "month": month_of, "year": year_of}


def within_dates(dates: Dates, today: date) -> bool:
    """Return whether a day is among the dates."""
    if dates.starts_on is not None and today < dates.starts_on:
        return False
    return dates.ends_on is None or today < dates.ends_on


class Stretch(NamedTuple):
    """Hours of some days: [opens, closes), where it closes earlier on the next day."""

    days: frozenset[int]
    """Monday is 0."""
    opens: time
    closes: time


def stretches_of(hours: Iterable[Hours]) -> tuple[Stretch, ...]:
    """Return the stretches that a document writes down."""
    return tuple(
        Stretch(
            days=frozenset(WEEKDAYS.index(day) for day in one.days),
            opens=time.fromisoformat(one.opens_at),
            closes=time.fromisoformat(one.closes_at),
        )
        for one in hours
    )


def within_hours(stretches: Iterable[Stretch], wall: datetime) -> bool:
    """Return whether a wall clock shows one of the stretches.

    An hour that comes twice counts both times; one that is skipped has no instants.
    """
    today, now = wall.weekday(), wall.time()
    return any(_within(one, today, now) for one in stretches)


def _within(stretch: Stretch, today: int, now: time) -> bool:
    if stretch.opens < stretch.closes:
        return today in stretch.days and stretch.opens <= now < stretch.closes
    # Past midnight: the morning is still of yesterday's stretch.
    if now >= stretch.opens and today in stretch.days:
        return True
    return now < stretch.closes and (today - 1) % 7 in stretch.days


def is_birthday(around: str, born_on: date | None, today: date) -> bool:
    """Return whether a day is, or is in the week or month of, a birthday.

    Who was born on 29 February has a birthday on the 28th where there is no 29th.
    """
    if born_on is None:
        return False
    if around == "month":
        return today.month == born_on.month
    if around == "day":
        return today == _birthday(born_on, today.year)
    monday = today - timedelta(days=today.weekday())
    days = (monday + timedelta(days=number) for number in range(7))
    return any(day == _birthday(born_on, day.year) for day in days)


def _birthday(born_on: date, year: int) -> date:
    try:
        return born_on.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def counter_of(rule: str, per: CapPeriod, at: datetime, zone: ZoneInfo) -> Counter:
    """Return the counter of a rule for the period that contains `at`."""
    if per not in _PERIODS:
        return Counter(rule=rule, per=per)
    return _counter_on(rule, per, at.astimezone(zone).date(), zone)


@lru_cache(maxsize=4096)
def _counter_on(rule: str, per: CapPeriod, day: date, zone: ZoneInfo) -> Counter:
    noon = datetime.combine(day, time(12), tzinfo=zone)
    period: Period = _PERIODS[per](noon, zone)
    return Counter(rule=rule, per=per, starts_at=period.start, ends_at=period.end)
