"""What is old leaves the event log from its beginning, and is never told again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from psycopg.errors import RestrictViolation

from punchcard.journeys import forget_expired as forgetting
from punchcard.journeys.forget_expired import forget_expired
from punchcard.journeys.relay_events import relay_events
from punchcard.kernel import clock
from punchcard.kernel.events import list_events
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Earn
from tests.builders import DAY, Ledger, a_ledger, relay_all, rows

KEPT = 400
POSITIONS = "SELECT position FROM kernel_event WHERE program_id = %s ORDER BY 1"


@pytest.fixture(autouse=True)
def nothing_else_is_old(nothing_waits: None) -> None:
    """What other tests left is not this one's to count."""
    forget_expired(now=clock.read())


def earn(ledger: Ledger, account: UUID, *keys: str) -> None:
    for key in keys:
        ledger.one(Earn(account=account, points=1, key=key))
    relay_all()


@contextmanager
def unguarded() -> Iterator[None]:
    rows("SELECT set_config('session_replication_role', 'replica', false)")
    try:
        yield
    finally:
        rows("SELECT set_config('session_replication_role', 'origin', false)")


def age(program: UUID, days: int, *, upto: int = 10**9) -> None:
    """Let what stands in the log up to a place have stood there for so long."""
    with unguarded():
        rows(
            "UPDATE kernel_event SET appended_at = now() - %s"
            " WHERE program_id = %s AND position <= %s RETURNING 1",
            (timedelta(days=days), program, upto),
        )


def positions(ledger: Ledger) -> list[int]:
    return [position for (position,) in rows(POSITIONS, (ledger.program,))]


def told(ledger: Ledger) -> list[int | None]:
    return [e.sequence for e in list_events(program=ledger.program, limit=100)]


def test_what_is_old_goes_and_what_is_not_stays(ledger: Ledger) -> None:
    account = ledger.account()
    earn(ledger, account, *"12345")
    age(ledger.program, KEPT - 1)
    assert forget_expired(now=clock.read()) == 0
    age(ledger.program, KEPT + 1, upto=3)
    # It happened long ago, and stands here since today.
    with unguarded():
        rows(
            "UPDATE kernel_event SET created_at = now() - interval '9 years'"
            " WHERE program_id = %s RETURNING 1",
            (ledger.program,),
        )
    assert forget_expired(now=clock.read()) == 3
    assert positions(ledger) == [4, 5]
    assert forget_expired(now=clock.read()) == 0
    earn(ledger, account, "6")
    assert positions(ledger) == [4, 5, 6]
    assert told(ledger) == [4, 5, 6]


def test_the_last_one_stays_and_the_next_has_the_next_number(ledger: Ledger) -> None:
    quiet, other = ledger.open(2)
    earn(ledger, quiet, *"12")
    earn(ledger, other, "1")
    age(ledger.program, KEPT + 1)
    assert forget_expired(now=clock.read()) == 2
    assert positions(ledger) == [3]
    earn(ledger, quiet, "3")
    # Of an account all of whose events are forgotten nothing is told again.
    assert positions(ledger) == [3, 4]
    assert told(ledger) == [1, 3]


def test_what_was_forgotten_is_not_told_again_by_a_relay_that_looks_again(
    ledger: Ledger,
) -> None:
    account, other = ledger.open(2)
    earn(ledger, account, *"12")
    earn(ledger, other, "1")
    age(ledger.program, KEPT + 1)
    forget_expired(now=clock.read())
    rows(
        "UPDATE ledger_outbox SET relayed_at = NULL WHERE account_id = %s RETURNING 1",
        (account,),
    )
    assert relay_events().events == 0
    assert positions(ledger) == [3]


def test_what_an_older_relay_has_told_is_not_told_again(ledger: Ledger) -> None:
    account = ledger.account()
    earn(ledger, account, *"12")
    # It did not write down how far it told.
    rows("DELETE FROM kernel_told WHERE account_id = %s RETURNING 1", (account,))
    earn(ledger, account, "3")
    assert told(ledger) == [1, 2, 3]


def test_each_program_s_log_is_its_own(ledger: Ledger) -> None:
    others = [a_ledger() for _ in range(3)]
    for book in (ledger, *others):
        earn(book, book.account(), *"123")
    for book in (ledger, others[1]):
        age(book.program, KEPT + 1, upto=2)
    assert forget_expired(now=clock.read()) == 4
    kept = [positions(book) for book in (ledger, *others)]
    assert kept == [[3], [1, 2, 3], [3], [1, 2, 3]]


@pytest.mark.parametrize("most", [1, 2, 3, 100])
def test_however_much_goes_at_once_there_are_no_gaps(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    books = [a_ledger() for _ in range(3)]
    for book in books:
        earn(book, book.account(), *"12345")
        age(book.program, KEPT + 1, upto=4)
    monkeypatch.setattr(forgetting, "MOST", most)
    seen: list[list[int]] = []
    forget = forgetting.forget_events

    def watched(*, before: datetime, most: int) -> int:
        done = forget(before=before, most=most)
        seen.extend(positions(book) for book in books)
        assert done <= most
        return done

    monkeypatch.setattr(forgetting, "forget_events", watched)
    assert forget_expired(now=clock.read()) == 12
    assert all(kept == list(range(kept[0], 6)) for kept in seen)
    assert [positions(book) for book in books] == [[5]] * 3


def test_for_ever_is_for_ever(ledger: Ledger, settings: object) -> None:
    earn(ledger, ledger.account(), *"12")
    age(ledger.program, 40_000)
    settings.EVENTS_KEPT = None  # type: ignore[attr-defined]
    assert forget_expired(now=clock.read()) == 0
    assert positions(ledger) == [1, 2]


def test_the_outbox_keeps_what_waits_and_what_was_told_lately(ledger: Ledger) -> None:
    account = ledger.account()
    earn(ledger, account, *"123")
    ledger.one(Earn(account=account, points=1, key="4"))
    rows(
        "UPDATE ledger_outbox SET recorded_at = now() - interval '99 days',"
        " relayed_at = CASE first_sequence WHEN 1 THEN now() - interval '8 days'"
        " WHEN 2 THEN now() - interval '6 days' ELSE relayed_at END"
        " WHERE account_id = %s RETURNING 1",
        (account,),
    )
    assert forget_expired(now=clock.read()) == 1
    left = "SELECT first_sequence FROM ledger_outbox WHERE account_id = %s ORDER BY 1"
    assert rows(left, (account,)) == [(2,), (3,), (4,)]
    relay_all()
    assert told(ledger) == [1, 2, 3, 4]


def test_nobody_takes_an_event_away_by_mistake_and_nobody_changes_one(
    ledger: Ledger,
) -> None:
    earn(ledger, ledger.account(), *"12")
    ours = "WHERE program_id = %s RETURNING 1"
    forget = "SELECT set_config('punchcard.forgetting', 'events', true)"
    for statements, constraint in (
        ([f"DELETE FROM kernel_event {ours}"], "event_is_only_forgotten"),
        ([f"UPDATE kernel_event SET type = 'a.b' {ours}"], "event_never_changes"),
        (
            [forget, f"UPDATE kernel_event SET type = 'a.b' {ours}"],
            "event_never_changes",
        ),
    ):
        with pytest.raises(RestrictViolation) as refused, transaction():
            for statement in statements:
                rows(statement, (ledger.program,) if "%s" in statement else ())
        assert refused.value.diag.constraint_name == constraint
    with transaction():
        rows(forget)
    # It was said in another transaction.
    with pytest.raises(RestrictViolation), transaction():
        rows(f"DELETE FROM kernel_event {ours}", (ledger.program,))
    assert positions(ledger) == [1, 2]


def test_of_a_clock_that_is_set_back_no_place_is_older_than_the_one_before(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = ledger.account()
    earn(ledger, account, "1")
    earlier = clock.read() - DAY * 500
    with monkeypatch.context() as patched:
        patched.setattr("punchcard.kernel.clock.read", lambda: earlier)
        earn(ledger, account, "2")
    forget_expired(now=clock.read())
    assert positions(ledger) == [1, 2]


def test_forgetting_has_a_fixed_number_of_statements(statements: list[str]) -> None:
    sent = []
    for programs in (1, 20):
        for _ in range(programs):
            book = a_ledger()
            earn(book, book.account(), *"12")
            age(book.program, KEPT + 1)
        statements.clear()
        assert forget_expired(now=clock.read()) == programs
        sent.append(len(statements))
    assert sent[0] == sent[1]
