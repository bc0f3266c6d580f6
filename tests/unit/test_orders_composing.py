"""What an order comes to: sums balance to the minor unit, or it is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.orders import errors
from punchcard.orders.contents import (
    NewLine,
    NewOrder,
    NewTender,
    check_order,
    fingerprint_order,
)
from punchcard.orders.rules.composing import compose
from tests.unit.orders import NOON, an_order, line, tender

TOTALS = """
    lines                 | order                | total | amounts     | shared
    1x1000                |                      |  1000 | 1000        | 0
    3x250 -50             |                      |   700 | 700         | 0
    1x1000, 2x500         | shipping=490         |  2490 | 1000 1000   | 0 0
    1x100, 1x100, 1x100   | discount=10          |   290 | 96 97 97    | 4 3 3
    1x1, 1x2, 1x3         | discount=2           |     4 | 1 1 2       | 0 1 1
    1x1000 -1000, 1x500   | discount=100         |   400 | 0 400       | 0 100
    1x1000 tax160         | tax_included=0       |  1160 | 1000        | 0
    1x1000 tax160         | tax_included=1       |  1000 | 1000        | 0
    1x0                   |                      |     0 | 0           | 0
                          | total=700            |   700 | 700         | 0
                          | total=700 shipping=200 | 700 | 500         | 0
                          | total=0              |     0 | 0           | 0
"""


def said(text: str) -> dict[str, Any]:
    pairs = (word.split("=") for word in text.split())
    return {name: int(value) for name, value in pairs}


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")]


@pytest.mark.parametrize("row", TOTALS.strip().splitlines()[1:], ids=str.strip)
def test_an_order_comes_to_its_total(row: str) -> None:
    lines, about, total, amounts, shared = cells(row)
    about = said(about)
    about["tax_included"] = bool(about.get("tax_included", True))
    order = an_order(*(line(text) for text in lines.split(", ") if text), **about)
    composed = compose(order=order)
    assert composed.total == int(total)
    assert [one.amount for one in composed.lines] == said_numbers(amounts)
    assert [one.shared_discount for one in composed.lines] == said_numbers(shared)
    assert [one.n for one in composed.lines] == [*range(1, len(composed.lines) + 1)]
    assert sum(one.amount for one in composed.tenders) == composed.total
    assert all(one.kind == "other" and one.is_money for one in composed.tenders)


def said_numbers(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def test_what_was_not_paid_yet_has_no_tender() -> None:
    assert compose(order=an_order(line("1x5"), status="open")).tenders == ()


def test_the_total_of_lines_is_compared_and_the_difference_told() -> None:
    with pytest.raises(errors.TotalDiffers) as refused:
        compose(order=an_order(line("2x500"), shipping=10, total=1000))
    assert (refused.value.sum, refused.value.difference) == (1010, -10)
    assert compose(order=an_order(line("2x500"), total=1000)).total == 1000


@pytest.mark.parametrize("status", ["open", "paid"])
def test_tenders_must_add_up_to_the_total(status: str) -> None:
    paid = (tender("card=600"), tender("points=300"))
    with pytest.raises(errors.TendersDiffer) as refused:
        compose(order=an_order(line("1x1000"), tenders=paid, status=status))
    assert (refused.value.tendered, refused.value.difference) == (900, 100)
    tenders = (*paid, tender("voucher=100"))
    composed = compose(order=an_order(line("1x1000"), tenders=tenders, status=status))
    assert [(one.n, one.kind, one.is_money) for one in composed.tenders] == [
        (1, "card", True),
        (2, "points", False),
        (3, "voucher", False),
    ]


MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("external_id", {"external_id": ""}),
    ("external_id", {"external_id": " o"}),
    ("external_id", {"external_id": "o\0"}),
    ("external_id", {"external_id": "o" * 201}),
    ("occurred_at", {"occurred_at": NOON + timedelta(seconds=1)}),
    ("occurred_at", {"occurred_at": NOON.replace(tzinfo=None)}),
    ("currency", {"currency": "eur"}),
    ("channel", {"channel": ""}),
    ("channel", {"channel": "a\nb"}),
    ("lines", {"lines": (line("1x1"),) * 1001}),
    ("lines/1/quantity", {"lines": (line("1x1"), line("0x1"))}),
    ("lines/0/quantity", {"lines": (line("-1x1"),)}),
    ("lines/0/unit_price", {"lines": (line("1x-1"),)}),
    ("lines/0/unit_price", {"lines": (line(f"10x{10**15}"),)}),
    ("lines/0/discount", {"lines": (line("2x5 -11"),)}),
    ("lines/0/tax", {"lines": (line("1x5 tax-1"),)}),
    ("lines/0/sku", {"lines": (NewLine(unit_price=1, sku=""),)}),
    ("shipping", {"shipping": -1}),
    ("discount", {"discount": -1}),
    ("total", {"total": 10**15 + 1}),
    ("total", {"lines": (), "total": None}),
    ("tenders", {"tenders": (tender("card=1"),) * 51}),
    ("tenders/0/amount", {"tenders": (tender("card=0"),)}),
    ("tenders/0/kind", {"tenders": (tender("gold=1"),)}),
    (
        "tenders/0",
        {"tenders": (NewTender(kind="points", amount=1, account=UUID(int=9)),)},
    ),
    (
        "tenders/0",
        {
            "tenders": (
                NewTender(kind="card", amount=1, account=UUID(int=9), sequence=1),
            )
        },
    ),
]


@pytest.mark.parametrize(("field", "said"), MALFORMED, ids=str)
def test_what_makes_no_sense_is_named_by_its_place(
    field: str, said: dict[str, Any]
) -> None:
    order = an_order(line("1x5"))
    check_order(order, now=NOON)
    with pytest.raises(errors.OrderMalformed) as refused:
        check_order(an_order(**{"lines": order.lines} | said), now=NOON)
    assert refused.value.field == field


COMPOSED_WRONG: list[tuple[str, NewOrder]] = [
    ("discount", an_order(line("1x5"), discount=6)),
    ("lines/1/tax", an_order(line("1x5"), line("1x5 tax6"))),
    ("lines/0/tax", an_order(line("1x10 tax6"), discount=5)),
    ("shipping", an_order(total=5, shipping=6)),
    ("total", an_order(line(f"1x{10**15}"), shipping=1)),
]


@pytest.mark.parametrize(("field", "order"), COMPOSED_WRONG, ids=str)
def test_more_is_not_taken_off_than_there_is(field: str, order: NewOrder) -> None:
    check_order(order, now=NOON)
    with pytest.raises(errors.OrderMalformed) as refused:
        compose(order=order)
    assert refused.value.field == field


def test_two_deliveries_are_one_order_whatever_their_status_and_time_zone() -> None:
    order = an_order(line("1x5"))
    from zoneinfo import ZoneInfo

    berlin = NOON.astimezone(ZoneInfo("Europe/Berlin"))
    same = [
        an_order(line("1x5"), status="open"),
        an_order(line("1x5"), occurred_at=berlin),
        an_order(line("1x5"), tenders=(tender("cash=5"),)),
    ]
    assert {fingerprint_order(one) for one in same} == {fingerprint_order(order)}
    other = [
        an_order(line("1x6")),
        an_order(line("1x5"), line("1x5")),
        an_order(line("1x5"), member=UUID(int=7)),
        an_order(line("1x5"), currency="USD"),
        an_order(line("1x5"), occurred_at=NOON - timedelta(seconds=1)),
    ]
    assert len({fingerprint_order(one) for one in (order, *other)}) == 6


LINES = st.lists(
    st.tuples(st.integers(1, 50), st.integers(0, 10**6), st.integers(0, 10**6)),
    min_size=1,
    max_size=12,
)


@given(LINES, st.integers(0, 10**6), st.integers(0, 10**4))
def test_the_parts_always_add_up(
    lines: list[tuple[int, int, int]], discount: int, shipping: int
) -> None:
    made = [
        NewLine(quantity=q, unit_price=price, discount=min(off, q * price))
        for q, price, off in lines
    ]
    rest = sum(one.quantity * one.unit_price - one.discount for one in made)
    off = min(discount, rest)
    composed = compose(order=an_order(*made, discount=off, shipping=shipping))
    assert composed.total == rest - off + shipping
    assert sum(one.shared_discount for one in composed.lines) == off
    assert all(one.amount >= 0 for one in composed.lines)
    turned = compose(order=an_order(*made[::-1], discount=off, shipping=shipping))
    assert turned.total == composed.total
