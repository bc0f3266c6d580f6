"""What is harmed is frozen and told; what is sound is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from psycopg import DatabaseError

from punchcard.journeys.verify_ledger import verify_ledger
from punchcard.kernel import clock
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Earn
from punchcard.ledger.operations import change_status, post
from punchcard.ledger.verifying import find_written
from tests.builders import Ledger, rows

AUDIT = (
    "SELECT actor, action, fields->>'before', fields->>'reason', program_id"
    " FROM kernel_audit WHERE target = %s"
)
FAR_BACK = timedelta(days=36500)


@contextmanager
def harmed(account: UUID) -> Iterator[None]:
    """Put a wrong number into an account, behind the guards; put it right again."""

    def add(number: int) -> None:
        rows("SELECT set_config('session_replication_role', 'replica', false)")
        rows(
            "UPDATE ledger_account SET lifetime = lifetime + %s WHERE id = %s"
            " RETURNING id",
            (number, account),
        )
        rows("SELECT set_config('session_replication_role', 'origin', false)")

    add(1)
    try:
        yield
    finally:
        add(-1)


def status(account: UUID) -> str:
    ((found,),) = rows("SELECT status FROM ledger_account WHERE id = %s", (account,))
    return str(found)


def an_earner(ledger: Ledger) -> UUID:
    account = ledger.account()
    with transaction():
        post(commands=[Earn(account=account, key="1", points=10)], now=clock.read())
    return account


def test_a_harmed_account_is_frozen_once_and_its_neighbour_is_not(
    ledger: Ledger,
) -> None:
    account, neighbour = an_earner(ledger), an_earner(ledger)
    began = clock.read() - timedelta(minutes=10)
    with harmed(account):
        found = verify_ledger(since=began)
        assert account in found.frozen
        assert neighbour not in found.frozen
        named = [line for line in found.breaches if typed("acc", account) in line]
        assert named
        assert named[0].startswith("1 cached numbers, chain, due times: acc_")
        assert (status(account), status(neighbour)) == ("frozen", "open")
        again = verify_ledger(since=began)
        assert again.breaches == found.breaches
        assert again.frozen == []
    ((actor, action, before, reason, program),) = rows(AUDIT, (typed("acc", account),))
    assert (actor, action, before) == ("system", "account.frozen", "open")
    assert reason == f"verify: {named[0]}"
    assert program == ledger.program
    assert rows(AUDIT, (typed("acc", neighbour),)) == []


def test_what_happened_before_is_only_looked_at_by_the_whole_check(
    ledger: Ledger,
) -> None:
    account = an_earner(ledger)
    later = clock.read() + timedelta(seconds=1)
    assert account in find_written(since=later - timedelta(minutes=1))
    assert find_written(since=later) == []
    with harmed(account):
        recent = verify_ledger(since=later)
        assert (recent.entries, recent.breaches, recent.frozen) == (0, [], [])
        assert status(account) == "open"
        assert account in verify_ledger().frozen
    assert status(account) == "frozen"


def test_a_harmed_account_is_frozen_where_not_even_what_fell_due_can_be_written(
    ledger: Ledger,
) -> None:
    account = ledger.account()
    ledger.one(Earn(account=account, key="1", points=10, validity="P1D"))
    with harmed(account):
        with pytest.raises(DatabaseError), transaction():
            change_status(account=account, status="frozen", now=clock.read())
        assert status(account) == "open"
        assert account in verify_ledger().frozen
        assert status(account) == "frozen"


def test_a_closed_account_that_is_harmed_is_told_and_stays_closed(
    ledger: Ledger,
) -> None:
    account = ledger.account()
    with transaction():
        change_status(account=account, status="closed", now=clock.read())
    with harmed(account):
        found = verify_ledger()
        assert any(typed("acc", account) in line for line in found.breaches)
        assert account not in found.frozen
    assert status(account) == "closed"


@pytest.mark.parametrize("since", [None, FAR_BACK])
def test_a_sound_ledger_is_left_alone(ledger: Ledger, since: timedelta | None) -> None:
    account = an_earner(ledger)
    found = verify_ledger(since=None if since is None else clock.read() - since)
    assert found.accounts >= 1
    assert (found.breaches, found.frozen) == ([], [])
    assert status(account) == "open"
