"""The sweep: each account once, batch by batch, and none stops the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest

from punchcard.journeys.change_account_status import change_account_status
from punchcard.journeys.settle_due_points import settle_or_freeze
from punchcard.kernel import sql
from punchcard.kernel.audit import CONSOLE, Author
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import TransactionError, transaction
from punchcard.ledger import sweeping
from punchcard.ledger.commands import Earn, Reserve
from punchcard.ledger.queries import get_account
from punchcard.ledger.sweeping import Swept, settle_due
from tests.builders import Ledger, a_ledger, rows

NUMBERS = "UPDATE ledger_account SET available = available + %s WHERE id = %s"
"""The chain does not go on from there: the guard refuses the next entry."""


def a_due_ledger(accounts: int) -> Ledger:
    """Give so many accounts, by id, points that have lapsed and a hold that is over."""
    ledger = a_ledger(validity="P10D", hold_time_max="P5D")
    for account in ledger.open(accounts):
        ledger.post(
            Earn(account=account, points=50, key="earn"),
            Reserve(account=account, points=20, key="hold"),
        )
    ledger.accounts.sort()
    ledger.pass_days(30)
    return ledger


def sweep(ledger: Ledger, batch: int = 3, seconds: float | None = None) -> Swept:
    return settle_due(
        now=ledger.now, program=ledger.program, batch=batch, seconds=seconds
    )


def written(account: UUID) -> list[str]:
    found = rows(
        "SELECT type FROM ledger_entry WHERE account_id = %s ORDER BY sequence",
        (account,),
    )
    return [type_ for (type_,) in found]


def change(statement: str, *parameters: object) -> None:
    """Change rows behind every guard's back."""
    with transaction():
        cursor = sql.cursor()
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement.encode(), parameters)
        assert cursor.rowcount == 1


@contextmanager
def harmed(*accounts: UUID) -> Iterator[None]:
    """Let the numbers of these accounts be wrong for a while."""
    for account in accounts:
        change(NUMBERS, 1, account)
    try:
        yield
    finally:
        for account in accounts:
            change(NUMBERS, -1, account)


DONE = ["earn", "reserve", "void", "expire"]
UNDONE = ["earn", "reserve"]


@pytest.mark.parametrize("place", [0, 1, 3, 6])
def test_a_harmed_account_stops_no_other_wherever_it_stands(place: int) -> None:
    ledger = a_due_ledger(7)
    bad = ledger.accounts[place]
    with harmed(bad):
        swept = sweep(ledger)
        assert (swept.settled, swept.stuck, swept.more) == (6, 0, False)
        assert [*swept.refused] == [bad]
        assert swept.refused[bad].startswith("CheckViolation: entry ")
        assert "\n" not in swept.refused[bad]
        for account in ledger.accounts:
            assert written(account) == (UNDONE if account == bad else DONE)
    # What it could not do then, it does when the account is whole again.
    assert sweep(ledger) == Swept(settled=1, refused={}, stuck=0, more=False)
    assert written(bad) == DONE


def test_a_row_that_cannot_even_be_read_is_harm_too() -> None:
    ledger = a_due_ledger(4)
    bad = ledger.accounts[1]
    ((expires_at,),) = rows(
        "SELECT expires_at FROM ledger_lot WHERE account_id = %s", (bad,)
    )
    expires = "UPDATE ledger_lot SET expires_at = %s WHERE account_id = %s"
    change(expires, "infinity", bad)
    swept = sweep(ledger)
    change(expires, expires_at, bad)
    said = "DataError: timestamp too large (after year 10K)"
    assert (swept.settled, swept.refused) == (3, {bad: said})
    assert written(bad) == UNDONE
    assert sweep(ledger).settled == 1


def test_a_harmed_account_is_frozen_told_once_and_comes_last_from_then_on() -> None:
    ledger = a_due_ledger(5)
    bad, sound = ledger.accounts[0], ledger.accounts[4]
    change_account_status(
        account=sound,
        status="frozen",
        reason="lost card",
        author=Author(actor=CONSOLE, program=None),
        now=ledger.now - (ledger.now - get_account(account=sound).opened_at),
    )
    with harmed(bad):
        swept = settle_or_freeze(now=ledger.now, program=ledger.program)
        # The frozen one too: time passes for it.
        assert (swept.settled, [*swept.refused], swept.stuck) == (4, [bad], 0)
        assert written(sound) == DONE
        again = settle_or_freeze(now=ledger.now, program=ledger.program)
        assert again == Swept(settled=0, refused={}, stuck=1, more=False)
        assert get_account(account=bad).status == "frozen"
    audited = rows(
        "SELECT target, fields FROM kernel_audit WHERE action = 'account.frozen'"
        " AND program_id = %s",
        (ledger.program,),
    )
    reason = f"sweep: {swept.refused[bad]}"
    assert audited == [(typed("acc", bad), {"before": "open", "reason": reason})]
    # Of the other one too, that somebody froze by hand.
    announced = rows(
        "SELECT account_id, type, after_sequence, data FROM kernel_outbox"
        " WHERE program_id = %s ORDER BY n",
        (ledger.program,),
    )
    frozen = ("account.frozen", 2, {"before": "open"})
    assert announced == [(sound, *frozen), (bad, *frozen)]
    assert sweep(ledger) == Swept(settled=1, refused={}, stuck=0, more=False)


def test_a_sound_frozen_account_is_settled_behind_harmed_ones() -> None:
    ledger = a_due_ledger(4)
    for account in ledger.accounts:
        change("UPDATE ledger_account SET status = 'frozen' WHERE id = %s", account)
    with harmed(*ledger.accounts[:3]):
        assert sweep(ledger) == Swept(settled=1, refused={}, stuck=3, more=False)
        assert written(ledger.accounts[3]) == DONE
    assert sweep(ledger).settled == 3


def test_a_sweep_gives_up_where_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeping, "REFUSED_MOST", 2)
    ledger = a_due_ledger(7)
    with harmed(*ledger.accounts[:5]):
        swept = sweep(ledger)
        assert swept.more
        assert [*swept.refused] == ledger.accounts[:3], "a batch is ended"
        assert swept.settled == 0
        assert written(ledger.accounts[6]) == UNDONE
    assert sweep(ledger).settled == 7


@pytest.mark.parametrize(
    "trouble",
    [
        psycopg.errors.UndefinedColumn("no such column"),
        psycopg.errors.DiskFull("no space left"),
        psycopg.errors.DeadlockDetected("deadlock detected"),
    ],
)
def test_what_is_no_accounts_harm_is_raised_and_blamed_on_none(
    monkeypatch: pytest.MonkeyPatch, trouble: psycopg.Error
) -> None:
    ledger = a_due_ledger(3)

    def fails(**_: object) -> None:
        raise trouble

    with monkeypatch.context() as patched:
        patched.setattr(sweeping, "post", fails)
        with pytest.raises(type(trouble)):
            settle_or_freeze(now=ledger.now, program=ledger.program)
    for account in ledger.accounts:
        assert get_account(account=account).status == "open"
        assert written(account) == UNDONE
    assert sweep(ledger).settled == 3


def test_a_sweep_whose_time_is_over_says_so_and_the_next_goes_on() -> None:
    ledger = a_due_ledger(7)
    first = sweep(ledger, seconds=0)
    assert first == Swept(settled=3, refused={}, stuck=0, more=True)
    assert [written(a) for a in ledger.accounts] == [DONE] * 3 + [UNDONE] * 4
    assert sweep(ledger, seconds=0).settled == 3
    assert sweep(ledger, seconds=0) == Swept(settled=1, refused={}, stuck=0, more=False)
    assert [written(a) for a in ledger.accounts] == [DONE] * 7
    assert sweep(ledger).settled == 0


def test_a_sweep_that_is_cut_off_keeps_what_it_had_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class TimeIsUp(Exception):
        pass

    ledger = a_due_ledger(7)
    real, posts = sweeping.post, []

    def cut_off(**said: object) -> object:
        posts.append(said)
        done = real(**said)  # type: ignore[arg-type]
        if len(posts) == 2:
            raise TimeIsUp
        return done

    with monkeypatch.context() as patched:
        patched.setattr(sweeping, "post", cut_off)
        with pytest.raises(TimeIsUp):
            sweep(ledger)
    assert len(posts) == 2
    assert [written(a) for a in ledger.accounts] == [DONE] * 3 + [UNDONE] * 4
    assert sweep(ledger).settled == 4


def test_a_sweep_opens_its_own_transactions(ledger: Ledger) -> None:
    with pytest.raises(TransactionError), transaction():
        sweep(ledger)


def test_the_index_of_due_times_gives_a_batch_in_its_order() -> None:
    """Nothing is sorted, however much is due; small tables are read in other ways."""
    claim = sweeping._CLAIM.decode()
    names = ("now", "program", "open", "after", "after_account", "batch")
    for number, name in enumerate(names, 1):
        claim = claim.replace(f"%({name})s", f"${number}")
    types = "timestamptz, uuid, boolean, timestamptz, uuid, bigint"
    beginning = "'0001-01-01', '00000000-0000-0000-0000-000000000000'"
    with transaction():
        cursor = sql.cursor()
        for way in ("seqscan", "bitmapscan"):
            cursor.execute(f"SET LOCAL enable_{way} = off".encode())
        cursor.execute(f"PREPARE claim({types}) AS {claim}".encode())
        plan = rows(f"EXPLAIN EXECUTE claim (now(), NULL, true, {beginning}, 10)")
        cursor.execute("DEALLOCATE claim")
    said = "\n".join(line for (line,) in plan)
    assert "Index Scan using account_due" in said
    assert "ROW(next_due_at, id) > ROW(" in said.partition("Index Cond:")[2]
    assert "Sort" not in said
