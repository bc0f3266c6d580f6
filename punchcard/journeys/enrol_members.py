"""Enrol members: the members, and their account in every wallet of the program."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from punchcard.kernel.transactions import transaction
from punchcard.ledger.operations import open_accounts
from punchcard.members import operations as members
from punchcard.programs.queries import list_wallets

HOLDER_KIND = "member"


def enrol_members(
    *, program: UUID, external_ids: Sequence[str], now: datetime
) -> list[members.Enrolled]:
    """Make the members that are not there yet, with accounts; answer all, in order.

    Enrolling twice is enrolling once; a wallet made since gets its accounts then.

    Raises:
        ExternalIdMalformed: one external id is not as it must be; nothing is made.
    """
    with transaction():
        enrolled = members.enrol_members(
            program=program, external_ids=external_ids, now=now
        )
        holders = sorted({member.id for member in enrolled})
        for wallet in list_wallets(program=program):
            open_accounts(
                wallet=wallet.id, holder_kind=HOLDER_KIND, holders=holders, now=now
            )
    return enrolled
