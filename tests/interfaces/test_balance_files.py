"""What a balance file may look like, and what is said of what it may not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from punchcard.interfaces.importing.balances import BalanceRow, Rules
from punchcard.interfaces.importing.columns import BALANCES
from punchcard.interfaces.importing.csv_files import BadFile, Row, open_csv
from punchcard.kernel.job_files import Fault

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEADER = "member,points,expires_at,lot,wallet,source,reason,available_at"
GOOD = "anna,100,2027-01-01,L1,,,,"


def read(
    path: Path, **mapping: str
) -> tuple[list[Row[BalanceRow]], list[Fault], tuple[str, ...]]:
    faults: list[Fault] = []
    rules = Rules(
        program="shop",
        wallets=frozenset({"points", "miles"}),
        wallet="points",
        reason="Opening balance",
        at=NOW,
    )
    with open_csv(str(path), BALANCES, mapping) as file:
        return list(file.rows(rules.read, faults.append)), faults, file.ignored


def write(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "balances.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (",100,,L1,,,,", "member", "is empty"),
        (" anna,100,,L1,,,,", "member", "with a space"),
        (f"{'x' * 201},100,,L1,,,,", "member", "longer than 200"),
        ("anna,,,L1,,,,", "points", "no whole number"),
        ("anna,1.5,,L1,,,,", "points", "no whole number"),
        ("anna,1 000,,L1,,,,", "points", "no whole number"),
        ("anna,1000000000000001,,L1,,,,", "points", "beyond"),
        ("anna,-1000000000000001,,L1,,,,", "points", "beyond"),
        ("anna,100,31.12.2026,L1,,,,", "expires_at", "no date or time"),
        ("anna,100,never,L1,,,,", "expires_at", "no date or time"),
        ("anna,-100,2027-01-01,L1,,,,", "expires_at", "points below zero"),
        (f"anna,100,,{'x' * 189},,,,", "lot", "longer than 188"),
        ("anna,100,,L\x00,,,,", "lot", "not printable"),
        ("anna,100,,L1,gold,,,", "wallet", "of `shop`, which has: miles, points"),
        (f"anna,100,,L1,,{'x' * 41},,", "source", "longer than 40"),
        (f"anna,100,,L1,,,{'x' * 2001},", "reason", "longer than 2000"),
        ("anna,100,,L1,,,a\x00b,", "reason", "not printable"),
        ("anna,100,,L1,,,,2026-01-02", "available_at", "still to come"),
        ("anna,100,,L1,,,,soon", "available_at", "no date or time"),
        ("anna,100,,L1", "", "has 4 cells, the header has 8"),
    ],
)
def test_a_broken_row_is_named_and_the_rest_goes_on(
    tmp_path: Path, line: str, column: str, reason: str
) -> None:
    rows, faults, _ = read(write(tmp_path, "bo,1,,,,,,", line, GOOD))
    assert [(row.line, row.item.member) for row in rows] == [(2, "bo"), (4, "anna")]
    assert [(fault.line, fault.column) for fault in faults] == [(3, column)]
    assert reason in faults[0].reason


def test_what_a_row_leaves_out_is_as_the_command_says(tmp_path: Path) -> None:
    lines = ("anna,100,,,,,,", "bo,-5,,L1,miles,topup,From the till,2026-01-01")
    rows, faults, _ = read(write(tmp_path, *lines))
    assert not faults
    plain, said = (row.item for row in rows)
    assert (plain.wallet, plain.source, plain.reason, plain.expires_at) == (
        "points",
        "admin",
        "Opening balance",
        None,
    )
    assert (said.points, said.lot, said.wallet, said.source, said.reason) == (
        -5,
        "L1",
        "miles",
        "topup",
        "From the till",
    )


def test_columns_may_be_absent_but_not_the_expiry(tmp_path: Path) -> None:
    rows, faults, ignored = read(
        write(tmp_path, "anna,5,,x", header="member,points,expires_at,note")
    )
    assert (len(rows), faults, ignored) == (1, [], ("note",))
    with pytest.raises(BadFile, match="has no column `expires_at`"):
        read(write(tmp_path, "anna,5,2027-01-01", header="member,points,expiry"))


def test_a_mapped_column_must_be_there(tmp_path: Path) -> None:
    header = "who,points,expires_at,id"
    path = write(tmp_path, "anna,5,,7", header=header)
    rows, _, ignored = read(path, member="who", lot="id")
    assert (rows[0].item.member, rows[0].item.lot, ignored) == ("anna", "7", ())
    with pytest.raises(BadFile, match=r"no column `bucket` \(for lot\)"):
        read(path, member="who", lot="bucket")
