"""A world: the ledger and the serial model side by side, given the same commands.

Whoever drives it (Hypothesis, or a seeded random) only picks; `asking` makes commands
of the picks, biased to the edges where ledgers break.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from punchcard.kernel.transactions import transaction
from punchcard.ledger import balances, errors, queries
from punchcard.ledger.commands import Command, Earn
from punchcard.ledger.operations import (
    change_status,
    open_accounts,
    post,
)
from punchcard.ledger.outcomes import Entry, Outcome
from punchcard.ledger.sweeping import settle_due
from punchcard.programs.models import Wallet
from tests import model
from tests.builders import START, a_ledger, rows
from tests.database.asking import DAY, MOST, TICK, Pick, a_command
from tests.model_account import Refused

POLICIES: list[dict[str, Any]] = [
    {},
    {"validity": "P10D", "hold_time_max": "P30D"},
    {"validity": "P3D", "grace": "PT0S", "idle": "P4D", "hold_time_max": "P9D"},
    {
        "pending_period": "P2D",
        "validity": "P5D",
        "grace": "P2D",
        "hold_time_max": "P1D",
    },
    {"pending_period": "PT3600S", "debt_policy": "cap", "idle": "P2D"},
    {"validity": "P7D", "grace": "PT7200S", "debt_policy": "refuse"},
    {"limit_per_command": 60, "limit_per_day": 90, "limit_per_month": 200},
    {"limit_per_day": 70, "idle": "P6D", "validity": "P9D", "hold_time_max": "P20D"},
    {"limit_per_month": 150, "validity": "P5D", "hold_time_max": "PT3600S"},
]
LIMITS = ("limit_per_command", "limit_per_day", "limit_per_month")
NUMBERS = ("available", "pending", "reserved", "lifetime")
ENTRY = (
    "sequence type amount available pending reserved balance pending_after "
    "reserved_after lifetime_after effective_at relates_to"
).split()
LINKS = ("transfer", "other_account", "other_sequence")
LOT = "sequence n root credited remaining lapsed state available_at expires_at".split()
TABLES = "account entry lot allocation hold refusal outbox".split()
SAID = {
    errors.AccountClosed: "account_closed",
    errors.AccountNotEmpty: "account_not_empty",
}


def model_policy(policy: dict[str, Any]) -> model.Policy:
    """Return a wallet's policy in the model's words."""
    periods = {
        "pending": policy.get("pending_period", "PT0S"),
        "validity": policy.get("validity"),
        "grace": policy.get("grace", "P30D"),
        "hold_time_max": policy.get("hold_time_max", "P7D"),
        "idle": policy.get("idle"),
    }
    return model.Policy(
        **{name: text and model.duration(text) for name, text in periods.items()},
        **{name.removeprefix("limit_"): policy.get(name) for name in LIMITS},
        debt_policy=policy.get("debt_policy", "debt"),
    )


class World:
    """One wallet with up to three accounts, in PostgreSQL and in the model."""

    def __init__(self, policy: dict[str, Any], *, accounts: int, huge: bool) -> None:
        self.ledger = a_ledger(**policy)
        self.limits = [policy.get(name) for name in LIMITS]
        self.has_limits = any(self.limits)
        self.model = model.Model(model_policy(policy))
        self.accounts = self.ledger.open(accounts)
        self.strangers = [UUID(int=7), an_account_elsewhere(self.ledger.program)]
        """Nobody's account, and one of another wallet."""
        self.huge = huge
        for account in self.accounts:
            self.model.open_account(account)
        self.posted: list[Command] = []
        self.keys = 0
        self.seen: Counter[str] = Counter()
        self.checked = dict.fromkeys(self.accounts, 0)
        if huge:  # begins near the largest total, where limits of another kind are
            full = [
                Earn(account=self.accounts[0], points=MOST, key=f"full {n}")
                for n in range(8)
            ]
            self.post(full, atomic=False, dry_run=False)

    # What happens

    def pass_time(self, pick: Pick) -> None:
        """Move the clock: a little, to the edge of what is due, or a touch back."""
        now = self.ledger.now
        edges = [d + e for d in self.dues() for e in (-TICK, 0 * TICK, TICK)]
        ahead = sorted(edge for edge in edges if edge > now)[:6]
        steps = [now + TICK, now + DAY, now + 4 * DAY, now - TICK, now - DAY]
        self.ledger.now = pick.one(ahead + ahead + steps)

    def post_some(self, pick: Pick, sizes: tuple[int, ...] = (1, 1, 2, 3, 6)) -> int:
        """Post some commands, and compare what came of them; return how many."""
        commands = [a_command(self, pick) for _ in range(pick.one(sizes))]
        if pick.now_and_then(6):
            commands = self.as_history(commands, pick)
        how = pick.one(["plain"] * 8 + ["atomic"] * 2 + ["dry", "dry atomic"])
        self.post(commands, atomic="atomic" in how, dry_run="dry" in how)
        return len(commands)

    def as_history(self, commands: list[Command], pick: Pick) -> list[Command]:
        """Return commands as an import posts them: long after, each at its instant."""
        begins = self.ledger.now - pick.one([0, 2, 5]) * DAY
        self.ledger.now += pick.one([0, 3, 9]) * DAY
        days = (self.ledger.now - begins) // DAY + 1
        at = sorted(
            min(begins + pick.number(0, days) * DAY, self.ledger.now) for _ in commands
        )
        return [
            msgspec.structs.replace(command, at=instant)
            for command, instant in zip(commands, at, strict=True)
        ]

    def change_status(self, pick: Pick) -> None:
        """Freeze or close an account, or try to; open it again soon."""
        stopped = [a for a in self.accounts if self.model.accounts[a].status != "open"]
        if not stopped and not pick.now_and_then(3):
            return
        account = pick.one(stopped or self.accounts)
        frozen = self.model.accounts[account].status == "frozen"
        status = pick.one(
            ["open", "open", "closed"] if frozen else ["frozen", "closed"]
        )
        status = pick.one([status] * 9 + ["open", "frozen", "closed"])
        try:
            with transaction():
                said = change_status(
                    account=account, status=status, now=self.ledger.now
                )
        except (errors.AccountClosed, errors.AccountNotEmpty) as error:
            said = SAID[type(error)]
        try:
            wanted = self.model.change_status(account, status, self.ledger.now)
        except Refused as refused:
            wanted = refused.args[0]
        agree(f"{account} to {status}", said, wanted)
        self.seen[f"to {status} {said}"] += 1

    def sweep(self) -> None:
        """Let the sweep write what fell due, on every account; compare what it left."""
        swept = settle_due(now=self.ledger.now, program=self.ledger.program)
        assert not swept.refused
        assert not swept.stuck
        for account, ours in self.model.accounts.items():
            ours.settle(self.ledger.now)
            self.compare_numbers(account)
        self.seen["sweep"] += 1

    def dues(self) -> list[datetime]:
        """Return when something falls due on any account, and when it did."""
        found = []
        for account in self.model.accounts.values():
            for lot in account.lots:
                found += [x for x in (lot.available_at, lot.expires_at) if x]
            found += [hold["expires_at"] for hold in account.typed("reserve")]
            found += [x for x in [account.idle_ahead()] if x]
        if self.has_limits:
            found.append(datetime.combine(self.ledger.now + DAY, START.timetz()))
        return found

    # What must agree

    def post(self, commands: list[Command], *, atomic: bool, dry_run: bool) -> None:
        """Post to both, and compare outcomes."""
        now = self.ledger.now
        if dry_run:
            before = [self.picture(account) for account in self.accounts]
            outcomes = post(commands=commands, now=now, atomic=atomic, dry_run=True)
            expected = self.model.copied().post(commands, now, atomic)
            after = [self.picture(account) for account in self.accounts]
            agree("a dry run wrote", after, before)
        else:
            outcomes = self.ledger.post(*commands, atomic=atomic)
            expected = self.model.post(commands, now, atomic)
            self.posted += commands
        for command, outcome, wanted in zip(commands, outcomes, expected, strict=True):
            compare_outcome(command, outcome, wanted)
            kind = type(command).__name__
            self.seen[f"{kind} {'replay ' * outcome.replayed}{outcome.code}"] += 1

    def picture(self, account: UUID) -> list[Any]:
        """Return all that is written of an account: counts, and what can change."""
        counts = ", ".join(
            f"(SELECT count(*) FROM ledger_{table} WHERE account_id = a.id)"
            for table in TABLES[1:]
        )
        changing = ", ".join(
            f"(SELECT array_agg(x::text ORDER BY x::text) FROM ledger_{table} x"
            " WHERE account_id = a.id)"
            for table in ("lot", "hold")
        )
        query = f"SELECT a::text, {counts}, {changing} FROM ledger_account a"
        return rows(f"{query} WHERE id = %s", [account])

    def compare_accounts(self) -> None:
        """Compare what can be read of each account with the model's."""
        for account in self.accounts:
            self.compare_account(account)

    def compare_numbers(self, account: UUID) -> None:
        """Compare what stands in the account's row."""
        ours = self.model.accounts[account]
        theirs = queries.get_account(account=account)
        seen = tuple(getattr(theirs, name) for name in NUMBERS)
        agree(f"numbers of {account}", seen, ours.numbers)
        for name in ("last_sequence", "effective_at", "status"):
            agree(f"{name} of {account}", getattr(theirs, name), getattr(ours, name))

    def compare_account(self, account: UUID) -> None:
        """Compare the four numbers, the new entries, every lot and every hold."""
        self.compare_numbers(account)
        ours = self.model.accounts[account]
        first = self.checked[account]
        entries = queries.list_entries(
            account=account, limit=10_000, after_sequence=first, newest_first=False
        )
        for entry, wanted in zip(entries, ours.entries[first:], strict=True):
            compare_entry(entry, wanted)
        self.checked[account] = ours.last_sequence
        lots = queries.list_lots(account=account, limit=10_000)
        ordered = sorted(ours.lots, key=lambda lot: lot.name)
        agree(
            f"lots of {account}", *([facts_of(x) for x in y] for y in (lots, ordered))
        )
        held = rows(
            "SELECT sequence, points, expires_at, open, resolved_by FROM ledger_hold"
            " WHERE account_id = %s ORDER BY sequence",
            [account],
        )
        resolved = {
            e["relates_to"]: e["sequence"] for e in ours.typed("capture", "void")
        }
        wanted = [
            (n, e["amount"], e["expires_at"], n not in resolved, resolved.get(n))
            for e in ours.typed("reserve")
            for n in [e["sequence"]]
        ]
        agree(f"holds of {account}", held, wanted)

    def compare_as_of(self, account: UUID, instant: datetime) -> None:
        """Compare the balance as of an instant, and what expires next."""
        balance = balances.balance_as_of(account=account, as_of=instant)
        ours = self.model.accounts[account].as_of(instant)
        seen = tuple(getattr(balance, name) for name in NUMBERS)
        agree(f"{account} as of {instant}", seen, ours.numbers)
        expiry = (balance.next_expires_at, balance.next_expiry_points)
        agree(f"next expiry of {account} at {instant}", expiry, ours.next_expiry())

    def compare_qualifying(self, account: UUID, since: datetime) -> None:
        """Compare what was earned from an instant on and never taken back."""
        entries = self.model.accounts[account].entries
        end = self.ledger.now
        earned = [e["sequence"] for e in entries if e["type"] == "earn"]
        earned = [n for n in earned if since <= entries[n - 1]["effective_at"] < end]
        points = sum(entries[n - 1]["amount"] for n in earned) - sum(
            e["amount"]
            for e in entries
            if e["type"] in ("reverse", "cancel") and e["relates_to"] in earned
        )
        found = balances.qualifying_points(accounts=[account], since=since, until=end)
        agree(f"earned by {account} since {since}", found.get(account, 0), points)

    def look_around(self, pick: Pick) -> None:
        """Read a balance as of some instant, past or future, at an edge or not."""
        account = pick.one(self.accounts)
        ours = self.model.accounts[account]
        edges = [e["effective_at"] for e in ours.entries] + self.dues()
        near = [edge + pick.one([0, -1, 1]) * TICK for edge in edges]
        far = [self.ledger.now, START - TICK, self.ledger.now + 400 * DAY]
        far.append(START + timedelta(seconds=pick.number(0, 100 * 86_400)))
        instant = pick.one(near + far)
        self.compare_as_of(account, instant)
        self.compare_qualifying(account, instant)

    def compare_everything(self) -> None:
        """Compare what the steps did not: allocations and remembered refusals."""
        self.compare_accounts()
        for account, ours in self.model.accounts.items():
            moved = rows(
                "SELECT sequence, lot_sequence, lot_n, points FROM ledger_allocation"
                " WHERE account_id = %s",
                [account],
            )
            wanted = sums(
                (e["sequence"], lot.sequence, lot.n, points)
                for e in ours.entries
                for lot, points in e["moves"]
            )
            agree(f"allocations of {account}", sums(moved), wanted)
            refused = rows(
                "SELECT key, code, sequence, decided_at FROM ledger_refusal"
                " WHERE account_id = %s",
                [account],
            )
            remembered = [
                (key, outcome.code, outcome.sequence, outcome.decided_at)
                for key, (_, outcome) in ours.keys.items()
                if outcome.code != "applied"
            ]
            agree(f"refusals of {account}", sorted(refused), sorted(remembered))

    def run(self, pick: Pick, steps: int) -> int:
        """Live through so many steps or a few more, then compare everything.

        A step is one command posted, or one look at a balance as of some instant.
        """
        lived = 0
        while lived < steps:
            kind = pick.number(1, 20)
            if kind <= 10:
                lived += self.post_some(pick, LONG_RUN_SIZES)
            elif kind <= 14:
                self.pass_time(pick)
                if pick.now_and_then(8):
                    self.sweep()
            elif kind <= 19:
                self.look_around(pick)
                lived += 1
            else:
                self.change_status(pick)
        self.compare_everything()
        return lived


LONG_RUN_SIZES = (1, 1, 1, 2, 3, 6, 12)


def an_account_elsewhere(program: UUID) -> UUID:
    """Open an account in another wallet of this program."""
    wallet = Wallet.objects.create(
        program_id=program, code="miles", name="Miles", created_at=START
    )
    with transaction():
        holder = UUID(int=1)
        opened = open_accounts(
            wallet=wallet.id, holder_kind="member", holders=[holder], now=START
        )
    return opened[holder]


def sums(moved: Any) -> Counter[Any]:
    """Sum what each entry moved of each lot, be it in one piece or two."""
    found: Counter[Any] = Counter()
    for *name, points in moved:
        found[tuple(name)] += points
    return found


def facts_of(lot: Any) -> list[Any]:
    """Return what a lot and the model's must have alike."""
    return [getattr(lot, name) for name in LOT]


def agree(what: str, seen: Any, ours: Any, *about: Any) -> None:
    """Fail where the ledger and the model differ; say in what, and how."""
    if seen != ours:
        told = "\n".join(map(str, about))
        raise AssertionError(f"{what}: {seen}, but the model: {ours}\n{told}")


def compare_entry(entry: Entry, wanted: dict[str, Any], *about: Any) -> None:
    """Compare an entry with the model's, what the caller noted left aside."""
    for name in ENTRY:
        agree(name, getattr(entry, name), wanted[name], entry, *about)
    for name in LINKS:
        agree(name, getattr(entry, name), wanted.get(name), entry, *about)
    if entry.type == "reserve":
        agree("expires_at", entry.expires_at, wanted["expires_at"], entry, *about)
    noted = json.loads(entry.metadata)
    facts = {n: noted[n] for n in ("lapsed", "written_off") if n in noted}
    agree("metadata", facts, wanted["metadata"], entry, *about)


def compare_outcome(command: Command, outcome: Outcome, wanted: model.Outcome) -> None:
    """Compare one answer with the model's."""
    about = (command, outcome)
    for name in ("account", "code", "sequence", "replayed", "decided_at"):
        agree(name, getattr(outcome, name), getattr(wanted, name), *about)
    agree("has no entry", outcome.entry is None, wanted.entry is None, *about)
    if outcome.entry is not None:
        compare_entry(outcome.entry, wanted.entry, *about)
    for name, ours in wanted.details.items():
        ours = said(ours) if isinstance(ours, datetime) else ours
        agree(name, outcome.details.get(name), ours, *about)


def said(instant: datetime) -> str:
    """Return an instant as details say it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
