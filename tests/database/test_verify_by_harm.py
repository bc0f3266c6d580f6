"""`verify` is tested by harm: each invariant is broken, behind every guard's back.

A superuser changes rows with triggers off; `verify` must name that invariant and that
account. Afterwards the rows are put back, and the ledger is clean again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import pytest

from punchcard.kernel import sql
from punchcard.kernel.transactions import TransactionError, transaction
from punchcard.ledger import verifying
from punchcard.ledger.commands import (
    Activate,
    Adjust,
    Cancel,
    Capture,
    Earn,
    Redeem,
    Refund,
    Reserve,
    Reverse,
    Settle,
    Transfer,
)
from punchcard.ledger.rebuilding import rebuild
from punchcard.ledger.verifying import Report, verify
from tests.builders import DAY, Ledger, a_ledger, rows
from tests.sizes import size

TABLES = {
    "ledger_account": "id",
    "ledger_entry": "account_id",
    "ledger_lot": "account_id",
    "ledger_allocation": "account_id",
    "ledger_hold": "account_id",
    "ledger_refusal": "account_id",
}

OF_EACH_ENTRY = ("entry_deltas_fit_its_type", "entry_names_what_its_type_needs")
"""CHECKs of what one entry shows: `verify` must see it without them."""

# ------------------------------------------------------------------------- history


@dataclass
class History:
    """Accounts with a bit of everything; `verify` finds nothing in them."""

    ledger: Ledger
    member: UUID
    """1 earn 100 (10 days), 2 earn 50 (pending 3 days), 3 release, 4 redeem 30,
    5 refund 10 of it, 6 reverse 20 of 2, 7 redeem 20, 8 expire the rest of lot 1.1,
    9 refund the rest of 4 (a grace lot), 10 redeem 50, 11 reverse the rest of 2 (into
    debt), 12 earn 100 (pays it), 13 reverse 1 (60 of it had lapsed); one refusal"""
    holder: UUID
    """1 earn 100, 2 reserve 60, 3 capture 50 of it, 4 reserve 20, 5 earn 40, pending"""
    payer: UUID
    """1 earn 50 (10 days), 2 earn 50 (20 days), 3 transfer_out 80"""
    payee: UUID
    """1 transfer_in 80, two lots"""
    waiter: UUID
    """1 earn 70, waits for an event; 2 activate; 3 redeem 5"""
    hasty: UUID
    """1 earn 30 (pending 30 days), 2 activate early, 3 earn 40, pending, 4 cancel,
    5 adjust -50 (20 written off), 6 adjust +25"""
    idler: UUID
    """Where points lapse after five idle days: 1 earn 100, 2 redeem 10"""

    def __getitem__(self, name: str) -> UUID:
        return getattr(self, name)

    @property
    def accounts(self) -> list[UUID]:
        return [*self.ledger.accounts, self.idler]


@cache
def history() -> History:
    ledger = a_ledger()
    idle = a_ledger(idle="P5D")
    made = History(ledger, *ledger.open(6), *idle.open(1))
    a, b, c, d, e, f = ledger.accounts
    now = ledger.now
    ledger.post(
        Earn(account=a, points=100, key="ключ 🗝", validity="P10D"),
        Earn(account=a, points=50, key="2", pending="P3D", validity="P30D"),
        Earn(account=b, points=100, reference_type="order", reference_id="ä-1"),
        Earn(account=c, points=50, key="1", validity="P10D"),
        Earn(account=c, points=50, key="2", validity="P20D"),
        Earn(
            account=e,
            points=70,
            key="1",
            pending="event",
            validity="P10D",
            metadata={"ü": [1, None]},
        ),
        Earn(account=f, points=30, key="1", pending="P30D", validity="P9D"),
    )
    ledger.post(
        Redeem(account=a, points=30, key="4", at=now + 4 * DAY),
        Refund(account=a, entry=4, points=10, key="5", at=now + 4 * DAY),
        Reverse(account=a, entry=2, points=20, key="6", at=now + 4 * DAY),
        Redeem(account=a, points=20, key="7", at=now + 5 * DAY),
        Redeem(account=a, points=10**6, key="refused", at=now + 5 * DAY),
        Refund(account=a, entry=4, key="9", at=now + 12 * DAY),
        Redeem(account=a, points=50, key="10", at=now + 12 * DAY),
        Reverse(account=a, entry=2, key="11", at=now + 12 * DAY),
        Earn(account=a, points=100, key="12", at=now + 13 * DAY),
        Reverse(account=a, entry=1, key="13", at=now + 13 * DAY),
        now=now + 13 * DAY,
    )
    ledger.post(
        Reserve(account=b, points=60, key="2", at=now + DAY),
        Capture(account=b, hold=2, points=50, key="3", at=now + 2 * DAY),
        Reserve(account=b, points=20, key="4", at=now + 3 * DAY),
        Transfer(account=c, to=d, points=80, key="3", at=now + DAY),
        Activate(account=e, lot=(1, 1), key="2", at=now + DAY),
        Activate(account=f, lot=(1, 1), key="2", at=now + DAY),
        Earn(account=f, points=40, key="3", pending="P9D", at=now + DAY),
        Cancel(account=f, lot=(3, 1), key="4", at=now + DAY),
        Adjust(account=f, points=-50, reason="-", policy="cap", key="5"),
        Adjust(account=f, points=25, reason="+", key="6"),
        now=now + 3 * DAY,
    )
    ledger.now = now + 3 * DAY
    ledger.one(Earn(account=b, points=40, key="5", pending="P3D", validity="P9D"))
    ledger.one(Redeem(account=e, points=5, key="3"))
    idle.one(Earn(account=made.idler, points=100, key="1"))
    idle.one(Redeem(account=made.idler, points=10, key="2"))
    return made


def kinds(account: UUID) -> list[str]:
    found = rows(
        "SELECT type FROM ledger_entry WHERE account_id = %s ORDER BY sequence",
        (account,),
    )
    return [kind for (kind,) in found]


# ------------------------------------------------------------------------- harm


def run(statement: str, *parameters: object) -> None:
    sql.cursor().execute(statement.encode(), parameters or None)


@contextmanager
def harmed(accounts: list[UUID], *statements: str) -> Iterator[None]:
    """Run statements with triggers off; put all rows of the accounts back at the end.

    In a statement, `:member` stands for that account of the history.
    """
    run("SET session_replication_role = replica")
    try:
        for table, column in TABLES.items():
            run(
                f"CREATE TEMP TABLE kept_{table} AS "
                f"SELECT * FROM {table} WHERE {column} = ANY(%s)",
                accounts,
            )
        with ExitStack() as put_back:
            put_back.callback(_put_back, accounts)
            for constraint in OF_EACH_ENTRY:
                put_back.enter_context(lifted(constraint))
            for statement in statements:
                if statement.startswith("LIFT "):
                    put_back.enter_context(lifted(statement.removeprefix("LIFT ")))
                else:
                    run(_with_accounts(statement))
            run("SET session_replication_role = origin")
            yield
            run("SET session_replication_role = replica")
            # Constraints come back last: rows first.
            _put_back(accounts)
    finally:
        for table in TABLES:
            run(f"DROP TABLE IF EXISTS pg_temp.kept_{table}")
        run("SET session_replication_role = origin")


def _put_back(accounts: list[UUID]) -> None:
    run("SET session_replication_role = replica")
    with transaction():
        for table, column in TABLES.items():
            run(f"DELETE FROM {table} WHERE {column} = ANY(%s)", accounts)
            run(f"INSERT INTO {table} SELECT * FROM kept_{table}")


@contextmanager
def lifted(constraint: str) -> Iterator[None]:
    """Do without a CHECK or a unique index for a while."""
    checks = rows(
        "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) "
        "FROM pg_constraint WHERE conname = %s AND contype = 'c'",
        (constraint,),
    )
    if checks:
        ((table, definition),) = checks
        run(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        again = f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {definition}"
    else:
        ((again,),) = rows("SELECT pg_get_indexdef(%s::regclass)", (constraint,))
        run(f"DROP INDEX {constraint}")
    try:
        yield
    finally:
        run(again)


def _with_accounts(statement: str) -> str:
    for name in ("member", "holder", "payer", "payee", "waiter", "hasty", "idler"):
        statement = statement.replace(f":{name}", f"'{history()[name]}'")
    return statement


def named_by(report: Report, account: UUID | None) -> set[int]:
    """Return the invariants that name this account."""
    return {
        check.number
        for check in report.checks
        for breach in check.breaches
        if breach.account == account
    }


def change(table: str, who: str, what: str, where: str = "TRUE") -> str:
    column = TABLES[f"ledger_{table}"]
    return f"UPDATE ledger_{table} SET {what} WHERE {column} = :{who} AND {where}"


HARM: list[tuple[int, str, list[str]]] = [
    # 1: cached numbers, chain, due times
    (1, "member", [change("account", "member", "available = available + 1")]),
    (1, "member", [change("account", "member", "lifetime = lifetime + 1")]),
    (1, "holder", [change("account", "holder", "reserved = reserved + 1")]),
    (1, "holder", [change("account", "holder", "pending = pending - 1")]),
    (1, "member", [change("account", "member", "last_sequence = last_sequence + 1")]),
    (1, "member", [change("account", "member", "hash = sha256(hash)")]),
    (1, "member", [change("account", "member", "effective_at = NULL")]),
    (1, "member", [change("entry", "member", "balance = balance + 1", "sequence = 4")]),
    (1, "holder", [change("entry", "holder", "lifetime_after = 0", "sequence = 1")]),
    (1, "payer", ["DELETE FROM ledger_entry WHERE account_id = :payer AND sequence=2"]),
    (1, "payer", ["DELETE FROM ledger_account WHERE id = :payer"]),
    (
        1,
        "member",
        [change("entry", "member", "effective_at = '2025-01-01Z'", "sequence = 4")],
    ),
    (1, "holder", [change("account", "holder", "next_due_at = NULL")]),
    (1, "payee", [change("account", "payee", "next_due_at = next_due_at + '1 us'")]),
    (1, "idler", [change("account", "idler", "next_due_at = NULL")]),
    (1, "idler", [change("account", "idler", "next_due_at = next_due_at + '1 us'")]),
    # 2: lots and holds add up
    (
        2,
        "waiter",
        [change("lot", "waiter", "remaining = 0, open = FALSE, state = 'spent'")],
    ),
    (2, "holder", [change("account", "holder", "pending = pending + 1")]),
    (
        2,
        "holder",
        [change("hold", "holder", "open = FALSE, resolved_by = 5", "sequence = 4")],
    ),
    (2, "holder", [change("hold", "holder", "points = points + 1", "NOT open")]),
    (2, "holder", [change("hold", "holder", "expires_at = expires_at + '1 day'")]),
    (2, "holder", ["DELETE FROM ledger_hold WHERE account_id = :holder AND NOT open"]),
    # 3: what moved, moved through lots
    (3, "payee", [change("lot", "payee", "remaining = remaining - 1", "n = 1")]),
    (3, "member", [change("allocation", "member", "points = points - 1", "n = 1")]),
    (3, "payer", ["DELETE FROM ledger_allocation WHERE account_id = :payer AND n = 2"]),
    (3, "payee", ["DELETE FROM ledger_lot WHERE account_id = :payee AND n = 2"]),
    (
        3,
        "payer",
        [change("allocation", "payer", "points = points - 1", "n = 1")],
    ),
    (3, "holder", [change("entry", "holder", "amount = 49", "type = 'capture'")]),
    (3, "member", [change("entry", "member", "metadata = '{}'", "sequence = 13")]),
    (3, "hasty", [change("entry", "hasty", "metadata = '{}'", "sequence = 5")]),
    (3, "hasty", [change("entry", "hasty", "amount = 26", "sequence = 6")]),
    (3, "holder", [change("entry", "holder", "reserved = 61", "sequence = 2")]),
    (3, "member", [change("entry", "member", """metadata = '{"lapsed": "x"}'""")]),
    (3, "payer", ["DELETE FROM ledger_entry WHERE account_id = :payer AND sequence=1"]),
    # 4: spends in spending order
    (
        4,
        "payer",
        [
            change("allocation", "payer", "points = -40", "n = 1"),
            change("allocation", "payer", "points = -40", "n = 2"),
            change(
                "lot",
                "payer",
                "remaining = 10, open = TRUE, state = 'open'",
            ),
        ],
    ),
    (
        4,
        "payer",
        ["DELETE FROM ledger_allocation WHERE account_id = :payer AND n = 1"],
    ),
    (4, "payer", [change("lot", "payer", "expires_at = '2026-01-01Z'", "sequence=1")]),
    (4, "payer", [change("lot", "payer", "available_at = '2027-01-01Z'")]),
    (4, "waiter", [change("entry", "waiter", "relates_to = NULL", "sequence = 2")]),
    (4, "payer", [change("allocation", "payer", "lot_sequence = 9", "n = 1")]),
    # 5: no spend below zero
    (
        5,
        "member",
        [
            "LIFT entry_spend_within_balance",
            change("entry", "member", "balance = -1", "sequence = 4"),
        ],
    ),
    # 6: once, and never more than there was
    (
        6,
        "member",
        [change("lot", "member", "lapsed = lapsed - 1", "lapsed > 0")],
    ),
    (
        6,
        "member",
        [change("entry", "member", "type = 'expire'", "sequence = 4")],
    ),
    (6, "member", [change("entry", "member", "amount = 31", "type = 'refund'")]),
    (6, "member", [change("entry", "member", "amount = 51", "type = 'reverse'")]),
    (6, "hasty", [change("entry", "hasty", "amount = 41", "type = 'cancel'")]),
    (6, "hasty", [change("entry", "hasty", "amount = 31", "type = 'activate'")]),
    (6, "member", [change("entry", "member", "relates_to = 99", "sequence = 5")]),
    (6, "member", [change("entry", "member", "relates_to = 1", "sequence = 5")]),
    (
        6,
        "holder",
        [
            "LIFT entry_hold_resolves_once",
            change("entry", "holder", "type = 'void', relates_to = 2", "sequence = 5"),
        ],
    ),
    (
        6,
        "member",
        [
            "LIFT entry_lot_is_released_once",
            change("entry", "member", "type = 'release', relates_to = 2", "sequence=8"),
        ],
    ),
    # 7: one effect per key
    (7, "member", [change("refusal", "member", "key = '4'")]),
    (7, "member", [change("entry", "member", "key = NULL", "sequence = 4")]),
    (7, "payee", [change("entry", "payee", "key = 'k', fingerprint = ''")]),
    (
        7,
        "payer",
        ["LIFT entry_key_is_unique", change("entry", "payer", "key = 'k'")],
    ),
    # 9: transfers lose nothing
    (9, "payee", [change("entry", "payee", "available = 79")]),
    (9, "payee", [change("entry", "payee", "transfer_id = gen_random_uuid()")]),
    (9, "payer", [change("entry", "payer", "transfer_id = NULL", "sequence = 3")]),
    (9, "payee", [change("entry", "payee", "other_sequence = 1")]),
    (9, "payee", [change("entry", "payee", "effective_at = now()")]),
    (9, "payee", [change("lot", "payee", "expires_at = NULL", "n = 2")]),
    (9, "payee", [change("lot", "payee", "credited = 31, remaining = 31", "n = 2")]),
    # 10: rebuilt is as stored
    (10, "member", [change("lot", "member", "state = 'spent'", "lapsed > 0")]),
    (10, "payer", [change("lot", "payer", "state = 'cancelled'", "sequence = 1")]),
    (10, "holder", [change("hold", "holder", "resolved_by = 1", "NOT open")]),
    (
        10,
        "holder",
        [change("lot", "holder", "state='open', open=TRUE", "state='pending'")],
    ),
    (10, "payee", [change("account", "payee", "available = available - 1")]),
    (10, "idler", [change("account", "idler", "active_at = NULL")]),
    (10, "hasty", [change("account", "hasty", "active_at = now()")]),
]
COLUMNS = [
    "source = 'admin'",
    "type = 'adjust'",
    "amount = amount + 1",
    "pending = pending + 1",
    "reserved = reserved - 1",
    "reserved_after = reserved_after + 1",
    "pending_after = pending_after + 1",
    "key = key || '!'",
    "fingerprint = sha256('')",
    "reference_type = 'order'",
    "reference_id = ''",
    "relates_to = 1",
    "transfer_id = gen_random_uuid()",
    "other_account_id = account_id",
    "other_sequence = 7",
    "referred_member_id = gen_random_uuid()",
    "description = description || ' '",
    "metadata = ' {}'",
    "available_at = now()",
    "expires_at = now()",
    "validity = 'P1D'",
    "effective_at = effective_at + '1 us'",
    "recorded_at = recorded_at + '1 us'",
    "actor = ''",
    "hash = sha256(hash)",
]
HARM += [(8, "member", [change("entry", "member", c, "sequence = 4")]) for c in COLUMNS]
HARM += [
    (8, "member", [change("lot", "member", c, "sequence = 1")])
    for c in (
        "n = 2",
        "credited = 101",
        "root = 2",
        "available_at = NULL",
        "expires_at = expires_at + '1 us'",
        "validity = NULL",
        "activated_by = 4",
    )
]
HARM += [
    (8, "member", [change("allocation", "member", c, "sequence = 4")])
    for c in ("n = n + 1", "lot_sequence = 2", "lot_n = 2", "points = points + 1")
]
HARM += [
    (8, "waiter", [change("lot", "waiter", "expires_at = expires_at + '1 us'")]),
    (8, "waiter", [change("lot", "waiter", "available_at = NULL")]),
    (8, "waiter", [change("lot", "waiter", "activated_by = NULL")]),
    (8, "hasty", [change("lot", "hasty", "available_at = now()", "sequence = 1")]),
    (8, "hasty", [change("lot", "hasty", "activated_by = 6", "sequence = 1")]),
    (8, "hasty", [change("entry", "hasty", "available_at = NULL", "sequence = 1")]),
]


@pytest.mark.parametrize(
    ("number", "who", "statements"),
    HARM,
    ids=[f"{n} {who} {statements[-1][-50:]}" for n, who, statements in HARM],
)
def test_harm_is_named(number: int, who: str, statements: list[str]) -> None:
    made = history()
    with harmed(made.accounts, *statements):
        assert number in named_by(verify(), made[who])
        assert number in named_by(verify(accounts=[made[who]]), made[who])


@pytest.mark.parametrize(
    ("harm", "undo"),
    [
        (
            "ALTER TABLE ledger_entry DISABLE TRIGGER entry_never_changes",
            "ALTER TABLE ledger_entry ENABLE TRIGGER entry_never_changes",
        ),
        (
            "ALTER TABLE ledger_lot ENABLE REPLICA TRIGGER lot_dates_are_set_once",
            "ALTER TABLE ledger_lot ENABLE TRIGGER lot_dates_are_set_once",
        ),
        (
            "ALTER TRIGGER hold_never_reopens ON ledger_hold RENAME TO gone",
            "ALTER TRIGGER gone ON ledger_hold RENAME TO hold_never_reopens",
        ),
    ],
)
def test_a_guard_that_is_off_is_named(harm: str, undo: str) -> None:
    run(harm)
    try:
        assert named_by(verify(), None) == {8}
    finally:
        run(undo)


def test_every_guard_that_is_off_is_named() -> None:
    triggers = rows(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger "
        "WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'ledger_%%'",
        (),
    )
    assert len(triggers) >= 15
    for table, name in triggers:
        run(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
        try:
            assert named_by(verify(accounts=[]), None) == {8}, name
        finally:
            run(f"ALTER TABLE {table} ENABLE TRIGGER {name}")


# ------------------------------------------------------------------------- health


def test_a_healthy_history_is_clean() -> None:
    made = history()
    assert kinds(made.member) == (
        "earn earn release redeem refund reverse redeem expire refund redeem "
        "reverse earn reverse".split()
    ), "the history is what its description says"
    for report in (verify(), verify(accounts=made.accounts)):
        assert report.clean
        assert [check.number for check in report.checks] == list(range(1, 11))
        assert all(check.seconds > 0 and check.rows for check in report.checks)
    assert report.accounts == len(made.accounts)
    assert report.entries == sum(len(kinds(account)) for account in made.accounts)


def test_other_accounts_are_left_alone() -> None:
    made = history()
    with harmed(made.accounts, change("account", "member", "available = 7")):
        assert verify(accounts=[made.holder]).clean
        assert verify(accounts=[]).clean


def test_two_connections_see_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "TWO_LANES_FROM", 0)
    made = history()
    assert verify().clean
    with harmed(made.accounts, change("account", "member", "available = 7")):
        report = verify()
    assert {1, 2, 10} <= named_by(report, made.member)
    assert [check.number for check in report.checks] == list(range(1, 11))


def test_it_refuses_to_run_inside_a_transaction() -> None:
    with transaction(), pytest.raises(TransactionError):
        verify()
    with transaction(), pytest.raises(TransactionError):
        rebuild()


# ------------------------------------------------------------------------- rebuild


DERIVED_HARM = [
    change("account", "member", "available = available + 1, effective_at = NULL"),
    change("account", "member", "lifetime = lifetime + 5, hash = sha256('')"),
    change("account", "holder", "last_sequence = 77, pending = 9, reserved = 9"),
    change("account", "payee", "available = 0"),
    change("lot", "member", "lapsed = 1, state = 'spent'", "sequence = 1"),
    change("lot", "payee", "remaining = 1"),
    change("lot", "waiter", "remaining = 0, state = 'spent', open = FALSE"),
    change("hold", "holder", "open = NOT open, resolved_by = NULL", "NOT open"),
]


def test_rebuild_finds_differences_and_repairs_them() -> None:
    made = history()
    with harmed(made.accounts, *DERIVED_HARM):
        found = rebuild(accounts=made.accounts)
        assert (found.accounts, found.holds) == (7, 2)
        told = {
            (d.table, d.account, d.sequence, d.n, d.column) for d in found.differences
        }
        assert ("account", made.member, None, None, "lifetime") in told
        assert ("lot", made.payee, 1, 2, "remaining") in told
        assert ("lot", made.waiter, 1, 1, "open") in told
        assert ("hold", made.holder, 2, None, "resolved_by") in told
        assert len(told) == len(found.differences) == 17
        assert not verify(accounts=made.accounts).clean, (
            "without repair nothing changes"
        )

        assert rebuild(repair=True).differences == found.differences
        assert rebuild().differences == []
        for table, column in TABLES.items():
            changed = rows(
                f"SELECT t.{column} FROM {table} t WHERE {column} = ANY(%s) "
                f"AND t::text NOT IN (SELECT k::text FROM kept_{table} k)",
                (made.accounts,),
            )
            assert not changed, f"{table} is as it was"
        assert verify(accounts=made.accounts).clean
    assert rows("SHOW session_replication_role") == [("origin",)]


def test_rebuild_cannot_store_what_harmed_rows_add_up_to() -> None:
    from psycopg.errors import CheckViolation

    made = history()
    harm = change("allocation", "payer", "points = -1000", "n = 1")
    with harmed(made.accounts, harm):
        with pytest.raises(CheckViolation):
            rebuild(accounts=[made.payer], repair=True)
        assert rebuild(accounts=[made.payer]).differences


# ------------------------------------------------------------------------- order


def passed_over(account: UUID) -> set[tuple[int, int]]:
    """Return lots that a spend passed over: the plain way, each with each."""
    entries = rows(
        "SELECT sequence, type, relates_to, pending FROM ledger_entry "
        "WHERE account_id = %s ORDER BY sequence",
        (account,),
    )
    opened = rows(
        "SELECT sequence, n, credited, coalesce(expires_at, 'infinity')::text "
        "FROM ledger_lot WHERE account_id = %s",
        (account,),
    )
    moves = rows(
        "SELECT sequence, lot_sequence, lot_n, points FROM ledger_allocation "
        "WHERE account_id = %s",
        (account,),
    )
    released = {of: at for at, kind, of, _ in entries if kind == "release"}
    since = {
        at: released.get(at) if pending > 0 else at for at, _, _, pending in entries
    }
    order = {
        (sequence, n): (ends == "infinity", ends, sequence, n)
        for sequence, n, _, ends in opened
    }
    found = set()
    for at, kind, _, _ in entries:
        if kind != "redeem":
            continue
        reach = max(order[s, n] for e, s, n, _ in moves if e == at)
        for sequence, n, credited, _ in opened:
            of_lot = [p for e, s, m, p in moves if e <= at and (s, m) == (sequence, n)]
            if (
                order[sequence, n] < reach
                and since[sequence] is not None
                and since[sequence] <= at
                and credited + sum(of_lot) > 0
            ):
                found.add((sequence, n))
    return found


@pytest.mark.parametrize("seed", range(size(6, 200)))
def test_order_is_checked_as_the_plain_way_does(seed: int) -> None:
    """Random histories, some of whose allocations are led to another lot."""
    rng = random.Random(seed)
    ledger = a_ledger()
    account = ledger.account()
    for number in range(rng.choice([12, 60, 120])):
        ledger.pass_days(rng.random())
        key = str(number)
        if number < 3 or rng.random() < 0.4:
            days = rng.choice([f"P{rng.randint(1, 40)}D", None])
            wait = rng.choice(["PT0S", "PT0S", "P2D"])
            points = rng.randint(1, 30)
            ledger.one(
                Earn(
                    account=account, points=points, key=key, validity=days, pending=wait
                )
            )
        elif rng.random() < 0.8:
            points = rng.randint(1, 25)
            ledger.one(Redeem(account=account, points=points, key=key, up_to=True))
        else:
            spends = [n for n, kind in enumerate(kinds(account), 1) if kind == "redeem"]
            if spends:
                spend = rng.choice(spends)
                ledger.one(Refund(account=account, entry=spend, points=1, key=key))
    ledger.one(Settle(account=account))
    assert passed_over(account) == set()
    lot_ids = rows("SELECT sequence, n FROM ledger_lot WHERE account_id=%s", (account,))
    for _ in range(5):
        led = [
            "UPDATE ledger_allocation a SET lot_sequence = {}, lot_n = {} "
            "FROM ledger_entry e WHERE a.account_id = '{}' AND e.type = 'redeem' "
            "AND e.account_id = a.account_id AND e.sequence = a.sequence "
            "AND a.sequence % 7 = {}".format(
                *rng.choice(lot_ids), account, rng.randint(0, 6)
            )
            for _ in range(rng.randint(1, 2))
        ]
        with harmed([account], *led):
            report = verify(accounts=[account])
            told = {
                breach.what.split(" lot ")[1].split(",")[0]
                for breach in report.checks[3].breaches
                if "passed over" in breach.what
            }
            assert told == {f"{s}.{n}" for s, n in passed_over(account)}
