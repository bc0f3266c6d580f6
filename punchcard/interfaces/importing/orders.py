"""Order files: what a row must say, and how orders get into a program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import ClassVar

from punchcard.interfaces.importing.csv_files import BadCell, check_text
from punchcard.interfaces.importing.running import (
    Batch,
    FileImport,
    Keep,
    explain_refusal,
)
from punchcard.interfaces.importing.staging import Shape, Staged
from punchcard.interfaces.values import parse_amount, parse_instant
from punchcard.journeys.import_orders import Order, Terms, import_orders
from punchcard.journeys.imported import Imported
from punchcard.kernel.amounts import CurrencyUnknown, minor_per_unit, points_for
from punchcard.programs.queries import ProgramView, list_configurations

EXTERNAL_ID_MAX = 189
"""Of an order: its key is `earn:order:<id>`, and a key has at most 200 characters."""

MEMBER_MAX = 200
POINTS_MAX = 10**15
_COLUMN_OF = {
    "at": "occurred_at",
    "points": "amount_minor",
    "reference_id": "external_id",
    "key": "external_id",
    "key_reused": "external_id",
    "limit_exceeded": "amount_minor",
}


@dataclass
class Rules:
    """What makes an order of a row."""

    rate: Fraction | None
    """Points per whole unit of currency; None: what the program's own rules say."""
    now: datetime
    currency: str | None = None
    """The program's; None: there is no program yet, and the first row says."""
    shift: timedelta = timedelta(0)
    """Added to every instant (the demonstration ends today)."""

    def read(self, cells: list[str]) -> Order:
        """Return the order that a row says.

        Raises:
            BadCell: one cell is not what it must be.
        """
        external_id, occurred, member, amount, currency = cells
        check_text("external_id", external_id, EXTERNAL_ID_MAX)
        try:
            occurred_at = parse_instant(occurred) + self.shift
        except ValueError as error:
            raise BadCell("occurred_at", str(error)) from None
        if occurred_at > self.now:
            raise BadCell("occurred_at", "is later than now")
        check_text("member", member, MEMBER_MAX)
        try:
            amount_minor = parse_amount(amount)
        except ValueError as error:
            raise BadCell("amount_minor", str(error)) from None
        points = self._points(amount_minor, currency)
        if points is not None and points > POINTS_MAX:
            raise BadCell("amount_minor", "would earn more than 10^15 points")
        return Order(
            external_id=external_id,
            occurred_at=occurred_at,
            member=member,
            amount_minor=amount_minor,
            points=points,
        )

    def _points(self, amount_minor: int, currency: str) -> int | None:
        try:
            per_unit = minor_per_unit(currency=currency)
        except CurrencyUnknown:
            message = "is no currency of ISO 4217, as in EUR"
            raise BadCell("currency", message) from None
        if self.currency is None:
            self.currency = currency
        elif currency != self.currency:
            message = f"is another currency: the program has {self.currency}"
            raise BadCell("currency", message)
        if self.rate is None:
            return None
        return points_for(
            amount_minor=amount_minor, minor_per_unit=per_unit, rate=self.rate
        )


def rate_for(program: ProgramView | None, said: Fraction | None) -> Fraction | None:
    """Return the rate to import by: what was said, or 1 where there are no rules yet.

    None: the program has rules of its own, and nobody said otherwise.
    """
    if said is not None or program is None:
        return said or Fraction(1)
    has_rules = bool(list_configurations(program=program.id, limit=1))
    return None if has_rules else Fraction(1)


@dataclass
class OrderImport(FileImport[Order]):
    """Orders, in order of time: an account's history never goes back."""

    shape: ClassVar[Shape[Order]] = Shape(
        kind=Order,
        columns={
            "external_id": 'text COLLATE "C"',
            "occurred_at": "timestamptz",
            "member": 'text COLLATE "C"',
            "amount_minor": "bigint",
            "points": "bigint",
        },
        identity=("external_id",),
        contents=("occurred_at", "member", "amount_minor"),
        order=("occurred_at",),
        named_by="external_id",
    )

    rules: Rules
    open_terms: Callable[[Rules], Terms]
    """Called when the file is read and has a good row; may create the program."""
    clock: Callable[[], datetime]
    _terms: Terms | None = field(default=None, init=False)

    def read(self, cells: list[str]) -> Order:
        return self.rules.read(cells)

    def begin(self) -> None:
        self._terms = self.open_terms(self.rules)

    def post(self, rows: list[Staged[Order]], keep: Keep) -> Batch:
        firsts, others = self.first_of_their_id(rows)
        imported = import_orders(
            terms=self._terms or self.open_terms(self.rules),
            orders=[row.item for row in firsts],
            now=self.clock(),
            along=lambda came: keep(self._count(firsts, came, others)),
        )
        return self._count(firsts, imported, others)

    def _count(
        self, rows: list[Staged[Order]], imported: Imported, others: Batch
    ) -> Batch:
        batch = Batch()
        batch.tally.members = imported.members_created
        for row, outcome in zip(rows, imported.outcomes, strict=True):
            if outcome is None:
                batch.tally.nothing += 1
            elif not outcome.applied:
                told = explain_refusal(outcome.code, outcome.details, _COLUMN_OF)
                self.refuse(batch, row, *told)
            elif outcome.replayed:
                batch.tally.known += 1
            else:
                batch.tally.applied += 1
        return others + batch
