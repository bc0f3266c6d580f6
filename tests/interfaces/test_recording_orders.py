"""Orders told over HTTP: what they earn, told twice, only tried, paid, undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from punchcard.kernel import clock
from tests.interfaces.conftest import DAY, Answer, Api, another_key
from tests.interfaces.ordering import PER_EURO, configure
from tests.interfaces.people import a_person, a_place, audit_of
from tests.interfaces.snapshots import changed, take_snapshot

ORDER: dict[str, Any] = {
    "external_id": "1017",
    "member": "ext:anna",
    "occurred_at": "2026-03-01T12:00:00Z",
    "currency": "EUR",
    "lines": [
        {"sku": "beans-1kg", "category": "coffee", "unit_price": 1200},
        {"sku": "cup", "category": "china", "quantity": 2, "unit_price": 450},
    ],
}
"""Of 21.00 euro."""
ANNA = "/v1/accounts/ext:anna@points"


@pytest.fixture
def shop(api: Api) -> Api:
    """A program that grants a point a euro, and five more in its app."""
    api.enrol("anna")
    configure(
        api,
        {"earn": PER_EURO},
        {"earn": {"kind": "fixed", "points": 5}, "channel": ["app"]},
    )
    return api


@contextmanager
def nothing_happens(api: Api) -> Iterator[None]:
    before = take_snapshot(api.program)
    yield
    assert changed(before, take_snapshot(api.program)) == []


def tell(api: Api, query: str = "", key: str | None = None, **said: Any) -> Answer:
    return api.post(f"/v1/orders{query}", ORDER | said, key=key)


def told(api: Api, **said: Any) -> Any:
    answer = tell(api, **said)
    assert answer.status == 201, answer.body
    return answer.body


def move(api: Api, verb: str, body: Any = None, query: str = "") -> Answer:
    return api.post(f"/v1/orders/ext:1017/{verb}{query}", body or {})


def lasting(said: Any) -> Any:
    """Return an answer without what is of its moment."""
    if isinstance(said, list):
        return [lasting(one) for one in said]
    if not isinstance(said, dict):
        return "ord_…" if str(said).startswith("ord_") else said
    moment = {"created_at", "decided_at", "recorded_at", "hash"}
    return {name: lasting(one) for name, one in said.items() if name not in moment}


def available(api: Api) -> int:
    return int(api.get(ANNA).body["balance"]["available"])


# ---------------------------------------------------------------------- what it earns


def test_a_paid_order_earns_and_says_why(shop: Api) -> None:
    answer = tell(shop)
    assert answer.status == 201
    body = answer.body
    assert body["order"]["status"] == "paid"
    assert answer.response["Location"] == f"/v1/orders/{body['order']['id']}"
    decision = body["decision"]
    assert (decision["points"], decision["version"], decision["payment"]) == (21, 1, 1)
    (award,) = decision["awards"]
    assert (award["rule"], award["kind"], award["rate"], award["per"]) == (
        "r1",
        "per_spend",
        "1",
        100,
    )
    assert [
        (part["line"], part["basis"], part["points"]) for part in award["parts"]
    ] == [
        (1, 1200, 12),
        (2, 900, 9),
    ]
    assert (award["asked"], award["points"], award["taken"]) == (21, 21, 0)
    assert [
        (rule["rule"], rule["matched"], rule["points"], rule["code"])
        for rule in decision["looked_at"]
    ] == [("r1", True, 21, None), ("r2", False, 0, "other_channel")]
    (entry,) = body["entries"]
    assert (entry["type"], entry["amount"]) == ("earn", 21)
    assert award["entry"] == entry["id"]
    assert entry["reference"] == {"type": "order", "id": "1017"}
    (after,) = body["balances"]
    assert after["account"] == entry["account"]
    assert after["balance"] == shop.get(ANNA).body["balance"]
    assert available(shop) == 21
    stands = shop.get("/v1/orders/ext:1017").body
    assert stands == {
        "order": body["order"],
        "decisions": [decision],
        "taken": [],
        "entries": [entry],
    }


def test_without_a_configuration_an_order_is_kept_and_earns_nothing(api: Api) -> None:
    api.enrol("anna")
    body = told(api)
    assert (body["decision"]["version"], body["decision"]["points"]) == (None, 0)
    assert body["decision"]["looked_at"] == body["entries"] == body["balances"] == []
    assert available(api) == 0


def test_an_open_order_earns_when_it_is_paid(shop: Api) -> None:
    assert told(shop, status="open")["decision"] is None
    assert available(shop) == 0
    assert shop.get("/v1/orders/ext:1017").body["decisions"] == []
    answer = move(shop, "pay", {"tenders": [{"kind": "card", "amount": 2100}]})
    assert answer.status == 200
    assert answer.body["order"]["status"] == "paid"
    assert answer.body["decision"]["points"] == available(shop) == 21
    with nothing_happens(shop):
        assert move(shop, "pay").body["order"] == answer.body["order"]


def test_an_open_order_that_is_told_paid_is_paid(shop: Api) -> None:
    opened = told(shop, status="open")["order"]
    answer = tell(shop)
    assert (answer.status, answer.body["order"]["id"]) == (200, opened["id"])
    assert answer.body["order"]["status"] == "paid"
    assert available(shop) == 21
    # And told open again it stays paid.
    assert tell(shop, status="open").body["order"]["status"] == "paid"
    assert available(shop) == 21


# ------------------------------------------------------------------------- told twice


def test_an_order_that_is_told_twice_is_one_order(shop: Api) -> None:
    first = told(shop)
    with nothing_happens(shop):
        again = tell(shop, occurred_at="2026-03-01T14:00:00+02:00")
    assert again.status == 200
    assert again.body["order"] == first["order"]
    assert again.body["decision"] == first["decision"]
    assert "Location" not in again.response
    assert available(shop) == 21


def test_with_a_key_the_first_answer_comes_again(shop: Api) -> None:
    first = tell(shop, key="once")
    again = tell(shop, key="once")
    assert (first.status, again.status) == (201, 201)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.body == first.body
    other = tell(shop, key="once", external_id="1018")
    assert (other.status, other.code) == (422, "key_reused")
    assert shop.get("/v1/orders/ext:1018").code == "order_not_found"
    assert available(shop) == 21


OTHERWISE: list[dict[str, Any]] = [
    {"lines": [{"unit_price": 2100}]},
    {"shipping": 100},
    {"channel": "web"},
    {"occurred_at": "2026-03-01T12:00:01Z"},
    {"tenders": [{"kind": "voucher", "amount": 2100}]},
]


@pytest.mark.parametrize("said", OTHERWISE, ids=lambda said: next(iter(said)))
def test_other_contents_under_the_same_id_are_refused(
    shop: Api, said: dict[str, Any]
) -> None:
    order = told(shop, tenders=[{"kind": "card", "amount": 2100}])["order"]
    with nothing_happens(shop):
        answer = tell(shop, **{"tenders": []} | said)
    assert (answer.status, answer.code) == (422, "order_reused")
    assert answer.body["details"] == {"order": order["id"]}
    assert answer.body["errors"][0]["pointer"] == "/external_id"


# --------------------------------------------------------------------------- only tried


def test_a_dry_run_answers_the_same_and_writes_nothing(shop: Api) -> None:
    with nothing_happens(shop):
        tried = tell(shop, "?dry_run=true")
        assert shop.get("/v1/orders/ext:1017").code == "order_not_found"
    assert tried.status == 200
    assert "Location" not in tried.response
    done = tell(shop).body
    assert tried.body["decision"]["points"] == 21
    assert lasting(tried.body) == lasting(done)


def test_a_dry_run_is_refused_as_the_call_would_be(shop: Api) -> None:
    with nothing_happens(shop):
        answer = tell(shop, "?dry_run=true", total=1)
    assert (answer.status, answer.code) == (422, "total_differs")


def test_a_dry_run_is_judged_by_the_rules_of_another_time(shop: Api) -> None:
    tomorrow = clock.read() + DAY
    configure(shop, {"earn": PER_EURO | {"points": 3}}, since=tomorrow)
    for at, points in (
        ("2020-01-01T00:00:00Z", 21),
        (f"{tomorrow + DAY:%Y-%m-%dT%H:%M:%SZ}", 63),
        ("1999-12-31T00:00:00Z", 0),
    ):
        with nothing_happens(shop):
            tried = tell(shop, f"?dry_run=true&at={at}")
        assert tried.body["decision"]["points"] == points, at
    assert told(shop)["decision"]["points"] == 21


@pytest.mark.parametrize(
    "query",
    [
        "?at=2020-01-01T00:00:00Z",
        "?dry_run=false&at=2020-01-01T00:00:00Z",
        "?dry_run=true&at=0001-01-01T00:00:00Z",
        "?dry_run=true&at=9999-12-31T00:00:00Z",
        "?dry_run=true&at=tomorrow",
    ],
)
def test_another_time_is_of_a_dry_run_and_of_our_era(shop: Api, query: str) -> None:
    with nothing_happens(shop):
        answer = tell(shop, query)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["parameter"] == "at"


# ------------------------------------------------------------------- what is said wrong


LINE = {"unit_price": 1200}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"external_id": ""}, "/external_id"),
    ({"external_id": " 1017"}, "/external_id"),
    ({"external_id": "x" * 201}, "/external_id"),
    ({"occurred_at": "2999-01-01T00:00:00Z"}, "/occurred_at"),
    ({"occurred_at": "1899-12-31T00:00:00Z"}, "/occurred_at"),
    ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "/occurred_at"),
    ({"occurred_at": "9999-12-31T23:00:00-14:00"}, "/occurred_at"),
    ({"occurred_at": "2026-03-01"}, "/occurred_at"),
    ({"currency": None}, "/currency"),
    ({"currency": "eur"}, "/currency"),
    ({"currency": "EUR\n"}, "/currency"),
    ({"total": 12.5}, "/total"),
    ({"total": -1}, "/total"),
    ({"lines": []}, "/total"),
    ({"lines": [LINE | {"quantity": 0}]}, "/lines/0/quantity"),
    ({"lines": [LINE, LINE | {"discount": 1201}]}, "/lines/1/discount"),
    ({"lines": [LINE | {"tax": 1201}]}, "/lines/0/tax"),
    ({"lines": [LINE | {"sku": ""}]}, "/lines/0/sku"),
    ({"lines": [LINE | {"name": "a\x00b"}]}, "/lines/0/name"),
    ({"lines": [LINE | {"price": 5}]}, "/lines/0/price"),
    ({"lines": [{"sku": "beans"}]}, "/lines/0/unit_price"),
    ({"lines": [LINE] * 1001}, "/lines"),
    ({"discount": 2101}, "/discount"),
    ({"shipping": -1}, "/shipping"),
    ({"tenders": [{"kind": "card", "amount": 0}]}, "/tenders/0/amount"),
    ({"tenders": [{"kind": "gold", "amount": 5}]}, "/tenders/0/kind"),
    ({"tenders": [{"kind": "points", "amount": 5, "entry": "7"}]}, "/tenders/0/entry"),
    ({"place": "nowhere"}, "/place"),
    ({"channel": "\n"}, "/channel"),
    ({"status": "cancelled"}, "/status"),
    ({"points": 5}, "/points"),
]


@pytest.mark.parametrize(("said", "pointer"), WRONG)
def test_what_is_malformed_is_named_and_nothing_is_done(
    shop: Api, said: dict[str, Any], pointer: str
) -> None:
    with nothing_happens(shop):
        answer = tell(shop, **said)
    assert (answer.status, answer.code) == (400, "malformed"), answer.body
    (wrong,) = answer.body["errors"]
    assert wrong["pointer"] == pointer
    assert wrong["detail"] == answer.body["detail"]


REFUSED: list[tuple[dict[str, Any], int, str, dict[str, Any]]] = [
    ({"member": "ext:nobody"}, 404, "member_not_found", {}),
    ({"member": "anna"}, 404, "member_not_found", {}),
    (
        {"currency": "USD"},
        422,
        "currency_differs",
        {"currency": "USD", "program": "EUR"},
    ),
    (
        {"total": 2000},
        422,
        "total_differs",
        {"total": 2000, "sum": 2100, "difference": -100},
    ),
    (
        {"tenders": [{"kind": "cash", "amount": 2000}]},
        422,
        "tenders_differ",
        {"total": 2100, "tendered": 2000, "difference": 100},
    ),
    (
        {"tenders": [{"kind": "points", "amount": 2100, "entry": "ext:bo@points/1"}]},
        404,
        "tender_entry_not_found",
        {},
    ),
]


@pytest.mark.parametrize(("said", "status", "code", "details"), REFUSED)
def test_what_is_refused_says_its_facts_and_nothing_is_done(
    shop: Api, said: dict[str, Any], status: int, code: str, details: dict[str, Any]
) -> None:
    with nothing_happens(shop):
        answer = tell(shop, **said)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer.body.get("details", {}) == details


# ------------------------------------------------------------- paid with points, undone


def test_points_that_paid_for_an_order_return_to_their_lots(shop: Api) -> None:
    lot = shop.earn(ANNA, 500, validity="P5M")
    spend = shop.post(f"{ANNA}/redeem", {"points": 300}, key="pay").body["entry"]
    tenders = [
        {
            "kind": "points",
            "amount": 600,
            "entry": f"ext:anna@points/{spend['sequence']}",
        },
        {"kind": "card", "amount": 1500},
    ]
    body = told(shop, tenders=tenders)
    assert body["order"]["tenders"][0]["entry"] == spend["id"]
    # What was paid with points earns nothing.
    assert body["decision"]["points"] == 15
    assert available(shop) == 215
    with nothing_happens(shop):
        tried = move(shop, "cancel", query="?dry_run=true").body
    undone = move(shop, "cancel").body
    assert undone["order"]["status"] == tried["order"]["status"] == "cancelled"
    assert [(one["rule"], one["points"]) for one in undone["taken"]] == [("r1", 15)]
    assert tried["given_back"] == undone["given_back"]
    assert undone["given_back"] == [{"tender": 1, "points": 300, "refusal": None}]
    assert {entry["type"] for entry in undone["entries"]} == {"reverse", "refund"}
    assert available(shop) == 500
    assert undone["balances"][0]["balance"] == shop.get(ANNA).body["balance"]
    lots = shop.get(f"{ANNA}/lots").body["data"]
    (whole,) = [one for one in lots if one["sequence"] == lot["sequence"]]
    assert (whole["remaining"], whole["expires_at"]) == (500, lot["expires_at"])
    (decision,) = shop.get("/v1/orders/ext:1017").body["decisions"]
    assert [award["taken"] for award in decision["awards"]] == [15]
    with nothing_happens(shop):
        again = move(shop, "cancel")
        assert (again.status, again.body["taken"]) == (200, [])
        refused = move(shop, "pay")
    assert (refused.status, refused.code) == (409, "order_cannot_move")
    assert refused.body["details"] == {"status": "cancelled", "to": "paid"}


def test_a_reopened_order_is_paid_and_judged_anew(shop: Api) -> None:
    told(shop)
    reopened = move(shop, "reopen").body
    assert reopened["order"]["status"] == "reopened"
    assert [one["points"] for one in reopened["taken"]] == [21]
    assert available(shop) == 0
    paid = move(shop, "pay").body
    assert (paid["order"]["status"], paid["decision"]["payment"]) == ("paid", 2)
    assert available(shop) == 21
    decisions = shop.get("/v1/orders/ext:1017").body["decisions"]
    assert [one["payment"] for one in decisions] == [1, 2]
    assert [one["awards"][0]["taken"] for one in decisions] == [21, 0]


@pytest.mark.parametrize("verb", ["pay", "cancel", "reopen"])
def test_a_move_that_is_said_wrong_is_none(shop: Api, verb: str) -> None:
    told(shop, status="open" if verb == "pay" else "paid")
    with nothing_happens(shop):
        for body, pointer in (
            ({"at": "2999-01-01T00:00:00Z"}, "/at"),
            ({"at": "noon"}, "/at"),
            ({"reason": "none"}, "/reason"),
        ):
            answer = move(shop, verb, body)
            assert (answer.status, answer.code) == (400, "malformed")
            assert answer.body["errors"][0]["pointer"] == pointer


# --------------------------------------------------------------------------- who may


def test_a_cashier_sells_at_their_own_places(shop: Api) -> None:
    a_place(shop, "airport")
    cashier = a_person(shop, "cashier")
    assert told(cashier)["order"]["place"] == "old-town"
    mine = told(cashier, external_id="mine", place="old-town")["order"]
    with nothing_happens(shop):
        there = tell(cashier, external_id="there", place="airport")
        nowhere = tell(cashier, external_id="there", place="nowhere")
    for answer in (there, nowhere):
        assert (answer.status, answer.code) == (403, "forbidden")
        assert answer.body["details"] == {"places": ["old-town"]}
        assert answer.body["errors"][0]["pointer"] == "/place"
    told(shop, external_id="theirs", place="airport", status="open")
    told(shop, external_id="online", status="open")
    back = {"external_id": "R-1", "occurred_at": "2026-03-02T12:00:00Z"}
    with nothing_happens(shop):
        for order in ("theirs", "online"):
            paid = cashier.post(f"/v1/orders/ext:{order}/pay", {})
            returned = cashier.post(
                f"/v1/orders/ext:{order}/returns", back | {"everything": True}
            )
            assert (paid.code, returned.code) == ("forbidden", "forbidden")
        cancelled = cashier.post(f"/v1/orders/{mine['id']}/cancel", {})
        assert cancelled.code == "forbidden"
    returned = cashier.post(
        f"/v1/orders/{mine['id']}/returns", back | {"everything": True}
    )
    assert returned.status == 201


def test_support_cancels_and_records_nothing(shop: Api) -> None:
    told(shop)
    support = a_person(shop, "support")
    with nothing_happens(shop):
        assert tell(support, external_id="1018").code == "forbidden"
    assert move(support, "cancel").body["order"]["status"] == "cancelled"
    cancelled = shop.get("/v1/orders/ext:1017").body["order"]["id"]
    assert [
        (action, target)
        for _, action, target in audit_of(shop)
        if action.startswith("order.")
    ] == [("order.cancelled", cancelled)]


def test_a_key_needs_the_scope(shop: Api) -> None:
    reader = another_key(shop, scopes=("orders:read",))
    writer = another_key(shop, scopes=("orders:write",))
    with nothing_happens(shop):
        answer = tell(reader)
    assert (answer.status, answer.body["details"]) == (403, {"scope": "orders:write"})
    assert tell(writer).status == 201
    assert writer.get("/v1/orders/ext:1017").code == "forbidden"
    assert move(writer, "cancel").body["details"] == {"scope": "orders:cancel"}
