"""Import what came back of orders elsewhere: each return as it happened.

One batch is one transaction. An interrupted import is told again from its start: every
return has its external id, so what is there already is answered, not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from punchcard.kernel.audit import Author
from punchcard.orders.errors import OrderMalformed, OrderNotFound
from punchcard.orders.operations import NewReturn, ReturnedPart
from punchcard.orders.queries import OrderView, find_orders, get_orders

from .orders.answers import ReturnAnswer
from .orders.return_orders import return_orders


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """What came back of one order, or of one of its lines."""

    external_id: str
    order: str
    """Its external id."""
    occurred_at: datetime
    line: int | None = None
    """None: the only one; of an order with several it must be said."""
    quantity: int | None = None
    amount: int | None = None
    """Minor units. Without it, a quantity and a line: all that is left."""


def import_returns(
    *,
    program: UUID,
    returns: Sequence[Brought],
    now: datetime,
    author: Author | None = None,
    along: Callable[[list[ReturnAnswer]], object] | None = None,
) -> list[ReturnAnswer]:
    """Record returns and take back what was earned; answer all, in the order asked.

    They come in order of time, over all batches: an account's history never goes
    back. `along` is called with the answers, in the transaction that has them.

    Raises:
        TransactionError: a transaction is open already.
        ProgramNotFound: there is no such program.
        OperationalError: (Django's or psycopg's) the database cannot be reached; tell
            the same batch again to know, and to have it once.
    """
    ids = find_orders(
        program=program, external_ids=list({one.order for one in returns})
    )
    orders = get_orders(program=program, orders=list(ids.values()))
    told: dict[int, NewReturn] = {}
    refused: dict[int, ReturnAnswer] = {}
    for place, one in enumerate(returns):
        order = orders.get(ids.get(one.order, UUID(int=0)))
        try:
            told[place] = _told(one, order)
        except (OrderNotFound, OrderMalformed) as refusal:
            refused[place] = ReturnAnswer(refusal=refusal)

    def whole(answers: Sequence[ReturnAnswer]) -> list[ReturnAnswer]:
        found = refused | dict(zip(told, answers, strict=True))
        return [found[place] for place in range(len(returns))]

    return whole(
        return_orders(
            program=program,
            returns=list(told.values()),
            now=now,
            author=author,
            along=None if along is None else lambda answers: along(whole(answers)),
        )
    )


def _told(one: Brought, order: OrderView | None) -> NewReturn:
    if order is None:
        raise OrderNotFound
    everything = one.line is None and one.quantity is None and one.amount is None
    line = one.line
    if line is None and not everything:
        if len(order.lines) > 1:
            detail = f"is empty, and the order has {len(order.lines)} lines"
            raise OrderMalformed("line", detail)
        line = 1
    part = (
        ()
        if line is None
        else (ReturnedPart(line=line, quantity=one.quantity, amount=one.amount),)
    )
    return NewReturn(
        order=order.id,
        external_id=one.external_id,
        occurred_at=one.occurred_at,
        lines=part,
        everything=everything,
    )
