"""Import orders that happened elsewhere: members, accounts and what they earned then.

One batch is one transaction. An interrupted import is posted again from its start:
every earn has its order's key, so what is there already is answered, not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.ledger.commands import Earn
from punchcard.ledger.operations import post
from punchcard.ledger.outcomes import Outcome
from punchcard.members import operations as members
from punchcard.programs.queries import list_wallets

from .imported import Imported, join_imported
from .open_member_accounts import open_member_accounts
from .retrying import UNEXPECTED, in_one_transaction

REFERENCE_TYPE = "order"
ACTOR = "import"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order: whose, when, for how much, and what it earns."""

    external_id: str
    occurred_at: datetime
    member: str
    """External id of the member, who is enrolled if there is none."""
    amount_minor: int
    points: int
    """0 earns nothing; the member still gets an account."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Where the orders go, and when what they earn can be spent.

    Durations are ISO 8601 text; None is the wallet's own.
    """

    program: UUID
    wallet: UUID
    pending: str | None = None
    validity: str | None = None
    author: Author | None = None
    """Who imports; None: nobody who must answer for it."""


def import_orders(
    *,
    terms: Terms,
    orders: Sequence[Order],
    now: datetime,
    along: Callable[[Imported], object] | None = None,
) -> Imported:
    """Enrol the members, open their accounts, post the earns: one transaction.

    Orders come in order of time, over all batches: an account's history never goes
    back. An order known with another content is answered `key_reused`; what the
    database refuses unexpectedly fails alone, as `unexpected`.

    `along` is called with what became of them, in their transaction.

    Raises:
        ExternalIdMalformed: a member's id is not as it must be; nothing is written.
        OperationalError: (Django's or psycopg's) the database cannot be reached;
            post the same batch again to know, and to have it once.
    """
    return in_one_transaction(
        orders,
        lambda some: _import_batch(terms, some, now),
        _unexpected,
        join=join_imported,
        along=along,
    )


def _unexpected(_order: Order) -> Imported:
    # The account is unknown: not even that could be written.
    refused = Outcome(account=UUID(int=0), code=UNEXPECTED)
    return Imported(outcomes=[refused], members_created=0)


def _import_batch(terms: Terms, orders: Sequence[Order], now: datetime) -> Imported:
    enrolled = members.enrol_members(
        program=terms.program,
        external_ids=sorted({order.member for order in orders}),
        now=now,
    )
    of_wallets = open_member_accounts(
        wallets=list_wallets(program=terms.program),
        members=[member.id for member in enrolled],
        now=now,
    )
    ours = of_wallets[terms.wallet]
    accounts = {member.external_id: ours[member.id] for member in enrolled}
    earning = [order for order in orders if order.points]
    posted = post(
        commands=[
            Earn(
                account=accounts[order.member],
                points=order.points,
                reference_type=REFERENCE_TYPE,
                reference_id=order.external_id,
                pending=terms.pending,
                validity=terms.validity,
                at=order.occurred_at,
                actor=ACTOR,
                metadata={"order_amount": order.amount_minor},
            )
            for order in earning
        ],
        now=now,
    )
    answers = iter(
        [_judge(order, out) for order, out in zip(earning, posted, strict=True)]
    )
    if terms.author is not None:
        changes = _changes(terms, earning, posted)
        record_changes(author=terms.author, changes=changes, now=now)
    return Imported(
        outcomes=[next(answers) if order.points else None for order in orders],
        members_created=sum(member.created for member in enrolled),
    )


def _changes(
    terms: Terms, orders: Sequence[Order], outcomes: Sequence[Outcome]
) -> list[Change]:
    """Return what the audit keeps: a sum, the entries have the rest."""
    points = [
        order.points
        for order, outcome in zip(orders, outcomes, strict=True)
        if outcome.applied and not outcome.replayed
    ]
    if not points:
        return []
    fields = {"orders": len(points), "points": sum(points)}
    target = typed("wal", terms.wallet)
    return [Change(action="orders.imported", target=target, fields=fields)]


def _judge(order: Order, outcome: Outcome) -> Outcome:
    """Take a replay for what it is: the same points may be of another amount."""
    if not outcome.replayed or outcome.entry is None:
        return outcome
    noted = msgspec.json.decode(outcome.entry.metadata)
    if noted.get("order_amount", order.amount_minor) == order.amount_minor:
        return outcome
    return Outcome(
        account=outcome.account, code="key_reused", sequence=outcome.sequence
    )
