"""A ledger's story as a table: one line per command, last column the verdict.

    day  who  command           verdict
    d0        earn 100 exp=d10  -> 1 +100 =100
    d5        redeem 130        -> insufficient_points required=130 missing=30
    d11       redeem 1          -> insufficient_points

- `d10`, `d10-1us`: move the clock there first; it stands until moved again.
- `B:` names an account (`A:` otherwise), opened when first named. `X:` has none,
  `W:` is of another wallet of the program.
- `atomic`, `dry`: how the post runs; `&` joins the line to the post above it.
- `earn POINTS`, `redeem POINTS [up_to]`, `reserve POINTS [up_to]`,
  `capture HOLD [POINTS]`, `void HOLD`, `refund ENTRY [POINTS]`,
  `reverse ENTRY [POINTS]`, `adjust ±POINTS`, `transfer POINTS to=B`, `activate 1.1`,
  `cancel 1.1`, `settle`; then fields, as in `key=k ref=order:7 validity=P10D
  pending=event exp=d10 at=d3 ttl=P1D lot=1.1 policy=cap source=bonus`. Without `key`
  or an order reference a line has a key of its own; `key=-` is none at all.
- `open`, `freeze`, `close`: what another hand does to the account's status; a verdict
  says why not.
- Verdict: `[replay] SEQUENCE ±CHANGE =BALANCE [name=value …]` of an applied command
  (`SEQUENCE` alone for `settle`), or `[replay] CODE [name=value …]` of a refused one,
  the values from the entry, its metadata, or the refusal's details and sequence.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from punchcard.kernel.ids import new_id
from punchcard.kernel.transactions import transaction
from punchcard.ledger import errors
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
from punchcard.ledger.operations import change_status, open_accounts
from punchcard.ledger.outcomes import Entry, Outcome
from punchcard.ledger.queries import list_entries, list_lots
from punchcard.programs.models import Wallet
from tests.builders import DAY, START, Ledger, a_ledger, rows

KINDS = {
    "earn": (Earn, ["points"]),
    "redeem": (Redeem, ["points"]),
    "reserve": (Reserve, ["points"]),
    "capture": (Capture, ["hold", "points"]),
    "void": (Void, ["hold"]),
    "refund": (Refund, ["entry", "points"]),
    "reverse": (Reverse, ["entry", "points"]),
    "adjust": (Adjust, ["points"]),
    "transfer": (Transfer, ["points"]),
    "activate": (Activate, ["lot"]),
    "cancel": (Cancel, ["lot"]),
    "settle": (Settle, []),
}
STATUSES = {"open": "open", "freeze": "frozen", "close": "closed"}
INSTANTS = {"exp": "expires_at", "at": "at"}
REFUSED_STATUS = {
    errors.AccountNotFound: "account_not_found",
    errors.AccountClosed: "account_closed",
    errors.AccountNotEmpty: "account_not_empty",
}


def instant(text: str) -> datetime:
    """Return the instant of `d10`, `d10+1us` or `d10-1us`."""
    days, micros = re.fullmatch(r"d(\d+)(?:([+-]\d+)us)?", text).groups()
    return START + DAY * int(days) + timedelta(microseconds=int(micros or 0))


def lot(text: str) -> tuple[int, int]:
    """Return the lot of `1.1`."""
    sequence, n = text.split(".")
    return int(sequence), int(n)


class Story:
    """One wallet, its accounts by letter, and the lines played so far."""

    def __init__(self, **policy: Any) -> None:
        self.ledger: Ledger = a_ledger(**policy)
        self.accounts: dict[str, UUID] = {"X": new_id()}
        self.keys = itertools.count(1)

    def account(self, letter: str = "A") -> UUID:
        """Return the account of this letter; open it when first named."""
        if letter not in self.accounts:
            opened = self._elsewhere() if letter == "W" else self.ledger.account()
            self.accounts[letter] = opened
        return self.accounts[letter]

    def _elsewhere(self) -> UUID:
        wallet = Wallet.objects.create(
            program_id=self.ledger.program, code="w", name="W", created_at=START
        )
        with transaction():
            opened = open_accounts(
                wallet=wallet.id,
                holder_kind="member",
                holders=[new_id()],
                now=self.ledger.now,
            )
        return next(iter(opened.values()))

    def play(self, table: str) -> None:
        """Run every line; fail with the line whose verdict differs."""
        for options, lines in self._posts(table):
            commands = [command for command, _, _ in lines]
            outcomes = self.ledger.post(*commands, **options)
            for (_, verdict, line), outcome in zip(lines, outcomes, strict=True):
                wrong = disagreement(outcome, verdict)
                assert not wrong, f"{line.strip()}\n{wrong}\n{outcome}"

    def _posts(self, table: str) -> Iterator[tuple[dict[str, Any], list[Any]]]:
        post: tuple[dict[str, Any], list[Any]] | None = None
        for line in table.splitlines():
            said, _, verdict = line.partition("->")
            words = said.split()
            if not words:
                continue
            if words[0] == "&":
                post[1].append((self.command(words[1:]), verdict, line))
                continue
            if post:
                yield post
                post = None
            options: dict[str, Any] = {}
            if re.match(r"d\d", words[0]):
                self.ledger.now = instant(words.pop(0))
            while words[0] in ("atomic", "dry"):
                options["dry_run" if words.pop(0) == "dry" else "atomic"] = True
            if words[-1] in STATUSES:
                letter = words[0][0] if len(words) > 1 else "A"
                seen = self.set_status(letter, STATUSES[words[-1]])
                assert seen == verdict.strip(), f"{line.strip()}\nseen {seen}"
                continue
            post = (options, [(self.command(words), verdict, line)])
        if post:
            yield post

    def command(self, words: list[str]) -> Command:
        """Read one command."""
        letter = words.pop(0)[0] if words[0].endswith(":") else "A"
        name, *rest = words
        kind, numbers = KINDS[name]
        fields: dict[str, Any] = {"account": self.account(letter)}
        numbers = iter(numbers)
        for word in rest:
            field, equals, value = word.partition("=")
            if not equals and field == "up_to":
                fields["up_to"] = True
            elif not equals:
                number = next(numbers)
                fields[number] = lot(field) if number == "lot" else int(field)
            elif field == "lot":
                fields["lot"] = lot(value)
            elif field == "to":
                fields["to"] = self.account(value)
            elif field == "ttl":
                fields["time_to_live"] = value
            elif field in INSTANTS:
                fields[INSTANTS[field]] = instant(value)
            elif field == "ref":
                fields["reference_type"], _, fields["reference_id"] = value.partition(
                    ":"
                )
            elif field == "meta":
                fields["metadata"] = {value: 1}
            else:
                fields[field] = None if value == "-" else value
        of_order = kind in (Earn, Redeem) and fields.get("reference_type") == "order"
        if kind is not Settle and "key" not in fields and not of_order:
            fields["key"] = f"line {next(self.keys)}"
        if kind is Adjust:
            fields.setdefault("reason", "Corrected by hand")
        return kind(**fields)

    def set_status(self, letter: str, status: str) -> str:
        """Change the account's status; return why not, in the words of a verdict."""
        account = self.account(letter)
        try:
            with transaction():
                change_status(account=account, status=status, now=self.ledger.now)
        except tuple(REFUSED_STATUS) as refused:
            return " ".join([REFUSED_STATUS[type(refused)], *map(str, refused.args)])
        return ""

    def statement(self, letter: str = "A") -> list[str]:
        """Return the account's entries, a line each: type, change, balance, day."""
        return [
            f"{entry.sequence} {entry.type} {entry.amount} {entry.available:+}"
            f" ={entry.balance} d{(entry.effective_at - START).days}"
            for entry in self.entries(letter)
        ]

    def entries(self, letter: str = "A") -> list[Entry]:
        """Return the account's entries, oldest first."""
        account = self.account(letter)
        return list_entries(account=account, limit=1000, newest_first=False)

    def moves(self, letter: str = "A") -> list[str]:
        """Return which entry moved how much of which lot, in the order of moving."""
        found = rows(
            "SELECT sequence, lot_sequence, lot_n, points FROM ledger_allocation"
            " WHERE account_id = %s ORDER BY sequence, n",
            (self.account(letter),),
        )
        return [f"{entry} {lot}.{n} {points:+}" for entry, lot, n, points in found]

    def lots(self, letter: str = "A") -> list[str]:
        """Return the account's lots, a line each: what remains, when it expires."""
        return [
            f"{lot.sequence}.{lot.n} {lot.remaining}/{lot.credited} {lot.state}"
            + (f" exp=d{(lot.expires_at - START).days}" if lot.expires_at else "")
            for lot in list_lots(account=self.account(letter), limit=1000)
        ]


def play(table: str, **policy: Any) -> Story:
    """Play a table on a new wallet of this policy; return the story it made."""
    story = Story(**policy)
    story.play(table)
    return story


def disagreement(outcome: Outcome, verdict: str) -> str | None:
    """Return in words how an outcome differs from the verdict, or None."""
    words = verdict.split()
    replayed = words[0] == "replay"
    head, *facts = words[1:] if replayed else words
    code = "applied" if head.isdecimal() else head
    seen: dict[str, Any] = {"code": outcome.code, "replay": outcome.replayed}
    wanted: dict[str, Any] = {"code": code, "replay": replayed}
    entry = outcome.entry
    if head.isdecimal():
        seen["sequence"], wanted["sequence"] = outcome.sequence, int(head)
    if entry is not None:
        seen |= {"entry": entry.sequence, "change": entry.available}
        wanted |= {"entry": outcome.sequence, "change": entry.available}
        values = msgspec.structs.asdict(entry) | msgspec.json.decode(entry.metadata)
    else:
        values = outcome.details | {"sequence": outcome.sequence}
    for fact in facts:
        name, equals, value = fact.partition("=")
        if not equals:
            wanted["change"] = int(name)
        else:
            name = name or "balance"
            seen[name], wanted[name] = str(values.get(name)), value
    return None if seen == wanted else f"seen {seen}, wanted {wanted}"
