"""Many lots due at once: workers share them, and it does not matter who is killed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time

from tests.sizes import size
from tests.worker.place import REPOSITORY, Place, Running, until
from tests.worker.sweeping import nobody_writes, stopped, sweeps

ACCOUNTS, EACH = size(20_000, 500_000), size(1, 2)
LOTS = ACCOUNTS * EACH
ENGINE_SECONDS = size(1, 20)
LEAST_PERCENT = size(0, 40)
"""Lots a second, of the commands that the engine posts: told only at full size."""

SCHEDULED_SECONDS = 2
"""The schedule sends every minute; here it hurries."""

PATIENCE_SECONDS = size(120, 1_800)


def prepare(place: Place) -> dict[str, str | float]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.worker.lots"),
            *map(str, (ACCOUNTS, EACH, ENGINE_SECONDS)),
        ],
        cwd=REPOSITORY,
        env=place.env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def settled(worker: Running) -> int:
    """Return how many accounts a worker's ended sweeps have settled."""
    found = re.findall(r"settle_due_points: ([\d,]+) accounts settled", worker.said)
    return sum(int(number.replace(",", "")) for number in found)


def due(place: Place) -> bool:
    return bool(
        place.rows("SELECT 1 FROM ledger_account WHERE next_due_at <= now() LIMIT 1")
    )


def sweep_as_scheduled(place: Place, workers: tuple[Running, Running]) -> None:
    """Send a sweep now and then, until nothing is due."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while due(place):
        assert time.monotonic() < deadline, [worker.said[-3_000:] for worker in workers]
        place.send("settle_due_points", queue="normal")
        again = time.monotonic() + SCHEDULED_SECONDS
        while due(place) and time.monotonic() < again:
            time.sleep(0.1)


def test_two_workers_sweep_at_once_one_is_killed_and_each_lot_lapses_once(
    place: Place,
) -> None:
    # Else a task that we stop for a moment runs out of time on a busy machine.
    place.settings["PUNCHCARD_TASK_SECONDS"] = "30"
    made = prepare(place)
    half = f"SELECT 1 FROM ledger_account WHERE id = '{made['middle']}' AND "
    with place.worker("one", "--processes", 2) as one:
        with place.worker("two", "--processes", 2) as two:
            workers = one, two
            began = time.perf_counter()
            place.send("settle_due_points", queue="normal")
            until(
                lambda: bool(place.rows(half + "next_due_at IS NULL")),
                lambda: one.said + two.said,
                of=PATIENCE_SECONDS,
            )
            with nobody_writes(place):
                until(
                    lambda: (
                        min(map(sweeps, workers)) > 0
                        and stopped(place) == sum(map(sweeps, workers))
                    ),
                    lambda: one.said + two.said,
                )
                one.kill()
            assert due(place), "it was killed too late"
            sweep_as_scheduled(place, workers)
            seconds = time.perf_counter() - began
            shares = settled(one), settled(two)
            assert shares[1] > 0
            assert sum(shares) <= ACCOUNTS
            assert "Traceback" not in two.said, two.said[-5_000:]
    assert_each_lot_lapsed_once(place)
    rate, engine = LOTS / seconds, float(made["engine"])
    print(
        f"{LOTS:,} lots in {seconds:.1f} s: {rate:,.0f}/s, {rate / engine:.2f} of the"
        f" engine's {engine:,.0f}/s; accounts by ended sweeps {shares}"
    )
    assert rate >= LEAST_PERCENT / 100 * engine


def assert_each_lot_lapsed_once(place: Place) -> None:
    ours = (
        "account_id IN (SELECT account_id FROM ledger_lot WHERE expires_at IS NOT NULL)"
    )
    assert place.rows(
        "SELECT state, remaining, lapsed = credited, count(*) FROM ledger_lot"
        " WHERE expires_at IS NOT NULL GROUP BY 1, 2, 3"
    ) == [("lapsed", 0, True, LOTS)]
    # Each was taken from once, by an expiry, and whole.
    assert place.rows(
        "SELECT times, types, whole, count(*) FROM (SELECT count(a.points) AS times,"
        " array_agg(DISTINCT e.type::text) AS types,"
        " sum(a.points) = -l.credited AS whole FROM ledger_lot l"
        " LEFT JOIN ledger_allocation a ON a.account_id = l.account_id"
        " AND a.lot_sequence = l.sequence AND a.lot_n = l.n"
        " LEFT JOIN ledger_entry e ON e.account_id = a.account_id"
        " AND e.sequence = a.sequence WHERE l.expires_at IS NOT NULL"
        " GROUP BY l.account_id, l.sequence, l.n) lot GROUP BY 1, 2, 3"
    ) == [(1, ["expire"], True, LOTS)]
    assert place.rows(
        f"SELECT type::text, count(*) FROM ledger_entry WHERE {ours} GROUP BY 1"
        " ORDER BY 1"
    ) == [("earn", LOTS), ("expire", ACCOUNTS)]
