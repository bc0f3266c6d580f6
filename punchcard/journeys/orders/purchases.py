"""What rules are told of an order or an activity, and of the member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
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
    facts = iter(
        _read_facts(program, [c.subject for c in cases if id(c.ruleset) in asking])
    )
    found = []
    for case in cases:
        asks = id(case.ruleset) in asking
        known = [next(facts) for _ in _WINDOWS] if asks else []
        subject = case.subject
        bare = (
            bare_purchase(order=subject, places=places)
            if isinstance(subject, OrderView)
            else _of_activity(subject, places)
        )
        found.append(_told(bare, subject, members[subject.member], known))
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


def _told(
    bare: Purchase,
    subject: OrderView | ActivityView,
    member: MemberView,
    known: Sequence[Facts],
) -> Purchase:
    person = member.person
    facts: dict[str, Any] = {
        **bare.facts,
        "member.tags": list(person.tags),
        "member.attributes": person.attributes,
        "member.enrolled_at": member.created_at,
    }
    if known:
        ever, month, year = known
        facts |= {
            "member.orders": ever.orders,
            "member.spent": ever.spent,
            "member.orders_30d": month.orders,
            "member.spent_30d": month.spent,
            "member.orders_365d": year.orders,
            "member.spent_365d": year.spent,
        }
        if ever.last_at is not None:
            facts["member.last_order_at"] = ever.last_at
    is_first = isinstance(subject, OrderView) and bool(known) and not known[0].bought
    return msgspec.structs.replace(
        bare, is_first=is_first, born_on=person.birth_date, facts=facts
    )


def _read_facts(
    program: ProgramView, subjects: Sequence[OrderView | ActivityView]
) -> list[Facts]:
    return read_facts(
        program=program.id,
        wanted=[
            _wanted(program, subject, window)
            for subject in subjects
            for window in _WINDOWS
        ],
    )


def _wanted(
    program: ProgramView, subject: OrderView | ActivityView, window: timedelta | None
) -> FactsWanted:
    at: datetime = subject.occurred_at
    is_order = isinstance(subject, OrderView)
    return FactsWanted(
        member=subject.member,
        currency=program.currency,
        before=at,
        order=subject.id if is_order else None,
        since=None if window is None else at - window,
    )


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
