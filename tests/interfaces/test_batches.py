"""Many commands in one call."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.interfaces.conftest import Answer, Api, make_api

BATCH = "/v1/entries:batch"


def earn(account: str, points: Any, key: str, **more: Any) -> dict[str, Any]:
    return {"type": "earn", "account": account, "points": points, "key": key, **more}


def redeem(account: str, points: int, key: str) -> dict[str, Any]:
    return {"type": "redeem", "account": account, "points": points, "key": key}


def codes(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [outcome["code"] for outcome in answer.body["data"]]


def test_each_command_has_its_own_outcome(api: Api) -> None:
    api.enrol("anna")
    other = make_api()
    other.enrol("bo")
    foreign = other.earn("/v1/accounts/ext:bo@points", 5)["account"]
    anna = "ext:anna@points"
    answer = api.post(
        BATCH,
        {
            "commands": [
                earn(anna, 100, "a"),
                redeem(anna, 60, "b"),
                redeem(anna, 60, "c"),
                {"type": "refund", "account": anna, "entry": 2, "key": "d"},
                {"type": "reverse", "account": anna, "entry": 1, "key": "e"},
                earn("ext:nobody@points", 1, "f"),
                earn(foreign, 1, "g"),
                earn("rubbish", 1, "h"),
                earn("ext:anna", 1, "i"),
                earn("ext:anna@nowhere", 1, "j"),
                earn(anna, 0, "k"),
                earn(anna, 10**30, "l"),
                earn(anna, 1, ""),
                earn(anna, 99, "a"),
                earn(anna, 1, "m", source="heaven"),
                {"type": "refund", "account": anna, "entry": 10**30, "key": "n"},
            ]
        },
    )
    assert codes(answer) == [
        "applied",
        "applied",
        "insufficient_points",
        "applied",
        "applied",
        "account_not_found",
        "account_not_found",
        "account_not_found",
        "account_not_found",
        "account_not_found",
        "malformed",
        "malformed",
        "malformed",
        "key_reused",
        "malformed",
        "malformed",
    ]
    first, third = answer.body["data"][0], answer.body["data"][2]
    assert first["status"] == 201
    assert first["entry"]["sequence"] == 1
    assert first["balance"]["available"] == 100
    assert first["key"] == "a"
    assert third["status"] == 422
    assert third["details"]["missing"] == 20
    assert (answer.body["applied"], answer.body["refused"]) == (4, 12)


def test_a_batch_sent_twice_happens_once(api: Api) -> None:
    api.enrol()
    batch = {"commands": [earn("ext:anna@points", n, f"k{n}") for n in range(1, 6)]}
    first, second = api.post(BATCH, batch).body, api.post(BATCH, batch).body
    assert [outcome.pop("replayed") for outcome in first["data"]] == [False] * 5
    assert [outcome.pop("replayed") for outcome in second["data"]] == [True] * 5
    assert first == second
    balance = api.get("/v1/accounts/ext:anna@points").body["balance"]
    assert balance["available"] == 15


def test_an_atomic_batch_is_all_or_nothing(api: Api) -> None:
    api.enrol()
    anna = "ext:anna@points"
    batch = [earn(anna, 10, "a"), redeem(anna, 50, "b"), earn(anna, 5, "c")]
    refused = api.post(BATCH, {"commands": batch, "atomic": True})
    assert codes(refused) == ["not_applied", "insufficient_points", "not_applied"]
    assert api.get(f"/v1/accounts/{anna}").body["last_sequence"] == 0
    good = api.post(BATCH, {"commands": [batch[0], batch[2]], "atomic": True})
    assert codes(good) == ["applied", "applied"]


def test_a_dry_batch_writes_nothing(api: Api) -> None:
    api.enrol()
    anna = "ext:anna@points"
    batch = {"commands": [earn(anna, 10, "a"), redeem(anna, 10, "b")]}
    dry = api.post(f"{BATCH}?dry_run=true", batch)
    assert codes(dry) == ["applied", "applied"]
    assert dry.body["data"][0]["status"] == 200
    assert api.get(f"/v1/accounts/{anna}").body["last_sequence"] == 0


@pytest.mark.parametrize(
    ("command", "pointer"),
    [
        (earn("ext:anna@points", 1.5, "x"), "/commands/1/points"),
        (earn("ext:anna@points", "5", "x"), "/commands/1/points"),
        (earn("ext:anna@points", True, "x"), "/commands/1/points"),
        (earn("ext:anna@points", 1, "x", color="red"), "/commands/1/color"),
        ({"type": "steal", "account": "a", "points": 1}, "/commands/1/type"),
        ({"account": "a", "points": 1}, "/commands/1/type"),
        ({"type": "earn", "points": 1}, "/commands/1/account"),
        (
            earn("ext:anna@points", 1, "x", referred_member="ext:nobody"),
            "/commands/1/referred_member",
        ),
        (
            earn("ext:anna@points", 1, "x", at="2026-01-01T00:00:00"),
            "/commands/1/at",
        ),
    ],
)
def test_a_wrong_type_refuses_the_whole_batch_and_names_the_place(
    api: Api, command: dict[str, Any], pointer: str
) -> None:
    api.enrol()
    batch = {"commands": [earn("ext:anna@points", 7, "good"), command]}
    answer = api.post(BATCH, batch)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == pointer
    assert api.get("/v1/accounts/ext:anna@points").body["last_sequence"] == 0


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_batch_has_one_to_ten_thousand_commands(api: Api, count: int) -> None:
    commands = [earn("ext:anna@points", 1, str(n)) for n in range(count)]
    answer = api.post(BATCH, {"commands": commands})
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == "/commands"


def test_a_batch_costs_a_constant_number_of_lookups(api: Api) -> None:
    for n in range(20):
        api.enrol(f"m{n}")

    def statements(count: int) -> int:
        commands = [
            earn(f"ext:m{n}@points", 1, f"{count}-{n}", referred_member=f"ext:m{n}")
            for n in range(count)
        ]
        with CaptureQueriesContext(connection) as seen:
            assert codes(api.post(BATCH, {"commands": commands})) == ["applied"] * count
        return len(seen)

    assert statements(2) == statements(20)
