"""Record what came back of orders, and take back exactly what it had earned."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from uuid import UUID

from punchcard.earning.queries import find_takings
from punchcard.journeys.configuration.document import Returns
from punchcard.journeys.configuration.in_force import in_force
from punchcard.journeys.retrying import REFUSED
from punchcard.kernel.audit import Author
from punchcard.kernel.transactions import transaction
from punchcard.ledger.entries import find_entries, find_keyed
from punchcard.ledger.outcomes import Outcome
from punchcard.orders import operations
from punchcard.orders.operations import NewReturn, Returned
from punchcard.orders.queries import ReturnView, find_withheld
from punchcard.programs.queries import ProgramView, get_program

from .answers import GivenBack, ReturnAnswer, TakenBack
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
    refund_key,
    written_off,
)


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
    """Return what returns took that were there before; four statements at most."""
    known = {
        one.returned.id: (one.returned, one.order)
        for one in told
        if one.returned and one.order and not one.created
    }
    takings = find_takings(returns=sorted(known))
    entries = find_entries(
        names={
            (one.account, one.sequence)
            for of in takings.values()
            for one in of
            if one.account is not None and one.sequence is not None
        }
    )
    keys = {
        (tender.account, refund_key(returned, tender.n)): tender.n
        for returned, order in known.values()
        for tender in order.tenders
        if tender.account is not None
    }
    refunds = find_keyed(names=keys)
    found = {}
    for identity, (returned, order) in known.items():
        of = takings.get(identity, ())
        reverses = {
            (one.account, one.sequence): entries[one.account, one.sequence]
            for one in of
            if one.account is not None and one.sequence is not None
        }
        given = {
            tender.n: refunds[name]
            for tender in order.tenders
            if tender.account is not None
            and (name := (tender.account, refund_key(returned, tender.n))) in refunds
        }
        found[identity] = TookBack(
            taken=tuple(
                TakenBack(
                    rule=one.rule,
                    of=one.of,
                    points=one.points,
                    entry=None
                    if one.account is None or one.sequence is None
                    else (one.account, one.sequence),
                )
                for one in of
            ),
            given_back=tuple(
                GivenBack(tender=n, points=entry.amount, refusal=None)
                for n, entry in given.items()
            ),
            shortfall=sum(written_off(entry) for entry in reverses.values()),
            entries=(*given.values(), *reverses.values()),
            short_of=None,
        )
    return found


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
        deduction=_deduction(one.returned, policy, done.shortfall),
        entries=done.entries,
    )


def _deduction(returned: ReturnView, policy: Returns, shortfall: int) -> int:
    """Return what is kept back of the refund for points that are spent already."""
    if policy.shortfall != "deduct_from_refund" or policy.value is None:
        return 0
    worth = shortfall * policy.value.amount // policy.value.points
    return min(worth, returned.amount)
