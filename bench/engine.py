"""The engine: `post` by batch size, on uniform accounts and on one hot account."""

from __future__ import annotations

import random
import secrets
import time
from functools import partial
from typing import NamedTuple
from uuid import UUID

from bench.harness import Bench, Extras
from bench.processes import Ready, fan_out

ACCOUNTS = 100_000
PROCESSES = 4
SIZES = (1, 32, 256, 2048)
EARN_PERCENT = 80


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
    return done, elapsed, {"statements_per_op": statements(size)}


def statements(size: int) -> float:
    """Return the statements per command of a batch of this size.

    BEGIN, locks, keys, lots, the write, COMMIT: the tests count them.
    """
    return 6 / size


def work(number: int, ready: Ready, accounts: list[UUID], size: int, tag: str) -> int:
    """Post batches until the deadline; return the commands posted."""
    setup()
    from punchcard.kernel import clock
    from punchcard.kernel.transactions import transaction
    from punchcard.ledger.commands import Earn, Redeem
    from punchcard.ledger.operations import post

    chance = random.Random(f"{tag}{number}")
    done = made = 0
    deadline: float | None = None
    while deadline is None or time.perf_counter() < deadline:
        commands: list[Earn | Redeem] = []
        for _ in range(size):
            made += 1
            kind = Earn if chance.random() * 100 < EARN_PERCENT else Redeem
            commands.append(
                kind(
                    account=chance.choice(accounts),
                    points=1 + int(chance.random() * 100),
                    key=f"{tag}-{number}-{made}",
                )
            )
        with transaction():
            post(commands=commands, now=clock.read())
        if deadline is None:
            if made >= 2_000 or size >= 2_000:
                deadline = ready()
            continue
        done += size
    return done
