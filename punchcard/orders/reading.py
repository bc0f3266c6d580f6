"""How rows become orders and returns: the SELECTs, and what is made of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from punchcard.kernel import sql

from .order import (
    ActivityView,
    LineView,
    OrderView,
    ReturnedLine,
    ReturnedTender,
    ReturnView,
    TenderView,
)

ORDER: LiteralString = """
    SELECT id, program_id, member_id, external_id, status, currency, channel, place_id,
        tax_included, occurred_at, created_at, paid_at, version, times_paid, shipping,
        total, returns, returned_shipping, returned_amount
    FROM orders_order
"""
ACTIVITY: LiteralString = """
    SELECT id, program_id, member_id, external_id, type, place_id, facts, occurred_at,
        created_at
    FROM orders_activity
"""
_LINES: LiteralString = """
    SELECT order_id, n, sku, name, category, brand, quantity, unit_price, discount,
        shared_discount, tax, amount, returned_quantity, returned_amount, returned_tax,
        repriced_quantity, repriced_amount
    FROM orders_line WHERE order_id = ANY(%(orders)s) ORDER BY order_id, n
"""
_TENDERS: LiteralString = """
    SELECT order_id, n, kind, amount, account_id, sequence, returned
    FROM orders_tender WHERE order_id = ANY(%(orders)s) ORDER BY order_id, n
"""
RETURN: LiteralString = """
    SELECT id, program_id, order_id, n, external_id, occurred_at, created_at, amount,
        shipping, refund, withheld
    FROM orders_return
"""
_RETURNED_LINES: LiteralString = """
    SELECT order_id, return_n, n, quantity, amount, tax
    FROM orders_return_line WHERE order_id = ANY(%(orders)s) ORDER BY order_id, n
"""
_RETURNED_TENDERS: LiteralString = """
    SELECT order_id, return_n, n, amount
    FROM orders_return_tender WHERE order_id = ANY(%(orders)s) ORDER BY order_id, n
"""


class Kept(msgspec.Struct, frozen=True):
    """What a delivery is compared with: who has its external id, and what it said."""

    id: UUID
    fingerprint: bytes


def find_kept(
    *, statement: LiteralString, program: UUID, external_ids: Sequence[str]
) -> dict[str, Kept]:
    """Return what is kept under these external ids; one statement."""
    # PostgreSQL knows no NUL in text, so such an id is nobody's.
    asked = [text for text in external_ids if "\0" not in text]
    if not asked:
        return {}
    cursor = sql.cursor()
    cursor.execute(
        statement, {"program": program, "asked": sql.Texts(asked)}, prepare=True
    )
    return {text: Kept(id_, fingerprint) for text, id_, fingerprint in cursor}


def read_orders(
    *, statement: str, parameters: Mapping[str, Any]
) -> dict[UUID, OrderView]:
    """Return orders with their lines and tenders, all from one moment."""
    with sql.one_moment() as cursor:
        cursor.execute(statement.encode(), parameters, prepare=True)
        rows = cursor.fetchall()
        if not rows:
            return {}
        orders = {"orders": sql.Uuids([row[0] for row in rows])}
        cursor.execute(_LINES, orders, prepare=True)
        lines = _grouped(LineView, cursor.fetchall(), by=1)
        cursor.execute(_TENDERS, orders, prepare=True)
        tenders = _grouped(TenderView, cursor.fetchall(), by=1)
    names = OrderView.__struct_fields__[:-2]
    return {
        row[0]: OrderView(
            **dict(zip(names, row, strict=True)),
            lines=tuple(lines[row[:1]]),
            tenders=tuple(tenders[row[:1]]),
        )
        for row in rows
    }


def _grouped(
    kind: type[Any], rows: Sequence[Any], *, by: int
) -> defaultdict[tuple[Any, ...], list[Any]]:
    """Return structs of rows, by the first so many columns of each."""
    found: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(list)
    names = kind.__struct_fields__
    for row in rows:
        found[row[:by]].append(kind(**dict(zip(names, row[by:], strict=True))))
    return found


def read_returns(
    *, statement: str, parameters: Mapping[str, Any]
) -> dict[UUID, ReturnView]:
    """Return returns with what they brought back, all from one moment."""
    with sql.one_moment() as cursor:
        cursor.execute(statement.encode(), parameters, prepare=True)
        rows = cursor.fetchall()
        if not rows:
            return {}
        orders = {"orders": sql.Uuids([row[2] for row in rows])}
        cursor.execute(_RETURNED_LINES, orders, prepare=True)
        lines = _grouped(ReturnedLine, cursor.fetchall(), by=2)
        cursor.execute(_RETURNED_TENDERS, orders, prepare=True)
        tenders = _grouped(ReturnedTender, cursor.fetchall(), by=2)
    names = ReturnView.__struct_fields__[:-2]
    return {
        row[0]: ReturnView(
            **dict(zip(names, row, strict=True)),
            lines=tuple(lines[row[2:4]]),
            tenders=tuple(tenders[row[2:4]]),
        )
        for row in rows
    }


def read_activities(
    *, statement: str, parameters: Mapping[str, Any]
) -> list[ActivityView]:
    """Return activities; one statement."""
    cursor = sql.cursor()
    cursor.execute(statement.encode(), parameters, prepare=True)
    names = ActivityView.__struct_fields__
    return [ActivityView(**dict(zip(names, row, strict=True))) for row in cursor]
