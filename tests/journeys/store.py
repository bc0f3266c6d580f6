"""A store for tests: a program with a configuration, members, and what they do."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from punchcard.journeys.configuration.document import Document, whole
from punchcard.journeys.open_member_accounts import open_member_accounts
from punchcard.journeys.orders.answers import (
    ActivityAnswer,
    OrderAnswer,
    ReturnAnswer,
)
from punchcard.journeys.orders.move_orders import move_orders
from punchcard.journeys.orders.record_activities import record_activities
from punchcard.journeys.orders.record_orders import record_orders
from punchcard.journeys.orders.return_orders import return_orders
from punchcard.kernel.transactions import transaction
from punchcard.ledger.commands import Command
from punchcard.ledger.operations import post
from punchcard.ledger.outcomes import Outcome
from punchcard.ledger.queries import AccountView, list_accounts
from punchcard.members.operations import enrol_members
from punchcard.orders.operations import Move, NewActivity, NewLine, NewOrder, NewReturn
from punchcard.programs.operations import save_configuration
from punchcard.programs.queries import list_wallets
from tests.builders import DAY, START, a_ledger
from tests.database.shop import returning
from tests.unit.orders import line, tender

NOW = START + DAY * 400
PER_EURO = {"kind": "per_spend", "points": 1, "per": 100, "tax": "after"}


@dataclass
class Store:
    """A program that grants by rules, and what is told to it."""

    program: UUID
    members: dict[str, UUID] = field(default_factory=dict)
    now: datetime = NOW

    def configure(
        self, *rules: Mapping[str, Any], at: datetime = START, **also: Any
    ) -> None:
        """Put rules in force: `{id, earn …}`; `returns=` and the like of the ruleset.

        `document=` has other parts of the configuration.
        """
        document = also.pop("document", {})
        numbered = [{"id": f"r{n}", **rule} for n, rule in enumerate(rules)]
        said = {"earning": {"rules": numbered, **also}, **document}
        with transaction():
            save_configuration(
                program=self.program,
                document=whole(msgspec.convert(said, Document)),
                effective_from=at,
                note="",
                actor="console",
                now=START,
            )

    def order(
        self,
        external_id: str,
        lines: str | tuple[NewLine, ...] = "1x1000",
        *,
        by: str = "anna",
        at: datetime = START,
        paid: str = "",
        **said: Any,
    ) -> NewOrder:
        """Return an order: lines `2x300 -50, 1x100`, paid `card=500, points=50`."""
        if isinstance(lines, str):
            lines = tuple(line(text) for text in lines.split(", ") if text)
        about = {
            "lines": lines,
            "tenders": tuple(tender(text) for text in paid.split(", ") if text),
            "currency": "EUR",
        }
        return NewOrder(
            external_id=external_id,
            member=self.members[by],
            occurred_at=at,
            **about | said,
        )

    def buy(self, *orders: NewOrder, **options: Any) -> list[OrderAnswer]:
        return record_orders(
            program=self.program, orders=orders, now=self.now, **options
        )

    def bought(self, *said: Any, **more: Any) -> OrderAnswer:
        """Record one order, which must be new."""
        (answer,) = self.buy(self.order(*said, **more))
        assert answer.created, answer.refusal
        return answer

    def give_back(self, *returns: NewReturn, **options: Any) -> list[ReturnAnswer]:
        return return_orders(
            program=self.program, returns=returns, now=self.now, **options
        )

    def brought_back(
        self, order: OrderAnswer, external_id: str, parts: str = "", **said: Any
    ) -> ReturnAnswer:
        """Return parts of an order like `1x2, 2=50`, or everything; it must be new."""
        assert order.order is not None
        (answer,) = self.give_back(
            returning(order.order.id, external_id, parts, **said)
        )
        assert answer.created, answer.refusal
        return answer

    def move(self, *moves: Move, **options: Any) -> list[OrderAnswer]:
        return move_orders(program=self.program, moves=moves, now=self.now, **options)

    def did(
        self,
        type_: str,
        *,
        by: str = "anna",
        at: datetime = START,
        external_id: str | None = None,
        **facts: Any,
    ) -> NewActivity:
        """Return an activity, new unless an external id is named."""
        return NewActivity(
            external_id=external_id or f"act-{secrets.token_hex(6)}",
            member=self.members[by],
            type=type_,
            occurred_at=at,
            facts=facts,
        )

    def tell(self, *activities: NewActivity, **options: Any) -> list[ActivityAnswer]:
        return record_activities(
            program=self.program, activities=activities, now=self.now, **options
        )

    def account(self, name: str = "anna") -> AccountView:
        (account,) = list_accounts(holder_kind="member", holder=self.members[name])
        return account

    def balance(self, name: str = "anna") -> int:
        """Return what a member can spend; without an account that is nothing."""
        found = list_accounts(holder_kind="member", holder=self.members[name])
        return sum(account.available for account in found)

    def post(self, *commands: Command) -> list[Outcome]:
        with transaction():
            return post(commands=commands, now=self.now)


def a_store(*members: str, **policy: Any) -> Store:
    """Create a program with members of these names; anna is always one."""
    return a_store_of(a_ledger(**policy).program, "anna", *members)


def a_store_of(program: UUID, *members: str) -> Store:
    """Enrol members of these names in a program that is there."""
    texts = {name: f"{name}-{secrets.token_hex(4)}" for name in members}
    with transaction():
        enrolled = enrol_members(
            program=program, external_ids=list(texts.values()), now=START
        )
        open_member_accounts(
            wallets=list_wallets(program=program),
            members=[member.id for member in enrolled],
            now=START,
        )
    ids = {member.external_id: member.id for member in enrolled}
    return Store(program, {name: ids[text] for name, text in texts.items()})
