"""Orders put into order of time, however many, with flat memory.

They are sorted by PostgreSQL, in a temporary table of a session of their own: that
spills to disk by itself, needs no room where the command runs, and finds an id that
stands twice in the same pass; sorted runs merged here would be a second sort and a
second place that can be full. They are read back through a cursor WITH HOLD, which
keeps the sorted rows and no snapshot: an open one would keep PostgreSQL from clearing
away the old versions of each account for as long as the import takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import psycopg
from django.db import connections
from psycopg import sql

from punchcard.interfaces.console.order_files import Row
from punchcard.journeys.import_orders import Order

_TABLE = """
    CREATE TEMPORARY TABLE staged_order (
        line bigint, external_id text COLLATE "C", occurred_at timestamptz,
        member text COLLATE "C", amount_minor bigint, points bigint
    )
"""
_COPY = (
    "COPY staged_order (line, external_id, occurred_at, member, amount_minor, points)"
    " FROM STDIN"
)
_SORTED = """
    DECLARE sorted_order NO SCROLL CURSOR WITH HOLD FOR
    SELECT line, external_id, occurred_at, member, amount_minor, points,
        first_value(line) OVER of_id,
        (occurred_at, member, amount_minor) = (first_value(occurred_at) OVER of_id,
            first_value(member) OVER of_id, first_value(amount_minor) OVER of_id)
    FROM staged_order
    WINDOW of_id AS (PARTITION BY external_id ORDER BY line)
    ORDER BY occurred_at, line
"""


class Staged(NamedTuple):
    """A row in order of time, and the first line of the file with its id."""

    row: Row
    first_line: int
    is_same: bool
    """Whether it says what that first line says."""


class Staging:
    """A session with its temporary table."""

    def __init__(self, session: psycopg.Connection[tuple[Any, ...]]) -> None:
        """Take a session of one's own, in autocommit."""
        self._session = session
        session.execute(_TABLE)

    def add(self, rows: Iterable[Row]) -> int:
        """Put rows in, all or none; return how many."""
        cursor = psycopg.Cursor(self._session)
        with cursor.copy(_COPY) as copy:
            for line, order in rows:
                copy.write_row(
                    (
                        line,
                        order.external_id,
                        order.occurred_at,
                        order.member,
                        order.amount_minor,
                        order.points,
                    )
                )
        return cursor.rowcount

    def batches(self, size: int) -> Iterator[list[Staged]]:
        """Yield the rows in order of time, `size` at a time."""
        cursor = psycopg.Cursor(self._session)
        cursor.execute(_SORTED)
        fetch = sql.SQL("FETCH {} FROM sorted_order").format(sql.Literal(size))
        while fetched := cursor.execute(fetch).fetchall():
            yield [
                Staged(Row(line, _order(order)), first, same)
                for line, *order, first, same in fetched
            ]


@contextmanager
def staging() -> Iterator[Staging]:
    """Open a session beside Django's, and close it with all that is staged."""
    wrapper = connections.create_connection("default")
    wrapper.ensure_connection()
    try:
        yield Staging(cast("psycopg.Connection[tuple[Any, ...]]", wrapper.connection))
    finally:
        wrapper.close()


def _order(columns: list[Any]) -> Order:
    external_id, occurred_at, member, amount_minor, points = columns
    return Order(
        external_id=external_id,
        occurred_at=occurred_at,
        member=member,
        amount_minor=amount_minor,
        points=points,
    )
