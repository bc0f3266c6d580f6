"""Caps, budgets and cooldowns: what passes, what is told, what is counted."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.earning.deciding import needed_counters
from punchcard.earning.purchases import Counter, Used
from tests.unit.earning.carts import (
    BERLIN,
    NOON,
    decided,
    per_spend,
    points,
    purchase,
    ruleset,
    why,
)


def capped(*caps, cooldown=None, earn=None):
    rule = {"id": "r", "earn": earn or per_spend(1, 1), "caps": list(caps)}
    return ruleset(rule | ({"cooldown": cooldown} if cooldown else {}))


def counter(rules, cart):
    (found,) = needed_counters(ruleset=rules, purchase=cart, zone=BERLIN)
    return found


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cap", "before", "asked", "granted", "code"),
    [
        ({"per": "day", "points": 100}, Used(), 100, 100, None),
        ({"per": "day", "points": 100}, Used(), 101, 100, "cap_day"),
        ({"per": "week", "points": 100}, Used(points=60), 50, 40, "cap_week"),
        ({"per": "month", "points": 100}, Used(points=100), 1, 0, "cap_month"),
        # lowered while in use: more was granted than may be now
        ({"per": "year", "points": 100}, Used(points=150), 1, 0, "cap_year"),
        ({"per": "ever", "points": 100}, Used(points=99), 2, 1, "cap_ever"),
        ({"per": "budget", "points": 100}, Used(points=99), 2, 1, "cap_budget"),
        ({"per": "day", "times": 2}, Used(times=1, points=9), 50, 50, None),
        ({"per": "day", "times": 2}, Used(times=2, points=9), 50, 0, "cap_day"),
    ],
)
def test_a_cap_lets_through_what_is_left_of_it(cap, before, asked, granted, code):
    rules, cart = capped(cap), purchase(asked)
    used = {counter(rules, cart): before}
    assert points(rules, cart, used) == granted
    assert why(rules, cart, used) == {"r": code}


@pytest.mark.parametrize(("asked", "granted"), [(40, 40), (41, 0)])
def test_a_cap_that_rejects_gives_all_or_nothing(asked, granted):
    rules = capped({"per": "day", "points": 100, "over": "reject"})
    used = {counter(rules, purchase(asked)): Used(points=60)}
    assert points(rules, purchase(asked), used) == granted


def test_a_cap_per_order_needs_no_counter():
    rules = capped({"per": "order", "points": 30})
    assert needed_counters(ruleset=rules, purchase=purchase(1), zone=BERLIN) == ()
    decision = decided(rules, purchase(20, 40))
    assert decision.uses == ()
    (award,) = decision.awards
    assert (award.asked, award.points, award.cap) == (60, 30, "cap_order")
    assert [part.points for part in award.parts] == [10, 20]


def test_the_tightest_of_several_caps_counts():
    rules = capped(
        {"per": "order", "points": 50},
        {"per": "day", "points": 100},
        {"per": "month", "points": 1000},
    )
    day, month = needed_counters(ruleset=rules, purchase=purchase(1), zone=BERLIN)
    used = {day: Used(points=80), month: Used(points=500)}
    assert points(rules, purchase(99), used) == 20
    assert why(rules, purchase(99), used) == {"r": "cap_day"}
    assert points(rules, purchase(99), {month: Used(points=500)}) == 50


@pytest.mark.parametrize(
    ("per", "instant", "starts_at", "ends_at"),
    [
        ("day", "2026-03-28 23:00", "2026-03-28 23:00", "2026-03-29 22:00"),
        ("day", "2026-03-28 22:59", "2026-03-27 23:00", "2026-03-28 23:00"),
        ("day", "2026-10-25 12:00", "2026-10-24 22:00", "2026-10-25 23:00"),
        ("week", "2026-03-29 21:59", "2026-03-22 23:00", "2026-03-29 22:00"),
        ("week", "2026-03-29 22:00", "2026-03-29 22:00", "2026-04-05 22:00"),
        ("month", "2028-02-29 22:59", "2028-01-31 23:00", "2028-02-29 23:00"),
        ("month", "2026-12-31 23:00", "2026-12-31 23:00", "2027-01-31 23:00"),
        ("year", "2026-12-31 22:59", "2025-12-31 23:00", "2026-12-31 23:00"),
        ("year", "2026-12-31 23:00", "2026-12-31 23:00", "2027-12-31 23:00"),
    ],
)
def test_periods_are_of_the_programmes_calendar(per, instant, starts_at, ends_at):
    cart = purchase(1, at=at(instant))
    assert counter(capped({"per": per, "points": 9}), cart) == Counter(
        rule="r", per=per, starts_at=at(starts_at), ends_at=at(ends_at)
    )


@pytest.mark.parametrize(
    ("cooldown", "last", "instant", "cools"),
    [
        ("PT1H", "2026-03-10 10:00", "2026-03-10 10:59:59", True),
        ("PT1H", "2026-03-10 10:00", "2026-03-10 11:00", False),
        ("PT1H", "2026-03-10 10:00", "2026-03-10 10:00", True),
        # a late order: the award was after it
        ("PT1H", "2026-03-10 10:00", "2026-03-10 09:30", True),
        ("PT1H", "2026-03-10 10:00", "2026-03-10 09:00", False),
        # a day on the wall clock, 23 hours long
        ("P1D", "2026-03-28 11:00", "2026-03-29 09:59", True),
        ("P1D", "2026-03-28 11:00", "2026-03-29 10:00", False),
        ("P1M", "2026-01-31 11:00", "2026-02-28 10:59", True),
        ("P1M", "2026-01-31 11:00", "2026-02-28 11:00", False),
    ],
)
def test_a_rule_that_cools_down_grants_nothing(cooldown, last, instant, cools):
    rules, cart = capped(cooldown=cooldown), purchase(50, at=at(instant))
    ever = counter(rules, cart)
    assert (ever.per, ever.starts_at) == ("ever", None)
    used = {ever: Used(points=1, times=1, last_at=at(last))}
    assert points(rules, cart, used) == (0 if cools else 50)
    assert why(rules, cart, used) == {"r": "cooldown" if cools else None}
    assert points(rules, cart) == 50


def test_what_is_granted_is_counted_and_a_rule_that_grants_nothing_is_not():
    rules = capped({"per": "day", "points": 70}, {"per": "budget", "points": 10**6})
    day, budget = needed_counters(ruleset=rules, purchase=purchase(1), zone=BERLIN)
    decision = decided(rules, purchase(100))
    assert [(one.counter, one.points, one.times) for one in decision.uses] == [
        (day, 70, 1),
        (budget, 70, 1),
    ]
    assert decided(rules, purchase(100), {day: Used(points=70)}).uses == ()
    assert decided(capped(), purchase(100)).uses == ()


def test_a_capped_multiplier_leaves_the_rules_alone():
    treble = {
        "id": "x",
        "earn": {"kind": "multiply", "factor": 3},
        "caps": [{"per": "month", "points": 50}],
    }
    rules = ruleset(
        {"id": "a", "earn": per_spend()}, {"id": "b", "earn": per_spend()}, treble
    )
    decision = decided(rules, purchase(10000))
    assert {(one.rule, one.of): one.points for one in decision.awards} == {
        ("a", None): 100,
        ("b", None): 100,
        ("x", "a"): 25,
        ("x", "b"): 25,
    }
    assert [(one.counter.rule, one.points) for one in decision.uses] == [("x", 50)]
    assert why(rules, purchase(10000)) == {"a": None, "b": None, "x": "cap_month"}


def test_a_multiplier_has_nothing_on_a_rule_whose_cap_is_reached():
    rules = ruleset(
        {"id": "a", "earn": per_spend(), "caps": [{"per": "day", "points": 10}]},
        {"id": "x", "earn": {"kind": "multiply", "factor": 2}},
    )
    (day,) = needed_counters(ruleset=rules, purchase=purchase(1), zone=BERLIN)
    assert points(rules, purchase(10000)) == 20
    assert points(rules, purchase(10000), {day: Used(points=10)}) == 0


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=12),
    st.integers(1, 500),
    st.integers(1, 5),
    st.sampled_from(["reduce", "reject"]),
)
def test_caps_are_never_exceeded_over_many_orders(carts, most, times, over):
    rules = capped(
        {"per": "day", "points": most, "over": over}, {"per": "day", "times": times}
    )
    day = counter(rules, purchase(1))
    used = Used()
    for amount in carts:
        decision = decided(rules, purchase(amount, at=NOON), {day: used})
        for use in decision.uses:
            assert use.counter == day
            used = Used(points=used.points + use.points, times=used.times + use.times)
        assert used.points <= most
        assert used.times <= times
    if over == "reduce" and times >= len(carts):
        assert used.points == min(most, sum(carts))
