"""What a return brings back: of lines, of shipping, of each tender.

Note [What a unit gives back]: the cumulative share is rounded, and what came back
before is subtracted, so that any number of returns adds up to one of everything. Of
`quantity` units each has an equal part of what the line cost. Where an amount came
back in between, as a price was reduced, the units that the customer still has share
what was left then.
"""

from __future__ import annotations

from math import floor

import msgspec
from msgspec.structs import replace

from punchcard.kernel.amounts import spread
from punchcard.orders import errors
from punchcard.orders.contents import NewReturn, ReturnedPart, Status
from punchcard.orders.order import (
    LineView,
    OrderView,
    ReturnedLine,
    ReturnedTender,
    TenderView,
)

from .moving import check_move


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a return brings back, and the order as it stands after."""

    lines: tuple[ReturnedLine, ...]
    tenders: tuple[ReturnedTender, ...]
    shipping: int
    amount: int
    after: OrderView


def take_back(*, order: OrderView, asked: NewReturn) -> Taken:
    """Return what a well-formed return brings back of a paid order.

    Raises:
        OrderCannotMove: the order is not paid, or nothing more can come back.
        LineNotFound: the order has no such line.
        ExceedsOrder: that much is not left.
    """
    check_move(status=order.status, to="partially_returned")
    lines = {line.n: line for line in order.lines}
    parts = _rest(order) if asked.everything else asked.lines
    for place, part in enumerate(parts):
        if part.line not in lines:
            raise errors.LineNotFound(part.line)
        lines[part.line] = _return_part(lines[part.line], part, f"lines/{place}")
    shipping = _shipping(order, asked)
    after = tuple(lines.values())
    returned = tuple(
        ReturnedLine(
            line=line.n,
            quantity=line.returned_quantity - before.returned_quantity,
            amount=line.returned_amount - before.returned_amount,
            tax=line.returned_tax - before.returned_tax,
        )
        for before, line in zip(order.lines, after, strict=True)
        if line is not before
    )
    amount = shipping + sum(line.amount for line in returned)
    if not order.tax_included:
        amount += sum(line.tax for line in returned)
    tenders = _give_back(order.tenders, amount)
    status: Status = "partially_returned"
    if all(line.is_returned for line in after):
        status = "returned"
    return Taken(
        lines=returned,
        tenders=tuple(
            ReturnedTender(tender=tender.n, amount=tender.returned - before.returned)
            for before, tender in zip(order.tenders, tenders, strict=True)
            if tender.returned != before.returned
        ),
        shipping=shipping,
        amount=amount,
        after=replace(
            order,
            status=status,
            version=order.version + 1,
            lines=after,
            tenders=tenders,
            returns=order.returns + 1,
            returned_shipping=order.returned_shipping + shipping,
            returned_amount=order.returned_amount + amount,
        ),
    )


def _rest(order: OrderView) -> tuple[ReturnedPart, ...]:
    """Return all that is left of all lines."""
    return tuple(
        ReturnedPart(line=line.n, quantity=line.quantity - line.returned_quantity)
        for line in order.lines
        if line.returned_quantity < line.quantity
    )


def _return_part(line: LineView, part: ReturnedPart, at: str) -> LineView:
    if part.quantity is not None:
        left = line.quantity - line.returned_quantity
        if part.quantity > left:
            raise errors.ExceedsOrder(
                field=f"{at}/quantity", asked=part.quantity, left=left
            )
        units = line.returned_quantity + part.quantity
        back = replace(line, returned_quantity=units)
        back = replace(back, returned_amount=floor(back.returned_exactly))
    else:
        amount, left = part.amount or 0, line.amount - line.returned_amount
        if amount > left:
            raise errors.ExceedsOrder(field=f"{at}/amount", asked=amount, left=left)
        back = replace(
            line,
            returned_amount=line.returned_amount + amount,
            repriced_amount=line.returned_amount + amount,
            repriced_quantity=line.returned_quantity,
        )
    return replace(back, returned_tax=floor(line.tax * back.returned_share))


def _shipping(order: OrderView, asked: NewReturn) -> int:
    left = order.shipping - order.returned_shipping
    if asked.everything:
        return left
    if asked.shipping > left:
        raise errors.ExceedsOrder(field="shipping", asked=asked.shipping, left=left)
    return asked.shipping


def _give_back(tenders: tuple[TenderView, ...], amount: int) -> tuple[TenderView, ...]:
    """Spread an amount over what is left of each tender."""
    left = [tender.amount - tender.returned for tender in tenders]
    return tuple(
        replace(tender, returned=tender.returned + part)
        for tender, part in zip(
            tenders, spread(total=amount, weights=left), strict=True
        )
    )
