"""The ledger's one door, `post`; and `open_accounts`, and who may use an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from punchcard.kernel import clock, sql
from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import require_transaction
from punchcard.ledger import errors
from punchcard.ledger.commands import Command, Settle, Transfer
from punchcard.ledger.models import STATUSES
from punchcard.ledger.outcomes import APPLIED, NOT_APPLIED, Outcome
from punchcard.ledger.reading import read_accounts, read_for
from punchcard.ledger.rules.deciding import decide
from punchcard.ledger.rules.shape import fault_of
from punchcard.ledger.rules.state import Account
from punchcard.ledger.writing import write_accounts


def post(
    *,
    commands: Sequence[Command],
    now: datetime,
    atomic: bool = False,
    dry_run: bool = False,
    using: str = "default",
) -> list[Outcome]:
    """Decide and write commands; the outcome equals running them one by one, in order.

    One set of locks and a fixed number of statements, whatever the size. Refusals
    are returned, not raised: the caller commits, or they are forgotten. With
    `atomic`, the first refused command answers its refusal, all others
    `not_applied`, and nothing else is written. With `dry_run` nothing is locked,
    written or remembered.

    Raises:
        TransactionError: no transaction is open (but for a dry run).
        SecondPost: this transaction has posted before.
    """
    if not dry_run:
        require_transaction(using=using)
    if not commands:
        return []
    recorded_at = clock.read()
    faults = [fault_of(command, now) for command in commands]
    cursor = sql.cursor(using=using)
    accounts = read_accounts(cursor, _named_by(commands), lock=not dry_run)
    asked = [
        (accounts[command.account], command)
        for command, fault in zip(commands, faults, strict=True)
        if not fault and _accounts_exist(command, accounts)
    ]
    if asked:
        read_for(cursor, asked, accounts, now)
    before = {account.id: account.last_sequence for account in accounts.values()}
    outcomes: list[Outcome] = []
    for command, fault in zip(commands, faults, strict=True):
        if fault or not _accounts_exist(command, accounts):
            outcomes.append(_not_decided(command, fault, accounts))
        else:
            receiver = accounts[command.to] if isinstance(command, Transfer) else None
            account = accounts[command.account]
            outcomes.append(decide(account, command, now, recorded_at, receiver))
        if atomic and outcomes[-1].code != APPLIED:
            return _refuse_all(
                cursor, commands, outcomes, accounts, before, recorded_at, dry_run
            )
    if not dry_run:
        write_accounts(cursor, accounts.values(), recorded_at)
    return outcomes


def _named_by(commands: Sequence[Command]) -> set[UUID]:
    """Return every account that the commands touch."""
    named = {command.account for command in commands}
    return named | {c.to for c in commands if isinstance(c, Transfer)}


def _accounts_exist(command: Command, accounts: Mapping[UUID, Account]) -> bool:
    """Return whether a command's accounts are there; two are of one wallet."""
    account = accounts.get(command.account)
    if account is None or not isinstance(command, Transfer):
        return account is not None
    receiver = accounts.get(command.to)
    return receiver is not None and receiver.wallet == account.wallet


def _not_decided(
    command: Command, fault: dict[str, Any] | None, accounts: Mapping[UUID, Account]
) -> Outcome:
    account = accounts.get(command.account)
    return Outcome(
        account=command.account,
        code="malformed" if fault else "account_not_found",
        details=fault or {},
        sequence=account.last_sequence if account else 0,
    )


def _refuse_all(
    cursor: psycopg.Cursor[tuple[Any, ...]],
    commands: Sequence[Command],
    outcomes: list[Outcome],
    accounts: dict[UUID, Account],
    before: dict[UUID, int],
    recorded_at: datetime,
    dry_run: bool,  # noqa: FBT001 - private, and the last of a plain hand-over
) -> list[Outcome]:
    """Answer a refused atomic batch: only that one refusal is kept."""
    refused = outcomes[-1]
    if not refused.replayed:
        refused.sequence = before.get(refused.account, 0)
    answers = [
        Outcome(
            account=command.account,
            code=NOT_APPLIED,
            sequence=before.get(command.account, 0),
        )
        for command in commands
    ]
    answers[len(outcomes) - 1] = refused
    account = accounts.get(refused.account)
    if account is not None and account.refusals and not refused.replayed:
        row = account.refusals[-1]
        if row.code == refused.code and not dry_run:
            row.sequence = refused.sequence
            kept = _only_refusal(account)
            write_accounts(cursor, [kept], recorded_at)
    return answers


def _only_refusal(account: Account) -> Account:
    return Account(
        id=account.id,
        wallet=account.wallet,
        policy=account.policy,
        available=0,
        pending=0,
        reserved=0,
        lifetime=0,
        last_sequence=0,
        status=account.status,
        effective_at=None,
        hash=b"",
        next_due_at=None,
        active_at=None,
        refusals=account.refusals[-1:],
    )


def open_accounts(
    *,
    wallet: UUID,
    holder_kind: str,
    holders: Sequence[UUID],
    now: datetime,
    using: str = "default",
) -> dict[UUID, UUID]:
    """Open an account in `wallet` for each holder that has none; return all of them.

    Who comes second, in another process too, finds the first one's account.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction(using=using)
    wanted = sorted(set(holders))
    cursor = sql.cursor(using=using)
    cursor.execute(
        """
        WITH claimed AS (
            INSERT INTO ledger_account_holder
                (wallet_id, holder_kind, holder_id, account_id)
            SELECT %(wallet)s, %(kind)s, holder_id, account_id
            FROM unnest(%(holders)s, %(accounts)s) AS w(holder_id, account_id)
            ON CONFLICT DO NOTHING
            RETURNING holder_id, account_id
        )
        INSERT INTO ledger_account (id, wallet_id, holder_kind, holder_id, opened_at)
        SELECT account_id, %(wallet)s, %(kind)s, holder_id, %(now)s FROM claimed
        """,
        {
            "wallet": wallet,
            "kind": holder_kind,
            "holders": sql.Uuids(wanted),
            "accounts": sql.Uuids([new_id() for _ in wanted]),
            "now": now,
        },
        prepare=True,
    )
    cursor.execute(
        """
        SELECT holder_id, account_id FROM ledger_account_holder
        WHERE wallet_id = %s AND holder_kind = %s AND holder_id = ANY(%s)
        """,
        (wallet, holder_kind, sql.Uuids(wanted)),
        prepare=True,
    )
    return dict(cursor.fetchall())


def change_status(
    *, account: UUID, status: str, now: datetime, using: str = "default"
) -> str:
    """Freeze, unfreeze (`open`) or close an account; return the status it had.

    What fell due up to `now` is written first. The same status again is no change.

    Raises:
        TransactionError: no transaction is open.
        SecondPost: this transaction has posted before.
        ValueError: not `open`, `frozen` or `closed`.
        AccountNotFound: there is none with this id.
        AccountClosed: it is closed, which is final.
        AccountNotEmpty: it is to be closed, and holds points, or owes some.
    """
    if status not in STATUSES:
        raise ValueError(f"the status is one of {', '.join(STATUSES)}")
    (settled,) = post(commands=[Settle(account=account)], now=now, using=using)
    if settled.code != APPLIED:
        raise errors.AccountNotFound
    cursor = sql.cursor(using=using)
    cursor.execute(
        "SELECT status, available, pending, reserved FROM ledger_account WHERE id = %s",
        (account,),
        prepare=True,
    )
    ((before, *numbers),) = cursor.fetchall()
    if before == status:
        return str(before)
    if before == "closed":
        raise errors.AccountClosed
    if status == "closed" and any(numbers):
        raise errors.AccountNotEmpty(*numbers)
    cursor.execute(
        "UPDATE ledger_account SET status = %s WHERE id = %s",
        (status, account),
        prepare=True,
    )
    return str(before)


def freeze(*, account: UUID, using: str = "default") -> bool:
    """Freeze an open account as it stands; return whether it was open.

    For one that is harmed: the guards may refuse to write what fell due first, which
    is what `change_status` does.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction(using=using)
    cursor = sql.cursor(using=using)
    cursor.execute(
        "UPDATE ledger_account SET status = 'frozen' WHERE id = %s AND status = 'open'",
        (account,),
        prepare=True,
    )
    return cursor.rowcount == 1
