"""What is counted is locked in one order, so that nobody waits in a circle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection, connections

from punchcard.access.operations.attempts import (
    Door,
    forgive_attempts,
    take_attempts,
)
from punchcard.kernel import clock
from punchcard.kernel.transactions import transaction
from tests.builders import rows

PERSON = Door(kind="password_email", value="anna@example.org", limit=5)
HALL = Door(kind="password_address", value="192.0.2.1", limit=50)


def take() -> None:
    with transaction():
        take_attempts(doors=[PERSON, HALL], now=clock.read())


def forgive_the_person() -> None:
    with transaction():
        forgive_attempts(clear=[PERSON], give_back=[HALL])


def forgive_the_hall() -> None:
    with transaction():
        forgive_attempts(clear=[HALL], give_back=[PERSON])


@pytest.mark.parametrize("work", [take, forgive_the_person, forgive_the_hall])
def test_who_waits_for_the_first_holds_no_other(work: Callable[[], None]) -> None:
    take()
    (first,), (second,) = rows(
        "SELECT subject FROM access_attempts ORDER BY subject LIMIT 2"
    )
    known = connection.settings_dict
    lock = "SELECT FROM access_attempts WHERE subject = %s FOR UPDATE"

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    with (
        psycopg.connect(
            host=known["HOST"],
            port=known["PORT"],
            user=known["USER"],
            password=known["PASSWORD"],
            dbname=known["NAME"],
        ) as other,
        ThreadPoolExecutor() as pool,
    ):
        other.execute(lock, (first,))
        waiting = pool.submit(run)
        wait_for_a_waiter()
        other.execute(f"{lock} NOWAIT", (second,))
        other.rollback()
        waiting.result(60)


def wait_for_a_waiter() -> None:
    for _ in range(6_000):
        if rows("SELECT FROM pg_locks WHERE NOT granted"):
            return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waited")


@pytest.fixture(autouse=True)
def nothing_is_counted(committing: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM access_attempts")
