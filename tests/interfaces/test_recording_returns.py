"""Returns told over HTTP: what they take back, told twice, only tried, refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interfaces.conftest import Answer, Api
from tests.interfaces.ordering import PER_EURO, configure
from tests.interfaces.people import a_person, audit_of
from tests.interfaces.snapshots import changed, take_snapshot

ANNA = "/v1/accounts/ext:anna@points"
ORDER: dict[str, Any] = {
    "external_id": "1017",
    "member": "ext:anna",
    "occurred_at": "2026-03-01T12:00:00Z",
    "currency": "EUR",
    "lines": [
        {"sku": "cup", "quantity": 3, "unit_price": 550},
        {"sku": "beans-1kg", "unit_price": 1250},
    ],
    "shipping": 400,
}
"""Of 29.00 euro and 4.00 of shipping."""
AT = "2026-03-05T12:00:00Z"
CUP = {"line": 1, "quantity": 1}


@pytest.fixture
def shop(api: Api) -> Api:
    """A program that grants a point a euro of what lines cost; Anna bought there."""
    return a_shop(api)


def a_shop(api: Api, **document: Any) -> Api:
    api.enrol("anna")
    configure(api, {"earn": PER_EURO}, **document)
    answer = api.post("/v1/orders", ORDER)
    assert answer.body["decision"]["points"] == 29
    return api


def tell(
    api: Api,
    external_id: str = "R-1",
    query: str = "",
    key: str | None = None,
    **said: Any,
) -> Answer:
    body = {"external_id": external_id, "occurred_at": AT} | said
    return api.post(f"/v1/orders/ext:1017/returns{query}", body, key=key)


def available(api: Api) -> int:
    return int(api.get(ANNA).body["balance"]["available"])


def test_a_return_takes_back_what_the_order_had_earned_for_it(shop: Api) -> None:
    answer = tell(shop, lines=[CUP], shipping=100)
    assert answer.status == 201
    body = answer.body
    returned = body["return"]
    assert answer.response["Location"] == f"/v1/returns/{returned['id']}"
    assert (returned["n"], returned["amount"], returned["shipping"]) == (1, 650, 100)
    assert returned["lines"] == [{"line": 1, "quantity": 1, "amount": 550, "tax": 0}]
    assert (body["order"]["status"], body["order"]["version"]) == (
        "partially_returned",
        2,
    )
    (taken,) = body["taken"]
    (entry,) = body["entries"]
    assert (taken["rule"], taken["of"], taken["entry"]) == ("r1", None, entry["id"])
    assert (entry["type"], entry["amount"]) == ("reverse", taken["points"])
    assert (body["shortfall"], body["deduction"], body["given_back"]) == (0, 0, [])
    assert body["balances"][0]["balance"]["available"] == available(shop)
    assert available(shop) == 29 - taken["points"]
    stands = shop.get("/v1/returns/ext:R-1").body
    assert stands == {"return": returned, "taken": body["taken"]}


def test_any_number_of_returns_adds_up_to_one_of_everything(shop: Api) -> None:
    parts: list[dict[str, Any]] = [
        {"lines": [CUP]},
        {"lines": [{"line": 2, "amount": 333}]},
        {"lines": [CUP], "shipping": 399},
        {"everything": True},
    ]
    told = [tell(shop, f"R-{n}", **part).body for n, part in enumerate(parts)]
    assert sum(one["taken"][0]["points"] for one in told) == 29
    assert sum(one["return"]["amount"] for one in told) == 3300
    assert [one["order"]["status"] for one in told] == [
        "partially_returned",
        "partially_returned",
        "partially_returned",
        "returned",
    ]
    assert available(shop) == 0
    before = take_snapshot(shop.program)
    refused = tell(shop, "R-9", everything=True)
    assert (refused.status, refused.code) == (409, "order_cannot_move")
    assert changed(before, take_snapshot(shop.program)) == []


def test_a_return_that_is_told_twice_is_one_return(shop: Api) -> None:
    first = tell(shop, lines=[CUP]).body
    before = take_snapshot(shop.program)
    again = tell(shop, lines=[CUP])
    assert again.status == 200
    assert "Location" not in again.response
    for name in ("return", "order", "taken", "entries"):
        assert again.body[name] == first[name], name
    other = tell(shop, lines=[CUP], shipping=1)
    assert (other.status, other.code) == (422, "return_reused")
    assert other.body["details"] == {"return": first["return"]["id"]}
    assert changed(before, take_snapshot(shop.program)) == []


def test_with_a_key_the_first_answer_comes_again(shop: Api) -> None:
    first = tell(shop, key="back", lines=[CUP])
    again = tell(shop, key="back", lines=[CUP])
    assert (again.status, again.replayed, again.body) == (201, True, first.body)
    assert tell(shop, key="back", everything=True).code == "key_reused"
    assert len(shop.get("/v1/orders/ext:1017/returns").body["data"]) == 1


def test_a_preview_answers_the_same_and_writes_nothing(shop: Api) -> None:
    before = take_snapshot(shop.program)
    tried = tell(shop, query="?dry_run=true", everything=True)
    assert changed(before, take_snapshot(shop.program)) == []
    assert tried.status == 200
    assert "Location" not in tried.response
    assert available(shop) == 29
    done = tell(shop, everything=True).body
    for name in ("taken", "shortfall", "deduction", "given_back", "balances"):
        assert tried.body[name] == done[name], name
    assert tried.body["return"]["amount"] == done["return"]["amount"] == 3300
    assert tried.body["order"]["status"] == "returned"


SHORTFALLS: dict[str, tuple[dict[str, Any], int, int, int]] = {
    # shortfall, deduction, available after
    "debt": ({}, 0, 0, -24),
    "cap": ({}, 24, 0, 0),
    "deduct_from_refund": ({"value": {"points": 10, "amount": 15}}, 24, 36, 0),
}


@pytest.mark.parametrize("policy", SHORTFALLS)
def test_what_is_spent_already_follows_the_program(api: Api, policy: str) -> None:
    also, shortfall, deduction, left = SHORTFALLS[policy]
    a_shop(api, returns={"shortfall": policy, **also})
    api.post(f"{ANNA}/redeem", {"points": 24}, key="spend")
    query = "?dry_run=true"
    for asked in (query, ""):
        body = tell(api, query=asked, everything=True).body
        assert (body["shortfall"], body["deduction"]) == (shortfall, deduction)
        assert body["balances"][0]["balance"]["available"] == left
    assert available(api) == left
    again = tell(api, everything=True).body
    assert (again["shortfall"], again["deduction"]) == (shortfall, deduction)


def test_a_program_can_refuse_to_take_back_what_is_spent(api: Api) -> None:
    a_shop(api, returns={"shortfall": "refuse"})
    api.post(f"{ANNA}/redeem", {"points": 24}, key="spend")
    before = take_snapshot(api.program)
    answer = tell(api, everything=True)
    assert (answer.status, answer.code) == (422, "points_spent")
    account = api.get(ANNA).body["id"]
    assert answer.body["details"] == {"account": account, "required": 29} | {
        "available": 5
    }
    assert changed(before, take_snapshot(api.program)) == []
    assert api.get("/v1/returns/ext:R-1").code == "return_not_found"
    assert tell(api, lines=[{"line": 2, "amount": 300}]).status == 201


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "/lines"),
    ({"lines": [CUP], "everything": True}, "/lines"),
    ({"lines": [CUP, CUP]}, "/lines"),
    ({"lines": [{"line": 1}]}, "/lines/0"),
    ({"lines": [{"line": 1, "quantity": 1, "amount": 5}]}, "/lines/0"),
    ({"lines": [{"line": 1, "quantity": 0}]}, "/lines/0/quantity"),
    ({"lines": [{"line": 1, "amount": 0}]}, "/lines/0/amount"),
    ({"lines": [{"n": 1, "quantity": 1}]}, "/lines/0/n"),
    ({"shipping": -1}, "/shipping"),
    ({"everything": "yes"}, "/everything"),
    ({"everything": True, "occurred_at": "2999-01-01T00:00:00Z"}, "/occurred_at"),
    ({"everything": True, "external_id": ""}, "/external_id"),
    ({"everything": True, "order": "ext:1017"}, "/order"),
]


@pytest.mark.parametrize(("said", "pointer"), WRONG)
def test_what_is_malformed_is_named_and_nothing_is_done(
    shop: Api, said: dict[str, Any], pointer: str
) -> None:
    before = take_snapshot(shop.program)
    answer = tell(shop, **said)
    assert (answer.status, answer.code) == (400, "malformed"), answer.body
    assert [wrong["pointer"] for wrong in answer.body["errors"]] == [pointer]
    assert changed(before, take_snapshot(shop.program)) == []


REFUSED: list[tuple[dict[str, Any], int, str, str | None, dict[str, int]]] = [
    ({"lines": [{"line": 3, "quantity": 1}]}, 404, "line_not_found", None, {"line": 3}),
    ({"lines": [{"line": 0, "quantity": 1}]}, 404, "line_not_found", None, {"line": 0}),
    (
        {"lines": [CUP, {"line": 2, "quantity": 2}]},
        422,
        "exceeds_order",
        "/lines/1/quantity",
        {"asked": 2, "left": 1},
    ),
    (
        {"lines": [{"line": 2, "amount": 1251}]},
        422,
        "exceeds_order",
        "/lines/0/amount",
        {"asked": 1251, "left": 1250},
    ),
    (
        {"shipping": 401},
        422,
        "exceeds_order",
        "/shipping",
        {"asked": 401, "left": 400},
    ),
]


@pytest.mark.parametrize(("said", "status", "code", "pointer", "details"), REFUSED)
def test_what_is_not_left_does_not_come_back(
    shop: Api,
    said: dict[str, Any],
    status: int,
    code: str,
    pointer: str | None,
    details: dict[str, int],
) -> None:
    before = take_snapshot(shop.program)
    answer = tell(shop, **said)
    assert (answer.status, answer.code) == (status, code)
    told = [wrong["pointer"] for wrong in answer.body.get("errors", [])]
    assert told == ([] if pointer is None else [pointer])
    assert answer.body["details"] == details
    assert changed(before, take_snapshot(shop.program)) == []


def test_of_what_is_not_paid_nothing_comes_back(api: Api) -> None:
    api.enrol("anna")
    api.post("/v1/orders", ORDER | {"status": "open"})
    before = take_snapshot(api.program)
    answer = tell(api, everything=True)
    assert (answer.status, answer.code) == (409, "order_cannot_move")
    unknown = api.post(
        "/v1/orders/ext:1018/returns",
        {"external_id": "R-1", "occurred_at": AT, "everything": True},
    )
    assert unknown.code == "order_not_found"
    assert changed(before, take_snapshot(api.program)) == []


def test_an_external_id_is_of_one_order_s_return(shop: Api) -> None:
    tell(shop, lines=[CUP])
    shop.post("/v1/orders", ORDER | {"external_id": "1018"})
    before = take_snapshot(shop.program)
    answer = shop.post(
        "/v1/orders/ext:1018/returns",
        {"external_id": "R-1", "occurred_at": AT, "lines": [CUP]},
    )
    assert (answer.status, answer.code) == (422, "return_reused")
    assert changed(before, take_snapshot(shop.program)) == []


def test_who_took_a_return_is_in_the_audit(shop: Api) -> None:
    admin = a_person(shop, "admin")
    returned = tell(admin, lines=[CUP]).body["return"]
    tell(admin, lines=[CUP])
    assert [
        (action, target)
        for _, action, target in audit_of(shop)
        if action.startswith("order.")
    ] == [("order.returned", returned["order"])]
