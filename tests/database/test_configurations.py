"""Versions of a configuration: which one is in force when, and none ever changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection

from punchcard.kernel.transactions import transaction
from punchcard.programs import errors
from punchcard.programs.operations import save_configuration
from punchcard.programs.queries import (
    ConfigurationView,
    configurations_at,
    get_configuration,
    list_configurations,
)
from tests.builders import DAY, START, Ledger


def save(
    ledger: Ledger,
    effective_from: datetime = START,
    *,
    after: int | None = None,
    **said: object,
) -> ConfigurationView:
    with transaction():
        return save_configuration(
            program=ledger.program,
            document={"earning": said},
            effective_from=effective_from,
            note="",
            actor="console",
            now=START,
            after=after,
        )


def in_force(ledger: Ledger, *days: float) -> list[int | None]:
    instants = [START + timedelta(days=day) for day in days]
    found = configurations_at(program=ledger.program, instants=instants)
    versions = [found[at] for at in instants]
    return [None if one is None else one.version for one in versions]


def test_nothing_is_in_force_before_the_first(ledger: Ledger) -> None:
    assert in_force(ledger, 0) == [None]
    save(ledger, START + DAY)
    assert in_force(ledger, 0, 0.999, 1, 1.001) == [None, None, 1, 1]


def test_a_later_version_corrects_what_an_earlier_one_said(ledger: Ledger) -> None:
    save(ledger, START)
    save(ledger, START + 10 * DAY)
    save(ledger, START + 5 * DAY)
    # The third is in force from day 5 on, also where the second one was.
    assert in_force(ledger, 0, 4, 5, 9, 10, 20) == [1, 1, 3, 3, 3, 3]


def test_versions_are_numbered_and_come_back_as_they_were(ledger: Ledger) -> None:
    made = [save(ledger, rules=[n]) for n in range(3)]
    assert [one.version for one in made] == [1, 2, 3]
    assert made[1].document == {"earning": {"rules": [1]}}
    assert list_configurations(program=ledger.program, limit=2) == made[:0:-1]
    assert list_configurations(program=ledger.program, limit=9, before=2) == made[:1]
    assert get_configuration(program=ledger.program, version=2) == made[1]
    with pytest.raises(errors.ConfigurationNotFound):
        get_configuration(program=ledger.program, version=4)


def test_who_has_not_seen_the_last_one_saves_nothing(ledger: Ledger) -> None:
    save(ledger, after=0)
    with pytest.raises(errors.ConfigurationChanged):
        save(ledger, after=0)
    save(ledger, after=1)
    assert len(list_configurations(program=ledger.program, limit=9)) == 2


def test_no_program_no_configuration() -> None:
    with pytest.raises(errors.ProgramNotFound), transaction():
        save_configuration(
            program=uuid4(),
            document={},
            effective_from=START,
            note="",
            actor="console",
            now=START,
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE programs_configuration SET note = 'x'",
        "DELETE FROM programs_configuration",
        "TRUNCATE programs_configuration",
    ],
)
def test_a_version_never_changes(ledger: Ledger, statement: str) -> None:
    save(ledger)
    with (
        pytest.raises(DatabaseError, match="never change"),
        transaction(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert in_force(ledger, 0) == [1]
