"""A random load on few accounts: every command, some keys used twice on purpose."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from uuid import UUID

from punchcard.ledger.commands import Command, Earn, Redeem, Refund, Reverse, Settle
from punchcard.ledger.outcomes import Outcome

BATCH = 8
SHARED_KEYS = 30
"""Keys per account that every process uses, mostly for the same command."""

POLICY = {
    "pending_period": "PT0S",
    "validity": "PT400S",
    "grace": "PT100S",
    "debt_policy": "debt",
}
_PENDING = (None, None, "PT0S", "PT1S", "PT30S", "PT150S", "event")
_VALIDITY = (None, None, "PT1S", "PT60S", "PT200S", "P1D")
_POLICIES = (None, "debt", "cap", "refuse")


class Load:
    """What one process asks for, and what it remembers to undo."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.random = random.Random(name)
        self.count = 0
        recent = lambda: deque(maxlen=12)  # noqa: E731
        self.earned: defaultdict[UUID, deque[int]] = defaultdict(recent)
        self.spent: defaultdict[UUID, deque[int]] = defaultdict(recent)
        self.last: defaultdict[UUID, int] = defaultdict(int)

    def batch(self, accounts: Sequence[UUID]) -> tuple[list[Command], bool]:
        """Return 1 to 8 commands, and whether they are all or nothing.

        An atomic batch stays on one account and has keys of its own, so that its
        refusal can be replayed whole.
        """
        size = self.random.randint(1, BATCH)
        if self.random.random() < 0.1:
            account = self.random.choice(accounts)
            return [self._fresh(account) for _ in range(size)], True
        some = self.random.sample(accounts, self.random.randint(1, 3))
        batch = [self._any(self.random.choice(some)) for _ in range(size)]
        if size > 1 and self.random.random() < 0.1:
            batch[-1] = batch[0]
        return batch, False

    def learn(self, outcomes: Iterable[Outcome]) -> None:
        """Remember what can be undone."""
        for outcome in outcomes:
            entry = outcome.entry
            self.last[outcome.account] = outcome.sequence
            if entry is not None and entry.type == "earn":
                self.earned[outcome.account].append(entry.sequence)
            elif entry is not None and entry.type == "redeem":
                self.spent[outcome.account].append(entry.sequence)

    def _any(self, account: UUID) -> Command:
        chance = self.random.random()
        if chance < 0.06:
            return Settle(account=account)
        if chance < 0.16:
            return self._shared(account)
        return self._fresh(account)

    def _shared(self, account: UUID) -> Command:
        number = self.random.randrange(SHARED_KEYS)
        fixed = random.Random(f"{account} {number}")
        points = fixed.randint(1, 60)
        if self.random.random() < 0.3:
            points += 1
        key = f"shared-{number}"
        kind = fixed.randrange(4)
        if kind == 0:
            return Earn(account=account, points=points, key=key)
        if kind == 1:
            return Redeem(account=account, points=points, key=key)
        entry = fixed.randint(1, 9)
        undo = Refund if kind == 2 else Reverse
        return undo(account=account, entry=entry, points=points, key=key)

    def _fresh(self, account: UUID) -> Command:
        draw = self.random
        self.count += 1
        key = f"{self.name}-{self.count}"
        kind = draw.choices((Earn, Redeem, Refund, Reverse), (38, 32, 14, 16))[0]
        if kind is Earn:
            if draw.random() < 0.1:
                # No key of its own: the ledger makes one from the order.
                return Earn(
                    account=account,
                    points=draw.randint(1, 100),
                    reference_type="order",
                    reference_id=key,
                )
            return Earn(
                account=account,
                points=draw.randint(1, 100),
                key=key,
                pending=draw.choice(_PENDING),
                validity=draw.choice(_VALIDITY),
            )
        if kind is Redeem:
            return Redeem(
                account=account,
                points=draw.randint(1, 150),
                up_to=draw.random() < 0.25,
                key=key,
            )
        known = self.spent if kind is Refund else self.earned
        if known[account] and draw.random() < 0.85:
            entry = draw.choice(known[account])
        else:
            entry = draw.randint(1, self.last[account] + 5)
        points = None if draw.random() < 0.4 else draw.randint(1, 60)
        if kind is Refund:
            return Refund(account=account, entry=entry, points=points, key=key)
        policy = draw.choice(_POLICIES)
        return Reverse(
            account=account, entry=entry, points=points, policy=policy, key=key
        )
