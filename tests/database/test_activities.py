"""Activities in the database: told twice they are one, and they are counted."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import TransactionError, transaction
from punchcard.orders import errors, queries
from punchcard.orders.operations import (
    ActivityRecorded,
    NewActivity,
    forget_facts,
    record_activities,
)
from punchcard.orders.queries import ActivityFactsWanted, ActivityFilters
from tests.builders import DAY, START, rows
from tests.database.shop import NOW, Shop, a_shop
from tests.races.test_contests import at_once


@pytest.fixture
def shop() -> Shop:
    return a_shop("ben")


def tell(shop: Shop, *activities: NewActivity) -> list[ActivityRecorded]:
    with transaction():
        return record_activities(program=shop.program, activities=activities, now=NOW)


def an_activity(shop: Shop, external_id: str = "a", **said: Any) -> NewActivity:
    about = {"type": "review", "occurred_at": START, "facts": {"stars": 5}}
    member = shop.members[said.pop("by", "anna")]
    return NewActivity(external_id=external_id, member=member, **about | said)


def stored(shop: Shop) -> int:
    query = "SELECT count(*) FROM orders_activity WHERE program_id = %s"
    return int(rows(query, (shop.program,))[0][0])


def test_an_activity_is_read_as_it_was_told(shop: Shop) -> None:
    facts = {"stars": 5, "text": "Grüße", "photo": True, "nothing": ""}
    (answer,) = tell(shop, an_activity(shop, facts=facts))
    assert answer.created
    assert answer.activity is not None
    identity = answer.activity.id
    found = queries.get_activity(program=shop.program, activity=identity)
    assert found == answer.activity
    assert (found.facts, found.type, found.created_at) == (facts, "review", NOW)
    told = rows(
        "SELECT type, member_id, data::text FROM kernel_outbox WHERE program_id = %s"
        " AND type LIKE 'activity.%%'",
        (shop.program,),
    )
    assert [(type_, member) for type_, member, _ in told] == [
        ("activity.recorded", shop.members["anna"])
    ]
    assert "Grüße" not in told[0][2]
    with pytest.raises(errors.ActivityNotFound):
        queries.get_activity(program=a_shop().program, activity=identity)


def test_told_again_it_is_the_activity_that_is_there(shop: Shop) -> None:
    both = {"stars": 5, "text": "good"}
    (first,) = tell(shop, an_activity(shop, facts=both))
    (again,) = tell(shop, an_activity(shop, facts=dict(reversed(both.items()))))
    assert (again.created, again.activity) == (False, first.activity)
    assert stored(shop) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"facts": {"stars": 4}},
        {"facts": {"stars": 5, "text": ""}},
        {"facts": {"stars": "5"}},
        {"type": "check_in"},
        {"by": "ben"},
        {"occurred_at": START + DAY},
    ],
    ids=str,
)
def test_told_otherwise_it_is_refused(shop: Shop, other: dict[str, Any]) -> None:
    (first,) = tell(shop, an_activity(shop))
    (answer,) = tell(shop, an_activity(shop, **other))
    assert isinstance(answer.refusal, errors.ActivityReused)
    assert first.activity is not None
    assert answer.refusal.activity == first.activity.id
    assert stored(shop) == 1


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("external_id", {"external_id": ""}),
        ("type", {"type": "Check-in"}),
        ("type", {"type": ""}),
        ("type", {"type": "a" * 41}),
        ("occurred_at", {"occurred_at": NOW + timedelta(seconds=1)}),
        ("facts", {"facts": {f"f{n}": n for n in range(51)}}),
        ("facts", {"facts": {"No Word": 1}}),
        ("facts/text", {"facts": {"text": "a\0"}}),
        ("facts/text", {"facts": {"text": "a" * 501}}),
        ("facts/n", {"facts": {"n": 10**15 + 1}}),
        ("facts/n", {"facts": {"n": 1.5}}),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_named_by_its_place_and_stops_nobody_else(
    shop: Shop, field: str, said: dict[str, Any]
) -> None:
    wrong, right = tell(
        shop, an_activity(shop, **{"external_id": "x"} | said), an_activity(shop, "b")
    )
    assert isinstance(wrong.refusal, errors.OrderMalformed)
    assert wrong.refusal.field == field
    assert right.created
    assert stored(shop) == 1


def test_an_activity_told_by_many_at_once_is_one(shop: Shop) -> None:
    told = at_once([partial(tell, shop, an_activity(shop))] * 50)
    assert sum(answer.created for (answer,) in told) == 1
    assert len({answer.activity.id for (answer,) in told}) == 1
    assert stored(shop) == 1


def test_activities_are_listed_and_filtered(shop: Shop) -> None:
    tell(
        shop,
        an_activity(shop, "a"),
        an_activity(shop, "b", by="ben"),
        an_activity(shop, "c", type="check_in", occurred_at=START + DAY),
    )
    for filters, expected in (
        (ActivityFilters(), "cba"),
        (ActivityFilters(member=shop.members["ben"]), "b"),
        (ActivityFilters(type="review"), "ba"),
        (ActivityFilters(type="re\0"), ""),
        (ActivityFilters(external_id="c"), "c"),
        (ActivityFilters(occurred_from=START + DAY), "c"),
        (ActivityFilters(occurred_to=START + DAY), "ba"),
    ):
        found = queries.list_activities(program=shop.program, limit=9, filters=filters)
        assert "".join(one.external_id for one in found) == expected, filters
    first = queries.list_activities(program=shop.program, limit=2)
    rest = queries.list_activities(program=shop.program, limit=2, after=first[-1].id)
    assert [one.external_id for one in rest] == ["a"]


def test_facts_count_what_was_done_before(shop: Shop) -> None:
    answers = tell(
        shop,
        an_activity(shop, "a", facts={"stars": 3}),
        an_activity(shop, "b", facts={"stars": 4}, occurred_at=START + DAY),
        an_activity(shop, "c", facts={"stars": "5"}, occurred_at=START + DAY),
        an_activity(shop, "d", type="check_in"),
        an_activity(shop, "e", by="ben"),
    )
    ids = [one.activity.id for one in answers if one.activity]
    table = [
        (START, None, None, (0, 0, None)),
        (START + DAY, None, None, (1, 3, START)),
        (START + DAY, None, ids[1], (1, 3, START)),
        (START + DAY, None, ids[2], (2, 7, START + DAY)),
        (START + DAY * 2, None, None, (3, 7, START + DAY)),
        (START + DAY * 2, START + DAY, None, (2, 4, START + DAY)),
    ]
    wanted = [
        ActivityFactsWanted(
            member=shop.members["anna"],
            type="review",
            before=before,
            since=since,
            activity=activity,
            summed="stars",
        )
        for before, since, activity, _ in table
    ]
    found = queries.read_activity_facts(program=shop.program, wanted=wanted)
    assert [(one.count, one.sum, one.last_at) for one in found] == [
        expected for *_, expected in table
    ]
    plain = ActivityFactsWanted(member=shop.members["anna"], type="review", before=NOW)
    (counted,) = queries.read_activity_facts(program=shop.program, wanted=[plain])
    assert (counted.count, counted.sum) == (3, 0)


def test_what_a_member_said_is_forgotten_and_that_it_happened_is_not(
    shop: Shop,
) -> None:
    told = [an_activity(shop, "a"), an_activity(shop, "b", by="ben")]
    (first, _) = tell(shop, *told)
    member, elsewhere = shop.members["anna"], a_shop().program
    with transaction():
        assert forget_facts(program=elsewhere, member=member) == 0
        assert forget_facts(program=shop.program, member=member) == 1
        assert forget_facts(program=shop.program, member=member) == 0
    found = queries.list_activities(program=shop.program, limit=9, newest_first=False)
    assert [one.facts for one in found] == [{}, {"stars": 5}]
    # The same delivery once more is still the same.
    (again,) = tell(shop, told[0])
    assert first.activity is not None
    assert again.activity == found[0]
    assert (again.created, found[0].id) == (False, first.activity.id)


def test_an_activity_needs_a_transaction(shop: Shop) -> None:
    with pytest.raises(TransactionError):
        record_activities(program=shop.program, activities=[], now=NOW)
    assert queries.get_activities(program=shop.program, activities=[new_id()]) == {}
