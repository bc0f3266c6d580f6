"""Many processes on few accounts: the history they saw is one that a serial ledger has.

Eight processes post batches with keys, some used twice, on a clock that runs so fast
that points are released and lapse meanwhile. Afterwards every reply, refusals too, is
compared with the serial model's, and so is every row.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.db import connection

from punchcard.ledger.commands import Settle
from tests.builders import START, a_ledger
from tests.races import history
from tests.races.load import POLICY
from tests.races.running import (
    check_all,
    deadlocks,
    entries_of,
    said,
    spawn,
    start,
    watching,
    write_plan,
)
from tests.races.worker import Plan
from tests.sizes import size

PROCESSES = 8
ACCOUNTS = 5
ROUND_SECONDS = 0.5
SECONDS = size(8, 60)


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
        seconds=SECONDS,
        origin=START,
        scale=1000,
        skew=0.7,
    )
    write_plan(plan)
    before = deadlocks()
    with watching() as watch:
        processes = [spawn(plan, number) for number in range(PROCESSES)]
        start(plan, range(PROCESSES))
        codes = [process.wait(SECONDS + 60) for process in processes]
    for number, code in enumerate(codes):
        assert code == 0, said(plan, number)
    # Whatever can fall due does, so that the last rows tell all.
    ledger.now = plan.now() + timedelta(days=2)
    ledger.post(*(Settle(account=account) for account in ledger.accounts))
    calls = [c for n in range(PROCESSES) for c in history.read(plan.log(n))]
    assert all(call.answered for call in calls)
    counts = check_all(calls, rounds, ledger.now)
    entries = [e for of in entries_of(ledger.accounts).values() for e in of]
    print(f"{len(calls)} posts, {len(entries)} entries, {watch.waits} lock waits")
    print(dict(counts))
    assert deadlocks() == before
    assert watch.waits > 10, f"no contention in {watch.samples} samples"
    for code in EXPECTED:
        assert counts[code] > 0, f"{code} never happened: {counts}"
    assert {entry["type"] for entry in entries} == {
        "earn",
        "redeem",
        "refund",
        "reverse",
        "release",
        "expire",
    }


EXPECTED = (
    "applied replayed key_reused entry_not_found entry_not_reversible "
    "exceeds_original insufficient_points not_applied"
).split()
TYPES = "earn redeem refund reverse release expire".split()
