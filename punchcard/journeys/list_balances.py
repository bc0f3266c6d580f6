"""List what every member of a program holds in a wallet, as of one instant."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from uuid import UUID

from punchcard.kernel.transactions import snapshot
from punchcard.ledger.balances import Balance, balances_as_of
from punchcard.ledger.queries import find_accounts
from punchcard.members.queries import scan_members

HOLDER_KIND = "member"
CHUNK = 2_000


def list_balances(
    *, program: UUID, wallet: UUID, as_of: datetime
) -> Generator[tuple[str, Balance | None], None, None]:
    """Yield (external id, balance) of all members, by external id as text.

    None: the member has no account in the wallet. All of it is read from one
    snapshot, chunk by chunk, so memory stays flat and nobody is counted twice.

    Raises:
        TransactionError: a transaction is open already.
    """
    with snapshot():
        for chunk in scan_members(program=program, chunk=CHUNK):
            accounts = find_accounts(
                wallet=wallet,
                holder_kind=HOLDER_KIND,
                holders=[member for _, member in chunk],
            )
            found = balances_as_of(accounts=list(accounts.values()), as_of=as_of)
            for external_id, member in chunk:
                account = accounts.get(member)
                yield external_id, None if account is None else found.get(account)
