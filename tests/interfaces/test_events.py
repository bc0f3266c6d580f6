"""The event log over the API: read to its end, and then on and on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.builders import forget_by_hand, relay_all
from tests.interfaces.conftest import Api, another_key, make_api

pytestmark = pytest.mark.usefixtures("nothing_waits")


def told(api: Api, query: str = "") -> list[Any]:
    relay_all()
    answer = api.get(f"/v1/events?limit=100{query}")
    assert answer.status == 200, answer.body
    return answer.body["data"]


def test_an_event_says_what_happened_to_whom(api: Api) -> None:
    account = api.enrol("anna")
    entry = api.earn(account, 120)
    enrolled, earned = told(api)
    assert enrolled["type"] == "member.enrolled"
    assert (enrolled["account"], enrolled["sequence"]) == (None, None)
    assert enrolled["data"] == {}
    member = api.get("/v1/members/ext:anna").body
    assert enrolled["member"] == earned["member"] == member["id"]
    assert earned["type"] == "points.earned"
    assert [enrolled["position"], earned["position"]] == [1, 2]
    assert (earned["account"], earned["sequence"]) == (entry["account"], 1)
    assert earned["id"].startswith("evt_")
    same = set(earned["data"]) & set(entry)
    assert {"amount", "available", "balance", "effective_at", "source"} <= same
    assert {name: earned["data"][name] for name in same} == {
        name: entry[name] for name in same
    }
    assert "anna" not in str([enrolled, earned])


def test_a_reader_goes_on_where_it_stopped_also_from_the_end(api: Api) -> None:
    empty = api.get("/v1/events").body
    assert (empty["data"], empty["has_more"], empty["next_cursor"]) == ([], False, None)
    account = api.enrol("anna")
    for _ in range(4):
        api.earn(account, 1)
    relay_all()
    seen: list[int] = []
    cursor = empty["resume_cursor"]
    for expected in ([1, 2], [3, 4], [5], []):
        page = api.get(f"/v1/events?limit=2&cursor={cursor}").body
        assert [event["position"] for event in page["data"]] == expected
        assert page["has_more"] == (expected in ([1, 2], [3, 4]))
        if page["has_more"]:
            assert page["next_cursor"] == page["resume_cursor"]
        else:
            assert page["next_cursor"] is None
        seen += expected
        cursor = page["resume_cursor"]
    api.earn(account, 1)
    assert api.get(f"/v1/events?cursor={cursor}").body["data"] == []
    relay_all()
    (event,) = api.get(f"/v1/events?cursor={cursor}").body["data"]
    assert event["position"] == 6


def test_the_list_is_narrowed_by_what_stands_in_it(api: Api) -> None:
    anna, bo = api.enrol("anna"), api.enrol("bo")
    api.earn(anna, 5)
    api.earn(bo, 5)
    api.post(f"{anna}/redeem", {"points": 5}, key="r")
    api.post(f"{anna}/freeze", {"reason": "lost"})
    everything = told(api)
    assert len(everything) == 6
    at = datetime.fromisoformat(everything[3]["created_at"])
    ids = {event["member"]: event["account"] for event in everything[2:4]}
    (member, account), *_ = ids.items()
    for query, expected in (
        ("&type=points.redeemed", [5]),
        ("&type=points.redeemed&type=account.frozen", [5, 6]),
        ("&type=hold.created", []),
        ("&account=ext:anna@points", [3, 5, 6]),
        (f"&account={account}", [3, 5, 6]),
        ("&account=ext:nobody@points", []),
        ("&account=nonsense", []),
        ("&member=ext:bo", [2, 4]),
        (f"&member={member}", [1, 3, 5, 6]),
        ("&member=ext:nobody", []),
        ("&member=ext:anna&type=member.enrolled", [1]),
        (f"&created_at.gte={_instant(at)}", [4, 5, 6]),
        (f"&created_at.lt={_instant(at)}", [1, 2, 3]),
        (f"&created_at.gte={_instant(at + timedelta(days=1))}", []),
    ):
        assert [event["position"] for event in told(api, query)] == expected, query


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("type=points.eaten", "malformed"),
        ("created_at.gte=yesterday", "malformed"),
        ("limit=101", "malformed"),
        ("unknown=1", "malformed"),
        ("cursor=nonsense", "invalid_cursor"),
    ],
)
def test_what_is_not_understood_is_refused(api: Api, query: str, code: str) -> None:
    answer = api.get(f"/v1/events?{query}")
    assert (answer.status, answer.code) == (400, code)


def test_it_takes_the_scope_and_shows_no_other_program(api: Api) -> None:
    account = api.enrol("anna")
    api.earn(account, 5)
    there = make_api()
    there.enrol("anna")
    assert len(told(api)) == 2
    (theirs,) = told(there)
    assert told(api, f"&member={theirs['member']}") == []
    allowed = another_key(api, scopes=("events:read",))
    assert len(told(allowed)) == 2
    refused = another_key(api, scopes=("ledger:read", "audit:read")).get("/v1/events")
    assert (refused.status, refused.code) == (403, "forbidden")
    assert refused.body["details"] == {"scope": "events:read"}


def test_who_has_missed_something_is_told_and_begins_anew(api: Api) -> None:
    account = api.enrol("anna")
    for _ in range(4):
        api.earn(account, 1)
    relay_all()
    empty = make_api().get("/v1/events").body["resume_cursor"]
    cursors = [
        api.get(f"/v1/events?limit={limit}").body["resume_cursor"]
        for limit in range(1, 6)
    ]
    forget_by_hand(api.program, upto=3)
    for cursor in (empty, *cursors[:2]):
        for query in ("", "&type=points.earned"):
            answer = api.get(f"/v1/events?cursor={cursor}{query}")
            assert (answer.status, answer.code) == (410, "cursor_expired")
    for n, cursor in enumerate(cursors[2:], 4):
        answer = api.get(f"/v1/events?cursor={cursor}")
        assert [event["position"] for event in answer.body["data"]] == [4, 5][n - 4 :]
    anew = api.get("/v1/events").body
    assert [event["position"] for event in anew["data"]] == [4, 5]
    # A program that has forgotten nothing is as it was.
    assert make_api().get(f"/v1/events?cursor={empty}").status == 200


def test_a_reader_of_rare_events_misses_nothing_when_the_others_are_forgotten(
    api: Api,
) -> None:
    account = api.enrol("anna")
    relay_all()
    query = "/v1/events?limit=1&type=points.redeemed"
    cursor = api.get(query).body["resume_cursor"]
    for n in range(2):
        for _ in range(3):
            api.earn(account, 1)
        api.post(f"{account}/redeem", {"points": 3}, key=f"rare {n}")
        relay_all()
    seen = []
    for _ in range(3):
        page = api.get(f"{query}&cursor={cursor}").body
        seen += [event["position"] for event in page["data"]]
        cursor = page["resume_cursor"]
    assert seen == [5, 9]
    for _ in range(3):
        api.earn(account, 1)
    relay_all()
    cursor = api.get(f"{query}&cursor={cursor}").body["resume_cursor"]
    forget_by_hand(api.program, upto=11)
    assert api.get(f"{query}&cursor={cursor}").body["data"] == []


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
