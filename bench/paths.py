"""The ledger's long paths: sweep and verify, on a history with spends and lapses."""

from __future__ import annotations

import random
import secrets
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from bench.engine import make_accounts
from bench.harness import Bench, Extras

ACCOUNTS = 5_000
BATCH = 2_048
ROUNDS = 6
LONG_ENTRIES, LONG_LOTS = 100_000, 3_000
REDEEMS = 500


def benches(orders: int = 60_000) -> list[Bench]:
    """Return the benches of sweep and verify: each prepares its own history."""
    return [
        Bench("import orders", lambda: _import(orders), unit="entries/s"),
        Bench("sweep", lambda: _sweep(orders), unit="entries/s"),
        Bench("verify", _verify, unit="entries/s"),
        *_long_history(),
    ]


def _long_history() -> list[Bench]:
    """Return single redeems of a fresh account, and of one with a long history."""
    fresh, long = make_accounts(2).accounts
    _fill(fresh, entries=4, lots=4)
    _fill(long, entries=LONG_ENTRIES, lots=LONG_LOTS)
    return [
        Bench("redeem, fresh account", partial(_redeem, fresh)),
        Bench("redeem, 100,000 entries and 3,000 open lots", partial(_redeem, long)),
    ]


def _fill(account: UUID, *, entries: int, lots: int) -> None:
    """Make a history of `entries`, of which `lots` credits are still whole."""
    from punchcard.kernel import clock
    from punchcard.kernel.transactions import transaction
    from punchcard.ledger.commands import Earn, Redeem
    from punchcard.ledger.operations import post

    now = clock.read()
    kept = entries - lots
    commands = [
        Earn(account=account, points=1_000, key=f"e{number}", validity="P9Y")
        if number % 2 == 0 or number >= kept
        else Redeem(account=account, points=1_000, key=f"r{number}")
        for number in range(entries)
    ]
    for first in range(0, entries, BATCH):
        with transaction():
            post(commands=commands[first : first + BATCH], now=now)


def _redeem(account: UUID) -> tuple[int, float, Extras]:
    from punchcard.kernel import clock
    from punchcard.kernel.transactions import transaction
    from punchcard.ledger.commands import Redeem
    from punchcard.ledger.operations import post

    tag = secrets.token_hex(4)
    now = clock.read()
    started = time.perf_counter()
    for number in range(REDEEMS):
        command = Redeem(account=account, points=1, key=f"{tag}-{number}")
        with transaction():
            post(commands=[command], now=now)
    return REDEEMS, time.perf_counter() - started, {}


def _import(orders: int) -> tuple[int, float, Extras]:
    """Run the command on a file of orders over 18 months, its start-up included."""
    chance = random.Random(11)
    tag = secrets.token_hex(4)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "orders.csv"
        with file.open("w") as out:
            out.write("external_id,occurred_at,member,amount_minor,currency\n")
            for number in range(orders):
                day = number * 540 // orders
                at = f"{2024 + day // 360}-{day % 360 // 30 + 1:02}-{day % 28 + 1:02}"
                member = f"{tag}-{chance.randrange(orders // 3)}"
                amount = chance.randint(50, 20_000)
                out.write(f"{tag}-{number},{at}T12:00:00Z,{member},{amount},EUR\n")
        before = _entries()
        command = [
            Path(sys.executable).with_name("punchcard"),
            "import",
            "orders",
            file,
        ]
        policy = ("--points-per-unit", "1", "--pending", "P3D", "--validity", "P365D")
        started = time.perf_counter()
        subprocess.run([*command, *policy], check=True, capture_output=True)
        elapsed = time.perf_counter() - started
    return _entries() - before, elapsed, {}


def _sweep(lots: int) -> tuple[int, float, Extras]:
    """Let `lots` pending lots be released and lapse, all due at once."""
    from punchcard.kernel import clock
    from punchcard.kernel.transactions import transaction
    from punchcard.ledger.commands import Earn
    from punchcard.ledger.operations import post
    from punchcard.ledger.sweeping import settle_due

    accounts = make_accounts(ACCOUNTS).accounts
    now = clock.read()
    tag = secrets.token_hex(4)
    for first in range(0, lots, BATCH):
        with transaction():
            post(
                commands=[
                    Earn(
                        account=accounts[number % ACCOUNTS],
                        points=10,
                        key=f"{tag}-{number}",
                        pending="P1D",
                        validity="P1D",
                    )
                    for number in range(first, min(first + BATCH, lots))
                ],
                now=now,
            )
    before = _entries()
    started = time.perf_counter()
    settle_due(now=now + timedelta(days=1, hours=1))
    settle_due(now=now + timedelta(days=3))
    elapsed = time.perf_counter() - started
    return _entries() - before, elapsed, {}


def _entries() -> int:
    from tests.builders import rows

    return int(rows("SELECT count(*) FROM ledger_entry")[0][0])


def _verify() -> tuple[int, float, Extras]:
    """Verify a history with releases, lapses, spends, refunds and reverses."""
    from punchcard.ledger.verifying import verify

    accounts = make_accounts(ACCOUNTS).accounts
    _history(accounts)
    started = time.perf_counter()
    report = verify(accounts=accounts)
    elapsed = time.perf_counter() - started
    assert report.clean
    return report.entries, elapsed, {}


def _history(accounts: list) -> None:
    from punchcard.kernel import clock
    from punchcard.kernel.transactions import transaction
    from punchcard.ledger.commands import Earn, Redeem, Refund, Reverse
    from punchcard.ledger.operations import post

    chance = random.Random(7)
    tag = secrets.token_hex(4)
    start = clock.read() - timedelta(days=400)
    for round_number in range(ROUNDS):
        at = start + timedelta(days=40 * round_number)
        commands: list[Earn | Redeem | Refund | Reverse] = []
        for account in accounts:
            key = f"{tag}-{round_number}"
            commands.append(
                Earn(
                    account=account,
                    points=chance.randint(10, 100),
                    key=f"e{key}",
                    pending="P3D",
                    validity="P60D",
                )
            )
            commands.append(
                Redeem(
                    account=account,
                    points=chance.randint(1, 60),
                    up_to=True,
                    key=f"r{key}",
                )
            )
            if chance.random() < 0.2:
                commands.append(
                    Reverse(account=account, entry=1, points=1, key=f"v{key}")
                )
            if chance.random() < 0.2:
                commands.append(
                    Refund(account=account, entry=4, points=1, key=f"f{key}")
                )
        for first in range(0, len(commands), BATCH):
            with transaction():
                post(commands=commands[first : first + BATCH], now=at)
