"""Files of returns: what a row must say, and how returns get into a program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from punchcard.interfaces.importing.csv_files import BadCell, check_text
from punchcard.interfaces.importing.running import Batch, FileImport, Keep
from punchcard.interfaces.importing.staging import Shape, Staged
from punchcard.interfaces.values import parse_amount, parse_instant
from punchcard.journeys.import_returns import Brought, import_returns
from punchcard.journeys.orders.answers import ReturnAnswer
from punchcard.kernel.audit import Author

EXTERNAL_ID_MAX = 200
_WHAT = ("quantity", "amount")


@dataclass
class Rules:
    """What makes a return of a row."""

    now: datetime

    def read(self, cells: list[str]) -> Brought:
        """Return what a row says.

        Raises:
            BadCell: one cell is not what it must be.
        """
        external_id, order, occurred, *numbers = cells
        check_text("external_id", external_id, EXTERNAL_ID_MAX)
        check_text("order", order, EXTERNAL_ID_MAX)
        try:
            occurred_at = parse_instant(occurred)
        except ValueError as error:
            raise BadCell("occurred_at", str(error)) from None
        if occurred_at > self.now:
            raise BadCell("occurred_at", "is later than now")
        line, quantity, amount = (
            _number(column, text)
            for column, text in zip(("line", *_WHAT), numbers, strict=True)
        )
        if quantity is not None and amount is not None:
            raise BadCell("amount", "stands beside a quantity: say one of them")
        if line is not None and quantity is None and amount is None:
            raise BadCell("quantity", "is empty, and so is the amount of the line")
        return Brought(
            external_id=external_id,
            order=order,
            occurred_at=occurred_at,
            line=line,
            quantity=quantity,
            amount=amount,
        )


@dataclass
class ReturnImport(FileImport[Brought]):
    """Returns, in order of time: an account's history never goes back."""

    shape: ClassVar[Shape[Brought]] = Shape(
        kind=Brought,
        columns={
            "external_id": 'text COLLATE "C"',
            "order": 'text COLLATE "C"',
            "occurred_at": "timestamptz",
            "line": "bigint",
            "quantity": "bigint",
            "amount": "bigint",
        },
        identity=("external_id",),
        contents=("order", "occurred_at", "line", "quantity", "amount"),
        order=("occurred_at",),
        named_by="external_id",
    )

    rules: Rules
    program: UUID
    author: Author
    clock: Callable[[], datetime]

    def read(self, cells: list[str]) -> Brought:
        return self.rules.read(cells)

    def post(self, rows: list[Staged[Brought]], keep: Keep) -> Batch:
        firsts, others = self.first_of_their_id(rows)
        answers = import_returns(
            program=self.program,
            returns=[row.item for row in firsts],
            now=self.clock(),
            author=self.author,
            along=lambda came: keep(self._count(firsts, came, others)),
        )
        return self._count(firsts, answers, others)

    def _count(
        self, rows: list[Staged[Brought]], answers: list[ReturnAnswer], others: Batch
    ) -> Batch:
        batch = Batch()
        for row, answer in zip(rows, answers, strict=True):
            if answer.refusal is not None:
                self.refuse(batch, row, *_explain(row.item, answer.refusal))
            elif answer.created:
                batch.tally.applied += 1
            else:
                batch.tally.known += 1
        return others + batch


def _number(column: str, text: str) -> int | None:
    if not text:
        return None
    try:
        number = parse_amount(text)
    except ValueError as error:
        raise BadCell(column, str(error)) from None
    if number < 1:
        raise BadCell(column, "must be 1 at least")
    return number


def _explain(item: Brought, refusal: Any) -> tuple[str, str]:
    """Return our column and a sentence for what orders refuse."""
    what = "quantity" if item.quantity is not None else "amount"
    said = str(refusal).rstrip(".")
    told: dict[str, tuple[str, str]] = {
        "malformed": (str(getattr(refusal, "field", "")).rpartition("/")[2], said),
        "order_not_found": ("order", "is no order of the program"),
        "order_cannot_move": ("order", said),
        "return_reused": (
            "external_id",
            "is known already, with other contents or of another order",
        ),
        "line_not_found": ("line", "is no line of the order"),
        "exceeds_order": (what, f"is more than what is left: {said}"),
        "points_spent": ("order", f"earned points that are spent already: {said}"),
    }
    unknown = ("", "was refused by the database; its log says why")
    return told.get(refusal.code, unknown)
