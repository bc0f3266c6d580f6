"""Activities told over HTTP: what they earn, told twice, only tried, refused."""

from __future__ import annotations

from typing import Any

import pytest

from punchcard.kernel import clock
from tests.interfaces.conftest import DAY, Answer, Api, another_key
from tests.interfaces.ordering import configure
from tests.interfaces.people import a_person, a_place, audit_of
from tests.interfaces.snapshots import changed, take_snapshot

ANNA = "/v1/accounts/ext:anna@points"
REVIEW: dict[str, Any] = {
    "external_id": "review-1",
    "member": "ext:anna",
    "type": "review",
    "occurred_at": "2026-03-01T12:00:00Z",
    "facts": {"stars": 5, "product": "beans-1kg"},
}
TYPES = {
    "review": {"facts": {"stars": "int", "product": "text"}, "required": ["stars"]},
    "check_in": {},
}
TEN = {"trigger": "activity:review", "earn": {"kind": "fixed", "points": 10}}


@pytest.fixture
def shop(api: Api) -> Api:
    """A program in which a review earns ten points, and a check-in none."""
    api.enrol("anna")
    configure(api, TEN, activities=TYPES)
    return api


def tell(api: Api, query: str = "", key: str | None = None, **said: Any) -> Answer:
    return api.post(f"/v1/activities{query}", REVIEW | said, key=key)


def available(api: Api) -> int:
    return int(api.get(ANNA).body["balance"]["available"])


def test_an_activity_earns_and_says_why(shop: Api) -> None:
    answer = tell(shop)
    assert answer.status == 201
    body = answer.body
    activity, decision = body["activity"], body["decision"]
    assert answer.response["Location"] == f"/v1/activities/{activity['id']}"
    assert (activity["type"], activity["facts"]) == ("review", REVIEW["facts"])
    assert (decision["points"], decision["version"]) == (10, 1)
    (entry,) = body["entries"]
    assert (entry["type"], entry["source"], entry["amount"]) == ("earn", "bonus", 10)
    assert entry["reference"] == {"type": "activity", "id": "review-1"}
    assert decision["awards"][0]["entry"] == entry["id"]
    assert body["balances"][0]["balance"]["available"] == available(shop) == 10
    stands = shop.get("/v1/activities/ext:review-1").body
    assert stands == {
        "activity": activity,
        "decision": decision,
        "taken": [],
        "entries": [entry],
    }


def test_an_activity_that_no_rule_is_about_earns_nothing(shop: Api) -> None:
    body = tell(shop, type="check_in", facts={}).body
    assert body["decision"]["points"] == 0
    assert [rule["code"] for rule in body["decision"]["looked_at"]] == ["other_trigger"]
    assert body["entries"] == body["balances"] == []
    assert available(shop) == 0


def test_an_activity_that_is_told_twice_is_one_activity(shop: Api) -> None:
    first = tell(shop).body
    before = take_snapshot(shop.program)
    again = tell(shop, occurred_at="2026-03-01T13:00:00+01:00")
    assert again.status == 200
    assert "Location" not in again.response
    assert again.body["activity"] == first["activity"]
    assert again.body["decision"] == first["decision"]
    for said in ({"facts": {"stars": 4}}, {"type": "check_in", "facts": {}}):
        other = tell(shop, **said)
        assert (other.status, other.code) == (422, "activity_reused")
        assert other.body["details"] == {"activity": first["activity"]["id"]}
    assert changed(before, take_snapshot(shop.program)) == []
    assert available(shop) == 10


def test_with_a_key_the_first_answer_comes_again(shop: Api) -> None:
    first, again = tell(shop, key="k"), tell(shop, key="k")
    assert (again.status, again.replayed, again.body) == (201, True, first.body)
    assert tell(shop, key="k", external_id="review-2").code == "key_reused"
    assert shop.get("/v1/activities/ext:review-2").code == "activity_not_found"


def test_a_dry_run_answers_the_same_and_writes_nothing(shop: Api) -> None:
    tomorrow = clock.read() + DAY
    configure(shop, TEN | {"earn": {"kind": "fixed", "points": 70}}, since=tomorrow)
    before = take_snapshot(shop.program)
    tried = tell(shop, "?dry_run=true")
    later = tell(shop, f"?dry_run=true&at={tomorrow + DAY:%Y-%m-%dT%H:%M:%SZ}")
    refused = tell(shop, "?at=2020-01-01T00:00:00Z")
    assert changed(before, take_snapshot(shop.program)) == []
    assert (tried.status, tried.body["decision"]["points"]) == (200, 10)
    assert later.body["decision"]["points"] == 70
    assert refused.body["errors"][0]["parameter"] == "at"
    assert tried.body["balances"] == tell(shop).body["balances"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"external_id": ""}, "/external_id"),
    ({"type": "Review"}, "/type"),
    ({"type": "a review"}, "/type"),
    ({"occurred_at": "2999-01-01T00:00:00Z"}, "/occurred_at"),
    ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "/occurred_at"),
    ({"facts": {"Stars": 5}}, "/facts"),
    ({"facts": {"stars": 10**15 + 1}}, "/facts/stars"),
    ({"facts": {"text": "a\x00b"}}, "/facts/text"),
    ({"facts": {"text": "x" * 501}}, "/facts/text"),
    ({"facts": {f"f{n}": n for n in range(51)}}, "/facts"),
    ({"facts": {"stars": None}}, "/facts"),
    ({"facts": [1]}, "/facts"),
    ({"place": "nowhere"}, "/place"),
    ({"points": 5}, "/points"),
]


@pytest.mark.parametrize(("said", "pointer"), WRONG)
def test_what_is_malformed_is_named_and_nothing_is_done(
    api: Api, said: dict[str, Any], pointer: str
) -> None:
    api.enrol("anna")
    before = take_snapshot(api.program)
    answer = tell(api, **said)
    assert (answer.status, answer.code) == (400, "malformed"), answer.body
    assert [wrong["pointer"] for wrong in answer.body["errors"]] == [pointer]
    assert changed(before, take_snapshot(api.program)) == []


REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"member": "ext:nobody"}, 404, "member_not_found", "/member"),
    ({"type": "birthday"}, 422, "activity_type_unknown", "/type"),
    ({"facts": {}}, 422, "activity_facts_malformed", "/facts/stars"),
    ({"facts": {"stars": "five"}}, 422, "activity_facts_malformed", "/facts/stars"),
    ({"facts": {"stars": True}}, 422, "activity_facts_malformed", "/facts/stars"),
    (
        {"facts": {"stars": 5, "text": "Good"}},
        422,
        "activity_facts_malformed",
        "/facts/text",
    ),
    ({"type": "check_in"}, 422, "activity_facts_malformed", "/facts/stars"),
]


@pytest.mark.parametrize(("said", "status", "code", "pointer"), REFUSED)
def test_what_the_program_does_not_know_is_refused(
    shop: Api, said: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    before = take_snapshot(shop.program)
    answer = tell(shop, **said)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert [wrong["pointer"] for wrong in answer.body["errors"]] == [pointer]
    assert changed(before, take_snapshot(shop.program)) == []


def test_a_program_says_which_activities_it_knows(shop: Api) -> None:
    assert tell(shop, type="birthday").body["details"] == {
        "types": ["check_in", "review"]
    }


def test_without_a_configuration_every_activity_is_taken(api: Api) -> None:
    api.enrol("anna")
    body = tell(api, type="sign_up", facts={"by": "friend", "new": True}).body
    assert body["activity"]["facts"] == {"by": "friend", "new": True}
    assert (body["decision"]["version"], body["decision"]["points"]) == (None, 0)


def test_a_cashier_tells_of_what_happens_at_their_own_places(shop: Api) -> None:
    a_place(shop, "airport")
    cashier = a_person(shop, "cashier")
    before = take_snapshot(shop.program)
    refused = tell(cashier, place="airport")
    assert (refused.code, refused.body["details"]) == (
        "forbidden",
        {"places": ["old-town"]},
    )
    assert changed(before, take_snapshot(shop.program)) == []
    activity = tell(cashier).body["activity"]
    assert activity["place"] == "old-town"
    assert [
        (action, target)
        for _, action, target in audit_of(shop)
        if action.startswith("activity.")
    ] == [("activity.recorded", activity["id"])]


def test_a_key_needs_the_scope(shop: Api) -> None:
    reader = another_key(shop, scopes=("orders:read",))
    before = take_snapshot(shop.program)
    answer = tell(reader)
    assert (answer.status, answer.body["details"]) == (403, {"scope": "orders:write"})
    assert changed(before, take_snapshot(shop.program)) == []
