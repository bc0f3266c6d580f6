"""From what a caller says of orders to what their room takes: names looked up before.

A member or an account that is not the program's is passed on as nobody's, so that it
is refused where it stands in the order of precedence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import msgspec

from punchcard.interfaces.api.references import (
    NOBODY,
    resolve_accounts,
    resolve_members,
)
from punchcard.orders.operations import (
    Move,
    NewActivity,
    NewLine,
    NewOrder,
    NewReturn,
    NewTender,
    RefundOutcome,
    ReturnedPart,
)

from .order_bodies import (
    ActivityBody,
    LineBody,
    MoveBody,
    OrderBody,
    PayBody,
    ReturnBody,
    ReturnRefundBody,
    TenderBody,
)

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the names in a request stand for, in the caller's program."""

    members: Mapping[str, UUID] = {}
    accounts: Mapping[str, UUID] = {}


def look_up(
    *,
    program: UUID,
    members: Iterable[str] = (),
    tenders: Iterable[TenderBody] = (),
) -> Known:
    """Return who is meant by names of members, and by the entries of tenders.

    A constant number of statements.
    """
    accounts = {account_of(said.entry) for said in tenders if said.entry is not None}
    return Known(
        members=resolve_members(program=program, texts=set(members)),
        accounts=resolve_accounts(program=program, texts=accounts) if accounts else {},
    )


def happened(at: datetime) -> datetime:
    """Return an instant in UTC; one that is none there is as early, or as late.

    Before the year 1 and after 9999: their room then says that it cannot be.
    """
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return _FIRST if at.year == 1 else _LAST


def account_of(entry: str) -> str:
    """Return the account that the name of an entry begins with."""
    return entry.rpartition("/")[0]


def new_order(body: OrderBody, *, known: Known, place: UUID | None) -> NewOrder:
    """Return the order that a body says."""
    return NewOrder(
        external_id=body.external_id,
        member=known.members.get(body.member, NOBODY),
        occurred_at=happened(body.occurred_at),
        currency=body.currency,
        status=body.status,
        lines=tuple(_line(line) for line in body.lines),
        shipping=body.shipping,
        discount=body.discount,
        total=body.total,
        tax_included=body.tax_included,
        tenders=new_tenders(body.tenders, known=known),
        channel=body.channel,
        place=place,
    )


def new_tenders(
    tenders: Sequence[TenderBody], *, known: Known
) -> tuple[NewTender, ...]:
    """Return the tenders that bodies say."""
    return tuple(_tender(tender, known) for tender in tenders)


def new_move(
    body: PayBody | MoveBody,
    *,
    order: UUID,
    to: Literal["paid", "cancelled", "reopened"],
    known: Known,
    now: datetime,
) -> Move:
    """Return the move that a body says; it is now, where nothing else is said."""
    tenders = body.tenders if isinstance(body, PayBody) else ()
    return Move(
        order=order,
        to=to,
        at=now if body.at is None else happened(body.at),
        tenders=new_tenders(tenders, known=known),
    )


def new_return(body: ReturnBody, *, order: UUID) -> NewReturn:
    """Return the return of an order that a body says."""
    return NewReturn(
        order=order,
        external_id=body.external_id,
        occurred_at=happened(body.occurred_at),
        lines=tuple(
            ReturnedPart(line=part.line, quantity=part.quantity, amount=part.amount)
            for part in body.lines
        ),
        shipping=body.shipping,
        everything=body.everything,
        refund_pending=body.refund == "pending",
    )


def new_refund(
    body: ReturnRefundBody, *, returned: UUID, now: datetime
) -> RefundOutcome:
    """Return the outcome that a body says; it is now, where nothing else is said."""
    return RefundOutcome(
        returned=returned,
        succeeded=body.outcome == "succeeded",
        at=now if body.occurred_at is None else happened(body.occurred_at),
    )


def new_activity(
    body: ActivityBody, *, known: Known, place: UUID | None
) -> NewActivity:
    """Return the activity that a body says."""
    return NewActivity(
        external_id=body.external_id,
        member=known.members.get(body.member, NOBODY),
        type=body.type,
        occurred_at=happened(body.occurred_at),
        place=place,
        facts=body.facts,
    )


def _line(line: LineBody) -> NewLine:
    return NewLine(**msgspec.structs.asdict(line))


def _tender(tender: TenderBody, known: Known) -> NewTender:
    if tender.entry is None:
        return NewTender(kind=tender.kind, amount=tender.amount)
    return NewTender(
        kind=tender.kind,
        amount=tender.amount,
        account=known.accounts.get(account_of(tender.entry), NOBODY),
        sequence=int(tender.entry.rpartition("/")[2]),
    )
