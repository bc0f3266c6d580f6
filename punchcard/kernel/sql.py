"""Raw SQL, fast: a plain psycopg cursor on Django's connection, and array parameters.

psycopg dumps a Python list element by element through its adapters. A ledger batch
sends some forty columns as arrays, so here each kind of array packs its binary
form directly (PostgreSQL's array_send layout).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from struct import Struct
from typing import Any, LiteralString, cast
from uuid import UUID

import msgspec
import psycopg
from django.db import connections
from psycopg import sql as composing
from psycopg.adapt import Dumper
from psycopg.pq import Format

from punchcard.kernel.calendar import microseconds
from punchcard.kernel.transactions import require_transaction, snapshot

_NAMED = re.compile(r"%\((\w+)\)s")
_NULL = b"\xff\xff\xff\xff"
_header = Struct(">iiIii").pack
_length = Struct(">i").pack
_int8 = Struct(">iq").pack


class Array:
    """A one-dimensional array parameter in PostgreSQL's binary form."""

    __slots__ = ("data",)
    element_oid = 0
    oid = 0

    def __init__(self, values: Sequence[Any]) -> None:
        packed = self.pack(values)
        head = _header(1, 1, self.element_oid, len(values), 1)
        if not values:
            head = Struct(">iiI").pack(0, 0, self.element_oid)
        self.data = head + b"".join(packed)

    def pack(self, values: Sequence[Any]) -> Iterable[bytes]:
        """Return each element with its length in front; null is length -1."""
        raise NotImplementedError


class Int8s(Array):
    """A `bigint[]` parameter."""

    __slots__ = ()
    element_oid, oid = 20, 1016

    def pack(self, values: Sequence[int | None]) -> Iterable[bytes]:
        return [_NULL if v is None else _int8(8, v) for v in values]


class Instants(Array):
    """A `timestamptz[]` parameter."""

    __slots__ = ()
    element_oid, oid = 1184, 1185

    def pack(self, values: Sequence[datetime | None]) -> Iterable[bytes]:
        return [_NULL if v is None else _int8(8, microseconds(v)) for v in values]


class Uuids(Array):
    """A `uuid[]` parameter."""

    __slots__ = ()
    element_oid, oid = 2950, 2951

    def pack(self, values: Sequence[UUID | None]) -> Iterable[bytes]:
        return [_NULL if v is None else b"\0\0\0\x10" + v.bytes for v in values]


class Byteas(Array):
    """A `bytea[]` parameter."""

    __slots__ = ()
    element_oid, oid = 17, 1001

    def pack(self, values: Sequence[bytes | None]) -> Iterable[bytes]:
        return [_NULL if v is None else _length(len(v)) + v for v in values]


class Texts(Array):
    """A `text[]` parameter."""

    __slots__ = ()
    element_oid, oid = 25, 1009

    def pack(self, values: Sequence[str | None]) -> Iterable[bytes]:
        return [
            _NULL if v is None else _length(len(data := v.encode())) + data
            for v in values
        ]


class Jsons(Array):
    """A `text[]` parameter of JSON, to be cast: structs, or what they are made of."""

    __slots__ = ()
    element_oid, oid = Texts.element_oid, Texts.oid

    def pack(self, values: Sequence[Any]) -> Iterable[bytes]:
        encode = msgspec.json.encode
        return [_length(len(data := encode(v))) + data for v in values]


class Booleans(Array):
    """A `boolean[]` parameter."""

    __slots__ = ()
    element_oid, oid = 16, 1000

    def pack(self, values: Sequence[bool]) -> Iterable[bytes]:
        return [b"\0\0\0\x01\x01" if v else b"\0\0\0\x01\x00" for v in values]


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return obj.data


def _dumper(kind: type[Array]) -> type[Dumper]:
    return type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": kind.oid})


_KINDS = (Int8s, Instants, Uuids, Byteas, Texts, Jsons, Booleans)
_DUMPERS = [(kind, _dumper(kind)) for kind in _KINDS]


def cursor(*, using: str = "default") -> psycopg.Cursor[tuple[Any, ...]]:
    """Return a psycopg cursor on Django's connection: binary, prepared, plain tuples.

    Raises:
        django.db.OperationalError: the database cannot be reached.
    """
    connection = connections[using]
    connection.ensure_connection()
    raw = cast("psycopg.Connection[tuple[Any, ...]]", connection.connection)
    made = psycopg.Cursor(raw)
    made.format = Format.BINARY
    for kind, dumper in _DUMPERS:
        made.adapters.register_dumper(kind, dumper)
    return made


@contextmanager
def one_moment(*, using: str = "default") -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """Give a cursor whose statements all read from one moment: a snapshot's.

    Without it each statement sees what was committed when it began, and an account is
    read together with lots that it had later. Inside an open transaction nothing is
    opened: who has one sees to its locks, or made it a snapshot.
    """
    if connections[using].in_atomic_block:
        yield cursor(using=using)
        return
    with snapshot(using=using):
        yield cursor(using=using)


def scan(
    name: str, query: composing.Composed, *, chunk: int
) -> Generator[list[tuple[Any, ...]], None, None]:
    """Yield the rows of a query in chunks; memory stays flat, the server has the rest.

    `name` is that of the cursor, of which the open transaction has one at a time.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    made = cursor()
    named = composing.Identifier(name)
    declare = composing.SQL("DECLARE {} NO SCROLL CURSOR FOR {}").format(named, query)
    made.execute(declare, prepare=False)
    fetch = composing.SQL("FETCH {} FROM {}").format(chunk, named)
    while rows := made.execute(fetch).fetchall():
        yield rows


def raw_cursor(
    cursor: psycopg.Cursor[tuple[Any, ...]],
) -> psycopg.RawCursor[tuple[Any, ...]]:
    """Return a cursor beside `cursor` that takes $1, $2 …, and so parses nothing.

    psycopg parses a statement of more than 4,096 characters, or of more than 50
    parameters, anew at each call.
    """
    made = psycopg.RawCursor(cursor.connection)
    made.format = Format.BINARY
    for kind, dumper in _DUMPERS:
        made.adapters.register_dumper(kind, dumper)
    return made


def run_numbered(
    statement: tuple[bytes, list[str]], parameters: Mapping[str, Any]
) -> psycopg.RawCursor[tuple[Any, ...]]:
    """Run a statement that was `numbered`, given its parameters by name.

    Raises:
        django.db.OperationalError: the database cannot be reached.
    """
    text, names = statement
    made = raw_cursor(cursor())
    made.execute(text, [parameters[name] for name in names], prepare=True)
    return made


def numbered(named: str) -> tuple[bytes, list[str]]:
    """Return a statement's text with $1, $2 … for %(names)s, and the names in order."""
    names = list(dict.fromkeys(_NAMED.findall(named)))
    places = {name: f"${place}" for place, name in enumerate(names, 1)}
    return _NAMED.sub(lambda found: places[found[1]], named).encode(), names


def load(path: Path) -> LiteralString:
    """Return the SQL text of a file that ships with the code."""
    return path.read_text(encoding="utf-8")
