"""Orders that are paid, cancelled, or open again."""

from __future__ import annotations

from typing import Any, Literal

from punchcard.interfaces.api.endpoint import (
    Answer,
    Call,
    Endpoint,
    Operation,
    operation,
)
from punchcard.interfaces.api.order_references import resolve_order
from punchcard.journeys.orders.move_orders import move_orders

from .order_bodies import MoveBody, PayBody
from .order_outcomes import OrderOutcomeAnswer, order_outcome
from .order_places import require_own_place
from .order_shapes import codes_of
from .order_translating import look_up, new_move
from .posting import DryRun

_GIVES_BACK = (
    "All that the order earned and that is left of it is taken back, and the points "
    "that paid for it return to the lots that they left."
)


def _move(
    id: str,  # noqa: A002
    summary: str,
    *refusals: str,
    description: str,
    body: type[Any] = MoveBody,
    scope: Literal["orders:write", "orders:cancel"] = "orders:cancel",
) -> Operation:
    return Operation(
        id=id,
        summary=summary,
        description=f"{description} An order that stands there already stays so.",
        tag="orders",
        scope=scope,
        body=body,
        query=DryRun,
        answers={200: OrderOutcomeAnswer},
        refusals=("order_not_found", *refusals, "order_cannot_move"),
        key="optional",
        one_transaction=False,
    )


class PayOrder(Endpoint):
    """`POST /v1/orders/{order}/pay`."""

    @operation(
        _move(
            "payOrder",
            "Pay an order",
            "tender_entry_not_found",
            "tenders_differ",
            "order_reused",
            description=(
                "An open order is paid, or one that was reopened, and earns by the "
                "rules in force when it happened."
            ),
            body=PayBody,
            scope="orders:write",
        )
    )
    def post(self, call: Call[PayBody, DryRun]) -> Answer:
        """Pay an order."""
        return _moved(call, "paid")


class CancelOrder(Endpoint):
    """`POST /v1/orders/{order}/cancel`."""

    @operation(
        _move(
            "cancelOrder",
            "Cancel an order",
            "points_spent",
            description=f"For good. {_GIVES_BACK}",
        )
    )
    def post(self, call: Call[MoveBody, DryRun]) -> Answer:
        """Cancel an order."""
        return _moved(call, "cancelled")


class ReopenOrder(Endpoint):
    """`POST /v1/orders/{order}/reopen`."""

    @operation(
        _move(
            "reopenOrder",
            "Reopen a paid order",
            "points_spent",
            description=f"It can be paid again, or cancelled. {_GIVES_BACK}",
        )
    )
    def post(self, call: Call[MoveBody, DryRun]) -> Answer:
        """Reopen a paid order."""
        return _moved(call, "reopened")


def _moved(
    call: Call[Any, DryRun], to: Literal["paid", "cancelled", "reopened"]
) -> Answer:
    program = call.program.id
    order = resolve_order(program=program, text=call.path["order"])
    require_own_place(call.caller, order)
    tenders = call.body.tenders if isinstance(call.body, PayBody) else ()
    move = new_move(
        call.body,
        order=order.id,
        to=to,
        known=look_up(program=program, tenders=tenders),
        now=call.now,
    )
    (moved,) = move_orders(
        program=program,
        moves=[move],
        now=call.now,
        author=call.author,
        dry_run=call.query.dry_run,
    )
    codes = codes_of(program=program, places=[order.place])
    return Answer(body=order_outcome(moved, codes))
