"""Import orders that happened elsewhere: members, accounts and what they earned then.

One batch is one transaction. An interrupted import is posted again from its start:
an order that is there already is answered, not repeated. So is one of which only the
ledger knows, as it was imported before orders were kept: its earn has the order's key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from functools import lru_cache
from uuid import UUID

import msgspec

from punchcard.earning.documents import PerSpend, Rule, Ruleset
from punchcard.kernel.amounts import minor_per_unit
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.ledger.entries import find_keyed
from punchcard.ledger.outcomes import Entry, Outcome
from punchcard.members import operations as members
from punchcard.orders import operations
from punchcard.orders.errors import OrderMalformed, OrderRefused
from punchcard.orders.operations import NewOrder, Recorded
from punchcard.orders.queries import OrderView
from punchcard.programs.queries import get_program, list_wallets

from .configuration.document import Document
from .configuration.in_force import InForce
from .imported import Imported, join_imported
from .open_member_accounts import open_member_accounts
from .orders.awarding import (
    Granting,
    Judged,
    Kept,
    judge_by_rules_of_then,
    keep_awards,
    plan_awards,
)
from .orders.posting import Posting
from .orders.record_orders import find_last_decisions
from .retrying import UNEXPECTED, in_one_transaction

ACTOR = "import"
RULE = "points-per-unit"
NOBODY = UUID(int=0)
KEY_REUSED = "key_reused"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order: whose, when, for how much, and what it earns."""

    external_id: str
    occurred_at: datetime
    member: str
    """External id of the member, who is enrolled if there is none."""
    amount_minor: int
    """Below 0 it is none, and the member still gets an account."""
    points: int | None
    """What it earns at so many points per unit; None: what the rules in force say."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Where the orders go, and when what they earn can be spent.

    Durations are ISO 8601 text; None is the wallet's own.
    """

    program: UUID
    wallet: UUID
    rate: Fraction | None = None
    """Points per whole unit of currency, one rule; None: the rules in force."""
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
    """Enrol the members, open their accounts, record the orders: one transaction.

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
        lambda some: _Importing(terms, now).put(some),
        _unexpected,
        join=join_imported,
        along=along,
    )


def _unexpected(_order: Order) -> Imported:
    # The account is unknown: not even that could be written.
    return Imported(outcomes=[_refused(UNEXPECTED)], members_created=0)


def _refused(code: str, account: UUID = NOBODY, **details: object) -> Outcome:
    return Outcome(account=account, code=code, details=details)


class _Importing:
    """A batch while it is imported, in an open transaction."""

    def __init__(self, terms: Terms, now: datetime) -> None:
        self.terms = terms
        self.now = now
        self.program = get_program(program=terms.program)

    def put(self, orders: Sequence[Order]) -> Imported:
        """Enrol, record and grant; return what became of each order."""
        enrolled = members.enrol_members(
            program=self.program.id,
            external_ids=sorted({order.member for order in orders}),
            now=self.now,
        )
        ids = {member.external_id: member.id for member in enrolled}
        accounts = self._open_accounts(ids)
        refusals = self._refuse_earned_otherwise(orders, accounts)
        told = [
            order
            for place, order in enumerate(orders)
            if place not in refusals and order.amount_minor >= 0
        ]
        recorded = operations.record_orders(
            program=self.program.id,
            orders=[self._new_order(order, ids[order.member]) for order in told],
            now=self.now,
        )
        answers = iter(self._answers(told, recorded, accounts))
        outcomes = [
            refusals[place]
            if place in refusals
            else next(answers)
            if order.amount_minor >= 0
            else None
            for place, order in enumerate(orders)
        ]
        self._audit(outcomes)
        return Imported(
            outcomes=outcomes,
            members_created=sum(member.created for member in enrolled),
        )

    def _open_accounts(self, ids: Mapping[str, UUID]) -> dict[str, UUID]:
        """Open accounts in every wallet; return the chosen one's by member."""
        of_wallets = open_member_accounts(
            wallets=list_wallets(program=self.program.id),
            members=list(ids.values()),
            now=self.now,
        )
        ours = of_wallets[self.terms.wallet]
        return {external_id: ours[member] for external_id, member in ids.items()}

    def _refuse_earned_otherwise(
        self, orders: Sequence[Order], accounts: Mapping[str, UUID]
    ) -> dict[int, Outcome]:
        """Refuse orders whose key has earned before, other points or of other money."""
        names = [
            (accounts[order.member], f"earn:order:{order.external_id}")
            for order in orders
        ]
        entries = find_keyed(names=names)
        return {
            place: _refused(KEY_REUSED, name[0])
            for place, (name, order) in enumerate(zip(names, orders, strict=True))
            if (entry := entries.get(name)) is not None and _differs(entry, order)
        }

    def _new_order(self, order: Order, member: UUID) -> NewOrder:
        return NewOrder(
            external_id=order.external_id,
            member=member,
            occurred_at=order.occurred_at,
            currency=self.program.currency,
            total=order.amount_minor,
        )

    def _answers(
        self,
        told: Sequence[Order],
        recorded: Sequence[Recorded],
        accounts: Mapping[str, UUID],
    ) -> list[Outcome | None]:
        posting = Posting()
        plans = plan_awards(
            program=self.program,
            judged=self._judged(
                [one.order for one in recorded if one.created and one.order]
            ),
            posting=posting,
            actor=ACTOR,
            now=self.now,
            granting=Granting(pending=self.terms.pending, validity=self.terms.validity),
        )
        posting.post(now=self.now)
        kept = keep_awards(
            program=self.program, plans=plans, posting=posting, now=self.now
        )
        known = [
            one.order.id
            for one in recorded
            if one.order and not one.created and one.order.id not in kept
        ]
        points = {
            order: decision.points
            for order, decision in find_last_decisions(
                program=self.program, orders=known
            ).items()
        }
        return [
            _answer(order, one, accounts[order.member], kept, points)
            for order, one in zip(told, recorded, strict=True)
        ]

    def _judged(self, orders: Sequence[OrderView]) -> list[Judged]:
        if self.terms.rate is None:
            return judge_by_rules_of_then(program=self.program, orders=orders)
        wallets = list_wallets(program=self.program.id)
        codes = {wallet.id: wallet.code for wallet in wallets}
        ruleset = rule_per_unit(
            self.terms.rate, self.program.currency, codes[self.terms.wallet]
        )
        force = InForce(version=None, document=Document(earning=ruleset))
        return [Judged(subject=order, force=force) for order in orders]

    def _audit(self, outcomes: Sequence[Outcome | None]) -> None:
        """Write what the audit keeps: a sum, the entries have the rest."""
        points = [
            outcome.entry.amount
            for outcome in outcomes
            if outcome is not None and outcome.entry and not outcome.replayed
        ]
        if self.terms.author is None or not points:
            return
        change = Change(
            action="orders.imported",
            target=typed("wal", self.terms.wallet),
            fields={"orders": len(points), "points": sum(points)},
        )
        record_changes(author=self.terms.author, changes=[change], now=self.now)


@lru_cache(maxsize=100)
def rule_per_unit(rate: Fraction, currency: str, wallet: str) -> Ruleset:
    """Return the one rule of a rate: points for each whole unit of what was paid."""
    earn = PerSpend(
        points=str(rate),
        per=minor_per_unit(currency=currency),
        tax="after",
        whole_steps=True,
    )
    return Ruleset(rules=(Rule(id=RULE, earn=earn, wallet=wallet),))


def _differs(entry: Entry, order: Order) -> bool:
    """Return whether an entry is of another order than this: the same key, misused."""
    noted = msgspec.json.decode(entry.metadata)
    same_amount = noted.get("order_amount", order.amount_minor) == order.amount_minor
    return not same_amount or order.points not in {None, entry.amount}


def _answer(
    order: Order,
    one: Recorded,
    account: UUID,
    kept: Mapping[UUID, Kept],
    known: Mapping[UUID, int],
) -> Outcome | None:
    if one.order is None:
        return _refusal(one.refusal, account)
    if not one.created:
        twin = kept.get(one.order.id)
        points = known.get(one.order.id, 0) if twin is None else twin.decision.points
        if order.points not in {None, points}:
            return _refused(KEY_REUSED, account)
        return Outcome(account=account, replayed=True) if points else None
    made = kept[one.order.id]
    if made.entries:
        # The ledger may have known it before, from an import of then.
        return Outcome(
            account=account, entry=made.entries[0], replayed=made.all_replayed
        )
    refusals = [award.refusal for award in made.decision.awards if award.refusal]
    return _refused(refusals[0], account) if refusals else None


def _refusal(refusal: OrderRefused | None, account: UUID) -> Outcome:
    if isinstance(refusal, OrderMalformed):
        return _refused(refusal.code, account, field=refusal.field, reason=str(refusal))
    return _refused(KEY_REUSED, account)
