"""Orders over HTTP: looked up, listed, and shown to whom they belong."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from punchcard.kernel.ids import untyped
from punchcard.orders.contents import NewLine, NewTender
from tests.interfaces.conftest import Api, make_api
from tests.interfaces.ordering import NOON, a_return, an_order
from tests.interfaces.people import a_person, a_place

BEANS = NewLine(
    sku="beans-1kg",
    name="Beans",
    category="coffee",
    brand="Lune",
    quantity=2,
    unit_price=600,
    discount=100,
    tax=200,
)


def numbers(answer: dict[str, object], *names: str) -> list[object]:
    return [answer[name] for name in names]


# ------------------------------------------------------------------------- looking up


def test_everything_that_is_known_of_an_order_is_told(api: Api) -> None:
    api.enrol("anna")
    spent = api.earn("/v1/accounts/ext:anna@points", 50)
    account, sequence = str(spent["account"]), int(spent["sequence"])
    order = an_order(
        api,
        "1017",
        lines=(BEANS, NewLine(unit_price=400)),
        shipping=300,
        discount=150,
        tenders=(
            NewTender(kind="card", amount=1500),
            NewTender(
                kind="points",
                amount=150,
                account=untyped("acc", account),
                sequence=sequence,
            ),
        ),
        channel="web",
        place=a_place(api),
    )
    told = api.get("/v1/orders/ext:1017").body["order"]
    assert told["id"] == order
    assert told["member"] == api.get("/v1/members/ext:anna").body["id"]
    assert numbers(told, "external_id", "status", "currency", "channel", "place") == [
        "1017",
        "paid",
        "EUR",
        "web",
        "old-town",
    ]
    assert numbers(told, "shipping", "total", "returned_amount") == [300, 1650, 0]
    assert (told["tax_included"], told["version"], told["returns"]) == (True, 1, 0)
    assert told["occurred_at"] == told["paid_at"] == "2026-03-01T12:00:00Z"
    beans, other = told["lines"]
    assert beans | {"n": 1} == {
        "n": 1,
        "sku": "beans-1kg",
        "name": "Beans",
        "category": "coffee",
        "brand": "Lune",
        "quantity": 2,
        "unit_price": 600,
        "discount": 100,
        "shared_discount": 110,
        "tax": 200,
        "amount": 990,
        "returned_quantity": 0,
        "returned_amount": 0,
        "returned_tax": 0,
    }
    assert numbers(other, "n", "sku", "quantity", "amount") == [2, None, 1, 360]
    card, points = told["tenders"]
    assert card == {"n": 1, "kind": "card", "amount": 1500, "entry": None} | {
        "returned": 0
    }
    assert (points["kind"], points["entry"]) == ("points", f"{account}/{sequence}")


def test_an_order_stands_as_its_returns_left_it(api: Api) -> None:
    api.enrol("anna")
    order = an_order(api, "1017", shipping=300)
    a_return(api, order, "R-1", shipping=100)
    told = api.get(f"/v1/orders/{order}").body["order"]
    assert numbers(told, "status", "version", "returns") == [
        "partially_returned",
        2,
        1,
    ]
    assert numbers(told, "returned_shipping", "returned_amount") == [100, 100]
    assert told["lines"][0]["returned_quantity"] == 0
    assert told["tenders"][0]["returned"] == 100


ABSENT = ["ext:1018", "ext:", "1017", "mem_01h455vb4pex5vsknk084sn02q", "ord_x"]


@pytest.mark.parametrize("name", [*ABSENT, "ext:a\x00b"])
def test_what_is_no_order_is_not_found(api: Api, name: str) -> None:
    api.enrol("anna")
    an_order(api, "1017")
    answer = api.get(f"/v1/orders/{quote(name)}")
    assert answer.status == 404
    assert answer.code in {"order_not_found", "not_found"}


def test_external_ids_are_a_program_s_own(api: Api) -> None:
    other = make_api()
    for program in (api, other):
        program.enrol("anna")
    ours, theirs = an_order(api, "1017"), an_order(other, "1017")
    assert ours != theirs
    assert api.get("/v1/orders/ext:1017").body["order"]["id"] == ours
    assert other.get("/v1/orders/ext:1017").body["order"]["id"] == theirs
    assert api.get(f"/v1/orders/{theirs}").code == "order_not_found"


# ---------------------------------------------------------------------------- listing


def listed(api: Api, query: str = "") -> list[str]:
    answer = api.get(f"/v1/orders{query}")
    assert answer.status == 200, answer.body
    return [order["external_id"] for order in answer.body["data"]]


def a_history(api: Api) -> None:
    """Anna has three orders, a day apart, and Bert has one."""
    for name in ("anna", "bert"):
        api.enrol(name)
    place = a_place(api)
    day = timedelta(days=1)
    an_order(api, "first", at=NOON, channel="web", status="open")
    an_order(api, "second", at=NOON + day, place=place)
    third = an_order(api, "third", at=NOON + 2 * day, channel="till", place=place)
    an_order(api, "bert's", member="bert", at=NOON + 2 * day, channel="web")
    a_return(api, third, "R-1")


FILTERS = {
    "": ["bert's", "third", "second", "first"],
    "?sort=created_at": ["first", "second", "third", "bert's"],
    "?member=ext:anna": ["third", "second", "first"],
    "?member=ext:nobody": [],
    "?status=paid": ["bert's", "second"],
    "?status=open": ["first"],
    "?status=returned": ["third"],
    "?status=cancelled": [],
    "?channel=web": ["bert's", "first"],
    "?channel=Web": [],
    "?place=old-town": ["third", "second"],
    "?place=nowhere": [],
    "?external_id=second": ["second"],
    "?external_id=nobody": [],
    "?occurred_at.gte=2026-03-02T12:00:00Z": ["bert's", "third", "second"],
    "?occurred_at.lt=2026-03-02T12:00:00Z": ["first"],
    "?occurred_at.gte=2026-03-02T13:00:00%2B01:00&status=paid": ["bert's", "second"],
    "?member=ext:anna&place=old-town&status=paid": ["second"],
}


@pytest.mark.parametrize("query", FILTERS)
def test_a_filter_leaves_those_that_are_meant(api: Api, query: str) -> None:
    a_history(api)
    assert listed(api, query) == FILTERS[query]


def test_pages_follow_each_other(api: Api) -> None:
    a_history(api)
    for sort, expected in (("-created_at", FILTERS[""]), ("created_at", None)):
        found: list[str] = []
        cursor = ""
        while True:
            page = api.get(f"/v1/orders?limit=3&sort={sort}{cursor}").body
            found += [order["external_id"] for order in page["data"]]
            if not page["has_more"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert found == (expected or FILTERS["?sort=created_at"])


WRONG = [
    ("?status=paidd", "status"),
    ("?member=anna", "member"),
    ("?place=Old%20Town", "place"),
    ("?occurred_at.gte=yesterday", "occurred_at.gte"),
    ("?sort=total", "sort"),
    ("?limit=101", "limit"),
    ("?total=5", "total"),
]


@pytest.mark.parametrize(("query", "parameter"), WRONG)
def test_a_wrong_parameter_is_named(api: Api, query: str, parameter: str) -> None:
    answer = api.get(f"/v1/orders{query}")
    assert (answer.status, answer.code) == (400, "malformed")
    assert [wrong["parameter"] for wrong in answer.body["errors"]] == [parameter]


# --------------------------------------------------------------------------- for whom


def test_a_member_is_shown_their_own_orders_and_no_others(api: Api) -> None:
    a_history(api)
    anna = a_person(api, "member", member="anna")
    assert listed(anna) == ["third", "second", "first"]
    assert listed(anna, "?member=ext:anna&channel=web") == ["first"]
    assert listed(anna, "?member=ext:bert") == listed(anna, "?member=ext:nobody") == []
    assert listed(anna, "?external_id=bert's") == []
    page = anna.get("/v1/orders?limit=1&sort=created_at").body
    rest = listed(anna, f"?sort=created_at&cursor={page['next_cursor']}")
    assert rest == ["second", "third"]


def test_an_order_of_somebody_else_is_not_there_for_a_member(api: Api) -> None:
    a_history(api)
    bert = a_person(api, "member", member="bert")
    assert bert.get("/v1/orders/ext:bert's").status == 200
    for path in ("orders/ext:third", "orders/ext:third/returns"):
        assert a_person(api, "member", member="anna").get(f"/v1/{path}").status == 200
        answer = bert.get(f"/v1/{path}")
        assert (answer.status, answer.code) == (404, "order_not_found")
        nobodys = bert.get(f"/v1/{path.replace('third', 'nobody')}")
        assert nobodys.code == answer.code
        assert nobodys.body["detail"] == answer.body["detail"]
