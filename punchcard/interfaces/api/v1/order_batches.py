"""Many orders in one call, each with its own outcome."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    Operation,
    operation,
)
from punchcard.interfaces.api.order_problems import refusal_of
from punchcard.journeys.orders.answers import OrderAnswer
from punchcard.journeys.orders.record_orders import record_orders
from punchcard.kernel.ids import typed
from punchcard.orders.errors import OrderMalformed
from punchcard.orders.queries import Status

from .order_bodies import OrderBatch, OrderBody
from .order_outcomes import (
    BalanceAfter,
    Entries,
    Rehearsed,
    balances_after,
    render_entries,
    rules_at,
)
from .order_places import places_said
from .order_shapes import OrderId
from .order_translating import look_up, new_order

CREATED = "created"
CHANGED = "changed"
EXISTING = "existing"


class RecordedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order, in short: looked up, it tells by which rules."""

    order: OrderId
    status: Status
    points: Annotated[
        int | None, Meta(description="What it earned; null: it is not paid.")
    ]
    entries: Entries
    balances: list[BalanceAfter]


class OrderInBatchAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one of them."""

    external_id: Annotated[str, Meta(examples=["1017"])]
    code: Annotated[
        str,
        Meta(
            description="`created`, `changed` (it was open, and is paid now), "
            "`existing` (as it was), or a refusal's code.",
            examples=[CREATED],
        ),
    ]
    status: Annotated[
        int,
        Meta(
            description="The HTTP status that the single call would have had.",
            examples=[201],
        ),
    ]
    outcome: RecordedAnswer | None = None
    pointer: Annotated[
        str | None, Meta(description="What is wrong, as in `/orders/3/total`.")
    ] = None
    detail: str | None = None
    details: dict[str, Any] = {}


class OrderBatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome each, in the order sent."""

    data: list[OrderInBatchAnswer]
    created: Annotated[int, Meta(examples=[1])]
    existing: Annotated[
        int, Meta(description="Those that were known: changed ones too.")
    ]
    refused: int


class RecordBatch(Endpoint):
    """`POST /v1/orders:batch`."""

    @operation(
        Operation(
            id="recordOrders",
            summary="Record up to 1,000 orders",
            description=(
                "Answers 200 whatever became of them: look at each outcome. They are "
                "recorded and judged in the order sent. A batch can be sent again as "
                "it was: what is known answers `existing`. A type error refuses the "
                "whole batch, and so does a cashier's order of a place that is not "
                "theirs. Each is told in short: `GET /v1/orders/{order}` says by which "
                "rules it earned, and so does a dry run of it alone."
            ),
            tag="orders",
            scope="orders:write",
            body=OrderBatch,
            query=Rehearsed,
            answers={200: OrderBatchAnswer},
            key="optional",
            one_transaction=False,
        )
    )
    def post(self, call: Call[OrderBatch, Rehearsed]) -> Answer:
        """Record a batch."""
        told = _record(call, rules_at(call.query))
        data = [
            _outcome(place, body, one, dry_run=call.query.dry_run)
            for place, (body, one) in enumerate(
                zip(call.body.orders, told, strict=True)
            )
        ]
        created = sum(one.created for one in told)
        known = sum(one.order is not None for one in told) - created
        answer = OrderBatchAnswer(
            data=data,
            created=created,
            existing=known,
            refused=len(data) - created - known,
        )
        return Answer(body=answer)


def _record(
    call: Call[OrderBatch, Rehearsed], at: datetime | None
) -> list[OrderAnswer]:
    """Record the orders whose places there are; answer for all, in the order sent."""
    bodies = call.body.orders
    said = {f"/orders/{place}": body.place for place, body in enumerate(bodies)}
    places = places_said(call.caller, said)
    known = look_up(
        program=call.program.id,
        members=[body.member for body in bodies],
        tenders=[tender for body in bodies for tender in body.tenders],
    )
    recorded = iter(
        record_orders(
            program=call.program.id,
            orders=[
                new_order(body, known=known, place=place)
                for body, place in zip(bodies, places, strict=True)
                if not isinstance(place, OrderMalformed)
            ],
            now=call.now,
            author=call.author,
            dry_run=call.query.dry_run,
            rules_at=at,
        )
    )
    return [
        OrderAnswer(refusal=place)
        if isinstance(place, OrderMalformed)
        else next(recorded)
        for place in places
    ]


def _outcome(
    place: int, body: OrderBody, told: OrderAnswer, *, dry_run: bool
) -> OrderInBatchAnswer:
    if told.order is None:
        refusal = refusal_of(told.refusal, pointer=f"/orders/{place}")
        return OrderInBatchAnswer(
            external_id=body.external_id,
            code=refusal.code,
            status=refusal.status,
            pointer=refusal.pointer,
            detail=refusal.detail,
            details=dict(refusal.details),
        )
    known = CHANGED if told.changed else EXISTING
    return OrderInBatchAnswer(
        external_id=body.external_id,
        code=CREATED if told.created else known,
        status=201 if told.created and not dry_run else 200,
        outcome=RecordedAnswer(
            order=typed("ord", told.order.id),
            status=told.order.status,
            points=None if told.decision is None else told.decision.points,
            entries=render_entries(told.entries),
            balances=balances_after(told.entries),
        ),
    )
