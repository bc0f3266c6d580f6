"""What a file of returns may look like, and what is said of what it may not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from punchcard.interfaces.importing.columns import RETURNS
from punchcard.interfaces.importing.csv_files import BadFile, Row, open_csv
from punchcard.interfaces.importing.returns import Rules
from punchcard.journeys.import_returns import Brought
from punchcard.kernel.job_files import Fault

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEADER = "external_id,order,occurred_at,line,quantity,amount"
GOOD = "R1,1001,2025-12-24,1,2,"


def read(path: Path, **mapping: str) -> tuple[list[Row[Brought]], list[Fault]]:
    faults: list[Fault] = []
    with open_csv(str(path), RETURNS, mapping) as file:
        return list(file.rows(Rules(now=NOW).read, faults.append)), faults


def write(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "returns.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (",1001,2025-12-24,1,2,", "external_id", "is empty"),
        (f"{'x' * 201},1001,2025-12-24,1,2,", "external_id", "longer than 200"),
        ("R\x00,1001,2025-12-24,1,2,", "external_id", "not printable"),
        ("R1,,2025-12-24,1,2,", "order", "is empty"),
        (f"R1,{'x' * 201},2025-12-24,1,2,", "order", "longer than 200"),
        ("R1, 1001,2025-12-24,1,2,", "order", "with a space"),
        ("R1,1001,24.12.2025,1,2,", "occurred_at", "no date or time"),
        ("R1,1001,,1,2,", "occurred_at", "no date or time"),
        ("R1,1001,2026-01-02,1,2,", "occurred_at", "later than now"),
        ("R1,1001,2025-12-24,0,2,", "line", "1 at least"),
        ("R1,1001,2025-12-24,one,2,", "line", "no whole number"),
        ("R1,1001,2025-12-24,1,0,", "quantity", "1 at least"),
        ("R1,1001,2025-12-24,1,-1,", "quantity", "1 at least"),
        ("R1,1001,2025-12-24,1,1.5,", "quantity", "no whole number"),
        ("R1,1001,2025-12-24,1,,0", "amount", "1 at least"),
        ("R1,1001,2025-12-24,1,,-500", "amount", "1 at least"),
        (f"R1,1001,2025-12-24,1,,{10**15 + 1}", "amount", "beyond 10^15"),
        ("R1,1001,2025-12-24,1,2,500", "amount", "say one of them"),
        ("R1,1001,2025-12-24,1,,", "quantity", "so is the amount of the line"),
        ("R1,1001,2025-12-24,1,2", "", "has 5 cells, the header has 6"),
    ],
)
def test_a_broken_row_is_named_and_the_rest_goes_on(
    tmp_path: Path, line: str, column: str, reason: str
) -> None:
    rows, faults = read(write(tmp_path, GOOD, line, GOOD))
    assert [row.line for row in rows] == [2, 4]
    assert [(fault.line, fault.column) for fault in faults] == [(3, column)]
    assert reason in faults[0].reason


def test_what_a_row_says_is_read(tmp_path: Path) -> None:
    header = "external_id,order,occurred_at,amount"
    rows, faults = read(
        write(tmp_path, "R1,1001,2025-12-24,500", "R2,1001,2025-12-25,", header=header)
    )
    assert not faults
    about = {"order": "1001", "line": None, "quantity": None}
    assert [row.item for row in rows] == [
        Brought(
            external_id="R1",
            occurred_at=datetime(2025, 12, 24, tzinfo=UTC),
            amount=500,
            **about,
        ),
        # All that is left.
        Brought(
            external_id="R2",
            occurred_at=datetime(2025, 12, 25, tzinfo=UTC),
            amount=None,
            **about,
        ),
    ]
    (row,), _ = read(write(tmp_path, GOOD))
    assert (row.item.line, row.item.quantity, row.item.amount) == (1, 2, None)


def test_a_column_that_is_needed_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="has no column `order`"):
        read(write(tmp_path, "R1,2025-12-24", header="external_id,occurred_at"))
    with pytest.raises(BadFile, match=r"has no column `pieces` \(for quantity\)"):
        read(write(tmp_path, GOOD), quantity="pieces")
