"""All that a member bought, gave back and did, chunk by chunk.

Memory stays flat, however much it is. Called in one snapshot, all of it is of one
moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import LiteralString, Protocol, TypeVar
from uuid import UUID

from punchcard.orders.order import ActivityView, OrderView, ReturnView
from punchcard.orders.queries import (
    ActivityFilters,
    Filters,
    list_activities,
    list_orders,
)
from punchcard.orders.reading import RETURN, read_returns

CHUNK = 100
"""An order may have a thousand lines."""


class _Identified(Protocol):
    @property
    def id(self) -> UUID: ...


Row = TypeVar("Row", bound=_Identified)


def each_order(*, program: UUID, member: UUID) -> Iterator[OrderView]:
    """Yield all orders of a member, in the order of recording."""
    filters = Filters(member=member)
    return _each(
        lambda after: list_orders(
            program=program,
            limit=CHUNK,
            after=after,
            newest_first=False,
            filters=filters,
        )
    )


def each_return(*, program: UUID, member: UUID) -> Iterator[ReturnView]:
    """Yield all returns of a member's orders, order by order as they came."""
    statement: LiteralString = (
        RETURN
        + """
        WHERE program_id = %(program)s AND order_id IN (
            SELECT id FROM orders_order WHERE program_id = %(program)s
                AND member_id = %(member)s AND returns > 0)
        AND (order_id, n) > (%(order)s, %(n)s) ORDER BY order_id, n LIMIT %(limit)s
        """
    )
    order, n = UUID(int=0), 0
    while True:
        asked = {"program": program, "member": member, "order": order, "n": n}
        found = read_returns(statement=statement, parameters=asked | {"limit": CHUNK})
        chunk = list(found.values())
        yield from chunk
        if len(chunk) < CHUNK:
            return
        order, n = chunk[-1].order, chunk[-1].n


def each_activity(*, program: UUID, member: UUID) -> Iterator[ActivityView]:
    """Yield all activities of a member, in the order of recording."""
    filters = ActivityFilters(member=member)
    return _each(
        lambda after: list_activities(
            program=program,
            limit=CHUNK,
            after=after,
            newest_first=False,
            filters=filters,
        )
    )


def _each(read: Callable[[UUID | None], Sequence[Row]]) -> Iterator[Row]:
    after: UUID | None = None
    while True:
        chunk = read(after)
        yield from chunk
        if len(chunk) < CHUNK:
            return
        after = chunk[-1].id
