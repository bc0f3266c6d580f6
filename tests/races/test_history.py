"""Many processes on few accounts: the history they saw is one that a serial ledger has.

Eight processes post batches with keys, some used twice, on a clock that runs so fast
that points are released and lapse meanwhile. Afterwards every reply, refusals too, is
compared with the serial model's, and so is every row.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from django.db import connection

from punchcard.ledger.commands import Settle
from tests.builders import START, a_ledger
from tests.races import history
from tests.races.load import POLICY
from tests.races.running import (
    READY_SECONDS,
    Nursery,
    check_all,
    deadlocks,
    entries_of,
    logged,
    said,
    start,
    watching,
    write_plan,
)
from tests.races.worker import Plan
from tests.sizes import size

PROCESSES = 8
ACCOUNTS = 5
ROUND_SECONDS = 1.0
SECONDS = size(4, 60)
SECONDS_MAX = size(300, 600)
"""A slow machine may take longer until all of it has happened."""
LOGGED_LEAST = size(1_500_000, 60_000_000)


def test_many_processes_on_few_accounts_act_as_one_after_the_other(
    tmp_path: Path,
) -> None:
    ledger = a_ledger(**POLICY)
    rounds = [ledger.open(ACCOUNTS) for _ in range(int(SECONDS / ROUND_SECONDS))]
    plan = Plan(
        database=connection.settings_dict["NAME"],
        folder=str(tmp_path),
        program=ledger.program,
        rounds=rounds,
        round_seconds=ROUND_SECONDS,
        seconds=SECONDS_MAX,
        origin=START,
        scale=1000,
        skew=0.7,
    )
    write_plan(plan)
    before = deadlocks()
    with watching() as watch, closing(Nursery(plan)) as nursery:
        processes = [nursery.spawn(number) for number in range(PROCESSES)]
        start(plan, range(PROCESSES))
        tally = history.Tally(map(plan.log, range(PROCESSES)))
        while (
            (missing := tally.missing((*EXPECTED, *POSTED)))
            or time.time() < plan.starts + SECONDS
            or logged(plan) < LOGGED_LEAST
        ):
            assert time.time() < plan.starts + SECONDS_MAX, (missing, logged(plan))
            time.sleep(0.1)
        (tmp_path / "stop").touch()
        codes = [process.wait(READY_SECONDS) for process in processes]
    for number, code in enumerate(codes):
        assert code == 0, said(plan, number)
    # Whatever can fall due does, so that the last rows tell all.
    ledger.now = plan.now() + timedelta(days=2)
    ledger.post(*(Settle(account=account) for account in ledger.accounts))
    seen = history.merge(history.read(plan.log(n)) for n in range(PROCESSES))
    assert all(call.answered for call in seen.calls)
    counts = check_all(seen, rounds, ledger.now)
    entries = [e for of in entries_of(ledger.accounts).values() for e in of]
    print(f"{len(seen.calls)} posts, {len(entries)} entries, {watch.waits} lock waits")
    print(dict(counts))
    assert deadlocks() == before
    assert watch.waits > 10, f"no contention in {watch.samples} samples"
    for what in EXPECTED:
        assert counts[what] > 0, f"{what} never happened: {counts}"
    assert {entry["type"] for entry in entries} == set(TYPES)


EXPECTED = (
    "applied,replayed,key_reused,account_closed,account_frozen,entry_not_found,"
    "entry_not_reversible,hold_not_open,lot_not_pending,exceeds_original,"
    "insufficient_points,limit_exceeded,not_applied,looks,open to frozen,"
    "frozen to open,open to closed"
).split(",")
POSTED = (
    "earn redeem reserve capture void refund reverse adjust transfer_out "
    "activate cancel"
).split()
TYPES = [*POSTED, "transfer_in", "release", "expire"]
