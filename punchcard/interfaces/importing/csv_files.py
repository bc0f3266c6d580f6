"""CSV text (packed or not, or standard input) into rows, and faults with their place.

What a row means is the business of those who read it: `orders.py`, `balances.py` …
"""

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
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar, cast

from punchcard.interfaces.importing.columns import Columns
from punchcard.kernel.job_files import Fault

STANDARD_INPUT = "-"
LINE_MAX = 1_000_000
"""Characters; what has longer lines is no CSV, and would not fit in memory."""

_SHOWN_NAMES = 20
_SHOWN_VALUE = 200
_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\0"

Item = TypeVar("Item")


class Row(NamedTuple, Generic[Item]):
    """A good row, and the line where it begins."""

    line: int
    item: Item


class BadFile(Exception):
    """The file cannot be read to its end, or lacks a column; says which, and where."""

    code = "bad_file"


class BadCell(Exception):
    """One cell is not what it must be."""

    def __init__(self, column: str, reason: str) -> None:
        """Take our column and what is wrong."""
        super().__init__(reason)
        self.column = column
        self.reason = reason


@dataclass
class CsvFile:
    """An open file whose header is read and has every column that is needed."""

    name: str
    size: int | None
    """Bytes, packed as they are; None where nobody knows."""
    names: Mapping[str, str]
    """Our column → the file's name of it; an optional one that is absent is not in."""
    ignored: tuple[str, ...]
    """The file's other columns."""
    _raw: io.BufferedReader
    _lines: _Lines
    _width: int
    _places: Mapping[str, int | None]

    def position(self) -> int:
        """Return how many bytes of it are read, packed as they are."""
        return self._raw.tell() if self.size is not None else 0

    def rows(
        self, read: Callable[[list[str]], Item], on_fault: Callable[[Fault], None]
    ) -> Iterator[Row[Item]]:
        """Yield the good rows in the order of the file; report each broken one.

        `read` gets the cells in the order of our columns; those of an absent column
        are empty.

        Raises:
            BadFile: the rest of the file cannot be read.
        """
        reader = csv.reader(self._lines, strict=True)
        places = list(self._places.values())
        while True:
            line = self._lines.count + 1
            try:
                cells = next(reader)
                if not cells:
                    continue
                if len(cells) != self._width:
                    on_fault(self._misfit(line, cells))
                    continue
                ours = ["" if place is None else cells[place] for place in places]
                yield Row(line, read(ours))
            except StopIteration:
                return
            except csv.Error as error:
                on_fault(Fault(line, "", f"is no row of CSV: {error}", ""))
            except BadCell as bad:
                place = self._places[bad.column]
                value = "" if place is None else cells[place][:_SHOWN_VALUE]
                name = self.names.get(bad.column, bad.column)
                on_fault(Fault(line, name, bad.reason, value))

    def _misfit(self, line: int, cells: list[str]) -> Fault:
        reason = f"has {len(cells)} cells, the header has {self._width}"
        return Fault(line, "", reason, ",".join(cells)[:_SHOWN_VALUE])


@contextmanager
def open_csv(
    path: str, columns: Columns, mapping: Mapping[str, str]
) -> Iterator[CsvFile]:
    """Open a file (`-`: standard input) and read its header.

    gzip and xz are known by their first bytes, whatever the name. `mapping` says how
    the file names our columns; what it leaves out has our name there too.

    Raises:
        BadFile: it cannot be opened, is no CSV, or lacks a column.
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
                raise BadFile(f"{path}: {error.strerror or error}.") from None
            size = Path(path).stat().st_size if raw.seekable() else None
        yield read_csv(raw, columns, mapping, name=name, size=size)


def read_csv(
    raw: io.BufferedReader,
    columns: Columns,
    mapping: Mapping[str, str],
    *,
    name: str,
    size: int | None,
    remedy: str = "Say --map {}=<its name there>.",
) -> CsvFile:
    """Read the header of an open file; see `open_csv`.

    `remedy` says what to do where a column has another name, with a place for ours.

    Raises:
        BadFile: it is no CSV, or lacks a column.
    """
    lines = _Lines(name, _unpacked(raw))
    header = _read_header(lines, name)
    places: dict[str, int | None] = {}
    for ours in columns.all:
        theirs = mapping.get(ours, ours)
        place = _find(name, header, ours, theirs)
        if place is None and (ours in columns.required or ours in mapping):
            has = ", ".join(header[:_SHOWN_NAMES])[:_SHOWN_VALUE]
            raise BadFile(
                f"{name}, line 1: has no column {_named(ours, theirs)}; it has: {has}. "
                + remedy.format(ours)
            )
        places[ours] = place
    found = {ours: header[n] for ours, n in places.items() if n is not None}
    used = set(places.values())
    ignored = tuple(cell for n, cell in enumerate(header) if n not in used)
    return CsvFile(name, size, found, ignored, raw, lines, len(header), places)


def check_text(column: str, text: str, longest: int) -> None:
    """Refuse a text that is empty, too long, or not plain.

    Raises:
        BadCell: says which.
    """
    if not text:
        raise BadCell(column, "is empty")
    if len(text) > longest:
        raise BadCell(column, f"is longer than {longest} characters")
    if not text.isprintable():
        raise BadCell(column, "has characters that are not printable text in UTF-8")
    if text[0] == " " or text[-1] == " ":
        raise BadCell(column, "begins or ends with a space")


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
            raise BadFile(
                f"{self._name} cannot be read beyond line {self.count}: {said}. "
                "Nothing was imported."
            ) from None
        if not line:
            raise StopIteration
        self.count += 1
        if len(line) == LINE_MAX and line[-1] not in "\r\n":
            raise BadFile(
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
        raise BadFile(f"{name}, line 1: is no header of a CSV: {error}.") from None
    if not header:
        raise BadFile(f"{name} is empty: its first line must name the columns.")
    if not all(cell.isprintable() for cell in header):
        raise BadFile(f"{name} is no CSV: its first line is not text in UTF-8.")
    return header


def _find(name: str, header: list[str], ours: str, theirs: str) -> int | None:
    count = header.count(theirs)
    if count > 1:
        named = _named(ours, theirs)
        raise BadFile(f"{name}, line 1: has the column {named} {count} times.")
    return header.index(theirs) if count else None


def _named(ours: str, theirs: str) -> str:
    return f"`{theirs}`" + (f" (for {ours})" if ours != theirs else "")
