"""What answers about orders, returns and activities are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

from punchcard.interfaces.api import texts
from punchcard.kernel.ids import typed
from punchcard.orders.queries import (
    ActivityView,
    LineView,
    OrderView,
    Refund,
    ReturnView,
    Status,
    TenderKind,
    TenderView,
)
from punchcard.programs.queries import find_places

from .decision_shapes import entry_name

Codes: TypeAlias = Mapping[UUID, str]
"""Place -> its code."""

Money = Annotated[
    int, Meta(description="Minor units of the order's currency.", examples=[1200])
]
NoMoney = Annotated[int, Meta(description="Minor units of the order's currency.")]
Number = Annotated[int, Meta(description="1 is the first.", examples=[1])]
Currency = Annotated[
    str,
    Meta(
        description="ISO 4217. Every amount of an order is in minor units of it.",
        examples=["EUR"],
        extra_json_schema={"minLength": 3, "maxLength": 3, "pattern": texts.CURRENCY},
    ),
]
OrderId = Annotated[str, texts.type_id("ord")]
ReturnId = Annotated[str, texts.type_id("ret")]
ActivityId = Annotated[str, texts.type_id("act")]
Facts: TypeAlias = dict[str, str | int | bool]


class LineAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an order, and what has come back of it."""

    n: Number
    sku: Annotated[str | None, Meta(examples=["beans-1kg"])]
    name: str | None
    category: Annotated[str | None, Meta(examples=["coffee"])]
    brand: str | None
    quantity: Annotated[int, Meta(examples=[1])]
    unit_price: Money
    discount: NoMoney
    shared_discount: Annotated[
        int, Meta(description="Its part of the order's own discount.")
    ]
    tax: NoMoney
    amount: Annotated[
        int,
        Meta(
            description="quantity x unit_price, less both discounts.", examples=[1200]
        ),
    ]
    returned_quantity: int
    returned_amount: NoMoney
    returned_tax: NoMoney


class TenderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a part of the total was paid with."""

    n: Number
    kind: TenderKind
    amount: Money
    entry: Annotated[
        texts.EntryId | None,
        Meta(description="Of points: the entry that spent them.", examples=[None]),
    ]
    returned: Annotated[int, Meta(description="How much of it went back.")]


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it stands. Its contents never change; its status moves."""

    id: OrderId
    external_id: Annotated[str, Meta(examples=["1017"])]
    member: texts.MemberId
    status: Annotated[Status, Meta(examples=["paid"])]
    currency: Currency
    channel: Annotated[str | None, Meta(examples=["web"])]
    place: Annotated[
        str | None, Meta(description="The place's code.", examples=["old-town"])
    ]
    tax_included: Annotated[
        bool,
        Meta(
            description="Whether prices have the tax inside; else it comes on top.",
            examples=[True],
        ),
    ]
    shipping: NoMoney
    total: Annotated[
        int,
        Meta(
            description="What the customer pays: lines, shipping, and tax on top.",
            examples=[1200],
        ),
    ]
    returns: Annotated[int, Meta(description="How many there were.")]
    returned_shipping: NoMoney
    returned_amount: Annotated[int, Meta(description="Of the total.")]
    lines: list[LineAnswer]
    tenders: list[TenderAnswer]
    occurred_at: datetime
    created_at: datetime
    paid_at: datetime | None
    version: Annotated[
        int, Meta(description="Goes up with every move and return.", examples=[1])
    ]


class ReturnedLineAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a return brought back of one line."""

    line: Number
    quantity: Annotated[int, Meta(description="0 of an amount.", examples=[1])]
    amount: Money
    tax: NoMoney


class ReturnedTenderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a return goes back to one tender."""

    tender: Number
    amount: Money


class ReturnAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back of an order, in one go."""

    id: ReturnId
    external_id: Annotated[str, Meta(examples=["R-1"])]
    order: OrderId
    n: Annotated[
        int, Meta(description="Counts the returns of the order.", examples=[1])
    ]
    amount: Annotated[
        int,
        Meta(
            description="What the customer gets back: of lines, shipping, tax on top.",
            examples=[1200],
        ),
    ]
    shipping: NoMoney
    refund: Annotated[
        Refund, Meta(description="How the refund stands.", examples=["none"])
    ]
    withheld: Annotated[
        bool,
        Meta(
            description="Whether nothing is taken back before the refund succeeded.",
            examples=[False],
        ),
    ]
    lines: list[ReturnedLineAnswer]
    tenders: list[ReturnedTenderAnswer]
    occurred_at: datetime
    created_at: datetime


class ActivityAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Something else that a member did."""

    id: ActivityId
    external_id: Annotated[str, Meta(examples=["review-1"])]
    member: texts.MemberId
    type: Annotated[str, Meta(examples=["review"])]
    place: Annotated[
        str | None, Meta(description="The place's code.", examples=["old-town"])
    ]
    facts: Annotated[Facts, Meta(examples=[{"stars": 5}])]
    occurred_at: datetime
    created_at: datetime


def codes_of(*, program: UUID, places: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the codes of places; one statement, where there are any."""
    ids = {place for place in places if place is not None}
    if not ids:
        return {}
    return {place.id: place.code for place in find_places(program=program, ids=ids)}


def render_order(order: OrderView, codes: Codes) -> OrderAnswer:
    """Return an order as callers see it."""
    return OrderAnswer(
        id=typed("ord", order.id),
        external_id=order.external_id,
        member=typed("mem", order.member),
        status=order.status,
        currency=order.currency,
        channel=order.channel,
        place=None if order.place is None else codes[order.place],
        tax_included=order.tax_included,
        shipping=order.shipping,
        total=order.total,
        returns=order.returns,
        returned_shipping=order.returned_shipping,
        returned_amount=order.returned_amount,
        lines=[_line(line) for line in order.lines],
        tenders=[_tender(tender) for tender in order.tenders],
        occurred_at=order.occurred_at,
        created_at=order.created_at,
        paid_at=order.paid_at,
        version=order.version,
    )


def render_return(returned: ReturnView) -> ReturnAnswer:
    """Return a return as callers see it."""
    return ReturnAnswer(
        id=typed("ret", returned.id),
        external_id=returned.external_id,
        order=typed("ord", returned.order),
        n=returned.n,
        amount=returned.amount,
        shipping=returned.shipping,
        refund=returned.refund,
        withheld=returned.withheld,
        lines=[
            ReturnedLineAnswer(
                line=one.line, quantity=one.quantity, amount=one.amount, tax=one.tax
            )
            for one in returned.lines
        ],
        tenders=[
            ReturnedTenderAnswer(tender=one.tender, amount=one.amount)
            for one in returned.tenders
        ],
        occurred_at=returned.occurred_at,
        created_at=returned.created_at,
    )


def render_activity(activity: ActivityView, codes: Codes) -> ActivityAnswer:
    """Return an activity as callers see it."""
    return ActivityAnswer(
        id=typed("act", activity.id),
        external_id=activity.external_id,
        member=typed("mem", activity.member),
        type=activity.type,
        place=None if activity.place is None else codes[activity.place],
        facts=activity.facts,
        occurred_at=activity.occurred_at,
        created_at=activity.created_at,
    )


def _line(line: LineView) -> LineAnswer:
    return LineAnswer(
        **{name: getattr(line, name) for name in LineAnswer.__struct_fields__}
    )


def _tender(tender: TenderView) -> TenderAnswer:
    return TenderAnswer(
        n=tender.n,
        kind=tender.kind,
        amount=tender.amount,
        entry=entry_name(tender.account, tender.sequence),
        returned=tender.returned,
    )
