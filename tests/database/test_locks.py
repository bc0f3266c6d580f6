"""One at a time across processes: who holds, who is turned away, who lets go."""

from __future__ import annotations

import subprocess
import sys
import time

import psycopg
import pytest
from django.db import connection

from punchcard.kernel.locks import holding
from punchcard.kernel.transactions import transaction
from tests.builders import rows

HOLD = """
import sys
import django
django.setup()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
from punchcard.kernel.locks import holding
with holding("shared") as held:
    print(held, flush=True)
    sys.stdin.read()
"""
PATIENCE_SECONDS = 60.0
HOLDERS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'punchcard lock'"


def test_a_name_is_held_once_and_free_again_after_the_block() -> None:
    with holding("a") as first, holding("a") as second, holding("b") as other:
        assert (first, second, other) == (True, False, True)
    with holding("a") as again:
        assert again


def test_whoever_was_turned_away_does_not_let_go_of_it() -> None:
    with holding("a"):
        with holding("a") as second:
            assert not second
        with holding("a") as third:
            assert not third


def test_so_many_places_are_held_and_no_more() -> None:
    with holding("a", places=2) as one, holding("a", places=2) as two:
        with holding("a", places=2) as three:
            assert (one, two, three) == (True, True, False)
    with holding("a", places=2) as again:
        assert again


def test_work_that_fails_lets_go_and_its_error_is_seen() -> None:
    with pytest.raises(ZeroDivisionError), holding("a") as held:
        assert held
        raise ZeroDivisionError
    with holding("a") as again:
        assert again


def wait_until_nobody_holds() -> None:
    """Wait: a server notices that a connection is gone when it looks."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while rows(HOLDERS):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_work_has_its_own_transactions_meanwhile() -> None:
    wait_until_nobody_holds()
    with holding("a") as held:
        assert held
        assert not connection.in_atomic_block
        with transaction():
            (ours,) = rows("SELECT pg_backend_pid()")
        assert ours not in rows(HOLDERS)
        # Nor does a long piece of work keep old rows from being cleared away.
        assert rows(HOLDERS)
        horizon = HOLDERS.replace("pid", "backend_xid, backend_xmin", 1)
        assert rows(horizon) == [(None, None)]
    wait_until_nobody_holds()


def test_a_process_that_is_killed_lets_go() -> None:
    name = connection.settings_dict["NAME"]
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(name)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    with holding("shared") as held:
        assert not held
    process.kill()
    process.communicate()
    wait_until_nobody_holds()
    with holding("shared") as held:
        assert held


def test_a_lock_whose_connection_is_cut_says_so_and_is_free() -> None:
    with pytest.raises(psycopg.OperationalError), holding("a") as held:
        assert held
        rows(HOLDERS.replace("pid", "pg_terminate_backend(pid)", 1))
    with holding("a") as again:
        assert again
