"""Balances corrected by hand over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interfaces.conftest import DAY, START, Answer, Api, make_api


def adjust(api: Api, account: str, points: Any, key: str, **body: Any) -> Answer:
    said = {"points": points, "reason": "Counted anew", **body}
    return api.post(f"{account}/adjust", said, key=key)


def at_start(api: Api) -> None:
    api.post("/v1/test/clock/advance", {"to": START.isoformat()})


def available(api: Api, account: str) -> int:
    return int(api.get(account).body["balance"]["available"])


def test_an_adjust_up_opens_a_lot_and_leaves_the_lifetime_alone(api: Api) -> None:
    account = api.enrol()
    answer = adjust(api, account, 70, "up", reason="Points of the paper card")
    entry = answer.body["entry"]
    assert answer.status == 201, answer.body
    assert (entry["type"], entry["source"]) == ("adjust", "admin")
    assert (entry["amount"], entry["available"]) == (70, 70)
    assert entry["description"] == "Points of the paper card"
    assert answer.body["balance"] == {
        "available": 70,
        "pending": 0,
        "reserved": 0,
        "lifetime": 0,
    }
    lots = api.get(f"{account}/lots").body["data"]
    assert [(lot["id"], lot["remaining"], lot["expires_at"]) for lot in lots] == [
        ("1.1", 70, None)
    ]


def test_an_adjust_down_takes_what_expires_first(api: Api) -> None:
    account = api.enrol()
    at_start(api)
    for n in (20, 10):
        api.earn(account, 50, expires_at=(START + n * DAY).isoformat())
    answer = adjust(api, account, -60, "down")
    assert answer.body["entry"]["available"] == -60
    lots = api.get(f"{account}/lots").body["data"]
    assert [lot["remaining"] for lot in lots] == [40, 0]


@pytest.mark.parametrize(
    ("policy", "status", "left"),
    [(None, 422, 30), ("refuse", 422, 30), ("debt", 201, -70), ("cap", 201, 0)],
)
def test_below_zero_the_policy_decides(
    api: Api, policy: str | None, status: int, left: int
) -> None:
    account = api.enrol()
    api.earn(account, 30)
    answer = adjust(api, account, -100, "down", policy=policy)
    assert answer.status == status
    if status == 422:
        assert answer.code == "insufficient_points"
        details = {"available": 30, "required": 100, "missing": 70}
        assert answer.body["details"] == details
    if policy == "cap":
        assert answer.body["entry"]["metadata"] == {"written_off": 70}
    assert available(api, account) == left


@pytest.mark.parametrize(
    ("body", "expires_at"),
    [
        ({"validity": "P1M"}, "2030-02-01T00:00:00Z"),
        ({"expires_at": "2030-03-01T00:00:00+01:00"}, "2030-02-28T23:00:00Z"),
        ({}, "2031-01-01T00:00:00Z"),
    ],
)
def test_what_is_added_expires_as_said_or_as_the_wallet_says(
    body: dict[str, Any], expires_at: str
) -> None:
    api = make_api(validity="P12M")
    account = api.enrol()
    at_start(api)
    answer = adjust(api, account, 70, "up", **body)
    assert answer.body["entry"]["expires_at"] == expires_at
    assert adjust(api, account, 70, "up", **body).body == answer.body
    assert api.get(account).body["next_expiry"] == {"at": expires_at, "points": 70}


@pytest.mark.parametrize(
    ("points", "body", "field"),
    [
        (0, {}, "points"),
        (10**15 + 1, {}, "points"),
        (-(10**15) - 1, {}, "points"),
        (5, {"reason": ""}, "reason"),
        (5, {"reason": "a\0b"}, "reason"),
        (5, {"reason": "x" * 2001}, "reason"),
        (5, {"policy": "debt"}, "policy"),
        (-5, {"policy": "perhaps"}, "policy"),
        (-5, {"validity": "P1D"}, "validity"),
        (-5, {"expires_at": "2040-01-01T00:00:00Z"}, "expires_at"),
        (5, {"validity": "P1D", "expires_at": "2040-01-01T00:00:00Z"}, "expires_at"),
        (5, {"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        (-5, {"lot": "1.1", "policy": "cap"}, "policy"),
        (5, {"source": "heaven"}, "source"),
        (5, {"lot": "first"}, "lot"),
        (5, {"description": "Both"}, "description"),
    ],
)
def test_an_adjust_that_makes_no_sense_is_malformed(
    api: Api, points: int, body: dict[str, Any], field: str
) -> None:
    account = api.enrol()
    api.earn(account, 50)
    answer = adjust(api, account, points, "k", **body)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == f"/{field}"
    assert api.get(account).body["last_sequence"] == 1


def test_an_adjust_says_why(api: Api) -> None:
    account = api.enrol()
    answer = api.post(f"{account}/adjust", {"points": 5}, key="k")
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == "/reason"


def test_an_adjust_that_names_a_lot_takes_from_it_alone(api: Api) -> None:
    account = api.enrol()
    for _ in range(2):
        api.earn(account, 50)
    for lot, points in (("2.1", -20), ("2", -20)):
        answer = adjust(api, account, points, f"down {lot}", lot=lot)
        assert answer.status == 201, answer.body
    lots = api.get(f"{account}/lots").body["data"]
    assert [lot["remaining"] for lot in lots] == [50, 10]
    more = adjust(api, account, -11, "more", lot="2.1")
    assert (more.status, more.code) == (422, "exceeds_original")
    assert more.body["details"] == {"left": 10}
    absent = adjust(api, account, -1, "absent", lot="9.1")
    assert (absent.status, absent.code) == (404, "entry_not_found")
    assert absent.body["details"] == {"lot": "9.1"}
    assert available(api, account) == 60


def test_an_adjust_up_continues_the_lot_that_it_names(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 50)
    adjust(api, account, 20, "up", lot="1.1")
    lots = api.get(f"{account}/lots").body["data"]
    assert [(lot["id"], lot["root"]) for lot in lots] == [("1.1", 1), ("2.1", 1)]


def test_the_same_key_adjusts_once(api: Api) -> None:
    account = api.enrol()
    first = adjust(api, account, 70, "up")
    second = adjust(api, account, 70, "up", reason="Other words")
    assert (second.replayed, second.body) == (True, first.body)
    other = adjust(api, account, 71, "up")
    assert (other.status, other.code) == (422, "key_reused")
    bare = api.post(f"{account}/adjust", {"points": 70, "reason": "No key"})
    assert (bare.status, bare.code) == (400, "idempotency_key_required")
    assert available(api, account) == 70


def test_an_adjust_repays_a_debt_first(api: Api) -> None:
    account = api.enrol()
    adjust(api, account, -30, "owed", policy="debt")
    answer = adjust(api, account, 100, "up")
    assert answer.body["balance"]["available"] == 70
    assert api.get(f"{account}/lots/2.1").body["remaining"] == 70


def test_a_dry_run_adjusts_nothing(api: Api) -> None:
    account = api.enrol()
    said = {"points": 70, "reason": "Only a question"}
    dry = api.post(f"{account}/adjust?dry_run=true", said)
    assert (dry.status, dry.body["balance"]["available"]) == (200, 70)
    assert api.get(account).body["last_sequence"] == 0
