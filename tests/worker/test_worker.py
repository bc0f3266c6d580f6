"""Workers: what is sent is done, whoever is killed, stopped or away meanwhile."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.worker.place import PATIENCE, Place, until

RELEASES = "SELECT count(*) FROM ledger_entry WHERE type = 'release'"


def import_two_orders(place: Place, folder: Path, program: str) -> None:
    """Give two members of a new program points that could be released long ago."""
    orders = folder / "orders.csv"
    orders.write_text(
        "event_id,ts,customer,amount_minor,currency\n"
        "a,2025-01-01T00:00:00Z,ann,1000,USD\n"
        "b,2025-01-02T00:00:00Z,ben,2000,USD\n"
    )
    place.run("program", "create", program, "--currency", "USD")
    columns = "external_id=event_id,occurred_at=ts,member=customer"
    terms = ("--points-per-unit", "1", "--pending", "P3D", "--program", program)
    place.run("import", "orders", orders, "--map", columns, *terms)


def readings(place: Place) -> dict[tuple[str, str], int]:
    """Return what whoever watches is told, all wallets together."""
    found = place.rows(
        "SELECT name, CASE name WHEN 'outstanding' THEN split_part(subject, ' ', 2)"
        " ELSE subject END, sum(value)::bigint FROM kernel_reading GROUP BY 1, 2"
    )
    return {(name, subject): value for name, subject, value in found}


def test_what_fell_due_is_written_by_a_worker(place: Place, tmp_path: Path) -> None:
    import_two_orders(place, tmp_path, "due")
    assert place.rows(RELEASES) == [(0,)]
    with place.worker() as worker:
        place.send("settle_due_points", queue="normal")
        worker.says("settle_due_points: 2 accounts settled")
        assert readings(place)["outstanding", "available"] == 30
        place.send("settle_due_points", queue="normal")
        worker.says("settle_due_points: 0 accounts settled")
        assert ("verify", "breaches") not in readings(place)
        place.send("verify_ledger", queue="slow")
        worker.says("entries of 2 accounts are sound")
        assert readings(place)["verify", "breaches"] == 0
        place.send("forget_expired", queue="normal")
        worker.says("forget_expired: 0 rows forgotten")
    assert place.rows(RELEASES) == [(2,)]


def test_a_task_is_part_of_the_request_that_sent_it(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_two_orders(place, tmp_path, "asked")
    monkeypatch.setenv("PUNCHCARD_LOG_STYLE", "json")
    with place.worker("asked") as worker:

        def told_of(task: str) -> dict[str, Any]:
            worker.says(rf"\[{task}\] succeeded")
            lines = [line for line in worker.said.splitlines() if line[:1] == "{"]
            (told,) = [
                line
                for line in map(json.loads, lines)
                if line.get("task_id") == task and "settled" in line["event"]
            ]
            return dict(told)

        asked = place.send("settle_due_points", queue="normal", request_id="mine-4")
        assert told_of(asked)["request_id"] == "mine-4"
        assert told_of(asked)["task"] == "punchcard.settle_due_points"
        unasked = place.send("settle_due_points", queue="normal")
        assert told_of(unasked)["request_id"] == unasked
    place.run("relay", "--once")
    told = place.rows(
        "SELECT type, request_id FROM kernel_event e JOIN programs_program p"
        " ON p.id = e.program_id WHERE slug = 'asked' AND account_id IS NOT NULL"
        " ORDER BY position"
    )
    assert told == [
        *[("points.pending", None)] * 2,
        *[("points.activated", "mine-4")] * 2,
    ]


def test_a_harmed_account_is_frozen_and_the_task_says_so_by_failing(
    place: Place, tmp_path: Path
) -> None:
    import_two_orders(place, tmp_path, "harmed")
    ours = (
        "wallet_id IN (SELECT w.id FROM programs_wallet w JOIN programs_program p"
        " ON p.id = w.program_id WHERE p.slug = 'harmed')"
    )
    frozen = "SELECT count(*) FROM ledger_account WHERE status = 'frozen'"
    # Other tests may have left one in this place.
    ((before,),) = place.rows(frozen)
    harm = f"UPDATE ledger_account SET lifetime = lifetime + %s WHERE {ours}"
    with place.worker() as worker:
        with psycopg.connect(**place.database.dsn()) as connection:
            connection.execute("SET session_replication_role = replica")
            assert connection.execute(harm, [1]).rowcount == 2
        for task, name in (
            ("verify_recent_entries", "verify recent"),
            ("verify_ledger", "verify"),
        ):
            place.send(task, queue="slow")
            worker.says(rf"{task}\[.*\] raised unexpected: LedgerHarmed\('4 breaches")
            assert readings(place)[name, "breaches"] == 4
        assert place.rows(f"{frozen} AND {ours}") == [(2,)]
        assert place.rows(frozen) == [(before + 2,)]
        assert "4 breaches, 2 accounts frozen: 1 cached" in worker.said
        assert "4 breaches, 0 accounts frozen: 1 cached" in worker.said
    with psycopg.connect(**place.database.dsn()) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(harm, [-1])


def test_what_a_sweep_cannot_settle_is_frozen_and_the_task_says_so_by_failing(
    place: Place, tmp_path: Path
) -> None:
    place.run("sweep")
    import_two_orders(place, tmp_path, "stuck")
    harm = "UPDATE ledger_account SET pending = pending + %s WHERE id = %s"
    ((bad,),) = place.rows(
        "SELECT a.id FROM ledger_account a JOIN programs_wallet w ON w.id = a.wallet_id"
        " JOIN programs_program p ON p.id = w.program_id WHERE p.slug = 'stuck'"
        " ORDER BY a.id LIMIT 1"
    )
    before = place.rows(RELEASES)[0][0]
    with place.worker() as worker:
        with psycopg.connect(**place.database.dsn()) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(harm, [1, bad])
        place.send("settle_due_points", queue="normal")
        worker.says(r"raised unexpected: LedgerHarmed\('1 accounts settled; 1 accounts")
        assert "refused and frozen: acc_" in worker.said
        assert place.rows(RELEASES) == [(before + 1,)]
        place.send("settle_due_points", queue="normal")
        worker.says("settle_due_points: 0 accounts settled, 1 harmed ones are stuck")
        assert worker.said.count("raised unexpected: LedgerHarmed") == 1
    with psycopg.connect(**place.database.dsn()) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(harm, [-1, bad])
    assert "1 accounts settled" in place.run("sweep")
    assert place.rows(RELEASES) == [(before + 2,)]


def test_a_killed_workers_task_is_done_by_another_when_its_time_is_over(
    place: Place,
) -> None:
    before = len(place.seals)
    with place.worker("one") as one, place.accounts_locked():
        task = place.send("seal_ledger", queue="slow")
        until(place.someone_waits_for_accounts)
        one.kill()
        assert f"seal_ledger[{task}] received" in one.said
    with place.worker("two") as two:
        # Nobody sends it again: the broker gives it to the other, and only once. Left
        # as Celery is by itself, that would take longer than we wait.
        two.says(rf"seal_ledger\[{task}\] received")
        two.says(rf"seal_ledger\[{task}\] succeeded")
        assert len(place.seals) == before + 1
        place.send("settle_due_points", queue="normal")
        two.says("settle_due_points.* succeeded")
        assert two.said.count(f"seal_ledger[{task}] received") == 1


def test_a_task_whose_process_is_killed_is_done_again_at_once(place: Place) -> None:
    before = len(place.seals)
    with place.worker("one", "--processes", 1) as worker:
        with place.accounts_locked():
            task = place.send("seal_ledger", queue="slow")
            until(place.someone_waits_for_accounts)
            for child in worker.children():
                os.kill(child, signal.SIGKILL)
            worker.says(rf"seal_ledger\[{task}\] received", times=2)
        worker.says(rf"seal_ledger\[{task}\] succeeded")
    assert len(place.seals) == before + 1


def test_a_schedules_task_is_under_way_once_at_a_time(place: Place) -> None:
    before = len(place.seals)
    with place.worker("one") as one, place.worker("two") as two:
        with place.accounts_locked():
            first = place.send("seal_ledger", queue="slow")
            until(place.someone_waits_for_accounts)
            second = place.send("seal_ledger", queue="slow")
            until(lambda: f"[{second}] succeeded" in one.said + two.said)
            assert "seal_ledger: under way elsewhere" in one.said + two.said
            assert len(place.seals) == before
        until(lambda: f"[{first}] succeeded" in one.said + two.said)
    assert len(place.seals) == before + 1


def test_a_worker_that_is_stopped_ends_what_is_under_way(place: Place) -> None:
    before = len(place.seals)
    with place.worker() as worker:
        with place.accounts_locked():
            place.send("seal_ledger", queue="slow")
            until(place.someone_waits_for_accounts)
            worker.process.send_signal(signal.SIGTERM)
            worker.says("Warm shutdown")
        assert worker.process.wait(timeout=PATIENCE) == 0
    assert len(place.seals) == before + 1


def test_an_idle_worker_stops_with_code_0(place: Place) -> None:
    with place.worker() as worker:
        assert worker.stop() == 0
        assert "Traceback" not in worker.said


def test_a_task_waits_for_a_database_that_is_away(place: Place) -> None:
    before = len(place.seals)
    with place.worker() as worker:
        place.database.stop()
        task = place.send("seal_ledger", queue="slow")
        worker.says(rf"seal_ledger\[{task}\] retry")
        place.database.ensure()
        worker.says(rf"seal_ledger\[{task}\] succeeded")
    assert len(place.seals) == before + 1


def test_a_worker_outlives_a_broker_that_is_killed_and_no_task_is_lost(
    place: Place,
) -> None:
    before = len(place.seals)
    with place.worker() as worker:
        pid = place.broker.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        place.broker.ensure()
        task = place.send("seal_ledger", queue="slow")
        worker.says(rf"seal_ledger\[{task}\] succeeded")
    assert len(place.seals) == before + 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--queues", "normal,fast"), 1, "There is no queue `fast`; there is: urgent"),
        (("--processes", "0"), 2, "is no number from 1"),
    ],
)
def test_a_mistaken_command_is_told(
    place: Place, words: tuple[str, ...], code: int, said: str
) -> None:
    assert said in place.run("worker", *words, code=code)


def test_a_worker_takes_only_from_the_queues_it_is_told(place: Place) -> None:
    with place.worker("quick", "--queues", "urgent,normal") as quick:
        slow = place.send("seal_ledger", queue="slow")
        place.send("settle_due_points", queue="normal")
        quick.says("settle_due_points.* succeeded")
        assert slow not in quick.said
        with place.worker("slow", "--queues", "slow") as other:
            other.says(rf"seal_ledger\[{slow}\] succeeded")
        assert slow not in quick.said
