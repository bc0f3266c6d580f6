"""Orders for tests of pure rules: said in a few words, composed as they would be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from punchcard.orders.contents import NewLine, NewOrder, NewTender, ReturnedPart
from punchcard.orders.order import OrderView
from punchcard.orders.rules.composing import compose

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOMEBODY = UUID(int=1)


def an_order(*lines: NewLine, **said: Any) -> NewOrder:
    """Return an order of these lines, paid with money."""
    about = {"external_id": "o-1", "member": SOMEBODY, "currency": "EUR"}
    return NewOrder(**about | {"occurred_at": NOON, "lines": lines} | said)


def standing(order: NewOrder) -> OrderView:
    """Return the order as it stands once it is recorded."""
    composed = compose(order=order)
    paid = order.status == "paid"
    return OrderView(
        id=UUID(int=2),
        program=UUID(int=3),
        member=order.member,
        external_id=order.external_id,
        status=order.status,
        currency=order.currency,
        channel=order.channel,
        place=order.place,
        tax_included=order.tax_included,
        occurred_at=order.occurred_at,
        created_at=NOON,
        paid_at=NOON if paid else None,
        version=1,
        times_paid=int(paid),
        shipping=order.shipping,
        total=composed.total,
        returns=0,
        returned_shipping=0,
        returned_amount=0,
        lines=composed.lines,
        tenders=composed.tenders,
    )


def line(text: str) -> NewLine:
    """Read `2x300 -50 tax10`: quantity and price, discount, tax."""
    first, *rest = text.split()
    quantity, _, price = first.partition("x")
    said = {"discount": 0, "tax": 0}
    for word in rest:
        if word.startswith("tax"):
            said["tax"] = int(word[3:])
        else:
            said["discount"] = -int(word)
    return NewLine(quantity=int(quantity), unit_price=int(price), **said)


def tender(text: str) -> NewTender:
    """Read `card=500`."""
    kind, _, amount = text.partition("=")
    return NewTender(kind=kind, amount=int(amount))


def part(text: str) -> ReturnedPart:
    """Read `1x2`, two units of line 1, or `1=50`, an amount of 50 of it."""
    if "x" in text:
        of, _, quantity = text.partition("x")
        return ReturnedPart(line=int(of), quantity=int(quantity))
    of, _, amount = text.partition("=")
    return ReturnedPart(line=int(of), amount=int(amount))
