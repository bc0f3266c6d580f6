"""From which status an order goes to which."""

from __future__ import annotations

from punchcard.orders import errors
from punchcard.orders.contents import Status

MOVES: dict[Status, frozenset[Status]] = {
    "open": frozenset({"paid", "cancelled"}),
    "paid": frozenset({"partially_returned", "returned", "cancelled", "reopened"}),
    "partially_returned": frozenset({"partially_returned", "returned", "cancelled"}),
    "returned": frozenset(),
    "cancelled": frozenset(),
    "reopened": frozenset({"paid", "cancelled"}),
}


def check_move(*, status: Status, to: Status) -> None:
    """Refuse a move that orders do not make.

    Raises:
        OrderCannotMove: there is no way from the one to the other.
    """
    if to not in MOVES[status]:
        raise errors.OrderCannotMove(status=status, to=to)
