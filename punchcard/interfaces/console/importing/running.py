"""Orders from a file into a program: read whole, put in order of time, posted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from punchcard.interfaces.console.error_file import ErrorFile
from punchcard.interfaces.console.failures import Stop, explain, is_lost
from punchcard.interfaces.console.order_files import Fault, OrderFile, Row, Rules
from punchcard.interfaces.console.parser import ORDER_COLUMNS
from punchcard.interfaces.console.progress import Advance, progress
from punchcard.interfaces.console.staging import Staged, Staging, staging
from punchcard.journeys.import_orders import Terms, import_orders
from punchcard.ledger.errors import REFUSALS
from punchcard.ledger.outcomes import Outcome

BATCH = 2_048
"""Orders of one transaction."""

_READ_BETWEEN_LOOKS = 4_096
_COLUMN_OF_FIELD = {
    "at": "occurred_at",
    "points": "amount_minor",
    "reference_id": "external_id",
    "key": "external_id",
}


@dataclass
class Tally:
    """What became of the rows of a file."""

    applied: int = 0
    known: int = 0
    nothing: int = 0
    """Rows that earn nothing."""
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
class OrderImport:
    """One import: read the whole file first, so that a bad end stops it in time."""

    file: OrderFile
    rules: Rules
    errors: ErrorFile
    open_terms: Callable[[Rules], Terms]
    """Called when the file is read and has a good row; may create the program."""
    clock: Callable[[], datetime]
    tally: Tally = field(default_factory=Tally)

    def run(self) -> Tally:
        """Import; return what became of the rows.

        Raises:
            Stop: the file, the error file or the database failed; says what is done.
        """
        try:
            with staging() as stage:
                count = self._read(stage)
                if count:
                    self._post(stage, count, self.open_terms(self.rules))
            self.errors.finish()
        except Exception as error:
            if not is_lost(error):
                raise
            raise Stop(f"{explain(error)} {self._so_far()}") from error
        finally:
            self.errors.close()
        self.tally.broken = self.errors.count
        return self.tally

    def _so_far(self) -> str:
        done = self.tally.applied + self.tally.known + self.tally.nothing
        if not done:
            return "Nothing was imported."
        return (
            f"{done:,} rows are imported, each of them whole; run the same command "
            "again to complete it."
        )

    def _read(self, stage: Staging) -> int:
        """Put the good rows aside; return how many there are."""
        with progress("Reading", self.file.size, "bytes") as advance:
            return stage.add(self._watched(advance))

    def _watched(self, advance: Advance) -> Iterator[Row]:
        for number, row in enumerate(self.file.rows(self.rules, self.errors.add), 1):
            if not number % _READ_BETWEEN_LOOKS:
                advance(self.file.position())
            yield row
        advance(self.file.position())
        self.errors.flush()

    def _post(self, stage: Staging, count: int, terms: Terms) -> None:
        done = 0
        with progress("Importing", count, "rows") as advance:
            for batch in stage.batches(BATCH):
                self._post_batch(batch, terms)
                # The reasons stand in the file before the next batch is begun.
                self.errors.flush()
                done += len(batch)
                advance(done)

    def _post_batch(self, batch: list[Staged], terms: Terms) -> None:
        rows = []
        for staged in batch:
            if staged.row.line == staged.first_line:
                rows.append(staged.row)
            elif staged.is_same:
                self.tally.known += 1
            else:
                reason = f"stands in line {staged.first_line} with other contents"
                self._refuse(staged.row, "external_id", reason)
        if not rows:
            return
        imported = import_orders(
            terms=terms, orders=[row.order for row in rows], now=self.clock()
        )
        self.tally.members += imported.members_created
        for row, outcome in zip(rows, imported.outcomes, strict=True):
            self._count(row, outcome)

    def _count(self, row: Row, outcome: Outcome | None) -> None:
        if outcome is None:
            self.tally.nothing += 1
        elif not outcome.applied:
            column, reason = _explain_refusal(outcome.code, outcome.details)
            self._refuse(row, column, reason)
        elif outcome.replayed:
            self.tally.known += 1
        else:
            self.tally.applied += 1

    def _refuse(self, row: Row, column: str, reason: str) -> None:
        names = dict(zip(ORDER_COLUMNS, self.file.names, strict=True))
        value = str(getattr(row.order, column, ""))
        self.errors.add(Fault(row.line, names.get(column, column), reason, value))


def _explain_refusal(code: str, details: Mapping[str, Any]) -> tuple[str, str]:
    """Return our column and a sentence for what the ledger refuses."""
    if code == "key_reused":
        return "external_id", "is known already, with other contents or other terms"
    if "field" in details and "reason" in details:
        name = str(details["field"])
        return _COLUMN_OF_FIELD.get(name, name), str(details["reason"])
    if code == "limit_exceeded":
        return "amount_minor", REFUSALS[code].rstrip(".").lower()
    if code in REFUSALS:
        return "member", REFUSALS[code].rstrip(".").lower()
    return "", "was refused by the database; its log says why"
