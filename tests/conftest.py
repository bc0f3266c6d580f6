"""Fixtures that every kind of test shares.

Ledger tests commit for real: its rows cannot be deleted, so nothing is flushed, and
each test makes its own program. Afterwards `verify` must be clean.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker

from tests.builders import Ledger, a_ledger, relay_all, rows
from tests.worker.place import Place

COMMITTING = ("database", "races", "crash", "journeys", "interfaces")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that touch rows the database, without a wrapping transaction."""
    for item in items:
        if any(f"/tests/{kind}/" in str(item.path) for kind in COMMITTING):
            item.fixturenames.insert(0, "committing")  # type: ignore[attr-defined]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where CI runs, what was skipped was not shown: that is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and exitstatus == 0 and reporter.stats.get("skipped"):
        reporter.write_line("a test was skipped, and CI is set: that is a failure")
        session.exitstatus = 1


@pytest.fixture(scope="session")
def test_database(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Create the `test_` database, migrated; remove it at the end."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases=["default"])
        yield
        connections.close_all()
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def migrated() -> Iterator[Path]:
    """Give a home whose tables are there, and whose servers are stopped: to copy."""
    with tempfile.TemporaryDirectory(prefix="punchcard-migrated-") as folder:
        made = Place(Path(folder) / "home")
        made.run("migrate")
        made.database.stop()
        yield made.home


@pytest.fixture
def committing(
    test_database: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Allow the database; what is committed stays; `verify` must be clean after."""
    with django_db_blocker.unblock():
        started = rows("SELECT pg_current_xact_id()::text::bigint")[0][0]
        yield
        assert_clean(since=started)


def assert_clean(*, since: int = 0) -> None:
    """Fail, naming account and invariant, unless what was posted since verifies."""
    from punchcard.ledger.verifying import verify

    touched = rows(
        "SELECT DISTINCT account_id FROM ledger_outbox WHERE recorded_xid >= %s::xid8",
        (str(since),),
    )
    if not touched:
        return
    report = verify(accounts=[row[0] for row in touched])
    breaches = [
        (check.number, check.name, breach.account, breach.sequence, breach.what)
        for check in report.checks
        for breach in check.breaches
    ]
    assert not breaches, breaches[:10]


@pytest.fixture
def ledger() -> Ledger:
    """A wallet whose points are available at once and never expire."""
    return a_ledger()


@pytest.fixture
def nothing_waits(committing: None) -> None:
    """Let the event log hold all of before, so that what a test does is one batch.

    Of several accounts, where a batch ends decides which event comes first.
    """
    relay_all()
