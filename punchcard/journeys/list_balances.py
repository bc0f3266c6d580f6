"""List what every member of a program holds in a wallet, as of one instant."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from uuid import UUID

from psycopg import sql as composing

from punchcard.kernel import sql
from punchcard.kernel.transactions import transaction
from punchcard.ledger.queries import Balance, balances_as_of

HOLDER_KIND = "member"
CHUNK = 2_000

_MEMBERS = """
    DECLARE sorted_member NO SCROLL CURSOR FOR
    SELECT m.external_id, h.account_id
    FROM members_member m
    LEFT JOIN ledger_account_holder h
        ON h.wallet_id = {} AND h.holder_kind = {} AND h.holder_id = m.id
    WHERE m.program_id = {}
    ORDER BY m.external_id COLLATE "C"
"""


def list_balances(
    *, program: UUID, wallet: UUID, as_of: datetime
) -> Generator[tuple[str, Balance | None], None, None]:
    """Yield (external id, balance) of all members, by external id as text.

    None: the member has no account in the wallet. All of it is read from one
    snapshot, chunk by chunk, so memory stays flat and nobody is counted twice.

    Raises:
        TransactionError: a transaction is open already.
    """
    with transaction():
        cursor = sql.cursor()
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # Sorted once by the server: pages by key would sort anew for each page where
        # the database's own collation is not by code point.
        cursor.execute(
            composing.SQL(_MEMBERS).format(wallet, HOLDER_KIND, program), prepare=False
        )
        fetch = composing.SQL("FETCH {} FROM sorted_member").format(CHUNK)
        while chunk := cursor.execute(fetch).fetchall():
            accounts = [account for _, account in chunk if account is not None]
            found = balances_as_of(accounts=accounts, as_of=as_of)
            for external_id, account in chunk:
                yield external_id, found.get(account)
