"""Verify the ledger, and freeze what is harmed before anybody spends of it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import InternalError

from punchcard.kernel import clock
from punchcard.kernel.ids import typed
from punchcard.ledger.verifying import Report, find_written, verify

from .freeze_harmed import freeze_harmed
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
            if account is not None
            and freeze_harmed(account=account, reason=f"verify: {sentences[0]}")
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
