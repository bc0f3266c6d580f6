"""What holds for any rules, any lines and any returns, in the database."""

from __future__ import annotations

# ruff: noqa: E501 - a row of a table is a line
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from punchcard.earning.queries import find_decisions
from punchcard.journeys.orders.answers import OrderAnswer
from punchcard.orders.operations import NewLine, NewReturn, ReturnedPart
from tests.builders import START, rows
from tests.database.shop import moving
from tests.journeys.store import PER_EURO, Store, a_store
from tests.sizes import size

EXAMPLES = settings(
    max_examples=size(15, 300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SKUS = ("coffee", "tea", "mug")
POOL: list[dict[str, Any]] = [
    {"earn": PER_EURO},
    {"earn": PER_EURO | {"points": "0.37", "per": 10}, "rounding": {"per": "line"}},
    {"earn": PER_EURO | {"points": 3, "whole_steps": True, "shipping": True}},
    {"earn": {"kind": "per_item", "points": "1.5"}},
    {"earn": {"kind": "fixed", "points": 11}},
    {"earn": {"kind": "fixed", "points": 7}, "lines": {"include": {"sku": ["mug"]}}},
    {"earn": {"kind": "fixed", "points": 50}, "order": {"min": 1500}},
    {"earn": {"kind": "multiply", "factor": "1.5"}},
    {
        "earn": {"kind": "multiply", "factor": 3},
        "lines": {"include": {"sku": ["coffee"]}},
    },
    {"earn": PER_EURO, "lines": {"select": "dearest"}},
    {"earn": PER_EURO | {"points": 5}, "caps": [{"per": "order", "points": 20}]},
    {"earn": {"kind": "achieve", "points": 9, "target": 4, "count": "items"}},
]
LINE = st.builds(
    NewLine,
    sku=st.sampled_from(SKUS),
    quantity=st.integers(1, 5),
    unit_price=st.integers(0, 1200),
)
RULES = st.lists(st.sampled_from(POOL), min_size=1, max_size=5, unique_by=id)
CART = st.lists(LINE, min_size=1, max_size=4)


def store_of(rules: Sequence[dict[str, Any]], **also: Any) -> Store:
    store = a_store()
    store.configure(*rules, **also)
    return store


def some_left(order: OrderAnswer, chance: random.Random) -> tuple[ReturnedPart, ...]:
    """Return a part of what is left of some lines: by units, or by an amount."""
    assert order.order is not None
    parts = []
    for line in order.order.lines:
        units = line.quantity - line.returned_quantity
        money = line.amount - line.returned_amount
        if not units or chance.random() < 0.4:
            continue
        if chance.random() < 0.3 and money > 1 and line.returned_share < 1:
            part = ReturnedPart(line=line.n, amount=chance.randint(1, money - 1))
        else:
            part = ReturnedPart(line=line.n, quantity=chance.randint(1, units))
        parts.append(part)
    return tuple(parts)


def give_back(store: Store, order: OrderAnswer, n: int, **said: Any) -> OrderAnswer:
    """Return something, first as a preview: the same as what then happens."""
    assert order.order is not None
    asked = NewReturn(
        order=order.order.id, external_id=f"r-{n}", occurred_at=START, **said
    )
    before = store.balance()
    (dry,) = store.give_back(asked, dry_run=True)
    assert store.balance() == before
    (wet,) = store.give_back(asked)
    assert wet.created, wet.refusal
    assert [one.points for one in dry.taken] == [one.points for one in wet.taken]
    assert dry.order == wet.order
    assert before - store.balance() == sum(one.points for one in wet.taken)
    return OrderAnswer(order=wet.order, decision=order.decision)


@EXAMPLES
@given(rules=RULES, cart=CART, shipping=st.sampled_from((0, 490)), seed=st.integers())
@pytest.mark.parametrize("returns", ["share", "reevaluate"])
def test_any_partial_returns_in_any_order_are_one_full_return(
    returns: str,
    rules: list[dict[str, Any]],
    cart: list[NewLine],
    shipping: int,
    seed: int,
) -> None:
    store = store_of(rules, returns=returns)
    order = store.bought("o-1", tuple(cart), shipping=shipping)
    chance = random.Random(seed)
    n = 0
    while chance.random() < 0.8:
        parts = some_left(order, chance)
        if not parts:
            break
        n += 1
        order = give_back(store, order, n, lines=parts)
        assert order.order is not None
        if order.order.status == "returned":
            break
    assert order.order is not None
    if order.order.status == "returned" and order.order.returned_shipping < shipping:
        # Only the shipping was kept: what it earned stays.
        return
    if order.order.status != "returned":
        order = give_back(store, order, n + 1, everything=True)
    assert order.order is not None
    assert order.order.status == "returned"
    assert store.balance() == 0
    (decision,) = find_decisions(program=store.program, orders=[order.order.id])[
        order.order.id
    ]
    assert all(one.taken == one.award.points for one in decision.awards)
    assert all(use.points == use.times == use.counted == 0 for use in decision.uses)


@EXAMPLES
@given(rules=RULES, carts=st.lists(CART, min_size=2, max_size=4), seed=st.integers())
def test_a_cancelled_order_leaves_what_would_be_without_it(
    rules: list[dict[str, Any]], carts: list[list[NewLine]], seed: int
) -> None:
    chance = random.Random(seed)
    gone = chance.randrange(len(carts))
    store, other = store_of(rules), store_of(rules)
    for n, cart in enumerate(carts):
        order = store.bought(f"o-{n}", tuple(cart))
        if n == gone:
            cancelled = order.order
        else:
            other.bought(f"o-{n}", tuple(cart))
    assert cancelled is not None
    store.move(moving(cancelled.id, "cancelled"))
    assert store.balance() == other.balance()
    counted = [
        sorted(
            rows(
                "SELECT rule, per, points, times, counted FROM earning_counter"
                " WHERE program_id = %s AND (points, times, counted) <> (0, 0, 0)",
                (each.program,),
            )
        )
        for each in (store, other)
    ]
    assert counted[0] == counted[1]


@EXAMPLES
@given(rules=RULES, carts=st.lists(CART, min_size=2, max_size=5), seed=st.integers())
def test_orders_of_several_members_may_come_in_any_order(
    rules: list[dict[str, Any]], carts: list[list[NewLine]], seed: int
) -> None:
    balances = []
    for shuffled in (False, True):
        names = [f"m{n}" for n in range(len(carts))]
        store = a_store(*names)
        store.configure(*rules)
        orders = [
            store.order(f"o-{name}", tuple(cart), by=name)
            for name, cart in zip(names, carts, strict=True)
        ]
        if shuffled:
            random.Random(seed).shuffle(orders)
            for order in orders:
                store.buy(order)
        else:
            store.buy(*orders)
        balances.append([store.balance(name) for name in names])
    assert balances[0] == balances[1]


BERLIN = ZoneInfo("Europe/Berlin")


def wall(text: str, *, fold: int = 0) -> datetime:
    """Return an instant that the clocks of Berlin show."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


DAY_CAP = {"earn": PER_EURO, "caps": [{"per": "day", "points": 15}]}
MONTH_CAP = {"earn": PER_EURO, "caps": [{"per": "month", "points": 15}]}
YEAR_CAP = {"earn": PER_EURO, "caps": [{"per": "year", "points": 15}]}
NIGHT = {"earn": PER_EURO, "hours": [{"from": "02:00", "to": "03:00"}]}
LEAP_DAY = {"earn": PER_EURO, "dates": {"from": "2024-02-29", "to": "2024-03-01"}}


@pytest.mark.parametrize(
    ("rule", "instants", "expected"),
    [
        # a day ends at midnight of the program's time zone, not of UTC
        (DAY_CAP, ["2026-03-10 23:59:59", "2026-03-11 00:00:00"], [10, 10]),
        (DAY_CAP, ["2026-03-11 00:00:00", "2026-03-11 23:59:59"], [10, 5]),
        # 23 and 25 hours are a day, too
        (DAY_CAP, ["2026-03-29 00:30", "2026-03-29 23:30", "2026-03-30 00:00"], [10, 5, 10]),
        (DAY_CAP, ["2026-10-25 00:30", "2026-10-25 23:30", "2026-10-26 00:00"], [10, 5, 10]),
        (MONTH_CAP, ["2026-01-31 23:59", "2026-02-01 00:00", "2026-02-28 23:59"], [10, 10, 5]),
        (MONTH_CAP, ["2024-02-28 12:00", "2024-02-29 23:59", "2024-03-01 00:00"], [10, 5, 10]),
        (YEAR_CAP, ["2025-12-31 23:59", "2026-01-01 00:00"], [10, 10]),
        # the hour that is skipped has no instants, the one that comes twice has two
        (NIGHT, ["2026-03-29 01:59", "2026-03-29 03:00"], [0, 0]),
        (NIGHT, ["2026-10-25 01:59", "2026-10-25 02:30", "2026-10-25 02:30+", "2026-10-25 03:00"], [0, 10, 10, 0]),
        (LEAP_DAY, ["2024-02-28 23:59", "2024-02-29 00:00", "2024-03-01 00:00"], [0, 10, 0]),
    ],
)  # fmt: skip
def test_clocks(rule: dict[str, Any], instants: list[str], expected: list[int]) -> None:
    store = a_store(time_zone="Europe/Berlin")
    store.configure(rule, at=START - timedelta(days=1000))
    granted = []
    for n, text in enumerate(instants):
        at = wall(text.rstrip("+"), fold=int(text.endswith("+")))
        answer = store.bought(f"o-{n}", at=at)
        assert answer.decision is not None
        granted.append(answer.decision.points)
    assert granted == expected
