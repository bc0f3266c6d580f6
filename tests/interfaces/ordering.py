"""Orders, returns and activities that were told before, for tests of what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from punchcard.journeys.configuration.document import Document, whole
from punchcard.kernel import clock
from punchcard.kernel.ids import typed, untyped
from punchcard.kernel.transactions import transaction
from punchcard.members.queries import find_members
from punchcard.orders import operations
from punchcard.orders.contents import NewActivity, NewLine, NewOrder, NewReturn
from punchcard.programs.operations import save_configuration
from tests.interfaces.conftest import Api

PER_EURO = {"kind": "per_spend", "points": 1, "per": 100, "tax": "after"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def configure(
    api: Api,
    *rules: Mapping[str, Any],
    since: datetime = LONG_AGO,
    **document: Any,
) -> None:
    """Put rules in force, `{earn …}`; `earning=` and the like are the rest of it."""
    numbered = [{"id": f"r{n}", **rule} for n, rule in enumerate(rules, 1)]
    earning = {"rules": numbered, **document.pop("earning", {})}
    said = msgspec.convert({"earning": earning, **document}, Document)
    with transaction():
        save_configuration(
            program=api.program,
            document=whole(said),
            effective_from=since,
            note="",
            actor="console",
            now=clock.read(),
        )


def an_order(
    api: Api,
    external_id: str,
    *,
    member: str = "anna",
    at: datetime = NOON,
    **said: Any,
) -> str:
    """Record an order of two bags of beans; return its id."""
    about = {"lines": (NewLine(sku="beans", quantity=2, unit_price=600),)} | said
    order = NewOrder(
        external_id=external_id,
        member=find_members(program=api.program, external_ids=[member])[member],
        occurred_at=at,
        **{"currency": "EUR"} | about,
    )
    with transaction():
        (done,) = operations.record_orders(
            program=api.program, orders=[order], now=clock.read()
        )
    assert done.created, done.refusal
    assert done.order is not None
    return typed("ord", done.order.id)


def a_return(
    api: Api, order: str, external_id: str, *, pending: bool = False, **said: Any
) -> str:
    """Record a return, of everything unless something is said; return its id.

    Of one with a pending refund nothing is taken back before that has succeeded.
    """
    returned = NewReturn(
        order=untyped("ord", order),
        external_id=external_id,
        occurred_at=NOON,
        everything=not said,
        refund_pending=pending,
        **said,
    )
    with transaction():
        (done,) = operations.record_returns(
            program=api.program,
            returns=[returned],
            now=clock.read(),
            withhold={external_id} if pending else set(),
        )
    assert done.created, done.refusal
    assert done.returned is not None
    return typed("ret", done.returned.id)


def an_activity(
    api: Api,
    external_id: str,
    *,
    member: str = "anna",
    at: datetime = NOON,
    **said: Any,
) -> str:
    """Record a review; return its id."""
    activity = NewActivity(
        external_id=external_id,
        member=find_members(program=api.program, external_ids=[member])[member],
        occurred_at=at,
        **{"type": "review", "facts": {"stars": 5}} | said,
    )
    with transaction():
        (done,) = operations.record_activities(
            program=api.program, activities=[activity], now=clock.read()
        )
    assert done.created, done.refusal
    assert done.activity is not None
    return typed("act", done.activity.id)
