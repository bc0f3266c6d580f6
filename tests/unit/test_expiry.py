"""When points end: rolling, rounded to periods, on dates; short months, leap days."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.kernel.calendar import DurationError
from punchcard.kernel.expiry import Expiry, Never, expiry_of


def policy(**document):
    return msgspec.convert(document, Expiry)


def ends(document, start, zone="UTC"):
    """Return the end on the wall clock of the zone, where the start was read too."""
    local = ZoneInfo(zone)
    instant = datetime.fromisoformat(start).replace(tzinfo=local).astimezone(UTC)
    end = expiry_of(policy=policy(**document), start=instant, zone=local)
    assert end.tzinfo is UTC
    return end.astimezone(local).replace(tzinfo=None).isoformat(sep=" ")


def rolling(after, to=None):
    return {"kind": "rolling", "after": after, **({"round": to} if to else {})}


def dates(*days, **also):
    return {"kind": "dates", "dates": days, **also}


@pytest.mark.parametrize(
    ("document", "start", "end"),
    [
        # Square: twelve months from 6 July 2020, through the last day of the month
        (rolling("P12M", "month"), "2020-07-06 15:00", "2021-08-01 00:00:00"),
        # Voucherify: through the 25th; through 28 February; the same day; month's end
        (rolling("P1M", "day"), "2026-01-25 09:00", "2026-02-26 00:00:00"),
        (rolling("P1M", "day"), "2026-01-31 09:00", "2026-03-01 00:00:00"),
        (rolling("P0M", "day"), "2026-01-31 09:00", "2026-02-01 00:00:00"),
        (rolling("P1M", "month"), "2026-01-15 09:00", "2026-03-01 00:00:00"),
        (rolling("P1M", "month"), "2028-01-31 09:00", "2028-03-01 00:00:00"),
        (rolling("P1M"), "2026-01-31 09:00", "2026-02-28 09:00:00"),
        (rolling("P1Y", "day"), "2028-02-29 00:00", "2029-03-01 00:00:00"),
        (rolling("P90D", "quarter"), "2026-01-01 00:00", "2026-07-01 00:00:00"),
        (rolling("P89D", "quarter"), "2026-01-01 00:00", "2026-04-01 00:00:00"),
        (rolling("P1M", "quarter"), "2026-11-30 23:59", "2027-01-01 00:00:00"),
        (rolling("P1M", "half_year"), "2026-05-31 12:00", "2026-07-01 00:00:00"),
        (rolling("P1M", "half_year"), "2026-06-01 12:00", "2027-01-01 00:00:00"),
        (rolling("P1Y", "year"), "2026-12-31 23:59:59", "2028-01-01 00:00:00"),
        # the last instant of a day is of it, and the first of the next is not
        (rolling("P0D", "day"), "2026-03-10 00:00", "2026-03-11 00:00:00"),
        (rolling("P0D", "day"), "2026-03-09 23:59:59.999999", "2026-03-10 00:00:00"),
        (dates("12-31"), "2026-03-10 00:00", "2027-01-01 00:00:00"),
        (dates("12-31"), "2026-12-31 23:59", "2027-01-01 00:00:00"),
        (dates("12-31"), "2027-01-01 00:00", "2028-01-01 00:00:00"),
        (dates("12-31", "06-30"), "2026-06-30 10:00", "2026-07-01 00:00:00"),
        (dates("12-31", "06-30"), "2026-07-01 00:00", "2027-01-01 00:00:00"),
        (dates("06-30", at_least="P3M"), "2026-03-31 10:00", "2026-07-01 00:00:00"),
        (dates("06-30", at_least="P3M"), "2026-04-01 10:00", "2027-07-01 00:00:00"),
        (dates("02-29"), "2026-01-01 10:00", "2026-03-01 00:00:00"),
        (dates("02-29"), "2028-02-28 10:00", "2028-03-01 00:00:00"),
        (dates("04-31"), "2028-04-30 10:00", "2028-05-01 00:00:00"),
    ],
)
def test_points_end_as_the_policy_says(document, start, end):
    assert ends(document, start) == end


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("Europe/Berlin", "2026-03-29 01:30", "2026-03-30 00:00:00"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-26 00:00:00"),
        # midnight is skipped: the day begins at one o'clock
        ("America/Asuncion", "2023-09-30 12:00", "2023-10-01 01:00:00"),
        # midnight comes twice: the day begins with the first
        ("America/Havana", "2026-10-31 12:00", "2026-11-01 00:00:00"),
        ("Asia/Kathmandu", "2026-10-31 23:59", "2026-11-01 00:00:00"),
    ],
)
def test_a_day_ends_where_the_program_is(zone, start, end):
    assert ends(rolling("P0D", "day"), start, zone) == end


def test_points_may_never_end():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert expiry_of(policy=Never(), start=start, zone=ZoneInfo("UTC")) is None


@pytest.mark.parametrize("after", ["12M", "P-1M", "P10000Y"])
def test_what_is_no_duration_is_refused(after):
    with pytest.raises(DurationError):
        ends(rolling(after), "2026-01-01 00:00")


@pytest.mark.parametrize(
    "document",
    [
        dates(),
        dates("13-01"),
        dates("1-1"),
        dates(*["12-31"] * 21),
        rolling("P1M", "decade"),
        {"kind": "rolling"},
        {"kind": "never", "after": "P1M"},
        {"kind": "idle"},
    ],
)
def test_what_is_no_policy_is_refused(document):
    with pytest.raises(msgspec.ValidationError):
        policy(**document)


STARTS = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)).map(
    lambda naive: naive.replace(tzinfo=UTC)
)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/Havana", "Pacific/Apia"])
POLICIES = st.sampled_from(
    [
        rolling("P0D", "day"),
        rolling("P1M", "day"),
        rolling("P12M", "month"),
        rolling("PT1H", "quarter"),
        rolling("P1Y", "half_year"),
        rolling("P3D", "year"),
        dates("02-29"),
        dates("12-31", "06-30", at_least="P1M"),
    ]
)


@given(POLICIES, STARTS, STARTS, ZONES)
def test_who_earns_later_never_loses_sooner_and_nobody_at_once(document, a, b, zone):
    local = ZoneInfo(zone)
    earlier, later = sorted([a, b])
    first, second = (
        expiry_of(policy=policy(**document), start=start, zone=local)
        for start in (earlier, later)
    )
    assert earlier < first <= second
