"""Freeze an account that is harmed, and say why, before anybody spends of it."""

from __future__ import annotations

from uuid import UUID

from punchcard.kernel.audit import SYSTEM, Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.ledger.errors import AccountNotFound
from punchcard.ledger.operations import freeze
from punchcard.ledger.queries import get_account
from punchcard.programs.queries import get_program, program_now, program_of_wallet

from .announce_status import announce_status


def freeze_harmed(*, account: UUID, reason: str) -> bool:
    """Freeze an account that was open as it stands; return whether it was open.

    It takes no command until somebody has looked at it; the audit says why, and the
    event log that it was frozen.

    Raises:
        TransactionError: a transaction is open.
    """
    try:
        wallet = get_account(account=account).wallet
    except AccountNotFound:
        return False
    program = get_program(program=program_of_wallet(wallet))
    with transaction():
        if not freeze(account=account):
            return False
        change = Change(
            action="account.frozen",
            target=typed("acc", account),
            fields={"before": "open", "reason": reason},
        )
        record_changes(
            author=Author(actor=SYSTEM, program=program.id),
            changes=[change],
            now=program_now(program),
        )
        announce_status(account=account, happened="account.frozen", before="open")
    return True
