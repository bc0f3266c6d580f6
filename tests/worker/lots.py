"""Lots that all fell due an hour ago, and how fast the engine is that wrote them.

`python -m tests.worker.lots ACCOUNTS EACH SECONDS`, in the home of the environment:
opens so many accounts with so many lots each, and measures the engine for so long as
`make bench` does. Says in JSON what it made.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from bench.engine import make_accounts, setup, work
from bench.processes import Ready, fan_out
from tests.sizes import size

PROCESSES = size(1, 4)
"""Small, where starting one takes longer than its work."""
BATCH = 256
MEASURED = size(5_000, 20_000)
"""Accounts of the measurement, which have nothing due."""


def main() -> None:
    accounts, each, seconds = map(int, sys.argv[1:])
    setup()
    from punchcard.kernel import clock

    # As of yesterday: a post decides at the instant that it is given.
    now = clock.read() - timedelta(days=1)
    expires_at = now + timedelta(hours=23)
    made = sorted(make_accounts(accounts).accounts)
    assert len(made) == accounts
    fan_out(build, made, each, now, expires_at, processes=PROCESSES, seconds=0)
    done, elapsed = fan_out(
        work,
        make_accounts(MEASURED).accounts,
        BATCH,
        secrets.token_hex(4),
        processes=PROCESSES,
        seconds=seconds,
    )
    said = {"middle": str(made[accounts // 2]), "engine": done / elapsed}
    sys.stdout.write(json.dumps(said))


def build(
    number: int,
    ready: Ready,
    accounts: Sequence[UUID],
    each: int,
    now: datetime,
    expires_at: datetime,
) -> int:
    """Earn on our share of the accounts, so many times each."""
    setup()
    from punchcard.kernel.transactions import transaction
    from punchcard.ledger.commands import Earn
    from punchcard.ledger.operations import post

    ready()
    mine = accounts[number::PROCESSES]
    for first in range(0, len(mine), BATCH):
        commands = [
            Earn(account=account, points=1 + n, key=f"{n}", expires_at=expires_at)
            for account in mine[first : first + BATCH]
            for n in range(each)
        ]
        with transaction():
            outcomes = post(commands=commands, now=now)
        assert all(outcome.code == "applied" for outcome in outcomes)
    return len(mine) * each


if __name__ == "__main__":
    main()
