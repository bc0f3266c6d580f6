"""Schedules: written once, changed by operators, fired through every restart."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from redis import Redis

from punchcard.project import env
from tests.worker.place import PATIENCE, Place, until

KEPT = """
    SELECT t.name, t.task, t.queue, t.enabled, i.every, i.period, c.hour, c.minute,
        t.expire_seconds
    FROM django_celery_beat_periodictask t
    LEFT JOIN django_celery_beat_intervalschedule i ON i.id = t.interval_id
    LEFT JOIN django_celery_beat_crontabschedule c ON c.id = t.crontab_id
    WHERE t.name <> 'celery.backend_cleanup' ORDER BY t.name
"""
SAID = "Beat sends"


def change(place: Place, statement: str) -> None:
    """Change a schedule as an operator does, so that beat hears of it."""
    with psycopg.connect(**place.database.dsn()) as connection:
        connection.execute(statement)  # type: ignore[call-overload]
        connection.execute(
            "INSERT INTO django_celery_beat_periodictasks VALUES (1, now())"
            " ON CONFLICT (ident) DO UPDATE SET last_update = now()"
        )


@pytest.fixture
def every_second(place: Place) -> Iterator[None]:
    """Sweep each second; as it was afterwards."""
    if not place.rows(KEPT):
        with place.running("beat", ready=SAID) as beat:
            assert beat.stop() == 0
    change(place, "UPDATE django_celery_beat_intervalschedule SET every = 1")
    yield
    change(place, "UPDATE django_celery_beat_intervalschedule SET every = 60")


def test_the_schedules_are_written_once_by_whoever_comes_first(place: Place) -> None:
    with place.running("beat", ready=SAID) as first:
        assert first.stop() == 0
    assert place.rows(KEPT) == [
        (
            *("forget what expired", "punchcard.forget_expired", "normal", True),
            *(None, None, "*", "20", 3600),
        ),
        (
            *("seal the ledger", "punchcard.seal_ledger", "slow", True),
            *(None, None, "0", "10", 86400),
        ),
        (
            *("settle due points", "punchcard.settle_due_points", "normal", True),
            *(60, "seconds", None, None, 60),
        ),
        (
            *("verify recent entries", "punchcard.verify_recent_entries", "slow", True),
            *(None, None, "*", "40", 3600),
        ),
        (
            *("verify the ledger", "punchcard.verify_ledger", "slow", True),
            *(None, None, "2", "55", 86400),
        ),
        (
            *("work on jobs", "punchcard.work_on_jobs", "slow", True),
            *(60, "seconds", None, None, 60),
        ),
    ]


def test_what_an_operator_says_of_when_stays_and_what_is_done_is_the_programs(
    place: Place,
) -> None:
    with place.running("beat", ready=SAID) as first:
        assert first.stop() == 0
    before = place.rows(KEPT)
    change(
        place,
        "UPDATE django_celery_beat_periodictask SET enabled = false, task = 'old.name',"
        " expire_seconds = 7 WHERE name = 'forget what expired'",
    )
    with place.running("beat", ready=SAID) as second:
        assert second.stop() == 0
    kept = place.rows(KEPT)
    assert kept[0][:4] == (*before[0][:3], False)
    assert kept[0][8] == 7
    assert kept[1:] == before[1:]


@pytest.mark.usefixtures("every_second")
def test_a_real_beat_fires_a_real_schedule_on_a_real_worker(place: Place) -> None:
    with place.worker() as worker, place.running("beat", ready=SAID) as beat:
        worker.says("settle_due_points: 0 accounts settled", times=2)
        assert "seal_ledger" not in worker.said
        assert beat.stop() == 0
        assert worker.stop() == 0
        assert "Traceback" not in beat.said + worker.said


@pytest.mark.usefixtures("every_second")
def test_a_message_says_when_beat_sent_it(place: Place) -> None:
    """No worker takes it: so it is seen how long it has waited."""
    with Redis.from_url(env.broker(place.broker.url).client) as client:
        client.delete("normal")
        began = datetime.now(UTC)
        with place.running("beat", ready=SAID):
            until(lambda: bool(client.llen("normal")))
        message = client.lindex("normal", -1)
        assert isinstance(message, bytes)
        headers = json.loads(message)["headers"]
        assert began < datetime.fromisoformat(headers["sent_at"]) < datetime.now(UTC)
        # Nobody asked for it.
        assert "request_id" not in headers
        client.delete("normal")


@pytest.mark.usefixtures("every_second")
def test_schedules_fire_again_after_a_restart_of_everything(place: Place) -> None:
    with place.worker("one") as one, place.running("beat", ready=SAID) as beat:
        one.says("settle_due_points.* succeeded")
        beat.kill()
        one.kill()
    place.run("down")
    assert not place.broker.is_running()
    assert not place.database.is_running()
    with place.worker("two") as two, place.running("beat", ready=SAID):
        two.says("settle_due_points.* succeeded", times=2)


@pytest.mark.usefixtures("every_second")
def test_a_beat_and_a_worker_go_on_when_their_servers_come_back(place: Place) -> None:
    with place.worker() as worker, place.running("beat", ready=SAID) as beat:
        worker.says("settle_due_points.* succeeded")
        place.run("down")
        place.database.ensure()
        place.broker.ensure()
        done = worker.said.count("settle_due_points: ")
        until(
            lambda: worker.said.count("settle_due_points: ") >= done + 3,
            lambda: worker.said + beat.said,
        )
        assert beat.process.poll() is None


def test_a_second_beat_waits_until_the_first_has_gone(place: Place) -> None:
    with place.running("beat", ready=SAID) as first:
        with place.running("beat", ready="Another beat is at work") as second:
            assert SAID not in second.said
            first.kill()
            second.says(SAID)
            assert second.stop() == 0
    with place.running("beat", ready=SAID) as first:
        with place.running("beat", ready="Another beat is at work") as second:
            second.process.send_signal(signal.SIGTERM)
            assert second.process.wait(timeout=PATIENCE) == 0
            assert SAID not in second.said
        assert first.process.poll() is None
