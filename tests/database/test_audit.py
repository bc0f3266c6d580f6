"""The audit: written with the change or not at all, and never changed by anybody."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from django.db import IntegrityError

from punchcard.kernel.audit import (
    AuditRowNotFound,
    Author,
    Change,
    get_change,
    list_changes,
    record_changes,
)
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import TransactionError, transaction
from tests.builders import START, rows


def author(**said: object) -> Author:
    return Author(actor="usr_a", program=new_id(), **said)


def record(author: Author, *changes: Change) -> None:
    with transaction():
        record_changes(author=author, changes=changes, now=START)


def change(**said: object) -> Change:
    return Change(**({"action": "member.changed", "target": "mem_a"} | said))


def test_a_row_says_who_did_what_to_whom_when() -> None:
    by = author(request_id="r-1")
    record(by, change(fields={"changed": ["email"]}))
    (row,) = list_changes(program=by.program, limit=10)
    assert row == get_change(program=by.program, row=row.id)
    assert (row.actor, row.action, row.target) == ("usr_a", "member.changed", "mem_a")
    assert (row.fields, row.request_id) == ({"changed": ["email"]}, "r-1")
    assert row.at == START


def test_a_change_that_is_rolled_back_leaves_no_row() -> None:
    by = author()
    with pytest.raises(ZeroDivisionError):
        with transaction():
            record_changes(author=by, changes=[change()], now=START)
            raise ZeroDivisionError
    assert list_changes(program=by.program, limit=10) == []


def test_nothing_is_recorded_without_a_transaction() -> None:
    by = author()
    with pytest.raises(TransactionError):
        record_changes(author=by, changes=[change()], now=START)
    assert list_changes(program=by.program, limit=10) == []


def test_another_program_s_row_is_not_there() -> None:
    by = author()
    record(by, change())
    (row,) = list_changes(program=by.program, limit=10)
    with pytest.raises(AuditRowNotFound):
        get_change(program=new_id(), row=row.id)


def test_rows_come_newest_first_page_by_page_and_by_filter() -> None:
    by = author()
    record(by, *(change(target=f"mem_{n}") for n in range(5)))
    record(by, change(action="member.erased", target="mem_1"))
    everything = list_changes(program=by.program, limit=10)
    assert len(everything) == 6
    assert [row.id for row in everything] == sorted(
        (row.id for row in everything), reverse=True
    )
    first = list_changes(program=by.program, limit=4)
    rest = list_changes(program=by.program, limit=4, after=first[-1].id)
    assert first + rest == everything
    of_one = list_changes(program=by.program, limit=9, target="mem_1")
    assert [row.action for row in of_one] == ["member.erased", "member.changed"]
    erased = list_changes(program=by.program, limit=9, action="member.erased")
    assert [row.target for row in erased] == ["mem_1"]
    assert not list_changes(program=by.program, limit=9, actor="usr_b")
    assert not list_changes(program=by.program, limit=9, at_to=START)
    later = START + timedelta(microseconds=1)
    assert not list_changes(program=by.program, limit=9, at_from=later)
    assert len(list_changes(program=by.program, limit=9, at_from=START)) == 6


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE kernel_audit SET actor = 'nobody' WHERE id = %s",
        "DELETE FROM kernel_audit WHERE id = %s",
        "WITH a AS (DELETE FROM kernel_audit WHERE id = %s RETURNING 1) TABLE a",
        (
            "MERGE INTO kernel_audit a USING (SELECT %s::uuid AS id) b"
            " ON a.id = b.id WHEN MATCHED THEN DELETE"
        ),
    ],
)
def test_a_row_never_changes(statement: str) -> None:
    by = author()
    record(by, change())
    (row,) = list_changes(program=by.program, limit=1)
    with pytest.raises(psycopg.errors.RestrictViolation) as refused:
        rows(statement, (row.id,))
    assert refused.value.diag.constraint_name == "audit_never_changes"
    assert get_change(program=by.program, row=row.id) == row


def test_the_audit_cannot_be_emptied() -> None:
    by = author()
    record(by, change())
    with pytest.raises(psycopg.errors.RestrictViolation) as refused:
        rows("TRUNCATE kernel_audit CASCADE")
    assert refused.value.diag.constraint_name == "audit_never_changes"
    assert list_changes(program=by.program, limit=1)


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"action": "Member erased"}, "audit_action_is_dotted"),
        ({"target": ""}, "audit_has_a_target"),
    ],
)
def test_a_row_that_says_nothing_is_refused(
    wrong: dict[str, str], constraint: str
) -> None:
    by = author()
    with pytest.raises((IntegrityError, psycopg.IntegrityError), match=constraint):
        record(by, change(**wrong))
    assert list_changes(program=by.program, limit=1) == []


@pytest.mark.parametrize(
    ("actor", "person"),
    [("usr_a", True), ("console", True), ("key_a", False), ("system", False)],
)
def test_people_are_told_from_machines(actor: str, person: bool) -> None:
    assert Author(actor=actor, program=UUID(int=1)).is_person is person
