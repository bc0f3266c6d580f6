"""An order as it stands, its returns, an activity: and what follows from their numbers.

Pure: no Django, database or clock. Money is whole minor units of the order's currency.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from uuid import UUID

import msgspec

from .contents import MONEY, Refund, Status, TenderKind


class LineView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A line, and what has come back of it.

    `repriced_quantity` and `repriced_amount` are how many units and how much were
    back when an amount last came back: what was left then is what the other units
    cost. See Note [What a unit gives back].
    """

    n: int
    sku: str | None
    name: str | None
    category: str | None
    brand: str | None
    quantity: int
    unit_price: int
    discount: int
    shared_discount: int
    """Its part of the order's own discount."""
    tax: int
    amount: int
    """quantity * unit_price - discount - shared_discount."""
    returned_quantity: int = 0
    returned_amount: int = 0
    returned_tax: int = 0
    repriced_quantity: int = 0
    repriced_amount: int = 0

    @property
    def returned_exactly(self) -> Fraction:
        """How much of the amount is back, before it is rounded down."""
        units = self.quantity - self.repriced_quantity
        if not units:
            return Fraction(self.amount)
        since = self.returned_quantity - self.repriced_quantity
        rest = self.amount - self.repriced_amount
        return self.repriced_amount + Fraction(rest * since, units)

    @property
    def returned_share(self) -> Fraction:
        """Which part of the line is back, from 0 to 1, exactly."""
        if not self.amount:
            return Fraction(self.returned_quantity, self.quantity)
        return self.returned_exactly / self.amount

    @property
    def is_returned(self) -> bool:
        """Whether all of it is back: every unit, or every penny."""
        return self.returned_share == 1


class TenderView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a part of the total was paid with, and how much of it went back."""

    n: int
    kind: TenderKind
    amount: int
    account: UUID | None
    sequence: int | None
    returned: int = 0

    @property
    def is_money(self) -> bool:
        """Whether somebody paid this with money."""
        return self.kind in MONEY

    @property
    def returned_share(self) -> Fraction:
        """Which part of it went back, from 0 to 1, exactly."""
        return Fraction(self.returned, self.amount)


class OrderView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order as it stands."""

    id: UUID
    program: UUID
    member: UUID
    external_id: str
    status: Status
    currency: str
    channel: str | None
    place: UUID | None
    tax_included: bool
    occurred_at: datetime
    created_at: datetime
    paid_at: datetime | None
    version: int
    """Goes up with every move and every return."""
    times_paid: int
    """More than once where it was reopened in between."""
    shipping: int
    total: int
    """What the customer pays: lines, shipping, and tax where that comes on top."""
    returns: int
    """How many there were."""
    returned_shipping: int
    returned_amount: int
    """Of the total."""
    lines: tuple[LineView, ...]
    tenders: tuple[TenderView, ...]

    @property
    def not_money(self) -> int:
        """How much of the total was paid with points, vouchers and the like."""
        return sum(one.amount for one in self.tenders if not one.is_money)

    @property
    def returned_shipping_share(self) -> Fraction:
        """Which part of the shipping is back, from 0 to 1; 0 where it was free."""
        return Fraction(self.returned_shipping, self.shipping or 1)


class ActivityView(msgspec.Struct, frozen=True, kw_only=True):
    """Something else that a member did."""

    id: UUID
    program: UUID
    member: UUID
    external_id: str
    type: str
    place: UUID | None
    facts: dict[str, str | int | bool]
    occurred_at: datetime
    created_at: datetime


class ReturnedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a return brought back of one line."""

    line: int
    quantity: int
    """0 of a return by amount."""
    amount: int
    tax: int


class ReturnedTender(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a return goes back to one tender."""

    tender: int
    amount: int


class ReturnView(msgspec.Struct, frozen=True, kw_only=True):
    """A return of an order."""

    id: UUID
    program: UUID
    order: UUID
    n: int
    """Counts the returns of the order."""
    external_id: str
    occurred_at: datetime
    created_at: datetime
    amount: int
    """What the customer gets back: of lines, shipping, and tax that came on top."""
    shipping: int
    refund: Refund
    """Of money that goes back: `none` is told of, or it is under way, or ended."""
    withheld: bool
    """Whether what it earned is taken back only when the refund has succeeded."""
    lines: tuple[ReturnedLine, ...]
    tenders: tuple[ReturnedTender, ...]
