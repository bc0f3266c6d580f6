"""What an order comes to: its lines, its total, what it was paid with."""

from __future__ import annotations

import msgspec

from punchcard.kernel.amounts import spread
from punchcard.orders import errors
from punchcard.orders.contents import AMOUNT_MAX, NewLine, NewOrder, NewTender
from punchcard.orders.order import LineView, TenderView


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """An order's parts, which add up to its total."""

    lines: tuple[LineView, ...]
    tenders: tuple[TenderView, ...]
    total: int


def compose(*, order: NewOrder) -> Composed:
    """Return what a well-formed order comes to.

    Raises:
        OrderMalformed: more is taken off than there is, or the total is too large.
        TotalDiffers: the total that was said is another one.
        TendersDiffer: what was paid does not add up to the total.
    """
    lines = _lines(order)
    total = order.shipping + sum(line.amount for line in lines)
    if not order.tax_included:
        total += sum(line.tax for line in lines)
    if order.total is not None and order.total != total:
        raise errors.TotalDiffers(total=order.total, sum=total)
    if total > AMOUNT_MAX:
        raise errors.OrderMalformed("total", "must be 0 to 10^15")
    tenders = order.tenders
    if order.status == "paid" or tenders:
        tenders = tendered(tenders=tenders, total=total)
    return Composed(lines=lines, tenders=numbered(tenders=tenders), total=total)


def tendered(*, tenders: tuple[NewTender, ...], total: int) -> tuple[NewTender, ...]:
    """Return what a total was paid with; where nobody says, it is money.

    Raises:
        TendersDiffer: it does not add up to the total.
    """
    if not tenders:
        return (NewTender(kind="other", amount=total),) if total else ()
    paid = sum(tender.amount for tender in tenders)
    if paid != total:
        raise errors.TendersDiffer(total=total, tendered=paid)
    return tenders


def numbered(*, tenders: tuple[NewTender, ...]) -> tuple[TenderView, ...]:
    """Return tenders of which nothing went back yet, counted from 1."""
    return tuple(
        TenderView(
            n=n,
            kind=tender.kind,
            amount=tender.amount,
            account=tender.account,
            sequence=tender.sequence,
        )
        for n, tender in enumerate(tenders, 1)
    )


def is_paid_alike(
    *, stands: tuple[TenderView, ...], said: tuple[NewTender, ...]
) -> bool:
    """Tell whether these are the tenders that an order has; who says none, says so."""
    return not said or not stands or numbered(tenders=said) == _unreturned(stands)


def _unreturned(tenders: tuple[TenderView, ...]) -> tuple[TenderView, ...]:
    return tuple(msgspec.structs.replace(tender, returned=0) for tender in tenders)


def _lines(order: NewOrder) -> tuple[LineView, ...]:
    said = order.lines or (_only_line(order),)
    own = [line.quantity * line.unit_price - line.discount for line in said]
    if order.discount > sum(own):
        raise errors.OrderMalformed("discount", "is more than the lines cost")
    shares = spread(total=order.discount, weights=own)
    lines = tuple(
        LineView(
            n=n,
            sku=line.sku,
            name=line.name,
            category=line.category,
            brand=line.brand,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount=line.discount,
            shared_discount=share,
            tax=line.tax,
            amount=amount - share,
        )
        for n, (line, amount, share) in enumerate(
            zip(said, own, shares, strict=True), 1
        )
    )
    for line in lines:
        if order.tax_included and line.tax > line.amount:
            detail = "is more than the line costs, of which it is a part"
            raise errors.OrderMalformed(f"lines/{line.n - 1}/tax", detail)
    return lines


def _only_line(order: NewOrder) -> NewLine:
    """Return the line of an order of which only the total is known."""
    rest = (order.total or 0) - order.shipping
    if rest < 0:
        raise errors.OrderMalformed("shipping", "is more than the total")
    # The total is what is paid, so the discount had been taken off before.
    return NewLine(unit_price=rest + order.discount)
