"""Points from one account to another of the same wallet, at one instant."""

from __future__ import annotations

from typing import Any
from uuid import uuid5

from punchcard.ledger.commands import Transfer
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules import lots
from punchcard.ledger.rules.limits import within_total
from punchcard.ledger.rules.recording import record
from punchcard.ledger.rules.spending import require_spendable
from punchcard.ledger.rules.state import Account


def transfer(
    payer: Account, receiver: Account, command: Transfer, common: dict[str, Any]
) -> Entry:
    """Move points: one lot for each that they came from, with the same expiry."""
    points, at = command.points, common["at"]
    require_spendable(payer, command, at)
    within_total(receiver, available=points)
    paid, received = payer.last_sequence + 1, receiver.last_sequence + 1
    # The name says it all: a payer's sequence is used once.
    transfer_id = uuid5(payer.id, f"transfer {paid}")
    moves, _ = lots.take(lots.open_lots(payer), points)
    entry = record(
        payer,
        type="transfer_out",
        amount=points,
        available=-points,
        moves=moves,
        transfer=transfer_id,
        other_account=receiver.id,
        other_sequence=received,
        **common,
    )
    opened = [
        lots.open_lot(
            receiver,
            sequence=received,
            n=n,
            root=received,
            points=-part,
            available_at=at,
            expires_at=lot.expires_at,
        )
        for n, (lot, part) in enumerate(moves, 1)
    ]
    record(
        receiver,
        type="transfer_in",
        amount=points,
        available=points,
        moves=lots.repay_debt(-receiver.available, opened),
        opened=opened,
        transfer=transfer_id,
        other_account=payer.id,
        other_sequence=paid,
        available_at=at,
        **{**common, "key": None, "fingerprint": None},
    )
    return entry
