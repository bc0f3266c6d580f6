"""SIGKILL under load: an application process, a backend, the whole cluster.

Workers post with keys and, when their connection breaks, ask again with the same keys
on a new one. Afterwards what was acknowledged is there once, what was not is there
whole or not at all, and the history is one that the serial model has.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from punchcard.project.servers.postgres import PostgresServer
from tests.crash.running import Run, check, make_plan
from tests.sizes import size

PROCESSES = 6
SECONDS = size(6, 60)
SECONDS_MAX = size(300, 1_200)
"""A slow machine may take longer until there were enough kills."""
KILLS_LEAST = size(3, 20)
PAUSE = (0.3, 0.9)
"""Seconds of load between two kills."""
WORK = 100_000
"""Bytes that are logged between two kills: some dozens of posts."""


@pytest.fixture
def run(server: PostgresServer, committing: None, tmp_path: Path) -> Run:
    """Start the processes on new accounts of a server of our own."""
    plan = make_plan(tmp_path, seconds=SECONDS, at_most=SECONDS_MAX)
    return Run(plan, server, PROCESSES)


def lasts(run: Run, hit: str) -> bool:
    """Wait a moment under load; say whether there is time, or need, for one more kill.

    `hit` is what the processes log when a kill hits a post.
    """
    run.work(WORK)
    time.sleep(random.uniform(*PAUSE))
    missing = run.tally.missing([hit]) or run.kills.total() < KILLS_LEAST
    return run.passed < (SECONDS_MAX if missing else SECONDS)


def test_a_killed_application_process_loses_and_doubles_nothing(run: Run) -> None:
    while lasts(run, "asked again"):
        run.kill_worker()
    seen = run.finish()
    check(run, seen)
    assert run.kills["worker"] >= KILLS_LEAST
    # Asked more than once: a process was killed before it wrote the answer down.
    assert sum(call.times > 1 for call in seen.calls) > 0, "no kill hit a post"


def test_a_killed_backend_loses_and_doubles_nothing(run: Run) -> None:
    while lasts(run, "lost"):
        run.kill_backend()
    seen = run.finish()
    check(run, seen)
    assert run.kills["backend"] >= KILLS_LEAST
    assert sum(bool(call.lost) for call in seen.calls) > 0, "no kill hit a post"


def test_a_killed_cluster_loses_and_doubles_nothing(run: Run) -> None:
    while lasts(run, "lost"):
        run.kill_cluster()
    seen = run.finish()
    check(run, seen)
    assert run.kills["cluster"] >= KILLS_LEAST
    assert sum(bool(call.lost) for call in seen.calls) > 0, "no kill hit a post"
