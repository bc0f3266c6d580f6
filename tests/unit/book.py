"""Two accounts in the reference model, driven by short lines."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from punchcard.ledger.commands import Settle
from tests.model import Model, Policy

A, B = UUID(int=1), UUID(int=2)
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def day(n):
    return START + timedelta(days=n)


class Book:
    """Two accounts, driven by short lines; every command gets a fresh key."""

    def __init__(self, **policy):
        self.model = Model(Policy(**policy))
        self.model.open_account(A)
        self.model.open_account(B)
        self.keys = 0

    @property
    def account(self):
        return self.model.accounts[A]

    def post(self, kind, now=START, account=A, **fields):
        if kind is not Settle and "key" not in fields:
            self.keys += 1
            fields["key"] = f"k{self.keys}"
        return self.model.post([kind(account=account, **fields)], now)[0]

    def rows(self, account=A):
        return [
            (e["sequence"], e["type"], e["amount"], e["available"], e["balance"])
            for e in self.model.accounts[account].entries
        ]

    def moves(self, account=A):
        return [
            f"{e['sequence']} {lot.sequence}.{lot.n} {points:+}"
            for e in self.model.accounts[account].entries
            for lot, points in e["moves"]
        ]

    def lots(self):
        return [
            (lot.sequence, lot.n, lot.root, lot.credited, lot.remaining)
            for lot in self.account.lots
        ]
