"""Eight processes on two sessions of the server: all is as a serial ledger has it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from punchcard.project.servers.postgres import PostgresServer
from tests.crash.running import Run, check, known_server, make_plan
from tests.pooling.poolers import POOLERS, pooled
from tests.sizes import size

PROCESSES = 8
SECONDS = size(5, 60)
COMMITS_LEAST = size(300, 10_000)
PATIENCE = size(300, 1_200)
COMMANDS = "Earn Redeem Reserve Adjust Transfer Settle".split()
EXPECTED = "earn redeem reserve adjust transfer_out replayed".split()


@pytest.fixture(scope="module")
def server(test_database: None) -> Iterator[PostgresServer]:
    with known_server() as made:
        yield made


@pytest.mark.parametrize("kind", POOLERS)
def test_eight_processes_on_two_sessions_lose_and_double_nothing(
    kind: str, server: PostgresServer, committing: None, tmp_path: Path
) -> None:
    plan = make_plan(tmp_path, seconds=SECONDS, at_most=2 * PATIENCE)
    with pooled(kind, server) as (url, transactions):
        run = Run(plan, server, PROCESSES, PUNCHCARD_POOLER_URL=url)
        begun = transactions()
        time.sleep(SECONDS / 2)
        run.kill_worker()
        while (
            (missing := run.tally.missing(EXPECTED))
            or run.passed < SECONDS
            or transactions() - begun < COMMITS_LEAST
        ):
            assert run.passed < PATIENCE, (missing, transactions())
            time.sleep(0.1)
        seen = run.finish()
        # Each post is a transaction, and none of them went another way.
        assert transactions() - begun >= len(seen.calls)
    counts = check(run, seen)
    for command in COMMANDS:
        assert counts[f"{command} applied"] > 0, f"no {command}: {counts}"
    assert counts["replayed"] > 0, counts
