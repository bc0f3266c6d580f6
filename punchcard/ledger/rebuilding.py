"""`rebuild`: every derived column but `next_due_at`, made anew from immutable rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql as composing

from punchcard.kernel import sql
from punchcard.kernel.transactions import transaction
from punchcard.ledger.reading import read_accounts

Cursor = psycopg.Cursor[tuple[Any, ...]]
Asked = dict[str, sql.Array | None]
"""The parameter of every query here: the accounts to look at; None is all."""

_FILES = Path(__file__).parent / "sql"

DERIVED = {
    "account": (
        ("id",),
        (
            "available",
            "pending",
            "reserved",
            "lifetime",
            "last_sequence",
            "effective_at",
            "hash",
            "active_at",
        ),
    ),
    "lot": (("account_id", "sequence", "n"), ("remaining", "lapsed", "state", "open")),
    "hold": (("account_id", "sequence"), ("open", "resolved_by")),
}
"""table -> its key, and its columns that can be made anew (sql/rebuild_*.sql)"""


class Difference(msgspec.Struct, frozen=True):
    """A derived column that does not say what the immutable rows say."""

    table: str
    account: UUID
    sequence: int | None
    n: int | None
    column: str
    stored: str | None
    rebuilt: str | None


class RebuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows `rebuild` looked at, and where they differed (before a repair)."""

    accounts: int
    lots: int
    holds: int
    differences: list[Difference]


def rebuild(
    *,
    accounts: Sequence[UUID] | None = None,
    repair: bool = False,
    using: str = "default",
) -> RebuildReport:
    """Make derived columns anew from immutable rows; report where they differ.

    With `repair` the rebuilt values are written, under the accounts' locks and with
    triggers off (some of them guard these very columns): the database role must be a
    superuser or have SET granted on `session_replication_role`. The immutable rows
    are not repaired: what `verify` finds in them stays.

    Raises:
        TransactionError: a transaction is open.
        psycopg.errors.InsufficientPrivilege: the role may not turn triggers off.
        psycopg.errors.CheckViolation: immutable rows are harmed: what they add up to
            cannot be stored. Nothing was written.
    """
    asked = only(accounts)
    with snapshot(using) as cursor:
        looked_at = {table: count(cursor, table, asked) for table in DERIVED}
        differences = _compare_all(cursor, asked)
    if repair and differences:
        differences = _repair({found.account for found in differences}, using)
    return RebuildReport(
        accounts=looked_at["account"],
        lots=looked_at["lot"],
        holds=looked_at["hold"],
        differences=differences,
    )


def _repair(accounts: set[UUID], using: str) -> list[Difference]:
    asked = only(sorted(accounts))
    with transaction(using=using):
        cursor = sql.cursor(using=using)
        read_accounts(cursor, accounts, lock=True)
        differences = _compare_all(cursor, asked)
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in DERIVED:
            cursor.execute(_repair_text(table), asked, prepare=False)
    return differences


def _compare_all(cursor: Cursor, asked: Asked) -> list[Difference]:
    return [found for table in DERIVED for found in compare(cursor, table, asked)]


def compare(
    cursor: Cursor, table: str, asked: Asked, *, most: int | None = None
) -> list[Difference]:
    """Return where a table's derived columns differ from the rebuilt ones."""
    parameters = {**asked, "most": most}
    cursor.execute(_compare_text(table), parameters, prepare=False)
    return [Difference(table, *row) for row in cursor.fetchall()]


def _compare_text(table: str) -> str:
    key, columns = DERIVED[table]
    padding = ("t.account_id", "NULL::bigint", "NULL::integer")
    named = [f"t.{column}" for column in key]
    pairs = ", ".join(f"('{c}', t.{c}::text, r.{c}::text)" for c in columns)
    return f"""
        WITH rebuilt AS ({_rebuilding(table)})
        SELECT {", ".join([*named, *padding[len(named) :]])}, v.name, v.stored, v.made
        FROM rebuilt r
        JOIN ledger_{table} t ON {_same_row(key)}
        CROSS JOIN LATERAL (VALUES {pairs}) AS v(name, stored, made)
        WHERE {_differs(columns)} AND v.stored IS DISTINCT FROM v.made
        ORDER BY {", ".join(named)}, v.name
        LIMIT %(most)s::bigint
    """


def _repair_text(table: str) -> str:
    key, columns = DERIVED[table]
    return f"""
        WITH rebuilt AS ({_rebuilding(table)})
        UPDATE ledger_{table} t
        SET {", ".join(f"{column} = r.{column}" for column in columns)}
        FROM rebuilt r
        WHERE {_same_row(key)} AND {_differs(columns)}
    """


def _rebuilding(table: str) -> str:
    return sql.load(_FILES / f"rebuild_{table}.sql")


def _same_row(key: Sequence[str]) -> str:
    same = [f"t.{column} = r.{column}" for column in key]
    # Said of both sides: a hash join takes no condition from one to the other.
    asked = f"(%(accounts)s::uuid[] IS NULL OR t.{key[0]} = ANY(%(accounts)s))"
    return " AND ".join([*same, asked])


def _differs(columns: Sequence[str]) -> str:
    stored = ", ".join(f"t.{column}" for column in columns)
    made = ", ".join(f"r.{column}" for column in columns)
    return f"({stored}) IS DISTINCT FROM ({made})"


# ------------------------------------------------------------------------- reading


def only(accounts: Sequence[UUID] | None) -> Asked:
    """Return the parameter that restricts a query to some accounts."""
    return {"accounts": None if accounts is None else sql.Uuids(accounts)}


def count(cursor: Cursor, table: str, asked: Asked) -> int:
    """Return how many rows of a table belong to the accounts asked for."""
    column = "id" if table == "account" else "account_id"
    text = f"""
        SELECT count(*) FROM ledger_{table}
        WHERE %(accounts)s::uuid[] IS NULL OR {column} = ANY(%(accounts)s)
    """
    cursor.execute(text, asked, prepare=False)
    return sum(row[0] for row in cursor.fetchall())


@contextmanager
def snapshot(using: str, *, shared: str | None = None) -> Iterator[Cursor]:
    """Open a read-only transaction that sees one moment: now, or a shared one.

    Hash joins only: they use every column of a condition. The others may compare each
    row of an account with each, which no estimate warns of when one account is huge.

    Raises:
        TransactionError: a transaction is open.
    """
    with transaction(using=using):
        cursor = sql.cursor(using=using)
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if shared is not None:
            name = composing.Literal(shared)
            cursor.execute(composing.SQL("SET TRANSACTION SNAPSHOT {}").format(name))
        cursor.execute(
            """
            SELECT set_config('work_mem', '256MB', TRUE),
                set_config('jit', 'off', TRUE),
                set_config('plan_cache_mode', 'force_custom_plan', TRUE),
                set_config('enable_nestloop', 'off', TRUE),
                set_config('enable_mergejoin', 'off', TRUE)
            """
        )
        yield cursor
