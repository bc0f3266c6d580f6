"""Order files: CSV text (packed or not, or standard input) into orders and faults."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, cast

from punchcard.interfaces.console.failures import Stop
from punchcard.interfaces.console.parser import ORDER_COLUMNS
from punchcard.interfaces.console.values import parse_amount, parse_instant
from punchcard.journeys.import_orders import Order
from punchcard.kernel.amounts import CurrencyUnknown, minor_per_unit, points_for

STANDARD_INPUT = "-"
LINE_MAX = 1_000_000
"""Characters; what has longer lines is no CSV, and would not fit in memory."""

EXTERNAL_ID_MAX = 189
"""Of an order: its key is `earn:order:<id>`, and a key has at most 200 characters."""

MEMBER_MAX = 200
POINTS_MAX = 10**15
_SHOWN_NAMES = 20
_SHOWN_VALUE = 200
_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\0"


class Fault(NamedTuple):
    """What is wrong with one row, and where."""

    line: int
    column: str
    reason: str
    value: str


class Row(NamedTuple):
    """A good row, and the line where it begins."""

    line: int
    order: Order


class BadCell(Exception):
    """One cell is not what it must be."""

    def __init__(self, column: int, reason: str) -> None:
        """Take our column's place and what is wrong."""
        super().__init__(reason)
        self.column = column
        self.reason = reason


@dataclass
class Rules:
    """What makes an order of a row."""

    rate: Fraction
    """Points per whole unit of currency."""
    now: datetime
    currency: str | None = None
    """The program's; None: there is no program yet, and the first row says."""
    shift: timedelta = timedelta(0)
    """Added to every instant (the demonstration ends today)."""


@dataclass
class OrderFile:
    """An open file whose header is read and has every column that is needed."""

    name: str
    size: int | None
    """Bytes, packed as they are; None where nobody knows."""
    names: tuple[str, ...]
    """The file's names of our columns, in the order of ours."""
    _raw: io.BufferedReader
    _lines: _Lines
    _width: int
    _places: tuple[int, ...]

    def position(self) -> int:
        """Return how many bytes of it are read, packed as they are."""
        return self._raw.tell() if self.size is not None else 0

    def rows(self, rules: Rules, on_fault: Callable[[Fault], None]) -> Iterator[Row]:
        """Yield the good rows in the order of the file; report each broken one.

        Raises:
            Stop: the rest of the file cannot be read.
        """
        reader = csv.reader(self._lines, strict=True)
        while True:
            line = self._lines.count + 1
            try:
                cells = next(reader)
                if not cells:
                    continue
                if len(cells) != self._width:
                    on_fault(self._misfit(line, cells))
                    continue
                yield Row(line, self._order(cells, rules))
            except StopIteration:
                return
            except csv.Error as error:
                on_fault(Fault(line, "", f"is no row of CSV: {error}", ""))
            except BadCell as bad:
                value = cells[self._places[bad.column]][:_SHOWN_VALUE]
                on_fault(Fault(line, self.names[bad.column], bad.reason, value))

    def _misfit(self, line: int, cells: list[str]) -> Fault:
        reason = f"has {len(cells)} cells, the header has {self._width}"
        return Fault(line, "", reason, ",".join(cells)[:_SHOWN_VALUE])

    def _order(self, cells: list[str], rules: Rules) -> Order:
        external_id, occurred, member, amount, currency = (
            cells[place] for place in self._places
        )
        _check_text(0, external_id, EXTERNAL_ID_MAX)
        try:
            occurred_at = parse_instant(occurred) + rules.shift
        except ValueError as error:
            raise BadCell(1, str(error)) from None
        if occurred_at > rules.now:
            raise BadCell(1, "is later than now")
        _check_text(2, member, MEMBER_MAX)
        try:
            amount_minor = parse_amount(amount)
        except ValueError as error:
            raise BadCell(3, str(error)) from None
        try:
            per_unit = minor_per_unit(currency=currency)
        except CurrencyUnknown:
            raise BadCell(4, "is no currency of ISO 4217, as in EUR") from None
        if rules.currency is None:
            rules.currency = currency
        elif currency != rules.currency:
            raise BadCell(4, f"is another currency: the program has {rules.currency}")
        points = points_for(
            amount_minor=amount_minor, minor_per_unit=per_unit, rate=rules.rate
        )
        if points > POINTS_MAX:
            raise BadCell(3, "would earn more than 10^15 points")
        return Order(
            external_id=external_id,
            occurred_at=occurred_at,
            member=member,
            amount_minor=amount_minor,
            points=points,
        )


@contextmanager
def open_orders(path: str, mapping: Mapping[str, str]) -> Iterator[OrderFile]:
    """Open a file (`-`: standard input) and read its header.

    gzip and xz are known by their first bytes, whatever the name. `mapping` says how
    the file names our columns; what it leaves out has our name there too.

    Raises:
        Stop: it cannot be opened, is no CSV, or lacks a column.
    """
    with ExitStack() as opened:
        if path == STANDARD_INPUT:
            name, size = "standard input", None
            raw = cast("io.BufferedReader", sys.stdin.buffer)
        else:
            name = path
            try:
                raw = opened.enter_context(Path(path).open("rb"))
            except OSError as error:
                raise Stop(f"{path}: {error.strerror or error}.") from None
            size = Path(path).stat().st_size if raw.seekable() else None
        lines = _Lines(name, _unpacked(raw))
        header = _read_header(lines, name)
        names = tuple(mapping.get(ours, ours) for ours in ORDER_COLUMNS)
        places = tuple(
            _find(name, header, *pair)
            for pair in zip(ORDER_COLUMNS, names, strict=True)
        )
        yield OrderFile(name, size, names, raw, lines, len(header), places)


class _Lines:
    """The lines of a text, none longer than a line may be; counts them."""

    def __init__(self, name: str, text: io.TextIOWrapper) -> None:
        self.count = 0
        self._name = name
        self._text = text

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(LINE_MAX)
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            said = str(error).rstrip(".")
            raise Stop(
                f"{self._name} cannot be read beyond line {self.count}: {said}. "
                "Nothing was imported."
            ) from None
        if not line:
            raise StopIteration
        self.count += 1
        if len(line) == LINE_MAX and line[-1] not in "\r\n":
            raise Stop(
                f"{self._name}, line {self.count}: is longer than {LINE_MAX:,} "
                "characters, so this is no CSV. Nothing was imported."
            )
        return line


def _unpacked(raw: io.BufferedReader) -> io.TextIOWrapper:
    first = raw.peek(len(_XZ))
    stream: io.BufferedReader | gzip.GzipFile | lzma.LZMAFile = raw
    if first.startswith(_GZIP):
        stream = gzip.GzipFile(fileobj=raw)
    elif first.startswith(_XZ):
        stream = lzma.LZMAFile(raw)  # noqa: SIM115 - open as long as the file is
    # What is not UTF-8 is kept as surrogates: it spoils its own row, not the file.
    return io.TextIOWrapper(
        stream, encoding="utf-8-sig", errors="surrogateescape", newline=""
    )


def _read_header(lines: _Lines, name: str) -> list[str]:
    try:
        header = next(csv.reader(lines, strict=True), [])
    except csv.Error as error:
        raise Stop(f"{name}, line 1: is no header of a CSV: {error}.") from None
    if not header:
        raise Stop(f"{name} is empty: its first line must name the columns.")
    if not all(cell.isprintable() for cell in header):
        raise Stop(f"{name} is no CSV: its first line is not text in UTF-8.")
    return header


def _find(name: str, header: list[str], ours: str, theirs: str) -> int:
    count = header.count(theirs)
    if count == 1:
        return header.index(theirs)
    named = f"`{theirs}`" + (f" (for {ours})" if ours != theirs else "")
    if count:
        raise Stop(f"{name}, line 1: has the column {named} {count} times.")
    has = ", ".join(header[:_SHOWN_NAMES])[:_SHOWN_VALUE]
    raise Stop(
        f"{name}, line 1: has no column {named}; it has: {has}. "
        f"Say --map {ours}=<its name there>."
    )


def _check_text(column: int, text: str, longest: int) -> None:
    if not text:
        raise BadCell(column, "is empty")
    if len(text) > longest:
        raise BadCell(column, f"is longer than {longest} characters")
    if not text.isprintable():
        raise BadCell(column, "has characters that are not printable text in UTF-8")
    if text[0] == " " or text[-1] == " ":
        raise BadCell(column, "begins or ends with a space")
