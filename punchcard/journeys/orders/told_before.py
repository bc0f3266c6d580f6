"""What returns took and gave back that were told before: they are answered with it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from punchcard.earning.queries import TakingView, find_takings
from punchcard.journeys.configuration.document import Returns
from punchcard.ledger.entries import find_entries, find_keyed
from punchcard.ledger.outcomes import Entry
from punchcard.orders.queries import OrderView, ReturnView

from .answers import GivenBack, TakenBack
from .taking_back import EntryName, TookBack, refund_key, written_off


def took_before(
    *, returns: Sequence[tuple[ReturnView, OrderView]]
) -> dict[UUID, TookBack]:
    """Return what returns took of what their orders had earned, and what they gave.

    Three statements at most.
    """
    known = {returned.id: (returned, order) for returned, order in returns}
    takings = find_takings(returns=sorted(known))
    entries = find_entries(
        names={name for of in takings.values() for one in of if (name := _name(one))}
    )
    keys = {
        (tender.account, refund_key(returned, tender.n))
        for returned, order in known.values()
        for tender in order.tenders
        if tender.account is not None
    }
    refunds = find_keyed(names=keys)
    return {
        identity: _took(
            takings.get(identity, ()), entries, _given(returned, order, refunds)
        )
        for identity, (returned, order) in known.items()
    }


def deduction_of(*, returned: ReturnView, policy: Returns, shortfall: int) -> int:
    """Return what is kept back of the refund for points that are spent already."""
    if policy.shortfall != "deduct_from_refund" or policy.value is None:
        return 0
    worth = shortfall * policy.value.amount // policy.value.points
    return min(worth, returned.amount)


def _name(taking: TakingView) -> EntryName | None:
    """Return the entry that reversed an award; None: there was none to reverse."""
    if taking.account is None or taking.sequence is None:
        return None
    return (taking.account, taking.sequence)


def _given(
    returned: ReturnView, order: OrderView, refunds: dict[tuple[UUID, str], Entry]
) -> dict[int, Entry]:
    """Return what gave a return's points back, by the number of the tender."""
    return {
        tender.n: refunds[name]
        for tender in order.tenders
        if tender.account is not None
        and (name := (tender.account, refund_key(returned, tender.n))) in refunds
    }


def _took(
    takings: Sequence[TakingView],
    entries: dict[EntryName, Entry],
    given: dict[int, Entry],
) -> TookBack:
    reverses = {
        name: entries[name] for one in takings if (name := _name(one)) is not None
    }
    return TookBack(
        taken=tuple(
            TakenBack(rule=one.rule, of=one.of, points=one.points, entry=_name(one))
            for one in takings
        ),
        given_back=tuple(
            GivenBack(tender=n, points=entry.amount, refusal=None)
            for n, entry in given.items()
        ),
        shortfall=sum(written_off(entry) for entry in reverses.values()),
        entries=(*given.values(), *reverses.values()),
        short_of=None,
    )
