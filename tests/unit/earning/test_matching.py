"""When a rule applies, and why not when it does not: clocks, calendars, conditions."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.unit.earning.carts import (
    BERLIN,
    NOON,
    line,
    per_spend,
    points,
    purchase,
    ruleset,
    why,
)

FIXED = {"kind": "fixed", "points": 7}


def code(rule, cart, zone=BERLIN, **also):
    """Return why a rule does not apply; None where it does, and grants."""
    rules = ruleset({"id": "r", "earn": FIXED, **rule}, **also)
    found = why(rules, cart, zone=zone)["r"]
    assert points(rules, cart, zone=zone) == (0 if found else 7)
    return found


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "zone", "matches"),
    [
        # [1 March, 1 April) on the wall clock of Berlin: UTC+1, then UTC+2
        ("2026-02-28 22:59:59.999999", "Europe/Berlin", False),
        ("2026-02-28 23:00", "Europe/Berlin", True),
        ("2026-03-31 21:59:59.999999", "Europe/Berlin", True),
        ("2026-03-31 22:00", "Europe/Berlin", False),
        ("2026-02-28 23:00", "UTC", False),
        ("2026-03-31 23:59:59", "UTC", True),
        ("2026-03-01 04:59", "America/New_York", False),
        ("2026-03-01 05:00", "America/New_York", True),
        ("2026-02-28 10:15", "Pacific/Apia", False),
        ("2026-02-28 11:00", "Pacific/Apia", True),
    ],
)
def test_dates_are_days_of_the_programme_and_the_last_is_not_among_them(
    instant, zone, matches
):
    rule = {"dates": {"from": "2026-03-01", "to": "2026-04-01"}}
    expected = None if matches else "outside_dates"
    assert code(rule, purchase(100, at=at(instant)), ZoneInfo(zone)) == expected


@pytest.mark.parametrize(
    ("dates", "instant", "matches"),
    [
        ({"from": "2028-02-29", "to": "2028-03-01"}, "2028-02-29 12:00", True),
        ({"from": "2028-02-29", "to": "2028-03-01"}, "2028-02-28 22:59", False),
        ({"from": "2028-02-29", "to": "2028-03-01"}, "2028-02-29 23:00", False),
        ({"from": "2026-03-10"}, "2026-03-09 23:00", True),
        ({"to": "2026-03-10"}, "2026-03-09 23:00", False),
        ({}, "2026-03-09 23:00", True),
    ],
)
def test_dates_may_be_open_and_know_leap_days(dates, instant, matches):
    expected = None if matches else "outside_dates"
    assert code({"dates": dates}, purchase(100, at=at(instant))) == expected


NIGHT = [{"days": ["sat"], "from": "22:00", "to": "02:30"}]
HAPPY = [{"from": "02:00", "to": "03:00"}]
TWO = [
    {"from": "07:00", "to": "09:00"},
    {"days": ["tue"], "from": "12:00", "to": "13:00"},
]


@pytest.mark.parametrize(
    ("hours", "instant", "matches"),
    [
        # several ranges; 10 March 2026 is a Tuesday
        (TWO, "2026-03-10 05:59:59", False),
        (TWO, "2026-03-10 06:00", True),
        (TWO, "2026-03-10 07:59:59", True),
        (TWO, "2026-03-10 08:00", False),
        (TWO, "2026-03-10 11:30", True),
        (TWO, "2026-03-11 11:30", False),
        # past midnight, the stretch is still of the day on which it began
        (NIGHT, "2026-03-07 20:59", False),
        (NIGHT, "2026-03-07 21:00", True),
        (NIGHT, "2026-03-08 01:29", True),
        (NIGHT, "2026-03-08 01:30", False),
        (NIGHT, "2026-03-08 21:30", False),
        (NIGHT, "2026-03-07 00:30", False),
        # the hour that is skipped on 29 March: 01:59 is followed by 03:00
        (HAPPY, "2026-03-29 00:59:59", False),
        (HAPPY, "2026-03-29 01:00", False),
        (HAPPY, "2026-03-28 01:30", True),
        # the hour that comes twice on 25 October
        (HAPPY, "2026-10-24 23:59:59", False),
        (HAPPY, "2026-10-25 00:00", True),
        (HAPPY, "2026-10-25 01:00", True),
        (HAPPY, "2026-10-25 01:59:59", True),
        (HAPPY, "2026-10-25 02:00", False),
        # a whole day
        ([{"days": ["sun"]}], "2026-03-28 22:59", False),
        ([{"days": ["sun"]}], "2026-03-28 23:00", True),
        ([{"days": ["sun"]}], "2026-03-29 21:59", True),
        ([{"days": ["sun"]}], "2026-03-29 22:00", False),
    ],
)
def test_hours_are_what_the_wall_clock_shows(hours, instant, matches):
    expected = None if matches else "outside_hours"
    assert code({"hours": hours}, purchase(100, at=at(instant))) == expected


@pytest.mark.parametrize(
    ("around", "born_on", "instant", "matches"),
    [
        ("day", date(1990, 3, 10), "2026-03-09 23:00", True),
        ("day", date(1990, 3, 10), "2026-03-10 23:00", False),
        ("day", date(1990, 3, 10), "2026-03-09 22:59", False),
        ("day", date(2000, 2, 29), "2026-02-28 12:00", True),
        ("day", date(2000, 2, 29), "2026-03-01 12:00", False),
        ("day", date(2000, 2, 29), "2028-02-29 12:00", True),
        ("day", date(2000, 2, 29), "2028-02-28 12:00", False),
        ("week", date(1990, 3, 15), "2026-03-09 12:00", True),
        ("week", date(1990, 3, 15), "2026-03-15 12:00", True),
        ("week", date(1990, 3, 15), "2026-03-16 12:00", False),
        ("week", date(1990, 1, 2), "2025-12-29 12:00", True),
        ("week", date(1990, 12, 30), "2026-01-02 12:00", True),
        ("week", date(1990, 12, 28), "2026-01-02 12:00", False),
        ("week", date(1990, 12, 31), "2027-01-02 12:00", True),
        ("month", date(1990, 3, 31), "2026-02-28 23:00", True),
        ("month", date(1990, 3, 31), "2026-03-31 22:00", False),
        ("day", None, "2026-03-10 12:00", False),
        ("month", None, "2026-03-10 12:00", False),
    ],
)
def test_a_birthday_is_of_the_day_week_or_month(around, born_on, instant, matches):
    cart = purchase(100, at=at(instant), born_on=born_on)
    expected = None if matches else "not_birthday"
    assert code({"birthday": around}, cart) == expected


@pytest.mark.parametrize(
    ("rule", "also", "expected"),
    [
        ({"active": False}, {}, "rule_inactive"),
        ({"trigger": "activity:order"}, {}, "other_trigger"),
        ({"first_purchase": True}, {}, "not_first_purchase"),
        ({"first_purchase": True}, {"is_first": True}, None),
        ({"level": ["gold", "silver"]}, {"level": "bronze"}, "other_level"),
        ({"level": ["gold", "silver"]}, {"level": "silver"}, None),
        ({"level": ["gold"]}, {}, "other_level"),
        ({"channel": ["web"]}, {"channel": "till"}, "other_channel"),
        ({"channel": ["web"]}, {"channel": "web"}, None),
        ({"place": ["bern"]}, {"place": "basel"}, "other_place"),
        ({"place": ["bern"]}, {"place": "bern"}, None),
        ({"order": {"min": 1001}}, {}, "order_below_minimum"),
        ({"order": {"min": 1000, "max": 1000}}, {}, None),
        ({"order": {"max": 999}}, {}, "order_above_maximum"),
        ({"order": {"min": 1001}}, {"shipping": 500}, "order_below_minimum"),
        ({"when": "order.total == 1000 && order.items == 1"}, {}, None),
        ({"when": "order.total > 1000"}, {}, "condition_false"),
        ({"when": "'S1' in order.skus && !order.is_first"}, {}, None),
        ({"when": "order.at.getHours('Europe/Berlin') == 12"}, {}, None),
        ({"when": "member.level == 'gold'"}, {"level": "gold"}, None),
        ({"when": "member.orders > 3"}, {"facts": {"member.orders": 4}}, None),
        ({"when": "member.orders > 3"}, {}, "condition_failed"),
        (
            {"when": "member.orders > 3"},
            {"facts": {"member.orders": "4"}},
            "condition_failed",
        ),
    ],
)
def test_a_rule_applies_or_says_why_not(rule, also, expected):
    assert code(rule, purchase(1000, **also)) == expected


def test_the_first_reason_is_told_and_no_other():
    rule = {"active": False, "channel": ["web"], "when": "order.total > 5000"}
    assert code(rule, purchase(100)) == "rule_inactive"
    assert code({**rule, "active": True}, purchase(100)) == "other_channel"


@pytest.mark.parametrize(
    ("tags", "spent", "expected"),
    [
        (["vip"], 0, None),
        ([], 100_000, None),
        (["dog"], 99_999, "not_in_segment"),
    ],
)
def test_one_segment_of_several_is_enough(tags, spent, expected):
    segments = {"vips": "'vip' in member.tags", "big": "member.spent >= 100000"}
    facts = {"member.tags": tags, "member.spent": spent}
    rule = {"segments": ["vips", "big"]}
    assert code(rule, purchase(100, facts=facts), segments=segments) == expected


@pytest.mark.parametrize(
    ("campaign", "expected"),
    [
        ({}, None),
        ({"active": False}, "campaign_inactive"),
        ({"dates": {"from": "2026-03-10", "to": "2026-03-11"}}, None),
        ({"dates": {"from": "2026-03-11"}}, "outside_campaign"),
        ({"dates": {"to": "2026-03-10"}}, "outside_campaign"),
    ],
)
def test_a_rule_of_a_campaign_stands_and_falls_with_it(campaign, expected):
    campaigns = [{"id": "spring", **campaign}]
    rule = {"campaign": "spring"}
    assert code(rule, purchase(100, at=NOON), campaigns=campaigns) == expected


def test_what_an_activity_says_can_be_asked_for():
    rule = {
        "trigger": "activity:review",
        "when": "activity.data.stars >= 4 && activity.type == 'review'",
    }
    for stars, expected in (4, None), (3, "condition_false"):
        review = purchase(
            trigger="activity:review", facts={"activity.data": {"stars": stars}}
        )
        assert code(rule, review) == expected


def test_the_order_in_which_lines_come_changes_nothing():
    lines = [line(n, 100 * n + 1, brand="xy"[n % 2]) for n in range(1, 6)]
    rules = ruleset(
        {"earn": per_spend("0.7"), "lines": {"include": {"brand": ["x"]}}},
        {"earn": {"kind": "per_item", "points": 3}, "lines": {"select": "cheapest"}},
    )
    assert why(rules, purchase(*lines)) == why(rules, purchase(*reversed(lines)))
