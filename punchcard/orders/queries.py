"""Reads of orders: frozen structs out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from punchcard.kernel import sql
from punchcard.kernel.transactions import require_transaction

from . import errors
from .contents import Refund, Status, TenderKind
from .order import ActivityView, LineView, OrderView, ReturnView, TenderView
from .reading import (
    ACTIVITY,
    ORDER,
    RETURN,
    Kept,
    find_kept,
    read_activities,
    read_orders,
    read_returns,
)

__all__ = [
    "ActivityView",
    "LineView",
    "OrderView",
    "Refund",
    "ReturnView",
    "Status",
    "TenderKind",
    "TenderView",
]


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders are wanted; None: whichever."""

    member: UUID | None = None
    status: Status | None = None
    channel: str | None = None
    place: UUID | None = None
    external_id: str | None = None
    occurred_from: datetime | None = None
    """Included."""
    occurred_to: datetime | None = None
    """Not included."""


ALL = Filters()
_CONDITIONS: Mapping[str, LiteralString] = {
    "member": "member_id = %(member)s",
    "status": "status = %(status)s",
    "channel": "channel = %(channel)s",
    "place": "place_id = %(place)s",
    "external_id": "external_id = %(external_id)s",
    "type": "type = %(type)s",
    "occurred_from": "occurred_at >= %(occurred_from)s",
    "occurred_to": "occurred_at < %(occurred_to)s",
}


def get_order(*, program: UUID, order: UUID) -> OrderView:
    """Return an order of this program.

    Raises:
        OrderNotFound: the program has none with this id.
    """
    found = get_orders(program=program, orders=[order])
    if order not in found:
        raise errors.OrderNotFound
    return found[order]


def get_orders(*, program: UUID, orders: Sequence[UUID]) -> dict[UUID, OrderView]:
    """Return those of the orders that are this program's; three statements."""
    if not orders:
        return {}
    return read_orders(
        statement=ORDER + "WHERE program_id = %(program)s AND id = ANY(%(wanted)s)",
        parameters={"program": program, "wanted": sql.Uuids(orders)},
    )


def lock_orders(*, program: UUID, orders: Sequence[UUID]) -> dict[UUID, OrderView]:
    """Return orders of this program, and keep everybody else from changing them.

    They are locked by id, so that two who want the same wait and don't deadlock; four
    statements.

    Raises:
        TransactionError: no transaction is open.
    """
    require_transaction()
    if not orders:
        return {}
    sql.cursor().execute(
        "SELECT FROM orders_order WHERE program_id = %(program)s"
        " AND id = ANY(%(wanted)s) ORDER BY id FOR NO KEY UPDATE",
        {"program": program, "wanted": sql.Uuids(orders)},
        prepare=True,
    )
    # Read after the locks are had: another one may have changed them meanwhile.
    return get_orders(program=program, orders=orders)


def find_orders(*, program: UUID, external_ids: Sequence[str]) -> dict[str, UUID]:
    """Return the orders that there are, by external id; one statement."""
    kept = find_kept_orders(program=program, external_ids=external_ids)
    return {text: found.id for text, found in kept.items()}


def find_kept_orders(*, program: UUID, external_ids: Sequence[str]) -> dict[str, Kept]:
    """Return what deliveries of these external ids are compared with; one statement."""
    return find_kept(
        statement="SELECT external_id, id, fingerprint FROM orders_order"
        " WHERE program_id = %(program)s AND external_id = ANY(%(asked)s)",
        program=program,
        external_ids=external_ids,
    )


def list_orders(
    *,
    program: UUID,
    limit: int,
    after: UUID | None = None,
    newest_first: bool = True,
    filters: Filters = ALL,
) -> list[OrderView]:
    """Return orders in the order of recording, `limit` of them, after an order."""
    where, wanted = _narrowed(filters, after=after, newest_first=newest_first)
    found = read_orders(
        statement=ORDER + where + " LIMIT %(limit)s",
        parameters={"program": program, "limit": limit, **wanted},
    )
    return list(found.values())


def get_return(*, program: UUID, returned: UUID) -> ReturnView:
    """Return a return of this program.

    Raises:
        ReturnNotFound: the program has none with this id.
    """
    found = get_returns(program=program, returns=[returned])
    if returned not in found:
        raise errors.ReturnNotFound
    return found[returned]


def get_returns(*, program: UUID, returns: Sequence[UUID]) -> dict[UUID, ReturnView]:
    """Return those of the returns that are this program's; three statements."""
    if not returns:
        return {}
    return read_returns(
        statement=RETURN + "WHERE program_id = %(program)s AND id = ANY(%(wanted)s)",
        parameters={"program": program, "wanted": sql.Uuids(returns)},
    )


def find_withheld(
    *, program: UUID, orders: Sequence[UUID]
) -> dict[UUID, tuple[ReturnView, ...]]:
    """Return, by order, returns of which nothing is taken back before the refund."""
    if not orders:
        return {}
    found: defaultdict[UUID, list[ReturnView]] = defaultdict(list)
    returns = read_returns(
        statement=RETURN
        + "WHERE program_id = %(program)s AND order_id = ANY(%(orders)s) AND withheld"
        + " ORDER BY order_id, n",
        parameters={"program": program, "orders": sql.Uuids(orders)},
    )
    for one in returns.values():
        found[one.order].append(one)
    return {order: tuple(of) for order, of in found.items()}


def find_kept_returns(*, program: UUID, external_ids: Sequence[str]) -> dict[str, Kept]:
    """Return what deliveries of these external ids are compared with; one statement."""
    return find_kept(
        statement="SELECT external_id, id, fingerprint FROM orders_return"
        " WHERE program_id = %(program)s AND external_id = ANY(%(asked)s)",
        program=program,
        external_ids=external_ids,
    )


def find_returns(*, program: UUID, external_ids: Sequence[str]) -> dict[str, UUID]:
    """Return the returns that there are, by external id; one statement."""
    kept = find_kept_returns(program=program, external_ids=external_ids)
    return {text: found.id for text, found in kept.items()}


def list_returns(
    *, program: UUID, order: UUID, limit: int, after: int = 0
) -> list[ReturnView]:
    """Return the returns of an order as they came, `limit` of them, after the n-th."""
    found = read_returns(
        statement=RETURN
        + "WHERE program_id = %(program)s AND order_id = %(order)s"
        + " AND n > %(after)s ORDER BY n LIMIT %(limit)s",
        parameters={"program": program, "order": order, "after": after, "limit": limit},
    )
    return list(found.values())


class ActivityFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which activities are wanted; None: whichever."""

    member: UUID | None = None
    type: str | None = None
    external_id: str | None = None
    occurred_from: datetime | None = None
    """Included."""
    occurred_to: datetime | None = None
    """Not included."""


ALL_ACTIVITIES = ActivityFilters()


def get_activity(*, program: UUID, activity: UUID) -> ActivityView:
    """Return an activity of this program.

    Raises:
        ActivityNotFound: the program has none with this id.
    """
    found = get_activities(program=program, activities=[activity])
    if activity not in found:
        raise errors.ActivityNotFound
    return found[activity]


def get_activities(
    *, program: UUID, activities: Sequence[UUID]
) -> dict[UUID, ActivityView]:
    """Return those of the activities that are this program's; one statement."""
    if not activities:
        return {}
    found = read_activities(
        statement=ACTIVITY + "WHERE program_id = %(program)s AND id = ANY(%(wanted)s)",
        parameters={"program": program, "wanted": sql.Uuids(activities)},
    )
    return {activity.id: activity for activity in found}


def find_kept_activities(
    *, program: UUID, external_ids: Sequence[str]
) -> dict[str, Kept]:
    """Return what deliveries of these external ids are compared with; one statement."""
    return find_kept(
        statement="SELECT external_id, id, fingerprint FROM orders_activity"
        " WHERE program_id = %(program)s AND external_id = ANY(%(asked)s)",
        program=program,
        external_ids=external_ids,
    )


def list_activities(
    *,
    program: UUID,
    limit: int,
    after: UUID | None = None,
    newest_first: bool = True,
    filters: ActivityFilters = ALL_ACTIVITIES,
) -> list[ActivityView]:
    """Return activities in the order of recording, `limit` of them, after one."""
    where, wanted = _narrowed(filters, after=after, newest_first=newest_first)
    return read_activities(
        statement=ACTIVITY + where + " LIMIT %(limit)s",
        parameters={"program": program, "limit": limit, **wanted},
    )


class ActivityFactsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Whose activities of a type are counted: those before one, since an instant.

    `before` and `activity` are an activity's instant and id; see `FactsWanted`.
    """

    member: UUID
    type: str
    before: datetime
    activity: UUID | None = None
    since: datetime | None = None
    """Included; None: since ever."""
    summed: str | None = None
    """The fact to add up, where it is a whole number."""


class ActivityFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A member's activities of one type in a stretch of time."""

    count: int
    sum: int
    last_at: datetime | None


def read_activity_facts(
    *, program: UUID, wanted: Sequence[ActivityFactsWanted]
) -> list[ActivityFacts]:
    """Return counts and sums of activities, in the order asked; one statement."""
    if not wanted:
        return []
    # IS TRUE: as in `read_facts`.
    cursor = sql.cursor()
    cursor.execute(
        """
        SELECT s.* FROM unnest(%(members)s, %(types)s, %(befores)s, %(ids)s,
            %(sinces)s, %(summed)s)
            WITH ORDINALITY AS w (member, type, before, id, since, summed, place)
        CROSS JOIN LATERAL (
            SELECT count(*), coalesce(sum(
                CASE WHEN jsonb_typeof(a.facts->w.summed) = 'number'
                    THEN (a.facts->>w.summed)::bigint END), 0)::bigint,
                max(a.occurred_at)
            FROM orders_activity a
            WHERE a.member_id = w.member AND a.type = w.type
                AND (a.program_id = %(program)s) IS TRUE
                AND a.occurred_at >= coalesce(w.since, '-infinity')
                AND a.occurred_at <= w.before
                AND (a.occurred_at < w.before OR a.id < w.id)
        ) s
        ORDER BY w.place
        """,
        {
            "program": program,
            "members": sql.Uuids([one.member for one in wanted]),
            "types": sql.Texts([one.type for one in wanted]),
            "befores": sql.Instants([one.before for one in wanted]),
            "ids": sql.Uuids([one.activity for one in wanted]),
            "sinces": sql.Instants([one.since for one in wanted]),
            "summed": sql.Texts([one.summed for one in wanted]),
        },
        prepare=True,
    )
    return [
        ActivityFacts(count=count, sum=total, last_at=last_at)
        for count, total, last_at in cursor
    ]


class FactsWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whose orders are counted, and which: those before an order, since an instant.

    `before` and `order` are an order's instant and id: of two at one instant, the one
    that was recorded first was first. Without `order` all before the instant count.
    """

    member: UUID
    currency: str
    before: datetime
    order: UUID | None = None
    since: datetime | None = None
    """Included; None: since ever."""


class Facts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A member's orders in a stretch of time, as they stand now."""

    orders: int
    """Paid, and not wholly returned."""
    bought: int
    """Paid, whatever came back: 0 before the first purchase."""
    spent: int
    """What was paid and kept, of orders in the currency asked for; minor units."""
    last_at: datetime | None
    """When the last one happened, of those bought."""


def read_facts(*, program: UUID, wanted: Sequence[FactsWanted]) -> list[Facts]:
    """Return counts and sums of members' orders, in the order asked; one statement."""
    if not wanted:
        return []
    # IS TRUE: a plan made while the table was empty would take the index of programs,
    # and look at all the orders that a program has later.
    cursor = sql.cursor()
    cursor.execute(
        """
        SELECT s.* FROM unnest(%(members)s, %(currencies)s, %(befores)s, %(orders)s,
            %(sinces)s)
            WITH ORDINALITY AS a (member, currency, before, id, since, place)
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE o.status <> 'returned'), count(*),
                coalesce(sum(o.total - o.returned_amount)
                    FILTER (WHERE o.currency = a.currency), 0)::bigint,
                max(o.occurred_at)
            FROM orders_order o
            WHERE o.member_id = a.member AND (o.program_id = %(program)s) IS TRUE
                AND o.status IN ('paid', 'partially_returned', 'returned')
                AND o.occurred_at >= coalesce(a.since, '-infinity')
                AND o.occurred_at <= a.before
                AND (o.occurred_at < a.before OR o.id < a.id)
        ) s
        ORDER BY a.place
        """,
        {
            "program": program,
            "members": sql.Uuids([one.member for one in wanted]),
            "currencies": sql.Texts([one.currency for one in wanted]),
            "befores": sql.Instants([one.before for one in wanted]),
            "orders": sql.Uuids([one.order for one in wanted]),
            "sinces": sql.Instants([one.since for one in wanted]),
        },
        prepare=True,
    )
    return [
        Facts(orders=orders, bought=bought, spent=spent, last_at=last_at)
        for orders, bought, spent, last_at in cursor
    ]


def _narrowed(
    filters: msgspec.Struct, *, after: UUID | None, newest_first: bool
) -> tuple[LiteralString, dict[str, Any]]:
    """Return the WHERE and ORDER BY of a list, and their parameters."""
    wanted = {
        name: value
        for name, value in msgspec.structs.asdict(filters).items()
        if value is not None
    }
    where: LiteralString = "WHERE program_id = %(program)s"
    # PostgreSQL knows no NUL in text, so nothing has one.
    if any(isinstance(value, str) and "\0" in value for value in wanted.values()):
        where, wanted = where + " AND FALSE", {}
    for name in wanted:
        where += f" AND {_CONDITIONS[name]}"
    if after is not None:
        where += " AND id < %(after)s" if newest_first else " AND id > %(after)s"
    where += " ORDER BY id DESC" if newest_first else " ORDER BY id"
    return where, wanted | {"after": after}
