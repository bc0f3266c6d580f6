"""What is said of orders over HTTP becomes what their room takes, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from punchcard.interfaces.api.order_problems import order_problem, refusal_of
from punchcard.interfaces.api.references import NOBODY
from punchcard.interfaces.api.v1.order_bodies import (
    ActivityBody,
    MoveBody,
    OrderBody,
    PayBody,
    ReturnBody,
)
from punchcard.interfaces.api.v1.order_translating import (
    Known,
    new_activity,
    new_move,
    new_order,
    new_return,
)
from punchcard.orders import errors
from punchcard.orders.contents import (
    Move,
    NewActivity,
    NewLine,
    NewOrder,
    NewReturn,
    NewTender,
    ReturnedPart,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNA, ACCOUNT, PLACE, ORDER = (UUID(int=n) for n in range(1, 5))
NAME = "acc_00000000000000000000000002"
KNOWN = Known(members={"ext:anna": ANNA}, accounts={NAME: ACCOUNT})
LEAST: dict[str, Any] = {
    "external_id": "1017",
    "member": "ext:anna",
    "occurred_at": "2026-03-01T13:00:00+01:00",
    "currency": "EUR",
}


def read(kind: type[Any], said: dict[str, Any]) -> Any:
    """Read a body as it comes: as JSON."""
    return msgspec.json.decode(msgspec.json.encode(said), type=kind)


def translated(**said: Any) -> NewOrder:
    body = read(OrderBody, LEAST | said)
    return new_order(body, known=KNOWN, place=None)


def test_what_is_left_out_is_what_the_room_takes_for_it() -> None:
    assert translated() == NewOrder(
        external_id="1017", member=ANNA, occurred_at=NOON, currency="EUR"
    )
    assert translated(lines=[{"unit_price": 5}]).lines == (NewLine(unit_price=5),)


def test_all_that_is_said_of_an_order_is_passed_on() -> None:
    line = {
        "sku": "s",
        "name": "n",
        "category": "c",
        "brand": "b",
        "quantity": 2,
        "unit_price": 3,
        "discount": 1,
        "tax": 4,
    }
    said = {
        "status": "open",
        "lines": [line],
        "shipping": 7,
        "discount": 2,
        "total": 10,
        "tax_included": False,
        "tenders": [
            {"kind": "points", "amount": 4, "entry": f"{NAME}/17"},
            {"kind": "card", "amount": 6},
        ],
        "channel": "web",
    }
    body = read(OrderBody, LEAST | said)
    assert {*LEAST, *said, "place"} == set(OrderBody.__struct_fields__)
    assert new_order(body, known=KNOWN, place=PLACE) == NewOrder(
        external_id="1017",
        member=ANNA,
        occurred_at=NOON,
        currency="EUR",
        status="open",
        lines=(NewLine(**line),),
        shipping=7,
        discount=2,
        total=10,
        tax_included=False,
        tenders=(
            NewTender(kind="points", amount=4, account=ACCOUNT, sequence=17),
            NewTender(kind="card", amount=6),
        ),
        channel="web",
        place=PLACE,
    )


def test_an_instant_is_told_in_utc_whatever_its_offset() -> None:
    assert translated().occurred_at.tzinfo is UTC
    assert translated(occurred_at="2026-03-01T12:00:00Z") == translated()


def test_an_instant_that_utc_does_not_have_is_at_the_edge_of_it() -> None:
    first = translated(occurred_at="0001-01-01T00:00:00+14:00").occurred_at
    last = translated(occurred_at="9999-12-31T23:59:59-14:00").occurred_at
    assert (first, last) == (
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    )


def test_who_is_not_known_is_nobody() -> None:
    assert translated(member="ext:bert").member == NOBODY
    tender = {"kind": "points", "amount": 1, "entry": "ext:bert@points/3"}
    assert translated(tenders=[tender]).tenders == (
        NewTender(kind="points", amount=1, account=NOBODY, sequence=3),
    )


WRONG = [
    {"currency": 978},
    {"total": "10"},
    {"total": 10.5},
    {"status": "cancelled"},
    {"occurred_at": "2026-03-01T12:00:00"},
    {"occurred_at": 0},
    {"lines": [{"unit_price": 5, "price": 5}]},
    {"lines": [{"sku": "beans"}]},
    {"tenders": [{"kind": "gold", "amount": 5}]},
    {"tenders": [{"kind": "points", "amount": 5, "entry": "17"}]},
    {"tenders": [{"kind": "points", "amount": 5, "entry": f"{NAME}/17x"}]},
    {"tenders": [{"kind": "points", "amount": 5, "entry": f"{NAME}/"}]},
    {"place": "Old Town"},
    {"amount": {"amount": 5, "currency": "EUR"}},
]


@pytest.mark.parametrize("said", WRONG, ids=str)
def test_what_is_of_another_type_is_not_read(said: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(OrderBody, LEAST | said)


def test_a_move_is_now_where_nothing_else_is_said() -> None:
    def moved(body: Any, to: Any) -> Move:
        return new_move(body, order=ORDER, to=to, known=KNOWN, now=NOON)

    assert moved(PayBody(), "paid") == Move(order=ORDER, to="paid", at=NOON)
    cancelled = moved(read(MoveBody, {"at": "2026-02-01T00:00:00+01:00"}), "cancelled")
    assert cancelled.at == datetime(2026, 1, 31, 23, tzinfo=UTC)
    paid = moved(read(PayBody, {"tenders": [{"kind": "cash", "amount": 5}]}), "paid")
    assert paid.tenders == (NewTender(kind="cash", amount=5),)
    with pytest.raises(msgspec.ValidationError):
        read(MoveBody, {"tenders": []})


def test_all_that_is_said_of_a_return_is_passed_on() -> None:
    least = {"external_id": "R-1", "occurred_at": "2026-03-01T12:00:00Z"}
    parts = [{"line": 1, "quantity": 2}, {"line": 2, "amount": 50}]
    body = read(ReturnBody, least | {"lines": parts, "shipping": 5})
    assert new_return(body, order=ORDER) == NewReturn(
        order=ORDER,
        external_id="R-1",
        occurred_at=NOON,
        lines=(
            ReturnedPart(line=1, quantity=2),
            ReturnedPart(line=2, amount=50),
        ),
        shipping=5,
    )
    whole = new_return(read(ReturnBody, least | {"everything": True}), order=ORDER)
    assert whole.everything
    assert whole.lines == ()


def test_all_that_is_said_of_an_activity_is_passed_on() -> None:
    facts = {"stars": 5, "text": "Good", "verified": True}
    said = {name: LEAST[name] for name in ("external_id", "member", "occurred_at")}
    body = read(ActivityBody, said | {"type": "review", "facts": facts})
    activity = new_activity(body, known=KNOWN, place=PLACE)
    assert activity == NewActivity(
        external_id="1017",
        member=ANNA,
        type="review",
        occurred_at=NOON,
        place=PLACE,
        facts=facts,
    )
    assert activity.facts["verified"] is True
    for wrong in (1.5, None, [1], {"a": 1}):
        with pytest.raises(msgspec.ValidationError):
            read(ActivityBody, said | {"type": "review", "facts": {"stars": wrong}})


# ------------------------------------------------------------------------- refusals


REFUSALS: list[tuple[Exception, str, str | None, dict[str, Any]]] = [
    (
        errors.OrderMalformed("lines/0/quantity", "must be 1 to 10^15"),
        "`lines/0/quantity` must be 1 to 10^15.",
        "/lines/0/quantity",
        {},
    ),
    (
        errors.TotalDiffers(total=5, sum=7),
        "The total is 5, and the parts add up to 7.",
        "/total",
        {"total": 5, "sum": 7, "difference": -2},
    ),
    (
        errors.TendersDiffer(total=5, tendered=4),
        "The total is 5, and 4 was tendered.",
        "/tenders",
        {"total": 5, "tendered": 4, "difference": 1},
    ),
    (errors.OrderNotFound(), "There is no such order.", None, {}),
    (
        errors.OrderReused(ORDER),
        "The external id is of an order with other contents.",
        "/external_id",
        {"order": "ord_00000000000000000000000004"},
    ),
    (
        errors.ReturnReused(ORDER),
        "The external id is of a return with other contents.",
        "/external_id",
        {"return": "ret_00000000000000000000000004"},
    ),
    (
        errors.OrderCannotMove(status="open", to="reopened"),
        "An order that is open cannot become reopened.",
        None,
        {"status": "open", "to": "reopened"},
    ),
    (errors.LineNotFound(3), "The order has no such line.", None, {"line": 3}),
    (
        errors.ExceedsOrder(field="lines/0/quantity", asked=3, left=2),
        "3 is asked for, 2 is left.",
        "/lines/0/quantity",
        {"asked": 3, "left": 2},
    ),
]


@pytest.mark.parametrize("error", REFUSALS, ids=lambda case: type(case[0]).__name__)
def test_a_refusal_says_its_place_and_its_facts(
    error: tuple[Exception, str, str | None, dict[str, Any]],
) -> None:
    refused, detail, pointer, details = error
    problem = order_problem(refused)
    assert problem.code == getattr(refused, "code", None)
    assert (problem.detail, problem.details) == (detail, details)
    told = [wrong.pointer for wrong in problem.errors]
    assert told == ([] if pointer is None else [pointer])
    batch = refusal_of(refused, pointer="/orders/3")
    assert batch.pointer == (None if pointer is None else f"/orders/3{pointer}")
