"""What members do beside buying earns too: once, and as its type says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import DAY, START
from tests.journeys.store import Store, a_store

TYPES = {
    "review": {"facts": {"stars": "int", "text": "text"}, "required": ["stars"]},
    "check_in": {},
}


@pytest.fixture
def store() -> Store:
    made = a_store()
    made.configure(
        {
            "id": "review",
            "trigger": "activity:review",
            "earn": {"kind": "fixed", "points": 20},
            "cooldown": "P1D",
            "when": "int(activity.data.stars) > 0",
        },
        {
            "id": "visits",
            "trigger": "activity:check_in",
            "earn": {"kind": "achieve", "points": 50, "target": 3, "per": "month"},
        },
        document={"activities": TYPES},
    )
    return made


def code(answer: Any) -> str | None:
    return getattr(answer.refusal, "code", None)


def test_an_activity_earns_and_says_why(store: Store) -> None:
    (answer,) = store.tell(store.did("review", external_id="a-1", stars=5))
    assert answer.decision is not None
    assert [one.award.rule for one in answer.decision.awards] == ["review"]
    (entry,) = answer.entries
    assert (entry.amount, entry.source) == (20, "bonus")
    assert (entry.reference_type, entry.reference_id) == ("activity", "a-1")
    (again,) = store.tell(store.did("review", external_id="a-1", stars=5))
    assert (again.created, again.entries) == (False, ())
    assert again.decision == answer.decision
    (other,) = store.tell(store.did("review", external_id="a-1", stars=4))
    assert code(other) == "activity_reused"
    assert store.balance() == 20


def test_a_cooldown_holds_within_a_batch_and_over_batches(store: Store) -> None:
    told = store.tell(*[store.did("review", stars=1) for _ in range(3)])
    told += store.tell(store.did("review", stars=1, at=START + DAY / 2))
    told += store.tell(store.did("review", stars=1, at=START + DAY))
    granted = [one.decision.points if one.decision else None for one in told]
    assert granted == [20, 0, 0, 0, 20]


def test_an_achievement_is_reached_once_a_period(store: Store) -> None:
    told = store.tell(*[store.did("check_in", at=START + DAY * n) for n in range(4)])
    told += store.tell(
        *[store.did("check_in", at=START + DAY * 31 + DAY * n) for n in range(3)]
    )
    granted = [one.decision.points if one.decision else None for one in told]
    assert granted == [0, 0, 50, 0, 0, 0, 50]


@pytest.mark.parametrize(
    ("type_", "facts", "refused"),
    [
        ("review", {}, "activity_facts_malformed"),
        ("review", {"stars": "5"}, "activity_facts_malformed"),
        ("review", {"stars": True}, "activity_facts_malformed"),
        ("review", {"stars": 5, "colour": "red"}, "activity_facts_malformed"),
        ("dance", {}, "activity_type_unknown"),
        ("review", {"stars": 5, "text": "fine"}, None),
        ("check_in", {}, None),
    ],
)
def test_an_activity_is_as_its_type_says(
    store: Store, type_: str, facts: dict[str, Any], refused: str | None
) -> None:
    (answer,) = store.tell(store.did(type_, **facts))
    assert code(answer) == refused
    assert (answer.activity is None) == (refused is not None)


def test_without_types_every_type_is_taken() -> None:
    store = a_store()
    store.configure(
        {"trigger": "activity:dance", "earn": {"kind": "fixed", "points": 1}}
    )
    (answer,) = store.tell(store.did("dance", steps=4))
    assert answer.created
    assert store.balance() == 1
    (dry,) = store.tell(store.did("dance"), dry_run=True)
    assert dry.decision is not None
    assert (dry.decision.points, store.balance()) == (1, 1)
