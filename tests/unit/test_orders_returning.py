"""Returns of an order: any number of them adds up to one of everything."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.orders import errors
from punchcard.orders.contents import NewLine, NewReturn, check_return
from punchcard.orders.order import OrderView
from punchcard.orders.rules.moving import MOVES, check_move
from punchcard.orders.rules.returning import Taken, take_back
from tests.unit.orders import NOON, an_order, line, part, standing, tender


def returning(*parts: str, shipping: int = 0, everything: bool = False) -> NewReturn:
    return NewReturn(
        order=UUID(int=2),
        external_id="r-1",
        occurred_at=NOON,
        lines=tuple(map(part, parts)),
        shipping=shipping,
        everything=everything,
    )


EVERYTHING = returning(everything=True)


def taken(order: OrderView, *asked: NewReturn) -> list[Taken]:
    found = []
    for one in asked:
        found.append(take_back(order=order, asked=one))
        order = found[-1].after
    return found


TABLE = """
    of        | returns              | amounts back | shares back
    3x100     | 1x1, 1x1, 1x1        | 100 100 100  | 1/3 2/3 1
    3x34 -2   | 1x1, 1x1, 1x1        | 33 33 34     | 1/3 2/3 1
    3x34 -2   | 1x2, 1x1             | 66 34        | 2/3 1
    7x2 -3    | 1x1, 1x1, 1x5        | 1 2 8        | 1/7 2/7 1
    3x34 -2   | 1=10, 1x1, 1x2       | 10 30 60     | 1/10 2/5 1
    3x34 -2   | 1x1, 1=10, 1x1, 1x1  | 33 10 28 29  | 1/3 43/100 143/200 1
    1x100     | 1=40, 1=60           | 40 60        | 2/5 1
    1x100     | 1=40, 1x1            | 40 60        | 2/5 1
    2x0       | 1x1, 1x1             | 0 0          | 1/2 1
"""


@pytest.mark.parametrize("row", TABLE.strip().splitlines()[1:], ids=str.strip)
def test_the_cumulative_share_is_rounded_and_what_came_back_subtracted(
    row: str,
) -> None:
    of, returns, amounts, shares = (cell.strip() for cell in row.split("|"))
    order = standing(an_order(line(of)))
    found = taken(order, *(returning(text) for text in returns.split(", ")))
    assert [one.amount for one in found] == [int(text) for text in amounts.split()]
    assert [one.after.lines[0].returned_share for one in found] == [
        Fraction(text) for text in shares.split()
    ]
    statuses = [one.after.status for one in found]
    assert statuses == ["partially_returned"] * (len(found) - 1) + ["returned"]
    assert found[-1].after.returned_amount == order.total


def test_tax_that_comes_on_top_goes_back_with_its_share() -> None:
    order = standing(an_order(line("3x100 tax50"), tax_included=False))
    found = taken(order, *(returning("1x1") for _ in range(3)))
    assert [one.lines[0].tax for one in found] == [16, 17, 17]
    assert [one.amount for one in found] == [116, 117, 117]


def test_shipping_comes_back_when_it_is_named_or_with_everything() -> None:
    order = standing(an_order(line("2x100"), shipping=50))
    first, second = taken(order, returning(shipping=20), returning("1x1"))
    assert (first.amount, first.shipping, first.lines) == (20, 20, ())
    assert order.returned_shipping_share == 0
    assert first.after.returned_shipping_share == Fraction(2, 5)
    assert (second.amount, second.shipping) == (100, 0)
    assert take_back(order=second.after, asked=EVERYTHING).amount == 130
    kept = take_back(order=second.after, asked=returning("1x1")).after
    assert (kept.status, kept.returned_amount, kept.total) == ("returned", 220, 250)


def test_each_tender_gets_its_part_back() -> None:
    paid = tuple(map(tender, ("card=500", "points=250", "voucher=250")))
    order = standing(an_order(line("3x300"), line("1x100"), tenders=paid))
    first, second = taken(order, returning("1x1", "2=1"), EVERYTHING)
    assert [(one.tender, one.amount) for one in first.tenders] == [
        (1, 151),
        (2, 75),
        (3, 75),
    ]
    assert [(one.tender, one.amount) for one in second.tenders] == [
        (1, 349),
        (2, 175),
        (3, 175),
    ]
    assert [one.returned_share for one in first.after.tenders] == [
        Fraction(151, 500),
        Fraction(3, 10),
        Fraction(3, 10),
    ]
    assert all(one.returned_share == 1 for one in second.after.tenders)


REFUSED = """
    3x100 | 1x4            | exceeds_order lines/0/quantity 4 3
    3x100 | 1=301          | exceeds_order lines/0/amount 301 300
    3x100 | 2x1            | line_not_found
    3x100 | 0x1            | line_not_found
    3x0   | 1=1            | exceeds_order lines/0/amount 1 0
"""


@pytest.mark.parametrize("row", REFUSED.strip().splitlines(), ids=str.strip)
def test_no_more_comes_back_than_was_bought(row: str) -> None:
    of, asked, said = (cell.strip() for cell in row.split("|"))
    with pytest.raises(errors.OrderRefused) as refused:
        take_back(order=standing(an_order(line(of))), asked=returning(asked))
    code, *data = said.split()
    assert refused.value.code == code
    if isinstance(refused.value, errors.ExceedsOrder):
        found = refused.value
        assert [found.field, str(found.asked), str(found.left)] == data


def test_no_more_shipping_comes_back_than_was_paid() -> None:
    order = standing(an_order(line("1x100"), shipping=5))
    with pytest.raises(errors.ExceedsOrder) as refused:
        take_back(order=order, asked=returning("1x1", shipping=6))
    assert (refused.value.field, refused.value.left) == ("shipping", 5)


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("lines", returning()),
        ("lines", returning("1x1", everything=True)),
        ("lines", returning(shipping=1, everything=True)),
        ("lines", returning("1x1", "1=2")),
        ("lines/0/quantity", returning("1x0")),
        ("lines/1/amount", returning("1x1", "2=0")),
        ("shipping", returning("1x1", shipping=-1)),
    ],
    ids=str,
)
def test_a_return_that_makes_no_sense_is_named_by_its_place(
    field: str, asked: NewReturn
) -> None:
    check_return(returning("1x1", "2=2"), now=NOON)
    with pytest.raises(errors.OrderMalformed) as refused:
        check_return(asked, now=NOON)
    assert refused.value.field == field


ALLOWED = {
    ("open", "paid"),
    ("open", "cancelled"),
    ("paid", "partially_returned"),
    ("paid", "returned"),
    ("paid", "cancelled"),
    ("paid", "reopened"),
    ("partially_returned", "partially_returned"),
    ("partially_returned", "returned"),
    ("partially_returned", "cancelled"),
    ("reopened", "paid"),
    ("reopened", "cancelled"),
}


def test_an_order_makes_these_moves_and_no_other() -> None:
    made = set()
    for status in MOVES:
        for to in MOVES:
            try:
                check_move(status=status, to=to)
            except errors.OrderCannotMove as refused:
                assert (refused.status, refused.to) == (status, to)
            else:
                made.add((status, to))
    assert made == ALLOWED


BOUGHT = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 1000), st.integers(0, 99)),
    min_size=1,
    max_size=4,
)


@st.composite
def splits(draw: st.DrawFn) -> tuple[OrderView, list[str]]:
    """An order, and all its units in single returns, in some order."""
    bought = draw(BOUGHT)
    lines = [
        NewLine(quantity=q, unit_price=price, discount=min(off, q * price))
        for q, price, off in bought
    ]
    units = [f"{n}x1" for n, (q, _, _) in enumerate(bought, 1) for _ in range(q)]
    total = sum(one.quantity * one.unit_price - one.discount for one in lines)
    points = draw(st.integers(0, total))
    tenders = [
        tender(f"{kind}={amount}")
        for kind, amount in (("card", total - points), ("points", points))
        if amount
    ]
    order = standing(an_order(*lines, tenders=tuple(tenders)))
    return order, draw(st.permutations(units))


@given(splits())
def test_any_order_of_partial_returns_adds_up_to_everything(
    split: tuple[OrderView, list[str]],
) -> None:
    order, units = split
    found = taken(order, *map(returning, units))
    last = found[-1].after
    whole = take_back(order=order, asked=EVERYTHING).after
    assert last.status == whole.status == "returned"
    assert [(one.returned_amount, one.returned_share) for one in last.lines] == [
        (one.amount, 1) for one in order.lines
    ]
    assert last.tenders == whole.tenders
    assert sum(one.amount for one in found) == order.total == whole.returned_amount
    for one in found:
        assert sum(back.amount for back in one.tenders) == one.amount
        assert all(back.amount > 0 for back in one.tenders)
        assert all(back.returned <= back.amount for back in one.after.tenders)


@given(
    st.integers(1, 8),
    st.integers(0, 5000),
    st.lists(
        st.one_of(
            st.integers(1, 8).map("1x{}".format), st.integers(1, 900).map("1={}".format)
        ),
        max_size=8,
    ),
)
def test_whatever_comes_back_first_the_rest_comes_back_last(
    quantity: int, amount: int, asked: list[str]
) -> None:
    order = standing(
        an_order(
            NewLine(
                unit_price=amount, quantity=quantity, discount=amount * (quantity - 1)
            )
        )
    )
    share = Fraction(0)
    for text in asked:
        try:
            order = take_back(order=order, asked=returning(text)).after
        except errors.OrderRefused:
            continue
        assert share < order.lines[0].returned_share <= 1
        share = order.lines[0].returned_share
    if order.status != "returned":
        order = take_back(order=order, asked=EVERYTHING).after
    assert (order.status, order.returned_amount) == ("returned", amount)


def test_units_come_back_alike_in_whatever_order_lines_take_turns() -> None:
    order = standing(an_order(line("2x33 -1"), line("1x10"), line("3x7")))
    asked = [returning("1x1"), returning("1x1"), returning("2x1"), returning("3x2")]
    ends = [taken(order, *turn)[-1].after for turn in permutations(asked)]
    assert all(end.lines == ends[0].lines for end in ends)
