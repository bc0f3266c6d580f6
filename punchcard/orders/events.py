"""What orders and activities announce."""

from __future__ import annotations

from typing import Literal, TypeAlias

OrderEvent: TypeAlias = Literal[
    "order.recorded",
    "order.paid",
    "order.reopened",
    "order.cancelled",
    "order.returned",
]
ActivityEvent: TypeAlias = Literal["activity.recorded"]
