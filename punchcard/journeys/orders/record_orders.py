"""Record orders that happened, and grant what the paid ones earn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from punchcard.earning.queries import DecisionView, find_decisions
from punchcard.kernel.audit import Author
from punchcard.ledger.entries import find_entries
from punchcard.ledger.queries import find_holders
from punchcard.members.queries import find_erasures
from punchcard.orders import operations
from punchcard.orders.operations import Move, NewOrder, NewTender, Recorded
from punchcard.orders.queries import OrderView, find_orders
from punchcard.programs.queries import ProgramView, get_program

from .answers import OrderAnswer
from .auditing import audit, changes_of_orders
from .awarding import Kept, award, judge_by_rules_of_then
from .batches import in_utc, run_batch
from .errors import (
    CurrencyDiffers,
    JourneyRefused,
    MemberGone,
    MemberUnknown,
    TenderEntryNotFound,
    Unexpected,
)

SPENDS = {"redeem", "capture"}


def record_orders(
    *,
    program: UUID,
    orders: Sequence[NewOrder],
    now: datetime,
    author: Author | None = None,
    dry_run: bool = False,
    rules_at: datetime | None = None,
) -> list[OrderAnswer]:
    """Record orders, and grant what the paid ones earn: one transaction.

    Each is judged by the rules in force when it happened, in the order given; one that
    is known is answered as it stands, and paid if it was open and is now told paid.
    With `dry_run` all of it is done and then undone; only then, `rules_at` judges the
    orders as if they happened at that instant, in the future too.

    Raises:
        TransactionError: a transaction is open already.
        ProgramNotFound: there is no such program.
        OperationalError: (Django's or psycopg's) the database cannot be reached; tell
            the same again to know, and to have it once.
    """

    def work(some: Sequence[NewOrder]) -> list[OrderAnswer]:
        return _Recording(program, now, author).record(some)

    if dry_run and rules_at is not None:
        orders = [replace(order, occurred_at=rules_at) for order in orders]
        now = max(now, rules_at)
    return run_batch(
        in_utc(orders),
        work,
        lambda _: OrderAnswer(refusal=Unexpected()),
        dry_run=dry_run,
    )


class _Recording:
    """A batch of orders while it is recorded, in an open transaction."""

    def __init__(self, program: UUID, now: datetime, author: Author | None) -> None:
        self.program = get_program(program=program)
        self.now = now
        self.author = author

    def record(self, orders: Sequence[NewOrder]) -> list[OrderAnswer]:
        refusals = refuse_orders(program=self.program, orders=orders)
        told = [order for place, order in enumerate(orders) if place not in refusals]
        recorded = operations.record_orders(
            program=self.program.id, orders=told, now=self.now
        )
        paid = self._pay_open(told, recorded)
        newly = {
            one.order.id: one.order
            for one in recorded
            if one.created and one.order is not None and one.order.status == "paid"
        }
        orders_paid = [*newly.values(), *paid.values()]
        kept = award(
            program=self.program,
            judged=judge_by_rules_of_then(program=self.program, orders=orders_paid),
            author=self.author,
            now=self.now,
        )
        decisions = find_last_decisions(
            program=self.program,
            orders=[
                one.order.id
                for one in recorded
                if one.order is not None and not one.created
            ],
        )
        answers = iter([_answer(one, paid, kept, decisions) for one in recorded])
        found = [
            OrderAnswer(refusal=refusals[place]) if place in refusals else next(answers)
            for place in range(len(orders))
        ]
        audit(self.author, changes_of_orders(found), self.now)
        return found

    def _pay_open(
        self, told: Sequence[NewOrder], recorded: Sequence[Recorded]
    ) -> dict[UUID, OrderView]:
        """Pay orders that were told when they were placed, and are told paid now."""
        moves = {
            one.order.id: Move(
                order=one.order.id,
                to="paid",
                at=order.occurred_at,
                tenders=order.tenders,
            )
            for order, one in zip(told, recorded, strict=True)
            if one.order is not None
            and one.order.status == "open"
            and order.status == "paid"
        }
        moved = operations.move_orders(
            program=self.program.id, moves=list(moves.values()), now=self.now
        )
        return {
            one.order.id: one.order
            for one in moved
            if one.order is not None and one.changed
        }


def find_last_decisions(
    *, program: ProgramView, orders: Sequence[UUID]
) -> dict[UUID, DecisionView]:
    """Return the decision of each order's last payment, of those that were paid."""
    found = find_decisions(program=program.id, orders=sorted(set(orders)))
    return {order: decisions[-1] for order, decisions in found.items()}


def refuse_orders(
    *, program: ProgramView, orders: Sequence[NewOrder]
) -> dict[int, JourneyRefused]:
    """Return why orders cannot be recorded here, by their places; four statements."""
    known = find_erasures(
        program=program.id, members=[order.member for order in orders]
    )
    gone = [
        order.external_id for order in orders if known.get(order.member) is not None
    ]
    # What was told before they were erased is still answered.
    told_before = find_orders(program=program.id, external_ids=gone)
    refusals: dict[int, JourneyRefused] = {}
    for place, order in enumerate(orders):
        if order.member not in known:
            refusals[place] = MemberUnknown()
        elif order.external_id in gone and order.external_id not in told_before:
            refusals[place] = MemberGone()
        elif order.currency != program.currency:
            refusals[place] = CurrencyDiffers(
                currency=order.currency, program=program.currency
            )
    said = [(order.member, order.tenders) for order in orders]
    return refuse_tenders(said=said) | refusals


def refuse_tenders(
    *, said: Sequence[tuple[UUID, tuple[NewTender, ...]]]
) -> dict[int, JourneyRefused]:
    """Return whose tenders name entries that are no spends of theirs, by their places.

    Two statements, and none where no entries are named.
    """
    named = {
        (tender.account, tender.sequence)
        for _, tenders in said
        for tender in tenders
        if tender.account is not None and tender.sequence is not None
    }
    if not named:
        return {}
    entries = find_entries(names=named)
    holders = find_holders(accounts=sorted({account for account, _ in named}))
    refusals: dict[int, JourneyRefused] = {}
    for place, (member, tenders) in enumerate(said):
        for n, tender in enumerate(tenders):
            if tender.account is None or tender.sequence is None:
                continue
            entry = entries.get((tender.account, tender.sequence))
            holder = holders.get(tender.account)
            ours = holder is not None and holder[1] == member
            if entry is None or entry.type not in SPENDS or not ours:
                refusals.setdefault(place, TenderEntryNotFound(n))
    return refusals


def _answer(
    one: Recorded,
    paid: dict[UUID, OrderView],
    kept: dict[UUID, Kept],
    decisions: dict[UUID, DecisionView],
) -> OrderAnswer:
    if one.order is None:
        return OrderAnswer(refusal=one.refusal)
    order = paid.get(one.order.id, one.order)
    judged = kept.get(order.id)
    return OrderAnswer(
        order=order,
        created=one.created,
        changed=order.id in paid,
        decision=decisions.get(order.id) if judged is None else judged.decision,
        entries=() if judged is None else judged.entries,
    )
