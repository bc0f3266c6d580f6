"""A shop for tests: a program with members, and orders said in a few words."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from punchcard.kernel.transactions import transaction
from punchcard.members.operations import enrol_members
from punchcard.orders import operations
from punchcard.orders.contents import Move, NewOrder, NewReturn
from punchcard.orders.queries import OrderView
from tests.builders import DAY, START, a_ledger
from tests.unit.orders import line, part, tender

NOW = START + DAY * 100


@dataclass
class Shop:
    """A program, and what is told of orders in it, each in a transaction of its own."""

    program: UUID
    members: dict[str, UUID] = field(default_factory=dict)

    def order(
        self,
        external_id: str,
        lines: str = "1x1000",
        *,
        by: str = "anna",
        at: datetime = START,
        paid: str = "",
        **said: Any,
    ) -> NewOrder:
        """Return an order: lines `2x300 -50, 1x100`, paid `card=500, points=50`."""
        return NewOrder(
            external_id=external_id,
            member=self.members[by],
            occurred_at=at,
            lines=tuple(line(text) for text in lines.split(", ") if text),
            tenders=tuple(tender(text) for text in paid.split(", ") if text),
            **{"currency": "EUR"} | said,
        )

    def record(self, *orders: NewOrder) -> list[operations.Recorded]:
        with transaction():
            return operations.record_orders(
                program=self.program, orders=orders, now=NOW
            )

    def recorded(self, *said: Any, **more: Any) -> OrderView:
        """Record one order, which must be a new one, and return it."""
        recorded = self.record(self.order(*said, **more))[0]
        assert recorded.created, recorded.refusal
        assert recorded.order is not None
        return recorded.order

    def give_back(self, *returns: NewReturn) -> list[operations.Returned]:
        with transaction():
            return operations.record_returns(
                program=self.program, returns=returns, now=NOW
            )

    def move(self, *moves: Move) -> list[operations.Moved]:
        with transaction():
            return operations.move_orders(program=self.program, moves=moves, now=NOW)


def moving(order: UUID, to: Any, paid: str = "") -> Move:
    tenders = tuple(tender(text) for text in paid.split(", ") if text)
    return Move(order=order, to=to, at=START + DAY, tenders=tenders)


def returning(order: UUID, external_id: str, parts: str = "", **said: Any) -> NewReturn:
    """Return a return of parts like `1x2, 2=50`; of everything where none are named."""
    return NewReturn(
        order=order,
        external_id=external_id,
        occurred_at=START + DAY,
        lines=tuple(part(text) for text in parts.split(", ") if text),
        everything=not parts and not said,
        **said,
    )


def a_shop(*members: str) -> Shop:
    """Create a program with members of these names; anna is always one."""
    program = a_ledger().program
    named = {name: f"{name}-{secrets.token_hex(4)}" for name in ("anna", *members)}
    with transaction():
        enrolled = enrol_members(
            program=program, external_ids=list(named.values()), now=START
        )
    ids = {member.external_id: member.id for member in enrolled}
    return Shop(program, {name: ids[text] for name, text in named.items()})
