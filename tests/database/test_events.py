"""The event log: numbered without gaps, each entry once, never changed by anybody."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from punchcard.kernel.events import (
    NewEvent,
    append_events,
    begin_appending,
    list_events,
)
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import TransactionError, transaction
from tests.builders import START, rows


def an_event(program: UUID, **said: Any) -> NewEvent:
    fields = {"id": new_id(), "type": "points.earned", "created_at": START}
    return NewEvent(program=program, **(fields | said))


def append(*events: NewEvent) -> None:
    with transaction():
        assert begin_appending()
        append_events(events=events)


def positions(program: UUID) -> list[int]:
    return [event.position for event in list_events(program=program, limit=100)]


def test_each_program_counts_from_one_without_gaps() -> None:
    ours, theirs = new_id(), new_id()
    append(an_event(ours), an_event(theirs), an_event(ours))
    with pytest.raises(ZeroDivisionError), transaction():
        begin_appending()
        append_events(events=[an_event(ours)])
        raise ZeroDivisionError
    append(an_event(ours), an_event(theirs))
    assert positions(ours) == [1, 2, 3]
    assert positions(theirs) == [1, 2]


def test_what_is_appended_stands_as_it_was_said_and_in_its_order() -> None:
    program, account, member = new_id(), new_id(), new_id()
    said = [
        an_event(program, account=account, sequence=7, member=member, data={"n": 1}),
        an_event(program, type="member.erased", member=member),
        an_event(program, type="account.frozen", account=account),
        an_event(program, type="account.frozen", account=account),
    ]
    append(*said)
    told = list_events(program=program, limit=10)
    assert [event.id for event in told] == [event.id for event in said]
    first = told[0]
    assert (first.account, first.sequence, first.member) == (account, 7, member)
    assert (first.type, first.data, first.created_at) == (
        "points.earned",
        {"n": 1},
        START,
    )


def test_nothing_is_appended_without_a_transaction() -> None:
    program = new_id()
    with pytest.raises(TransactionError):
        begin_appending()
    with pytest.raises(TransactionError):
        append_events(events=[an_event(program)])
    assert not positions(program)


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        ("event_of_an_entry_is_unique", {"account": UUID(int=7), "sequence": 1}),
        ("event_id_is_unique", {"id": UUID(int=8)}),
        ("event_type_is_dotted", {"type": "earned"}),
    ],
)
def test_the_database_refuses_what_must_not_be(
    constraint: str, said: dict[str, Any]
) -> None:
    program, marked = new_id(), new_id()
    # Of this run: another has perhaps used the same.
    own = {k: marked if isinstance(v, UUID) else v for k, v in said.items()}
    if "type" not in own:
        append(an_event(program, **own))
    before = positions(program)
    with pytest.raises(psycopg.IntegrityError) as refused:
        append(an_event(program, **own))
    assert refused.value.diag.constraint_name == constraint
    assert positions(program) == before


@pytest.mark.parametrize(
    ("statement", "guard"),
    [
        (
            "UPDATE kernel_event SET type = 'points.redeemed' WHERE program_id = %s",
            "event_never_changes",
        ),
        (
            "DELETE FROM kernel_event WHERE program_id = %s",
            "event_is_only_forgotten",
        ),
        (
            (
                "WITH e AS (DELETE FROM kernel_event WHERE program_id = %s"
                " RETURNING 1) TABLE e"
            ),
            "event_is_only_forgotten",
        ),
    ],
)
def test_an_event_never_changes(statement: str, guard: str) -> None:
    program = new_id()
    append(an_event(program))
    before = list_events(program=program, limit=10)
    with pytest.raises(psycopg.errors.RestrictViolation) as refused:
        rows(statement, (program,))
    assert refused.value.diag.constraint_name == guard
    assert list_events(program=program, limit=10) == before
