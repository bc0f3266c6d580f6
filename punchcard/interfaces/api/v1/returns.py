"""Returns: recorded and listed by order, looked up; what became of their refunds."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from punchcard.earning.queries import TakingView, find_takings
from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    NoBody,
    NoQuery,
    Operation,
    operation,
)
from punchcard.interfaces.api.order_references import resolve_order, resolve_return
from punchcard.interfaces.api.pagination import (
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    paginate,
)
from punchcard.journeys.orders.return_orders import return_orders
from punchcard.journeys.orders.settle_refunds import settle_refunds
from punchcard.orders.queries import get_order, list_returns

from .decision_shapes import TakingAnswer, entry_name
from .order_bodies import ReturnBody, ReturnRefundBody
from .order_outcomes import ReturnOutcomeAnswer, return_outcome
from .order_places import require_own_place
from .order_shapes import ReturnAnswer, codes_of, render_return
from .order_translating import new_refund, new_return
from .posting import DryRun
from .reading import SmallPlace

_CURSOR = "returns"


class ReturnsQuery(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Query of the list of an order's returns."""

    limit: Limit = 50
    cursor: Cursor | None = None


class ReturnDetailAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A return, and what it took back."""

    returned: ReturnAnswer = msgspec.field(name="return")
    taken: Annotated[
        list[TakingAnswer], Meta(description="What it took back of what was earned.")
    ]


class ReturnsOfOrder(Endpoint):
    """`/v1/orders/{order}/returns`."""

    @operation(
        Operation(
            id="recordReturn",
            summary="Record a return",
            description=(
                "Of lines, by units or by amounts, and of the shipping; or of "
                "everything that is left. Takes back exactly what each rule granted "
                "there, and gives points that paid for it back to the lots that they "
                "left: any number of returns adds up to one of everything. Its "
                "external id makes it one return, however often it is told. A dry run "
                "is a preview."
            ),
            tag="orders",
            scope="orders:write",
            body=ReturnBody,
            query=DryRun,
            answers={201: ReturnOutcomeAnswer, 200: ReturnOutcomeAnswer},
            refusals=(
                "order_not_found",
                "return_reused",
                "order_cannot_move",
                "line_not_found",
                "exceeds_order",
                "points_spent",
            ),
            key="optional",
            one_transaction=False,
        )
    )
    def post(self, call: Call[ReturnBody, DryRun]) -> Answer:
        """Record a return."""
        program = call.program.id
        order = resolve_order(program=program, text=call.path["order"])
        require_own_place(call.caller, order)
        (told,) = return_orders(
            program=program,
            returns=[new_return(call.body, order=order.id)],
            now=call.now,
            author=call.author,
            dry_run=call.query.dry_run,
        )
        codes = codes_of(program=program, places=[order.place])
        outcome = return_outcome(told, codes)
        if not told.created or call.query.dry_run:
            return Answer(body=outcome)
        location = {"Location": f"/v1/returns/{outcome.returned.id}"}
        return Answer(body=outcome, status=201, headers=location)

    @operation(
        Operation(
            id="listReturns",
            summary="List the returns of an order",
            description="As they came, the first one first.",
            tag="orders",
            scope="orders:read",
            query=ReturnsQuery,
            answers={200: Page[ReturnAnswer]},
            refusals=("order_not_found", "invalid_cursor"),
        )
    )
    def get(self, call: Call[NoBody, ReturnsQuery]) -> Answer:
        """List the returns of an order."""
        query, program = call.query, call.program.id
        order = resolve_order(program=program, text=call.path["order"])
        place = decode_cursor(query.cursor, _CURSOR, tuple[str, SmallPlace])
        rows = list_returns(
            program=program,
            order=order.id,
            limit=query.limit + 1,
            after=place[0] if place else 0,
        )
        page = paginate(
            rows,
            limit=query.limit,
            render=render_return,
            cursor=lambda returned: encode_cursor(_CURSOR, returned.n),
        )
        return Answer(body=page)


class OneReturn(Endpoint):
    """`/v1/returns/{return}`."""

    @operation(
        Operation(
            id="getReturn",
            summary="Look up a return",
            description="With what it took back of what the order had earned.",
            tag="orders",
            scope="orders:read",
            answers={200: ReturnDetailAnswer},
            refusals=("return_not_found",),
        )
    )
    def get(self, call: Call[NoBody, NoQuery]) -> Answer:
        """Look up a return."""
        found = resolve_return(program=call.program.id, text=call.path["return"])
        takings = find_takings(returns=[found.id]).get(found.id, ())
        detail = ReturnDetailAnswer(
            returned=render_return(found), taken=[_taking(one) for one in takings]
        )
        return Answer(body=detail)


class RefundOfReturn(Endpoint):
    """`POST /v1/returns/{return}/refund`."""

    @operation(
        Operation(
            id="settleRefund",
            summary="Tell what became of a return's refund",
            description=(
                "Of a return that was told with a refund that is pending. Once it has "
                "succeeded, what the order had earned is taken back, and points that "
                "paid for it return to the lots that they left. Where it failed, "
                "nothing is taken; points that were deducted from it are there again, "
                "for good. The same outcome again changes nothing, and is answered "
                "with what stands. A dry run is a preview."
            ),
            tag="orders",
            scope="orders:write",
            body=ReturnRefundBody,
            query=DryRun,
            answers={200: ReturnOutcomeAnswer},
            refusals=("return_not_found", "refund_ended", "points_spent"),
            key="optional",
            one_transaction=False,
        )
    )
    def post(self, call: Call[ReturnRefundBody, DryRun]) -> Answer:
        """Tell what became of a return's refund."""
        program = call.program.id
        returned = resolve_return(program=program, text=call.path["return"])
        order = get_order(program=program, order=returned.order)
        require_own_place(call.caller, order)
        (told,) = settle_refunds(
            program=program,
            outcomes=[new_refund(call.body, returned=returned.id, now=call.now)],
            now=call.now,
            author=call.author,
            dry_run=call.query.dry_run,
        )
        codes = codes_of(program=program, places=[order.place])
        return Answer(body=return_outcome(told, codes))


def _taking(view: TakingView) -> TakingAnswer:
    return TakingAnswer(
        rule=view.rule,
        of=view.of,
        points=view.points,
        entry=entry_name(view.account, view.sequence),
    )
