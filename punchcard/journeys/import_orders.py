"""Import orders that happened elsewhere: members, accounts and what they earned then.

One batch is one transaction. An interrupted import is posted again from its start:
every earn has its order's key, so what is there already is answered, not repeated.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from punchcard.kernel.transactions import refuse_transaction, transaction
from punchcard.ledger.commands import Earn
from punchcard.ledger.operations import open_accounts, post
from punchcard.ledger.outcomes import Outcome
from punchcard.members import operations as members
from punchcard.programs.queries import list_wallets

HOLDER_KIND = "member"
REFERENCE_TYPE = "order"
ACTOR = "import"
UNEXPECTED = "unexpected"
"""Code of an order that the database refuses for no reason we know."""

TRIES = 3
FIRST_PAUSE_SECONDS = 0.05

_LOST = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
_REFUSED = (DatabaseError, psycopg.DatabaseError)

logger = logging.getLogger(__name__)


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


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch."""

    outcomes: list[Outcome | None]
    """One for each order; None for an order that earns nothing."""
    members_created: int


def import_orders(*, terms: Terms, orders: Sequence[Order], now: datetime) -> Imported:
    """Enrol the members, open their accounts, post the earns: one transaction.

    Orders come in order of time, over all batches: an account's history never goes
    back. An order known with another content is answered `key_reused`; what the
    database refuses unexpectedly fails alone, as `unexpected`.

    Raises:
        ExternalIdMalformed: a member's id is not as it must be; nothing is written.
        OperationalError: (Django's or psycopg's) the database cannot be reached;
            post the same batch again to know, and to have it once.
    """
    refuse_transaction()
    try:
        return _import_surely(terms, orders, now)
    except _LOST:
        raise
    except _REFUSED:
        logger.exception("a batch of %d orders was refused", len(orders))
    if len(orders) == 1:
        # The account is unknown: not even that could be written.
        refused = Outcome(account=UUID(int=0), code=UNEXPECTED)
        return Imported(outcomes=[refused], members_created=0)
    half = len(orders) // 2
    parts = [
        import_orders(terms=terms, orders=part, now=now)
        for part in (orders[:half], orders[half:])
    ]
    return Imported(
        outcomes=[outcome for part in parts for outcome in part.outcomes],
        members_created=sum(part.members_created for part in parts),
    )


def _import_surely(terms: Terms, orders: Sequence[Order], now: datetime) -> Imported:
    """Import; after a lost connection or a deadlock again, a few times."""
    for attempt in range(TRIES):
        try:
            with transaction():
                return _import_batch(terms, orders, now)
        except _LOST:
            if connection.connection is not None and not connection.is_usable():
                connection.close()
            if attempt == TRIES - 1:
                raise
            time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
    raise AssertionError("unreachable")


def _import_batch(terms: Terms, orders: Sequence[Order], now: datetime) -> Imported:
    enrolled = members.enrol_members(
        program=terms.program,
        external_ids=sorted({order.member for order in orders}),
        now=now,
    )
    accounts = _open_accounts(terms, enrolled, now)
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
    return Imported(
        outcomes=[next(answers) if order.points else None for order in orders],
        members_created=sum(member.created for member in enrolled),
    )


def _open_accounts(
    terms: Terms, enrolled: Sequence[members.Enrolled], now: datetime
) -> dict[str, UUID]:
    """Open accounts in every wallet, as enrolling does; return those of ours."""
    holders = [member.id for member in enrolled]
    accounts: dict[UUID, UUID] = {}
    for wallet in list_wallets(program=terms.program):
        opened = open_accounts(
            wallet=wallet.id, holder_kind=HOLDER_KIND, holders=holders, now=now
        )
        if wallet.id == terms.wallet:
            accounts = opened
    return {member.external_id: accounts[member.id] for member in enrolled}


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
