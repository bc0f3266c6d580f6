"""`verify`: the ledger's ten invariants, looked at in one snapshot.

Set-based, in PostgreSQL, by state and sequence, never by the clock: the queries are
`sql/verify_*.sql`, each of which says what must hold and yields the rows that break
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from time import perf_counter
from uuid import UUID

import msgspec
from django.db import connections

from punchcard.kernel import sql
from punchcard.kernel.direct import direct_alias
from punchcard.ledger.rebuilding import (
    DERIVED,
    Asked,
    Cursor,
    Difference,
    compare,
    count,
    only,
    snapshot,
)

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

_COUNTED = ("account", "entry", "lot", "allocation", "hold", "refusal")

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
    asked = only(accounts)
    with snapshot(using) as cursor:
        rows = {table: count(cursor, table, asked) for table in _COUNTED}
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


def find_written(*, since: datetime, using: str = "default") -> list[UUID]:
    """Return the accounts for which something was recorded since an instant.

    A test program whose clock is behind records in the past, and is not among them.
    """
    cursor = sql.cursor(using=using)
    cursor.execute(
        "SELECT DISTINCT account_id FROM ledger_outbox WHERE recorded_at >= %s",
        (since,),
        prepare=True,
    )
    return [row[0] for row in cursor.fetchall()]


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


def _tasks(asked: Asked) -> SimpleQueue[tuple[int, Task]]:
    queries = {
        name: invariant.number for invariant in _INVARIANTS for name in invariant.files
    }
    tasks: SimpleQueue[tuple[int, Task]] = SimpleQueue()
    for name in dict.fromkeys((*_LONGEST_FIRST, *queries)):
        tasks.put((queries[name], _query(name, asked)))
    for table in DERIVED:
        tasks.put((10, _rebuilt_as_stored(table, asked)))
    return tasks


def _query(name: str, asked: Asked) -> Task:
    text = sql.load(_FILES / f"verify_{name}.sql")

    def run(cursor: Cursor) -> list[Breach]:
        cursor.execute(text, {**asked, "most": MOST}, prepare=False)
        return [Breach(*row) for row in cursor.fetchall()]

    return run


def _rebuilt_as_stored(table: str, asked: Asked) -> Task:
    def run(cursor: Cursor) -> list[Breach]:
        return [
            Breach(
                found.account,
                found.sequence,
                f"{table} {_number(found)}{found.column} is {found.stored}, "
                f"rebuilt {found.rebuilt}",
            )
            for found in compare(cursor, table, asked, most=MOST)
        ]

    return run


def _number(found: Difference) -> str:
    known = [str(part) for part in (found.sequence, found.n) if part is not None]
    return ".".join(known) + ": " if known else ""


def _work(cursor: Cursor, tasks: SimpleQueue[tuple[int, Task]]) -> list[Result]:
    results: list[Result] = []
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
    """Share the tasks with a thread whose own connection sees the same snapshot.

    It goes past a pooler: two who verify at once would each wait for a second session
    that the other has.
    """
    beside = direct_alias(using)
    (name,) = cursor.execute("SELECT pg_export_snapshot()").fetchone() or ("",)

    def second_lane() -> list[Result]:
        try:
            with snapshot(beside, shared=name) as own:
                return _work(own, tasks)
        finally:
            connections[beside].close()

    with ThreadPoolExecutor(max_workers=1) as pool:
        other = pool.submit(second_lane)
        return _work(cursor, tasks) + other.result()
