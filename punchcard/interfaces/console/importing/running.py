"""A file into a program: read whole, put in order, posted batch by batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from punchcard.interfaces.console.failures import Stop, explain, is_lost
from punchcard.interfaces.console.importing.csv_files import CsvFile, Fault, Row
from punchcard.interfaces.console.importing.error_file import ErrorFile
from punchcard.interfaces.console.importing.staging import (
    Shape,
    Staged,
    Staging,
    staging,
)
from punchcard.interfaces.console.progress import Advance, progress
from punchcard.interfaces.console.values import show_instant
from punchcard.ledger.errors import REFUSALS

BATCH = 2_048
"""Rows of one transaction."""

SOME_BROKEN = 3
"""Exit code: some rows are in the error file."""

_READ_BETWEEN_LOOKS = 4_096

Item = TypeVar("Item", bound=msgspec.Struct)


@dataclass
class Tally:
    """What became of the rows of a file."""

    applied: int = 0
    known: int = 0
    nothing: int = 0
    """Rows that say nothing which could be applied."""
    broken: int = 0
    members: int = 0
    """Members that were not there before."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.applied + self.known + self.nothing + self.broken

    @property
    def changed(self) -> bool:
        """Whether anything is there that was not before."""
        return bool(self.applied or self.members)


@dataclass
class FileImport(ABC, Generic[Item]):
    """One import: read the whole file first, so that a bad end stops it in time."""

    shape: ClassVar[Shape[Any]]

    file: CsvFile
    errors: ErrorFile
    tally: Tally = field(default_factory=Tally, init=False)

    @abstractmethod
    def read(self, cells: list[str]) -> Item:
        """Return what a row says.

        Raises:
            BadCell: one cell is not what it must be.
        """

    def begin(self) -> None:
        """Get ready; called when the file is read, if it has a good row."""

    @abstractmethod
    def post(self, batch: list[Staged[Item]]) -> None:
        """Write a batch in one transaction, and tally its rows."""

    def run(self) -> Tally:
        """Import; return what became of the rows.

        Raises:
            Stop: the file, the error file or the database failed; says what is done.
        """
        try:
            with staging(self.shape) as stage:
                count = self._read(stage)
                if count:
                    self.begin()
                    self._post(stage, count)
            self.errors.finish()
        except Exception as error:
            if not is_lost(error):
                raise
            raise Stop(f"{explain(error)} {self._so_far()}") from error
        finally:
            self.errors.close()
        self.tally.broken = self.errors.count
        return self.tally

    def first_of_their_id(self, batch: list[Staged[Item]]) -> list[Staged[Item]]:
        """Return the rows whose identity the file has not had; tally the others."""
        firsts = []
        for staged in batch:
            if staged.nth == 1:
                firsts.append(staged)
            elif staged.is_same:
                self.tally.known += 1
            else:
                reason = f"stands in line {staged.first_line} with other contents"
                self.refuse(staged, self.shape.named_by, reason)
        return firsts

    def refuse(self, staged: Staged[Item], column: str, reason: str) -> None:
        """Put a row into the error file; `column` is ours."""
        value = getattr(staged.item, column, "")
        if value is None or isinstance(value, datetime):
            value = show_instant(value)
        name = self.file.names.get(column, column)
        self.errors.add(Fault(staged.line, name, reason, str(value)))

    def _so_far(self) -> str:
        done = self.tally.applied + self.tally.known + self.tally.nothing
        if not done:
            return "Nothing was imported."
        return (
            f"{done:,} rows are imported, each of them whole; run the same command "
            "again to complete it."
        )

    def _read(self, stage: Staging[Item]) -> int:
        """Put the good rows aside; return how many there are."""
        with progress("Reading", self.file.size, "bytes") as advance:
            return stage.add(self._watched(advance))

    def _watched(self, advance: Advance) -> Iterator[Row[Item]]:
        for number, row in enumerate(self.file.rows(self.read, self.errors.add), 1):
            if not number % _READ_BETWEEN_LOOKS:
                advance(self.file.position())
            yield row
        advance(self.file.position())
        self.errors.flush()

    def _post(self, stage: Staging[Item], count: int) -> None:
        done = 0
        with progress("Importing", count, "rows") as advance:
            for batch in stage.batches(BATCH):
                self.post(batch)
                # The reasons stand in the file before the next batch is begun.
                self.errors.flush()
                done += len(batch)
                advance(done)


def explain_refusal(
    code: str, details: Mapping[str, Any], columns: Mapping[str, str]
) -> tuple[str, str]:
    """Return our column and a sentence for what the ledger refuses.

    `columns` says which column a field of the command came from, and for a code which
    column it is about; what it does not say is about the member.
    """
    if code == "key_reused":
        return columns[code], "is known already, with other contents or other terms"
    if "field" in details and "reason" in details:
        name = str(details["field"])
        return columns.get(name, name), str(details["reason"])
    if code in REFUSALS:
        return columns.get(code, "member"), REFUSALS[code].rstrip(".").lower()
    return "", "was refused by the database; its log says why"
