"""Freeze, unfreeze or close an account, and say for whom and why."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.outbox import Announcement, announce
from punchcard.kernel.transactions import transaction
from punchcard.ledger.events import AccountEvent
from punchcard.ledger.operations import change_status
from punchcard.ledger.queries import get_account
from punchcard.programs.queries import program_of_wallet

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
        _announce(account, _ACTIONS[status], before)
    return True


def _announce(account: UUID, type_: AccountEvent, before: str) -> None:
    """Announce the change; its reason is somebody's free text, and stays here."""
    view = get_account(account=account)
    announcement = Announcement(
        program=program_of_wallet(view.wallet),
        type=type_,
        member=view.holder if view.holder_kind == "member" else None,
        account=account,
        after=view.last_sequence,
        data={"before": before},
    )
    announce(announcements=[announcement])
