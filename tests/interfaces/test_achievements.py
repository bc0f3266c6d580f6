"""Achievements over HTTP: how far a member is, in which period, and how often."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.interfaces.conftest import Api, make_api
from tests.interfaces.ordering import PER_EURO, configure
from tests.interfaces.people import a_person
from tests.interfaces.snapshots import changed, take_snapshot
from tests.interfaces.test_lots import advance

STAMPS = {"kind": "achieve", "points": 50, "target": 10, "count": "items"}
TODAY = "2030-01-01T00:00:00Z"


@pytest.fixture
def cafe(api: Api) -> Api:
    """A program whose clock stands at the first day of 2030 in Paris."""
    for name in ("anna", "bert"):
        api.enrol(name)
    advance(api, 0)
    return api


def buys(
    api: Api, name: str, cups: int, *, member: str = "anna", at: str = TODAY
) -> dict[str, Any]:
    order = {
        "external_id": name,
        "member": f"ext:{member}",
        "occurred_at": at,
        "currency": "EUR",
        "lines": [{"sku": "cup", "quantity": cups, "unit_price": 300}],
    }
    answer = api.post("/v1/orders", order)
    assert answer.status == 201, answer.body
    return answer.body


def achievements(api: Api, member: str = "ext:anna") -> list[dict[str, Any]]:
    answer = api.get(f"/v1/members/{member}/achievements")
    assert answer.status == 200, answer.body
    assert (answer.body["has_more"], answer.body["next_cursor"]) == (False, None)
    data: list[dict[str, Any]] = answer.body["data"]
    return data


def progress(api: Api, member: str = "ext:anna") -> list[tuple[int, int, int]]:
    return [
        (one["counted"], one["target"], one["reached"])
        for one in achievements(api, member)
    ]


def test_everything_that_is_known_of_an_achievement_is_told(cafe: Api) -> None:
    configure(
        cafe,
        {"earn": STAMPS | {"repeats": True}, "name": "Ten cups", "campaign": "stamps"},
        earning={"campaigns": [{"id": "stamps"}]},
    )
    buys(cafe, "1", 3)
    before = take_snapshot(cafe.program)
    body = cafe.get("/v1/members/ext:anna/achievements").body
    assert body["version"] == 1
    assert body["data"] == [
        {
            "rule": "r1",
            "name": "Ten cups",
            "trigger": "order",
            "campaign": "stamps",
            "wallet": None,
            "points": 50,
            "count": "items",
            "repeats": True,
            "counted": 3,
            "target": 10,
            "reached": 0,
            "open": True,
            "period": None,
        }
    ]
    assert changed(before, take_snapshot(cafe.program)) == []


@pytest.mark.parametrize(
    ("repeats", "after"),
    [
        (False, [(4, 10, 0), (10, 10, 1), (10, 10, 1)]),
        (True, [(4, 10, 0), (3, 10, 1), (1, 10, 3)]),
    ],
)
def test_what_repeats_begins_anew_and_what_does_not_is_full(
    cafe: Api,
    repeats: bool,
    after: list[tuple[int, int, int]],
) -> None:
    configure(cafe, {"earn": STAMPS | {"repeats": repeats}})
    assert progress(cafe) == [(0, 10, 0)]
    seen = []
    for name, cups in enumerate((4, 9, 18)):
        buys(cafe, str(name), cups)
        seen += progress(cafe)
    assert seen == after


PERIODS = {
    "ever": (None, 5),
    "day": (("2029-12-31T23:00:00Z", "2030-01-01T23:00:00Z"), 2),
    "week": (("2029-12-30T23:00:00Z", "2030-01-06T23:00:00Z"), 3),
    "month": (("2029-12-31T23:00:00Z", "2030-01-31T23:00:00Z"), 2),
    "year": (("2029-12-31T23:00:00Z", "2030-12-31T23:00:00Z"), 2),
}


@pytest.mark.parametrize("per", PERIODS)
def test_what_counts_is_what_happened_in_the_period(cafe: Api, per: str) -> None:
    configure(cafe, {"earn": STAMPS | {"per": per}})
    # In Paris a Sunday, the Monday that ends 2029, and the first of 2030.
    buys(cafe, "long ago", 2, at="2029-12-30T22:59:00Z")
    buys(cafe, "monday", 1, at="2029-12-31T22:59:00Z")
    buys(cafe, "today", 2, at="2029-12-31T23:00:00Z")
    period, counted = PERIODS[per]
    (told,) = achievements(cafe)
    shown = told["period"] and (told["period"]["from"], told["period"]["to"])
    assert (shown, told["counted"]) == (period, counted)


def test_a_new_period_begins_at_nothing(cafe: Api) -> None:
    configure(cafe, {"earn": STAMPS | {"per": "day"}})
    buys(cafe, "1", 4)
    assert progress(cafe) == [(4, 10, 0)]
    advance(cafe, 1)
    assert progress(cafe) == [(0, 10, 0)]


def test_what_comes_back_does_not_count(cafe: Api) -> None:
    configure(cafe, {"earn": STAMPS})
    order = buys(cafe, "1", 10)["order"]["id"]
    assert progress(cafe) == [(10, 10, 1)]
    back = {"external_id": "R-1", "occurred_at": TODAY}
    back |= {"lines": [{"line": 1, "quantity": 4}]}
    dry = cafe.post(f"/v1/orders/{order}/returns?dry_run=true", back)
    assert (dry.status, progress(cafe)) == (200, [(10, 10, 1)])
    cafe.post(f"/v1/orders/{order}/returns", back)
    assert progress(cafe) == [(6, 10, 0)]


def test_reviews_and_money_are_counted_too(cafe: Api) -> None:
    review = {"kind": "achieve", "points": 5, "target": 3}
    spent = {"kind": "achieve", "points": 9, "target": 10_000, "count": "spend"}
    configure(cafe, {"earn": review, "trigger": "activity:review"}, {"earn": spent})
    buys(cafe, "1", 2)
    for name in ("a", "b"):
        said = {"external_id": name, "member": "ext:anna", "occurred_at": TODAY}
        assert cafe.post("/v1/activities", said | {"type": "review"}).status == 201
    told = [(one["trigger"], one["counted"]) for one in achievements(cafe)]
    assert told == [("activity:review", 2), ("order", 600)]


def test_a_program_without_achievements_lists_none(cafe: Api) -> None:
    nothing = {"version": None, "data": [], "has_more": False, "next_cursor": None}
    assert cafe.get("/v1/members/ext:anna/achievements").body == nothing
    configure(cafe, {"earn": PER_EURO})
    buys(cafe, "1", 2)
    assert cafe.get("/v1/members/ext:anna/achievements").body == nothing | {
        "version": 1
    }


def test_the_rules_are_those_in_force_now_by_priority(cafe: Api) -> None:
    configure(cafe, {"earn": STAMPS}, {"earn": STAMPS, "priority": 5})
    assert [one["rule"] for one in achievements(cafe)] == ["r2", "r1"]
    tomorrow = datetime(2030, 1, 2, tzinfo=UTC)
    configure(cafe, {"earn": STAMPS | {"target": 5}}, since=tomorrow)
    assert [one["target"] for one in achievements(cafe)] == [10, 10]
    buys(cafe, "1", 4)
    advance(cafe, 1)
    # What was counted of the rule stays counted.
    assert progress(cafe) == [(4, 5, 0)]


CLOSED: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    # rule, campaign, open
    "open": ({}, {}, True),
    "rule inactive": ({"active": False}, {}, False),
    "campaign inactive": ({}, {"active": False}, False),
    "before its dates": ({"dates": {"from": "2030-01-02"}}, {}, False),
    "on its first day": ({"dates": {"from": "2030-01-01"}}, {}, True),
    "after its dates": ({"dates": {"to": "2030-01-01"}}, {}, False),
    "campaign is over": ({}, {"dates": {"to": "2030-01-01"}}, False),
}


@pytest.mark.parametrize("case", CLOSED)
def test_whether_something_may_count_now_is_told(cafe: Api, case: str) -> None:
    rule, campaign, is_open = CLOSED[case]
    configure(
        cafe,
        {"earn": STAMPS, "campaign": "stamps", **rule},
        earning={"campaigns": [{"id": "stamps", **campaign}]},
    )
    assert [one["open"] for one in achievements(cafe)] == [is_open]
    buys(cafe, "1", 1)
    assert progress(cafe) == [(int(is_open), 10, 0)]


def test_achievements_are_the_member_s_own(cafe: Api) -> None:
    configure(cafe, {"earn": STAMPS})
    buys(cafe, "1", 3)
    buys(cafe, "2", 5, member="bert")
    assert progress(cafe, "ext:bert") == [(5, 10, 0)]
    anna = a_person(cafe, "member", member="anna")
    assert progress(anna) == [(3, 10, 0)]
    for caller, name in (
        (anna, "ext:bert"),
        (cafe, "ext:nobody"),
        (cafe, "mem_x"),
        (make_api(), "ext:anna"),
    ):
        answer = caller.get(f"/v1/members/{name}/achievements")
        assert (answer.status, answer.code) == (404, "member_not_found"), name
