"""What rules are told of an order or an activity, and of the member.

Note [One purchase is the first]: orders come late, and in any order. If the first one
were the earliest of those that are known, each that comes later and is earlier would be
it too. So it is the first that is judged: while the member is locked, all paid orders
were judged but those of the batch whose turn is still to come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from punchcard.earning.documents import Ruleset
from punchcard.earning.purchases import Purchase, PurchasedLine
from punchcard.members.queries import MemberView
from punchcard.orders.queries import (
    ActivityView,
    Facts,
    FactsWanted,
    LineView,
    OrderView,
    read_facts,
)
from punchcard.programs.queries import ProgramView, find_places

_WINDOWS = (None, timedelta(days=30), timedelta(days=365))
"""In which a member's orders are counted: since ever, and in so many days."""

_END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)


class Known(msgspec.Struct, frozen=True):
    """A member's orders before a case, and all of them."""

    ever: Facts
    month: Facts
    year: Facts
    all: Facts


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """An order or an activity that is judged by some rules."""

    subject: OrderView | ActivityView
    ruleset: Ruleset


def read_purchases(
    *,
    program: ProgramView,
    cases: Sequence[Case],
    members: Mapping[UUID, MemberView],
) -> list[Purchase]:
    """Return what the rules of each case are told; two statements.

    Facts are of before the order, or the activity, as orders stand now: read them when
    the members are locked.
    """
    places = place_codes(program=program.id, of=[case.subject for case in cases])
    asking = _asking_for_facts(cases)
    to_come = Counter(
        case.subject.member for case in cases if isinstance(case.subject, OrderView)
    )
    facts = iter(
        _read_facts(program, [c.subject for c in cases if id(c.ruleset) in asking])
    )
    found = []
    for case in cases:
        subject = case.subject
        asks = id(case.ruleset) in asking
        known = Known(*(next(facts) for _ in Known.__struct_fields__)) if asks else None
        bare = (
            bare_purchase(order=subject, places=places)
            if isinstance(subject, OrderView)
            else _of_activity(subject, places)
        )
        told = _told(bare, members[subject.member], known)
        if isinstance(subject, OrderView):
            # See Note [One purchase is the first].
            left = to_come[subject.member]
            to_come[subject.member] -= 1
            is_first = known is not None and known.all.bought == left
            told = msgspec.structs.replace(told, is_first=is_first)
        found.append(told)
    return found


def bare_purchase(*, order: OrderView, places: Mapping[UUID, str]) -> Purchase:
    """Return what an order says by itself, without what is known of the member."""
    return Purchase(
        occurred_at=order.occurred_at,
        currency=order.currency,
        channel=order.channel or "",
        place="" if order.place is None else places[order.place],
        lines=tuple(_line(line) for line in order.lines),
        tax_included=order.tax_included,
        shipping=order.shipping,
        not_money=order.not_money,
    )


def place_codes(
    *, program: UUID, of: Sequence[OrderView | ActivityView]
) -> dict[UUID, str]:
    """Return the codes of the places where something was; one statement."""
    ids = {one.place for one in of if one.place is not None}
    if not ids:
        return {}
    return {place.id: place.code for place in find_places(program=program, ids=ids)}


def _line(line: LineView) -> PurchasedLine:
    return PurchasedLine(
        n=line.n,
        sku=line.sku or "",
        category=line.category or "",
        brand=line.brand or "",
        quantity=line.quantity,
        gross=line.quantity * line.unit_price,
        discount=line.discount + line.shared_discount,
        tax=line.tax,
    )


def _of_activity(activity: ActivityView, places: Mapping[UUID, str]) -> Purchase:
    return Purchase(
        occurred_at=activity.occurred_at,
        trigger=f"activity:{activity.type}",
        place="" if activity.place is None else places[activity.place],
        facts={"activity.data": activity.facts},
    )


def _told(bare: Purchase, member: MemberView, known: Known | None) -> Purchase:
    person = member.person
    facts: dict[str, Any] = {
        **bare.facts,
        "member.tags": list(person.tags),
        "member.attributes": person.attributes,
        "member.enrolled_at": member.created_at,
    }
    if known is not None:
        facts |= {
            "member.orders": known.ever.orders,
            "member.spent": known.ever.spent,
            "member.orders_30d": known.month.orders,
            "member.spent_30d": known.month.spent,
            "member.orders_365d": known.year.orders,
            "member.spent_365d": known.year.spent,
        }
        if known.ever.last_at is not None:
            facts["member.last_order_at"] = known.ever.last_at
    return msgspec.structs.replace(bare, born_on=person.birth_date, facts=facts)


def _read_facts(
    program: ProgramView, subjects: Sequence[OrderView | ActivityView]
) -> list[Facts]:
    return read_facts(
        program=program.id,
        wanted=[wanted for subject in subjects for wanted in _wanted(program, subject)],
    )


def _wanted(
    program: ProgramView, subject: OrderView | ActivityView
) -> list[FactsWanted]:
    """Return what is asked about a subject's member, as `Known` has it."""
    member, at = subject.member, subject.occurred_at
    before = FactsWanted(
        member=member,
        currency=program.currency,
        before=at,
        order=subject.id if isinstance(subject, OrderView) else None,
    )
    replace = msgspec.structs.replace
    return [
        *(
            replace(before, since=None if window is None else at - window)
            for window in _WINDOWS
        ),
        replace(before, before=_END_OF_TIME, order=None),
    ]


def _asking_for_facts(cases: Sequence[Case]) -> set[int]:
    """Return the rulesets, by `id`, that look at what members bought before."""
    rulesets = {id(case.ruleset): case.ruleset for case in cases}
    return {
        identity
        for identity, ruleset in rulesets.items()
        if any(
            rule.first_purchase or rule.segments or rule.when is not None
            for rule in ruleset.rules
            if rule.active
        )
    }
