"""Rows of a file put into order, however many, with flat memory.

They are sorted by PostgreSQL, in a temporary table of a session of their own: that
spills to disk by itself, needs no room where the command runs, and finds an id that
stands twice in the same pass; sorted runs merged here would be a second sort and a
second place that can be full. They are read back through a cursor WITH HOLD, which
keeps the sorted rows and no snapshot: an open one would keep PostgreSQL from clearing
away the old versions of each account for as long as the import takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast

import msgspec
import psycopg
from django.db import connections
from psycopg import sql

from punchcard.interfaces.importing.csv_files import Row
from punchcard.kernel.direct import direct_alias

_TABLE = """
    CREATE TEMPORARY TABLE staged (file_line bigint, {columns})
"""
_COPY = "COPY staged (file_line, {names}) FROM STDIN"
_SORTED = """
    DECLARE sorted NO SCROLL CURSOR WITH HOLD FOR
    SELECT file_line, {names}, first_value(file_line) OVER same_id,
        row_number() OVER same_id,
        ({contents}) IS NOT DISTINCT FROM ({first_contents})
    FROM staged
    WINDOW same_id AS (PARTITION BY {identity} ORDER BY file_line)
    ORDER BY {order}, file_line
"""

Item = TypeVar("Item", bound=msgspec.Struct)


@dataclass(frozen=True)
class Shape(Generic[Item]):
    """How the items of one kind of file are staged."""

    kind: type[Item]
    columns: Mapping[str, str]
    """Each field of the item, in its order, and its type in PostgreSQL."""
    identity: tuple[str, ...]
    """What names an item, in SQL: of those with the same, the first line counts."""
    contents: tuple[str, ...]
    """Fields that the same item must have the same."""
    order: tuple[str, ...]
    """Fields that the items are sorted by, and then by line."""
    named_by: str
    """The field that a person knows an item by."""


class Staged(NamedTuple, Generic[Item]):
    """A row in order, and where the file has its like."""

    line: int
    item: Item
    first_line: int
    """The first line of the file with its identity."""
    nth: int
    """1: it is that first one."""
    is_same: bool
    """Whether it says what that first line says."""


class Staging(Generic[Item]):
    """A session with its temporary table."""

    def __init__(
        self, session: psycopg.Connection[tuple[Any, ...]], shape: Shape[Item]
    ) -> None:
        """Take a session of one's own, in autocommit."""
        self._session = session
        self._shape = shape
        columns = sql.SQL(", ").join(
            # Types are words of ours, as in `text COLLATE "C"`.
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(cast("Any", kind)))
            for name, kind in shape.columns.items()
        )
        session.execute(sql.SQL(_TABLE).format(columns=columns))

    def add(self, rows: Iterable[Row[Item]]) -> int:
        """Put rows in, all or none; return how many."""
        cursor = psycopg.Cursor(self._session)
        statement = sql.SQL(_COPY).format(names=_names(self._shape.columns))
        with cursor.copy(statement) as copy:
            for line, item in rows:
                copy.write_row((line, *msgspec.structs.astuple(item)))
        return cursor.rowcount

    def batches(self, size: int, *, after: int = 0) -> Iterator[list[Staged[Item]]]:
        """Yield the rows in order, `size` at a time, without the first `after`."""
        cursor = psycopg.Cursor(self._session)
        cursor.execute(self._sorted())
        cursor.execute(sql.SQL("MOVE {} FROM sorted").format(sql.Literal(after)))
        fetch = sql.SQL("FETCH {} FROM sorted").format(sql.Literal(size))
        while fetched := cursor.execute(fetch).fetchall():
            yield [
                Staged(line, self._item(values), first, nth, same)
                for line, *values, first, nth, same in fetched
            ]

    def _item(self, values: list[Any]) -> Item:
        return self._shape.kind(**dict(zip(self._shape.columns, values, strict=True)))

    def _sorted(self) -> sql.Composed:
        shape = self._shape
        first = sql.SQL(", ").join(
            sql.SQL("first_value({}) OVER same_id").format(sql.Identifier(name))
            for name in shape.contents
        )
        return sql.SQL(_SORTED).format(
            names=_names(shape.columns),
            contents=_names(shape.contents),
            first_contents=first,
            identity=sql.SQL(", ").join(
                sql.SQL(cast("Any", e)) for e in shape.identity
            ),
            order=_names(shape.order),
        )


@contextmanager
def staging(shape: Shape[Item]) -> Iterator[Staging[Item]]:
    """Open a session beside Django's, and close it with all that is staged.

    See Note [A pooler lends a session].
    """
    wrapper = connections.create_connection(direct_alias())
    wrapper.ensure_connection()
    session = cast("psycopg.Connection[tuple[Any, ...]]", wrapper.connection)
    try:
        yield Staging(session, shape)
    finally:
        wrapper.close()


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
