"""A sweep adds up what members hold, but not each time, and never too much of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from punchcard.journeys.settle_due_points import MEASURED_EVERY, settle_due_points
from punchcard.journeys.take_readings import OUTSTANDING, measure_outstanding
from punchcard.kernel import clock
from punchcard.kernel.readings import last_read
from punchcard.ledger.commands import Earn
from tests.builders import Ledger, rows

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def unread() -> Iterator[None]:
    """Nothing was read: the instants of these tests are nobody else's."""
    forgotten = "DELETE FROM kernel_reading WHERE name = %s RETURNING 1"
    rows(forgotten, (OUTSTANDING,))
    yield
    rows(forgotten, (OUTSTANDING,))


def points(ledger: Ledger) -> list[tuple[int, datetime]]:
    return rows(
        "SELECT value, read_at FROM kernel_reading WHERE subject LIKE %s",
        (f"{ledger.wallet} available",),
    )


def test_what_members_hold_is_added_up_when_that_is_old_enough(ledger: Ledger) -> None:
    account, now = ledger.account(), clock.read()
    measure_outstanding(now=now)
    ledger.one(Earn(account=account, points=5, key="1"))
    for later, told in ((SECOND, 0), (MEASURED_EVERY - SECOND, 0), (MEASURED_EVERY, 5)):
        settle_due_points(now=now + later, until=now)
        read_at = now + later if told else now
        assert points(ledger) == [(told, read_at)]
        assert last_read(name=OUTSTANDING) == read_at
    ledger.one(Earn(account=account, points=2, key="2"))
    at_once = now + MEASURED_EVERY
    settle_due_points(now=at_once, until=now, measured_every=timedelta())
    assert points(ledger) == [(7, at_once)]


def test_what_was_never_read_is_not_old() -> None:
    assert last_read(name="nobody's") is None
