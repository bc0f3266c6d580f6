"""A world: the ledger and the serial model side by side, given the same commands.

Whoever drives it (Hypothesis, or a seeded random) only picks: `Pick.one`, `Pick.number`
and `Pick.now_and_then` decide what happens, biased to the edges where ledgers break.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

import msgspec

from punchcard.ledger import queries
from punchcard.ledger.commands import Command, Earn, Redeem, Refund, Reverse, Settle
from punchcard.ledger.operations import post
from punchcard.ledger.outcomes import Entry, Outcome
from tests import model
from tests.builders import START, a_ledger, rows

T = TypeVar("T")

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
MOST = 10**15
POLICIES = [
    {},
    {"validity": "P10D"},
    {"validity": "P3D", "grace": "PT0S"},
    {"pending_period": "P2D", "validity": "P5D", "grace": "P2D"},
    {"pending_period": "PT3600S", "debt_policy": "cap"},
    {"validity": "P7D", "grace": "PT7200S", "debt_policy": "refuse"},
]
KINDS = 4 * [Earn] + 3 * [Redeem] + 3 * [Refund] + 3 * [Reverse] + [Settle]
NUMBERS = ("available", "pending", "reserved", "lifetime")
ENTRY = (
    "sequence type amount available pending reserved balance pending_after "
    "reserved_after lifetime_after effective_at relates_to"
).split()
LOT = "sequence n root credited remaining available_at expires_at".split()
TABLES = "account entry lot allocation hold refusal outbox".split()


class Pick(Protocol):
    """Who decides what happens next."""

    def one(self, options: Sequence[T]) -> T:
        """Return one of the options; the first is the simplest."""

    def number(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""

    def now_and_then(self, times: int) -> bool:
        """Return True once in about so many times."""


class RandomPick:
    """Picks by a seeded random: long runs that a seed repeats."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.one = self.random.choice
        self.number = self.random.randint

    def now_and_then(self, times: int) -> bool:
        return self.random.randrange(times) == 0


def model_policy(policy: dict[str, str]) -> model.Policy:
    """Return a wallet's policy in the model's words."""
    return model.Policy(
        pending=model.duration(policy.get("pending_period", "PT0S")),
        validity=policy.get("validity") and model.duration(policy["validity"]),
        grace=model.duration(policy.get("grace", "P30D")),
        debt_policy=policy.get("debt_policy", "debt"),
    )


class World:
    """One wallet with up to three accounts, in PostgreSQL and in the model."""

    def __init__(self, policy: dict[str, str], *, accounts: int, huge: bool) -> None:
        self.ledger = a_ledger(**policy)
        self.model = model.Model(model_policy(policy))
        self.accounts = self.ledger.open(accounts)
        self.stranger = UUID(int=7)
        self.huge = huge
        for account in self.accounts:
            self.model.open_account(account)
        self.posted: list[Command] = []
        self.keys = 0
        self.seen: Counter[str] = Counter()
        self.checked = dict.fromkeys(self.accounts, 0)

    # What happens

    def pass_time(self, pick: Pick) -> None:
        """Move the clock: a little, to the edge of what is due, or a touch back."""
        now = self.ledger.now
        edges = [d + e for d in self.dues() for e in (-TICK, 0 * TICK, TICK)]
        ahead = sorted(edge for edge in edges if edge > now)[:6]
        steps = [now + TICK, now + DAY, now + 4 * DAY, now - TICK, now - DAY]
        self.ledger.now = pick.one(ahead + ahead + steps)

    def post_some(self, pick: Pick) -> None:
        """Post one to six commands, and compare everything that came of it."""
        count = pick.one([1, 1, 2, 3, 6])
        commands = [a_command(self, pick) for _ in range(count)]
        how = pick.one(["plain"] * 4 + ["atomic", "dry", "dry atomic"])
        self.post(commands, atomic="atomic" in how, dry_run="dry" in how)

    def change_status(self, pick: Pick) -> None:
        """Freeze, close (only when empty) or open an account again."""
        stopped = [a for a in self.accounts if self.model.accounts[a].status != "open"]
        if not stopped and not pick.now_and_then(3):
            return
        account = pick.one(stopped or self.accounts)
        ours = self.model.accounts[account]
        empty = not any(ours.numbers[:3])
        status = pick.one(["frozen", *(["closed"] if empty else [])])
        if ours.status != "open":
            status = "open"
        ours.status = status
        rows(
            "UPDATE ledger_account SET status = %s WHERE id = %s RETURNING id",
            (status, account),
        )

    def dues(self) -> list[datetime]:
        """Return when something falls due on any account, and when it did."""
        found = []
        for account in self.model.accounts.values():
            for lot in account.lots:
                found += [x for x in (lot.available_at, lot.expires_at) if x]
        return found

    # What must agree

    def post(self, commands: list[Command], *, atomic: bool, dry_run: bool) -> None:
        """Post to both; compare outcomes, and then every account that was named."""
        now = self.ledger.now
        if dry_run:
            before = {account: self.picture(account) for account in self.accounts}
            outcomes = post(commands=commands, now=now, atomic=atomic, dry_run=True)
            expected = self._of_a_copy(commands, now, atomic)
            after = {account: self.picture(account) for account in self.accounts}
            assert after == before, "a dry run wrote"
        else:
            outcomes = self.ledger.post(*commands, atomic=atomic)
            expected = self.model.post(commands, now, atomic)
            self.posted += commands
        for command, outcome, wanted in zip(commands, outcomes, expected, strict=True):
            compare_outcome(command, outcome, wanted)
            kind = type(command).__name__
            self.seen[f"{kind} {'replay ' * outcome.replayed}{outcome.code}"] += 1
        for account in {command.account for command in commands} & set(self.accounts):
            self.compare_account(account)

    def _of_a_copy(
        self, commands: list[Command], now: datetime, atomic: bool
    ) -> list[model.Outcome]:
        copied = model.copy.deepcopy(self.model)
        return copied.post(commands, now, atomic)

    def picture(self, account: UUID) -> list[Any]:
        """Return all that is written of an account."""
        found = [
            rows(
                f"SELECT count(*) FROM ledger_{table} WHERE account_id = %s", [account]
            )
            for table in TABLES[1:]
        ]
        row = rows("SELECT a::text FROM ledger_account a WHERE id = %s", [account])
        lots = "SELECT l::text FROM ledger_lot l WHERE account_id = %s ORDER BY 1"
        return [found, row, rows(lots, [account])]

    def compare_account(self, account: UUID) -> None:
        """Compare the four numbers, the new entries and every lot."""
        ours = self.model.accounts[account]
        theirs = queries.get_account(account=account)
        assert tuple(getattr(theirs, name) for name in NUMBERS) == ours.numbers
        assert theirs.last_sequence == ours.last_sequence
        assert theirs.effective_at == ours.effective_at
        first = self.checked[account]
        entries = queries.list_entries(
            account=account, limit=10_000, after_sequence=first, newest_first=False
        )
        for entry, wanted in zip(entries, ours.entries[first:], strict=True):
            compare_entry(entry, wanted)
        self.checked[account] = ours.last_sequence
        lots = queries.list_lots(account=account, limit=10_000)
        seen = [(x, x.state == "open", x.state == "pending") for x in lots]
        wanted = [(x, x.is_open, x.is_pending) for x in ours.lots]
        assert [(*facts_of(x), *state) for x, *state in seen] == [
            (*facts_of(x), *state) for x, *state in wanted
        ]

    def compare_as_of(self, account: UUID, instant: datetime) -> None:
        """Compare the balance as of an instant, and what expires next."""
        balance = queries.balance_as_of(account=account, as_of=instant)
        ours = self.model.state_as_of(account, instant)
        assert tuple(getattr(balance, n) for n in NUMBERS) == ours.numbers, instant
        seen = (balance.next_expires_at, balance.next_expiry_points)
        assert seen == ours.next_expiry(), instant

    def look_around(self, pick: Pick) -> None:
        """Read a balance as of some instant, past or future, at an edge or not."""
        account = pick.one(self.accounts)
        ours = self.model.accounts[account]
        edges = [e["effective_at"] for e in ours.entries] + self.dues()
        near = [edge + pick.one([0, -1, 1]) * TICK for edge in edges]
        far = [self.ledger.now, START - TICK, self.ledger.now + 400 * DAY]
        self.compare_as_of(account, pick.one(near + far))

    def compare_everything(self) -> None:
        """Compare what the steps did not: allocations and remembered refusals."""
        for account, ours in self.model.accounts.items():
            self.compare_account(account)
            moved = rows(
                "SELECT lot_sequence, lot_n, sequence, points FROM ledger_allocation"
                " WHERE account_id = %s ORDER BY lot_sequence, lot_n, sequence, n",
                [account],
            )
            assert sums(moved) == sums(
                (lot.sequence, lot.n, sequence, points)
                for lot in ours.lots
                for sequence, points in lot.allocations
            )
            refused = rows(
                "SELECT key, code, sequence, decided_at FROM ledger_refusal"
                " WHERE account_id = %s",
                [account],
            )
            assert sorted(refused) == sorted(
                (key, outcome.code, outcome.sequence, outcome.decided_at)
                for key, (_, outcome) in ours.keys.items()
                if outcome.code != "applied"
            )

    def run(self, pick: Pick, steps: int) -> None:
        """Live through so many steps, then compare everything."""
        for _ in range(steps):
            kind = pick.number(1, 20)
            if kind <= 12:
                self.post_some(pick)
            elif kind <= 16:
                self.pass_time(pick)
            elif kind <= 19:
                self.look_around(pick)
            else:
                self.change_status(pick)
        self.compare_everything()


def sums(moved: Any) -> Counter[Any]:
    """Sum what each entry moved of each lot, be it in one piece or two."""
    found: Counter[Any] = Counter()
    for lot, n, sequence, points in moved:
        found[(lot, n, sequence)] += points
    return found


def facts_of(lot: Any) -> list[Any]:
    """Return what a lot and the model's must have alike."""
    return [getattr(lot, name) for name in LOT]


def compare_entry(entry: Entry, wanted: dict[str, Any]) -> None:
    """Compare an entry with the model's, what the caller noted left aside."""
    assert {name: getattr(entry, name) for name in ENTRY} == {
        name: wanted[name] for name in ENTRY
    }
    noted = json.loads(entry.metadata)
    facts = {n: noted[n] for n in ("lapsed", "written_off") if n in noted}
    assert facts == wanted["metadata"]


def compare_outcome(command: Command, outcome: Outcome, wanted: model.Outcome) -> None:
    """Compare one answer with the model's."""
    for name in ("account", "code", "sequence", "replayed", "decided_at"):
        seen, ours = getattr(outcome, name), getattr(wanted, name)
        assert seen == ours, f"{name}: {seen}, not {ours}\n{command}\n{outcome}"
    assert (outcome.entry is None) == (wanted.entry is None), command
    if outcome.entry is not None:
        compare_entry(outcome.entry, wanted.entry)
    if outcome.code == "insufficient_points":
        assert outcome.details == wanted.details, command


# What is asked


def a_command(world: World, pick: Pick) -> Command:
    """Make up a command: a new one, an earlier one again, or one with its key."""
    if world.posted and pick.now_and_then(8):
        return an_earlier_one(world, pick)
    account = pick.one(world.accounts)
    if pick.now_and_then(60):
        account = world.stranger
    ours = world.model.accounts.get(account, model.Account())
    kind = pick.one(KINDS)
    fields: dict[str, Any] = {"account": account}
    if pick.now_and_then(6):
        fields["at"] = an_instant(world, ours, pick, ahead=False)
    if kind is Settle:
        return Settle(**fields)
    fields["key"] = f"k{world.keys}"
    world.keys += 1
    if pick.now_and_then(6):
        fields |= {"reference_type": "order", "reference_id": f"{pick.number(1, 4)}"}
        if pick.now_and_then(2):
            fields["key"] = None
    if kind in (Refund, Reverse):
        of_type = "redeem" if kind is Refund else "earn"
        named = [e["sequence"] for e in ours.typed(of_type)][-6:]
        following = ours.last_sequence + pick.number(1, 3)
        strays = [following, pick.number(1, following)]
        fields["entry"] = pick.one(named if named and pick.number(1, 8) > 1 else strays)
        fields["points"] = pick.one([None, None, an_amount(world, ours, pick)])
        if kind is Reverse:
            fields["policy"] = pick.one([None, "debt", "cap", "refuse", "refuse"])
        return kind(**fields)
    fields["points"] = an_amount(world, ours, pick)
    if kind is Redeem:
        return Redeem(**fields, up_to=pick.now_and_then(4))
    fields["pending"] = pick.one([None, None, None, "P2D", "PT0S", "PT5S", "event"])
    if pick.now_and_then(4):
        fields["expires_at"] = an_instant(world, ours, pick, ahead=True)
    elif pick.now_and_then(2):
        fields["validity"] = pick.one(["P3D", "P10D", "PT5S", "P30D"])
        if pick.now_and_then(20):
            fields["validity"] = "P0D"
    return Earn(**fields)


def an_earlier_one(world: World, pick: Pick) -> Command:
    """Return an earlier command: the same again, or another with its key."""
    command = pick.one(world.posted[-12:])
    if isinstance(command, Settle) or pick.now_and_then(2):
        return command
    changes = pick.one(
        [
            {"points": (command.points or 0) + 1},
            {"source": "bonus"},
            {"at": world.ledger.now - DAY},
            {"actor": "another hand", "metadata": {"note": "not part of what is said"}},
            {"account": pick.one(world.accounts)},
        ]
    )
    return msgspec.structs.replace(command, **changes)


def an_amount(world: World, ours: model.Account, pick: Pick) -> int:
    """Return an amount at an edge of this account, or a plain one."""
    if pick.now_and_then(15):
        return pick.one([0, -1, MOST + 1])
    available, pending, _, lifetime = ours.numbers
    room = model.LARGEST - max(lifetime, abs(available) + pending)
    plain = pick.number(1, 100)
    edges = [1, available, available + 1, available - 1, -available, pending]
    if world.huge:
        edges += [MOST, MOST, MOST, room, room + 1, room - 1]
        edges += [MOST] * 20 if room > MOST else [room, room + 1] * 3
    return pick.one([plain, plain, plain, *(e for e in edges if 1 <= e <= MOST)])


def an_instant(
    world: World, ours: model.Account, pick: Pick, *, ahead: bool
) -> datetime:
    """Return an instant ahead or behind, at the edge of something; seldom astray."""
    now = world.ledger.now
    edges = [e["effective_at"] for e in ours.entries[-6:]] + world.dues()[-8:]
    edges += [edge + pick.one([-TICK, TICK, DAY]) for edge in edges]
    plain = [now + TICK, now + DAY, now + 5 * DAY] if ahead else [now, now - TICK]
    if pick.now_and_then(8):
        return pick.one([now, now + TICK, now - TICK, now - 5 * DAY, *edges])
    return pick.one(plain + [e for e in edges if e != now and (e > now) == ahead])
