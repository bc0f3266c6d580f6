"""One account, and commands that need not name it: what a known bug is shown on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from punchcard.ledger.commands import (
    Activate,
    Adjust,
    Cancel,
    Capture,
    Command,
    Earn,
    Redeem,
    Refund,
    Reserve,
    Reverse,
    Settle,
    Transfer,
    Void,
)
from punchcard.ledger.outcomes import Outcome
from tests.builders import Ledger, a_ledger, rows


def codes(outcomes: list[Outcome]) -> list[str]:
    """Return the codes of outcomes."""
    return [outcome.code for outcome in outcomes]


class One:
    """An account of a ledger, its commands, and what the tables say of it."""

    def __init__(self, ledger: Ledger | None = None, **policy: Any) -> None:
        self.ledger = ledger or a_ledger(**policy)
        self.account = self.ledger.account()
        self.keys = 0

    def another(self) -> One:
        """Open one more account of the same wallet."""
        return One(self.ledger)

    def post(self, *commands: Command) -> list[str]:
        """Post in one batch; a refusal by the database itself is an answer too."""
        try:
            return codes(self.ledger.post(*commands))
        except psycopg.Error as error:
            return [f"database: {error.diag.constraint_name}"]

    def balance(self) -> int:
        """Return what the account's cached row says."""
        query = "SELECT available FROM ledger_account WHERE id = %s"
        return int(rows(query, [self.account])[0][0])

    def lots(self) -> dict[str, int]:
        """Return the remaining points of each lot."""
        query = (
            "SELECT sequence, n, remaining FROM ledger_lot WHERE account_id = %s"
            " ORDER BY sequence, n"
        )
        return {
            f"{sequence}.{n}": remaining
            for sequence, n, remaining in rows(query, [self.account])
        }

    def history(self) -> list[tuple[str, datetime]]:
        """Return the type and the instant of each entry."""
        query = (
            "SELECT type, effective_at FROM ledger_entry WHERE account_id = %s"
            " ORDER BY sequence"
        )
        return [(kind, at) for kind, at in rows(query, [self.account])]

    def earn(self, points: int, **said: Any) -> Earn:
        return Earn(**self._named(points=points, **said))

    def redeem(self, points: int, **said: Any) -> Redeem:
        return Redeem(**self._named(points=points, **said))

    def reserve(self, points: int, **said: Any) -> Reserve:
        return Reserve(**self._named(points=points, **said))

    def capture(self, hold: int, **said: Any) -> Capture:
        return Capture(**self._named(hold=hold, **said))

    def void(self, hold: int, **said: Any) -> Void:
        return Void(**self._named(hold=hold, **said))

    def refund(self, entry: int, **said: Any) -> Refund:
        return Refund(**self._named(entry=entry, **said))

    def reverse(self, entry: int, **said: Any) -> Reverse:
        return Reverse(**self._named(entry=entry, **said))

    def adjust(self, points: int, **said: Any) -> Adjust:
        return Adjust(**self._named(points=points, reason="By hand", **said))

    def activate(self, lot: tuple[int, int], **said: Any) -> Activate:
        return Activate(**self._named(lot=lot, **said))

    def cancel(self, lot: tuple[int, int], **said: Any) -> Cancel:
        return Cancel(**self._named(lot=lot, **said))

    def transfer(self, to: One, points: int, **said: Any) -> Transfer:
        return Transfer(**self._named(to=to.account, points=points, **said))

    def settle(self) -> Settle:
        return Settle(account=self.account)

    def _named(self, **said: Any) -> dict[str, Any]:
        self.keys += 1
        return {"account": self.account, "key": f"key {self.keys}"} | said
