"""How long points live: rounded up, around every edge that a calendar has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.kernel.calendar import DurationError, add_duration, parse_duration
from punchcard.kernel.validity import UNITS, end_of, parse_validity

PARIS = ZoneInfo("Europe/Paris")

ENDS = [
    # Square: P12M, earned 2020-07-06, through the last day of July of the next year.
    ("P12M/month", "UTC", "2020-07-06T15:00", "2021-08-01T00:00"),
    # Voucherify: usable through 25 February, through 28 February, to the day's end.
    ("P1M/day", "UTC", "2025-01-25T10:00", "2025-02-26T00:00"),
    ("P1M/day", "UTC", "2025-01-31T10:00", "2025-03-01T00:00"),
    ("P0M/day", "UTC", "2025-01-31T10:00", "2025-02-01T00:00"),
    ("P1M/month", "UTC", "2025-01-10T10:00", "2025-03-01T00:00"),
    # What is not rounded is as before.
    ("P12M", "UTC", "2024-02-29T10:00", "2025-02-28T10:00"),
    # Each unit, from inside it and from its first and last instants.
    ("/day", "UTC", "2024-02-28T23:59:59.999999", "2024-02-29T00:00"),
    ("/day", "UTC", "2024-02-29T00:00", "2024-03-01T00:00"),
    ("/week", "UTC", "2024-12-29T12:00", "2024-12-30T00:00"),
    ("/week", "UTC", "2024-12-30T00:00", "2025-01-06T00:00"),
    ("/month", "UTC", "2024-12-31T12:00", "2025-01-01T00:00"),
    ("/quarter", "UTC", "2024-03-31T23:59", "2024-04-01T00:00"),
    ("/quarter", "UTC", "2024-04-01T00:00", "2024-07-01T00:00"),
    ("/half", "UTC", "2024-06-30T23:59", "2024-07-01T00:00"),
    ("/half", "UTC", "2024-07-01T00:00", "2025-01-01T00:00"),
    ("/year", "UTC", "2024-12-31T23:59", "2025-01-01T00:00"),
    ("P1Y/year", "UTC", "2024-01-01T00:00", "2026-01-01T00:00"),
    # Days of the year, of which the next counts, today's too.
    ("/--12-31", "UTC", "2024-12-31T23:59", "2025-01-01T00:00"),
    ("/--12-31", "UTC", "2025-01-01T00:00", "2026-01-01T00:00"),
    ("/--06-30,--12-31", "UTC", "2024-07-01T00:00", "2025-01-01T00:00"),
    ("P6M/--12-31,--06-30", "UTC", "2024-03-01T00:00", "2025-01-01T00:00"),
    ("/--02-29", "UTC", "2023-02-01T00:00", "2023-03-01T00:00"),
    ("/--02-29", "UTC", "2024-02-29T00:00", "2024-03-01T00:00"),
    # A day ends when it does there.
    ("P1M/month", "Europe/Paris", "2025-01-31T22:59", "2025-02-28T23:00"),
    ("P1M/month", "Europe/Paris", "2025-01-31T23:00", "2025-03-31T22:00"),
    # The days on which the clock goes forward and back have 23 and 25 hours.
    ("/day", "Europe/Paris", "2025-03-29T23:00", "2025-03-30T22:00"),
    ("/day", "Europe/Paris", "2025-10-25T22:00", "2025-10-26T23:00"),
    # Where midnight is skipped the day begins at one o'clock.
    ("/day", "America/Sao_Paulo", "2018-11-03T12:00", "2018-11-04T03:00"),
    # Where midnight comes twice the first one counts.
    ("/day", "America/Havana", "2024-11-02T12:00", "2024-11-03T04:00"),
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("text", "zone", "start", "end"), ENDS)
def test_points_end_then(text: str, zone: str, start: str, end: str) -> None:
    assert end_of(at(start), parse_validity(text), ZoneInfo(zone)) == at(end)


def test_never_has_no_end() -> None:
    never = parse_validity("never")
    assert not never.is_zero
    assert end_of(at("2025-01-01T00:00"), never, PARIS) is None


WRONG = {
    "": "is not an ISO 8601 duration",
    "/": "is rounded to '', not day, week",
    "P1M/": "is rounded to ''",
    "P1M/fortnight": "is rounded to 'fortnight'",
    "month": "is not an ISO 8601 duration",
    "P1M/month/year": "is rounded to 'month/year'",
    "P1M/Month": "is rounded to 'Month'",
    "/--02-30": "is rounded to '--02-30'",
    "/--13-01": "is rounded to '--13-01'",
    "/--00-10": "is rounded to '--00-10'",
    "/12-31": "is rounded to '12-31'",
    "/--12-31,": "is rounded to ''",
    "/--12-31\n": "is rounded to",
    "-P1M/month": "is negative",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items())
def test_what_is_none_says_why(text: str, said: str) -> None:
    with pytest.raises(DurationError) as refused:
        parse_validity(text)
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["P1D/year", "/--01-01"])
def test_what_ends_beyond_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(DurationError, match="beyond the year 9999"):
        end_of(at("9999-12-31T23:00"), parse_validity(text), PARIS)


INSTANTS = st.datetimes(
    min_value=datetime(1950, 1, 1), max_value=datetime(2200, 1, 1)
).map(lambda found: found.replace(tzinfo=UTC))
ZONES = st.sampled_from(
    ["UTC", "Europe/Paris", "America/Havana", "Asia/Kathmandu", "Pacific/Apia"]
).map(ZoneInfo)


@given(INSTANTS, ZONES, st.sampled_from(UNITS), st.integers(0, 24))
def test_rounding_only_lengthens_and_by_less_than_its_unit(
    start: datetime, zone: ZoneInfo, unit: str, months: int
) -> None:
    plain = add_duration(start, parse_duration(f"P{months}M"), zone)
    end = end_of(start, parse_validity(f"P{months}M/{unit}"), zone)
    # A day more: one that is left out, as in Apia in 2011, is nobody's.
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "half": 184}
    assert plain < end <= plain + timedelta(days=longest.get(unit, 366) + 1)


@given(INSTANTS, ZONES, st.sampled_from(UNITS))
def test_points_of_one_unit_end_together(
    start: datetime, zone: ZoneInfo, unit: str
) -> None:
    validity = parse_validity(f"/{unit}")
    end = end_of(start, validity, zone)
    assert end_of(end - timedelta(microseconds=1), validity, zone) == end
    assert end_of(end, validity, zone) > end


@given(
    INSTANTS,
    ZONES,
    st.lists(st.dates(), min_size=1, max_size=4, unique=True),
)
def test_points_end_at_the_end_of_one_of_the_days(
    start: datetime, zone: ZoneInfo, days: list[datetime]
) -> None:
    text = "/" + ",".join(f"--{day.month:02}-{day.day:02}" for day in days)
    end = end_of(start, parse_validity(text), zone)
    assert start < end <= start + timedelta(days=367)
    last = (end - timedelta(microseconds=1)).astimezone(zone).date()
    wanted = {(day.month, day.day) for day in days}
    wanted |= {(2, 28)} if (2, 29) in wanted else set()
    assert (last.month, last.day) in wanted
