"""A wholesaler's years, replayed: what each purchase keeps after each return.

An oracle that knows no ledger says the same of every purchase after every event, and of
every member at the end. Every second member spends all there is after each purchase, so
that returns find nothing: those members owe.
"""

from __future__ import annotations

import csv
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from punchcard.interfaces.console.importing import import_returns as command
from punchcard.interfaces.console.importing.following import SOME_BROKEN
from punchcard.interfaces.console.parser import build_parser
from punchcard.journeys.import_returns import Brought, import_returns
from punchcard.journeys.orders.answers import OrderAnswer, ReturnAnswer
from punchcard.journeys.orders.record_orders import record_orders
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Redeem
from punchcard.ledger.operations import post
from punchcard.orders.operations import NewOrder
from punchcard.programs.queries import get_program
from tests.builders import rows
from tests.conftest import assert_clean
from tests.journeys.store import NOW, Store, a_store
from tests.journeys.wholesaler import KINDS, files
from tests.oracles.returns_replay import PURCHASE, Event, Replay, read, replay

RATE = Fraction(3, 2)
RULE = {"kind": "per_spend", "points": 3, "per": 200, "tax": "after"}
BATCH = 500
LONG_AGO = NOW.replace(year=2000)
ALL = 10**12
NETS = """
    SELECT o.external_id, coalesce(sum(a.points - a.taken), 0)::bigint
    FROM orders_order o
    LEFT JOIN earning_decision d ON d.order_id = o.id
    LEFT JOIN earning_award a ON a.decision_id = d.id
    WHERE o.program_id = %s GROUP BY 1
"""
WRITTEN = """
    SELECT (SELECT count(*) FROM orders_order WHERE program_id = %(program)s),
        (SELECT count(*) FROM orders_return WHERE program_id = %(program)s),
        (SELECT count(*) FROM earning_decision WHERE program_id = %(program)s),
        (SELECT sum(last_sequence) FROM ledger_account WHERE id = ANY(%(accounts)s))
"""


def is_spender(member: str) -> bool:
    # The shop's own customers all have even numbers.
    return sum(map(int, member)) % 2 == 0


@dataclass
class World:
    """A program in which it happens again, and what the oracle says of it."""

    store: Store
    events: list[Event]
    oracle: Replay
    nets: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    told: list[tuple[str, int]] = field(default_factory=list)
    """Each event that counted, and what its purchase had kept after it."""
    unknown: list[str] = field(default_factory=list)

    def happen(self) -> None:
        """Let all of it happen, in the order of time, in batches of one kind."""
        for batch in batches(self.events):
            if batch[0].kind == PURCHASE:
                for event, bought in zip(batch, self.buy(batch), strict=True):
                    assert bought.order is not None, bought.refusal
                    assert bought.decision is not None
                    self.count(event, bought.decision.points)
                self.spend(batch)
                continue
            for event, answer in zip(batch, self.bring(batch), strict=True):
                if answer.refusal is not None:
                    assert getattr(answer.refusal, "code", "") == "order_not_found"
                    self.unknown.append(event.id)
                else:
                    taken = sum(one.points for one in answer.taken)
                    self.count(event, -taken)

    def buy(self, batch: Sequence[Event]) -> list[OrderAnswer]:
        orders = [
            NewOrder(
                external_id=event.id,
                member=self.store.members[event.member],
                occurred_at=event.at,
                currency="EUR",
                total=event.amount_minor,
            )
            for event in batch
        ]
        return record_orders(program=self.store.program, orders=orders, now=NOW)

    def bring(self, batch: Sequence[Event]) -> list[ReturnAnswer]:
        returns = [
            Brought(
                external_id=event.id,
                order=event.purchase,
                occurred_at=event.at,
                amount=event.amount_minor,
            )
            for event in batch
        ]
        return import_returns(program=self.store.program, returns=returns, now=NOW)

    def spend(self, batch: Sequence[Event]) -> None:
        """Redeem all that the spenders of a batch of purchases have."""
        commands = [
            Redeem(
                account=self.account(event.member),
                points=ALL,
                up_to=True,
                key=f"spend:{event.id}",
                at=event.at,
            )
            for event in batch
            if is_spender(event.member)
        ]
        with transaction():
            post(commands=commands, now=NOW)

    def count(self, event: Event, moved: int) -> None:
        self.nets[event.purchase] += moved
        self.told.append((event.id, self.nets[event.purchase]))

    def account(self, member: str) -> UUID:
        return self.accounts[member]

    def __post_init__(self) -> None:
        names = {id_: name for name, id_ in self.store.members.items()}
        held = rows(
            "SELECT holder_id, id FROM ledger_account WHERE holder_id = ANY(%s)",
            (list(names),),
        )
        self.accounts = {names[holder]: account for holder, account in held}

    def balances(self) -> dict[str, int]:
        found = rows(
            "SELECT id, available FROM ledger_account WHERE id = ANY(%s)",
            (list(self.accounts.values()),),
        )
        available = dict(found)
        return {name: available[id_] for name, id_ in self.accounts.items()}

    def written(self) -> tuple[int, ...]:
        asked = {
            "program": self.store.program,
            "accounts": list(self.accounts.values()),
        }
        (counted,) = rows(WRITTEN, asked)
        return counted


def batches(events: Sequence[Event]) -> Iterator[list[Event]]:
    """Yield the events in order; of one kind, and of a spender one purchase at most."""
    batch: list[Event] = []
    for event in events:
        spending = {one.member for one in batch if is_spender(one.member)}
        is_other = bool(batch) and batch[0].kind != event.kind
        if is_other or event.member in spending or len(batch) == BATCH:
            yield batch
            batch = []
        batch.append(event)
    yield batch


def a_world(paths: tuple[Path, Path]) -> World:
    events = list(read(*paths))
    store = a_store(*sorted({event.member for event in events}))
    store.configure({"id": "base", "earn": RULE}, at=LONG_AGO)
    return World(store, events, replay(events, RATE, is_spender))


@pytest.mark.parametrize("kind", KINDS)
def test_after_every_return_each_purchase_keeps_what_was_kept_earns(
    kind: str, tmp_path: Path
) -> None:
    world = a_world(files(kind, tmp_path))
    world.happen()
    assert len(world.oracle.steps) > 100
    assert world.told == [(step.event.id, step.net) for step in world.oracle.steps]
    assert world.unknown == [event.id for event in world.oracle.unknown]
    assert world.unknown
    balances = world.balances() | {"anna": 0}
    assert balances == dict(world.oracle.balances) | {"anna": 0}
    assert min(balances.values()) < 0 < max(balances.values())
    spent = rows(
        "SELECT account_id, amount FROM ledger_entry WHERE type = 'redeem'"
        " AND account_id = ANY(%s) ORDER BY account_id, sequence",
        (list(world.accounts.values()),),
    )
    found: dict[str, list[int]] = defaultdict(list)
    names = {account: name for name, account in world.accounts.items()}
    for account, amount in spent:
        found[names[account]].append(amount)
    wanted = {name: [n for n in of if n] for name, of in world.oracle.spent.items()}
    assert found == {name: of for name, of in wanted.items() if of}
    # All of it a second time: nothing is new, and each answer is what it was.
    before = world.written()
    again = World(world.store, world.events, world.oracle)
    again.happen()
    assert (again.told[-1], again.unknown) == (world.told[-1], world.unknown)
    assert again.nets == world.nets
    assert (again.written(), world.balances() | {"anna": 0}) == (before, balances)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_returns_takes_back_the_same(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = a_world(files(kind, tmp_path))
    bought = [event for event in world.events if event.kind == PURCHASE]
    returned = [event for event in world.events if event.kind != PURCHASE]
    for start in range(0, len(bought), BATCH):
        world.buy(bought[start : start + BATCH])
    # The file is in no order at all: what happened first is told first.
    Random(1).shuffle(returned)
    path = tmp_path / "returns.csv"
    write(path, returned)
    lines = {event.id: line for line, event in enumerate(returned, 2)}
    unknown = {lines[event.id] for event in world.oracle.unknown}
    arguments = parsed(path, world)
    assert command.run(arguments, NOWHERE) == SOME_BROKEN
    out = capsys.readouterr().out
    assert f"{len(returned) - len(unknown):,} applied" in out
    assert f"{len(unknown):,} broken" in out
    last = {step.event.purchase: step.net for step in world.oracle.steps}
    assert dict(rows(NETS, (world.store.program,))) == last
    sums: dict[str, int] = defaultdict(int)
    for step in world.oracle.steps:
        sums[step.event.member] += step.moved
    assert world.balances() == {name: sums[name] for name in world.accounts}
    assert broken(path) == unknown
    before = world.written()
    assert command.run(arguments, NOWHERE) == SOME_BROKEN
    out = capsys.readouterr().out
    assert f"{len(returned) - len(unknown):,} known already" in out
    assert out.endswith("Nothing changed.\n")
    assert (world.written(), broken(path)) == (before, unknown)
    assert_clean()


class Nowhere:
    """An installation that a command has no need of."""


NOWHERE = Nowhere()


def parsed(path: Path, world: World) -> Namespace:
    slug = get_program(program=world.store.program).slug
    words = ["import", "returns", str(path), "--program", slug, "--map", "amount=minor"]
    return build_parser().parse_args(words)


def write(path: Path, returned: Sequence[Event]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("external_id", "order", "occurred_at", "minor"))
        for event in returned:
            at = event.at.isoformat()
            writer.writerow((event.id, event.purchase, at, event.amount_minor))


def broken(path: Path) -> set[int]:
    """Return the lines of the error file; all are about the order."""
    with Path(f"{path}.errors.csv").open() as file:
        found = list(csv.DictReader(file))
    assert {row["column"] for row in found} == {"order"}
    return {int(row["line"]) for row in found}
