"""Stamp cards and the like: what counts, when the target is reached, how far one is."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.earning.achieving import progress_of
from punchcard.earning.deciding import needed_counters
from punchcard.earning.documents import Achieve
from punchcard.earning.purchases import Counter, Used
from punchcard.earning.returning import take_back
from tests.unit.earning.carts import (
    BERLIN,
    decided,
    line,
    points,
    purchase,
    ruleset,
    shares,
    why,
)


def stamps(target=5, lines=None, **also):
    earn = {"kind": "achieve", "points": 100, "target": target, **also}
    return ruleset({"id": "card", "earn": earn, **({"lines": lines} if lines else {})})


def over(rules, carts):
    """Return the points of each of several purchases of one member, in turn."""
    used, found = {}, []
    for cart in carts:
        decision = decided(rules, cart, used)
        found.append(decision.points)
        for use in decision.uses:
            had = used.get(use.counter, Used())
            used[use.counter] = Used(
                points=had.points + use.points,
                times=had.times + use.times,
                counted=had.counted + use.counted,
            )
    return found


def on(day):
    return datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=UTC)


COFFEE = {"include": {"sku": ["coffee"]}}


def coffees(quantity, **also):
    return purchase(
        line(1, 300 * quantity, sku="coffee", quantity=quantity), 900, **also
    )


@pytest.mark.parametrize(
    ("rules", "carts", "expected"),
    [
        (stamps(3), [coffees(1)] * 7, [0, 0, 100, 0, 0, 0, 0]),
        (stamps(3, repeats=True), [coffees(1)] * 7, [0, 0, 100, 0, 0, 100, 0]),
        (stamps(1, repeats=True), [coffees(1)] * 2, [100, 100]),
        (
            stamps(5, COFFEE, count="items", repeats=True),
            [coffees(3), coffees(2), coffees(11), purchase(900), coffees(4)],
            [0, 100, 200, 0, 100],
        ),
        (stamps(5, COFFEE, count="items"), [coffees(11), coffees(5)], [100, 0]),
        (
            stamps(2000, COFFEE, count="spend", repeats=True),
            [coffees(6), coffees(1, not_money=600), coffees(1), coffees(2)],
            [0, 0, 100, 0],
        ),
    ],
)
def test_the_target_is_reached_once_or_again_and_again(rules, carts, expected):
    assert over(rules, carts) == expected


def test_each_period_begins_at_nothing():
    rules = stamps(2, per="month")
    days = ["2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01", "2026-03-02"]
    carts = [coffees(1, at=on(day)) for day in days]
    assert over(rules, carts) == [0, 0, 100, 0, 100]
    weeks = ["2026-03-28", "2026-03-29", "2026-03-30", "2026-04-05"]
    assert over(stamps(2, per="week"), [coffees(1, at=on(day)) for day in weeks]) == [
        0,
        100,
        0,
        100,
    ]


def test_an_activity_can_be_counted():
    earn = {"kind": "achieve", "points": 9, "target": 2}
    rules = ruleset({"earn": earn, "trigger": "activity:check-in"})
    visit = purchase(trigger="activity:check-in")
    assert over(rules, [visit, purchase(500), visit, visit]) == [0, 0, 9, 0]


@pytest.mark.parametrize(
    ("counted", "repeats", "code", "detail"),
    [
        (0, False, "not_reached", "1 of 5"),
        (3, False, "not_reached", "4 of 5"),
        (4, False, None, ""),
        (5, False, "reached_before", "5 of 5"),
        (99, False, "reached_before", "5 of 5"),
        (5, True, "not_reached", "1 of 5"),
        (9, True, None, ""),
    ],
)
def test_a_decision_says_how_far_a_member_is(counted, repeats, code, detail):
    rules = stamps(5, repeats=repeats)
    (counter,) = needed_counters(ruleset=rules, purchase=coffees(1), zone=BERLIN)
    assert counter == Counter(rule="card", per="ever")
    decision = decided(rules, coffees(1), {counter: Used(counted=counted)})
    (verdict,) = decision.looked_at
    assert (verdict.code, verdict.detail, verdict.matched) == (code, detail, True)
    assert sum(use.counted for use in decision.uses) == 1


def test_what_does_not_match_counts_for_nothing():
    decision = decided(stamps(1, COFFEE), purchase(900))
    assert (decision.awards, decision.uses) == ((), ())
    assert decision.looked_at[0].code == "no_line_matches"


def test_what_is_outdone_counts_all_the_same():
    card = {"id": "card", "earn": {"kind": "achieve", "points": 1, "target": 2}}
    better = {"id": "better", "earn": {"kind": "fixed", "points": 5}}
    rules = ruleset(card, better, stacking="best")
    (counter,) = needed_counters(ruleset=rules, purchase=coffees(1), zone=BERLIN)
    used = {counter: Used(counted=1)}
    assert points(rules, coffees(1), used) == 5
    assert why(rules, coffees(1), used) == {"better": None, "card": "outdone"}
    assert [use.counted for use in decided(rules, coffees(1), used).uses] == [1]


def test_what_was_reached_comes_back_with_the_whole_order_alone():
    awards = decided(stamps(1), coffees(1)).awards
    for returned, expected in (shares(n1=1, n2=0), 0), (shares(n1=1, n2=1), 100):
        (taken,) = take_back(awards=awards, returned=returned, taken={})
        assert taken.points == expected


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=12),
    st.integers(1, 20),
    st.booleans(),
)
def test_however_items_are_bought_the_target_is_reached_as_often(
    items, target, repeats
):
    rules = stamps(target, COFFEE, count="items", repeats=repeats)
    reached = sum(over(rules, [coffees(number) for number in items]))
    assert reached == sum(over(rules, [coffees(sum(items))]))
    earn = Achieve(points=100, target=target, count="items", repeats=repeats)
    progress = progress_of(earn=earn, used=Used(counted=sum(items)))
    assert reached == 100 * progress.reached
    assert 0 <= progress.counted <= target
