"""Returns in the database: twice is once, and what is back is what returns brought."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from punchcard.kernel.ids import new_id
from punchcard.orders import errors, queries
from tests.builders import rows
from tests.database.shop import Shop, a_shop, moving, returning
from tests.sizes import size


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def stands(shop: Shop, order: queries.OrderView) -> queries.OrderView:
    return queries.get_order(program=shop.program, order=order.id)


def returns_of(shop: Shop, order: queries.OrderView) -> list[queries.ReturnView]:
    return queries.list_returns(program=shop.program, order=order.id, limit=100)


def announced(shop: Shop) -> list[tuple[Any, ...]]:
    return rows(
        "SELECT data->>'status', (data->>'amount')::bigint,"
        " (data->>'returned_amount')::bigint FROM kernel_outbox"
        " WHERE program_id = %s AND type = 'order.returned' ORDER BY n",
        (shop.program,),
    )


def test_a_return_is_read_as_it_was_decided(shop: Shop) -> None:
    order = shop.recorded("o", "3x300, 1x100", paid="card=750, points=250")
    (answer,) = shop.give_back(returning(order.id, "r", "1x2, 2=40"))
    assert (answer.created, answer.before) == (True, order)
    assert answer.returned is not None
    found = queries.get_return(program=shop.program, returned=answer.returned.id)
    assert found == answer.returned
    assert [(one.line, one.quantity, one.amount) for one in found.lines] == [
        (1, 2, 600),
        (2, 0, 40),
    ]
    assert [(one.tender, one.amount) for one in found.tenders] == [(1, 480), (2, 160)]
    assert (found.n, found.amount, found.shipping) == (1, 640, 0)
    assert stands(shop, order) == answer.order
    assert answer.order is not None
    assert answer.order.status == "partially_returned"
    assert announced(shop) == [("partially_returned", 640, 640)]


def test_several_returns_of_one_order_in_one_batch_go_on_from_each_other(
    shop: Shop,
) -> None:
    order = shop.recorded("o", "3x34 -2", shipping=7)
    answers = shop.give_back(
        returning(order.id, "a", "1x1"),
        returning(order.id, "b", "1x3"),
        returning(order.id, "c", "1x1"),
        returning(order.id, "a", "1x1"),
        returning(order.id, "d"),
        returning(order.id, "e", "1x1"),
    )
    said = [
        one.refusal.code if one.refusal else (one.returned.amount, one.created)
        for one in answers
    ]
    assert said == [
        (33, True),
        "exceeds_order",
        (33, True),
        (33, False),
        (41, True),
        "order_cannot_move",
    ]
    after = stands(shop, order)
    assert (after.status, after.returns, after.returned_amount) == ("returned", 3, 107)
    assert (after.returned_shipping, after.version) == (7, 4)
    assert [one.external_id for one in returns_of(shop, order)] == ["a", "c", "d"]
    second = queries.list_returns(
        program=shop.program, order=order.id, limit=1, after=1
    )
    assert [one.external_id for one in second] == ["c"]
    assert [amount for _, amount, _ in announced(shop)] == [33, 33, 41]


def test_told_again_it_is_the_return_that_is_there(shop: Shop) -> None:
    order = shop.recorded("o", "3x100")
    (first,) = shop.give_back(returning(order.id, "r", "1x1"))
    (again,) = shop.give_back(returning(order.id, "r", "1x1"))
    assert (again.created, again.returned, again.refusal) == (
        False,
        first.returned,
        None,
    )
    assert again.before == again.order == first.order == stands(shop, order)
    assert len(returns_of(shop, order)) == len(announced(shop)) == 1


def test_told_otherwise_it_is_refused_and_nothing_comes_back(shop: Shop) -> None:
    order, other = shop.recorded("o", "3x100"), shop.recorded("p", "3x100")
    (first,) = shop.give_back(returning(order.id, "r", "1x1"))
    before = stands(shop, order)
    for asked in (
        returning(order.id, "r", "1x2"),
        returning(order.id, "r", "1=100"),
        returning(order.id, "r"),
        returning(other.id, "r", "1x1"),
    ):
        (answer,) = shop.give_back(asked)
        assert isinstance(answer.refusal, errors.ReturnReused)
        assert first.returned is not None
        assert answer.refusal.returned == first.returned.id
    assert stands(shop, order) == before
    assert stands(shop, other) == other


NOT_RETURNABLE = ["open", "cancelled", "reopened"]


@pytest.mark.parametrize("status", NOT_RETURNABLE)
def test_nothing_comes_back_of_what_is_not_paid(shop: Shop, status: str) -> None:
    order = shop.recorded("o", status="open" if status == "open" else "paid")
    if status != "open":
        shop.move(moving(order.id, status))
    (answer,) = shop.give_back(returning(order.id, "r"))
    assert isinstance(answer.refusal, errors.OrderCannotMove)
    assert answer.refusal.status == status
    assert returns_of(shop, order) == []
    # The external id is still free.
    other = shop.recorded("p")
    assert shop.give_back(returning(other.id, "r"))[0].created


def test_what_was_refused_stops_nobody_else(shop: Shop) -> None:
    order, other = shop.recorded("o", "2x50"), shop.recorded("p", "2x50")
    answers = shop.give_back(
        returning(order.id, "1", "1x3"),
        returning(order.id, "2", "9x1"),
        returning(shop.program, "3"),
        returning(order.id, "", "1x1"),
        returning(other.id, "5", "1x1"),
    )
    codes = [one.refusal.code if one.refusal else "done" for one in answers]
    assert codes == [
        "exceeds_order",
        "line_not_found",
        "order_not_found",
        "malformed",
        "done",
    ]
    assert stands(shop, order) == order


def test_a_return_of_nothing_that_cost_something_gives_nothing_back(shop: Shop) -> None:
    order = shop.recorded("o", "2x0, 1x5")
    (answer,) = shop.give_back(returning(order.id, "r", "1x2"))
    assert answer.returned is not None
    assert (answer.returned.amount, answer.returned.tenders) == (0, ())
    shop.give_back(returning(order.id, "s"))
    assert stands(shop, order).status == "returned"


def test_returns_of_another_program_are_not_found(shop: Shop) -> None:
    order = shop.recorded("o")
    (answer,) = shop.give_back(returning(order.id, "r"))
    assert answer.returned is not None
    theirs = a_shop()
    with pytest.raises(errors.ReturnNotFound):
        queries.get_return(program=theirs.program, returned=answer.returned.id)
    assert queries.list_returns(program=theirs.program, order=order.id, limit=9) == []
    assert queries.find_returns(program=theirs.program, external_ids=["r"]) == {}
    found = queries.find_returns(program=shop.program, external_ids=["r", "\0"])
    assert found == {"r": answer.returned.id}


@settings(
    max_examples=size(15, 500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 500), st.integers(0, 50)),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 50),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_whatever_comes_back_the_guards_let_it_pass_and_it_adds_up(
    shop: Shop,
    lines: list[tuple[int, int, int]],
    shipping: int,
    inside: bool,
    dice: Any,
) -> None:
    text = ", ".join(f"{q}x{price} tax{min(tax, q * price)}" for q, price, tax in lines)
    name = f"o{new_id()}"
    order = shop.recorded(name, text, shipping=shipping, tax_included=inside)
    units = [n for n, (q, _, _) in enumerate(lines, 1) for _ in range(q)]
    dice.shuffle(units)
    back = 0
    for place, unit in enumerate(units):
        left = stands(shop, order).lines[unit - 1]
        rest = left.amount - left.returned_amount
        by_amount = dice.random() < 0.3 and rest > 1
        asked = f"{unit}={dice.randint(1, rest - 1)}" if by_amount else f"{unit}x1"
        (answer,) = shop.give_back(returning(order.id, f"{name}/{place}", asked))
        assert answer.returned is not None, answer.refusal
        back += answer.returned.amount
    if stands(shop, order).status != "returned":
        (answer,) = shop.give_back(returning(order.id, f"{name}/rest"))
        assert answer.returned is not None, answer.refusal
        back += answer.returned.amount
    after = stands(shop, order)
    kept = after.shipping - after.returned_shipping
    assert (after.status, back) == ("returned", order.total - kept)
    assert all(one.returned_share == 1 for one in after.lines)
    assert all(one.returned_tax == one.tax for one in after.lines)
