"""From what a caller writes (`ord_…`, `ret_…`, `act_…`, `ext:…`) to what it names.

What is unknown and what is another program's cannot be told apart: see `references`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias
from uuid import UUID

from punchcard.kernel.ids import IdError, untyped
from punchcard.orders.errors import ActivityNotFound, OrderNotFound, ReturnNotFound
from punchcard.orders.queries import (
    ActivityView,
    OrderView,
    ReturnView,
    find_kept_activities,
    find_orders,
    find_returns,
    get_activity,
    get_order,
    get_return,
)

from .references import EXTERNAL

Owner: TypeAlias = Callable[..., UUID]
"""Takes `program` and `text`, and returns whose the object is."""


def resolve_order(*, program: UUID, text: str) -> OrderView:
    """Return the order that the text names.

    Raises:
        OrderNotFound: the program has no such order.
    """
    if text.startswith(EXTERNAL):
        name = text.removeprefix(EXTERNAL)
        order = find_orders(program=program, external_ids=[name]).get(name)
    else:
        order = _read("ord", text)
    if order is None:
        raise OrderNotFound
    return get_order(program=program, order=order)


def resolve_return(*, program: UUID, text: str) -> ReturnView:
    """Return the return that the text names.

    Raises:
        ReturnNotFound: the program has no such return.
    """
    if text.startswith(EXTERNAL):
        name = text.removeprefix(EXTERNAL)
        returned = find_returns(program=program, external_ids=[name]).get(name)
    else:
        returned = _read("ret", text)
    if returned is None:
        raise ReturnNotFound
    return get_return(program=program, returned=returned)


def resolve_activity(*, program: UUID, text: str) -> ActivityView:
    """Return the activity that the text names.

    Raises:
        ActivityNotFound: the program has no such activity.
    """
    if text.startswith(EXTERNAL):
        name = text.removeprefix(EXTERNAL)
        kept = find_kept_activities(program=program, external_ids=[name]).get(name)
        activity = None if kept is None else kept.id
    else:
        activity = _read("act", text)
    if activity is None:
        raise ActivityNotFound
    return get_activity(program=program, activity=activity)


def _read(kind: str, text: str) -> UUID | None:
    try:
        return untyped(kind, text)
    except IdError:
        return None


def _who_ordered(*, program: UUID, text: str) -> UUID:
    return resolve_order(program=program, text=text).member


def _who_returned(*, program: UUID, text: str) -> UUID:
    returned = resolve_return(program=program, text=text)
    return get_order(program=program, order=returned.order).member


def _who_did(*, program: UUID, text: str) -> UUID:
    return resolve_activity(program=program, text=text).member


OWNERS: Mapping[str, tuple[Owner, type[Exception]]] = {
    "order": (_who_ordered, OrderNotFound),
    "return": (_who_returned, ReturnNotFound),
    "activity": (_who_did, ActivityNotFound),
}
"""Parameter of an address -> whose the object is, and what it is to anybody else."""
