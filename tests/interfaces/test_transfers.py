"""Transfers over HTTP: two accounts of one wallet, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from punchcard.kernel import clock
from punchcard.kernel.transactions import transaction
from punchcard.programs.operations import create_wallet
from tests.interfaces.conftest import DAY, START, Answer, Api, make_api

ANNA, BO = "ext:anna@points", "ext:bo@points"


def transfer(api: Api, points: Any, key: str, to: str = BO, **body: Any) -> Answer:
    said = {"to": to, "points": points, **body}
    return api.post(f"/v1/accounts/{ANNA}/transfer", said, key=key)


def available(api: Api, account: str) -> int:
    return int(api.get(f"/v1/accounts/{account}").body["balance"]["available"])


@pytest.fixture
def pair(api: Api) -> Api:
    """Anna has 100 points; Bo has none."""
    api.earn(api.enrol("anna"), 100)
    api.enrol("bo")
    return api


def test_a_transfer_answers_the_payers_entry_and_names_the_receivers(pair: Api) -> None:
    answer = transfer(pair, 60, "t", description="Happy birthday")
    entry = answer.body["entry"]
    assert answer.status == 201, answer.body
    assert (entry["type"], entry["source"]) == ("transfer_out", "transfer")
    assert (entry["amount"], entry["available"], entry["balance"]) == (60, -60, 40)
    assert entry["key"] == "t"
    other = pair.get(
        f"/v1/accounts/{entry['transfer']['account']}"
        f"/entries/{entry['transfer']['sequence']}"
    ).body["entry"]
    assert (other["type"], other["available"]) == ("transfer_in", 60)
    assert other["transfer"] == {
        "id": entry["transfer"]["id"],
        "account": entry["account"],
        "sequence": entry["sequence"],
    }
    assert other["key"] is None
    assert (available(pair, ANNA), available(pair, BO)) == (40, 60)


def test_a_transfer_sent_twice_happens_once(pair: Api) -> None:
    first, second = transfer(pair, 60, "t"), transfer(pair, 60, "t")
    assert (second.status, second.replayed) == (201, True)
    assert second.body == first.body
    other = transfer(pair, 61, "t")
    assert (other.status, other.code) == (422, "key_reused")
    assert (available(pair, ANNA), available(pair, BO)) == (40, 60)


def test_what_is_transferred_keeps_its_expiry(api: Api) -> None:
    account = api.enrol("anna")
    api.enrol("bo")
    days = [START + n * DAY for n in (400, 500)]
    api.post("/v1/test/clock/advance", {"to": START.isoformat()})
    for points, day in zip((50, 50), days, strict=True):
        api.earn(account, points, expires_at=day.isoformat())
    assert transfer(api, 80, "t").status == 201
    lots = api.get(f"/v1/accounts/{BO}/lots").body["data"]
    assert [(lot["id"], lot["remaining"]) for lot in lots] == [("1.1", 50), ("1.2", 30)]
    assert [lot["expires_at"] for lot in lots] == [
        day.isoformat().replace("+00:00", "Z") for day in days
    ]


def test_what_was_transferred_is_not_refunded_or_reversed(pair: Api) -> None:
    transfer(pair, 60, "t")
    refund = pair.post(f"/v1/accounts/{ANNA}/entries/2/refund", key="f")
    assert (refund.status, refund.code) == (422, "entry_not_reversible")
    reverse = pair.post(f"/v1/accounts/{BO}/entries/1/reverse", key="v")
    assert (reverse.status, reverse.code) == (422, "entry_not_reversible")
    assert (available(pair, ANNA), available(pair, BO)) == (40, 60)


def test_the_payer_must_have_the_points(pair: Api) -> None:
    answer = transfer(pair, 101, "t")
    assert (answer.status, answer.code) == (422, "insufficient_points")
    assert answer.body["details"] == {"available": 100, "required": 101, "missing": 1}
    assert (available(pair, ANNA), available(pair, BO)) == (100, 0)


def test_nobody_transfers_to_themselves(pair: Api) -> None:
    itself = pair.get(f"/v1/accounts/{ANNA}").body["id"]
    for to in (ANNA, itself):
        answer = transfer(pair, 10, "t", to=to)
        assert (answer.status, answer.code) == (400, "malformed")
        assert answer.body["errors"][0]["pointer"] == "/to"


def test_who_is_not_of_this_wallet_is_unknown(pair: Api) -> None:
    with transaction():
        create_wallet(
            program=pair.program, code="miles", name="Miles", now=clock.read()
        )
    pair.enrol("carl")
    stranger = make_api()
    stranger.enrol("bo")
    foreign = stranger.get(f"/v1/accounts/{BO}").body["id"]
    for to in (
        "ext:nobody@points",
        "ext:carl@miles",
        "ext:anna@miles",
        "rubbish",
        foreign,
        "acc_01h455vb4pex5vsknk084sn02q",
    ):
        answer = transfer(pair, 10, "t", to=to)
        assert (answer.status, answer.code) == (404, "account_not_found"), to
    nobody = pair.post(
        "/v1/accounts/ext:nobody@points/transfer",
        {"to": "ext:nobody.else@points", "points": 1},
        key="n",
    )
    assert (nobody.status, nobody.code) == (404, "account_not_found")
    assert available(pair, ANNA) == 100
    assert available(stranger, BO) == 0


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("anna", "frozen", "account_frozen"),
        ("bo", "frozen", None),
        ("bo", "closed", "account_closed"),
    ],
)
def test_a_frozen_account_receives_and_does_not_pay(
    pair: Api, who: str, status: str, code: str | None
) -> None:
    verb = {"frozen": "freeze", "closed": "close"}[status]
    changed = pair.post(f"/v1/accounts/ext:{who}@points/{verb}", {"reason": "Test"})
    assert changed.status == 200
    answer = transfer(pair, 10, "t")
    if code is None:
        assert answer.status == 201
        assert available(pair, BO) == 10
    else:
        assert (answer.status, answer.code) == (409, code)
        assert (available(pair, ANNA), available(pair, BO)) == (100, 0)


@pytest.mark.parametrize("points", [0, -5, 10**15 + 1])
def test_a_transfer_moves_points_and_not_nothing(pair: Api, points: int) -> None:
    answer = transfer(pair, points, "t")
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == "/points"
    assert (available(pair, ANNA), available(pair, BO)) == (100, 0)


def test_a_batch_moves_points_in_a_circle(pair: Api) -> None:
    carl = "ext:carl@points"
    pair.enrol("carl")
    circle = [(ANNA, BO, "a"), (BO, carl, "b"), (carl, ANNA, "c")]
    commands = [
        {"type": "transfer", "account": payer, "to": to, "points": 100, "key": key}
        for payer, to, key in circle
    ]
    body = {"commands": commands, "atomic": True}
    answer = pair.post("/v1/entries:batch", body).body
    assert [outcome["code"] for outcome in answer["data"]] == ["applied"] * 3
    assert [available(pair, a) for a in (ANNA, BO, carl)] == [100, 0, 0]
    again = pair.post("/v1/entries:batch", body).body
    assert [outcome["replayed"] for outcome in again["data"]] == [True] * 3
    assert [available(pair, a) for a in (ANNA, BO, carl)] == [100, 0, 0]


def test_a_dry_run_moves_nothing(pair: Api) -> None:
    dry = pair.post(
        f"/v1/accounts/{ANNA}/transfer?dry_run=true", {"to": BO, "points": 60}
    )
    assert (dry.status, dry.body["balance"]["available"]) == (200, 40)
    assert (available(pair, ANNA), available(pair, BO)) == (100, 0)
