"""Pay, cancel or reopen orders: grant what is earned, take back what is no longer."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from punchcard.earning.queries import DecisionView
from punchcard.journeys.configuration.in_force import in_force
from punchcard.kernel.audit import Author
from punchcard.ledger.outcomes import Outcome
from punchcard.orders import operations
from punchcard.orders.operations import Move, Moved
from punchcard.orders.queries import find_withheld, get_orders
from punchcard.programs.queries import ProgramView, get_program

from .answers import OrderAnswer
from .auditing import audit, changes_of_orders
from .awarding import (
    Kept,
    actor_of,
    judge_by_rules_of_then,
    keep_awards,
    plan_awards,
)
from .batches import Short, run_batch, without_short
from .errors import JourneyRefused, Unexpected
from .posting import Posting
from .reckoning import Back
from .record_orders import find_last_decisions, refuse_tenders
from .taking_back import TookBack, keep_backs, ledger_policy, plan_backs


def move_orders(
    *,
    program: UUID,
    moves: Sequence[Move],
    now: datetime,
    author: Author | None = None,
    dry_run: bool = False,
) -> list[OrderAnswer]:
    """Pay, cancel or reopen orders: one transaction.

    What is paid earns by the rules in force when the order happened. What is cancelled
    or reopened gives back all that it earned and that is left of it, and the points
    that paid for it return to the lots that they left. An order that stands there
    already is answered so. With `dry_run` all of it is done and then undone.

    Raises:
        TransactionError: a transaction is open already.
        ProgramNotFound: there is no such program.
        OperationalError: (Django's or psycopg's) the database cannot be reached; tell
            the same again to know, and to have it once.
    """

    def work(some: Sequence[Move]) -> list[OrderAnswer]:
        return _move(get_program(program=program), some, now, author)

    def unexpected(_: Move) -> OrderAnswer:
        return OrderAnswer(refusal=Unexpected())

    return without_short(
        moves,
        lambda rest, _: run_batch(rest, work, unexpected, dry_run=dry_run),
        name=lambda move: move.order,
        refuse=lambda refusal: OrderAnswer(refusal=refusal),
    )


def _move(
    program: ProgramView, moves: Sequence[Move], now: datetime, author: Author | None
) -> list[OrderAnswer]:
    refusals = _refuse_tenders(program, moves)
    asked = [move for place, move in enumerate(moves) if place not in refusals]
    moved = operations.move_orders(program=program.id, moves=asked, now=now)
    backs = _backs(program, asked, moved)
    paid = [
        one.order
        for one in moved
        if one.changed and one.order is not None and one.order.status == "paid"
    ]
    posting, actor = Posting(), actor_of(author)
    awards = plan_awards(
        program=program,
        judged=judge_by_rules_of_then(program=program, orders=paid),
        posting=posting,
        actor=actor,
        now=now,
    )
    plans = plan_backs(
        program=program, backs=list(backs.values()), posting=posting, actor=actor
    )
    posting.post(now=now)
    kept = keep_awards(program=program, plans=awards, posting=posting, now=now)
    done = keep_backs(program=program, plans=plans, posting=posting, now=now)
    took = dict(zip(backs, done, strict=True))
    short: dict[Hashable, Outcome] = {
        order: of.short_of for order, of in took.items() if of.short_of
    }
    if short:
        raise Short(short)
    decisions = find_last_decisions(
        program=program,
        orders=[one.order.id for one in moved if one.order is not None],
    )
    answers = iter([_answer(one, kept, took, decisions) for one in moved])
    found = [
        OrderAnswer(refusal=refusals[place]) if place in refusals else next(answers)
        for place in range(len(moves))
    ]
    audit(author, changes_of_orders(found), now)
    return found


def _refuse_tenders(
    program: ProgramView, moves: Sequence[Move]
) -> dict[int, JourneyRefused]:
    if not any(move.tenders for move in moves):
        return {}
    orders = get_orders(program=program.id, orders=[move.order for move in moves])
    return refuse_tenders(
        said=[
            (orders[move.order].member, move.tenders)
            if move.order in orders
            else (move.order, ())
            for move in moves
        ]
    )


def _backs(
    program: ProgramView, moves: Sequence[Move], moved: Sequence[Moved]
) -> dict[UUID, Back]:
    """Return the orders that were paid, and are cancelled or open again now."""
    forces = in_force(program=program.id, instants={move.at for move in moves})
    withheld = find_withheld(
        program=program.id,
        orders=[one.order.id for one in moved if one.order and one.order.returns],
    )
    backs = {}
    for move, one in zip(moves, moved, strict=True):
        if not one.changed or one.before is None or one.order is None:
            continue
        if move.to == "paid" or one.before.status in {"open", "reopened"}:
            continue
        force = forces[move.at]
        backs[one.order.id] = Back(
            order=one.order,
            returned=None,
            reason="cancelled" if move.to == "cancelled" else "reopened",
            at=move.at,
            policy=ledger_policy(force),
            withheld=withheld.get(one.order.id, ()),
        )
    return backs


def _answer(
    one: Moved,
    kept: dict[UUID, Kept],
    took: dict[UUID, TookBack],
    decisions: dict[UUID, DecisionView],
) -> OrderAnswer:
    if one.order is None:
        return OrderAnswer(refusal=one.refusal)
    judged, back = kept.get(one.order.id), took.get(one.order.id)
    entries = () if judged is None else judged.entries
    answer = OrderAnswer(
        order=one.order,
        changed=one.changed,
        decision=decisions.get(one.order.id),
        entries=entries,
    )
    if back is None:
        return answer
    return replace(
        answer,
        taken=back.taken,
        given_back=back.given_back,
        shortfall=back.shortfall,
        entries=(*entries, *back.entries),
    )
