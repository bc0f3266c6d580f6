"""Lots over HTTP: read as they are now, activated, cancelled, extended, lapsed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from tests.builders import rows
from tests.interfaces.conftest import DAY, START, Answer, Api, make_api

WHY = {"reason": "Asked by the member"}


def advance(api: Api, days: float) -> None:
    to = (START + days * DAY).isoformat()
    assert api.post("/v1/test/clock/advance", {"to": to}).status == 200


def in_days(days: float) -> str:
    return (START + days * DAY).isoformat()


def states(api: Api, account: str, query: str = "") -> list[tuple[str, str, int]]:
    data = api.get(f"{account}/lots{query}").body["data"]
    return [(lot["id"], lot["state"], lot["remaining"]) for lot in data]


@pytest.fixture
def account(api: Api) -> str:
    """An account at the start of 2030, with nothing in it."""
    name = api.enrol()
    advance(api, 0)
    return name


# ------------------------------------------------------------------------ reading


def test_lots_are_listed_as_they_are_now(api: Api, account: str) -> None:
    api.earn(account, 10, expires_at=in_days(5))
    api.earn(account, 20, pending="P3D")
    api.earn(account, 30, pending="event")
    api.earn(account, 40)
    assert states(api, account) == [
        ("1.1", "open", 10),
        ("2.1", "pending", 20),
        ("3.1", "pending", 30),
        ("4.1", "open", 40),
    ]
    # Another account's clock does not settle this one: nothing is written by reading.
    rows(
        "UPDATE programs_program SET clock_at = %s WHERE id = %s RETURNING id",
        (START + 6 * DAY, api.program),
    )
    written = api.get(account).body["last_sequence"]
    assert states(api, account) == [
        ("1.1", "lapsed", 0),
        ("2.1", "open", 20),
        ("3.1", "pending", 30),
        ("4.1", "open", 40),
    ]
    assert states(api, account, "?state=open") == [
        ("2.1", "open", 20),
        ("4.1", "open", 40),
    ]
    assert states(api, account, "?state=lapsed&state=pending") == [
        ("1.1", "lapsed", 0),
        ("3.1", "pending", 30),
    ]
    assert api.get(f"{account}/lots/1").body["state"] == "lapsed"
    assert api.get(f"{account}/lots/2.1").body["state"] == "open"
    opened = api.get(f"{account}/entries/1").body["lots_opened"]
    assert [(lot["state"], lot["lapsed"]) for lot in opened] == [("lapsed", 10)]
    assert api.get(account).body["last_sequence"] == written == 4


def test_lots_come_in_pages(api: Api, account: str) -> None:
    for n in range(1, 6):
        api.earn(account, n, pending="event" if n % 2 else "PT0S")
    seen, cursor = [], ""
    while True:
        page = api.get(f"{account}/lots?state=pending&limit=2{cursor}").body
        seen += [lot["id"] for lot in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["1.1", "3.1", "5.1"]
    wrong = api.get(f"{account}/lots?state=melted")
    assert (wrong.status, wrong.code) == (400, "malformed")


@pytest.mark.parametrize(
    "lot", ["9.1", "1.2", "0.1", f"{'9' * 300}.1", f"1.{'9' * 300}"]
)
def test_a_lot_that_is_nobodys_is_not_found(api: Api, account: str, lot: str) -> None:
    api.earn(account, 10)
    answer = api.get(f"{account}/lots/{lot}")
    assert (answer.status, answer.code) == (404, "entry_not_found")
    itself = api.get(account).body["id"]
    assert api.get(f"/v1/accounts/{itself}/lots/first").code == "entry_not_found"
    foreign = make_api().get(f"/v1/accounts/{itself}/lots/1.1")
    assert (foreign.status, foreign.code) == (404, "account_not_found")


# ------------------------------------------------------------- activate and cancel


def test_an_activated_lot_is_available_and_its_validity_begins(
    api: Api, account: str
) -> None:
    api.earn(account, 50, pending="event", validity="P1M")
    advance(api, 10)
    answer = api.post(f"{account}/lots/1.1/activate", key="a")
    entry = answer.body["entry"]
    assert (answer.status, entry["type"], entry["relates_to"]) == (201, "activate", 1)
    assert (entry["pending"], entry["available"]) == (-50, 50)
    lot = api.get(f"{account}/lots/1.1").body
    assert (lot["state"], lot["remaining"]) == ("open", 50)
    assert lot["available_at"] == "2030-01-11T00:00:00Z"
    assert lot["expires_at"] == "2030-02-11T00:00:00Z"
    again = api.post(f"{account}/lots/1/activate", key="a")
    assert (again.status, again.replayed, again.body) == (201, True, answer.body)


def test_a_lot_that_waits_for_its_time_is_activated_early(
    api: Api, account: str
) -> None:
    api.earn(account, 50, pending="P3D")
    assert api.post(f"{account}/lots/1/activate", key="a").status == 201
    advance(api, 4)
    body = api.get(account).body
    assert (body["balance"]["available"], body["last_sequence"]) == (50, 2)


def test_a_cancelled_lot_counts_as_reversed(api: Api, account: str) -> None:
    api.earn(account, 50, pending="event")
    answer = api.post(f"{account}/lots/1.1/cancel", key="c")
    assert (answer.status, answer.body["entry"]["pending"]) == (201, -50)
    assert answer.body["balance"] == {
        "available": 0,
        "pending": 0,
        "reserved": 0,
        "lifetime": 50,
    }
    assert states(api, account) == [("1.1", "cancelled", 0)]
    reverse = api.post(f"{account}/entries/1/reverse", {"points": 1}, key="v")
    assert (reverse.status, reverse.code) == (422, "exceeds_original")


@pytest.mark.parametrize("verb", ["activate", "cancel"])
def test_only_a_pending_lot_is_activated_or_cancelled(
    api: Api, account: str, verb: str
) -> None:
    api.earn(account, 50)
    answer = api.post(f"{account}/lots/1.1/{verb}", key="k")
    assert (answer.status, answer.code) == (409, "lot_not_pending")
    assert answer.body["details"] == {"lot": "1.1", "state": "open"}
    absent = api.post(f"{account}/lots/9.1/{verb}", key="k9")
    assert (absent.status, absent.code) == (404, "entry_not_found")
    assert absent.body["details"] == {"lot": "9.1"}
    dry = api.post(f"{account}/lots/1.1/{verb}?dry_run=true")
    assert dry.code == "lot_not_pending"
    assert api.get(account).body["last_sequence"] == 1


# --------------------------------------------------------------- extend and lapse


def extend(api: Api, account: str, key: str, lot: str = "1.1", **body: Any) -> Answer:
    return api.post(f"{account}/lots/{lot}/extend", {**WHY, **body}, key=key)


def lapse(api: Api, account: str, key: str, lot: str = "1.1", **body: Any) -> Answer:
    return api.post(f"{account}/lots/{lot}/lapse", {**WHY, **body}, key=key)


def test_an_extension_moves_what_remains_into_a_lot_of_its_own(
    api: Api, account: str
) -> None:
    api.earn(account, 50, expires_at=in_days(5))
    api.post(f"{account}/redeem", {"points": 20}, key="s")
    answer = extend(api, account, "x", expires_at=in_days(90))
    assert answer.status == 201, answer.body
    out, back = answer.body["entries"]
    assert (out["type"], out["available"]) == ("adjust", -30)
    assert (back["type"], back["available"]) == ("adjust", 30)
    assert out["description"] == back["description"] == WHY["reason"]
    assert out["reference"] == back["reference"] == {"type": "extend", "id": "1.1"}
    assert answer.body["lot"] == "4.1"
    assert answer.body["balance"] == {
        "available": 30,
        "pending": 0,
        "reserved": 0,
        "lifetime": 50,
    }
    advance(api, 6)
    assert states(api, account) == [("1.1", "spent", 0), ("4.1", "open", 30)]
    assert api.get(f"{account}/lots/4.1").body["root"] == 1
    assert api.get(account).body["next_expiry"]["at"].startswith("2030-04-01")


def test_an_extension_of_a_part_leaves_the_rest_where_it_is(
    api: Api, account: str
) -> None:
    api.earn(account, 50, expires_at=in_days(5))
    assert extend(api, account, "x", points=20, validity="P1Y").status == 201
    assert states(api, account) == [("1.1", "open", 30), ("3.1", "open", 20)]
    advance(api, 6)
    assert api.get(account).body["balance"]["available"] == 20


def test_a_lapse_takes_what_remains_for_good(api: Api, account: str) -> None:
    api.earn(account, 50)
    api.earn(account, 7)
    answer = lapse(api, account, "l")
    (entry,) = answer.body["entries"]
    assert (answer.status, entry["type"], entry["available"]) == (201, "adjust", -50)
    assert entry["reference"] == {"type": "lapse", "id": "1.1"}
    assert answer.body["lot"] is None
    assert answer.body["balance"]["available"] == 7
    assert answer.body["balance"]["lifetime"] == 57


@pytest.mark.parametrize("verb", ["extend", "lapse"])
def test_a_correction_sent_twice_happens_once(
    api: Api, account: str, verb: str
) -> None:
    api.earn(account, 50)
    path = f"{account}/lots/1.1/{verb}"
    first, second = api.post(path, WHY, key="k"), api.post(path, WHY, key="k")
    assert (second.status, second.replayed) == (201, True)
    assert second.body == first.body
    # By another name of the same amount, too.
    stated = api.post(path, {**WHY, "points": 50}, key="k")
    assert (stated.replayed, stated.body) == (True, first.body)
    other = api.post(path, {**WHY, "points": 49}, key="k")
    assert (other.status, other.code) == (422, "key_reused")
    written = {"extend": 3, "lapse": 2}[verb]
    assert api.get(account).body["last_sequence"] == written


def test_a_retry_knows_its_first_answer_whatever_became_of_the_lot(
    api: Api, account: str
) -> None:
    api.earn(account, 50)
    api.post(f"{account}/redeem", {"points": 50}, key="s")
    first = lapse(api, account, "l")
    assert (first.status, first.code) == (422, "exceeds_original")
    assert first.body["details"] == {"left": 0}
    # The points come back: a late retry is refused as it was, and takes nothing.
    api.post(f"{account}/entries/2/refund", key="f")
    second = lapse(api, account, "l")
    assert (second.status, second.code, second.replayed) == (
        422,
        "exceeds_original",
        True,
    )
    assert api.get(account).body["balance"]["available"] == 50
    assert lapse(api, account, "l2").status == 201
    assert lapse(api, account, "l2").replayed


def test_a_key_stands_for_one_correction(api: Api, account: str) -> None:
    api.earn(account, 50)
    api.earn(account, 50)
    assert extend(api, account, "k", validity="P1M").status == 201
    for other in (
        extend(api, account, "k", validity="P2M"),
        extend(api, account, "k", lot="2.1", validity="P1M"),
        lapse(api, account, "k"),
        api.post(f"{account}/redeem", {"points": 50}, key="k"),
    ):
        assert (other.status, other.code) == (422, "key_reused")
    api.post(f"{account}/redeem", {"points": 50}, key="s")
    assert lapse(api, account, "s").code == "key_reused"
    assert api.get(account).body["last_sequence"] == 5


@pytest.mark.parametrize("verb", ["extend", "lapse"])
@pytest.mark.parametrize(
    ("lot", "body", "status", "code", "details"),
    [
        ("9.1", {}, 404, "entry_not_found", {"lot": "9.1"}),
        ("9.1", {"points": 5}, 404, "entry_not_found", {"lot": "9.1"}),
        ("1.1", {"points": 51}, 422, "exceeds_original", {"left": 50}),
        ("2.1", {}, 422, "exceeds_original", {"left": 0}),
        ("2.1", {"points": 1}, 422, "exceeds_original", {"left": 0}),
    ],
)
def test_what_is_not_there_cannot_be_corrected(
    api: Api,
    account: str,
    verb: str,
    lot: str,
    body: dict[str, Any],
    status: int,
    code: str,
    details: dict[str, Any],
) -> None:
    api.earn(account, 50)
    api.earn(account, 20, pending="event")
    path = f"{account}/lots/{lot}/{verb}"
    answer = api.post(path, {**WHY, **body}, key="k")
    assert (answer.status, answer.code) == (status, code)
    assert answer.body["details"] == details
    again = api.post(path, {**WHY, **body}, key="k")
    assert (again.code, again.replayed) == (code, True)
    assert states(api, account) == [("1.1", "open", 50), ("2.1", "pending", 20)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"validity": "P1D", "expires_at": "2040-01-01T00:00:00Z"}, "expires_at"),
        ({"validity": "a while"}, "validity"),
        ({"points": 0}, "points"),
        ({"points": -5}, "points"),
        ({"points": 10**15 + 1}, "points"),
        ({"reason": ""}, "reason"),
        ({"reason": None}, "reason"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_extension_that_makes_no_sense_takes_nothing(
    api: Api, account: str, body: dict[str, Any], field: str
) -> None:
    api.earn(account, 50)
    answer = extend(api, account, "k", **body)
    assert (answer.status, answer.code) == (400, "malformed")
    assert answer.body["errors"][0]["pointer"] == f"/{field}"
    assert states(api, account) == [("1.1", "open", 50)]
    assert extend(api, account, "k", validity="P1M").status == 201


def test_a_correction_needs_a_key_or_is_a_dry_run(api: Api, account: str) -> None:
    api.earn(account, 50)
    for verb in ("extend", "lapse"):
        path = f"{account}/lots/1.1/{verb}"
        bare = api.post(path, WHY)
        assert (bare.status, bare.code) == (400, "idempotency_key_required")
        dry = api.post(f"{path}?dry_run=true", WHY)
        assert dry.status == 200, dry.body
        assert dry.body["entries"][0]["available"] == -50
    assert states(api, account) == [("1.1", "open", 50)]


def test_what_lapses_this_instant_cannot_be_extended(api: Api, account: str) -> None:
    api.earn(account, 50, expires_at=in_days(5))
    advance(api, 5)
    answer = extend(api, account, "x", validity="P1Y")
    assert (answer.status, answer.code) == (422, "exceeds_original")
    assert answer.body["details"] == {"left": 0}


def test_twins_that_arrive_together_extend_once(api: Api, account: str) -> None:
    api.earn(account, 50)
    start = Barrier(5)

    def once(_: int) -> Answer:
        twin = Api(program=api.program, secret=api.secret)
        try:
            start.wait(60)
            return extend(twin, account, "twin", validity="P1M")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(once, range(5)))
    assert [answer.status for answer in answers] == [201] * 5
    assert len({answer.response.content for answer in answers}) == 1
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 4
    assert states(api, account) == [("1.1", "spent", 0), ("3.1", "open", 50)]
