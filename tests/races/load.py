"""A random load on few accounts: every command, some keys used twice on purpose."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from punchcard.ledger.commands import (
    Activate,
    Adjust,
    Cancel,
    Capture,
    Command,
    Earn,
    LotName,
    Redeem,
    Refund,
    Reserve,
    Reverse,
    Settle,
    Transfer,
    Void,
)
from punchcard.ledger.outcomes import Entry, Outcome
from tests import model

BATCH = 8
SHARED_KEYS = 30
"""Keys per account that every process uses, mostly for the same command."""

POLICY = {
    "pending_period": "PT0S",
    "validity": "PT400S",
    "grace": "PT100S",
    "debt_policy": "debt",
    "hold_time_max": "PT900S",
    "idle": "PT3600S",
    "limit_per_command": 140,
    "limit_per_day": 5_000,
    "limit_per_month": 6_000,
}
_PENDING = (None, None, "PT0S", "PT1S", "PT30S", "PT150S", "event")
_VALIDITY = (None, None, "PT1S", "PT60S", "PT200S", "P1D")
_TIME_TO_LIVE = (None, "PT1S", "PT20S", "PT150S", "PT900S")
_POLICIES = (None, "debt", "cap", "refuse")
_WEIGHTS: dict[type[Command], int] = {
    Earn: 28,
    Redeem: 14,
    Reserve: 10,
    Capture: 6,
    Void: 4,
    Refund: 8,
    Reverse: 8,
    Adjust: 8,
    Transfer: 12,
    Activate: 4,
    Cancel: 3,
}
_PLAIN: tuple[type[Command], ...] = (Earn, Redeem, Refund, Transfer)
"""What is asked of a round's last account: it is often empty, so that it can close."""


def model_policy() -> model.Policy:
    """Return the wallet's policy in the model's words."""

    def lasting(name: str) -> timedelta:
        found = model.duration(str(POLICY[name]))
        assert found is not None
        return found

    return model.Policy(
        validity=lasting("validity"),
        grace=lasting("grace"),
        debt_policy=str(POLICY["debt_policy"]),
        hold_time_max=lasting("hold_time_max"),
        idle=lasting("idle"),
        per_command=int(POLICY["limit_per_command"]),
        per_day=int(POLICY["limit_per_day"]),
        per_month=int(POLICY["limit_per_month"]),
    )


class Wish(msgspec.Struct, kw_only=True):
    """What a process does next: post commands, then change a status, or look."""

    commands: list[Command] = []
    atomic: bool = False
    status: str | None = None
    look: timedelta | None = None
    """How far from its own now a balance is looked at."""
    account: UUID | None = None
    """Whose status is changed, or balance looked at."""


class Load:
    """What one process asks for, and what it remembers to undo."""

    def __init__(self, name: str, *, several: bool = True) -> None:
        self.name = name
        self.several = several
        """Whether a batch that is all or nothing may be of several accounts."""
        self.random = random.Random(name)
        self.count = 0
        recent: Callable[[], deque[int]] = lambda: deque(maxlen=12)  # noqa: E731
        self.earned: defaultdict[UUID, deque[int]] = defaultdict(recent)
        self.spent: defaultdict[UUID, deque[int]] = defaultdict(recent)
        self.held: defaultdict[UUID, deque[int]] = defaultdict(recent)
        self.waiting: defaultdict[UUID, deque[int]] = defaultdict(recent)
        self.last: defaultdict[UUID, int] = defaultdict(int)
        self.frozen: set[UUID] = set()
        """Accounts that refused us for that, most lately."""
        self.plain: UUID | None = None
        self.others: Sequence[UUID] = ()

    def next(self, accounts: Sequence[UUID]) -> Wish:
        """Return what to do next, on some of these accounts."""
        self.others, self.plain = accounts, accounts[-1]
        chance = self.random.random()
        strange = not any(self.last[account] for account in accounts)
        if chance < 0.05:
            return self._change(accounts)
        if chance < (0.50 if strange else 0.12):
            seconds = self.random.choice((-400, -100, -1, 0, 0, 1, 50, 200, 5000))
            account = self.random.choice(accounts)
            return Wish(account=account, look=timedelta(seconds=seconds))
        if chance < (0.55 if strange else 0.22):
            return self._all_or_nothing(accounts)
        some = self.random.sample(accounts, self.random.randint(1, 3))
        size = self.random.randint(1, BATCH)
        batch = [self._any(self.random.choice(some)) for _ in range(size)]
        if size > 1 and self.random.random() < 0.1:
            batch[-1] = batch[0]
        return Wish(commands=batch)

    def learn(self, outcomes: Iterable[Outcome]) -> None:
        """Remember what can be undone."""
        for outcome in outcomes:
            self.last[outcome.account] = outcome.sequence
            if outcome.code == "account_frozen":
                self.frozen.add(outcome.account)
            if outcome.entry is not None:
                self.learn_entry(outcome.entry)

    def learn_entry(self, entry: Entry) -> None:
        """Remember what can be undone of an entry, whoever asked for it."""
        account = entry.account
        self.last[account] = max(self.last[account], entry.sequence)
        kept = {
            "earn": self.earned,
            "redeem": self.spent,
            "capture": self.spent,
            "reserve": self.held,
        }.get(entry.type)
        if kept is not None:
            kept[account].append(entry.sequence)
        if entry.type == "earn" and entry.pending:
            self.waiting[account].append(entry.sequence)

    def _change(self, accounts: Sequence[UUID]) -> Wish:
        draw = self.random
        thawing = sorted(self.frozen & set(accounts))
        self.frozen.clear()
        if thawing:
            return Wish(account=draw.choice(thawing), status="open")
        status = draw.choices(("open", "frozen", "closed"), (2, 6, 3))[0]
        if status == "closed":
            return Wish(account=self.plain, status=status, commands=self._all_of_it())
        return Wish(account=draw.choice(accounts), status=status)

    def _all_of_it(self) -> list[Command]:
        """Return what empties the account that is to close, mostly."""
        assert self.plain is not None
        self.count += 1
        most = int(POLICY["limit_per_command"])
        keys = [f"{self.name}-{self.count}-{n}" for n in range(4)]
        return [
            Redeem(account=self.plain, points=most, up_to=True, key=k) for k in keys
        ]

    def _all_or_nothing(self, accounts: Sequence[UUID]) -> Wish:
        """Return an atomic batch, with keys of its own: its refusal comes back whole.

        The receiver of a transfer is settled first, so that a refused batch says how
        far each of its accounts was.
        """
        some = self.random.sample(accounts, 2 if self.several else 1)
        wanted = [
            self._fresh(self.random.choice(some))
            for _ in range(self.random.randint(1, BATCH))
        ]
        if not self.several:
            wanted = [c for c in wanted if not isinstance(c, Transfer)]
        batch: list[Command] = [
            Settle(account=c.to) for c in wanted if isinstance(c, Transfer)
        ]
        return Wish(
            commands=[*batch, *wanted] or [Settle(account=some[0])], atomic=True
        )

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
        others = [other for other in sorted(self.others) if other != account]
        to, entry = fixed.choice(others), fixed.randint(1, 9)
        if self.random.random() < 0.3:
            points += 1
        key = f"shared-{number}"
        kind = fixed.randrange(6)
        if kind == 0:
            return Earn(account=account, points=points, key=key)
        if kind == 1:
            return Redeem(account=account, points=points, key=key)
        if kind == 2:
            return Transfer(account=account, to=to, points=points, key=key)
        if kind == 3 and account != self.plain:
            return Reserve(account=account, points=points, key=key)
        undo = Refund if kind == 4 else Reverse
        return undo(account=account, entry=entry, points=points, key=key)

    def _fresh(self, account: UUID) -> Command:
        self.count += 1
        key = f"{self.name}-{self.count}"
        kinds = list(_WEIGHTS if account != self.plain else _PLAIN)
        kind = self.random.choices(kinds, [_WEIGHTS[kind] for kind in kinds])[0]
        if not self._knows(kind, account) and self.random.random() < 0.8:
            kind = Earn if kind in (Activate, Cancel, Reverse) else Reserve
        if kind in (Earn, Adjust):
            return self._credit(kind, account, key)
        if kind in (Redeem, Reserve, Transfer):
            return self._spend(kind, account, key)
        return self._follow(kind, account, key)

    def _knows(self, kind: type[Command], account: UUID) -> bool:
        """Say whether there is something that such a command could name."""
        known = {
            Capture: self.held,
            Void: self.held,
            Activate: self.waiting,
            Cancel: self.waiting,
            Refund: self.spent,
            Reverse: self.earned,
        }.get(kind)
        return known is None or bool(known[account])

    def _credit(self, kind: type[Command], account: UUID, key: str) -> Command:
        draw = self.random
        if kind is Adjust:
            return self._adjust(account, key)
        if account == self.plain:
            return Earn(account=account, points=draw.randint(1, 30), key=key)
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

    def _adjust(self, account: UUID, key: str) -> Command:
        draw = self.random
        said = {"account": account, "key": key, "reason": "The load wants it"}
        lot = self._lot(account) if draw.random() < 0.4 else None
        if draw.random() < 0.4:
            validity = draw.choice(_VALIDITY)
            return Adjust(
                **said, points=draw.randint(1, 60), validity=validity, lot=lot
            )
        policy = None if lot else draw.choice(_POLICIES)
        return Adjust(**said, points=-draw.randint(1, 60), policy=policy, lot=lot)

    def _spend(self, kind: type[Command], account: UUID, key: str) -> Command:
        draw = self.random
        points, up_to = draw.randint(1, 150), draw.random() < 0.25
        if kind is Redeem:
            return Redeem(account=account, points=points, up_to=up_to, key=key)
        if kind is Reserve:
            return Reserve(
                account=account,
                points=points,
                up_to=up_to,
                key=key,
                time_to_live=draw.choice(_TIME_TO_LIVE),
            )
        to = draw.choice([other for other in self.others if other != account])
        return Transfer(account=account, to=to, points=draw.randint(1, 60), key=key)

    def _follow(self, kind: type[Command], account: UUID, key: str) -> Command:
        draw = self.random
        points = None if draw.random() < 0.4 else draw.randint(1, 60)
        if kind is Activate or kind is Cancel:
            return kind(account=account, lot=self._lot(account, self.waiting), key=key)
        if kind is Void:
            return Void(account=account, hold=self._one_of(self.held, account), key=key)
        if kind is Capture:
            hold = self._one_of(self.held, account)
            return Capture(account=account, hold=hold, points=points, key=key)
        if kind is Refund:
            entry = self._one_of(self.spent, account)
            return Refund(account=account, entry=entry, points=points, key=key)
        entry, policy = self._one_of(self.earned, account), draw.choice(_POLICIES)
        return Reverse(
            account=account, entry=entry, points=points, policy=policy, key=key
        )

    def _lot(
        self, account: UUID, known: defaultdict[UUID, deque[int]] | None = None
    ) -> LotName:
        return (self._one_of(self.earned if known is None else known, account), 1)

    def _one_of(self, known: defaultdict[UUID, deque[int]], account: UUID) -> int:
        if known[account] and self.random.random() < 0.85:
            return self.random.choice(known[account])
        return self.random.randint(1, self.last[account] + 5)
