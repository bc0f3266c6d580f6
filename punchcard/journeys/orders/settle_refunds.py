"""Tell what became of refunds: only then is taken back what the return had earned.

What was deducted from a refund was taken back at once. Where that refund failed, the
points are there again: as many as were taken, with the expiry that they had.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime
from uuid import UUID

from punchcard.earning.queries import TakingView, find_takings
from punchcard.journeys.configuration.in_force import InForce, in_force
from punchcard.kernel.audit import Author, Change
from punchcard.kernel.ids import typed
from punchcard.ledger.commands import Adjust
from punchcard.ledger.entries import find_entries
from punchcard.ledger.outcomes import Entry, Outcome
from punchcard.orders import operations
from punchcard.orders.operations import RefundOutcome, RefundSettled
from punchcard.orders.queries import ReturnView, find_withheld
from punchcard.programs.queries import ProgramView, get_program

from .answers import ReturnAnswer
from .auditing import audit
from .awarding import actor_of
from .batches import Short, run_batch, without_short
from .errors import Unexpected
from .posting import Posting
from .reckoning import Back
from .taking_back import NOTHING, TookBack, keep_backs, ledger_policy, plan_backs


def settle_refunds(
    *,
    program: UUID,
    outcomes: Sequence[RefundOutcome],
    now: datetime,
    author: Author | None = None,
    dry_run: bool = False,
) -> list[ReturnAnswer]:
    """Write what became of refunds; take back, or give again: one transaction.

    The same outcome again changes nothing. With `dry_run` all of it is done and then
    undone.

    Raises:
        TransactionError: a transaction is open already.
        ProgramNotFound: there is no such program.
        OperationalError: (Django's or psycopg's) the database cannot be reached; tell
            the same again to know, and to have it once.
    """

    def work(some: Sequence[RefundOutcome]) -> list[ReturnAnswer]:
        return _settle(get_program(program=program), some, now, author)

    def unexpected(_: RefundOutcome) -> ReturnAnswer:
        return ReturnAnswer(refusal=Unexpected())

    return without_short(
        outcomes,
        lambda rest, _: run_batch(rest, work, unexpected, dry_run=dry_run),
        name=lambda one: one.returned,
        refuse=lambda refusal: ReturnAnswer(refusal=refusal),
    )


def _settle(
    program: ProgramView,
    outcomes: Sequence[RefundOutcome],
    now: datetime,
    author: Author | None,
) -> list[ReturnAnswer]:
    settled = operations.settle_refunds(program=program.id, outcomes=outcomes, now=now)
    instants = {outcome.at for outcome in outcomes}
    forces = in_force(program=program.id, instants=instants)
    posting, actor = Posting(), actor_of(author)
    backs = _backs(program, outcomes, settled, forces)
    plans = plan_backs(
        program=program, backs=list(backs.values()), posting=posting, actor=actor
    )
    restored = _restore(_failed(settled), outcomes, posting, actor)
    posting.post(now=now)
    done = keep_backs(program=program, plans=plans, posting=posting, now=now)
    took = dict(zip(backs, done, strict=True))
    short: dict[Hashable, Outcome] = {
        returned: of.short_of for returned, of in took.items() if of.short_of
    }
    if short:
        raise Short(short)
    answers = [_answer(one, took, restored, posting) for one in settled]
    audit(author, _changes(settled), now)
    return answers


def _backs(
    program: ProgramView,
    outcomes: Sequence[RefundOutcome],
    settled: Sequence[RefundSettled],
    forces: dict[datetime, InForce],
) -> dict[UUID, Back]:
    """Return the returns whose refunds have succeeded, and what waited for that."""
    orders = sorted({one.order.id for one in settled if one.order})
    withheld = find_withheld(program=program.id, orders=orders)
    backs = {}
    for outcome, one in zip(outcomes, settled, strict=True):
        if not one.changed or one.returned is None or one.order is None:
            continue
        if one.returned.refund == "succeeded":
            backs[one.returned.id] = Back(
                order=one.order,
                returned=one.returned,
                reason="returned",
                at=outcome.at,
                policy=ledger_policy(forces[outcome.at]),
                withheld=withheld.get(one.order.id, ()),
            )
    return backs


def _failed(settled: Sequence[RefundSettled]) -> list[ReturnView]:
    """Return those whose refunds failed, and of which points were taken at once."""
    return [
        one.returned
        for one in settled
        if one.changed
        and one.returned is not None
        and one.returned.refund == "failed"
        and not one.returned.withheld
    ]


def _restore(
    failed: Sequence[ReturnView],
    outcomes: Sequence[RefundOutcome],
    posting: Posting,
    actor: str,
) -> dict[UUID, list[int]]:
    """Add what gives points again that were taken for nothing; return the places."""
    if not failed:
        return {}
    at = {outcome.returned: outcome.at for outcome in outcomes}
    takings = find_takings(returns=[one.id for one in failed])
    reverses = find_entries(names=_names(takings))
    earns = find_entries(
        names={
            (entry.account, entry.relates_to)
            for entry in reverses.values()
            if entry.relates_to is not None
        }
    )
    places: dict[UUID, list[int]] = {}
    for one in failed:
        places[one.id] = [
            posting.add(_adjust(one, reverses[name], earns, at[one.id], actor))
            for name in sorted(_names({one.id: takings.get(one.id, ())}))
            if _points_of(reverses[name])
        ]
    return places


def _names(takings: dict[UUID, tuple[TakingView, ...]]) -> set[tuple[UUID, int]]:
    return {
        (one.account, one.sequence)
        for of in takings.values()
        for one in of
        if one.account is not None and one.sequence is not None
    }


def _points_of(reverse: Entry) -> int:
    """Return how many points a reverse took: not what had lapsed, nor written off."""
    return -(reverse.available + reverse.pending)


def _adjust(
    returned: ReturnView,
    reverse: Entry,
    earns: dict[tuple[UUID, int], Entry],
    at: datetime,
    actor: str,
) -> Adjust:
    earn = earns[reverse.account, reverse.relates_to or 0]
    expires_at = earn.expires_at
    if expires_at is not None and expires_at <= at:
        # They would have lapsed meanwhile: they live as the wallet says.
        expires_at = None
    return Adjust(
        account=reverse.account,
        points=_points_of(reverse),
        reason="the refund failed for which they were taken",
        key=f"refund:{typed('ret', returned.id)}:restore:{reverse.sequence}",
        expires_at=expires_at,
        source="system",
        reference_type="return",
        reference_id=returned.external_id,
        metadata={"reverse": reverse.sequence},
        at=at,
        actor=actor,
    )


def _answer(
    one: RefundSettled,
    took: dict[UUID, TookBack],
    restored: dict[UUID, list[int]],
    posting: Posting,
) -> ReturnAnswer:
    if one.returned is None:
        return ReturnAnswer(refusal=one.refusal)
    done = took.get(one.returned.id, NOTHING)
    given = [posting.outcome(place) for place in restored.get(one.returned.id, ())]
    entries = [outcome.entry for outcome in given if outcome.entry is not None]
    return ReturnAnswer(
        returned=one.returned,
        order=one.order,
        taken=done.taken,
        given_back=done.given_back,
        shortfall=done.shortfall,
        entries=(*done.entries, *entries),
    )


def _changes(settled: Sequence[RefundSettled]) -> list[Change]:
    return [
        Change(
            action=f"refund.{one.returned.refund}",
            target=typed("ord", one.returned.order),
            fields={"return": typed("ret", one.returned.id)},
        )
        for one in settled
        if one.changed and one.returned is not None
    ]
