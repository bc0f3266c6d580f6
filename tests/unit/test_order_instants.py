"""When an order can have happened: not later than now, nor before calendars agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from punchcard.orders.contents import check_order
from punchcard.orders.errors import OrderMalformed
from tests.unit.orders import NOON, an_order, line

EAST = timezone(timedelta(hours=14))
GOOD = [datetime(1900, 1, 1, tzinfo=UTC), NOON, NOON.astimezone(EAST)]
WRONG = {
    datetime(1899, 12, 31, 23, 59, 59, tzinfo=UTC): "must not be before 1900",
    datetime(1900, 1, 1, 13, tzinfo=EAST): "must not be before 1900",
    datetime(1, 1, 1, tzinfo=EAST): "must not be before 1900",
    NOON + timedelta(microseconds=1): "must not be later than now",
    datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=14))): (
        "must not be later than now"
    ),
    datetime(2026, 3, 1): "must have a time zone",
}


@pytest.mark.parametrize("at", GOOD, ids=str)
def test_an_order_of_the_past_can_be_told(at: datetime) -> None:
    check_order(an_order(line("1x100"), occurred_at=at), now=NOON)


@pytest.mark.parametrize("at", WRONG, ids=str)
def test_another_instant_is_malformed(at: datetime) -> None:
    with pytest.raises(OrderMalformed, match=WRONG[at]) as refused:
        check_order(an_order(line("1x100"), occurred_at=at), now=NOON)
    assert refused.value.field == "occurred_at"
