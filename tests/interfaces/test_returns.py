"""Returns over HTTP: listed by order, looked up."""

from __future__ import annotations

from punchcard.orders.contents import NewLine, NewTender, ReturnedPart
from tests.interfaces.conftest import Api, make_api
from tests.interfaces.ordering import a_return, an_order
from tests.interfaces.people import a_person


def an_order_and_its_returns(api: Api, external_id: str = "1017") -> list[str]:
    """Record an order that came back in three parts; return the returns' ids."""
    api.enrol("anna")
    order = an_order(
        api,
        external_id,
        lines=(NewLine(quantity=3, unit_price=100, tax=30), NewLine(unit_price=50)),
        shipping=20,
        tenders=(
            NewTender(kind="card", amount=200),
            NewTender(kind="voucher", amount=170),
        ),
    )
    return [
        a_return(
            api,
            order,
            f"{external_id}-1",
            lines=(ReturnedPart(line=1, quantity=1),),
            shipping=10,
        ),
        a_return(
            api, order, f"{external_id}-2", lines=(ReturnedPart(line=2, amount=25),)
        ),
        a_return(api, order, f"{external_id}-3"),
    ]


def test_everything_that_is_known_of_a_return_is_told(api: Api) -> None:
    first, second, _ = an_order_and_its_returns(api)
    order = api.get("/v1/orders/ext:1017").body["order"]
    told = api.get(f"/v1/returns/{first}").body["return"]
    assert (told["id"], told["external_id"]) == (first, "1017-1")
    assert (told["order"], told["n"]) == (order["id"], 1)
    assert (told["amount"], told["shipping"]) == (110, 10)
    assert told["lines"] == [{"line": 1, "quantity": 1, "amount": 100, "tax": 10}]
    back = {one["tender"]: one["amount"] for one in told["tenders"]}
    assert sum(back.values()) == 110
    assert told["occurred_at"] == "2026-03-01T12:00:00Z"
    other = api.get("/v1/returns/ext:1017-2").body["return"]
    assert (other["id"], other["n"], other["amount"]) == (second, 2, 25)
    assert other["lines"] == [{"line": 2, "quantity": 0, "amount": 25, "tax": 0}]


def test_the_returns_of_an_order_are_listed_as_they_came(api: Api) -> None:
    made = an_order_and_its_returns(api)
    an_order_and_its_returns(api, "1018")
    page = api.get("/v1/orders/ext:1017/returns").body
    assert [returned["id"] for returned in page["data"]] == made
    assert (page["has_more"], page["next_cursor"]) == (False, None)
    total = api.get("/v1/orders/ext:1017").body["order"]["total"]
    assert sum(returned["amount"] for returned in page["data"]) == total


def test_pages_of_returns_follow_each_other(api: Api) -> None:
    made = an_order_and_its_returns(api)
    first = api.get("/v1/orders/ext:1017/returns?limit=2").body
    cursor = first["next_cursor"]
    second = api.get(f"/v1/orders/ext:1017/returns?limit=2&cursor={cursor}").body
    both = [returned["id"] for returned in first["data"] + second["data"]]
    assert both == made
    assert (first["has_more"], second["has_more"]) == (True, False)
    foreign = api.get("/v1/orders?limit=1").body["next_cursor"] or "zzz"
    answer = api.get(f"/v1/orders/ext:1017/returns?cursor={foreign}")
    assert answer.code == "invalid_cursor"


def test_an_order_that_nothing_came_back_of_has_no_returns(api: Api) -> None:
    api.enrol("anna")
    an_order(api, "1017")
    assert api.get("/v1/orders/ext:1017/returns").body["data"] == []
    assert api.get("/v1/orders/ext:1018/returns").code == "order_not_found"


def test_a_return_of_somebody_else_is_not_there(api: Api) -> None:
    (first, *_) = an_order_and_its_returns(api)
    bert = a_person(api, "member", member="bert")
    anna = a_person(api, "member", member="anna")
    assert anna.get(f"/v1/returns/{first}").status == 200
    for caller in (bert, make_api()):
        for name in (first, "ext:1017-1", "ext:nobody", "ret_x"):
            assert caller.get(f"/v1/returns/{name}").code == "return_not_found"
