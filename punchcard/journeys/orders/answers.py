"""What became of orders, returns and activities that were told."""

from __future__ import annotations

from uuid import UUID

import msgspec

from punchcard.earning.queries import DecisionView
from punchcard.ledger.outcomes import Entry
from punchcard.orders.queries import ActivityView, OrderView, ReturnView


class TakenBack(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken back of one award."""

    rule: str
    of: str | None
    """The rule that it multiplies."""
    points: int
    entry: tuple[UUID, int] | None
    """The reverse, by account and sequence; None: the ledger had nothing of it."""


class GivenBack(msgspec.Struct, frozen=True, kw_only=True):
    """Points that paid for the order, and go back to the lots that they came from."""

    tender: int
    points: int
    refusal: str | None
    """Why the ledger gave nothing back."""


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order that was told, paid, cancelled or reopened."""

    order: OrderView | None = None
    """As it stands; None: it was refused."""
    created: bool = False
    """Whether this made it: else it was known."""
    changed: bool = False
    """Whether this paid, cancelled or reopened it."""
    decision: DecisionView | None = None
    """Of its last payment."""
    taken: tuple[TakenBack, ...] = ()
    given_back: tuple[GivenBack, ...] = ()
    shortfall: int = 0
    """Points that were spent already and are written off."""
    entries: tuple[Entry, ...] = ()
    """What stands in the ledger because of this."""
    refusal: Exception | None = None


class ReturnAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a return that was told."""

    returned: ReturnView | None = None
    order: OrderView | None = None
    """As it stands after the return."""
    created: bool = False
    taken: tuple[TakenBack, ...] = ()
    given_back: tuple[GivenBack, ...] = ()
    shortfall: int = 0
    """Points that were spent already and are written off."""
    deduction: int = 0
    """What the shortfall is worth: to be kept back of the refund; minor units."""
    entries: tuple[Entry, ...] = ()
    refusal: Exception | None = None


class ActivityAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an activity that was told."""

    activity: ActivityView | None = None
    created: bool = False
    decision: DecisionView | None = None
    entries: tuple[Entry, ...] = ()
    refusal: Exception | None = None
