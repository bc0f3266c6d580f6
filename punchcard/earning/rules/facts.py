"""The names that conditions know, and what a purchase says of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from punchcard.earning.purchases import Purchase
from punchcard.kernel.conditions import Kind

MEMBER_FACTS: Mapping[str, Kind] = {
    "member.level": "text",
    "member.tags": "texts",
    "member.attributes": "attributes",
    "member.enrolled_at": "instant",
    "member.orders": "int",
    "member.spent": "int",
    "member.orders_30d": "int",
    "member.spent_30d": "int",
    "member.orders_365d": "int",
    "member.spent_365d": "int",
    "member.last_order_at": "instant",
}
"""Of segments, too. Amounts are minor units; before the first there is no last."""

FACTS: Mapping[str, Kind] = {
    **MEMBER_FACTS,
    "order.total": "int",
    "order.shipping": "int",
    "order.lines": "int",
    "order.items": "int",
    "order.skus": "texts",
    "order.categories": "texts",
    "order.brands": "texts",
    "order.currency": "text",
    "order.channel": "text",
    "order.place": "text",
    "order.at": "instant",
    "order.is_first": "bool",
    "activity.type": "text",
    "activity.data": "attributes",
}


def total_of(purchase: Purchase) -> int:
    """Return what the customer pays for the lines, with tax, without shipping."""
    on_top = 0 if purchase.tax_included else 1
    return sum(
        line.gross - line.discount + on_top * line.tax for line in purchase.lines
    )


def values_of(purchase: Purchase) -> dict[str, Any]:
    """Return the values of all names for a purchase."""
    lines = purchase.lines
    at = purchase.occurred_at.astimezone(UTC)
    return {
        "member.level": purchase.level,
        "order.total": total_of(purchase),
        "order.shipping": purchase.shipping,
        "order.lines": len(lines),
        "order.items": sum(line.quantity for line in lines),
        "order.skus": sorted({line.sku for line in lines}),
        "order.categories": sorted({line.category for line in lines}),
        "order.brands": sorted({line.brand for line in lines}),
        "order.currency": purchase.currency,
        "order.channel": purchase.channel,
        "order.place": purchase.place,
        "order.at": at,
        "order.is_first": purchase.is_first,
        "activity.type": purchase.trigger.partition(":")[2],
        "activity.data": {},
        **purchase.facts,
    }


def restored(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts that were kept as JSON, with instants for their texts."""
    return {
        name: datetime.fromisoformat(value) if FACTS[name] == "instant" else value
        for name, value in facts.items()
    }
