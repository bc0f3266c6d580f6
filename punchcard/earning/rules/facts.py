"""The names that conditions know, and what a purchase says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


_OF_PURCHASE: Mapping[str, Callable[[Purchase], Any]] = {
    "member.level": lambda purchase: purchase.level,
    "order.total": total_of,
    "order.shipping": lambda purchase: purchase.shipping,
    "order.lines": lambda purchase: len(purchase.lines),
    "order.items": lambda purchase: sum(line.quantity for line in purchase.lines),
    "order.skus": lambda purchase: sorted({line.sku for line in purchase.lines}),
    "order.categories": lambda purchase: sorted(
        {line.category for line in purchase.lines}
    ),
    "order.brands": lambda purchase: sorted({line.brand for line in purchase.lines}),
    "order.currency": lambda purchase: purchase.currency,
    "order.channel": lambda purchase: purchase.channel,
    "order.place": lambda purchase: purchase.place,
    "order.at": lambda purchase: purchase.occurred_at.astimezone(UTC),
    "order.is_first": lambda purchase: purchase.is_first,
    "activity.type": lambda purchase: purchase.trigger.partition(":")[2],
    "activity.data": lambda _: {},
}
"""What a purchase says by itself, where its facts say nothing else."""


def values_of(purchase: Purchase, names: Iterable[str]) -> dict[str, Any]:
    """Return the values of names for a purchase; what is not known is left out."""
    facts = purchase.facts
    values = {}
    for name in names:
        if name in facts:
            values[name] = facts[name]
        elif name in _OF_PURCHASE:
            values[name] = _OF_PURCHASE[name](purchase)
    return values


def restored(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts that were kept as JSON, with instants for their texts."""
    return {
        name: datetime.fromisoformat(value) if FACTS[name] == "instant" else value
        for name, value in facts.items()
    }
