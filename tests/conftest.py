"""Fixtures that every kind of test shares.

Ledger tests commit for real: its rows cannot be deleted, so nothing is flushed, and
each test makes its own program. Afterwards `verify` must be clean.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders import Ledger, a_ledger

COMMITTING = ("database", "races", "crash", "journeys", "interfaces")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test that touches rows the database, without a wrapping transaction."""
    for item in items:
        if any(f"/tests/{kind}/" in str(item.path) for kind in COMMITTING):
            item.fixturenames.insert(0, "committing")  # type: ignore[attr-defined]


@pytest.fixture
def committing(
    django_db_setup: None,  # noqa: ARG001
    django_db_blocker: pytest.FixtureRequest,
    request: pytest.FixtureRequest,
) -> Iterator[None]:
    """Allow the database; what is committed stays; `verify` must be clean after."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        yield
        if request.node.get_closest_marker("harmed") is None:
            assert_clean()


def assert_clean() -> None:
    """Fail, naming account and invariant, unless the whole ledger verifies."""
    from punchcard.ledger.verifying import verify

    report = verify()
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
