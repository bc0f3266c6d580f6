"""Create a wallet, and open its account for every member that there is.

Note [No member without an account]: whoever enrols inserts the member first and then
reads which wallets there are. Before a new wallet commits, `await_enrolments` waits
until nobody is between the two, and lets nobody in: so each member is either seen by
the walk below, or saw the wallet.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import refuse_transaction, transaction
from punchcard.ledger.queries import find_accounts
from punchcard.members.operations import await_enrolments
from punchcard.members.queries import list_member_ids
from punchcard.programs import operations as programs
from punchcard.programs.errors import WalletCodeTaken
from punchcard.programs.queries import WalletView, find_wallet_by_code

from .open_member_accounts import HOLDER_KIND, open_member_accounts
from .retrying import again

MEMBERS_AT_ONCE = 1_000
"""Accounts of one transaction."""


class CreatedWallet(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet, and how far its accounts are."""

    wallet: WalletView
    created: bool
    """Whether this call made it."""
    accounts_opened: int
    complete: bool
    """Whether every member has an account; else the same call again goes on."""


def create_wallet(
    *,
    program: UUID,
    code: str,
    name: str,
    author: Author,
    now: datetime,
    most: int | None = None,
    **policy: Any,
) -> CreatedWallet:
    """Create a wallet and open accounts, about `most` of them (None: all).

    `policy` as of the room's `create_wallet`. With the same words again it completes
    what was cut short, and changes nothing else.

    Raises:
        ProgramMalformed: a field is not what it must be; says which.
        WalletCodeTaken: the program has another wallet with this code.
        OperationalError: the database cannot be reached, or an enrolment has not ended
            in time; what was opened stays.
    """
    refuse_transaction()
    try:
        wallet, created = _create(program, code, name, author, now, policy), True
    except WalletCodeTaken:
        found = find_wallet_by_code(program=program, code=code)
        if found is None or not _is_as_said(found, {"name": name, **policy}):
            raise
        wallet, created = found, False
    opened, complete = open_wallet_accounts(wallet=wallet, now=now, most=most)
    return CreatedWallet(
        wallet=wallet, created=created, accounts_opened=opened, complete=complete
    )


def _create(
    program: UUID,
    code: str,
    name: str,
    author: Author,
    now: datetime,
    policy: dict[str, Any],
) -> WalletView:
    with transaction():
        wallet = programs.create_wallet(
            program=program, code=code, name=name, now=now, **policy
        )
        change = Change(
            action="wallet.created",
            target=typed("wal", wallet.id),
            fields={"code": code, **policy},
        )
        record_changes(author=author, changes=[change], now=now)
        # See Note [No member without an account].
        await_enrolments()
    return wallet


def _is_as_said(wallet: WalletView, said: dict[str, Any]) -> bool:
    """Return whether a wallet is what these words say."""
    return all(getattr(wallet, field) == value for field, value in said.items())


def open_wallet_accounts(
    *, wallet: WalletView, now: datetime, most: int | None
) -> tuple[int, bool]:
    """Walk over all members; return how many accounts are new, and if it came round.

    Raises:
        TransactionError: a transaction is open.
        OperationalError: the database cannot be reached; what was opened stays.
    """
    opened, last = 0, None
    while members := list_member_ids(
        program=wallet.program, limit=MEMBERS_AT_ONCE, after=last
    ):
        if most is not None and opened >= most:
            return opened, False
        last = members[-1]
        known = find_accounts(
            wallet=wallet.id, holder_kind=HOLDER_KIND, holders=members
        )
        missing = [member for member in members if member not in known]
        if missing:
            again(lambda of=missing: _open(wallet, of, now))  # type: ignore[misc]
            opened += len(missing)
    return opened, True


def _open(wallet: WalletView, members: list[UUID], now: datetime) -> None:
    with transaction():
        open_member_accounts(wallets=[wallet], members=members, now=now)
