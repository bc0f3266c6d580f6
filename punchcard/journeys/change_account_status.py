"""Freeze, unfreeze or close an account, and say for whom and why."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.ledger.events import AccountEvent
from punchcard.ledger.operations import change_status

from .announce_status import announce_status

Status: TypeAlias = Literal["open", "frozen", "closed"]

_ACTIONS: Final[dict[Status, AccountEvent]] = {
    "open": "account.unfrozen",
    "frozen": "account.frozen",
    "closed": "account.closed",
}


def change_account_status(
    *, account: UUID, status: Status, reason: str, author: Author, now: datetime
) -> bool:
    """Give an account this status; return whether that is a change.

    The audit has its only trace, so machines are written down too.

    Raises:
        TransactionError: a transaction is open already.
        AccountNotFound: there is none with this id.
        AccountClosed: it is closed, which is final.
        AccountNotEmpty: it is to be closed, and holds points, or owes some.
    """
    with transaction():
        before = change_status(account=account, status=status, now=now)
        if before == status:
            return False
        change = Change(
            action=_ACTIONS[status],
            target=typed("acc", account),
            fields={"before": before, "reason": reason},
        )
        record_changes(author=author, changes=[change], now=now)
        announce_status(account=account, happened=_ACTIONS[status], before=before)
    return True
