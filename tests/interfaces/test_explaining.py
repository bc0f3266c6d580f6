"""What an order or an activity earned and lost again is told whole, to the entry."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.interfaces.conftest import Api, make_api
from tests.interfaces.ordering import PER_EURO, configure
from tests.interfaces.people import a_person
from tests.interfaces.snapshots import changed, take_snapshot

ANNA = "/v1/accounts/ext:anna@points"
AT = "2026-03-01T12:00:00Z"
LATER = "2026-03-05T12:00:00Z"
DOUBLE = {"kind": "multiply", "factor": "2"}
STAMPS = {"kind": "achieve", "points": 50, "target": 4, "count": "items"}


@pytest.fixture
def shop(api: Api) -> Api:
    api.enrol("anna")
    return api


def buys(api: Api, name: str = "1017", cups: int = 3, **said: Any) -> dict[str, Any]:
    order = {
        "external_id": name,
        "member": "ext:anna",
        "occurred_at": AT,
        "currency": "EUR",
        "lines": [{"sku": "cup", "quantity": cups, "unit_price": 550}],
    }
    answer = api.post("/v1/orders", order | said)
    assert answer.status == 201, answer.body
    return answer.body


def brings_back(
    api: Api, cups: int, name: str = "R-1", order: str = "1017"
) -> dict[str, Any]:
    back = {"external_id": name, "occurred_at": LATER}
    back |= {"lines": [{"line": 1, "quantity": cups}]}
    answer = api.post(f"/v1/orders/ext:{order}/returns", back)
    assert answer.status == 201, answer.body
    return answer.body


def told(api: Api, order: str = "1017") -> dict[str, Any]:
    before = take_snapshot(api.program)
    body = api.get(f"/v1/orders/ext:{order}").body
    assert changed(before, take_snapshot(api.program)) == []
    return body


def test_every_award_says_how_it_was_worked_out(shop: Api) -> None:
    cap = {"points": 20, "per": "order"}
    exact = {"mode": "half_even", "per": "line"}
    configure(
        shop,
        {"earn": PER_EURO, "rounding": exact, "campaign": "spring"},
        {"earn": DOUBLE | {"rules": ["r1"]}},
        {"earn": {"kind": "per_item", "points": 9}, "caps": [cap]},
        {"earn": {"kind": "fixed", "points": 5}, "channel": ["web"]},
        earning={"campaigns": [{"id": "spring"}]},
    )
    buys(shop)
    (decision,) = told(shop)["decisions"]
    assert (decision["version"], decision["points"]) == (1, 16 + 17 + 20)
    plain = ("rule", "of", "kind", "rate", "per", "asked", "cap", "points", "campaign")
    assert [tuple(one[name] for name in plain) for one in decision["awards"]] == [
        ("r1", None, "per_spend", "1", 100, 16, None, 16, "spring"),
        ("r3", None, "per_item", "9", 1, 27, "cap_order", 20, None),
        ("r2", "r1", "multiply", "1", 100, 17, None, 17, None),
    ]
    spent, items, doubled = decision["awards"]
    for award in (spent, doubled):
        assert (award["rounding"], award["rounding_per"]) == ("half_even", "line")
    assert (items["rounding"], items["rounding_per"]) == ("floor", "order")
    part = {"line": 1, "basis": 1650}
    assert spent["parts"] == [part | {"beneath": "0", "factor": "1", "points": 16}]
    assert doubled["parts"] == [part | {"beneath": "1", "factor": "2", "points": 17}]
    assert [
        (one["rule"], one["matched"], one["points"], one["code"])
        for one in decision["looked_at"]
    ] == [
        ("r1", True, 16, None),
        ("r2", True, 17, None),
        ("r3", True, 20, "cap_order"),
        ("r4", False, 0, "other_channel"),
    ]


def test_all_that_was_taken_back_is_told_with_its_return(shop: Api) -> None:
    configure(shop, {"earn": PER_EURO}, {"earn": DOUBLE})
    earned = buys(shop)
    first = brings_back(shop, 1)
    second = brings_back(shop, 1, "R-2")
    body = told(shop)
    (decision,) = body["decisions"]
    assert [
        (one["payment"], one["award"], one["rule"], one["of"], one["points"])
        for one in body["taken"]
    ] == [
        (1, 1, "r1", None, first["taken"][0]["points"]),
        (1, 2, "r2", "r1", first["taken"][1]["points"]),
        (1, 1, "r1", None, second["taken"][0]["points"]),
        (1, 2, "r2", "r1", second["taken"][1]["points"]),
    ]
    assert [(one["reason"], one["return"]) for one in body["taken"]] == [
        ("returned", back["return"]["id"]) for back in (first, first, second, second)
    ]
    assert body["entries"] == [
        *earned["entries"],
        *first["entries"],
        *second["entries"],
    ]
    sums: Counter[int] = Counter()
    for one in body["taken"]:
        sums[one["award"]] += one["points"]
    assert sums == {one["n"]: one["taken"] for one in decision["awards"]}
    assert {one["entry"] for one in body["taken"]} == {
        entry["id"] for entry in body["entries"] if entry["type"] == "reverse"
    }


def test_what_a_move_took_back_has_no_return(shop: Api) -> None:
    configure(shop, {"earn": PER_EURO})
    buys(shop)
    for verb in ("reopen", "pay", "cancel"):
        assert shop.post(f"/v1/orders/ext:1017/{verb}", {}).status == 200
    body = told(shop)
    assert [one["payment"] for one in body["decisions"]] == [1, 2]
    assert [
        (one["payment"], one["reason"], one["return"], one["points"])
        for one in body["taken"]
    ] == [(1, "reopened", None, 16), (2, "cancelled", None, 16)]
    types = [entry["type"] for entry in body["entries"]]
    assert types == ["earn", "earn", "reverse", "reverse"]


def test_another_order_s_return_is_told_where_it_undid_an_achievement(
    shop: Api,
) -> None:
    configure(shop, {"earn": STAMPS})
    buys(shop, "1017", 2)
    buys(shop, "1018", 2)
    assert told(shop)["entries"] == []
    back = brings_back(shop, 1)
    assert told(shop)["taken"] == []
    (taken,) = told(shop, "1018")["taken"]
    assert (taken["points"], taken["reason"]) == (50, "returned")
    assert taken["return"] == back["return"]["id"]


def test_what_the_ledger_has_nothing_of_has_no_entries(shop: Api) -> None:
    configure(shop, {"earn": PER_EURO})
    shop.post(f"{ANNA}/close", {"reason": "A test"})
    buys(shop)
    brings_back(shop, 1)
    body = told(shop)
    (award,) = body["decisions"][0]["awards"]
    assert (award["entry"], award["refusal"]) == (None, "account_closed")
    assert [(one["points"], one["entry"]) for one in body["taken"]] == [(5, None)]
    assert body["entries"] == []


def test_an_order_that_is_not_paid_has_nothing_to_tell(shop: Api) -> None:
    configure(shop, {"earn": PER_EURO})
    buys(shop, status="open")
    body = told(shop)
    assert (body["decisions"], body["taken"], body["entries"]) == ([], [], [])


def test_an_activity_tells_the_same(shop: Api) -> None:
    review = {"trigger": "activity:review", "earn": {"kind": "fixed", "points": 10}}
    configure(shop, review, {"earn": PER_EURO})
    said = {"external_id": "a", "member": "ext:anna", "occurred_at": AT}
    done = shop.post("/v1/activities", said | {"type": "review"}).body
    body = shop.get("/v1/activities/ext:a").body
    assert body["decision"]["version"] == 1
    assert [(one["rule"], one["code"]) for one in body["decision"]["looked_at"]] == [
        ("r1", None),
        ("r2", "other_trigger"),
    ]
    assert (body["taken"], body["entries"]) == ([], done["entries"])
    assert body["decision"]["awards"][0]["entry"] == done["entries"][0]["id"]


def test_members_are_told_the_same_of_their_own(shop: Api) -> None:
    configure(shop, {"earn": PER_EURO})
    buys(shop)
    brings_back(shop, 1)
    anna = a_person(shop, "member", member="anna")
    bert = a_person(shop, "member", member="bert")
    assert told(anna) == told(shop)
    for caller in (bert, make_api()):
        assert caller.get("/v1/orders/ext:1017").code == "order_not_found"
