"""What is told of orders and activities: numbers and ids, and nobody's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from punchcard.kernel.ids import typed
from punchcard.kernel.outbox import Announcement, announce

from .events import ActivityEvent, OrderEvent
from .order import ActivityView, OrderView, ReturnView

_MOVED: dict[str, OrderEvent] = {
    "paid": "order.paid",
    "cancelled": "order.cancelled",
    "reopened": "order.reopened",
}


def announce_recorded(*, orders: Sequence[OrderView]) -> None:
    """Tell of new orders, and of those that are paid already; one statement."""
    told: list[Announcement] = []
    for order in orders:
        types: list[OrderEvent] = ["order.recorded"]
        if order.status == "paid":
            types.append("order.paid")
        data = _facts(order)
        told += [_told(type_, order, data) for type_ in types]
    announce(announcements=told)


def announce_moved(*, orders: Sequence[OrderView]) -> None:
    """Tell of orders that were paid, cancelled or reopened; one statement."""
    announce(
        announcements=[
            _told(_MOVED[order.status], order, _facts(order)) for order in orders
        ]
    )


def announce_returned(*, returns: Sequence[tuple[ReturnView, OrderView]]) -> None:
    """Tell of returns, each with its order as it left it; one statement."""
    announce(
        announcements=[
            _told(
                "order.returned",
                order,
                {
                    **_facts(order),
                    "return": typed("ret", returned.id),
                    "amount": returned.amount,
                    "returned_amount": order.returned_amount,
                },
            )
            for returned, order in returns
        ]
    )


def announce_activities(*, activities: Sequence[ActivityView]) -> None:
    """Tell of new activities; of their facts nothing, which may be somebody's words."""
    type_: ActivityEvent = "activity.recorded"
    announce(
        announcements=[
            Announcement(
                program=activity.program,
                type=type_,
                member=activity.member,
                data={"activity": typed("act", activity.id), "type": activity.type},
            )
            for activity in activities
        ]
    )


def _told(type_: OrderEvent, order: OrderView, data: dict[str, Any]) -> Announcement:
    return Announcement(
        program=order.program, type=type_, member=order.member, data=data
    )


def _facts(order: OrderView) -> dict[str, Any]:
    return {
        "order": typed("ord", order.id),
        "status": order.status,
        "version": order.version,
        "total": order.total,
        "currency": order.currency,
    }
