"""Orders told together: each with its own outcome, judged in the order sent."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from punchcard.interfaces.api.v1.order_bodies import ORDERS_MAX
from tests.interfaces.conftest import Answer, Api
from tests.interfaces.ordering import PER_EURO, configure
from tests.interfaces.people import a_person, a_place
from tests.interfaces.snapshots import changed, take_snapshot

ORDER: dict[str, Any] = {
    "member": "ext:anna",
    "occurred_at": "2026-03-01T12:00:00Z",
    "currency": "EUR",
    "lines": [{"sku": "beans-1kg", "unit_price": 1200}],
}
ANNA = "/v1/accounts/ext:anna@points"


def an_order(external_id: str, **said: Any) -> dict[str, Any]:
    return ORDER | {"external_id": external_id} | said


def tell(api: Api, *orders: dict[str, Any], query: str = "", **options: Any) -> Answer:
    return api.post(f"/v1/orders:batch{query}", {"orders": orders}, **options)


def outcomes(answer: Answer) -> list[tuple[str, int]]:
    assert answer.status == 200, answer.body
    return [(one["code"], one["status"]) for one in answer.body["data"]]


@pytest.fixture
def shop(api: Api) -> Api:
    """A program that grants a point a euro, and ten on the first purchase."""
    for name in ("anna", "bert"):
        api.enrol(name)
    first = {"earn": {"kind": "fixed", "points": 10}, "first_purchase": True}
    configure(api, {"earn": PER_EURO}, first)
    return api


def test_each_order_has_its_own_outcome(shop: Api) -> None:
    assert outcomes(tell(shop, an_order("known"), an_order("open", status="open")))
    answer = tell(
        shop,
        an_order("new"),
        an_order("known"),
        an_order("open"),
        an_order("sum", total=1),
        an_order("known", channel="web"),
        an_order("nobody's", member="ext:nobody"),
        an_order("nowhere", place="nowhere"),
        an_order("bad", lines=[{"unit_price": -1}]),
        an_order("dollars", currency="USD"),
    )
    assert outcomes(answer) == [
        ("created", 201),
        ("existing", 200),
        ("changed", 200),
        ("total_differs", 422),
        ("order_reused", 422),
        ("member_not_found", 404),
        ("malformed", 400),
        ("malformed", 400),
        ("currency_differs", 422),
    ]
    body = answer.body
    assert (body["created"], body["existing"], body["refused"]) == (1, 2, 6)
    names = [one["external_id"] for one in body["data"]]
    assert names[:4] == ["new", "known", "open", "sum"]
    refused = body["data"][3:]
    assert [one["pointer"] for one in refused] == [
        "/orders/3/total",
        "/orders/4/external_id",
        "/orders/5/member",
        "/orders/6/place",
        "/orders/7/lines/0/unit_price",
        "/orders/8/currency",
    ]
    assert refused[0]["details"] == {"total": 1, "sum": 1200, "difference": -1199}
    assert not [one for one in refused if "outcome" in one]
    for name in ("sum", "nobody's", "nowhere", "bad", "dollars"):
        assert shop.get(f"/v1/orders/ext:{name}").code == "order_not_found"


def test_what_is_told_first_is_judged_first(shop: Api) -> None:
    orders = [
        an_order("a"),
        an_order("b"),
        an_order("c", member="ext:bert"),
        an_order("d", status="open"),
    ]
    data = tell(shop, *orders).body["data"]
    points = [one["outcome"]["points"] for one in data]
    assert points == [22, 12, 22, None]
    balances = [
        [after["balance"]["available"] for after in one["outcome"]["balances"]]
        for one in data
    ]
    assert balances == [[22], [34], [22], []]
    assert shop.get(ANNA).body["balance"]["available"] == 34


def test_what_is_told_in_short_is_looked_up_at_length(shop: Api) -> None:
    (told,) = tell(shop, an_order("a")).body["data"]
    outcome = told["outcome"]
    stands = shop.get(f"/v1/orders/{outcome['order']}").body
    assert outcome["status"] == stands["order"]["status"] == "paid"
    (decision,) = stands["decisions"]
    assert decision["points"] == outcome["points"]
    (entry,) = outcome["entries"]
    assert {award["entry"] for award in decision["awards"]} == {entry["id"]}


def test_a_batch_takes_as_many_statements_as_one_order(
    shop: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in ("harbour", "old-town"):
        a_place(shop, code)
    shop.earn(ANNA, 100)
    shop.post(f"{ANNA}/redeem", {"points": 5}, key="spend")
    points = {"kind": "points", "amount": 200, "entry": "ext:anna@points/2"}
    card = {"kind": "card", "amount": 1000}
    sent: list[Any] = []
    execute = psycopg.Cursor.execute

    def noting(cursor: Any, query: Any, *rest: Any, **options: Any) -> Any:
        sent.append(query)
        return execute(cursor, query, *rest, **options)

    def statements(size: int) -> int:
        orders = [
            an_order(
                f"{size}-{n}",
                member=("ext:anna", "ext:bert")[n % 2],
                place=("harbour", "old-town")[n % 2],
                tenders=[] if n else [points, card],
            )
            for n in range(size)
        ]
        sent.clear()
        answer = tell(shop, *orders)
        assert answer.body["created"] == size
        return len(sent)

    statements(3)
    monkeypatch.setattr(psycopg.Cursor, "execute", noting)
    # When a key was used last is noted once a minute.
    assert statements(2) == statements(40)


def test_a_batch_can_be_sent_again_as_it_was(shop: Api) -> None:
    orders = [an_order(f"o{n}") for n in range(20)]
    first = tell(shop, *orders)
    before = take_snapshot(shop.program)
    again = tell(shop, *orders, an_order("o0"))
    assert set(outcomes(again)) == {("existing", 200)}
    assert (again.body["created"], again.body["existing"]) == (0, 21)
    assert changed(before, take_snapshot(shop.program)) == []
    ids = [one["outcome"]["order"] for one in first.body["data"]]
    known = [one["outcome"]["order"] for one in again.body["data"]]
    assert known == [*ids, ids[0]]


def test_one_order_twice_in_a_batch_is_one_order(shop: Api) -> None:
    answer = tell(shop, an_order("a"), an_order("a"), an_order("a", channel="web"))
    assert outcomes(answer) == [
        ("created", 201),
        ("existing", 200),
        ("order_reused", 422),
    ]
    assert shop.get(ANNA).body["balance"]["available"] == 22


def test_with_a_key_a_batch_is_answered_again(shop: Api) -> None:
    first = tell(shop, an_order("a"), key="batch")
    again = tell(shop, an_order("a"), key="batch")
    assert (again.replayed, again.body) == (True, first.body)
    assert tell(shop, an_order("b"), key="batch").code == "key_reused"
    assert shop.get("/v1/orders/ext:b").code == "order_not_found"


def test_a_dry_run_of_a_batch_writes_nothing(shop: Api) -> None:
    before = take_snapshot(shop.program)
    orders = [an_order("a"), an_order("b"), an_order("c", total=1)]
    answer = tell(shop, *orders, query="?dry_run=true")
    assert outcomes(answer) == [
        ("created", 200),
        ("created", 200),
        ("total_differs", 422),
    ]
    points = [one["outcome"]["points"] for one in answer.body["data"][:2]]
    assert points == [22, 12]
    assert changed(before, take_snapshot(shop.program)) == []
    at = "?dry_run=true&at=1999-01-01T00:00:00Z"
    tried = tell(shop, an_order("a"), query=at).body["data"][0]["outcome"]
    assert tried["points"] == 0


WRONG = [
    ([], "/orders"),
    ([an_order(str(n)) for n in range(ORDERS_MAX + 1)], "/orders"),
    ([an_order("a"), an_order("b", total="12")], "/orders/1/total"),
    ([an_order("a"), an_order("b", points=12)], "/orders/1/points"),
    ([ORDER], "/orders/0/external_id"),
]


@pytest.mark.parametrize(("orders", "pointer"), WRONG)
def test_a_batch_of_another_type_is_refused_whole(
    shop: Api, orders: list[Any], pointer: str
) -> None:
    before = take_snapshot(shop.program)
    answer = tell(shop, *orders)
    assert (answer.status, answer.code) == (400, "malformed")
    assert [wrong["pointer"] for wrong in answer.body["errors"]] == [pointer]
    assert changed(before, take_snapshot(shop.program)) == []


def test_a_cashier_s_batch_is_of_their_own_places(shop: Api) -> None:
    a_place(shop, "airport")
    cashier = a_person(shop, "cashier")
    before = take_snapshot(shop.program)
    answer = tell(cashier, an_order("a"), an_order("b", place="airport"))
    assert (answer.status, answer.code) == (403, "forbidden")
    assert answer.body["errors"][0]["pointer"] == "/orders/1/place"
    assert changed(before, take_snapshot(shop.program)) == []
    done = tell(cashier, an_order("a"), an_order("b", place="old-town"))
    orders = [one["outcome"]["order"] for one in done.body["data"]]
    stand = [shop.get(f"/v1/orders/{order}").body["order"] for order in orders]
    assert [order["place"] for order in stand] == ["old-town", "old-town"]
