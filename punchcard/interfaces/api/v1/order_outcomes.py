"""What became of orders, returns and activities that were told, as callers see it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from punchcard.interfaces.api.order_problems import order_problem
from punchcard.interfaces.api.problems import FieldError, Problem
from punchcard.interfaces.api.references import Names
from punchcard.journeys.orders import answers as journeys
from punchcard.ledger.outcomes import Entry

from .bodies import Instant
from .decision_shapes import (
    EarningDecisionAnswer,
    TakingAnswer,
    entry_name,
    render_decision,
)
from .order_shapes import (
    ActivityAnswer,
    Codes,
    OrderAnswer,
    ReturnAnswer,
    render_activity,
    render_order,
    render_return,
)
from .posting import DryRun
from .shapes import Balance, EntryAnswer, render_balance, render_entry
from .translating import in_utc

YEARS = range(1900, 9999)


class Rehearsed(DryRun, frozen=True, kw_only=True):
    """Query of what is judged by rules."""

    at: (
        Annotated[
            Instant,
            Meta(
                description="Of a dry run: as if it happened then, in the future too."
            ),
        ]
        | None
    ) = None


class BalanceAfter(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of an account right after the last of the entries."""

    account: Annotated[str, Meta(examples=["acc_01h455vb4pex5vsknk084sn02q"])]
    balance: Balance


class GivenBackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Points that paid for an order, and went back to the lots they came from."""

    tender: Annotated[int, Meta(description="1 is the first.", examples=[1])]
    points: Annotated[int, Meta(examples=[50])]
    refusal: Annotated[
        str | None,
        Meta(description="Why the ledger gave nothing back: a refusal's code."),
    ]


Taken = Annotated[
    list[TakingAnswer], Meta(description="What was taken back of what was earned.")
]
Shortfall = Annotated[
    int, Meta(description="Points that were spent already and are written off.")
]
Entries = Annotated[
    list[EntryAnswer], Meta(description="What stands in the ledger because of this.")
]


class OrderOutcomeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order that was told, paid, cancelled or reopened."""

    order: OrderAnswer
    decision: Annotated[
        EarningDecisionAnswer | None, Meta(description="Of its last payment.")
    ]
    taken: Taken
    given_back: list[GivenBackAnswer]
    shortfall: Shortfall
    entries: Entries
    balances: list[BalanceAfter]


class ReturnOutcomeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a return."""

    returned: ReturnAnswer = msgspec.field(name="return")
    order: OrderAnswer
    taken: Taken
    given_back: list[GivenBackAnswer]
    shortfall: Shortfall
    deduction: Annotated[
        int,
        Meta(description="What to keep back of the refund for it: minor units."),
    ]
    entries: Entries
    balances: list[BalanceAfter]


class ActivityOutcomeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an activity."""

    activity: ActivityAnswer
    decision: EarningDecisionAnswer | None
    entries: Entries
    balances: list[BalanceAfter]


def rules_at(query: Rehearsed) -> datetime | None:
    """Return by the rules of which instant a dry run is judged; None: of its own.

    Raises:
        Problem: `malformed`; it is no dry run, or of no year that we know.
    """
    if query.at is None:
        return None
    detail = ""
    if not query.dry_run:
        detail = "`at` is of a dry run alone."
    elif query.at.year not in YEARS:
        detail = f"`at` is between {YEARS.start} and {YEARS.stop - 1}."
    if detail:
        wrong = FieldError(code="wrong_value", detail=detail, parameter="at")
        raise Problem("malformed", detail, errors=[wrong])
    return in_utc(query.at)


def order_outcome(told: journeys.OrderAnswer, codes: Codes) -> OrderOutcomeAnswer:
    """Return what became of an order.

    Raises:
        Problem: it is refused.
    """
    if told.order is None:
        raise order_problem(told.refusal)
    return OrderOutcomeAnswer(
        order=render_order(told.order, codes),
        decision=None if told.decision is None else render_decision(told.decision),
        taken=[_taken(one) for one in told.taken],
        given_back=[_given_back(one) for one in told.given_back],
        shortfall=told.shortfall,
        entries=render_entries(told.entries),
        balances=balances_after(told.entries),
    )


def return_outcome(told: journeys.ReturnAnswer, codes: Codes) -> ReturnOutcomeAnswer:
    """Return what became of a return.

    Raises:
        Problem: it is refused.
    """
    if told.returned is None or told.order is None:
        raise order_problem(told.refusal)
    return ReturnOutcomeAnswer(
        returned=render_return(told.returned),
        order=render_order(told.order, codes),
        taken=[_taken(one) for one in told.taken],
        given_back=[_given_back(one) for one in told.given_back],
        shortfall=told.shortfall,
        deduction=told.deduction,
        entries=render_entries(told.entries),
        balances=balances_after(told.entries),
    )


def activity_outcome(
    told: journeys.ActivityAnswer, codes: Codes
) -> ActivityOutcomeAnswer:
    """Return what became of an activity.

    Raises:
        Problem: it is refused.
    """
    if told.activity is None:
        raise order_problem(told.refusal)
    return ActivityOutcomeAnswer(
        activity=render_activity(told.activity, codes),
        decision=None if told.decision is None else render_decision(told.decision),
        entries=render_entries(told.entries),
        balances=balances_after(told.entries),
    )


def render_entries(entries: Iterable[Entry]) -> list[EntryAnswer]:
    """Return entries as callers see them."""
    names = Names()
    return [render_entry(entry, names) for entry in entries]


def balances_after(entries: Iterable[Entry]) -> list[BalanceAfter]:
    """Return the numbers of each account after its last entry, as they came first."""
    last: dict[object, Entry] = {}
    for entry in entries:
        known = last.get(entry.account)
        if known is None or known.sequence < entry.sequence:
            last[entry.account] = entry
    names = Names()
    return [
        BalanceAfter(account=names.account(one.account), balance=render_balance(one))
        for one in last.values()
    ]


def _taken(one: journeys.TakenBack) -> TakingAnswer:
    account, sequence = (None, None) if one.entry is None else one.entry
    return TakingAnswer(
        rule=one.rule,
        of=one.of,
        points=one.points,
        entry=entry_name(account, sequence),
    )


def _given_back(one: journeys.GivenBack) -> GivenBackAnswer:
    return GivenBackAnswer(tender=one.tender, points=one.points, refusal=one.refusal)
