"""Open the accounts of members: one in every wallet of their program."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from punchcard.ledger.operations import open_accounts
from punchcard.programs.queries import WalletView

HOLDER_KIND = "member"


def open_member_accounts(
    *, wallets: Sequence[WalletView], members: Sequence[UUID], now: datetime
) -> dict[UUID, dict[UUID, UUID]]:
    """Open what is not open yet; return wallet → member → account, of all.

    Part of another journey's transaction.

    Raises:
        TransactionError: no transaction is open.
    """
    return {
        wallet.id: open_accounts(
            wallet=wallet.id, holder_kind=HOLDER_KIND, holders=members, now=now
        )
        for wallet in wallets
    }
