"""Durations on a program's own calendar: short days, month ends, leap days, errors."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.kernel.calendar import (
    EPOCH,
    DurationError,
    add_duration,
    microseconds,
    parse_duration,
)

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]
INSTANTS = st.datetimes(
    min_value=datetime(1990, 1, 1), max_value=datetime(2200, 1, 1)
).map(lambda naive: naive.replace(tzinfo=UTC))


def later(start, duration, zone="UTC"):
    """Add on the wall clock of the zone; answer on it, too."""
    local = ZoneInfo(zone)
    instant = datetime.fromisoformat(start).replace(tzinfo=local)
    added = add_duration(instant.astimezone(UTC), parse_duration(duration), local)
    assert added.tzinfo is UTC
    return added.astimezone(local).replace(tzinfo=None).isoformat(sep=" ")


@pytest.mark.parametrize(
    ("start", "duration", "zone", "end"),
    [
        # elapsed time is elapsed time
        ("2026-01-01 00:00", "PT36H", "UTC", "2026-01-02 12:00:00"),
        ("2026-01-01 00:00", "PT0.000001S", "UTC", "2026-01-01 00:00:00.000001"),
        ("2026-03-28 12:00", "PT24H", "Europe/Berlin", "2026-03-29 13:00:00"),
        ("2026-10-24 12:00", "PT24H", "Europe/Berlin", "2026-10-25 11:00:00"),
        # a day is a day on the wall clock, 23 or 25 hours long
        ("2026-03-28 12:00", "P1D", "Europe/Berlin", "2026-03-29 12:00:00"),
        ("2026-10-24 12:00", "P1D", "Europe/Berlin", "2026-10-25 12:00:00"),
        ("2026-03-28 12:00", "P1D", "UTC", "2026-03-29 12:00:00"),
        ("2026-03-28 12:00", "P1W", "Europe/Berlin", "2026-04-04 12:00:00"),
        # an hour that there is not: as late as it would have been
        ("2026-03-28 02:30", "P1D", "Europe/Berlin", "2026-03-29 03:30:00"),
        # an hour that comes twice: the first of the two
        ("2026-10-24 02:30", "P1D", "Europe/Berlin", "2026-10-25 02:30:00"),
        # a day that there was not (Samoa crossed the date line)
        ("2011-12-29 12:00", "P1D", "Pacific/Apia", "2011-12-31 12:00:00"),
        # months end when they end
        ("2026-01-31 08:00", "P1M", "UTC", "2026-02-28 08:00:00"),
        ("2028-01-31 08:00", "P1M", "UTC", "2028-02-29 08:00:00"),
        ("2026-01-31 08:00", "P2M", "UTC", "2026-03-31 08:00:00"),
        ("2026-03-31 08:00", "P1M", "UTC", "2026-04-30 08:00:00"),
        ("2026-12-31 08:00", "P2M", "UTC", "2027-02-28 08:00:00"),
        ("2026-11-30 08:00", "P13M", "UTC", "2027-12-30 08:00:00"),
        # years, from a leap day and to one
        ("2028-02-29 08:00", "P1Y", "UTC", "2029-02-28 08:00:00"),
        ("2028-02-29 08:00", "P4Y", "UTC", "2032-02-29 08:00:00"),
        ("2096-02-29 08:00", "P4Y", "UTC", "2100-02-28 08:00:00"),
        ("2026-02-28 08:00", "P24M", "UTC", "2028-02-28 08:00:00"),
        # months first, then days, then hours
        ("2026-01-31 00:00", "P1M1DT1H", "UTC", "2026-03-01 01:00:00"),
        ("2026-02-28 12:00", "P1M1DT24H", "Europe/Berlin", "2026-03-30 12:00:00"),
        # the zone's day, not Greenwich's
        ("2026-01-31 23:30", "P1M", "America/New_York", "2026-02-28 23:30:00"),
        ("2026-02-01 00:30", "P1M", "Asia/Kathmandu", "2026-03-01 00:30:00"),
    ],
)
def test_durations_are_added_on_the_wall_clock_of_the_zone(start, duration, zone, end):
    assert later(start, duration, zone) == end


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not an ISO 8601"),
        ("soon", "not an ISO 8601"),
        ("P", "not an ISO 8601"),
        ("PT", "not an ISO 8601"),
        ("3D", "not an ISO 8601"),
        ("P3", "not an ISO 8601"),
        ("p3d", "not an ISO 8601"),
        ("P3D ", "not an ISO 8601"),
        ("P1DT", "not an ISO 8601"),
        ("-P3D", "negative"),
        ("-PT1S", "negative|not an ISO 8601"),
        ("-P1M", "negative"),
        ("PT-5H", "negative|not an ISO 8601"),
        ("-P1DT1H", "negative"),
        ("P0.5M", "fraction"),
        ("P201Y", "longer than 200 years"),
        ("P2401M", "longer than 200 years"),
        ("P73201D", "longer than 200 years"),
        ("PT8809H", "longer than 200 years"),
        ("P99999999999999999999D", "not an ISO 8601|longer"),
    ],
)
def test_what_cannot_be_added_is_refused_with_its_reason(text, why):
    with pytest.raises(DurationError, match=why):
        parse_duration(text)


@pytest.mark.parametrize("text", ["P200Y", "P2400M", "P73200D", "PT8784H", "P1Y6M"])
def test_the_longest_durations_are_accepted(text):
    assert parse_duration(text).text == text


@pytest.mark.parametrize("text", ["PT0S", "P0D", "P0M", "P0Y", "P0DT0H"])
def test_zero_is_zero_however_it_is_written(text):
    assert parse_duration(text).is_zero
    assert add_duration(EPOCH, parse_duration(text), ZoneInfo("Europe/Berlin")) == EPOCH


@pytest.mark.parametrize("text", ["P1Y", "P12M", "P366D", "PT8784H"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_nothing_is_added_beyond_the_calendar(text, zone):
    end = datetime(9999, 12, 30, tzinfo=UTC)
    with pytest.raises(DurationError, match="beyond the year 9999"):
        add_duration(end, parse_duration(text), ZoneInfo(zone))


@given(INSTANTS, st.integers(0, 2400), st.sampled_from(ZONES))
def test_months_never_spill_into_the_month_after(instant, months, zone):
    local = ZoneInfo(zone)
    start = instant.astimezone(local)
    added = add_duration(instant, parse_duration(f"P{months}M"), local)
    end = added.astimezone(local)
    passed = (end.year - start.year) * 12 + end.month - start.month
    # One exception: a wall time that the zone skipped may be the next month's first.
    assert passed == months or end.day == 1
    assert end.day <= start.day or passed != months or end.day - start.day == 1
    assert added >= instant


@given(INSTANTS, st.integers(0, 3000), st.integers(0, 3000), st.sampled_from(ZONES))
def test_a_longer_duration_never_ends_earlier(instant, days, more, zone):
    local = ZoneInfo(zone)
    ends = [
        add_duration(instant, parse_duration(f"P{n}D"), local)
        for n in sorted((days, days + more))
    ]
    assert ends == sorted(ends)


@given(INSTANTS, st.integers(0, 366 * 86_400))
def test_seconds_are_elapsed_in_every_zone(instant, seconds):
    for zone in ZONES:
        added = add_duration(instant, parse_duration(f"PT{seconds}S"), ZoneInfo(zone))
        assert added == instant + timedelta(seconds=seconds)


@given(INSTANTS)
def test_microseconds_are_postgresql_s_and_exact(instant):
    assert EPOCH + timedelta(microseconds=microseconds(instant)) == instant
