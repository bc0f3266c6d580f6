"""List every entry of a wallet, with the member it is of, as of one moment."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from uuid import UUID

from punchcard.kernel.transactions import snapshot
from punchcard.ledger.histories import scan_entries
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.queries import find_holders
from punchcard.members.queries import name_members

CHUNK = 2_000


def list_entries(
    *,
    program: UUID,
    wallet: UUID,
    effective_from: datetime | None = None,
    effective_to: datetime | None = None,
) -> Generator[tuple[str | None, Entry], None, None]:
    """Yield (external id of the member, entry), account by account; [from, to).

    None: the account is nobody's who is a member. All of it is read from one snapshot,
    chunk by chunk, so memory stays flat and nothing is half there.

    Raises:
        TransactionError: a transaction is open already.
    """
    with snapshot():
        for chunk in scan_entries(
            wallet=wallet,
            chunk=CHUNK,
            effective_from=effective_from,
            effective_to=effective_to,
        ):
            accounts = list({entry.account for entry in chunk})
            holders = find_holders(accounts=accounts)
            names = name_members(
                program=program, members=[holder for _, holder in holders.values()]
            )
            for entry in chunk:
                yield names.get(holders[entry.account][1]), entry
