"""Members, accounts, balances at any instant, entries and lots over HTTP."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from punchcard.kernel import clock
from punchcard.kernel.transactions import transaction
from punchcard.programs.operations import create_wallet
from tests.interfaces.conftest import DAY, START, Api, make_api
from tests.interfaces.people import a_person, an_address, invite


def test_a_member_is_enrolled_once(api: Api) -> None:
    first = api.post("/v1/members", {"external_id": "anna"})
    second = api.post("/v1/members", {"external_id": "anna"})
    assert (first.status, second.status) == (201, 200)
    assert first.body == second.body
    assert first.body["id"].startswith("mem_")
    assert first.response["Location"] == f"/v1/members/{first.body['id']}"
    assert api.get(first.response["Location"]).body == first.body
    assert api.get("/v1/members/ext:anna").body == first.body


@pytest.mark.parametrize(
    "external_id",
    ["a@b.example", "gid://shop/Customer/7", "Ünï ☃", "a?b#c%", "x@points"],
)
def test_an_external_id_may_be_any_printable_text(api: Api, external_id: str) -> None:
    made = api.post("/v1/members", {"external_id": external_id})
    assert made.status == 201
    named = quote(external_id, safe="")
    assert api.get(f"/v1/members/ext:{named}").body == made.body
    account = api.get(f"/v1/accounts/ext:{named}@points")
    assert account.body["holder"] == {"kind": "member", "id": made.body["id"]}


def test_a_wallet_made_later_gets_its_accounts_at_the_next_enrolment(api: Api) -> None:
    api.enrol()
    with transaction():
        create_wallet(program=api.program, code="miles", name="Miles", now=clock.read())
    assert api.get("/v1/accounts/ext:anna@miles").status == 404
    api.enrol()
    accounts = api.get("/v1/members/ext:anna/accounts").body["data"]
    assert [account["wallet"] for account in accounts] == ["miles", "points"]


def test_members_are_listed_page_by_page(api: Api) -> None:
    names = [f"m{n}" for n in range(5)]
    for name in names:
        api.enrol(name)
    seen: list[str] = []
    path = "/v1/members?limit=2&sort=created_at"
    while True:
        page = api.get(path).body
        seen += [member["external_id"] for member in page["data"]]
        if not page["has_more"]:
            assert page["next_cursor"] is None
            break
        path = f"/v1/members?limit=2&sort=created_at&cursor={page['next_cursor']}"
    assert seen == names
    newest = api.get("/v1/members?limit=1").body["data"]
    assert newest[0]["external_id"] == "m4"
    late = quote((clock.read() + DAY).isoformat())
    assert api.get(f"/v1/members?created_at.gte={late}").body["data"] == []
    assert len(api.get(f"/v1/members?created_at.lt={late}").body["data"]) == 5


def test_a_balance_can_be_asked_at_any_instant() -> None:
    api = make_api(validity="P10D", pending_period="P1D")
    api.post("/v1/test/clock/advance", {"to": START.isoformat()})
    account = api.enrol()
    api.earn(account, 100)

    def at(days: float) -> tuple[int, int]:
        asked = quote((START + timedelta(days=days)).isoformat())
        answer = api.get(f"{account}/balance?as_of={asked}")
        assert answer.status == 200, answer.body
        balance = answer.body["balance"]
        return balance["available"], balance["pending"]

    assert at(-1) == (0, 0)
    assert at(0) == (0, 100)
    assert at(1) == (100, 0)
    assert at(11) == (0, 0)
    assert at(365 * 100) == (0, 0)
    now = api.get(account).body
    assert now["balance"]["pending"] == 100
    assert api.get(f"{account}/balance").body["balance"] == now["balance"]


def test_an_account_says_what_lapses_next() -> None:
    api = make_api(validity="P10D")
    account = api.enrol()
    api.earn(account, 30)
    body = api.get(account).body
    assert body["next_expiry"]["points"] == 30
    assert body["status"] == "open"
    assert body["last_sequence"] == 1


def test_entries_are_listed_filtered_and_paged(api: Api) -> None:
    account = api.enrol()
    for n in range(3):
        api.earn(account, 10 + n, reference={"type": "order", "id": f"o{n}"})
    api.post(f"{account}/redeem", {"points": 5}, key="s")

    def sequences(query: str) -> list[int]:
        answer = api.get(f"{account}/entries?{query}")
        assert answer.status == 200, answer.body
        return [entry["sequence"] for entry in answer.body["data"]]

    assert sequences("") == [4, 3, 2, 1]
    assert sequences("sort=sequence") == [1, 2, 3, 4]
    assert sequences("type=redeem") == [4]
    assert sequences("type=redeem&type=earn") == [4, 3, 2, 1]
    assert sequences("source=redemption") == [4]
    assert sequences("reference.type=order&reference.id=o1") == [2]
    assert sequences("effective_at.gte=2100-01-01T00:00:00Z") == []
    assert len(sequences("effective_at.lt=2100-01-01T00:00:00Z")) == 4
    page = api.get(f"{account}/entries?limit=3").body
    assert page["has_more"]
    assert sequences(f"limit=3&cursor={page['next_cursor']}") == [1]
    assert sequences("limit=4") == [4, 3, 2, 1]


def test_an_entry_shows_its_lots_both_ways(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    api.post(f"{account}/redeem", {"points": 60}, key="s")
    api.post(f"{account}/entries/2/refund", {"points": 10}, key="f")
    earn = api.get(f"{account}/entries/1").body
    assert earn["lots_opened"][0]["id"] == "1.1"
    assert earn["lots_opened"][0]["remaining"] == 50
    assert earn["used_by"] == [
        {"entry": 2, "lot": "1.1", "points": -60},
        {"entry": 3, "lot": "1.1", "points": 10},
    ]
    spend = api.get(f"{account}/entries/2").body
    assert spend["allocations"] == [{"lot": "1.1", "points": -60}]
    assert spend["related"] == [3]
    assert api.get(f"{account}/entries/9").code == "entry_not_found"


def test_lots_are_listed_page_by_page(api: Api) -> None:
    account = api.enrol()
    for _ in range(3):
        api.earn(account, 10)
    page = api.get(f"{account}/lots?limit=2").body
    assert [lot["id"] for lot in page["data"]] == ["1.1", "2.1"]
    rest = api.get(f"{account}/lots?limit=2&cursor={page['next_cursor']}").body
    assert [lot["id"] for lot in rest["data"]] == ["3.1"]
    assert not rest["has_more"]


@pytest.mark.parametrize(
    ("path", "sort"),
    [
        ("/v1/members", "created_at"),
        ("/v1/users", "created_at"),
        ("/v1/memberships", "created_at"),
        ("/v1/api-keys", "created_at"),
        ("/v1/audit", "at"),
        ("{account}/entries", "sequence"),
        ("{account}/lots", "sequence"),
        ("{account}/holds", "sequence"),
    ],
)
def test_a_list_goes_forwards_and_backwards_page_by_page(
    api: Api, path: str, sort: str
) -> None:
    account = api.enrol("anna")
    person = a_person(api, "admin")
    for n in range(5):
        api.earn(account, 10)
        api.post(f"{account}/reserve", {"points": 1}, key=f"hold {n}")
        api.enrol(f"member {n}")
        invite(api, an_address(f"user{n}"), role="analyst")
        person.post("/v1/api-keys", {"name": f"key {n}", "scopes": ["members:read"]})
    there = path.format(account=account)

    def pages(order: str) -> list[str]:
        found, cursor = [], ""
        for _ in range(20):
            page = api.get(f"{there}?limit=2&sort={order}{cursor}").body
            found += [row["id"] for row in page["data"]]
            if not page["has_more"]:
                return found
            cursor = f"&cursor={page['next_cursor']}"
        raise AssertionError("a list without an end")

    forwards, backwards = pages(sort), pages(f"-{sort}")
    assert len(set(forwards)) == len(forwards) >= 5
    assert backwards == forwards[::-1]
    first = api.get(f"{there}?limit=2&sort={sort}").body["next_cursor"]
    answer = api.get(f"{there}?sort=-{sort}&cursor={first}")
    assert (answer.status, answer.code) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    "path", ["/v1/members", "/v1/users", "/v1/memberships", "/v1/api-keys"]
)
def test_a_list_is_cut_at_instants_the_first_one_included(api: Api, path: str) -> None:
    for name in ("anna", "berta", "carla"):
        api.enrol(name)
        invite(api, an_address(name), role="analyst")
        api.post("/v1/api-keys", {"name": name, "scopes": ["members:read"]})
    rows = api.get(f"{path}?sort=created_at").body["data"]
    ids, middle = [row["id"] for row in rows], rows[-2]["created_at"]
    instants = [row["created_at"] for row in rows]
    assert instants == sorted(set(instants))

    def found(query: str) -> list[str]:
        page = api.get(f"{path}?sort=created_at&{query}")
        assert page.status == 200, page.body
        return [row["id"] for row in page.body["data"]]

    assert found(f"created_at.gte={middle}") == ids[-2:]
    assert found(f"created_at.lt={middle}") == ids[:-2]
    assert found(f"created_at.gte={middle}&created_at.lt={middle}") == []


@pytest.mark.parametrize(
    "cursor", ["x", "!", "bWVtYmVycw", "WyJlbnRyaWVzOnNlcXVlbmNlIiwxXQ", "%00", "é"]
)
def test_a_cursor_of_ones_own_making_is_refused(api: Api, cursor: str) -> None:
    account = api.enrol()
    answer = api.get(f"{account}/entries?cursor={quote(cursor, safe='%')}")
    assert (answer.status, answer.code) == (400, "invalid_cursor")
    assert answer.body["errors"][0]["parameter"] == "cursor"


def test_what_is_another_programs_looks_like_nothing(api: Api) -> None:
    other = make_api()
    other.enrol("bo")
    entry = other.earn("/v1/accounts/ext:bo@points", 10)
    member = other.get("/v1/members/ext:bo").body["id"]
    unknown = "acc_01h455vb4pex5vsknk084sn02q"
    for verb in ("", "/balance", "/entries", "/entries/1", "/lots"):
        foreign = api.get(f"/v1/accounts/{entry['account']}{verb}")
        absent = api.get(f"/v1/accounts/{unknown}{verb}")
        assert _same(foreign.body) == _same(absent.body)
        assert (foreign.status, foreign.code) == (404, "account_not_found")
    for verb in ("earn", "redeem", "entries/1/refund", "entries/1/reverse"):
        path = f"/v1/accounts/{entry['account']}/{verb}"
        answer = api.post(path, {"points": 1}, key="k")
        assert (answer.status, answer.code) == (404, "account_not_found")
    assert api.get(f"/v1/members/{member}").code == "member_not_found"
    assert api.get("/v1/members/ext:bo").code == "member_not_found"
    assert api.get("/v1/members").body["data"] == []
    assert other.get("/v1/accounts/ext:bo@points").body["last_sequence"] == 1


def _same(body: dict[str, object]) -> dict[str, object]:
    return {k: v for k, v in body.items() if k not in {"instance", "request_id"}}
