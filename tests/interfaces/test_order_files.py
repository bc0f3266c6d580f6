"""What an order file may look like, and what is said of what it may not."""

from __future__ import annotations

import gzip
import lzma
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from punchcard.interfaces.importing.columns import ORDERS
from punchcard.interfaces.importing.csv_files import BadFile, Row, open_csv
from punchcard.interfaces.importing.orders import Rules
from punchcard.journeys.import_orders import Order
from punchcard.kernel.job_files import Fault

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEADER = "external_id,occurred_at,member,amount_minor,currency"
GOOD = "o1,2025-01-01,anna,1099,USD"


def read(
    path: Path, currency: str | None = None, **mapping: str
) -> tuple[list[Row[Order]], list[Fault]]:
    faults: list[Fault] = []
    with open_csv(str(path), ORDERS, mapping) as file:
        rules = Rules(rate=Fraction(1), now=NOW, currency=currency)
        return list(file.rows(rules.read, faults.append)), faults


def write(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "orders.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("", "", None),
        ("o1,2025-13-01,anna,1,USD", "occurred_at", "no date or time"),
        ("o1,yesterday,anna,1,USD", "occurred_at", "no date or time"),
        ("o1,,anna,1,USD", "occurred_at", "no date or time"),
        ("o1,2026-01-02,anna,1,USD", "occurred_at", "later than now"),
        ("o1,0001-01-01T00:00+14:00,anna,1,USD", "occurred_at", "no date"),
        ("o1,1850-01-01,anna,1,USD", "occurred_at", "years 1900 to"),
        ("o1,2025-01-01,anna,1.5,USD", "amount_minor", "no whole number"),
        ("o1,2025-01-01,anna,1e3,USD", "amount_minor", "no whole number"),
        ("o1,2025-01-01,anna,abc,USD", "amount_minor", "no whole number"),
        ("o1,2025-01-01,anna,,USD", "amount_minor", "no whole number"),
        ("o1,2025-01-01,anna,\u0661,USD", "amount_minor", "no whole number"),
        ("o1,2025-01-01,anna,1000000000000001,USD", "amount_minor", "beyond"),
        (f"o1,2025-01-01,anna,{'9' * 9999},USD", "amount_minor", "beyond"),
        ("o1,2025-01-01,anna,-1000000000000001,USD", "amount_minor", "beyond"),
        ("o1,2025-01-01,anna,1,EUR", "currency", "another currency"),
        ("o1,2025-01-01,anna,1,XAU", "currency", "no currency"),
        ("o1,2025-01-01,anna,1,", "currency", "no currency"),
        (",2025-01-01,anna,1,USD", "external_id", "is empty"),
        (f"{'x' * 190},2025-01-01,anna,1,USD", "external_id", "longer than 189"),
        ("o\x00,2025-01-01,anna,1,USD", "external_id", "not printable"),
        ("o1,2025-01-01,,1,USD", "member", "is empty"),
        ("o1,2025-01-01, anna,1,USD", "member", "with a space"),
        (f"o1,2025-01-01,{'x' * 201},1,USD", "member", "longer than 200"),
        ("o1,2025-01-01,anna,1", "", "has 4 cells, the header has 5"),
        ("o1,2025-01-01,anna,1,USD,", "", "has 6 cells, the header has 5"),
        ('o1,2025-01-01,"an"na,1,USD', "", "no row of CSV"),
    ],
)
def test_a_broken_row_is_named_and_the_rest_goes_on(
    tmp_path: Path, line: str, column: str, reason: str | None
) -> None:
    path = write(tmp_path, "o0,2025-01-01,bo,100,USD", line, GOOD)
    rows, faults = read(path, currency="USD")
    assert [(row.line, row.item.external_id) for row in rows] == [(2, "o0"), (4, "o1")]
    if reason is None:
        assert not faults
    else:
        assert [(f.line, f.column) for f in faults] == [(3, column)]
        assert reason in faults[0].reason


@pytest.mark.parametrize(
    ("amount", "points"), [("99", 0), ("0", 0), ("-500", 0), ("100", 1), ("1099", 10)]
)
def test_whole_units_earn_and_less_is_no_error(
    tmp_path: Path, amount: str, points: int
) -> None:
    rows, faults = read(write(tmp_path, f"o1,2025-01-01,anna,{amount},USD"))
    assert not faults
    assert rows[0].item.points == points


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-01-31", datetime(2025, 1, 31, tzinfo=UTC)),
        ("2025-01-31 10:00:00", datetime(2025, 1, 31, 10, tzinfo=UTC)),
        ("2025-01-31T10:00:00Z", datetime(2025, 1, 31, 10, tzinfo=UTC)),
        ("2025-01-31T10:00:00+02:00", datetime(2025, 1, 31, 8, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_utc(
    tmp_path: Path, text: str, instant: datetime
) -> None:
    rows, _ = read(write(tmp_path, f"o1,{text},anna,1,USD"))
    assert rows[0].item.occurred_at == instant


def test_columns_are_mapped_in_any_order_and_extra_ones_ignored(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "x,USD,5,n,anna,2025-01-01",
        header="id,currency,amount_minor,note,who,ts",
    )
    rows, faults = read(path, external_id="id", occurred_at="ts", member="who")
    assert not faults
    assert (rows[0].item.external_id, rows[0].item.member) == ("x", "anna")


def test_a_fault_has_the_name_that_the_file_gives_the_column(tmp_path: Path) -> None:
    path = write(
        tmp_path, GOOD.replace("2025", "x"), header=HEADER.replace("occurred_at", "ts")
    )
    _, faults = read(path, occurred_at="ts")
    assert faults[0][:2] == (2, "ts")
    assert faults[0].value == "x-01-01"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_packed_files_are_known_by_their_first_bytes(
    tmp_path: Path, pack: object
) -> None:
    path = tmp_path / "orders"
    text = "\ufeff" + f"{HEADER}\r\n{GOOD}\r\n"
    path.write_bytes(pack(text.encode()))  # type: ignore[operator]
    rows, faults = read(path)
    assert (len(rows), faults) == (1, [])


def test_what_is_not_utf_8_spoils_its_row_only(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(
        f"{HEADER}\n{GOOD}\n".encode() + "o2,2025-01-01,José,1,USD\n".encode("latin-1")
    )
    rows, faults = read(path)
    assert len(rows) == 1
    assert (faults[0].line, faults[0].column) == (3, "member")


def test_a_row_over_several_lines_is_named_by_its_first(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'o1,2025-01-01,anna,1,USD,"a\nb"',
        "o2,x,anna,1,USD,c",
        header=HEADER + ",note",
    )
    rows, faults = read(path)
    assert (rows[0].line, faults[0].line) == (2, 4)


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is no CSV"),
        (HEADER.encode("utf-16"), "is no CSV"),
        (b"a,b,c\n1,2,3\n", "has no column `external_id`; it has: a, b, c"),
        ((HEADER + ",member\n").encode(), "the column `member` 2 times"),
        (
            gzip.compress(HEADER.encode() + b"\n" + b"x,y,z\n" * 9999)[:-9],
            "cannot be read",
        ),
        (
            lzma.compress((f"{HEADER}\n" + f"{GOOD}\n" * 9999).encode())[:-40],
            "cannot be read",
        ),
        (HEADER.encode() + b"\n" + b"x" * 1_000_001, "is longer than"),
    ],
)
def test_what_is_no_order_file_stops(
    tmp_path: Path, contents: bytes, sentence: str
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(contents)
    with pytest.raises(BadFile) as stopped:
        read(path)
    assert sentence in str(stopped.value)
    assert str(path) in str(stopped.value)


def test_a_file_that_is_not_there_stops(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="No such file"):
        read(tmp_path / "absent.csv")
    with pytest.raises(BadFile, match="Is a directory"):
        read(tmp_path)
