"""The engine: `post` by batch size, on uniform accounts and on one hot account."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import psycopg

from bench.harness import Bench, Extras
from bench.processes import Ready, fan_out

if TYPE_CHECKING:
    from punchcard.ledger.commands import Command

ACCOUNTS = 100_000
PROCESSES = 4
SIZES = (1, 32, 256, 2048)
EARN_PERCENT = 80
WARM_UP_COMMANDS = 2_000


def setup() -> None:
    """Make Django ready in this process."""
    import django

    django.setup()


class Place(NamedTuple):
    """A program's wallet with accounts."""

    program: UUID
    accounts: list[UUID]


def make_accounts(count: int = ACCOUNTS) -> Place:
    """Create a program with its wallet and that many accounts."""
    from punchcard.journeys.create_program import create_program
    from punchcard.kernel import clock
    from punchcard.kernel.ids import new_id
    from punchcard.kernel.transactions import transaction
    from punchcard.ledger.operations import open_accounts

    now = clock.read()
    made = create_program(
        slug=f"bench-{secrets.token_hex(4)}",
        name="Bench",
        mode="live",
        currency="EUR",
        now=now,
    )
    accounts: list[UUID] = []
    for _ in range(0, count, 5_000):
        holders = [new_id() for _ in range(min(5_000, count))]
        with transaction():
            opened = open_accounts(
                wallet=made.wallet.id, holder_kind="member", holders=holders, now=now
            )
        accounts += opened.values()
    return Place(made.program.id, accounts)


def benches(seconds: float) -> list[Bench]:
    """Return the engine's benches: each makes its commands outside the clock's way."""
    accounts = make_accounts().accounts
    found = [
        Bench(f"engine batch {size}", partial(_uniform, accounts, size, seconds))
        for size in SIZES
    ]
    found.append(
        Bench(
            "engine batch 256, one process",
            partial(_uniform, accounts, 256, seconds, 1),
        )
    )
    hot = make_accounts(1).accounts
    found.append(
        Bench(
            "engine batch 256, one hot account", partial(_uniform, hot, 256, seconds, 1)
        )
    )
    return found


def _uniform(
    accounts: list[UUID], size: int, seconds: float, processes: int = PROCESSES
) -> tuple[int, float, Extras]:
    done, elapsed = fan_out(
        work, accounts, size, secrets.token_hex(4), processes=processes, seconds=seconds
    )
    return done, elapsed, {"statements_per_op": statements(accounts, size)}


def statements(accounts: list[UUID], size: int) -> float:
    """Count the statements per command of one batch."""
    tag = secrets.token_hex(4)
    commands = _commands(random.Random(tag), accounts, size, tag)
    return counted(lambda: _post(commands)) / size


def counted(one_batch: Callable[[], object]) -> int:
    """Count the statements of a transaction; BEGIN and COMMIT are two of them."""
    found = 2
    execute = psycopg.Cursor.execute

    def counting(self: Any, *words: Any, **options: Any) -> Any:
        nonlocal found
        found += 1
        return execute(self, *words, **options)

    psycopg.Cursor.execute = counting  # type: ignore[method-assign]
    try:
        one_batch()
    finally:
        psycopg.Cursor.execute = execute  # type: ignore[method-assign]
    return found


def _commands(
    chance: random.Random, accounts: list[UUID], size: int, tag: str
) -> list[Command]:
    from punchcard.ledger.commands import Earn, Redeem

    return [
        (Earn if chance.random() * 100 < EARN_PERCENT else Redeem)(
            account=chance.choice(accounts),
            points=1 + int(chance.random() * 100),
            key=f"{tag}-{number}",
        )
        for number in range(size)
    ]


def _post(commands: list[Command]) -> None:
    from punchcard.kernel import clock
    from punchcard.kernel.transactions import transaction
    from punchcard.ledger.operations import post

    with transaction():
        post(commands=commands, now=clock.read())


def work(number: int, ready: Ready, accounts: list[UUID], size: int, tag: str) -> int:
    """Post batches until the deadline; return the commands posted."""
    setup()
    chance = random.Random(f"{tag}{number}")
    done = made = batches = 0
    deadline: float | None = None
    while deadline is None or time.perf_counter() < deadline:
        batches += 1
        _post(_commands(chance, accounts, size, f"{tag}-{number}-{batches}"))
        made += size
        if deadline is not None:
            done += size
        elif made >= WARM_UP_COMMANDS:
            deadline = ready()
    return done
