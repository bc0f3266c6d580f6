"""`verify` costs what it reads, also while PostgreSQL takes an account for a small one.

Rows are counted, never time: what the executor's nodes put out and throw away.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from punchcard import ledger as room
from punchcard.kernel import sql
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Command, Earn, Redeem, Reserve
from tests.builders import Ledger, a_ledger, rows

FILES = Path(room.__file__).parent / "sql"
QUERIES = sorted(path.name for path in FILES.glob("verify_*.sql"))
ROUNDS = 400
ROWS_PER_ENTRY_MAX = 60
"""Of one node: sorting is n log n, a join of rows with rows would be n²."""
FORGETS_THE_GROWN = """
    UPDATE pg_statistic s SET stadistinct = -0.5,
        stakind1 = 0, stakind2 = 0, stakind3 = 0, stakind4 = 0, stakind5 = 0,
        stanumbers1 = NULL, stanumbers2 = NULL, stanumbers3 = NULL,
        stavalues1 = NULL, stavalues2 = NULL, stavalues3 = NULL
    FROM pg_class c, pg_attribute a
    WHERE c.oid = s.starelid AND a.attrelid = c.oid AND a.attnum = s.staattnum
        AND c.relname LIKE 'ledger\\_%' AND a.attname = 'account_id'
"""


@pytest.fixture(scope="module")
def grown(test_database: None, django_db_blocker: Any) -> tuple[Ledger, UUID]:
    """An account with a long history among many that have hardly any."""
    with django_db_blocker.unblock():
        book = a_ledger()
        account, *others = book.open(200)
        book.post(*(Earn(account=other, points=1, key="1") for other in others))
        for first in range(0, ROUNDS, 50):
            numbers = range(first, first + 50)
            book.post(*(c for n in numbers for c in a_round(account, n)))
        sql.cursor().execute(b"ANALYZE")
        return book, account


class Forget(Exception):
    """Ends a transaction whose work must not stay."""


def a_round(account: UUID, n: int) -> Iterator[Command]:
    yield Earn(account=account, points=30, key=f"e{n}", validity=f"P{n % 90 + 1}D")
    yield Earn(account=account, points=9, key=f"p{n}", pending="P1D")
    yield Redeem(account=account, points=10, key=f"r{n}")
    yield Reserve(account=account, points=5, key=f"h{n}")


@pytest.mark.parametrize("name", QUERIES)
def test_no_query_joins_rows_with_rows(name: str, grown: tuple[Ledger, UUID]) -> None:
    _, account = grown
    asked = {"accounts": sql.Uuids([account]), "most": 100}
    text = "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + (FILES / name).read_text()
    with pytest.raises(Forget), transaction():
        cursor = sql.cursor()
        cursor.execute(FORGETS_THE_GROWN.encode())
        assert cursor.rowcount
        cursor.execute(text.encode(), asked, prepare=False)
        ((plan,),) = cursor.fetchall()
        raise Forget
    (entries,) = rows(
        "SELECT count(*) FROM ledger_entry WHERE account_id = %s", [account]
    )[0]
    assert entries == 4 * ROUNDS
    widest = max(map(worked, nodes(plan[0]["Plan"])))
    assert widest <= ROWS_PER_ENTRY_MAX * entries, f"{widest / entries:.0f} an entry"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def worked(node: dict[str, Any]) -> float:
    """Return how many rows a node put out or threw away."""
    each = node["Actual Rows"] + sum(
        count for name, count in node.items() if name.startswith("Rows Removed")
    )
    return float(each * node["Actual Loops"])
