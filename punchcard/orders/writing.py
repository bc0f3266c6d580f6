"""What operations write: all rows of a batch in one statement, each row once.

The guards of `sql/0001_guards` fire once a statement and see it whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from punchcard.kernel import sql

from .order import ActivityView, LineView, OrderView, ReturnView, TenderView

_FILES = Path(__file__).parent / "sql"
_RECORD = sql.numbered(sql.load(_FILES / "record.sql"))
_MOVE = sql.numbered(sql.load(_FILES / "move.sql"))
_RETURN = sql.numbered(sql.load(_FILES / "return.sql"))
_ACTIVITIES = sql.numbered(sql.load(_FILES / "activities.sql"))

Columns = Sequence[tuple[str, type[sql.Array]]]
Pairs = Iterable[tuple[OrderView, OrderView]]

_ORDER: Columns = [
    ("id", sql.Uuids),
    ("member", sql.Uuids),
    ("external_id", sql.Texts),
    ("status", sql.Texts),
    ("currency", sql.Texts),
    ("channel", sql.Texts),
    ("place", sql.Uuids),
    ("tax_included", sql.Booleans),
    ("occurred_at", sql.Instants),
    ("paid_at", sql.Instants),
    ("shipping", sql.Int8s),
    ("total", sql.Int8s),
]
_LINE: Columns = [
    ("n", sql.Int8s),
    ("sku", sql.Texts),
    ("name", sql.Texts),
    ("category", sql.Texts),
    ("brand", sql.Texts),
    ("quantity", sql.Int8s),
    ("unit_price", sql.Int8s),
    ("discount", sql.Int8s),
    ("shared_discount", sql.Int8s),
    ("tax", sql.Int8s),
    ("amount", sql.Int8s),
]
_TENDER: Columns = [
    ("n", sql.Int8s),
    ("kind", sql.Texts),
    ("amount", sql.Int8s),
    ("account", sql.Uuids),
    ("sequence", sql.Int8s),
]
_MOVED: Columns = [
    ("id", sql.Uuids),
    ("status", sql.Texts),
    ("version", sql.Int8s),
    ("times_paid", sql.Int8s),
    ("paid_at", sql.Instants),
]
_RETURNED_ORDER: Columns = [
    ("id", sql.Uuids),
    ("status", sql.Texts),
    ("version", sql.Int8s),
    ("returns", sql.Int8s),
    ("returned_shipping", sql.Int8s),
    ("returned_amount", sql.Int8s),
]
_RETURNED_LINE: Columns = [
    ("n", sql.Int8s),
    ("returned_quantity", sql.Int8s),
    ("returned_amount", sql.Int8s),
    ("returned_tax", sql.Int8s),
    ("repriced_quantity", sql.Int8s),
    ("repriced_amount", sql.Int8s),
]
_RETURNED_TENDER: Columns = [("n", sql.Int8s), ("returned", sql.Int8s)]
_ACTIVITY: Columns = [
    ("id", sql.Uuids),
    ("program", sql.Uuids),
    ("member", sql.Uuids),
    ("external_id", sql.Texts),
    ("type", sql.Texts),
    ("place", sql.Uuids),
    ("occurred_at", sql.Instants),
    ("created_at", sql.Instants),
]
_BACK_HEAD: Columns = [
    ("id", sql.Uuids),
    ("order", sql.Uuids),
    ("n", sql.Int8s),
    ("external_id", sql.Texts),
    ("occurred_at", sql.Instants),
    ("amount", sql.Int8s),
    ("shipping", sql.Int8s),
    ("refund", sql.Texts),
    ("withheld", sql.Booleans),
]


def insert_orders(
    *,
    program: UUID,
    orders: Sequence[OrderView],
    fingerprints: Sequence[bytes],
    now: datetime,
) -> set[UUID]:
    """Write orders whose external ids are not there yet; return which were written.

    One statement. Who delivers the same at this moment is waited for.
    """
    parameters: dict[str, Any] = {
        "program": program,
        "now": now,
        **_columns("o_", _ORDER, orders),
        "o_fingerprint": sql.Byteas(fingerprints),
        "o_line_count": sql.Int8s([len(order.lines) for order in orders]),
        **_of_orders("l_", _LINE, ((one.id, one.lines) for one in orders)),
        **_of_orders("t_", _TENDER, ((one.id, one.tenders) for one in orders)),
    }
    return {row[0] for row in sql.run_numbered(_RECORD, parameters).fetchall()}


def update_moved(*, moved: Pairs) -> None:
    """Write orders that moved, each given before and after; one statement."""
    pairs = list(moved)
    told = [(new.id, new.tenders) for old, new in pairs if not old.tenders]
    parameters = {
        **_columns("o_", _MOVED, [new for _, new in pairs]),
        **_of_orders("t_", _TENDER, told),
    }
    sql.run_numbered(_MOVE, parameters)


def insert_returns(
    *,
    program: UUID,
    returns: Sequence[ReturnView],
    fingerprints: Sequence[bytes],
    orders: Pairs,
    now: datetime,
) -> None:
    """Write returns, and their orders given before and after all of them.

    One statement.
    """
    pairs = list(orders)
    lines = [(new.id, _changed(old.lines, new.lines)) for old, new in pairs]
    tenders = [(new.id, _changed(old.tenders, new.tenders)) for old, new in pairs]
    brought = [(one, line) for one in returns for line in one.lines]
    given = [(one, tender) for one in returns for tender in one.tenders]
    parameters: dict[str, Any] = {
        "program": program,
        "now": now,
        **_columns("r_", _BACK_HEAD, returns),
        "r_fingerprint": sql.Byteas(fingerprints),
        "b_order": sql.Uuids([one.order for one, _ in brought]),
        "b_n": sql.Int8s([line.line for _, line in brought]),
        "b_return_n": sql.Int8s([one.n for one, _ in brought]),
        "b_quantity": sql.Int8s([line.quantity for _, line in brought]),
        "b_amount": sql.Int8s([line.amount for _, line in brought]),
        "b_tax": sql.Int8s([line.tax for _, line in brought]),
        "g_order": sql.Uuids([one.order for one, _ in given]),
        "g_n": sql.Int8s([tender.tender for _, tender in given]),
        "g_return_n": sql.Int8s([one.n for one, _ in given]),
        "g_amount": sql.Int8s([tender.amount for _, tender in given]),
        **_of_orders("l_", _RETURNED_LINE, lines),
        **_of_orders("t_", _RETURNED_TENDER, tenders),
        **_columns("o_", _RETURNED_ORDER, [new for _, new in pairs]),
    }
    sql.run_numbered(_RETURN, parameters)


def update_refunds(*, returns: Sequence[ReturnView]) -> None:
    """Write what became of refunds; one statement."""
    sql.cursor().execute(
        """
        UPDATE orders_return r SET refund = said.refund, withheld = said.withheld
        FROM unnest(%(ids)s, %(refunds)s, %(withheld)s) AS said (id, refund, withheld)
        WHERE r.id = said.id
        """,
        {
            "ids": sql.Uuids([one.id for one in returns]),
            "refunds": sql.Texts([one.refund for one in returns]),
            "withheld": sql.Booleans([one.withheld for one in returns]),
        },
        prepare=True,
    )


def insert_activities(
    *, activities: Sequence[ActivityView], fingerprints: Sequence[bytes]
) -> set[UUID]:
    """Write activities whose external ids are not there yet; return which were written.

    One statement. Who delivers the same at this moment is waited for.
    """
    parameters: dict[str, Any] = {
        **_columns("a_", _ACTIVITY, activities),
        "a_fingerprint": sql.Byteas(fingerprints),
        "a_facts": sql.Texts(
            [msgspec.json.encode(one.facts).decode() for one in activities]
        ),
    }
    return {row[0] for row in sql.run_numbered(_ACTIVITIES, parameters).fetchall()}


Part = LineView | TenderView


def _changed(before: Sequence[Part], after: Sequence[Part]) -> list[Part]:
    return [new for old, new in zip(before, after, strict=True) if new != old]


def _columns(prefix: str, columns: Columns, rows: Sequence[Any]) -> dict[str, Any]:
    """Return one array per column: the attribute of its name, of every row."""
    return {
        prefix + name: kind([getattr(row, name) for row in rows])
        for name, kind in columns
    }


def _of_orders(
    prefix: str, columns: Columns, orders: Iterable[tuple[UUID, Sequence[Part]]]
) -> dict[str, Any]:
    """Return one array per column of parts of orders, and one of the orders' ids."""
    parts = [(order, part) for order, of in orders for part in of]
    found = _columns(prefix, columns, [part for _, part in parts])
    found[prefix + "order"] = sql.Uuids([order for order, _ in parts])
    return found
