"""What was decided, what was taken back of it, and the entries of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from punchcard.earning.decisions import Reason
from punchcard.earning.queries import DecisionView, TakingView, list_takings
from punchcard.interfaces.api import texts
from punchcard.interfaces.api.references import Names
from punchcard.kernel.ids import typed
from punchcard.ledger.entries import find_entries

from .decision_shapes import TakingAnswer, entry_name
from .shapes import EntryAnswer, render_entry


class TakenBackAnswer(TakingAnswer, frozen=True, kw_only=True):
    """What was taken back of one award, at once, and why."""

    payment: Annotated[
        int, Meta(description="Of the decision that granted it.", examples=[1])
    ]
    award: Annotated[int, Meta(description="Its `n`.", examples=[1])]
    reason: Annotated[Reason, Meta(examples=["returned"])]
    return_: Annotated[
        Annotated[str, texts.type_id("ret")] | None,
        Meta(
            description=(
                "What came back: of this order, or of another one that had counted "
                "towards an achievement."
            )
        ),
    ] = msgspec.field(name="return")
    taken_at: datetime


Takings = Annotated[
    list[TakenBackAnswer],
    Meta(description="All that was taken back of it, as it came."),
]
Entries = Annotated[
    list[EntryAnswer],
    Meta(description="What granted it, and what took it back, in the ledger."),
]


class Earned(msgspec.Struct, frozen=True, kw_only=True):
    """What became of decisions."""

    taken: list[TakenBackAnswer] = []
    entries: list[EntryAnswer] = []


def earned_by(decisions: Sequence[DecisionView]) -> Earned:
    """Return what was taken back of decisions, and all their entries.

    Two statements, or none.
    """
    if not decisions:
        return Earned()
    takings = list_takings(decisions=[one.id for one in decisions])
    payments = {one.id: one.payment for one in decisions}
    return Earned(
        taken=[_taken(one, payments) for one in takings],
        entries=_entries(decisions, takings),
    )


def _entries(
    decisions: Iterable[DecisionView], takings: Iterable[TakingView]
) -> list[EntryAnswer]:
    standing = [
        *((award.account, award.sequence) for one in decisions for award in one.awards),
        *((one.account, one.sequence) for one in takings),
    ]
    # One entry has all that was granted, or taken back, at once in a wallet.
    names = list(
        dict.fromkeys(
            (account, sequence)
            for account, sequence in standing
            if account is not None and sequence is not None
        )
    )
    found = find_entries(names=names)
    called = Names()
    return [render_entry(found[name], called) for name in names]


def _taken(view: TakingView, payments: Mapping[UUID, int]) -> TakenBackAnswer:
    return TakenBackAnswer(
        rule=view.rule,
        of=view.of,
        points=view.points,
        entry=entry_name(view.account, view.sequence),
        payment=payments[view.decision],
        award=view.n,
        reason=view.reason,
        return_=None if view.returned is None else typed("ret", view.returned),
        taken_at=view.taken_at,
    )
