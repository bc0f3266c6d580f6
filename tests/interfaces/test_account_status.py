"""Accounts frozen, unfrozen and closed over HTTP; and what an account answers."""

from __future__ import annotations

from typing import Any

import pytest

from punchcard.kernel import clock
from punchcard.kernel.audit import list_changes
from punchcard.kernel.transactions import transaction
from punchcard.programs.operations import create_wallet
from tests.interfaces.conftest import DAY, START, Answer, Api, another_key, make_api

WHY = {"reason": "Reported stolen"}


def change(api: Api, account: str, verb: str, **options: Any) -> Answer:
    return api.post(f"{account}/{verb}", WHY, **options)


def status(api: Api, account: str) -> str:
    return str(api.get(account).body["status"])


def test_a_frozen_account_spends_nothing_and_goes_on_otherwise(api: Api) -> None:
    account = api.enrol("anna")
    api.enrol("bo")
    api.earn(account, 100)
    spent = api.post(f"{account}/redeem", {"points": 10}, key="s").body["entry"]
    answer = change(api, account, "freeze")
    assert (answer.status, answer.body["status"]) == (200, "frozen")
    assert answer.body == api.get(account).body
    refused = {
        "redeem": {"points": 1},
        "reserve": {"points": 1},
        "transfer": {"points": 1, "to": "ext:bo@points"},
    }
    for verb, body in refused.items():
        no = api.post(f"{account}/{verb}", body, key=verb)
        assert (no.status, no.code) == (409, "account_frozen"), verb
    api.earn(account, 5)
    for path, body in {
        f"entries/{spent['sequence']}/refund": {},
        "entries/1/reverse": {"points": 20},
        "adjust": {"points": -5, "reason": "Counted anew"},
        "lots/1.1/lapse": {"points": 5, "reason": "Counted anew"},
    }.items():
        assert api.post(f"{account}/{path}", body, key=path).status == 201, path
    assert change(api, account, "unfreeze").body["status"] == "open"
    # What was refused stays refused under its key; a new one is good.
    again = api.post(f"{account}/redeem", {"points": 1}, key="redeem")
    assert (again.code, again.replayed) == ("account_frozen", True)
    assert api.post(f"{account}/redeem", {"points": 1}, key="new").status == 201


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"points": 5}, {"available": 5, "pending": 0, "reserved": 0}),
        (
            {"points": 5, "pending": "event"},
            {"available": 0, "pending": 5, "reserved": 0},
        ),
    ],
)
def test_only_an_empty_account_is_closed(
    api: Api, body: dict[str, Any], left: dict[str, int]
) -> None:
    account = api.enrol()
    api.earn(account, **body)
    answer = change(api, account, "close")
    assert (answer.status, answer.code) == (409, "account_not_empty")
    assert answer.body["details"] == left
    assert status(api, account) == "open"


def test_neither_a_hold_nor_a_debt_is_closed_away(api: Api) -> None:
    account = api.enrol()
    api.earn(account, 5)
    hold = api.post(f"{account}/reserve", {"points": 5}, key="r")
    held = change(api, account, "close")
    details = {"available": 0, "pending": 0, "reserved": 5}
    assert (held.code, held.body["details"]) == ("account_not_empty", details)
    sequence = hold.body["entry"]["sequence"]
    api.post(f"{account}/holds/{sequence}/capture", key="c")
    api.post(f"{account}/entries/1/reverse", {"policy": "debt"}, key="v")
    owing = change(api, account, "close")
    details = {"available": -5, "pending": 0, "reserved": 0}
    assert (owing.code, owing.body["details"]) == ("account_not_empty", details)
    assert status(api, account) == "open"


def test_what_fell_due_is_out_before_an_account_is_closed(api: Api) -> None:
    account = api.enrol()
    api.post("/v1/test/clock/advance", {"to": START.isoformat()})
    api.earn(account, 5, expires_at=(START + DAY).isoformat())
    api.post("/v1/test/clock/advance", {"to": (START + DAY).isoformat()})
    assert change(api, account, "close").body["status"] == "closed"


def test_a_closed_account_stays_closed(api: Api) -> None:
    account = api.enrol()
    assert change(api, account, "close").body["status"] == "closed"
    assert change(api, account, "close").body["status"] == "closed"
    for verb in ("freeze", "unfreeze"):
        answer = change(api, account, verb)
        assert (answer.status, answer.code) == (409, "account_closed")
    earn = api.post(f"{account}/earn", {"points": 5}, key="e")
    assert (earn.status, earn.code) == (409, "account_closed")
    assert status(api, account) == "closed"
    assert api.get(account).body["last_sequence"] == 0


def test_the_audit_says_who_changed_a_status_and_why(api: Api) -> None:
    account = api.enrol()
    change(api, account, "freeze", headers={"X-Request-Id": "r-1"})
    change(api, account, "freeze")
    change(api, account, "unfreeze")
    change(api, account, "close")
    found = list_changes(program=api.program, limit=9)
    changes = [row for row in found if row.action.startswith("account.")]
    assert [(row.action, row.fields) for row in reversed(changes)] == [
        ("account.frozen", {"before": "open", **WHY}),
        ("account.unfrozen", {"before": "frozen", **WHY}),
        ("account.closed", {"before": "open", **WHY}),
    ]
    assert {row.target for row in changes} == {api.get(account).body["id"]}
    assert all(row.actor.startswith("key_") for row in changes)
    assert changes[-1].request_id == "r-1"


def test_a_status_is_changed_once_for_a_key(api: Api) -> None:
    account = api.enrol()
    first = change(api, account, "freeze", key="k")
    change(api, account, "unfreeze")
    again = change(api, account, "freeze", key="k")
    assert (again.body, again.replayed) == (first.body, True)
    assert status(api, account) == "open"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reason"),
        ({"reason": ""}, "/reason"),
        ({"reason": "x" * 2001}, "/reason"),
        ({"reason": "a\0b"}, "/reason"),
        ({"reason": "x", "until": "tomorrow"}, "/until"),
    ],
)
@pytest.mark.parametrize("verb", ["freeze", "unfreeze", "close"])
def test_a_status_is_changed_for_a_reason(
    api: Api, verb: str, body: dict[str, Any], pointer: str
) -> None:
    account = api.enrol()
    answer = api.post(f"{account}/{verb}", body)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == pointer
    assert status(api, account) == "open"


@pytest.mark.parametrize("verb", ["freeze", "unfreeze", "close"])
def test_who_may_spend_may_not_freeze(api: Api, verb: str) -> None:
    account = api.enrol()
    till = another_key(api, scopes=("ledger:earn", "ledger:spend", "ledger:adjust"))
    answer = change(till, account, verb)
    assert (answer.status, answer.code) == (403, "forbidden")
    assert answer.body["details"] == {"scope": "ledger:manage"}
    foreign = change(make_api(), f"/v1/accounts/{api.get(account).body['id']}", verb)
    assert (foreign.status, foreign.code) == (404, "account_not_found")
    assert status(api, account) == "open"


def test_an_account_says_its_wallet_and_its_scale(api: Api) -> None:
    with transaction():
        create_wallet(
            program=api.program,
            code="credit",
            name="Store credit",
            scale=2,
            now=clock.read(),
        )
    api.enrol("anna")
    accounts = api.get("/v1/members/ext:anna/accounts").body["data"]
    assert [(a["wallet"], a["scale"]) for a in accounts] == [
        ("credit", 2),
        ("points", 0),
    ]
    credit = api.get("/v1/accounts/ext:anna@credit").body
    assert (credit["wallet"], credit["scale"], credit["status"]) == (
        "credit",
        2,
        "open",
    )
