"""The engine by kind of command: the same accounts, all with points, one batch size.

Compare these with each other: earn and redeem, reserve and capture, transfer.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from bench import engine
from bench.harness import Bench, Extras
from bench.processes import Ready, fan_out

if TYPE_CHECKING:
    from punchcard.ledger.commands import Command
    from punchcard.ledger.outcomes import Outcome

SIZE = 256
FUNDS = 1_000_000
"""Points of each account: no spend of a run is refused."""

Batches: TypeAlias = "Generator[list[Command], list[Outcome], None]"
"""Gives batches without end; is sent the outcomes of each."""


def benches(seconds: float) -> list[Bench]:
    """Return a bench for each kind, on accounts of their own."""
    accounts = engine.make_accounts().accounts
    _fund(accounts)
    return [
        Bench(
            f"engine batch {SIZE}, {kind}", partial(_measure, accounts, kind, seconds)
        )
        for kind in KINDS
    ]


def _earn_and_redeem(
    chance: random.Random, accounts: Sequence[UUID], tag: str
) -> Batches:
    from punchcard.ledger.commands import Earn, Redeem

    for batch in count():
        yield [
            (Earn, Redeem)[number % 2](
                account=chance.choice(accounts),
                points=10,
                key=f"{tag}-{batch}-{number}",
            )
            for number in range(SIZE)
        ]


def _reserve_and_capture(
    chance: random.Random, accounts: Sequence[UUID], tag: str
) -> Batches:
    from punchcard.ledger.commands import Capture, Reserve

    for batch in count():
        reserved = yield [
            Reserve(
                account=chance.choice(accounts),
                points=10,
                key=f"{tag}-{batch}-{number}",
            )
            for number in range(SIZE)
        ]
        yield [
            Capture(
                account=hold.account,
                hold=hold.sequence,
                points=9,
                key=f"{tag}-{batch}-{number}-captured",
            )
            for number, hold in enumerate(reserved)
        ]


def _transfer(chance: random.Random, accounts: Sequence[UUID], tag: str) -> Batches:
    from punchcard.ledger.commands import Transfer

    for batch in count():
        pairs = [chance.sample(accounts, 2) for _ in range(SIZE)]
        yield [
            Transfer(
                account=payer, to=receiver, points=1, key=f"{tag}-{batch}-{number}"
            )
            for number, (payer, receiver) in enumerate(pairs)
        ]


KINDS: dict[str, Callable[[random.Random, Sequence[UUID], str], Batches]] = {
    "earn and redeem": _earn_and_redeem,
    "reserve and capture": _reserve_and_capture,
    "transfer": _transfer,
}


def _fund(accounts: Sequence[UUID]) -> None:
    from punchcard.ledger.commands import Earn

    in_one_go = 2_048
    for first in range(0, len(accounts), in_one_go):
        part = accounts[first : first + in_one_go]
        _post([Earn(account=account, points=FUNDS, key="funds") for account in part])


def _measure(
    accounts: list[UUID], kind: str, seconds: float
) -> tuple[int, float, Extras]:
    done, elapsed = fan_out(
        work,
        accounts,
        kind,
        secrets.token_hex(4),
        processes=engine.PROCESSES,
        seconds=seconds,
    )
    return done, elapsed, {"statements_per_op": _statements(accounts, kind)}


def _statements(accounts: Sequence[UUID], kind: str) -> float:
    """Count the statements per command over two batches: one of each of a pair."""
    tag = secrets.token_hex(4)
    batches = KINDS[kind](random.Random(tag), accounts, tag)
    outcomes: list[Outcome] = []

    def post(commands: list[Command]) -> None:
        outcomes[:] = _post(commands)

    found = engine.counted(partial(post, next(batches)))
    found += engine.counted(partial(post, batches.send(outcomes)))
    return found / (2 * SIZE)


def _post(commands: list[Command]) -> list[Outcome]:
    from punchcard.kernel import clock
    from punchcard.kernel.transactions import transaction
    from punchcard.ledger.operations import post

    with transaction():
        outcomes = post(commands=commands, now=clock.read())
    assert all(outcome.applied for outcome in outcomes)
    return outcomes


def work(number: int, ready: Ready, accounts: list[UUID], kind: str, tag: str) -> int:
    """Post batches of a kind until the deadline; return the commands posted."""
    engine.setup()
    batches = KINDS[kind](random.Random(f"{tag}{number}"), accounts, f"{tag}-{number}")
    outcomes = _post(next(batches))
    for _ in range(engine.WARM_UP_COMMANDS // SIZE):
        outcomes = _post(batches.send(outcomes))
    done = 0
    deadline = ready()
    while time.perf_counter() < deadline:
        outcomes = _post(batches.send(outcomes))
        done += len(outcomes)
    return done
