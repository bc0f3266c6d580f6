"""Orders: recorded, listed, looked up."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from punchcard.earning.queries import find_decisions
from punchcard.interfaces.api import texts
from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    NoQuery,
    Operation,
    operation,
)
from punchcard.interfaces.api.order_problems import order_problem
from punchcard.interfaces.api.order_references import resolve_order
from punchcard.interfaces.api.pagination import (
    Cursor,
    Limit,
    NewestFirst,
    Page,
    page_by_id,
)
from punchcard.journeys.orders.record_orders import record_orders
from punchcard.orders.errors import OrderMalformed
from punchcard.orders.queries import Filters, OrderView, Status, list_orders

from .bodies import Instant
from .decision_shapes import EarningDecisionAnswer, render_decisions
from .earned import Entries, Takings, earned_by
from .order_bodies import OrderBody
from .order_outcomes import (
    OrderOutcomeAnswer,
    Rehearsed,
    order_outcome,
    rules_at,
)
from .order_places import places_said
from .order_shapes import OrderAnswer, codes_of, render_order
from .order_translating import look_up, new_order
from .sought import SoughtMember, SoughtPlace, member_sought, place_sought

_CURSOR = "orders"

SoughtStatus = Annotated[Status, Meta(description="Those that stand there now.")]
SoughtChannel = Annotated[
    str,
    Meta(
        description="Where it was bought: a word of yours.",
        max_length=200,
        pattern=texts.whole(texts.PRINTABLE),
        examples=["web"],
    ),
]
SoughtOrder = Annotated[
    str,
    Meta(
        description="Your id.",
        max_length=200,
        pattern=texts.whole(texts.PRINTABLE),
        examples=["1017"],
    ),
]


class OrdersQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the list of orders."""

    limit: Limit = 50
    cursor: Cursor | None = None
    sort: NewestFirst = "-created_at"
    member: SoughtMember | None = None
    status: SoughtStatus | None = None
    channel: SoughtChannel | None = None
    place: SoughtPlace | None = None
    external_id: SoughtOrder | None = None
    occurred_from: Instant | None = msgspec.field(name="occurred_at.gte", default=None)
    occurred_to: Instant | None = msgspec.field(name="occurred_at.lt", default=None)


class OrderDetailAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An order, and what was decided about it."""

    order: OrderAnswer
    decisions: Annotated[
        list[EarningDecisionAnswer],
        Meta(description="One a payment, the first one first; none: it is not paid."),
    ]
    taken: Takings
    entries: Entries


class Orders(Endpoint):
    """`/v1/orders`."""

    @operation(
        Operation(
            id="recordOrder",
            summary="Record an order",
            description=(
                "An order that is paid earns by the rules in force when it happened. "
                "Its external id makes it one order, however often it is told: the "
                "same contents answer 200 with what stands, one that was open and is "
                "told paid is paid, other contents are refused. With `at` a dry run "
                "judges it as if it happened then."
            ),
            tag="orders",
            scope="orders:write",
            body=OrderBody,
            query=Rehearsed,
            answers={201: OrderOutcomeAnswer, 200: OrderOutcomeAnswer},
            refusals=(
                "member_not_found",
                "member_erased",
                "currency_differs",
                "tender_entry_not_found",
                "total_differs",
                "tenders_differ",
                "order_reused",
            ),
            key="optional",
            one_transaction=False,
        )
    )
    def post(self, call: Call[OrderBody, Rehearsed]) -> Answer:
        """Record an order."""
        at = rules_at(call.query)
        program, body = call.program.id, call.body
        (place,) = places_said(call.caller, {"": body.place})
        if isinstance(place, OrderMalformed):
            raise order_problem(place)
        known = look_up(program=program, members=[body.member], tenders=body.tenders)
        (told,) = record_orders(
            program=program,
            orders=[new_order(body, known=known, place=place)],
            now=call.now,
            author=call.author,
            dry_run=call.query.dry_run,
            rules_at=at,
        )
        outcome = order_outcome(told, codes_of(program=program, places=[place]))
        if not told.created or call.query.dry_run:
            return Answer(body=outcome)
        location = {"Location": f"/v1/orders/{outcome.order.id}"}
        return Answer(body=outcome, status=201, headers=location)

    @operation(
        Operation(
            id="listOrders",
            summary="List orders",
            description=(
                "In the order of recording, the newest first. A member is shown their "
                "own."
            ),
            tag="orders",
            scope="orders:read",
            narrowed=True,
            query=OrdersQuery,
            answers={200: Page[OrderAnswer]},
            refusals=("invalid_cursor",),
        )
    )
    def get(self, call: Call[NoBody, OrdersQuery]) -> Answer:
        """List orders."""
        query, program = call.query, call.program.id
        filters = Filters(
            member=member_sought(call.caller, query.member),
            status=query.status,
            channel=query.channel,
            place=place_sought(program, query.place),
            external_id=query.external_id,
            occurred_from=query.occurred_from,
            occurred_to=query.occurred_to,
        )
        codes: dict[UUID, str] = {}

        def read(**asked: Any) -> list[OrderView]:
            found = list_orders(program=program, filters=filters, **asked)
            places = [order.place for order in found]
            codes.update(codes_of(program=program, places=places))
            return found

        return Answer(
            body=page_by_id(
                query,
                _CURSOR,
                read=read,
                render=lambda order: render_order(order, codes),
            )
        )


class OneOrder(Endpoint):
    """`/v1/orders/{order}`."""

    @operation(
        Operation(
            id="getOrder",
            summary="Look up an order",
            description=(
                "As it stands now, with what it earned: by which rules, what each rule "
                "said, what was taken back and why, and the entries of both."
            ),
            tag="orders",
            scope="orders:read",
            answers={200: OrderDetailAnswer},
            refusals=("order_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up an order."""
        program = call.program.id
        order = resolve_order(program=program, text=call.path["order"])
        codes = codes_of(program=program, places=[order.place])
        found = find_decisions(program=program, orders=[order.id])
        decisions = found.get(order.id, ())
        earned = earned_by(decisions)
        detail = OrderDetailAnswer(
            order=render_order(order, codes),
            decisions=render_decisions(decisions),
            taken=earned.taken,
            entries=earned.entries,
        )
        return Answer(body=detail)
