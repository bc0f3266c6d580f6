"""Returns: exactly what was granted there, in any number of parts, in any order."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.earning.returning import keep, key_of, take_back, take_back_anew
from tests.unit.earning.carts import (
    BERLIN,
    decided,
    line,
    per_spend,
    purchase,
    ruleset,
    shares,
)


def fixed(amount, *skus):
    rule = {"earn": {"kind": "fixed", "points": amount}}
    return rule | ({"lines": {"include": {"sku": skus}}} if skus else {})


def of(rules, cart, *returns):
    """Return the points that each of several returns takes, shares being cumulative."""
    awards = decided(rules, cart).awards
    taken, points = {}, []
    nothing = {one.n: Fraction(0) for one in cart.lines}
    for returned in returns:
        now = take_back(awards=awards, returned=nothing | returned, taken=taken)
        points.append(sum(one.points for one in now))
        for award, one in zip(awards, now, strict=True):
            assert one.points >= 0
            assert one.in_all == taken.get(key_of(award), 0) + one.points
            assert one.kept == award.points - one.in_all >= 0
            taken[key_of(award)] = one.in_all
    return points


def anew(rules, cart, *returns):
    """Return what several returns take when thresholds are looked at again."""
    awards = decided(rules, cart).awards
    taken, points = {}, []
    for returned in returns:
        decision = decided(rules, keep(purchase=cart, returned=returned))
        now = take_back_anew(awards=awards, decision=decision, taken=taken)
        points.append(sum(one.points for one in now))
        taken = {(one.rule, one.of): one.in_all for one in now}
    return points


def test_a_return_takes_what_its_line_was_granted_and_no_share_of_the_total():
    # Open Loyalty 3 takes 35 here: half of the order, so half of the points
    cart = purchase(
        line(1, 1000, sku="A"), line(2, 1000, sku="B"), line(3, 2000, sku="C")
    )
    rules = ruleset(fixed(10, "A"), fixed(20, "B"), {"earn": per_spend()})
    assert decided(rules, cart).points == 70
    assert of(rules, cart, shares(n3=1)) == [20]
    assert anew(rules, cart, shares(n3=1)) == [20]
    assert of(rules, cart, shares(n3=1), shares(n3=1, n1=1)) == [20, 20]
    assert of(rules, cart, shares(n1=1, n2=1, n3=1)) == [70]


def test_a_product_without_its_reward_line_gives_back_what_the_product_earned():
    # the reward is a line that costs nothing: nothing was granted there, nor is taken
    cart = purchase(line(1, 5000, sku="shoe"), line(2, 900, sku="sock", discount=900))
    rules = ruleset({"earn": per_spend()})
    assert decided(rules, cart).points == 50
    assert of(rules, cart, shares(n1=1), shares(n1=1, n2=1)) == [50, 0]
    assert of(rules, cart, shares(n2=1), shares(n1=1, n2=1)) == [0, 50]
    assert of(rules, cart, shares(n1="1/2")) == [25]


@pytest.mark.parametrize(
    ("rule", "returns", "expected"),
    [
        # 10.00 in thirds: what is kept keeps what it would have earned, rounded down
        ({"earn": per_spend()}, ["1/3", "2/3", "1"], [4, 3, 3]),
        ({"earn": per_spend(10)}, ["1/3", "2/3", "1"], [34, 33, 33]),
        ({"earn": per_spend(10, whole_steps=True)}, ["1/3", "2/3", "1"], [40, 30, 30]),
        ({"earn": per_spend(10, whole_steps=True)}, ["1/1000", "1"], [10, 90]),
        (
            {"earn": per_spend(), "rounding": {"mode": "ceil"}},
            ["1/3", "2/3", "1"],
            [3, 3, 4],
        ),
        (
            {"earn": per_spend(), "rounding": {"mode": "half_up"}},
            ["1/4", "1/2", "1"],
            [2, 3, 5],
        ),
        (
            {"earn": per_spend(), "rounding": {"mode": "half_even"}},
            ["1/4", "1/2", "1"],
            [2, 3, 5],
        ),
        ({"earn": {"kind": "per_item", "points": 7}}, ["1/3", "1"], [7, 14]),
        (fixed(10, "S1"), ["1/3", "2/3", "1"], [4, 3, 3]),
        # of the order as a whole: kept until the last of it is back
        (fixed(10), ["1/3", "999/1000", "1"], [0, 0, 10]),
        # a cap had cut it down: of what was let through, the same part
        (
            {"earn": per_spend(10), "caps": [{"per": "order", "points": 50}]},
            ["1/3", "2/3", "1"],
            [17, 17, 16],
        ),
        ({"earn": per_spend()}, ["0", "1", "1", "1"], [0, 10, 0, 0]),
    ],
)
def test_parts_of_a_line_come_back(rule, returns, expected):
    cart = purchase(line(1, 1000, quantity=3))
    assert of(ruleset(rule), cart, *(shares(n1=one) for one in returns)) == expected


def test_points_for_the_order_stay_while_any_line_is_kept():
    cart = purchase(1000, 0)
    rules = ruleset(fixed(10), {"earn": per_spend(1, 1, shipping=True)})
    cart = purchase(1000, 0, shipping=300)
    returns = [shares(n1=1), shares(n1=1, n2=1)]
    assert of(rules, cart, *returns) == [1000, 310]
    named = [{**shares(n1=1), "shipping": Fraction(1)}, shares(n1=1, n2=1)]
    assert of(rules, cart, *named) == [1300, 10]


def test_a_threshold_that_is_no_longer_met_takes_its_bonus_if_the_programme_says_so():
    rules = ruleset(fixed(100) | {"order": {"min": 5000}}, {"earn": per_spend()})
    cart = purchase(3000, 2000)
    assert of(rules, cart, shares(n2=1), shares(n1=1, n2=1)) == [20, 130]
    assert anew(rules, cart, shares(n2=1), shares(n1=1, n2=1)) == [120, 30]


def test_a_return_never_grants():
    # one item of the cheapest line: without it, the other is the cheapest
    rules = ruleset(
        {"earn": per_spend(), "lines": {"select": "cheapest"}},
        fixed(5) | {"order": {"max": 2000}},
    )
    cart = purchase(1000, 9000)
    assert anew(rules, cart, shares(n1=1), shares(n1=1, n2=1)) == [0, 10]


def test_a_rule_and_those_on_it_give_back_together_what_is_right():
    # of 0.40, the third alone would keep 1 - 0; of 0.50, that is more, 1 - 1
    double = {"kind": "multiply", "factor": 2, "rules": ["a"]}
    rules = ruleset(
        {"id": "a", "earn": per_spend()},
        {"id": "other", "earn": per_spend("0.7")},
        {"id": "x", "earn": double},
        {"id": "y", "earn": double},
    )
    awards = decided(rules, purchase(1000)).awards
    assert [award.of for award in awards] == [None, None, "a", "a"]
    taken, uneven = {}, False
    for hundredths in range(1, 101):
        share = Fraction(hundredths, 100)
        now = take_back(awards=awards, returned={1: share}, taken=taken)
        assert all(one.points >= 0 for one in now)
        taken = {(one.rule, one.of): one.in_all for one in now}
        kept = {one.rule: one.kept for one in now}
        assert kept["a"] + kept["x"] + kept["y"] == 30 * (1 - share) // 1
        assert kept["other"] == 7 * (1 - share) // 1
        uneven = uneven or kept["x"] != 20 * (1 - share) // 1 - kept["a"]
    assert uneven
    assert set(kept.values()) == {0}


def test_what_is_left_of_a_purchase_is_whole_and_nothing_when_all_is_back():
    cart = purchase(
        line(1, 1000, quantity=3, discount=100, tax=10),
        500,
        shipping=300,
        not_money=600,
    )
    left = keep(purchase=cart, returned=shares(n1="1/3", n2=1))
    (one,) = left.lines
    assert (one.quantity, one.gross, one.discount, one.tax) == (2, 666, 66, 6)
    assert one.gross - one.discount == 600
    assert (left.shipping, left.not_money) == (300, 600 * 900 // 1700)
    gone = keep(purchase=cart, returned=shares(n1=1, n2=1))
    assert (gone.lines, gone.shipping, gone.not_money) == ((), 0, 0)


MODES = st.sampled_from(["floor", "ceil", "half_up", "half_even"])
ROUNDING = st.builds(
    lambda mode, per: {"mode": mode, "per": per},
    MODES,
    st.sampled_from(["order", "line"]),
)
FILTER = st.sampled_from(
    [{}, {"include": {"sku": ["S1", "S3"]}}, {"select": "dearest"}]
)
RATE = st.sampled_from([1, 3, "0.7", "1.25"])


@st.composite
def rules(draw):
    kinds = [
        {"earn": per_spend(draw(RATE), 100)},
        {"earn": per_spend(draw(RATE), 250, whole_steps=True, shipping=True)},
        {"earn": {"kind": "per_item", "points": draw(RATE)}, "lines": draw(FILTER)},
        fixed(17, "S1", "S2"),
        fixed(5),
        {"earn": {"kind": "multiply", "factor": "1.5"}, "lines": draw(FILTER)},
        {"earn": {"kind": "multiply", "factor": 3}},
    ]
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=5))
    caps = st.sampled_from([[], [], [{"per": "order", "points": 7}]])
    return ruleset(
        *({**one, "rounding": draw(ROUNDING), "caps": draw(caps)} for one in chosen)
    )


@st.composite
def carts(draw):
    lines = [
        line(n, draw(st.integers(0, 5000)), quantity=draw(st.integers(1, 4)))
        for n in range(1, draw(st.integers(1, 4)) + 1)
    ]
    return purchase(*lines, shipping=draw(st.integers(0, 900)))


@st.composite
def sequences(draw, cart):
    """Return cumulative shares after each item, in the order in which items come."""
    items = [one.n for one in cart.lines for _ in range(one.quantity)]
    whole = {one.n: one.quantity for one in cart.lines}
    back, steps = dict.fromkeys(whole, Fraction(0)), []
    for n in draw(st.permutations(items)):
        back = {**back, n: back[n] + Fraction(1, whole[n])}
        steps.append(back)
    return steps


@given(st.data(), rules(), carts())
def test_any_partial_returns_in_any_order_add_up_to_one_full_return(data, rules, cart):
    granted = decided(rules, cart).points
    steps = data.draw(sequences(cart))
    assert sum(of(rules, cart, *steps)) == granted
    assert sum(of(rules, cart, steps[-1])) == granted
    assert sum(anew(rules, cart, *steps)) == granted
    # twice is once
    assert of(rules, cart, *(one for step in steps for one in (step, step)))[1::2] == [
        0
    ] * len(steps)


@given(st.data(), carts(), RATE)
def test_what_is_kept_is_the_rate_times_what_was_kept(data, cart, rate):
    rule = {"earn": per_spend(rate, 100)}
    treble = {"earn": {"kind": "multiply", "factor": 3}}
    granted = decided(ruleset(rule, treble), cart).points
    steps = data.draw(sequences(cart))
    taken = of(ruleset(rule, treble), cart, *steps)
    for number, step in enumerate(steps):
        kept = sum(one.gross * (1 - step[one.n]) for one in cart.lines)
        left = granted - sum(taken[: number + 1])
        assert left == kept * 3 * Fraction(rate) / 100 // 1


@given(rules(), carts(), st.randoms())
def test_the_order_of_lines_and_rules_changes_nothing(rules, cart, random):
    mixed = list(cart.lines)
    random.shuffle(mixed)
    others = list(rules.rules)
    random.shuffle(others)
    again = decided(
        msgspec.structs.replace(rules, rules=tuple(others)),
        msgspec.structs.replace(cart, lines=tuple(mixed)),
        zone=BERLIN,
    )
    assert again == decided(rules, cart)


@given(st.lists(st.tuples(RATE, MODES), min_size=1, max_size=5), carts())
def test_the_best_rule_is_worth_what_each_alone_would_be_or_more(rates, cart):
    documents = [
        {"earn": per_spend(rate, 70), "rounding": {"mode": mode}}
        for rate, mode in rates
    ]
    best = decided(ruleset(*documents, stacking="best"), cart).points
    alone = [decided(ruleset(one), cart).points for one in documents]
    assert best == max(alone)
    assert decided(ruleset(*documents), cart).points == sum(alone)
    assert decided(ruleset(*documents, stacking="first"), cart).points in alone
