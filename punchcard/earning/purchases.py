"""What a decision is about: a purchase or an activity, and what was granted before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

import msgspec

from .documents import CapPeriod

PartOf: TypeAlias = int | Literal["shipping"] | None
"""A line's number, the shipping, or None: the order as a whole (points once)."""


class PurchasedLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A line of an order; amounts are of the whole line, in minor units."""

    n: int
    sku: str = ""
    category: str = ""
    brand: str = ""
    quantity: int = 1
    gross: int
    """Before the discount."""
    discount: int = 0
    tax: int = 0


class Purchase(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order that was paid, or an activity: then without lines."""

    occurred_at: datetime
    trigger: str = "order"
    currency: str = ""
    channel: str = ""
    place: str = ""
    lines: tuple[PurchasedLine, ...] = ()
    tax_included: bool = True
    """Whether the tax is inside of what lines cost, or comes on top."""
    shipping: int = 0
    shipping_tax: int = 0
    not_money: int = 0
    """Paid with points, vouchers, store credit and the like."""
    is_first: bool = False
    level: str = ""
    born_on: date | None = None
    facts: Mapping[str, Any] = {}
    """Values of the names in `rules/facts.py` that are not of the purchase itself."""


class Counter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is counted for a cap or a cooldown: a rule's awards in a period.

    They are the member's own, or of all members where `per` is `budget`. The period is
    [starts_at, ends_at); None is unbounded.
    """

    rule: str
    per: CapPeriod
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Used(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a counter has counted; an order that got nothing counts for nothing."""

    points: int = 0
    times: int = 0
    counted: int = 0
    """Towards an achievement, whether or not it was reached."""
    last_at: datetime | None = None
    """When the rule last granted the member something: of counters per `ever`."""
