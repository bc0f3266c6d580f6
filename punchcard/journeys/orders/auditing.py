"""What the audit says of orders, where a person did it: ids and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed

from .answers import ActivityAnswer, OrderAnswer, ReturnAnswer


def audit(author: Author | None, changes: Iterable[Change], now: datetime) -> None:
    """Write what a person did, in the open transaction; of machines nothing.

    Raises:
        TransactionError: no transaction is open.
    """
    if author is None or not author.is_person:
        return
    told = list(changes)
    if told:
        record_changes(author=author, changes=told, now=now)


def changes_of_orders(answers: Sequence[OrderAnswer]) -> Iterator[Change]:
    """Return what was done to orders: recorded, paid, cancelled, reopened."""
    return (
        Change(
            action="order.recorded" if one.created else f"order.{one.order.status}",
            target=typed("ord", one.order.id),
            fields={
                "status": one.order.status,
                "total": one.order.total,
                "points": 0 if one.decision is None else one.decision.points,
                "taken": sum(part.points for part in one.taken),
            },
        )
        for one in answers
        if one.order is not None and (one.created or one.changed)
    )


def changes_of_returns(answers: Sequence[ReturnAnswer]) -> Iterator[Change]:
    """Return what was brought back, and what was taken for it."""
    return (
        Change(
            action="order.returned",
            target=typed("ord", one.returned.order),
            fields={
                "return": typed("ret", one.returned.id),
                "amount": one.returned.amount,
                "taken": sum(part.points for part in one.taken),
                "shortfall": one.shortfall,
            },
        )
        for one in answers
        if one.returned is not None and one.created
    )


def changes_of_activities(answers: Sequence[ActivityAnswer]) -> Iterator[Change]:
    """Return which activities were recorded."""
    return (
        Change(
            action="activity.recorded",
            target=typed("act", one.activity.id),
            fields={
                "type": one.activity.type,
                "points": 0 if one.decision is None else one.decision.points,
            },
        )
        for one in answers
        if one.activity is not None and one.created
    )
