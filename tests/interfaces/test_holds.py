"""Reserve, capture and void over HTTP, and the holds that they make."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interfaces.conftest import DAY, START, Answer, Api, make_api


def reserve(api: Api, account: str, points: int, key: str, **body: Any) -> Answer:
    return api.post(f"{account}/reserve", {"points": points, **body}, key=key)


def hold_of(api: Api, account: str, points: int, key: str, **body: Any) -> str:
    """Reserve, and return the path of the hold."""
    answer = reserve(api, account, points, key, **body)
    assert answer.status == 201, answer.body
    return f"{account}/holds/{answer.body['entry']['sequence']}"


def numbers(api: Api, account: str) -> tuple[int, int]:
    balance = api.get(account).body["balance"]
    return balance["available"], balance["reserved"]


def advance(api: Api, days: float) -> None:
    to = (START + days * DAY).isoformat()
    assert api.post("/v1/test/clock/advance", {"to": to}).status == 200


def test_a_reserve_sets_points_aside_in_a_hold(api: Api) -> None:
    account = api.enrol()
    advance(api, 0)
    api.earn(account, 100)
    answer = reserve(
        api,
        account,
        60,
        "r",
        time_to_live="PT15M",
        reference={"type": "checkout", "id": "c1"},
    )
    entry = answer.body["entry"]
    assert (entry["type"], entry["amount"]) == ("reserve", 60)
    assert (entry["available"], entry["reserved"]) == (-60, 60)
    assert entry["expires_at"] == "2030-01-01T00:15:00Z"
    assert answer.body["balance"]["reserved"] == 60
    assert api.get(f"{account}/holds/2").body == {
        "id": f"{entry['account']}/2",
        "account": entry["account"],
        "sequence": 2,
        "points": 60,
        "state": "open",
        "captured": 0,
        "reference": {"type": "checkout", "id": "c1"},
        "opened_at": "2030-01-01T00:00:00Z",
        "expires_at": "2030-01-01T00:15:00Z",
        "resolved_by": None,
    }


def test_what_is_reserved_cannot_be_spent(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    hold_of(api, account, 60, "r")
    spent = api.post(f"{account}/redeem", {"points": 50}, key="s")
    assert (spent.status, spent.code) == (422, "insufficient_points")
    assert spent.body["details"] == {"available": 40, "required": 50, "missing": 10}
    more = reserve(api, account, 50, "r2")
    assert (more.status, more.code) == (422, "insufficient_points")
    assert numbers(api, account) == (40, 60)


def test_a_capture_spends_a_part_and_the_rest_comes_back(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    hold = hold_of(api, account, 60, "r")
    answer = api.post(f"{hold}/capture", {"points": 45}, key="c")
    entry = answer.body["entry"]
    assert (answer.status, entry["type"], entry["amount"]) == (201, "capture", 45)
    assert (entry["available"], entry["reserved"]) == (15, -60)
    assert entry["relates_to"] == 2
    assert numbers(api, account) == (55, 0)
    seen = api.get(hold).body
    assert (seen["state"], seen["captured"], seen["resolved_by"]) == ("captured", 45, 3)
    refund = api.post(f"{account}/entries/3/refund", key="f")
    assert refund.body["entry"]["amount"] == 45
    assert numbers(api, account) == (100, 0)


def test_a_void_gives_everything_back(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    hold = hold_of(api, account, 60, "r")
    answer = api.post(f"{hold}/void", key="v")
    assert (answer.status, answer.body["entry"]["amount"]) == (201, 60)
    assert numbers(api, account) == (100, 0)
    seen = api.get(hold).body
    assert (seen["state"], seen["captured"], seen["resolved_by"]) == ("voided", 0, 3)


@pytest.mark.parametrize("first", ["capture", "void"])
@pytest.mark.parametrize("second", ["capture", "void"])
def test_a_hold_is_resolved_once(api: Api, first: str, second: str) -> None:
    account = api.enrol()
    api.earn(account, 100)
    hold = hold_of(api, account, 60, "r")
    done = api.post(f"{hold}/{first}", key="one")
    again = api.post(f"{hold}/{first}", key="one")
    assert (again.status, again.replayed, again.body) == (201, True, done.body)
    other = api.post(f"{hold}/{second}", key="two")
    assert (other.status, other.code) == (409, "hold_not_open")
    assert other.body["details"] == {"hold": 2}
    assert api.get(account).body["last_sequence"] == 3


def test_a_hold_comes_back_by_itself_when_its_time_is_over(api: Api) -> None:
    account = api.enrol()
    advance(api, 0)
    api.earn(account, 100)
    hold = hold_of(api, account, 60, "r", time_to_live="P2D")
    advance(api, 1.9)
    assert api.get(hold).body["state"] == "open"
    assert (
        api.get(f"{account}/balance?as_of=2030-01-03T00:00:00Z").body["balance"][
            "available"
        ]
        == 100
    )
    advance(api, 2)
    assert api.get(hold).body["state"] == "voided"
    assert numbers(api, account) == (100, 0)
    late = api.post(f"{hold}/capture", key="late")
    assert (late.status, late.code) == (409, "hold_not_open")
    assert numbers(api, account) == (100, 0)


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "details"),
    [
        ("holds/99/capture", {}, 404, "entry_not_found", {"hold": 99}),
        ("holds/99/void", {}, 404, "entry_not_found", {"hold": 99}),
        ("holds/1/void", {}, 404, "entry_not_found", {"hold": 1}),
        ("holds/2/capture", {"points": 61}, 422, "exceeds_original", {"left": 60}),
    ],
)
def test_what_cannot_be_captured_is_refused(
    api: Api, path: str, body: dict[str, Any], status: int, code: str, details: Any
) -> None:
    account = api.enrol()
    api.earn(account, 100)
    hold_of(api, account, 60, "r")
    answer = api.post(f"{account}/{path}", body, key="k")
    assert (answer.status, answer.code) == (status, code)
    assert answer.body["details"] == details
    assert numbers(api, account) == (40, 60)


@pytest.mark.parametrize(
    ("time_to_live", "pointer"),
    [
        ("P8D", "/time_to_live"),
        ("PT0S", "/time_to_live"),
        ("soon", "/time_to_live"),
    ],
)
def test_a_hold_lasts_at_most_as_long_as_the_wallet_says(
    api: Api, time_to_live: str, pointer: str
) -> None:
    account = api.enrol()
    api.earn(account, 100)
    answer = reserve(api, account, 60, "r", time_to_live=time_to_live)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == pointer
    # What is malformed leaves its key free.
    assert reserve(api, account, 60, "r", time_to_live="P7D").status == 201


def test_a_frozen_account_opens_no_hold_but_resolves_those_it_has(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    holds = [hold_of(api, account, 20, f"r{n}") for n in range(2)]
    reason = {"reason": "Reported stolen"}
    assert api.post(f"{account}/freeze", reason).status == 200
    answer = reserve(api, account, 20, "more")
    assert (answer.status, answer.code) == (409, "account_frozen")
    assert api.post(f"{holds[0]}/capture", key="c").status == 201
    assert api.post(f"{holds[1]}/void", key="v").status == 201
    assert numbers(api, account) == (80, 0)


def test_holds_are_listed_newest_first_and_by_whether_they_are_open(api: Api) -> None:
    account = api.enrol()
    advance(api, 0)
    api.earn(account, 100)
    paths = [hold_of(api, account, 10, f"r{n}") for n in range(3)]
    short = hold_of(api, account, 10, "short", time_to_live="P1D")
    api.post(f"{paths[0]}/capture", key="c")
    api.post(f"{paths[1]}/void", key="v")

    def listed(query: str) -> list[tuple[int, str]]:
        page = api.get(f"{account}/holds{query}").body
        assert page["has_more"] is False
        return [(hold["sequence"], hold["state"]) for hold in page["data"]]

    assert listed("") == [(5, "open"), (4, "open"), (3, "voided"), (2, "captured")]
    assert listed("?open=true") == [(5, "open"), (4, "open")]
    assert listed("?open=false") == [(3, "voided"), (2, "captured")]
    first = api.get(f"{account}/holds?limit=3").body
    assert [hold["sequence"] for hold in first["data"]] == [5, 4, 3]
    rest = api.get(f"{account}/holds?limit=3&cursor={first['next_cursor']}").body
    assert [hold["sequence"] for hold in rest["data"]] == [2]
    assert rest["has_more"] is False
    advance(api, 1)
    assert listed("?open=true") == [(4, "open")]
    assert (5, "voided") in listed("?open=false")
    assert api.get(short).body["state"] == "voided"


def test_a_hold_that_is_nobodys_is_not_found(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    hold_of(api, account, 60, "r")
    for sequence in (1, 99, "9" * 400):
        answer = api.get(f"{account}/holds/{sequence}")
        assert (answer.status, answer.code) == (404, "entry_not_found")
    foreign = make_api().get(f"/v1/accounts/{api.get(account).body['id']}/holds/2")
    assert (foreign.status, foreign.code) == (404, "account_not_found")


def test_up_to_reserves_what_there_is(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 30)
    answer = reserve(api, account, 50, "u", up_to=True)
    assert (answer.status, answer.body["entry"]["amount"]) == (201, 30)
    nothing = reserve(api, account, 50, "u2", up_to=True)
    assert (nothing.status, nothing.code) == (422, "insufficient_points")


def test_a_dry_run_opens_and_resolves_nothing(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 100)
    dry = api.post(f"{account}/reserve?dry_run=true", {"points": 60})
    assert (dry.status, dry.body["balance"]["reserved"]) == (200, 60)
    assert api.get(f"{account}/holds").body["data"] == []
    hold = hold_of(api, account, 60, "r")
    for verb in ("capture", "void"):
        assert api.post(f"{hold}/{verb}?dry_run=true").status == 200
    assert api.get(hold).body["state"] == "open"
