"""Record what came back of orders, and take back exactly what it had earned."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from uuid import UUID

from punchcard.journeys.configuration.document import Returns
from punchcard.journeys.configuration.in_force import in_force
from punchcard.journeys.retrying import REFUSED
from punchcard.kernel.audit import Author
from punchcard.kernel.transactions import transaction
from punchcard.ledger.outcomes import Outcome
from punchcard.orders import operations
from punchcard.orders.operations import NewReturn, Returned
from punchcard.orders.queries import find_withheld
from punchcard.programs.queries import ProgramView, get_program

from .answers import ReturnAnswer
from .auditing import audit, changes_of_returns
from .awarding import actor_of
from .batches import Short, in_utc, run_batch, without_short
from .errors import Unexpected
from .posting import Posting
from .reckoning import Back
from .taking_back import (
    NOTHING,
    TookBack,
    deducts,
    keep_backs,
    ledger_policy,
    plan_backs,
)
from .told_before import deduction_of, took_before


def return_orders(
    *,
    program: UUID,
    returns: Sequence[NewReturn],
    now: datetime,
    author: Author | None = None,
    dry_run: bool = False,
    along: Callable[[list[ReturnAnswer]], object] | None = None,
) -> list[ReturnAnswer]:
    """Record returns, and take back exactly what each had earned: one transaction.

    Points that paid for what came back return to the lots that they left. What was
    earned and is spent follows the program's policy of the instant of the return. One
    that is known is answered with what it took. With `dry_run` all of it is done, and
    then undone.

    Raises:
        TransactionError: a transaction is open already.
        ProgramNotFound: there is no such program.
        OperationalError: (Django's or psycopg's) the database cannot be reached; tell
            the same again to know, and to have it once.
    """

    def work(some: Sequence[NewReturn]) -> list[ReturnAnswer]:
        return _return(get_program(program=program), some, now, author)

    def alone(one: NewReturn) -> ReturnAnswer:
        # Its external id became another order's return at this moment: told anew, it
        # is answered.
        try:
            with transaction():
                return work([one])[0]
        except REFUSED:
            return ReturnAnswer(refusal=Unexpected())

    return without_short(
        in_utc(returns),
        lambda rest, go_along: run_batch(
            rest, work, alone, dry_run=dry_run, along=go_along
        ),
        name=lambda one: one.external_id,
        refuse=lambda refusal: ReturnAnswer(refusal=refusal),
        along=along,
    )


def _return(
    program: ProgramView,
    returns: Sequence[NewReturn],
    now: datetime,
    author: Author | None,
) -> list[ReturnAnswer]:
    policies = in_force(
        program=program.id, instants={one.occurred_at for one in returns}
    )
    told = operations.record_returns(
        program=program.id,
        returns=returns,
        now=now,
        withhold={
            one.external_id for one in returns if not deducts(policies[one.occurred_at])
        },
    )
    withheld = find_withheld(
        program=program.id,
        orders=sorted({one.order.id for one in told if one.created and one.order}),
    )
    made: dict[UUID, tuple[Back, Returns]] = {}
    for one, asked in zip(told, returns, strict=True):
        if one.created and one.returned and one.order and not one.returned.withheld:
            force = policies[asked.occurred_at]
            policy = force.document.returns
            back = Back(
                order=one.order,
                returned=one.returned,
                reason="returned",
                at=asked.occurred_at,
                policy=ledger_policy(force),
                withheld=withheld.get(one.order.id, ()),
            )
            made[one.returned.id] = (back, policy)
    posting = Posting()
    plans = plan_backs(
        program=program,
        backs=[back for back, _ in made.values()],
        posting=posting,
        actor=actor_of(author),
    )
    posting.post(now=now)
    took = dict(
        zip(
            made,
            keep_backs(program=program, plans=plans, posting=posting, now=now),
            strict=True,
        )
    )
    _refuse_short([back for back, _ in made.values()], took)
    known = _known(told)
    answers = [
        _answer(one, policies[asked.occurred_at].document.returns, took | known)
        for one, asked in zip(told, returns, strict=True)
    ]
    audit(author, changes_of_returns(answers), now)
    return answers


def _refuse_short(backs: Sequence[Back], took: dict[UUID, TookBack]) -> None:
    short: dict[Hashable, Outcome] = {}
    for back in backs:
        if back.returned is not None:
            of = took[back.returned.id].short_of
            if of is not None:
                short[back.returned.external_id] = of
    if short:
        raise Short(short)


def _known(told: Sequence[Returned]) -> dict[UUID, TookBack]:
    """Return what returns took that were there before; three statements at most."""
    return took_before(
        returns=[
            (one.returned, one.order)
            for one in told
            if one.returned and one.order and not one.created
        ]
    )


def _answer(one: Returned, policy: Returns, took: dict[UUID, TookBack]) -> ReturnAnswer:
    if one.returned is None:
        return ReturnAnswer(refusal=one.refusal)
    done = took.get(one.returned.id, NOTHING)
    return ReturnAnswer(
        returned=one.returned,
        order=one.order,
        created=one.created,
        taken=done.taken,
        given_back=done.given_back,
        shortfall=done.shortfall,
        deduction=deduction_of(
            returned=one.returned, policy=policy, shortfall=done.shortfall
        ),
        entries=done.entries,
    )
