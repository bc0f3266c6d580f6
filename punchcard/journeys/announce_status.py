"""Announce what became of an account, after which entry."""

from __future__ import annotations

from uuid import UUID

from punchcard.kernel.outbox import Announcement, announce
from punchcard.ledger.events import AccountEvent
from punchcard.ledger.queries import get_account
from punchcard.programs.queries import program_of_wallet


def announce_status(*, account: UUID, happened: AccountEvent, before: str) -> None:
    """Announce a change; its reason may be somebody's free text, and stays out of it.

    Raises:
        TransactionError: no transaction is open.
    """
    view = get_account(account=account)
    announcement = Announcement(
        program=program_of_wallet(view.wallet),
        type=happened,
        member=view.holder if view.holder_kind == "member" else None,
        account=account,
        after=view.last_sequence,
        data={"before": before},
    )
    announce(announcements=[announcement])
