"""Answers that others have published, or got wrong: each through the whole journey."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from punchcard.ledger.commands import Earn, Redeem
from punchcard.ledger.queries import list_entries
from punchcard.orders.operations import NewLine, NewTender
from tests.database.shop import moving
from tests.journeys.store import PER_EURO, Store, a_store

VECTORS = Path(__file__).parents[3] / "shared/data/vectors/earning.json"


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def test_v3_a_point_for_each_ten_dollars_of_105_is_10() -> None:
    store = a_store()
    store.configure({"earn": PER_EURO | {"per": 1000, "whole_steps": True}})
    store.bought("o-1", "1x10500")
    assert store.balance() == 10


@pytest.mark.parametrize(
    ("validity", "earned", "ends"),
    [
        # V4: Square, P12M earned on 6 July 2020 ends with 31 July 2021
        ("P12M/month", "2020-07-06", "2021-08-01"),
        # V5: Voucherify; usable through a day is until the next midnight
        ("P1M/day", "2026-01-25", "2026-02-26"),
        ("P1M/day", "2026-01-31", "2026-03-01"),
        ("/day", "2026-01-25", "2026-01-26"),
        ("P1M/month", "2026-01-25", "2026-03-01"),
        # and the day that there is every fourth year
        ("P12M/day", "2024-02-29", "2025-03-01"),
        ("P1M/month", "2024-01-31", "2024-03-01"),
    ],
)
def test_v4_and_v5_points_end_when_they_were_said_to(
    validity: str, earned: str, ends: str
) -> None:
    for where in ("wallet", "rule"):
        store = a_store(validity=validity if where == "wallet" else "P3D")
        rule: dict[str, Any] = {"earn": PER_EURO}
        if where == "rule":
            rule["validity"] = validity
        store.configure(rule, at=at("2020-01-01"))
        (entry,) = store.bought("o-1", at=at(f"{earned}T10:30")).entries
        assert entry.expires_at == at(ends)


def v7(store: Store) -> Any:
    rules = [
        {
            "earn": {"kind": "fixed", "points": points},
            "lines": {"include": {"sku": [sku]}},
        }
        for points, sku in ((10, "A"), (20, "B"))
    ]
    store.configure(*rules, {"earn": PER_EURO})
    lines = tuple(
        NewLine(sku=sku, unit_price=price)
        for sku, price in (("A", 1000), ("B", 1000), ("C", 2000))
    )
    return store.bought("o-1", lines)


def test_v7_a_partial_return_takes_what_its_line_earned_and_no_share_of_all() -> None:
    store = a_store()
    order = v7(store)
    assert store.balance() == 70
    back = store.brought_back(order, "r-1", "3x1")
    assert sum(one.points for one in back.taken) == 20
    store.brought_back(order, "r-2")
    assert store.balance() == 0


def test_v8_points_that_paid_and_points_that_were_earned_do_not_meet() -> None:
    store = a_store()
    store.configure({"id": "base", "earn": PER_EURO})
    account = store.account().account
    store.post(Earn(account=account, points=50, source="bonus", key="sign-up"))
    (spent,) = store.post(Redeem(account=account, points=50, key="o-1"))
    assert spent.entry is not None
    tenders = (
        NewTender(
            kind="points", amount=50, account=account, sequence=spent.entry.sequence
        ),
        NewTender(kind="card", amount=2100),
    )
    order = store.bought("o-1", "1x2150", tenders=tenders)
    assert store.balance() == 21
    assert order.order is not None
    store.move(moving(order.order.id, "cancelled"))
    assert store.balance() == 50


def test_v9_what_was_spent_does_not_lapse() -> None:
    store = a_store(validity="P30D", grace="P0D")
    store.configure({"id": "base", "earn": PER_EURO})
    start = at("2026-01-01")
    store.now = start
    store.bought("o-1", "1x10000", at=start)
    account = store.account().account
    store.post(Redeem(account=account, points=100, key="all"))
    store.now = start + timedelta(days=20)
    store.bought("o-2", "1x5000", at=store.now)
    store.now = start + timedelta(days=40)
    store.bought("o-3", "1x0", at=store.now)
    store.bought("o-4", "1x100", at=store.now)
    assert store.balance() == 51
    types = [one.type for one in list_entries(account=account, limit=9)]
    assert "expire" not in types


def test_v10_a_product_returned_without_its_reward_line_is_taken_once() -> None:
    store = a_store()
    store.configure({"id": "base", "earn": PER_EURO})
    order = store.bought("o-1", "1x5000, 1x900 -900")
    assert store.balance() == 50
    back = store.brought_back(order, "r-1", "1x1")
    assert sum(one.points for one in back.taken) == 50
    rest = store.brought_back(order, "r-2")
    assert (rest.taken, store.balance()) == ((), 0)


CASES: dict[str, tuple[list[dict[str, Any]], int]] = {
    "all lines, 4 pts/unit": ([{"per_unit": 4}], 608),
    "exclude sku 000": ([{"per_unit": 4, "exclude_sku": ["000"]}], 208),
    "exclude label red": ([{"per_unit": 4, "exclude_label": ["red"]}], 560),
    "exclude label red and delivery": (
        [{"per_unit": 4, "exclude_label": ["red"], "exclude_delivery": True}],
        400,
    ),
    "sku bonus 200": ([{"bonus": 200, "sku": ["000"]}], 200),
    "two spend rules 10 and 4 add up": ([{"per_unit": 10}, {"per_unit": 4}], 2128),
    "bonus 100 + spend 4": ([{"bonus": 100, "sku": ["123"]}, {"per_unit": 4}], 708),
    "x3 on sku 123": ([{"per_unit": 4}, {"multiply": 3, "sku": ["123"]}], 704),
    "x3 on label red": ([{"per_unit": 4}, {"multiply": 3, "label": ["red"]}], 704),
    "min order 100": ([{"per_unit": 4, "min_order": 100}], 608),
    "min order 300": ([{"per_unit": 4, "min_order": 300}], 0),
    "all together": (
        [
            {"per_unit": 4},
            {"per_unit": 10},
            {"multiply": 3, "label": ["red"]},
            {"multiply": 5, "label": ["blue"]},
            {"bonus": 200, "sku": ["000"]},
        ],
        8264,
    ),
}
"""Open Loyalty's evaluator; labels are brands here, delivery is a category."""


def ours(said: dict[str, Any]) -> dict[str, Any]:
    """Return our rule for one of the vectors' words."""
    rule: dict[str, Any] = {}
    if "per_unit" in said:
        rule["earn"] = PER_EURO | {"points": said["per_unit"]}
    elif "bonus" in said:
        rule["earn"] = {"kind": "fixed", "points": said["bonus"]}
    else:
        rule["earn"] = {"kind": "multiply", "factor": said["multiply"]}
    lines: dict[str, dict[str, list[str]]] = {"include": {}, "exclude": {}}
    for place, word, name in (
        ("include", "sku", "sku"),
        ("include", "label", "brand"),
        ("exclude", "exclude_sku", "sku"),
        ("exclude", "exclude_label", "brand"),
    ):
        if word in said:
            lines[place][name] = said[word]
    if said.get("exclude_delivery"):
        lines["exclude"]["category"] = ["delivery"]
    if any(lines.values()):
        rule["lines"] = {place: of for place, of in lines.items() if of}
    if "min_order" in said:
        rule["order"] = {"min": said["min_order"] * 100}
    return rule


CART = (
    NewLine(sku="123", unit_price=1200, brand="red"),
    NewLine(sku="000", unit_price=10000, brand="blue"),
    NewLine(sku="0001", unit_price=4000, category="delivery"),
)


@pytest.mark.parametrize("name", CASES)
def test_open_loyalty_s_vectors(name: str) -> None:
    rules, points = CASES[name]
    store = a_store()
    store.configure(*[ours(rule) for rule in rules])
    order = store.bought("o-1", CART)
    assert store.balance() == points
    store.brought_back(order, "r-1")
    assert store.balance() == 0


def test_the_vectors_are_those_that_are_published() -> None:
    if not VECTORS.exists():
        assert len(CASES) == 12
        return
    given = json.loads(VECTORS.read_text())
    assert {
        case["name"]: (case["rules"], case["points"]) for case in given["cases"]
    } == CASES
    (seed,) = [one for one in given["rounding"] if one["source"] == "seed 001"]
    for cents, points in seed["cases"]:
        assert cents // 100 * 10 == points


@pytest.mark.parametrize(
    ("cents", "points"), [(0, 0), (99, 0), (100, 10), (199, 10), (12345, 1230)]
)
def test_ten_points_per_whole_dollar(cents: int, points: int) -> None:
    store = a_store()
    store.configure({"earn": PER_EURO | {"points": 10, "whole_steps": True}})
    store.bought("o-1", f"1x{cents}")
    assert store.balance() == points


def test_a_discount_of_the_order_is_spread_to_the_minor_unit() -> None:
    """django-oscar: 4.00 off three lines of 2.00 is 1.33, 1.33 and 1.34."""
    store = a_store()
    store.configure({"earn": PER_EURO | {"per": 1}})
    order = store.bought("o-1", "1x200, 1x200, 1x200", discount=400)
    assert order.order is not None
    parts = sorted(line.shared_discount for line in order.order.lines)
    assert parts == [133, 133, 134]
    taken = []
    for n, line in enumerate(order.order.lines, 1):
        back = store.brought_back(order, f"r-{n}", f"{n}x1")
        assert Fraction(sum(one.points for one in back.taken)) == line.amount
        taken.append(line.amount)
    assert (sum(taken), store.balance()) == (200, 0)
