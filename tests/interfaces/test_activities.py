"""Activities over HTTP: looked up, listed, and shown to whom they belong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.interfaces.conftest import Api, make_api
from tests.interfaces.ordering import NOON, an_activity
from tests.interfaces.people import a_person, a_place


def a_history(api: Api) -> None:
    """Anna wrote two reviews and checked in; Bert wrote one."""
    for name in ("anna", "bert"):
        api.enrol(name)
    day = timedelta(days=1)
    an_activity(api, "first", at=NOON, facts={"stars": 4, "text": "Good", "new": True})
    an_activity(api, "second", at=NOON + day, type="check_in", facts={})
    an_activity(api, "third", at=NOON + 2 * day, place=a_place(api))
    an_activity(api, "bert's", member="bert", at=NOON + 2 * day)


def listed(api: Api, query: str = "") -> list[str]:
    answer = api.get(f"/v1/activities{query}")
    assert answer.status == 200, answer.body
    return [activity["external_id"] for activity in answer.body["data"]]


def test_everything_that_is_known_of_an_activity_is_told(api: Api) -> None:
    a_history(api)
    told = api.get("/v1/activities/ext:first").body["activity"]
    assert (told["external_id"], told["type"], told["place"]) == (
        "first",
        "review",
        None,
    )
    assert told["facts"] == {"stars": 4, "text": "Good", "new": True}
    assert told["occurred_at"] == "2026-03-01T12:00:00Z"
    assert told["member"] == api.get("/v1/members/ext:anna").body["id"]
    assert api.get(f"/v1/activities/{told['id']}").body["activity"] == told
    assert api.get("/v1/activities/ext:third").body["activity"]["place"] == "old-town"


FILTERS = {
    "": ["bert's", "third", "second", "first"],
    "?sort=created_at": ["first", "second", "third", "bert's"],
    "?member=ext:anna": ["third", "second", "first"],
    "?member=ext:nobody": [],
    "?type=check_in": ["second"],
    "?type=birthday": [],
    "?external_id=second": ["second"],
    "?occurred_at.gte=2026-03-02T12:00:00Z": ["bert's", "third", "second"],
    "?occurred_at.lt=2026-03-02T12:00:00Z": ["first"],
    "?member=ext:anna&type=review": ["third", "first"],
}


@pytest.mark.parametrize("query", FILTERS)
def test_a_filter_leaves_those_that_are_meant(api: Api, query: str) -> None:
    a_history(api)
    assert listed(api, query) == FILTERS[query]


def test_pages_of_activities_follow_each_other(api: Api) -> None:
    a_history(api)
    first = api.get("/v1/activities?limit=3").body
    cursor = first["next_cursor"]
    second = api.get(f"/v1/activities?limit=3&cursor={cursor}").body
    names = [one["external_id"] for one in first["data"] + second["data"]]
    assert names == FILTERS[""]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert api.get(f"/v1/orders?cursor={cursor}").code == "invalid_cursor"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [("?type=Check-in", "type"), ("?member=anna", "member"), ("?stars=5", "stars")],
)
def test_a_wrong_parameter_is_named(api: Api, query: str, parameter: str) -> None:
    answer = api.get(f"/v1/activities{query}")
    assert (answer.status, answer.code) == (400, "malformed")
    assert [wrong["parameter"] for wrong in answer.body["errors"]] == [parameter]


def test_a_member_is_shown_their_own_activities_and_no_others(api: Api) -> None:
    a_history(api)
    anna = a_person(api, "member", member="anna")
    assert listed(anna) == ["third", "second", "first"]
    assert listed(anna, "?member=ext:bert") == []
    assert listed(anna, "?external_id=bert's") == []
    assert anna.get("/v1/activities/ext:first").status == 200
    for name in ("ext:bert's", "ext:nobody", "act_x"):
        answer = anna.get(f"/v1/activities/{name}")
        assert (answer.status, answer.code) == (404, "activity_not_found")


def test_activities_of_another_program_are_not_there(api: Api) -> None:
    a_history(api)
    other = make_api()
    assert listed(other) == []
    known = api.get("/v1/activities/ext:first").body["activity"]["id"]
    for name in (known, "ext:first"):
        assert other.get(f"/v1/activities/{name}").code == "activity_not_found"
