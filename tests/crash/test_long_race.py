"""The long race: every command, lost answers every second, and three SIGKILLs.

Eight processes mix all commands on five accounts, and on the next five, through a
proxy that loses the connection at a COMMIT every second. Meanwhile an application
process, a backend and the whole cluster are killed. Afterwards the history replays
through the serial model: nothing that was acknowledged is missing or there twice.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from punchcard.project.servers.postgres import PostgresServer
from tests.crash.proxy import AFTER, BEFORE, LATE, lossy
from tests.crash.running import Run, check, make_plan
from tests.races.test_history import POSTED
from tests.sizes import size

PROCESSES = 8
SECONDS = size(10, 300)
SECONDS_MAX = size(400, 6_000)
"""A slow machine may take longer until enough has happened."""
COMMITS_LEAST = size(500, 15_000)
TURNS = (AFTER, LATE, AFTER, BEFORE)
"""Mostly the answer is lost; at times the COMMIT, so that "lost" does not mean done."""
CUT_EVERY_SECONDS = 0.6
"""Of four cuts three lose an answer: more than one of those in every second."""
CUTS_LEAST = {AFTER: SECONDS // 3, LATE: SECONDS // 6, BEFORE: SECONDS // 6}
COMMANDS = (
    "Earn Redeem Reserve Capture Void Refund Reverse Adjust Transfer Activate Cancel"
).split()
CHANGES = ("replayed", "looks", "open to frozen", "frozen to open")
EXPECTED = (*POSTED, *CHANGES, "lost")


def test_lost_commits_and_kills_lose_and_double_nothing(
    server: PostgresServer, committing: None, tmp_path: Path
) -> None:
    plan = make_plan(tmp_path, seconds=SECONDS, at_most=2 * SECONDS_MAX)
    address = server.dsn()
    with lossy(host=str(address["host"]), port=str(address["port"])) as proxy:
        run = Run(plan, server, PROCESSES, host=proxy.host)
        proxy.cut(*TURNS, seconds=CUT_EVERY_SECONDS)
        for number, kill in enumerate(
            (run.kill_worker, run.kill_backend, run.kill_cluster), 1
        ):
            time.sleep(max(SECONDS * number / 4 - run.passed, 0))
            kill()
        while (
            (missing := run.tally.missing(EXPECTED))
            or run.passed < SECONDS
            or not _enough(proxy.counts())
        ):
            assert run.passed < SECONDS_MAX, (missing, proxy.counts())
            time.sleep(0.1)
        cuts, seconds = proxy.counts(), run.passed
        proxy.heal()
        seen = run.finish()
    counts = check(run, seen)
    print(f"{seconds:.0f} s, COMMITs: {dict(cuts)}")
    assert run.kills == {"worker": 1, "backend": 1, "cluster": 1}
    assert sum(bool(call.lost) for call in seen.calls) > 0, "nobody noticed"
    for command in COMMANDS:
        assert counts[f"{command} applied"] > 0, f"no {command}: {counts}"
    for what in CHANGES:
        assert counts[what] > 0, f"{what} never happened: {counts}"


def _enough(cuts: Counter[str]) -> bool:
    """Say whether enough COMMITs passed, and enough of them lost their connection.

    The proxy counts what the server did: a cut that hit no COMMIT does not count.
    """
    hits = all(cuts[where] >= least for where, least in CUTS_LEAST.items())
    answers_lost = cuts[AFTER] + cuts[LATE]
    return hits and answers_lost >= SECONDS and cuts["commits"] >= COMMITS_LEAST
