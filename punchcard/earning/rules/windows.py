"""When a rule applies: days, hours and birthdays on the programme's wall clock."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from punchcard.earning.documents import WEEKDAYS, CapPeriod, Dates, Hours
from punchcard.earning.purchases import Counter
from punchcard.kernel.calendar import Period, day_of, month_of, week_of, year_of

_DAY = timedelta(days=1)
_PERIODS = {"day": day_of, "week": week_of, "month": month_of, "year": year_of}


def within_dates(dates: Dates | None, at: datetime, zone: ZoneInfo) -> bool:
    """Return whether the day of `at` in `zone` is among the dates."""
    if dates is None:
        return True
    today = at.astimezone(zone).date()
    if dates.starts_on is not None and today < dates.starts_on:
        return False
    return dates.ends_on is None or today < dates.ends_on


def within_hours(hours: tuple[Hours, ...], at: datetime, zone: ZoneInfo) -> bool:
    """Return whether the wall clock of `zone` shows one of the stretches at `at`.

    An hour that comes twice counts both times; one that is skipped has no instants.
    """
    if not hours:
        return True
    wall = at.astimezone(zone)
    return any(_within(stretch, wall.date(), wall.time()) for stretch in hours)


def _within(stretch: Hours, today: date, now: time) -> bool:
    opens = time.fromisoformat(stretch.opens_at)
    closes = time.fromisoformat(stretch.closes_at)
    if opens < closes:
        return _is_of(stretch, today) and opens <= now < closes
    # Past midnight: the morning is still of yesterday's stretch.
    if now >= opens and _is_of(stretch, today):
        return True
    return now < closes and _is_of(stretch, today - _DAY)


def _is_of(stretch: Hours, day: date) -> bool:
    return WEEKDAYS[day.weekday()] in stretch.days


def is_birthday(
    around: str, born_on: date | None, at: datetime, zone: ZoneInfo
) -> bool:
    """Return whether `at` is on the day, or in the week or month, of a birthday.

    Who was born on 29 February has a birthday on the 28th where there is no 29th.
    """
    if born_on is None:
        return False
    today = at.astimezone(zone).date()
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
    period_of = _PERIODS.get(per)
    if period_of is None:
        return Counter(rule=rule, per=per)
    period: Period = period_of(at, zone)
    return Counter(rule=rule, per=per, starts_at=period.start, ends_at=period.end)
