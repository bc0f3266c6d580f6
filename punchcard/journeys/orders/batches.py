"""A batch of orders, returns or activities: in one transaction, or done and undone.

Note [An hour that comes twice]: in one time zone Python takes the first 02:30 of that
night for the second, and in no other zone it equals anything. So instants go on in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC
from itertools import chain
from typing import TypeVar

from msgspec.structs import replace

from punchcard.journeys.retrying import again, in_one_transaction
from punchcard.kernel.transactions import refuse_transaction, rehearsal
from punchcard.ledger.outcomes import Outcome
from punchcard.orders.operations import NewActivity, NewOrder, NewReturn

from .errors import PointsSpent

Item = TypeVar("Item")
Answer = TypeVar("Answer")


Told = TypeVar("Told", NewOrder, NewReturn, NewActivity)


def in_utc(items: Sequence[Told]) -> list[Told]:
    """Return what was told with its instants in UTC; without a zone, as it is.

    See Note [An hour that comes twice].
    """
    return [
        item
        if item.occurred_at.tzinfo in {None, UTC}
        else replace(item, occurred_at=item.occurred_at.astimezone(UTC))
        for item in items
    ]


class Short(Exception):
    """Points are spent that are to be taken back, and the program then refuses that."""

    def __init__(self, short: dict[Hashable, Outcome]) -> None:
        """Take the refused reverses by the names of what they belong to."""
        self.refusals = {name: _points_spent(of) for name, of in short.items()}
        super().__init__()


def run_batch(
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], list[Answer]],
    alone: Callable[[Item], Answer],
    *,
    dry_run: bool,
    along: Callable[[list[Answer]], object] | None = None,
) -> list[Answer]:
    """Return what `work` answers of all items, in one transaction.

    With `dry_run` nothing of it stays: so it answers what the call would, it is the
    call. Else, what the database refuses unexpectedly is tried in halves, down to the
    one item that it does not like: `alone` answers that. `along` is called with the
    answers in the transaction that has them.

    Raises:
        TransactionError: a transaction is open already.
        OperationalError: (Django's or psycopg's) the database cannot be reached.
    """
    if not dry_run:
        return in_one_transaction(
            items,
            work,
            lambda item: [alone(item)],
            join=lambda parts: list(chain.from_iterable(parts)),
            along=along,
        )
    refuse_transaction()

    def once() -> list[Answer]:
        with rehearsal():
            return work(items)

    return again(once)


def without_short(
    items: Sequence[Item],
    run: Callable[[Sequence[Item], Callable[[list[Answer]], object]], list[Answer]],
    *,
    name: Callable[[Item], Hashable],
    refuse: Callable[[PointsSpent], Answer],
    along: Callable[[list[Answer]], object] | None = None,
) -> list[Answer]:
    """Return what `run` answers of all items, and refusals of those that are short.

    `run` gets the items that are left, and what to call with its answers of them, in
    their transaction: that calls `along` with the answers of all.

    Raises:
        TransactionError: a transaction is open already.
        OperationalError: (Django's or psycopg's) the database cannot be reached.
    """
    refused: dict[Hashable, PointsSpent] = {}

    def whole(found: Sequence[Answer]) -> list[Answer]:
        answers = iter(found)
        return [
            refuse(refused[name(item)]) if name(item) in refused else next(answers)
            for item in items
        ]

    def go_along(found: list[Answer]) -> None:
        if along is not None:
            along(whole(found))

    while True:
        try:
            rest = [item for item in items if name(item) not in refused]
            return whole(run(rest, go_along))
        except Short as short:
            # All was undone: it is begun anew without these, fewer each time.
            refused |= short.refusals


def _points_spent(short: Outcome) -> PointsSpent:
    return PointsSpent(
        account=short.account,
        required=short.details["required"],
        available=short.details["available"],
    )
