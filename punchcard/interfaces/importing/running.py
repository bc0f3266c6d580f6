"""A file into a program: read whole, put in order, posted batch by batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

import msgspec

from punchcard.interfaces.importing.csv_files import CsvFile, Row
from punchcard.interfaces.importing.staging import Shape, Staged, staging
from punchcard.interfaces.importing.tally import Tally
from punchcard.interfaces.values import show_instant
from punchcard.kernel.job_files import Fault
from punchcard.ledger.errors import REFUSALS

BATCH = 2_048
"""Rows of one transaction."""

_READ_BETWEEN_LOOKS = 4_096

Item = TypeVar("Item", bound=msgspec.Struct)


@dataclass
class Batch:
    """What became of a batch of rows."""

    rows: int = 0
    tally: Tally = field(default_factory=Tally)
    faults: list[Fault] = field(default_factory=list)

    def __add__(self, other: Batch) -> Batch:
        """Return both."""
        return Batch(
            self.rows + other.rows,
            self.tally + other.tally,
            self.faults + other.faults,
        )


Keep: TypeAlias = Callable[[Batch], None]
"""Called in the transaction of a batch; again, where its COMMIT was lost."""


class Follower(ABC):
    """Who is told how an import goes on."""

    @abstractmethod
    def fault(self, fault: Fault) -> None:
        """Take note of a row that says nothing good; the file is being read."""

    @abstractmethod
    def reading(self, position: int) -> None:
        """Take note of how many bytes are read, packed as they are."""

    @abstractmethod
    def posting(self, count: int) -> int:
        """Take note that so many good rows are read; return how many are done."""

    @abstractmethod
    def keep(self, batch: Batch) -> None:
        """Write what must stand there with the batch: in its transaction."""

    @abstractmethod
    def posted(self, batch: Batch) -> None:
        """Take note that a batch is committed."""


@dataclass
class FileImport(ABC, Generic[Item]):
    """One import: read the whole file first, so that a bad end stops it in time."""

    shape: ClassVar[Shape[Any]]

    file: CsvFile

    @abstractmethod
    def read(self, cells: list[str]) -> Item:
        """Return what a row says.

        Raises:
            BadCell: one cell is not what it must be.
        """

    def begin(self) -> None:
        """Get ready; called when the file is read, if it has a good row."""

    @abstractmethod
    def post(self, rows: list[Staged[Item]], keep: Keep) -> Batch:
        """Write rows in one transaction, in which `keep` is called with what came."""

    def run(self, follower: Follower) -> None:
        """Import; the same file comes in the same batches, however often.

        Raises:
            BadFile: the file cannot be read to its end; nothing was imported.
            OperationalError: (Django's or psycopg's) the database was lost; the batches
                that were posted are, each of them whole.
        """
        with staging(self.shape) as stage:
            count = stage.add(self._watched(follower))
            done = follower.posting(count)
            if not count:
                return
            self.begin()
            for rows in stage.batches(BATCH, after=done):
                follower.posted(self.post(rows, follower.keep))

    def first_of_their_id(
        self, rows: list[Staged[Item]]
    ) -> tuple[list[Staged[Item]], Batch]:
        """Return the rows whose identity the file has not had, and the others' fate."""
        firsts, batch = [], Batch(len(rows))
        for staged in rows:
            if staged.nth == 1:
                firsts.append(staged)
            elif staged.is_same:
                batch.tally.known += 1
            else:
                reason = f"stands in line {staged.first_line} with other contents"
                self.refuse(batch, staged, self.shape.named_by, reason)
        return firsts, batch

    def refuse(
        self, batch: Batch, staged: Staged[Item], column: str, reason: str
    ) -> None:
        """Count a row as broken; `column` is ours."""
        value = getattr(staged.item, column, "")
        if value is None or isinstance(value, datetime):
            value = show_instant(value)
        name = self.file.names.get(column, column)
        batch.tally.broken += 1
        batch.faults.append(Fault(staged.line, name, reason, str(value)))

    def _watched(self, follower: Follower) -> Iterator[Row[Item]]:
        for number, row in enumerate(self.file.rows(self.read, follower.fault), 1):
            if not number % _READ_BETWEEN_LOOKS:
                follower.reading(self.file.position())
            yield row
        follower.reading(self.file.position())


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
