"""Refunds of returns over HTTP: nothing is taken before the money has arrived."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interfaces.conftest import Answer, Api
from tests.interfaces.ordering import PER_EURO, configure
from tests.interfaces.people import a_person, a_place, audit_of
from tests.interfaces.snapshots import changed, take_snapshot

ANNA = "/v1/accounts/ext:anna@points"
ORDER: dict[str, Any] = {
    "external_id": "1017",
    "member": "ext:anna",
    "occurred_at": "2026-03-01T12:00:00Z",
    "currency": "EUR",
    "lines": [{"sku": "cup", "quantity": 2, "unit_price": 500}],
}
CUP = [{"line": 1, "quantity": 1}]
BACK = {"external_id": "R-1", "occurred_at": "2026-03-02T12:00:00Z", "lines": CUP}
DEDUCTS = {"shortfall": "deduct_from_refund", "value": {"points": 1, "amount": 5}}
TOOK = ("taken", "given_back", "shortfall", "deduction", "entries", "balances")


@pytest.fixture
def shop(api: Api) -> Api:
    """A program that grants a point a euro; Anna bought two cups for ten points."""
    return a_shop(api)


def a_shop(api: Api, **document: Any) -> Api:
    api.enrol("anna")
    configure(api, {"earn": PER_EURO}, **document)
    assert api.post("/v1/orders", ORDER).body["decision"]["points"] == 10
    return api


def give_back(api: Api, refund: str | None = "pending", **said: Any) -> Answer:
    body = BACK | {"refund": refund} | said
    return api.post("/v1/orders/ext:1017/returns", body)


def settle(
    api: Api,
    outcome: str = "succeeded",
    query: str = "",
    returned: str = "ext:R-1",
    key: str | None = None,
    **said: Any,
) -> Answer:
    path = f"/v1/returns/{returned}/refund{query}"
    return api.post(path, {"outcome": outcome} | said, key=key)


def available(api: Api) -> int:
    return int(api.get(ANNA).body["balance"]["available"])


def stands(api: Api) -> tuple[str, bool]:
    returned = api.get("/v1/returns/ext:R-1").body["return"]
    return (returned["refund"], returned["withheld"])


def test_a_return_without_a_refund_is_final_at_once(shop: Api) -> None:
    body = give_back(shop, "none").body
    assert (body["return"]["refund"], body["return"]["withheld"]) == ("none", False)
    assert ([one["points"] for one in body["taken"]], available(shop)) == ([5], 5)


def test_nothing_is_taken_before_the_refund_has_succeeded(shop: Api) -> None:
    told = give_back(shop)
    assert told.status == 201
    assert (told.body["return"]["refund"], told.body["return"]["withheld"]) == (
        "pending",
        True,
    )
    assert told.body["order"]["status"] == "partially_returned"
    for name in ("taken", "given_back", "entries", "balances"):
        assert told.body[name] == [], name
    assert available(shop) == 10
    done = settle(shop, occurred_at="2026-03-03T12:00:00Z")
    assert done.status == 200
    body = done.body
    assert (body["return"]["refund"], body["return"]["withheld"]) == (
        "succeeded",
        False,
    )
    (taken,) = body["taken"]
    (entry,) = body["entries"]
    assert (taken["rule"], taken["points"], taken["entry"]) == ("r1", 5, entry["id"])
    assert (entry["type"], entry["amount"]) == ("reverse", 5)
    assert entry["effective_at"] == "2026-03-03T12:00:00Z"
    assert body["balances"][0]["balance"]["available"] == available(shop) == 5
    looked_up = shop.get("/v1/returns/ext:R-1").body
    assert looked_up["return"] == body["return"]
    assert looked_up["taken"] == body["taken"]


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_an_outcome_that_is_told_twice_is_one(shop: Api, outcome: str) -> None:
    give_back(shop)
    first = settle(shop, outcome)
    before = take_snapshot(shop.program)
    again = settle(shop, outcome, occurred_at="2026-03-03T12:00:00Z")
    assert (again.status, again.body) == (200, first.body)
    assert changed(before, take_snapshot(shop.program)) == []


def test_with_a_key_the_first_answer_comes_again(shop: Api) -> None:
    give_back(shop)
    first = settle(shop, key="arrived")
    again = settle(shop, key="arrived")
    assert (again.status, again.replayed, again.body) == (200, True, first.body)
    assert settle(shop, "failed", key="arrived").code == "key_reused"
    assert available(shop) == 5


def test_a_return_that_is_told_again_says_how_its_refund_stands(shop: Api) -> None:
    give_back(shop)
    settled = settle(shop).body
    before = take_snapshot(shop.program)
    again = give_back(shop)
    assert again.status == 200
    for name in ("return", "order", "taken", "entries"):
        assert again.body[name] == settled[name], name
    other = give_back(shop, "none")
    assert (other.status, other.code) == (422, "return_reused")
    assert changed(before, take_snapshot(shop.program)) == []


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_a_preview_answers_the_same_and_writes_nothing(shop: Api, outcome: str) -> None:
    give_back(shop)
    before = take_snapshot(shop.program)
    tried = settle(shop, outcome, query="?dry_run=true")
    assert changed(before, take_snapshot(shop.program)) == []
    assert (tried.status, stands(shop), available(shop)) == (200, ("pending", True), 10)
    done = settle(shop, outcome).body
    assert tried.body["return"] == done["return"]
    assert [one["points"] for one in tried.body["taken"]] == [
        one["points"] for one in done["taken"]
    ]
    assert tried.body["balances"] == done["balances"]


def test_a_refund_that_fails_takes_nothing_and_may_succeed_later(shop: Api) -> None:
    give_back(shop)
    failed = settle(shop, "failed").body
    assert (stands(shop), available(shop)) == (("failed", True), 10)
    assert [failed[name] for name in TOOK] == [[], [], 0, 0, [], []]
    assert [one["points"] for one in settle(shop).body["taken"]] == [5]
    assert (stands(shop), available(shop)) == (("succeeded", False), 5)


ENDED = [
    # what was told before, what is told then, how the refund stands
    ("pending", ["succeeded"], "failed", "succeeded"),
    ("none", [], "succeeded", "none"),
    ("none", [], "failed", "none"),
]


@pytest.mark.parametrize(("refund", "before", "then", "now"), ENDED)
def test_what_has_ended_does_not_end_otherwise(
    shop: Api, refund: str, before: list[str], then: str, now: str
) -> None:
    give_back(shop, refund)
    for outcome in before:
        assert settle(shop, outcome).status == 200
    stood = take_snapshot(shop.program)
    answer = settle(shop, then)
    assert (answer.status, answer.code) == (409, "refund_ended")
    assert answer.body["details"] == {"refund": now}
    assert changed(stood, take_snapshot(shop.program)) == []


def test_what_is_deducted_from_a_refund_is_taken_with_the_attempt(api: Api) -> None:
    a_shop(api, returns=DEDUCTS)
    api.post(f"{ANNA}/redeem", {"points": 8}, key="spend")
    told = give_back(api).body
    assert (told["return"]["refund"], told["return"]["withheld"]) == ("pending", False)
    assert (told["shortfall"], told["deduction"], available(api)) == (3, 15, 0)
    done = settle(api).body
    assert (done["return"]["refund"], available(api)) == ("succeeded", 0)
    for name in ("taken", "given_back", "shortfall", "deduction", "entries"):
        assert done[name] == told[name], name


def test_where_that_refund_fails_the_points_are_there_again(api: Api) -> None:
    a_shop(api, returns=DEDUCTS)
    api.post(f"{ANNA}/redeem", {"points": 8}, key="spend")
    give_back(api)
    failed = settle(api, "failed").body
    (entry,) = failed["entries"]
    assert (entry["type"], entry["amount"]) == ("adjust", 2)
    assert (failed["taken"], failed["shortfall"], failed["deduction"]) == ([], 0, 0)
    assert failed["balances"][0]["balance"]["available"] == available(api) == 2
    assert settle(api, "failed").body == failed
    late = settle(api)
    assert (late.code, late.body["details"]) == ("refund_ended", {"refund": "failed"})
    assert available(api) == 2


def test_points_that_paid_come_back_with_the_refund(shop: Api) -> None:
    spent = shop.post(f"{ANNA}/redeem", {"points": 4}, key="spend").body["entry"]
    paid = [
        {"kind": "points", "amount": 400, "entry": spent["id"]},
        {"kind": "card", "amount": 600},
    ]
    shop.post("/v1/orders", ORDER | {"external_id": "1018", "tenders": paid})
    path = "/v1/orders/ext:1018/returns"
    told = shop.post(path, BACK | {"refund": "pending"}).body
    assert told["given_back"] == []
    before = available(shop)
    done = settle(shop).body
    assert done["given_back"] == [{"tender": 1, "points": 2, "refusal": None}]
    taken = sum(one["points"] for one in done["taken"])
    assert (taken, available(shop)) == (3, before + 2 - 3)


def test_a_program_can_refuse_to_take_back_what_is_spent(api: Api) -> None:
    a_shop(api, returns={"shortfall": "refuse"})
    api.post(f"{ANNA}/redeem", {"points": 8}, key="spend")
    assert give_back(api).status == 201
    before = take_snapshot(api.program)
    answer = settle(api)
    assert (answer.status, answer.code) == (422, "points_spent")
    account = api.get(ANNA).body["id"]
    assert answer.body["details"] == {
        "account": account,
        "required": 5,
        "available": 2,
    }
    assert changed(before, take_snapshot(api.program)) == []
    assert stands(api) == ("pending", True)
    assert settle(api, "failed").status == 200


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "/outcome"),
    ({"outcome": "pending"}, "/outcome"),
    ({"outcome": None}, "/outcome"),
    ({"outcome": "failed", "occurred_at": "2999-01-01T00:00:00Z"}, "/occurred_at"),
    ({"outcome": "failed", "occurred_at": "1899-12-31T00:00:00Z"}, "/occurred_at"),
    ({"outcome": "failed", "occurred_at": "yesterday"}, "/occurred_at"),
    ({"outcome": "failed", "at": "2026-03-03T12:00:00Z"}, "/at"),
]


@pytest.mark.parametrize(("said", "pointer"), WRONG)
def test_what_is_malformed_is_named_and_nothing_is_done(
    shop: Api, said: dict[str, Any], pointer: str
) -> None:
    give_back(shop)
    before = take_snapshot(shop.program)
    answer = shop.post("/v1/returns/ext:R-1/refund", said)
    assert (answer.status, answer.code) == (400, "malformed"), answer.body
    assert [wrong["pointer"] for wrong in answer.body["errors"]] == [pointer]
    assert changed(before, take_snapshot(shop.program)) == []


def test_a_return_has_no_refund_but_one_of_the_words(shop: Api) -> None:
    before = take_snapshot(shop.program)
    for word in ("succeeded", "failed", "soon", None):
        answer = give_back(shop, refund=word)
        assert (answer.status, answer.code) == (400, "malformed")
        assert answer.body["errors"][0]["pointer"] == "/refund"
    assert changed(before, take_snapshot(shop.program)) == []


def test_of_a_return_that_is_not_there_nothing_is_told(shop: Api) -> None:
    give_back(shop)
    before = take_snapshot(shop.program)
    for name in ("ext:R-2", "ext:1017", "ret_x", "nobody"):
        answer = settle(shop, returned=name)
        assert (answer.status, answer.code) == (404, "return_not_found"), name
    assert changed(before, take_snapshot(shop.program)) == []


def test_a_cashier_tells_of_refunds_of_their_own_places_alone(api: Api) -> None:
    api.enrol("anna")
    configure(api, {"earn": PER_EURO})
    places = {code: a_place(api, code) for code in ("old-town", "harbour")}
    api.post("/v1/orders", ORDER | {"place": "old-town"})
    give_back(api)
    cashiers = {
        code: a_person(api, "cashier", places=[place]) for code, place in places.items()
    }
    before = take_snapshot(api.program)
    other = settle(cashiers["harbour"])
    assert (other.status, other.code) == (403, "forbidden")
    assert other.body["details"] == {"places": ["harbour"]}
    assert changed(before, take_snapshot(api.program)) == []
    own = settle(cashiers["old-town"])
    assert [one["points"] for one in own.body["taken"]] == [5]


def test_who_told_of_a_refund_is_in_the_audit(shop: Api) -> None:
    returned = give_back(shop).body["return"]
    admin = a_person(shop, "admin")
    settle(admin, "failed")
    settle(admin, "failed")
    settle(admin)
    assert [
        (action, target)
        for _, action, target in audit_of(shop)
        if action.startswith("refund.")
    ] == [
        ("refund.failed", returned["order"]),
        ("refund.succeeded", returned["order"]),
    ]
