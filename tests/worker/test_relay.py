"""A relay goes on by itself, whatever becomes of its database, until it is stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.worker.place import PATIENCE, Place, until

SAID = "The relay tells"
TOLD = "SELECT type, data->>'n' FROM kernel_event ORDER BY position"


def announce(place: Place, n: int) -> None:
    """Let something happen, as a transaction that has committed."""
    with psycopg.connect(**place.database.dsn()) as connection:
        connection.execute(
            "INSERT INTO kernel_outbox (event_id, program_id, type, data, created_at)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 'test.happened',"
            " jsonb_build_object('n', %s::int), now())",
            [n],
        )


def is_told(place: Place, n: int) -> bool:
    return ("test.happened", str(n)) in place.rows(TOLD)


@contextmanager
def log_locked(place: Place) -> Iterator[None]:
    """Let nobody append, so that a batch stays under way."""
    with psycopg.connect(**place.database.dsn()) as connection:
        connection.execute("LOCK TABLE kernel_event IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def someone_waits_for_the_log(place: Place) -> bool:
    return bool(
        place.rows(
            "SELECT 1 FROM pg_locks WHERE NOT granted"
            " AND relation = 'kernel_event'::regclass"
        )
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_relay_that_is_stopped_ends_the_batch_under_way(
    place: Place, number: int
) -> None:
    with place.running("relay", ready=SAID) as relay:
        with log_locked(place):
            announce(place, number)
            until(lambda: someone_waits_for_the_log(place))
            relay.process.send_signal(number)
            # It has heard, and waits all the same.
            until(lambda: not _is_pending(relay.process.pid, number))
            assert relay.process.poll() is None
        assert relay.process.wait(timeout=PATIENCE) == 0
        assert relay.said.endswith("1 events relayed.\n")
        assert "Traceback" not in relay.said
    assert is_told(place, number)


def _is_pending(pid: int, number: int) -> bool:
    """Return whether a process has not taken a signal yet."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (mask,) = [line.split()[1] for line in status if line.startswith("ShdPnd")]
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_a_relay_goes_on_when_its_database_comes_back(place: Place) -> None:
    with place.running("relay", ready=SAID) as relay:
        announce(place, 100)
        until(lambda: is_told(place, 100))
        for n, stop in enumerate((place.database.stop, lambda: kill(place)), 1):
            stop()
            relay.says("the relay waits for the database", times=n)
            assert relay.process.poll() is None
            place.database.ensure()
            announce(place, 100 + n)
            until(lambda n=n: is_told(place, 100 + n), lambda: relay.said)  # type: ignore[misc]
            relay.says("the relay goes on", times=n)
        # Told once for each time, not once for each try.
        assert relay.said.count("the relay waits for the database") == 2
        assert "Traceback" not in relay.said
        assert relay.stop() == 0


def kill(place: Place) -> None:
    pid = place.database.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_what_the_database_refuses_ends_no_relay_and_is_told_later(
    place: Place,
) -> None:
    with place.running("relay", ready=SAID) as relay:
        with psycopg.connect(**place.database.dsn(), autocommit=True) as connection:
            connection.execute(
                "ALTER TABLE kernel_event ADD CONSTRAINT refused"
                " CHECK (data->>'n' <> '200')"
            )
            announce(place, 200)
            relay.says("the database refused what was to be relayed")
            assert not is_told(place, 200)
            connection.execute("ALTER TABLE kernel_event DROP CONSTRAINT refused")
        until(lambda: is_told(place, 200), lambda: relay.said)
        assert relay.stop() == 0


def test_of_two_relays_one_goes_on_when_the_other_is_killed(place: Place) -> None:
    with (
        place.running("relay", ready=SAID) as one,
        place.running("relay", ready=SAID) as two,
    ):
        announce(place, 300)
        until(lambda: is_told(place, 300))
        one.kill()
        announce(place, 301)
        until(lambda: is_told(place, 301))
        assert two.stop() == 0
    assert place.rows(TOLD).count(("test.happened", "300")) == 1
