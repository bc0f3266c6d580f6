"""Verify the ledger, and freeze what is harmed before anybody spends of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import InternalError

from punchcard.kernel import clock
from punchcard.kernel.audit import SYSTEM, Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.ledger.errors import AccountNotFound
from punchcard.ledger.operations import freeze
from punchcard.ledger.queries import get_account
from punchcard.ledger.verifying import Report, find_written, verify
from punchcard.programs.queries import get_program, program_now, program_of_wallet

from .take_readings import keep_verdict


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, what was found, and what was done about it."""

    entries: int
    accounts: int
    breaches: list[str]
    """One sentence each; `punchcard verify` has them by invariant."""
    frozen: list[UUID]
    """Accounts that were open until now."""


def verify_ledger(*, since: datetime | None = None) -> Verified:
    """Check every invariant, and freeze each account that breaks one.

    With `since` only accounts are looked at that something was recorded for since then.
    A frozen account takes no command until somebody has looked at it; the audit says
    why. Missing guards belong to no account: they are only told.

    Raises:
        TransactionError: a transaction is open.
        OperationalError: (Django's or psycopg's) the database cannot be reached.
    """
    report = look_at_ledger(since=since)
    found = _by_account(report)
    return Verified(
        entries=report.entries,
        accounts=report.accounts,
        breaches=[sentence for sentences in found.values() for sentence in sentences],
        frozen=[
            account
            for account, sentences in found.items()
            if account is not None and _freeze(account, sentences)
        ],
    )


def look_at_ledger(*, since: datetime | None = None) -> Report:
    """Check every invariant, and keep the verdict for whoever watches.

    Raises:
        TransactionError: a transaction is open.
        OperationalError: (Django's or psycopg's) the database cannot be reached.
    """
    began = clock.read()
    accounts = None if since is None else find_written(since=since)
    report = Report(entries=0, accounts=0, checks=[])
    if accounts != []:
        report = verify(accounts=accounts)
    # A standby can be looked at too; it has nowhere to write.
    with suppress(InternalError):
        keep_verdict(report=report, now=began, whole=since is None)
    return report


def _by_account(report: Report) -> dict[UUID | None, list[str]]:
    found: dict[UUID | None, list[str]] = {}
    for check in report.checks:
        for breach in check.breaches:
            where = "no account"
            if breach.account is not None:
                where = f"{typed('acc', breach.account)}/{breach.sequence or 0}"
            sentence = f"{check.number} {check.name}: {where}: {breach.what}"
            found.setdefault(breach.account, []).append(sentence)
    return found


def _freeze(account: UUID, sentences: Sequence[str]) -> bool:
    """Freeze an account that was open, and say why; return whether it was open."""
    try:
        wallet = get_account(account=account).wallet
    except AccountNotFound:
        return False
    program = get_program(program=program_of_wallet(wallet))
    with transaction():
        if not freeze(account=account):
            return False
        change = Change(
            action="account.frozen",
            target=typed("acc", account),
            fields={"before": "open", "reason": f"verify: {sentences[0]}"},
        )
        record_changes(
            author=Author(actor=SYSTEM, program=program.id),
            changes=[change],
            now=program_now(program),
        )
    return True
