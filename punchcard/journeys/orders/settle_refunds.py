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
from punchcard.ledger.entries import find_entries, find_keyed
from punchcard.ledger.outcomes import Entry, Outcome
from punchcard.orders import operations
from punchcard.orders.operations import RefundOutcome, RefundSettled
from punchcard.orders.queries import OrderView, ReturnView, find_withheld
from punchcard.programs.queries import ProgramView, get_program

from .answers import ReturnAnswer
from .auditing import audit
from .awarding import actor_of
from .batches import Short, run_batch, without_short
from .errors import Unexpected
from .posting import Posting
from .reckoning import Back
from .taking_back import TookBack, keep_backs, ledger_policy, plan_backs
from .told_before import deduction_of, took_before


def settle_refunds(
    *,
    program: UUID,
    outcomes: Sequence[RefundOutcome],
    now: datetime,
    author: Author | None = None,
    dry_run: bool = False,
) -> list[ReturnAnswer]:
    """Write what became of refunds; take back, or give again: one transaction.

    The same outcome again changes nothing, and is answered with what stands. With
    `dry_run` all of it is done and then undone.

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
    forces = in_force(program=program.id, instants=_instants(outcomes, settled))
    posting, actor = Posting(), actor_of(author)
    backs = _backs(program, outcomes, settled, forces)
    plans = plan_backs(
        program=program, backs=list(backs.values()), posting=posting, actor=actor
    )
    _restore(_failed(settled, changed=True), outcomes, posting, actor)
    posting.post(now=now)
    done = keep_backs(program=program, plans=plans, posting=posting, now=now)
    took = dict(zip(backs, done, strict=True))
    short: dict[Hashable, Outcome] = {
        returned: of.short_of for returned, of in took.items() if of.short_of
    }
    if short:
        raise Short(short)
    standing = took_before(returns=_stood(settled, took)) | took
    restored = _restored(_failed(settled), standing)
    answers = [_answer(one, forces, standing, restored) for one in settled]
    audit(author, _changes(settled), now)
    return answers


def _instants(
    outcomes: Sequence[RefundOutcome], settled: Sequence[RefundSettled]
) -> set[datetime]:
    """Return when refunds ended, and when those returns were that say by then what."""
    ended = {outcome.at for outcome in outcomes}
    return ended | {one.returned.occurred_at for one in settled if one.returned}


def _stood(
    settled: Sequence[RefundSettled], took: dict[UUID, TookBack]
) -> list[tuple[ReturnView, OrderView]]:
    """Return those of which nothing is taken now, but perhaps was before."""
    return [
        (one.returned, one.order)
        for one in settled
        if one.returned and one.order and one.returned.id not in took
    ]


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
        if one.before is not None and one.before.withheld and outcome.succeeded:
            backs[one.returned.id] = Back(
                order=one.order,
                returned=one.returned,
                reason="returned",
                at=outcome.at,
                policy=ledger_policy(forces[outcome.at]),
                withheld=withheld.get(one.order.id, ()),
            )
    return backs


def _failed(
    settled: Sequence[RefundSettled], *, changed: bool = False
) -> list[ReturnView]:
    """Return those whose refunds failed, and of which points were taken at once."""
    return [
        one.returned
        for one in settled
        if one.returned is not None
        and one.returned.refund == "failed"
        and not one.returned.withheld
        and (one.changed or not changed)
    ]


def _restore(
    failed: Sequence[ReturnView],
    outcomes: Sequence[RefundOutcome],
    posting: Posting,
    actor: str,
) -> None:
    """Add to the post what gives points again that were taken for nothing."""
    if not failed:
        return
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
    for one in failed:
        for name in sorted(_names({one.id: takings.get(one.id, ())})):
            if _points_of(reverses[name]):
                posting.add(_adjust(one, reverses[name], earns, at[one.id], actor))


def _restored(
    failed: Sequence[ReturnView], standing: dict[UUID, TookBack]
) -> dict[UUID, tuple[Entry, ...]]:
    """Return the entries that gave points again, now or before; one statement."""
    keys = {
        one.id: [
            (taken.entry[0], _restore_key(one, taken.entry[1]))
            for taken in standing[one.id].taken
            if taken.entry is not None
        ]
        for one in failed
    }
    found = find_keyed(names={name for of in keys.values() for name in of})
    return {
        # Several rules may have been taken back by one reverse.
        returned: tuple(found[name] for name in dict.fromkeys(of) if name in found)
        for returned, of in keys.items()
    }


def _restore_key(returned: ReturnView, reverse: int) -> str:
    return f"refund:{typed('ret', returned.id)}:restore:{reverse}"


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
        key=_restore_key(returned, reverse.sequence),
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
    forces: dict[datetime, InForce],
    standing: dict[UUID, TookBack],
    restored: dict[UUID, tuple[Entry, ...]],
) -> ReturnAnswer:
    if one.returned is None:
        return ReturnAnswer(refusal=one.refusal)
    if one.returned.refund == "failed":
        # Nothing is taken of it in the end: what was is there again.
        entries = restored.get(one.returned.id, ())
        return ReturnAnswer(returned=one.returned, order=one.order, entries=entries)
    done = standing[one.returned.id]
    policy = forces[one.returned.occurred_at].document.returns
    return ReturnAnswer(
        returned=one.returned,
        order=one.order,
        taken=done.taken,
        given_back=done.given_back,
        shortfall=done.shortfall,
        deduction=deduction_of(
            returned=one.returned, policy=policy, shortfall=done.shortfall
        ),
        entries=done.entries,
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
