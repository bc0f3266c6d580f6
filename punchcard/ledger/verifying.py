"""`verify`: the ledger's ten invariants, looked at in one snapshot. And `rebuild`.

Set-based, in PostgreSQL, by state and sequence, never by the clock: the queries are
`sql/verify_*.sql`, each of which says what must hold and yields the rows that break
it. `rebuild` makes every derived column but `next_due_at` anew from immutable rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any, LiteralString, cast
from uuid import UUID

import msgspec
import psycopg
from django.db import connections
from psycopg import sql as composing

from punchcard.kernel import sql
from punchcard.kernel.transactions import transaction
from punchcard.ledger.reading import read_accounts

Cursor = psycopg.Cursor[tuple[Any, ...]]

MOST = 100
"""Breaches that one query reports; more of them say nothing new."""

TWO_LANES_FROM = 20_000
"""Entries from which a second connection, on the same snapshot, pays for itself."""

_FILES = Path(__file__).parent / "sql"

# ------------------------------------------------------------------------- reports


class Breach(msgspec.Struct, frozen=True):
    """A row that breaks an invariant; a guard that is missing has no account."""

    account: UUID | None
    sequence: int | None
    what: str


class Check(msgspec.Struct, frozen=True):
    """One invariant: rows of the tables that it read, and what breaks it."""

    number: int
    name: str
    rows: int
    seconds: float
    """The time of its queries; two connections may work at once."""
    breaches: list[Breach]


class Report(msgspec.Struct, frozen=True):
    """What `verify` looked at, and found."""

    entries: int
    accounts: int
    checks: list[Check]

    @property
    def clean(self) -> bool:
        """Whether every invariant holds."""
        return not any(check.breaches for check in self.checks)


class Difference(msgspec.Struct, frozen=True):
    """A derived column that does not say what the immutable rows say."""

    table: str
    account: UUID
    sequence: int | None
    n: int | None
    column: str
    stored: str | None
    rebuilt: str | None


class RebuildReport(msgspec.Struct, frozen=True):
    """What `rebuild` looked at, and where it differed (before the repair, if any)."""

    accounts: int
    lots: int
    holds: int
    differences: list[Difference]


# ------------------------------------------------------------------------- verify


class _Invariant(msgspec.Struct, frozen=True):
    number: int
    name: str
    files: tuple[str, ...]
    """Names of queries, `sql/verify_*.sql`."""
    tables: tuple[str, ...]
    """The tables whose rows they read."""


_INVARIANTS = (
    _Invariant(
        1,
        "cached numbers, chain, due times",
        ("01_accounts", "01_chain", "01_due"),
        ("account", "entry"),
    ),
    _Invariant(
        2,
        "lots and holds add up",
        ("02_lots", "02_holds"),
        ("account", "lot", "hold"),
    ),
    _Invariant(
        3,
        "what moved, moved through lots",
        ("03_lots", "03_entries", "03_deltas"),
        ("entry", "lot", "allocation"),
    ),
    _Invariant(
        4,
        "spends in spending order",
        ("04_spends", "04_order"),
        ("entry", "lot", "allocation"),
    ),
    _Invariant(5, "no spend below zero", ("05_balances",), ("entry",)),
    _Invariant(
        6,
        "once, and never more than there was",
        ("06_lapses", "06_undone"),
        ("entry", "lot", "allocation"),
    ),
    _Invariant(7, "one effect per key", ("07_keys",), ("entry", "refusal")),
    _Invariant(
        8,
        "nothing was changed",
        ("08_guards", "08_hashes", "08_activations"),
        ("entry", "lot", "allocation"),
    ),
    _Invariant(9, "transfers lose nothing", ("09_transfers",), ("entry",)),
    _Invariant(10, "rebuilt is as stored", (), ("account", "lot", "hold")),
)
_LONGEST_FIRST = ("08_hashes", "04_order", "03_entries", "04_spends", "01_chain")
"""Two lanes end together when the long queries come first."""

_COUNT: dict[str, LiteralString] = {
    "account": "SELECT count(*) FROM ledger_account "
    "WHERE %(accounts)s::uuid[] IS NULL OR id = ANY(%(accounts)s)",
} | {
    table: cast(
        "LiteralString",
        f"SELECT count(*) FROM ledger_{table} "
        "WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)",
    )
    for table in ("entry", "lot", "allocation", "hold", "refusal")
}

Task = Callable[[Cursor], list[Breach]]
Result = tuple[int, float, list[Breach]]
"""(number of the invariant, seconds, breaches)"""


def verify(*, accounts: Sequence[UUID] | None = None, using: str = "default") -> Report:
    """Check the ten invariants over the ledger, or over some accounts of it.

    Reads only, in one REPEATABLE READ snapshot of its own, so that it may run beside
    everything else. A big ledger is read through a second connection as well.

    Raises:
        TransactionError: a transaction is open.
        psycopg.OperationalError: the database went away.
    """
    asked = {"accounts": None if accounts is None else sql.Uuids(accounts)}
    with _snapshot(using) as cursor:
        rows = {table: _count(cursor, table, asked) for table in _COUNT}
        tasks = _tasks(asked)
        if rows["entry"] < TWO_LANES_FROM:
            results = _work(cursor, tasks)
        else:
            results = _work_in_two_lanes(cursor, tasks, using)
    return Report(
        entries=rows["entry"],
        accounts=rows["account"],
        checks=[_check(invariant, rows, results) for invariant in _INVARIANTS],
    )


def _check(
    invariant: _Invariant, rows: dict[str, int], results: Sequence[Result]
) -> Check:
    mine = [result for result in results if result[0] == invariant.number]
    return Check(
        number=invariant.number,
        name=invariant.name,
        rows=sum(rows[table] for table in invariant.tables),
        seconds=sum(seconds for _, seconds, _ in mine),
        breaches=[breach for _, _, breaches in mine for breach in breaches],
    )


def _tasks(asked: dict[str, Any]) -> SimpleQueue[tuple[int, Task]]:
    queries = {
        name: invariant.number for invariant in _INVARIANTS for name in invariant.files
    }
    tasks: SimpleQueue[tuple[int, Task]] = SimpleQueue()
    for name in (*_LONGEST_FIRST, *(queries.keys() - set(_LONGEST_FIRST))):
        tasks.put((queries[name], _query(name, asked)))
    for table in _DERIVED:
        tasks.put((10, _rebuilt_as_stored(table, asked)))
    return tasks


def _query(name: str, asked: dict[str, Any]) -> Task:
    text = sql.load(_FILES / f"verify_{name}.sql")

    def run(cursor: Cursor) -> list[Breach]:
        cursor.execute(text, {**asked, "most": MOST}, prepare=False)
        return [Breach(*row) for row in cursor]

    return run


def _rebuilt_as_stored(table: str, asked: dict[str, Any]) -> Task:
    def run(cursor: Cursor) -> list[Breach]:
        return [
            Breach(
                found.account,
                found.sequence,
                f"{table} {_number(found)}{found.column} is {found.stored}, "
                f"rebuilt {found.rebuilt}",
            )
            for found in _compare(cursor, table, asked, most=MOST)
        ]

    return run


def _number(found: Difference) -> str:
    known = [str(part) for part in (found.sequence, found.n) if part is not None]
    return ".".join(known) + ": " if known else ""


def _work(cursor: Cursor, tasks: SimpleQueue[tuple[int, Task]]) -> list[Result]:
    results = []
    while True:
        try:
            number, task = tasks.get_nowait()
        except Empty:
            return results
        begin = perf_counter()
        breaches = task(cursor)
        results.append((number, perf_counter() - begin, breaches))


def _work_in_two_lanes(
    cursor: Cursor, tasks: SimpleQueue[tuple[int, Task]], using: str
) -> list[Result]:
    """Share the tasks with a thread whose own connection sees the same snapshot."""
    (name,) = cursor.execute("SELECT pg_export_snapshot()").fetchone() or ("",)

    def second_lane() -> list[Result]:
        try:
            with _snapshot(using, shared=name) as own:
                return _work(own, tasks)
        finally:
            connections[using].close()

    with ThreadPoolExecutor(max_workers=1) as pool:
        other = pool.submit(second_lane)
        return _work(cursor, tasks) + other.result()


@contextmanager
def _snapshot(using: str, *, shared: str | None = None) -> Iterator[Cursor]:
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
                set_config('enable_nestloop', 'off', TRUE),
                set_config('enable_mergejoin', 'off', TRUE)
            """
        )
        yield cursor


def _count(cursor: Cursor, table: str, asked: dict[str, Any]) -> int:
    cursor.execute(_COUNT[table], asked, prepare=False)
    return sum(row[0] for row in cursor)


# ------------------------------------------------------------------------- rebuild

_DERIVED = {
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
        ),
    ),
    "lot": (("account_id", "sequence", "n"), ("remaining", "lapsed", "state", "open")),
    "hold": (("account_id", "sequence"), ("open", "resolved_by")),
}
"""table -> its key, and its columns that can be made anew (sql/rebuild_*.sql)"""


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
    asked = {"accounts": None if accounts is None else sql.Uuids(accounts)}
    with _snapshot(using) as cursor:
        looked_at = [_count(cursor, table, asked) for table in _DERIVED]
        differences = _compare_all(cursor, asked)
    if repair and differences:
        differences = _repair({found.account for found in differences}, using)
    return RebuildReport(*looked_at, differences)


def _repair(accounts: set[UUID], using: str) -> list[Difference]:
    asked = {"accounts": sql.Uuids(sorted(accounts))}
    with transaction(using=using):
        cursor = sql.cursor(using=using)
        read_accounts(cursor, accounts, lock=True)
        differences = _compare_all(cursor, asked)
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in _DERIVED:
            cursor.execute(_repair_text(table), asked, prepare=False)
    return differences


def _compare_all(cursor: Cursor, asked: dict[str, Any]) -> list[Difference]:
    return [found for table in _DERIVED for found in _compare(cursor, table, asked)]


def _compare(
    cursor: Cursor, table: str, asked: dict[str, Any], *, most: int | None = None
) -> list[Difference]:
    cursor.execute(_compare_text(table), {**asked, "most": most}, prepare=False)
    return [Difference(table, *row) for row in cursor]


def _compare_text(table: str) -> LiteralString:
    key, columns = _DERIVED[table]
    padding = ("t.account_id", "NULL::bigint", "NULL::integer")
    named = [f"t.{column}" for column in key]
    pairs = ", ".join(f"('{c}', t.{c}::text, r.{c}::text)" for c in columns)
    text = f"""
        WITH rebuilt AS ({_rebuilding(table)})
        SELECT {", ".join([*named, *padding[len(named) :]])}, v.name, v.stored, v.made
        FROM rebuilt r
        JOIN ledger_{table} t ON {_same_row(key)}
        CROSS JOIN LATERAL (VALUES {pairs}) AS v(name, stored, made)
        WHERE {_differs(columns)} AND v.stored IS DISTINCT FROM v.made
        ORDER BY {", ".join(named)}
        LIMIT %(most)s::bigint
    """
    return cast("LiteralString", text)


def _repair_text(table: str) -> LiteralString:
    key, columns = _DERIVED[table]
    text = f"""
        WITH rebuilt AS ({_rebuilding(table)})
        UPDATE ledger_{table} t
        SET {", ".join(f"{column} = r.{column}" for column in columns)}
        FROM rebuilt r
        WHERE {_same_row(key)} AND {_differs(columns)}
    """
    return cast("LiteralString", text)


def _rebuilding(table: str) -> str:
    return sql.load(_FILES / f"rebuild_{table}.sql")


def _same_row(key: Sequence[str]) -> str:
    return " AND ".join(f"t.{column} = r.{column}" for column in key)


def _differs(columns: Sequence[str]) -> str:
    stored = ", ".join(f"t.{column}" for column in columns)
    made = ", ".join(f"r.{column}" for column in columns)
    return f"({stored}) IS DISTINCT FROM ({made})"
