"""What takes points out of available: a redeem, a reserve, a transfer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from punchcard.ledger.commands import Redeem, Reserve, Transfer
from punchcard.ledger.outcomes import Entry
from punchcard.ledger.rules.limits import spendable
from punchcard.ledger.rules.lots import Move, open_lots, take
from punchcard.ledger.rules.recording import record
from punchcard.ledger.rules.refusing import insufficient
from punchcard.ledger.rules.state import Account


def redeem(account: Account, command: Redeem, common: dict[str, Any]) -> Entry:
    """Spend points, those that expire soonest first."""
    points, moves = take_spend(account, command, common["at"])
    return record(
        account,
        type="redeem",
        amount=points,
        available=-points,
        moves=moves,
        **common,
    )


def take_spend(
    account: Account, command: Redeem | Reserve, at: datetime
) -> tuple[int, list[Move]]:
    """Return the points that are spent and the moves that take them from lots.

    With `up_to`, at most what is available and what the wallet's limits leave.
    """
    available = account.available
    points = min(command.points, available) if command.up_to else command.points
    if points < 1 or points > available:
        raise insufficient(available, 1 if command.up_to else points)
    points = spendable(account, points, at, up_to=command.up_to)
    moves, _ = take(open_lots(account), points)
    return points, moves


def require_spendable(account: Account, command: Transfer, at: datetime) -> None:
    """Refuse a transfer that the payer does not have, or that a limit forbids."""
    if command.points > account.available:
        raise insufficient(account.available, command.points)
    spendable(account, command.points, at)
