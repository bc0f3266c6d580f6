"""Wallets over HTTP: several in one program, each with its own unit."""

from __future__ import annotations

import pytest

from punchcard.interfaces.api.v1 import wallets
from punchcard.journeys import create_wallet as journey
from tests.interfaces.conftest import Api, another_key, make_api

MILES = {
    "code": "miles",
    "name": "Miles",
    "scale": 2,
    "validity": "P2Y",
    "limit_per_day": 50_000,
}
POLICY = {
    "pending_period": "PT0S",
    "validity": None,
    "grace": "P30D",
    "debt_policy": "debt",
    "hold_time_max": "P7D",
    "idle": None,
    "limit_per_command": None,
    "limit_per_day": None,
    "limit_per_month": None,
}


def available(api: Api, account: str) -> int:
    balance = api.get(f"{account}/balance").body["balance"]
    return int(balance["available"])


def test_a_wallet_is_made_with_its_policy_and_listed(api: Api) -> None:
    made = api.post("/v1/wallets", MILES)
    assert made.status == 201
    assert made.body.pop("id").startswith("wal_")
    expected = POLICY | MILES | {"accounts_opened": 0, "complete": True}
    assert {k: v for k, v in made.body.items() if k not in {"id", "created_at"}} == (
        expected
    )
    listed = api.get("/v1/wallets").body
    assert [wallet["code"] for wallet in listed["data"]] == ["miles", "points"]
    assert listed["data"][0]["limit_per_day"] == 50_000
    assert (listed["has_more"], listed["next_cursor"]) == (False, None)


def test_each_member_has_two_accounts_that_share_nothing(api: Api) -> None:
    points = api.enrol("anna")
    assert api.post("/v1/wallets", MILES).body["accounts_opened"] == 1
    api.enrol("bo")
    miles = "/v1/accounts/ext:anna@miles"
    api.earn(points, 100)
    api.earn(miles, 12_345)
    assert available(api, points) == 100
    assert available(api, miles) == 12_345
    assert available(api, "/v1/accounts/ext:bo@miles") == 0
    for to in ("ext:bo@miles", "ext:anna@miles"):
        moved = api.post(f"{points}/transfer", {"to": to, "points": 1}, key=to)
        assert (moved.status, moved.code) == (404, "account_not_found")
    moved = api.post(f"{miles}/transfer", {"to": "ext:bo@miles", "points": 45}, key="m")
    assert moved.status == 201, moved.body
    assert available(api, points) == 100


def test_the_same_wallet_again_is_no_second_one(api: Api) -> None:
    first = api.post("/v1/wallets", MILES, key="k")
    replayed = api.post("/v1/wallets", MILES, key="k")
    assert (replayed.status, replayed.replayed, replayed.body) == (
        201,
        True,
        first.body,
    )
    again = api.post("/v1/wallets", MILES)
    assert (again.status, again.body["id"]) == (200, first.body["id"])
    assert len(api.get("/v1/wallets").body["data"]) == 2


@pytest.mark.parametrize("other", [{"scale": 0}, {"name": "Air"}, {"idle": "P1Y"}])
def test_another_wallet_under_its_code_is_refused(api: Api, other: dict) -> None:
    api.post("/v1/wallets", MILES)
    refused = api.post("/v1/wallets", MILES | other)
    assert (refused.status, refused.code) == (409, "wallet_code_taken")
    assert api.get("/v1/wallets").body["data"][0]["scale"] == 2


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"code": "MILES"}, "/code"),
        ({"code": "a@b"}, "/code"),
        ({"code": ""}, "/code"),
        ({"name": ""}, "/name"),
        ({"scale": 10}, "/scale"),
        ({"scale": 0.5}, "/scale"),
        ({"scale": 10**30}, "/scale"),
        ({"validity": "P1"}, "/validity"),
        ({"hold_time_max": "PT0S"}, "/hold_time_max"),
        ({"debt_policy": "never"}, "/debt_policy"),
        ({"limit_per_month": 0}, "/limit_per_month"),
        ({"limit_per_month": 10**16}, "/limit_per_month"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(
    api: Api, said: dict, pointer: str
) -> None:
    refused = api.post("/v1/wallets", MILES | said)
    assert (refused.status, refused.code) == (400, "malformed")
    assert refused.body["errors"][0].get("pointer", "") == pointer
    assert len(api.get("/v1/wallets").body["data"]) == 1


def test_many_members_get_their_accounts_call_by_call(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallets, "MEMBERS_PER_CALL", 2)
    monkeypatch.setattr(journey, "MEMBERS_AT_ONCE", 2)
    for name in ("anna", "bo", "cy"):
        api.enrol(name)
    calls = [api.post("/v1/wallets", MILES) for _ in range(3)]
    assert [
        (call.status, call.body["accounts_opened"], call.body["complete"])
        for call in calls
    ] == [(201, 2, False), (200, 1, True), (200, 0, True)]
    assert api.get("/v1/accounts/ext:cy@miles").status == 200


def test_it_takes_the_scope_and_stays_in_the_program(api: Api) -> None:
    reader = another_key(api, scopes=["program:read"])
    assert reader.get("/v1/wallets").status == 200
    refused = reader.post("/v1/wallets", MILES)
    assert (refused.status, refused.code) == (403, "forbidden")
    stranger = another_key(api, scopes=["ledger:write", "users:write"])
    assert stranger.get("/v1/wallets").status == 403
    make_api().post("/v1/wallets", MILES)
    assert [one["code"] for one in api.get("/v1/wallets").body["data"]] == ["points"]
